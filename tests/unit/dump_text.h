/* SPDX-License-Identifier: MIT */
/**
 * @file dump_text.h
 * Helpers of the tests of dump readers: a text as a machine.
 */
#ifndef IOMMUSIM_TESTS_DUMP_TEXT_H
#define IOMMUSIM_TESTS_DUMP_TEXT_H

#include "sim/topology/topology.h"

/**
 * Import a dump in memory.
 * @param name      of the text, in messages
 * @param messages  set to what was said, the caller's to free()
 * @return the machine (free with topology_free()), or NULL where it is refused
 */
struct topology *dump_text_import(const char *name, const char *text, size_t length, char **messages);

/** The same of a text that must be taken; what is said of it does not matter. */
struct topology *dump_text_import_good(const char *text);

#endif
