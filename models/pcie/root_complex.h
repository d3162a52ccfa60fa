/* SPDX-License-Identifier: MIT */
/**
 * @file root_complex.h
 * What the root complex adds between a root port and memory, and how much it keeps in flight.
 */
#ifndef IOMMUSIM_PCIE_ROOT_COMPLEX_H
#define IOMMUSIM_PCIE_ROOT_COMPLEX_H

#include "models/host/memory.h"
#include "models/iommu/invalidation_queue.h"
#include "models/pcie/completer.h"
#include "models/pcie/root_port_order.h"
#include "sim/base/field.h"

#include <stdint.h>

struct root_complex_parameters {
    uint64_t request_latency_ps; /**< request fully received at the root port to the memory side (translation
                                    not included) */
    uint64_t completion_latency_ps; /**< data ready to first bit of the completion on the link */
    uint64_t write_commit_ps; /**< posted write at the memory side to globally visible; its credits are held
                                 so long */
    uint64_t interrupt_delivery_ps; /**< message visible to the CPU in its handler */
    uint64_t peer_latency_ps; /**< root port to root port, one way, where it routes peer-to-peer; what goes by
                                 the IOMMU pays request_latency to get there first */
    uint32_t reads_in_flight; /**< non-posted requests being served at once; further ones wait */
    uint32_t read_completion_boundary; /**< RCB in bytes, 64 or 128: completions end on its multiples */
    uint32_t completion_payload;       /**< largest payload of a completion in bytes; 0 = the path's MPS */
};

extern const struct field_table root_complex_fields;

enum { NO_UNIT = UINT32_MAX };

/**
 * From a root port to memory and back: translation, ordering, read slots, completions.
 *
 * Each port keeps the ordering rules (root_port_order.h). Translations go on meanwhile.
 */
struct root_complex {
    struct root_complex_parameters parameters;
    struct transport *transport;
    struct memory memory;
    const struct memory_range
        *ranges; /**< RAM; what lies outside is nobody's. range_count 0: all is RAM, the input did not tell */
    uint32_t range_count;
    struct remapping_unit *units;
    struct invalidation_queue *queues; /**< [unit] they wait for requests under way */
    uint32_t unit_count;
    const uint32_t *node_of;  /**< [function] NUMA node it hangs on */
    uint32_t *unit_of;        /**< [function] unit that translates its requests, or NO_UNIT: flat physical */
    const uint16_t *alias_of; /**< [function] requester id that the IOMMU sees of it, its own but for devices
                                 with a quirk; NULL: each its own */
    struct root_port_order *orders; /**< [ingress number at the root complex] */
    struct completer *completers;   /**< [completer]; those of root functions come first */
    uint32_t *completer_of;         /**< [function on a root bus] its completer towards it; NONE elsewhere */
    uint32_t reads_active;          /**< read slots taken */
    uint32_t slot_first, slot_last; /**< reads that wait for a slot */
    struct queue_meter slot_queue;  /**< those */
    struct queue_meter order_queue; /**< what waits for posted requests before it, on all ports */
    bool giving_slots;              /**< release_read_slot() is at work further up the stack */
    uint32_t event_translated, event_memory; /**< kinds of its events: argument is the TLP */
    void *context;
    /** A posted request is over at the host: @p failed, or visible. The TLP is released after the call. */
    void (*finished)(void *context, uint32_t tlp, bool failed);
    /** A request is for a function of the root complex itself: the BAR of a root port. The callee owns it. */
    void (*delivered)(void *context, uint32_t tlp);
    /** An interrupt message arrived. @return when it is decided, UINT64_MAX where it is blocked. May be NULL.
     */
    uint64_t (*interrupted)(void *context, uint32_t tlp);
    /** A unit translated a request. May be NULL. */
    void (*translated)(void *context, uint32_t tlp);
    /** A unit refused a request (works[tlp].fault says why), at the present time. */
    void (*faulted)(void *context, uint32_t tlp);
    uint64_t untranslated_tlps, translated_tlps, peer_tlps, faults, dropped_tlps;
    uint64_t reads_high;          /**< most read slots taken at once */
    struct saturation slots_full; /**< all are taken */
};

/** The requester id of a request at the IOMMU. MODEL: devices that send under another function's id, or one
 * nobody has, are told apart by it here only; on their way requests and completions go by their own. */
static inline uint16_t root_complex_source_id(const struct root_complex *root_complex, const struct tlp *tlp)
{
    uint16_t id = tlp->transaction.requester_id;
    return root_complex->alias_of && id == tlp->original_requester_id ? root_complex->alias_of[tlp->origin_id]
                                                                      : id;
}

/** A TLP arrived at the root complex for the host (fate FATE_HOST), for a peer (FATE_FORWARD), or a request
 * for a root port itself (FATE_DELIVER). */
void root_complex_receive(struct root_complex *root_complex, uint32_t tlp);

/** A TLP left ingress @p ingress of the root complex for a peer's port. */
void root_complex_sent(struct root_complex *root_complex, uint32_t ingress);

/** Its events. */
void root_complex_on_translated(struct root_complex *root_complex, uint32_t tlp);
void root_complex_on_memory(struct root_complex *root_complex, uint32_t tlp);
/** An event of unit @p unit. */
void root_complex_on_unit(struct root_complex *root_complex, uint32_t unit, uint32_t argument);

/** Count from the present time on. Faults and dropped requests go on: they are of interest whenever they
 * were.
 */
void root_complex_restart_counters(struct root_complex *root_complex);

/** Build the next completion of completer @p completer, if none waits. */
void root_complex_pump(struct root_complex *root_complex, uint32_t completer);

#endif
