/* SPDX-License-Identifier: MIT */
#include "models/device/nvme.h"

enum {
    SUBMISSION_BYTES = 64, /* NVM Express Base Specification 2.0, 3.3.3.1 */
    COMPLETION_BYTES = 16, /* 3.3.3.2 */
    PRP_BYTES = 8,
    PRP_PAGE = 4096,
    PRP_LIST_SMALL = 256, /* the Linux driver's small pool; larger lists take a page */
    PRPS_IN_ENTRY = 2,
};

/** What an answer of the machine is about; slot: command, but for NVME_ANNOUNCED. */
enum nvme_token {
    NVME_DRIVER,    /**< the driver is done with what it was doing */
    NVME_ANNOUNCED, /**< a doorbell arrived; slot: commands it tells of */
    NVME_FETCHED,   /**< submission entries are in the device */
    NVME_LIST_READ,
    NVME_MEDIA, /**< flash is done */
    NVME_DATA_MOVED,
    NVME_ENTRY_WRITTEN,
    NVME_TIMER,
    NVME_IN_HANDLER,
};

enum nvme_task {
    TASK_IDLE,
    TASK_INTERRUPT,
    TASK_PREPARE,
    TASK_MAP,
    TASK_DOORBELL,
    TASK_COMPLETE,
    TASK_UNMAP
};

struct nvme_command {
    struct device_buffer buffer;
    uint64_t begun_ps, list_at;
    bool write;
};

struct nvme_queue {
    uint32_t index, cpu;
    uint64_t submissions_at, completions_at;
    struct nvme_command *commands;
    uint32_t *free_slots, *fifo, *finished; /* [depth] */
    uint32_t free_count;
    /* Commands: entry written, doorbell rung, doorbell arrived, entry in the device. */
    uint64_t posted, told, announced, fetched;
    uint64_t entries;              /* completion entries written */
    uint64_t completed, taken;     /* of them visible; taken by the driver */
    uint32_t fetch_count, current; /* command the driver works at */
    bool fetching, armed, timer;
    bool put_back, again; /* a command could not be mapped; one was completed since */
    uint32_t put_back_slot;
    uint32_t unseen;
    enum nvme_task task;
};

struct nvme {
    struct nvme_parameters parameters;
    struct driver_parameters driver;
    struct device_host host;
    struct device_counters *counters;
    uint64_t units, warmup;
    struct nvme_queue *queues;
    bool write_next;
};

static uint32_t token(enum nvme_token kind, const struct nvme_queue *queue, uint32_t slot)
{
    return token_make(kind, queue->index, slot);
}

static uint64_t list_entries(const struct nvme *nvme)
{
    uint64_t pages = (nvme->parameters.block_bytes + PRP_PAGE - 1) / PRP_PAGE;
    return nvme->parameters.pointers == NVME_PRP && pages > PRPS_IN_ENTRY ? pages - 1 : 0;
}

static uint64_t list_bytes(const struct nvme *nvme)
{
    uint64_t bytes = list_entries(nvme) * PRP_BYTES;
    return bytes <= PRP_LIST_SMALL ? PRP_LIST_SMALL : (bytes + PRP_PAGE - 1) & ~(uint64_t)(PRP_PAGE - 1);
}

/* ---- life ---- */

struct nvme *nvme_new(struct arena *arena, const struct nvme_parameters *parameters,
                      const struct driver_parameters *driver, const struct device_host *host,
                      struct device_counters *counters, uint32_t first_cpu, uint64_t units, uint64_t warmup)
{
    struct nvme *nvme = arena_alloc(arena, sizeof(*nvme));
    *nvme = (struct nvme){.parameters = *parameters,
                          .driver = *driver,
                          .host = *host,
                          .counters = counters,
                          .units = units,
                          .warmup = warmup};
    nvme->queues = arena_array(arena, parameters->queues, sizeof(*nvme->queues));
    for (uint32_t i = 0; i < parameters->queues; i++) {
        struct nvme_queue *queue = &nvme->queues[i];
        queue->index = i;
        queue->cpu = first_cpu + i;
        queue->commands = arena_array(arena, parameters->depth, sizeof(*queue->commands));
        queue->free_slots = arena_array(arena, parameters->depth, sizeof(uint32_t));
        queue->fifo = arena_array(arena, parameters->depth, sizeof(uint32_t));
        queue->finished = arena_array(arena, parameters->depth, sizeof(uint32_t));
        for (uint32_t slot = parameters->depth; slot-- > 0;)
            queue->free_slots[queue->free_count++] = slot;
    }
    return nvme;
}

