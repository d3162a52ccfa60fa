/* SPDX-License-Identifier: MIT */
/* What drivers had of CPUs and memory: time by what it was spent on, lists of buffers, bounce buffers. */
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t sum(const uint64_t *spent_ps)
{
    uint64_t total_ps = 0;
    for (int work = 0; work < KERNEL_WORKS; work++)
        total_ps += spent_ps[work];
    return total_ps;
}

/* ---- JSON ---- */

static void write_number(struct json_layout *layout, const char *key, uint64_t value)
{
    layout_format(layout, key, "%" PRIu64, value);
}

void result_json_buffers(struct json_layout *layout, const struct buffer_counters *got)
{
    if (!got->pieces)
        return;
    layout_open(layout, "buffers", '{');
    write_number(layout, "pieces", got->pieces);
    write_number(layout, "joined", got->joined);
    write_number(layout, "segments", got->segments);
    write_number(layout, "retries", got->retries);
    write_number(layout, "bounced_bytes", got->bounced_bytes);
    layout_close(layout, '}', false);
}

static void write_cpus(struct json_layout *layout, const struct machine *machine)
{
    layout_open(layout, "cpus", '[');
    for (uint32_t cpu = 0; cpu < machine_cpu_count(machine); cpu++) {
        const uint64_t *spent_ps = machine_cpu_time(machine, cpu);
        if (!sum(spent_ps))
            continue;
        layout_open(layout, NULL, '{');
        write_number(layout, "cpu", cpu);
        for (int work = 0; work < KERNEL_WORKS; work++) {
            char key[40];
            if (work == KERNEL_HYPERVISOR && !spent_ps[work])
                continue; /* only guests' CPUs have one */
            snprintf(key, sizeof(key), "%s_ps", kernel_work_name((enum kernel_work)work));
            write_number(layout, key, spent_ps[work]);
        }
        layout_close(layout, '}', true);
    }
    layout_close(layout, ']', true);
}

static void write_bounce(struct json_layout *layout, const struct swiotlb *pool)
{
    layout_open(layout, "bounce_buffers", '{');
    layout_format(layout, "base", "\"0x%" PRIx64 "\"", pool->base);
    write_number(layout, "slots", pool->slot_count);
    write_number(layout, "areas", pool->area_count);
    write_number(layout, "slots_used_high", pool->counters.used_high);
    write_number(layout, "maps", pool->counters.maps);
    write_number(layout, "full", pool->counters.failures);
    write_number(layout, "other_area", pool->counters.other_area);
    write_number(layout, "bytes_copied_in", pool->counters.bytes_in);
    write_number(layout, "bytes_copied_out", pool->counters.bytes_out);
    write_number(layout, "bytes_copied_in_again", pool->counters.bytes_in_again);
    write_number(layout, "bytes_copied_out_again", pool->counters.bytes_out_again);
    layout_close(layout, '}', true);
}

void result_json_drivers(struct json_layout *layout, const struct result *result)
{
    const struct machine *machine = result->simulation->machine;
    const struct swiotlb *pool = machine_swiotlb(machine);
    uint64_t busy_ps, spin_ps;
    machine_driver_time(machine, &busy_ps, &spin_ps);
    layout_open(layout, "driver", '{');
    write_number(layout, "busy_ps", busy_ps);
    write_number(layout, "waiting_for_invalidation_ps", spin_ps);
    write_cpus(layout, machine);
    layout_close(layout, '}', pool != NULL);
    if (pool)
        write_bounce(layout, pool);
}

void result_json_iova(struct json_layout *layout, const struct iova_allocator *allocator)
{
    const struct iova_counters *got = &allocator->counters;
    layout_open(layout, "addresses", '{');
    write_number(layout, "from_magazines", got->magazine_hits);
    write_number(layout, "from_depots", got->depot_hits);
    write_number(layout, "from_tree", got->tree_takes);
    write_number(layout, "ranges_passed", got->visited);
    write_number(layout, "magazines_emptied", got->emptied);
    write_number(layout, "failures", got->failures);
    write_number(layout, "bytes_high", allocator->live_bytes_high);
    write_number(layout, "lock_wait_ps", allocator->tree_lock.wait_ps);
    layout_close(layout, '}', false);
}

/* ---- text ---- */

