/* SPDX-License-Identifier: MIT */
/**
 * @file dump_merge.h
 * Parts about the same function laid over each other.
 */
#ifndef IOMMUSIM_INPUT_DUMP_MERGE_H
#define IOMMUSIM_INPUT_DUMP_MERGE_H

#include "sim/input/dump.h"

/**
 * Reduce the parts of a dump to one a function, in order of address: each fact is that of the highest part
 * that tells it (of equal ones, the first). Where a lower part tells otherwise of what cannot change on a
 * running machine (ids, class, kind, bus numbers, ACS, group), a warning names both places; one warning a
 * kind of contradiction, with the number of functions concerned.
 *
 * Afterwards @c parts holds merged functions; @c rank is the highest of each one's parts, @c place that of
 * the highest part.
 */
void dump_merge(struct dump *dump);

#endif
