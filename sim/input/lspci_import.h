/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_import.h
 * From a whole lspci dump to a topology.
 */
#ifndef IOMMUSIM_INPUT_LSPCI_IMPORT_H
#define IOMMUSIM_INPUT_LSPCI_IMPORT_H

#include "sim/base/diagnostic.h"
#include "sim/input/slice.h"
#include "sim/topology/topology.h"

/** @p line without indentation and mail quoting ("> > ") before it and blanks after it. */
struct slice lspci_unquote(struct slice line);

/**
 * Read an lspci dump of any form.
 * @return the topology, or NULL with diagnostics
 */
struct topology *lspci_import(const struct source_text *source, struct diagnostics *diagnostics);

#endif
