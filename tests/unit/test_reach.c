/* SPDX-License-Identifier: MIT */
/* Who reaches whom on known machines. Random ones: test_reach_oracle.c, test_reach_laws.c. */
#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/reach.h"
#include "tests/unit/fabric_fixture.h"

Suite *reach_suite(void);

/** A machine with its groups and the questions to it. */
struct asked {
    struct topology *topology;
    struct iommu_groups *groups;
    struct reach *reach;
};

static struct asked ask(const char *machine, const char *cmdline, enum iommu_choice iommu, bool peer_to_peer)
{
    struct asked asked = {.topology = fixture_machine(machine)};
    asked.topology->root_complex_peer_to_peer = peer_to_peer;
    struct diagnostics *diagnostics = diagnostics_new(5);
    asked.groups = iommu_groups_form(asked.topology, iommu, cmdline, diagnostics);
    diagnostics_free(diagnostics);
    asked.reach = reach_new(asked.topology->arena, asked.groups);
    return asked;
}

static void asked_free(struct asked *asked)
{
    iommu_groups_free(asked->groups);
    topology_free(asked->topology);
}

/** All leaks, "a>b by rule at c; ..." in order of ids. */
static void list_leaks(const struct asked *asked, struct text_buffer *out)
{
    char a[BDF_TEXT_SIZE], b[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    for (uint32_t s = 0; s < asked->topology->function_count; s++) {
        for (uint32_t t = 0; t < asked->topology->function_count; t++) {
            struct reach_result result = reach_pair(asked->reach, s, t);
            enum reach_leak leak = reach_leak(asked->groups, &result, s, t);
            if (leak != REACH_NO_LEAK)
                text_buffer_format(out, "%s%s>%s %s%s %s", out->length ? "; " : "",
                                   fixture_name(asked->topology, s, a), fixture_name(asked->topology, t, b),
                                   leak == REACH_VOUCHED ? "vouched " : "", route_rule_name(result.rule),
                                   fixture_name(asked->topology, result.at_id, at));
        }
    }
}

#define ROW(ACS_A, ACS_B) "rciep@0 rp@1[acs](up[acs](dp@0[" ACS_A "](ep) dp@3[" ACS_B "](ep)))"

START_TEST(leaks_are_where_groups_look_away)
{
    static const struct {
        const char *name, *machine, *cmdline, *leaks;
    } cases[] = {
        {"T01", ROW("acs", "acs"), NULL, ""},
        {"T02", ROW("acs=1f:0", "acs=1f:0"), NULL,
         "03:00.0>04:00.0 switch-peer 02:00.0; 04:00.0>03:00.0 switch-peer 02:03.0"},
        {"T03", ROW("acs", "acs=1f:0"), NULL, "04:00.0>03:00.0 switch-peer 02:03.0"},
        {"T26", ROW("noacs", "noacs"), NULL,
         "03:00.0>04:00.0 switch-peer 02:00.0; 04:00.0>03:00.0 switch-peer 02:03.0"},
        {"T06", "rp@1(ep[mf] ep@.1) rciep@17", NULL, ""},
        {"T07", "rp@1[acs=1f:0](ep)", NULL, ""},
        {"T08", "rp@1[acs](ep ep@.1)", NULL, ""},
        {"T09", "rp*2@1c.0(ep)", NULL, ""},
        {"T11", "rp@1c[acs](pcie2pci(pci@1 pci@2))", NULL, ""},
        {"T13", "pcibridge@1e(pci@5 pci@6)", NULL, ""},
        {"T24", "rp@1[acs](up[acs](dp@0[acs](up[acs](dp[acs=1f:0](ep) dp[acs=1f:0](ep))) dp@1[acs](ep)))",
         NULL, "05:00.0>06:00.0 switch-peer 04:00.0; 06:00.0>05:00.0 switch-peer 04:01.0"},
        {"T25", "rciep@1f[acs=1f:0] rp@1f.2[acs](ep)", NULL, "00:1f.0>01:00.0 multifunction-peer 00:1f.0"},
        /* The override is belief: the hardware still turns requests. */
        {"override of a switch", "rp[acs](up(dp(ep) dp(ep)))", "intel_iommu=on pcie_acs_override=downstream",
         "03:00.0>04:00.0 switch-peer 02:00.0; 04:00.0>03:00.0 switch-peer 02:01.0"},
        {"override of root ports", "rp*2@1c.0(ep)", "intel_iommu=on pcie_acs_override=downstream",
         "01:00.0>02:00.0 multifunction-no-acs 00:1c.0; 02:00.0>01:00.0 multifunction-no-acs 00:1c.1"},
        {"override of functions", "rp[acs](ep ep@.1)", "intel_iommu=on pcie_acs_override=multifunction",
         "01:00.0>01:00.1 multifunction-no-acs 01:00.0; 01:00.1>01:00.0 multifunction-no-acs 01:00.1"},
        /* The command line takes redirection back: the port stays a group of its own, but leaks. */
        {"disable_acs_redir", ROW("acs", "acs"), "intel_iommu=on pci=disable_acs_redir=0000:02:00.0",
         "03:00.0>04:00.0 switch-peer 02:00.0"},
        {"the vendor's word", "rp[acs](ep[id=8086:10c9] ep@.1[id=8086:10c9])", NULL,
         "01:00.0>01:00.1 vouched multifunction-no-acs 01:00.0; 01:00.1>01:00.0 vouched multifunction-no-acs "
         "01:00.1"},
        {"VFs of a device without ACS", "rp[acs](ep[vf=2])", NULL,
         "01:00.0>01:01.0 multifunction-no-acs 01:00.0; 01:00.0>01:01.1 multifunction-no-acs 01:00.0; "
         "01:01.0>01:00.0 multifunction-no-acs 01:01.0; 01:01.0>01:01.1 multifunction-no-acs 01:01.0; "
         "01:01.1>01:00.0 multifunction-no-acs 01:01.1; 01:01.1>01:01.0 multifunction-no-acs 01:01.1"},
        {"VFs of a device with an empty capability", "rp[acs](ep[vf=2,acs=0:0])", NULL, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct asked asked = ask(cases[i].machine, cases[i].cmdline, IOMMU_CHOICE_VT_D, false);
        struct text_buffer leaks = {0};
        list_leaks(&asked, &leaks);
        ck_assert_msg(strcmp(text_buffer_get(&leaks), cases[i].leaks) == 0, "%s %s:\n%s, not\n%s",
                      cases[i].name, cases[i].machine, text_buffer_get(&leaks), cases[i].leaks);
        text_buffer_fini(&leaks);
        asked_free(&asked);
    }
}
END_TEST

START_TEST(outcomes_say_why)
{
    static const struct {
        const char *machine, *source, *target;
        enum iommu_choice iommu;
        bool peer_to_peer;
        enum reach_outcome outcome;
        enum route_rule rule;
        const char *at;
    } cases[] = {
        {ROW("acs", "acs"), "03:00.0", "04:00.0", IOMMU_CHOICE_VT_D, false, REACH_REDIRECTED,
         RULE_REQUEST_REDIRECT, "02:00.0"},
        {ROW("acs", "acs"), "03:00.0", "00:00.0", IOMMU_CHOICE_VT_D, false, REACH_REDIRECTED,
         RULE_REQUEST_REDIRECT, "00:01.0"},
        {"rp(ep) rp(ep)", "01:00.0", "02:00.0", IOMMU_CHOICE_VT_D, false, REACH_REDIRECTED,
         RULE_NO_PEER_ROUTING, "00:00.0"},
        {"rp(ep) rp(ep)", "01:00.0", "02:00.0", IOMMU_CHOICE_VT_D, true, REACH_REACHES, RULE_ROOT_PEER,
         "00:00.0"},
        {"rp[acs](up(dp[acs](ep[acs=c:4] ep@.1)))", "03:00.0", "03:00.1", IOMMU_CHOICE_VT_D, false,
         REACH_REDIRECTED, RULE_REQUEST_REDIRECT, "03:00.0"},
        {"rp[acs=1f:4](up(dp[acs](ep) dp[acs](ep)))", "03:00.0", "04:00.0", IOMMU_CHOICE_VT_D, false,
         REACH_REDIRECT_BLOCKED, RULE_NO_UPSTREAM_FORWARDING, "00:00.0"},
        /* Without an IOMMU the root complex has the last word. */
        {"rp[acs](ep) rp[acs](ep)", "01:00.0", "02:00.0", IOMMU_CHOICE_NONE, true, REACH_REACHES,
         RULE_REQUEST_REDIRECT, "00:00.0"},
        {"rp[acs](ep) rp[acs](ep)", "01:00.0", "02:00.0", IOMMU_CHOICE_NONE, false, REACH_REDIRECT_BLOCKED,
         RULE_NO_PEER_ROUTING, "-"},
        {"rp(ep) ep@5[class=0600]", "00:05.0", "01:00.0", IOMMU_CHOICE_VT_D, false, REACH_NOT_APPLICABLE,
         RULE_UPSTREAM, "-"},
        {"rp(ep ep@.1[nobar])", "01:00.0", "01:00.1", IOMMU_CHOICE_VT_D, false, REACH_NOT_APPLICABLE,
         RULE_UPSTREAM, "-"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct asked asked = ask(cases[i].machine, NULL, cases[i].iommu, cases[i].peer_to_peer);
        uint32_t source = fixture_function(asked.topology, cases[i].source)->id;
        uint32_t target = fixture_function(asked.topology, cases[i].target)->id;
        struct reach_result result = reach_pair(asked.reach, source, target);
        char at[BDF_TEXT_SIZE];
        ck_assert_msg(result.outcome == cases[i].outcome, "%zu %s: %s", i, cases[i].machine,
                      reach_outcome_name(result.outcome));
        ck_assert_msg(result.rule == cases[i].rule, "%zu %s: %s", i, cases[i].machine,
                      route_rule_name(result.rule));
        ck_assert_str_eq(fixture_name(asked.topology, result.at_id, at), cases[i].at);
        ck_assert((result.absence != REACH_ABSENT_NOTHING) == (result.outcome == REACH_NOT_APPLICABLE));
        struct reach_hop hops[3];
        if (result.outcome != REACH_NOT_APPLICABLE)
            ck_assert_uint_eq(reach_address(asked.reach, source, result.address, hops, 3).steps,
                              result.steps);
        asked_free(&asked);
    }
}
END_TEST

Suite *reach_suite(void)
{
    Suite *suite = suite_create("reach");
    TCase *tests = tcase_create("reach");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, leaks_are_where_groups_look_away);
    tcase_add_test(tests, outcomes_say_why);
    suite_add_tcase(suite, tests);
    return suite;
}
