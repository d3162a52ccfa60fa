/* SPDX-License-Identifier: MIT */
#include "sim/input/dump_merge.h"

#include "sim/base/arena.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Members of struct pci_function a fact consists of. Those with a name are compared: sources that differ in
 * them describe different machines, or one of them is wrong. */
static const struct member {
    uint32_t fact;
    size_t offset, size;
    const char *name;
    unsigned digits; /* hexadecimal; 0: decimal */
} members[] = {
#define MEMBER(fact, member, name, digits)                                                                   \
    {                                                                                                        \
        fact, offsetof(struct pci_function, member), sizeof(((struct pci_function *)NULL)->member), name,    \
            digits                                                                                           \
    }
    MEMBER(FACT_VENDOR, vendor, "vendor id", 4),
    MEMBER(FACT_DEVICE, device, "device id", 4),
    MEMBER(FACT_SUBSYSTEM, subvendor, "subsystem vendor id", 4),
    MEMBER(FACT_SUBSYSTEM, subdevice, "subsystem device id", 4),
    MEMBER(FACT_REVISION, revision, "revision", 2),
    MEMBER(FACT_HEADER, header_type, "header type", 2),
    MEMBER(FACT_MULTIFUNCTION, multifunction, NULL, 0),
    MEMBER(FACT_COMMAND, bus_master, NULL, 0),
    MEMBER(FACT_COMMAND, memory_space, NULL, 0),
    MEMBER(FACT_COMMAND, io_space_disabled, NULL, 0),
    MEMBER(FACT_BARS, bars, NULL, 0),
    MEMBER(FACT_BUSES, secondary_bus, "secondary bus number", 2),
    MEMBER(FACT_BUSES, subordinate_bus, "subordinate bus number", 2),
    MEMBER(FACT_WINDOWS, io_window, NULL, 0),
    MEMBER(FACT_WINDOWS, memory_window, NULL, 0),
    MEMBER(FACT_WINDOWS, prefetchable_window, NULL, 0),
    MEMBER(FACT_EXPRESS, pcie, NULL, 0),
    MEMBER(FACT_TYPE, pcie, "PCI Express capability", 0),
    MEMBER(FACT_TYPE, pcie_type, "PCI Express type", 0),
    MEMBER(FACT_TYPE, pcix, NULL, 0),
    MEMBER(FACT_LINK, link, NULL, 0),
    MEMBER(FACT_PAYLOAD, max_payload_supported, NULL, 0),
    MEMBER(FACT_PAYLOAD, max_payload, NULL, 0),
    MEMBER(FACT_PAYLOAD, max_read_request, NULL, 0),
    MEMBER(FACT_PAYLOAD, extended_tags, NULL, 0),
    MEMBER(FACT_PAYLOAD, ari_forwarding, NULL, 0),
    MEMBER(FACT_PAYLOAD, no_atomic_routing, NULL, 0),
    MEMBER(FACT_PAYLOAD, atomic_egress_blocking, NULL, 0),
    MEMBER(FACT_PAYLOAD, registers, NULL, 0),
    MEMBER(FACT_PAYLOAD, port_number, NULL, 0),
    MEMBER(FACT_ACS, acs.present, "ACS capability", 0),
    MEMBER(FACT_ACS_REGISTERS, acs.capability, "ACS capability register", 4),
    MEMBER(FACT_ACS_REGISTERS, acs.control, "ACS control register", 4),
    MEMBER(FACT_ACS_REGISTERS, acs.egress_vector, NULL, 0),
    MEMBER(FACT_ACS_REGISTERS, acs.egress_vector_more, NULL, 0),
    MEMBER(FACT_ACS_REGISTERS, acs.egress_vector_known, NULL, 0),
    MEMBER(FACT_EXTENDED, ari, NULL, 0),
    MEMBER(FACT_EXTENDED, ari_next_function, NULL, 0),
    MEMBER(FACT_EXTENDED, ari_acs_groups, NULL, 0),
    MEMBER(FACT_EXTENDED, ari_function_group, NULL, 0),
    MEMBER(FACT_EXTENDED, ats, NULL, 0),
    MEMBER(FACT_EXTENDED, ats_enabled, NULL, 0),
    MEMBER(FACT_EXTENDED, pri, NULL, 0),
    MEMBER(FACT_EXTENDED, pasid, NULL, 0),
    MEMBER(FACT_EXTENDED, translation, NULL, 0),
    MEMBER(FACT_SRIOV, sriov, NULL, 0),
    MEMBER(FACT_DRIVER, driver, NULL, 0),
    MEMBER(FACT_GROUP, group_reported, NULL, 0),
    MEMBER(FACT_GROUP, reported_group, "IOMMU group", 0),
    MEMBER(FACT_NAME, name, NULL, 0),
    MEMBER(FACT_DMA_MASK, dma_mask_bits, NULL, 0),
    MEMBER(FACT_TRUST, external_facing, NULL, 0),
    MEMBER(FACT_TRUST, untrusted, NULL, 0),
#undef MEMBER
};

enum { MEMBERS = sizeof(members) / sizeof(members[0]), CLASS_ROW = MEMBERS, ROWS = MEMBERS + 1 };

/* The first contradiction of a kind, and how many there are. */
struct contradiction {
    unsigned count;
    struct dump_part high, low;
};

