/* SPDX-License-Identifier: MIT */
/* Recursive descent over the one-line grammar of synthetic.h. Stops at the first error: one line is quickly
 * mended, and what follows an error would only be guessed. */
#include "sim/topology/synthetic.h"

#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/units.h"
#include "sim/topology/builder_internal.h"
#include "sim/topology/synthetic_option.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAXIMUM_FUNCTIONS = 65536, MAXIMUM_DEPTH = 256, DEFAULT_HOSTS = 4, DEFAULT_HOST_BUSES = 64 };

static const struct synthetic_kind kinds[] = {
    {"rp", "root-port", 0x000c, 0x060400, true, false},
    {"up", "upstream-port", 0x00a0, 0x060400, true, false},
    {"dp", "downstream-port", 0x00a1, 0x060400, true, false},
    {"ep", "endpoint", 0x00a2, 0x020000, true, true},
    {"lep", "legacy-endpoint", 0x00a3, 0x020000, true, true},
    {"rciep", "integrated-endpoint", 0x00a4, 0x020000, false, true},
    {"rcec", "event-collector", 0x00a5, 0x080700, false, false},
    {"pcie2pci", "pcie-to-pci-bridge", 0x000e, 0x060400, true, false},
    {"pci2pcie", "pci-to-pcie-bridge", 0x00a6, 0x060400, true, false},
    {"pci", "conventional", 0x00a7, 0x020000, false, true},
    {"pcibridge", "conventional-bridge", 0x0001, 0x060400, false, false},
};

struct parser {
    const struct source_text *source;
    size_t at;
    struct diagnostics *diagnostics;
    struct topology_builder *builder;
    uint32_t host;
    unsigned depth;
    uint32_t last_of_bus; /* node added last on the bus being read, or NONE */
};

/* Where a node says it sits. */
struct place {
    bool device_known, function_known;
    unsigned device, function;
    size_t at;
};

static bool fail(struct parser *parser, size_t at, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool fail(struct parser *parser, size_t at, const char *code, const char *format, ...)
{
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    diagnostics_report(parser->diagnostics, DIAGNOSTIC_ERROR, parser->source, at, NULL, code, "%s", message);
    return false;
}

static char peek(const struct parser *parser)
{
    if (parser->at >= parser->source->length)
        return '\0';
    return parser->source->text[parser->at];
}

static bool at_end(const struct parser *parser)
{
    return parser->at >= parser->source->length;
}

static bool take(struct parser *parser, char wanted)
{
    if (at_end(parser) || peek(parser) != wanted)
        return false;
    parser->at++;
    return true;
}

static void skip_space(struct parser *parser)
{
    while (!at_end(parser) && strchr(" \t\r\n", peek(parser)))
        parser->at++;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The word at the current place into a buffer; "" where there is none, or none that short. */
static void read_word(struct parser *parser, char *word, size_t size)
{
    size_t length = 0;
    while (!at_end(parser) && is_word(peek(parser))) {
        if (length < size)
            word[length++] = peek(parser);
        parser->at++;
    }
    word[length < size ? length : 0] = '\0';
}

static bool read_number(struct parser *parser, int base, unsigned long maximum, const char *what,
                        unsigned *value)
{
    size_t start = parser->at;
    char word[16], *end;
    read_word(parser, word, sizeof(word));
    unsigned long number = strtoul(word, &end, base);
    if (word[0] == '\0' || *end || number > maximum)
        return fail(parser, start, "synthetic-bad-number",
                    base == 16 ? "%s is a hexadecimal number up to %lx" : "%s is a number up to %lu", what,
                    maximum);
    *value = (unsigned)number;
    return true;
}

static const struct synthetic_kind *read_kind(struct parser *parser)
{
    size_t start = parser->at;
    char word[32];
    read_word(parser, word, sizeof(word));
    if (parser->at == start) {
        char found[8] = "the end";
        if (!at_end(parser))
            snprintf(found, sizeof(found), "'%c'", peek(parser));
        fail(parser, start, "synthetic-syntax",
             "a kind of function is expected here (rp, up, dp, ep, ...), not %s", found);
        return NULL;
    }
    size_t count = sizeof(kinds) / sizeof(kinds[0]);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, kinds[i].name) == 0)
            return &kinds[i];
    }
    const char *near = nearest_name(word, kinds, count, sizeof(kinds[0]));
    fail(parser, start, "synthetic-unknown-kind", "unknown kind \"%s\"%s%s%s", word,
         near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return NULL;
}

