/* SPDX-License-Identifier: MIT */
/*
 * Three tiers. Near heap: everything before near_limit. Wheel: from there to its horizon, one unsorted list a
 * bucket of 2^shift ps. Far heap: beyond. With few events pending only the near heap is used. When it has
 * grown past spill_above the wheel starts with a bucket width of about four event gaps; buckets are then
 * poured into the near heap one by one as time reaches them. When wheel and far heap are empty again the near
 * heap alone goes on.
 */
#include "sim/kernel/event_queue.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPILL_ABOVE = 48, NO_ENTRY = -1, SHIFT_MAX = 60, CROWDED = 16, TUNE_AFTER = 1024 };

struct event_wheel {
    struct event *entries;
    int32_t *next; /* [entry] next of its bucket or of the free list; apart from the entries, so that a chain
                    * can be followed without fetching them */
    int32_t *buckets;                     /* first entry of each, NO_ENTRY for none */
    size_t bucket_count;                  /* power of two */
    unsigned shift;                       /* bucket width is 2^shift ps */
    uint64_t start;                       /* number (time >> shift) of the first bucket not yet poured */
    size_t count;                         /* events in buckets */
    size_t poured_buckets, poured_events; /* since the width was last looked at */
    int32_t free_entry;
    struct event *far; /* heap of events beyond the horizon */
    size_t far_count;
    struct event *scratch;
};

static inline bool before(const struct event *a, const struct event *b)
{
    __uint128_t key_a = (__uint128_t)a->time_ps << 64 | a->order;
    __uint128_t key_b = (__uint128_t)b->time_ps << 64 | b->order;
    return key_a < key_b;
}

static inline void heap_push(struct event *heap, size_t count, const struct event *event)
{
    size_t hole = count;
    while (hole > 0) {
        size_t parent = (hole - 1) / 4;
        if (!before(event, &heap[parent]))
            break;
        heap[hole] = heap[parent];
        hole = parent;
    }
    heap[hole] = *event;
}

/* Remove the root of a heap of count events (count > 0). */
static inline void heap_pop(struct event *heap, size_t count)
{
    size_t last = count - 1, hole = 0;
    const struct event moved = heap[last];
    for (;;) {
        size_t child = hole * 4 + 1;
        if (child >= last)
            break;
        size_t end = child + 4 < last ? child + 4 : last, best = child;
        for (size_t i = child + 1; i < end; i++)
            best = before(&heap[i], &heap[best]) ? i : best;
        if (!before(&heap[best], &moved))
            break;
        heap[hole] = heap[best];
        hole = best;
    }
    heap[hole] = moved;
}

/* Memory of all tiers for a capacity; entries from `from` on join the free list. */
static void size_wheel(struct event_wheel *wheel, size_t from, size_t capacity)
{
    wheel->entries = memory_resize(wheel->entries, capacity, sizeof(*wheel->entries));
    wheel->next = memory_resize(wheel->next, capacity, sizeof(*wheel->next));
    for (size_t i = capacity; i-- > from;) {
        wheel->next[i] = wheel->free_entry;
        wheel->free_entry = (int32_t)i;
    }
    wheel->far = memory_resize(wheel->far, capacity, sizeof(struct event));
    wheel->scratch = memory_resize(wheel->scratch, capacity, sizeof(struct event));
}

static void new_wheel(struct event_queue *queue)
{
    struct event_wheel *wheel = memory_alloc(sizeof(*wheel));
    wheel->bucket_count = 1024;
    while (wheel->bucket_count < queue->capacity * 2)
        wheel->bucket_count *= 2;
    wheel->buckets = memory_array(wheel->bucket_count, sizeof(*wheel->buckets));
    for (size_t i = 0; i < wheel->bucket_count; i++)
        wheel->buckets[i] = NO_ENTRY;
    wheel->free_entry = NO_ENTRY;
    size_wheel(wheel, 0, queue->capacity);
    queue->wheel = wheel;
}

