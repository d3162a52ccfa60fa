/* SPDX-License-Identifier: MIT */
/*
 * Laws of reach on random machines; what breaks one is shrunk and printed.
 *
 * More ACS never adds a reach:
 * - for requests that the IOMMU judges (memory requests with untranslated addresses, I/O; everyone behind an
 *   IOMMU) and for passing as another function: more of SV, TB, RR, CR, UF, I/O blocking, memory target and
 *   unclaimed controls, and of EC where RR stays off;
 * - for what the root complex may send on (messages by id, completions, translated requests that are
 * trusted): more of SV and TB, and of RR and CR where EC is off. adding_acs_can_add_a_reach has what lies
 * outside, each with a machine.
 */
#include "models/pcie/fabric_acs.h"
#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/reach_identity.h"
#include "sim/analysis/soundness.h"
#include "tests/unit/fabric_fixture.h"
#include "tests/unit/random_fabric.h"
#include "tests/unit/shrink.h"

#include <inttypes.h>

Suite *reach_laws_suite(void);

enum { MACHINES = 700, MESSAGE = 256, REDIRECTS = ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT };

/** Is the law broken on the machine of a line? Fills @p message. */
typedef bool law(const char *line, uint64_t seed, char *message);

struct trial {
    law *broken;
    uint64_t seed;
};

static bool still_broken(const char *line, void *context)
{
    const struct trial *trial = context;
    char message[MESSAGE];
    return trial->broken(line, trial->seed, message);
}

/** Try a law on machines of one sort. */
static void hold(law *broken, struct random_fabric sort)
{
    for (uint64_t seed = 0; seed < MACHINES; seed++) {
        struct random_fabric random = sort;
        struct text_buffer line = {0};
        char message[MESSAGE];
        random.seed = seed;
        random_fabric_write(&random, &line);
        if (broken(text_buffer_get(&line), seed, message)) {
            char *small = shrink_machine(line.text, still_broken, &(struct trial){broken, seed});
            broken(small, seed, message);
            ck_abort_msg("seed %" PRIu64 ": synthetic:%s\n%s", seed, small, message);
        }
        text_buffer_fini(&line);
    }
}

/** A machine with everyone behind an IOMMU, with ATS or without. */
static struct reach new_reach(struct topology *topology, bool ats)
{
    bool *everyone = arena_array(topology->arena, topology->function_count, sizeof(everyone[0]));
    memset(everyone, true, topology->function_count);
    uint16_t *control = arena_array(topology->arena, topology->function_count, sizeof(control[0]));
    fabric_acs_in_force(topology, NULL, true, control);
    return (struct reach){.fabric = fabric_new(topology->arena, topology, control),
                          .translated = everyone,
                          .ats = ats ? everyone : NULL};
}

static const struct reach_way judged[] = {
    {.kind = TRANSACTION_MEMORY_WRITE},
    {.kind = TRANSACTION_MEMORY_READ, .identity = REACH_AS_TARGET},
    {.kind = TRANSACTION_ATOMIC, .identity = REACH_AS_ALIAS},
    {.kind = TRANSACTION_IO},
    {.kind = TRANSACTION_CONFIGURATION},
};

static const struct reach_way sent_on[] = {
    {.kind = TRANSACTION_MESSAGE_BY_ID},
    {.kind = TRANSACTION_COMPLETION},
    {.kind = TRANSACTION_MEMORY_READ, .address_type = ADDRESS_TRANSLATED},
};

static void tell(const struct topology *topology, uint32_t source_id, uint32_t target_id,
                 const struct reach_way *way, const struct reach_result *result, char *message)
{
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    snprintf(message, MESSAGE, "%s %s of %s reaches %s by %s at %s", address_type_name(way->address_type),
             transaction_kind_name(way->kind), fixture_name(topology, source_id, source),
             fixture_name(topology, target_id, target), route_rule_name(result->rule),
             fixture_name(topology, result->at_id, at));
}

