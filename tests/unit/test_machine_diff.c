/* SPDX-License-Identifier: MIT */
/* Comparing two machines: what is said of which change, as tab-separated lines, and laws on random machines.
 */
#include "sim/output/diff_report.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/random_machine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *machine_diff_suite(void);

static struct topology *machine(const char *text)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct topology *topology = synthetic_parse("<test>", text, diagnostics);
    if (!topology)
        diagnostics_print(diagnostics, stderr);
    ck_assert_msg(topology != NULL, "refused: %s", text);
    diagnostics_free(diagnostics);
    return topology;
}

/* Two machines compared, and what was made for it. */
struct comparison {
    struct topology *topologies[2];
    struct machine_view views[2];
    struct machine_diff *diff;
};

static struct comparison compare(const char *before, const char *after, const struct group_options *options,
                                 const struct group_options *changed)
{
    struct comparison comparison = {.topologies = {machine(before), machine(after)}};
    struct diagnostics *diagnostics = diagnostics_new(5);
    machine_view_init(&comparison.views[0], comparison.topologies[0], options, diagnostics);
    machine_view_init(&comparison.views[1], comparison.topologies[1], changed, diagnostics);
    diagnostics_free(diagnostics);
    return comparison;
}

static void comparison_fini(struct comparison *comparison)
{
    machine_diff_free(comparison->diff);
    for (int i = 0; i < 2; i++) {
        machine_view_fini(&comparison->views[i]);
        topology_free(comparison->topologies[i]);
    }
}

static char *lines_of(const char *before, const char *after, const struct group_options *options,
                      const struct group_options *changed)
{
    struct comparison comparison = compare(before, after, options, changed);
    comparison.diff = machine_diff_new(&comparison.views[0], &comparison.views[1], NULL);
    struct override_exposure *exposure = override_exposure_new(&comparison.views[1], changed);
    struct viability_diff *viability = viability_diff_new(comparison.diff);
    struct diff_report report = {comparison.diff, viability, exposure, NULL, "before", "after"};
    struct text_buffer out = {0};
    diff_report_tsv(&report, &out);
    /* A writer that says nothing and a comparison that finds nothing are the same. */
    ck_assert_int_eq(diff_report_any(&report), out.length != 0 && out.text[0] != 'o');
    viability_diff_free(viability);
    override_exposure_free(exposure);
    comparison_fini(&comparison);
    return out.text ? out.text : strdup("");
}

/* R1a and R1b of the group specification, section 7: one machine with ACS switched on and not, without
 * BARs, so that only groups count. */
#define R1(rp)                                                                                               \
    "pci@1.0[mf,nobar] rp@1.1[" rp "](ep@0.0[nobar] ep@0.1[nobar]) rp@1.2[" rp "](ep[nobar]) "               \
    "pci@14.0[mf,nobar] pci@14.3[nobar]"

