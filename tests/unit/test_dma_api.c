/* SPDX-License-Identifier: MIT */
/* The DMA API on page tables that are a plain list: who bounces, what lists become, what is left afterwards.
 */
#include "models/host/scatter_list.h"
#include "sim/kernel/random.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *dma_api_suite(void);

enum { PAGE = 4096, TABLE = 1 << 14 };

/* ---- tables: one page an entry ---- */

struct tables {
    struct {
        uint64_t iova, physical;
    } entries[TABLE];
    uint32_t count;
};

static uint32_t find(const struct tables *tables, uint64_t iova)
{
    uint32_t i = 0;
    while (i < tables->count && tables->entries[i].iova != iova)
        i++;
    return i;
}

static uint32_t map_pages(void *context, uint64_t iova, uint64_t physical, uint64_t length, bool read,
                          bool write)
{
    struct tables *tables = context;
    (void)read;
    (void)write;
    for (uint64_t at = 0; at < length; at += PAGE) {
        ck_assert_uint_eq(find(tables, iova + at), tables->count);
        ck_assert_uint_lt(tables->count, TABLE);
        tables->entries[tables->count].iova = iova + at;
        tables->entries[tables->count++].physical = physical + at;
    }
    return (uint32_t)(length / PAGE);
}

static uint32_t unmap_pages(void *context, uint64_t iova, uint64_t length)
{
    struct tables *tables = context;
    for (uint64_t at = 0; at < length; at += PAGE) {
        uint32_t i = find(tables, iova + at);
        ck_assert_uint_lt(i, tables->count);
        tables->entries[i] = tables->entries[--tables->count];
    }
    return (uint32_t)(length / PAGE);
}

/* ---- a machine ---- */

static const struct dma_api_parameters parameters = {
    .map_ps = 600,
    .unmap_ps = 800,
    .table_entry_ps = 10,
    .iova = {.magazine_entries = 127, .magazine_ps = 25, .tree_ps = 150},
    .flush_queue_ps = 30,
    .flush_queue_entries = 256,
};
static const struct swiotlb_parameters bounce_parameters = {.pool_bytes = 1 << 20,
                                                            .areas = 1,
                                                            .copy_bytes_per_s = UINT64_C(1000000000000),
                                                            .encrypt_bytes_per_s = UINT64_C(1000000000000)};

struct host {
    struct tables tables;
    struct dma_domain domain;
    struct swiotlb swiotlb;
    struct dma_device device;
};

static struct host *host_new(bool translated, bool lazy, unsigned mask_bits)
{
    struct host *host = calloc(1, sizeof(*host));
    ck_assert_ptr_nonnull(host);
    dma_domain_init(&host->domain, &parameters, lazy, 12, 48, 2,
                    (struct dma_tables){&host->tables, map_pages, unmap_pages});
    swiotlb_init(&host->swiotlb, &bounce_parameters, 0x7c000000, 2);
    dma_device_init(&host->device, translated ? &host->domain : NULL, &host->swiotlb, mask_bits);
    return host;
}

static void host_free(struct host *host)
{
    dma_domain_fini(&host->domain);
    swiotlb_fini(&host->swiotlb);
    free(host);
}

/* Where the device gets to with an address. */
static uint64_t reach(const struct host *host, uint64_t address)
{
    if (!host->device.domain)
        return address;
    uint32_t i = find(&host->tables, address & ~UINT64_C(4095));
    ck_assert_uint_lt(i, host->tables.count);
    return host->tables.entries[i].physical | (address & 4095);
}

/* ---- one buffer ---- */

