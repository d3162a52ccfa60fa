/* SPDX-License-Identifier: MIT */
#include "sim/output/draw_steps.h"

#include "sim/base/arena.h"

#include <stdlib.h>

/** The tree while it is made. */
struct box_maker {
    struct drawing *drawing;
    const struct topology *topology;
    uint32_t *last_child;   /**< [box] */
    uint32_t *first_vf;     /**< [function], NONE: none */
    uint32_t *next_vf;      /**< [function] the next VF of the same PF */
    uint32_t *first_bridge; /**< [function] the first host bridge it emulates (VMD) */
};

static uint32_t add_box(struct box_maker *maker, uint32_t parent, enum draw_kind kind, uint32_t id)
{
    struct drawing *drawing = maker->drawing;
    uint32_t index = drawing->box_count++;
    struct draw_box *box = &drawing->boxes[index];
    *box = (struct draw_box){.kind = kind,
                             .parent = parent,
                             .first_child = NONE,
                             .next_sibling = NONE,
                             .ids = arena_alloc(drawing->arena, sizeof(id)),
                             .count = 1,
                             .instances = 1};
    box->ids[0] = id;
    maker->last_child[index] = NONE;
    if (parent == NONE)
        return index;
    uint32_t last = maker->last_child[parent];
    *(last == NONE ? &drawing->boxes[parent].first_child : &drawing->boxes[last].next_sibling) = index;
    maker->last_child[parent] = index;
    return index;
}

static void add_bus(struct box_maker *maker, uint32_t parent, uint32_t bus_id);

static void add_function(struct box_maker *maker, uint32_t parent, uint32_t id)
{
    const struct topology *topology = maker->topology;
    if (maker->drawing->box_of[id] != NONE)
        return;
    uint32_t box = add_box(maker, parent, DRAW_FUNCTION, id);
    maker->drawing->box_of[id] = box;
    if (topology->functions[id].secondary_bus_id != NONE)
        add_bus(maker, box, topology->functions[id].secondary_bus_id);
    for (uint32_t h = maker->first_bridge[id]; h < topology->host_bridge_count; h++) {
        if (topology->host_bridges[h].vmd_function_id == id)
            add_bus(maker, box, topology->host_bridges[h].root_bus_id);
    }
    for (uint32_t vf = maker->first_vf[id]; vf != NONE; vf = maker->next_vf[vf])
        add_function(maker, box, vf);
}

/* VFs stand in the box of their PF. */
static bool in_own_right(const struct pci_function *function)
{
    return !function->is_vf || function->pf_id == NONE;
}

static void add_bus(struct box_maker *maker, uint32_t parent, uint32_t bus_id)
{
    const struct pci_bus *bus = &maker->topology->buses[bus_id];
    const struct pci_function *functions = maker->topology->functions;
    for (uint32_t i = 0; i < bus->function_count;) {
        const struct pci_function *first = &functions[bus->functions[i]];
        uint32_t end = i, members = 0;
        for (; end < bus->function_count; end++) {
            const struct pci_function *function = &functions[bus->functions[end]];
            if (pci_slot(function->devfn) != pci_slot(first->devfn))
                break;
            members += in_own_right(function);
        }
        uint32_t around = NONE;
        for (; i < end; i++) {
            uint32_t id = bus->functions[i];
            if (!in_own_right(&functions[id]))
                continue;
            if (members > 1 && around == NONE)
                around = add_box(maker, parent, DRAW_SLOT, id);
            add_function(maker, members > 1 ? around : parent, id);
        }
    }
}

static void link_children(struct box_maker *maker)
{
    const struct topology *topology = maker->topology;
    for (uint32_t id = 0; id < topology->function_count; id++)
        maker->first_vf[id] = maker->next_vf[id] = maker->first_bridge[id] = NONE;
    for (uint32_t id = topology->function_count; id-- > 0;) {
        const struct pci_function *function = &topology->functions[id];
        if (in_own_right(function))
            continue;
        maker->next_vf[id] = maker->first_vf[function->pf_id];
        maker->first_vf[function->pf_id] = id;
    }
    for (uint32_t h = topology->host_bridge_count; h-- > 0;) {
        uint32_t vmd = topology->host_bridges[h].vmd_function_id;
        if (vmd != NONE)
            maker->first_bridge[vmd] = h;
    }
}

/* Host bridges by segment and bus number: firmware's order means nothing to the eye. */
static void add_host_bridges(struct box_maker *maker)
{
    const struct topology *topology = maker->topology;
    bool *done = memory_array(topology->host_bridge_count + 1, sizeof(done[0]));
    for (;;) {
        const struct host_bridge *next = NULL;
        for (uint32_t h = 0; h < topology->host_bridge_count; h++) {
            const struct host_bridge *bridge = &topology->host_bridges[h];
            if (done[h] || bridge->vmd_function_id != NONE)
                continue;
            if (!next || bridge->segment < next->segment ||
                (bridge->segment == next->segment && bridge->bus_start < next->bus_start))
                next = bridge;
        }
        if (!next)
            break;
        done[next->id] = true;
        uint32_t box = add_box(maker, 0, DRAW_HOST_BRIDGE, next->id);
        add_bus(maker, box, next->root_bus_id);
    }
    free(done);
}

void draw_boxes(struct drawing *drawing)
{
    const struct topology *topology = drawing->groups->topology;
    uint32_t functions = topology->function_count;
    size_t most = 1 + (size_t)topology->host_bridge_count + 2 * (size_t)functions;
    struct arena *scratch = arena_new();
    struct box_maker maker = {
        .drawing = drawing,
        .topology = topology,
        .last_child = arena_array(scratch, most, sizeof(uint32_t)),
        .first_vf = arena_array(scratch, functions, sizeof(uint32_t)),
        .next_vf = arena_array(scratch, functions, sizeof(uint32_t)),
        .first_bridge = arena_array(scratch, functions, sizeof(uint32_t)),
    };
    drawing->boxes = arena_array(drawing->arena, most, sizeof(drawing->boxes[0]));
    drawing->box_of = arena_array(drawing->arena, functions, sizeof(drawing->box_of[0]));
    for (uint32_t id = 0; id < functions; id++)
        drawing->box_of[id] = NONE;
    link_children(&maker);
    add_box(&maker, NONE, DRAW_ROOT_COMPLEX, NONE);
    drawing->boxes[0].count = 0;
    add_host_bridges(&maker);
    for (uint32_t id = 0; id < functions; id++)
        add_function(&maker, 0, id); /* what nothing leads to */
    arena_free(scratch);
}

uint32_t draw_child_towards(const struct drawing *drawing, uint32_t ancestor, uint32_t box)
{
    while (box != ancestor && drawing->boxes[box].parent != ancestor)
        box = drawing->boxes[box].parent;
    return box;
}

struct drawing *drawing_new(const struct iommu_groups *groups, const struct reach *reach,
                            enum draw_collapse collapse)
{
    struct arena *arena = arena_new();
    struct drawing *drawing = arena_alloc(arena, sizeof(*drawing));
    drawing->arena = arena;
    drawing->groups = groups;
    drawing->reach = reach;
    draw_boxes(drawing);
    draw_merge_alike(drawing, collapse);
    draw_leaks(drawing);
    draw_layout(drawing);
    draw_route(drawing);
    return drawing;
}

void drawing_free(struct drawing *drawing)
{
    if (drawing)
        arena_free(drawing->arena);
}
