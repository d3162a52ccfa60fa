/* SPDX-License-Identifier: MIT */
#include "sim/analysis/iommu_platform.h"

#include <string.h>

enum {
    VENDOR_AMD = 0x1022,
    VENDOR_ATI = 0x1002, /* chipsets up to the 900 series */
    VENDOR_HYGON = 0x1d94,
    VENDOR_INTEL = 0x8086,
    VENDOR_REDHAT = 0x1b36,
    DEVICE_QEMU_GENERIC_HOST = 0x0008,
    CLASS_HOST_BRIDGE = 0x0600,
    CLASS_IOMMU = 0x0806,
};

/* Vendors whose host bridges and root ports are found on Arm servers and nowhere else: Cavium/Marvell,
 * Huawei, Ampere, Qualcomm, Applied Micro, Amazon Annapurna, NXP, Fujitsu, Arm, Phytium. */
static const uint16_t arm_vendors[] = {0x177d, 0x19e5, 0x1def, 0x17cb, 0x10e8,
                                       0x1c36, 0x1957, 0x10cf, 0x13b5, 0x1db7};

static const char *const choice_names[] = {
    [IOMMU_CHOICE_AUTO] = "auto",     [IOMMU_CHOICE_VT_D] = "vt-d", [IOMMU_CHOICE_AMD_VI] = "amd-vi",
    [IOMMU_CHOICE_SMMUV3] = "smmuv3", [IOMMU_CHOICE_NONE] = "none",
};

const char *iommu_choice_name(enum iommu_choice choice)
{
    size_t index = (size_t)choice;
    return index < sizeof(choice_names) / sizeof(choice_names[0]) ? choice_names[index] : NULL;
}

bool iommu_choice_parse(const char *text, enum iommu_choice *choice)
{
    for (size_t i = 0; i < sizeof(choice_names) / sizeof(choice_names[0]); i++) {
        if (strcmp(text, choice_names[i]) == 0) {
            *choice = (enum iommu_choice)i;
            return true;
        }
    }
    return false;
}

const char *iommu_kind_name(enum iommu_kind kind)
{
    static const char *const names[] = {
        [IOMMU_NONE] = "none",
        [IOMMU_VT_D] = "vt-d",
        [IOMMU_AMD_VI] = "amd-vi",
        [IOMMU_SMMUV3] = "smmuv3",
    };
    return names[kind];
}

static bool on_root_bus(const struct topology *topology, const struct pci_function *function)
{
    return topology->buses[function->bus_id].parent_id == NONE;
}

static bool is_arm_vendor(uint16_t vendor)
{
    for (size_t i = 0; i < sizeof(arm_vendors) / sizeof(arm_vendors[0]); i++) {
        if (arm_vendors[i] == vendor)
            return true;
    }
    return false;
}

static bool is_amd_vendor(uint16_t vendor)
{
    return vendor == VENDOR_AMD || vendor == VENDOR_ATI || vendor == VENDOR_HYGON;
}

enum iommu_kind iommu_platform_guess(const struct topology *topology)
{
    enum iommu_kind guess = IOMMU_VT_D;
    bool intel = false;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        uint32_t class_word = function->class_code >> 8;
        bool amd = is_amd_vendor(function->vendor);
        if (amd && class_word == CLASS_IOMMU)
            return IOMMU_AMD_VI;
        if (!on_root_bus(topology, function))
            continue;
        bool host_bridge = class_word == CLASS_HOST_BRIDGE;
        if (amd && host_bridge && function->devfn == 0)
            guess = IOMMU_AMD_VI;
        intel = intel || (host_bridge && function->devfn == 0 && function->vendor == VENDOR_INTEL);
        if (guess == IOMMU_VT_D &&
            ((function->vendor == VENDOR_REDHAT && function->device == DEVICE_QEMU_GENERIC_HOST) ||
             (is_arm_vendor(function->vendor) &&
              (host_bridge || function_is_type(function, PCIE_ROOT_PORT)))))
            guess = IOMMU_SMMUV3;
    }
    return guess == IOMMU_SMMUV3 && intel ? IOMMU_VT_D : guess;
}

static bool is_virtualised(const struct topology *topology)
{
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        if (function->registers.caches_not_present && is_amd_vendor(function->vendor) &&
            function->class_code >> 8 == CLASS_IOMMU)
            return true;
    }
    return false;
}

