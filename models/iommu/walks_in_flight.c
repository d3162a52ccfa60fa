/* SPDX-License-Identifier: MIT */
#include "models/iommu/walks_in_flight.h"

#include "models/iommu/remapping_unit.h"
#include "sim/base/arena.h"

#include <stdlib.h>

enum { HASH_BITS = 10, REQUESTER_IDS = 65536 };

void walks_in_flight_init(struct walks_in_flight *walks)
{
    walks->heads = memory_array(1U << HASH_BITS, sizeof(*walks->heads));
    for (uint32_t i = 0; i < 1U << HASH_BITS; i++)
        walks->heads[i] = IOMMU_NO_WORK;
    walks->last = memory_array(2 * (size_t)REQUESTER_IDS, sizeof(*walks->last));
}

void walks_in_flight_fini(struct walks_in_flight *walks)
{
    free(walks->heads);
    free(walks->last);
    *walks = (struct walks_in_flight){0};
}

/* Multiplicative hashing (Knuth, TAOCP 6.4) by 2^64 / golden ratio. */
static uint32_t *chain_of(const struct walks_in_flight *walks, const struct translation_work *work)
{
    uint64_t key = (work->iova >> PAGE_SHIFT_4K) + ((uint64_t)work->domain << 45);
    return &walks->heads[key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - HASH_BITS)];
}

void walks_in_flight_add(struct walks_in_flight *walks, struct translation_work *works, uint32_t ticket)
{
    uint32_t *head = chain_of(walks, &works[ticket]);
    works[ticket].same_hash = *head;
    *head = ticket;
}

void walks_in_flight_remove(struct walks_in_flight *walks, struct translation_work *works, uint32_t ticket)
{
    uint32_t *link = chain_of(walks, &works[ticket]);
    while (*link != ticket)
        link = &works[*link].same_hash;
    *link = works[ticket].same_hash;
}

static bool same_page(const struct translation_work *one, const struct translation_work *other)
{
    return one->domain == other->domain && one->iova >> PAGE_SHIFT_4K == other->iova >> PAGE_SHIFT_4K;
}

uint32_t walks_in_flight_find(const struct walks_in_flight *walks, const struct translation_work *works,
                              const struct translation_work *work)
{
    uint32_t ticket = *chain_of(walks, work);
    while (ticket != IOMMU_NO_WORK && !same_page(&works[ticket], work))
        ticket = works[ticket].same_hash;
    return ticket;
}

/* ---- what each requester walked for last ---- */

static uint32_t *last_of(const struct walks_in_flight *walks, const struct translation_work *work)
{
    return &walks->last[2U * work->requester_id + work->write];
}

void walks_in_flight_note(struct walks_in_flight *walks, const struct translation_work *works,
                          uint32_t ticket)
{
    *last_of(walks, &works[ticket]) = ticket + 1;
}

void walks_in_flight_forget(struct walks_in_flight *walks, const struct translation_work *works,
                            uint32_t ticket)
{
    uint32_t *last = last_of(walks, &works[ticket]);
    if (*last == ticket + 1)
        *last = 0;
}

uint32_t walks_in_flight_before(const struct walks_in_flight *walks, const struct translation_work *works,
                                const struct translation_work *work)
{
    uint32_t last = *last_of(walks, work);
    return last && same_page(&works[last - 1], work) ? last - 1 : IOMMU_NO_WORK;
}
