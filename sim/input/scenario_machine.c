/* SPDX-License-Identifier: MIT */
/* The topology of a scenario, with values laid over its document. */
#include "sim/base/arena.h"
#include "sim/base/json_scan.h"
#include "sim/base/status.h"
#include "sim/input/scenario.h"
#include "sim/input/what_if.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* Findings about an override say where in its text; the note says where that stands. */
static void note_places(const struct scenario *scenario, struct diagnostics *diagnostics)
{
    for (uint32_t i = 0; i < scenario->override_count; i++) {
        const char *place = scenario->overrides[i].place;
        if (!place)
            continue;
        diagnostics_report(diagnostics, DIAGNOSTIC_NOTE, &scenario->source,
                           json_locate(&scenario->source, place, JSON_KEY), NULL, "scenario-override",
                           "the overrides begin here");
        return;
    }
}

static int load_changed(const struct scenario *scenario, const struct source_text *source,
                        struct machine_input **input, struct diagnostics *diagnostics)
{
    struct machine_input *before = NULL;
    size_t count = 0;
    struct what_if_setting *settings = memory_array(scenario->override_count, sizeof(*settings));
    for (uint32_t i = 0; i < scenario->override_count; i++)
        if (!scenario->overrides[i].workload)
            settings[count++] = (struct what_if_setting){
                scenario->overrides[i].text, scenario->overrides[i].place ? "overrides" : "--set", 0};
    int status =
        source ? what_if_load_source(source, settings, count, &before, input, diagnostics)
               : what_if_load_files(&scenario->topology_files, settings, count, &before, input, diagnostics);
    if (status == STATUS_BAD_INPUT)
        note_places(scenario, diagnostics);
    machine_input_free(before);
    free(settings);
    return status;
}

static bool changes_topology(const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->override_count; i++)
        if (!scenario->overrides[i].workload)
            return true;
    return false;
}

static int load_inline(const struct scenario *scenario, cJSON *part, struct machine_input **input,
                       struct diagnostics *diagnostics)
{
    if (!changes_topology(scenario)) {
        const struct json_document document = {
            .source = &scenario->source, .diagnostics = diagnostics, .root = part, .prefix = "/topology"};
        return machine_input_load_document(&document, scenario->path, input, diagnostics);
    }
    char *text = cJSON_Print(part);
    const struct source_text source = {scenario->path, text, strlen(text)};
    int status = load_changed(scenario, &source, input, diagnostics);
    cJSON_free(text);
    return status;
}

int scenario_load_machine(const struct scenario *scenario, struct machine_input **input,
                          struct diagnostics *diagnostics)
{
    cJSON *part = cJSON_GetObjectItemCaseSensitive(scenario->document.root, "topology");
    if (scenario->topology_files.count)
        return changes_topology(scenario)
                   ? load_changed(scenario, NULL, input, diagnostics)
                   : machine_input_load_files(&scenario->topology_files, input, diagnostics);
    if (cJSON_IsObject(part))
        return load_inline(scenario, part, input, diagnostics);
    return scenario_report_missing(scenario, "topology", diagnostics);
}
