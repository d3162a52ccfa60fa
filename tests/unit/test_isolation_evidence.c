/* SPDX-License-Identifier: MIT */
/* What is learnt from groups about hidden capabilities must be true of the machine that formed them. */
#include "tests/oracle/isolation_evidence.h"

#include "sim/topology/synthetic.h"
#include "tests/unit/random_machine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *isolation_evidence_suite(void);

enum { VENDOR = 0xabcd, SLOTS = 256 * 32 };

static struct diagnostics *diagnostics;

/* Give each function an id of its own, so that no list of the kernel's knows it and a row is one function. */
static void name_functions(struct topology *topology)
{
    for (uint32_t id = 0; id < topology->function_count; id++) {
        topology->functions[id].vendor = VENDOR;
        topology->functions[id].device = (uint16_t)id;
    }
}

static void state_groups(struct topology *topology, const struct iommu_groups *groups)
{
    for (uint32_t id = 0; id < topology->function_count; id++) {
        topology->functions[id].group_reported = groups->decisions[id].group != NONE;
        topology->functions[id].reported_group = groups->decisions[id].group;
    }
}

static void hide_capabilities(struct topology *topology)
{
    for (uint32_t id = 0; id < topology->function_count; id++) {
        topology->functions[id].acs_unknown = true;
        topology->functions[id].acs = (struct acs){0};
    }
}

static char *learn(const struct topology *topology, const struct group_options *options)
{
    struct isolation_evidence *evidence = isolation_evidence_new();
    struct iommu_groups *groups = iommu_groups_form_as(topology, options, diagnostics);
    struct text_buffer out = {0};
    isolation_evidence_add(evidence, "a-machine", groups);
    isolation_evidence_print_seen(evidence, &out);
    iommu_groups_free(groups);
    isolation_evidence_free(evidence);
    return out.text;
}

static unsigned slot_of(const struct pci_function *function)
{
    return (unsigned)function->bus << 5 | pci_slot(function->devfn);
}

START_TEST(claims_are_true)
{
    enum { MACHINES = 300 };
    unsigned claims = 0, denials = 0, mistakes = 0;
    for (unsigned i = 0; i < MACHINES; i++) {
        struct group_options options = {.choice = IOMMU_CHOICE_VT_D};
        char *text = random_machine_text(i, 40);
        struct topology *topology = synthetic_parse(text, text, diagnostics);
        ck_assert_ptr_nonnull(topology);
        name_functions(topology);
        struct iommu_groups *truth = iommu_groups_form_as(topology, &options, diagnostics);
        state_groups(topology, truth);
        hide_capabilities(topology);
        char *rows = learn(topology, &options);
        unsigned *wrong = calloc(SLOTS, sizeof(*wrong));
        for (const char *at = rows; (at = strstr(at, "\nISOLATION_SEEN(0xabcd, ")); at++) {
            unsigned device;
            char rest[64];
            ck_assert_int_eq(sscanf(at, "\nISOLATION_SEEN(0xabcd, %x, %63[^\n]", &device, rest), 2);
            const struct pci_function *function = &topology->functions[device];
            bool isolated = truth->verdicts[device].isolated;
            claims++;
            if (strncmp(rest, "\"\"", 2) == 0) {
                denials++;
                ck_assert_msg(!isolated, "%s: function %u does isolate", text, device);
            } else if (!isolated) {
                /* Of functions that all stand apart one need not isolate; which one, groups do not say. */
                mistakes++;
                ck_assert_msg(function->multifunction && wrong[slot_of(function)]++ == 0,
                              "%s: function %u does not isolate", text, device);
            }
        }
        free(wrong);
        free(rows);
        iommu_groups_free(truth);
        topology_free(topology);
        free(text);
    }
    ck_assert_uint_gt(claims, 5 * MACHINES);
    ck_assert_uint_gt(denials, MACHINES);
    ck_assert_uint_lt(mistakes, claims / 20);
}
END_TEST

