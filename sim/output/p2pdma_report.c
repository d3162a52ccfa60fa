/* SPDX-License-Identifier: MIT */
#include "sim/output/p2pdma_report.h"

#include "sim/analysis/reach_alike.h"
#include "sim/base/arena.h"
#include "sim/output/group_words.h"
#include "sim/output/reach_path.h"
#include "sim/output/text_wrap.h"

#include <inttypes.h>

enum { LINES_SHOWN = 40, REDIRECTORS_SHOWN = 16, MAPS = P2PDMA_THROUGH_HOST_BRIDGE + 1 };

/** A pair and both opinions. */
struct pair {
    uint32_t client_id, provider_id;
    struct p2pdma_verdict verdict;
    struct reach_result result;
    enum p2pdma_agreement agreement;
};

/** Pairs worth a line of the text. */
enum list { LIST_DIVERTED, LIST_SHORT_CUT, LIST_STRAIGHT, LISTS };

struct report {
    struct arena *arena; /**< of the table */
    const struct reach *reach;
    const struct iommu_groups *groups;
    const struct p2pdma_question *question;
    enum p2pdma_cpu cpu;
    struct text_buffer *out;
    struct reach_table *table; /**< answers about writes */
    uint64_t counts[MAPS][REACH_OUTCOMES];
    uint64_t listed;
    struct {
        struct text_buffer lines; /**< the first LINES_SHOWN */
        uint64_t count;
    } lists[LISTS]; /**< of the text */
};

static struct pair ask(const struct report *report, uint32_t client_id, uint32_t provider_id)
{
    struct pair pair = {.client_id = client_id, .provider_id = provider_id};
    pair.result = reach_table_ask(report->table, client_id, provider_id);
    pair.verdict = p2pdma_ask(report->groups, report->cpu, provider_id, client_id);
    pair.agreement = p2pdma_agreement(&pair.verdict, &pair.result);
    return pair;
}

/* Memory that is known, or a function that may have some: the kernel's opinion asks for no address. */
static bool provides(const struct report *report, uint32_t id)
{
    return report->reach->fabric->nodes[id].bar_count > 0 ||
           reach_issues(&report->groups->topology->functions[id]);
}

static void each_pair(struct report *report, void (*take)(struct report *, const struct pair *))
{
    const struct topology *topology = report->groups->topology;
    const struct p2pdma_question *question = report->question;
    report->listed = 0;
    for (uint32_t client = 0; client < topology->function_count; client++) {
        if ((question->client_id != NONE && question->client_id != client) ||
            !reach_issues(&topology->functions[client]))
            continue;
        for (uint32_t provider = 0; provider < topology->function_count; provider++) {
            if ((question->provider_id != NONE && question->provider_id != provider) ||
                !provides(report, provider) || client == provider)
                continue;
            struct pair pair = ask(report, client, provider);
            take(report, &pair);
        }
    }
}

/* ---- text ---- */

static void text_table(const struct report *report)
{
    struct text_buffer *out = report->out;
    text_wrap(out, 11, "Processor  ", "%s%s",
              report->cpu == P2PDMA_CPU_ZEN
                  ? "AMD, family 17h or later: the kernel trusts its root complex"
                  : "no AMD of family 17h or later: the kernel goes by its list of host bridges",
              report->question->cpu == P2PDMA_CPU_GUESS ? " (assumed, by its host bridges)" : "");
    text_buffer_format(out, "\n%-22s%12s%12s%12s%16s\n", "the kernel says", "reaches", "redirected",
                       "blocked", "no memory known");
    for (int map = MAPS - 1; map >= 0; map--) {
        text_buffer_format(out, "%-22s", p2pdma_map_name((enum p2pdma_map)map));
        const uint64_t *counts = report->counts[map];
        text_buffer_format(out, "%12" PRIu64 "%12" PRIu64 "%12" PRIu64 "%16" PRIu64 "\n",
                           counts[REACH_REACHES] + counts[REACH_MISDELIVERED], counts[REACH_REDIRECTED],
                           counts[REACH_BLOCKED] + counts[REACH_REDIRECT_BLOCKED],
                           counts[REACH_NOT_APPLICABLE]);
    }
}

static void text_line(struct report *report, enum list list, const struct pair *pair)
{
    char client[BDF_TEXT_SIZE], provider[BDF_TEXT_SIZE];
    const struct topology *topology = report->groups->topology;
    if (report->lists[list].count++ >= LINES_SHOWN)
        return;
    text_buffer_format(&report->lists[list].lines, "  %-12s -> %-12s  %3u  %-20s %s\n",
                       reach_path_name(topology, pair->client_id, client),
                       reach_path_name(topology, pair->provider_id, provider), pair->verdict.distance,
                       p2pdma_map_name(pair->verdict.map), route_rule_name(pair->result.rule));
}

