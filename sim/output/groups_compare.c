/* SPDX-License-Identifier: MIT */
#include "sim/output/groups_compare.h"

#include "sim/analysis/group_agreement.h"
#include "sim/analysis/group_explain.h"
#include "sim/output/group_reasons.h"
#include "sim/output/group_words.h"
#include "sim/output/groups_stated.h"

#include <stdio.h>
#include <stdlib.h>

enum { HINTS = 5 };

struct comparison {
    const struct iommu_groups *groups;
    const struct topology *topology;
    struct text_buffer *out;
    uint32_t *order; /* function ids by address, those with a stated group */
    uint32_t count;
    uint32_t *cluster; /* [function] functions that hang together in either partition have one number */
    bool *same;        /* [function] */
};

static int by_address(const void *left, const void *right, void *data)
{
    const struct topology *topology = data;
    const struct pci_function *a = &topology->functions[*(const uint32_t *)left];
    const struct pci_function *b = &topology->functions[*(const uint32_t *)right];
    uint64_t one = (uint64_t)a->segment << 16 | pci_requester_id(a->bus, a->devfn);
    uint64_t other = (uint64_t)b->segment << 16 | pci_requester_id(b->bus, b->devfn);
    return (one > other) - (one < other);
}

static uint32_t here(const struct comparison *comparison, uint32_t id)
{
    return comparison->groups->decisions[id].group;
}

static uint32_t stated(const struct comparison *comparison, uint32_t id)
{
    return comparison->topology->functions[id].reported_group;
}

static void rename_cluster(struct comparison *comparison, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < comparison->count; i++) {
        if (comparison->cluster[comparison->order[i]] == from)
            comparison->cluster[comparison->order[i]] = to;
    }
}

static struct comparison comparison_new(const struct iommu_groups *groups, struct text_buffer *out,
                                        struct arena *arena)
{
    const struct topology *topology = groups->topology;
    struct comparison comparison = {
        .groups = groups,
        .topology = topology,
        .out = out,
        .order = arena_array(arena, topology->function_count, sizeof(*comparison.order)),
        .cluster = arena_array(arena, topology->function_count, sizeof(*comparison.cluster)),
        .same = arena_array(arena, topology->function_count, sizeof(*comparison.same)),
    };
    for (uint32_t id = 0; id < topology->function_count; id++) {
        if (!topology->functions[id].group_reported)
            continue;
        comparison.order[comparison.count++] = id;
        comparison.cluster[id] = id;
        comparison.same[id] = group_agreement_same(groups, id);
    }
    if (comparison.count)
        qsort_r(comparison.order, comparison.count, sizeof(*comparison.order), by_address, (void *)topology);
    for (uint32_t i = 0; i < comparison.count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            uint32_t a = comparison.order[j], b = comparison.order[i];
            bool one = stated(&comparison, a) == stated(&comparison, b) ||
                       (here(&comparison, a) != NONE && here(&comparison, a) == here(&comparison, b));
            if (one && comparison.cluster[a] != comparison.cluster[b])
                rename_cluster(&comparison, comparison.cluster[b], comparison.cluster[a]);
        }
    }
    return comparison;
}

/* The groups of one cluster in one partition, each once: "    5  00:08.0-2, 04:00.0" */
static void rows(const struct comparison *comparison, uint32_t cluster, const char *title,
                 uint32_t (*number)(const struct comparison *comparison, uint32_t id))
{
    uint32_t *ids = memory_array(comparison->count, sizeof(*ids));
    bool any = false;
    for (uint32_t i = 0; i < comparison->count; i++) {
        uint32_t first = comparison->order[i], count = 0;
        bool told = comparison->cluster[first] != cluster;
        for (uint32_t j = 0; j < i && !told; j++)
            told = comparison->cluster[comparison->order[j]] == cluster &&
                   number(comparison, comparison->order[j]) == number(comparison, first);
        if (told)
            continue;
        for (uint32_t j = i; j < comparison->count; j++) {
            uint32_t id = comparison->order[j];
            if (comparison->cluster[id] == cluster && number(comparison, id) == number(comparison, first))
                ids[count++] = id;
        }
        text_buffer_format(comparison->out, "%-10s", any ? "" : title);
        any = true;
        if (number(comparison, first) == NONE)
            text_buffer_add(comparison->out, "   no group  ");
        else
            text_buffer_format(comparison->out, "%5u  ", number(comparison, first));
        group_words_list(comparison->topology, ids, count, 0, comparison->out);
        text_buffer_add(comparison->out, "\n");
    }
    free(ids);
}

/* Why functions of a cluster that differs joined someone the kernel kept them from. */
static void joins(const struct comparison *comparison, uint32_t cluster)
{
    uint32_t *ids = memory_array(comparison->count, sizeof(*ids)), count = 0;
    for (uint32_t i = 0; i < comparison->count; i++) {
        uint32_t id = comparison->order[i];
        uint32_t via = comparison->groups->decisions[id].via;
        if (comparison->cluster[id] == cluster && via != NONE &&
            comparison->topology->functions[via].group_reported &&
            stated(comparison, id) != stated(comparison, via))
            ids[count++] = id;
    }
    group_reasons(comparison->groups, ids, count, false, comparison->out);
    free(ids);
}

