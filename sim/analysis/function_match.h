/* SPDX-License-Identifier: MIT */
/**
 * @file function_match.h
 * Which function of one machine is which of another: the same machine before and after a change, or two
 * dumps of it.
 *
 * In this order, each pair of functions being matched at most once:
 * 1. the caller knows (it made the change itself);
 * 2. the same place - the chain of device and function numbers from the root bus, which no renumbering of
 *    buses touches - and the same ids;
 * 3. the same address and the same ids;
 * 4. the same ids (subsystem, class and function number included) anywhere, where both machines have as many
 *    of them left: in the order of addresses;
 * 5. the same place and kind, whatever the ids: a part was replaced.
 * Ids of ffff are unknown and equal to any.
 */
#ifndef IOMMUSIM_ANALYSIS_FUNCTION_MATCH_H
#define IOMMUSIM_ANALYSIS_FUNCTION_MATCH_H

#include "sim/base/arena.h"
#include "sim/topology/topology.h"

/** How a function was found again. */
enum match_kind {
    MATCH_NONE,       /**< it is in one machine only */
    MATCH_SAME,       /**< same place, or the caller knew, and the address is the same */
    MATCH_RENUMBERED, /**< same place, other bus number */
    MATCH_MOVED,      /**< other place */
    MATCH_REPLACED,   /**< same place, other ids */
};

struct function_match {
    uint32_t *to_after;                                  /**< [id before] id after, or NONE; from the arena */
    uint32_t *to_before;                                 /**< [id after] id before, or NONE */
    enum match_kind *kind;                               /**< [id before] */
    uint32_t renumbered, moved, replaced, vanished, new; /**< how many there are of each */
};

/**
 * Match the functions of two machines.
 * @param known  [id before] id after or NONE, from who changed the machine; NULL where nobody knows
 * @param arena  owns the result
 */
struct function_match function_match(const struct topology *before, const struct topology *after,
                                     const uint32_t *known, struct arena *arena);

/** A stable word: "none", "same", "renumbered", "moved", "replaced". */
const char *match_kind_name(enum match_kind kind);

/**
 * The place of a function as text: segment and root bus, then device.function of each bridge down to it, e.g.
 * "0000:00/1c.4/00.0"; VFs end in "+vfN" behind their PF's. From @p arena.
 */
const char *function_place(const struct topology *topology, const struct pci_function *function,
                           struct arena *arena);

#endif
