/* SPDX-License-Identifier: MIT */
#include "sim/analysis/group_statement.h"
#include "sim/base/arena.h"
#include "sim/cli/commands.h"
#include "sim/cli/file_arguments.h"
#include "sim/input/machine_input.h"
#include "sim/output/groups_compare.h"
#include "sim/output/groups_explain.h"
#include "sim/output/groups_lspci.h"
#include "sim/output/groups_nodedev.h"
#include "sim/output/groups_output.h"
#include "sim/output/output_file.h"
#include "sim/output/reserved_output.h"
#include "sim/output/terminal.h"
#include "sim/base/status.h"
#include "sim/cli/rule_words.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct groups_options {
    struct file_arguments files;
    const char *output; /* NULL: standard output */
    struct group_options rules;
    enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_TSV, FORMAT_NODEDEV, FORMAT_LSPCI } format;
    bool reserved;
    bool all; /* -v */
    bool compare;
    bool explain;
    const char *subject; /* of --explain, NULL: all merges */
};

enum { KEY_EXPLAIN = 0x100, KEY_COMPARE };

static const struct argp_option options[] = {
    {"iommu", 'i', IOMMU_WORDS, 0,
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
    {"algorithm", 'a', ALGORITHM_WORDS, 0,
     "Rule set: linux (3.x to 7.3, the default); linux-5.9 (that kernel's slip: Intel chipset ports without "
     "ACS capability are not isolated); acs-rework-v3 (the rework proposed in 2025, not merged)",
     0},
    {"assume", 's', POLICY_WORDS, 0,
     "What functions do whose ACS registers the input hides: table (what their id or family does elsewhere, "
     "the "
     "default), pessimistic (they do not isolate), optimistic (they do)",
     0},
    {"format", 'f', "text|json|tsv|nodedev|lspci", 0,
     "text (default), json, tsv (group number, tab, address), nodedev (XML as virsh nodedev-dumpxml), or "
     "lspci "
     "(records as lspci -vmmnnk)",
     0},
    {"reserved", 'r', NULL, 0,
     "Reserved regions of the groups, too, as the kernel prints them (json has them always; with tsv: "
     "instead "
     "of the members, as group, start, end, type)",
     0},
    {"explain", KEY_EXPLAIN, "BDF[,BDF]", OPTION_ARG_OPTIONAL,
     "Why: the whole story of one function, or why two are together or apart; without BDF each merge "
     "(text or json)",
     0},
    {"compare", KEY_COMPARE, NULL, 0,
     "Set the groups beside those the input states (lspci, kernel logs and copies of /sys do, the latter "
     "with types and reserved regions); exit status 1 where they "
     "differ",
     0},
    FILE_ARGUMENTS_OPTIONS(0),
    {"verbose", 'v', NULL, 0, "All reasons and assumptions, one line each", 0},
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {0},
};

static const char doc[] =
    "IOMMU groups of a machine as the Linux kernel makes them, and why.\v"
    "FILE is a topology JSON, any dump `import` knows (- is standard input), or \"synthetic:...\".\n"
    "Control registers in a dump are those of the running kernel; options that change ACS are applied to "
    "them as a what-if.";

/* "BDF" or "BDF,BDF": so that --explain may also be followed by a blank. */
static bool is_subject(const char *text)
{
    while (true) {
        char word[32];
        size_t length = strcspn(text, ",");
        uint32_t segment;
        uint8_t bus, devfn;
        if (length >= sizeof(word))
            return false;
        memcpy(word, text, length);
        word[length] = '\0';
        if (!bdf_parse(word, &segment, &bus, &devfn))
            return false;
        if (!text[length])
            return true;
        text += length + 1;
    }
}

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
            chosen->format = FORMAT_TEXT;
        else if (!strcmp(argument, "json"))
            chosen->format = FORMAT_JSON;
        else if (!strcmp(argument, "tsv"))
            chosen->format = FORMAT_TSV;
        else if (!strcmp(argument, "nodedev"))
            chosen->format = FORMAT_NODEDEV;
        else if (!strcmp(argument, "lspci"))
            chosen->format = FORMAT_LSPCI;
        else
            argp_error(state, "unknown format '%s': text, json, tsv, nodedev or lspci", argument);
        return 0;
    case 'r':
        chosen->reserved = true;
        return 0;
    case KEY_EXPLAIN:
        chosen->explain = true;
        chosen->subject = argument;
        return 0;
    case KEY_COMPARE:
        chosen->compare = true;
        return 0;
    case 'v':
        chosen->all = true;
        return 0;
    case 'o':
        chosen->output = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (chosen->explain && !chosen->subject && is_subject(argument)) {
            chosen->subject = argument;
            return 0;
        }
        file_arguments_name(&chosen->files, argument, state);
        return 0;
    case OPTION_WITH:
    case OPTION_ACS:
        file_arguments_option(&chosen->files, key, argument, state);
        return 0;
    case ARGP_KEY_END:
        if (!chosen->files.named)
            argp_error(state, "FILE is missing");
        if (chosen->explain && chosen->compare)
            argp_error(state, "--explain and --compare are two questions: ask one");
        if (chosen->explain && chosen->format != FORMAT_TEXT && chosen->format != FORMAT_JSON)
            argp_error(state, "--explain knows the formats text and json");
        if (chosen->compare && (chosen->format == FORMAT_NODEDEV || chosen->format == FORMAT_LSPCI))
            argp_error(state, "--compare knows the formats text, json and tsv");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void write_groups(const struct groups_options *chosen, const struct iommu_groups *groups,
                         struct text_buffer *out)
{
    switch (chosen->format) {
    case FORMAT_TEXT:
        groups_output_text(groups, chosen->all, out);
        if (chosen->reserved)
            reserved_output_text(groups, out);
        break;
    case FORMAT_JSON:
        groups_output_json(groups, out);
        break;
    case FORMAT_TSV:
        if (chosen->reserved)
            reserved_output_tsv(groups, out);
        else
            groups_output_tsv(groups, out);
        break;
    case FORMAT_NODEDEV:
        groups_output_nodedev(groups, out);
        break;
    case FORMAT_LSPCI:
        groups_output_lspci(groups, out);
        break;
    }
}

/* Types and reserved regions count, too, where the input states them. */
static bool statements_differ(const struct iommu_groups *groups)
{
    struct arena *arena = arena_new();
    struct group_statements found = group_statements_find(groups, arena);
    arena_free(arena);
    return found.types != found.types_same || found.regions != found.regions_same;
}

static int write_comparison(const struct groups_options *chosen, const struct iommu_groups *groups,
                            struct text_buffer *out, bool *no, struct diagnostics *diagnostics)
{
    uint32_t agree, differ;
    iommu_groups_agreement(groups, &agree, &differ);
    if (agree + differ == 0) {
        char *files = file_arguments_text(&chosen->files);
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL,
                           "groups-not-stated", "%s does not state the kernel's groups: nothing to compare",
                           files);
        free(files);
        return STATUS_BAD_INPUT;
    }
    if (chosen->format == FORMAT_TEXT)
        groups_compare_text(groups, chosen->all, out);
    else if (chosen->format == FORMAT_JSON)
        groups_compare_json(groups, out);
    else
        groups_compare_tsv(groups, out);
    *no = differ > 0 || statements_differ(groups);
    return STATUS_OK;
}

