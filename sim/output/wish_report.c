/* SPDX-License-Identifier: MIT */
#include "sim/output/wish_report.h"

#include "models/pcie/fabric_acs.h"
#include "sim/analysis/group_explain.h"
#include "sim/analysis/p2pdma.h"
#include "sim/analysis/reach_alike.h"
#include "sim/base/arena.h"
#include "sim/output/group_words.h"
#include "sim/output/reach_path.h"
#include "sim/output/text_wrap.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LEAD = 11, PAIRS_SHOWN = 8, GROUPS_SHOWN = 8, NAMED = 6 };

static const char *name(const struct wish_report *report, uint32_t id, char *text)
{
    return reach_path_name(report->before->topology, id, text);
}

/* ---- what it costs ---- */

/** Pairs that reach with the bits changed, and did not before. */
struct opened {
    struct arena *arena;
    struct reach reach;    /**< with the bits changed */
    uint64_t pairs, leaks; /**< leaks: across the groups of before */
};

static void open_begin(struct opened *opened, const struct wish_report *report)
{
    *opened = (struct opened){.arena = arena_new(), .reach = *report->before->reach};
    opened->reach.fabric = fabric_new(opened->arena, report->before->topology, report->answer->control);
}

typedef void (*take_opened)(void *data, uint32_t source_id, uint32_t target_id,
                            const struct reach_result *result, bool leak);

static void each_opened(struct opened *opened, const struct wish_report *report, take_opened take, void *data)
{
    uint32_t count = report->before->topology->function_count;
    struct arena *arena = arena_new();
    struct reach_table *after = reach_table_of_writes(arena, &opened->reach),
                       *before = reach_table_of_writes(arena, report->before->reach);
    opened->pairs = opened->leaks = 0;
    for (uint32_t source = 0; source < count; source++) {
        for (uint32_t target = 0; target < count; target++) {
            if (reach_table_outcome(after, source, target) != REACH_REACHES ||
                reach_table_outcome(before, source, target) == REACH_REACHES)
                continue;
            struct reach_result result = reach_table_ask(after, source, target);
            bool leak = reach_leak(report->before->groups, &result, source, target) == REACH_LEAK;
            opened->pairs++;
            opened->leaks += leak;
            if (take)
                take(data, source, target, &result, leak);
        }
    }
    arena_free(arena);
}

/* ---- text ---- */

static void text_wish(const struct wish_report *report, struct text_buffer *out)
{
    char a[BDF_TEXT_SIZE], b[BDF_TEXT_SIZE];
    const struct acs_wish *wish = report->wish;
    if (wish->kind == ACS_WISH_ISOLATED)
        text_wrap(out, LEAD, "Wish       ",
                  "%s isolated: it reaches nobody past the IOMMU, nobody reaches it; judged are writes with "
                  "untranslated addresses%s",
                  name(report, wish->a_id, a),
                  report->answer->translated_too
                      ? ", and with translated ones of functions whose ATS the IOMMU trusts"
                      : " (no function has ATS that the IOMMU would trust)");
    else
        text_wrap(out, LEAD, "Wish       ", "%s -> %s direct: %s", name(report, wish->a_id, a),
                  name(report, wish->b_id, b),
                  wish->kind == ACS_WISH_WRITES
                      ? "its writes go there without leaving the fabric"
                      : "its requests go there, and their completions come back, without leaving the fabric");
}

