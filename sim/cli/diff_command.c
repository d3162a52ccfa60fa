/* SPDX-License-Identifier: MIT */
/* iommusim diff A B, and iommusim diff A with changes. */
#include "sim/analysis/device_moves.h"
#include "sim/analysis/override_exposure.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/cli/commands.h"
#include "sim/input/machine_input.h"
#include "sim/input/what_if.h"
#include "sim/output/diff_report.h"
#include "sim/output/slots_output.h"
#include "sim/output/output_file.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_DIFFERENT = 1, ERRORS_SHOWN = 20 };

enum {
    OPTION_SET = 256,
    OPTION_MOVE,
    OPTION_SLOTS,
    OPTION_FAIL_ON,
    OPTION_OVERRIDE,
    OPTION_BASE_CMDLINE,
    OPTION_BASE_IOMMU
};

enum fail_on { FAIL_ON_ANY, FAIL_ON_GROUPS, FAIL_ON_LEAKS, FAIL_ON_NOTHING };

static const struct argp_option options[] = {
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
    {"iommu", 'i', "KIND", 0, "Give the machine this IOMMU: auto, vt-d, amd-vi, smmuv3 or none", 1},
    {"algorithm", 'a', "NAME", 0,
     "Form groups by this rule set: linux (3.x to 7.3, the default), linux-5.9 or acs-rework-v3", 1},
    {0, 0, NULL, 0, "Instead of comparing:", 4},
    {"slots", OPTION_SLOTS, "DEVICE", 0,
     "Put the device below every free port in turn and rank the ports by who would share its group, then "
     "leaks, then bandwidth; with the changes above",
     4},
    {0, 0, NULL, 0, "What the machine is before the change (with one FILE):", 2},
    {"base-cmdline", OPTION_BASE_CMDLINE, "STRING", 0, "Its kernel command line, in place of the input's own",
     2},
    {"base-iommu", OPTION_BASE_IOMMU, "KIND", 0,
     "Its IOMMU; also after the change, unless --iommu says otherwise", 2},
    {0, 0, NULL, 0, "The answer:", 3},
    {"fail-on", OPTION_FAIL_ON, "WHAT", 0,
     "Exit with 1 for any difference (any, the default), only if another set of functions shares a group "
     "(groups), only if a pair leaks that did not (leaks), or never (nothing)",
     3},
    {"format", 'f', "FORMAT", 0, "text (default), json or tsv", 3},
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 3},
    {0},
};

static const char doc[] =
    "Compare two machines, or one with itself after a change: who shares an IOMMU group with whom and why "
    "that "
    "changed, and who reaches whom past the IOMMU.\v"
    "A FILE is a topology JSON, any dump `import` knows (- is standard input), or \"synthetic:...\". With "
    "one "
    "FILE the options of the first block are the change; with two they hold for both.\n"
    "Functions are found again by place and ids, not by bus number. Exit status: 0 no difference, 1 "
    "a difference (see --fail-on), 2 bad usage or input, 3 files.";

struct arguments {
    const char *files[2];
    const char **settings, **moves; /* of --set and --move; from the heap */
    size_t setting_count, setting_capacity, move_count, move_capacity;
    const char *acs_override, *cmdline, *base_cmdline;
    enum iommu_choice iommu, base_iommu;
    enum group_algorithm algorithm;
    bool iommu_given, algorithm_given;
    enum fail_on fail_on;
    int format; /**< 0 text, 1 json, 2 tsv */
    const char *output;
    const char *slots; /**< the device to find a slot for; NULL: compare */
};

/** Index of @p word among @p names, or the end of the program with a message. */
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

static void choose_iommu(struct argp_state *state, const char *option, const char *word,
                         enum iommu_choice *choice)
{
    if (!iommu_choice_parse(word, choice))
        argp_error(state, "unknown value '%s' for --%s (auto, vt-d, amd-vi, smmuv3, none)", word, option);
}

