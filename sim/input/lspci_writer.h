/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_writer.h
 * A machine as `lspci -D -n -xxxx` would print it: for `lspci -F`, and for tools that read nothing else.
 */
#ifndef IOMMUSIM_INPUT_LSPCI_WRITER_H
#define IOMMUSIM_INPUT_LSPCI_WRITER_H

#include "sim/base/text_buffer.h"
#include "sim/topology/topology.h"

/**
 * Append the dump of @p topology to @p out, functions in ascending address order.
 *
 * 64 bytes are written of functions whose capabilities are unknown, 256 of conventional ones and of those
 * whose ACS is unknown, else 4096 without the rows of zeros after the last extended capability. Configuration
 * space says nothing of BAR sizes, names, drivers and groups. One more thing is lost: where the ACS of some
 * functions is known and that of others is not, a reader of the dump takes the latter as absent.
 */
void lspci_write(const struct topology *topology, struct text_buffer *out);

#endif
