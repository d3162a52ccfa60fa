/* SPDX-License-Identifier: MIT */
/* Which functions are covered, by which unit, in which order; what is assumed where the input hides
 * something. */
#include "sim/topology/synthetic.h"
#include "tests/unit/group_listing.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *group_coverage_suite(void);

#define AUTO              IOMMU_CHOICE_AUTO
#define PORT_AND_ENDPOINT "00:01.0 | 01:00.0"
#define ONE_GROUP         "00:01.0 01:00.0"

#define CHECK_CASES(cases) group_cases_check(cases, sizeof(cases) / sizeof((cases)[0]))

static struct diagnostics *diagnostics;

static struct topology *machine(const char *text)
{
    struct topology *topology = synthetic_parse(text, text, diagnostics);
    ck_assert_ptr_nonnull(topology);
    return topology;
}

static void expect(struct topology *topology, enum iommu_choice choice, const char *cmdline,
                   const char *expected)
{
    struct iommu_groups *groups = iommu_groups_form(topology, choice, cmdline, diagnostics);
    char *text = group_listing(groups);
    ck_assert_str_eq(text, expected);
    free(text);
    iommu_groups_free(groups);
}

START_TEST(assumed_coverage)
{
    static const struct group_case cases[] = {
        /* AMD: the IOMMU and what stands before it in its slot. */
        {"pci@0.0[id=1022:1480,class=0600] pci@0.2[id=1022:1481,class=0806] pci@0.3[id=1022:1482] pci@1",
         AUTO, NULL, "00:00.3 | 00:01.0"},
        {"pci@0.0[class=0600] pci@1.0[id=1022:1419,class=0806]", AUTO, NULL, "00:00.0"},
        {"pci@0.0[id=1022:1480,class=0600] rp@1[acs](ep)", AUTO, "amd_iommu=off", ""},
        /* VT-d: Intel graphics has a unit of its own, which is visited first. */
        {"pci@0[class=0600] rciep@2[id=8086:4680,class=0300] pci@3", AUTO, NULL,
         "00:02.0 | 00:00.0 | 00:03.0"},
        {"pci@0[class=0600] rciep@2[id=8086:4680,class=0300] pci@3", AUTO, "intel_iommu=igfx_off",
         "00:00.0 | 00:03.0"},
        {"pci@0[class=0600] pci@2[class=0300]", AUTO, NULL, "00:00.0 | 00:02.0"},
        /* SMMUv3: one function a stream id. */
        {"pci@0[id=1b36:0008,class=0600] rp@1[acs](pcie2pci(pci@1 pci@2))", AUTO, NULL,
         "00:00.0 | 00:01.0 | 01:00.0 02:01.0"},
        {"pci@0[id=1b36:0008,class=0600] pcibridge@1(pci@1 pci@2)", AUTO, NULL, "00:00.0 | 00:01.0"},
        {"rp@1[id=177d:a000](ep@0.0[id=1b4b:9120] ep@0.1)", AUTO, NULL, PORT_AND_ENDPOINT},
        {"rp@1[acs](pcie2pci(pci@1 pci@2))", IOMMU_CHOICE_VT_D, NULL, "00:01.0 | 01:00.0 02:01.0 02:02.0"},
    };
    CHECK_CASES(cases);
}
END_TEST

START_TEST(units_in_order)
{
    struct topology *topology =
        machine("pci@0 pci@2[class=0300] rp@3[acs](ep) | bus=40:rp@0[acs](ep) | bus=80:pci@1");
    struct iommu_scope graphics = {.kind = SCOPE_FUNCTION, .devfn = pci_devfn(2, 0)};
    struct iommu_scope bridge = {.kind = SCOPE_BRIDGE, .bus = 0x40, .devfn = 0};
    struct iommu_unit units[] = {
        {.id = 0, .kind = IOMMU_VT_D, .scopes = &graphics, .scope_count = 1},
        {.id = 1, .kind = IOMMU_VT_D, .scopes = &bridge, .scope_count = 1},
        {.id = 2, .kind = IOMMU_VT_D, .include_all = true},
    };
    topology->units = units;
    topology->unit_count = 3;
    topology->units_known = true;
    /* Reverse table order before the one for everything. */
    expect(topology, AUTO, NULL, "40:00.0 | 41:00.0 | 00:02.0 | 00:00.0 | 00:03.0 | 01:00.0 | 80:01.0");
    expect(topology, AUTO, "intel_iommu=igfx_off",
           "40:00.0 | 41:00.0 | 00:00.0 | 00:03.0 | 01:00.0 | 80:01.0");
    /* Another kind on the command line: the units do not apply. */
    expect(topology, IOMMU_CHOICE_AMD_VI, NULL,
           "00:00.0 | 00:02.0 | 00:03.0 | 01:00.0 | 40:00.0 | 41:00.0 | 80:01.0");
    /* Without it, what no scope names has no group. A bridge without group is passed over. */
    topology->unit_count = 2;
    expect(topology, AUTO, NULL, "40:00.0 | 41:00.0 | 00:02.0");
    bridge = (struct iommu_scope){.kind = SCOPE_BUS_RANGE, .bus_start = 0x41, .bus_end = 0x41};
    expect(topology, AUTO, NULL, "41:00.0 | 00:02.0");
    units[0].segment = 1;
    expect(topology, AUTO, NULL, "41:00.0");
    topology->unit_count = 0;
    expect(topology, AUTO, NULL, "");
    topology_free(topology);
}
END_TEST

