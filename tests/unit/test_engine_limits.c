/* SPDX-License-Identifier: MIT */
/* The transaction engine where it is stretched: what fills up, what comes all at once, what lies far out. */
#include "sim/base/arena.h"
#include "tests/unit/machine_fixture.h"

#include <check.h>
#include <stdlib.h>

Suite *engine_limits_suite(void);

/* Below a VMD endpoint DMA leaves under the endpoint's id and segment, and its completions find the way back.
 */
START_TEST(a_read_below_a_vmd_endpoint_comes_back)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rciep@e[id=8086:201d,class=0104] | bus=0: rp[seg=10000](ep) rp[seg=10000](ep)");
    fixture.input.topology->functions[fixture_function(&fixture, "00:0e.0")].bars[0] =
        (struct bar){.kind = BAR_MEMORY64, .assigned = true, .address = 0x4000000000, .size = 1U << 30};
    fixture_stream(&fixture, "10000:01:00.0", STREAM_READ, 0x10000000, 4096, 50, 8);
    fixture_stream(&fixture, "10000:02:00.0", STREAM_ALTERNATE, 0x20000000, 700, 50, 3);
    fixture_run(&fixture);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(fixture_result(&fixture, i)->recorded, 50);
        ck_assert_uint_eq(fixture_result(&fixture, i)->failed, 0);
    }
    fixture_fini(&fixture);
}
END_TEST

/* The BAR of a root port, from another port of its device: directly, and by the host where ACS redirects. */
START_TEST(a_root_port_answers_for_its_bar)
{
    static const char *const machines[] = {"rp[bar=16KiB] rp@.1(ep)", "rp[bar=16KiB] rp@.1[acs](ep)",
                                           "rp[bar=16KiB](ep)", "rp[bar=16KiB,p2p=all] rp[p2p=all,acs](ep)"};
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        struct machine_fixture fixture;
        const struct observed_peer *peers;
        fixture_init(&fixture, machines[i]);
        const struct pci_function *port =
            &fixture.input.topology->functions[fixture_function(&fixture, "00:00.0")];
        const char *device = i == 0 || i == 1 || i == 3 ? "02:00.0" : "01:00.0";
        fixture.input.topology->root_complex_peer_to_peer = true;
        fixture_stream(&fixture, device, STREAM_ALTERNATE, port->bars[0].address, 256, 20, 4)->window_bytes =
            4096;
        fixture_run(&fixture);
        ck_assert_uint_eq(machine_observed_peers(fixture.machine, &peers), 1);
        ck_assert_uint_eq(peers[0].target_id, port->id);
        ck_assert_uint_eq(peers[0].tlps, 20);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->recorded, 20);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
        fixture_fini(&fixture);
    }
}
END_TEST

/* The port above the completer redirects completions, the root port does not send them down again: they are
 * lost, and the requester gives up when its timeout is over, counted from when it issued the read. Then it
 * does what it does about errors. */
START_TEST(a_lost_completion_ends_in_a_timeout)
{
    for (int retry = 0; retry < 2; retry++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(up(dp(ep) dp[acs=1f:8](ep)))");
        uint32_t source = fixture_function(&fixture, "03:00.0"),
                 target = fixture_function(&fixture, "04:00.0");
        struct dma_engine_parameters *engine = &fixture.input.parameters.engines[source];
        engine->completion_timeout_ps = 77000000;
        engine->on_error = retry ? ON_ERROR_RETRY : ON_ERROR_IGNORE;
        engine->retries = 2;
        /* Two completions: the first of them is no end of the wait. */
        fixture_stream(&fixture, "03:00.0", STREAM_READ,
                       fixture.input.topology->functions[target].bars[0].address, 512, 5, 1)
            ->window_bytes = 4096;
        fixture_run(&fixture);
        const struct stream_result *result = fixture_result(&fixture, 0);
        ck_assert_uint_eq(result->completed, 5);
        ck_assert_uint_eq(result->failed, 5);
        ck_assert_uint_eq(result->timeouts, retry ? 15 : 5);
        ck_assert_uint_eq(result->retried, retry ? 10 : 0);
        ck_assert_uint_eq(result->failed_latency.minimum, 30000 + 77000000 + 20000);
        ck_assert_uint_eq(result->failed_latency.maximum, 30000 + 77000000 + 20000);
        fixture_fini(&fixture);
    }
}
END_TEST

