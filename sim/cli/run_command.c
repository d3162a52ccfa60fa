/* SPDX-License-Identifier: MIT */
/* iommusim run SCENARIO, or run --topology FILE --workload FILE */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/units.h"
#include "sim/batch/replay.h"
#include "sim/batch/scenario_run.h"
#include "sim/cli/commands.h"
#include "sim/cli/file_arguments.h"
#include "sim/cli/run_flow.h"
#include "sim/cli/run_follow.h"
#include "sim/cli/run_progress.h"
#include "sim/cli/world_run.h"
#include "sim/input/world.h"
#include "sim/output/output_file.h"
#include "sim/output/result_findings.h"
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"
#include "sim/cli/rule_words.h"
#include "sim/cli/world_program.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { EXIT_ANSWER_NO = 1, EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20, SETTINGS_MAX = 64 };

enum {
    OPTION_SEED = 256,
    OPTION_REPLAY,
    OPTION_SET,
    OPTION_WORKLOAD,
    OPTION_TOPOLOGY,
    OPTION_CMDLINE,
    OPTION_IOMMU,
    OPTION_FAIL_ON,
    OPTION_EXPLAIN,
    OPTION_TIMELINE,
    OPTION_HISTOGRAM,
    OPTION_SERIES,
    OPTION_ENGINE,
    OPTION_SHARING,
    OPTION_THREADS
};

static const struct argp_option options[] = {
    {"format", 'f', "text|json|sarif|junit", 0,
     "text (default); json: one iommusim-result/1 document and nothing else; or for CI systems what the run "
     "came upon (leaks, faults, failed operations, overload), with the topology's lines: sarif (SARIF 2.1.0) "
     "or junit",
     0},
    {"output", 'o', "PATH", 0,
     "A file for the answer; its ending, .txt, .json, .sarif or .xml, says the format as --format does. Or a "
     "folder - one that exists, or a new PATH that ends in / or has no ending - which gets result.json, "
     "result.txt, findings.sarif and junit.xml, while the answer still is printed",
     0},
    {"topology", OPTION_TOPOLOGY, "FILE", 0,
     "Topology or dump in place of the scenario's; may repeat: dumps of one machine are merged", 0},
    {"workload", OPTION_WORKLOAD, "FILE", 0, "Workload in place of the scenario's", 0},
    {"set", OPTION_SET, "POINTER=VALUE", 0,
     "Lay a value over the topology document: a JSON pointer, or a function's address and the rest of one "
     "(/parameters/iommu/walkers=2, 01:00.0/link/width=4); or over the workload's "
     "(/workload/streams/0/queue_depth=8); null takes away; may repeat",
     0},
    {"replay", OPTION_REPLAY, "RESULT", 0,
     "Make a result document again from what it says it was made from; the files must be as they were, and "
     "the "
     "answer is the same to the byte",
     0},
    {"seed", OPTION_SEED, "N", 0, "Seed of the random streams, in place of the scenario's (1)", 0},
    {"cmdline", OPTION_CMDLINE, "STRING", 0, "Kernel command line in place of the scenario's or machine's",
     0},
    {"iommu", OPTION_IOMMU, IOMMU_WORDS, 0, "auto (the machine's own), vt-d, amd-vi, smmuv3 or none", 0},
    {"fail-on", OPTION_FAIL_ON, "leak|fault|overload", 0,
     "Exit with 1 if in the run a request reached a function of another group untranslated, or anybody by a "
     "translation that was stale, forged or another domain's (leak), or an "
     "operation failed or a remapping unit refused a request (fault), or a stream offers more than gets "
     "through (overload); may repeat",
     0},
    {"explain", OPTION_EXPLAIN, "slowest:N", 0,
     "Behind the answer (json: instead of it) the life of the N slowest operations, step by step; the run is "
     "made "
     "twice",
     0},
    {"timeline", OPTION_TIMELINE, "FILE", 0,
     "Write up to 2000 operations, in blocks spread over the run, as trace events for Perfetto: a row for "
     "each one "
     "under way",
     0},
    {"histogram", OPTION_HISTOGRAM, "FILE", 0,
     "Write the latencies of all streams together as HdrHistogram percentiles (.hgrm), in ns", 0},
    {"engine", OPTION_ENGINE, "transaction|flow", 0,
     "transaction (default): every packet; flow: bulk reads and writes as flows in SimGrid, each as fast as "
     "a "
     "short sample says, hundreds of times faster for long transfers; text or json (iommusim-flow/1), with "
     "what "
     "such flows cannot represent",
     0},
    {"sharing", OPTION_SHARING, "sampled|ports|max-min", 0,
     "With --engine flow: streams that compete get what a sample of them together gives (sampled, the "
     "default), "
     "what round robin over ports gives (ports), or SimGrid's max-min shares",
     0},
    {"series", OPTION_SERIES, "TIME", 0,
     "Keep and print throughput, IOTLB hit rate and queue depths for each interval of this length (10us)", 0},
    {"threads", OPTION_THREADS, "N", 0, "Of a world: machines run on N threads (1); no answer depends on it",
     0},
    {0},
};

