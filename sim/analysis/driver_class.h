/* SPDX-License-Identifier: MIT */
/**
 * @file driver_class.h
 * What a bound driver means for handing a function's group to a guest.
 */
#ifndef IOMMUSIM_ANALYSIS_DRIVER_CLASS_H
#define IOMMUSIM_ANALYSIS_DRIVER_CLASS_H

enum driver_class {
    DRIVER_CLASS_UNKNOWN, /**< the input does not tell */
    DRIVER_CLASS_NONE,    /**< nothing is bound */
    DRIVER_CLASS_VFIO,    /**< vfio-pci or one of its variants */
    DRIVER_CLASS_STUB,    /**< pci-stub */
    DRIVER_CLASS_PORT,    /**< pcieport */
    DRIVER_CLASS_HOST,    /**< any other: it uses the DMA API and so holds the group for the host */
};

/**
 * Classify a driver by name; '-' and '_' are the same.
 * @param name  as sysfs names it; "" nothing is bound, NULL unknown
 * Source: drivers flagged driver_managed_dma in 7.3.4 (section 12 of the group specification).
 */
enum driver_class driver_class_of(const char *name);

#endif
