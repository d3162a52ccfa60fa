/* SPDX-License-Identifier: MIT */
/**
 * @file json_keys.h
 * The keys of an object of an input format, declared once: readers check objects against these tables, and
 * the JSON Schema (json_schema.h) and the manual are made from them.
 */
#ifndef IOMMUSIM_INPUT_JSON_KEYS_H
#define IOMMUSIM_INPUT_JSON_KEYS_H

#include "sim/base/field.h"
#include "sim/input/json_reader.h"

/** One key. */
struct json_key {
    const char *name;
    const char *help;   /**< one sentence */
    const char *schema; /**< JSON Schema of the value as text, without description; NULL with @c choices */
    const char *const *choices; /**< words the value may be; NULL-terminated */
};

/** All keys of one kind of object. */
struct json_key_table {
    const char *name; /**< under which the schema defines it */
    const char *help; /**< one sentence */
    const struct json_key *keys;
    size_t count;
    const struct field_table *fields; /**< parameters that may stand beside the keys, or NULL */
    const char *required[4];          /**< keys that must be there, for the schema; the rest NULL */
};

/** Define the table @p identifier from the array identifier_rows; further members may follow. */
#define JSON_KEY_TABLE(identifier, schema_name, text, ...)                                                   \
    const struct json_key_table identifier = {.name = (schema_name),                                         \
                                              .help = (text),                                                \
                                              .keys = identifier##_rows,                                     \
                                              .count =                                                       \
                                                  sizeof(identifier##_rows) / sizeof(identifier##_rows[0]),  \
                                              __VA_ARGS__}

/** json_check_keys() against a table. */
bool json_check_table(const struct json_node *object, const struct json_key_table *table);

/* Schemas that occur again and again. */
#define SCHEMA_STRING  "{\"type\": \"string\"}"
#define SCHEMA_BOOLEAN "{\"type\": \"boolean\"}"
#define SCHEMA_BUS     "{\"type\": \"string\", \"pattern\": \"^[0-9a-fA-F]{1,2}$\"}"
#define SCHEMA_BUSES   "{\"type\": \"array\", \"items\": " SCHEMA_BUS ", \"minItems\": 2, \"maxItems\": 2}"
#define SCHEMA_IDS                                                                                           \
    "{\"type\": \"string\", \"pattern\": "                                                                   \
    "\"^(unknown|(unknown|[0-9a-fA-F]{1,4}):(unknown|[0-9a-fA-F]{1,4}))$\"}"
#define SCHEMA_BDF                                                                                           \
    "{\"type\": \"string\", \"pattern\": "                                                                   \
    "\"^([0-9a-fA-F]{1,8}:)?[0-9a-fA-F]{1,2}:[01]?[0-9a-fA-F]\\\\.[0-7]$\"}"
/** A register value or address: "0x1f", "31" or 31. */
#define SCHEMA_ADDRESS                                                                                       \
    "{\"anyOf\": [{\"type\": \"string\", \"pattern\": \"^(0[xX][0-9a-fA-F]+|[0-9]+)$\"}, "                   \
    "{\"type\": \"integer\", \"minimum\": 0}]}"
/** "64KiB", or bytes in a string. */
#define SCHEMA_SIZE                                                                                          \
    "{\"type\": \"string\", \"pattern\": "                                                                   \
    "\"^(0[xX][0-9a-fA-F]+|[0-9]+|[0-9]+(\\\\.[0-9]+)? *(B|[KMGT]i?B))$\"}"
#define SCHEMA_SPEED            "{\"enum\": [\"2.5GT/s\", \"5GT/s\", \"8GT/s\", \"16GT/s\", \"32GT/s\", \"64GT/s\"]}"
#define SCHEMA_LANES            "{\"enum\": [1, 2, 4, 8, 12, 16, 32]}"
#define SCHEMA_COUNT(low, high) "{\"type\": \"integer\", \"minimum\": " #low ", \"maximum\": " #high "}"
#define SCHEMA_SEGMENT                                                                                       \
    "{\"anyOf\": [{\"type\": \"integer\", \"minimum\": 0}, "                                                 \
    "{\"type\": \"string\", \"pattern\": \"^[0-9a-fA-F]{1,6}$\"}]}"
#define SCHEMA_REF(name)  "{\"$ref\": \"#/$defs/" name "\"}"
#define SCHEMA_LIST(item) "{\"type\": \"array\", \"items\": " item "}"

#endif
