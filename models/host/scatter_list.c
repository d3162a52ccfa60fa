/* SPDX-License-Identifier: MIT */
#include "models/host/scatter_list.h"

uint32_t scatter_join(struct scatter_element *elements, uint32_t count, uint64_t boundary_mask,
                      uint64_t longest)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct scatter_element *last = left ? &elements[left - 1] : NULL;
        bool joins = last && last->address + last->length == elements[i].address &&
                     last->length + elements[i].length <= longest &&
                     (last->address | boundary_mask) ==
                         ((elements[i].address + elements[i].length - 1) | boundary_mask);
        if (joins)
            last->length += elements[i].length;
        else
            elements[left++] = elements[i];
    }
    return left;
}

/* ---- one by one ---- */

static void unmap_one(struct dma_device *device, struct kernel_time *time, const struct dma_mapping *mapping)
{
    dma_unmap_begin(device, time, mapping);
    dma_unmap_end(device, time, mapping);
}

static enum dma_map_result map_one_by_one(struct dma_device *device, struct kernel_time *time,
                                          const struct scatter_element *elements, uint32_t count,
                                          enum dma_direction direction, struct scatter_mapping *mapping)
{
    mapping->one_by_one = true;
    for (uint32_t i = 0; i < count; i++) {
        enum dma_map_result result =
            dma_map(device, time, elements[i].address, elements[i].length, direction, &mapping->elements[i]);
        if (result != DMA_MAPPED) {
            while (i-- > 0)
                unmap_one(device, time, &mapping->elements[i]);
            return result;
        }
        mapping->segments[i] = (struct scatter_element){mapping->elements[i].address, elements[i].length};
    }
    mapping->element_count = mapping->segment_count = count;
    return DMA_MAPPED;
}

/* ---- one range ---- */

static uint64_t whole(const struct scatter_element *element, uint64_t mask)
{
    return ((element->address & mask) + element->length + mask) & ~mask;
}

/* Bytes of nothing before an element of @p length, so that it does not cross the boundary. */
static uint64_t padding(uint64_t at, uint64_t length, uint64_t boundary_mask)
{
    uint64_t left = (boundary_mask - at + 1) & boundary_mask;
    return left && left < length - 1 ? left : 0;
}

static uint64_t range_length(const struct scatter_element *elements, uint32_t count, uint64_t mask,
                             uint64_t boundary_mask)
{
    uint64_t length = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t element = whole(&elements[i], mask);
        length += padding(length, element, boundary_mask) + element;
    }
    return length;
}

/* __finalise_sg(): what the device is told. */
static uint32_t make_segments(const struct dma_device *device, const struct scatter_element *elements,
                              uint32_t count, uint64_t iova, struct scatter_element *segments)
{
    uint64_t mask = device->domain->granule - 1, at = 0;
    uint32_t made = 0;
    bool open = false; /* the last segment ends at a granule */
    for (uint32_t i = 0; i < count; i++) {
        uint64_t offset = elements[i].address & mask, length = elements[i].length,
                 granules = whole(&elements[i], mask);
        at += padding(at, granules, device->boundary_mask);
        struct scatter_element *last = made ? &segments[made - 1] : NULL;
        uint64_t address = iova + at + offset;
        if (open && !offset && last->address + last->length == address && (address & device->boundary_mask) &&
            last->length + length <= device->longest_segment)
            last->length += length;
        else
            segments[made++] = (struct scatter_element){address, length};
        open = ((offset + length) & mask) == 0;
        at += granules;
    }
    return made;
}

/* Write the tables; elements that lie side by side in memory are one run (iommu_map_sg()). */
static uint32_t write_tables(const struct dma_device *device, const struct scatter_element *elements,
                             uint32_t count, uint64_t iova, enum dma_direction direction)
{
    const struct dma_tables *tables = &device->domain->tables;
    uint64_t mask = device->domain->granule - 1, at = 0, run_at = 0, run_physical = 0, run_length = 0;
    uint32_t entries = 0;
    for (uint32_t i = 0; i <= count; i++) {
        uint64_t physical = i < count ? elements[i].address & ~mask : 0,
                 granules = i < count ? whole(&elements[i], mask) : 0;
        uint64_t padded = i < count ? padding(at, granules, device->boundary_mask) : 0;
        at += padded;
        run_length += padded; /* the element before it goes on into the padding */
        if (i < count && run_length && run_physical + run_length == physical && run_at + run_length == at) {
            run_length += granules;
        } else {
            uint32_t written = run_length
                                   ? tables->map(tables->context, iova + run_at, run_physical, run_length,
                                                 direction != DMA_FROM_DEVICE, direction != DMA_TO_DEVICE)
                                   : 0;
            if (run_length && !written)
                return 0;
            entries += written;
            run_at = at;
            run_physical = physical;
            run_length = granules;
        }
        at += granules;
    }
    return entries;
}

enum dma_map_result scatter_map(struct dma_device *device, struct kernel_time *time,
                                const struct scatter_element *elements, uint32_t count,
                                enum dma_direction direction, struct scatter_mapping *mapping)
{
    struct dma_domain *domain = device->domain;
    if (!domain || device->untrusted || device->bounces_all)
        return map_one_by_one(device, time, elements, count, direction, mapping);
    uint64_t mask = domain->granule - 1;
    mapping->one_by_one = false;
    mapping->element_count = count;
    mapping->iova_length = range_length(elements, count, mask, device->boundary_mask);
    if (!dma_take_iova(device, time, mapping->iova_length, &mapping->iova))
        return DMA_NO_ADDRESS;
    uint32_t entries = write_tables(device, elements, count, mapping->iova, direction);
    dma_spend_on_table(domain, time, entries, false);
    if (!entries) {
        iova_allocator_give(&domain->iova, time, mapping->iova, mapping->iova_length);
        return DMA_TABLE_TAKEN;
    }
    mapping->segment_count = make_segments(device, elements, count, mapping->iova, mapping->segments);
    return DMA_MAPPED;
}

/* ---- unmapping, synchronising ---- */

bool scatter_unmap_begin(struct dma_device *device, struct kernel_time *time,
                         const struct scatter_mapping *mapping)
{
    struct dma_domain *domain = device->domain;
    bool good = true;
    for (uint32_t i = 0; i < mapping->element_count && mapping->one_by_one; i++)
        good &= dma_unmap_begin(device, time, &mapping->elements[i]);
    if (mapping->one_by_one)
        return good;
    uint32_t entries = domain->tables.unmap(domain->tables.context, mapping->iova, mapping->iova_length);
    dma_spend_on_table(domain, time, entries, true);
    return entries != 0;
}

void scatter_unmap_end(struct dma_device *device, struct kernel_time *time,
                       const struct scatter_mapping *mapping)
{
    for (uint32_t i = 0; i < mapping->element_count && mapping->one_by_one; i++)
        dma_unmap_end(device, time, &mapping->elements[i]);
    if (!mapping->one_by_one)
        dma_release_iova(device->domain, time, mapping->iova, mapping->iova_length, true);
}

void scatter_sync(struct dma_device *device, struct kernel_time *time, const struct scatter_mapping *mapping,
                  bool for_cpu)
{
    for (uint32_t i = 0; i < mapping->element_count && mapping->one_by_one; i++) {
        if (for_cpu)
            dma_sync_for_cpu(device, time, &mapping->elements[i]);
        else
            dma_sync_for_device(device, time, &mapping->elements[i]);
    }
}
