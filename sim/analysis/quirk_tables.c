/* SPDX-License-Identifier: MIT */
#include "sim/analysis/quirk_tables.h"

enum {
    ACS_QUIRK_FLAGS_NONE = 0,
    ACS_QUIRK_FLAGS_REGISTER = 0,
    ACS_QUIRK_FLAGS_REDIRECT = ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT,
    ACS_QUIRK_FLAGS_GROUP = ACS_GROUP_BITS,
    ACS_QUIRK_FLAGS_SIX = ACS_GROUP_BITS | ACS_TRANSLATION_BLOCKING | ACS_DIRECT_TRANSLATED,
};

static const struct acs_quirk acs_quirks[] = {
#define ACS_QUIRK(seq, vendor, low, high, class_, flags)                                                     \
    {seq, vendor, low, high, ACS_QUIRK_##class_, ACS_QUIRK_FLAGS_##flags},
#include "sim/analysis/acs_quirks.def"
#undef ACS_QUIRK
};

static const struct acs_enable_quirk acs_enable_quirks[] = {
#define ACS_ENABLE_QUIRK(vendor, low, high, class_) {vendor, low, high, ACS_ENABLE_##class_},
#include "sim/analysis/acs_enable_quirks.def"
#undef ACS_ENABLE_QUIRK
};

static const struct dma_alias_quirk dma_alias_quirks[] = {
#define DMA_ALIAS_QUIRK(vendor, device, subvendor, subdevice, kind)                                          \
    {vendor, device, subvendor, subdevice, DMA_ALIAS_##kind},
#include "sim/analysis/dma_alias_quirks.def"
#undef DMA_ALIAS_QUIRK
};

enum {
    ACS_QUIRKS = sizeof(acs_quirks) / sizeof(acs_quirks[0]),
    ACS_ENABLE_QUIRKS = sizeof(acs_enable_quirks) / sizeof(acs_enable_quirks[0]),
    DMA_ALIAS_QUIRKS = sizeof(dma_alias_quirks) / sizeof(dma_alias_quirks[0]),
};

const struct acs_quirk *acs_quirk_rows(size_t *count)
{
    *count = ACS_QUIRKS;
    return acs_quirks;
}

const struct acs_enable_quirk *acs_enable_quirk_rows(size_t *count)
{
    *count = ACS_ENABLE_QUIRKS;
    return acs_enable_quirks;
}

const struct dma_alias_quirk *dma_alias_quirk_rows(size_t *count)
{
    *count = DMA_ALIAS_QUIRKS;
    return dma_alias_quirks;
}

const char *acs_quirk_class_name(enum acs_quirk_class class_)
{
    static const char *const names[] = {
        [ACS_QUIRK_AMD_SB] = "AMD_SB",
        [ACS_QUIRK_MF_ENDPOINT] = "MF_ENDPOINT",
        [ACS_QUIRK_INTEL_RCIEP] = "INTEL_RCIEP",
        [ACS_QUIRK_ALWAYS_ISO] = "ALWAYS_ISO",
        [ACS_QUIRK_INTEL_PCH] = "INTEL_PCH",
        [ACS_QUIRK_INTEL_SPT] = "INTEL_SPT",
        [ACS_QUIRK_CAVIUM_RP] = "CAVIUM_RP",
        [ACS_QUIRK_AL_RP] = "AL_RP",
        [ACS_QUIRK_ZHAOXIN_PORT] = "ZHAOXIN_PORT",
        [ACS_QUIRK_WANGXUN_NIC] = "WANGXUN_NIC",
    };
    return names[class_];
}

static bool enable_quirk_applies(const struct acs_enable_quirk *quirk, const struct pci_function *function)
{
    switch (quirk->class_) {
    case ACS_ENABLE_PCH_NO_ACS_CAP:
        return function_is_type(function, PCIE_ROOT_PORT);
    case ACS_ENABLE_SPT_DWORD_CTRL:
        return function_is_type(function, PCIE_ROOT_PORT) && function->acs.present;
    case ACS_ENABLE_DROP_SV:
        return true;
    case ACS_ENABLE_STORE_FORWARD:
        return function_is_type(function, PCIE_DOWNSTREAM_PORT);
    }
    return false;
}

const struct acs_enable_quirk *acs_enable_quirk_find(const struct pci_function *function)
{
    for (size_t i = 0; i < ACS_ENABLE_QUIRKS; i++) {
        const struct acs_enable_quirk *quirk = &acs_enable_quirks[i];
        if (quirk->vendor == function->vendor && quirk->device_low <= function->device &&
            function->device <= quirk->device_high && enable_quirk_applies(quirk, function))
            return quirk;
    }
    return NULL;
}

bool dma_alias_quirk_matches(const struct pci_function *function, enum dma_alias_kind kind)
{
    for (size_t i = 0; i < DMA_ALIAS_QUIRKS; i++) {
        const struct dma_alias_quirk *quirk = &dma_alias_quirks[i];
        if (quirk->kind == kind && quirk->vendor == function->vendor && quirk->device == function->device &&
            (!quirk->subvendor || quirk->subvendor == function->subvendor) &&
            (!quirk->subdevice || quirk->subdevice == function->subdevice))
            return true;
    }
    return false;
}
