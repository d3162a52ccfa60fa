/* SPDX-License-Identifier: MIT */
/* Cuts an lspci dump into functions and says what each of them tells. */
#include "sim/input/lspci_import.h"

#include "sim/base/arena.h"
#include "sim/input/dump_config.h"
#include "sim/input/dump_way.h"
#include "sim/input/group_list.h"
#include "sim/input/group_table.h"
#include "sim/input/kernel_log_line.h"
#include "sim/input/lspci_fields.h"
#include "sim/input/lspci_record.h"
#include "sim/input/lspci_text_reader.h"

#include <stdlib.h>
#include <string.h>

enum { FUNCTION_LIMIT = 1 << 18 }; /* no machine has more; a hostile file must not fill the memory */

struct import {
    const struct source_text *source;
    struct dump *dump;
    unsigned count;     /* functions */
    size_t first_part;  /* of this text */
    bool extended_seen; /* some function shows rows of extended space */
    bool listed, plain; /* functions came with their groups, or without */

    /* The function being read. */
    bool open;
    bool fields;       /* it is a record of -vmm */
    const char *where; /* "line N" of its header */
    size_t offset;
    struct lspci_header header;
    struct lspci_bytes bytes;
    struct lspci_text text;
    struct group_list listing;
    struct group_table table;
};

struct slice lspci_unquote(struct slice line)
{
    while (line.at < line.end && (*line.at == ' ' || *line.at == '\t' || *line.at == '>' || *line.at == '|'))
        line.at++;
    return slice_trim(line);
}

static struct dump_part *new_part(struct import *import, enum dump_rank rank)
{
    const struct lspci_header *header = &import->header;
    return dump_add(import->dump, rank, header->segment, header->bus, header->devfn, import->offset,
                    import->where);
}

static uint32_t header_facts(const struct lspci_header *header)
{
    uint32_t facts = FACT_REVISION;
    if (header->class_known)
        facts |= FACT_CLASS | FACT_HEADER;
    if (header->interface_known)
        facts |= FACT_INTERFACE;
    if (!header->ids_named)
        facts |= (header->vendor_known ? FACT_VENDOR : 0U) | (header->device_known ? FACT_DEVICE : 0U);
    return facts;
}

static uint32_t capability_facts(const struct lspci_text *text)
{
    const struct pci_function *function = &text->function;
    uint32_t facts = 0;
    if (!text->verbose)
        return 0;
    if (!text->capabilities_hidden)
        facts |= FACT_EXTENDED | FACT_SRIOV | FACT_ACS;
    if (function->acs.present)
        facts |= FACT_ACS | (text->acs_registers ? (uint32_t)FACT_ACS_REGISTERS : 0);
    /* Registers without the line with the type: a mailer lost that. */
    if (function->pcie && !function->pcie_unknown)
        facts |= FACT_TYPE | FACT_EXPRESS;
    else if (function->pcie)
        facts |= FACT_EXPRESS;
    else if (!text->capabilities_hidden)
        facts |= FACT_TYPE | FACT_EXPRESS;
    if (function->link.width || function->link.maximum_width)
        facts |= FACT_LINK;
    if (function->max_payload)
        facts |= FACT_PAYLOAD;
    return facts;
}

static uint32_t text_facts(const struct lspci_text *text)
{
    const struct pci_function *function = &text->function;
    uint32_t facts = header_facts(text->header) | capability_facts(text);
    if (text->details)
        facts |= FACT_DRIVER; /* lspci names the driver if there is one */
    if (text->verbose)
        facts |= FACT_COMMAND | FACT_BARS | FACT_WINDOWS;
    if (text->bus_line)
        facts |= FACT_BUSES | FACT_HEADER | FACT_CLASS;
    if (function->subvendor || function->subdevice)
        facts |= FACT_SUBSYSTEM;
    if (function->group_reported)
        facts |= FACT_GROUP;
    if (text->numa_known)
        facts |= FACT_NUMA;
    return facts;
}

static void add_text(struct import *import)
{
    struct lspci_text *text = &import->text;
    struct arena *arena = import->dump->arena;
    lspci_text_finish(text);
    struct pci_function function = text->function;
    uint32_t facts = text_facts(text);
    if (slice_length(import->header.name) > 0) {
        function.name = dump_copy_text(arena, import->header.name.at, import->header.name.end);
        facts |= FACT_NAME;
    }
    if (text->details)
        function.driver =
            slice_length(text->driver) > 0 ? dump_copy_text(arena, text->driver.at, text->driver.end) : "";
    struct dump_part *part = new_part(import, text->details ? DUMP_TEXT : DUMP_LISTING);
    dump_part_fill(part, &function, facts);
    part->numa_node = text->numa_node;
    if (import->header.ids_named) {
        part = new_part(import, DUMP_INFERRED);
        part->function.vendor = function.vendor;
        part->function.device = function.device;
        part->facts = (import->header.vendor_known ? FACT_VENDOR : 0U) |
                      (import->header.device_known ? FACT_DEVICE : 0U);
    }
}

static void add_bytes(struct import *import, const struct config_space *space)
{
    import->extended_seen |= space->length > CONFIG_PCI_SIZE;
    dump_config_fill(import->dump, new_part(import, DUMP_BYTES), space);
}

/* The bridges a path names, and the function itself, whose bus the last one leads to. */
static void add_way(const struct import *import)
{
    const struct lspci_header *header = &import->header;
    struct dump_step steps[LSPCI_WAY_MAX + 1];
    for (unsigned i = 0; i < header->way_count; i++)
        steps[i] = (struct dump_step){
            .segment = header->segment, .bus = header->way[i].bus, .devfn = header->way[i].devfn};
    steps[header->way_count] =
        (struct dump_step){.segment = header->segment, .bus = header->bus, .devfn = header->devfn};
    if (header->way_count)
        dump_add_way(import->dump, import->offset, import->where, steps, header->way_count + 1);
}

