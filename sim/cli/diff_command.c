/* SPDX-License-Identifier: MIT */
/* iommusim diff A B, and iommusim diff A with changes. */
#include "sim/analysis/device_moves.h"
#include "sim/analysis/override_exposure.h"
#include "sim/base/status.h"
#include "sim/cli/commands.h"
#include "sim/cli/diff_arguments.h"
#include "sim/cli/run_progress.h"
#include "sim/input/machine_input.h"
#include "sim/input/what_if.h"
#include "sim/output/diff_report.h"
#include "sim/output/output_file.h"
#include "sim/output/slots_output.h"
#include "sim/output/terminal.h"

#include <stdlib.h>
#include <string.h>

enum { EXIT_DIFFERENT = 1, ERRORS_SHOWN = 20 };

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
static void set_options(const struct diff_arguments *arguments, struct side *sides, struct arena *arena)
{
    for (int i = 0; i < 2; i++) {
        bool changed = i == 1 || arguments->machines[1].named;
        struct group_options *asked = &sides[i].options;
        *asked = diff_arguments_rules(arguments, changed);
        if (changed && arguments->acs_override) {
            const char *own = asked->cmdline ? asked->cmdline : sides[i].topology->cmdline;
            asked->cmdline = add_override(arena, arguments->acs_override, own);
        }
    }
}

/* "FILE with --cmdline '...'" */
static const char *name_of_change(const struct diff_arguments *arguments, struct arena *arena)
{
    const struct diff_rules *change = &arguments->change;
    struct text_buffer name = {0};
    text_buffer_format(&name, "%s with", arguments->machines[0].paths[0]);
    for (size_t i = 0; i < arguments->settings.count; i++)
        text_buffer_format(&name, " --set '%s'", arguments->settings.words[i]);
    for (size_t i = 0; i < arguments->moves.count; i++)
        text_buffer_format(&name, " --move %s", arguments->moves.words[i]);
    if (arguments->acs_override)
        text_buffer_format(&name, " --acs-override %s", arguments->acs_override);
    if (change->options.cmdline)
        text_buffer_format(&name, " --cmdline '%s'", change->options.cmdline);
    if (change->choice)
        text_buffer_format(&name, " --iommu %s", iommu_choice_name(change->options.choice));
    if (change->algorithm)
        text_buffer_format(&name, " --algorithm %s", group_algorithm_name(change->options.algorithm));
    if (change->assume)
        text_buffer_format(&name, " --assume %s", isolation_policy_name(change->options.assume));
    const char *text = arena_string(arena, text_buffer_get(&name));
    text_buffer_fini(&name);
    return text;
}

