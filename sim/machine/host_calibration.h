/* SPDX-License-Identifier: MIT */
/**
 * @file host_calibration.h
 * A host of which three measurements are known, as parameters: what the presets do not tell follows from
 *
 * - the base latency: a 64 B read that hits the IOTLB and the last-level cache, seen by the device;
 * - the miss penalty: how much longer the same read takes when its page is not in the IOTLB;
 * - the plateau rate: reads a second that remain when every read misses, many in flight.
 *
 * What is known of device, link, memory and unit stays. The root complex gets what is left of the base
 * latency; the fixed part of a walk what is left of the miss penalty; and by Little's law there are as many
 * walkers as misses are under way at the plateau, each busy for as long as gives its rate exactly.
 */
#ifndef IOMMUSIM_MACHINE_HOST_CALIBRATION_H
#define IOMMUSIM_MACHINE_HOST_CALIBRATION_H

#include "sim/base/diagnostic.h"
#include "sim/input/machine_input.h"

/** What was measured. */
struct host_measurements {
    uint64_t base_latency_ps, miss_penalty_ps;
    uint64_t plateau_per_s; /**< reads a second */
    bool tables_in_dram;    /**< page tables are read from DRAM: known from the tail of misses, or from page
                               walks that do not snoop (VT-d: ECAP.C clear) */
};

/** What follows. */
struct host_calibration {
    uint64_t request_latency_ps, completion_latency_ps; /**< of the root complex */
    uint64_t walk_fixed_ps, walk_read_ps, walker_recovery_ps;
    uint32_t walkers;
    bool reserve_entry; /**< of the IOTLB: where the device's reads in flight are known (read_window), as on
                           the one host measured in detail; else as the presets have it */
};

/**
 * A machine to calibrate on: one endpoint (01:00.0) below a root port, in front of a VT-d unit.
 * @param presets      names or paths of presets, laid over "default" and "vt-d" in this order
 * @param generation, width  of the link
 * @param input        filled on success; free with machine_input_free(). Its parameters may be changed.
 * @return as machine_input_load()
 */
int host_calibration_machine(const char *const *presets, unsigned preset_count, unsigned generation,
                             unsigned width, struct machine_input **input, struct diagnostics *diagnostics);

/**
 * What follows from the measurements, with the parameters of @p input for all that is not measured.
 * @return 0; STATUS_BAD_INPUT where a measurement is less than its known parts (diagnostic calibration-base,
 * calibration-penalty), or the rate is less than that of reads one at a time or more than device or link let
 * through (calibration-rate)
 */
int host_calibrate(const struct machine_input *input, const struct host_measurements *measurements,
                   struct host_calibration *calibration, struct diagnostics *diagnostics);

/** Put the values into the parameters of @p input. */
void host_calibration_apply(const struct host_measurements *measurements,
                            const struct host_calibration *calibration, struct machine_input *input);

/**
 * Measure the machine of host_calibration_machine() as a host is measured: three runs of the engine.
 * @return 0, or the status of a run that failed
 */
int host_calibration_measure(const struct machine_input *input, struct host_measurements *measured,
                             struct diagnostics *diagnostics);

#endif
