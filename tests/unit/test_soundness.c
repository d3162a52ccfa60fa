/* SPDX-License-Identifier: MIT */
/* Groups held against the fabric: the cases the specification names, and the definition once more on random
 * machines, with a matrix instead of union and find. */
#include "sim/analysis/soundness.h"
#include "sim/analysis/dma_alias.h"
#include "tests/unit/fabric_fixture.h"
#include "tests/unit/random_fabric.h"

Suite *soundness_suite(void);

enum { RANDOM_MACHINES = 150 };

/** Test vectors of section 7 of the group specification, in one line each. */
#define T02    "rciep@0 rp@1[acs](up[acs](dp@0[acs=1f:0](ep) dp@3[acs=1f:0](ep)))"
#define T03    "rciep@0 rp@1[acs](up[acs](dp@0[acs](ep) dp@3[acs=1f:0](ep)))"
#define T08    "rp@1[acs](ep[mf] ep@.1)"
#define T25    "rciep@1f.0[acs=0c:00] rp@1f.2[acs](ep)"
#define NO_ACS "rp@1[acs](up[acs](dp@0(ep) dp@3(ep)))"

struct judged {
    struct topology *topology;
    struct iommu_groups *groups;
    struct soundness *soundness;
};

static struct judged judge(const char *text, enum group_algorithm algorithm, const char *cmdline)
{
    struct judged judged = {.topology = fixture_machine(text)};
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct group_options options = {
        .choice = IOMMU_CHOICE_VT_D, .cmdline = cmdline, .algorithm = algorithm, .assume = ISOLATION_TABLE};
    judged.groups = iommu_groups_form_as(judged.topology, &options, diagnostics);
    judged.soundness = soundness_judge(judged.groups);
    diagnostics_free(diagnostics);
    return judged;
}

static void done(struct judged *judged)
{
    soundness_free(judged->soundness);
    iommu_groups_free(judged->groups);
    topology_free(judged->topology);
}

START_TEST(known_cases)
{
    static const struct {
        const char *machine;
        enum group_algorithm algorithm;
        const char *cmdline;
        uint64_t reach, ids; /* unsound pairs */
        uint32_t loose;
    } cases[] = {
        {T02, GROUP_ALGORITHM_LINUX, "", 2, 0, 0},
        {T03, GROUP_ALGORITHM_LINUX, "", 1, 0, 0},
        {T25, GROUP_ALGORITHM_LINUX, "", 1, 0, 0},
        {T02, GROUP_ALGORITHM_ACS_REWORK_V3, "", 0, 0, 0},
        {T03, GROUP_ALGORITHM_ACS_REWORK_V3, "", 0, 0, 0},
        {T25, GROUP_ALGORITHM_ACS_REWORK_V3, "", 0, 0, 0},
        /* Without a capability nobody knows: the kernel keeps them together, the rework does not. */
        {T08, GROUP_ALGORITHM_LINUX, "", 0, 0, 0},
        {T08, GROUP_ALGORITHM_ACS_REWORK_V3, "", 2, 0, 0},
        {T08, GROUP_ALGORITHM_LINUX, "pcie_acs_override=multifunction", 2, 0, 0},
        {NO_ACS, GROUP_ALGORITHM_LINUX, "pcie_acs_override=downstream", 2, 0, 0},
        /* All on: sound. A conventional bus: one requester id, one bus, one group. */
        {"rp@1[acs](up[acs](dp@0[acs](ep) dp@3[acs](ep)))", GROUP_ALGORITHM_LINUX, "", 0, 0, 0},
        {"rp@1[acs](pcie2pci(pci*3))", GROUP_ALGORITHM_LINUX, "", 0, 0, 0},
        /* Functions of one slot on a root bus that only the kernel's caution puts together. */
        {"rciep@3.0[acs=0c:0c] rciep@3.1[acs=0c:0c]", GROUP_ALGORITHM_LINUX, "", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct judged judged = judge(cases[i].machine, cases[i].algorithm, cases[i].cmdline);
        const struct soundness *soundness = judged.soundness;
        ck_assert_msg(soundness->counts[UNSOUND_REACH] == cases[i].reach &&
                          soundness->counts[UNSOUND_ID] == cases[i].ids &&
                          soundness->loose_groups == cases[i].loose,
                      "case %zu, %s: %llu reach, %llu ids, %u loose", i, cases[i].machine,
                      (unsigned long long)soundness->counts[UNSOUND_REACH],
                      (unsigned long long)soundness->counts[UNSOUND_ID], soundness->loose_groups);
        ck_assert_int_eq(soundness_sound(soundness), cases[i].reach + cases[i].ids == 0);
        done(&judged);
    }
}
END_TEST

/** Take ACS from all functions, and let all memory decode. */
static struct topology *without_acs(uint64_t seed)
{
    struct random_fabric random = {.seed = seed, .pcie_only = true};
    struct text_buffer line = {0};
    random_fabric_write(&random, &line);
    struct topology *topology = fixture_machine(text_buffer_get(&line));
    for (uint32_t i = 0; i < topology->function_count; i++)
        topology->functions[i].acs = (struct acs){0};
    text_buffer_fini(&line);
    return topology;
}

static struct iommu_groups *groups_with(const struct topology *topology, const char *cmdline)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, cmdline, diagnostics);
    diagnostics_free(diagnostics);
    return groups;
}

