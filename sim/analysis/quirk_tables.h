/* SPDX-License-Identifier: MIT */
/**
 * @file quirk_tables.h
 * The kernel's three lists of special functions, as typed tables. The rows stand in acs_quirks.def,
 * acs_enable_quirks.def and dma_alias_quirks.def.
 */
#ifndef IOMMUSIM_ANALYSIS_QUIRK_TABLES_H
#define IOMMUSIM_ANALYSIS_QUIRK_TABLES_H

#include "sim/topology/pci_function.h"

#include <stddef.h>

/** The ACS bits that must be in effect for a function to count as isolated from its peers (drivers/iommu,
 * REQ_ACS_FLAGS). */
#define ACS_GROUP_BITS                                                                                       \
    (ACS_SOURCE_VALIDATION | ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT | ACS_UPSTREAM_FORWARDING)

/** When a row of acs_quirks.def applies. ORDER is free; names are those of the rows. */
enum acs_quirk_class {
    ACS_QUIRK_AMD_SB,       /**< multifunction, on a root bus, and the machine has an IVRS table */
    ACS_QUIRK_MF_ENDPOINT,  /**< always: the vendor states that functions do not talk to each other */
    ACS_QUIRK_INTEL_RCIEP,  /**< root complex integrated endpoints */
    ACS_QUIRK_ALWAYS_ISO,   /**< always */
    ACS_QUIRK_INTEL_PCH,    /**< root ports; satisfied only where switching on succeeded */
    ACS_QUIRK_INTEL_SPT,    /**< root ports with an ACS capability whose control is a dword at +8 */
    ACS_QUIRK_CAVIUM_RP,    /**< root ports */
    ACS_QUIRK_AL_RP,        /**< root ports */
    ACS_QUIRK_ZHAOXIN_PORT, /**< root and downstream ports */
    ACS_QUIRK_WANGXUN_NIC,  /**< always */
};

struct acs_quirk {
    uint16_t seq; /**< the kernel's entry number; 0 for a rule that is not of the kernel's table */
    uint16_t vendor, device_low, device_high;
    enum acs_quirk_class class_;
    uint16_t flags; /**< requested bits it satisfies; unused for ACS_QUIRK_INTEL_SPT (the register decides) */
};

/** How a row of acs_enable_quirks.def switches isolation on. */
enum acs_enable_quirk_class {
    ACS_ENABLE_PCH_NO_ACS_CAP, /**< root port without ACS: peer decode off through the LPC bridge's RCBA */
    ACS_ENABLE_SPT_DWORD_CTRL, /**< root port with ACS: the control register is a dword at +8 */
    ACS_ENABLE_DROP_SV,        /**< any: Source Validation is removed from the capability */
    ACS_ENABLE_STORE_FORWARD,  /**< downstream port: the switch goes store-and-forward where RR is on */
};

struct acs_enable_quirk {
    uint16_t vendor, device_low, device_high;
    enum acs_enable_quirk_class class_;
};

/** What further requester ids a row of dma_alias_quirks.def gives. */
enum dma_alias_kind {
    DMA_ALIAS_FUNC0,            /**< function 0 of its slot, unless it is that */
    DMA_ALIAS_FUNC1,            /**< function 1 of its slot, unless it is that; it need not exist */
    DMA_ALIAS_DEVFN_010,        /**< device 01 function 0 of its bus */
    DMA_ALIAS_EVERY_DEVFN,      /**< all 256 */
    DMA_ALIAS_MIC_X200,         /**< 10.0, 11.0 and 12.3 */
    DMA_ALIAS_FUNCTIONS_0_TO_4, /**< functions 0 to 4 of all 32 slots */
    DMA_ALIAS_NTB_PROXY_TABLE,  /**< read from the NTB's own tables: given by the topology (alias_devfns) */
    DMA_ALIAS_BRIDGE_ALIAS,     /**< bridge without PCIe capability that acts as a PCIe-to-PCI bridge */
    DMA_ALIAS_BRIDGE_NO_ALIAS,  /**< PCIe-to-PCI bridge that keeps the requester ids from below */
    DMA_ALIAS_XLATE_ROOT,       /**< translation takes place here: ids above do not matter */
};

struct dma_alias_quirk {
    uint16_t vendor, device;
    uint16_t subvendor, subdevice; /**< 0 matches any */
    enum dma_alias_kind kind;
};

/** All rows in order; @p count is filled. */
const struct acs_quirk *acs_quirk_rows(size_t *count);
const struct acs_enable_quirk *acs_enable_quirk_rows(size_t *count);
const struct dma_alias_quirk *dma_alias_quirk_rows(size_t *count);

/** The row of the ACS list whose class name is printed in reports, e.g. "INTEL_PCH". Never NULL. */
const char *acs_quirk_class_name(enum acs_quirk_class class_);

/** The enabling row that applies to @p function (vendor, device and, where the class asks for it, port type),
 * or NULL. */
const struct acs_enable_quirk *acs_enable_quirk_find(const struct pci_function *function);

/** True where an alias row of @p kind names @p function (ids only). */
bool dma_alias_quirk_matches(const struct pci_function *function, enum dma_alias_kind kind);

#endif
