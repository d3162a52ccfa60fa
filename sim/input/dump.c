/* SPDX-License-Identifier: MIT */
#include "sim/input/dump.h"

#include "sim/base/arena.h"
#include "sim/topology/topology_build.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_LIMIT = 200, INDEX_MINIMUM = 256 };

struct dump *dump_new(struct diagnostics *diagnostics)
{
    struct dump *dump = memory_alloc(sizeof(*dump));
    dump->diagnostics = diagnostics;
    dump->builder = topology_builder_new();
    dump->arena = topology_builder_topology(dump->builder)->arena;
    dump->rcba_enabled = UNKNOWN;
    dump->stated = (struct kernel_statement){UNKNOWN, UNKNOWN, UNKNOWN};
    return dump;
}

void dump_free(struct dump *dump)
{
    if (!dump)
        return;
    topology_builder_free(dump->builder);
    free(dump->parts);
    free(dump->host_bridges);
    free(dump->reserved);
    free(dump->rmrrs);
    free(dump->units);
    free(dump->memory);
    for (size_t i = 0; i < dump->covered_count; i++)
        free(dump->covered[i].members);
    free(dump->covered);
    for (size_t i = 0; i < dump->group_count; i++)
        free(dump->groups[i].regions);
    free(dump->groups);
    free(dump->index);
    free(dump);
}

void dump_begin_source(struct dump *dump, const struct source_text *source)
{
    dump->source = source;
    dump->source_start = dump->part_count;
    dump->source_count++;
    dump->index_used = 0;
    if (dump->index)
        memset(dump->index, 0, dump->index_size * sizeof(*dump->index));
}

void dump_note_kind(struct dump *dump, const char *kind)
{
    for (unsigned i = 0; i < dump->kind_count; i++) {
        if (strcmp(dump->kinds[i], kind) == 0)
            return;
    }
    if (dump->kind_count < sizeof(dump->kinds) / sizeof(dump->kinds[0]))
        dump->kinds[dump->kind_count++] = kind;
}

static uint64_t part_key(enum dump_rank rank, uint32_t segment, uint8_t bus, uint8_t devfn)
{
    return (uint64_t)rank << 48 | (uint64_t)segment << 16 | pci_requester_id(bus, devfn);
}

static uint64_t key_of(const struct dump_part *part)
{
    return part_key(part->rank, part->function.segment, part->function.bus, part->function.devfn);
}

/* The slot where a key is, or where it would go. */
static size_t index_slot(const struct dump *dump, uint64_t key)
{
    size_t slot = (size_t)(key * 0x9e3779b97f4a7c15U >> 32) & (dump->index_size - 1);
    while (dump->index[slot] && key_of(&dump->parts[dump->index[slot] - 1]) != key)
        slot = (slot + 1) & (dump->index_size - 1);
    return slot;
}

static void index_put(struct dump *dump, size_t part)
{
    size_t slot = index_slot(dump, key_of(&dump->parts[part]));
    dump->index_used += dump->index[slot] == 0;
    dump->index[slot] = (uint32_t)part + 1;
}

static void index_part(struct dump *dump, size_t part)
{
    if (dump->index_used * 2 < dump->index_size) {
        index_put(dump, part);
        return;
    }
    free(dump->index);
    dump->index_size = dump->index_size ? dump->index_size * 4 : INDEX_MINIMUM;
    dump->index = memory_array(dump->index_size, sizeof(*dump->index));
    dump->index_used = 0;
    for (size_t i = dump->source_start; i <= part; i++)
        index_put(dump, i);
}

struct dump_part *dump_add(struct dump *dump, enum dump_rank rank, uint32_t segment, uint8_t bus,
                           uint8_t devfn, size_t offset, const char *where)
{
    dump->parts = memory_grow(dump->parts, dump->part_count, &dump->part_capacity, sizeof(*dump->parts));
    struct dump_part *part = &dump->parts[dump->part_count];
    *part = (struct dump_part){
        .rank = rank,
        .place = {dump->source, offset, where},
        .function = {.segment = segment,
                     .bus = bus,
                     .devfn = devfn,
                     .vendor = 0xffff,
                     .device = 0xffff,
                     .pf_id = NONE,
                     .secondary_bus_id = NONE},
    };
    index_part(dump, dump->part_count++);
    return part;
}

