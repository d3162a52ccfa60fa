/* SPDX-License-Identifier: MIT */
/* What was measured: streams, remapping units, root complex, memory, links. */
#include "sim/input/json_layout.h"
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>
#include <stdio.h>

static void write_number(struct json_layout *layout, const char *key, uint64_t value)
{
    layout_format(layout, key, "%" PRIu64, value);
}

static void write_ratio(struct json_layout *layout, const char *key, __uint128_t part, __uint128_t whole)
{
    char text[RATIO_TEXT_SIZE];
    layout_raw(layout, key, ratio_print(text, part, whole));
}

static void write_wide(struct json_layout *layout, const char *key, __uint128_t value)
{
    char text[WIDE_TEXT_SIZE];
    layout_raw(layout, key, wide_print(text, value));
}

static void write_address(struct json_layout *layout, const char *key, const struct result *result,
                          uint32_t function_id)
{
    char text[BDF_TEXT_SIZE];
    if (function_id == NONE)
        return;
    const struct pci_function *function = &result->simulation->input->topology->functions[function_id];
    layout_string(layout, key, bdf_print(text, function->segment, function->bus, function->devfn));
}

/* ---- streams ---- */

void result_json_histogram(struct json_layout *layout, const char *key, const struct histogram *latency)
{
    static const struct {
        const char *key;
        uint32_t per_million;
    } percentiles[] = {{"p50_ps", 500000},
                       {"p90_ps", 900000},
                       {"p99_ps", 990000},
                       {"p99.9_ps", 999000},
                       {"p99.99_ps", 999900}};
    layout_open(layout, key, '{');
    write_number(layout, "count", latency->count);
    if (latency->count) {
        write_number(layout, "minimum_ps", latency->minimum);
        write_number(layout, "mean_ps", histogram_mean(latency));
        write_number(layout, "maximum_ps", latency->maximum);
        for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
            write_number(layout, percentiles[i].key,
                         histogram_percentile(latency, percentiles[i].per_million));
    }
    write_wide(layout, "total_ps", latency->total);
    layout_close(layout, '}', false);
}

static void write_ledger(struct json_layout *layout, const struct stream_result *stream)
{
    layout_open(layout, "ledger", '{');
    layout_open(layout, "total_ps", '{');
    for (int part = 0; part < LEDGER_PARTS; part++)
        write_wide(layout, ledger_part_name((enum ledger_part)part), stream->ledger[part]);
    layout_close(layout, '}', false);
    layout_open(layout, "mean_ps", '{');
    for (int part = 0; part < LEDGER_PARTS; part++)
        write_wide(layout, ledger_part_name((enum ledger_part)part),
                   stream->recorded ? (stream->ledger[part] + stream->recorded / 2) / stream->recorded : 0);
    layout_close(layout, '}', false);
    write_wide(layout, "mean_hidden_translation_ps",
               stream->recorded ? (stream->hidden_ps + stream->recorded / 2) / stream->recorded : 0);
    layout_close(layout, '}', true);
}

/* null where operations were recorded, but all at one instant: there is no rate. */
static void write_rates(struct json_layout *layout, const struct stream_result *got)
{
    struct stream_rate moved = stream_result_rate(got);
    if (got->recorded && !moved.elapsed_ps) {
        layout_raw(layout, "bytes_per_s", "null");
        layout_raw(layout, "bits_per_s", "null");
        layout_raw(layout, "operations_per_s", "null");
        return;
    }
    write_number(layout, "rates_from_ps", moved.begin_ps);
    write_number(layout, "rates_until_ps", moved.begin_ps + moved.elapsed_ps);
    write_number(layout, "bytes_per_s", result_rate(moved.bytes, moved.elapsed_ps));
    write_number(layout, "bits_per_s", result_rate(moved.bytes * 8, moved.elapsed_ps));
    write_number(layout, "operations_per_s", stream_result_operations_per_s(got));
}

