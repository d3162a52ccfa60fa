/* SPDX-License-Identifier: MIT */
#include "sim/output/reach_path.h"
#include "sim/output/reach_report_internal.h"

#include <inttypes.h>

static void json_group(const struct report *report, const char *key, uint32_t id)
{
    uint32_t group = report->groups->decisions[id].group;
    if (group == NONE)
        text_buffer_format(report->out, ", \"%s\": null", key);
    else
        text_buffer_format(report->out, ", \"%s\": %u", key, group);
}

static void json_hops(const struct report *report, const struct pair *pair)
{
    struct reach_hop hops[REACH_REPORT_HOPS];
    uint32_t count = report_hops(report, pair, hops);
    text_buffer_add(report->out, ", \"hops\": ");
    reach_path_json_hops(report->topology, hops, count, report->out);
}

void reach_report_json_begin(struct report *report)
{
    text_buffer_add(report->out, "{\n  \"format\": \"iommusim-reach/1\",\n  \"pairs\": [");
}

void reach_report_json_pair(struct report *report, const struct pair *pair)
{
    const struct reach_result *result = &pair->result;
    struct text_buffer *out = report->out;
    char way[REACH_WAY_TEXT];
    text_buffer_add(out, report->listed ? ",\n    {" : "\n    {");
    reach_path_json_bdf(report->topology, "source", pair->source_id, out);
    text_buffer_add(out, ", ");
    reach_path_json_bdf(report->topology, "target", pair->target_id, out);
    json_group(report, "source_group", pair->source_id);
    json_group(report, "target_group", pair->target_id);
    text_buffer_format(out, ", \"kind\": \"%s\", \"outcome\": \"%s\"", reach_way_print(way, pair->way),
                       reach_outcome_name(result->outcome));
    if (result->outcome == REACH_NOT_APPLICABLE) {
        text_buffer_format(out, ", \"reason\": \"%s\"}", reach_absence_text(result->absence));
        return;
    }
    text_buffer_format(out, ", \"rule\": \"%s\", ", route_rule_name(result->rule));
    reach_path_json_bdf(report->topology, "at", result->at_id, out);
    text_buffer_format(out, ", \"bar\": %u, \"address\": \"0x%" PRIx64 "\", \"through_root\": %s",
                       result->bar, result->address, result->through_root ? "true" : "false");
    if (result->error != ROUTE_NO_ERROR)
        text_buffer_format(out, ", \"error\": \"%s\"", route_error_name(result->error));
    if (result->outcome == REACH_MISDELIVERED && result->end_id == NONE) {
        text_buffer_add(out, ", \"delivered_to\": \"memory\"");
    } else if (result->outcome == REACH_MISDELIVERED) {
        text_buffer_add(out, ", ");
        reach_path_json_bdf(report->topology, "delivered_to", result->end_id, out);
    }
    text_buffer_format(out, ", \"leak\": %s, \"vouched\": %s", pair->leak == REACH_LEAK ? "true" : "false",
                       pair->leak == REACH_VOUCHED ? "true" : "false");
    if (report_one_pair(report))
        json_hops(report, pair);
    text_buffer_add(out, "}");
}

static void json_turns(struct report *report)
{
    bool first = true;
    for (uint32_t f = 0; f <= report->topology->function_count; f++) {
        uint32_t id = f == report->topology->function_count ? NONE : f;
        const struct turn_count *turns = report_turns(report, id);
        for (int rule = 0; rule < RULE_COUNT; rule++) {
            if (!turns[rule].pairs)
                continue;
            text_buffer_add(report->out, first ? "\n    {" : ",\n    {");
            reach_path_json_bdf(report->topology, "at", id, report->out);
            text_buffer_format(report->out,
                               ", \"rule\": \"%s\", \"pairs\": %" PRIu64 ", \"leaks\": %" PRIu64 "}",
                               route_rule_name((enum route_rule)rule), turns[rule].pairs, turns[rule].leaks);
            first = false;
        }
    }
    text_buffer_add(report->out, first ? "]" : "\n  ]");
}

static void json_ways(struct report *report)
{
    text_buffer_add(report->out, ", \"kinds\": [");
    for (uint32_t w = 0; w < report->way_count; w++) {
        char way[REACH_WAY_TEXT];
        text_buffer_format(report->out, "%s\n    {\"kind\": \"%s\"", w ? "," : "",
                           reach_way_print(way, report->ways[w]));
        for (int outcome = 0; outcome < REACH_OUTCOMES; outcome++)
            text_buffer_format(report->out, ", \"%s\": %" PRIu64,
                               reach_outcome_name((enum reach_outcome)outcome),
                               report->by_way[w].pairs[outcome]);
        text_buffer_format(report->out, ", \"leaks\": %" PRIu64 "}", report->by_way[w].leaks);
    }
    text_buffer_add(report->out, "\n  ]");
}

void reach_report_json_summary(struct report *report)
{
    const struct reach_counts *counts = &report->counts;
    text_buffer_format(report->out, "%s],\n  \"summary\": {\"sources\": %u, \"targets\": %u",
                       report->listed ? "\n  " : "", counts->sources, counts->targets);
    for (int outcome = 0; outcome < REACH_OUTCOMES; outcome++)
        text_buffer_format(report->out, ", \"%s\": %" PRIu64, reach_outcome_name((enum reach_outcome)outcome),
                           counts->pairs[outcome]);
    text_buffer_format(report->out,
                       ", \"leaks\": %" PRIu64 ", \"vouched\": %" PRIu64
                       ", \"acs_hidden\": %u, \"silent_bars\": %u",
                       counts->leaks, counts->vouched, counts->acs_hidden, counts->silent_bars);
    json_ways(report);
    text_buffer_add(report->out, ", \"turns\": [");
    json_turns(report);
    text_buffer_add(report->out, "}\n}\n");
}
