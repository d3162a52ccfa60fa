/* SPDX-License-Identifier: MIT */
/* What is assumed of functions that a dump hides, and what hangs on it. */
#include "sim/analysis/group_former.h"
#include "sim/analysis/isolation_effects.h"
#include "sim/kernel/random.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/random_machine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *isolation_suite(void);

static struct diagnostics *diagnostics;

static struct topology *machine(const char *text)
{
    struct topology *topology = synthetic_parse(text, text, diagnostics);
    ck_assert_msg(topology != NULL, "refused: %s", text);
    return topology;
}

static const char *const labels[] = {
#define ISOLATION_MACHINE(label, name) label,
#include "sim/analysis/isolation_machines.def"
#undef ISOLATION_MACHINE
};

static const struct row {
    uint32_t id, beside;
    const char *isolated_on, *not_on;
    int dumps_isolated, dumps_not;
} rows[] = {
#define ISOLATION_SEEN(vendor, device, isolated_on, not_on, dumps_isolated, dumps_not)                       \
    {(uint32_t)vendor << 16 | device, 0, isolated_on, not_on, dumps_isolated, dumps_not},
#define ISOLATION_SEEN_BESIDE(vendor, device, beside_vendor, beside_device, isolated_on, not_on)             \
    {(uint32_t)vendor << 16 | device,                                                                        \
     (uint32_t)beside_vendor << 16 | beside_device,                                                          \
     isolated_on,                                                                                            \
     not_on,                                                                                                 \
     0,                                                                                                      \
     0},
#include "sim/analysis/isolation_seen.def"
#undef ISOLATION_SEEN
#undef ISOLATION_SEEN_BESIDE
};

enum { LABELS = sizeof(labels) / sizeof(labels[0]), ROWS = sizeof(rows) / sizeof(rows[0]) };

static unsigned cited(const char *list, const char *label)
{
    const char *at = strstr(list, label);
    return at && (at == list || at[-1] == ' ') && (at[strlen(label)] == ' ' || !at[strlen(label)]);
}

START_TEST(table_is_ordered)
{
    static const struct {
        unsigned vendor, first, last;
    } families[] = {
#define ISOLATION_FAMILY(vendor, first, last, class_, place, isolated, source, what) {vendor, first, last},
#include "sim/analysis/isolation_families.def"
#undef ISOLATION_FAMILY
    };
    unsigned citations[LABELS] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        bool first_of_kind = i == 0 || rows[i - 1].beside;
        ck_assert_msg(first_of_kind || rows[i - 1].id < rows[i].id, "%08x is out of order", rows[i].id);
        /* Every machine of a row is known, and says one thing. */
        size_t known = 0;
        for (size_t k = 0; k < LABELS; k++) {
            unsigned here = cited(rows[i].isolated_on, labels[k]) + cited(rows[i].not_on, labels[k]);
            ck_assert_msg(here <= 1, "%08x: %s is cited twice", rows[i].id, labels[k]);
            citations[k] += here;
            known += here * strlen(labels[k]);
        }
        size_t letters = 0;
        for (const char *at = rows[i].isolated_on; *at; at++)
            letters += *at != ' ';
        for (const char *at = rows[i].not_on; *at; at++)
            letters += *at != ' ';
        ck_assert_msg(letters == known, "%08x cites a machine that is not in the list", rows[i].id);
        ck_assert_msg(letters + (size_t)(rows[i].dumps_isolated + rows[i].dumps_not) > 0,
                      "%08x was never seen", rows[i].id);
    }
    for (size_t k = 0; k < LABELS; k++) {
        ck_assert_msg(k == 0 || strcmp(labels[k - 1], labels[k]) < 0, "%s is out of order", labels[k]);
        ck_assert_uint_le(citations[k], ROWS);
    }
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        ck_assert_uint_le(families[i].first, families[i].last);
    ck_assert_uint_eq(LABELS, 83);
    ck_assert_uint_eq(ROWS, 451);
    ck_assert_uint_eq(sizeof(families) / sizeof(families[0]), 88);
}
END_TEST

/* Votes counted anew, slowly: whoever is left out, and the family's where it is not a vendor's whole range.
 */
static int count_votes(const struct row *row, const char *left_out)
{
    int votes = 0;
    for (size_t k = 0; k < LABELS; k++) {
        if (left_out && strcmp(left_out, labels[k]) == 0)
            continue;
        votes += (int)cited(row->isolated_on, labels[k]) - (int)cited(row->not_on, labels[k]);
    }
    if (row->dumps_isolated != row->dumps_not)
        votes += row->dumps_isolated > row->dumps_not ? 1 : -1;
    return votes;
}

