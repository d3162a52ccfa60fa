/* SPDX-License-Identifier: MIT */
/* Parameters of a loaded machine, as far as presets do not give them anyway. The machine's own values are
 * known from the origins, whose pointers say where each belongs. */
#include "sim/input/topology_writer.h"

#include "sim/input/function_registers.h"
#include "sim/input/json_layout.h"
#include "sim/input/parameter_set.h"

#include <stdio.h>
#include <string.h>

static const struct parameter_origin *find_origin(const struct machine_input *input, const char *pointer)
{
    for (uint32_t i = 0; i < input->origin_count; i++) {
        if (strcmp(input->origins[i].pointer, pointer) == 0)
            return &input->origins[i];
    }
    return NULL;
}

/* JSON text of a value, with its source where it is not the file's own word. */
static void append_value(struct text_buffer *out, const struct field *field,
                         const struct parameter_origin *origin)
{
    struct text_buffer value = {0};
    if (field_is_text(field, origin->value))
        text_buffer_json_string(&value, origin->value);
    else
        text_buffer_add(&value, origin->value);
    if (strcmp(origin->source, "stated in the file") == 0) {
        text_buffer_add(out, value.text);
    } else {
        text_buffer_format(out, "{\"value\": %s, \"source\": ", value.text);
        text_buffer_json_string(out, origin->source);
        text_buffer_add(out, "}");
    }
    text_buffer_fini(&value);
}

/* Do the presets in force give a value anyway? */
static bool is_implied(const struct machine_input *input, const char *from, const char *kind)
{
    if (strcmp(from, "default") == 0 || strcmp(from, kind) == 0)
        return true;
    for (uint32_t i = 0; i < input->preset_count; i++) {
        if (strcmp(from, input->presets[i]) == 0)
            return true;
    }
    return false;
}

/* All fields of a table at `owner` that come from elsewhere than the presets in force. */
static void write_stated(struct json_layout *layout, const struct machine_input *input, const char *key,
                         const struct field_table *table, const char *owner, const char *kind)
{
    bool open = false;
    for (size_t i = 0; i < table->count; i++) {
        char pointer[160];
        snprintf(pointer, sizeof(pointer), "%s/%s", owner, table->fields[i].name);
        const struct parameter_origin *origin = find_origin(input, pointer);
        if (!origin || is_implied(input, origin->from, kind))
            continue;
        if (!open)
            layout_open(layout, key, '{');
        open = true;
        struct text_buffer text = {0};
        append_value(&text, &table->fields[i], origin);
        layout_raw(layout, table->fields[i].name, text.text);
        text_buffer_fini(&text);
    }
    if (open)
        layout_close(layout, '}', false);
}

void write_unit_parameters(struct json_layout *layout, const struct machine_input *input, uint32_t unit_id)
{
    char owner[64];
    snprintf(owner, sizeof(owner), "/iommus/%u/parameters", unit_id);
    write_stated(layout, input, "parameters", &iommu_fields, owner,
                 iommu_kind_names[input->topology->units[unit_id].kind]);
}

void write_machine_parameters(struct json_layout *layout, const struct machine_input *input)
{
    if (input->preset_count) {
        layout_open(layout, "preset", '[');
        for (uint32_t i = 0; i < input->preset_count; i++)
            layout_string(layout, NULL, input->presets[i]);
        layout_close(layout, ']', false);
    }
    bool open = false;
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        const struct field_table *table = parameter_table(section);
        char owner[64];
        bool any = false;
        snprintf(owner, sizeof(owner), "/parameters/%s", table->name);
        for (uint32_t i = 0; i < input->origin_count && !any; i++)
            any = strncmp(input->origins[i].pointer, owner, strlen(owner)) == 0 &&
                  !is_implied(input, input->origins[i].from, "default");
        if (!any)
            continue;
        if (!open)
            layout_open(layout, "parameters", '{');
        open = true;
        write_stated(layout, input, table->name, table, owner, "default");
    }
    if (open)
        layout_close(layout, '}', true);
}

/* Does a value differ from the machine's? */
static bool differs(const struct machine_input *input, const struct field_table *table,
                    const struct field *field, const void *parameters, char text[FIELD_TEXT_SIZE])
{
    char pointer[160];
    snprintf(pointer, sizeof(pointer), "/parameters/%s/%s", table->name, field->name);
    const struct parameter_origin *origin = find_origin(input, pointer);
    field_print(text, FIELD_TEXT_SIZE, field, parameters);
    return !origin || strcmp(origin->value, text) != 0;
}

/* Does a value at @p owner follow from the registers that are written down beside it? */
static bool follows_from_registers(const struct machine_input *input, const char *owner, const char *section,
                                   const struct field *field)
{
    char pointer[300];
    if (!owner)
        return false;
    snprintf(pointer, sizeof(pointer), "%s/%s/%s", owner, section, field->name);
    const struct parameter_origin *origin = find_origin(input, pointer);
    return origin && strcmp(origin->from, REGISTERS_FROM) == 0;
}

void append_own_parameters(struct text_buffer *out, const struct machine_input *input, const char *section,
                           const char *owner, const void *parameters)
{
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        const struct field_table *table = parameter_table(i);
        if (strcmp(table->name, section) != 0)
            continue;
        for (size_t j = 0; j < table->count; j++) {
            char text[FIELD_TEXT_SIZE];
            const struct field *field = &table->fields[j];
            if (!differs(input, table, field, parameters, text) ||
                follows_from_registers(input, owner, section, field))
                continue;
            const char *quote = field_is_text(field, text) ? "\"" : "";
            text_buffer_format(out, "%s\"%s\": %s%s%s", out->length > 1 ? ", " : "", field->name, quote, text,
                               quote);
        }
    }
}

void write_own_parameters(struct json_layout *layout, const struct machine_input *input, const char *key,
                          const char *owner, const void *parameters)
{
    struct text_buffer text = {0};
    text_buffer_add(&text, "{");
    append_own_parameters(&text, input, key, owner, parameters);
    text_buffer_add(&text, "}");
    if (text.length > 2)
        layout_raw(layout, key, text.text);
    text_buffer_fini(&text);
}
