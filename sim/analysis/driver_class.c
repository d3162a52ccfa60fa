/* SPDX-License-Identifier: MIT */
#include "sim/analysis/driver_class.h"

#include <stdbool.h>
#include <stddef.h>

static const struct {
    const char *name;
    enum driver_class class;
} drivers[] = {
    {"vfio-pci", DRIVER_CLASS_VFIO},          {"mlx5-vfio-pci", DRIVER_CLASS_VFIO},
    {"hisi-acc-vfio-pci", DRIVER_CLASS_VFIO}, {"virtio-vfio-pci", DRIVER_CLASS_VFIO},
    {"pds-vfio-pci", DRIVER_CLASS_VFIO},      {"nvgrace-gpu-vfio-pci", DRIVER_CLASS_VFIO},
    {"qat-vfio-pci", DRIVER_CLASS_VFIO},      {"xe-vfio-pci", DRIVER_CLASS_VFIO},
    {"ism-vfio-pci", DRIVER_CLASS_VFIO},      {"pci-stub", DRIVER_CLASS_STUB},
    {"pcieport", DRIVER_CLASS_PORT},
};

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        bool dashes = (*a == '-' || *a == '_') && (*b == '-' || *b == '_');
        if (*a != *b && !dashes)
            return false;
    }
    return *a == *b;
}

enum driver_class driver_class_of(const char *name)
{
    if (!name)
        return DRIVER_CLASS_UNKNOWN;
    if (!*name)
        return DRIVER_CLASS_NONE;
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (same_name(name, drivers[i].name))
            return drivers[i].class;
    }
    return DRIVER_CLASS_HOST;
}
