/* SPDX-License-Identifier: MIT */
/**
 * @file route_internal.h
 * What the files of routing share: a step under decision, who claims it, and what ACS says of a turn.
 *
 *   route.c         the way: which peers are asked, up, down
 *   route_claim.c   whose it is: addresses, ports, ids
 *   route_acs.c     ACS of the function that would turn it
 *   route_host.c    the root complex as the end and the beginning of ways
 */
#ifndef IOMMUSIM_PCIE_ROUTE_INTERNAL_H
#define IOMMUSIM_PCIE_ROUTE_INTERNAL_H

#include "models/pcie/route.h"

/** A step under decision: the inputs and who decides. */
struct step {
    const struct fabric *fabric;
    const struct transaction *transaction;
    const struct fabric_node *node;
    uint32_t function_id;
    uint16_t requester_id; /**< from here on */
};

static inline bool step_is_completion(const struct step *step)
{
    return step->transaction->kind == TRANSACTION_COMPLETION;
}

/** A memory request into the interrupt window. */
static inline bool step_is_msi(const struct step *step)
{
    return transaction_is_memory(step->transaction->kind) && route_is_msi(step->transaction->address);
}

/** Who claims the transaction on @p bus, or NONE. */
uint32_t step_claimant(const struct step *step, const struct fabric_bus *bus);

/** True where the transaction is for what is below @p node: its windows or bus numbers have it. */
bool step_is_below(const struct step *step, const struct fabric_node *node);

/** True where a BAR of @p node claims the request, or its own id what is routed by id. */
bool step_is_own(const struct step *step, const struct fabric_node *node);

/** What the ACS control in force at the step's function says of a turn to a peer. */
enum verdict { VERDICT_DIRECT, VERDICT_REDIRECT, VERDICT_BLOCK };

/** A turn to a peer under decision: what ACS says, and by which rule for each outcome. */
struct turn {
    enum verdict verdict;
    enum route_rule direct, redirect, block;
};

/** May the step's function turn to the peer @p target? @p direct names the rule of a plain turn. */
struct turn step_turn_to(const struct step *step, const struct fabric_node *target, enum route_rule direct);

/** Whose BAR a memory target control of ACS Enhanced is about. */
enum memory_target { TARGET_DOWNSTREAM_PORT, TARGET_UPSTREAM_PORT };

/**
 * A request for a BAR of a switch or root port itself. For memory, with ACS Enhanced, a control of its own
 * decides.
 * MODEL: without, the specification is silent; P2P Request Redirect is taken to hold for these BARs, too (so
 * did the kernel's rework of the group rule in 2025).
 * @param rule  set to the rule of a redirect or block
 */
enum verdict step_memory_target(const struct step *step, enum memory_target target, enum route_rule *rule);

/** True where the step's function sends no requests to its peers: functions that do so implement P2P Request
 * Redirect in their ACS capability (PCIe Base Spec 6.12.1.2). */
bool step_lacks_peer_requests(const struct step *step);

/**
 * What a root or downstream port checks of a request from below before it routes it: source validation,
 * translation blocking, I/O request blocking (PCIe Base Spec 6.12.1.1). Completions are never checked.
 * @param rule  set where it is blocked
 */
bool step_passes_ingress(const struct step *step, enum route_rule *rule);

#endif
