/* SPDX-License-Identifier: MIT */
/**
 * @file iommu_platform.h
 * Which IOMMU a machine has, whether the kernel uses it, and what follows for the whole machine.
 */
#ifndef IOMMUSIM_ANALYSIS_IOMMU_PLATFORM_H
#define IOMMUSIM_ANALYSIS_IOMMU_PLATFORM_H

#include "sim/analysis/group_algorithm.h"
#include "sim/analysis/isolation_guess.h"
#include "sim/analysis/kernel_cmdline.h"

/** What the user said about the machine's IOMMU. */
enum iommu_choice {
    IOMMU_CHOICE_AUTO, /**< the topology's units, or a guess where it tells none */
    IOMMU_CHOICE_VT_D,
    IOMMU_CHOICE_AMD_VI,
    IOMMU_CHOICE_SMMUV3,
    IOMMU_CHOICE_NONE,
};

/** What the user may say about how groups are formed. Zero is the default of every field. */
struct group_options {
    enum iommu_choice choice;
    const char *cmdline; /**< the kernel's command line; NULL: the topology's own where it has one, otherwise
                            the IOMMU is simply on */
    enum group_algorithm algorithm;
    enum isolation_policy assume; /**< of functions whose registers the input hides */
    const char *left_out;         /**< see isolation_guess(); only to measure the table */
};

struct iommu_platform {
    enum group_algorithm algorithm; /**< the rule set, as asked for */
    enum isolation_policy assume;   /**< as asked for */
    const char *left_out;           /**< as asked for */
    enum iommu_kind kind;           /**< IOMMU_NONE: the machine has none */
    bool units_known;     /**< topology->units say which functions are covered; false: one unit is assumed */
    bool groups_reported; /**< the units are unknown and nothing was said about them, but the dump states the
                             groups the kernel made: functions without one are known to be uncovered */
    bool enabled;         /**< the kernel uses it: functions get groups */
    bool acs_requested;   /**< the kernel switches ACS on */
    bool ivrs;            /**< an IVRS table exists (AMD) */
    bool virtualised;     /**< an AMD IOMMU whose capability says that it keeps absent entries, too, which
                             only emulated ones do: the kernel then flushes at once (strict) */
    struct kernel_cmdline cmdline;
};

/** The name of a choice on the command line ("auto", "vt-d", ...), NULL for values outside. */
const char *iommu_choice_name(enum iommu_choice choice);

/** Parse a choice; false leaves @p choice untouched. */
bool iommu_choice_parse(const char *text, enum iommu_choice *choice);

/** The name of a kind: "none", "vt-d", "amd-vi", "smmuv3". */
const char *iommu_kind_name(enum iommu_kind kind);

/**
 * The kind of IOMMU a machine most likely has, from its functions: AMD-Vi where an AMD IOMMU function or, on
 * 00.0 of a root bus, an AMD or Hygon host bridge is seen; SMMUv3 for QEMU's 1b36:0008 host bridge and root
 * ports or host bridges of Arm server vendors, unless an Intel host bridge is seen; else VT-d. Used where the
 * input names no unit.
 */
enum iommu_kind iommu_platform_guess(const struct topology *topology);

/**
 * True where the command line keeps interrupts from being remapped: intremap=off or nointremap, and with an
 * AMD IOMMU amd_iommu=off, which does all or nothing (VT-d remaps interrupts with DMA remapping off, too).
 * The words are x86's.
 */
bool iommu_platform_interrupts_switched_off(const struct iommu_platform *platform);

/** True where entries are made not to check who sends: intremap=nosid, of the VT-d driver. */
bool iommu_platform_interrupts_any_source(const struct iommu_platform *platform);

/**
 * Decide the platform.
 *
 * @param options      what the user said
 * @param arena        for lists of the command line; must outlive @p platform
 * @param diagnostics  gets warnings about words without effect
 *
 * Words: iommu=off, intel_iommu=off, amd_iommu=off switch the matching kind off; without any of them it is on
 * (the Kconfig defaults of distributions). amd_iommu=off leaves ACS requested: the kernel asks for ACS when
 * it finds the IVRS table, before it looks at the switch. Source: drivers/iommu/{intel,amd}, section 3 of the
 * group specification.
 */
void iommu_platform_decide(const struct topology *topology, const struct group_options *options,
                           struct arena *arena, struct diagnostics *diagnostics,
                           struct iommu_platform *platform);

#endif
