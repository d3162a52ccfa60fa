/* SPDX-License-Identifier: MIT */
/* Requests to places instead of functions: one pass over sources, places and kinds of requests. */
#include "sim/output/reach_places.h"

#include "sim/output/group_words.h"
#include "sim/output/reach_path.h"
#include "sim/output/reach_sarif.h"
#include "sim/output/text_wrap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 500, HOPS = 64, PLACE_TEXT = 64 };

struct places {
    const struct reach *reach;
    const struct iommu_groups *groups;
    const struct reach_places_question *question;
    struct text_buffer *out;
    struct sarif *sarif;
    const struct reach_sarif *about;
    uint64_t counts[DESTINATION_KINDS][REACH_OUTCOMES];
    uint64_t listed, leaks;
    bool rules_seen[RULE_COUNT];
};

/** One request and what became of it. */
struct arrival {
    uint32_t source_id;
    const struct reach_destination *place;
    struct reach_way way;
    struct reach_result result;
    enum reach_leak leak;
};

static const struct topology *topology_of(const struct places *places)
{
    return places->groups->topology;
}

/** "BAR 0 of 03:00.0", "RAM". @param text  PLACE_TEXT bytes @return text */
static char *place_words(const struct topology *topology, const struct reach_destination *place, char *text)
{
    static const struct {
        const char *what;
        bool numbered;
        const char *of, *end;
    } words[DESTINATION_KINDS] = {
        [DESTINATION_BAR] = {"BAR ", true, " of ", ""},
        [DESTINATION_IO_BAR] = {"I/O BAR ", true, " of ", ""},
        [DESTINATION_ROM] = {"expansion ROM", false, " of ", ", which is off"},
        [DESTINATION_SILENT_BAR] = {"BAR ", true, " of ", ", which is off"},
        [DESTINATION_WINDOW] = {"hole in window ", true, " of ", ""},
        [DESTINATION_IO_WINDOW] = {"hole in the I/O window", false, " of ", ""},
        [DESTINATION_HOST_WINDOW] = {"hole in window ", true, " of host bridge ", ""},
        [DESTINATION_MEMORY] = {"RAM", false, "", ""},
        [DESTINATION_MSI] = {"interrupt window", false, "", ""},
        [DESTINATION_UNCLAIMED] = {"nobody's address", false, "", ""},
        [DESTINATION_IO_UNCLAIMED] = {"nobody's port", false, "", ""},
    };
    char owner[BDF_TEXT_SIZE + 8] = "", bdf[BDF_TEXT_SIZE], number[8] = "";
    if (place->kind == DESTINATION_HOST_WINDOW) {
        const struct host_bridge *host = &topology->host_bridges[place->function_id];
        snprintf(owner, sizeof(owner), "%04x:%02x", host->segment, host->bus_start);
    } else if (place->function_id != NONE) {
        snprintf(owner, sizeof(owner), "%s", reach_path_name(topology, place->function_id, bdf));
    }
    if (words[place->kind].numbered)
        snprintf(number, sizeof(number), "%u", place->index);
    snprintf(text, PLACE_TEXT, "%s%s%s%s%s", words[place->kind].what, number, words[place->kind].of, owner,
             words[place->kind].end);
    return text;
}

/** Who got the request: "memory", "iommu", "processors", an address, or NULL where nobody did. */
static const char *taker(const struct topology *topology, const struct arrival *arrival, char *bdf)
{
    const struct reach_result *result = &arrival->result;
    bool interrupt = arrival->place->kind == DESTINATION_MSI;
    switch (result->outcome) {
    case REACH_REDIRECTED:
        return "iommu";
    case REACH_MISDELIVERED:
    case REACH_REACHES:
        if (result->end_id != NONE)
            return group_words_address(topology, result->end_id, bdf);
        return interrupt ? "processors" : "memory";
    default:
        return NULL;
    }
}

static const char *leak_word(enum reach_leak leak)
{
    static const char *const words[] = {
        [REACH_NO_LEAK] = "-", [REACH_LEAK] = "leak", [REACH_VOUCHED] = "vouched"};
    return words[leak];
}

/* ---- text ---- */

static bool one_request(const struct places *places)
{
    const struct reach_places_question *question = places->question;
    return question->source_id != NONE && question->place_count == 1 && question->common->way_count <= 1 &&
           !question->common->summary_only;
}