/* The endpoint of a VMD domain sends itself, to a peer's BAR and to memory: its writes keep their order at
 * the root complex, its completions end there. */
START_TEST(a_vmd_endpoint_sends_itself)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rciep@e[id=8086:201d,class=0104] rp(ep) | bus=0: rp[seg=10000](ep)");
    const struct pci_function *peer =
        &fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")];
    fixture.input.topology->root_complex_peer_to_peer = true;
    fixture_stream(&fixture, "00:0e.0", STREAM_ALTERNATE, peer->bars[0].address, 512, 50, 8)->window_bytes =
        4096;
    fixture_stream(&fixture, "00:0e.0", STREAM_ALTERNATE, 0x10000000, 512, 50, 8);
    fixture_run(&fixture);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(fixture_result(&fixture, i)->recorded, 50);
        ck_assert_uint_eq(fixture_result(&fixture, i)->failed, 0);
    }
    fixture_fini(&fixture);
}
END_TEST

START_TEST(queues_may_be_deep)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep) rciep");
    fixture_stream(&fixture, "01:00.0", STREAM_ALTERNATE, 0x10000000, 64, 30000, 20000);
    fixture_stream(&fixture, "00:01.0", STREAM_ALTERNATE, 0x10000000, 64, 30000, 20000);
    fixture_run(&fixture);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->recorded, 30000);
    ck_assert_uint_eq(fixture_result(&fixture, 1)->recorded, 30000);
    fixture_fini(&fixture);
}
END_TEST

/* No link holds an integrated endpoint back: all TLPs of an operation go out at one instant, and all of its
 * completions come back at one. More of them than an event may make. */
START_TEST(an_integrated_endpoint_sends_all_at_once)
{
    for (int write = 0; write < 2; write++) {
        struct machine_fixture fixture;
        enum { BYTES = 4 << 20, RCB = 64 };
        fixture_init(&fixture, "rciep[mps=128,mrrs=128] rciep");
        struct stream *stream =
            fixture_stream(&fixture, "00:00.0", write ? STREAM_WRITE : STREAM_READ, 0x10000000, BYTES, 3, 2);
        stream->window_bytes = BYTES;
        fixture.input.parameters.engines[fixture_function(&fixture, "00:00.0")].tags = 1024;
        fixture.input.parameters.root_complex.reads_in_flight = 65536;
        fixture_run(&fixture);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->bytes, 3 * BYTES);
        /* Every write TLP is issued at the same time: only memory's bandwidth (1 B/ps) spreads them. */
        if (write)
            ck_assert_uint_eq(fixture_result(&fixture, 0)->latency.minimum,
                              30000 + 70000 + (BYTES - 128) + 150000);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Requests held back because the walk queue is full are looked up again later; their time adds up all the
 * same (the run ends with an internal error otherwise), in any order of lookups and ends of walks. */
START_TEST(a_full_walk_queue_keeps_its_books)
{
    for (uint64_t hit_ps = 0; hit_ps <= 200000; hit_ps += 25000) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep ep@.1)");
        struct iommu_parameters *unit = &fixture.input.parameters.units[0];
        unit->walkers = 1;
        unit->walk_queue = 1;
        unit->iotlb_entries = 2;
        unit->iotlb_hit_ps = hit_ps;
        unit->lookup_interval_ps = 3000;
        unit->merge_inflight = hit_ps % 50000 == 0;
        for (int i = 0; i < 2; i++) {
            const char *device = i ? "01:00.1" : "01:00.0";
            fixture_stream(&fixture, device, STREAM_ALTERNATE, 0x10000000, 64, 400, 16)->pattern =
                PATTERN_RANDOM;
            fixture_translate(&fixture, device, 0x10000000, 1 << 16, 4096);
        }
        fixture_run(&fixture);
        const struct iommu_counters *counters = &machine_unit(fixture.machine, 0)->counters;
        ck_assert_uint_eq(counters->requests, 800);
        ck_assert_uint_eq(counters->iotlb_hits + counters->iotlb_misses, 800);
        ck_assert_uint_eq(counters->walk_queue_high, 1);
        ck_assert(fixture_result(&fixture, 0)->ledger[LEDGER_WALKER_QUEUEING] > 0);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->recorded + fixture_result(&fixture, 1)->recorded, 800);
        fixture_fini(&fixture);
    }
}
END_TEST

