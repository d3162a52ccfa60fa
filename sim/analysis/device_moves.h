/* SPDX-License-Identifier: MIT */
/**
 * @file device_moves.h
 * Moves as the user words them: "BDF=PORT", any number of them.
 */
#ifndef IOMMUSIM_ANALYSIS_DEVICE_MOVES_H
#define IOMMUSIM_ANALYSIS_DEVICE_MOVES_H

#include "sim/topology/device_move.h"

struct arena;

/** A machine after moves. */
struct moved_machine {
    struct topology **stages; /**< one a move; the last is the machine, the others hold its strings */
    size_t stage_count;
    const uint32_t *known; /**< [id in the machine as it was] id in the last stage */
};

/**
 * Apply moves one after the other. All addresses are those of @p topology.
 * @param arena   owns the array and @c known, not the stages
 * @param result  free with moved_machine_fini(), also after an error
 * @return 0, or STATUS_BAD_INPUT after diagnostics (codes move-syntax, move-function, move-impossible, and
 * those of the builder)
 */
int device_moves_apply(const struct topology *topology, const char *const *moves, size_t count,
                       struct arena *arena, struct moved_machine *result, struct diagnostics *diagnostics);
void moved_machine_fini(struct moved_machine *machine);

/**
 * The function of @p topology at the address @p text names; @p source is where it stands, for findings of
 * @p code.
 * @return NULL after an error
 */
const struct pci_function *function_named(const struct topology *topology, const char *text,
                                          const struct source_text *source, size_t offset, const char *code,
                                          struct diagnostics *diagnostics);

#endif
