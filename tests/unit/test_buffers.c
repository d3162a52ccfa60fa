/* SPDX-License-Identifier: MIT */
/*
 * Buffers that drivers map for each use, end to end: the scenarios of workloads/buffers, and laws on small
 * machines: all that was mapped is given back, whoever bounces, waits or joins.
 */
#include "sim/machine/machine_state.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <cJSON.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *buffers_suite(void);

/* ---- scenarios ---- */

static cJSON *run_scenario(const char *name, const char *more)
{
    char relative[100], arguments[4600];
    int status;
    snprintf(relative, sizeof(relative), "workloads/buffers/%s.json", name);
    char *path = realpath(relative, NULL);
    ck_assert_ptr_nonnull(path);
    snprintf(arguments, sizeof(arguments), "run %s %s --format json", path, more);
    char *output = program_run(arguments, &status);
    cJSON *document = cJSON_Parse(output);
    ck_assert_msg(status == 0 && document, "%s: status %d", name, status);
    free(output);
    free(path);
    return document;
}

static const cJSON *at(const cJSON *node, const char *path)
{
    char copy[200];
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *part = strtok(copy, "/"); part && node; part = strtok(NULL, "/"))
        node = cJSON_IsArray(node) ? cJSON_GetArrayItem(node, atoi(part))
                                   : cJSON_GetObjectItemCaseSensitive(node, part);
    ck_assert_msg(node != NULL, "no %s", path);
    return node;
}

static double number(const cJSON *document, const char *path)
{
    return at(document, path)->valuedouble;
}

/* Counted are 2000 operations behind a warm-up; those under way when it ends are mapped before, and unmapped
 * after it. */
static void counted(const cJSON *document, const char *path, double each)
{
    enum { COUNTED = 2000, DEPTH = 8 };
    double got = number(document, path) / each;
    ck_assert_msg(got >= COUNTED - DEPTH && got <= COUNTED + DEPTH, "%s: %g of %g", path, got, each);
}

/* 2000 reads of 64 KiB into memory above 4 GiB: copied when mapped and when unmapped, or not at all. */
START_TEST(a_device_of_32_bits_bounces_without_an_iommu_only)
{
    cJSON *off = run_scenario("bounce-off", ""), *strict = run_scenario("bounce-strict", "");
    counted(off, "bounce_buffers/bytes_copied_in", 65536);
    counted(off, "bounce_buffers/bytes_copied_out", 65536);
    counted(off, "streams/0/buffers/bounced_bytes", 65536);
    ck_assert_double_eq(number(strict, "bounce_buffers/bytes_copied_in"), 0);
    ck_assert_double_eq(number(strict, "streams/0/buffers/bounced_bytes"), 0);
    /* Two copies of 50 ns and 64 KiB at 10 GB/s. */
    ck_assert_double_eq(number(off, "streams/0/ledger/mean_ps/bounce_copy"), 2 * (50000 + 65536 * 100.0));
    ck_assert_double_eq(number(strict, "streams/0/ledger/mean_ps/bounce_copy"), 0);
    ck_assert_double_gt(number(off, "driver/busy_ps"), 4 * number(strict, "driver/busy_ps"));
    cJSON_Delete(off);
    cJSON_Delete(strict);
}
END_TEST

START_TEST(two_buffers_become_one_operation_with_an_iommu)
{
    cJSON *off = run_scenario("list-off", ""), *strict = run_scenario("list-strict", "");
    counted(off, "streams/0/buffers/pieces", 2);
    ck_assert_double_eq(number(off, "streams/0/buffers/segments"), number(off, "streams/0/buffers/joined"));
    ck_assert_double_gt(number(off, "streams/0/buffers/segments"),
                        0.9 * number(off, "streams/0/buffers/pieces"));
    counted(strict, "streams/0/buffers/pieces", 2);
    counted(strict, "streams/0/buffers/segments", 1);
    cJSON_Delete(off);
    cJSON_Delete(strict);
}
END_TEST

