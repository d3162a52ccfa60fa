/* SPDX-License-Identifier: MIT */
/**
 * @file validation_run.h
 * One run of the engine on a described machine, as `iommusim run` would do it: streams on functions, an
 * IOMMU or none.
 */
#ifndef IOMMUSIM_TESTS_VALIDATION_RUN_H
#define IOMMUSIM_TESTS_VALIDATION_RUN_H

#include "sim/machine/host_calibration.h"
#include "sim/machine/simulation.h"

enum { VALIDATION_STREAMS = 8 };

struct validation_run {
    struct machine_input *input; /**< parameters may be changed between begin and execute */
    struct diagnostics *diagnostics;
    struct simulation simulation;
    struct workload workload;
    struct stream streams[VALIDATION_STREAMS];
    struct domain domain;
    struct mapping mapping;
    uint32_t *functions;
    struct workload *loaded; /**< by validation_run_load(); NULL */
};

/** What one stream did. */
struct validation_rates {
    double operations_per_us, gbps; /**< million operations a second, payload */
    double mean_ns, median_ns, p95_ns, p999_ns;
};

/** Load topology file @p path, or, where it begins with '{', the text itself. Any failure ends the program.
 */
void validation_run_begin(struct validation_run *run, const char *path);

/** Begin with the machine of host_calibration_machine() and what follows from @p measurements: one endpoint,
 * 01:00.0, on Gen3 x8. @param preset  its device */
void validation_run_begin_calibrated(struct validation_run *run, const struct host_measurements *measurements,
                                     const char *preset);

/** Map @p length bytes at @p iova for function @p address in pages of @p page_bytes; without this no IOMMU
 * is in the way. */
void validation_run_map(struct validation_run *run, const char *address, uint64_t iova, uint64_t physical,
                        uint64_t length, uint64_t page_bytes);

/** Add a closed-loop stream of function @p address; fields left alone have usual values. */
struct stream *validation_run_stream(struct validation_run *run, const char *address,
                                     enum stream_operation operation, uint64_t base, uint64_t window,
                                     uint64_t size, uint32_t queue_depth);

/** Run the workload of a JSON text to the end, in place of streams that were added. */
void validation_run_load(struct validation_run *run, const char *text);

/** Run to the end. */
void validation_run_execute(struct validation_run *run);

struct validation_rates validation_run_rates(const struct validation_run *run, uint32_t stream);

void validation_run_end(struct validation_run *run);

#endif
