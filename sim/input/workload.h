/* SPDX-License-Identifier: MIT */
/**
 * @file workload.h
 * What runs on a machine: domains with their mappings, and streams of DMA. Loaded by workload_reader.h.
 */
#ifndef IOMMUSIM_INPUT_WORKLOAD_H
#define IOMMUSIM_INPUT_WORKLOAD_H

#include "models/device/device_model.h"
#include "models/host/page_allocator.h"
#include "models/host/viommu.h"
#include "models/host/live_migration.h"
#include "sim/base/diagnostic.h"
#include "sim/topology/topology.h"

/** How a domain's DMA addresses are treated. */
enum translation_mode {
    TRANSLATION_STATIC,      /**< mapped before the run, translated by the IOMMU */
    TRANSLATION_PASSTHROUGH, /**< the IOMMU looks the context up and passes the address on */
    TRANSLATION_OFF,         /**< flat physical: the IOMMU is not there */
    TRANSLATION_STRICT,      /**< mapped and unmapped during the run; unmapping waits for the invalidation */
    TRANSLATION_LAZY,        /**< likewise; invalidation comes later, for many at once */
    TRANSLATION_KERNEL,      /**< in documents only: one of these, as the kernel's command line has it */
};

/** Addresses are looked up in page tables. */
static inline bool translation_mode_translates(enum translation_mode mode)
{
    return mode != TRANSLATION_PASSTHROUGH && mode != TRANSLATION_OFF;
}

/** Buffers may be mapped and unmapped during the run. */
static inline bool translation_mode_is_dynamic(enum translation_mode mode)
{
    return mode == TRANSLATION_STRICT || mode == TRANSLATION_LAZY;
}

/** One mapping of a domain, in pages of page_bytes. */
struct mapping {
    uint64_t iova, physical, length; /**< bytes; multiples of page_bytes */
    uint64_t page_bytes;             /**< 4 KiB, 2 MiB or 1 GiB */
    bool read, write;
    const char *pointer; /**< JSON pointer for diagnostics */
    uint32_t index;      /**< place in the file's list */
};

/** Whether functions use Address Translation Services. */
enum domain_ats {
    ATS_AS_FOUND, /**< where the topology says that it is enabled */
    ATS_ON,       /**< where there is a capability */
    ATS_OFF,
};

/** Which buffers of a domain's devices are bounced. */
enum bounce_mode {
    BOUNCE_NEEDED,    /**< those the device does not reach, or must not */
    BOUNCE_ALWAYS,    /**< all: a confidential guest's, or swiotlb=force */
    BOUNCE_TWICE,     /**< all, and each is copied once more: by the host */
    BOUNCE_ENCRYPTED, /**< all, and what is in bounce buffers is encrypted: the device decrypts it */
};

/** An address space and the functions whose DMA uses it. */
struct domain {
    const char *name;
    enum translation_mode mode;
    enum domain_ats ats;
    uint32_t pasid; /**< plus one: requests of its functions that carry it belong here; 0: those that
                       carry none */
    enum bounce_mode bounce;
    uint32_t *function_ids; /**< arena */
    uint32_t function_count;
    struct mapping *mappings;
    uint32_t mapping_count;
    bool on_demand;      /**< nothing is mapped before devices request its pages (PRI) */
    bool aged_given;     /**< else the machine's parameter dma_api.aged holds */
    uint64_t aged_bytes; /**< of IO virtual addresses that were in use before the run and given back */
    uint64_t second_stage_bytes; /**< 0, or page size of the second stage: the domain is a guest's (nested) */
    uint32_t virtual_machine; /**< index plus one of the virtual machine whose memory it maps; 0: of none */
    const char *pointer;
};

/** How a virtual machine gets its devices. */
enum guest_assignment {
    ASSIGNMENT_VFIO,   /**< group by group, as kernels from 3.6 on do */
    ASSIGNMENT_LEGACY, /**< function by function (KVM_ASSIGN_PCI_DEVICE of kernels up to 4.11) */
};

/** A device comes to a virtual machine, or goes. */
struct hot_plug {
    uint64_t time_ps;
    uint32_t function_id;
    bool attach; /**< false: detach */
    const char *pointer;
};

