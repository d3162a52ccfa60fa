/* SPDX-License-Identifier: MIT */
#include "sim/input/hwloc_reader.h"

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/input/slice.h"

#include <expat.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_MAX = 1000,
    CLASS_STORAGE = 0x01,
    CLASS_BRIDGE = 0x0604,
    CLASS_CARDBUS = 0x0607,
    UNKNOWN_ID = 0xffff
};

enum object_kind { OBJECT_OTHER, OBJECT_HOST_BRIDGE, OBJECT_BRIDGE, OBJECT_DEVICE, OBJECT_SYSTEM_DEVICE };

/* An object that is open. */
struct object {
    enum object_kind kind;
    bool good; /* of a function: its address was read */
    size_t offset;
    const char *where;
    struct pci_function function;
    uint32_t facts;
    uint32_t numa_node; /* NONE: several, or not told */
    double rate;        /* GB/s; 0: none */
    double below_rate;  /* of the first function below */
    uint32_t below_class;
    const char *vendor, *device; /* arena, or NULL */
    struct text_buffer names;    /* of the system's devices on it */
};

struct hwloc {
    struct dump *dump;
    const struct source_text *source;
    XML_Parser parser;
    struct object *objects; /* from the outermost to the one open now */
    size_t depth, capacity;
    struct dump_host_bridge *host_bridges; /* in the order of the file */
    size_t host_bridge_count, host_bridge_capacity;
    bool machine_seen; /* the element of the whole */
    bool stopped;      /* told why */
    unsigned functions, odd_rates;
    size_t odd_offset;
};

/* ---- errors ---- */

static size_t offset_now(const struct hwloc *hwloc)
{
    long at = (long)XML_GetCurrentByteIndex(hwloc->parser);
    return at < 0 || (size_t)at > hwloc->source->length ? 0 : (size_t)at;
}

static void report(const struct hwloc *hwloc, size_t offset, enum diagnostic_severity severity,
                   const char *code, const char *text)
{
    diagnostics_report(hwloc->dump->diagnostics, severity, hwloc->source, offset, NULL, code, "%s", text);
}

static void stop(struct hwloc *hwloc, const char *text)
{
    if (!hwloc->stopped)
        report(hwloc, offset_now(hwloc), DIAGNOSTIC_ERROR, "hwloc-xml", text);
    hwloc->stopped = true;
    XML_StopParser(hwloc->parser, XML_FALSE);
}

/* An attribute's value is not what hwloc writes. */
static void refuse(const struct hwloc *hwloc, const char *name, const char *value, const char *expected)
{
    const char *shown = dump_copy_text(hwloc->dump->arena, value, value + strlen(value));
    diagnostics_report(hwloc->dump->diagnostics, DIAGNOSTIC_ERROR, hwloc->source, offset_now(hwloc), NULL,
                       "hwloc-attribute", "%s is \"%s\"; expected %s", name, shown, expected);
}

/* ---- attributes ---- */

static const char *attribute(const char **attributes, const char *name)
{
    for (; *attributes; attributes += 2) {
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    }
    return NULL;
}

static struct slice whole(const char *text)
{
    return (struct slice){text, text + strlen(text)};
}

/* "0000:[04-07]" */
static bool parse_buses(const char *text, uint32_t *segment, uint8_t *first, uint8_t *last)
{
    struct slice rest = whole(text);
    uint64_t domain, low, high;
    if (!slice_number(&rest, 16, 4, 8, &domain) || !slice_skip(&rest, ":[") ||
        !slice_number(&rest, 16, 2, 2, &low) || !slice_skip(&rest, "-") ||
        !slice_number(&rest, 16, 2, 2, &high) || !slice_is(rest, "]") || low > high)
        return false;
    *segment = (uint32_t)domain;
    *first = (uint8_t)low;
    *last = (uint8_t)high;
    return true;
}

static bool parse_pair(struct slice *rest, uint16_t *vendor, uint16_t *device)
{
    uint64_t high, low;
    if (!slice_skip(rest, " [") || !slice_number(rest, 16, 4, 4, &high) || !slice_skip(rest, ":") ||
        !slice_number(rest, 16, 4, 4, &low) || !slice_skip(rest, "]"))
        return false;
    *vendor = (uint16_t)high;
    *device = (uint16_t)low;
    return true;
}