static void write_stream(struct json_layout *layout, const struct result *result, uint32_t index)
{
    const struct stream *stream = &result->simulation->workload->streams[index];
    const struct stream_result *got = machine_stream_result(result->simulation->machine, index);
    layout_open(layout, NULL, '{');
    layout_string(layout, "name", stream->name);
    write_address(layout, "device", result, stream->function_id);
    layout_string(layout, "operation", stream_operation_text(stream));
    layout->fresh_line = true;
    write_number(layout, "submitted", got->submitted);
    write_number(layout, "completed", got->completed);
    write_number(layout, "failed", got->failed);
    layout_count(layout, "retried", got->retried);
    layout_count(layout, "completion_timeouts", got->timeouts);
    layout_count(layout, "left_out", got->left_out);
    layout_count(layout, "turned_away", got->turned_away);
    layout_flag(layout, "overloaded", got->overloaded);
    if (stream->interval_ps)
        write_number(layout, "offered_operations_per_s", result_rate(1, stream->interval_ps));
    layout_count(layout, "late", got->late);
    layout_count(layout, "late_refused", got->late_refused);
    write_number(layout, "recorded", got->recorded);
    write_number(layout, "bytes", got->bytes);
    layout->fresh_line = true;
    write_number(layout, "first_ps", got->first_ps);
    write_number(layout, "last_ps", got->last_ps);
    write_rates(layout, got);
    result_json_limit(layout, result, index);
    result_json_histogram(layout, "latency", &got->latency);
    if (got->failed_latency.count)
        result_json_histogram(layout, "failed_latency", &got->failed_latency);
    result_json_buffers(layout, &got->buffers);
    write_ledger(layout, got);
    result_json_device_model(layout, result, index);
    layout_close(layout, '}', true);
}

void result_json_streams(struct json_layout *layout, const struct result *result)
{
    layout_open(layout, "streams", '[');
    for (uint32_t i = 0; i < result->simulation->workload->stream_count; i++)
        write_stream(layout, result, i);
    layout_close(layout, ']', true);
    result_json_devices(layout, result);
}

/* ---- units and host ---- */

/* Of parts that not every run has. */
static void write_optional_counters(struct json_layout *layout, const struct iommu_counters *c)
{
    const struct {
        const char *key;
        uint64_t count;
    } rows[] = {{"pasid_hits", c->pasid_hits},
                {"pasid_misses", c->pasid_misses},
                {"nested_hits", c->nested_hits},
                {"nested_misses", c->nested_misses},
                {"prefetches", c->prefetches},
                {"prefetch_hits", c->prefetch_hits},
                {"held", c->held}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].count)
            write_number(layout, rows[i].key, rows[i].count);
    }
}

static void write_counters(struct json_layout *layout, const struct iommu_counters *c)
{
    layout_open(layout, "counters", '{');
    write_number(layout, "requests", c->requests);
    write_number(layout, "translated_requests", c->translated_requests);
    write_number(layout, "translation_requests", c->translation_requests);
    write_number(layout, "context_hits", c->context_hits);
    write_number(layout, "context_misses", c->context_misses);
    write_number(layout, "iotlb_hits", c->iotlb_hits);
    write_number(layout, "iotlb_misses", c->iotlb_misses);
    write_number(layout, "merged", c->merged);
    write_number(layout, "duplicate_fills", c->duplicate_fills);
    write_number(layout, "walks", c->walks);
    write_number(layout, "page_table_reads", c->page_table_reads);
    write_number(layout, "context_table_reads", c->context_table_reads);
    write_number(layout, "walks_from_root", c->walk_cache_hits[0]);
    for (int level = 1; level <= WALK_CACHE_LEVELS; level++) {
        char key[40];
        snprintf(key, sizeof(key), "walk_cache_hits_level_%d_table", level);
        write_number(layout, key, c->walk_cache_hits[level]);
    }
    write_number(layout, "faults", c->faults);
    write_number(layout, "walk_queue_high", c->walk_queue_high);
    write_optional_counters(layout, c);
    layout_close(layout, '}', false);
}