/* Move devices on the second side. Who is who is known then, however alike devices are. */
static int move_devices(const struct diff_arguments *arguments, struct side *sides, struct arena *arena,
                        struct diagnostics *diagnostics)
{
    struct side *side = &sides[1];
    int status = device_moves_apply(side->topology, arguments->moves.words, arguments->moves.count, arena,
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

static int load_sides(const struct diff_arguments *arguments, struct side *sides, struct arena *arena,
                      struct diagnostics *diagnostics)
{
    const struct file_arguments *machines = arguments->machines;
    struct machine_files first = file_arguments_get(&machines[0]), second = file_arguments_get(&machines[1]);
    sides[0].name = machines[0].paths[0];
    sides[1].name = machines[1].named ? machines[1].paths[0] : name_of_change(arguments, arena);
    int status;
    if (arguments->settings.count)
        status = what_if_load(&first, arguments->settings.words, arguments->settings.count, &sides[0].input,
                              &sides[1].input, diagnostics);
    else
        status = machine_input_load_files(&first, &sides[0].input, diagnostics);
    if (status == STATUS_OK && machines[1].named)
        status = machine_input_load_files(&second, &sides[1].input, diagnostics);
    if (status < 0)
        return status;
    sides[0].topology = sides[0].input->topology;
    sides[1].topology = sides[1].input ? sides[1].input->topology : sides[0].topology;
    return arguments->moves.count ? move_devices(arguments, sides, arena, diagnostics) : STATUS_OK;
}

/* Do both sides read the same words, so that what is odd about them need be said only once? */
static bool same_words(const struct side *sides)
{
    const char *words[2];
    for (int i = 0; i < 2; i++)
        words[i] = sides[i].options.cmdline ? sides[i].options.cmdline : sides[i].topology->cmdline;
    return words[0] && words[1] && strcmp(words[0], words[1]) == 0;
}

static bool fails(const struct diff_report *report, enum fail_on fail_on)
{
    switch (fail_on) {
    case FAIL_ON_ANY:
        return diff_report_any(report);
    case FAIL_ON_GROUPS:
        return machine_diff_groups_differ(report->diff);
    case FAIL_ON_LEAKS:
        return machine_diff_leaks_more(report->diff) || machine_diff_unguarded(report->diff);
    case FAIL_ON_VIABILITY:
        return report->viability->worse > 0;
    case FAIL_ON_NOTHING:
        break;
    }
    return false;
}

/* --workload. @p cost is to be freed in any case. */
static int run_both(const struct diff_arguments *arguments, const struct side *sides, struct arena *arena,
                    struct cost_comparison *cost, struct diagnostics *diagnostics)
{
    struct cost_side asked[2];
    struct run_progress shown = {.shown = isatty(STDERR_FILENO)};
    const struct cost_progress progress = {run_progress_step, &shown};
    for (int i = 0; i < 2; i++) {
        const struct side *side = &sides[i];
        const struct machine_input *input = side->input ? side->input : sides[0].input;
        if (side->moved.stage_count)
            input = cost_moved_input(arena, input, side->moved.stages[side->moved.stage_count - 1],
                                     side->moved.known);
        asked[i] = (struct cost_side){input, side->options.choice, side->options.cmdline};
    }
    run_progress_begin(&shown);
    int status = cost_compare(cost, asked, arguments->workload, &progress, diagnostics);
    run_progress_erase(&shown);
    run_progress_end(&shown);
    return status;
}

static int compare(const struct diff_arguments *arguments, struct side *sides, struct arena *arena,
                   struct diagnostics *diagnostics, bool *failed)
{
    static void (*const writers[])(const struct diff_report *, struct text_buffer *) = {
        diff_report_text, diff_report_json, diff_report_tsv};
    struct diagnostics *unheard = diagnostics_new(1);
    machine_view_init(&sides[0].view, sides[0].topology, &sides[0].options, diagnostics);
    machine_view_init(&sides[1].view, sides[1].topology, &sides[1].options,
                      same_words(sides) ? unheard : diagnostics);
    struct machine_diff *diff = machine_diff_new(&sides[0].view, &sides[1].view, sides[1].known);
    struct override_exposure *exposure = override_exposure_new(&sides[1].view, &sides[1].options);
    struct viability_diff *viability = viability_diff_new(diff);
    struct cost_comparison cost = {0};
    int status = arguments->workload ? run_both(arguments, sides, arena, &cost, diagnostics) : STATUS_OK;
    struct diff_report report = {diff,          viability,    exposure, arguments->workload ? &cost : NULL,
                                 sides[0].name, sides[1].name};
    struct text_buffer out = {0};
    if (status == STATUS_OK) {
        writers[arguments->format](&report, &out);
        if (arguments->format == 0)
            terminal_fold(&out, arguments->output);
        status = output_file_write(arguments->output, text_buffer_get(&out), out.length, diagnostics);
    }
    *failed = fails(&report, arguments->fail_on);
    cost_comparison_fini(&cost);
    text_buffer_fini(&out);
    override_exposure_free(exposure);
    viability_diff_free(viability);
    machine_diff_free(diff);
    for (int i = 0; i < 2; i++)
        machine_view_fini(&sides[i].view);
    diagnostics_free(unheard);
    return status;
}

/* --slots: about the machine after the changes. */
static int survey(const struct diff_arguments *arguments, const struct side *side,
                  struct diagnostics *diagnostics)
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
    if (arguments->format == 0)
        terminal_fold(&out, arguments->output);
    int status = output_file_write(arguments->output, text_buffer_get(&out), out.length, diagnostics);
    text_buffer_fini(&out);
    slot_survey_free(found);
    return status;
}

int diff_command(int argc, char **argv)
{
    struct diff_arguments arguments;
    diff_arguments_parse(&arguments, argc, argv);

    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    struct arena *arena = arena_new();
    struct side sides[2] = {{0}, {0}};
    bool failed = false;
    int status = load_sides(&arguments, sides, arena, diagnostics);
    if (status == STATUS_OK) {
        set_options(&arguments, sides, arena);
        status = arguments.slots ? survey(&arguments, &sides[1], diagnostics)
                                 : compare(&arguments, sides, arena, diagnostics, &failed);
    }
    diagnostics_print(diagnostics, stderr);
    moved_machine_fini(&sides[1].moved);
    for (int i = 0; i < 2; i++)
        machine_input_free(sides[i].input);
    arena_free(arena);
    diff_arguments_fini(&arguments);
    diagnostics_free(diagnostics);
    return status == STATUS_OK && failed ? EXIT_DIFFERENT : status_exit_code(status);
}
