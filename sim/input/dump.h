/* SPDX-License-Identifier: MIT */
/**
 * @file dump.h
 * What dumps of a real machine say about it, before it is a machine.
 *
 * Every reader of dumps (lspci, kernel log, sysfs copy, group listing) adds what it saw as parts: one part
 * is what one place says of one function, with a set of facts that says which members of the function that
 * place told. dump_finish() lays the parts of each function over each other, the more complete source on
 * top, and builds the machine. So several files, and several kinds of text in one file, are merged by the
 * same rule.
 *
 *   dump = dump_new(diagnostics);
 *   dump_begin_source(dump, &source);
 *   part = dump_add(dump, DUMP_LOG, segment, bus, devfn, offset, line);
 *   part->function.vendor = 0x8086, part->facts |= FACT_VENDOR;
 *   ...
 *   topology = dump_finish(dump);        // frees the dump
 */
#ifndef IOMMUSIM_INPUT_DUMP_H
#define IOMMUSIM_INPUT_DUMP_H

#include "sim/base/diagnostic.h"
#include "sim/topology/topology.h"

/** How complete a source is; where two disagree, the higher one counts. */
enum dump_rank {
    DUMP_INFERRED, /**< ids looked up by name, buses seen in paths: no second opinion */
    DUMP_LISTING,  /**< one line a function: group listings, plain lspci */
    DUMP_LOG,      /**< kernel log */
    DUMP_HWLOC,    /**< XML of hwloc */
    DUMP_TEXT,     /**< lspci -k, -v to -vvv */
    DUMP_BYTES,    /**< lspci -x to -xxxx */
    DUMP_SYSFS,    /**< sysfs copy */
};

/** Members of struct pci_function that a part tells. */
enum dump_fact {
    FACT_VENDOR = 1 << 0,
    FACT_DEVICE = 1 << 1,
    FACT_SUBSYSTEM = 1 << 2,
    FACT_CLASS = 1 << 3,     /**< base class and sub-class */
    FACT_INTERFACE = 1 << 4, /**< programming interface */
    FACT_REVISION = 1 << 5,
    FACT_HEADER = 1 << 6, /**< header_type */
    FACT_MULTIFUNCTION = 1 << 7,
    FACT_COMMAND = 1 << 8, /**< bus_master, memory_space, io_space_disabled */
    FACT_BARS = 1 << 9,    /**< sizes of 0 are filled from lower parts with the same address */
    FACT_BUSES = 1 << 10,
    FACT_WINDOWS = 1 << 11,
    FACT_EXPRESS = 1 << 12, /**< pcie, without the type */
    FACT_TYPE = 1 << 13,    /**< pcie, pcie_type and pcix */
    FACT_LINK = 1 << 14,
    FACT_PAYLOAD =
        1 << 15, /**< max_payload and the like, extended_tags, registers, port_number, what ports forward */
    FACT_ACS = 1 << 16,           /**< acs.present */
    FACT_ACS_REGISTERS = 1 << 17, /**< the rest of acs */
    FACT_EXTENDED = 1 << 18,      /**< ari, ats, pri, pasid, translation */
    FACT_DRIVER = 1 << 19,
    FACT_GROUP = 1 << 20,
    FACT_NAME = 1 << 21,
    FACT_NUMA = 1 << 22,
    FACT_DMA_MASK = 1 << 23,
    FACT_TRUST = 1 << 24,   /**< external_facing, untrusted */
    FACT_PRESENT = 1 << 25, /**< it is there; parts without any fact are dropped */
    FACT_SRIOV = 1 << 26,   /**< sriov; sizes of 0 of VF BARs are filled as those of BARs */
};

/** A place in a source. */
struct dump_place {
    const struct source_text *source;
    size_t offset;     /**< byte, or DIAGNOSTIC_NO_OFFSET */
    const char *where; /**< in words: "line 12" */
};

/** What one place says of one function. */
struct dump_part {
    struct pci_function function; /**< members outside @c facts are zero */
    uint32_t facts;               /**< of enum dump_fact */
    enum dump_rank rank;
    uint32_t numa_node; /**< FACT_NUMA */
    struct dump_place place;
};

/** A root bus as stated. */
struct dump_host_bridge {
    struct host_bridge bridge;
    bool vmd; /**< emulated by the function at vmd_segment:vmd_bus:vmd_devfn */
    uint32_t vmd_segment;
    uint8_t vmd_bus, vmd_devfn;
    enum dump_rank rank;
};

/** A remapping unit as stated. Logs do not tell scopes; they are inferred from the groups (dump_units.h). */
struct dump_unit {
    struct iommu_unit unit; /**< scopes in the arena; name in the arena */
    bool scopes_known;
    uint8_t bus, devfn; /**< AMD-Vi: its own function, in the segment of @c unit */
    uint64_t base;      /**< of its registers; 0 unknown */
};

/** A unit as a running kernel shows it: for whom it translates. */
struct dump_covered_unit {
    const char *name; /**< "dmar0", "ivhd0", "smmu3.0x..." */
    enum iommu_kind kind;
    uint64_t order;                     /**< in the firmware's table: the number in the name */
    uint64_t base;                      /**< of its registers; 0 unknown */
    enum knowledge interrupt_remapping; /**< it is able to */
    struct dump_member {
        uint32_t segment;
        uint8_t bus, devfn;
    } * members; /**< heap; may repeat */
    size_t member_count, member_capacity;
};

