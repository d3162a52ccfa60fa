/* SPDX-License-Identifier: MIT */
#include "models/host/swiotlb.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>

enum { SLOT_SHIFT = 11, PAGE_MASK = 4095 };

#define TIME(key, member, text)                                                                              \
    FIELD_ROW_QUANTITY(swiotlb_parameters, key, member, UNIT_PICOSECONDS, 0, 1000000000, text)
#define RATE(key, member, text)                                                                              \
    FIELD_ROW_QUANTITY(swiotlb_parameters, key, member, UNIT_BYTES_PER_S, 1000000, UINT64_C(10000000000000), \
                       text)

static const struct field fields[] = {
    {.name = "size",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct swiotlb_parameters, pool_bytes),
     .unit = UNIT_BYTES,
     .minimum = (uint64_t)SWIOTLB_SEGMENT_SLOTS * SWIOTLB_SLOT_BYTES,
     .maximum = UINT64_C(1) << 32,
     .help = "of the pool; rounded up to a power of two and to a segment of 256 KiB for each area"},
    {.name = "areas",
     .type = FIELD_COUNT,
     .offset = offsetof(struct swiotlb_parameters, areas),
     .maximum = 4096,
     .help =
         "parts of the pool with a lock of their own; 0: as many as CPUs; 1: one lock, as before Linux 6.0"},
    TIME("search", search_ps, "finding slots, or freeing them, with the area's lock held"),
    TIME("slot", slot_ps,
         "for each slot that a search passes, each that is marked or freed, and each free one before them in "
         "the segment, which counts the free slots behind it"),
    TIME("lock_handoff", lock_handoff_ps,
         "way of a cache line from another CPU: that of an area's lock, then that of its first slots"),
    TIME("copy", copy_ps, "of a copy, beside its bytes"),
    RATE("copy_bandwidth", copy_bytes_per_s, "at which one CPU copies"),
    RATE("encrypt_bandwidth", encrypt_bytes_per_s,
         "at which one CPU encrypts or decrypts what it copies, where a domain's buffers bounce encrypted"),
};

const struct field_table swiotlb_fields = {"swiotlb", "bounce buffers, and what copying costs CPUs", fields,
                                           sizeof(fields) / sizeof(fields[0]),
                                           sizeof(struct swiotlb_parameters)};

/* ---- life ---- */

static uint32_t power_of_two(uint64_t count)
{
    uint32_t power = 1;
    while (power < count)
        power *= 2;
    return power;
}

uint64_t swiotlb_pool_bytes(const struct swiotlb_parameters *parameters, uint32_t cpus)
{
    uint64_t areas = power_of_two(parameters->areas ? parameters->areas : cpus);
    uint64_t slots = power_of_two((parameters->pool_bytes + SWIOTLB_SLOT_BYTES - 1) / SWIOTLB_SLOT_BYTES);
    return (slots < areas * SWIOTLB_SEGMENT_SLOTS ? areas * SWIOTLB_SEGMENT_SLOTS : slots) *
           SWIOTLB_SLOT_BYTES;
}

void swiotlb_init(struct swiotlb *pool, const struct swiotlb_parameters *parameters, uint64_t base,
                  uint32_t cpus)
{
    uint32_t slots = (uint32_t)(swiotlb_pool_bytes(parameters, cpus) / SWIOTLB_SLOT_BYTES);
    *pool = (struct swiotlb){.parameters = parameters, .base = base, .slot_count = slots};
    pool->area_count = power_of_two(parameters->areas ? parameters->areas : cpus);
    pool->area_slots = slots / pool->area_count;
    pool->areas = memory_array(pool->area_count, sizeof(*pool->areas));
    pool->free_run = memory_array(slots, 1);
    pool->run = memory_array(slots, 1);
    for (uint32_t i = 0; i < slots; i++)
        pool->free_run[i] = (uint8_t)(SWIOTLB_SEGMENT_SLOTS - i % SWIOTLB_SEGMENT_SLOTS);
}

void swiotlb_fini(struct swiotlb *pool)
{
    free(pool->areas);
    free(pool->free_run);
    free(pool->run);
    *pool = (struct swiotlb){0};
}

