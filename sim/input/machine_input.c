/* SPDX-License-Identifier: MIT */
/* Which kind of text is it, and who reads it. */
#include "sim/input/machine_input.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/file_tree.h"
#include "sim/input/input_file.h"
#include "sim/input/lspci_forms.h"
#include "sim/input/machine_parameters_load.h"
#include "sim/input/recognise.h"
#include "sim/topology/synthetic.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Does the text begin like a one-line machine (synthetic.h)? */
static bool is_synthetic(const char *text)
{
    static const char *const words[] = {"bus",   "rp",   "up",  "dp",        "ep",       "lep",
                                        "rciep", "rcec", "pci", "pcibridge", "pcie2pci", "pci2pcie"};
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strcspn(text, "*@[( \t\r\n|=");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i]) == length && strncmp(words[i], text, length) == 0)
            return true;
    }
    return false;
}

enum input_kind input_recognise(const struct source_text *source)
{
    const char *text = source->text;
    while (isspace((unsigned char)*text))
        text++;
    if (*text == '{' || strncmp(text, "\xef\xbb\xbf", 3) == 0)
        return INPUT_TOPOLOGY_JSON;
    enum input_kind kind = dump_recognise(source);
    if (kind == INPUT_UNKNOWN && *text == '[') /* not the time stamp of a kernel log */
        return INPUT_TOPOLOGY_JSON;
    if (kind == INPUT_UNKNOWN && is_synthetic(text))
        return INPUT_SYNTHETIC;
    return kind;
}

enum input_kind input_file_kind(const struct input_file *file)
{
    if (file->tree)
        return INPUT_FILE_TREE;
    return file->one_line ? INPUT_SYNTHETIC : input_recognise(&file->text);
}

static struct machine_input *input_new(struct topology *topology)
{
    struct machine_input *input = arena_alloc(topology->arena, sizeof(*input));
    input->topology = topology;
    return input;
}

static int load_document(const struct json_document *document, const char *path, struct machine_input **input,
                         struct text_buffer *content, struct diagnostics *diagnostics)
{
    struct parameter_override *overrides = NULL;
    size_t override_count = 0;
    struct topology *topology = topology_read(document, &overrides, &override_count);
    if (!topology) {
        machine_parameters_check(document, path);
        return STATUS_BAD_INPUT;
    }
    *input = input_new(topology);
    int status =
        machine_parameters_load(*input, document, overrides, override_count, path, content, diagnostics);
    free(overrides);
    return status;
}

static int load_json(const struct source_text *source, struct machine_input **input,
                     struct text_buffer *content, struct diagnostics *diagnostics)
{
    struct json_document document;
    int status = json_document_init(&document, source, diagnostics);
    if (status < 0)
        return status;
    status = load_document(&document, source->name, input, content, diagnostics);
    json_document_fini(&document);
    return status;
}

/* Dumps and one-line machines say nothing about time: presets alone. */
static int load_plain(struct topology *topology, struct machine_input **input, const char *path,
                      struct diagnostics *diagnostics)
{
    *input = input_new(topology);
    return machine_parameters_load(*input, NULL, NULL, 0, path, NULL, diagnostics);
}

static void report_unknown(const struct source_text *source, struct diagnostics *diagnostics)
{
    size_t offset;
    const char *form = lspci_unread_form(source, &offset);
    if (form)
        diagnostics_report(
            diagnostics, DIAGNOSTIC_ERROR, source, offset, NULL, "lspci-form",
            "this is the output of %s, which tells no capabilities and is not read; expected the output of "
            "sudo lspci -D -nn -vvv",
            form);
    else if (strspn(source->text, " \t\r\n") == source->length)
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, DIAGNOSTIC_NO_OFFSET, NULL, "input-empty",
                           "the file is empty");
    else
        diagnostics_report(
            diagnostics, DIAGNOSTIC_ERROR, source, 0, NULL, "input-unknown",
            "this is no topology: expected JSON, a one-line machine or a dump: the output of lspci, "
            "a kernel log, a listing of IOMMU groups, hwloc's XML or a copy of /sys");
}

/* Texts that cannot be one of several. */
static bool check_mergeable(const struct input_file *file, struct diagnostics *diagnostics)
{
    enum input_kind kind = input_file_kind(file);
    if (kind == INPUT_UNKNOWN) {
        report_unknown(&file->text, diagnostics);
        return false;
    }
    if (kind != INPUT_TOPOLOGY_JSON && kind != INPUT_SYNTHETIC)
        return true;
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &file->text, DIAGNOSTIC_NO_OFFSET, NULL, "input-merge",
                       "%s states the whole machine and cannot be merged with other files; only dumps can",
                       kind == INPUT_SYNTHETIC ? "a one-line machine" : "a topology file");
    return false;
}

static int load_dumps(const struct machine_source *source, struct machine_input **input,
                      struct diagnostics *diagnostics)
{
    struct topology *topology = NULL;
    bool good = true;
    for (size_t i = 0; i < source->count && source->count > 1; i++)
        good &= check_mergeable(&source->files[i], diagnostics);
    int status =
        good ? dump_import_files(source->files, source->count, &topology, diagnostics) : STATUS_BAD_INPUT;
    return topology ? load_plain(topology, input, source->files[0].path, diagnostics) : status;
}

