/* SPDX-License-Identifier: MIT */
#include "sim/input/preset.h"

#include "sim/base/arena.h"
#include "sim/base/embedded.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/source_file.h"
#include "sim/input/topology_keys.h"

#include <stdlib.h>
#include <string.h>

static const char folder[] = "topologies/presets/";
static const char suffix[] = ".json";
enum { PRESETS_MAX = 64, NAME_MAX_LENGTH = 48 };

static bool is_path(const char *name)
{
    size_t length = strlen(name);
    return strchr(name, '/') ||
           (length > strlen(suffix) && strcmp(name + length - strlen(suffix), suffix) == 0);
}

/* Length of the preset name in a carried file's path, 0 where it is no preset. */
static size_t name_length(const char *path)
{
    size_t length = strlen(path), around = strlen(folder) + strlen(suffix);
    if (strncmp(path, folder, strlen(folder)) != 0 || length <= around)
        return 0;
    return length - around;
}

static const struct embedded_file *find(const char *name)
{
    for (const struct embedded_file *file = embedded_files(); file->path; file++) {
        size_t length = name_length(file->path);
        if (length && length == strlen(name) && strncmp(file->path + strlen(folder), name, length) == 0)
            return file;
    }
    return NULL;
}

bool preset_is_carried(const char *name)
{
    return !is_path(name) && find(name);
}

bool preset_is_known(const char *name)
{
    return is_path(name) || find(name);
}

char *preset_nearest(const char *name)
{
    char names[PRESETS_MAX][NAME_MAX_LENGTH];
    const char *list[PRESETS_MAX];
    size_t count = 0;
    for (const struct embedded_file *file = embedded_files(); file->path && count < PRESETS_MAX; file++) {
        size_t length = name_length(file->path);
        if (length == 0 || length >= NAME_MAX_LENGTH)
            continue;
        memcpy(names[count], file->path + strlen(folder), length);
        names[count][length] = '\0';
        list[count] = names[count];
        count++;
    }
    const char *near = nearest_name(name, list, count, sizeof(list[0]));
    return near ? memory_string(near) : NULL;
}

/* The path of a preset file that another file names. */
static char *beside_path(const char *name, const char *beside)
{
    const char *slash = beside ? strrchr(beside, '/') : NULL;
    struct text_buffer path = {0};
    if (name[0] != '/' && slash)
        text_buffer_append(&path, beside, (size_t)(slash - beside) + 1);
    text_buffer_add(&path, name);
    return path.text;
}

int preset_apply_source(struct parameter_set *set, const struct source_text *source, const char *from,
                        struct arena *arena, struct diagnostics *diagnostics)
{
    struct json_document document;
    unsigned errors = diagnostics_errors(diagnostics);
    int status = json_document_init(&document, source, diagnostics);
    if (status < 0)
        return status;
    struct json_node root = json_root(&document);
    if (json_expect_object(&root)) {
        const char *text = "";
        struct json_node format = json_member(&root, "format");
        json_check_table(&root, &preset_keys);
        if (json_require(&root, "format", "\"iommusim-preset/1\"") &&
            json_get_string(&root, "format", &text) && strcmp(text, "iommusim-preset/1") != 0)
            json_error(&format, "preset-format", "a preset's format is \"iommusim-preset/1\", found \"%s\"",
                       text);
        json_get_string(&root, "name", &text);
        json_get_string(&root, "summary", &text);
        const struct field_context context = {arena, arena_string(arena, from), true};
        if (json_require(&root, "parameters", "the sections of parameters")) {
            struct json_node parameters = json_member(&root, "parameters");
            parameter_set_load(&parameters, set, &context);
        }
    }
    json_document_fini(&document);
    return diagnostics_errors(diagnostics) == errors ? STATUS_OK : STATUS_BAD_INPUT;
}

int preset_apply(struct parameter_set *set, const char *name, const char *beside, struct arena *arena,
                 struct text_buffer *content, struct diagnostics *diagnostics)
{
    struct source_text source;
    if (!is_path(name)) {
        const struct embedded_file *file = find(name);
        if (!file) {
            diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL,
                               "preset-unknown", "unknown preset \"%s\"", name);
            return STATUS_BAD_INPUT;
        }
        source = (struct source_text){file->path, file->text, (size_t)(file->end - file->text) - 1};
        return preset_apply_source(set, &source, name, arena, diagnostics);
    }
    char *path = beside_path(name, beside);
    int status = source_file_read(path, &source, diagnostics);
    if (status == STATUS_OK) {
        if (content)
            text_buffer_append(content, source.text, source.length);
        status = preset_apply_source(set, &source, path, arena, diagnostics);
        source_file_fini(&source);
    }
    free(path);
    return status;
}
