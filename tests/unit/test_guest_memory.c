/* SPDX-License-Identifier: MIT */
/* The memory of virtual machines: how it is laid out, placed and mapped. */
#include "models/iommu/page_table.h"
#include "sim/base/status.h"
#include "sim/input/workload_reader.h"
#include "sim/kernel/random.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *guest_memory_suite(void);

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* ---- tables that are worked out ---- */

/* A range mapped at once and one mapped page by page: the same entries at every address, of every format. */
static void compare_with_single_pages(struct random_stream *random, enum page_table_format format)
{
    static const unsigned shifts[] = {PAGE_SHIFT_4K, PAGE_SHIFT_2M, PAGE_SHIFT_1G};
    struct page_table_memory one_memory, other_memory;
    struct page_table one, other;
    unsigned shift = shifts[random_below(random, 3)];
    uint64_t page = UINT64_C(1) << shift, pages = 1 + random_below(random, 1600), where,
             iova = random_below(random, 2000) * page, physical = random_below(random, 1 << 10) * page;
    page_table_memory_init(&one_memory, UINT64_C(1) << 51);
    page_table_memory_init(&other_memory, UINT64_C(1) << 51);
    page_table_init(&one, &one_memory, format, 4);
    page_table_init(&other, &other_memory, format, 4);
    ck_assert_int_eq(page_table_map_range(&one, &one_memory, iova, physical, pages * page, shift,
                                          PAGE_READ | PAGE_WRITE, &where),
                     PAGE_TABLE_MAPPED);
    for (uint64_t i = 0; i < pages; i++)
        ck_assert_int_eq(page_table_map(&other, &other_memory, iova + i * page, physical + i * page, shift,
                                        PAGE_READ | PAGE_WRITE),
                         PAGE_TABLE_MAPPED);
    ck_assert_uint_eq(one.page_sizes, other.page_sizes);
    ck_assert_uint_eq(one_memory.count, other_memory.count);
    for (size_t t = 0; t < one_memory.count; t++) {
        for (uint64_t i = 0; i < PAGE_TABLE_ENTRIES; i++) {
            uint64_t at = one_memory.base + t * 4096 + i * 8;
            ck_assert_uint_eq(page_table_read(&one_memory, at), page_table_read(&other_memory, at));
        }
    }
    /* Taken apart again: one page goes, its neighbours stay. */
    uint64_t gone = random_below(random, pages);
    unsigned found = 0;
    ck_assert_uint_ne(page_table_unmap(&one, &one_memory, iova + gone * page, &found), 0);
    ck_assert_uint_eq(found, shift);
    for (uint64_t i = 0; i < pages; i++) {
        uint64_t leaf = page_table_find(&one, &one_memory, iova + i * page, &found);
        ck_assert_uint_eq(page_table_entry_target(leaf), i == gone ? 0 : physical + i * page);
    }
    page_table_memory_fini(&one_memory);
    page_table_memory_fini(&other_memory);
}

START_TEST(a_range_is_its_pages)
{
    struct random_stream random;
    random_init(&random, 1, "ranges");
    for (int round = 0; round < 60; round++)
        compare_with_single_pages(&random, (enum page_table_format)(round % PAGE_TABLE_FORMATS));
}
END_TEST

START_TEST(a_range_over_what_is_mapped_says_where)
{
    struct page_table_memory memory;
    struct page_table table;
    uint64_t where;
    page_table_memory_init(&memory, UINT64_C(1) << 51);
    page_table_init(&table, &memory, FORMAT_VT_D_SECOND_STAGE, 3);
    ck_assert_int_eq(page_table_map(&table, &memory, 5 * MIB, 0, PAGE_SHIFT_4K, PAGE_READ),
                     PAGE_TABLE_MAPPED);
    ck_assert_int_eq(
        page_table_map_range(&table, &memory, 0, 64 * MIB, 8 * MIB, PAGE_SHIFT_4K, PAGE_READ, &where),
        PAGE_TABLE_OVERLAP);
    ck_assert_uint_eq(where, 5 * MIB);
    ck_assert_int_eq(
        page_table_map_range(&table, &memory, 511 * GIB, 0, 2 * GIB, PAGE_SHIFT_1G, PAGE_READ, &where),
        PAGE_TABLE_TOO_HIGH);
    ck_assert_uint_eq(where, 512 * GIB);
    page_table_memory_fini(&memory);
}
END_TEST

