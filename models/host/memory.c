/* SPDX-License-Identifier: MIT */
#include "models/host/memory.h"

#include "sim/base/arena.h"

#include <stdlib.h>

static const char *const sources[] = {"llc", "dram", "cached", NULL};

#define TIME(key, member, text)                                                                              \
    FIELD_ROW_QUANTITY(memory_parameters, key, member, UNIT_PICOSECONDS, 0, 1000000000, text)
#define SOURCE(key, text)           FIELD_ROW_CHOICE(memory_parameters, #key, key, sources, text)
#define COUNT(key, low, high, text) FIELD_ROW_COUNT(memory_parameters, #key, key, low, high, text)

static const struct field fields[] = {
    SOURCE(data_source, "where DMA buffers are found: last-level cache, DRAM, or where a simulated cache has "
                        "them that the CPU warmed (cached)"),
    SOURCE(table_source, "where page and context tables are found"),
    {.name = "tables_remote",
     .type = FIELD_BOOLEAN,
     .offset = offsetof(struct memory_parameters, tables_remote),
     .maximum = 1,
     .help = "page and context tables are in another socket's memory than the unit that reads them"},
    {.name = "queues_remote",
     .type = FIELD_BOOLEAN,
     .offset = offsetof(struct memory_parameters, queues_remote),
     .maximum = 1,
     .help =
         "invalidation queues, and the statuses that submitters poll, are in another socket's memory than "
         "the unit and the CPUs"},
    TIME("llc_latency", llc_latency_ps, "read served by the last-level cache"),
    TIME("dram_latency", dram_latency_ps, "read served by DRAM"),
    TIME("remote_latency", remote_latency_ps, "added where the memory is another socket's"),
    {.name = "bandwidth",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct memory_parameters, bandwidth_bytes_per_s),
     .unit = UNIT_BYTES_PER_S,
     .minimum = 1000000,
     .maximum = UINT64_C(100000000000000),
     .help = "all DMA together, and what CPUs copy to and from bounce buffers"},
    {.name = "llc_size",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct memory_parameters, llc_bytes),
     .unit = UNIT_BYTES,
     .minimum = 65536,
     .maximum = UINT64_C(4294967296),
     .help = "last-level cache, where it is simulated"},
    COUNT(llc_ways, 1, 64, "ways of the last-level cache"),
    COUNT(ddio_ways, 0, 64, "ways of it that writes of devices may allocate in; 0: they go to DRAM"),
    TIME("refresh_interval", refresh_interval_ps, "a DRAM rank refreshes each so often (tREFI); 0 is never"),
    TIME("refresh_duration", refresh_duration_ps, "and answers nothing so long (tRFC)"),
    COUNT(ranks, 1, 1024, "DRAM ranks, refreshed one after the other"),
};

const struct field_table memory_fields = {"memory", "host memory as DMA and page walks see it", fields,
                                          sizeof(fields) / sizeof(fields[0]),
                                          sizeof(struct memory_parameters)};

void memory_init(struct memory *memory, const struct memory_parameters *parameters,
                 const struct memory_range *ranges, uint32_t range_count)
{
    *memory = (struct memory){.parameters = *parameters, .ranges = ranges, .range_count = range_count};
    if (parameters->data_source != MEMORY_CACHED && parameters->table_source != MEMORY_CACHED)
        return;
    memory->sets = (uint32_t)(parameters->llc_bytes / ((uint64_t)MEMORY_LINE_BYTES * parameters->llc_ways));
    memory->lines = memory_array((size_t)memory->sets * parameters->llc_ways, sizeof(*memory->lines));
    memory->stamps = memory_array((size_t)memory->sets * parameters->llc_ways, sizeof(*memory->stamps));
}

void memory_fini(struct memory *memory)
{
    free(memory->lines);
    free(memory->stamps);
    free(memory->copiers);
    *memory = (struct memory){0};
}

