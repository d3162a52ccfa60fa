/* SPDX-License-Identifier: MIT */
#include "sim/cli/sweep_words.h"

#include "sim/base/status.h"
#include "sim/batch/collect.h"
#include "sim/batch/point_metrics.h"
#include "sim/batch/scenario_run.h"
#include "sim/batch/slurm.h"
#include "sim/cli/commands.h"
#include "sim/output/output_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_ANSWER_NO = 1, EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20, FAILURES_SHOWN = 10 };
enum { OPTION_PARTIAL = 256 };

struct word_choice {
    const char *folder, *key, *format, *output;
    bool partial, wants_key;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct word_choice *chosen = state->input;
    switch (key) {
    case 'f':
        chosen->format = text;
        if (strcmp(text, "csv") != 0 && strcmp(text, "ndjson") != 0 && strcmp(text, "sqlite") != 0)
            argp_error(state, "unknown format '%s': csv, ndjson or sqlite", text);
        return 0;
    case 'o':
        chosen->output = text;
        return 0;
    case OPTION_PARTIAL:
        chosen->partial = true;
        return 0;
    case ARGP_KEY_ARG:
        if (!chosen->folder)
            chosen->folder = text;
        else if (chosen->wants_key && !chosen->key)
            chosen->key = text;
        else
            argp_error(state, "what is '%s'?", text);
        return 0;
    case ARGP_KEY_END:
        if (!chosen->folder || (chosen->wants_key && !chosen->key))
            argp_error(state, "%s is missing", chosen->folder ? "KEY" : "FOLDER");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Parse, open, answer, close: what all words share. */
static int ask(int argc, char **argv, const struct argp *argp, struct word_choice *chosen,
               int (*answer)(struct sweep *sweep, const struct word_choice *chosen,
                             struct diagnostics *diagnostics))
{
    struct sweep sweep = {.lock = -1};
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(argp, argc, argv, 0, NULL, chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    int status = sweep_open(&sweep, chosen->folder, NULL, false, diagnostics);
    if (status == STATUS_OK)
        status = answer(&sweep, chosen, diagnostics);
    sweep_close(&sweep);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status == EXIT_ANSWER_NO ? EXIT_ANSWER_NO : status_exit_code(status);
}

/* ---- status ---- */

struct failure_kind {
    const char *reason, *key; /* key of the first */
    uint64_t points;
};

void sweep_print_failures(const struct sweep *sweep, const struct collected *table, FILE *out)
{
    struct failure_kind kinds[FAILURES_SHOWN];
    size_t count = 0;
    uint64_t others = 0;
    for (uint64_t i = 0; i < study_points(table->study) && table->failed; i++) {
        const struct collected_point *point = &table->points[i];
        size_t kind = 0;
        if (point->state != STORED_FAILURE)
            continue;
        while (kind < count && strcmp(kinds[kind].reason, point->reason) != 0)
            kind++;
        if (kind == FAILURES_SHOWN) {
            others++;
            continue;
        }
        if (kind == count)
            kinds[count++] = (struct failure_kind){point->reason, point->key, 0};
        kinds[kind].points++;
    }
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%" PRIu64 " failed: %s\n  iommusim sweep show %s %.8s\n", kinds[i].points,
                kinds[i].reason, sweep->folder, kinds[i].key);
    if (others)
        fprintf(out, "%" PRIu64 " failed for other reasons\n", others);
}

/* Results that are there and none of the study's: of another version of the program everything is missing. */
static void print_strangers(const struct sweep *sweep, const struct collected *table, FILE *out)
{
    uint64_t done = study_points(table->study) - table->failed - table->missing,
             there = result_store_count(sweep->folder);
    if (table->missing && there > done + table->damaged)
        fprintf(out,
                "%" PRIu64
                " more results are in the folder: of other values, other contents of the input files, or "
                "models of another version than this (%s)\n",
                there - done - table->damaged, model_version);
}

static int answer_status(struct sweep *sweep, const struct word_choice *chosen,
                         struct diagnostics *diagnostics)
{
    struct collected table;
    (void)chosen;
    int status = collect(sweep, &table, diagnostics);
    if (status < 0)
        return status;
    uint64_t points = study_points(sweep->study);
    printf("%" PRIu64 " points: %" PRIu64 " done, %" PRIu64 " failed, %" PRIu64 " missing", points,
           points - table.failed - table.missing, table.failed, table.missing);
    if (table.damaged)
        printf(" (%" PRIu64 " of them have a damaged file)", table.damaged);
    puts("");
    print_strangers(sweep, &table, stdout);
    sweep_print_failures(sweep, &table, stdout);
    struct text_buffer queue = {0};
    slurm_queue_print(sweep->folder, &queue);
    fputs(text_buffer_get(&queue), stdout);
    text_buffer_fini(&queue);
    bool whole = table.missing + table.failed == 0;
    collected_free(&table);
    return whole ? STATUS_OK : EXIT_ANSWER_NO;
}

static const struct argp status_argp = {
    .parser = parse_option,
    .args_doc = "FOLDER",
    .doc = "Say how much of a study is there, and why points have failed. Exit status: 0 all of it, 1 points "
           "are "
           "missing or have failed.",
};

static int status_word(int argc, char **argv)
{
    struct word_choice chosen = {0};
    return ask(argc, argv, &status_argp, &chosen, answer_status);
}

/* ---- collect ---- */

static int write_table(const struct collected *table, const struct word_choice *chosen,
                       struct diagnostics *diagnostics)
{
    struct text_buffer text = {0};
    if (chosen->format && strcmp(chosen->format, "sqlite") == 0)
        return collected_write_sqlite(table, chosen->output, diagnostics);
    if (chosen->format && strcmp(chosen->format, "ndjson") == 0)
        collected_write_ndjson(table, &text);
    else
        collected_write_csv(table, &text);
    int status = output_file_write(chosen->output ? chosen->output : "-", text_buffer_get(&text), text.length,
                                   diagnostics);
    text_buffer_fini(&text);
    return status;
}

static int answer_collect(struct sweep *sweep, const struct word_choice *chosen,
                          struct diagnostics *diagnostics)
{
    struct collected table;
    if (chosen->format && strcmp(chosen->format, "sqlite") == 0 && !chosen->output) {
        fputs("iommusim sweep collect: error: a database needs a file: give -o FILE\n", stderr);
        return STATUS_BAD_USAGE;
    }
    int status = collect(sweep, &table, diagnostics);
    if (status < 0)
        return status;
    if (table.missing && !chosen->partial) {
        fprintf(stderr,
                "iommusim sweep collect: %" PRIu64 " of %" PRIu64
                " points are missing: `iommusim sweep %s` computes them; --partial takes what is there\n",
                table.missing, study_points(sweep->study), sweep->folder);
        print_strangers(sweep, &table, stderr);
        status = EXIT_ANSWER_NO;
    } else {
        status = write_table(&table, chosen, diagnostics);
    }
    collected_free(&table);
    return status;
}

static const struct argp_option collect_options[] = {
    {"format", 'f', "csv|ndjson|sqlite", 0, "csv (default), ndjson or sqlite", 0},
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {"partial", OPTION_PARTIAL, NULL, 0, "Take what is there, though points are missing", 0},
    {0},
};

static const struct argp collect_argp = {
    .options = collect_options,
    .parser = parse_option,
    .args_doc = "FOLDER",
    .doc = "Make one table of all results. The same results give the same bytes. Exit status: 1 where points "
           "are "
           "missing.\vA database has the tables study, points, parameters and metrics, and the views results "
           "(a row "
           "a point), means (a row a combination) and failures.",
};

static int collect_word(int argc, char **argv)
{
    struct word_choice chosen = {0};
    return ask(argc, argv, &collect_argp, &chosen, answer_collect);
}

/* ---- show, point ---- */

static int find_point(struct sweep *sweep, const char *key, uint64_t *point, struct diagnostics *diagnostics)
{
    unsigned errors = diagnostics_errors(diagnostics);
    *point = sweep_find(sweep, key, diagnostics);
    if (*point != UINT64_MAX)
        return STATUS_OK;
    if (diagnostics_errors(diagnostics) == errors)
        fprintf(stderr,
                "iommusim sweep: error: no point of this study, or more than one, has a key that begins with "
                "'%s'; "
                "`iommusim sweep collect %s --partial` lists them\n",
                key, sweep->folder);
    return STATUS_BAD_INPUT;
}

static void print_metric(void *context, const char *name, const char *value)
{
    (void)context;
    printf("  %-32s %s\n", name, value);
}

static void print_parameters(const struct study *study, uint64_t point)
{
    puts("parameters");
    for (uint32_t i = 0; i < study->axis_count; i++) {
        struct text_buffer value = {0};
        collected_value_print(study->axes[i].values[study_value_of(study, point, i)], &value);
        printf("  %-32s %s\n", study->axes[i].name, text_buffer_get(&value));
        text_buffer_fini(&value);
    }
}

static int answer_show(struct sweep *sweep, const struct word_choice *chosen, struct diagnostics *diagnostics)
{
    uint64_t point;
    char key[POINT_KEY_SIZE];
    struct scenario *scenario;
    struct text_buffer inputs = {0}, body = {0};
    int status = find_point(sweep, chosen->key, &point, diagnostics);
    if (status == STATUS_OK)
        status = sweep_point(sweep, point, &scenario, key, &inputs, diagnostics);
    if (status == STATUS_OK) {
        enum stored_state state = result_store_read(sweep->folder, key, &body);
        printf("point      %" PRIu64 ", repeat %u, seed %" PRIu64 "\nkey        %s\nstate      %s\n", point,
               study_repeat_of(sweep->study, point), scenario->seed, key, collected_state_name(state));
        print_parameters(sweep->study, point);
        if (state == STORED_RESULT) {
            puts("metrics");
            point_metrics_find(sweep->study, text_buffer_get(&body), print_metric, NULL);
        } else if (state == STORED_FAILURE) {
            printf("reason\n%s", text_buffer_get(&body));
        }
        printf("inputs     %s\nagain      iommusim sweep point %s %s\n", text_buffer_get(&inputs),
               sweep->folder, key);
        scenario_free(scenario);
    }
    text_buffer_fini(&inputs);
    text_buffer_fini(&body);
    return status;
}

static const struct argp show_argp = {
    .parser = parse_option,
    .args_doc = "FOLDER KEY",
    .doc = "Show one point: parameters, figures or why it failed, the command that computes it again. KEY "
           "may be "
           "its first digits.",
};

static int show_word(int argc, char **argv)
{
    struct word_choice chosen = {.wants_key = true};
    return ask(argc, argv, &show_argp, &chosen, answer_show);
}

static int answer_point(struct sweep *sweep, const struct word_choice *chosen,
                        struct diagnostics *diagnostics)
{
    uint64_t point;
    char key[POINT_KEY_SIZE];
    struct scenario *scenario;
    struct text_buffer inputs = {0}, result = {0};
    int status = find_point(sweep, chosen->key, &point, diagnostics);
    if (status == STATUS_OK)
        status = sweep_point(sweep, point, &scenario, key, &inputs, diagnostics);
    if (status == STATUS_OK) {
        status = scenario_run_whole(scenario, &result, diagnostics);
        if (status == STATUS_OK)
            status = output_file_write(chosen->output ? chosen->output : "-", text_buffer_get(&result),
                                       result.length, diagnostics);
        scenario_free(scenario);
    }
    text_buffer_fini(&inputs);
    text_buffer_fini(&result);
    return status;
}

static const struct argp_option point_options[] = {
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {0},
};

static const struct argp point_argp = {
    .options = point_options,
    .parser = parse_option,
    .args_doc = "FOLDER KEY",
    .doc = "Compute one point again, in this process, and print its result document. KEY may be its first "
           "digits.",
};

static int point_word(int argc, char **argv)
{
    struct word_choice chosen = {.wants_key = true};
    return ask(argc, argv, &point_argp, &chosen, answer_point);
}

const struct sweep_word sweep_words[] = {
    {"status", status_word, &status_argp},
    {"collect", collect_word, &collect_argp},
    {"show", show_word, &show_argp},
    {"point", point_word, &point_argp},
    {"answer", sweep_answer_word, &sweep_answer_argp},
    {"pareto", sweep_pareto_word, &sweep_pareto_argp},
    {"best", sweep_best_word, &sweep_best_argp},
    {"sensitivity", sweep_sensitivity_word, &sweep_sensitivity_argp},
    {"search", sweep_search_word, &sweep_search_argp},
    {"plot", sweep_plot_word, &sweep_plot_argp},
    {NULL, NULL, NULL},
};
