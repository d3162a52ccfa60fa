/* SPDX-License-Identifier: MIT */
/**
 * @file field.h
 * One input field, declared once. The loader, the JSON Schema, the dump of parameters in force and the manual
 * are all made from these rows; a new parameter is one row and one struct member.
 *
 * A row has no default in C for a modelled quantity: its default stands in topologies/presets/ with its
 * source beside it (a test checks that the preset "default" gives every parameter).
 */
#ifndef IOMMUSIM_BASE_FIELD_H
#define IOMMUSIM_BASE_FIELD_H

#include "sim/base/units.h"

#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_QUANTITY, /**< uint64_t member; JSON string with the row's unit */
    FIELD_COUNT,    /**< uint32_t member; JSON whole number */
    FIELD_BOOLEAN,  /**< bool member; JSON true/false */
    FIELD_CHOICE,   /**< int member (an enum); JSON string, one of @c choices, value = index */
};

struct field {
    const char *name; /**< JSON key */
    enum field_type type;
    size_t offset;              /**< offsetof() in the parameter struct */
    enum unit unit;             /**< for FIELD_QUANTITY */
    uint64_t minimum, maximum;  /**< inclusive, base units; for FIELD_QUANTITY and FIELD_COUNT */
    const char *const *choices; /**< NULL-terminated, for FIELD_CHOICE */
    const char *word; /**< for FIELD_COUNT: JSON string that may stand in place of a number; the model works
                         the number out (FIELD_WORD). NULL: none may */
    const char *help; /**< one sentence; names the specification section where there is one */
};

/** Value of a FIELD_COUNT member where the input has the row's @c word in place of a number. */
enum { FIELD_WORD = UINT32_MAX };

/** Rows of a table of @c struct parameters: files that declare many give these a short name of their own. */
#define FIELD_ROW_QUANTITY(parameters, key, member, of, low, high, text)                                     \
    {                                                                                                        \
        .name = (key), .type = FIELD_QUANTITY, .offset = offsetof(struct parameters, member), .unit = (of),  \
        .minimum = (low), .maximum = (high), .help = (text)                                                  \
    }
#define FIELD_ROW_COUNT(parameters, key, member, low, high, text)                                            \
    {                                                                                                        \
        .name = (key), .type = FIELD_COUNT, .offset = offsetof(struct parameters, member), .minimum = (low), \
        .maximum = (high), .help = (text)                                                                    \
    }
#define FIELD_ROW_BOOLEAN(parameters, key, member, text)                                                     \
    {                                                                                                        \
        .name = (key), .type = FIELD_BOOLEAN, .offset = offsetof(struct parameters, member), .maximum = 1,   \
        .help = (text)                                                                                       \
    }
#define FIELD_ROW_CHOICE(parameters, key, member, words, text)                                               \
    {                                                                                                        \
        .name = (key), .type = FIELD_CHOICE, .offset = offsetof(struct parameters, member),                  \
        .choices = (words), .help = (text)                                                                   \
    }

/** The fields of one parameter struct. */
struct field_table {
    const char *name; /**< JSON key of the section, e.g. "link" */
    const char *help; /**< one sentence for the schema and the manual */
    const struct field *fields;
    size_t count;
    size_t struct_size;
};

#endif
