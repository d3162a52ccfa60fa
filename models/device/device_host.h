/* SPDX-License-Identifier: MIT */
/**
 * @file device_host.h
 * What a model of a device with its driver needs of the machine around it: DMA, interrupts, time of CPUs, and
 * the kernel's DMA API. Everything is asked for with a token and answered later by device_model_event() with
 * that token, never from within the call; whoever has to wait for CPUs, links, page walks or invalidations
 * therefore slows the device that waits for it.
 */
#ifndef IOMMUSIM_DEVICE_DEVICE_HOST_H
#define IOMMUSIM_DEVICE_DEVICE_HOST_H

#include "sim/base/field.h"
#include "sim/kernel/busy_time.h"
#include "sim/kernel/histogram.h"

#include <stdbool.h>
#include <stdint.h>

/** What a CPU spends on a driver besides the DMA API, and how far away the device is from it. */
struct driver_parameters {
    uint64_t interrupt_ps;        /**< handler entered to the driver looking at completions */
    uint64_t packet_ps;           /**< network: a packet through driver and stack, the copy included */
    uint64_t packet_kib_ps;       /**< ... and each KiB of it */
    uint64_t acknowledgement_ps;  /**< network: what is done once for an acknowledgement that is sent */
    uint64_t command_submit_ps;   /**< block layer and others: a command prepared */
    uint64_t command_complete_ps; /**< ... and completed */
    uint64_t doorbell_ps;         /**< a CPU's write to a register of a device */
    uint64_t doorbell_latency_ps; /**< that write to the root port it goes down by, and on in the device */
};

extern const struct field_table driver_fields;

/** A piece of memory a device may be given: filled by device_host.map. */
struct device_buffer {
    uint64_t iova;     /**< as the device has to address it */
    uint64_t physical; /**< where it is; kept from map to unmap */
    uint32_t length;   /**< bytes; set before map */
    uint64_t target;   /**< where @c iova leads: the buffer, or its bounce buffer */
    uint32_t slot;     /**< of its bounce buffer, for the host */
    bool bounces;
    bool skip_sync; /**< set before map: unmapping copies nothing back, sync does (DMA_ATTR_SKIP_CPU_SYNC) */
    bool mapped;
    bool may_be_refused; /**< set before map: where there is no address or bounce buffer the answer comes all
                            the same, and @c mapped is false; else only when there is one again */
};

/** What a model has to call. All answer with @c token but coherent(). */
struct device_host {
    void *context;
    uint32_t device; /**< which one this is, to @c context */
    uint64_t (*now_ps)(void *context);
    /** Memory both sides use for as long as the driver is bound (dma_alloc_coherent()): rings. Only while a
     * model is being started. @param page_bytes  of the pages it is mapped with: 4 KiB, or 2 MiB where the
     * unit has such leaf entries. @return its address for the device, or 0 where there is none left */
    uint64_t (*coherent)(void *context, uint32_t device, uint64_t bytes, uint64_t page_bytes);
    /** Addresses for @p count buffers of @p bytes each, which were mapped before the run, stay so, and are
     * not used: those of idle rings; as many as there are. Only while a model is being started. */
    void (*occupy)(void *context, uint32_t device, uint64_t bytes, uint64_t count);
    /** The device reads or writes. */
    void (*dma)(void *context, uint32_t device, uint64_t address, uint32_t bytes, bool write, uint32_t token);
    /** The device sends an interrupt message; answered when a CPU has entered its handler, or when the
     * message was blocked. */
    void (*interrupt)(void *context, uint32_t device, uint32_t token);
    /** CPU @p cpu works for @p duration_ps, behind what it was asked for before. */
    void (*cpu)(void *context, uint32_t device, uint32_t cpu, uint64_t duration_ps, uint32_t token);
    /** Memory for @p buffer and its address (dma_map_page()). @p write: the device writes it, else it reads
     */
    void (*map)(void *context, uint32_t device, uint32_t cpu, struct device_buffer *buffer, bool write,
                uint32_t token);
    /** Take it back (dma_unmap_page()). */
    void (*unmap)(void *context, uint32_t device, uint32_t cpu, struct device_buffer *buffer, bool write,
                  uint32_t token);
    /** CPU @p cpu is about to read @p bytes that the device wrote into @p buffer, which stays mapped
     * (dma_sync_single_for_cpu()): they are copied where it bounces. */
    void (*sync)(void *context, uint32_t device, uint32_t cpu, const struct device_buffer *buffer,
                 uint32_t bytes, uint32_t token);
    /** A CPU writes to a register of the device: a posted request down to it, answered when the device acts
     * on it. */
    void (*doorbell)(void *context, uint32_t device, uint32_t token);
    /** Some time passes: on the wire, in flash, in a timer. */
    void (*after)(void *context, uint32_t device, uint64_t delay_ps, uint32_t token);
    /** The warm-up is over: everything is counted from now on. */
    void (*measure)(void *context, uint32_t device);
};

