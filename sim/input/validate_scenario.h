/* SPDX-License-Identifier: MIT */
/**
 * @file validate_scenario.h
 * The rows of validate_input.c for what runs on a machine. Which functions an IOMMU translates is decided by
 * the analysis, above this floor: here every function counts as translated where the machine has an IOMMU.
 */
#ifndef IOMMUSIM_INPUT_VALIDATE_SCENARIO_H
#define IOMMUSIM_INPUT_VALIDATE_SCENARIO_H

#include "sim/base/diagnostic.h"
#include "sim/base/text_buffer.h"

/** A workload alone: devices cannot be looked up. @param summary  "2 streams in 1 domain" */
int validate_workload(const struct source_text *source, struct text_buffer *summary,
                      struct diagnostics *diagnostics);

/** A scenario with the topology, the workload and the traces it names, each read to its end. */
int validate_scenario(const struct source_text *source, struct text_buffer *summary,
                      struct diagnostics *diagnostics);

/** A study, and the scenarios of its first and its last point. */
int validate_study(const struct source_text *source, struct text_buffer *summary,
                   struct diagnostics *diagnostics);

/** A world and the machines it names; a SimGrid platform is not read. */
int validate_world(const struct source_text *source, struct text_buffer *summary,
                   struct diagnostics *diagnostics);

/** A suite of `iommusim check`; what it names is not read. */
int validate_suite(const struct source_text *source, struct text_buffer *summary,
                   struct diagnostics *diagnostics);

#endif