/* The same addresses in two segments are different functions, below different units. */
START_TEST(segments)
{
    struct topology *topology = machine("bus=0: rp@1.0(ep@0.0 ep@0.1) | bus=0: rp@1.1[seg=1](ep@0.2)");
    expect(topology, AUTO, NULL, "00:01.0 01:00.0 01:00.1 | 0001:00:01.1 0001:01:00.2");
    struct iommu_scope function = {.segment = 0, .kind = SCOPE_BRIDGE, .devfn = pci_devfn(1, 0)};
    struct iommu_unit units[] = {
        {.id = 0, .kind = IOMMU_VT_D, .segment = 1, .include_all = true},
        {.id = 1, .kind = IOMMU_VT_D, .scopes = &function, .scope_count = 1},
    };
    topology->units = units;
    topology->unit_count = 2;
    topology->units_known = true;
    /* What takes everything comes last, and takes that of its segment only. */
    expect(topology, AUTO, NULL, "00:01.0 01:00.0 01:00.1 | 0001:00:01.1 0001:01:00.2");
    topology->unit_count = 1;
    expect(topology, AUTO, NULL, "0001:00:01.1 0001:01:00.2");
    units[0].segment = 0;
    expect(topology, AUTO, NULL, "00:01.0 01:00.0 01:00.1");
    topology_free(topology);
}
END_TEST

/* A bridge outside every scope has no group to join: steps "same bus" and "same slot" then run on the highest
 * such bridge, and the functions below all come to different groups. */
START_TEST(bridges_without_group)
{
    struct topology *topology = machine("rp@1(ep@0.0 ep@0.1)");
    struct iommu_scope scope = {.kind = SCOPE_BUS_RANGE, .bus_start = 1, .bus_end = 1};
    struct iommu_unit unit = {.kind = IOMMU_VT_D, .scopes = &scope, .scope_count = 1};
    topology->units = &unit;
    topology->unit_count = 1;
    topology->units_known = true;
    expect(topology, AUTO, NULL, "01:00.0 | 01:00.1");
    topology_free(topology);
}
END_TEST

START_TEST(types)
{
    static const struct {
        enum iommu_choice choice;
        const char *cmdline;
        enum group_type type;
    } cases[] = {
        {AUTO, NULL, GROUP_TYPE_DMA_FQ},
        {AUTO, "iommu.strict=1", GROUP_TYPE_DMA},
        {AUTO, "intel_iommu=on,strict", GROUP_TYPE_DMA},
        {AUTO, "iommu=pt", GROUP_TYPE_IDENTITY},
        {AUTO, "iommu.passthrough=1 iommu.strict=1", GROUP_TYPE_IDENTITY},
        {IOMMU_CHOICE_SMMUV3, NULL, GROUP_TYPE_DMA},
        {IOMMU_CHOICE_SMMUV3, "iommu.strict=0", GROUP_TYPE_DMA_FQ},
        {IOMMU_CHOICE_AMD_VI, "amd_iommu=fullflush", GROUP_TYPE_DMA},
    };
    struct topology *topology = machine("rp@1[acs](ep)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct iommu_groups *groups =
            iommu_groups_form(topology, cases[i].choice, cases[i].cmdline, diagnostics);
        ck_assert_str_eq(group_type_name(groups->groups[0].type), group_type_name(cases[i].type));
        iommu_groups_free(groups);
    }
    topology->functions[1].untrusted = true;
    struct iommu_groups *groups = iommu_groups_form(topology, AUTO, NULL, diagnostics);
    ck_assert_int_eq(groups->groups[0].type, GROUP_TYPE_DMA_FQ);
    ck_assert_int_eq(groups->groups[1].type, GROUP_TYPE_DMA);
    iommu_groups_free(groups);
    topology_free(topology);
}
END_TEST

