/* SPDX-License-Identifier: MIT */
/* Routing from the root complex down to whoever is meant, and up out of VMD domains. */
#include "tests/unit/fabric_fixture.h"

Suite *route_downward_suite(void);

START_TEST(the_root_complex_leads_down)
{
    struct topology *topology = fixture_machine("rp(up(dp(ep) dp(pcie2pci(pci@3 pci@4)))) | bus=40: rciep");
    struct fabric *fabric = fabric_new(topology->arena, topology, NULL);
    static const char *const targets[] = {"03:00.0", "05:03.0", "05:04.0", "40:00.0"};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        const struct pci_function *to = fixture_function(topology, targets[i]);
        struct transaction transaction = {.address = to->bars[0].address + 8};
        struct route_decision decision = route_from_host(fabric, &transaction);
        for (int steps = 0; decision.action == ROUTE_MOVE; steps++) {
            ck_assert_int_lt(steps, 8);
            decision = route_step(fabric, &transaction, decision.next);
        }
        ck_assert_int_eq(decision.action, ROUTE_DELIVER);
        ck_assert_uint_eq(decision.next.function_id, to->id);
    }
    struct transaction memory = {.address = 0x1000};
    ck_assert_int_eq(route_from_host(fabric, &memory).action, ROUTE_HOST);
    struct transaction msi = {.address = 0xfee00000};
    ck_assert_int_eq(route_from_host(fabric, &msi).rule, RULE_MSI_WINDOW);

    /* A completion for the conventional function comes to the bridge, which hands it on by the original id.
     */
    const struct pci_function *bridge = fixture_function(topology, "04:00.0");
    struct transaction completion = {.kind = TRANSACTION_COMPLETION, .requester_id = 0x0500};
    struct route_decision decision = route_completion_from_host(fabric, &completion);
    while (decision.action == ROUTE_MOVE)
        decision = route_step(fabric, &completion, decision.next);
    ck_assert_int_eq(decision.action, ROUTE_DELIVER);
    ck_assert_uint_eq(decision.next.function_id, bridge->id);
    completion.requester_id = 0x0520;
    decision = route_completion_below(fabric, &completion, bridge->id);
    ck_assert_int_eq(decision.action, ROUTE_MOVE);
    ck_assert_uint_eq(decision.next.function_id, fixture_function(topology, "05:04.0")->id);
    completion.requester_id = 0x0548;
    ck_assert_int_eq(route_completion_below(fabric, &completion, bridge->id).action, ROUTE_BLOCK);
    /* A function that also uses another id of its bus gets the completions for it. */
    uint8_t alias = 0x0d;
    topology->functions[fixture_function(topology, "03:00.0")->id].alias_devfns = &alias;
    topology->functions[fixture_function(topology, "03:00.0")->id].alias_count = 1;
    fabric = fabric_new(topology->arena, topology, NULL);
    completion.requester_id = 0x030d;
    decision = route_completion_from_host(fabric, &completion);
    while (decision.action == ROUTE_MOVE)
        decision = route_step(fabric, &completion, decision.next);
    ck_assert_int_eq(decision.action, ROUTE_DELIVER);
    ck_assert_uint_eq(decision.next.function_id, fixture_function(topology, "03:00.0")->id);
    completion.requester_id = 0x7700;
    ck_assert_int_eq(route_completion_from_host(fabric, &completion).action, ROUTE_BLOCK);
    topology_free(topology);
}
END_TEST

START_TEST(vmd_children_leave_under_the_endpoint_id)
{
    struct topology *topology =
        fixture_machine("rciep@e[id=8086:201d,class=0104] | bus=0: rp[seg=10000](ep) rp[seg=10000](ep)");
    struct pci_function *vmd = fixture_function(topology, "00:0e.0");
    const struct pci_function *child = fixture_function(topology, "10000:01:00.0");
    /* The endpoint's BAR holds all its children, as the kernel lays them out. */
    vmd->bars[0] =
        (struct bar){.kind = BAR_MEMORY64, .assigned = true, .address = 0x4000000000, .size = 1U << 30};
    struct fabric *fabric = fabric_new(topology->arena, topology, NULL);
    struct text_buffer text = {0};
    struct transaction transaction = {.address = 0x1000, .requester_id = 0x0100};
    fixture_walk(fabric, transaction, (struct route_place){child->id, SIDE_SELF}, NULL, &text);
    ck_assert_str_eq(text_buffer_get(&text),
                     "10000:01:00.0 upstream, 10000:00:00.0 to-host, 00:0e.0 to-host = "
                     "host 0070");
    transaction = (struct transaction){.address = child->bars[0].address};
    struct route_decision decision = route_from_host(fabric, &transaction);
    ck_assert_uint_eq(decision.next.function_id, vmd->id);
    while (decision.action == ROUTE_MOVE)
        decision = route_step(fabric, &transaction, decision.next);
    ck_assert_int_eq(decision.action, ROUTE_DELIVER);
    ck_assert_uint_eq(decision.next.function_id, child->id);
    text_buffer_fini(&text);
    topology_free(topology);
}
END_TEST

Suite *route_downward_suite(void)
{
    Suite *suite = suite_create("route_downward");
    TCase *tests = tcase_create("route_downward");
    tcase_add_test(tests, the_root_complex_leads_down);
    tcase_add_test(tests, vmd_children_leave_under_the_endpoint_id);
    suite_add_tcase(suite, tests);
    return suite;
}
