/* SPDX-License-Identifier: MIT */
/**
 * @file isolation_evidence.h
 * What machines with known groups show of the functions whose capabilities their dumps hide: the data of
 * sim/analysis/isolation_seen.def, made anew by `make isolation-seen`.
 *
 * Going down from the root complex the groups leave no choice. Below a path that isolates, a port isolates
 * exactly where what is directly below has another group; below a path that does not, its groups say nothing.
 * Of the functions of one slot those that share a group do not isolate, and those that stand apart do. Where
 * a dump shows registers they are taken.
 */
#ifndef IOMMUSIM_TESTS_ISOLATION_EVIDENCE_H
#define IOMMUSIM_TESTS_ISOLATION_EVIDENCE_H

#include "sim/analysis/iommu_groups.h"
#include "sim/base/text_buffer.h"

struct isolation_evidence;

struct isolation_evidence *isolation_evidence_new(void);
void isolation_evidence_free(struct isolation_evidence *evidence);

/** Add a machine whose truth is stated in @p groups->topology. Machines with pcie_acs_override, where groups
 * show the override, are left out. @param name  kept by copy */
void isolation_evidence_add(struct isolation_evidence *evidence, const char *name,
                            const struct iommu_groups *groups);

/**
 * Add functions counted in full dumps, those of the machines added before being taken off.
 * @param table  lines "vendor device type with-acs without-acs ...", tabs between; lines with # are skipped
 */
void isolation_evidence_add_dumps(struct isolation_evidence *evidence, const char *table);

/** The rows of isolation_machines.def and of isolation_seen.def, with their heads. */
void isolation_evidence_print_machines(const struct isolation_evidence *evidence, struct text_buffer *out);
void isolation_evidence_print_seen(const struct isolation_evidence *evidence, struct text_buffer *out);

#endif
