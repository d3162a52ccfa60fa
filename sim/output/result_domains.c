/* SPDX-License-Identifier: MIT */
/* What was mapped and unmapped during the run, and how long it stayed reachable. */
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>

static void write_domain(struct json_layout *layout, const struct result *result, uint32_t index,
                         const struct mapping_counters *got)
{
    const struct machine *machine = result->simulation->machine;
    const struct domain *domain = &result->simulation->workload->domains[index];
    layout_open(layout, NULL, '{');
    layout_string(layout, "name", domain->name);
    layout_string(layout, "mode", translation_mode_name(domain->mode));
    layout_format(layout, "maps", "%" PRIu64, got->maps);
    layout_format(layout, "unmaps", "%" PRIu64, got->unmaps);
    layout_format(layout, "bytes_unmapped", "%" PRIu64, got->bytes_unmapped);
    layout_format(layout, "flushes", "%" PRIu64, got->flushes);
    layout_format(layout, "flush_timeouts", "%" PRIu64, got->flush_timeouts);
    layout_format(layout, "stale_bytes_high", "%" PRIu64, got->stale_bytes_high);
    layout_format(layout, "exposure_byte_us", "%" PRIu64,
                  (uint64_t)(machine_exposure(machine, index) / 1000000));
    layout_format(layout, "tlps_while_unmapping", "%" PRIu64, got->unmapping_tlps);
    layout_format(layout, "bytes_while_unmapping", "%" PRIu64, got->unmapping_bytes);
    result_json_iova(layout, machine_iova_allocator(machine, index));
    if (machine_viommu(machine, index))
        result_json_viommu(layout, machine_viommu(machine, index));
    result_json_histogram(layout, "unmap", &got->unmap);
    result_json_histogram(layout, "window", &got->window);
    layout_close(layout, '}', true);
}

void result_json_domains(struct json_layout *layout, const struct result *result)
{
    const struct workload *workload = result->simulation->workload;
    layout_open(layout, "domains", '[');
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        const struct mapping_counters *got = machine_mapping_counters(result->simulation->machine, d);
        if (got)
            write_domain(layout, result, d, got);
    }
    layout_close(layout, ']', true);
    result_json_guests(layout, result);
    result_json_migrations(layout, result);
    result_json_drivers(layout, result);
}

static void write_device_tlb(const struct result *result, uint32_t function_id, struct text_buffer *out)
{
    const struct dma_engine *engine = machine_engine(result->simulation->machine, function_id);
    const struct pci_function *function = &result->simulation->input->topology->functions[function_id];
    char bdf[BDF_TEXT_SIZE], hits[AMOUNT_TEXT_SIZE], misses[AMOUNT_TEXT_SIZE], requests[AMOUNT_TEXT_SIZE];
    if (!engine || !engine->device_tlb)
        return;
    const struct device_tlb *tlb = engine->device_tlb;
    text_buffer_format(out,
                       "Device TLB %s: %s hits, %s misses, %s translation requests, %" PRIu64
                       " refused, %" PRIu64 " invalidations\n",
                       bdf_print(bdf, function->segment, function->bus, function->devfn),
                       amount_print(hits, tlb->hits), amount_print(misses, tlb->misses),
                       amount_print(requests, tlb->requests), tlb->refusals, tlb->invalidations);
    if (tlb->page_requests)
        text_buffer_format(out,
                           "           %" PRIu64 " pages requested in %" PRIu64 " groups, %" PRIu64
                           " refused, %" PRIu64 " given up after page_request_timeout%s\n",
                           tlb->page_requests, tlb->page_groups, tlb->pages_refused, tlb->page_timeouts,
                           tlb->page_failures ? "; Response Failure: it requests no more" : "");
}

static void write_page_requests(const struct result *result, uint32_t unit, struct text_buffer *out)
{
    const struct page_request_queue *queue = machine_page_requests(result->simulation->machine, unit);
    char requests[AMOUNT_TEXT_SIZE], succeeded[AMOUNT_TEXT_SIZE], label[24];
    if (!queue->requests)
        return;
    text_buffer_format(out,
                       "Page requests at %s: %s, of them %s served, %" PRIu64
                       " for pages that are not there, "
                       "%" PRIu64 " that found the queue full",
                       unit_label(result, unit, label), amount_print(requests, queue->requests),
                       amount_print(succeeded, queue->succeeded), queue->invalid, queue->overflowed);
    if (queue->forgotten || queue->failed)
        text_buffer_format(out, ", %" PRIu64 " parts of groups forgotten, %" PRIu64 " failures",
                           queue->forgotten, queue->failed);
    text_buffer_format(out, "; up to %" PRIu64 " waited\n", queue->waiting.high);
}

void result_text_domains(const struct result *result, struct text_buffer *out)
{
    uint32_t functions = result->simulation->input->topology->function_count;
    bool first = true;
    result_text_interrupts(result, out);
    for (uint32_t f = 0; f < functions; f++) {
        const struct dma_engine *engine = machine_engine(result->simulation->machine, f);
        if (engine && engine->device_tlb && first)
            text_buffer_add(out, "\n");
        first &= !engine || !engine->device_tlb;
        write_device_tlb(result, f, out);
    }
    for (uint32_t i = 0; i < result->simulation->options.unit_count; i++)
        write_page_requests(result, i, out);
    const struct workload *workload = result->simulation->workload;
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        const struct mapping_counters *got = machine_mapping_counters(result->simulation->machine, d);
        char maps[AMOUNT_TEXT_SIZE], unmaps[AMOUNT_TEXT_SIZE], mean[AMOUNT_TEXT_SIZE], most[AMOUNT_TEXT_SIZE],
            bytes[AMOUNT_TEXT_SIZE], exposed[AMOUNT_TEXT_SIZE];
        uint64_t exposure = (uint64_t)(machine_exposure(result->simulation->machine, d) / 1000000);
        if (!got || !(got->maps + got->unmaps))
            continue;
        text_buffer_format(out, "\nMapping    domain \"%s\", %s: %s buffers mapped, %s unmapped in %s each\n",
                           workload->domains[d].name, translation_mode_name(workload->domains[d].mode),
                           amount_print(maps, got->maps), amount_print(unmaps, got->unmaps),
                           got->unmap.count ? time_print(mean, histogram_mean(&got->unmap)) : "-");
        if (got->window.count)
            text_buffer_format(
                out,
                "           unmapped buffers stayed reachable for %s on average, %s at most; up to %s%sB "
                "at once, %" PRIu64 " flushes; exposure %s%sB us\n",
                time_print(mean, histogram_mean(&got->window)), time_print(most, got->window.maximum),
                amount_print(bytes, got->stale_bytes_high), got->stale_bytes_high < 1000 ? " " : "",
                got->flushes, amount_print(exposed, exposure), exposure < 1000 ? " " : "");
        else if (got->stale_bytes_high)
            text_buffer_format(
                out,
                "           unmapped buffers stayed reachable to the end of the run: up to %s%sB at "
                "once, no flush came; exposure %s%sB us\n",
                amount_print(bytes, got->stale_bytes_high), got->stale_bytes_high < 1000 ? " " : "",
                amount_print(exposed, exposure), exposure < 1000 ? " " : "");
        if (machine_viommu(result->simulation->machine, d))
            result_text_viommu(&workload->domains[d], machine_viommu(result->simulation->machine, d), out);
    }
    result_text_guests(result, out);
    result_text_migrations(result, out);
    result_text_drivers(result, out);
}
