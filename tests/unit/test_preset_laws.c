/* SPDX-License-Identifier: MIT */
/* Laws that hold whatever unit a preset describes: what a lone read takes by hand, an IOTLB that never
 * forgets, more ways, and policies under requests without memory. */
#include "models/pcie/link.h"
#include "sim/base/text_buffer.h"
#include "sim/machine/simulation.h"

#include <check.h>
#include <math.h>

Suite *preset_laws_suite(void);

/* Laid over "default". */
static const struct {
    const char *kind, *presets;
} units[] = {
    {"vt-d", "\"vt-d\""},
    {"vt-d", "\"vt-d\", \"vt-d-scalable\""},
    {"amd-vi", "\"amd-vi\""},
    {"smmuv3", "\"smmuv3\""},
    {"vt-d", "\"vt-d\", \"broadwell-e5-2630v4\""},
    {"vt-d", "\"vt-d\", \"cascade-lake-6234\""},
    {"vt-d", "\"vt-d\", \"ice-lake-6346\""},
    {"vt-d", "\"vt-d\", \"hypersio\""},
};

enum { UNITS = sizeof(units) / sizeof(units[0]) };

static const uint64_t base = UINT64_C(0x40000000), physical = UINT64_C(0x200000000);

struct law_bed {
    struct machine_input *input;
    struct diagnostics *diagnostics;
    uint32_t endpoint, port;
    struct iommu_parameters *unit;
    struct stream stream;
    struct mapping mapping;
    struct domain domain;
    struct workload workload; /* all of these outlive the machine */
    struct simulation simulation;
};

static void bed_init(struct law_bed *bed, int which)
{
    struct text_buffer text = {0};
    text_buffer_format(
        &text,
        "{\"format\": \"iommusim-topology/1\", \"preset\": [\"default\", %s], \"iommus\": "
        "[{\"kind\": \"%s\", \"include_all\": true}], \"host_bridges\": [{\"bus\": \"00\", "
        "\"functions\": [{\"address\": \"01.0\", \"kind\": \"root-port\", \"link\": {\"speed\": "
        "\"8GT/s\", \"width\": 8}, \"max_payload\": 256, \"functions\": [{\"address\": \"00.0\", \"kind\": "
        "\"endpoint\", \"link\": {\"speed\": \"8GT/s\", \"width\": 8}, \"max_payload\": 256}]}]}]}",
        units[which].presets, units[which].kind);
    const struct source_text source = {"bed", text_buffer_get(&text), text.length};
    *bed = (struct law_bed){.diagnostics = diagnostics_new(20)};
    ck_assert_int_eq(machine_input_load_source(&source, &bed->input, bed->diagnostics), 0);
    text_buffer_fini(&text);
    bed->endpoint = topology_find(bed->input->topology, 0, 1, 0)->id;
    bed->port = topology_find(bed->input->topology, 0, 0, pci_devfn(1, 0))->id;
    bed->unit = &bed->input->parameters.units[0];
    struct memory_parameters *memory = &bed->input->parameters.memory;
    memory->data_source = memory->table_source = MEMORY_LLC;
    memory->tables_remote = false;
    bed->stream = (struct stream){.name = "reads",
                                  .function_id = bed->endpoint,
                                  .operation = STREAM_READ,
                                  .base = base,
                                  .size_bytes = 64,
                                  .stride_bytes = 4096,
                                  .alignment_bytes = 4096,
                                  .queue_depth = 1};
}

