/* SPDX-License-Identifier: MIT */
/* Laws of the transaction engine: what can be computed by hand must come out to the picosecond. */
#include "sim/base/status.h"
#include "sim/kernel/random.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/random_machine.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

Suite *machine_suite(void);

enum {
    LINK_PS = 50000,
    SWITCH_PS = 100000,
    ISSUE_PS = 30000,
    DONE_PS = 20000,
    REQUEST_PS = 70000,
    COMPLETION_PS = 40000,
    COMMIT_PS = 150000,
    LLC_PS = 60000
};

/* A Gen3 x8 link with MPS 256: one TLP of `bytes` bytes, by the formula of the published link model. */
static uint64_t gen3_x8_ps(uint32_t bytes)
{
    double raw = 8e9 * 8 * 128 / 130, share = 1 - 2 * 8.0 / 203 - 4.0 / 1538;
    return (uint64_t)(bytes * 8 / (raw * share) * 1e12 + 0.5);
}

static const char *const chains[] = {
    "rp(ep)",
    "rp(up(dp(ep)))",
    "rp(up(dp(up(dp(ep)))))",
    "rp(up(dp(up(dp(up(dp(ep)))))))",
};

static const char *deepest(unsigned switches)
{
    static const char *const addresses[] = {"01:00.0", "03:00.0", "05:00.0", "07:00.0"};
    return addresses[switches];
}

/* One 64-byte read: request up, memory, one completion down. With equal links every switch cuts through, so
 * the serialisation is paid once a direction. */
START_TEST(unloaded_read_latency_is_the_sum_of_its_parts)
{
    for (unsigned switches = 0; switches < 4; switches++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, chains[switches]);
        fixture_stream(&fixture, deepest(switches), STREAM_READ, UINT64_C(0x200000000), 64, 100, 1);
        fixture_run(&fixture);
        uint64_t expected = ISSUE_PS + gen3_x8_ps(8 + 16) + (switches + 1) * LINK_PS + switches * SWITCH_PS +
                            REQUEST_PS + LLC_PS + COMPLETION_PS + gen3_x8_ps(8 + 12 + 64) +
                            (switches + 1) * LINK_PS + switches * SWITCH_PS + DONE_PS;
        const struct stream_result *result = fixture_result(&fixture, 0);
        ck_assert_uint_eq(result->recorded, 100);
        ck_assert_uint_eq(result->latency.minimum, expected);
        ck_assert_uint_eq(result->latency.maximum, expected);
        ck_assert(result->ledger[LEDGER_SWITCH] == (__uint128_t)2 * switches * SWITCH_PS * 100);
        ck_assert(result->ledger[LEDGER_LINK_QUEUEING] == 0);
        fixture_fini(&fixture);
    }
}
END_TEST

START_TEST(unloaded_write_latency_is_the_sum_of_its_parts)
{
    for (unsigned switches = 0; switches < 4; switches++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, chains[switches]);
        fixture_stream(&fixture, deepest(switches), STREAM_WRITE, 0x10000000, 64, 100,
                       1); /* below 4 GiB: 3 DW header */
        fixture_run(&fixture);
        uint64_t expected = ISSUE_PS + gen3_x8_ps(8 + 12 + 64) + (switches + 1) * LINK_PS +
                            switches * SWITCH_PS + REQUEST_PS + COMMIT_PS;
        ck_assert_uint_eq(fixture_result(&fixture, 0)->latency.minimum, expected);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->latency.maximum, expected);
        fixture_fini(&fixture);
    }
}
END_TEST

