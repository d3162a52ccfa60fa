/* SPDX-License-Identifier: MIT */
/* iommusim sweep answer, pareto, best and sensitivity: what a what-if study is for. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/study_answers.h"
#include "sim/batch/study_sentence.h"
#include "sim/cli/sweep_words.h"
#include "sim/output/output_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_ANSWER_NO = 1, EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20, GOALS_MAX = 8, CONSTRAINTS_MAX = 16 };
enum { OPTION_MIN = 256, OPTION_MAX, OPTION_SUBJECT, OPTION_OF };

struct answer_choice {
    const char *folder, *of;
    bool tsv;
    struct {
        const char *name;
        bool maximise;
    } goals[GOALS_MAX];
    size_t goal_count;
    const char *constraints[CONSTRAINTS_MAX];
    size_t constraint_count;
    bool wants_goal, wants_of;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct answer_choice *chosen = state->input;
    switch (key) {
    case 'f':
        chosen->tsv = strcmp(text, "tsv") == 0;
        if (!chosen->tsv && strcmp(text, "text") != 0)
            argp_error(state, "unknown format '%s': text or tsv", text);
        return 0;
    case OPTION_MIN:
    case OPTION_MAX:
        if (chosen->goal_count == GOALS_MAX)
            argp_error(state, "more than %d goals", GOALS_MAX);
        chosen->goals[chosen->goal_count].name = text;
        chosen->goals[chosen->goal_count++].maximise = key == OPTION_MAX;
        return 0;
    case OPTION_SUBJECT:
        if (chosen->constraint_count == CONSTRAINTS_MAX)
            argp_error(state, "more than %d conditions", CONSTRAINTS_MAX);
        chosen->constraints[chosen->constraint_count++] = text;
        return 0;
    case OPTION_OF:
        chosen->of = text;
        return 0;
    case ARGP_KEY_ARG:
        if (chosen->folder)
            argp_error(state, "one FOLDER only, not also '%s'", text);
        chosen->folder = text;
        return 0;
    case ARGP_KEY_END:
        if (!chosen->folder)
            argp_error(state, "FOLDER is missing");
        if (chosen->wants_goal && chosen->goal_count == 0)
            argp_error(state, "a goal is missing: --min or --max, and a metric or axis");
        if (chosen->wants_of && !chosen->of)
            argp_error(state, "--of is missing: the metric that is to be explained");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

#define FORMAT_OPTION                                                                                        \
    {                                                                                                        \
        "format", 'f', "text|tsv", 0, "text (default), or tsv: tab-separated values", 0                      \
    }
#define GOAL_OPTIONS                                                                                         \
    {"min", OPTION_MIN, "NAME", 0, "Less is better: a metric, or an axis (its cost); may repeat", 0},        \
    {                                                                                                        \
        "max", OPTION_MAX, "NAME", 0, "More is better; may repeat", 0                                        \
    }

/* ---- names to quantities ---- */

