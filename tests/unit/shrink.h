/* SPDX-License-Identifier: MIT */
/* Smaller machines with the same fault. */
#ifndef IOMMUSIM_TESTS_SHRINK_H
#define IOMMUSIM_TESTS_SHRINK_H

#include <stdbool.h>

/** Does the machine of @p line (sim/topology/synthetic.h) show the fault? Lines that are no machine do not.
 */
typedef bool shrink_fails(const char *line, void *context);

/**
 * Take functions (with all below them) and options away as long as the fault stays.
 * @return the smallest line found; free() it
 */
char *shrink_machine(const char *line, shrink_fails *fails, void *context);

#endif
