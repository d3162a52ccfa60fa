/* SPDX-License-Identifier: MIT */
/**
 * @file diff_report.h
 * The answer of `iommusim diff` as text, JSON or tab-separated lines. diff_text.c, diff_json.c and diff_tsv.c
 * each write all of it.
 */
#ifndef IOMMUSIM_OUTPUT_DIFF_REPORT_H
#define IOMMUSIM_OUTPUT_DIFF_REPORT_H

#include "sim/analysis/machine_diff.h"
#include "sim/analysis/override_exposure.h"
#include "sim/analysis/viability_diff.h"
#include "sim/batch/cost_comparison.h"

struct diff_report {
    const struct machine_diff *diff;
    const struct viability_diff *viability;
    const struct override_exposure *exposure; /**< NULL where the second machine has no override */
    const struct cost_comparison *cost;       /**< of a workload on both; NULL where none was asked for */
    const char *before, *after;               /**< what the machines are, in words */
};

/** For people: what changed, in words, with the reasons of the kernel; "No difference." where there is none.
 */
void diff_report_text(const struct diff_report *report, struct text_buffer *out);

/** One document "iommusim-diff/1". */
void diff_report_json(const struct diff_report *report, struct text_buffer *out);

/**
 * One line a finding, nothing where there is none. A stable contract; "-" stands for what is not there.
 *
 *     function  KIND    BEFORE AFTER                    new gone renumbered moved replaced; addresses
 *     group     KIND    BEFORE AFTER NUMBER NUMBER      each member of a changed group: its address and group
 *                                                       before and after
 *     relabel   NUMBER  NUMBER TYPE TYPE                a group with the same members, other number or type
 *     leak      KIND    SOURCE TARGET LEAK RULE AT      opened closed exposed contained; LEAK as in `reach`
 *     viable    BEFORE  AFTER FUNCTION,FUNCTION...      a device that can be given to a guest in one machine
 *                                                       and not in the other: viable depends not-viable;
 *                                                       addresses before, of new devices after
 *     override  exposed SOURCE TARGET RULE AT           a pair that pcie_acs_override only pretends to
 * separate cost      FIGURE  BEFORE AFTER                    of the workload that ran on both
 *
 * Sources and targets are addresses of the machine after, for closed ones of the machine before.
 */
void diff_report_tsv(const struct diff_report *report, struct text_buffer *out);

/* Between the writers. */

/** The summary in one sentence: groups, leaks, and the figures of the cost that changed most. */
void diff_summary(const struct diff_report *report, struct text_buffer *out);

/** The address of a function, "-" for NONE. @param bdf  at least BDF_TEXT_SIZE bytes */
const char *diff_address(const struct machine_view *view, uint32_t id, char *bdf);

/** The machine whose addresses and rule a leak change is told in. */
const struct machine_view *diff_leak_view(const struct machine_diff *diff, const struct leak_change *change);
/** The function of a row in that machine. */
uint32_t diff_leak_function(const struct machine_diff *diff, const struct leak_change *change, uint32_t row);

/** What to call the match of a row: match_kind_name(), or "new" or "gone". */
const char *diff_row_word(const struct machine_diff *diff, uint32_t row);

/** True where the machines differ: groups, leaks, what can be given to a guest. */
bool diff_report_machine_any(const struct diff_report *report);

/** True where there is anything to tell: that, or a figure of the cost. */
bool diff_report_any(const struct diff_report *report);

/** A verdict of viable_change, "-" where the device is not there. */
const char *diff_verdict_word(bool there, enum viability_verdict verdict);

/** The address of a function of a change: before, of a new one after. */
const char *diff_viable_address(const struct machine_diff *diff, uint32_t row, char *bdf);

/** "leak", "vouched" or "-". */
const char *diff_leak_word(enum reach_leak leak);

#endif
