/* SPDX-License-Identifier: MIT */
/**
 * @file override_exposure.h
 * The ACS override patch shown for what it is. pcie_acs_override= makes the kernel believe in isolation that
 * the hardware does not have: groups are claimed that nothing proves. Here they stand beside the groups of
 * the same machine without the option, with each pair of functions that the option separates although the
 * fabric lets one reach the other.
 */
#ifndef IOMMUSIM_ANALYSIS_OVERRIDE_EXPOSURE_H
#define IOMMUSIM_ANALYSIS_OVERRIDE_EXPOSURE_H

#include "sim/analysis/machine_diff.h"

/** An ordered pair the override separates and the fabric does not. Function ids. */
struct exposed_pair {
    uint32_t source_id, target_id;
    uint8_t rule;   /**< enum route_rule that lets it through */
    uint32_t at_id; /**< the function that applies it; NONE: the root complex */
};

struct override_exposure {
    const struct machine_view *claimed; /**< the machine with the option; borrowed */
    struct machine_view proven;         /**< the same without it */
    uint64_t separated;         /**< unordered pairs in one group without the option, in two with it */
    uint64_t separated_exposed; /**< of these, those where one reaches the other */
    uint64_t separated_silent;  /**< of these, those where neither has anything to reach or to send */
    struct exposed_pair *pairs; /**< by source, then target address */
    size_t pair_count;
};

/**
 * Compare a machine whose command line has pcie_acs_override= with itself without.
 * @param claimed   the machine; must outlive the result
 * @param options  what @p claimed was made with
 * @return the comparison, or NULL where the option is not given. Free with override_exposure_free().
 */
struct override_exposure *override_exposure_new(const struct machine_view *claimed,
                                                const struct group_options *options);
void override_exposure_free(struct override_exposure *exposure);

/** @p cmdline without the words that begin with @p word (e.g. "pcie_acs_override="); quotes keep blanks
 * together. From @p arena. */
char *cmdline_without(struct arena *arena, const char *cmdline, const char *word);

#endif
