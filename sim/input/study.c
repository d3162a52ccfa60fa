/* SPDX-License-Identifier: MIT */
/* The points of a study, once it is read: what each has for values, and its scenario. */
#include "sim/input/study.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/input/source_file.h"
#include "sim/input/workload_reader.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

void study_free(struct study *study)
{
    if (!study)
        return;
    source_file_fini(&study->source);
    free(study->combinations);
    arena_free(study->arena);
}

uint64_t study_points(const struct study *study)
{
    return (uint64_t)study->combination_count * study->repeats;
}

uint32_t study_repeat_of(const struct study *study, uint64_t point)
{
    return (uint32_t)(point % study->repeats);
}

uint32_t study_value_of(const struct study *study, uint64_t point, uint32_t axis)
{
    uint32_t grid = study->combinations[point / study->repeats];
    for (uint32_t d = study->dimension_count; d-- > study->axes[axis].dimension + 1;)
        grid /= study->dimensions[d];
    uint32_t place = grid % study->dimensions[study->axes[axis].dimension];
    return study->axes[axis].picks ? study->axes[axis].picks[place] : place;
}

/* What a "/scenario/..." pointer changes; the reader lets only these four through, with strings. */
static void set_member(const struct study *study, struct scenario *scenario, const char *name,
                       const char *value)
{
    cJSON *parsed = cJSON_Parse(value);
    const char *text = arena_string(scenario->arena, cJSON_GetStringValue(parsed));
    cJSON_Delete(parsed);
    if (strcmp(name, "iommu") == 0) {
        scenario->iommu = text;
    } else if (strcmp(name, "cmdline") == 0) {
        scenario->cmdline = text;
    } else {
        bool topology = strcmp(name, "topology") == 0;
        if (!topology || strncmp(text, "synthetic:", strlen("synthetic:")) != 0) {
            char *beside = path_beside(study->path, text);
            text = arena_string(scenario->arena, beside);
            free(beside);
        }
        if (topology) {
            const char **paths = arena_array(scenario->arena, 1, sizeof(*paths));
            *paths = text;
            scenario_set_topology(scenario, &(struct machine_files){paths, 1});
        } else {
            scenario->workload_path = text;
        }
    }
}

static void set_axis(const struct study *study, const struct study_axis *axis, const char *value,
                     struct scenario *scenario)
{
    static const char member[] = "/scenario/";
    if (strncmp(axis->pointer, member, strlen(member)) == 0) {
        set_member(study, scenario, axis->pointer + strlen(member), value);
    } else {
        char *setting = arena_format(scenario->arena, "%s=%s", axis->pointer, value);
        scenario_add_override(scenario, setting);
    }
}

int study_part_scenario(const struct study *study, uint64_t point, uint32_t axes, struct scenario **scenario,
                        struct diagnostics *diagnostics)
{
    int status = study->scenario_path ? scenario_load(study->scenario_path, scenario, diagnostics)
                                      : scenario_load_source(&study->scenario, scenario, diagnostics);
    if (status < 0)
        return status;
    for (uint32_t i = 0; i < axes; i++) {
        const struct study_axis *axis = &study->axes[i];
        set_axis(study, axis, axis->values[study_value_of(study, point, i)], *scenario);
    }
    (*scenario)->seed = (study->seed_given ? study->seed : (*scenario)->seed) + study_repeat_of(study, point);
    return STATUS_OK;
}

int study_point_scenario(const struct study *study, uint64_t point, struct scenario **scenario,
                         struct diagnostics *diagnostics)
{
    return study_part_scenario(study, point, study->axis_count, scenario, diagnostics);
}
