/* SPDX-License-Identifier: MIT */
#include "sim/input/parameter_set.h"

#include "models/pcie/virtual_channels.h"

#include <assert.h>

/* ORDER: as enum parameter_section. */
static const struct field_table *const tables[SECTION_COUNT] = {
    &link_fields,        &switch_fields,      &bridge_fields,  &dma_engine_fields, &root_complex_fields,
    &memory_fields,      &dma_api_fields,     &swiotlb_fields, &viommu_fields,     &virtual_cpu_fields,
    &guest_fields,       &migration_fields,   &driver_fields,  &nic_fields,        &nvme_fields,
    &copy_engine_fields, &isochronous_fields, &iommu_fields,
};

const char *const iommu_kind_names[] = {"none", "vt-d", "amd-vi", "smmuv3", NULL};

const struct field_table *parameter_table(enum parameter_section section)
{
    assert(tables[section]->count <= SECTION_FIELDS_MAX);
    return tables[section];
}

static void check_ways(const struct json_node *object, const char *what, uint32_t entries, uint32_t ways)
{
    if (entries && ways && (ways > entries || entries % ways))
        json_error(object, "parameter-ways", "%s: %u entries cannot be divided into sets of %u ways", what,
                   entries, ways);
}

/* Channels named are there, and the phases stated fit into the arbitration table with one for each other
 * channel. */
static void check_channels(const struct json_node *object, const struct link_parameters *link)
{
    uint32_t stated = 0, others = 0, table = link_phases(link);
    for (unsigned class = 1; class < TRAFFIC_CLASSES; class ++) {
        uint32_t channel = link->channel_of_class[class];
        if (channel != FIELD_WORD && channel >= link->virtual_channels)
            json_error(object, "parameter-channel",
                       "traffic class %u goes by virtual channel %u: the link has %u", class, channel,
                       link->virtual_channels);
    }
    for (unsigned vc = 0; vc < link->virtual_channels; vc++) {
        bool even = link->channel_phases[vc] == FIELD_WORD;
        stated += even ? 0 : link->channel_phases[vc];
        others += even;
    }
    if (link->vc_arbitration >= VC_WRR_32 && (stated + others > table || (!others && stated < table)))
        json_error(object, "parameter-phases",
                   "the arbitration table has %u phases: %u are stated, and %u channels have what is left",
                   table, stated, others);
}

/* Levels and page sizes are what the tables' format can say. */
static void check_tables(const struct json_node *object, const struct iommu_parameters *unit)
{
    const struct {
        const char *key;
        int format;
        uint32_t levels;
    } stages[] = {{"levels", unit->table_format, unit->levels},
                  {"stage2_levels", unit->stage2_format, unit->stage2_levels}};
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        unsigned most = page_table_format_levels((enum page_table_format)stages[i].format);
        if (stages[i].levels > most)
            json_error(object, "parameter-levels", "\"%s\" is at most %u with tables of format %s, not %u",
                       stages[i].key, most, page_table_format_names[stages[i].format], stages[i].levels);
    }
}

static void check_partitions(const struct json_node *object, const char *what, uint32_t entries,
                             uint32_t ways, uint32_t partitions)
{
    uint32_t sets = entries ? entries / (ways && ways < entries ? ways : entries) : 0;
    if (partitions > 1 && (sets == 0 || sets % partitions))
        json_error(object, "parameter-partitions",
                   "the %s has %u sets, which %u partitions do not divide (entries / ways = sets)", what,
                   sets, partitions);
}

