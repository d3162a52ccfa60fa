/* SPDX-License-Identifier: MIT */
/**
 * @file nic_internal.h
 * The inside of a network card and its driver, shared by nic*.c only.
 */
#ifndef IOMMUSIM_DEVICE_NIC_INTERNAL_H
#define IOMMUSIM_DEVICE_NIC_INTERNAL_H

#include "models/device/nic.h"

/** What an answer of the machine is about. */
enum nic_token {
    NIC_ARRIVAL,        /**< a packet has come by the wire */
    NIC_DATA_WRITTEN,   /**< slot: packet; a piece of it is in host memory */
    NIC_ENTRY_WRITTEN,  /**< slot: packet; so is its completion entry */
    NIC_FETCHED,        /**< receive descriptors are in the card */
    NIC_ANNOUNCED,      /**< the receive doorbell reached the card; slot: descriptors it tells of */
    NIC_TIMER,          /**< interrupt moderation */
    NIC_IN_HANDLER,     /**< a CPU has taken the interrupt */
    NIC_DRIVER,         /**< the driver is done with what it was doing */
    NIC_SEND_ANNOUNCED, /**< slot: packets the transmit doorbell tells of */
    NIC_SEND_FETCHED,   /**< transmit descriptors are in the card */
    NIC_DATA_READ,      /**< slot: of the transmit ring; its data is in the card */
    NIC_SENT,           /**< slot: of the transmit ring; it is on the wire */
    NIC_SEND_ENTRY,     /**< slot: of the transmit ring; its completion entry is in host memory */
};

/** What the driver of a queue is doing: one thing after the other. */
enum nic_task {
    TASK_IDLE,
    TASK_INTERRUPT, /**< asleep with the interrupt on its way, or entering the handler */
    TASK_UNMAP,     /**< task_chunk */
    TASK_MAP,       /**< task_chunk */
    TASK_DOORBELL,
    TASK_SYNC,     /**< that packet, out of its bounce buffer */
    TASK_PACKET,   /**< the packet at the head of its completions, through the stack */
    TASK_PREPARE,  /**< a packet to send, through the stack */
    TASK_SEND_MAP, /**< ... mapped */
    TASK_SEND_DOORBELL,
    TASK_SEND_UNMAP,
};

/** Memory mapped by one call; receive buffers are cut from it. */
struct nic_chunk {
    struct device_buffer buffer;
    uint32_t live;    /**< buffers cut from it and not released, and those still to be cut */
    uint64_t free_at; /**< the application has read it when the queue has received so many bytes */
    uint32_t next;    /**< list link */
};

struct nic_list {
    uint32_t first, last, count;
};

struct nic_receive_buffer {
    uint64_t address;
    uint32_t chunk;
};

struct nic_packet {
    uint32_t bytes, buffers, pieces; /**< pieces: writes under way */
    uint64_t arrived_ps;
    uint32_t next;
};

/** Receiving side of a queue. Counts only go up; differences of them are what is where. */
struct nic_receive {
    uint64_t descriptors_at, completions_at;
    uint32_t descriptors;               /**< in the ring */
    struct nic_receive_buffer *buffers; /**< [ring], by count modulo ring */
    uint64_t cut;                       /**< buffers posted, those of an unfinished descriptor included */
    uint64_t posted, told;              /**< descriptors written; of them announced by a doorbell */
    uint64_t announced, fetched;        /**< of them, those whose doorbell arrived; those in the card */
    uint64_t used, released;            /**< buffers: written into; given back by the driver */
    uint64_t entries;                   /**< completion entries written */
    bool fetching;
    uint32_t fetch_count;
    struct nic_list waiting;   /**< packets in the card without a buffer */
    struct nic_list completed; /**< packets the driver has not taken */
    struct nic_chunk *chunks;
    uint32_t chunk_count, current;
    uint32_t current_left; /**< buffers still to be cut from the current chunk */
    struct nic_list spare; /**< chunks without memory */
    struct nic_list kept;  /**< mapped, waiting to be used again: pool, or cache */
    struct nic_list held;  /**< page pool: with the application */
    struct nic_list to_unmap;
    uint64_t received_bytes, hold_bytes;
    uint32_t ack_countdown;
    uint64_t memory_used; /**< of the card, by packets that are not in host memory yet */
};

