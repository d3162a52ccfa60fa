/* SPDX-License-Identifier: MIT */
/* Pairs that reach past the IOMMU, those that pass the same port by the same rule together. */
#include "sim/output/diff_report.h"
#include "sim/output/diff_text.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PAIRS_LISTED = 12, CROWD_LISTED = 30 };

/* One line to be: a pair, told with addresses of one machine. */
struct told_pair {
    uint32_t source_id, target_id, at_id;
    uint8_t kind, rule, leak;
    size_t order;
};

static int compare_told(const void *left, const void *right)
{
    const struct told_pair *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->at_id != b->at_id)
        return a->at_id < b->at_id ? -1 : 1;
    if (a->rule != b->rule)
        return a->rule < b->rule ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* What passes one port by one rule. @return how many */
static size_t text_crowd(const struct machine_view *view, const struct told_pair *pairs, size_t count,
                         const char *lead, struct text_buffer *out)
{
    char at[BDF_TEXT_SIZE], source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE];
    size_t length = 0;
    while (length < count && pairs[length].kind == pairs[0].kind && pairs[length].at_id == pairs[0].at_id &&
           pairs[length].rule == pairs[0].rule)
        length++;
    text_buffer_format(out, "\n  %s, %zu pair%s%s%s by %s: %s\n", lead, length, length == 1 ? "" : "s",
                       pairs[0].at_id == NONE ? " through the root complex" : " at ",
                       pairs[0].at_id == NONE ? "" : diff_address(view, pairs[0].at_id, at),
                       route_rule_name(pairs[0].rule), route_rule_text(pairs[0].rule));
    for (size_t i = 0; i < length && i < PAIRS_LISTED; i++) {
        text_buffer_format(out, "    %s -> %s%s\n", diff_address(view, pairs[i].source_id, source),
                           diff_address(view, pairs[i].target_id, target),
                           pairs[i].leak == REACH_LEAK      ? "  [leak]"
                           : pairs[i].leak == REACH_VOUCHED ? "  [a kernel quirk has the vendor's word "
                                                              "that it does not]"
                                                            : "");
    }
    if (length > PAIRS_LISTED)
        text_buffer_format(out, "    ... and %zu more (--format tsv lists all)\n", length - PAIRS_LISTED);
    return length;
}

static void text_crowds(const struct machine_view *const *views, struct told_pair *pairs, size_t count,
                        const char *const *leads, struct text_buffer *out)
{
    unsigned crowds = 0;
    if (count)
        qsort(pairs, count, sizeof(*pairs), compare_told);
    for (size_t i = 0; i < count && crowds < CROWD_LISTED; crowds++)
        i += text_crowd(views[pairs[i].kind], &pairs[i], count - i, leads[pairs[i].kind], out);
    if (crowds == CROWD_LISTED)
        text_buffer_add(out, "\n  ... and more (--format tsv lists all)\n");
}

/* Does the input tell where anything is? Without addresses nobody reaches anybody. */
static bool any_target(const struct machine_view *view)
{
    for (uint32_t id = 0; id < view->topology->function_count; id++) {
        if (view->reach->fabric->nodes[id].bar_count)
            return true;
    }
    return false;
}

