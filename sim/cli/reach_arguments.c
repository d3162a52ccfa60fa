/* SPDX-License-Identifier: MIT */
#include "sim/cli/reach_arguments.h"

#include "sim/base/nearest.h"
#include "sim/base/text_buffer.h"
#include "sim/cli/commands.h"
#include "sim/cli/place_argument.h"
#include "sim/cli/rule_words.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_BAD_USAGE = 2 };

enum {
    OPTION_OUTCOME = 256,
    OPTION_FAIL_ON,
    OPTION_SOUND,
    OPTION_P2PDMA,
    OPTION_CPU,
    OPTION_ASSUME,
    OPTION_MATRIX,
    OPTION_WANT,
    OPTION_KIND,
    OPTION_INTERRUPTS
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "The question (one; without any: who reaches whom):", 1},
    {"sound", OPTION_SOUND, NULL, 0,
     "Do the groups keep their promise? Pairs of different groups that meet past the IOMMU, and groups "
     "larger "
     "than anything that reaches demands. Exit status 1 where they do not",
     1},
    {"p2pdma", OPTION_P2PDMA, NULL, 0,
     "What the kernel's peer-to-peer DMA code would say (straight by bus address, through the host bridge, "
     "not supported), beside what the fabric does; SRC is the client, DST the provider of memory",
     1},
    {"want", OPTION_WANT, "WISH", 0,
     "Which ACS bits have to change: \"A->B direct\" (requests of A to B and their completions stay in the "
     "fabric, as GPUDirect wants it; \"direct-writes\": writes alone) or \"A isolated\", where A and B are "
     "addresses; with the words for kernel and setpci, and what isolation it costs. Exit status 1 where no "
     "setting does it",
     1},
    {"interrupts", OPTION_INTERRUPTS, NULL, 0,
     "Interrupts as a way in: are they remapped, who can write the interrupt window, whose vectors are open "
     "to whom",
     1},
    {"matrix", OPTION_MATRIX, NULL, 0, "Who reaches whom as a matrix, for up to 64 functions", 1},

    {NULL, 0, NULL, 0, "What is listed:", 2},
    {"outcome", OPTION_OUTCOME, "OUTCOME", 0,
     "Pairs to list: reaches (default), misdelivered, redirected, redirect-blocked, blocked, all (of these), "
     "or not-applicable; may repeat. With SRC and DST the default is any",
     2},
    {"kind", OPTION_KIND, "KIND", 0,
     "Requests to ask about: write (default), read, atomic, completion, io, configuration, message, then "
     "what is special about them: :translated, :translation-request, :alias (a further requester id of the "
     "source), :forged (the target's), as in write:forged; or all; may repeat",
     2},
    {"summary", 's', NULL, 0, "Only count", 2},
    {"format", 'f', "text|json|tsv|sarif", 0,
     "text (default), json, tsv, or sarif (SARIF 2.1.0 with leaks as findings, for code scanning; for "
     "the plain question and --sound)",
     2},
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 2},
    {"fail-on", OPTION_FAIL_ON, "leak", 0, "Exit with 1 if a function reaches one of another group", 2},

    {NULL, 0, NULL, 0, "The machine:", 3},
    FILE_ARGUMENTS_OPTIONS(3),
    {"cmdline", 'c', "STRING", 0,
     "Kernel command line, in place of the input's own; the words are those of `iommusim groups`", 3},
    {"iommu", 'i', IOMMU_WORDS, 0,
     "Which IOMMU the machine has: auto (default), vt-d, amd-vi, smmuv3 or none", 3},
    {"algorithm", 'a', ALGORITHM_WORDS, 0,
     "Whose groups: linux (default), linux-5.9, acs-rework-v3 (see `iommusim groups --help`)", 3},
    {"assume", OPTION_ASSUME, POLICY_WORDS, 0,
     "What functions do whose ACS registers the input hides: table (default), pessimistic, optimistic", 3},
    {"cpu", OPTION_CPU, "zen|other", 0,
     "For --p2pdma: zen (AMD, family 17h or later) or other; by default what the host bridges tell", 3},
    {0},
};