struct dump_part *dump_find(struct dump *dump, enum dump_rank rank, uint32_t segment, uint8_t bus,
                            uint8_t devfn)
{
    if (dump->index_used == 0)
        return NULL;
    uint32_t found = dump->index[index_slot(dump, part_key(rank, segment, bus, devfn))];
    return found ? &dump->parts[found - 1] : NULL;
}

void dump_add_host_bridge(struct dump *dump, const struct dump_host_bridge *bridge)
{
    for (size_t i = 0; i < dump->host_bridge_count; i++) {
        struct dump_host_bridge *known = &dump->host_bridges[i];
        if (known->bridge.segment != bridge->bridge.segment ||
            known->bridge.bus_start != bridge->bridge.bus_start)
            continue;
        if (bridge->rank > known->rank)
            *known = *bridge;
        return;
    }
    dump->host_bridges = memory_grow(dump->host_bridges, dump->host_bridge_count, &dump->host_bridge_capacity,
                                     sizeof(*dump->host_bridges));
    dump->host_bridges[dump->host_bridge_count++] = *bridge;
}

static bool same_scope(const struct iommu_scope *a, const struct iommu_scope *b)
{
    return a->segment == b->segment && a->kind == b->kind && a->bus == b->bus && a->devfn == b->devfn &&
           a->bus_start == b->bus_start && a->bus_end == b->bus_end;
}

void dump_add_reserved(struct dump *dump, const struct reserved_region *region)
{
    for (size_t i = 0; i < dump->reserved_count; i++) {
        const struct reserved_region *known = &dump->reserved[i];
        if (known->base <= region->limit && region->base <= known->limit &&
            same_scope(&known->scope, &region->scope))
            return;
    }
    dump->reserved =
        memory_grow(dump->reserved, dump->reserved_count, &dump->reserved_capacity, sizeof(*dump->reserved));
    dump->reserved[dump->reserved_count++] = *region;
}

void dump_add_rmrr(struct dump *dump, uint64_t base, uint64_t limit)
{
    for (size_t i = 0; i < dump->rmrr_count; i++) {
        if (dump->rmrrs[i].base == base && dump->rmrrs[i].limit == limit)
            return;
    }
    dump->rmrrs = memory_grow(dump->rmrrs, dump->rmrr_count, &dump->rmrr_capacity, sizeof(*dump->rmrrs));
    dump->rmrrs[dump->rmrr_count++] = (struct memory_range){.base = base, .limit = limit};
}

struct dump_unit *dump_add_unit(struct dump *dump, enum dump_rank rank, const struct dump_unit *unit)
{
    if (dump->unit_count && rank < dump->units_rank)
        return NULL;
    if (rank > dump->units_rank)
        dump->unit_count = 0;
    dump->units_rank = rank;
    for (size_t i = 0; i < dump->unit_count; i++) {
        if (unit->base && dump->units[i].base == unit->base)
            return NULL;
    }
    dump->units = memory_grow(dump->units, dump->unit_count, &dump->unit_capacity, sizeof(*dump->units));
    dump->units[dump->unit_count] = *unit;
    return &dump->units[dump->unit_count++];
}

void dump_set_value(struct dump *dump, struct dump_value *value, const char *what, const char *text,
                    enum dump_rank rank, size_t offset, const char *where)
{
    if (!text || (value->text && strcmp(value->text, text) == 0))
        return;
    struct dump_value told = {text, rank, {dump->source, offset, where}};
    const struct dump_value *high = &told, *low = value;
    if (value->text && value->rank > rank)
        high = value, low = &told;
    if (value->text)
        diagnostics_report(dump->diagnostics, DIAGNOSTIC_WARNING, high->place.source, high->place.offset,
                           NULL, "dump-contradiction", "the %s differs from that at %s %s, which is ignored",
                           what, low->place.source->name, low->place.where);
    *value = *high;
}

const char *dump_copy_text(struct arena *arena, const char *at, const char *end)
{
    size_t length = (size_t)(end - at) < TEXT_LIMIT ? (size_t)(end - at) : TEXT_LIMIT;
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, at, length);
    for (size_t i = 0; i < length; i++) {
        if (copy[i] < ' ' || copy[i] > '~')
            copy[i] = '?';
    }
    return copy;
}