bool sweep_find_quantity(const struct collected *table, const char *name, struct study_quantity *quantity)
{
    if (study_quantity_read(table, name, quantity))
        return true;
    const char *near = study_quantity_nearest(table, name);
    if (near && strcmp(near, name) == 0)
        fprintf(stderr,
                "iommusim sweep: error: no combination has a number for '%s': %" PRIu64 " of %" PRIu64
                " points have failed, %" PRIu64 " are missing\n",
                name, table->failed, study_points(table->study), table->missing);
    else
        fprintf(stderr, "iommusim sweep: error: no metric or axis has the name '%s'%s%s%s\n", name,
                near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}

static bool read_constraint(const struct collected *table, const char *text,
                            struct study_constraint *constraint)
{
    char *name;
    const char *expected;
    if (!study_condition_parse(table->study, text, &name, &constraint->relation, &constraint->limit,
                               &expected)) {
        fprintf(stderr, "iommusim sweep: error: '%s' is no condition: expected %s\n", text, expected);
        return false;
    }
    bool good = sweep_find_quantity(table, name, &constraint->quantity);
    free(name);
    return good;
}

/* ---- tables ---- */

static void print_cell(struct text_buffer *out, bool tsv, bool first, const char *text)
{
    if (tsv)
        text_buffer_format(out, "%s%s", first ? "" : "\t", text);
    else
        text_buffer_format(out, "%s%-18s", first ? "" : " ", text);
}

/* Axes, then goals. */
static void print_heading(const struct collected *table, const struct answer_choice *chosen,
                          struct text_buffer *out)
{
    const struct study *study = table->study;
    for (uint32_t i = 0; i < study->axis_count; i++)
        print_cell(out, chosen->tsv, i == 0, study->axes[i].name);
    for (size_t i = 0; i < chosen->goal_count; i++)
        if (collected_metric(table, chosen->goals[i].name) != UINT32_MAX)
            print_cell(out, chosen->tsv, false, chosen->goals[i].name);
    text_buffer_add(out, "\n");
}

static void print_row(const struct collected *table, const struct answer_choice *chosen,
                      const struct study_goal *goals, uint32_t combination, struct text_buffer *out)
{
    const struct study *study = table->study;
    char number[40];
    for (uint32_t i = 0; i < study->axis_count; i++) {
        struct text_buffer value = {0};
        uint64_t point = (uint64_t)combination * study->repeats;
        collected_value_print(study->axes[i].values[study_value_of(study, point, i)], &value);
        print_cell(out, chosen->tsv, i == 0, text_buffer_get(&value));
        text_buffer_fini(&value);
    }
    for (size_t i = 0; i < chosen->goal_count; i++) {
        if (collected_metric(table, goals[i].quantity.name) == UINT32_MAX)
            continue;
        snprintf(number, sizeof(number), "%.10g", goals[i].quantity.values[combination]);
        print_cell(out, chosen->tsv, false, number);
    }
    text_buffer_add(out, "\n");
}

/* ---- the three questions ---- */

struct question {
    const struct answer_choice *chosen;
    const struct collected *table;
    struct study_goal goals[GOALS_MAX];
    struct study_constraint constraints[CONSTRAINTS_MAX];
};

static bool read_question(struct question *question)
{
    const struct answer_choice *chosen = question->chosen;
    for (size_t i = 0; i < chosen->goal_count; i++) {
        question->goals[i].maximise = chosen->goals[i].maximise;
        if (!sweep_find_quantity(question->table, chosen->goals[i].name, &question->goals[i].quantity))
            return false;
    }
    for (size_t i = 0; i < chosen->constraint_count; i++)
        if (!read_constraint(question->table, chosen->constraints[i], &question->constraints[i]))
            return false;
    return true;
}

static void question_fini(struct question *question)
{
    for (size_t i = 0; i < GOALS_MAX; i++)
        free(question->goals[i].quantity.values);
    for (size_t i = 0; i < CONSTRAINTS_MAX; i++)
        free(question->constraints[i].quantity.values);
}

static int answer_pareto(struct question *question, struct text_buffer *out)
{
    const struct collected *table = question->table;
    uint32_t combinations = table->study->combination_count;
    bool *chosen = memory_array(combinations, sizeof(*chosen));
    uint32_t found = study_pareto(table, question->goals, question->chosen->goal_count, chosen);
    print_heading(table, question->chosen, out);
    for (uint32_t i = 0; i < combinations; i++)
        if (chosen[i])
            print_row(table, question->chosen, question->goals, i, out);
    free(chosen);
    return found ? STATUS_OK : EXIT_ANSWER_NO;
}

static int answer_best(struct question *question, struct text_buffer *out)
{
    const struct answer_choice *chosen = question->chosen;
    uint32_t best = study_best(question->table, question->goals, chosen->goal_count, question->constraints,
                               chosen->constraint_count);
    if (best == UINT32_MAX) {
        fputs("iommusim sweep best: no combination meets the conditions\n", stderr);
        return EXIT_ANSWER_NO;
    }
    print_heading(question->table, chosen, out);
    print_row(question->table, chosen, question->goals, best, out);
    return STATUS_OK;
}

static int answer_sensitivity(struct question *question, struct text_buffer *out)
{
    const struct collected *table = question->table;
    const struct study *study = table->study;
    struct study_quantity quantity;
    struct axis_effect effects[STUDY_AXES_MAX];
    bool tsv = question->chosen->tsv;
    static const char *const heading[] = {"axis", "share", "lowest mean", "at", "highest mean", "at"};
    if (!sweep_find_quantity(table, question->chosen->of, &quantity))
        return STATUS_BAD_USAGE;
    for (size_t i = 0; i < sizeof(heading) / sizeof(heading[0]); i++)
        print_cell(out, tsv, i == 0, heading[i]);
    text_buffer_add(out, "\n");
    uint32_t count = study_sensitivity(table, &quantity, effects);
    for (uint32_t i = 0; i < count; i++) {
        const struct study_axis *axis = &study->axes[effects[i].axis];
        struct text_buffer low = {0}, high = {0};
        char share[20], lowest[40], highest[40];
        snprintf(share, sizeof(share), "%.1f %%", effects[i].share * 100);
        snprintf(lowest, sizeof(lowest), "%.10g", effects[i].low);
        snprintf(highest, sizeof(highest), "%.10g", effects[i].high);
        collected_value_print(axis->values[effects[i].low_value], &low);
        collected_value_print(axis->values[effects[i].high_value], &high);
        const char *const cells[] = {
            axis->name, share, lowest, text_buffer_get(&low), highest, text_buffer_get(&high)};
        for (size_t c = 0; c < sizeof(cells) / sizeof(cells[0]); c++)
            print_cell(out, tsv, c == 0, cells[c]);
        text_buffer_add(out, "\n");
        text_buffer_fini(&low);
        text_buffer_fini(&high);
    }
    free(quantity.values);
    return STATUS_OK;
}

/* ---- words ---- */

static int answer(const struct answer_choice *chosen, int (*reply)(struct question *, struct text_buffer *),
                  struct diagnostics *diagnostics)
{
    struct sweep sweep;
    struct collected table;
    struct text_buffer out = {0};
    int status = sweep_open(&sweep, chosen->folder, NULL, false, diagnostics);
    if (status == STATUS_OK)
        status = collect(&sweep, &table, diagnostics);
    if (status == STATUS_OK) {
        struct question question = {.chosen = chosen, .table = &table};
        if (table.missing + table.failed)
            fprintf(stderr,
                    "iommusim sweep: warning: %" PRIu64 " points are missing and %" PRIu64
                    " have failed; their combinations do not count\n",
                    table.missing, table.failed);
        status = read_question(&question) ? reply(&question, &out) : STATUS_BAD_USAGE;
        if (status == STATUS_OK)
            status = output_file_write("-", text_buffer_get(&out), out.length, diagnostics);
        question_fini(&question);
        collected_free(&table);
    }
    text_buffer_fini(&out);
    sweep_close(&sweep);
    return status;
}

static int ask(int argc, char **argv, const struct argp *argp, struct answer_choice *chosen,
               int (*reply)(struct question *, struct text_buffer *))
{
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(argp, argc, argv, 0, NULL, chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    int status = answer(chosen, reply, diagnostics);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status == EXIT_ANSWER_NO ? EXIT_ANSWER_NO : status_exit_code(status);
}

static int answer_in_a_line(struct question *question, struct text_buffer *out)
{
    if (study_sentence_print(question->table, out))
        return STATUS_OK;
    fputs("iommusim sweep answer: the study asks for none (its key \"answer\")\n", stderr);
    return STATUS_BAD_USAGE;
}

static const struct argp_option answer_options[] = {{0}};

const struct argp sweep_answer_argp = {
    .options = answer_options,
    .parser = parse_option,
    .args_doc = "FOLDER",
    .doc = "What the study's key \"answer\" asks, in one line, means over repeats.",
};

int sweep_answer_word(int argc, char **argv)
{
    struct answer_choice chosen = {0};
    return ask(argc, argv, &sweep_answer_argp, &chosen, answer_in_a_line);
}

static const struct argp_option pareto_options[] = {GOAL_OPTIONS, FORMAT_OPTION, {0}};

const struct argp sweep_pareto_argp = {
    .options = pareto_options,
    .parser = parse_option,
    .args_doc = "FOLDER",
    .doc = "The combinations that no other beats in all goals at once, means over repeats.",
};

int sweep_pareto_word(int argc, char **argv)
{
    struct answer_choice chosen = {.wants_goal = true};
    return ask(argc, argv, &sweep_pareto_argp, &chosen, answer_pareto);
}

static const struct argp_option best_options[] = {
    GOAL_OPTIONS,
    {"subject-to", OPTION_SUBJECT, "CONDITION", 0,
     "Only combinations that meet it, as in 'reads.p99_ps<800ns' or 'size>=64KiB'; may repeat", 0},
    FORMAT_OPTION,
    {0},
};

const struct argp sweep_best_argp = {
    .options = best_options,
    .parser = parse_option,
    .args_doc = "FOLDER",
    .doc = "The best combination, means over repeats: by the first goal, where equal by the next. Exit "
           "status: 1 "
           "where none meets the conditions.",
};

int sweep_best_word(int argc, char **argv)
{
    struct answer_choice chosen = {.wants_goal = true};
    return ask(argc, argv, &sweep_best_argp, &chosen, answer_best);
}

static const struct argp_option sensitivity_options[] = {
    {"of", OPTION_OF, "NAME", 0, "The metric that is to be explained", 0},
    FORMAT_OPTION,
    {0},
};

const struct argp sweep_sensitivity_argp = {
    .options = sensitivity_options,
    .parser = parse_option,
    .args_doc = "FOLDER",
    .doc =
        "Which axis matters: the share of the variance between combinations that its values alone explain "
        "(eta "
        "squared), and the values with the lowest and the highest mean.\vWhat the shares leave over is for "
        "axes "
        "that act together. Where conditions leave combinations out, values are met with other values of the "
        "other axes, too, and part of a share may be theirs.",
};

int sweep_sensitivity_word(int argc, char **argv)
{
    struct answer_choice chosen = {.wants_of = true};
    return ask(argc, argv, &sweep_sensitivity_argp, &chosen, answer_sensitivity);
}
