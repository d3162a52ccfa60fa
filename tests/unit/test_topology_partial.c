/* SPDX-License-Identifier: MIT */
/* Machines of which not all is known: what a dump leaves open stays open, parts of a machine load. */
#include "tests/unit/sound_machine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *topology_partial_suite(void);

/* What a dump leaves unassigned stays unassigned; what a hand-written machine leaves open is placed. */
START_TEST(dumps_are_not_completed)
{
    for (unsigned known = 0; known < 2; known++) {
        struct topology_builder *builder = topology_builder_new();
        struct sound_machine machine = {.topology = topology_builder_topology(builder)};
        struct topology *topology;
        sound_machine_make(&machine);
        machine.functions[OTHER].bars[1] = (struct bar){.kind = BAR_MEMORY32, .size = 0x1000};
        machine.functions[OTHER].bars[2] =
            (struct bar){.kind = BAR_MEMORY64, .prefetchable = true, .size = 0x1000};
        char *said = sound_machine_finish(&machine, builder, known, &topology);
        ck_assert_msg(topology && said[0] == '\0', "%s", said);
        const struct pci_function *other = topology_find(topology, 0, 4, 0);
        const struct pci_function *port = topology_parent(topology, other);
        ck_assert(other->bars[1].assigned == !known && other->bars[2].assigned == !known);
        ck_assert(port->prefetchable_window.open == !known);
        if (!known) {
            ck_assert_uint_eq(other->bars[1].address, 0xc0310000); /* beside BAR 0, in the stated window */
            ck_assert_uint_eq(port->prefetchable_window.base, 0x4000000000);
        }
        topology_free(topology);
        free(said);
    }
}
END_TEST

/* A dump of a part of a machine: a switch whose root is missing, a function in a bridge's range without a
 * bridge that leads to it. */
START_TEST(partial_dumps_load)
{
    struct topology_builder *builder = topology_builder_new();
    struct sound_machine machine = {.topology = topology_builder_topology(builder)};
    struct topology *topology;
    sound_machine_make(&machine);
    machine.functions[ROOT].devfn = pci_devfn(3, 0);
    machine.functions[ROOT].secondary_bus = 8; /* the switch at bus 1 has lost its root */
    machine.functions[ROOT].subordinate_bus = 9;
    machine.functions[OTHER].bus = 9;
    char *said = sound_machine_finish(&machine, builder, true, &topology);
    ck_assert_ptr_nonnull(topology);
    ck_assert_uint_eq(topology->host_bridge_count, 3);
    ck_assert_msg(strstr(said, "functions are on bus 0000:09, to which no bridge leads") != NULL, "%s", said);
    ck_assert(topology_parent(topology, topology_find(topology, 0, 9, 0)) == NULL);
    topology_free(topology);
    free(said);
}
END_TEST

Suite *topology_partial_suite(void)
{
    Suite *suite = suite_create("topology_partial");
    TCase *tests = tcase_create("topology_partial");
    tcase_add_test(tests, dumps_are_not_completed);
    tcase_add_test(tests, partial_dumps_load);
    suite_add_tcase(suite, tests);
    return suite;
}
