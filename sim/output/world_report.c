/* SPDX-License-Identifier: MIT */
#include "sim/output/world_report.h"

#include "sim/input/json_layout.h"
#include "sim/output/result.h"
#include "sim/output/result_text.h"

#include <inttypes.h>

enum { WAITING_SHOWN = 12, PER_MILLION = 1000000 };

/* ORDER: enum world_hop */
static const char *const hop_words[] = {
    "queue",           "source_mapping", "source_iommu", "source_fabric", "network_transfer",
    "network_latency", "target_mapping", "target_iommu", "target_fabric",
};
static const char *const hop_texts[] = {
    "queue at the sender", "sender's mapping",   "sender's IOMMU",   "sender's fabric",   "network, transfer",
    "network, latency",    "receiver's mapping", "receiver's IOMMU", "receiver's fabric",
};

/* ---- figures ---- */

/* Bytes that have arrived over the time from the first begun to the last done. */
static uint64_t rate(const struct world_traffic_result *traffic)
{
    return result_rate(traffic->network.bytes + traffic->local.bytes, traffic->last_ps - traffic->first_ps);
}

/* NCCL's figures: size over the time of a round, and what of it every link of a ring carries. */
static uint64_t algorithm_rate(const struct world_collective *collective,
                               const struct world_traffic_result *traffic)
{
    uint64_t elapsed_ps = traffic->last_ps - traffic->first_ps;
    return result_rate(collective->size_bytes * collective->repeat, elapsed_ps);
}

static uint64_t bus_rate(const struct world_collective *collective,
                         const struct world_traffic_result *traffic)
{
    uint64_t ranks = collective->ranks.count, factor = collective->kind == COLLECTIVE_ALL_REDUCE ? 2 : 1;
    return (uint64_t)((__uint128_t)algorithm_rate(collective, traffic) * factor * (ranks - 1) / ranks);
}

static bool complete(const struct world_traffic_result *traffic)
{
    return traffic->done == traffic->expected;
}

/* ---- text ---- */

static void print_hops(const char *title, const struct world_hops *hops, struct text_buffer *out)
{
    char text[AMOUNT_TEXT_SIZE], amount[AMOUNT_TEXT_SIZE];
    if (!hops->segments)
        return;
    text_buffer_format(out, "  %s: %s segments, mean %s\n", title, amount_print(amount, hops->segments),
                       time_print(text, (uint64_t)(hops->total_ps / hops->segments)));
    for (int i = 0; i < HOPS; i++) {
        if (!hops->ps[i])
            continue;
        unsigned tenths = (unsigned)(hops->ps[i] * 1000 / hops->total_ps);
        text_buffer_format(out, "    %-20s %10s  %3u.%u %%\n", hop_texts[i],
                           time_print(text, (uint64_t)(hops->ps[i] / hops->segments)), tenths / 10,
                           tenths % 10);
    }
}

static void print_traffic(const char *what, const struct world_traffic_result *traffic,
                          struct text_buffer *out)
{
    char text[4][AMOUNT_TEXT_SIZE];
    const struct histogram *latency = &traffic->latency;
    text_buffer_format(out, "  %" PRIu64 " of %" PRIu64 " %s", traffic->done, traffic->expected, what);
    if (traffic->failed_messages)
        text_buffer_format(out, ", %" PRIu64 " messages failed", traffic->failed_messages);
    text_buffer_format(
        out, "; %sB in %s, %sB/s\n", amount_print(text[0], traffic->network.bytes + traffic->local.bytes),
        time_print(text[1], traffic->last_ps - traffic->first_ps), amount_print(text[2], rate(traffic)));
    if (latency->count)
        text_buffer_format(out, "  latency: min %s, mean %s, p99 %s, max %s\n",
                           time_print(text[0], latency->minimum),
                           time_print(text[1], histogram_mean(latency)),
                           time_print(text[2], histogram_percentile(latency, 99 * PER_MILLION / 100)),
                           time_print(text[3], latency->maximum));
    print_hops("between machines", &traffic->network, out);
    print_hops("within machines", &traffic->local, out);
}

