/* SPDX-License-Identifier: MIT */
#include "sim/output/result_findings.h"

#include "models/iommu/fault_code.h"
#include "sim/base/arena.h"
#include "sim/output/group_words.h"
#include "sim/output/junit.h"
#include "sim/output/result_refusals.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PLACES = 3, DETAILS_SHOWN = 20 };

static const struct sarif_rule rules[RUN_FINDINGS] = {
    [RUN_LEAK] = {"run/leak", SARIF_ERROR,
                  "In the run, requests arrived at a function of another IOMMU group untranslated",
                  "The two groups can write into each other's device. `iommusim reach` says by which rule, "
                  "`iommusim reach --want` which ACS bits would stop it."},
    [RUN_STALE_TRANSLATION] = {"run/stale-translation", SARIF_ERROR,
                               "In the run, a translation was used that software had taken back",
                               "Between unmapping and the flush of the IOTLB (lazy mode), or where a device "
                               "keeps its own entries, memory stays reachable that belongs to somebody else "
                               "by then. Strict mode closes the first window."},
    [RUN_VOUCHED] = {"run/vouched", SARIF_NOTE,
                     "Only a vendor's word speaks against requests that arrived at another IOMMU group",
                     "The simulated function turned them; the kernel's quirk list holds its vendor's "
                     "statement that the real one does not."},
    [RUN_FAULT] = {"run/fault", SARIF_WARNING, "A remapping unit refused requests",
                   "The device used an address that is not mapped for it, or without permission."},
    [RUN_FAILED] = {"run/failed", SARIF_WARNING, "Operations of a stream failed",
                    "They were refused on the way, or by a remapping unit; see the faults."},
    [RUN_OVERLOAD] = {"run/overload", SARIF_WARNING, "An open-loop stream offers more than gets through",
                      "Its latency grows for as long as it runs: percentiles say how long that was."},
};

/** A finding: its words and the functions it names, the one to blame first. NONE: no function. */
struct finding {
    enum run_finding kind;
    const char *message;
    uint32_t ids[PLACES];
    const char *roles[PLACES]; /**< what the further ones are */
};

typedef void (*take_finding)(void *data, const struct finding *finding);

static const char *name(const struct result *result, uint32_t id, char *text)
{
    return id == NONE ? "memory" : group_words_address(result->simulation->input->topology, id, text);
}

/* How requests came where they should not. */
static const char *way_of(const struct observed_peer *peer)
{
    switch (peer->kind) {
    case OBSERVED_STALE_IOTLB:
        return "the IOTLB still held a translation that software had taken back (stale-iotlb)";
    case OBSERVED_STALE_DEVICE_TLB:
        return "the device's TLB still held a translation that software had taken back (stale-device-tlb)";
    case OBSERVED_OTHER_DOMAIN:
        return "the unit translated them for another function, which has the same requester id "
               "(other-domain)";
    case OBSERVED_FORGED:
        return "the device sent an address as translated that nobody had granted it (forged-translation)";
    case OBSERVED_UNTRANSLATED:
    case OBSERVED_KINDS:
        break;
    }
    return route_rule_text(peer->rule);
}

static void each_peer(const struct result *result, take_finding take, void *data)
{
    const struct observed_peer *peers;
    uint32_t count = machine_observed_peers(result->simulation->machine, &peers);
    for (uint32_t i = 0; i < count; i++) {
        const struct observed_peer *peer = &peers[i];
        enum reach_leak leak = result_peer_leak(result, peer);
        struct text_buffer message = {0};
        char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE];
        if (leak == REACH_NO_LEAK)
            continue;
        text_buffer_format(&message, "%" PRIu64 " requests (%" PRIu64 " bytes) of %s came to %s: %s",
                           peer->tlps, peer->bytes, name(result, peer->source_id, source),
                           name(result, peer->target_id, target), way_of(peer));
        struct finding finding = {
            .kind = peer->kind != OBSERVED_UNTRANSLATED ? RUN_STALE_TRANSLATION
                    : leak == REACH_VOUCHED             ? RUN_VOUCHED
                                                        : RUN_LEAK,
            .message = text_buffer_get(&message),
            .ids = {peer->at_id == NONE ? peer->source_id : peer->at_id, peer->source_id, peer->target_id},
            .roles = {NULL, "the source", "the target"},
        };
        take(data, &finding);
        text_buffer_fini(&message);
    }
}

static bool same_fault(const struct fault_record *a, const struct fault_record *b)
{
    return a->function_id == b->function_id && a->reason == b->reason && a->write == b->write;
}

static void unit_faults(const struct result *result, uint32_t unit, take_finding take, void *data)
{
    const struct fault_log *log = machine_fault_log(result->simulation->machine, unit);
    enum iommu_kind kind = result->simulation->groups->coverage->units[unit].kind;
    for (uint32_t r = 0; r < log->kept_count; r++) {
        char line[FAULT_LINE_SIZE], label[24];
        struct text_buffer message = {0};
        uint32_t alike = 0;
        bool told = false;
        for (uint32_t other = 0; other < log->kept_count; other++) {
            alike += same_fault(&log->kept[other], &log->kept[r]);
            told |= other < r && same_fault(&log->kept[other], &log->kept[r]);
        }
        if (told)
            continue;
        text_buffer_format(&message, "%s logged %u such fault%s, the first: %s",
                           unit_label(result, unit, label), alike, alike == 1 ? "" : "s",
                           fault_log_line(line, kind, &log->kept[r]));
        struct finding finding = {
            RUN_FAULT, text_buffer_get(&message), {log->kept[r].function_id, NONE, NONE}, {NULL, NULL, NULL}};
        take(data, &finding);
        text_buffer_fini(&message);
    }
}

