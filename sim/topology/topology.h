/* SPDX-License-Identifier: MIT */
/**
 * @file topology.h
 * The tree of functions of one machine: a value. Built once (topology_build.h), then const to everyone.
 *
 * Functions are stored in the order in which the kernel processes them (spec of drivers/pci/probe.c and the
 * bus walk of drivers/iommu): host bridges in firmware order; all functions of a bus before anything behind
 * its bridges; bridges descended in order; then VFs (they appear when a driver enables them); then functions
 * behind a VMD (they appear when the vmd driver binds). A function's id is its index in that order.
 */
#ifndef IOMMUSIM_TOPOLOGY_TOPOLOGY_H
#define IOMMUSIM_TOPOLOGY_TOPOLOGY_H

#include "sim/topology/pci_function.h"

#include <stddef.h>

struct arena;
struct topology_index;

/** One bus number in one segment. Buses that only hold VFs have no bridge (self NONE) but a parent. */
struct pci_bus {
    uint32_t id;
    uint32_t segment;
    uint8_t number;
    uint8_t subordinate; /**< highest bus number below, itself included */
    uint32_t self_id;    /**< function whose secondary side this is; NONE on root buses and VF-only buses */
    uint32_t parent_id;  /**< bus above; NONE only on root buses */
    uint32_t host_bridge_id;   /**< the host bridge above */
    const uint32_t *functions; /**< ids of the functions on this bus, ascending devfn */
    uint32_t function_count;
};

/** Between which root ports (and integrated functions) the root complex routes requests of devices. */
enum peer_routing {
    PEER_ROUTING_DEFAULT, /**< topology.root_complex_peer_to_peer: PEER_ROUTING_ALL or PEER_ROUTING_NONE */
    PEER_ROUTING_NONE,    /**< none: requests of peers go to memory or fail */
    PEER_ROUTING_WITHIN,  /**< those of this host bridge */
    PEER_ROUTING_ALL,     /**< also those of other host bridges that route so */
};

/** A host bridge: one root bus, and what memory the root complex routes to it. */
struct host_bridge {
    uint32_t id;
    uint32_t segment;
    uint8_t bus_start, bus_end; /**< bus numbers it owns */
    uint32_t root_bus_id;
    uint32_t vmd_function_id; /**< the VMD endpoint that emulates it, else NONE */
    uint32_t numa_node;
    enum peer_routing peer_routing;
    struct window
        *windows; /**< memory routed to it (arena); the union of BARs and bridge windows below if not given */
    uint32_t window_count;
    bool found; /**< nobody stated it: functions sit on a bus that nothing leads to */
    const char *pointer;
};

enum iommu_kind { IOMMU_NONE, IOMMU_VT_D, IOMMU_AMD_VI, IOMMU_SMMUV3 };

/** One scope entry of a remapping unit (DMAR device scope, IVHD range, IORT id mapping). */
struct iommu_scope {
    uint32_t segment;
    enum {
        SCOPE_FUNCTION,
        SCOPE_BRIDGE,
        SCOPE_BUS_RANGE
    } kind;                     /**< a function; a bridge and all below; all of some buses */
    uint8_t bus, devfn;         /**< SCOPE_FUNCTION, SCOPE_BRIDGE */
    uint8_t bus_start, bus_end; /**< SCOPE_BUS_RANGE, inclusive */
};

/** A remapping unit as firmware tables describe it. Its timing parameters stand in the machine description.
 */
struct iommu_unit {
    uint32_t id;
    enum iommu_kind kind;
    uint32_t segment;
    bool include_all;           /**< DRHD INCLUDE_PCI_ALL: everything of the segment no earlier unit claims */
    struct iommu_scope *scopes; /**< arena */
    uint32_t scope_count;
    enum knowledge interrupt_remapping; /**< UNKNOWN: the input does not say */
    const char *name;                   /**< e.g. "dmar0" */
    const char *pointer;
};

enum reserved_kind { RESERVED_DIRECT, RESERVED_DIRECT_RELAXABLE, RESERVED_MSI, RESERVED_RESERVED };

/** A reserved region firmware or the user states (RMRR, IVMD), beyond those each IOMMU kind implies. */
struct reserved_region {
    enum reserved_kind kind;
    uint64_t base, limit;     /**< inclusive */
    struct iommu_scope scope; /**< to whom it applies; ignored where @c everyone */
    bool everyone;
    const char *pointer;
};

/** A reserved region of a group as a kernel printed it. */
struct reported_region {
    uint64_t base, limit; /**< inclusive */
    const char *type;     /**< the kernel's word: "direct", "msi", ...; arena */
};