static const char *blame(const struct wish_report *report)
{
    const struct acs_wish_stuck *stuck = &report->answer->stuck;
    uint32_t id = stuck->result.at_id;
    if (stuck->result.through_root && stuck->address_type == ADDRESS_TRANSLATED)
        return "the IOMMU trusts translated requests (ATS), and no port below offers TransBlk; pci=noats "
               "turns ATS off";
    if (stuck->result.through_root)
        return "no IOMMU translates the sender, whatever ACS says";
    if (id == NONE)
        return "the root complex decides";
    const struct acs_view *view = &report->before->groups->views[id];
    const struct pci_function *function = &report->before->topology->functions[id];
    if (view->hidden)
        return "the input hides its registers (run lspci as root)";
    if (acs_isolates_anyway(report->before->topology, function) && report->wish->kind != ACS_WISH_ISOLATED)
        return "Intel's integrated functions send everything to the IOMMU, and no register changes that";
    if (!function->pcie)
        return "conventional PCI knows no ACS";
    if (!view->present)
        return "it has no ACS capability";
    return "its ACS capability does not offer what would be needed";
}

static void text_stuck(const struct wish_report *report, struct text_buffer *out)
{
    const struct acs_wish_stuck *stuck = &report->answer->stuck;
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    text_wrap(out, LEAD, "Answer     ", "no setting does it");
    text_wrap(out, LEAD, "Blame      ", "%s: %s", name(report, stuck->result.at_id, at), blame(report));
    text_wrap(out, LEAD, "           ", "%s %s -> %s: %s (%s)",
              stuck->completion                           ? "completion"
              : stuck->address_type == ADDRESS_TRANSLATED ? "translated request"
                                                          : "request",
              name(report, stuck->source_id, source), name(report, stuck->target_id, target),
              route_rule_text(stuck->result.rule), route_rule_name(stuck->result.rule));
}

static void text_flips(const struct wish_report *report, struct text_buffer *out)
{
    const struct acs_wish_answer *answer = report->answer;
    text_wrap(out, LEAD, "Answer     ", "%s %zu ACS bit%s%s",
              report->wish->kind == ACS_WISH_ISOLATED ? "change" : "clear", answer->flip_count,
              answer->flip_count == 1 ? "" : "s",
              answer->smallest ? "; fewer do not do it"
                               : "; none can be left out, other sets were not tried");
    for (size_t i = 0; i < answer->flip_count; i++) {
        const struct acs_flip *flip = &answer->flips[i];
        const struct pci_function *function = &report->before->topology->functions[flip->function_id];
        char at[BDF_TEXT_SIZE], bits[ACS_BITS_TEXT];
        text_buffer_format(out, "           %-5s %-12s %-15s %s\n", flip->set ? "set" : "clear",
                           name(report, flip->function_id, at), function_kind_name(function),
                           acs_bits_print(bits, flip->bit));
    }
}

/* TransBlk stops every request with a translated address, and translation requests. */
static void text_no_ats(const struct wish_report *report, struct text_buffer *out)
{
    uint16_t set = 0;
    for (size_t i = 0; i < report->answer->flip_count; i++)
        set |= report->answer->flips[i].set ? report->answer->flips[i].bit : 0;
    if (set & ACS_TRANSLATION_BLOCKING && report->answer->translated_too)
        text_wrap(out, LEAD, "           ",
                  "(with TransBlk, ATS of the devices below does not work any more)");
}

static void text_words(const struct wish_report *report, struct text_buffer *out)
{
    const struct acs_words *words = report->words;
    const struct acs_wish_answer *answer = report->answer;
    char at[BDF_TEXT_SIZE];
    /* Words to copy are not broken. */
    if (words->parameter)
        text_buffer_format(out, "Boot with  %s\n", words->parameter);
    else
        text_wrap(out, LEAD, "Boot with  ", "no words: %s at %s",
                  words->obstacle == ACS_WORDS_ENHANCED
                      ? "the kernel's config_acs= has no bits of ACS Enhanced"
                      : "the kernel's config_acs= does not reach the control register",
                  name(report, words->obstacle_id, at));
    if (words->clear_only)
        text_wrap(
            out, LEAD, "           ",
            "%s where the kernel has no config_acs= (before 6.11; clears all redirects there, and leaves "
            "the rest as firmware did)",
            words->clear_only);
    for (size_t i = 0; i < answer->flip_count; i++) {
        if (i && answer->flips[i].function_id == answer->flips[i - 1].function_id)
            continue;
        char *line = acs_wish_setpci(report->before->groups, answer, answer->flips[i].function_id);
        text_buffer_format(out, "%s%s\n", i ? "           " : "At once    ", line);
        free(line);
    }
    text_wrap(out, LEAD, "           ",
              "(setpci changes the hardware; the kernel keeps its groups until it boots)");
}