/* On a machine that has just booted the two pages lie side by side, and the block layer joins them. */
START_TEST(neighbours_in_memory_are_joined_without_an_iommu)
{
    cJSON *fresh =
        run_scenario("list-off", "--set /workload/fragmentation=0 --set /workload/streams/0/queue_depth=1");
    ck_assert_double_eq(number(fresh, "streams/0/buffers/segments"), 2000);
    cJSON_Delete(fresh);
}
END_TEST

START_TEST(a_confidential_guest_copies_everything_twice)
{
    cJSON *twice = run_scenario("confidential", "");
    counted(twice, "bounce_buffers/bytes_copied_in_again", 65536);
    counted(twice, "bounce_buffers/bytes_copied_out_again", 65536);
    cJSON_Delete(twice);
}
END_TEST

/* Mode "kernel" is what the command line makes of it, and bounce buffers are as it says. */
START_TEST(the_command_line_decides)
{
    static const struct {
        const char *words, *mode;
        bool bounces;
        double slots;
    } rows[] = {
        {"intel_iommu=on", "lazy", false, 32768},
        {"intel_iommu=on iommu.strict=1", "strict", false, 32768},
        {"intel_iommu=on amd_iommu=pt", "lazy", false,
         32768}, /* another vendor's parameter, and no word of it */
        {"intel_iommu=on iommu=pt swiotlb=1024,2", NULL, true, 1024},
        {"intel_iommu=off swiotlb=512,1", NULL, true, 512},
        {"iommu=off swiotlb=512,1,force", NULL, true, 512},
        {"intel_iommu=on swiotlb=force", "lazy", false, 32768}, /* what is translated does not bounce */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char more[300];
        snprintf(more, sizeof(more), "--set /workload/domains/0/mode=kernel --set '/kernel/cmdline=%s'",
                 rows[i].words);
        cJSON *document = run_scenario("bounce-off", more);
        if (rows[i].bounces)
            counted(document, "streams/0/buffers/bounced_bytes", 65536);
        else
            ck_assert_double_eq(number(document, "streams/0/buffers/bounced_bytes"), 0);
        ck_assert_double_eq(number(document, "bounce_buffers/slots"), rows[i].slots);
        if (rows[i].mode)
            ck_assert_str_eq(at(document, "domains/0/mode")->valuestring, rows[i].mode);
        else
            ck_assert_int_eq(cJSON_GetArraySize(at(document, "domains")), 0);
        cJSON_Delete(document);
    }
}
END_TEST

/* A scenario of one device, its buffers per use. @param machine  keys of the topology, each with a comma
 * behind it @param device  keys of the device @param domain  further keys of its domain */
static void write_scenario(const char *machine, const char *device, const char *domain, const char *stream)
{
    char text[2000];
    snprintf(text, sizeof(text),
             "{\"format\": \"iommusim-scenario/1\", \"kernel\": {\"cmdline\": \"intel_iommu=off\"},\n"
             " \"topology\": {\"format\": \"iommusim-topology/1\", %s\n"
             "  \"host_bridges\": [{\"functions\": [{\"functions\": [{%s}]}]}]},\n"
             " \"workload\": {\"format\": \"iommusim-workload/1\",\n"
             "  \"domains\": [{\"name\": \"h\", \"mode\": \"off\", \"devices\": \"all\"%s}],\n"
             "  \"streams\": [{\"name\": \"s\", \"device\": \"any\", \"operations\": 50, %s}]}}\n",
             machine, device, domain, stream);
    program_write_file("s.json", text);
}

#define LOW  "\"memory\": [{\"base\": \"0x0\", \"size\": \"1GiB\"}],"
#define HIGH "\"memory\": [{\"base\": \"0x100000000\", \"size\": \"1GiB\"}],"
#define DISK "\"dma_mask_bits\": 32"
#define USE  "\"operation\": \"write\", \"buffers\": \"per-use\", \"size\": \"4KiB\", \"queue_depth\": 1"

