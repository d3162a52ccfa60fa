/* SPDX-License-Identifier: MIT */
/**
 * @file acs_wish.h
 * The question of reach turned round: which ACS control bits would have to change so that one function
 * reaches another directly, or so that a function neither reaches others nor is reached.
 *
 * The answer is a smallest set of bits. It is found by an exact search: a set that grants the wish must
 * differ from the bits at hand in a bit that decides a step of a request that violates it, so only such bits
 * are tried, with one, two, three, ... bits; disjoint violations bound the number from below.
 */
#ifndef IOMMUSIM_ANALYSIS_ACS_WISH_H
#define IOMMUSIM_ANALYSIS_ACS_WISH_H

#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/reach.h"

enum acs_wish_kind {
    ACS_WISH_DIRECT,   /**< requests of @c a_id go to every BAR of @c b_id without leaving the fabric, and the
                          completions of its reads come back so; bits are cleared */
    ACS_WISH_WRITES,   /**< the same for writes alone */
    ACS_WISH_ISOLATED, /**< @c a_id reaches no function past the IOMMU, and none reaches it: neither with
                          untranslated writes nor, where the IOMMU takes translated requests of the sender
                          (ATS), with translated ones; redirect, blocking and validation bits are set
                          (EgressCtrl and DirectTrans, which let through, cleared).
                          Where the kernel's quirk list has a vendor's word, that is taken (REACH_VOUCHED) */
};

struct acs_wish {
    enum acs_wish_kind kind;
    uint32_t a_id, b_id; /**< b_id: NONE for ACS_WISH_ISOLATED */
};

/** A bit to change. */
struct acs_flip {
    uint32_t function_id;
    uint16_t bit; /**< one of enum acs_bit */
    bool set;     /**< false: clear */
};

enum acs_wish_outcome {
    ACS_WISH_GRANTED,    /**< by @c flips; none: it is so already */
    ACS_WISH_IMPOSSIBLE, /**< no setting does it: @c stuck remains with all bits changed that may be */
    ACS_WISH_SENSELESS,  /**< nothing to send or to reach, see @c absence */
};

/** A request that goes where it should not, whatever is set. */
struct acs_wish_stuck {
    uint32_t source_id, target_id;
    enum address_type address_type;
    struct reach_result result; /**< with all bits changed that may be; rule and at_id say who is to blame */
    bool completion;            /**< it is the completion of a read that takes another way */
};

struct acs_wish_answer {
    enum acs_wish_outcome outcome;
    enum reach_absence absence;
    bool translated_too;    /**< isolation: a function has ATS on, and its translated writes were judged */
    struct acs_flip *flips; /**< by function, then bit */
    size_t flip_count;
    bool smallest;     /**< no smaller set does it; false: the search was given up, and only no bit of
                          @c flips can be left out */
    uint16_t *control; /**< [function] control bits in force with them */
    struct acs_wish_stuck stuck;
};

/** Find an answer. @param arena  owns the result */
struct acs_wish_answer *acs_wish_solve(struct arena *arena, const struct iommu_groups *groups,
                                       const struct acs_wish *wish);

/**
 * Would the wish be granted with these bits in force? What acs_wish_solve() asks again and again.
 * @param control  [function] control bits in force
 */
bool acs_wish_holds(const struct iommu_groups *groups, const struct acs_wish *wish, const uint16_t *control);

/** The bits of @p function_id that may be changed for a wish, set or clear as they are to become clear or
 * set. Only functions whose ACS capability is seen have any. */
uint16_t acs_wish_candidates(const struct iommu_groups *groups, enum acs_wish_kind kind, uint32_t function_id,
                             uint16_t control);

#endif
