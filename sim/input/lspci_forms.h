/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_forms.h
 * Forms of lspci's output that tell too little to be read, so that the refusal can name them.
 */
#ifndef IOMMUSIM_INPUT_LSPCI_FORMS_H
#define IOMMUSIM_INPUT_LSPCI_FORMS_H

#include "sim/base/diagnostic.h"

/**
 * Is @p source, which is no dump (dump_recognise()), the output of `lspci -mm` or `lspci -t`?
 * @param offset  of the first line that shows it
 * @return the command in words, or NULL
 */
const char *lspci_unread_form(const struct source_text *source, size_t *offset);

#endif
