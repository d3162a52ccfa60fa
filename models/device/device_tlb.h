/* SPDX-License-Identifier: MIT */
/**
 * @file device_tlb.h
 * Address Translation Services in the device (PCIe Base Spec chapter 10.2, 10.3): a cache of translations
 * that the unit gave, the requests for more, and what the device does when it is told to forget one.
 *
 * The device asks for each page of an operation as soon as the operation is ready, and issues a piece once
 * its page's translation is there. An invalidation drops what is cached, marks requests under way so that
 * their answers are not used, waits for reads that carry the old address, and is answered; the answer is
 * posted and so pushes writes that carry the old address ahead of it (10.3.3).
 *
 * With PRI (10.4) a translation that is refused is no end: the device requests the page from the host,
 * keeping the slot of its translation request, and asks for the translation again when the response says that
 * the page is there. A response that there is none, or no response in time, refuses the operation; Response
 * Failure ends page requests for good. Pages of one address space that fault while translations are still
 * under way are asked for in one group (page_request_group at most), which one response answers; where that
 * is a refusal of several pages, the device asks for their translations once more to learn which are there.
 *
 * Requests with different PASIDs are in different address spaces, which the device numbers as it meets them.
 *
 * MODEL: a lookup takes no time of its own: it is part of issue_latency. One translation a request.
 */
#ifndef IOMMUSIM_DEVICE_DEVICE_TLB_H
#define IOMMUSIM_DEVICE_DEVICE_TLB_H

#include "models/iommu/page_request_queue.h"
#include "models/iommu/translation_cache.h"

enum device_tlb_answer {
    DEVICE_TLB_HIT,
    DEVICE_TLB_MISS,    /**< not there, and not asked for */
    DEVICE_TLB_PENDING, /**< asked for */
    DEVICE_TLB_REFUSED, /**< the answer was that there is none, or without the permission needed */
};

/** How a device treats invalidations. */
enum device_tlb_obedience {
    DEVICE_TLB_OBEYS,
    DEVICE_TLB_KEEPS,  /**< answers, and uses its entries all the same */
    DEVICE_TLB_SILENT, /**< does neither drop nor answer */
};

enum { TRANSLATION_REQUESTS_MAX = 256, TRANSLATION_REQUEST_BYTES = 8 };

enum { DEVICE_TLB_SPACES = 1023, DEVICE_TLB_NO_SPACE = UINT16_MAX };

/** What a slot of the device TLB waits for. */
enum pending_state {
    PENDING_TRANSLATION,
    PENDING_FAULT, /**< a page request is to be sent */
    PENDING_PAGE,  /**< its response */
    PENDING_RETRY, /**< the page is there: the translation is to be asked for again */
};

/** Page Request Group Indices (nine bits). */
enum { PAGE_GROUPS = 512 };
enum page_group_state {
    PAGE_GROUP_FREE,
    PAGE_GROUP_OUT,
    PAGE_GROUP_GIVEN_UP, /**< its response may come yet: the index is not used again before */
};

struct device_tlb {
    struct translation_cache cache;
    uint64_t page_sizes;                /**< bit n: some page of 4 KiB << n was given */
    uint32_t pasids[DEVICE_TLB_SPACES]; /**< [space - 1] PASID plus one; space 0 is without PASID */
    uint32_t space_count;
    enum device_tlb_obedience obedience;
    uint32_t limit; /**< requests under way at most */
    struct {
        uint64_t page;   /**< 4 KiB page number, address space above it */
        bool overtaken;  /**< by an invalidation: its answer is not used */
        bool write;      /**< the access that is wanted */
        uint8_t state;   /**< enum pending_state */
        bool last;       /**< of its page group */
        bool final;      /**< asked for once more after a group was refused: no further page request */
        uint16_t group;  /**< of its page request */
        uint32_t serial; /**< of its page request */
        uint64_t iova;
        uint32_t space;
    } pending[TRANSLATION_REQUESTS_MAX];
    uint32_t pending_count;
    bool page_requests_on;                          /**< PRI is used */
    uint32_t page_request_limit, page_requests_out; /**< at most; sent and not answered */
    uint32_t page_request_serial;
    uint32_t group_limit;           /**< pages of a group at most */
    uint32_t open_left, open_space; /**< of a group being sent: requests to come, address space */
    uint16_t open_group;
    uint8_t groups[PAGE_GROUPS];                          /**< enum page_group_state */
    uint64_t page_requests, pages_refused, page_timeouts; /**< sent; answered with no; not answered in time */
    uint64_t page_groups;                                 /**< groups of page requests sent */
    uint64_t page_failures;                               /**< Response Failures */
    uint64_t waited_page[2]; /**< [write] page the operation at the head waits for; UINT64_MAX: none */
    bool refused[2];         /**< [write] that page was refused */
    uint64_t answered_ps;    /**< when the last answer came */
    uint32_t answered_trace; /**< for who follows the request that it answered (struct tlp) */
    uint64_t answer_ps;      /**< parameter: invalidation received to answered */
    /* Reads with translated addresses under way, in two generations: an answer waits for those before it. */
    uint32_t reads[2];
    uint8_t generation;
    bool draining;        /**< an answer waits */
    uint32_t answers_due; /**< further ones behind it */
    uint64_t hits, misses, requests, refusals, invalidations;
};

