/* SPDX-License-Identifier: MIT */
/**
 * @file machine_diff.h
 * Two machines, or one before and after a change, compared: who shares a group with whom, who reaches whom
 * past the IOMMU.
 *
 * Functions are compared, not numbers: a group that only got another number is the same group. What hangs
 * together is told together: groups of both sides that share members, directly or through others, are one
 * change ("group 0 splits into 0, 1 and 2").
 *
 * function_match.h finds functions again, machine_diff.c compares groups, diff_reason.c says why, leak_diff.c
 * compares reach.
 */
#ifndef IOMMUSIM_ANALYSIS_MACHINE_DIFF_H
#define IOMMUSIM_ANALYSIS_MACHINE_DIFF_H

#include "sim/analysis/function_match.h"
#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/reach.h"
#include "sim/base/text_buffer.h"

/** One machine with its answers. */
struct machine_view {
    const struct topology *topology; /**< borrowed */
    struct iommu_groups *groups;     /**< owned */
    const struct reach *reach;       /**< owned */
    struct arena *arena;
};

/** Answer. Free with machine_view_fini(); @p topology must outlive it. */
void machine_view_init(struct machine_view *view, const struct topology *topology,
                       const struct group_options *options, struct diagnostics *diagnostics);
void machine_view_fini(struct machine_view *view);

/** A function of either machine, or of both. */
struct diff_row {
    uint32_t before_id, after_id; /**< NONE where it is not in that machine */
};

enum group_change_kind {
    GROUP_CHANGE_SPLIT,     /**< one group became several */
    GROUP_CHANGE_MERGE,     /**< several became one */
    GROUP_CHANGE_REARRANGE, /**< several became several, and members crossed */
    GROUP_CHANGE_MEMBERS,   /**< one stayed one: members came or went */
    GROUP_CHANGE_NEW,       /**< none of its members was in a group */
    GROUP_CHANGE_GONE,      /**< none of its members is in a group any more */
};

/** Groups that changed and hang together. */
struct group_change {
    enum group_change_kind kind;
    uint32_t *before, *after; /**< group numbers, ascending */
    uint32_t before_count, after_count;
    uint32_t *rows; /**< their members of either side, indexes in machine_diff.rows, ascending */
    uint32_t row_count;
};

/** A group with the same members in both machines, but with another number or type. */
struct group_relabel {
    uint32_t before, after; /**< its numbers */
};

/** What became of an ordered pair of functions. */
enum leak_change_kind {
    LEAK_OPENED,    /**< reaches untranslated, and did not */
    LEAK_CLOSED,    /**< reached, and does not any more */
    LEAK_EXPOSED,   /**< reached before; now its ends are in different groups, which promise that it cannot */
    LEAK_CONTAINED, /**< still reaches, but its ends are no longer in different groups */
    LEAK_CHANGES,
};

struct leak_change {
    uint32_t source, target; /**< rows */
    uint8_t kind;            /**< enum leak_change_kind */
    uint8_t leak;            /**< enum reach_leak on the side that reaches (after, but for LEAK_CLOSED) */
    uint8_t rule;            /**< enum route_rule that lets it through, on that side */
    uint32_t at_id;          /**< function that applied it, an id of that side; NONE: the root complex */
};

struct machine_diff {
    struct arena *arena;
    const struct machine_view *before, *after; /**< borrowed */
    struct function_match match;
    struct diff_row *rows; /**< by address before; then the new ones by address */
    uint32_t row_count;
    const uint32_t *before_rows, *after_rows; /**< [function id] its row */

    struct group_change *group_changes; /**< by the lowest group number before, new groups last */
    uint32_t group_change_count;
    uint32_t same_groups;             /**< groups with the same members in both */
    struct group_relabel *relabelled; /**< of these, those with another number or type; by number before */
    uint32_t relabelled_count;
    uint32_t renumbered_groups; /**< those with another number */
    uint32_t retyped_groups;    /**< those of another type (DMA, DMA-FQ, identity) */

    struct leak_change *leak_changes; /**< by source row, then target row */
    size_t leak_change_count;
    uint64_t leak_counts[LEAK_CHANGES];         /**< pairs by kind */
    uint64_t leak_counts_leaking[LEAK_CHANGES]; /**< of these, those across groups on the side that reaches */
    uint64_t leaks_before, leaks_after;         /**< pairs across groups that reach */
    uint64_t reaches_before, reaches_after;     /**< all pairs that reach */
};

/**
 * Compare.
 * @param known  [id before] id after or NONE, where the caller knows (see function_match()); else NULL
 * @return the comparison; free with machine_diff_free(). Both views must outlive it.
 */
struct machine_diff *machine_diff_new(const struct machine_view *before, const struct machine_view *after,
                                      const uint32_t *known);
void machine_diff_free(struct machine_diff *diff);

/** True where anything differs that counts as a difference of groups: who is with whom, or in none. Functions
 * that are new or gone count, too. */
bool machine_diff_groups_differ(const struct machine_diff *diff);

/** True where a pair leaks across groups that did not (opened or exposed). */
bool machine_diff_leaks_more(const struct machine_diff *diff);

/** True where functions had groups and none has one now: the IOMMU is gone or off, and what leaked from one
 * group to another is no leak any more only because there are no groups. */
bool machine_diff_unguarded(const struct machine_diff *diff);

/** True where anything differs at all: the above, closed leaks, numbers and types of groups, addresses. */
bool machine_diff_any(const struct machine_diff *diff);

/** The group of a row before or after; NONE without group or function. */
uint32_t diff_group_before(const struct machine_diff *diff, uint32_t row);
uint32_t diff_group_after(const struct machine_diff *diff, uint32_t row);

/** True where the function's own decision differs, so that diff_reason() has something to say about it (in a
 * group that splits, the others were only left behind). */
bool diff_decision_differs(const struct machine_diff *diff, uint32_t row);

/** True where the reasons of two rows of one change would read the same. */
bool diff_same_reason(const struct machine_diff *diff, uint32_t row, uint32_t other);

/** Why a row is where it is, before, after, and what made the difference; each empty where there is nothing
 * to say. Append to the buffers. */
void diff_reason(const struct machine_diff *diff, uint32_t row, struct text_buffer *before,
                 struct text_buffer *after, struct text_buffer *because);

/** Stable words: "split", "merge", "rearrange", "members", "new", "gone". */
const char *group_change_name(enum group_change_kind kind);
/** Stable words: "opened", "closed", "exposed", "contained". */
const char *leak_change_name(enum leak_change_kind kind);

/* Between the parts. */
void leak_diff_find(struct machine_diff *diff);

#endif
