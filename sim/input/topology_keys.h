/* SPDX-License-Identifier: MIT */
/**
 * @file topology_keys.h
 * The keys of `iommusim-topology/1` and `iommusim-preset/1`.
 */
#ifndef IOMMUSIM_INPUT_TOPOLOGY_KEYS_H
#define IOMMUSIM_INPUT_TOPOLOGY_KEYS_H

#include "sim/input/json_keys.h"

extern const struct json_key_table topology_keys, kernel_keys, platform_keys, ivrs_alias_keys,
    memory_range_keys, iommu_keys, scope_keys, region_keys, host_bridge_keys, host_window_keys,
    reported_group_keys, reported_region_keys, function_keys, function_link_keys, bar_keys, windows_keys,
    acs_keys, sriov_keys, preset_keys;

/** Words of choices; each ends with NULL. */
extern const char *const topology_forms[];     /**< "short", "complete" */
extern const char *const acs_state_words[];    /**< ORDER: enum acs_state */
extern const char *const region_kind_words[];  /**< ORDER: enum reserved_kind */
extern const char *const bar_kind_words[];     /**< ORDER: enum bar_kind from BAR_IO */
extern const char *const acs_bit_words[];      /**< ORDER: bits of enum acs_bit, capability */
extern const char *const acs_control_words[];  /**< ORDER: its bits, control; then "ES", the name of bit 7 in
                                                  the  capability */
extern const char *const peer_routing_words[]; /**< ORDER: enum peer_routing from PEER_ROUTING_NONE */

#endif