/** An empty device TLB: @p entries, @p ways as translation_cache_init(). */
void device_tlb_init(struct device_tlb *tlb, uint32_t entries, uint32_t ways, uint32_t limit,
                     uint64_t answer_ps, uint64_t seed);
void device_tlb_fini(struct device_tlb *tlb);

/**
 * Number of the address space of a PASID (plus one; 0: requests without), the same each time.
 * @return DEVICE_TLB_NO_SPACE where it keeps apart as many as it can: such requests go out untranslated
 */
uint32_t device_tlb_space(struct device_tlb *tlb, uint32_t pasid);

/**
 * Look an address up for the operation at the head of its kind.
 * @param physical  filled on a hit
 */
enum device_tlb_answer device_tlb_find(struct device_tlb *tlb, uint32_t space, uint64_t iova, bool write,
                                       uint64_t *physical);

/** Was the address looked up last for that kind, in vain? */
bool device_tlb_waits_for(const struct device_tlb *tlb, uint32_t space, uint64_t iova, bool write);

/** Is the page of @p iova cached or asked for? No effect on replacement. */
bool device_tlb_expects(const struct device_tlb *tlb, uint32_t space, uint64_t iova);

static inline bool device_tlb_may_ask(const struct device_tlb *tlb)
{
    return tlb->pending_count < tlb->limit;
}

/** A translation request for the page of @p iova goes out. */
void device_tlb_ask(struct device_tlb *tlb, uint32_t space, uint64_t iova, bool write);

/**
 * Its answer came.
 * @param leaf   page address and access bits; 0: refused
 * @param shift  log2 of the page size
 */
void device_tlb_learn(struct device_tlb *tlb, uint32_t space, uint64_t iova, uint64_t leaf, unsigned shift,
                      uint64_t now_ps);

/**
 * A page to be requested from the host now; UINT32_MAX where there is none, too many are outstanding, or more
 * of its group may come.
 * @return the slot that waits; it counts as requested from now on, with a serial number, a group, and whether
 * it is the last of that
 */
uint32_t device_tlb_next_page_request(struct device_tlb *tlb);

/** The response to a group came; no effect where nobody waits for it any more. What is to be translated once
 * more comes out of device_tlb_next_retry(). */
void device_tlb_page_response(struct device_tlb *tlb, uint16_t group, enum page_response response,
                              uint64_t now_ps);

/** A slot whose translation is to be asked for again, from now on counted as asked for; UINT32_MAX: none. */
uint32_t device_tlb_next_retry(struct device_tlb *tlb);

/** A page request was not answered in time: its group is given up. */
void device_tlb_page_timeout(struct device_tlb *tlb, uint32_t serial, uint64_t now_ps);

/** An invalidation of 4 KiB << @p order at @p iova came, of the address space of a PASID (plus one; 0: of
 * requests without). @return false where it will not be answered */
bool device_tlb_invalidate(struct device_tlb *tlb, uint32_t pasid, uint64_t iova, unsigned order);

/** A read with a translated address goes out; returns its generation plus one, for device_tlb_read_over(). */
static inline uint8_t device_tlb_read_begins(struct device_tlb *tlb)
{
    tlb->reads[tlb->generation]++;
    return (uint8_t)(tlb->generation + 1);
}

/** Answers that may be sent now that @p generation has one read less, or (0) one more answer is due. @return
 * how many */
uint32_t device_tlb_read_over(struct device_tlb *tlb, uint8_t generation);
uint32_t device_tlb_answer_due(struct device_tlb *tlb);

#endif
