/* SPDX-License-Identifier: MIT */
/*
 * The software at both ends of streams: who pushes, who fetches, clients and servers of an RDMA key-value
 * store and of NVMe over Fabrics (NVM Express over Fabrics 1.1: command capsule, data by RDMA, response
 * capsule).
 */
#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/kernel/random.h"
#include "sim/world/software.h"
#include "sim/world/world_simulation.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { SSD_OPERATIONS = 32 };

/* A request under way; the server is handed it. */
struct request {
    struct software *client;
    struct route *data, *answer;
    uint64_t begun_ps;
};

/* What one message goes by, and for requests who serves it. */
struct way {
    struct route *request, *data, *answer;
    struct software *server;
};

/* Whoever begins transfers. */
struct initiator {
    const struct world_stream *stream;
    uint32_t traffic;
    struct way *ways; /* one after the other, again and again */
    uint64_t way_count;
};

struct server {
    const struct world_stream *stream;
    uint32_t traffic;
    uint32_t ssd; /* function */
    uint64_t requests;
};

/* ---- RDMA ---- */

static void push(struct software *software)
{
    const struct initiator *role = software->role;
    uint32_t depth = role->stream->queue_depth;
    struct message **under_way = arena_array(software->node->arena, depth, sizeof(struct message *));
    for (uint64_t i = 0; i < role->stream->messages + depth; i++) {
        struct message **slot = &under_way[i % depth];
        if (*slot)
            software_wait_sent(software, *slot);
        *slot = NULL;
        if (i < role->stream->messages)
            *slot = software_send(software, role->ways[i % role->way_count].data, role->stream->size_bytes,
                                  NULL, NULL);
    }
}

/* Ask for @p number: by the NIC itself, or from software. */
static void ask(struct software *software, const struct initiator *role, struct request *request,
                uint64_t number)
{
    const struct way *way = &role->ways[number % role->way_count];
    *request = (struct request){software, way->data, way->answer, software_now_ps(software)};
    if (role->stream->kind != WORLD_RDMA_READ) {
        software_tell(software, way->request, role->stream->request_bytes, way->server, request);
        return;
    }
    software_sleep(software, software->node->simulation->world->software.send_ps);
    message_fetch(way->data, role->stream->size_bytes, software, request);
}

static void fetch(struct software *software)
{
    const struct initiator *role = software->role;
    uint64_t asked = 0, done = 0;
    struct request *requests =
        arena_array(software->node->arena, role->stream->queue_depth, sizeof(*requests));
    while (asked < role->stream->messages && asked < role->stream->queue_depth) {
        ask(software, role, &requests[asked], asked);
        asked++;
    }
    for (; done < role->stream->messages; done++) {
        struct request *request = software_receive(software, NULL).note;
        traffic_record(software->node, role->traffic, request->begun_ps);
        if (asked < role->stream->messages)
            ask(software, role, request, asked++);
    }
}

/* ---- servers ---- */

/* Have the SSD write to memory, or read from it. @return false where it failed */
static bool move_by_ssd(struct software *software, const struct server *server, bool write)
{
    const struct node_window *memory = node_window(software->node, NONE);
    uint64_t piece = software->node->simulation->world->software.segment_bytes,
             left = server->stream->size_bytes;
    bool good = true;
    while (left) {
        struct dma_request requests[SSD_OPERATIONS];
        uint32_t count = 0;
        for (; count < SSD_OPERATIONS && left; count++) {
            uint64_t bytes = left < piece ? left : piece;
            const struct node_operation operation = {
                .function_id = server->ssd,
                .traffic = server->traffic,
                .in_memory = true,
                .write = write,
                .address = memory->base + (count * piece) % (memory->bytes - bytes + 1) / 64 * 64,
                .bytes = (uint32_t)bytes};
            dma_submit(software, &operation, &requests[count]);
            left -= bytes;
        }
        for (uint32_t i = 0; i < count; i++)
            good &= dma_wait(software, &requests[i]);
    }
    return good;
}