/* No table translates addresses of more than 57 bits: a fault, with 4 levels and with 5. */
START_TEST(addresses_beyond_any_table_fault)
{
    static const uint64_t addresses[] = {UINT64_C(1) << 48, UINT64_C(1) << 56,
                                         UINT64_C(1) << 57, (UINT64_C(1) << 57) + 0x10000000,
                                         UINT64_C(1) << 63, UINT64_MAX - 0xffff};
    for (uint32_t levels = 4; levels <= 5; levels++) {
        for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
            struct machine_fixture fixture;
            fixture_init(&fixture, "rp(ep)");
            fixture.input.parameters.units[0].levels = levels;
            /* The page that aliases it, were upper bits cut off, is in the IOTLB. */
            fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 10, 1);
            fixture_stream(&fixture, "01:00.0", STREAM_ALTERNATE, addresses[i], 64, 10, 4)->start_ps =
                10000000;
            fixture_translate(&fixture, "01:00.0", 0x10000000, 1 << 16, 4096);
            fixture_run(&fixture);
            ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
            ck_assert_uint_eq(fixture_result(&fixture, 1)->failed, 10);
            ck_assert_uint_eq(machine_unit(fixture.machine, 0)->counters.faults, 10);
            fixture_fini(&fixture);
        }
    }
}
END_TEST

/* An open loop that asks for more than there is: no more than 65536 operations wait, what gets through is
 * what a closed loop gets, and the run says so. */
START_TEST(an_overloaded_open_loop_is_bounded)
{
    static const uint64_t intervals[] = {1000, 70000, 200000}; /* the link takes some 75 ns for one */
    uint64_t elapsed_ps = 0;
    for (int i = -1; i < 3; i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        struct stream *stream =
            fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 512, i == 0 ? 200000 : 20000, 256);
        stream->interval_ps = i < 0 ? 0 : intervals[i];
        fixture_run(&fixture);
        const struct stream_result *result = fixture_result(&fixture, 0);
        ck_assert_uint_eq(result->overloaded, i == 0 || i == 1);
        ck_assert_uint_eq(result->submitted + result->turned_away, stream->operations);
        ck_assert_uint_eq(result->recorded, result->submitted);
        ck_assert(i == 0 ? result->turned_away > 100000 : result->turned_away == 0);
        ck_assert_uint_le(machine_queue(fixture.machine, 0).meter->high, 65536);
        uint64_t each_ps = (result->last_ps - result->first_ps) / result->recorded;
        if (i < 0)
            elapsed_ps = each_ps;
        else if (i < 2) /* within 1 %: what the ends of the runs weigh */
            ck_assert_uint_le(each_ps > elapsed_ps ? each_ps - elapsed_ps : elapsed_ps - each_ps,
                              elapsed_ps / 100);
        fixture_fini(&fixture);
    }
}
END_TEST

/* A read and a write of one page that is not mapped: one walk for both, and each has its own reason. */
START_TEST(a_request_that_joined_a_walk_has_its_own_fault)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    fixture.input.parameters.units[0].merge_inflight = true;
    fixture.input.parameters.units[0].fault_records = 8;
    fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0x20000000, 64, 1, 1);
    fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x20000000, 64, 1, 1);
    fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 1, 1); /* the context is known then */
    fixture.streams[0].start_ps = fixture.streams[1].start_ps = 10000000;
    fixture_translate(&fixture, "01:00.0", 0x10000000, 1 << 16, 4096);
    fixture_run(&fixture);
    const struct fault_log *log = machine_fault_log(fixture.machine, 0);
    ck_assert_uint_eq(machine_unit(fixture.machine, 0)->counters.merged, 1);
    ck_assert_uint_eq(machine_unit(fixture.machine, 0)->counters.walks, 2);
    ck_assert_uint_eq(log->kept_count, 2);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(log->kept[i].reason, log->kept[i].write ? IOMMU_FAULT_WRITE_NOT_PERMITTED
                                                                  : IOMMU_FAULT_READ_NOT_PERMITTED);
    ck_assert(log->kept[0].write != log->kept[1].write);
    fixture_fini(&fixture);
}
END_TEST

