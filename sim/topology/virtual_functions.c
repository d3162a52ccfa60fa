/* SPDX-License-Identifier: MIT */
/*
 * Which functions are VFs, and of whom. A VF's requester id is its PF's plus First VF Offset plus its number
 * times VF Stride (PCIe Base Spec 9.2.1.2; drivers/pci/iov.c pci_iov_virtfn_bus, pci_iov_virtfn_devfn); its
 * own configuration space reads ffff for the ids.
 */
#include "sim/base/arena.h"
#include "sim/topology/builder_internal.h"

#include <stdlib.h>

struct sort_entry {
    uint64_t key;
    uint32_t node;
};

/* Ties go to what was added first. */
static int compare_entries(const void *left, const void *right)
{
    const struct sort_entry *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->node < b->node ? -1 : a->node > b->node;
}

static uint64_t node_key(const struct topology_builder *builder, uint32_t node)
{
    const struct pci_function *function = &builder->nodes[node].function;
    return address_key(function->segment, function->bus, function->devfn);
}

bool build_sort(struct topology_builder *builder)
{
    struct sort_entry *entries = memory_array(builder->count + 1, sizeof(*entries));
    for (uint32_t i = 0; i < builder->count; i++)
        entries[i] = (struct sort_entry){node_key(builder, i), i};
    qsort(entries, builder->count, sizeof(*entries), compare_entries);

    bool good = true;
    builder->sorted = memory_resize(builder->sorted, builder->count + 1, sizeof(*builder->sorted));
    for (uint32_t i = 0; i < builder->count; i++) {
        builder->sorted[i] = entries[i].node;
        if (i == 0 || entries[i].key != entries[i - 1].key)
            continue;
        const struct pci_function *function = &builder->nodes[entries[i].node].function;
        char text[BDF_TEXT_SIZE];
        BUILD_ERROR(builder, function->pointer, "topology-duplicate-address",
                    "two functions have the address %s",
                    bdf_print(text, function->segment, function->bus, function->devfn));
        BUILD_NOTE(builder, builder->nodes[entries[i - 1].node].function.pointer,
                   "topology-duplicate-address", "first used here");
        good = false;
    }
    free(entries);
    return good;
}

