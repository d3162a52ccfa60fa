/* SPDX-License-Identifier: MIT */
/* `iommusim import`: a topology file from a real machine's dump. */
#include "sim/analysis/acs_enable.h"
#include "sim/analysis/iommu_coverage.h"
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/cli/commands.h"
#include "sim/cli/file_arguments.h"
#include "sim/input/input_file.h"
#include "sim/input/lspci_writer.h"
#include "sim/input/machine_input.h"
#include "sim/input/sysfs_writer.h"
#include "sim/input/topology_writer.h"
#include "sim/output/output_file.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DIAGNOSTIC_LIMIT = 20 };

enum format { FORMAT_JSON, FORMAT_LSPCI, FORMAT_SYSFS };

struct arguments {
    struct file_arguments files;
    const char *output; /* "-": standard output */
    enum format format;
    bool quiet;
    const struct form *form; /* what the files must be; NULL: whatever is recognised */
};

/* Words before the files that say what they are. */
struct form {
    const char *word, *what;
    enum input_kind kinds[2];
};

static const struct form forms[] = {
    {"lspci", "the output of lspci", {INPUT_LSPCI_TEXT, INPUT_LSPCI_HEX}},
    {"log", "a kernel log", {INPUT_KERNEL_LOG, INPUT_KERNEL_LOG}},
    {"groups", "a listing of IOMMU groups", {INPUT_GROUP_LIST, INPUT_GROUP_LIST}},
    {"sysfs", "a copy of /sys", {INPUT_FILE_TREE, INPUT_FILE_TREE}},
    {"hwloc", "XML of hwloc", {INPUT_HWLOC, INPUT_HWLOC}},
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {"format", 'f', "json|lspci|sysfs", 0,
     "json (default): a topology file; lspci: as `lspci -D -n -xxxx` prints it; sysfs: a tar archive as "
     "scripts/collect.sh makes",
     0},
    ACS_OPTION(0),
    {"quiet", 'q', NULL, 0, "No summary on standard error", 0},
    {0},
};

/* Is the first argument such a word, and no file? */
static bool take_form(struct arguments *arguments, const char *argument)
{
    if (arguments->files.count || arguments->form || access(argument, F_OK) == 0)
        return false;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(forms[i].word, argument) == 0)
            arguments->form = &forms[i];
    }
    return arguments->form != NULL;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'o':
        arguments->output = argument;
        return 0;
    case 'f':
        if (strcmp(argument, "json") == 0)
            arguments->format = FORMAT_JSON;
        else if (strcmp(argument, "lspci") == 0)
            arguments->format = FORMAT_LSPCI;
        else if (strcmp(argument, "sysfs") == 0)
            arguments->format = FORMAT_SYSFS;
        else
            argp_error(state, "unknown format '%s'; json, lspci and sysfs are known", argument);
        return 0;
    case 'q':
        arguments->quiet = true;
        return 0;
    case OPTION_ACS:
        file_arguments_option(&arguments->files, key, argument, state);
        return 0;
    case ARGP_KEY_ARG:
        if (!take_form(arguments, argument))
            file_arguments_add(&arguments->files, argument, state);
        return 0;
    case ARGP_KEY_END:
        if (!arguments->files.count)
            argp_error(state,
                       "a dump is needed, for instance of 'sudo lspci -D -xxxx' (- reads standard input)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp import_argp = {
    options,
    parse_option,
    "[FORM] FILE...",
    "Make a topology file from what a real machine says of itself.\v"
    "Several FILEs are dumps of one machine, and what they tell is merged: the more complete one counts, and "
    "a "
    "warning names what they contradict each other in. Each is recognised by its content: the output of "
    "lspci with bytes (-x, -xxx, -xxxx), with text (-v, "
    "-vv, -vvv) or both; with or without -D, -n, -nn; a kernel log (dmesg, journalctl -k); a "
    "listing of IOMMU groups as shell loops print it; the XML of hwloc (lstopo --whole-io --of xml); a copy "
    "of /sys (or /sys itself), as a folder or tar "
    "archive, "
    "plain or compressed, as scripts/collect.sh makes it. Time stamps, mail "
    "quoting and wrapped lines do no harm, and one file may hold several of these. Most complete is 'sudo "
    "lspci -D -nn -vvv -xxxx'. What the dump does not tell stays unknown and is listed on standard error.\n"
    "FORM - lspci, log, groups, sysfs or hwloc - says what the files have to be; none is needed.",
    NULL,
    NULL,
    NULL,
};

/* What a dump may leave open. */
struct unknowns {
    unsigned types, acs, ids, sizes;
};

static struct unknowns count_unknowns(const struct topology *topology)
{
    struct unknowns unknowns = {0};
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        bool memory = false;
        for (unsigned b = 0; b < BAR_ROM; b++)
            memory |= function->bars[b].assigned && function->bars[b].size == 0;
        unknowns.types += function->pcie_unknown;
        unknowns.acs += function->acs_unknown;
        unknowns.ids += function->vendor == 0xffff || function->device == 0xffff;
        unknowns.sizes += memory;
    }
    return unknowns;
}

