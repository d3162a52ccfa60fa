/* SPDX-License-Identifier: MIT */
#include "tests/unit/machine_fixture.h"

#include "sim/base/arena.h"
#include "sim/topology/synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not ck_assert(): the benchmarks use the fixture outside of any test. A failing test ends by abort() all the
 * same. */
static void require(const struct machine_fixture *fixture, int condition, const char *what)
{
    if (condition)
        return;
    diagnostics_print(fixture->diagnostics, stderr);
    fprintf(stderr, "machine fixture: %s\n", what);
    abort();
}

static void fill_parameters(struct machine_fixture *fixture, uint32_t functions)
{
    struct machine_parameters *p = &fixture->input.parameters;
    p->links = memory_array(functions, sizeof(*p->links));
    p->switches = memory_array(functions, sizeof(*p->switches));
    p->bridges = memory_array(functions, sizeof(*p->bridges));
    p->engines = memory_array(functions, sizeof(*p->engines));
    p->units = memory_array(1, sizeof(*p->units));
    for (uint32_t f = 0; f < functions; f++) {
        p->links[f] =
            (struct link_parameters){.channel_of_class = {0, FIELD_WORD, FIELD_WORD, FIELD_WORD, FIELD_WORD,
                                                          FIELD_WORD, FIELD_WORD, FIELD_WORD},
                                     .channel_phases = {FIELD_WORD, FIELD_WORD, FIELD_WORD, FIELD_WORD,
                                                        FIELD_WORD, FIELD_WORD, FIELD_WORD, FIELD_WORD},
                                     .propagation_ps = 50000,
                                     .posted_header_credits = 64,
                                     .posted_data_credits = 1024,
                                     .nonposted_header_credits = 64,
                                     .completion_header_credits = 64,
                                     .completion_data_credits = 1024,
                                     .credit_return_ps = 10000};
        p->switches[f] = (struct switch_parameters){.latency_ps = 100000};
        p->bridges[f] = (struct bridge_parameters){
            .latency_ps = 200000, .bus_rate_bytes_per_s = 133000000, .bus_transaction_ps = 100000};
        p->engines[f] = (struct dma_engine_parameters){.tags = 32,
                                                       .issue_latency_ps = 30000,
                                                       .completion_latency_ps = 20000,
                                                       .completer_latency_ps = 250000,
                                                       .completion_timeout_ps = 50000000,
                                                       .device_tlb_entries = 64,
                                                       .translation_requests = 16,
                                                       .page_request_group = 1,
                                                       .invalidation_answer_ps = 25000};
    }
    p->root_complex = (struct root_complex_parameters){.request_latency_ps = 70000,
                                                       .completion_latency_ps = 40000,
                                                       .write_commit_ps = 150000,
                                                       .interrupt_delivery_ps = 400000,
                                                       .peer_latency_ps = 120000,
                                                       .reads_in_flight = 256,
                                                       .read_completion_boundary = 64};
    p->memory = (struct memory_parameters){.data_source = MEMORY_LLC,
                                           .llc_latency_ps = 60000,
                                           .dram_latency_ps = 110000,
                                           .bandwidth_bytes_per_s = UINT64_C(1000000000000)};
    p->dma_api = (struct dma_api_parameters){.map_ps = 300000,
                                             .unmap_ps = 400000,
                                             .iova = {.magazine_entries = 4},
                                             .flush_queue_entries = 8,
                                             .flush_timeout_ps = 50000000};
    p->swiotlb = (struct swiotlb_parameters){.pool_bytes = 1 << 20,
                                             .areas = 1,
                                             .copy_bytes_per_s = UINT64_C(10000000000),
                                             .encrypt_bytes_per_s = UINT64_C(5000000000)};
    p->guest = (struct guest_parameters){.clear_bytes_per_s = UINT64_C(10000000000), .resets = 1};
    p->units[0] = (struct iommu_parameters){.context_entries = 64,
                                            .context_ways = 4,
                                            .iotlb_entries = 64,
                                            .iotlb_ways = 0,
                                            .overtaken_fill = true,
                                            .walk_cache_entries_l2 = 32,
                                            .walk_cache_entries_l3 = 16,
                                            .walk_cache_entries_l4 = 8,
                                            .walkers = 4,
                                            .levels = 4,
                                            .rid_pasid = true,
                                            .superpages_2m = true,
                                            .superpages_1g = true,
                                            .iotlb_hit_ps = 5000,
                                            .context_hit_ps = 2000,
                                            .walk_fixed_ps = 100000,
                                            .walk_read_ps = 80000,
                                            .walk_cache_hit_ps = 3000,
                                            .context_reads = 2,
                                            .invalidation_submit_ps = 11000,
                                            .invalidation_descriptor_ps = 13000,
                                            .invalidation_wait_ps = 17000,
                                            .invalidation_timeout_ps = 1000000000,
                                            .invalidation_max_order = 18,
                                            .invalidation_hint = true,
                                            .interrupt_entries = 8,
                                            .interrupt_hit_ps = 4000,
                                            .posted_update_ps = 90000,
                                            .fault_records = 4,
                                            .fault_service_ps = 1000000};
}