/* Walks in flight are found by domain and page, in chains of any length. */
START_TEST(walks_in_flight_are_found_by_domain_and_page)
{
    enum { WORKS = 5000 };
    struct translation_work *works = memory_array(WORKS, sizeof(*works));
    struct walks_in_flight walks;
    walks_in_flight_init(&walks);
    for (uint32_t i = 0; i < WORKS; i++) {
        works[i].domain = i % 7;
        works[i].iova = (uint64_t)(i / 7) * 4096 + i % 4096;
        ck_assert_uint_eq(walks_in_flight_find(&walks, works, &works[i]), IOMMU_NO_WORK);
        walks_in_flight_add(&walks, works, i);
    }
    for (uint32_t i = 0; i < WORKS; i += 3)
        walks_in_flight_remove(&walks, works, i);
    for (uint32_t i = 0; i < WORKS; i++) {
        struct translation_work other = {.domain = works[i].domain, .iova = works[i].iova ^ 0x800};
        ck_assert_uint_eq(walks_in_flight_find(&walks, works, &other), i % 3 ? i : IOMMU_NO_WORK);
    }
    walks_in_flight_fini(&walks);
    free(works);
}
END_TEST

/* More walks for posted requests at once, 0 being no limit, never make a run longer: the TLPs of a page share
 * a walk as soon as more than one may be under way. */
START_TEST(more_posted_walks_are_never_slower)
{
    static const uint32_t limits[] = {1, 2, 3, 4, 8, 16, 0};
    uint64_t before_ps = UINT64_MAX;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        fixture_translate(&fixture, "01:00.0", 0x10000000, 4 << 20, 4096);
        struct iommu_parameters *unit = &fixture.input.parameters.units[0];
        unit->walkers = 8;
        unit->posted_walks = limits[i];
        unit->merge_consecutive = true;
        struct stream *stream = fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 4096, 400, 16);
        stream->window_bytes = 4 << 20;
        stream->pattern = PATTERN_RANDOM;
        stream->alignment_bytes = 4096;
        fixture_run(&fixture);
        uint64_t took_ps = fixture_result(&fixture, 0)->last_ps;
        ck_assert_msg(took_ps <= before_ps, "%u walks: %ju ps, before %ju", limits[i], (uintmax_t)took_ps,
                      (uintmax_t)before_ps);
        before_ps = took_ps;
        fixture_fini(&fixture);
    }
}
END_TEST

Suite *engine_limits_suite(void)
{
    Suite *suite = suite_create("engine_limits");
    TCase *tests = tcase_create("engine_limits");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_read_below_a_vmd_endpoint_comes_back);
    tcase_add_test(tests, a_root_port_answers_for_its_bar);
    tcase_add_test(tests, a_lost_completion_ends_in_a_timeout);
    tcase_add_test(tests, a_vmd_endpoint_sends_itself);
    tcase_add_test(tests, queues_may_be_deep);
    tcase_add_test(tests, an_integrated_endpoint_sends_all_at_once);
    tcase_add_test(tests, a_full_walk_queue_keeps_its_books);
    tcase_add_test(tests, addresses_beyond_any_table_fault);
    tcase_add_test(tests, an_overloaded_open_loop_is_bounded);
    tcase_add_test(tests, a_request_that_joined_a_walk_has_its_own_fault);
    tcase_add_test(tests, walks_in_flight_are_found_by_domain_and_page);
    tcase_add_test(tests, more_posted_walks_are_never_slower);
    suite_add_tcase(suite, tests);
    return suite;
}
