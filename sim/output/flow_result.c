/* SPDX-License-Identifier: MIT */
#include "sim/output/flow_result.h"

#include "sim/input/json_layout.h"
#include "sim/output/result.h"
#include "sim/output/result_text.h"

#include <inttypes.h>

enum { NAME_WIDTH = 20, SETS_SHOWN = 6, MEMBERS_SHOWN = 16 };

const char *const flow_sharing_names[] = {"sampled", "ports", "max-min", NULL};

const char *const flow_difference_words[] = {"", "iotlb", "arbitration", "in-flight", "not-links"};

const char *const flow_difference_texts[] = {
    "",
    "together the streams miss the IOTLB more than by themselves, which flows cannot say",
    "a link is full, and is shared by port, packet by packet, not by flow",
    "a link is full, and is shared as much as each has in flight (reads), or by who holds up whom",
    "no link is full: credits, ordering, walkers, buffers or memory are the limit, which flows do not share",
};

static const char *const approximations[] = {
    "each stream moves at the steady rate of a short sample: no start-up, no tail, no latency of single "
    "operations",
    "the busiest wires of a stream carry its flow; requests of its reads and the quieter direction are not "
    "counted",
    "when streams begin or end within a thousandth of the time since the last change, shares follow that "
    "much later",
    "caches keep the state they had in the sample; faults, leaks and groups are those of the transaction "
    "engine only",
    "streams that share pages stay in step as they begin; in a long run they may drift apart, and be slower",
};

static uint64_t stream_rate(const struct flow_stream_result *stream)
{
    return result_rate(stream->bytes, stream->last_ps - stream->first_ps);
}

static const char *device_of(const struct flow_result *result, const struct stream *stream, char *text)
{
    const struct pci_function *function =
        &result->simulation->input->topology->functions[stream->function_id];
    return bdf_print(text, function->segment, function->bus, function->devfn);
}

/* ---- text ---- */

static char *gigabits(char *text, uint64_t bytes_per_s)
{
    uint64_t hundredths = (uint64_t)(((__uint128_t)bytes_per_s * 8 + 5000000) / 10000000);
    snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64 ".%02" PRIu64, hundredths / 100, hundredths % 100);
    return text;
}

static void write_streams(const struct flow_result *result, struct text_buffer *out)
{
    text_buffer_format(out, "\n%-*s %-13s %-10s %9s %9s %11s %11s %11s\n", NAME_WIDTH, "Stream", "device",
                       "operation", "bytes", "op", "end", "Gb/s", "alone Gb/s");
    for (uint32_t i = 0; i < result->workload->stream_count; i++) {
        const struct flow_stream_result *stream = &result->streams[i];
        char device[BDF_TEXT_SIZE], bytes[AMOUNT_TEXT_SIZE], count[AMOUNT_TEXT_SIZE], end[AMOUNT_TEXT_SIZE],
            rate[AMOUNT_TEXT_SIZE], alone[AMOUNT_TEXT_SIZE];
        text_buffer_format(out, "%-*.*s %-13s %-10s %9s %9s %11s %11s %11s%s\n", NAME_WIDTH, NAME_WIDTH,
                           stream->stream->name, device_of(result, stream->stream, device),
                           stream_operation_names[stream->stream->operation],
                           amount_print(bytes, stream->bytes), amount_print(count, stream->operations),
                           stream->started ? time_print(end, stream->last_ps) : "-",
                           gigabits(rate, stream_rate(stream)), gigabits(alone, stream->alone->bytes_per_s),
                           stream->finished || result->workload->duration_ps ? "" : "  unfinished");
    }
}