/* "0200 [15b3:1019] [15b3:0008] 00", of version 3 with the programming interface behind it */
static bool parse_type(const char *text, struct object *object)
{
    struct pci_function *function = &object->function;
    struct slice rest = whole(text);
    uint64_t code, revision, interface = 0;
    if (!slice_number(&rest, 16, 4, 4, &code) || !parse_pair(&rest, &function->vendor, &function->device) ||
        !parse_pair(&rest, &function->subvendor, &function->subdevice) || !slice_skip(&rest, " ") ||
        !slice_number(&rest, 16, 2, 2, &revision))
        return false;
    if (slice_skip(&rest, " ")) {
        if (!slice_number(&rest, 16, 2, 2, &interface))
            return false;
        object->facts |= FACT_INTERFACE;
    }
    function->class_code = (uint32_t)(code << 8 | interface);
    function->revision = (uint8_t)revision;
    if (function->vendor) {
        object->facts |= FACT_VENDOR | FACT_DEVICE | FACT_CLASS | FACT_REVISION;
    } else { /* all zeros: hwloc could not read them */
        object->facts &= ~(uint32_t)FACT_INTERFACE;
        function->vendor = function->device = UNKNOWN_ID;
    }
    if (function->subvendor || function->subdevice)
        object->facts |= FACT_SUBSYSTEM;
    return slice_length(rest) == 0;
}

static bool parse_rate(const char *text, double *rate)
{
    char *end;
    *rate = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*rate) && *rate >= 0;
}

/* The node of a set with one: "0x00000002", or words of 32 bits from the highest on: "0x00000001,0x0". */
static uint32_t single_node(const char *set)
{
    uint32_t node = NONE, words = 1;
    for (const char *at = set; *at; at++)
        words += *at == ',';
    struct slice rest = whole(set);
    while (words-- > 0) {
        uint64_t word = 0;
        if (!slice_skip(&rest, "0x") ||
            (!slice_number(&rest, 16, 1, 8, &word) && slice_length(rest) > 0 && *rest.at != ','))
            return NONE;
        slice_skip(&rest, ",");
        if (word & (word - 1) || (word && node != NONE))
            return NONE;
        for (uint32_t bit = 0; bit < 32 && word; bit++)
            node = word >> bit & 1 ? words * 32 + bit : node;
    }
    return node;
}

/* ---- links ---- */

struct link_state hwloc_link(double gigabytes_per_s, uint32_t class_code)
{
    /* GB/s of a lane; hwloc counts 64 GT/s with the line code of 8 GT/s, later versions with that of flits.
     */
    static const struct {
        uint8_t generation;
        double lane;
    } speeds[] = {{1, 2.5 * 8 / 10 / 8},     {2, 5.0 * 8 / 10 / 8},     {3, 8.0 * 128 / 130 / 8},
                  {4, 16.0 * 128 / 130 / 8}, {5, 32.0 * 128 / 130 / 8}, {6, 64.0 * 128 / 130 / 8},
                  {6, 64.0 * 242 / 256 / 8}};
    static const uint8_t widths[] = {4, 16, 8, 4, 2, 1, 12, 32};
    static const double precision = 1e-5; /* six decimals are written */
    bool storage = class_code >> 16 == CLASS_STORAGE;
    for (size_t w = storage ? 0 : 1; w < sizeof(widths); w++) {
        for (size_t s = 0; s < sizeof(speeds) / sizeof(speeds[0]); s++) {
            if (fabs(speeds[s].lane * widths[w] - gigabytes_per_s) <= precision)
                return (struct link_state){.generation = speeds[s].generation, .width = widths[w]};
        }
    }
    return (struct link_state){0};
}

/* Both ends say the same of a link, so that both are taken for what the lower one is. */
static void add_link(struct hwloc *hwloc, const struct object *object)
{
    const struct pci_function *function = &object->function;
    bool port = object->kind == OBJECT_BRIDGE && object->below_rate > 0 &&
                fabs(object->below_rate - object->rate) < 1e-6;
    struct link_state link = hwloc_link(object->rate, port ? object->below_class : function->class_code);
    if (link.width == 0) {
        hwloc->odd_offset = hwloc->odd_rates++ ? hwloc->odd_offset : object->offset;
        return;
    }
    struct dump_part *part = dump_add(hwloc->dump, DUMP_INFERRED, function->segment, function->bus,
                                      function->devfn, object->offset, object->where);
    part->function.link = link;
    part->facts = FACT_LINK;
}

