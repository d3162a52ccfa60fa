/* SPDX-License-Identifier: MIT */
/*
 * Collectives as NCCL does them, with GPUDirect: data goes from BAR to BAR, within a machine by writes of the
 * function to its peer, between machines by the NICs nearest to both.
 *
 * Ring all-reduce: of each channel's data every rank has one share; in N-1 steps shares are added up around
 * the ring, in N-1 more the sums go around. A share travels in chunks, which overlap.
 * Tree all-reduce: ranks of a machine are a chain, machines a binary tree; chunks go up, added to what a rank
 * has, and down again.
 */
#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/world/software.h"
#include "sim/world/world_simulation.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { SENDS_UNDER_WAY = 8, CHILDREN_MAX = 3 };

/* A rank in one channel. */
struct rank {
    const struct world_collective *collective;
    uint32_t traffic;
    uint32_t rank, ranks;
    struct software *software;
    struct rank *previous, *parent, *up; /* ring; tree; tree's other half of the same rank */
    struct route *next;                  /* ring: to the next rank; tree: to the parent */
    struct rank *next_rank;
    struct rank *children[CHILDREN_MAX];
    struct route *to_children[CHILDREN_MAX];
    uint32_t child_count;
    struct route **to_all; /* all-to-all: [rank] */
    struct rank **all;
};

/* Messages sent and not yet waited for, the oldest first. */
struct sends {
    struct message *messages[SENDS_UNDER_WAY];
    uint64_t count;
};

static void send(struct software *software, struct sends *sends, struct route *route, uint64_t bytes,
                 struct software *receiver)
{
    struct message **slot = &sends->messages[sends->count++ % SENDS_UNDER_WAY];
    if (*slot)
        software_wait_sent(software, *slot);
    *slot = software_send(software, route, bytes, receiver, NULL);
}

static void wait_for_sends(struct software *software, struct sends *sends)
{
    for (uint64_t i = 0; i < SENDS_UNDER_WAY; i++) {
        struct message **slot = &sends->messages[(sends->count + i) % SENDS_UNDER_WAY];
        if (*slot)
            software_wait_sent(software, *slot);
        *slot = NULL;
    }
}

static void reduce(struct software *software, const struct rank *rank, uint64_t bytes)
{
    uint64_t rate = rank->collective->reduce_rate_bytes_per_s;
    if (rate)
        software_sleep(software, (uint64_t)((__uint128_t)bytes * UINT64_C(1000000000000) / rate));
}

/* ---- chunks ---- */

static uint64_t divided_up(uint64_t value, uint64_t parts)
{
    return (value + parts - 1) / parts;
}

/* Bytes of chunk @p number of @p bytes. */
static uint64_t chunk_of(const struct world_collective *collective, uint64_t bytes, uint64_t number)
{
    uint64_t begin = number * collective->chunk_bytes, left = bytes - begin;
    return left < collective->chunk_bytes ? left : collective->chunk_bytes;
}

static uint64_t of_a_channel(const struct world_collective *collective)
{
    return divided_up(collective->size_bytes, collective->channels);
}

/* ---- ring ---- */

static void ring_round(struct software *software, const struct rank *rank)
{
    const struct world_collective *collective = rank->collective;
    uint64_t share = divided_up(of_a_channel(collective), rank->ranks),
             chunks = divided_up(share, collective->chunk_bytes), steps = 2 * (uint64_t)(rank->ranks - 1);
    struct sends sends = {.count = 0};
    for (uint64_t i = 0; i < (steps + 1) * chunks; i++) {
        uint64_t step = i / chunks, bytes = chunk_of(collective, share, i % chunks);
        if (step > 0) {
            software_receive(software, rank->previous->software);
            if (step < rank->ranks)
                reduce(software, rank, bytes);
        }
        if (step < steps)
            send(software, &sends, rank->next, bytes, rank->next_rank->software);
    }
    wait_for_sends(software, &sends);
}

/* ---- tree ---- */

static void tree_up_round(struct software *software, const struct rank *rank)
{
    const struct world_collective *collective = rank->collective;
    uint64_t bytes = of_a_channel(collective), chunks = divided_up(bytes, collective->chunk_bytes);
    struct sends sends = {.count = 0};
    for (uint64_t i = 0; i < chunks; i++) {
        uint64_t chunk = chunk_of(collective, bytes, i);
        for (uint32_t c = 0; c < rank->child_count; c++) {
            software_receive(software, rank->children[c]->software);
            reduce(software, rank, chunk);
        }
        if (rank->parent)
            send(software, &sends, rank->next, chunk, rank->parent->software);
        else
            software_message_there(rank->up->software, software, NULL); /* the root turns it around */
    }
    wait_for_sends(software, &sends);
}

