/* SPDX-License-Identifier: MIT */
/* Mapping and unmapping during a run: what it costs by hand, and that nothing taken back is reached in strict
 * mode. */
#include "models/host/flush_queue.h"
#include "sim/base/arena.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

Suite *mapping_suite(void);

/* The fixture's parameters (machine_fixture.c). */
enum {
    MAP_PS = 300000,
    UNMAP_PS = 400000,
    INVALIDATE_PS = 11000 + 2 * 13000 + 17000, /* submit, one descriptor and the wait, status seen */
    FLUSH_TIMEOUT_PS = 50000000,
};

/* ---- parts ---- */

/* Against a plain list of (set, key) pairs: what was removed is gone, what was not removed and never pushed
 * out is there. No set is ever full here, so that nothing is pushed out. */
START_TEST(removed_entries_are_gone_and_others_stay)
{
    static const uint32_t ways[] = {4, 0};
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct translation_cache cache;
        bool there[64] = {false};
        srand(seed);
        translation_cache_init(&cache, 256, ways[seed % 2], seed % 4 < 2 ? REPLACE_LRU : REPLACE_FIFO, seed,
                               "test");
        for (int step = 0; step < 2000; step++) {
            uint64_t key = (uint64_t)rand() % 64, value = 0;
            switch (rand() % 4) {
            case 0:
                translation_cache_remove(&cache, key, key);
                there[key] = false;
                break;
            case 1:
                if (rand() % 10)
                    break;
                translation_cache_remove_matching(&cache, 0x38, key);
                for (unsigned k = 0; k < 64; k++)
                    there[k] &= (k & 0x38) != (key & 0x38);
                break;
            default:
                if (!there[key])
                    translation_cache_insert(&cache, key, key, key + 1000);
                there[key] = true;
                break;
            }
            ck_assert_int_eq(translation_cache_find(&cache, key, key, &value), there[key]);
            ck_assert(!there[key] || value == key + 1000);
        }
        translation_cache_fini(&cache);
    }
}
END_TEST

START_TEST(a_flush_frees_what_was_queued_before_it_began)
{
    struct flush_queue queue;
    struct flush_entry entry = {.iova = 1};
    flush_queue_init(&queue, 4, 2);
    flush_queue_add(&queue, 0, &entry);
    queue.begun++;
    entry.iova = 2;
    flush_queue_add(&queue, 0, &entry); /* while the flush is under way */
    queue.finished++;
    ck_assert(flush_queue_take(&queue, 0, &entry));
    ck_assert_uint_eq(entry.iova, 1);
    ck_assert(!flush_queue_take(&queue, 0, &entry));
    ck_assert(!flush_queue_take(&queue, 1, &entry));
    flush_queue_add(&queue, 0, &entry);
    flush_queue_add(&queue, 0, &entry);
    ck_assert(flush_queue_room(&queue, 0) == 0); /* one place stays empty */
    flush_queue_fini(&queue);
}
END_TEST

START_TEST(the_smallest_aligned_power_of_two_covers_a_range)
{
    srand(1);
    for (int i = 0; i < 2000; i++) {
        uint64_t first = (uint64_t)rand() % 5000, pages = 1 + (uint64_t)rand() % 600;
        unsigned order = invalidation_order(first << 12, pages << 12);
        uint64_t size = UINT64_C(1) << order, base = first & ~(size - 1);
        ck_assert(base <= first && first + pages <= base + size);
        if (order) {
            uint64_t half = size / 2, half_base = first & ~(half - 1);
            ck_assert(first + pages > half_base + half);
        }
    }
}
END_TEST

/* ---- in a machine ---- */

static void make_dynamic(struct machine_fixture *fixture, const char *device, enum translation_mode mode)
{
    fixture_translate(fixture, device, 0x10000000, 4096, 4096);
    fixture->domains[fixture->workload.domain_count - 1].mode = mode;
}

static struct stream *per_use_stream(struct machine_fixture *fixture, const char *device,
                                     enum stream_operation operation, uint64_t size, uint64_t operations,
                                     uint32_t queue_depth)
{
    struct stream *stream = fixture_stream(fixture, device, operation, 0, size, operations, queue_depth);
    stream->buffers = BUFFERS_PER_USE;
    return stream;
}