static void write_set(const struct flow_result *result, const struct flow_set *set, struct text_buffer *out)
{
    char from[AMOUNT_TEXT_SIZE], rate[AMOUNT_TEXT_SIZE], fluid[AMOUNT_TEXT_SIZE], ports[AMOUNT_TEXT_SIZE];
    unsigned shown = 0, members = 0;
    text_buffer_format(out, "  from %s: %s\n", time_print(from, set->from_ps),
                       flow_difference_texts[set->difference]);
    for (uint32_t i = 0; i < result->workload->stream_count; i++) {
        members += set->active[i];
        if (!set->active[i] || ++shown > MEMBERS_SHOWN)
            continue;
        text_buffer_format(out, "    %-*.*s %11s Gb/s; as flows %s, by ports alone %s\n", NAME_WIDTH,
                           NAME_WIDTH, result->workload->streams[i].name, gigabits(rate, set->bytes_per_s[i]),
                           gigabits(fluid, set->max_min_bytes_per_s[i]),
                           gigabits(ports, set->port_bytes_per_s[i]));
    }
    if (members > MEMBERS_SHOWN)
        text_buffer_format(out, "    ... and %u more\n", members - MEMBERS_SHOWN);
}

static void write_differences(const struct flow_result *result, struct text_buffer *out)
{
    uint32_t different = 0, shown = 0;
    for (uint32_t s = 0; s < result->set_count; s++)
        different += result->sets[s].difference != DIFFERENCE_NONE;
    if (different)
        text_buffer_add(
            out, "\nWhere sharing as flows (max-min below each one's own ceiling) would be off by more "
                 "than a tenth:\n");
    for (uint32_t s = 0; s < result->set_count && shown < SETS_SHOWN; s++) {
        if (result->sets[s].difference == DIFFERENCE_NONE)
            continue;
        write_set(result, &result->sets[s], out);
        shown++;
    }
    if (different > shown)
        text_buffer_format(out, "  ... and at %" PRIu32 " more times\n", different - shown);
    if (result->unsampled_sets)
        text_buffer_format(out,
                           "\n%" PRIu32
                           " times more streams were under way than are sampled together; those got "
                           "what ports give\n",
                           result->unsampled_sets);
}

void flow_result_text(const struct flow_result *result, struct text_buffer *out)
{
    const char *machine = result->simulation->input->topology->name;
    char time[AMOUNT_TEXT_SIZE];
    if (result->name)
        text_buffer_format(out, "Scenario   %s\n", result->name);
    text_buffer_format(out, "Machine    %s\n", machine ? machine : "(without a name)");
    text_buffer_format(out,
                       "Engine     flow: SimGrid %s, shares %s; %" PRIu64 " samples of %" PRIu64
                       " DMA operations in all\n",
                       result->simgrid_version, flow_sharing_names[result->sharing], result->samples,
                       result->sampled_operations);
    text_buffer_format(out, "Run        %s simulated, seed %" PRIu64 "%s\n", time_print(time, result->end_ps),
                       result->simulation->options.seed, result->interrupted ? " - interrupted" : "");
    write_streams(result, out);
    write_differences(result, out);
    text_buffer_add(out, "\nApproximations\n");
    for (size_t i = 0; i < sizeof(approximations) / sizeof(approximations[0]); i++)
        text_buffer_format(out, "  %s\n", approximations[i]);
}

/* ---- JSON ---- */

