/* SPDX-License-Identifier: MIT */
/* The frame of the document: what went in, what the kernel makes of it, parameters. */
#include "sim/output/result_json.h"

#include "sim/analysis/reach_alike.h"
#include "sim/base/arena.h"
#include "sim/input/json_layout.h"
#include "sim/output/groups_output.h"

#include <inttypes.h>
#include <string.h>

enum { LEAKS_LISTED = 1000 };

/* @param files  what the input is merged from, or NULL */
static void write_input_of(struct json_layout *layout, const char *key, const struct result_input *input,
                           const struct machine_files *files)
{
    if (!input->path)
        return;
    layout_open(layout, key, '{');
    layout_string(layout, "path", input->path);
    layout_text(layout, "xxh3_128", input->hash);
    if (files && files->count > 1) {
        layout_open(layout, "files", '[');
        for (size_t i = 0; i < files->count; i++)
            layout_string(layout, NULL, files->paths[i]);
        layout_close(layout, ']', false);
    }
    layout_close(layout, '}', false);
}

static void write_input(struct json_layout *layout, const char *key, const struct result_input *input)
{
    write_input_of(layout, key, input, NULL);
}

static void write_inputs(struct json_layout *layout, const struct result *result)
{
    const struct workload *workload = result->simulation->workload;
    layout_open(layout, "inputs", '{');
    write_input(layout, "scenario", &result->scenario);
    write_input_of(layout, "topology", &result->topology, &result->topology_files);
    write_input(layout, "workload", &result->workload);
    layout_open(layout, "traces", '[');
    for (uint32_t i = 0; i < workload->stream_count; i++) {
        if (result->traces[i].path)
            write_input(layout, NULL, &result->traces[i]);
    }
    layout_close(layout, ']', true);
    layout_open(layout, "overrides", '[');
    for (uint32_t i = 0; i < result->override_count; i++)
        layout_string(layout, NULL, result->overrides[i].text);
    layout_close(layout, ']', true);
    layout_close(layout, '}', true);
}

static void write_kernel(struct json_layout *layout, const struct result *result)
{
    const struct iommu_platform *platform = &result->simulation->groups->platform;
    const char *cmdline = result->cmdline ? result->cmdline : result->simulation->input->topology->cmdline;
    layout_open(layout, "iommu", '{');
    layout_string(layout, "asked_for", iommu_choice_name(result->iommu));
    layout_string(layout, "kind", iommu_kind_name(platform->kind));
    layout_boolean(layout, "enabled", platform->enabled);
    layout_boolean(layout, "units_known", platform->units_known);
    layout_string(layout, "cmdline", cmdline ? cmdline : "");
    layout_close(layout, '}', false);
}

/* Columns and rows, as a spreadsheet wants them; only where the run kept them. */
static void write_series(struct json_layout *layout, const struct result *result)
{
    const struct machine_series *series = machine_series_result(result->simulation->machine);
    if (!series->interval_ps)
        return;
    layout_open(layout, "series", '{');
    layout_format(layout, "interval_ps", "%" PRIu64, series->interval_ps);
    layout_format(layout, "columns", "%s",
                  "[\"end_ps\", \"operations\", \"bytes\", \"requests\", \"iotlb_hits\", \"iotlb_misses\", "
                  "\"walks_waiting\", \"outstanding\"]");
    layout_open(layout, "rows", '[');
    for (size_t i = 0; i < series->count; i++) {
        const struct series_row *row = &series->rows[i];
        layout_format(layout, NULL,
                      "[%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64
                      ", %" PRIu64 ", %" PRIu64 "]",
                      row->end_ps, row->operations, row->bytes, row->requests, row->iotlb_hits,
                      row->iotlb_misses, row->walks_waiting, row->outstanding);
    }
    layout_close(layout, ']', false);
    layout_close(layout, '}', false);
}

