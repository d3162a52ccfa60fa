/* SPDX-License-Identifier: MIT */
#include "sim/machine/host_calibration.h"

#include "models/pcie/link_credits.h"
#include "models/pcie/tlp.h"
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/machine/simulation.h"

#include <string.h>

enum { READ_BYTES = 64, MAX_PAYLOAD = 256 };

/* By which a measured rate may be beyond what its bound says: measurements have errors. */
static const double rate_slack = 0.02;
static const uint64_t second_ps = UINT64_C(1000000000000);

static const uint64_t hit_window = 4096, base_address = 0x200000000;

/* ---- the machine ---- */

static void write_machine(struct text_buffer *text, const char *const *presets, unsigned preset_count,
                          unsigned generation, unsigned width)
{
    struct text_buffer link = {0};
    text_buffer_format(&link, "\"link\": {\"speed\": \"%uMT/s\", \"width\": %u}, \"max_payload\": %d",
                       (unsigned)link_speed_of_generation(generation), width, MAX_PAYLOAD);
    text_buffer_add(text, "{\"format\": \"iommusim-topology/1\", \"preset\": [\"default\", \"vt-d\"");
    for (unsigned i = 0; i < preset_count; i++) {
        text_buffer_add(text, ", ");
        text_buffer_json_string(text, presets[i]);
    }
    text_buffer_format(text,
                       "], \"iommus\": [{\"kind\": \"vt-d\", \"include_all\": true}], \"host_bridges\": "
                       "[{\"bus\": \"00\", \"functions\": [{\"address\": \"01.0\", \"kind\": \"root-port\", "
                       "%s, \"functions\": [{\"address\": \"00.0\", \"kind\": \"endpoint\", %s, "
                       "\"max_read_request\": 512}]}]}]}",
                       text_buffer_get(&link), text_buffer_get(&link));
    text_buffer_fini(&link);
}

int host_calibration_machine(const char *const *presets, unsigned preset_count, unsigned generation,
                             unsigned width, struct machine_input **input, struct diagnostics *diagnostics)
{
    struct text_buffer text = {0};
    write_machine(&text, presets, preset_count, generation, width);
    const struct source_text source = {"calibrate", text_buffer_get(&text), text.length};
    int status = machine_input_load_source(&source, input, diagnostics);
    text_buffer_fini(&text);
    return status;
}

static uint32_t endpoint_of(const struct machine_input *input)
{
    return topology_find(input->topology, 0, 1, 0)->id;
}

/* ---- what follows ---- */

static void too_little(struct diagnostics *diagnostics, const char *code, const char *what, uint64_t given_ps,
                       uint64_t known_ps, const char *of)
{
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, code,
                       "a %s of %.1f ns is less than the %.1f ns that %s take by the presets in force; name "
                       "a preset that knows them better",
                       what, (double)given_ps / 1e3, (double)known_ps / 1e3, of);
}

/* A read of 64 bytes but for the root complex. */
static uint64_t known_base_ps(const struct machine_input *input)
{
    const struct machine_parameters *p = &input->parameters;
    const struct pci_function *endpoint = &input->topology->functions[endpoint_of(input)];
    const struct dma_engine_parameters *device = &p->engines[endpoint->id];
    const struct link_parameters *link = &p->links[topology_find(input->topology, 0, 0, pci_devfn(1, 0))->id];
    const struct iommu_parameters *unit = &p->units[0];
    struct link_timing timing =
        link_timing_make(link, endpoint->link.generation, endpoint->link.width, MAX_PAYLOAD);
    uint32_t request = TLP_FRAMING_BYTES + link_request_header_bytes(base_address),
             completion = TLP_FRAMING_BYTES + TLP_COMPLETION_HEADER_BYTES + READ_BYTES;
    uint64_t move_ps =
        device->data_rate_bytes_per_s ? READ_BYTES * second_ps / device->data_rate_bytes_per_s : 0;
    uint64_t cache_ps =
        p->memory.data_source == MEMORY_DRAM ? p->memory.dram_latency_ps : p->memory.llc_latency_ps;
    return device->issue_latency_ps + device->completion_latency_ps + move_ps + 2 * link->propagation_ps +
           link_serialisation_ps(&timing, request) + link_serialisation_ps(&timing, completion) + cache_ps +
           unit->context_hit_ps + (iommu_uses_pasid_table(unit, 0) ? unit->pasid_hit_ps : 0) +
           unit->iotlb_hit_ps;
}

