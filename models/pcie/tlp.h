/* SPDX-License-Identifier: MIT */
/**
 * @file tlp.h
 * A transaction layer packet on its way, and the pool that holds all of a machine's.
 */
#ifndef IOMMUSIM_PCIE_TLP_H
#define IOMMUSIM_PCIE_TLP_H

#include "models/iommu/remapping_unit.h"
#include "models/ledger.h"
#include "models/pcie/route.h"

enum {
    TLP_FRAMING_BYTES = 8, /**< start and end framing, sequence number, LCRC (PCIe Base Spec 3.6, 4.2) */
    TLP_COMPLETION_HEADER_BYTES = 12, /**< 3 DW */
    TLP_REQUEST_HEADER_BYTES = 16,    /**< 4 DW: messages, and memory requests with 64-bit addresses */
    TLP_PASID_BYTES = 4, /**< PASID TLP prefix (PCIe Base Spec 6.20.2); in flit mode as much of OHC-A */
};

/** Flow control classes (PCIe Base Spec 2.6.1). */
enum flow_class { FLOW_POSTED, FLOW_NONPOSTED, FLOW_COMPLETION, FLOW_CLASSES };

/** Status of a completion (PCIe Base Spec 2.2.9, table 2-34). */
enum completion_status {
    COMPLETION_SUCCESS = 0,
    COMPLETION_UNSUPPORTED_REQUEST = 1,
    COMPLETION_COMPLETER_ABORT = 4,
};

/** Messages of ATS and PRI (PCIe Base Spec 10.2, 10.3, 10.4). */
enum tlp_message {
    MESSAGE_NONE,
    MESSAGE_INVALIDATE_REQUEST,
    MESSAGE_INVALIDATE_COMPLETION,
    MESSAGE_PAGE_REQUEST,
    MESSAGE_PAGE_RESPONSE,
    MESSAGE_DOORBELL, /**< no message: a CPU's write to a register of the function */
};

/** What happens to a TLP at the node it is going to; decided when it is sent there. */
enum tlp_fate {
    FATE_FORWARD, /**< goes on through channel @c egress */
    FATE_DELIVER, /**< consumed by function @c place.function_id */
    FATE_HOST,    /**< to the IOMMU and memory, above function @c place.function_id */
    FATE_DROP,    /**< blocked with @c error by @c rule */
};

struct tlp {
    uint64_t mark_ps;   /**< up to here the ledger is charged */
    uint64_t queued_ps; /**< when it came into the queue it is in */
    uint64_t sequence;  /**< order of arrival at the present ingress, for the ordering rules */
    uint64_t issued_ps; /**< non-posted request, and its completions: when it was issued, for its completion
                           timeout */
    uint64_t arrival;   /**< the same at the root complex, which keeps it while it works on the TLP */
    struct transaction transaction;
    struct route_place place;       /**< where it is, or will be on arrival */
    uint32_t operation;             /**< DMA operation it belongs to */
    uint32_t origin_id;             /**< function that issued the request (completions: that gets it) */
    uint32_t ingress;               /**< where it is buffered, or will be on arrival */
    uint32_t egress;                /**< channel it waits for (FATE_FORWARD) */
    uint32_t turned_at_id;          /**< function that turned it to a peer */
    uint32_t stopped_at_id;         /**< function that let it go no further; NONE: the root complex */
    uint32_t next;                  /**< list link */
    uint32_t length_bytes;          /**< of the request: bytes read or written; completion: bytes carried */
    uint32_t served_bytes;          /**< read being served: bytes already put into completions */
    uint32_t wire_bytes;            /**< header, payload, framing; ECRC is added by links that have it */
    uint32_t max_payload;           /**< MPS of the requester: bounds its completions */
    uint32_t pasid;                 /**< of a request, plus one; 0: it carries none */
    uint16_t original_requester_id; /**< before any bridge took ownership */
    uint16_t completer_id;          /**< completion: who sends it */
    uint8_t traffic_class;          /**< of a request; its completions have the same */
    uint8_t flow;                   /**< enum flow_class */
    uint8_t fate;                   /**< enum tlp_fate */
    uint8_t rule;                   /**< enum route_rule of the last step */
    uint8_t error;                  /**< enum route_error */
    uint8_t stopped_by; /**< enum route_rule that let it go no further; RULE_COUNT: none did. The completion
                           that a refused request turns into keeps it */
    uint8_t turn;       /**< enum route_rule that turned it to a peer, RULE_COUNT while none did */
    uint8_t status;     /**< enum completion_status; a refused request turns into a completion that has one */
    bool id_ordered;    /**< IDO attribute (PCIe Base Spec 2.2.6.4): ordered with its own sender only */
    uint8_t drain;      /**< generation in the unit's drain, plus one; 0: in none */
    uint8_t interrupt_outcome;               /**< interrupt message: enum interrupt_outcome */
    uint16_t interrupt_entry, interrupt_cpu; /**< entry of the table, and the CPU it named */
    bool unsent;               /**< never leaves its device, whose TLB was told that it may not */
    bool granted;              /**< carries a translation of the unit's, from the device TLB */
    uint8_t found_shift;       /**< answer to a translation request: log2 of the page size */
    uint8_t device_generation; /**< translated read: generation in the device's TLB, plus one */
    uint8_t message;           /**< enum tlp_message */
    bool wants_write;          /**< page request: the access that is wanted */
    uint8_t page_response;     /**< page response: enum page_response */
    uint16_t page_group;       /**< page request, page response: index of the group */
    uint16_t space;            /**< translation and page request: address space of the device TLB */
    uint64_t iova;   /**< what a translated address stands for, or is asked for; UINT64_MAX: made up */
    uint64_t found;  /**< answer to a translation request: page and access bits */
    bool stale;      /**< translated by what software has taken back */
    bool by_root;    /**< came by the root complex, which may split it (PCIe Base Spec 1.3.1) */
    bool last;       /**< completion: no more to come for its request; page request: for its group */
    bool committed;  /**< posted write: globally visible but for order */
    bool translated; /**< the IOMMU has seen it */
    bool serving;    /**< read that holds a read slot of the root complex */
    bool buffered;   /**< occupies a receive buffer of the link it came by */
    bool to_host;    /**< routing is over: the root complex hands it to the IOMMU */
    uint8_t fault;   /**< enum iommu_fault: why its unit refused it */
    uint32_t
        trace; /**< for who follows it (a run's request trace); 0: nobody does. A completion inherits it */
    uint32_t translation_trace; /**< ... of the translation request it waited for in its device; 0: of none */
    struct ledger ledger;
};

