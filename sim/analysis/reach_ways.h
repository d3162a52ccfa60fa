/* SPDX-License-Identifier: MIT */
/**
 * @file reach_ways.h
 * Names of the ways to reach (struct reach_way): a kind of request, then what is special about it,
 * "write", "read:translated", "write:forged".
 */
#ifndef IOMMUSIM_ANALYSIS_REACH_WAYS_H
#define IOMMUSIM_ANALYSIS_REACH_WAYS_H

#include "sim/analysis/reach.h"

enum { REACH_WAYS = 14, REACH_WAY_TEXT = 48 };

/** Every way that differs from the others for a pair of functions; the first is a plain write. */
extern const struct reach_way reach_ways[REACH_WAYS];

/**
 * Parse `KIND[:WORD]...`: kinds are read, write, atomic, completion, io, configuration, message; words are
 * untranslated, translated, translation-request, own, alias, forged (under the target's requester id).
 * @return true; false leaves @p way untouched
 */
bool reach_way_parse(const char *text, struct reach_way *way);

/** The name reach_way_parse() takes. @param text  REACH_WAY_TEXT bytes @return text */
char *reach_way_print(char *text, struct reach_way way);

/** The words of kinds, for messages; ends with NULL. */
extern const char *const reach_way_kinds[];

#endif
