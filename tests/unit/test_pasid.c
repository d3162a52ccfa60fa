/* SPDX-License-Identifier: MIT */
/* Requests with PASIDs: each PASID of a function is an address space of its own, in the unit and in the
 * device TLB; what they cost; how they fail. */
#include "models/iommu/pasid_table.h"
#include "models/pcie/link.h"
#include "sim/kernel/random.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <check.h>
#include <stdlib.h>

Suite *pasid_suite(void);

/* The table agrees with a plain list. */
START_TEST(the_table_is_a_map)
{
    enum { ENTRIES = 500 };
    struct pasid_table table = {0};
    struct random_stream random;
    uint32_t pasids[ENTRIES], count = 0;
    uint16_t requesters[ENTRIES];
    random_init(&random, 1, "pasids");
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint16_t requester = (uint16_t)random_below(&random, 4);
        uint32_t pasid = (uint32_t)random_below(&random, 300), at = 0;
        while (at < count && (pasids[at] != pasid || requesters[at] != requester))
            at++;
        uint32_t expected = at < count ? at : UINT32_MAX;
        ck_assert_uint_eq(pasid_table_find(&table, requester, pasid), expected);
        pasids[at] = pasid;
        requesters[at] = requester;
        count += at == count;
        pasid_table_set(&table, requester, pasid, at);
    }
    for (uint32_t i = 0; i < count; i++)
        ck_assert_uint_eq(pasid_table_find(&table, requesters[i], pasids[i]), i);
    pasid_table_fini(&table);
}
END_TEST

/* A second address space of a device: the same IOVAs, elsewhere in memory. */
static void add_space(struct machine_fixture *fixture, const char *device, uint32_t pasid, uint64_t iova,
                      uint64_t length)
{
    uint32_t d = fixture->workload.domain_count;
    fixture_translate(fixture, device, iova, length, 4096);
    fixture->domains[d].pasid = pasid + 1;
    fixture->mappings[d].physical = UINT64_C(0x200000000) + ((uint64_t)pasid << 30);
}

static void use_pasid_tables(struct machine_fixture *fixture)
{
    struct iommu_parameters *unit = &fixture->input.parameters.units[0];
    unit->pasid_reads = 2;
    unit->pasid_entries = 16;
    unit->pasid_hit_ps = 1000;
}

/* The prefix is four bytes on the wire, and the PASID cache is one more lookup. */
START_TEST(a_pasid_costs_its_prefix_and_its_lookup)
{
    uint64_t latency[2];
    for (uint32_t with = 0; with < 2; with++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        if (with)
            use_pasid_tables(&fixture);
        add_space(&fixture, "01:00.0", 5, 0x10000000, 4096);
        if (!with)
            fixture.domains[0].pasid = 0;
        struct stream *stream = fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 50, 1);
        stream->window_bytes = 4096;
        stream->warmup_operations = 2;
        stream->pasid = with ? 6 : 0;
        fixture_run(&fixture);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
        latency[with] = fixture_result(&fixture, 0)->latency.minimum;
        fixture_fini(&fixture);
    }
    const struct link_parameters link = {0};
    struct link_timing timing = link_timing_make(&link, 3, 8, 256);
    ck_assert_uint_eq(latency[1] - latency[0],
                      link_serialisation_ps(&timing, 28) - link_serialisation_ps(&timing, 24) + 1000);
}
END_TEST

/* Three spaces of one function at the same IOVAs, with and without a device TLB: nobody gets what is
 * another's. The machine counts what a request reaches that its space does not map. */
START_TEST(spaces_are_kept_apart)
{
    for (int ats = 0; ats < 2; ats++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        struct pci_function *function =
            &fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")];
        function->ats = function->ats_enabled = ats;
        use_pasid_tables(&fixture);
        fixture_translate(&fixture, "01:00.0", 0x10000000, 65536, 4096);
        add_space(&fixture, "01:00.0", 1, 0x10000000, 65536);
        add_space(&fixture, "01:00.0", 0xfffff, 0x10000000, 65536);
        static const uint32_t pasids[] = {0, 2, 0x100000};
        static const char *const names[] = {"none", "one", "last"};
        for (int s = 0; s < 3; s++) {
            struct stream *stream =
                fixture_stream(&fixture, "01:00.0", STREAM_ALTERNATE, 0x10000000, 512, 400, 8);
            stream->name = names[s];
            stream->pattern = PATTERN_RANDOM;
            stream->pasid = pasids[s];
        }
        fixture_run(&fixture);
        const struct observed_peer *peers;
        const struct iommu_counters *counters = &machine_unit(fixture.machine, 0)->counters;
        for (uint32_t s = 0; s < 3; s++)
            ck_assert_uint_eq(fixture_result(&fixture, s)->failed, 0);
        ck_assert_uint_eq(machine_observed_peers(fixture.machine, &peers), 0);
        ck_assert_uint_eq(counters->iotlb_misses >= 48, 1); /* 16 pages of each */
        fixture_fini(&fixture);
    }
}
END_TEST