/** Bytes of data the TLP carries over a link. */
static inline uint32_t tlp_payload_bytes(const struct tlp *tlp)
{
    bool empty = tlp->transaction.kind == TRANSACTION_MEMORY_READ || tlp->status != COMPLETION_SUCCESS;
    return empty ? 0 : tlp->length_bytes;
}

/** The id that ID-based ordering compares: of the requester, or of a completion's completer. */
static inline uint16_t tlp_sender_id(const struct tlp *tlp)
{
    return tlp->flow == FLOW_COMPLETION ? tlp->completer_id : tlp->transaction.requester_id;
}

/**
 * May @p tlp pass an earlier posted request (PCIe Base Spec table 2-40, column 2)? Posted requests and
 * completions with the RO attribute may, reads never by it; with IDO all may pass those of other senders.
 */
static inline bool tlp_may_pass_posted(const struct tlp *tlp, uint16_t posted_sender_id)
{
    return (tlp->transaction.relaxed_ordering && tlp->flow != FLOW_NONPOSTED) ||
           (tlp->id_ordered && tlp_sender_id(tlp) != posted_sender_id);
}

/** All TLPs of a machine, by index. It grows only between events (tlp_pool_reserve()), so pointers hold
 * during one. Whoever makes many in one event asks tlp_pool_exhausted() and goes on in another one. */
struct tlp_pool {
    struct tlp *items;
    struct translation_work *works; /**< [tlp] its translation */
    uint32_t count, live;
    uint32_t free_first;
};

void tlp_pool_init(struct tlp_pool *pool);
void tlp_pool_fini(struct tlp_pool *pool);

/** Make sure that @p spare more TLPs can be taken without moving memory. @return true if the arrays moved. */
bool tlp_pool_reserve(struct tlp_pool *pool, uint32_t spare);

/** True when no TLP can be taken before the next tlp_pool_reserve(). */
static inline bool tlp_pool_exhausted(const struct tlp_pool *pool)
{
    return pool->free_first == NONE;
}

/** A zeroed TLP. Asserts that one is free: reserve first. */
uint32_t tlp_take(struct tlp_pool *pool);
void tlp_release(struct tlp_pool *pool, uint32_t index);

/** Charge the time since the TLP's mark to @p part and move the mark to @p until_ps. */
static inline void tlp_charge(struct tlp *tlp, enum ledger_part part, uint64_t until_ps)
{
    tlp->ledger.ps[part] += until_ps - tlp->mark_ps;
    tlp->mark_ps = until_ps;
}

#endif
