/* SPDX-License-Identifier: MIT */
/* Every ordered pair of functions, asked about in both machines. */
#include "sim/analysis/machine_diff.h"

#include "sim/analysis/reach_alike.h"
#include "sim/base/arena.h"

#include <stdlib.h>

/* A machine, asked source by source. */
struct side {
    const struct machine_view *view;
    struct reach_table *table;
};

struct sides {
    struct side before, after;
};

/* The answer of one machine. */
struct answer {
    struct reach_result result;
    enum reach_leak leak;
    bool reaches;
};

static struct answer ask(const struct side *side, uint32_t source_id, uint32_t target_id)
{
    struct answer answer = {.leak = REACH_NO_LEAK};
    if (source_id == NONE || target_id == NONE)
        return answer;
    answer.reaches = reach_table_outcome(side->table, source_id, target_id) == REACH_REACHES;
    if (answer.reaches) {
        answer.result = reach_table_ask(side->table, source_id, target_id);
        answer.leak = reach_leak(side->view->groups, &answer.result, source_id, target_id);
    }
    return answer;
}

static void add_change(struct machine_diff *diff, size_t *capacity, struct leak_change change)
{
    diff->leak_changes =
        memory_grow(diff->leak_changes, diff->leak_change_count, capacity, sizeof(*diff->leak_changes));
    diff->leak_changes[diff->leak_change_count++] = change;
    diff->leak_counts[change.kind]++;
    diff->leak_counts_leaking[change.kind] += change.leak == REACH_LEAK;
}

static void compare_pair(struct machine_diff *diff, const struct sides *sides, size_t *capacity,
                         uint32_t source, uint32_t target)
{
    const struct diff_row *from = &diff->rows[source], *to = &diff->rows[target];
    struct answer before = ask(&sides->before, from->before_id, to->before_id);
    struct answer after = ask(&sides->after, from->after_id, to->after_id);
    enum leak_change_kind kind;
    diff->reaches_before += before.reaches;
    diff->reaches_after += after.reaches;
    diff->leaks_before += before.leak == REACH_LEAK;
    diff->leaks_after += after.leak == REACH_LEAK;
    if (before.reaches != after.reaches)
        kind = after.reaches ? LEAK_OPENED : LEAK_CLOSED;
    else if (before.reaches && before.leak != REACH_LEAK && after.leak == REACH_LEAK)
        kind = LEAK_EXPOSED;
    else if (before.reaches && before.leak == REACH_LEAK && after.leak != REACH_LEAK)
        kind = LEAK_CONTAINED;
    else
        return;
    const struct answer *reaching = kind == LEAK_CLOSED ? &before : &after;
    add_change(diff, capacity,
               (struct leak_change){
                   .source = source,
                   .target = target,
                   .kind = (uint8_t)kind,
                   .leak = (uint8_t)reaching->leak,
                   .rule = (uint8_t)reaching->result.rule,
                   .at_id = reaching->result.at_id,
               });
}

/* Issues the function of a row requests in either machine? */
static bool row_issues(const struct machine_diff *diff, uint32_t row)
{
    const struct diff_row *at = &diff->rows[row];
    return (at->before_id != NONE && reach_issues(&diff->before->topology->functions[at->before_id])) ||
           (at->after_id != NONE && reach_issues(&diff->after->topology->functions[at->after_id]));
}

void leak_diff_find(struct machine_diff *diff)
{
    size_t capacity = 0;
    struct arena *arena = arena_new();
    const struct sides sides = {{diff->before, reach_table_of_writes(arena, diff->before->reach)},
                                {diff->after, reach_table_of_writes(arena, diff->after->reach)}};
    for (uint32_t source = 0; source < diff->row_count; source++) {
        if (!row_issues(diff, source))
            continue;
        for (uint32_t target = 0; target < diff->row_count; target++) {
            if (source != target)
                compare_pair(diff, &sides, &capacity, source, target);
        }
    }
    arena_free(arena);
}

const char *leak_change_name(enum leak_change_kind kind)
{
    static const char *const names[LEAK_CHANGES] = {"opened", "closed", "exposed", "contained"};
    return names[kind];
}
