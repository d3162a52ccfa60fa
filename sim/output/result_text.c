/* SPDX-License-Identifier: MIT */
#include "sim/output/result_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_WIDTH = 18,
    BAR_WIDTH = 40,
    LEDGERS_SHOWN = 6,
    HIDDEN_SHOWN_PS = 1000,
    LINKS_SHOWN = 8,
    PEERS_SHOWN = 8
};

/* ---- numbers ---- */

/* value / unit in four significant digits, rounded to nearest: below 10, 100, 1000 as it will be printed. */
static int print_scaled(char *text, uint64_t value, uint64_t unit)
{
    unsigned decimals = value < 10 * unit - unit / 2000   ? 3
                        : value < 100 * unit - unit / 200 ? 2
                        : value < 1000 * unit - unit / 20 ? 1
                                                          : 0;
    uint64_t scale = decimals == 3 ? 1000 : decimals == 2 ? 100 : decimals == 1 ? 10 : 1;
    uint64_t scaled = (uint64_t)(((__uint128_t)value * scale + unit / 2) / unit);
    if (!decimals || unit == 1)
        return snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64, scaled / scale);
    return snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64 ".%0*" PRIu64, scaled / scale, (int)decimals,
                    scaled % scale);
}

/* The smallest value that rounds to one whole @p unit, as four digits of the unit below are printed. */
static uint64_t unit_begins(uint64_t unit)
{
    return unit - unit / 20000;
}

char *time_print(char *text, uint64_t time_ps)
{
    static const struct {
        uint64_t unit;
        const char *name;
    } units[] = {{UINT64_C(1000000000000), "s"}, {1000000000, "ms"}, {1000000, "us"}, {1000, "ns"}};
    size_t i = 0;
    while (i < 3 && time_ps < unit_begins(units[i].unit))
        i++;
    int length = print_scaled(text, time_ps, units[i].unit);
    snprintf(text + length, (size_t)(AMOUNT_TEXT_SIZE - length), " %s", units[i].name);
    return text;
}

char *amount_print(char *text, uint64_t amount)
{
    static const struct {
        uint64_t unit;
        const char *name;
    } units[] = {{UINT64_C(1000000000000), " T"}, {1000000000, " G"}, {1000000, " M"}, {1000, " k"}, {1, ""}};
    size_t i = 0;
    while (i < 4 && amount < unit_begins(units[i].unit))
        i++;
    int length = print_scaled(text, amount, units[i].unit);
    snprintf(text + length, (size_t)(AMOUNT_TEXT_SIZE - length), "%s", units[i].name);
    return text;
}

/* "87.3 %", or "-" where there was nothing to count. */
char *percent_print(char *text, __uint128_t part, __uint128_t whole)
{
    if (!whole) {
        snprintf(text, AMOUNT_TEXT_SIZE, "-");
        return text;
    }
    unsigned tenths = (unsigned)((part * 1000 + whole / 2) / whole);
    snprintf(text, AMOUNT_TEXT_SIZE, "%u.%u %%", tenths / 10, tenths % 10);
    return text;
}

static const char *address(const struct result *result, uint32_t function_id, char *text)
{
    if (function_id == NONE)
        return "-";
    const struct pci_function *function = &result->simulation->input->topology->functions[function_id];
    return bdf_print(text, function->segment, function->bus, function->devfn);
}

/* ---- heading ---- */

static void write_heading(const struct result *result, struct text_buffer *out)
{
    const struct simulation *simulation = result->simulation;
    const struct iommu_platform *platform = &simulation->groups->platform;
    char time[AMOUNT_TEXT_SIZE];
    struct result_totals totals = result_totals(result);
    const char *machine = simulation->input->topology->name;
    if (result->name)
        text_buffer_format(out, "Scenario   %s\n", result->name);
    const char *name = machine ? machine : result->topology.path;
    text_buffer_format(out, "Machine    %s\n", name ? name : "(part of the scenario)");
    text_buffer_format(out, "IOMMU      %s", iommu_kind_name(platform->kind));
    if (platform->kind != IOMMU_NONE && !platform->enabled)
        text_buffer_add(out, ", switched off by the command line");
    else if (platform->enabled)
        text_buffer_format(out, ", %" PRIu32 " unit%s%s", simulation->options.unit_count,
                           simulation->options.unit_count == 1 ? "" : "s",
                           simulation->units_assumed ? " (assumed: the input names none)" : "");
    text_buffer_format(
        out, "\nRun        %s simulated, %" PRIu64 " operations, %" PRIu64 " events, seed %" PRIu64 "%s\n",
        time_print(time, machine_end_ps(simulation->machine)), totals.completed,
        machine_events(simulation->machine), simulation->options.seed,
        result->interrupted ? " - interrupted" : "");
}