void diff_text_leaks(const struct machine_diff *diff, struct text_buffer *out)
{
    static const char *const leads[LEAK_CHANGES] = {
        [LEAK_OPENED] = "newly reach",
        [LEAK_CLOSED] = "reach no more",
        [LEAK_EXPOSED] = "reached before, and are in different groups now",
        [LEAK_CONTAINED] = "still reach, but are no longer in different groups",
    };
    const struct machine_view *views[LEAK_CHANGES];
    text_buffer_format(out,
                       "\nLeaks      pairs that reach another group past the IOMMU: %" PRIu64
                       " before, %" PRIu64 " after; all that reach anyone: %" PRIu64 " before, %" PRIu64
                       " after\n",
                       diff->leaks_before, diff->leaks_after, diff->reaches_before, diff->reaches_after);
    if (!any_target(diff->before) && !any_target(diff->after))
        text_buffer_add(out, "  the input tells no address of any memory BAR: nothing can be said here\n");
    struct told_pair *pairs = memory_array(diff->leak_change_count + 1, sizeof(*pairs));
    for (size_t i = 0; i < diff->leak_change_count; i++) {
        const struct leak_change *change = &diff->leak_changes[i];
        views[change->kind] = diff_leak_view(diff, change);
        pairs[i] = (struct told_pair){diff_leak_function(diff, change, change->source),
                                      diff_leak_function(diff, change, change->target),
                                      change->at_id,
                                      change->kind,
                                      change->rule,
                                      change->leak,
                                      i};
    }
    text_crowds(views, pairs, diff->leak_change_count, leads, out);
    free(pairs);
}

/* Groups the option makes of one proven group. */
static void text_claims(const struct override_exposure *exposure, const struct iommu_group *group,
                        struct text_buffer *out)
{
    const struct machine_view *claimed = exposure->claimed;
    uint32_t *members = memory_array(group->member_count + 1U, sizeof(*members));
    bool *told = memory_array(group->member_count + 1U, sizeof(*told));
    text_buffer_format(out, "    proven  %5u  ", group->number);
    diff_text_addresses(claimed, group->members, group->member_count, 19, out);
    bool first = true;
    for (uint32_t i = 0; i < group->member_count; i++) {
        uint32_t count = 0, number = claimed->groups->decisions[group->members[i]].group;
        if (told[i])
            continue;
        for (uint32_t j = i; j < group->member_count; j++) {
            if (claimed->groups->decisions[group->members[j]].group != number)
                continue;
            told[j] = true;
            members[count++] = group->members[j];
        }
        text_buffer_format(out, "    %-8s%5u  ", first ? "claimed" : "", number);
        diff_text_addresses(claimed, members, count, 19, out);
        first = false;
    }
    free(members);
    free(told);
}

static bool is_split(const struct override_exposure *exposure, const struct iommu_group *group)
{
    const struct group_decision *claimed = exposure->claimed->groups->decisions;
    for (uint32_t i = 1; i < group->member_count; i++) {
        if (claimed[group->members[i]].group != claimed[group->members[0]].group)
            return true;
    }
    return false;
}

void diff_text_override(const struct override_exposure *exposure, struct text_buffer *out)
{
    static const char *const lead = "claimed to be separate";
    const struct iommu_groups *proven = exposure->proven.groups;
    uint64_t kept = exposure->separated - exposure->separated_exposed - exposure->separated_silent;
    text_buffer_format(
        out,
        "\nOverride   pcie_acs_override claims %u groups, the hardware proves %u. It changes what "
        "the kernel believes, nothing else.\n"
        "           Pairs of functions it separates: %" PRIu64 "\n"
        "           %6" PRIu64 "  one reaches the other past the IOMMU all the same\n"
        "           %6" PRIu64 "  the fabric keeps apart\n"
        "           %6" PRIu64 "  neither sends to an address of the other\n",
        exposure->claimed->groups->group_count, proven->group_count, exposure->separated,
        exposure->separated_exposed, kept, exposure->separated_silent);
    for (uint32_t i = 0; i < proven->group_count; i++) {
        if (is_split(exposure, &proven->groups[i]))
            text_claims(exposure, &proven->groups[i], out);
    }
    struct told_pair *pairs = memory_array(exposure->pair_count + 1, sizeof(*pairs));
    for (size_t i = 0; i < exposure->pair_count; i++) {
        const struct exposed_pair *pair = &exposure->pairs[i];
        pairs[i] =
            (struct told_pair){pair->source_id, pair->target_id, pair->at_id, 0, pair->rule, REACH_LEAK, i};
    }
    text_crowds(&exposure->claimed, pairs, exposure->pair_count, &lead, out);
    free(pairs);
}
