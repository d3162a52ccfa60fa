/* SPDX-License-Identifier: MIT */
/* Rows, and the comparison of groups: groups of both sides are joined where they share a function; what hangs
 * together and is not one group with the same members on each side is a change. */
#include "sim/analysis/machine_diff.h"

#include <stdlib.h>

void machine_view_init(struct machine_view *view, const struct topology *topology,
                       const struct group_options *options, struct diagnostics *diagnostics)
{
    view->topology = topology;
    view->arena = arena_new();
    view->groups = iommu_groups_form_as(topology, options, diagnostics);
    view->reach = reach_new(view->arena, view->groups);
}

void machine_view_fini(struct machine_view *view)
{
    iommu_groups_free(view->groups);
    arena_free(view->arena);
    *view = (struct machine_view){0};
}

/* Function ids by address. The caller frees them. */
static int compare_addresses(const void *left, const void *right, void *data)
{
    const struct topology *topology = data;
    const struct pci_function *a = &topology->functions[*(const uint32_t *)left];
    const struct pci_function *b = &topology->functions[*(const uint32_t *)right];
    uint64_t key_a = (uint64_t)a->segment << 16 | pci_requester_id(a->bus, a->devfn);
    uint64_t key_b = (uint64_t)b->segment << 16 | pci_requester_id(b->bus, b->devfn);
    return (key_a > key_b) - (key_a < key_b);
}

static uint32_t *by_address(const struct topology *topology)
{
    uint32_t *ids = memory_array(topology->function_count + 1U, sizeof(*ids));
    for (uint32_t id = 0; id < topology->function_count; id++)
        ids[id] = id;
    qsort_r(ids, topology->function_count, sizeof(*ids), compare_addresses, (void *)topology);
    return ids;
}

static void make_rows(struct machine_diff *diff)
{
    uint32_t before_count = diff->before->topology->function_count;
    uint32_t after_count = diff->after->topology->function_count;
    uint32_t *before_rows = arena_array(diff->arena, before_count, sizeof(*before_rows));
    uint32_t *after_rows = arena_array(diff->arena, after_count, sizeof(*after_rows));
    uint32_t *before_ids = by_address(diff->before->topology);
    uint32_t *after_ids = by_address(diff->after->topology);
    diff->rows = arena_array(diff->arena, (size_t)before_count + after_count, sizeof(*diff->rows));
    for (uint32_t i = 0; i < before_count; i++) {
        uint32_t id = before_ids[i], twin = diff->match.to_after[id];
        before_rows[id] = diff->row_count;
        if (twin != NONE)
            after_rows[twin] = diff->row_count;
        diff->rows[diff->row_count++] = (struct diff_row){id, twin};
    }
    for (uint32_t i = 0; i < after_count; i++) {
        uint32_t id = after_ids[i];
        if (diff->match.to_before[id] != NONE)
            continue;
        after_rows[id] = diff->row_count;
        diff->rows[diff->row_count++] = (struct diff_row){NONE, id};
    }
    diff->before_rows = before_rows;
    diff->after_rows = after_rows;
    free(before_ids);
    free(after_ids);
}

static uint32_t group_of(const struct machine_view *view, uint32_t id)
{
    return id == NONE ? NONE : view->groups->decisions[id].group;
}

uint32_t diff_group_before(const struct machine_diff *diff, uint32_t row)
{
    return group_of(diff->before, diff->rows[row].before_id);
}

uint32_t diff_group_after(const struct machine_diff *diff, uint32_t row)
{
    return group_of(diff->after, diff->rows[row].after_id);
}

/* Groups of both sides as nodes, those after behind those before; joined ones have one root. */
struct joining {
    uint32_t *root;   /* [node] */
    uint32_t *before; /* [root] groups before in it */
    uint32_t *after;
    uint32_t *rows;    /* [root] rows in it */
    uint32_t *partial; /* [root] rows in it with a group on one side only */
    uint32_t *change;  /* [root] its change, or NONE */
    uint32_t offset;   /* node of group 0 after */
    uint32_t node_count;
};

