/* SPDX-License-Identifier: MIT */
/* iommusim sweep search: the smallest hardware that meets a target, or the lowest figure, without the whole
 * grid. */
#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/batch/point_metrics.h"
#include "sim/batch/study_answers.h"
#include "sim/batch/study_search.h"
#include "sim/cli/sweep_words.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_ANSWER_NO = 1, EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20, WORKERS_MOST = 8 };
enum { OPTION_METHOD = 256, OPTION_AXIS, OPTION_TARGET, OPTION_MIN, OPTION_MAX };

struct search_choice {
    const char *study, *folder, *target, *goal;
    const char *axes[STUDY_AXES_MAX];
    uint32_t axis_count;
    bool golden, maximise;
};

static const struct argp_option options[] = {
    {"method", OPTION_METHOD, "METHOD", 0,
     "halving (default): the smallest values that meet --target; golden: the values with the best figure", 0},
    {"axis", OPTION_AXIS, "NAME", 0,
     "Search along this axis; may repeat, the first is settled first; the others keep their first values "
     "(all axes)",
     0},
    {"target", OPTION_TARGET, "CONDITION", 0, "halving: what must hold, as in 'reads.p99_ps<800ns'", 0},
    {"min", OPTION_MIN, "NAME", 0, "golden: the metric that shall be low", 0},
    {"max", OPTION_MAX, "NAME", 0, "golden: the metric that shall be high", 0},
    {"output", 'o', "FOLDER", 0,
     "Where results go, as for `iommusim sweep`; what is there is not computed again", 0},
    {0},
};