static const char doc[] =
    "Which device can write into which other device behind the IOMMU's back, and what lets it: for every two "
    "functions, whether a request of the first to an address in a BAR of the second arrives there "
    "untranslated, and by which rule at which port. Between two IOMMU groups that is a leak: a guest with "
    "the "
    "one device can reach the other.\v"
    "FILE is a topology JSON, any dump `import` knows (- is standard input), or \"synthetic:...\". SRC and "
    "DST are addresses as lspci prints them, [segment:]bus:device.function, or \"all\". DST may also be a "
    "place "
    "that is no function: 0xADDRESS in memory space, io:0xPORT, ram, msi (the interrupt window), unclaimed, "
    "or "
    "places: every BAR, ROM, hole of a window and all of these.\n"
    "\n"
    "  reach machine.txt                     every pair that gets past the IOMMU\n"
    "  reach machine.txt 03:00.0 04:00.0     one pair, hop by hop\n"
    "  reach machine.txt 03:00.0 0xfe800000  who gets what it sends to an address\n"
    "  reach machine.txt 03:00.0 places      the same for every place there is\n"
    "  reach machine.txt --sound             do the groups keep their promise?\n"
    "  reach machine.txt --want \"03:00.0->04:00.0 direct\"    ACS bits to clear\n"
    "  reach machine.txt --format sarif --fail-on leak         for a CI job\n"
    "\n"
    "Lines of tsv: source, target, outcome, rule, where, BAR, then \"leak\", \"vouched\" (only a vendor's "
    "word in the kernel's quirk list stands against it) or \"-\", and the kind of request. Exit status: 0 "
    "fine, 1 the answer is no (--fail-on, --sound, --want), 2 bad usage or input, 3 files.";

/** Index of @p word among @p names, or the end of the program with a message. */
static int choose(struct argp_state *state, const char *option, const char *word, const char *const *names,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, names[i]) == 0)
            return (int)i;
    }
    const char *near = nearest_name(word, names, count, sizeof(names[0]));
    struct text_buffer all = {0};
    for (size_t i = 0; i < count; i++)
        text_buffer_format(&all, "%s%s", i ? ", " : "", names[i]);
    argp_error(state, "unknown value '%s' for --%s%s%s%s (it is one of: %s)", word, option,
               near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "", text_buffer_get(&all));
    text_buffer_fini(&all);
    return 0;
}

static void add_outcome(struct argp_state *state, struct reach_arguments *arguments, const char *word)
{
    /* ORDER: enum reach_outcome */
    static const char *const names[] = {
        "not-applicable", "blocked", "redirect-blocked", "redirected", "misdelivered", "reaches", "all"};
    int chosen = choose(state, "outcome", word, names, REACH_OUTCOMES + 1);
    arguments->outcomes_given = true;
    for (int i = 0; i < REACH_OUTCOMES; i++)
        arguments->question.outcomes[i] |=
            chosen == i || (chosen == REACH_OUTCOMES && i != REACH_NOT_APPLICABLE);
}

static void add_kind(struct argp_state *state, struct reach_question *question, const char *word)
{
    if (strcmp(word, "all") == 0) {
        memcpy(question->ways, reach_ways, sizeof(question->ways));
        question->way_count = REACH_WAYS;
        return;
    }
    if (question->way_count == REACH_WAYS)
        argp_error(state, "more than %d times --kind", REACH_WAYS);
    if (reach_way_parse(word, &question->ways[question->way_count++]))
        return;
    size_t kinds = 0;
    while (reach_way_kinds[kinds])
        kinds++;
    char kind[32];
    snprintf(kind, sizeof(kind), "%.*s", (int)strcspn(word, ":"), word);
    const char *near = nearest_name(kind, reach_way_kinds, kinds, sizeof(reach_way_kinds[0]));
    argp_error(state, "unknown value '%s' for --kind%s%s%s", word, near ? ", did you mean '" : "",
               near ? near : "", near ? "'? (see --help)" : " (see --help)");
}

static void set_mode(struct argp_state *state, struct reach_arguments *arguments, enum reach_mode mode)
{
    if (arguments->mode != REACH_MODE_PAIRS && arguments->mode != mode)
        argp_error(state, mode == REACH_MODE_PLACES
                              ? "this question is about functions: DST is a function's address here"
                              : "one question at a time, please");
    arguments->mode = mode;
}