/** How it ended, and who got it where that is not who was meant. */
static void text_end(const struct places *places, const struct arrival *arrival, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    const struct topology *topology = topology_of(places);
    const struct reach_result *result = &arrival->result;
    bool arrived = result->outcome >= REACH_MISDELIVERED && result->end_id != NONE;
    const char *who =
        arrived ? reach_path_name(topology, result->end_id, bdf) : taker(topology, arrival, bdf);
    bool meant = arrived && result->end_id == reach_destination_owner(arrival->place);
    text_buffer_format(out, "%s%s%s", reach_outcome_name(result->outcome), who && !meant ? ", to " : "",
                       who && !meant ? who : "");
    if (result->error != ROUTE_NO_ERROR)
        text_buffer_format(out, ", %s", route_error_name(result->error));
}

static void text_leak(const struct places *places, const struct arrival *arrival, struct text_buffer *out)
{
    const struct group_decision *decisions = places->groups->decisions;
    if (arrival->leak != REACH_NO_LEAK)
        text_buffer_format(out, " %s: groups %u, %u", arrival->leak == REACH_LEAK ? "LEAK" : "vouched",
                           decisions[arrival->source_id].group, decisions[arrival->result.end_id].group);
}

static void text_story(struct places *places, const struct arrival *arrival)
{
    struct reach_hop hops[HOPS];
    char source[BDF_TEXT_SIZE], place[PLACE_TEXT], way[REACH_WAY_TEXT];
    const struct topology *topology = topology_of(places);
    text_buffer_format(places->out, "%s -> 0x%" PRIx64 " (%s), %s: ",
                       reach_path_name(topology, arrival->source_id, source), arrival->place->base,
                       place_words(topology, arrival->place, place), reach_way_print(way, arrival->way));
    if (arrival->result.outcome == REACH_NOT_APPLICABLE) {
        text_buffer_format(places->out, "none: %s\n", reach_absence_text(arrival->result.absence));
        return;
    }
    text_end(places, arrival, places->out);
    text_leak(places, arrival, places->out);
    text_buffer_add(places->out, "\n");
    struct reach_request request =
        reach_destination_request(places->reach, arrival->source_id, arrival->place, arrival->way);
    uint32_t steps = reach_follow(places->reach, &request, hops, HOPS).steps;
    reach_path_text(topology, hops, steps < HOPS ? steps : HOPS, places->out);
    if (arrival->place->kind == DESTINATION_MSI)
        text_wrap(places->out, 2, "  ", "whose interrupts it can raise is told by --interrupts");
}

static void text_line(struct places *places, const struct arrival *arrival)
{
    char source[BDF_TEXT_SIZE], place[PLACE_TEXT], way[REACH_WAY_TEXT], at[BDF_TEXT_SIZE];
    const struct topology *topology = topology_of(places);
    const struct reach_result *result = &arrival->result;
    if (one_request(places)) {
        text_story(places, arrival);
        return;
    }
    if (places->listed >= LINES)
        return;
    struct text_buffer line = {0};
    text_buffer_format(&line, "%s -> 0x%" PRIx64 " (%s)",
                       reach_path_name(topology, arrival->source_id, source), arrival->place->base,
                       place_words(topology, arrival->place, place));
    if (places->question->common->way_count)
        text_buffer_format(&line, " %s", reach_way_print(way, arrival->way));
    text_buffer_add(&line, ": ");
    if (result->outcome == REACH_NOT_APPLICABLE) {
        text_buffer_format(&line, "none (%s)", reach_absence_text(result->absence));
    } else {
        text_end(places, arrival, &line);
        text_buffer_format(&line, "; %s at %s", route_rule_name(result->rule),
                           reach_path_name(topology, result->at_id, at));
        text_leak(places, arrival, &line);
        places->rules_seen[result->rule] = true;
    }
    text_wrap(places->out, 4, "", "%s", text_buffer_get(&line));
    text_buffer_fini(&line);
}

static void text_summary(struct places *places)
{
    if (one_request(places))
        return;
    if (places->listed > LINES)
        text_buffer_format(places->out, "... and %" PRIu64 " more (--format tsv lists all)\n",
                           places->listed - LINES);
    reach_path_legend(places->rules_seen, places->out);
    text_buffer_format(places->out, "%s%-14s%10s%10s%10s%10s\n", places->listed ? "\n" : "", "place", "reach",
                       "misdel.", "to IOMMU", "blocked");
    for (int kind = 0; kind < DESTINATION_KINDS; kind++) {
        const uint64_t *counts = places->counts[kind];
        uint64_t blocked = counts[REACH_BLOCKED] + counts[REACH_REDIRECT_BLOCKED];
        if (counts[REACH_REACHES] + counts[REACH_MISDELIVERED] + counts[REACH_REDIRECTED] + blocked)
            text_buffer_format(places->out, "%-14s%10" PRIu64 "%10" PRIu64 "%10" PRIu64 "%10" PRIu64 "\n",
                               reach_destination_name((enum reach_destination_kind)kind),
                               counts[REACH_REACHES], counts[REACH_MISDELIVERED], counts[REACH_REDIRECTED],
                               blocked);
    }
    text_buffer_format(places->out, "%" PRIu64 " arrive at functions of other groups (leaks)\n",
                       places->leaks);
    uint32_t source_id = places->question->source_id;
    char source[BDF_TEXT_SIZE];
    if (source_id != NONE && !reach_issues(&topology_of(places)->functions[source_id]))
        text_buffer_format(places->out, "note: %s sends no requests of its own\n",
                           reach_path_name(topology_of(places), source_id, source));
}

