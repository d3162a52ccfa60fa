/* SPDX-License-Identifier: MIT */
/**
 * @file group_algorithm.h
 * The rule sets by which kernels form, formed, or may one day form IOMMU groups.
 */
#ifndef IOMMUSIM_ANALYSIS_GROUP_ALGORITHM_H
#define IOMMUSIM_ANALYSIS_GROUP_ALGORITHM_H

#include <stdbool.h>

enum group_algorithm {
    GROUP_ALGORITHM_LINUX,     /**< Linux 3.x to 7.3.4 (section 6 of the group specification) */
    GROUP_ALGORITHM_LINUX_5_9, /**< Linux 5.9 before its fix: the kernel skipped enabling where there is no
                                  ACS capability, so that Intel chipset ports without one lost the
                                  workaround that isolates them */
    GROUP_ALGORITHM_ACS_REWORK_V3, /**< the rework proposed in September 2025, third version, not merged: a
                                      bus is judged as a whole, and what has no ACS capability is taken not to
                                      loop requests back (section 9) */
};

/** The name on the command line and in JSON: "linux", "linux-5.9", "acs-rework-v3". Never NULL. */
const char *group_algorithm_name(enum group_algorithm algorithm);

/** Parse a name ("linux-acs-rework-v3" is another word for the last). False leaves @p algorithm untouched. */
bool group_algorithm_parse(const char *text, enum group_algorithm *algorithm);

#endif
