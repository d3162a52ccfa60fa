/* SPDX-License-Identifier: MIT */
/**
 * @file reach_identity.h
 * What requester ids let a function do: pass for another one, get its completions, listen to it.
 */
#ifndef IOMMUSIM_ANALYSIS_REACH_IDENTITY_H
#define IOMMUSIM_ANALYSIS_REACH_IDENTITY_H

#include "sim/analysis/reach.h"

/**
 * May @p source_id send DMA as @p victim_id: under its requester id, past all source validation, so that the
 * IOMMU translates by the victim's tables?
 *
 * @return REACH_REACHES: it may, @c end_id is the victim (so it is, too, where a bridge gives both the same
 * id); REACH_REDIRECTED: it arrives, but under another id, which a bridge gave it; REACH_BLOCKED and
 * REACH_REDIRECT_BLOCKED as ever; REACH_NOT_APPLICABLE as for reach_pair_by(), for victims that issue
 * nothing, and where ids do not exist (conventional PCI). A BAR of the victim is not needed.
 */
struct reach_result reach_as(const struct reach *reach, uint32_t source_id, uint32_t victim_id);

/**
 * Where the completion of a request goes.
 * @param request  with the id it was sent under
 * @param result   what reach_follow() said of it
 * @return REACH_REACHES: back to the source, perhaps through a bridge that owned the request (@c end_id);
 * REACH_MISDELIVERED: to another function, @c end_id, because the request carried its id: it takes the data
 * where a tag of its own fits, and drops them else; REACH_BLOCKED, REACH_REDIRECT_BLOCKED: lost, the
 * requester times out; REACH_NOT_APPLICABLE with REACH_ABSENT_ANSWER for posted and blocked requests (these
 * are answered, if at all, by who blocked them). @c rule and @c at_id are those of the completion's way.
 */
struct reach_result reach_completion(const struct reach *reach, const struct reach_request *request,
                                     const struct reach_result *result);

/** True where the DMA of @p source_id crosses a conventional bus that @p listener_id sits on: whoever is
 * there sees addresses and data of both directions, whatever the IOMMU does above. */
bool reach_overhears(const struct reach *reach, uint32_t listener_id, uint32_t source_id);

#endif