/* Pages of 4 KiB, as many as the window has. */
static void bed_run(struct law_bed *bed)
{
    bed->mapping = (struct mapping){.iova = base,
                                    .physical = physical,
                                    .length = bed->stream.window_bytes,
                                    .page_bytes = 4096,
                                    .read = true,
                                    .write = true};
    bed->domain = (struct domain){.name = "d",
                                  .function_ids = &bed->endpoint,
                                  .function_count = 1,
                                  .mappings = &bed->mapping,
                                  .mapping_count = 1};
    bed->workload = (struct workload){
        .domains = &bed->domain, .domain_count = 1, .streams = &bed->stream, .stream_count = 1};
    simulation_init(&bed->simulation, bed->input, IOMMU_CHOICE_AUTO, NULL, bed->diagnostics);
    bed->simulation.options.seed = 1;
    ck_assert_int_eq(simulation_build(&bed->simulation, &bed->workload, bed->diagnostics), 0);
    ck_assert_int_eq(machine_run(bed->simulation.machine, bed->diagnostics), 0);
}

static const struct iommu_counters *counters_of(const struct law_bed *bed)
{
    return &machine_unit(bed->simulation.machine, 0)->counters;
}

static void bed_fini(struct law_bed *bed)
{
    simulation_fini(&bed->simulation);
    machine_input_free(bed->input);
    diagnostics_free(bed->diagnostics);
}

/* ---- by hand ---- */

static uint64_t wire_ps(const struct law_bed *bed, uint32_t bytes)
{
    struct link_timing timing = link_timing_make(&bed->input->parameters.links[bed->port], 3, 8, 256);
    return link_serialisation_ps(&timing, bytes);
}

/* A read of 64 bytes below 4 GiB whose translation is there. */
static uint64_t hit_ps(const struct law_bed *bed)
{
    const struct machine_parameters *p = &bed->input->parameters;
    const struct dma_engine_parameters *device = &p->engines[bed->endpoint];
    const struct iommu_parameters *unit = bed->unit;
    uint64_t move_ps =
        device->data_rate_bytes_per_s ? 64 * UINT64_C(1000000000000) / device->data_rate_bytes_per_s : 0;
    return device->issue_latency_ps + wire_ps(bed, 8 + 12) + p->links[bed->port].propagation_ps +
           p->root_complex.request_latency_ps + unit->context_hit_ps +
           (iommu_uses_pasid_table(unit, 0) ? unit->pasid_hit_ps : 0) + unit->iotlb_hit_ps +
           p->memory.llc_latency_ps + p->root_complex.completion_latency_ps + wire_ps(bed, 8 + 12 + 64) +
           p->links[bed->port].propagation_ps + move_ps + device->completion_latency_ps;
}

START_TEST(a_lone_read_is_the_sum_of_its_parts)
{
    struct law_bed bed;
    bed_init(&bed, _i);
    bed.stream.window_bytes = 4096;
    bed.stream.operations = 50;
    bed.stream.warmup_operations = 1;
    bed_run(&bed);
    const struct histogram *latency = &machine_stream_result(bed.simulation.machine, 0)->latency;
    ck_assert_uint_eq(latency->minimum, hit_ps(&bed));
    ck_assert_uint_eq(latency->maximum, hit_ps(&bed));
    bed_fini(&bed);
}
END_TEST

/* Page after page below one leaf table, an IOTLB of one entry: each read walks, and its walk reads one entry.
 */
START_TEST(a_lone_miss_is_one_read_more)
{
    struct law_bed bed;
    bed_init(&bed, _i);
    bed.unit->iotlb_entries = 1;
    bed.unit->iotlb_ways = 0;
    bed.stream.pattern = PATTERN_STRIDED;
    bed.stream.window_bytes = 100 * 4096;
    bed.stream.operations = 90;
    bed.stream.warmup_operations = 5;
    bed_run(&bed);
    const struct histogram *latency = &machine_stream_result(bed.simulation.machine, 0)->latency;
    uint64_t expected =
        hit_ps(&bed) + bed.unit->walk_cache_hit_ps + bed.unit->walk_fixed_ps + bed.unit->walk_read_ps;
    ck_assert_uint_eq(latency->minimum, expected);
    ck_assert_uint_eq(latency->maximum, expected);
    ck_assert_uint_eq(counters_of(&bed)->page_table_reads, 90);
    bed_fini(&bed);
}
END_TEST

/* ---- caches ---- */

