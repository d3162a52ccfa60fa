/* SPDX-License-Identifier: MIT */
/**
 * @file replay.h
 * A result document tells what it was made from; made again it must be the same to the byte.
 *
 * Codes: replay-format, replay-input (a file has changed or cannot be found), replay-stdin, replay-model (a
 * warning: the result was made by other models).
 */
#ifndef IOMMUSIM_BATCH_REPLAY_H
#define IOMMUSIM_BATCH_REPLAY_H

#include "sim/input/scenario.h"

/**
 * The scenario of a result: its files, each still with the content it had, overrides, seed, command line,
 * IOMMU and parts of the result. Paths are taken as the result has them, from the folder where it was made.
 * @param scenario  filled on success; free with scenario_free()
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics
 */
int replay_load(const char *path, struct scenario **scenario, struct diagnostics *diagnostics);

#endif
