/* SPDX-License-Identifier: MIT */
/* What devices with their drivers did: packets, commands, copies, periods. */
#include "sim/input/field_load.h"
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>
#include <stdio.h>

enum { NAME_WIDTH = 18, WHAT_WIDTH = 24 };

const char *stream_operation_text(const struct stream *stream)
{
    if (stream->device_kind != DEVICE_NONE)
        return device_fields(stream->device_kind)->name;
    return stream->trace_path ? "trace" : stream_operation_names[stream->operation];
}

/* ---- JSON ---- */

static void write_parameters(struct json_layout *layout, enum device_kind kind,
                             const union device_parameters *parameters)
{
    const struct field_table *table = device_fields(kind);
    layout_open(layout, "parameters", '{');
    for (size_t i = 0; i < table->count; i++) {
        char text[FIELD_TEXT_SIZE];
        field_print(text, sizeof(text), &table->fields[i], parameters);
        if (field_is_text(&table->fields[i], text))
            layout_string(layout, table->fields[i].name, text);
        else
            layout_raw(layout, table->fields[i].name, text);
    }
    layout_close(layout, '}', false);
}

/* Absent where nobody said how many units there are to do. */
static void write_steadiness(struct json_layout *layout, const struct device_counters *counters)
{
    struct device_steadiness found = device_steadiness(counters);
    if (!found.known)
        return;
    layout_open(layout, "steadiness", '{');
    layout_raw(layout, "steady", found.steady ? "true" : "false");
    layout_format(layout, "first_units_per_s", "%" PRIu64, result_rate(found.first_units, found.first_ps));
    layout_format(layout, "second_units_per_s", "%" PRIu64, result_rate(found.second_units, found.second_ps));
    layout_format(layout, "under_way_first", "%" PRIu64, found.way_first);
    layout_format(layout, "under_way_last", "%" PRIu64, found.way_last);
    layout_close(layout, '}', false);
}

void result_json_device_model(struct json_layout *layout, const struct result *result, uint32_t stream)
{
    const struct device_model *model = machine_device_model(result->simulation->machine, stream);
    if (!model)
        return;
    const struct device_counters *got = &model->counters;
    const struct device_throughput rate = device_throughput(got);
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {{"begun", got->begun},
                  {"done", got->done},
                  {"dropped", got->dropped},
                  {"held_up", got->held_up},
                  {"late", got->late},
                  {"recorded", got->units},
                  {"bytes", got->bytes},
                  {"units_per_s", result_rate(rate.units, rate.ps)},
                  {"bits_per_s", result_rate(rate.bytes * 8, rate.ps)},
                  {"descriptors_posted", got->descriptors_posted},
                  {"descriptors_used", got->descriptors_used},
                  {"descriptor_fetches", got->descriptor_fetches},
                  {"completion_entries", got->completions},
                  {"doorbells", got->doorbells},
                  {"interrupts", got->interrupts},
                  {"maps", got->maps},
                  {"unmaps", got->unmaps},
                  {"put_back", got->put_back},
                  {"recycled", got->recycled},
                  {"acknowledgements", got->acknowledgements}};
    const union device_parameters *parameters =
        machine_device_parameters(result->simulation->machine, stream);
    layout_open(layout, "device_model", '{');
    layout_string(layout, "kind", device_fields(model->kind)->name);
    layout_string(layout, "direction", device_direction(model->kind, parameters));
    layout_string(layout, "unit", device_unit_name(model->kind));
    layout->fresh_line = true;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        layout_format(layout, counts[i].key, "%" PRIu64, counts[i].value);
    write_steadiness(layout, got);
    result_json_histogram(layout, "unit_latency", &got->latency);
    write_parameters(layout, model->kind, parameters);
    layout_close(layout, '}', true);
}

/* ---- text ---- */

static const char *plural(enum device_kind kind)
{
    static const char *const words[DEVICE_KINDS] = {[DEVICE_NIC] = "packets",
                                                    [DEVICE_NVME] = "commands",
                                                    [DEVICE_COPY_ENGINE] = "copies",
                                                    [DEVICE_ISOCHRONOUS] = "periods"};
    return words[kind];
}