uint32_t memory_node(const struct memory *memory, uint64_t address)
{
    for (uint32_t i = 0; i < memory->range_count; i++) {
        if (address >= memory->ranges[i].base && address <= memory->ranges[i].limit)
            return memory->ranges[i].numa_node;
    }
    return 0;
}

/* ---- last-level cache ---- */

/* Is the line there? It becomes the most recent. Where it is not, it takes the place of the oldest of the
 * first @p ways ways; 0: it is not taken in. */
static bool cache_access(struct memory *memory, uint64_t line, uint32_t ways)
{
    size_t first = (size_t)(line % memory->sets) * memory->parameters.llc_ways, oldest = first;
    for (uint32_t way = 0; way < memory->parameters.llc_ways; way++) {
        size_t at = first + way;
        if (memory->lines[at] == line + 1) {
            memory->stamps[at] = ++memory->clock;
            return true;
        }
        if (way < ways && memory->stamps[at] < memory->stamps[oldest])
            oldest = at;
    }
    if (ways) {
        memory->lines[oldest] = line + 1;
        memory->stamps[oldest] = ++memory->clock;
    }
    return false;
}

/* True where all of the range is there. */
static bool cache_access_range(struct memory *memory, uint64_t address, uint64_t bytes, uint32_t ways)
{
    bool hit = true;
    uint64_t last = (address + (bytes ? bytes : 1) - 1) / MEMORY_LINE_BYTES;
    for (uint64_t line = address / MEMORY_LINE_BYTES; line <= last; line++)
        hit &= cache_access(memory, line, ways);
    return hit;
}

void memory_warm(struct memory *memory, uint64_t address, uint64_t bytes)
{
    uint64_t size = memory->parameters.llc_bytes;
    if (!memory->lines || !bytes)
        return;
    if (bytes > 2 * size) { /* what comes before is displaced again */
        address += bytes - 2 * size;
        bytes = 2 * size;
    }
    cache_access_range(memory, address, bytes, memory->parameters.llc_ways);
}

/* ---- DRAM ---- */

/* How long the rank of an address still refreshes. Ranks take turns; blocks of 256 bytes are spread over
 * them. */
static uint64_t refresh_wait_ps(struct memory *memory, uint64_t now_ps, uint64_t address)
{
    const struct memory_parameters *p = &memory->parameters;
    if (!p->refresh_interval_ps)
        return 0;
    uint64_t rank = (address / 256 * UINT64_C(0x9e3779b97f4a7c15) >> 32) % p->ranks;
    uint64_t phase_ps = (now_ps + rank * p->refresh_interval_ps / p->ranks) % p->refresh_interval_ps;
    if (phase_ps >= p->refresh_duration_ps)
        return 0;
    memory->refresh_waits++;
    return p->refresh_duration_ps - phase_ps;
}

static bool served_by_cache(struct memory *memory, int source, uint64_t address, uint32_t bytes,
                            uint32_t ways)
{
    if (source == MEMORY_CACHED)
        return cache_access_range(memory, address, bytes, ways);
    return source == MEMORY_LLC;
}

/* ---- copies ---- */

/* What copies leave of the bandwidth at @p now_ps to one user more; at least a share as large as theirs.
 * @param others  users that have to share it, beside the copies */
static uint64_t bandwidth_left(const struct memory *memory, uint64_t now_ps, uint32_t others)
{
    uint64_t whole = memory->parameters.bandwidth_bytes_per_s, taken = 0;
    for (uint32_t i = 0; i < memory->copier_count; i++) {
        const struct memory_copier *copier = &memory->copiers[i];
        if (copier->start_ps > now_ps || now_ps >= copier->end_ps)
            continue;
        taken += copier->bytes_per_s;
        others++;
    }
    uint64_t share = whole > others ? whole / others : 1;
    return whole > taken && whole - taken > share ? whole - taken : share;
}

