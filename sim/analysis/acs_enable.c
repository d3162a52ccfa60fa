/* SPDX-License-Identifier: MIT */
#include "sim/analysis/acs_enable.h"

#include "sim/analysis/quirk_tables.h"

enum { ACS_REDIRECTS = ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT | ACS_EGRESS_CONTROL };

/* The bits the kernel switches on by itself. */
static uint16_t kernel_bits(const struct iommu_platform *platform, const struct pci_function *function,
                            uint16_t capability)
{
    uint16_t wanted = ACS_GROUP_BITS;
    uint16_t enhanced = 0;
    if (platform->algorithm == GROUP_ALGORITHM_ACS_REWORK_V3 && capability & ACS_ENHANCED)
        enhanced = ACS_DOWNSTREAM_TARGET_REDIRECT | ACS_UPSTREAM_TARGET_REDIRECT | ACS_UNCLAIMED_REDIRECT;
    if (platform->cmdline.ats_off || function->external_facing || function->untrusted)
        wanted |= ACS_TRANSLATION_BLOCKING;
    return (capability & wanted) | enhanced;
}

static const struct acs_option *find_option(const struct acs_option *options, uint32_t count,
                                            const struct topology *topology,
                                            const struct pci_function *function)
{
    for (uint32_t i = 0; i < count; i++) {
        if (device_selector_matches(&options[i].selector, topology, function))
            return &options[i];
    }
    return NULL;
}

/* Both options are "these bits get these values": disable_acs_redir clears three. config_acs wins. */
static bool find_change(const struct topology *topology, const struct kernel_cmdline *cmdline,
                        const struct pci_function *function, uint16_t *mask, uint16_t *flags)
{
    const struct acs_option *option =
        find_option(cmdline->config_acs, cmdline->config_acs_count, topology, function);
    if (option) {
        *mask = option->mask;
        *flags = option->flags;
        return true;
    }
    *mask = ACS_REDIRECTS;
    *flags = 0;
    return find_option(cmdline->disable_acs_redir, cmdline->disable_acs_redir_count, topology, function);
}

/* Control bits that exist. */
static uint16_t writable_control(const struct pci_function *function)
{
    uint16_t capability = function->acs.capability;
    return (uint16_t)(capability & ~(unsigned)ACS_ENHANCED_CONTROLS) |
           (capability & ACS_ENHANCED ? ACS_ENHANCED_CONTROLS : 0);
}

/* What firmware left in the control register, which is where both options start from. */
static uint16_t firmware_control(const struct topology *topology, const struct pci_function *function,
                                 const struct acs_view *view, uint16_t mask, uint16_t flags, uint16_t added)
{
    uint16_t implemented = writable_control(function) & mask;
    if (topology->acs_state == ACS_FIRMWARE || (view->control & implemented) == (flags & implemented))
        return view->control;
    return view->control & (uint16_t)~added;
}

static void enable_standard(const struct topology *topology, const struct iommu_platform *platform,
                            const struct pci_function *function, struct acs_view *view)
{
    uint16_t added = kernel_bits(platform, function, view->capability);
    uint16_t mask, flags;
    if (find_change(topology, &platform->cmdline, function, &mask, &flags)) {
        uint16_t firmware = firmware_control(topology, function, view, mask, flags, added);
        view->control = (uint16_t)((firmware & ~mask) | (flags & mask)) & writable_control(function);
        view->changed = true;
    } else if (platform->acs_requested) {
        /* No kernel that a dump can come from sets the Enhanced bits. */
        view->control |= topology->acs_state == ACS_FIRMWARE ? added : added & ACS_ENHANCED_CONTROLS;
    }
}

/* Intel "SPT" ports: the dword at offset 8 counts; either option only clears the redirect bits there. */
static void enable_dword(const struct topology *topology, const struct iommu_platform *platform,
                         const struct pci_function *function, struct acs_view *view)
{
    uint16_t added = kernel_bits(platform, function, view->capability);
    uint16_t mask, flags;
    view->dword_control = true;
    view->control = function->acs.egress_vector_known ? (uint16_t)function->acs.egress_vector : 0;
    if (topology->acs_state == ACS_BOOTED && !function->acs.egress_vector_known) {
        view->control = platform->assume == ISOLATION_PESSIMISTIC ? 0 : added;
        view->assumed = true;
    } else if (topology->acs_state == ACS_FIRMWARE && platform->acs_requested) {
        view->control |= added;
    }
    if (find_change(topology, &platform->cmdline, function, &mask, &flags)) {
        view->control &= (uint16_t)~ACS_REDIRECTS;
        view->changed = true;
    }
}

static void enable_function(const struct topology *topology, const struct iommu_platform *platform,
                            const struct pci_function *function, struct acs_view *view)
{
    const struct acs_enable_quirk *quirk = acs_enable_quirk_find(function);
    bool hidden = isolation_hidden(function);
    *view = (struct acs_view){
        .present = function->acs.present,
        .capability = function->acs.capability,
        .control = function->acs.control,
        .hidden = hidden,
    };
    if (hidden)
        view->guess = isolation_guess(topology, function, platform->assume, platform->left_out);
    if (quirk && quirk->class_ == ACS_ENABLE_PCH_NO_ACS_CAP) {
        view->pch_isolated = platform->acs_requested && topology->rcba_enabled != KNOWN_ABSENT &&
                             platform->algorithm != GROUP_ALGORITHM_LINUX_5_9;
        view->assumed = view->pch_isolated && topology->rcba_enabled == UNKNOWN;
        view->pch_isolated &= !view->assumed || platform->assume != ISOLATION_PESSIMISTIC;
    }
    if (!view->present)
        return;
    if (quirk && quirk->class_ == ACS_ENABLE_DROP_SV)
        view->capability &= (uint16_t)~ACS_SOURCE_VALIDATION;
    if (quirk && quirk->class_ == ACS_ENABLE_SPT_DWORD_CTRL)
        enable_dword(topology, platform, function, view);
    else
        enable_standard(topology, platform, function, view);
}

struct acs_view *acs_enable(const struct topology *topology, const struct iommu_platform *platform,
                            struct arena *arena)
{
    struct acs_view *views = arena_array(arena, topology->function_count, sizeof(*views));
    for (uint32_t i = 0; i < topology->function_count; i++)
        enable_function(topology, platform, &topology->functions[i], &views[i]);
    return views;
}

void acs_view_flip(struct acs_view *view)
{
    view->guess.isolated = !view->guess.isolated;
    if (!view->assumed)
        return;
    view->pch_isolated = !view->pch_isolated;
    if (view->dword_control)
        view->control ^= view->capability & ACS_GROUP_BITS;
}
