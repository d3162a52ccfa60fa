/* SPDX-License-Identifier: MIT */
#include "sim/input/lspci_names.h"

#include <string.h>

bool lspci_class_by_name(struct slice name, uint32_t *class_code)
{
    static const struct {
        uint32_t code;
        const char *name;
    } classes[] = {
#define CLASS(code, name) {code, name},
#include "sim/input/pci_class_names.def"
#undef CLASS
    };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (slice_is(name, classes[i].name)) {
            *class_code = classes[i].code << 8;
            return true;
        }
    }
    return false;
}

/* Cut the longest known vendor name off the front of @p name. */
static bool skip_vendor(struct slice *name, uint16_t *vendor)
{
    static const struct {
        uint16_t id;
        const char *name;
    } vendors[] = {
#define VENDOR(id, name) {id, name},
#include "sim/input/pci_vendor_names.def"
#undef VENDOR
    };
    struct slice best = *name;
    for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
        struct slice rest = *name;
        if (slice_skip(&rest, vendors[i].name) && rest.at > best.at &&
            (rest.at == rest.end || *rest.at == ' ')) {
            best = rest;
            *vendor = vendors[i].id;
        }
    }
    bool found = best.at > name->at;
    *name = best;
    return found;
}

void lspci_ids_by_name(struct slice name, struct lspci_header *header)
{
    /* A device without a name is printed as its number: "Device 14a4"; without a vendor's name, "Device
     * 1a03:1150". */
    uint64_t vendor, device;
    struct slice rest = name;
    if (slice_skip(&rest, "Device ") && slice_number(&rest, 16, 4, 4, &vendor) && slice_skip(&rest, ":") &&
        slice_number(&rest, 16, 4, 4, &device)) {
        header->vendor = (uint16_t)vendor;
        header->device = (uint16_t)device;
        header->vendor_known = header->device_known = true;
        return;
    }
    rest = name;
    header->vendor_known = skip_vendor(&rest, &header->vendor);
    if (header->vendor_known && slice_skip(&rest, " Device ") && slice_number(&rest, 16, 4, 4, &device)) {
        header->device = (uint16_t)device;
        header->device_known = true;
    }
}
