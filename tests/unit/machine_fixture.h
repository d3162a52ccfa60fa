/* SPDX-License-Identifier: MIT */
/**
 * @file machine_fixture.h
 * Small machines for tests: a one-line topology with plain round parameters (not a preset: laws must not
 * depend on one).
 */
#ifndef IOMMUSIM_TEST_MACHINE_FIXTURE_H
#define IOMMUSIM_TEST_MACHINE_FIXTURE_H

#include "sim/machine/machine.h"

enum { FIXTURE_STREAMS = 8192 };

struct machine_fixture {
    struct machine_input input;
    struct workload workload;
    struct machine_options options;
    struct machine *machine;
    struct diagnostics *diagnostics;
    struct stream *streams; /* room for FIXTURE_STREAMS */
    struct domain domains[4];
    struct mapping mappings[8];
    struct free_memory memory[2]; /* 1 GiB below 4 GiB, 4 GiB above */
    uint32_t domain_functions[4][1];
    uint32_t *unit_of;
    uint32_t *all_functions;
};

/** Load the one-line machine @p text; every parameter gets the fixture's value and may be changed before
 * fixture_run(). */
void fixture_init(struct machine_fixture *fixture, const char *text);

/** Function id of "bb:dd.f". */
uint32_t fixture_function(const struct machine_fixture *fixture, const char *address);

/** Add a closed-loop generator: reads or writes of @p size bytes, sequential in a window of 64 KiB at @p
 * base. */
struct stream *fixture_stream(struct machine_fixture *fixture, const char *device,
                              enum stream_operation operation, uint64_t base, uint64_t size,
                              uint64_t operations, uint32_t queue_depth);

/** Put one unit in front of everything, with one domain: iova = physical - 0x100000000 over @p length bytes.
 */
void fixture_translate(struct machine_fixture *fixture, const char *device, uint64_t iova, uint64_t length,
                       uint64_t page_bytes);

/** Put the unit in front of everything, with one empty domain for all functions: whatever reaches it faults.
 */
void fixture_translate_nothing(struct machine_fixture *fixture);

/** Build and run; fails the test on any error. */
void fixture_run(struct machine_fixture *fixture);

const struct stream_result *fixture_result(const struct machine_fixture *fixture, uint32_t stream);

void fixture_fini(struct machine_fixture *fixture);

#endif