static void go_on(struct nvme *nvme, struct nvme_queue *queue);

static bool start_queue(struct nvme *nvme, struct nvme_queue *queue)
{
    const struct nvme_parameters *p = &nvme->parameters;
    const struct device_host *host = &nvme->host;
    bool persistent = p->buffers == NVME_BUFFERS_PERSISTENT;
    queue->submissions_at =
        host->coherent(host->context, host->device, (uint64_t)p->depth * SUBMISSION_BYTES, COHERENT_PAGE);
    queue->completions_at =
        host->coherent(host->context, host->device, (uint64_t)p->depth * COMPLETION_BYTES, COHERENT_PAGE);
    uint64_t lists = list_entries(nvme) ? host->coherent(host->context, host->device,
                                                         p->depth * list_bytes(nvme), COHERENT_PAGE)
                                        : 1,
             data = persistent ? host->coherent(host->context, host->device, p->depth * p->block_bytes,
                                                p->page_bytes)
                               : 1;
    for (uint32_t slot = 0; slot < p->depth; slot++) {
        queue->commands[slot].list_at = lists + slot * list_bytes(nvme);
        if (persistent)
            queue->commands[slot].buffer = (struct device_buffer){
                .iova = data + slot * p->block_bytes, .length = (uint32_t)p->block_bytes, .mapped = true};
    }
    return queue->submissions_at && queue->completions_at && lists && data;
}

bool nvme_start(struct nvme *nvme)
{
    for (uint32_t i = 0; i < nvme->parameters.queues; i++) {
        if (!start_queue(nvme, &nvme->queues[i]))
            return false;
    }
    for (uint32_t i = 0; i < nvme->parameters.queues; i++)
        go_on(nvme, &nvme->queues[i]);
    return true;
}

bool nvme_is_done(const struct nvme *nvme)
{
    return nvme->units && nvme->counters->done >= nvme->units + nvme->warmup;
}

/* ---- the driver ---- */

static void work(struct nvme *nvme, struct nvme_queue *queue, enum nvme_task task, uint64_t duration_ps)
{
    queue->task = task;
    nvme->host.cpu(nvme->host.context, nvme->host.device, queue->cpu, duration_ps,
                   token(NVME_DRIVER, queue, 0));
}

/* Commands beside the present one. */
static uint32_t others(const struct nvme *nvme, const struct nvme_queue *queue)
{
    return nvme->parameters.depth - queue->free_count - 1;
}

static void go_on(struct nvme *nvme, struct nvme_queue *queue)
{
    if (queue->task != TASK_IDLE || queue->armed)
        return;
    bool more = queue->free_count && !queue->put_back &&
                (!nvme->units || nvme->counters->begun < nvme->units + nvme->warmup);
    if (queue->taken < queue->completed) {
        queue->current = queue->finished[queue->taken++ % nvme->parameters.depth];
        work(nvme, queue, TASK_COMPLETE, nvme->driver.command_complete_ps);
    } else if (queue->put_back && queue->again) {
        queue->put_back = false;
        queue->current = queue->put_back_slot;
        work(nvme, queue, TASK_PREPARE, nvme->driver.command_submit_ps);
    } else if (more) {
        struct nvme_command *command;
        queue->current = queue->free_slots[--queue->free_count];
        command = &queue->commands[queue->current];
        command->begun_ps = nvme->host.now_ps(nvme->host.context);
        command->write = nvme->parameters.operation == NVME_WRITE ||
                         (nvme->parameters.operation == NVME_ALTERNATE && nvme->write_next);
        nvme->write_next = !nvme->write_next;
        nvme->counters->begun++;
        work(nvme, queue, TASK_PREPARE, nvme->driver.command_submit_ps);
    } else {
        queue->armed = true;
        queue->unseen = 0;
    }
}

