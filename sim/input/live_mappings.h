/* SPDX-License-Identifier: MIT */
/**
 * @file live_mappings.h
 * A table of 32-bit values by device, kind and address: what is mapped at a moment of a recorded trace.
 */
#ifndef IOMMUSIM_INPUT_LIVE_MAPPINGS_H
#define IOMMUSIM_INPUT_LIVE_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live_key {
    uint64_t address;
    uint32_t function, kind;
};

struct live_entry {
    struct live_key key;
    uint32_t value;
    bool used;
};

struct live_mappings {
    struct live_entry *entries;
    size_t size, count; /**< size is a power of two, or 0 */
};

void live_mappings_fini(struct live_mappings *table);

/** The value of a key, to be read or changed until the next call; NULL where there is none. */
uint32_t *live_mappings_find(struct live_mappings *table, const struct live_key *key);

/** Add a key that is not there. */
void live_mappings_add(struct live_mappings *table, const struct live_key *key, uint32_t value);

/** Take a key out, if it is there. */
void live_mappings_remove(struct live_mappings *table, const struct live_key *key);

#endif
