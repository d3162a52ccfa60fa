/* SPDX-License-Identifier: MIT */
/* Who can raise whose interrupts: with and without remapping, by shared ids, by forged ones. */
#include "sim/analysis/interrupt_reach.h"
#include "tests/unit/fabric_fixture.h"
#include "tests/unit/random_fabric.h"

Suite *interrupt_reach_suite(void);

enum { RANDOM_MACHINES = 60 };

struct asked {
    struct topology *topology;
    struct iommu_groups *groups;
    struct interrupts *interrupts;
};

static struct asked ask(const char *machine, enum iommu_choice choice, const char *cmdline)
{
    struct asked asked = {.topology = fixture_machine(machine)};
    struct diagnostics *diagnostics = diagnostics_new(5);
    asked.groups = iommu_groups_form(asked.topology, choice, cmdline, diagnostics);
    asked.interrupts =
        interrupts_new(asked.topology->arena, asked.groups, reach_new(asked.topology->arena, asked.groups));
    diagnostics_free(diagnostics);
    return asked;
}

static void done(struct asked *asked)
{
    iommu_groups_free(asked->groups);
    topology_free(asked->topology);
}

START_TEST(pairs_by_hand)
{
    static const struct {
        const char *machine;
        enum iommu_choice choice;
        const char *cmdline, *source, *victim;
        enum interrupt_reach reach;
    } cases[] = {
#define TWO "rp@1[acs](ep) rp@2[acs](ep)"
        {TWO, IOMMU_CHOICE_VT_D, "", "01:00.0", "02:00.0", INTERRUPT_NEVER},
        {TWO, IOMMU_CHOICE_VT_D, "intremap=off", "01:00.0", "02:00.0", INTERRUPT_AT_WILL},
        {TWO, IOMMU_CHOICE_VT_D, "nointremap", "01:00.0", "02:00.0", INTERRUPT_AT_WILL},
        {TWO, IOMMU_CHOICE_VT_D, "intremap=nosid", "01:00.0", "02:00.0", INTERRUPT_AT_WILL},
        {TWO, IOMMU_CHOICE_AMD_VI, "intremap=nosid", "01:00.0", "02:00.0", INTERRUPT_NEVER},
        {TWO, IOMMU_CHOICE_NONE, "", "01:00.0", "02:00.0", INTERRUPT_AT_WILL},
        {TWO, IOMMU_CHOICE_AMD_VI, "amd_iommu=off", "01:00.0", "02:00.0", INTERRUPT_AT_WILL},
        {TWO, IOMMU_CHOICE_SMMUV3, "intremap=off", "01:00.0", "02:00.0", INTERRUPT_NEVER},
        /* VT-d remaps interrupts with DMA remapping off, too. */
        {TWO, IOMMU_CHOICE_VT_D, "intel_iommu=off", "01:00.0", "02:00.0", INTERRUPT_NEVER},
        {TWO, IOMMU_CHOICE_VT_D, "", "01:00.0", "01:00.0", INTERRUPT_NEVER},
        {TWO, IOMMU_CHOICE_VT_D, "", "01:00.0", "00:02.0", INTERRUPT_NEVER},
        /* A port that does not validate sources lets any id through; one below that does, does not. */
        {"rp@1[acs=1f:1c](ep) rp@2[acs](ep)", IOMMU_CHOICE_VT_D, "", "01:00.0", "02:00.0",
         INTERRUPT_BY_FORGING},
        {"rp@1[acs=1f:1c](ep) rp@2[acs](ep)", IOMMU_CHOICE_VT_D, "", "02:00.0", "01:00.0", INTERRUPT_NEVER},
        {"rp@1[acs=1f:1c](up(dp[acs](ep))) rp@2[acs](ep)", IOMMU_CHOICE_AMD_VI, "", "03:00.0", "04:00.0",
         INTERRUPT_NEVER},
        /* Behind a bridge all send under the bridge's id for them. */
        {"rp@1[acs](pcie2pci(pci pci))", IOMMU_CHOICE_VT_D, "", "02:00.0", "02:01.0", INTERRUPT_BY_SHARING},
        {"rp@1[acs](pcie2pci(pci pci))", IOMMU_CHOICE_AMD_VI, "", "02:00.0", "02:01.0", INTERRUPT_BY_SHARING},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct asked asked = ask(cases[i].machine, cases[i].choice, cases[i].cmdline);
        uint32_t source = fixture_function(asked.topology, cases[i].source)->id;
        uint32_t victim = fixture_function(asked.topology, cases[i].victim)->id;
        ck_assert_msg(interrupts_ask(asked.interrupts, source, victim) == cases[i].reach, "case %zu: %s", i,
                      interrupt_reach_name(interrupts_ask(asked.interrupts, source, victim)));
        done(&asked);
    }
}
END_TEST

