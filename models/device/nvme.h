/* SPDX-License-Identifier: MIT */
/**
 * @file nvme.h
 * An NVMe device with its driver (NVM Express Base Specification): pairs of submission and completion queues,
 * one a CPU; doorbells; PRP lists or SGLs; completion interrupts. @c depth commands of each queue are under
 * way as long as there are any: a command's buffer is mapped, its entry written, the doorbell rung; the
 * device fetches the entry, and the list of pages where there is one, moves the data, and writes a completion
 * entry; the driver, woken by an interrupt, unmaps and submits the next.
 */
#ifndef IOMMUSIM_DEVICE_NVME_H
#define IOMMUSIM_DEVICE_NVME_H

#include "models/device/device_host.h"
#include "sim/base/arena.h"
#include "sim/base/field.h"

enum nvme_operation { NVME_READ, NVME_WRITE, NVME_ALTERNATE };
enum nvme_pointers {
    NVME_PRP, /**< an entry for each 4 KiB page; those beyond the second in a list of their own */
    NVME_SGL, /**< an address and a length; what is contiguous for the device is one entry */
};
enum nvme_buffers { NVME_BUFFERS_PER_COMMAND, NVME_BUFFERS_PERSISTENT };

struct nvme_parameters {
    int operation;                   /**< enum nvme_operation: what is asked of it */
    uint32_t queues;                 /**< pairs, with a CPU each */
    uint32_t depth;                  /**< commands of a queue under way */
    uint64_t block_bytes;            /**< of a command */
    int pointers;                    /**< enum nvme_pointers */
    int buffers;                     /**< enum nvme_buffers */
    uint64_t page_bytes;             /**< of persistent buffers' mappings: 4 KiB or 2 MiB */
    uint64_t read_latency_ps;        /**< flash to the device's buffer */
    uint64_t write_latency_ps;       /**< the device's buffer to safe */
    uint64_t media_rate_bytes_per_s; /**< of all flash together */
    uint32_t entries_fetched;        /**< submission entries read at once, at most */
    uint64_t interrupt_delay_ps;
    uint32_t interrupt_completions; /**< that do not wait any longer */
};

extern const struct field_table nvme_fields;

struct nvme;

/** As nic_new(), nic_start(), nic_event(), nic_is_done(); a unit is a command. */
struct nvme *nvme_new(struct arena *arena, const struct nvme_parameters *parameters,
                      const struct driver_parameters *driver, const struct device_host *host,
                      struct device_counters *counters, uint32_t first_cpu, uint64_t units, uint64_t warmup);
bool nvme_start(struct nvme *nvme);
void nvme_event(struct nvme *nvme, uint32_t token);
bool nvme_is_done(const struct nvme *nvme);

#endif
