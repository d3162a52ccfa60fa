/* SPDX-License-Identifier: MIT */
/**
 * @file synthetic_option.h
 * The options of a node of a one-line machine (synthetic.h). Only synthetic.c uses this.
 */
#ifndef IOMMUSIM_TOPOLOGY_SYNTHETIC_OPTION_H
#define IOMMUSIM_TOPOLOGY_SYNTHETIC_OPTION_H

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/topology/topology.h"

#include <stddef.h>

/** A kind of node. */
struct synthetic_kind {
    const char *name; /**< as written */
    const char *word; /**< for function_kind_set() */
    uint16_t device;
    uint32_t class_code;
    bool linked;    /**< has a link */
    bool has_a_bar; /**< one BAR unless the options say otherwise */
};

/** What options say beside the function itself. */
struct synthetic_extra {
    bool link_known;
    bool bars_known; /**< bar= or nobar was given */
    unsigned bars;   /**< BAR registers used so far */
    bool segment_known, segment_taken;
    uint32_t segment;
    bool peer_routing_known, peer_routing_taken;
    enum peer_routing peer_routing; /**< of the host bridge */
};

struct synthetic_error {
    const char *code;
    size_t offset; /**< bytes into the option where the fault is */
    char message[160];
};

/**
 * Apply one option ("acs=1f:1d") to a function.
 * @return true; false with @p error filled
 */
bool synthetic_option(struct arena *arena, const char *option, struct pci_function *function,
                      struct synthetic_extra *extra, struct synthetic_error *error);

/** What follows once all options are read: the default BAR. */
void synthetic_finish_options(const struct synthetic_kind *kind, struct pci_function *function,
                              const struct synthetic_extra *extra);

/** Append a line or two for each option. */
void synthetic_option_help(struct text_buffer *out);

#endif