/** CPUs of the machine that are a guest's, and how the hypervisor schedules them. */
struct virtual_cpus {
    uint32_t first, count;     /**< 0: they are not told apart from the host's, and always there */
    uint64_t runs_ps, away_ps; /**< each is taken off for about away after about runs; 0: never */
    uint64_t move_interval_ps; /**< about how often each is moved to another physical CPU; 0: never */
    bool sleeps;               /**< it halts when it is idle */
};

/**
 * A virtual machine with devices of its own. Its memory is a domain: mappings from guest physical addresses
 * to where the pages lie in the host, in order. RAM is laid out as a PC's: up to 3.5 GiB from 0 on; of more,
 * 3 GiB from 0 and the rest from 4 GiB on (QEMU's pc_init1(); pc machine type), or, on AMD where that would
 * reach HyperTransport's addresses, from 1 TiB on (pc_memory_init()).
 */
struct virtual_machine {
    const char *name;
    uint32_t domain;       /**< of the workload: holds every device that is ever attached */
    uint64_t memory_bytes; /**< of RAM */
    uint64_t page_bytes;   /**< of the host's pages behind it; mappings are of these, or smaller */
    uint32_t numa_node;    /**< its memory is of; NONE: any */
    bool populated;        /**< the host's pages are there, cleared, before they are pinned */
    bool running;          /**< it was started before the run; else at start_ps */
    uint64_t start_ps;
    enum guest_assignment assignment;
    struct virtual_cpus cpus;
    struct migration_request migration; /**< with cpus only */
    enum viommu_kind viommu; /**< the guest's own IOMMU: its domain has mode strict or lazy then, the mappings
                                are of its second stage */
    uint32_t cpu;            /**< that does the host's work for it */
    uint32_t *function_ids;  /**< devices from its start on (arena) */
    uint32_t function_count;
    struct hot_plug *events; /**< in order of time */
    uint32_t event_count;
    const char *pointer;
};

enum stream_operation {
    STREAM_READ,
    STREAM_WRITE,
    STREAM_ALTERNATE,
    STREAM_WRITE_READ, /**< a write, and right behind it a read of the same place: pcie-bench's LAT_WRRD */
    STREAM_MSI,        /**< interrupt messages: writes of 4 bytes to the interrupt window */
};                     /**< alternate: write, read, write, ... */
enum address_pattern { PATTERN_SEQUENTIAL, PATTERN_RANDOM, PATTERN_STRIDED };

/** Where the operations of a stream come from, if not from a generator or a trace: machine_submit(). */
enum stream_source {
    STREAM_OWN,       /**< generator or trace */
    STREAM_SUBMITTED, /**< whoever drives the machine */
};

enum stream_buffers {
    BUFFERS_PERSISTENT, /**< mapped before the run */
    BUFFERS_PER_USE,    /**< each operation has its buffer mapped before and unmapped after it */
    BUFFERS_POOLED,     /**< likewise, but a buffer stays mapped and is used again, synchronised each time */
};

/** Buffers are taken and mapped during the run. */
static inline bool stream_buffers_are_mapped(enum stream_buffers buffers)
{
    return buffers != BUFFERS_PERSISTENT;
}

/** What a device does that it should not. */
enum misbehaviour {
    MISBEHAVIOUR_NONE,
    MISBEHAVIOUR_USE_AFTER_UNMAP,    /**< accesses each buffer once more after it was unmapped */
    MISBEHAVIOUR_FORGED_TRANSLATION, /**< sends its addresses as translated ones, although nobody translated
                                        them */
    MISBEHAVIOUR_KEEPS_TRANSLATIONS, /**< answers invalidations of its device TLB, but goes on using the
                                        entries */
    MISBEHAVIOUR_NEVER_ANSWERS,      /**< neither answers nor obeys them */
};