static void hints(const struct comparison *comparison, uint32_t exact, struct arena *arena)
{
    uint32_t count;
    const struct agreement_hint *list = group_agreement_hints(comparison->groups, arena, &count);
    if (count == 0)
        return;
    text_buffer_add(comparison->out, "\nAssumptions that do not fit\n");
    for (uint32_t i = 0; i < count && i < HINTS; i++) {
        char bdf[BDF_TEXT_SIZE];
        text_buffer_format(comparison->out,
                           "  %s: ", group_words_brief(comparison->topology, list[i].function_id, bdf));
        group_explain_verdict(comparison->groups, list[i].function_id, comparison->out);
        text_buffer_format(comparison->out, "; the opposite would bring %u more functions to their mates\n",
                           list[i].exact - exact);
    }
}

void groups_compare_text(const struct iommu_groups *groups, bool all, struct text_buffer *out)
{
    struct arena *arena = arena_new();
    struct comparison comparison = comparison_new(groups, out, arena);
    struct group_agreement agreement = group_agreement(groups);
    text_buffer_format(out,
                       "The input states the groups of %u function%s; %u of them have the same mates here\n",
                       agreement.functions, agreement.functions == 1 ? "" : "s", agreement.exact);
    struct group_statements statements = group_statements_find(groups, arena);
    groups_stated_text(&statements, out);
    for (uint32_t i = 0; i < comparison.count; i++) {
        uint32_t cluster = comparison.cluster[comparison.order[i]];
        bool first = true, differs = false;
        for (uint32_t j = 0; j < comparison.count; j++) {
            bool inside = comparison.cluster[comparison.order[j]] == cluster;
            first &= !inside || j >= i;
            differs |= inside && !comparison.same[comparison.order[j]];
        }
        if (!first || (!differs && !all))
            continue;
        text_buffer_add(out, differs ? "\nDifferent\n" : "\nThe same\n");
        rows(&comparison, cluster, "  kernel", stated);
        rows(&comparison, cluster, "  here", here);
        if (differs)
            joins(&comparison, cluster);
    }
    hints(&comparison, agreement.exact, arena);
    arena_free(arena);
}

void groups_compare_tsv(const struct iommu_groups *groups, struct text_buffer *out)
{
    struct arena *arena = arena_new();
    struct comparison comparison = comparison_new(groups, out, arena);
    for (uint32_t i = 0; i < comparison.count; i++) {
        uint32_t id = comparison.order[i];
        char bdf[BDF_TEXT_SIZE], number[16] = "-";
        if (here(&comparison, id) != NONE)
            snprintf(number, sizeof(number), "%u", here(&comparison, id));
        text_buffer_format(out, "%s\t%u\t%s\t%s\n", group_words_address(groups->topology, id, bdf),
                           stated(&comparison, id), number, comparison.same[id] ? "same" : "other");
    }
    arena_free(arena);
}

void groups_compare_json(const struct iommu_groups *groups, struct text_buffer *out)
{
    struct arena *arena = arena_new();
    struct comparison comparison = comparison_new(groups, out, arena);
    struct group_agreement agreement = group_agreement(groups);
    text_buffer_format(out,
                       "{\n  \"format\": \"iommusim-groups-comparison/1\",\n  \"algorithm\": \"%s\",\n"
                       "  \"assume\": \"%s\",\n  \"functions\": %u,\n  \"exact\": %u,\n"
                       "  \"pairs\": {\"here\": %llu, \"stated\": %llu, \"both\": %llu},\n",
                       group_algorithm_name(groups->platform.algorithm),
                       isolation_policy_name(groups->platform.assume), agreement.functions, agreement.exact,
                       (unsigned long long)agreement.pairs_here, (unsigned long long)agreement.pairs_stated,
                       (unsigned long long)agreement.pairs_both);
    struct group_statements statements = group_statements_find(groups, arena);
    groups_stated_json(&statements, out);
    text_buffer_add(out, "  \"rows\": [");
    for (uint32_t i = 0; i < comparison.count; i++) {
        uint32_t id = comparison.order[i];
        char bdf[BDF_TEXT_SIZE], number[16] = "null";
        struct text_buffer words = {0};
        if (here(&comparison, id) != NONE)
            snprintf(number, sizeof(number), "%u", here(&comparison, id));
        group_explain(groups, id, &words);
        text_buffer_format(out, "%s\n    {\"address\": \"%s\", \"stated\": %u, \"here\": %s, \"same\": %s, ",
                           i ? "," : "", group_words_address(groups->topology, id, bdf),
                           stated(&comparison, id), number, comparison.same[id] ? "true" : "false");
        text_buffer_add(out, "\"reason\": ");
        text_buffer_json_string(out, text_buffer_get(&words));
        text_buffer_add(out, "}");
        text_buffer_fini(&words);
    }
    text_buffer_add(out, "\n  ],\n  \"misfits\": [");
    uint32_t count;
    const struct agreement_hint *list = group_agreement_hints(groups, arena, &count);
    for (uint32_t i = 0; i < count; i++) {
        char bdf[BDF_TEXT_SIZE];
        text_buffer_format(out, "%s{\"address\": \"%s\", \"assumed_isolated\": %s, \"exact_otherwise\": %u}",
                           i ? ", " : "", group_words_address(groups->topology, list[i].function_id, bdf),
                           groups->verdicts[list[i].function_id].isolated ? "true" : "false", list[i].exact);
    }
    text_buffer_add(out, "]\n}\n");
    arena_free(arena);
}
