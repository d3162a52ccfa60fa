/* SPDX-License-Identifier: MIT */
#include "sim/output/reserved_output.h"

#include <inttypes.h>

static bool same_regions(const struct group_regions *a, const struct group_regions *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct group_region *x = &a->regions[i], *y = &b->regions[i];
        if (x->start != y->start || x->end != y->end || x->type != y->type)
            return false;
    }
    return true;
}

/* "0-8, 12": the groups from @p first on with the regions of @p first; false where an earlier group has
 * them. */
static bool print_numbers(const struct group_regions *all, uint32_t count, uint32_t first,
                          struct text_buffer *out)
{
    for (uint32_t i = 0; i < first; i++) {
        if (same_regions(&all[i], &all[first]))
            return false;
    }
    for (uint32_t i = first; i < count; i++) {
        if (!same_regions(&all[i], &all[first]))
            continue;
        uint32_t last = i;
        while (last + 1 < count && same_regions(&all[last + 1], &all[first]))
            last++;
        text_buffer_format(out, i == first ? "%u" : ", %u", i);
        if (last > i)
            text_buffer_format(out, "-%u", last);
        i = last;
    }
    return true;
}

void reserved_output_text(const struct iommu_groups *groups, struct text_buffer *out)
{
    struct arena *arena = arena_new();
    const struct group_regions *all = reserved_regions_find(groups, arena);
    if (groups->group_count)
        text_buffer_add(out, "\nReserved regions\n");
    for (uint32_t i = 0; i < groups->group_count; i++) {
        struct text_buffer numbers = {0};
        if (print_numbers(all, groups->group_count, i, &numbers))
            text_buffer_format(out, "  group %s\n", text_buffer_get(&numbers));
        for (uint32_t j = 0; numbers.length && j < all[i].count; j++) {
            const struct group_region *region = &all[i].regions[j];
            text_buffer_format(out, "      0x%016" PRIx64 " 0x%016" PRIx64 " %s\n", region->start,
                               region->end, region_type_name(region->type));
        }
        text_buffer_fini(&numbers);
    }
    arena_free(arena);
}

void reserved_output_tsv(const struct iommu_groups *groups, struct text_buffer *out)
{
    struct arena *arena = arena_new();
    const struct group_regions *all = reserved_regions_find(groups, arena);
    for (uint32_t i = 0; i < groups->group_count; i++) {
        for (uint32_t j = 0; j < all[i].count; j++) {
            const struct group_region *region = &all[i].regions[j];
            text_buffer_format(out, "%u\t0x%016" PRIx64 "\t0x%016" PRIx64 "\t%s\n", i, region->start,
                               region->end, region_type_name(region->type));
        }
    }
    arena_free(arena);
}

void reserved_output_json(const struct group_regions *regions, struct text_buffer *out)
{
    text_buffer_add(out, "[");
    for (uint32_t i = 0; i < regions->count; i++) {
        const struct group_region *region = &regions->regions[i];
        text_buffer_format(
            out, "%s{\"start\": \"0x%016" PRIx64 "\", \"end\": \"0x%016" PRIx64 "\", \"type\": \"%s\"}",
            i ? ", " : "", region->start, region->end, region_type_name(region->type));
    }
    text_buffer_add(out, "]");
}