static void tree_down_round(struct software *software, const struct rank *rank)
{
    const struct world_collective *collective = rank->collective;
    uint64_t bytes = of_a_channel(collective), chunks = divided_up(bytes, collective->chunk_bytes);
    const struct software *from = rank->parent ? rank->parent->software : rank->up->software;
    struct sends sends = {.count = 0};
    for (uint64_t i = 0; i < chunks; i++) {
        software_receive(software, from);
        for (uint32_t c = 0; c < rank->child_count; c++)
            send(software, &sends, rank->to_children[c], chunk_of(collective, bytes, i),
                 rank->children[c]->software);
    }
    wait_for_sends(software, &sends);
}

/* ---- all-to-all ---- */

static void all_to_all_round(struct software *software, const struct rank *rank)
{
    uint64_t share = divided_up(of_a_channel(rank->collective), rank->ranks);
    struct sends sends = {.count = 0};
    for (uint32_t i = 1; i < rank->ranks; i++) {
        uint32_t other = (rank->rank + i) % rank->ranks;
        send(software, &sends, rank->to_all[other], share, rank->all[other]->software);
    }
    for (uint32_t i = 1; i < rank->ranks; i++)
        software_receive(software, rank->all[(rank->rank + rank->ranks - i) % rank->ranks]->software);
    wait_for_sends(software, &sends);
}

/* ---- rounds ---- */

static void run_rounds(struct software *software,
                       void (*round)(struct software *software, const struct rank *rank), bool recorded)
{
    const struct rank *rank = software->role;
    for (uint32_t i = 0; i < rank->collective->repeat; i++) {
        uint64_t begun_ps = software_now_ps(software);
        round(software, rank);
        if (recorded)
            traffic_record(software->node, rank->traffic, begun_ps);
    }
}

static void run_ring(struct software *software)
{
    run_rounds(software, ring_round, true);
}

static void run_tree_up(struct software *software)
{
    run_rounds(software, tree_up_round, false);
}

static void run_tree_down(struct software *software)
{
    run_rounds(software, tree_down_round, true);
}

static void run_all_to_all(struct software *software)
{
    run_rounds(software, all_to_all_round, true);
}

/* ---- making them ---- */

struct maker {
    struct world_simulation *simulation;
    const struct world_collective *collective;
    uint32_t traffic, channel;
};

static struct world_end end_of(const struct maker *maker, uint32_t rank)
{
    return maker->collective->ranks.items[rank];
}

static struct software *make_software(const struct maker *maker, struct rank *rank,
                                      void (*body)(struct software *software), const char *part)
{
    const struct world *world = maker->simulation->world;
    struct world_end end = end_of(maker, rank->rank);
    struct text_buffer name = {0};
    text_buffer_format(&name, "rank %" PRIu32 "%s of \"%s\"", rank->rank, part, maker->collective->name);
    if (maker->collective->channels > 1)
        text_buffer_format(&name, ", channel %" PRIu32 ",", maker->channel);
    text_buffer_add(&name, " at ");
    world_end_print(world, end, &name);
    struct software *software =
        software_new(world_simulation_node(maker->simulation, end.machine),
                     arena_string(maker->simulation->arena, text_buffer_get(&name)), body, rank);
    text_buffer_fini(&name);
    return software;
}

static struct rank *make_ranks(const struct maker *maker, void (*body)(struct software *software),
                               const char *part)
{
    const struct world_collective *collective = maker->collective;
    uint32_t count = collective->ranks.count;
    struct rank *ranks = arena_array(maker->simulation->arena, count, sizeof(*ranks));
    for (uint32_t i = 0; i < count; i++) {
        ranks[i] =
            (struct rank){.collective = collective, .traffic = maker->traffic, .rank = i, .ranks = count};
        ranks[i].software = make_software(maker, &ranks[i], body, part);
    }
    return ranks;
}

static struct route *way(const struct maker *maker, uint32_t from, uint32_t to, uint64_t bytes)
{
    return route_new(maker->simulation, maker->traffic, end_of(maker, from), end_of(maker, to), bytes,
                     maker->channel);
}

