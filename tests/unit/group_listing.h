/* SPDX-License-Identifier: MIT */
/**
 * @file group_listing.h
 * Helpers of the group tests: groups as one comparable line.
 */
#ifndef IOMMUSIM_TESTS_GROUP_LISTING_H
#define IOMMUSIM_TESTS_GROUP_LISTING_H

#include "sim/analysis/iommu_groups.h"

/**
 * The groups by number, members by address, e.g. "00:00.0 | 00:01.0 01:00.0"; the segment is printed where it
 * is not 0. The caller's to free().
 */
char *group_listing(const struct iommu_groups *groups);

/** group_listing() of a one-line machine; fails the test where the machine is refused. @p cmdline may be
 * NULL. */
char *group_listing_of(const char *machine, enum iommu_choice choice, const char *cmdline);

/** The same with all options. */
char *group_listing_as(const char *machine, const struct group_options *options);

/** A one-line machine and the groups expected of it. */
struct group_case {
    const char *machine;
    enum iommu_choice choice;
    const char *cmdline; /**< may be NULL */
    const char *groups;  /**< as group_listing() writes them */
};

/** Fail the test at the first case that comes to other groups. */
void group_cases_check(const struct group_case *cases, size_t count);

/**
 * Compare groups with an expected partition: lines of a group number, blanks, an address.
 * @param numbers  the group numbers must agree, too; false: only who is with whom
 * @param ignore   addresses (blank separated) that may have a group or not; NULL: none
 * @return NULL where they agree, else what differs first; the caller's to free()
 */
char *group_difference(const struct iommu_groups *groups, const char *expected, bool numbers,
                       const char *ignore);

#endif