uint32_t build_search(const struct topology_builder *builder, uint64_t key)
{
    uint32_t low = 0, high = (uint32_t)builder->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (node_key(builder, builder->sorted[middle]) < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t find_node(const struct topology_builder *builder, uint64_t key)
{
    uint32_t at = build_search(builder, key);
    if (at < builder->count && node_key(builder, builder->sorted[at]) == key)
        return builder->sorted[at];
    return NONE;
}

/* Number of VFs the PF has switched on and routing ids reach. */
static uint32_t enabled_vfs(const struct pci_function *pf)
{
    const struct sriov *sriov = &pf->sriov;
    if (!sriov->present || !sriov->enabled || sriov->first_vf_offset == 0)
        return 0;
    uint32_t room = 0xffffU - pci_requester_id(pf->bus, pf->devfn);
    if (sriov->first_vf_offset > room)
        return 0;
    if (sriov->vf_stride == 0)
        return sriov->num_vfs > 0;
    uint32_t reachable = (room - sriov->first_vf_offset) / sriov->vf_stride + 1;
    return sriov->num_vfs < reachable ? sriov->num_vfs : reachable;
}

static uint16_t vf_requester_id(const struct pci_function *pf, uint32_t index)
{
    return (uint16_t)(pci_requester_id(pf->bus, pf->devfn) + pf->sriov.first_vf_offset +
                      pf->sriov.vf_stride * index);
}

/* The control bits of a VF's PCI Express capability are reserved and read zero: its PF's count for both (PCIe
 * Base Spec 9.3.5.4, 9.3.5.10). */
static void take_controls(struct pci_function *vf, const struct pci_function *pf)
{
    if (!pf->max_read_request)
        return; /* nobody has seen them */
    bool reset = vf->registers.function_level_reset;
    vf->max_payload = pf->max_payload;
    vf->max_read_request = pf->max_read_request;
    vf->extended_tags = pf->extended_tags;
    vf->registers = pf->registers;
    vf->registers.function_level_reset = reset;
}

/* What a VF has of its PF. */
static void become_vf(struct build_node *vf, const struct pci_function *pf, uint32_t pf_node, uint32_t index)
{
    struct pci_function *function = &vf->function;
    vf->pf_node = pf_node;
    function->is_vf = true;
    function->vf_index = index;
    function->multifunction = false; /* drivers/pci/iov.c: a VF is never multifunction */
    take_controls(function, pf);
    if (function->vendor == 0xffff)
        function->vendor = pf->vendor;
    if (function->device == 0xffff)
        function->device = pf->sriov.vf_device;
    for (unsigned i = 0; i < 6; i++) {
        const struct bar *first = &pf->sriov.vf_bars[i];
        struct bar *own = &function->bars[i];
        if (own->kind != BAR_NONE || first->kind == BAR_NONE)
            continue;
        if (index > 0 && first->size == 0)
            continue; /* unknown distance from VF 0's */
        *own = *first;
        own->address += first->assigned ? first->size * index : 0;
    }
}

static struct build_node make_vf(const struct build_node *pf_node, uint32_t index)
{
    const struct pci_function *pf = &pf_node->function;
    uint16_t requester = vf_requester_id(pf, index);
    struct build_node vf = {
        .placement = {.host_bridge = NONE, .parent = NONE, .address_known = true},
        .addressed = true,
        .pf_node = NONE,
        .final_id = NONE,
        .function =
            {
                .segment = pf->segment,
                .bus = (uint8_t)(requester >> 8),
                .devfn = (uint8_t)requester,
                .vendor = 0xffff,
                .device = 0xffff,
                .subvendor = pf->subvendor,
                .subdevice = pf->subdevice,
                .class_code = pf->class_code,
                .revision = pf->revision,
                .bus_master = pf->bus_master,
                .memory_space = pf->memory_space,
                .secondary_bus_id = NONE,
                .pcie = pf->pcie,
                .pcie_type = pf->pcie_type,
                .link = pf->link,
                .max_payload_supported = pf->max_payload_supported,
                .max_payload = pf->max_payload,
                .max_read_request = pf->max_read_request,
                .extended_tags = pf->extended_tags,
                .registers = pf->registers,
                .port_number = pf->port_number,
                .io_space_disabled = pf->io_space_disabled,
                .ari = pf->ari,
                .ari_function_group = pf->ari_function_group,
                .ats = pf->ats,
                .dma_mask_bits = pf->dma_mask_bits,
                .pointer = pf->pointer,
            },
    };
    return vf;
}

/* Could the function at a VF's address be it? A VF has a plain header, and its ids read ffff or, where the
 * kernel filled them in, are those the PF states. */
static bool may_be_vf(const struct pci_function *function, const struct pci_function *pf)
{
    if (function->header_type != 0 || function->sriov.present)
        return false;
    if (function->vendor != 0xffff && function->vendor != pf->vendor)
        return false;
    return function->device == 0xffff || pf->sriov.vf_device == 0 || function->device == pf->sriov.vf_device;
}

/* Link the VFs of one PF that are there. Returns how many. */
static uint32_t link_vfs(struct topology_builder *builder, uint32_t pf_node, uint32_t count)
{
    const struct pci_function *pf = &builder->nodes[pf_node].function;
    uint32_t linked = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t requester = vf_requester_id(pf, i);
        uint32_t found = find_node(builder, (uint64_t)pf->segment << 16 | requester);
        if (found == NONE)
            continue;
        struct build_node *vf = &builder->nodes[found];
        linked++;
        if (vf->pf_node == NONE && may_be_vf(&vf->function, pf)) {
            become_vf(vf, pf, pf_node, i);
            continue;
        }
        char text[BDF_TEXT_SIZE], own[BDF_TEXT_SIZE];
        BUILD_ERROR(builder, pf->pointer, "topology-vf-collision",
                    "virtual function %u of %s has the address %s, which belongs to %s", i,
                    bdf_print(own, pf->segment, pf->bus, pf->devfn),
                    bdf_print(text, pf->segment, vf->function.bus, vf->function.devfn),
                    vf->pf_node == NONE ? "a physical function" : "a virtual function of another");
    }
    return linked;
}

/* A bound that no machine comes near, and that a few absurd numbers in the input would pass. */
enum { MAXIMUM_FUNCTIONS = 1 << 20 };

static void append_vfs(struct topology_builder *builder, uint32_t pf_node, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct build_node vf = make_vf(&builder->nodes[pf_node], i);
        become_vf(&vf, &builder->nodes[pf_node].function, pf_node, i);
        builder->nodes =
            memory_grow(builder->nodes, builder->count, &builder->capacity, sizeof(*builder->nodes));
        builder->nodes[builder->count++] = vf;
    }
}

bool build_virtual_functions(struct topology_builder *builder)
{
    unsigned errors = diagnostics_errors(builder->diagnostics);
    uint32_t given = (uint32_t)builder->count, missing = 0;
    uint32_t *absent = memory_array(given + 1U, sizeof(*absent)); /* PFs none of whose VFs was added */
    for (uint32_t i = 0; i < given; i++) {
        uint32_t pf_node = builder->sorted[i];
        uint32_t count = enabled_vfs(&builder->nodes[pf_node].function);
        if (count && !builder->nodes[pf_node].function.is_vf && link_vfs(builder, pf_node, count) == 0)
            absent[missing++] = pf_node;
    }
    for (uint32_t i = 0; i < missing; i++) {
        const struct pci_function *pf = &builder->nodes[absent[i]].function;
        if (builder->count + enabled_vfs(pf) > MAXIMUM_FUNCTIONS) {
            BUILD_ERROR(builder, pf->pointer, "topology-too-large",
                        "more than %d functions, virtual functions included", MAXIMUM_FUNCTIONS);
            break;
        }
        append_vfs(builder, absent[i], enabled_vfs(pf));
    }
    free(absent);
    if (diagnostics_errors(builder->diagnostics) != errors)
        return false;
    return missing == 0 || build_sort(builder);
}
