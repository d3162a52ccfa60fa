/* SPDX-License-Identifier: MIT */
#include "sim/input/lspci_fields.h"

#include "sim/input/lspci_names.h"
#include "sim/input/lspci_words.h"

#include <stdio.h>
#include <string.h>

/* Cut "key:" and the blanks behind it off the front of @p line. */
static bool skip_key(struct slice *line, const char *key)
{
    struct slice rest = *line;
    if (!slice_skip(&rest, key) || !slice_skip(&rest, ":") || rest.at == rest.end ||
        (*rest.at != '\t' && *rest.at != ' '))
        return false;
    *line = slice_trim(rest);
    return true;
}

bool lspci_fields_start(struct slice line, struct lspci_header *header)
{
    if (!skip_key(&line, "Slot") && !skip_key(&line, "Device"))
        return false;
    /* lspci_header_address() wants a blank and something behind the address. */
    char text[32];
    size_t length = slice_length(line);
    if (length > sizeof(text) - 3)
        return false;
    memcpy(text, line.at, length);
    memcpy(text + length, " :", 2);
    struct slice padded = {text, text + length + 2};
    return lspci_header_address(&padded, header) && slice_is(padded, ":");
}

/* "Name [1b36]", "1b36", or a name alone; what is left of @p value is the name. */
static bool take_number(struct slice *value, uint64_t *number)
{
    struct slice rest = *value;
    if (slice_number(&rest, 16, 4, 4, number) && rest.at == rest.end) {
        *value = rest;
        return true;
    }
    if (slice_length(*value) < 6)
        return false;
    struct slice bracket = {value->end - 6, value->end};
    if (!slice_skip(&bracket, "[") || !slice_number(&bracket, 16, 4, 4, number) || !slice_is(bracket, "]"))
        return false;
    *value = slice_trim((struct slice){value->at, value->end - 6});
    return true;
}

static void class_field(struct lspci_text *text, struct slice value)
{
    struct lspci_header *header = text->header;
    uint64_t number;
    uint32_t interface = header->class_code & 0xff;
    if (take_number(&value, &number)) {
        header->class_known = true;
        header->class_code = (uint32_t)number << 8;
    } else {
        header->class_known = lspci_class_by_name(value, &header->class_code);
    }
    header->class_code |= interface;
}

/* The names of vendor and device, one behind the other, are the name lspci prints elsewhere. */
static void add_name(struct lspci_text *text, struct slice value)
{
    struct slice *name = &text->header->name;
    size_t before = slice_length(*name);
    if (slice_length(value) == 0)
        return;
    int length = snprintf(text->name + before, sizeof(text->name) - before, "%s%.*s", before ? " " : "",
                          (int)slice_length(value), value.at);
    size_t after = before + (size_t)length;
    *name = (struct slice){text->name,
                           text->name + (after < sizeof(text->name) ? after : sizeof(text->name) - 1)};
}

static void vendor_field(struct lspci_text *text, struct slice value)
{
    uint64_t number;
    if (take_number(&value, &number)) {
        text->header->vendor_known = true;
        text->header->vendor = (uint16_t)number;
    }
    if (!slice_is(value, "Vendor")) /* lspci knows no name */
        add_name(text, value);
}

static void device_field(struct lspci_text *text, struct slice value)
{
    struct lspci_header *header = text->header;
    uint64_t number;
    bool known = take_number(&value, &number);
    add_name(text, value);
    if (header->vendor_known && known) {
        header->device_known = true;
        header->device = (uint16_t)number;
    } else if (!header->vendor_known) {
        lspci_ids_by_name(header->name, header);
    }
}

static void subvendor_field(struct lspci_text *text, struct slice value)
{
    uint64_t number;
    if (take_number(&value, &number))
        text->function.subvendor = (uint16_t)number;
}

static void subdevice_field(struct lspci_text *text, struct slice value)
{
    uint64_t number;
    if (take_number(&value, &number))
        text->function.subdevice = (uint16_t)number;
}

static void revision_field(struct lspci_text *text, struct slice value)
{
    uint64_t number;
    if (slice_number(&value, 16, 2, 2, &number))
        text->header->revision = (uint8_t)number;
}

static void interface_field(struct lspci_text *text, struct slice value)
{
    uint64_t number;
    if (!slice_number(&value, 16, 2, 2, &number))
        return;
    text->header->class_code = (text->header->class_code & ~0xffU) | (uint32_t)number;
    text->header->interface_known = true;
}

/* Only -k names drivers, so a record without one does not tell that there is none. */
static void driver_field(struct lspci_text *text, struct slice value)
{
    text->details = true;
    words_of_driver(text, value);
}

void lspci_fields_line(struct lspci_text *text, struct slice line)
{
    static const struct {
        const char *key;
        lspci_word_handler take;
    } fields[] = {
        {"Class", class_field},         {"Vendor", vendor_field},     {"Device", device_field},
        {"SVendor", subvendor_field},   {"SDevice", subdevice_field}, {"Rev", revision_field},
        {"ProgIf", interface_field},    {"Driver", driver_field},     {"NUMANode", words_of_numa},
        {"IOMMUGroup", words_of_group},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (skip_key(&line, fields[i].key)) {
            fields[i].take(text, line);
            return;
        }
    }
}
