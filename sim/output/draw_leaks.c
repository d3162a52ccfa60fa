/* SPDX-License-Identifier: MIT */
#include "sim/analysis/reach_alike.h"
#include "sim/base/arena.h"
#include "sim/output/draw_steps.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ARROWS = 5 }; /* that meet in one box before they are drawn together */

/** A row of leaks in one direction. */
struct leak_row {
    uint32_t where; /**< the box in whose body the arrow runs */
    uint32_t from, to;
    uint64_t pairs;
    uint32_t source_id, target_id; /**< an example */
};

struct leak_finder {
    struct drawing *drawing;
    uint32_t *index_of; /**< [function] place among the ids of its box */
    uint32_t *depth;    /**< [box] */
    struct leak_row *rows;
    size_t count, capacity;
    size_t sorted;      /**< this many rows are sorted, each once */
    uint32_t *meetings; /**< [box] arrows that would meet there */
    bool *lifted, *hubs;
};

/* Which instance of `box` function `id`, drawn in it or below, belongs to. */
static uint32_t instance_of(const struct leak_finder *finder, uint32_t id, uint32_t box)
{
    const struct draw_box *boxes = finder->drawing->boxes;
    uint32_t below = 1;
    for (uint32_t at = finder->drawing->box_of[id]; at != box; at = boxes[at].parent)
        below *= boxes[at].instances;
    return finder->index_of[id] / below % boxes[box].instances;
}

/* Between which boxes a leak is drawn: in instances of one box, by an arrow from the box to itself. */
static struct leak_row place(const struct leak_finder *finder, uint32_t source, uint32_t target)
{
    const struct draw_box *boxes = finder->drawing->boxes;
    struct leak_row row = {NONE,  finder->drawing->box_of[source], finder->drawing->box_of[target], 1, source,
                           target};
    uint32_t a = row.from, b = row.to;
    while (a != b) {
        if (finder->depth[a] >= finder->depth[b])
            a = boxes[a].parent;
        else
            b = boxes[b].parent;
    }
    row.where = a;
    for (uint32_t at = a; at != NONE; at = boxes[at].parent) {
        if (boxes[at].instances > 1 && instance_of(finder, source, at) != instance_of(finder, target, at)) {
            row.from = row.to = at;
            row.where = boxes[at].parent;
        }
    }
    return row;
}

static int compare_rows(const void *left, const void *right)
{
    const struct leak_row *a = left, *b = right;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    if (a->to != b->to)
        return a->to < b->to ? -1 : 1;
    if (a->source_id != b->source_id)
        return a->source_id < b->source_id ? -1 : 1;
    return (a->target_id > b->target_id) - (a->target_id < b->target_id);
}

/* One row for each two boxes. */
static void unite_rows(struct leak_finder *finder)
{
    size_t kept = 0;
    if (finder->count)
        qsort(finder->rows, finder->count, sizeof(finder->rows[0]), compare_rows);
    for (size_t i = 0; i < finder->count; i++) {
        struct leak_row *last = kept ? &finder->rows[kept - 1] : NULL;
        if (last && last->from == finder->rows[i].from && last->to == finder->rows[i].to)
            last->pairs += finder->rows[i].pairs;
        else
            finder->rows[kept++] = finder->rows[i];
    }
    finder->count = finder->sorted = kept;
}

static void add_row(struct leak_finder *finder, const struct leak_row *row)
{
    struct leak_row *last = finder->count > finder->sorted ? &finder->rows[finder->count - 1] : NULL;
    if (last && last->from == row->from && last->to == row->to) {
        last->pairs += row->pairs;
        return;
    }
    if (finder->count == finder->capacity && finder->count > 2 * finder->sorted)
        unite_rows(finder);
    finder->rows = memory_grow(finder->rows, finder->count, &finder->capacity, sizeof(finder->rows[0]));
    finder->rows[finder->count++] = *row;
}

static void find_rows(struct leak_finder *finder)
{
    struct drawing *drawing = finder->drawing;
    const struct iommu_groups *groups = drawing->groups;
    uint32_t functions = groups->topology->function_count;
    struct arena *arena = arena_new();
    struct reach_table *table = reach_table_of_writes(arena, drawing->reach);
    for (uint32_t source = 0; source < functions; source++) {
        uint32_t own = groups->decisions[source].group;
        for (uint32_t target = 0; own != NONE && target < functions; target++) {
            uint32_t other = groups->decisions[target].group;
            if (other == own || other == NONE)
                continue;
            struct reach_result result = reach_table_ask(table, source, target);
            enum reach_leak leak = reach_leak(groups, &result, source, target);
            drawing->vouched += leak == REACH_VOUCHED;
            if (leak != REACH_LEAK)
                continue;
            struct leak_row row = place(finder, source, target);
            add_row(finder, &row);
            drawing->leaks++;
        }
    }
    arena_free(arena);
    unite_rows(finder);
}

