/* SPDX-License-Identifier: MIT */
/**
 * @file reach.h
 * Who can reach whom past the IOMMU: for an ordered pair of functions, may a memory request of the first with
 * an untranslated address inside a BAR of the second arrive there without having been translated, and by
 * which rule at which port. Further: requests of every other kind, translated and translation requests,
 * forged requester ids, and where the completions go.
 *
 * Every answer is a walk with route_step(), the function the timed engine routes with.
 *
 * reach_pair() is the plain question, reach_pair_by() asks it for another kind of request or identity,
 * reach_follow() follows any single request. reach_identity.h tells who can pass for whom and who gets whose
 * completions, reach_destinations.h lists what there is to send to.
 */
#ifndef IOMMUSIM_ANALYSIS_REACH_H
#define IOMMUSIM_ANALYSIS_REACH_H

#include "models/pcie/route.h"

struct iommu_groups;

/** Outcomes, from harmless to harmful. ORDER: reach_pair() takes the greatest over all BARs. */
enum reach_outcome {
    REACH_NOT_APPLICABLE,   /**< there is no request or no target: see enum reach_absence */
    REACH_BLOCKED,          /**< it ends in an error on the way */
    REACH_REDIRECT_BLOCKED, /**< sent upward instead of to its target, it ends in an error further up */
    REACH_REDIRECTED,       /**< it goes to the IOMMU (an interrupt: to the root complex) */
    REACH_MISDELIVERED,     /**< another function than the target, or memory, gets it, untranslated */
    REACH_REACHES,          /**< it arrives untranslated */
    REACH_OUTCOMES,
};

/** Why an outcome is REACH_NOT_APPLICABLE. */
enum reach_absence {
    REACH_ABSENT_NOTHING, /**< it is applicable */
    REACH_ABSENT_SELF,    /**< source and target are the same function */
    REACH_ABSENT_SILENT,  /**< the source issues no memory requests of its own (reach_issues()) */
    REACH_ABSENT_BAR, /**< the target has no memory BAR that decodes (none, without address, or disabled) */
    REACH_ABSENT_IO_BAR,  /**< the same of I/O BARs, for I/O requests */
    REACH_ABSENT_KIND,    /**< the bus of the source carries no such requests (or no requester ids), or they
                             are for no function */
    REACH_ABSENT_SEGMENT, /**< what is routed by id does not leave its segment */
    REACH_ABSENT_ALIAS,   /**< the source has no further requester id */
    REACH_ABSENT_ANSWER,  /**< the request is not answered by a completion */
    REACH_ABSENT_OWNER,   /**< no function has the destination, whose requester id could be forged */
};

struct reach_result {
    enum reach_outcome outcome;
    enum reach_absence absence;
    uint8_t bar;               /**< number of the target's BAR the rest is about */
    uint64_t address;          /**< its first byte */
    enum route_rule rule;      /**< the decisive one: of the turn, the (first) redirect, or the end */
    uint32_t at_id;            /**< function that applied it; NONE: the root complex */
    enum route_rule turn_rule; /**< of the first turn or redirect, RULE_COUNT where there was none */
    uint32_t turn_id;          /**< function that applied it */
    uint32_t end_id; /**< REACHES, MISDELIVERED: who got it, NONE: memory. BLOCKED: who ended it. REDIRECTED:
                        where it left the fabric */
    enum route_error error; /**< where it is blocked; route_status_of() tells what the requester sees */
    uint16_t requester_id;  /**< at the end: as sent, or the bridge's that took ownership */
    uint32_t segment;       /**< of which it is: the source's, or that of the VMD endpoint above */
    bool through_root; /**< it left the fabric upward, no IOMMU translates the source, and so the root complex
                          dealt with the address as it came */
    uint32_t steps;    /**< length of the walk */
};

/** One step of a walk. A hop of the root complex has place.function_id NONE. */
struct reach_hop {
    struct route_place place;
    struct route_decision decision;
};

/** What the questions are asked about. */
struct reach {
    const struct fabric *fabric;
    const bool
        *translated; /**< [function] an IOMMU translates what it sends to the root complex; NULL: all */
    const bool *ats; /**< [function] that IOMMU takes translated requests from it; NULL: none */
};

/** One transaction that a function sends. */
struct reach_request {
    uint32_t source_id;
    struct transaction transaction; /**< @c requester_id as sent: own, an alias, or forged; @c segment is
                                       looked at for completions only: the requester's */
};

