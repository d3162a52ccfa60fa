/* SPDX-License-Identifier: MIT */
/*
 * The ordering rules (PCIe Base Spec table 2-40) in time: who waits for a posted request that is slow to go,
 * who does not, and until when, by hand.
 */
#include "tests/unit/machine_fixture.h"

#include <check.h>

Suite *ordering_suite(void);

enum {
    LINK_PS = 50000,
    SWITCH_PS = 100000,
    ISSUE_PS = 30000,
    DONE_PS = 20000,
    REQUEST_PS = 70000,
    PEER_PS = 120000,
    COMPLETION_PS = 40000,
    COMMIT_PS = 150000,
    COMPLETER_PS = 250000,
    LLC_PS = 60000,
    LATER_PS = 2000000,
};

static uint64_t serialisation_ps(unsigned generation, unsigned width, uint32_t bytes)
{
    const struct link_parameters none = {0};
    const struct link_timing timing = link_timing_make(&none, generation, width, 256);
    return link_serialisation_ps(&timing, bytes);
}

static uint64_t bar_of(const struct machine_fixture *fixture, const char *device)
{
    return fixture->input.topology->functions[fixture_function(fixture, device)].bars[0].address;
}

static struct dma_engine_parameters *engine_of(struct machine_fixture *fixture, const char *device)
{
    return &fixture->input.parameters.engines[fixture_function(fixture, device)];
}

/* One operation of @p size bytes at @p start_ps. */
static void once(struct machine_fixture *fixture, const char *device, enum stream_operation operation,
                 uint64_t address, uint64_t size, uint64_t start_ps)
{
    struct stream *stream = fixture_stream(fixture, device, operation, address, size, 1, 1);
    stream->window_bytes = size;
    stream->start_ps = start_ps;
}

static uint64_t latency_of(const struct machine_fixture *fixture, uint32_t stream)
{
    const struct stream_result *result = fixture_result(fixture, stream);
    ck_assert_uint_eq(result->recorded, 1);
    return result->latency.minimum;
}

/* A write of 4 KiB to a peer below a slow link: 16 TLPs, the last of which leaves the root complex at the
 * time given back. */
static uint64_t write_to_slow_peer(struct machine_fixture *fixture)
{
    fixture_init(fixture, "rp(ep) rp[link=1x1](ep[link=1x1])");
    fixture->input.topology->root_complex_peer_to_peer = true;
    uint64_t target = bar_of(fixture, "02:00.0");
    once(fixture, "01:00.0", STREAM_WRITE, target, 4096, 0);
    uint32_t header = target >> 32 ? 16 : 12;
    return ISSUE_PS + serialisation_ps(3, 8, 8 + header + 256) + LINK_PS + PEER_PS +
           15 * serialisation_ps(1, 1, 8 + header + 256);
}

/* A read of memory waits until the writes to the peer that came before it are out, RO or not. */
START_TEST(a_read_waits_for_writes_to_a_peer)
{
    for (int relaxed = 0; relaxed < 2; relaxed++) {
        struct machine_fixture fixture;
        uint64_t out_ps = write_to_slow_peer(&fixture);
        engine_of(&fixture, "01:00.0")->relaxed_ordering = relaxed;
        once(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, LATER_PS);
        fixture_run(&fixture);
        ck_assert_uint_gt(out_ps, LATER_PS + 1000000);
        ck_assert_uint_eq(LATER_PS + latency_of(&fixture, 1), out_ps + LLC_PS + COMPLETION_PS +
                                                                  serialisation_ps(3, 8, 8 + 12 + 64) +
                                                                  LINK_PS + DONE_PS);
        fixture_fini(&fixture);
    }
}
END_TEST

/* A write to memory becomes visible after the writes to the peer have left; with RO it does not wait. */
START_TEST(a_write_waits_for_writes_to_a_peer_unless_relaxed)
{
    for (int relaxed = 0; relaxed < 2; relaxed++) {
        struct machine_fixture fixture;
        uint64_t out_ps = write_to_slow_peer(&fixture);
        engine_of(&fixture, "01:00.0")->relaxed_ordering = relaxed;
        once(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 64, LATER_PS);
        fixture_run(&fixture);
        uint64_t alone_ps = ISSUE_PS + serialisation_ps(3, 8, 8 + 12 + 64) + LINK_PS + REQUEST_PS + COMMIT_PS;
        ck_assert_uint_eq(latency_of(&fixture, 1), relaxed ? alone_ps : out_ps - LATER_PS);
        fixture_fini(&fixture);
    }
}
END_TEST

