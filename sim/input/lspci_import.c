/* SPDX-License-Identifier: MIT */
/* Cuts an lspci dump into functions and hands them to the topology builder. */
#include "sim/input/lspci_import.h"

#include "sim/base/arena.h"
#include "sim/base/units.h"
#include "sim/input/lspci_guess.h"
#include "sim/input/lspci_platform.h"
#include "sim/input/lspci_record.h"
#include "sim/input/lspci_text_reader.h"
#include "sim/topology/topology_build.h"

#include <stdlib.h>
#include <string.h>

enum {
    FUNCTION_LIMIT = 1 << 18, /* no machine has more; a hostile file must not fill the memory */
    NAME_LIMIT = 200,
};

/* What is known of a function beside struct pci_function. */
struct origin {
    uint32_t segment;
    uint8_t bus, devfn;
    size_t offset;   /* of its header line */
    unsigned length; /* bytes of configuration space that were printed */
    bool device_known;
    bool numa_known;
    uint32_t numa_node;
};

struct import {
    const struct source_text *source;
    struct diagnostics *diagnostics;
    struct topology_builder *builder;
    struct arena *arena;
    struct origin *origins; /* by builder index */
    size_t count, capacity;
    enum knowledge rcba_enabled;
    bool bytes_seen;    /* some function shows bytes */
    bool extended_seen; /* some function shows rows of extended space */

    /* The function being read. */
    bool open;
    unsigned line; /* of its header, from 1 */
    size_t offset;
    struct lspci_header header;
    struct lspci_bytes bytes;
    struct lspci_text text;
};

struct slice lspci_unquote(struct slice line)
{
    while (line.at < line.end && (*line.at == ' ' || *line.at == '\t' || *line.at == '>' || *line.at == '|'))
        line.at++;
    return slice_trim(line);
}

/* Byte offset of "line N". */
static size_t locate_line(const struct source_text *source, const char *pointer)
{
    uint64_t number;
    if (strncmp(pointer, "line ", 5) != 0 || !number_parse(pointer + 5, UINT64_MAX, &number))
        return DIAGNOSTIC_NO_OFFSET;
    struct slice rest = {source->text, source->text + source->length}, line;
    while (slice_next_line(&rest, &line)) {
        if (--number == 0)
            return (size_t)(line.at - source->text);
    }
    return DIAGNOSTIC_NO_OFFSET;
}

/* All ones: the function did not answer when it was dumped (switched off, or gone). */
static bool unreachable(const struct config_space *space)
{
    return config_read8(space, 0x0e) == 0xff && config_read32(space, 8) == UINT32_MAX;
}

/* Bytes tell neither sizes nor what the kernel did; lines of text beside them may. */
static void add_sizes(struct bar *bars, const struct bar *told, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (bars[i].kind == told[i].kind && bars[i].address == told[i].address)
            bars[i].size = told[i].size;
    }
}

static void add_extended(struct pci_function *function, const struct pci_function *told)
{
    function->acs = told->acs;
    function->acs_unknown = told->acs_unknown;
    function->ari = told->ari;
    function->ari_next_function = told->ari_next_function;
    function->ats = told->ats;
    function->ats_enabled = told->ats_enabled;
    function->pri = told->pri;
    function->pasid = told->pasid;
    function->sriov = told->sriov;
}

/* The function as the bytes show it, completed from the text where there is both (lspci -vvv -xxx). */
static void apply_bytes(struct import *import, const struct config_space *space,
                        struct pci_function *function)
{
    const struct pci_function told = *function;
    const struct lspci_text *text = &import->text;
    config_space_decode(space, function);
    import->bytes_seen = true;
    import->extended_seen |= space->length > CONFIG_PCI_SIZE;
    if (text->verbose && !text->capabilities_hidden && function->pcie_unknown) {
        /* The header alone; the text saw the rest. */
        bool multifunction = function->multifunction;
        *function = told;
        function->multifunction = multifunction;
    } else if (text->verbose && function->acs_unknown && !told.acs_unknown) {
        add_extended(function, &told);
    }
    add_sizes(function->bars, told.bars, BAR_COUNT);
    add_sizes(function->sriov.vf_bars, told.sriov.vf_bars, 6);
    /* A VF shows no ids of its own; whose VF it is, the builder finds from the PF's registers. */
    if (function->vendor == 0xffff) {
        function->vendor = told.vendor;
        function->device = told.device;
    }
    if (function->segment == 0 && function->bus == 0 && function->devfn == LSPCI_ISA_BRIDGE)
        import->rcba_enabled = lspci_rcba_state(space);
}

