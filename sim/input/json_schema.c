/* SPDX-License-Identifier: MIT */
#include "sim/input/json_schema.h"

#include "sim/input/function_registers.h"
#include "sim/input/json_layout.h"
#include "sim/input/parameter_set.h"
#include "sim/input/scenario.h"
#include "sim/input/check_keys.h"
#include "sim/input/study_keys.h"
#include "sim/input/topology_keys.h"
#include "sim/input/workload_keys.h"
#include "sim/input/world_keys.h"

#include <inttypes.h>
#include <string.h>

const char *const schema_formats[] = {"topology", "preset", "workload", "scenario",
                                      "study",    "check",  "world",    NULL};

bool json_check_table(const struct json_node *object, const struct json_key_table *table)
{
    struct key_list list = {0};
    for (size_t i = 0; i < table->count; i++)
        key_list_add(&list, (const char *const[]){table->keys[i].name, NULL});
    if (table->fields)
        key_list_add_fields(&list, table->fields);
    return json_check_keys(object, &list);
}

static void write_choices(struct json_layout *layout, const char *const *choices)
{
    layout_open(layout, "enum", '[');
    for (; *choices; choices++)
        layout_string(layout, NULL, *choices);
    layout_close(layout, ']', false);
}

/* Pattern of a quantity's string. ORDER: enum unit */
static const char *unit_pattern(enum unit unit)
{
    static const char *const patterns[] = {
        "^[0-9]+$",
        "^[0-9]+(\\.[0-9]+)? *(ps|ns|us|ms|s)$",
        "^[0-9]+(\\.[0-9]+)? *(B|[KMGT]i?B)$",
        "^[0-9]+(\\.[0-9]+)? *(Hz|[kKMG]Hz)$",
        "^[0-9]+(\\.[0-9]+)? *(B/s|[KMG]i?B/s|[KMG]b/s)$",
        "^[0-9]+(\\.[0-9]+)? *[MG]T/s$",
    };
    return patterns[unit];
}

static void write_plain_value(struct json_layout *layout, const struct field *field)
{
    switch (field->type) {
    case FIELD_QUANTITY:
        layout_string(layout, "type", "string");
        layout_string(layout, "pattern", unit_pattern(field->unit));
        break;
    case FIELD_COUNT:
        layout_string(layout, "type", "integer");
        layout_format(layout, "minimum", "%" PRIu64, field->minimum);
        layout_format(layout, "maximum", "%" PRIu64, field->maximum);
        break;
    case FIELD_BOOLEAN:
        layout_string(layout, "type", "boolean");
        break;
    case FIELD_CHOICE:
        write_choices(layout, field->choices);
        break;
    }
}

/* Of a number that a word may stand for: either. */
static void write_value(struct json_layout *layout, const struct field *field)
{
    if (!field->word) {
        write_plain_value(layout, field);
        return;
    }
    layout_open(layout, "anyOf", '[');
    layout_open(layout, NULL, '{');
    write_plain_value(layout, field);
    layout_close(layout, '}', false);
    layout_open(layout, NULL, '{');
    write_choices(layout, (const char *const[]){field->word, NULL});
    layout_close(layout, '}', false);
    layout_close(layout, ']', false);
}

static void write_field(struct json_layout *layout, const struct field *field)
{
    char low[40], high[40];
    layout_open(layout, field->name, '{');
    if (field->type == FIELD_QUANTITY)
        layout_format(layout, "description", "\"%s; from %s to %s\"", field->help,
                      unit_print(low, sizeof(low), field->minimum, field->unit),
                      unit_print(high, sizeof(high), field->maximum, field->unit));
    else
        layout_string(layout, "description", field->help);
    layout_open(layout, "anyOf", '[');
    layout_open(layout, NULL, '{');
    write_value(layout, field);
    layout_close(layout, '}', false);
    layout_open(layout, NULL, '{');
    layout_raw(layout, "$ref", "\"#/$defs/sourced\"");
    layout_open(layout, "properties", '{');
    layout_open(layout, "value", '{');
    write_value(layout, field);
    layout_close(layout, '}', false);
    layout_close(layout, '}', false);
    layout_close(layout, '}', false);
    layout_close(layout, ']', false);
    layout_close(layout, '}', false);
}

/* Unknown keys are errors, "x-" keys the user's own. */
static void write_closed(struct json_layout *layout)
{
    layout_raw(layout, "patternProperties", "{\"^x-\": true}");
    layout_boolean(layout, "additionalProperties", false);
}

