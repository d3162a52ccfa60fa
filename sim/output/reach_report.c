/* SPDX-License-Identifier: MIT */
/* One pass over the pairs: each is judged, counted, and printed where it is listed; the summary follows. */
#include "sim/output/reach_report.h"

#include "sim/analysis/isolation_guess.h"
#include "sim/base/arena.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TEXT_LINES = 500, HOPS = 64 };

/** Turns of one kind at one function. */
struct turn_count {
    uint64_t pairs, leaks;
};

struct report {
    const struct reach *reach;
    const struct iommu_groups *groups;
    const struct topology *topology;
    const struct reach_question *question;
    struct text_buffer *out;
    struct reach_counts counts;
    uint64_t listed;          /**< pairs listed so far, printed or beyond TEXT_LINES */
    struct turn_count *turns; /**< [function][rule] */
};

/** A pair and its answer. */
struct pair {
    uint32_t source_id, target_id;
    struct reach_result result;
    enum reach_leak leak;
};

/** A pair asked for by name is told hop by hop. */
static bool one_pair(const struct reach_question *question)
{
    return question->source_id != NONE && question->target_id != NONE && !question->summary_only;
}

static const char *name(const struct report *report, uint32_t id, char *text)
{
    if (id == NONE)
        return "the root complex";
    const struct pci_function *function = &report->topology->functions[id];
    return bdf_print(text, function->segment, function->bus, function->devfn);
}

static void text_sentence(const struct report *report, const struct pair *pair)
{
    char at[BDF_TEXT_SIZE];
    const struct reach_result *result = &pair->result;
    struct text_buffer *out = report->out;
    const char *verb = "stopped";
    if (result->outcome == REACH_NOT_APPLICABLE) {
        text_buffer_format(out, "not applicable, %s", reach_absence_text(result->absence));
        return;
    }
    if (result->outcome == REACH_REACHES || result->outcome == REACH_MISDELIVERED)
        verb = "turned";
    else if (result->outcome == REACH_REDIRECTED)
        verb = "sent to the IOMMU";
    if (result->through_root && !route_rule_is_turn(result->rule))
        text_buffer_format(out, "%s, no IOMMU translates the source: the root complex %s",
                           reach_outcome_name(result->outcome),
                           result->outcome == REACH_REACHES ? "routes the address as it is"
                                                            : "does not route between its ports");
    else
        text_buffer_format(out, "%s, %s at %s by %s: %s", reach_outcome_name(result->outcome), verb,
                           name(report, result->at_id, at), route_rule_name(result->rule),
                           route_rule_text(result->rule));
}

static void text_hops(const struct report *report, const struct pair *pair)
{
    struct reach_hop hops[HOPS];
    if (pair->result.outcome == REACH_NOT_APPLICABLE)
        return;
    struct reach_result result =
        reach_address(report->reach, pair->source_id, pair->result.address, hops, HOPS);
    text_buffer_format(report->out, "    a write to 0x%" PRIx64 ", in BAR %u:\n", result.address,
                       pair->result.bar);
    for (uint32_t i = 0; i < result.steps && i < HOPS; i++) {
        char at[BDF_TEXT_SIZE];
        enum route_rule rule = hops[i].decision.rule;
        text_buffer_format(report->out, "    %-14s %-22s %s\n", name(report, hops[i].place.function_id, at),
                           route_rule_name(rule), route_rule_text(rule));
    }
}

static void text_pair(struct report *report, const struct pair *pair)
{
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE];
    if (report->listed >= TEXT_LINES)
        return;
    text_buffer_format(report->out, "%s -> %s: ", name(report, pair->source_id, source),
                       name(report, pair->target_id, target));
    text_sentence(report, pair);
    if (pair->leak != REACH_NO_LEAK)
        text_buffer_format(report->out,
                           pair->leak == REACH_LEAK
                               ? " [leak: groups %u and %u]"
                               : " [groups %u and %u; a kernel quirk has the vendor's word that it does not]",
                           report->groups->decisions[pair->source_id].group,
                           report->groups->decisions[pair->target_id].group);
    text_buffer_add(report->out, "\n");
    if (one_pair(report->question))
        text_hops(report, pair);
}

static const char *const leak_words[] = {
    [REACH_NO_LEAK] = "-", [REACH_LEAK] = "leak", [REACH_VOUCHED] = "vouched"};

static void tsv_pair(struct report *report, const struct pair *pair)
{
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    const struct reach_result *result = &pair->result;
    text_buffer_format(report->out, "%s\t%s\t%s", name(report, pair->source_id, source),
                       name(report, pair->target_id, target), reach_outcome_name(result->outcome));
    if (result->outcome == REACH_NOT_APPLICABLE)
        text_buffer_add(report->out, "\t-\t-\t-\t-\n");
    else
        text_buffer_format(report->out, "\t%s\t%s\t%u\t%s\n", route_rule_name(result->rule),
                           result->at_id == NONE ? "-" : name(report, result->at_id, at), result->bar,
                           leak_words[pair->leak]);
}

