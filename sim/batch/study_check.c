/* SPDX-License-Identifier: MIT */
#include "sim/batch/study_check.h"

#include "sim/base/json_scan.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/batch/scenario_run.h"

#include <string.h>

enum { ERRORS_KEPT = 20 };

/* The first point with the values of the first @p axes axes. */
static int read_part(const struct study *study, uint32_t axes, struct diagnostics *diagnostics)
{
    struct scenario *scenario;
    struct scenario_run run = {0};
    int status = study_part_scenario(study, 0, axes, &scenario, diagnostics);
    if (status < 0)
        return status;
    status = scenario_run_load(&run, scenario, diagnostics);
    scenario_run_fini(&run);
    scenario_free(scenario);
    return status;
}

/* An error that no value mends: the pointer leads nowhere. NULL where there is none. */
static const char *pointer_error(const struct diagnostics *diagnostics)
{
    static const char *const codes[] = {"json-unknown-key", "what-if-pointer", "what-if-function",
                                        "what-if-syntax"};
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        const struct diagnostic_finding finding = diagnostics_get(diagnostics, i);
        for (size_t c = 0; c < sizeof(codes) / sizeof(codes[0]); c++)
            if (finding.severity == DIAGNOSTIC_ERROR && strcmp(finding.code, codes[c]) == 0)
                return finding.message;
    }
    return NULL;
}

/* Do axes put another document in place of the scenario's? Then what is wrong with one need not be with the
 * next. */
static bool documents_vary(const struct study *study)
{
    for (uint32_t i = 0; i < study->axis_count; i++)
        if (strcmp(study->axes[i].pointer, "/scenario/topology") == 0 ||
            strcmp(study->axes[i].pointer, "/scenario/workload") == 0)
            return true;
    return false;
}

static int blame_axis(const struct study *study, const struct study_axis *axis, const char *message,
                      struct diagnostics *diagnostics)
{
    struct text_buffer where = {0};
    text_buffer_format(&where, "%s/pointer", axis->where);
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &study->source,
                       json_locate(&study->source, where.text, JSON_VALUE), where.text, "study-pointer",
                       "axis \"%s\", %s: %s", axis->name, axis->pointer, message);
    text_buffer_fini(&where);
    return STATUS_BAD_INPUT;
}

static int pass_on(const struct diagnostics *found, int status, struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics_count(found); i++)
        diagnostics_pass(found, i, diagnostics);
    return status;
}

/* The first point cannot be read: lay one axis after the other over the scenario until that is so. */
static int find_fault(const struct study *study, const struct diagnostics *whole, int failed,
                      struct diagnostics *diagnostics)
{
    int status = STATUS_OK;
    for (uint32_t axes = 0; axes <= study->axis_count && status == STATUS_OK; axes++) {
        struct diagnostics *own = diagnostics_new(ERRORS_KEPT);
        int read = read_part(study, axes, own);
        const char *message = read < 0 ? pointer_error(own) : NULL;
        if (axes == 0 && read < 0)
            status = pass_on(own, read, diagnostics);
        else if (message)
            status = blame_axis(study, &study->axes[axes - 1], message, diagnostics);
        diagnostics_free(own);
    }
    if (status == STATUS_OK && failed != STATUS_BAD_INPUT)
        status = pass_on(whole, failed, diagnostics);
    return status;
}

int study_check(const struct study *study, struct diagnostics *diagnostics)
{
    struct diagnostics *own = diagnostics_new(ERRORS_KEPT);
    int status = study_points(study) ? read_part(study, study->axis_count, own) : STATUS_OK;
    if (status < 0)
        status = !documents_vary(study)       ? find_fault(study, own, status, diagnostics)
                 : status == STATUS_BAD_INPUT ? STATUS_OK
                                              : pass_on(own, status, diagnostics);
    diagnostics_free(own);
    return status;
}