/* Dumps of ordinary users hide capabilities; the answer is then assumed, and said to be. */
START_TEST(hidden_capabilities)
{
    static const struct {
        uint16_t vendor, device;
        bool present; /* the capability is named, its bits are not shown */
        const char *groups;
    } cases[] = {
        {0x1022, 0x1483, false, PORT_AND_ENDPOINT}, /* seen apart */
        {0x8086, 0x1901, false, ONE_GROUP},         /* seen together */
        {0x8086, 0xfff0, false, PORT_AND_ENDPOINT}, /* unseen, of a vendor whose ports isolate */
        {0x1234, 0xfff0, false, ONE_GROUP},         {0x1234, 0xfff0, true, PORT_AND_ENDPOINT},
        {0x8086, 0x1901, true, PORT_AND_ENDPOINT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = machine("rp@1(ep)");
        struct pci_function *port = &topology->functions[0];
        port->vendor = cases[i].vendor;
        port->device = cases[i].device;
        port->acs.present = cases[i].present;
        port->acs_unknown = true;
        expect(topology, IOMMU_CHOICE_VT_D, NULL, cases[i].groups);
        struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, NULL, diagnostics);
        ck_assert_int_eq(groups->verdicts[0].reason, ACS_REASON_ASSUMED);
        iommu_groups_free(groups);
        topology_free(topology);
    }
    /* Integrated functions that show no capabilities are conventional only by guess. */
    struct topology *topology = machine("pci@14.0[id=8086:02ed] pci@14.3[id=8086:02f0,class=0280]");
    expect(topology, IOMMU_CHOICE_VT_D, NULL, "00:14.0 00:14.3");
    topology->functions[0].pcie_unknown = topology->functions[1].pcie_unknown = true;
    expect(topology, IOMMU_CHOICE_VT_D, NULL, "00:14.0 | 00:14.3");
    topology_free(topology);
}
END_TEST

START_TEST(switches_of_other_kinds)
{
    static const struct {
        enum iommu_choice choice;
        const char *cmdline;
        unsigned warnings;
    } cases[] = {
        {IOMMU_CHOICE_VT_D, "intel_iommu=off", 0},  {IOMMU_CHOICE_VT_D, "amd_iommu=off", 1},
        {IOMMU_CHOICE_AMD_VI, "amd_iommu=off", 0},  {IOMMU_CHOICE_AMD_VI, "intel_iommu=off", 1},
        {IOMMU_CHOICE_AMD_VI, "intel_iommu=on", 0}, {IOMMU_CHOICE_SMMUV3, "iommu=off", 1},
        {IOMMU_CHOICE_NONE, "intel_iommu=off", 0},
    };
    struct topology *topology = machine("rp@1[acs](ep)");
    unsigned expected = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        iommu_groups_free(iommu_groups_form(topology, cases[i].choice, cases[i].cmdline, diagnostics));
        expected += cases[i].warnings;
        ck_assert_uint_eq(diagnostics_warnings(diagnostics), expected);
    }
    topology_free(topology);
}
END_TEST

/* A dump that prints groups shows which functions have none, and which unit came first. */
START_TEST(stated_groups)
{
    struct topology *topology = machine("pci@0[class=0600] rciep@2[id=8086:4680,class=0300] pci@3");
    uint32_t agree, differ;
    for (uint32_t id = 0; id < 2; id++) {
        topology->functions[id].group_reported = true;
        topology->functions[id].reported_group = id;
    }
    expect(topology, AUTO, NULL, "00:00.0 | 00:02.0");
    expect(topology, IOMMU_CHOICE_VT_D, NULL, "00:02.0 | 00:00.0 | 00:03.0");
    topology->functions[0].reported_group = 1;
    struct iommu_groups *groups = iommu_groups_form(topology, AUTO, NULL, diagnostics);
    ck_assert_int_eq(groups->coverage->functions[2].reason, UNCOVERED_REPORTED);
    iommu_groups_agreement(groups, &agree, &differ);
    ck_assert_uint_eq(agree, 0);
    ck_assert_uint_eq(differ, 2);
    iommu_groups_free(groups);
    topology->functions[0].reported_group = 7;
    expect(topology, AUTO, NULL, "00:02.0 | 00:00.0");
    groups = iommu_groups_form(topology, AUTO, NULL, diagnostics);
    iommu_groups_agreement(groups, &agree, &differ);
    ck_assert_uint_eq(agree, 2);
    ck_assert_uint_eq(differ, 0);
    iommu_groups_free(groups);
    topology_free(topology);
}
END_TEST

static void setup(void)
{
    diagnostics = diagnostics_new(20);
}

static void teardown(void)
{
    diagnostics_free(diagnostics);
}

Suite *group_coverage_suite(void)
{
    Suite *suite = suite_create("group_coverage");
    TCase *tests = tcase_create("group_coverage");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, assumed_coverage);
    tcase_add_test(tests, units_in_order);
    tcase_add_test(tests, segments);
    tcase_add_test(tests, bridges_without_group);
    tcase_add_test(tests, types);
    tcase_add_test(tests, hidden_capabilities);
    tcase_add_test(tests, switches_of_other_kinds);
    tcase_add_test(tests, stated_groups);
    suite_add_tcase(suite, tests);
    return suite;
}