static const char doc[] =
    "Simulate DMA on a machine: throughput, latency percentiles and where the time went, caches and walkers, "
    "groups and leaks.\v"
    "SCENARIO is an iommusim-scenario/1 file; with --topology and --workload none is needed. Or it is an "
    "iommusim-world/1 file: many machines and the network between them; of the options --format text|json, "
    "--output, --seed and --threads go with it. The same inputs and seed give the same result to the byte.\n"
    "Latencies are those of the operations recorded (after the warm-up). p99 is the latency that 99 % of "
    "them "
    "do not exceed, within 0.1 %; minimum, mean and maximum are exact.\n"
    "Exit status: 0 fine, 1 --fail-on, 2 bad usage or input, 3 "
    "files or resources, 130 interrupted (what was done until then is printed).";

struct run_options {
    struct file_arguments topology;
    const char *scenario, *replay, *workload, *cmdline, *iommu, *output;
    const char *settings[SETTINGS_MAX]; /* POINTER=VALUE */
    unsigned setting_count;
    struct run_follow follow;
    uint64_t series_ps; /**< 0: none */
    uint64_t seed;
    enum run_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF, FORMAT_JUNIT, FORMATS } format;
    unsigned threads; /**< of a world; 0: not given */
    bool seed_given, format_given, fail_on_leak, fail_on_fault, fail_on_overload;
    bool flow, sharing_given; /* --engine flow */
    enum flow_sharing sharing;
};

/* How an answer is written, and its name in a folder. ORDER: enum run_format. */
static const struct {
    const char *name, *file;
    void (*write)(const struct result *result, struct text_buffer *out);
} formats[FORMATS] = {
    {"text", "result.txt", result_text_write},
    {"json", "result.json", result_json_write},
    {"sarif", "findings.sarif", result_findings_sarif},
    {"junit", "junit.xml", result_findings_junit},
};

static void take_format(struct run_options *chosen, const char *text, struct argp_state *state)
{
    for (int i = 0; i < FORMATS; i++) {
        if (strcmp(text, formats[i].name) == 0) {
            chosen->format = (enum run_format)i;
            return;
        }
    }
    argp_error(state, "unknown format '%s': text, json, sarif or junit", text);
}

static void take_setting(struct run_options *chosen, const char *text, struct argp_state *state)
{
    if (chosen->setting_count == SETTINGS_MAX)
        argp_error(state, "more than %d times --set", SETTINGS_MAX);
    chosen->settings[chosen->setting_count++] = text;
}

static void take_fail_on(struct run_options *chosen, const char *text, struct argp_state *state)
{
    bool leak = strcmp(text, "leak") == 0, fault = strcmp(text, "fault") == 0;
    if (!leak && !fault && strcmp(text, "overload") != 0)
        argp_error(state, "unknown value '%s' for --fail-on: leak, fault or overload", text);
    chosen->fail_on_leak |= leak;
    chosen->fail_on_fault |= fault;
    chosen->fail_on_overload |= !leak && !fault;
}

/* ".json" of "a.b/c.json"; "" where the name has no ending. */
static const char *ending_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return dot && dot > name ? dot : "";
}

/* True where -o names a folder; it is made if need be. */
static bool output_is_folder(const char *path)
{
    struct stat about;
    size_t length = strlen(path);
    if (strcmp(path, "-") == 0)
        return false;
    if (stat(path, &about) == 0)
        return S_ISDIR(about.st_mode);
    return (length && path[length - 1] == '/') || !*ending_of(path);
}

/* The ending of a file says what is in it, as --format does: they may not contradict each other. */
static void settle_format(struct run_options *chosen, struct argp_state *state)
{
    const char *ending = chosen->output && !output_is_folder(chosen->output) ? ending_of(chosen->output) : "";
    for (int i = 0; i < FORMATS; i++) {
        if (strcmp(ending, ending_of(formats[i].file)) != 0)
            continue;
        if (chosen->format_given && chosen->format != (enum run_format)i)
            argp_error(state, "-o %s and --format %s contradict each other", chosen->output,
                       formats[chosen->format].name);
        chosen->format = (enum run_format)i;
    }
}

