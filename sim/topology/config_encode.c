/* SPDX-License-Identifier: MIT */
/* From struct pci_function to the bytes of configuration space. The inverse of config_decode.c. */
#include "sim/topology/config_registers.h"
#include "sim/topology/config_space.h"

#include <string.h>

enum {
    EXPRESS_AT = 0x40,
    PCIX_AT = 0x80,
    SUBSYSTEM_AT = 0x90,
    ADVANCED_FEATURES_AT = 0x98,
    SECURE_DEVICE_AT = 0xa0,
    CLOSED_IO_BASE = 0xf0,       /* base above limit */
    CLOSED_MEMORY_BASE = 0xfff0, /* base above limit */
};

static void put8(uint8_t *image, unsigned offset, unsigned value)
{
    image[offset] = (uint8_t)value;
}

static void put16(uint8_t *image, unsigned offset, unsigned value)
{
    put8(image, offset, value & 0xff);
    put8(image, offset + 1, value >> 8 & 0xff);
}

static void put32(uint8_t *image, unsigned offset, uint32_t value)
{
    put16(image, offset, value & 0xffff);
    put16(image, offset + 2, value >> 16);
}

static void encode_bars(uint8_t *image, unsigned offset, const struct bar *bars, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t address = bars[i].assigned ? bars[i].address : 0;
        uint32_t low = (uint32_t)address;
        switch (bars[i].kind) {
        case BAR_NONE:
            continue;
        case BAR_IO:
            put32(image, offset + 4 * i, (low & ~3U) | BAR_SPACE_IO);
            continue;
        case BAR_MEMORY32:
        case BAR_MEMORY64:
            low = (low & ~0xfU) | (bars[i].prefetchable ? BAR_PREFETCHABLE : 0);
            if (bars[i].kind == BAR_MEMORY64 && i + 1 < count) {
                low |= BAR_TYPE_64;
                put32(image, offset + 4 * (i + 1), (uint32_t)(address >> 32));
            }
            put32(image, offset + 4 * i, low);
            continue;
        }
    }
}

static void encode_windows(uint8_t *image, const struct pci_function *function)
{
    const struct window *io = &function->io_window, *memory = &function->memory_window,
                        *prefetch = &function->prefetchable_window;
    uint32_t io_base = io->open ? (uint32_t)io->base : 0, io_limit = io->open ? (uint32_t)io->limit : 0;
    put8(image, REG_IO_BASE, (io->open ? io_base >> 8 & 0xf0 : CLOSED_IO_BASE) | WINDOW_WIDE);
    put8(image, REG_IO_LIMIT, (io_limit >> 8 & 0xf0) | WINDOW_WIDE);
    put16(image, REG_IO_BASE_UPPER, io_base >> 16);
    put16(image, REG_IO_LIMIT_UPPER, io_limit >> 16);

    put16(image, REG_MEMORY_BASE,
          memory->open ? (unsigned)(memory->base >> 16 & 0xfff0) : CLOSED_MEMORY_BASE);
    put16(image, REG_MEMORY_LIMIT, memory->open ? (unsigned)(memory->limit >> 16 & 0xfff0) : 0);

    put16(image, REG_PREFETCH_BASE,
          (prefetch->open ? (unsigned)(prefetch->base >> 16 & 0xfff0) : CLOSED_MEMORY_BASE) | WINDOW_WIDE);
    put16(image, REG_PREFETCH_LIMIT,
          (prefetch->open ? (unsigned)(prefetch->limit >> 16 & 0xfff0) : 0) | WINDOW_WIDE);
    put32(image, REG_PREFETCH_BASE_UPPER, prefetch->open ? (uint32_t)(prefetch->base >> 32) : 0);
    put32(image, REG_PREFETCH_LIMIT_UPPER, prefetch->open ? (uint32_t)(prefetch->limit >> 32) : 0);
}

