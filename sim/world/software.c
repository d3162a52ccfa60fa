/* SPDX-License-Identifier: MIT */
#include "sim/world/software.h"

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/world/simgrid_compat.h"
#include "sim/world/world_simulation.h"

#include <inttypes.h>
#include <simgrid/semaphore.h>
#include <stdlib.h>
#include <string.h>

/* ---- turns ---- */

static void run(void *data)
{
    struct software *software = data;
    sg_sem_acquire(software->turn);
    software->body(software);
    software->finished = true;
    atomic_fetch_add(&software->node->simulation->finished_count, 1);
    sg_sem_release(software->node->turn);
}

/* Give the turn back until somebody makes it runnable. */
static void block(struct software *software, enum software_waits waits)
{
    software->waits = waits;
    sg_sem_release(software->node->turn);
    sg_sem_acquire(software->turn);
    software->waits = WAITS_FOR_TURN;
}

static void wake(void *argument)
{
    struct software *software = argument;
    node_make_runnable(software->node, software);
}

void software_sleep(struct software *software, uint64_t duration_ps)
{
    if (!duration_ps)
        return;
    node_call_in(software->node, duration_ps, wake, software);
    uint64_t until_ps = software_now_ps(software) + duration_ps;
    while (software_now_ps(software) < until_ps)
        block(software, WAITS_FOR_TIME);
}

/* ---- DMA ---- */

static void dma_over(void *argument, const struct machine_operation_time *time, bool failed)
{
    struct dma_request *request = argument;
    (void)time;
    request->over = true;
    request->failed = failed;
    node_make_runnable(request->software->node, request->software);
}

void dma_submit(struct software *software, const struct node_operation *operation,
                struct dma_request *request)
{
    *request = (struct dma_request){.software = software};
    node_submit(software->node, operation, dma_over, request);
}

bool dma_wait(struct software *software, struct dma_request *request)
{
    while (!request->over)
        block(software, WAITS_FOR_DMA);
    return !request->failed;
}

/* ---- messages ---- */

struct message *software_send(struct software *software, struct route *route, uint64_t bytes,
                              struct software *receiver, void *note)
{
    software_sleep(software, software->node->simulation->world->software.send_ps);
    return message_post(route, bytes, software, true, receiver, note);
}

void software_tell(struct software *software, struct route *route, uint64_t bytes, struct software *receiver,
                   void *note)
{
    software_sleep(software, software->node->simulation->world->software.send_ps);
    message_post(route, bytes, software, false, receiver, note);
}

bool software_wait_sent(struct software *software, struct message *message)
{
    software->waited_message = message;
    while (!message->over)
        block(software, WAITS_FOR_ACKNOWLEDGEMENT);
    bool good = !message->failed;
    message_release(message);
    return good;
}

void software_message_over(struct software *software)
{
    node_make_runnable(software->node, software);
}

static struct received *received_at(struct software *software, uint32_t index)
{
    return &software->received[(software->received_first + index) & (software->received_capacity - 1)];
}

void software_message_there(struct software *software, struct software *from, void *note)
{
    if (software->received_count == software->received_capacity) {
        size_t capacity = software->received_capacity ? software->received_capacity * 2 : 8;
        struct received *larger = memory_array(capacity, sizeof(*larger));
        for (uint32_t i = 0; i < software->received_count; i++)
            larger[i] = *received_at(software, i);
        free(software->received);
        software->received = larger;
        software->received_first = 0;
        software->received_capacity = capacity;
    }
    *received_at(software, software->received_count++) = (struct received){from, note};
    node_make_runnable(software->node, software);
}

/* Take the first that fits out of the ring. */
static bool take_received(struct software *software, const struct software *from, struct received *taken)
{
    for (uint32_t i = 0; i < software->received_count; i++) {
        *taken = *received_at(software, i);
        if (from && taken->from != from)
            continue;
        for (; i > 0; i--)
            *received_at(software, i) = *received_at(software, i - 1);
        software->received_first =
            (software->received_first + 1) & (uint32_t)(software->received_capacity - 1);
        software->received_count--;
        return true;
    }
    return false;
}

struct received software_receive(struct software *software, const struct software *from)
{
    struct received taken;
    software->waited_software = from;
    while (!take_received(software, from, &taken))
        block(software, WAITS_FOR_MESSAGE);
    software_sleep(software, software->node->simulation->world->software.receive_ps);
    return taken;
}

/* ---- reports ---- */

void software_print_waiting(const struct software *software, struct text_buffer *out)
{
    const struct message *message = software->waited_message;
    switch (software->waits) {
    case WAITS_FOR_TURN:
        text_buffer_add(out, "never ran");
        break;
    case WAITS_FOR_TIME:
        text_buffer_add(out, "waits for time to pass");
        break;
    case WAITS_FOR_DMA:
        text_buffer_add(out, "waits for a DMA operation");
        break;
    case WAITS_FOR_ACKNOWLEDGEMENT:
        text_buffer_format(out, "waits for %" PRIu64 " of %" PRIu64 " bytes to be acknowledged by ",
                           message->bytes - message->acknowledged_bytes, message->bytes);
        world_end_print(software->node->simulation->world, message->route->to, out);
        break;
    case WAITS_FOR_MESSAGE:
        text_buffer_format(out, "waits for a message from %s",
                           software->waited_software ? software->waited_software->name : "anybody");
        break;
    }
}

/* ---- life ---- */

struct software *software_new(struct node *node, const char *name, void (*body)(struct software *software),
                              void *role)
{
    struct world_simulation *simulation = node->simulation;
    struct software *software = memory_alloc(sizeof(*software));
    *software = (struct software){.node = node, .name = name, .body = body, .role = role};
    simulation->software = memory_grow(simulation->software, simulation->software_count,
                                       &simulation->software_capacity, sizeof(struct software *));
    simulation->software[simulation->software_count++] = software;
    return software;
}

void software_start(struct software *software)
{
    software->turn = sg_sem_init(0);
    simgrid_compat_actor(software->name, software->node->simulation->hosts[0], false, run, software);
    if (software != software->node->background)
        node_make_runnable(software->node, software);
}

void software_free(struct software *software)
{
    if (software->turn)
        sg_sem_destroy(software->turn);
    free(software->received);
    free(software);
}