/* A copy that fits into any output: what is no printable ASCII becomes '?'. */
static const char *copy_text(struct arena *arena, struct slice text)
{
    size_t length = slice_length(text) < NAME_LIMIT ? slice_length(text) : NAME_LIMIT;
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text.at, length);
    for (size_t i = 0; i < length; i++) {
        if (copy[i] < ' ' || copy[i] > '~')
            copy[i] = '?';
    }
    return copy;
}

/* Who it is and what the kernel did with it. */
static void identify(struct import *import, struct pci_function *function)
{
    const struct lspci_header *header = &import->header;
    const struct lspci_text *text = &import->text;
    function->segment = header->segment;
    function->bus = header->bus;
    function->devfn = header->devfn;
    function->pf_id = NONE;
    function->secondary_bus_id = NONE;
    function->pointer = arena_format(import->arena, "line %u", import->line);
    if (slice_length(header->name) > 0)
        function->name = copy_text(import->arena, header->name);
    /* lspci names the driver if there is one; text without the line says that there is none. */
    if (text->details)
        function->driver = slice_length(text->driver) > 0 ? copy_text(import->arena, text->driver) : "";
}

static void finish_function(struct import *import)
{
    if (!import->open)
        return;
    import->open = false;
    unsigned length = lspci_bytes_finish(&import->bytes, import->source, import->offset, import->diagnostics);
    struct config_space space = {import->bytes.bytes, length};
    bool readable = length > 0 && !unreachable(&space);
    lspci_text_finish(&import->text);
    struct pci_function function = import->text.function;
    identify(import, &function);
    if (readable)
        apply_bytes(import, &space, &function);

    import->origins =
        memory_grow(import->origins, import->count, &import->capacity, sizeof(*import->origins));
    import->origins[import->count++] = (struct origin){.segment = function.segment,
                                                       .bus = function.bus,
                                                       .devfn = function.devfn,
                                                       .offset = import->offset,
                                                       .length = length,
                                                       .device_known = function.device != 0xffff,
                                                       .numa_known = import->text.numa_known,
                                                       .numa_node = import->text.numa_node};
    function.observed = !readable;
    topology_builder_add(import->builder, &function,
                         (struct placement){.host_bridge = NONE,
                                            .parent = NONE,
                                            .address_known = true,
                                            .multifunction_known = readable,
                                            .addresses_known = true,
                                            .bus_numbers_known = true});
}

static void start_function(struct import *import, const struct lspci_header *header, const char *at)
{
    finish_function(import);
    import->open = true;
    import->header = *header;
    import->offset = (size_t)(at - import->source->text);
    lspci_bytes_reset(&import->bytes);
    lspci_text_reset(&import->text, &import->header);
    if (import->count == FUNCTION_LIMIT)
        diagnostics_report(import->diagnostics, DIAGNOSTIC_ERROR, import->source, import->offset, NULL,
                           "lspci-too-many", "more than %d functions", FUNCTION_LIMIT);
    if (header->path)
        diagnostics_report(import->diagnostics, DIAGNOSTIC_ERROR, import->source, import->offset, NULL,
                           "lspci-path",
                           "this path does not tell the bus number; use lspci -PP or no -P at all");
}

static void read_lines(struct import *import)
{
    struct slice rest = {import->source->text, import->source->text + import->source->length}, line;
    struct lspci_header header;
    for (unsigned number = 1; import->count <= FUNCTION_LIMIT && slice_next_line(&rest, &line) &&
                              !diagnostics_full(import->diagnostics);
         number++) {
        line = lspci_unquote(line);
        if (lspci_header_parse(line, &header)) {
            start_function(import, &header, line.at);
            import->line = number;
        } else if (import->open && lspci_is_row(line)) {
            lspci_bytes_add(&import->bytes, line, import->source, import->diagnostics);
        } else if (import->open) {
            lspci_text_line(&import->text, line);
        }
    }
    finish_function(import);
}