/* ---- tsv ---- */

static void tsv_line(struct places *places, const struct arrival *arrival)
{
    char source[BDF_TEXT_SIZE], owner[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE], got[BDF_TEXT_SIZE];
    char way[REACH_WAY_TEXT];
    const struct topology *topology = topology_of(places);
    const struct reach_result *result = &arrival->result;
    uint32_t owner_id = reach_destination_owner(arrival->place);
    const char *who = taker(topology, arrival, got);
    text_buffer_format(places->out, "%s\t%s\t%s\t%u\t0x%" PRIx64 "\t%s",
                       group_words_address(topology, arrival->source_id, source),
                       reach_destination_name(arrival->place->kind),
                       owner_id == NONE ? "-" : group_words_address(topology, owner_id, owner),
                       arrival->place->index, arrival->place->base, reach_outcome_name(result->outcome));
    if (result->outcome == REACH_NOT_APPLICABLE)
        text_buffer_add(places->out, "\t-\t-\t-\t-");
    else
        text_buffer_format(places->out, "\t%s\t%s\t%s\t%s", route_rule_name(result->rule),
                           result->at_id == NONE ? "-" : group_words_address(topology, result->at_id, at),
                           who ? who : "-", leak_word(arrival->leak));
    text_buffer_format(places->out, "\t%s\n", reach_way_print(way, arrival->way));
}

static void tsv_summary(struct places *places)
{
    for (int kind = 0; kind < DESTINATION_KINDS; kind++) {
        for (int outcome = 0; outcome < REACH_OUTCOMES; outcome++) {
            if (places->counts[kind][outcome])
                text_buffer_format(places->out, "%s\t%s\t%" PRIu64 "\n",
                                   reach_destination_name((enum reach_destination_kind)kind),
                                   reach_outcome_name((enum reach_outcome)outcome),
                                   places->counts[kind][outcome]);
        }
    }
}

/* ---- JSON ---- */

static void json_hops(struct places *places, const struct arrival *arrival)
{
    struct reach_hop hops[HOPS];
    struct reach_request request =
        reach_destination_request(places->reach, arrival->source_id, arrival->place, arrival->way);
    uint32_t steps = reach_follow(places->reach, &request, hops, HOPS).steps;
    text_buffer_add(places->out, ", \"hops\": ");
    reach_path_json_hops(topology_of(places), hops, steps < HOPS ? steps : HOPS, places->out);
}

static void json_item(struct places *places, const struct arrival *arrival)
{
    struct text_buffer *out = places->out;
    const struct topology *topology = topology_of(places);
    const struct reach_destination *place = arrival->place;
    const struct reach_result *result = &arrival->result;
    char way[REACH_WAY_TEXT], got[BDF_TEXT_SIZE];
    text_buffer_add(out, places->listed ? ",\n    {" : "\n    {");
    reach_path_json_bdf(topology, "source", arrival->source_id, out);
    text_buffer_format(out, ", \"place\": \"%s\", ", reach_destination_name(place->kind));
    reach_path_json_bdf(topology, "owner", reach_destination_owner(place), out);
    text_buffer_format(out,
                       ", \"index\": %u, \"address\": \"0x%" PRIx64 "\", \"limit\": \"0x%" PRIx64
                       "\", \"kind\": \"%s\", \"outcome\": \"%s\"",
                       place->index, place->base, place->limit, reach_way_print(way, arrival->way),
                       reach_outcome_name(result->outcome));
    if (result->outcome == REACH_NOT_APPLICABLE) {
        text_buffer_format(out, ", \"reason\": \"%s\"}", reach_absence_text(result->absence));
        return;
    }
    text_buffer_format(out, ", \"rule\": \"%s\", ", route_rule_name(result->rule));
    reach_path_json_bdf(topology, "at", result->at_id, out);
    const char *who = taker(topology, arrival, got);
    if (who)
        text_buffer_format(out, ", \"taken_by\": \"%s\"", who);
    else
        text_buffer_format(out, ", \"taken_by\": null, \"error\": \"%s\"", route_error_name(result->error));
    text_buffer_format(out, ", \"leak\": %s, \"vouched\": %s", arrival->leak == REACH_LEAK ? "true" : "false",
                       arrival->leak == REACH_VOUCHED ? "true" : "false");
    if (one_request(places))
        json_hops(places, arrival);
    text_buffer_add(out, "}");
}

