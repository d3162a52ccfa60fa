/* SPDX-License-Identifier: MIT */
/* The steps before and beside the group algorithm: what the kernel enables and believes, aliases, coverage,
 * order of units, command line. Each case is a machine of one line, sometimes retouched. */
#include "sim/analysis/dma_alias.h"
#include "sim/analysis/group_explain.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/group_listing.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *group_steps_suite(void);

#define AUTO              IOMMU_CHOICE_AUTO
#define PORT_AND_ENDPOINT "00:01.0 | 01:00.0"
#define ONE_GROUP         "00:01.0 01:00.0"

#define CHECK_CASES(cases) group_cases_check(cases, sizeof(cases) / sizeof((cases)[0]))

START_TEST(command_line)
{
    static const struct group_case cases[] = {
        {"rp@1[acs](ep)", AUTO, "intel_iommu=on", PORT_AND_ENDPOINT},
        {"rp@1[acs](ep)", AUTO, "intel_iommu=off", ""},
        {"rp@1[acs](ep)", AUTO, "iommu=off", ""},
        {"rp@1[acs](ep)", AUTO, "amd_iommu=off", PORT_AND_ENDPOINT},
        {"rp@1[acs](ep)", IOMMU_CHOICE_AMD_VI, "amd_iommu=off", ""},
        {"rp@1[acs](ep)", IOMMU_CHOICE_AMD_VI, "intel_iommu=off", PORT_AND_ENDPOINT},
        {"rp@1[acs](ep)", IOMMU_CHOICE_SMMUV3, "iommu=off", PORT_AND_ENDPOINT},
        {"rp@1[acs](ep)", IOMMU_CHOICE_NONE, NULL, ""},
        {"rp@1[acs](ep)", AUTO, "iommu=pt", PORT_AND_ENDPOINT},
        /* Registers of a running kernel: the options are applied to them all the same. */
        {"rp@1[acs](ep)", AUTO, "pci=disable_acs_redir=00:01.0", ONE_GROUP},
        {"rp@1[acs](ep)", AUTO, "pci=disable_acs_redir=00:02.0", PORT_AND_ENDPOINT},
        {"rp@1[acs=1f:11](ep)", AUTO, "pci=disable_acs_redir=00:01.0", ONE_GROUP},
        {"rp@1[acs=11:11](ep)", AUTO, "pci=disable_acs_redir=00:01.0", PORT_AND_ENDPOINT},
        {"rp@1[acs](ep)", AUTO, "pci=config_acs=x0@00:01.0", ONE_GROUP},
        {"rp@1[acs=1f:1d](ep)", AUTO, "pci=config_acs=111x1@00:01.0", PORT_AND_ENDPOINT},
        {"rp@1[acs=1f:1d](ep)", AUTO, "pci=config_acs=0xxxxxx@00:01.0", PORT_AND_ENDPOINT},
        {"rp@1[acs=1f:1d](ep)", AUTO, "pci=config_acs=1xxxx@00:01.0", PORT_AND_ENDPOINT},
        {"rp@1[acs=1f:1d](ep)", AUTO, "pci=config_acs=111xx@pci:1b36:0;xxxx0@pci:1b36:0", PORT_AND_ENDPOINT},
        {"rp@1[acs=1f:1d](ep)", AUTO, "pci=config_acs=xxxx0@pci:1b36:0;111xx@pci:1b36:0", ONE_GROUP},
        /* What firmware left and the options do not name is thrown away with the kernel's own bits. */
        {"rp@1[acs=1f:1d](ep)", AUTO, "pci=config_acs=xxx1x@00:01.0", ONE_GROUP},
        {"rp@1[acs=1f:0](ep)", AUTO, "pci=config_acs=11101@00:01.0", PORT_AND_ENDPOINT},
        /* config_acs wins over disable_acs_redir. */
        {"rp@1[acs](ep)", AUTO, "pci=disable_acs_redir=00:01.0,config_acs=11111@00:01.0", PORT_AND_ENDPOINT},
        /* The override believes, but only where there is no capability. */
        {"rp@1(ep)", AUTO, "pcie_acs_override=downstream", PORT_AND_ENDPOINT},
        {"rp@1(ep)", AUTO, "pcie_acs_override=multifunction", ONE_GROUP},
        {"rp@1(ep)", AUTO, "pcie_acs_override=id:1b36:000c", PORT_AND_ENDPOINT},
        {"rp@1[acs=1f:0](ep)", AUTO, "pcie_acs_override=downstream,id:1b36:000c", ONE_GROUP},
        {"rp@1[acs](ep@0.0 ep@0.1)", AUTO, "pcie_acs_override=multifunction", "00:01.0 | 01:00.0 | 01:00.1"},
        {"pci@1.0 pci@1.1", AUTO, "pcie_acs_override=downstream,multifunction", "00:01.0 00:01.1"},
        {"rcec@1.0 rcec@1.1", AUTO, "pcie_acs_override=multifunction", "00:01.0 00:01.1"},
        {"rp@1(pcie2pci(pci@1))", AUTO, "pcie_acs_override=downstream,multifunction",
         "00:01.0 | 01:00.0 02:01.0"},
        {"rp@1[id=1d17:0800](ep)", AUTO, "pcie_acs_override=downstream", ONE_GROUP},
    };
    CHECK_CASES(cases);
}
END_TEST