/* ---- streams ---- */

/* Gigabits a second with two decimals. */
static char *gigabits_print(char *text, struct stream_rate rate)
{
    uint64_t hundredths = (result_rate(rate.bytes * 8, rate.elapsed_ps) + 5000000) / 10000000;
    snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64 ".%02" PRIu64, hundredths / 100, hundredths % 100);
    return text;
}

static void write_streams(const struct result *result, struct text_buffer *out)
{
    const struct workload *workload = result->simulation->workload;
    text_buffer_format(out, "\n%-*s %-13s %-10s %11s %9s %11s %13s\n", NAME_WIDTH, "Stream", "device",
                       "operation", "recorded", "failed", "op/s", "Gb/s");
    for (uint32_t i = 0; i < workload->stream_count; i++) {
        const struct stream *stream = &workload->streams[i];
        const struct stream_result *got = machine_stream_result(result->simulation->machine, i);
        struct stream_rate moved = stream_result_rate(got);
        char rate[AMOUNT_TEXT_SIZE] = "-", bits[AMOUNT_TEXT_SIZE] = "-", device[BDF_TEXT_SIZE];
        if (moved.elapsed_ps || !got->recorded) { /* all at one instant is no rate */
            amount_print(rate, stream_result_operations_per_s(got));
            gigabits_print(bits, moved);
        }
        text_buffer_format(out, "%-*.*s %-13s %-10s %11" PRIu64 " %9" PRIu64 " %11s %13s\n", NAME_WIDTH,
                           NAME_WIDTH, stream->name, address(result, stream->function_id, device),
                           stream_operation_text(stream), got->recorded, got->failed, rate, bits);
    }
    if (workload->stream_count > 1) {
        char bits[AMOUNT_TEXT_SIZE];
        text_buffer_format(out, "%-*s %60s\n", NAME_WIDTH, "all together",
                           gigabits_print(bits, machine_rate_of_all(result->simulation->machine)));
    }
}

static void write_latencies(const struct result *result, struct text_buffer *out)
{
    static const uint32_t percentiles[] = {500000, 900000, 990000, 999000, 999900};
    const struct workload *workload = result->simulation->workload;
    text_buffer_format(out, "\n%-*s %9s %9s %9s %9s %9s %9s %9s %9s\n", NAME_WIDTH, "Latency", "min", "mean",
                       "p50", "p90", "p99", "p99.9", "p99.99", "max");
    for (uint32_t i = 0; i < workload->stream_count; i++) {
        const struct histogram *latency = &machine_stream_result(result->simulation->machine, i)->latency;
        char text[AMOUNT_TEXT_SIZE];
        text_buffer_format(out, "%-*.*s", NAME_WIDTH, NAME_WIDTH, workload->streams[i].name);
        if (!latency->count) {
            text_buffer_add(out, "  no operation was recorded\n");
            continue;
        }
        text_buffer_format(out, " %9s", time_print(text, latency->minimum));
        text_buffer_format(out, " %9s", time_print(text, histogram_mean(latency)));
        for (size_t p = 0; p < sizeof(percentiles) / sizeof(percentiles[0]); p++)
            text_buffer_format(out, " %9s", time_print(text, histogram_percentile(latency, percentiles[p])));
        text_buffer_format(out, " %9s\n", time_print(text, latency->maximum));
    }
}

/* ---- where the time went ---- */