/* What a table read takes beyond one that the last-level cache serves: DRAM, and now and then its refresh. */
static uint64_t table_dram_ps(const struct memory_parameters *memory, bool tables_in_dram)
{
    uint64_t refresh_ps =
        memory->refresh_interval_ps
            ? memory->refresh_duration_ps * memory->refresh_duration_ps / (2 * memory->refresh_interval_ps)
            : 0;
    return tables_in_dram ? memory->dram_latency_ps - memory->llc_latency_ps + refresh_ps : 0;
}

/* Reads the device has under way at most, and by which parameter. */
static uint32_t reads_in_flight(const struct machine_input *input, const char **parameter)
{
    const struct pci_function *endpoint = &input->topology->functions[endpoint_of(input)];
    const struct dma_engine_parameters *device = &input->parameters.engines[endpoint->id];
    uint32_t most = link_tags(device->tags, endpoint->link.generation);
    *parameter = "endpoint/tags";
    if (device->read_window && device->read_window < most) {
        most = device->read_window;
        *parameter = "endpoint/read_window";
    }
    if (device->bulk_reads && device->bulk_read_size < READ_BYTES && device->bulk_reads < most) {
        most = device->bulk_reads;
        *parameter = "endpoint/bulk_reads";
    }
    return most;
}

static int bad_rate(struct diagnostics *diagnostics, uint64_t rate, const char *is, double bound,
                    const char *why, const char *advice)
{
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "calibration-rate",
                       "a plateau of %.4g million reads/s is %s than the %.4g %s%s", (double)rate / 1e6, is,
                       bound / 1e6, why, advice);
    return STATUS_BAD_INPUT;
}

/* One read after the other is the least; the most is what device and link let through, and by Little's law
 * what so many under way come to. */
static int check_rate(const struct machine_input *input, const struct host_measurements *measurements,
                      struct diagnostics *diagnostics)
{
    const char *advice = "; name a preset with the device that measured it", *parameter;
    const struct pci_function *endpoint = &input->topology->functions[endpoint_of(input)];
    const struct link_timing timing = link_timing_make(
        &input->parameters.links[endpoint->id], endpoint->link.generation, endpoint->link.width, MAX_PAYLOAD);
    uint64_t interval_ps = input->parameters.engines[endpoint->id].read_issue_interval_ps;
    uint64_t wire_ps =
        link_serialisation_ps(&timing, TLP_FRAMING_BYTES + TLP_COMPLETION_HEADER_BYTES + READ_BYTES);
    uint64_t rate = measurements->plateau_per_s;
    double lone_ps = (double)(measurements->base_latency_ps + measurements->miss_penalty_ps),
           least = 1e12 / lone_ps, of_flight = reads_in_flight(input, &parameter) * 1e12 / lone_ps,
           of_link = 1e12 / (double)wire_ps, of_pace = interval_ps ? 1e12 / (double)interval_ps : of_link;
    if ((double)rate < least * (1 - rate_slack))
        return bad_rate(diagnostics, rate, "less", least,
                        "that reads one at a time make which all miss (base latency and miss penalty)", "");
    if ((double)rate > of_pace * (1 + rate_slack))
        return bad_rate(diagnostics, rate, "more", of_pace,
                        "that the device issues (endpoint/read_issue_interval)", advice);
    if ((double)rate > of_link * (1 + rate_slack))
        return bad_rate(diagnostics, rate, "more", of_link, "whose completions the link carries",
                        "; --link says another one");
    if ((double)rate > of_flight * (1 + rate_slack)) {
        struct text_buffer why = {0};
        text_buffer_format(&why, "that %u reads under way make (%s), each for base latency and miss penalty",
                           (unsigned)reads_in_flight(input, &parameter), parameter);
        bad_rate(diagnostics, rate, "more", of_flight, text_buffer_get(&why), advice);
        text_buffer_fini(&why);
        return STATUS_BAD_INPUT;
    }
    return STATUS_OK;
}

