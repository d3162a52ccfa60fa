/* SPDX-License-Identifier: MIT */
#include "sim/world/node.h"

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/world/message.h"
#include "sim/world/simgrid_compat.h"
#include "sim/world/software.h"
#include "sim/world/world_simulation.h"

#include <simgrid/actor.h>
#include <simgrid/semaphore.h>
#include <stdlib.h>
#include <string.h>

/* Progress is asked for now and then; a piece that nobody can disturb is this many windows long. */
enum { WINDOWS_BETWEEN_QUESTIONS = 64, WINDOWS_OF_A_PIECE = 1000 };

/* ---- the inbox: a heap in the order of arrival ---- */

static bool before(const struct packet *a, const struct packet *b)
{
    if (a->time_ps != b->time_ps)
        return a->time_ps < b->time_ps;
    return a->source != b->source ? a->source < b->source : a->sequence < b->sequence;
}

static void inbox_push(struct node *node, const struct packet *packet)
{
    node->inbox = memory_grow(node->inbox, node->inbox_count, &node->inbox_capacity, sizeof(*node->inbox));
    size_t hole = node->inbox_count++;
    while (hole && before(packet, &node->inbox[(hole - 1) / 2])) {
        node->inbox[hole] = node->inbox[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    node->inbox[hole] = *packet;
}

static struct packet inbox_pop(struct node *node)
{
    struct packet first = node->inbox[0], moved = node->inbox[--node->inbox_count];
    size_t hole = 0, child;
    while ((child = 2 * hole + 1) < node->inbox_count) {
        if (child + 1 < node->inbox_count && before(&node->inbox[child + 1], &node->inbox[child]))
            child++;
        if (!before(&node->inbox[child], &moved))
            break;
        node->inbox[hole] = node->inbox[child];
        hole = child;
    }
    node->inbox[hole] = moved;
    return first;
}

void node_deliver(struct node *node, const struct packet *packet)
{
    pthread_mutex_lock(&node->lock);
    inbox_push(node, packet);
    bool wake = packet->time_ps < node->wakes_at_ps;
    if (wake)
        node->wakes_at_ps = 0;
    pthread_mutex_unlock(&node->lock);
    if (wake)
        sg_sem_release(node->wake);
}

void node_send_control(struct node *node, struct node *to, struct packet *packet, uint64_t latency_ps)
{
    packet->source = node->number;
    packet->sequence = node->sequence++;
    packet->sent_ps = node_now_ps(node);
    packet->time_ps = packet->sent_ps + latency_ps;
    atomic_fetch_add(&node->simulation->active, 1);
    node_deliver(to, packet);
}

/* ---- objects ---- */

void *node_take_object(struct node *node, enum node_object kind, size_t size)
{
    void *object = node->free_objects[kind];
    if (!object)
        return arena_alloc(node->arena, size);
    memcpy(&node->free_objects[kind], object, sizeof(void *));
    return memset(object, 0, size);
}

void node_give_object(struct node *node, enum node_object kind, void *object)
{
    memcpy(object, &node->free_objects[kind], sizeof(void *));
    node->free_objects[kind] = object;
}

/* ---- what the machine calls back ---- */

static uint32_t take_call(struct node *node, const struct node_call *call)
{
    uint32_t token = node->free_call;
    if (token == NONE) {
        node->calls = memory_grow(node->calls, node->call_count, &node->call_capacity, sizeof(*node->calls));
        token = node->call_count++;
    } else {
        node->free_call = node->calls[token].next_free;
    }
    node->calls[token] = *call;
    node->calls_pending++;
    return token;
}

static struct node_call give_call(struct node *node, uint32_t token)
{
    struct node_call call = node->calls[token];
    node->calls[token].next_free = node->free_call;
    node->free_call = token;
    node->calls_pending--;
    return call;
}

static void machine_called(void *context, uint32_t token)
{
    struct node_call call = give_call(context, token);
    call.called(call.argument);
}

static void machine_operation_over(void *context, uint32_t token, const struct machine_operation_time *time,
                                   bool failed)
{
    struct node_call call = give_call(context, token);
    call.over(call.argument, time, failed);
}

uint64_t node_now_ps(const struct node *node)
{
    return machine_now_ps(node->machine);
}

void node_call_in(struct node *node, uint64_t delay_ps, void (*called)(void *argument), void *argument)
{
    const struct node_call call = {.called = called, .argument = argument};
    machine_call_at(node->machine, node_now_ps(node) + delay_ps, take_call(node, &call));
}

void node_submit(struct node *node, const struct node_operation *operation,
                 void (*over)(void *argument, const struct machine_operation_time *time, bool failed),
                 void *argument)
{
    struct node_traffic *traffic = &node->traffic[operation->traffic];
    const struct node_call call = {.over = over, .argument = argument};
    uint32_t stream = traffic->first_stream;
    if (operation->in_memory && node->maps_each_use[operation->function_id])
        stream += 1 + traffic->next_cpu++ % traffic->cpus;
    machine_submit(node->machine, &(struct machine_operation){.function_id = operation->function_id,
                                                              .stream = stream,
                                                              .address = operation->address,
                                                              .length_bytes = operation->bytes,
                                                              .write = operation->write,
                                                              .token = take_call(node, &call)});
}

void node_make_runnable(struct node *node, struct software *software)
{
    if (software->runnable)
        return;
    software->runnable = true;
    software->next = NULL;
    if (node->runnable_last)
        node->runnable_last->next = software;
    else
        node->runnable_first = software;
    node->runnable_last = software;
    machine_pause(node->machine);
}

/* ---- the driver ---- */

static void run_software(struct node *node)
{
    while (node->runnable_first) {
        struct software *software = node->runnable_first;
        node->runnable_first = software->next;
        if (!node->runnable_first)
            node->runnable_last = NULL;
        software->runnable = false;
        sg_sem_release(software->turn);
        sg_sem_acquire(node->turn);
    }
}

struct arrival {
    struct node *node;
    struct packet packet;
};

static void arrive(void *argument)
{
    struct arrival *arrival = argument;
    struct node *node = arrival->node;
    const struct packet packet = arrival->packet;
    node_give_object(node, OBJECT_ARRIVAL, arrival);
    message_packet_arrived(node, &packet);
}

/* All arrivals before @p limit_ps become calls of the machine. @return their number */
static unsigned take_arrivals(struct node *node, uint64_t limit_ps)
{
    unsigned count = 0;
    pthread_mutex_lock(&node->lock);
    while (node->inbox_count && node->inbox[0].time_ps < limit_ps) {
        struct arrival *arrival = node_take_object(node, OBJECT_ARRIVAL, sizeof(*arrival));
        *arrival = (struct arrival){node, inbox_pop(node)};
        const struct node_call call = {.called = arrive, .argument = arrival};
        machine_call_at(node->machine, arrival->packet.time_ps, take_call(node, &call));
        count++;
    }
    pthread_mutex_unlock(&node->lock);
    return count;
}

/* A node is active while it waits for operations or times of its own. It is so before its arrivals are not
 * under way any more: the sum is zero only where nothing can happen between machines. */
static void update_activity(struct node *node, unsigned taken)
{
    bool active = node->calls_pending || node->runnable_first;
    if (active && !node->active)
        atomic_fetch_add(&node->simulation->active, 1);
    atomic_fetch_sub(&node->simulation->active, taken + (!active && node->active));
    node->active = active;
}

static bool run_window(struct node *node, uint64_t limit_ps)
{
    int status;
    node->windows_run++;
    unsigned taken = take_arrivals(node, limit_ps);
    do {
        run_software(node);
        status = machine_run_until(node->machine, limit_ps);
    } while (status > 0 || node->runnable_first);
    if (status < 0)
        node->simulation->status = status;
    if (node->background && machine_streams_left(node->machine) == 0) {
        node_make_runnable(node, node->background);
        node->background = NULL;
        run_software(node);
    }
    update_activity(node, taken);
    return status == 0;
}

/* Sleep until there is something to do. */
static void sleep_until_needed(struct node *node)
{
    for (;;) {
        uint64_t next_ps = machine_next_ps(node->machine), now_ps = simgrid_compat_now_ps();
        pthread_mutex_lock(&node->lock);
        if (node->inbox_count && node->inbox[0].time_ps < next_ps)
            next_ps = node->inbox[0].time_ps;
        node->wakes_at_ps = next_ps > now_ps ? next_ps : 0;
        pthread_mutex_unlock(&node->lock);
        if (next_ps <= now_ps)
            return;
        simgrid_compat_acquire_until(node->wake, next_ps);
    }
}

static void drive(void *data)
{
    struct node *node = data;
    struct world_simulation *simulation = node->simulation;
    for (;;) {
        bool alone = atomic_load(&simulation->active) == 0;
        bool good = run_window(node, simgrid_compat_now_ps() +
                                         simulation->window_ps * (alone ? WINDOWS_OF_A_PIECE : 1));
        bool ask = node->windows_run % WINDOWS_BETWEEN_QUESTIONS == 0;
        if (!good || atomic_load(&simulation->stopped) || (ask && !world_simulation_goes_on(simulation))) {
            sg_actor_kill_all();
            return;
        }
        sleep_until_needed(node);
    }
}

void node_start(struct node *node)
{
    struct text_buffer name = {0};
    node->active = true;
    atomic_fetch_add(&node->simulation->active, 1);
    node->turn = sg_sem_init(0);
    node->wake = sg_sem_init(0);
    world_machine_print(node->simulation->world, node->number, &name);
    simgrid_compat_actor(text_buffer_get(&name), node->simulation->hosts[0], true, drive, node);
    text_buffer_fini(&name);
}

/* ---- life ---- */

struct node *node_new(struct world_simulation *simulation, uint32_t number)
{
    struct node *node = memory_alloc(sizeof(*node));
    node->simulation = simulation;
    node->number = number;
    node->group = world_group(simulation->world, number);
    node->arena = arena_new();
    node->free_call = NONE;
    node->traffic = arena_array(node->arena, simulation->traffic_count, sizeof(*node->traffic));
    pthread_mutex_init(&node->lock, NULL);
    return node;
}

struct machine_outside node_outside(struct node *node)
{
    return (struct machine_outside){node, machine_operation_over, machine_called};
}

void node_free(struct node *node)
{
    if (!node)
        return;
    machine_free(node->machine);
    for (uint32_t i = 0; i < node->courier_count; i++)
        courier_free(node->couriers[i]);
    for (uint32_t i = 0; i < node->simulation->traffic_count; i++)
        free(node->traffic[i].latency);
    if (node->turn) {
        sg_sem_destroy(node->turn);
        sg_sem_destroy(node->wake);
    }
    free(node->couriers);
    free(node->calls);
    free(node->inbox);
    free(node->windows);
    pthread_mutex_destroy(&node->lock);
    arena_free(node->arena);
    free(node);
}
