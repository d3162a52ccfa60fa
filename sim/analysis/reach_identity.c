/* SPDX-License-Identifier: MIT */
#include "sim/analysis/reach_identity.h"

#include "sim/analysis/reach_destinations.h"
#include "sim/analysis/reach_walk.h"

static struct reach_result nothing(enum reach_absence absence)
{
    return (struct reach_result){.absence = absence,
                                 .rule = RULE_COUNT,
                                 .turn_rule = RULE_COUNT,
                                 .turn_id = NONE,
                                 .at_id = NONE,
                                 .end_id = NONE};
}

static bool has_ids(const struct fabric *fabric, uint32_t function_id)
{
    bool conventional = fabric->buses[fabric->nodes[function_id].bus_id].kind == BUS_SHARED;
    return !conventional || fabric->topology->functions[function_id].pcix;
}

/** A write to memory by @p source_id under the id of @p as_id. */
static struct reach_result write_to_memory(const struct reach *reach, uint32_t source_id, uint32_t as_id)
{
    struct reach_request request = reach_request(reach, source_id, TRANSACTION_MEMORY_WRITE);
    request.transaction.requester_id = reach->fabric->nodes[as_id].requester_id;
    request.transaction.address = reach_memory_address(reach->fabric);
    return reach_follow(reach, &request, NULL, 0);
}

struct reach_result reach_as(const struct reach *reach, uint32_t source_id, uint32_t victim_id)
{
    const struct fabric *fabric = reach->fabric;
    const struct pci_function *functions = fabric->topology->functions;
    if (source_id == victim_id)
        return nothing(REACH_ABSENT_SELF);
    if (!reach_issues(&functions[source_id]) || !reach_issues(&functions[victim_id]))
        return nothing(REACH_ABSENT_SILENT);
    struct reach_result victim = write_to_memory(reach, victim_id, victim_id);
    struct reach_result result =
        write_to_memory(reach, source_id, has_ids(fabric, source_id) ? victim_id : source_id);
    if (result.outcome == REACH_BLOCKED || result.outcome == REACH_REDIRECT_BLOCKED)
        return result;
    if (result.segment != victim.segment)
        return nothing(REACH_ABSENT_SEGMENT);
    bool same = result.requester_id == victim.requester_id;
    if (!same && !has_ids(fabric, source_id))
        return nothing(REACH_ABSENT_KIND);
    result.outcome = same ? REACH_REACHES : REACH_REDIRECTED;
    result.end_id = same ? victim_id : result.end_id;
    return result;
}

/** A completion on its way back. */
struct way_back {
    struct reach_walk walk;
    const struct reach_request *request;
    bool owned; /**< a bridge replaced the requester id: it knows whose completion it is */
};

/** It came to a function that is not the source. @return how it goes on; ROUTE_DELIVER: it stays there */
static struct route_decision hand_on(struct way_back *back, struct route_decision arrived)
{
    const struct fabric *fabric = back->walk.reach->fabric;
    const struct fabric_node *node = &fabric->nodes[arrived.next.function_id];
    uint32_t source_id = back->request->source_id;
    if (!back->owned || (node->ownership == OWNER_REQUESTER && node->kind != NODE_VMD))
        return arrived;
    /* What conventional PCI holds for the bridge to retry has no id: it comes back to who asked. */
    back->owned = false;
    back->walk.transaction.requester_id = has_ids(fabric, source_id) ? back->request->transaction.requester_id
                                                                     : fabric->nodes[source_id].requester_id;
    back->walk.transaction.segment = fabric->topology->functions[source_id].segment;
    struct route_decision decision =
        route_completion_below(fabric, &back->walk.transaction, arrived.next.function_id);
    reach_walk_record(&back->walk, arrived.next, &decision);
    if (decision.action == ROUTE_BLOCK) {
        back->walk.result.rule = decision.rule;
        back->walk.result.at_id = back->walk.result.end_id = arrived.next.function_id;
    }
    return decision.action == ROUTE_MOVE ? reach_walk_on(&back->walk, decision.next) : decision;
}

/** From the root complex down. */
static struct route_decision from_host(struct way_back *back)
{
    struct reach_walk *walk = &back->walk;
    struct route_decision decision = route_completion_from_host(walk->reach->fabric, &walk->transaction);
    reach_walk_record(walk, (struct route_place){NONE, SIDE_FROM_BELOW}, &decision);
    if (decision.action == ROUTE_MOVE)
        return reach_walk_on(walk, decision.next);
    walk->result.rule = decision.rule;
    walk->result.at_id = walk->result.end_id = NONE;
    return decision;
}

struct reach_result reach_completion(const struct reach *reach, const struct reach_request *request,
                                     const struct reach_result *result)
{
    const struct transaction *sent = &request->transaction;
    if (!transaction_is_nonposted(sent->kind) || result->outcome < REACH_REDIRECTED)
        return nothing(REACH_ABSENT_ANSWER);
    struct way_back back = {
        .walk = {.reach = reach,
                 .transaction = {.kind = TRANSACTION_COMPLETION,
                                 .segment = result->segment,
                                 .requester_id = result->requester_id,
                                 .relaxed_ordering = sent->relaxed_ordering},
                 .result = {.turn_rule = RULE_COUNT, .turn_id = NONE}},
        .request = request,
        .owned = result->requester_id != sent->requester_id,
    };
    struct route_decision last;
    if (result->outcome != REACH_REDIRECTED && result->end_id != NONE) {
        last = reach_walk_on(&back.walk, (struct route_place){result->end_id, SIDE_SELF});
        if (last.action == ROUTE_HOST)
            last = from_host(&back);
    } else {
        last = from_host(&back);
    }
    if (last.action == ROUTE_DELIVER && last.next.function_id != request->source_id)
        last = hand_on(&back, last);
    struct reach_result answer = back.walk.result;
    answer.error = last.error;
    answer.requester_id = back.walk.transaction.requester_id;
    answer.segment = back.walk.transaction.segment;
    if (last.action != ROUTE_DELIVER)
        answer.outcome = reach_walk_blocked(&back.walk);
    else
        answer.outcome = answer.end_id == request->source_id ? REACH_REACHES : REACH_MISDELIVERED;
    return answer;
}

bool reach_overhears(const struct reach *reach, uint32_t listener_id, uint32_t source_id)
{
    const struct fabric *fabric = reach->fabric;
    uint32_t bus_id = fabric->nodes[listener_id].bus_id;
    if (listener_id == source_id || fabric->buses[bus_id].kind != BUS_SHARED)
        return false;
    for (uint32_t id = source_id; id != NONE; id = fabric->nodes[id].parent_id) {
        if (fabric->nodes[id].bus_id == bus_id)
            return id != listener_id;
    }
    return false;
}
