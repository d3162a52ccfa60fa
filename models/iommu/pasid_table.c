/* SPDX-License-Identifier: MIT */
#include "models/iommu/pasid_table.h"

#include "models/iommu/remapping_unit.h"
#include "sim/base/arena.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

void pasid_table_fini(struct pasid_table *table)
{
    free(table->entries);
    *table = (struct pasid_table){0};
}

/* The entry of the key, or the free one where it would be. */
static struct pasid_entry *entry_of(const struct pasid_table *table, uint64_t key)
{
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (table->capacity - 1);
    while (table->entries[at].key && table->entries[at].key != key + 1)
        at = (at + 1) & (table->capacity - 1);
    return &table->entries[at];
}

static void grow(struct pasid_table *table)
{
    const struct pasid_table old = *table;
    table->capacity = old.capacity ? 2 * old.capacity : FIRST_CAPACITY;
    table->entries = memory_array(table->capacity, sizeof(*table->entries));
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.entries[i].key)
            *entry_of(table, old.entries[i].key - 1) = old.entries[i];
    }
    free(old.entries);
}

void pasid_table_set(struct pasid_table *table, uint16_t requester_id, uint32_t pasid, uint32_t domain)
{
    if (2 * (table->count + 1) > table->capacity)
        grow(table);
    uint64_t key = pasid_key(requester_id, pasid);
    struct pasid_entry *entry = entry_of(table, key);
    table->count += entry->key == 0;
    *entry = (struct pasid_entry){key + 1, domain};
}

uint32_t pasid_table_find(const struct pasid_table *table, uint16_t requester_id, uint32_t pasid)
{
    if (!table->capacity)
        return IOMMU_NO_WORK;
    const struct pasid_entry *entry = entry_of(table, pasid_key(requester_id, pasid));
    return entry->key ? entry->domain : IOMMU_NO_WORK;
}
