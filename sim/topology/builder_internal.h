/* SPDX-License-Identifier: MIT */
/**
 * @file builder_internal.h
 * What the stages of topology_builder_finish() share. Only files of this folder include it.
 *
 * The stages, in order, one file each: bus_numbering.c, virtual_functions.c, bus_tree.c, processing_order.c,
 * address_map.c, topology_check.c. A stage returns false where it reported an error that later stages cannot
 * live with.
 */
#ifndef IOMMUSIM_TOPOLOGY_BUILDER_INTERNAL_H
#define IOMMUSIM_TOPOLOGY_BUILDER_INTERNAL_H

#include "sim/base/diagnostic.h"
#include "sim/topology/topology_build.h"

/** A function under construction. "node" numbers below are indexes of these. */
struct build_node {
    struct pci_function function;
    struct placement placement;
    bool addressed;    /**< segment, bus and devfn are decided */
    uint32_t demand;   /**< bus numbers a bridge and all below it need */
    uint32_t pf_node;  /**< the physical function of a VF, else NONE */
    uint32_t final_id; /**< index in topology.functions, once ordered */
};

/** A host bridge under construction. */
struct build_host {
    struct host_bridge host_bridge;
    uint32_t vmd_node; /**< VMD endpoint that emulates it, else NONE */
};

/** A bus number somebody owns. */
struct build_bus {
    uint32_t segment;
    uint8_t number;
    uint32_t self;   /**< node of the bridge that leads to it, or NONE */
    uint32_t host;   /**< host bridge whose root bus it is, or NONE */
    uint32_t parent; /**< index of the bus above; NONE for root buses */
    uint32_t first;  /**< its functions: builder.sorted[first .. first + count) */
    uint32_t count;
    uint32_t final_id;   /**< index in topology.buses, once ordered */
    uint32_t final_host; /**< index in topology.host_bridges */
};

struct topology_builder {
    struct topology *topology;
    struct build_node *nodes;
    size_t count, capacity;
    struct build_host *hosts;
    size_t host_count, host_capacity;

    /* Valid during topology_builder_finish(). */
    const struct source_text *source;
    locate_function locate;
    struct diagnostics *diagnostics;
    uint32_t *sorted;        /**< all nodes, ascending segment, bus, devfn */
    struct build_bus *buses; /**< ascending segment, number */
    uint32_t bus_count;
};

/** Report a finding about what came from @p pointer (NULL: the input as a whole). */
void topology_report(struct diagnostics *diagnostics, enum diagnostic_severity severity,
                     const struct source_text *source, locate_function locate, const char *pointer,
                     const char *code, const char *format, ...) __attribute__((format(printf, 7, 8)));

#define BUILD_ERROR(builder, pointer, code, ...)                                                             \
    topology_report((builder)->diagnostics, DIAGNOSTIC_ERROR, (builder)->source, (builder)->locate, pointer, \
                    code, __VA_ARGS__)
#define BUILD_WARNING(builder, pointer, code, ...)                                                           \
    topology_report((builder)->diagnostics, DIAGNOSTIC_WARNING, (builder)->source, (builder)->locate,        \
                    pointer, code, __VA_ARGS__)
#define BUILD_NOTE(builder, pointer, code, ...)                                                              \
    topology_report((builder)->diagnostics, DIAGNOSTIC_NOTE, (builder)->source, (builder)->locate, pointer,  \
                    code, __VA_ARGS__)

/** The position of a function as one number: ascending segment, bus, devfn. */
static inline uint64_t address_key(uint32_t segment, uint8_t bus, uint8_t devfn)
{
    return (uint64_t)segment << 16 | pci_requester_id(bus, devfn);
}

/** True for functions that lead to a bus: PCI-PCI and CardBus bridges. */
static inline bool owns_bus(const struct pci_function *function)
{
    return function->header_type == 1 || function->header_type == 2;
}

/** True where only one device can be on the bus below @p bridge: it leads to a link. */
static inline bool leads_to_link(const struct pci_function *bridge)
{
    return function_is_type(bridge, PCIE_ROOT_PORT) || function_is_type(bridge, PCIE_DOWNSTREAM_PORT) ||
           function_is_type(bridge, PCI_TO_PCIE_BRIDGE);
}

/** True for BARs in memory space. */
static inline bool is_memory_bar(const struct bar *bar)
{
    return bar->kind == BAR_MEMORY32 || bar->kind == BAR_MEMORY64;
}

/** Last byte of @p copies BARs one after another, @p unknown bytes where the size is not known; UINT64_MAX
 * where the sum goes beyond the address space. */
static inline uint64_t bar_limit(const struct bar *bar, unsigned copies, uint64_t unknown)
{
    uint64_t bytes, limit;
    if (__builtin_mul_overflow(bar->size ? bar->size : unknown, copies, &bytes) || bytes == 0 ||
        __builtin_add_overflow(bar->address, bytes - 1, &limit))
        return UINT64_MAX;
    return limit;
}

/** Give every function its segment, bus and devfn and every bridge its bus numbers. */
bool build_number_buses(struct topology_builder *builder);

/** Fill builder->sorted; reports functions that share an address. */
bool build_sort(struct topology_builder *builder);

/** Index in builder->sorted of the first node at or after an address. */
uint32_t build_search(const struct topology_builder *builder, uint64_t key);

/** Recognise the VFs of the PFs, make those that nobody added. Keeps builder->sorted in order. */
bool build_virtual_functions(struct topology_builder *builder);

/** Fill builder->buses: who leads to which bus number. Makes host bridges for root buses found. */
bool build_tree(struct topology_builder *builder);

/** The bus with a number, or NONE. */
uint32_t build_find_bus(const struct topology_builder *builder, uint32_t segment, uint8_t number);

/** Pair VMD segments with VMD endpoints. */
void build_pair_vmd(struct topology_builder *builder);

/** Bring functions, buses and host bridges into their final order inside builder->topology. */
void build_order(struct topology_builder *builder);

/** Place BARs and windows without addresses; derive the host bridges' windows. */
void build_place_addresses(struct topology_builder *builder);

/** The same for I/O BARs. @param due  [function] what has no address gets one */
void build_place_ports(struct topology_builder *builder, const bool *due);

/** Make topology->index from the buses. */
void topology_make_index(struct topology *topology);

#endif
