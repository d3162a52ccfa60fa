/* SPDX-License-Identifier: MIT */
#include "models/host/dma_api.h"

#define TIME(key, member, high, text)                                                                        \
    FIELD_ROW_QUANTITY(dma_api_parameters, key, member, UNIT_PICOSECONDS, 0, high, text)

static const struct field fields[] = {
    TIME("map", map_ps, 1000000000, "dma_map on a CPU: page-table work of a call, with its first entry"),
    TIME("unmap", unmap_ps, 1000000000,
         "dma_unmap on a CPU: page-table work of a call, with its first entry; invalidation is not included"),
    TIME("table_entry", table_entry_ps, 1000000000, "each further page-table entry of a call"),
    TIME("iova_magazine", iova.magazine_ps, 1000000000,
         "an IO virtual address taken from, or put into, a CPU's magazine"),
    TIME("iova_tree", iova.tree_ps, 1000000000,
         "an IO virtual address taken from, or put into, the tree of ranges, with its lock held"),
    TIME("iova_tree_step", iova.tree_step_ps, 1000000000, "for each range that a search of the tree passes"),
    {.name = "iova_magazine_entries",
     .type = FIELD_COUNT,
     .offset = offsetof(struct dma_api_parameters, iova.magazine_entries),
     .minimum = 1,
     .maximum = 4096,
     .help = "addresses of one size that a magazine holds; a CPU has two"},
    {.name = "iova_depot_magazines",
     .type = FIELD_COUNT,
     .offset = offsetof(struct dma_api_parameters, iova.depot_magazines),
     .maximum = 65536,
     .help = "full magazines that CPUs share; 0: as many as there are, one too many freed each 100 ms"},
    TIME("lock_handoff", iova.lock_handoff_ps, 1000000000,
         "a lock's way to a CPU from the one that had it before"),
    TIME("flush_queue", flush_queue_ps, 1000000000,
         "lazy mode: a range put into a CPU's flush queue, or taken out"),
    {.name = "flush_queue_entries",
     .type = FIELD_COUNT,
     .offset = offsetof(struct dma_api_parameters, flush_queue_entries),
     .minimum = 2,
     .maximum = 1048576,
     .help = "lazy mode: ranges a CPU's flush queue has room for, plus one"},
    TIME("flush_timeout", flush_timeout_ps, UINT64_C(1000000000000),
         "lazy mode: from the first range queued to the timer's flush"),
    FIELD_ROW_QUANTITY(dma_api_parameters, "aged", aged_bytes, UNIT_BYTES, 0, UINT64_C(1) << 31,
                       "IO virtual addresses that were in use in single pages before the run, and were given "
                       "back in no order; 0: the machine was booted just now"),
};

const struct field_table dma_api_fields = {"dma_api", "what mapping and unmapping buffers costs CPUs", fields,
                                           sizeof(fields) / sizeof(fields[0]),
                                           sizeof(struct dma_api_parameters)};

static const uint64_t limit_32 = UINT32_MAX;

