/* SPDX-License-Identifier: MIT */
/*
 * Upward a transaction visits, on each bus, the peers that could claim it; ACS decides whether it may turn to
 * one. Once it has turned, or came from the host, it only goes downward: windows and bus numbers lead it.
 *
 *   issue_on_bus()  ->  from_link(), from_switch(), from_shared(), from_root()    by kind of the bus
 *   port_ingress()      what a root or downstream port does before
 *   downward()          everything that came from above
 */
#include "models/pcie/route.h"

#include "models/pcie/fabric_claims.h"

/* ACS Enhanced Capability control bits (PCIe Base Spec 5.0, 7.7.8.3); two-bit fields: 0 direct, 1 block, 2
 * redirect. */
enum {
    DOWNSTREAM_TARGET_SHIFT = 8,
    UPSTREAM_TARGET_SHIFT = 10,
    TARGET_MASK = 3,
    TARGET_BLOCK = 1,
    TARGET_REDIRECT = 2,
    UNCLAIMED_REDIRECT = 0x1000,
};

/** A step under decision: the inputs and who decides. */
struct step {
    const struct fabric *fabric;
    const struct transaction *transaction;
    const struct fabric_node *node;
    uint32_t function_id;
    uint16_t requester_id; /**< from here on */
};

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

static bool is_completion(const struct step *step)
{
    return step->transaction->kind == TRANSACTION_COMPLETION;
}

static bool is_msi(const struct step *step)
{
    return !is_completion(step) && route_is_msi(step->transaction->address);
}

/** Who claims the transaction on @p bus, or NONE. */
static uint32_t claimant(const struct step *step, const struct fabric_bus *bus)
{
    const struct fabric_claim *claim;
    if (is_completion(step))
        claim = claims_find(&bus->id, route_completion_key(step->transaction));
    else if (is_msi(step))
        return NONE; /* an interrupt message, whatever else claims the address */
    else
        claim = claims_find(&bus->address, step->transaction->address);
    return claim ? claim->function_id : NONE;
}

/** True where the transaction is for what is below @p node: its windows or bus numbers have it. */
static bool is_below(const struct step *step, const struct fabric_node *node)
{
    const struct transaction *transaction = step->transaction;
    if (node->below_id == NONE || node->kind == NODE_VMD)
        return false;
    if (is_completion(step)) {
        unsigned bus = transaction->requester_id >> 8;
        uint32_t segment = step->fabric->topology->functions[node - step->fabric->nodes].segment;
        return segment == transaction->segment && bus >= node->secondary && bus <= node->subordinate;
    }
    if (is_msi(step))
        return false;
    return (transaction->address >= node->windows[0][0] && transaction->address <= node->windows[0][1]) ||
           (transaction->address >= node->windows[1][0] && transaction->address <= node->windows[1][1]);
}

/** True where a BAR of @p node claims the request, or its own id the completion. */
static bool is_own(const struct step *step, const struct fabric_node *node)
{
    if (is_completion(step))
        return step->transaction->requester_id == node->requester_id &&
               step->transaction->segment ==
                   step->fabric->topology->functions[node - step->fabric->nodes].segment;
    if (is_msi(step))
        return false;
    for (uint32_t b = 0; b < node->bar_count; b++) {
        const struct fabric_bar *bar = &step->fabric->bars[node->bar_first + b];
        if (step->transaction->address >= bar->base && step->transaction->address <= bar->limit)
            return true;
    }
    return false;
}

static enum route_rule arrival_rule(const struct step *step, enum route_rule request_rule)
{
    return is_completion(step) ? RULE_COMPLETION_ARRIVED : request_rule;
}

static enum route_rule redirect_rule(const struct step *step)
{
    if (step->node->acs_hidden)
        return RULE_ASSUMED_REDIRECT;
    if (step->node->peer_decode_off)
        return RULE_PEER_DECODE_OFF;
    return is_completion(step) ? RULE_COMPLETION_REDIRECT : RULE_REQUEST_REDIRECT;
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
        /* The VMD endpoint issues it again under its own id. */
        struct step vmd = *step;
        vmd.requester_id = step->fabric->nodes[bus->vmd_function_id].requester_id;
        return move(&vmd, rule, bus->vmd_function_id, SIDE_FROM_BELOW);
    }
    return stay(step, ROUTE_HOST, rule, ROUTE_NO_ERROR);
}

