/* SPDX-License-Identifier: MIT */
#include "sim/output/draw_steps.h"

#include "sim/base/arena.h"
#include "sim/output/function_label.h"

#include <string.h>

enum { LARGE_MACHINE = 64, FEW_VIRTUAL_FUNCTIONS = 3 };

/** A list of functions. */
struct ids {
    uint32_t *items;
    uint32_t count;
};

struct merger {
    struct drawing *drawing;
    struct arena *scratch;
    enum draw_collapse collapse;
    struct ids first, other;       /**< the functions of two boxes and all below, in the same order */
    uint32_t *first_at, *other_at; /**< [group] where it first stands in these */
    bool *shared;                  /**< [index in first] all instances are in one group there */
    uint32_t *taken;               /**< [group] the class of alike boxes that has it */
    uint32_t classes;
};

/** Boxes that are alike: the first and those like it. */
struct alike {
    uint32_t *boxes;
    uint32_t count;
};

static bool same_link(const struct link_state *a, const struct link_state *b)
{
    return a->generation == b->generation && a->width == b->width &&
           a->maximum_generation == b->maximum_generation && a->maximum_width == b->maximum_width;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool functions_alike(const struct iommu_groups *groups, uint32_t a_id, uint32_t b_id)
{
    const struct pci_function *a = &groups->topology->functions[a_id];
    const struct pci_function *b = &groups->topology->functions[b_id];
    return a->vendor == b->vendor && a->device == b->device && a->class_code == b->class_code &&
           a->is_vf == b->is_vf && same_text(function_kind_name(a), function_kind_name(b)) &&
           same_link(&a->link, &b->link) && same_text(a->driver, b->driver) &&
           same_text(function_label(a), function_label(b)) &&
           groups->verdicts[a_id].isolated == groups->verdicts[b_id].isolated;
}

static bool boxes_alike(const struct drawing *drawing, uint32_t a, uint32_t b)
{
    const struct draw_box *left = &drawing->boxes[a], *right = &drawing->boxes[b];
    if (left->kind != right->kind || left->count != right->count || left->instances != right->instances)
        return false;
    if (left->kind == DRAW_FUNCTION && !functions_alike(drawing->groups, left->ids[0], right->ids[0]))
        return false;
    uint32_t i = left->first_child, j = right->first_child;
    for (; i != NONE && j != NONE; i = drawing->boxes[i].next_sibling, j = drawing->boxes[j].next_sibling) {
        if (!boxes_alike(drawing, i, j))
            return false;
    }
    return i == j;
}

static void gather(const struct drawing *drawing, uint32_t box, struct ids *ids)
{
    const struct draw_box *at = &drawing->boxes[box];
    for (uint32_t i = 0; i < at->count && at->kind == DRAW_FUNCTION; i++)
        ids->items[ids->count++] = at->ids[i];
    for (uint32_t child = at->first_child; child != NONE; child = drawing->boxes[child].next_sibling)
        gather(drawing, child, ids);
}

/* Those without a group count as one. */
static uint32_t group_of(const struct iommu_groups *groups, uint32_t id)
{
    uint32_t group = groups->decisions[id].group;
    return group == NONE ? groups->group_count : group;
}

static uint32_t group_size(const struct iommu_groups *groups, uint32_t group)
{
    return group < groups->group_count ? groups->groups[group].member_count : 0;
}

/* The functions of two boxes lie in groups in the same way. Fills shared from the first pair on, later asks
 * for the same. */
static bool groups_alike(struct merger *merger, bool first_pair)
{
    const struct iommu_groups *groups = merger->drawing->groups;
    const struct ids *a = &merger->first, *b = &merger->other;
    for (uint32_t i = 0; i < a->count; i++)
        merger->first_at[group_of(groups, a->items[i])] = merger->other_at[group_of(groups, b->items[i])] =
            NONE;
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t left = group_of(groups, a->items[i]), right = group_of(groups, b->items[i]);
        if (merger->first_at[left] == NONE)
            merger->first_at[left] = i;
        if (merger->other_at[right] == NONE)
            merger->other_at[right] = i;
        if (merger->first_at[left] != merger->other_at[right] ||
            group_size(groups, left) != group_size(groups, right))
            return false;
        if (first_pair)
            merger->shared[i] = left == right;
        else if (merger->shared[i] != (left == right))
            return false;
        if (left != right && merger->taken[right] == merger->classes)
            return false;
    }
    return true;
}

static void take_groups(struct merger *merger, const struct ids *ids)
{
    for (uint32_t i = 0; i < ids->count; i++)
        merger->taken[group_of(merger->drawing->groups, ids->items[i])] = merger->classes;
}

/* `boxes` (alike) become the first of them. */
static void merge(struct merger *merger, const struct alike *alike)
{
    struct draw_box *all = merger->drawing->boxes, *first = &all[alike->boxes[0]];
    uint32_t each = first->count;
    uint32_t *ids = arena_array(merger->drawing->arena, (size_t)each * alike->count, sizeof(ids[0]));
    struct alike below = {arena_array(merger->scratch, alike->count, sizeof(uint32_t)), alike->count};
    for (uint32_t i = 0; i < alike->count; i++) {
        memcpy(ids + (size_t)i * each, all[alike->boxes[i]].ids, each * sizeof(ids[0]));
        below.boxes[i] = all[alike->boxes[i]].first_child;
    }
    first->ids = ids;
    first->count = each * alike->count;
    while (below.boxes[0] != NONE) {
        merge(merger, &below);
        for (uint32_t i = 0; i < alike->count; i++)
            below.boxes[i] = all[below.boxes[i]].next_sibling;
    }
}

