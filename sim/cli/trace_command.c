/* SPDX-License-Identifier: MIT */
/* iommusim trace info|convert FILE, trace generate */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/base/units.h"
#include "sim/cli/commands.h"
#include "sim/cli/trace_generate.h"
#include "sim/input/foreign_trace.h"
#include "sim/input/trace.h"
#include "sim/output/output_file.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20, OPERATIONS = 6, DEVICES = 65536 };

enum { OPTION_INTERVAL = 256, OPTION_SIZE, OPTION_DEVICE };

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0, "Of info: text (default) or json", 0},
    {"output", 'o', "PATH", 0, "A file for the answer", 0},
    {"interval", OPTION_INTERVAL, "TIME", 0,
     "Of convert: distance of translations in a trace without times (0ns); of generate: of operations", 0},
    {"device", OPTION_DEVICE, "ADDRESS", 0,
     "Of generate: who issues; given again, they take turns. Else the function whose iommu:map and "
     "iommu:unmap "
     "are, in a kernel's events",
     0},
    {"size", OPTION_SIZE, "SIZE", 0,
     "Of convert: bytes each translation stands for; of generate: of an operation (64B)", 0},
    TRACE_RECIPE_OPTIONS,
    {0},
};

static const char doc[] =
    "What is in a trace, and traces of other programs as ones that workloads can name.\v"
    "FILE is a trace of this program (text, or zstd of it), a translation trace of HyperSIO (binary), a log "
    "of "
    "QEMU's VT-d unit with its vtd_iotlb_page_hit and vtd_iotlb_page_update events, or what a live kernel "
    "records of its DMA: the events dma:*, iommu:* and swiotlb:* as ftrace, trace-cmd report and perf script "
    "print them; recognised by content. Of HyperSIO and QEMU convert makes a read of each translation, as "
    "those "
    "say neither kind nor length; of a kernel's events mappings, one read of each buffer when the device "
    "gets "
    "it, one write before it is taken back. Record them with: trace-cmd record -e dma -e iommu -e swiotlb. "
    "generate makes a trace by a recipe; the same recipe and seed make the same trace. Exit status: 0 fine, "
    "2 "
    "bad "
    "usage or input, 3 files.";

struct trace_options {
    const char *action, *path, *output;
    uint64_t interval_ps, size;
    uint32_t function; /* NONE: no device is named */
    struct trace_recipe recipe;
    bool json;
};