static void print_deadlock(const struct world_result *result, struct text_buffer *out)
{
    char text[AMOUNT_TEXT_SIZE];
    if (!result->waiting_count)
        return;
    text_buffer_format(out, "\nDEADLOCK at %s: %" PRIu32 " wait for what will never come\n",
                       time_print(text, result->end_ps), result->waiting_count);
    for (uint32_t i = 0; i < result->waiting_count && i < WAITING_SHOWN; i++)
        text_buffer_format(out, "  %s %s\n", result->waiting[i].who, result->waiting[i].what);
    if (result->waiting_count > WAITING_SHOWN)
        text_buffer_format(out, "  and %" PRIu32 " more (--format json lists them)\n",
                           result->waiting_count - WAITING_SHOWN);
}

void world_report_text(const struct world_result *result, struct text_buffer *out)
{
    const struct world *world = result->world;
    char text[AMOUNT_TEXT_SIZE], rates[2][AMOUNT_TEXT_SIZE];
    text_buffer_format(out, "World      %s\n", world->name ? world->name : world->path);
    text_buffer_format(out, "Machines   %" PRIu32 ", of which %" PRIu32 " had something to do\n",
                       world->machine_count, result->machines_touched);
    text_buffer_format(out, "Network    %s, %" PRIu32 " NICs\n", world_network_words[world->network.kind],
                       world->host_count);
    text_buffer_format(out, "Simulated  %s%s\n", time_print(text, result->end_ps),
                       result->interrupted ? ", then interrupted" : "");
    if (result->faults)
        text_buffer_format(out, "Faults     %s requests were refused by remapping units\n",
                           amount_print(text, result->faults));
    for (uint32_t i = 0; i < world->stream_count; i++) {
        text_buffer_format(out, "\n%s (%s)\n", world->streams[i].name,
                           world_stream_words[world->streams[i].kind]);
        print_traffic(world->streams[i].kind == WORLD_RDMA_WRITE ? "messages" : "requests",
                      &result->streams[i], out);
    }
    for (uint32_t i = 0; i < world->collective_count; i++) {
        const struct world_collective *collective = &world->collectives[i];
        const struct world_traffic_result *traffic = &result->collectives[i];
        bool ring = collective->algorithm == ALGORITHM_RING,
             reduces = collective->kind == COLLECTIVE_ALL_REDUCE;
        text_buffer_format(out, "\n%s (%s%s%s of %" PRIu32 " ranks)\n", collective->name,
                           world_collective_words[collective->kind], reduces ? ", " : "",
                           !reduces ? ""
                           : ring   ? "ring"
                                    : "tree",
                           collective->ranks.count);
        if (complete(traffic))
            text_buffer_format(out, "  algorithm bandwidth %sB/s, bus bandwidth %sB/s\n",
                               amount_print(rates[0], algorithm_rate(collective, traffic)),
                               amount_print(rates[1], bus_rate(collective, traffic)));
        print_traffic("rounds of ranks", traffic, out);
    }
    print_deadlock(result, out);
}

/* ---- JSON ---- */

static void write_sum(struct json_layout *layout, const char *key, __uint128_t sum)
{
    /* Sums of picoseconds fit a double's 53 bits in every world that can be run; others are cut to 64 bits.
     */
    layout_format(layout, key, "%" PRIu64, sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum);
}

static void write_hops(struct json_layout *layout, const char *key, const struct world_hops *hops)
{
    layout_open(layout, key, '{');
    layout_format(layout, "segments", "%" PRIu64, hops->segments);
    layout_format(layout, "bytes", "%" PRIu64, hops->bytes);
    write_sum(layout, "total_ps", hops->total_ps);
    layout_open(layout, "sums_ps", '{');
    for (int i = 0; i < HOPS; i++)
        write_sum(layout, hop_words[i], hops->ps[i]);
    layout_close(layout, '}', false);
    layout_close(layout, '}', false);
}

static void write_latency(struct json_layout *layout, const struct histogram *latency)
{
    static const struct {
        const char *key;
        uint32_t per_million;
    } percentiles[] = {{"p50_ps", 500000}, {"p90_ps", 900000}, {"p99_ps", 990000}, {"p99.9_ps", 999000}};
    layout_open(layout, "latency", '{');
    layout_format(layout, "count", "%" PRIu64, latency->count);
    if (latency->count) {
        layout_format(layout, "minimum_ps", "%" PRIu64, latency->minimum);
        layout_format(layout, "mean_ps", "%" PRIu64, histogram_mean(latency));
        for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
            layout_format(layout, percentiles[i].key, "%" PRIu64,
                          histogram_percentile(latency, percentiles[i].per_million));
        layout_format(layout, "maximum_ps", "%" PRIu64, latency->maximum);
    }
    layout_close(layout, '}', false);
}

