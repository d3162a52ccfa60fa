/* SPDX-License-Identifier: MIT */
/**
 * @file field_load.h
 * Parameter structs from JSON by their field tables, each value with its origin.
 *
 * A value is written plainly ("60ns", 8, true, "fifo") or with where it comes from:
 * {"value": "60ns", "source": "a paper", "label": "published"}.
 */
#ifndef IOMMUSIM_INPUT_FIELD_LOAD_H
#define IOMMUSIM_INPUT_FIELD_LOAD_H

#include "sim/base/field.h"
#include "sim/input/json_reader.h"

struct arena;

/** Where the value of one field came from. All NULL: not set so far. */
struct field_origin {
    const char *from;   /**< preset name or file name */
    const char *source; /**< paper, specification, ... with the label: "Neugebauer 2018 (fitted)" */
};

/** What field_table_load() writes into the origins, and where strings are kept. */
struct field_context {
    struct arena *arena;
    const char *from;  /**< preset name or file name */
    bool needs_source; /**< presets: every value must say its source and label */
};

/**
 * Set the members of @p parameters that @p object gives; the others keep their values. Keys of @p object that
 * are no fields are not looked at (see json_check_keys()).
 * @param origins  one entry a field of @p table, or NULL
 * @return number of fields set
 */
size_t field_table_load(const struct json_node *object, const struct field_table *table, void *parameters,
                        struct field_origin *origins, const struct field_context *context);

/** Print the value of a field as it is written in JSON, without quotes: "60ns", "8", "true", "fifo". */
char *field_print(char *text, size_t size, const struct field *field, const void *parameters);

enum { FIELD_TEXT_SIZE = 64 };

/** True where @p value, printed by field_print(), is a string in JSON. */
bool field_is_text(const struct field *field, const char *value);

#endif
