/* SPDX-License-Identifier: MIT */
#include "models/iommu/fault_code.h"

#include <inttypes.h>
#include <stdio.h>

static const struct reason_names {
    uint8_t reason; /* enum iommu_fault, which is VT-d's number */
    const char *vt_d;
    struct fault_code amd_vi, smmuv3;
} reasons[] = {
    {IOMMU_FAULT_CONTEXT_NOT_PRESENT,
     "Present bit in context entry is clear",
     {0x02, "IO_PAGE_FAULT"},
     {0x02, "C_BAD_STREAMID"}},
    {IOMMU_FAULT_ADDRESS_BEYOND_WIDTH,
     "Access beyond MGAW",
     {0x02, "IO_PAGE_FAULT"},
     {0x10, "F_TRANSLATION"}},
    {IOMMU_FAULT_WRITE_NOT_PERMITTED,
     "PTE Write access is not set",
     {0x02, "IO_PAGE_FAULT"},
     {0x10, "F_TRANSLATION"}},
    {IOMMU_FAULT_READ_NOT_PERMITTED,
     "PTE Read access is not set",
     {0x02, "IO_PAGE_FAULT"},
     {0x10, "F_TRANSLATION"}},
    {IOMMU_FAULT_TRANSLATION_BLOCKED,
     "PCE for translation request specifies blocking",
     {0x08, "INVALID_DEVICE_REQUEST"},
     {0x07, "F_TRANSL_FORBIDDEN"}},
    {IOMMU_FAULT_PASID_IN_LEGACY_MODE,
     "SM: TTM 0 for request with PASID",
     {0x08, "INVALID_DEVICE_REQUEST"},
     {0x08, "C_BAD_SUBSTREAMID"}},
    {IOMMU_FAULT_PASID_NOT_PRESENT,
     "SM: Present bit in PASID Table is clear",
     {0x02, "IO_PAGE_FAULT"},
     {0x0a, "C_BAD_CD"}},
    {IOMMU_FAULT_INTERRUPT_NOT_PRESENT,
     "Present field in the IRTE entry is clear",
     {0x02, "IO_PAGE_FAULT"},
     {IOMMU_FAULT_INTERRUPT_NOT_PRESENT, "interrupt not mapped"}},
    {IOMMU_FAULT_INTERRUPT_SOURCE,
     "Blocked an interrupt request due to source-id verification failure",
     {0x08, "INVALID_DEVICE_REQUEST"},
     {IOMMU_FAULT_INTERRUPT_SOURCE, "interrupt of another device"}},
};

static bool is_interrupt(uint8_t reason)
{
    return reason == IOMMU_FAULT_INTERRUPT_NOT_PRESENT || reason == IOMMU_FAULT_INTERRUPT_SOURCE;
}

static const struct reason_names *names_of(uint8_t reason)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].reason == reason)
            return &reasons[i];
    }
    return NULL;
}

struct fault_code fault_code_of(enum iommu_kind kind, const struct fault_record *record)
{
    const struct reason_names *names = names_of(record->reason);
    if (!names)
        return (struct fault_code){record->reason, "unknown"};
    if (kind == IOMMU_AMD_VI)
        return names->amd_vi;
    if (kind != IOMMU_SMMUV3)
        return (struct fault_code){record->reason, names->vt_d};
    /* Arm tells a page that is not there from one that lacks the permission. */
    return record->mapped ? (struct fault_code){0x13, "F_PERMISSION"} : names->smmuv3;
}

const char *fault_overflow_flag(enum iommu_kind kind, enum fault_logging logging)
{
    if (kind == IOMMU_AMD_VI)
        return "EventOverflow";
    if (kind == IOMMU_SMMUV3)
        return "EVENTQ OVFLG";
    return logging == FAULT_LOGGING_ADVANCED ? "AFO" : "PFO";
}

char *fault_log_line(char *text, enum iommu_kind kind, const struct fault_record *record)
{
    struct fault_code code = fault_code_of(kind, record);
    unsigned bus = record->source_id >> 8, device = record->source_id >> 3 & 31,
             function = record->source_id & 7;
    uint64_t page = record->address & ~UINT64_C(0xfff);
    char pasid[24] = "";
    if (record->pasid)
        snprintf(pasid, sizeof(pasid), "PASID 0x%" PRIx32, record->pasid - 1);
    switch (kind) {
    case IOMMU_AMD_VI: /* flags: PR (page present) 0x10, RW (write) 0x20 */
        snprintf(text, FAULT_LINE_SIZE,
                 "AMD-Vi: Event logged [%s device=%02x:%02x.%x address=0x%" PRIx64 " flags=0x%04x]",
                 code.name, bus, device, function, record->address,
                 (record->mapped ? 0x10U : 0) | (record->write ? 0x20U : 0));
        break;
    case IOMMU_SMMUV3:
        snprintf(text, FAULT_LINE_SIZE,
                 "arm-smmu-v3: event: %s client: %02x:%02x.%x sid: 0x%x ssid: 0x%" PRIx32 " iova: 0x%" PRIx64
                 " %s",
                 code.name, bus, device, function, record->source_id, record->pasid ? record->pasid - 1 : 0,
                 record->address, record->write ? "write" : "read");
        break;
    case IOMMU_VT_D:
    case IOMMU_NONE:
        if (is_interrupt(record->reason)) {
            snprintf(
                text, FAULT_LINE_SIZE,
                "DMAR: [INTR-REMAP] Request device [%02x:%02x.%x] fault index 0x%x [fault reason 0x%02x] %s",
                bus, device, function, (unsigned)(record->address >> 5 & 0x7fff), code.number, code.name);
            break;
        }
        snprintf(text, FAULT_LINE_SIZE,
                 "DMAR: [DMA %s %s] Request device [%02x:%02x.%x] fault addr 0x%" PRIx64
                 " [fault reason 0x%02x] %s",
                 record->write ? "Write" : "Read", record->pasid ? pasid : "NO_PASID", bus, device, function,
                 page, code.number, code.name);
        break;
    }
    return text;
}