static void count(struct report *report, const struct pair *pair)
{
    report->counts[pair->verdict.map][pair->result.outcome]++;
    if (pair->agreement == P2PDMA_DIVERTED)
        text_line(report, LIST_DIVERTED, pair);
    else if (pair->agreement == P2PDMA_SHORT_CUT)
        text_line(report, LIST_SHORT_CUT, pair);
    else if (pair->verdict.map == P2PDMA_BUS_ADDRESS && pair->agreement == P2PDMA_AGREES)
        text_line(report, LIST_STRAIGHT, pair);
}

static void text_list(const struct report *report, enum list list)
{
    static const char *const titles[LISTS] = {
        [LIST_DIVERTED] = "DIVERTED: bus addresses would not arrive",
        [LIST_SHORT_CUT] = "SHORT CUT: straight, though the kernel does not count on it",
        [LIST_STRAIGHT] = "Straight by bus address, both say",
    };
    uint64_t listed = report->lists[list].count;
    if (!listed)
        return;
    text_wrap(report->out, 2, "\n", "%s (client -> provider, hops, kernel, rule of the fabric)",
              titles[list]);
    text_buffer_add(report->out, text_buffer_get(&report->lists[list].lines));
    if (listed > LINES_SHOWN)
        text_buffer_format(report->out, "  ... and %" PRIu64 " more (--format tsv lists all)\n",
                           listed - LINES_SHOWN);
}

/* The words for the command line that the kernel prints for this pair. */
static void text_hint(const struct report *report, const struct pair *pair)
{
    uint32_t ids[REDIRECTORS_SHOWN];
    uint32_t found =
        p2pdma_redirectors(report->groups, pair->provider_id, pair->client_id, ids, REDIRECTORS_SHOWN);
    struct text_buffer list = {0};
    for (uint32_t i = 0; i < found && i < REDIRECTORS_SHOWN; i++) {
        char bdf[BDF_TEXT_SIZE];
        text_buffer_format(&list, "%s%s", i ? ";" : "",
                           group_words_address(report->groups->topology, ids[i], bdf));
    }
    if (found)
        text_wrap(report->out, 12, "  redirects ", "pci=disable_acs_redir=%s is the kernel's hint",
                  text_buffer_get(&list));
    text_buffer_fini(&list);
}

static const char *agreement_text(const struct pair *pair)
{
    switch (pair->agreement) {
    case P2PDMA_DIVERTED:
        return "DIVERTED: the kernel would hand out bus addresses, and the fabric sends them elsewhere";
    case P2PDMA_SHORT_CUT:
        return pair->verdict.map == P2PDMA_NOT_SUPPORTED
                   ? "SHORT CUT: the kernel refuses, but the fabric goes straight"
                   : "SHORT CUT: the kernel takes it to go up to the IOMMU, but the fabric goes straight";
    default:
        return "they agree";
    }
}

static void text_story(struct report *report, const struct pair *pair)
{
    const struct topology *topology = report->groups->topology;
    struct text_buffer path = {0};
    char client[BDF_TEXT_SIZE], provider[BDF_TEXT_SIZE], meeting[BDF_TEXT_SIZE];
    const struct p2pdma_verdict *verdict = &pair->verdict;
    const char *trust = p2pdma_host_text(verdict->host);
    text_buffer_format(report->out, "DMA of %s to memory of %s\n",
                       reach_path_name(topology, pair->client_id, client),
                       reach_path_name(topology, pair->provider_id, provider));
    text_wrap(report->out, 12, "  kernel    ", "%s, %u hops; the ways meet at %s%s%s%s",
              p2pdma_map_name(verdict->map), verdict->distance,
              reach_path_name(topology, verdict->meeting_id, meeting), *trust ? "; " : "", trust,
              verdict->assumed ? " (ACS registers are hidden: assumed)" : "");
    text_hint(report, pair);
    if (pair->result.outcome == REACH_NOT_APPLICABLE) {
        text_wrap(report->out, 12, "  fabric    ", "nothing to say: %s",
                  reach_absence_text(pair->result.absence));
        return;
    }
    reach_path_add(report->reach, pair->client_id, &pair->result, &path);
    text_wrap(report->out, 12, "  fabric    ", "%s: %s (%s)", reach_outcome_name(pair->result.outcome),
              text_buffer_get(&path), route_rule_name(pair->result.rule));
    text_wrap(report->out, 12, "  together  ", "%s", agreement_text(pair));
    text_buffer_fini(&path);
}

