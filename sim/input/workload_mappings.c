/* SPDX-License-Identifier: MIT */
/* What is mapped in a domain: ranges, pages, where they lie in RAM, and what they must keep clear of. */
#include "sim/base/arena.h"
#include "sim/input/workload_keys.h"
#include "sim/input/workload_reader.h"

#include <inttypes.h>
#include <stdlib.h>

static uint64_t page_bytes_of(int word)
{
    return UINT64_C(4096) << word;
}

/* Page tables are built in memory: 8 bytes a page. */
static const uint64_t pages_max = UINT64_C(1) << 24;

/* ---- reserved regions ---- */

/** Addresses never mapped, whatever firmware says. Source: intel_iommu_get_resv_regions(),
 * amd_iommu_get_resv_regions() of drivers/iommu. */
static const struct {
    enum iommu_kind kind;
    uint64_t base, limit;
    const char *what;
} implied_regions[] = {
    {IOMMU_VT_D, 0xfee00000, 0xfeefffff, "interrupt messages"},
    {IOMMU_AMD_VI, 0xfee00000, 0xfeefffff, "interrupt messages"},
    {IOMMU_AMD_VI, 0xfd00000000, 0xffffffffff, "HyperTransport"},
};

static bool scope_has(const struct topology *topology, const struct iommu_scope *scope,
                      const struct pci_function *function)
{
    if (scope->segment != function->segment)
        return false;
    if (scope->kind == SCOPE_BUS_RANGE)
        return scope->bus_start <= function->bus && function->bus <= scope->bus_end;
    const struct pci_function *named = topology_find(topology, scope->segment, scope->bus, scope->devfn);
    return named && (named == function ||
                     (scope->kind == SCOPE_BRIDGE && topology_is_ancestor(topology, named, function)));
}

/* Is the region for a function of the domain? Regions that drivers may take over (direct-relaxable) are free.
 */
static bool region_concerns(const struct topology *topology, const struct reserved_region *region,
                            const struct domain *domain)
{
    if (region->kind == RESERVED_DIRECT_RELAXABLE)
        return false;
    for (uint32_t i = 0; i < domain->function_count && !region->everyone; i++) {
        if (scope_has(topology, &region->scope, &topology->functions[domain->function_ids[i]]))
            return true;
    }
    return region->everyone;
}

bool check_reserved(const struct workload_reading *reading, const struct json_node *node,
                    const struct domain *domain, const char *what, uint64_t base, uint64_t length)
{
    const struct topology *topology = reading->machine->topology;
    uint64_t last = base + (length - 1);
    for (size_t i = 0; i < sizeof(implied_regions) / sizeof(implied_regions[0]); i++) {
        if (implied_regions[i].kind != reading->machine->iommu || base > implied_regions[i].limit ||
            last < implied_regions[i].base)
            continue;
        json_error(
            node, "workload-reserved",
            "%s 0x%" PRIx64 "-0x%" PRIx64 " overlaps the region 0x%" PRIx64 "-0x%" PRIx64 ", reserved for %s",
            what, base, last, implied_regions[i].base, implied_regions[i].limit, implied_regions[i].what);
        return false;
    }
    for (uint32_t i = 0; topology && i < topology->reserved_count; i++) {
        const struct reserved_region *region = &topology->reserved[i];
        if (base > region->limit || last < region->base || !region_concerns(topology, region, domain))
            continue;
        json_error(node, "workload-reserved",
                   "%s 0x%" PRIx64 "-0x%" PRIx64 " overlaps the reserved region 0x%" PRIx64 "-0x%" PRIx64
                   " of the topology%s%s",
                   what, base, last, region->base, region->limit, region->pointer ? ", " : "",
                   region->pointer ? region->pointer : "");
        return false;
    }
    return true;
}

/* ---- one mapping ---- */

static bool check_aligned(const struct json_node *node, const char *key, uint64_t value, int page)
{
    struct json_node member = json_member(node, key);
    if (value % page_bytes_of(page) == 0)
        return true;
    json_error(&member, "workload-alignment", "%s 0x%" PRIx64 " is no multiple of the page size, %s", key,
               value, any_page_size_words[page]);
    return false;
}

static bool place(struct workload_reading *reading, const struct json_node *node, int page,
                  struct mapping *mapping)
{
    struct json_node given = json_member(node, "physical");
    if (json_given(&given)) {
        if (!json_node_address(&given, UINT64_MAX, &mapping->physical) ||
            !check_aligned(node, "physical", mapping->physical, page))
            return false;
        if (mapping->physical <= (UINT64_C(1) << 52) - mapping->length)
            return true;
        json_error(&given, "workload-mapping-range", "the mapping ends above 52 bits of physical address");
        return false;
    }
    if (memory_placer_take(reading->placer, mapping->length, mapping->page_bytes, &mapping->physical))
        return true;
    char length[40];
    json_error(node, "workload-no-memory", "no room for %s in the machine's RAM",
               unit_print(length, sizeof(length), mapping->length, UNIT_BYTES));
    return false;
}