static void write_cpu_times(const struct result *result, struct text_buffer *out)
{
    const struct machine *machine = result->simulation->machine;
    uint64_t spent_ps[KERNEL_WORKS] = {0},
             measured_ps = machine_end_ps(machine) - machine_measured_from_ps(machine);
    uint32_t busy = 0;
    for (uint32_t cpu = 0; cpu < machine_cpu_count(machine); cpu++) {
        for (int work = 0; work < KERNEL_WORKS; work++)
            spent_ps[work] += machine_cpu_time(machine, cpu)[work];
        busy += sum(machine_cpu_time(machine, cpu)) != 0;
    }
    uint64_t total_ps = sum(spent_ps);
    if (!total_ps || !measured_ps)
        return;
    char total[AMOUNT_TEXT_SIZE], share[AMOUNT_TEXT_SIZE];
    text_buffer_format(
        out, "\nCPU time   %s of %" PRIu32 " CPU%s in drivers, %s of %s:", time_print(total, total_ps), busy,
        busy == 1 ? "" : "s", percent_print(share, total_ps, (__uint128_t)measured_ps * busy),
        busy == 1 ? "it" : "them");
    const char *comma = "";
    for (int work = 0; work < KERNEL_WORKS; work++) {
        char label[32];
        if (!spent_ps[work])
            continue;
        snprintf(label, sizeof(label), "%s", kernel_work_name((enum kernel_work)work));
        for (char *c = label; (c = strchr(c, '_')) != NULL;)
            *c = ' ';
        text_buffer_format(out, "%s %s %s", comma, label, percent_print(share, spent_ps[work], total_ps));
        comma = ",";
    }
    text_buffer_add(out, "\n");
}

static void write_buffers(const struct stream *stream, const struct buffer_counters *got,
                          struct text_buffer *out)
{
    char pieces[AMOUNT_TEXT_SIZE], segments[AMOUNT_TEXT_SIZE], joined[AMOUNT_TEXT_SIZE],
        bytes[AMOUNT_TEXT_SIZE];
    bool lists = stream->pieces > 1 || got->pieces != got->segments;
    if (!lists && !got->bounced_bytes && !got->retries)
        return;
    text_buffer_format(out, "Buffers    stream \"%s\":", stream->name);
    if (lists)
        text_buffer_format(
            out,
            " %s buffers, %s after neighbours in memory were joined, became %s operations of the device;",
            amount_print(pieces, got->pieces), amount_print(joined, got->joined),
            amount_print(segments, got->segments));
    text_buffer_format(out, " %s%sB bounced", amount_print(bytes, got->bounced_bytes),
                       got->bounced_bytes < 1000 ? " " : "");
    if (got->retries)
        text_buffer_format(out, "; the driver waited for an address or a bounce buffer %" PRIu64 " times",
                           got->retries);
    text_buffer_add(out, "\n");
}

void result_text_drivers(const struct result *result, struct text_buffer *out)
{
    const struct workload *workload = result->simulation->workload;
    const struct swiotlb *pool = machine_swiotlb(result->simulation->machine);
    write_cpu_times(result, out);
    for (uint32_t s = 0; s < workload->stream_count; s++)
        write_buffers(&workload->streams[s], &machine_stream_result(result->simulation->machine, s)->buffers,
                      out);
    if (!pool || !pool->counters.maps + pool->counters.failures)
        return;
    const struct swiotlb_counters *got = &pool->counters;
    char in[AMOUNT_TEXT_SIZE], back[AMOUNT_TEXT_SIZE], again[AMOUNT_TEXT_SIZE];
    text_buffer_format(out, "Bouncing   %sB copied to bounce buffers, %sB back",
                       amount_print(in, got->bytes_in), amount_print(back, got->bytes_out));
    if (got->bytes_in_again + got->bytes_out_again)
        text_buffer_format(out, ", %sB once more",
                           amount_print(again, got->bytes_in_again + got->bytes_out_again));
    text_buffer_format(out, "; at most %" PRIu32 " of %" PRIu32 " slots of 2 KiB in use", got->used_high,
                       pool->slot_count);
    if (got->failures)
        text_buffer_format(out, "; full %" PRIu64 " times", got->failures);
    text_buffer_add(out, "\n");
}
