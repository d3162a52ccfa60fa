/* SPDX-License-Identifier: MIT */
/**
 * @file outside_program.h
 * Asking another program: batch systems are spoken to through their commands.
 */
#ifndef IOMMUSIM_BATCH_OUTSIDE_PROGRAM_H
#define IOMMUSIM_BATCH_OUTSIDE_PROGRAM_H

#include "sim/base/text_buffer.h"

/**
 * Run a program, found in PATH, without a shell, and wait for its end.
 * @param arguments  ends with NULL
 * @param output     gets its standard output; standard error goes where ours goes
 * @return its exit status, 127 where it cannot be started, 128 + signal where a signal ended it
 */
int outside_program_run(const char *const *arguments, struct text_buffer *output);

#endif
