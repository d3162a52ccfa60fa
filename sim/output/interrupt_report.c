/* SPDX-License-Identifier: MIT */
#include "sim/output/interrupt_report.h"

#include "sim/base/arena.h"
#include "sim/output/group_words.h"
#include "sim/output/reach_path.h"
#include "sim/output/text_wrap.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LEAD = 12, LINES_SHOWN = 40, NAMED = 4 };

struct report {
    const struct interrupts *interrupts;
    const struct interrupt_question *question;
    const struct topology *topology;
    struct text_buffer *out;
    uint64_t counts[INTERRUPT_AT_WILL + 1], leaks[INTERRUPT_AT_WILL + 1]; /**< [enum interrupt_reach] */
    uint64_t listed;
};

static bool crosses(const struct report *report, uint32_t a, uint32_t b)
{
    const struct group_decision *decisions = report->interrupts->groups->decisions;
    return decisions[a].group != NONE && decisions[b].group != NONE &&
           decisions[a].group != decisions[b].group;
}

typedef void (*take_pair)(struct report *report, uint32_t source_id, uint32_t victim_id,
                          enum interrupt_reach reach);

static void each_pair(struct report *report, take_pair take)
{
    const struct interrupt_question *question = report->question;
    report->listed = 0;
    for (uint32_t source = 0; source < report->topology->function_count; source++) {
        if ((question->source_id != NONE && question->source_id != source) ||
            !report->interrupts->functions[source].writes)
            continue;
        for (uint32_t victim = 0; victim < report->topology->function_count; victim++) {
            if (question->target_id != NONE && question->target_id != victim)
                continue;
            enum interrupt_reach reach = interrupts_ask(report->interrupts, source, victim);
            if (reach != INTERRUPT_NEVER)
                take(report, source, victim, reach);
        }
    }
}

static void count(struct report *report, uint32_t source_id, uint32_t victim_id, enum interrupt_reach reach)
{
    report->counts[reach]++;
    report->leaks[reach] += crosses(report, source_id, victim_id);
}

static struct report begin(const struct interrupts *interrupts, const struct interrupt_question *question,
                           struct text_buffer *out)
{
    return (struct report){
        .interrupts = interrupts, .question = question, .topology = interrupts->groups->topology, .out = out};
}

/* ---- text ---- */

static void text_state(const struct report *report)
{
    const struct interrupts *interrupts = report->interrupts;
    static const char *const words[INTERRUPT_STATES] = {
        [INTERRUPT_REMAPPED] = "remapped: each vector is open only to the requester ids written for it",
        [INTERRUPT_REMAPPED_ASSUMED] = "assumed to be remapped: the input does not tell (a kernel log would)",
        [INTERRUPT_ANY_SOURCE] = "remapped, but intremap=nosid lets every function use every entry",
        [INTERRUPT_NO_UNIT] = "not remapped: the machine has no IOMMU",
        [INTERRUPT_SWITCHED_OFF] = "not remapped: the command line switches it off",
        [INTERRUPT_UNIT_LACKS] = "not remapped: where one unit cannot, the kernel leaves it off for all",
    };
    text_wrap(report->out, LEAD, "Interrupts  ", "%s", words[interrupts->state]);
    if (interrupts->lacking_unit != NONE) {
        const struct iommu_unit *unit = &interrupts->groups->coverage->units[interrupts->lacking_unit];
        text_wrap(report->out, LEAD, "            ", "the unit that cannot: %s",
                  unit->name ? unit->name : "it has no name");
    }
}

