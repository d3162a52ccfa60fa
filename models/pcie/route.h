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

#include "models/pcie/fabric.h"

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
    bool relaxed_ordering; /**< RO attribute; ACS Completion Redirect leaves completions that have it alone */
};

/** True for addresses of the interrupt window: writes there are MSIs, whatever claims the address.
 * MODEL: as on x86; on Arm machines the window is plain address space, which nothing is placed in. */
static inline bool route_is_msi(uint64_t address)
{
    return address >= 0xfee00000 && address <= 0xfeefffff;
}

/** By what completions are looked up in the id tables of a fabric. */
static inline uint64_t route_completion_key(const struct transaction *transaction)
{
    return (uint64_t)transaction->segment << 16 | transaction->requester_id;
}

/** Where the transaction is: at a function, about to be handled by it. */
enum route_side {
    SIDE_SELF,       /**< the function itself issues it */
    SIDE_FROM_BELOW, /**< a bridge or port received it on its secondary side */
    SIDE_FROM_ABOVE, /**< a function received it on its primary side (from the link or bus above) */
    SIDE_REDIRECTED, /**< an upstream port got it from one of its downstream ports, which ACS made send it
                        upward: it goes on upward although the port's own windows hold the address */
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
    /* On the way. */
    RULE_UPSTREAM,           /**< no peer claims it: upward */
    RULE_DOWNSTREAM_WINDOW,  /**< a bridge window claims it: downward */
    RULE_DOWNSTREAM_BUS,     /**< completion: bus number range */
    RULE_BAR,                /**< a BAR of the function claims it */
    RULE_COMPLETION_ARRIVED, /**< the requester (or the bridge that owns the request) got its completion */
    RULE_TO_HOST,            /**< leaves at the root: the root complex routes it to the IOMMU */
    RULE_MSI_WINDOW,         /**< interrupt message: leaves at the root, no peer ever claims it */

    /* Turned to a peer. ORDER: route_rule_is_turn(). */
    RULE_SWITCH_PEER,         /**< switch: turned between downstream ports, ACS does not redirect */
    RULE_SWITCH_UPSTREAM_BAR, /**< switch: the BAR of the upstream port (or a function beside it) claims it */
    RULE_PORT_BAR,            /**< the BAR of the port it came up through claims it */
    RULE_ROOT_PEER,           /**< root complex: turned between root ports or integrated functions */
    RULE_MULTIFUNCTION_PEER,  /**< turned inside a multifunction device, ACS does not redirect */
    RULE_MULTIFUNCTION_NO_ACS, /**< no ACS capability: the device may turn it between its functions, and
                                  software cannot know whether it does */
    RULE_CONVENTIONAL_BUS,     /**< everyone on a shared bus sees it */
    RULE_EGRESS_ALLOWED,       /**< ACS EC with a clear vector bit lets it through, even with RR on */
    RULE_DIRECT_TRANSLATED,    /**< ACS DT let a translated request go to the peer in spite of RR or EC */

    /* Sent upward although a peer claims it. ORDER: route_rule_is_redirect(). */
    RULE_REQUEST_REDIRECT,       /**< ACS RR */
    RULE_COMPLETION_REDIRECT,    /**< ACS CR, a completion */
    RULE_UPSTREAM_FORWARDING,    /**< ACS UF: it came back for the port it entered by */
    RULE_MEMORY_TARGET_REDIRECT, /**< ACS Enhanced: BARs of switch and root ports are redirected */
    RULE_UNCLAIMED_REDIRECT,     /**< ACS Enhanced: holes in the switch's window are redirected */
    RULE_NO_PEER_FUNCTION, /**< the ACS capability has no RR: the function sends nothing to its peers (PCIe
                              Base Spec 6.12.1.2 demands RR of those that do) */
    RULE_ASSUMED_REDIRECT, /**< the input hides the ACS registers; they are assumed to redirect */
    RULE_PEER_DECODE_OFF,  /**< isolated by other means than an ACS capability */
    RULE_NO_PEER_ROUTING,  /**< the root complex does not route between its ports */

