/* SPDX-License-Identifier: MIT */
#include "sim/input/dump_way.h"

struct dump_part *dump_way_part(struct dump *dump, enum dump_rank rank, const struct dump_step *step,
                                size_t offset, const char *where)
{
    struct dump_part *part = dump_find(dump, rank, step->segment, step->bus, step->devfn);
    return part ? part : dump_add(dump, rank, step->segment, step->bus, step->devfn, offset, where);
}

/* A bridge on the way: what is below it shows its secondary bus, and how far its buses reach at least. */
static void set_bridge(struct dump_part *part, uint8_t secondary, uint8_t reach)
{
    struct pci_function *function = &part->function;
    if (secondary <= function->bus)
        return;
    function->header_type = 1;
    function->secondary_bus = secondary;
    if (function->subordinate_bus < reach)
        function->subordinate_bus = reach;
    part->facts |= FACT_HEADER | FACT_BUSES;
    if (!(part->facts & FACT_CLASS)) {
        function->class_code = 0x060400;
        part->facts |= FACT_CLASS;
    }
}

static void add_root(struct dump *dump, const char *where, const struct dump_step *step,
                     const struct dump_step *before)
{
    struct dump_host_bridge stated = {
        .rank = DUMP_INFERRED,
        .bridge = {.segment = step->segment, .bus_start = step->bus, .pointer = where}};
    if (before) {
        stated.vmd = true;
        stated.vmd_segment = before->segment;
        stated.vmd_bus = before->bus;
        stated.vmd_devfn = before->devfn;
    }
    dump_add_host_bridge(dump, &stated);
}

void dump_add_way(struct dump *dump, size_t offset, const char *where, const struct dump_step *steps,
                  unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (steps[i].root) {
            add_root(dump, where, &steps[i], i > 0 ? &steps[i - 1] : NULL);
            continue;
        }
        struct dump_part *part = dump_way_part(dump, DUMP_INFERRED, &steps[i], offset, where);
        part->facts |= FACT_PRESENT;
        if (i + 1 == count || steps[i + 1].root)
            continue;
        uint8_t reach = steps[i + 1].bus;
        for (unsigned j = i + 1; j < count && !steps[j].root; j++)
            reach = steps[j].bus > reach ? steps[j].bus : reach;
        set_bridge(part, steps[i + 1].bus, reach);
    }
}