static bool read_mapping(struct workload_reading *reading, const struct json_node *node,
                         const struct domain *domain, struct mapping *mapping)
{
    int page = 0, access = 0;
    if (!json_expect_object(node))
        return false;
    bool good = json_check_table(node, &mapping_keys);
    json_get_choice(node, "page_size", any_page_size_words, &page);
    json_get_choice(node, "access", mapping_access_words, &access);
    if (!json_require(node, "iova", "the first address of the mapping") ||
        !json_require(node, "length", "its size, e.g. \"64MiB\"") ||
        !json_get_address(node, "iova", UINT64_MAX, &mapping->iova) ||
        !json_get_size(node, "length", 1, UINT64_C(1) << 52, &mapping->length))
        return false;
    mapping->page_bytes = page_bytes_of(page);
    mapping->read = access != 2;
    mapping->write = access != 1;
    good = check_aligned(node, "iova", mapping->iova, page) && good;
    good = check_aligned(node, "length", mapping->length, page) && good;
    if (good && mapping->iova > UINT64_MAX - (mapping->length - 1)) {
        json_error(node, "workload-mapping-range", "the mapping ends beyond 64 bits");
        return false;
    }
    if (!good || !check_reserved(reading, node, domain, "mapping", mapping->iova, mapping->length) ||
        !place(reading, node, page, mapping))
        return false;
    char *pointer = json_pointer(node);
    mapping->pointer = arena_string(reading->workload->arena, pointer);
    free(pointer);
    return true;
}

/* ---- all of a domain ---- */

static int compare_mappings(const void *left, const void *right)
{
    const struct mapping *a = left, *b = right;
    if (a->iova != b->iova)
        return a->iova < b->iova ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

/* All mappings of the domain, sorted: each is compared with the one before it that reaches furthest. */
static void check_overlaps(const struct json_node *array, const struct domain *domain)
{
    const struct mapping *furthest = domain->mappings;
    for (uint32_t i = 1; i < domain->mapping_count; i++) {
        const struct mapping *mapping = &domain->mappings[i];
        uint64_t last = furthest->iova + (furthest->length - 1);
        if (mapping->iova <= last) {
            bool later = mapping->index > furthest->index; /* the later in the file is told of */
            const struct mapping *told = later ? mapping : furthest, *other = later ? furthest : mapping;
            struct json_node node = json_first(array);
            for (uint32_t at = 0; at < told->index; at++)
                json_next(&node);
            json_error(&node, "workload-mapping-overlap",
                       "this mapping overlaps that of %s (0x%" PRIx64 "-0x%" PRIx64 ")", other->pointer,
                       other->iova, other->iova + (other->length - 1));
        }
        if (mapping->iova + (mapping->length - 1) > last)
            furthest = mapping;
    }
}

void read_mappings(struct workload_reading *reading, const struct json_node *array, struct domain *domain)
{
    uint64_t pages = 0;
    if (!json_expect_array(array))
        return;
    domain->mappings = arena_array(reading->workload->arena, json_length(array), sizeof(*domain->mappings));
    uint32_t index = 0;
    for (struct json_node node = json_first(array); json_given(&node); json_next(&node)) {
        struct mapping mapping = {.index = index++};
        if (diagnostics_full(array->document->diagnostics))
            return;
        if (!read_mapping(reading, &node, domain, &mapping))
            continue;
        pages += mapping.length / mapping.page_bytes;
        if (pages > pages_max) {
            json_error(&node, "workload-pages",
                       "more than %" PRIu64 " pages in this domain: larger pages make fewer", pages_max);
            return;
        }
        domain->mappings[domain->mapping_count++] = mapping;
    }
    qsort(domain->mappings, domain->mapping_count, sizeof(*domain->mappings), compare_mappings);
    check_overlaps(array, domain);
}

bool find_unmapped(const struct domain *domain, uint64_t base, uint64_t length, bool read, bool write,
                   uint64_t *where)
{
    uint64_t last = base + (length - 1);
    for (uint32_t i = 0; i < domain->mapping_count; i++) { /* ascending */
        const struct mapping *mapping = &domain->mappings[i];
        uint64_t mapping_last = mapping->iova + (mapping->length - 1);
        if (mapping_last < base || (read && !mapping->read) || (write && !mapping->write))
            continue;
        if (mapping->iova > base)
            break;
        if (mapping_last >= last)
            return false;
        base = mapping_last + 1;
    }
    *where = base;
    return true;
}
