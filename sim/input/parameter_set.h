/* SPDX-License-Identifier: MIT */
/**
 * @file parameter_set.h
 * The parameters of a machine before they are handed to its links, switches and units: one value of each, by
 * section of the file. Presets and the file's own "parameters" are laid over one another here.
 *
 * In force, later over earlier: the preset "default"; for each remapping unit the preset of its kind ("vt-d",
 * "amd-vi", "smmuv3"); the presets the file names, in order; the file's "parameters"; the unit's "preset";
 * what stands at the function or unit itself.
 */
#ifndef IOMMUSIM_INPUT_PARAMETER_SET_H
#define IOMMUSIM_INPUT_PARAMETER_SET_H

#include "models/machine_parameters.h"
#include "sim/input/field_load.h"
#include "sim/topology/topology.h"

enum parameter_section {
    SECTION_LINK,
    SECTION_SWITCH,
    SECTION_BRIDGE,
    SECTION_ENDPOINT,
    SECTION_ROOT_COMPLEX,
    SECTION_MEMORY,
    SECTION_DMA_API,
    SECTION_SWIOTLB,
    SECTION_VIOMMU,
    SECTION_VIRTUAL_CPU,
    SECTION_GUEST,
    SECTION_MIGRATION,
    SECTION_DRIVER,
    SECTION_NIC, /**< these in the order of enum device_kind */
    SECTION_NVME,
    SECTION_COPY_ENGINE,
    SECTION_ISOCHRONOUS,
    SECTION_IOMMU,
    SECTION_COUNT
};

enum { IOMMU_KINDS = IOMMU_SMMUV3 + 1, SECTION_FIELDS_MAX = 96 };

/** One section: values and origins. */
struct parameter_values {
    union {
        struct link_parameters link;
        struct switch_parameters switch_;
        struct bridge_parameters bridge;
        struct dma_engine_parameters endpoint;
        struct root_complex_parameters root_complex;
        struct memory_parameters memory;
        struct dma_api_parameters dma_api;
        struct swiotlb_parameters swiotlb;
        struct viommu_parameters viommu;
        struct virtual_cpu_parameters virtual_cpu;
        struct guest_parameters guest;
        struct migration_parameters migration;
        struct driver_parameters driver;
        union device_parameters device;
        struct iommu_parameters iommu;
    };
    struct field_origin origins[SECTION_FIELDS_MAX]; /**< in step with the table's fields */
};

struct parameter_set {
    struct parameter_values sections[SECTION_IOMMU]; /**< all but the units' */
    struct parameter_values iommu[IOMMU_KINDS];      /**< by kind; IOMMU_NONE: "default" alone */
};

/** The field table of a section; its name is the key in the file. */
const struct field_table *parameter_table(enum parameter_section section);

/** Words for enum iommu_kind in files: "none", "vt-d", "amd-vi", "smmuv3"; ends with NULL. */
extern const char *const iommu_kind_names[];

/**
 * Set what a "parameters" object gives, for all kinds of unit. Unknown sections and fields and, units
 * excepted (their kind is not known here), values that contradict each other are reported.
 */
void parameter_set_load(const struct json_node *object, struct parameter_set *set,
                        const struct field_context *context);

/** Report values of one section that contradict each other (e.g. more ways than entries). */
void parameter_values_check(const struct json_node *object, enum parameter_section section,
                            const struct parameter_values *values);

#endif