static void encode_header(uint8_t *image, const struct pci_function *function)
{
    /* Virtual functions answer ones here; software takes their ids from the PF. */
    put16(image, REG_VENDOR, function->is_vf ? 0xffff : function->vendor);
    put16(image, REG_DEVICE, function->is_vf ? 0xffff : function->device);
    put16(image, REG_COMMAND,
          (function->bus_master ? COMMAND_MASTER : 0U) | (function->memory_space ? COMMAND_MEMORY : 0U) |
              (function->io_space_disabled ? 0U : COMMAND_IO));
    put32(image, REG_REVISION, function->class_code << 8 | function->revision);
    put8(image, REG_HEADER_TYPE,
         function->header_type | (function->multifunction ? HEADER_MULTIFUNCTION : 0U));
    const struct bar *rom = &function->bars[BAR_ROM];
    uint32_t rom_address = rom->kind != BAR_NONE && rom->assigned ? (uint32_t)rom->address & ~0x7ffU : 0;
    if (function->header_type == 1) {
        put8(image, REG_PRIMARY_BUS, function->bus);
        put8(image, REG_SECONDARY_BUS, function->secondary_bus);
        put8(image, REG_SUBORDINATE_BUS, function->subordinate_bus);
        encode_bars(image, REG_BAR0, function->bars, 2);
        encode_windows(image, function);
        put32(image, REG_BRIDGE_ROM, rom_address);
    } else if (function->header_type == 2) {
        put8(image, REG_CARDBUS_BUSES, function->bus);
        put8(image, REG_CARDBUS_BUSES + 1, function->secondary_bus);
        put8(image, REG_CARDBUS_BUSES + 2, function->subordinate_bus);
        encode_bars(image, REG_BAR0, function->bars, 1);
    } else {
        /* VFs have no BARs of their own: the PF's SR-IOV capability holds them. */
        if (!function->is_vf)
            encode_bars(image, REG_BAR0, function->bars, 6);
        put32(image, REG_ROM, rom_address);
        put16(image, REG_SUBVENDOR, function->subvendor);
        put16(image, REG_SUBDEVICE, function->subdevice);
    }
}

/* Code of a payload or read request size; @p reset where the size is unknown. */
static unsigned payload_code(unsigned bytes, unsigned reset)
{
    for (unsigned code = 0; code <= 5; code++) {
        if (128U << code == bytes)
            return code;
    }
    return reset;
}

static void encode_express(uint8_t *image, const struct pci_function *function)
{
    const struct link_state *link = &function->link;
    const struct device_registers *registers = &function->registers;
    put16(image, EXPRESS_AT + EXPRESS_FLAGS, 2U | ((unsigned)function->pcie_type & 0xf) << 4);
    put32(image, EXPRESS_AT + EXPRESS_DEVCAP,
          payload_code(function->max_payload_supported, 0) |
              (function->extended_tags ? DEVCAP_EXTENDED_TAG : 0U) |
              (registers->function_level_reset ? DEVCAP_FLR : 0U));
    put16(image, EXPRESS_AT + EXPRESS_DEVCTL,
          payload_code(function->max_payload, 0) << 5 | payload_code(function->max_read_request, 2) << 12 |
              (function->extended_tags ? DEVCTL_EXTENDED_TAG : 0U) |
              (registers->relaxed_ordering_disabled ? 0U : DEVCTL_RELAXED_ORDERING));
    uint32_t port = function->port_number ? function->port_number - 1U : pci_slot(function->devfn);
    put32(image, EXPRESS_AT + EXPRESS_LNKCAP,
          link->maximum_generation | (uint32_t)link->maximum_width << 4 | port << LNKCAP_PORT_SHIFT);
    put16(image, EXPRESS_AT + EXPRESS_LNKSTA, link->generation | (unsigned)link->width << 4);
    bool routes_atomics = function_is_pcie_port(function) && !function->no_atomic_routing;
    put32(image, EXPRESS_AT + EXPRESS_DEVCAP2,
          (function->ari_forwarding ? DEVCAP2_ARI : 0U) | (routes_atomics ? DEVCAP2_ATOMIC_ROUTING : 0U) |
              (registers->completion_timeout ? DEVCAP2_TIMEOUT_RANGES : 0U) |
              (registers->completion_timeout_disabled ? DEVCAP2_TIMEOUT_DISABLE : 0U) |
              (registers->ten_bit_tags ? DEVCAP2_TEN_BIT_TAGS : 0U));
    put16(image, EXPRESS_AT + EXPRESS_DEVCTL2,
          (function->ari_forwarding ? DEVCTL2_ARI : 0U) |
              (function->atomic_egress_blocking ? DEVCTL2_ATOMIC_EGRESS_BLOCKING : 0U) |
              (registers->completion_timeout & DEVCTL2_TIMEOUT) |
              (registers->completion_timeout_disabled ? DEVCTL2_TIMEOUT_DISABLE : 0U) |
              (registers->id_based_requests ? DEVCTL2_IDO_REQUESTS : 0U) |
              (registers->id_based_completions ? DEVCTL2_IDO_COMPLETIONS : 0U) |
              (registers->ten_bit_tags ? DEVCTL2_TEN_BIT_TAGS : 0U));
}

