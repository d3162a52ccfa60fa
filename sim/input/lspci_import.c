/* SPDX-License-Identifier: MIT */
/* Cuts an lspci dump into functions and hands them to the topology builder. */
#include "sim/input/lspci_import.h"

#include "sim/base/arena.h"
#include "sim/base/units.h"
#include "sim/input/lspci_platform.h"
#include "sim/input/lspci_record.h"
#include "sim/topology/topology_build.h"

#include <stdlib.h>
#include <string.h>

/* What is known of a function beside struct pci_function. */
struct origin {
    size_t offset;   /* of its header line */
    unsigned length; /* bytes of configuration space that were printed */
};

struct import {
    const struct source_text *source;
    struct diagnostics *diagnostics;
    struct topology_builder *builder;
    struct arena *arena;
    struct origin *origins; /* by builder index */
    size_t count, capacity;
    enum knowledge rcba_enabled;
    bool extended_seen; /* some function shows rows of extended space */

    /* The function being read. */
    bool open;
    unsigned line; /* of its header, from 1 */
    size_t offset;
    struct lspci_header header;
    struct lspci_bytes bytes;
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

/* What the header line alone tells. */
static void apply_header(const struct import *import, struct pci_function *function)
{
    const struct lspci_header *header = &import->header;
    function->vendor = header->vendor;
    function->device = header->device;
    function->class_code = header->class_code;
    function->revision = header->revision;
    function->header_type = header->class_code >> 8 == 0x0604 ? 1 : header->class_code >> 8 == 0x0607 ? 2 : 0;
    function->pcie_unknown = function->acs_unknown = true;
}

static void apply_bytes(struct import *import, const struct config_space *space,
                        struct pci_function *function)
{
    const struct lspci_header *header = &import->header;
    config_space_decode(space, function);
    import->extended_seen |= space->length > CONFIG_PCI_SIZE;
    /* A VF shows no ids of its own; whose VF it is, the builder finds from the PF's registers. */
    if (function->vendor == 0xffff) {
        function->vendor = header->vendor;
        function->device = header->device;
    }
    if (function->segment == 0 && function->bus == 0 && function->devfn == pci_devfn(0x1f, 0))
        import->rcba_enabled = lspci_rcba_state(space);
}

static void finish_function(struct import *import)
{
    if (!import->open)
        return;
    import->open = false;
    unsigned length = lspci_bytes_finish(&import->bytes, import->source, import->offset, import->diagnostics);
    struct pci_function function = {
        .segment = import->header.segment,
        .bus = import->header.bus,
        .devfn = import->header.devfn,
        .pf_id = NONE,
        .secondary_bus_id = NONE,
        .pointer = arena_format(import->arena, "line %u", import->line),
    };
    struct config_space space = {import->bytes.bytes, length};
    if (length > 0 && !unreachable(&space))
        apply_bytes(import, &space, &function);
    else
        apply_header(import, &function);
    if (slice_length(import->header.name) > 0)
        function.name = arena_format(import->arena, "%.*s", (int)slice_length(import->header.name),
                                     import->header.name.at);

    import->origins =
        memory_grow(import->origins, import->count, &import->capacity, sizeof(*import->origins));
    import->origins[import->count++] = (struct origin){import->offset, length};
    topology_builder_add(import->builder, &function,
                         (struct placement){.host_bridge = NONE,
                                            .parent = NONE,
                                            .address_known = true,
                                            .multifunction_known = length > 0,
                                            .bus_numbers_known = true});
}

static void start_function(struct import *import, const struct lspci_header *header, const char *at)
{
    finish_function(import);
    import->open = true;
    import->header = *header;
    import->offset = (size_t)(at - import->source->text);
    lspci_bytes_reset(&import->bytes);
    if (header->path)
        diagnostics_report(import->diagnostics, DIAGNOSTIC_ERROR, import->source, import->offset, NULL,
                           "lspci-path",
                           "this path does not tell the bus number; use lspci -PP or no -P at all");
}

static void read_lines(struct import *import)
{
    struct slice rest = {import->source->text, import->source->text + import->source->length}, line;
    struct lspci_header header;
    for (unsigned number = 1; slice_next_line(&rest, &line) && !diagnostics_full(import->diagnostics);
         number++) {
        line = lspci_unquote(line);
        if (lspci_header_parse(line, &header)) {
            start_function(import, &header, line.at);
            import->line = number;
        } else if (import->open && lspci_is_row(line)) {
            lspci_bytes_add(&import->bytes, line, import->source, import->diagnostics);
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
    topology->acs_state = ACS_BOOTED;
    topology->rcba_enabled = import->rcba_enabled;
    topology->source = "lspci dump";
    if (diagnostics_errors(diagnostics) > errors) {
        topology_builder_free(import->builder);
        topology = NULL;
    } else {
        topology = topology_builder_finish(import->builder, source, locate_line, diagnostics);
    }
    free(import->origins);
    free(import);
    return topology;
}