static bool read_place(struct parser *parser, struct place *place)
{
    place->at = parser->at;
    if (!take(parser, '@'))
        return true;
    if (peek(parser) != '.') {
        if (!read_number(parser, 16, 31, "a device number", &place->device))
            return false;
        place->device_known = true;
    }
    if (take(parser, '.')) {
        if (!read_number(parser, 16, 7, "a function number", &place->function))
            return false;
        place->function_known = true;
    }
    return true;
}

static bool read_options(struct parser *parser, struct pci_function *function, struct synthetic_extra *extra)
{
    if (!take(parser, '['))
        return true;
    do {
        skip_space(parser);
        size_t start = parser->at;
        char option[128];
        size_t length = 0;
        for (; !at_end(parser) && !strchr(",]()", peek(parser)); parser->at++) {
            if (length + 1 == sizeof(option))
                return fail(parser, start, "synthetic-bad-value", "an option of more than %zu characters",
                            sizeof(option) - 1);
            option[length++] = peek(parser);
        }
        while (length > 0 && strchr(" \t\r\n", option[length - 1]))
            length--;
        option[length] = '\0';
        struct synthetic_error error = {0};
        if (!synthetic_option(topology_builder_topology(parser->builder)->arena, option, function, extra,
                              &error))
            return fail(parser, start + error.offset, error.code, "%s", error.message);
        if (extra->segment_known && !extra->segment_taken) {
            extra->segment_taken = true;
            if (parser->depth > 0)
                return fail(parser, start, "synthetic-bad-value",
                            "seg= belongs to functions of a root bus: what is below is in the same segment");
            parser->builder->hosts[parser->host].host_bridge.segment = extra->segment;
        }
        if (extra->peer_routing_known && !extra->peer_routing_taken) {
            extra->peer_routing_taken = true;
            if (parser->depth > 0)
                return fail(parser, start, "synthetic-bad-value",
                            "p2p= belongs to functions of a root bus: it is the root complex that routes");
            parser->builder->hosts[parser->host].host_bridge.peer_routing = extra->peer_routing;
        }
    } while (take(parser, ','));
    if (!take(parser, ']'))
        return fail(parser, parser->at, "synthetic-syntax", "\",\" or \"]\" is expected here");
    return true;
}

static void set_kind_defaults(struct pci_function *function, const struct synthetic_kind *kind)
{
    memset(function, 0, sizeof(*function));
    function_kind_set(function, kind->word);
    function->vendor = 0x1b36;
    function->device = kind->device;
    function->class_code = kind->class_code;
    function->bus_master = true;
    function->memory_space = true;
    function->real_dma_id = NONE;
    function->pf_id = NONE;
    function->secondary_bus_id = NONE;
    if (kind->linked)
        function->link = (struct link_state){3, 8, 3, 8};
    if (function->pcie) {
        function->max_payload_supported = 256;
        function->max_payload = 256;
        function->max_read_request = 512;
        function->extended_tags = true;
    }
    function->acs.egress_vector_known = true;
}

/* A link has one speed and one width: what is said at one end holds for the other. */
static void agree_on_link(struct parser *parser, uint32_t parent, struct pci_function *child,
                          const struct synthetic_extra *extra, const struct synthetic_extra *above)
{
    if (parent == NONE || !child->link.width)
        return;
    struct pci_function *port = topology_builder_function(parser->builder, parent);
    if (!leads_to_link(port))
        return;
    if (extra->link_known && !above->link_known)
        port->link = child->link;
    else if (!extra->link_known)
        child->link = port->link;
}

