/* SPDX-License-Identifier: MIT */
/* Why a function changed its group: the kernel's decision before, the one after, and the port whose isolation
 * made the difference. */
#include "sim/analysis/group_explain.h"
#include "sim/analysis/machine_diff.h"

#include <string.h>

/* Id after of a function before; NONE stays NONE. */
static uint32_t twin_after(const struct machine_diff *diff, uint32_t before_id)
{
    return before_id == NONE ? NONE : diff->match.to_after[before_id];
}

static uint32_t twin_before(const struct machine_diff *diff, uint32_t after_id)
{
    return after_id == NONE ? NONE : diff->match.to_before[after_id];
}

/* Both point at the same function, or both at none. A function that is in one machine only is no one's twin.
 */
static bool same_function(const struct machine_diff *diff, uint32_t before_id, uint32_t after_id)
{
    if (before_id == NONE || after_id == NONE)
        return before_id == after_id;
    return diff->match.to_after[before_id] == after_id;
}

bool diff_decision_differs(const struct machine_diff *diff, uint32_t row)
{
    const struct diff_row *at = &diff->rows[row];
    if (at->before_id == NONE || at->after_id == NONE)
        return true;
    const struct group_decision *before = &diff->before->groups->decisions[at->before_id];
    const struct group_decision *after = &diff->after->groups->decisions[at->after_id];
    return before->rule != after->rule || !same_function(diff, before->via, after->via) ||
           !same_function(diff, before->culprit, after->culprit);
}

/* The same rule and the same function to blame. @p a and @p b are ids of one machine, or NONE. */
static bool same_cause(const struct machine_view *view, uint32_t a, uint32_t b)
{
    if (a == NONE || b == NONE)
        return a == b;
    const struct group_decision *x = &view->groups->decisions[a], *y = &view->groups->decisions[b];
    if (x->rule == GROUP_RULE_NONE)
        return y->rule == GROUP_RULE_NONE &&
               view->groups->coverage->functions[a].reason == view->groups->coverage->functions[b].reason;
    return x->rule == y->rule && x->culprit == y->culprit && x->via == y->via;
}

bool diff_same_reason(const struct machine_diff *diff, uint32_t row, uint32_t other)
{
    const struct diff_row *a = &diff->rows[row], *b = &diff->rows[other];
    return same_cause(diff->before, a->before_id, b->before_id) &&
           same_cause(diff->after, a->after_id, b->after_id);
}

static void add_function(const struct machine_view *view, uint32_t id, struct text_buffer *text)
{
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *function = &view->topology->functions[id];
    text_buffer_format(text, "%s (%s)", bdf_print(bdf, function->segment, function->bus, function->devfn),
                       function_kind_name(function));
}

/* "0000:00:01.2 (root-port) counts as isolated now: its ACS control has all the bits it offers" */
static void add_turn(const struct machine_view *view, uint32_t id, const char *verb, struct text_buffer *text)
{
    char clause[ACS_VERDICT_TEXT];
    text_buffer_add(text, text->length ? "; " : "");
    add_function(view, id, text);
    text_buffer_format(text, " %s: %s", verb, acs_verdict_print(clause, &view->groups->verdicts[id]));
}

/* What the culprit of the old decision is now, and what that of the new one was before. */
static void add_because(const struct machine_diff *diff, const struct group_decision *before,
                        const struct group_decision *after, struct text_buffer *text)
{
    uint32_t old_culprits[] = {before->culprit, before->rule == GROUP_RULE_SLOT ? before->via : NONE};
    uint32_t new_culprits[] = {after->culprit, after->rule == GROUP_RULE_SLOT ? after->via : NONE};
    for (unsigned i = 0; i < 2; i++) {
        uint32_t now = twin_after(diff, old_culprits[i]), then = twin_before(diff, new_culprits[i]);
        if (now != NONE && diff->after->groups->verdicts[now].isolated)
            add_turn(diff->after, now, "counts as isolated now", text);
        if (then != NONE && diff->before->groups->verdicts[then].isolated)
            add_turn(diff->before, then, "counted as isolated before", text);
    }
}

void diff_reason(const struct machine_diff *diff, uint32_t row, struct text_buffer *before,
                 struct text_buffer *after, struct text_buffer *because)
{
    const struct diff_row *at = &diff->rows[row];
    if (at->before_id != NONE)
        group_explain(diff->before->groups, at->before_id, before);
    if (at->after_id != NONE)
        group_explain(diff->after->groups, at->after_id, after);
    if (at->before_id == NONE || at->after_id == NONE)
        return;
    const struct group_decision *old = &diff->before->groups->decisions[at->before_id];
    const struct group_decision *new = &diff->after->groups->decisions[at->after_id];
    if (!diff_decision_differs(diff, row))
        return;
    add_because(diff, old, new, because);
    const struct pci_function *function = &diff->after->topology->functions[at->after_id];
    const struct pci_function *above = topology_parent(diff->after->topology, function);
    if (diff->match.kind[at->before_id] == MATCH_MOVED && above)
        add_turn(diff->after, above->id, "is above it now", because);
    enum group_algorithm then = diff->before->groups->platform.algorithm,
                         now = diff->after->groups->platform.algorithm;
    if (because->length == 0 && then != now)
        text_buffer_format(because, "the rule set is %s now, not %s", group_algorithm_name(now),
                           group_algorithm_name(then));
}