static char *table_of(const char *const machines[][2], size_t count, const char *dumps)
{
    struct isolation_evidence *evidence = isolation_evidence_new();
    struct text_buffer out = {0};
    for (size_t i = 0; i < count; i++) {
        struct topology *topology = synthetic_parse(machines[i][0], machines[i][1], diagnostics);
        ck_assert_ptr_nonnull(topology);
        struct group_options options = {.choice = IOMMU_CHOICE_VT_D};
        struct iommu_groups *truth = iommu_groups_form_as(topology, &options, diagnostics);
        state_groups(topology, truth);
        if (machines[i][0][0] != 'a')
            hide_capabilities(topology);
        struct iommu_groups *groups = iommu_groups_form_as(topology, &options, diagnostics);
        isolation_evidence_add(evidence, machines[i][0], groups);
        iommu_groups_free(groups);
        iommu_groups_free(truth);
        topology_free(topology);
    }
    isolation_evidence_add_dumps(evidence, dumps);
    isolation_evidence_print_seen(evidence, &out);
    isolation_evidence_free(evidence);
    return out.text;
}

START_TEST(rows_by_hand)
{
    static const char *const machines[][2] = {
        {"a-registers", "rp@1[id=abcd:0001,acs](ep) rp@2[id=abcd:0002](ep)"},
        {"b-box", "rp@1[id=abcd:0001,acs](ep) rp@2[id=abcd:0002,acs](ep[id=abcd:0003])"},
        {"b-box-2", "rp@1[id=abcd:0001](ep)"}, /* the same model: one witness */
        {"c-log",
         "rp@1[id=abcd:0002](up(dp[id=abcd:0004](ep)))"}, /* under a port that fails 4 shows nothing */
        {"c-pair", "rp@1[acs](ep@0.0[id=abcd:0005,acs=0:0] ep@0.1[id=abcd:0005,acs=0:0])"},
    };
    static const char *const expected[] = {
        "(0xabcd, 0x0001, \"a01 b01\", \"\", 2, 0)\n",
        "(0xabcd, 0x0002, \"b01\", \"a01 c01\", 0, 1)\n",
        "(0xabcd, 0x0005, \"c02\", \"\", 0, 0)\n",
        "(0xabcd, 0x0006, \"\", \"\", 1, 0)\n",
        "(0x8086, 0x9999, \"\", \"\", 4, 0)\n",
        "(0x1b36, 0x000c, \"c02\", \"\", 0, 0)\n", /* the port above the pair */
    };
    static const char dumps[] = "# vendor device type with without\n"
                                "abcd\t0001\troot_port\t3\t0\t-\n" /* one of them is a-registers' */
                                "abcd\t0002\troot_port\t0\t2\t-\n"
                                "abcd\t0006\tendpoint\t1\t0\t-\n"
                                "abcd\t0007\tendpoint\t0\t1\t-\n"
                                "abcd\t0008\tupstream\t0\t1\t-\n"
                                "8086\t9999\trc_endpoint\t0\t4\t-\n"
                                "8086\t8d10\troot_port\t0\t4\t-\n"; /* on a list of the kernel's */
    char *table = table_of(machines, sizeof(machines) / sizeof(machines[0]), dumps);
    size_t rows = 0;
    for (const char *at = table; (at = strstr(at, "\nISOLATION_SEEN")); at++)
        rows++;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        ck_assert_msg(strstr(table, expected[i]), "no row %sin\n%s", expected[i], table);
    ck_assert_msg(rows == sizeof(expected) / sizeof(expected[0]), "%zu rows in\n%s", rows, table);
    free(table);
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

Suite *isolation_evidence_suite(void)
{
    Suite *suite = suite_create("isolation_evidence");
    TCase *tests = tcase_create("isolation_evidence");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, claims_are_true);
    tcase_add_test(tests, rows_by_hand);
    suite_add_tcase(suite, tests);
    return suite;
}