/* The parts of every latency add up to it, also under load and through caches and walkers. */
START_TEST(ledger_parts_sum_to_the_latency)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(up(dp(ep) dp(ep)))");
    fixture_stream(&fixture, "03:00.0", STREAM_ALTERNATE, 0x10000000, 1500, 2000, 16)->pattern =
        PATTERN_RANDOM;
    fixture_stream(&fixture, "04:00.0", STREAM_READ, 0x20000000, 4096, 2000, 32)->pattern = PATTERN_RANDOM;
    fixture.streams[1].window_bytes = 1 << 20;
    fixture_translate(&fixture, "03:00.0", 0x10000000, 1 << 20, 4096);
    fixture_translate(&fixture, "04:00.0", 0x20000000, 1 << 20, 4096);
    fixture_run(&fixture);
    for (uint32_t stream = 0; stream < 2; stream++) {
        const struct stream_result *result = fixture_result(&fixture, stream);
        __uint128_t sum = 0;
        for (int part = 0; part < LEDGER_PARTS; part++)
            sum += result->ledger[part];
        ck_assert(sum == result->latency.total);
        ck_assert_uint_eq(result->recorded, 2000);
        ck_assert_uint_eq(result->bytes, 2000 * fixture.streams[stream].size_bytes);
    }
    const struct remapping_unit *unit = machine_unit(fixture.machine, 0);
    ck_assert_uint_eq(unit->counters.requests, machine_root_complex(fixture.machine)->translated_tlps);
    ck_assert_uint_ge(unit->counters.context_misses, 2); /* first requests come before the first fill */
    ck_assert_uint_lt(unit->counters.context_misses, 50);
    ck_assert_uint_gt(unit->counters.iotlb_misses, 100);
    fixture_fini(&fixture);
}
END_TEST

/* Rate in bits per second of payload that a saturated stream gets. */
static double saturated_gbps(enum stream_operation operation, unsigned generation, unsigned width,
                             unsigned payload, unsigned request, uint64_t size, uint64_t stride)
{
    struct machine_fixture fixture;
    char text[100];
    snprintf(text, sizeof(text), "rp[link=%ux%u,mps=%u](ep[link=%ux%u,mps=%u,mrrs=%u])", generation, width,
             payload, generation, width, payload, request);
    fixture_init(&fixture, text);
    for (uint32_t f = 0; f < fixture.input.topology->function_count; f++) {
        fixture.input.parameters.links[f].posted_header_credits = 0; /* the link alone is looked at */
        fixture.input.parameters.links[f].posted_data_credits = 0;
        fixture.input.parameters.links[f].nonposted_header_credits = 0;
        fixture.input.parameters.engines[f].tags = 1024;
    }
    fixture.input.parameters.root_complex.reads_in_flight = 65536;
    fixture.input.parameters.memory.bandwidth_bytes_per_s = UINT64_C(100000000000000);
    struct stream *stream = fixture_stream(&fixture, "01:00.0", operation, UINT64_C(0x200000000), size,
                                           operation == STREAM_ALTERNATE ? 30000 : 6000, 512);
    stream->warmup_operations = 1500;
    stream->pattern = PATTERN_STRIDED;
    stream->stride_bytes = stride;
    stream->window_bytes = 1 << 20;
    fixture_run(&fixture);
    const struct stream_result *result = fixture_result(&fixture, 0);
    double gbps = (double)result->bytes * 8e3 / (double)(result->last_ps - result->first_ps);
    fixture_fini(&fixture);
    return gbps;
}

/* Payload rates of the published analytic link model (Neugebauer et al., SIGCOMM 2018): MPS-sized writes,
 * MPS-sized completions, 64-byte writes, 64-byte completions. Tolerance 0.5 %: rounding of times to
 * picoseconds and the ends of the run. */
