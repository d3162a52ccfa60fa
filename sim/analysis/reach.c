/* SPDX-License-Identifier: MIT */
#include "sim/analysis/reach.h"

#include "models/pcie/fabric_acs.h"
#include "sim/analysis/iommu_groups.h"
#include "sim/base/arena.h"

#include <assert.h>

enum { CLASS_HOST_BRIDGE = 0x0600 };

uint16_t *reach_acs_control(struct arena *arena, const struct iommu_groups *groups)
{
    enum {
        ISOLATION =
            ACS_SOURCE_VALIDATION | ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT | ACS_UPSTREAM_FORWARDING
    };
    const struct topology *topology = groups->topology;
    uint16_t *control = arena_array(arena, topology->function_count, sizeof(control[0]));
    uint16_t *in_force = arena_array(arena, topology->function_count, sizeof(in_force[0]));
    for (uint32_t i = 0; i < topology->function_count; i++)
        control[i] = groups->views[i].control;
    fabric_acs_in_force(topology, control, groups->platform.acs_requested, in_force);
    for (uint32_t i = 0; i < topology->function_count; i++) {
        if (groups->verdicts[i].reason == ACS_REASON_ASSUMED && groups->verdicts[i].isolated)
            in_force[i] |= ISOLATION;
    }
    return in_force;
}

struct reach *reach_new(struct arena *arena, const struct iommu_groups *groups)
{
    const struct topology *topology = groups->topology;
    bool *translated = arena_array(arena, topology->function_count, sizeof(translated[0]));
    for (uint32_t i = 0; i < topology->function_count; i++)
        translated[i] = groups->platform.enabled && groups->coverage->functions[i].unit != NONE;
    struct reach *reach = arena_alloc(arena, sizeof(*reach));
    reach->fabric = fabric_new(arena, topology, reach_acs_control(arena, groups));
    reach->translated = translated;
    return reach;
}

enum reach_leak reach_leak(const struct iommu_groups *groups, const struct reach_result *result,
                           uint32_t source_id, uint32_t target_id)
{
    uint32_t a = groups->decisions[source_id].group, b = groups->decisions[target_id].group;
    if (result->outcome != REACH_REACHES || a == NONE || b == NONE || a == b)
        return REACH_NO_LEAK;
    if (result->at_id == NONE || groups->views[result->at_id].present)
        return REACH_LEAK;
    const struct acs_verdict *verdict = &groups->verdicts[result->at_id];
    return verdict->reason == ACS_REASON_QUIRK && verdict->isolated ? REACH_VOUCHED : REACH_LEAK;
}

bool reach_issues(const struct pci_function *function)
{
    return function->header_type == 0 && function->class_code >> 8 != CLASS_HOST_BRIDGE &&
           !function_is_type(function, PCIE_RC_EVENT_COLLECTOR);
}

/** A walk in progress. */
struct walk {
    const struct reach *reach;
    struct transaction transaction;
    struct reach_result result;
    struct reach_hop *hops;
    uint32_t capacity;
    bool decided; /**< a turn or a redirect was met: its rule stands */
};

static void record(struct walk *walk, struct route_place place, const struct route_decision *decision)
{
    if (walk->result.steps < walk->capacity)
        walk->hops[walk->result.steps] = (struct reach_hop){place, *decision};
    walk->result.steps++;
    walk->transaction.requester_id = decision->requester_id;
}

/** Step from @p place to the end of the fabric. @return the last decision, never ROUTE_MOVE */
static struct route_decision walk_on(struct walk *walk, struct route_place place)
{
    const struct fabric *fabric = walk->reach->fabric;
    for (;;) {
        walk->transaction.segment = fabric->topology->functions[place.function_id].segment;
        struct route_decision decision = route_step(fabric, &walk->transaction, place);
        record(walk, place, &decision);
        if (!walk->decided || decision.action == ROUTE_BLOCK) {
            walk->result.rule = decision.rule;
            walk->result.at_id = place.function_id;
            walk->decided = route_rule_is_turn(decision.rule) || route_rule_is_redirect(decision.rule);
        }
        if (decision.action != ROUTE_MOVE) {
            walk->result.end_id = decision.next.function_id;
            return decision;
        }
        place = decision.next;
        assert(walk->result.steps <= 2 * (fabric->topology->bus_count + 2));
    }
}