static void print_kinds(const struct topology *topology, FILE *out)
{
    for (const char *const *kind = function_kind_names(); *kind; kind++) {
        unsigned count = 0;
        for (uint32_t i = 0; i < topology->function_count; i++)
            count += strcmp(function_kind_name(&topology->functions[i]), *kind) == 0;
        if (count)
            fprintf(out, "  %5u %s\n", count, *kind);
    }
}

static void print_line(FILE *out, unsigned count, const char *text)
{
    if (count)
        fprintf(out, "  %5u %s\n", count, text);
}

static void print_summary(const struct topology *topology, const struct file_arguments *files, FILE *out)
{
    struct unknowns unknowns = count_unknowns(topology);
    char *name = file_arguments_text(files);
    fprintf(out, "%s: %u function%s on %u bus%s below %u host bridge%s\n", name, topology->function_count,
            topology->function_count == 1 ? "" : "s", topology->bus_count,
            topology->bus_count == 1 ? "" : "es", topology->host_bridge_count,
            topology->host_bridge_count == 1 ? "" : "s");
    print_kinds(topology, out);
    if (unknowns.types || unknowns.acs || unknowns.ids || unknowns.sizes || !topology->units_known)
        fputs("not told by the dump, of so many functions:\n", out);
    print_line(out, unknowns.types, "type (guessed from class and place)");
    print_line(out, unknowns.acs, "ACS capability");
    print_line(out, unknowns.ids, "ids");
    print_line(out, unknowns.sizes, "sizes of BARs");
    if (!topology->units_known)
        fputs("        which IOMMU covers what\n", out);
    free(name);
}

/* As a running Linux shows it: ACS enabled, and the units that translate, where the machine names any. */
static void write_sysfs(const struct topology *topology, struct text_buffer *out,
                        struct diagnostics *diagnostics)
{
    struct arena *arena = arena_new();
    const struct group_options rules = {.choice = IOMMU_CHOICE_AUTO};
    struct iommu_platform platform;
    iommu_platform_decide(topology, &rules, arena, diagnostics, &platform);
    const struct iommu_coverage *coverage = iommu_coverage_find(topology, &platform, arena);
    const struct acs_view *views = acs_enable(topology, &platform, arena);
    uint32_t *unit_of = arena_array(arena, topology->function_count, sizeof(*unit_of));
    uint16_t *control = arena_array(arena, topology->function_count, sizeof(*control));
    bool *dword = arena_array(arena, topology->function_count, sizeof(*dword));
    for (uint32_t i = 0; i < topology->function_count; i++) {
        unit_of[i] = coverage->functions[i].unit;
        dword[i] = views[i].dword_control;
        control[i] = views[i].hidden ? topology->functions[i].acs.control : views[i].control;
    }
    const struct sysfs_running running = {topology->units_known ? unit_of : NULL, control, dword};
    sysfs_write(topology, &running, out);
    arena_free(arena);
}

static int write_machine(const struct machine_input *input, const struct arguments *arguments,
                         struct diagnostics *diagnostics)
{
    struct text_buffer out = {0};
    if (arguments->format == FORMAT_LSPCI)
        lspci_write(input->topology, &out);
    else if (arguments->format == FORMAT_SYSFS)
        write_sysfs(input->topology, &out, diagnostics);
    else
        machine_write(input, &out);
    int status = output_file_write(arguments->output, text_buffer_get(&out), out.length, diagnostics);
    text_buffer_fini(&out);
    return status;
}

static int check_form(const struct form *form, const struct machine_source *source,
                      struct diagnostics *diagnostics)
{
    int status = STATUS_OK;
    for (size_t i = 0; form && i < source->count; i++) {
        enum input_kind kind = input_file_kind(&source->files[i]);
        if (kind == form->kinds[0] || kind == form->kinds[1])
            continue;
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source->files[i].text, DIAGNOSTIC_NO_OFFSET, NULL,
                           "import-form",
                           "this is not %s; without the word '%s' files are taken for what they are",
                           form->what, form->word);
        status = STATUS_BAD_INPUT;
    }
    return status;
}

static int load(const struct arguments *arguments, struct machine_input **input,
                struct diagnostics *diagnostics)
{
    struct machine_files files = file_arguments_get(&arguments->files);
    struct machine_source source = {0};
    int status = machine_source_read(&files, &source, diagnostics);
    if (status != STATUS_OK)
        return status;
    status = check_form(arguments->form, &source, diagnostics);
    if (status == STATUS_OK)
        status = file_arguments_load_read(&arguments->files, &source, input, diagnostics);
    machine_source_fini(&source);
    return status;
}

int import_command(int argc, char **argv)
{
    struct arguments arguments = {.output = "-"};
    argp_err_exit_status = status_exit_code(STATUS_BAD_USAGE);
    argp_parse(&import_argp, argc, argv, 0, NULL, &arguments);

    struct diagnostics *diagnostics = diagnostics_new(DIAGNOSTIC_LIMIT);
    struct machine_input *input = NULL;
    int status = load(&arguments, &input, diagnostics);
    if (status == STATUS_OK)
        status = write_machine(input, &arguments, diagnostics);
    diagnostics_print(diagnostics, stderr);
    if (status == STATUS_OK && !arguments.quiet)
        print_summary(input->topology, &arguments.files, stderr);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    return status_exit_code(status);
}