/* The ranks of the machine that @p rank is in are first .. first + count - 1. */
static void machine_block(const struct maker *maker, uint32_t rank, uint32_t *first, uint32_t *count)
{
    uint32_t machine = end_of(maker, rank).machine, ranks = maker->collective->ranks.count;
    *first = rank;
    while (*first > 0 && end_of(maker, *first - 1).machine == machine)
        --*first;
    *count = 0;
    while (*first + *count < ranks && end_of(maker, *first + *count).machine == machine)
        ++*count;
}

/* The rank at @p place of the channel's order: within a machine the ranks are turned by the channel, so that
 * each channel leaves it by another one. */
static uint32_t at_place(const struct maker *maker, uint32_t place)
{
    uint32_t first = 0, count = 1;
    machine_block(maker, place, &first, &count);
    assert(count); /* the rank itself is one */
    return first + (place - first + maker->channel) % count;
}

static void make_ring(const struct maker *maker)
{
    struct rank *ranks = make_ranks(maker, run_ring, "");
    uint32_t count = maker->collective->ranks.count;
    for (uint32_t place = 0; place < count; place++) {
        struct rank *rank = &ranks[at_place(maker, place)],
                    *next = &ranks[at_place(maker, (place + 1) % count)];
        rank->next_rank = next;
        next->previous = rank;
        rank->next = way(maker, rank->rank, next->rank, maker->collective->chunk_bytes);
    }
}

static void add_child(const struct maker *maker, struct rank *up, struct rank *down, uint32_t parent,
                      uint32_t child)
{
    uint64_t bytes = maker->collective->chunk_bytes;
    struct rank *above = &up[parent], *below = &down[parent];
    up[child].parent = above;
    up[child].next = way(maker, child, parent, bytes);
    down[child].parent = below;
    above->children[above->child_count++] = &up[child];
    below->to_children[below->child_count] = way(maker, parent, child, bytes);
    below->children[below->child_count++] = &down[child];
}

static void make_tree(const struct maker *maker)
{
    struct rank *up = make_ranks(maker, run_tree_up, " (up)"),
                *down = make_ranks(maker, run_tree_down, " (down)");
    uint32_t count = maker->collective->ranks.count, leaders = 0, first, block;
    uint32_t *leader = arena_array(maker->simulation->arena, count, sizeof(*leader));
    for (uint32_t place = 0; place < count; place++) {
        up[place].up = &down[place];
        down[place].up = &up[place];
        machine_block(maker, place, &first, &block);
        if (place == first)
            leader[leaders++] = at_place(maker, place);
        else
            add_child(maker, up, down, at_place(maker, place - 1), at_place(maker, place));
    }
    for (uint32_t i = 1; i < leaders; i++)
        add_child(maker, up, down, leader[(i - 1) / 2], leader[i]);
}

static void make_all_to_all(const struct maker *maker)
{
    struct rank *ranks = make_ranks(maker, run_all_to_all, "");
    uint32_t count = maker->collective->ranks.count;
    uint64_t share = divided_up(of_a_channel(maker->collective), count);
    struct rank **all = arena_array(maker->simulation->arena, count, sizeof(struct rank *));
    for (uint32_t i = 0; i < count; i++)
        all[i] = &ranks[i];
    for (uint32_t i = 0; i < count; i++) {
        ranks[i].all = all;
        ranks[i].to_all = arena_array(maker->simulation->arena, count, sizeof(struct route *));
        for (uint32_t j = 0; j < count; j++)
            ranks[i].to_all[j] = i == j ? NULL : way(maker, i, j, share);
    }
}

void make_collective_software(struct world_simulation *simulation)
{
    const struct world *world = simulation->world;
    for (uint32_t i = 0; i < world->collective_count; i++) {
        struct maker maker = {simulation, &world->collectives[i], world->stream_count + i, 0};
        for (; maker.channel < world->collectives[i].channels; maker.channel++) {
            if (world->collectives[i].kind == COLLECTIVE_ALL_TO_ALL)
                make_all_to_all(&maker);
            else if (world->collectives[i].algorithm == ALGORITHM_RING)
                make_ring(&maker);
            else
                make_tree(&maker);
        }
        simulation->expected[maker.traffic] = (uint64_t)world->collectives[i].ranks.count *
                                              world->collectives[i].channels * world->collectives[i].repeat;
    }
}
