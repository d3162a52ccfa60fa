/* SPDX-License-Identifier: MIT */
#include "sim/analysis/group_explain.h"
#include "sim/base/arena.h"
#include "sim/batch/check_findings.h"
#include "sim/batch/point_metrics.h"
#include "sim/output/group_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAKS_NAMED = 3 };

struct judging {
    const struct case_work *work;
    const struct check_policy *policy;
    struct check_findings *findings;
};

#define NOT_MET(judging, id, ...)                                                                            \
    check_findings_add((judging)->findings, CHECK_POLICY, id, (judging)->policy, __VA_ARGS__)

/* The device of a policy, NONE after a finding. */
static uint32_t find_device(const struct judging *judging, uint32_t index)
{
    const char *address = judging->policy->devices[index];
    uint32_t id = case_function(judging->work, address);
    if (id == NONE)
        NOT_MET(judging, NONE, "the machine has no function %s", address);
    return id;
}

static uint32_t group_of(const struct judging *judging, uint32_t id)
{
    return judging->work->simulation.groups->decisions[id].group;
}

/* The functions of "A -> B". */
static void ends_of(const struct case_work *work, const char *pair, uint32_t ends[2])
{
    static const char arrow[] = " -> ";
    char source[BDF_TEXT_SIZE] = "";
    const char *middle = strstr(pair, arrow);
    memcpy(source, pair, (size_t)(middle - pair));
    ends[0] = case_function(work, source);
    ends[1] = case_function(work, middle + strlen(arrow));
}

/* Does a policy forbid this pair? Without devices: any; with some: one end is a device; between some: the
 * ends are in groups of two of them. */
static bool concerns(const struct judging *judging, const char *pair)
{
    const struct check_policy *policy = judging->policy;
    bool between = policy->kind == POLICY_NO_LEAK_BETWEEN, found[2] = {false, false};
    uint32_t ends[2];
    ends_of(judging->work, pair, ends);
    for (uint32_t i = 0; i < policy->device_count; i++) {
        uint32_t id = case_function(judging->work, policy->devices[i]);
        for (size_t end = 0; end < 2 && id != NONE; end++)
            found[end] |= between ? group_of(judging, id) == group_of(judging, ends[end]) : id == ends[end];
    }
    return policy->device_count == 0 || (between ? found[0] && found[1] : found[0] || found[1]);
}

static void judge_leaks(const struct judging *judging)
{
    const struct case_answers *answers = &judging->work->answers;
    size_t leaks = 0;
    struct text_buffer text = {0};
    for (uint32_t i = 0; i < judging->policy->device_count; i++)
        find_device(judging, i);
    for (size_t i = 0; i < answers->leak_count; i++) {
        if (!concerns(judging, answers->leaks[i].pair))
            continue;
        if (leaks++ < LEAKS_NAMED)
            text_buffer_format(&text, "%s%s, by %s", leaks == 1 ? "" : "; ", answers->leaks[i].pair,
                               answers->leaks[i].how);
    }
    if (leaks)
        NOT_MET(judging, NONE, "%zu pair%s leak%s: %s%s", leaks, leaks == 1 ? "" : "s", leaks == 1 ? "s" : "",
                text.text, leaks > LEAKS_NAMED ? " ..." : "");
    text_buffer_fini(&text);
}

static void judge_alone(const struct judging *judging)
{
    const struct iommu_groups *groups = judging->work->simulation.groups;
    for (uint32_t i = 0; i < judging->policy->device_count; i++) {
        uint32_t id = find_device(judging, i);
        if (id == NONE)
            continue;
        if (group_of(judging, id) == NONE) {
            NOT_MET(judging, id, "%s has no group: no IOMMU covers it", judging->policy->devices[i]);
            continue;
        }
        const struct iommu_group *group = &groups->groups[group_of(judging, id)];
        for (uint32_t m = 0; m < group->member_count; m++) {
            uint32_t mate = group->members[m];
            struct text_buffer cause = {0};
            char address[BDF_TEXT_SIZE];
            if (mate == id || function_is_bridge(&groups->topology->functions[mate]))
                continue;
            group_explain_cause(groups, mate > id ? mate : id, &cause);
            NOT_MET(judging, id, "%s shares group %u with %s: %s", judging->policy->devices[i], group->number,
                    group_words_address(groups->topology, mate, address), text_buffer_get(&cause));
            text_buffer_fini(&cause);
            break;
        }
    }
}

static void judge_pairs(const struct judging *judging)
{
    bool together = judging->policy->kind == POLICY_TOGETHER;
    for (uint32_t i = 0; i < judging->policy->device_count; i++) {
        uint32_t left = find_device(judging, i);
        for (uint32_t j = i + 1; j < judging->policy->device_count && left != NONE; j++) {
            uint32_t right = case_function(judging->work, judging->policy->devices[j]);
            if (right == NONE)
                continue;
            bool same =
                group_of(judging, left) != NONE && group_of(judging, left) == group_of(judging, right);
            if (same && !together)
                NOT_MET(judging, left, "%s and %s share group %u", judging->policy->devices[i],
                        judging->policy->devices[j], group_of(judging, left));
            else if (!same && together)
                NOT_MET(judging, left, "%s and %s share no group", judging->policy->devices[i],
                        judging->policy->devices[j]);
        }
    }
}

/* Of several figures ("*" in the pointer) the extremes: all have to keep to the bounds. */
struct figure_range {
    double low, high;
    bool found;
};

static void widen(void *context, const char *name, const char *value)
{
    struct figure_range *range = context;
    char *end;
    double number = strtod(value, &end);
    (void)name;
    if (*end || end == value)
        return;
    range->low = range->found ? fmin(range->low, number) : number;
    range->high = range->found ? fmax(range->high, number) : number;
    range->found = true;
}

static void judge_figure(const struct judging *judging, const struct check_case *one)
{
    const struct check_policy *policy = judging->policy;
    const struct study_metric metric = {"figure", policy->figure};
    const struct study asked = {.metrics = &metric, .metric_count = 1};
    struct figure_range range = {0};
    uint32_t run = 0;
    while (run < one->run_count && strcmp(one->runs[run].name, policy->run) != 0)
        run++;
    if (run < judging->work->run_count)
        point_metrics_find(&asked, text_buffer_get(&judging->work->results[run]), widen, &range);
    if (!range.found)
        NOT_MET(judging, NONE, "the result of %s has no number at %s", policy->run, policy->figure);
    else if (!isnan(policy->at_most) && range.high > policy->at_most)
        NOT_MET(judging, NONE, "%s of %s is %.10g, more than %.10g", policy->figure, policy->run, range.high,
                policy->at_most);
    else if (!isnan(policy->at_least) && range.low < policy->at_least)
        NOT_MET(judging, NONE, "%s of %s is %.10g, less than %.10g", policy->figure, policy->run, range.low,
                policy->at_least);
}

void check_policies(const struct check_case *one, const struct case_work *work,
                    struct check_findings *findings)
{
    for (uint32_t i = 0; i < one->policy_count; i++) {
        const struct judging judging = {work, &one->policies[i], findings};
        switch (one->policies[i].kind) {
        case POLICY_NO_LEAK:
        case POLICY_NO_LEAK_BETWEEN:
            judge_leaks(&judging);
            break;
        case POLICY_ALONE:
            judge_alone(&judging);
            break;
        case POLICY_SEPARATE:
        case POLICY_TOGETHER:
            judge_pairs(&judging);
            break;
        case POLICY_FIGURE:
            judge_figure(&judging, one);
            break;
        case POLICY_KINDS:
            break;
        }
    }
}