static void json_bdf(const struct report *report, const char *key, uint32_t id)
{
    char text[BDF_TEXT_SIZE];
    if (id == NONE)
        text_buffer_format(report->out, "\"%s\": null", key);
    else
        text_buffer_format(report->out, "\"%s\": \"%s\"", key, name(report, id, text));
}

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
    struct reach_hop hops[HOPS];
    struct reach_result result =
        reach_address(report->reach, pair->source_id, pair->result.address, hops, HOPS);
    text_buffer_add(report->out, ", \"hops\": [");
    for (uint32_t i = 0; i < result.steps && i < HOPS; i++) {
        text_buffer_add(report->out, i ? ", {" : "{");
        json_bdf(report, "at", hops[i].place.function_id);
        text_buffer_format(report->out, ", \"rule\": \"%s\"}", route_rule_name(hops[i].decision.rule));
    }
    text_buffer_add(report->out, "]");
}

static void json_pair(struct report *report, const struct pair *pair)
{
    const struct reach_result *result = &pair->result;
    text_buffer_add(report->out, report->listed ? ",\n    {" : "\n    {");
    json_bdf(report, "source", pair->source_id);
    text_buffer_add(report->out, ", ");
    json_bdf(report, "target", pair->target_id);
    json_group(report, "source_group", pair->source_id);
    json_group(report, "target_group", pair->target_id);
    text_buffer_format(report->out, ", \"outcome\": \"%s\"", reach_outcome_name(result->outcome));
    if (result->outcome == REACH_NOT_APPLICABLE) {
        text_buffer_format(report->out, ", \"reason\": \"%s\"}", reach_absence_text(result->absence));
        return;
    }
    text_buffer_format(report->out, ", \"rule\": \"%s\", ", route_rule_name(result->rule));
    json_bdf(report, "at", result->at_id);
    text_buffer_format(report->out, ", \"bar\": %u, \"address\": \"0x%" PRIx64 "\", \"through_root\": %s",
                       result->bar, result->address, result->through_root ? "true" : "false");
    text_buffer_format(report->out, ", \"leak\": %s, \"vouched\": %s",
                       pair->leak == REACH_LEAK ? "true" : "false",
                       pair->leak == REACH_VOUCHED ? "true" : "false");
    if (one_pair(report->question))
        json_hops(report, pair);
    text_buffer_add(report->out, "}");
}

static void take_pair(struct report *report, uint32_t source_id, uint32_t target_id)
{
    struct pair pair = {source_id, target_id, reach_pair(report->reach, source_id, target_id), REACH_NO_LEAK};
    bool leaks = false;
    if (pair.result.outcome == REACH_REACHES) {
        pair.leak = reach_leak(report->groups, &pair.result, source_id, target_id);
        leaks = pair.leak == REACH_LEAK;
        uint32_t at_id = pair.result.at_id == NONE ? source_id : pair.result.at_id;
        struct turn_count *turn = &report->turns[(size_t)at_id * RULE_COUNT + pair.result.rule];
        turn->pairs++;
        turn->leaks += leaks;
    }
    report->counts.pairs[pair.result.outcome]++;
    report->counts.leaks += leaks;
    report->counts.vouched += pair.leak == REACH_VOUCHED;
    if (!report->question->outcomes[pair.result.outcome] || report->question->summary_only)
        return;
    switch (report->question->format) {
    case REPORT_TEXT:
        text_pair(report, &pair);
        break;
    case REPORT_TSV:
        tsv_pair(report, &pair);
        break;
    case REPORT_JSON:
        json_pair(report, &pair);
        break;
    case REPORT_SARIF:
        break;
    }
    report->listed++;
}

static void text_notes(struct report *report)
{
    const struct reach_counts *counts = &report->counts;
    if (counts->vouched)
        text_buffer_format(report->out,
                           "note: %" PRIu64
                           " more pairs of different groups rest on vendors' word that functions "
                           "without ACS do not talk to each other (the kernel's quirk list)\n",
                           counts->vouched);
    if (counts->acs_hidden)
        text_buffer_format(
            report->out, "note: the input hides the ACS registers of %u functions; what they do is assumed\n",
            counts->acs_hidden);
    if (counts->silent_bars)
        text_buffer_format(report->out,
                           "note: %u functions have memory BARs that do not decode (disabled, or without "
                           "address) and cannot be reached now\n",
                           counts->silent_bars);
    if (counts->targets == 0)
        text_buffer_add(report->out, "note: the input tells no address of any memory BAR\n");
}

