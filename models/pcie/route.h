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
    TRANSACTION_COMPLETION,      /**< routed by requester id */
    TRANSACTION_IO,              /**< read or write of an I/O port, both non-posted */
    TRANSACTION_CONFIGURATION,   /**< read or write of configuration space, both non-posted */
    TRANSACTION_MESSAGE_BY_ID,   /**< vendor-defined (MCTP), ATS invalidation and page group messages */
    TRANSACTION_MESSAGE_TO_ROOT, /**< errors, power management, legacy interrupts, page requests */
    TRANSACTION_KINDS,
};

/** How a transaction finds its way (PCIe Base Spec 2.2.4). */
enum transaction_routing { ROUTED_BY_ADDRESS, ROUTED_BY_PORT, ROUTED_BY_ID, ROUTED_TO_ROOT };

/** What routing looks at. */
struct transaction {
    enum transaction_kind kind;
    enum address_type address_type; /**< memory requests */
    uint64_t address;               /**< memory requests: bus address; I/O requests: port */
    uint32_t segment; /**< segment in which its ids count: the sender's (see route_take()); completions: the
                         requester's */
    uint16_t requester_id; /**< as carried in the TLP (an aliasing bridge rewrites it, see route_decision) */
    uint16_t target_id;    /**< configuration requests and messages by id: to whom, in @c segment */
    bool relaxed_ordering; /**< RO attribute; ACS Completion Redirect leaves completions that have it alone */
};

/** True for memory requests, which carry an address type. */
static inline bool transaction_is_memory(enum transaction_kind kind)
{
    return kind <= TRANSACTION_ATOMIC;
}

/** True for requests that are answered by a completion. */
static inline bool transaction_is_nonposted(enum transaction_kind kind)
{
    return kind == TRANSACTION_MEMORY_READ || kind == TRANSACTION_ATOMIC || kind == TRANSACTION_IO ||
           kind == TRANSACTION_CONFIGURATION;
}

static inline enum transaction_routing transaction_routing(enum transaction_kind kind)
{
    switch (kind) {
    case TRANSACTION_IO:
        return ROUTED_BY_PORT;
    case TRANSACTION_COMPLETION:
    case TRANSACTION_CONFIGURATION:
    case TRANSACTION_MESSAGE_BY_ID:
        return ROUTED_BY_ID;
    case TRANSACTION_MESSAGE_TO_ROOT:
        return ROUTED_TO_ROOT;
    case TRANSACTION_MEMORY_READ:
    case TRANSACTION_MEMORY_WRITE:
    case TRANSACTION_ATOMIC:
    case TRANSACTION_KINDS:
        break;
    }
    return ROUTED_BY_ADDRESS;
}

/**
 * True for what a conventional bus can carry: PCI has no atomics, no messages and no address types (the
 * bridge to it would drop the mark of a translated address; it cannot answer a translation request).
 */
static inline bool transaction_fits_conventional(const struct transaction *transaction)
{
    return transaction->kind != TRANSACTION_ATOMIC && transaction->kind < TRANSACTION_MESSAGE_BY_ID &&
           (!transaction_is_memory(transaction->kind) ||
            transaction->address_type != ADDRESS_TRANSLATION_REQUEST);
}

/** True for addresses of the interrupt window: writes there are MSIs, whatever claims the address.
 * MODEL: as on x86; on Arm machines the window is plain address space, which nothing is placed in. */
#define ROUTE_MSI_BASE  UINT64_C(0xfee00000)
#define ROUTE_MSI_LIMIT UINT64_C(0xfeefffff)
static inline bool route_is_msi(uint64_t address)
{
    return address >= ROUTE_MSI_BASE && address <= ROUTE_MSI_LIMIT;
}

/** For what is ROUTED_BY_ID: the id it goes to. */
static inline uint16_t route_destination_id(const struct transaction *transaction)
{
    return transaction->kind == TRANSACTION_COMPLETION ? transaction->requester_id : transaction->target_id;
}