static uint64_t mask_of(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

const char *dma_map_result_text(enum dma_map_result result)
{
    static const char *const texts[] = {
        [DMA_MAPPED] = "",
        [DMA_NO_ADDRESS] = "no IO virtual address is free",
        [DMA_NO_SLOTS] = "swiotlb buffer is full",
        [DMA_TOO_LONG] = "longer than a bounce buffer can be",
        [DMA_OUT_OF_REACH] = "overflow of the DMA mask",
        [DMA_TABLE_TAKEN] =
            "something is mapped there already, or the address is beyond the page table's width",
    };
    return texts[result];
}

/* ---- life ---- */

void dma_domain_init(struct dma_domain *domain, const struct dma_api_parameters *parameters, bool lazy,
                     unsigned page_shift, unsigned address_bits, uint32_t cpus, struct dma_tables tables)
{
    *domain = (struct dma_domain){.parameters = parameters,
                                  .lazy = lazy,
                                  .granule = UINT64_C(1) << page_shift,
                                  .aperture = mask_of(address_bits),
                                  .tables = tables};
    iova_allocator_init(&domain->iova, &parameters->iova, page_shift, cpus);
    if (lazy)
        flush_queue_init(&domain->flush_queue, parameters->flush_queue_entries, cpus);
}

void dma_domain_fini(struct dma_domain *domain)
{
    iova_allocator_fini(&domain->iova);
    flush_queue_fini(&domain->flush_queue);
}

void dma_device_init(struct dma_device *device, struct dma_domain *domain, struct swiotlb *swiotlb,
                     unsigned mask_bits)
{
    *device = (struct dma_device){.domain = domain,
                                  .swiotlb = swiotlb,
                                  .mask = mask_of(mask_bits),
                                  .boundary_mask = limit_32,
                                  .longest_segment = 65536,
                                  .tries_32_bit = true};
}

/* ---- who bounces ---- */

uint64_t dma_longest(const struct dma_device *device)
{
    bool may_bounce = device->domain ? device->untrusted : device->bounces_all || device->mask != UINT64_MAX;
    return device->swiotlb && may_bounce ? swiotlb_longest(device->min_align_mask) : UINT64_MAX;
}

bool dma_bounces(const struct dma_device *device, uint64_t physical, uint64_t length)
{
    if (device->bounces_all)
        return true;
    if (device->domain)
        return device->untrusted && ((physical | length) & (device->domain->granule - 1));
    return physical + (length - 1) > device->mask;
}

/* Copy to the bounce buffer or back, and once more where the host bounces what the guest bounced. */
static void copy(const struct dma_device *device, struct kernel_time *time, const struct dma_mapping *mapping,
                 bool out)
{
    struct swiotlb_copy copy = {.buffer = mapping->buffer,
                                .slots = mapping->physical,
                                .length = mapping->length,
                                .out = out,
                                .encrypted = device->encrypts};
    swiotlb_copy(device->swiotlb, time, &copy);
    copy.again = true;
    if (device->bounces_twice)
        swiotlb_copy(device->swiotlb, time, &copy);
}

static enum dma_map_result bounce(struct dma_device *device, struct kernel_time *time,
                                  struct dma_mapping *mapping)
{
    struct swiotlb_request request = {.physical = mapping->buffer,
                                      .length = mapping->length,
                                      .alignment_mask = device->domain ? device->domain->granule - 1 : 0,
                                      .min_align_mask = device->min_align_mask,
                                      .boundary_mask = device->boundary_mask};
    if (!device->swiotlb)
        return DMA_OUT_OF_REACH;
    if (mapping->length > swiotlb_longest(device->min_align_mask))
        return DMA_TOO_LONG;
    uint32_t slot = swiotlb_take(device->swiotlb, time, &request, &mapping->physical);
    if (slot == SWIOTLB_NOTHING)
        return DMA_NO_SLOTS;
    if (!device->domain && mapping->physical + (mapping->length - 1) > device->mask) {
        swiotlb_give(device->swiotlb, time, slot);
        return DMA_OUT_OF_REACH;
    }
    mapping->slot = slot;
    copy(device, time, mapping, false);
    return DMA_MAPPED;
}

/* ---- mapping ---- */

void dma_mapping_range(const struct dma_device *device, const struct dma_mapping *mapping, uint64_t *iova,
                       uint64_t *length)
{
    uint64_t mask = device->domain->granule - 1, offset = mapping->address & mask;
    *iova = mapping->address - offset;
    *length = (offset + mapping->length + mask) & ~mask;
}

bool dma_take_iova(struct dma_device *device, struct kernel_time *time, uint64_t length, uint64_t *iova)
{
    struct dma_domain *domain = device->domain;
    uint64_t limit = device->mask < domain->aperture ? device->mask : domain->aperture;
    if (limit > limit_32 && device->tries_32_bit) {
        if (iova_allocator_take(&domain->iova, time, length, limit_32, false, iova))
            return true;
        device->tries_32_bit = false;
    }
    return iova_allocator_take(&domain->iova, time, length, limit, true, iova);
}

void dma_spend_on_table(const struct dma_domain *domain, struct kernel_time *time, uint32_t entries,
                        bool clear)
{
    const struct dma_api_parameters *costs = domain->parameters;
    uint64_t further = entries > 1 ? entries - 1 : 0;
    kernel_time_spend(time, KERNEL_TABLE,
                      (clear ? costs->unmap_ps : costs->map_ps) + further * costs->table_entry_ps);
}

static enum dma_map_result translate(struct dma_device *device, struct kernel_time *time,
                                     struct dma_mapping *mapping)
{
    struct dma_domain *domain = device->domain;
    uint64_t mask = domain->granule - 1, offset = mapping->physical & mask, iova,
             length = (offset + mapping->length + mask) & ~mask;
    if (!dma_take_iova(device, time, length, &iova))
        return DMA_NO_ADDRESS;
    uint32_t entries =
        domain->tables.map(domain->tables.context, iova, mapping->physical - offset, length,
                           mapping->direction != DMA_FROM_DEVICE, mapping->direction != DMA_TO_DEVICE);
    dma_spend_on_table(domain, time, entries, false);
    if (!entries) {
        iova_allocator_give(&domain->iova, time, iova, length);
        return DMA_TABLE_TAKEN;
    }
    mapping->address = iova + offset;
    return DMA_MAPPED;
}

enum dma_map_result dma_map(struct dma_device *device, struct kernel_time *time, uint64_t physical,
                            uint64_t length, enum dma_direction direction, struct dma_mapping *mapping)
{
    *mapping = (struct dma_mapping){.address = physical,
                                    .physical = physical,
                                    .buffer = physical,
                                    .length = length,
                                    .direction = direction,
                                    .slot = SWIOTLB_NOTHING};
    enum dma_map_result result =
        dma_bounces(device, physical, length) ? bounce(device, time, mapping) : DMA_MAPPED;
    mapping->address = mapping->physical;
    if (result != DMA_MAPPED || !device->domain)
        return result;
    result = translate(device, time, mapping);
    if (result != DMA_MAPPED && mapping->slot != SWIOTLB_NOTHING)
        swiotlb_give(device->swiotlb, time, mapping->slot);
    return result;
}

/* ---- unmapping ---- */

bool dma_unmap_begin(struct dma_device *device, struct kernel_time *time, const struct dma_mapping *mapping)
{
    struct dma_domain *domain = device->domain;
    uint64_t iova, length;
    if (!domain)
        return true;
    dma_mapping_range(device, mapping, &iova, &length);
    uint32_t entries = domain->tables.unmap(domain->tables.context, iova, length);
    dma_spend_on_table(domain, time, entries, true);
    return entries != 0;
}

/* Ranges of one CPU's ring that a flush has covered: their addresses are free (fq_ring_free()). */
static void free_covered(struct dma_domain *domain, struct kernel_time *time, uint32_t cpu)
{
    struct flush_entry entry;
    while (flush_queue_take(&domain->flush_queue, cpu, &entry)) {
        kernel_time_spend(time, KERNEL_FLUSH_QUEUE, domain->parameters->flush_queue_ps);
        if (entry.allocated)
            iova_allocator_give(&domain->iova, time, entry.iova, entry.length);
    }
}

enum dma_invalidation dma_unmap_next(struct dma_device *device, struct kernel_time *time, uint32_t ranges)
{
    struct dma_domain *domain = device->domain;
    if (!domain)
        return DMA_INVALIDATE_NOTHING;
    if (!domain->lazy)
        return DMA_INVALIDATE_RANGE;
    free_covered(domain, time, time->cpu);
    return flush_queue_room(&domain->flush_queue, time->cpu) < ranges ? DMA_INVALIDATE_DOMAIN
                                                                      : DMA_INVALIDATE_NOTHING;
}

void dma_release_iova(struct dma_domain *domain, struct kernel_time *time, uint64_t iova, uint64_t length,
                      bool taken)
{
    if (!domain->lazy) {
        if (taken)
            iova_allocator_give(&domain->iova, time, iova, length);
        return;
    }
    if (flush_queue_room(&domain->flush_queue, time->cpu) == 0)
        free_covered(domain, time, time->cpu); /* a flush was made for it just now */
    kernel_time_spend(time, KERNEL_FLUSH_QUEUE, domain->parameters->flush_queue_ps);
    flush_queue_add(&domain->flush_queue, time->cpu, &(struct flush_entry){iova, length, 0, taken});
}

/* What the device has written comes to the buffer. */
static void copy_back(struct dma_device *device, struct kernel_time *time, const struct dma_mapping *mapping)
{
    if (mapping->slot != SWIOTLB_NOTHING && mapping->direction != DMA_TO_DEVICE)
        copy(device, time, mapping, true);
}

void dma_unmap_end(struct dma_device *device, struct kernel_time *time, const struct dma_mapping *mapping)
{
    uint64_t iova, length;
    if (device->domain) {
        dma_mapping_range(device, mapping, &iova, &length);
        dma_release_iova(device->domain, time, iova, length, true);
    }
    if (!mapping->skip_sync)
        copy_back(device, time, mapping);
    if (mapping->slot != SWIOTLB_NOTHING)
        swiotlb_give(device->swiotlb, time, mapping->slot);
}

/* ---- mappings that stay ---- */

void dma_sync_for_cpu(struct dma_device *device, struct kernel_time *time, const struct dma_mapping *mapping)
{
    copy_back(device, time, mapping);
}

void dma_sync_for_device(struct dma_device *device, struct kernel_time *time,
                         const struct dma_mapping *mapping)
{
    if (mapping->slot != SWIOTLB_NOTHING && mapping->direction != DMA_FROM_DEVICE)
        copy(device, time, mapping, false);
}

/* ---- flushing ---- */

void dma_flush_begin(struct dma_domain *domain)
{
    domain->flush_queue.begun++;
}

void dma_flush_end(struct dma_domain *domain)
{
    domain->flush_queue.finished++;
}

void dma_flush_free(struct dma_domain *domain, struct kernel_time *time)
{
    for (uint32_t cpu = 0; cpu < domain->flush_queue.cpus; cpu++)
        free_covered(domain, time, cpu);
}
