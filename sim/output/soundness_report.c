/* SPDX-License-Identifier: MIT */
#include "sim/output/soundness_report.h"

#include "sim/analysis/group_explain.h"
#include "sim/output/group_words.h"
#include "sim/output/reach_path.h"
#include "sim/output/text_wrap.h"

#include <inttypes.h>

enum { PAIRS_SHOWN = 20, MERGES_SHOWN = 20, PARTS_SHOWN = 8, LEAD = 13 };

static uint32_t group_of(const struct soundness *soundness, uint32_t id)
{
    return soundness->groups->decisions[id].group;
}

static const char *name(const struct soundness *soundness, uint32_t id, char *text)
{
    return reach_path_name(soundness->groups->topology, id, text);
}

/* ---- text ---- */

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void text_verdict(const struct soundness *soundness, struct text_buffer *out)
{
    const struct iommu_groups *groups = soundness->groups;
    uint64_t reach = soundness->counts[UNSOUND_REACH], ids = soundness->counts[UNSOUND_ID];
    const struct iommu_platform *platform = &groups->platform;
    text_wrap(out, LEAD, "Groups       ", "%u, by the rules of %s%s", groups->group_count,
              group_algorithm_name(platform->algorithm),
              kernel_cmdline_overrides_acs(&platform->cmdline) ? ", with pcie_acs_override" : "");
    if (groups->group_count == 0) {
        text_wrap(out, LEAD, "Verdict      ", "no groups: the IOMMU is off or missing, nothing is isolated");
        return;
    }
    if (reach + ids == 0)
        text_wrap(out, LEAD, "Verdict      ", "sound: no function reaches one of another group");
    else
        text_wrap(out, LEAD, "Verdict      ",
                  "NOT SOUND: %" PRIu64 " pair%s of functions in %u pair%s of groups meet past the IOMMU",
                  reach + ids, plural(reach + ids), soundness->group_pairs, plural(soundness->group_pairs));
    if (soundness->counts[UNSOUND_VOUCHED])
        text_wrap(out, LEAD, "             ",
                  "%" PRIu64 " more pair%s kept apart by a vendor's word alone (the kernel's quirk list)",
                  soundness->counts[UNSOUND_VOUCHED],
                  soundness->counts[UNSOUND_VOUCHED] == 1 ? " is" : "s are");
    if (soundness->loose_groups)
        text_wrap(out, LEAD, "             ",
                  "pessimistic: %u group%s larger than anything that reaches demands",
                  soundness->loose_groups, soundness->loose_groups == 1 ? " is" : "s are");
    if (soundness->overridden)
        text_wrap(
            out, LEAD, "Override     ",
            "pcie_acs_override has the kernel take %u function%s without ACS for isolated; nothing in the "
            "hardware is changed by it%s",
            soundness->overridden, plural(soundness->overridden),
            reach + ids ? ""
                        : ". That nobody meets here is due to the root complex, which is taken to route "
                          "nothing between its ports, or to functions without memory to reach");
    if (soundness->ungrouped)
        text_wrap(out, LEAD, "Note         ",
                  "%u function%s without a group: what they send is translated by nobody, and no group "
                  "speaks of it",
                  soundness->ungrouped, soundness->ungrouped == 1 ? " is" : "s are");
}

/* "groups 3, 4: 04:00.0 > 02:03.0 > 02:00.0 > 03:00.0" */
static void text_pair(const struct soundness *soundness, const struct unsound_pair *pair,
                      struct text_buffer *out)
{
    struct text_buffer way = {0};
    char a[BDF_TEXT_SIZE], b[BDF_TEXT_SIZE];
    if (pair->kind == UNSOUND_ID) {
        text_buffer_format(&way, "%s and %s send as %02x:%02x.%x", name(soundness, pair->source_id, a),
                           name(soundness, pair->target_id, b), pair->requester_id >> 8,
                           pci_slot((uint8_t)pair->requester_id), pci_func((uint8_t)pair->requester_id));
    } else {
        struct reach_result result = reach_pair(soundness->reach, pair->source_id, pair->target_id);
        reach_path_add(soundness->reach, pair->source_id, &result, &way);
    }
    text_wrap(out, 6, "    ", "groups %u, %u: %s", group_of(soundness, pair->source_id),
              group_of(soundness, pair->target_id), text_buffer_get(&way));
    text_buffer_fini(&way);
}

