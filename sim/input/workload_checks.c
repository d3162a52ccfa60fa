/* SPDX-License-Identifier: MIT */
/* What a stream says, beside what other streams, its domain and its device do. */
#include "sim/input/workload_reader.h"

#include <inttypes.h>

/* All messages of a function go through its one entry of the remapping table: what streams say about that
 * entry has to agree. */
static void check_interrupts(const struct workload *workload, const struct json_node *node,
                             const struct stream *stream)
{
    for (const struct stream *other = workload->streams; other < stream; other++) {
        bool alike = other->posted_interrupts == stream->posted_interrupts &&
                     other->affinity_interval_ps == stream->affinity_interval_ps;
        if (other->operation != STREAM_MSI || other->function_id != stream->function_id || alike)
            continue;
        json_error(node, "workload-interrupts",
                   "streams \"%s\" and \"%s\" are interrupts of one function, which has one entry in the "
                   "remapping table: \"interrupts\" and \"affinity_interval\" have to be the same in both",
                   other->name, stream->name);
        return;
    }
}

/* The longest segment is a property of the device (dma_set_max_seg_size()). */
static void check_segments(const struct workload *workload, const struct json_node *node,
                           const struct stream *stream)
{
    for (const struct stream *other = workload->streams; other < stream && stream->longest_segment; other++) {
        if (other->function_id != stream->function_id || !other->longest_segment ||
            other->longest_segment == stream->longest_segment)
            continue;
        struct json_node given = json_member(node, "max_segment");
        json_error(&given, "workload-segment",
                   "streams \"%s\" and \"%s\" are of one device, which has one longest segment: "
                   "\"max_segment\" has to be the same in both",
                   other->name, stream->name);
        return;
    }
}

/* A generator's addresses are its own choice, and may be none that the device can form. */
static void check_reach(const struct workload_reading *reading, const struct json_node *node,
                        const struct stream *stream)
{
    unsigned bits = reading->machine->topology->functions[stream->function_id].dma_mask_bits;
    uint64_t last = stream->base + (stream->window_bytes - 1);
    if (!bits || bits >= 64 || !stream->window_bytes || last >> bits == 0)
        return;
    struct json_node base = json_member(node, "base");
    json_remark(json_given(&base) ? &base : node, DIAGNOSTIC_WARNING, "workload-dma-mask",
                "the window ends at 0x%" PRIx64 ", but the device has %u address bits (\"dma_mask_bits\"): "
                "no driver gives it such addresses; the workload is followed",
                last, bits);
}

/* Buffers that last are memory of dma_alloc_coherent(), which never bounces. */
static bool buffers_last(const struct stream *stream)
{
    switch (stream->device_kind) {
    case DEVICE_NONE:
        return !stream_buffers_are_mapped(stream->buffers);
    case DEVICE_NVME:
        return stream->device.nvme.buffers == NVME_BUFFERS_PERSISTENT;
    case DEVICE_COPY_ENGINE:
        return stream->device.copy_engine.buffers == COPY_BUFFERS_PINNED;
    case DEVICE_ISOCHRONOUS:
        return stream->device.isochronous.buffers == ISOCHRONOUS_CYCLIC;
    default:
        return false;
    }
}

static void check_bouncing(const struct workload_reading *reading, const struct json_node *node,
                           const struct stream *stream)
{
    static const char *const hints[DEVICE_KINDS] = {[DEVICE_NONE] = "\"per-use\" or \"pooled\"",
                                                    [DEVICE_NVME] = "\"per-command\"",
                                                    [DEVICE_COPY_ENGINE] = "\"per-copy\"",
                                                    [DEVICE_ISOCHRONOUS] = "\"per-period\""};
    const struct domain *domain = stream_domain(reading, stream);
    if (!domain || domain->bounce == BOUNCE_NEEDED || !buffers_last(stream))
        return;
    json_remark(node, DIAGNOSTIC_WARNING, "workload-bounce",
                "domain \"%s\" bounces (\"%s\") what is mapped during the run; buffers of stream \"%s\" are "
                "there before it, as of dma_alloc_coherent(), and do not bounce: \"buffers\": %s do",
                domain->name, bounce_mode_names[domain->bounce], stream->name, hints[stream->device_kind]);
}

void check_read_stream(const struct workload_reading *reading, const struct json_node *node,
                       const struct stream *stream)
{
    if (stream->function_id == NONE)
        return;
    if (stream->operation == STREAM_MSI) {
        check_interrupts(reading->workload, node, stream);
        return;
    }
    check_segments(reading->workload, node, stream);
    if (stream->device_kind == DEVICE_NONE && !stream_buffers_are_mapped(stream->buffers))
        check_reach(reading, node, stream);
    check_bouncing(reading, node, stream);
}