static uint32_t class_mask(uint32_t facts)
{
    return (facts & FACT_CLASS ? 0xffff00U : 0) | (facts & FACT_INTERFACE ? 0xffU : 0);
}

static uint64_t member_value(const struct member *member, const struct pci_function *function)
{
    uint64_t value = 0;
    if (member->size <= sizeof(value))
        memcpy(&value, (const char *)function + member->offset, member->size); /* little-endian hosts */
    return value;
}

static void note(struct contradiction *contradiction, const struct dump_part *high,
                 const struct dump_part *low)
{
    if (contradiction->count++ == 0) {
        contradiction->high = *high;
        contradiction->low = *low;
    }
}

/* Parts know addresses or sizes: bytes never tell sizes. */
static void fill_sizes(struct bar *bars, const struct bar *told, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (bars[i].kind == told[i].kind && bars[i].address == told[i].address && bars[i].size == 0)
            bars[i].size = told[i].size;
    }
}

static void merge_part(struct dump_part *into, const struct dump_part *part,
                       struct contradiction *contradictions)
{
    uint32_t comparable = part->rank == DUMP_INFERRED ? 0 : into->facts & part->facts;
    uint32_t wanted = part->facts & ~into->facts;
    for (unsigned i = 0; i < MEMBERS; i++) {
        const struct member *member = &members[i];
        if (wanted & member->fact)
            memcpy((char *)&into->function + member->offset, (const char *)&part->function + member->offset,
                   member->size);
        else if (member->name && (comparable & member->fact) &&
                 member_value(member, &into->function) != member_value(member, &part->function))
            note(&contradictions[i], into, part);
    }
    uint32_t mask = class_mask(wanted);
    into->function.class_code = (into->function.class_code & ~mask) | (part->function.class_code & mask);
    if ((into->function.class_code ^ part->function.class_code) & class_mask(comparable))
        note(&contradictions[CLASS_ROW], into, part);
    if (into->facts & part->facts & FACT_BARS)
        fill_sizes(into->function.bars, part->function.bars, BAR_COUNT);
    if (into->facts & part->facts & FACT_SRIOV)
        fill_sizes(into->function.sriov.vf_bars, part->function.sriov.vf_bars, 6);
    if (wanted & FACT_NUMA)
        into->numa_node = part->numa_node;
    into->facts |= part->facts;
}

static void print_value(char *text, size_t size, unsigned row, const struct pci_function *function)
{
    static const struct member class_member = {.digits = 6};
    const struct member *member = row < MEMBERS ? &members[row] : &class_member;
    uint64_t value = row < MEMBERS ? member_value(member, function) : function->class_code;
    if (member->fact == FACT_TYPE)
        snprintf(text, size, "%s", function_kind_name(function));
    else if (member->digits == 0)
        snprintf(text, size, "%" PRIu64, value);
    else
        snprintf(text, size, "%0*" PRIx64, (int)member->digits, value);
}

static void report(struct dump *dump, unsigned row, const struct contradiction *found)
{
    char bdf[BDF_TEXT_SIZE], high[40], low[40], more[60] = "";
    const struct pci_function *function = &found->high.function;
    print_value(high, sizeof(high), row, function);
    print_value(low, sizeof(low), row, &found->low.function);
    if (found->count > 1)
        snprintf(more, sizeof(more), "; likewise of %u more function%s", found->count - 1,
                 found->count > 2 ? "s" : "");
    diagnostics_report(dump->diagnostics, DIAGNOSTIC_WARNING, found->high.place.source,
                       found->high.place.offset, NULL, "dump-contradiction",
                       "the %s of %s is %s here and %s at %s %s, which is ignored%s",
                       row < MEMBERS ? members[row].name : "class",
                       bdf_print(bdf, function->segment, function->bus, function->devfn), high, low,
                       found->low.place.source->name, found->low.place.where, more);
}

struct order {
    uint64_t address;
    uint32_t rank, index;
};

static int compare_orders(const void *left, const void *right)
{
    const struct order *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank > b->rank ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

void dump_merge(struct dump *dump)
{
    struct contradiction *contradictions = memory_array(ROWS, sizeof(*contradictions));
    struct order *orders = memory_array(dump->part_count + 1, sizeof(*orders));
    size_t telling = 0;
    for (size_t i = 0; i < dump->part_count; i++) {
        const struct pci_function *function = &dump->parts[i].function;
        if (dump->parts[i].facts == 0)
            continue;
        orders[telling++] = (struct order){.address = (uint64_t)function->segment << 16 |
                                                      pci_requester_id(function->bus, function->devfn),
                                           .rank = (uint32_t)dump->parts[i].rank,
                                           .index = (uint32_t)i};
    }
    qsort(orders, telling, sizeof(*orders), compare_orders);

    struct dump_part *merged = memory_array(dump->part_count + 1, sizeof(*merged));
    size_t count = 0;
    for (size_t i = 0; i < telling; i++) {
        const struct dump_part *part = &dump->parts[orders[i].index];
        if (i == 0 || orders[i].address != orders[i - 1].address)
            merged[count++] = *part;
        else
            merge_part(&merged[count - 1], part, contradictions);
    }
    for (unsigned row = 0; row < ROWS; row++) {
        if (contradictions[row].count)
            report(dump, row, &contradictions[row]);
    }
    free(dump->parts);
    free(contradictions);
    free(orders);
    dump->parts = merged;
    dump->part_count = dump->part_capacity = count;
}