START_TEST(what_is_said)
{
    static const struct {
        const char *before, *after, *lines;
    } cases[] = {
        {"rp@1[acs](ep)", "rp@1[acs](ep)", ""},
        /* The signature of ACS that was not switched on. */
        {R1("acs"), R1("acs=1f:0"),
         "group\tmerge\t0000:00:01.0\t0000:00:01.0\t0\t0\n"
         "group\tmerge\t0000:00:01.1\t0000:00:01.1\t1\t0\n"
         "group\tmerge\t0000:00:01.2\t0000:00:01.2\t2\t0\n"
         "group\tmerge\t0000:01:00.0\t0000:01:00.0\t4\t0\n"
         "group\tmerge\t0000:01:00.1\t0000:01:00.1\t4\t0\n"
         "group\tmerge\t0000:02:00.0\t0000:02:00.0\t5\t0\n"
         "relabel\t3\t1\tDMA-FQ\tDMA-FQ\n"
         "viable\tviable\tdepends\t0000:00:01.0\n"
         "viable\tviable\tdepends\t0000:01:00.0,0000:01:00.1\n"
         "viable\tviable\tdepends\t0000:02:00.0\n"},
        /* A new device on a bus of its own: what is behind is renumbered, not new. */
        {"rp@1[acs] rp@2[acs](ep[id=8086:1,nobar])", "rp@1[acs](up(dp[acs])) rp@2[acs](ep[id=8086:1,nobar])",
         "function\trenumbered\t0000:02:00.0\t0000:04:00.0\n"
         "function\tnew\t-\t0000:01:00.0\n"
         "function\tnew\t-\t0000:02:00.0\n"
         "group\tnew\t-\t0000:01:00.0\t-\t2\n"
         "group\tnew\t-\t0000:02:00.0\t-\t3\n"
         "relabel\t2\t4\tDMA-FQ\tDMA-FQ\n"},
        /* Gone from a group that stays. */
        {"rp@1(ep@0.0[nobar] ep@0.1[nobar])", "rp@1(ep@0.0[mf,nobar])",
         "function\tgone\t0000:01:00.1\t-\n"
         "group\tmembers\t0000:00:01.0\t0000:00:01.0\t0\t0\n"
         "group\tmembers\t0000:01:00.0\t0000:01:00.0\t0\t0\n"
         "group\tmembers\t0000:01:00.1\t-\t0\t-\n"},
        /* A card in the other slot is known by its ids. */
        {"rp@1[acs](ep[id=10de:2204,nobar]) rp@2[acs]", "rp@1[acs] rp@2[acs](ep[id=10de:2204,nobar])",
         "function\tmoved\t0000:01:00.0\t0000:02:00.0\n"},
        /* Two of the same cannot be told apart where one of three is gone: nothing is made up. */
        {"rp@1[acs](ep[id=8086:2,nobar]) rp@2[acs](ep[id=8086:2,nobar])",
         "rp@1[acs] rp@2[acs] rp@3[acs](ep[id=8086:2,nobar])",
         "function\tgone\t0000:01:00.0\t-\n"
         "function\tgone\t0000:02:00.0\t-\n"
         "function\tnew\t-\t0000:00:03.0\n"
         "function\tnew\t-\t0000:03:00.0\n"
         "group\tgone\t0000:01:00.0\t-\t2\t-\n"
         "group\tgone\t0000:02:00.0\t-\t3\t-\n"
         "group\tnew\t-\t0000:00:03.0\t-\t2\n"
         "group\tnew\t-\t0000:03:00.0\t-\t3\n"
         "viable\tviable\t-\t0000:01:00.0\n"
         "viable\tviable\t-\t0000:02:00.0\n"
         "viable\t-\tviable\t0000:03:00.0\n"},
        /* Another part in the same place. */
        {"rp@1[acs](ep[id=8086:2,nobar])", "rp@1[acs](ep[id=8086:3,nobar])",
         "function\treplaced\t0000:01:00.0\t0000:01:00.0\n"},
        /* Two changes, each told whole. */
        {"rp@1[acs](ep@0.0[nobar] ep@0.1[nobar]) rp@2(ep[nobar])",
         "rp@1(ep@0.0[acs=1f:1f,nobar] ep@0.1[acs=1f:1f,nobar]) rp@2[acs](ep[nobar])",
         "group\tmerge\t0000:00:01.0\t0000:00:01.0\t0\t0\n"
         "group\tmerge\t0000:01:00.0\t0000:01:00.0\t2\t0\n"
         "group\tmerge\t0000:01:00.1\t0000:01:00.1\t2\t0\n"
         "group\tsplit\t0000:00:02.0\t0000:00:02.0\t1\t1\n"
         "group\tsplit\t0000:02:00.0\t0000:02:00.0\t1\t2\n"},
        /* Leaks: opened without a change of groups (section 1, headline 4). */
        {"rp@1[acs](up(dp@0[acs](ep) dp@3[acs](ep)))", "rp@1[acs](up(dp@0[acs](ep) dp@3[acs=1f:1](ep)))",
         "group\tmerge\t0000:02:03.0\t0000:02:03.0\t3\t3\n"
         "group\tmerge\t0000:04:00.0\t0000:04:00.0\t5\t3\n"
         "leak\topened\t0000:04:00.0\t0000:03:00.0\tleak\tswitch-peer\t0000:02:03.0\n"},
        {"rp@1[acs](up(dp@0[acs=1f:0](ep) dp@3[acs](ep)))", "rp@1[acs](up(dp@0[acs](ep) dp@3[acs](ep)))",
         "group\tsplit\t0000:02:00.0\t0000:02:00.0\t2\t2\n"
         "group\tsplit\t0000:03:00.0\t0000:03:00.0\t2\t4\n"
         "relabel\t4\t5\tDMA-FQ\tDMA-FQ\n"
         "leak\tclosed\t0000:03:00.0\t0000:04:00.0\tleak\tswitch-peer\t0000:02:00.0\n"},
    };
    static const struct group_options options = {.choice = IOMMU_CHOICE_VT_D};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *lines = lines_of(cases[i].before, cases[i].after, &options, &options);
        ck_assert_msg(strcmp(lines, cases[i].lines) == 0, "%s\n%s\n%s\nexpected\n%s", cases[i].before,
                      cases[i].after, lines, cases[i].lines);
        free(lines);
    }
}
END_TEST