static void write_run(struct json_layout *layout, const struct result *result)
{
    const struct machine *machine = result->simulation->machine;
    struct result_totals totals = result_totals(result);
    struct stream_rate all = machine_rate_of_all(machine);
    layout_open(layout, "run", '{');
    layout_boolean(layout, "complete", !result->interrupted);
    layout_format(layout, "simulated_ps", "%" PRIu64, machine_end_ps(machine));
    layout_format(layout, "measured_from_ps", "%" PRIu64, machine_measured_from_ps(machine));
    layout_format(layout, "events", "%" PRIu64, machine_events(machine));
    layout_format(layout, "operations", "%" PRIu64, totals.completed);
    layout_format(layout, "failed", "%" PRIu64, totals.failed);
    layout_format(layout, "unfinished", "%" PRIu64, totals.unfinished);
    layout_format(layout, "bytes_per_s", "%" PRIu64, result_rate(all.bytes, all.elapsed_ps));
    layout_close(layout, '}', false);
}

/* A document of its own as the value of a member, one level in. */
static void write_document(struct json_layout *layout, const char *key, const struct text_buffer *document)
{
    struct text_buffer inner = {0};
    const char *text = text_buffer_get(document);
    size_t length = document->length;
    while (length && text[length - 1] == '\n')
        length--;
    for (size_t i = 0; i < length; i++) {
        text_buffer_append(&inner, &text[i], 1);
        if (text[i] == '\n')
            text_buffer_format(&inner, "%*s", (int)layout->level * 2, "");
    }
    layout->fresh_line = true;
    layout_raw(layout, key, text_buffer_get(&inner));
    layout->fresh_line = true;
    text_buffer_fini(&inner);
}

static void write_address(struct json_layout *layout, const char *key, const struct result *result,
                          uint32_t function_id)
{
    char text[BDF_TEXT_SIZE];
    const struct pci_function *function = &result->simulation->input->topology->functions[function_id];
    layout_string(layout, key, bdf_print(text, function->segment, function->bus, function->devfn));
}

