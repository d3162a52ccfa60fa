/* SPDX-License-Identifier: MIT */
/**
 * @file unit_bed.h
 * One remapping unit and its clock, for tests that ask it directly; plain round parameters, requester 7 in
 * domain 0.
 */
#ifndef IOMMUSIM_TEST_UNIT_BED_H
#define IOMMUSIM_TEST_UNIT_BED_H

#include "models/iommu/remapping_unit.h"

enum { UNIT_BED_WORKS = 256 };

struct unit_bed {
    struct iommu_parameters parameters;
    struct event_queue events;
    struct remapping_unit unit;
    struct translation_work works[UNIT_BED_WORKS];
};

/** The bed's parameters, which may be changed before unit_bed_start(). */
void unit_bed_init(struct unit_bed *bed);
void unit_bed_start(struct unit_bed *bed);
void unit_bed_fini(struct unit_bed *bed);

/** Map one page of 1 << @p shift bytes in domain 0. */
void unit_bed_map(struct unit_bed *bed, uint64_t iova, uint64_t physical, unsigned shift, unsigned access);

/** Translate alone. @param latency_ps  from asking to the answer, which its parts sum to @return the work */
const struct translation_work *unit_bed_translate(struct unit_bed *bed, uint64_t iova, bool write,
                                                  uint64_t *latency_ps);

#endif
