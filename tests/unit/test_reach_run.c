/* SPDX-License-Identifier: MIT */
/*
 * The leak report and the simulation cannot disagree: on random machines every function writes to and reads
 * from every function it can address, all at once, with buffers of one TLP. What the static answer says
 * arrives at a function arrives there, and nothing else does; and all of it ends.
 */
#include "models/pcie/fabric_acs.h"
#include "sim/analysis/reach.h"
#include "sim/base/arena.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/random_fabric.h"
#include "tests/unit/random_machine.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

Suite *reach_run_suite(void);

/* Sanitizers make a machine cost ten times as much. */
#ifdef __SANITIZE_ADDRESS__
enum { FABRICS = 60 };
#else
enum { FABRICS = 650 };
#endif

/* One machine, and what is expected of it. */
struct comparison {
    struct machine_fixture fixture;
    struct reach reach;
    bool *expected;               /* [source * functions + target] something of the source arrives there */
    struct reach_result *answers; /* [stream] */
};

static void comparison_init(struct comparison *comparison, const char *text)
{
    struct machine_fixture *fixture = &comparison->fixture;
    fixture_init(fixture, text);
    for (uint32_t f = 0; f < fixture->input.topology->function_count; f++) {
        struct link_parameters *link = &fixture->input.parameters.links[f];
        link->posted_header_credits = link->nonposted_header_credits = link->completion_header_credits = 1;
    }
}

/* @param iommu  an IOMMU that maps nothing; without it the root complex sends on what comes up */
static void comparison_ask(struct comparison *comparison, bool iommu)
{
    const struct topology *topology = comparison->fixture.input.topology;
    uint32_t count = topology->function_count;
    uint16_t *in_force = arena_array(topology->arena, count, sizeof(*in_force));
    fabric_acs_in_force(topology, NULL, true, in_force);
    comparison->reach = (struct reach){.fabric = fabric_new(topology->arena, topology, in_force)};
    comparison->fixture.options.acs_control = in_force;
    comparison->expected = arena_array(topology->arena, (size_t)count * count, sizeof(bool));
    comparison->answers = arena_array(topology->arena, (size_t)count * count, sizeof(struct reach_result));
    if (iommu)
        fixture_translate_nothing(&comparison->fixture);
    else
        comparison->reach.translated = arena_array(topology->arena, count, sizeof(bool));
}

static void load_pairs(struct comparison *comparison)
{
    struct machine_fixture *fixture = &comparison->fixture;
    const struct topology *topology = fixture->input.topology;
    for (uint32_t a = 0; a < topology->function_count; a++) {
        const struct pci_function *source = &topology->functions[a];
        char address[BDF_TEXT_SIZE];
        bdf_print(address, source->segment, source->bus, source->devfn);
        for (uint32_t b = 0; b < topology->function_count && source->header_type == 0; b++) {
            struct reach_result result = reach_pair(&comparison->reach, a, b);
            if (result.outcome == REACH_NOT_APPLICABLE)
                continue;
            if (result.outcome >= REACH_MISDELIVERED && result.end_id != NONE)
                comparison->expected[a * topology->function_count + result.end_id] = true;
            comparison->answers[fixture->workload.stream_count] = result;
            fixture_stream(fixture, address, STREAM_ALTERNATE, result.address, 64, 2, 2)->window_bytes = 64;
        }
    }
}

static void compare_arrivals(const struct comparison *comparison, const char *text, uint64_t seed)
{
    uint32_t functions = comparison->fixture.input.topology->function_count;
    const struct observed_peer *peers;
    uint32_t count = machine_observed_peers(comparison->fixture.machine, &peers);
    bool *arrived = memory_array((size_t)functions * functions, sizeof(bool));
    for (uint32_t p = 0; p < count; p++) {
        if (peers[p].target_id != NONE)
            arrived[peers[p].source_id * functions + peers[p].target_id] = true;
    }
    for (uint32_t i = 0; i < functions * functions; i++)
        ck_assert_msg(arrived[i] == comparison->expected[i],
                      "seed %" PRIu64 ": requests of %" PRIu32 " %s %" PRIu32 " by the static answer, in the "
                      "run they %s: synthetic:%s",
                      seed, i / functions, comparison->expected[i] ? "reach" : "do not reach", i % functions,
                      arrived[i] ? "do" : "do not", text);
    free(arrived);
}

/* Of a write and a read that arrive, the read may fail: ports that redirect completions but do not forward
 * lose them. What is blocked fails; what goes to an IOMMU that maps nothing, too. */
static void compare_failures(const struct comparison *comparison, const char *text, uint64_t seed)
{
    for (uint32_t i = 0; i < comparison->fixture.workload.stream_count; i++) {
        const struct stream_result *result = fixture_result(&comparison->fixture, i);
        bool arrives = comparison->answers[i].outcome >= REACH_MISDELIVERED;
        ck_assert_msg(
            result->completed == 2 && (arrives ? result->failed <= 1 : result->failed == 2),
            "seed %" PRIu64 ", stream %" PRIu32 ": %s, %" PRIu64 " of %" PRIu64 " failed: synthetic:%s", seed,
            i, reach_outcome_name(comparison->answers[i].outcome), result->failed, result->completed, text);
    }
}

static void compare(struct comparison *comparison, const char *text, uint64_t seed, bool iommu)
{
    comparison_ask(comparison, iommu);
    load_pairs(comparison);
    if (comparison->fixture.workload.stream_count) {
        fixture_run(&comparison->fixture);
        compare_arrivals(comparison, text, seed);
        compare_failures(comparison, text, seed);
    }
    fixture_fini(&comparison->fixture);
}

START_TEST(the_run_agrees_on_ordinary_machines)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        char *text = random_machine_text(seed, 20);
        struct comparison comparison;
        comparison_init(&comparison, text);
        compare(&comparison, text, seed, true);
        free(text);
    }
}
END_TEST

/* Machines with everything: BARs of ports and bridges, host bridges of different minds, VMD domains, PCI-X,
 * egress control, functions that do not decode; behind an IOMMU and without one. */
START_TEST(the_run_agrees_on_machines_with_everything)
{
    for (uint64_t seed = 1; seed <= FABRICS; seed++) {
        struct random_fabric random = {.seed = seed, .enhanced_egress = seed % 2, .platforms = seed % 3};
        struct text_buffer line = {0};
        struct comparison comparison;
        random_fabric_write(&random, &line);
        comparison_init(&comparison, text_buffer_get(&line));
        random_fabric_embellish(comparison.fixture.input.topology, seed);
        compare(&comparison, line.text, seed, seed / 2 % 2);
        text_buffer_fini(&line);
    }
}
END_TEST

Suite *reach_run_suite(void)
{
    Suite *suite = suite_create("reach_run");
    TCase *tests = tcase_create("reach_run");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, the_run_agrees_on_ordinary_machines);
    tcase_add_test(tests, the_run_agrees_on_machines_with_everything);
    suite_add_tcase(suite, tests);
    return suite;
}