/* What stops a run says what is wrong and what to do, under its own code, whoever asked for the buffer. */
START_TEST(refusals_name_their_reason)
{
    static const struct {
        const char *machine, *device, *domain, *stream, *cmdline, *words;
    } rows[] = {
        {HIGH, DISK, "", USE, "",
         "has no room for bounce buffers: give it memory of a lower \"zone\", or an IOMMU "},
        {HIGH, DISK, "", "\"nvme\": {}", "",
         "finds no room for its rings in the RAM that the device reaches"},
        {HIGH, "", ", \"bounce\": \"always\"", USE, "",
         "all of the device's buffers bounce, and RAM below 4 GiB has no room for bounce buffers"},
        {HIGH, "", ", \"bounce\": \"always\"", "\"nvme\": {}", "", "[run-out-of-reach]"},
        {LOW, "", ", \"bounce\": \"always\"", USE, "--cmdline=swiotlb=noforce",
         "(swiotlb=noforce, or of no size)"},
        {LOW, "", ", \"bounce\": \"always\"", "\"nvme\": {\"block\": \"512KiB\"}", "", "[run-too-long]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[200];
        write_scenario(rows[i].machine, rows[i].device, rows[i].domain, rows[i].stream);
        snprintf(line, sizeof(line), "iommusim run s.json %s", rows[i].cmdline);
        program_expect(line, 2, rows[i].words);
    }
    /* Little RAM has a smaller pool, as in the kernel. */
    write_scenario("\"memory\": [{\"base\": \"0x0\", \"size\": \"48MiB\"}],", "", ", \"bounce\": \"always\"",
                   USE);
    program_expect("iommusim run s.json --format json", 0, "\"slots\": 16384");
}
END_TEST

/* 4096 buffers of 4 MiB are not there: the first that is missing is told of, the others are not. */
START_TEST(a_refusal_is_said_once)
{
    write_scenario(LOW, "", "",
                   "\"operation\": \"write\", \"buffers\": \"per-use\", \"size\": \"4MiB\", "
                   "\"queue_depth\": 4096");
    program_expect("sed -i 's/\"operations\": 50/\"operations\": 5000/' s.json; "
                   "iommusim run s.json 2>&1 | grep -c run-no-memory | sed 's/^/said /'",
                   0, "said 1\n");
}
END_TEST

/* Addresses that no driver gives, and bouncing that does not happen, are told. */
START_TEST(what_lasts_does_not_bounce)
{
    static const char high[] = "\"operation\": \"read\", \"base\": \"0x108000000\", \"window\": \"1MiB\", "
                               "\"size\": \"4KiB\", \"queue_depth\": 1";
    write_scenario(HIGH, DISK, "", high);
    program_expect("iommusim run s.json", 0, "[workload-dma-mask]");
    write_scenario(HIGH, "", ", \"bounce\": \"always\"", high);
    program_expect("iommusim run s.json", 0, "\"per-use\" or \"pooled\" do");
    write_scenario(LOW, "", ", \"bounce\": \"always\"", "\"nvme\": {\"buffers\": \"persistent\"}");
    program_expect("iommusim run s.json", 0, "[workload-bounce]");
}
END_TEST

/* ---- laws ---- */

static void all_given_back(const struct machine_fixture *fixture)
{
    const struct mapping_state *state = &fixture->machine->mapping;
    ck_assert_uint_eq(state->live_requests, 0);
    ck_assert_uint_eq(state->mapped_requests, 0);
    ck_assert_uint_eq(state->pages.taken_pages, 0);
    ck_assert_uint_eq(state->swiotlb.used, 0);
    ck_assert(!state->swiotlb.slot_count || swiotlb_check(&state->swiotlb));
    for (uint32_t d = 0; d < fixture->workload.domain_count; d++) {
        if (state->domains[d].dynamic) {
            ck_assert_uint_eq(state->domains[d].kernel.iova.live_bytes, 0);
            ck_assert(iova_tree_check(&state->domains[d].kernel.iova.tree));
        }
    }
}

static struct stream *per_use(struct machine_fixture *fixture, enum stream_operation operation, uint64_t size,
                              uint64_t operations, uint32_t depth)
{
    struct stream *stream = fixture_stream(fixture, "01:00.0", operation, 0, size, operations, depth);
    stream->buffers = BUFFERS_PER_USE;
    return stream;
}

/* Random machines: modes, masks, trust, bouncing, pieces, several CPUs. After the run nothing is left
 * anywhere, and what bounced is what had to. */
START_TEST(mapping_then_unmapping_returns_everything)
{
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct machine_fixture fixture;
        srand(seed);
        fixture_init(&fixture, "rp(ep)");
        struct pci_function *function =
            &fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")];
        function->dma_mask_bits = rand() % 2 ? 32 : 64;
        function->untrusted = rand() % 4 == 0;
        bool translated = rand() % 2;
        if (translated) {
            fixture_translate(&fixture, "01:00.0", 0x10000000, 4096, 4096);
            fixture.domains[0].mode =
                function->untrusted || rand() % 2 ? TRANSLATION_STRICT : TRANSLATION_LAZY;
        }
        fixture.workload.fragmentation = rand() % 2 ? 400 : 0;
        uint64_t bounced = 0;
        for (int s = 0; s < 3; s++) {
            enum stream_operation operation = (enum stream_operation)(rand() % 3);
            uint32_t pieces = 1U << rand() % 4;
            uint64_t size = pieces * (uint64_t)(rand() % 2 ? 4096 : 1 + rand() % 9000);
            struct stream *stream = per_use(&fixture, operation, size, 40, 1 + (uint32_t)rand() % 20);
            stream->name = (const char *[]){"a", "b", "c"}[s];
            stream->pieces = pieces;
            stream->cpu = (uint32_t)s;
            stream->zone = rand() % 3 ? ZONE_NORMAL : ZONE_DMA32;
            bool beyond = stream->zone == ZONE_NORMAL && function->dma_mask_bits == 32;
            bool parts = function->untrusted && (size / pieces) % 4096;
            bounced += (translated ? parts : beyond) ? 40 * size : 0;
        }
        fixture_run(&fixture);
        all_given_back(&fixture);
        const struct swiotlb *pool = machine_swiotlb(fixture.machine);
        uint64_t seen = 0;
        for (uint32_t s = 0; s < 3; s++)
            seen += fixture_result(&fixture, s)->buffers.bounced_bytes;
        ck_assert_msg(seen == bounced, "seed %u: %lu bytes bounced, %lu had to", seed, (unsigned long)seen,
                      (unsigned long)bounced);
        /* A list that did not fit into the pool was copied in part, for nothing. */
        ck_assert_uint_ge(pool->counters.bytes_in, bounced);
        ck_assert(pool->counters.failures || pool->counters.bytes_in == bounced);
        ck_assert_uint_eq(machine_unit(fixture.machine, 0)->counters.faults, 0);
        fixture_fini(&fixture);
    }
}
END_TEST

