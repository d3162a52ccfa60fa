/* SPDX-License-Identifier: MIT */
#include "models/iommu/interrupt_remapping.h"

#include "sim/base/arena.h"

#include <stdlib.h>

enum { ENTRIES = 65536, REMAPPABLE_FORMAT = 0x10 };

void interrupt_remapping_init(struct interrupt_remapping *remapping,
                              const struct iommu_parameters *parameters, uint64_t seed)
{
    *remapping = (struct interrupt_remapping){.parameters = parameters};
    remapping->table = memory_array(ENTRIES, sizeof(*remapping->table));
    remapping->notified_until_ps = memory_array(ENTRIES, sizeof(*remapping->notified_until_ps));
    translation_cache_init(&remapping->cache, parameters->interrupt_entries, 0, REPLACE_LRU, seed,
                           "interrupt");
}

void interrupt_remapping_fini(struct interrupt_remapping *remapping)
{
    translation_cache_fini(&remapping->cache);
    free(remapping->table);
    free(remapping->notified_until_ps);
    *remapping = (struct interrupt_remapping){0};
}

void interrupt_remapping_invalidate(struct interrupt_remapping *remapping, uint32_t entry)
{
    translation_cache_remove(&remapping->cache, entry, entry);
}

/* An entry as a word: CPU, source id, any source, posted, present. */
static uint64_t pack(const struct interrupt_entry *entry)
{
    return (uint64_t)entry->cpu << 32 | (uint64_t)entry->source_id << 8 | (entry->any_source ? 4U : 0U) |
           (entry->posted ? 2U : 0U) | (entry->present ? 1U : 0U);
}

static struct interrupt_entry unpack(uint64_t word)
{
    return (struct interrupt_entry){.present = word & 1,
                                    .posted = word >> 1 & 1,
                                    .any_source = word >> 2 & 1,
                                    .source_id = (uint16_t)(word >> 8),
                                    .cpu = (uint32_t)(word >> 32)};
}

struct interrupt_decision interrupt_remapping_decide(struct interrupt_remapping *remapping, uint64_t address,
                                                     uint16_t source_id)
{
    const struct iommu_parameters *parameters = remapping->parameters;
    struct interrupt_decision decision = {.outcome = INTERRUPT_DIRECT};
    uint64_t word;
    if (!(address & REMAPPABLE_FORMAT))
        return decision;
    decision.entry = (uint32_t)(address >> 5 & 0x7fff) | (uint32_t)(address >> 2 & 1) << 15;
    decision.ps = parameters->interrupt_hit_ps;
    if (translation_cache_find(&remapping->cache, decision.entry, decision.entry, &word)) {
        remapping->hits++;
    } else {
        remapping->misses++;
        decision.ps += parameters->walk_read_ps;
        word = pack(&remapping->table[decision.entry]);
        if (word & 1)
            translation_cache_insert(&remapping->cache, decision.entry, decision.entry, word);
    }
    struct interrupt_entry entry = unpack(word);
    decision.cpu = entry.cpu;
    decision.outcome = INTERRUPT_BLOCKED;
    if (!entry.present)
        decision.fault = IOMMU_FAULT_INTERRUPT_NOT_PRESENT;
    else if (!entry.any_source && entry.source_id != source_id)
        decision.fault = IOMMU_FAULT_INTERRUPT_SOURCE;
    else
        decision.outcome = entry.posted ? INTERRUPT_POSTED : INTERRUPT_REMAPPED;
    if (decision.outcome == INTERRUPT_POSTED)
        decision.ps += parameters->posted_update_ps;
    return decision;
}

bool interrupt_remapping_post(struct interrupt_remapping *remapping, uint32_t entry, uint64_t now_ps,
                              uint64_t taken_ps)
{
    if (now_ps < remapping->notified_until_ps[entry])
        return false;
    remapping->notified_until_ps[entry] = taken_ps;
    return true;
}

const char *interrupt_outcome_name(enum interrupt_outcome outcome)
{
    static const char *const names[INTERRUPT_OUTCOMES] = {"direct", "remapped", "posted", "suppressed",
                                                          "blocked"};
    return names[outcome];
}