/* ---- objects ---- */

static void begin_host_bridge(struct hwloc *hwloc, struct object *object, const char **attributes)
{
    const char *buses = attribute(attributes, "bridge_pci");
    struct dump_host_bridge stated = {.rank = DUMP_HWLOC};
    uint8_t last;
    if (!buses)
        return;
    if (!parse_buses(buses, &stated.bridge.segment, &stated.bridge.bus_start, &last)) {
        refuse(hwloc, "bridge_pci", buses, "SEGMENT:[FIRST-LAST], for instance 0000:[00-06]");
        return;
    }
    /* The last bus is the last one in use; up to where the host bridge's own go is not told. */
    stated.bridge.numa_node = object->numa_node == NONE ? 0 : object->numa_node;
    stated.bridge.pointer = object->where;
    hwloc->host_bridges = memory_grow(hwloc->host_bridges, hwloc->host_bridge_count,
                                      &hwloc->host_bridge_capacity, sizeof(*hwloc->host_bridges));
    hwloc->host_bridges[hwloc->host_bridge_count++] = stated;
}

static int compare_host_bridges(const void *left, const void *right)
{
    const struct host_bridge *a = &((const struct dump_host_bridge *)left)->bridge,
                             *b = &((const struct dump_host_bridge *)right)->bridge;
    uint64_t key_a = (uint64_t)a->segment << 8 | a->bus_start,
             key_b = (uint64_t)b->segment << 8 | b->bus_start;
    return key_a < key_b ? -1 : key_a > key_b;
}

/* MODEL: hwloc puts them in the order of packages; the firmware's is taken to be that of bus numbers. */
static void add_host_bridges(struct hwloc *hwloc)
{
    if (hwloc->host_bridge_count)
        qsort(hwloc->host_bridges, hwloc->host_bridge_count, sizeof(*hwloc->host_bridges),
              compare_host_bridges);
    for (size_t i = 0; i < hwloc->host_bridge_count; i++)
        dump_add_host_bridge(hwloc->dump, &hwloc->host_bridges[i]);
    free(hwloc->host_bridges);
}

static void take_buses(struct hwloc *hwloc, struct object *object, const char *text)
{
    struct pci_function *function = &object->function;
    uint32_t segment;
    if (!parse_buses(text, &segment, &function->secondary_bus, &function->subordinate_bus)) {
        refuse(hwloc, "bridge_pci", text, "SEGMENT:[FIRST-LAST], for instance 0000:[04-07]");
        return;
    }
    object->facts |= FACT_BUSES;
}

static void begin_function(struct hwloc *hwloc, struct object *object, const char **attributes)
{
    struct pci_function *function = &object->function;
    const char *address = attribute(attributes, "pci_busid"), *type = attribute(attributes, "pci_type"),
               *rate = attribute(attributes, "pci_link_speed"), *buses = attribute(attributes, "bridge_pci");
    if (!address || !bdf_parse(address, &function->segment, &function->bus, &function->devfn)) {
        refuse(hwloc, "pci_busid", address ? address : "", "an address such as 0000:3b:00.0");
        return;
    }
    if (dump_find(hwloc->dump, DUMP_HWLOC, function->segment, function->bus, function->devfn)) {
        diagnostics_report(hwloc->dump->diagnostics, DIAGNOSTIC_ERROR, hwloc->source, object->offset, NULL,
                           "hwloc-twice", "%s is stated twice", address);
        return;
    }
    object->facts = FACT_PRESENT;
    function->vendor = function->device = UNKNOWN_ID;
    if (type && !parse_type(type, object))
        refuse(hwloc, "pci_type", type,
               "CLASS [VENDOR:DEVICE] [SUBVENDOR:SUBDEVICE] REVISION, for instance 0200 [8086:1572] "
               "[8086:0001] 02");
    if (rate && !parse_rate(rate, &object->rate))
        refuse(hwloc, "pci_link_speed", rate, "GB/s, for instance 15.753846");
    if (object->kind == OBJECT_BRIDGE && buses)
        take_buses(hwloc, object, buses);
    bool cardbus = function->class_code >> 8 == CLASS_CARDBUS;
    function->header_type = object->kind == OBJECT_BRIDGE ? (cardbus ? 2 : 1) : 0;
    if (object->kind == OBJECT_BRIDGE || (function->class_code >> 8 != CLASS_BRIDGE && !cardbus))
        object->facts |= FACT_HEADER;
    if (object->rate > 0) {
        function->pcie = true;
        object->facts |= FACT_EXPRESS;
    }
    object->good = true;
}