static void check_arguments(const struct trace_options *chosen, struct argp_state *state)
{
    bool generate = chosen->action && strcmp(chosen->action, "generate") == 0;
    if (generate && chosen->path)
        argp_error(state, "generate reads no FILE: '%s'", chosen->path);
    if (generate) {
        trace_recipe_check(&chosen->recipe, chosen->size, chosen->interval_ps, state);
        return;
    }
    if (!chosen->path || !chosen->action)
        argp_error(state, "info or convert, and FILE are needed; or generate");
    else if (strcmp(chosen->action, "info") != 0 && strcmp(chosen->action, "convert") != 0)
        argp_error(state, "unknown action '%s': info, convert or generate", chosen->action);
    if (chosen->recipe.given)
        argp_error(state, "some of the options are for generate, not for %s", chosen->action);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct trace_options *chosen = state->input;
    switch (key) {
    case 'f':
        chosen->json = strcmp(text, "json") == 0;
        if (!chosen->json && strcmp(text, "text") != 0)
            argp_error(state, "unknown format '%s': text or json", text);
        return 0;
    case 'o':
        chosen->output = text;
        return 0;
    case OPTION_DEVICE: {
        uint32_t segment;
        uint8_t bus, devfn;
        if (!bdf_parse(text, &segment, &bus, &devfn))
            argp_error(state, "'%s' is no address such as 0000:03:00.0", text);
        chosen->function = trace_bare_function(segment, bus, devfn);
        trace_recipe_add_device(&chosen->recipe, text, state);
        return 0;
    }
    case OPTION_INTERVAL:
        if (!unit_parse(text, UNIT_PICOSECONDS, &chosen->interval_ps))
            argp_error(state, "'%s' is no time such as 20ns", text);
        return 0;
    case OPTION_SIZE:
        if (!unit_parse(text, UNIT_BYTES, &chosen->size) || !chosen->size || chosen->size > 4096)
            argp_error(state, "'%s' is no size from 1B to 4KiB", text);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            chosen->action = text;
        else if (state->arg_num == 1)
            chosen->path = text;
        else
            argp_error(state, "one FILE only, not also '%s'", text);
        return 0;
    case ARGP_KEY_END:
        check_arguments(chosen, state);
        return 0;
    default:
        return trace_recipe_take(&chosen->recipe, key, text, state) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

/* ---- pages that were seen: an open hash of page numbers ---- */

struct page_set {
    uint64_t *pages; /* + 1; 0: free */
    uint64_t mask, count;
};

static bool page_set_put(uint64_t *pages, uint64_t mask, uint64_t page)
{
    uint64_t at = page * UINT64_C(0x9e3779b97f4a7c15) >> 20 & mask;
    for (; pages[at]; at = (at + 1) & mask) {
        if (pages[at] == page + 1)
            return false;
    }
    pages[at] = page + 1;
    return true;
}

static void page_set_add(struct page_set *set, uint64_t page)
{
    if (2 * set->count >= set->mask) {
        uint64_t mask = set->mask ? 2 * set->mask + 1 : 1023;
        uint64_t *larger = memory_array(mask + 1, sizeof(*larger));
        for (uint64_t i = 0; set->pages && i <= set->mask; i++) {
            if (set->pages[i])
                page_set_put(larger, mask, set->pages[i] - 1);
        }
        free(set->pages);
        set->pages = larger;
        set->mask = mask;
    }
    set->count += page_set_put(set->pages, set->mask, page);
}

/* ---- reading any trace ---- */

struct summary {
    enum trace_format format;
    uint64_t counts[OPERATIONS], bytes, last_ps, low, high;
    uint32_t devices;
    bool *seen; /* [requester id] */
    struct page_set pages;
};

struct line {
    uint64_t time_ps, iova;
    uint32_t function; /* trace_bare_function() */
    uint32_t length;
    uint32_t pasid; /* plus one; 0: none */
    enum trace_operation operation;
    bool map_read, map_write; /* TRACE_MAP */
    const uint64_t *physical; /* TRACE_MAP: where it leads, where that is told */
};

static void count_line(struct summary *summary, const struct line *line)
{
    summary->counts[line->operation]++;
    summary->last_ps = line->time_ps;
    summary->devices += !summary->seen[line->function % DEVICES];
    summary->seen[line->function % DEVICES] = true;
    if (line->operation > TRACE_WRITE)
        return;
    summary->bytes += line->length;
    summary->low = line->iova < summary->low ? line->iova : summary->low;
    summary->high = line->iova + line->length > summary->high ? line->iova + line->length : summary->high;
    for (uint64_t page = line->iova >> 12; page <= (line->iova + line->length - 1) >> 12; page++)
        page_set_add(&summary->pages, page);
}

static const char *const operation_words[OPERATIONS] = {"read", "write", "barrier",
                                                        "map",  "unmap", "invalidate"};

static void write_line(struct text_buffer *out, const struct line *line)
{
    uint32_t f = line->function;
    text_buffer_format(out, "%" PRIu64 ".%03" PRIu64 "ns,%04x:%02x:%02x.%x,%s", line->time_ps / 1000,
                       line->time_ps % 1000, f >> 16, f >> 8 & 255, f >> 3 & 31, f & 7,
                       operation_words[line->operation]);
    if (line->operation != TRACE_BARRIER)
        text_buffer_format(out, ",0x%" PRIx64 ",%" PRIu32, line->iova, line->length);
    if (line->pasid)
        text_buffer_format(out, ",%" PRIu32, line->pasid - 1);
    if (line->operation == TRACE_MAP) {
        text_buffer_format(out, ",,%s%s", line->map_read ? "r" : "", line->map_write ? "w" : "");
        if (line->physical)
            text_buffer_format(out, "@0x%" PRIx64, *line->physical);
    }
    text_buffer_add(out, "\n");
}

/* Each line of a trace of another program, to @p out or into @p summary. */
static int read_foreign(const struct trace_options *chosen, struct foreign_trace *trace,
                        struct summary *summary, struct text_buffer *out, struct diagnostics *diagnostics)
{
    struct foreign_access access;
    uint64_t number = 0;
    for (int got; (got = foreign_trace_next(trace, &access, diagnostics)) != 0; number++) {
        if (got < 0)
            return got;
        const struct line line = {.time_ps = access.time_ps ? access.time_ps : number * chosen->interval_ps,
                                  .iova = access.iova,
                                  .function = access.source_id,
                                  .length = (uint32_t)chosen->size};
        count_line(summary, &line);
        if (out)
            write_line(out, &line);
    }
    return STATUS_OK;
}

/* A live kernel's events. */
static int read_kernel(const struct trace_options *chosen, struct foreign_trace *trace,
                       struct summary *summary, struct text_buffer *out, struct diagnostics *diagnostics)
{
    struct kernel_operation operation;
    if (chosen->function != NONE)
        foreign_trace_name_device(trace, chosen->function);
    for (int got; (got = foreign_trace_next_operation(trace, &operation, diagnostics)) != 0;) {
        if (got < 0)
            return got;
        const struct line line = {.time_ps = operation.time_ps,
                                  .iova = operation.iova,
                                  .function = operation.function,
                                  .length = operation.length,
                                  .operation = operation.operation,
                                  .map_read = operation.map_read,
                                  .map_write = operation.map_write};
        count_line(summary, &line);
        if (out)
            write_line(out, &line);
    }
    return STATUS_OK;
}

/* What the events could not tell, or told of others. */
static void report_kernel(const struct kernel_trace_counts *counts, const char *path,
                          struct diagnostics *diagnostics)
{
    const struct {
        uint64_t count;
        const char *text;
    } remarks[] = {
        {counts->lost, "events were lost by the recorder: mappings may be missing"},
        {counts->never_mapped, "buffers were given back that had been mapped before the recording began"},
        {counts->still_mapped, "buffers were still mapped at its end; what devices wrote there is not in it"},
        {counts->without_device,
         "events of iommu:map and iommu:unmap do not say of which device: name it with --device"},
        {counts->other_devices, "events were of devices that are no PCI functions"},
        {counts->failed, "mappings were refused by the kernel"},
        {counts->faults, "accesses had faulted; they are replayed"},
        {counts->bounced, "buffers had bounced (swiotlb)"},
    };
    const struct source_text source = {path, NULL, 0};
    for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
        if (remarks[i].count)
            diagnostics_report(diagnostics, DIAGNOSTIC_NOTE, &source, DIAGNOSTIC_NO_OFFSET, NULL,
                               "kernel-events", "%" PRIu64 " %s", remarks[i].count, remarks[i].text);
    }
    if (!counts->unknown)
        return;
    struct text_buffer names = {0};
    for (int i = 0; i < KERNEL_TRACE_NAMES && counts->names[i].count; i++)
        text_buffer_format(&names, "%s%s %" PRIu64, i ? ", " : "", counts->names[i].name,
                           counts->names[i].count);
    diagnostics_report(diagnostics, DIAGNOSTIC_NOTE, &source, DIAGNOSTIC_NO_OFFSET, NULL, "kernel-events",
                       "%" PRIu64 " events of other kinds were passed over: %s", counts->unknown,
                       text_buffer_get(&names));
    text_buffer_fini(&names);
}

static int read_own(const char *path, struct summary *summary, struct text_buffer *out,
                    struct diagnostics *diagnostics)
{
    struct trace_reader *reader;
    struct trace_record record;
    int got = trace_open(path, NULL, &reader, diagnostics);
    if (got < 0)
        return got;
    while ((got = trace_next(reader, &record, diagnostics)) > 0) {
        const struct line line = {.time_ps = record.time_ps,
                                  .iova = record.iova,
                                  .function = record.function_id,
                                  .length = record.length,
                                  .pasid = record.pasid,
                                  .operation = record.operation,
                                  .map_read = record.map_read,
                                  .map_write = record.map_write,
                                  .physical = record.physical_given ? &record.physical : NULL};
        count_line(summary, &line);
        if (out)
            write_line(out, &line);
    }
    trace_close(reader);
    return got;
}

/* ---- answers ---- */

static void write_summary(const struct summary *summary, bool json, struct text_buffer *out)
{
    uint64_t low = summary->high ? summary->low : 0;
    text_buffer_format(out,
                       json ? "{\"format\": \"iommusim-trace-info/1\", \"kind\": \"%s\"" : "Format      %s\n",
                       trace_format_name(summary->format));
    for (int i = 0; i < OPERATIONS; i++) {
        if (json)
            text_buffer_format(out, ", \"%ss\": %" PRIu64, operation_words[i], summary->counts[i]);
        else if (summary->counts[i])
            text_buffer_format(out, "%-10s  %" PRIu64 "\n", operation_words[i], summary->counts[i]);
    }
    text_buffer_format(
        out,
        json ? ", \"devices\": %" PRIu32 ", \"bytes\": %" PRIu64 ", \"duration_ps\": %" PRIu64
               ", \"low\": \"0x%" PRIx64 "\", \"high\": \"0x%" PRIx64 "\", \"pages_4k\": %" PRIu64 "}\n"
             : "Devices     %" PRIu32 "\nBytes       %" PRIu64 "\nDuration    %" PRIu64
               " ps\nAddresses   0x%" PRIx64 " to 0x%" PRIx64 "\nPages       %" PRIu64 " of 4 KiB\n",
        summary->devices, summary->bytes, summary->last_ps, low, summary->high, summary->pages.count);
}

static int generate(const struct trace_options *chosen, struct diagnostics *diagnostics)
{
    struct text_buffer out = {0};
    trace_recipe_write(&chosen->recipe, chosen->size, chosen->interval_ps, &out);
    int status = output_file_write(chosen->output ? chosen->output : "-", text_buffer_get(&out), out.length,
                                   diagnostics);
    text_buffer_fini(&out);
    return status;
}

/* A text that only looks like a log or a recording makes no trace. */
static int refuse_empty(const struct trace_options *chosen, const struct summary *summary,
                        struct diagnostics *diagnostics)
{
    uint64_t operations = 0;
    for (int i = 0; i < OPERATIONS; i++)
        operations += summary->counts[i];
    if (operations)
        return STATUS_OK;
    const struct source_text source = {chosen->path, NULL, 0};
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, "trace-nothing",
                       "nothing to convert: no access and no mapping of a PCI function is in it");
    return STATUS_BAD_INPUT;
}

