/* SPDX-License-Identifier: MIT */
/* From the bytes of configuration space to struct pci_function. */
#include "sim/topology/config_registers.h"
#include "sim/topology/config_space.h"

#include <string.h>

/* One BAR at @p offset, with the register above it where it is a 64-bit one. Returns the registers it takes.
 */
static unsigned decode_bar(const struct config_space *space, unsigned offset, bool pair_fits, struct bar *bar)
{
    uint32_t low = config_read32(space, offset);
    *bar = (struct bar){.kind = BAR_NONE};
    if (low == 0 || low == UINT32_MAX)
        return 1;
    if (low & BAR_SPACE_IO) {
        bar->kind = BAR_IO;
        bar->address = low & ~3U;
        bar->assigned = bar->address != 0;
        return 1;
    }
    bool wide = (low & BAR_TYPE_MASK) == BAR_TYPE_64 && pair_fits;
    bar->kind = wide ? BAR_MEMORY64 : BAR_MEMORY32;
    bar->prefetchable = low & BAR_PREFETCHABLE;
    bar->address = low & ~0xfU;
    if (wide)
        bar->address |= (uint64_t)config_read32(space, offset + 4) << 32;
    bar->assigned = bar->address != 0;
    return wide ? 2 : 1;
}

static void decode_bars(const struct config_space *space, unsigned offset, unsigned count, struct bar *bars)
{
    for (unsigned i = 0; i < count;) {
        unsigned taken = decode_bar(space, offset + 4 * i, i + 1 < count, &bars[i]);
        if (taken == 2)
            bars[i + 1] = (struct bar){.kind = BAR_NONE};
        i += taken;
    }
}

static void decode_rom(const struct config_space *space, unsigned offset, struct bar *rom)
{
    uint32_t value = config_read32(space, offset);
    *rom = (struct bar){.kind = BAR_NONE};
    if ((value & ~0x7ffU) == 0 || value == UINT32_MAX)
        return;
    rom->kind = BAR_MEMORY32;
    rom->address = value & ~0x7ffU;
    rom->assigned = true;
}

/* A window from zero is one that nobody programmed: nothing can live at address zero (the registers reset to
 * it). */
static struct window make_window(uint64_t base, uint64_t limit)
{
    bool open = base <= limit && base != 0;
    return (struct window){.open = open, .base = open ? base : 0, .limit = open ? limit : 0};
}

static void decode_windows(const struct config_space *space, struct pci_function *function)
{
    uint64_t base = config_read8(space, REG_IO_BASE), limit = config_read8(space, REG_IO_LIMIT);
    bool wide = (base & WINDOW_TYPE_MASK) == WINDOW_WIDE;
    base = (base & 0xf0) << 8;
    limit = (limit & 0xf0) << 8 | 0xfff;
    if (wide) {
        base |= (uint64_t)config_read16(space, REG_IO_BASE_UPPER) << 16;
        limit |= (uint64_t)config_read16(space, REG_IO_LIMIT_UPPER) << 16;
    }
    function->io_window = make_window(base, limit);

    base = (uint64_t)(config_read16(space, REG_MEMORY_BASE) & 0xfff0U) << 16;
    limit = (uint64_t)(config_read16(space, REG_MEMORY_LIMIT) & 0xfff0U) << 16 | 0xfffff;
    function->memory_window = make_window(base, limit);

    uint16_t low = config_read16(space, REG_PREFETCH_BASE);
    base = (uint64_t)(low & 0xfff0U) << 16;
    limit = (uint64_t)(config_read16(space, REG_PREFETCH_LIMIT) & 0xfff0U) << 16 | 0xfffff;
    if ((low & WINDOW_TYPE_MASK) == WINDOW_WIDE) {
        base |= (uint64_t)config_read32(space, REG_PREFETCH_BASE_UPPER) << 32;
        limit |= (uint64_t)config_read32(space, REG_PREFETCH_LIMIT_UPPER) << 32;
    }
    function->prefetchable_window = make_window(base, limit);
}

