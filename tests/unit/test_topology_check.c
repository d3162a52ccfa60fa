/* SPDX-License-Identifier: MIT */
/* Machines that cannot be: one sound machine, one contradiction a case, and exactly what is said about it. */
#include "sim/base/arena.h"
#include "tests/unit/sound_machine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *topology_check_suite(void);

static void duplicate_address(struct sound_machine *m)
{
    m->functions[OTHER_ROOT].devfn = m->functions[ROOT].devfn;
}

static void duplicate_bus(struct sound_machine *m)
{
    m->functions[OTHER_ROOT].secondary_bus = 3;
}

static void bus_cycle(struct sound_machine *m)
{
    m->functions[ROOT].bus = 3; /* below the switch that is below it */
    m->functions[OTHER_ROOT].devfn = 0;
}

static void bus_order(struct sound_machine *m)
{
    m->functions[OTHER_ROOT].bus = 9;
}

static void bus_range(struct sound_machine *m)
{
    m->functions[DOWNSTREAM].subordinate_bus = 2;
}

static void bus_outside_parent(struct sound_machine *m)
{
    m->functions[DOWNSTREAM].subordinate_bus = 5;
}

static void bus_overlap(struct sound_machine *m)
{
    m->functions[ROOT].subordinate_bus = 4;
}

static void bus_outside_host(struct sound_machine *m)
{
    m->hosts[0] = (struct host_bridge){.bus_end = 3};
    m->host_count = 1;
}

static void host_overlap(struct sound_machine *m)
{
    m->hosts[0] = (struct host_bridge){.bus_end = 0x3f};
    m->hosts[1] = (struct host_bridge){.bus_start = 0x20, .pointer = "/host_bridges/1"};
    m->host_count = 2;
}

static void host_backwards(struct sound_machine *m)
{
    m->hosts[0] = (struct host_bridge){.bus_start = 0x40, .bus_end = 0x20, .pointer = "/host_bridges/0"};
    m->host_count = 1;
}

static void host_is_secondary(struct sound_machine *m)
{
    m->hosts[0] = (struct host_bridge){.bus_start = 4};
    m->host_count = 1;
}

static void zero_width(struct sound_machine *m)
{
    m->functions[OTHER].link.width = 0;
}

static void no_generation(struct sound_machine *m)
{
    m->functions[OTHER].link.generation = 0;
}

static void odd_width(struct sound_machine *m)
{
    m->functions[OTHER].link.width = 3;
}

static void link_mismatch(struct sound_machine *m)
{
    m->functions[OTHER].link.width = 4;
}

static void downstream_below_root(struct sound_machine *m)
{
    function_kind_set(&m->functions[UPSTREAM], "downstream-port");
}

static void bar_misaligned(struct sound_machine *m)
{
    m->functions[OTHER].bars[0].address += 0x1000;
}

static void bar_odd_size(struct sound_machine *m)
{
    m->functions[OTHER].bars[0].size = 0x3000;
}

static void bar_beyond_32_bits(struct sound_machine *m)
{
    m->functions[OTHER].bars[0].address = 0x100000000;
}

static void bar_outside_window(struct sound_machine *m)
{
    m->functions[OTHER].bars[0].address = 0xc0400000;
}

static void bar_too_large_for_window(struct sound_machine *m)
{
    m->functions[OTHER].bars[0].size = 0x200000;
    m->functions[OTHER].bars[0].address = 0xc0200000;
}

static void bar_without_window(struct sound_machine *m)
{
    m->functions[OTHER].observed = true;
    m->functions[OTHER_ROOT].observed = true;
    m->functions[OTHER_ROOT].memory_window.open = false;
}

static void bar_overlap(struct sound_machine *m)
{
    m->functions[OTHER].bars[1] = (struct bar){BAR_MEMORY32, false, true, 0xc0308000, 0x1000};
}

static void bar_in_memory(struct sound_machine *m)
{
    struct topology *topology = m->topology;
    topology->memory = arena_array(topology->arena, 1, sizeof(*topology->memory));
    topology->memory[0] = (struct memory_range){.base = 0, .limit = 0xc00fffff};
    topology->memory_count = 1;
}

static void memory_overlap(struct sound_machine *m)
{
    struct topology *topology = m->topology;
    topology->memory = arena_array(topology->arena, 3, sizeof(*topology->memory));
    topology->memory[0] = (struct memory_range){.base = 0, .limit = 0x7fffffff};
    topology->memory[1] =
        (struct memory_range){.base = 0x70000000, .limit = 0x8fffffff, .pointer = "/memory/1"};
    topology->memory[2] = (struct memory_range){.base = 2, .limit = 1, .pointer = "/memory/2"};
    topology->memory_count = 3;
}

