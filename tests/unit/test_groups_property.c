/* SPDX-License-Identifier: MIT */
/* Laws of groups on random machines. A failure prints the machine; IOMMUSIM_TEST_SEED takes a seed back. */
#include "sim/base/text_buffer.h"
#include "sim/kernel/random.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/group_listing.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *groups_property_suite(void);

enum { MACHINES = 400, MAXIMUM_DEPTH = 5 };

struct maker {
    struct random_stream random;
    struct text_buffer text;
    unsigned depth;
};

static bool chance(struct maker *maker, unsigned percent)
{
    return random_below(&maker->random, 100) < percent;
}

static void add_acs(struct maker *maker)
{
    static const char *const acs[] = {"noacs",     "acs",       "acs=1f:0", "acs=0:0",
                                      "acs=1d:1c", "acs=11:11", "acs=5f:5d"};
    text_buffer_format(&maker->text, "%s", acs[random_below(&maker->random, sizeof(acs) / sizeof(acs[0]))]);
}

static void add_below_link(struct maker *maker);

/* Conventional devices behind a bridge. */
static void add_conventional(struct maker *maker, unsigned depth)
{
    unsigned count = 1 + (unsigned)random_below(&maker->random, 3);
    for (unsigned device = 1; device <= count; device++) {
        if (depth < 2 && chance(maker, 20)) {
            text_buffer_format(&maker->text, " pcibridge@%x(", device);
            add_conventional(maker, depth + 1);
            text_buffer_add(&maker->text, ")");
        } else {
            text_buffer_format(&maker->text, " pci@%x.0", device);
            if (chance(maker, 30))
                text_buffer_format(&maker->text, " pci@%x.3", device);
        }
    }
}

static void add_endpoints(struct maker *maker)
{
    unsigned count = chance(maker, 60) ? 1 : 2 + (unsigned)random_below(&maker->random, 3);
    for (unsigned function = 0; function < count; function++) {
        text_buffer_format(&maker->text, " %s@0.%x[", chance(maker, 20) ? "lep" : "ep", function);
        add_acs(maker);
        if (function == 0 && chance(maker, 20))
            text_buffer_format(&maker->text, ",vf=%u", 1 + (unsigned)random_below(&maker->random, 3));
        text_buffer_add(&maker->text, "]");
    }
}

static void add_switch(struct maker *maker)
{
    text_buffer_add(&maker->text, "up@0.0[");
    add_acs(maker);
    text_buffer_add(&maker->text, "](");
    unsigned count = 1 + (unsigned)random_below(&maker->random, 3);
    bool one_slot = chance(maker, 20);
    for (unsigned port = 0; port < count; port++) {
        text_buffer_format(&maker->text, one_slot ? " dp@0.%x[" : " dp@%x.0[", port);
        add_acs(maker);
        text_buffer_add(&maker->text, "](");
        add_below_link(maker);
        text_buffer_add(&maker->text, ")");
    }
    text_buffer_add(&maker->text, ")");
    if (chance(maker, 15))
        text_buffer_add(&maker->text, " ep@0.1");
}

static void add_below_link(struct maker *maker)
{
    maker->depth++;
    if (maker->depth < MAXIMUM_DEPTH && chance(maker, 35)) {
        add_switch(maker);
    } else if (chance(maker, 15)) {
        text_buffer_add(&maker->text, chance(maker, 70) ? "pcie2pci(" : "pcibridge(");
        add_conventional(maker, 0);
        text_buffer_add(&maker->text, ")");
    } else if (chance(maker, 95)) {
        add_endpoints(maker);
    }
    maker->depth--;
}

