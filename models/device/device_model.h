/* SPDX-License-Identifier: MIT */
/**
 * @file device_model.h
 * One interface for all models of a device with its driver, and what they are told apart by.
 */
#ifndef IOMMUSIM_DEVICE_DEVICE_MODEL_H
#define IOMMUSIM_DEVICE_DEVICE_MODEL_H

#include "models/device/copy_engine.h"
#include "models/device/isochronous.h"
#include "models/device/nic.h"
#include "models/device/nvme.h"

enum device_kind {
    DEVICE_NONE,
    DEVICE_NIC,
    DEVICE_NVME,
    DEVICE_COPY_ENGINE,
    DEVICE_ISOCHRONOUS,
    DEVICE_KINDS
};

/** Parameters of any of them. */
union device_parameters {
    struct nic_parameters nic;
    struct nvme_parameters nvme;
    struct copy_engine_parameters copy_engine;
    struct isochronous_parameters isochronous;
};

/** The field table of a kind; its name is that of the kind in files. */
const struct field_table *device_fields(enum device_kind kind);

/** What is wrong with parameters that are all in range by themselves, or NULL. @param field  which of them */
const char *device_parameters_wrong(enum device_kind kind, const union device_parameters *parameters,
                                    const char **field);

/** Bytes of buffers that its driver's rings hold as long as the interface is up; 0 where it has none such. */
uint64_t device_ring_bytes(enum device_kind kind, const union device_parameters *parameters);

/** CPUs a device's driver uses, from the first on. */
uint32_t device_cpus(enum device_kind kind, const union device_parameters *parameters);

/** Name of what a device does: "packet", "command", "copy", "period". */
const char *device_unit_name(enum device_kind kind);

/** Direction in words: "receive", "alternate", "to-host", "capture", ... */
const char *device_direction(enum device_kind kind, const union device_parameters *parameters);

/** What a model is made from. */
struct device_setup {
    enum device_kind kind;
    union device_parameters parameters;
    struct driver_parameters driver;
    struct device_host host;
    uint32_t first_cpu;
    uint64_t units, warmup; /**< units to do after the warm-up (0: no end), and before */
    uint64_t seed;
    const char *name;             /**< of its random numbers */
    uint64_t peer_at, peer_bytes; /**< COPY_TO_PEER: the peer's memory */
};

struct device_model {
    enum device_kind kind;
    struct device_counters counters;
    void *device;
};

/** @param model  zeroed memory */
void device_model_init(struct device_model *model, struct arena *arena, const struct device_setup *setup);
/** @return false where memory or addresses for its rings are used up */
bool device_model_start(struct device_model *model);
/** What was asked for with @p token has happened. */
void device_model_event(struct device_model *model, uint32_t token);
/** All its units are done; what it asked for may still be under way. */
bool device_model_is_done(const struct device_model *model);

#endif
