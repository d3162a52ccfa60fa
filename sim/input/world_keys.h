/* SPDX-License-Identifier: MIT */
/**
 * @file world_keys.h
 * The keys of `iommusim-world/1`.
 */
#ifndef IOMMUSIM_INPUT_WORLD_KEYS_H
#define IOMMUSIM_INPUT_WORLD_KEYS_H

#include "sim/input/json_keys.h"

extern const struct json_key_table world_keys, world_machines_keys, world_network_keys, world_software_keys,
    world_stream_keys, world_collective_keys;

#endif
