/* SPDX-License-Identifier: MIT */
/* Page requests (PRI): what the first access to a page costs by hand, once a page; queues that overflow;
 * limits of device and host; pages that are not there; answers that never come. */
#include "models/pcie/link.h"
#include "models/pcie/tlp.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <check.h>
#include <stdlib.h>

Suite *page_requests_suite(void);

/* The fixture's parameters (machine_fixture.c). */
enum {
    LINK_PS = 50000,
    ISSUE_PS = 30000,
    DONE_PS = 20000,
    REQUEST_PS = 70000,
    COMPLETION_PS = 40000,
    COMMIT_PS = 150000,
    LLC_PS = 60000,
    CONTEXT_PS = 2000,
    IOTLB_PS = 5000,
    WALK_CACHE_PS = 3000,
    FIXED_PS = 100000,
    READ_PS = 80000,
    WAKE_PS = 500000,
    FAULT_PS = 7000000,
};

static uint64_t wire_ps(uint32_t bytes)
{
    const struct link_parameters link = {0};
    struct link_timing timing = link_timing_make(&link, 3, 8, 256);
    return link_serialisation_ps(&timing, bytes);
}

static struct dma_engine_parameters *device(struct machine_fixture *fixture)
{
    return &fixture->input.parameters.engines[fixture_function(fixture, "01:00.0")];
}

static const struct device_tlb *tlb_of(const struct machine_fixture *fixture)
{
    return machine_engine(fixture->machine, fixture_function(fixture, "01:00.0"))->device_tlb;
}

/* One device with ATS and PRI, and a domain of @p pages pages that are mapped when they are asked for. */
static void paged_machine(struct machine_fixture *fixture, unsigned pages)
{
    fixture_init(fixture, "rp(ep)");
    struct pci_function *function = &fixture->input.topology->functions[fixture_function(fixture, "01:00.0")];
    function->ats = function->ats_enabled = function->pri = true;
    fixture_translate(fixture, "01:00.0", 0x10000000, pages * UINT64_C(4096), 4096);
    fixture->domains[0].on_demand = true;
    struct iommu_parameters *unit = &fixture->input.parameters.units[0];
    unit->page_requests = 64;
    unit->page_request_wake_ps = WAKE_PS;
    unit->page_fault_ps = FAULT_PS;
    unit->page_fault_handlers = 2;
    device(fixture)->page_requests = 16;
}

static struct stream *reads(struct machine_fixture *fixture, unsigned pages, uint64_t operations,
                            uint32_t queue_depth)
{
    struct stream *stream =
        fixture_stream(fixture, "01:00.0", STREAM_READ, 0x10000000, 64, operations, queue_depth);
    stream->window_bytes = pages * UINT64_C(4096);
    stream->pattern = PATTERN_STRIDED;
    stream->stride_bytes = 4096;
    return stream;
}

/* Translation asked and refused, page requested and served, translation asked again, then the read itself.
 * The first walk reads three tables that are not there in part: the table is empty, so one entry of the root.
 */
START_TEST(the_first_access_is_the_sum_of_its_parts)
{
    struct machine_fixture fixture;
    paged_machine(&fixture, 1);
    reads(&fixture, 1, 1, 1);
    fixture_run(&fixture);
    uint64_t to_host_ps = LINK_PS + REQUEST_PS, lookup_ps = CONTEXT_PS + IOTLB_PS + WALK_CACHE_PS + FIXED_PS,
             answer_ps = COMPLETION_PS + wire_ps(8 + 12 + 8) + LINK_PS;
    uint64_t refused_ps = wire_ps(8 + 12) + to_host_ps + 2 * READ_PS + lookup_ps + READ_PS + answer_ps;
    uint64_t served_ps = wire_ps(8 + 16) + to_host_ps + WAKE_PS + FAULT_PS + wire_ps(8 + 16) + LINK_PS;
    uint64_t granted_ps = wire_ps(8 + 12) + to_host_ps + lookup_ps + 4 * READ_PS + answer_ps;
    uint64_t read_ps =
        wire_ps(8 + 16) + to_host_ps + CONTEXT_PS + LLC_PS + COMPLETION_PS + wire_ps(8 + 12 + 64) + LINK_PS;
    const struct stream_result *result = fixture_result(&fixture, 0);
    ck_assert_uint_eq(result->failed, 0);
    ck_assert_uint_eq(result->latency.maximum,
                      ISSUE_PS + refused_ps + served_ps + granted_ps + read_ps + DONE_PS);
    ck_assert(result->ledger[LEDGER_DEVICE_TLB] == refused_ps + served_ps + granted_ps);
    fixture_fini(&fixture);
}
END_TEST