static uint32_t fewest(const struct merger *merger, const struct draw_box *box)
{
    const struct topology *topology = merger->drawing->groups->topology;
    if (merger->collapse == DRAW_COLLAPSE_ALWAYS)
        return 2;
    if (merger->collapse == DRAW_COLLAPSE_NEVER)
        return UINT32_MAX;
    if (box->kind == DRAW_FUNCTION && topology->functions[box->ids[0]].is_vf)
        return FEW_VIRTUAL_FUNCTIONS;
    return topology->function_count > LARGE_MACHINE ? 2 : UINT32_MAX;
}

/* Fills `alike` with `box` and its later siblings that are like it. */
static void find_alike(struct merger *merger, uint32_t box, struct alike *alike)
{
    const struct drawing *drawing = merger->drawing;
    alike->count = 0;
    alike->boxes[alike->count++] = box;
    merger->first.count = 0;
    gather(drawing, box, &merger->first);
    merger->classes++;
    take_groups(merger, &merger->first);
    for (uint32_t other = drawing->boxes[box].next_sibling; other != NONE;
         other = drawing->boxes[other].next_sibling) {
        if (!boxes_alike(drawing, box, other))
            continue;
        merger->other.count = 0;
        gather(drawing, other, &merger->other);
        if (!groups_alike(merger, alike->count == 1))
            continue;
        take_groups(merger, &merger->other);
        alike->boxes[alike->count++] = other;
    }
}

static void unlink_alike(struct draw_box *boxes, const struct alike *alike)
{
    uint32_t next = 1;
    for (uint32_t at = alike->boxes[0]; at != NONE && next < alike->count;) {
        uint32_t sibling = boxes[at].next_sibling;
        if (sibling == alike->boxes[next]) {
            boxes[at].next_sibling = boxes[sibling].next_sibling;
            next++;
        } else {
            at = sibling;
        }
    }
}

static void merge_below(struct merger *merger, uint32_t parent)
{
    struct draw_box *boxes = merger->drawing->boxes;
    uint32_t children = 0;
    for (uint32_t child = boxes[parent].first_child; child != NONE; child = boxes[child].next_sibling) {
        merge_below(merger, child);
        children++;
    }
    struct alike alike = {arena_array(merger->scratch, children, sizeof(uint32_t)), 0};
    for (uint32_t child = boxes[parent].first_child; child != NONE; child = boxes[child].next_sibling) {
        uint32_t least = fewest(merger, &boxes[child]);
        if (least == UINT32_MAX)
            continue;
        find_alike(merger, child, &alike);
        if (alike.count < least)
            continue;
        merge(merger, &alike);
        boxes[child].instances = alike.count;
        unlink_alike(boxes, &alike);
    }
}

/* Copy the tree, parents first, without what is no longer in it. */
static void pack(struct drawing *drawing, const struct draw_box *old, uint32_t from, uint32_t parent)
{
    uint32_t index = drawing->box_count++;
    struct draw_box *box = &drawing->boxes[index];
    *box = old[from];
    box->parent = parent;
    box->first_child = box->next_sibling = NONE;
    for (uint32_t i = 0; i < box->count && box->kind == DRAW_FUNCTION; i++)
        drawing->box_of[box->ids[i]] = index;
    uint32_t last = NONE;
    for (uint32_t child = old[from].first_child; child != NONE; child = old[child].next_sibling) {
        uint32_t copy = drawing->box_count;
        *(last == NONE ? &drawing->boxes[index].first_child : &drawing->boxes[last].next_sibling) = copy;
        pack(drawing, old, child, index);
        last = copy;
    }
}

void draw_merge_alike(struct drawing *drawing, enum draw_collapse collapse)
{
    struct arena *scratch = arena_new();
    uint32_t functions = drawing->groups->topology->function_count;
    size_t groups = (size_t)drawing->groups->group_count + 1;
    struct merger merger = {
        .drawing = drawing,
        .scratch = scratch,
        .collapse = collapse,
        .first = {arena_array(scratch, functions, sizeof(uint32_t)), 0},
        .other = {arena_array(scratch, functions, sizeof(uint32_t)), 0},
        .first_at = arena_array(scratch, groups, sizeof(uint32_t)),
        .other_at = arena_array(scratch, groups, sizeof(uint32_t)),
        .shared = arena_array(scratch, functions, sizeof(bool)),
        .taken = arena_array(scratch, groups, sizeof(uint32_t)),
    };
    merge_below(&merger, 0);
    struct draw_box *old = drawing->boxes;
    drawing->boxes = arena_array(drawing->arena, drawing->box_count, sizeof(*old));
    drawing->box_count = 0;
    pack(drawing, old, 0, NONE);
    arena_free(scratch);
}