/** Does a pair reach in @p after, but not in @p before? */
static bool added(const struct reach *before, const struct reach *after, const struct reach_way *ways,
                  size_t way_count, char *message)
{
    const struct topology *topology = after->fabric->topology;
    for (uint32_t s = 0; s < topology->function_count; s++) {
        for (uint32_t t = 0; t < topology->function_count; t++) {
            for (size_t w = 0; w < way_count; w++) {
                struct reach_result result = reach_pair_by(after, s, t, ways[w]);
                if (result.outcome == REACH_REACHES &&
                    reach_pair_by(before, s, t, ways[w]).outcome != REACH_REACHES) {
                    tell(topology, s, t, &ways[w], &result, message);
                    return true;
                }
            }
            struct reach_result as = reach_as(after, s, t);
            if (as.outcome == REACH_REACHES && reach_as(before, s, t).outcome != REACH_REACHES) {
                snprintf(message, MESSAGE, "%u can pass for %u", s, t);
                return true;
            }
        }
    }
    return false;
}

/** Switch more of the ACS of the first law on. */
static void add_acs(struct topology *topology, uint64_t seed)
{
    for (uint32_t f = 0; f < topology->function_count; f++) {
        struct acs *acs = &topology->functions[f].acs;
        uint32_t dice = random_fabric_dice(seed, &topology->functions[f], 10, UINT32_C(1) << 30);
        if (!acs->present) {
            if (topology->functions[f].pcie && dice & 1)
                *acs = (struct acs){.present = true, .capability = 0x1f, .control = 0x1d};
            continue;
        }
        acs->control |= (uint16_t)(acs->capability & 0x1f & dice);
        if (!(acs->control & ACS_REQUEST_REDIRECT))
            acs->control |= (uint16_t)(acs->capability & ACS_EGRESS_CONTROL & dice);
        if (acs->capability & ACS_ENHANCED) {
            acs->control |= (uint16_t)(dice >> 8 & (ACS_ENHANCED | ACS_UNCLAIMED_REDIRECT));
            for (unsigned shift = 8; shift <= 10; shift += 2) {
                if (!(acs->control >> shift & 3))
                    acs->control |= (uint16_t)(((dice >> shift) % 3) << shift);
            }
        }
    }
}

/** Switch more of the ACS of the second law on. */
static void add_validation(struct topology *topology, uint64_t seed)
{
    for (uint32_t f = 0; f < topology->function_count; f++) {
        struct acs *acs = &topology->functions[f].acs;
        uint32_t dice = random_fabric_dice(seed, &topology->functions[f], 11, UINT32_C(1) << 30);
        unsigned bits = ACS_SOURCE_VALIDATION | ACS_TRANSLATION_BLOCKING;
        if (!(acs->control & ACS_EGRESS_CONTROL))
            bits |= REDIRECTS;
        if (acs->present)
            acs->control |= (uint16_t)(acs->capability & bits & dice);
    }
}

static bool compare(const char *line, uint64_t seed, bool ats, void (*add)(struct topology *, uint64_t),
                    const struct reach_way *ways, size_t way_count, char *message)
{
    struct topology *topology = random_fabric_build(line, seed);
    if (!topology)
        return false;
    struct reach before = new_reach(topology, ats);
    add(topology, seed);
    struct reach after = new_reach(topology, ats);
    bool broken = added(&before, &after, ways, way_count, message);
    topology_free(topology);
    return broken;
}

static bool more_acs_adds(const char *line, uint64_t seed, char *message)
{
    return compare(line, seed, false, add_acs, judged, sizeof(judged) / sizeof(judged[0]), message);
}

static bool more_validation_adds(const char *line, uint64_t seed, char *message)
{
    return compare(line, seed, true, add_validation, sent_on, sizeof(sent_on) / sizeof(sent_on[0]), message);
}

START_TEST(more_acs_never_adds_a_reach)
{
    hold(more_acs_adds, (struct random_fabric){.enhanced_egress = true, .platforms = true});
    hold(more_acs_adds, (struct random_fabric){.pcie_only = true});
    hold(more_validation_adds, (struct random_fabric){.enhanced_egress = true, .platforms = true});
}
END_TEST

/* What the laws leave out: bits that open a way on purpose, and requests that the root complex sends on once
 * they come to it instead of being stopped before. */
