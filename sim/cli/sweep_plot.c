/* SPDX-License-Identifier: MIT */
/* iommusim sweep plot: a figure over an axis as SVG, gnuplot's data beside it. */
#include "sim/base/status.h"
#include "sim/cli/sweep_words.h"
#include "sim/output/output_file.h"
#include "sim/output/study_chart.h"

#include <stdlib.h>
#include <string.h>

enum { EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20 };
enum { OPTION_X = 256, OPTION_Y, OPTION_BY, OPTION_MAX };

struct plot_choice {
    const char *folder, *x, *y, *by, *output;
    const char *more[2]; /* quantities of which more is better */
    size_t more_count;
};

static const struct argp_option options[] = {
    {"x", OPTION_X, "NAME", 0, "Across: an axis or a metric", 0},
    {"y", OPTION_Y, "NAME", 0, "Up: a metric or an axis", 0},
    {"by", OPTION_BY, "AXIS", 0,
     "A line for each value of this axis; without: points, and a line where nothing "
     "beats them (less x, less y)",
     0},
    {"max", OPTION_MAX, "NAME", 0, "More of this is better, x or y or both; may repeat", 0},
    {"output", 'o', "FILE", 0, "The picture, FILE.svg; its numbers go to FILE.dat", 0},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct plot_choice *chosen = state->input;
    switch (key) {
    case OPTION_X:
        chosen->x = text;
        return 0;
    case OPTION_Y:
        chosen->y = text;
        return 0;
    case OPTION_BY:
        chosen->by = text;
        return 0;
    case OPTION_MAX:
        if (chosen->more_count == 2)
            argp_error(state, "more than 2 goals");
        chosen->more[chosen->more_count++] = text;
        return 0;
    case 'o':
        chosen->output = text;
        return 0;
    case ARGP_KEY_ARG:
        if (chosen->folder)
            argp_error(state, "one FOLDER only, not also '%s'", text);
        chosen->folder = text;
        return 0;
    case ARGP_KEY_END:
        if (!chosen->folder || !chosen->x || !chosen->y || !chosen->output)
            argp_error(state, "FOLDER, --x, --y and -o are needed");
        for (size_t i = 0; i < chosen->more_count && chosen->x && chosen->y; i++)
            if (strcmp(chosen->more[i], chosen->x) != 0 && strcmp(chosen->more[i], chosen->y) != 0)
                argp_error(state, "--max is for what --x and --y name, not '%s'", chosen->more[i]);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Number of the axis lines are by; UINT32_MAX: none. */
static int find_lines(const struct study *study, const char *by, uint32_t *axis)
{
    *axis = UINT32_MAX;
    if (!by)
        return STATUS_OK;
    for (*axis = 0; *axis < study->axis_count; (*axis)++)
        if (strcmp(study->axes[*axis].name, by) == 0)
            break;
    if (*axis < study->axis_count && study->axes[*axis].value_count <= STUDY_CHART_SERIES_MAX)
        return STATUS_OK;
    fprintf(stderr, "iommusim sweep plot: error: '%s' is no axis with at most %d values\n", by,
            STUDY_CHART_SERIES_MAX);
    return STATUS_BAD_USAGE;
}

static int write_both(const struct chart *chart, const char *output, struct diagnostics *diagnostics)
{
    struct text_buffer picture = {0}, data = {0}, path = {0};
    size_t length = strlen(output);
    if (length > 4 && strcmp(output + length - 4, ".svg") == 0)
        length -= 4;
    chart_svg_write(chart, &picture);
    chart_data_write(chart, &data);
    text_buffer_format(&path, "%.*s.svg", (int)length, output);
    int status = output_file_write(path.text, picture.text, picture.length, diagnostics);
    text_buffer_fini(&path);
    text_buffer_format(&path, "%.*s.dat", (int)length, output);
    if (status == STATUS_OK)
        status = output_file_write(path.text, data.text, data.length, diagnostics);
    text_buffer_fini(&path);
    text_buffer_fini(&picture);
    text_buffer_fini(&data);
    return status;
}

static bool more_is_better(const struct plot_choice *chosen, const char *name)
{
    for (size_t i = 0; i < chosen->more_count; i++)
        if (strcmp(chosen->more[i], name) == 0)
            return true;
    return false;
}

static int draw(const struct collected *table, const struct plot_choice *chosen,
                struct diagnostics *diagnostics)
{
    struct study_goal x = {.maximise = more_is_better(chosen, chosen->x)},
                      y = {.maximise = more_is_better(chosen, chosen->y)};
    uint32_t lines;
    int status = STATUS_BAD_USAGE;
    if (sweep_find_quantity(table, chosen->x, &x.quantity) &&
        sweep_find_quantity(table, chosen->y, &y.quantity))
        status = find_lines(table->study, chosen->by, &lines);
    if (status == STATUS_OK) {
        struct study_chart made;
        study_chart_make(table, &x, &y, lines, &made);
        status = write_both(&made.chart, chosen->output, diagnostics);
        study_chart_fini(&made);
    }
    free(x.quantity.values);
    free(y.quantity.values);
    return status;
}

const struct argp sweep_plot_argp = {.options = options,
                                     .parser = parse_option,
                                     .args_doc = "FOLDER",
                                     .doc = "Draw a study: means over repeats."};

int sweep_plot_word(int argc, char **argv)
{
    struct plot_choice chosen = {0};
    struct sweep sweep = {.lock = -1};
    struct collected table;
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&sweep_plot_argp, argc, argv, 0, NULL, &chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    int status = sweep_open(&sweep, chosen.folder, NULL, false, diagnostics);
    if (status == STATUS_OK)
        status = collect(&sweep, &table, diagnostics);
    if (status == STATUS_OK) {
        status = draw(&table, &chosen, diagnostics);
        collected_free(&table);
    }
    sweep_close(&sweep);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status_exit_code(status);
}
