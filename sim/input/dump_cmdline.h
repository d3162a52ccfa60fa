/* SPDX-License-Identifier: MIT */
/**
 * @file dump_cmdline.h
 * The words of a kernel command line that a machine's description keeps.
 */
#ifndef IOMMUSIM_INPUT_DUMP_CMDLINE_H
#define IOMMUSIM_INPUT_DUMP_CMDLINE_H

struct arena;

/**
 * The words from @p at to @p end that bear on PCI, IOMMUs and DMA, in order, one blank between; "" where
 * there are none. The others may be private (names of disks and hosts) and do nothing here.
 */
const char *dump_cmdline_words(struct arena *arena, const char *at, const char *end);

#endif