START_TEST(what_options_change)
{
    static const struct {
        const char *machine;
        struct group_options before, after;
        const char *lines;
    } cases[] = {
        {"rp@1[acs](ep[nobar])",
         {.choice = IOMMU_CHOICE_VT_D},
         {.choice = IOMMU_CHOICE_VT_D, .cmdline = "intel_iommu=off"},
         "group\tgone\t0000:00:01.0\t0000:00:01.0\t0\t-\n"
         "group\tgone\t0000:01:00.0\t0000:01:00.0\t1\t-\n"
         "viable\tviable\tnot-viable\t0000:01:00.0\n"},
        {"rp@1[acs](ep[nobar])",
         {.choice = IOMMU_CHOICE_NONE},
         {.choice = IOMMU_CHOICE_AMD_VI, .cmdline = "iommu=pt"},
         "group\tnew\t0000:00:01.0\t0000:00:01.0\t-\t0\n"
         "group\tnew\t0000:01:00.0\t0000:01:00.0\t-\t1\n"
         "viable\tnot-viable\tviable\t0000:01:00.0\n"},
        {"rp@1[acs](ep[nobar])",
         {.choice = IOMMU_CHOICE_VT_D},
         {.choice = IOMMU_CHOICE_VT_D, .cmdline = "iommu=pt"},
         "relabel\t0\t0\tDMA-FQ\tidentity\n"
         "relabel\t1\t1\tDMA-FQ\tidentity\n"},
        /* The override: claimed to be apart, and not. */
        {"rp@1[acs](ep@0.0 ep@0.1)",
         {.choice = IOMMU_CHOICE_VT_D},
         {.choice = IOMMU_CHOICE_VT_D, .cmdline = "quiet pcie_acs_override=multifunction"},
         "group\tsplit\t0000:01:00.0\t0000:01:00.0\t1\t1\n"
         "group\tsplit\t0000:01:00.1\t0000:01:00.1\t1\t2\n"
         "leak\texposed\t0000:01:00.0\t0000:01:00.1\tleak\tmultifunction-no-acs\t0000:01:00.0\n"
         "leak\texposed\t0000:01:00.1\t0000:01:00.0\tleak\tmultifunction-no-acs\t0000:01:00.1\n"
         "override\texposed\t0000:01:00.0\t0000:01:00.1\tmultifunction-no-acs\t0000:01:00.0\n"
         "override\texposed\t0000:01:00.1\t0000:01:00.0\tmultifunction-no-acs\t0000:01:00.1\n"},
        /* Exposed all the same where nothing is compared with: both have it. */
        {"rp@1[acs](ep@0.0 ep@0.1[nobar])",
         {.choice = IOMMU_CHOICE_VT_D, .cmdline = "pcie_acs_override=multifunction"},
         {.choice = IOMMU_CHOICE_VT_D, .cmdline = "pcie_acs_override=multifunction"},
         "override\texposed\t0000:01:00.1\t0000:01:00.0\tmultifunction-no-acs\t0000:01:00.1\n"},
        /* Ports that have ACS and lack bits are not helped: nothing is claimed. */
        {"rp@1[acs=1f:0](ep)",
         {.choice = IOMMU_CHOICE_VT_D},
         {.choice = IOMMU_CHOICE_VT_D, .cmdline = "pcie_acs_override=downstream,multifunction"},
         ""},
        {"rp@1(ep@0.0[nobar] ep@0.1[nobar]) rciep@17[nobar]",
         {.choice = IOMMU_CHOICE_VT_D},
         {.choice = IOMMU_CHOICE_VT_D, .algorithm = GROUP_ALGORITHM_ACS_REWORK_V3},
         "group\tsplit\t0000:00:01.0\t0000:00:01.0\t0\t0\n"
         "group\tsplit\t0000:01:00.0\t0000:01:00.0\t0\t2\n"
         "group\tsplit\t0000:01:00.1\t0000:01:00.1\t0\t3\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *lines = lines_of(cases[i].machine, cases[i].machine, &cases[i].before, &cases[i].after);
        ck_assert_msg(strcmp(lines, cases[i].lines) == 0, "%s [%s]\n%s\nexpected\n%s", cases[i].machine,
                      cases[i].after.cmdline, lines, cases[i].lines);
        free(lines);
    }
}
END_TEST

START_TEST(words_of_the_command_line)
{
    static const struct {
        const char *given, *kept;
    } cases[] = {
        {"", ""},
        {"pcie_acs_override=downstream", ""},
        {"  quiet  pcie_acs_override=a,b iommu=pt ", "quiet iommu=pt"},
        {"a=\"x pcie_acs_override=y\" b", "a=\"x pcie_acs_override=y\" b"},
        {"\"pcie_acs_override=x y\" b", "b"},
        {"xpcie_acs_override=downstream -- pcie", "xpcie_acs_override=downstream -- pcie"},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_str_eq(cmdline_without(arena, cases[i].given, "pcie_acs_override="), cases[i].kept);
    arena_free(arena);
}
END_TEST

static void check_laws(const struct machine_diff *diff, uint64_t seed)
{
    uint64_t more = diff->leak_counts[LEAK_OPENED], fewer = diff->leak_counts[LEAK_CLOSED];
    ck_assert_msg(diff->reaches_before + more == diff->reaches_after + fewer,
                  "seed %lu: pairs that reach do not add up", (unsigned long)seed);
    uint64_t leaks_more = diff->leak_counts_leaking[LEAK_OPENED] + diff->leak_counts[LEAK_EXPOSED];
    uint64_t leaks_fewer = diff->leak_counts_leaking[LEAK_CLOSED] + diff->leak_counts[LEAK_CONTAINED];
    ck_assert_msg(diff->leaks_before + leaks_more == diff->leaks_after + leaks_fewer,
                  "seed %lu: leaks do not add up", (unsigned long)seed);
    uint32_t before = diff->same_groups, after = diff->same_groups;
    for (uint32_t i = 0; i < diff->group_change_count; i++) {
        before += diff->group_changes[i].before_count;
        after += diff->group_changes[i].after_count;
    }
    ck_assert_uint_eq(before, diff->before->groups->group_count);
    ck_assert_uint_eq(after, diff->after->groups->group_count);
    for (uint32_t id = 0; id < diff->before->topology->function_count; id++) {
        uint32_t twin = diff->match.to_after[id];
        ck_assert(twin == NONE || diff->match.to_before[twin] == id);
    }
}

/* A machine and itself do not differ; any two: everything adds up, and every writer survives. */
START_TEST(laws_on_random_machines)
{
    static const struct group_options plain = {.choice = IOMMU_CHOICE_VT_D};
    static const struct group_options override = {.choice = IOMMU_CHOICE_VT_D,
                                                  .cmdline = "pcie_acs_override=downstream,multifunction"};
    static void (*const writers[])(const struct diff_report *, struct text_buffer *) = {
        diff_report_text, diff_report_json, diff_report_tsv};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        char *one = random_machine_text(seed, 40), *two = random_machine_text(seed + 1, 40);
        char *lines = lines_of(one, one, &plain, &plain);
        ck_assert_msg(*lines == '\0', "seed %lu: %s", (unsigned long)seed, lines);
        free(lines);
        struct comparison comparison = compare(one, seed & 1 ? two : one, &plain, &override);
        comparison.diff = machine_diff_new(&comparison.views[0], &comparison.views[1], NULL);
        struct override_exposure *exposure = override_exposure_new(&comparison.views[1], &override);
        check_laws(comparison.diff, seed);
        if (!(seed & 1)) /* the override splits groups, and moves no request */
            ck_assert_uint_eq(comparison.diff->leak_counts[LEAK_OPENED], 0);
        struct viability_diff *viability = viability_diff_new(comparison.diff);
        for (int i = 0; i < 3; i++) {
            struct text_buffer out = {0};
            struct diff_report report = {comparison.diff, viability, exposure, NULL, "before", "after"};
            writers[i](&report, &out);
            text_buffer_fini(&out);
        }
        viability_diff_free(viability);
        override_exposure_free(exposure);
        comparison_fini(&comparison);
        free(one);
        free(two);
    }
}
END_TEST

Suite *machine_diff_suite(void)
{
    Suite *suite = suite_create("machine_diff");
    TCase *tests = tcase_create("machine_diff");
    tcase_add_test(tests, what_is_said);
    tcase_add_test(tests, what_options_change);
    tcase_add_test(tests, words_of_the_command_line);
    tcase_add_test(tests, laws_on_random_machines);
    suite_add_tcase(suite, tests);
    return suite;
}