/* On a fabric without ACS an override is unsound wherever it does anything: every two functions that it
 * parts, one with memory to reach and one that can send, do reach. */
START_TEST(an_override_without_acs_is_unsound)
{
    static const char *const words[] = {"pcie_acs_override=downstream", "pcie_acs_override=multifunction",
                                        "pcie_acs_override=downstream,multifunction"};
    uint32_t parted = 0;
    for (uint64_t seed = 0; seed < RANDOM_MACHINES; seed++) {
        struct topology *topology = without_acs(seed);
        struct iommu_groups *before = groups_with(topology, "");
        struct iommu_groups *after = groups_with(topology, words[seed % 3]);
        struct reach *reach = reach_new(topology->arena, after);
        bool any = false;
        for (uint32_t a = 0; a < topology->function_count; a++) {
            for (uint32_t b = 0; b < topology->function_count; b++) {
                struct reach_result result = reach_pair(reach, a, b);
                if (result.outcome == REACH_NOT_APPLICABLE || topology->functions[b].header_type ||
                    before->decisions[a].group != before->decisions[b].group ||
                    after->decisions[a].group == after->decisions[b].group)
                    continue;
                any = true;
                parted++;
                ck_assert_msg(result.outcome == REACH_REACHES, "seed %llu: %u, %u: %s by %s",
                              (unsigned long long)seed, a, b, reach_outcome_name(result.outcome),
                              route_rule_name(result.rule));
            }
        }
        struct soundness *soundness = soundness_judge(after);
        ck_assert(!any || (!soundness_sound(soundness) && soundness->overridden));
        soundness_free(soundness);
        iommu_groups_free(before);
        iommu_groups_free(after);
        topology_free(topology);
    }
    ck_assert_uint_gt(parted, 500);
}
END_TEST

/* A root port whose missing ACS binds two functions that do not meet: all between them goes up and is
 * translated, for the port above them isolates. */
START_TEST(a_merge_nothing_demands_is_told_with_its_way)
{
    struct judged judged =
        judge("rp@1[acs=1f:01](up[acs](dp@0[acs](ep) dp@3[acs](ep)))", GROUP_ALGORITHM_LINUX, "");
    const struct soundness *soundness = judged.soundness;
    ck_assert_uint_eq(judged.groups->group_count, 1);
    ck_assert_uint_eq(soundness->merge_count, 1);
    ck_assert_int_eq(soundness->merges[0].doubt, LOOSE_UNDEFINED);
    ck_assert_int_eq(soundness->merges[0].there.rule, RULE_NO_UPSTREAM_FORWARDING);
    done(&judged);
    judged = judge("rp@1[acs=1f:11](up[acs](dp@0[acs](ep) dp@3[acs](ep)))", GROUP_ALGORITHM_LINUX, "");
    soundness = judged.soundness;
    ck_assert_uint_eq(judged.groups->group_count, 1);
    ck_assert_uint_eq(soundness->merge_count, 1);
    ck_assert_uint_eq(soundness->loose_groups, 1);
    ck_assert_int_eq(soundness->merges[0].doubt, LOOSE_PROVEN);
    ck_assert_int_eq(soundness->merges[0].there.outcome, REACH_REDIRECTED);
    ck_assert_int_eq(soundness->merges[0].there.rule, RULE_REQUEST_REDIRECT);
    done(&judged);
    /* No BAR, no request: nothing is proven. */
    judged = judge("rp@1[acs=1f:11](up[acs](dp@0[acs](ep[nobar]) dp@3[acs](ep[nobar])))",
                   GROUP_ALGORITHM_LINUX, "");
    ck_assert_int_eq(judged.soundness->merges[0].doubt, LOOSE_SILENT);
    ck_assert_uint_eq(judged.soundness->loose_groups, 0);
    done(&judged);
}
END_TEST

