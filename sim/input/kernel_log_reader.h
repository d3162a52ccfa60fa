/* SPDX-License-Identifier: MIT */
/**
 * @file kernel_log_reader.h
 * What a kernel log tells of a machine: ids, classes, port types (Linux 6.9 and later), bridges' bus ranges,
 * BARs and windows, drivers, IOMMU groups, root buses, the command line, remapping units and identity maps.
 * It never tells ACS registers.
 */
#ifndef IOMMUSIM_INPUT_KERNEL_LOG_READER_H
#define IOMMUSIM_INPUT_KERNEL_LOG_READER_H

#include "sim/input/dump.h"

/** Does @p source hold lines of a kernel log that tell of PCI functions? */
bool kernel_log_recognise(const struct source_text *source);

/** Read them into @p dump, whose current source it is. Lines of other kinds are passed over. */
void kernel_log_read(const struct source_text *source, struct dump *dump);

#endif