static void take_explain(struct run_options *chosen, const char *text, struct argp_state *state)
{
    uint64_t count = 0;
    if (strncmp(text, "slowest:", 8) != 0 || !number_parse(text + 8, REQUEST_TRACE_SLOWEST_MAX, &count) ||
        !count)
        argp_error(state, "unknown value '%s' for --explain: slowest:N, N from 1 to %d", text,
                   REQUEST_TRACE_SLOWEST_MAX);
    chosen->follow.slowest = (uint32_t)count;
}

static void take_engine(struct run_options *chosen, const char *text, struct argp_state *state)
{
    chosen->flow = strcmp(text, "flow") == 0;
    if (!chosen->flow && strcmp(text, "transaction") != 0)
        argp_error(state, "unknown engine '%s': transaction or flow", text);
}

static void take_sharing(struct run_options *chosen, const char *text, struct argp_state *state)
{
    for (int i = 0; i < FLOW_SHARINGS; i++) {
        if (strcmp(text, flow_sharing_names[i]) == 0) {
            chosen->sharing = (enum flow_sharing)i;
            chosen->sharing_given = true;
            return;
        }
    }
    argp_error(state, "unknown sharing '%s': sampled, ports or max-min", text);
}

/* What the flow engine has no answer to. */
static void check_flow(const struct run_options *chosen, struct argp_state *state)
{
    if (!chosen->flow) {
        if (chosen->sharing_given)
            argp_error(state, "--sharing is for --engine flow");
        return;
    }
    if (chosen->format > FORMAT_JSON)
        argp_error(state, "--engine flow answers in text or json");
    if (chosen->output && output_is_folder(chosen->output))
        argp_error(state, "--engine flow writes a file, not a folder: -o %s", chosen->output);
    if (run_follow_wanted(&chosen->follow) || chosen->follow.histogram || chosen->series_ps)
        argp_error(state,
                   "--engine flow follows no single operations: no --explain, --timeline, --histogram, "
                   "--series");
    if (chosen->fail_on_leak || chosen->fail_on_fault || chosen->fail_on_overload)
        argp_error(state, "--engine flow sees no leaks, faults and queues: no --fail-on");
}

