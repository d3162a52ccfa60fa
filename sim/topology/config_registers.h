/* SPDX-License-Identifier: MIT */
/**
 * @file config_registers.h
 * Offsets and bits of configuration space that config_decode.c and config_encode.c share. Names and values
 * are those of include/uapi/linux/pci_regs.h without the PCI_ prefix.
 */
#ifndef IOMMUSIM_TOPOLOGY_CONFIG_REGISTERS_H
#define IOMMUSIM_TOPOLOGY_CONFIG_REGISTERS_H

/* Header, all types. */
enum {
    REG_VENDOR = 0x00,
    REG_DEVICE = 0x02,
    REG_COMMAND = 0x04,
    REG_STATUS = 0x06,
    REG_REVISION = 0x08, /* class code in the upper 24 bits of the dword */
    REG_HEADER_TYPE = 0x0e,
    REG_BAR0 = 0x10,
    REG_CAPABILITIES = 0x34,
    COMMAND_IO = 0x1,
    COMMAND_MEMORY = 0x2,
    COMMAND_MASTER = 0x4,
    STATUS_CAPABILITIES = 0x10,
    HEADER_MULTIFUNCTION = 0x80,
};

/* Type 0 and type 2. */
enum {
    REG_SUBVENDOR = 0x2c,
    REG_SUBDEVICE = 0x2e,
    REG_ROM = 0x30,
    REG_CARDBUS_CAPABILITIES = 0x14,
    REG_CARDBUS_BUSES = 0x18,
};

/* Type 1. */
enum {
    REG_PRIMARY_BUS = 0x18,
    REG_SECONDARY_BUS = 0x19,
    REG_SUBORDINATE_BUS = 0x1a,
    REG_IO_BASE = 0x1c,
    REG_IO_LIMIT = 0x1d,
    REG_MEMORY_BASE = 0x20,
    REG_MEMORY_LIMIT = 0x22,
    REG_PREFETCH_BASE = 0x24,
    REG_PREFETCH_LIMIT = 0x26,
    REG_PREFETCH_BASE_UPPER = 0x28,
    REG_PREFETCH_LIMIT_UPPER = 0x2c,
    REG_IO_BASE_UPPER = 0x30,
    REG_IO_LIMIT_UPPER = 0x32,
    REG_BRIDGE_ROM = 0x38,
    WINDOW_TYPE_MASK = 0x0f,
    WINDOW_WIDE = 0x01, /* 32-bit I/O, 64-bit prefetchable memory */
};

/* Base address registers. */
enum {
    BAR_SPACE_IO = 0x1,
    BAR_TYPE_MASK = 0x6,
    BAR_TYPE_64 = 0x4,
    BAR_PREFETCHABLE = 0x8,
};

/* Capability ids and their registers, relative to the capability. */
enum {
    CAPABILITY_PCIX = 0x07,
    CAPABILITY_SUBSYSTEM = 0x0d, /* subsystem ids of a bridge */
    SUBSYSTEM_VENDOR = 4,
    SUBSYSTEM_DEVICE = 6,
    CAPABILITY_EXPRESS = 0x10,
    EXPRESS_FLAGS = 0x02,
    EXPRESS_DEVCAP = 0x04,
    EXPRESS_DEVCTL = 0x08,
    EXPRESS_LNKCAP = 0x0c,
    EXPRESS_LNKSTA = 0x12,
    EXPRESS_DEVCAP2 = 0x24,
    EXPRESS_DEVCTL2 = 0x28,
    EXPRESS_SIZE = 0x3c,
    DEVCTL_EXTENDED_TAG = 0x0100,
    DEVCAP_EXTENDED_TAG = 0x20,
    DEVCAP2_ARI = 0x20,
    DEVCAP2_ATOMIC_ROUTING = 0x40,
    DEVCTL2_ARI = 0x20,
    DEVCTL2_ATOMIC_EGRESS_BLOCKING = 0x80,
};

enum {
    EXTENDED_ACS = 0x0d,
    EXTENDED_ARI = 0x0e,
    EXTENDED_ATS = 0x0f,
    EXTENDED_SRIOV = 0x10,
    EXTENDED_PRI = 0x13,
    EXTENDED_PASID = 0x1b,
    ACS_CAPABILITY = 4,
    ACS_CONTROL = 6,
    ACS_EGRESS_VECTOR = 8,
    ARI_CAPABILITY = 4,
    ARI_CAPABILITY_ACS_GROUPS = 0x2,
    ARI_CONTROL = 6,
    ARI_CONTROL_ACS_GROUPS = 0x2,
    ARI_CONTROL_GROUP_SHIFT = 4,
    ATS_CONTROL = 6,
    ATS_ENABLE = 0x8000,
    SRIOV_CONTROL = 0x08,
    SRIOV_INITIAL_VFS = 0x0c,
    SRIOV_TOTAL_VFS = 0x0e,
    SRIOV_NUM_VFS = 0x10,
    SRIOV_FIRST_OFFSET = 0x14,
    SRIOV_STRIDE = 0x16,
    SRIOV_VF_DEVICE = 0x1a,
    SRIOV_PAGES_SUPPORTED = 0x1c,
    SRIOV_PAGE_SIZE = 0x20,
    SRIOV_BAR0 = 0x24,
    SRIOV_SIZE = 0x40,
    SRIOV_VF_ENABLE = 0x1,
    SRIOV_MEMORY_ENABLE = 0x8,
};

#endif