START_TEST(saturated_links_carry_what_the_published_model_says)
{
    static const struct {
        unsigned generation, width, payload;
        double write_full, completion_full, write_64, completion_64;
    } rows[] = {
#define ROW(generation, lanes, payload, write_full, completion_full, write_64, completion_64)                \
    {generation, lanes, payload, write_full, completion_full, write_64, completion_64},
#include "tests/unit/published_link_rates.def"
#undef ROW
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const double expected[] = {rows[i].write_full, rows[i].completion_full, rows[i].write_64,
                                   rows[i].completion_64};
        for (int c = 0; c < 4; c++) {
            uint64_t size = c < 2 ? rows[i].payload : 64;
            double got = saturated_gbps(c & 1 ? STREAM_READ : STREAM_WRITE, rows[i].generation, rows[i].width,
                                        rows[i].payload, 4096, size, size);
            ck_assert_msg(got > expected[c] * 0.995 && got < expected[c] * 1.005,
                          "gen%u x%u mps %u column %d: %.3f for %.3f Gb/s", rows[i].generation, rows[i].width,
                          rows[i].payload, c, got, expected[c]);
        }
    }
}
END_TEST

/* Splitting at MPS 256, MRRS 512 and RCB 64 over Gen3 x8: the authors' own file (bw_calc.dat of
 * pcie-bench/data). Operations start on 4 KiB boundaries, as the model knows no alignment; "both" is the
 * payload rate per direction of alternating writes and reads. Tolerance 0.5 %: rounding of the table to two
 * digits, and the ends of the run. */
START_TEST(splitting_gives_the_published_payload_rates)
{
    static const struct {
        uint64_t size;
        double write, read, both;
    } rows[] = {
        {64, 42.10, 44.10, 33.08},   {65, 42.28, 44.26, 33.30},   {127, 48.68, 50.01, 42.01},
        {128, 48.75, 50.06, 42.10},  {129, 48.80, 50.11, 42.19},  {192, 51.45, 52.42, 46.31},
        {255, 52.91, 53.67, 48.71},  {256, 52.92, 53.69, 48.75},  {257, 48.78, 50.09, 45.22},
        {320, 50.33, 51.45, 47.25},  {384, 51.45, 52.42, 48.75},  {511, 52.91, 53.68, 50.74},
        {512, 52.92, 53.69, 50.75},  {513, 50.76, 51.82, 46.91},  {576, 51.45, 52.42, 47.90},
        {640, 52.03, 52.92, 48.75},  {768, 52.92, 53.69, 50.06},  {1024, 52.92, 53.69, 50.75},
        {1025, 51.82, 52.74, 48.75}, {1280, 52.92, 53.69, 50.33}, {1536, 52.92, 53.69, 50.75},
        {1537, 52.18, 53.05, 49.40}, {1792, 52.92, 53.69, 50.45}, {2047, 52.92, 53.69, 50.75},
        {2048, 52.92, 53.69, 50.75},
    };
    static const enum stream_operation operations[] = {STREAM_WRITE, STREAM_READ, STREAM_ALTERNATE};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const double expected[] = {rows[i].write, rows[i].read, rows[i].both};
        for (int c = 0; c < 3; c++) {
            double got = saturated_gbps(operations[c], 3, 8, 256, 512, rows[i].size, 4096) / (c == 2 ? 2 : 1);
            ck_assert_msg(got > expected[c] * 0.995 && got < expected[c] * 1.005,
                          "%u bytes, column %d: %.3f for %.3f Gb/s", (unsigned)rows[i].size, c, got,
                          expected[c]);
        }
    }
}
END_TEST

/* A receiver that cannot hold one payload is refused, as a run would never end. */
START_TEST(credits_for_less_than_a_payload_are_refused)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 4096, 10, 1);
    fixture.input.parameters.links[fixture_function(&fixture, "00:00.0")].posted_data_credits = 15;
    ck_assert_int_eq(machine_new(&fixture.input, &fixture.workload, &fixture.options, &fixture.machine,
                                 fixture.diagnostics),
                     STATUS_BAD_INPUT);
    ck_assert_uint_eq(diagnostics_errors(fixture.diagnostics), 1);
    fixture.machine = NULL;
    fixture_fini(&fixture);
}
END_TEST

