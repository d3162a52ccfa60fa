/* SPDX-License-Identifier: MIT */
/*
 * Upward a transaction visits, on each bus, the peers that could claim it; ACS decides whether it may turn to
 * one. Once it has turned, or came from the host, it only goes downward: windows and bus numbers lead it.
 *
 *   issue_on_bus()  ->  from_link(), from_switch(), from_shared(), from_root()    by kind of the bus
 *   port_ingress()      what a root or downstream port does before
 *   downward()          everything that came from above
 *
 * Whose it is stands in route_claim.c, what ACS says in route_acs.c.
 */
#include "models/pcie/route_internal.h"

static struct route_decision decide(enum route_action action, enum route_rule rule, enum route_error error,
                                    struct route_place next, uint16_t requester_id)
{
    return (struct route_decision){(uint8_t)action, (uint8_t)rule, (uint8_t)error, next, requester_id};
}

static struct route_decision move(const struct step *step, enum route_rule rule, uint32_t to,
                                  enum route_side side)
{
    return decide(ROUTE_MOVE, rule, ROUTE_NO_ERROR, (struct route_place){to, side}, step->requester_id);
}

/** It ends at the step's function. */
static struct route_decision stay(const struct step *step, enum route_action action, enum route_rule rule,
                                  enum route_error error)
{
    return decide(action, rule, error, (struct route_place){step->function_id, SIDE_SELF},
                  step->requester_id);
}

static struct route_decision deliver(const struct step *step, enum route_rule rule)
{
    return stay(step, ROUTE_DELIVER, rule, ROUTE_NO_ERROR);
}

static struct route_decision block(const struct step *step, enum route_rule rule, enum route_error error)
{
    return stay(step, ROUTE_BLOCK, rule, error);
}

/** The rule of an arrival; @p request_rule is that of requests by address or port. */
static enum route_rule arrival_rule(const struct step *step, enum route_rule request_rule)
{
    if (step_is_completion(step))
        return RULE_COMPLETION_ARRIVED;
    return transaction_routing(step->transaction->kind) == ROUTED_BY_ID ? RULE_ID : request_rule;
}

/** Leave the bus of the step's function upward. */
static struct route_decision upward(const struct step *step, enum route_rule rule)
{
    const struct fabric_node *node = step->node;
    const struct fabric_bus *bus = &step->fabric->buses[node->bus_id];
    if (node->parent_id != NONE) {
        bool redirected = bus->kind == BUS_INTERNAL && rule != RULE_UPSTREAM && rule != RULE_MSI_WINDOW;
        return move(step, rule, node->parent_id, redirected ? SIDE_REDIRECTED : SIDE_FROM_BELOW);
    }
    if (bus->vmd_function_id != NONE) {
        /* MODEL: VMD passes on memory requests, completions and messages to the root. */
        enum transaction_kind kind = step->transaction->kind;
        if (!transaction_is_memory(kind) && kind != TRANSACTION_COMPLETION &&
            kind != TRANSACTION_MESSAGE_TO_ROOT)
            return block(step, RULE_NOT_FOR_HOST, ROUTE_UNSUPPORTED_REQUEST);
        /* The VMD endpoint issues it again under its own id. */
        struct step vmd = *step;
        if (kind != TRANSACTION_COMPLETION)
            vmd.requester_id = step->fabric->nodes[bus->vmd_function_id].requester_id;
        return move(&vmd, rule, bus->vmd_function_id, SIDE_FROM_BELOW);
    }
    return stay(step, ROUTE_HOST, rule, ROUTE_NO_ERROR);
}

static struct route_decision upward_unclaimed(const struct step *step)
{
    bool leaves = step->node->parent_id == NONE;
    return upward(step, step_is_msi(step) ? RULE_MSI_WINDOW : leaves ? RULE_TO_HOST : RULE_UPSTREAM);
}

/** Carry out @p turn to @p target. */
static struct route_decision make_turn(const struct step *step, uint32_t target, struct turn turn)
{
    if (turn.verdict == VERDICT_BLOCK)
        return block(step, turn.block, ROUTE_ACS_VIOLATION);
    if (turn.verdict == VERDICT_REDIRECT)
        return upward(step, turn.redirect);
    return move(step, turn.direct, target, SIDE_FROM_ABOVE);
}

