/* SPDX-License-Identifier: MIT */
/* Where BARs and windows without addresses go, and the sets of ranges that find the room. */
#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/topology/range_set.h"
#include "sim/topology/synthetic.h"
#include "sim/topology/topology_build.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

Suite *address_map_suite(void);

START_TEST(ranges_join_and_leave_gaps)
{
    struct range_set set = {0};
    uint64_t base = 7;
    range_set_settle(&set);
    ck_assert(range_set_gap(&set, 0x100, 0x1ff, 0x100, 0x100, &base) && base == 0x100);
    ck_assert(!range_set_gap(&set, 0x100, 0x1fe, 0x100, 0x100, &base));
    range_set_add(&set, 0x3000, 0x3fff);
    range_set_add(&set, 0x1000, 0x1fff);
    range_set_add(&set, 0x1800, 0x27ff); /* overlaps */
    range_set_add(&set, 0x4000, 0x4fff); /* touches */
    range_set_settle(&set);
    ck_assert_uint_eq(set.count, 2);
    ck_assert(set.ranges[0].base == 0x1000 && set.ranges[0].limit == 0x27ff);
    ck_assert(set.ranges[1].base == 0x3000 && set.ranges[1].limit == 0x4fff);
    ck_assert(range_set_gap(&set, 0x1000, 0xffff, 0x800, 0x800, &base) && base == 0x2800);
    ck_assert(range_set_gap(&set, 0x1000, 0xffff, 0x800, 0x1000, &base) && base == 0x5000);
    ck_assert(range_set_gap(&set, 0x2900, 0xffff, 0x600, 0x100, &base) && base == 0x2900);
    ck_assert(!range_set_gap(&set, 0x1000, 0x4fff, 0x801, 1, &base) && base == 0x2900);
    range_set_insert(&set, 0x2800, 0x2fff);
    ck_assert(set.count == 1 && set.ranges[0].limit == 0x4fff);
    range_set_insert(&set, UINT64_MAX - 1, UINT64_MAX);
    range_set_insert(&set, 0, 0);
    ck_assert(set.count == 3 && set.ranges[0].base == 0);
    ck_assert(!range_set_gap(&set, UINT64_MAX - 5, UINT64_MAX, 8, 1, &base));
    ck_assert(range_set_gap(&set, UINT64_MAX - 5, UINT64_MAX, 4, 1, &base) && base == UINT64_MAX - 5);
    range_set_insert(&set, 1, UINT64_MAX - 3);
    ck_assert_uint_eq(set.count, 2);
    range_set_fini(&set);
}
END_TEST

/* "bb:dd.f 0=address ... m=base-limit p=base-limit; " for every function. */
static char *addresses_text(const struct topology *topology)
{
    struct text_buffer out = {0};
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        char text[BDF_TEXT_SIZE];
        text_buffer_format(&out, "%s%s", i ? "; " : "",
                           bdf_print(text, 0, function->bus, function->devfn) + 5);
        for (unsigned b = 0; b < BAR_COUNT; b++) {
            if (function->bars[b].assigned)
                text_buffer_format(&out, " %u=%" PRIx64, b, function->bars[b].address);
        }
        const struct window *memory = &function->memory_window, *high = &function->prefetchable_window;
        if (memory->open)
            text_buffer_format(&out, " m=%" PRIx64 "-%" PRIx64, memory->base, memory->limit);
        if (high->open)
            text_buffer_format(&out, " p=%" PRIx64 "-%" PRIx64, high->base, high->limit);
    }
    char *copy = strdup(text_buffer_get(&out));
    text_buffer_fini(&out);
    return copy;
}

