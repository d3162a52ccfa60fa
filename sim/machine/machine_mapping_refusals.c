/* SPDX-License-Identifier: MIT */
/* Why a buffer cannot be mapped, in words that say what to do about it. */
#include "sim/machine/machine_mapping.h"

#include "sim/base/status.h"
#include "sim/machine/machine_state.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT = 400 };

int mapping_refuse(struct machine *machine, const struct mapping_job *job, const char *code, const char *text)
{
    const struct stream *stream = &machine->workload->streams[job->stream];
    if (job->line)
        workload_report(machine->workload, machine->diagnostics, DIAGNOSTIC_ERROR, stream->pointer, code,
                        "line %" PRIu64 " of %s: %s", job->line, stream->trace_path, text);
    else
        workload_report(machine->workload, machine->diagnostics, DIAGNOSTIC_ERROR, stream->pointer, code,
                        "stream \"%s\": %s", stream->name, text);
    return STATUS_BAD_INPUT;
}

/* Neither the buffer nor a copy of it is where the device may have it. */
static void say_out_of_reach(const struct machine *machine, const struct dma_device *device,
                             uint64_t physical, bool guest, char text[TEXT])
{
    const char *no_pool = guest ? "a guest's kernel has no bounce buffers here"
                          : machine->options.bounce_none
                              ? "there are no bounce buffers (swiotlb=noforce, or of no size)"
                          : machine->options.bounce_none_for_reach && !device->bounces_all
                              ? "there are no bounce buffers (iommu=off)"
                              : "RAM below 4 GiB has no room for bounce buffers";
    if (device->bounces_all && !device->swiotlb)
        snprintf(text, TEXT, "all of the device's buffers bounce, and %s", no_pool);
    else
        snprintf(text, TEXT,
                 "the device reaches addresses up to 0x%" PRIx64 " (\"dma_mask_bits\"), its buffer is at "
                 "0x%" PRIx64 ", and %s: give it memory of a lower \"zone\", or an IOMMU",
                 device->mask, physical,
                 device->swiotlb ? "the bounce buffers are beyond its reach, too" : no_pool);
}

static int refuse_buffer(struct machine *machine, const struct mapping_job *job, uint64_t physical,
                         uint64_t length)
{
    const struct dma_device *device = mapping_device(machine, job->function_id, job->pasid);
    const struct swiotlb *pool = &machine->mapping.swiotlb;
    char text[TEXT];
    switch (job->result) {
    case DMA_NO_SLOTS:
        snprintf(text, sizeof(text),
                 "swiotlb buffer is full (sz: %" PRIu64 " bytes), total %" PRIu32 " (slots), used %" PRIu32
                 " (slots): no run of free slots is that long",
                 length, pool->slot_count, pool->used);
        return mapping_refuse(machine, job, "run-no-slots", text);
    case DMA_OUT_OF_REACH:
        say_out_of_reach(machine, device, physical, mapping_guest_of(machine, job->function_id) != NONE,
                         text);
        return mapping_refuse(machine, job, "run-out-of-reach", text);
    case DMA_TOO_LONG:
        snprintf(text, sizeof(text),
                 "a buffer of %" PRIu64 " bytes has to bounce, and bounce buffers have %" PRIu64
                 " bytes at most: smaller ones, or several \"pieces\"",
                 length, dma_longest(device));
        return mapping_refuse(machine, job, "run-too-long", text);
    default:
        return mapping_refuse(machine, job, "run-no-iova", dma_map_result_text(job->result));
    }
}

void mapping_refuse_buffer(struct machine *machine, const struct mapping_job *job, uint64_t physical,
                           uint64_t length)
{
    machine->status = refuse_buffer(machine, job, physical, length);
}

int mapping_refuse_fixed(struct machine *machine, const struct mapping_job *job)
{
    const struct domain *domain = &machine->workload->domains[job->domain];
    char text[TEXT];
    unsigned shift = 0;
    bool taken = mapping_tables_find(machine, job->domain, job->iova, &shift) != 0;
    if (!taken || domain->function_count < 2)
        return mapping_refuse(machine, job, "trace-map", dma_map_result_text(DMA_TABLE_TAKEN));
    snprintf(text, sizeof(text),
             "something is mapped there already, in domain \"%s\", which %" PRIu32
             " functions share; a kernel has a domain for each group, in which the same addresses are used "
             "again: \"devices\": \"each\" makes them",
             domain->name, domain->function_count);
    return mapping_refuse(machine, job, "trace-map", text);
}