struct text_opened {
    const struct wish_report *report;
    struct text_buffer *out;
    uint64_t shown;
};

static void text_open_pair(void *data, uint32_t source_id, uint32_t target_id,
                           const struct reach_result *result, bool leak)
{
    struct text_opened *text = data;
    const struct group_decision *decisions = text->report->before->groups->decisions;
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    if (text->shown++ >= PAIRS_SHOWN)
        return;
    text_buffer_format(text->out, "           %s -> %s at %s, %s", name(text->report, source_id, source),
                       name(text->report, target_id, target), name(text->report, result->at_id, at),
                       route_rule_name(result->rule));
    if (leak)
        text_buffer_format(text->out, ", groups %u and %u", decisions[source_id].group,
                           decisions[target_id].group);
    text_buffer_add(text->out, "\n");
}

/* Groups after the boot that hold what were several before, or the reverse. */
static void text_groups(const struct wish_report *report, struct text_buffer *out)
{
    const struct iommu_groups *before = report->before->groups, *after = report->after->groups;
    uint32_t shown = 0;
    for (uint32_t g = 0; g < after->group_count; g++) {
        const struct iommu_group *group = &after->groups[g];
        bool mixed = false;
        for (uint32_t i = 1; i < group->member_count; i++)
            mixed |= before->decisions[group->members[i]].group != before->decisions[group->members[0]].group;
        if (!mixed || shown++ >= GROUPS_SHOWN)
            continue;
        struct text_buffer list = {0};
        group_words_list(report->before->topology, group->members, group->member_count, NAMED, &list);
        text_wrap(out, LEAD, shown == 1 ? "Groups     " : "           ", "one now: %s",
                  text_buffer_get(&list));
        text_buffer_fini(&list);
    }
    if (shown > GROUPS_SHOWN)
        text_buffer_format(out, "           ... and %u more merged groups\n", shown - GROUPS_SHOWN);
    uint32_t id = report->wish->a_id, number = after->decisions[id].group;
    if (report->wish->kind != ACS_WISH_ISOLATED || number == NONE)
        return;
    struct text_buffer list = {0};
    char a[BDF_TEXT_SIZE];
    group_words_list(report->before->topology, after->groups[number].members,
                     after->groups[number].member_count, NAMED, &list);
    if (after->groups[number].member_count == 1) {
        text_wrap(out, LEAD, "Groups     ", "%s has a group of its own", name(report, id, a));
    } else {
        text_wrap(out, LEAD, "Groups     ", "the kernel, which asks for more, keeps %s with %s",
                  name(report, id, a), text_buffer_get(&list));
        list.length = 0;
        group_explain_cause_brief(after, id, &list);
        text_wrap(out, LEAD, "           ", "because %s", text_buffer_get(&list));
    }
    text_buffer_fini(&list);
}

static void text_cost(const struct wish_report *report, struct text_buffer *out)
{
    struct opened opened;
    struct text_opened text = {report, out, 0};
    open_begin(&opened, report);
    each_opened(&opened, report, NULL, NULL);
    if (opened.pairs)
        text_wrap(out, LEAD, "Cost       ",
                  "%" PRIu64 " pair%s reach past the IOMMU that did not, %" PRIu64
                  " of them across groups as they are now",
                  opened.pairs, opened.pairs == 1 ? "" : "s", opened.leaks);
    else
        text_wrap(out, LEAD, "Cost       ", "no pair reaches another that did not before");
    each_opened(&opened, report, text_open_pair, &text);
    if (opened.pairs > PAIRS_SHOWN)
        text_buffer_format(out, "           ... and %" PRIu64 " more\n", opened.pairs - PAIRS_SHOWN);
    arena_free(opened.arena);
    if (report->after)
        text_groups(report, out);
}

