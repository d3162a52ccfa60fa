/* SPDX-License-Identifier: MIT */
#include "sim/input/lspci_names.h"

#include <string.h>

static const struct {
    uint32_t code;
    const char *name;
} classes[] = {
#define CLASS(code, name) {code, name},
#include "sim/input/pci_class_names.def"
#undef CLASS
};

enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };

bool lspci_class_by_name(struct slice name, uint32_t *class_code)
{
    for (size_t i = 0; i < CLASSES; i++) {
        if (slice_is(name, classes[i].name)) {
            *class_code = classes[i].code << 8;
            return true;
        }
    }
    return false;
}

bool lspci_skip_class(struct slice *text, uint32_t *class_code)
{
    const char *longest = text->at;
    for (size_t i = 0; i < CLASSES; i++) {
        struct slice rest = *text;
        if (slice_skip(&rest, classes[i].name) && rest.at > longest &&
            (rest.at == rest.end || *rest.at == ' ' || *rest.at == '\t')) {
            longest = rest.at;
            *class_code = classes[i].code << 8;
        }
    }
    bool found = longest > text->at;
    text->at = longest;
    return found;
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

/* "FAMILY PCI Express Root Port #N", of late "FAMILY PCIe Root Port #N" */
static bool port_by_name(struct slice name, uint16_t vendor, uint16_t *device)
{
    static const struct {
        uint16_t vendor, device;
        uint8_t first, count, stride;
        const char *family;
    } families[] = {
#define PORTS(vendor, device, first, count, stride, family) {vendor, device, first, count, stride, family},
#define DEVICE(named, name, vendor, device)
#include "sim/input/pci_device_names.def"
#undef DEVICE
#undef PORTS
    };
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        struct slice rest = name;
        uint64_t number;
        if (families[i].vendor != vendor || !slice_skip(&rest, families[i].family) ||
            (!slice_skip(&rest, " PCI Express Root Port ") && !slice_skip(&rest, " PCIe Root Port ")))
            continue;
        slice_skip(&rest, "#");
        if (slice_number(&rest, 10, 1, 2, &number) && rest.at == rest.end && number >= families[i].first &&
            number < (uint64_t)families[i].first + families[i].count) {
            *device = (uint16_t)(families[i].device + (number - families[i].first) * families[i].stride);
            return true;
        }
    }
    return false;
}

static bool device_by_name(struct slice name, uint16_t *vendor, uint16_t *device)
{
    static const struct {
        uint16_t named, vendor, device;
        const char *name;
    } devices[] = {
#define PORTS(vendor, device, first, count, stride, family)
#define DEVICE(named, name, vendor, device) {named, vendor, device, name},
#include "sim/input/pci_device_names.def"
#undef DEVICE
#undef PORTS
    };
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        if (devices[i].named == *vendor && slice_is(name, devices[i].name)) {
            *vendor = devices[i].vendor;
            *device = devices[i].device;
            return true;
        }
    }
    return port_by_name(name, *vendor, device);
}

/* Two ids of one name, told apart by where they stand. */
static void tell_namesakes(struct lspci_header *header)
{
    static const struct {
        uint16_t vendor, device, other;
        uint8_t first_slot; /* from here on it is the other */
    } namesakes[] = {
        {0x1022, 0x57a3, 0x57a4, 8}, /* X570: ports to the chipset's own functions follow those to slots */
    };
    for (size_t i = 0; i < sizeof(namesakes) / sizeof(namesakes[0]); i++) {
        if (header->vendor == namesakes[i].vendor && header->device == namesakes[i].device &&
            pci_slot(header->devfn) >= namesakes[i].first_slot)
            header->device = namesakes[i].other;
    }
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
    header->ids_named = true;
    header->vendor_known = skip_vendor(&rest, &header->vendor);
    if (!header->vendor_known || !slice_skip(&rest, " "))
        return;
    struct slice number = rest;
    if (slice_skip(&number, "Device ") && slice_number(&number, 16, 4, 4, &device)) {
        header->device = (uint16_t)device;
        header->device_known = true;
    } else {
        header->device_known = device_by_name(slice_trim(rest), &header->vendor, &header->device);
        if (header->device_known)
            tell_namesakes(header);
    }
}
