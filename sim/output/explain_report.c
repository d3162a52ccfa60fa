/* SPDX-License-Identifier: MIT */
#include "sim/output/explain_report.h"

#include "models/iommu/fault_code.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_SIZE = 160 };

static const struct pci_function *function_of(const struct simulation *simulation, uint32_t id)
{
    return id == NONE ? NULL : &simulation->input->topology->functions[id];
}

/* Address of a function, "host" for the root complex. */
static const char *place_words(const struct simulation *simulation, uint32_t id, char text[BDF_TEXT_SIZE])
{
    const struct pci_function *function = function_of(simulation, id);
    if (!function)
        return "host";
    return bdf_print(text, function->segment, function->bus, function->devfn);
}

/* Times of the unit that translates the device. */
static const struct iommu_parameters *unit_of(const struct simulation *simulation,
                                              const struct traced_request *request)
{
    uint32_t unit = simulation->options.unit_of[request->function_id];
    return unit == NO_UNIT ? NULL : &machine_unit(simulation->machine, unit)->parameters;
}

/* The end of the operation at the device. */
static const char *end_words(const struct traced_request *request)
{
    if (request->answered)
        return request->status == COMPLETION_COMPLETER_ABORT
                   ? "a completion with status CA has come, without data; the operation ends"
                   : "a completion with status UR has come, without data; the operation ends";
    if (!request->failed)
        return request->write ? "the operation ends"
                              : "the data go to the device's memory; the operation ends";
    return request->write ? "the operation ends; the device is not told that the write was lost"
                          : "no data come; the operation ends";
}

/* What happens in a step, in words. */
static const char *step_words(const struct traced_step *step, const struct traced_request *request,
                              bool first)
{
    const char *rule = step->rule < RULE_COUNT ? route_rule_text(step->rule) : "";
    switch (step->part) {
    case LEDGER_ENDPOINT:
        return first ? "the device prepares it and waits for a tag" : end_words(request);
    case LEDGER_DEVICE_TLB:
        return step->of_translation ? "it cannot ask yet, or an earlier answer is gone again"
                                    : "the device waits for a translation it asked for";
    case LEDGER_INTERRUPT:
        return "the interrupt message is remapped";
    case LEDGER_LINK_QUEUEING:
        return "waits for the link: other TLPs, credits, ordering";
    case LEDGER_LINK_SERIALISATION:
        return "until its last bit is through";
    case LEDGER_CONTEXT_CACHE:
        return step->reads_context ? "context cache: miss, the tables are read:" : "context cache: hit";
    case LEDGER_IOTLB:
        return step->translating ? "IOTLB: miss" : "IOTLB: hit";
    case LEDGER_SWITCH:
        return "through the switch";
    case LEDGER_BRIDGE:
        return "through the bridge";
    case LEDGER_WALKER_QUEUEING:
        return "waits for a walker, or for the walk of another request";
    case LEDGER_WALK_CACHES:
        return "walk caches are looked up";
    case LEDGER_WALK_MEMORY:
        return "the page walk:";
    case LEDGER_MEMORY:
        return request->write ? "the write becomes visible in memory" : "memory reads the data";
    case LEDGER_ROOT_COMPLEX:
        return step->rule < RULE_COUNT && step->rule != RULE_TO_HOST ? rule : "through the root complex";
    case LEDGER_COMPLETER:
        return "the peer reads the data";
    case LEDGER_DRIVER:
        return "a CPU maps or unmaps the buffer";
    case LEDGER_INVALIDATION:
        return "a CPU waits until what it unmapped is invalidated";
    case LEDGER_BOUNCE_COPY:
        return "a CPU copies the data to or from a bounce buffer";
    default:
        return rule;
    }
}

static void walk_words(const struct walk_step *walk, char text[WORDS_SIZE])
{
    switch (walk->kind) {
    case WALK_CACHE_HIT:
        snprintf(text, WORDS_SIZE, "walk cache hit: level %u table at 0x%" PRIx64, walk->level,
                 walk->address);
        break;
    case WALK_STAGE_1:
    case WALK_STAGE_2:
        snprintf(text, WORDS_SIZE, "%slevel %u entry at 0x%" PRIx64 " is 0x%" PRIx64,
                 walk->kind == WALK_STAGE_2 ? "second stage " : "", walk->level, walk->address, walk->entry);
        break;
    case WALK_CONTEXT_TABLE:
    case WALK_PASID_TABLE:
        snprintf(text, WORDS_SIZE, "%s entry at 0x%" PRIx64 " is read",
                 walk->kind == WALK_PASID_TABLE ? "PASID table" : "context table", walk->address);
        break;
    case WALK_NESTED_HIT:
    case WALK_NESTED_MISS:
        snprintf(text, WORDS_SIZE, "guest physical 0x%" PRIx64 ": %s", walk->address,
                 walk->kind == WALK_NESTED_HIT ? "cached" : "not cached, the second stage is walked");
        break;
    }
}