/* A PASID nobody set up, one in legacy mode, and none where only a PASID has a space. */
START_TEST(a_pasid_without_a_space_faults)
{
    static const struct {
        bool tables;
        uint32_t stream, domain; /* plus one */
        enum iommu_fault fault;
    } cases[] = {
        {true, 4, 3, IOMMU_FAULT_PASID_NOT_PRESENT},     {true, 0, 3, IOMMU_FAULT_PASID_NOT_PRESENT},
        {false, 3, 3, IOMMU_FAULT_PASID_IN_LEGACY_MODE}, {false, 3, 0, IOMMU_FAULT_PASID_IN_LEGACY_MODE},
        {false, 0, 3, IOMMU_FAULT_CONTEXT_NOT_PRESENT},  {true, 3, 3, IOMMU_NO_FAULT}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        if (cases[i].tables)
            use_pasid_tables(&fixture);
        add_space(&fixture, "01:00.0", 2, 0x10000000, 65536);
        fixture.domains[0].pasid = cases[i].domain;
        fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 10, 1)->pasid = cases[i].stream;
        fixture_run(&fixture);
        bool fails = cases[i].fault != IOMMU_NO_FAULT;
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, fails ? 10 : 0);
        const struct fault_log *log = machine_fault_log(fixture.machine, 0);
        ck_assert_uint_eq(fault_log_seen(log), fails ? 10 : 0);
        if (fails) {
            ck_assert_uint_eq(log->kept[0].reason, cases[i].fault);
            ck_assert_uint_eq(log->kept[0].pasid, cases[i].stream);
        }
        fixture_fini(&fixture);
    }
}
END_TEST

/* From files: a trace whose lines name PASIDs, and what is wrong with one. */
START_TEST(traces_and_workloads_name_pasids)
{
    static const char workload[] =
        "{\"format\": \"iommusim-workload/1\", \"domains\": ["
        "{\"name\": \"a\", \"devices\": [\"01:00.0\"], \"pasid\": 3, \"mappings\": [{\"iova\": "
        "\"0x10000000\", \"length\": \"8KiB\"}]},"
        "{\"name\": \"b\", \"devices\": [\"01:00.0\"], \"pasid\": %s, \"mappings\": [{\"iova\": "
        "\"0x10000000\", \"length\": \"4KiB\"}]}],"
        " \"streams\": [{\"name\": \"t\", \"trace\": \"t.trace\"}]}";
    char text[1024];
    program_write_file("machine.json",
                       "{\"format\": \"iommusim-topology/1\", \"preset\": [\"default\", \"vt-d\", "
                       "\"vt-d-scalable\"], \"iommus\": [{\"kind\": \"vt-d\", \"include_all\": true}],"
                       " \"host_bridges\": [{\"bus\": \"00\", \"functions\": [{\"address\": \"01.0\", "
                       "\"kind\": \"root-port\", \"functions\": [{\"address\": \"00.0\", \"kind\": "
                       "\"endpoint\"}]}]}]}");
    program_write_file("s.json", "{\"format\": \"iommusim-scenario/1\", \"topology\": \"machine.json\", "
                                 "\"workload\": \"w.json\"}");
    snprintf(text, sizeof(text), workload, "4");
    program_write_file("w.json", text);
    program_write_file("t.trace", "0,01:00.0,read,0x10001000,64,3\n10,01:00.0,read,0x10000000,64,0x4\n"
                                  "20,01:00.0,read,0x10001000,64,4\n30,01:00.0,read,0x10000000,64,9\n");
    program_expect("iommusim run s.json", 0, "06h: read of a page without read permission");
    program_expect("iommusim run s.json", 0, "PASID 0x9]");
    program_write_file("t.trace", "0,01:00.0,read,0x10001000,64,0x100000\n");
    program_expect("iommusim run s.json", 2, "beyond 20 bits");
    program_write_file("t.trace", "0,01:00.0,map,0x10000000,4096,1\n");
    program_expect("iommusim run s.json", 2, "only reads and writes carry a pasid");
    snprintf(text, sizeof(text), workload, "3");
    program_write_file("w.json", text);
    program_expect("iommusim run s.json", 2, "which has the same \"pasid\"");
    program_expect("iommusim explain machine.json 01:00.0 0x10000000 --pasid 0x9", 0,
                   "with PASID 9, operation");
    program_expect("iommusim explain machine.json 01:00.0 0x10000000 --pasid 9", 0, "with PASID 9");
    program_expect("iommusim explain machine.json 01:00.0 0x10000000 --pasid 1048576", 2, "is no PASID");
}
END_TEST