START_TEST(belief)
{
    static const struct group_case cases[] = {
        /* Only bits on offer must be on. */
        {"rp@1[acs=1e:1c](ep)", AUTO, NULL, PORT_AND_ENDPOINT},
        {"rp@1[acs=0:0](ep)", AUTO, NULL, PORT_AND_ENDPOINT},
        {"rp@1[acs=1f:1c](ep)", AUTO, NULL, ONE_GROUP},
        {"rp@1[acs=4:0](ep)", AUTO, NULL, ONE_GROUP},
        /* IDT switches: Source Validation is not counted. */
        {"rp@1[acs](up(dp@0[id=111d:80b5,acs=1f:1c](ep)))", AUTO, NULL,
         "00:01.0 | 01:00.0 | 02:00.0 | 03:00.0"},
        {"rp@1[acs](up(dp@0[id=111d:80b4,acs=1f:1c](ep)))", AUTO, NULL,
         "00:01.0 | 01:00.0 | 02:00.0 03:00.0"},
        /* Lists. */
        {"rp@1[id=8086:1c10](ep)", AUTO, NULL, PORT_AND_ENDPOINT},
        {"rp@1[id=8086:1c10](ep)", IOMMU_CHOICE_AMD_VI, NULL, PORT_AND_ENDPOINT},
        {"rp@1[id=177d:a000](ep)", IOMMU_CHOICE_SMMUV3, NULL, PORT_AND_ENDPOINT},
        {"rp@1[id=17cb:0400](ep)", IOMMU_CHOICE_SMMUV3, NULL, PORT_AND_ENDPOINT},
        {"rp@1[id=1d17:0710](ep)", AUTO, NULL, PORT_AND_ENDPOINT},
        {"rp@1[id=1d17:0800,acs](ep)", AUTO, NULL, ONE_GROUP},
        {"rp@1[acs](ep@0.0[id=8088:0100] ep@0.1[id=8088:0100])", AUTO, NULL, "00:01.0 | 01:00.0 | 01:00.1"},
        {"rp@1[acs](ep@0.0[id=8088:0200,acs=0:0] ep@0.1[id=8088:0200,acs=0:0])", AUTO, NULL,
         "00:01.0 | 01:00.0 01:00.1"},
        {"rciep@3.0[id=8086:1234] rciep@3.1[id=8086:1235]", AUTO, NULL, "00:03.0 | 00:03.1"},
        {"pci@3.0[id=8086:1234] pci@3.1[id=8086:1235]", AUTO, NULL, "00:03.0 00:03.1"},
        {"rcec@3.0[id=8086:1234] rcec@3.1[id=8086:1235]", AUTO, NULL, "00:03.0 00:03.1"},
        {"pci@14.0[id=1002:4385] pci@14.3[id=1002:439d]", IOMMU_CHOICE_AMD_VI, NULL, "00:14.0 | 00:14.3"},
        {"pci@14.0[id=1002:4385] pci@14.3[id=1002:439d]", IOMMU_CHOICE_VT_D, NULL, "00:14.0 00:14.3"},
        {"rp@1[acs](ep@0.0[id=1924:0903] ep@0.1[id=1924:0903])", AUTO, NULL, "00:01.0 | 01:00.0 | 01:00.1"},
        /* Bridge types. */
        {"rp@1[acs](pci2pcie(ep))", AUTO, NULL, "00:01.0 | 01:00.0 02:00.0"},
        {"pci@1.0 rp@1.1[acs](ep)", AUTO, NULL, "00:01.0 | 00:01.1 | 01:00.0"},
    };
    CHECK_CASES(cases);
}
END_TEST

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