static void serve_one(struct software *software, const struct server *server, struct request *request)
{
    const struct world_stream *stream = server->stream;
    uint64_t answer_bytes = stream->kind == WORLD_NVME_OF_WRITE ? stream->request_bytes : stream->size_bytes;
    software_sleep(software, stream->serve_ps);
    if (stream->kind == WORLD_NVME_OF_WRITE) {
        message_fetch(request->data, stream->size_bytes, software, NULL);
        software_receive(software, software);
    }
    bool good =
        stream->kind == WORLD_KEY_VALUE || move_by_ssd(software, server, stream->kind == WORLD_NVME_OF_READ);
    if (!good)
        return;
    if (stream->kind == WORLD_KEY_VALUE) { /* values stay where they are: the next can be sent at once */
        software_tell(software, request->answer, answer_bytes, request->client, request);
        return;
    }
    software_wait_sent(software,
                       software_send(software, request->answer, answer_bytes, request->client, request));
}

static void serve(struct software *software)
{
    const struct server *server = software->role;
    for (uint64_t i = 0; i < server->requests; i++)
        serve_one(software, server, software_receive(software, NULL).note);
}

/* ---- making them ---- */

struct maker {
    struct world_simulation *simulation;
    const struct world_stream *stream;
    uint32_t traffic;
    struct software **servers; /* [end of from x servers] */
    struct random_stream random;
    uint32_t turn;
};

static const char *end_name(struct world_simulation *simulation, const char *what, const char *stream,
                            struct world_end end)
{
    struct text_buffer name = {0};
    text_buffer_format(&name, "%s of \"%s\" at ", what, stream);
    world_end_print(simulation->world, end, &name);
    const char *kept = arena_string(simulation->arena, text_buffer_get(&name));
    text_buffer_fini(&name);
    return kept;
}

static bool has_server(const struct world_stream *stream)
{
    return stream->kind != WORLD_RDMA_WRITE && stream->kind != WORLD_RDMA_READ;
}

static void make_servers(struct maker *maker)
{
    const struct world_stream *stream = maker->stream;
    struct world_simulation *simulation = maker->simulation;
    maker->servers = arena_array(simulation->arena, (size_t)stream->from.count * stream->servers,
                                 sizeof(struct software *));
    for (uint32_t i = 0; i < stream->from.count; i++) {
        struct world_end end = stream->from.items[i];
        struct node *node = world_simulation_node(simulation, end.machine);
        node_touch(node, maker->traffic, 1);
        node_use(node, NONE, stream->size_bytes);
        for (uint32_t s = 0; s < stream->servers; s++) {
            struct server *server = arena_alloc(simulation->arena, sizeof(*server));
            *server = (struct server){.stream = stream, .traffic = maker->traffic, .ssd = end.function_id};
            maker->servers[i * stream->servers + s] =
                software_new(node, end_name(simulation, "server", stream->name, end), serve, server);
        }
    }
}

/* The way between the from end @p f and the to end @p t, used for @p messages. */
static struct way make_way(struct maker *maker, uint32_t f, uint32_t t, uint64_t messages)
{
    const struct world_stream *stream = maker->stream;
    struct world_simulation *simulation = maker->simulation;
    struct world_end from = stream->from.items[f], to = stream->to.items[t];
    struct world_end from_memory = {from.machine, NONE}, to_memory = {to.machine, NONE};
    struct way way = {0};
    uint32_t turn = maker->turn++;
    if (!has_server(stream)) {
        way.data = route_new(simulation, maker->traffic, from, to, stream->size_bytes, turn);
        way.data->counted = stream->kind == WORLD_RDMA_WRITE;
    } else {
        way.request =
            route_new(simulation, maker->traffic, to_memory, from_memory, stream->request_bytes, turn);
        if (stream->kind == WORLD_NVME_OF_WRITE) {
            way.data = route_new(simulation, maker->traffic, to, from_memory, stream->size_bytes, turn);
            way.answer =
                route_new(simulation, maker->traffic, from_memory, to_memory, stream->request_bytes, turn);
        } else {
            way.answer = route_new(simulation, maker->traffic, from_memory, to, stream->size_bytes, turn);
        }
        way.server = maker->servers[f * stream->servers + turn % stream->servers];
        ((struct server *)way.server->role)->requests += messages;
    }
    node_touch(world_simulation_node(simulation, to.machine), maker->traffic, stream->cpus);
    return way;
}