static void write_ledger(const char *name, const __uint128_t *parts, __uint128_t total, uint64_t count,
                         struct text_buffer *out)
{
    char time[AMOUNT_TEXT_SIZE], share[AMOUNT_TEXT_SIZE];
    text_buffer_format(out, "\nWhere the time went: %s, %s an operation\n", name,
                       time_print(time, (uint64_t)((total + count / 2) / count)));
    for (int part = 0; part < LEDGER_PARTS; part++) {
        if (!parts[part])
            continue;
        char label[32];
        snprintf(label, sizeof(label), "%s", ledger_part_name((enum ledger_part)part));
        for (char *c = label; (c = strchr(c, '_')) != NULL;)
            *c = ' ';
        int bar = (int)((parts[part] * BAR_WIDTH + total / 2) / total);
        text_buffer_format(out, "  %-20s %10s %8s%s%.*s\n", label,
                           time_print(time, (uint64_t)((parts[part] + count / 2) / count)),
                           percent_print(share, parts[part], total), bar ? "  " : "", bar,
                           "########################################");
    }
}

/* An operation's parts are those of its last packet: a walk that only packets before it waited for is none.
 */
static void write_hidden(const struct stream_result *got, struct text_buffer *out)
{
    char time[AMOUNT_TEXT_SIZE];
    uint64_t mean_ps = (uint64_t)(got->hidden_ps / got->recorded);
    if (mean_ps >= HIDDEN_SHOWN_PS)
        text_buffer_format(out,
                           "  beside it: packets before the last one wait up to %s longer for translation\n",
                           time_print(time, mean_ps));
}

static void write_ledgers(const struct result *result, struct text_buffer *out)
{
    const struct workload *workload = result->simulation->workload;
    for (uint32_t i = 0; i < workload->stream_count && i < LEDGERS_SHOWN; i++) {
        const struct stream_result *got = machine_stream_result(result->simulation->machine, i);
        if (!got->recorded || !got->latency.total)
            continue;
        write_ledger(workload->streams[i].name, got->ledger, got->latency.total, got->recorded, out);
        write_hidden(got, out);
    }
    if (workload->stream_count > LEDGERS_SHOWN)
        text_buffer_format(out, "  ... and %" PRIu32 " more streams (--format json has all)\n",
                           workload->stream_count - LEDGERS_SHOWN);
}

/* ---- units, links ---- */

/* From a request's arrival at the unit to its answer. */
static void write_translation(const struct histogram *latency, struct text_buffer *out)
{
    char mean[AMOUNT_TEXT_SIZE], p99[AMOUNT_TEXT_SIZE], maximum[AMOUNT_TEXT_SIZE];
    if (latency->count)
        text_buffer_format(out, "%*stranslation: mean %s, p99 %s, max %s\n", NAME_WIDTH, "",
                           time_print(mean, histogram_mean(latency)),
                           time_print(p99, histogram_percentile(latency, 990000)),
                           time_print(maximum, latency->maximum));
}

static void write_units(const struct result *result, struct text_buffer *out)
{
    const struct simulation *simulation = result->simulation;
    if (!simulation->options.unit_count)
        return;
    text_buffer_format(out, "\n%-*s %10s %9s %9s %9s %10s %9s %9s %8s\n", NAME_WIDTH, "Remapping unit",
                       "requests", "context", "IOTLB", "walk c.", "walks", "walkers", "queue", "faults");
    text_buffer_format(out, "%-*s %10s %9s %9s %9s %10s %9s %9s\n", NAME_WIDTH, "", "", "hits", "hits",
                       "hits", "", "busy", "max");
    for (uint32_t i = 0; i < simulation->options.unit_count; i++) {
        const struct iommu_counters *c = &machine_unit(simulation->machine, i)->counters;
        char label[24], requests[AMOUNT_TEXT_SIZE], context[AMOUNT_TEXT_SIZE], iotlb[AMOUNT_TEXT_SIZE],
            caches[AMOUNT_TEXT_SIZE], walks[AMOUNT_TEXT_SIZE], busy[AMOUNT_TEXT_SIZE];
        text_buffer_format(
            out, "%-*.*s %10s %9s %9s %9s %10s %9s %9" PRIu64 " %8" PRIu64 "\n", NAME_WIDTH, NAME_WIDTH,
            unit_label(result, i, label), amount_print(requests, c->requests),
            percent_print(context, c->context_hits, (__uint128_t)c->context_hits + c->context_misses),
            percent_print(iotlb, c->iotlb_hits, (__uint128_t)c->iotlb_hits + c->iotlb_misses),
            percent_print(caches, c->walks - c->walk_cache_hits[0], c->walks), amount_print(walks, c->walks),
            percent_print(busy, unit_walker_busy_ps(result, i), unit_walker_time_ps(result, i)),
            c->walk_queue_high, c->faults);
        write_translation(&machine_unit(simulation->machine, i)->latency, out);
    }
}