/** A function of a multifunction device below a link, or an upstream port with functions beside it. */
static struct route_decision from_link(const struct step *step, bool redirected)
{
    const struct fabric_node *node = step->node;
    uint32_t target = redirected ? NONE : step_claimant(step, &step->fabric->buses[node->bus_id]);
    if (target == NONE || target == step->function_id)
        return upward_unclaimed(step);
    if (step_lacks_peer_requests(step))
        return upward(step, RULE_NO_PEER_FUNCTION);
    enum route_rule rule = node->kind == NODE_UPSTREAM_PORT                ? RULE_SWITCH_UPSTREAM_BAR
                           : node->acs_present || step_is_completion(step) ? RULE_MULTIFUNCTION_PEER
                                                                           : RULE_MULTIFUNCTION_NO_ACS;
    return make_turn(step, target, step_turn_to(step, &step->fabric->nodes[target], rule));
}

/** A downstream port, or a function that sits inside a switch beside its downstream ports. */
static struct route_decision from_switch(const struct step *step)
{
    const struct fabric_node *node = step->node;
    const struct fabric_node *upstream = &step->fabric->nodes[node->parent_id];
    uint32_t target = step_claimant(step, &step->fabric->buses[node->bus_id]);
    enum route_rule rule = RULE_UPSTREAM;
    if (target == step->function_id)
        target = NONE;
    if (target != NONE)
        return make_turn(step, target, step_turn_to(step, &step->fabric->nodes[target], RULE_SWITCH_PEER));
    if (step_is_own(step, upstream)) {
        enum verdict verdict = step_memory_target(step, TARGET_UPSTREAM_PORT, &rule);
        if (verdict == VERDICT_BLOCK)
            return block(step, rule, ROUTE_ACS_VIOLATION);
        return upward(step, verdict == VERDICT_REDIRECT ? rule : RULE_UPSTREAM);
    }
    if (!step_is_below(step, upstream))
        return upward_unclaimed(step);
    if (transaction_is_memory(step->transaction->kind) && node->acs_capability & ACS_ENHANCED &&
        node->acs_control & ACS_UNCLAIMED_REDIRECT)
        return upward(step, RULE_UNCLAIMED_REDIRECT);
    return block(step, RULE_UNCLAIMED, ROUTE_UNSUPPORTED_REQUEST);
}

/** A function, or the lower of two bridges, on a conventional bus: whoever decodes the address answers. */
static struct route_decision from_shared(const struct step *step)
{
    uint32_t target = step_claimant(step, &step->fabric->buses[step->node->bus_id]);
    if (!transaction_fits_conventional(step->transaction))
        return block(step, RULE_NOT_CONVENTIONAL, ROUTE_UNSUPPORTED_REQUEST);
    if (target == step->function_id)
        return block(step, RULE_UNCLAIMED, ROUTE_MASTER_ABORT);
    if (target != NONE)
        return move(step, RULE_CONVENTIONAL_BUS, target, SIDE_FROM_ABOVE);
    /* Inverse decode: the bridge above takes what its windows do not have. */
    if (step_is_below(step, &step->fabric->nodes[step->node->parent_id]))
        return block(step, RULE_UNCLAIMED, ROUTE_MASTER_ABORT);
    return upward_unclaimed(step);
}

/** True for functions of one device on the same root bus. */
static bool same_slot(const struct fabric_node *a, const struct fabric_node *b)
{
    return a->bus_id == b->bus_id && a->slot == b->slot;
}

/**
 * A switch or root port is asked to pass on an AtomicOp (PCIe Base Spec 6.15): may it?
 * @param leaves  it would leave by this port, and not come in by it
 * @param rule    set where it may not; the request is then unsupported
 * MODEL: ports from before AtomicOps were defined would take them for malformed and answer nothing.
 */
static bool passes_atomic(const struct step *step, bool leaves, enum route_rule *rule)
{
    if (step->transaction->kind != TRANSACTION_ATOMIC)
        return true;
    *rule = step->node->routes_no_atomics ? RULE_NO_ATOMIC_ROUTING : RULE_ATOMIC_EGRESS;
    return !step->node->routes_no_atomics && !(leaves && step->node->blocks_atomics);
}

