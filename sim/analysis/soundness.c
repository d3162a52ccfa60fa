/* SPDX-License-Identifier: MIT */
#include "sim/analysis/soundness.h"

#include "sim/analysis/dma_alias.h"
#include "sim/analysis/reach_alike.h"
#include "sim/base/arena.h"

#include <stdlib.h>
#include <string.h>

/** Under judgement. */
struct work {
    struct soundness *soundness;
    const struct iommu_groups *groups;
    const struct topology *topology;
    const struct reach *reach;
    struct reach_table *table; /**< its answers about writes */
    size_t capacity, merge_capacity;
};

/* ---- parts: union and find ---- */

static uint32_t part_of(uint32_t *parents, uint32_t id)
{
    while (parents[id] != id) {
        parents[id] = parents[parents[id]];
        id = parents[id];
    }
    return id;
}

/* The lower id stands for the part. */
static void join(uint32_t *parents, uint32_t a, uint32_t b)
{
    a = part_of(parents, a), b = part_of(parents, b);
    if (a < b)
        parents[b] = a;
    else
        parents[a] = b;
}

/* ---- pairs ---- */

static void add_pair(struct work *work, struct unsound_pair pair)
{
    struct soundness *soundness = work->soundness;
    soundness->pairs =
        memory_grow(soundness->pairs, soundness->pair_count, &work->capacity, sizeof(*soundness->pairs));
    soundness->pairs[soundness->pair_count++] = pair;
    soundness->counts[pair.kind]++;
}

static bool of_two_groups(const struct work *work, uint32_t a, uint32_t b)
{
    const struct group_decision *decisions = work->groups->decisions;
    return decisions[a].group != NONE && decisions[b].group != NONE &&
           decisions[a].group != decisions[b].group;
}

static void look_at_pair(struct work *work, uint32_t source_id, uint32_t target_id)
{
    if (reach_table_outcome(work->table, source_id, target_id) != REACH_REACHES)
        return;
    struct reach_result result = reach_table_ask(work->table, source_id, target_id);
    join(work->soundness->part_of, source_id, target_id);
    enum reach_leak leak = reach_leak(work->groups, &result, source_id, target_id);
    if (leak == REACH_NO_LEAK)
        return;
    add_pair(work, (struct unsound_pair){
                       .source_id = source_id,
                       .target_id = target_id,
                       .at_id = result.at_id,
                       .kind = leak == REACH_LEAK ? UNSOUND_REACH : UNSOUND_VOUCHED,
                       .rule = (uint8_t)result.rule,
                   });
}

/* ---- shared requester ids ---- */

struct sender {
    uint64_t key; /* segment, requester id */
    uint32_t function_id;
};

struct sender_list {
    struct sender *items;
    size_t count, capacity;
    uint32_t function_id;
};

static bool note_sender(void *data, const struct dma_alias *alias)
{
    struct sender_list *list = data;
    list->items = memory_grow(list->items, list->count, &list->capacity, sizeof(*list->items));
    list->items[list->count++] =
        (struct sender){(uint64_t)alias->segment << 16 | alias->requester_id, list->function_id};
    return false;
}

static int compare_senders(const void *left, const void *right)
{
    const struct sender *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->function_id > b->function_id) - (a->function_id < b->function_id);
}

static void look_at_ids(struct work *work)
{
    struct sender_list list = {0};
    for (uint32_t id = 0; id < work->topology->function_count; id++) {
        list.function_id = id;
        if (reach_issues(&work->topology->functions[id]))
            dma_alias_walk(work->topology, &work->topology->functions[id], note_sender, &list);
    }
    if (list.count)
        qsort(list.items, list.count, sizeof(*list.items), compare_senders);
    for (size_t first = 0, i = 1; i < list.count; i++) {
        const struct sender *a = &list.items[first], *b = &list.items[i];
        if (a->key != b->key) {
            first = i;
            continue;
        }
        if (a->function_id == b->function_id)
            continue;
        join(work->soundness->part_of, a->function_id, b->function_id);
        if (of_two_groups(work, a->function_id, b->function_id))
            add_pair(work, (struct unsound_pair){.source_id = a->function_id,
                                                 .target_id = b->function_id,
                                                 .at_id = NONE,
                                                 .requester_id = (uint16_t)a->key,
                                                 .kind = UNSOUND_ID});
    }
    free(list.items);
}