START_TEST(half_a_tebibyte_of_small_pages_is_not_stored)
{
    struct page_table_memory memory;
    struct page_table table;
    uint64_t where;
    size_t stored = 0;
    page_table_memory_init(&memory, UINT64_C(1) << 51);
    page_table_init(&table, &memory, FORMAT_VT_D_SECOND_STAGE, 4);
    page_table_map_range(&table, &memory, 0, 4 * GIB, 512 * GIB, PAGE_SHIFT_4K, PAGE_READ, &where);
    for (size_t i = 0; i < memory.count; i++)
        stored += memory.pages[i].entries != NULL;
    ck_assert_uint_eq(memory.count, 1 + 1 + 512 + 512 * 512); /* as the kernel's would be */
    ck_assert_uint_eq(stored, 1 + 1 + 512);
    page_table_memory_fini(&memory);
}
END_TEST

/* ---- where a guest's memory lies ---- */

static struct workload *read_guest(const char *keys, enum iommu_kind iommu, struct diagnostics *diagnostics)
{
    char text[500];
    snprintf(text, sizeof(text),
             "{\"format\": \"iommusim-workload/1\", \"duration\": \"1us\", \"virtual_machines\": [{\"name\": "
             "\"guest\", \"devices\": [], %s}], \"streams\": [{\"name\": \"s\", \"device\": \"any\", "
             "\"operation\": \"read\", \"size\": \"64B\", \"queue_depth\": 1}]}",
             keys);
    const struct source_text source = {"guest.json", text, strlen(text)};
    const struct workload_machine machine = {.iommu = iommu};
    struct workload *workload = NULL;
    (void)workload_load_source(&source, "guest.json", &machine, &workload, diagnostics);
    return workload;
}

START_TEST(ram_is_laid_out_as_a_pc_s)
{
    static const struct {
        const char *keys;
        enum iommu_kind iommu;
        uint64_t low, high, high_base;
    } rows[] = {
        {"\"memory\": \"1GiB\"", IOMMU_VT_D, 1 * GIB, 0, 0},
        {"\"memory\": \"3584MiB\"", IOMMU_VT_D, 3584 * MIB, 0, 0},
        {"\"memory\": \"3588MiB\"", IOMMU_VT_D, 3 * GIB, 516 * MIB, 4 * GIB},
        {"\"memory\": \"16GiB\", \"page_size\": \"1GiB\"", IOMMU_AMD_VI, 3 * GIB, 13 * GIB, 4 * GIB},
        {"\"memory\": \"1011GiB\"", IOMMU_AMD_VI, 3 * GIB, 1008 * GIB, 4 * GIB}, /* up to HyperTransport's */
        {"\"memory\": \"1012GiB\"", IOMMU_AMD_VI, 3 * GIB, 1009 * GIB, 1024 * GIB},
        {"\"memory\": \"1012GiB\"", IOMMU_VT_D, 3 * GIB, 1009 * GIB, 4 * GIB},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct diagnostics *diagnostics = diagnostics_new(20);
        struct workload *workload = read_guest(rows[i].keys, rows[i].iommu, diagnostics);
        ck_assert_msg(workload != NULL, "%s", rows[i].keys);
        const struct domain *domain = &workload->domains[0];
        ck_assert_uint_eq(domain->mapping_count, rows[i].high ? 2 : 1);
        ck_assert_uint_eq(domain->mappings[0].iova, 0);
        ck_assert_uint_eq(domain->mappings[0].length, rows[i].low);
        if (rows[i].high) {
            ck_assert_uint_eq(domain->mappings[1].iova, rows[i].high_base);
            ck_assert_uint_eq(domain->mappings[1].length, rows[i].high);
        }
        workload_free(workload);
        diagnostics_free(diagnostics);
    }
}
END_TEST

Suite *guest_memory_suite(void)
{
    Suite *suite = suite_create("guest_memory");
    TCase *tests = tcase_create("guest_memory");
    tcase_add_test(tests, a_range_is_its_pages);
    tcase_add_test(tests, a_range_over_what_is_mapped_says_where);
    tcase_add_test(tests, half_a_tebibyte_of_small_pages_is_not_stored);
    tcase_add_test(tests, ram_is_laid_out_as_a_pc_s);
    suite_add_tcase(suite, tests);
    return suite;
}
