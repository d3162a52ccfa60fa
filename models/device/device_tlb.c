/* SPDX-License-Identifier: MIT */
#include "models/device/device_tlb.h"

#include "models/iommu/page_table.h"

#include <assert.h>

enum { SPACE_SHIFT = 54 }; /* of keys: 52 bits of page number and 2 of page size below */

/* Address space, page number at the page's own size, and the size (0, 1, 2). */
static uint64_t key_of(uint32_t space, uint64_t iova, unsigned size)
{
    return (uint64_t)space << SPACE_SHIFT | iova >> (PAGE_SHIFT_4K + 9 * size) << 2 | size;
}

/* The same of the 4 KiB page, without size. */
static uint64_t page_of(uint32_t space, uint64_t iova)
{
    return key_of(space, iova, 0) >> 2;
}

static uint64_t index_of(uint64_t iova, unsigned size)
{
    return iova >> (PAGE_SHIFT_4K + 9 * size);
}

void device_tlb_init(struct device_tlb *tlb, uint32_t entries, uint32_t ways, uint32_t limit,
                     uint64_t answer_ps, uint64_t seed)
{
    *tlb =
        (struct device_tlb){.limit = limit, .answer_ps = answer_ps, .waited_page = {UINT64_MAX, UINT64_MAX}};
    assert(limit >= 1 && limit <= TRANSLATION_REQUESTS_MAX);
    translation_cache_init(&tlb->cache, entries, ways, REPLACE_LRU, seed, "device-tlb");
}

void device_tlb_fini(struct device_tlb *tlb)
{
    translation_cache_fini(&tlb->cache);
}

static bool is_pending(const struct device_tlb *tlb, uint64_t page)
{
    for (uint32_t i = 0; i < tlb->pending_count; i++) {
        if (tlb->pending[i].page == page)
            return true;
    }
    return false;
}

uint32_t device_tlb_space(struct device_tlb *tlb, uint32_t pasid)
{
    if (!pasid)
        return 0;
    for (uint32_t i = 0; i < tlb->space_count; i++) {
        if (tlb->pasids[i] == pasid)
            return i + 1;
    }
    if (tlb->space_count == DEVICE_TLB_SPACES)
        return DEVICE_TLB_NO_SPACE;
    tlb->pasids[tlb->space_count] = pasid;
    return ++tlb->space_count;
}

bool device_tlb_waits_for(const struct device_tlb *tlb, uint32_t space, uint64_t iova, bool write)
{
    return tlb->waited_page[write] == page_of(space, iova);
}

enum device_tlb_answer device_tlb_find(struct device_tlb *tlb, uint32_t space, uint64_t iova, bool write,
                                       uint64_t *physical)
{
    uint64_t page = page_of(space, iova), leaf;
    bool waited = tlb->waited_page[write] == page;
    for (unsigned size = 0; size < 3; size++) {
        if (!translation_cache_find(&tlb->cache, index_of(iova, size), key_of(space, iova, size), &leaf) ||
            !(leaf & (write ? PAGE_WRITE : PAGE_READ)))
            continue;
        uint64_t offset = iova & ((UINT64_C(1) << (PAGE_SHIFT_4K + 9 * size)) - 1);
        *physical = page_table_entry_target(leaf) | offset;
        tlb->hits += !waited;
        tlb->waited_page[write] = UINT64_MAX;
        return DEVICE_TLB_HIT;
    }
    if (waited && tlb->refused[write]) {
        tlb->waited_page[write] = UINT64_MAX;
        tlb->refusals++;
        return DEVICE_TLB_REFUSED;
    }
    tlb->misses += !waited;
    tlb->waited_page[write] = page;
    tlb->refused[write] = false;
    return is_pending(tlb, page) ? DEVICE_TLB_PENDING : DEVICE_TLB_MISS;
}

bool device_tlb_expects(const struct device_tlb *tlb, uint32_t space, uint64_t iova)
{
    for (unsigned size = 0; size < 3; size++) {
        if (translation_cache_present(&tlb->cache, index_of(iova, size), key_of(space, iova, size)))
            return true;
    }
    return is_pending(tlb, page_of(space, iova));
}

void device_tlb_ask(struct device_tlb *tlb, uint32_t space, uint64_t iova, bool write)
{
    assert(device_tlb_may_ask(tlb));
    uint32_t at = tlb->pending_count++;
    tlb->pending[at].page = page_of(space, iova);
    tlb->pending[at].overtaken = false;
    tlb->pending[at].write = write;
    tlb->pending[at].state = PENDING_TRANSLATION;
    tlb->pending[at].iova = iova;
    tlb->pending[at].space = space;
    tlb->requests++;
}

/* A slot is done with. */
static void release(struct device_tlb *tlb, uint32_t at)
{
    tlb->pending[at] = tlb->pending[--tlb->pending_count];
}