/* ---- the unsound pairs of all ---- */

static uint64_t group_key(const struct iommu_groups *groups, const struct unsound_pair *pair)
{
    uint64_t a = groups->decisions[pair->source_id].group, b = groups->decisions[pair->target_id].group;
    return a < b ? a << 32 | b : b << 32 | a;
}

static int compare_pairs(const void *left, const void *right, void *data)
{
    const struct unsound_pair *a = left, *b = right;
    uint64_t keys[2][6] = {
        {a->kind, group_key(data, a), a->at_id, a->rule, a->source_id, a->target_id},
        {b->kind, group_key(data, b), b->at_id, b->rule, b->source_id, b->target_id},
    };
    for (unsigned i = 0; i < 6; i++) {
        if (keys[0][i] != keys[1][i])
            return keys[0][i] < keys[1][i] ? -1 : 1;
    }
    return 0;
}

/* The reaching pairs of two groups stand together, but those that share an id come after them. */
static int compare_keys(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static uint32_t count_group_pairs(const struct work *work)
{
    const struct soundness *soundness = work->soundness;
    uint64_t *keys = memory_array(soundness->pair_count + 1, sizeof(*keys));
    size_t count = 0;
    uint32_t different = 0;
    for (size_t i = 0; i < soundness->pair_count; i++) {
        if (soundness->pairs[i].kind != UNSOUND_VOUCHED)
            keys[count++] = group_key(work->groups, &soundness->pairs[i]);
    }
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < count; i++)
        different += i == 0 || keys[i] != keys[i - 1];
    free(keys);
    return different;
}

/* ---- merges that nothing demands ---- */

/* The later of both joined, unless it is who the other waited for. */
static uint32_t who_joined(const struct work *work, uint32_t a, uint32_t b)
{
    uint32_t later = a > b ? a : b, earlier = a > b ? b : a;
    return work->groups->decisions[later].rule == GROUP_RULE_NEW ? earlier : later;
}

static bool is_undefined(const struct reach_result *result)
{
    return result->error != ROUTE_NO_ERROR && result->rule == RULE_NO_UPSTREAM_FORWARDING;
}

/* Two functions of the parts of @p a_id and @p b_id, so that one could reach the other. */
static void find_speakers(const struct work *work, const struct iommu_group *group, struct loose_merge *merge)
{
    uint32_t *parents = work->soundness->part_of;
    uint32_t part_a = part_of(parents, merge->a_id), part_b = part_of(parents, merge->b_id);
    merge->there = reach_pair(work->reach, merge->a_id, merge->b_id);
    merge->back = reach_pair(work->reach, merge->b_id, merge->a_id);
    for (uint32_t i = 0; i < group->member_count; i++) {
        uint32_t a = group->members[i];
        for (uint32_t j = 0; part_of(parents, a) == part_a && j < group->member_count; j++) {
            uint32_t b = group->members[j];
            if (part_of(parents, b) != part_b)
                continue;
            struct reach_result there = reach_pair(work->reach, a, b), back = reach_pair(work->reach, b, a);
            if (there.outcome == REACH_NOT_APPLICABLE && back.outcome == REACH_NOT_APPLICABLE)
                continue;
            merge->a_id = a, merge->b_id = b;
            merge->there = there, merge->back = back;
            merge->doubt = is_undefined(&there) || is_undefined(&back) ? LOOSE_UNDEFINED : LOOSE_PROVEN;
            return;
        }
    }
    merge->doubt = LOOSE_SILENT;
}