static int load_source(const struct machine_source *source, struct machine_input **input,
                       struct text_buffer *content, struct diagnostics *diagnostics)
{
    if (source->count > 1)
        return load_dumps(source, input, diagnostics);
    struct topology *topology = NULL;
    const struct input_file *file = &source->files[0];
    switch (input_file_kind(file)) {
    case INPUT_TOPOLOGY_JSON:
        return load_json(&file->text, input, content, diagnostics);
    case INPUT_SYNTHETIC:
        topology = synthetic_parse(file->text.name, file->text.text, diagnostics);
        break;
    case INPUT_LSPCI_HEX:
    case INPUT_LSPCI_TEXT:
    case INPUT_KERNEL_LOG:
    case INPUT_GROUP_LIST:
    case INPUT_HWLOC:
    case INPUT_FILE_TREE:
        return load_dumps(source, input, diagnostics);
    case INPUT_UNKNOWN:
        report_unknown(&file->text, diagnostics);
        break;
    }
    return topology ? load_plain(topology, input, file->path, diagnostics) : STATUS_BAD_INPUT;
}

/* XXH3-128 of the file and of the preset files it names, in the order of reading. */
static const char *hash_content(struct arena *arena, const struct text_buffer *content)
{
    XXH128_hash_t hash = XXH3_128bits(text_buffer_get(content), content->length);
    return arena_format(arena, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
}

/* Hand a machine over, or free what there is of it. */
static int finish(int status, struct machine_input *loaded, struct text_buffer *content,
                  const struct source_text *source, struct machine_input **input)
{
    if (status == STATUS_OK && loaded) {
        loaded->places = function_places_find(loaded->topology, source);
        loaded->input_hash = hash_content(loaded->topology->arena, content);
        *input = loaded;
    } else {
        machine_input_free(loaded);
    }
    text_buffer_fini(content);
    return status;
}

/* What the hash of the input is made of. */
static void append_content(const struct input_file *file, struct text_buffer *content)
{
    text_buffer_append(content, file->text.text ? file->text.text : "", file->text.length);
    for (size_t i = 0; file->tree && i < file->tree->count; i++) {
        const struct file_entry *entry = &file->tree->entries[i];
        text_buffer_add(content, entry->path);
        text_buffer_append(content, entry->text.text, entry->text.length + 1); /* with its NUL, as an end */
    }
}

int machine_input_load_read(const struct machine_source *source, struct machine_input **input,
                            struct diagnostics *diagnostics)
{
    struct machine_input *loaded = NULL;
    struct text_buffer content = {0};
    for (size_t i = 0; i < source->count; i++)
        append_content(&source->files[i], &content);
    int status = load_source(source, &loaded, &content, diagnostics);
    return finish(status, loaded, &content, &source->files[0].text, input);
}

int machine_input_load_source(const struct source_text *text, struct machine_input **input,
                              struct diagnostics *diagnostics)
{
    struct input_file file = {.path = text->name, .text = *text};
    struct machine_source source = {&file, 1};
    return machine_input_load_read(&source, input, diagnostics);
}

int machine_input_load_document(const struct json_document *document, const char *path,
                                struct machine_input **input, struct diagnostics *diagnostics)
{
    struct machine_input *loaded = NULL;
    struct text_buffer content = {0};
    text_buffer_append(&content, document->source->text, document->source->length);
    int status = load_document(document, path, &loaded, &content, diagnostics);
    return finish(status, loaded, &content, document->source, input);
}

int machine_source_read(const struct machine_files *files, struct machine_source *source,
                        struct diagnostics *diagnostics)
{
    struct machine_source read = {memory_array(files->count, sizeof(*read.files)), 0};
    int status = STATUS_OK;
    for (size_t i = 0; i < files->count; i++) {
        int here = input_file_read(files->paths[i], &read.files[read.count], diagnostics);
        read.count += here == STATUS_OK;
        if (status == STATUS_OK)
            status = here;
    }
    if (status == STATUS_OK)
        *source = read;
    else
        machine_source_fini(&read);
    return status;
}

void machine_source_fini(struct machine_source *source)
{
    for (size_t i = 0; i < source->count; i++)
        input_file_fini(&source->files[i]);
    free(source->files);
    *source = (struct machine_source){0};
}

const struct source_text *machine_source_document(const struct machine_source *source)
{
    const struct input_file *file = &source->files[0];
    return source->count == 1 && input_file_kind(file) == INPUT_TOPOLOGY_JSON ? &file->text : NULL;
}

int machine_input_load_files(const struct machine_files *files, struct machine_input **input,
                             struct diagnostics *diagnostics)
{
    struct machine_source source = {0};
    int status = machine_source_read(files, &source, diagnostics);
    if (status != STATUS_OK)
        return status;
    status = machine_input_load_read(&source, input, diagnostics);
    machine_source_fini(&source);
    return status;
}

int machine_input_load(const char *path, struct machine_input **input, struct diagnostics *diagnostics)
{
    return machine_input_load_files(&(struct machine_files){&path, 1}, input, diagnostics);
}

void machine_input_free(struct machine_input *input)
{
    if (input)
        topology_free(input->topology);
}