/** What a kernel printed about a group it made, beside its members (pci_function.h: reported_group). */
struct reported_group {
    uint32_t number;
    const char *type; /**< of its default domain: "DMA", "DMA-FQ", "identity", ...; NULL not told */
    struct reported_region *regions; /**< as printed; arena */
    uint32_t region_count;
    bool regions_known;
    const char *pointer;
};

/** A range of RAM in the physical address map. */
struct memory_range {
    uint64_t base, limit; /**< inclusive */
    uint32_t numa_node;
    const char *pointer;
};

/** An IVRS alias entry: DMA of @c bus:devfn carries the requester id of @c alias_bus:alias_devfn. */
struct ivrs_alias {
    uint32_t segment;
    uint8_t bus, devfn, alias_bus, alias_devfn;
};

/** What a kernel said of itself when it booted; it is as built and as firmware let it be. */
struct kernel_statement {
    enum knowledge interrupt_remapping; /**< counts where the units are not known; those say it themselves */
    enum knowledge passthrough;         /**< default domains are identity, where no word asks for it */
    enum knowledge strict; /**< unmapping waits for the invalidation, where no word asks for it */
};

/** What the acs.control values of the functions mean. */
enum acs_state {
    ACS_FIRMWARE, /**< as firmware left them: the kernel's enabling is still to be applied */
    ACS_BOOTED,   /**< read on a running system: the kernel's enabling is already in them */
};

struct topology {
    struct arena *arena;                /**< owns everything below */
    const struct topology_index *index; /**< for topology_find(); set by topology_builder_finish() */
    const char *name;                   /**< may be NULL */
    const char *source;                 /**< where the machine comes from, in words; may be NULL */

    struct pci_function *functions; /**< in processing order */
    uint32_t function_count;
    struct pci_bus
        *buses; /**< root buses in firmware order, each followed pre-order by what is below; then VF buses */
    uint32_t bus_count;
    struct host_bridge *host_bridges; /**< in firmware order */
    uint32_t host_bridge_count;

    struct iommu_unit *units; /**< in firmware table order; none where the input does not tell */
    uint32_t unit_count;
    bool units_known; /**< false: the dump cannot tell; true with unit_count 0: there is none */
    struct reserved_region *reserved;
    uint32_t reserved_count;
    struct ivrs_alias *ivrs_aliases;
    uint32_t ivrs_alias_count;

    struct reported_group *reported_groups; /**< ascending numbers; none where not told */
    uint32_t reported_group_count;

    struct memory_range *memory; /**< RAM, ascending; none where not told */
    uint32_t memory_count;

    enum acs_state acs_state;
    enum knowledge rcba_enabled;    /**< Intel LPC bridge RCBA enable (00:1f.0 register f0h bit 0) */
    struct kernel_statement stated; /**< by the kernel that ran */
    bool root_complex_peer_to_peer; /**< the root complex routes requests between its root ports, where a
                                       host bridge says nothing else */
    const char *cmdline;            /**< kernel command line (PCI and IOMMU words); "" where none */
};

/** Free a topology and all it owns. NULL is fine. */
void topology_free(struct topology *topology);

/** The function at an address, or NULL. Constant time but for a search among the functions of one bus. */
const struct pci_function *topology_find(const struct topology *topology, uint32_t segment, uint8_t bus,
                                         uint8_t devfn);

/** The bus with a number in a segment, or NULL. */
const struct pci_bus *topology_find_bus(const struct topology *topology, uint32_t segment, uint8_t number);

/** The bridge function above @p function: the self of its bus, skipping VF-only buses; NULL on a root bus. */
const struct pci_function *topology_parent(const struct topology *topology,
                                           const struct pci_function *function);

/** The physical function of a VF, else @p function: whose PRI and PASID capabilities, which VFs share (PCIe
 * Base Spec 10.5.2, 7.8.9), count for it. */
static inline const struct pci_function *topology_physical_function(const struct topology *topology,
                                                                    const struct pci_function *function)
{
    return function->is_vf && function->pf_id != NONE ? &topology->functions[function->pf_id] : function;
}

/** True where @p ancestor is @p function or a bridge above it. */
bool topology_is_ancestor(const struct topology *topology, const struct pci_function *ancestor,
                          const struct pci_function *function);

/** The root-bus function above (or equal to) @p function: its root port, or itself where no bridge is above
 * it (it sits on a root bus, or it is a VF of a function there). */
const struct pci_function *topology_root_function(const struct topology *topology,
                                                  const struct pci_function *function);

#endif
