/* SPDX-License-Identifier: MIT */
#include "tests/validation/validation_run.h"

#include "sim/base/arena.h"
#include "sim/input/workload_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_RUN = 3, MESSAGES = 20 };

static void require(struct validation_run *run, bool condition, const char *what)
{
    if (condition)
        return;
    diagnostics_print(run->diagnostics, stderr);
    fprintf(stderr, "validation: %s\n", what);
    exit(EXIT_RUN);
}

void validation_run_begin(struct validation_run *run, const char *path)
{
    *run = (struct validation_run){.diagnostics = diagnostics_new(MESSAGES)};
    int status;
    if (*path == '{') {
        const struct source_text source = {"<validation>", path, strlen(path)};
        status = machine_input_load_source(&source, &run->input, run->diagnostics);
    } else {
        status = machine_input_load(path, &run->input, run->diagnostics);
    }
    require(run, status == 0, path);
    run->workload.streams = run->streams;
    run->workload.domains = &run->domain;
}

void validation_run_begin_calibrated(struct validation_run *run, const struct host_measurements *measurements,
                                     const char *preset)
{
    struct host_calibration calibration;
    *run = (struct validation_run){.diagnostics = diagnostics_new(MESSAGES)};
    require(run, host_calibration_machine(&preset, 1, 3, 8, &run->input, run->diagnostics) == 0, preset);
    require(run, host_calibrate(run->input, measurements, &calibration, run->diagnostics) == 0, preset);
    host_calibration_apply(measurements, &calibration, run->input);
    run->workload.streams = run->streams;
    run->workload.domains = &run->domain;
}

static uint32_t function_of(struct validation_run *run, const char *address)
{
    uint32_t segment;
    uint8_t bus, devfn;
    require(run, bdf_parse(address, &segment, &bus, &devfn), address);
    const struct pci_function *function = topology_find(run->input->topology, segment, bus, devfn);
    require(run, function != NULL, address);
    return function->id;
}

void validation_run_map(struct validation_run *run, const char *address, uint64_t iova, uint64_t physical,
                        uint64_t length, uint64_t page_bytes)
{
    run->functions = arena_array(run->input->topology->arena, 1, sizeof(*run->functions));
    run->functions[0] = function_of(run, address);
    run->mapping = (struct mapping){.iova = iova,
                                    .physical = physical,
                                    .length = length,
                                    .page_bytes = page_bytes,
                                    .read = true,
                                    .write = true};
    run->domain = (struct domain){.name = "device",
                                  .function_ids = run->functions,
                                  .function_count = 1,
                                  .mappings = &run->mapping,
                                  .mapping_count = 1};
    run->workload.domain_count = 1;
}

struct stream *validation_run_stream(struct validation_run *run, const char *address,
                                     enum stream_operation operation, uint64_t base, uint64_t window,
                                     uint64_t size, uint32_t queue_depth)
{
    static const char *const names[VALIDATION_STREAMS] = {"stream 0", "stream 1", "stream 2", "stream 3",
                                                          "stream 4", "stream 5", "stream 6", "stream 7"};
    uint32_t id = run->workload.stream_count++;
    require(run, id < VALIDATION_STREAMS, "too many streams");
    run->streams[id] = (struct stream){.name = names[id],
                                       .function_id = function_of(run, address),
                                       .operation = operation,
                                       .pattern = PATTERN_SEQUENTIAL,
                                       .base = base,
                                       .window_bytes = window,
                                       .size_bytes = size,
                                       .stride_bytes = size,
                                       .alignment_bytes = size,
                                       .operations = 20000,
                                       .warmup_operations = 2000,
                                       .queue_depth = queue_depth};
    return &run->streams[id];
}

void validation_run_execute(struct validation_run *run)
{
    enum iommu_choice choice = run->workload.domain_count ? IOMMU_CHOICE_AUTO : IOMMU_CHOICE_NONE;
    simulation_init(&run->simulation, run->input, choice, NULL, run->diagnostics);
    run->simulation.options.seed = 1;
    require(run, simulation_build(&run->simulation, &run->workload, run->diagnostics) == 0,
            "the machine cannot be built");
    require(run, machine_run(run->simulation.machine, run->diagnostics) == 0, "the run failed");
    for (uint32_t i = 0; i < run->workload.stream_count; i++)
        require(run, machine_stream_result(run->simulation.machine, i)->failed == 0, "an operation failed");
}

void validation_run_load(struct validation_run *run, const char *text)
{
    const struct source_text source = {"<validation>", text, strlen(text)};
    simulation_init(&run->simulation, run->input, IOMMU_CHOICE_AUTO, NULL, run->diagnostics);
    run->simulation.options.seed = 1;
    struct workload_machine machine = simulation_workload_machine(&run->simulation);
    require(run, workload_load_source(&source, ".", &machine, &run->loaded, run->diagnostics) == 0,
            "the workload cannot be loaded");
    require(run, simulation_build(&run->simulation, run->loaded, run->diagnostics) == 0,
            "the machine cannot be built");
    require(run, machine_run(run->simulation.machine, run->diagnostics) == 0, "the run failed");
}

struct validation_rates validation_run_rates(const struct validation_run *run, uint32_t stream)
{
    const struct stream_result *result = machine_stream_result(run->simulation.machine, stream);
    struct stream_rate moved = stream_result_rate(result);
    return (struct validation_rates){
        .operations_per_us = (double)stream_result_operations_per_s(result) / 1e6,
        .gbps = (double)moved.bytes * 8e3 / (double)moved.elapsed_ps,
        .mean_ns = (double)histogram_mean(&result->latency) / 1e3,
        .median_ns = (double)histogram_percentile(&result->latency, 500000) / 1e3,
        .p95_ns = (double)histogram_percentile(&result->latency, 950000) / 1e3,
        .p999_ns = (double)histogram_percentile(&result->latency, 999000) / 1e3,
    };
}

void validation_run_end(struct validation_run *run)
{
    simulation_fini(&run->simulation);
    workload_free(run->loaded);
    machine_input_free(run->input);
    diagnostics_free(run->diagnostics);
}
