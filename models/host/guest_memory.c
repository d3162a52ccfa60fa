/* SPDX-License-Identifier: MIT */
#include "models/host/guest_memory.h"

#include <stddef.h>

enum { SMALL_PAGE = 4096, ENTRIES_PER_LINE = 8, LINES_PER_PAGE = 64 };

#define TIME(key, member, text)                                                                              \
    FIELD_ROW_QUANTITY(guest_parameters, key, member, UNIT_PICOSECONDS, 0, UINT64_C(100000000000000), text)

static const struct field fields[] = {
    TIME("process", process_ps,
         "the virtual machine monitor, from its start to a guest that runs, beside what follows"),
    TIME("fault", fault_ps, "a page of the host is made present, beside clearing it"),
    FIELD_ROW_QUANTITY(guest_parameters, "clear_bandwidth", clear_bytes_per_s, UNIT_BYTES_PER_S, 1000000,
                       UINT64_C(10000000000000), "at which one CPU clears pages"),
    TIME("pin", pin_ps, "a page of the host is found, pinned and handed to the IOMMU's driver"),
    TIME("account", account_ps, "for each 4 KiB of a page that is pinned"),
    TIME("unpin", unpin_ps, "a page of the host is unmapped and released"),
    TIME("unaccount", unaccount_ps, "for each 4 KiB of a page that is released"),
    TIME("table_entry", table_entry_ps, "a page-table entry is written"),
    TIME("table_page", table_page_ps, "a page for a page table is allocated and cleared"),
    TIME("table_flush", table_flush_ps,
         "a line of page tables is written back, for a unit that does not snoop the CPU's caches"),
    TIME("attach", attach_ps, "a device joins or leaves a guest: system calls, locks, lists"),
    TIME("function_reset", function_reset_ps, "from the reset of a PCI Express function to it being ready"),
    TIME("bus_reset", bus_reset_ps, "likewise of a conventional function, which its bus resets"),
    FIELD_ROW_COUNT(guest_parameters, "resets", resets, 0, 16, "of a device that comes to a guest"),
};

const struct field_table guest_fields = {"guest", "virtual machines: memory pinned, devices attached", fields,
                                         sizeof(fields) / sizeof(fields[0]), sizeof(struct guest_parameters)};

/* Rounded down, as all of a block is one long copy. */
static uint64_t clearing_ps(const struct guest_parameters *parameters, uint64_t bytes)
{
    return (uint64_t)((__uint128_t)bytes * UINT64_C(1000000000000) / parameters->clear_bytes_per_s);
}

void guest_memory_map(const struct guest_parameters *parameters, const struct guest_block *block,
                      uint64_t tables, uint32_t domains, bool snooped, struct guest_mapping_time *time)
{
    uint64_t pages = block->length / block->page_bytes, small = block->length / SMALL_PAGE,
             entries = block->length / block->mapped_bytes;
    if (!block->populated)
        time->populate_ps += pages * parameters->fault_ps + clearing_ps(parameters, block->length);
    time->pin_ps += pages * parameters->pin_ps + small * parameters->account_ps;
    uint64_t table_ps = entries * parameters->table_entry_ps + tables * parameters->table_page_ps;
    if (!snooped)
        table_ps += ((entries + ENTRIES_PER_LINE - 1) / ENTRIES_PER_LINE + tables * LINES_PER_PAGE) *
                    parameters->table_flush_ps;
    time->table_ps += table_ps * domains;
}

uint64_t guest_memory_unmap(const struct guest_parameters *parameters, uint64_t length, uint64_t page_bytes)
{
    return length / page_bytes * parameters->unpin_ps + length / SMALL_PAGE * parameters->unaccount_ps;
}
