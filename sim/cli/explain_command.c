/* SPDX-License-Identifier: MIT */
/* iommusim explain FILE SRC TARGET: an address, or a function */
#include "models/iommu/pasid_table.h"
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/units.h"
#include "sim/cli/commands.h"
#include "sim/cli/file_arguments.h"
#include "sim/cli/function_argument.h"
#include "sim/output/explain_report.h"
#include "sim/output/output_file.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_ANSWER_NO = 1, EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20 };

enum {
    OPTION_WRITE = 256,
    OPTION_SIZE,
    OPTION_PAGE_SIZE,
    OPTION_PASID,
    OPTION_WARM,
    OPTION_UNMAPPED,
    OPTION_CMDLINE,
    OPTION_IOMMU
};

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0, "text (default) or json", 0},
    {"output", 'o', "PATH", 0, "A file for the answer", 0},
    {"write", OPTION_WRITE, NULL, 0, "A write; without it a read", 0},
    {"size", OPTION_SIZE, "SIZE", 0, "Bytes of the operation, up to 4MiB (64B)", 0},
    {"page-size", OPTION_PAGE_SIZE, "SIZE", 0,
     "Where an IOMMU translates SRC: the address is mapped in pages of 4KiB (default), 2MiB, 1GiB, or what "
     "else the "
     "unit has",
     0},
    {"pasid", OPTION_PASID, "N", 0,
     "The request carries this PASID; the address is mapped in its address space", 0},
    {"unmapped", OPTION_UNMAPPED, NULL, 0, "... or not mapped at all: how the request fails", 0},
    {"warm", OPTION_WARM, NULL, 0, "The same request was made before: caches hold what it needs", 0},
    {"cmdline", OPTION_CMDLINE, "STRING", 0, "Kernel command line in place of the machine's", 0},
    {"iommu", OPTION_IOMMU, "KIND", 0, "auto (the machine's own), vt-d, amd-vi, smmuv3 or none", 0},
    FILE_ARGUMENTS_OPTIONS(0),
    {0},
};

static const char doc[] =
    "One request's life: every hop and the rule behind it, cache hits and misses, each entry of a page walk "
    "with its address, waiting, and the nanoseconds of each, which add up.\v"
    "FILE is a topology or a dump; SRC the function that asks; TARGET the address it asks for (0x...), as "
    "the "
    "device sees it: where an IOMMU translates SRC, one that is mapped for this answer. A function as TARGET "
    "stands for its first memory BAR. Exit status: 0 fine, 1 the request fails, 2 bad usage or input, 3 "
    "files.";

struct explain_options {
    struct file_arguments files;
    const char *source, *target, *cmdline, *output;
    enum iommu_choice iommu;
    uint64_t size, page_bytes;
    uint32_t pasid; /* plus one; 0: none */
    bool write, warm, unmapped, json;
};

static bool parse_page_size(const char *text, uint64_t *bytes)
{
    return unit_parse(text, UNIT_BYTES, bytes) && *bytes >= UINT64_C(1) << 12 &&
           *bytes <= UINT64_C(1) << 39 && (*bytes & (*bytes - 1)) == 0;
}

static bool parse_pasid(const char *text, uint32_t *pasid)
{
    uint64_t number;
    if (!number_parse(text, PASID_MAX, &number))
        return false;
    *pasid = (uint32_t)number + 1;
    return true;
}

