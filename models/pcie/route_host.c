/* SPDX-License-Identifier: MIT */
/* The root complex as a starting point: what enters the fabric from memory, processors and IOMMUs. */
#include "models/pcie/fabric_claims.h"
#include "models/pcie/route.h"

static struct route_decision host_decision(enum route_action action, enum route_rule rule, uint32_t to,
                                           uint16_t requester_id)
{
    enum route_error error = action == ROUTE_BLOCK ? ROUTE_UNSUPPORTED_REQUEST : ROUTE_NO_ERROR;
    return (struct route_decision){
        (uint8_t)action, (uint8_t)rule, (uint8_t)error, {to, SIDE_FROM_ABOVE}, requester_id};
}

struct route_decision route_from_host(const struct fabric *fabric, const struct transaction *transaction)
{
    uint16_t id = transaction->requester_id;
    if (route_is_msi(transaction->address))
        return host_decision(ROUTE_HOST, RULE_MSI_WINDOW, NONE, id);
    const struct fabric_claim *claim = claims_find(&fabric->root_address, transaction->address);
    if (!claim)
        return host_decision(ROUTE_HOST, RULE_TO_HOST, NONE, id);
    if (claim->function_id == NONE)
        return host_decision(ROUTE_BLOCK, RULE_UNCLAIMED, NONE, id);
    return host_decision(ROUTE_MOVE, RULE_DOWNSTREAM_WINDOW, claim->function_id, id);
}

struct route_decision route_completion_from_host(const struct fabric *fabric,
                                                 const struct transaction *transaction)
{
    uint16_t id = transaction->requester_id;
    const struct fabric_claim *claim = claims_find(&fabric->root_id, route_completion_key(transaction));
    return claim ? host_decision(ROUTE_MOVE, RULE_DOWNSTREAM_BUS, claim->function_id, id)
                 : host_decision(ROUTE_BLOCK, RULE_UNCLAIMED, NONE, id);
}
