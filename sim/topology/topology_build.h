/* SPDX-License-Identifier: MIT */
/**
 * @file topology_build.h
 * From a heap of functions to a finished topology. The readers (JSON, synthetic, lspci) only fill in what
 * they know; numbering, tree, order and addresses are decided here, once, for all of them.
 *
 *   builder = topology_builder_new();
 *   bridge  = topology_builder_add_host_bridge(builder, &host_bridge);
 *   port    = topology_builder_add(builder, &function, placement);
 *   ...
 *   topology = topology_builder_finish(builder, source, locate, diagnostics);   // frees the builder
 */
#ifndef IOMMUSIM_TOPOLOGY_TOPOLOGY_BUILD_H
#define IOMMUSIM_TOPOLOGY_TOPOLOGY_BUILD_H

#include "sim/base/diagnostic.h"
#include "sim/topology/topology.h"

struct topology_builder;

/** Where a function goes. Indexes are those returned by the builder, not final ids. */
struct placement {
    uint32_t host_bridge; /**< NONE: found by segment and bus number (dumps) */
    uint32_t parent;      /**< bridge it sits below; NONE: on the root bus, or found by bus number (dumps) */
    bool address_known;   /**< segment, bus, devfn of the function are given; false: they are assigned */
    bool devfn_known;     /**< devfn is given although the bus number is not */
    bool multifunction_known; /**< the function's multifunction flag is its header bit; false: also set where
                                 another function is in its slot (functions with raw config count as known) */
    bool bus_numbers_known; /**< secondary and subordinate of a bridge are given; false: they are assigned */
    bool addresses_known;   /**< BARs without an address are unassigned, windows not open are closed: none is
                               placed (functions with raw config count as such) */
    bool same_slot;         /**< in the slot of the sibling added just before: its next free function, or with
                               devfn_known the function number in devfn */
};

/** Turns a function's @c pointer into a byte offset of the source for a diagnostic; DIAGNOSTIC_NO_OFFSET
 * where unknown. */
typedef size_t (*locate_function)(const struct source_text *source, const char *pointer);

struct topology_builder *topology_builder_new(void);
/** Free an unfinished builder and what it holds. NULL is fine. */
void topology_builder_free(struct topology_builder *builder);

/** The topology under construction: set name, source, units, reserved, memory, acs_state, cmdline here; its
 * arena is for the caller's strings. */
struct topology *topology_builder_topology(struct topology_builder *builder);

/** Add a host bridge (segment, bus_start, bus_end, numa_node, windows, pointer are read; bus_end 0 = up to
 * the next one). Returns its index in the builder. Host bridges of buses that functions sit on and nothing
 * leads to need not be added: they are made, in ascending order, after those added. */
uint32_t topology_builder_add_host_bridge(struct topology_builder *builder,
                                          const struct host_bridge *host_bridge);

/** State that @p host_bridge is emulated by the VMD endpoint @p function (both indexes in the builder). Not
 * needed where its segment is 0x10000 or above and the endpoint has one of the known VMD device ids: those
 * are paired in ascending order of segment and address. */
void topology_builder_set_vmd(struct topology_builder *builder, uint32_t host_bridge, uint32_t function);

/** Add a function (copied). Returns its index in the builder. */
uint32_t topology_builder_add(struct topology_builder *builder, const struct pci_function *function,
                              struct placement placement);

/** Number of functions added so far. */
uint32_t topology_builder_count(const struct topology_builder *builder);

/** A function added before, to change it. Valid until the next add. */
struct pci_function *topology_builder_function(struct topology_builder *builder, uint32_t index);

/**
 * Number, link, place and check.
 *
 * 1. Bus numbers where none were given: depth first, as firmware does, around those given; behind each bus
 * as many as its VFs reach into. devfn: the lowest free slot, 00.0 below a link.
 * 2. VFs: functions at the routing ids an enabled SR-IOV capability states; where none of a PF's VFs was
 * added, all are made.
 * 3. The tree from bus numbers; root buses are buses no bridge leads to; VF-only buses; VMD segments.
 * 4. Multifunction from the presence of functions > 0, kernel processing order, ids.
 * 5. Memory BARs without an address and windows not open (see placement.addresses_known): 64-bit
 * prefetchable BARs from 256 GiB or the end of RAM, others from c0000000 to fdffffff (then from 80000000), or
 * in the host bridge's windows where it states any; naturally aligned, largest first; bridges' windows in
 * whole MiB (PCI-to-PCI Bridge Spec 3.2.5). VFs' BARs from their PF's. Host bridge windows from what is
 * below.
 * 6. topology_check().
 *
 * The builder is freed in any case. @return the topology, or NULL with diagnostics.
 */
struct topology *topology_builder_finish(struct topology_builder *builder, const struct source_text *source,
                                         locate_function locate, struct diagnostics *diagnostics);

/**
 * Verify every invariant: ids and order, each bus range inside its parent's and disjoint from its siblings',
 * BARs naturally aligned, inside the windows above them, disjoint and not in RAM, windows nested, VFs where
 * requests are routed to, links of non-zero width, units' scopes and reserved regions naming present
 * functions, ranges that do not end before they begin.
 *
 * Errors are contradictions. Warnings are what real machines show, too: ports where the specification has
 * none, the two ends of a link in disagreement, a BAR below a bridge without open windows, functions on a bus
 * in a bridge's range that no bridge leads to (partial dumps); and contradictions of addresses and links in
 * functions marked observed. What functions with memory space disabled would claim is left alone.
 * @return true if no error was found; findings go to @p diagnostics
 */
bool topology_check(const struct topology *topology, const struct source_text *source, locate_function locate,
                    struct diagnostics *diagnostics);

#endif