static int answer(const struct trace_options *chosen, struct diagnostics *diagnostics)
{
    struct foreign_trace *foreign;
    struct text_buffer out = {0};
    bool convert = strcmp(chosen->action, "convert") == 0;
    struct summary summary = {.low = UINT64_MAX};
    int status = foreign_trace_open(chosen->path, &summary.format, &foreign, diagnostics);
    if (status < 0)
        return status;
    summary.seen = memory_array(DEVICES, sizeof(*summary.seen));
    if (convert)
        text_buffer_add(&out, "time,device,op,iova,length\n");
    struct text_buffer *lines = convert ? &out : NULL;
    status = !foreign ? read_own(chosen->path, &summary, lines, diagnostics)
             : summary.format == TRACE_FORMAT_KERNEL
                 ? read_kernel(chosen, foreign, &summary, lines, diagnostics)
                 : read_foreign(chosen, foreign, &summary, lines, diagnostics);
    if (status == STATUS_OK && summary.format == TRACE_FORMAT_KERNEL)
        report_kernel(foreign_trace_kernel_counts(foreign), chosen->path, diagnostics);
    foreign_trace_close(foreign);
    if (status == STATUS_OK && convert)
        status = refuse_empty(chosen, &summary, diagnostics);
    if (status == STATUS_OK && !convert)
        write_summary(&summary, chosen->json, &out);
    if (status == STATUS_OK)
        status = output_file_write(chosen->output ? chosen->output : "-", text_buffer_get(&out), out.length,
                                   diagnostics);
    free(summary.seen);
    free(summary.pages.pages);
    text_buffer_fini(&out);
    return status;
}

const struct argp trace_argp = {options, parse_option, "info FILE\nconvert FILE\ngenerate", doc, NULL,
                                NULL,    NULL};

int trace_command(int argc, char **argv)
{
    struct trace_options chosen = {
        .size = 64,
        .function = NONE,
        .recipe = {.pattern = RECIPE_RANDOM, .base = 0x10000000, .window = UINT64_C(64) << 20, .seed = 1}};
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&trace_argp, argc, argv, 0, NULL, &chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    int status = strcmp(chosen.action, "generate") == 0 ? generate(&chosen, diagnostics)
                                                        : answer(&chosen, diagnostics);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status_exit_code(status);
}