/** A source of DMA operations: a generator on one function, or a trace that names the functions itself. */
struct stream {
    const char *name;
    uint32_t function_id; /**< generator: who issues; trace: NONE */
    enum stream_source source;
    enum stream_operation operation;
    enum address_pattern pattern;
    uint64_t base, window_bytes; /**< addresses base .. base + window - 1, as the device issues them */
    uint64_t size_bytes;         /**< of one operation; 1 .. 4 MiB, at most the window */
    uint64_t stride_bytes;       /**< strided: distance of starts; sequential: = size */
    uint64_t alignment_bytes;    /**< random: starts are multiples of it from the base */
    uint64_t
        operations; /**< recorded operations, after the warm-up; 0 = until the workload's duration is over */
    uint64_t warmup_operations; /**< issued first, not recorded */
    uint32_t queue_depth;       /**< closed loop: operations outstanding */
    uint64_t interval_ps;       /**< open loop: one operation each so often; 0 = closed loop */
    uint64_t start_ps;
    uint32_t traffic_class; /**< of its requests, plus one; 0: the device's (endpoint/traffic_class) */
    uint32_t pasid;         /**< that its requests carry, plus one; 0: none */
    uint32_t cpu; /**< that maps and unmaps for it; the first one, of a device with several queues */
    bool posted_interrupts; /**< STREAM_MSI: into a descriptor, for a guest */
    bool urgent_interrupts; /**< and notified of although the virtual CPU is off */
    uint64_t
        affinity_interval_ps; /**< STREAM_MSI: the interrupt moves to another CPU each so often; 0: never */
    bool cold; /**< the CPU has not written the window before the run: nothing of it is in its cache */
    enum stream_buffers buffers;
    uint32_t pieces;          /**< per use: buffers of an operation, equal in length */
    enum memory_zone zone;    /**< per use: the highest that buffers come from */
    uint64_t longest_segment; /**< per use: of the device's lists; 0: the kernel's default */
    enum misbehaviour misbehaviour;
    uint64_t misbehaviour_delay_ps; /**< use after unmap: from the end of unmapping to the access */
    const char
        *trace_path;  /**< trace instead of a generator, resolved against the workload's folder; else NULL */
    bool trace_timed; /**< trace: by its time stamps; else closed loop with queue_depth */
    const char *pointer;

    enum device_kind device_kind; /**< a device with its driver in place of a generator; DEVICE_NONE: none */
    union device_parameters device;
    const bool *device_given; /**< [field of its table] the workload says so; else the machine's parameters */
    uint32_t peer_id;         /**< whose memory copies go to; NONE */
};

/** As many operations at a time as the queue is deep, and not at times of their own? */
static inline bool stream_is_closed_loop(const struct stream *stream)
{
    return stream->trace_path ? !stream->trace_timed : stream->interval_ps == 0;
}

struct workload {
    const char *name;
    uint64_t duration_ps; /**< the run stops here; 0 = when every stream has done its operations */
    struct domain *domains;
    uint32_t domain_count;
    struct virtual_machine *virtual_machines;
    uint32_t virtual_machine_count;
    struct stream *streams;
    uint32_t stream_count;
    uint64_t buffer_base, buffer_bytes; /**< RAM for buffers that traces map; 0: none does */
    struct free_memory *memory;         /**< RAM that nothing else is said to be in (arena), ascending */
    uint32_t memory_count;
    uint32_t fragmentation; /**< of it, pages that others hold, in thousandths */
    struct arena
        *arena;         /**< owns everything here, the workload itself included; NULL for one built by hand */
    const char *source; /**< where it comes from, in words; may be NULL */
    struct source_text text; /**< the document it stands in; text NULL for one built by hand */
    const char *input_hash; /**< XXH3-128 of the file's bytes, hexadecimal; NULL for a part of another file */
};

/**
 * Report a finding about a part of a workload that only shows when a machine is built: with file, line and
 * excerpt where the workload was read from a document.
 * @param pointer  of the part, as its own member @c pointer has it
 */
void workload_report(const struct workload *workload, struct diagnostics *diagnostics,
                     enum diagnostic_severity severity, const char *pointer, const char *code,
                     const char *format, ...) __attribute__((format(printf, 6, 7)));

/** Free a workload that the reader made. NULL is fine. */
void workload_free(struct workload *workload);

/** Names in input and output: "static", "passthrough", "off", "strict", "lazy"; "read", "write", "alternate",
 * "write-read", "msi"; "sequential", "random", "strided"; "persistent", "per-use"; the words of enum
 * misbehaviour. Each ends with NULL.
 */
extern const char *const translation_mode_names[];
extern const char *const stream_operation_names[];
extern const char *const address_pattern_names[];
extern const char *const stream_buffers_names[];
extern const char *const bounce_mode_names[]; /**< "needed", "always", "twice", "encrypted" */
extern const char *const memory_zone_names[]; /**< "dma", "dma32", "normal" */
extern const char *const misbehaviour_names[];
extern const char *const guest_assignment_names[]; /**< "vfio", "legacy" */

/** Name of a mode. */
const char *translation_mode_name(enum translation_mode mode);

#endif
