/* SPDX-License-Identifier: MIT */
/**
 * @file dump_config.h
 * Configuration space as a part of a dump, whoever copied it: lspci -xxxx or the config files of sysfs.
 */
#ifndef IOMMUSIM_INPUT_DUMP_CONFIG_H
#define IOMMUSIM_INPUT_DUMP_CONFIG_H

#include "sim/input/dump.h"
#include "sim/topology/config_space.h"

/** All ones: the function did not answer when it was dumped (switched off, or gone). */
bool dump_config_unreachable(const struct config_space *space);

/** Give @p part, of rank DUMP_BYTES, what the bytes say; of 00:1f.0 the machine's RCBA state, too. */
void dump_config_fill(struct dump *dump, struct dump_part *part, const struct config_space *space);

/** Give @p part what was read of its function; the address and the like are in the part already. */
void dump_part_fill(struct dump_part *part, const struct pci_function *function, uint32_t facts);

#endif
