/* SPDX-License-Identifier: MIT */
/**
 * @file pasid_table.h
 * Which address space a PASID of a requester stands for: the PASID directory and tables of all requesters of
 * a unit, as contents (VT-d specification 9.5, 9.6; SMMUv3: context descriptors). What reading them costs is
 * the unit's.
 */
#ifndef IOMMUSIM_IOMMU_PASID_TABLE_H
#define IOMMUSIM_IOMMU_PASID_TABLE_H

#include <stddef.h>
#include <stdint.h>

/** Largest PASID: 20 bits (PCIe Base Spec 6.20). */
enum { PASID_MAX = (1 << 20) - 1 };

struct pasid_entry {
    uint64_t key;    /**< pasid_key() + 1; 0: free */
    uint32_t domain; /**< of the unit */
};

/** Open addressing; zero-initialise to make an empty one. */
struct pasid_table {
    struct pasid_entry *entries;
    size_t capacity; /**< a power of two, or 0 */
    size_t count;
};

void pasid_table_fini(struct pasid_table *table);

/** Requester and PASID in one word. */
static inline uint64_t pasid_key(uint16_t requester_id, uint32_t pasid)
{
    return (uint64_t)pasid << 16 | requester_id;
}

/** Add or replace an entry. Set-up only. */
void pasid_table_set(struct pasid_table *table, uint16_t requester_id, uint32_t pasid, uint32_t domain);

/** The domain, or IOMMU_NO_WORK where the entry is not present. */
uint32_t pasid_table_find(const struct pasid_table *table, uint16_t requester_id, uint32_t pasid);

#endif
