/* SPDX-License-Identifier: MIT */
#include "sim/output/groups_stated.h"

#include <inttypes.h>

static void differing_types(const struct group_statements *statements, struct text_buffer *out)
{
    for (uint32_t i = 0; i < statements->count; i++) {
        const struct group_statement *row = &statements->rows[i];
        if (!row->type_same)
            text_buffer_format(out, "  group %u: %s for the kernel, %s here\n", row->stated->number,
                               row->stated->type, group_type_name(row->here->type));
    }
}

static void differing_regions(const struct group_statement *row, struct text_buffer *out)
{
    const struct reported_group *stated = row->stated;
    for (uint32_t i = 0; i < stated->region_count; i++) {
        const struct reported_region *region = &stated->regions[i];
        if (!group_statement_foresees(row->regions, region))
            text_buffer_format(out, "  group %u: 0x%016" PRIx64 " 0x%016" PRIx64 " %s for the kernel only\n",
                               stated->number, region->base, region->limit, region->type);
    }
    for (uint32_t i = 0; i < row->regions->count; i++) {
        const struct group_region *region = &row->regions->regions[i];
        if (!group_statement_has(stated->regions, stated->region_count, region))
            text_buffer_format(out, "  group %u: 0x%016" PRIx64 " 0x%016" PRIx64 " %s here only\n",
                               stated->number, region->start, region->end, region_type_name(region->type));
    }
}

void groups_stated_text(const struct group_statements *statements, struct text_buffer *out)
{
    if (statements->types)
        text_buffer_format(
            out, "Types are stated of %u groups with the same members; %u have the same type here\n",
            statements->types, statements->types_same);
    differing_types(statements, out);
    if (statements->regions)
        text_buffer_format(out, "Reserved regions are stated of %u of them; %u have the same regions here\n",
                           statements->regions, statements->regions_same);
    for (uint32_t i = 0; i < statements->count; i++) {
        if (!statements->rows[i].regions_same)
            differing_regions(&statements->rows[i], out);
    }
}

void groups_stated_json(const struct group_statements *statements, struct text_buffer *out)
{
    const char *separator = "";
    text_buffer_format(out, "  \"types\": {\"stated\": %u, \"same\": %u, \"other\": [", statements->types,
                       statements->types_same);
    for (uint32_t i = 0; i < statements->count; i++) {
        const struct group_statement *row = &statements->rows[i];
        if (row->type_same)
            continue;
        text_buffer_format(out, "%s{\"group\": %u, \"stated\": ", separator, row->stated->number);
        text_buffer_json_string(out, row->stated->type);
        text_buffer_format(out, ", \"here\": \"%s\"}", group_type_name(row->here->type));
        separator = ", ";
    }
    text_buffer_format(out, "]},\n  \"reserved_regions\": {\"stated\": %u, \"same\": %u, \"other\": [",
                       statements->regions, statements->regions_same);
    separator = "";
    for (uint32_t i = 0; i < statements->count; i++) {
        if (statements->rows[i].regions_same)
            continue;
        text_buffer_format(out, "%s%u", separator, statements->rows[i].stated->number);
        separator = ", ";
    }
    text_buffer_add(out, "]},\n");
}
