/* SPDX-License-Identifier: MIT */
/* The root complex: what it does with transactions that leave the fabric, and what it sends into it. */
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
    const struct fabric_claim *claim = claims_find(&fabric->root_id, route_id_key(transaction));
    return claim ? host_decision(ROUTE_MOVE, RULE_DOWNSTREAM_BUS, claim->function_id, id)
                 : host_decision(ROUTE_BLOCK, RULE_UNCLAIMED, NONE, id);
}

/**
 * Down again as it came, or into memory: nobody translates it.
 * @param trusted  the unit takes its word for a translation. MODEL: then it goes wherever it says, like what
 *                 the unit itself translated, whether or not the root complex routes between its ports
 */
static struct route_decision as_it_came(const struct fabric *fabric, const struct transaction *transaction,
                                        uint32_t left_id, bool trusted)
{
    uint16_t id = transaction->requester_id;
    const struct topology *topology = fabric->topology;
    struct route_decision decision = route_from_host(fabric, transaction);
    if (decision.action == ROUTE_MOVE && !trusted &&
        !fabric_routes_peers(fabric, left_id, decision.next.function_id))
        return host_decision(ROUTE_BLOCK, RULE_NO_PEER_ROUTING, NONE, id);
    if (decision.action != ROUTE_HOST)
        return decision;
    bool memory = topology->memory_count == 0; /* not told: everything that nobody claims is memory */
    for (uint32_t i = 0; i < topology->memory_count; i++)
        memory |= transaction->address >= topology->memory[i].base &&
                  transaction->address <= topology->memory[i].limit;
    return memory ? decision : host_decision(ROUTE_BLOCK, RULE_UNCLAIMED, NONE, id);
}

static struct route_decision memory_at_host(const struct fabric *fabric,
                                            const struct transaction *transaction, uint32_t left_id,
                                            struct requester_standing standing)
{
    uint16_t id = transaction->requester_id;
    bool translated = transaction->address_type == ADDRESS_TRANSLATED;
    if (route_is_msi(transaction->address)) {
        if (transaction->kind == TRANSACTION_MEMORY_WRITE &&
            transaction->address_type == ADDRESS_UNTRANSLATED)
            return host_decision(ROUTE_HOST, RULE_MSI_WINDOW, NONE, id);
        return host_decision(ROUTE_BLOCK, RULE_UNCLAIMED, NONE, id);
    }
    if (standing.translated && !standing.known)
        return host_decision(ROUTE_BLOCK, RULE_UNKNOWN_REQUESTER, NONE, id);
    if (transaction->address_type != ADDRESS_UNTRANSLATED && standing.translated && !standing.ats)
        return host_decision(ROUTE_BLOCK, RULE_ATS_REFUSED, NONE, id);
    if (standing.translated && !translated)
        return host_decision(ROUTE_HOST, RULE_TO_HOST, NONE, id);
    if (transaction->address_type == ADDRESS_TRANSLATION_REQUEST) /* no unit is there to answer */
        return host_decision(ROUTE_BLOCK, RULE_ATS_REFUSED, NONE, id);
    struct route_decision decision = as_it_came(fabric, transaction, left_id, standing.translated);
    if (standing.translated && decision.action != ROUTE_BLOCK)
        decision.rule = RULE_ATS_TRUSTED;
    return decision;
}

/** From port to port by id. */
static struct route_decision message_at_host(const struct fabric *fabric,
                                             const struct transaction *transaction, uint32_t left_id)
{
    uint16_t id = transaction->requester_id;
    const struct fabric_claim *claim = claims_find(&fabric->root_id, route_id_key(transaction));
    if (!claim)
        return host_decision(ROUTE_BLOCK, RULE_UNCLAIMED, NONE, id);
    if (!fabric_routes_peers(fabric, left_id, claim->function_id))
        return host_decision(ROUTE_BLOCK, RULE_NO_PEER_ROUTING, NONE, id);
    return host_decision(ROUTE_MOVE, RULE_DOWNSTREAM_BUS, claim->function_id, id);
}

struct route_decision route_at_host(const struct fabric *fabric, const struct transaction *transaction,
                                    uint32_t left_id, struct requester_standing standing)
{
    uint16_t id = transaction->requester_id;
    switch (transaction->kind) {
    case TRANSACTION_MEMORY_READ:
    case TRANSACTION_MEMORY_WRITE:
    case TRANSACTION_ATOMIC:
        return memory_at_host(fabric, transaction, left_id, standing);
    case TRANSACTION_COMPLETION:
        return route_completion_from_host(fabric, transaction);
    case TRANSACTION_MESSAGE_BY_ID:
        return message_at_host(fabric, transaction, left_id);
    case TRANSACTION_MESSAGE_TO_ROOT:
        return host_decision(ROUTE_HOST, RULE_TO_HOST, NONE, id);
    case TRANSACTION_IO:
    case TRANSACTION_CONFIGURATION:
    case TRANSACTION_KINDS:
        break;
    }
    return host_decision(ROUTE_BLOCK, RULE_NOT_FOR_HOST, NONE, id);
}
