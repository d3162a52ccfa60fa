/* SPDX-License-Identifier: MIT */
/* When an operation begins: its turn in the window of reads and among bulk reads, and the pace of each kind.
 */
#include "models/device/dma_engine.h"

static const uint64_t second_ps = UINT64_C(1000000000000);

/* Pieces of an operation beyond its first. */
static uint64_t further_chunks(uint64_t bytes, uint64_t chunk)
{
    return bytes && chunk ? (bytes - 1) / chunk : 0;
}

/* An operation keeps the next one of its kind so long. */
static uint64_t interval_ps(const struct dma_engine_parameters *p, const struct dma_operation *operation)
{
    uint64_t bytes = operation->length_bytes;
    if (operation->write)
        return p->write_issue_interval_ps +
               further_chunks(bytes, p->write_chunk_bytes) * p->write_chunk_interval_ps;
    if (bytes > p->chunked_read_bytes)
        return p->read_issue_interval_ps;
    return p->read_issue_interval_ps + further_chunks(bytes, p->read_chunk_bytes) * p->read_chunk_interval_ps;
}

/* Likewise one of any kind, where both share a rate. */
static uint64_t shared_ps(const struct dma_engine_parameters *p, const struct dma_operation *operation)
{
    return operation->length_bytes * second_ps / p->shared_rate_bytes_per_s;
}

void dma_engine_count_pace(struct dma_engine *engine, const struct dma_operation *operation)
{
    const struct dma_engine_parameters *p = &engine->parameters;
    uint64_t now_ps = engine->transport->events->now_ps;
    busy_time_add(&engine->paced[operation->write], now_ps, interval_ps(p, operation));
    if (p->shared_rate_bytes_per_s)
        busy_time_add(&engine->shared, now_ps, shared_ps(p, operation));
}

/* An operation begins: pace, and the time until its first TLP is ready. */
static void begin(struct dma_engine *engine, uint32_t index)
{
    struct dma_operation *operation = &engine->operations->items[index];
    const struct dma_engine_parameters *p = &engine->parameters;
    uint64_t start_ps = engine->transport->events->now_ps, held_ps = interval_ps(p, operation),
             *next_ps = &engine->next_issue_ps[operation->write];
    if (*next_ps > start_ps)
        start_ps = *next_ps;
    if (p->shared_rate_bytes_per_s) {
        if (engine->shared_free_ps > start_ps)
            start_ps = engine->shared_free_ps;
        engine->shared_free_ps = start_ps + shared_ps(p, operation);
    }
    *next_ps = start_ps + held_ps;
    operation->prepared = false;
    operation->asked_bytes = 0;
    operation->translation_ps = 0;
    operation->space = engine->device_tlb ? device_tlb_space(engine->device_tlb, operation->pasid) : 0;
    operation->remaining_bytes = operation->length_bytes;
    event_queue_push(engine->transport->events, start_ps + p->issue_latency_ps, PRIORITY_NORMAL,
                     engine->event_ready, engine->id, index);
}

/* ---- lists ---- */

static void append(struct dma_engine *engine, uint32_t *first, uint32_t *last, uint32_t index)
{
    engine->operations->items[index].next = NONE;
    if (*last == NONE)
        *first = index;
    else
        engine->operations->items[*last].next = index;
    *last = index;
}

static uint32_t take(struct dma_engine *engine, uint32_t *first, uint32_t *last)
{
    uint32_t index = *first;
    *first = engine->operations->items[index].next;
    if (*first == NONE)
        *last = NONE;
    return index;
}

/* ---- bulk reads ---- */

static void note_bulk(struct dma_engine *engine)
{
    saturation_note(&engine->bulk_full,
                    engine->parameters.bulk_reads && engine->bulk_active == engine->parameters.bulk_reads,
                    engine->transport->events->now_ps);
}

static void begin_in_turn(struct dma_engine *engine, uint32_t index)
{
    struct dma_operation *operation = &engine->operations->items[index];
    const struct dma_engine_parameters *p = &engine->parameters;
    operation->bulk = p->bulk_reads && !operation->write && operation->length_bytes > p->bulk_read_size;
    if (operation->bulk && engine->bulk_active == p->bulk_reads) {
        append(engine, &engine->bulk_first, &engine->bulk_last, index);
        return;
    }
    engine->bulk_active += operation->bulk;
    note_bulk(engine);
    begin(engine, index);
}

static void bulk_read_over(struct dma_engine *engine, struct dma_operation *operation)
{
    operation->bulk = false;
    if (engine->bulk_first == NONE) {
        engine->bulk_active--;
        note_bulk(engine);
        return;
    }
    begin(engine, take(engine, &engine->bulk_first, &engine->bulk_last));
}

/* ---- the window of reads ---- */

static bool window_is_full(const struct dma_engine *engine)
{
    return engine->window.taken - engine->window.given_back == engine->parameters.read_window;
}

static void note_window(struct dma_engine *engine)
{
    saturation_note(&engine->window.full, window_is_full(engine), engine->transport->events->now_ps);
}

static void take_place(struct dma_engine *engine, uint32_t index)
{
    struct dma_operation *operation = &engine->operations->items[index];
    operation->windowed = true;
    operation->place = engine->window.taken++;
    note_window(engine);
    begin_in_turn(engine, index);
}

/* The bit of a place in window.done. */
static uint64_t *done_word(struct read_window *window, uint64_t place, uint64_t *bit)
{
    *bit = UINT64_C(1) << place % 64;
    return &window->done[place % READ_WINDOW_MAX / 64];
}

static void place_over(struct dma_engine *engine, struct dma_operation *operation)
{
    struct read_window *window = &engine->window;
    uint64_t bit, *word = done_word(window, operation->place, &bit);
    operation->windowed = false;
    *word |= bit;
    for (; window->given_back < window->taken; window->given_back++) {
        word = done_word(window, window->given_back, &bit);
        if (!(*word & bit))
            break;
        *word &= ~bit;
    }
    note_window(engine);
    while (window->first != NONE && !window_is_full(engine))
        take_place(engine, take(engine, &window->first, &window->last));
}

/* ---- operations ---- */

void dma_engine_submit(struct dma_engine *engine, uint32_t index)
{
    struct dma_operation *operation = &engine->operations->items[index];
    operation->submit_ps = engine->transport->events->now_ps;
    if (operation->write || !engine->parameters.read_window)
        begin_in_turn(engine, index);
    else if (window_is_full(engine))
        append(engine, &engine->window.first, &engine->window.last, index);
    else
        take_place(engine, index);
}

void dma_engine_operation_over(struct dma_engine *engine, struct dma_operation *operation)
{
    bool bulk = operation->bulk, windowed = operation->windowed;
    if (bulk)
        bulk_read_over(engine, operation);
    if (windowed)
        place_over(engine, operation);
}