static void write_key(struct json_layout *layout, const struct json_key *key)
{
    layout_open(layout, key->name, '{');
    layout_string(layout, "description", key->help);
    if (key->choices) {
        write_choices(layout, key->choices);
    } else {
        /* The schema of the value is an object: its members go here. */
        struct text_buffer members = {0};
        text_buffer_append(&members, key->schema + 1, strlen(key->schema) - 2);
        const char *colon = strchr(members.text, ':');
        char *name = members.text + 1;
        name[colon - members.text - 2] = '\0';
        layout_raw(layout, name, colon + 2);
        text_buffer_fini(&members);
    }
    layout_close(layout, '}', false);
}

static void write_object(struct json_layout *layout, const struct json_key_table *table)
{
    layout_string(layout, "description", table->help);
    layout_string(layout, "type", "object");
    layout_open(layout, "properties", '{');
    for (size_t i = 0; i < table->count; i++)
        write_key(layout, &table->keys[i]);
    for (size_t i = 0; table->fields && i < table->fields->count; i++)
        write_field(layout, &table->fields->fields[i]);
    layout_close(layout, '}', true);
    write_closed(layout);
    if (table->required[0]) {
        layout_open(layout, "required", '[');
        for (size_t i = 0; i < 4 && table->required[i]; i++)
            layout_string(layout, NULL, table->required[i]);
        layout_close(layout, ']', false);
    }
}

/* A definition; `also` is the schema of a shorter way to write it, or NULL. */
static void write_definition(struct json_layout *layout, const struct json_key_table *table, const char *also)
{
    layout_open(layout, table->name, '{');
    if (also) {
        layout_open(layout, "anyOf", '[');
        layout_raw(layout, NULL, also);
        layout_open(layout, NULL, '{');
        write_object(layout, table);
        layout_close(layout, '}', true);
        layout_close(layout, ']', true);
    } else {
        write_object(layout, table);
    }
    layout_close(layout, '}', true);
}

static void write_sourced(struct json_layout *layout)
{
    layout_open(layout, "sourced", '{');
    layout_string(layout, "description", "A value with where it comes from.");
    layout_string(layout, "type", "object");
    layout_raw(layout, "properties",
               "{\"value\": true, \"source\": " SCHEMA_STRING
               ", \"label\": {\"enum\": [\"specification\", \"published\", \"fitted\", \"assumed\"]}}");
    layout_raw(layout, "required", "[\"value\"]");
    write_closed(layout);
    layout_close(layout, '}', true);
}

static void write_parameters(struct json_layout *layout)
{
    write_sourced(layout);
    layout_open(layout, "parameters", '{');
    layout_string(layout, "description", "Modelled quantities.");
    layout_string(layout, "type", "object");
    layout_open(layout, "properties", '{');
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        const struct field_table *fields = parameter_table(i);
        layout_open(layout, fields->name, '{');
        write_object(layout, &(struct json_key_table){.help = fields->help, .fields = fields});
        layout_close(layout, '}', true);
    }
    layout_close(layout, '}', true);
    write_closed(layout);
    layout_close(layout, '}', true);
}

static void write_words(struct json_layout *layout, const char *name, const char *const *words,
                        const char *also)
{
    layout_open(layout, name, '{');
    if (also) {
        layout_open(layout, "anyOf", '[');
        layout_raw(layout, NULL, also);
        layout_open(layout, NULL, '{');
        write_choices(layout, words);
        layout_close(layout, '}', false);
        layout_close(layout, ']', false);
    } else {
        write_choices(layout, words);
    }
    layout_close(layout, '}', true);
}