/* The reads of a device wait for each other's slot and for credits; a write passes them all. */
START_TEST(a_write_passes_reads_that_cannot_go_on)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(up(dp(ep)))");
    fixture.input.parameters.root_complex.reads_in_flight = 1;
    fixture.input.parameters.memory.llc_latency_ps = 10000000;
    for (uint32_t f = 0; f < fixture.input.topology->function_count; f++)
        fixture.input.parameters.links[f].nonposted_header_credits = 1;
    fixture_stream(&fixture, "03:00.0", STREAM_READ, 0x10000000, 64, 10, 10);
    once(&fixture, "03:00.0", STREAM_WRITE, 0x20000000, 64, LATER_PS);
    fixture_run(&fixture);
    ck_assert_uint_eq(latency_of(&fixture, 1), ISSUE_PS + serialisation_ps(3, 8, 8 + 12 + 64) + 2 * LINK_PS +
                                                   SWITCH_PS + REQUEST_PS + COMMIT_PS);
    fixture_fini(&fixture);
}
END_TEST

/*
 * Device 01 writes to memory, which takes long, then answers a read of device 02. The completion pushes the
 * write before it: 02 may look into memory next. It does not where the read asked for relaxed ordering, nor
 * where the write is another function's and the completion carries IDO.
 */
START_TEST(a_completion_waits_for_the_writes_of_its_device)
{
    static const struct {
        bool relaxed, id_ordered, other_function, waits;
    } cases[] = {
        {false, false, false, true}, {true, false, false, false}, {false, true, false, true},
        {false, false, true, true},  {false, true, true, false},  {true, true, true, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep ep@.1) rp(ep)");
        fixture.input.topology->root_complex_peer_to_peer = true;
        fixture.input.parameters.root_complex.write_commit_ps = 100000000;
        const char *target = cases[i].other_function ? "01:00.1" : "01:00.0";
        uint64_t address = bar_of(&fixture, target);
        engine_of(&fixture, target)->id_based_ordering = cases[i].id_ordered;
        engine_of(&fixture, "02:00.0")->relaxed_ordering = cases[i].relaxed;
        once(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 64, 0);
        once(&fixture, "02:00.0", STREAM_READ, address, 64, LATER_PS);
        fixture_run(&fixture);
        uint64_t request = serialisation_ps(3, 8, address >> 32 ? 24 : 20),
                 answer = serialisation_ps(3, 8, 8 + 12 + 64);
        uint64_t alone_ps = ISSUE_PS + request + LINK_PS + PEER_PS + request + LINK_PS + COMPLETER_PS +
                            answer + LINK_PS + PEER_PS + answer + LINK_PS + DONE_PS;
        uint64_t visible_ps = latency_of(&fixture, 0);
        ck_assert_uint_eq(visible_ps, ISSUE_PS + answer + LINK_PS + REQUEST_PS + 100000000);
        ck_assert_msg(latency_of(&fixture, 1) ==
                          (cases[i].waits ? visible_ps - LATER_PS + answer + LINK_PS + DONE_PS : alone_ps),
                      "case %zu: %lu", i, latency_of(&fixture, 1));
        fixture_fini(&fixture);
    }
}
END_TEST

