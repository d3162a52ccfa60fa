/* SPDX-License-Identifier: MIT */
/**
 * @file raw_tables.h
 * A unit with random page tables of raw entries, and the reference: a plain, slow walker written from the
 * specifications (VT-d 9.7, 9.8; AMD 2.2.3; Arm D8.3), not from the model. It tests bits of raw entries.
 */
#ifndef IOMMUSIM_TEST_RAW_TABLES_H
#define IOMMUSIM_TEST_RAW_TABLES_H

#include "models/iommu/remapping_unit.h"
#include "sim/kernel/random.h"

enum { LEAVES = 4096, REQUESTER = 9 };

struct bed {
    struct iommu_parameters parameters;
    struct event_queue events;
    struct remapping_unit unit;
    struct translation_work work;
    struct random_stream random;
    uint64_t leaves[LEAVES]; /* addresses with an entry on the way */
    unsigned leaf_count;
    uint64_t next_guest; /* nested: guest physical address of the next table */
};

/** What the reference makes of an address. */
struct answer {
    bool read, write;
    uint64_t physical;
};

/** A unit with caches of random sizes and one domain with an empty table, of a random number of levels. */
void bed_init(struct bed *bed, enum page_table_format format, enum page_table_format stage2_format,
              unsigned seed);
void bed_fini(struct bed *bed);

bool chance(struct bed *bed, unsigned percent);

/** Ask the unit, which must answer. */
void translate(struct bed *bed, uint64_t iova, bool write);

/** Make a table of random entries, and those below it. @param iova  first address the table maps */
void fill(struct bed *bed, enum page_table_format format, uint64_t table, unsigned level, uint64_t iova);

/** The address by which an entry points to a table: of a guest's, one that the second stage maps. */
uint64_t pointer_to(struct bed *bed, uint64_t table);

/** Walk. @param table  as the root is pointed to */
struct answer reference(struct bed *bed, enum page_table_format format, uint64_t table, unsigned levels,
                        uint64_t address, bool nested);

#endif