static void take_argument(struct explain_options *chosen, char *text, struct argp_state *state)
{
    if (state->arg_num == 0)
        file_arguments_name(&chosen->files, text, state);
    else if (state->arg_num == 1)
        chosen->source = text;
    else if (state->arg_num == 2)
        chosen->target = text;
    else
        argp_error(state, "FILE, SRC and TARGET only, not also '%s'", text);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct explain_options *chosen = state->input;
    switch (key) {
    case 'f':
        chosen->json = strcmp(text, "json") == 0;
        if (!chosen->json && strcmp(text, "text") != 0)
            argp_error(state, "unknown format '%s': text or json", text);
        return 0;
    case 'o':
        chosen->output = text;
        return 0;
    case OPTION_WRITE:
        chosen->write = true;
        return 0;
    case OPTION_WARM:
        chosen->warm = true;
        return 0;
    case OPTION_UNMAPPED:
        chosen->unmapped = true;
        return 0;
    case OPTION_SIZE:
        if (!unit_parse(text, UNIT_BYTES, &chosen->size) || !chosen->size || chosen->size > 4 << 20)
            argp_error(state, "'%s' is no size from 1B to 4MiB", text);
        return 0;
    case OPTION_PAGE_SIZE:
        if (!parse_page_size(text, &chosen->page_bytes))
            argp_error(state, "'%s' is no page size: a power of two from 4KiB to 512GiB", text);
        return 0;
    case OPTION_PASID:
        if (!parse_pasid(text, &chosen->pasid))
            argp_error(state, "'%s' is no PASID: 0 to %d", text, PASID_MAX);
        return 0;
    case OPTION_CMDLINE:
        chosen->cmdline = text;
        return 0;
    case OPTION_IOMMU:
        if (!iommu_choice_parse(text, &chosen->iommu))
            argp_error(state, "unknown IOMMU '%s': auto, vt-d, amd-vi, smmuv3 or none", text);
        return 0;
    case OPTION_WITH:
    case OPTION_ACS:
        file_arguments_option(&chosen->files, key, text, state);
        return 0;
    case ARGP_KEY_ARG:
        take_argument(chosen, text, state);
        return 0;
    case ARGP_KEY_END:
        if (!chosen->target)
            argp_error(state, "FILE, SRC and TARGET are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- what is asked ---- */

/* One request as a workload. */
struct question {
    struct workload workload;
    struct stream stream;
    struct domain domain;
    struct mapping mapping;
    uint32_t source_id;
    uint64_t address;
    bool of_function; /**< the address is a BAR */
};

static void complain(struct diagnostics *diagnostics, const char *code, const char *text)
{
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, code, "%s", text);
}

/* The address, or the first memory BAR of the function named. */
static int find_target(const struct explain_options *chosen, const struct topology *topology,
                       struct question *question, struct diagnostics *diagnostics)
{
    uint32_t id;
    if (!strchr(chosen->target, ':')) {
        if (number_parse(chosen->target, UINT64_MAX - chosen->size, &question->address))
            return STATUS_OK;
        complain(diagnostics, "explain-address", "TARGET is an address such as 0x10000000, or a function");
        return STATUS_BAD_INPUT;
    }
    if (!function_argument_find(topology, chosen->target, diagnostics, &id))
        return STATUS_BAD_INPUT;
    question->of_function = true;
    for (int i = 0; i < BAR_COUNT; i++) {
        const struct bar *bar = &topology->functions[id].bars[i];
        if ((bar->kind != BAR_MEMORY32 && bar->kind != BAR_MEMORY64) || !bar->assigned)
            continue;
        question->address = bar->address;
        return STATUS_OK;
    }
    complain(diagnostics, "explain-no-bar", "the function has no memory BAR with an address");
    return STATUS_BAD_INPUT;
}

/* Does the kernel let the function's DMA pass as it is? Requests with a PASID are translated all the same. */
static bool passes_through(const struct explain_options *chosen, const struct simulation *simulation,
                           uint32_t function_id)
{
    const struct iommu_groups *groups = simulation->groups;
    uint32_t group = groups->decisions[function_id].group;
    return group != NONE && groups->groups[group].type == GROUP_TYPE_IDENTITY && !chosen->pasid &&
           !chosen->unmapped;
}

/* Map what is asked for: to the BAR itself, or to a free place in RAM. */
static int map_target(const struct explain_options *chosen, const struct simulation *simulation,
                      struct question *question, struct diagnostics *diagnostics)
{
    const struct topology *topology = simulation->input->topology;
    uint64_t mask = chosen->page_bytes - 1, first = question->address & ~mask;
    uint64_t length = ((question->address + chosen->size + mask) & ~mask) - first, physical = first;
    question->domain = (struct domain){.name = "the device's",
                                       .function_ids = &question->source_id,
                                       .function_count = 1,
                                       .mappings = &question->mapping,
                                       .mapping_count = chosen->unmapped ? 0 : 1,
                                       .pasid = chosen->pasid};
    question->workload.domains = &question->domain;
    question->workload.domain_count = 1;
    if (passes_through(chosen, simulation, question->source_id)) {
        question->domain.mode = TRANSLATION_PASSTHROUGH;
        question->domain.mapping_count = 0;
        return STATUS_OK;
    }
    if (!question->of_function) {
        struct memory_placer *placer = memory_placer_new(topology);
        bool room = memory_placer_take(placer, length, chosen->page_bytes, &physical);
        memory_placer_free(placer);
        if (!room) {
            complain(diagnostics, "workload-no-memory", "no room in RAM for the page");
            return STATUS_BAD_INPUT;
        }
    }
    question->mapping = (struct mapping){.iova = first,
                                         .physical = physical,
                                         .length = length,
                                         .page_bytes = chosen->page_bytes,
                                         .read = true,
                                         .write = true};
    return STATUS_OK;
}

static int ask(const struct explain_options *chosen, const struct simulation *simulation,
               struct question *question, struct diagnostics *diagnostics)
{
    const struct topology *topology = simulation->input->topology;
    if (!function_argument_find(topology, chosen->source, diagnostics, &question->source_id))
        return STATUS_BAD_INPUT;
    if (topology->functions[question->source_id].header_type != 0) {
        complain(diagnostics, "workload-device-no-dma", "SRC is a bridge: it issues no requests of its own");
        return STATUS_BAD_INPUT;
    }
    int status = find_target(chosen, topology, question, diagnostics);
    if (status < 0)
        return status;
    question->stream = (struct stream){.name = "request",
                                       .function_id = question->source_id,
                                       .operation = chosen->write ? STREAM_WRITE : STREAM_READ,
                                       .base = question->address,
                                       .window_bytes = chosen->size,
                                       .size_bytes = chosen->size,
                                       .stride_bytes = chosen->size,
                                       .alignment_bytes = 1,
                                       .operations = 1,
                                       .warmup_operations = chosen->warm,
                                       .pasid = chosen->pasid,
                                       .queue_depth = 1};
    question->workload = (struct workload){.streams = &question->stream, .stream_count = 1};
    if (simulation->options.unit_of[question->source_id] == NO_UNIT)
        return STATUS_OK;
    return map_target(chosen, simulation, question, diagnostics);
}

/* ---- the answer ---- */

/* @param question, number  borrowed by simulation and trace as long as these live */
static int answer(const struct explain_options *chosen, struct simulation *simulation,
                  struct request_trace *trace, struct question *question, uint64_t *number,
                  struct diagnostics *diagnostics)
{
    struct text_buffer text = {0};
    int status = ask(chosen, simulation, question, diagnostics);
    if (status < 0)
        return status;
    *number = chosen->warm;
    trace->numbers = number;
    trace->number_count = 1;
    simulation->options.seed = 1;
    simulation->options.trace = trace;
    status = simulation_build(simulation, &question->workload, diagnostics);
    if (status == STATUS_OK)
        status = machine_run(simulation->machine, diagnostics);
    if (status < 0)
        return status;
    if (chosen->json)
        explain_json_write(simulation, trace, &text);
    else
        explain_text_write(simulation, trace, &text);
    status = output_file_write(chosen->output ? chosen->output : "-", text_buffer_get(&text), text.length,
                               diagnostics);
    text_buffer_fini(&text);
    bool failed = trace->request_count && trace->requests[0].failed;
    return status < 0 ? status : failed ? EXIT_ANSWER_NO : STATUS_OK;
}

static int explain(const struct explain_options *chosen, struct diagnostics *diagnostics)
{
    struct machine_input *input = NULL;
    int status = file_arguments_load(&chosen->files, &input, diagnostics);
    if (status < 0)
        return status;
    struct simulation simulation;
    struct request_trace trace;
    struct question question = {0};
    uint64_t number = 0;
    simulation_init(&simulation, input, chosen->iommu, chosen->cmdline, diagnostics);
    request_trace_init(&trace);
    status = answer(chosen, &simulation, &trace, &question, &number, diagnostics);
    simulation_fini(&simulation);
    request_trace_fini(&trace);
    machine_input_free(input);
    return status;
}

const struct argp explain_argp = {options, parse_option, "FILE SRC TARGET", doc, NULL, NULL, NULL};

int explain_command(int argc, char **argv)
{
    struct explain_options chosen = {.size = 64, .page_bytes = 4096, .iommu = IOMMU_CHOICE_AUTO};
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&explain_argp, argc, argv, 0, NULL, &chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    int status = explain(&chosen, diagnostics);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status == EXIT_ANSWER_NO ? EXIT_ANSWER_NO : status_exit_code(status);
}
