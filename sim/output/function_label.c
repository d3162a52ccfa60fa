/* SPDX-License-Identifier: MIT */
#include "sim/output/function_label.h"

#include <stddef.h>

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

const char *function_label(const struct pci_function *function)
{
    if (function->name && *function->name)
        return function->name;
    const char *name = pci_class_name(function->class_code);
    return name ? name : "unknown class";
}