START_TEST(two_streams_share_an_uplink_evenly)
{
    static const enum stream_operation operations[] = {STREAM_WRITE, STREAM_READ};
    for (int i = 0; i < 2; i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(up(dp(ep) dp(ep)))");
        fixture_stream(&fixture, "03:00.0", operations[i], UINT64_C(0x200000000), 4096, 0, 64);
        fixture_stream(&fixture, "04:00.0", operations[i], UINT64_C(0x300000000), 4096, 0, 64);
        fixture.workload.duration_ps = UINT64_C(2000000000); /* 2 ms */
        fixture_run(&fixture);
        double a = (double)fixture_result(&fixture, 0)->bytes, b = (double)fixture_result(&fixture, 1)->bytes;
        /* Round robin takes turns TLP by TLP: of some 1600 operations of each, the shares differ by those
         * under way at the end, at most the queue depth of 64, most of them half done. */
        double apart = a > b ? a - b : b - a;
        ck_assert_msg(apart <= 16 * 4096, "shares %.0f and %.0f", a, b);
        /* Together what the link carries (53.69 and 52.92 by the published model), less what is under way at
         * the end and not counted: at most 128 operations of 4 KiB of the 2 ms, 4 %, and half of that where
         * the pieces of operations come one after the other. */
        double gbps = (a + b) * 8 / 2e-3 / 1e9, link = i ? 53.69 : 52.92;
        ck_assert_msg(gbps > link * 0.98 && gbps < link * 1.005, "together %.2f of %.2f Gb/s", gbps, link);
        fixture_fini(&fixture);
    }
}
END_TEST

static void run_mixed(struct machine_fixture *fixture)
{
    fixture_init(fixture, "rp(up(dp(ep) dp(ep))) rp(pcie2pci(pci pci))");
    fixture_stream(fixture, "03:00.0", STREAM_ALTERNATE, 0x10000000, 700, 1000, 8)->pattern = PATTERN_RANDOM;
    fixture_stream(fixture, "04:00.0", STREAM_READ, 0x20000000, 4096, 300, 8)->interval_ps = 300000;
    fixture_stream(fixture, "06:00.0", STREAM_WRITE, UINT64_C(0x200000000), 256, 100, 2);
    fixture_translate(fixture, "03:00.0", 0x10000000, 1 << 16, 4096);
    fixture_translate(fixture, "04:00.0", 0x20000000, 1 << 21, 1 << 21);
    fixture->unit_of[fixture_function(fixture, "06:00.0")] = NO_UNIT;
    fixture_run(fixture);
}

START_TEST(the_same_run_twice_is_the_same)
{
    struct machine_fixture a, b;
    run_mixed(&a);
    run_mixed(&b);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_mem_eq(fixture_result(&a, i), fixture_result(&b, i), sizeof(struct stream_result));
    ck_assert_uint_eq(machine_events(a.machine), machine_events(b.machine));
    ck_assert_uint_eq(machine_end_ps(a.machine), machine_end_ps(b.machine));
    fixture_fini(&a);
    fixture_fini(&b);
}
END_TEST

/* The smallest machine that can work at all: one TLP a buffer, a tag or two, one walker, an IOTLB of one
 * page, two reads in flight. All parameters by the seed. */
