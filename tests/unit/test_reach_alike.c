/* SPDX-License-Identifier: MIT */
/*
 * What is answered once for functions that are alike is what each would be answered by itself: on random
 * machines, for every pair and every way, also where BARs and windows contradict each other.
 */
#include "sim/analysis/reach_alike.h"
#include "sim/analysis/reach_identity.h"
#include "sim/analysis/reach_ways.h"
#include "sim/base/arena.h"
#include "tests/unit/random_fabric.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

Suite *reach_alike_suite(void);

/* Sanitizers make a machine cost ten times as much. */
#ifdef __SANITIZE_ADDRESS__
enum { MACHINES = 40 };
#else
enum { MACHINES = 120 };
#endif

enum { SALT = 40 };

/** Devices of many functions and VFs, which have something to be alike in. */
static void write_machine(struct random_fabric *random, struct text_buffer *line)
{
    random_fabric_write(random, line);
    if (random_fabric_next(random, 3) == 0) /* on the first host bridge */
        return;
    text_buffer_format(line,
                       " rp@1c[acs](ep[mf] ep@.1 ep@.2[acs=c:0] ep@.3[vf=%u]) rp@1d(up(dp(ep[mf] ep@.1)))",
                       1 + random_fabric_next(random, 5));
}

/** Move some BARs and windows where they do not belong. */
static void contradict(struct topology *topology, uint64_t seed)
{
    for (uint32_t f = 0; f < topology->function_count; f++) {
        struct pci_function *function = &topology->functions[f];
        uint32_t other = random_fabric_dice(seed, function, SALT, topology->function_count);
        const struct pci_function *from = &topology->functions[other];
        uint32_t dice = random_fabric_dice(seed, function, SALT + 1, 100);
        if (dice < 6 && from->bars[0].assigned && function->bars[0].assigned)
            function->bars[0].address = from->bars[0].address & ~(function->bars[0].size - 1);
        else if (dice < 12 && function->header_type == 1 && from->header_type == 1)
            function->memory_window = from->memory_window;
        else if (dice < 14 && function->header_type == 1)
            function->memory_window = (struct window){true, 0xc0000000, 0xc03fffff};
    }
}

static struct reach ask_of(struct topology *topology, uint64_t seed)
{
    uint32_t count = topology->function_count;
    struct reach reach = {.fabric = fabric_new(topology->arena, topology, NULL)};
    bool *translated = arena_array(topology->arena, count, sizeof(bool));
    bool *ats = arena_array(topology->arena, count, sizeof(bool));
    for (uint32_t f = 0; f < count; f++) {
        translated[f] = seed % 3 && random_fabric_dice(seed, &topology->functions[f], SALT + 2, 10) > 0;
        ats[f] = translated[f] && random_fabric_dice(seed, &topology->functions[f], SALT + 3, 3) == 0;
    }
    reach.translated = translated;
    reach.ats = ats;
    return reach;
}

static bool same(const struct reach_result *a, const struct reach_result *b)
{
    return a->outcome == b->outcome && a->absence == b->absence && a->bar == b->bar &&
           a->address == b->address && a->rule == b->rule && a->at_id == b->at_id &&
           a->turn_rule == b->turn_rule && a->turn_id == b->turn_id && a->end_id == b->end_id &&
           a->error == b->error && a->segment == b->segment && a->through_root == b->through_root &&
           a->steps == b->steps;
}

/** @return pairs that were answered by others' answers */
static uint64_t compare_way(const struct reach *reach, const struct reach_alike *alike, struct reach_way way,
                            struct arena *arena, const char *about)
{
    struct reach_table *table = reach_table_new(arena, reach, alike, way);
    uint32_t count = reach->fabric->topology->function_count;
    uint64_t shared = 0;
    for (uint32_t s = 0; s < count; s++) {
        for (uint32_t t = 0; t < count; t++) {
            struct reach_result plain = reach_pair_by(reach, s, t, way), asked = reach_table_ask(table, s, t);
            char text[REACH_WAY_TEXT];
            ck_assert_msg(same(&plain, &asked) && reach_table_outcome(table, s, t) == plain.outcome,
                          "%s: %s of %u to %u: %s by %s at %u, or %s by %s at %u", about,
                          reach_way_print(text, way), s, t, reach_outcome_name(plain.outcome),
                          route_rule_name(plain.rule), plain.at_id, reach_outcome_name(asked.outcome),
                          route_rule_name(asked.rule), asked.at_id);
            shared += plain.outcome > REACH_NOT_APPLICABLE;
        }
    }
    return shared;
}

/** Forging, as interrupts_ask() shares it. */
static void compare_forging(const struct reach *reach, const struct reach_alike *alike, const char *about)
{
    uint32_t count = reach->fabric->topology->function_count;
    uint8_t *known = memory_array((size_t)alike->count * alike->count, 1);
    for (uint32_t s = 0; s < count; s++) {
        for (uint32_t v = 0; v < count; v++) {
            uint8_t *cell = &known[(size_t)alike->class_of[s] * alike->count + alike->class_of[v]];
            uint8_t answer = reach_as(reach, s, v).outcome == REACH_REACHES ? 2 : 1;
            ck_assert_msg(s == v || !reach_alike_forgeable(reach->fabric->topology, s, v) || !*cell ||
                              *cell == answer,
                          "%s: %u as %u", about, s, v);
            if (s != v && reach_alike_forgeable(reach->fabric->topology, s, v))
                *cell = answer;
        }
    }
    free(known);
}

START_TEST(functions_that_are_alike_have_the_same_answers)
{
    uint64_t functions = 0, classes = 0, applicable = 0;
    for (uint64_t seed = 0; seed < MACHINES; seed++) {
        struct random_fabric random = {.seed = seed, .enhanced_egress = seed % 2, .platforms = seed % 5 == 0};
        struct text_buffer line = {0};
        write_machine(&random, &line);
        struct topology *topology = random_fabric_build(text_buffer_get(&line), seed);
        ck_assert_msg(topology != NULL, "%s", line.text);
        if (seed % 4 == 3)
            contradict(topology, seed);
        struct reach reach = ask_of(topology, seed);
        struct reach_alike *alike = reach_alike_new(topology->arena, &reach);
        char about[40];
        snprintf(about, sizeof(about), "seed %" PRIu64, seed);
        for (int way = 0; way < REACH_WAYS; way++)
            applicable += compare_way(&reach, alike, reach_ways[way], topology->arena, about);
        compare_forging(&reach, alike, about);
        functions += topology->function_count;
        classes += alike->count;
        topology_free(topology);
        text_buffer_fini(&line);
    }
    ck_assert_uint_lt(classes, functions * 19 / 20);
    ck_assert_uint_gt(applicable, 60000);
}
END_TEST

Suite *reach_alike_suite(void)
{
    Suite *suite = suite_create("reach_alike");
    TCase *tests = tcase_create("reach_alike");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, functions_that_are_alike_have_the_same_answers);
    suite_add_tcase(suite, tests);
    return suite;
}