struct ids {
    uint64_t keys[300];
    size_t count;
};

static bool note_id(void *data, const struct dma_alias *alias)
{
    struct ids *ids = data;
    ids->keys[ids->count++] = (uint64_t)alias->segment << 16 | alias->requester_id;
    return ids->count == 300;
}

static bool share_id(const struct topology *topology, uint32_t a, uint32_t b)
{
    struct ids one = {.count = 0}, other = {.count = 0};
    if (!reach_issues(&topology->functions[a]) || !reach_issues(&topology->functions[b]))
        return false;
    dma_alias_walk(topology, &topology->functions[a], note_id, &one);
    dma_alias_walk(topology, &topology->functions[b], note_id, &other);
    for (size_t i = 0; i < one.count; i++) {
        for (size_t j = 0; j < other.count; j++) {
            if (one.keys[i] == other.keys[j])
                return true;
        }
    }
    return false;
}

/** [a * count + b]: a and b hang together, through whomever. Squares a matrix until nothing changes. */
static bool *closure(const struct judged *judged, uint64_t *unsound)
{
    uint32_t count = judged->topology->function_count;
    bool *together = arena_array(judged->topology->arena, (size_t)count * count, sizeof(*together));
    for (uint32_t a = 0; a < count; a++) {
        for (uint32_t b = 0; b < count; b++) {
            struct reach_result result = reach_pair(judged->soundness->reach, a, b);
            bool meets = result.outcome == REACH_REACHES;
            bool shares = a != b && share_id(judged->topology, a, b);
            *unsound += reach_leak(judged->groups, &result, a, b) == REACH_LEAK;
            if (meets || shares || a == b)
                together[(size_t)a * count + b] = together[(size_t)b * count + a] = true;
        }
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t a = 0; a < count; a++) {
            for (uint32_t b = 0; b < count; b++) {
                for (uint32_t c = 0; together[(size_t)a * count + b] && c < count; c++) {
                    if (together[(size_t)b * count + c] && !together[(size_t)a * count + c])
                        changed = together[(size_t)a * count + c] = true;
                }
            }
        }
    }
    return together;
}

START_TEST(parts_are_what_hangs_together)
{
    struct text_buffer text = {0};
    uint32_t unsound_machines = 0, loose_machines = 0;
    for (uint32_t i = 0; i < RANDOM_MACHINES; i++) {
        struct random_fabric random = {.seed = i, .pcie_only = i & 1};
        text.length = 0;
        random_fabric_write(&random, &text);
        struct judged judged =
            judge(text_buffer_get(&text), i % 3 ? GROUP_ALGORITHM_LINUX : GROUP_ALGORITHM_ACS_REWORK_V3, "");
        const struct soundness *soundness = judged.soundness;
        uint32_t count = judged.topology->function_count;
        uint64_t unsound = 0;
        bool *together = closure(&judged, &unsound);
        ck_assert_uint_eq(soundness->counts[UNSOUND_REACH], unsound);
        for (uint32_t a = 0; a < count; a++) {
            for (uint32_t b = 0; b < count; b++)
                ck_assert_msg((soundness->part_of[a] == soundness->part_of[b]) ==
                                  together[(size_t)a * count + b],
                              "seed %u: %u and %u\n%s", i, a, b, text_buffer_get(&text));
        }
        for (size_t m = 0; m < soundness->merge_count; m++) {
            const struct loose_merge *merge = &soundness->merges[m];
            ck_assert_uint_eq(judged.groups->decisions[merge->a_id].group, merge->group);
            ck_assert_uint_eq(judged.groups->decisions[merge->b_id].group, merge->group);
            ck_assert(!together[(size_t)merge->a_id * count + merge->b_id]);
            ck_assert_int_ne(merge->there.outcome, REACH_REACHES);
            ck_assert_int_ne(merge->back.outcome, REACH_REACHES);
        }
        unsound_machines += !soundness_sound(soundness);
        loose_machines += soundness->loose_groups > 0;
        done(&judged);
    }
    text_buffer_fini(&text);
    ck_assert_uint_gt(unsound_machines, RANDOM_MACHINES / 10);
    ck_assert_uint_gt(loose_machines, 0);
}
END_TEST

Suite *soundness_suite(void)
{
    Suite *suite = suite_create("soundness");
    TCase *tests = tcase_create("soundness");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, known_cases);
    tcase_add_test(tests, an_override_without_acs_is_unsound);
    tcase_add_test(tests, a_merge_nothing_demands_is_told_with_its_way);
    tcase_add_test(tests, parts_are_what_hangs_together);
    suite_add_tcase(suite, tests);
    return suite;
}
