/* SPDX-License-Identifier: MIT */
/* Documents and their nodes: walking, pointers, reports, keys. The typed getters are in json_reader.c. */
#include "sim/input/json_reader.h"

#include "sim/base/arena.h"
#include "sim/base/json_scan.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_SIZE = 1024 }; /* longer strings of the input are cut in messages */

int json_document_init(struct json_document *document, const struct source_text *source,
                       struct diagnostics *diagnostics)
{
    if (!json_scan(source, diagnostics))
        return STATUS_BAD_INPUT;
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(source->text, source->length, &end, false);
    if (!root) {
        /* The scanner lets nothing through that cJSON refuses, so only memory can be short. */
        size_t offset = end ? (size_t)(end - source->text) : DIAGNOSTIC_NO_OFFSET;
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, offset, NULL, "json-parser",
                           "the parser gave up here, out of memory");
        return STATUS_BAD_INPUT;
    }
    *document = (struct json_document){.source = source, .diagnostics = diagnostics, .root = root};
    return STATUS_OK;
}

void json_document_fini(struct json_document *document)
{
    cJSON_Delete(document->root);
    document->root = NULL;
}

struct json_node json_root(const struct json_document *document)
{
    return (struct json_node){.document = document, .value = document->root, .prefix = document->prefix};
}

struct json_node json_root_at(const struct json_document *document, const struct cJSON *value,
                              const char *pointer)
{
    return (struct json_node){.document = document, .value = value, .prefix = pointer};
}

struct json_node json_member(const struct json_node *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object->value, key);
    if (cJSON_IsNull(value))
        value = NULL;
    return (struct json_node){object->document, object, value, key, 0, NULL};
}

struct json_node json_first(const struct json_node *container)
{
    const cJSON *value = container->value ? container->value->child : NULL;
    return (struct json_node){container->document, container, value, value ? value->string : NULL, 0, NULL};
}

void json_next(struct json_node *node)
{
    node->value = node->value->next;
    node->key = node->value ? node->value->string : NULL;
    node->index++;
}

size_t json_length(const struct json_node *array)
{
    return cJSON_IsArray(array->value) ? (size_t)cJSON_GetArraySize(array->value) : 0;
}

bool json_is_string(const struct json_node *node)
{
    return cJSON_IsString(node->value);
}

bool json_is_object(const struct json_node *node)
{
    return cJSON_IsObject(node->value);
}

bool json_is_array(const struct json_node *node)
{
    return cJSON_IsArray(node->value);
}

bool json_is_boolean(const struct json_node *node)
{
    return cJSON_IsBool(node->value);
}

bool json_is_number(const struct json_node *node)
{
    return cJSON_IsNumber(node->value);
}

const char *json_string(const struct json_node *node)
{
    return cJSON_GetStringValue(node->value);
}

void json_pointer_print(const struct json_node *node, struct text_buffer *out)
{
    if (!node->parent) {
        if (node->prefix)
            text_buffer_add(out, node->prefix);
        return;
    }
    json_pointer_print(node->parent, out);
    if (!node->key) {
        text_buffer_format(out, "/%zu", node->index);
        return;
    }
    text_buffer_add(out, "/");
    for (const char *c = node->key; *c; c++) {
        if (*c == '~' || *c == '/')
            text_buffer_add(out, *c == '~' ? "~0" : "~1");
        else
            text_buffer_append(out, c, 1);
    }
}

char *json_pointer(const struct json_node *node)
{
    struct text_buffer out = {0};
    json_pointer_print(node, &out);
    return out.text ? out.text : memory_string("");
}

static void report(const struct json_node *node, enum diagnostic_severity severity, enum json_place place,
                   const char *code, const char *message)
{
    while (!node->value && node->parent)
        node = node->parent;
    char *pointer = json_pointer(node);
    diagnostics_report(node->document->diagnostics, severity, node->document->source,
                       json_locate(node->document->source, pointer, place), pointer, code, "%s", message);
    free(pointer);
}

void json_error(const struct json_node *node, const char *code, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    report(node, DIAGNOSTIC_ERROR, JSON_VALUE, code, message);
}

void json_error_at_key(const struct json_node *node, const char *code, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    report(node, DIAGNOSTIC_ERROR, JSON_KEY, code, message);
}

void json_remark(const struct json_node *node, enum diagnostic_severity severity, const char *code,
                 const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    report(node, severity, JSON_VALUE, code, message);
}

static const char *type_name(const struct json_node *node)
{
    if (cJSON_IsObject(node->value))
        return "an object";
    if (cJSON_IsArray(node->value))
        return "an array";
    if (cJSON_IsString(node->value))
        return "a string";
    if (cJSON_IsNumber(node->value))
        return "a number";
    if (cJSON_IsBool(node->value))
        return cJSON_IsTrue(node->value) ? "true" : "false";
    return "null";
}

static bool expect_type(const struct json_node *node, bool good, const char *expected)
{
    if (!good)
        json_error(node, "json-type", "expected %s, found %s", expected, type_name(node));
    return good;
}

bool json_expect_object(const struct json_node *node)
{
    return expect_type(node, cJSON_IsObject(node->value), "an object");
}

bool json_expect_array(const struct json_node *node)
{
    return expect_type(node, cJSON_IsArray(node->value), "an array");
}

const char *json_expect_string(const struct json_node *node, const char *expected)
{
    return expect_type(node, cJSON_IsString(node->value), expected) ? json_string(node) : NULL;
}

bool json_get_boolean(const struct json_node *object, const char *key, bool *value)
{
    struct json_node node = json_member(object, key);
    if (!json_given(&node) || !expect_type(&node, cJSON_IsBool(node.value), "true or false"))
        return false;
    *value = cJSON_IsTrue(node.value);
    return true;
}

void key_list_add(struct key_list *list, const char *const *names)
{
    for (; *names; names++) {
        assert(list->count < sizeof(list->names) / sizeof(list->names[0]));
        list->names[list->count++] = *names;
    }
}

void key_list_add_fields(struct key_list *list, const struct field_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        assert(list->count < sizeof(list->names) / sizeof(list->names[0]));
        list->names[list->count++] = table->fields[i].name;
    }
}

static bool is_known(const char *key, const struct key_list *list)
{
    if (strncmp(key, "x-", 2) == 0)
        return true;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(key, list->names[i]) == 0)
            return true;
    }
    return false;
}

bool json_check_keys(const struct json_node *object, const struct key_list *list)
{
    bool good = true;
    for (struct json_node member = json_first(object); json_given(&member); json_next(&member)) {
        if (is_known(member.key, list))
            continue;
        const char *near = nearest_name(member.key, list->names, list->count, sizeof(list->names[0]));
        if (near)
            json_error_at_key(&member, "json-unknown-key", "unknown key \"%s\", did you mean \"%s\"?",
                              member.key, near);
        else
            json_error_at_key(&member, "json-unknown-key", "unknown key \"%s\"", member.key);
        good = false;
    }
    return good;
}

bool json_check_names(const struct json_node *object, const char *const *names)
{
    struct key_list list = {0};
    key_list_add(&list, names);
    return json_check_keys(object, &list);
}

bool json_require(const struct json_node *object, const char *key, const char *what)
{
    struct json_node member = json_member(object, key);
    if (json_given(&member))
        return true;
    json_error(object, "json-missing-key", "\"%s\" is missing: %s", key, what);
    return false;
}
