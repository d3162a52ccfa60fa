/* SPDX-License-Identifier: MIT */
/**
 * @file reach.h
 * Who can reach whom past the IOMMU: for an ordered pair of functions, may a memory request of the first with
 * an untranslated address inside a BAR of the second arrive there without having been translated, and by
 * which rule at which port.
 *
 * Every answer is a walk with route_step(), the function the timed engine routes with.
 */
#ifndef IOMMUSIM_ANALYSIS_REACH_H
#define IOMMUSIM_ANALYSIS_REACH_H

#include "models/pcie/route.h"

struct iommu_groups;

/** Outcomes, from harmless to harmful. ORDER: reach_pair() takes the greatest over all BARs. */
enum reach_outcome {
    REACH_NOT_APPLICABLE, /**< there is no request or no target: see enum reach_absence */
    REACH_BLOCKED,        /**< it ends in an error on the way */
    REACH_REDIRECTED,     /**< it goes to the IOMMU */
    REACH_REACHES,        /**< it arrives untranslated */
    REACH_OUTCOMES,
};

/** Why an outcome is REACH_NOT_APPLICABLE. */
enum reach_absence {
    REACH_ABSENT_NOTHING, /**< it is applicable */
    REACH_ABSENT_SELF,    /**< source and target are the same function */
    REACH_ABSENT_SILENT,  /**< the source issues no memory requests of its own (reach_issues()) */
    REACH_ABSENT_BAR, /**< the target has no memory BAR that decodes (none, without address, or disabled) */
};

struct reach_result {
    enum reach_outcome outcome;
    enum reach_absence absence;
    uint8_t bar;          /**< number of the target's BAR the rest is about */
    uint64_t address;     /**< its first byte */
    enum route_rule rule; /**< the decisive one: of the turn, the (first) redirect, or the end */
    uint32_t at_id;       /**< function that applied it */
    uint32_t end_id; /**< REACHES: the target. BLOCKED: who ended it. REDIRECTED: where it left the fabric */
    enum route_error error; /**< for REACH_BLOCKED */
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

/** The outcome for an ordered pair. Costs a walk for each BAR of the target; never allocates. */
struct reach_result reach_pair(const struct reach *reach, uint32_t source_id, uint32_t target_id);

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

/** Stable words: "not-applicable", "blocked", "redirected", "reaches". Never NULL. */
const char *reach_outcome_name(enum reach_outcome outcome);

/** A clause for a reason, e.g. "it has no memory BAR that decodes". Never NULL. */
const char *reach_absence_text(enum reach_absence absence);

#endif
