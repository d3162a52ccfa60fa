/* SPDX-License-Identifier: MIT */
/* The builder itself: adding, and the stages of finishing in order. */
#include "sim/topology/topology_build.h"

#include "sim/base/arena.h"
#include "sim/topology/builder_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct topology_builder *topology_builder_new(void)
{
    struct topology_builder *builder = memory_alloc(sizeof(*builder));
    struct arena *arena = arena_new();
    builder->topology = arena_alloc(arena, sizeof(*builder->topology));
    builder->topology->arena = arena;
    builder->topology->cmdline = "";
    builder->topology->rcba_enabled = UNKNOWN;
    builder->topology->stated = (struct kernel_statement){UNKNOWN, UNKNOWN, UNKNOWN};
    return builder;
}

void topology_builder_free(struct topology_builder *builder)
{
    if (!builder)
        return;
    topology_free(builder->topology);
    free(builder->nodes);
    free(builder->hosts);
    free(builder->sorted);
    free(builder->buses);
    free(builder);
}

struct topology *topology_builder_topology(struct topology_builder *builder)
{
    return builder->topology;
}

uint32_t topology_builder_add_host_bridge(struct topology_builder *builder,
                                          const struct host_bridge *host_bridge)
{
    builder->hosts =
        memory_grow(builder->hosts, builder->host_count, &builder->host_capacity, sizeof(*builder->hosts));
    builder->hosts[builder->host_count] = (struct build_host){*host_bridge, NONE};
    return (uint32_t)builder->host_count++;
}

void topology_builder_set_vmd(struct topology_builder *builder, uint32_t host_bridge, uint32_t function)
{
    assert(host_bridge < builder->host_count && function < builder->count);
    builder->hosts[host_bridge].vmd_node = function;
}

uint32_t topology_builder_add(struct topology_builder *builder, const struct pci_function *function,
                              struct placement placement)
{
    assert(placement.parent == NONE || placement.parent < builder->count);
    assert(placement.host_bridge == NONE || placement.host_bridge < builder->host_count);
    builder->nodes = memory_grow(builder->nodes, builder->count, &builder->capacity, sizeof(*builder->nodes));
    builder->nodes[builder->count] = (struct build_node){
        .function = *function,
        .placement = placement,
        .addressed = placement.address_known,
        .pf_node = NONE,
        .final_id = NONE,
    };
    return (uint32_t)builder->count++;
}

uint32_t topology_builder_count(const struct topology_builder *builder)
{
    return (uint32_t)builder->count;
}

struct pci_function *topology_builder_function(struct topology_builder *builder, uint32_t index)
{
    assert(index < builder->count);
    return &builder->nodes[index].function;
}

void topology_report(struct diagnostics *diagnostics, enum diagnostic_severity severity,
                     const struct source_text *source, locate_function locate, const char *pointer,
                     const char *code, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    size_t offset = DIAGNOSTIC_NO_OFFSET;
    if (source && locate && pointer && diagnostics_wants(diagnostics, severity))
        offset = locate(source, pointer);
    /* Only a JSON pointer says more than the line and column do. */
    if (pointer && pointer[0] != '/' && offset != DIAGNOSTIC_NO_OFFSET)
        pointer = NULL;
    diagnostics_report(diagnostics, severity, source, offset, pointer, code, "%s", message);
}

struct topology *topology_builder_finish(struct topology_builder *builder, const struct source_text *source,
                                         locate_function locate, struct diagnostics *diagnostics)
{
    builder->source = source;
    builder->locate = locate;
    builder->diagnostics = diagnostics;
    unsigned errors = diagnostics_errors(diagnostics);
    struct topology *topology = NULL;

    if (!build_number_buses(builder) || !build_sort(builder) || !build_virtual_functions(builder) ||
        !build_tree(builder))
        goto out;
    build_pair_vmd(builder);
    build_order(builder);
    topology_make_index(builder->topology);
    build_place_addresses(builder);
    topology_check(builder->topology, source, locate, diagnostics);
    if (diagnostics_errors(diagnostics) == errors) {
        topology = builder->topology;
        builder->topology = NULL;
    }
out:
    topology_builder_free(builder);
    return topology;
}
