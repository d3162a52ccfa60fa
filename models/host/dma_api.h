/* SPDX-License-Identifier: MIT */
/* clang-format off */
/**
 * @file dma_api.h
 * The kernel's DMA API (kernel/dma/mapping.c, drivers/iommu/dma-iommu.c, kernel/dma/direct.c): what a driver
 * calls for a buffer, what address its device gets, and what all of it costs the CPU that calls.
 *
 *   struct kernel_time time = {.cpu = 3, .now_ps = now};
 *   dma_map(device, &time, physical, length, DMA_FROM_DEVICE, &mapping);
 *   ...                                      the CPU is busy up to time.now_ps; the device uses mapping.address
 *   dma_unmap_begin(device, &time, &mapping);
 *   switch (dma_unmap_next(device, &time, 1))                             at the time dma_unmap_begin() ended
 *       DMA_INVALIDATE_RANGE, DMA_INVALIDATE_DOMAIN: the caller has the IOMMU invalidate, and waits
 *   dma_unmap_end(device, &time, &mapping);                               at the time that was done
 *
 * Nothing here knows of events: each function begins at time->now_ps and adds to it. Unmapping has three
 * parts since other CPUs go on meanwhile; each part asks for locks at its beginning, so that they are had in
 * the order of time. What a part does is what the kernel does:
 *
 *   part  | no IOMMU, passthrough | strict                    | lazy
 *   ------|-----------------------|---------------------------|----------------------------------------------
 *   map   | nothing, or bounce    | (bounce,) address, table  | the same
 *   begin | nothing               | clear table               | clear table
 *   next  | nothing               | invalidate the range      | free what was flushed; ring full: the domain
 *   end   | (copy back)           | address back, (copy back) | into the ring, (copy back)
 *
 * A buffer bounces (swiotlb.h)
 *   - without translation, where it ends above the device's mask, or where all DMA does: a confidential
 *     guest;
 *   - with it, where the device is not trusted and the buffer is no whole number of granules: the rest of a
 *     page would be the device's, too.
 */
/* clang-format on */
#ifndef IOMMUSIM_HOST_DMA_API_H
#define IOMMUSIM_HOST_DMA_API_H

#include "models/host/flush_queue.h"
#include "models/host/iova_allocator.h"
#include "models/host/swiotlb.h"
#include "sim/base/field.h"

#include <stdint.h>

struct dma_api_parameters {
    uint64_t map_ps;         /**< writing page-table entries, the first of a call */
    uint64_t unmap_ps;       /**< clearing page-table entries, the first of a call */
    uint64_t table_entry_ps; /**< each further entry */
    struct iova_parameters iova;
    uint64_t flush_queue_ps;      /**< lazy: putting a range into the ring, and taking one out */
    uint32_t flush_queue_entries; /**< lazy: ring of each CPU */
    uint64_t flush_timeout_ps;    /**< lazy: first range queued to the timer's flush */
    uint64_t aged_bytes;          /**< of addresses in use and given back before the run, in single pages */
};

extern const struct field_table dma_api_fields;

/** Who writes the memory. */
enum dma_direction { DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL };

/** The page tables of a domain, whoever keeps them. */
struct dma_tables {
    void *context;
    /** @return entries written, 0 where something is mapped there already or the address is too high */
    uint32_t (*map)(void *context, uint64_t iova, uint64_t physical, uint64_t length, bool read, bool write);
    /** @return entries cleared, 0 where part of it was not mapped */
    uint32_t (*unmap)(void *context, uint64_t iova, uint64_t length);
};

/** An address space that devices' DMA goes through, with what the kernel keeps for it. */
struct dma_domain {
    const struct dma_api_parameters *parameters;
    bool lazy;
    uint64_t granule;  /**< smallest page of the IOMMU */
    uint64_t aperture; /**< highest IO virtual address */
    struct iova_allocator iova;
    struct flush_queue flush_queue; /**< lazy */
    struct dma_tables tables;
};

/** A device as the DMA API knows it. */
struct dma_device {
    struct dma_domain *domain; /**< NULL: addresses are physical (no IOMMU in the way, or passthrough) */
    struct swiotlb *swiotlb;   /**< NULL: there is none */
    uint64_t mask;             /**< highest address it reaches */
    uint64_t boundary_mask;   /**< segments of a list do not cross a multiple of it plus one; default 4 GiB */
    uint64_t longest_segment; /**< of a list; the kernel's default is 64 KiB */
    uint64_t min_align_mask;  /**< low bits of an address that a bounce buffer keeps, e.g. NVMe 4095 */
    bool untrusted;           /**< external: the kernel gives it no byte more than the buffer */
    bool bounces_all;         /**< a confidential guest's, or swiotlb=force */
    bool bounces_twice;       /**< and copied once more, by the host */
    bool encrypts;            /**< copies that go through bounce buffers are encrypted there */
    bool tries_32_bit;        /**< addresses below 4 GiB are looked for first; cleared at the first failure */
};