static void make_hostile(struct machine_fixture *fixture, struct random_stream *random)
{
    struct machine_parameters *p = &fixture->input.parameters;
    for (uint32_t f = 0; f < fixture->input.topology->function_count; f++) {
        struct link_parameters *link = &p->links[f];
        link->posted_header_credits = link->nonposted_header_credits = link->completion_header_credits =
            1 + (uint32_t)random_below(random, 2);
        link->posted_data_credits = link->completion_data_credits = 32 + (uint32_t)random_below(random, 3);
        link->credit_return_ps = random_below(random, 100000);
        link->propagation_ps = random_below(random, 100000);
        link->ecrc = random_below(random, 2);
        p->switches[f].latency_ps = random_below(random, 200000);
        p->switches[f].store_and_forward = random_below(random, 2);
        p->engines[f].tags = 1 + (uint32_t)random_below(random, 3);
        p->engines[f].read_window = (uint32_t)random_below(random, 4);
        p->engines[f].relaxed_ordering = random_below(random, 2);
        p->engines[f].id_based_ordering = random_below(random, 2);
        p->engines[f].completer_latency_ps = random_below(random, 500000);
    }
    struct iommu_parameters *unit = &p->units[0];
    unit->walkers = 1 + (uint32_t)random_below(random, 2);
    unit->walk_queue = (uint32_t)random_below(random, 3);
    unit->iotlb_entries = 1;
    unit->context_entries = unit->context_ways = 1;
    unit->walker_recovery_ps = random_below(random, 2) * 7000;
    unit->lookup_interval_ps = random_below(random, 20000);
    unit->merge_inflight = random_below(random, 2);
    unit->merge_consecutive = random_below(random, 2);
    unit->duplicate_fill = random_below(random, 2);
    unit->reserve_entry = random_below(random, 2);
    p->root_complex.reads_in_flight = 1 + (uint32_t)random_below(random, 3);
    p->root_complex.read_completion_boundary = 64 << random_below(random, 2);
    p->root_complex.write_commit_ps = random_below(random, 2000000);
    p->root_complex.peer_latency_ps = random_below(random, 200000);
    fixture->input.topology->root_complex_peer_to_peer = random_below(random, 2);
}

/* Streams of every endpoint: reads, writes and both, of odd sizes, to memory (mapped, unmapped or not
 * translated) and to BARs of others and its own. */
static void load_everyone(struct machine_fixture *fixture, struct random_stream *random)
{
    const struct topology *topology = fixture->input.topology;
    bool first = true;
    for (uint32_t f = 0; f < topology->function_count; f++) {
        const struct pci_function *function = &topology->functions[f];
        char address[BDF_TEXT_SIZE];
        if (function->header_type != 0)
            continue;
        bdf_print(address, function->segment, function->bus, function->devfn);
        if (first)
            fixture_translate(fixture, address, 0x10000000, 1 << 16, 4096);
        first = false;
        for (int s = 0; s < 3; s++) {
            const struct pci_function *other =
                &topology->functions[random_below(random, topology->function_count)];
            bool peer = random_below(random, 2) && other->bars[0].assigned && other->bars[0].size >= 4096;
            uint64_t base = peer                      ? other->bars[0].address
                            : random_below(random, 8) ? UINT64_C(0x10000000)
                                                      : UINT64_C(0x700000000);
            struct stream *stream =
                fixture_stream(fixture, address, (enum stream_operation)random_below(random, 3), base,
                               1 + random_below(random, 3000), 40, 1 + (uint32_t)random_below(random, 20));
            stream->pattern = PATTERN_RANDOM;
            stream->alignment_bytes = 1;
            stream->window_bytes = peer ? 4096 : 1 << 16;
            stream->interval_ps = random_below(random, 4) ? 0 : random_below(random, 3000000);
            stream->warmup_operations = random_below(random, 2) * 7;
        }
        if (random_below(random, 3) == 0)
            fixture->unit_of[f] = NO_UNIT;
    }
}

/* Random machines under load: bytes in are bytes out, nothing hangs, Little's law holds (machine_run() aborts
 * otherwise), each operation completes once, and the ledger of every one sums up. */
static void run_hostile(uint64_t seed)
{
    struct machine_fixture fixture;
    struct random_stream random;
    char *text = random_machine_text(seed, 14);
    random_init(&random, seed, "hostile");
    fixture_init(&fixture, text);
    make_hostile(&fixture, &random);
    load_everyone(&fixture, &random);
    fixture.options.seed = seed;
    if (seed % 4 == 0)
        fixture.workload.duration_ps = 1000000 + random_below(&random, 100000000);
    if (fixture.workload.stream_count)
        fixture_run(&fixture);
    for (uint32_t i = 0; i < fixture.workload.stream_count; i++) {
        const struct stream_result *result = fixture_result(&fixture, i);
        const struct stream *stream = &fixture.streams[i];
        __uint128_t sum = 0;
        for (int part = 0; part < LEDGER_PARTS; part++)
            sum += result->ledger[part];
        ck_assert_msg(sum == result->latency.total, "seed %" PRIu64 ": %s", seed, text);
        if (!fixture.workload.duration_ps)
            ck_assert_msg(result->completed == stream->operations + stream->warmup_operations,
                          "seed %" PRIu64 ", stream %u: %s", seed, i, text);
    }
    fixture_fini(&fixture);
    free(text);
}

