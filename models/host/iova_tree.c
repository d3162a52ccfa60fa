/* SPDX-License-Identifier: MIT */
#include "models/host/iova_tree.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>

static struct iova_node *at(const struct iova_tree *tree, uint32_t node)
{
    return &tree->nodes[node];
}

/* ---- the treap ---- */

/* splitmix64 (Steele, Lea, Flood 2014): priorities that look random and are the same in every run. */
static uint64_t next_priority(struct iova_tree *tree)
{
    uint64_t z = tree->seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Put @p child where @p node hangs. */
static void replace(struct iova_tree *tree, uint32_t node, uint32_t child)
{
    uint32_t parent = at(tree, node)->parent;
    if (parent == IOVA_NONE)
        tree->root = child;
    else if (at(tree, parent)->left == node)
        at(tree, parent)->left = child;
    else
        at(tree, parent)->right = child;
    if (child != IOVA_NONE)
        at(tree, child)->parent = parent;
}

/* Turn the edge between @p node and its parent: the node goes up. */
static void rotate_up(struct iova_tree *tree, uint32_t node)
{
    uint32_t parent = at(tree, node)->parent;
    bool left = at(tree, parent)->left == node;
    uint32_t inner = left ? at(tree, node)->right : at(tree, node)->left;
    replace(tree, parent, node);
    if (left) {
        at(tree, parent)->left = inner;
        at(tree, node)->right = parent;
    } else {
        at(tree, parent)->right = inner;
        at(tree, node)->left = parent;
    }
    at(tree, parent)->parent = node;
    if (inner != IOVA_NONE)
        at(tree, inner)->parent = parent;
}

static uint32_t new_node(struct iova_tree *tree, uint64_t low, uint64_t high)
{
    uint32_t node = tree->free_first;
    if (node == IOVA_NONE) {
        tree->nodes = memory_grow(tree->nodes, tree->count, &tree->capacity, sizeof(*tree->nodes));
        node = tree->count++;
    } else {
        tree->free_first = at(tree, node)->above;
    }
    *at(tree, node) = (struct iova_node){.low = low,
                                         .high = high,
                                         .priority = next_priority(tree),
                                         .parent = IOVA_NONE,
                                         .left = IOVA_NONE,
                                         .right = IOVA_NONE,
                                         .below = IOVA_NONE,
                                         .above = IOVA_NONE};
    return node;
}

/* A new range right below @p above. */
static uint32_t insert_below(struct iova_tree *tree, uint32_t above, uint64_t low, uint64_t high)
{
    uint32_t node = new_node(tree, low, high), below = at(tree, above)->below;
    at(tree, node)->above = above;
    at(tree, node)->below = below;
    at(tree, above)->below = node;
    if (below != IOVA_NONE)
        at(tree, below)->above = node;
    uint32_t parent = at(tree, above)->left == IOVA_NONE ? above : below;
    at(tree, node)->parent = parent;
    if (parent == above)
        at(tree, above)->left = node;
    else
        at(tree, below)->right = node;
    while (at(tree, node)->parent != IOVA_NONE &&
           at(tree, at(tree, node)->parent)->priority < at(tree, node)->priority)
        rotate_up(tree, node);
    tree->ranges++;
    return node;
}

static void erase(struct iova_tree *tree, uint32_t node)
{
    for (;;) {
        uint32_t left = at(tree, node)->left, right = at(tree, node)->right;
        if (left == IOVA_NONE || right == IOVA_NONE) {
            replace(tree, node, left == IOVA_NONE ? right : left);
            break;
        }
        rotate_up(tree, at(tree, left)->priority > at(tree, right)->priority ? left : right);
    }
    uint32_t below = at(tree, node)->below, above = at(tree, node)->above;
    at(tree, above)->below = below;
    if (below != IOVA_NONE)
        at(tree, below)->above = above;
    at(tree, node)->above = tree->free_first;
    tree->free_first = node;
    tree->ranges--;
}

/* The lowest range that begins at page @p low or above it. */
static uint32_t first_from(const struct iova_tree *tree, uint64_t low)
{
    uint32_t found = IOVA_ANCHOR;
    for (uint32_t node = tree->root; node != IOVA_NONE;) {
        if (at(tree, node)->low >= low) {
            found = node;
            node = at(tree, node)->left;
        } else {
            node = at(tree, node)->right;
        }
    }
    return found;
}

/* ---- the kernel's search ---- */

void iova_tree_init(struct iova_tree *tree, unsigned page_shift, uint64_t first_page)
{
    *tree = (struct iova_tree){.root = IOVA_NONE,
                               .free_first = IOVA_NONE,
                               .first_page = first_page,
                               .pages_32 = UINT64_C(1) << (32 - page_shift),
                               .cached = IOVA_ANCHOR,
                               .cached_32 = IOVA_ANCHOR};
    tree->too_large_32 = tree->pages_32;
    tree->root = new_node(tree, UINT64_MAX, UINT64_MAX);
}

void iova_tree_fini(struct iova_tree *tree)
{
    free(tree->nodes);
    *tree = (struct iova_tree){0};
}

void iova_tree_reserve(struct iova_tree *tree, uint64_t low, uint64_t high)
{
    uint32_t above = first_from(tree, low), below = at(tree, above)->below;
    if (below != IOVA_NONE && at(tree, below)->high >= low)
        low = at(tree, below)->high + 1;
    while (low <= high) {
        uint64_t last = at(tree, above)->low <= high ? at(tree, above)->low - 1 : high;
        if (low <= last)
            insert_below(tree, above, low, last);
        if (above == IOVA_ANCHOR)
            return;
        low = at(tree, above)->high + 1;
        above = at(tree, above)->above;
    }
}

/* What the search walks down with. */
struct search {
    uint32_t above, below; /* the ranges round the candidate */
    uint64_t high, page;   /* one above the free place; the candidate */
};

/* Go down from @p above until a place of @p pages fits or lies below page @p low. */
static void walk_down(const struct iova_tree *tree, struct search *search, uint64_t pages, uint64_t mask,
                      uint64_t low, uint64_t *visited)
{
    uint32_t node = search->above;
    do {
        uint64_t begin = at(tree, node)->low;
        search->high = search->high < begin ? search->high : begin;
        search->page = (search->high - pages) & mask;
        search->above = node;
        node = at(tree, node)->below;
        search->below = node;
        ++*visited;
    } while (node != IOVA_NONE && search->page <= at(tree, node)->high && search->page >= low);
}

/* iova_find_limit(): where a second search begins. */
static uint32_t find_limit(const struct iova_tree *tree, uint64_t limit)
{
    return limit > tree->pages_32 ? IOVA_ANCHOR : first_from(tree, limit);
}

bool iova_tree_take(struct iova_tree *tree, uint64_t pages, uint64_t last_page, uint64_t *low,
                    uint64_t *visited)
{
    uint64_t limit = last_page + 1, mask = UINT64_MAX, floor = tree->first_page;
    bool below_32 = limit <= tree->pages_32;
    while (~mask + 1 < pages)
        mask <<= 1;
    if (below_32 && pages >= tree->too_large_32)
        return false;
    struct search search = {.above = below_32 ? tree->cached_32 : tree->cached, .high = limit};
    uint64_t begun_at = at(tree, search.above)->high;
    walk_down(tree, &search, pages, mask, floor, visited);
    if ((search.high < pages || search.page < floor) && begun_at < limit) {
        /* What is above the place where the search began has not been looked at. */
        search = (struct search){.above = find_limit(tree, limit), .high = limit};
        floor = begun_at + 1;
        walk_down(tree, &search, pages, mask, floor, visited);
    }
    if (search.high < pages || search.page < floor) {
        tree->too_large_32 = pages;
        return false;
    }
    uint32_t node = insert_below(tree, search.above, search.page, search.page + pages - 1);
    if (at(tree, node)->high < tree->pages_32)
        tree->cached_32 = node;
    else
        tree->cached = node;
    *low = search.page;
    return true;
}

void iova_tree_give(struct iova_tree *tree, uint64_t low)
{
    uint32_t node = first_from(tree, low), above = at(tree, node)->above;
    assert(node != IOVA_ANCHOR && at(tree, node)->low == low);
    if (node == tree->cached_32 ||
        (at(tree, node)->high < tree->pages_32 && low >= at(tree, tree->cached_32)->low))
        tree->cached_32 = above;
    if (low < tree->pages_32)
        tree->too_large_32 = tree->pages_32;
    if (low >= at(tree, tree->cached)->low)
        tree->cached = above;
    erase(tree, node);
}

bool iova_tree_check(const struct iova_tree *tree)
{
    uint32_t ranges = 0;
    for (uint32_t node = IOVA_ANCHOR; node != IOVA_NONE; node = at(tree, node)->below) {
        const struct iova_node *n = at(tree, node);
        if (first_from(tree, n->low) != node || n->low > n->high)
            return false;
        if (n->below != IOVA_NONE &&
            (at(tree, n->below)->high >= n->low || at(tree, n->below)->above != node))
            return false;
        if (n->parent == IOVA_NONE ? tree->root != node : at(tree, n->parent)->priority < n->priority)
            return false;
        ranges++;
    }
    return ranges == tree->ranges + 1;
}
