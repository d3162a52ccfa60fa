/* SPDX-License-Identifier: MIT */
/* Each box goes to the highest free place of its parent, of these the leftmost: in their order, or the tall
 * ones first where that is clearly better. Widths are tried, and the one taken that comes nearest to a good
 * shape; which shape of the inner boxes makes the best picture is tried, too. */
#include "sim/output/draw_steps.h"

#include "sim/base/arena.h"

#include <stdlib.h>

enum {
    LEAF_HEIGHT = 6,
    SLOT_HEADER = 2,
    BRIDGE_HEADER = 4,
    GAP_WITH_LANES = 3,
    LINK_GAP = 3,     /* a link is drawn in it */
    MOST_WIDTH = 640, /* that is tried */
    TRIES = 80,
    WORTH_SORTING = 88, /* percent of the cost */
};

/* Width to height of a good shape, in tenths. */
enum { PAGE_SHAPE = 15 };
static const int inner_shapes[] = {12, 9, 15, 19, 25};

/** The children of a box while they are placed; the origin is the corner of the first. */
struct shelf {
    struct drawing *drawing;
    uint32_t parent;
    int gap;
    int shape;          /**< wanted, width to height in tenths */
    uint32_t *children; /**< in the order in which they are placed */
    uint32_t count;
    int *top;   /**< [column of a cell] first free row */
    int *edges; /**< places where a child may begin */
    int edge_count;
    int used_width, used_height;
};

static int lowest_row(const struct shelf *shelf, int x, int width)
{
    int row = 0;
    for (int i = x; i < x + width; i++)
        row = shelf->top[i] > row ? shelf->top[i] : row;
    return row;
}

static void add_edge(struct shelf *shelf, int x)
{
    int i = shelf->edge_count;
    for (int k = 0; k < shelf->edge_count; k++) {
        if (shelf->edges[k] == x)
            return;
    }
    for (; i > 0 && shelf->edges[i - 1] > x; i--)
        shelf->edges[i] = shelf->edges[i - 1];
    shelf->edges[i] = x;
    shelf->edge_count++;
}

static void place_child(struct shelf *shelf, struct draw_box *child, int limit)
{
    int best_x = 0, best_y = -1;
    for (int e = 0; e < shelf->edge_count; e++) {
        int x = shelf->edges[e];
        if (x + child->width > limit)
            break;
        int y = lowest_row(shelf, x, child->width + shelf->gap);
        if (best_y < 0 || y < best_y) {
            best_x = x;
            best_y = y;
        }
    }
    child->x = best_x;
    child->y = best_y;
    for (int i = best_x; i < best_x + child->width + shelf->gap; i++)
        shelf->top[i] = best_y + child->height + shelf->gap;
    add_edge(shelf, best_x + child->width + shelf->gap);
    if (best_x + child->width > shelf->used_width)
        shelf->used_width = best_x + child->width;
    if (best_y + child->height > shelf->used_height)
        shelf->used_height = best_y + child->height;
}

static void place_children(struct shelf *shelf, int limit)
{
    struct draw_box *boxes = shelf->drawing->boxes;
    for (int i = 0; i < limit + shelf->gap; i++)
        shelf->top[i] = 0;
    shelf->edges[0] = 0;
    shelf->edge_count = 1;
    shelf->used_width = shelf->used_height = 0;
    for (uint32_t i = 0; i < shelf->count; i++)
        place_child(shelf, &boxes[shelf->children[i]], limit);
}

/* The wider side, in a frame of the wanted shape. */
static int cost_of(int width, int height, int shape)
{
    return height * shape > width * 10 ? height * shape : width * 10;
}

/** Widths to try: the widest child's to that of all in a row. */
struct widths {
    int least, most, step;
};

/* The cheapest width, and its cost. */
static int best_width(struct shelf *shelf, struct widths widths, int *cost)
{
    int best = 0;
    for (int limit = widths.least; limit <= widths.most; limit += widths.step) {
        place_children(shelf, limit);
        int own = cost_of(shelf->used_width, shelf->used_height, shelf->shape);
        if (best == 0 || own < *cost) {
            best = limit;
            *cost = own;
        }
    }
    return best;
}

static void tall_first(struct shelf *shelf)
{
    const struct draw_box *boxes = shelf->drawing->boxes;
    for (uint32_t i = 1; i < shelf->count; i++) {
        uint32_t child = shelf->children[i], k = i;
        for (; k > 0 && boxes[shelf->children[k - 1]].height < boxes[child].height; k--)
            shelf->children[k] = shelf->children[k - 1];
        shelf->children[k] = child;
    }
}

static void in_order(struct shelf *shelf)
{
    const struct draw_box *boxes = shelf->drawing->boxes;
    shelf->count = 0;
    for (uint32_t child = boxes[shelf->parent].first_child; child != NONE; child = boxes[child].next_sibling)
        shelf->children[shelf->count++] = child;
}