static enum object_kind kind_of(const char **attributes)
{
    const char *type = attribute(attributes, "type"), *bridge = attribute(attributes, "bridge_type");
    if (!type)
        return OBJECT_OTHER;
    if (strcmp(type, "Bridge") == 0)
        return bridge && strcmp(bridge, "0-1") == 0 ? OBJECT_HOST_BRIDGE : OBJECT_BRIDGE;
    if (strcmp(type, "PCIDev") == 0)
        return OBJECT_DEVICE;
    return strcmp(type, "OSDev") == 0 ? OBJECT_SYSTEM_DEVICE : OBJECT_OTHER;
}

static struct object *innermost(const struct hwloc *hwloc)
{
    return hwloc->depth ? &hwloc->objects[hwloc->depth - 1] : NULL;
}

static void begin_object(struct hwloc *hwloc, const char **attributes)
{
    const struct object *around = innermost(hwloc);
    const char *nodes = attribute(attributes, "nodeset");
    if (hwloc->depth == DEPTH_MAX) {
        stop(hwloc, "more than 1000 objects inside each other");
        return;
    }
    struct object object = {.kind = kind_of(attributes),
                            .offset = offset_now(hwloc),
                            .numa_node = nodes    ? single_node(nodes)
                                         : around ? around->numa_node
                                                  : NONE};
    object.where =
        arena_format(hwloc->dump->arena, "line %lu", (unsigned long)XML_GetCurrentLineNumber(hwloc->parser));
    if (object.kind == OBJECT_HOST_BRIDGE)
        begin_host_bridge(hwloc, &object, attributes);
    else if (object.kind == OBJECT_BRIDGE || object.kind == OBJECT_DEVICE)
        begin_function(hwloc, &object, attributes);
    hwloc->objects = memory_grow(hwloc->objects, hwloc->depth, &hwloc->capacity, sizeof(*hwloc->objects));
    hwloc->objects[hwloc->depth++] = object;
    const char *name = attribute(attributes, "name");
    struct object *above = hwloc->depth > 1 ? &hwloc->objects[hwloc->depth - 2] : NULL;
    if (object.kind == OBJECT_SYSTEM_DEVICE && name && above && above->good)
        text_buffer_format(&above->names, "%s%s", above->names.length ? ", " : "", name);
}

static void take_info(struct hwloc *hwloc, const char **attributes)
{
    struct object *object = innermost(hwloc);
    const char *name = attribute(attributes, "name"), *value = attribute(attributes, "value");
    if (!object || !object->good || !name || !value)
        return;
    const char *text = dump_copy_text(hwloc->dump->arena, value, value + strlen(value));
    if (strcmp(name, "PCIVendor") == 0)
        object->vendor = text;
    else if (strcmp(name, "PCIDevice") == 0)
        object->device = text;
}

/* "Mellanox Technologies MT28800 Family (ib0, mlx5_0)" */
static void take_name(struct hwloc *hwloc, struct object *object)
{
    struct text_buffer text = {0};
    if (object->device)
        text_buffer_format(&text, "%s%s%s", object->vendor ? object->vendor : "", object->vendor ? " " : "",
                           object->device);
    if (object->names.length)
        text_buffer_format(&text, object->device ? " (%s)" : "%s", object->names.text);
    if (text.length) {
        object->function.name = dump_copy_text(hwloc->dump->arena, text.text, text.text + text.length);
        object->facts |= FACT_NAME;
    }
    text_buffer_fini(&text);
}

