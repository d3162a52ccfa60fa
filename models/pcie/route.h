/* SPDX-License-Identifier: MIT */
/**
 * @file route.h
 * The one routing function: for a transaction at a place in the fabric, where it goes next and by which rule.
 *
 * The static reachability analysis (sim/analysis/reach) and the timed engine (sim/machine) both call it, hop
 * by hop, so the leak report and the simulation cannot disagree. It looks at what the hardware does - the
 * real ACS control bits - never at what the kernel believes.
 *
 * Sources: PCIe Base Spec 2.2.4.1 (address and id routing), 6.12 (ACS), PCI-to-PCI Bridge Architecture
 * Spec 1.2 chapter 4 (windows, inverse decode upstream), PCIe-to-PCI/PCI-X Bridge Spec 1.0 (requester id of
 * what is below).
 */
#ifndef IOMMUSIM_PCIE_ROUTE_H
#define IOMMUSIM_PCIE_ROUTE_H

#include "sim/topology/topology.h"

/** AT field of a memory request (PCIe Base Spec 2.2.4.1, 10.2.1). */
enum address_type { ADDRESS_UNTRANSLATED, ADDRESS_TRANSLATION_REQUEST, ADDRESS_TRANSLATED };

enum transaction_kind {
    TRANSACTION_MEMORY_READ,
    TRANSACTION_MEMORY_WRITE, /**< MSIs too: a write into the MSI window */
    TRANSACTION_ATOMIC,
    TRANSACTION_COMPLETION, /**< routed by requester id */
};

/** What routing looks at. */
struct transaction {
    enum transaction_kind kind;
    enum address_type address_type;
    uint64_t address;      /**< requests: bus address */
    uint32_t segment;      /**< segment of the hierarchy it travels in */
    uint16_t requester_id; /**< as carried in the TLP (an aliasing bridge rewrites it, see route_decision) */
};

/** Where the transaction is: at a function, about to be handled by it. */
enum route_side {
    SIDE_SELF,       /**< the function itself issues it */
    SIDE_FROM_BELOW, /**< a bridge or port received it on its secondary side */
    SIDE_FROM_ABOVE, /**< a function received it on its primary side (from the link or bus above) */
};

struct route_place {
    uint32_t function_id;
    enum route_side side;
};

enum route_action {
    ROUTE_MOVE,    /**< goes on to @c next */
    ROUTE_DELIVER, /**< @c next.function_id consumes it: a BAR of it, or the requester of a completion */
    ROUTE_HOST,  /**< leaves the fabric upward at @c next.function_id (root port or integrated function): the
                    IOMMU, or memory  where there is none, is next */
    ROUTE_BLOCK, /**< stops here with @c error */
};

enum route_error {
    ROUTE_NO_ERROR,
    ROUTE_ACS_VIOLATION,       /**< blocked by an ACS control */
    ROUTE_UNSUPPORTED_REQUEST, /**< nobody claims the address or id */
    ROUTE_MASTER_ABORT,        /**< nobody on a conventional bus claims it */
};

/** The rule that decided a step. Names printed to users come from route_rule_name(). */
enum route_rule {
    RULE_UPSTREAM,            /**< no peer claims the address: upward */
    RULE_DOWNSTREAM_WINDOW,   /**< a bridge window claims it: downward */
    RULE_DOWNSTREAM_BUS,      /**< completion: bus number range */
    RULE_BAR,                 /**< a BAR of the function claims it */
    RULE_COMPLETION_ARRIVED,  /**< the requester got its completion */
    RULE_SWITCH_PEER,         /**< switch: turned between downstream ports, ACS does not redirect */
    RULE_SWITCH_UPSTREAM_BAR, /**< switch: the BAR of the upstream port (or a function beside it) claims it */
    RULE_ROOT_PEER, /**< root complex: turned between root ports or integrated functions, ACS does not
                       redirect */
    RULE_MULTIFUNCTION_PEER,   /**< turned inside a multifunction device, ACS does not redirect */
    RULE_CONVENTIONAL_BUS,     /**< everyone on a shared bus sees it */
    RULE_REQUEST_REDIRECT,     /**< ACS RR sent it upward although a peer claims it */
    RULE_COMPLETION_REDIRECT,  /**< ACS CR sent a completion upward */
    RULE_UPSTREAM_FORWARDING,  /**< ACS UF: redirected request that came back for the port it entered by */
    RULE_DIRECT_TRANSLATED,    /**< ACS DT let a translated request go to the peer in spite of RR or EC */
    RULE_SOURCE_VALIDATION,    /**< ACS SV blocked it: requester bus number not below the port */
    RULE_TRANSLATION_BLOCKING, /**< ACS TB blocked it: address type not untranslated */
    RULE_EGRESS_CONTROL,       /**< ACS EC blocked it: the vector bit of the target port or function is set */
    RULE_TO_HOST,              /**< leaves at the root: the root complex routes it to the IOMMU */
    RULE_NO_PEER_ROUTING, /**< the root complex does not route between root ports; handed to the IOMMU side */
    RULE_UNCLAIMED,       /**< nobody claims it */
    RULE_COUNT,
};

struct route_decision {
    enum route_action action;
    enum route_rule rule;
    enum route_error error;
    struct route_place next;
    uint16_t requester_id; /**< requester id from here on: changed by bridges that take ownership */
};

/**
 * One step.
 * @param topology     finished topology
 * @param transaction  what travels; unchanged
 * @param place        where it is
 * @return what happens there. Every chain of ROUTE_MOVE ends within 2 x (depth + 1) steps. Never allocates,
 * never fails.
 */
struct route_decision route_step(const struct topology *topology, const struct transaction *transaction,
                                 struct route_place place);

/**
 * The root complex routes a request downward by (host physical) address: after translation, or from a CPU.
 * @param segment  PCI segment whose host bridges are asked; memory addresses are global on a machine, so all
 * are tried in order
 * @return ROUTE_MOVE to a function on a root bus (side from above); ROUTE_HOST where no function claims it:
 * memory
 */
struct route_decision route_from_host(const struct topology *topology, const struct transaction *transaction);

/** First step downward of a completion for @c transaction->requester_id from the root complex. */
struct route_decision route_completion_from_host(const struct topology *topology,
                                                 const struct transaction *transaction);

/** Stable name of a rule for output, e.g. "switch-peer". Never NULL. */
const char *route_rule_name(enum route_rule rule);

/** One sentence for humans, e.g. "the switch turned it between its downstream ports; ACS ReqRedir is off".
 * Never NULL. */
const char *route_rule_text(enum route_rule rule);

#endif