static void decode_bridge(const struct config_space *space, struct pci_function *function)
{
    function->secondary_bus = config_read8(space, REG_SECONDARY_BUS);
    function->subordinate_bus = config_read8(space, REG_SUBORDINATE_BUS);
    decode_bars(space, REG_BAR0, 2, function->bars);
    decode_rom(space, REG_BRIDGE_ROM, &function->bars[BAR_ROM]);
    decode_windows(space, function);
    unsigned subsystem = config_find_capability(space, CAPABILITY_SUBSYSTEM);
    if (subsystem) {
        function->subvendor = config_read16(space, subsystem + SUBSYSTEM_VENDOR);
        function->subdevice = config_read16(space, subsystem + SUBSYSTEM_DEVICE);
    }
}

static void decode_header(const struct config_space *space, struct pci_function *function)
{
    function->vendor = config_read16(space, REG_VENDOR);
    function->device = config_read16(space, REG_DEVICE);
    uint16_t command = config_read16(space, REG_COMMAND);
    function->bus_master = command & COMMAND_MASTER;
    function->memory_space = command & COMMAND_MEMORY;
    function->io_space_disabled = !(command & COMMAND_IO);
    uint32_t class_dword = config_read32(space, REG_REVISION);
    function->revision = class_dword & 0xff;
    function->class_code = class_dword >> 8;
    uint8_t type = config_read8(space, REG_HEADER_TYPE);
    function->multifunction = type & HEADER_MULTIFUNCTION;
    function->header_type = type & 0x7f;

    function->subvendor = function->subdevice = 0;
    function->secondary_bus = function->subordinate_bus = 0;
    memset(function->bars, 0, sizeof(function->bars));
    function->io_window = function->memory_window = function->prefetchable_window = (struct window){0};
    if (function->header_type == 1) {
        decode_bridge(space, function);
    } else if (function->header_type == 2) {
        /* CardBus: the bus numbers stand where a PCI bridge has them; its sockets are no part of the model.
         */
        function->secondary_bus = config_read8(space, REG_CARDBUS_BUSES + 1);
        function->subordinate_bus = config_read8(space, REG_CARDBUS_BUSES + 2);
        decode_bars(space, REG_BAR0, 1, function->bars);
    } else {
        decode_bars(space, REG_BAR0, 6, function->bars);
        decode_rom(space, REG_ROM, &function->bars[BAR_ROM]);
        function->subvendor = config_read16(space, REG_SUBVENDOR);
        function->subdevice = config_read16(space, REG_SUBDEVICE);
    }
}

/* Lane counts other than those of the specification come from broken or absent links. */
static uint8_t link_width(unsigned lanes)
{
    bool valid = lanes == 12 || (lanes <= 32 && (lanes & (lanes - 1)) == 0);
    return valid ? (uint8_t)lanes : 0;
}

static uint8_t link_generation(unsigned speed)
{
    return speed <= 6 ? (uint8_t)speed : 0;
}

static void decode_link(const struct config_space *space, unsigned express, struct link_state *link)
{
    uint32_t capability = config_read32(space, express + EXPRESS_LNKCAP);
    uint16_t status = config_read16(space, express + EXPRESS_LNKSTA);
    link->maximum_generation = link_generation(capability & 0xf);
    link->maximum_width = link_width(capability >> 4 & 0x3f);
    link->width = link_width(status >> 4 & 0x3fU);
    /* Ports without a link still show a speed. */
    link->generation = link->width ? link_generation(status & 0xfU) : 0;
}

static uint16_t payload_bytes(unsigned code)
{
    if (code > 5)
        return 0;
    return (uint16_t)(128U << code);
}

/* Of conventional functions, too: FLR by Advanced Features, and NpCache of an AMD IOMMU. */
static void decode_conventional_registers(const struct config_space *space,
                                          struct device_registers *registers)
{
    unsigned advanced = config_find_capability(space, CAPABILITY_ADVANCED_FEATURES),
             iommu = config_find_capability(space, CAPABILITY_SECURE_DEVICE);
    *registers = (struct device_registers){0};
    registers->function_level_reset =
        advanced && config_read8(space, advanced + ADVANCED_FEATURES_CAPABILITIES) & ADVANCED_FEATURES_FLR;
    registers->caches_not_present = iommu && config_read32(space, iommu) & SECURE_DEVICE_NP_CACHE;
}