static void window_backwards(struct sound_machine *m)
{
    m->functions[OTHER_ROOT].prefetchable_window = (struct window){true, 0xd0000000, 0xcfffffff};
}

static void window_unaligned(struct sound_machine *m)
{
    m->functions[OTHER_ROOT].prefetchable_window = (struct window){true, 0xd0001000, 0xd00fffff};
}

static void window_outside_parent(struct sound_machine *m)
{
    m->functions[UPSTREAM].memory_window.limit = 0xc03fffff;
}

static void no_room_in_window(struct sound_machine *m)
{
    m->functions[OTHER].bars[1] = (struct bar){.kind = BAR_MEMORY32, .size = 0x100000};
}

static void no_room_in_32_bits(struct sound_machine *m)
{
    m->functions[OTHER_ROOT].bars[0] = (struct bar){.kind = BAR_MEMORY32, .size = 0x80000000};
}

static void vf_out_of_reach(struct sound_machine *m)
{
    m->functions[OTHER].sriov = (struct sriov){
        .present = true, .enabled = true, .total_vfs = 1, .num_vfs = 1, .first_vf_offset = 256};
}

static void vf_collision(struct sound_machine *m)
{
    m->functions[UPSTREAM].sriov = (struct sriov){
        .present = true, .enabled = true, .total_vfs = 1, .num_vfs = 1, .first_vf_offset = 256};
}

static struct iommu_unit *add_unit(struct topology *topology, struct iommu_scope scope)
{
    topology->units = arena_array(topology->arena, 1, sizeof(*topology->units));
    topology->units[0] = (struct iommu_unit){.kind = IOMMU_VT_D, .scope_count = 1, .pointer = "/iommus/0"};
    topology->units[0].scopes = arena_array(topology->arena, 1, sizeof(scope));
    topology->units[0].scopes[0] = scope;
    topology->unit_count = 1;
    return topology->units;
}

static void scope_absent(struct sound_machine *m)
{
    add_unit(m->topology, (struct iommu_scope){.kind = SCOPE_BRIDGE, .devfn = pci_devfn(0x1c, 0)});
}

static void scope_backwards(struct sound_machine *m)
{
    add_unit(m->topology, (struct iommu_scope){.kind = SCOPE_BUS_RANGE, .bus_start = 5, .bus_end = 4});
}

static void reserved_backwards(struct sound_machine *m)
{
    struct topology *topology = m->topology;
    topology->reserved = arena_array(topology->arena, 1, sizeof(*topology->reserved));
    topology->reserved[0] =
        (struct reserved_region){.base = 0x2000, .limit = 0x1fff, .everyone = true, .pointer = "/reserved/0"};
    topology->reserved_count = 1;
}