START_TEST(adding_acs_can_add_a_reach)
{
    static const struct {
        const char *before, *after;
        struct reach_way way;
        bool iommu;
        enum route_rule rule;
    } cases[] = {
        /* EC with a clear bit lets through what RR alone would redirect. */
        {"rp[acs](up(dp[acs=7f:1d](ep) dp[acs](ep)))",
         "rp[acs](up(dp[acs=7f:3d](ep) dp[acs](ep)))",
         {.kind = TRANSACTION_MEMORY_WRITE},
         true,
         RULE_EGRESS_ALLOWED},
        /* DT lets through what says that it is translated. */
        {"rp[acs](up(dp[acs=5f:1d](ep) dp[acs](ep)))",
         "rp[acs](up(dp[acs=5f:5d](ep) dp[acs](ep)))",
         {.kind = TRANSACTION_MEMORY_WRITE, .address_type = ADDRESS_TRANSLATED},
         true,
         RULE_DIRECT_TRANSLATED},
        /* RR turns the block of EC into a redirect; messages come back down from the root complex. */
        {"rp[acs,p2p=all](up(dp[acs=3f:39,ev=ffffffff](ep) dp[acs](ep)))",
         "rp[acs,p2p=all](up(dp[acs=3f:3d,ev=ffffffff](ep) dp[acs](ep)))",
         {.kind = TRANSACTION_MESSAGE_BY_ID},
         true,
         RULE_REQUEST_REDIRECT},
        /* So does UF with what would get lost; ATS is trusted; without an IOMMU all requests come back. */
        {"rp[acs=1f:0d,p2p=all](up(dp[acs](ep) dp[acs](ep)))",
         "rp[acs,p2p=all](up(dp[acs](ep) dp[acs](ep)))",
         {.kind = TRANSACTION_MESSAGE_BY_ID},
         true,
         RULE_REQUEST_REDIRECT},
        {"rp[acs=1f:0d](up(dp[acs](ep) dp[acs](ep)))",
         "rp[acs](up(dp[acs](ep) dp[acs](ep)))",
         {.kind = TRANSACTION_COMPLETION},
         true,
         RULE_COMPLETION_REDIRECT},
        {"rp[acs=1f:0d,p2p=all](up(dp[acs](ep) dp[acs](ep)))",
         "rp[acs,p2p=all](up(dp[acs](ep) dp[acs](ep)))",
         {.kind = TRANSACTION_MEMORY_READ, .address_type = ADDRESS_TRANSLATED},
         true,
         RULE_ATS_TRUSTED},
        {"rp[acs=1f:0d,p2p=all](up(dp[acs](ep) dp[acs](ep)))",
         "rp[acs,p2p=all](up(dp[acs](ep) dp[acs](ep)))",
         {.kind = TRANSACTION_MEMORY_READ},
         false,
         RULE_REQUEST_REDIRECT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int after = 0; after < 2; after++) {
            struct topology *topology = fixture_machine(after ? cases[i].after : cases[i].before);
            struct reach reach = new_reach(topology, true);
            bool *nobody = arena_array(topology->arena, topology->function_count, sizeof(nobody[0]));
            if (!cases[i].iommu)
                reach.translated = nobody;
            if (cases[i].rule != RULE_ATS_TRUSTED)
                reach.ats = nobody;
            uint32_t source = fixture_function(topology, "03:00.0")->id,
                     target = fixture_function(topology, "04:00.0")->id;
            struct reach_result result = reach_pair_by(&reach, source, target, cases[i].way);
            ck_assert_msg((result.outcome == REACH_REACHES) == after, "%zu %s: %s by %s", i,
                          after ? "after" : "before", reach_outcome_name(result.outcome),
                          route_rule_name(result.rule));
            if (after)
                ck_assert_msg(result.rule == cases[i].rule, "%zu: %s", i, route_rule_name(result.rule));
            topology_free(topology);
        }
    }
}
END_TEST

/*
 * With all ACS on that the kernel sets and PCI Express functions only, nothing that the IOMMU judges reaches
 * a peer, and nobody passes for what is not below the port above him. What ACS does not stop: messages that
 * the root complex sends on, unsolicited completions (there are no checks for them at all), forged ids among
 * functions below one port (bus numbers tell no more) and of integrated functions.
 */
static bool all_isolated(const struct topology *topology)
{
    bool all = true;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        all &= function->pcie && (function->is_vf || function->acs.control == 0x1d);
    }
    return all;
}

