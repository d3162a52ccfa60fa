/* SPDX-License-Identifier: MIT */
/**
 * @file function_argument.h
 * Functions named on the command line.
 */
#ifndef IOMMUSIM_CLI_FUNCTION_ARGUMENT_H
#define IOMMUSIM_CLI_FUNCTION_ARGUMENT_H

#include "sim/base/diagnostic.h"
#include "sim/topology/topology.h"

/** A set of functions in the order they were named, each once. */
struct function_list {
    uint32_t *ids; /**< malloc'ed */
    size_t count, capacity;
};

void function_list_fini(struct function_list *list);

/**
 * Add what an argument names: `[segment:]bus:device.function`, or `[segment:]bus:device` for all functions of
 * a slot.
 * @return false after a diagnostic: "function-address" where the text is no address, "function-unknown" where
 * the machine has no such function (the nearest is named)
 */
bool function_list_add(struct function_list *list, const struct topology *topology, const char *text,
                       struct diagnostics *diagnostics);

/** Find the one function an address names; as function_list_add(), but no slots. */
bool function_argument_find(const struct topology *topology, const char *text,
                            struct diagnostics *diagnostics, uint32_t *id);

#endif