void parameter_values_check(const struct json_node *object, enum parameter_section section,
                            const struct parameter_values *values)
{
    if (section == SECTION_IOMMU) {
        const struct iommu_parameters *unit = &values->iommu;
        check_ways(object, "context cache", unit->context_entries, unit->context_ways);
        check_ways(object, "IOTLB", unit->iotlb_entries, unit->iotlb_ways);
        check_ways(object, "IOTLB of 2 MiB pages", unit->iotlb_entries_2m, unit->iotlb_ways);
        check_ways(object, "IOTLB of 1 GiB pages", unit->iotlb_entries_1g, unit->iotlb_ways);
        check_ways(object, "PASID cache", unit->pasid_entries, unit->pasid_ways);
        check_ways(object, "nested cache", unit->nested_entries, unit->nested_ways);
        check_partitions(object, "IOTLB", unit->iotlb_entries, unit->iotlb_ways, unit->iotlb_partitions);
        check_partitions(object, "walk cache of level 2", unit->walk_cache_entries_l2, unit->walk_cache_ways,
                         unit->walk_cache_partitions_l2);
        check_partitions(object, "walk cache of level 3", unit->walk_cache_entries_l3, unit->walk_cache_ways,
                         unit->walk_cache_partitions_l3);
        check_tables(object, unit);
        check_ways(object, "walk cache of level 5", unit->walk_cache_entries_l5, unit->walk_cache_ways);
        check_ways(object, "walk cache of level 2 of stage 2", unit->stage2_walk_cache_entries_l2,
                   unit->walk_cache_ways);
        check_ways(object, "walk cache of level 3 of stage 2", unit->stage2_walk_cache_entries_l3,
                   unit->walk_cache_ways);
        check_ways(object, "walk cache of level 4 of stage 2", unit->stage2_walk_cache_entries_l4,
                   unit->walk_cache_ways);
        check_ways(object, "walk cache of level 2", unit->walk_cache_entries_l2, unit->walk_cache_ways);
        check_ways(object, "walk cache of level 3", unit->walk_cache_entries_l3, unit->walk_cache_ways);
        check_ways(object, "walk cache of level 4", unit->walk_cache_entries_l4, unit->walk_cache_ways);
    } else if (section == SECTION_LINK) {
        check_channels(object, &values->link);
    } else if (section == SECTION_MEMORY) {
        const struct memory_parameters *memory = &values->memory;
        if (memory->llc_ways && memory->llc_bytes % ((uint64_t)MEMORY_LINE_BYTES * memory->llc_ways))
            json_error(object, "parameter-llc",
                       "\"llc_size\" must be a multiple of \"llc_ways\" (%u) lines of %d bytes",
                       memory->llc_ways, MEMORY_LINE_BYTES);
        if (memory->ddio_ways > memory->llc_ways)
            json_error(object, "parameter-ddio", "\"ddio_ways\" (%u) are more than \"llc_ways\" (%u)",
                       memory->ddio_ways, memory->llc_ways);
        if (memory->refresh_interval_ps && memory->refresh_duration_ps >= memory->refresh_interval_ps)
            json_error(object, "parameter-refresh",
                       "\"refresh_duration\" must be shorter than \"refresh_interval\"");
    } else if (section == SECTION_ROOT_COMPLEX) {
        const struct root_complex_parameters *root = &values->root_complex;
        if (root->read_completion_boundary != 64 && root->read_completion_boundary != 128)
            json_error(object, "parameter-rcb", "\"read_completion_boundary\" is 64 or 128 bytes, not %u",
                       root->read_completion_boundary);
        if (root->completion_payload % root->read_completion_boundary)
            json_error(object, "parameter-rcb",
                       "\"completion_payload\" must be a multiple of the read completion boundary, %u bytes",
                       root->read_completion_boundary);
    }
}

void parameter_set_load(const struct json_node *object, struct parameter_set *set,
                        const struct field_context *context)
{
    struct key_list sections = {0};
    if (!json_expect_object(object))
        return;
    for (unsigned i = 0; i < SECTION_COUNT; i++)
        sections.names[sections.count++] = tables[i]->name;
    json_check_keys(object, &sections);

    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        struct json_node node = json_member(object, tables[i]->name);
        struct key_list fields = {0};
        if (!json_given(&node) || !json_expect_object(&node))
            continue;
        key_list_add_fields(&fields, tables[i]);
        json_check_keys(&node, &fields);
        if (i != SECTION_IOMMU) {
            struct parameter_values *values = &set->sections[i];
            unsigned errors = diagnostics_errors(object->document->diagnostics);
            field_table_load(&node, tables[i], values, values->origins, context);
            if (diagnostics_errors(object->document->diagnostics) == errors)
                parameter_values_check(&node, i, values);
            continue;
        }
        /* The same text for every kind: report what is wrong with it once. */
        for (unsigned kind = 0; kind < IOMMU_KINDS; kind++) {
            unsigned errors = diagnostics_errors(object->document->diagnostics);
            struct parameter_values *values = &set->iommu[kind];
            field_table_load(&node, tables[i], values, values->origins, context);
            if (diagnostics_errors(object->document->diagnostics) != errors)
                break;
        }
    }
}