START_TEST(firmware_state)
{
    struct topology *topology = machine("rp@1[acs=5f:0](ep)");
    topology->acs_state = ACS_FIRMWARE;
    expect(topology, AUTO, NULL, PORT_AND_ENDPOINT);
    expect(topology, AUTO, "pci=disable_acs_redir=00:01.0", ONE_GROUP);
    expect(topology, AUTO, "pci=config_acs=11101@00:01.0", PORT_AND_ENDPOINT);
    expect(topology, AUTO, "pci=config_acs=1110x@00:01.0", ONE_GROUP);
    topology->functions[0].acs.control = 0x41;
    expect(topology, AUTO, "pci=config_acs=1110x@00:01.0", PORT_AND_ENDPOINT);
    struct iommu_groups *groups = iommu_groups_form(topology, AUTO, NULL, diagnostics);
    ck_assert_uint_eq(groups->views[0].control, 0x5d);
    iommu_groups_free(groups);
    groups = iommu_groups_form(topology, AUTO, "pci=noats", diagnostics);
    ck_assert_uint_eq(groups->views[0].control, 0x5f);
    iommu_groups_free(groups);
    groups = iommu_groups_form(topology, AUTO, "iommu=off", diagnostics);
    ck_assert_uint_eq(groups->views[0].control, 0x41);
    iommu_groups_free(groups);
    groups = iommu_groups_form(topology, IOMMU_CHOICE_AMD_VI, "amd_iommu=off", diagnostics);
    ck_assert_uint_eq(groups->views[0].control, 0x5d);
    ck_assert_uint_eq(groups->group_count, 0);
    iommu_groups_free(groups);
    topology_free(topology);
}
END_TEST

START_TEST(intel_chipset_ports)
{
    struct topology *topology = machine("rp@1[id=8086:8c10](ep)");
    topology->rcba_enabled = KNOWN_ABSENT;
    expect(topology, AUTO, NULL, ONE_GROUP);
    expect(topology, AUTO, "pcie_acs_override=downstream", ONE_GROUP);
    topology->rcba_enabled = KNOWN_PRESENT;
    expect(topology, AUTO, NULL, PORT_AND_ENDPOINT);
    topology->rcba_enabled = UNKNOWN;
    expect(topology, AUTO, NULL, PORT_AND_ENDPOINT);
    topology_free(topology);

    /* The control word of these is a dword at offset 8; the word at 6 does not count. */
    topology = machine("rp@1[id=8086:a110,acs=1f:1d](ep)");
    struct acs *acs = &topology->functions[0].acs;
    acs->egress_vector_known = true;
    acs->egress_vector = 0;
    expect(topology, AUTO, NULL, ONE_GROUP);
    acs->egress_vector = 0x1d;
    acs->control = 0;
    expect(topology, AUTO, NULL, PORT_AND_ENDPOINT);
    expect(topology, AUTO, "pci=disable_acs_redir=00:01.0", ONE_GROUP);
    expect(topology, AUTO, "pci=config_acs=xxx1x@00:01.0", ONE_GROUP);
    acs->egress_vector_known = false;
    expect(topology, AUTO, NULL, PORT_AND_ENDPOINT);
    expect(topology, AUTO, "pci=disable_acs_redir=00:01.0", ONE_GROUP);
    acs->egress_vector_known = true;
    acs->egress_vector = 0;
    topology->acs_state = ACS_FIRMWARE;
    expect(topology, AUTO, NULL, PORT_AND_ENDPOINT);
    topology_free(topology);
}
END_TEST