static void add_merge(struct work *work, const struct iommu_group *group, uint32_t first, uint32_t other)
{
    struct soundness *soundness = work->soundness;
    struct loose_merge merge = {.group = group->number, .a_id = first, .b_id = other};
    find_speakers(work, group, &merge);
    merge.joined_id = who_joined(work, merge.a_id, merge.b_id);
    soundness->merges = memory_grow(soundness->merges, soundness->merge_count, &work->merge_capacity,
                                    sizeof(*soundness->merges));
    soundness->merges[soundness->merge_count++] = merge;
}

/* @param told  [function] mark of a part that was told of this group already */
static void look_at_group(struct work *work, const struct iommu_group *group, uint32_t *told)
{
    uint32_t first = NONE;
    bool loose = false;
    for (uint32_t i = 0; i < group->member_count; i++) {
        uint32_t id = group->members[i], part = part_of(work->soundness->part_of, id);
        if (!reach_issues(&work->topology->functions[id]) || told[part] == group->number + 1)
            continue;
        told[part] = group->number + 1;
        if (first == NONE) {
            first = id;
            continue;
        }
        add_merge(work, group, first, id);
        loose |= work->soundness->merges[work->soundness->merge_count - 1].doubt == LOOSE_PROVEN;
    }
    work->soundness->loose_groups += loose;
}

static void judge(struct work *work)
{
    struct soundness *soundness = work->soundness;
    uint32_t count = work->topology->function_count;
    for (uint32_t id = 0; id < count; id++)
        soundness->part_of[id] = id;
    for (uint32_t source = 0; source < count; source++) {
        soundness->overridden += work->groups->verdicts[source].reason == ACS_REASON_OVERRIDE;
        if (!reach_issues(&work->topology->functions[source]))
            continue;
        soundness->ungrouped += work->groups->decisions[source].group == NONE;
        for (uint32_t target = 0; target < count; target++)
            look_at_pair(work, source, target);
    }
    look_at_ids(work);
    if (soundness->pair_count)
        qsort_r(soundness->pairs, soundness->pair_count, sizeof(*soundness->pairs), compare_pairs,
                (void *)work->groups);
    soundness->group_pairs = count_group_pairs(work);
    uint32_t *told = arena_array(soundness->arena, count, sizeof(*told));
    for (uint32_t g = 0; g < work->groups->group_count; g++)
        look_at_group(work, &work->groups->groups[g], told);
    for (uint32_t id = 0; id < count; id++)
        soundness->part_of[id] = part_of(soundness->part_of, id);
}

struct soundness *soundness_judge(const struct iommu_groups *groups)
{
    struct soundness *soundness = memory_alloc(sizeof(*soundness));
    struct arena *arena = arena_new();
    *soundness = (struct soundness){.groups = groups, .arena = arena, .reach = reach_new(arena, groups)};
    soundness->part_of = memory_array(groups->topology->function_count, sizeof(*soundness->part_of));
    struct work work = {
        .soundness = soundness, .groups = groups, .topology = groups->topology, .reach = soundness->reach};
    work.table = reach_table_of_writes(arena, work.reach);
    judge(&work);
    return soundness;
}

void soundness_free(struct soundness *soundness)
{
    if (!soundness)
        return;
    free(soundness->pairs);
    free(soundness->part_of);
    free(soundness->merges);
    arena_free(soundness->arena);
    free(soundness);
}

const char *unsound_kind_name(enum unsound_kind kind)
{
    static const char *const names[UNSOUND_KINDS] = {"reach", "requester-id", "vouched"};
    return (unsigned)kind < UNSOUND_KINDS ? names[kind] : "unknown";
}

const char *loose_doubt_name(enum loose_doubt doubt)
{
    static const char *const names[] = {"pessimistic", "undefined", "silent"};
    return (unsigned)doubt < sizeof(names) / sizeof(names[0]) ? names[doubt] : "unknown";
}