static void add_root_bus(struct maker *maker)
{
    unsigned slots = 1 + (unsigned)random_below(&maker->random, 5);
    for (unsigned slot = 0; slot < slots; slot++) {
        unsigned functions = chance(maker, 70) ? 1 : 2 + (unsigned)random_below(&maker->random, 2);
        for (unsigned function = 0; function < functions; function++) {
            static const char *const kinds[] = {"rp", "rp", "rp", "rciep", "pci", "rcec", "pcibridge"};
            const char *kind = kinds[random_below(&maker->random, sizeof(kinds) / sizeof(kinds[0]))];
            text_buffer_format(&maker->text, " %s@%x.%x", kind, slot, function);
            if (strcmp(kind, "rp") == 0 || strcmp(kind, "rciep") == 0) {
                text_buffer_add(&maker->text, "[");
                add_acs(maker);
                text_buffer_add(&maker->text, "]");
            }
            if (strcmp(kind, "rp") == 0) {
                text_buffer_add(&maker->text, "(");
                add_below_link(maker);
                text_buffer_add(&maker->text, ")");
            } else if (strcmp(kind, "pcibridge") == 0) {
                text_buffer_add(&maker->text, "(");
                add_conventional(maker, 1);
                text_buffer_add(&maker->text, ")");
            }
        }
    }
}

struct subject {
    const char *text;
    struct topology *topology;
    struct diagnostics *diagnostics;
    struct iommu_groups *groups;
};

#define MUST(subject, condition) ck_assert_msg(condition, "%s\nmachine: %s", #condition, (subject)->text)

/* Every function in exactly one group, numbers without gap in order of first member, members by address. */
static void check_partition(const struct subject *subject)
{
    const struct iommu_groups *groups = subject->groups;
    uint32_t count = 0, next = 0;
    for (uint32_t i = 0; i < groups->group_count; i++) {
        MUST(subject, groups->groups[i].number == i);
        MUST(subject, groups->groups[i].member_count > 0);
        for (uint32_t j = 0; j < groups->groups[i].member_count; j++, count++)
            MUST(subject, groups->decisions[groups->groups[i].members[j]].group == i);
    }
    MUST(subject, count == subject->topology->function_count);
    for (uint32_t id = 0; id < subject->topology->function_count; id++) {
        const struct group_decision *decision = &groups->decisions[id];
        MUST(subject, decision->group <= next);
        MUST(subject, (decision->rule == GROUP_RULE_NEW) == (decision->group == next));
        if (decision->group == next)
            next++;
        else
            MUST(subject, decision->via < id && groups->decisions[decision->via].group == decision->group);
    }
}

/* A VF is alone if and only if all bridges above it isolate: it is never multifunction. Without isolation it
 * is with the nearest bridge. */
static void check_vfs(const struct subject *subject)
{
    const struct iommu_groups *groups = subject->groups;
    for (uint32_t id = 0; id < subject->topology->function_count; id++) {
        const struct pci_function *function = &subject->topology->functions[id];
        const struct pci_function *parent = topology_parent(subject->topology, function);
        if (!function->is_vf)
            continue;
        if (acs_belief_path(subject->topology, groups->verdicts, parent))
            MUST(subject, groups->decisions[id].group == groups->decisions[parent->id].group);
        else
            MUST(subject, groups->groups[groups->decisions[id].group].member_count == 1);
    }
}

/* What is below a bridge that takes ownership of requester ids is in the bridge's group. */
static void check_conventional(const struct subject *subject)
{
    for (uint32_t id = 0; id < subject->topology->function_count; id++) {
        const struct pci_function *function = &subject->topology->functions[id];
        const struct pci_function *parent = topology_parent(subject->topology, function);
        if (parent && (!parent->pcie || parent->pcie_type == PCIE_TO_PCI_BRIDGE))
            MUST(subject,
                 subject->groups->decisions[id].group == subject->groups->decisions[parent->id].group);
    }
}

static bool refines(const struct iommu_groups *fine, const struct iommu_groups *coarse)
{
    for (uint32_t i = 0; i < fine->group_count; i++) {
        const struct iommu_group *group = &fine->groups[i];
        for (uint32_t j = 1; j < group->member_count; j++) {
            if (coarse->decisions[group->members[j]].group != coarse->decisions[group->members[0]].group)
                return false;
        }
    }
    return true;
}

