/* SPDX-License-Identifier: MIT */
#include "models/device/device_tlb.h"

#include "models/iommu/page_table.h"

#include <assert.h>

enum { SPACE_SHIFT = 54 }; /* of keys: 53 bits of page and its size below */

/* Address space, the page's number among pages of its size and, where the numbers of smaller pages go on, a
 * one. */
static uint64_t key_of(uint32_t space, uint64_t iova, unsigned shift)
{
    return (uint64_t)space << SPACE_SHIFT | (iova >> shift << 1 | 1) << (shift - PAGE_SHIFT_4K);
}

/* Address space and 4 KiB page. */
static uint64_t page_of(uint32_t space, uint64_t iova)
{
    return (uint64_t)space << SPACE_SHIFT | iova >> PAGE_SHIFT_4K;
}

/* The next larger of the page sizes it was given so far, as log2; takes it out of the set. */
static unsigned next_size(uint64_t *sizes)
{
    unsigned shift = PAGE_SHIFT_4K + (unsigned)__builtin_ctzll(*sizes);
    *sizes &= *sizes - 1;
    return shift;
}

void device_tlb_init(struct device_tlb *tlb, uint32_t entries, uint32_t ways, uint32_t limit,
                     uint64_t answer_ps, uint64_t seed)
{
    *tlb = (struct device_tlb){
        .limit = limit, .answer_ps = answer_ps, .waited_page = {UINT64_MAX, UINT64_MAX}, .group_limit = 1};
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
    for (uint64_t sizes = tlb->page_sizes; sizes;) {
        unsigned shift = next_size(&sizes);
        if (!translation_cache_find(&tlb->cache, iova >> shift, key_of(space, iova, shift), &leaf) ||
            !(leaf & (write ? PAGE_WRITE : PAGE_READ)))
            continue;
        uint64_t offset = iova & ((UINT64_C(1) << shift) - 1);
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
    for (uint64_t sizes = tlb->page_sizes; sizes;) {
        unsigned shift = next_size(&sizes);
        if (translation_cache_present(&tlb->cache, iova >> shift, key_of(space, iova, shift)))
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
    tlb->pending[at].final = false;
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
    bool overtaken = tlb->pending[at].overtaken, final = tlb->pending[at].final;
    bool granted = leaf & (tlb->pending[at].write ? PAGE_WRITE : PAGE_READ);
    tlb->answered_ps = now_ps;
    if (!overtaken && tlb->page_requests_on && !final && !granted) {
        tlb->pending[at].state = PENDING_FAULT;
        return;
    }
    tlb->pages_refused += final && !granted;
    release(tlb, at);
    if (overtaken)
        return; /* whoever needs it asks again */
    refuse(tlb, page, leaf);
    if (!leaf)
        return;
    tlb->page_sizes |= UINT64_C(1) << (shift - PAGE_SHIFT_4K);
    translation_cache_remove(&tlb->cache, iova >> shift, key_of(space, iova, shift));
    translation_cache_insert(&tlb->cache, iova >> shift, key_of(space, iova, shift), leaf);
}

/* Slots of an address space in a state. */
static uint32_t count_slots(const struct device_tlb *tlb, uint32_t space, enum pending_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tlb->pending_count; i++)
        count += tlb->pending[i].space == space && tlb->pending[i].state == state;
    return count;
}

/* Open a group for the pages of an address space that faulted, unless more of them may come. */
static bool open_group(struct device_tlb *tlb, uint32_t space)
{
    uint32_t faulted = count_slots(tlb, space, PENDING_FAULT),
             room = tlb->page_request_limit - tlb->page_requests_out;
    uint16_t group = 0;
    uint32_t wanted = faulted < tlb->group_limit ? faulted : tlb->group_limit;
    if (faulted < tlb->group_limit && count_slots(tlb, space, PENDING_TRANSLATION))
        return false;
    while (group < PAGE_GROUPS && tlb->groups[group] != PAGE_GROUP_FREE)
        group++;
    if (group == PAGE_GROUPS || !room)
        return false;
    tlb->groups[group] = PAGE_GROUP_OUT;
    tlb->open_group = group;
    tlb->open_space = space;
    tlb->open_left = wanted < room ? wanted : room;
    tlb->page_groups++;
    return true;
}

/* The next slot of the open group. */
static uint32_t request_page(struct device_tlb *tlb)
{
    uint32_t at = 0;
    while (tlb->pending[at].state != PENDING_FAULT || tlb->pending[at].space != tlb->open_space)
        at++;
    assert(at < tlb->pending_count);
    tlb->pending[at].state = PENDING_PAGE;
    tlb->pending[at].serial = ++tlb->page_request_serial;
    tlb->pending[at].group = tlb->open_group;
    tlb->pending[at].last = --tlb->open_left == 0;
    tlb->page_requests_out++;
    tlb->page_requests++;
    return at;
}

uint32_t device_tlb_next_page_request(struct device_tlb *tlb)
{
    for (uint32_t i = 0; i < tlb->pending_count && !tlb->open_left; i++) {
        if (tlb->pending[i].state == PENDING_FAULT)
            open_group(tlb, tlb->pending[i].space);
    }
    return tlb->open_left ? request_page(tlb) : UINT32_MAX;
}

/* The operation that waits for a slot's page does not get it. */
static void refuse_slot(struct device_tlb *tlb, uint32_t at, uint64_t now_ps)
{
    uint64_t page = tlb->pending[at].page;
    tlb->page_requests_out -= tlb->pending[at].state == PENDING_PAGE;
    release(tlb, at);
    tlb->answered_ps = now_ps;
    refuse(tlb, page, 0);
}

/* @return slots refused that wait for the response to a group; @p all: or that were to ask for a page */
static uint32_t refuse_slots(struct device_tlb *tlb, uint16_t group, bool all, uint64_t now_ps)
{
    uint32_t refused = 0;
    for (uint32_t i = tlb->pending_count; i-- > 0;) {
        bool waits = tlb->pending[i].state == PENDING_PAGE && tlb->pending[i].group == group;
        if (!waits && !(all && tlb->pending[i].state == PENDING_FAULT))
            continue;
        refuse_slot(tlb, i, now_ps);
        refused++;
    }
    return refused;
}

static uint32_t members_of(const struct device_tlb *tlb, uint16_t group)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tlb->pending_count; i++)
        count += tlb->pending[i].state == PENDING_PAGE && tlb->pending[i].group == group;
    return count;
}

