/* SPDX-License-Identifier: MIT */
/* The line that starts a function in any lspci output. */
#include "sim/input/lspci_names.h"
#include "sim/input/lspci_record.h"

#include <string.h>

static bool slot(struct slice *rest, uint8_t *devfn)
{
    uint64_t device, function;
    if (!slice_number(rest, 16, 2, 2, &device) || device > 31 || !slice_skip(rest, ".") ||
        !slice_number(rest, 10, 1, 1, &function) || function > 7)
        return false;
    *devfn = pci_devfn((unsigned)device, (unsigned)function);
    return true;
}

/* [segment:]bus:device.function */
static bool address(struct slice *rest, struct lspci_header *header)
{
    struct slice at = *rest;
    uint64_t segment = 0, bus;
    struct slice domain = at;
    if (slice_number(&domain, 16, 4, 6, &segment) && slice_skip(&domain, ":"))
        at = domain;
    else
        segment = 0;
    if (!slice_number(&at, 16, 2, 2, &bus) || !slice_skip(&at, ":") || !slot(&at, &header->devfn))
        return false;
    header->segment = (uint32_t)segment;
    header->bus = (uint8_t)bus;
    *rest = at;
    return true;
}

/* Further components of a path: "/bus:device.function" (lspci -PP) or "/device.function" (-P). */
static bool path(struct slice *rest, struct lspci_header *header)
{
    while (slice_skip(rest, "/")) {
        struct slice at = *rest;
        uint64_t bus;
        if (header->way_count == LSPCI_WAY_MAX)
            return false;
        header->way[header->way_count].bus = header->bus;
        header->way[header->way_count++].devfn = header->devfn;
        if (slice_number(&at, 16, 2, 2, &bus) && slice_skip(&at, ":"))
            header->bus = (uint8_t)bus;
        else
            header->path = true, at = *rest;
        if (!slot(&at, &header->devfn))
            return false;
        *rest = at;
    }
    return true;
}

/* "(rev 02)" and "(prog-if 00 [Normal decode])" stand at the end of the line; they are cut off the name. */
static void annotations(struct slice *name, struct lspci_header *header)
{
    uint64_t value;
    const char *found = slice_find(*name, "(prog-if ");
    if (found) {
        struct slice rest = {found + strlen("(prog-if "), name->end};
        if (slice_number(&rest, 16, 2, 2, &value)) {
            header->class_code = (header->class_code & ~0xffU) | (uint32_t)value;
            header->interface_known = true;
        }
        name->end = found;
    }
    found = slice_find(*name, "(rev ");
    if (found) {
        struct slice rest = {found + strlen("(rev "), name->end};
        if (slice_number(&rest, 16, 2, 2, &value))
            header->revision = (uint8_t)value;
        name->end = found;
    }
    *name = slice_trim(*name);
}

static bool id_pair(struct slice *rest, struct lspci_header *header)
{
    uint64_t vendor, device;
    struct slice at = *rest;
    if (!slice_number(&at, 16, 4, 4, &vendor) || !slice_skip(&at, ":") ||
        !slice_number(&at, 16, 4, 4, &device))
        return false;
    header->vendor = (uint16_t)vendor;
    header->device = (uint16_t)device;
    header->vendor_known = header->device_known = true;
    *rest = at;
    return true;
}

/* "0604: 1b36:000c (rev 02)", in old versions and without a list of names "Class 0604: Device 1b36:000c". */
static bool numeric(struct slice rest, struct lspci_header *header)
{
    uint64_t class_code;
    slice_skip(&rest, "Class ");
    if (!slice_number(&rest, 16, 4, 4, &class_code) || !slice_skip(&rest, ": "))
        return false;
    slice_skip(&rest, "Device ");
    if (!id_pair(&rest, header))
        return false;
    header->class_known = true;
    header->class_code = (uint32_t)class_code << 8;
    header->rest = slice_trim(rest);
    annotations(&rest, header);
    header->name = (struct slice){rest.at, rest.at};
    return true;
}

/* The last "[vvvv:dddd]" of a name. */
static void bracketed_ids(struct slice *name, struct lspci_header *header)
{
    for (const char *at = name->end - 11; slice_length(*name) >= 11 && at >= name->at; at--) {
        struct slice rest = {at, name->end};
        struct lspci_header found = *header;
        if (slice_skip(&rest, "[") && id_pair(&rest, &found) && slice_skip(&rest, "]")) {
            *header = found;
            *name = slice_trim((struct slice){name->at, at});
            return;
        }
    }
}

/* "PCI bridge [0604]", "PCI bridge [Class 0604]", "Class 0604" */
static bool numbered_class(struct slice name, uint32_t *class_code)
{
    const char *open = memchr(name.at, '[', slice_length(name));
    struct slice rest = name;
    uint64_t number;
    for (; open; open = memchr(rest.at, '[', slice_length(rest)))
        rest.at = open + 1;
    slice_skip(&rest, "Class ");
    bool bracketed = rest.at > name.at && slice_number(&rest, 16, 4, 4, &number) &&
                     (slice_is(rest, "]") || slice_length(rest) == 0);
    if (bracketed)
        *class_code = (uint32_t)number << 8;
    return bracketed;
}

/* "PCI bridge [0604]: ..." or "PCI bridge: ..." */
static bool named(struct slice rest, struct lspci_header *header)
{
    const char *colon = slice_find(rest, ": ");
    if (!colon || !((*rest.at >= 'A' && *rest.at <= 'Z') || *rest.at == '['))
        return false;
    struct slice class_name = {rest.at, colon};
    header->class_known = numbered_class(class_name, &header->class_code) ||
                          lspci_class_by_name(class_name, &header->class_code);
    header->rest = slice_trim((struct slice){colon + 2, rest.end});
    lspci_header_settle(header);
    return true;
}

void lspci_header_settle(struct lspci_header *header)
{
    header->name = header->rest;
    annotations(&header->name, header);
    if (header->ids_named) {
        /* Of less of the name than there is now. */
        header->vendor = header->device = 0xffff;
        header->vendor_known = header->device_known = header->ids_named = false;
    }
    bracketed_ids(&header->name, header);
    if (!header->device_known)
        lspci_ids_by_name(header->name, header);
}

bool lspci_header_address(struct slice *line, struct lspci_header *header)
{
    struct slice rest = *line;
    memset(header, 0, sizeof(*header));
    header->vendor = header->device = 0xffff;
    if (!address(&rest, header) || !path(&rest, header) || rest.at == rest.end ||
        (*rest.at != ' ' && *rest.at != '\t'))
        return false;
    *line = slice_trim(rest);
    return true;
}

bool lspci_header_parse(struct slice line, struct lspci_header *header)
{
    return lspci_header_address(&line, header) && slice_length(line) > 0 &&
           (numeric(line, header) || named(line, header));
}
