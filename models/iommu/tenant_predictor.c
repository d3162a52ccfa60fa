/* SPDX-License-Identifier: MIT */
#include "models/iommu/tenant_predictor.h"

#include "sim/base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { HISTORIES = 4096 };

void tenant_predictor_init(struct tenant_predictor *predictor, uint32_t distance, uint32_t pages)
{
    *predictor = (struct tenant_predictor){.distance = distance, .pages = pages};
    if (!pages)
        return;
    predictor->histories = memory_array(HISTORIES, sizeof(*predictor->histories));
    predictor->recent = memory_array(distance, sizeof(*predictor->recent));
}

void tenant_predictor_fini(struct tenant_predictor *predictor)
{
    free(predictor->histories);
    free(predictor->recent);
    *predictor = (struct tenant_predictor){0};
}

/* The place of a domain, taken over where it is another's. */
static struct tenant_history *history_of(struct tenant_predictor *predictor, uint32_t domain)
{
    struct tenant_history *history = &predictor->histories[domain % HISTORIES];
    if (history->owner != domain + 1)
        *history = (struct tenant_history){.owner = domain + 1};
    return history;
}

static void remember_page(struct tenant_history *history, uint32_t limit, uint64_t iova)
{
    if (history->count == limit)
        memmove(&history->pages[0], &history->pages[1], (limit - 1) * sizeof(history->pages[0]));
    else
        history->count++;
    history->pages[history->count - 1] = iova;
}

/* The domain of the access a distance ago is followed by this one. */
static void remember_order(struct tenant_predictor *predictor, uint32_t domain)
{
    uint32_t *slot = &predictor->recent[predictor->recent_at];
    if (predictor->recent_count == predictor->distance)
        history_of(predictor, *slot)->next = domain + 1;
    else
        predictor->recent_count++;
    *slot = domain;
    predictor->recent_at = predictor->recent_at + 1 == predictor->distance ? 0 : predictor->recent_at + 1;
}

const struct tenant_history *tenant_predictor_observe(struct tenant_predictor *predictor, uint32_t domain,
                                                      uint64_t iova, uint32_t *predicted)
{
    remember_order(predictor, domain);
    struct tenant_history *history = history_of(predictor, domain);
    remember_page(history, predictor->pages, iova);
    if (!history->next)
        return NULL;
    *predicted = history->next - 1;
    const struct tenant_history *next = &predictor->histories[*predicted % HISTORIES];
    return next->owner == history->next ? next : NULL;
}