/** By what it is looked up in the id tables of a fabric. */
static inline uint64_t route_id_key(const struct transaction *transaction)
{
    return (uint64_t)transaction->segment << 16 | route_destination_id(transaction);
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
    ROUTE_DELIVER, /**< @c next.function_id consumes it: a BAR of it, the requester of a completion, the
                      target of what is routed by id */
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

/** What the requester of a blocked non-posted request gets (PCIe Base Spec 2.2.9.1, 6.12.4). */
enum route_status { ROUTE_STATUS_SUCCESSFUL, ROUTE_STATUS_UNSUPPORTED, ROUTE_STATUS_ABORT };

static inline enum route_status route_status_of(enum route_error error)
{
    switch (error) {
    case ROUTE_ACS_VIOLATION:
        return ROUTE_STATUS_ABORT;
    case ROUTE_UNSUPPORTED_REQUEST:
    case ROUTE_MASTER_ABORT: /* a bridge to conventional PCI answers so for it (Bridge Spec 2.7) */
        return ROUTE_STATUS_UNSUPPORTED;
    case ROUTE_NO_ERROR:
        break;
    }
    return ROUTE_STATUS_SUCCESSFUL;
}

/** The rule that decided a step. Names printed to users come from route_rule_name(). */
enum route_rule {
    /* On the way. */
    RULE_UPSTREAM,           /**< no peer claims it: upward */
    RULE_DOWNSTREAM_WINDOW,  /**< a bridge window claims it: downward */
    RULE_DOWNSTREAM_BUS,     /**< what is routed by id: bus number range */
    RULE_BAR,                /**< a BAR of the function claims it */
    RULE_COMPLETION_ARRIVED, /**< the requester (or the bridge that owns the request) got its completion */
    RULE_TO_HOST,            /**< leaves at the root: the root complex routes it to the IOMMU */
    RULE_MSI_WINDOW,         /**< interrupt message: leaves at the root, no peer ever claims it */
    RULE_ID,                 /**< configuration request or message: it is for this function's id */
    RULE_ATS_TRUSTED,        /**< host: the unit takes the word of a device with ATS for its translation */

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
    RULE_IO_BLOCKING,            /**< ACS Enhanced: I/O Request Blocking */
    RULE_CONFIGURATION_UPSTREAM, /**< configuration requests travel downstream only */
    RULE_NOT_CONVENTIONAL,       /**< a conventional bus cannot carry it */
    RULE_ATOMIC_EGRESS,          /**< AtomicOp Egress Blocking of the port it would leave by */
    RULE_NO_ATOMIC_ROUTING,      /**< the port routes no AtomicOps */
    RULE_NOT_FOR_HOST,           /**< host: it takes no I/O and configuration requests from below */
    RULE_ATS_REFUSED,       /**< host: translated or translation request of a function without ATS enabled */
    RULE_UNKNOWN_REQUESTER, /**< host: no function has the requester id, so the unit has no context for it */
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
 *                     then hand back @c next of the decision, and call route_take()
 * @return what happens there. Every chain of ROUTE_MOVE ends within 2 x (depth + 2) steps, where depth counts
 * the bridges above a function, those of the VMD endpoint it may hang on included. Never allocates, never
 * fails.
 *
 * Bridges that take ownership (PCIe-to-PCI, some conventional ones, VMD) replace the requester id on the way
 * up, so a completion is delivered to the bridge itself; see route_completion_below(). Above a VMD endpoint
 * the id counts in another segment, too: that of the endpoint.
 */
struct route_decision route_step(const struct fabric *fabric, const struct transaction *transaction,
                                 struct route_place place);

/** Put into a transaction what @p decision changes of it: the requester id and, above a VMD endpoint, the
 * segment in which it counts. To be called after every step. */
static inline void route_take(const struct fabric *fabric, struct transaction *transaction,
                              const struct route_decision *decision)
{
    uint32_t next_id = decision->next.function_id;
    transaction->requester_id = decision->requester_id;
    if (decision->action == ROUTE_MOVE && decision->next.side == SIDE_FROM_BELOW &&
        fabric->nodes[next_id].kind == NODE_VMD && transaction->kind != TRANSACTION_COMPLETION)
        transaction->segment = fabric->topology->functions[next_id].segment;
}

/**
 * The root complex routes a request downward by (host physical) address: after translation, or from a CPU.
 * @param segment  PCI segment whose host bridges are asked; memory addresses are global on a machine, so all
 * are tried in order
 * @return ROUTE_MOVE to a function on a root bus (side from above); ROUTE_HOST where no function claims it:
 * memory
 */
struct route_decision route_from_host(const struct fabric *fabric, const struct transaction *transaction);

/** How the host stands to the function that a transaction comes from, to judge by its requester id. */
struct requester_standing {
    bool known;      /**< some function has the id; looked at where @c translated only */
    bool translated; /**< an IOMMU translates what it sends */
    bool ats;        /**< the IOMMU takes translated and translation requests from it (ATS is enabled) */
};

/**
 * What the host does with a transaction that left the fabric (ROUTE_HOST) at @p left_id, a function on a root
 * bus.
 * @return ROUTE_HOST with RULE_TO_HOST: for the IOMMU where it is @c translated, else (or with
 * RULE_ATS_TRUSTED) for memory; RULE_MSI_WINDOW: an interrupt; ROUTE_MOVE: down again as it came, because
 * nobody translates it; ROUTE_BLOCK.
 * Completions go down to their requester.
 * MODEL: I/O requests and configuration requests from below are unsupported; messages by id go from port to
 * port where memory requests do (the specification leaves both to the root complex).
 */
struct route_decision route_at_host(const struct fabric *fabric, const struct transaction *transaction,
                                    uint32_t left_id, struct requester_standing standing);

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

/** True where the rule sent a transaction upward although a peer claims it. ORDER: enum route_rule. */
static inline bool route_rule_is_redirect(enum route_rule rule)
{
    return rule >= RULE_REQUEST_REDIRECT && rule <= RULE_NO_PEER_ROUTING;
}

/** Stable word: "none", "acs-violation", "unsupported-request", "master-abort". Never NULL. */
const char *route_error_name(enum route_error error);

/** Stable word: "successful", "unsupported-request", "completer-abort". Never NULL. */
const char *route_status_name(enum route_status status);

/** Stable word of a kind: "memory-read", "memory-write", "atomic", "completion", "io", "configuration",
 * "message-by-id", "message-to-root". Never NULL. */
const char *transaction_kind_name(enum transaction_kind kind);

/** Stable word: "untranslated", "translation-request", "translated". Never NULL. */
const char *address_type_name(enum address_type type);

/** Stable name of a rule for output, e.g. "switch-peer". Never NULL. */
const char *route_rule_name(enum route_rule rule);

/** One sentence for humans, e.g. "the switch turned it between its downstream ports; ACS ReqRedir is off".
 * Never NULL. */
const char *route_rule_text(enum route_rule rule);

#endif