static void print_ns(struct text_buffer *out, uint64_t ps)
{
    text_buffer_format(out, "%9" PRIu64 ".%03" PRIu64, ps / 1000, ps % 1000);
}

/* Why it failed, and what the device sees of that. */
static void write_failure(const struct simulation *simulation, const struct traced_request *request,
                          struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    if (request->fault)
        text_buffer_format(out, "Failed     %s", iommu_fault_text(request->fault));
    else if (request->unsent)
        text_buffer_add(out, "Failed     in the device: its device TLB got no translation that permits it");
    else if (request->stopped_by < RULE_COUNT)
        text_buffer_format(out, "Failed     at %s: %s (%s)",
                           place_words(simulation, request->stopped_at_id, bdf),
                           route_rule_text(request->stopped_by), route_rule_name(request->stopped_by));
    else
        text_buffer_add(out, "Failed     a request of it was not taken");
    text_buffer_format(
        out, "; %s\n",
        request->unsent ? "it is not sent, the device knows"
        : !request->answered
            ? request->write ? "writes get no completion, the device does not know" : "no completion comes"
        : request->status == COMPLETION_COMPLETER_ABORT ? "the device gets status CA, Completer Abort"
                                                        : "the device gets status UR, Unsupported Request");
}

static void write_head(const struct simulation *simulation, const struct traced_request *request,
                       struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    text_buffer_format(out, "Request    %s of %" PRIu32 " bytes at 0x%" PRIx64 " by %s",
                       request->write ? "write" : "read", request->length_bytes, request->address,
                       place_words(simulation, request->function_id, bdf));
    if (request->pasid)
        text_buffer_format(out, " with PASID %" PRIu32, request->pasid - 1);
    text_buffer_format(out, ", operation %" PRIu64 " of the run, stream \"%s\"\n", request->number,
                       simulation->workload->streams[request->stream].name);
    if (request->failed)
        write_failure(simulation, request, out);
}

/* What a driver did before it told the device comes first. */
static uint32_t first_of_device(const struct traced_step *steps, uint32_t count)
{
    uint32_t at = 0;
    while (at < count && steps[at].driver)
        at++;
    return at;
}

/* Beside the column of times: what is a part of the step above. */
static void write_within(uint64_t ps, const struct traced_step *step, const char *words,
                         struct text_buffer *out)
{
    text_buffer_add(out, "             ");
    print_ns(out, ps);
    text_buffer_format(out, "    %s%s\n", step->of_translation && step->is_walk ? "    " : "", words);
}

static void write_step(const struct simulation *simulation, const struct traced_request *request,
                       const struct traced_step *step, bool first, struct text_buffer *out)
{
    char words[WORDS_SIZE], bdf[BDF_TEXT_SIZE];
    const char *place =
        step->driver ? "CPU" : place_words(simulation, first ? request->function_id : step->function_id, bdf);
    if (step->is_walk) {
        walk_words(&step->walk, words);
        write_within(step->ps, step, words, out);
        return;
    }
    bool fixed = step->part == LEDGER_WALK_MEMORY && unit_of(simulation, request)->walk_fixed_ps;
    if (step->of_translation) {
        snprintf(words, sizeof(words), "translation request, %s, %s: %s", ledger_part_name(step->part), place,
                 step_words(step, request, false));
        write_within(step->ps, step, words, out);
    } else {
        print_ns(out, step->begin_ps - request->submit_ps);
        print_ns(out, step->ps);
        text_buffer_format(out, "  %-18s  %-13s %s\n", ledger_part_name(step->part), place,
                           step_words(step, request, first));
    }
    if (fixed)
        write_within(unit_of(simulation, request)->walk_fixed_ps, step,
                     step->of_translation ? "    its fixed part" : "its fixed part", out);
}

static void write_request(const struct simulation *simulation, const struct request_trace *trace,
                          const struct traced_request *request, struct text_buffer *out)
{
    struct traced_step *steps;
    uint32_t count = request_trace_steps(trace, request, &steps);
    uint64_t sum_ps = 0;
    uint32_t first = first_of_device(steps, count);
    write_head(simulation, request, out);
    text_buffer_add(out, "\n     at ns            ns  part                at\n");
    for (uint32_t i = 0; i < count; i++) {
        write_step(simulation, request, &steps[i], i == first, out);
        sum_ps += steps[i].is_walk || steps[i].of_translation ? 0 : steps[i].ps;
    }
    text_buffer_add(out, "             ");
    print_ns(out, sum_ps);
    text_buffer_add(out, "  in all\n");
    free(steps);
}

