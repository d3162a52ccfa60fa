/* SPDX-License-Identifier: MIT */
/* Typed getters. */
#include "sim/input/json_reader.h"

#include "sim/base/nearest.h"
#include "sim/base/text_buffer.h"
#include "sim/topology/pci_function.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

bool json_get_string(const struct json_node *object, const char *key, const char **value)
{
    struct json_node node = json_member(object, key);
    const char *text = json_given(&node) ? json_expect_string(&node, "a string") : NULL;
    if (text)
        *value = text;
    return text != NULL;
}

/* A whole number that is not negative; the scanner has seen that doubles hold it. */
static bool whole_number(const struct json_node *node, uint64_t *value)
{
    if (!cJSON_IsNumber(node->value)) {
        json_error(node, "json-type", "expected a whole number, found %s",
                   json_is_string(node)   ? "a string"
                   : json_is_object(node) ? "an object"
                   : json_is_array(node)  ? "an array"
                                          : "a boolean");
        return false;
    }
    double number = node->value->valuedouble;
    if (number < 0 || number != floor(number)) {
        json_error(node, "json-whole-number", "expected a whole number, found %.17g", number);
        return false;
    }
    *value = (uint64_t)number;
    return true;
}

static bool in_range(const struct json_node *node, enum unit unit, uint64_t number, uint64_t minimum,
                     uint64_t maximum)
{
    char low[48], high[48];
    if (number >= minimum && number <= maximum)
        return true;
    unit_print(low, sizeof(low), minimum, unit);
    unit_print(high, sizeof(high), maximum, unit);
    json_error(node, "json-range", "\"%s\" must be from %s to %s", node->key ? node->key : "the number", low,
               high);
    return false;
}

bool json_get_count(const struct json_node *object, const char *key, uint64_t minimum, uint64_t maximum,
                    uint64_t *value)
{
    struct json_node node = json_member(object, key);
    uint64_t number;
    if (!json_given(&node) || !whole_number(&node, &number) ||
        !in_range(&node, UNIT_NONE, number, minimum, maximum))
        return false;
    *value = number;
    return true;
}

bool json_get_u8(const struct json_node *object, const char *key, uint8_t minimum, uint8_t maximum,
                 uint8_t *value)
{
    uint64_t number;
    if (!json_get_count(object, key, minimum, maximum, &number))
        return false;
    *value = (uint8_t)number;
    return true;
}

bool json_get_u16(const struct json_node *object, const char *key, uint16_t minimum, uint16_t maximum,
                  uint16_t *value)
{
    uint64_t number;
    if (!json_get_count(object, key, minimum, maximum, &number))
        return false;
    *value = (uint16_t)number;
    return true;
}

bool json_get_u32(const struct json_node *object, const char *key, uint32_t minimum, uint32_t maximum,
                  uint32_t *value)
{
    uint64_t number;
    if (!json_get_count(object, key, minimum, maximum, &number))
        return false;
    *value = (uint32_t)number;
    return true;
}

bool json_get_quantity(const struct json_node *object, const char *key, enum unit unit, uint64_t minimum,
                       uint64_t maximum, uint64_t *value)
{
    struct json_node node = json_member(object, key);
    uint64_t number;
    if (!json_given(&node))
        return false;
    const char *text = json_expect_string(&node, unit_expected(unit));
    if (!text)
        return false;
    if (!unit_parse(text, unit, &number)) {
        json_error(&node, "json-unit", "\"%s\" is not %s", text, unit_expected(unit));
        return false;
    }
    if (!in_range(&node, unit, number, minimum, maximum))
        return false;
    *value = number;
    return true;
}

bool json_get_size(const struct json_node *object, const char *key, uint64_t minimum, uint64_t maximum,
                   uint64_t *value)
{
    struct json_node node = json_member(object, key);
    uint64_t number;
    const char *text = json_given(&node) ? json_string(&node) : NULL;
    if (!text || !number_parse(text, UINT64_MAX, &number))
        return json_get_quantity(object, key, UNIT_BYTES, minimum, maximum, value);
    if (!in_range(&node, UNIT_BYTES, number, minimum, maximum))
        return false;
    *value = number;
    return true;
}

