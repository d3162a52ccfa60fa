/* SPDX-License-Identifier: MIT */
/* Address Translation Services in a run: what a hit and a miss cost by hand, that invalidations wait for
 * devices, and what devices that lie or do not obey get through. */
#include "sim/base/arena.h"
#include "tests/unit/machine_fixture.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

Suite *ats_suite(void);

/* The fixture's parameters (machine_fixture.c). */
enum {
    LINK_PS = 50000,
    SWITCH_PS = 100000,
    ISSUE_PS = 30000,
    DONE_PS = 20000,
    REQUEST_PS = 70000,
    COMPLETION_PS = 40000,
    LLC_PS = 60000,
    CONTEXT_PS = 2000,
    IOTLB_PS = 5000,
    WALK_PS = 3000 + 100000 + 80000, /* walk caches, fixed part, the leaf entry */
    UNMAP_PS = 400000,
    ANSWER_PS = 25000,
};

/* A Gen3 x8 link with MPS 256: one TLP of `bytes` bytes, by the formula of the published link model. */
static uint64_t gen3_x8_ps(uint32_t bytes)
{
    double raw = 8e9 * 8 * 128 / 130, share = 1 - 2 * 8.0 / 203 - 4.0 / 1538;
    return (uint64_t)(bytes * 8 / (raw * share) * 1e12 + 0.5);
}

static void enable_ats(struct machine_fixture *fixture, const char *device)
{
    struct pci_function *function = &fixture->input.topology->functions[fixture_function(fixture, device)];
    function->ats = function->ats_enabled = true;
}

static const struct device_tlb *tlb_of(const struct machine_fixture *fixture, const char *device)
{
    return machine_engine(fixture->machine, fixture_function(fixture, device))->device_tlb;
}

static const char *const chains[] = {"rp(ep)", "rp(up(dp(ep)))", "rp(up(dp(up(dp(ep)))))"};
static const char *const deepest[] = {"01:00.0", "03:00.0", "05:00.0"};

/* One page: the first read asks for its translation, all later ones are sent translated and pass the unit
 * after a look at the context. */
START_TEST(a_hit_is_the_sum_of_its_parts)
{
    for (unsigned switches = 0; switches < 3; switches++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, chains[switches]);
        enable_ats(&fixture, deepest[switches]);
        fixture_translate(&fixture, deepest[switches], 0x10000000, 4096, 4096);
        struct stream *stream =
            fixture_stream(&fixture, deepest[switches], STREAM_READ, 0x10000000, 64, 63, 1);
        stream->window_bytes = 4096;
        stream->warmup_operations = 1;
        fixture_run(&fixture);
        uint64_t way_ps = (switches + 1) * LINK_PS + switches * SWITCH_PS;
        uint64_t expected = ISSUE_PS + gen3_x8_ps(8 + 16) + way_ps + REQUEST_PS + CONTEXT_PS + LLC_PS +
                            COMPLETION_PS + gen3_x8_ps(8 + 12 + 64) + way_ps + DONE_PS;
        const struct stream_result *result = fixture_result(&fixture, 0);
        ck_assert_uint_eq(result->latency.minimum, expected);
        ck_assert_uint_eq(result->latency.maximum, expected);
        const struct iommu_counters *counters = &machine_unit(fixture.machine, 0)->counters;
        ck_assert_uint_eq(counters->translation_requests, 0); /* after the warm-up */
        ck_assert_uint_eq(counters->translated_requests, 63);
        ck_assert_uint_eq(counters->requests, 63);
        ck_assert_uint_eq(tlb_of(&fixture, deepest[switches])->requests, 1);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Every read is on a page of its own: a round trip for the translation comes before it. */
START_TEST(a_miss_is_the_sum_of_its_parts)
{
    for (unsigned switches = 0; switches < 3; switches++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, chains[switches]);
        enable_ats(&fixture, deepest[switches]);
        fixture_translate(&fixture, deepest[switches], 0x10000000, 1 << 20, 4096);
        struct stream *stream =
            fixture_stream(&fixture, deepest[switches], STREAM_READ, 0x10000000, 64, 200, 1);
        stream->pattern = PATTERN_STRIDED;
        stream->stride_bytes = 4096;
        stream->window_bytes = 1 << 20;
        stream->warmup_operations = 1; /* fills context and walk caches */
        fixture_run(&fixture);
        uint64_t way_ps = (switches + 1) * LINK_PS + switches * SWITCH_PS;
        uint64_t ask_ps = gen3_x8_ps(8 + 12) + way_ps + REQUEST_PS + CONTEXT_PS + IOTLB_PS + WALK_PS +
                          COMPLETION_PS + gen3_x8_ps(8 + 12 + 8) + way_ps;
        uint64_t expected = ISSUE_PS + ask_ps + gen3_x8_ps(8 + 16) + way_ps + REQUEST_PS + CONTEXT_PS +
                            LLC_PS + COMPLETION_PS + gen3_x8_ps(8 + 12 + 64) + way_ps + DONE_PS;
        const struct stream_result *result = fixture_result(&fixture, 0);
        ck_assert_uint_eq(result->latency.minimum, expected);
        ck_assert_uint_eq(result->latency.maximum, expected);
        ck_assert(result->ledger[LEDGER_DEVICE_TLB] == (__uint128_t)ask_ps * 200);
        fixture_fini(&fixture);
    }
}
END_TEST