static void write_page_requests(struct json_layout *layout, const struct page_request_queue *queue)
{
    if (!queue->requests)
        return;
    layout_open(layout, "page_requests", '{');
    write_number(layout, "received", queue->requests);
    write_number(layout, "succeeded", queue->succeeded);
    write_number(layout, "invalid", queue->invalid);
    write_number(layout, "overflowed", queue->overflowed);
    write_number(layout, "forgotten", queue->forgotten);
    write_number(layout, "failed", queue->failed);
    write_number(layout, "groups", queue->groups);
    write_number(layout, "queue_high", queue->waiting.high);
    layout_close(layout, '}', false);
}

static void write_invalidations(struct json_layout *layout, const struct invalidation_queue *queue)
{
    if (!queue->batches)
        return;
    layout_open(layout, "invalidation", '{');
    write_number(layout, "batches", queue->batches);
    write_number(layout, "lock_wait_ps", queue->lock_wait_ps);
    for (int type = 0; type < INVALIDATION_TYPES; type++)
        write_number(layout, invalidation_type_name((enum invalidation_type)type), queue->descriptors[type]);
    write_number(layout, "timeouts", queue->timeouts);
    write_number(layout, "busy_ps", queue->busy_ps);
    write_number(layout, "queue_high", queue->high);
    layout_close(layout, '}', false);
}

static void write_unit(struct json_layout *layout, const struct result *result, uint32_t index)
{
    char label[24];
    const struct iommu_unit *described = &result->simulation->groups->coverage->units[index];
    const struct remapping_unit *unit = machine_unit(result->simulation->machine, index);
    const struct iommu_counters *c = &unit->counters;
    layout_open(layout, NULL, '{');
    layout_string(layout, "name", unit_label(result, index, label));
    layout_string(layout, "kind", iommu_kind_name(described->kind));
    layout_boolean(layout, "assumed", result->simulation->units_assumed);
    write_number(layout, "walkers", unit->parameters.walkers);
    layout->fresh_line = true;
    write_ratio(layout, "context_hit_rate", c->context_hits,
                (__uint128_t)c->context_hits + c->context_misses);
    write_ratio(layout, "iotlb_hit_rate", c->iotlb_hits, (__uint128_t)c->iotlb_hits + c->iotlb_misses);
    write_ratio(layout, "walk_cache_hit_rate", c->walks - c->walk_cache_hits[0], c->walks);
    write_wide(layout, "walker_busy_ps", unit_walker_busy_ps(result, index));
    write_ratio(layout, "walker_occupancy", unit_walker_busy_ps(result, index),
                unit_walker_time_ps(result, index));
    write_counters(layout, c);
    result_json_histogram(layout, "translation", &unit->latency);
    write_invalidations(layout, machine_invalidation_queue(result->simulation->machine, index));
    write_page_requests(layout, machine_page_requests(result->simulation->machine, index));
    layout_close(layout, '}', true);
}