static void make_initiator(struct maker *maker, struct way *ways, uint64_t way_count, struct world_end end)
{
    struct world_simulation *simulation = maker->simulation;
    bool pushes = maker->stream->kind == WORLD_RDMA_WRITE;
    struct initiator *role = arena_alloc(simulation->arena, sizeof(*role));
    *role = (struct initiator){maker->stream, maker->traffic, ways, way_count};
    software_new(world_simulation_node(simulation, end.machine),
                 end_name(simulation, pushes ? "sender" : "client", maker->stream->name, end),
                 pushes ? push : fetch, role);
    simulation->expected[maker->traffic] += maker->stream->messages;
}

static void make_pair(struct maker *maker, uint32_t f, uint32_t t)
{
    const struct world_stream *stream = maker->stream;
    if (stream->from.items[f].machine == stream->to.items[t].machine)
        return;
    struct way *way = arena_alloc(maker->simulation->arena, sizeof(*way));
    *way = make_way(maker, f, t, stream->messages);
    make_initiator(maker, way, 1,
                   stream->kind == WORLD_RDMA_WRITE ? stream->from.items[f] : stream->to.items[t]);
}

/* Another end, in another machine, for every message. */
static void make_random(struct maker *maker, uint32_t initiator, bool pushes)
{
    const struct world_stream *stream = maker->stream;
    const struct world_ends *others = pushes ? &stream->to : &stream->from;
    struct world_end own = (pushes ? &stream->from : &stream->to)->items[initiator];
    struct way *ways = arena_array(maker->simulation->arena, stream->messages, sizeof(*ways));
    uint32_t elsewhere = 0;
    for (uint32_t i = 0; i < others->count; i++)
        elsewhere += others->items[i].machine != own.machine;
    if (!elsewhere)
        return;
    for (uint64_t m = 0; m < stream->messages; m++) {
        uint32_t other;
        do {
            other = (uint32_t)random_below(&maker->random, others->count);
        } while (others->items[other].machine == own.machine);
        ways[m] = pushes ? make_way(maker, initiator, other, 1) : make_way(maker, other, initiator, 1);
    }
    make_initiator(maker, ways, stream->messages, own);
}

static void make_stream(struct maker *maker)
{
    const struct world_stream *stream = maker->stream;
    uint32_t from = stream->from.count, to = stream->to.count;
    bool pushes = stream->kind == WORLD_RDMA_WRITE;
    assert(from && to); /* ends name somebody (world_traffic.c) */
    if (has_server(stream))
        make_servers(maker);
    switch (stream->pairing) {
    case PAIRING_ONE_TO_ONE:
        for (uint32_t i = 0; i < (from > to ? from : to); i++)
            make_pair(maker, i % from, i % to);
        break;
    case PAIRING_ALL:
        for (uint32_t i = 0; i < from * to; i++)
            make_pair(maker, i / to, i % to);
        break;
    case PAIRING_RANDOM:
        for (uint32_t i = 0; i < (pushes ? from : to); i++)
            make_random(maker, i, pushes);
        break;
    }
}

void make_stream_software(struct world_simulation *simulation)
{
    const struct world *world = simulation->world;
    for (uint32_t i = 0; i < world->stream_count; i++) {
        struct maker maker = {.simulation = simulation, .stream = &world->streams[i], .traffic = i};
        random_init(&maker.random, world->seed, world->streams[i].name);
        make_stream(&maker);
    }
}