START_TEST(addresses_follow_size_then_order)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"rciep", "00:00.0 0=4000000000"},
        {"pci", "00:00.0 0=c0000000"},
        {"rp(ep)", "00:00.0 p=4000000000-40000fffff; 01:00.0 0=4000000000"},
        {"rp(lep)", "00:00.0 m=c0000000-c00fffff; 01:00.0 0=c0000000"},
        {"rp", "00:00.0"},
        /* the larger first, the window as large as needed */
        {"rp(ep[bar=4KiB,bar=16MiB])", "00:00.0 p=4000000000-40010fffff; 01:00.0 0=4001000000 2=4000000000"},
        /* a window begins at the alignment of the largest BAR in it */
        {"rciep[bar=1MiB] rp(up(dp(ep[bar=256MiB]) dp(pci)))",
         "00:00.0 0=4010000000; 00:01.0 m=c0000000-c00fffff p=4000000000-400fffffff; 01:00.0 "
         "m=c0000000-c00fffff p=4000000000-400fffffff; 02:00.0 p=4000000000-400fffffff; 02:01.0 "
         "m=c0000000-c00fffff; 03:00.0 0=4000000000; 04:00.0 0=c0000000"},
        /* VFs one after another from what their PF states */
        {"rp(ep[nobar,vf=3])",
         "00:00.0 p=4000000000-40000fffff; 01:00.0; 01:01.0 0=4000000000; 01:01.1 0=4000004000; 01:01.2 "
         "0=4000008000"},
        /* host bridge after host bridge */
        {"rp(lep) | rp(lep)", "00:00.0 m=c0000000-c00fffff; 01:00.0 0=c0000000; 40:00.0 m=c0100000-c01fffff; "
                              "41:00.0 0=c0100000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct diagnostics *diagnostics = diagnostics_new(20);
        struct topology *topology = synthetic_parse("m", cases[i].text, diagnostics);
        diagnostics_print(diagnostics, stdout);
        ck_assert_ptr_nonnull(topology);
        char *text = addresses_text(topology);
        ck_assert_msg(strcmp(text, cases[i].expected) == 0, "%s:\n%s\nnot\n%s", cases[i].text, text,
                      cases[i].expected);
        free(text);
        topology_free(topology);
        diagnostics_free(diagnostics);
    }
}
END_TEST

static struct pci_function with_kind(const char *kind)
{
    struct pci_function function = {.memory_space = true};
    ck_assert(function_kind_set(&function, kind));
    function.class_code = function.header_type ? 0x060400 : 0x020000;
    return function;
}

static struct placement below(uint32_t parent)
{
    return (struct placement){.host_bridge = parent == NONE ? 0 : NONE, .parent = parent};
}

static struct bar open_bar(enum bar_kind kind, uint64_t size)
{
    return (struct bar){.kind = kind, .prefetchable = kind == BAR_MEMORY64, .size = size};
}

static void assert_finish(struct topology_builder *builder, const char *addresses, const char *expected)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = topology_builder_finish(builder, NULL, NULL, diagnostics);
    char *said = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&said, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    ck_assert_str_eq(said, expected);
    ck_assert((topology == NULL) == (addresses == NULL));
    if (topology) {
        char *text = addresses_text(topology);
        ck_assert_str_eq(text, addresses);
        free(text);
    }
    topology_free(topology);
    diagnostics_free(diagnostics);
    free(said);
}

