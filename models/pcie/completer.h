/* SPDX-License-Identifier: MIT */
/**
 * @file completer.h
 * Whoever answers reads: turns a request whose data is ready into completions and puts them into an ingress
 * one by one, so that a read of 4 KiB occupies one TLP at a time here and its pieces contend like any other
 * traffic.
 *
 * Pieces end on multiples of the read completion boundary and carry at most the MPS of completer and
 * requester (PCIe Base Spec 2.3.1.1, 2.2.2). Reads are answered in the order in which their data became
 * ready; pieces of two reads are not interleaved (MODEL: the specification allows it).
 */
#ifndef IOMMUSIM_PCIE_COMPLETER_H
#define IOMMUSIM_PCIE_COMPLETER_H

#include "models/pcie/transport.h"

struct completer {
    uint32_t ingress;        /**< where its completions are put */
    uint32_t function_id;    /**< the function that answers; NONE: the root complex, for memory */
    uint32_t owner_id;       /**< that function, or the one on a root bus towards which memory's data go */
    uint32_t first, last;    /**< requests with data, being answered in order */
    uint32_t boundary_bytes; /**< RCB */
    uint32_t payload_limit_bytes; /**< of the root complex; 0: none but the MPS */
    uint32_t max_payload;         /**< MPS on its own way; the requester's holds as well */
    uint16_t id;                  /**< requester id of the function, as the completions' completer */
    bool id_ordered;              /**< its completions carry the IDO attribute */
    struct queue_meter queue;     /**< requests with data, not answered completely */
    bool piece_waits;             /**< a completion is in the ingress */
    bool pumping;                 /**< completer_pump() is at work further up the stack */
    bool resuming;                /**< an event to go on is under way */
    uint32_t number;              /**< target of its events */
    uint32_t event_resume;        /**< kind of its events, argument NONE: pump again */
};

/** A request's data is ready: queue it. The completer owns the TLP until its last completion is sent. */
void completer_add(struct completer *completer, struct transport *transport, uint32_t request);

/**
 * Put the next completion into the ingress if none waits there. A call from within a call does nothing: the
 * outer one goes on.
 * @param answered  the request that is answered completely by it and no longer needed (the caller releases
 * it), or NONE
 * @return true where a completion was put in, or ended where it was issued: call again
 */
bool completer_pump(struct completer *completer, struct transport *transport, uint32_t *answered);

#endif