/** A buffer that is mapped. */
struct dma_mapping {
    uint64_t address;  /**< for the device */
    uint64_t physical; /**< where that leads: the buffer, or its copy */
    uint64_t buffer;   /**< physical address of the buffer */
    uint64_t length;   /**< bytes */
    enum dma_direction direction;
    uint32_t slot;  /**< of its copy; SWIOTLB_NOTHING where it does not bounce */
    bool skip_sync; /**< unmapping copies nothing back (DMA_ATTR_SKIP_CPU_SYNC): who reads it syncs before */
};

enum dma_map_result {
    DMA_MAPPED,
    DMA_NO_ADDRESS,   /**< no IO virtual address is free */
    DMA_NO_SLOTS,     /**< "swiotlb buffer is full": a driver tries again when something was unmapped */
    DMA_TOO_LONG,     /**< longer than dma_longest(): no bounce buffer ever holds it */
    DMA_OUT_OF_REACH, /**< "overflow ... of DMA mask": neither the buffer nor a bounce buffer is in reach */
    DMA_TABLE_TAKEN,  /**< the page tables have something there already */
};

/** Words of the kernel, or of its documentation, for a result; "" for DMA_MAPPED. */
const char *dma_map_result_text(enum dma_map_result result);

/** What the IOMMU has to forget before a buffer is the driver's again. */
enum dma_invalidation { DMA_INVALIDATE_NOTHING, DMA_INVALIDATE_RANGE, DMA_INVALIDATE_DOMAIN };

/** A domain with nothing mapped but what the caller reserves in @c iova afterwards. @param cpus  of the
 * machine
 */
void dma_domain_init(struct dma_domain *domain, const struct dma_api_parameters *parameters, bool lazy,
                     unsigned page_shift, unsigned address_bits, uint32_t cpus, struct dma_tables tables);
void dma_domain_fini(struct dma_domain *domain);

/** A device that reaches @p mask_bits of addresses, with the kernel's defaults. */
void dma_device_init(struct dma_device *device, struct dma_domain *domain, struct swiotlb *swiotlb,
                     unsigned mask_bits);

/** Longest buffer that can be mapped for sure (dma_max_mapping_size()). */
uint64_t dma_longest(const struct dma_device *device);

/** Does a buffer bounce, for this device? */
bool dma_bounces(const struct dma_device *device, uint64_t physical, uint64_t length);

/** The IO virtual range of a mapping: whole granules. */
void dma_mapping_range(const struct dma_device *device, const struct dma_mapping *mapping, uint64_t *iova,
                       uint64_t *length);

/** Map a buffer that is contiguous in memory (dma_map_single(), dma_map_page()). Nothing is left behind where
 * it fails. */
enum dma_map_result dma_map(struct dma_device *device, struct kernel_time *time, uint64_t physical,
                            uint64_t length, enum dma_direction direction, struct dma_mapping *mapping);

/** First part of unmapping: the page-table entries go. @return false where something else was mapped there */
bool dma_unmap_begin(struct dma_device *device, struct kernel_time *time, const struct dma_mapping *mapping);
/** Second part: what is to be invalidated before the third, which gives back @p ranges? At most as many as a
 * ring of lazy mode has room for. */
enum dma_invalidation dma_unmap_next(struct dma_device *device, struct kernel_time *time, uint32_t ranges);
/** Third part: the address is free again, or queued; a bounced buffer has its data. */
void dma_unmap_end(struct dma_device *device, struct kernel_time *time, const struct dma_mapping *mapping);

/* Addresses alone, for lists (scatter_gather.h). */
/** Take @p length bytes of IO virtual addresses that the device reaches: below 4 GiB first
 * (iommu_dma_alloc_iova()). */
bool dma_take_iova(struct dma_device *device, struct kernel_time *time, uint64_t length, uint64_t *iova);
/**
 * Give them back: at once, or into the CPU's ring, which has room after dma_unmap_next() and what that asked
 * for.
 * @param taken  by dma_take_iova(); else the address was the caller's choice and goes to no allocator
 */
void dma_release_iova(struct dma_domain *domain, struct kernel_time *time, uint64_t iova, uint64_t length,
                      bool taken);
/** The CPU time of page-table work: @p entries written or (@p clear) cleared by one call. */
void dma_spend_on_table(const struct dma_domain *domain, struct kernel_time *time, uint32_t entries,
                        bool clear);

/** A mapping stays, and one side is done with it: copies, where it bounces; nothing else on a coherent
 * machine.
 */
void dma_sync_for_cpu(struct dma_device *device, struct kernel_time *time, const struct dma_mapping *mapping);
void dma_sync_for_device(struct dma_device *device, struct kernel_time *time,
                         const struct dma_mapping *mapping);

/** A flush of the whole domain begins, or is over: ranges queued before it began are free from then on. */
void dma_flush_begin(struct dma_domain *domain);
void dma_flush_end(struct dma_domain *domain);
/** Give back the addresses of all CPUs' rings that flushes have covered (the timer does). */
void dma_flush_free(struct dma_domain *domain, struct kernel_time *time);

#endif
