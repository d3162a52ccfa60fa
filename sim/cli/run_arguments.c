/* SPDX-License-Identifier: MIT */
#include "sim/cli/run_arguments.h"

#include "sim/base/units.h"
#include "sim/cli/commands.h"
#include "sim/cli/rule_words.h"
#include "sim/output/result_findings.h"
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

const struct run_form run_forms[FORMATS] = {
    [FORMAT_TEXT] = {"text", "result.txt", result_text_write},
    [FORMAT_JSON] = {"json", "result.json", result_json_write},
    [FORMAT_SARIF] = {"sarif", "findings.sarif", result_findings_sarif},
    [FORMAT_JUNIT] = {"junit", "junit.xml", result_findings_junit},
};

static void take_format(struct run_options *chosen, const char *text, struct argp_state *state)
{
    for (int i = 0; i < FORMATS; i++) {
        if (strcmp(text, run_forms[i].name) == 0) {
            chosen->format = (enum run_format)i;
            return;
        }
    }
    argp_error(state, "unknown format '%s': text, json, sarif or junit", text);
}

static void take_setting(struct run_options *chosen, const char *text, struct argp_state *state)
{
    if (chosen->setting_count == RUN_SETTINGS_MAX)
        argp_error(state, "more than %d times --set", RUN_SETTINGS_MAX);
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

bool run_output_is_folder(const char *path)
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
    const char *ending =
        chosen->output && !run_output_is_folder(chosen->output) ? ending_of(chosen->output) : "";
    for (int i = 0; i < FORMATS; i++) {
        if (strcmp(ending, ending_of(run_forms[i].file)) != 0)
            continue;
        if (chosen->format_given && chosen->format != (enum run_format)i)
            argp_error(state, "-o %s and --format %s contradict each other", chosen->output,
                       run_forms[chosen->format].name);
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
    if (chosen->output && run_output_is_folder(chosen->output))
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

const struct argp run_argp = {
    options, parse_option, "SCENARIO\n--topology=FILE --workload=FILE\n--replay=RESULT", doc, NULL,
    NULL,    NULL};