START_TEST(aliases)
{
    static const struct group_case cases[] = {
        /* Alias beats ACS. */
        {"rp@1[acs](ep@0.0[acs] ep@0.1[acs,id=1180:e832])", AUTO, NULL, "00:01.0 | 01:00.0 01:00.1"},
        {"rp@1[acs](ep@0.0[acs] ep@0.1[acs] ep@0.2[acs,id=1b4b:9120])", AUTO, NULL,
         "00:01.0 | 01:00.0 | 01:00.1 01:00.2"},
        {"rp@1[acs](ep@0.0[id=9005:285,sub=9005:2bb])", AUTO, NULL, PORT_AND_ENDPOINT},
        {"pci@0[id=9005:285,sub=9005:2bb] pci@1", AUTO, NULL, "00:00.0 00:01.0"},
        {"pci@0[id=9005:285,sub=9005:2bd] pci@1", AUTO, NULL, "00:00.0 | 00:01.0"},
        {"pci@0 pci@10[id=8086:2260] pci@11", AUTO, NULL, "00:00.0 | 00:10.0 00:11.0"},
        {"pci@0 pci@5[id=8086:2954] pci@6.5[mf]", AUTO, NULL, "00:00.0 00:05.0 | 00:06.5"},
        /* Nested bridges below conventional ones; a bridge that keeps ids still joins its children. */
        {"rp@1[acs](pcie2pci(pcibridge@1(pci@2)))", AUTO, NULL, "00:01.0 | 01:00.0 02:01.0 03:02.0"},
        {"rp@1[acs](pcie2pci[id=1a03:1150](pci@1))", AUTO, NULL, "00:01.0 | 01:00.0 02:01.0"},
    };
    CHECK_CASES(cases);
}
END_TEST

struct alias_list {
    char text[200];
};

static bool append_alias(void *data, const struct dma_alias *alias)
{
    struct alias_list *list = data;
    size_t length = strlen(list->text);
    snprintf(list->text + length, sizeof(list->text) - length, "%s%02x:%02x.%x", length ? " " : "",
             alias->requester_id >> 8, pci_slot((uint8_t)alias->requester_id),
             pci_func((uint8_t)alias->requester_id));
    return false;
}