/* The buffer is mapped, the entry written: tell the device. */
static void post(struct nvme *nvme, struct nvme_queue *queue)
{
    queue->fifo[queue->posted++ % nvme->parameters.depth] = queue->current;
    nvme->counters->descriptors_posted++;
    work(nvme, queue, TASK_DOORBELL, nvme->driver.doorbell_ps);
}

/* nvme_queue_rq() returned BLK_STS_RESOURCE: the block layer keeps the command, submits no other in front of
 * it, and tries again when one of the queue's is completed. */
static void put_back(struct nvme *nvme, struct nvme_queue *queue)
{
    queue->put_back = true;
    queue->again = false;
    queue->put_back_slot = queue->current;
    nvme->counters->put_back++;
    go_on(nvme, queue);
}

static void complete(struct nvme *nvme, struct nvme_queue *queue)
{
    queue->again = true;
    queue->free_slots[queue->free_count++] = queue->current;
    device_counters_unit(nvme->counters, queue->commands[queue->current].begun_ps,
                         nvme->parameters.block_bytes, nvme->warmup, &nvme->host);
}

static void task_done(struct nvme *nvme, struct nvme_queue *queue)
{
    const struct device_host *host = &nvme->host;
    struct nvme_command *command = &queue->commands[queue->current];
    bool mapped = nvme->parameters.buffers == NVME_BUFFERS_PER_COMMAND;
    enum nvme_task task = queue->task;
    queue->task = TASK_IDLE;
    if (task == TASK_PREPARE && mapped) {
        queue->task = TASK_MAP;
        command->buffer = (struct device_buffer){.length = (uint32_t)nvme->parameters.block_bytes,
                                                 .may_be_refused = others(nvme, queue) != 0};
        host->map(host->context, host->device, queue->cpu, &command->buffer, !command->write,
                  token(NVME_DRIVER, queue, 0));
        return;
    }
    if (task == TASK_MAP && !command->buffer.mapped) {
        put_back(nvme, queue);
        return;
    }
    if (task == TASK_PREPARE || task == TASK_MAP) {
        nvme->counters->maps += mapped;
        post(nvme, queue);
        return;
    }
    if (task == TASK_COMPLETE && mapped) {
        queue->task = TASK_UNMAP;
        host->unmap(host->context, host->device, queue->cpu, &command->buffer, !command->write,
                    token(NVME_DRIVER, queue, 0));
        return;
    }
    if (task == TASK_COMPLETE || task == TASK_UNMAP) {
        nvme->counters->unmaps += mapped;
        complete(nvme, queue);
    } else if (task == TASK_DOORBELL) {
        nvme->counters->doorbells++;
        host->doorbell(host->context, host->device,
                       token(NVME_ANNOUNCED, queue, (uint32_t)(queue->posted - queue->told)));
        queue->told = queue->posted;
    }
    go_on(nvme, queue);
}

static void raise(struct nvme *nvme, struct nvme_queue *queue)
{
    queue->armed = false;
    queue->task = TASK_INTERRUPT;
    nvme->counters->interrupts++;
    nvme->host.interrupt(nvme->host.context, nvme->host.device, token(NVME_IN_HANDLER, queue, 0));
}

static void completion_visible(struct nvme *nvme, struct nvme_queue *queue, uint32_t slot)
{
    const struct nvme_parameters *p = &nvme->parameters;
    queue->finished[queue->completed++ % p->depth] = slot;
    nvme->counters->completions++;
    if (!queue->armed)
        return;
    queue->unseen++;
    if (queue->unseen >= p->interrupt_completions || !p->interrupt_delay_ps) {
        raise(nvme, queue);
    } else if (!queue->timer) {
        queue->timer = true;
        nvme->host.after(nvme->host.context, nvme->host.device, p->interrupt_delay_ps,
                         token(NVME_TIMER, queue, 0));
    }
}

