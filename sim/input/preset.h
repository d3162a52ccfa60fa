/* SPDX-License-Identifier: MIT */
/**
 * @file preset.h
 * Presets (`iommusim-preset/1`): named parameter values, each with its source. Those of topologies/presets/
 * are carried inside the program; others are files.
 */
#ifndef IOMMUSIM_INPUT_PRESET_H
#define IOMMUSIM_INPUT_PRESET_H

#include "sim/input/parameter_set.h"

struct text_buffer;

/**
 * Lay a preset over @p set.
 * @param set      takes the values, for all kinds of unit
 * @param name     a carried preset's name, or a path (contains '/' or ends in ".json")
 * @param beside   path of the file that names it: relative paths start in its folder; NULL: current folder
 * @param arena    keeps the strings of the origins
 * @param content  if not NULL, the bytes of a preset read from a file are added to it (for hashing)
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics; code preset-unknown
 *         (without a place: the caller knows who named it)
 */
int preset_apply(struct parameter_set *set, const char *name, const char *beside, struct arena *arena,
                 struct text_buffer *content, struct diagnostics *diagnostics);

/** preset_apply() of a text in memory; @p from is what the origins name. */
int preset_apply_source(struct parameter_set *set, const struct source_text *source, const char *from,
                        struct arena *arena, struct diagnostics *diagnostics);

/** True where @p name is a carried preset. */
bool preset_is_carried(const char *name);

/** True where @p name is a carried preset or has the form of a path. */
bool preset_is_known(const char *name);

/** The carried preset nearest to @p name as a malloc'ed string, or NULL. */
char *preset_nearest(const char *name);

#endif