/** It left the fabric and nobody translates it: the root complex takes the address as it came. */
static struct route_decision through_root(struct walk *walk)
{
    const struct fabric *fabric = walk->reach->fabric;
    struct route_place root = {NONE, SIDE_FROM_BELOW};
    struct route_decision decision = route_from_host(fabric, &walk->transaction);
    walk->result.through_root = true;
    if (decision.action == ROUTE_MOVE && !fabric->peer_to_peer) {
        decision.action = ROUTE_BLOCK;
        decision.rule = RULE_NO_PEER_ROUTING;
        decision.error = ROUTE_UNSUPPORTED_REQUEST;
    }
    record(walk, root, &decision);
    if (decision.action == ROUTE_MOVE)
        return walk_on(walk, decision.next);
    if (decision.action == ROUTE_BLOCK) {
        walk->result.rule = decision.rule;
        walk->result.at_id = NONE;
    }
    walk->result.end_id = NONE;
    return decision;
}

struct reach_result reach_address(const struct reach *reach, uint32_t source_id, uint64_t address,
                                  struct reach_hop *hops, uint32_t capacity)
{
    struct walk walk = {
        .reach = reach,
        .transaction = {.kind = TRANSACTION_MEMORY_WRITE,
                        .address = address,
                        .requester_id = reach->fabric->nodes[source_id].requester_id},
        .result = {.address = address},
        .hops = hops,
        .capacity = capacity,
    };
    bool translated = !reach->translated || reach->translated[source_id];
    struct route_decision last = walk_on(&walk, (struct route_place){source_id, SIDE_SELF});
    if (last.action == ROUTE_HOST && !translated)
        last = through_root(&walk);
    walk.result.error = last.error;
    if (last.action == ROUTE_BLOCK)
        walk.result.outcome = REACH_BLOCKED;
    else if (last.action == ROUTE_HOST && translated)
        walk.result.outcome = REACH_REDIRECTED;
    else
        walk.result.outcome = REACH_REACHES;
    return walk.result;
}

struct reach_result reach_pair(const struct reach *reach, uint32_t source_id, uint32_t target_id)
{
    const struct fabric *fabric = reach->fabric;
    const struct fabric_node *target = &fabric->nodes[target_id];
    struct reach_result worst = {.outcome = REACH_NOT_APPLICABLE, .at_id = NONE, .end_id = NONE};
    if (source_id == target_id)
        worst.absence = REACH_ABSENT_SELF;
    else if (!reach_issues(&fabric->topology->functions[source_id]))
        worst.absence = REACH_ABSENT_SILENT;
    else if (target->bar_count == 0)
        worst.absence = REACH_ABSENT_BAR;
    if (worst.absence != REACH_ABSENT_NOTHING)
        return worst;
    uint32_t bars = target->bars_alike ? 1 : target->bar_count;
    for (uint32_t b = 0; b < bars && worst.outcome != REACH_REACHES; b++) {
        const struct fabric_bar *bar = &fabric->bars[target->bar_first + b];
        struct reach_result result = reach_address(reach, source_id, bar->base, NULL, 0);
        result.bar = bar->index;
        /* Where BARs overlap (a contradictory input) somebody else may take it. */
        if (result.outcome == REACH_REACHES && result.end_id != target_id)
            result.outcome = REACH_BLOCKED;
        if (result.outcome > worst.outcome)
            worst = result;
    }
    return worst;
}

const char *reach_outcome_name(enum reach_outcome outcome)
{
    static const char *const names[REACH_OUTCOMES] = {"not-applicable", "blocked", "redirected", "reaches"};
    return (unsigned)outcome < REACH_OUTCOMES ? names[outcome] : "unknown";
}

const char *reach_absence_text(enum reach_absence absence)
{
    switch (absence) {
    case REACH_ABSENT_SELF:
        return "source and target are the same function";
    case REACH_ABSENT_SILENT:
        return "the source issues no memory requests of its own";
    case REACH_ABSENT_BAR:
        return "the target has no memory BAR that decodes";
    case REACH_ABSENT_NOTHING:
        break;
    }
    return "";
}