/* Each page is requested once, by whatever pattern, and afterwards present. */
START_TEST(a_page_is_requested_once)
{
    for (unsigned seed = 1; seed <= 8; seed++) {
        struct machine_fixture fixture;
        unsigned pages = 1 + seed * 13 % 60;
        paged_machine(&fixture, pages);
        fixture.options.seed = seed;
        device(&fixture)->device_tlb_entries = 256;
        struct stream *stream = reads(&fixture, pages, 40UL * pages, 1 + seed * 5);
        stream->operation = (enum stream_operation)(seed % 3);
        stream->pattern = PATTERN_RANDOM;
        stream->alignment_bytes = 64;
        fixture_run(&fixture);
        const struct page_request_queue *queue = machine_page_requests(fixture.machine, 0);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
        ck_assert_uint_eq(queue->invalid + queue->overflowed, 0);
        ck_assert_uint_eq(queue->requests, queue->succeeded);
        ck_assert_uint_le(queue->requests, pages);
        ck_assert_uint_eq(queue->requests, tlb_of(&fixture)->page_requests);
        ck_assert_uint_eq(fault_log_seen(machine_fault_log(fixture.machine, 0)), 0);
        fixture_fini(&fixture);
    }
}
END_TEST

/* So many are outstanding as the device may have, and so many are served at once as there are handlers: the
 * time for all pages follows. */
START_TEST(limits_of_device_and_host_hold)
{
    static const struct {
        uint32_t outstanding, handlers, at_once;
    } cases[] = {{1, 4, 1}, {8, 2, 2}, {3, 8, 3}, {16, 16, 16}};
    enum { FAULTS = 48 };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine_fixture fixture;
        paged_machine(&fixture, FAULTS);
        device(&fixture)->page_requests = cases[i].outstanding;
        fixture.input.parameters.units[0].page_fault_handlers = cases[i].handlers;
        reads(&fixture, FAULTS, FAULTS, FAULTS);
        fixture_run(&fixture);
        const struct page_request_queue *queue = machine_page_requests(fixture.machine, 0);
        uint64_t rounds = FAULTS / cases[i].at_once, end_ps = machine_end_ps(fixture.machine);
        ck_assert_uint_eq(queue->requests, FAULTS);
        ck_assert_uint_le(queue->waiting.high, cases[i].outstanding);
        ck_assert_msg(end_ps > rounds * FAULT_PS && end_ps < rounds * (FAULT_PS + 2000000) + 10000000,
                      "case %zu: %lu ps", i, end_ps);
        fixture_fini(&fixture);
    }
}
END_TEST

/* A full queue drops requests and answers them itself: the device asks again until there is room. */
START_TEST(a_full_queue_makes_devices_ask_again)
{
    struct machine_fixture fixture;
    paged_machine(&fixture, 32);
    fixture.input.parameters.units[0].page_requests = 2;
    fixture.input.parameters.units[0].page_fault_handlers = 1;
    reads(&fixture, 32, 32, 32);
    fixture_run(&fixture);
    const struct page_request_queue *queue = machine_page_requests(fixture.machine, 0);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
    ck_assert_uint_gt(queue->overflowed, 0);
    ck_assert_uint_eq(queue->succeeded, 32);
    ck_assert_uint_eq(queue->requests, queue->succeeded + queue->overflowed);
    ck_assert_uint_le(queue->waiting.high, 2);
    fixture_fini(&fixture);
}
END_TEST

/* Beyond the mappings, and for writes where only reads are allowed: the host says so, the operation fails,
 * and nobody logs a fault. Without PRI the refused translation ends it. */
