/* SPDX-License-Identifier: MIT */
/* Each arrow takes the cheapest way over free cells between the boxes, after those before it: few corners,
 * not along another arrow, but of the same hub. A state is a cell and the direction in which it was entered.
 */
#include "sim/output/draw_steps.h"

#include "sim/base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { RIGHT, DOWN, LEFT, UP, DIRECTIONS };
static const int step_x[DIRECTIONS] = {1, 0, -1, 0}, step_y[DIRECTIONS] = {0, 1, 0, -1};

enum { COST_STEP = 10, COST_BEND = 30, COST_ALONG = 200, COST_ACROSS = 20, COST_ASIDE = 3, LOOP = 2 };

/** Cells of the box in which an arrow runs. */
struct maze {
    struct drawing *drawing;
    uint32_t where, from, to;
    int x, y, width, height; /**< of the box, in cells */
    bool *blocked;
    uint8_t *traffic;        /**< [cell of the picture] 1: an arrow runs across, 2: up and down */
    uint32_t *rails;         /**< [cell of the picture] the hub that arrows here lead to, + 1 */
    int picture_width;       /**< cells a row of these */
    bool hub;                /**< the arrow leads to one */
    uint32_t *cost, *before; /**< [state] */
    uint32_t *heap;          /**< states by cost, then number */
    uint32_t heap_count;
    uint32_t *heap_at; /**< [state] place in the heap + 1, 0: not there */
};

static uint32_t state_of(const struct maze *maze, int x, int y, int direction)
{
    return (uint32_t)(((y - maze->y) * maze->width + (x - maze->x)) * DIRECTIONS + direction);
}

static bool inside(const struct maze *maze, int x, int y)
{
    return x >= maze->x && x < maze->x + maze->width && y >= maze->y && y < maze->y + maze->height;
}

static bool is_free(const struct maze *maze, int x, int y)
{
    return inside(maze, x, y) && !maze->blocked[(y - maze->y) * maze->width + (x - maze->x)];
}

static void block(struct maze *maze, int x, int y, int width, int height)
{
    for (int row = y; row < y + height; row++) {
        for (int column = x; column < x + width; column++)
            maze->blocked[(row - maze->y) * maze->width + (column - maze->x)] = true;
    }
}

/* In `box`, all children but those that one of the ends lies in are walls; of these only the header. */
static void block_children(struct maze *maze, uint32_t box)
{
    const struct draw_box *boxes = maze->drawing->boxes, *at = &boxes[box];
    block(maze, at->x, at->y, at->width, at->header);
    for (uint32_t child = at->first_child; child != NONE; child = boxes[child].next_sibling) {
        const struct draw_box *wall = &boxes[child];
        bool opens = false;
        for (uint32_t end = maze->from; end != NONE; end = boxes[end].parent)
            opens |= boxes[end].parent == child;
        for (uint32_t end = maze->to; end != NONE; end = boxes[end].parent)
            opens |= boxes[end].parent == child;
        if (opens)
            block_children(maze, child);
        else
            block(maze, wall->x, wall->y, wall->width, wall->height);
    }
}

static bool comes_before(const struct maze *maze, uint32_t a, uint32_t b)
{
    return maze->cost[a] != maze->cost[b] ? maze->cost[a] < maze->cost[b] : a < b;
}

static void heap_put(struct maze *maze, uint32_t place, uint32_t state)
{
    maze->heap[place] = state;
    maze->heap_at[state] = place + 1;
}

static void heap_raise(struct maze *maze, uint32_t place, uint32_t state)
{
    while (place > 0 && comes_before(maze, state, maze->heap[(place - 1) / 2])) {
        heap_put(maze, place, maze->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    heap_put(maze, place, state);
}

static uint32_t heap_take(struct maze *maze)
{
    uint32_t first = maze->heap[0], state = maze->heap[--maze->heap_count], place = 0;
    maze->heap_at[first] = 0;
    if (maze->heap_count == 0)
        return first;
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= maze->heap_count)
            break;
        if (child + 1 < maze->heap_count && comes_before(maze, maze->heap[child + 1], maze->heap[child]))
            child++;
        if (!comes_before(maze, maze->heap[child], state))
            break;
        heap_put(maze, place, maze->heap[child]);
        place = child;
    }
    heap_put(maze, place, state);
    return first;
}