static bool has_row(const struct leak_finder *finder, uint32_t from, uint32_t to)
{
    size_t low = 0, high = finder->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct leak_row *row = &finder->rows[middle];
        if (row->from == from && row->to == to)
            return true;
        if (row->from < from || (row->from == from && row->to < to))
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Fills `crowded` with the boxes where too many arrows meet. */
static void find_crowds(struct leak_finder *finder, bool *crowded)
{
    memset(finder->meetings, 0, finder->drawing->box_count * sizeof(finder->meetings[0]));
    for (size_t i = 0; i < finder->count; i++) {
        const struct leak_row *row = &finder->rows[i];
        if (row->from < row->to || !has_row(finder, row->to, row->from))
            finder->meetings[row->where]++;
    }
    for (uint32_t i = 0; i < finder->drawing->box_count; i++)
        crowded[i] = finder->meetings[i] > MOST_ARROWS;
}

/* Where it is crowded, arrows run between the children of that box. */
static void lift(struct leak_finder *finder)
{
    find_crowds(finder, finder->lifted);
    for (size_t i = 0; i < finder->count; i++) {
        struct leak_row *row = &finder->rows[i];
        if (!finder->lifted[row->where] || row->from == row->to)
            continue;
        row->from = draw_child_towards(finder->drawing, row->where, row->from);
        row->to = draw_child_towards(finder->drawing, row->where, row->to);
    }
    unite_rows(finder);
    find_crowds(finder, finder->hubs);
}

static struct draw_arrow *new_arrow(struct drawing *drawing, const struct leak_row *row)
{
    struct draw_arrow *arrow = &drawing->arrows[drawing->arrow_count++];
    *arrow = (struct draw_arrow){
        .from = row->from, .to = row->to, .source_id = row->source_id, .target_id = row->target_id};
    return arrow;
}

static bool in_hub(const struct leak_finder *finder, const struct leak_row *row)
{
    return finder->hubs[row->where] && row->from != row->to;
}

static void add_plain_arrows(struct leak_finder *finder)
{
    for (size_t i = 0; i < finder->count; i++) {
        const struct leak_row *row = &finder->rows[i];
        bool back = row->from > row->to && has_row(finder, row->to, row->from);
        if (!in_hub(finder, row) && !back)
            new_arrow(finder->drawing, row)->forward = row->pairs;
    }
    for (size_t i = 0; i < finder->count; i++) {
        const struct leak_row *row = &finder->rows[i];
        if (in_hub(finder, row) || row->from <= row->to)
            continue;
        for (uint32_t a = 0; a < finder->drawing->arrow_count; a++) {
            struct draw_arrow *arrow = &finder->drawing->arrows[a];
            if (arrow->from == row->to && arrow->to == row->from)
                arrow->backward = row->pairs;
        }
    }
}

/* The arrow of `box` in the hub `where`, made where it is not yet there. */
static struct draw_arrow *hub_arrow(struct drawing *drawing, uint32_t first, const struct leak_row *row,
                                    uint32_t box)
{
    for (uint32_t a = first; a < drawing->arrow_count; a++) {
        if (drawing->arrows[a].from == box && drawing->arrows[a].to == row->where)
            return &drawing->arrows[a];
    }
    struct draw_arrow *arrow = new_arrow(drawing, row);
    arrow->from = box;
    arrow->to = row->where;
    arrow->hub = true;
    return arrow;
}

static void add_hub_arrows(struct leak_finder *finder)
{
    uint32_t first = finder->drawing->arrow_count;
    for (size_t i = 0; i < finder->count; i++) {
        const struct leak_row *row = &finder->rows[i];
        if (!in_hub(finder, row))
            continue;
        hub_arrow(finder->drawing, first, row, row->from)->forward += row->pairs;
        hub_arrow(finder->drawing, first, row, row->to)->backward += row->pairs;
    }
}

/* Arrows need room in every box they run through. */
static void make_lanes(struct drawing *drawing, uint32_t box, uint32_t where)
{
    for (uint32_t at = box; at != where; at = drawing->boxes[at].parent)
        drawing->boxes[drawing->boxes[at].parent].lanes = true;
    drawing->boxes[where].lanes = true;
}

void draw_leaks(struct drawing *drawing)
{
    struct arena *scratch = arena_new();
    uint32_t boxes = drawing->box_count;
    struct leak_finder finder = {
        .drawing = drawing,
        .index_of = arena_array(scratch, drawing->groups->topology->function_count, sizeof(uint32_t)),
        .depth = arena_array(scratch, boxes, sizeof(uint32_t)),
        .meetings = arena_array(scratch, boxes, sizeof(uint32_t)),
        .lifted = arena_array(scratch, boxes, sizeof(bool)),
        .hubs = arena_array(scratch, boxes, sizeof(bool)),
    };
    for (uint32_t b = 0; b < boxes; b++) {
        const struct draw_box *box = &drawing->boxes[b];
        finder.depth[b] = b ? finder.depth[box->parent] + 1 : 0;
        for (uint32_t i = 0; i < box->count && box->kind == DRAW_FUNCTION; i++)
            finder.index_of[box->ids[i]] = i;
    }
    find_rows(&finder);
    lift(&finder);
    drawing->arrows = arena_array(drawing->arena, 2 * finder.count, sizeof(drawing->arrows[0]));
    add_plain_arrows(&finder);
    add_hub_arrows(&finder);
    for (size_t i = 0; i < finder.count; i++) {
        make_lanes(drawing, finder.rows[i].from, finder.rows[i].where);
        make_lanes(drawing, finder.rows[i].to, finder.rows[i].where);
    }
    free(finder.rows);
    arena_free(scratch);
}