static void finish_function(struct import *import)
{
    if (!import->open)
        return;
    import->open = false;
    unsigned length =
        lspci_bytes_finish(&import->bytes, import->source, import->offset, import->dump->diagnostics);
    struct config_space space = {import->bytes.bytes, length};
    add_text(import);
    add_way(import);
    if (length > 0 && !dump_config_unreachable(&space))
        add_bytes(import, &space);
    import->count++;
}

static void start_function(struct import *import, const struct lspci_header *header, const char *at,
                           unsigned line)
{
    finish_function(import);
    struct diagnostics *diagnostics = import->dump->diagnostics;
    import->open = true;
    import->fields = false;
    import->header = *header;
    import->offset = (size_t)(at - import->source->text);
    import->where = arena_format(import->dump->arena, "line %u", line);
    lspci_bytes_reset(&import->bytes);
    lspci_text_reset(&import->text, &import->header);
    if (import->listing.active) {
        import->text.function.group_reported = true;
        import->text.function.reported_group = import->listing.group;
        import->listed = true;
        group_list_use(&import->listing);
    } else {
        import->plain = true;
    }
    if (import->count == FUNCTION_LIMIT)
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, import->source, import->offset, NULL,
                           "lspci-too-many", "more than %d functions", FUNCTION_LIMIT);
    if (header->path)
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, import->source, import->offset, NULL, "lspci-path",
                           "this path does not tell the bus number; use lspci -PP or no -P at all");
}

/* A line of lspci -vmm. A blank line ends the record. */
static bool read_field(struct import *import, struct slice line, const char *at, unsigned number)
{
    struct lspci_header header;
    if (lspci_fields_start(line, &header)) {
        start_function(import, &header, at, number);
        import->fields = true;
        return true;
    }
    import->fields &= slice_length(line) > 0;
    if (!import->fields || lspci_is_row(line) || lspci_header_parse(line, &header))
        return false;
    lspci_fields_line(&import->text, line);
    return true;
}

/* @p at is where the line stands in the source; a line that was joined again stands elsewhere. */
static void read_line(struct import *import, struct slice line, const char *at, unsigned number)
{
    struct lspci_header header;
    if (read_field(import, line, at, number))
        return;
    struct group_list *listing = &import->listing;
    bool goes_on = import->open && lspci_text_goes_on(&import->text);
    if (!goes_on && group_list_heading(listing, import->open, &line))
        return;
    if (group_list_item(listing, line, &header)) {
        start_function(import, &header, at, number);
    } else if (group_list_may_have_path(listing, line)) {
        const char *where = arena_format(import->dump->arena, "line %u", number);
        size_t offset = (size_t)(at - import->source->text);
        import->listed |= group_list_path(listing, line, import->dump, offset, where);
    } else if (import->open && lspci_is_row(line)) {
        lspci_bytes_add(&import->bytes, line, import->source, import->dump->diagnostics);
    } else {
        if (import->open && !kernel_log_is_line(line))
            lspci_text_line(&import->text, line);
        group_list_other(listing, line);
    }
}

/* A line may hold several functions. @p at is where it stands in the source: not here if it was joined. */
static void read_items(struct import *import, struct slice line, const char *at, unsigned number)
{
    const char *next, *start = line.at;
    bool in_source = at == start;
    while ((next = group_list_next_item(line))) {
        read_line(import, slice_trim((struct slice){line.at, next}), in_source ? line.at : at, number);
        line.at = next;
        import->listing.column = (unsigned)(next - start);
    }
    read_line(import, line, in_source ? line.at : at, number);
}

/* A row of a table of functions. */
static bool read_row(struct import *import, struct slice line, unsigned number)
{
    struct group_table_row row;
    if (!group_table_line(&import->table, line, &row))
        return false;
    import->listing = (struct group_list){.active = row.grouped, .group = row.group, .once = true};
    start_function(import, &row.header, line.at, number);
    return true;
}

static void read_lines(struct import *import)
{
    struct slice rest = {import->source->text, import->source->text + import->source->length}, line;
    unsigned number = 1;
    while (import->count <= FUNCTION_LIMIT && slice_next_line(&rest, &line) &&
           !diagnostics_full(import->dump->diagnostics)) {
        char joined[GROUP_LIST_JOINED];
        if (read_row(import, line, number)) {
            number++;
            continue;
        }
        line = group_list_line(&import->listing, line);
        const char *at = line.at;
        unsigned more = group_list_join(&line, &rest, joined);
        if (more > 0) {
            /* The header keeps pointers into its line. */
            size_t length = slice_length(line);
            char *kept = arena_alloc(import->dump->arena, length + 1);
            memcpy(kept, joined, length);
            line = (struct slice){kept, kept + length};
        }
        read_items(import, line, at, number);
        number += 1 + more;
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
    struct dump *dump = import->dump;
    for (size_t i = import->first_part; i < dump->part_count && import->extended_seen; i++) {
        struct dump_part *part = &dump->parts[i];
        if (part->rank == DUMP_BYTES && (part->facts & FACT_TYPE))
            part->facts |= FACT_ACS | FACT_ACS_REGISTERS | FACT_EXTENDED | FACT_SRIOV;
    }
}

void lspci_read(const struct source_text *source, struct dump *dump)
{
    struct import *import = memory_alloc(sizeof(*import));
    import->source = source;
    import->dump = dump;
    import->first_part = dump->part_count;
    read_lines(import);
    settle_extended_space(import);
    if (import->plain)
        dump_note_kind(dump, "lspci dump");
    if (import->listed)
        dump_note_kind(dump, "list of groups");
    free(import);
}