static void write_topology_definitions(struct json_layout *layout)
{
    static const struct {
        const struct json_key_table *table;
        const char *also;
    } definitions[] = {
        {&kernel_keys, NULL},
        {&platform_keys, NULL},
        {&ivrs_alias_keys, NULL},
        {&memory_range_keys, NULL},
        {&iommu_keys, NULL},
        {&scope_keys, SCHEMA_BDF},
        {&region_keys, NULL},
        {&host_bridge_keys, NULL},
        {&host_window_keys, NULL},
        {&reported_group_keys, NULL},
        {&reported_region_keys, NULL},
        {&function_keys, NULL},
        {&function_link_keys, NULL},
        {&bar_keys, SCHEMA_SIZE},
        {&windows_keys, NULL},
        {&acs_keys, "{\"anyOf\": [{\"enum\": [\"none\", \"unknown\", \"present\"]}, " SCHEMA_LIST(
                        SCHEMA_REF("acs_bit")) "]}"},
        {&sriov_keys, NULL},
        {&device_register_keys, NULL},
        {&translation_register_keys, NULL},
    };
    write_words(layout, "function_kind", function_kind_names(),
                "{\"type\": \"string\", \"pattern\": \"^pcie-type-[0-9]+$\"}");
    write_words(layout, "acs_bit", acs_bit_words, NULL);
    write_words(layout, "acs_control_bit", acs_control_words, NULL);
    for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++)
        write_definition(layout, definitions[i].table, definitions[i].also);
}

static void write_preset_definitions(struct json_layout *layout)
{
    write_parameters(layout);
}

static void write_machine_definitions(struct json_layout *layout)
{
    write_parameters(layout);
    write_topology_definitions(layout);
}

static void write_workload_definitions(struct json_layout *layout)
{
    write_definition(layout, &domain_keys, NULL);
    write_definition(layout, &mapping_keys, NULL);
    write_definition(layout, &virtual_machine_keys, NULL);
    write_definition(layout, &hot_plug_keys, NULL);
    write_definition(layout, &virtual_cpus_keys, NULL);
    write_definition(layout, &migration_keys, NULL);
    write_definition(layout, &stream_keys, NULL);
    write_sourced(layout);
    for (unsigned kind = DEVICE_NIC; kind < DEVICE_KINDS; kind++)
        write_definition(layout, device_key_tables[kind], NULL);
}

static void write_scenario_definitions(struct json_layout *layout)
{
    write_definition(layout, &scenario_kernel_keys, NULL);
    write_words(layout, "section", result_section_names, NULL);
    write_definition(layout, &workload_keys, NULL);
    write_workload_definitions(layout);
}

static void write_study_definitions(struct json_layout *layout)
{
    static const struct json_key_table *const tables[] = {&axis_keys,   &zipped_keys, &range_keys,
                                                          &limits_keys, &budget_keys, &answer_keys};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        write_definition(layout, tables[i], NULL);
    layout_raw(
        layout, "condition",
        "{\"description\": \"Values of axes, by name: one, or an array of them.\", \"type\": \"object\"}");
}

static void write_check_definitions(struct json_layout *layout)
{
    write_definition(layout, &scenario_kernel_keys, NULL);
    write_definition(layout, &check_case_keys, NULL);
    write_definition(layout, &check_run_keys, NULL);
    write_definition(layout, &check_policy_keys, NULL);
}

static void write_world_definitions(struct json_layout *layout)
{
    static const struct json_key_table *const tables[] = {&world_machines_keys, &world_network_keys,
                                                          &world_software_keys, &world_stream_keys,
                                                          &world_collective_keys};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        write_definition(layout, tables[i], NULL);
}

bool schema_write(const char *format, struct text_buffer *out)
{
    static const struct {
        const struct json_key_table *root;
        void (*definitions)(struct json_layout *layout);
    } formats[] = {
        /* ORDER: schema_formats */
        {&topology_keys, write_machine_definitions},  {&preset_keys, write_preset_definitions},
        {&workload_keys, write_workload_definitions}, {&scenario_keys, write_scenario_definitions},
        {&study_keys, write_study_definitions},       {&check_keys, write_check_definitions},
        {&world_keys, write_world_definitions},
    };
    struct json_layout layout = {.out = out};
    unsigned which = 0;
    while (schema_formats[which] && strcmp(schema_formats[which], format) != 0)
        which++;
    if (!schema_formats[which])
        return false;
    layout_open(&layout, NULL, '{');
    layout.fresh_line = true;
    layout_string(&layout, "$schema", "https://json-schema.org/draft/2020-12/schema");
    layout.fresh_line = true;
    layout_format(&layout, "$id", "\"iommusim-%s-1\"", format);
    layout.fresh_line = true;
    layout_format(&layout, "title", "\"iommusim-%s/1\"", format);
    layout.fresh_line = true;
    write_object(&layout, formats[which].root);
    layout_open(&layout, "$defs", '{');
    formats[which].definitions(&layout);
    layout_close(&layout, '}', true);
    layout_close(&layout, '}', true);
    return true;
}
