/* SPDX-License-Identifier: MIT */
/**
 * @file scatter_list.h
 * Lists of buffers that are one transfer: what the block layer joins, and what an IOMMU joins further
 * (blk_rq_map_sg() of block/blk-merge.c, iommu_dma_map_sg() of drivers/iommu/dma-iommu.c).
 *
 * Without an IOMMU only neighbours in physical memory are one segment. With one, the whole list gets one
 * range of IO virtual addresses, and neighbours in it are one segment where the device allows: an element
 * joins the segment before it if that ends and it begins at a granule, if their common length is at most the
 * device's longest segment, and if it does not begin at its boundary. Elements that would cross the boundary
 * are moved behind it.
 */
#ifndef IOMMUSIM_HOST_SCATTER_LIST_H
#define IOMMUSIM_HOST_SCATTER_LIST_H

#include "models/host/dma_api.h"

/** A buffer of a list, or a segment for the device. */
struct scatter_element {
    uint64_t address, length; /**< physical before mapping, the device's after it */
};

/** A list that is mapped. */
struct scatter_mapping {
    struct scatter_element *segments; /**< for the device; the caller's array, room for one per element */
    struct dma_mapping *elements;     /**< mapped one by one; the caller's array, room for one per element */
    uint32_t segment_count, element_count;
    bool one_by_one;            /**< no IOMMU, or the device is not trusted */
    uint64_t iova, iova_length; /**< of the whole list, where it is not one by one */
};

/** Join neighbours in physical memory, in place, as the block layer does. @return elements that are left */
uint32_t scatter_join(struct scatter_element *elements, uint32_t count, uint64_t boundary_mask,
                      uint64_t longest);

/** Map a list (dma_map_sg()). Nothing is left behind where it fails. @param mapping  its arrays set */
enum dma_map_result scatter_map(struct dma_device *device, struct kernel_time *time,
                                const struct scatter_element *elements, uint32_t count,
                                enum dma_direction direction, struct scatter_mapping *mapping);

/** The parts of unmapping, as dma_unmap_begin() and dma_unmap_end(); dma_unmap_next() comes between them. */
bool scatter_unmap_begin(struct dma_device *device, struct kernel_time *time,
                         const struct scatter_mapping *mapping);
void scatter_unmap_end(struct dma_device *device, struct kernel_time *time,
                       const struct scatter_mapping *mapping);

/** As dma_sync_for_cpu() and dma_sync_for_device(). */
void scatter_sync(struct dma_device *device, struct kernel_time *time, const struct scatter_mapping *mapping,
                  bool for_cpu);

#endif