static void json_summary(struct places *places)
{
    bool first = true;
    text_buffer_format(places->out, "%s],\n  \"summary\": {\"leaks\": %" PRIu64 ", \"places\": {",
                       places->listed ? "\n  " : "", places->leaks);
    for (int kind = 0; kind < DESTINATION_KINDS; kind++) {
        const uint64_t *counts = places->counts[kind];
        uint64_t any = 0;
        for (int outcome = 0; outcome < REACH_OUTCOMES; outcome++)
            any += counts[outcome];
        if (!any)
            continue;
        text_buffer_format(places->out, "%s\n    \"%s\": {", first ? "" : ",",
                           reach_destination_name((enum reach_destination_kind)kind));
        for (int outcome = 0; outcome < REACH_OUTCOMES; outcome++)
            text_buffer_format(places->out, "%s\"%s\": %" PRIu64, outcome ? ", " : "",
                               reach_outcome_name((enum reach_outcome)outcome), counts[outcome]);
        text_buffer_add(places->out, "}");
        first = false;
    }
    text_buffer_add(places->out, "}}\n}\n");
}

/* ---- the pass ---- */

static void take(struct places *places, uint32_t source_id, const struct reach_destination *place,
                 struct reach_way way)
{
    const struct reach_question *common = places->question->common;
    struct arrival arrival = {source_id, place, way,
                              reach_destination_by(places->reach, source_id, place, way), REACH_NO_LEAK};
    if (arrival.result.end_id != NONE)
        arrival.leak = reach_leak(places->groups, &arrival.result, source_id, arrival.result.end_id);
    places->leaks += arrival.leak == REACH_LEAK;
    places->counts[place->kind][arrival.result.outcome]++;
    if (common->summary_only || !common->outcomes[arrival.result.outcome])
        return;
    switch (common->format) {
    case REPORT_TEXT:
        text_line(places, &arrival);
        break;
    case REPORT_TSV:
        tsv_line(places, &arrival);
        break;
    case REPORT_JSON:
        json_item(places, &arrival);
        break;
    case REPORT_SARIF:
        if (arrival.leak != REACH_NO_LEAK)
            reach_sarif_pair(places->about, places->sarif,
                             arrival.leak == REACH_LEAK ? REACH_SARIF_LEAK : REACH_SARIF_VOUCHED, source_id,
                             arrival.result.end_id, &arrival.result);
        break;
    }
    places->listed++;
}

static void take_place(struct places *places, uint32_t source_id, const struct reach_destination *place)
{
    const struct reach_question *common = places->question->common;
    if (common->way_count == 0)
        take(places, source_id, place,
             (struct reach_way){.kind = reach_destination_is_io(place->kind) ? TRANSACTION_IO
                                                                             : TRANSACTION_MEMORY_WRITE});
    for (uint32_t w = 0; w < common->way_count; w++)
        take(places, source_id, place, common->ways[w]);
}

static void take_all(struct places *places)
{
    const struct reach_places_question *question = places->question;
    const struct topology *topology = topology_of(places);
    for (uint32_t s = 0; s < topology->function_count; s++) {
        bool asked = question->source_id == s ||
                     (question->source_id == NONE && reach_issues(&topology->functions[s]));
        for (uint32_t p = 0; asked && p < question->place_count; p++)
            take_place(places, s, &question->places[p]);
    }
}

uint64_t reach_places_report(const struct reach *reach, const struct iommu_groups *groups,
                             const struct reach_places_question *question,
                             const struct source_place *places_of, struct text_buffer *out)
{
    enum report_format format = question->common->format;
    struct sarif sarif;
    const struct reach_sarif about = {reach, groups, places_of};
    struct places places = {
        .reach = reach, .groups = groups, .question = question, .out = out, .sarif = &sarif, .about = &about};
    if (format == REPORT_JSON)
        text_buffer_add(out, "{\n  \"format\": \"iommusim-reach-places/1\",\n  \"requests\": [");
    if (format == REPORT_SARIF)
        sarif_begin(&sarif, out, reach_sarif_rules, REACH_SARIF_RULES);
    take_all(&places);
    if (format == REPORT_SARIF)
        sarif_end(&sarif);
    else if (format == REPORT_JSON)
        json_summary(&places);
    else if (format == REPORT_TEXT)
        text_summary(&places);
    else if (question->common->summary_only)
        tsv_summary(&places);
    return places.leaks;
}