static void text_summary(struct report *report)
{
    const struct reach_counts *counts = &report->counts;
    char at[BDF_TEXT_SIZE];
    if (report->listed > TEXT_LINES)
        text_buffer_format(report->out, "... and %" PRIu64 " more (--format tsv lists all)\n",
                           report->listed - TEXT_LINES);
    text_buffer_format(report->out,
                       "%u functions issue requests, %u have a memory BAR\n"
                       "%" PRIu64 " pairs reach untranslated, %" PRIu64
                       " of them across groups (leaks); %" PRIu64 " go to the IOMMU, %" PRIu64
                       " are blocked\n",
                       counts->sources, counts->targets, counts->pairs[REACH_REACHES], counts->leaks,
                       counts->pairs[REACH_REDIRECTED],
                       counts->pairs[REACH_BLOCKED] + counts->pairs[REACH_REDIRECT_BLOCKED]);
    for (uint32_t f = 0; f < report->topology->function_count; f++) {
        for (int rule = 0; rule < RULE_COUNT; rule++) {
            const struct turn_count *turn = &report->turns[(size_t)f * RULE_COUNT + (size_t)rule];
            if (turn->pairs)
                text_buffer_format(report->out, "  at %s by %s: %" PRIu64 " pairs, %" PRIu64 " leaks\n",
                                   name(report, f, at), route_rule_name((enum route_rule)rule), turn->pairs,
                                   turn->leaks);
        }
    }
    text_notes(report);
}

static void tsv_summary(struct report *report)
{
    for (int outcome = 0; outcome < REACH_OUTCOMES; outcome++)
        text_buffer_format(report->out, "%s\t%" PRIu64 "\n", reach_outcome_name((enum reach_outcome)outcome),
                           report->counts.pairs[outcome]);
    text_buffer_format(report->out, "leaks\t%" PRIu64 "\nvouched\t%" PRIu64 "\n", report->counts.leaks,
                       report->counts.vouched);
}

static void json_summary(struct report *report)
{
    const struct reach_counts *counts = &report->counts;
    text_buffer_format(report->out, "%s],\n  \"summary\": {\"sources\": %u, \"targets\": %u",
                       report->listed ? "\n  " : "", counts->sources, counts->targets);
    for (int outcome = 0; outcome < REACH_OUTCOMES; outcome++)
        text_buffer_format(report->out, ", \"%s\": %" PRIu64, reach_outcome_name((enum reach_outcome)outcome),
                           counts->pairs[outcome]);
    text_buffer_format(report->out,
                       ", \"leaks\": %" PRIu64 ", \"vouched\": %" PRIu64
                       ", \"acs_hidden\": %u, \"silent_bars\": %u, \"turns\": [",
                       counts->leaks, counts->vouched, counts->acs_hidden, counts->silent_bars);
    bool first = true;
    for (uint32_t f = 0; f < report->topology->function_count; f++) {
        for (int rule = 0; rule < RULE_COUNT; rule++) {
            const struct turn_count *turn = &report->turns[(size_t)f * RULE_COUNT + (size_t)rule];
            if (!turn->pairs)
                continue;
            text_buffer_add(report->out, first ? "\n    {" : ",\n    {");
            json_bdf(report, "at", f);
            text_buffer_format(report->out,
                               ", \"rule\": \"%s\", \"pairs\": %" PRIu64 ", \"leaks\": %" PRIu64 "}",
                               route_rule_name((enum route_rule)rule), turn->pairs, turn->leaks);
            first = false;
        }
    }
    text_buffer_add(report->out, first ? "]}\n}\n" : "\n  ]}\n}\n");
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

struct reach_counts reach_report(const struct reach *reach, const struct iommu_groups *groups,
                                 const struct reach_question *question, struct text_buffer *out)
{
    const struct topology *topology = groups->topology;
    struct report report = {
        .reach = reach, .groups = groups, .topology = topology, .question = question, .out = out};
    report.turns = memory_array((size_t)topology->function_count * RULE_COUNT, sizeof(report.turns[0]));
    count_functions(&report);
    if (question->format == REPORT_JSON)
        text_buffer_add(out, "{\n  \"format\": \"iommusim-reach/1\",\n  \"pairs\": [");
    for (uint32_t s = 0; s < topology->function_count; s++) {
        for (uint32_t t = 0; t < topology->function_count; t++) {
            bool asked = (question->source_id == NONE || question->source_id == s) &&
                         (question->target_id == NONE || question->target_id == t);
            if (asked && (s != t || question->target_id != NONE))
                take_pair(&report, s, t);
        }
    }
    if (question->format == REPORT_JSON)
        json_summary(&report);
    else if (question->format == REPORT_TEXT && !one_pair(question))
        text_summary(&report);
    else if (question->summary_only)
        tsv_summary(&report);
    free(report.turns);
    return report.counts;
}