static bool read_nodes(struct parser *parser, uint32_t parent, const struct synthetic_extra *above);

/* Place of the i-th copy of a node. */
static bool place_copy(struct parser *parser, const struct place *place, unsigned i, uint32_t parent,
                       struct pci_function *function, struct placement *placement)
{
    unsigned device = place->device, number = place->function;
    if (place->function_known)
        number += i;
    else if (place->device_known)
        device += i;
    if (device > 31 || number > 7)
        return fail(parser, place->at, "synthetic-bad-number",
                    "copy %u has no place: devices end at 1f, functions at 7", i + 1);
    *placement = (struct placement){.host_bridge = parser->host, .parent = parent};
    placement->devfn_known = place->device_known || place->function_known;
    placement->same_slot = place->function_known && !place->device_known;
    function->devfn = pci_devfn(device, number);
    return true;
}

static bool read_below(struct parser *parser, uint32_t node, const struct synthetic_extra *extra)
{
    skip_space(parser);
    size_t start = parser->at;
    if (!take(parser, '('))
        return true;
    if (!owns_bus(topology_builder_function(parser->builder, node)))
        return fail(parser, start, "synthetic-not-a-bridge",
                    "nothing can be below this function: it is no port and no bridge");
    if (++parser->depth > MAXIMUM_DEPTH)
        return fail(parser, start, "synthetic-too-large", "more than %d bridges one below the other",
                    MAXIMUM_DEPTH);
    uint32_t last = parser->last_of_bus;
    parser->last_of_bus = NONE;
    if (!read_nodes(parser, node, extra))
        return false;
    parser->last_of_bus = last;
    parser->depth--;
    if (!take(parser, ')'))
        return fail(parser, parser->at, "synthetic-syntax",
                    at_end(parser) ? "\")\" is missing at the end" : "\")\" is expected here");
    return true;
}

static bool read_node(struct parser *parser, uint32_t parent, const struct synthetic_extra *above)
{
    size_t start = parser->at;
    struct pci_function function;
    struct synthetic_extra extra = {0};
    struct place place = {0};
    unsigned count = 1;
    const struct synthetic_kind *kind = read_kind(parser);
    if (!kind)
        return false;
    size_t count_at = parser->at;
    if (take(parser, '*') && !read_number(parser, 10, MAXIMUM_FUNCTIONS, "a count", &count))
        return false;
    if (count == 0)
        return fail(parser, count_at + 1, "synthetic-bad-number", "a count is at least 1");
    set_kind_defaults(&function, kind);
    if (!read_place(parser, &place) || !read_options(parser, &function, &extra))
        return false;
    if (place.function_known && !place.device_known && parser->last_of_bus == NONE)
        return fail(parser, place.at, "synthetic-bad-place",
                    "\"@.%x\" takes the slot of the node before, but this is the first on its bus",
                    place.function);
    synthetic_finish_options(kind, &function, &extra);
    agree_on_link(parser, parent, &function, &extra, above);
    function.pointer = arena_format(topology_builder_topology(parser->builder)->arena, "byte %zu", start);

    size_t below = parser->at;
    for (unsigned i = 0; i < count; i++) {
        struct placement placement;
        if (topology_builder_count(parser->builder) >= MAXIMUM_FUNCTIONS)
            return fail(parser, start, "synthetic-too-large", "more than %d functions", MAXIMUM_FUNCTIONS);
        if (!place_copy(parser, &place, i, parent, &function, &placement))
            return false;
        uint32_t node = topology_builder_add(parser->builder, &function, placement);
        parser->last_of_bus = node;
        parser->at = below;
        if (!read_below(parser, node, &extra))
            return false;
    }
    return true;
}