/* The pairs of one kind and rule, which is said once. */
static void text_rule(const struct soundness *soundness, enum unsound_kind kind, enum route_rule rule,
                      struct text_buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < soundness->pair_count; i++) {
        const struct unsound_pair *pair = &soundness->pairs[i];
        if (pair->kind != kind || (kind != UNSOUND_ID && pair->rule != rule))
            continue;
        if (count == 0 && kind == UNSOUND_ID)
            text_wrap(out, 4, "  ", "one requester id for both: the IOMMU cannot tell them apart");
        else if (count == 0)
            text_wrap(out, 4, "  ", "%s: %s", route_rule_name(rule), route_rule_text(rule));
        if (count++ < PAIRS_SHOWN)
            text_pair(soundness, pair, out);
    }
    if (count > PAIRS_SHOWN)
        text_buffer_format(out, "    ... and %zu more (--format tsv lists all)\n", count - PAIRS_SHOWN);
}

static void text_kind(const struct soundness *soundness, enum unsound_kind kind, struct text_buffer *out)
{
    if (!soundness->counts[kind])
        return;
    if (kind == UNSOUND_ID) {
        text_rule(soundness, kind, RULE_COUNT, out);
        return;
    }
    for (int rule = 0; rule < RULE_COUNT; rule++)
        text_rule(soundness, kind, (enum route_rule)rule, out);
}

static void text_direction(const struct soundness *soundness, uint32_t source_id,
                           const struct reach_result *result, struct text_buffer *out)
{
    char at[BDF_TEXT_SIZE];
    struct text_buffer path = {0};
    if (result->outcome == REACH_NOT_APPLICABLE)
        return;
    reach_path_add(soundness->reach, source_id, result, &path);
    text_wrap(out, 8, "    ", "%s (%s at %s)", text_buffer_get(&path), route_rule_name(result->rule),
              name(soundness, result->at_id, at));
    text_buffer_fini(&path);
}

/* The merges of one group that nothing demands, @p count of them from @p first on. */
static void text_merge(const struct soundness *soundness, const struct loose_merge *first, size_t count,
                       struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    struct text_buffer parts = {0}, cause = {0};
    text_buffer_add(&parts, name(soundness, first->a_id, bdf));
    for (size_t i = 0; i < count && i < PARTS_SHOWN; i++)
        text_buffer_format(&parts, " | %s", name(soundness, first[i].b_id, bdf));
    if (count > PARTS_SHOWN)
        text_buffer_format(&parts, " | %zu more", count - PARTS_SHOWN);
    group_explain_cause_brief(soundness->groups, first->joined_id, &cause);
    text_wrap(out, 4, "  ", "group %u: %s do not meet", first->group, text_buffer_get(&parts));
    text_wrap(out, 6, "    ", "%s joined: %s", name(soundness, first->joined_id, bdf),
              text_buffer_get(&cause));
    text_direction(soundness, first->a_id, &first->there, out);
    text_direction(soundness, first->b_id, &first->back, out);
    text_buffer_fini(&parts);
    text_buffer_fini(&cause);
}