/* Two functions below a port: one has its address, the other goes right behind it, in whole MiB. */
START_TEST(open_addresses_go_beside_stated_ones)
{
    static const struct {
        uint64_t stated;
        const char *expected;
    } cases[] = {
        {0x5000000000, "00:00.0 p=5000000000-50001fffff; 01:00.0 0=5000000000; 01:00.1 0=5000100000"},
        {0xfffffffff0000, "00:00.0 p=fffffffe00000-fffffffffffff; 01:00.0 0=fffffffff0000; 01:00.1 "
                          "0=fffffffe00000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology_builder *builder = topology_builder_new();
        topology_builder_add_host_bridge(builder, &(struct host_bridge){0});
        struct pci_function port = with_kind("root-port"), endpoint = with_kind("endpoint");
        uint32_t parent = topology_builder_add(builder, &port, below(NONE));
        endpoint.bars[0] = open_bar(BAR_MEMORY64, 0x10000);
        endpoint.bars[0].assigned = true;
        endpoint.bars[0].address = cases[i].stated;
        topology_builder_add(builder, &endpoint, below(parent));
        endpoint.bars[0] = open_bar(BAR_MEMORY64, 0x10000);
        struct placement same_slot = below(parent);
        same_slot.same_slot = true;
        topology_builder_add(builder, &endpoint, same_slot);
        assert_finish(builder, cases[i].expected, "");
    }
}
END_TEST

START_TEST(host_bridge_windows_and_memory_are_respected)
{
    struct window windows[2] = {{true, 0x90000000, 0x900fffff}, {true, 0x8000000000, 0x80ffffffff}};
    struct host_bridge host = {.windows = windows, .window_count = 2};
    struct pci_function conventional = with_kind("conventional"), endpoint = with_kind("integrated-endpoint");
    struct topology_builder *builder = topology_builder_new();
    topology_builder_add_host_bridge(builder, &host);
    conventional.bars[0] = open_bar(BAR_MEMORY32, 0x80000);
    endpoint.bars[0] = open_bar(BAR_MEMORY64, 0x80000);
    topology_builder_add(builder, &conventional, below(NONE));
    topology_builder_add(builder, &endpoint, below(NONE));
    assert_finish(builder, "00:00.0 0=90000000; 00:01.0 0=8000000000", "");

    builder = topology_builder_new();
    topology_builder_add_host_bridge(builder, &host);
    conventional.bars[1] = open_bar(BAR_MEMORY32, 0x100000);
    topology_builder_add(builder, &conventional, below(NONE));
    assert_finish(builder, NULL,
                  "error: no room for BAR 0 of 0000:00:00.0 (512KiB) in the windows of the host bridge "
                  "[topology-no-address-space]\n");

    /* 64-bit BARs lie above RAM, 32-bit ones outside it */
    builder = topology_builder_new();
    topology_builder_add_host_bridge(builder, &(struct host_bridge){0});
    struct topology *topology = topology_builder_topology(builder);
    topology->memory = arena_array(topology->arena, 2, sizeof(*topology->memory));
    topology->memory[0] = (struct memory_range){.limit = 0xcfffffff};
    topology->memory[1] = (struct memory_range){.base = 0x100000000, .limit = 0x7fffffffff};
    topology->memory_count = 2;
    conventional.bars[1] = (struct bar){0};
    topology_builder_add(builder, &conventional, below(NONE));
    topology_builder_add(builder, &endpoint, below(NONE));
    assert_finish(builder, "00:00.0 0=d0000000; 00:01.0 0=8000000000", "");
}
END_TEST

/* 64-bit BARs that are not prefetchable go below 4 GiB while there is room, above it on a root bus if not. */
START_TEST(wide_bars_leave_a_full_32_bit_space)
{
    struct topology_builder *builder = topology_builder_new();
    topology_builder_add_host_bridge(builder, &(struct host_bridge){0});
    struct pci_function endpoint = with_kind("integrated-endpoint");
    endpoint.bars[0] = open_bar(BAR_MEMORY64, 0x20000000);
    endpoint.bars[0].prefetchable = false;
    for (unsigned i = 0; i < 4; i++)
        topology_builder_add(builder, &endpoint, below(NONE));
    assert_finish(builder, "00:00.0 0=c0000000; 00:01.0 0=80000000; 00:02.0 0=a0000000; 00:03.0 0=4000000000",
                  "");
}
END_TEST

START_TEST(host_bridges_get_what_is_below)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology =
        synthetic_parse("m", "rp(lep ep@.1) rciep pci[bar=1MiB] | rp(ep)", diagnostics);
    ck_assert_ptr_nonnull(topology);
    const struct host_bridge *first = &topology->host_bridges[0], *second = &topology->host_bridges[1];
    ck_assert_uint_eq(first->window_count, 2);
    ck_assert(first->windows[0].base == 0xc0000000 && first->windows[0].limit == 0xc01fffff);
    ck_assert(first->windows[1].base == 0x4000000000 && first->windows[1].limit == 0x400010ffff);
    ck_assert_uint_eq(second->window_count, 1);
    ck_assert(second->windows[0].base == 0x4000200000 && second->windows[0].limit == 0x40002fffff);
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

Suite *address_map_suite(void)
{
    Suite *suite = suite_create("address_map");
    TCase *tests = tcase_create("address_map");
    tcase_add_test(tests, ranges_join_and_leave_gaps);
    tcase_add_test(tests, addresses_follow_size_then_order);
    tcase_add_test(tests, open_addresses_go_beside_stated_ones);
    tcase_add_test(tests, host_bridge_windows_and_memory_are_respected);
    tcase_add_test(tests, wide_bars_leave_a_full_32_bit_space);
    tcase_add_test(tests, host_bridges_get_what_is_below);
    suite_add_tcase(suite, tests);
    return suite;
}