int host_calibrate(const struct machine_input *input, const struct host_measurements *measurements,
                   struct host_calibration *calibration, struct diagnostics *diagnostics)
{
    const struct iommu_parameters *unit = &input->parameters.units[0];
    uint64_t known_ps = known_base_ps(input),
             beyond_ps = table_dram_ps(&input->parameters.memory, measurements->tables_in_dram);
    if (measurements->base_latency_ps < known_ps) {
        too_little(diagnostics, "calibration-base", "base latency", measurements->base_latency_ps, known_ps,
                   "device, link, cache and lookups");
        return STATUS_BAD_INPUT;
    }
    uint64_t root_ps = measurements->base_latency_ps - known_ps;
    beyond_ps += unit->walk_cache_hit_ps;
    if (measurements->miss_penalty_ps < beyond_ps) {
        too_little(diagnostics, "calibration-penalty", "miss penalty", measurements->miss_penalty_ps,
                   beyond_ps, "page tables in DRAM");
        return STATUS_BAD_INPUT;
    }
    int status = check_rate(input, measurements, diagnostics);
    if (status != STATUS_OK)
        return status;
    uint64_t walk_ps = measurements->miss_penalty_ps - beyond_ps;
    uint64_t read_ps = unit->walk_read_ps < walk_ps ? unit->walk_read_ps : walk_ps;
    /* Misses under way at the plateau, rounded up. */
    __uint128_t busy = (__uint128_t)measurements->miss_penalty_ps * measurements->plateau_per_s;
    uint64_t walkers = (uint64_t)((busy + second_ps - 1) / second_ps);
    walkers = walkers ? walkers : 1;
    uint64_t occupied_ps = (uint64_t)((__uint128_t)walkers * second_ps / measurements->plateau_per_s);
    *calibration = (struct host_calibration){
        .request_latency_ps = root_ps / 2,
        .completion_latency_ps = root_ps - root_ps / 2,
        .walk_fixed_ps = walk_ps - read_ps,
        .walk_read_ps = read_ps,
        .walkers = (uint32_t)walkers,
        .reserve_entry =
            unit->reserve_entry || input->parameters.engines[endpoint_of(input)].read_window != 0,
        .walker_recovery_ps =
            occupied_ps > measurements->miss_penalty_ps ? occupied_ps - measurements->miss_penalty_ps : 0,
    };
    return STATUS_OK;
}

void host_calibration_apply(const struct host_measurements *measurements,
                            const struct host_calibration *calibration, struct machine_input *input)
{
    struct machine_parameters *p = &input->parameters;
    p->memory.table_source = measurements->tables_in_dram ? MEMORY_DRAM : MEMORY_LLC;
    p->root_complex.request_latency_ps = calibration->request_latency_ps;
    p->root_complex.completion_latency_ps = calibration->completion_latency_ps;
    p->units[0].walk_fixed_ps = calibration->walk_fixed_ps;
    p->units[0].walk_read_ps = calibration->walk_read_ps;
    p->units[0].walkers = calibration->walkers;
    p->units[0].reserve_entry = calibration->reserve_entry;
    p->units[0].walker_recovery_ps = calibration->walker_recovery_ps;
}

/* ---- measuring ---- */

/* What one run tells. */
struct run {
    double mean_ps, reads_per_s, miss_share;
};

