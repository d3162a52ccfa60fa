/* SPDX-License-Identifier: MIT */
#include "sim/input/validate_scenario.h"

#include "sim/base/status.h"
#include "sim/input/check_suite.h"
#include "sim/input/scenario.h"
#include "sim/input/study.h"
#include "sim/input/trace.h"
#include "sim/input/world.h"
#include "sim/input/workload_keys.h"

#include <inttypes.h>
#include <string.h>

static void summarise(const struct workload *workload, struct text_buffer *summary)
{
    text_buffer_format(summary, "%" PRIu32 " stream%s in %" PRIu32 " domain%s", workload->stream_count,
                       workload->stream_count == 1 ? "" : "s", workload->domain_count,
                       workload->domain_count == 1 ? "" : "s");
}

int validate_workload(const struct source_text *source, struct text_buffer *summary,
                      struct diagnostics *diagnostics)
{
    const struct workload_machine machine = {.iommu = IOMMU_VT_D};
    struct json_document document;
    int status = json_document_init(&document, source, diagnostics);
    if (status < 0)
        return status;
    struct json_node root = json_root(&document);
    struct workload *workload = workload_read(&root, source->name, &machine);
    if (workload)
        summarise(workload, summary);
    status = workload ? STATUS_OK : STATUS_BAD_INPUT;
    workload_free(workload);
    json_document_fini(&document);
    return status;
}

static int read_trace(const char *path, const struct topology *topology, struct diagnostics *diagnostics)
{
    struct trace_reader *reader;
    struct trace_record record;
    int status = trace_open(path, topology, &reader, diagnostics);
    if (status < 0)
        return status;
    do {
        status = trace_next(reader, &record, diagnostics);
    } while (status > 0);
    trace_close(reader);
    return status;
}

static enum iommu_kind iommu_of(const struct scenario *scenario, const struct topology *topology)
{
    for (int i = 1; scenario_iommu_words[i]; i++) { /* ORDER: enum iommu_choice */
        if (strcmp(scenario->iommu, scenario_iommu_words[i]) == 0)
            return i <= IOMMU_SMMUV3 ? (enum iommu_kind)i : IOMMU_NONE;
    }
    if (!topology->units_known)
        return IOMMU_VT_D;
    return topology->unit_count ? topology->units[0].kind : IOMMU_NONE;
}

static int validate_parts(struct scenario *scenario, struct text_buffer *summary,
                          struct diagnostics *diagnostics)
{
    struct machine_input *input = NULL;
    struct workload *workload = NULL;
    int status = scenario_load_machine(scenario, &input, diagnostics);
    if (status < 0)
        return status;
    const struct workload_machine machine = {.topology = input->topology,
                                             .iommu = iommu_of(scenario, input->topology)};
    status = scenario_load_workload(scenario, &machine, &workload, diagnostics);
    for (uint32_t i = 0; status == STATUS_OK && i < workload->stream_count; i++) {
        if (workload->streams[i].trace_path && strcmp(workload->streams[i].trace_path, "-") != 0)
            status = read_trace(workload->streams[i].trace_path, input->topology, diagnostics);
    }
    if (status == STATUS_OK) {
        summarise(workload, summary);
        text_buffer_format(summary, " on %" PRIu32 " functions", input->topology->function_count);
    }
    workload_free(workload);
    machine_input_free(input);
    return status;
}

int validate_scenario(const struct source_text *source, struct text_buffer *summary,
                      struct diagnostics *diagnostics)
{
    struct scenario *scenario;
    int status = scenario_load_source(source, &scenario, diagnostics);
    if (status < 0)
        return status;
    status = validate_parts(scenario, summary, diagnostics);
    scenario_free(scenario);
    return status;
}

int validate_study(const struct source_text *source, struct text_buffer *summary,
                   struct diagnostics *diagnostics)
{
    struct study *study;
    struct text_buffer unsaid = {0};
    int status = study_load_source(source, source->name, &study, diagnostics);
    if (status < 0)
        return status;
    uint64_t points = study_points(study);
    /* The first and the last: between them every axis has had its first and its last value. */
    for (int i = 0; i < (points > 1 ? 2 : 1) && status == STATUS_OK; i++) {
        struct scenario *scenario;
        status = study_point_scenario(study, i ? points - 1 : 0, &scenario, diagnostics);
        if (status < 0)
            break;
        status = validate_parts(scenario, &unsaid, diagnostics);
        scenario_free(scenario);
    }
    text_buffer_format(summary, "%" PRIu64 " point%s along %" PRIu32 " ax%s", points, points == 1 ? "" : "s",
                       study->axis_count, study->axis_count == 1 ? "is" : "es");
    text_buffer_fini(&unsaid);
    study_free(study);
    return status;
}

int validate_suite(const struct source_text *source, struct text_buffer *summary,
                   struct diagnostics *diagnostics)
{
    struct check_suite *suite;
    uint32_t policies = 0;
    int status = check_suite_load_source(source, &suite, diagnostics);
    if (status < 0)
        return status;
    for (uint32_t i = 0; i < suite->case_count; i++)
        policies += suite->cases[i].policy_count;
    text_buffer_format(summary, "%" PRIu32 " case%s with %" PRIu32 " polic%s", suite->case_count,
                       suite->case_count == 1 ? "" : "s", policies, policies == 1 ? "y" : "ies");
    check_suite_free(suite);
    return STATUS_OK;
}

int validate_world(const struct source_text *source, struct text_buffer *summary,
                   struct diagnostics *diagnostics)
{
    struct world *world = NULL;
    int status = world_load_source(source, &world, diagnostics);
    if (status < 0)
        return status;
    text_buffer_format(summary, "%u machine%s, %u NIC%s, %u stream%s, %u collective%s", world->machine_count,
                       world->machine_count == 1 ? "" : "s", world->host_count,
                       world->host_count == 1 ? "" : "s", world->stream_count,
                       world->stream_count == 1 ? "" : "s", world->collective_count,
                       world->collective_count == 1 ? "" : "s");
    world_free(world);
    return STATUS_OK;
}