static void end_object(struct hwloc *hwloc)
{
    struct object *object = &hwloc->objects[--hwloc->depth], *around = innermost(hwloc);
    if (object->good) {
        take_name(hwloc, object);
        struct dump_part *part =
            dump_add(hwloc->dump, DUMP_HWLOC, object->function.segment, object->function.bus,
                     object->function.devfn, object->offset, object->where);
        part->function = object->function;
        part->facts = object->facts;
        if (object->numa_node != NONE) {
            part->numa_node = object->numa_node;
            part->facts |= FACT_NUMA;
        }
        hwloc->functions++;
        if (object->rate > 0)
            add_link(hwloc, object);
        if (around && around->below_rate <= 0) {
            around->below_rate = object->rate;
            around->below_class = object->function.class_code;
        }
    }
    text_buffer_fini(&object->names);
}

/* ---- the document ---- */

static void XMLCALL on_start(void *data, const char *name, const char **attributes)
{
    struct hwloc *hwloc = data;
    if (!hwloc->machine_seen && strcmp(name, "topology") != 0) {
        stop(hwloc, "this is not hwloc's: its outermost element is <topology>");
        return;
    }
    hwloc->machine_seen = true;
    if (strcmp(name, "object") == 0)
        begin_object(hwloc, attributes);
    else if (strcmp(name, "info") == 0)
        take_info(hwloc, attributes);
}

static void XMLCALL on_end(void *data, const char *name)
{
    struct hwloc *hwloc = data;
    if (strcmp(name, "object") == 0 && hwloc->depth)
        end_object(hwloc);
}

static void XMLCALL on_entity(void *data, const char *name, int parameter, const char *value, int length,
                              const char *base, const char *system, const char *public, const char *notation)
{
    (void)name, (void)parameter, (void)value, (void)length, (void)base, (void)system, (void)public,
        (void)notation;
    stop(data, "hwloc declares no entities, and none are taken");
}

static void parse(struct hwloc *hwloc)
{
    if (hwloc->source->length > INT_MAX) {
        report(hwloc, DIAGNOSTIC_NO_OFFSET, DIAGNOSTIC_ERROR, "hwloc-xml", "the file is larger than 2 GiB");
        return;
    }
    hwloc->parser = XML_ParserCreate("UTF-8");
    if (!hwloc->parser)
        abort();
    XML_SetHashSalt(hwloc->parser, 1);
    XML_SetUserData(hwloc->parser, hwloc);
    XML_SetElementHandler(hwloc->parser, on_start, on_end);
    XML_SetEntityDeclHandler(hwloc->parser, on_entity);
    enum XML_Status status =
        XML_Parse(hwloc->parser, hwloc->source->text, (int)hwloc->source->length, XML_TRUE);
    if (status != XML_STATUS_OK && !hwloc->stopped)
        report(hwloc, offset_now(hwloc), DIAGNOSTIC_ERROR, "hwloc-xml",
               XML_ErrorString(XML_GetErrorCode(hwloc->parser)));
    else if (!hwloc->stopped && !hwloc->functions)
        report(hwloc, DIAGNOSTIC_NO_OFFSET, DIAGNOSTIC_ERROR, "hwloc-no-pci",
               "no PCI function is in it; 'lstopo --whole-io --of xml' writes them");
    while (hwloc->depth)
        text_buffer_fini(&hwloc->objects[--hwloc->depth].names);
    free(hwloc->objects);
    XML_ParserFree(hwloc->parser);
}

bool hwloc_recognise(const struct source_text *source)
{
    static const char *const beginnings[] = {"<?xml", "<!DOCTYPE", "<!--", "<topology"};
    struct slice rest = {source->text, source->text + source->length};
    while (slice_length(rest) && strchr(" \t\r\n", *rest.at))
        rest.at++;
    bool xml = false;
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        struct slice begin = rest;
        xml |= slice_skip(&begin, beginnings[i]);
    }
    return xml && slice_find(rest, "<topology") != NULL;
}

void hwloc_read(const struct source_text *source, struct dump *dump)
{
    struct hwloc hwloc = {.dump = dump, .source = source};
    parse(&hwloc);
    add_host_bridges(&hwloc);
    if (hwloc.odd_rates)
        diagnostics_report(dump->diagnostics, DIAGNOSTIC_WARNING, source, hwloc.odd_offset, NULL,
                           "hwloc-link-speed",
                           "%u link%s of a bandwidth that no speed and width give; taken as unknown",
                           hwloc.odd_rates, hwloc.odd_rates == 1 ? " is" : "s are");
    dump_note_kind(dump, "hwloc XML");
}