/* A pool of 1 MiB and 64 operations of 64 KiB at once: the driver waits, nothing is lost. */
START_TEST(a_full_pool_makes_the_driver_wait)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")].dma_mask_bits = 32;
    per_use(&fixture, STREAM_READ, 65536, 300, 64);
    fixture_run(&fixture);
    all_given_back(&fixture);
    const struct swiotlb *pool = machine_swiotlb(fixture.machine);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->recorded, 300);
    ck_assert_uint_gt(fixture_result(&fixture, 0)->buffers.retries, 0);
    ck_assert_uint_eq(pool->counters.failures, fixture_result(&fixture, 0)->buffers.retries);
    ck_assert_uint_eq(pool->counters.used_high, pool->slot_count);
    ck_assert_uint_eq(pool->counters.bytes_in, 300 * 65536);
    ck_assert_uint_eq(pool->counters.bytes_out, 0); /* the device only reads */
    fixture_fini(&fixture);
}
END_TEST

/* Buffers of a pool are mapped once each, and copied each time where they bounce. */
START_TEST(a_pool_maps_once_and_copies_each_time)
{
    for (int translated = 0; translated < 2; translated++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")].dma_mask_bits = 32;
        if (translated) {
            fixture_translate(&fixture, "01:00.0", 0x10000000, 4096, 4096);
            fixture.domains[0].mode = TRANSLATION_STRICT;
        }
        per_use(&fixture, STREAM_WRITE, 8192, 200, 4)->buffers = BUFFERS_POOLED;
        fixture_run(&fixture);
        const struct swiotlb *pool = machine_swiotlb(fixture.machine);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->recorded, 200);
        ck_assert_uint_eq(fixture.machine->mapping.pages.taken_pages, 4 * 2);
        ck_assert_uint_eq(pool->counters.bytes_in, translated ? 0 : 4 * 8192);
        ck_assert_uint_eq(pool->counters.bytes_out, translated ? 0 : 200 * 8192);
        if (translated) {
            ck_assert_uint_eq(machine_mapping_counters(fixture.machine, 0)->maps, 4);
            ck_assert_uint_eq(machine_mapping_counters(fixture.machine, 0)->unmaps, 0);
        }
        fixture_fini(&fixture);
    }
}
END_TEST