static uint32_t find_root(uint32_t *root, uint32_t node)
{
    while (root[node] != node) {
        root[node] = root[root[node]];
        node = root[node];
    }
    return node;
}

/* The lower node becomes the root: changes come in the order of group numbers before. */
static void join_nodes(uint32_t *root, uint32_t a, uint32_t b)
{
    a = find_root(root, a);
    b = find_root(root, b);
    if (a < b)
        root[b] = a;
    else
        root[a] = b;
}

/* A node of @p row, or NONE where it has no group on either side. */
static uint32_t node_of_row(const struct machine_diff *diff, const struct joining *joining, uint32_t row)
{
    uint32_t before = diff_group_before(diff, row), after = diff_group_after(diff, row);
    if (before != NONE)
        return before;
    return after == NONE ? NONE : joining->offset + after;
}

static void join_groups(const struct machine_diff *diff, struct joining *joining, struct arena *scratch)
{
    joining->offset = diff->before->groups->group_count;
    joining->node_count = joining->offset + diff->after->groups->group_count;
    uint32_t **arrays[] = {&joining->root, &joining->before,  &joining->after,
                           &joining->rows, &joining->partial, &joining->change};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        *arrays[i] = arena_array(scratch, joining->node_count, sizeof(**arrays[i]));
    for (uint32_t node = 0; node < joining->node_count; node++)
        joining->root[node] = node;
    for (uint32_t row = 0; row < diff->row_count; row++) {
        uint32_t before = diff_group_before(diff, row), after = diff_group_after(diff, row);
        if (before != NONE && after != NONE)
            join_nodes(joining->root, before, joining->offset + after);
    }
    for (uint32_t node = 0; node < joining->node_count; node++) {
        uint32_t *counts = node < joining->offset ? joining->before : joining->after;
        counts[find_root(joining->root, node)]++;
    }
    for (uint32_t row = 0; row < diff->row_count; row++) {
        uint32_t node = node_of_row(diff, joining, row);
        if (node == NONE)
            continue;
        uint32_t root = find_root(joining->root, node);
        joining->rows[root]++;
        joining->partial[root] += diff_group_before(diff, row) == NONE || diff_group_after(diff, row) == NONE;
    }
}

static enum group_change_kind kind_of_change(const struct joining *joining, uint32_t root)
{
    uint32_t before = joining->before[root], after = joining->after[root];
    if (before == 0)
        return GROUP_CHANGE_NEW;
    if (after == 0)
        return GROUP_CHANGE_GONE;
    if (before == 1)
        return after == 1 ? GROUP_CHANGE_MEMBERS : GROUP_CHANGE_SPLIT;
    return after == 1 ? GROUP_CHANGE_MERGE : GROUP_CHANGE_REARRANGE;
}

/* Make the changes, still without lists; what did not change is only counted. */
static void make_changes(struct machine_diff *diff, const struct joining *joining)
{
    diff->group_changes = arena_array(diff->arena, joining->node_count, sizeof(*diff->group_changes));
    for (uint32_t node = 0; node < joining->node_count; node++) {
        joining->change[node] = NONE;
        if (joining->root[node] != node)
            continue;
        if (joining->before[node] == 1 && joining->after[node] == 1 && joining->partial[node] == 0) {
            diff->same_groups++;
            continue;
        }
        joining->change[node] = diff->group_change_count;
        diff->group_changes[diff->group_change_count++] = (struct group_change){
            .kind = kind_of_change(joining, node),
            .before = arena_array(diff->arena, joining->before[node], sizeof(uint32_t)),
            .after = arena_array(diff->arena, joining->after[node], sizeof(uint32_t)),
            .rows = arena_array(diff->arena, joining->rows[node], sizeof(uint32_t)),
        };
    }
}

