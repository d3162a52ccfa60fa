/* SPDX-License-Identifier: MIT */
#include "sim/output/function_label.h"

#include <stddef.h>
#include <string.h>

const char *pci_class_name(uint32_t class_code)
{
    static const struct {
        uint16_t code;
        const char *name;
    } classes[] = {
#define CLASS(code, name) {code, name},
#include "sim/input/pci_class_names.def"
#undef CLASS
    };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (classes[i].code == class_code >> 8)
            return classes[i].name;
    }
    return NULL;
}

static bool begins_with(const char *text, const char *start)
{
    return text && strncmp(text, start, strlen(start)) == 0;
}

const char *pci_vendor_name(uint16_t vendor, const char *name)
{
    static const struct {
        uint16_t id;
        const char *name;
    } vendors[] = {
#define VENDOR(id, name) {id, name},
#include "sim/input/pci_vendor_names.def"
#undef VENDOR
    };
    const char *best = NULL;
    bool best_said = false;
    for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
        if (vendors[i].id != vendor)
            continue;
        /* An id may have two names: the one the input uses, of these the longer. */
        bool said = begins_with(name, vendors[i].name);
        if (!best || (said && (!best_said || strlen(vendors[i].name) > strlen(best)))) {
            best = vendors[i].name;
            best_said = said;
        }
    }
    return best;
}

const char *function_product_name(const struct pci_function *function)
{
    const char *vendor = pci_vendor_name(function->vendor, function->name);
    const char *name = function->name;
    if (!name || !*name)
        return NULL;
    if (vendor && begins_with(name, vendor) && name[strlen(vendor)] == ' ')
        name += strlen(vendor) + 1;
    return strcmp(name, "Device") == 0 ? NULL : name;
}

const char *function_label(const struct pci_function *function)
{
    if (function->name && *function->name)
        return function->name;
    const char *name = pci_class_name(function->class_code);
    return name ? name : "unknown class";
}
