/* SPDX-License-Identifier: MIT */
/**
 * @file ledger.h
 * Every picosecond of a request has an owner. A request carries one of these; the parts sum to its total
 * latency, always, and the engine aborts the run if they do not.
 */
#ifndef IOMMUSIM_LEDGER_H
#define IOMMUSIM_LEDGER_H

#include <stdint.h>

enum ledger_part {
    LEDGER_ENDPOINT,           /**< in the device: pacing, waiting for a tag, DMA engine latency */
    LEDGER_DEVICE_TLB,         /**< in the device: waiting for a translation it asked for */
    LEDGER_LINK_QUEUEING,      /**< waiting for a link: arbitration, credits, ordering */
    LEDGER_LINK_SERIALISATION, /**< waiting for the last bit where the receiver needs it */
    LEDGER_LINK_PROPAGATION,
    LEDGER_SWITCH,        /**< switch latency */
    LEDGER_BRIDGE,        /**< PCIe-to-PCI bridge latency and bus overhead */
    LEDGER_ROOT_COMPLEX,  /**< root complex latency, waiting for a read slot, ordering behind posted writes */
    LEDGER_CONTEXT_CACHE, /**< context lookup and context table reads */
    LEDGER_IOTLB,         /**< IOTLB lookup and its port */
    LEDGER_WALK_CACHES,   /**< walk cache lookup */
    LEDGER_WALK_MEMORY,   /**< page-table reads and the fixed part of a walk */
    LEDGER_WALKER_QUEUEING, /**< waiting for a walker */
    LEDGER_INTERRUPT,       /**< remapping of an interrupt message, posting it */
    LEDGER_MEMORY,          /**< data access: latency, bandwidth, write commit */
    LEDGER_COMPLETER,       /**< in a peer device that serves the request */
    LEDGER_DRIVER,          /**< on a CPU: mapping and unmapping the buffer, and waiting for that CPU */
    LEDGER_INVALIDATION,    /**< on a CPU: until what it unmapped is invalidated */
    LEDGER_BOUNCE_COPY,     /**< on a CPU: copying to and from bounce buffers */
    LEDGER_PARTS,
};

struct ledger {
    uint64_t ps[LEDGER_PARTS];
};

/** Name of a part in output, e.g. "link_queueing". Never NULL. */
const char *ledger_part_name(enum ledger_part part);

/** Sum of all parts in picoseconds. */
static inline uint64_t ledger_total_ps(const struct ledger *ledger)
{
    uint64_t sum = 0;
    for (int i = 0; i < LEDGER_PARTS; i++)
        sum += ledger->ps[i];
    return sum;
}

/** Of all that, what translation took: lookups, walks and waiting for them, in the unit and in the device. */
static inline uint64_t ledger_translation_ps(const struct ledger *ledger)
{
    return ledger->ps[LEDGER_DEVICE_TLB] + ledger->ps[LEDGER_CONTEXT_CACHE] + ledger->ps[LEDGER_IOTLB] +
           ledger->ps[LEDGER_WALK_CACHES] + ledger->ps[LEDGER_WALK_MEMORY] +
           ledger->ps[LEDGER_WALKER_QUEUEING];
}

#endif
