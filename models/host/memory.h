/* SPDX-License-Identifier: MIT */
/**
 * @file memory.h
 * Host memory as DMA and page walks see it: a last-level cache in front of DRAM, on the requester's socket or
 * another one.
 *
 * Where something is found is said by parameters data_source and table_source: always in the cache, always in
 * DRAM, or where a simulated cache of 64-byte lines has it ("cached"). In that cache
 * - reads of devices do not allocate; writes of devices update a line that is present and else allocate in
 * the first ddio_ways ways only (Intel, "Data Direct I/O Technology": two ways; 0: they go to DRAM);
 * - reads of page tables allocate anywhere, as do the CPU's writes (memory_warm()).
 *
 * DRAM refreshes: every refresh_interval a rank answers nothing for refresh_duration (JEDEC JESD79-4: tREFI
 * 7.8 us, tRFC 350 ns at 8 Gbit). That is the tail of what reads DRAM: in pcie-bench's measurements the
 * slowest 0.1 % of uncached reads take 350 ns longer than the median, those of cached ones do not.
 */
#ifndef IOMMUSIM_HOST_MEMORY_H
#define IOMMUSIM_HOST_MEMORY_H

#include "sim/base/field.h"
#include "sim/topology/topology.h"

#include <stdbool.h>
#include <stdint.h>

enum memory_source { MEMORY_LLC, MEMORY_DRAM, MEMORY_CACHED };

enum { MEMORY_LINE_BYTES = 64 };

struct memory_parameters {
    int data_source;                /**< enum memory_source: where DMA buffers are found */
    int table_source;               /**< enum memory_source: where page and context tables are found */
    bool tables_remote;             /**< they are in another socket's memory than the unit */
    bool queues_remote;             /**< so are its invalidation queue and what submitters poll */
    uint64_t llc_latency_ps;        /**< read served by the last-level cache */
    uint64_t dram_latency_ps;       /**< read served by DRAM */
    uint64_t remote_latency_ps;     /**< added where the memory is another socket's */
    uint64_t bandwidth_bytes_per_s; /**< all DMA together */
    uint64_t llc_bytes;             /**< simulated cache, for MEMORY_CACHED */
    uint32_t llc_ways;              /**< of its sets */
    uint32_t ddio_ways;             /**< ways device writes may allocate in */
    uint64_t refresh_interval_ps;   /**< of one rank; 0: never */
    uint64_t refresh_duration_ps;
    uint32_t ranks; /**< refreshed one after the other; addresses are spread over them */
};

extern const struct field_table memory_fields;

/** A CPU that copies. */
struct memory_copier {
    uint64_t start_ps, end_ps;
    uint64_t bytes_per_s; /**< of bandwidth it takes: reading and writing */
};

/** The memory of a machine in time. MODEL: one server for all channels and sockets; bandwidth in front,
 * latency behind; one last-level cache for all sockets; page walks do not take bandwidth. What CPUs copy goes
 * to and from DRAM, and a copy keeps the rate that it begins with. */
struct memory {
    struct memory_parameters parameters;
    const struct memory_range *ranges; /**< RAM with its nodes; outside of them is node 0 */
    uint32_t range_count;
    uint64_t free_at_ps; /**< the next access may start */
    uint64_t *lines;     /**< [set x ways + way] line address + 1, 0 empty; NULL: nothing is MEMORY_CACHED */
    uint64_t *stamps;    /**< [set x ways + way] clock of last use */
    uint64_t clock;
    uint32_t sets;
    struct memory_copier *copiers; /**< under way, or about to be */
    uint32_t copier_count;
    size_t copier_capacity;
    /* Counters. */
    uint64_t bytes_read, bytes_written;           /**< by devices */
    uint64_t bytes_copied;                        /**< by CPUs: each read once and written once */
    uint64_t busy_ps;                             /**< up to free_at_ps; see memory_busy_ps() */
    uint64_t reads_llc, reads_dram, reads_remote; /**< DMA reads by where they were served; remote ones count
                                                     in one of the first two as well */
    uint64_t table_reads_llc, table_reads_dram;
    uint64_t refresh_waits;
};

/** @param ranges  RAM, ascending; must outlive the memory */
void memory_init(struct memory *memory, const struct memory_parameters *parameters,
                 const struct memory_range *ranges, uint32_t range_count);
void memory_fini(struct memory *memory);

/** The CPU has written @p bytes from @p address on before the run. No effect without a simulated cache. */
void memory_warm(struct memory *memory, uint64_t address, uint64_t bytes);

/** NUMA node of an address. */
uint32_t memory_node(const struct memory *memory, uint64_t address);

/** Time up to @p now_ps during which data were moved. */
static inline uint64_t memory_busy_ps(const struct memory *memory, uint64_t now_ps)
{
    return memory->busy_ps - (memory->free_at_ps > now_ps ? memory->free_at_ps - now_ps : 0);
}

/** Count from @p now_ps on. */
void memory_restart_counters(struct memory *memory, uint64_t now_ps);

/**
 * Read @p bytes at @p now_ps for a device of socket @p node: the time at which the data are there.
 */
uint64_t memory_read(struct memory *memory, uint64_t now_ps, uint64_t address, uint32_t bytes, uint32_t node);

/** Take @p bytes of a write at @p now_ps: the time at which memory has accepted them (latency not included).
 */
uint64_t memory_write(struct memory *memory, uint64_t now_ps, uint64_t address, uint32_t bytes);

/** What an access to an invalidation queue, or to a status that its submitter polls, takes longer where they
 * are another socket's. */
static inline uint64_t memory_queue_crossing_ps(const struct memory *memory)
{
    return memory->parameters.queues_remote ? memory->parameters.remote_latency_ps : 0;
}

/** Time that copying takes at a rate. */
static inline uint64_t memory_copy_ps(uint64_t bytes, uint64_t bytes_per_s)
{
    return (uint64_t)((__uint128_t)bytes * UINT64_C(1000000000000) / bytes_per_s);
}

/**
 * A CPU copies @p bytes from one place to another from @p now_ps on, at @p bytes_per_s or what others leave
 * of the bandwidth: each of them, and all DMA together, get their share. The CPU's cache has both places
 * then.
 * @return when it is done
 */
uint64_t memory_copy(struct memory *memory, uint64_t now_ps, uint64_t from, uint64_t to, uint64_t bytes,
                     uint64_t bytes_per_s);

/**
 * A page walker reads a table entry at @p now_ps.
 * @return picoseconds beyond those of a read that the last-level cache serves
 */
uint64_t memory_table_read(struct memory *memory, uint64_t now_ps, uint64_t address);

#endif
