/* SPDX-License-Identifier: MIT */
#include "models/iommu/iommu_parameters.h"

#include "models/iommu/page_table.h"
#include "models/iommu/tenant_predictor.h"

static const char *const policies[] = {"lru", "fifo", "random", "pseudo-lru", "lfu", NULL};
static const char *const prefetches[] = {"none", "next-page", "stride", "tenant", NULL};
static const char *const fault_loggings[] = {"primary", "advanced", NULL}; /* ORDER: enum fault_logging */
static const char *const fault_completions[] = {"unsupported-request", "completer-abort", NULL};

#define COUNT(key, low, high, text) FIELD_ROW_COUNT(iommu_parameters, #key, key, low, high, text)
#define TIME(key, member, text)                                                                              \
    FIELD_ROW_QUANTITY(iommu_parameters, key, member, UNIT_PICOSECONDS, 0, 1000000000, text)
#define FLAG(key, text) FIELD_ROW_BOOLEAN(iommu_parameters, #key, key, text)

static const struct field fields[] = {
    COUNT(context_entries, 0, 65536, "entries of the context cache (AMD: device table cache); 0 is none"),
    COUNT(context_ways, 0, 1024, "ways of the context cache; 0 is fully associative"),
    COUNT(iotlb_entries, 0, 1048576, "entries of the IOTLB; 0 is none"),
    COUNT(iotlb_ways, 0, 1024, "ways of the IOTLB; 0 is fully associative"),
    COUNT(iotlb_entries_2m, 0, 1048576,
          "entries for pages of 2 MiB in an IOTLB of their own; 0: they share the IOTLB"),
    COUNT(iotlb_entries_1g, 0, 1048576,
          "entries for pages of 1 GiB in an IOTLB of their own; 0: they share the IOTLB"),
    COUNT(iotlb_partitions, 1, 65536,
          "groups of the IOTLB's sets; the low bits of the domain choose one; 1 is no partitions"),
    COUNT(iotlb_index_shift, 0, 56,
          "bits of the address from here on choose the set of the IOTLB; 0: from the page number on"),
    {.name = "iotlb_replacement",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct iommu_parameters, iotlb_replacement),
     .choices = policies,
     .help = "which entry of a full set makes room"},
    FLAG(merge_inflight, "a miss on a page whose walk is running waits for that walk"),
    FLAG(merge_consecutive,
         "a miss on the page that the requester's miss before it was for waits for that walk, as the further "
         "TLPs of one operation do; not where posted_walks has posted requests translated in order"),
    FLAG(overtaken_fill, "a walk during which something of its domain was invalidated is cached, as the "
                         "tables are when it ends; false: "
                         "it answers its request only, and the next request for the page walks again"),
    FLAG(reserve_entry,
         "a miss takes its IOTLB entry when it asks for a walker, so that entries wait for walks; "
         "false: when the walk returns"),
    FLAG(duplicate_fill, "a returning walk inserts its own entry although the page is already there"),
    COUNT(walk_cache_entries_l2, 0, 65536, "cached pointers to leaf (level 1) tables; 0 is none"),
    COUNT(walk_cache_entries_l3, 0, 65536, "cached pointers to level 2 tables"),
    COUNT(walk_cache_entries_l4, 0, 65536, "cached pointers to level 3 tables"),
    COUNT(walk_cache_entries_l5, 0, 65536, "cached pointers to level 4 tables"),
    COUNT(
        walk_cache_partitions_l2, 1, 65536,
        "groups of the sets of the cache of pointers to leaf tables; the low bits of the domain choose one; "
        "1 is no partitions"),
    COUNT(walk_cache_partitions_l3, 1, 65536,
          "groups of the sets of the cache of pointers to level 2 tables"),
    FLAG(walk_cache_leaves, "walk caches hold entries that map pages of 2 MiB and 1 GiB, too, as a cache of "
                            "page directory entries does; not of nested domains"),
    COUNT(walk_cache_ways, 0, 1024, "ways of the walk caches; 0 is fully associative"),
    COUNT(walkers, 1, 4096, "page walks in progress at once"),
    COUNT(walk_queue, 0, 1048576, "walks waiting for a walker; 0 is unlimited"),
    COUNT(posted_walks, 0, 4096,
          "walks for posted requests at once; further ones wait in order and are looked up again; 0 is no "
          "limit but the walkers"),
    {.name = "table_format",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct iommu_parameters, table_format),
     .choices = page_table_format_names,
     .help = "entries of the page tables"},
    {.name = "guest_format",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct iommu_parameters, guest_format),
     .choices = page_table_format_names,
     .help = "entries of a guest's page tables in nested domains, and of those of PASIDs"},
    {.name = "stage2_format",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct iommu_parameters, stage2_format),
     .choices = page_table_format_names,
     .help = "entries of the second stage of nested domains"},
    COUNT(stage2_levels, 3, 6, "levels of the second stage of nested domains; 6: AMD-Vi alone"),
    COUNT(nested_entries, 0, 65536, "cache of guest physical to physical pages, for nested walks; 0 is none"),
    COUNT(nested_ways, 0, 1024, "ways of that cache; 0 is fully associative"),
    COUNT(stage2_walk_cache_entries_l2, 0, 65536, "cached pointers to leaf tables of the second stage"),
    COUNT(stage2_walk_cache_entries_l3, 0, 65536, "cached pointers to level 2 tables of the second stage"),
    COUNT(stage2_walk_cache_entries_l4, 0, 65536, "cached pointers to level 3 tables of the second stage"),
    TIME("nested_hit", nested_hit_ps, "lookup of a guest physical address in a nested walk"),
    COUNT(pasid_entries, 0, 65536, "entries of the PASID cache (SMMU: context descriptors); 0 is none"),
    COUNT(pasid_ways, 0, 1024, "ways of the PASID cache; 0 is fully associative"),
    COUNT(pasid_reads, 0, 8, "memory reads of a PASID cache miss; 0: there are no PASID tables"),
    FLAG(rid_pasid, "requests without PASID have an entry in the PASID tables, too"),
    TIME("pasid_hit", pasid_hit_ps, "PASID cache lookup that hits"),
    {.name = "prefetch",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct iommu_parameters, prefetch),
     .choices = prefetches,
     .help = "what is walked ahead where a walker is free: nothing, the next pages, pages at the "
             "requester's last stride, or the last pages of the tenant that comes next (HyperTRIO)"},
    COUNT(prefetch_degree, 1, 64, "pages walked ahead of a miss (next-page, stride)"),
    COUNT(prefetch_walks, 1, PREFETCH_WALKS_MAX, "walks ahead at once"),
    COUNT(prefetch_buffer, 0, 65536,
          "entries of a buffer, looked up beside the IOTLB, for what is walked ahead; 0: the IOTLB takes it"),
    COUNT(prefetch_distance, 1, TENANT_DISTANCE_MAX,
          "accesses ahead at which the next tenant is known (tenant)"),
    COUNT(prefetch_history, 1, TENANT_PAGES_MAX, "pages remembered of a tenant (tenant)"),
    COUNT(levels, 3, 6,
          "levels of the page table: 39, 48 or 57 bits of address; 6 (AMD-Vi host tables): all 64"),
    FLAG(superpages_2m, "leaf entries of 2 MiB"),
    FLAG(superpages_1g, "leaf entries of 1 GiB"),
    FLAG(superpages_any, "leaf entries of any other power of two (AMD-Vi host tables: next level 7)"),
    TIME("iotlb_hit", iotlb_hit_ps, "IOTLB lookup that hits"),
    TIME("context_hit", context_hit_ps, "context cache lookup that hits"),
    TIME("lookup_interval", lookup_interval_ps, "one lookup each so often; 0 is no limit"),
    TIME("walk_fixed", walk_fixed_ps, "part of a walk that does not depend on its reads"),
    TIME("walk_read", walk_read_ps, "one page-table or context read"),
    TIME("walk_cache_hit", walk_cache_hit_ps, "lookup of the walk caches"),
    TIME("walker_recovery", walker_recovery_ps, "a walker stays busy so long after its result is out"),
    COUNT(context_reads, 0, 8, "memory reads of a context cache miss"),
    TIME("invalidation_submit", invalidation_submit_ps,
         "a CPU writes a batch of invalidations and the tail register, holding the queue's lock"),
    TIME("invalidation_descriptor", invalidation_descriptor_ps,
         "the unit fetches and carries out one descriptor of the invalidation queue"),
    TIME("invalidation_completion", invalidation_completion_ps,
         "an IOTLB invalidation was carried out to its being complete in all of the unit's caches; a wait "
         "descriptor, behind which no other is carried out, waits for it"),
    TIME("invalidation_wait", invalidation_wait_ps,
         "status write of a wait descriptor to the polling CPU seeing it"),
    TIME("invalidation_poll", invalidation_poll_ps,
         "a waiting CPU's look at its status, with the queue's lock held (VT-d): others that submit or look "
         "wait for it"),
    {.name = "invalidation_timeout",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct iommu_parameters, invalidation_timeout_ps),
     .unit = UNIT_PICOSECONDS,
     .minimum = 1,
     .maximum = UINT64_C(100000000000000),
     .help = "a device that does not answer an ATS invalidation is given up"},
    COUNT(invalidation_max_order, 0, 52, "a page-selective invalidation covers up to 2^this pages of 4 KiB"),
    FLAG(caching_mode, "software invalidates after mapping, too (VT-d: CM, as virtual units have it)"),
    FLAG(snooped_tables,
         "walkers see page tables that are in the CPU's caches; else software writes them back"),
    FLAG(invalidation_hint, "invalidations of single pages spare the walk caches"),
    COUNT(interrupt_entries, 0, 65536, "entries of the interrupt entry cache; 0 is none"),
    TIME("interrupt_hit", interrupt_hit_ps, "interrupt entry cache lookup; a miss takes walk_read more"),
    TIME("dirty_update", dirty_update_ps,
         "a walk sets the dirty bit of a leaf entry, while dirty pages are tracked"),
    TIME("posted_update", posted_update_ps, "atomic update of a posted-interrupt descriptor"),
    COUNT(page_requests, 0, 1048576,
          "entries of the page request queue (AMD: PPR log); 0: there is none, page requests get Response "
          "Failure"),
    TIME("page_request_wake", page_request_wake_ps,
         "page request in an empty queue to a handler having it (interrupt and wake-up)"),
    TIME("page_fault", page_fault_ps, "a handler makes one page present"),
    COUNT(page_fault_handlers, 1, 1024, "page requests of a unit served at once"),
    COUNT(fault_records, 1, 1048576, "fault recording registers, or entries of the event log"),
    {.name = "fault_logging",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct iommu_parameters, fault_logging),
     .choices = fault_loggings,
     .help =
         "where faults are recorded: primary, the registers of fault_records (AMD, SMMUv3: the event log); "
         "advanced, a log in memory of fault_log_entries (VT-d)"},
    COUNT(fault_log_entries, 256, 32768, "records of 16 bytes in the log of advanced fault logging"),
    FLAG(fault_collapse, "a record nobody has read yet takes in further faults of the same source id"),
    TIME("fault_service", fault_service_ps,
         "first fault recorded to its handler having read and rearmed the log"),
    {.name = "fault_completion",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct iommu_parameters, fault_completion),
     .choices = fault_completions,
     .help = "completion status of a read that is refused"},
};

const struct field_table iommu_fields = {"iommu", "one remapping unit", fields,
                                         sizeof(fields) / sizeof(fields[0]), sizeof(struct iommu_parameters)};

bool iommu_has_page(const struct iommu_parameters *parameters, enum page_table_format format, unsigned shift)
{
    if (!page_table_format_has(format, shift))
        return false;
    switch (shift) {
    case PAGE_SHIFT_4K:
        return true;
    case PAGE_SHIFT_2M:
        return parameters->superpages_2m;
    case PAGE_SHIFT_1G:
        return parameters->superpages_1g;
    default:
        return parameters->superpages_any;
    }
}

unsigned iommu_largest_page(const struct iommu_parameters *parameters, enum page_table_format format,
                            uint64_t iova, uint64_t physical, uint64_t left)
{
    uint64_t both = iova | physical | UINT64_C(1) << 62;
    unsigned aligned = (unsigned)__builtin_ctzll(both), fits = 63 - (unsigned)__builtin_clzll(left),
             shift = aligned < fits ? aligned : fits;
    while (shift > PAGE_SHIFT_4K && !iommu_has_page(parameters, format, shift))
        shift--;
    return shift;
}