static void place_well(struct shelf *shelf)
{
    const struct draw_box *boxes = shelf->drawing->boxes;
    struct widths widths = {0, 0, 1};
    in_order(shelf);
    for (uint32_t i = 0; i < shelf->count; i++) {
        int width = boxes[shelf->children[i]].width;
        widths.least = width > widths.least ? width : widths.least;
        widths.most += width + shelf->gap;
    }
    if (widths.most > MOST_WIDTH)
        widths.most = MOST_WIDTH > widths.least ? MOST_WIDTH : widths.least;
    widths.step = (widths.most - widths.least) / TRIES + 1;
    shelf->top = memory_array((size_t)widths.most + (size_t)shelf->gap, sizeof(shelf->top[0]));
    int cost = 0, other_cost = 0;
    int width = best_width(shelf, widths, &cost);
    tall_first(shelf);
    int other_width = best_width(shelf, widths, &other_cost);
    if (other_cost * 100 < cost * WORTH_SORTING)
        width = other_width;
    else
        in_order(shelf);
    place_children(shelf, width);
    free(shelf->top);
}

int draw_units_a_row(int width)
{
    int row = (width - DRAW_GAP) / (DRAW_LEAF_WIDTH + DRAW_GAP);
    return row > 0 ? row : 1;
}

static int header_of(const struct drawing *drawing, const struct draw_box *box)
{
    switch (box->kind) {
    case DRAW_FUNCTION:
        return LEAF_HEIGHT;
    case DRAW_SLOT:
        return SLOT_HEADER;
    case DRAW_HOST_BRIDGE:
        return BRIDGE_HEADER;
    case DRAW_ROOT_COMPLEX:
        break;
    }
    int row = draw_units_a_row(box->width);
    int rows = ((int)drawing->groups->coverage->unit_count + row - 1) / row;
    return DRAW_ROOT_HEADER + DRAW_UNIT_HEIGHT * rows;
}

static bool is_link(const struct drawing *drawing, const struct draw_box *box)
{
    return box->kind == DRAW_FUNCTION &&
           function_leads_to_link(&drawing->groups->topology->functions[box->ids[0]]);
}

/* Children lie about 0, 0 so far; theirs become places relative to the box. */
static void size_box(struct drawing *drawing, uint32_t index, int inner_shape)
{
    struct draw_box *box = &drawing->boxes[index];
    if (box->first_child == NONE) {
        box->width = DRAW_LEAF_WIDTH + (box->kind == DRAW_ROOT_COMPLEX ? 2 * DRAW_GAP : 0);
        box->height = box->header = header_of(drawing, box);
        return;
    }
    int gap = box->lanes ? GAP_WITH_LANES : DRAW_GAP;
    int shape = box->kind == DRAW_ROOT_COMPLEX ? PAGE_SHAPE : inner_shape;
    struct shelf shelf = {.drawing = drawing, .parent = index, .gap = gap, .shape = shape};
    uint32_t children = 0;
    for (uint32_t child = box->first_child; child != NONE; child = drawing->boxes[child].next_sibling)
        children++;
    shelf.edges = memory_array(children + 1, sizeof(shelf.edges[0]));
    shelf.children = memory_array(children, sizeof(shelf.children[0]));
    place_well(&shelf);
    free(shelf.edges);
    free(shelf.children);
    box->width = shelf.used_width + 2 * gap;
    box->width = box->width > DRAW_LEAF_WIDTH ? box->width : DRAW_LEAF_WIDTH;
    box->header = header_of(drawing, box);
    int above = is_link(drawing, box) && gap < LINK_GAP ? LINK_GAP : gap;
    box->height = box->header + above + shelf.used_height + gap;
    for (uint32_t child = box->first_child; child != NONE; child = drawing->boxes[child].next_sibling) {
        drawing->boxes[child].x += gap;
        drawing->boxes[child].y += box->header + above;
    }
}

static int size_boxes(struct drawing *drawing, int inner_shape)
{
    for (uint32_t i = drawing->box_count; i-- > 0;)
        size_box(drawing, i, inner_shape);
    return cost_of(drawing->boxes[0].width, drawing->boxes[0].height, PAGE_SHAPE);
}

void draw_layout(struct drawing *drawing)
{
    int best = inner_shapes[0], best_cost = size_boxes(drawing, best);
    for (size_t i = 1; i < sizeof(inner_shapes) / sizeof(inner_shapes[0]); i++) {
        int cost = size_boxes(drawing, inner_shapes[i]);
        if (cost < best_cost) {
            best = inner_shapes[i];
            best_cost = cost;
        }
    }
    size_boxes(drawing, best);
    for (uint32_t i = 1; i < drawing->box_count; i++) {
        struct draw_box *box = &drawing->boxes[i];
        box->x += drawing->boxes[box->parent].x;
        box->y += drawing->boxes[box->parent].y;
    }
}