static void isolate(struct pci_function *function)
{
    function->acs.present = true;
    function->acs.capability |= ACS_GROUP_BITS;
    function->acs.control |= ACS_GROUP_BITS;
}

/* Isolating one function more never brings functions together; isolating all leaves what ACS cannot help. */
static void check_more_acs(const struct subject *subject, struct random_stream *random)
{
    struct topology *topology = subject->topology;
    uint32_t one = (uint32_t)random_below(random, topology->function_count);
    isolate(&topology->functions[one]);
    struct iommu_groups *more = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, NULL, subject->diagnostics);
    MUST(subject, refines(more, subject->groups));
    for (uint32_t id = 0; id < topology->function_count; id++)
        isolate(&topology->functions[id]);
    struct iommu_groups *all = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, NULL, subject->diagnostics);
    MUST(subject, refines(all, more));
    for (uint32_t id = 0; id < topology->function_count; id++) {
        if (function_is_type(&topology->functions[id], PCIE_ENDPOINT) &&
            !acs_belief_path(topology, all->verdicts, topology_parent(topology, &topology->functions[id])))
            MUST(subject, all->groups[all->decisions[id].group].member_count == 1);
    }
    iommu_groups_free(more);
    iommu_groups_free(all);
}

/* The kind of x86 IOMMU makes no difference, nor does another host bridge beside. */
static void check_independence(const struct subject *subject)
{
    struct iommu_groups *amd =
        iommu_groups_form(subject->topology, IOMMU_CHOICE_AMD_VI, NULL, subject->diagnostics);
    MUST(subject, refines(amd, subject->groups) && refines(subject->groups, amd));
    iommu_groups_free(amd);
    char *wider_text = memory_alloc(strlen(subject->text) + 64);
    sprintf(wider_text, "%s | bus=f0: rp@0[acs=1f:0](ep)", subject->text);
    char *wider = group_listing_of(wider_text, IOMMU_CHOICE_VT_D, NULL);
    char *alone = group_listing(subject->groups);
    /* VFs are numbered last, hence after the other host bridge: compare what is before both. */
    MUST(subject, strstr(wider, "f0:00.0 f1:00.0") != NULL);
    if (!strstr(subject->text, "vf="))
        MUST(subject, strncmp(wider, alone, strlen(alone)) == 0);
    free(wider_text);
    free(wider);
    free(alone);
}

START_TEST(random_machines)
{
    const char *given = getenv("IOMMUSIM_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 1;
    unsigned sizes = 0;
    for (unsigned i = 0; i < MACHINES; i++) {
        char name[32];
        struct maker maker = {0};
        snprintf(name, sizeof(name), "machine%u", i);
        random_init(&maker.random, seed, name);
        add_root_bus(&maker);
        struct subject subject = {.text = maker.text.text, .diagnostics = diagnostics_new(20)};
        subject.topology = synthetic_parse(name, subject.text, subject.diagnostics);
        if (!subject.topology)
            diagnostics_print(subject.diagnostics, stderr);
        MUST(&subject, subject.topology != NULL);
        subject.groups = iommu_groups_form(subject.topology, IOMMU_CHOICE_VT_D, NULL, subject.diagnostics);
        sizes += subject.topology->function_count;
        check_partition(&subject);
        check_vfs(&subject);
        check_conventional(&subject);
        check_independence(&subject);
        check_more_acs(&subject, &maker.random);
        iommu_groups_free(subject.groups);
        topology_free(subject.topology);
        diagnostics_free(subject.diagnostics);
        text_buffer_fini(&maker.text);
    }
    /* The generator still makes machines worth testing. */
    ck_assert_uint_gt(sizes, MACHINES * 8);
}
END_TEST

Suite *groups_property_suite(void)
{
    Suite *suite = suite_create("groups_property");
    TCase *tests = tcase_create("groups_property");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, random_machines);
    suite_add_tcase(suite, tests);
    return suite;
}