/* ---- the device ---- */

static void fetch(struct nvme *nvme, struct nvme_queue *queue)
{
    const struct nvme_parameters *p = &nvme->parameters;
    uint64_t known = queue->announced - queue->fetched, at = queue->fetched % p->depth;
    if (queue->fetching || !known)
        return;
    uint64_t count = known < p->entries_fetched ? known : p->entries_fetched;
    if (count > p->depth - at)
        count = p->depth - at;
    queue->fetching = true;
    queue->fetch_count = (uint32_t)count;
    nvme->counters->descriptor_fetches++;
    nvme->host.dma(nvme->host.context, nvme->host.device, queue->submissions_at + at * SUBMISSION_BYTES,
                   (uint32_t)count * SUBMISSION_BYTES, false, token(NVME_FETCHED, queue, 0));
}

/* All flash together is one server of a rate; its latency comes on top. */
static void use_media(struct nvme *nvme, struct nvme_queue *queue, uint32_t slot)
{
    const struct nvme_parameters *p = &nvme->parameters;
    uint64_t now_ps = nvme->host.now_ps(nvme->host.context);
    struct busy_time *media = &nvme->counters->own_rate[0];
    busy_time_add(
        media, now_ps,
        (uint64_t)((__uint128_t)p->block_bytes * UINT64_C(1000000000000) / p->media_rate_bytes_per_s));
    uint64_t latency_ps = queue->commands[slot].write ? p->write_latency_ps : p->read_latency_ps;
    nvme->host.after(nvme->host.context, nvme->host.device, media->until_ps - now_ps + latency_ps,
                     token(NVME_MEDIA, queue, slot));
}

static void move_data(struct nvme *nvme, struct nvme_queue *queue, uint32_t slot)
{
    const struct nvme_command *command = &queue->commands[slot];
    nvme->host.dma(nvme->host.context, nvme->host.device, command->buffer.iova,
                   (uint32_t)nvme->parameters.block_bytes, !command->write,
                   token(NVME_DATA_MOVED, queue, slot));
}

/* Where the data is, is known: a read goes to flash first, a write to the host. */
static void execute(struct nvme *nvme, struct nvme_queue *queue, uint32_t slot)
{
    if (queue->commands[slot].write)
        move_data(nvme, queue, slot);
    else
        use_media(nvme, queue, slot);
}

static void entries_fetched(struct nvme *nvme, struct nvme_queue *queue)
{
    const struct device_host *host = &nvme->host;
    queue->fetching = false;
    for (uint32_t i = 0; i < queue->fetch_count; i++) {
        uint32_t slot = queue->fifo[queue->fetched++ % nvme->parameters.depth];
        nvme->counters->descriptors_used++;
        if (list_entries(nvme)) {
            nvme->counters->descriptor_fetches++;
            host->dma(host->context, host->device, queue->commands[slot].list_at,
                      (uint32_t)(list_entries(nvme) * PRP_BYTES), false, token(NVME_LIST_READ, queue, slot));
        } else {
            execute(nvme, queue, slot);
        }
    }
    fetch(nvme, queue);
}

static void write_entry(struct nvme *nvme, struct nvme_queue *queue, uint32_t slot)
{
    uint64_t at = queue->completions_at + queue->entries++ % nvme->parameters.depth * COMPLETION_BYTES;
    nvme->host.dma(nvme->host.context, nvme->host.device, at, COMPLETION_BYTES, true,
                   token(NVME_ENTRY_WRITTEN, queue, slot));
}

