/* SPDX-License-Identifier: MIT */
/* Decisions that are kept for the TLPs that follow: on random machines a run with them is a run without. */
#include "models/pcie/fabric_acs.h"
#include "models/pcie/route_memo.h"
#include "sim/base/arena.h"
#include "sim/kernel/random.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/random_machine.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

Suite *route_memo_suite(void);

enum { SEEDS = 60, FUNCTIONS = 24, STREAMS = 60 };

/* Somewhere: a BAR of whatever function, its neighbourhood, memory, or the interrupt window's. */
static uint64_t random_address(struct random_stream *random, const struct fabric *fabric)
{
    static const uint64_t places[] = {0x10000000, 0x140000000, ROUTE_MSI_BASE, ROUTE_MSI_BASE - 4096,
                                      ROUTE_MSI_LIMIT + 1};
    const struct fabric_node *node = &fabric->nodes[random_below(random, fabric->topology->function_count)];
    if (!node->bar_count || random_below(random, 4) == 0)
        return places[random_below(random, 5)];
    const struct fabric_bar *bar = &fabric->bars[node->bar_first + random_below(random, node->bar_count)];
    uint64_t address = bar->base & ~UINT64_C(0xfff);
    return random_below(random, 4) ? address : address + (bar->limit - bar->base) + 1;
}

static void load(struct machine_fixture *fixture, const char *text, uint64_t seed)
{
    struct random_stream random;
    fixture_init(fixture, text);
    const struct topology *topology = fixture->input.topology;
    uint16_t *in_force = arena_array(topology->arena, topology->function_count, sizeof(*in_force));
    fabric_acs_in_force(topology, NULL, true, in_force);
    fixture->options.acs_control = in_force;
    const struct fabric *fabric = fabric_new(topology->arena, topology, in_force);
    random_init(&random, seed, "memo");
    for (int i = 0; i < STREAMS; i++) {
        const struct pci_function *source =
            &topology->functions[random_below(&random, topology->function_count)];
        char address[BDF_TEXT_SIZE];
        if (source->header_type != 0)
            continue;
        bdf_print(address, source->segment, source->bus, source->devfn);
        struct stream *stream =
            fixture_stream(fixture, address, STREAM_ALTERNATE, random_address(&random, fabric), 64,
                           4 + random_below(&random, 8), 2);
        stream->window_bytes = 8192; /* over the end of small BARs */
        stream->stride_bytes = 1024;
        stream->pattern = PATTERN_STRIDED;
    }
    for (uint32_t f = 0; f < topology->function_count; f++)
        fixture->input.parameters.engines[f].relaxed_ordering = random_below(&random, 3) == 0;
    if (seed % 3 == 0)
        fixture_translate_nothing(fixture);
}

static void compare(const struct machine_fixture *kept, const struct machine_fixture *anew, uint64_t seed)
{
    const struct observed_peer *peers[2];
    const struct transport *transports[] = {machine_transport(kept->machine),
                                            machine_transport(anew->machine)};
    uint32_t count = machine_observed_peers(kept->machine, &peers[0]);
    ck_assert_msg(machine_events(kept->machine) == machine_events(anew->machine), "seed %" PRIu64, seed);
    ck_assert_uint_eq(machine_end_ps(kept->machine), machine_end_ps(anew->machine));
    ck_assert_uint_eq(count, machine_observed_peers(anew->machine, &peers[1]));
    for (uint32_t i = 0; i < count; i++)
        ck_assert_msg(peers[0][i].source_id == peers[1][i].source_id &&
                          peers[0][i].target_id == peers[1][i].target_id &&
                          peers[0][i].at_id == peers[1][i].at_id && peers[0][i].rule == peers[1][i].rule &&
                          peers[0][i].tlps == peers[1][i].tlps,
                      "seed %" PRIu64 ": what peers saw", seed);
    for (uint32_t c = 0; c < transports[0]->channel_count; c++)
        ck_assert_uint_eq(transports[0]->channels[c].tlps, transports[1]->channels[c].tlps);
    for (uint32_t s = 0; s < kept->workload.stream_count; s++)
        ck_assert_msg(
            memcmp(fixture_result(kept, s), fixture_result(anew, s), sizeof(struct stream_result)) == 0,
            "seed %" PRIu64 ": stream %" PRIu32, seed, s);
}

START_TEST(what_is_kept_is_what_would_be_decided)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct machine_fixture kept, anew;
        char *text = random_machine_text(seed, FUNCTIONS);
        load(&kept, text, seed);
        load(&anew, text, seed);
        anew.options.no_memos = true;
        if (kept.workload.stream_count) {
            fixture_run(&kept);
            fixture_run(&anew);
            ck_assert_ptr_null(machine_transport(anew.machine)->memos);
            compare(&kept, &anew, seed);
        }
        fixture_fini(&kept);
        fixture_fini(&anew);
        free(text);
    }
}
END_TEST

Suite *route_memo_suite(void)
{
    Suite *suite = suite_create("route_memo");
    TCase *tests = tcase_create("route_memo");
    tcase_add_test(tests, what_is_kept_is_what_would_be_decided);
    suite_add_tcase(suite, tests);
    return suite;
}