static void take_threads(struct run_options *chosen, const char *text, struct argp_state *state)
{
    uint64_t count = 0;
    if (!number_parse(text, 256, &count) || !count)
        argp_error(state, "'%s' is no number of threads, 1 to 256", text);
    chosen->threads = (unsigned)count;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct run_options *chosen = state->input;
    enum iommu_choice choice;
    switch (key) {
    case 'f':
        chosen->format_given = true;
        take_format(chosen, text, state);
        return 0;
    case 'o':
        chosen->output = text;
        return 0;
    case OPTION_TOPOLOGY:
        file_arguments_add(&chosen->topology, text, state);
        return 0;
    case OPTION_WORKLOAD:
        chosen->workload = text;
        return 0;
    case OPTION_SET:
        take_setting(chosen, text, state);
        return 0;
    case OPTION_REPLAY:
        chosen->replay = text;
        return 0;
    case OPTION_SEED:
        chosen->seed_given = true;
        if (!number_parse(text, UINT64_MAX, &chosen->seed))
            argp_error(state, "'%s' is no seed: a whole number of 64 bits", text);
        return 0;
    case OPTION_CMDLINE:
        chosen->cmdline = text;
        return 0;
    case OPTION_IOMMU:
        chosen->iommu = text;
        if (!iommu_choice_parse(text, &choice))
            argp_error(state, "unknown IOMMU '%s': auto, vt-d, amd-vi, smmuv3 or none", text);
        return 0;
    case OPTION_FAIL_ON:
        take_fail_on(chosen, text, state);
        return 0;
    case OPTION_EXPLAIN:
        take_explain(chosen, text, state);
        return 0;
    case OPTION_TIMELINE:
        chosen->follow.timeline = text;
        return 0;
    case OPTION_HISTOGRAM:
        chosen->follow.histogram = text;
        return 0;
    case OPTION_SERIES:
        if (!unit_parse(text, UNIT_PICOSECONDS, &chosen->series_ps) || !chosen->series_ps)
            argp_error(state, "'%s' is no time such as 10us", text);
        return 0;
    case OPTION_ENGINE:
        take_engine(chosen, text, state);
        return 0;
    case OPTION_SHARING:
        take_sharing(chosen, text, state);
        return 0;
    case OPTION_THREADS:
        take_threads(chosen, text, state);
        return 0;
    case ARGP_KEY_ARG:
        if (chosen->scenario)
            argp_error(state, "one SCENARIO only, not also '%s'", text);
        chosen->scenario = text;
        return 0;
    case ARGP_KEY_END:
        if (chosen->replay &&
            (chosen->scenario || chosen->topology.count || chosen->workload || chosen->cmdline ||
             chosen->iommu || chosen->seed_given || chosen->setting_count))
            argp_error(
                state,
                "--replay takes everything from the result; a scenario or change beside it is too much");
        if (!chosen->replay && !chosen->scenario && (!chosen->topology.count || !chosen->workload))
            argp_error(state, "SCENARIO is missing (or --topology and --workload)");
        settle_format(chosen, state);
        check_flow(chosen, state);
        chosen->follow.json = chosen->format == FORMAT_JSON;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- from options to a scenario ---- */

static int make_scenario(const struct run_options *chosen, struct scenario **result,
                         struct diagnostics *diagnostics)
{
    int status = STATUS_OK;
    if (chosen->replay)
        status = replay_load(chosen->replay, result, diagnostics);
    else if (chosen->scenario)
        status = scenario_load(chosen->scenario, result, diagnostics);
    else
        *result = scenario_new();
    if (status < 0)
        return status;
    struct scenario *scenario = *result;
    if (chosen->topology.count) {
        struct machine_files files = file_arguments_get(&chosen->topology);
        scenario_set_topology(scenario, &files);
    }
    if (chosen->workload)
        scenario->workload_path = chosen->workload;
    if (chosen->cmdline)
        scenario->cmdline = chosen->cmdline;
    if (chosen->iommu)
        scenario->iommu = chosen->iommu;
    if (chosen->seed_given)
        scenario->seed = chosen->seed;
    for (unsigned i = 0; i < chosen->setting_count; i++)
        scenario_add_override(scenario, chosen->settings[i]);
    return STATUS_OK;
}

/* ---- results ---- */

static int write_into(const char *folder, const char *name, const struct text_buffer *text,
                      struct diagnostics *diagnostics)
{
    struct text_buffer path = {0};
    text_buffer_format(&path, "%s/%s", folder, name);
    int status = output_file_write(path.text, text_buffer_get(text), text->length, diagnostics);
    text_buffer_fini(&path);
    return status;
}

static int write_folder(const char *folder, const struct text_buffer *texts, struct diagnostics *diagnostics)
{
    int status = STATUS_OK;
    if (mkdir(folder, 0777) < 0 && errno != EEXIST) {
        const struct source_text source = {folder, NULL, 0};
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, "file-create",
                           "cannot make the folder: %s", strerror(errno));
        return STATUS_FILE_WRITE;
    }
    for (int i = 0; i < FORMATS && status == STATUS_OK; i++)
        status = write_into(folder, formats[i].file, &texts[i], diagnostics);
    return status;
}

static int write_result(const struct run_options *chosen, const struct result *result,
                        struct diagnostics *diagnostics)
{
    struct text_buffer texts[FORMATS] = {{0}};
    bool folder = chosen->output && output_is_folder(chosen->output);
    int status = STATUS_OK;
    for (int i = 0; i < FORMATS; i++) {
        if (folder || chosen->format == (enum run_format)i)
            formats[i].write(result, &texts[i]);
    }
    if (folder)
        status = write_folder(chosen->output, texts, diagnostics);
    const struct text_buffer *answer = &texts[chosen->format];
    if (status == STATUS_OK)
        status = output_file_write(chosen->output && !folder ? chosen->output : "-", text_buffer_get(answer),
                                   answer->length, diagnostics);
    for (int i = 0; i < FORMATS; i++)
        text_buffer_fini(&texts[i]);
    return status;
}

/* ---- the run ---- */

/* Warnings come before a long run, not after it. */
static struct diagnostics *flush(struct diagnostics **diagnostics)
{
    diagnostics_print(*diagnostics, stderr);
    diagnostics_free(*diagnostics);
    return *diagnostics = diagnostics_new(ERRORS_SHOWN);
}

static int simulate(const struct run_options *chosen, struct scenario_run *run, struct request_trace *trace,
                    struct diagnostics **findings)
{
    struct run_progress progress;
    run->simulation.options.series_interval_ps = chosen->series_ps;
    run->simulation.options.trace = run_follow_wanted(&chosen->follow) ? trace : NULL;
    int status = scenario_run_build(run, run_progress_step, &progress, *findings);
    if (status < 0)
        return status;
    struct diagnostics *diagnostics = flush(findings);
    run_progress_begin(&progress);
    status = scenario_run_simulate(run, diagnostics);
    run_progress_erase(&progress);
    if (status < 0 && status != STATUS_INTERRUPTED) {
        run_progress_end(&progress);
        return status;
    }
    const struct result *result = &run->result;
    bool instead = chosen->follow.slowest && chosen->follow.json;
    int written = instead ? STATUS_OK : write_result(chosen, result, diagnostics);
    if (written == STATUS_OK && status == STATUS_OK)
        written = run_follow(&chosen->follow, run, trace, diagnostics);
    run_progress_end(&progress);
    if (written < 0 || status < 0)
        return written < 0 ? written : status;
    struct result_totals totals = result_totals(result);
    return (chosen->fail_on_leak && result_observed_leaks(result)) ||
                   (chosen->fail_on_overload && result_overloaded(result)) ||
                   (chosen->fail_on_fault && (totals.failed || totals.faults))
               ? EXIT_ANSWER_NO
               : STATUS_OK;
}

/* Options that say something about one machine, or about its answer. */
static bool goes_with_world(const struct run_options *chosen)
{
    return !chosen->topology.count && !chosen->workload && !chosen->cmdline && !chosen->iommu &&
           !chosen->setting_count && !chosen->series_ps && !run_follow_wanted(&chosen->follow) &&
           !chosen->fail_on_leak && !chosen->fail_on_fault && !chosen->fail_on_overload && !chosen->flow &&
           (chosen->format == FORMAT_TEXT || chosen->format == FORMAT_JSON) &&
           !(chosen->output && output_is_folder(chosen->output));
}

static int run_of_world(const struct run_options *chosen, char **argv, struct diagnostics **findings)
{
    const struct world_run_options how = {.path = chosen->scenario,
                                          .output = chosen->output,
                                          .json = chosen->format == FORMAT_JSON,
                                          .seed_given = chosen->seed_given,
                                          .seed = chosen->seed,
                                          .threads = chosen->threads ? chosen->threads : 1};
    if (goes_with_world(chosen))
        return world_run(&how, argv, findings);
    diagnostics_report(*findings, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "run-world",
                       "with a world go --format text|json, --output FILE, --seed and --threads only");
    return STATUS_BAD_USAGE;
}

static int run(const struct run_options *chosen, struct diagnostics **findings)
{
    if (chosen->threads) {
        diagnostics_report(*findings, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "run-world",
                           "--threads is for worlds: one machine runs on one");
        return STATUS_BAD_USAGE;
    }
    struct scenario *scenario = NULL;
    struct scenario_run scenario_run = {0};
    int status = make_scenario(chosen, &scenario, *findings);
    if (status < 0)
        return status;
    struct request_trace trace;
    request_trace_init(&trace);
    trace.slowest_wanted = chosen->follow.slowest;
    status = scenario_run_load(&scenario_run, scenario, *findings);
    const struct run_flow flow = {chosen->sharing, chosen->format == FORMAT_JSON, chosen->output};
    if (status == STATUS_OK)
        status = chosen->flow ? run_flow(&flow, &scenario_run, *findings)
                              : simulate(chosen, &scenario_run, &trace, findings);
    request_trace_fini(&trace);
    scenario_run_fini(&scenario_run);
    scenario_free(scenario);
    return status;
}

const struct argp run_argp = {
    options, parse_option, "SCENARIO\n--topology=FILE --workload=FILE\n--replay=RESULT", doc, NULL,
    NULL,    NULL};

int run_command(int argc, char **argv)
{
    struct run_options chosen = {0};
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&run_argp, argc, argv, 0, NULL, &chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    bool world = chosen.scenario && world_recognise(chosen.scenario);
    bool elsewhere = !world && chosen.flow && !world_program_engines();
    int status = world       ? run_of_world(&chosen, argv, &diagnostics)
                 : elsewhere ? world_program_become(argv, diagnostics)
                             : run(&chosen, &diagnostics);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status == EXIT_ANSWER_NO ? EXIT_ANSWER_NO : status_exit_code(status);
}
