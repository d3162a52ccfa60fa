/* SPDX-License-Identifier: MIT */
#include "tests/unit/topology_compare.h"

#include <stdio.h>
#include <string.h>

/* Compares one member of `a` and `b`; `where` names the object. */
#define SAME(member)                                                                                         \
    do {                                                                                                     \
        if (a->member != b->member) {                                                                        \
            snprintf(difference, 256, "%s: " #member " is %#llx and %#llx", where,                           \
                     (unsigned long long)a->member, (unsigned long long)b->member);                          \
            return false;                                                                                    \
        }                                                                                                    \
    } while (0)

static bool same_text(const char *left, const char *right, const char *where, const char *what,
                      char *difference)
{
    if (left == right || (left && right && strcmp(left, right) == 0))
        return true;
    snprintf(difference, 256, "%s: %s is '%.80s' and '%.80s'", where, what, left ? left : "(none)",
             right ? right : "(none)");
    return false;
}

static bool same_bar(const struct bar *a, const struct bar *b, unsigned leave_out, const char *where,
                     char *difference)
{
    /* A 32-bit BAR without address is all zeros in configuration space. */
    if (leave_out & COMPARE_CONFIG_ONLY && !a->assigned && !b->assigned)
        return true;
    SAME(kind);
    SAME(prefetchable);
    SAME(assigned);
    SAME(address);
    if (!(leave_out & COMPARE_CONFIG_ONLY))
        SAME(size);
    return true;
}

static bool same_window(const struct window *a, const struct window *b, const char *where, char *difference)
{
    SAME(open);
    SAME(base);
    SAME(limit);
    return true;
}

static bool same_address_space(const struct pci_function *a, const struct pci_function *b, unsigned leave_out,
                               const char *where, char *difference)
{
    /* The BARs of a VF follow from those of its PF and their sizes, which configuration space does not tell.
     */
    bool derived = leave_out & COMPARE_CONFIG_ONLY && a->is_vf;
    for (unsigned i = 0; i < BAR_COUNT && !derived; i++) {
        if (!same_bar(&a->bars[i], &b->bars[i], leave_out, where, difference))
            return false;
    }
    for (unsigned i = 0; i < 6; i++) {
        if (!same_bar(&a->sriov.vf_bars[i], &b->sriov.vf_bars[i], leave_out, where, difference))
            return false;
    }
    return same_window(&a->io_window, &b->io_window, where, difference) &&
           same_window(&a->memory_window, &b->memory_window, where, difference) &&
           same_window(&a->prefetchable_window, &b->prefetchable_window, where, difference);
}

static bool same_registers(const struct device_registers *a, const struct device_registers *b,
                           unsigned leave_out, const char *where, char *difference)
{
    SAME(function_level_reset);
    SAME(relaxed_ordering_disabled);
    SAME(id_based_requests);
    SAME(id_based_completions);
    SAME(ten_bit_tags);
    if (!(leave_out & COMPARE_CONFIG_ONLY))
        SAME(ten_bit_tags_disabled);
    SAME(completion_timeout);
    SAME(completion_timeout_disabled);
    SAME(caches_not_present);
    return true;
}

static bool same_express(const struct pci_function *a, const struct pci_function *b, unsigned leave_out,
                         const char *where, char *difference)
{
    SAME(pcie);
    SAME(pcie_unknown);
    if (a->pcie)
        SAME(pcie_type);
    if (leave_out & COMPARE_CONFIG_ONLY && a->pcie_unknown)
        return true; /* the rest was not read, or is not written */
    SAME(pcix);
    SAME(link.generation);
    SAME(link.width);
    SAME(link.maximum_generation);
    SAME(link.maximum_width);
    if (!(leave_out & COMPARE_CONFIG_ONLY) || (a->max_payload && a->max_payload_supported)) {
        SAME(max_payload_supported);
        SAME(max_payload);
        SAME(max_read_request);
    }
    SAME(extended_tags);
    if (!(leave_out & COMPARE_CONFIG_ONLY) || a->port_number)
        SAME(port_number);
    SAME(io_space_disabled);
    if (!same_registers(&a->registers, &b->registers, leave_out, where, difference))
        return false;
    SAME(ari_forwarding);
    SAME(no_atomic_routing);
    SAME(atomic_egress_blocking);
    if (leave_out & COMPARE_CONFIG_ONLY && a->acs_unknown)
        return true; /* extended space is not written */
    SAME(ari);
    SAME(ari_next_function);
    SAME(ari_acs_groups);
    SAME(ari_function_group);
    SAME(acs.present);
    SAME(acs.capability);
    SAME(acs.control);
    if (!(leave_out & COMPARE_CONFIG_ONLY)) {
        if (a->acs.present)
            SAME(acs.egress_vector_known);
        SAME(acs.egress_vector);
        for (unsigned i = 0; i < 7; i++)
            SAME(acs.egress_vector_more[i]);
        SAME(acs_unknown);
    }
    SAME(ats);
    SAME(ats_enabled);
    SAME(pri);
    SAME(pasid);
    SAME(translation.page_request_capacity);
    SAME(translation.page_request_allocation);
    SAME(translation.pasid_width);
    SAME(translation.pasid_execute);
    SAME(translation.pasid_privileged);
    if (!(leave_out & COMPARE_CONFIG_ONLY) || a->translation.invalidation_queue_depth)
        SAME(translation.invalidation_queue_depth);
    SAME(sriov.present);
    SAME(sriov.enabled);
    SAME(sriov.total_vfs);
    SAME(sriov.num_vfs);
    SAME(sriov.first_vf_offset);
    SAME(sriov.vf_stride);
    SAME(sriov.vf_device);
    return true;
}

