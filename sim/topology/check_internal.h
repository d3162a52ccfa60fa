/* SPDX-License-Identifier: MIT */
/**
 * @file check_internal.h
 * What the parts of topology_check() share. Only files of this folder include it.
 */
#ifndef IOMMUSIM_TOPOLOGY_CHECK_INTERNAL_H
#define IOMMUSIM_TOPOLOGY_CHECK_INTERNAL_H

#include "sim/topology/builder_internal.h"

struct topology_checker {
    const struct topology *topology;
    const struct source_text *source;
    locate_function locate;
    struct diagnostics *diagnostics;
};

#define CHECK_ERROR(checker, pointer, code, ...)                                                             \
    topology_report((checker)->diagnostics, DIAGNOSTIC_ERROR, (checker)->source, (checker)->locate, pointer, \
                    code, __VA_ARGS__)
#define CHECK_WARNING(checker, pointer, code, ...)                                                           \
    topology_report((checker)->diagnostics, DIAGNOSTIC_WARNING, (checker)->source, (checker)->locate,        \
                    pointer, code, __VA_ARGS__)
#define CHECK_NOTE(checker, pointer, code, ...)                                                              \
    topology_report((checker)->diagnostics, DIAGNOSTIC_NOTE, (checker)->source, (checker)->locate, pointer,  \
                    code, __VA_ARGS__)

/** An error, or a warning where the text the function is from may lack something. */
#define CHECK_OBSERVED(checker, function, code, ...)                                                         \
    topology_report((checker)->diagnostics, (function)->observed ? DIAGNOSTIC_WARNING : DIAGNOSTIC_ERROR,    \
                    (checker)->source, (checker)->locate, (function)->pointer, code, __VA_ARGS__)

/** The address of a function as text; @p text has BDF_TEXT_SIZE bytes. Returns @p text. */
const char *check_text(const struct pci_function *function, char *text);

/** BARs, bridge windows, RAM. */
void check_addresses(const struct topology_checker *checker);

#endif
