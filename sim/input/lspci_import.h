/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_import.h
 * What a whole lspci dump tells.
 */
#ifndef IOMMUSIM_INPUT_LSPCI_IMPORT_H
#define IOMMUSIM_INPUT_LSPCI_IMPORT_H

#include "sim/input/dump.h"
#include "sim/input/slice.h"

/** @p line without indentation and mail quoting ("> > ") before it and blanks after it. */
struct slice lspci_unquote(struct slice line);

/** Read an lspci dump of any form into @p dump, whose current source it is. Errors go to its diagnostics. */
void lspci_read(const struct source_text *source, struct dump *dump);

#endif
