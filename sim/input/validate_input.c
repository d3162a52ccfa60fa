/* SPDX-License-Identifier: MIT */
#include "sim/input/validate_input.h"

#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/input/input_file.h"
#include "sim/input/json_reader.h"
#include "sim/input/machine_input.h"
#include "sim/input/preset.h"
#include "sim/input/validate_scenario.h"

#include <stdlib.h>
#include <string.h>

static int validate_file(struct input_file *file, struct text_buffer *summary,
                         struct diagnostics *diagnostics)
{
    struct machine_input *input = NULL;
    int status = machine_input_load_read(&(struct machine_source){file, 1}, &input, diagnostics);
    if (status < 0)
        return status;
    const struct topology *topology = input->topology;
    text_buffer_format(summary, "%u function%s on %u bus%s", topology->function_count,
                       topology->function_count == 1 ? "" : "s", topology->bus_count,
                       topology->bus_count == 1 ? "" : "es");
    if (topology->units_known)
        text_buffer_format(summary, ", %u remapping unit%s", topology->unit_count,
                           topology->unit_count == 1 ? "" : "s");
    machine_input_free(input);
    return STATUS_OK;
}

static int validate_machine(const struct source_text *source, struct text_buffer *summary,
                            struct diagnostics *diagnostics)
{
    struct input_file file = {.path = source->name, .text = *source};
    return validate_file(&file, summary, diagnostics);
}

static int validate_preset(const struct source_text *source, struct text_buffer *summary,
                           struct diagnostics *diagnostics)
{
    struct arena *arena = arena_new();
    struct parameter_set *set = memory_alloc(sizeof(*set));
    unsigned values = 0;
    int status = preset_apply(set, "default", NULL, arena, NULL, diagnostics); /* it is never alone */
    if (status == STATUS_OK)
        status = preset_apply_source(set, source, source->name, arena, diagnostics);
    for (enum parameter_section section = 0; section < SECTION_COUNT; section++) {
        const struct parameter_values *given =
            section == SECTION_IOMMU ? &set->iommu[IOMMU_NONE] : &set->sections[section];
        for (size_t i = 0; i < parameter_table(section)->count; i++)
            values += given->origins[i].from && strcmp(given->origins[i].from, source->name) == 0;
    }
    text_buffer_format(summary, "%u parameter%s", values, values == 1 ? "" : "s");
    free(set);
    arena_free(arena);
    return status;
}

static const struct input_format {
    const char *format, *kind;
    int (*validate)(const struct source_text *source, struct text_buffer *summary,
                    struct diagnostics *diagnostics);
} formats[] = {
    {"iommusim-topology/1", "topology", validate_machine},
    {"iommusim-preset/1", "preset", validate_preset},
    {"iommusim-workload/1", "workload", validate_workload},
    {"iommusim-scenario/1", "scenario", validate_scenario},
    {"iommusim-study/1", "study", validate_study},
    {"iommusim-check/1", "suite", validate_suite},
    {"iommusim-world/1", "world", validate_world},
};

enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

/* The row of a JSON document's "format", or NULL after a diagnostic. */
static const struct input_format *find_format(const struct source_text *source,
                                              struct diagnostics *diagnostics)
{
    struct json_document document;
    const struct input_format *found = NULL;
    if (json_document_init(&document, source, diagnostics) < 0)
        return NULL;
    struct json_node root = json_root(&document);
    const char *text = NULL;
    if (json_expect_object(&root) && json_require(&root, "format", "what kind of input this is") &&
        json_get_string(&root, "format", &text)) {
        for (size_t i = 0; i < FORMATS && !found; i++) {
            if (strcmp(formats[i].format, text) == 0)
                found = &formats[i];
        }
        const char *near = nearest_name(text, formats, FORMATS, sizeof(formats[0]));
        struct json_node format = json_member(&root, "format");
        if (!found)
            json_error(&format, "input-format", "unknown format \"%s\"%s%s%s", text,
                       near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    json_document_fini(&document);
    return found;
}

int validate_input(const char *path, const char **kind, struct text_buffer *summary,
                   struct diagnostics *diagnostics)
{
    struct input_file file;
    *kind = "unknown";
    int status = input_file_read(path, &file, diagnostics);
    if (status < 0)
        return status;
    switch (input_file_kind(&file)) {
    case INPUT_TOPOLOGY_JSON: {
        const struct input_format *format = find_format(&file.text, diagnostics);
        status = STATUS_BAD_INPUT;
        if (format) {
            *kind = format->kind;
            status = format->validate(&file.text, summary, diagnostics);
        }
        break;
    }
    case INPUT_LSPCI_HEX:
    case INPUT_LSPCI_TEXT:
    case INPUT_KERNEL_LOG:
    case INPUT_GROUP_LIST:
    case INPUT_HWLOC:
    case INPUT_FILE_TREE:
        *kind = "dump";
        status = validate_file(&file, summary, diagnostics);
        break;
    case INPUT_SYNTHETIC:
        *kind = "one-line machine";
        status = validate_file(&file, summary, diagnostics);
        break;
    case INPUT_UNKNOWN:
        status = validate_file(&file, summary, diagnostics);
        break;
    }
    input_file_fini(&file);
    return status;
}
