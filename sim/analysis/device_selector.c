/* SPDX-License-Identifier: MIT */
#include "sim/analysis/device_selector.h"

#include <ctype.h>
#include <string.h>

/* A cursor over the text; numbers are hexadecimal without prefix. */
struct cursor {
    const char *at;
    const char *end;
};

static bool take(struct cursor *cursor, char expected)
{
    if (cursor->at == cursor->end || *cursor->at != expected)
        return false;
    cursor->at++;
    return true;
}

static bool take_hex(struct cursor *cursor, uint32_t maximum, uint32_t *value)
{
    uint64_t number = 0;
    const char *start = cursor->at;
    if (cursor->end - cursor->at > 2 && cursor->at[0] == '0' && (cursor->at[1] | 0x20) == 'x')
        start = cursor->at += 2;
    while (cursor->at < cursor->end && isxdigit((unsigned char)*cursor->at)) {
        unsigned char c = (unsigned char)*cursor->at++;
        number = number * 16 + (isdigit(c) ? c - 48U : (c | 0x20U) - 87U);
        if (number > maximum)
            return false;
    }
    if (cursor->at == start)
        return false;
    *value = (uint32_t)number;
    return true;
}

static bool parse_ids(struct cursor cursor, struct device_selector *selector)
{
    uint32_t ids[4] = {0};
    unsigned count = 0;
    do {
        if (count == 4 || !take_hex(&cursor, 0xffff, &ids[count]))
            return false;
        count++;
    } while (take(&cursor, ':'));
    if (cursor.at != cursor.end || (count != 2 && count != 4))
        return false;
    *selector = (struct device_selector){
        .by_id = true,
        .vendor = (uint16_t)ids[0],
        .device = (uint16_t)ids[1],
        .subvendor = (uint16_t)ids[2],
        .subdevice = (uint16_t)ids[3],
    };
    return true;
}

static bool parse_devfn(struct cursor *cursor, uint32_t device, struct device_selector *selector)
{
    uint32_t function;
    if (selector->length == DEVICE_SELECTOR_PATH || device > 31 || !take(cursor, '.') ||
        !take_hex(cursor, 7, &function))
        return false;
    selector->devfns[selector->length++] = pci_devfn(device, function);
    return true;
}

static bool parse_path(struct cursor cursor, struct device_selector *selector)
{
    uint32_t numbers[3];
    unsigned count = 0;
    do {
        if (count == 3 || !take_hex(&cursor, UINT32_MAX - 1, &numbers[count]))
            return false;
        count++;
    } while (take(&cursor, ':'));
    if (count < 2 || numbers[count - 2] > 0xff)
        return false;
    struct device_selector path = {
        .segment = count == 3 ? numbers[0] : 0,
        .bus = (uint8_t)numbers[count - 2],
    };
    uint32_t device = numbers[count - 1];
    if (!parse_devfn(&cursor, device, &path))
        return false;
    while (take(&cursor, '/')) {
        if (!take_hex(&cursor, 31, &device) || !parse_devfn(&cursor, device, &path))
            return false;
    }
    if (cursor.at != cursor.end)
        return false;
    *selector = path;
    return true;
}

bool device_selector_parse(const char *text, size_t length, struct device_selector *selector)
{
    struct cursor cursor = {text, text + length};
    if (length >= 4 && strncmp(text, "pci:", 4) == 0) {
        cursor.at += 4;
        return parse_ids(cursor, selector);
    }
    return parse_path(cursor, selector);
}

bool device_selector_matches(const struct device_selector *selector, const struct topology *topology,
                             const struct pci_function *function)
{
    if (selector->by_id)
        return (!selector->vendor || selector->vendor == function->vendor) &&
               (!selector->device || selector->device == function->device) &&
               (!selector->subvendor || selector->subvendor == function->subvendor) &&
               (!selector->subdevice || selector->subdevice == function->subdevice);
    /* Last part first, then upwards, as the kernel does. */
    for (unsigned i = selector->length - 1; i > 0; i--) {
        if (function->devfn != selector->devfns[i])
            return false;
        if (function->is_vf && function->pf_id != NONE)
            function = &topology->functions[function->pf_id];
        function = topology_parent(topology, function);
        if (!function)
            return false;
    }
    return function->segment == selector->segment && function->bus == selector->bus &&
           function->devfn == selector->devfns[0];
}
