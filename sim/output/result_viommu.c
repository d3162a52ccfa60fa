/* SPDX-License-Identifier: MIT */
/* What a guest's own IOMMU cost it. */
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>

static void write_number(struct json_layout *layout, const char *key, uint64_t value)
{
    layout_format(layout, key, "%" PRIu64, value);
}

void result_json_viommu(struct json_layout *layout, const struct viommu *viommu)
{
    const struct viommu_counters *got = &viommu->counters;
    layout_open(layout, "viommu", '{');
    layout_string(layout, "kind", viommu_kind_names[viommu->kind]);
    write_number(layout, "maps", got->requests[VIOMMU_MAP]);
    write_number(layout, "unmaps", got->requests[VIOMMU_UNMAP]);
    write_number(layout, "flushes", got->requests[VIOMMU_FLUSH]);
    write_number(layout, "exits", got->exits);
    write_number(layout, "stopped_ps", got->stopped_ps);
    write_number(layout, "waited", got->waited_for);
    write_number(layout, "wait_ps", got->wait_ps);
    write_number(layout, "calls", got->calls);
    write_number(layout, "pages_mapped", got->pages_mapped);
    write_number(layout, "pages_unmapped", got->pages_unmapped);
    write_number(layout, "entries_read", got->entries_walked);
    layout_close(layout, '}', true);
}

void result_text_viommu(const struct domain *domain, const struct viommu *viommu, struct text_buffer *out)
{
    const struct viommu_counters *got = &viommu->counters;
    char requests[AMOUNT_TEXT_SIZE], exits[AMOUNT_TEXT_SIZE], stopped[AMOUNT_TEXT_SIZE],
        waited[AMOUNT_TEXT_SIZE], wait[AMOUNT_TEXT_SIZE], mapped[AMOUNT_TEXT_SIZE];
    uint64_t all = got->requests[VIOMMU_MAP] + got->requests[VIOMMU_UNMAP] + got->requests[VIOMMU_FLUSH];
    if (!all)
        return;
    text_buffer_format(out, "vIOMMU     of guest \"%s\", %s: %s of %s requests left it", domain->name,
                       viommu_kind_names[viommu->kind], amount_print(exits, got->exits),
                       amount_print(requests, all));
    if (got->exits)
        text_buffer_format(out, ", its CPU stopped for %s each",
                           time_print(stopped, got->stopped_ps / got->exits));
    if (got->waited_for)
        text_buffer_format(out, "; %s waited for others', %s each", amount_print(waited, got->waited_for),
                           time_print(wait, got->wait_ps / got->waited_for));
    if (got->pages_mapped)
        text_buffer_format(out, "; the hypervisor mapped %s pages for it in %" PRIu64 " calls",
                           amount_print(mapped, got->pages_mapped), got->calls);
    text_buffer_add(out, "\n");
}