static void text_writers(const struct report *report)
{
    uint32_t writers = 0, senders = 0, outside = 0, shown = 0;
    char name[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    const struct interrupts *interrupts = report->interrupts;
    for (uint32_t id = 0; id < report->topology->function_count; id++) {
        const struct interrupt_function *function = &interrupts->functions[id];
        senders += function->sends;
        writers += function->writes;
        outside += function->writes && function->outside;
    }
    text_wrap(report->out, LEAD, "Writers     ",
              "%u of %u functions that do DMA can write the interrupt window (0xfee00000)", writers, senders);
    for (uint32_t id = 0; id < report->topology->function_count && writers < senders; id++) {
        const struct interrupt_function *function = &interrupts->functions[id];
        if (function->writes || !function->sends || shown++ >= LINES_SHOWN)
            continue;
        text_wrap(report->out, LEAD, "            ", "not %s: %s at %s",
                  reach_path_name(report->topology, id, name), route_rule_name(function->rule),
                  reach_path_name(report->topology, function->at_id, at));
    }
    if (outside && interrupts_remapped(interrupts))
        text_wrap(report->out, LEAD, "            ",
                  "%u of them outside every unit's scope: what they write is not remapped", outside);
}

static void text_guests(const struct report *report)
{
    bool allowed = report->interrupts->groups->platform.cmdline.unsafe_interrupts == GIVEN_ON;
    if (interrupts_remapped(report->interrupts))
        text_wrap(report->out, LEAD, "Guests      ", "VFIO takes interrupts for isolated%s",
                  report->interrupts->state == INTERRUPT_ANY_SOURCE
                      ? ", although with intremap=nosid a guest can raise those of others"
                      : "");
    else
        text_wrap(report->out, LEAD, "Guests      ", "%s",
                  allowed ? "VFIO gives devices away all the same (allow_unsafe_interrupts=1): a guest can "
                            "raise any vector of the host"
                          : "VFIO gives no device away (EPERM), unless allow_unsafe_interrupts=1 says that "
                            "guests may raise any vector of the host");
}

/* Who may raise interrupts of whom in one of the ways, a paragraph a source. */
static void text_list(struct report *report, enum interrupt_reach way, const char *title)
{
    const struct interrupt_question *question = report->question;
    uint32_t count = report->topology->function_count, shown = 0;
    uint32_t *victims = memory_array(count, sizeof(*victims));
    for (uint32_t source = 0; source < count && report->counts[way]; source++) {
        uint32_t found = 0, leaks = 0;
        for (uint32_t victim = 0; victim < count; victim++) {
            if ((question->source_id != NONE && question->source_id != source) ||
                (question->target_id != NONE && question->target_id != victim) ||
                interrupts_ask(report->interrupts, source, victim) != way)
                continue;
            victims[found++] = victim;
            leaks += crosses(report, source, victim);
        }
        if (!found)
            continue;
        if (!shown)
            text_wrap(report->out, 2, "\n", "%s", title);
        if (shown++ >= LINES_SHOWN)
            continue;
        struct text_buffer list = {0};
        char name[BDF_TEXT_SIZE];
        group_words_list(report->topology, victims, found, NAMED, &list);
        text_wrap(report->out, 4, "  ", "%s: those of %s (%u in other groups)",
                  reach_path_name(report->topology, source, name), text_buffer_get(&list), leaks);
        text_buffer_fini(&list);
    }
    if (shown > LINES_SHOWN)
        text_buffer_format(report->out, "  ... and %u more functions (--format tsv lists all)\n",
                           shown - LINES_SHOWN);
    free(victims);
}

static void text_check(const struct report *report, uint32_t id)
{
    const struct interrupt_function *function = &report->interrupts->functions[id];
    char name[BDF_TEXT_SIZE];
    reach_path_name(report->topology, id, name);
    if (function->check == INTERRUPT_CHECK_NOTHING)
        text_wrap(report->out, LEAD, "Vectors     ", "of %s: open to %s", name,
                  function->outside ? "itself and others outside every unit" : "everybody");
    else if (function->check == INTERRUPT_CHECK_BUSES)
        text_wrap(report->out, LEAD, "Vectors     ", "of %s: open to requester ids of buses %02x to %02x",
                  name, function->first >> 8, function->last >> 8);
    else
        text_wrap(report->out, LEAD, "Vectors     ", "of %s: open to requester id %02x:%02x.%x alone", name,
                  function->first >> 8, pci_slot((uint8_t)function->first),
                  pci_func((uint8_t)function->first));
}

void interrupt_report_text(const struct interrupts *interrupts, const struct interrupt_question *question,
                           struct text_buffer *out)
{
    struct report report = begin(interrupts, question, out);
    text_state(&report);
    text_writers(&report);
    text_guests(&report);
    if (question->target_id != NONE)
        text_check(&report, question->target_id);
    each_pair(&report, count);
    uint64_t at_will = report.counts[INTERRUPT_AT_WILL];
    text_wrap(out, LEAD, "Pairs       ",
              "%" PRIu64 " raise vectors of others at will, %" PRIu64 " by a shared requester id, %" PRIu64
              " by forging one; %" PRIu64 " of all are of different groups",
              at_will, report.counts[INTERRUPT_BY_SHARING], report.counts[INTERRUPT_BY_FORGING],
              report.leaks[INTERRUPT_AT_WILL] + report.leaks[INTERRUPT_BY_SHARING] +
                  report.leaks[INTERRUPT_BY_FORGING]);
    bool named = question->source_id != NONE || question->target_id != NONE;
    /* Where nothing is checked a list of all pairs says nothing. */
    if (question->summary_only || (!named && !interrupts_remapped(interrupts)) ||
        (!named && interrupts->state == INTERRUPT_ANY_SOURCE))
        return;
    text_list(&report, INTERRUPT_AT_WILL, "At will, because nothing is checked:");
    text_list(&report, INTERRUPT_BY_SHARING, "Under a requester id that both share:");
    text_list(&report, INTERRUPT_BY_FORGING,
              "Under a forged requester id, because no port above validates the source (ACS SrcValid):");
}

/* ---- tsv and JSON ---- */

static void tsv_line(struct report *report, uint32_t source_id, uint32_t victim_id,
                     enum interrupt_reach reach)
{
    char source[BDF_TEXT_SIZE], victim[BDF_TEXT_SIZE];
    text_buffer_format(report->out, "%s\t%s\t%s\t%s\n",
                       group_words_address(report->topology, source_id, source),
                       group_words_address(report->topology, victim_id, victim), interrupt_reach_name(reach),
                       crosses(report, source_id, victim_id) ? "leak" : "-");
}

void interrupt_report_tsv(const struct interrupts *interrupts, const struct interrupt_question *question,
                          struct text_buffer *out)
{
    struct report report = begin(interrupts, question, out);
    each_pair(&report, tsv_line);
}

static void json_line(struct report *report, uint32_t source_id, uint32_t victim_id,
                      enum interrupt_reach reach)
{
    text_buffer_add(report->out, report->listed++ ? ",\n    {" : "\n    {");
    reach_path_json_bdf(report->topology, "source", source_id, report->out);
    text_buffer_add(report->out, ", ");
    reach_path_json_bdf(report->topology, "victim", victim_id, report->out);
    text_buffer_format(report->out, ", \"how\": \"%s\", \"leak\": %s}", interrupt_reach_name(reach),
                       crosses(report, source_id, victim_id) ? "true" : "false");
}

static void json_functions(const struct report *report)
{
    static const char *const checks[] = {"nothing", "id", "buses"};
    bool first = true;
    for (uint32_t id = 0; id < report->topology->function_count; id++) {
        const struct interrupt_function *function = &report->interrupts->functions[id];
        if (!function->has_vectors)
            continue;
        text_buffer_add(report->out, first ? "\n    {" : ",\n    {");
        first = false;
        reach_path_json_bdf(report->topology, "function", id, report->out);
        text_buffer_format(report->out, ", \"writes\": %s, \"check\": \"%s\"",
                           function->writes ? "true" : "false", checks[function->check]);
        if (function->check == INTERRUPT_CHECK_ID)
            text_buffer_format(report->out, ", \"id\": \"%02x:%02x.%x\"", function->first >> 8,
                               pci_slot((uint8_t)function->first), pci_func((uint8_t)function->first));
        else if (function->check == INTERRUPT_CHECK_BUSES)
            text_buffer_format(report->out, ", \"buses\": [\"%02x\", \"%02x\"]", function->first >> 8,
                               function->last >> 8);
        text_buffer_add(report->out, "}");
    }
    text_buffer_add(report->out, first ? "]" : "\n  ]");
}

void interrupt_report_json(const struct interrupts *interrupts, const struct interrupt_question *question,
                           struct text_buffer *out)
{
    struct report report = begin(interrupts, question, out);
    text_buffer_format(out,
                       "{\n  \"format\": \"iommusim-interrupts/1\",\n  \"state\": \"%s\",\n"
                       "  \"remapped\": %s,\n  \"functions\": [",
                       interrupt_state_name(interrupts->state),
                       interrupts_remapped(interrupts) ? "true" : "false");
    json_functions(&report);
    text_buffer_add(out, ",\n  \"pairs\": [");
    each_pair(&report, json_line);
    text_buffer_add(out, report.listed ? "\n  ]\n}\n" : "]\n}\n");
}