static void fill_changes(struct machine_diff *diff, const struct joining *joining)
{
    for (uint32_t node = 0; node < joining->node_count; node++) {
        uint32_t index = joining->change[find_root(joining->root, node)];
        if (index == NONE)
            continue;
        struct group_change *change = &diff->group_changes[index];
        if (node < joining->offset)
            change->before[change->before_count++] = node;
        else
            change->after[change->after_count++] = node - joining->offset;
    }
    for (uint32_t row = 0; row < diff->row_count; row++) {
        uint32_t node = node_of_row(diff, joining, row);
        uint32_t index = node == NONE ? NONE : joining->change[find_root(joining->root, node)];
        if (index == NONE)
            continue;
        struct group_change *change = &diff->group_changes[index];
        change->rows[change->row_count++] = row;
    }
}

/* Numbers and types of groups with the same members. */
static void compare_labels(struct machine_diff *diff, const struct joining *joining)
{
    diff->relabelled = arena_array(diff->arena, diff->same_groups, sizeof(*diff->relabelled));
    for (uint32_t node = 0; node < joining->offset; node++) {
        if (joining->change[find_root(joining->root, node)] != NONE)
            continue;
        const struct iommu_group *before = &diff->before->groups->groups[node];
        uint32_t twin = diff->match.to_after[before->members[0]];
        const struct iommu_group *after =
            &diff->after->groups->groups[diff->after->groups->decisions[twin].group];
        diff->renumbered_groups += before->number != after->number;
        diff->retyped_groups += before->type != after->type;
        if (before->number != after->number || before->type != after->type)
            diff->relabelled[diff->relabelled_count++] =
                (struct group_relabel){before->number, after->number};
    }
}

struct machine_diff *machine_diff_new(const struct machine_view *before, const struct machine_view *after,
                                      const uint32_t *known)
{
    struct arena *arena = arena_new(), *scratch = arena_new();
    struct machine_diff *diff = arena_alloc(arena, sizeof(*diff));
    struct joining joining;
    diff->arena = arena;
    diff->before = before;
    diff->after = after;
    diff->match = function_match(before->topology, after->topology, known, arena);
    make_rows(diff);
    join_groups(diff, &joining, scratch);
    make_changes(diff, &joining);
    fill_changes(diff, &joining);
    compare_labels(diff, &joining);
    leak_diff_find(diff);
    arena_free(scratch);
    return diff;
}

void machine_diff_free(struct machine_diff *diff)
{
    if (!diff)
        return;
    free(diff->leak_changes);
    arena_free(diff->arena);
}

bool machine_diff_groups_differ(const struct machine_diff *diff)
{
    return diff->group_change_count || diff->match.vanished || diff->match.new;
}

bool machine_diff_leaks_more(const struct machine_diff *diff)
{
    return diff->leak_counts_leaking[LEAK_OPENED] || diff->leak_counts[LEAK_EXPOSED];
}

bool machine_diff_unguarded(const struct machine_diff *diff)
{
    return diff->before->groups->group_count > 0 && diff->after->groups->group_count == 0;
}

bool machine_diff_any(const struct machine_diff *diff)
{
    const struct function_match *match = &diff->match;
    return machine_diff_groups_differ(diff) || diff->leak_change_count || diff->renumbered_groups ||
           diff->retyped_groups || match->renumbered || match->moved || match->replaced;
}

const char *group_change_name(enum group_change_kind kind)
{
    static const char *const names[] = {
        [GROUP_CHANGE_SPLIT] = "split",
        [GROUP_CHANGE_MERGE] = "merge",
        [GROUP_CHANGE_REARRANGE] = "rearrange",
        [GROUP_CHANGE_MEMBERS] = "members",
        [GROUP_CHANGE_NEW] = "new",
        [GROUP_CHANGE_GONE] = "gone",
    };
    return names[kind];
}