static bool same_platform(const struct pci_function *a, const struct pci_function *b, const char *where,
                          char *difference)
{
    SAME(external_facing);
    SAME(untrusted);
    SAME(observed);
    SAME(dma_mask_bits);
    SAME(group_reported);
    if (a->group_reported)
        SAME(reported_group);
    SAME(alias_count);
    for (uint32_t i = 0; i < a->alias_count; i++)
        SAME(alias_devfns[i]);
    return same_text(a->driver, b->driver, where, "driver", difference) &&
           same_text(a->name, b->name, where, "name", difference);
}

static bool same_function(const struct pci_function *a, const struct pci_function *b, unsigned leave_out,
                          char *difference)
{
    char where[BDF_TEXT_SIZE];
    bdf_print(where, a->segment, a->bus, a->devfn);
    SAME(id);
    SAME(segment);
    SAME(bus);
    SAME(devfn);
    SAME(bus_id);
    SAME(header_type);
    SAME(multifunction);
    SAME(vendor);
    SAME(device);
    if (!(leave_out & COMPARE_CONFIG_ONLY && a->pcie_unknown && a->header_type == 1)) {
        SAME(subvendor); /* of a bridge they stand in a capability */
        SAME(subdevice);
    }
    SAME(class_code);
    SAME(revision);
    SAME(bus_master);
    SAME(memory_space);
    SAME(secondary_bus);
    SAME(subordinate_bus);
    SAME(secondary_bus_id);
    SAME(is_vf);
    SAME(pf_id);
    SAME(vf_index);
    SAME(real_dma_id);
    return same_address_space(a, b, leave_out, where, difference) &&
           same_express(a, b, leave_out, where, difference) &&
           (leave_out & COMPARE_CONFIG_ONLY || same_platform(a, b, where, difference));
}

static bool same_bus(const struct pci_bus *a, const struct pci_bus *b, char *difference)
{
    char where[32];
    snprintf(where, sizeof(where), "bus %04x:%02x", a->segment, a->number);
    SAME(segment);
    SAME(number);
    SAME(subordinate);
    SAME(self_id);
    SAME(parent_id);
    SAME(host_bridge_id);
    SAME(function_count);
    for (uint32_t i = 0; i < a->function_count; i++)
        SAME(functions[i]);
    return true;
}

static bool same_host_bridge(const struct host_bridge *a, const struct host_bridge *b, unsigned leave_out,
                             char *difference)
{
    char where[32];
    snprintf(where, sizeof(where), "host bridge %u", a->id);
    SAME(segment);
    SAME(bus_start);
    SAME(bus_end);
    SAME(root_bus_id);
    SAME(vmd_function_id);
    if (!(leave_out & COMPARE_CONFIG_ONLY))
        SAME(numa_node);
    return true;
}

bool topology_same(const struct topology *a, const struct topology *b, unsigned leave_out, char *difference)
{
    const char *where = "topology";
    SAME(function_count);
    SAME(bus_count);
    SAME(host_bridge_count);
    SAME(unit_count);
    SAME(units_known);
    SAME(reserved_count);
    SAME(ivrs_alias_count);
    SAME(memory_count);
    SAME(acs_state);
    SAME(rcba_enabled);
    SAME(stated.interrupt_remapping);
    SAME(stated.passthrough);
    SAME(stated.strict);
    SAME(root_complex_peer_to_peer);
    if (!same_text(a->cmdline, b->cmdline, where, "cmdline", difference))
        return false;
    for (uint32_t i = 0; i < a->function_count; i++) {
        if (!same_function(&a->functions[i], &b->functions[i], leave_out, difference))
            return false;
    }
    for (uint32_t i = 0; i < a->bus_count; i++) {
        if (!same_bus(&a->buses[i], &b->buses[i], difference))
            return false;
    }
    for (uint32_t i = 0; i < a->host_bridge_count; i++) {
        if (!same_host_bridge(&a->host_bridges[i], &b->host_bridges[i], leave_out, difference))
            return false;
    }
    return true;
}
