/* SPDX-License-Identifier: MIT */
/**
 * @file sound_machine.h
 * A machine without contradictions, for tests to make wrong: a switch of one port below a root port, and an
 * endpoint below another.
 */
#ifndef IOMMUSIM_TESTS_SOUND_MACHINE_H
#define IOMMUSIM_TESTS_SOUND_MACHINE_H

#include "sim/topology/topology_build.h"

enum { ROOT, UPSTREAM, DOWNSTREAM, ENDPOINT, OTHER_ROOT, OTHER, FUNCTION_COUNT };

struct sound_machine {
    struct pci_function functions[FUNCTION_COUNT];
    struct host_bridge hosts[2];
    unsigned host_count;
    struct topology *topology; /**< of the builder, for what is not a function */
};

/** Fill in the functions. Host bridges are none: the root bus is found by itself. */
void sound_machine_make(struct sound_machine *machine);

/**
 * Build it; frees @p builder.
 * @param known     addresses are as stated, none is to be given
 * @param topology  the machine, or NULL where it cannot be; topology_free()
 * @return what was said about it, a line each; the caller's to free
 */
char *sound_machine_finish(struct sound_machine *machine, struct topology_builder *builder, bool known,
                           struct topology **topology);

#endif