void nvme_event(struct nvme *nvme, uint32_t answered)
{
    struct nvme_queue *queue = &nvme->queues[token_queue(answered)];
    uint32_t slot = token_slot(answered);
    switch ((enum nvme_token)token_kind(answered)) {
    case NVME_DRIVER:
        task_done(nvme, queue);
        break;
    case NVME_ANNOUNCED:
        queue->announced += slot;
        fetch(nvme, queue);
        break;
    case NVME_FETCHED:
        entries_fetched(nvme, queue);
        break;
    case NVME_LIST_READ:
        execute(nvme, queue, slot);
        break;
    case NVME_MEDIA:
        if (queue->commands[slot].write)
            write_entry(nvme, queue, slot);
        else
            move_data(nvme, queue, slot);
        break;
    case NVME_DATA_MOVED:
        if (queue->commands[slot].write)
            use_media(nvme, queue, slot);
        else
            write_entry(nvme, queue, slot);
        break;
    case NVME_ENTRY_WRITTEN:
        completion_visible(nvme, queue, slot);
        go_on(nvme, queue);
        break;
    case NVME_TIMER:
        queue->timer = false;
        if (queue->armed && queue->unseen)
            raise(nvme, queue);
        break;
    case NVME_IN_HANDLER:
        work(nvme, queue, TASK_INTERRUPT, nvme->driver.interrupt_ps);
        break;
    }
}

/* ---- parameters ---- */

/* ORDER: as the enums of nvme.h. */
static const char *const operations[] = {"read", "write", "alternate", NULL};
static const char *const pointers[] = {"prp", "sgl", NULL};
static const char *const buffers[] = {"per-command", "persistent", NULL};

#define COUNT(key, member, low, high, text) FIELD_ROW_COUNT(nvme_parameters, key, member, low, high, text)
#define QUANTITY(key, member, of, low, high, text)                                                           \
    FIELD_ROW_QUANTITY(nvme_parameters, key, member, of, low, high, text)
#define SECOND_PS                        UINT64_C(1000000000000)
#define RATE_MAX                         UINT64_C(1000000000000)
#define CHOICE(key, member, words, text) FIELD_ROW_CHOICE(nvme_parameters, key, member, words, text)

static const struct field fields[] = {
    CHOICE("operation", operation, operations, "what is asked of the device; alternate: write, read, ..."),
    COUNT("queues", queues, 1, 256,
          "pairs of queues, each with a CPU of its own from the stream's \"cpu\" on"),
    COUNT("depth", depth, 1, 32768, "commands of a queue under way"),
    QUANTITY("block", block_bytes, UNIT_BYTES, 512, 2097152, "bytes of a command"),
    CHOICE("pointers", pointers, pointers,
           "prp: an entry a page of 4 KiB, from the third on in a list that the device reads; sgl: one entry "
           "for what is contiguous"),
    CHOICE("buffers", buffers, buffers, "mapped for each command, or once before the run"),
    QUANTITY("page_size", page_bytes, UNIT_BYTES, 4096, 2097152,
             "pages that persistent buffers are mapped with, 4KiB or 2MiB"),
    QUANTITY("read_latency", read_latency_ps, UNIT_PICOSECONDS, 0, SECOND_PS, "flash to the device's buffer"),
    QUANTITY("write_latency", write_latency_ps, UNIT_PICOSECONDS, 0, SECOND_PS,
             "data in the device to the command done"),
    QUANTITY("media_rate", media_rate_bytes_per_s, UNIT_BYTES_PER_S, 1000, RATE_MAX,
             "at which all flash together delivers"),
    COUNT("entries_fetched", entries_fetched, 1, 64, "submission entries the device reads at once, at most"),
    QUANTITY("interrupt_delay", interrupt_delay_ps, UNIT_PICOSECONDS, 0, SECOND_PS,
             "interrupt coalescing: from the first completion to the interrupt"),
    COUNT("interrupt_completions", interrupt_completions, 1, 256,
          "interrupt coalescing: so many completions do not wait any longer"),
};

const struct field_table nvme_fields = {"nvme", "an NVMe device and its driver", fields,
                                        sizeof(fields) / sizeof(fields[0]), sizeof(struct nvme_parameters)};
