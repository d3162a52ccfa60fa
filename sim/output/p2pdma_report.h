/* SPDX-License-Identifier: MIT */
/**
 * @file p2pdma_report.h
 * The answer of `iommusim reach --p2pdma`: what the kernel would say of peer-to-peer DMA, beside what the
 * fabric does.
 */
#ifndef IOMMUSIM_OUTPUT_P2PDMA_REPORT_H
#define IOMMUSIM_OUTPUT_P2PDMA_REPORT_H

#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/p2pdma.h"
#include "sim/base/text_buffer.h"

struct p2pdma_question {
    uint32_t client_id, provider_id; /**< NONE: every function */
    enum p2pdma_cpu cpu;
    bool summary_only; /**< counts alone; text */
};

/**
 * Text: how often which opinion meets which outcome, the pairs that may use bus addresses, and the pairs
 * where kernel and fabric disagree (each at most 40 lines); one pair asked for by name with its story.
 */
void p2pdma_report_text(const struct reach *reach, const struct iommu_groups *groups,
                        const struct p2pdma_question *question, struct text_buffer *out);

/** A line a pair whose client sends and whose provider has memory, or may have: client, provider, distance,
 * opinion, outcome of the fabric, rule, agreement. No header. */
void p2pdma_report_tsv(const struct reach *reach, const struct iommu_groups *groups,
                       const struct p2pdma_question *question, struct text_buffer *out);

/** One "iommusim-p2pdma/1" document with the same pairs. */
void p2pdma_report_json(const struct reach *reach, const struct iommu_groups *groups,
                        const struct p2pdma_question *question, struct text_buffer *out);

#endif
