/* SPDX-License-Identifier: MIT */
/**
 * @file slot_survey.h
 * Which slot is best for a device: it is put below every free port in turn, and what would come of it is
 * found out as for any machine.
 *
 * A port is free where nothing is below it. Not every such port is a slot one can reach: chipsets have ports
 * that lead nowhere, and no register that dumps show tells them apart for certain.
 */
#ifndef IOMMUSIM_ANALYSIS_SLOT_SURVEY_H
#define IOMMUSIM_ANALYSIS_SLOT_SURVEY_H

#include "sim/analysis/machine_diff.h"

/** A link. Generation 0: unknown. */
struct slot_link {
    uint8_t generation, width;
    uint64_t bytes_per_s; /**< after encoding, one direction; 0 unknown */
    uint32_t port_id;     /**< the port above it; id in the machine surveyed */
};

/** What the device would find below one port. Ids are those of the machine surveyed, as it is. */
struct slot_offer {
    uint32_t port_id;
    bool present;         /**< it is there already */
    bool possible;        /**< false: bus numbers or addresses ran out; nothing below is filled */
    uint32_t group_count; /**< groups its functions are in */
    uint32_t ungrouped;   /**< functions of it that no IOMMU covers */
    uint32_t *mates;      /**< functions of others in its groups, by address */
    uint32_t mate_count;
    uint32_t endpoint_mates; /**< of these, those that are no bridges or ports: they move along to a guest */
    char *reason; /**< why the device shares a group, in words; NULL where it does not. Addresses are
                     those after the move */
    uint64_t leaks_out, leaks_in; /**< pairs across groups from and to a function of it */
    struct slot_link link;        /**< of the slot */
    struct slot_link bottleneck;  /**< the slowest on the way to the root complex */
};

struct slot_survey {
    struct arena *arena;
    const struct topology *topology; /**< borrowed */
    const uint32_t *functions;       /**< of the device, by address */
    uint32_t function_count;
    struct slot_offer *offers; /**< best first: all covered by an IOMMU, fewest endpoints in its groups,
                                  fewest others, fewest leaks, fastest, lowest address of the port */
    uint32_t offer_count;
};

/**
 * Try every free port, and the present one.
 * @param device_id  a function with device_move_slot(); the device is all of its slot
 * @return to be freed with slot_survey_free()
 */
struct slot_survey *slot_survey_new(const struct topology *topology, uint32_t device_id,
                                    const struct group_options *options);
void slot_survey_free(struct slot_survey *survey);

#endif