static const struct mapping_counters *counters(const struct machine_fixture *fixture)
{
    return machine_mapping_counters(fixture->machine, 0);
}

START_TEST(a_strict_unmap_is_the_sum_of_its_parts)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    make_dynamic(&fixture, "01:00.0", TRANSLATION_STRICT);
    per_use_stream(&fixture, "01:00.0", STREAM_WRITE, 1500, 20, 1);
    fixture_run(&fixture);
    ck_assert_uint_eq(counters(&fixture)->maps, 20);
    ck_assert_uint_eq(counters(&fixture)->unmaps, 20);
    ck_assert_uint_eq(counters(&fixture)->unmap.minimum, UNMAP_PS + INVALIDATE_PS);
    ck_assert_uint_eq(counters(&fixture)->unmap.maximum, UNMAP_PS + INVALIDATE_PS);
    ck_assert_uint_eq(counters(&fixture)->window.count, 0);
    const struct invalidation_queue *queue = machine_invalidation_queue(fixture.machine, 0);
    ck_assert_uint_eq(queue->descriptors[INVALIDATION_IOTLB], 20);
    ck_assert_uint_eq(queue->descriptors[INVALIDATION_WAIT], 20);
    uint64_t busy_ps, spin_ps;
    machine_driver_time(fixture.machine, &busy_ps, &spin_ps);
    ck_assert_uint_eq(spin_ps, 20 * INVALIDATE_PS);
    ck_assert_uint_eq(busy_ps, 20 * (uint64_t)(MAP_PS + UNMAP_PS + INVALIDATE_PS));
    /* The first TLP of every operation walks: its page was invalidated. Writes of 1500 bytes are six TLPs. */
    ck_assert_uint_eq(machine_unit(fixture.machine, 0)->counters.faults, 0);
    ck_assert_uint_ge(machine_unit(fixture.machine, 0)->counters.iotlb_misses, 20);
    fixture_fini(&fixture);
}
END_TEST

/* What an invalidation takes to be complete everywhere counts from its being carried out; the wait descriptor
 * is fetched meanwhile. A queue in another socket's memory is gone to three and a half times. */
START_TEST(completion_and_distance_lengthen_an_invalidation)
{
    enum { COMPLETION_PS = 100000, CROSSING_PS = 60000 };
    for (int remote = 0; remote < 2; remote++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        make_dynamic(&fixture, "01:00.0", TRANSLATION_STRICT);
        fixture.input.parameters.units[0].invalidation_completion_ps = COMPLETION_PS;
        fixture.input.parameters.memory.remote_latency_ps = CROSSING_PS;
        fixture.input.parameters.memory.queues_remote = remote;
        per_use_stream(&fixture, "01:00.0", STREAM_WRITE, 64, 20, 1);
        fixture_run(&fixture);
        uint64_t expected =
            11000 + 13000 + COMPLETION_PS + 17000 + (remote ? 7 * (uint64_t)CROSSING_PS / 2 : 0);
        ck_assert_uint_eq(counters(&fixture)->unmap.minimum, UNMAP_PS + expected);
        ck_assert_uint_eq(counters(&fixture)->unmap.maximum, UNMAP_PS + expected);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Three buffers, unmapped one after the other: the timer begins with the first, its flush ends all windows.
 */
START_TEST(lazy_windows_end_with_the_timer)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    make_dynamic(&fixture, "01:00.0", TRANSLATION_LAZY);
    per_use_stream(&fixture, "01:00.0", STREAM_READ, 8192, 3, 1);
    fixture_run(&fixture);
    ck_assert_uint_eq(counters(&fixture)->unmap.maximum, UNMAP_PS);
    ck_assert_uint_eq(counters(&fixture)->flushes, 1);
    ck_assert_uint_eq(counters(&fixture)->flush_timeouts, 1);
    ck_assert_uint_eq(counters(&fixture)->window.count, 3);
    ck_assert_uint_eq(counters(&fixture)->window.maximum, FLUSH_TIMEOUT_PS + INVALIDATE_PS);
    ck_assert_uint_eq(counters(&fixture)->stale_bytes_high, 3 * 8192);
    ck_assert_uint_eq(counters(&fixture)->stale_bytes, 0);
    /* Each buffer is exposed as long as its window is open: bytes times the sum of the three. */
    ck_assert(machine_exposure(fixture.machine, 0) == 8192 * counters(&fixture)->window.total);
    fixture_fini(&fixture);
}
END_TEST

/* A ring of 8 holds 7: every eighth unmapping flushes. */
START_TEST(a_full_ring_flushes)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    make_dynamic(&fixture, "01:00.0", TRANSLATION_LAZY);
    fixture.input.parameters.dma_api.flush_timeout_ps = UINT64_C(1000000000000);
    per_use_stream(&fixture, "01:00.0", STREAM_READ, 4096, 71, 1);
    fixture_run(&fixture);
    ck_assert_uint_eq(counters(&fixture)->flushes, 10 + 1); /* and the timer's, after the end */
    ck_assert_uint_eq(counters(&fixture)->window.count,
                      71 - 10); /* the eighth is gone before its unmap returns */
    ck_assert_uint_eq(counters(&fixture)->stale_bytes_high, 7 * 4096);
    fixture_fini(&fixture);
}
END_TEST