START_TEST(who_bounces)
{
    static const struct {
        bool translated, untrusted, all;
        unsigned mask;
        uint64_t physical, length;
        bool bounces;
    } rows[] = {
        {false, false, false, 32, 0xfffff000, 4096, false},
        {false, false, false, 32, 0xfffff000, 4097, true}, /* ends above 4 GiB */
        {false, false, false, 64, 0x100000000, 4096, false},
        {false, true, false, 64, 0x100000000, 100, false}, /* without an IOMMU trust changes nothing */
        {true, false, false, 32, 0x100000000, 100, false},
        {true, true, false, 64, 0x100000000, 8192, false}, /* whole pages */
        {true, true, false, 64, 0x100000000, 8000, true},
        {true, true, false, 64, 0x100000800, 4096, true},
        {false, false, true, 64, 0x1000000, 4096, true},
        {true, false, true, 64, 0x1000000, 4096, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct host *host = host_new(rows[i].translated, false, rows[i].mask);
        struct kernel_time time = {0};
        struct dma_mapping mapping;
        host->device.untrusted = rows[i].untrusted;
        host->device.bounces_all = rows[i].all;
        ck_assert_int_eq(
            dma_map(&host->device, &time, rows[i].physical, rows[i].length, DMA_BIDIRECTIONAL, &mapping),
            DMA_MAPPED);
        uint64_t to = reach(host, mapping.address);
        ck_assert_msg((to != rows[i].physical) == rows[i].bounces, "row %zu", i);
        ck_assert_uint_eq(to, mapping.physical);
        ck_assert_uint_eq(host->swiotlb.counters.bytes_in, rows[i].bounces ? rows[i].length : 0);
        ck_assert_uint_le(mapping.address + rows[i].length - 1, host->device.mask);
        dma_sync_for_cpu(&host->device, &time, &mapping);
        dma_sync_for_device(&host->device, &time, &mapping);
        ck_assert(dma_unmap_begin(&host->device, &time, &mapping));
        ck_assert_int_eq(dma_unmap_next(&host->device, &time, 1),
                         rows[i].translated ? DMA_INVALIDATE_RANGE : DMA_INVALIDATE_NOTHING);
        dma_unmap_end(&host->device, &time, &mapping);
        ck_assert_uint_eq(host->swiotlb.counters.bytes_in, rows[i].bounces ? 2 * rows[i].length : 0);
        ck_assert_uint_eq(host->swiotlb.counters.bytes_out, rows[i].bounces ? 2 * rows[i].length : 0);
        ck_assert_uint_eq(host->swiotlb.used, 0);
        ck_assert_uint_eq(host->tables.count, 0);
        host_free(host);
    }
}
END_TEST

START_TEST(what_cannot_be_mapped)
{
    struct host *host = host_new(false, false, 24);
    struct kernel_time time = {0};
    struct dma_mapping mapping;
    ck_assert_int_eq(dma_map(&host->device, &time, 0x1000000, 4096, DMA_TO_DEVICE, &mapping),
                     DMA_OUT_OF_REACH);
    ck_assert_uint_eq(host->swiotlb.used, 0); /* the pool is above 16 MiB, too */
    host->device.mask = UINT32_MAX;
    ck_assert_int_eq(dma_map(&host->device, &time, 0x100000000, 300000, DMA_TO_DEVICE, &mapping),
                     DMA_TOO_LONG);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(dma_map(&host->device, &time, 0x100000000, 262144, DMA_TO_DEVICE, &mapping),
                         DMA_MAPPED);
    ck_assert_int_eq(dma_map(&host->device, &time, 0x100000000, 2048, DMA_TO_DEVICE, &mapping), DMA_NO_SLOTS);
    host->device.swiotlb = NULL;
    ck_assert_int_eq(dma_map(&host->device, &time, 0x100000000, 2048, DMA_TO_DEVICE, &mapping),
                     DMA_OUT_OF_REACH);
    host_free(host);
}
END_TEST

/* Below 4 GiB first; when that is full the device never tries again, and gets addresses above. */
START_TEST(addresses_below_4_gib_come_first)
{
    struct host *host = host_new(true, false, 64);
    struct kernel_time time = {0};
    struct dma_mapping mapping, large;
    ck_assert_int_eq(dma_map(&host->device, &time, 0x5000, 4096, DMA_TO_DEVICE, &mapping), DMA_MAPPED);
    ck_assert_uint_eq(mapping.address, 0xfffff000);
    iova_allocator_reserve(&host->domain.iova, 0x10000, 0xfffeffff);
    ck_assert_int_eq(dma_map(&host->device, &time, 0x1000000, 1 << 20, DMA_TO_DEVICE, &large), DMA_MAPPED);
    ck_assert_uint_gt(large.address, UINT32_MAX);
    ck_assert(!host->device.tries_32_bit);
    ck_assert_int_eq(dma_map(&host->device, &time, 0x6000, 4096, DMA_TO_DEVICE, &mapping), DMA_MAPPED);
    ck_assert_uint_gt(mapping.address, UINT32_MAX); /* although there is room below */
    host_free(host);
}
END_TEST

START_TEST(lazy_unmapping_queues_and_flushes)
{
    struct host *host = host_new(true, true, 64);
    struct kernel_time time = {0};
    struct dma_mapping mapping;
    for (int i = 0; i < 256; i++) {
        ck_assert_int_eq(dma_map(&host->device, &time, 0x5000, 4096, DMA_FROM_DEVICE, &mapping), DMA_MAPPED);
        dma_unmap_begin(&host->device, &time, &mapping);
        /* 255 fit; the next needs a flush of the whole domain. */
        enum dma_invalidation next = dma_unmap_next(&host->device, &time, 1);
        ck_assert_int_eq(next, i == 255 ? DMA_INVALIDATE_DOMAIN : DMA_INVALIDATE_NOTHING);
        if (next == DMA_INVALIDATE_DOMAIN) {
            ck_assert_uint_eq(host->domain.iova.live_bytes, 256 * PAGE);
            dma_flush_begin(&host->domain);
            dma_flush_end(&host->domain);
        }
        dma_unmap_end(&host->device, &time, &mapping);
    }
    ck_assert_uint_eq(host->domain.iova.live_bytes, PAGE);
    dma_flush_begin(&host->domain);
    dma_flush_end(&host->domain);
    dma_flush_free(&host->domain, &time);
    ck_assert_uint_eq(host->domain.iova.live_bytes, 0);
    host_free(host);
}
END_TEST

/* ---- lists ---- */

enum { LIST = 40 };

struct list {
    struct scatter_element elements[LIST], segments[LIST];
    struct dma_mapping mappings[LIST];
    struct scatter_mapping mapping;
    uint32_t count;
};

static void map_list(struct host *host, struct list *list)
{
    struct kernel_time time = {0};
    list->mapping = (struct scatter_mapping){.segments = list->segments, .elements = list->mappings};
    ck_assert_int_eq(
        scatter_map(&host->device, &time, list->elements, list->count, DMA_FROM_DEVICE, &list->mapping),
        DMA_MAPPED);
}

static void unmap_list(struct host *host, struct list *list)
{
    struct kernel_time time = {0};
    ck_assert(scatter_unmap_begin(&host->device, &time, &list->mapping));
    dma_unmap_next(&host->device, &time, 1);
    scatter_unmap_end(&host->device, &time, &list->mapping);
}

#define LIST_OF(...)                                                                                         \
    (struct list)                                                                                            \
    {                                                                                                        \
        .elements = {__VA_ARGS__},                                                                           \
        .count = sizeof((struct scatter_element[]){__VA_ARGS__}) / sizeof(struct scatter_element)            \
    }

START_TEST(lists_by_hand)
{
    struct host *host = host_new(true, false, 64);
    /* Two pages anywhere: one operation of 8 KiB. */
    struct list list = LIST_OF({0x100005000, 4096}, {0x20000, 4096});
    map_list(host, &list);
    ck_assert_uint_eq(list.mapping.segment_count, 1);
    ck_assert_uint_eq(list.segments[0].length, 8192);
    ck_assert_uint_eq(list.segments[0].address, 0xffffe000);
    unmap_list(host, &list);
    /* The first begins, and the last ends, inside a page; the one between may not. */
    list = LIST_OF({0x5800, 2048}, {0x20000, 4096}, {0x90000, 100});
    map_list(host, &list);
    ck_assert_uint_eq(list.mapping.segment_count, 1);
    ck_assert_uint_eq(list.segments[0].length, 2048 + 4096 + 100);
    ck_assert_uint_eq(list.segments[0].address & 4095, 0x800);
    unmap_list(host, &list);
    list = LIST_OF({0x5000, 4000}, {0x20000, 4096}, {0x90800, 2048}, {0x40000, 4096});
    map_list(host, &list);
    ck_assert_uint_eq(list.mapping.segment_count, 3);
    ck_assert_uint_eq(list.segments[2].length, 2048 + 4096);
    unmap_list(host, &list);
    /* No segment longer than the device takes. */
    list.count = 20;
    for (uint32_t i = 0; i < 20; i++)
        list.elements[i] = (struct scatter_element){0x100000 + i * UINT64_C(8192), 4096};
    map_list(host, &list);
    ck_assert_uint_eq(list.mapping.segment_count, 2);
    ck_assert_uint_eq(list.segments[0].length, 65536);
    unmap_list(host, &list);
    host_free(host);
}
END_TEST

START_TEST(neighbours_are_joined_by_the_block_layer)
{
    struct scatter_element elements[] = {
        {0x1000, 4096}, {0x2000, 4096}, {0x4000, 4096}, {0x5000, 4096}, {0x6000, 4096}};
    ck_assert_uint_eq(scatter_join(elements, 5, UINT32_MAX, 65536), 2);
    ck_assert_uint_eq(elements[1].address, 0x4000);
    ck_assert_uint_eq(elements[1].length, 3 * PAGE);
    struct scatter_element again[] = {{0x1000, 4096}, {0x2000, 4096}, {0x3000, 4096}, {0x4000, 4096}};
    ck_assert_uint_eq(scatter_join(again, 4, 0x1fff, 65536), 3); /* 1 | 2 3 | 4 */
    struct scatter_element few[] = {{0x1000, 4096}, {0x2000, 4096}, {0x3000, 4096}};
    ck_assert_uint_eq(scatter_join(few, 3, UINT32_MAX, 8192), 2);
}
END_TEST

/* Random lists, boundaries and lengths: byte by byte the device gets where the buffers, or their copies, are;
 * no segment is too long or crosses the boundary; afterwards nothing is left. */
START_TEST(segments_lead_to_the_buffers)
{
    static const uint64_t boundaries[] = {UINT32_MAX, 0xffff, 0x3fff};
    struct random_stream random;
    random_init(&random, 5, "lists");
    for (int trial = 0; trial < 400; trial++) {
        struct host *host = host_new(random_below(&random, 4) != 0, random_below(&random, 2),
                                     random_below(&random, 2) ? 64 : 32);
        struct list list = {.count = 1 + (uint32_t)random_below(&random, 12)};
        host->device.untrusted = random_below(&random, 4) == 0;
        host->device.boundary_mask = boundaries[random_below(&random, 3)];
        host->device.longest_segment = 4096 * (1 + random_below(&random, 16));
        uint64_t page = 0x100000;
        for (uint32_t i = 0; i < list.count; i++) {
            bool whole = random_below(&random, 2);
            page += random_below(&random, 3) ? PAGE : 5 * PAGE;
            list.elements[i] =
                (struct scatter_element){(page + (random_below(&random, 2) ? UINT64_C(0x100000000) : 0)) |
                                             (whole ? 0 : random_below(&random, 1000)),
                                         whole ? PAGE : 1 + random_below(&random, 3000)};
        }
        map_list(host, &list);
        uint32_t element = 0;
        uint64_t at = 0;
        for (uint32_t s = 0; s < list.mapping.segment_count; s++) {
            const struct scatter_element *segment = &list.segments[s];
            uint64_t mask = host->device.boundary_mask;
            bool joined = segment->length > list.elements[element].length;
            ck_assert(!joined || segment->length <= host->device.longest_segment);
            ck_assert(!host->device.domain ||
                      (segment->address | mask) == ((segment->address + segment->length - 1) | mask));
            for (uint64_t byte = 0; byte < segment->length; byte++) {
                uint64_t to = reach(host, segment->address + byte);
                bool bounced = list.mapping.one_by_one && list.mappings[element].slot != SWIOTLB_NOTHING;
                ck_assert_uint_eq(
                    to, (bounced ? list.mappings[element].physical : list.elements[element].address) + at);
                if (++at == list.elements[element].length) {
                    element++;
                    at = 0;
                }
            }
        }
        ck_assert_uint_eq(element, list.count);
        unmap_list(host, &list);
        ck_assert_uint_eq(host->tables.count, 0);
        ck_assert_uint_eq(host->swiotlb.used, 0);
        host_free(host);
    }
}
END_TEST

Suite *dma_api_suite(void)
{
    Suite *suite = suite_create("dma_api");
    TCase *tcase = tcase_create("buffers");
    tcase_add_test(tcase, who_bounces);
    tcase_add_test(tcase, what_cannot_be_mapped);
    tcase_add_test(tcase, addresses_below_4_gib_come_first);
    tcase_add_test(tcase, lazy_unmapping_queues_and_flushes);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("lists");
    tcase_add_test(tcase, lists_by_hand);
    tcase_add_test(tcase, neighbours_are_joined_by_the_block_layer);
    tcase_add_test(tcase, segments_lead_to_the_buffers);
    suite_add_tcase(suite, tcase);
    return suite;
}