START_TEST(nothing_is_lost_in_a_hostile_fabric)
{
    for (uint64_t seed = 1; seed <= 80; seed++)
        run_hostile(seed);
}
END_TEST

/* DMA of one function that falls into the BAR of another below the same switch stays in the switch, with ACS
 * off. */
START_TEST(peer_requests_stay_in_the_switch_or_are_redirected)
{
    for (int redirect = 0; redirect < 2; redirect++) {
        struct machine_fixture fixture;
        fixture_init(&fixture,
                     redirect ? "rp[acs,p2p=all](up(dp[acs](ep) dp[acs](ep)))" : "rp(up(dp(ep) dp(ep)))");
        const struct pci_function *target =
            &fixture.input.topology->functions[fixture_function(&fixture, "04:00.0")];
        struct stream *stream =
            fixture_stream(&fixture, "03:00.0", STREAM_ALTERNATE, target->bars[0].address, 64, 10, 1);
        stream->window_bytes = 4096;
        fixture_run(&fixture);
        const struct observed_peer *peers;
        uint32_t count = machine_observed_peers(fixture.machine, &peers);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
        ck_assert_uint_eq(count, 1);
        ck_assert_uint_eq(peers[0].target_id, target->id);
        ck_assert_uint_eq(peers[0].tlps, 10);
        ck_assert_uint_eq(machine_root_complex(fixture.machine)->peer_tlps, redirect ? 10 : 0);
        fixture_fini(&fixture);
    }
}
END_TEST

START_TEST(unmapped_addresses_fault_and_do_not_hang)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    fixture_stream(&fixture, "01:00.0", STREAM_ALTERNATE, 0x10000000, 64, 100, 8)->window_bytes = 131072;
    fixture.streams[0].stride_bytes = 4096;
    fixture.streams[0].pattern = PATTERN_STRIDED;
    fixture_translate(&fixture, "01:00.0", 0x10000000, 65536, 4096);
    fixture_run(&fixture);
    const struct stream_result *result = fixture_result(&fixture, 0);
    ck_assert_uint_eq(result->completed, 100);
    ck_assert_uint_eq(result->failed, 48); /* pages 16..31 of three whole rounds of 32 */
    ck_assert_uint_eq(machine_root_complex(fixture.machine)->faults, result->failed);
    fixture_fini(&fixture);
}
END_TEST

Suite *machine_suite(void)
{
    Suite *suite = suite_create("machine");
    TCase *tests = tcase_create("machine");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, unloaded_read_latency_is_the_sum_of_its_parts);
    tcase_add_test(tests, unloaded_write_latency_is_the_sum_of_its_parts);
    tcase_add_test(tests, ledger_parts_sum_to_the_latency);
    tcase_add_test(tests, saturated_links_carry_what_the_published_model_says);
    tcase_add_test(tests, splitting_gives_the_published_payload_rates);
    tcase_add_test(tests, credits_for_less_than_a_payload_are_refused);
    tcase_add_test(tests, two_streams_share_an_uplink_evenly);
    tcase_add_test(tests, the_same_run_twice_is_the_same);
    tcase_add_test(tests, nothing_is_lost_in_a_hostile_fabric);
    tcase_add_test(tests, peer_requests_stay_in_the_switch_or_are_redirected);
    tcase_add_test(tests, unmapped_addresses_fault_and_do_not_hang);
    suite_add_tcase(suite, tests);
    return suite;
}
