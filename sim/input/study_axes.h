/* SPDX-License-Identifier: MIT */
/**
 * @file study_axes.h
 * The axes of a study, out of its document. For study_reader.c.
 */
#ifndef IOMMUSIM_INPUT_STUDY_AXES_H
#define IOMMUSIM_INPUT_STUDY_AXES_H

#include "sim/input/study.h"

#include <cjson/cJSON.h>

/** Read "axes" into axes, dimensions and their counts; what is wrong is reported. */
void study_axes_read(struct study *study, const struct json_node *root);

/** A value of an axis as JSON text, of the study's arena. */
const char *study_value_text(struct study *study, const cJSON *value);

#endif
