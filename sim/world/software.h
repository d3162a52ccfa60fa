/* SPDX-License-Identifier: MIT */
/**
 * @file software.h
 * Software of a machine, written as straight code that blocks: ranks, clients, servers, drivers.
 *
 * Each is a SimGrid actor. It runs when its node's driver gives it the turn, at the machine's time, which
 * stands still meanwhile; whatever blocks gives the turn back.
 */
#ifndef IOMMUSIM_WORLD_SOFTWARE_H
#define IOMMUSIM_WORLD_SOFTWARE_H

#include "sim/world/message.h"

enum software_waits {
    WAITS_FOR_TURN,
    WAITS_FOR_TIME,
    WAITS_FOR_DMA,
    WAITS_FOR_ACKNOWLEDGEMENT,
    WAITS_FOR_MESSAGE
};

/** A message that has arrived and was not taken yet. */
struct received {
    struct software *from;
    void *note;
};

struct software {
    struct node *node;
    const char *name; /**< for reports: "rank 3 of "all", box[0]/81:00.0" */
    void (*body)(struct software *software);
    void *role; /**< the body's own */
    sg_sem_t turn;
    struct software *next; /**< in the node's list of runnable ones */
    bool runnable, finished;
    enum software_waits waits;
    const struct message *waited_message;   /**< WAITS_FOR_ACKNOWLEDGEMENT */
    const struct software *waited_software; /**< WAITS_FOR_MESSAGE; NULL: from anybody */
    struct received *received;              /**< ring */
    uint32_t received_first, received_count;
    size_t received_capacity;
};

/** Make software of a node, which begins when the world does. @param name  kept */
struct software *software_new(struct node *node, const char *name, void (*body)(struct software *software),
                              void *role);
void software_free(struct software *software);
/** Start its actor. */
void software_start(struct software *software);

/* ---- what a body may call ---- */

static inline uint64_t software_now_ps(const struct software *software)
{
    return node_now_ps(software->node);
}

void software_sleep(struct software *software, uint64_t duration_ps);

/** A DMA operation under way. Zero-initialise. */
struct dma_request {
    struct software *software;
    bool over, failed;
};

/** Submit an operation; does not wait. @p request must stay until dma_wait() returned. */
void dma_submit(struct software *software, const struct node_operation *operation,
                struct dma_request *request);
/** @return false where it failed */
bool dma_wait(struct software *software, struct dma_request *request);

/** Send @p bytes, after the software's part of it; does not wait for them. Every one must be waited for. */
struct message *software_send(struct software *software, struct route *route, uint64_t bytes,
                              struct software *receiver, void *note);
/** The same, for good: nobody waits for it. */
void software_tell(struct software *software, struct route *route, uint64_t bytes, struct software *receiver,
                   void *note);
/** Wait until it is acknowledged. @return false where it failed */
bool software_wait_sent(struct software *software, struct message *message);

/** Wait for a message from @p from, in the order they come; NULL: from anybody. */
struct received software_receive(struct software *software, const struct software *from);

/* ---- called by the node ---- */

/** A message it sent is over. */
void software_message_over(struct software *software);
/** A message for it is there. Also how software of one machine tells each other something. */
void software_message_there(struct software *software, struct software *from, void *note);

/** Append what it waits for. */
void software_print_waiting(const struct software *software, struct text_buffer *out);

#endif
