/* SPDX-License-Identifier: MIT */
/* For people. Functions that share a reason share a paragraph; pairs that pass the same port by the same rule
 * stand together (diff_text_leaks.c). */
#include "sim/output/diff_report.h"

#include "sim/output/diff_cost.h"
#include "sim/output/diff_text.h"
#include "sim/output/function_label.h"

#include <stdlib.h>
#include <string.h>

enum { LISTED = 40, NAMED_TOGETHER = 6, WIDTH = 110, NUMBERS = 12 };

void diff_text_addresses(const struct machine_view *view, const uint32_t *ids, uint32_t count,
                         unsigned indent, struct text_buffer *out)
{
    size_t column = indent;
    for (uint32_t i = 0; i < count; i++) {
        char bdf[BDF_TEXT_SIZE];
        const char *text = diff_address(view, ids[i], bdf);
        if (column + strlen(text) > WIDTH) {
            text_buffer_format(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        text_buffer_format(out, "%s%s", column > indent ? " " : "", text);
        column += strlen(text) + 1;
    }
    text_buffer_add(out, "\n");
}

/* "groups 0, 1 and 4" */
static void text_numbers(const uint32_t *numbers, uint32_t count, struct text_buffer *out)
{
    text_buffer_add(out, count == 1 ? "group " : "groups ");
    for (uint32_t i = 0; i < count && i < NUMBERS; i++)
        text_buffer_format(out, "%s%u", i == 0 ? "" : i + 1 == count ? " and " : ", ", numbers[i]);
    if (count > NUMBERS)
        text_buffer_format(out, " and %u more", count - NUMBERS);
}

static void text_heading(const struct group_change *change, struct text_buffer *out)
{
    static const char *const verbs[] = {
        [GROUP_CHANGE_SPLIT] = " splits into ",
        [GROUP_CHANGE_MERGE] = " become one, ",
        [GROUP_CHANGE_REARRANGE] = " turn into ",
        [GROUP_CHANGE_MEMBERS] = " has other members now, as ",
        [GROUP_CHANGE_NEW] = " new",
        [GROUP_CHANGE_GONE] = " gone",
    };
    struct text_buffer line = {0};
    bool one_side = change->before_count == 0 || change->after_count == 0;
    if (change->before_count)
        text_numbers(change->before, change->before_count, &line);
    else
        text_numbers(change->after, change->after_count, &line);
    if (one_side)
        text_buffer_add(&line, change->before_count + change->after_count == 1 ? " is" : " are");
    text_buffer_add(&line, verbs[change->kind]);
    if (!one_side)
        text_numbers(change->after, change->after_count, &line);
    line.text[0] = 'G';
    text_buffer_format(out, "\n  %s\n", line.text);
    text_buffer_fini(&line);
}

static void text_side(const struct machine_view *view, const char *lead, const uint32_t *numbers,
                      uint32_t count, struct text_buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct iommu_group *group = &view->groups->groups[numbers[i]];
        text_buffer_format(out, "    %-8s%5u  ", i ? "" : lead, group->number);
        diff_text_addresses(view, group->members, group->member_count, 19, out);
    }
}

/* "0000:01:00.0", or "0000:01:00.0 -> 0000:02:00.0" where the address changed. */
static void text_row(const struct machine_diff *diff, uint32_t row, struct text_buffer *out)
{
    char before[BDF_TEXT_SIZE], after[BDF_TEXT_SIZE];
    const struct diff_row *at = &diff->rows[row];
    diff_address(diff->before, at->before_id, before);
    diff_address(diff->after, at->after_id, after);
    if (at->before_id == NONE || at->after_id == NONE)
        text_buffer_format(out, "%s (%s)", at->before_id == NONE ? after : before, diff_row_word(diff, row));
    else if (strcmp(before, after) == 0)
        text_buffer_add(out, before);
    else
        text_buffer_format(out, "%s -> %s", before, after);
}

static void text_reason(const struct machine_diff *diff, uint32_t row, struct text_buffer *out)
{
    static const char *const leads[] = {"before", "after", "because"};
    struct text_buffer texts[3] = {{0}, {0}, {0}};
    diff_reason(diff, row, &texts[0], &texts[1], &texts[2]);
    for (unsigned i = 0; i < 3; i++) {
        if (texts[i].length)
            text_buffer_format(out, "      %-8s %s\n", leads[i], texts[i].text);
        text_buffer_fini(&texts[i]);
    }
}

static void text_reasons(const struct machine_diff *diff, const uint32_t *rows, uint32_t count,
                         struct text_buffer *out)
{
    bool *told = memory_array(count + 1U, sizeof(*told));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t alike = 0;
        if (told[i] || !diff_decision_differs(diff, rows[i]))
            continue;
        text_buffer_add(out, "    ");
        for (uint32_t j = i; j < count; j++) {
            if (told[j] || !diff_same_reason(diff, rows[i], rows[j]))
                continue;
            told[j] = true;
            if (alike++ >= NAMED_TOGETHER)
                continue;
            text_buffer_add(out, alike > 1 ? ", " : "");
            text_row(diff, rows[j], out);
        }
        if (alike > NAMED_TOGETHER)
            text_buffer_format(out, " and %u more", alike - NAMED_TOGETHER);
        text_buffer_add(out, "\n");
        text_reason(diff, rows[i], out);
    }
    free(told);
}

