/* SPDX-License-Identifier: MIT */
/* The group algorithm on machines of one line. T01 to T26, R1a and R1b are the vectors of the group
 * specification, section 7, produced there by an independent model and checked against published machines. */
#include "tests/unit/group_listing.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct vector {
    const char *name;
    const char *machine;
    const char *groups; /* by number, members by address */
    const char *rework; /* by the rework of 2025; NULL: the same */
};

#define SWITCH_T01(dp0, dp3) "rciep@0 rp@1[acs](up(dp@0[" dp0 "](ep) dp@3[" dp3 "](ep)))"
#define R1(rp)               "pci@1.0[mf] rp@1.1[" rp "](ep@0.0 ep@0.1) rp@1.2[" rp "](ep) pci@14.0[mf] pci@14.3"

static const struct vector vectors[] = {
    {"T01", SWITCH_T01("acs", "acs"), "00:00.0 | 00:01.0 | 01:00.0 | 02:00.0 | 02:03.0 | 03:00.0 | 04:00.0",
     NULL},
    {"T02", SWITCH_T01("acs=1f:0", "acs=1f:0"),
     "00:00.0 | 00:01.0 | 01:00.0 | 02:00.0 03:00.0 | 02:03.0 04:00.0",
     "00:00.0 | 00:01.0 | 01:00.0 | 02:00.0 02:03.0 03:00.0 04:00.0"},
    {"T03", SWITCH_T01("acs", "acs=1f:0"),
     "00:00.0 | 00:01.0 | 01:00.0 | 02:00.0 | 02:03.0 04:00.0 | 03:00.0",
     "00:00.0 | 00:01.0 | 01:00.0 | 02:00.0 02:03.0 03:00.0 04:00.0"},
    {"T04", "rciep@1f.0 rciep@1f.2 rciep@1f.6[acs=c:c]", "00:1f.0 00:1f.2 | 00:1f.6",
     "00:1f.0 | 00:1f.2 | 00:1f.6"},
    {"T05", "rciep@1f.0[acs=c:0] rciep@1f.2[acs=c:0] rciep@1f.6[acs=c:c]", "00:1f.0 00:1f.2 | 00:1f.6",
     "00:1f.0 00:1f.2 00:1f.6"},
    {"T06", "rp@1(ep@0.0 ep@0.1) rciep@17", "00:01.0 01:00.0 01:00.1 | 00:17.0",
     "00:01.0 | 00:17.0 | 01:00.0 | 01:00.1"},
    {"T07", "rp@1[acs=1f:0](ep)", "00:01.0 01:00.0", NULL},
    {"T08", "rp@1[acs](ep@0.0 ep@0.1)", "00:01.0 | 01:00.0 01:00.1", "00:01.0 | 01:00.0 | 01:00.1"},
    {"T09", "rp@1c.0(ep) rp@1c.1(ep)", "00:1c.0 00:1c.1 01:00.0 02:00.0",
     "00:1c.0 | 00:1c.1 | 01:00.0 | 02:00.0"},
    {"T10", "rp@1c.0[acs](ep) rp@1c.1[acs](ep)", "00:1c.0 | 00:1c.1 | 01:00.0 | 02:00.0", NULL},
    {"T11", "rp@1c[acs](pcie2pci(pci@1 pci@2))", "00:1c.0 | 01:00.0 02:01.0 02:02.0",
     "00:1c.0 | 01:00.0 | 02:01.0 02:02.0"},
    {"T12", "rp@1c[acs](pcie2pci[bar=64KiB](pci@1 pci@2))", "00:1c.0 | 01:00.0 02:01.0 02:02.0", NULL},
    {"T13", "pcibridge@1e(pci@5 pci@6)", "00:1e.0 01:05.0 01:06.0", NULL},
    {"T14", "rp@1c[acs](pcibridge[bridgealias](pci@1))", "00:1c.0 | 01:00.0 02:01.0",
     "00:1c.0 | 01:00.0 | 02:01.0"},
    {"T15", "pci@2 pci@14.0[mf] pci@14.3", "00:02.0 | 00:14.0 00:14.3", "00:02.0 | 00:14.0 | 00:14.3"},
    {"T16", "rp@1[acs,ari](ep@0.0[ari,acs=0:0,vf=1:128:1] ep@0.1[ari,acs=0:0,vf=1:383:1])",
     "00:01.0 | 01:00.0 | 01:00.1 | 01:10.0 | 02:10.0", NULL},
    {"T17", "rp@1[acs,ari](ep@0.0[ari,vf=1:128:1] ep@0.1[ari,vf=1:383:1])",
     "00:01.0 | 01:00.0 01:00.1 | 01:10.0 | 02:10.0", "00:01.0 | 01:00.0 | 01:00.1 | 01:10.0 | 02:10.0"},
    {"T18", "rp@1[acs,ari](ep*8@0.0[ari] ep@1.0[ari] ep@1.1[ari])",
     "00:01.0 | 01:00.0 01:00.1 01:00.2 01:00.3 01:00.4 01:00.5 01:00.6 01:00.7 | 01:01.0 01:01.1",
     "00:01.0 | 01:00.0 | 01:00.1 | 01:00.2 | 01:00.3 | 01:00.4 | 01:00.5 | 01:00.6 | 01:00.7 | 01:01.0 | "
     "01:01.1"},
    {"T19", "rp@1[acs](up@0.0(dp@0[acs](ep) dp@1[acs](ep)) ep@0.1)",
     "00:01.0 | 01:00.0 01:00.1 02:00.0 02:01.0 03:00.0 04:00.0",
     "00:01.0 | 01:00.0 | 01:00.1 | 02:00.0 | 02:01.0 | 03:00.0 | 04:00.0"},
    {"T20", "rp@1[acs](ep[id=1b4b:9120])", "00:01.0 | 01:00.0", NULL},
    {"T21", "rp@1[acs](ep@0.0[id=1b4b:9120] ep@0.1)", "00:01.0 | 01:00.0 01:00.1", NULL},
    {"T22", "rp@1[acs](up(dp@1[acs](ep) ep@10[id=10b5:87b0]))",
     "00:01.0 | 01:00.0 | 02:01.0 02:10.0 | 03:00.0", "00:01.0 | 01:00.0 02:01.0 02:10.0 03:00.0"},
    {"T23", "rciep@e[id=8086:9a0b,class=0104] | bus=10:rp@0[seg=10000](ep)",
     "00:0e.0 10000:10:00.0 10000:11:00.0", NULL},
    {"T24", "rp@1[acs](up(dp@0[acs](up(dp@0[acs=1f:0](ep) dp@1[acs=1f:0](ep))) dp@1[acs](ep)))",
     "00:01.0 | 01:00.0 | 02:00.0 | 02:01.0 | 03:00.0 | 04:00.0 05:00.0 | 04:01.0 06:00.0 | 07:00.0",
     "00:01.0 | 01:00.0 | 02:00.0 | 02:01.0 | 03:00.0 | 04:00.0 04:01.0 05:00.0 06:00.0 | 07:00.0"},
    {"T25", "rciep@1f.0[acs=1d:11] rp@1f.2[acs](ep)", "00:1f.0 | 00:1f.2 | 01:00.0",
     "00:1f.0 00:1f.2 01:00.0"},
    {"T26", SWITCH_T01("noacs", "noacs"), "00:00.0 | 00:01.0 | 01:00.0 | 02:00.0 03:00.0 | 02:03.0 04:00.0",
     "00:00.0 | 00:01.0 | 01:00.0 02:00.0 02:03.0 03:00.0 04:00.0"},
    {"R1a", R1("acs"), "00:01.0 | 00:01.1 | 00:01.2 | 00:14.0 00:14.3 | 01:00.0 01:00.1 | 02:00.0",
     "00:01.0 | 00:01.1 | 00:01.2 | 00:14.0 | 00:14.3 | 01:00.0 | 01:00.1 | 02:00.0"},
    {"R1b", R1("acs=1f:0"), "00:01.0 00:01.1 00:01.2 01:00.0 01:00.1 02:00.0 | 00:14.0 00:14.3",
     "00:01.0 00:01.1 00:01.2 01:00.0 01:00.1 02:00.0 | 00:14.0 | 00:14.3"},
};

