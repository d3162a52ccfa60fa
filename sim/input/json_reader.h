/* SPDX-License-Identifier: MIT */
/**
 * @file json_reader.h
 * Reading JSON documents into structs: typed getters that report what is wrong at its place.
 *
 * A struct json_node is a value with its way back to the root, kept on the caller's stack; JSON pointers and
 * positions are made from it only when there is something to report. A child must not outlive its parent
 * node.
 *
 *     struct json_node link = json_member(&function, "link");
 *     if (json_given(&link) && json_expect_object(&link)) {
 *         json_check_keys(&link, &link_keys);
 *         json_get_count(&link, "width", 1, 32, &width);
 *     }
 *
 * Getters take the object and a key. Absent (or null): nothing happens, the default in the output stays, the
 * answer is false. Wrong: one error, the answer is false. Good: the output is set, the answer is true. All
 * look-ups are case-sensitive; keys that begin with "x-" are the user's own and never looked at.
 *
 * Codes: json-type, json-range, json-unit, json-choice, json-address, json-unknown-key, json-missing-key,
 * json-whole-number.
 */
#ifndef IOMMUSIM_INPUT_JSON_READER_H
#define IOMMUSIM_INPUT_JSON_READER_H

#include "sim/base/diagnostic.h"
#include "sim/base/field.h"
#include "sim/base/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;
struct text_buffer;

/** A parsed document: the text it came from and where findings go. */
struct json_document {
    const struct source_text *source; /**< borrowed */
    struct diagnostics *diagnostics;  /**< borrowed */
    struct cJSON *root;
    const char *prefix; /**< JSON pointer of the root in the text, where it is a part of it; else NULL */
};

/** One value of a document. */
struct json_node {
    const struct json_document *document;
    const struct json_node *parent; /**< NULL at the root */
    const struct cJSON *value;      /**< NULL: absent */
    const char *key;                /**< member of an object; NULL: element of an array */
    size_t index;                   /**< element of an array */
    const char *prefix;             /**< at a root that is not the document's: its JSON pointer, else NULL */
};

/**
 * Scan strictly, then parse.
 * @param source  must outlive the document; its text must be NUL-terminated
 * @return 0 or STATUS_BAD_INPUT with one diagnostic. Free with json_document_fini() on success.
 */
int json_document_init(struct json_document *document, const struct source_text *source,
                       struct diagnostics *diagnostics);
void json_document_fini(struct json_document *document);

/** The document's value. */
struct json_node json_root(const struct json_document *document);

/** A value found before, as a root of its own at JSON pointer @p pointer (borrowed). */
struct json_node json_root_at(const struct json_document *document, const struct cJSON *value,
                              const char *pointer);

/** Member @p key of an object; absent where the object lacks it, the member is null or @p object is none. */
struct json_node json_member(const struct json_node *object, const char *key);

/** True where a value is there. */
static inline bool json_given(const struct json_node *node)
{
    return node->value != NULL;
}

/** First element of an array, or first member of an object; absent where there is none. */
struct json_node json_first(const struct json_node *container);
/** Move @p node to its next sibling, or make it absent. */
void json_next(struct json_node *node);
/** Number of elements of an array (0 for anything else). */
size_t json_length(const struct json_node *array);

bool json_is_string(const struct json_node *node);
bool json_is_object(const struct json_node *node);
bool json_is_array(const struct json_node *node);
bool json_is_boolean(const struct json_node *node);
bool json_is_number(const struct json_node *node);
/** The string of a string node, else NULL. Lives as long as the document. */
const char *json_string(const struct json_node *node);

/** Append the JSON pointer of @p node. */
void json_pointer_print(const struct json_node *node, struct text_buffer *out);
/** The JSON pointer of @p node as a malloc'ed string. */
char *json_pointer(const struct json_node *node);

/** Report an error at the value of @p node (for an absent member: at the object that lacks it). */
void json_error(const struct json_node *node, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Report an error at the key of @p node. */
void json_error_at_key(const struct json_node *node, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Report a warning or note at the value of @p node. */
void json_remark(const struct json_node *node, enum diagnostic_severity severity, const char *code,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/** True for an object; else an error. */
bool json_expect_object(const struct json_node *node);
/** True for an array; else an error. */
bool json_expect_array(const struct json_node *node);
/** The string of a node; else NULL after an error saying that @p expected belongs here. */
const char *json_expect_string(const struct json_node *node, const char *expected);

/** Keys an object may have, collected from lists and tables. Zero-initialise. */
struct key_list {
    const char *names[96];
    size_t count;
};

/** Add the names of a NULL-terminated array. */
void key_list_add(struct key_list *list, const char *const *names);
/** Add the names of a table's fields. */
void key_list_add_fields(struct key_list *list, const struct field_table *table);
/** Report each key of @p object that is not in @p list, naming the nearest that is. False if there was one.
 */
bool json_check_keys(const struct json_node *object, const struct key_list *list);
/** json_check_keys() for a NULL-terminated array. */
bool json_check_names(const struct json_node *object, const char *const *names);

/** Report that @p object lacks @p key (@p what says what it is), unless it is there. */
bool json_require(const struct json_node *object, const char *key, const char *what);

bool json_get_string(const struct json_node *object, const char *key, const char **value);
bool json_get_boolean(const struct json_node *object, const char *key, bool *value);
/** A whole number from @p minimum to @p maximum. */
bool json_get_count(const struct json_node *object, const char *key, uint64_t minimum, uint64_t maximum,
                    uint64_t *value);
/** json_get_count() into narrower members. */
bool json_get_u8(const struct json_node *object, const char *key, uint8_t minimum, uint8_t maximum,
                 uint8_t *value);
bool json_get_u16(const struct json_node *object, const char *key, uint16_t minimum, uint16_t maximum,
                  uint16_t *value);
bool json_get_u32(const struct json_node *object, const char *key, uint32_t minimum, uint32_t maximum,
                  uint32_t *value);
/** A quantity with unit in a string, from @p minimum to @p maximum base units. */
bool json_get_quantity(const struct json_node *object, const char *key, enum unit unit, uint64_t minimum,
                       uint64_t maximum, uint64_t *value);
/** A size: "64KiB", or a plain whole number of bytes in a string, decimal or hexadecimal ("0x4000"). */
bool json_get_size(const struct json_node *object, const char *key, uint64_t minimum, uint64_t maximum,
                   uint64_t *value);
/** A register value or address: a string "0x..." or decimal digits, or a whole number. */
bool json_get_address(const struct json_node *object, const char *key, uint64_t maximum, uint64_t *value);
bool json_node_address(const struct json_node *node, uint64_t maximum, uint64_t *value);
/** @p digits hexadecimal digits without 0x at most (ids, bus numbers, class codes), as lspci prints them. */
bool json_get_hex(const struct json_node *object, const char *key, unsigned digits, uint32_t *value);
bool json_node_hex(const struct json_node *node, unsigned digits, uint32_t *value);
/** One of @p choices (NULL-terminated): its index. */
bool json_get_choice(const struct json_node *object, const char *key, const char *const *choices, int *value);
bool json_node_choice(const struct json_node *node, const char *const *choices, int *value);
/** A function's address, "[segment:]bus:device.function". */
bool json_get_bdf(const struct json_node *object, const char *key, uint32_t *segment, uint8_t *bus,
                  uint8_t *devfn);
bool json_node_bdf(const struct json_node *node, uint32_t *segment, uint8_t *bus, uint8_t *devfn);

#endif