START_TEST(what_is_not_there_is_refused)
{
    for (int pri = 0; pri < 2; pri++) {
        struct machine_fixture fixture;
        paged_machine(&fixture, 2);
        fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")].pri = pri;
        fixture.mappings[0].write = false;
        reads(&fixture, 4, 4, 2);
        struct stream *writes = reads(&fixture, 2, 2, 1);
        writes->operation = STREAM_WRITE;
        writes->name = "writes";
        fixture_run(&fixture);
        const struct page_request_queue *queue = machine_page_requests(fixture.machine, 0);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, pri ? 2 : 4);
        ck_assert_uint_eq(fixture_result(&fixture, 1)->failed, 2);
        ck_assert_int_eq(queue->invalid > 0, pri);
        ck_assert_uint_eq(fault_log_seen(machine_fault_log(fixture.machine, 0)), 0);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Handlers slower than the device waits. */
START_TEST(a_device_gives_up_waiting)
{
    struct machine_fixture fixture;
    paged_machine(&fixture, 4);
    fixture.input.parameters.units[0].page_fault_ps = 900000000;
    device(&fixture)->page_request_timeout_ps = 20000000;
    reads(&fixture, 4, 4, 1);
    fixture_run(&fixture);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 4);
    ck_assert_uint_eq(tlb_of(&fixture)->page_timeouts, 4);
    ck_assert_uint_gt(fixture_result(&fixture, 0)->failed_latency.minimum, 20000000);
    ck_assert_uint_lt(fixture_result(&fixture, 0)->failed_latency.maximum, 23000000);
    fixture_fini(&fixture);
}
END_TEST

/* Pages of one operation that fault together are one group: one interrupt's wake-up, one handler for all of
 * them, one response. */
START_TEST(a_group_is_answered_once)
{
    uint64_t latency[2];
    for (int grouped = 0; grouped < 2; grouped++) {
        struct machine_fixture fixture;
        paged_machine(&fixture, 4);
        fixture.input.parameters.units[0].page_fault_handlers = 1;
        device(&fixture)->page_request_group = grouped ? 8 : 1;
        struct stream *stream = fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 16384, 1, 1);
        stream->window_bytes = 16384;
        fixture_run(&fixture);
        const struct page_request_queue *queue = machine_page_requests(fixture.machine, 0);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
        ck_assert_uint_eq(queue->succeeded, 4);
        ck_assert_uint_eq(queue->groups, grouped ? 1 : 4);
        ck_assert_uint_eq(tlb_of(&fixture)->page_groups, queue->groups);
        latency[grouped] = fixture_result(&fixture, 0)->latency.maximum;
        fixture_fini(&fixture);
    }
    ck_assert_uint_gt(latency[1], WAKE_PS + 4 * FAULT_PS);
    ck_assert_uint_lt(latency[1], WAKE_PS + 4 * FAULT_PS + FAULT_PS); /* and the rest is less than a fault */
}
END_TEST

/* One page of a group is not there: the device learns which, and what can be read is read. */
START_TEST(a_refused_group_is_sorted_out)
{
    struct machine_fixture fixture;
    paged_machine(&fixture, 3);
    device(&fixture)->page_request_group = 8;
    reads(&fixture, 4, 4, 4);
    fixture_run(&fixture);
    const struct page_request_queue *queue = machine_page_requests(fixture.machine, 0);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 1);
    ck_assert_uint_eq(queue->succeeded, 3);
    ck_assert_uint_eq(queue->invalid, 1);
    ck_assert_uint_eq(tlb_of(&fixture)->pages_refused, 1);
    fixture_fini(&fixture);
}
END_TEST

/* Without a queue the answer is Response Failure: the device makes no further page requests. */
START_TEST(response_failure_ends_page_requests)
{
    struct machine_fixture fixture;
    paged_machine(&fixture, 16);
    fixture.input.parameters.units[0].page_requests = 0;
    reads(&fixture, 16, 16, 2);
    fixture_run(&fixture);
    const struct page_request_queue *queue = machine_page_requests(fixture.machine, 0);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 16);
    ck_assert_uint_le(queue->requests, 2);
    ck_assert_uint_eq(queue->failed, queue->requests);
    ck_assert_uint_ge(tlb_of(&fixture)->page_failures, 1);
    fixture_fini(&fixture);
}
END_TEST

/* Whatever the sizes of groups and queue: each request is accounted for, and in the end every page is there.
 */