static void text_merges(const struct soundness *soundness, struct text_buffer *out)
{
    size_t shown = 0, doubts[LOOSE_SILENT + 1] = {0};
    for (size_t i = 0; i < soundness->merge_count; i++) {
        const struct loose_merge *first = &soundness->merges[i];
        size_t count = 1;
        doubts[first->doubt]++;
        if (first->doubt != LOOSE_PROVEN ||
            (i && first[-1].doubt == LOOSE_PROVEN && first[-1].group == first->group))
            continue;
        while (i + count < soundness->merge_count && first[count].doubt == LOOSE_PROVEN &&
               first[count].group == first->group)
            count++;
        if (shown == 0)
            text_buffer_add(out, "\nLarger than needed\n");
        if (shown++ < MERGES_SHOWN)
            text_merge(soundness, first, count, out);
    }
    if (shown > MERGES_SHOWN)
        text_buffer_format(out, "  ... and %zu more (--format tsv lists all)\n", shown - MERGES_SHOWN);
    if (doubts[LOOSE_UNDEFINED] || doubts[LOOSE_SILENT])
        text_buffer_add(out, "\n");
    if (doubts[LOOSE_UNDEFINED])
        text_wrap(out, LEAD, "Not judged   ",
                  "%zu merge%s below a port that may or may not send requests back down: ACS UpstreamFwd is "
                  "off or missing, and then the specification leaves it open",
                  doubts[LOOSE_UNDEFINED], plural(doubts[LOOSE_UNDEFINED]));
    if (doubts[LOOSE_SILENT])
        text_wrap(out, LEAD, "Not judged   ",
                  "%zu merge%s of functions without memory to reach, or whose addresses the input does not "
                  "tell",
                  doubts[LOOSE_SILENT], plural(doubts[LOOSE_SILENT]));
}

void soundness_report_text(const struct soundness *soundness, bool summary_only, struct text_buffer *out)
{
    text_verdict(soundness, out);
    if (summary_only)
        return;
    if (!soundness_sound(soundness))
        text_buffer_add(out, "\nUnsound\n");
    text_kind(soundness, UNSOUND_REACH, out);
    text_kind(soundness, UNSOUND_ID, out);
    if (soundness->counts[UNSOUND_VOUCHED])
        text_buffer_add(out, "\nOn a vendor's word\n");
    text_kind(soundness, UNSOUND_VOUCHED, out);
    text_merges(soundness, out);
}

/* ---- tsv ---- */