/* Devices that translate their addresses themselves (ATS). */
static void write_device_tlbs(struct json_layout *layout, const struct result *result)
{
    layout_open(layout, "device_tlbs", '[');
    for (uint32_t f = 0; f < result->simulation->input->topology->function_count; f++) {
        const struct dma_engine *engine = machine_engine(result->simulation->machine, f);
        if (!engine || !engine->device_tlb)
            continue;
        const struct device_tlb *tlb = engine->device_tlb;
        layout_open(layout, NULL, '{');
        write_address(layout, "device", result, f);
        write_number(layout, "hits", tlb->hits);
        write_number(layout, "misses", tlb->misses);
        write_ratio(layout, "hit_rate", tlb->hits, (__uint128_t)tlb->hits + tlb->misses);
        write_number(layout, "translation_requests", tlb->requests);
        write_number(layout, "refused", tlb->refusals);
        write_number(layout, "invalidations", tlb->invalidations);
        if (tlb->page_requests) {
            write_number(layout, "page_requests", tlb->page_requests);
            write_number(layout, "page_groups", tlb->page_groups);
            write_number(layout, "page_failures", tlb->page_failures);
            write_number(layout, "pages_refused", tlb->pages_refused);
            write_number(layout, "page_timeouts", tlb->page_timeouts);
        }
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

void result_json_units(struct json_layout *layout, const struct result *result)
{
    layout_open(layout, "units", '[');
    for (uint32_t i = 0; i < result->simulation->options.unit_count; i++)
        write_unit(layout, result, i);
    layout_close(layout, ']', true);
    write_device_tlbs(layout, result);
    result_json_interrupts(layout, result);
    result_json_host(layout, result);
}

void result_json_host(struct json_layout *layout, const struct result *result)
{
    const struct root_complex *root = machine_root_complex(result->simulation->machine);
    layout_open(layout, "root_complex", '{');
    write_number(layout, "translated_tlps", root->translated_tlps);
    write_number(layout, "untranslated_tlps", root->untranslated_tlps);
    write_number(layout, "peer_tlps", root->peer_tlps);
    write_number(layout, "faults", root->faults);
    write_number(layout, "dropped_tlps", root->dropped_tlps);
    write_number(layout, "reads_in_flight_high", root->reads_high);
    layout_close(layout, '}', false);
    layout_open(layout, "memory", '{');
    write_number(layout, "bytes_read", root->memory.bytes_read);
    write_number(layout, "bytes_written", root->memory.bytes_written);
    uint64_t busy_ps = memory_busy_ps(&root->memory, machine_end_ps(result->simulation->machine));
    write_number(layout, "busy_ps", busy_ps);
    write_ratio(layout, "utilisation", busy_ps, measured_ps(result));
    layout_close(layout, '}', false);
}

/* ---- links ---- */

void result_json_links(struct json_layout *layout, const struct result *result)
{
    const struct transport *transport = machine_transport(result->simulation->machine);
    layout_open(layout, "links", '[');
    for (uint32_t i = 0; i < transport->channel_count; i++) {
        const struct channel *channel = &transport->channels[i];
        if (!channel->tlps || !channel->timing.ps_numerator)
            continue;
        layout_open(layout, NULL, '{');
        write_address(layout, "function", result, channel->function_id);
        layout_string(layout, "direction", channel->upward ? "up" : "down");
        if (channel->generation) {
            char speed[32];
            unit_print(speed, sizeof(speed), link_speed_of_generation(channel->generation),
                       UNIT_TRANSFERS_PER_S);
            layout_string(layout, "speed", speed);
            write_number(layout, "width", channel->width);
            /* In force, which the parameters may leave to the link; 0 is infinite. */
            write_number(layout, "posted_header_credits", channel->credits[FLOW_POSTED].headers_limit);
            write_number(layout, "posted_data_credits", channel->credits[FLOW_POSTED].data_limit);
        }
        /* What is left for TLPs after encoding, DLLPs and SKIP. */
        write_number(layout, "tlp_bytes_per_s",
                     (uint64_t)((__uint128_t)channel->timing.ps_denominator * UINT64_C(1000000000000) /
                                channel->timing.ps_numerator));
        write_number(layout, "tlps", channel->tlps);
        write_number(layout, "payload_bytes", channel->payload_bytes);
        write_number(layout, "wire_bytes", channel->wire_bytes);
        uint64_t busy_ps = channel_busy_ps(channel, machine_end_ps(result->simulation->machine));
        write_number(layout, "busy_ps", busy_ps);
        write_ratio(layout, "utilisation", busy_ps, measured_ps(result));
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}
