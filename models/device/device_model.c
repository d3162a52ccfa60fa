/* SPDX-License-Identifier: MIT */
#include "models/device/device_model.h"

const struct field_table *device_fields(enum device_kind kind)
{
    static const struct field_table *const tables[DEVICE_KINDS] = {
        [DEVICE_NIC] = &nic_fields,
        [DEVICE_NVME] = &nvme_fields,
        [DEVICE_COPY_ENGINE] = &copy_engine_fields,
        [DEVICE_ISOCHRONOUS] = &isochronous_fields,
    };
    return tables[kind];
}

const char *device_unit_name(enum device_kind kind)
{
    static const char *const names[DEVICE_KINDS] = {
        [DEVICE_NONE] = "operation",   [DEVICE_NIC] = "packet",         [DEVICE_NVME] = "command",
        [DEVICE_COPY_ENGINE] = "copy", [DEVICE_ISOCHRONOUS] = "period",
    };
    return names[kind];
}

uint32_t device_cpus(enum device_kind kind, const union device_parameters *parameters)
{
    switch (kind) {
    case DEVICE_NIC:
        return parameters->nic.queues;
    case DEVICE_NVME:
        return parameters->nvme.queues;
    case DEVICE_COPY_ENGINE:
        return parameters->copy_engine.engines;
    default:
        return 1;
    }
}

uint64_t device_ring_bytes(enum device_kind kind, const union device_parameters *parameters)
{
    return kind == DEVICE_NIC ? nic_ring_bytes(&parameters->nic) : 0;
}

const char *device_direction(enum device_kind kind, const union device_parameters *parameters)
{
    /* Each kind's table begins with it. */
    const struct field *field = &device_fields(kind)->fields[0];
    return field->choices[*(const int *)(const void *)((const char *)parameters + field->offset)];
}

/* ---- what is wrong ---- */

static bool is_page(uint64_t bytes)
{
    return bytes == 4096 || bytes == 2097152;
}

static const char *nic_wrong(const struct nic_parameters *p, const char **field)
{
    uint64_t buffers = (p->packet_bytes + p->buffer_bytes - 1) / p->buffer_bytes;
    if (p->packet_sizes == NIC_IMIX && buffers < (1518 + p->buffer_bytes - 1) / p->buffer_bytes)
        buffers = (1518 + p->buffer_bytes - 1) / p->buffer_bytes;
    *field = "ring";
    if (p->direction == NIC_RECEIVE && p->ring % p->buffers_per_descriptor)
        return "is no multiple of \"buffers_per_descriptor\"";
    if (p->direction == NIC_RECEIVE && p->ring < 2 * p->buffers_per_descriptor)
        return "is less than two descriptors of \"buffers_per_descriptor\"";
    if (p->direction == NIC_RECEIVE && p->ring < buffers + p->buffers_per_descriptor)
        return "is too small for one packet of this size";
    if ((uint64_t)p->ring * p->queues > 1 << 17)
        return "times \"queues\" is more than 131072";
    *field = "channels";
    if ((uint64_t)p->ring * p->channels > 1 << 20)
        return "times \"ring\" is more than 1048576";
    *field = "packets_per_completion";
    if (p->packets_per_completion > p->ring)
        return "is more than \"ring\"";
    *field = "headers";
    if (p->header_bytes >= p->packet_bytes)
        return "leaves no payload of \"packet\"";
    *field = "packet_memory";
    if (p->packet_memory_bytes / p->queues < p->packet_bytes)
        return "has no room for one packet of each queue";
    return NULL;
}

const char *device_parameters_wrong(enum device_kind kind, const union device_parameters *parameters,
                                    const char **field)
{
    switch (kind) {
    case DEVICE_NIC:
        return nic_wrong(&parameters->nic, field);
    case DEVICE_NVME:
        *field = "page_size";
        return is_page(parameters->nvme.page_bytes) ? NULL : "is neither 4KiB nor 2MiB";
    case DEVICE_COPY_ENGINE:
        *field = "page_size";
        return is_page(parameters->copy_engine.page_bytes) ? NULL : "is neither 4KiB nor 2MiB";
    case DEVICE_ISOCHRONOUS:
        *field = "pieces";
        return parameters->isochronous.pieces <= parameters->isochronous.period_bytes
                   ? NULL
                   : "are more than the bytes of a period";
    default:
        return NULL;
    }
}

/* ---- one interface ---- */

void device_model_init(struct device_model *model, struct arena *arena, const struct device_setup *setup)
{
    model->kind = setup->kind;
    model->counters.wanted = setup->units;
    switch (setup->kind) {
    case DEVICE_NIC:
        model->device = nic_new(arena, &setup->parameters.nic, &setup->driver, &setup->host, &model->counters,
                                setup->first_cpu, setup->seed, setup->name, setup->units, setup->warmup);
        break;
    case DEVICE_NVME:
        model->device = nvme_new(arena, &setup->parameters.nvme, &setup->driver, &setup->host,
                                 &model->counters, setup->first_cpu, setup->units, setup->warmup);
        break;
    case DEVICE_COPY_ENGINE:
        model->device = copy_engines_new(arena, &setup->parameters.copy_engine, &setup->driver, &setup->host,
                                         &model->counters, setup->first_cpu, setup->units, setup->warmup,
                                         setup->peer_at, setup->peer_bytes);
        break;
    case DEVICE_ISOCHRONOUS:
        model->device = isochronous_new(arena, &setup->parameters.isochronous, &setup->driver, &setup->host,
                                        &model->counters, setup->first_cpu, setup->units, setup->warmup);
        break;
    case DEVICE_NONE:
    case DEVICE_KINDS:
        break;
    }
}

bool device_model_start(struct device_model *model)
{
    switch (model->kind) {
    case DEVICE_NIC:
        return nic_start(model->device);
    case DEVICE_NVME:
        return nvme_start(model->device);
    case DEVICE_COPY_ENGINE:
        return copy_engines_start(model->device);
    case DEVICE_ISOCHRONOUS:
        return isochronous_start(model->device);
    case DEVICE_NONE:
    case DEVICE_KINDS:
        break;
    }
    return true;
}

void device_model_event(struct device_model *model, uint32_t token)
{
    switch (model->kind) {
    case DEVICE_NIC:
        nic_event(model->device, token);
        break;
    case DEVICE_NVME:
        nvme_event(model->device, token);
        break;
    case DEVICE_COPY_ENGINE:
        copy_engines_event(model->device, token);
        break;
    case DEVICE_ISOCHRONOUS:
        isochronous_event(model->device, token);
        break;
    case DEVICE_NONE:
    case DEVICE_KINDS:
        break;
    }
}

bool device_model_is_done(const struct device_model *model)
{
    switch (model->kind) {
    case DEVICE_NIC:
        return nic_is_done(model->device);
    case DEVICE_NVME:
        return nvme_is_done(model->device);
    case DEVICE_COPY_ENGINE:
        return copy_engines_are_done(model->device);
    case DEVICE_ISOCHRONOUS:
        return isochronous_is_done(model->device);
    case DEVICE_NONE:
    case DEVICE_KINDS:
        break;
    }
    return true;
}