static bool read_nodes(struct parser *parser, uint32_t parent, const struct synthetic_extra *above)
{
    for (;;) {
        skip_space(parser);
        if (at_end(parser) || peek(parser) == ')' || peek(parser) == '|')
            return true;
        if (!read_node(parser, parent, above))
            return false;
    }
}

static bool read_host(struct parser *parser, unsigned number)
{
    struct host_bridge host = {.pointer = NULL, .vmd_function_id = NONE};
    unsigned bus = number * DEFAULT_HOST_BUSES;
    skip_space(parser);
    size_t start = parser->at;
    if (parser->source->length - parser->at >= 4 &&
        strncmp(parser->source->text + parser->at, "bus=", 4) == 0) {
        parser->at += 4;
        if (!read_number(parser, 16, 255, "a bus number", &bus))
            return false;
        if (!take(parser, ':'))
            return fail(parser, parser->at, "synthetic-syntax", "\":\" is expected after the bus number");
    } else if (number >= DEFAULT_HOSTS) {
        return fail(parser, start, "synthetic-bad-place",
                    "from the fifth host bridge on its bus number must be said: \"bus=HEX:\"");
    }
    host.bus_start = (uint8_t)bus;
    host.pointer = arena_format(topology_builder_topology(parser->builder)->arena, "byte %zu", start);
    parser->host = topology_builder_add_host_bridge(parser->builder, &host);
    parser->last_of_bus = NONE;
    struct synthetic_extra none = {0};
    return read_nodes(parser, NONE, &none);
}

static bool read_machine(struct parser *parser)
{
    unsigned number = 0;
    skip_space(parser);
    if (at_end(parser))
        return fail(parser, parser->at, "synthetic-syntax", "a machine has at least one function");
    do {
        if (!read_host(parser, number++))
            return false;
    } while (take(parser, '|'));
    if (!at_end(parser))
        return fail(parser, parser->at, "synthetic-syntax", "\")\" without \"(\"");
    return true;
}

static size_t locate_byte(const struct source_text *source, const char *pointer)
{
    static const char prefix[] = "byte ";
    uint64_t offset;
    if (strncmp(pointer, prefix, sizeof(prefix) - 1) != 0 ||
        !number_parse(pointer + sizeof(prefix) - 1, source->length, &offset))
        return DIAGNOSTIC_NO_OFFSET;
    return offset;
}

struct topology *synthetic_parse(const char *name, const char *text, struct diagnostics *diagnostics)
{
    struct source_text source = {name, text, strlen(text)};
    struct parser parser = {
        .source = &source,
        .diagnostics = diagnostics,
        .builder = topology_builder_new(),
        .last_of_bus = NONE,
    };
    if (!read_machine(&parser)) {
        topology_builder_free(parser.builder);
        return NULL;
    }
    topology_builder_topology(parser.builder)->acs_state = ACS_BOOTED;
    return topology_builder_finish(parser.builder, &source, locate_byte, diagnostics);
}

void synthetic_help(struct text_buffer *out)
{
    text_buffer_add(
        out, "A machine in one line, for a FILE: \"synthetic:\" and host bridges with \"|\" between them.\n\n"
             "  synthetic:rp[acs](up(dp*2[acs](ep))) rciep@1f.0[id=8086:a370]\n\n"
             "  host   [bus=HEX:] NODE...                 root bus; else 00, then 40, 80, c0\n"
             "  NODE   KIND[*COUNT][@PLACE][[OPTION,...]][(NODE...)]   in (): what is below\n"
             "  PLACE  DEVICE, DEVICE.FUNCTION or .FUNCTION (of the slot before), hexadecimal\n\n"
             "Kinds:\n");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        text_buffer_format(out, "  %-12s %s\n", kinds[i].name, kinds[i].word);
    text_buffer_add(out, "\nOptions:\n");
    synthetic_option_help(out);
    text_buffer_add(out, "\nWithout options: link 3x8, payload 256, read request 512 bytes, one memory BAR\n"
                         "of 64 KiB on what is no bridge, QEMU's ids.\n");
}
