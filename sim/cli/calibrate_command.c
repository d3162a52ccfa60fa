/* SPDX-License-Identifier: MIT */
/* iommusim calibrate: a preset from three measurements of a host */
#include "sim/base/status.h"
#include "sim/base/units.h"
#include "sim/cli/commands.h"
#include "sim/input/preset.h"
#include "sim/output/calibration_report.h"
#include "sim/output/output_file.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_ANSWER_NO = 1, ERRORS_SHOWN = 20, PRESETS_MAX = 16, NAME_MAX_LENGTH = 64 };
enum { OPTION_NAME = 256, OPTION_SOURCE, OPTION_LINK, OPTION_WITH_PRESET, OPTION_TABLES };

/* Beyond this the preset does not give what was measured, for some limit elsewhere. */
static const double difference_allowed = 0.02;

static const struct argp_option options[] = {
    {"base-latency", 'b', "TIME", 0,
     "A 64 B read that hits IOTLB and last-level cache, one at a time, seen by the device, e.g. 557ns", 0},
    {"miss-penalty", 'm', "TIME", 0,
     "How much longer it takes where its page is not in the IOTLB, e.g. 280ns", 0},
    {"plateau-rate", 'r', "RATE", 0, "Reads a second where all miss, many in flight, e.g. 19.2M or 19200000",
     0},
    {"tables", OPTION_TABLES, "llc|dram", 0,
     "Where page walks find the tables: llc (default), or dram, where the slowest 0.1 % of misses take some "
     "300 ns more than the median, or VT-d page walks do not snoop (ECAP.C clear)",
     0},
    {"link", OPTION_LINK, "GENxWIDTH", 0, "The device's link (3x8)", 0},
    {"with", OPTION_WITH_PRESET, "PRESET", 0,
     "A preset with what is known beside, laid over default and vt-d, e.g. netronome-nfp6000; may be given "
     "again",
     0},
    {"name", OPTION_NAME, "NAME", 0, "Of the preset (host): letters, digits, '-', '_' and '.'", 0},
    {"source", OPTION_SOURCE, "TEXT", 0, "Who measured, for the preset's sources", 0},
    {"output", 'o', "PATH", 0, "A file for the preset", 0},
    {0},
};

static const char doc[] =
    "A preset from three measurements of a host: what it says of root complex and walkers follows from "
    "them, the rest stays as the presets in force have it.\v"
    "The host so described is then measured in the simulator, and both are printed side by side on standard "
    "error. Name the file in a topology: \"preset\": [\"default\", \"vt-d\", \"./host.json\"]. Exit status: "
    "0 "
    "fine, 1 the simulator does not come to what was measured, 2 bad usage or input, 3 files.";

struct calibrate_options {
    struct host_measurements given;
    const char *name, *source, *output;
    const char *presets[PRESETS_MAX];
    unsigned preset_count, generation, width;
};

static uint64_t parse_time(const char *text, struct argp_state *state)
{
    uint64_t ps = 0;
    if (!unit_parse(text, UNIT_PICOSECONDS, &ps) || !ps || ps > UINT64_C(1000000000))
        argp_error(state, "'%s' is no time from 1ps to 1ms", text);
    return ps;
}

/* A number of reads a second: "19.2M", "19.2M/s" or "19200000". */
static uint64_t parse_rate(const char *text, struct argp_state *state)
{
    char hertz[64];
    size_t length = strlen(text);
    uint64_t rate = 0;
    if (length > 2 && strcmp(text + length - 2, "/s") == 0)
        length -= 2;
    snprintf(hertz, sizeof(hertz), "%.*sHz", (int)length, text);
    if (length > 40 || !unit_parse(hertz, UNIT_HERTZ, &rate) || !rate || rate > UINT64_C(1000000000000))
        argp_error(state, "'%s' is no number of reads a second, e.g. 19.2M", text);
    return rate;
}

static void parse_link(const char *text, struct calibrate_options *chosen, struct argp_state *state)
{
    static const unsigned widths[] = {1, 2, 4, 8, 16};
    uint64_t generation = 0, width = 0;
    bool known = false;
    char number[2] = {text[0], '\0'};
    if (text[0] && text[1] == 'x' && text[2] != '0' && number_parse(number, LINK_GENERATIONS, &generation) &&
        number_parse(text + 2, 16, &width)) {
        chosen->generation = (unsigned)generation;
        chosen->width = (unsigned)width;
        for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
            known |= chosen->width == widths[i];
    }
    if (!known || chosen->generation < 1 || chosen->generation > LINK_GENERATIONS)
        argp_error(state, "'%s' is no link: generation 1 to 6, x, and 1, 2, 4, 8 or 16 lanes, e.g. 4x16",
                   text);
}

static const char name_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