static void text_change(const struct machine_diff *diff, const struct group_change *change,
                        struct text_buffer *out)
{
    text_heading(change, out);
    text_side(diff->before, "before", change->before, change->before_count, out);
    text_side(diff->after, "after", change->after, change->after_count, out);
    text_reasons(diff, change->rows, change->row_count, out);
}

static void append(uint32_t *items, uint32_t *count, const uint32_t *more, uint32_t more_count)
{
    if (more_count)
        memcpy(items + *count, more, more_count * sizeof(*items));
    *count += more_count;
}

/* All groups that are new, or gone, as one paragraph: mostly they share one reason. */
static void text_pooled(const struct machine_diff *diff, enum group_change_kind kind, struct text_buffer *out)
{
    struct group_change pool = {.kind = kind};
    size_t room = (size_t)diff->row_count + 1;
    pool.before = memory_array(room, sizeof(uint32_t));
    pool.after = memory_array(room, sizeof(uint32_t));
    pool.rows = memory_array(room, sizeof(uint32_t));
    for (uint32_t i = 0; i < diff->group_change_count; i++) {
        const struct group_change *change = &diff->group_changes[i];
        if (change->kind != kind)
            continue;
        append(pool.before, &pool.before_count, change->before, change->before_count);
        append(pool.after, &pool.after_count, change->after, change->after_count);
        append(pool.rows, &pool.row_count, change->rows, change->row_count);
    }
    if (pool.row_count)
        text_change(diff, &pool, out);
    free(pool.before);
    free(pool.after);
    free(pool.rows);
}

/* Groups that only have another number, as runs: "3-22 are 4-23 now". */
static void text_relabels(const struct machine_diff *diff, struct text_buffer *out)
{
    for (uint32_t i = 0; i < diff->relabelled_count;) {
        const struct group_relabel *first = &diff->relabelled[i];
        const char *before = group_type_name(diff->before->groups->groups[first->before].type);
        const char *after = group_type_name(diff->after->groups->groups[first->after].type);
        uint32_t length = 1;
        while (i + length < diff->relabelled_count) {
            const struct group_relabel *next = &first[length];
            if (next->before - next->after != first->before - first->after ||
                strcmp(group_type_name(diff->before->groups->groups[next->before].type), before) != 0 ||
                strcmp(group_type_name(diff->after->groups->groups[next->after].type), after) != 0)
                break;
            length++;
        }
        const struct group_relabel *last = &first[length - 1];
        text_buffer_format(out, i ? "\n             " : "\n  relabelled ");
        if (length == 1)
            text_buffer_format(out, "%u is %u now", first->before, first->after);
        else
            text_buffer_format(out, "%u to %u are %u to %u now", first->before, last->before, first->after,
                               last->after);
        if (strcmp(before, after) != 0)
            text_buffer_format(out, ", %s instead of %s", after, before);
        i += length;
    }
    text_buffer_add(out, diff->relabelled_count ? "\n" : "");
}

static void text_groups(const struct machine_diff *diff, struct text_buffer *out)
{
    text_buffer_format(out, "\nGroups     %u before, %u after; %u with the same members",
                       diff->before->groups->group_count, diff->after->groups->group_count,
                       diff->same_groups);
    if (diff->renumbered_groups)
        text_buffer_format(out, " (%u of them with another number)", diff->renumbered_groups);
    if (diff->retyped_groups)
        text_buffer_format(out, " (%u of them of another type)", diff->retyped_groups);
    text_buffer_add(out, "\n");
    for (uint32_t i = 0; i < diff->group_change_count; i++) {
        enum group_change_kind kind = diff->group_changes[i].kind;
        if (kind != GROUP_CHANGE_NEW && kind != GROUP_CHANGE_GONE)
            text_change(diff, &diff->group_changes[i], out);
    }
    text_pooled(diff, GROUP_CHANGE_GONE, out);
    text_pooled(diff, GROUP_CHANGE_NEW, out);
    text_relabels(diff, out);
}