static void stream_finding(enum run_finding kind, uint32_t function_id, const char *message,
                           take_finding take, void *data)
{
    struct finding finding = {kind, message, {function_id, NONE, NONE}, {NULL, NULL, NULL}};
    take(data, &finding);
}

static void each_stream(const struct result *result, take_finding take, void *data)
{
    const struct workload *workload = result->simulation->workload;
    for (uint32_t i = 0; i < workload->stream_count; i++) {
        const struct stream_result *stream = machine_stream_result(result->simulation->machine, i);
        const struct stream *asked = &workload->streams[i];
        struct text_buffer message = {0};
        if (stream->failed) {
            text_buffer_format(&message, "%" PRIu64 " of %" PRIu64 " operations of stream %s failed",
                               stream->failed, stream->completed, asked->name);
            const struct refusal *commonest = refusal_commonest(result, asked->function_id);
            if (commonest) {
                text_buffer_add(&message, "; most often ");
                refusal_words(result, commonest, &message);
            }
            stream_finding(RUN_FAILED, asked->function_id, text_buffer_get(&message), take, data);
        }
        message.length = 0;
        if (stream->overloaded) {
            text_buffer_format(&message, "stream %s offers more than gets through", asked->name);
            stream_finding(RUN_OVERLOAD, asked->function_id, text_buffer_get(&message), take, data);
        }
        text_buffer_fini(&message);
    }
}

static void each_finding(const struct result *result, take_finding take, void *data)
{
    each_peer(result, take, data);
    for (uint32_t i = 0; i < result->simulation->options.unit_count; i++)
        unit_faults(result, i, take, data);
    each_stream(result, take, data);
}

static struct source_place place_of(const struct result *result, uint32_t id)
{
    const struct machine_input *input = result->simulation->input;
    struct source_place nowhere = {result->topology.path, 0, 0};
    return id == NONE || !input->places ? nowhere : input->places[id];
}

/* ---- SARIF ---- */

struct sarif_writer {
    const struct result *result;
    struct sarif sarif;
};

static void add_to_sarif(void *data, const struct finding *finding)
{
    struct sarif_writer *writer = data;
    struct sarif_place places[PLACES];
    char names[PLACES][BDF_TEXT_SIZE];
    struct text_buffer print = {0};
    size_t count = 0;
    text_buffer_add(&print, rules[finding->kind].id);
    for (size_t i = 0; i < PLACES; i++) {
        if (i && finding->ids[i] == NONE)
            continue;
        places[count] = (struct sarif_place){
            place_of(writer->result, finding->ids[i]),
            finding->ids[i] == NONE ? "the workload" : name(writer->result, finding->ids[i], names[i]),
            i ? finding->roles[i] : NULL};
        text_buffer_format(&print, " %s", places[count++].name);
    }
    if (finding->kind >= RUN_FAULT) /* several may be about one function */
        text_buffer_format(&print, " %zu", writer->sarif.asked);
    sarif_add(&writer->sarif, &(struct sarif_finding){finding->kind, finding->message, places, count,
                                                      text_buffer_get(&print)});
    text_buffer_fini(&print);
}

void result_findings_sarif(const struct result *result, struct text_buffer *out)
{
    struct sarif_writer writer = {.result = result};
    sarif_begin(&writer.sarif, out, rules, RUN_FINDINGS);
    each_finding(result, add_to_sarif, &writer);
    sarif_end(&writer.sarif);
}

/* ---- JUnit ---- */

/** The findings of one kind, gathered. */
struct gathered {
    enum run_finding kind;
    uint32_t count, first_id;
    struct text_buffer details;
};

static void gather(void *data, const struct finding *finding)
{
    struct gathered *gathered = data;
    if (finding->kind != gathered->kind)
        return;
    if (gathered->count++ == 0)
        gathered->first_id = finding->ids[0];
    if (gathered->count <= DETAILS_SHOWN)
        text_buffer_format(&gathered->details, "%s\n", finding->message);
}

void result_findings_junit(const struct result *result, struct text_buffer *out)
{
    struct junit junit;
    struct text_buffer class_name = {0};
    text_buffer_format(&class_name, "iommusim.run.%s", result->name ? result->name : "run");
    junit_begin(&junit, "iommusim run");
    for (int kind = 0; kind < RUN_FINDINGS; kind++) {
        struct gathered gathered = {.kind = (enum run_finding)kind, .first_id = NONE};
        if (rules[kind].level == SARIF_NOTE)
            continue;
        each_finding(result, gather, &gathered);
        junit_add(&junit, &(struct junit_case){
                              .name = rules[kind].id,
                              .class_name = text_buffer_get(&class_name),
                              .place = place_of(result, gathered.first_id),
                              .failure = gathered.count ? rules[kind].text : NULL,
                              .details = text_buffer_get(&gathered.details),
                          });
        text_buffer_fini(&gathered.details);
    }
    junit_end(&junit, out);
    text_buffer_fini(&class_name);
}
