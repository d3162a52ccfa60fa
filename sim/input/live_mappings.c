/* SPDX-License-Identifier: MIT */
#include "sim/input/live_mappings.h"

#include "sim/base/arena.h"

#include <stdlib.h>

enum { INITIAL = 1024 };

void live_mappings_fini(struct live_mappings *table)
{
    free(table->entries);
    *table = (struct live_mappings){0};
}

static size_t hash(const struct live_mappings *table, const struct live_key *key)
{
    uint64_t mixed = (key->address >> 6) ^ (uint64_t)key->function << 40 ^ (uint64_t)key->kind << 60;
    return (size_t)(mixed * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (table->size - 1);
}

static bool same(const struct live_key *a, const struct live_key *b)
{
    return a->address == b->address && a->function == b->function && a->kind == b->kind;
}

/* Where the key is, or the free place where it would be. */
static size_t place(const struct live_mappings *table, const struct live_key *key)
{
    size_t at = hash(table, key);
    while (table->entries[at].used && !same(&table->entries[at].key, key))
        at = (at + 1) & (table->size - 1);
    return at;
}

uint32_t *live_mappings_find(struct live_mappings *table, const struct live_key *key)
{
    if (!table->count)
        return NULL;
    struct live_entry *entry = &table->entries[place(table, key)];
    return entry->used ? &entry->value : NULL;
}

static void grow(struct live_mappings *table)
{
    struct live_mappings larger = {.size = table->size ? 2 * table->size : INITIAL, .count = table->count};
    larger.entries = memory_array(larger.size, sizeof(*larger.entries));
    for (size_t i = 0; i < table->size; i++) {
        if (table->entries[i].used)
            larger.entries[place(&larger, &table->entries[i].key)] = table->entries[i];
    }
    free(table->entries);
    *table = larger;
}

void live_mappings_add(struct live_mappings *table, const struct live_key *key, uint32_t value)
{
    if (2 * (table->count + 1) > table->size)
        grow(table);
    table->entries[place(table, key)] = (struct live_entry){*key, value, true};
    table->count++;
}

/* Those behind the gap move up, as far as they may, so that searches do not end at it. */
void live_mappings_remove(struct live_mappings *table, const struct live_key *key)
{
    if (!table->count)
        return;
    size_t gap = place(table, key), mask = table->size - 1;
    if (!table->entries[gap].used)
        return;
    for (size_t at = (gap + 1) & mask; table->entries[at].used; at = (at + 1) & mask) {
        size_t home = hash(table, &table->entries[at].key);
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        table->entries[gap] = table->entries[at];
        gap = at;
    }
    table->entries[gap].used = false;
    table->count--;
}