void fixture_init(struct machine_fixture *fixture, const char *text)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->diagnostics = diagnostics_new(20);
    fixture->streams = memory_array(FIXTURE_STREAMS, sizeof(*fixture->streams));
    fixture->input.topology = synthetic_parse("<test>", text, fixture->diagnostics);
    require(fixture, fixture->input.topology != NULL, "the machine does not load");
    fill_parameters(fixture, fixture->input.topology->function_count);
    fixture->workload.streams = fixture->streams;
    fixture->workload.domains = fixture->domains;
    fixture->workload.buffer_base = UINT64_C(0x400000000);
    fixture->workload.buffer_bytes = UINT64_C(1) << 30;
    fixture->memory[0] = (struct free_memory){UINT64_C(0x1000000), UINT64_C(0x3fffffff), 0};
    fixture->memory[1] = (struct free_memory){UINT64_C(0x100000000), UINT64_C(0x1ffffffff), 0};
    fixture->workload.memory = fixture->memory;
    fixture->workload.memory_count = 2;
    fixture->options.seed = 1;
}

uint32_t fixture_function(const struct machine_fixture *fixture, const char *address)
{
    uint32_t segment;
    uint8_t bus, devfn;
    require(fixture, bdf_parse(address, &segment, &bus, &devfn), address);
    const struct pci_function *function = topology_find(fixture->input.topology, segment, bus, devfn);
    require(fixture, function != NULL, address);
    return function->id;
}

struct stream *fixture_stream(struct machine_fixture *fixture, const char *device,
                              enum stream_operation operation, uint64_t base, uint64_t size,
                              uint64_t operations, uint32_t queue_depth)
{
    require(fixture, fixture->workload.stream_count < FIXTURE_STREAMS, "too many streams");
    struct stream *stream = &fixture->streams[fixture->workload.stream_count++];
    *stream = (struct stream){.name = arena_string(fixture->input.topology->arena, device),
                              .function_id = fixture_function(fixture, device),
                              .operation = operation,
                              .base = base,
                              .window_bytes = size > 65536 ? size : 65536,
                              .size_bytes = size,
                              .stride_bytes = size,
                              .alignment_bytes = 64,
                              .operations = operations,
                              .queue_depth = queue_depth,
                              .pieces = 1,
                              .zone = ZONE_NORMAL};
    return stream;
}

void fixture_translate(struct machine_fixture *fixture, const char *device, uint64_t iova, uint64_t length,
                       uint64_t page_bytes)
{
    uint32_t d = fixture->workload.domain_count++, functions = fixture->input.topology->function_count;
    fixture->mappings[d] = (struct mapping){.iova = iova,
                                            .physical = iova + UINT64_C(0x100000000),
                                            .length = length,
                                            .page_bytes = page_bytes,
                                            .read = true,
                                            .write = true};
    fixture->domain_functions[d][0] = fixture_function(fixture, device);
    fixture->domains[d] = (struct domain){.name = "domain",
                                          .function_ids = fixture->domain_functions[d],
                                          .function_count = 1,
                                          .mappings = &fixture->mappings[d],
                                          .mapping_count = 1};
    if (!fixture->unit_of)
        fixture->unit_of = memory_array(functions, sizeof(uint32_t)); /* all zero: unit 0 */
    fixture->options.unit_of = fixture->unit_of;
    fixture->options.unit_count = 1;
}

void fixture_translate_nothing(struct machine_fixture *fixture)
{
    uint32_t functions = fixture->input.topology->function_count;
    fixture->all_functions = memory_array(functions, sizeof(uint32_t));
    for (uint32_t f = 0; f < functions; f++)
        fixture->all_functions[f] = f;
    fixture->domains[0] = (struct domain){
        .name = "empty", .ats = ATS_OFF, .function_ids = fixture->all_functions, .function_count = functions};
    fixture->workload.domain_count = 1;
    fixture->unit_of = memory_array(functions, sizeof(uint32_t));
    fixture->options.unit_of = fixture->unit_of;
    fixture->options.unit_count = 1;
}

void fixture_run(struct machine_fixture *fixture)
{
    int status = machine_new(&fixture->input, &fixture->workload, &fixture->options, &fixture->machine,
                             fixture->diagnostics);
    if (status == 0)
        status = machine_run(fixture->machine, fixture->diagnostics);
    require(fixture, status == 0, "the run fails");
}

const struct stream_result *fixture_result(const struct machine_fixture *fixture, uint32_t stream)
{
    return machine_stream_result(fixture->machine, stream);
}

void fixture_fini(struct machine_fixture *fixture)
{
    struct machine_parameters *p = &fixture->input.parameters;
    machine_free(fixture->machine);
    topology_free(fixture->input.topology);
    diagnostics_free(fixture->diagnostics);
    free(p->links);
    free(p->switches);
    free(p->bridges);
    free(p->engines);
    free(p->units);
    free(fixture->unit_of);
    free(fixture->all_functions);
    free(fixture->streams);
}