static void forget_copies(struct memory *memory, uint64_t now_ps)
{
    for (uint32_t i = 0; i < memory->copier_count;) {
        if (memory->copiers[i].end_ps <= now_ps)
            memory->copiers[i] = memory->copiers[--memory->copier_count];
        else
            i++;
    }
}

uint64_t memory_copy(struct memory *memory, uint64_t now_ps, uint64_t from, uint64_t to, uint64_t bytes,
                     uint64_t bytes_per_s)
{
    uint64_t left = bandwidth_left(memory, now_ps, 2), /* itself and DMA */
        wanted = 2 * bytes_per_s, got = wanted < left ? wanted : left;
    uint64_t end_ps = now_ps + memory_copy_ps(2 * bytes, got);
    memory->copiers = memory_grow(memory->copiers, memory->copier_count, &memory->copier_capacity,
                                  sizeof(*memory->copiers));
    memory->copiers[memory->copier_count++] = (struct memory_copier){now_ps, end_ps, got};
    memory->bytes_copied += bytes;
    memory_warm(memory, from, bytes);
    memory_warm(memory, to, bytes);
    return end_ps;
}

/* ---- accesses ---- */

static uint64_t occupy(struct memory *memory, uint64_t now_ps, uint32_t bytes)
{
    uint64_t start_ps = now_ps > memory->free_at_ps ? now_ps : memory->free_at_ps;
    uint64_t left = memory->parameters.bandwidth_bytes_per_s;
    if (memory->copier_count) {
        forget_copies(memory, now_ps);
        left = bandwidth_left(memory, start_ps, 1);
    }
    uint64_t duration_ps = bytes * UINT64_C(1000000000000) / left;
    memory->free_at_ps = start_ps + duration_ps;
    memory->busy_ps += duration_ps;
    return start_ps;
}

uint64_t memory_read(struct memory *memory, uint64_t now_ps, uint64_t address, uint32_t bytes, uint32_t node)
{
    const struct memory_parameters *p = &memory->parameters;
    uint64_t data_ps = occupy(memory, now_ps, bytes);
    memory->bytes_read += bytes;
    if (p->remote_latency_ps && memory_node(memory, address) != node) {
        memory->reads_remote++;
        data_ps += p->remote_latency_ps;
    }
    if (served_by_cache(memory, p->data_source, address, bytes, 0)) {
        memory->reads_llc++;
        return data_ps + p->llc_latency_ps;
    }
    memory->reads_dram++;
    return data_ps + p->dram_latency_ps + refresh_wait_ps(memory, data_ps, address);
}

uint64_t memory_write(struct memory *memory, uint64_t now_ps, uint64_t address, uint32_t bytes)
{
    memory->bytes_written += bytes;
    if (memory->lines)
        cache_access_range(memory, address, bytes, memory->parameters.ddio_ways);
    return occupy(memory, now_ps, bytes);
}

uint64_t memory_table_read(struct memory *memory, uint64_t now_ps, uint64_t address)
{
    const struct memory_parameters *p = &memory->parameters;
    uint64_t remote_ps = p->tables_remote ? p->remote_latency_ps : 0;
    if (served_by_cache(memory, p->table_source, address, 8, p->llc_ways)) {
        memory->table_reads_llc++;
        return remote_ps;
    }
    memory->table_reads_dram++;
    uint64_t beyond_ps = p->dram_latency_ps > p->llc_latency_ps ? p->dram_latency_ps - p->llc_latency_ps : 0;
    return remote_ps + beyond_ps + refresh_wait_ps(memory, now_ps, address);
}

void memory_restart_counters(struct memory *memory, uint64_t now_ps)
{
    memory->busy_ps -= memory_busy_ps(memory, now_ps);
    memory->bytes_read = memory->bytes_written = memory->bytes_copied = 0;
    memory->reads_llc = memory->reads_dram = memory->reads_remote = 0;
    memory->table_reads_llc = memory->table_reads_dram = memory->refresh_waits = 0;
}