/* The operation at the head of a kind learns that it may not have the page. */
static void refuse(struct device_tlb *tlb, uint64_t page, uint64_t leaf)
{
    for (int write = 0; write < 2; write++) {
        if (tlb->waited_page[write] == page && !(leaf & (write ? PAGE_WRITE : PAGE_READ)))
            tlb->refused[write] = true;
    }
}

void device_tlb_learn(struct device_tlb *tlb, uint32_t space, uint64_t iova, uint64_t leaf, unsigned shift,
                      uint64_t now_ps)
{
    uint64_t page = page_of(space, iova);
    uint32_t at = 0;
    while (tlb->pending[at].page != page) {
        at++;
        assert(at < tlb->pending_count);
    }
    bool overtaken = tlb->pending[at].overtaken;
    tlb->answered_ps = now_ps;
    if (!overtaken && tlb->page_requests_on && !(leaf & (tlb->pending[at].write ? PAGE_WRITE : PAGE_READ))) {
        tlb->pending[at].state = PENDING_FAULT;
        return;
    }
    release(tlb, at);
    if (overtaken)
        return; /* whoever needs it asks again */
    refuse(tlb, page, leaf);
    unsigned size = (shift - PAGE_SHIFT_4K) / 9;
    if (!leaf)
        return;
    translation_cache_remove(&tlb->cache, index_of(iova, size), key_of(space, iova, size));
    translation_cache_insert(&tlb->cache, index_of(iova, size), key_of(space, iova, size), leaf);
}

uint32_t device_tlb_next_page_request(struct device_tlb *tlb)
{
    if (tlb->page_requests_out >= tlb->page_request_limit)
        return UINT32_MAX;
    for (uint32_t i = 0; i < tlb->pending_count; i++) {
        if (tlb->pending[i].state != PENDING_FAULT)
            continue;
        tlb->pending[i].state = PENDING_PAGE;
        tlb->pending[i].serial = ++tlb->page_request_serial;
        tlb->page_requests_out++;
        tlb->page_requests++;
        return i;
    }
    return UINT32_MAX;
}

bool device_tlb_page_response(struct device_tlb *tlb, uint32_t space, uint64_t iova, bool present,
                              uint64_t now_ps)
{
    uint64_t page = page_of(space, iova);
    uint32_t at = 0;
    while (at < tlb->pending_count &&
           (tlb->pending[at].page != page || tlb->pending[at].state != PENDING_PAGE))
        at++;
    if (at == tlb->pending_count)
        return false;
    tlb->page_requests_out--;
    tlb->pending[at].overtaken = false;
    tlb->pending[at].state = PENDING_TRANSLATION;
    if (present)
        return true;
    release(tlb, at);
    tlb->pages_refused++;
    tlb->answered_ps = now_ps;
    refuse(tlb, page, 0);
    return false;
}

void device_tlb_page_timeout(struct device_tlb *tlb, uint32_t serial, uint64_t now_ps)
{
    for (uint32_t i = 0; i < tlb->pending_count; i++) {
        if (tlb->pending[i].state != PENDING_PAGE || tlb->pending[i].serial != serial)
            continue;
        uint64_t page = tlb->pending[i].page;
        tlb->page_requests_out--;
        release(tlb, i);
        tlb->page_timeouts++;
        tlb->answered_ps = now_ps;
        refuse(tlb, page, 0);
        return;
    }
}

bool device_tlb_invalidate(struct device_tlb *tlb, uint64_t iova, unsigned order)
{
    tlb->invalidations++;
    if (tlb->obedience != DEVICE_TLB_OBEYS)
        return tlb->obedience == DEVICE_TLB_KEEPS;
    for (unsigned size = 0; size < 3; size++) {
        unsigned covered = order > 9 * size ? order - 9 * size : 0;
        uint64_t mask = covered >= 62 ? 3 : ~((UINT64_C(4) << covered) - 1) | 3;
        translation_cache_remove_matching(&tlb->cache, mask, key_of(0, iova, size));
    }
    for (uint32_t i = 0; i < tlb->pending_count; i++)
        tlb->pending[i].overtaken |=
            order >= 52 || (tlb->pending[i].page ^ iova >> PAGE_SHIFT_4K) >> order == 0;
    return true;
}

/* Let answers go as far as the reads before them are over. */
static uint32_t send_answers(struct device_tlb *tlb)
{
    uint32_t sent = 0;
    while (tlb->draining || tlb->answers_due) {
        if (!tlb->draining) {
            tlb->draining = true;
            tlb->answers_due--;
            tlb->generation ^= 1;
        }
        if (tlb->reads[tlb->generation ^ 1])
            break;
        tlb->draining = false;
        sent++;
    }
    return sent;
}

uint32_t device_tlb_read_over(struct device_tlb *tlb, uint8_t generation)
{
    assert(tlb->reads[generation - 1]);
    tlb->reads[generation - 1]--;
    return send_answers(tlb);
}

uint32_t device_tlb_answer_due(struct device_tlb *tlb)
{
    tlb->answers_due++;
    return send_answers(tlb);
}
