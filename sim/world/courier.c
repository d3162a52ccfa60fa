/* SPDX-License-Identifier: MIT */
/*
 * Actors that carry packets: SimGrid's C interface has no host-to-host transfer that does not block, so each
 * transfer under way has an actor to wait for it. They are used again. Which one is free is decided by times
 * that have passed, so that it does not depend on the order of actors at one instant.
 */
#include "sim/world/node.h"
#include "sim/world/simgrid_compat.h"
#include "sim/world/world_simulation.h"

#include "sim/base/arena.h"

#include <simgrid/host.h>
#include <simgrid/semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

struct courier {
    sg_sem_t work;
    struct packet packet;
    struct node *to;
    sg_host_t from_host, to_host;
    uint64_t start_ps, latency_ps;
    _Atomic uint64_t free_from_ps; /* UINT64_MAX while at work */
};

static void carry(void *data)
{
    struct courier *courier = data;
    for (;;) {
        sg_sem_acquire(courier->work);
        simgrid_compat_sleep_until(courier->start_ps);
        sg_host_sendto(courier->from_host, courier->to_host, courier->packet.bytes);
        uint64_t now_ps = simgrid_compat_now_ps();
        courier->packet.time_ps = now_ps + courier->latency_ps;
        node_deliver(courier->to, &courier->packet);
        atomic_store(&courier->free_from_ps, now_ps);
    }
}

static struct courier *free_courier(struct node *node, sg_host_t host)
{
    uint64_t now_ps = simgrid_compat_now_ps();
    for (uint32_t i = 0; i < node->courier_count; i++) {
        if (atomic_load(&node->couriers[i]->free_from_ps) < now_ps)
            return node->couriers[i];
    }
    struct courier *courier = memory_alloc(sizeof(*courier));
    courier->work = sg_sem_init(0);
    node->couriers =
        memory_grow(node->couriers, node->courier_count, &node->courier_capacity, sizeof(struct courier *));
    node->couriers[node->courier_count++] = courier;
    simgrid_compat_actor("courier", host, true, carry, courier);
    return courier;
}

void courier_send(struct node *node, struct node *to, const struct packet *packet, sg_host_t from_host,
                  sg_host_t to_host, uint64_t latency_ps)
{
    struct courier *courier = free_courier(node, from_host);
    courier->packet = *packet;
    courier->packet.source = node->number;
    courier->packet.sequence = node->sequence++;
    courier->packet.sent_ps = courier->start_ps = node_now_ps(node);
    courier->to = to;
    courier->from_host = from_host;
    courier->to_host = to_host;
    courier->latency_ps = latency_ps;
    atomic_store(&courier->free_from_ps, UINT64_MAX);
    atomic_fetch_add(&node->simulation->active, 1);
    sg_sem_release(courier->work);
}

void courier_free(struct courier *courier)
{
    sg_sem_destroy(courier->work);
    free(courier);
}