static const struct bad_case {
    void (*edit)(struct sound_machine *machine);
    const char *expected;
} bad_cases[] = {
    {duplicate_address, "error: two functions have the address 0000:00:01.0 (at /functions/4) "
                        "[topology-duplicate-address]\n"
                        "note: first used here (at /functions/0) [topology-duplicate-address]\n"},
    {duplicate_bus, "error: bridges 0000:00:02.0 and 0000:02:00.0 both lead to bus 03 (at /functions/2) "
                    "[topology-duplicate-bus]\n"
                    "note: the other bridge (at /functions/4) [topology-duplicate-bus]\n"},
    {bus_cycle, "error: bus 01 is above itself: the bridge 0000:03:01.0 that leads to it is below it "
                "(at /functions/0) [topology-bus-cycle]\n"},
    {bus_order, "error: bridge 0000:09:02.0 leads to bus 04: a secondary bus number is higher than the "
                "primary's (at /functions/4) [topology-bus-order]\n"},
    {bus_range, "error: bridge 0000:02:00.0 has the buses 03 to 02: the subordinate is below the "
                "secondary (at /functions/2) [topology-bus-range]\n"},
    {bus_outside_parent, "error: bridge 0000:02:00.0 has the buses 03 to 05, outside 02 to 03 of the bridge "
                         "0000:01:00.0 above it (at /functions/2) [topology-bus-outside-parent]\n"},
    {bus_overlap, "error: bridge 0000:00:02.0 has the buses 04 to 04, which overlap 01 to 04 of 0000:00:01.0 "
                  "(at /functions/4) [topology-bus-overlap]\n"
                  "note: the other bridge (at /functions/0) [topology-bus-overlap]\n"},
    {bus_outside_host,
     "error: bridge 0000:00:02.0 has the buses 04 to 04, but its host bridge ends at bus 03 "
     "(at /functions/4) [topology-bus-outside-host]\n"},
    {host_overlap, "error: host bridge 0000:20 lies in the buses 00 to 3f of another (at /host_bridges/1) "
                   "[topology-bus-overlap]\n"},
    {host_backwards, "error: host bridge 0000:40 ends at bus 20, before it begins (at /host_bridges/0) "
                     "[topology-bus-range]\n"},
    {host_is_secondary, "error: bridge 0000:00:02.0 leads to bus 04, which is the root bus of a host bridge "
                        "(at /functions/4) [topology-duplicate-bus]\n"},
    {zero_width, "error: 0000:04:00.0 has a link of generation 3 with no lanes (at /functions/5) "
                 "[topology-zero-width-link]\n"},
    {no_generation, "error: 0000:04:00.0 has a link of 8 lanes without a generation (at /functions/5) "
                    "[topology-link-speed]\n"},
    {odd_width, "error: 0000:04:00.0 has a link of generation 3 with 3 lanes: generations are 1 to 6, widths "
                "1, 2, 4, 8, 12, 16 and 32 (at /functions/5) [topology-link-width]\n"},
    {bar_misaligned,
     "error: BAR 0 of 0000:04:00.0 is at 0xc0301000: a BAR of 64KiB lies at a multiple of its "
     "size (at /functions/5) [topology-bar-alignment]\n"},
    {bar_odd_size, "error: BAR 0 of 0000:04:00.0 has 12KiB: the size of a BAR is a power of two "
                   "(at /functions/5) [topology-bar-size]\n"},
    {bar_beyond_32_bits, "error: BAR 0 of 0000:04:00.0 is at 0x100000000: a 32-bit BAR lies below 4 GiB "
                         "(at /functions/5) [topology-bar-range]\n"},
    {bar_outside_window,
     "error: BAR 0 of 0000:04:00.0 is at 0xc0400000 to 0xc040ffff, outside the windows of "
     "the bridge 0000:00:02.0 above it (at /functions/5) [topology-bar-outside-window]\n"},
    {bar_too_large_for_window,
     "error: BAR 0 of 0000:04:00.0 is at 0xc0200000 to 0xc03fffff, outside the windows of the bridge "
     "0000:00:02.0 above it (at /functions/5) [topology-bar-outside-window]\n"},
    {bar_overlap,
     "error: BAR 1 of 0000:04:00.0 at 0xc0308000 to 0xc0308fff overlaps BAR 0 of 0000:04:00.0 at "
     "0xc0300000 to 0xc030ffff (at /functions/5) [topology-bar-overlap]\n"},
    {bar_in_memory, "error: BAR 0 of 0000:03:00.0 at 0xc0000000 to 0xc000ffff lies in RAM (at /functions/3) "
                    "[topology-bar-in-memory]\n"},
    {memory_overlap, "error: a range of RAM from 0x2 to 0x1 ends before it begins (at /memory/2) "
                     "[topology-memory-order]\n"
                     "error: two ranges of RAM overlap: 0x0 to 0x7fffffff and 0x70000000 to 0x8fffffff "
                     "(at /memory/1) [topology-memory-overlap]\n"},
    {window_backwards,
     "error: the prefetchable window of 0000:00:02.0, 0xd0000000 to 0xcfffffff, ends before "
     "it begins (at /functions/4) [topology-window-order]\n"},
    {window_unaligned,
     "error: the prefetchable window of 0000:00:02.0, 0xd0001000 to 0xd00fffff, is not made "
     "of whole MiB (at /functions/4) [topology-window-alignment]\n"},
    {window_outside_parent, "error: the memory window of 0000:01:00.0, 0xc0000000 to 0xc03fffff, is outside "
                            "the windows of the bridge 0000:00:01.0 above it (at /functions/1) "
                            "[topology-window-outside-parent]\n"},
    {no_room_in_window, "error: no room for BAR 1 of 0000:04:00.0 (1MiB) in the window of the bridge above "
                        "(at /functions/5) [topology-no-address-space]\n"},
    {no_room_in_32_bits, "error: no room for BAR 0 of 0000:00:02.0 (2GiB) in 32-bit address space "
                         "(at /functions/4) [topology-no-address-space]\n"},
    {vf_out_of_reach, "error: virtual function 0 of 0000:04:00.0 would be at 0000:05:00.0, but only buses 04 "
                      "to 04 are routed there (at /functions/5) [topology-vf-out-of-reach]\n"},
    {vf_collision, "error: virtual function 0 of 0000:01:00.0 has the address 0000:02:00.0, which belongs to "
                   "a physical function (at /functions/1) [topology-vf-collision]\n"},
    {scope_absent,
     "error: the scope of an IOMMU names 0000:00:1c.0, which is not there (at /iommus/0/scopes/0) "
     "[topology-scope-absent]\n"},
    {scope_backwards, "error: the scope of an IOMMU names the buses 05 to 04: none (at /iommus/0/scopes/0) "
                      "[topology-scope-range]\n"},
    {reserved_backwards, "error: a reserved region from 0x2000 to 0x1fff ends before it begins "
                         "(at /reserved/0) [topology-reserved-order]\n"},
};