static uint64_t stale_tlps(const struct machine_fixture *fixture)
{
    const struct observed_peer *peers;
    uint32_t count = machine_observed_peers(fixture->machine, &peers);
    uint64_t tlps = 0;
    for (uint32_t i = 0; i < count; i++)
        tlps += peers[i].kind == OBSERVED_STALE_IOTLB ? peers[i].tlps : 0;
    return tlps;
}

/* Whatever the unit looks like and however late the device comes back: after a strict unmap nothing is
 * reached through what was taken back. In lazy mode the same device gets through. */
START_TEST(strict_mode_leaves_no_stale_access)
{
    uint64_t lazy = 0;
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct machine_fixture fixture;
        srand(seed);
        bool strict = seed % 4 != 0;
        fixture_init(&fixture, "rp(up(dp(ep) dp(ep)))");
        make_dynamic(&fixture, "03:00.0", strict ? TRANSLATION_STRICT : TRANSLATION_LAZY);
        struct iommu_parameters *unit = &fixture.input.parameters.units[0];
        unit->walkers = 1 + (uint32_t)rand() % 4;
        unit->iotlb_entries = 1U << (rand() % 7);
        unit->merge_inflight = rand() % 2;
        unit->merge_consecutive = rand() % 2;
        unit->duplicate_fill = rand() % 2;
        unit->reserve_entry = rand() % 2;
        unit->walk_cache_leaves = rand() % 2;
        unit->walk_read_ps = (uint64_t)rand() % 2000000;
        unit->invalidation_hint = rand() % 2;
        unit->invalidation_max_order = (uint32_t)rand() % 5;
        for (int i = 0; i < 3; i++) {
            struct stream *stream =
                per_use_stream(&fixture, "03:00.0", (enum stream_operation)(rand() % 3),
                               1 + (uint64_t)rand() % 20000, 60, 1 + (uint32_t)rand() % 6);
            stream->cpu = (uint32_t)i % 2;
            stream->misbehaviour = MISBEHAVIOUR_USE_AFTER_UNMAP;
            stream->misbehaviour_delay_ps = (uint64_t)rand() % 3000000;
            stream->name = i == 0 ? "a" : i == 1 ? "b" : "c";
        }
        fixture_run(&fixture);
        if (strict)
            ck_assert_msg(stale_tlps(&fixture) == 0, "seed %u: %" PRIu64 " stale accesses", seed,
                          stale_tlps(&fixture));
        else
            lazy += stale_tlps(&fixture);
        for (uint32_t s = 0; s < 3; s++)
            ck_assert_uint_eq(fixture_result(&fixture, s)->late, 60);
        fixture_fini(&fixture);
    }
    ck_assert_uint_gt(lazy, 0);
}
END_TEST

