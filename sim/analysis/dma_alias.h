/* SPDX-License-Identifier: MIT */
/**
 * @file dma_alias.h
 * Under which requester ids the DMA of a function may arrive at the IOMMU.
 *
 * Source: pci_for_each_dma_alias() and pci_devs_are_dma_aliases() of drivers/pci/search.c (7.3.4; section 5
 * of the group specification).
 */
#ifndef IOMMUSIM_ANALYSIS_DMA_ALIAS_H
#define IOMMUSIM_ANALYSIS_DMA_ALIAS_H

#include "sim/base/arena.h"
#include "sim/topology/topology.h"

/** A set of devfns of one bus. */
struct devfn_set {
    uint64_t bits[4];
};

static inline bool devfn_set_has(const struct devfn_set *set, uint8_t devfn)
{
    return set->bits[devfn >> 6] >> (devfn & 63U) & 1U;
}

static inline void devfn_set_add(struct devfn_set *set, uint8_t devfn)
{
    set->bits[devfn >> 6] |= UINT64_C(1) << (devfn & 63U);
}

/** The devfns that @p function also uses on its own bus: quirks, the topology's alias_devfns (NTB proxies)
 * and IVRS aliases. */
struct devfn_set dma_alias_set(const struct topology *topology, const struct pci_function *function);

/** The function whose requester id the DMA of @p function really carries (itself, or its VMD endpoint). */
const struct pci_function *dma_alias_real_function(const struct topology *topology,
                                                   const struct pci_function *function);

/** dma_alias_set() of all functions; index = function id; from @p arena. */
struct devfn_set *dma_alias_sets(const struct topology *topology, struct arena *arena);

/** True where @p a and @p b, functions of one bus, may use each other's requester id.
 * @param sets  of dma_alias_sets() */
bool dma_alias_pair(const struct topology *topology, const struct devfn_set *sets,
                    const struct pci_function *a, const struct pci_function *b);

/** True for a bridge without PCIe capability that the kernel takes for a PCIe-to-PCI bridge. */
bool dma_alias_is_alias_bridge(const struct topology *topology, const struct pci_function *bridge);

/** One alias: @c owner is the function it belongs to (the function asked for, or a bridge above it). */
struct dma_alias {
    const struct pci_function *owner;
    uint32_t segment;
    uint16_t requester_id;
};

/** Called for each alias; true stops the walk. */
typedef bool (*dma_alias_visit)(void *data, const struct dma_alias *alias);

/**
 * Walk the aliases of a function: its own id, those of dma_alias_set() ascending, then upwards each bridge
 * that takes ownership (PCIe-to-PCI: its secondary bus, 00.0; PCI-to-PCIe and conventional bridges: their own
 * id). The last one visited is the requester id under which conventional devices are seen.
 * @return true where @p visit stopped it
 */
bool dma_alias_walk(const struct topology *topology, const struct pci_function *function,
                    dma_alias_visit visit, void *data);

#endif
