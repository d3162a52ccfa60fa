/* SPDX-License-Identifier: MIT */
/**
 * @file recognise.h
 * Real dumps in: what kind of text is this, and what machine does it describe?
 */
#ifndef IOMMUSIM_INPUT_RECOGNISE_H
#define IOMMUSIM_INPUT_RECOGNISE_H

#include "sim/base/diagnostic.h"
#include "sim/input/input_file.h"
#include "sim/input/machine_input.h"
#include "sim/topology/topology.h"

/**
 * Is @p source a dump, and which? Decided by content: the first lines that start a function as lspci prints
 * it, and whether rows of bytes follow. Mail quoting ("> ") and indentation before lines are seen through.
 * @return INPUT_LSPCI_HEX where there are rows of bytes, INPUT_LSPCI_TEXT without, the other kinds of text
 * that tell of functions, INPUT_UNKNOWN for anything else
 */
enum input_kind dump_recognise(const struct source_text *source);

/**
 * Build the machine a text dump describes. Takes `lspci` output with bytes (-x, -xxx, -xxxx), with text (-v,
 * -vv, -vvv), or both, with or without -D, -n, -nn and -P. The ACS control values are those of the running
 * kernel (ACS_BOOTED). What the dump does not tell stays unknown, and a warning says so once.
 *
 * @param topology  filled on success (free with topology_free()), untouched on failure
 * @return 0, or STATUS_BAD_INPUT with diagnostics at line and column
 */
int dump_import(const struct source_text *source, struct topology **topology,
                struct diagnostics *diagnostics);

/** dump_import() of several dumps of one machine, merged (dump.h), copies of /sys among them. Each must tell
 * something. */
int dump_import_files(const struct input_file *files, size_t count, struct topology **topology,
                      struct diagnostics *diagnostics);

#endif
