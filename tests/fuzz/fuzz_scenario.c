/* SPDX-License-Identifier: MIT */
/* libFuzzer entry for scenarios and workloads, and for the machine that runs them; see tests/fuzz/README.md.
 */
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/scenario.h"
#include "sim/machine/simulation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void complain(const char *what, const char *text)
{
    fprintf(stderr, "%s:\n%s\n", what, text);
    abort();
}

static bool stop(void *context, unsigned thousandths)
{
    (void)context;
    (void)thousandths;
    return false;
}

/* Large page tables and files of the outside world only cost time. */
static bool worth_running(const struct workload *workload)
{
    uint64_t pages = 0;
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        for (uint32_t i = 0; i < workload->domains[d].mapping_count; i++)
            pages += workload->domains[d].mappings[i].length / workload->domains[d].mappings[i].page_bytes;
    }
    for (uint32_t i = 0; i < workload->stream_count; i++) {
        if (workload->streams[i].trace_path || workload->streams[i].queue_depth > 1024)
            return false;
    }
    return pages <= PAGES_MAX;
}

static void run(struct scenario *scenario, struct machine_input *input, struct diagnostics *diagnostics,
                const char *text)
{
    struct simulation simulation;
    struct workload *workload = NULL;
    enum iommu_choice choice = IOMMU_CHOICE_AUTO;
    iommu_choice_parse(scenario->iommu, &choice);
    simulation_init(&simulation, input, choice, scenario->cmdline, diagnostics);
    struct workload_machine machine = simulation_workload_machine(&simulation);
    int status = scenario_load_workload(scenario, &machine, &workload, diagnostics);
    if ((status == STATUS_OK) != (workload != NULL))
        complain("a status without a workload", text);
    if (workload && worth_running(workload)) {
        simulation.options.seed = scenario->seed;
        simulation.options.progress = stop;
        status = simulation_build(&simulation, workload, diagnostics);
        if (status == STATUS_OK)
            status = machine_run(simulation.machine, diagnostics);
    }
    if (status != STATUS_INTERRUPTED && (status == STATUS_OK) != (diagnostics_errors(diagnostics) == 0))
        complain("status and diagnostics disagree", text);
    simulation_fini(&simulation);
    workload_free(workload);
}

/* Files of the outside world are not opened. */
static bool topology_is_here(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->topology_files.count; i++) {
        if (strncmp(scenario->topology_files.paths[i], "synthetic:", 10) != 0)
            return false;
    }
    return true;
}

/* Whatever the bytes: no crash, an error or a run that keeps its books. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    const struct source_text source = {"fuzz.json", text, size};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct scenario *scenario = NULL;
    int status = scenario_load_source(&source, &scenario, diagnostics);
    bool here = scenario && !scenario->workload_path && topology_is_here(scenario);
    struct machine_input *input = NULL;
    if (here)
        status = scenario_load_machine(scenario, &input, diagnostics);
    if ((!scenario || here) && (status == STATUS_OK) != (diagnostics_errors(diagnostics) == 0))
        complain("status and diagnostics disagree", text);
    if (input)
        run(scenario, input, diagnostics, text);
    machine_input_free(input);
    scenario_free(scenario);
    diagnostics_free(diagnostics);
    free(text);
    return 0;
}