START_TEST(requester_ids)
{
    static const struct {
        const char *machine;
        const char *ids; /* of the last function */
    } cases[] = {
        {"rp@1(ep)", "01:00.0"},
        {"rp@1(ep[id=1b4b:9120])", "01:00.0 01:00.1"},
        {"rp@1(pcie2pci(pci@3))", "02:03.0 02:00.0"},
        {"rp@1(pcie2pci[id=1a03:1150](pci@3))", "02:03.0"},
        {"rp@1(pcie2pci[id=14e4:9000](pci@3))", "02:03.0"},
        {"rp@1(pci2pcie(ep))", "02:00.0 01:00.0"},
        {"pcibridge@1e(pci@3)", "01:03.0 00:1e.0"},
        {"pcibridge@1e[id=8086:244e](pci@3)", "01:03.0 00:1e.0"},
        {"rp@1(pcibridge[bridgealias](pci@3))", "02:03.0 02:00.0"},
        {"rp@1(pcibridge(pci@3))", "02:03.0 01:00.0"},
        {"rp@1(pcie2pci(pcibridge@1[bridgealias](pci@2)))", "03:02.0 02:01.0 02:00.0"},
        {"rp@1(pcie2pci(pcibridge@1(pci@2)))", "03:02.0 02:01.0 02:00.0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = machine(cases[i].machine);
        struct alias_list list = {{0}};
        ck_assert(!dma_alias_walk(topology, &topology->functions[topology->function_count - 1], append_alias,
                                  &list));
        ck_assert_msg(strcmp(list.text, cases[i].ids) == 0, "%s: %s, expected %s", cases[i].machine,
                      list.text, cases[i].ids);
        topology_free(topology);
    }
}
END_TEST

START_TEST(given_aliases)
{
    struct topology *topology = machine("rp@1[acs](ep@0.0[acs] ep@0.3[acs] ep@0.4[acs])");
    uint8_t devfns[] = {3};
    struct ivrs_alias ivrs = {.bus = 1, .devfn = 4, .alias_bus = 1, .alias_devfn = 3};
    topology->functions[1].alias_devfns = devfns;
    topology->functions[1].alias_count = 1;
    expect(topology, AUTO, NULL, "00:01.0 | 01:00.0 01:00.3 | 01:00.4");
    topology->ivrs_aliases = &ivrs;
    topology->ivrs_alias_count = 1;
    expect(topology, AUTO, NULL, "00:01.0 | 01:00.0 01:00.3 01:00.4");
    /* On another bus it is no alias of the function. */
    ivrs.alias_bus = 0;
    expect(topology, AUTO, NULL, "00:01.0 | 01:00.0 01:00.3 | 01:00.4");
    topology_free(topology);
}
END_TEST

START_TEST(reasons)
{
    static const struct {
        const char *machine;
        uint32_t function;
        enum iommu_choice choice;
        const char *text;
    } cases[] = {
        {"rp@1[acs](ep)", 0, AUTO, "starts the group"},
        {"rp@1(ep)", 1, AUTO,
         "joins 0000:00:01.0: the path up is not isolated, 0000:00:01.0 (root-port): it has no ACS "
         "capability"},
        {"rp@1[acs=1f:11](ep)", 1, AUTO,
         "joins 0000:00:01.0: the path up is not isolated, 0000:00:01.0 (root-port): its ACS control lacks "
         "ReqRedir, CmpltRedir"},
        {"rp@1[acs](pcie2pci(pci@1))", 2, AUTO,
         "joins 0000:01:00.0: its DMA carries a requester id of that function"},
        {"pci@1.0 pci@1.1", 1, AUTO,
         "joins 0000:00:01.0: functions of one slot, neither isolated, 0000:00:01.1 (conventional): it is "
         "conventional PCI; 0000:00:01.0 (conventional): it is conventional PCI"},
        {"rp@1[acs](ep@0.0[acs] ep@0.1[acs,id=1180:e832])", 2, AUTO,
         "joins 0000:01:00.0: both may use one requester id"},
        {"rp@1(ep)", 1, IOMMU_CHOICE_NONE, "no group: the machine has no IOMMU"},
        {"pcibridge@1(pci@1)", 1, IOMMU_CHOICE_SMMUV3,
         "no group: the SMMUv3 driver refuses a stream id twice, it belongs to 0000:00:01.0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = machine(cases[i].machine);
        struct iommu_groups *groups = iommu_groups_form(topology, cases[i].choice, NULL, diagnostics);
        struct text_buffer text = {0};
        group_explain(groups, cases[i].function, &text);
        ck_assert_str_eq(text_buffer_get(&text), cases[i].text);
        text_buffer_fini(&text);
        iommu_groups_free(groups);
        topology_free(topology);
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

Suite *group_steps_suite(void)
{
    Suite *suite = suite_create("group_steps");
    TCase *tests = tcase_create("group_steps");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, command_line);
    tcase_add_test(tests, belief);
    tcase_add_test(tests, firmware_state);
    tcase_add_test(tests, intel_chipset_ports);
    tcase_add_test(tests, aliases);
    tcase_add_test(tests, requester_ids);
    tcase_add_test(tests, given_aliases);
    tcase_add_test(tests, reasons);
    suite_add_tcase(suite, tests);
    return suite;
}
