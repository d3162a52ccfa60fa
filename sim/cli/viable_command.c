/* SPDX-License-Identifier: MIT */
/* iommusim viable FILE BDF... */
#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/cli/commands.h"
#include "sim/cli/file_arguments.h"
#include "sim/cli/function_argument.h"
#include "sim/input/machine_input.h"
#include "sim/output/output_file.h"
#include "sim/output/terminal.h"
#include "sim/output/viability_report.h"
#include "sim/cli/rule_words.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_NOT_VIABLE = 1, EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20 };

enum { OPTION_RULE = 256, OPTION_DRIVER, OPTION_UNSAFE };

static const struct argp_option options[] = {
    {"rule", OPTION_RULE, "RULE", 0,
     "modern (default; VFIO of kernels 5.19 and later), pre-5.18, or legacy-kvm (KVM's own device "
     "assignment)",
     0},
    {"driver", OPTION_DRIVER, "BDF=NAME", 0,
     "The driver bound to a function, in place of what the input says; 'none' for no driver. May repeat", 0},
    {"unsafe-interrupts", OPTION_UNSAFE, NULL, 0, "allow_unsafe_interrupts is set", 0},
    {"cmdline", 'c', "STRING", 0,
     "Kernel command line, in place of the input's own; the words are those of `iommusim groups`, and "
     "intremap=",
     0},
    {"iommu", 'i', IOMMU_WORDS, 0,
     "Which IOMMU the machine has: auto (default), vt-d, amd-vi, smmuv3 or none", 0},
    {"algorithm", 'a', ALGORITHM_WORDS, 0,
     "Rule set of the groups: linux (default), linux-5.9 or acs-rework-v3", 0},
    {"assume", 's', POLICY_WORDS, 0,
     "What functions do whose ACS registers the input hides: table (default), pessimistic or optimistic", 0},
    FILE_ARGUMENTS_OPTIONS(0),
    {"format", 'f', "text|json", 0, "text (default) or json", 0},
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {0},
};

/* Arguments in the order they came; they point into argv. */
struct words {
    char **words;
    size_t count, capacity;
};

struct arguments {
    struct file_arguments files;
    const char *output; /* NULL: standard output */
    struct group_options groups;
    enum viability_rule rule;
    bool unsafe_interrupts;
    struct words functions, drivers;
    void (*write)(const struct viability *answer, struct text_buffer *out);
};

static void add_word(struct words *words, char *word)
{
    words->words = memory_grow(words->words, words->count, &words->capacity, sizeof(*words->words));
    words->words[words->count++] = word;
}

