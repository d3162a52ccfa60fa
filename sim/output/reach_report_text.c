/* SPDX-License-Identifier: MIT */
/* For a terminal of 80 columns: a pair a line, the rules in words below. */
#include "sim/output/reach_path.h"
#include "sim/output/reach_report_internal.h"
#include "sim/output/text_wrap.h"

#include <inttypes.h>
#include <stdio.h>

enum { TURNS_SHOWN = 40 };

static const char *name(const struct report *report, uint32_t id, char *text)
{
    return reach_path_name(report->topology, id, text);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* How many outcomes may be listed; with one it need not be said in each line. */
static unsigned outcomes_listed(const struct report *report)
{
    unsigned count = 0;
    for (int i = 0; i < REACH_OUTCOMES; i++)
        count += report->question->outcomes[i];
    return count;
}

/* "LEAK: groups 3, 4", or nothing. */
static void leak_words(const struct report *report, const struct pair *pair)
{
    const struct group_decision *decisions = report->groups->decisions;
    if (pair->leak != REACH_NO_LEAK)
        text_buffer_format(report->out, "  %s: groups %u, %u", pair->leak == REACH_LEAK ? "LEAK" : "vouched",
                           decisions[pair->source_id].group, decisions[pair->target_id].group);
}

static void text_line(struct report *report, const struct pair *pair)
{
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE], way[REACH_WAY_TEXT];
    const struct reach_result *result = &pair->result;
    struct text_buffer *out = report->out;
    bool one = report_one_pair(report);
    if (!one)
        text_buffer_format(out, "%s -> %s  ", name(report, pair->source_id, source),
                           name(report, pair->target_id, target));
    if (report->way_count > 1)
        text_buffer_format(out, one ? "%-24s " : "%-12s ", reach_way_print(way, pair->way));
    if (result->outcome == REACH_NOT_APPLICABLE) {
        text_buffer_format(out, "(%s)\n", reach_absence_text(result->absence));
        return;
    }
    if (outcomes_listed(report) > 1)
        text_buffer_format(out, one ? "%-10s " : "%s ", reach_outcome_name(result->outcome));
    report->rules_seen[result->rule] = true;
    text_buffer_format(out, "%s at %s", route_rule_name(result->rule), name(report, result->at_id, at));
    if (result->outcome == REACH_MISDELIVERED)
        text_buffer_format(out, ", to %s",
                           result->end_id == NONE ? "memory" : name(report, result->end_id, at));
    leak_words(report, pair);
    text_buffer_add(out, "\n");
}

static const char *outcome_words(const struct reach_result *result)
{
    if (result->outcome == REACH_MISDELIVERED)
        return result->end_id == NONE ? "misdelivered: it is written to memory, past the IOMMU"
                                      : "misdelivered: another function gets it, past the IOMMU";
    if (result->through_root && !route_rule_is_turn(result->rule))
        return result->outcome == REACH_REACHES
                   ? "reaches: no IOMMU translates the source, the root complex routes the address as it is"
                   : "blocked: no IOMMU translates the source, and the root complex does not route it";
    switch (result->outcome) {
    case REACH_REACHES:
        return "reaches, past the IOMMU";
    case REACH_REDIRECTED:
        return "redirected: it goes to the IOMMU";
    case REACH_REDIRECT_BLOCKED:
        return "sent upward, and blocked there";
    case REACH_BLOCKED:
        return "blocked";
    default:
        return "not applicable";
    }
}

static void text_hops(struct report *report, const struct pair *pair)
{
    struct reach_hop hops[REACH_REPORT_HOPS];
    uint32_t count = report_hops(report, pair, hops);
    enum transaction_routing routing = transaction_routing(pair->way.kind);
    if (routing == ROUTED_BY_ADDRESS || routing == ROUTED_BY_PORT)
        text_buffer_format(report->out, "  to 0x%" PRIx64 ", in BAR %u\n", pair->result.address,
                           pair->result.bar);
    reach_path_text(report->topology, hops, count, report->out);
    if (pair->result.error != ROUTE_NO_ERROR)
        text_buffer_format(report->out, "  ends in  %s\n", route_error_name(pair->result.error));
}

/* One pair, hop by hop. */
static void text_story(struct report *report, const struct pair *pair)
{
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], way[REACH_WAY_TEXT];
    const struct group_decision *decisions = report->groups->decisions;
    struct text_buffer head = {0};
    text_buffer_format(&head, "%s -> %s, %s:", name(report, pair->source_id, source),
                       name(report, pair->target_id, target), reach_way_print(way, pair->way));
    text_wrap(report->out, 2, "", "%s %s%s%s", text_buffer_get(&head), outcome_words(&pair->result),
              pair->result.outcome == REACH_NOT_APPLICABLE ? ", " : "",
              pair->result.outcome == REACH_NOT_APPLICABLE ? reach_absence_text(pair->result.absence) : "");
    text_buffer_fini(&head);
    if (pair->result.outcome == REACH_NOT_APPLICABLE)
        return;
    text_hops(report, pair);
    if (pair->leak == REACH_LEAK)
        text_wrap(report->out, 2, "  ", "LEAK: the kernel takes groups %u and %u for isolated",
                  decisions[pair->source_id].group, decisions[pair->target_id].group);
    else if (pair->leak == REACH_VOUCHED)
        text_wrap(report->out, 2, "  ",
                  "vouched: groups %u and %u; the kernel's quirk list has the vendor's word that it does not",
                  decisions[pair->source_id].group, decisions[pair->target_id].group);
}

