/* SPDX-License-Identifier: MIT */
/* iommusim draw FILE */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/cli/commands.h"
#include "sim/cli/file_arguments.h"
#include "sim/input/machine_input.h"
#include "sim/output/draw.h"
#include "sim/output/output_file.h"
#include "sim/cli/rule_words.h"

#include <argp.h>
#include <string.h>

enum { KEY_COLLAPSE = 0x100, ERRORS_SHOWN = 20 };

struct draw_arguments {
    struct file_arguments files;
    const char *output; /* NULL: standard output */
    struct group_options rules;
    enum draw_collapse collapse;
    bool dot;
};

static const struct argp_option options[] = {
    {"iommu", 'i', IOMMU_WORDS, 0, "Which IOMMU the machine has: auto (default), vt-d, amd-vi, smmuv3, none",
     0},
    {"cmdline", 'c', "STRING", 0,
     "Kernel command line, in place of the input's own; the words are those of `iommusim groups`", 0},
    {"algorithm", 'a', ALGORITHM_WORDS, 0, "Rule set: linux (default), linux-5.9 or acs-rework-v3", 0},
    {"assume", 's', POLICY_WORDS, 0,
     "What functions do whose ACS registers the input hides: table (default), pessimistic, optimistic", 0},
    {"format", 'f', "svg|dot", 0, "svg (default) or dot (for Graphviz)", 0},
    {"collapse", KEY_COLLAPSE, "auto|always|never", 0,
     "Draw identical functions once, with a count: auto (virtual functions, and in machines of more than 64 "
     "functions all; the default), always, never",
     0},
    FILE_ARGUMENTS_OPTIONS(0),
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {0},
};

static const char doc[] =
    "The machine as a picture: root complex, host bridges, ports, switches, slots and functions as nested "
    "boxes, coloured by IOMMU group; links with speed and width; leaks - pairs of different groups that "
    "reach "
    "each other untranslated - as red arrows.\v"
    "FILE is a topology JSON, any dump `import` knows (- is standard input), or \"synthetic:...\".\n"
    "Any browser shows the SVG, with more about each element where the pointer rests.";

static void parse_collapse(const char *text, struct argp_state *state, enum draw_collapse *collapse)
{
    if (strcmp(text, "auto") == 0)
        *collapse = DRAW_COLLAPSE_AUTO;
    else if (strcmp(text, "always") == 0)
        *collapse = DRAW_COLLAPSE_ALWAYS;
    else if (strcmp(text, "never") == 0)
        *collapse = DRAW_COLLAPSE_NEVER;
    else
        argp_error(state, "unknown value '%s' for --collapse: auto, always or never", text);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct draw_arguments *arguments = state->input;
    switch (key) {
    case 'i':
        if (!iommu_choice_parse(text, &arguments->rules.choice))
            argp_error(state, "unknown IOMMU '%s': auto, vt-d, amd-vi, smmuv3 or none", text);
        return 0;
    case 'c':
        arguments->rules.cmdline = text;
        return 0;
    case 'a':
        if (!group_algorithm_parse(text, &arguments->rules.algorithm))
            argp_error(state, "unknown algorithm '%s': linux, linux-5.9 or acs-rework-v3", text);
        return 0;
    case 's':
        if (!isolation_policy_parse(text, &arguments->rules.assume))
            argp_error(state, "unknown policy '%s': table, pessimistic or optimistic", text);
        return 0;
    case 'f':
        arguments->dot = strcmp(text, "dot") == 0;
        if (!arguments->dot && strcmp(text, "svg") != 0)
            argp_error(state, "unknown format '%s': svg or dot", text);
        return 0;
    case KEY_COLLAPSE:
        parse_collapse(text, state, &arguments->collapse);
        return 0;
    case 'o':
        arguments->output = text;
        return 0;
    case ARGP_KEY_ARG:
        file_arguments_name(&arguments->files, text, state);
        return 0;
    case OPTION_WITH:
    case OPTION_ACS:
        file_arguments_option(&arguments->files, key, text, state);
        return 0;
    case ARGP_KEY_END:
        if (!arguments->files.named)
            argp_error(state, "FILE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Pictures are passed on: folders of the user's machine are nobody's business. */
static const char *shown_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (strncmp(file, "synthetic:", strlen("synthetic:")) == 0)
        return file;
    if (strcmp(file, "-") == 0)
        return "standard input";
    return slash && slash[1] ? slash + 1 : file;
}

static int answer(const struct draw_arguments *arguments, const struct topology *topology,
                  struct diagnostics *diagnostics)
{
    struct arena *arena = arena_new();
    struct iommu_groups *groups = iommu_groups_form_as(topology, &arguments->rules, diagnostics);
    struct drawing *drawing = drawing_new(groups, reach_new(arena, groups), arguments->collapse);
    struct draw_title title = {shown_name(arguments->files.paths[0]),
                               arguments->rules.cmdline ? arguments->rules.cmdline : topology->cmdline};
    struct text_buffer out = {0};
    if (arguments->dot)
        draw_dot(drawing, &title, &out);
    else
        draw_svg(drawing, &title, &out);
    int status = output_file_write(arguments->output, text_buffer_get(&out), out.length, diagnostics);
    text_buffer_fini(&out);
    drawing_free(drawing);
    iommu_groups_free(groups);
    arena_free(arena);
    return status;
}

const struct argp draw_argp = {options, parse_option, "FILE", doc, NULL, NULL, NULL};

int draw_command(int argc, char **argv)
{
    struct draw_arguments arguments = {.collapse = DRAW_COLLAPSE_AUTO};
    argp_err_exit_status = 2;
    argp_parse(&draw_argp, argc, argv, 0, NULL, &arguments);

    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    struct machine_input *input = NULL;
    int status = file_arguments_load(&arguments.files, &input, diagnostics);
    if (status == STATUS_OK)
        status = answer(&arguments, input->topology, diagnostics);
    diagnostics_print(diagnostics, stderr);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    return status_exit_code(status);
}
