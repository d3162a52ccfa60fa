/* SPDX-License-Identifier: MIT */
/* The rework of 2025 and the slip of Linux 5.9, beyond the vectors of test_iommu_groups.c. */
#include "sim/analysis/acs_rework.h"
#include "sim/analysis/group_explain.h"
#include "sim/analysis/group_former.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/group_listing.h"
#include "tests/unit/random_machine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *acs_rework_suite(void);

#define REWORK  GROUP_ALGORITHM_ACS_REWORK_V3
#define CLASSIC GROUP_ALGORITHM_LINUX
#define SLIP    GROUP_ALGORITHM_LINUX_5_9

struct rule_case {
    const char *machine;
    enum group_algorithm algorithm;
    const char *cmdline;
    const char *groups;
};

START_TEST(rules)
{
    static const struct rule_case cases[] = {
        /* Linux 5.9: chipset ports without the capability are not switched on. */
        {"rp@1c.0[id=8086:8d10](ep) rp@1c.4[id=8086:8d18](ep)", CLASSIC, NULL,
         "00:1c.0 | 00:1c.4 | 01:00.0 | 02:00.0"},
        {"rp@1c.0[id=8086:8d10](ep) rp@1c.4[id=8086:8d18](ep)", SLIP, NULL,
         "00:1c.0 00:1c.4 01:00.0 02:00.0"},
        {"rp@1c.0[id=8086:8d10](ep) rp@1c.4[id=8086:8d18](ep)", REWORK, NULL,
         "00:1c.0 | 00:1c.4 | 01:00.0 | 02:00.0"},
        /* Control bits of ACS Enhanced: the kernel sets the redirects, and wants them. */
        {"rp@1[acs=9f:1d](ep)", REWORK, NULL, "00:01.0 | 01:00.0"},
        {"rp@1[acs=9f:1a1d](ep)", REWORK, NULL, "00:01.0 | 01:00.0"},
        {"rp@1[acs=9f:1a1d](ep)", REWORK, "pci=config_acs=xxx0xxxxxxxxx@00:01.0", "00:01.0 01:00.0"},
        {"rp@1[acs=9f:1d](ep)", REWORK, "pci=config_acs=xxx0111x1@00:01.0", "00:01.0 01:00.0"},
        {"rp@1[acs=9f:1a1d](ep)", REWORK, "pci=config_acs=0000000011101@00:01.0", "00:01.0 01:00.0"},
        {"rp@1[acs=9f:1a1d](ep)", REWORK, "pci=config_acs=0001000011101@00:01.0", "00:01.0 | 01:00.0"},
        {"rp@1[acs=9f:1a1d](ep)", CLASSIC, "pci=config_acs=0000000011101@00:01.0", "00:01.0 | 01:00.0"},
        /* Without the bit in the capability they count as on, whatever the vector size above them. */
        {"rp@1[acs=b1f:1d](ep)", REWORK, NULL, "00:01.0 | 01:00.0"},
        /* A downstream port that lets others at the upstream port's memory spoils that one, too. */
        {"rp@1[acs](up(dp@0[acs=9f:1d](ep) dp@1[acs=9f:1d](ep)))", REWORK,
         "pci=config_acs=1000011101@00:01.0/00.0/00.0", "00:01.0 | 01:00.0 02:00.0 02:01.0 03:00.0 04:00.0"},
        {"rp@1[acs](up(dp@0[acs=9f:1d](ep) dp@1[acs=9f:1d](ep)))", REWORK,
         "pci=config_acs=100000000000@00:01.0/00.0/00.0",
         "00:01.0 | 01:00.0 | 02:00.0 02:01.0 03:00.0 04:00.0"},
        /* A port above that isolates does not help what is below a switch that does not. */
        {"rp@1[acs=1f:0](up(dp@0[acs](ep)))", REWORK, NULL, "00:01.0 01:00.0 02:00.0 03:00.0"},
        {"rp@1(up(dp@0[acs](ep)))", REWORK, NULL, "00:01.0 | 01:00.0 | 02:00.0 | 03:00.0"},
        /* Bridges. */
        {"rp@1[acs](pci2pcie(ep))", REWORK, NULL, "00:01.0 | 01:00.0 02:00.0"},
        {"rp@1[acs](pcie2pci(pcibridge@1(pci@2)))", REWORK, NULL, "00:01.0 | 01:00.0 | 02:01.0 03:02.0"},
        {"rp@1[acs](pcibridge(pci@1))", REWORK, NULL, "00:01.0 | 01:00.0 02:01.0"},
        /* A slot in which only function 1 says that there are several. */
        {"rp@1[acs](ep@0.0[acs=c:0] ep@0.1[acs=c:0])", REWORK, NULL, "00:01.0 | 01:00.0 01:00.1"},
        {"rp@1[acs](ep@0.0[acs=c:0] ep@0.1)", REWORK, NULL, "00:01.0 | 01:00.0 01:00.1"},
        {"rp@1[acs](ep@0.0[acs=c:0] ep@0.1 ep@1.0)", REWORK, NULL, "00:01.0 | 01:00.0 01:00.1 | 01:01.0"},
        /* VFs: by the bus of their PF. */
        {"rp@1[acs=1f:0,ari](ep[ari,vf=2:256:1])", REWORK, NULL, "00:01.0 01:00.0 02:00.0 02:00.1"},
        {"rp@1[ari](ep[ari,vf=2:256:1])", REWORK, NULL, "00:01.0 | 01:00.0 | 02:00.0 | 02:00.1"},
        {"rp@1(ep@0[id=14e4:9000])", REWORK, NULL, "00:01.0 | 01:00.0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct rule_case *each = &cases[i];
        struct group_options options = {.cmdline = each->cmdline, .algorithm = each->algorithm};
        char *groups = group_listing_as(each->machine, &options);
        ck_assert_msg(strcmp(groups, each->groups) == 0, "%s, %s [%s]:\n  %s\nexpected\n  %s", each->machine,
                      group_algorithm_name(each->algorithm), each->cmdline ? each->cmdline : "", groups,
                      each->groups);
        free(groups);
    }
}
END_TEST

static struct diagnostics *diagnostics;

static struct topology *machine(const char *text)
{
    struct topology *topology = synthetic_parse(text, text, diagnostics);
    ck_assert_ptr_nonnull(topology);
    return topology;
}

START_TEST(enhanced_bits_enabled)
{
    static const struct {
        enum group_algorithm algorithm;
        enum acs_state state;
        uint16_t control, expected;
        const char *cmdline;
    } cases[] = {
        {CLASSIC, ACS_FIRMWARE, 0, 0x1d, NULL},    {CLASSIC, ACS_FIRMWARE, 0x200, 0x21d, NULL},
        {REWORK, ACS_FIRMWARE, 0, 0x1a1d, NULL},   {REWORK, ACS_FIRMWARE, 0x80, 0x1a9d, NULL},
        {REWORK, ACS_BOOTED, 0x1d, 0x1a1d, NULL},  {REWORK, ACS_BOOTED, 0x11, 0x1a11, NULL},
        {REWORK, ACS_FIRMWARE, 0, 0, "iommu=off"}, {REWORK, ACS_BOOTED, 0x1d, 0x1d, "intel_iommu=off"},
        {CLASSIC, ACS_BOOTED, 0x1d, 0x1d, NULL},
    };
    struct topology *topology = machine("rp@1[acs=9f:0](ep)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct group_options options = {.algorithm = cases[i].algorithm, .cmdline = cases[i].cmdline};
        topology->acs_state = cases[i].state;
        topology->functions[0].acs.control = cases[i].control;
        struct iommu_groups *groups = iommu_groups_form_as(topology, &options, diagnostics);
        ck_assert_msg(groups->views[0].control == cases[i].expected, "case %zu: %x", i,
                      groups->views[0].control);
        iommu_groups_free(groups);
    }
    topology_free(topology);
}
END_TEST

/* A bridge that no unit covers has no group, and what is below waits for it for ever. */
START_TEST(deferred)
{
    struct topology *topology = machine("rp@1[acs](ep) rp@2[acs](ep)");
    struct iommu_scope scopes[] = {
        {.kind = SCOPE_FUNCTION, .bus = 1},
        {.kind = SCOPE_BRIDGE, .devfn = pci_devfn(2, 0)},
    };
    struct iommu_unit units[] = {
        {.id = 0, .kind = IOMMU_VT_D, .scopes = scopes, .scope_count = 1},
        {.id = 1, .kind = IOMMU_VT_D, .scopes = scopes + 1, .scope_count = 1},
    };
    struct group_options options = {.algorithm = REWORK};
    topology->units = units;
    topology->unit_count = 2;
    topology->units_known = true;
    struct iommu_groups *groups = iommu_groups_form_as(topology, &options, diagnostics);
    char *text = group_listing(groups);
    ck_assert_str_eq(text, "00:02.0 | 02:00.0");
    free(text);
    struct text_buffer reason = {0};
    group_explain(groups, 2, &reason);
    ck_assert_str_eq(text_buffer_get(&reason), "no group: it waits for 0000:00:01.0, which has none");
    text_buffer_fini(&reason);
    iommu_groups_free(groups);
    options.algorithm = CLASSIC;
    groups = iommu_groups_form_as(topology, &options, diagnostics);
    ck_assert_uint_eq(groups->group_count, 3);
    iommu_groups_free(groups);

    /* The unit of what is below comes first: put off, then decided. */
    units[1].scopes[0].devfn = pci_devfn(1, 0);
    scopes[1].kind = SCOPE_FUNCTION;
    struct iommu_unit swapped[] = {units[1], units[0]};
    topology->units = swapped;
    options.algorithm = REWORK;
    groups = iommu_groups_form_as(topology, &options, diagnostics);
    text = group_listing(groups);
    ck_assert_str_eq(text, "00:01.0 | 01:00.0");
    free(text);
    iommu_groups_free(groups);
    topology_free(topology);
}
END_TEST

START_TEST(reasons)
{
    static const struct {
        const char *machine;
        uint32_t function;
        const char *text;
    } cases[] = {
        {"rp@1[acs=1f:11](ep)", 1,
         "joins 0000:00:01.0: the path up is not isolated, 0000:00:01.0 (root-port): its ACS control lacks "
         "ReqRedir, CmpltRedir"},
        {"rp@1[acs](up(dp@0[acs=1f:0] dp@1[acs](ep)))", 3,
         "joins 0000:02:00.0: functions of its bus are one, 0000:02:00.0 (downstream-port): its ACS control "
         "lacks SrcValid, ReqRedir, CmpltRedir, UpstreamFwd"},
        {"rp@1[acs](up(dp@0[acs=1f:0] dp@1[acs](ep)))", 4,
         "joins 0000:02:01.0: that group takes all that is below its bridges"},
        {"rp@1[acs](up(dp@0[acs] ep@1))", 2,
         "joins 0000:01:00.0: the path up is not isolated, 0000:02:01.0 (endpoint): it is not a plain "
         "downstream port"},
        {"rp@1[acs](pcie2pci(pci@1 pci@2))", 3,
         "joins 0000:02:01.0: functions of its bus are one, 0000:01:00.0 (pcie-to-pci-bridge): it bridges "
         "to conventional PCI"},
        {"rp@1[acs](ep@0.0[acs=c:0] ep@0.1)", 2,
         "joins 0000:01:00.0: functions of one slot that may reach each other, 0000:01:00.0 (endpoint): its "
         "ACS control lacks ReqRedir, CmpltRedir"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct group_options options = {.algorithm = REWORK};
        struct topology *topology = machine(cases[i].machine);
        struct iommu_groups *groups = iommu_groups_form_as(topology, &options, diagnostics);
        struct text_buffer text = {0};
        group_explain(groups, cases[i].function, &text);
        ck_assert_str_eq(text_buffer_get(&text), cases[i].text);
        text_buffer_fini(&text);
        iommu_groups_free(groups);
        topology_free(topology);
    }
}
END_TEST

START_TEST(names)
{
    static const char *const words[] = {"linux", "linux-5.9", "acs-rework-v3", "linux-acs-rework-v3"};
    static const enum group_algorithm meant[] = {CLASSIC, SLIP, REWORK, REWORK};
    for (size_t i = 0; i < 4; i++) {
        enum group_algorithm algorithm;
        ck_assert(group_algorithm_parse(words[i], &algorithm));
        ck_assert_uint_eq(algorithm, meant[i]);
        if (i < 3)
            ck_assert_str_eq(group_algorithm_name(algorithm), words[i]);
    }
    enum group_algorithm untouched = SLIP;
    ck_assert(!group_algorithm_parse("linux-linux", &untouched) && untouched == SLIP);
    ck_assert(!group_algorithm_parse("", &untouched));
}
END_TEST

/* A bridge's group that takes all below really has it, and whoever shares a requester id shares the group:
 * the check the rework makes of itself. */
START_TEST(random_machines)
{
    struct group_options options = {.algorithm = REWORK, .choice = IOMMU_CHOICE_VT_D};
    for (unsigned i = 0; i < 300; i++) {
        char *description = random_machine_text(i, 60);
        struct topology *topology = machine(description);
        struct iommu_groups *groups = iommu_groups_form_as(topology, &options, diagnostics);
        for (uint32_t a = 0; a < topology->function_count; a++) {
            const struct pci_function *function = &topology->functions[a];
            const struct group_decision *decision = &groups->decisions[a];
            ck_assert_msg(decision->group < groups->group_count, "%s: %u has no group", description, a);
            const struct pci_bus *bus = &topology->buses[function->bus_id];
            for (uint32_t j = 0; j < bus->function_count; j++) {
                const struct pci_function *other = &topology->functions[bus->functions[j]];
                if (other != function && dma_alias_pair(topology, groups->alias_sets, function, other))
                    ck_assert_msg(decision->group == groups->decisions[other->id].group, "%s: %u and %u",
                                  description, a, other->id);
            }
        }
        iommu_groups_free(groups);
        topology_free(topology);
        free(description);
    }
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

Suite *acs_rework_suite(void)
{
    Suite *suite = suite_create("acs_rework");
    TCase *tests = tcase_create("acs_rework");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, rules);
    tcase_add_test(tests, enhanced_bits_enabled);
    tcase_add_test(tests, deferred);
    tcase_add_test(tests, reasons);
    tcase_add_test(tests, names);
    tcase_add_test(tests, random_machines);
    suite_add_tcase(suite, tests);
    return suite;
}