/* Functions that are new, gone, or have another address. */
static void text_functions(const struct machine_diff *diff, struct text_buffer *out)
{
    const struct function_match *match = &diff->match;
    uint32_t listed = 0;
    text_buffer_format(out, "\nFunctions  %u before, %u after", diff->before->topology->function_count,
                       diff->after->topology->function_count);
    const struct {
        uint32_t count;
        const char *words;
    } parts[] = {{match->new, "new"},
                 {match->vanished, "gone"},
                 {match->moved, "moved to another place"},
                 {match->renumbered, "in the same place under another bus number"},
                 {match->replaced, "replaced by another part"}};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].count)
            text_buffer_format(out, ", %u %s", parts[i].count, parts[i].words);
    }
    text_buffer_add(out, "\n");
    for (uint32_t row = 0; row < diff->row_count; row++) {
        const struct diff_row *at = &diff->rows[row];
        const char *word = diff_row_word(diff, row);
        if (strcmp(word, "same") == 0 || listed++ >= LISTED)
            continue;
        const struct pci_function *function = at->after_id == NONE
                                                  ? &diff->before->topology->functions[at->before_id]
                                                  : &diff->after->topology->functions[at->after_id];
        char before[BDF_TEXT_SIZE], after[BDF_TEXT_SIZE];
        text_buffer_format(out, "  %-11s%-13s %2s %-13s  %s\n", word,
                           diff_address(diff->before, at->before_id, before),
                           at->before_id != NONE && at->after_id != NONE ? "->" : "",
                           diff_address(diff->after, at->after_id, after), function_label(function));
    }
    if (listed > LISTED)
        text_buffer_format(out, "  ... and %u more (--format tsv lists all)\n", listed - LISTED);
}

static void text_verdict(const char *when, bool there, enum viability_verdict verdict, const char *reason,
                         struct text_buffer *out)
{
    static const char *const words[] = {
        [VERDICT_VIABLE] = "can be given to a guest",
        [VERDICT_DEPENDS] = "not shown",
        [VERDICT_NOT_VIABLE] = "cannot be given",
    };
    text_buffer_format(out, "      %-8s %s%s%s\n", when, there ? words[verdict] : "not in the machine",
                       there && reason ? ": " : "", there && reason ? reason : "");
}

static void text_viability(const struct diff_report *report, struct text_buffer *out)
{
    const struct viability_diff *viability = report->viability;
    const struct machine_diff *diff = report->diff;
    text_buffer_format(
        out,
        "\nGuests     devices that can be given to a guest while everyone else keeps the driver: %u "
        "before, %u after\n",
        viability->viable_before, viability->viable_after);
    for (uint32_t i = 0; i < viability->change_count; i++) {
        const struct viability_change *change = &viability->changes[i];
        if (i == LISTED) {
            text_buffer_format(out, "    ... and %u more (--format tsv lists all)\n",
                               viability->change_count - LISTED);
            break;
        }
        const struct diff_row *at = &diff->rows[change->rows[0]];
        text_buffer_add(out, "    ");
        text_row(diff, change->rows[0], out);
        if (change->row_count > 1)
            text_buffer_format(out, " and %u more of the slot", change->row_count - 1);
        text_buffer_format(out, "  %s\n",
                           function_label(at->after_id == NONE
                                              ? &diff->before->topology->functions[at->before_id]
                                              : &diff->after->topology->functions[at->after_id]));
        text_verdict("before", change->there_before, change->before, change->reason_before, out);
        text_verdict("after", change->there_after, change->after, change->reason_after, out);
    }
}

void diff_report_text(const struct diff_report *report, struct text_buffer *out)
{
    const struct machine_diff *diff = report->diff;
    text_buffer_format(out, "Before     %s\nAfter      %s\n", report->before, report->after);
    if (!diff_report_any(report)) {
        text_buffer_add(out, "\nNo difference.\n");
    } else {
        text_buffer_add(out, "Summary    ");
        diff_summary(report, out);
        text_buffer_add(out, "\n");
    }
    if (diff_report_machine_any(report)) {
        text_functions(diff, out);
        text_groups(diff, out);
        diff_text_leaks(diff, out);
        text_viability(report, out);
    } else if (diff_report_any(report)) {
        text_buffer_add(out, "\nNo difference in groups, leaks and guests.\n");
    }
    if (report->exposure)
        diff_text_override(report->exposure, out);
    if (report->cost)
        diff_cost_text(report->cost, out);
}