/* True where a dump states groups for most functions: then the others have none. */
static bool states_groups(const struct topology *topology)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < topology->function_count; i++)
        count += topology->functions[i].group_reported;
    return count > topology->function_count / 2;
}

/* The kind of the units the topology names; the first unit's, for a machine has one kind. */
static enum iommu_kind known_kind(const struct topology *topology)
{
    return topology->unit_count ? topology->units[0].kind : IOMMU_NONE;
}

static void decide_kind(const struct topology *topology, enum iommu_choice choice,
                        struct iommu_platform *platform)
{
    static const enum iommu_kind kinds[] = {
        [IOMMU_CHOICE_AUTO] = IOMMU_NONE,     [IOMMU_CHOICE_VT_D] = IOMMU_VT_D,
        [IOMMU_CHOICE_AMD_VI] = IOMMU_AMD_VI, [IOMMU_CHOICE_SMMUV3] = IOMMU_SMMUV3,
        [IOMMU_CHOICE_NONE] = IOMMU_NONE,
    };
    platform->kind = kinds[choice];
    platform->units_known = topology->units_known && known_kind(topology) == platform->kind;
    if (choice == IOMMU_CHOICE_AUTO) {
        platform->units_known = topology->units_known;
        platform->groups_reported = !topology->units_known && states_groups(topology);
        platform->kind = topology->units_known ? known_kind(topology) : iommu_platform_guess(topology);
    }
}

/* The switch of another kind of IOMMU: to say so saves a puzzled user. */
static void warn_other_switch(const struct iommu_platform *platform, struct diagnostics *diagnostics)
{
    const struct kernel_cmdline *words = &platform->cmdline;
    const char *word = NULL;
    if (platform->kind == IOMMU_NONE)
        return;
    if (platform->kind != IOMMU_VT_D && words->intel_iommu == GIVEN_OFF)
        word = "intel_iommu=off";
    else if (platform->kind != IOMMU_AMD_VI && words->amd_iommu_off)
        word = "amd_iommu=off";
    else if (platform->kind == IOMMU_SMMUV3 && words->iommu_off)
        word = "iommu=off";
    if (word)
        diagnostics_report(diagnostics, DIAGNOSTIC_WARNING, NULL, DIAGNOSTIC_NO_OFFSET, NULL,
                           "cmdline-other-iommu", "%s has no effect: the machine's IOMMU is %s", word,
                           iommu_kind_name(platform->kind));
}

bool iommu_platform_interrupts_switched_off(const struct iommu_platform *platform)
{
    bool x86 = platform->kind == IOMMU_VT_D || platform->kind == IOMMU_AMD_VI;
    return x86 && (platform->cmdline.interrupt_remapping == GIVEN_OFF ||
                   (platform->kind == IOMMU_AMD_VI && platform->cmdline.amd_iommu_off));
}

bool iommu_platform_interrupts_any_source(const struct iommu_platform *platform)
{
    return platform->kind == IOMMU_VT_D && platform->cmdline.interrupts_any_source;
}

void iommu_platform_decide(const struct topology *topology, const struct group_options *options,
                           struct arena *arena, struct diagnostics *diagnostics,
                           struct iommu_platform *platform)
{
    *platform = (struct iommu_platform){
        .algorithm = options->algorithm, .assume = options->assume, .left_out = options->left_out};
    kernel_cmdline_parse_bits(options->cmdline ? options->cmdline : topology->cmdline,
                              options->algorithm == GROUP_ALGORITHM_ACS_REWORK_V3 ? ACS_ENHANCED_LAST_BIT
                                                                                  : ACS_CONTROL_LAST_BIT,
                              arena, diagnostics, &platform->cmdline);
    decide_kind(topology, options->choice, platform);
    const struct kernel_cmdline *words = &platform->cmdline;
    switch (platform->kind) {
    case IOMMU_NONE:
        break;
    case IOMMU_VT_D:
        platform->enabled = !words->iommu_off && words->intel_iommu != GIVEN_OFF;
        platform->acs_requested = platform->enabled;
        break;
    case IOMMU_AMD_VI:
        platform->ivrs = true;
        platform->virtualised = is_virtualised(topology);
        platform->enabled = !words->iommu_off && !words->amd_iommu_off;
        platform->acs_requested = !words->iommu_off;
        break;
    case IOMMU_SMMUV3:
        /* iommu=off is a word of x86 only. */
        platform->enabled = true;
        platform->acs_requested = true;
        break;
    }
    warn_other_switch(platform, diagnostics);
}