static bool isolated_leaks(const char *line, uint64_t seed, char *message)
{
    static const struct reach_way translated = {.kind = TRANSACTION_MEMORY_WRITE,
                                                .address_type = ADDRESS_TRANSLATED};
    static const struct reach_way messages = {.kind = TRANSACTION_MESSAGE_BY_ID};
    struct topology *topology = random_fabric_build(line, seed);
    bool broken = false;
    if (!topology || !all_isolated(topology)) {
        topology_free(topology);
        return false;
    }
    struct reach reach = new_reach(topology, false);
    for (uint32_t s = 0; s < topology->function_count; s++) {
        for (uint32_t t = 0; t < topology->function_count && !broken; t++) {
            struct reach_result result = {.outcome = REACH_BLOCKED};
            const struct reach_way *way = &translated;
            for (size_t w = 0; w <= sizeof(judged) / sizeof(judged[0]); w++) {
                result = reach_pair_by(&reach, s, t, *way);
                if ((broken = result.outcome == REACH_REACHES))
                    break;
                way = &judged[w];
            }
            if (!broken) {
                way = &messages;
                result = reach_pair_by(&reach, s, t, messages);
                broken = result.outcome == REACH_REACHES && !result.through_root;
            }
            if (broken)
                tell(topology, s, t, way, &result, message);
            const struct pci_function *port = topology_parent(topology, &topology->functions[s]);
            bool outside = port && !topology_is_ancestor(topology, port, &topology->functions[t]);
            if (outside && reach_as(&reach, s, t).outcome == REACH_REACHES) {
                snprintf(message, MESSAGE, "%u can pass for %u", s, t);
                broken = true;
            }
        }
    }
    topology_free(topology);
    return broken;
}

START_TEST(isolated_machines_do_not_leak)
{
    hold(isolated_leaks, (struct random_fabric){.pcie_only = true, .isolated = true});
}
END_TEST

static struct soundness *judge_rework(const struct topology *topology, struct iommu_groups **groups)
{
    struct diagnostics *diagnostics = diagnostics_new(1);
    const struct group_options options = {.choice = IOMMU_CHOICE_VT_D,
                                          .algorithm = GROUP_ALGORITHM_ACS_REWORK_V3};
    *groups = iommu_groups_form_as(topology, &options, diagnostics);
    diagnostics_free(diagnostics);
    return soundness_judge(*groups);
}

static bool shares_slot(const struct topology *topology, const struct pci_function *function)
{
    const struct pci_bus *bus = &topology->buses[function->bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &topology->functions[bus->functions[i]];
        if (other != function && pci_slot(other->devfn) == pci_slot(function->devfn))
            return true;
    }
    return false;
}

/** Is a PCI Express function as the rework takes it to be? */
static bool conforms(const struct topology *topology, const struct pci_function *function)
{
    const unsigned port_bits = 0x1f;
    const struct acs *acs = &function->acs;
    bool port = function_leads_to_link(function);
    bool memory = function->bars[0].kind == BAR_MEMORY32 || function->bars[0].kind == BAR_MEMORY64;
    if (!function->pcie || function->is_vf)
        return true;
    if (acs->control & ACS_EGRESS_CONTROL || (memory && function_is_bridge(function)))
        return false;
    if (port && acs->present && (acs->capability & port_bits) != port_bits)
        return false;
    if (function->sriov.num_vfs && acs->capability && !(acs->control & ACS_REQUEST_REDIRECT))
        return false;
    return acs->present || !(shares_slot(topology, function) || function->sriov.num_vfs);
}

static bool all_conform(const struct topology *topology)
{
    for (uint32_t i = 0; i < topology->function_count; i++) {
        if (!conforms(topology, &topology->functions[i]))
            return false;
    }
    return true;
}

/*
 * The groups of the rework are sound on machines without quirks where what the rework takes for granted
 * holds:
 * - the root complex does not route between its ports and integrated functions;
 * - devices with several functions or VFs have an ACS capability (the rework takes one without to loop
 *   nothing back), and those with VFs redirect if they can (it does not look at VFs);
 * - ports that have the capability implement what the specification demands of them (what a port does not
 *   implement counts as on);
 * - switches and root ports have no memory BARs (without ACS Enhanced nothing tells who guards them);
 * - Egress Control is off (it is not looked at).
 * the_rework_looks_away_from_this has a machine for each that does not hold.
 */
