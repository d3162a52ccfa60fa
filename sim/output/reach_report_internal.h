/* SPDX-License-Identifier: MIT */
/* What the writers of reach_report.h share. */
#ifndef IOMMUSIM_OUTPUT_REACH_REPORT_INTERNAL_H
#define IOMMUSIM_OUTPUT_REACH_REPORT_INTERNAL_H

#include "sim/analysis/reach_alike.h"
#include "sim/output/reach_report.h"

enum { REACH_REPORT_LINES = 500, REACH_REPORT_HOPS = 64 };

/** Turns of one kind at one function. */
struct turn_count {
    uint64_t pairs, leaks;
};

/** What came of one kind of request. */
struct way_count {
    uint64_t pairs[REACH_OUTCOMES], leaks;
};

struct report {
    const struct reach *reach;
    const struct iommu_groups *groups;
    const struct topology *topology;
    const struct reach_question *question;
    const struct reach_way *ways;
    uint32_t way_count;
    struct text_buffer *out;
    struct reach_counts counts;
    struct way_count by_way[REACH_WAYS];
    uint64_t listed;                        /**< pairs listed so far, printed or beyond REACH_REPORT_LINES */
    struct reach_table *tables[REACH_WAYS]; /**< [way] */
    struct turn_count *turns;               /**< [function, the root complex last][rule] */
    bool rules_seen[RULE_COUNT];            /**< in lines printed */
};

/** A pair and its answer. */
struct pair {
    uint32_t source_id, target_id;
    struct reach_way way;
    struct reach_result result;
    enum reach_leak leak;
};

/** A pair asked for by name is told hop by hop. */
static inline bool report_one_pair(const struct report *report)
{
    const struct reach_question *question = report->question;
    return question->source_id != NONE && question->target_id != NONE && !question->summary_only;
}

/** The turns at function @p id; NONE: at the root complex. */
static inline const struct turn_count *report_turns(const struct report *report, uint32_t id)
{
    uint32_t row = id == NONE ? report->topology->function_count : id;
    return &report->turns[(size_t)row * RULE_COUNT];
}

/** Follow the request of @p pair again. @return hops filled, at most REACH_REPORT_HOPS */
uint32_t report_hops(const struct report *report, const struct pair *pair, struct reach_hop *hops);

void reach_report_text_pair(struct report *report, const struct pair *pair);
void reach_report_text_summary(struct report *report);
void reach_report_json_begin(struct report *report);
void reach_report_json_pair(struct report *report, const struct pair *pair);
void reach_report_json_summary(struct report *report);

#endif