static const char doc[] = "Compute only the points on the way to an answer. Halving trusts that more of an "
                          "axis never hurts, golden that a "
                          "figure has one lowest place along an axis; values count in the order the study "
                          "lists them. Exit status: 1 where "
                          "nothing meets the target.";

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct search_choice *chosen = state->input;
    switch (key) {
    case OPTION_METHOD:
        chosen->golden = strcmp(text, "golden") == 0;
        if (!chosen->golden && strcmp(text, "halving") != 0)
            argp_error(state, "unknown method '%s': halving or golden", text);
        return 0;
    case OPTION_AXIS:
        if (chosen->axis_count == STUDY_AXES_MAX)
            argp_error(state, "more than %d axes", STUDY_AXES_MAX);
        chosen->axes[chosen->axis_count++] = text;
        return 0;
    case OPTION_TARGET:
        chosen->target = text;
        return 0;
    case OPTION_MIN:
    case OPTION_MAX:
        chosen->goal = text;
        chosen->maximise = key == OPTION_MAX;
        return 0;
    case 'o':
        chosen->folder = text;
        return 0;
    case ARGP_KEY_ARG:
        if (chosen->study)
            argp_error(state, "one STUDY only, not also '%s'", text);
        chosen->study = text;
        return 0;
    case ARGP_KEY_END:
        if (!chosen->study)
            argp_error(state, "STUDY is missing");
        if (chosen->golden ? !chosen->goal || chosen->target : !chosen->target || chosen->goal)
            argp_error(state, "halving wants --target, golden --min or --max");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

struct searcher {
    struct sweep *sweep;
    struct diagnostics *diagnostics;
    char *metric;
    bool golden, maximise;
    enum study_relation relation;
    double limit;
    uint64_t failed; /* points */
};

struct wanted_figure {
    const char *name;
    double sum;
    unsigned found;
    struct arena *arena;
    const char **names; /* of all figures there are */
    size_t name_count, name_capacity;
};

static void take(void *context, const char *name, const char *value)
{
    struct wanted_figure *figure = context;
    double number = study_number(value);
    figure->names =
        memory_grow(figure->names, figure->name_count, &figure->name_capacity, sizeof(*figure->names));
    figure->names[figure->name_count++] = arena_string(figure->arena, name);
    if (strcmp(name, figure->name) == 0 && !isnan(number)) {
        figure->sum += number;
        figure->found++;
    }
}

/* A name that no result has is a mistake, not a figure that misses its target. */
static int check_metric_name(const struct wanted_figure *figure)
{
    for (size_t i = 0; i < figure->name_count; i++)
        if (strcmp(figure->names[i], figure->name) == 0)
            return STATUS_OK;
    if (figure->name_count == 0)
        return STATUS_OK; /* all have failed */
    const char *near =
        nearest_name(figure->name, figure->names, figure->name_count, sizeof(figure->names[0]));
    fprintf(stderr, "iommusim sweep search: error: no result has a metric '%s'%s%s%s\n", figure->name,
            near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    return STATUS_BAD_USAGE;
}

/* Mean of the metric over the repeats; NAN where one has failed or lacks it. */
static int read_figure(struct searcher *searcher, const uint64_t *points, uint32_t count, double *value)
{
    struct wanted_figure figure = {.name = searcher->metric, .arena = arena_new()};
    int status = STATUS_OK;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        struct text_buffer body = {0};
        char key[POINT_KEY_SIZE];
        status = sweep_key(searcher->sweep, points[i], key, NULL, searcher->diagnostics);
        if (status == STATUS_OK && result_store_read(searcher->sweep->folder, key, &body) == STORED_RESULT)
            point_metrics_find(searcher->sweep->study, text_buffer_get(&body), take, &figure);
        text_buffer_fini(&body);
    }
    status = status == STATUS_OK ? check_metric_name(&figure) : status;
    *value = figure.found == count ? figure.sum / count : NAN;
    free(figure.names);
    arena_free(figure.arena);
    return status;
}

static int evaluate(void *context, uint32_t combination, double *value)
{
    struct searcher *searcher = context;
    uint32_t repeats = searcher->sweep->study->repeats;
    uint64_t *points = memory_array(repeats, sizeof(*points));
    struct sweep_progress progress;
    double figure = NAN;
    for (uint32_t repeat = 0; repeat < repeats; repeat++)
        points[repeat] = (uint64_t)combination * repeats + repeat;
    const struct sweep_options wanted = {
        .workers = repeats < WORKERS_MOST ? repeats : WORKERS_MOST, .only = points, .only_count = repeats};
    int status = sweep_run(searcher->sweep, &wanted, &progress, searcher->diagnostics);
    searcher->failed += progress.failed;
    if (status == STATUS_OK)
        status = read_figure(searcher, points, repeats, &figure);
    free(points);
    if (searcher->golden)
        *value = searcher->maximise ? -figure : figure;
    else
        *value = !isnan(figure) && study_relation_holds(figure, searcher->relation, searcher->limit) ? 1 : -1;
    return status;
}

/* ---- the answer ---- */

static int find_axes(const struct search_choice *chosen, struct study_search *search)
{
    const struct study *study = search->study;
    for (uint32_t i = 0; i < chosen->axis_count; i++) {
        uint32_t axis = 0;
        while (axis < study->axis_count && strcmp(study->axes[axis].name, chosen->axes[i]) != 0)
            axis++;
        if (axis == study->axis_count) {
            fprintf(stderr, "iommusim sweep search: error: no axis has the name '%s'\n", chosen->axes[i]);
            return STATUS_BAD_USAGE;
        }
        search->axes[search->axis_count++] = axis;
    }
    for (uint32_t axis = 0; chosen->axis_count == 0 && axis < study->axis_count; axis++)
        search->axes[search->axis_count++] = axis;
    return STATUS_OK;
}

static void print_found(const struct study *study, const struct searcher *searcher, uint32_t combination,
                        uint32_t evaluated)
{
    for (uint32_t i = 0; i < study->axis_count; i++) {
        struct text_buffer value = {0};
        collected_value_print(
            study->axes[i].values[study_value_of(study, (uint64_t)combination * study->repeats, i)], &value);
        printf("%s\t%s\n", study->axes[i].name, text_buffer_get(&value));
        text_buffer_fini(&value);
    }
    uint64_t *points = memory_array(study->repeats, sizeof(*points));
    double figure = NAN;
    for (uint32_t repeat = 0; repeat < study->repeats; repeat++)
        points[repeat] = (uint64_t)combination * study->repeats + repeat;
    if (read_figure((struct searcher *)searcher, points, study->repeats, &figure) == STATUS_OK)
        printf("%s\t%.10g\n", searcher->metric, figure);
    free(points);
    fprintf(stderr, "%" PRIu32 " of %" PRIu32 " combinations computed\n", evaluated,
            study->combination_count);
}

static int answer(struct sweep *sweep, const struct search_choice *chosen, struct diagnostics *diagnostics)
{
    struct searcher searcher = {
        .sweep = sweep, .diagnostics = diagnostics, .golden = chosen->golden, .maximise = chosen->maximise};
    struct study_search search = {.study = sweep->study, .context = &searcher, .evaluate = evaluate};
    uint32_t found = UINT32_MAX;
    const char *expected;
    int status = find_axes(chosen, &search);
    if (chosen->golden) {
        searcher.metric = memory_string(chosen->goal);
    } else if (!study_condition_parse(sweep->study, chosen->target, &searcher.metric, &searcher.relation,
                                      &searcher.limit, &expected)) {
        fprintf(stderr, "iommusim sweep search: error: '%s' is no condition: expected %s\n", chosen->target,
                expected);
        status = STATUS_BAD_USAGE;
    }
    if (status == STATUS_OK)
        status = (chosen->golden ? study_search_golden : study_search_halving)(&search, &found);
    if (searcher.failed)
        fprintf(stderr,
                "iommusim sweep search: warning: %" PRIu64
                " points have failed and count as missing the target (`iommusim sweep status %s`)\n",
                searcher.failed, sweep->folder);
    if (status == STATUS_OK && found == UINT32_MAX) {
        fprintf(stderr, "iommusim sweep search: %s\n",
                chosen->golden ? "no combination has that metric"
                               : "even the last values of the axes searched do not meet it, "
                                 "with the first of the others");
        status = EXIT_ANSWER_NO;
    } else if (status == STATUS_OK) {
        print_found(sweep->study, &searcher, found, search.evaluated);
    }
    free(searcher.metric);
    return status;
}

const struct argp sweep_search_argp = {options, parse_option, "STUDY", doc, NULL, NULL, NULL};

int sweep_search_word(int argc, char **argv)
{
    struct search_choice chosen = {0};
    struct sweep sweep = {.lock = -1};
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&sweep_search_argp, argc, argv, 0, NULL, &chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    int status = sweep_open(&sweep, chosen.study, chosen.folder, true, diagnostics);
    if (status == STATUS_OK)
        status = answer(&sweep, &chosen, diagnostics);
    sweep_close(&sweep);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status == EXIT_ANSWER_NO ? EXIT_ANSWER_NO : status_exit_code(status);
}
