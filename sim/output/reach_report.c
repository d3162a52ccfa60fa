/* SPDX-License-Identifier: MIT */
/* One pass over the pairs: each is judged, counted, and printed where it is listed; the summary follows. */
#include "sim/output/reach_report.h"

#include "sim/analysis/isolation_guess.h"
#include "sim/base/arena.h"
#include "sim/output/group_words.h"
#include "sim/output/reach_report_internal.h"

#include <inttypes.h>
#include <stdlib.h>

uint32_t report_hops(const struct report *report, const struct pair *pair, struct reach_hop *hops)
{
    struct reach_request request =
        reach_way_request(report->reach, pair->source_id, pair->target_id, pair->way);
    request.transaction.address = pair->result.address;
    uint32_t steps = reach_follow(report->reach, &request, hops, REACH_REPORT_HOPS).steps;
    return steps < REACH_REPORT_HOPS ? steps : REACH_REPORT_HOPS;
}

static void tsv_pair(struct report *report, const struct pair *pair)
{
    static const char *const leak_words[] = {
        [REACH_NO_LEAK] = "-", [REACH_LEAK] = "leak", [REACH_VOUCHED] = "vouched"};
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE], way[REACH_WAY_TEXT];
    const struct reach_result *result = &pair->result;
    text_buffer_format(
        report->out, "%s\t%s\t%s", group_words_address(report->topology, pair->source_id, source),
        group_words_address(report->topology, pair->target_id, target), reach_outcome_name(result->outcome));
    if (result->outcome == REACH_NOT_APPLICABLE)
        text_buffer_add(report->out, "\t-\t-\t-\t-");
    else
        text_buffer_format(report->out, "\t%s\t%s\t%u\t%s", route_rule_name(result->rule),
                           result->at_id == NONE ? "-"
                                                 : group_words_address(report->topology, result->at_id, at),
                           result->bar, leak_words[pair->leak]);
    text_buffer_format(report->out, "\t%s\n", reach_way_print(way, pair->way));
}

static void tsv_summary(struct report *report)
{
    for (int outcome = 0; outcome < REACH_OUTCOMES; outcome++)
        text_buffer_format(report->out, "%s\t%" PRIu64 "\n", reach_outcome_name((enum reach_outcome)outcome),
                           report->counts.pairs[outcome]);
    text_buffer_format(report->out, "leaks\t%" PRIu64 "\nvouched\t%" PRIu64 "\n", report->counts.leaks,
                       report->counts.vouched);
}

static void count(struct report *report, uint32_t way, const struct pair *pair)
{
    bool leaks = pair->leak == REACH_LEAK;
    if (pair->result.outcome == REACH_REACHES) {
        uint32_t row = pair->result.at_id == NONE ? report->topology->function_count : pair->result.at_id;
        struct turn_count *turn = &report->turns[(size_t)row * RULE_COUNT + pair->result.rule];
        turn->pairs++;
        turn->leaks += leaks;
    }
    report->counts.pairs[pair->result.outcome]++;
    report->counts.leaks += leaks;
    report->counts.vouched += pair->leak == REACH_VOUCHED;
    report->by_way[way].pairs[pair->result.outcome]++;
    report->by_way[way].leaks += leaks;
}

/* What a function does with completions and messages that nobody asked for is its own affair: only requests
 * for its memory and ports are leaks. */
static bool is_access(struct reach_way way)
{
    return transaction_is_memory(way.kind) || way.kind == TRANSACTION_IO;
}

static void take_pair(struct report *report, uint32_t source_id, uint32_t target_id, uint32_t way)
{
    const struct reach_question *question = report->question;
    enum reach_outcome outcome = reach_table_outcome(report->tables[way], source_id, target_id);
    if (outcome != REACH_REACHES && (question->summary_only || !question->outcomes[outcome])) {
        report->counts.pairs[outcome]++;
        report->by_way[way].pairs[outcome]++;
        return;
    }
    struct pair pair = {source_id, target_id, report->ways[way],
                        reach_table_ask(report->tables[way], source_id, target_id), REACH_NO_LEAK};
    if (is_access(report->ways[way]))
        pair.leak = reach_leak(report->groups, &pair.result, source_id, target_id);
    count(report, way, &pair);
    if (!question->outcomes[outcome] || question->summary_only)
        return;
    switch (question->format) {
    case REPORT_TEXT:
        reach_report_text_pair(report, &pair);
        break;
    case REPORT_TSV:
        tsv_pair(report, &pair);
        break;
    case REPORT_JSON:
        reach_report_json_pair(report, &pair);
        break;
    case REPORT_SARIF:
        break;
    }
    report->listed++;
}

static bool has_memory_bar(const struct pci_function *function)
{
    for (int b = 0; b < BAR_ROM; b++) {
        if (function->bars[b].kind == BAR_MEMORY32 || function->bars[b].kind == BAR_MEMORY64)
            return true;
    }
    return false;
}

static void count_functions(struct report *report)
{
    for (uint32_t i = 0; i < report->topology->function_count; i++) {
        const struct pci_function *function = &report->topology->functions[i];
        bool decodes = report->reach->fabric->nodes[i].bar_count > 0;
        report->counts.sources += reach_issues(function);
        report->counts.targets += decodes;
        report->counts.silent_bars += !decodes && has_memory_bar(function);
        report->counts.acs_hidden += isolation_hidden(function);
    }
}

static void take_pairs(struct report *report)
{
    const struct reach_question *question = report->question;
    for (uint32_t s = 0; s < report->topology->function_count; s++) {
        for (uint32_t t = 0; t < report->topology->function_count; t++) {
            bool asked = (question->source_id == NONE || question->source_id == s) &&
                         (question->target_id == NONE || question->target_id == t);
            for (uint32_t way = 0; asked && way < report->way_count; way++) {
                if (s != t || question->target_id != NONE)
                    take_pair(report, s, t, way);
            }
        }
    }
}

struct reach_counts reach_report(const struct reach *reach, const struct iommu_groups *groups,
                                 const struct reach_question *question, struct text_buffer *out)
{
    const struct topology *topology = groups->topology;
    struct report report = {
        .reach = reach,
        .groups = groups,
        .topology = topology,
        .question = question,
        .ways = question->way_count ? question->ways : reach_ways,
        .way_count = question->way_count ? question->way_count : 1,
        .out = out,
    };
    report.turns = memory_array(((size_t)topology->function_count + 1) * RULE_COUNT, sizeof(report.turns[0]));
    struct arena *arena = arena_new();
    const struct reach_alike *alike = reach_alike_new(arena, reach);
    for (uint32_t way = 0; way < report.way_count; way++)
        report.tables[way] = reach_table_new(arena, reach, alike, report.ways[way]);
    count_functions(&report);
    if (question->format == REPORT_JSON)
        reach_report_json_begin(&report);
    take_pairs(&report);
    if (question->format == REPORT_JSON)
        reach_report_json_summary(&report);
    else if (question->format == REPORT_TEXT)
        reach_report_text_summary(&report);
    else if (question->format == REPORT_TSV && question->summary_only)
        tsv_summary(&report);
    arena_free(arena);
    free(report.turns);
    return report.counts;
}