/* The busiest link directions, busiest first. */
static uint32_t busiest(const struct transport *transport, const struct channel **found)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < transport->channel_count; i++) {
        const struct channel *channel = &transport->channels[i];
        if (!channel->busy_ps || !channel->timing.ps_numerator)
            continue;
        uint32_t at = count < LINKS_SHOWN ? count : LINKS_SHOWN - 1;
        if (count >= LINKS_SHOWN && found[at]->busy_ps >= channel->busy_ps)
            continue;
        count += count < LINKS_SHOWN;
        for (; at > 0 && found[at - 1]->busy_ps < channel->busy_ps; at--)
            found[at] = found[at - 1];
        found[at] = channel;
    }
    return count;
}

static void write_links(const struct result *result, struct text_buffer *out)
{
    const struct channel *found[LINKS_SHOWN];
    const struct transport *transport = machine_transport(result->simulation->machine);
    uint32_t count = busiest(transport, found), all = 0;
    uint64_t elapsed_ps = measured_ps(result), end_ps = machine_end_ps(result->simulation->machine);
    for (uint32_t i = 0; i < transport->channel_count; i++)
        all += transport->channels[i].busy_ps && transport->channels[i].timing.ps_numerator;
    if (!count)
        return;
    text_buffer_format(out, "\n%-*s %-9s %9s %12s %13s\n", NAME_WIDTH, "Link above", "direction", "busy",
                       "TLPs", "payload Gb/s");
    for (uint32_t i = 0; i < count; i++) {
        char name[BDF_TEXT_SIZE], busy[AMOUNT_TEXT_SIZE], tlps[AMOUNT_TEXT_SIZE];
        uint64_t hundredths = (result_rate(found[i]->payload_bytes * 8, elapsed_ps) + 5000000) / 10000000;
        text_buffer_format(out, "%-*s %-9s %9s %12s %10" PRIu64 ".%02" PRIu64 "\n", NAME_WIDTH,
                           address(result, found[i]->function_id, name), found[i]->upward ? "up" : "down",
                           percent_print(busy, channel_busy_ps(found[i], end_ps), elapsed_ps),
                           amount_print(tlps, found[i]->tlps), hundredths / 100, hundredths % 100);
    }
    if (all > count)
        text_buffer_format(out, "  ... and %" PRIu32 " more less busy\n", all - count);
}

/* ---- isolation ---- */

static void write_groups(const struct result *result, struct text_buffer *out)
{
    const struct iommu_groups *groups = result->simulation->groups;
    uint32_t functions = 0, shared = 0, largest = 0;
    for (uint32_t i = 0; i < groups->group_count; i++) {
        uint32_t members = groups->groups[i].member_count;
        functions += members;
        shared += members > 1;
        largest = members > largest ? members : largest;
    }
    if (!groups->group_count) {
        text_buffer_add(out, "\nGroups     none: no IOMMU is in use\n");
        return;
    }
    text_buffer_format(out, "\nGroups     %" PRIu32 " of %" PRIu32 " function%s", groups->group_count,
                       functions, functions == 1 ? "" : "s");
    if (shared)
        text_buffer_format(out, "; %" PRIu32 " with more than one, the largest with %" PRIu32 "\n", shared,
                           largest);
    else
        text_buffer_add(out, "; each function has its own\n");
}

