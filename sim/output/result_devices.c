/* SPDX-License-Identifier: MIT */
/* What each device did, over all streams: a trace names its devices line by line. */
#include "sim/input/json_layout.h"
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>

enum { DEVICES_SHOWN = 12 };

static const char *address(const struct result *result, uint32_t function_id, char *text)
{
    const struct pci_function *function = &result->simulation->input->topology->functions[function_id];
    return bdf_print(text, function->segment, function->bus, function->devfn);
}

static const struct device_result *used(const struct result *result, uint32_t function_id)
{
    const struct device_result *got = machine_device_result(result->simulation->machine, function_id);
    return got && (got->recorded || got->failed) ? got : NULL;
}

static uint64_t mean_ps(const struct device_result *got)
{
    return got->recorded ? (uint64_t)((got->latency_total_ps + got->recorded / 2) / got->recorded) : 0;
}

void result_json_devices(struct json_layout *layout, const struct result *result)
{
    uint32_t functions = result->simulation->input->topology->function_count;
    layout_open(layout, "devices", '[');
    for (uint32_t f = 0; f < functions; f++) {
        const struct device_result *got = used(result, f);
        char text[BDF_TEXT_SIZE];
        if (!got)
            continue;
        layout_open(layout, NULL, '{');
        layout_string(layout, "device", address(result, f, text));
        layout_format(layout, "recorded", "%" PRIu64, got->recorded);
        layout_format(layout, "failed", "%" PRIu64, got->failed);
        layout_format(layout, "bytes", "%" PRIu64, got->bytes);
        layout_format(layout, "bits_per_s", "%" PRIu64,
                      result_rate(got->bytes * 8, got->last_ps - got->first_ps));
        layout_format(layout, "mean_latency_ps", "%" PRIu64, mean_ps(got));
        layout_format(layout, "maximum_latency_ps", "%" PRIu64, got->latency_maximum_ps);
        layout_format(layout, "tags", "%" PRIu32,
                      machine_engine(result->simulation->machine, f)->parameters.tags);
        layout_format(layout, "tags_high", "%" PRIu32,
                      machine_engine(result->simulation->machine, f)->tags_high);
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

/* Only where a trace is among the streams: a generator is one device, and has its own lines. */
void result_text_devices(const struct result *result, struct text_buffer *out)
{
    const struct workload *workload = result->simulation->workload;
    uint32_t functions = result->simulation->input->topology->function_count, shown = 0, all = 0;
    bool traces = false;
    for (uint32_t i = 0; i < workload->stream_count; i++)
        traces |= workload->streams[i].trace_path != NULL;
    if (!traces)
        return;
    text_buffer_format(out, "\n%-18s %11s %9s %13s %11s %11s %9s\n", "Device", "recorded", "failed", "Gb/s",
                       "mean", "max", "tags max");
    for (uint32_t f = 0; f < functions; f++) {
        const struct device_result *got = used(result, f);
        char text[BDF_TEXT_SIZE], mean[AMOUNT_TEXT_SIZE], most[AMOUNT_TEXT_SIZE];
        all += got != NULL;
        if (!got || shown == DEVICES_SHOWN)
            continue;
        shown++;
        uint64_t hundredths =
            (result_rate(got->bytes * 8, got->last_ps - got->first_ps) + 5000000) / 10000000;
        text_buffer_format(
            out, "%-18s %11" PRIu64 " %9" PRIu64 " %10" PRIu64 ".%02" PRIu64 " %11s %11s %9" PRIu32 "\n",
            address(result, f, text), got->recorded, got->failed, hundredths / 100, hundredths % 100,
            time_print(mean, mean_ps(got)), time_print(most, got->latency_maximum_ps),
            machine_engine(result->simulation->machine, f)->tags_high);
    }
    if (all > shown)
        text_buffer_format(out, "  ... and %" PRIu32 " more (--format json has all)\n", all - shown);
}
