/* SPDX-License-Identifier: MIT */
/**
 * @file copy_engine.h
 * Copy engines of a GPU or another accelerator with their driver: copies between its own memory and the
 * host's, or straight into a peer's BAR. @c depth copies are queued as long as there are any; each engine
 * takes them one by one: fetches the command, moves the data in chunks of which several are under way, writes
 * a semaphore, and raises an interrupt.
 */
#ifndef IOMMUSIM_DEVICE_COPY_ENGINE_H
#define IOMMUSIM_DEVICE_COPY_ENGINE_H

#include "models/device/device_host.h"
#include "sim/base/arena.h"
#include "sim/base/field.h"

enum copy_direction { COPY_TO_DEVICE, COPY_TO_HOST, COPY_TO_PEER };
enum copy_buffers { COPY_BUFFERS_PINNED, COPY_BUFFERS_PER_COPY };

struct copy_engine_parameters {
    int direction;             /**< enum copy_direction */
    uint32_t engines;          /**< that work at once, each at its own queue */
    uint32_t depth;            /**< copies queued for each engine, the one under way included */
    uint64_t copy_bytes;       /**< of a copy */
    uint64_t chunk_bytes;      /**< of one DMA operation */
    uint32_t chunks_in_flight; /**< of an engine */
    int buffers;               /**< enum copy_buffers */
    uint64_t window_bytes;     /**< of pinned buffers an engine goes through */
    uint64_t page_bytes;       /**< of their mappings: 4 KiB or 2 MiB */
};

extern const struct field_table copy_engine_fields;

struct copy_engines;

/** As nic_new(), nic_start(), nic_event(), nic_is_done(); a unit is a copy.
 * @param peer_at  address of the peer's memory for the device; COPY_TO_PEER only
 * @param peer_bytes  of it */
struct copy_engines *copy_engines_new(struct arena *arena, const struct copy_engine_parameters *parameters,
                                      const struct driver_parameters *driver, const struct device_host *host,
                                      struct device_counters *counters, uint32_t first_cpu, uint64_t units,
                                      uint64_t warmup, uint64_t peer_at, uint64_t peer_bytes);
bool copy_engines_start(struct copy_engines *engines);
void copy_engines_event(struct copy_engines *engines, uint32_t token);
bool copy_engines_are_done(const struct copy_engines *engines);

#endif
