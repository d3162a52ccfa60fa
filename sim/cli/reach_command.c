/* SPDX-License-Identifier: MIT */
/* iommusim reach FILE [SRC [DST]] */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/cli/commands.h"
#include "sim/cli/function_argument.h"
#include "sim/cli/place_argument.h"
#include "sim/cli/reach_arguments.h"
#include "sim/input/machine_input.h"
#include "sim/output/interrupt_report.h"
#include "sim/output/output_file.h"
#include "sim/output/terminal.h"
#include "sim/output/p2pdma_report.h"
#include "sim/output/reach_matrix.h"
#include "sim/output/reach_places.h"
#include "sim/output/reach_sarif.h"
#include "sim/output/soundness_report.h"
#include "sim/output/wish_report.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_ANSWER_NO = 1, ERRORS_SHOWN = 20 };

/** What is asked, and the machine it is asked of. */
struct asked {
    struct reach_arguments *arguments;
    const struct machine_input *input;
    struct iommu_groups *groups;
    const struct reach *reach;
    struct text_buffer *out;
    struct diagnostics *diagnostics;
    int status; /**< of what went wrong */
    bool no;    /**< the answer is no */
};

/** Where no address is known, "nobody reaches anybody" would be no answer. @return false, reported */
static bool addresses_known(struct asked *asked)
{
    const struct fabric *fabric = asked->reach->fabric;
    for (uint32_t id = 0; id < fabric->topology->function_count; id++) {
        if (fabric->nodes[id].bar_count)
            return true;
    }
    diagnostics_report(asked->diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL,
                       "reach-no-addresses",
                       "the input tells no address of any memory BAR: who reaches whom cannot be judged (the "
                       "output of lspci -v has them)");
    asked->status = STATUS_BAD_INPUT;
    return false;
}

static void answer_pairs(struct asked *asked)
{
    struct reach_arguments *arguments = asked->arguments;
    struct reach_question *question = &arguments->question;
    bool pair = question->source_id != NONE && question->target_id != NONE;
    for (int i = 0; i < REACH_OUTCOMES && !arguments->outcomes_given; i++)
        question->outcomes[i] = pair || i == REACH_REACHES;
    uint64_t leaks;
    if (question->format == REPORT_SARIF) {
        const struct reach_sarif about = {asked->reach, asked->groups, asked->input->places};
        if (!addresses_known(asked))
            return;
        leaks = reach_sarif_pairs(&about, question->source_id, question->target_id, asked->out);
    } else {
        leaks = reach_report(asked->reach, asked->groups, question, asked->out).leaks;
    }
    asked->no = arguments->fail_on_leak && leaks;
}

/** DST is no function: an address, RAM and the like. */
static void answer_places(struct asked *asked)
{
    struct reach_arguments *arguments = asked->arguments;
    struct reach_question *question = &arguments->question;
    struct reach_places_question places = {.source_id = question->source_id, .common = question};
    struct arena *arena = arena_new();
    if (place_argument_find(arena, asked->reach->fabric, arguments->target, asked->diagnostics,
                            &places.places, &places.place_count)) {
        bool many = question->source_id == NONE && places.place_count > 1;
        bool one = question->source_id != NONE && places.place_count == 1;
        for (int i = 0; i < REACH_OUTCOMES && !arguments->outcomes_given; i++)
            question->outcomes[i] = one || (i > (many ? REACH_REDIRECTED : REACH_NOT_APPLICABLE));
        uint64_t leaks =
            reach_places_report(asked->reach, asked->groups, &places, asked->input->places, asked->out);
        asked->no = arguments->fail_on_leak && leaks;
    } else {
        asked->status = STATUS_BAD_INPUT;
    }
    arena_free(arena);
}

