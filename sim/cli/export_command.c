/* SPDX-License-Identifier: MIT */
/* iommusim export FORMAT FILE: the machine for other programs. */
#include "sim/base/status.h"
#include "sim/cli/commands.h"
#include "sim/cli/file_arguments.h"
#include "sim/cli/rule_words.h"
#include "sim/machine/simulation.h"
#include "sim/output/output_file.h"
#include "sim/output/simgrid_platform.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_PREFIX = 0x100, ERRORS_SHOWN = 20 };

struct export_arguments {
    const struct export_format *format;
    struct file_arguments files;
    const char *output; /* NULL: standard output */
    const char *cmdline, *prefix;
    enum iommu_choice iommu;
};

/* A form other programs read. */
struct export_format {
    const char *name;
    void (*write)(const struct simulation *simulation, const struct export_arguments *arguments,
                  struct text_buffer *out);
};

static void write_simgrid(const struct simulation *simulation, const struct export_arguments *arguments,
                          struct text_buffer *out)
{
    simgrid_platform_write(simulation->machine, simulation->input->topology, arguments->prefix, out);
}

static const struct export_format formats[] = {
    {"simgrid", write_simgrid},
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {"prefix", OPTION_PREFIX, "TEXT", 0,
     "Begin all names with TEXT, so that several machines fit into one platform", 0},
    {"iommu", 'i', IOMMU_WORDS, 0, "Which IOMMU the machine has: auto (default), vt-d, amd-vi, smmuv3, none",
     0},
    {"cmdline", 'c', "STRING", 0,
     "Kernel command line, in place of the input's own: it decides which ACS redirects are in force", 0},
    FILE_ARGUMENTS_OPTIONS(0),
    {0},
};

static const char doc[] =
    "The machine in a form that other programs read.\v"
    "FORMAT simgrid: its PCI Express fabric as a SimGrid platform (XML, version 4.1), for SMPI and other "
    "programs on SimGrid: a zone with a host for each function that can issue DMA and one, \"memory\", for "
    "CPUs and RAM; links up and down below each port, with the bandwidth that is left for payload and the "
    "latencies of link and switch; and what each function can do by itself. What ACS redirects goes by the "
    "root complex. Comments in the file say what it cannot tell. The same input gives the same bytes.\n"
    "FILE is a topology JSON, any dump `import` knows (- is standard input), or \"synthetic:...\".";

static const struct export_format *find_format(const char *name, struct argp_state *state)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    }
    argp_error(state, "unknown format '%s': simgrid", name);
    return NULL;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct export_arguments *arguments = state->input;
    switch (key) {
    case 'o':
        arguments->output = text;
        return 0;
    case OPTION_PREFIX:
        arguments->prefix = text;
        if (!simgrid_prefix_valid(text))
            argp_error(state, "'%s' cannot begin names: letters, digits, '-', '_' and '.' only", text);
        return 0;
    case 'i':
        if (!iommu_choice_parse(text, &arguments->iommu))
            argp_error(state, "unknown IOMMU '%s': auto, vt-d, amd-vi, smmuv3 or none", text);
        return 0;
    case 'c':
        arguments->cmdline = text;
        return 0;
    case OPTION_WITH:
    case OPTION_ACS:
        file_arguments_option(&arguments->files, key, text, state);
        return 0;
    case ARGP_KEY_ARG:
        if (!arguments->format)
            arguments->format = find_format(text, state);
        else
            file_arguments_name(&arguments->files, text, state);
        return 0;
    case ARGP_KEY_END:
        if (!arguments->format)
            argp_error(state, "FORMAT is missing: simgrid");
        if (!arguments->files.named)
            argp_error(state, "FILE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The machine is built as for a run, with nothing to do. */
static int answer(const struct export_arguments *arguments, const struct machine_input *input,
                  struct diagnostics *diagnostics)
{
    const struct workload idle = {.name = "none"};
    struct simulation simulation;
    struct text_buffer out = {0};
    simulation_init(&simulation, input, arguments->iommu, arguments->cmdline, diagnostics);
    int status = simulation_build(&simulation, &idle, diagnostics);
    if (status == STATUS_OK) {
        arguments->format->write(&simulation, arguments, &out);
        status = output_file_write(arguments->output, text_buffer_get(&out), out.length, diagnostics);
    }
    text_buffer_fini(&out);
    simulation_fini(&simulation);
    return status;
}

const struct argp export_argp = {options, parse_option, "simgrid FILE", doc, NULL, NULL, NULL};

int export_command(int argc, char **argv)
{
    struct export_arguments arguments = {.iommu = IOMMU_CHOICE_AUTO, .prefix = ""};
    argp_err_exit_status = 2;
    argp_parse(&export_argp, argc, argv, 0, NULL, &arguments);

    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    struct machine_input *input = NULL;
    int status = file_arguments_load(&arguments.files, &input, diagnostics);
    if (status == STATUS_OK)
        status = answer(&arguments, input, diagnostics);
    diagnostics_print(diagnostics, stderr);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    return status_exit_code(status);
}
