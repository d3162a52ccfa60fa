/* SPDX-License-Identifier: MIT */
/**
 * @file study_check.h
 * What can be known of a study before any of its points is computed: a mistyped pointer or a file that is not
 * there would fail every point alike, one after the other.
 */
#ifndef IOMMUSIM_BATCH_STUDY_CHECK_H
#define IOMMUSIM_BATCH_STUDY_CHECK_H

#include "sim/input/study.h"

/**
 * Read machine and workload of the first point, and where that fails find out what is to blame. A value that
 * only does not fit there is that point's failure and no fault of the study.
 *
 * Codes: study-pointer at the axis whose pointer leads nowhere; those of the readers for the scenario itself.
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics
 */
int study_check(const struct study *study, struct diagnostics *diagnostics);

#endif