/** Under which requester id requests are sent to a target. */
enum reach_identity {
    REACH_AS_ITSELF,
    REACH_AS_ALIAS,  /**< under the first further id the source uses (struct pci_function, alias_devfns) */
    REACH_AS_TARGET, /**< under the target's, forged: completions are for the target, too */
};

/** A kind of request, for questions about pairs. All zeros but the kind: what reach_pair() asks. */
struct reach_way {
    enum transaction_kind kind;
    enum address_type address_type;
    enum reach_identity identity;
};

/**
 * The ACS control bits in force in the hardware once the kernel has booted, for fabric_new(): what the kernel
 * wrote, where the hardware keeps it. Its quirk list and overrides are belief and do not count. Functions
 * whose registers the input hides get the isolation that the groups assume for them, too.
 * @return [function], from @p arena
 */
uint16_t *reach_acs_control(struct arena *arena, const struct iommu_groups *groups);

/**
 * Ask about the machine whose groups are @p groups: the bits of reach_acs_control(), and the functions that a
 * unit in use covers.
 * @param arena  owns the result; @p groups and its topology must outlive it
 */
struct reach *reach_new(struct arena *arena, const struct iommu_groups *groups);

/** How a pair that reaches stands to the groups. */
enum reach_leak {
    REACH_NO_LEAK, /**< it does not reach, or they share a group, or one has none */
    REACH_LEAK,    /**< it reaches a function of another group */
    REACH_VOUCHED, /**< as before, but the function that may turn the request has no ACS capability, and the
                      kernel's quirk list holds its vendor's statement that it does not turn any */
};

/** Is an answer of reach_pair() for this pair a leak? An override (pcie_acs_override) vouches for nothing. */
enum reach_leak reach_leak(const struct iommu_groups *groups, const struct reach_result *result,
                           uint32_t source_id, uint32_t target_id);

/** True where a function issues memory requests of its own. Ports and bridges, host bridges (class 0600) and
 * event collectors issue none but interrupt messages. */
bool reach_issues(const struct pci_function *function);

/** The outcome for an ordered pair: memory writes with untranslated addresses. Costs a walk for each BAR of
 * the target; never allocates. */
struct reach_result reach_pair(const struct reach *reach, uint32_t source_id, uint32_t target_id);

/**
 * The outcome for an ordered pair and requests of another kind.
 *
 * Memory and I/O requests go to each BAR of the target, configuration requests and messages to its id;
 * completions are unsolicited ones with the target as requester (it takes them where a tag fits: no ACS
 * control stops them). Messages to the root are for no function: REACH_ABSENT_KIND.
 */
struct reach_result reach_pair_by(const struct reach *reach, uint32_t source_id, uint32_t target_id,
                                  struct reach_way way);

/** The request that reach_pair_by() sends; for memory and I/O requests fill in the address. */
struct reach_request reach_way_request(const struct reach *reach, uint32_t source_id, uint32_t target_id,
                                       struct reach_way way);

/** A request of @p kind by @p source_id under its own requester id; fill in where it goes. */
struct reach_request reach_request(const struct reach *reach, uint32_t source_id, enum transaction_kind kind);

/**
 * Follow one transaction.
 * @param hops  filled with the first @p capacity steps; NULL with capacity 0
 * @return as reach_address(); for messages to the root and interrupts REACH_REDIRECTED with RULE_TO_HOST or
 * RULE_MSI_WINDOW. A completion that is redirected comes back down: REACH_REACHES.
 */
struct reach_result reach_follow(const struct reach *reach, const struct reach_request *request,
                                 struct reach_hop *hops, uint32_t capacity);

/**
 * Follow one request.
 * @param address   untranslated address of a memory write by @p source_id
 * @param hops      filled with the first @p capacity steps; NULL with capacity 0
 * @return outcome as for a target at @p address, whoever that is (REACH_REACHES: @c end_id got it). A request
 * for memory ends REACH_REDIRECTED, without an IOMMU REACH_REACHES with @c end_id NONE. @c steps may exceed
 * @p capacity.
 */
struct reach_result reach_address(const struct reach *reach, uint32_t source_id, uint64_t address,
                                  struct reach_hop *hops, uint32_t capacity);

/** Stable words: "not-applicable", "blocked", "redirect-blocked", "redirected", "misdelivered", "reaches".
 * Never NULL. */
const char *reach_outcome_name(enum reach_outcome outcome);

/** A clause for a reason, e.g. "it has no memory BAR that decodes". Never NULL. */
const char *reach_absence_text(enum reach_absence absence);

#endif