static void check_arguments(const struct arguments *arguments, struct argp_state *state)
{
    bool changed = arguments->setting_count || arguments->move_count || arguments->acs_override ||
                   arguments->cmdline || arguments->iommu_given || arguments->algorithm_given;
    if (!arguments->files[0])
        argp_error(state, "FILE is missing");
    if (arguments->slots && arguments->files[1])
        argp_error(state, "--slots is for one FILE");
    if (!arguments->files[1] && !changed && !arguments->slots)
        argp_error(state, "nothing to compare with: name a second FILE or a change");
    if (arguments->files[1] && (arguments->setting_count || arguments->move_count))
        argp_error(state, "--set and --move are for one FILE and its change");
    if (arguments->files[1] && (arguments->base_cmdline || arguments->base_iommu != IOMMU_CHOICE_AUTO))
        argp_error(state, "--base-cmdline and --base-iommu are for one FILE and its change");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    static const char *const formats[] = {"text", "json", "tsv"};
    static const char *const failures[] = {"any", "groups", "leaks", "nothing"}; /* ORDER: enum fail_on */
    struct arguments *arguments = state->input;
    switch (key) {
    case OPTION_SET:
        arguments->settings = memory_grow(arguments->settings, arguments->setting_count,
                                          &arguments->setting_capacity, sizeof(*arguments->settings));
        arguments->settings[arguments->setting_count++] = text;
        return 0;
    case OPTION_MOVE:
        arguments->moves = memory_grow(arguments->moves, arguments->move_count, &arguments->move_capacity,
                                       sizeof(*arguments->moves));
        arguments->moves[arguments->move_count++] = text;
        return 0;
    case OPTION_OVERRIDE:
        arguments->acs_override = text;
        return 0;
    case 'c':
        arguments->cmdline = text;
        return 0;
    case OPTION_BASE_CMDLINE:
        arguments->base_cmdline = text;
        return 0;
    case 'i':
        choose_iommu(state, "iommu", text, &arguments->iommu);
        arguments->iommu_given = true;
        return 0;
    case OPTION_BASE_IOMMU:
        choose_iommu(state, "base-iommu", text, &arguments->base_iommu);
        return 0;
    case 'a':
        if (!group_algorithm_parse(text, &arguments->algorithm))
            argp_error(state, "unknown algorithm '%s': linux, linux-5.9 or acs-rework-v3", text);
        arguments->algorithm_given = true;
        return 0;
    case OPTION_FAIL_ON:
        arguments->fail_on = (enum fail_on)choose(state, "fail-on", text, failures, 4);
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
        arguments->files[state->arg_num] = text;
        return 0;
    case ARGP_KEY_END:
        check_arguments(arguments, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {options, parse_option, "FILE [FILE]", doc, NULL, NULL, NULL};

/* One of the machines that are compared. */
struct side {
    struct machine_input *input; /* owned; NULL: the other side's */
    const struct topology *topology;
    struct group_options options;
    struct moved_machine moved; /* with --move: it is the last stage */
    const uint32_t *known;      /* [id on the first side] id here; NULL: to be found out */
    struct machine_view view;
    const char *name;
};

/* The command line of a machine with the override in front: what stands behind "--" is not the kernel's. */
static const char *add_override(struct arena *arena, const char *words, const char *cmdline)
{
    if (!words)
        return cmdline;
    return arena_format(arena, "pcie_acs_override=%s%s%s", words, cmdline && *cmdline ? " " : "",
                        cmdline ? cmdline : "");
}

/* What is asked about each side. */
static void set_options(const struct arguments *arguments, struct side *sides, struct arena *arena)
{
    for (int i = 0; i < 2; i++) {
        bool changed = i == 1 || arguments->files[1];
        struct group_options *asked = &sides[i].options;
        asked->choice = changed && arguments->iommu_given ? arguments->iommu : arguments->base_iommu;
        asked->cmdline = changed && arguments->cmdline ? arguments->cmdline : arguments->base_cmdline;
        asked->algorithm = changed ? arguments->algorithm : GROUP_ALGORITHM_LINUX;
        if (changed && arguments->acs_override) {
            const char *own = asked->cmdline ? asked->cmdline : sides[i].topology->cmdline;
            asked->cmdline = add_override(arena, arguments->acs_override, own);
        }
    }
}

/* "FILE with --cmdline '...'" */
static const char *name_of_change(const struct arguments *arguments, struct arena *arena)
{
    struct text_buffer name = {0};
    text_buffer_format(&name, "%s with", arguments->files[0]);
    for (size_t i = 0; i < arguments->setting_count; i++)
        text_buffer_format(&name, " --set '%s'", arguments->settings[i]);
    for (size_t i = 0; i < arguments->move_count; i++)
        text_buffer_format(&name, " --move %s", arguments->moves[i]);
    if (arguments->acs_override)
        text_buffer_format(&name, " --acs-override %s", arguments->acs_override);
    if (arguments->cmdline)
        text_buffer_format(&name, " --cmdline '%s'", arguments->cmdline);
    if (arguments->iommu_given)
        text_buffer_format(&name, " --iommu %s", iommu_choice_name(arguments->iommu));
    if (arguments->algorithm_given)
        text_buffer_format(&name, " --algorithm %s", group_algorithm_name(arguments->algorithm));
    const char *text = arena_string(arena, text_buffer_get(&name));
    text_buffer_fini(&name);
    return text;
}

/* Move devices on the second side. Who is who is known then, however alike devices are. */
static int move_devices(const struct arguments *arguments, struct side *sides, struct arena *arena,
                        struct diagnostics *diagnostics)
{
    struct side *side = &sides[1];
    int status = device_moves_apply(side->topology, arguments->moves, arguments->move_count, arena,
                                    &side->moved, diagnostics);
    if (status < 0)
        return status;
    /* --set may have come between the first side and the machine that is moved about in. */
    struct function_match match = function_match(sides[0].topology, side->topology, NULL, arena);
    uint32_t *known = arena_array(arena, sides[0].topology->function_count, sizeof(*known));
    for (uint32_t id = 0; id < sides[0].topology->function_count; id++)
        known[id] = match.to_after[id] == NONE ? NONE : side->moved.known[match.to_after[id]];
    side->known = known;
    side->topology = side->moved.stages[side->moved.stage_count - 1];
    return STATUS_OK;
}

static int load_sides(const struct arguments *arguments, struct side *sides, struct arena *arena,
                      struct diagnostics *diagnostics)
{
    sides[0].name = arguments->files[0];
    sides[1].name = arguments->files[1] ? arguments->files[1] : name_of_change(arguments, arena);
    int status;
    if (arguments->setting_count)
        status = what_if_load(arguments->files[0], arguments->settings, arguments->setting_count,
                              &sides[0].input, &sides[1].input, diagnostics);
    else
        status = machine_input_load(arguments->files[0], &sides[0].input, diagnostics);
    if (status == STATUS_OK && arguments->files[1])
        status = machine_input_load(arguments->files[1], &sides[1].input, diagnostics);
    if (status < 0)
        return status;
    sides[0].topology = sides[0].input->topology;
    sides[1].topology = sides[1].input ? sides[1].input->topology : sides[0].topology;
    return arguments->move_count ? move_devices(arguments, sides, arena, diagnostics) : STATUS_OK;
}

/* Do both sides read the same words, so that what is odd about them need be said only once? */
static bool same_words(const struct side *sides)
{
    const char *words[2];
    for (int i = 0; i < 2; i++)
        words[i] = sides[i].options.cmdline ? sides[i].options.cmdline : sides[i].topology->cmdline;
    return words[0] && words[1] && strcmp(words[0], words[1]) == 0;
}

static bool fails(const struct machine_diff *diff, enum fail_on fail_on)
{
    switch (fail_on) {
    case FAIL_ON_ANY:
        return machine_diff_any(diff);
    case FAIL_ON_GROUPS:
        return machine_diff_groups_differ(diff);
    case FAIL_ON_LEAKS:
        return machine_diff_leaks_more(diff);
    case FAIL_ON_NOTHING:
        break;
    }
    return false;
}

static int compare(const struct arguments *arguments, struct side *sides, struct diagnostics *diagnostics,
                   bool *failed)
{
    static void (*const writers[])(const struct diff_report *, struct text_buffer *) = {
        diff_report_text, diff_report_json, diff_report_tsv};
    struct diagnostics *unheard = diagnostics_new(1);
    machine_view_init(&sides[0].view, sides[0].topology, &sides[0].options, diagnostics);
    machine_view_init(&sides[1].view, sides[1].topology, &sides[1].options,
                      same_words(sides) ? unheard : diagnostics);
    struct machine_diff *diff = machine_diff_new(&sides[0].view, &sides[1].view, sides[1].known);
    struct override_exposure *exposure = override_exposure_new(&sides[1].view, &sides[1].options);
    struct diff_report report = {diff, exposure, sides[0].name, sides[1].name};
    struct text_buffer out = {0};
    writers[arguments->format](&report, &out);
    int status = output_file_write(arguments->output, text_buffer_get(&out), out.length, diagnostics);
    *failed = fails(diff, arguments->fail_on);
    text_buffer_fini(&out);
    override_exposure_free(exposure);
    machine_diff_free(diff);
    for (int i = 0; i < 2; i++)
        machine_view_fini(&sides[i].view);
    diagnostics_free(unheard);
    return status;
}

/* --slots: about the machine after the changes. */
static int survey(const struct arguments *arguments, const struct side *side, struct diagnostics *diagnostics)
{
    static void (*const writers[])(const struct slot_survey *, struct text_buffer *) = {
        slots_output_text, slots_output_json, slots_output_tsv};
    struct source_text source = {"--slots", arguments->slots, strlen(arguments->slots)};
    const struct pci_function *device =
        function_named(side->topology, arguments->slots, &source, 0, "slots-function", diagnostics);
    if (!device)
        return STATUS_BAD_INPUT;
    if (!device_move_slot(side->topology, device)) {
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, 0, NULL, "slots-not-in-slot", "%s",
                           move_obstacle_text(MOVE_NOT_IN_SLOT));
        return STATUS_BAD_INPUT;
    }
    struct slot_survey *found = slot_survey_new(side->topology, device->id, &side->options);
    struct text_buffer out = {0};
    writers[arguments->format](found, &out);
    int status = output_file_write(arguments->output, text_buffer_get(&out), out.length, diagnostics);
    text_buffer_fini(&out);
    slot_survey_free(found);
    return status;
}

int diff_command(int argc, char **argv)
{
    struct arguments arguments = {.output = NULL};
    argp_err_exit_status = status_exit_code(STATUS_BAD_USAGE);
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);

    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    struct arena *arena = arena_new();
    struct side sides[2] = {{0}, {0}};
    bool failed = false;
    int status = load_sides(&arguments, sides, arena, diagnostics);
    if (status == STATUS_OK) {
        set_options(&arguments, sides, arena);
        status = arguments.slots ? survey(&arguments, &sides[1], diagnostics)
                                 : compare(&arguments, sides, diagnostics, &failed);
    }
    diagnostics_print(diagnostics, stderr);
    moved_machine_fini(&sides[1].moved);
    for (int i = 0; i < 2; i++)
        machine_input_free(sides[i].input);
    arena_free(arena);
    free(arguments.settings);
    free(arguments.moves);
    diagnostics_free(diagnostics);
    return status == STATUS_OK && failed ? EXIT_DIFFERENT : status_exit_code(status);
}
