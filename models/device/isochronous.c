/* SPDX-License-Identifier: MIT */
#include "models/device/isochronous.h"

/** What an answer of the machine is about; slot: period modulo depth. */
enum isochronous_token {
    ISOCHRONOUS_DRIVER,
    ISOCHRONOUS_PIECE_DUE,
    ISOCHRONOUS_PIECE_MOVED,
    ISOCHRONOUS_IN_HANDLER
};

enum isochronous_task { TASK_IDLE, TASK_INTERRUPT, TASK_PREPARE, TASK_MAP, TASK_COMPLETE, TASK_UNMAP };

struct period {
    struct device_buffer buffer;
    uint64_t begun_ps; /**< submitted */
    uint64_t asked_ps; /**< its last piece was due */
    uint32_t moved;    /**< pieces */
};

struct isochronous {
    struct isochronous_parameters parameters;
    struct driver_parameters driver;
    struct device_host host;
    struct device_counters *counters;
    uint64_t units, warmup, ring_at;
    uint32_t cpu;
    struct period *periods; /* [depth] */
    /* Periods: submitted, begun by the device, all moved, taken back by the driver. */
    uint64_t submitted, playing, moved, taken;
    uint32_t piece;   /* next of the period that is playing */
    uint64_t *due_ps; /* [depth x pieces] */
    bool running, armed;
    enum isochronous_task task;
};

static struct period *period_at(const struct isochronous *device, uint64_t number)
{
    return &device->periods[number % device->parameters.depth];
}

struct isochronous *isochronous_new(struct arena *arena, const struct isochronous_parameters *parameters,
                                    const struct driver_parameters *driver, const struct device_host *host,
                                    struct device_counters *counters, uint32_t cpu, uint64_t units,
                                    uint64_t warmup)
{
    struct isochronous *device = arena_alloc(arena, sizeof(*device));
    *device = (struct isochronous){.parameters = *parameters,
                                   .driver = *driver,
                                   .host = *host,
                                   .counters = counters,
                                   .units = units,
                                   .warmup = warmup,
                                   .cpu = cpu};
    device->periods = arena_array(arena, parameters->depth, sizeof(*device->periods));
    device->due_ps = arena_array(arena, (size_t)parameters->depth * parameters->pieces, sizeof(uint64_t));
    return device;
}

bool isochronous_is_done(const struct isochronous *device)
{
    return device->units && device->counters->done >= device->units + device->warmup;
}

/* ---- the driver ---- */

static void work(struct isochronous *device, enum isochronous_task task, uint64_t duration_ps)
{
    device->task = task;
    device->host.cpu(device->host.context, device->host.device, device->cpu, duration_ps,
                     token_make(ISOCHRONOUS_DRIVER, 0, 0));
}

static void go_on(struct isochronous *device)
{
    if (device->task != TASK_IDLE || device->armed)
        return;
    bool more = device->submitted - device->taken < device->parameters.depth &&
                (!device->units || device->counters->begun < device->units + device->warmup);
    if (device->taken < device->moved) {
        work(device, TASK_COMPLETE, device->driver.command_complete_ps);
    } else if (more) {
        *period_at(device, device->submitted) =
            (struct period){.begun_ps = device->host.now_ps(device->host.context)};
        device->counters->begun++;
        work(device, TASK_PREPARE, device->driver.command_submit_ps);
    } else {
        device->armed = true;
    }
}

static void map(struct isochronous *device)
{
    struct device_buffer *buffer = &period_at(device, device->submitted)->buffer;
    device->task = TASK_MAP;
    buffer->length = (uint32_t)device->parameters.period_bytes;
    device->host.map(device->host.context, device->host.device, device->cpu, buffer,
                     device->parameters.direction == ISOCHRONOUS_CAPTURE,
                     token_make(ISOCHRONOUS_DRIVER, 0, 0));
}

static void expect_piece(struct isochronous *device);

static void submitted(struct isochronous *device)
{
    struct period *period = period_at(device, device->submitted);
    if (device->parameters.buffers == ISOCHRONOUS_CYCLIC)
        period->buffer.iova =
            device->ring_at + device->submitted % device->parameters.depth * device->parameters.period_bytes;
    device->submitted++;
    device->counters->descriptors_posted++;
    /* The device starts when everything is submitted that may be, as sound and USB drivers prime theirs; a
     * run of fewer periods than that is submitted as a whole. */
    bool all = device->units && device->submitted == device->units + device->warmup;
    if (!device->running && (all || device->submitted - device->taken == device->parameters.depth)) {
        device->running = true;
        expect_piece(device);
    }
}

static void task_done(struct isochronous *device)
{
    bool mapped = device->parameters.buffers == ISOCHRONOUS_PER_PERIOD;
    enum isochronous_task task = device->task;
    device->task = TASK_IDLE;
    if (task == TASK_PREPARE && mapped) {
        map(device);
        return;
    }
    if (task == TASK_PREPARE || task == TASK_MAP) {
        device->counters->maps += mapped;
        submitted(device);
    } else if (task == TASK_COMPLETE && mapped) {
        device->task = TASK_UNMAP;
        device->host.unmap(
            device->host.context, device->host.device, device->cpu, &period_at(device, device->taken)->buffer,
            device->parameters.direction == ISOCHRONOUS_CAPTURE, token_make(ISOCHRONOUS_DRIVER, 0, 0));
        return;
    } else if (task == TASK_COMPLETE || task == TASK_UNMAP) {
        device->counters->unmaps += mapped;
        device_counters_unit(device->counters, period_at(device, device->taken++)->asked_ps,
                             device->parameters.period_bytes, device->warmup, &device->host);
    }
    go_on(device);
}