void event_queue_init(struct event_queue *queue, size_t capacity)
{
    assert(capacity <= (size_t)1 << 30);
    *queue =
        (struct event_queue){.capacity = capacity, .near_limit_ps = UINT64_MAX, .spill_above = SPILL_ABOVE};
    queue->heap = memory_array(capacity, sizeof(struct event));
    if (capacity > SPILL_ABOVE)
        new_wheel(queue);
}

void event_queue_reserve(struct event_queue *queue, size_t spare)
{
    size_t needed = event_queue_count(queue) + spare, from = queue->capacity;
    if (needed <= from)
        return;
    while (queue->capacity < needed)
        queue->capacity = queue->capacity ? queue->capacity * 2 : 256;
    queue->heap = memory_resize(queue->heap, queue->capacity, sizeof(struct event));
    if (queue->wheel) /* the number of buckets stays: they get fuller, and the width is tuned by what is in
                         them */
        size_wheel(queue->wheel, from, queue->capacity);
    else if (queue->capacity > SPILL_ABOVE)
        new_wheel(queue);
}

void event_queue_fini(struct event_queue *queue)
{
    if (queue->wheel) {
        free(queue->wheel->entries);
        free(queue->wheel->next);
        free(queue->wheel->buckets);
        free(queue->wheel->far);
        free(queue->wheel->scratch);
        free(queue->wheel);
    }
    free(queue->heap);
    *queue = (struct event_queue){0};
}

size_t event_queue_count(const struct event_queue *queue)
{
    return queue->heap_count + (queue->wheel ? queue->wheel->count + queue->wheel->far_count : 0);
}

static inline bool in_wheel(const struct event_wheel *wheel, uint64_t time_ps)
{
    return (time_ps >> wheel->shift) - wheel->start < wheel->bucket_count;
}

/* An event at or beyond near_limit. */
static inline void wheel_insert(struct event_wheel *wheel, const struct event *event)
{
    if (!in_wheel(wheel, event->time_ps)) {
        heap_push(wheel->far, wheel->far_count++, event);
        return;
    }
    int32_t entry = wheel->free_entry;
    int32_t *bucket = &wheel->buckets[(event->time_ps >> wheel->shift) & (wheel->bucket_count - 1)];
    wheel->free_entry = wheel->next[entry];
    wheel->entries[entry] = *event;
    wheel->next[entry] = *bucket;
    *bucket = entry;
    wheel->count++;
}

static void set_position(struct event_queue *queue, uint64_t start)
{
    queue->wheel->start = start;
    queue->near_limit_ps =
        start > UINT64_MAX >> queue->wheel->shift ? UINT64_MAX : start << queue->wheel->shift;
}

/* Bucket width exponent for events pending at a mean distance: four gaps between events a bucket: fewer,
 * fuller buckets stay in the cache. */
static unsigned fitting_shift(uint64_t mean_ps, size_t count)
{
    uint64_t width = mean_ps * 4 / count + 1;
    unsigned shift = 0;
    while (shift < SHIFT_MAX && UINT64_C(1) << shift < width)
        shift++;
    return shift;
}

static uint64_t mean_distance_ps(const struct event *events, size_t count, uint64_t now_ps)
{
    uint64_t mean_ps = 0, rest = 0;
    assert(count);
    for (size_t i = 0; i < count; i++) {
        mean_ps += (events[i].time_ps - now_ps) / count;
        rest += (events[i].time_ps - now_ps) % count;
    }
    return mean_ps + rest / count;
}

/* Spread the count events of scratch over near heap, wheel and far heap for the wheel's present position. */
static void spread(struct event_queue *queue, size_t count)
{
    struct event_wheel *wheel = queue->wheel;
    for (size_t i = 0; i < count; i++) {
        if (wheel->scratch[i].time_ps < queue->near_limit_ps)
            heap_push(queue->heap, queue->heap_count++, &wheel->scratch[i]);
        else
            wheel_insert(wheel, &wheel->scratch[i]);
    }
    wheel->poured_buckets = wheel->poured_events = 0;
}

