/* SPDX-License-Identifier: MIT */
#include "sim/analysis/reach_walk.h"

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

/** ATS as the kernel has it once booted.
 * MODEL: where the input is firmware's state, every unit is taken to support it. */
static bool ats_is_on(const struct iommu_groups *groups, const struct pci_function *function)
{
    if (groups->platform.cmdline.ats_off) /* the driver leaves it off in the unit, too */
        return false;
    if (groups->topology->acs_state == ACS_BOOTED)
        return function->ats_enabled;
    return function->ats && !function->untrusted;
}

struct reach *reach_new(struct arena *arena, const struct iommu_groups *groups)
{
    const struct topology *topology = groups->topology;
    bool *translated = arena_array(arena, topology->function_count, sizeof(translated[0]));
    bool *ats = arena_array(arena, topology->function_count, sizeof(ats[0]));
    for (uint32_t i = 0; i < topology->function_count; i++) {
        translated[i] = groups->platform.enabled && groups->coverage->functions[i].unit != NONE;
        ats[i] = translated[i] && ats_is_on(groups, &topology->functions[i]);
    }
    struct reach *reach = arena_alloc(arena, sizeof(*reach));
    reach->fabric = fabric_new(arena, topology, reach_acs_control(arena, groups));
    reach->translated = translated;
    reach->ats = ats;
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

void reach_walk_record(struct reach_walk *walk, struct route_place place,
                       const struct route_decision *decision)
{
    if (walk->result.steps < walk->capacity)
        walk->hops[walk->result.steps] = (struct reach_hop){place, *decision};
    walk->result.steps++;
    route_take(walk->reach->fabric, &walk->transaction, decision);
}

/** Keep the decisive rule of the walk. */
static void judge(struct reach_walk *walk, uint32_t at_id, const struct route_decision *decision)
{
    bool diverted = route_rule_is_turn(decision->rule) || route_rule_is_redirect(decision->rule);
    if (diverted && walk->result.turn_rule == RULE_COUNT) {
        walk->result.turn_rule = decision->rule;
        walk->result.turn_id = at_id;
    }
    if (!walk->decided || decision->action == ROUTE_BLOCK) {
        walk->result.rule = decision->rule;
        walk->result.at_id = at_id;
        walk->decided = diverted;
    }
}

struct route_decision reach_walk_on(struct reach_walk *walk, struct route_place place)
{
    const struct fabric *fabric = walk->reach->fabric;
    for (;;) {
        struct route_decision decision = route_step(fabric, &walk->transaction, place);
        reach_walk_record(walk, place, &decision);
        judge(walk, place.function_id, &decision);
        if (decision.action != ROUTE_MOVE) {
            walk->result.end_id = decision.next.function_id;
            return decision;
        }
        place = decision.next;
        assert(walk->result.steps <= 3 * (fabric->topology->bus_count + 2));
    }
}

enum reach_outcome reach_walk_blocked(const struct reach_walk *walk)
{
    bool redirected = walk->result.turn_rule != RULE_COUNT && route_rule_is_redirect(walk->result.turn_rule);
    return redirected ? REACH_REDIRECT_BLOCKED : REACH_BLOCKED;
}

static bool has_alias(const struct pci_function *function, uint16_t requester_id)
{
    for (uint32_t i = 0; i < function->alias_count; i++) {
        if (requester_id == pci_requester_id(function->bus, function->alias_devfns[i]))
            return true;
    }
    return false;
}

/** How the host stands to whom the transaction that left the fabric seems to come from. */
static struct requester_standing standing_of(const struct reach_walk *walk,
                                             const struct reach_request *request)
{
    const struct reach *reach = walk->reach;
    const struct fabric *fabric = reach->fabric;
    uint16_t sent = request->transaction.requester_id, arrived = walk->transaction.requester_id;
    uint32_t id = request->source_id;
    bool known = true;
    /* An id that no bridge replaced and that is not the source's own points to whoever has it. */
    if (sent == arrived && sent != fabric->nodes[id].requester_id) {
        const struct pci_function *function =
            topology_find(fabric->topology, walk->transaction.segment, (uint8_t)(sent >> 8), (uint8_t)sent);
        known = function != NULL || has_alias(&fabric->topology->functions[id], sent);
        id = function ? function->id : id;
    }
    bool translated = !reach->translated || reach->translated[id];
    return (struct requester_standing){known, translated, reach->ats && reach->ats[id]};
}

/** It left the fabric: what the host does with it, and what comes of that. */
static struct route_decision at_host(struct reach_walk *walk, const struct reach_request *request)
{
    struct requester_standing standing = standing_of(walk, request);
    struct route_decision decision =
        route_at_host(walk->reach->fabric, &walk->transaction, walk->result.end_id, standing);
    bool to_unit = decision.action == ROUTE_HOST && decision.rule != RULE_ATS_TRUSTED && standing.translated;
    if (to_unit || (decision.action == ROUTE_HOST && walk->transaction.kind == TRANSACTION_MESSAGE_TO_ROOT))
        return decision; /* end_id stays where it left */
    struct route_place root = {NONE, SIDE_FROM_BELOW};
    walk->result.through_root = true;
    reach_walk_record(walk, root, &decision);
    if (decision.action == ROUTE_BLOCK || decision.rule == RULE_ATS_TRUSTED) {
        walk->result.rule = decision.rule;
        walk->result.at_id = NONE;
        walk->decided = true;
    }
    if (decision.action == ROUTE_MOVE)
        return reach_walk_on(walk, decision.next);
    walk->result.end_id = NONE;
    return decision;
}

struct reach_request reach_request(const struct reach *reach, uint32_t source_id, enum transaction_kind kind)
{
    const struct fabric *fabric = reach->fabric;
    return (struct reach_request){source_id,
                                  {.kind = kind,
                                   .segment = fabric->topology->functions[source_id].segment,
                                   .requester_id = fabric->nodes[source_id].requester_id}};
}

struct reach_result reach_follow(const struct reach *reach, const struct reach_request *request,
                                 struct reach_hop *hops, uint32_t capacity)
{
    struct reach_walk walk = {
        .reach = reach,
        .transaction = request->transaction,
        .result = {.address = request->transaction.address, .turn_rule = RULE_COUNT, .turn_id = NONE},
        .hops = hops,
        .capacity = capacity,
    };
    if (walk.transaction.kind != TRANSACTION_COMPLETION)
        walk.transaction.segment = reach->fabric->topology->functions[request->source_id].segment;
    struct route_decision last = reach_walk_on(&walk, (struct route_place){request->source_id, SIDE_SELF});
    walk.result.segment = walk.transaction.segment;
    if (last.action == ROUTE_HOST)
        last = at_host(&walk, request);
    walk.result.error = last.error;
    walk.result.requester_id = walk.transaction.requester_id;
    bool in_host = last.action == ROUTE_HOST && !walk.result.through_root;
    if (last.action == ROUTE_BLOCK)
        walk.result.outcome = reach_walk_blocked(&walk);
    else
        walk.result.outcome = in_host ? REACH_REDIRECTED : REACH_REACHES;
    return walk.result;
}

struct reach_result reach_address(const struct reach *reach, uint32_t source_id, uint64_t address,
                                  struct reach_hop *hops, uint32_t capacity)
{
    struct reach_request request = reach_request(reach, source_id, TRANSACTION_MEMORY_WRITE);
    request.transaction.address = address;
    return reach_follow(reach, &request, hops, capacity);
}

/** Follow @p request for @p target_id: others that get it, get it wrongly. */
static struct reach_result follow_to(const struct reach *reach, const struct reach_request *request,
                                     uint32_t target_id)
{
    struct reach_result result = reach_follow(reach, request, NULL, 0);
    if (result.outcome != REACH_REACHES || result.end_id == target_id)
        return result;
    /* BARs overlap (a contradictory input), a bridge or VMD endpoint above the target does not claim what is
     * below it so that memory is written, or an id is used twice. */
    result.outcome = REACH_MISDELIVERED;
    return result;
}

/** The worst over @p count BARs of the target. */
static struct reach_result worst_bar(const struct reach *reach, struct reach_request *request,
                                     uint32_t target_id, const struct fabric_bar *bars, uint32_t count)
{
    struct reach_result worst = {.outcome = REACH_NOT_APPLICABLE, .at_id = NONE, .end_id = NONE};
    for (uint32_t b = 0; b < count && worst.outcome != REACH_REACHES; b++) {
        request->transaction.address = bars[b].base;
        struct reach_result result = follow_to(reach, request, target_id);
        result.bar = bars[b].index;
        if (result.outcome > worst.outcome)
            worst = result;
    }
    return worst;
}

enum reach_absence reach_source_absence(const struct fabric *fabric, uint32_t source_id, struct reach_way way)
{
    const struct fabric_node *source = &fabric->nodes[source_id];
    const struct pci_function *functions = fabric->topology->functions;
    const struct transaction sample = {.kind = way.kind, .address_type = way.address_type};
    bool conventional = fabric->buses[source->bus_id].kind == BUS_SHARED;
    if (!reach_issues(&functions[source_id]))
        return REACH_ABSENT_SILENT;
    if (way.identity == REACH_AS_ALIAS && functions[source_id].alias_count == 0)
        return REACH_ABSENT_ALIAS;
    if (conventional &&
        (!transaction_fits_conventional(&sample) || way.address_type != ADDRESS_UNTRANSLATED ||
         (way.identity != REACH_AS_ITSELF && !functions[source_id].pcix) ||
         (way.kind == TRANSACTION_COMPLETION && !functions[source_id].pcix)))
        return REACH_ABSENT_KIND;
    return REACH_ABSENT_NOTHING;
}

/** Can requests of this way be sent from the source to the target at all? */
static enum reach_absence absence_of(const struct fabric *fabric, uint32_t source_id, uint32_t target_id,
                                     struct reach_way way)
{
    const struct fabric_node *target = &fabric->nodes[target_id];
    const struct pci_function *functions = fabric->topology->functions;
    if (source_id == target_id)
        return REACH_ABSENT_SELF;
    enum reach_absence absence = reach_source_absence(fabric, source_id, way);
    if (absence != REACH_ABSENT_NOTHING)
        return absence;
    switch (transaction_routing(way.kind)) {
    case ROUTED_BY_ADDRESS:
        return target->bar_count ? REACH_ABSENT_NOTHING : REACH_ABSENT_BAR;
    case ROUTED_BY_PORT:
        return target->io_count ? REACH_ABSENT_NOTHING : REACH_ABSENT_IO_BAR;
    case ROUTED_BY_ID:
        return functions[source_id].segment == functions[target_id].segment ? REACH_ABSENT_NOTHING
                                                                            : REACH_ABSENT_SEGMENT;
    case ROUTED_TO_ROOT:
        break;
    }
    return REACH_ABSENT_KIND;
}

struct reach_request reach_way_request(const struct reach *reach, uint32_t source_id, uint32_t target_id,
                                       struct reach_way way)
{
    const struct fabric_node *target = &reach->fabric->nodes[target_id];
    const struct pci_function *source = &reach->fabric->topology->functions[source_id];
    struct reach_request request = reach_request(reach, source_id, way.kind);
    request.transaction.address_type = way.address_type;
    if (way.identity == REACH_AS_ALIAS && source->alias_count)
        request.transaction.requester_id = pci_requester_id(source->bus, source->alias_devfns[0]);
    if (way.identity == REACH_AS_TARGET || way.kind == TRANSACTION_COMPLETION)
        request.transaction.requester_id = target->requester_id;
    if (transaction_routing(way.kind) == ROUTED_BY_ID)
        request.transaction.target_id = target->requester_id;
    return request;
}

struct reach_result reach_pair_by(const struct reach *reach, uint32_t source_id, uint32_t target_id,
                                  struct reach_way way)
{
    const struct fabric *fabric = reach->fabric;
    const struct fabric_node *target = &fabric->nodes[target_id];
    struct reach_result none = {.absence = absence_of(fabric, source_id, target_id, way),
                                .turn_rule = RULE_COUNT,
                                .turn_id = NONE,
                                .at_id = NONE,
                                .end_id = NONE};
    if (none.absence != REACH_ABSENT_NOTHING)
        return none;
    struct reach_request request = reach_way_request(reach, source_id, target_id, way);
    switch (transaction_routing(way.kind)) {
    case ROUTED_BY_ADDRESS:
        return worst_bar(reach, &request, target_id, &fabric->bars[target->bar_first],
                         target->bars_alike ? 1 : target->bar_count);
    case ROUTED_BY_PORT:
        return worst_bar(reach, &request, target_id, &fabric->io_bars[target->io_first], target->io_count);
    case ROUTED_BY_ID:
    case ROUTED_TO_ROOT:
        break;
    }
    return follow_to(reach, &request, target_id);
}

struct reach_result reach_pair(const struct reach *reach, uint32_t source_id, uint32_t target_id)
{
    return reach_pair_by(reach, source_id, target_id, (struct reach_way){.kind = TRANSACTION_MEMORY_WRITE});
}

const char *reach_outcome_name(enum reach_outcome outcome)
{
    static const char *const names[REACH_OUTCOMES] = {"not-applicable", "blocked",      "redirect-blocked",
                                                      "redirected",     "misdelivered", "reaches"};
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
    case REACH_ABSENT_IO_BAR:
        return "the target has no I/O BAR that decodes";
    case REACH_ABSENT_KIND:
        return "such requests do not exist on the bus of the source, or are for no function";
    case REACH_ABSENT_SEGMENT:
        return "what is routed by id does not leave its segment";
    case REACH_ABSENT_ALIAS:
        return "the source has no further requester id";
    case REACH_ABSENT_ANSWER:
        return "no completion answers the request";
    case REACH_ABSENT_OWNER:
        return "no function has the destination, so there is no requester id of it to forge";
    case REACH_ABSENT_NOTHING:
        break;
    }
    return "";
}