/* "BDF" or "BDF,BDF" */
static int find_subjects(const struct topology *topology, const char *subject,
                         struct explain_question *question, struct diagnostics *diagnostics)
{
    uint32_t *ids[] = {&question->a, &question->b};
    const char *at = subject;
    for (unsigned i = 0; at; i++) {
        char word[32];
        size_t length = strcspn(at, ",");
        uint32_t segment;
        uint8_t bus, devfn;
        snprintf(word, sizeof(word), "%.*s", (int)length, at);
        const struct pci_function *function = NULL;
        if (i < 2 && length < sizeof(word) && bdf_parse(word, &segment, &bus, &devfn))
            function = topology_find(topology, segment, bus, devfn);
        if (!function) {
            diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL,
                               "explain-no-function",
                               i < 2 ? "--explain: the machine has no function %s"
                                     : "--explain takes two functions at most, not also %s",
                               word);
            return STATUS_BAD_INPUT;
        }
        *ids[i] = function->id;
        at = at[length] ? at + length + 1 : NULL;
    }
    return STATUS_OK;
}

static int write_explanation(const struct groups_options *chosen, const struct iommu_groups *groups,
                             struct text_buffer *out, struct diagnostics *diagnostics)
{
    struct explain_question question = {NONE, NONE};
    int status = find_subjects(groups->topology, chosen->subject, &question, diagnostics);
    if (status != STATUS_OK)
        return status;
    if (chosen->format == FORMAT_JSON)
        groups_explain_json(groups, question, out);
    else
        groups_explain_text(groups, question, out);
    return STATUS_OK;
}

static int answer(const struct groups_options *chosen, const struct topology *topology, bool *no,
                  struct diagnostics *diagnostics)
{
    struct iommu_groups *groups = iommu_groups_form_as(topology, &chosen->rules, diagnostics);
    struct text_buffer out = {0};
    int status = STATUS_OK;
    if (chosen->compare)
        status = write_comparison(chosen, groups, &out, no, diagnostics);
    else if (chosen->explain)
        status = write_explanation(chosen, groups, &out, diagnostics);
    else
        write_groups(chosen, groups, &out);
    if (chosen->format == FORMAT_TEXT)
        terminal_fold(&out, chosen->output);
    if (status == STATUS_OK)
        status = output_file_write(chosen->output, text_buffer_get(&out), out.length, diagnostics);
    text_buffer_fini(&out);
    iommu_groups_free(groups);
    return status;
}

const struct argp groups_argp = {options, parse_option, "FILE", doc, NULL, NULL, NULL};

int groups_command(int argc, char **argv)
{
    struct groups_options chosen = {.format = FORMAT_TEXT};
    argp_err_exit_status = 2;
    argp_parse(&groups_argp, argc, argv, 0, NULL, &chosen);

    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input = NULL;
    bool no = false; /* the answer is no */
    int status = file_arguments_load(&chosen.files, &input, diagnostics);
    if (status == STATUS_OK)
        status = answer(&chosen, input->topology, &no, diagnostics);
    diagnostics_print(diagnostics, stderr);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    return status == STATUS_OK && no ? 1 : status_exit_code(status);
}