/* The near heap has grown too large: keep what is due at once and put the rest on the wheel. */
static void wheel_start(struct event_queue *queue)
{
    struct event_wheel *wheel = queue->wheel;
    size_t count = queue->heap_count;
    wheel->shift = fitting_shift(mean_distance_ps(queue->heap, count, queue->now_ps), count);
    set_position(queue, (queue->now_ps >> wheel->shift) + 1);
    memcpy(wheel->scratch, queue->heap, count * sizeof(struct event));
    queue->heap_count = 0;
    spread(queue, count);
    /* Many events at one instant do not spread over buckets: do not try again before there are twice as many.
     */
    queue->spill_above = queue->heap_count > SPILL_ABOVE / 2 ? queue->heap_count * 2 : SPILL_ABOVE;
}

/* Buckets have become crowded or empty: take all events out and spread them with a width that fits. */
static void wheel_tune(struct event_queue *queue)
{
    struct event_wheel *wheel = queue->wheel;
    size_t count = 0;
    for (uint64_t i = 0; i < wheel->bucket_count && count < wheel->count; i++) {
        int32_t *bucket = &wheel->buckets[(wheel->start + i) & (wheel->bucket_count - 1)];
        while (*bucket != NO_ENTRY) {
            int32_t entry = *bucket;
            wheel->scratch[count++] = wheel->entries[entry];
            *bucket = wheel->next[entry];
            wheel->next[entry] = wheel->free_entry;
            wheel->free_entry = entry;
        }
    }
    memcpy(wheel->scratch + count, wheel->far, wheel->far_count * sizeof(struct event));
    count += wheel->far_count;
    wheel->count = wheel->far_count = 0;
    if (count == 0)
        return;
    wheel->shift = fitting_shift(mean_distance_ps(wheel->scratch, count, queue->now_ps), count);
    uint64_t limit_ps = queue->near_limit_ps;
    set_position(queue, (limit_ps >> wheel->shift) + 1);
    spread(queue, count);
}

/* Empty the bucket at the wheel's position into the near heap and step on. */
static void pour_bucket(struct event_queue *queue)
{
    struct event_wheel *wheel = queue->wheel;
    int32_t *bucket = &wheel->buckets[wheel->start & (wheel->bucket_count - 1)];
    for (int32_t entry = *bucket; entry != NO_ENTRY;) {
        int32_t next = wheel->next[entry];
        heap_push(queue->heap, queue->heap_count++, &wheel->entries[entry]);
        wheel->next[entry] = wheel->free_entry;
        wheel->free_entry = entry;
        wheel->count--;
        wheel->poured_events++;
        entry = next;
    }
    *bucket = NO_ENTRY;
    /* The entries are scattered over memory: ask for those needed soon while there is other work. */
    int32_t soon = wheel->buckets[(wheel->start + 2) & (wheel->bucket_count - 1)];
    for (int i = 0; i < CROWDED && soon != NO_ENTRY; i++, soon = wheel->next[soon])
        __builtin_prefetch(&wheel->entries[soon]);
    wheel->poured_buckets++;
    set_position(queue, wheel->start + 1);
    while (wheel->far_count && in_wheel(wheel, wheel->far[0].time_ps)) {
        struct event event = wheel->far[0];
        heap_pop(wheel->far, wheel->far_count--);
        wheel_insert(wheel, &event);
    }
}