/** A root port or an integrated function: the root complex routes. */
static struct route_decision from_root(const struct step *step)
{
    const struct fabric_node *node = step->node;
    uint32_t target = step_claimant(step, &step->fabric->buses[node->bus_id]);
    if (target == NONE || target == step->function_id)
        return upward_unclaimed(step);
    const struct fabric_node *peer = &step->fabric->nodes[target];
    bool device_peer = same_slot(node, peer);
    if (step_lacks_peer_requests(step))
        return upward(step, RULE_NO_PEER_FUNCTION);
    enum route_rule rule = !device_peer                                    ? RULE_ROOT_PEER
                           : node->acs_present || step_is_completion(step) ? RULE_MULTIFUNCTION_PEER
                                                                           : RULE_MULTIFUNCTION_NO_ACS;
    struct turn turn = step_turn_to(step, peer, rule);
    bool routed = device_peer ? !fabric_keeps_ports_apart(step->fabric, step->function_id, target)
                              : fabric_routes_peers(step->fabric, step->function_id, target);
    if (turn.verdict == VERDICT_DIRECT && !routed)
        return upward(step, RULE_NO_PEER_ROUTING);
    if (turn.verdict == VERDICT_DIRECT && !passes_atomic(step, false, &rule))
        return block(step, rule, ROUTE_UNSUPPORTED_REQUEST);
    return make_turn(step, target, turn);
}

static struct route_decision issue_on_bus(const struct step *step, bool redirected)
{
    /* Nothing but a conventional bus carries a configuration request from below to a peer: there everyone
     * can drive the lines that select a device. */
    if (step->transaction->kind == TRANSACTION_CONFIGURATION &&
        step->fabric->buses[step->node->bus_id].kind != BUS_SHARED)
        return upward_unclaimed(step);
    switch (step->fabric->buses[step->node->bus_id].kind) {
    case BUS_LINK:
        return from_link(step, redirected);
    case BUS_INTERNAL:
        return from_switch(step);
    case BUS_SHARED:
        return from_shared(step);
    case BUS_ROOT:
        break;
    }
    return from_root(step);
}

/** A root port or downstream port received it from below. */
static struct route_decision port_ingress(const struct step *step)
{
    const struct fabric_node *node = step->node;
    enum route_rule rule = RULE_PORT_BAR;
    if (!step_passes_ingress(step, &rule))
        return block(step, rule, ROUTE_ACS_VIOLATION);
    if (step_is_own(step, node)) {
        enum verdict verdict = step_memory_target(step, TARGET_DOWNSTREAM_PORT, &rule);
        if (verdict == VERDICT_BLOCK)
            return block(step, rule, ROUTE_ACS_VIOLATION);
        return verdict == VERDICT_REDIRECT ? upward(step, rule)
                                           : deliver(step, arrival_rule(step, RULE_PORT_BAR));
    }
    /* A root port takes AtomicOps for memory: whether it routes them matters for peers only. */
    if (node->parent_id != NONE && !passes_atomic(step, false, &rule))
        return block(step, rule, ROUTE_UNSUPPORTED_REQUEST);
    if (step_is_below(step, node)) {
        if (node->acs_control & ACS_UPSTREAM_FORWARDING)
            return upward(step, RULE_UPSTREAM_FORWARDING);
        /* MODEL: undefined by the specification (6.12.1.1); a bridge does not claim what its own windows
         * hold (PCI-to-PCI Bridge Spec 4), so nobody does. */
        return block(step, RULE_NO_UPSTREAM_FORWARDING, ROUTE_UNSUPPORTED_REQUEST);
    }
    return issue_on_bus(step, false);
}

/** A bridge or an upstream port received it from below. */
static struct route_decision bridge_ingress(const struct step *step, bool redirected)
{
    bool is_switch = step->node->kind == NODE_UPSTREAM_PORT;
    if (!redirected && step_is_own(step, step->node))
        return deliver(step, arrival_rule(step, is_switch ? RULE_SWITCH_UPSTREAM_BAR : RULE_PORT_BAR));
    if (!redirected && step_is_below(step, step->node))
        return block(step, RULE_UNCLAIMED, is_switch ? ROUTE_UNSUPPORTED_REQUEST : ROUTE_MASTER_ABORT);
    enum route_rule rule;
    if (!passes_atomic(step, true, &rule))
        return block(step, rule, ROUTE_UNSUPPORTED_REQUEST);
    return issue_on_bus(step, redirected);
}

static uint16_t owner_id(const struct step *step)
{
    switch (step->node->ownership) {
    case OWNER_SPLIT:
        if (!transaction_is_nonposted(step->transaction->kind))
            break;
        return pci_requester_id(step->node->secondary, 0);
    case OWNER_SECONDARY:
        return pci_requester_id(step->node->secondary, 0);
    case OWNER_SELF:
        return step->node->requester_id;
    case OWNER_REQUESTER:
        break;
    }
    return step->transaction->requester_id;
}

