/* SPDX-License-Identifier: MIT */
/* iommusim reach FILE [SRC [DST]] */
#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/cli/commands.h"
#include "sim/cli/file_arguments.h"
#include "sim/input/machine_input.h"
#include "sim/output/output_file.h"
#include "sim/output/reach_report.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_LEAK = 1, EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20 };

enum { OPTION_OUTCOME = 256, OPTION_FAIL_ON };

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0, "text (default), json or tsv", 0},
    {"outcome", OPTION_OUTCOME, "OUTCOME", 0,
     "Pairs to list: reaches (default), redirected, blocked, all (of these three), or not-applicable; may "
     "repeat. With SRC and DST the default is any",
     0},
    {"summary", 's', NULL, 0, "Only count", 0},
    {"cmdline", 'c', "STRING", 0,
     "Kernel command line, in place of the input's own; the words are those of `iommusim groups`", 0},
    {"iommu", 'i', "KIND", 0, "Which IOMMU the machine has: auto (default), vt-d, amd-vi, smmuv3 or none", 0},
    {"fail-on", OPTION_FAIL_ON, "leak", 0, "Exit with 1 if a function reaches one of another group", 0},
    FILE_ARGUMENTS_OPTION(0),
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {0},
};

struct arguments {
    struct file_arguments files;
    const char *source, *target;
    const char *output; /**< NULL: standard output */
    const char *cmdline;
    enum iommu_choice iommu;
    struct reach_question question;
    bool outcomes_given;
    bool fail_on_leak;
};

static const char *const format_names[] = {"text", "json", "tsv"};
static const char *const outcome_names[] = {"not-applicable", "blocked", "redirected", "reaches", "all"};

/** Index of @p word among @p names, or the end of the program with a message. */
static int choose(struct argp_state *state, const char *option, const char *word, const char *const *names,
                  int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(word, names[i]) == 0)
            return i;
    }
    const char *near = nearest_name(word, names, (size_t)count, sizeof(names[0]));
    argp_error(state, "unknown value '%s' for --%s%s%s%s", word, option, near ? ", did you mean '" : "",
               near ? near : "", near ? "'?" : "");
    return 0;
}

static void add_outcome(struct argp_state *state, struct arguments *arguments, const char *word)
{
    int chosen = choose(state, "outcome", word, outcome_names, 5);
    arguments->outcomes_given = true;
    for (int i = 0; i < REACH_OUTCOMES; i++)
        arguments->question.outcomes[i] |=
            chosen == i || (chosen == REACH_OUTCOMES && i != REACH_NOT_APPLICABLE);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    static const char *const fail_names[] = {"leak"};
    struct arguments *arguments = state->input;
    switch (key) {
    case 'f':
        arguments->question.format = (enum report_format)choose(state, "format", text, format_names, 3);
        return 0;
    case OPTION_OUTCOME:
        add_outcome(state, arguments, text);
        return 0;
    case 's':
        arguments->question.summary_only = true;
        return 0;
    case 'c':
        arguments->cmdline = text;
        return 0;
    case 'i':
        if (!iommu_choice_parse(text, &arguments->iommu))
            argp_error(state, "unknown value '%s' for --iommu (auto, vt-d, amd-vi, smmuv3, none)", text);
        return 0;
    case 'o':
        arguments->output = text;
        return 0;
    case OPTION_FAIL_ON:
        arguments->fail_on_leak = choose(state, "fail-on", text, fail_names, 1) == 0;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 2)
            argp_usage(state);
        if (state->arg_num == 0)
            file_arguments_name(&arguments->files, text, state);
        else
            *(state->arg_num == 1 ? &arguments->source : &arguments->target) = text;
        return 0;
    case OPTION_WITH:
        file_arguments_add(&arguments->files, text, state);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/** The function named @p bdf, NONE for "all" or NULL. @return false, reported, where there is none */
static bool find_function(const struct topology *topology, const char *bdf, struct diagnostics *diagnostics,
                          uint32_t *id)
{
    uint32_t segment;
    uint8_t bus, devfn;
    *id = NONE;
    if (!bdf || strcmp(bdf, "all") == 0)
        return true;
    if (!bdf_parse(bdf, &segment, &bus, &devfn)) {
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "reach-address",
                           "'%s' is no address: [segment:]bus:device.function or all is expected", bdf);
        return false;
    }
    const struct pci_function *function = topology_find(topology, segment, bus, devfn);
    if (!function) {
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL,
                           "reach-no-function", "the machine has no function %s", bdf);
        return false;
    }
    *id = function->id;
    return true;
}

/** @return a status, or 0 with @p counts filled */
static int answer(const struct topology *topology, struct arguments *arguments,
                  struct diagnostics *diagnostics, struct reach_counts *counts)
{
    struct reach_question *question = &arguments->question;
    if (!find_function(topology, arguments->source, diagnostics, &question->source_id) ||
        !find_function(topology, arguments->target, diagnostics, &question->target_id))
        return STATUS_BAD_INPUT;
    bool pair = question->source_id != NONE && question->target_id != NONE;
    for (int i = 0; i < REACH_OUTCOMES && !arguments->outcomes_given; i++)
        question->outcomes[i] = pair || i == REACH_REACHES;
    struct arena *arena = arena_new();
    struct text_buffer out = {0};
    struct iommu_groups *groups =
        iommu_groups_form(topology, arguments->iommu, arguments->cmdline, diagnostics);
    *counts = reach_report(reach_new(arena, groups), groups, question, &out);
    int status = output_file_write(arguments->output, text_buffer_get(&out), out.length, diagnostics);
    iommu_groups_free(groups);
    text_buffer_fini(&out);
    arena_free(arena);
    return status;
}

static const char doc[] =
    "Who can reach whom past the IOMMU: for every ordered pair of functions, whether a memory request of the "
    "first with an untranslated address in a BAR of the second may arrive there untranslated, and by which "
    "rule at which port. A pair of different groups that reaches is a leak.\v"
    "FILE is a topology JSON, any dump `import` knows (- is standard input), or \"synthetic:...\". SRC and "
    "DST are addresses, [segment:]bus:device.function, or \"all\"; a pair asked for by name is shown hop by "
    "hop.\n"
    "Lines of tsv: source, target, outcome, rule, where, BAR, and \"leak\", \"vouched\" (the kernel's quirk "
    "list has the vendor's word that functions without ACS do not talk to each other) or \"-\".";

int reach_command(int argc, char **argv)
{
    static const struct argp parser = {options, parse_option, "FILE [SRC [DST]]", doc, NULL, NULL, NULL};
    struct arguments arguments = {.iommu = IOMMU_CHOICE_AUTO};
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);

    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    struct machine_input *input = NULL;
    struct reach_counts counts = {.leaks = 0};
    struct machine_files files = file_arguments_get(&arguments.files);
    int status = machine_input_load_files(&files, &input, diagnostics);
    if (status == STATUS_OK)
        status = answer(input->topology, &arguments, diagnostics, &counts);
    diagnostics_print(diagnostics, stderr);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    if (status == STATUS_OK && arguments.fail_on_leak && counts.leaks)
        return EXIT_LEAK;
    return status_exit_code(status);
}