/* With a device TLB that holds everything the unit is asked once a page, whatever the operations look like.
 */
START_TEST(a_boundless_device_tlb_asks_once_a_page)
{
    for (unsigned seed = 1; seed <= 12; seed++) {
        struct machine_fixture fixture;
        srand(seed);
        fixture_init(&fixture, "rp(up(dp(ep)))");
        enable_ats(&fixture, "03:00.0");
        unsigned pages = 1 + (unsigned)rand() % 200;
        bool large = rand() % 2;
        uint64_t page = large ? 2 << 20 : 4096;
        fixture_translate(&fixture, "03:00.0", 0x10000000, pages * page, page);
        fixture.input.parameters.engines[fixture_function(&fixture, "03:00.0")].device_tlb_entries = 4096;
        struct stream *stream =
            fixture_stream(&fixture, "03:00.0", (enum stream_operation)(rand() % 3), 0x10000000,
                           1 + (uint64_t)rand() % 4096, 20 * pages, 1 + (uint32_t)rand() % 32);
        stream->window_bytes = pages * page;
        stream->pattern = PATTERN_STRIDED;
        stream->stride_bytes = page / 2;
        fixture_run(&fixture);
        const struct iommu_counters *counters = &machine_unit(fixture.machine, 0)->counters;
        if (large) /* a larger page may be asked for by several of its 4 KiB pages at once, before the first
                      answer */
            ck_assert_uint_le(counters->translation_requests, 40 * pages);
        else
            ck_assert_msg(counters->translation_requests == pages, "seed %u: %" PRIu64 " requests, %u pages",
                          seed, counters->translation_requests, pages);
        ck_assert_uint_eq(counters->faults, 0);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
        ck_assert_uint_eq(counters->requests, counters->translated_requests + counters->translation_requests);
        fixture_fini(&fixture);
    }
}
END_TEST

/* What is not mapped is refused by an answer, not by a fault: the device knows, nobody logs it. */
START_TEST(a_refused_translation_is_no_fault)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    enable_ats(&fixture, "01:00.0");
    fixture_translate(&fixture, "01:00.0", 0x10000000, 4096, 4096);
    struct stream *stream = fixture_stream(&fixture, "01:00.0", STREAM_ALTERNATE, 0x10000000, 4096, 40, 3);
    stream->window_bytes = 8192;
    fixture_run(&fixture);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 20);
    ck_assert_uint_eq(fault_log_seen(machine_fault_log(fixture.machine, 0)), 0);
    ck_assert_uint_ge(tlb_of(&fixture, "01:00.0")->refusals, 1);
    const struct refusal *refusals;
    uint32_t kinds = machine_refusals(fixture.machine, &refusals);
    ck_assert_uint_ge(kinds, 1);
    for (uint32_t i = 0; i < kinds; i++) {
        ck_assert(refusals[i].unsent && !refusals[i].answered && !refusals[i].fault);
        ck_assert_uint_eq(refusals[i].at_id, fixture_function(&fixture, "01:00.0"));
    }
    fixture_fini(&fixture);
}
END_TEST

