/* SPDX-License-Identifier: MIT */
/**
 * @file walks_in_flight.h
 * The page walks a unit has under way or waiting, by domain and 4 KiB page: what a miss looks up to join one
 * (parameter merge_inflight). There is at most one of a page, since a second miss joins the first. Or only
 * the last one of each requester, for reads and for posted requests apart: what the TLPs behind it join
 * (parameter merge_consecutive).
 *
 * MODEL: the match is by 4 KiB page, also where the page turns out to be larger, as the size is not known
 * before the walk.
 */
#ifndef IOMMUSIM_IOMMU_WALKS_IN_FLIGHT_H
#define IOMMUSIM_IOMMU_WALKS_IN_FLIGHT_H

#include <stdint.h>

struct translation_work;

/** Chains through the works' own links: as many as there are TLPs, whatever the size of the table. */
struct walks_in_flight {
    uint32_t *heads; /**< [hash] first ticket of a chain, IOMMU_NO_WORK none */
    uint32_t *last;  /**< [2 x requester id, one more for posted requests] ticket plus one; 0: none */
};

void walks_in_flight_init(struct walks_in_flight *walks);
void walks_in_flight_fini(struct walks_in_flight *walks);

/** A work whose domain and address are known begins, or waits, to walk. */
void walks_in_flight_add(struct walks_in_flight *walks, struct translation_work *works, uint32_t ticket);

/** Its walk is over. */
void walks_in_flight_remove(struct walks_in_flight *walks, struct translation_work *works, uint32_t ticket);

/** The walk of the same domain and page as @p work, or IOMMU_NO_WORK. */
uint32_t walks_in_flight_find(const struct walks_in_flight *walks, const struct translation_work *works,
                              const struct translation_work *work);

/** A work whose domain and address are known begins, or waits, to walk: its requester's last one. */
void walks_in_flight_note(struct walks_in_flight *walks, const struct translation_work *works,
                          uint32_t ticket);

/** Its walk is over. */
void walks_in_flight_forget(struct walks_in_flight *walks, const struct translation_work *works,
                            uint32_t ticket);

/** The last walk of @p work's requester and kind, where it is of the same domain and page; or IOMMU_NO_WORK.
 */
uint32_t walks_in_flight_before(const struct walks_in_flight *walks, const struct translation_work *works,
                                const struct translation_work *work);

#endif