static struct route_decision upward_unclaimed(const struct step *step)
{
    bool leaves = step->node->parent_id == NONE;
    return upward(step, is_msi(step) ? RULE_MSI_WINDOW : leaves ? RULE_TO_HOST : RULE_UPSTREAM);
}

/** What the ACS control in force at the step's function says of a turn to a peer. */
enum verdict { VERDICT_DIRECT, VERDICT_REDIRECT, VERDICT_BLOCK };

/**
 * PCIe Base Spec 6.12.3, interaction of P2P Request Redirect and P2P Egress Control: EC alone blocks where
 * the vector bit is set; with RR, a set bit redirects and a clear bit goes straight; DT overrides both.
 * @param direct_rule  in: rule of a plain turn; out: why it may turn
 */
static enum verdict peer_verdict(const struct step *step, const struct fabric_node *target,
                                 enum route_rule *direct_rule)
{
    uint16_t control = step->node->acs_control;
    bool redirect = control & ACS_REQUEST_REDIRECT;
    if (is_completion(step)) {
        redirect = control & ACS_COMPLETION_REDIRECT && !step->transaction->relaxed_ordering;
        return redirect ? VERDICT_REDIRECT : VERDICT_DIRECT;
    }
    if (!(control & (ACS_REQUEST_REDIRECT | ACS_EGRESS_CONTROL)))
        return VERDICT_DIRECT;
    if (step->transaction->address_type == ADDRESS_TRANSLATED && control & ACS_DIRECT_TRANSLATED) {
        *direct_rule = RULE_DIRECT_TRANSLATED;
        return VERDICT_DIRECT;
    }
    if (!(control & ACS_EGRESS_CONTROL))
        return VERDICT_REDIRECT;
    /* MODEL: vector bits beyond the first 32 are not in the input; they count as clear. */
    bool set = target->egress_index < 32 && step->node->egress_vector >> target->egress_index & 1;
    if (set)
        return redirect ? VERDICT_REDIRECT : VERDICT_BLOCK;
    *direct_rule = RULE_EGRESS_ALLOWED;
    return VERDICT_DIRECT;
}

/**
 * A request for a memory BAR of a switch or root port itself. With ACS Enhanced its own control decides.
 * MODEL: without, the specification is silent; P2P Request Redirect is taken to hold for these BARs, too (so
 * did the kernel's rework of the group rule in 2025).
 * @param shift  DOWNSTREAM_TARGET_SHIFT or UPSTREAM_TARGET_SHIFT, by whose BAR it is
 */
static enum verdict memory_target_verdict(const struct step *step, unsigned shift, enum route_rule *rule)
{
    const struct fabric_node *node = step->node;
    if (is_completion(step))
        return VERDICT_DIRECT;
    if (node->acs_present && node->acs_capability & ACS_ENHANCED) {
        unsigned field = (unsigned)node->acs_control >> shift & TARGET_MASK;
        *rule = field == TARGET_BLOCK ? RULE_MEMORY_TARGET_BLOCK : RULE_MEMORY_TARGET_REDIRECT;
        return field == TARGET_BLOCK      ? VERDICT_BLOCK
               : field == TARGET_REDIRECT ? VERDICT_REDIRECT
                                          : VERDICT_DIRECT;
    }
    *rule = redirect_rule(step);
    return node->acs_control & ACS_REQUEST_REDIRECT ? VERDICT_REDIRECT : VERDICT_DIRECT;
}

/** A turn to a peer under decision: what ACS says, and by which rule for each outcome. */
struct turn {
    enum verdict verdict;
    enum route_rule direct, redirect, block;
};