START_TEST(an_iotlb_that_never_forgets_misses_once_a_page)
{
    enum { PAGES = 700 };
    for (int reserve = 0; reserve < 2; reserve++) {
        struct law_bed bed;
        bed_init(&bed, _i);
        bed.unit->iotlb_entries = 4096;
        bed.unit->iotlb_ways = 0;
        bed.unit->merge_inflight = true;
        bed.unit->reserve_entry = reserve;
        bed.stream.pattern = PATTERN_RANDOM;
        bed.stream.window_bytes = PAGES * 4096;
        bed.stream.operations = 20000;
        bed.stream.queue_depth = 32;
        bed_run(&bed);
        ck_assert_uint_eq(counters_of(&bed)->walks, PAGES);
        ck_assert_uint_eq(counters_of(&bed)->iotlb_misses, PAGES + counters_of(&bed)->merged);
        bed_fini(&bed);
    }
}
END_TEST

/* One read at a time: the references are the same, whatever the IOTLB. */
static uint64_t hits_of(int which, enum replacement_policy policy, uint32_t sets, uint32_t ways,
                        uint64_t pages, bool reserve)
{
    struct law_bed bed;
    bed_init(&bed, which);
    bed.unit->iotlb_entries = sets * ways;
    bed.unit->iotlb_ways = ways;
    bed.unit->iotlb_index_shift = 0;
    bed.unit->iotlb_replacement = (int)policy;
    bed.unit->reserve_entry = reserve;
    bed.stream.pattern = PATTERN_RANDOM;
    bed.stream.window_bytes = pages * 4096;
    bed.stream.operations = 6000;
    bed.stream.warmup_operations = 3000;
    bed_run(&bed);
    uint64_t hits = counters_of(&bed)->iotlb_hits;
    ck_assert_uint_eq(hits + counters_of(&bed)->iotlb_misses, 6000);
    bed_fini(&bed);
    return hits;
}

START_TEST(more_lru_ways_never_lower_the_hits)
{
    for (int reserve = 0; reserve < 2; reserve++) {
        uint64_t before = 0;
        for (uint32_t ways = 1; ways <= 32; ways *= 2) {
            uint64_t hits = hits_of(_i, REPLACE_LRU, 8, ways, 200, reserve);
            ck_assert_msg(hits >= before, "%u ways: %lu hits, half of them %lu", ways, hits, before);
            before = hits;
        }
        ck_assert_uint_eq(before, 6000); /* 256 entries for 200 pages, all known after the warm-up */
    }
}
END_TEST

/* Requests that do not depend on those before: whatever is in the IOTLB, it is as likely as anything else
 * that it is asked for, and all policies hit as often as there are entries for the pages. 6000 requests at
 * one half have a standard deviation of 39; five of them are allowed. */
START_TEST(no_policy_helps_against_chance)
{
    static const enum replacement_policy policies[] = {REPLACE_LRU, REPLACE_FIFO, REPLACE_RANDOM,
                                                       REPLACE_PSEUDO_LRU, REPLACE_LFU};
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        double hits = (double)hits_of(_i, policies[i], 1, 64, 128, false);
        ck_assert_msg(fabs(hits - 3000) < 195, "policy %zu: %.0f of 6000 hit", i, hits);
    }
}
END_TEST

Suite *preset_laws_suite(void)
{
    Suite *suite = suite_create("preset_laws");
    TCase *tests = tcase_create("preset_laws");
    tcase_add_loop_test(tests, a_lone_read_is_the_sum_of_its_parts, 0, UNITS);
    tcase_add_loop_test(tests, a_lone_miss_is_one_read_more, 0, UNITS);
    tcase_add_loop_test(tests, an_iotlb_that_never_forgets_misses_once_a_page, 0, UNITS);
    tcase_add_loop_test(tests, more_lru_ways_never_lower_the_hits, 0, UNITS);
    tcase_add_loop_test(tests, no_policy_helps_against_chance, 0, UNITS);
    suite_add_tcase(suite, tests);
    return suite;
}
