/* SPDX-License-Identifier: MIT */
/**
 * @file tenant_predictor.h
 * Who comes next: HyperTRIO's predictor (Lavrov, Wentzlaff, "HyperTRIO: Hyper-Tenant Translation of I/O
 * Addresses", ISCA 2020). Devices serve tenants in turn, and a tenant uses the same few pages again. So it is
 * remembered which tenant came a distance of accesses after another one, and of each tenant the pages it used
 * last; at an access of a tenant those of the one who follows at that distance are predicted.
 *
 * A tenant is a domain. MODEL: the table has a place for each of 4096 domains by their low bits, and a domain
 * that finds another's there takes it over.
 */
#ifndef IOMMUSIM_IOMMU_TENANT_PREDICTOR_H
#define IOMMUSIM_IOMMU_TENANT_PREDICTOR_H

#include <stdint.h>

enum { TENANT_PAGES_MAX = 16, TENANT_DISTANCE_MAX = 4096 };

struct tenant_history {
    uint32_t owner;                   /**< domain + 1; 0: nobody */
    uint32_t next;                    /**< domain + 1 that came a distance later; 0: not known */
    uint32_t count;                   /**< pages known */
    uint64_t pages[TENANT_PAGES_MAX]; /**< addresses; the last used comes last */
};

struct tenant_predictor {
    uint32_t distance, pages; /**< parameters; pages 0: there is no predictor */
    struct tenant_history *histories;
    uint32_t *recent; /**< [distance] ring of domains */
    uint32_t recent_count, recent_at;
};

void tenant_predictor_init(struct tenant_predictor *predictor, uint32_t distance, uint32_t pages);
void tenant_predictor_fini(struct tenant_predictor *predictor);

/**
 * An access of @p domain to @p iova: learn from it.
 * @return pages predicted by it, of the domain set in @p predicted; NULL where nothing is predicted
 */
const struct tenant_history *tenant_predictor_observe(struct tenant_predictor *predictor, uint32_t domain,
                                                      uint64_t iova, uint32_t *predicted);

#endif