START_TEST(every_request_has_one_fate)
{
    uint64_t overflowed = 0, forgotten = 0;
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct machine_fixture fixture;
        srand(seed);
        unsigned pages = 8 + (unsigned)rand() % 40;
        paged_machine(&fixture, pages);
        struct iommu_parameters *unit = &fixture.input.parameters.units[0];
        unit->page_requests = 1 + (uint32_t)rand() % 6;
        unit->page_fault_handlers = 1 + (uint32_t)rand() % 3;
        device(&fixture)->page_request_group = 1 + (uint32_t)rand() % 6;
        device(&fixture)->page_requests = 1 + (uint32_t)rand() % 16;
        device(&fixture)->page_request_timeout_ps = 0;
        reads(&fixture, pages, pages, pages);
        fixture_run(&fixture);
        const struct page_request_queue *queue = machine_page_requests(fixture.machine, 0);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
        ck_assert_uint_eq(queue->requests, queue->succeeded + queue->invalid + queue->overflowed +
                                               queue->forgotten + queue->failed);
        ck_assert_uint_eq(queue->requests, tlb_of(&fixture)->page_requests);
        ck_assert_uint_eq(queue->groups, tlb_of(&fixture)->page_groups);
        ck_assert_uint_eq(queue->invalid + queue->failed, 0);
        overflowed += queue->overflowed;
        forgotten += queue->forgotten;
        fixture_fini(&fixture);
    }
    ck_assert(overflowed > 0 && forgotten > 0);
}
END_TEST

/* From files, with a PASID as shared virtual addressing has it. */
START_TEST(a_workload_pages_on_demand)
{
    static const char scenario[] =
        "{\"format\": \"iommusim-scenario/1\", \"topology\": {\"format\": \"iommusim-topology/1\", "
        "\"preset\": [\"default\", \"vt-d\", \"vt-d-scalable\"], \"iommus\": [{\"kind\": \"vt-d\", "
        "\"include_all\": true}], \"host_bridges\": [{\"bus\": \"00\", \"functions\": [{\"address\": "
        "\"01.0\", \"kind\": \"root-port\", \"functions\": [{\"address\": \"00.0\", \"kind\": \"endpoint\", "
        "\"ats\": true, \"pri\": true, \"pasid\": true}]}]}]}, \"workload\": {\"format\": "
        "\"iommusim-workload/1\", \"domains\": [{\"name\": \"process\", \"devices\": [\"01:00.0\"], "
        "\"pasid\": 7, \"ats\": true, %s\"paging\": \"on-demand\", \"mappings\": [{\"iova\": "
        "\"0x7f0000000000\", \"length\": \"64KiB\"}]}], \"streams\": [{\"name\": \"s\", \"device\": "
        "\"01:00.0\", \"pasid\": 7, \"operation\": \"read\", \"size\": \"4KiB\", \"queue_depth\": 4, "
        "\"operations\": 64}]}}";
    char text[2048];
    snprintf(text, sizeof(text), scenario, "");
    program_write_file("s.json", text);
    program_expect("iommusim run s.json", 0, "Page requests at unit0: 16, of them 16 served");
    program_expect("iommusim run s.json --format json", 0, "\"page_requests\": {\"received\": 16");
    snprintf(text, sizeof(text), scenario, "\"mode\": \"passthrough\", ");
    program_write_file("s.json", text);
    program_expect("iommusim run s.json", 2, "does not page on demand");
}
END_TEST

Suite *page_requests_suite(void)
{
    Suite *suite = suite_create("page_requests");
    TCase *tests = tcase_create("page_requests"), *program = tcase_create("program");
    tcase_add_test(tests, the_first_access_is_the_sum_of_its_parts);
    tcase_add_test(tests, a_page_is_requested_once);
    tcase_add_test(tests, limits_of_device_and_host_hold);
    tcase_add_test(tests, a_full_queue_makes_devices_ask_again);
    tcase_add_test(tests, what_is_not_there_is_refused);
    tcase_add_test(tests, a_device_gives_up_waiting);
    tcase_add_test(tests, a_group_is_answered_once);
    tcase_add_test(tests, a_refused_group_is_sorted_out);
    tcase_add_test(tests, response_failure_ends_page_requests);
    tcase_add_test(tests, every_request_has_one_fate);
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(program, program_setup, program_teardown);
    tcase_add_test(program, a_workload_pages_on_demand);
    suite_add_tcase(suite, program);
    return suite;
}
