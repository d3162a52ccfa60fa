/* SPDX-License-Identifier: MIT */
#include "sim/cli/diff_arguments.h"

#include "sim/analysis/device_selector.h"
#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/cli/commands.h"
#include "sim/cli/rule_words.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_SET = 256,
    OPTION_MOVE,
    OPTION_WORKLOAD,
    OPTION_SLOTS,
    OPTION_FAIL_ON,
    OPTION_OVERRIDE,
    OPTION_BASE, /* and on: --base-* of the options c, i, a, s */
    OPTION_BASE_IOMMU,
    OPTION_BASE_ALGORITHM,
    OPTION_BASE_ASSUME,
};

static const struct argp_option options[] = {
    {0, 0, NULL, 0, "The change:", 1},
    {"set", OPTION_SET, "POINTER=VALUE", 0,
     "Set a value of the topology document, e.g. /kernel/cmdline=iommu=pt or 02:03.0/acs/control=[]; null "
     "takes "
     "it away. Of a dump the document is what `import` prints. May repeat",
     1},
    {"move", OPTION_MOVE, "DEVICE=PORT", 0,
     "Take the device (all functions of the slot) out and put it below PORT, a root port or downstream port "
     "with nothing below; buses are numbered anew where needed. May repeat; addresses are those before any "
     "move",
     1},
    {"acs-override", OPTION_OVERRIDE, "WORDS", 0,
     "Boot with pcie_acs_override=WORDS: downstream, multifunction, id:vvvv:dddd, separated by commas", 1},
    {"cmdline", 'c', "STRING", 0,
     "Boot with this kernel command line; the words are those of `iommusim groups`", 1},
    {"iommu", 'i', IOMMU_WORDS, 0, "Give the machine this IOMMU: auto, vt-d, amd-vi, smmuv3 or none", 1},
    {"algorithm", 'a', ALGORITHM_WORDS, 0,
     "Form groups by this rule set: linux (3.x to 7.3, the default), linux-5.9 or acs-rework-v3", 1},
    {"assume", 's', POLICY_WORDS, 0,
     "Assume this of functions whose ACS registers the input hides: table (default), pessimistic or "
     "optimistic",
     1},
    {0, 0, NULL, 0, "What holds before the change, and after it unless the change says otherwise:", 2},
    {"base-cmdline", OPTION_BASE, "STRING", 0, "The kernel's command line, in place of the input's own", 2},
    {"base-iommu", OPTION_BASE_IOMMU, IOMMU_WORDS, 0, "The IOMMU", 2},
    {"base-algorithm", OPTION_BASE_ALGORITHM, ALGORITHM_WORDS, 0, "The rule set", 2},
    {"base-assume", OPTION_BASE_ASSUME, POLICY_WORDS, 0, "What is assumed", 2},
    {"with", OPTION_WITH, "FILE", 0,
     "Another dump of the machine of the FILE before it, to be merged with that; may repeat", 0},
    {0, 0, NULL, 0, "The answer:", 3},
    {"workload", OPTION_WORKLOAD, "FILE", 0,
     "Run this workload (or that of a scenario) on both machines, too, and say what the change costs", 3},
    {"slots", OPTION_SLOTS, "DEVICE", 0,
     "Do not compare: put the device below every free port in turn and rank the ports by who would share its "
     "group, then leaks, then bandwidth; on the machine after the change, if there is one",
     3},
    {"fail-on", OPTION_FAIL_ON, "any|groups|leaks|viability|nothing", 0,
     "Exit with 1 for any difference (any, the default; with --workload of cost, too), only if another set "
     "of "
     "functions shares a group (groups), only if a pair leaks that did not or nothing is behind an IOMMU any "
     "more "
     "(leaks), only if a device can no longer be given to a guest (viability), or never (nothing)",
     3},
    {"format", 'f', "text|json|tsv", 0, "text (default), json or tsv", 3},
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 3},
    {0},
};

static const char doc[] =
    "Compare two machines, or one with itself after a change: who shares an IOMMU group with whom and why "
    "that "
    "changed, who reaches whom past the IOMMU, and which devices can be given to a guest.\v"
    "A FILE is a topology JSON, any dump `import` knows (- is standard input), or \"synthetic:...\". With "
    "two "
    "FILEs --acs-override, --cmdline, --iommu, --algorithm and --assume hold for both.\n"
    "Functions are found again by place and ids, not by bus number. Exit status: 0 no difference, 1 a "
    "difference (see --fail-on), 2 bad usage or input, 3 files.";

/* Index of a word among names, or the end of the program with a message. */
static int choose(struct argp_state *state, const char *option, const char *word, const char *const *names,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, names[i]) == 0)
            return (int)i;
    }
    const char *near = nearest_name(word, names, count, sizeof(names[0]));
    argp_error(state, "unknown value '%s' for --%s%s%s%s", word, option, near ? ", did you mean '" : "",
               near ? near : "", near ? "'?" : "");
    return 0;
}

/* One of the options that say how groups are formed, by its letter. */
static void read_rule(struct argp_state *state, struct diff_rules *rules, int letter, char *text)
{
    switch (letter) {
    case 'c':
        rules->options.cmdline = text;
        break;
    case 'i':
        rules->choice = iommu_choice_parse(text, &rules->options.choice);
        if (!rules->choice)
            argp_error(state, "unknown IOMMU '%s': auto, vt-d, amd-vi, smmuv3 or none", text);
        break;
    case 'a':
        rules->algorithm = group_algorithm_parse(text, &rules->options.algorithm);
        if (!rules->algorithm)
            argp_error(state, "unknown algorithm '%s': linux, linux-5.9 or acs-rework-v3", text);
        break;
    case 's':
        rules->assume = isolation_policy_parse(text, &rules->options.assume);
        if (!rules->assume)
            argp_error(state, "unknown assumption '%s': table, pessimistic or optimistic", text);
        break;
    default:
        break;
    }
}