/* Chain a capability in: write its id, and its place into what the list ends with so far. */
static void link_capability(uint8_t *image, unsigned *tail, unsigned id, unsigned at)
{
    put8(image, *tail, at);
    put8(image, at, id);
    *tail = at + 1;
}

static void encode_capabilities(uint8_t *image, const struct pci_function *function)
{
    unsigned tail = function->header_type == 2 ? REG_CARDBUS_CAPABILITIES : REG_CAPABILITIES;
    unsigned first = tail;
    if (function->pcie) {
        link_capability(image, &tail, CAPABILITY_EXPRESS, EXPRESS_AT);
        encode_express(image, function);
    }
    if (function->pcix)
        link_capability(image, &tail, CAPABILITY_PCIX, PCIX_AT);
    if (function->header_type == 1 && (function->subvendor || function->subdevice)) {
        link_capability(image, &tail, CAPABILITY_SUBSYSTEM, SUBSYSTEM_AT);
        put16(image, SUBSYSTEM_AT + SUBSYSTEM_VENDOR, function->subvendor);
        put16(image, SUBSYSTEM_AT + SUBSYSTEM_DEVICE, function->subdevice);
    }
    if (function->registers.function_level_reset && !function->pcie) {
        link_capability(image, &tail, CAPABILITY_ADVANCED_FEATURES, ADVANCED_FEATURES_AT);
        put8(image, ADVANCED_FEATURES_AT + ADVANCED_FEATURES_CAPABILITIES,
             ADVANCED_FEATURES_TP | ADVANCED_FEATURES_FLR);
    }
    if (function->registers.caches_not_present) {
        link_capability(image, &tail, CAPABILITY_SECURE_DEVICE, SECURE_DEVICE_AT);
        put8(image, SECURE_DEVICE_AT + 3, SECURE_DEVICE_NP_CACHE >> 24);
    }
    if (tail != first || function->pcie_unknown)
        put16(image, REG_STATUS, STATUS_CAPABILITIES);
}

/* Where the next extended capability goes, and where the header of the last one stands. */
struct extended_list {
    uint8_t *image;
    unsigned next, last;
};

/* Append an extended capability of @p size bytes (with its header); returns its offset. */
static unsigned add_extended(struct extended_list *list, unsigned id, unsigned size)
{
    unsigned at = list->next;
    put32(list->image, at, (uint32_t)id | 1U << 16);
    if (list->last)
        put16(list->image, list->last + 2, 1U | at << 4);
    list->last = at;
    list->next = at + size;
    return at;
}