static void answer_sound(struct asked *asked)
{
    const struct reach_question *question = &asked->arguments->question;
    if (!addresses_known(asked))
        return;
    struct soundness *soundness = soundness_judge(asked->groups);
    if (question->format == REPORT_JSON)
        soundness_report_json(soundness, asked->out);
    else if (question->format == REPORT_TSV)
        soundness_report_tsv(soundness, asked->out);
    else if (question->format == REPORT_SARIF)
        reach_sarif_soundness(soundness, asked->input->places, asked->out);
    else
        soundness_report_text(soundness, question->summary_only, asked->out);
    asked->no = !soundness_sound(soundness);
    soundness_free(soundness);
}

static void answer_p2pdma(struct asked *asked)
{
    const struct reach_question *question = &asked->arguments->question;
    struct p2pdma_question p2pdma = {question->source_id, question->target_id, asked->arguments->cpu,
                                     question->summary_only};
    if (question->format == REPORT_JSON)
        p2pdma_report_json(asked->reach, asked->groups, &p2pdma, asked->out);
    else if (question->format == REPORT_TSV)
        p2pdma_report_tsv(asked->reach, asked->groups, &p2pdma, asked->out);
    else
        p2pdma_report_text(asked->reach, asked->groups, &p2pdma, asked->out);
}

static void answer_interrupts(struct asked *asked)
{
    const struct reach_question *question = &asked->arguments->question;
    struct interrupt_question about = {question->source_id, question->target_id, question->summary_only};
    struct arena *arena = arena_new();
    const struct interrupts *interrupts = interrupts_new(arena, asked->groups, asked->reach);
    if (question->format == REPORT_JSON)
        interrupt_report_json(interrupts, &about, asked->out);
    else if (question->format == REPORT_TSV)
        interrupt_report_tsv(interrupts, &about, asked->out);
    else
        interrupt_report_text(interrupts, &about, asked->out);
    arena_free(arena);
}

static void answer_matrix(struct asked *asked)
{
    const struct reach_question *question = &asked->arguments->question;
    if (!addresses_known(asked))
        return;
    uint32_t size = reach_matrix_size(asked->reach, question->source_id, question->target_id);
    if (size <= REACH_MATRIX_MAX) {
        reach_matrix(asked->reach, asked->groups, question->source_id, question->target_id, asked->out);
        return;
    }
    diagnostics_report(
        asked->diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "reach-matrix-size",
        "a matrix of %u functions would not fit a terminal (%d do): use --summary, or name SRC "
        "and DST",
        size, REACH_MATRIX_MAX);
    asked->status = STATUS_BAD_INPUT;
}

/** Read "A->B direct", "A->B direct-writes" or "A isolated". @return false, reported, where it is neither */
static bool read_wish(const struct topology *topology, const char *text, struct acs_wish *wish,
                      struct diagnostics *diagnostics)
{
    char a[32], b[32], word[32], rest[2];
    wish->b_id = NONE;
    if (sscanf(text, " %31[0-9a-fA-F:.] -> %31[0-9a-fA-F:.] %31s %1s", a, b, word, rest) == 3 &&
        (strcmp(word, "direct") == 0 || strcmp(word, "direct-writes") == 0)) {
        wish->kind = strcmp(word, "direct") == 0 ? ACS_WISH_DIRECT : ACS_WISH_WRITES;
        return function_argument_find(topology, a, diagnostics, &wish->a_id) &&
               function_argument_find(topology, b, diagnostics, &wish->b_id);
    }
    if (sscanf(text, " %31[0-9a-fA-F:.] %31s %1s", a, word, rest) == 2 && strcmp(word, "isolated") == 0) {
        wish->kind = ACS_WISH_ISOLATED;
        return function_argument_find(topology, a, diagnostics, &wish->a_id);
    }
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "reach-wish",
                       "'%s' is no wish: \"A->B direct\", \"A->B direct-writes\" or \"A isolated\" is "
                       "expected, with addresses for A and B",
                       text);
    return false;
}

static void write_wish(struct asked *asked, const struct wish_report *report)
{
    enum report_format format = asked->arguments->question.format;
    if (format == REPORT_JSON)
        wish_report_json(report, asked->out);
    else if (format == REPORT_TSV)
        wish_report_tsv(report, asked->out);
    else
        wish_report_text(report, asked->out);
}