/* One stream's pool holds all bounce buffers, and the other's driver waits for ever: an error, not a hang. */
START_TEST(what_nobody_gives_back_is_an_error)
{
    struct machine_fixture fixture;
    struct machine *machine;
    fixture_init(&fixture, "rp(ep)");
    uint32_t function = fixture_function(&fixture, "01:00.0");
    fixture.input.topology->functions[function].dma_mask_bits = 32;
    per_use(&fixture, STREAM_WRITE, 262144, 20, 4)->buffers = BUFFERS_POOLED;
    struct stream *late = per_use(&fixture, STREAM_WRITE, 4096, 20, 1);
    late->start_ps = 1000000;
    late->name = "late";
    uint32_t unit_of[] = {NO_UNIT, NO_UNIT};
    fixture.options.unit_of = unit_of;
    ck_assert_int_eq(
        machine_new(&fixture.input, &fixture.workload, &fixture.options, &machine, fixture.diagnostics), 0);
    ck_assert_int_lt(machine_run(machine, fixture.diagnostics), 0);
    ck_assert_uint_eq(diagnostics_errors(fixture.diagnostics), 1);
    machine_free(machine);
    fixture_fini(&fixture);
}
END_TEST

/* An address space of 16 MiB, most of it reserved: lazy mode flushes at last, and all operations get through.
 */
START_TEST(a_full_address_space_makes_the_driver_wait)
{
    for (int lazy = 0; lazy < 2; lazy++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")].dma_mask_bits = 24;
        fixture_translate(&fixture, "01:00.0", 0x4000, 0x1000000 - 0x4000 - 0x40000, 4096);
        fixture.domains[0].mode = lazy ? TRANSLATION_LAZY : TRANSLATION_STRICT;
        per_use(&fixture, STREAM_WRITE, 65536, 100, 16);
        fixture_run(&fixture);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->recorded, 100);
        ck_assert_uint_gt(fixture_result(&fixture, 0)->buffers.retries, 0);
        const struct iova_allocator *iova = machine_iova_allocator(fixture.machine, 0);
        ck_assert_uint_le(iova->live_bytes_high, 0x40000 + 0x3000);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Rings of a device that nothing translates lie where it reaches them, as high as that allows; translated,
 * their addresses do. (The fixture's RAM: 1 GiB below 4 GiB, 4 GiB above.) */
START_TEST(rings_lie_within_reach)
{
    static const uint8_t bits[] = {24, 28, 31, 32, 33, 64};
    for (size_t i = 0; i < 2 * sizeof(bits) / sizeof(bits[0]); i++) {
        struct machine_fixture fixture;
        bool translated = i % 2;
        uint8_t width = bits[i / 2];
        uint64_t reach = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
        fixture_init(&fixture, "rp(ep)");
        fixture.memory[0].base = 0;
        fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")].dma_mask_bits = width;
        if (translated) {
            fixture_translate(&fixture, "01:00.0", 0x10000000, 4096, 4096);
            fixture.domains[0].mode = TRANSLATION_STRICT;
        }
        per_use(&fixture, STREAM_WRITE, 4096, 1, 1)->zone = ZONE_DMA;
        fixture_run(&fixture);
        for (uint64_t length = 4096; length <= UINT64_C(4) << 20; length *= 2) {
            uint64_t at = mapping_coherent(fixture.machine, 0, length, 4096);
            ck_assert_msg(at && at + length - 1 <= reach, "%u bits: %lx bytes at %lx", width,
                          (unsigned long)length, (unsigned long)at);
            if (!translated && width >= 31)
                ck_assert_int_eq(memory_zone_of(at), width > 32 ? ZONE_NORMAL : ZONE_DMA32);
        }
        fixture_fini(&fixture);
    }
}
END_TEST

/* ---- many CPUs ---- */

/* Operations a second of @p cpus CPUs with a ring each, on a link that holds none of them up. */
static double rate_of(uint32_t cpus, enum translation_mode mode, uint64_t poll_ps)
{
    struct machine_fixture fixture;
    double rate = 0;
    fixture_init(&fixture, "rp(ep)");
    for (uint32_t f = 0; f < fixture.input.topology->function_count; f++) {
        struct link_state *link = &fixture.input.topology->functions[f].link;
        link->generation = 5;
        link->width = 16;
    }
    fixture_translate(&fixture, "01:00.0", 0x10000000, 4096, 4096);
    fixture.domains[0].mode = mode;
    fixture.input.parameters.units[0].invalidation_poll_ps = poll_ps;
    fixture.input.parameters.dma_api.iova = (struct iova_parameters){
        .magazine_entries = 127, .magazine_ps = 25000, .tree_ps = 150000, .lock_handoff_ps = 100000};
    fixture.workload.duration_ps = 400000000;
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        struct stream *stream = per_use(&fixture, STREAM_READ, 256, 0, 4);
        stream->cpu = cpu;
        stream->warmup_operations = 20;
    }
    fixture_run(&fixture);
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        const struct stream_result *got = fixture_result(&fixture, cpu);
        rate += got->recorded ? (double)got->recorded * 1e6 / (double)(got->last_ps - got->first_ps) : 0;
    }
    fixture_fini(&fixture);
    return rate;
}