/* One of the options about the machine, by its letter. */
static error_t read_rule(struct argp_state *state, struct reach_arguments *arguments, int key, char *text)
{
    static const char *const cpus[] = {"auto", "zen", "other"};
    struct group_options *rules = &arguments->rules;
    switch (key) {
    case 'c':
        rules->cmdline = text;
        return 0;
    case 'i':
        if (!iommu_choice_parse(text, &rules->choice))
            argp_error(state, "unknown value '%s' for --iommu (auto, vt-d, amd-vi, smmuv3, none)", text);
        return 0;
    case 'a':
        if (!group_algorithm_parse(text, &rules->algorithm))
            argp_error(state, "unknown algorithm '%s': linux, linux-5.9 or acs-rework-v3", text);
        return 0;
    case OPTION_ASSUME:
        if (!isolation_policy_parse(text, &rules->assume))
            argp_error(state, "unknown policy '%s': table, pessimistic or optimistic", text);
        return 0;
    case OPTION_CPU:
        arguments->cpu = (enum p2pdma_cpu)choose(state, "cpu", text, cpus, 3);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t read_position(struct argp_state *state, struct reach_arguments *arguments, char *text)
{
    if (state->arg_num > 2)
        argp_error(state, "FILE, SRC and DST only, not also '%s'", text);
    if (state->arg_num == 0)
        file_arguments_name(&arguments->files, text, state);
    else
        *(state->arg_num == 1 ? &arguments->source : &arguments->target) = text;
    return 0;
}

static void check_arguments(struct argp_state *state, struct reach_arguments *arguments)
{
    if (arguments->target && place_argument_is(arguments->target))
        set_mode(state, arguments, REACH_MODE_PLACES);
    enum report_format format = arguments->question.format;
    bool named = arguments->source || arguments->target;
    bool plain = arguments->mode == REACH_MODE_PAIRS || arguments->mode == REACH_MODE_PLACES;
    if (!plain && arguments->mode != REACH_MODE_SOUND && format == REPORT_SARIF)
        argp_error(state, "sarif is for the plain question and --sound");
    if (!plain && arguments->question.way_count)
        argp_error(state, "--kind is for the plain question: who reaches whom");
    if (arguments->question.way_count && format == REPORT_SARIF)
        argp_error(state, "sarif lists writes: no --kind");
    if (arguments->mode == REACH_MODE_MATRIX && format != REPORT_TEXT)
        argp_error(state, "--matrix is text");
    if (arguments->mode == REACH_MODE_SOUND && named)
        argp_error(state, "--sound judges the whole machine: no SRC or DST");
    if (arguments->mode == REACH_MODE_WANT && named)
        argp_error(state, "the wish names the functions: no SRC or DST");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    static const char *const formats[] = {"text", "json", "tsv", "sarif"};
    static const char *const fail_names[] = {"leak"};
    struct reach_arguments *arguments = state->input;
    switch (key) {
    case OPTION_SOUND:
        set_mode(state, arguments, REACH_MODE_SOUND);
        return 0;
    case OPTION_P2PDMA:
        set_mode(state, arguments, REACH_MODE_P2PDMA);
        return 0;
    case OPTION_WANT:
        set_mode(state, arguments, REACH_MODE_WANT);
        arguments->want = text;
        return 0;
    case OPTION_INTERRUPTS:
        set_mode(state, arguments, REACH_MODE_INTERRUPTS);
        return 0;
    case OPTION_MATRIX:
        set_mode(state, arguments, REACH_MODE_MATRIX);
        return 0;
    case 'f':
        arguments->question.format = (enum report_format)choose(state, "format", text, formats, 4);
        return 0;
    case OPTION_OUTCOME:
        add_outcome(state, arguments, text);
        return 0;
    case OPTION_KIND:
        add_kind(state, &arguments->question, text);
        return 0;
    case 's':
        arguments->question.summary_only = true;
        return 0;
    case 'o':
        arguments->output = text;
        return 0;
    case OPTION_FAIL_ON:
        arguments->fail_on_leak = choose(state, "fail-on", text, fail_names, 1) == 0;
        return 0;
    case OPTION_WITH:
    case OPTION_ACS:
        file_arguments_option(&arguments->files, key, text, state);
        return 0;
    case ARGP_KEY_ARG:
        return read_position(state, arguments, text);
    case ARGP_KEY_END:
        check_arguments(state, arguments);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "FILE is missing");
        return 0;
    default:
        return read_rule(state, arguments, key, text);
    }
}

const struct argp reach_argp = {options, parse_option, "FILE [SRC [DST]]", doc, NULL, NULL, NULL};

void reach_arguments_parse(struct reach_arguments *arguments, int argc, char **argv)
{
    argp_err_exit_status = EXIT_BAD_USAGE;
    argp_parse(&reach_argp, argc, argv, 0, NULL, arguments);
}
