/* SPDX-License-Identifier: MIT */
#include "models/iommu/dirty_log.h"

#include "sim/base/arena.h"

#include <stdlib.h>

enum { SLOTS_INITIAL = 64, SHIFT_MASK = 63, UNIT_SHIFT = 12 };

void dirty_log_init(struct dirty_log *log)
{
    *log = (struct dirty_log){.size = SLOTS_INITIAL};
    log->slots = memory_array(log->size, sizeof(*log->slots));
}

void dirty_log_fini(struct dirty_log *log)
{
    free(log->slots);
    *log = (struct dirty_log){0};
}

/* The slot of a page, or the free one that it would get. */
static struct dirty_page *find(const struct dirty_log *log, uint64_t key)
{
    size_t at = (size_t)((key >> UNIT_SHIFT ^ key) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (log->size - 1);
    while (log->slots[at].address && log->slots[at].address != key)
        at = (at + 1) & (log->size - 1);
    return &log->slots[at];
}

static void grow(struct dirty_log *log)
{
    struct dirty_log larger = {.size = log->size * 2};
    larger.slots = memory_array(larger.size, sizeof(*larger.slots));
    for (size_t i = 0; i < log->size; i++) {
        if (!log->slots[i].set)
            continue;
        *find(&larger, log->slots[i].address) = log->slots[i];
        larger.used++;
    }
    free(log->slots);
    log->slots = larger.slots;
    log->size = larger.size;
    log->used = larger.used;
}

static uint64_t key_of(uint64_t address, unsigned shift)
{
    return address >> shift << shift | shift;
}

static uint64_t units(unsigned shift)
{
    return UINT64_C(1) << (shift - UNIT_SHIFT);
}

bool dirty_log_set(struct dirty_log *log, uint64_t address, unsigned shift)
{
    if (log->used * 2 >= log->size)
        grow(log);
    struct dirty_page *page = find(log, key_of(address, shift));
    if (page->set)
        return false;
    log->used += !page->address;
    *page = (struct dirty_page){key_of(address, shift), true};
    log->pages += units(shift);
    log->updates++;
    return true;
}

bool dirty_log_clear(struct dirty_log *log, uint64_t address, unsigned shift)
{
    struct dirty_page *page = find(log, key_of(address, shift));
    if (!page->set)
        return false;
    page->set = false;
    log->pages -= units(shift);
    return true;
}

bool dirty_log_is_set(const struct dirty_log *log, uint64_t address, unsigned shift)
{
    return find(log, key_of(address, shift))->set;
}

void dirty_log_report(struct dirty_log *log, struct dirty_log *reported)
{
    const struct dirty_log empty = *reported;
    *reported = *log;
    log->slots = empty.slots;
    log->size = empty.size;
    log->used = 0;
    log->pages = 0;
    for (size_t i = 0; i < log->size; i++)
        log->slots[i] = (struct dirty_page){0};
}

bool dirty_log_next(const struct dirty_log *log, size_t *place, uint64_t *address, unsigned *shift)
{
    while (*place < log->size && !log->slots[*place].set)
        ++*place;
    if (*place == log->size)
        return false;
    *address = log->slots[*place].address & ~(uint64_t)SHIFT_MASK;
    *shift = (unsigned)(log->slots[*place].address & SHIFT_MASK);
    ++*place;
    return true;
}
