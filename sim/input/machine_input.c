/* SPDX-License-Identifier: MIT */
/* Which kind of text is it, and who reads it. */
#include "sim/input/machine_input.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/machine_parameters_load.h"
#include "sim/input/recognise.h"
#include "sim/input/source_file.h"
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
    if (*text == '{' || *text == '[' || strncmp(text, "\xef\xbb\xbf", 3) == 0)
        return INPUT_TOPOLOGY_JSON;
    enum input_kind kind = dump_recognise(source);
    if (kind == INPUT_UNKNOWN && is_synthetic(text))
        return INPUT_SYNTHETIC;
    return kind;
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
    if (strspn(source->text, " \t\r\n") == source->length)
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, DIAGNOSTIC_NO_OFFSET, NULL, "input-empty",
                           "the file is empty");
    else
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, 0, NULL, "input-unknown",
                           "this is no topology: expected JSON, a dump of lspci or a one-line machine");
}

static int load_source(const struct source_text *source, struct machine_input **input,
                       struct text_buffer *content, struct diagnostics *diagnostics)
{
    struct topology *topology = NULL;
    int status = STATUS_BAD_INPUT;
    switch (input_recognise(source)) {
    case INPUT_TOPOLOGY_JSON:
        return load_json(source, input, content, diagnostics);
    case INPUT_SYNTHETIC:
        topology = synthetic_parse(source->name, source->text, diagnostics);
        break;
    case INPUT_LSPCI_HEX:
    case INPUT_LSPCI_TEXT:
    case INPUT_KERNEL_LOG:
    case INPUT_GROUP_LIST:
        status = dump_import(source, &topology, diagnostics);
        break;
    case INPUT_UNKNOWN:
        report_unknown(source, diagnostics);
        break;
    }
    return topology ? load_plain(topology, input, source->name, diagnostics) : status;
}

/* XXH3-128 of the file and of the preset files it names, in the order of reading. */
static const char *hash_content(struct arena *arena, const struct text_buffer *content)
{
    XXH128_hash_t hash = XXH3_128bits(text_buffer_get(content), content->length);
    return arena_format(arena, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
}

/* Hand a machine over, or free what there is of it. */
static int finish(int status, struct machine_input *loaded, struct text_buffer *content,
                  struct machine_input **input)
{
    if (status == STATUS_OK && loaded) {
        loaded->input_hash = hash_content(loaded->topology->arena, content);
        *input = loaded;
    } else {
        machine_input_free(loaded);
    }
    text_buffer_fini(content);
    return status;
}

int machine_input_load_source(const struct source_text *source, struct machine_input **input,
                              struct diagnostics *diagnostics)
{
    struct machine_input *loaded = NULL;
    struct text_buffer content = {0};
    text_buffer_append(&content, source->text, source->length);
    int status = load_source(source, &loaded, &content, diagnostics);
    return finish(status, loaded, &content, input);
}

int machine_input_load_document(const struct json_document *document, const char *path,
                                struct machine_input **input, struct diagnostics *diagnostics)
{
    struct machine_input *loaded = NULL;
    struct text_buffer content = {0};
    text_buffer_append(&content, document->source->text, document->source->length);
    int status = load_document(document, path, &loaded, &content, diagnostics);
    return finish(status, loaded, &content, input);
}

int machine_input_load(const char *path, struct machine_input **input, struct diagnostics *diagnostics)
{
    static const char prefix[] = "synthetic:";
    if (strncmp(path, prefix, strlen(prefix)) == 0) {
        const char *text = path + strlen(prefix);
        struct machine_input *loaded = NULL;
        struct text_buffer content = {0};
        struct topology *topology = synthetic_parse("<synthetic>", text, diagnostics);
        text_buffer_add(&content, text);
        int status = topology ? load_plain(topology, &loaded, path, diagnostics) : STATUS_BAD_INPUT;
        return finish(status, loaded, &content, input);
    }
    struct source_text source;
    int status = source_file_read(path, &source, diagnostics);
    if (status < 0)
        return status;
    status = machine_input_load_source(&source, input, diagnostics);
    source_file_fini(&source);
    return status;
}

void machine_input_free(struct machine_input *input)
{
    if (input)
        topology_free(input->topology);
}
