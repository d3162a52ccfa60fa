/* SPDX-License-Identifier: MIT */
/* The kernel's classification of peer-to-peer DMA: its table of situations, its list of host bridges, and how
 * it stands to the fabric. */
#include "sim/analysis/p2pdma.h"
#include "sim/analysis/iommu_groups.h"
#include "tests/unit/fabric_fixture.h"

Suite *p2pdma_suite(void);

#define SWITCH(a, b) "rp@1[acs](up(dp@0[acs=1f:" a "](ep) dp@1[acs=1f:" b "](ep)))"

START_TEST(situations)
{
    static const struct {
        const char *machine, *provider, *client;
        enum p2pdma_cpu cpu;
        enum p2pdma_map map;
        uint32_t distance;
        const char *meeting, *redirector; /* NULL: none */
        enum p2pdma_agreement agreement;
    } cases[] = {
        /* Below one switch: the upstream port is where the ways meet. */
        {SWITCH("0", "0"), "03:00.0", "04:00.0", P2PDMA_CPU_OTHER, P2PDMA_BUS_ADDRESS, 4, "01:00.0", NULL,
         P2PDMA_AGREES},
        {SWITCH("1d", "1d"), "03:00.0", "04:00.0", P2PDMA_CPU_OTHER, P2PDMA_NOT_SUPPORTED, 4, "01:00.0",
         "02:00.0", P2PDMA_AGREES},
        {SWITCH("1d", "1d"), "03:00.0", "04:00.0", P2PDMA_CPU_ZEN, P2PDMA_THROUGH_HOST_BRIDGE, 4, "01:00.0",
         "02:00.0", P2PDMA_AGREES},
        /* Redirect on the provider's side alone: the kernel counts it, the client's requests do not meet it.
         */
        {SWITCH("4", "0"), "03:00.0", "04:00.0", P2PDMA_CPU_ZEN, P2PDMA_THROUGH_HOST_BRIDGE, 4, "01:00.0",
         "02:00.0", P2PDMA_SHORT_CUT},
        {SWITCH("0", "4"), "03:00.0", "04:00.0", P2PDMA_CPU_ZEN, P2PDMA_THROUGH_HOST_BRIDGE, 4, "01:00.0",
         "02:01.0", P2PDMA_AGREES},
        /* Source validation and upstream forwarding are no redirect; CmpltRedir and EgressCtrl are. */
        {SWITCH("11", "11"), "03:00.0", "04:00.0", P2PDMA_CPU_OTHER, P2PDMA_BUS_ADDRESS, 4, "01:00.0", NULL,
         P2PDMA_AGREES},
        {SWITCH("0", "8"), "03:00.0", "04:00.0", P2PDMA_CPU_ZEN, P2PDMA_THROUGH_HOST_BRIDGE, 4, "01:00.0",
         "02:01.0", P2PDMA_SHORT_CUT},
        /* Functions of one device meet at the port above; its own redirect counts. */
        {"rp@1(ep[mf] ep@.1)", "01:00.0", "01:00.1", P2PDMA_CPU_OTHER, P2PDMA_BUS_ADDRESS, 2, "00:01.0", NULL,
         P2PDMA_AGREES},
        {"rp@1[acs](ep[mf] ep@.1)", "01:00.0", "01:00.1", P2PDMA_CPU_OTHER, P2PDMA_NOT_SUPPORTED, 2,
         "00:01.0", "00:01.0", P2PDMA_SHORT_CUT},
        /* Below two root ports: past the root bus on both sides. */
        {"rp@1[acs](ep) rp@2[acs](ep)", "01:00.0", "02:00.0", P2PDMA_CPU_OTHER, P2PDMA_NOT_SUPPORTED, 4, NULL,
         NULL, P2PDMA_AGREES},
        {"rp@1(up(dp@0(ep))) rp@2(ep)", "03:00.0", "04:00.0", P2PDMA_CPU_ZEN, P2PDMA_THROUGH_HOST_BRIDGE, 6,
         NULL, NULL, P2PDMA_AGREES},
        /* A VF stands where its PF stands. */
        {SWITCH("0", "0") "rp@2(ep[vf=1:1:1])", "05:00.1", "05:00.0", P2PDMA_CPU_OTHER, P2PDMA_BUS_ADDRESS, 2,
         "00:02.0", NULL, P2PDMA_AGREES},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = fixture_machine(cases[i].machine);
        struct diagnostics *diagnostics = diagnostics_new(5);
        struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, "", diagnostics);
        uint32_t provider = fixture_function(topology, cases[i].provider)->id;
        uint32_t client = fixture_function(topology, cases[i].client)->id;
        struct p2pdma_verdict verdict = p2pdma_ask(groups, cases[i].cpu, provider, client);
        struct reach_result result = reach_pair(reach_new(topology->arena, groups), client, provider);
        char meeting[BDF_TEXT_SIZE], redirector[BDF_TEXT_SIZE];
        ck_assert_msg(verdict.map == cases[i].map, "case %zu: %s", i, p2pdma_map_name(verdict.map));
        ck_assert_msg(verdict.distance == cases[i].distance, "case %zu: %u", i, verdict.distance);
        ck_assert_str_eq(fixture_name(topology, verdict.meeting_id, meeting),
                         cases[i].meeting ? cases[i].meeting : "-");
        ck_assert_str_eq(fixture_name(topology, verdict.redirector_id, redirector),
                         cases[i].redirector ? cases[i].redirector : "-");
        ck_assert_msg(p2pdma_agreement(&verdict, &result) == cases[i].agreement, "case %zu: %s", i,
                      p2pdma_agreement_name(p2pdma_agreement(&verdict, &result)));
        iommu_groups_free(groups);
        diagnostics_free(diagnostics);
        topology_free(topology);
    }
}
END_TEST