static void set_rule(struct arguments *arguments, const char *text, struct argp_state *state)
{
    static const char *const names[] = {"modern", "pre-5.18", "legacy-kvm"};
    if (viability_rule_parse(text, &arguments->rule))
        return;
    const char *near = nearest_name(text, names, sizeof(names) / sizeof(names[0]), sizeof(names[0]));
    argp_error(state, "unknown rule '%s'%s%s%s: modern, pre-5.18 or legacy-kvm", text,
               near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case OPTION_RULE:
        set_rule(arguments, text, state);
        return 0;
    case OPTION_DRIVER:
        if (!strchr(text, '='))
            argp_error(state, "--driver wants BDF=NAME, not '%s'", text);
        add_word(&arguments->drivers, text);
        return 0;
    case OPTION_UNSAFE:
        arguments->unsafe_interrupts = true;
        return 0;
    case 'c':
        arguments->groups.cmdline = text;
        return 0;
    case 'i':
        if (!iommu_choice_parse(text, &arguments->groups.choice))
            argp_error(state, "unknown IOMMU '%s': auto, vt-d, amd-vi, smmuv3 or none", text);
        return 0;
    case 'a':
        if (!group_algorithm_parse(text, &arguments->groups.algorithm))
            argp_error(state, "unknown algorithm '%s': linux, linux-5.9 or acs-rework-v3", text);
        return 0;
    case 's':
        if (!isolation_policy_parse(text, &arguments->groups.assume))
            argp_error(state, "unknown policy '%s': table, pessimistic or optimistic", text);
        return 0;
    case 'f':
        if (strcmp(text, "text") != 0 && strcmp(text, "json") != 0)
            argp_error(state, "unknown format '%s': text or json", text);
        arguments->write = *text == 'j' ? viability_report_json : viability_report_text;
        return 0;
    case 'o':
        arguments->output = text;
        return 0;
    case OPTION_WITH:
    case OPTION_ACS:
        file_arguments_option(&arguments->files, key, text, state);
        return 0;
    case ARGP_KEY_ARG:
        if (!arguments->files.named)
            file_arguments_name(&arguments->files, text, state);
        else
            add_word(&arguments->functions, text);
        return 0;
    case ARGP_KEY_END:
        if (!arguments->files.named)
            argp_error(state, "FILE is missing");
        if (!arguments->functions.count)
            argp_error(state, "the functions to give are missing (BDF...)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* "BDF=NAME" into the table of drivers. */
static bool set_driver(const struct topology *topology, const char *text, const char **drivers,
                       struct arena *arena, struct diagnostics *diagnostics)
{
    const char *name = strchr(text, '=') + 1;
    char *address = arena_format(arena, "%.*s", (int)(name - 1 - text), text);
    uint32_t id;
    if (!function_argument_find(topology, address, diagnostics, &id))
        return false;
    drivers[id] = strcmp(name, "none") == 0 ? "" : name;
    return true;
}

static bool read_question(const struct arguments *arguments, const struct topology *topology,
                          struct function_list *given, const char **drivers, struct arena *arena,
                          struct diagnostics *diagnostics)
{
    bool good = true;
    for (size_t i = 0; i < arguments->functions.count; i++)
        good &= function_list_add(given, topology, arguments->functions.words[i], diagnostics);
    for (size_t i = 0; i < arguments->drivers.count; i++)
        good &= set_driver(topology, arguments->drivers.words[i], drivers, arena, diagnostics);
    return good;
}

static int write_answer(const struct arguments *arguments, const struct topology *topology,
                        struct diagnostics *diagnostics, enum viability_verdict *verdict)
{
    struct arena *arena = arena_new();
    struct function_list given = {0};
    const char **drivers = viability_drivers(topology, arena);
    int status = STATUS_BAD_INPUT;
    if (read_question(arguments, topology, &given, drivers, arena, diagnostics)) {
        struct iommu_groups *groups = iommu_groups_form_as(topology, &arguments->groups, diagnostics);
        struct viability_question question = {
            .rule = arguments->rule,
            .given = given.ids,
            .given_count = (uint32_t)given.count,
            .drivers = drivers,
            .unsafe_interrupts = arguments->unsafe_interrupts,
        };
        struct text_buffer out = {0};
        struct viability *answer = viability_find(groups, &question, arena);
        *verdict = answer->verdict;
        arguments->write(answer, &out);
        if (arguments->write == viability_report_text)
            terminal_fold(&out, arguments->output);
        status = output_file_write(arguments->output, text_buffer_get(&out), out.length, diagnostics);
        text_buffer_fini(&out);
        iommu_groups_free(groups);
    }
    function_list_fini(&given);
    arena_free(arena);
    return status;
}

static const char doc[] =
    "Can these functions be given to a guest together? Who blocks, what has to be bound, what moves along, "
    "what kernel and QEMU would say, and which requests pass the IOMMU by.\v"
    "FILE is a topology JSON, any dump `import` knows (- is standard input), or \"synthetic:...\". A BDF is "
    "[segment:]bus:device.function, or bus:device for a whole slot. The given functions count as bound to "
    "vfio-pci; the others keep the driver the input states.\n"
    "Exit status: 0 viable; 1 not, or not shown because a driver is not known (say it with --driver); 2 bad "
    "usage or input; 3 files.";

const struct argp viable_argp = {options, parse_option, "FILE BDF...", doc, NULL, NULL, NULL};

int viable_command(int argc, char **argv)
{
    struct arguments arguments = {.write = viability_report_text};
    enum viability_verdict verdict = VERDICT_NOT_VIABLE;
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&viable_argp, argc, argv, 0, NULL, &arguments);

    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    struct machine_input *input = NULL;
    int status = file_arguments_load(&arguments.files, &input, diagnostics);
    if (status == STATUS_OK)
        status = write_answer(&arguments, input->topology, diagnostics, &verdict);
    diagnostics_print(diagnostics, stderr);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    free(arguments.functions.words);
    free(arguments.drivers.words);
    if (status == STATUS_OK && verdict != VERDICT_VIABLE)
        return EXIT_NOT_VIABLE;
    return status_exit_code(status);
}