/** PCIe Base Spec 7.3.3, PCI-to-PCI Bridge Spec 3.2.1.2: ports and bridges take configuration requests from
 * above only. */
static struct route_decision refuse_configuration(const struct step *step)
{
    bool conventional = step->fabric->buses[step->node->below_id].kind == BUS_SHARED;
    return block(step, RULE_CONFIGURATION_UPSTREAM,
                 conventional ? ROUTE_MASTER_ABORT : ROUTE_UNSUPPORTED_REQUEST);
}

static struct route_decision from_below(struct step *step, bool redirected)
{
    bool configuration = step->transaction->kind == TRANSACTION_CONFIGURATION;
    switch (step->node->kind) {
    case NODE_PORT:
        return configuration ? refuse_configuration(step) : port_ingress(step);
    case NODE_UPSTREAM_PORT:
    case NODE_BRIDGE:
        if (configuration)
            return refuse_configuration(step);
        if (!step_is_completion(step))
            step->requester_id = owner_id(step);
        return bridge_ingress(step, redirected);
    case NODE_VMD:
    case NODE_ENDPOINT:
        break;
    }
    return issue_on_bus(step, redirected);
}

/** To whoever claims it on the bus below the step's function. */
static struct route_decision onto_bus_below(const struct step *step)
{
    const struct fabric_bus *below = &step->fabric->buses[step->node->below_id];
    uint32_t target = step_claimant(step, below);
    bool by_id = transaction_routing(step->transaction->kind) == ROUTED_BY_ID;
    if (below->kind == BUS_SHARED && !transaction_fits_conventional(step->transaction))
        return block(step, RULE_NOT_CONVENTIONAL, ROUTE_UNSUPPORTED_REQUEST);
    if (target != NONE)
        return move(step, by_id ? RULE_DOWNSTREAM_BUS : RULE_DOWNSTREAM_WINDOW, target, SIDE_FROM_ABOVE);
    return block(step, RULE_UNCLAIMED,
                 below->kind == BUS_SHARED ? ROUTE_MASTER_ABORT : ROUTE_UNSUPPORTED_REQUEST);
}

static struct route_decision downward(const struct step *step)
{
    const struct fabric_node *node = step->node;
    if (node->kind == NODE_VMD && transaction_is_memory(step->transaction->kind) &&
        step_claimant(step, &step->fabric->buses[node->below_id]) != NONE)
        return onto_bus_below(step);
    if (step_is_own(step, node))
        return deliver(step, arrival_rule(step, RULE_BAR));
    if (step_is_below(step, node)) {
        bool owned = step_is_completion(step) &&
                     (node->ownership == OWNER_SECONDARY || node->ownership == OWNER_SPLIT) &&
                     step->transaction->requester_id == pci_requester_id(node->secondary, 0);
        enum route_rule rule;
        if (!passes_atomic(step, node->kind == NODE_PORT, &rule))
            return block(step, rule, ROUTE_UNSUPPORTED_REQUEST);
        return owned ? deliver(step, RULE_COMPLETION_ARRIVED) : onto_bus_below(step);
    }
    /* A requester that uses another id of its bus (NTB proxies) still gets what is sent to it. */
    if (transaction_routing(step->transaction->kind) == ROUTED_BY_ID &&
        (node->kind == NODE_ENDPOINT || node->kind == NODE_VMD))
        return deliver(step, arrival_rule(step, RULE_BAR));
    return block(step, RULE_UNCLAIMED, ROUTE_UNSUPPORTED_REQUEST);
}

struct route_decision route_step(const struct fabric *fabric, const struct transaction *transaction,
                                 struct route_place place)
{
    struct step step = {fabric, transaction, &fabric->nodes[place.function_id], place.function_id,
                        transaction->requester_id};
    switch (place.side) {
    case SIDE_FROM_BELOW:
        return from_below(&step, false);
    case SIDE_REDIRECTED:
        return from_below(&step, true);
    case SIDE_FROM_ABOVE:
        return downward(&step);
    case SIDE_SELF:
        break;
    }
    /* A port or bridge answers for its own BAR to what is below it. */
    if (step_is_completion(&step) && step_is_below(&step, step.node))
        return downward(&step);
    return issue_on_bus(&step, false);
}

struct route_decision route_completion_below(const struct fabric *fabric,
                                             const struct transaction *transaction, uint32_t bridge_id)
{
    const struct step step = {fabric, transaction, &fabric->nodes[bridge_id], bridge_id,
                              transaction->requester_id};
    return onto_bus_below(&step);
}
