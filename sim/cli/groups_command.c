/* SPDX-License-Identifier: MIT */
#include "sim/cli/commands.h"
#include "sim/input/machine_input.h"
#include "sim/output/groups_lspci.h"
#include "sim/output/groups_nodedev.h"
#include "sim/output/groups_output.h"
#include "sim/output/output_file.h"
#include "sim/output/reserved_output.h"
#include "sim/base/status.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

struct groups_options {
    const char *file;
    const char *output; /* NULL: standard output */
    struct group_options rules;
    void (*write)(const struct iommu_groups *groups, struct text_buffer *out);
    bool reserved;
};

static const struct argp_option options[] = {
    {"iommu", 'i', "KIND", 0,
     "Which IOMMU the machine has: auto (the input's own units, or a guess where it names none; the "
     "default), "
     "vt-d, amd-vi, smmuv3, none",
     0},
    {"cmdline", 'c', "STRING", 0,
     "Kernel command line, in place of the input's own: intel_iommu=, amd_iommu=, iommu=, "
     "iommu.passthrough=, "
     "iommu.strict=, pci=disable_acs_redir=, pci=config_acs=, pci=noats, pcie_acs_override=; other words are "
     "ignored",
     0},
    {"algorithm", 'a', "NAME", 0,
     "Rule set: linux (3.x to 7.3, the default); linux-5.9 (that kernel's slip: Intel chipset ports without "
     "ACS capability are not isolated); acs-rework-v3 (the rework proposed in 2025, not merged)",
     0},
    {"assume", 's', "POLICY", 0,
     "What functions do whose ACS registers the input hides: table (what their id or family does elsewhere, "
     "the "
     "default), pessimistic (they do not isolate), optimistic (they do)",
     0},
    {"format", 'f', "FORMAT", 0,
     "text (default), json, tsv (group number, tab, address), nodedev (XML as virsh nodedev-dumpxml), or "
     "lspci "
     "(records as lspci -vmmnnk)",
     0},
    {"reserved", 'r', NULL, 0,
     "Reserved regions of the groups, too, as the kernel prints them (json has them always; with tsv: "
     "instead "
     "of the members, as group, start, end, type)",
     0},
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {0},
};

static const char doc[] =
    "IOMMU groups of a machine as the Linux kernel makes them, and why.\v"
    "FILE is a topology JSON, any dump `import` knows (- is standard input), or \"synthetic:...\".\n"
    "Control registers in a dump are those of the running kernel; options that change ACS are applied to "
    "them as a what-if.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct groups_options *chosen = state->input;
    switch (key) {
    case 'i':
        if (!iommu_choice_parse(argument, &chosen->rules.choice))
            argp_error(state, "unknown IOMMU '%s': auto, vt-d, amd-vi, smmuv3 or none", argument);
        return 0;
    case 'c':
        chosen->rules.cmdline = argument;
        return 0;
    case 'a':
        if (!group_algorithm_parse(argument, &chosen->rules.algorithm))
            argp_error(state, "unknown algorithm '%s': linux, linux-5.9 or acs-rework-v3", argument);
        return 0;
    case 's':
        if (!isolation_policy_parse(argument, &chosen->rules.assume))
            argp_error(state, "unknown policy '%s': table, pessimistic or optimistic", argument);
        return 0;
    case 'f':
        if (!strcmp(argument, "text"))
            chosen->write = groups_output_text;
        else if (!strcmp(argument, "json"))
            chosen->write = groups_output_json;
        else if (!strcmp(argument, "tsv"))
            chosen->write = groups_output_tsv;
        else if (!strcmp(argument, "nodedev"))
            chosen->write = groups_output_nodedev;
        else if (!strcmp(argument, "lspci"))
            chosen->write = groups_output_lspci;
        else
            argp_error(state, "unknown format '%s': text, json, tsv, nodedev or lspci", argument);
        return 0;
    case 'r':
        chosen->reserved = true;
        return 0;
    case 'o':
        chosen->output = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (chosen->file)
            argp_error(state, "one FILE only, not also '%s'", argument);
        chosen->file = argument;
        return 0;
    case ARGP_KEY_END:
        if (!chosen->file)
            argp_error(state, "FILE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int write_groups(const struct groups_options *chosen, const struct topology *topology,
                        struct diagnostics *diagnostics)
{
    struct iommu_groups *groups = iommu_groups_form_as(topology, &chosen->rules, diagnostics);
    struct text_buffer out = {0};
    if (chosen->reserved && chosen->write == groups_output_tsv)
        reserved_output_tsv(groups, &out);
    else
        chosen->write(groups, &out);
    if (chosen->reserved && chosen->write == groups_output_text)
        reserved_output_text(groups, &out);
    int status = output_file_write(chosen->output, text_buffer_get(&out), out.length, diagnostics);
    text_buffer_fini(&out);
    iommu_groups_free(groups);
    return status;
}

int groups_command(int argc, char **argv)
{
    struct groups_options chosen = {.write = groups_output_text};
    struct argp argp = {options, parse_option, "FILE", doc, NULL, NULL, NULL};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &chosen);

    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input = NULL;
    int status = machine_input_load(chosen.file, &input, diagnostics);
    if (status == STATUS_OK)
        status = write_groups(&chosen, input->topology, diagnostics);
    diagnostics_print(diagnostics, stderr);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    return status_exit_code(status);
}