static void report_init(struct report *report, const struct reach *reach, const struct iommu_groups *groups,
                        const struct p2pdma_question *question, struct text_buffer *out)
{
    *report = (struct report){
        .arena = arena_new(),
        .reach = reach,
        .groups = groups,
        .question = question,
        .cpu = question->cpu == P2PDMA_CPU_GUESS ? p2pdma_guess_cpu(groups->topology) : question->cpu,
        .out = out,
    };
    report->table = reach_table_of_writes(report->arena, reach);
}

static void report_fini(struct report *report)
{
    for (int list = 0; list < LISTS; list++)
        text_buffer_fini(&report->lists[list].lines);
    arena_free(report->arena);
}

void p2pdma_report_text(const struct reach *reach, const struct iommu_groups *groups,
                        const struct p2pdma_question *question, struct text_buffer *out)
{
    struct report report;
    report_init(&report, reach, groups, question, out);
    if (question->client_id != NONE && question->provider_id != NONE) {
        struct pair pair = ask(&report, question->client_id, question->provider_id);
        text_story(&report, &pair);
    } else {
        each_pair(&report, count);
        text_table(&report);
        for (int list = 0; list < LISTS && !question->summary_only; list++)
            text_list(&report, (enum list)list);
    }
    report_fini(&report);
}

/* ---- tsv and JSON ---- */

static const char *rule_of(const struct pair *pair)
{
    return pair->result.outcome == REACH_NOT_APPLICABLE ? "-" : route_rule_name(pair->result.rule);
}

static void tsv_line(struct report *report, const struct pair *pair)
{
    char client[BDF_TEXT_SIZE], provider[BDF_TEXT_SIZE];
    const struct topology *topology = report->groups->topology;
    text_buffer_format(report->out, "%s\t%s\t%u\t%s\t%s\t%s\t%s\n",
                       group_words_address(topology, pair->client_id, client),
                       group_words_address(topology, pair->provider_id, provider), pair->verdict.distance,
                       p2pdma_map_name(pair->verdict.map), reach_outcome_name(pair->result.outcome),
                       rule_of(pair), p2pdma_agreement_name(pair->agreement));
}

void p2pdma_report_tsv(const struct reach *reach, const struct iommu_groups *groups,
                       const struct p2pdma_question *question, struct text_buffer *out)
{
    struct report report;
    report_init(&report, reach, groups, question, out);
    each_pair(&report, tsv_line);
    report_fini(&report);
}

static void json_line(struct report *report, const struct pair *pair)
{
    const struct topology *topology = report->groups->topology;
    struct text_buffer *out = report->out;
    text_buffer_add(out, report->listed++ ? ",\n    {" : "\n    {");
    reach_path_json_bdf(topology, "client", pair->client_id, out);
    text_buffer_add(out, ", ");
    reach_path_json_bdf(topology, "provider", pair->provider_id, out);
    text_buffer_format(out, ", \"distance\": %u, \"kernel\": \"%s\", ", pair->verdict.distance,
                       p2pdma_map_name(pair->verdict.map));
    reach_path_json_bdf(topology, "meeting", pair->verdict.meeting_id, out);
    text_buffer_format(out, ", \"redirectors\": %u, ", pair->verdict.redirector_count);
    reach_path_json_bdf(topology, "host", pair->verdict.host_id, out);
    text_buffer_format(out, ", \"fabric\": \"%s\", \"rule\": \"%s\", \"agreement\": \"%s\"}",
                       reach_outcome_name(pair->result.outcome), rule_of(pair),
                       p2pdma_agreement_name(pair->agreement));
}

void p2pdma_report_json(const struct reach *reach, const struct iommu_groups *groups,
                        const struct p2pdma_question *question, struct text_buffer *out)
{
    struct report report;
    report_init(&report, reach, groups, question, out);
    text_buffer_format(out,
                       "{\n  \"format\": \"iommusim-p2pdma/1\",\n  \"processor_trusted\": %s,\n"
                       "  \"pairs\": [",
                       report.cpu == P2PDMA_CPU_ZEN ? "true" : "false");
    each_pair(&report, json_line);
    text_buffer_add(out, report.listed ? "\n  ]\n}\n" : "]\n}\n");
    report_fini(&report);
}