/** May the step's function turn to the peer @p target? @p direct names the rule of a plain turn. */
static struct turn turn_to(const struct step *step, const struct fabric_node *target, enum route_rule direct)
{
    struct turn turn = {VERDICT_DIRECT, direct, redirect_rule(step), RULE_EGRESS_CONTROL};
    bool port_bar = step->node->kind == NODE_PORT && target->kind == NODE_PORT && !is_completion(step) &&
                    is_own(step, target);
    if (port_bar) {
        turn.verdict = memory_target_verdict(step, DOWNSTREAM_TARGET_SHIFT, &turn.redirect);
        turn.block = turn.redirect;
    } else {
        turn.verdict = peer_verdict(step, target, &turn.direct);
    }
    return turn;
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

/** PCIe Base Spec 6.12.1.2: functions that send requests to their peers implement RR in their capability. */
static bool lacks_peer_requests(const struct step *step)
{
    const struct fabric_node *node = step->node;
    return !is_completion(step) && node->acs_present &&
           !(node->acs_capability & (ACS_REQUEST_REDIRECT | ACS_EGRESS_CONTROL));
}

/** A function of a multifunction device below a link, or an upstream port with functions beside it. */
static struct route_decision from_link(const struct step *step, bool redirected)
{
    const struct fabric_node *node = step->node;
    uint32_t target = redirected ? NONE : claimant(step, &step->fabric->buses[node->bus_id]);
    if (target == NONE || target == step->function_id)
        return upward_unclaimed(step);
    if (lacks_peer_requests(step))
        return upward(step, RULE_NO_PEER_FUNCTION);
    enum route_rule rule = node->kind == NODE_UPSTREAM_PORT           ? RULE_SWITCH_UPSTREAM_BAR
                           : node->acs_present || is_completion(step) ? RULE_MULTIFUNCTION_PEER
                                                                      : RULE_MULTIFUNCTION_NO_ACS;
    return make_turn(step, target, turn_to(step, &step->fabric->nodes[target], rule));
}

/** A downstream port, or a function that sits inside a switch beside its downstream ports. */
static struct route_decision from_switch(const struct step *step)
{
    const struct fabric_node *node = step->node;
    const struct fabric_node *upstream = &step->fabric->nodes[node->parent_id];
    uint32_t target = claimant(step, &step->fabric->buses[node->bus_id]);
    enum route_rule rule = RULE_UPSTREAM;
    if (target == step->function_id)
        target = NONE;
    if (target != NONE)
        return make_turn(step, target, turn_to(step, &step->fabric->nodes[target], RULE_SWITCH_PEER));
    if (is_own(step, upstream)) {
        enum verdict verdict = memory_target_verdict(step, UPSTREAM_TARGET_SHIFT, &rule);
        if (verdict == VERDICT_BLOCK)
            return block(step, rule, ROUTE_ACS_VIOLATION);
        return upward(step, verdict == VERDICT_REDIRECT ? rule : RULE_UPSTREAM);
    }
    if (!is_below(step, upstream))
        return upward_unclaimed(step);
    if (!is_completion(step) && node->acs_capability & ACS_ENHANCED && node->acs_control & UNCLAIMED_REDIRECT)
        return upward(step, RULE_UNCLAIMED_REDIRECT);
    return block(step, RULE_UNCLAIMED, ROUTE_UNSUPPORTED_REQUEST);
}

/** A function, or the lower of two bridges, on a conventional bus: whoever decodes the address answers. */
static struct route_decision from_shared(const struct step *step)
{
    uint32_t target = claimant(step, &step->fabric->buses[step->node->bus_id]);
    if (target == step->function_id)
        return block(step, RULE_UNCLAIMED, ROUTE_MASTER_ABORT);
    if (target != NONE)
        return move(step, RULE_CONVENTIONAL_BUS, target, SIDE_FROM_ABOVE);
    /* Inverse decode: the bridge above takes what its windows do not have. */
    if (is_below(step, &step->fabric->nodes[step->node->parent_id]))
        return block(step, RULE_UNCLAIMED, ROUTE_MASTER_ABORT);
    return upward_unclaimed(step);
}

/** True for functions of one device on the same root bus. */
static bool same_slot(const struct fabric_node *a, const struct fabric_node *b)
{
    return a->bus_id == b->bus_id && a->slot == b->slot;
}

/** A root port or an integrated function: the root complex routes. */
static struct route_decision from_root(const struct step *step)
{
    const struct fabric_node *node = step->node;
    uint32_t target = claimant(step, &step->fabric->buses[node->bus_id]);
    if (target == NONE || target == step->function_id)
        return upward_unclaimed(step);
    const struct fabric_node *peer = &step->fabric->nodes[target];
    bool device_peer = same_slot(node, peer);
    if (lacks_peer_requests(step))
        return upward(step, RULE_NO_PEER_FUNCTION);
    enum route_rule rule = !device_peer                               ? RULE_ROOT_PEER
                           : node->acs_present || is_completion(step) ? RULE_MULTIFUNCTION_PEER
                                                                      : RULE_MULTIFUNCTION_NO_ACS;
    struct turn turn = turn_to(step, peer, rule);
    if (turn.verdict == VERDICT_DIRECT && !device_peer && !step->fabric->peer_to_peer)
        return upward(step, RULE_NO_PEER_ROUTING);
    return make_turn(step, target, turn);
}

static struct route_decision issue_on_bus(const struct step *step, bool redirected)
{
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
    uint16_t control = node->acs_control;
    unsigned bus = step->transaction->requester_id >> 8;
    if (!is_completion(step)) {
        if (control & ACS_SOURCE_VALIDATION && (bus < node->secondary || bus > node->subordinate))
            return block(step, RULE_SOURCE_VALIDATION, ROUTE_ACS_VIOLATION);
        if (control & ACS_TRANSLATION_BLOCKING && step->transaction->address_type != ADDRESS_UNTRANSLATED)
            return block(step, RULE_TRANSLATION_BLOCKING, ROUTE_ACS_VIOLATION);
    }
    if (is_own(step, node)) {
        enum route_rule rule = RULE_PORT_BAR;
        enum verdict verdict = memory_target_verdict(step, DOWNSTREAM_TARGET_SHIFT, &rule);
        if (verdict == VERDICT_BLOCK)
            return block(step, rule, ROUTE_ACS_VIOLATION);
        return verdict == VERDICT_REDIRECT ? upward(step, rule)
                                           : deliver(step, arrival_rule(step, RULE_PORT_BAR));
    }
    if (is_below(step, node)) {
        if (control & ACS_UPSTREAM_FORWARDING)
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
    if (!redirected && is_own(step, step->node))
        return deliver(step, arrival_rule(step, is_switch ? RULE_SWITCH_UPSTREAM_BAR : RULE_PORT_BAR));
    if (!redirected && is_below(step, step->node))
        return block(step, RULE_UNCLAIMED, is_switch ? ROUTE_UNSUPPORTED_REQUEST : ROUTE_MASTER_ABORT);
    return issue_on_bus(step, redirected);
}

static uint16_t owner_id(const struct step *step)
{
    switch (step->node->ownership) {
    case OWNER_SECONDARY:
        return pci_requester_id(step->node->secondary, 0);
    case OWNER_SELF:
        return step->node->requester_id;
    case OWNER_REQUESTER:
        break;
    }
    return step->transaction->requester_id;
}

static struct route_decision from_below(struct step *step, bool redirected)
{
    switch (step->node->kind) {
    case NODE_PORT:
        return port_ingress(step);
    case NODE_UPSTREAM_PORT:
    case NODE_BRIDGE:
        if (!is_completion(step))
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
    uint32_t target = claimant(step, below);
    if (target != NONE)
        return move(step, is_completion(step) ? RULE_DOWNSTREAM_BUS : RULE_DOWNSTREAM_WINDOW, target,
                    SIDE_FROM_ABOVE);
    return block(step, RULE_UNCLAIMED,
                 below->kind == BUS_SHARED ? ROUTE_MASTER_ABORT : ROUTE_UNSUPPORTED_REQUEST);
}

static struct route_decision downward(const struct step *step)
{
    const struct fabric_node *node = step->node;
    if (node->kind == NODE_VMD && !is_completion(step) &&
        claimant(step, &step->fabric->buses[node->below_id]) != NONE)
        return onto_bus_below(step);
    if (is_own(step, node))
        return deliver(step, arrival_rule(step, RULE_BAR));
    if (is_below(step, node)) {
        bool owned = is_completion(step) && node->ownership == OWNER_SECONDARY &&
                     step->transaction->requester_id == pci_requester_id(node->secondary, 0);
        return owned ? deliver(step, RULE_COMPLETION_ARRIVED) : onto_bus_below(step);
    }
    /* A requester that uses another id of its bus (NTB proxies) still gets its completions. */
    if (is_completion(step) && node->kind == NODE_ENDPOINT)
        return deliver(step, RULE_COMPLETION_ARRIVED);
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
    return issue_on_bus(&step, false);
}

struct route_decision route_completion_below(const struct fabric *fabric,
                                             const struct transaction *transaction, uint32_t bridge_id)
{
    const struct step step = {fabric, transaction, &fabric->nodes[bridge_id], bridge_id,
                              transaction->requester_id};
    return onto_bus_below(&step);
}