static void answer_want(struct asked *asked)
{
    const struct topology *topology = asked->groups->topology;
    struct acs_wish wish;
    if (!addresses_known(asked))
        return;
    if (!read_wish(topology, asked->arguments->want, &wish, asked->diagnostics)) {
        asked->status = STATUS_BAD_INPUT;
        return;
    }
    struct arena *arena = arena_new();
    struct group_options rules = asked->arguments->rules;
    const char *cmdline = rules.cmdline ? rules.cmdline : topology->cmdline;
    struct acs_wish_answer *answer = acs_wish_solve(arena, asked->groups, &wish);
    struct acs_words words = acs_wish_words(arena, asked->groups, answer, cmdline);
    struct machine_view before = {topology, asked->groups, asked->reach, NULL}, after;
    struct wish_report report = {&wish, answer, &words, &before, words.cmdline ? &after : NULL};
    if (words.cmdline) {
        rules.cmdline = words.cmdline;
        machine_view_init(&after, topology, &rules, asked->diagnostics);
    }
    write_wish(asked, &report);
    if (words.cmdline)
        machine_view_fini(&after);
    asked->no = answer->outcome != ACS_WISH_GRANTED;
    arena_free(arena);
}

/** The function named @p text, NONE for "all" or NULL. @return false, reported, where there is none */
static bool find_function(const struct topology *topology, const char *text, struct diagnostics *diagnostics,
                          uint32_t *id)
{
    *id = NONE;
    return !text || strcmp(text, "all") == 0 || function_argument_find(topology, text, diagnostics, id);
}

/** @return a status, or EXIT_ANSWER_NO */
static int answer(const struct machine_input *input, struct reach_arguments *arguments,
                  struct diagnostics *diagnostics)
{
    static void (*const answers[])(struct asked *) = {
        [REACH_MODE_PAIRS] = answer_pairs,   [REACH_MODE_SOUND] = answer_sound,
        [REACH_MODE_P2PDMA] = answer_p2pdma, [REACH_MODE_MATRIX] = answer_matrix,
        [REACH_MODE_WANT] = answer_want,     [REACH_MODE_INTERRUPTS] = answer_interrupts,
        [REACH_MODE_PLACES] = answer_places,
    };
    const struct topology *topology = input->topology;
    struct reach_question *question = &arguments->question;
    bool place = arguments->mode == REACH_MODE_PLACES;
    if (!find_function(topology, arguments->source, diagnostics, &question->source_id) ||
        !find_function(topology, place ? NULL : arguments->target, diagnostics, &question->target_id))
        return STATUS_BAD_INPUT;
    struct arena *arena = arena_new();
    struct text_buffer out = {0};
    struct iommu_groups *groups = iommu_groups_form_as(topology, &arguments->rules, diagnostics);
    struct asked asked = {.arguments = arguments,
                          .input = input,
                          .groups = groups,
                          .reach = reach_new(arena, groups),
                          .out = &out,
                          .diagnostics = diagnostics};
    answers[arguments->mode](&asked);
    int status = asked.status;
    if (arguments->question.format == REPORT_TEXT && arguments->mode != REACH_MODE_MATRIX)
        terminal_fold(&out, arguments->output);
    if (status == STATUS_OK)
        status = output_file_write(arguments->output, text_buffer_get(&out), out.length, diagnostics);
    iommu_groups_free(groups);
    text_buffer_fini(&out);
    arena_free(arena);
    return status == STATUS_OK && asked.no ? EXIT_ANSWER_NO : status;
}

int reach_command(int argc, char **argv)
{
    struct reach_arguments arguments = {.cpu = P2PDMA_CPU_GUESS};
    reach_arguments_parse(&arguments, argc, argv);

    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    struct machine_input *input = NULL;
    int status = file_arguments_load(&arguments.files, &input, diagnostics);
    if (status == STATUS_OK)
        status = answer(input, &arguments, diagnostics);
    diagnostics_print(diagnostics, stderr);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    return status == EXIT_ANSWER_NO ? EXIT_ANSWER_NO : status_exit_code(status);
}