static void write_rates(const struct stream *stream, const struct device_model *model,
                        const union device_parameters *parameters, struct text_buffer *out)
{
    const struct device_counters *got = &model->counters;
    const struct device_throughput measured = device_throughput(got);
    uint64_t hundredths = (result_rate(measured.bytes * 8, measured.ps) + 5000000) / 10000000;
    char what[WHAT_WIDTH + 1], rate[AMOUNT_TEXT_SIZE], mean[AMOUNT_TEXT_SIZE] = "-",
                                                       high[AMOUNT_TEXT_SIZE] = "-";
    snprintf(what, sizeof(what), "%s %s", device_fields(model->kind)->name,
             device_direction(model->kind, parameters));
    if (got->units) {
        time_print(mean, histogram_mean(&got->latency));
        time_print(high, histogram_percentile(&got->latency, 990000));
    }
    text_buffer_format(out, "%-*.*s %-*s %9" PRIu64 " %-9s %9s %7" PRIu64 ".%02" PRIu64 " %9s %9s\n",
                       NAME_WIDTH, NAME_WIDTH, stream->name, WHAT_WIDTH, what, got->units,
                       plural(model->kind), amount_print(rate, result_rate(measured.units, measured.ps)),
                       hundredths / 100, hundredths % 100, mean, high);
}

/* Whichever of them are not zero, in one line. */
static void write_events(const struct device_counters *got, struct text_buffer *out)
{
    const struct {
        uint64_t count;
        const char *text;
    } parts[] = {{got->dropped, "dropped"},
                 {got->held_up, "held up outside"},
                 {got->late, "pieces late"},
                 {got->descriptor_fetches, "descriptor fetches"},
                 {got->completions, "completion entries"},
                 {got->doorbells, "doorbells"},
                 {got->interrupts, "interrupts"},
                 {got->maps, "maps"},
                 {got->unmaps, "unmaps"},
                 {got->put_back, "put back for want of a buffer"},
                 {got->recycled, "buffers recycled"},
                 {got->acknowledgements, "acknowledgements"}};
    const char *between = "";
    text_buffer_format(out, "%*s ", NAME_WIDTH, "");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char amount[AMOUNT_TEXT_SIZE];
        if (!parts[i].count)
            continue;
        text_buffer_format(out, "%s%s %s", between, amount_print(amount, parts[i].count), parts[i].text);
        between = ", ";
    }
    text_buffer_add(out, "\n");
}

/* Throughput that depends on when one looks. */
static void write_unsteady(const struct device_model *model, struct text_buffer *out)
{
    struct device_steadiness found = device_steadiness(&model->counters);
    char first[AMOUNT_TEXT_SIZE], second[AMOUNT_TEXT_SIZE];
    if (!found.known || found.steady)
        return;
    text_buffer_format(
        out, "%*s not steady, give it more \"warmup\" and \"operations\": first %s, then %s a second",
        NAME_WIDTH, "", amount_print(first, result_rate(found.first_units, found.first_ps)),
        amount_print(second, result_rate(found.second_units, found.second_ps)));
    text_buffer_format(out, "; under way at the end of the warm-up %s, when the last one began %s\n",
                       amount_print(first, found.way_first), amount_print(second, found.way_last));
}

void result_text_device_models(const struct result *result, struct text_buffer *out)
{
    const struct workload *workload = result->simulation->workload;
    bool first = true;
    for (uint32_t i = 0; i < workload->stream_count; i++) {
        const struct device_model *model = machine_device_model(result->simulation->machine, i);
        if (!model)
            continue;
        if (first)
            text_buffer_format(out, "\n%-*s %-*s %9s %-9s %9s %10s %9s %9s\n", NAME_WIDTH,
                               "Device and driver", WHAT_WIDTH, "what", "recorded", "", "per s", "Gb/s",
                               "mean", "p99");
        first = false;
        write_rates(&workload->streams[i], model, machine_device_parameters(result->simulation->machine, i),
                    out);
        write_events(&model->counters, out);
        write_unsteady(model, out);
    }
}
