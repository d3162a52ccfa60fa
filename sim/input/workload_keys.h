/* SPDX-License-Identifier: MIT */
/**
 * @file workload_keys.h
 * The keys of `iommusim-workload/1` and `iommusim-scenario/1`.
 */
#ifndef IOMMUSIM_INPUT_WORKLOAD_KEYS_H
#define IOMMUSIM_INPUT_WORKLOAD_KEYS_H

#include "sim/input/json_keys.h"

extern const struct json_key_table workload_keys, domain_keys, mapping_keys, virtual_machine_keys,
    hot_plug_keys, virtual_cpus_keys, migration_keys, stream_keys, scenario_keys, scenario_kernel_keys;

/** The keys of a stream's object for each kind of device; NULL for DEVICE_NONE. */
extern const struct json_key_table *const device_key_tables[];

/** Words of choices; each ends with NULL. */
extern const char *const domain_paging_words[];  /**< "resident", "on-demand" */
extern const char *const mapping_access_words[]; /**< "rw", "r", "w" */
extern const char
    *const any_page_size_words[]; /**< all powers of two from 4 KiB to 512 GiB, one after the other */
extern const char *const page_size_words[];         /**< "4KiB", "2MiB", "1GiB" */
extern const char *const guest_mode_words[];        /**< "lazy", "strict", "passthrough" */
extern const char *const hot_plug_action_words[];   /**< "detach", "attach" */
extern const char *const stream_cache_words[];      /**< "warm", "cold" */
extern const char *const stream_interrupts_words[]; /**< "remapped", "posted", "urgent" */
extern const char *const trace_pace_words[];        /**< "closed", "time" */
extern const char *const scenario_iommu_words[];    /**< ORDER: enum iommu_choice */

#endif