enum { COHERENT_PAGE = 4096 };

/* ---- tokens: what was asked for, for which queue, and which of many ---- */

enum { TOKEN_QUEUE_BITS = 10, TOKEN_SLOT_BITS = 18, DEVICE_QUEUES_MAX = 1 << TOKEN_QUEUE_BITS };

static inline uint32_t token_make(uint32_t kind, uint32_t queue, uint32_t slot)
{
    return kind << (TOKEN_QUEUE_BITS + TOKEN_SLOT_BITS) | queue << TOKEN_SLOT_BITS | slot;
}

static inline uint32_t token_kind(uint32_t token)
{
    return token >> (TOKEN_QUEUE_BITS + TOKEN_SLOT_BITS);
}

static inline uint32_t token_queue(uint32_t token)
{
    return token >> TOKEN_SLOT_BITS & (DEVICE_QUEUES_MAX - 1);
}

static inline uint32_t token_slot(uint32_t token)
{
    return token & ((1U << TOKEN_SLOT_BITS) - 1);
}

/* ---- what came of it ---- */

/** What a device did. A unit of work is a packet, a command, a copy or a period. Counted after the warm-up,
 * but for the three that a law is about. */
struct device_counters {
    uint64_t begun, done, dropped; /**< units of the whole run: begun = done + dropped + under way */
    uint64_t units, bytes;         /**< done, and their payload */
    uint64_t first_ps, last_ps;    /**< end of the warm-up, last unit done */
    uint64_t wanted;               /**< units to be done after the warm-up; 0: no end */
    uint64_t half_ps;              /**< when half of them were done */
    uint64_t way_first, way_last;  /**< units under way when the warm-up ended, and when the last one began */
    uint64_t until_units, until_bytes,
        until_ps;                /**< @c units, @c bytes and the time when the last one began */
    struct histogram latency;    /**< of a unit, from its beginning (packet at the device, command
                                    submitted) to its end (handed to the stack, command completed) */
    uint64_t descriptors_posted; /**< by the driver, whole run */
    uint64_t descriptors_used;   /**< by the device, whole run */
    uint64_t descriptor_fetches; /**< reads of descriptors, queue entries and lists */
    uint64_t completions;        /**< entries the device wrote */
    uint64_t doorbells, interrupts, maps, unmaps;
    uint64_t recycled; /**< buffers used again without being unmapped */
    uint64_t acknowledgements;
    uint64_t put_back; /**< units that found no address or bounce buffer, and were submitted again later */
    uint64_t held_up;  /**< units that found the device full and waited outside */
    uint64_t late;     /**< isochronous: pieces that did not come in time */
    struct busy_time own_rate[2]; /**< at work, counted like units and links of the machine: flash, or packets
                                     that come by the wire; those that leave by it */
};

/** A unit of @p bytes is done, begun at @p begun_ps. The one that ends the warm-up has everything counted
 * anew.
 */
void device_counters_unit(struct device_counters *counters, uint64_t begun_ps, uint64_t bytes,
                          uint64_t warmup, const struct device_host *host);

/** Throughput: units and bytes from the end of the warm-up until the last unit began, so that neither a start
 * nor an end with fewer and fewer under way belongs to it; until the last was done where most were still to
 * be done then. */
struct device_throughput {
    uint64_t units, bytes, ps;
};

struct device_throughput device_throughput(const struct device_counters *counters);

/** What tells whether units were measured in a state that lasts. */
struct device_steadiness {
    uint64_t first_units, first_ps;   /**< half of the units, and the time they took */
    uint64_t second_units, second_ps; /**< the others that the throughput is made of */
    uint64_t way_first, way_last;     /**< as in struct device_counters */
    bool known;                       /**< there was a number of units to do, and all were done */
    bool steady; /**< both parts have the same rate within 5 %, and no backlog of more than 5 % of the units
                    was built up or worked off */
};

struct device_steadiness device_steadiness(const struct device_counters *counters);

/** What a packet of @p bytes takes on its way through driver and stack. */
uint64_t driver_packet_ps(const struct driver_parameters *driver, uint32_t bytes);

#endif
