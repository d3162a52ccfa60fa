/* SPDX-License-Identifier: MIT */
/**
 * @file interrupt_reach.h
 * Interrupts as a way in. An interrupt is a memory write into the interrupt window, and any function that
 * does DMA can write there. What stands between it and the vectors of others is interrupt remapping: an entry
 * (or a table) that is only open to the requester ids the kernel wrote into it.
 *
 * - Without remapping the write itself says vector and processor: whoever can write there raises any.
 * - VT-d: each entry checks the source: an exact id, or a range of buses where a bridge takes ownership
 *   (SVT, SQ, SID); with intremap=nosid none does.
 * - AMD-Vi and the Arm ITS: the requester id selects a table; functions with one id share it.
 *
 * Source: set_msi_sid() of drivers/iommu/intel/irq_remapping.c, get_irq_table() and alias handling of
 * drivers/iommu/amd/iommu.c (7.3.4; section 14.7 of the group specification); VT-d specification 5.1.
 *
 * MODEL: on x86 all units remap or none does, as the kernel has it. MODEL: whether a function uses MSI at all
 * is not asked: each has vectors. MODEL: what a PASID does to interrupts is not.
 */
#ifndef IOMMUSIM_ANALYSIS_INTERRUPT_REACH_H
#define IOMMUSIM_ANALYSIS_INTERRUPT_REACH_H

#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/reach_alike.h"

/** Why interrupts of a machine are remapped, or not. */
enum interrupt_state {
    INTERRUPT_REMAPPED,         /**< and sources are checked */
    INTERRUPT_REMAPPED_ASSUMED, /**< the input does not tell: assumed */
    INTERRUPT_ANY_SOURCE,       /**< remapped, but intremap=nosid switched the checks off (VT-d) */
    INTERRUPT_NO_UNIT,          /**< the machine has no IOMMU */
    INTERRUPT_SWITCHED_OFF,     /**< intremap=off or nointremap, amd_iommu=off */
    INTERRUPT_UNIT_LACKS,       /**< a unit cannot remap, and then the kernel leaves it off for all */
    INTERRUPT_STATES,
};

/** Whose writes a function's vectors are open to. */
enum interrupt_check {
    INTERRUPT_CHECK_NOTHING, /**< everybody's */
    INTERRUPT_CHECK_ID,      /**< one requester id's: @c first */
    INTERRUPT_CHECK_BUSES,   /**< those of buses @c first >> 8 to @c last >> 8 */
};

struct interrupt_function {
    bool outside; /**< no unit covers it: its writes are not remapped even where others are, and nobody
                     whose writes are can raise what it raises */
    bool sends;   /**< it issues DMA; an AMD IOMMU's own function, which writes its logs, does not count */
    bool has_vectors; /**< it issues requests, or is a port (which has interrupts of its own) */
    enum interrupt_check check;
    uint32_t segment;     /**< of the ids */
    uint16_t first, last; /**< requester ids */

    bool writes;          /**< its writes come to the interrupt window's end */
    enum route_rule rule; /**< of what became of them */
    uint32_t at_id;
    uint16_t requester_id; /**< under which they arrive */
    uint32_t arrival_segment;
};

/** Can one function raise an interrupt of another? */
enum interrupt_reach {
    INTERRUPT_NEVER,
    INTERRUPT_BY_FORGING, /**< where it sends under the other's requester id, which no port refuses */
    INTERRUPT_BY_SHARING, /**< as it is: its own id is accepted */
    INTERRUPT_AT_WILL,    /**< nobody checks */
};

struct interrupts {
    const struct iommu_groups *groups;
    const struct reach *reach;
    enum interrupt_state state;
    uint32_t lacking_unit; /**< INTERRUPT_UNIT_LACKS: index of the first unit that cannot; else NONE */
    struct interrupt_function *functions; /**< [function] */
    const struct reach_alike *alike;
    uint8_t *forging; /**< [class of the source][class of the victim] may it send as the victim: 0 not asked
                         yet, 1 no, 2 yes; only looked at by interrupts_ask() */
};

/** Look at a machine. @param arena  owns the result; @p reach is that of @p groups */
struct interrupts *interrupts_new(struct arena *arena, const struct iommu_groups *groups,
                                  const struct reach *reach);

/** May @p source_id raise a vector of @p victim_id? INTERRUPT_NEVER for a function itself. */
enum interrupt_reach interrupts_ask(const struct interrupts *interrupts, uint32_t source_id,
                                    uint32_t victim_id);

/** True where interrupts are remapped with or without checks. */
static inline bool interrupts_remapped(const struct interrupts *interrupts)
{
    return interrupts->state <= INTERRUPT_ANY_SOURCE;
}

/** "remapped", "remapped-assumed", "any-source", "no-unit", "switched-off", "unit-lacks". Never NULL. */
const char *interrupt_state_name(enum interrupt_state state);
/** "never", "forging", "sharing", "at-will". Never NULL. */
const char *interrupt_reach_name(enum interrupt_reach reach);

#endif