/* A read that carries IDO passes the slow write of another function of its device; without, it waits. */
START_TEST(a_read_passes_writes_of_others_with_id_based_ordering)
{
    for (int id_ordered = 0; id_ordered < 2; id_ordered++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep ep@.1)");
        fixture.input.parameters.root_complex.write_commit_ps = 100000000;
        engine_of(&fixture, "01:00.1")->id_based_ordering = id_ordered;
        once(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 64, 0);
        once(&fixture, "01:00.1", STREAM_READ, 0x20000000, 64, LATER_PS);
        fixture_run(&fixture);
        uint64_t back_ps = LLC_PS + COMPLETION_PS + serialisation_ps(3, 8, 8 + 12 + 64) + LINK_PS + DONE_PS;
        ck_assert_uint_eq(latency_of(&fixture, 1),
                          id_ordered ? ISSUE_PS + serialisation_ps(3, 8, 20) + LINK_PS + REQUEST_PS + back_ps
                                     : latency_of(&fixture, 0) - LATER_PS + back_ps);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Table 2-40, column 2: what may pass a posted request, by attribute. */
START_TEST(the_exceptions_are_those_of_the_table)
{
    static const struct {
        enum flow_class flow;
        bool relaxed, id_ordered, same_sender, may;
    } rows[] = {
        {FLOW_POSTED, false, false, false, false},    {FLOW_POSTED, true, false, true, true},
        {FLOW_POSTED, false, true, false, true},      {FLOW_POSTED, false, true, true, false},
        {FLOW_NONPOSTED, false, false, false, false}, {FLOW_NONPOSTED, true, false, false, false},
        {FLOW_NONPOSTED, false, true, false, true},   {FLOW_NONPOSTED, false, true, true, false},
        {FLOW_COMPLETION, false, false, true, false}, {FLOW_COMPLETION, true, false, true, true},
        {FLOW_COMPLETION, false, true, false, true},  {FLOW_COMPLETION, false, true, true, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tlp tlp = {.flow = (uint8_t)rows[i].flow, .id_ordered = rows[i].id_ordered};
        tlp.transaction.relaxed_ordering = rows[i].relaxed;
        tlp.transaction.requester_id = rows[i].flow == FLOW_COMPLETION ? 0x0200 : 0x0100;
        tlp.completer_id = 0x0100;
        ck_assert_msg(tlp_may_pass_posted(&tlp, rows[i].same_sender ? 0x0100 : 0x0101) == rows[i].may,
                      "row %zu", i);
    }
}
END_TEST

/* What ACS sends up goes by the IOMMU (request latency), then to the peer's port (peer latency). */
START_TEST(a_redirected_write_pays_the_way_to_the_peer)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp[acs,p2p=all](up(dp[acs](ep) dp[acs](ep)))");
    uint64_t address = bar_of(&fixture, "04:00.0");
    uint64_t tlp = serialisation_ps(3, 8, (address >> 32 ? 24 : 20) + 64),
             request = serialisation_ps(3, 8, address >> 32 ? 24 : 20),
             answer = serialisation_ps(3, 8, 8 + 12 + 64);
    once(&fixture, "03:00.0", STREAM_WRITE, address, 64, 0);
    once(&fixture, "03:00.0", STREAM_READ, address, 64, LATER_PS);
    fixture_run(&fixture);
    uint64_t hops = 4 * LINK_PS + 2 * SWITCH_PS;
    ck_assert_uint_eq(latency_of(&fixture, 0), ISSUE_PS + tlp + REQUEST_PS + PEER_PS + tlp + hops);
    /* The completion is redirected, too, but not translated. */
    ck_assert_uint_eq(latency_of(&fixture, 1), ISSUE_PS + request + REQUEST_PS + PEER_PS + request + hops +
                                                   COMPLETER_PS + answer + PEER_PS + answer + hops + DONE_PS);
    fixture_fini(&fixture);
}
END_TEST

Suite *ordering_suite(void)
{
    Suite *suite = suite_create("ordering");
    TCase *tests = tcase_create("ordering");
    tcase_add_test(tests, a_read_waits_for_writes_to_a_peer);
    tcase_add_test(tests, a_write_waits_for_writes_to_a_peer_unless_relaxed);
    tcase_add_test(tests, a_write_passes_reads_that_cannot_go_on);
    tcase_add_test(tests, a_completion_waits_for_the_writes_of_its_device);
    tcase_add_test(tests, a_read_passes_writes_of_others_with_id_based_ordering);
    tcase_add_test(tests, the_exceptions_are_those_of_the_table);
    tcase_add_test(tests, a_redirected_write_pays_the_way_to_the_peer);
    suite_add_tcase(suite, tests);
    return suite;
}