START_TEST(each_machine_has_a_vote)
{
    struct topology *topology = machine("rp@1");
    struct pci_function *port = &topology->functions[0];
    unsigned decided_by_one = 0;
    port->acs_unknown = true;
    for (size_t i = 0; i < ROWS; i++) {
        /* As a conventional bridge no family knows it. */
        if (rows[i].beside)
            continue;
        port->pcie = false;
        port->vendor = (uint16_t)(rows[i].id >> 16);
        port->device = (uint16_t)rows[i].id;
        for (size_t k = 0; k <= LABELS; k++) {
            const char *left_out = k < LABELS ? labels[k] : NULL;
            int votes = count_votes(&rows[i], left_out);
            struct isolation_guess guess = isolation_guess(topology, port, ISOLATION_TABLE, left_out);
            ck_assert_msg(guess.isolated == (votes > 0) &&
                              guess.ground == (votes ? ISOLATION_BY_ID : ISOLATION_BY_NOTHING),
                          "%08x without %s: %d votes", rows[i].id, left_out ? left_out : "nobody", votes);
            decided_by_one += !votes && count_votes(&rows[i], NULL);
        }
        struct isolation_guess nobody = isolation_guess(topology, port, ISOLATION_TABLE, "*");
        ck_assert_int_eq(nobody.ground, ISOLATION_BY_NOTHING);
    }
    ck_assert_uint_gt(decided_by_one, 50);
    topology_free(topology);
}
END_TEST