/* A warm-up changes nothing of what is counted: all of it begins after it, and the time of CPUs ends with the
 * run, although lazy mode's flush comes 10 ms later. */
START_TEST(one_period_for_all_counters)
{
    for (int i = 0; i < 3; i++) {
        uint64_t busy_ps[2], spin_ps;
        enum translation_mode mode = i == 0   ? TRANSLATION_STRICT
                                     : i == 1 ? TRANSLATION_LAZY
                                              : TRANSLATION_OFF;
        for (int warmed = 0; warmed < 2; warmed++) {
            struct machine_fixture fixture;
            fixture_init(&fixture, "rp(ep)");
            fixture.input.parameters.dma_api.flush_queue_entries = 256;
            fixture.input.parameters.dma_api.flush_timeout_ps = UINT64_C(10000000000);
            if (mode != TRANSLATION_OFF)
                make_dynamic(&fixture, "01:00.0", mode);
            else
                fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")].dma_mask_bits = 32;
            per_use_stream(&fixture, "01:00.0", STREAM_READ, 8192, 40, 1)->warmup_operations =
                warmed ? 25 : 0;
            fixture_run(&fixture);
            machine_driver_time(fixture.machine, &busy_ps[warmed], &spin_ps);
            ck_assert_uint_eq(fixture_result(&fixture, 0)->buffers.pieces, 40);
            if (mode == TRANSLATION_OFF) {
                ck_assert_uint_eq(machine_swiotlb(fixture.machine)->counters.maps, 40);
                ck_assert_uint_eq(machine_swiotlb(fixture.machine)->counters.bytes_in, 40 * 8192);
                ck_assert_uint_eq(fixture_result(&fixture, 0)->buffers.bounced_bytes, 40 * 8192);
            } else {
                ck_assert_uint_eq(counters(&fixture)->maps, 40);
                ck_assert_uint_eq(counters(&fixture)->unmaps, 40);
                ck_assert_uint_eq(counters(&fixture)->unmap.count, 40);
                ck_assert_uint_eq(counters(&fixture)->bytes_unmapped, 40 * 8192);
            }
            if (mode == TRANSLATION_STRICT)
                ck_assert_uint_eq(machine_invalidation_queue(fixture.machine, 0)->batches, 40);
            if (mode == TRANSLATION_LAZY)
                ck_assert_uint_eq(spin_ps, 0);
            fixture_fini(&fixture);
        }
        ck_assert_uint_eq(busy_ps[0], busy_ps[1]);
    }
}
END_TEST

/* ---- from outside ---- */

static const char traced[] =
    "{\"format\": \"iommusim-scenario/1\", \"topology\": {\"format\": \"iommusim-topology/1\", \"iommus\": "
    "[{\"kind\": "
    "\"vt-d\"}], \"host_bridges\": [{\"functions\": [{\"functions\": [{}]}]}]}, \"workload\": {\"format\": "
    "\"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"mode\": \"lazy\", \"devices\": \"all\"}], "
    "\"streams\": "
    "[{\"name\": \"t\", \"trace\": \"t.trace\", \"pace\": \"closed\", \"queue_depth\": 4}]}}";

START_TEST(a_trace_maps_unmaps_and_invalidates)
{
    int status;
    program_write_file("s.json", traced);
    program_write_file("t.trace", "0,01:00.0,map,0x10000,8192,,w\n"
                                  "0,01:00.0,write,0x10000,64\n"
                                  "0,01:00.0,unmap,0x10000,8192\n"
                                  "0,01:00.0,write,0x10000,64\n" /* stale: the IOTLB still has it */
                                  "0,01:00.0,write,0x11000,64\n" /* was never in the IOTLB: faults */
                                  "0,01:00.0,invalidate,0,0\n"
                                  "0,01:00.0,write,0x10000,64\n"); /* faults */
    char *output = program_run("run s.json --format json --fail-on leak", &status);
    ck_assert_int_eq(status, 1);
    ck_assert_ptr_nonnull(strstr(output, "\"seen\": 2"));
    ck_assert_ptr_nonnull(
        strstr(output, "\"kind\": \"stale-iotlb\", \"source\": \"0000:01:00.0\", \"target\": \"memory\""));
    ck_assert_ptr_nonnull(strstr(output, "\"tlps\": 1, \"bytes\": 64"));
    ck_assert_ptr_nonnull(strstr(output, "\"bytes_unmapped\": 8192"));
    free(output);
}
END_TEST

