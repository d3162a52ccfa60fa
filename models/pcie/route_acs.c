/* SPDX-License-Identifier: MIT */
/* ACS of the function that would turn a transaction (PCIe Base Spec 6.12). */
#include "models/pcie/route_internal.h"

/* ACS Enhanced control fields of two bits: 0 direct, 1 block, 2 redirect (PCIe Base Spec 7.7.11.3). */
enum {
    DOWNSTREAM_TARGET_SHIFT = 8,
    UPSTREAM_TARGET_SHIFT = 10,
    TARGET_MASK = 3,
    TARGET_BLOCK = 1,
    TARGET_REDIRECT = 2,
};

static enum route_rule redirect_rule(const struct step *step)
{
    if (step->node->acs_hidden)
        return RULE_ASSUMED_REDIRECT;
    if (step->node->peer_decode_off)
        return RULE_PEER_DECODE_OFF;
    return step_is_completion(step) ? RULE_COMPLETION_REDIRECT : RULE_REQUEST_REDIRECT;
}

/** Which bit of the Egress Control Vector of the step's function, if any, speaks of @p target. */
enum vector_bit { BIT_CLEAR, BIT_SET, BIT_NONE };

/**
 * Vectors of ports select ports of the same switch or root complex, those of functions select functions of
 * the same device.
 * MODEL: where the input does not show the vector, its bits count as clear.
 */
static enum vector_bit vector_bit(const struct step *step, const struct fabric_node *target)
{
    const struct fabric_node *node = step->node;
    bool port = node->kind == NODE_PORT;
    bool selectable =
        port ? target->kind == NODE_PORT
             : target->bus_id == node->bus_id &&
                   (step->fabric->buses[node->bus_id].kind != BUS_ROOT || target->slot == node->slot);
    if (!selectable || target->egress_index >= acs_egress_vector_bits(node->acs))
        return BIT_NONE;
    bool set = node->acs->egress_vector_known && acs_egress_bit(node->acs, target->egress_index);
    return set ? BIT_SET : BIT_CLEAR;
}

/**
 * PCIe Base Spec 6.12.3, interaction of P2P Request Redirect and P2P Egress Control: EC alone blocks where
 * the vector bit is set; with RR, a set bit redirects and a clear bit goes straight; DT overrides both.
 * MODEL: for targets that the vector has no bit for, RR alone decides.
 * @param direct_rule  in: rule of a plain turn; out: why it may turn
 */
static enum verdict peer_verdict(const struct step *step, const struct fabric_node *target,
                                 enum route_rule *direct_rule)
{
    uint16_t control = step->node->acs_control;
    bool redirect = control & ACS_REQUEST_REDIRECT;
    if (step_is_completion(step)) {
        redirect = control & ACS_COMPLETION_REDIRECT && !step->transaction->relaxed_ordering;
        return redirect ? VERDICT_REDIRECT : VERDICT_DIRECT;
    }
    if (!(control & (ACS_REQUEST_REDIRECT | ACS_EGRESS_CONTROL)))
        return VERDICT_DIRECT;
    if (control & ACS_DIRECT_TRANSLATED && transaction_is_memory(step->transaction->kind) &&
        step->transaction->address_type == ADDRESS_TRANSLATED) {
        *direct_rule = RULE_DIRECT_TRANSLATED;
        return VERDICT_DIRECT;
    }
    enum vector_bit bit = control & ACS_EGRESS_CONTROL ? vector_bit(step, target) : BIT_NONE;
    switch (bit) {
    case BIT_SET:
        return redirect ? VERDICT_REDIRECT : VERDICT_BLOCK;
    case BIT_CLEAR:
        *direct_rule = RULE_EGRESS_ALLOWED;
        return VERDICT_DIRECT;
    case BIT_NONE:
        break;
    }
    return redirect ? VERDICT_REDIRECT : VERDICT_DIRECT;
}

enum verdict step_memory_target(const struct step *step, enum memory_target target, enum route_rule *rule)
{
    const struct fabric_node *node = step->node;
    if (step_is_completion(step))
        return VERDICT_DIRECT;
    if (node->acs_present && node->acs_capability & ACS_ENHANCED &&
        transaction_is_memory(step->transaction->kind)) {
        unsigned shift = target == TARGET_DOWNSTREAM_PORT ? DOWNSTREAM_TARGET_SHIFT : UPSTREAM_TARGET_SHIFT;
        unsigned field = (unsigned)node->acs_control >> shift & TARGET_MASK;
        *rule = field == TARGET_BLOCK ? RULE_MEMORY_TARGET_BLOCK : RULE_MEMORY_TARGET_REDIRECT;
        return field == TARGET_BLOCK      ? VERDICT_BLOCK
               : field == TARGET_REDIRECT ? VERDICT_REDIRECT
                                          : VERDICT_DIRECT;
    }
    *rule = redirect_rule(step);
    return node->acs_control & ACS_REQUEST_REDIRECT ? VERDICT_REDIRECT : VERDICT_DIRECT;
}

struct turn step_turn_to(const struct step *step, const struct fabric_node *target, enum route_rule direct)
{
    struct turn turn = {VERDICT_DIRECT, direct, redirect_rule(step), RULE_EGRESS_CONTROL};
    bool port_itself = step->node->kind == NODE_PORT && target->kind == NODE_PORT &&
                       !step_is_completion(step) && step_is_own(step, target);
    if (port_itself) {
        turn.verdict = step_memory_target(step, TARGET_DOWNSTREAM_PORT, &turn.redirect);
        turn.block = turn.redirect;
    } else {
        turn.verdict = peer_verdict(step, target, &turn.direct);
    }
    return turn;
}

bool step_lacks_peer_requests(const struct step *step)
{
    const struct fabric_node *node = step->node;
    return !step_is_completion(step) && node->acs_present &&
           !(node->acs_capability & (ACS_REQUEST_REDIRECT | ACS_EGRESS_CONTROL));
}

bool step_passes_ingress(const struct step *step, enum route_rule *rule)
{
    const struct fabric_node *node = step->node;
    const struct transaction *transaction = step->transaction;
    uint16_t control = node->acs_control;
    unsigned bus = transaction->requester_id >> 8;
    if (step_is_completion(step))
        return true;
    if (control & ACS_SOURCE_VALIDATION && (bus < node->secondary || bus > node->subordinate)) {
        *rule = RULE_SOURCE_VALIDATION;
        return false;
    }
    if (control & ACS_TRANSLATION_BLOCKING && transaction_is_memory(transaction->kind) &&
        transaction->address_type != ADDRESS_UNTRANSLATED) {
        *rule = RULE_TRANSLATION_BLOCKING;
        return false;
    }
    if (node->acs_capability & control & ACS_ENHANCED && transaction->kind == TRANSACTION_IO) {
        *rule = RULE_IO_BLOCKING;
        return false;
    }
    return true;
}