/* The near heap is empty: fetch from wheel and far heap. false when there is nothing anywhere. */
static bool refill(struct event_queue *queue)
{
    struct event_wheel *wheel = queue->wheel;
    if (!wheel || wheel->count + wheel->far_count == 0) {
        queue->near_limit_ps = UINT64_MAX;
        return false;
    }
    if (wheel->count == 0) {
        /* Only far events: they go on in the near heap alone; the wheel starts anew, with a fresh width, if
         * they are many. */
        struct event *empty = queue->heap;
        queue->heap = wheel->far;
        queue->heap_count = wheel->far_count;
        wheel->far = empty;
        wheel->far_count = 0;
        queue->near_limit_ps = UINT64_MAX;
        return true;
    }
    /* Looked at only after as many events as a tuning touches, so that its cost stays a constant an event. */
    if (wheel->poured_buckets + wheel->poured_events >= TUNE_AFTER &&
        wheel->poured_buckets + wheel->poured_events > wheel->count / 4) {
        bool crowded = wheel->poured_events > CROWDED * wheel->poured_buckets;
        bool empty = wheel->poured_events * CROWDED < wheel->poured_buckets;
        if (crowded || empty)
            wheel_tune(queue);
        wheel->poured_buckets = wheel->poured_events = 0;
    }
    while (queue->heap_count == 0 && wheel->count)
        pour_bucket(queue);
    if (queue->heap_count == 0)
        return refill(queue);
    if (wheel->count + wheel->far_count == 0)
        queue->near_limit_ps = UINT64_MAX;
    return true;
}

static _Noreturn void overflow(const struct event_queue *queue)
{
    fprintf(stderr, "iommusim: internal error: more than %zu events pending\n", queue->capacity);
    abort();
}

void event_queue_push(struct event_queue *queue, uint64_t time_ps, unsigned priority, uint32_t kind,
                      uint32_t target, uint32_t argument)
{
    assert(time_ps >= queue->now_ps);
    struct event event = {time_ps, (uint64_t)priority << 56 | queue->sequence++,
                          kind << EVENT_TARGET_BITS | target, argument};
    if (time_ps < queue->near_limit_ps) {
        if (queue->heap_count == queue->capacity)
            overflow(queue);
        heap_push(queue->heap, queue->heap_count++, &event);
        if (queue->heap_count > queue->spill_above && queue->near_limit_ps == UINT64_MAX && queue->wheel &&
            queue->wheel->count + queue->wheel->far_count == 0)
            wheel_start(queue);
        return;
    }
    if (queue->near_limit_ps == UINT64_MAX) { /* the end of time itself */
        if (queue->heap_count == queue->capacity)
            overflow(queue);
        heap_push(queue->heap, queue->heap_count++, &event);
        return;
    }
    if (queue->wheel->count + queue->wheel->far_count == queue->capacity)
        overflow(queue);
    wheel_insert(queue->wheel, &event);
}

bool event_queue_pop(struct event_queue *queue, struct event *event)
{
    if (queue->heap_count == 0 && !refill(queue))
        return false;
    *event = queue->heap[0];
    heap_pop(queue->heap, queue->heap_count--);
    queue->now_ps = event->time_ps;
    queue->popped++;
    return true;
}

bool event_queue_pop_before(struct event_queue *queue, uint64_t limit_ps, struct event *event)
{
    return event_queue_next_ps(queue) < limit_ps && event_queue_pop(queue, event);
}

uint64_t event_queue_next_ps(struct event_queue *queue)
{
    if (queue->heap_count == 0 && !refill(queue))
        return UINT64_MAX;
    return queue->heap[0].time_ps;
}

static bool heap_check(const struct event *heap, size_t count, uint64_t minimum_ps)
{
    for (size_t i = 0; i < count; i++) {
        if (heap[i].time_ps < minimum_ps || (i && before(&heap[i], &heap[(i - 1) / 4])))
            return false;
    }
    return true;
}

bool event_queue_check(const struct event_queue *queue)
{
    const struct event_wheel *wheel = queue->wheel;
    if (!heap_check(queue->heap, queue->heap_count, queue->now_ps))
        return false;
    if (!wheel)
        return true;
    size_t count = 0;
    for (size_t i = 0; i < wheel->bucket_count; i++) {
        for (int32_t entry = wheel->buckets[i]; entry != NO_ENTRY; entry = wheel->next[entry], count++) {
            uint64_t time_ps = wheel->entries[entry].time_ps;
            if (time_ps < queue->near_limit_ps || !in_wheel(wheel, time_ps) ||
                ((time_ps >> wheel->shift) & (wheel->bucket_count - 1)) != i)
                return false;
        }
    }
    return count == wheel->count && heap_check(wheel->far, wheel->far_count, queue->now_ps);
}
