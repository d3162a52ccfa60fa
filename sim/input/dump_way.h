/* SPDX-License-Identifier: MIT */
/**
 * @file dump_way.h
 * The way from a root bus to a function, as paths of sysfs and of `lspci -PP` tell it.
 *
 *     pci0000:00/0000:00:01.0/0000:01:00.0
 *     00:01.0/01:00.0
 */
#ifndef IOMMUSIM_INPUT_DUMP_WAY_H
#define IOMMUSIM_INPUT_DUMP_WAY_H

#include "sim/input/dump.h"

enum { DUMP_WAY_STEPS = 64 };

/** A root bus or a function on the way. */
struct dump_step {
    uint32_t segment;
    uint8_t bus, devfn;
    bool root; /**< the root bus @c bus; after a function: the domain that one emulates (VMD) */
};

/**
 * State that the functions of a way are there, and which bus each bridge leads to; its subordinate bus is at
 * least the highest one on the way.
 * @param offset, where  as for dump_add()
 */
void dump_add_way(struct dump *dump, size_t offset, const char *where, const struct dump_step *steps,
                  unsigned count);

/** The part of rank @p rank about the function of a step, made where the source has none so far. */
struct dump_part *dump_way_part(struct dump *dump, enum dump_rank rank, const struct dump_step *step,
                                size_t offset, const char *where);

#endif