static void note(const struct machine *machine, struct run *run)
{
    const struct stream_result *result = machine_stream_result(machine, 0);
    const struct iommu_counters *counters = &machine_unit(machine, 0)->counters;
    run->mean_ps = (double)histogram_mean(&result->latency);
    run->reads_per_s = (double)stream_result_operations_per_s(result);
    run->miss_share = counters->requests ? (double)counters->iotlb_misses / (double)counters->requests : 0;
}

/* Random 64 B reads in a window of 4 KiB pages. */
static int run_reads(const struct machine_input *input, uint64_t window, uint32_t queue_depth,
                     struct run *run, struct diagnostics *diagnostics)
{
    uint32_t functions[] = {endpoint_of(input)};
    struct mapping mapping = {.iova = base_address,
                              .physical = base_address,
                              .length = window,
                              .page_bytes = 4096,
                              .read = true,
                              .write = true};
    struct domain domain = {.name = "device",
                            .function_ids = functions,
                            .function_count = 1,
                            .mappings = &mapping,
                            .mapping_count = 1};
    struct stream stream = {.name = "reads",
                            .function_id = functions[0],
                            .operation = STREAM_READ,
                            .pattern = PATTERN_RANDOM,
                            .base = base_address,
                            .window_bytes = window,
                            .size_bytes = READ_BYTES,
                            .stride_bytes = READ_BYTES,
                            .alignment_bytes = READ_BYTES,
                            .operations = 20000,
                            .warmup_operations = 5000,
                            .queue_depth = queue_depth};
    const struct workload workload = {
        .domains = &domain, .domain_count = 1, .streams = &stream, .stream_count = 1};
    struct simulation simulation;
    simulation_init(&simulation, input, IOMMU_CHOICE_AUTO, NULL, diagnostics);
    simulation.options.seed = 1;
    int status = simulation_build(&simulation, &workload, diagnostics);
    if (status == 0)
        status = machine_run(simulation.machine, diagnostics);
    if (status == 0)
        note(simulation.machine, run);
    simulation_fini(&simulation);
    return status;
}

/* The window of the runs that miss: far more pages than the IOTLB holds. */
static uint64_t miss_window_of(const struct iommu_parameters *unit)
{
    uint64_t window = UINT64_C(8) << 20;
    while (window < UINT64_C(4) * 4096 * unit->iotlb_entries)
        window *= 2;
    return window;
}

int host_calibration_measure(const struct machine_input *input, struct host_measurements *measured,
                             struct diagnostics *diagnostics)
{
    const struct pci_function *endpoint = &input->topology->functions[endpoint_of(input)];
    const uint32_t many =
        2 * link_tags(input->parameters.engines[endpoint->id].tags, endpoint->link.generation);
    const uint64_t miss_window = miss_window_of(&input->parameters.units[0]);
    struct machine_input host = *input;
    struct run hits = {0}, misses = {0}, plateau = {0};
    if (host.parameters.memory.data_source == MEMORY_CACHED) /* by definition, whatever the window */
        host.parameters.memory.data_source = MEMORY_LLC;
    int status = run_reads(&host, hit_window, 1, &hits, diagnostics);
    if (status == 0)
        status = run_reads(&host, miss_window, 1, &misses, diagnostics);
    if (status == 0)
        status = run_reads(&host, miss_window, many, &plateau, diagnostics);
    if (status < 0)
        return status;
    /* A few reads hit even there: what counts are those that miss. */
    double penalty_ps = misses.miss_share > 0 ? (misses.mean_ps - hits.mean_ps) / misses.miss_share : 0;
    *measured =
        (struct host_measurements){.base_latency_ps = (uint64_t)(hits.mean_ps + 0.5),
                                   .miss_penalty_ps = (uint64_t)(penalty_ps > 0 ? penalty_ps + 0.5 : 0),
                                   .plateau_per_s = (uint64_t)(plateau.reads_per_s * plateau.miss_share)};
    return STATUS_OK;
}