/* Who turned it, and when; a line of its own. */
static void write_peer_times(const struct result *result, const struct observed_peer *peer,
                             struct text_buffer *out)
{
    char at[BDF_TEXT_SIZE], first[AMOUNT_TEXT_SIZE], last[AMOUNT_TEXT_SIZE];
    text_buffer_format(out, "                 %s %s, ", peer->target_id == NONE ? "came in at" : "turned at",
                       peer->at_id == NONE ? "the root complex" : address(result, peer->at_id, at));
    if (peer->first_ps == peer->last_ps)
        text_buffer_format(out, "at %s\n", time_print(first, peer->first_ps));
    else
        text_buffer_format(out, "from %s to %s\n", time_print(first, peer->first_ps),
                           time_print(last, peer->last_ps));
}

static void write_peers(const struct result *result, struct text_buffer *out)
{
    const struct observed_peer *peers;
    uint32_t count = machine_observed_peers(result->simulation->machine, &peers);
    for (uint32_t i = 0; i < count && i < PEERS_SHOWN; i++) {
        char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], tlps[AMOUNT_TEXT_SIZE], bytes[AMOUNT_TEXT_SIZE];
        enum reach_leak leak = result_peer_leak(result, &peers[i]);
        bool memory = peers[i].target_id == NONE;
        text_buffer_format(out, "           seen: %s -> %s, %s TLPs, %s%sB, %s%s%s\n",
                           address(result, peers[i].source_id, source),
                           memory ? "memory" : address(result, peers[i].target_id, target),
                           amount_print(tlps, peers[i].tlps), amount_print(bytes, peers[i].bytes),
                           peers[i].bytes < 1000 ? " " : "",
                           peers[i].kind == OBSERVED_UNTRANSLATED ? "by " : "",
                           peers[i].kind == OBSERVED_UNTRANSLATED ? route_rule_name(peers[i].rule)
                                                                  : observed_kind_name(peers[i].kind),
                           leak == REACH_LEAK      ? " [leak]"
                           : leak == REACH_VOUCHED ? " [vendor denies]"
                                                   : "");
        write_peer_times(result, &peers[i], out);
    }
    if (count > PEERS_SHOWN)
        text_buffer_format(out, "           ... and %" PRIu32 " more\n", count - PEERS_SHOWN);
}

static void write_reach(const struct result *result, struct text_buffer *out)
{
    struct text_buffer summary = {0};
    struct reach_question question = {
        .source_id = NONE, .target_id = NONE, .summary_only = true, .format = REPORT_TSV};
    struct reach_counts counts =
        reach_report(result->simulation->reach, result->simulation->groups, &question, &summary);
    text_buffer_fini(&summary);
    text_buffer_format(out,
                       "Reach      %" PRIu64 " pairs can reach each other untranslated, %" PRIu64
                       " of them across groups (leaks)\n",
                       counts.pairs[REACH_REACHES], counts.leaks);
    write_peers(result, out);
}

/* ---- what the reader must not overlook ---- */

static void write_overload(const struct result *result, struct text_buffer *out)
{
    const struct workload *workload = result->simulation->workload;
    for (uint32_t i = 0; i < workload->stream_count; i++) {
        const struct stream *stream = &workload->streams[i];
        const struct stream_result *got = machine_stream_result(result->simulation->machine, i);
        char offered[AMOUNT_TEXT_SIZE], done[AMOUNT_TEXT_SIZE];
        if (!got->overloaded)
            continue;
        text_buffer_format(out, "\nWarning    stream %s is overloaded", stream->name);
        if (stream->interval_ps)
            text_buffer_format(out, ": it offers %s op/s",
                               amount_print(offered, result_rate(1, stream->interval_ps)));
        text_buffer_format(out, ", %s op/s get through;\n           its latency grows with the run\n",
                           amount_print(done, stream_result_operations_per_s(got)));
        if (got->turned_away)
            text_buffer_format(out,
                               "           %" PRIu64 " operations were turned away: 65536 were waiting\n",
                               got->turned_away);
    }
}

