/* SPDX-License-Identifier: MIT */
/**
 * @file node.h
 * A machine as a node of the world: its transaction engine, driven by a SimGrid actor.
 *
 * Time. SimGrid's clock is c. What a machine sends at t arrives no earlier than t + L, L being the smallest
 * latency between machines that talk. So all that arrives before c + L is known at c, and the actor runs its
 * machine up to c + L, then sleeps until the machine's next event or the next arrival. Nodes do not wait for
 * each other; one with nothing to do does not wake. While no node is active and no packet is under way nobody
 * can send anything: what machines do for themselves then runs on in longer pieces.
 *
 * Software (software.h) is at the machine's time: while it runs, the machine stands still.
 *
 * Order. Arrivals wait in the node's inbox and enter the machine in the order (time, sending machine, its
 * sequence), all those before c + L at once, so that it makes no difference in which order SimGrid let their
 * transfers end, nor on which thread.
 */
#ifndef IOMMUSIM_WORLD_NODE_H
#define IOMMUSIM_WORLD_NODE_H

#include "sim/machine/machine.h"
#include "sim/world/world_result.h"

#include <pthread.h>
#include <simgrid/forward.h>

struct courier;
struct message;
struct software;
struct world_simulation;

/** Small things that come and go with messages. */
enum node_object { OBJECT_MESSAGE, OBJECT_SEGMENT, OBJECT_ARRIVAL, OBJECT_KINDS };

enum packet_kind {
    PACKET_DATA,        /**< a segment */
    PACKET_ACKNOWLEDGE, /**< the segment is visible at the other end, or failed there */
    PACKET_FETCH,       /**< asks for a message (RDMA read) */
};

/** What goes from machine to machine. */
struct packet {
    uint64_t time_ps; /**< arrival */
    uint64_t sequence;
    uint32_t source; /**< machine */
    enum packet_kind kind;
    struct message *message;
    uint32_t bytes;
    bool failed;
    uint64_t sent_ps;
    uint64_t hop_ps[HOPS]; /**< so far */
};

/** Called back by a machine: at a time, or when an operation is over. */
struct node_call {
    void (*called)(void *argument);
    void (*over)(void *argument, const struct machine_operation_time *time, bool failed);
    void *argument;
    uint32_t next_free;
};

/** Part of a machine that transfers read from or write to, at addresses its devices use. */
struct node_window {
    uint32_t function_id; /**< behind whose BAR; NONE: memory */
    uint64_t base, bytes;
};

/** What a node knows of a stream or collective. */
struct node_traffic {
    bool touched;
    uint32_t first_stream; /**< of the machine's workload: for buffers that stay mapped */
    uint32_t cpus;         /**< streams behind it for buffers mapped for each use, one a CPU */
    uint32_t next_cpu;
    uint64_t done, failed, messages, failed_messages, first_ps, last_ps;
    struct world_hops network, local;
    struct histogram *latency; /**< NULL until something is recorded */
};

struct node {
    struct world_simulation *simulation;
    uint32_t number; /**< of the machine in the world */
    const struct world_machines *group;
    struct arena *arena;
    struct workload workload;
    struct machine *machine;
    struct node_window *windows;
    uint32_t window_count;
    size_t window_capacity;
    struct node_traffic *traffic; /**< [stream of the world, then collective] */
    bool *maps_each_use;          /**< [function] its domain's mode is strict or lazy */

    void *free_objects[OBJECT_KINDS]; /**< lists, linked through their first word */

    struct node_call *calls;
    uint32_t call_count, free_call;
    uint32_t calls_pending; /**< not yet called back */
    bool active;            /**< at the end of its last window: something of it could lead to a packet */
    size_t call_capacity;

    struct software *runnable_first, *runnable_last;
    struct software *background; /**< waits for the end of the group's workload; NULL: none */
    sg_sem_t turn;               /**< released by software that gives the turn back */
    sg_sem_t wake;
    uint64_t wakes_at_ps; /**< the driver sleeps until then; 0: it does not sleep. Under lock */
    uint64_t sequence;    /**< of packets sent */
    uint64_t windows_run;

    pthread_mutex_t lock; /**< of the inbox: couriers of other nodes may run on other threads */
    struct packet *inbox; /**< binary heap */
    size_t inbox_count, inbox_capacity;

    struct courier **couriers;
    uint32_t courier_count;
    size_t courier_capacity;
};

/** @return a node for machine @p number, with nothing in it yet */
struct node *node_new(struct world_simulation *simulation, uint32_t number);
void node_free(struct node *node);

/** Make part of the machine a place of transfers. To be said before node_build(). */
void node_use(struct node *node, uint32_t function_id, uint64_t bytes);
/** A stream or collective touches the node, @p cpus as in struct world_stream. Before node_build(). */
void node_touch(struct node *node, uint32_t traffic, uint32_t cpus);

/**
 * Build the machine: the group's workload or one domain, with what the transfers need mapped (node_build.c).
 * @return as machine_new()
 */
int node_build(struct node *node, struct diagnostics *diagnostics);

/** How the node's machine is to call it back (for node_build.c). */
struct machine_outside node_outside(struct node *node);

/** The window of a function's BAR, or of memory. */
const struct node_window *node_window(const struct node *node, uint32_t function_id);

/** Start the driver. */
void node_start(struct node *node);

/** An object of @p size bytes, all zero; given back to any node, and freed with the nodes at the latest. */
void *node_take_object(struct node *node, enum node_object kind, size_t size);
void node_give_object(struct node *node, enum node_object kind, void *object);

/** The machine's time. */
uint64_t node_now_ps(const struct node *node);

/** Call @p called in @p delay_ps of the machine's time. */
void node_call_in(struct node *node, uint64_t delay_ps, void (*called)(void *argument), void *argument);

/** A DMA operation. */
struct node_operation {
    uint32_t function_id, traffic;
    bool in_memory; /**< of the machine: mapped for it alone where the device's domain does so */
    bool write;
    uint64_t address;
    uint32_t bytes;
};

/** Submit it; @p over is called when it is over. */
void node_submit(struct node *node, const struct node_operation *operation,
                 void (*over)(void *argument, const struct machine_operation_time *time, bool failed),
                 void *argument);

/** Let software run as soon as the machine's present event is over. */
void node_make_runnable(struct node *node, struct software *software);

/** Hand over a packet that arrives at its time; from any thread. */
void node_deliver(struct node *node, const struct packet *packet);

/** Send without taking bandwidth, at the machine's time. @param latency_ps  of the route */
void node_send_control(struct node *node, struct node *to, struct packet *packet, uint64_t latency_ps);

/** Send @p packet's bytes from host to host, contending with others, at the machine's time (courier.c). */
void courier_send(struct node *node, struct node *to, const struct packet *packet, sg_host_t from_host,
                  sg_host_t to_host, uint64_t latency_ps);
void courier_free(struct courier *courier);

#endif