static uint32_t traffic_cost(const struct maze *maze, int x, int y, int direction)
{
    int cell = y * maze->picture_width + x;
    unsigned traffic = maze->traffic[cell], own = direction == RIGHT || direction == LEFT ? 1 : 2;
    if (maze->hub && maze->rails[cell] == maze->to + 1)
        return 0;
    return (traffic & own ? COST_ALONG : 0U) + (traffic & ~own ? COST_ACROSS : 0U);
}

static void mark(struct maze *maze, int x, int y, unsigned ways)
{
    maze->traffic[y * maze->picture_width + x] |= (uint8_t)ways;
    if (maze->hub)
        maze->rails[y * maze->picture_width + x] = maze->to + 1;
}

static void offer(struct maze *maze, int x, int y, int direction, uint32_t cost, uint32_t before)
{
    if (!is_free(maze, x, y))
        return;
    uint32_t state = state_of(maze, x, y, direction);
    cost += COST_STEP + traffic_cost(maze, x, y, direction);
    if (cost >= maze->cost[state])
        return;
    maze->cost[state] = cost;
    maze->before[state] = before;
    uint32_t place = maze->heap_at[state] ? maze->heap_at[state] - 1 : maze->heap_count++;
    heap_raise(maze, place, state);
}

/* Leave `box` at every place of its sides; if it is the box all runs in, through its header downward. */
static void leave(struct maze *maze, uint32_t box)
{
    const struct draw_box *at = &maze->drawing->boxes[box];
    bool inward = box == maze->where;
    for (int i = 0; i < at->width; i++) {
        uint32_t aside = (uint32_t)(COST_ASIDE * abs(2 * i + 1 - at->width) / 2);
        if (!inward)
            offer(maze, at->x + i, at->y - 1, UP, aside, NONE);
        offer(maze, at->x + i, at->y + (inward ? at->header : at->height), DOWN, aside, NONE);
    }
    for (int i = 0; i < at->height && !inward; i++) {
        uint32_t aside = (uint32_t)(COST_ASIDE * abs(2 * i + 1 - at->height) / 2);
        offer(maze, at->x - 1, at->y + i, LEFT, aside, NONE);
        offer(maze, at->x + at->width, at->y + i, RIGHT, aside, NONE);
    }
}

/* A step from x, y would enter the box the arrow leads to. */
static bool arrives(const struct maze *maze, int x, int y, int direction)
{
    const struct draw_box *at = &maze->drawing->boxes[maze->to];
    x += step_x[direction];
    y += step_y[direction];
    if (maze->to == maze->where)
        return direction == UP && y == at->y + at->header - 1;
    return x >= at->x && x < at->x + at->width && y >= at->y && y < at->y + at->height;
}

/* The last state of the way, NONE where there is none. */
static uint32_t search(struct maze *maze)
{
    leave(maze, maze->from);
    while (maze->heap_count) {
        uint32_t state = heap_take(maze);
        int direction = (int)(state % DIRECTIONS), cell = (int)(state / DIRECTIONS);
        int x = maze->x + cell % maze->width, y = maze->y + cell / maze->width;
        if (arrives(maze, x, y, direction))
            return state;
        for (int next = 0; next < DIRECTIONS; next++) {
            if (next == (direction + 2) % DIRECTIONS)
                continue;
            offer(maze, x + step_x[next], y + step_y[next], next,
                  maze->cost[state] + (next == direction ? 0 : COST_BEND), state);
        }
    }
    return NONE;
}

/** Corners while they are collected, last first. */
struct way {
    struct draw_point *points;
    uint32_t count;
};

static void add_point(struct way *way, int x, int y)
{
    way->points[way->count++] = (struct draw_point){x, y};
}

/* Half a cell from the middle of x, y. */
static void add_border(struct way *way, int x, int y, int direction, int sign)
{
    add_point(way, x * DRAW_CELL + DRAW_CELL / 2 + sign * step_x[direction] * DRAW_CELL / 2,
              y * DRAW_CELL + DRAW_CELL / 2 + sign * step_y[direction] * DRAW_CELL / 2);
}