START_TEST(contradictions_are_named)
{
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        struct topology_builder *builder = topology_builder_new();
        struct sound_machine machine = {.topology = topology_builder_topology(builder)};
        struct topology *topology;
        sound_machine_make(&machine);
        bad_cases[i].edit(&machine);
        char *said = sound_machine_finish(&machine, builder, false, &topology);
        ck_assert_msg(!topology && strcmp(said, bad_cases[i].expected) == 0, "case %zu:\n%snot\n%s", i, said,
                      bad_cases[i].expected);
        free(said);
    }
}
END_TEST

/* What is said, and the machine loads all the same. */
static const struct bad_case odd_cases[] = {
    {NULL, ""},
    {link_mismatch,
     "warning: the link between 0000:00:02.0 and 0000:04:00.0 is generation 3 x8 at one end and "
     "3 x4 at the other (at /functions/5) [topology-link-mismatch]\n"},
    {downstream_below_root,
     "warning: 0000:01:00.0 is a downstream port of a switch, but 0000:00:01.0 above it is no upstream port "
     "(at /functions/1) [topology-port-place]\n"
     "warning: 0000:02:00.0 is a downstream port of a switch, but 0000:01:00.0 above it is no upstream port "
     "(at /functions/2) [topology-port-place]\n"},
    {bar_without_window, "warning: BAR 0 of 0000:04:00.0 is at 0xc0300000, but the bridge 0000:00:02.0 above "
                         "it has no open window (at /functions/5) [topology-bar-unreachable]\n"},
};

START_TEST(oddities_are_mentioned)
{
    for (size_t i = 0; i < sizeof(odd_cases) / sizeof(odd_cases[0]); i++) {
        struct topology_builder *builder = topology_builder_new();
        struct sound_machine machine = {.topology = topology_builder_topology(builder)};
        struct topology *topology;
        sound_machine_make(&machine);
        if (odd_cases[i].edit)
            odd_cases[i].edit(&machine);
        char *said = sound_machine_finish(&machine, builder, true, &topology);
        ck_assert_msg(topology && strcmp(said, odd_cases[i].expected) == 0, "case %zu:\n%snot\n%s", i, said,
                      odd_cases[i].expected);
        topology_free(topology);
        free(said);
    }
}
END_TEST

/* The same contradictions in text that may lack lines: those of bus numbers stay errors, those of addresses
 * and links do not keep the machine from loading. */
START_TEST(observed_machines_load)
{
    static const struct {
        void (*edit)(struct sound_machine *machine);
        bool loads;
    } cases[] = {
        {zero_width, true},         {no_generation, true},       {odd_width, true},
        {bar_misaligned, true},     {bar_odd_size, true},        {bar_overlap, true},
        {bar_outside_window, true}, {bar_beyond_32_bits, true},  {window_outside_parent, true},
        {bar_in_memory, true},      {window_unaligned, true},    {window_backwards, true},
        {bus_range, false},         {bus_outside_parent, false}, {bus_overlap, false},
        {vf_out_of_reach, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology_builder *builder = topology_builder_new();
        struct sound_machine machine = {.topology = topology_builder_topology(builder)};
        struct topology *topology;
        sound_machine_make(&machine);
        cases[i].edit(&machine);
        for (unsigned f = 0; f < FUNCTION_COUNT; f++)
            machine.functions[f].observed = true;
        char *said = sound_machine_finish(&machine, builder, true, &topology);
        ck_assert_msg((topology != NULL) == cases[i].loads, "case %zu: %s", i, said);
        ck_assert_msg(strncmp(said, cases[i].loads ? "warning: " : "error: ", 7) == 0, "case %zu: %s", i,
                      said);
        topology_free(topology);
        free(said);
    }
}
END_TEST

Suite *topology_check_suite(void)
{
    Suite *suite = suite_create("topology_check");
    TCase *tests = tcase_create("topology_check");
    tcase_add_test(tests, contradictions_are_named);
    tcase_add_test(tests, oddities_are_mentioned);
    tcase_add_test(tests, observed_machines_load);
    suite_add_tcase(suite, tests);
    return suite;
}