/*
 * 256 bytes of a PCI Express function hide its extended capabilities, unless the same dump shows the extended
 * space of others: then lspci could read it, and there was nothing to print (Linux sizes configuration space
 * so).
 */
static void settle_extended_space(struct import *import)
{
    for (uint32_t i = 0; i < import->count && import->extended_seen; i++) {
        if (import->origins[i].length == CONFIG_PCI_SIZE)
            topology_builder_function(import->builder, i)->acs_unknown = false;
    }
}

static void warn_about_unknowns(struct import *import, unsigned guessed, unsigned numbered)
{
    unsigned nameless = 0;
    size_t first = 0;
    for (uint32_t i = 0; i < import->count; i++) {
        if (import->origins[i].device_known)
            continue;
        first = nameless++ ? first : import->origins[i].offset;
    }
    if (nameless)
        diagnostics_report(import->diagnostics, DIAGNOSTIC_WARNING, import->source, first, NULL,
                           "lspci-no-ids",
                           "the ids of %u function%s are not told; those Linux treats specially were looked "
                           "for by name (lspci -nn prints ids)",
                           nameless, nameless == 1 ? "" : "s");
    if (guessed)
        diagnostics_report(import->diagnostics, DIAGNOSTIC_WARNING, import->source, DIAGNOSTIC_NO_OFFSET,
                           NULL, "lspci-hidden",
                           "the capabilities of %u function%s are hidden; port types are guessed, ACS is "
                           "unknown (run lspci as root)",
                           guessed, guessed == 1 ? "" : "s");
    if (numbered)
        diagnostics_report(import->diagnostics, DIAGNOSTIC_WARNING, import->source, DIAGNOSTIC_NO_OFFSET,
                           NULL, "lspci-no-buses",
                           "no bridge tells its bus numbers; those of %u bridge%s are guessed as firmware "
                           "numbers (lspci -v prints them)",
                           numbered, numbered == 1 ? "" : "s");
}

/* A host bridge is where the functions below it say they are: the last one told decides, they agree. */
static void set_numa_nodes(const struct import *import, struct topology *topology)
{
    for (uint32_t i = 0; i < import->count; i++) {
        const struct origin *origin = &import->origins[i];
        const struct pci_function *function =
            origin->numa_known ? topology_find(topology, origin->segment, origin->bus, origin->devfn) : NULL;
        if (function)
            topology->host_bridges[topology->buses[function->bus_id].host_bridge_id].numa_node =
                origin->numa_node;
    }
}

struct topology *lspci_import(const struct source_text *source, struct diagnostics *diagnostics)
{
    struct import *import = memory_alloc(sizeof(*import));
    unsigned errors = diagnostics_errors(diagnostics);
    import->source = source;
    import->diagnostics = diagnostics;
    import->builder = topology_builder_new();
    struct topology *topology = topology_builder_topology(import->builder);
    import->arena = topology->arena;
    import->rcba_enabled = UNKNOWN;

    read_lines(import);
    settle_extended_space(import);
    unsigned numbered = import->bytes_seen ? 0 : lspci_guess_buses(import->builder);
    unsigned guessed = lspci_guess_types(import->builder);
    if (diagnostics_errors(diagnostics) == errors)
        warn_about_unknowns(import, guessed, numbered);
    topology->acs_state = ACS_BOOTED;
    topology->rcba_enabled = import->rcba_enabled;
    topology->source = "lspci dump";
    if (diagnostics_errors(diagnostics) > errors) {
        topology_builder_free(import->builder);
        topology = NULL;
    } else {
        topology = topology_builder_finish(import->builder, source, locate_line, diagnostics);
    }
    if (topology)
        set_numa_nodes(import, topology);
    free(import->origins);
    free(import);
    return topology;
}
