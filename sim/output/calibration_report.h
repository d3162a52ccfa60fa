/* SPDX-License-Identifier: MIT */
/**
 * @file calibration_report.h
 * A calibrated host as `iommusim-preset/1`, each value with what it follows from; and the given measurements
 * beside the simulated ones.
 */
#ifndef IOMMUSIM_OUTPUT_CALIBRATION_REPORT_H
#define IOMMUSIM_OUTPUT_CALIBRATION_REPORT_H

#include "sim/base/text_buffer.h"
#include "sim/machine/host_calibration.h"

/** The preset. @param name  its name @param source  who measured, in words */
void calibration_write_preset(const char *name, const char *source,
                              const struct host_measurements *measurements,
                              const struct host_calibration *calibration, struct text_buffer *out);

/** Lines of text: each measurement as given and as simulated, with the difference. @return the largest
 * difference as a share */
double calibration_write_comparison(const struct host_measurements *given,
                                    const struct host_measurements *simulated, struct text_buffer *out);

#endif
