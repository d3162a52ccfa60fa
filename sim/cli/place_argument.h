/* SPDX-License-Identifier: MIT */
/**
 * @file place_argument.h
 * Addresses and other places named on the command line: what requests can be sent to besides functions.
 */
#ifndef IOMMUSIM_CLI_PLACE_ARGUMENT_H
#define IOMMUSIM_CLI_PLACE_ARGUMENT_H

#include "sim/analysis/reach_destinations.h"
#include "sim/base/diagnostic.h"

#define PLACE_WORDS "0xADDRESS, io:0xPORT, ram, msi, unclaimed, places"

/** True for what is no function's address: place_argument_find() reads it, or says what is wrong. */
bool place_argument_is(const char *text);

/**
 * The places that an argument names: `0xADDRESS` (in memory space), `io:0xPORT`, `ram`, `msi`, `unclaimed`,
 * or `places` for everything there is.
 * @param places  set to an array of @p arena
 * @return false after a diagnostic: "place-unknown" (the nearest word is named), "place-number", "place-none"
 * where the input does not tell of such a place
 */
bool place_argument_find(struct arena *arena, const struct fabric *fabric, const char *text,
                         struct diagnostics *diagnostics, const struct reach_destination **places,
                         uint32_t *count);

#endif