static void decode_express_registers(const struct config_space *space, unsigned express, bool second,
                                     const struct link_state *link, struct device_registers *registers)
{
    uint16_t control = config_read16(space, express + EXPRESS_DEVCTL),
             control_2 = second ? config_read16(space, express + EXPRESS_DEVCTL2) : 0;
    registers->function_level_reset |= (config_read32(space, express + EXPRESS_DEVCAP) & DEVCAP_FLR) != 0;
    registers->relaxed_ordering_disabled = !(control & DEVCTL_RELAXED_ORDERING);
    registers->id_based_requests = control_2 & DEVCTL2_IDO_REQUESTS;
    registers->id_based_completions = control_2 & DEVCTL2_IDO_COMPLETIONS;
    registers->ten_bit_tags = control_2 & DEVCTL2_TEN_BIT_TAGS;
    registers->ten_bit_tags_disabled = !registers->ten_bit_tags && link->maximum_generation >= 4;
    registers->completion_timeout = control_2 & DEVCTL2_TIMEOUT;
    registers->completion_timeout_disabled = control_2 & DEVCTL2_TIMEOUT_DISABLE;
}

static void decode_express(const struct config_space *space, struct pci_function *function)
{
    unsigned express = config_find_capability(space, CAPABILITY_EXPRESS);
    bool hidden = space->length < CONFIG_PCI_SIZE && config_read16(space, REG_STATUS) & STATUS_CAPABILITIES;
    function->pcie = express != 0;
    function->pcie_unknown = !express && hidden;
    function->pcie_type = PCIE_ENDPOINT;
    function->pcix = config_find_capability(space, CAPABILITY_PCIX) != 0;
    function->link = (struct link_state){0};
    function->max_payload_supported = function->max_payload = function->max_read_request = 0;
    function->extended_tags = function->ari_forwarding = false;
    function->no_atomic_routing = function->atomic_egress_blocking = false;
    function->port_number = 0;
    decode_conventional_registers(space, &function->registers);
    if (!express)
        return;
    uint16_t flags = config_read16(space, express + EXPRESS_FLAGS);
    uint16_t control = config_read16(space, express + EXPRESS_DEVCTL);
    function->pcie_type = (enum pcie_type)(flags >> 4 & 0xfU);
    function->max_payload_supported = payload_bytes(config_read32(space, express + EXPRESS_DEVCAP) & 7U);
    function->max_payload = payload_bytes(control >> 5 & 7U);
    function->max_read_request = payload_bytes(control >> 12 & 7U);
    function->extended_tags = control & DEVCTL_EXTENDED_TAG;
    /* What is integrated into the root complex hangs on no link; some show registers nevertheless. */
    if (function->pcie_type != PCIE_RC_ENDPOINT && function->pcie_type != PCIE_RC_EVENT_COLLECTOR) {
        decode_link(space, express, &function->link);
        function->port_number =
            (uint16_t)((config_read32(space, express + EXPRESS_LNKCAP) >> LNKCAP_PORT_SHIFT) + 1);
    }
    /* The second set of registers came with version 2 of the capability. */
    bool second = (flags & 0xf) >= 2;
    uint16_t control_2 = second ? config_read16(space, express + EXPRESS_DEVCTL2) : 0;
    function->ari_forwarding = control_2 & DEVCTL2_ARI;
    decode_express_registers(space, express, second, &function->link, &function->registers);
    if (!function_is_pcie_port(function))
        return;
    function->atomic_egress_blocking = control_2 & DEVCTL2_ATOMIC_EGRESS_BLOCKING;
    function->no_atomic_routing =
        !second || !(config_read32(space, express + EXPRESS_DEVCAP2) & DEVCAP2_ATOMIC_ROUTING);
}