uint64_t swiotlb_longest(uint64_t min_align_mask)
{
    uint64_t lost = min_align_mask ? (min_align_mask | (SWIOTLB_SLOT_BYTES - 1)) + 1 : 0,
             most = (uint64_t)SWIOTLB_SEGMENT_SLOTS * SWIOTLB_SLOT_BYTES;
    return most > lost ? most - lost : 0;
}

/* ---- slots ---- */

static uint32_t slots_of(uint64_t bytes)
{
    return (uint32_t)((bytes + SWIOTLB_SLOT_BYTES - 1) >> SLOT_SHIFT);
}

/* Slots before @p slot in its segment that are free count those behind them anew. @return how many */
static uint32_t recount_before(struct swiotlb *pool, uint32_t slot, uint8_t count)
{
    uint32_t first = slot;
    while (slot % SWIOTLB_SEGMENT_SLOTS && pool->free_run[slot - 1])
        pool->free_run[--slot] = ++count;
    return first - slot;
}

/* @return slots that were written */
static uint32_t take_run(struct swiotlb *pool, struct swiotlb_area *area, uint32_t slot, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        pool->free_run[slot + i] = 0;
    uint32_t recounted = recount_before(pool, slot, 0);
    pool->run[slot] = (uint8_t)count;
    area->used += count;
    pool->used += count;
    if (pool->used > pool->counters.used_high)
        pool->counters.used_high = pool->used;
    return count + recounted;
}

/* What a search looks for. */
struct search {
    uint32_t slots;
    uint64_t alignment_mask, copied_mask, physical; /* copied_mask: bits that are to be those of physical */
    uint64_t boundary_slots;                        /* 0: no boundary */
};

static bool fits(const struct swiotlb *pool, const struct search *search, uint32_t slot)
{
    uint64_t first = pool->base / SWIOTLB_SLOT_BYTES + slot;
    bool crosses =
        search->boundary_slots && first % search->boundary_slots + search->slots > search->boundary_slots;
    return !crosses && pool->free_run[slot] >= search->slots;
}

static bool aligned(const struct swiotlb *pool, const struct search *search, uint32_t slot)
{
    uint64_t address = pool->base + (uint64_t)slot * SWIOTLB_SLOT_BYTES;
    return !(address & search->alignment_mask) &&
           (address & search->copied_mask) == (search->physical & search->copied_mask);
}

/* The lock and the counters beside it come from the CPU that had them before, and then the slots that are
 * looked at first: what lies behind them is fetched meanwhile. */
static void lock_area(const struct swiotlb *pool, struct swiotlb_area *area, struct kernel_time *time)
{
    uint64_t line_ps = pool->parameters->lock_handoff_ps;
    if (spin_lock_take(&area->lock, time, line_ps))
        kernel_time_spend(time, KERNEL_BOUNCE, line_ps);
}

/* swiotlb_search_pool_area(): first fit from where the last search ended, in steps of the alignment. */
static uint32_t search_area(struct swiotlb *pool, struct kernel_time *time, const struct search *search,
                            uint32_t area_index)
{
    const struct swiotlb_parameters *costs = pool->parameters;
    struct swiotlb_area *area = &pool->areas[area_index];
    uint64_t mask =
        search->alignment_mask > search->copied_mask ? search->alignment_mask : search->copied_mask;
    uint32_t stride = (uint32_t)(mask >> SLOT_SHIFT) + 1, found = SWIOTLB_NOTHING, passed = 0, written = 0;
    lock_area(pool, area, time);
    uint32_t index = area->index, base = area_index * pool->area_slots;
    bool room = search->slots <= pool->area_slots - area->used;
    for (uint32_t looked = 0; room && looked < pool->area_slots && found == SWIOTLB_NOTHING; passed++) {
        bool good = aligned(pool, search, base + index);
        if (good && fits(pool, search, base + index)) {
            found = base + index;
            written = take_run(pool, area, found, search->slots);
            area->index = (index + search->slots) % pool->area_slots;
            break;
        }
        looked += good ? stride : 1;
        index = (index + (good ? stride : 1)) % pool->area_slots;
    }
    kernel_time_spend(time, KERNEL_BOUNCE, costs->search_ps + (passed + written) * costs->slot_ps);
    spin_lock_release(&area->lock, time);
    return found;
}