void explain_text_write(const struct simulation *simulation, const struct request_trace *trace,
                        struct text_buffer *out)
{
    for (uint32_t i = 0; i < trace->request_count; i++) {
        if (i)
            text_buffer_add(out, "\n");
        write_request(simulation, trace, &trace->requests[i], out);
    }
    if (!trace->request_count)
        text_buffer_add(out, "no request to explain came to its end\n");
}

/* ---- JSON ---- */

static void json_step(const struct simulation *simulation, const struct traced_request *request,
                      const struct traced_step *step, bool first, struct text_buffer *out)
{
    char words[WORDS_SIZE], bdf[BDF_TEXT_SIZE];
    const char *translation = step->of_translation ? "\"translation\": true, " : "";
    if (step->is_walk) {
        walk_words(&step->walk, words);
        text_buffer_format(out,
                           "{%s\"walk\": true, \"ps\": %" PRIu64 ", \"address\": \"0x%" PRIx64
                           "\", \"entry\": \"0x%" PRIx64 "\", \"level\": %u, \"text\": ",
                           translation, step->ps, step->walk.address, step->walk.entry, step->walk.level);
        text_buffer_json_string(out, words);
        text_buffer_add(out, "}");
        return;
    }
    text_buffer_format(
        out, "{%s\"begin_ps\": %" PRId64 ", \"ps\": %" PRIu64 ", \"part\": \"%s\", \"at\": ", translation,
        (int64_t)(step->begin_ps - request->submit_ps), step->ps, ledger_part_name(step->part));
    text_buffer_json_string(
        out, step->driver ? "CPU"
                          : place_words(simulation, first ? request->function_id : step->function_id, bdf));
    if (step->rule < RULE_COUNT)
        text_buffer_format(out, ", \"rule\": \"%s\"", route_rule_name(step->rule));
    text_buffer_add(out, ", \"text\": ");
    text_buffer_json_string(out, step_words(step, request, first));
    text_buffer_add(out, "}");
}

static void json_failure(const struct simulation *simulation, const struct traced_request *request,
                         struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    const char *status = request->status == COMPLETION_COMPLETER_ABORT ? "\"CA\"" : "\"UR\"";
    text_buffer_format(out, "\"status\": %s, ", request->answered ? status : "null");
    if (request->unsent)
        text_buffer_add(out, "\"stopped_by\": \"no-translation\", ");
    else if (!request->fault && request->stopped_by < RULE_COUNT)
        text_buffer_format(out, "\"stopped_by\": \"%s\", \"stopped_at\": \"%s\", ",
                           route_rule_name(request->stopped_by),
                           place_words(simulation, request->stopped_at_id, bdf));
}

static void json_request(const struct simulation *simulation, const struct request_trace *trace,
                         const struct traced_request *request, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    struct traced_step *steps;
    uint32_t count = request_trace_steps(trace, request, &steps);
    text_buffer_format(out, "    {\"operation\": %" PRIu64, request->number);
    if (request->pasid)
        text_buffer_format(out, ", \"pasid\": %" PRIu32, request->pasid - 1);
    text_buffer_add(out, ", \"stream\": ");
    text_buffer_json_string(out, simulation->workload->streams[request->stream].name);
    text_buffer_format(out,
                       ", \"device\": \"%s\", \"kind\": \"%s\", \"address\": \"0x%" PRIx64
                       "\", \"bytes\": %" PRIu32 ", \"failed\": %s, ",
                       place_words(simulation, request->function_id, bdf), request->write ? "write" : "read",
                       request->address, request->length_bytes, request->failed ? "true" : "false");
    if (request->failed)
        json_failure(simulation, request, out);
    text_buffer_format(out, "\"submit_ps\": %" PRIu64 ", \"latency_ps\": %" PRIu64 ",\n     \"steps\": [",
                       request->submit_ps, request->done_ps - request->submit_ps);
    for (uint32_t i = 0; i < count; i++) {
        text_buffer_add(out, i ? ",\n       " : "\n       ");
        json_step(simulation, request, &steps[i], i == first_of_device(steps, count), out);
    }
    text_buffer_add(out, "]}");
    free(steps);
}

void explain_json_write(const struct simulation *simulation, const struct request_trace *trace,
                        struct text_buffer *out)
{
    text_buffer_add(out, "{\n  \"format\": \"iommusim-explain/1\",\n  \"requests\": [\n");
    for (uint32_t i = 0; i < trace->request_count; i++) {
        json_request(simulation, trace, &trace->requests[i], out);
        text_buffer_add(out, i + 1 < trace->request_count ? ",\n" : "\n");
    }
    text_buffer_add(out, "  ]\n}\n");
}
