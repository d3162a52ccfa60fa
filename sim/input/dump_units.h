/* SPDX-License-Identifier: MIT */
/**
 * @file dump_units.h
 * Remapping units of a dump that names them without telling their scopes.
 */
#ifndef IOMMUSIM_INPUT_DUMP_UNITS_H
#define IOMMUSIM_INPUT_DUMP_UNITS_H

#include "sim/input/dump.h"

/**
 * Give @p topology the units a running kernel showed (dump_running.h). Without such, those @p dump stated,
 * where their scopes are stated too or follow from what else is known; otherwise leave them unknown.
 *
 * The kernel forms groups unit by unit (VT-d: units with scopes in reverse table order, then those for
 * everything else), and within a unit in processing order. So the first members of the reported groups, in
 * order of group numbers, fall into as many ascending runs as there are units, and each run is what one unit
 * covers. Where the numbers do not show that (no groups reported, a unit without devices), the desktop case
 * is left: one unit beside that for everything else is the graphics'.
 *
 * AMD-Vi: a log names each unit's own function, in table order. A unit has what follows it on its bus, and
 * all buses up to that of the next unit of the segment. Units stay unknown where the log lacks one that is
 * there. The kernel prints these lines together with the one that interrupts are remapped: where that is
 * missing, they are not.
 */
void dump_units_settle(const struct dump *dump, struct topology *topology);

#endif
