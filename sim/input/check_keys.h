/* SPDX-License-Identifier: MIT */
/**
 * @file check_keys.h
 * The keys of `iommusim-check/1`.
 */
#ifndef IOMMUSIM_INPUT_CHECK_KEYS_H
#define IOMMUSIM_INPUT_CHECK_KEYS_H

#include "sim/input/json_keys.h"

extern const struct json_key_table check_keys, check_case_keys, check_run_keys, check_policy_keys;

#endif