static void encode_sriov(uint8_t *image, unsigned at, const struct sriov *sriov)
{
    put16(image, at + SRIOV_CONTROL, sriov->enabled ? SRIOV_VF_ENABLE | SRIOV_MEMORY_ENABLE : 0);
    put16(image, at + SRIOV_INITIAL_VFS, sriov->total_vfs);
    put16(image, at + SRIOV_TOTAL_VFS, sriov->total_vfs);
    put16(image, at + SRIOV_NUM_VFS, sriov->num_vfs);
    put16(image, at + SRIOV_FIRST_OFFSET, sriov->first_vf_offset);
    put16(image, at + SRIOV_STRIDE, sriov->vf_stride);
    put16(image, at + SRIOV_VF_DEVICE, sriov->vf_device);
    put32(image, at + SRIOV_PAGES_SUPPORTED, 0x553); /* the six sizes every SR-IOV device must support */
    put32(image, at + SRIOV_PAGE_SIZE, 1);
    encode_bars(image, at + SRIOV_BAR0, sriov->vf_bars, 6);
}

static void encode_acs(uint8_t *image, struct extended_list *list, const struct acs *acs)
{
    unsigned bits = acs_egress_vector_bits(acs), dwords = bits ? (bits + 31) / 32 : 1;
    unsigned at = add_extended(list, EXTENDED_ACS, ACS_EGRESS_VECTOR + 4 * dwords);
    put16(image, at + ACS_CAPABILITY, acs->capability);
    put16(image, at + ACS_CONTROL, acs->control);
    put32(image, at + ACS_EGRESS_VECTOR, acs->egress_vector);
    for (unsigned i = 1; i < dwords; i++)
        put32(image, at + ACS_EGRESS_VECTOR + 4 * i, acs->egress_vector_more[i - 1]);
}

static void encode_ari(uint8_t *image, unsigned at, const struct pci_function *function)
{
    put8(image, at + ARI_CAPABILITY, function->ari_acs_groups ? ARI_CAPABILITY_ACS_GROUPS : 0);
    put8(image, at + ARI_CAPABILITY + 1, function->ari_next_function);
    put16(image, at + ARI_CONTROL,
          (function->ari_acs_groups ? ARI_CONTROL_ACS_GROUPS : 0U) | (unsigned)function->ari_function_group
                                                                         << ARI_CONTROL_GROUP_SHIFT);
}

static void encode_ats(uint8_t *image, unsigned at, const struct pci_function *function)
{
    put16(image, at + ATS_CAPABILITY, function->translation.invalidation_queue_depth & ATS_QUEUE_DEPTH_MASK);
    put16(image, at + ATS_CONTROL, function->ats_enabled ? ATS_ENABLE : 0);
}

static void encode_pasid(uint8_t *image, unsigned at, const struct translation_registers *registers)
{
    put16(image, at + PASID_CAPABILITY,
          (registers->pasid_execute ? PASID_EXECUTE : 0U) |
              (registers->pasid_privileged ? PASID_PRIVILEGED : 0U) |
              (registers->pasid_width & 0x1f) << PASID_WIDTH_SHIFT);
}

static void encode_extended(uint8_t *image, const struct pci_function *function)
{
    struct extended_list list = {image, CONFIG_EXTENDED_START, 0};
    if (function->acs.present)
        encode_acs(image, &list, &function->acs);
    if (function->ari)
        encode_ari(image, add_extended(&list, EXTENDED_ARI, 8), function);
    if (function->ats)
        encode_ats(image, add_extended(&list, EXTENDED_ATS, 8), function);
    if (function->pri) {
        unsigned at = add_extended(&list, EXTENDED_PRI, 16);
        put32(image, at + PRI_CAPACITY, function->translation.page_request_capacity);
        put32(image, at + PRI_ALLOCATION, function->translation.page_request_allocation);
    }
    if (function->pasid)
        encode_pasid(image, add_extended(&list, EXTENDED_PASID, 8), &function->translation);
    if (function->sriov.present)
        encode_sriov(image, add_extended(&list, EXTENDED_SRIOV, SRIOV_SIZE), &function->sriov);
}

void config_space_encode(const struct pci_function *function, uint8_t *image)
{
    memset(image, 0, CONFIG_EXPRESS_SIZE);
    encode_header(image, function);
    encode_capabilities(image, function);
    encode_extended(image, function);
}