/** A group as a running kernel shows it. */
struct dump_group {
    struct reported_group group;     /**< regions are kept beside it until the dump is finished */
    struct reported_region *regions; /**< heap */
    size_t region_count, region_capacity;
};

/** A value that belongs to the machine as a whole, and how well it is known. */
struct dump_value {
    const char *text; /**< NULL: not told */
    enum dump_rank rank;
    struct dump_place place;
};

struct dump {
    struct diagnostics *diagnostics;
    struct topology_builder *builder; /**< its arena is for strings that outlive the dump */
    struct arena *arena;

    struct dump_part *parts;
    size_t part_count, part_capacity;
    struct dump_host_bridge *host_bridges; /**< in the order stated */
    size_t host_bridge_count, host_bridge_capacity;
    struct reserved_region *reserved;
    size_t reserved_count, reserved_capacity;
    struct dump_group *groups; /**< what is known of groups beside their members */
    size_t group_count, group_capacity;
    struct memory_range *memory; /**< RAM */
    size_t memory_count, memory_capacity;

    struct dump_value cmdline;   /**< PCI and IOMMU words */
    enum knowledge rcba_enabled; /**< see struct topology */
    struct dump_unit *units;     /**< in table order */
    size_t unit_count, unit_capacity;
    enum dump_rank units_rank;         /**< of the source that told them */
    struct dump_covered_unit *covered; /**< units of which it is known for whom they translate */
    size_t covered_count, covered_capacity;
    struct kernel_statement stated; /**< by the kernel that ran */
    const char *stated_words;       /**< what it said the command line asks for, as words; NULL: nothing */
    struct memory_range *rmrrs;     /**< direct regions of which the source does not say whose they are */
    size_t rmrr_count, rmrr_capacity;
    const char *kinds[8]; /**< what kinds of text there were, for topology.source */
    unsigned kind_count;

    const struct source_text *source; /**< being read */
    size_t source_start;              /**< first part of it */
    unsigned source_count;
    uint32_t *index; /**< hash of the addresses of the source being read: part index + 1 */
    size_t index_size, index_used;
};

/** An empty dump. Findings go to @p diagnostics. */
struct dump *dump_new(struct diagnostics *diagnostics);
/** Free a dump that is not to be finished. NULL is fine. */
void dump_free(struct dump *dump);

/** What follows comes from @p source (borrowed, until the dump is finished). */
void dump_begin_source(struct dump *dump, const struct source_text *source);

/** Note that a text of some kind was read ("kernel log"; a literal), once a kind. */
void dump_note_kind(struct dump *dump, const char *kind);

/**
 * A new part about a function. Valid until the next one is added.
 * @param offset  byte in the source
 * @param where   place in words; lives in @c arena
 */
struct dump_part *dump_add(struct dump *dump, enum dump_rank rank, uint32_t segment, uint8_t bus,
                           uint8_t devfn, size_t offset, const char *where);

/** The part of rank @p rank the source being read added last about a function, or NULL. For readers whose
 * texts come back to a function. */
struct dump_part *dump_find(struct dump *dump, enum dump_rank rank, uint32_t segment, uint8_t bus,
                            uint8_t devfn);

/** State a root bus. The order of statement is the firmware's. A root bus stated before is overwritten where
 * @p bridge comes from a source of higher rank. */
void dump_add_host_bridge(struct dump *dump, const struct dump_host_bridge *bridge);

/** State a region that is reserved for a function. Of those that overlap the first stated counts. */
void dump_add_reserved(struct dump *dump, const struct reserved_region *region);

/** State a direct region of firmware's table without saying whose it is. */
void dump_add_rmrr(struct dump *dump, uint64_t base, uint64_t limit);

/** State a unit. Those of sources of lower rank are forgotten; a unit with the registers of one stated
 * before is not repeated. @return the unit, or NULL where it was not taken */
struct dump_unit *dump_add_unit(struct dump *dump, enum dump_rank rank, const struct dump_unit *unit);

/** The unit a running kernel names so, made where there is none. NULL for a name that no kind of unit has. */
struct dump_covered_unit *dump_covered(struct dump *dump, const char *name, const char *end);

/** State that the unit with the name from @p name to @p end translates for a function. */
void dump_cover(struct dump *dump, const char *name, const char *end, uint32_t segment, uint8_t bus,
                uint8_t devfn);

/** The group with a number, made unless it is the one asked for last. Valid until the next one is made. */
struct dump_group *dump_group(struct dump *dump, uint32_t number);

/** State a range of RAM. Ranges stated before are not repeated. */
void dump_add_memory(struct dump *dump, uint64_t base, uint64_t limit);

/** State a machine-wide text (NULL: nothing); the higher rank counts, contradictions are warned about.
 * @param what  its name, for the warning */
void dump_set_value(struct dump *dump, struct dump_value *value, const char *what, const char *text,
                    enum dump_rank rank, size_t offset, const char *where);

/** A copy of the bytes from @p at to @p end that fits into any output: what is no printable ASCII becomes
 * '?', and at most 200 characters are kept. */
const char *dump_copy_text(struct arena *arena, const char *at, const char *end);

/**
 * Merge the parts, guess what none of them told (marked so), and build the machine. Says in warnings what
 * was not told and where sources contradict each other. The dump is freed in any case.
 * @return the topology, or NULL with diagnostics
 */
struct topology *dump_finish(struct dump *dump);

#endif
