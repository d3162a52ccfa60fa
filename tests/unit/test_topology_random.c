/* SPDX-License-Identifier: MIT */
/* What holds for every machine, tried on random ones. A failure prints the seed. */
#include "sim/topology/synthetic.h"
#include "sim/topology/topology_build.h"
#include "tests/unit/random_machine.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

Suite *topology_random_suite(void);

static struct topology *build_random(uint64_t seed, unsigned functions, char **text)
{
    *text = random_machine_text(seed, functions);
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = synthetic_parse("random", *text, diagnostics);
    if (!topology || diagnostics_warnings(diagnostics)) {
        diagnostics_print(diagnostics, stdout);
        ck_abort_msg("seed %" PRIu64 ": %s", seed, *text);
    }
    diagnostics_free(diagnostics);
    return topology;
}

/* The rank of a function in the order of the kernel: boot-time functions, then VFs. */
static void check_order(const struct topology *topology, uint64_t seed)
{
    bool vfs = false;
    const struct pci_function *before = NULL;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        const struct pci_function *parent = topology_parent(topology, function);
        ck_assert_msg(!parent || parent->id < i, "seed %" PRIu64 ": child before its parent", seed);
        ck_assert_msg(!vfs || function->is_vf, "seed %" PRIu64 ": a function after VFs", seed);
        vfs = function->is_vf;
        if (before && before->bus_id == function->bus_id && !function->is_vf)
            ck_assert_msg(before->devfn < function->devfn, "seed %" PRIu64 ": devfn order", seed);
        ck_assert(topology_find(topology, function->segment, function->bus, function->devfn) == function);
        ck_assert(topology_is_ancestor(topology, topology_root_function(topology, function), function));
        before = function;
    }
    uint32_t on_buses = 0;
    for (uint32_t i = 0; i < topology->bus_count; i++)
        on_buses += topology->buses[i].function_count;
    ck_assert_msg(on_buses == topology->function_count, "seed %" PRIu64, seed);
}

/* Slow and plain: every pair of BARs, every BAR against every bridge above. */
static void check_bars(const struct topology *topology, uint64_t seed)
{
    for (uint32_t i = 0; i < topology->function_count * 6; i++) {
        const struct pci_function *a = &topology->functions[i / 6];
        const struct bar *one = &a->bars[i % 6];
        if (one->kind == BAR_NONE)
            continue;
        uint64_t limit = one->address + one->size - 1;
        ck_assert_msg(one->assigned && one->address % one->size == 0, "seed %" PRIu64, seed);
        ck_assert(one->kind == BAR_MEMORY64 || limit < 0xfe000000);
        for (uint32_t j = i + 1; j < topology->function_count * 6; j++) {
            const struct bar *other = &topology->functions[j / 6].bars[j % 6];
            if (other->kind != BAR_NONE)
                ck_assert_msg(limit < other->address || other->address + other->size - 1 < one->address,
                              "seed %" PRIu64 ": functions %u and %u", seed, i / 6, j / 6);
        }
        for (const struct pci_function *up = topology_parent(topology, a); up;
             up = topology_parent(topology, up)) {
            const struct window *window =
                one->kind == BAR_MEMORY64 ? &up->prefetchable_window : &up->memory_window;
            ck_assert_msg(window->open && window->base <= one->address && limit <= window->limit,
                          "seed %" PRIu64 ": function %u", seed, i / 6);
        }
        const struct host_bridge *host = &topology->host_bridges[topology->buses[a->bus_id].host_bridge_id];
        unsigned holding = 0;
        for (uint32_t w = 0; w < host->window_count; w++)
            holding += host->windows[w].base <= one->address && limit <= host->windows[w].limit;
        ck_assert_msg(holding == 1, "seed %" PRIu64, seed);
    }
}

START_TEST(random_machines_are_sound)
{
    uint64_t total = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        char *text;
        struct topology *topology = build_random(seed, 1 + (unsigned)(seed * 7 % 160), &text);
        check_order(topology, seed);
        check_bars(topology, seed);
        total += topology->function_count;
        topology_free(topology);
        free(text);
    }
    ck_assert_uint_gt(total, 5000);
}
END_TEST

START_TEST(the_same_text_gives_the_same_machine)
{
    char *text, *again;
    struct topology *one = build_random(42, 300, &text), *two = build_random(42, 300, &again);
    ck_assert_str_eq(text, again);
    ck_assert_uint_eq(one->function_count, two->function_count);
    for (uint32_t i = 0; i < one->function_count; i++) {
        const struct pci_function *a = &one->functions[i], *b = &two->functions[i];
        ck_assert(a->bus == b->bus && a->devfn == b->devfn && a->bars[0].address == b->bars[0].address);
    }
    topology_free(one);
    topology_free(two);
    free(text);
    free(again);
}
END_TEST

START_TEST(large_machines_build_quickly)
{
    /* 16 segments of 256 functions, half of them behind switches. */
    char text[2048];
    size_t length = 0;
    for (unsigned segment = 0; segment < 16; segment++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%sbus=0: ", segment ? "|" : "");
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "rp*7[seg=%x](up(dp*16(ep))) rciep*18 ", segment);
    }
    struct diagnostics *diagnostics = diagnostics_new(20);
    clock_t start = clock();
    struct topology *topology = synthetic_parse("large", text, diagnostics);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    diagnostics_print(diagnostics, stdout);
    ck_assert_ptr_nonnull(topology);
    ck_assert_uint_eq(topology->function_count, 4096);
    /* a generous bound, that anything quadratic over functions still breaks under a sanitizer */
    ck_assert_msg(seconds < 0.5, "%.3f s", seconds);
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

Suite *topology_random_suite(void)
{
    Suite *suite = suite_create("topology_random");
    TCase *tests = tcase_create("topology_random");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, random_machines_are_sound);
    tcase_add_test(tests, the_same_text_gives_the_same_machine);
    tcase_add_test(tests, large_machines_build_quickly);
    suite_add_tcase(suite, tests);
    return suite;
}
