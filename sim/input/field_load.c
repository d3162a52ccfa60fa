/* SPDX-License-Identifier: MIT */
#include "sim/input/field_load.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ORDER: as the words the schema lists. */
static const char *const labels[] = {"specification", "published", "fitted", "assumed", NULL};
static const char *const value_keys[] = {"value", "source", "label", NULL};

/* A whole number, or the word that may stand for one. */
static bool load_count(const struct json_node *object, const char *key, const struct field *field,
                       uint32_t *member)
{
    struct json_node node = json_member(object, key);
    const char *text = NULL;
    if (!field->word || !json_is_string(&node))
        return json_get_u32(object, key, (uint32_t)field->minimum, (uint32_t)field->maximum, member);
    if (!json_get_string(object, key, &text))
        return false;
    if (strcmp(text, field->word) != 0) {
        json_error(&node, "json-choice",
                   "unknown word \"%s\", expected a whole number from %" PRIu64 " to %" PRIu64 " or \"%s\"",
                   text, field->minimum, field->maximum, field->word);
        return false;
    }
    *member = FIELD_WORD;
    return true;
}

static bool load_value(const struct json_node *object, const char *key, const struct field *field,
                       void *parameters)
{
    void *member = (char *)parameters + field->offset;
    switch (field->type) {
    case FIELD_QUANTITY:
        return json_get_quantity(object, key, field->unit, field->minimum, field->maximum, member);
    case FIELD_COUNT:
        return load_count(object, key, field, member);
    case FIELD_BOOLEAN:
        return json_get_boolean(object, key, member);
    case FIELD_CHOICE:
        return json_get_choice(object, key, field->choices, member);
    }
    return false;
}

/* The long form: the value with its source beside it. */
static bool load_sourced(const struct json_node *node, const struct field *field, void *parameters,
                         const struct field_context *context, struct field_origin *origin)
{
    const char *source = NULL;
    int label = -1;
    json_check_names(node, value_keys);
    json_require(node, "value", field->help);
    json_get_string(node, "source", &source);
    json_get_choice(node, "label", labels, &label);
    if (context->needs_source) {
        json_require(node, "source", "every value of a preset says where it comes from");
        json_require(node, "label", "one of specification, published, fitted, assumed");
    }
    if (source && label >= 0)
        origin->source = arena_format(context->arena, "%s (%s)", source, labels[label]);
    else if (source || label >= 0)
        origin->source = arena_string(context->arena, source ? source : labels[label]);
    return load_value(node, "value", field, parameters);
}

bool field_is_text(const struct field *field, const char *value)
{
    return field->type == FIELD_QUANTITY || field->type == FIELD_CHOICE ||
           (field->word && strcmp(value, field->word) == 0);
}

size_t field_table_load(const struct json_node *object, const struct field_table *table, void *parameters,
                        struct field_origin *origins, const struct field_context *context)
{
    size_t loaded = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        struct json_node node = json_member(object, field->name);
        struct field_origin origin = {context->from, "stated in the file"};
        bool good;
        if (!json_given(&node))
            continue;
        if (json_is_object(&node)) {
            good = load_sourced(&node, field, parameters, context, &origin);
        } else {
            if (context->needs_source)
                json_error(&node, "preset-no-source",
                           "a preset says where each value comes from: "
                           "{\"value\": ..., \"source\": ..., \"label\": ...}");
            good = load_value(object, field->name, field, parameters);
        }
        if (good && origins)
            origins[i] = origin;
        loaded += good;
    }
    return loaded;
}

char *field_print(char *text, size_t size, const struct field *field, const void *parameters)
{
    const void *member = (const char *)parameters + field->offset;
    switch (field->type) {
    case FIELD_QUANTITY:
        return unit_print(text, size, *(const uint64_t *)member, field->unit);
    case FIELD_COUNT:
        if (field->word && *(const uint32_t *)member == FIELD_WORD)
            snprintf(text, size, "%s", field->word);
        else
            snprintf(text, size, "%" PRIu32, *(const uint32_t *)member);
        break;
    case FIELD_BOOLEAN:
        snprintf(text, size, "%s", *(const bool *)member ? "true" : "false");
        break;
    case FIELD_CHOICE:
        snprintf(text, size, "%s", field->choices[*(const int *)member]);
        break;
    }
    return text;
}