bool json_node_address(const struct json_node *node, uint64_t maximum, uint64_t *value)
{
    uint64_t number;
    if (json_is_number(node)) {
        if (!whole_number(node, &number))
            return false;
    } else {
        const char *text = json_expect_string(node, "a number such as \"0x1f\"");
        if (!text)
            return false;
        if (!number_parse(text, UINT64_MAX, &number)) {
            json_error(node, "json-unit", "\"%s\" is not a number such as \"0x1f\"", text);
            return false;
        }
    }
    if (number > maximum) {
        json_error(node, "json-range", "the value must not be above 0x%" PRIx64, maximum);
        return false;
    }
    *value = number;
    return true;
}

bool json_get_address(const struct json_node *object, const char *key, uint64_t maximum, uint64_t *value)
{
    struct json_node node = json_member(object, key);
    return json_given(&node) && json_node_address(&node, maximum, value);
}

bool json_node_hex(const struct json_node *node, unsigned digits, uint32_t *value)
{
    const char *text = json_expect_string(node, "a string of hexadecimal digits");
    uint32_t sum = 0;
    if (!text)
        return false;
    size_t length = strlen(text);
    for (size_t i = 0; i < length && length <= digits; i++) {
        if (!isxdigit((unsigned char)text[i])) {
            length = 0;
            break;
        }
        sum = sum << 4 |
              (uint32_t)(isdigit((unsigned char)text[i]) ? text[i] - '0'
                                                         : tolower((unsigned char)text[i]) - 'a' + 10);
    }
    if (length == 0 || length > digits) {
        json_error(node, "json-unit", "\"%s\" is not 1 to %u hexadecimal digits", text, digits);
        return false;
    }
    *value = sum;
    return true;
}

bool json_get_hex(const struct json_node *object, const char *key, unsigned digits, uint32_t *value)
{
    struct json_node node = json_member(object, key);
    return json_given(&node) && json_node_hex(&node, digits, value);
}

bool json_node_choice(const struct json_node *node, const char *const *choices, int *value)
{
    size_t count = 0;
    const char *text = json_expect_string(node, "a string");
    if (!text)
        return false;
    for (; choices[count]; count++) {
        if (strcmp(text, choices[count]) == 0) {
            *value = (int)count;
            return true;
        }
    }
    const char *near = nearest_name(text, choices, count, sizeof(choices[0]));
    if (near) {
        json_error(node, "json-choice", "unknown word \"%s\", did you mean \"%s\"?", text, near);
        return false;
    }
    struct text_buffer all = {0};
    for (size_t i = 0; i < count; i++)
        text_buffer_format(&all, "%s\"%s\"", i ? ", " : "", choices[i]);
    json_error(node, "json-choice", "unknown word \"%s\", expected one of %s", text, text_buffer_get(&all));
    text_buffer_fini(&all);
    return false;
}

bool json_get_choice(const struct json_node *object, const char *key, const char *const *choices, int *value)
{
    struct json_node node = json_member(object, key);
    return json_given(&node) && json_node_choice(&node, choices, value);
}

bool json_node_bdf(const struct json_node *node, uint32_t *segment, uint8_t *bus, uint8_t *devfn)
{
    const char *text = json_expect_string(node, "an address such as \"0000:3b:00.0\"");
    if (!text)
        return false;
    if (bdf_parse(text, segment, bus, devfn))
        return true;
    json_error(node, "json-address", "\"%s\" is not an address such as \"0000:3b:00.0\"", text);
    return false;
}

bool json_get_bdf(const struct json_node *object, const char *key, uint32_t *segment, uint8_t *bus,
                  uint8_t *devfn)
{
    struct json_node node = json_member(object, key);
    return json_given(&node) && json_node_bdf(&node, segment, bus, devfn);
}
