/* SPDX-License-Identifier: MIT */
/**
 * @file viommu.h
 * A guest's virtual IOMMU: what it takes that the guest's own DMA API (dma_api.h, run by the guest's kernel)
 * keeps page tables of its own.
 *
 *             | shadowed                        | nested               | virtio
 *   map       | exit; each entry of the guest   | nothing              | exit; the range is mapped for it
 *             | is mapped for it                |                      |
 *   unmap     | exit; each entry is unmapped    | exit; descriptors    | exit; the range is unmapped and
 *             | and invalidated                 | are handed on        | invalidated
 *   lazy flush| exit; the whole table is        | exit; one descriptor | exit; each range that is queued is
 *             | compared, what is gone unmapped |                      | unmapped and invalidated
 *
 * Shadowed is a VT-d unit in caching mode (CAP_REG.CM: software invalidates what becomes present, too; VT-d
 * specification 6.1) as QEMU emulates it for assigned devices: the hypervisor learns from the invalidations
 * what the guest has mapped, reads its tables and has VFIO map the same (pinned, in the host's own tables),
 * one call for each entry (vtd_sync_shadow_page_table_range() of QEMU's hw/i386/intel_iommu.c). Nested: the
 * device walks the guest's table and, for each address in it, the host's (VT-d scalable mode first stage,
 * SMMUv3 stage 1, AMD v2 tables); only invalidations leave the guest, and the hypervisor hands them to the
 * host's driver as they are (IOMMU_HWPT_INVALIDATE of iommufd). Virtio: requests that name a range
 * (virtio-iommu).
 *
 * An exit stops the virtual CPU: the register write that moves the queue's tail (the kick of a virtqueue)
 * goes to the host's kernel, and from there to the hypervisor's process, which does all that was asked before
 * the guest goes on. There is one at a time: the guest's driver holds a lock across it (VT-d: the domain's
 * cache_lock since Linux 6.11 and the queue's; virtio-iommu: request_lock), and the hypervisor has its own
 * (QEMU's BQL) for those who come by another way. With nested tables mapping takes the same lock for a look
 * whether the unit must be told (cache_tag_flush_range_np()), so it waits for others' exits.
 *
 * MODEL: one turn for all of that, in the order of coming: who waits for the driver's lock spins, who waits
 * for the hypervisor's is stopped, and both are as late. A virtual CPU that waits costs others nothing; on
 * real machines more than a dozen that spin slow down the one that has the lock, too.
 * MODEL: an emulated unit without assigned devices is not there: no DMA of the machine goes through it.
 */
#ifndef IOMMUSIM_HOST_VIOMMU_H
#define IOMMUSIM_HOST_VIOMMU_H

#include "sim/base/field.h"

#include <stdbool.h>
#include <stdint.h>

#define VIOMMU_NOBODY UINT32_MAX

enum viommu_kind { VIOMMU_NONE, VIOMMU_SHADOWED, VIOMMU_NESTED, VIOMMU_VIRTIO, VIOMMU_KINDS };

/** "none", "shadowed", "nested", "virtio"; ends with NULL. */
extern const char *const viommu_kind_names[];

/** What things take. All are durations of the CPU that does them. */
struct viommu_parameters {
    uint64_t exit_ps;       /**< out of the guest to the host's kernel and back */
    uint64_t user_ps;       /**< from there to the hypervisor's process and back, its lock taken */
    uint64_t descriptor_ps; /**< the process reads a descriptor or request from the guest's memory */
    uint64_t walk_entry_ps; /**< shadowed: it reads an entry of the guest's table and compares it */
    uint64_t map_call_ps;   /**< a call to map a range, beside its pages */
    uint64_t map_page_ps;   /**< each 4 KiB page of it: pinned, and written into the host's table */
    uint64_t unmap_call_ps, unmap_page_ps; /**< likewise unpinned and cleared; invalidation not included */
    uint64_t forward_ps; /**< nested: a call that hands descriptors on; what the host's unit takes not
                            included */
    uint64_t driver_ps;  /**< the guest's driver makes its descriptors, its lock held */
    uint64_t look_ps;    /**< and looks, its lock held, whether a mapping needs any */
};

extern const struct field_table viommu_fields;

/** What the guest's driver asks for. */
enum viommu_request { VIOMMU_MAP, VIOMMU_UNMAP, VIOMMU_FLUSH, VIOMMU_REQUESTS };

struct viommu_counters {
    uint64_t requests[VIOMMU_REQUESTS];
    uint64_t exits;                        /**< of them, those that left the guest */
    uint64_t calls;                        /**< of the hypervisor to the host's kernel */
    uint64_t pages_mapped, pages_unmapped; /**< by them, of 4 KiB: pinned, and let go */
    uint64_t entries_walked;
    uint64_t waited_for;          /**< requests that found another's turn */
    uint64_t wait_ps, stopped_ps; /**< of virtual CPUs: for their turn; out of the guest */
    uint64_t length_high;         /**< most that waited at once */
};

/** One guest's unit. */
struct viommu {
    const struct viommu_parameters *parameters;
    enum viommu_kind kind;
    uint32_t holder; /**< whose turn it is; VIOMMU_NOBODY */
    struct viommu_waiter {
        uint32_t token;
        uint64_t since_ps;
    } * waiting; /**< ring */
    uint32_t first, count, room;
    uint64_t mapped_pages; /**< by the guest's tables, of 4 KiB, for flushes that read all of them; the
                              caller's to count */
    struct viommu_counters counters;
};

/** @param cpus  that may wait at once */
void viommu_init(struct viommu *viommu, const struct viommu_parameters *parameters, enum viommu_kind kind,
                 uint32_t cpus);
void viommu_fini(struct viommu *viommu);

/** Does it leave the guest? */
bool viommu_exits(const struct viommu *viommu, enum viommu_request request);

/**
 * Ask for a turn.
 * @param token  the caller's own
 * @return true: it is the caller's; false: viommu_leave() of another returns @p token later
 */
bool viommu_enter(struct viommu *viommu, enum viommu_request request, uint32_t token, uint64_t now_ps);

/** The turn is over. @return the token whose turn it is now, VIOMMU_NOBODY where nobody waits */
uint32_t viommu_leave(struct viommu *viommu, uint64_t now_ps);

/** With the turn held, before the guest is left, or, where it is not, all there is to it. */
uint64_t viommu_driver_ps(const struct viommu *viommu, enum viommu_request request);

/**
 * From the exit to the hypervisor knowing what to do.
 * @param descriptors  of the submission, a wait descriptor included
 * @param entries      of the guest's table that are read
 */
uint64_t viommu_exit_ps(struct viommu *viommu, uint32_t descriptors, uint64_t entries);

/** One call of the hypervisor: @p pages of 4 KiB are mapped or unmapped; or descriptors handed on
 * (VIOMMU_NESTED, without pages). */
uint64_t viommu_call_ps(struct viommu *viommu, bool map, uint64_t pages);

/** Back into the guest, when all is done. */
uint64_t viommu_return_ps(const struct viommu *viommu);

#endif
