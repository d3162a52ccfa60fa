/* SPDX-License-Identifier: MIT */
/**
 * @file guest_memory.h
 * What it takes the host's kernel to make a guest's memory reachable for devices: VFIO_IOMMU_MAP_DMA for each
 * block of RAM. The thread that maps finds each page of the host behind it, has it made present and cleared
 * where it was never touched, pins it (pin_user_pages_remote(), 512 small pages at a time), accounts for it,
 * and writes page-table entries for each run that is contiguous in memory, in the largest pages that fit.
 *
 * Sources: vfio_pin_map_dma(), vfio_pin_pages_remote(), vfio_iommu_map() and vfio_iommu_replay() of
 * drivers/vfio/vfio_iommu_type1.c. Times: the preset "default" says where each is from.
 *
 * MODEL: one thread; memory bandwidth that other CPUs use does not slow it. The host's pages of one block lie
 * side by side, and yet runs end where a page does: small pages that happen to be neighbours are not joined.
 */
#ifndef IOMMUSIM_HOST_GUEST_MEMORY_H
#define IOMMUSIM_HOST_GUEST_MEMORY_H

#include "sim/base/field.h"

#include <stdbool.h>
#include <stdint.h>

struct guest_parameters {
    uint64_t process_ps;        /**< the virtual machine monitor beside all below: from its start to ready */
    uint64_t fault_ps;          /**< a page of the host is made present, beside clearing it */
    uint64_t clear_bytes_per_s; /**< at which one CPU clears pages */
    uint64_t pin_ps;            /**< a page of the host is found, pinned and handed to the IOMMU's driver */
    uint64_t account_ps;        /**< for each 4 KiB of it */
    uint64_t unpin_ps, unaccount_ps; /**< likewise when it is released */
    uint64_t table_entry_ps;         /**< a page-table entry is written */
    uint64_t table_page_ps;          /**< a page for a page table is allocated and cleared */
    uint64_t table_flush_ps;    /**< a line of page tables is written back for a unit that does not snoop */
    uint64_t attach_ps;         /**< a device joins or leaves a guest, beside entries and invalidations */
    uint64_t function_reset_ps; /**< from the reset of a PCI Express function to it being ready */
    uint64_t bus_reset_ps;      /**< likewise of a conventional one, by its bus */
    uint32_t resets;            /**< of a device that comes to a guest */
};

extern const struct field_table guest_fields;

/** A block of RAM to be mapped. */
struct guest_block {
    uint64_t length;       /**< bytes */
    uint64_t page_bytes;   /**< of the host's pages behind it */
    uint64_t mapped_bytes; /**< of the IOMMU's pages: page_bytes or smaller */
    bool populated;        /**< its pages are present and cleared already */
};

/** What mapping takes, by what it is spent on. */
struct guest_mapping_time {
    uint64_t populate_ps; /**< faults, and clearing */
    uint64_t pin_ps;      /**< finding, pinning and accounting for pages */
    uint64_t table_ps;    /**< page tables, of all domains together */
};

/**
 * Add what a block takes.
 * @param tables  page-table pages made for it, in each domain
 * @param domains  IOMMU domains that map it: pages are pinned once, and written down in each
 * @param snooped  units' walkers see the CPU's caches
 */
void guest_memory_map(const struct guest_parameters *parameters, const struct guest_block *block,
                      uint64_t tables, uint32_t domains, bool snooped, struct guest_mapping_time *time);

/** What releasing memory takes: @p length bytes in the host's pages of @p page_bytes. */
uint64_t guest_memory_unmap(const struct guest_parameters *parameters, uint64_t length, uint64_t page_bytes);

/** All of it. */
static inline uint64_t guest_mapping_time_total(const struct guest_mapping_time *time)
{
    return time->populate_ps + time->pin_ps + time->table_ps;
}

#endif