START_TEST(host_bridges)
{
#define PORTS(id, port) "rciep@0[id=" id ",class=0600] " port "@1(ep)"
    static const struct {
        const char *machine, *provider, *client;
        enum p2pdma_host host;
    } cases[] = {
        /* Listed without and with the restriction to one host bridge. */
        {PORTS("8086:09a2", "rp") "rp@2(ep)", "01:00.0", "02:00.0", P2PDMA_HOST_LISTED},
        {PORTS("8086:3c00", "rp") "rp@2(ep)", "01:00.0", "02:00.0", P2PDMA_HOST_LISTED},
        {PORTS("8086:3c00", "rp") "|" PORTS("8086:3c00", "rp"), "01:00.0", "41:00.0", P2PDMA_HOST_SAME_ONLY},
        {PORTS("8086:09a2", "rp") "|" PORTS("8086:09a2", "rp"), "01:00.0", "41:00.0", P2PDMA_HOST_LISTED},
        {PORTS("8086:09a2", "rp") "|" PORTS("8086:1237", "rp"), "01:00.0", "41:00.0", P2PDMA_HOST_NOT_LISTED},
        {PORTS("8086:09a2", "rp") "|" PORTS("8086:3c00", "rp"), "01:00.0", "41:00.0", P2PDMA_HOST_SAME_ONLY},
        {PORTS("1ae0:0042", "rp") "rp@2(ep)", "01:00.0", "02:00.0", P2PDMA_HOST_LISTED},
        {PORTS("1022:1450", "rp") "rp@2(ep)", "01:00.0", "02:00.0", P2PDMA_HOST_CPU},
        {PORTS("1022:1600", "rp") "rp@2(ep)", "01:00.0", "02:00.0", P2PDMA_HOST_NOT_LISTED},
        {PORTS("1d94:1450", "rp") "rp@2(ep)", "01:00.0", "02:00.0", P2PDMA_HOST_NOT_LISTED},
        /* Whatever stands first: a root port will do anywhere, anything else only at 00.0. */
        {"rp@2[id=8086:2030](ep) rp@3(ep)", "01:00.0", "02:00.0", P2PDMA_HOST_LISTED},
        {"rciep@2[id=8086:2030] rp@3(ep) rp@4(ep)", "01:00.0", "02:00.0", P2PDMA_HOST_UNIDENTIFIABLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = fixture_machine(cases[i].machine);
        struct diagnostics *diagnostics = diagnostics_new(5);
        struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, "", diagnostics);
        struct p2pdma_verdict verdict =
            p2pdma_ask(groups, P2PDMA_CPU_GUESS, fixture_function(topology, cases[i].provider)->id,
                       fixture_function(topology, cases[i].client)->id);
        ck_assert_msg(verdict.host == cases[i].host, "case %zu: %s", i, p2pdma_host_text(verdict.host));
        ck_assert_int_eq(verdict.map, verdict.host == P2PDMA_HOST_LISTED || verdict.host == P2PDMA_HOST_CPU
                                          ? P2PDMA_THROUGH_HOST_BRIDGE
                                          : P2PDMA_NOT_SUPPORTED);
        iommu_groups_free(groups);
        diagnostics_free(diagnostics);
        topology_free(topology);
    }
}
END_TEST

START_TEST(the_hint_names_both_ways)
{
    struct topology *topology = fixture_machine(SWITCH("1d", "1d"));
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, "", diagnostics);
    uint32_t ids[4];
    uint32_t count = p2pdma_redirectors(groups, fixture_function(topology, "04:00.0")->id,
                                        fixture_function(topology, "03:00.0")->id, ids, 4);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(ids[0], fixture_function(topology, "02:01.0")->id);
    ck_assert_uint_eq(ids[1], fixture_function(topology, "02:00.0")->id);
    iommu_groups_free(groups);
    diagnostics_free(diagnostics);
    topology_free(topology);
}
END_TEST

Suite *p2pdma_suite(void)
{
    Suite *suite = suite_create("p2pdma");
    TCase *tests = tcase_create("p2pdma");
    tcase_add_test(tests, situations);
    tcase_add_test(tests, host_bridges);
    tcase_add_test(tests, the_hint_names_both_ways);
    suite_add_tcase(suite, tests);
    return suite;
}