static void check_vectors(enum group_algorithm algorithm)
{
    struct group_options options = {.algorithm = algorithm};
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *vector = &vectors[i];
        bool rework = algorithm == GROUP_ALGORITHM_ACS_REWORK_V3 && vector->rework;
        const char *expected = rework ? vector->rework : vector->groups;
        char *groups = group_listing_as(vector->machine, &options);
        ck_assert_msg(strcmp(groups, expected) == 0, "%s, %s:\n  %s\nexpected\n  %s", vector->name,
                      group_algorithm_name(algorithm), groups, expected);
        free(groups);
    }
}

START_TEST(specification_vectors)
{
    check_vectors(GROUP_ALGORITHM_LINUX);
}
END_TEST

/* None of the machines has an Intel chipset port, which is all that changed. */
START_TEST(specification_vectors_5_9)
{
    check_vectors(GROUP_ALGORITHM_LINUX_5_9);
}
END_TEST

START_TEST(specification_vectors_rework)
{
    check_vectors(GROUP_ALGORITHM_ACS_REWORK_V3);
}
END_TEST

Suite *iommu_groups_suite(void);

Suite *iommu_groups_suite(void)
{
    Suite *suite = suite_create("iommu_groups");
    TCase *tests = tcase_create("iommu_groups");
    tcase_add_test(tests, specification_vectors);
    tcase_add_test(tests, specification_vectors_5_9);
    tcase_add_test(tests, specification_vectors_rework);
    suite_add_tcase(suite, tests);
    return suite;
}