/* The DMA API in the address space of a PASID, beside the one of requests without: in strict mode nothing
 * that was unmapped is reached, by device TLB or IOTLB, although the device comes back for it; in lazy mode
 * it is. */
static uint64_t stale_accesses(unsigned seed, enum translation_mode mode)
{
    struct machine_fixture fixture;
    struct random_stream random;
    random_init(&random, seed, "spaces");
    fixture_init(&fixture, "rp(ep)");
    struct pci_function *function = &fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")];
    function->ats = function->ats_enabled = random_below(&random, 2);
    use_pasid_tables(&fixture);
    fixture.input.parameters.units[0].walkers = 1 + (uint32_t)random_below(&random, 4);
    fixture.input.parameters.engines[function->id].device_tlb_entries = 1U << random_below(&random, 7);
    fixture_translate(&fixture, "01:00.0", 0x10000000, 4096, 4096);
    add_space(&fixture, "01:00.0", 5, 0x10000000, 4096);
    fixture.domains[0].mode = fixture.domains[1].mode = mode;
    static const char *const names[] = {"none", "five", "five too"};
    for (unsigned s = 0; s < 3; s++) {
        struct stream *stream = fixture_stream(&fixture, "01:00.0", s % 2 ? STREAM_READ : STREAM_WRITE, 0,
                                               1 + random_below(&random, 20000), 60, 3);
        stream->name = names[s];
        stream->buffers = BUFFERS_PER_USE;
        stream->cpu = s % 2;
        stream->pasid = s ? 6 : 0;
        stream->misbehaviour = MISBEHAVIOUR_USE_AFTER_UNMAP;
        stream->misbehaviour_delay_ps = random_below(&random, 3000000);
    }
    fixture_run(&fixture);
    const struct observed_peer *peers;
    uint32_t count = machine_observed_peers(fixture.machine, &peers);
    uint64_t stale = 0;
    for (uint32_t i = 0; i < count; i++)
        stale += peers[i].tlps;
    for (uint32_t d = 0; d < 2; d++)
        ck_assert_uint_eq(machine_mapping_counters(fixture.machine, d)->maps, d ? 120 : 60);
    fixture_fini(&fixture);
    return stale;
}

START_TEST(the_dma_api_in_a_pasids_space)
{
    uint64_t lazy = 0;
    for (unsigned seed = 1; seed <= 20; seed++) {
        ck_assert_uint_eq(stale_accesses(seed, TRANSLATION_STRICT), 0);
        lazy += stale_accesses(seed, TRANSLATION_LAZY);
    }
    ck_assert_uint_gt(lazy, 0);
}
END_TEST

/* A unit whose requests without PASID go by the context alone (AMD-Vi) looks into no PASID table for them. */
START_TEST(only_requests_with_pasid_are_looked_up_there)
{
    for (int rid_pasid = 0; rid_pasid < 2; rid_pasid++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        use_pasid_tables(&fixture);
        fixture.input.parameters.units[0].rid_pasid = rid_pasid;
        fixture_translate(&fixture, "01:00.0", 0x10000000, 65536, 4096);
        add_space(&fixture, "01:00.0", 5, 0x10000000, 65536);
        for (int s = 0; s < 2; s++) {
            struct stream *stream = fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 50, 1);
            stream->name = s ? "five" : "none";
            stream->pasid = s ? 6 : 0;
        }
        fixture_run(&fixture);
        const struct iommu_counters *counters = &machine_unit(fixture.machine, 0)->counters;
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed + fixture_result(&fixture, 1)->failed, 0);
        ck_assert_uint_eq(counters->pasid_hits + counters->pasid_misses, rid_pasid ? 100 : 50);
        fixture_fini(&fixture);
    }
}
END_TEST

Suite *pasid_suite(void)
{
    Suite *suite = suite_create("pasid");
    TCase *tests = tcase_create("pasid"), *program = tcase_create("program");
    tcase_add_test(tests, the_table_is_a_map);
    tcase_add_test(tests, a_pasid_costs_its_prefix_and_its_lookup);
    tcase_add_test(tests, spaces_are_kept_apart);
    tcase_add_test(tests, a_pasid_without_a_space_faults);
    tcase_add_test(tests, the_dma_api_in_a_pasids_space);
    tcase_add_test(tests, only_requests_with_pasid_are_looked_up_there);
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(program, program_setup, program_teardown);
    tcase_add_test(program, traces_and_workloads_name_pasids);
    suite_add_tcase(suite, program);
    return suite;
}