static void write_traffic(struct json_layout *layout, const struct world_traffic_result *traffic)
{
    layout_format(layout, "expected", "%" PRIu64, traffic->expected);
    layout_format(layout, "done", "%" PRIu64, traffic->done);
    layout_format(layout, "failed", "%" PRIu64, traffic->failed);
    layout_format(layout, "messages", "%" PRIu64, traffic->messages);
    layout_format(layout, "failed_messages", "%" PRIu64, traffic->failed_messages);
    layout_format(layout, "first_ps", "%" PRIu64, traffic->first_ps);
    layout_format(layout, "last_ps", "%" PRIu64, traffic->last_ps);
    layout_format(layout, "bytes_per_s", "%" PRIu64, rate(traffic));
    write_latency(layout, &traffic->latency);
    write_hops(layout, "between_machines", &traffic->network);
    write_hops(layout, "within_machines", &traffic->local);
}

static void write_heading(struct json_layout *layout, const struct world_result *result)
{
    const struct world *world = result->world;
    layout_string(layout, "format", "iommusim-world-result/1");
    layout_string(layout, "version", IOMMUSIM_VERSION);
    layout_string(layout, "simgrid", result->simgrid_version);
    layout_open(layout, "input", '{');
    layout_string(layout, "path", world->path);
    layout_string(layout, "xxh3_128", world->hash);
    layout_close(layout, '}', false);
    layout_text(layout, "name", world->name);
    layout_format(layout, "seed", "%" PRIu64, world->seed);
    layout_open(layout, "run", '{');
    layout_format(layout, "end_ps", "%" PRIu64, result->end_ps);
    layout_boolean(layout, "interrupted", result->interrupted);
    layout_boolean(layout, "deadlock", result->waiting_count != 0);
    layout_format(layout, "machines", "%" PRIu32, world->machine_count);
    layout_format(layout, "machines_touched", "%" PRIu32, result->machines_touched);
    layout_format(layout, "window_ps", "%" PRIu64, result->window_ps);
    layout_format(layout, "events", "%" PRIu64, result->events);
    layout_format(layout, "operations", "%" PRIu64, result->operations);
    layout_format(layout, "faults", "%" PRIu64, result->faults);
    layout_close(layout, '}', false);
}

void world_report_json(const struct world_result *result, struct text_buffer *out)
{
    const struct world *world = result->world;
    struct json_layout layout = {.out = out};
    layout_open(&layout, NULL, '{');
    write_heading(&layout, result);
    layout_open(&layout, "streams", '[');
    for (uint32_t i = 0; i < world->stream_count; i++) {
        layout_open(&layout, NULL, '{');
        layout_string(&layout, "name", world->streams[i].name);
        layout_string(&layout, "kind", world_stream_words[world->streams[i].kind]);
        write_traffic(&layout, &result->streams[i]);
        layout_close(&layout, '}', true);
    }
    layout_close(&layout, ']', true);
    layout_open(&layout, "collectives", '[');
    for (uint32_t i = 0; i < world->collective_count; i++) {
        const struct world_collective *collective = &world->collectives[i];
        layout_open(&layout, NULL, '{');
        layout_string(&layout, "name", collective->name);
        layout_string(&layout, "kind", world_collective_words[collective->kind]);
        layout_string(&layout, "algorithm", world_algorithm_words[collective->algorithm]);
        layout_format(&layout, "ranks", "%" PRIu32, collective->ranks.count);
        layout_format(&layout, "algorithm_bytes_per_s", "%" PRIu64,
                      algorithm_rate(collective, &result->collectives[i]));
        layout_format(&layout, "bus_bytes_per_s", "%" PRIu64, bus_rate(collective, &result->collectives[i]));
        write_traffic(&layout, &result->collectives[i]);
        layout_close(&layout, '}', true);
    }
    layout_close(&layout, ']', true);
    layout_open(&layout, "waiting", '[');
    for (uint32_t i = 0; i < result->waiting_count; i++) {
        layout_open(&layout, NULL, '{');
        layout_string(&layout, "who", result->waiting[i].who);
        layout_string(&layout, "what", result->waiting[i].what);
        layout_close(&layout, '}', false);
    }
    layout_close(&layout, ']', true);
    layout_close(&layout, '}', true);
}