static void decode_sriov(const struct config_space *space, struct sriov *sriov)
{
    unsigned at = config_find_extended(space, EXTENDED_SRIOV);
    memset(sriov, 0, sizeof(*sriov));
    if (!at)
        return;
    sriov->present = true;
    sriov->enabled = config_read16(space, at + SRIOV_CONTROL) & SRIOV_VF_ENABLE;
    sriov->total_vfs = config_read16(space, at + SRIOV_TOTAL_VFS);
    sriov->num_vfs = config_read16(space, at + SRIOV_NUM_VFS);
    sriov->first_vf_offset = config_read16(space, at + SRIOV_FIRST_OFFSET);
    sriov->vf_stride = config_read16(space, at + SRIOV_STRIDE);
    sriov->vf_device = config_read16(space, at + SRIOV_VF_DEVICE);
    decode_bars(space, at + SRIOV_BAR0, 6, sriov->vf_bars);
}

static void decode_acs(const struct config_space *space, struct acs *acs)
{
    unsigned at = config_find_extended(space, EXTENDED_ACS);
    *acs = (struct acs){.present = at != 0};
    if (!at)
        return;
    acs->capability = config_read16(space, at + ACS_CAPABILITY);
    acs->control = config_read16(space, at + ACS_CONTROL);
    /* Intel ports keep a control dword here, whether they have Egress Control or not. */
    acs->egress_vector = config_read32(space, at + ACS_EGRESS_VECTOR);
    acs->egress_vector_known = true;
    for (unsigned i = 1; 32 * i < acs_egress_vector_bits(acs); i++)
        acs->egress_vector_more[i - 1] = config_read32(space, at + ACS_EGRESS_VECTOR + 4 * i);
}

static void decode_ari(const struct config_space *space, struct pci_function *function)
{
    unsigned at = config_find_extended(space, EXTENDED_ARI);
    uint16_t control = at ? config_read16(space, at + ARI_CONTROL) : 0;
    function->ari = at != 0;
    function->ari_next_function = at ? config_read8(space, at + ARI_CAPABILITY + 1) : 0;
    function->ari_acs_groups = control & ARI_CONTROL_ACS_GROUPS;
    function->ari_function_group = control >> ARI_CONTROL_GROUP_SHIFT & 7;
}

static void decode_translation(const struct config_space *space, struct pci_function *function)
{
    struct translation_registers *registers = &function->translation;
    unsigned ats = config_find_extended(space, EXTENDED_ATS), pri = config_find_extended(space, EXTENDED_PRI),
             pasid = config_find_extended(space, EXTENDED_PASID);
    *registers = (struct translation_registers){0};
    function->ats = ats != 0;
    function->ats_enabled = ats && config_read16(space, ats + ATS_CONTROL) & ATS_ENABLE;
    function->pri = pri != 0;
    function->pasid = pasid != 0;
    if (ats) {
        unsigned depth = config_read16(space, ats + ATS_CAPABILITY) & ATS_QUEUE_DEPTH_MASK;
        registers->invalidation_queue_depth = depth ? depth : ATS_QUEUE_DEPTH_MASK + 1U;
    }
    if (pri) {
        registers->page_request_capacity = config_read32(space, pri + PRI_CAPACITY);
        registers->page_request_allocation = config_read32(space, pri + PRI_ALLOCATION);
    }
    if (pasid) {
        uint16_t capability = config_read16(space, pasid + PASID_CAPABILITY);
        registers->pasid_width = capability >> PASID_WIDTH_SHIFT & 0x1fU;
        registers->pasid_execute = capability & PASID_EXECUTE;
        registers->pasid_privileged = capability & PASID_PRIVILEGED;
    }
}

static void decode_extended(const struct config_space *space, struct pci_function *function)
{
    decode_acs(space, &function->acs);
    function->acs_unknown = space->length < CONFIG_EXPRESS_SIZE && (function->pcie || function->pcie_unknown);

    decode_ari(space, function);
    decode_translation(space, function);
    decode_sriov(space, &function->sriov);
}

void config_space_decode(const struct config_space *space, struct pci_function *function)
{
    decode_header(space, function);
    decode_express(space, function);
    decode_extended(space, function);
}
