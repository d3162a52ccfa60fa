/* SPDX-License-Identifier: MIT */
/**
 * @file machine_parameters.h
 * All modelled quantities of one machine, beside its topology. Filled by the reader from presets and the
 * topology file.
 */
#ifndef IOMMUSIM_MACHINE_PARAMETERS_H
#define IOMMUSIM_MACHINE_PARAMETERS_H

#include "models/device/device_model.h"
#include "models/device/dma_engine.h"
#include "models/host/dma_api.h"
#include "models/host/guest_memory.h"
#include "models/host/memory.h"
#include "models/host/viommu.h"
#include "models/host/live_migration.h"
#include "models/host/virtual_cpu.h"
#include "models/iommu/iommu_parameters.h"
#include "models/pcie/bridge.h"
#include "models/pcie/link.h"
#include "models/pcie/root_complex.h"
#include "models/pcie/switch.h"

/** Arrays are indexed by function id (units: by unit id) and have an entry for each, used or not. */
struct machine_parameters {
    struct link_parameters *links;         /**< [function] the link below a root or downstream port */
    struct switch_parameters *switches;    /**< [function] the switch of an upstream port */
    struct bridge_parameters *bridges;     /**< [function] a PCIe-to-PCI or conventional bridge */
    struct dma_engine_parameters *engines; /**< [function] */
    struct iommu_parameters *units; /**< [unit]; at least one entry even where the topology tells no unit */
    struct root_complex_parameters root_complex;
    struct memory_parameters memory;
    struct dma_api_parameters dma_api;
    struct swiotlb_parameters swiotlb;
    struct viommu_parameters viommu;
    struct virtual_cpu_parameters virtual_cpu;
    struct guest_parameters guest;
    struct migration_parameters migration;
    struct driver_parameters driver;
    union device_parameters
        devices[DEVICE_KINDS]; /**< [kind] what a workload leaves open of a device model */
};

#endif