static void tsv_row(const struct soundness *soundness, const char *what, uint32_t a, uint32_t b,
                    const char *rule, uint32_t at_id, struct text_buffer *out)
{
    char name_a[BDF_TEXT_SIZE], name_b[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    const struct topology *topology = soundness->groups->topology;
    text_buffer_format(out, "%s\t%s\t%s\t%u\t%u\t%s\t%s\n", what, group_words_address(topology, a, name_a),
                       group_words_address(topology, b, name_b), group_of(soundness, a),
                       group_of(soundness, b), rule,
                       at_id == NONE ? "-" : group_words_address(topology, at_id, at));
}

void soundness_report_tsv(const struct soundness *soundness, struct text_buffer *out)
{
    for (size_t i = 0; i < soundness->pair_count; i++) {
        const struct unsound_pair *pair = &soundness->pairs[i];
        tsv_row(soundness, unsound_kind_name((enum unsound_kind)pair->kind), pair->source_id, pair->target_id,
                pair->kind == UNSOUND_ID ? "-" : route_rule_name((enum route_rule)pair->rule), pair->at_id,
                out);
    }
    for (size_t i = 0; i < soundness->merge_count; i++) {
        const struct loose_merge *merge = &soundness->merges[i];
        bool told = merge->there.outcome != REACH_NOT_APPLICABLE;
        tsv_row(soundness, loose_doubt_name(merge->doubt), merge->a_id, merge->b_id,
                told ? route_rule_name(merge->there.rule) : "-", told ? merge->there.at_id : NONE, out);
    }
}

/* ---- JSON ---- */

static void json_functions(const struct soundness *soundness, uint32_t a, uint32_t b, struct text_buffer *out)
{
    const struct topology *topology = soundness->groups->topology;
    reach_path_json_bdf(topology, "source", a, out);
    text_buffer_add(out, ", ");
    reach_path_json_bdf(topology, "target", b, out);
    text_buffer_format(out, ", \"source_group\": %u, \"target_group\": %u", group_of(soundness, a),
                       group_of(soundness, b));
}

static void json_pair(const struct soundness *soundness, const struct unsound_pair *pair,
                      struct text_buffer *out)
{
    text_buffer_format(out, "{\"kind\": \"%s\", ", unsound_kind_name((enum unsound_kind)pair->kind));
    json_functions(soundness, pair->source_id, pair->target_id, out);
    if (pair->kind == UNSOUND_ID) {
        text_buffer_format(out, ", \"requester_id\": \"%02x:%02x.%x\"}", pair->requester_id >> 8,
                           pci_slot((uint8_t)pair->requester_id), pci_func((uint8_t)pair->requester_id));
        return;
    }
    struct reach_result result = reach_pair(soundness->reach, pair->source_id, pair->target_id);
    text_buffer_format(out, ", \"rule\": \"%s\", ", route_rule_name((enum route_rule)pair->rule));
    reach_path_json_bdf(soundness->groups->topology, "at", pair->at_id, out);
    text_buffer_add(out, ", \"hops\": ");
    reach_path_json(soundness->reach, pair->source_id, &result, out);
    text_buffer_add(out, "}");
}

static void json_direction(const struct soundness *soundness, const char *key, uint32_t source_id,
                           const struct reach_result *result, struct text_buffer *out)
{
    if (result->outcome == REACH_NOT_APPLICABLE) {
        text_buffer_format(out, ", \"%s\": null", key);
        return;
    }
    text_buffer_format(out, ", \"%s\": {\"outcome\": \"%s\", \"rule\": \"%s\", \"hops\": ", key,
                       reach_outcome_name(result->outcome), route_rule_name(result->rule));
    reach_path_json(soundness->reach, source_id, result, out);
    text_buffer_add(out, "}");
}

static void json_merge(const struct soundness *soundness, const struct loose_merge *merge,
                       struct text_buffer *out)
{
    struct text_buffer cause = {0};
    text_buffer_format(out, "{\"group\": %u, ", merge->group);
    reach_path_json_bdf(soundness->groups->topology, "source", merge->a_id, out);
    text_buffer_add(out, ", ");
    reach_path_json_bdf(soundness->groups->topology, "target", merge->b_id, out);
    text_buffer_format(out, ", \"kind\": \"%s\", \"cause\": ", loose_doubt_name(merge->doubt));
    group_explain_cause(soundness->groups, merge->joined_id, &cause);
    text_buffer_json_string(out, text_buffer_get(&cause));
    text_buffer_fini(&cause);
    json_direction(soundness, "there", merge->a_id, &merge->there, out);
    json_direction(soundness, "back", merge->b_id, &merge->back, out);
    text_buffer_add(out, "}");
}

void soundness_report_json(const struct soundness *soundness, struct text_buffer *out)
{
    const struct iommu_groups *groups = soundness->groups;
    text_buffer_format(out,
                       "{\n  \"format\": \"iommusim-soundness/1\",\n  \"algorithm\": \"%s\",\n"
                       "  \"override\": %s,\n  \"groups\": %u,\n  \"sound\": %s,\n  \"pairs\": [",
                       group_algorithm_name(groups->platform.algorithm),
                       kernel_cmdline_overrides_acs(&groups->platform.cmdline) ? "true" : "false",
                       groups->group_count, soundness_sound(soundness) ? "true" : "false");
    for (size_t i = 0; i < soundness->pair_count; i++) {
        text_buffer_add(out, i ? ",\n    " : "\n    ");
        json_pair(soundness, &soundness->pairs[i], out);
    }
    text_buffer_format(out, "%s],\n  \"merges\": [", soundness->pair_count ? "\n  " : "");
    for (size_t i = 0; i < soundness->merge_count; i++) {
        text_buffer_add(out, i ? ",\n    " : "\n    ");
        json_merge(soundness, &soundness->merges[i], out);
    }
    text_buffer_format(
        out,
        "%s],\n  \"summary\": {\"reach\": %" PRIu64 ", \"requester_id\": %" PRIu64 ", \"vouched\": %" PRIu64
        ", \"group_pairs\": %u, \"pessimistic_groups\": %u, \"ungrouped\": %u, \"overridden\": "
        "%u}\n}\n",
        soundness->merge_count ? "\n  " : "", soundness->counts[UNSOUND_REACH], soundness->counts[UNSOUND_ID],
        soundness->counts[UNSOUND_VOUCHED], soundness->group_pairs, soundness->loose_groups,
        soundness->ungrouped, soundness->overridden);
}