/* Requests of devices whose own TLB knows better. */
static uint64_t unsent_requests(const struct result *result)
{
    const struct refusal *refusals;
    uint64_t sum = 0;
    uint32_t count = machine_refusals(result->simulation->machine, &refusals);
    for (uint32_t i = 0; i < count; i++)
        sum += refusals[i].unsent ? refusals[i].requests : 0;
    return sum;
}

static void write_remarks(const struct result *result, struct text_buffer *out)
{
    struct result_totals totals = result_totals(result);
    const struct root_complex *root = machine_root_complex(result->simulation->machine);
    char time[AMOUNT_TEXT_SIZE];
    if (totals.retried)
        text_buffer_format(out, "\nNote       %" PRIu64 " refused operations were issued again\n",
                           totals.retried);
    uint64_t unsent = unsent_requests(result);
    if (totals.failed)
        text_buffer_format(out,
                           "\nWarning    %" PRIu64 " operations failed: %" PRIu64
                           " requests faulted in the IOMMU, %" PRIu64 " went nowhere",
                           totals.failed, root->faults, root->dropped_tlps);
    if (totals.failed && unsent)
        text_buffer_format(out, ", %" PRIu64 " were not sent", unsent);
    if (totals.failed)
        text_buffer_add(out, "\n");
    if (totals.timeouts)
        text_buffer_format(out,
                           "\nWarning    %" PRIu64
                           " reads ended in a completion timeout: their completion was lost on its way\n",
                           totals.timeouts);
    result_text_refusals(result, out);
    write_overload(result, out);
    if (machine_measured_from_ps(result->simulation->machine))
        text_buffer_format(out,
                           "\nNote       units, links, queues and CPUs are counted from %s on, the "
                           "end of the warm-up\n",
                           time_print(time, machine_measured_from_ps(result->simulation->machine)));
    if (totals.unfinished)
        text_buffer_format(out, "\nNote       %" PRIu64 " operations were under way when the run ended\n",
                           totals.unfinished);
}

/* What happened over time; only where the run kept it. */
static void write_series(const struct result *result, struct text_buffer *out)
{
    const struct machine_series *series = machine_series_result(result->simulation->machine);
    uint64_t begin_ps = 0;
    if (!series->interval_ps)
        return;
    text_buffer_add(out, "\nUntil, us         op/s       Gb/s  IOTLB hits  walks waiting  outstanding\n");
    for (size_t i = 0; i < series->count; i++) {
        const struct series_row *row = &series->rows[i];
        uint64_t elapsed_ps = row->end_ps - begin_ps, lookups = row->iotlb_hits + row->iotlb_misses;
        text_buffer_format(
            out, "%9" PRIu64 ".%03" PRIu64 " %10" PRIu64 " %10.2f  %9.1f%%  %13" PRIu64 "  %11" PRIu64 "\n",
            row->end_ps / 1000000, row->end_ps / 1000 % 1000, result_rate(row->operations, elapsed_ps),
            (double)result_rate(row->bytes * 8, elapsed_ps) / 1e9,
            lookups ? 100.0 * (double)row->iotlb_hits / (double)lookups : 0.0, row->walks_waiting,
            row->outstanding);
        begin_ps = row->end_ps;
    }
}

void result_text_write(const struct result *result, struct text_buffer *out)
{
    static void (*const sections[RESULT_SECTIONS])(const struct result *, struct text_buffer *) = {
        [RESULT_UNITS] = write_units,           [RESULT_FAULTS] = result_text_faults,
        [RESULT_DOMAINS] = result_text_domains, [RESULT_LINKS] = write_links,
        [RESULT_QUEUES] = result_text_queues,   [RESULT_GROUPS] = write_groups,
        [RESULT_REACH] = write_reach,
    };
    write_heading(result, out);
    if (result->sections & 1U << RESULT_STREAMS) {
        write_streams(result, out);
        result_text_limits(result, out);
        write_latencies(result, out);
        result_text_device_models(result, out);
        result_text_devices(result, out);
        write_ledgers(result, out);
    }
    for (int i = 0; i < RESULT_SECTIONS; i++) {
        if (sections[i] && result->sections >> i & 1)
            sections[i](result, out);
    }
    write_series(result, out);
    write_remarks(result, out);
}