/* Words the kernel does not know have no effect there; here they are a slip. */
static void check_override(struct argp_state *state, const char *words)
{
    static const char *const known[] = {"downstream", "multifunction", "id:vvvv:dddd"};
    for (const char *at = words;; at++) {
        char word[32];
        size_t length = strcspn(at, ",");
        struct device_selector selector;
        snprintf(word, sizeof(word), "%.*s", (int)length, at);
        bool id = strncmp(word, "id:", 3) == 0;
        if (id) { /* "id:vvvv:dddd" is "pci:vvvv:dddd" under another name */
            char text[sizeof(word) + 1];
            snprintf(text, sizeof(text), "pci:%s", word + 3);
            id = length < sizeof(word) && device_selector_parse(text, length + 1, &selector);
        }
        if (!id && strcmp(word, known[0]) != 0 && strcmp(word, known[1]) != 0) {
            const char *near = nearest_name(word, known, 2, sizeof(known[0]));
            argp_error(
                state,
                "unknown word '%.*s' in --acs-override%s%s%s (downstream, multifunction, id:vvvv:dddd)",
                (int)length, at, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        at += length;
        if (!*at)
            return;
    }
}

static bool any_rule(const struct diff_rules *rules)
{
    return rules->options.cmdline || rules->choice || rules->algorithm || rules->assume;
}

static void check_arguments(const struct diff_arguments *arguments, struct argp_state *state)
{
    bool document = arguments->settings.count || arguments->moves.count;
    if (!arguments->machines[0].named)
        argp_error(state, "FILE is missing");
    if (arguments->machines[1].named) {
        if (arguments->slots)
            argp_error(state, "--slots is for one FILE");
        if (document)
            argp_error(state, "--set and --move are for one FILE and its change");
        if (any_rule(&arguments->base))
            argp_error(state, "--base-... is for one FILE and its change");
    } else if (!arguments->slots && !document && !arguments->acs_override && !any_rule(&arguments->change)) {
        argp_error(state, "nothing to compare with: name a second FILE or a change");
    }
}

static void add_word(struct diff_words *words, const char *word)
{
    words->words = memory_grow(words->words, words->count, &words->capacity, sizeof(*words->words));
    words->words[words->count++] = word;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    static const char *const formats[] = {"text", "json", "tsv"};
    /* ORDER: enum fail_on */
    static const char *const failures[] = {"any", "groups", "leaks", "viability", "nothing"};
    struct diff_arguments *arguments = state->input;
    switch (key) {
    case OPTION_SET:
        add_word(&arguments->settings, text);
        return 0;
    case OPTION_MOVE:
        add_word(&arguments->moves, text);
        return 0;
    case OPTION_OVERRIDE:
        check_override(state, text);
        arguments->acs_override = text;
        return 0;
    case 'c':
    case 'i':
    case 'a':
    case 's':
        read_rule(state, &arguments->change, key, text);
        return 0;
    case OPTION_BASE:
    case OPTION_BASE_IOMMU:
    case OPTION_BASE_ALGORITHM:
    case OPTION_BASE_ASSUME:
        read_rule(state, &arguments->base, "cias"[key - OPTION_BASE], text);
        return 0;
    case OPTION_FAIL_ON:
        arguments->fail_on = (enum fail_on)choose(state, "fail-on", text, failures, 5);
        return 0;
    case OPTION_WORKLOAD:
        arguments->workload = text;
        return 0;
    case OPTION_SLOTS:
        arguments->slots = text;
        return 0;
    case 'f':
        arguments->format = choose(state, "format", text, formats, 3);
        return 0;
    case 'o':
        arguments->output = text;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_error(state, "two FILEs at most, not also '%s'", text);
        file_arguments_name(&arguments->machines[state->arg_num], text, state);
        return 0;
    case OPTION_WITH:
        if (!arguments->machines[0].named)
            argp_error(state, "--with %s stands before the FILE it belongs to", text);
        file_arguments_add(&arguments->machines[arguments->machines[1].named], text, state);
        return 0;
    case ARGP_KEY_END:
        check_arguments(arguments, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp diff_argp = {options, parse_option, "FILE [FILE]", doc, NULL, NULL, NULL};

void diff_arguments_parse(struct diff_arguments *arguments, int argc, char **argv)
{
    *arguments = (struct diff_arguments){.slots = NULL};
    argp_err_exit_status = status_exit_code(STATUS_BAD_USAGE);
    /* In order: --with belongs to the FILE before it. */
    argp_parse(&diff_argp, argc, argv, ARGP_IN_ORDER, NULL, arguments);
}

void diff_arguments_fini(struct diff_arguments *arguments)
{
    free(arguments->settings.words);
    free(arguments->moves.words);
}

struct group_options diff_arguments_rules(const struct diff_arguments *arguments, bool second)
{
    struct group_options rules = arguments->base.options;
    const struct diff_rules *change = &arguments->change;
    if (!second)
        return rules;
    if (change->options.cmdline)
        rules.cmdline = change->options.cmdline;
    if (change->choice)
        rules.choice = change->options.choice;
    if (change->algorithm)
        rules.algorithm = change->options.algorithm;
    if (change->assume)
        rules.assume = change->options.assume;
    return rules;
}
