/* SPDX-License-Identifier: MIT */
/**
 * @file fabric.h
 * A topology prepared for routing: who claims which address, I/O port and id on which bus, and the ACS bits
 * in force. Built once for a machine, then const; route.h is the only one who needs to look inside.
 *
 * What decodes: memory BARs with an address whose function has Memory Space Enable, VF BARs of PFs with VF
 * Enable, and open memory windows of bridges with Memory Space Enable; I/O BARs and windows likewise.
 * MODEL: where the input is no configuration space, I/O BARs and windows with an address decode: texts and
 * topologies do not tell I/O Space Enable.
 * MODEL: a BAR of unknown size (configuration space alone does not tell it) counts as 4 KiB, less where the
 * next BAR begins earlier.
 * MODEL: expansion ROMs do not decode (firmware and kernel leave them disabled).
 * MODEL: Bus Master Enable is not looked at: whoever drives a function can set it, and the kernel sets it in
 * all bridges above a function in use.
 */
#ifndef IOMMUSIM_PCIE_FABRIC_H
#define IOMMUSIM_PCIE_FABRIC_H

#include "sim/topology/topology.h"

/** A range of addresses (or of segment << 16 | requester id) and who takes it. */
struct fabric_claim {
    uint64_t base, limit; /**< inclusive */
    uint32_t function_id; /**< NONE: a hole of a host bridge's window */
};

/** Claims of a bus: ascending, disjoint. */
struct fabric_claims {
    const struct fabric_claim *items;
    uint32_t count;
};

/** How functions on a bus reach each other. */
enum fabric_bus_kind {
    BUS_ROOT,     /**< a root bus: the root complex routes */
    BUS_LINK,     /**< below a root or downstream port: the functions of one device */
    BUS_INTERNAL, /**< inside a switch, below the upstream port: the switch routes */
    BUS_SHARED,   /**< conventional PCI or PCI-X: everyone sees everything */
};

struct fabric_bus {
    enum fabric_bus_kind kind;
    uint32_t self_id;             /**< bridge above, NONE on root buses */
    uint32_t vmd_function_id;     /**< root buses of VMD domains: the VMD endpoint, else NONE */
    struct fabric_claims address; /**< root buses: of all host bridges, those of VMD domains excepted */
    struct fabric_claims io;      /**< by I/O port; root buses: as above */
    struct fabric_claims id;      /**< by segment << 16 | requester id; root buses: as above */
    uint32_t host_bridge_id;
};

/** What a function does with transactions on its way. */
enum fabric_node_kind {
    NODE_ENDPOINT,      /**< anything without a bus below */
    NODE_PORT,          /**< root port or switch downstream port */
    NODE_UPSTREAM_PORT, /**< of a switch */
    NODE_BRIDGE,        /**< PCIe-to-PCI, PCI-to-PCIe or conventional bridge */
    NODE_VMD,           /**< endpoint that emulates a host bridge */
};

/** Whose requester id transactions from below carry above a bridge. */
enum fabric_ownership {
    OWNER_REQUESTER, /**< unchanged */
    OWNER_SECONDARY, /**< secondary bus, device 0, function 0 (PCIe-to-PCI/PCI-X Bridge Spec 2.3) */
    OWNER_SPLIT, /**< the bus below is in PCI-X mode: what gets no completion keeps its requester's id; the
                    rest is as OWNER_SECONDARY, the bridge owns its split completions */
    OWNER_SELF,  /**< the bridge's own id */
};

/** An enabled BAR of a function. */
struct fabric_bar {
    uint64_t base, limit;
    uint8_t index; /**< number of the BAR in the function */
};

struct fabric_node {
    uint32_t parent_id; /**< bridge above (for VFs: above the PF), NONE on root buses */
    uint32_t bus_id;    /**< bus it is on (for VFs: the PF's) */
    uint32_t below_id;  /**< bus below a bridge, root bus of a VMD endpoint; NONE */
    uint32_t bar_first; /**< its BARs are fabric.bars[bar_first .. bar_first + bar_count) */
    uint32_t bar_count; /**< enabled memory BARs */
    uint32_t io_first;  /**< its I/O BARs are fabric.io_bars[io_first .. io_first + io_count) */
    uint32_t io_count;
    bool bars_alike; /**< on every bus above, all BARs are claimed by the same functions: what is routed to
                        one goes where it would go to another */
    uint16_t acs_control; /**< control bits in force, or their equivalent without a capability */
    uint16_t acs_capability;
    bool acs_present;
    bool acs_hidden;       /**< the input hides the registers: what control says is assumed */
    bool peer_decode_off;  /**< acs_isolates_anyway() */
    const struct acs *acs; /**< with the Egress Control Vector */
    uint16_t egress_index; /**< bit of this port or function in the vectors of its peers, or NO_EGRESS_INDEX;
                              ports: Port Number; functions: Function Number or, with ARI function groups,
                              Function Group Number */
    enum fabric_node_kind kind;
    enum fabric_ownership ownership;
    uint16_t requester_id; /**< own */
    uint16_t slot;         /**< device number, by which functions of a root bus belong together */
    uint8_t secondary, subordinate;
    bool routes_no_atomics; /**< a port: its DevCap2 says so */
    bool blocks_atomics;    /**< a port: AtomicOp Egress Blocking */
    uint64_t windows[2][2]; /**< [memory, prefetchable][base, limit]; closed: base > limit */
    uint64_t io_window[2];  /**< [base, limit] */
};

enum { NO_EGRESS_INDEX = 0xffff };

struct fabric {
    const struct topology *topology;
    struct fabric_node *nodes; /**< [function] */
    struct fabric_bus *buses;  /**< [bus] */
    struct fabric_bar *bars, *io_bars;
    struct fabric_claims root_address, root_io, root_id; /**< of all root buses outside VMD domains */
};

/** True where the root complex routes requests from a function on a root bus to another one, untranslated and
 * of its own accord. Both are on root buses. */
bool fabric_routes_peers(const struct fabric *fabric, uint32_t from_id, uint32_t to_id);

/**
 * True where the input states that the host bridge of two root ports in one slot routes nothing between its
 * ports.
 *
 * Root ports are no functions of a device as others are (PCIe Base Spec 6.12.1.2 leaves them out): the root
 * complex routes between them or does not, whatever slot they are in. MODEL: where the input does not state
 * it, those of one slot count as able to: chipsets are known that do (Intel's PCH, until the kernel switches
 * its peer decode off).
 */
bool fabric_keeps_ports_apart(const struct fabric *fabric, uint32_t a_id, uint32_t b_id);

/**
 * Prepare @p topology for routing.
 * @param arena        owns the result
 * @param topology     finished topology; must outlive the result
 * @param acs_control  [function] ACS control bits in force in the hardware, as fabric_acs_in_force() makes
 *                     them; only read here. NULL: fabric_acs_in_force() for the topology as it stands.
 * @return never NULL
 */
struct fabric *fabric_new(struct arena *arena, const struct topology *topology, const uint16_t *acs_control);

#endif