/* The kernel's peer-to-peer code has its own conditions. */
static void text_kernel(const struct wish_report *report, struct text_buffer *out)
{
    const struct machine_view *view = report->after ? report->after : report->before;
    uint32_t client = report->wish->a_id, provider = report->wish->b_id;
    if (report->wish->kind == ACS_WISH_ISOLATED)
        return;
    struct p2pdma_verdict verdict = p2pdma_ask(view->groups, P2PDMA_CPU_GUESS, provider, client);
    char at[BDF_TEXT_SIZE];
    if (verdict.map == P2PDMA_BUS_ADDRESS)
        text_wrap(out, LEAD, "p2pdma     ", "the kernel then hands out bus addresses for this pair");
    else if (verdict.meeting_id == NONE)
        text_wrap(out, LEAD, "p2pdma     ", "%s: the kernel sees no switch above both",
                  p2pdma_map_name(verdict.map));
    else
        text_wrap(out, LEAD, "p2pdma     ",
                  "%s: the kernel also wants ReqRedir, CmpltRedir and EgressCtrl off at %s%s",
                  p2pdma_map_name(verdict.map), name(report, verdict.redirector_id, at),
                  verdict.redirector_count > 1 ? " and others (reach --p2pdma lists them)" : "");
}

void wish_report_text(const struct wish_report *report, struct text_buffer *out)
{
    const struct acs_wish_answer *answer = report->answer;
    text_wish(report, out);
    if (answer->outcome == ACS_WISH_SENSELESS) {
        text_wrap(out, LEAD, "Answer     ", "not applicable: %s", reach_absence_text(answer->absence));
        return;
    }
    if (answer->outcome == ACS_WISH_IMPOSSIBLE) {
        text_stuck(report, out);
        return;
    }
    if (answer->flip_count == 0) {
        text_wrap(out, LEAD, "Answer     ", "it is so already: no bit has to change");
    } else {
        text_flips(report, out);
        text_no_ats(report, out);
        text_words(report, out);
        text_cost(report, out);
    }
    text_kernel(report, out);
}

void wish_report_tsv(const struct wish_report *report, struct text_buffer *out)
{
    for (size_t i = 0; i < report->answer->flip_count; i++) {
        const struct acs_flip *flip = &report->answer->flips[i];
        char at[BDF_TEXT_SIZE], bits[ACS_BITS_TEXT];
        text_buffer_format(out, "%s\t%s\t%s\n", flip->set ? "set" : "clear",
                           group_words_address(report->before->topology, flip->function_id, at),
                           acs_bits_print(bits, flip->bit));
    }
}

/* ---- JSON ---- */

static void json_flips(const struct wish_report *report, struct text_buffer *out)
{
    text_buffer_add(out, ",\n  \"bits\": [");
    for (size_t i = 0; i < report->answer->flip_count; i++) {
        const struct acs_flip *flip = &report->answer->flips[i];
        char bits[ACS_BITS_TEXT];
        text_buffer_add(out, i ? ",\n    {" : "\n    {");
        reach_path_json_bdf(report->before->topology, "function", flip->function_id, out);
        text_buffer_format(out, ", \"bit\": \"%s\", \"to\": %u}", acs_bits_print(bits, flip->bit), flip->set);
    }
    text_buffer_add(out, report->answer->flip_count ? "\n  ]" : "]");
}