/* Interrupt messages go out untranslated, whatever else the device has translated. */
START_TEST(interrupts_do_not_ask_for_translations)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    enable_ats(&fixture, "01:00.0");
    fixture_translate(&fixture, "01:00.0", 0x10000000, 4096, 4096);
    fixture_stream(&fixture, "01:00.0", STREAM_MSI, 0, 4, 20, 3);
    fixture_run(&fixture);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->recorded, 20);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
    ck_assert_uint_eq(tlb_of(&fixture, "01:00.0")->requests, 0);
    fixture_fini(&fixture);
}
END_TEST

/* Each TLP is looked up once for the counters: what waited for an answer was a miss, and no hit besides. */
START_TEST(a_request_hits_or_misses)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    enable_ats(&fixture, "01:00.0");
    fixture_translate(&fixture, "01:00.0", 0x10000000, 1 << 20, 4096);
    struct stream *stream = fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 3000, 4);
    stream->window_bytes = 1 << 20;
    stream->pattern = PATTERN_RANDOM;
    fixture_run(&fixture);
    const struct device_tlb *tlb = tlb_of(&fixture, "01:00.0");
    ck_assert_uint_eq(tlb->hits + tlb->misses, 3000);
    ck_assert_uint_gt(tlb->hits, 0);
    ck_assert_uint_gt(tlb->misses, 0);
    fixture_fini(&fixture);
}
END_TEST

/* ---- invalidation ---- */

static struct stream *per_use_stream(struct machine_fixture *fixture, const char *device,
                                     enum stream_operation operation, uint64_t size, uint64_t operations,
                                     uint32_t queue_depth)
{
    struct stream *stream = fixture_stream(fixture, device, operation, 0, size, operations, queue_depth);
    stream->buffers = BUFFERS_PER_USE;
    return stream;
}

static void make_dynamic(struct machine_fixture *fixture, const char *device, enum translation_mode mode)
{
    fixture_translate(fixture, device, 0x10000000, 4096, 4096);
    fixture->domains[fixture->workload.domain_count - 1].mode = mode;
    enable_ats(fixture, device);
}

/* Submit, two descriptors; the message down, the device's time, the answer up (which the root complex takes
 * like a posted write); the wait descriptor was carried out meanwhile. */
START_TEST(a_strict_unmap_waits_for_the_device)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    make_dynamic(&fixture, "01:00.0", TRANSLATION_STRICT);
    per_use_stream(&fixture, "01:00.0", STREAM_READ, 64, 10, 1);
    fixture_run(&fixture);
    uint64_t device_ps =
        gen3_x8_ps(8 + 16 + 8) + LINK_PS + ANSWER_PS + gen3_x8_ps(8 + 16) + LINK_PS + REQUEST_PS;
    const struct mapping_counters *counters = machine_mapping_counters(fixture.machine, 0);
    ck_assert_uint_eq(counters->unmap.minimum, UNMAP_PS + 11000 + 2 * 13000 + device_ps + 17000);
    ck_assert_uint_eq(counters->unmap.maximum, counters->unmap.minimum);
    ck_assert_uint_eq(machine_invalidation_queue(fixture.machine, 0)->descriptors[INVALIDATION_DEVICE_TLB],
                      10);
    ck_assert_uint_eq(tlb_of(&fixture, "01:00.0")->invalidations, 10);
    fixture_fini(&fixture);
}
END_TEST

static uint64_t seen(const struct machine_fixture *fixture, enum observed_kind kind)
{
    const struct observed_peer *peers;
    uint32_t count = machine_observed_peers(fixture->machine, &peers);
    uint64_t tlps = 0;
    for (uint32_t i = 0; i < count; i++)
        tlps += peers[i].kind == kind ? peers[i].tlps : 0;
    return tlps;
}

/* Whatever unit, device TLB and fabric look like: with an obedient device nothing taken back is reached after
 * a strict unmap, although the device comes back for it. */