/** A packet in the transmit ring. */
struct nic_send_slot {
    struct device_buffer buffer;
    bool counted; /**< a unit of work, not an acknowledgement */
    bool read;    /**< its data is in the card */
    uint64_t begun_ps;
    uint64_t covers; /**< its completion entry tells of so many packets */
};

struct nic_send {
    uint64_t descriptors_at, completions_at;
    uint32_t ring;
    struct nic_send_slot *slots;
    /* Packets, each later one of those before: descriptor written, doorbell rung, doorbell arrived,
     * descriptor in the card, data asked for, handed to the wire, on the wire, completion visible, unmapped.
     */
    uint64_t posted, told, announced, fetched, started, wired, sent, finished, reaped;
    uint64_t entries;
    uint32_t fetch_count, due; /**< due: acknowledgements to be sent */
    uint64_t in_card_bytes;
    bool fetching;
};

struct nic_queue {
    uint32_t index, cpu, flows;
    struct nic_receive receive;
    struct nic_send send;
    enum nic_task task;
    uint32_t task_chunk;
    bool armed; /**< completions raise an interrupt */
    bool timer;
    bool sends;      /**< its last turn was one of sending */
    uint32_t unseen; /**< completions since the last interrupt, while armed */
};

struct nic {
    struct nic_parameters parameters;
    struct driver_parameters driver;
    struct device_host host;
    struct device_counters *counters;
    struct random_stream random;
    struct arena *arena;
    uint64_t units, warmup;
    struct nic_queue *queues;
    struct nic_packet *packets;
    uint32_t packet_count, packet_free;
    bool paused; /**< every queue is full: nothing comes */
    uint32_t outside_bytes, outside_queue;
};

/* nic.c */
uint32_t nic_packet_bytes(struct nic *nic);
uint64_t nic_wire_ps(const struct nic *nic, uint32_t bytes);
uint32_t nic_token(enum nic_token kind, const struct nic_queue *queue, uint32_t slot);
/** A unit is done: a packet of @p bytes, begun at @p begun_ps. */
void nic_unit_done(struct nic *nic, uint32_t bytes, uint64_t begun_ps);
/** A completion can be seen by the driver. */
void nic_completion_visible(struct nic *nic, struct nic_queue *queue);
void nic_raise_interrupt(struct nic *nic, struct nic_queue *queue);
void nic_list_append(uint32_t *link, size_t stride, struct nic_list *list, uint32_t index);
uint32_t nic_list_take(const uint32_t *link, size_t stride, struct nic_list *list);

/* nic_receive.c */
bool nic_receive_init(struct nic *nic, struct nic_queue *queue);
bool nic_receive_start(struct nic *nic, struct nic_queue *queue);
void nic_receive_event(struct nic *nic, struct nic_queue *queue, enum nic_token kind, uint32_t slot);
void nic_begin_arrivals(struct nic *nic);

/* nic_buffers.c */
void nic_buffers_init(struct nic *nic, struct nic_queue *queue);
/** The driver's next step to have the ring full. @return false where there is nothing to do */
bool nic_refill(struct nic *nic, struct nic_queue *queue);
void nic_chunk_mapped(struct nic *nic, struct nic_queue *queue);
void nic_chunk_unmapped(struct nic *nic, struct nic_queue *queue);
/** The first buffer of the next packet, where it bounces and stays mapped: what came has to be copied. NULL
 * else. MODEL: a packet of several buffers is copied by one call. */
const struct device_buffer *nic_bounced_buffer(const struct nic *nic, const struct nic_queue *queue);
/** The driver is done with the @p buffers next in order. */
void nic_release_buffers(struct nic *nic, struct nic_queue *queue, uint32_t buffers);

/* nic_transmit.c */
bool nic_send_start(struct nic *nic, struct nic_queue *queue, uint32_t ring);
/** The driver's next step towards sending. @return false where there is nothing to do */
bool nic_send_step(struct nic *nic, struct nic_queue *queue);
void nic_send_task_done(struct nic *nic, struct nic_queue *queue);
void nic_send_event(struct nic *nic, struct nic_queue *queue, enum nic_token kind, uint32_t slot);

/* nic_driver.c */
/** Go on with what there is to do, if the driver of the queue is idle but awake. */
void nic_driver_go_on(struct nic *nic, struct nic_queue *queue);
void nic_driver_event(struct nic *nic, struct nic_queue *queue, enum nic_token kind);

#endif