static uint32_t search_pool(struct swiotlb *pool, struct kernel_time *time, const struct search *search)
{
    uint32_t own = time->cpu & (pool->area_count - 1);
    for (uint32_t i = 0; i < pool->area_count; i++) {
        uint32_t slot = search_area(pool, time, search, (own + i) & (pool->area_count - 1));
        if (slot == SWIOTLB_NOTHING)
            continue;
        pool->counters.other_area += i != 0;
        return slot;
    }
    return SWIOTLB_NOTHING;
}

/* ---- the interface ---- */

uint32_t swiotlb_take(struct swiotlb *pool, struct kernel_time *time, const struct swiotlb_request *request,
                      uint64_t *physical)
{
    uint64_t offset =
        request->physical & request->min_align_mask & (request->alignment_mask | (SWIOTLB_SLOT_BYTES - 1));
    uint64_t size = (request->length + offset + request->alignment_mask) & ~request->alignment_mask;
    uint64_t alignment = request->alignment_mask;
    /* Without any alignment asked for, what has a page or more is aligned to pages, as it was of old. */
    if (!alignment && !request->min_align_mask && size > PAGE_MASK)
        alignment = PAGE_MASK;
    alignment |= SWIOTLB_SLOT_BYTES - 1;
    struct search search = {.slots = slots_of(size),
                            .alignment_mask = alignment,
                            .copied_mask = request->min_align_mask & ~alignment,
                            .physical = request->physical,
                            .boundary_slots = (request->boundary_mask >> SLOT_SHIFT) + 1};
    if (request->boundary_mask == UINT64_MAX)
        search.boundary_slots = 0;
    uint32_t slot =
        search.slots <= SWIOTLB_SEGMENT_SLOTS ? search_pool(pool, time, &search) : SWIOTLB_NOTHING;
    if (slot == SWIOTLB_NOTHING) {
        pool->counters.failures++;
        return slot;
    }
    pool->counters.maps++;
    *physical = pool->base + (uint64_t)slot * SWIOTLB_SLOT_BYTES + offset;
    return slot;
}

void swiotlb_copy(struct swiotlb *pool, struct kernel_time *time, const struct swiotlb_copy *copy)
{
    const struct swiotlb_parameters *costs = pool->parameters;
    uint64_t rate = copy->encrypted ? costs->encrypt_bytes_per_s : costs->copy_bytes_per_s,
             start_ps = time->now_ps + costs->copy_ps,
             end_ps = pool->memory
                          ? memory_copy(pool->memory, start_ps, copy->out ? copy->slots : copy->buffer,
                                        copy->out ? copy->buffer : copy->slots, copy->length, rate)
                          : start_ps + memory_copy_ps(copy->length, rate);
    struct swiotlb_counters *counters = &pool->counters;
    kernel_time_spend(time, KERNEL_COPY, end_ps - time->now_ps);
    if (copy->again)
        *(copy->out ? &counters->bytes_out_again : &counters->bytes_in_again) += copy->length;
    else
        *(copy->out ? &counters->bytes_out : &counters->bytes_in) += copy->length;
}

void swiotlb_give(struct swiotlb *pool, struct kernel_time *time, uint32_t slot)
{
    const struct swiotlb_parameters *costs = pool->parameters;
    struct swiotlb_area *area = &pool->areas[slot / pool->area_slots];
    uint32_t count = pool->run[slot], end = slot + count;
    assert(count);
    lock_area(pool, area, time);
    uint8_t behind = end % SWIOTLB_SEGMENT_SLOTS ? pool->free_run[end] : 0;
    for (uint32_t i = end; i-- > slot;)
        pool->free_run[i] = ++behind;
    uint32_t written = count + recount_before(pool, slot, behind);
    pool->run[slot] = 0;
    area->used -= count;
    pool->used -= count;
    kernel_time_spend(time, KERNEL_BOUNCE, costs->search_ps + written * costs->slot_ps);
    spin_lock_release(&area->lock, time);
}

bool swiotlb_check(const struct swiotlb *pool)
{
    uint32_t used = 0;
    for (uint32_t i = pool->slot_count; i-- > 0;) {
        bool last = i % SWIOTLB_SEGMENT_SLOTS == SWIOTLB_SEGMENT_SLOTS - 1;
        if (pool->free_run[i] && pool->free_run[i] != (last ? 1 : pool->free_run[i + 1] + 1))
            return false;
        used += !pool->free_run[i];
    }
    return used == pool->used;
}