START_TEST(strict_mode_leaves_no_stale_device_tlb)
{
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct machine_fixture fixture;
        srand(seed);
        fixture_init(&fixture, seed % 2 ? "rp(up(dp(ep) dp(ep)))" : "rp(ep) rp(ep)");
        const char *device = seed % 2 ? "03:00.0" : "01:00.0";
        make_dynamic(&fixture, device, TRANSLATION_STRICT);
        struct dma_engine_parameters *engine =
            &fixture.input.parameters.engines[fixture_function(&fixture, device)];
        engine->device_tlb_entries = 1U << (rand() % 7);
        engine->translation_requests = 1 + (uint32_t)rand() % 16;
        engine->invalidation_answer_ps = (uint64_t)rand() % 500000;
        struct iommu_parameters *unit = &fixture.input.parameters.units[0];
        unit->walkers = 1 + (uint32_t)rand() % 4;
        unit->walk_read_ps = (uint64_t)rand() % 2000000;
        unit->invalidation_max_order = (uint32_t)rand() % 5;
        for (int i = 0; i < 3; i++) {
            struct stream *stream =
                per_use_stream(&fixture, device, (enum stream_operation)(rand() % 3),
                               1 + (uint64_t)rand() % 20000, 60, 1 + (uint32_t)rand() % 6);
            stream->cpu = (uint32_t)i % 2;
            stream->misbehaviour = MISBEHAVIOUR_USE_AFTER_UNMAP;
            stream->misbehaviour_delay_ps = (uint64_t)rand() % 3000000;
            stream->name = i == 0 ? "a" : i == 1 ? "b" : "c";
        }
        fixture_run(&fixture);
        ck_assert_msg(seen(&fixture, OBSERVED_STALE_DEVICE_TLB) == 0 &&
                          seen(&fixture, OBSERVED_STALE_IOTLB) == 0,
                      "seed %u: %" PRIu64 " stale accesses", seed, seen(&fixture, OBSERVED_STALE_DEVICE_TLB));
        ck_assert_uint_eq(machine_invalidation_queue(fixture.machine, 0)->timeouts, 0);
        fixture_fini(&fixture);
    }
}
END_TEST

START_TEST(a_device_that_keeps_its_translations_gets_through)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    make_dynamic(&fixture, "01:00.0", TRANSLATION_STRICT);
    struct stream *stream = per_use_stream(&fixture, "01:00.0", STREAM_WRITE, 64, 10, 1);
    stream->misbehaviour = MISBEHAVIOUR_KEEPS_TRANSLATIONS;
    fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0xfffff000, 64, 20, 1)->interval_ps = 2000000;
    fixture_run(&fixture);
    const struct observed_peer *peers;
    ck_assert_uint_eq(machine_observed_peers(fixture.machine, &peers), 1);
    ck_assert_uint_eq(peers[0].kind, OBSERVED_STALE_DEVICE_TLB);
    ck_assert_uint_eq(peers[0].target_id, NONE);
    ck_assert_uint_eq(peers[0].rule, RULE_ATS_TRUSTED);
    ck_assert_uint_gt(peers[0].last_ps, peers[0].first_ps);
    ck_assert_uint_eq(peers[0].bytes, peers[0].tlps * 64);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(a_device_that_never_answers_is_given_up)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    make_dynamic(&fixture, "01:00.0", TRANSLATION_STRICT);
    per_use_stream(&fixture, "01:00.0", STREAM_READ, 64, 3, 1)->misbehaviour = MISBEHAVIOUR_NEVER_ANSWERS;
    fixture_run(&fixture);
    ck_assert_uint_eq(machine_invalidation_queue(fixture.machine, 0)->timeouts, 3);
    ck_assert_uint_eq(machine_mapping_counters(fixture.machine, 0)->unmap.minimum,
                      UNMAP_PS + 11000 + 3 * 13000 + UINT64_C(1000000000) + 17000);
    fixture_fini(&fixture);
}
END_TEST

/* ---- lies and shortcuts ---- */

/* Translated requests with made-up addresses: memory gets them where the context allows ATS; the unit refuses
 * them where it does not; Translation Blocking at the port stops them in any case. */