void reach_report_text_pair(struct report *report, const struct pair *pair)
{
    if (report_one_pair(report) && report->way_count == 1)
        text_story(report, pair);
    else if (report->listed < REACH_REPORT_LINES)
        text_line(report, pair);
}

static void text_legend(struct report *report)
{
    bool any = reach_path_legend(report->rules_seen, report->out);
    if (any && !report_one_pair(report))
        text_buffer_add(report->out, "\n");
}

static void text_ways(struct report *report)
{
    text_buffer_format(report->out, "%-26s%10s%10s%10s%10s%10s\n", "kind of request", "reach", "misdel.",
                       "to IOMMU", "blocked", "leaks");
    for (uint32_t w = 0; w < report->way_count; w++) {
        const struct way_count *count = &report->by_way[w];
        char way[REACH_WAY_TEXT];
        text_buffer_format(report->out,
                           "%-26s%10" PRIu64 "%10" PRIu64 "%10" PRIu64 "%10" PRIu64 "%10" PRIu64 "\n",
                           reach_way_print(way, report->ways[w]), count->pairs[REACH_REACHES],
                           count->pairs[REACH_MISDELIVERED], count->pairs[REACH_REDIRECTED],
                           count->pairs[REACH_BLOCKED] + count->pairs[REACH_REDIRECT_BLOCKED], count->leaks);
    }
}

static void text_turns(struct report *report)
{
    uint64_t shown = 0;
    for (uint32_t f = 0; f <= report->topology->function_count; f++) {
        uint32_t id = f == report->topology->function_count ? NONE : f;
        const struct turn_count *turns = report_turns(report, id);
        for (int rule = 0; rule < RULE_COUNT; rule++) {
            char at[BDF_TEXT_SIZE];
            if (turns[rule].pairs && shown++ < TURNS_SHOWN)
                text_buffer_format(report->out, "  at %s by %s: %" PRIu64 " pair%s, %" PRIu64 " leak%s\n",
                                   name(report, id, at), route_rule_name((enum route_rule)rule),
                                   turns[rule].pairs, plural(turns[rule].pairs), turns[rule].leaks,
                                   plural(turns[rule].leaks));
        }
    }
    if (shown > TURNS_SHOWN)
        text_buffer_format(report->out, "  ... and at %" PRIu64 " more places (--format json has all)\n",
                           shown - TURNS_SHOWN);
}

static void text_notes(struct report *report)
{
    const struct reach_counts *counts = &report->counts;
    if (counts->vouched)
        text_wrap(report->out, 6, "note: ",
                  "%" PRIu64
                  " more pair%s of different groups rest on vendors' word that functions without ACS do not "
                  "talk to each other (the kernel's quirk list)",
                  counts->vouched, plural(counts->vouched));
    if (counts->acs_hidden)
        text_wrap(report->out, 6,
                  "note: ", "the input hides the ACS registers of %u function%s; what they do is assumed",
                  counts->acs_hidden, plural(counts->acs_hidden));
    if (counts->silent_bars)
        text_wrap(
            report->out, 6, "note: ",
            "%u function%s with memory BARs that do not decode (disabled, or without address) cannot be "
            "reached now",
            counts->silent_bars, plural(counts->silent_bars));
}

void reach_report_text_summary(struct report *report)
{
    const struct reach_counts *counts = &report->counts;
    if (report->listed > REACH_REPORT_LINES)
        text_buffer_format(report->out, "... and %" PRIu64 " more (--format tsv lists all)\n",
                           report->listed - REACH_REPORT_LINES);
    text_legend(report);
    if (report_one_pair(report))
        return;
    if (counts->targets == 0) {
        text_wrap(report->out, 2, "",
                  "nothing can be said: the input tells no address of any memory BAR (lspci -v does)");
        return;
    }
    char wrong[64] = "";
    if (counts->pairs[REACH_MISDELIVERED])
        snprintf(wrong, sizeof(wrong), "%" PRIu64 " arrive elsewhere, ", counts->pairs[REACH_MISDELIVERED]);
    text_wrap(report->out, 2, "",
              "%" PRIu64 " %s%s reach past the IOMMU, %" PRIu64 " of them across groups (leaks); %s%" PRIu64
              " go to the IOMMU, %" PRIu64 " are blocked",
              counts->pairs[REACH_REACHES], report->way_count > 1 ? "request" : "pair",
              plural(counts->pairs[REACH_REACHES]), counts->leaks, wrong, counts->pairs[REACH_REDIRECTED],
              counts->pairs[REACH_BLOCKED] + counts->pairs[REACH_REDIRECT_BLOCKED]);
    if (report->way_count > 1)
        text_ways(report);
    else
        text_turns(report);
    text_wrap(report->out, 2, "", "%u function%s issue requests, %u have a memory BAR", counts->sources,
              plural(counts->sources), counts->targets);
    text_notes(report);
}