/* A name that presets may have, and none of those the program carries. */
static const char *parse_name(const char *text, struct argp_state *state)
{
    size_t length = strlen(text);
    if (!length || length > NAME_MAX_LENGTH || strspn(text, name_characters) != length || text[0] == '.' ||
        text[0] == '-')
        argp_error(state, "'%s' is no name: letters, digits, '-', '_' and '.', at most %d of them", text,
                   NAME_MAX_LENGTH);
    if (preset_is_carried(text))
        argp_error(state, "'%s' is a preset of the program: choose another name", text);
    return text;
}

static const char *parse_preset(const char *text, struct argp_state *state)
{
    char *near;
    if (preset_is_known(text))
        return text;
    near = preset_nearest(text);
    if (near)
        argp_error(state, "unknown preset '%s', did you mean '%s'?", text, near);
    argp_error(state, "unknown preset '%s'; a file's name contains '/' or ends in .json", text);
    return text;
}

static void check_complete(const struct calibrate_options *chosen, struct argp_state *state)
{
    const struct host_measurements *given = &chosen->given;
    if (!given->base_latency_ps || !given->miss_penalty_ps || !given->plateau_per_s)
        argp_error(state, "--base-latency, --miss-penalty and --plateau-rate are needed");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct calibrate_options *chosen = state->input;
    switch (key) {
    case 'b':
        chosen->given.base_latency_ps = parse_time(text, state);
        return 0;
    case 'm':
        chosen->given.miss_penalty_ps = parse_time(text, state);
        return 0;
    case 'r':
        chosen->given.plateau_per_s = parse_rate(text, state);
        return 0;
    case OPTION_LINK:
        parse_link(text, chosen, state);
        return 0;
    case OPTION_WITH_PRESET:
        if (chosen->preset_count == PRESETS_MAX)
            argp_error(state, "at most %d presets", PRESETS_MAX);
        chosen->presets[chosen->preset_count++] = parse_preset(text, state);
        return 0;
    case OPTION_TABLES:
        chosen->given.tables_in_dram = strcmp(text, "dram") == 0;
        if (!chosen->given.tables_in_dram && strcmp(text, "llc") != 0)
            argp_error(state, "unknown place '%s': llc or dram", text);
        return 0;
    case OPTION_NAME:
        chosen->name = parse_name(text, state);
        return 0;
    case OPTION_SOURCE:
        if (!*text)
            argp_error(state, "--source is empty: who measured?");
        chosen->source = text;
        return 0;
    case 'o':
        chosen->output = text;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "no arguments are expected, not '%s'", text);
        return 0;
    case ARGP_KEY_END:
        check_complete(chosen, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp calibrate_argp = {options, parse_option, "", doc, NULL, NULL, NULL};

/* Derive, measure, print the comparison; the preset into @p preset. */
static int calibrate(const struct calibrate_options *chosen, struct machine_input *input,
                     struct text_buffer *preset, double *difference, struct diagnostics *diagnostics)
{
    struct host_calibration calibration;
    struct host_measurements simulated;
    struct text_buffer comparison = {0};
    int status = host_calibrate(input, &chosen->given, &calibration, diagnostics);
    if (status < 0)
        return status;
    host_calibration_apply(&chosen->given, &calibration, input);
    status = host_calibration_measure(input, &simulated, diagnostics);
    if (status < 0)
        return status;
    calibration_write_preset(chosen->name, chosen->source, &chosen->given, &calibration, preset);
    *difference = calibration_write_comparison(&chosen->given, &simulated, &comparison);
    fputs(text_buffer_get(&comparison), stderr);
    text_buffer_fini(&comparison);
    return STATUS_OK;
}

int calibrate_command(int argc, char **argv)
{
    struct calibrate_options chosen = {
        .name = "host", .source = "measured by the user", .generation = 3, .width = 8};
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    struct machine_input *input = NULL;
    struct text_buffer preset = {0};
    double difference = 0;
    argp_err_exit_status = 2;
    argp_parse(&calibrate_argp, argc, argv, 0, NULL, &chosen);
    int status = host_calibration_machine(chosen.presets, chosen.preset_count, chosen.generation,
                                          chosen.width, &input, diagnostics);
    if (status == 0)
        status = calibrate(&chosen, input, &preset, &difference, diagnostics);
    if (status == 0)
        status = output_file_write(chosen.output, text_buffer_get(&preset), preset.length, diagnostics);
    diagnostics_print(diagnostics, stderr);
    bool off = status == 0 && difference > difference_allowed;
    if (off)
        fprintf(stderr,
                "%s: the simulated host differs by %.1f %%: something else limits it, such as the "
                "device's tags or the link\n",
                argv[0], 100 * difference);
    text_buffer_fini(&preset);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    return off ? EXIT_ANSWER_NO : status_exit_code(status);
}