/** What the VT-d driver writes into its entries. */
START_TEST(checks_by_hand)
{
    static const struct {
        const char *machine, *function;
        enum interrupt_check check;
        uint16_t first, last;
    } cases[] = {
        {"rp@1[acs](ep)", "01:00.0", INTERRUPT_CHECK_ID, 0x100, 0x100},
        /* The last alias, 02:00.0, is of the bridge, which sits on bus 01: the buses from 02 to the device's.
         */
        {"rp@1[acs](pcie2pci(pci@3))", "02:03.0", INTERRUPT_CHECK_BUSES, 0x200, 0x2ff},
        {"rp@1[acs](pcie2pci(pcibridge@1(pci@3)))", "03:03.0", INTERRUPT_CHECK_BUSES, 0x200, 0x3ff},
        /* Several ids, all of its own bus: a quirk's function 1. */
        {"rp@1[acs](ep[id=1b4b:9120])", "01:00.0", INTERRUPT_CHECK_BUSES, 0x100, 0x1ff},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct asked asked = ask(cases[i].machine, IOMMU_CHOICE_VT_D, "");
        const struct interrupt_function *function =
            &asked.interrupts->functions[fixture_function(asked.topology, cases[i].function)->id];
        ck_assert_msg(function->check == cases[i].check && function->first == cases[i].first &&
                          function->last == cases[i].last,
                      "case %zu: %d %04x %04x", i, function->check, function->first, function->last);
        done(&asked);
    }
}
END_TEST

START_TEST(one_unit_without_is_none_for_all)
{
    struct asked asked = ask(TWO, IOMMU_CHOICE_VT_D, "");
    struct iommu_unit units[2] = {{.kind = IOMMU_VT_D, .include_all = true, .interrupt_remapping = true},
                                  {.kind = IOMMU_VT_D, .interrupt_remapping = false}};
    ck_assert_int_eq(asked.interrupts->state, INTERRUPT_REMAPPED_ASSUMED);
    iommu_groups_free(asked.groups);
    asked.topology->units = units;
    asked.topology->unit_count = 2;
    asked.topology->units_known = true;
    struct diagnostics *diagnostics = diagnostics_new(5);
    asked.groups = iommu_groups_form(asked.topology, IOMMU_CHOICE_AUTO, "", diagnostics);
    const struct reach *reach = reach_new(asked.topology->arena, asked.groups);
    asked.interrupts = interrupts_new(asked.topology->arena, asked.groups, reach);
    ck_assert_int_eq(asked.interrupts->state, INTERRUPT_UNIT_LACKS);
    ck_assert_uint_eq(asked.interrupts->lacking_unit, 1);
    units[1].interrupt_remapping = true;
    asked.interrupts = interrupts_new(asked.topology->arena, asked.groups, reach);
    ck_assert_int_eq(asked.interrupts->state, INTERRUPT_REMAPPED);
    diagnostics_free(diagnostics);
    done(&asked);
}
END_TEST

/* On any machine: without remapping whoever writes raises all; with it a pair that is open without forging
 * shares an id, and the check of a function accepts what the function itself sends. */
START_TEST(laws)
{
    struct text_buffer text = {0};
    uint32_t sharing = 0, forging = 0;
    for (uint32_t i = 0; i < RANDOM_MACHINES; i++) {
        struct random_fabric random = {.seed = i, .pcie_only = i & 1};
        text.length = 0;
        random_fabric_write(&random, &text);
        struct asked open = ask(text_buffer_get(&text), IOMMU_CHOICE_VT_D, "intremap=off");
        struct asked closed = ask(text_buffer_get(&text), IOMMU_CHOICE_VT_D, "");
        for (uint32_t s = 0; s < closed.topology->function_count; s++) {
            const struct interrupt_function *source = &closed.interrupts->functions[s];
            /* Conventional bridges without an Express capability may own requests otherwise than the kernel
             * takes them to. */
            if (random.pcie_only && source->writes && source->check != INTERRUPT_CHECK_NOTHING)
                ck_assert_msg(source->requester_id >= source->first && source->requester_id <= source->last,
                              "seed %u: %u sends as %04x\n%s", i, s, source->requester_id,
                              text_buffer_get(&text));
            for (uint32_t v = 0; v < closed.topology->function_count; v++) {
                enum interrupt_reach reach = interrupts_ask(closed.interrupts, s, v);
                enum interrupt_reach without = interrupts_ask(open.interrupts, s, v);
                ck_assert(without == (s != v && source->writes && closed.interrupts->functions[v].has_vectors
                                          ? INTERRUPT_AT_WILL
                                          : INTERRUPT_NEVER));
                ck_assert(reach != INTERRUPT_AT_WILL);
                sharing += reach == INTERRUPT_BY_SHARING;
                forging += reach == INTERRUPT_BY_FORGING;
            }
        }
        done(&open);
        done(&closed);
    }
    text_buffer_fini(&text);
    ck_assert_uint_gt(sharing, 0);
    ck_assert_uint_gt(forging, 0);
}
END_TEST

Suite *interrupt_reach_suite(void)
{
    Suite *suite = suite_create("interrupt_reach");
    TCase *tests = tcase_create("interrupt_reach");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, pairs_by_hand);
    tcase_add_test(tests, checks_by_hand);
    tcase_add_test(tests, one_unit_without_is_none_for_all);
    tcase_add_test(tests, laws);
    suite_add_tcase(suite, tests);
    return suite;
}