/* ---- the device ---- */

static void expect_piece(struct isochronous *device)
{
    const struct isochronous_parameters *p = &device->parameters;
    bool over = device->units && device->playing >= device->units + device->warmup;
    if (!over)
        device->host.after(device->host.context, device->host.device, p->period_ps / p->pieces,
                           token_make(ISOCHRONOUS_PIECE_DUE, 0, 0));
}

/* Time goes on whether or not there is a buffer: a piece without one is late, and waits for the next. */
static void piece_due(struct isochronous *device)
{
    const struct isochronous_parameters *p = &device->parameters;
    uint32_t slot = (uint32_t)(device->playing % p->depth), bytes = (uint32_t)(p->period_bytes / p->pieces);
    if (device->playing == device->submitted) {
        device->counters->late++;
        expect_piece(device);
        return;
    }
    uint64_t at = (uint64_t)device->piece * bytes, now_ps = device->host.now_ps(device->host.context);
    bool last = ++device->piece == p->pieces;
    if (last)
        bytes = (uint32_t)(p->period_bytes - at);
    device->due_ps[slot * p->pieces + device->piece - 1] = now_ps;
    device->periods[slot].asked_ps = now_ps;
    device->host.dma(device->host.context, device->host.device, device->periods[slot].buffer.iova + at, bytes,
                     p->direction == ISOCHRONOUS_CAPTURE,
                     token_make(ISOCHRONOUS_PIECE_MOVED, 0, slot * p->pieces + device->piece - 1));
    if (last) {
        device->piece = 0;
        device->playing++;
        device->counters->descriptors_used++;
    }
    expect_piece(device);
}

static void piece_moved(struct isochronous *device, uint32_t index)
{
    const struct isochronous_parameters *p = &device->parameters;
    struct period *period = &device->periods[index / p->pieces];
    uint64_t took_ps = device->host.now_ps(device->host.context) - device->due_ps[index];
    device->counters->late += took_ps > p->slack_ps;
    if (++period->moved < p->pieces)
        return;
    /* Pieces of one period all end before the next has as many: they are moved in order. */
    device->moved++;
    device->counters->completions++;
    if (!device->armed)
        return;
    device->armed = false;
    device->task = TASK_INTERRUPT;
    device->counters->interrupts++;
    device->host.interrupt(device->host.context, device->host.device,
                           token_make(ISOCHRONOUS_IN_HANDLER, 0, 0));
}

bool isochronous_start(struct isochronous *device)
{
    const struct isochronous_parameters *p = &device->parameters;
    if (p->buffers == ISOCHRONOUS_CYCLIC) {
        device->ring_at = device->host.coherent(device->host.context, device->host.device,
                                                p->depth * p->period_bytes, COHERENT_PAGE);
        if (!device->ring_at)
            return false;
    }
    go_on(device);
    return true;
}

void isochronous_event(struct isochronous *device, uint32_t answered)
{
    switch ((enum isochronous_token)token_kind(answered)) {
    case ISOCHRONOUS_DRIVER:
        task_done(device);
        break;
    case ISOCHRONOUS_PIECE_DUE:
        piece_due(device);
        break;
    case ISOCHRONOUS_PIECE_MOVED:
        piece_moved(device, token_slot(answered));
        go_on(device);
        break;
    case ISOCHRONOUS_IN_HANDLER:
        work(device, TASK_INTERRUPT, device->driver.interrupt_ps);
        break;
    }
}

/* ---- parameters ---- */

/* ORDER: as the enums of isochronous.h. */
static const char *const directions[] = {"capture", "playback", NULL};
static const char *const buffers[] = {"cyclic", "per-period", NULL};

#define COUNT(key, member, low, high, text)                                                                  \
    FIELD_ROW_COUNT(isochronous_parameters, key, member, low, high, text)
#define QUANTITY(key, member, of, low, high, text)                                                           \
    FIELD_ROW_QUANTITY(isochronous_parameters, key, member, of, low, high, text)
#define CHOICE(key, member, words, text) FIELD_ROW_CHOICE(isochronous_parameters, key, member, words, text)

static const struct field fields[] = {
    CHOICE("direction", direction, directions, "the device writes, or reads"),
    QUANTITY("period", period_ps, UNIT_PICOSECONDS, 1000000, UINT64_C(1000000000000),
             "from one interrupt to the next"),
    QUANTITY("bytes", period_bytes, UNIT_BYTES, 4, 1 << 20, "moved in a period"),
    COUNT("pieces", pieces, 1, 256, "a period's data is moved in so many equal parts, evenly spread"),
    COUNT("depth", depth, 2, 1024, "periods submitted ahead"),
    CHOICE("buffers", buffers, buffers, "one ring mapped before the run, or mapped for each period"),
    QUANTITY("slack", slack_ps, UNIT_PICOSECONDS, 0, UINT64_C(1000000000000),
             "a piece that takes longer than this is late"),
};

const struct field_table isochronous_fields = {
    "isochronous", "a device with data at fixed times (sound, USB), and its driver", fields,
    sizeof(fields) / sizeof(fields[0]), sizeof(struct isochronous_parameters)};