static bool rework_is_unsound(const char *line, uint64_t seed, char *message)
{
    struct topology *topology = random_fabric_build(line, seed);
    struct iommu_groups *groups;
    if (!topology || !all_conform(topology)) {
        topology_free(topology);
        return false;
    }
    topology->root_complex_peer_to_peer = false;
    struct soundness *soundness = judge_rework(topology, &groups);
    bool unsound = !soundness_sound(soundness);
    if (unsound) {
        const struct unsound_pair *pair = &soundness->pairs[0];
        char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE];
        snprintf(message, MESSAGE, "%s and %s, kind %d, %s", fixture_name(topology, pair->source_id, source),
                 fixture_name(topology, pair->target_id, target), pair->kind,
                 pair->kind == UNSOUND_ID ? "one requester id" : route_rule_name(pair->rule));
    }
    soundness_free(soundness);
    iommu_groups_free(groups);
    topology_free(topology);
    return unsound;
}

static uint32_t count_conforming(struct random_fabric sort)
{
    uint32_t count = 0;
    for (uint64_t seed = 0; seed < MACHINES; seed++) {
        struct random_fabric random = sort;
        struct text_buffer line = {0};
        random.seed = seed;
        random_fabric_write(&random, &line);
        struct topology *topology = random_fabric_build(line.text, seed);
        count += all_conform(topology);
        topology_free(topology);
        text_buffer_fini(&line);
    }
    return count;
}

START_TEST(the_rework_is_sound_where_its_assumptions_hold)
{
    ck_assert_uint_gt(count_conforming((struct random_fabric){.conforming = true}), MACHINES / 3);
    hold(rework_is_unsound, (struct random_fabric){.conforming = true});
    hold(rework_is_unsound, (struct random_fabric){.conforming = true, .pcie_only = true});
}
END_TEST

START_TEST(the_rework_looks_away_from_this)
{
    static const struct {
        const char *machine;
        enum route_rule rule;
    } cases[] = {
        {"rciep[p2p=all] rp(ep)", RULE_ROOT_PEER},
        {"rp[acs](ep ep@.1)", RULE_MULTIFUNCTION_NO_ACS},
        {"rp(ep) rp@.1(ep)", RULE_MULTIFUNCTION_NO_ACS},
        {"rp[acs](ep[acs=0c:00,vf=2])", RULE_MULTIFUNCTION_PEER},
        {"rp[acs](up(dp[acs=00:00](ep) dp[acs](ep)))", RULE_SWITCH_PEER},
        {"rp[bar=16KiB](ep)", RULE_PORT_BAR},
        {"rp[acs](up[bar=64KiB](dp[acs=1f:19](ep) dp[acs](ep)))", RULE_SWITCH_UPSTREAM_BAR},
        {"rp[acs](up(dp[acs=3f:3d](ep) dp[acs](ep)))", RULE_EGRESS_ALLOWED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = fixture_machine(cases[i].machine);
        struct iommu_groups *groups;
        struct soundness *soundness = judge_rework(topology, &groups);
        ck_assert_msg(soundness->pair_count > 0, "%s is sound", cases[i].machine);
        for (size_t p = 0; p < soundness->pair_count; p++)
            ck_assert_msg(soundness->pairs[p].rule == cases[i].rule, "%s: %s", cases[i].machine,
                          route_rule_name(soundness->pairs[p].rule));
        soundness_free(soundness);
        iommu_groups_free(groups);
        topology_free(topology);
    }
}
END_TEST

Suite *reach_laws_suite(void)
{
    Suite *suite = suite_create("reach_laws");
    TCase *tests = tcase_create("reach_laws");
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, more_acs_never_adds_a_reach);
    tcase_add_test(tests, adding_acs_can_add_a_reach);
    tcase_add_test(tests, isolated_machines_do_not_leak);
    tcase_add_test(tests, the_rework_is_sound_where_its_assumptions_hold);
    tcase_add_test(tests, the_rework_looks_away_from_this);
    suite_add_tcase(suite, tests);
    return suite;
}
