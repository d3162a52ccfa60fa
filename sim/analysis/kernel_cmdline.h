/* SPDX-License-Identifier: MIT */
/**
 * @file kernel_cmdline.h
 * The words of a kernel command line that bear on IOMMUs and PCI isolation.
 *
 * | word | read |
 * |---|---|
 * | intel_iommu= | on off igfx_off strict sp_off forcedac; without effect here: sm_on sm_off tboot_noforce
 * nobounce | | amd_iommu= | off fullflush force_enable force_isolation pgtbl_v1 pgtbl_v2 irtcachedis
 * nohugepages ... | | iommu= (x86) | off pt nopt force noforce soft and the historic words | |
 * iommu.passthrough= iommu.strict= iommu.forcedac= | truth values | | swiotlb= | slots of 2 KiB, then areas,
 * force, noforce | | pci= | noats, disable_acs_redir=, config_acs=; its other words are left alone | |
 * intremap= | on off nosid no_x2apic_optout nopost posted_msi; nointremap is the old word for off | |
 * vfio_iommu_type1.allow_unsafe_interrupts= | a truth value; '-' and '_' are the same in its name | |
 * pcie_acs_override= | downstream multifunction id:vvvv:dddd (out-of-tree patch) |
 *
 * Other words are ignored, as the kernel ignores them here; a word given to one of the parameters above that
 * the kernel does not know ("amd_iommu=pt") does nothing there either, and is reported as a warning.
 * Source: kernel-parameters.txt, drivers/iommu/{intel,amd}, arch/x86/kernel/pci-dma.c, drivers/pci/pci.c.
 */
#ifndef IOMMUSIM_ANALYSIS_KERNEL_CMDLINE_H
#define IOMMUSIM_ANALYSIS_KERNEL_CMDLINE_H

#include "sim/analysis/device_selector.h"
#include "sim/base/arena.h"
#include "sim/base/diagnostic.h"

/** One entry of pci=disable_acs_redir= (mask and flags unused) or pci=config_acs=. */
struct acs_option {
    struct device_selector selector;
    uint16_t mask;  /**< control bits it decides */
    uint16_t flags; /**< their values */
};

enum { ACS_OVERRIDE_IDS = 15 };

/** Three values of a switch: not given, off, on. */
enum given { NOT_GIVEN, GIVEN_OFF, GIVEN_ON };

struct kernel_cmdline {
    enum given intel_iommu;    /**< intel_iommu=on|off */
    bool intel_graphics_off;   /**< intel_iommu=igfx_off */
    bool amd_iommu_off;        /**< amd_iommu=off */
    bool iommu_off;            /**< iommu=off (x86) */
    enum given passthrough;    /**< iommu=pt|nopt, iommu.passthrough= */
    enum given strict;         /**< iommu.strict=, intel_iommu=strict, amd_iommu=fullflush */
    bool ats_off;              /**< pci=noats */
    bool intel_superpages_off; /**< intel_iommu=sp_off: pages of 4 KiB only */
    bool amd_superpages_off;   /**< amd_iommu=nohugepages */
    bool forcedac;          /**< iommu.forcedac=, intel_iommu=forcedac: addresses below 4 GiB are not first */
    uint64_t swiotlb_slots; /**< swiotlb=N; 0: not given */
    uint32_t swiotlb_areas; /**< swiotlb=N,N; 0: not given */
    enum given swiotlb_force;       /**< swiotlb=force|noforce: all DMA bounces, or none */
    enum given interrupt_remapping; /**< intremap=on|off, nointremap */
    bool interrupts_any_source;     /**< intremap=nosid: entries do not check who sends */
    enum given unsafe_interrupts;   /**< vfio_iommu_type1.allow_unsafe_interrupts= */

    struct acs_option *disable_acs_redir; /**< arena; first match counts */
    uint32_t disable_acs_redir_count;
    struct acs_option *config_acs; /**< arena; first match counts */
    uint32_t config_acs_count;

    bool override_downstream;    /**< pcie_acs_override=downstream */
    bool override_multifunction; /**< pcie_acs_override=multifunction */
    struct {
        uint16_t vendor, device;
    } override_ids[ACS_OVERRIDE_IDS];
    uint32_t override_id_count;
};

/**
 * Parse a command line. Words are separated by blanks; double quotes keep blanks together; "--" ends the
 * kernel's part. Where a parameter is given twice the kernel's rule holds (lists replace, switches: last
 * wins).
 * @param text         the command line; NULL or "" is a machine without options
 * @param arena        for the lists; must outlive @p cmdline
 * @param diagnostics  gets warnings (code "cmdline-no-effect", "cmdline-malformed"), never errors: a kernel
 * boots with any command line
 */
void kernel_cmdline_parse(const char *text, struct arena *arena, struct diagnostics *diagnostics,
                          struct kernel_cmdline *cmdline);

/** Highest control bit that pci=config_acs= may set: Direct Translated, or with ACS Enhanced known to the
 * kernel (the rework of 2025) Unclaimed Request Redirect. */
enum { ACS_CONTROL_LAST_BIT = 6, ACS_ENHANCED_LAST_BIT = 12 };

/** kernel_cmdline_parse() for a kernel whose config_acs takes flags up to bit @p acs_last_bit. */
void kernel_cmdline_parse_bits(const char *text, unsigned acs_last_bit, struct arena *arena,
                               struct diagnostics *diagnostics, struct kernel_cmdline *cmdline);

/** True where pcie_acs_override was given at all. */
bool kernel_cmdline_overrides_acs(const struct kernel_cmdline *cmdline);

#endif