START_TEST(a_liar_gets_through_where_ats_is_trusted)
{
    for (int variant = 0; variant < 3; variant++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        fixture_translate(&fixture, "01:00.0", 0x10000000, 4096, 4096);
        if (variant != 1)
            enable_ats(&fixture, "01:00.0");
        uint16_t acs[2] = {variant == 2 ? ACS_TRANSLATION_BLOCKING : 0, 0};
        struct pci_function *port = &fixture.input.topology->functions[0];
        port->acs.present = true;
        port->acs.capability = ACS_TRANSLATION_BLOCKING;
        fixture.options.acs_control = acs;
        fixture_stream(&fixture, "01:00.0", STREAM_ALTERNATE, UINT64_C(0x500000000), 64, 20, 1)
            ->misbehaviour = MISBEHAVIOUR_FORGED_TRANSLATION;
        fixture_run(&fixture);
        const struct fault_log *log = machine_fault_log(fixture.machine, 0);
        ck_assert_uint_eq(seen(&fixture, OBSERVED_FORGED), variant == 0 ? 20 : 0);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, variant == 0 ? 0 : 20);
        ck_assert_uint_eq(fault_log_seen(log), variant == 1 ? 20 : 0);
        if (variant == 1)
            ck_assert_uint_eq(log->kept[0].reason, IOMMU_FAULT_TRANSLATION_BLOCKED);
        fixture_fini(&fixture);
    }
}
END_TEST

/* A peer's BAR is mapped for the device: with Request Redirect its requests go by the root complex, unless
 * Direct Translated lets those with a translation through. Neither is a leak: the unit agreed. */
START_TEST(direct_translated_requests_stay_in_the_switch)
{
    for (int direct = 0; direct < 2; direct++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp[acs](up(dp[acs](ep) dp[acs](ep)))");
        const struct topology *topology = fixture.input.topology;
        fixture_translate(&fixture, "03:00.0", 0x10000000, 65536, 4096);
        fixture.mappings[0].physical =
            topology->functions[fixture_function(&fixture, "04:00.0")].bars[0].address;
        enable_ats(&fixture, "03:00.0");
        uint16_t *acs = arena_array(fixture.input.topology->arena, topology->function_count, sizeof(*acs));
        for (uint32_t f = 0; f < topology->function_count; f++) {
            fixture.input.topology->functions[f].acs.capability = 0x5f;
            acs[f] = topology->functions[f].acs.present
                         ? (uint16_t)(ACS_REQUEST_REDIRECT | ACS_UPSTREAM_FORWARDING |
                                      (direct ? ACS_DIRECT_TRANSLATED : 0))
                         : 0;
        }
        fixture.options.acs_control = acs;
        fixture_stream(&fixture, "03:00.0", STREAM_ALTERNATE, 0x10000000, 64, 100, 4);
        fixture_run(&fixture);
        const struct observed_peer *peers;
        ck_assert_uint_eq(machine_observed_peers(fixture.machine, &peers), 0);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
        ck_assert_uint_eq(machine_root_complex(fixture.machine)->peer_tlps, direct ? 0 : 100);
        fixture_fini(&fixture);
    }
}
END_TEST

Suite *ats_suite(void)
{
    Suite *suite = suite_create("ats");
    TCase *tests = tcase_create("ats");
    tcase_add_test(tests, a_hit_is_the_sum_of_its_parts);
    tcase_add_test(tests, a_miss_is_the_sum_of_its_parts);
    tcase_add_test(tests, a_boundless_device_tlb_asks_once_a_page);
    tcase_add_test(tests, a_refused_translation_is_no_fault);
    tcase_add_test(tests, interrupts_do_not_ask_for_translations);
    tcase_add_test(tests, a_request_hits_or_misses);
    tcase_add_test(tests, a_strict_unmap_waits_for_the_device);
    tcase_add_test(tests, strict_mode_leaves_no_stale_device_tlb);
    tcase_add_test(tests, a_device_that_keeps_its_translations_gets_through);
    tcase_add_test(tests, a_device_that_never_answers_is_given_up);
    tcase_add_test(tests, a_liar_gets_through_where_ats_is_trusted);
    tcase_add_test(tests, direct_translated_requests_stay_in_the_switch);
    suite_add_tcase(suite, tests);
    return suite;
}