static void trace_back(struct maze *maze, uint32_t last, struct draw_arrow *arrow)
{
    uint32_t length = 0;
    for (uint32_t state = last; state != NONE; state = maze->before[state])
        length++;
    struct way way = {memory_array((size_t)length + 2, sizeof(struct draw_point)), 0};
    int ahead = -1;
    for (uint32_t state = last; state != NONE; state = maze->before[state]) {
        int direction = (int)(state % DIRECTIONS), cell = (int)(state / DIRECTIONS);
        int x = maze->x + cell % maze->width, y = maze->y + cell / maze->width;
        mark(maze, x, y, direction == RIGHT || direction == LEFT ? 1 : 2);
        if (ahead < 0) {
            add_border(&way, x, y, direction, 1);
        } else if (ahead != direction) {
            add_point(&way, x * DRAW_CELL + DRAW_CELL / 2, y * DRAW_CELL + DRAW_CELL / 2);
            mark(maze, x, y, 3);
        }
        if (maze->before[state] == NONE)
            add_border(&way, x, y, direction, -1);
        ahead = direction;
    }
    struct draw_point *points = arena_array(maze->drawing->arena, way.count, sizeof(points[0]));
    for (uint32_t i = 0; i < way.count; i++)
        points[i] = way.points[way.count - 1 - i];
    free(way.points);
    arrow->points = points;
    arrow->point_count = way.count;
}

/* Out of the right side and in again. */
static void loop(struct maze *maze, struct draw_arrow *arrow)
{
    const struct draw_box *box = &maze->drawing->boxes[arrow->from];
    int out = box->x + box->width, upper = box->y + 1, lower = box->y + (box->header > 3 ? 4 : 2);
    int near = out * DRAW_CELL, far = near + LOOP * DRAW_CELL, middle = DRAW_CELL / 2;
    const struct draw_point corners[] = {{near, upper * DRAW_CELL + middle},
                                         {far, upper * DRAW_CELL + middle},
                                         {far, lower * DRAW_CELL + middle},
                                         {near, lower * DRAW_CELL + middle}};
    struct draw_point *points = arena_array(maze->drawing->arena, 4, sizeof(points[0]));
    memcpy(points, corners, sizeof(corners));
    arrow->points = points;
    arrow->point_count = 4;
    for (int y = upper; y <= lower; y++) {
        for (int x = out; x <= out + LOOP; x++)
            mark(maze, x, y, 3);
    }
}

static uint32_t meeting(const struct drawing *drawing, uint32_t a, uint32_t b)
{
    /* Parents stand before their children. */
    while (a != b) {
        if (a > b)
            a = drawing->boxes[a].parent;
        else
            b = drawing->boxes[b].parent;
    }
    return a;
}

static void route(struct maze *maze, struct draw_arrow *arrow)
{
    struct drawing *drawing = maze->drawing;
    maze->from = arrow->from;
    maze->to = arrow->to;
    maze->hub = arrow->hub;
    maze->where = meeting(drawing, arrow->from, arrow->to);
    const struct draw_box *box = &drawing->boxes[maze->where];
    maze->x = box->x;
    maze->y = box->y;
    maze->width = box->width;
    maze->height = box->height;
    maze->heap_count = 0;
    size_t cells = (size_t)box->width * (size_t)box->height, states = cells * DIRECTIONS;
    struct arena *scratch = arena_new();
    maze->blocked = arena_array(scratch, cells, sizeof(maze->blocked[0]));
    maze->cost = arena_array(scratch, states, sizeof(maze->cost[0]));
    maze->before = arena_array(scratch, states, sizeof(maze->before[0]));
    maze->heap = arena_array(scratch, states, sizeof(maze->heap[0]));
    maze->heap_at = arena_array(scratch, states, sizeof(maze->heap_at[0]));
    memset(maze->cost, 0xff, states * sizeof(maze->cost[0]));
    block_children(maze, maze->where);
    uint32_t last = search(maze);
    if (last != NONE)
        trace_back(maze, last, arrow);
    arena_free(scratch);
}

void draw_route(struct drawing *drawing)
{
    const struct draw_box *root = &drawing->boxes[0];
    struct maze maze = {.drawing = drawing, .picture_width = root->width};
    size_t cells = (size_t)root->width * (size_t)root->height;
    maze.traffic = memory_array(cells, sizeof(maze.traffic[0]));
    maze.rails = memory_array(cells, sizeof(maze.rails[0]));
    for (uint32_t i = 0; i < drawing->arrow_count; i++) {
        if (drawing->arrows[i].from == drawing->arrows[i].to && !drawing->arrows[i].hub)
            loop(&maze, &drawing->arrows[i]);
    }
    for (uint32_t i = 0; i < drawing->arrow_count; i++) {
        if (drawing->arrows[i].from != drawing->arrows[i].to)
            route(&maze, &drawing->arrows[i]);
    }
    free(maze.traffic);
    free(maze.rails);
}
