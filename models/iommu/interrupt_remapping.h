/* SPDX-License-Identifier: MIT */
/**
 * @file interrupt_remapping.h
 * What a remapping unit makes of an interrupt message (VT-d specification chapter 5): the address names an
 * entry of a table in memory, cached by the unit; the entry says whose it is and where the interrupt goes -
 * to a CPU, or posted into a descriptor in memory that a CPU is notified of, unless it is already (5.2.3).
 *
 * An entry that software rewrites stays as it was in the cache until it is invalidated: messages until then
 * go to the old CPU, those after it to the new one, and each goes somewhere.
 *
 * MODEL: the entry of a function has its requester id as its number, one a function; source validation is
 * exact (SVT 01b, SQ 00b) or none (SVT 00b). Messages in compatibility format pass as they came (VT-d: CFI
 * set), as recorded traces rarely tell.
 */
#ifndef IOMMUSIM_IOMMU_INTERRUPT_REMAPPING_H
#define IOMMUSIM_IOMMU_INTERRUPT_REMAPPING_H

#include "models/iommu/remapping_unit.h"

/** Entry of the table. */
struct interrupt_entry {
    bool present, posted;
    bool any_source; /**< SVT 00b: whoever sends */
    uint16_t source_id;
    uint32_t cpu;
};

/** How a message went. */
enum interrupt_outcome {
    INTERRUPT_DIRECT,     /**< not remapped */
    INTERRUPT_REMAPPED,   /**< to the CPU of its entry */
    INTERRUPT_POSTED,     /**< into the descriptor, and a CPU is notified */
    INTERRUPT_SUPPRESSED, /**< into the descriptor; a notification is under way already */
    INTERRUPT_BLOCKED,
    INTERRUPT_OUTCOMES,
};

struct interrupt_remapping {
    const struct iommu_parameters *parameters;
    struct interrupt_entry *table; /**< [65536] */
    uint64_t *notified_until_ps;   /**< [entry] posted: the CPU takes the descriptor's interrupts then */
    struct translation_cache cache;
    uint64_t hits, misses;
};

void interrupt_remapping_init(struct interrupt_remapping *remapping,
                              const struct iommu_parameters *parameters, uint64_t seed);
void interrupt_remapping_fini(struct interrupt_remapping *remapping);

/** Drop an entry from the cache. */
void interrupt_remapping_invalidate(struct interrupt_remapping *remapping, uint32_t entry);

/** What a message comes to. */
struct interrupt_decision {
    enum interrupt_outcome outcome; /**< INTERRUPT_POSTED until interrupt_remapping_post() says otherwise */
    enum iommu_fault fault;         /**< INTERRUPT_BLOCKED */
    uint32_t entry, cpu;
    uint64_t ps; /**< from its arrival at the unit until it is decided, and the descriptor written */
};

/**
 * Decide a message.
 * @param address    in the interrupt window
 * @param source_id  requester id it came with
 */
struct interrupt_decision interrupt_remapping_decide(struct interrupt_remapping *remapping, uint64_t address,
                                                     uint16_t source_id);

/** A posted message is in its descriptor at @p now_ps: is the CPU to be notified, so that it takes the
 * descriptor's interrupts at @p taken_ps? @return false where a notification is under way that will take it,
 * too */
bool interrupt_remapping_post(struct interrupt_remapping *remapping, uint32_t entry, uint64_t now_ps,
                              uint64_t taken_ps);

/** Address of messages in remappable format for an entry (VT-d specification 5.1.5.2). */
static inline uint64_t interrupt_address(uint16_t entry)
{
    return UINT64_C(0xfee00010) | (uint64_t)(entry & 0x7fff) << 5 | (uint64_t)(entry >> 15) << 2;
}

/** Stable word: "direct", "remapped", "posted", "suppressed", "blocked". */
const char *interrupt_outcome_name(enum interrupt_outcome outcome);

#endif