START_TEST(wrong_lines_of_a_trace_are_refused)
{
    static const char *const lines[] = {
        "0,01:00.0,map,0x10000,100\n",       /* no whole page */
        "0,01:00.0,map,0x10000,4096,,x\n",   /* flags */
        "0,01:00.0,map,0x10000,4096,,r@5\n", /* physical address */
        "0,01:00.0,unmap,0x10000,4096\n",    /* not mapped */
        "0,01:00.0,map,0x10000,4096\n0,01:00.0,map,0x10000,4096\n",
        "0,01:00.0,invalidate,0x1000,0\n",
    };
    program_write_file("s.json", traced);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        int status;
        program_write_file("t.trace", lines[i]);
        free(program_run("run s.json", &status));
        ck_assert_msg(status == 2, "%s: exit status %d", lines[i], status);
    }
}
END_TEST

/* Two devices have the same address at the same time, as in any live trace: each group needs its own domain.
 */
START_TEST(a_live_trace_needs_a_domain_for_each_group)
{
    static const char text[] =
        "{\"format\": \"iommusim-scenario/1\", \"topology\": \"synthetic:rp[acs](ep) rp[acs](ep)\",\n"
        " \"workload\": {\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"h\", \"mode\": "
        "\"strict\", \"devices\": \"%s\"}],\n"
        "  \"streams\": [{\"name\": \"t\", \"trace\": \"two.trace\", \"pace\": \"closed\", \"queue_depth\": "
        "8}]}}";
    char together[600], apart[600];
    snprintf(together, sizeof(together), text, "all");
    snprintf(apart, sizeof(apart), text, "each");
    program_write_file("together.json", together);
    program_write_file("apart.json", apart);
    program_write_file("two.trace", "0,01:00.0,map,0xfffff000,4096,,r\n"
                                    "0,02:00.0,map,0xfffff000,4096,,r\n"
                                    "0,01:00.0,read,0xfffff000,4096\n"
                                    "0,02:00.0,read,0xfffff000,4096\n"
                                    "0,01:00.0,unmap,0xfffff000,4096\n"
                                    "0,02:00.0,unmap,0xfffff000,4096\n");
    program_expect("iommusim run together.json", 2, "\"devices\": \"each\"");
    program_expect("iommusim run apart.json", 0, "");
}
END_TEST

Suite *mapping_suite(void)
{
    Suite *suite = suite_create("mapping");
    TCase *tests = tcase_create("mapping");
    tcase_add_test(tests, removed_entries_are_gone_and_others_stay);
    tcase_add_test(tests, a_flush_frees_what_was_queued_before_it_began);
    tcase_add_test(tests, the_smallest_aligned_power_of_two_covers_a_range);
    tcase_add_test(tests, a_strict_unmap_is_the_sum_of_its_parts);
    tcase_add_test(tests, completion_and_distance_lengthen_an_invalidation);
    tcase_add_test(tests, lazy_windows_end_with_the_timer);
    tcase_add_test(tests, a_full_ring_flushes);
    tcase_add_test(tests, one_period_for_all_counters);
    tcase_add_test(tests, strict_mode_leaves_no_stale_access);
    suite_add_tcase(suite, tests);
    TCase *outside = tcase_create("outside");
    tcase_add_unchecked_fixture(outside, program_setup, program_teardown);
    tcase_add_test(outside, a_trace_maps_unmaps_and_invalidates);
    tcase_add_test(outside, a_live_trace_needs_a_domain_for_each_group);
    tcase_add_test(outside, wrong_lines_of_a_trace_are_refused);
    suite_add_tcase(suite, outside);
    return suite;
}