void device_tlb_page_response(struct device_tlb *tlb, uint16_t group, enum page_response response,
                              uint64_t now_ps)
{
    bool given_up = tlb->groups[group] == PAGE_GROUP_GIVEN_UP;
    tlb->groups[group] = PAGE_GROUP_FREE;
    if (response == PAGE_RESPONSE_FAILURE) {
        tlb->page_failures++;
        tlb->page_requests_on = false;
        tlb->open_left = 0;
    }
    if (given_up)
        return;
    bool failure = response == PAGE_RESPONSE_FAILURE, refused = response == PAGE_RESPONSE_INVALID;
    if (failure || (refused && members_of(tlb, group) == 1)) {
        tlb->pages_refused += refuse_slots(tlb, group, failure, now_ps);
        return;
    }
    for (uint32_t i = 0; i < tlb->pending_count; i++) {
        if (tlb->pending[i].state != PENDING_PAGE || tlb->pending[i].group != group)
            continue;
        tlb->page_requests_out--;
        tlb->pending[i].state = PENDING_RETRY;
        tlb->pending[i].final = refused;
    }
}

uint32_t device_tlb_next_retry(struct device_tlb *tlb)
{
    for (uint32_t i = 0; i < tlb->pending_count; i++) {
        if (tlb->pending[i].state != PENDING_RETRY)
            continue;
        tlb->pending[i].state = PENDING_TRANSLATION;
        tlb->pending[i].overtaken = false;
        tlb->requests++;
        return i;
    }
    return UINT32_MAX;
}

void device_tlb_page_timeout(struct device_tlb *tlb, uint32_t serial, uint64_t now_ps)
{
    for (uint32_t i = 0; i < tlb->pending_count; i++) {
        if (tlb->pending[i].state != PENDING_PAGE || tlb->pending[i].serial != serial)
            continue;
        uint16_t group = tlb->pending[i].group;
        tlb->groups[group] = PAGE_GROUP_GIVEN_UP;
        tlb->page_timeouts += refuse_slots(tlb, group, false, now_ps);
        return;
    }
}

/* Number of a PASID's address space, as far as it was met; DEVICE_TLB_NO_SPACE. */
static uint32_t known_space(const struct device_tlb *tlb, uint32_t pasid)
{
    uint32_t space = pasid ? 1 : 0;
    while (space && space <= tlb->space_count && tlb->pasids[space - 1] != pasid)
        space++;
    return space <= tlb->space_count ? space : DEVICE_TLB_NO_SPACE;
}

/* Drop what lies in an aligned range. */
static void drop(struct device_tlb *tlb, uint32_t space, uint64_t iova, unsigned order)
{
    const unsigned all = SPACE_SHIFT - 2;
    order = order < all ? order : all;
    for (uint64_t sizes = tlb->page_sizes; sizes;) {
        unsigned shift = next_size(&sizes), of_size = shift - PAGE_SHIFT_4K;
        uint64_t inside =
            order > of_size ? ~((UINT64_C(2) << order) - 1) | ((UINT64_C(2) << of_size) - 1) : UINT64_MAX;
        translation_cache_remove_matching(&tlb->cache, inside, key_of(space, iova, shift));
    }
    for (uint32_t i = 0; i < tlb->pending_count; i++)
        tlb->pending[i].overtaken |=
            tlb->pending[i].space == space && (tlb->pending[i].iova ^ iova) >> PAGE_SHIFT_4K >> order == 0;
}

bool device_tlb_invalidate(struct device_tlb *tlb, uint32_t pasid, uint64_t iova, unsigned order)
{
    uint32_t space = known_space(tlb, pasid);
    tlb->invalidations++;
    if (tlb->obedience != DEVICE_TLB_OBEYS)
        return tlb->obedience == DEVICE_TLB_KEEPS;
    if (space != DEVICE_TLB_NO_SPACE)
        drop(tlb, space, iova, order);
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