    /* Blocked. */
    RULE_SOURCE_VALIDATION,      /**< ACS SV: requester bus number not below the port */
    RULE_TRANSLATION_BLOCKING,   /**< ACS TB: address type not untranslated */
    RULE_EGRESS_CONTROL,         /**< ACS EC: the vector bit of the target port or function is set */
    RULE_MEMORY_TARGET_BLOCK,    /**< ACS Enhanced: BARs of switch and root ports are blocked */
    RULE_NO_UPSTREAM_FORWARDING, /**< it came back for the port it entered by, and ACS UF is off: undefined */
    RULE_UNCLAIMED,              /**< nobody claims it */
    RULE_COUNT,
};

/** 16 bytes, so that it comes back in registers. */
struct route_decision {
    uint8_t action; /**< enum route_action */
    uint8_t rule;   /**< enum route_rule */
    uint8_t error;  /**< enum route_error */
    struct route_place next;
    uint16_t requester_id; /**< requester id from here on: changed by bridges that take ownership, and by the
                              VMD endpoint */
};

/**
 * One step.
 * @param fabric       from fabric_new()
 * @param transaction  what travels; unchanged
 * @param place        where it is; start with SIDE_SELF at the issuer (a completer issues its completion),
 *                     then hand back @c next of the decision, and its requester id in the transaction
 * @return what happens there. Every chain of ROUTE_MOVE ends within 2 x (depth + 2) steps, where depth counts
 * the bridges above a function, those of the VMD endpoint it may hang on included. Never allocates, never
 * fails.
 *
 * Bridges that take ownership (PCIe-to-PCI, some conventional ones, VMD) replace the requester id on the way
 * up, so a completion is delivered to the bridge itself; see route_completion_below(). Above a VMD endpoint
 * the transaction also is in another segment: that of decision.next.function_id.
 */
struct route_decision route_step(const struct fabric *fabric, const struct transaction *transaction,
                                 struct route_place place);

/**
 * The root complex routes a request downward by (host physical) address: after translation, or from a CPU.
 * @param segment  PCI segment whose host bridges are asked; memory addresses are global on a machine, so all
 * are tried in order
 * @return ROUTE_MOVE to a function on a root bus (side from above); ROUTE_HOST where no function claims it:
 * memory
 */
struct route_decision route_from_host(const struct fabric *fabric, const struct transaction *transaction);

/** First step downward of a completion for @c transaction->requester_id from the root complex. */
struct route_decision route_completion_from_host(const struct fabric *fabric,
                                                 const struct transaction *transaction);

/**
 * Next step of a completion that was delivered to a bridge because the bridge had taken ownership of the
 * request: put the original requester id (and segment, behind a VMD endpoint) back into @p transaction and go
 * on below @p bridge_id. ROUTE_MOVE, or ROUTE_BLOCK where nothing below has the id.
 */
struct route_decision route_completion_below(const struct fabric *fabric,
                                             const struct transaction *transaction, uint32_t bridge_id);

/** True where the rule turned a transaction to a peer (a leak, if it carries an untranslated address). */
static inline bool route_rule_is_turn(enum route_rule rule)
{
    return rule >= RULE_SWITCH_PEER && rule <= RULE_DIRECT_TRANSLATED;
}

/** True where the rule sent a transaction upward although a peer claims it. */
static inline bool route_rule_is_redirect(enum route_rule rule)
{
    return rule >= RULE_REQUEST_REDIRECT && rule <= RULE_NO_PEER_ROUTING;
}

/** Stable name of a rule for output, e.g. "switch-peer". Never NULL. */
const char *route_rule_name(enum route_rule rule);

/** One sentence for humans, e.g. "the switch turned it between its downstream ports; ACS ReqRedir is off".
 * Never NULL. */
const char *route_rule_text(enum route_rule rule);

#endif
