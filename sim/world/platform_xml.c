/* SPDX-License-Identifier: MIT */
#include "sim/world/platform_xml.h"

#include <inttypes.h>

static void write_list(struct text_buffer *out, const char *separator, const uint32_t *values, uint32_t count)
{
    text_buffer_add(out, separator);
    for (uint32_t i = 0; i < count; i++)
        text_buffer_format(out, "%s%" PRIu32, i ? "," : "", values[i]);
}

/* "FAT_TREE" and its parameters: levels;down,...;up,...;parallel,... */
static void write_fat_tree(struct text_buffer *out, const struct world_network *network)
{
    text_buffer_format(out, " topology=\"FAT_TREE\" topo_parameters=\"%" PRIu32, network->levels);
    write_list(out, ";", network->down, network->levels);
    write_list(out, ";", network->up, network->levels);
    write_list(out, ";", network->parallel, network->levels);
    text_buffer_add(out, "\"");
}

/* groups,links;chassis,links;routers,links;nodes */
static void write_dragonfly(struct text_buffer *out, const struct world_network *network)
{
    text_buffer_add(out, " topology=\"DRAGONFLY\" topo_parameters=\"");
    for (int i = 0; i < DRAGONFLY_LEVELS; i++)
        text_buffer_format(out, "%" PRIu32 ",%" PRIu32 ";", network->counts[i], network->links[i]);
    text_buffer_format(out, "%" PRIu32 "\"", network->nodes);
}

void platform_xml_write(const struct world_network *network, struct text_buffer *out)
{
    text_buffer_add(out, "<?xml version='1.0'?>\n"
                         "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
                         "<platform version=\"4.1\">\n <cluster id=\"network\" prefix=\"h\" suffix=\"\"");
    text_buffer_format(out,
                       " radical=\"0-%" PRIu32 "\" speed=\"1Gf\" bw=\"%" PRIu64 "Bps\" lat=\"%" PRIu64 "ps\"",
                       network->host_count - 1, network->bandwidth_bytes_per_s, network->latency_ps);
    text_buffer_add(out, " sharing_policy=\"SPLITDUPLEX\"");
    if (network->kind == NETWORK_FAT_TREE)
        write_fat_tree(out, network);
    else if (network->kind == NETWORK_DRAGONFLY)
        write_dragonfly(out, network);
    text_buffer_add(out, "/>\n</platform>\n");
}
