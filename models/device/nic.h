/* SPDX-License-Identifier: MIT */
/**
 * @file nic.h
 * A network card with its driver: rings of descriptors, buffers that are mapped for each packet or recycled,
 * completion entries, doorbells, moderated interrupts. One queue a CPU.
 *
 * Receiving (nic_receive.c): packets come by the wire at its rate; one that finds the card's own memory full
 * waits outside, as with pause frames (so the sender slows down), or is dropped. The card fetches
 * descriptors, writes the packet into the buffers of the next one and a completion entry behind it. The
 * driver, woken by an interrupt, polls as long as there are completions (Linux: NAPI), hands packets on, and
 * posts the buffers anew: unmapped and mapped again, or recycled.
 *
 * Transmitting (nic_transmit.c): as long as there is room in the ring a CPU makes packets (or, with a larger
 * @c packet, what TCP hands over at once), maps them, writes descriptors and rings the doorbell. The card
 * fetches descriptors, reads the data, sends it at the wire's rate and writes completions; the driver unmaps.
 */
#ifndef IOMMUSIM_DEVICE_NIC_H
#define IOMMUSIM_DEVICE_NIC_H

#include "models/device/device_host.h"
#include "sim/base/arena.h"
#include "sim/base/field.h"
#include "sim/kernel/random.h"

enum nic_direction { NIC_RECEIVE, NIC_TRANSMIT };
enum nic_packet_sizes {
    NIC_FIXED,   /**< @c packet bytes each */
    NIC_IMIX,    /**< 7 of 64, 4 of 594, 1 of 1518 bytes: the simple Internet mix */
    NIC_UNIFORM, /**< 64 to @c packet bytes */
};
enum nic_overrun { NIC_PAUSE, NIC_DROP };

/** What becomes of receive buffers whose packets were taken. */
enum nic_recycling {
    NIC_NO_RECYCLING, /**< unmapped, and new ones mapped */
    NIC_PAGE_POOL,    /**< back into the queue's pool when the application has read them, still mapped (Linux:
                         page_pool) */
    NIC_PAGE_CACHE, /**< into the driver's cache at once; its head is taken again if the application has read
                       it by then, else a new one is mapped, and what does not fit into the cache is unmapped
                       (mlx5 before Linux 6.3) */
};

struct nic_parameters {
    int direction;                   /**< enum nic_direction */
    uint32_t queues;                 /**< with a CPU each */
    uint32_t channels;               /**< queues the driver has open; at least @c queues */
    uint32_t ring;                   /**< buffers (receiving) or packets (transmitting) posted in a queue */
    int packet_sizes;                /**< enum nic_packet_sizes */
    uint64_t packet_bytes;           /**< on the wire without preamble, checksum and gap */
    uint64_t header_bytes;           /**< of them protocol headers: not payload */
    uint64_t wire_overhead_bytes;    /**< around each packet */
    uint64_t rate_bytes_per_s;       /**< of the wire */
    uint32_t flows;                  /**< connections, spread evenly over the queues */
    uint64_t packet_memory_bytes;    /**< in the card, for packets whose data is not in host memory yet */
    int overrun;                     /**< enum nic_overrun */
    uint64_t buffer_bytes;           /**< of a receive buffer; larger packets take several */
    uint64_t mapping_bytes;          /**< memory mapped by one call; buffers are cut from it */
    uint32_t buffers_per_descriptor; /**< receiving */
    int recycling;                   /**< enum nic_recycling */
    uint32_t page_cache;             /**< NIC_PAGE_CACHE: buffers it holds */
    uint64_t held_bytes;             /**< received data a connection keeps from being recycled */
    uint32_t packets_per_ack; /**< receiving: an acknowledgement is sent each so many packets; 0: none */
    uint64_t descriptor_bytes;
    uint32_t descriptors_fetched;    /**< by one read, at most */
    uint64_t completion_bytes;       /**< of a completion entry */
    uint32_t packets_per_completion; /**< transmitting */
    uint64_t interrupt_delay_ps;     /**< first completion to the interrupt */
    uint32_t interrupt_packets;      /**< completions that do not wait any longer */
    uint32_t doorbell_batch;         /**< descriptors posted with one doorbell */
};

extern const struct field_table nic_fields;

struct nic;

/** @param seed_name  of its random numbers. Start it with nic_start(). */
struct nic *nic_new(struct arena *arena, const struct nic_parameters *parameters,
                    const struct driver_parameters *driver, const struct device_host *host,
                    struct device_counters *counters, uint32_t first_cpu, uint64_t seed,
                    const char *seed_name, uint64_t units, uint64_t warmup);

/** Allocate rings and post the first buffers. @return false where memory or addresses are used up */
bool nic_start(struct nic *nic);
void nic_event(struct nic *nic, uint32_t token);
/** Bytes of buffers that the receive rings of all channels and their caches hold; 0 of a transmitting card.
 */
uint64_t nic_ring_bytes(const struct nic_parameters *parameters);
/** All units are done. What is still under way (buffers being posted) may end or be cut off. */
bool nic_is_done(const struct nic *nic);

#endif