static void write_observed(struct json_layout *layout, const struct result *result)
{
    static const char *const words[] = {"no", "leak", "vouched"}; /* ORDER: enum reach_leak */
    const struct observed_peer *peers;
    uint32_t count = machine_observed_peers(result->simulation->machine, &peers);
    layout_open(layout, "observed", '[');
    for (uint32_t i = 0; i < count; i++) {
        const struct observed_peer *peer = &peers[i];
        layout_open(layout, NULL, '{');
        layout_string(layout, "kind", observed_kind_name(peer->kind));
        write_address(layout, "source", result, peer->source_id);
        if (peer->target_id == NONE)
            layout_string(layout, "target", "memory");
        else
            write_address(layout, "target", result, peer->target_id);
        layout_string(layout, "rule", route_rule_name(peer->rule));
        write_address(layout, "at", result, peer->at_id);
        layout_string(layout, "leak", words[result_peer_leak(result, peer)]);
        layout_format(layout, "tlps", "%" PRIu64, peer->tlps);
        layout_format(layout, "bytes", "%" PRIu64, peer->bytes);
        layout_format(layout, "first_ps", "%" PRIu64, peer->first_ps);
        layout_format(layout, "last_ps", "%" PRIu64, peer->last_ps);
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

static void write_leak(struct json_layout *layout, const struct result *result, uint32_t source_id,
                       uint32_t target_id, const struct reach_result *answer, bool vouched)
{
    layout_open(layout, NULL, '{');
    write_address(layout, "source", result, source_id);
    write_address(layout, "target", result, target_id);
    layout_string(layout, "rule", route_rule_name(answer->rule));
    if (answer->at_id != NONE)
        write_address(layout, "at", result, answer->at_id);
    layout_format(layout, "bar", "%u", answer->bar);
    layout_format(layout, "address", "\"0x%" PRIx64 "\"", answer->address);
    layout_flag(layout, "vouched", vouched);
    layout_close(layout, '}', false);
}

/* Pairs across groups; those within one are in the summary only. @param count  how many there are */
static void write_leaks(struct json_layout *layout, const struct result *result, uint64_t count)
{
    const struct simulation *simulation = result->simulation;
    uint32_t functions = simulation->input->topology->function_count;
    uint64_t listed = 0, most = count < LEAKS_LISTED ? count : LEAKS_LISTED;
    struct arena *arena = arena_new();
    struct reach_table *table = reach_table_of_writes(arena, simulation->reach);
    layout_open(layout, "leaks", '[');
    for (uint32_t s = 0; s < functions && listed < most; s++) {
        for (uint32_t t = 0; t < functions && listed < most; t++) {
            if (reach_table_outcome(table, s, t) != REACH_REACHES)
                continue;
            struct reach_result answer = reach_table_ask(table, s, t);
            enum reach_leak leak = reach_leak(simulation->groups, &answer, s, t);
            if (leak == REACH_NO_LEAK)
                continue;
            write_leak(layout, result, s, t, &answer, leak == REACH_VOUCHED);
            listed++;
        }
    }
    layout_close(layout, ']', true);
    arena_free(arena);
    layout_format(layout, "leaks_not_listed", "%" PRIu64, count - listed);
}

static void write_reach(struct json_layout *layout, const struct result *result)
{
    struct reach_question question = {
        .source_id = NONE, .target_id = NONE, .summary_only = true, .format = REPORT_JSON};
    struct text_buffer document = {0};
    layout_open(layout, "reach", '{');
    struct reach_counts counts =
        reach_report(result->simulation->reach, result->simulation->groups, &question, &document);
    write_document(layout, "static", &document);
    write_leaks(layout, result, counts.leaks + counts.vouched);
    write_observed(layout, result);
    layout_close(layout, '}', true);
    text_buffer_fini(&document);
}

static void write_groups(struct json_layout *layout, const struct result *result)
{
    struct text_buffer document = {0};
    groups_output_json(result->simulation->groups, &document);
    write_document(layout, "groups", &document);
    text_buffer_fini(&document);
}

static void write_parameter(struct json_layout *layout, const struct parameter_origin *origin)
{
    layout_open(layout, NULL, '{');
    layout_string(layout, "pointer", origin->pointer);
    layout_string(layout, "value", origin->value);
    layout_text(layout, "from", origin->from);
    layout_text(layout, "source", origin->source);
    layout_close(layout, '}', false);
}

/* Where units are assumed, their kind's parameters stand in for those of the input's. */
static void write_parameters(struct json_layout *layout, const struct result *result)
{
    const struct machine_input *input = result->simulation->input;
    bool assumed = result->simulation->units_assumed;
    layout_open(layout, "parameters", '[');
    for (uint32_t i = 0; i < input->origin_count; i++) {
        const char *pointer = input->origins[i].pointer;
        if (!assumed ||
            (strncmp(pointer, "/parameters/iommu/", 18) != 0 && strncmp(pointer, "/iommus/", 8) != 0))
            write_parameter(layout, &input->origins[i]);
    }
    for (size_t i = 0; assumed && i < iommu_fields.count; i++)
        write_parameter(layout, &input->unit_default_origins[result->simulation->groups->platform.kind][i]);
    layout_close(layout, ']', true);
}

void result_json_write(const struct result *result, struct text_buffer *out)
{
    struct json_layout layout = {.out = out};
    layout_open(&layout, NULL, '{');
    layout.fresh_line = true;
    layout_string(&layout, "format", "iommusim-result/1");
    layout_string(&layout, "program", "iommusim " IOMMUSIM_VERSION);
    layout_string(&layout, "model", model_version);
    layout_text(&layout, "name", result->name);
    layout_text(&layout, "machine", result->simulation->input->topology->name);
    layout_format(&layout, "seed", "%" PRIu64, result->simulation->options.seed);
    write_inputs(&layout, result);
    write_kernel(&layout, result);
    write_run(&layout, result);
    static void (*const sections[RESULT_SECTIONS])(struct json_layout *, const struct result *) = {
        [RESULT_STREAMS] = result_json_streams, [RESULT_UNITS] = result_json_units,
        [RESULT_FAULTS] = result_json_faults,   [RESULT_DOMAINS] = result_json_domains,
        [RESULT_LINKS] = result_json_links,     [RESULT_QUEUES] = result_json_queues,
        [RESULT_GROUPS] = write_groups,         [RESULT_REACH] = write_reach,
        [RESULT_PARAMETERS] = write_parameters,
    };
    for (int i = 0; i < RESULT_SECTIONS; i++) {
        if (result->sections >> i & 1)
            sections[i](&layout, result);
    }
    write_series(&layout, result);
    layout_close(&layout, '}', true);
}