static void json_words(const struct wish_report *report, struct text_buffer *out)
{
    const struct acs_wish_answer *answer = report->answer;
    text_buffer_add(out, ",\n  \"boot_with\": ");
    if (report->words->parameter)
        text_buffer_json_string(out, report->words->parameter);
    else
        text_buffer_add(out, "null");
    text_buffer_add(out, ",\n  \"setpci\": [");
    for (size_t i = 0; i < answer->flip_count; i++) {
        if (i && answer->flips[i].function_id == answer->flips[i - 1].function_id)
            continue;
        char *line = acs_wish_setpci(report->before->groups, answer, answer->flips[i].function_id);
        text_buffer_format(out, i ? ",\n    \"%s\"" : "\n    \"%s\"", line);
        free(line);
    }
    text_buffer_add(out, answer->flip_count ? "\n  ]" : "]");
}

struct json_opened {
    const struct wish_report *report;
    struct text_buffer *out;
    bool any;
};

static void json_open_pair(void *data, uint32_t source_id, uint32_t target_id,
                           const struct reach_result *result, bool leak)
{
    struct json_opened *json = data;
    const struct topology *topology = json->report->before->topology;
    text_buffer_add(json->out, json->any ? ",\n    {" : "\n    {");
    json->any = true;
    reach_path_json_bdf(topology, "source", source_id, json->out);
    text_buffer_add(json->out, ", ");
    reach_path_json_bdf(topology, "target", target_id, json->out);
    text_buffer_add(json->out, ", ");
    reach_path_json_bdf(topology, "at", result->at_id, json->out);
    text_buffer_format(json->out, ", \"rule\": \"%s\", \"leak\": %s}", route_rule_name(result->rule),
                       leak ? "true" : "false");
}

static void json_cost(const struct wish_report *report, struct text_buffer *out)
{
    struct opened opened;
    struct json_opened json = {report, out, false};
    open_begin(&opened, report);
    text_buffer_add(out, ",\n  \"opened\": [");
    each_opened(&opened, report, json_open_pair, &json);
    text_buffer_add(out, json.any ? "\n  ]" : "]");
    arena_free(opened.arena);
}

static void json_stuck(const struct wish_report *report, struct text_buffer *out)
{
    const struct acs_wish_stuck *stuck = &report->answer->stuck;
    const struct topology *topology = report->before->topology;
    text_buffer_add(out, ",\n  \"blame\": {");
    reach_path_json_bdf(topology, "at", stuck->result.at_id, out);
    text_buffer_format(out, ", \"rule\": \"%s\", \"why\": \"%s\", ", route_rule_name(stuck->result.rule),
                       blame(report));
    reach_path_json_bdf(topology, "source", stuck->source_id, out);
    text_buffer_add(out, ", ");
    reach_path_json_bdf(topology, "target", stuck->target_id, out);
    text_buffer_add(out, "}");
}

void wish_report_json(const struct wish_report *report, struct text_buffer *out)
{
    static const char *const kinds[] = {"direct", "direct-writes", "isolated"};
    static const char *const outcomes[] = {"granted", "impossible", "not-applicable"};
    const struct acs_wish_answer *answer = report->answer;
    text_buffer_format(out, "{\n  \"format\": \"iommusim-wish/1\",\n  \"wish\": {\"kind\": \"%s\", ",
                       kinds[report->wish->kind]);
    reach_path_json_bdf(report->before->topology, "a", report->wish->a_id, out);
    text_buffer_add(out, ", ");
    reach_path_json_bdf(report->before->topology, "b", report->wish->b_id, out);
    text_buffer_format(out, "},\n  \"outcome\": \"%s\"", outcomes[answer->outcome]);
    if (report->wish->kind == ACS_WISH_ISOLATED)
        text_buffer_format(out, ",\n  \"judged\": [\"write\"%s]",
                           answer->translated_too ? ", \"write:translated\"" : "");
    if (answer->outcome == ACS_WISH_IMPOSSIBLE)
        json_stuck(report, out);
    if (answer->outcome == ACS_WISH_GRANTED) {
        text_buffer_format(out, ",\n  \"smallest\": %s", answer->smallest ? "true" : "false");
        json_flips(report, out);
        json_words(report, out);
        json_cost(report, out);
    }
    text_buffer_add(out, "\n}\n");
}