static void json_streams(struct json_layout *layout, const struct flow_result *result)
{
    layout_open(layout, "streams", '[');
    for (uint32_t i = 0; i < result->workload->stream_count; i++) {
        const struct flow_stream_result *stream = &result->streams[i];
        char device[BDF_TEXT_SIZE];
        uint64_t elapsed_ps = stream->last_ps - stream->first_ps;
        layout_open(layout, NULL, '{');
        layout_string(layout, "name", stream->stream->name);
        layout_string(layout, "device", device_of(result, stream->stream, device));
        layout_string(layout, "operation", stream_operation_names[stream->stream->operation]);
        layout_format(layout, "recorded", "%" PRIu64, stream->operations);
        layout_format(layout, "bytes", "%" PRIu64, stream->bytes);
        layout_format(layout, "first_ps", "%" PRIu64, stream->first_ps);
        layout_format(layout, "last_ps", "%" PRIu64, stream->last_ps);
        layout_format(layout, "bytes_per_s", "%" PRIu64, stream_rate(stream));
        layout_format(layout, "bits_per_s", "%" PRIu64, stream_rate(stream) * 8);
        layout_format(layout, "operations_per_s", "%" PRIu64, result_rate(stream->operations, elapsed_ps));
        layout_boolean(layout, "finished", stream->finished);
        layout_format(layout, "alone_bytes_per_s", "%" PRIu64, stream->alone->bytes_per_s);
        layout_format(layout, "alone_latency_ps", "%" PRIu64, stream->alone->latency_ps);
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

static void json_sets(struct json_layout *layout, const struct flow_result *result)
{
    layout_open(layout, "sets", '[');
    for (uint32_t s = 0; s < result->set_count; s++) {
        const struct flow_set *set = &result->sets[s];
        layout_open(layout, NULL, '{');
        layout_format(layout, "from_ps", "%" PRIu64, set->from_ps);
        layout_boolean(layout, "sampled", set->sampled);
        layout_string(layout, "differs", flow_difference_words[set->difference]);
        layout_open(layout, "streams", '[');
        for (uint32_t i = 0; i < result->workload->stream_count; i++) {
            if (!set->active[i])
                continue;
            layout_open(layout, NULL, '{');
            layout_string(layout, "name", result->workload->streams[i].name);
            layout_format(layout, "bytes_per_s", "%" PRIu64, set->bytes_per_s[i]);
            layout_format(layout, "max_min_bytes_per_s", "%" PRIu64, set->max_min_bytes_per_s[i]);
            layout_format(layout, "port_bytes_per_s", "%" PRIu64, set->port_bytes_per_s[i]);
            layout_close(layout, '}', false);
        }
        layout_close(layout, ']', false);
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

static void json_links(struct json_layout *layout, const struct flow_result *result)
{
    layout_open(layout, "links", '[');
    for (uint32_t l = 0; l < result->link_count; l++) {
        const struct flow_link *link = &result->links[l];
        const struct pci_function *function =
            &result->simulation->input->topology->functions[link->function_id];
        char address[BDF_TEXT_SIZE], ratio[RATIO_TEXT_SIZE];
        double most = (double)link->wire_bytes_per_s * ((double)result->end_ps / 1e12);
        layout_open(layout, NULL, '{');
        layout_string(layout, "function",
                      bdf_print(address, function->segment, function->bus, function->devfn));
        layout_string(layout, "direction", link->up ? "up" : "down");
        layout_format(layout, "wire_bytes_per_s", "%" PRIu64, link->wire_bytes_per_s);
        layout_raw(layout, "utilisation",
                   ratio_print(ratio, (__uint128_t)(link->wire_bytes + 0.5), (__uint128_t)(most + 0.5)));
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

static void json_engine(struct json_layout *layout, const struct flow_result *result)
{
    layout_open(layout, "engine", '{');
    layout_string(layout, "sharing", flow_sharing_names[result->sharing]);
    layout_string(layout, "simgrid", result->simgrid_version);
    layout_format(layout, "samples", "%" PRIu64, result->samples);
    layout_format(layout, "sampled_operations", "%" PRIu64, result->sampled_operations);
    layout_format(layout, "unsampled_sets", "%" PRIu32, result->unsampled_sets);
    layout_close(layout, '}', false);
    layout_open(layout, "run", '{');
    layout_boolean(layout, "complete", !result->interrupted);
    layout_format(layout, "simulated_ps", "%" PRIu64, result->end_ps);
    layout_close(layout, '}', false);
}

void flow_result_json(const struct flow_result *result, struct text_buffer *out)
{
    struct json_layout layout = {.out = out};
    layout_open(&layout, NULL, '{');
    layout.fresh_line = true;
    layout_string(&layout, "format", "iommusim-flow/1");
    layout_string(&layout, "program", "iommusim " IOMMUSIM_VERSION);
    layout_string(&layout, "model", model_version);
    layout_text(&layout, "name", result->name);
    layout_text(&layout, "machine", result->simulation->input->topology->name);
    layout_format(&layout, "seed", "%" PRIu64, result->simulation->options.seed);
    json_engine(&layout, result);
    json_streams(&layout, result);
    json_sets(&layout, result);
    json_links(&layout, result);
    layout_open(&layout, "approximations", '[');
    for (size_t i = 0; i < sizeof(approximations) / sizeof(approximations[0]); i++)
        layout_string(&layout, NULL, approximations[i]);
    layout_close(&layout, ']', true);
    layout_close(&layout, '}', true);
}
