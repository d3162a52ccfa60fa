/* SPDX-License-Identifier: MIT */
/**
 * @file study_keys.h
 * The keys of `iommusim-study/1`.
 */
#ifndef IOMMUSIM_INPUT_STUDY_KEYS_H
#define IOMMUSIM_INPUT_STUDY_KEYS_H

#include "sim/input/json_keys.h"

extern const struct json_key_table study_keys, axis_keys, zipped_keys, range_keys, limits_keys, budget_keys,
    answer_keys;

#endif
