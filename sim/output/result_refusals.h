/* SPDX-License-Identifier: MIT */
/**
 * @file result_refusals.h
 * Refused requests in words: who refused them by which rule, and with what status the device learns of it.
 */
#ifndef IOMMUSIM_OUTPUT_RESULT_REFUSALS_H
#define IOMMUSIM_OUTPUT_RESULT_REFUSALS_H

#include "sim/output/result.h"

/** "UR", "CA", or NULL where no completion comes (posted writes, lost completions). */
const char *refusal_status(const struct refusal *refusal);

/** "5 reads of 03:00.0 refused at 02:00.0: ... (acs-egress-control), completion status CA". */
void refusal_words(const struct result *result, const struct refusal *refusal, struct text_buffer *out);

/** The commonest of a function's refusals; NULL where it has none. */
const struct refusal *refusal_commonest(const struct result *result, uint32_t source_id);

#endif
