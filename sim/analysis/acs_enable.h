/* SPDX-License-Identifier: MIT */
/**
 * @file acs_enable.h
 * The state of ACS once the kernel has booted: what it switched on, and what its command line changed.
 *
 * One view a function. It is what the hardware then holds, so routing uses it too; what the kernel *believes*
 * beyond it (quirk list, override) is acs_belief.h.
 *
 * Source: pci_enable_acs(), pci_dev_specific_enable_acs(), pci_dev_specific_disable_acs_redir() of
 * drivers/pci (7.3.4; section 3 of the group specification).
 */
#ifndef IOMMUSIM_ANALYSIS_ACS_ENABLE_H
#define IOMMUSIM_ANALYSIS_ACS_ENABLE_H

#include "sim/analysis/iommu_platform.h"
#include "sim/analysis/isolation_guess.h"

struct acs_view {
    bool present;        /**< there is an ACS capability */
    uint16_t capability; /**< as the kernel remembers it: without SV where that is known to be broken */
    uint16_t control;    /**< in effect; on Intel "SPT" root ports the low half of the dword at offset 8 */
    bool dword_control;  /**< such a port */
    bool pch_isolated;   /**< Intel root port without ACS whose peer decode was switched off through RCBA */
    bool assumed;        /**< the input could not show whether the workaround of @c pch_isolated or
                            @c dword_control took; what stands there was assumed */
    bool changed;        /**< disable_acs_redir or config_acs named this function */
    bool hidden;         /**< the input could not show the registers: what follows was assumed */
    struct isolation_guess guess; /**< meaningful where @c hidden */
};

/** Turn what was assumed (@c assumed, @c hidden) into its opposite, to see what hangs on it. */
void acs_view_flip(struct acs_view *view);

/**
 * Apply what the kernel does at boot.
 *
 * With ACS_FIRMWARE the control registers are firmware's: the kernel's bits are added where ACS is requested,
 * then the options. With ACS_BOOTED they already hold the kernel's bits. The options are applied there, too,
 * so that a what-if needs no second dump: where the registers already are as an option would leave them,
 * nothing changes (the dump was taken with that option); otherwise firmware's value is taken to be the
 * register without the bits the kernel sets.
 *
 * @param arena  for the result
 * @return one view a function, index = function id
 *
 * MODEL: both options start from firmware's value, as since config_acs exists; 6.1 cleared the redirect bits
 * of the kernel's own value. MODEL: RCBA is taken as enabled where the input does not tell.
 */
struct acs_view *acs_enable(const struct topology *topology, const struct iommu_platform *platform,
                            struct arena *arena);

#endif
