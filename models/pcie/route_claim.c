/* SPDX-License-Identifier: MIT */
/* Whose a transaction is: by address, by port, by id. */
#include "models/pcie/fabric_claims.h"
#include "models/pcie/route_internal.h"

uint32_t step_claimant(const struct step *step, const struct fabric_bus *bus)
{
    const struct transaction *transaction = step->transaction;
    const struct fabric_claim *claim = NULL;
    switch (transaction_routing(transaction->kind)) {
    case ROUTED_BY_ADDRESS:
        if (!step_is_msi(step)) /* an interrupt message, whatever else claims the address */
            claim = claims_find(&bus->address, transaction->address);
        break;
    case ROUTED_BY_PORT:
        claim = claims_find(&bus->io, transaction->address);
        break;
    case ROUTED_BY_ID:
        claim = claims_find(&bus->id, route_id_key(transaction));
        break;
    case ROUTED_TO_ROOT:
        break;
    }
    return claim ? claim->function_id : NONE;
}

static uint32_t segment_of(const struct step *step, const struct fabric_node *node)
{
    return step->fabric->topology->functions[node - step->fabric->nodes].segment;
}

bool step_is_below(const struct step *step, const struct fabric_node *node)
{
    const struct transaction *transaction = step->transaction;
    uint64_t address = transaction->address;
    if (node->below_id == NONE || node->kind == NODE_VMD)
        return false;
    switch (transaction_routing(transaction->kind)) {
    case ROUTED_BY_ADDRESS:
        return !step_is_msi(step) && ((address >= node->windows[0][0] && address <= node->windows[0][1]) ||
                                      (address >= node->windows[1][0] && address <= node->windows[1][1]));
    case ROUTED_BY_PORT:
        return address >= node->io_window[0] && address <= node->io_window[1];
    case ROUTED_BY_ID: {
        unsigned bus = route_destination_id(transaction) >> 8;
        return segment_of(step, node) == transaction->segment && bus >= node->secondary &&
               bus <= node->subordinate;
    }
    case ROUTED_TO_ROOT:
        break;
    }
    return false;
}

/** True where one of @p count BARs has the address. */
static bool in_bars(const struct fabric_bar *bars, uint32_t count, uint64_t address)
{
    for (uint32_t b = 0; b < count; b++) {
        if (address >= bars[b].base && address <= bars[b].limit)
            return true;
    }
    return false;
}

bool step_is_own(const struct step *step, const struct fabric_node *node)
{
    const struct transaction *transaction = step->transaction;
    switch (transaction_routing(transaction->kind)) {
    case ROUTED_BY_ADDRESS:
        return !step_is_msi(step) &&
               in_bars(&step->fabric->bars[node->bar_first], node->bar_count, transaction->address);
    case ROUTED_BY_PORT:
        return in_bars(&step->fabric->io_bars[node->io_first], node->io_count, transaction->address);
    case ROUTED_BY_ID:
        return route_destination_id(transaction) == node->requester_id &&
               transaction->segment == segment_of(step, node);
    case ROUTED_TO_ROOT:
        break;
    }
    return false;
}
