/* SPDX-License-Identifier: MIT */
/**
 * @file dump_running.h
 * What a running kernel showed of its groups and units, turned into what a topology says.
 */
#ifndef IOMMUSIM_INPUT_DUMP_RUNNING_H
#define IOMMUSIM_INPUT_DUMP_RUNNING_H

#include "sim/input/dump.h"

/**
 * Give @p topology the groups' types and reserved regions as printed, and state the direct regions among them
 * for the members, so that a prediction knows them, too. Which member a region of a group of several is for,
 * no file tells: all that are no bridges get it. Call it between dump_merge() and the end of building.
 */
void dump_groups_settle(struct dump *dump, struct topology *topology);

/**
 * Give @p topology units with what they were seen to translate for as scopes, in table order.
 *
 * VT-d: the last unit of a segment covers everything else, unless a function of the segment is seen without a
 * unit (VT-d specification, INCLUDE_PCI_ALL: such a unit is the last of its segment); where a kernel log
 * names the registers of the unit, its flag decides.
 * @return false where no unit was seen
 */
bool dump_units_from_running(const struct dump *dump, struct topology *topology);

#endif