/* With VT-d's lock strict mode stops gaining from CPUs early: a few wait for the looks of all. Without it,
 * and in lazy mode, sixteen CPUs do many times what one does. */
START_TEST(strict_mode_collapses_with_many_cpus)
{
    double one = rate_of(1, TRANSLATION_STRICT, 250000), four = rate_of(4, TRANSLATION_STRICT, 250000),
           sixteen = rate_of(16, TRANSLATION_STRICT, 250000),
           thirty_two = rate_of(32, TRANSLATION_STRICT, 250000);
    ck_assert_double_gt(four, 1.5 * one);
    ck_assert_double_lt(sixteen, 2 * four);
    ck_assert_double_lt(thirty_two, 1.15 * sixteen);
    ck_assert_double_gt(rate_of(16, TRANSLATION_STRICT, 0), 1.5 * sixteen);
    ck_assert_double_gt(rate_of(16, TRANSLATION_LAZY, 250000), 8 * rate_of(1, TRANSLATION_LAZY, 250000));
}
END_TEST

Suite *buffers_suite(void)
{
    Suite *suite = suite_create("buffers");
    TCase *tcase = tcase_create("scenarios");
    tcase_add_checked_fixture(tcase, program_setup, program_teardown);
    tcase_add_test(tcase, a_device_of_32_bits_bounces_without_an_iommu_only);
    tcase_add_test(tcase, two_buffers_become_one_operation_with_an_iommu);
    tcase_add_test(tcase, neighbours_in_memory_are_joined_without_an_iommu);
    tcase_add_test(tcase, a_confidential_guest_copies_everything_twice);
    tcase_add_test(tcase, the_command_line_decides);
    tcase_add_test(tcase, refusals_name_their_reason);
    tcase_add_test(tcase, a_refusal_is_said_once);
    tcase_add_test(tcase, what_lasts_does_not_bounce);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("laws");
    tcase_add_test(tcase, mapping_then_unmapping_returns_everything);
    tcase_add_test(tcase, a_full_pool_makes_the_driver_wait);
    tcase_add_test(tcase, a_pool_maps_once_and_copies_each_time);
    tcase_add_test(tcase, what_nobody_gives_back_is_an_error);
    tcase_add_test(tcase, rings_lie_within_reach);
    tcase_add_test(tcase, a_full_address_space_makes_the_driver_wait);
    tcase_add_test(tcase, strict_mode_collapses_with_many_cpus);
    suite_add_tcase(suite, tcase);
    return suite;
}