START_TEST(contested_grounds)
{
    static const struct {
        struct isolation_guess guess;
        bool contested;
    } cases[] = {
        {{.ground = ISOLATION_BY_NOTHING}, true},
        {{.ground = ISOLATION_BY_FAMILY}, false},
        {{.ground = ISOLATION_BY_POLICY}, false},
        {{.ground = ISOLATION_BY_ID, .isolated_on = 2}, false},
        {{.ground = ISOLATION_BY_ID, .not_isolated_on = 2, .dumps_not = 1}, false},
        {{.ground = ISOLATION_BY_ID, .isolated_on = 2, .not_isolated_on = 1}, true},
        {{.ground = ISOLATION_BY_ID, .isolated_on = 2, .dumps_not = 1}, true},
        {{.ground = ISOLATION_BY_ID, .dumps_isolated = 8, .dumps_not = 1}, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(isolation_contested(&cases[i].guess) == cases[i].contested, "case %zu", i);
}
END_TEST

START_TEST(machines_have_labels)
{
    ck_assert_str_eq(isolation_machine_label("c-amd-prime-x470-pro"), "c28");
    ck_assert_str_eq(isolation_machine_label("c-amd-dell-optiplex-5055-ryzen-cpu-0p03dx"), "c11");
    ck_assert_str_eq(isolation_machine_label("c-amd-dell-optiplex-5055-ryzen-cpu-0p03dx-2"), "c11");
    ck_assert_ptr_null(isolation_machine_label("c-amd-prime-x470"));
    ck_assert_ptr_null(isolation_machine_label("c-amd-prime-x470-pro-max"));
    ck_assert_ptr_null(isolation_machine_label(""));
}
END_TEST

START_TEST(policies)
{
    static const struct {
        const char *machine; /* the last function is hidden */
        enum isolation_policy policy;
        bool isolated;
        enum isolation_ground ground;
    } cases[] = {
        {"rp@1[id=1022:1483]", ISOLATION_TABLE, true, ISOLATION_BY_ID},
        {"rp@1[id=1022:14a7]", ISOLATION_TABLE, false, ISOLATION_BY_ID},
        {"rp@1[id=1022:14a7]", ISOLATION_OPTIMISTIC, true, ISOLATION_BY_POLICY},
        {"rp@1[id=1022:1483]", ISOLATION_PESSIMISTIC, false, ISOLATION_BY_POLICY},
        {"rp@1[id=8086:1901]", ISOLATION_TABLE, false, ISOLATION_BY_ID},
        {"rp@1[id=8086:0151]", ISOLATION_TABLE, false, ISOLATION_BY_FAMILY},
        {"rp@1[id=8086:ffff]", ISOLATION_TABLE, true, ISOLATION_BY_FAMILY},
        {"rp@1[id=1022:ffff]", ISOLATION_TABLE, true, ISOLATION_BY_FAMILY},
        /* One id of two generations. */
        {"pci@18[id=1022:1448] rp@1a[id=1022:1635]", ISOLATION_TABLE, false, ISOLATION_BY_ID},
        {"pci@18[id=1022:166a] rp@1a[id=1022:1635]", ISOLATION_TABLE, true, ISOLATION_BY_ID},
        {"rp@1[id=1b36:000c]", ISOLATION_TABLE, true, ISOLATION_BY_FAMILY},
        {"rp@1[id=abcd:000c]", ISOLATION_TABLE, false, ISOLATION_BY_NOTHING},
        {"rp@1[id=8086:3a40]", ISOLATION_TABLE, false, ISOLATION_BY_FAMILY},
        {"rp@1(up(dp[id=10b5:8725]))", ISOLATION_TABLE, true, ISOLATION_BY_ID},
        {"rp@1(up(dp[id=11f8:8533]))", ISOLATION_TABLE, true, ISOLATION_BY_FAMILY},
        {"rp@1(ep@0.0 ep@0.1[id=10de:10f8])", ISOLATION_TABLE, false, ISOLATION_BY_NOTHING},
        {"rp@1(ep@0.0 ep@0.1[id=1002:ab28])", ISOLATION_TABLE, true, ISOLATION_BY_FAMILY},
        {"rciep@14.0 rciep@14.3[class=0280,id=8086:ffff]", ISOLATION_TABLE, true, ISOLATION_BY_FAMILY},
        {"rp@1(ep@0.0 ep@0.1[class=0280,id=8086:ffff])", ISOLATION_TABLE, false, ISOLATION_BY_NOTHING},
        /* Functions of an AMD processor, of a card below it, and of the chipset. */
        {"rp@8.1[id=1022:ffff](ep@0.0[id=1002:ffff] ep@0.2[id=1022:ffff])", ISOLATION_TABLE, true,
         ISOLATION_BY_FAMILY},
        {"rp@8.1[id=1022:ffff](ep@0.2[id=1022:ffff] ep@0.3[id=1002:ffff])", ISOLATION_TABLE, true,
         ISOLATION_BY_FAMILY},
        {"rp@3.1[id=1022:ffff](ep@0.0[id=1002:67df] ep@0.1[id=1002:aaf0])", ISOLATION_TABLE, false,
         ISOLATION_BY_NOTHING},
        {"rp@1.3[id=1022:ffff](ep@0.0[id=1022:43d5] up@0.2[id=1022:43c6] ep@0.3[id=1022:43c8])",
         ISOLATION_TABLE, false, ISOLATION_BY_NOTHING},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = machine(cases[i].machine);
        struct pci_function *hidden = &topology->functions[topology->function_count - 1];
        hidden->acs_unknown = true;
        struct isolation_guess guess = isolation_guess(topology, hidden, cases[i].policy, NULL);
        ck_assert_msg(guess.isolated == cases[i].isolated && guess.ground == cases[i].ground,
                      "case %zu, %s: %d by %s", i, cases[i].machine, guess.isolated,
                      isolation_ground_name(guess.ground));
        ck_assert_int_eq(guess.ground == ISOLATION_BY_FAMILY, guess.family != NULL);
        /* "lspci -v" names the capability: whatever the policy. */
        hidden->acs.present = true;
        guess = isolation_guess(topology, hidden, cases[i].policy, NULL);
        ck_assert(guess.isolated && guess.ground == ISOLATION_BY_NAME);
        topology_free(topology);
    }
}
END_TEST

START_TEST(chipset_workarounds)
{
    static const struct {
        const char *machine;
        enum isolation_policy policy;
        uint32_t groups;
    } cases[] = {
        {"rp@1c[id=8086:8c10](ep)", ISOLATION_TABLE, 2},
        {"rp@1c[id=8086:8c10](ep)", ISOLATION_OPTIMISTIC, 2},
        {"rp@1c[id=8086:8c10](ep)", ISOLATION_PESSIMISTIC, 1},
        {"rp@1c[id=8086:a110,acs](ep)", ISOLATION_TABLE, 2},
        {"rp@1c[id=8086:a110,acs](ep)", ISOLATION_PESSIMISTIC, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = machine(cases[i].machine);
        struct group_options options = {.assume = cases[i].policy};
        topology->functions[0].acs.egress_vector_known = false;
        struct iommu_groups *groups = iommu_groups_form_as(topology, &options, diagnostics);
        ck_assert_msg(groups->group_count == cases[i].groups, "case %zu: %u groups", i, groups->group_count);
        uint32_t count;
        struct isolation_effect *effects = isolation_effects(groups, groups->arena, &count);
        ck_assert_uint_eq(count, 1);
        ck_assert_uint_eq(effects->function_id, 0);
        ck_assert_uint_eq(effects->changed, 2);
        ck_assert_uint_eq(effects->groups_now, cases[i].groups);
        ck_assert_uint_eq(effects->groups_flipped, 3 - cases[i].groups);
        iommu_groups_free(groups);
        topology_free(topology);
    }
}
END_TEST

START_TEST(effects)
{
    struct topology *topology =
        machine("pci@8.0[class=0600] rp@8.1[id=1022:1635](ep@0.0 ep@0.1) rp@1[acs](ep)");
    struct pci_function *port = NULL;
    for (uint32_t id = 0; id < topology->function_count; id++) {
        struct pci_function *function = &topology->functions[id];
        if (function->device == 0x1635)
            port = function;
        function->acs_unknown = true;
    }
    ck_assert_ptr_nonnull(port);
    struct group_options options = {.assume = ISOLATION_TABLE};
    struct iommu_groups *groups = iommu_groups_form_as(topology, &options, diagnostics);
    uint32_t count;
    struct isolation_effect *list = isolation_effects(groups, groups->arena, &count);
    const struct isolation_effect *found = NULL;
    for (uint32_t i = 0; i < count; i++)
        found = list[i].function_id == port->id ? &list[i] : found;
    ck_assert_ptr_nonnull(found);
    /* Dummy bridge, port and the two below are one; with an isolating port: bridge, port, and the two. */
    ck_assert_uint_eq(found->changed, 4);
    ck_assert_uint_eq(found->groups_now, 1);
    ck_assert_uint_eq(found->groups_flipped, 3);
    iommu_groups_free(groups);
    topology_free(topology);
}
END_TEST

static bool one_partition(const struct iommu_groups *a, const struct iommu_groups *b)
{
    uint32_t count = a->topology->function_count;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if ((a->decisions[i].group == a->decisions[j].group) !=
                (b->decisions[i].group == b->decisions[j].group))
                return false;
        }
    }
    return true;
}

/* Deciding again only what a verdict can bear on comes to the same as deciding all again. */
START_TEST(flips_are_exact)
{
    enum { MACHINES = 200 };
    struct random_stream random;
    random_init(&random, 7, "hide");
    unsigned flips = 0, effective = 0;
    for (unsigned i = 0; i < MACHINES; i++) {
        char *text = random_machine_text(i, 60);
        struct topology *topology = machine(text);
        for (uint32_t id = 0; id < topology->function_count; id++) {
            topology->functions[id].acs_unknown = random_below(&random, 2) == 0;
            topology->functions[id].acs.present &= !topology->functions[id].acs_unknown;
        }
        struct group_options options = {.choice = IOMMU_CHOICE_VT_D,
                                        .algorithm = i % 3 == 0 ? GROUP_ALGORITHM_ACS_REWORK_V3
                                                                : GROUP_ALGORITHM_LINUX};
        struct iommu_groups *groups = iommu_groups_form_as(topology, &options, diagnostics);
        struct isolation_probe *probe = isolation_probe_new(groups);
        uint32_t count;
        struct isolation_effect *list = isolation_effects(groups, groups->arena, &count);
        for (uint32_t id = 0; id < topology->function_count; id++) {
            if (!isolation_assumed(groups, id))
                continue;
            const struct iommu_groups *turned = isolation_probe_flip(probe, id);
            struct iommu_groups whole = *turned;
            whole.decisions = arena_array(groups->arena, topology->function_count, sizeof(*whole.decisions));
            whole.takes_below = arena_array(groups->arena, topology->function_count, sizeof(bool));
            group_former_run(&whole, NULL);
            ck_assert_msg(one_partition(turned, &whole), "%s: function %u", text, id);
            bool named = false;
            for (uint32_t k = 0; k < count; k++)
                named |= list[k].function_id == id;
            ck_assert_msg(named != one_partition(groups, &whole), "%s: effect of function %u", text, id);
            flips++;
            effective += named;
        }
        isolation_probe_free(probe);
        iommu_groups_free(groups);
        topology_free(topology);
        free(text);
    }
    ck_assert_uint_gt(flips, MACHINES);
    ck_assert_uint_gt(effective, MACHINES / 4);
}
END_TEST

START_TEST(names)
{
    for (int i = ISOLATION_TABLE; i <= ISOLATION_OPTIMISTIC; i++) {
        enum isolation_policy policy;
        ck_assert(isolation_policy_parse(isolation_policy_name((enum isolation_policy)i), &policy));
        ck_assert_int_eq(policy, i);
    }
    enum isolation_policy untouched = ISOLATION_OPTIMISTIC;
    ck_assert(!isolation_policy_parse("hopeful", &untouched) && untouched == ISOLATION_OPTIMISTIC);
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

Suite *isolation_suite(void)
{
    Suite *suite = suite_create("isolation");
    TCase *tests = tcase_create("isolation");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, table_is_ordered);
    tcase_add_test(tests, each_machine_has_a_vote);
    tcase_add_test(tests, contested_grounds);
    tcase_add_test(tests, machines_have_labels);
    tcase_add_test(tests, policies);
    tcase_add_test(tests, chipset_workarounds);
    tcase_add_test(tests, effects);
    tcase_add_test(tests, flips_are_exact);
    tcase_add_test(tests, names);
    suite_add_tcase(suite, tests);
    return suite;
}
