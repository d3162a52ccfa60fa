/* SPDX-License-Identifier: MIT */
/* Who can pass for whom, who gets whose completions, who listens; the list of destinations. */
#include "models/pcie/fabric_acs.h"
#include "sim/analysis/reach_destinations.h"
#include "sim/analysis/reach_identity.h"
#include "tests/unit/fabric_fixture.h"

Suite *reach_identity_suite(void);

static struct reach new_reach(struct topology *topology)
{
    return (struct reach){.fabric = fabric_new(topology->arena, topology, NULL)};
}

START_TEST(source_validation_stops_those_who_pass_for_others)
{
    static const struct {
        const char *machine, *source, *victim;
        enum reach_outcome outcome;
        enum route_rule rule;
        const char *at;
    } cases[] = {
        /* Root ports check bus numbers, if told to. */
        {"rp[acs](ep) rp[acs](ep)", "01:00.0", "02:00.0", REACH_BLOCKED, RULE_SOURCE_VALIDATION, "00:00.0"},
        {"rp[acs=1f:1c](ep) rp(ep)", "01:00.0", "02:00.0", REACH_REACHES, RULE_TO_HOST, "00:00.0"},
        /* Below one root port with SV on, only the switch's ports can tell them apart. */
        {"rp[acs](up(dp[acs=1f:1c](ep) dp[acs](ep)))", "03:00.0", "04:00.0", REACH_REACHES, RULE_TO_HOST,
         "00:00.0"},
        {"rp[acs](up(dp[acs=1f:1c](ep) dp[acs](ep)))", "04:00.0", "03:00.0", REACH_BLOCKED,
         RULE_SOURCE_VALIDATION, "02:01.0"},
        /* Functions on one bus number: nobody can. */
        {"rp[acs](ep[acs=0c:0c] ep@.1[acs=0c:0c])", "01:00.0", "01:00.1", REACH_REACHES, RULE_TO_HOST,
         "00:00.0"},
        {"rp[acs](ep[vf=1,acs=0c:0c])", "01:01.0", "01:00.0", REACH_REACHES, RULE_TO_HOST, "00:00.0"},
        /* Nothing checks integrated functions. */
        {"rciep rciep", "00:00.0", "00:01.0", REACH_REACHES, RULE_TO_HOST, "00:00.0"},
        /* A bridge gives all below one id; no function below can have another's. */
        {"rp[acs](pcie2pci(pci@1 pci@2))", "02:01.0", "02:02.0", REACH_REACHES, RULE_TO_HOST, "00:00.0"},
        {"rp[acs](pcie2pci(pci@1)) rp[acs](ep)", "02:01.0", "03:00.0", REACH_NOT_APPLICABLE, RULE_COUNT, "-"},
        /* PCI-X writes keep their ids; the root port still checks. */
        {"rp[acs](pcie2pci[pcix](pci@1[pcix])) rp[acs](ep)", "02:01.0", "03:00.0", REACH_BLOCKED,
         RULE_SOURCE_VALIDATION, "00:00.0"},
        {"rp[acs](pcie2pci[pcix](pci@1[pcix] pci@2[pcix]))", "02:01.0", "02:02.0", REACH_REACHES,
         RULE_TO_HOST, "00:00.0"},
        {"rp[acs](ep) rp[acs](pcie2pci(pci))", "01:00.0", "03:00.0", REACH_BLOCKED, RULE_SOURCE_VALIDATION,
         "00:00.0"},
        {"rp(ep) | bus=0: rp[seg=1](ep)", "01:00.0", "0001:01:00.0", REACH_NOT_APPLICABLE, RULE_COUNT, "-"},
        {"rp(ep) rp[acs](ep)", "00:00.0", "01:00.0", REACH_NOT_APPLICABLE, RULE_COUNT, "-"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = fixture_machine(cases[i].machine);
        struct reach reach = new_reach(topology);
        struct reach_result result = reach_as(&reach, fixture_function(topology, cases[i].source)->id,
                                              fixture_function(topology, cases[i].victim)->id);
        char at[BDF_TEXT_SIZE];
        ck_assert_msg(result.outcome == cases[i].outcome, "%zu %s: %s", i, cases[i].machine,
                      reach_outcome_name(result.outcome));
        ck_assert_msg(result.rule == cases[i].rule, "%zu %s: %s", i, cases[i].machine,
                      route_rule_name(result.rule));
        ck_assert_str_eq(fixture_name(topology, result.at_id, at), cases[i].at);
        if (result.outcome == REACH_REACHES)
            ck_assert_uint_eq(result.end_id, fixture_function(topology, cases[i].victim)->id);
        topology_free(topology);
    }
}
END_TEST

START_TEST(completions_follow_the_id_of_the_request)
{
    static const struct {
        const char *machine, *source, *to; /**< to whose first BAR; NULL: memory */
        uint16_t requester_id;             /**< instead of the source's own */
        enum reach_outcome outcome;
        const char *end; /**< who gets the completion */
    } cases[] = {
        {"rp[acs](ep) rp[acs](ep)", "01:00.0", NULL, 0, REACH_REACHES, "01:00.0"},
        {"rp(up(dp(ep) dp(ep)))", "03:00.0", "04:00.0", 0, REACH_REACHES, "03:00.0"},
        /* Completion Redirect sends it over the root; without Upstream Forwarding it gets lost there. */
        {"rp[acs](up(dp(ep) dp[acs=1f:18](ep)))", "03:00.0", "04:00.0", 0, REACH_REACHES, "03:00.0"},
        {"rp(up(dp(ep) dp[acs=1f:18](ep)))", "03:00.0", "04:00.0", 0, REACH_REDIRECT_BLOCKED, "00:00.0"},
        /* Forged ids lead the answer astray. */
        {"rp(up(dp(ep) dp(ep) dp(ep)))", "03:00.0", "04:00.0", 0x0500, REACH_MISDELIVERED, "05:00.0"},
        {"rp(ep) rp(ep)", "01:00.0", NULL, 0x0200, REACH_MISDELIVERED, "02:00.0"},
        {"rp(ep ep@.1)", "01:00.0", NULL, 0x0101, REACH_MISDELIVERED, "01:00.1"},
        {"rp(ep)", "01:00.0", NULL, 0x7700, REACH_NOT_APPLICABLE, "-"},
        /* Bridges give back what they took. */
        {"rp[acs](pcie2pci(pci@1 pcibridge@2(pci@3)))", "03:03.0", NULL, 0, REACH_REACHES, "03:03.0"},
        {"rp(up(dp(pcie2pci(pci@1)) dp(ep)))", "04:01.0", "05:00.0", 0, REACH_REACHES, "04:01.0"},
        {"pcibridge(pci@1)", "01:01.0", NULL, 0, REACH_REACHES, "01:01.0"},
        {"rp(pcie2pci[pcix](pci@1[pcix] pci@2[pcix]))", "02:01.0", NULL, 0, REACH_REACHES, "02:01.0"},
        {"rp(pcie2pci[pcix](pci@1[pcix] pci@2[pcix]))", "02:01.0", NULL, 0x0210, REACH_MISDELIVERED,
         "02:02.0"},
        {"rciep@e[id=8086:201d,class=0104] | bus=0: rp[seg=10000](ep)", "10000:01:00.0", NULL, 0,
         REACH_REACHES, "10000:01:00.0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = fixture_machine(cases[i].machine);
        struct reach reach = new_reach(topology);
        struct reach_request request =
            reach_request(&reach, fixture_function(topology, cases[i].source)->id, TRANSACTION_MEMORY_READ);
        request.transaction.address = cases[i].to ? fixture_function(topology, cases[i].to)->bars[0].address
                                                  : reach_memory_address(reach.fabric);
        if (cases[i].requester_id)
            request.transaction.requester_id = cases[i].requester_id;
        struct reach_result there = reach_follow(&reach, &request, NULL, 0);
        struct reach_result back = reach_completion(&reach, &request, &there);
        char end[BDF_TEXT_SIZE];
        ck_assert_msg(back.outcome == cases[i].outcome, "%zu %s: %s", i, cases[i].machine,
                      reach_outcome_name(back.outcome));
        ck_assert_str_eq(fixture_name(topology, back.end_id, end), cases[i].end);
        request.transaction.kind = TRANSACTION_MEMORY_WRITE;
        ck_assert_int_eq(reach_completion(&reach, &request, &there).absence, REACH_ABSENT_ANSWER);
        topology_free(topology);
    }
}
END_TEST

START_TEST(a_shared_bus_has_ears)
{
    struct topology *topology =
        fixture_machine("rp(pcie2pci(pci@1 pcibridge@2(pci@3 pci@4) pci@5)) rp(ep ep@.1)");
    struct reach reach = new_reach(topology);
    static const struct {
        const char *listener, *source;
        bool hears;
    } cases[] = {
        {"02:01.0", "02:05.0", true},  {"02:01.0", "03:03.0", true},  {"03:03.0", "02:01.0", false},
        {"03:03.0", "03:04.0", true},  {"02:01.0", "02:01.0", false}, {"02:01.0", "04:00.0", false},
        {"04:00.0", "04:00.1", false}, {"02:02.0", "03:03.0", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(reach_overhears(&reach, fixture_function(topology, cases[i].listener)->id,
                                      fixture_function(topology, cases[i].source)->id) == cases[i].hears,
                      "%s hears %s", cases[i].listener, cases[i].source);
    topology_free(topology);
}
END_TEST

START_TEST(destinations_are_all_there_is)
{
    struct topology *topology = fixture_machine("rp(ep[bar=4KiB,bar=16KiB]) rp(up(dp(ep) dp))");
    struct memory_range ranges[] = {{.base = 0, .limit = 0x7fffffff},
                                    {.base = UINT64_C(1) << 32, .limit = UINT64_MAX >> 8}};
    topology->memory = ranges;
    topology->memory_count = 2;
    struct reach reach = new_reach(topology);
    uint32_t count, kinds[DESTINATION_UNCLAIMED + 1] = {0};
    const struct reach_destination *items = reach_destinations(topology->arena, reach.fabric, &count);
    for (uint32_t i = 0; i < count; i++) {
        kinds[items[i].kind]++;
        ck_assert_uint_le(items[i].base, items[i].limit);
        ck_assert((items[i].function_id == NONE) == (items[i].kind >= DESTINATION_MEMORY));
    }
    ck_assert_uint_eq(kinds[DESTINATION_BAR], 3);
    ck_assert_uint_ge(kinds[DESTINATION_WINDOW], 1);
    ck_assert_uint_eq(kinds[DESTINATION_MEMORY], 1);
    ck_assert_uint_eq(kinds[DESTINATION_MSI], 1);
    ck_assert_uint_eq(kinds[DESTINATION_UNCLAIMED], 1);
    ck_assert_str_eq(reach_destination_name(items[count - 1].kind), "unclaimed");
    ck_assert_uint_ge(items[count - 1].base, 0x80000000);
    topology_free(topology);
}
END_TEST

Suite *reach_identity_suite(void)
{
    Suite *suite = suite_create("reach_identity");
    TCase *tests = tcase_create("reach_identity");
    tcase_add_test(tests, source_validation_stops_those_who_pass_for_others);
    tcase_add_test(tests, completions_follow_the_id_of_the_request);
    tcase_add_test(tests, a_shared_bus_has_ears);
    tcase_add_test(tests, destinations_are_all_there_is);
    suite_add_tcase(suite, tests);
    return suite;
}
