/* SPDX-License-Identifier: MIT */
#include "models/device/copy_engine.h"

enum { COMMAND_BYTES = 64, SEMAPHORE_BYTES = 16 };

/** What an answer of the machine is about. */
enum copy_token {
    COPY_DRIVER,
    COPY_ANNOUNCED,
    COPY_FETCHED,
    COPY_CHUNK_MOVED,
    COPY_SIGNALLED,
    COPY_IN_HANDLER
};

enum copy_task {
    TASK_IDLE,
    TASK_INTERRUPT,
    TASK_PREPARE,
    TASK_MAP,
    TASK_DOORBELL,
    TASK_COMPLETE,
    TASK_UNMAP
};

struct copy_job {
    struct device_buffer buffer; /**< per copy */
    uint64_t begun_ps, offset;   /**< in the window */
};

struct copy_queue {
    uint32_t index, cpu;
    uint64_t commands_at, semaphores_at, window_at;
    struct copy_job *jobs; /* [depth], by count modulo depth */
    /* Copies: begun, posted, doorbell arrived, carried out, seen by the driver. */
    uint64_t begun, posted, announced, carried_out, signalled, taken;
    uint64_t window_offset, moved, asked; /* of the copy under way: bytes moved, asked for */
    uint32_t in_flight;
    bool working, armed;
    enum copy_task task;
};

struct copy_engines {
    struct copy_engine_parameters parameters;
    struct driver_parameters driver;
    struct device_host host;
    struct device_counters *counters;
    uint64_t units, warmup, peer_at, peer_bytes;
    struct copy_queue *queues;
};

static uint32_t token(enum copy_token kind, const struct copy_queue *queue)
{
    return token_make(kind, queue->index, 0);
}

static struct copy_job *job_at(const struct copy_engines *engines, const struct copy_queue *queue,
                               uint64_t number)
{
    return &queue->jobs[number % engines->parameters.depth];
}

static bool is_mapped_per_copy(const struct copy_engines *engines)
{
    return engines->parameters.buffers == COPY_BUFFERS_PER_COPY &&
           engines->parameters.direction != COPY_TO_PEER;
}

/* ---- life ---- */

struct copy_engines *copy_engines_new(struct arena *arena, const struct copy_engine_parameters *parameters,
                                      const struct driver_parameters *driver, const struct device_host *host,
                                      struct device_counters *counters, uint32_t first_cpu, uint64_t units,
                                      uint64_t warmup, uint64_t peer_at, uint64_t peer_bytes)
{
    struct copy_engines *engines = arena_alloc(arena, sizeof(*engines));
    *engines = (struct copy_engines){.parameters = *parameters,
                                     .driver = *driver,
                                     .host = *host,
                                     .counters = counters,
                                     .units = units,
                                     .warmup = warmup,
                                     .peer_at = peer_at,
                                     .peer_bytes = peer_bytes};
    engines->queues = arena_array(arena, parameters->engines, sizeof(*engines->queues));
    for (uint32_t i = 0; i < parameters->engines; i++) {
        struct copy_queue *queue = &engines->queues[i];
        queue->index = i;
        queue->cpu = first_cpu + i;
        queue->jobs = arena_array(arena, parameters->depth, sizeof(*queue->jobs));
    }
    return engines;
}

static void go_on(struct copy_engines *engines, struct copy_queue *queue);

/* Each engine has a part of the peer's memory to itself. */
static uint64_t window_bytes(const struct copy_engines *engines)
{
    const struct copy_engine_parameters *p = &engines->parameters;
    if (p->direction != COPY_TO_PEER)
        return p->window_bytes > p->copy_bytes ? p->window_bytes : p->copy_bytes;
    return engines->peer_bytes / p->engines;
}

bool copy_engines_start(struct copy_engines *engines)
{
    const struct copy_engine_parameters *p = &engines->parameters;
    const struct device_host *host = &engines->host;
    for (uint32_t i = 0; i < p->engines; i++) {
        struct copy_queue *queue = &engines->queues[i];
        queue->commands_at =
            host->coherent(host->context, host->device, (uint64_t)p->depth * COMMAND_BYTES, COHERENT_PAGE);
        queue->semaphores_at =
            host->coherent(host->context, host->device, (uint64_t)p->depth * SEMAPHORE_BYTES, COHERENT_PAGE);
        queue->window_at = engines->peer_at + i * window_bytes(engines);
        if (p->direction != COPY_TO_PEER && p->buffers == COPY_BUFFERS_PINNED)
            queue->window_at =
                host->coherent(host->context, host->device, window_bytes(engines), p->page_bytes);
        if (!queue->commands_at || !queue->semaphores_at ||
            (!queue->window_at && !is_mapped_per_copy(engines)))
            return false;
    }
    for (uint32_t i = 0; i < p->engines; i++)
        go_on(engines, &engines->queues[i]);
    return true;
}

bool copy_engines_are_done(const struct copy_engines *engines)
{
    return engines->units && engines->counters->done >= engines->units + engines->warmup;
}

/* ---- the driver ---- */

static void work(struct copy_engines *engines, struct copy_queue *queue, enum copy_task task,
                 uint64_t duration_ps)
{
    queue->task = task;
    engines->host.cpu(engines->host.context, engines->host.device, queue->cpu, duration_ps,
                      token(COPY_DRIVER, queue));
}

static void begin_copy(struct copy_engines *engines, struct copy_queue *queue)
{
    const struct copy_engine_parameters *p = &engines->parameters;
    struct copy_job *job = job_at(engines, queue, queue->begun++);
    uint64_t window = window_bytes(engines);
    if (queue->window_offset + p->copy_bytes > window)
        queue->window_offset = 0;
    *job = (struct copy_job){.begun_ps = engines->host.now_ps(engines->host.context),
                             .offset = queue->window_offset};
    queue->window_offset += p->copy_bytes;
    engines->counters->begun++;
    work(engines, queue, TASK_PREPARE, engines->driver.command_submit_ps);
}

static void go_on(struct copy_engines *engines, struct copy_queue *queue)
{
    if (queue->task != TASK_IDLE || queue->armed)
        return;
    bool more = queue->begun - queue->taken < engines->parameters.depth &&
                (!engines->units || engines->counters->begun < engines->units + engines->warmup);
    if (queue->taken < queue->signalled)
        work(engines, queue, TASK_COMPLETE, engines->driver.command_complete_ps);
    else if (more)
        begin_copy(engines, queue);
    else
        queue->armed = true;
}

static void map(struct copy_engines *engines, struct copy_queue *queue)
{
    struct device_buffer *buffer = &job_at(engines, queue, queue->posted)->buffer;
    queue->task = TASK_MAP;
    *buffer = (struct device_buffer){.length = (uint32_t)engines->parameters.copy_bytes};
    engines->host.map(engines->host.context, engines->host.device, queue->cpu, buffer,
                      engines->parameters.direction == COPY_TO_HOST, token(COPY_DRIVER, queue));
}

static void unmap(struct copy_engines *engines, struct copy_queue *queue)
{
    queue->task = TASK_UNMAP;
    engines->host.unmap(engines->host.context, engines->host.device, queue->cpu,
                        &job_at(engines, queue, queue->taken)->buffer,
                        engines->parameters.direction == COPY_TO_HOST, token(COPY_DRIVER, queue));
}

static void complete(struct copy_engines *engines, struct copy_queue *queue)
{
    uint64_t begun_ps = job_at(engines, queue, queue->taken++)->begun_ps;
    device_counters_unit(engines->counters, begun_ps, engines->parameters.copy_bytes, engines->warmup,
                         &engines->host);
}

static void task_done(struct copy_engines *engines, struct copy_queue *queue)
{
    bool mapped = is_mapped_per_copy(engines);
    enum copy_task task = queue->task;
    queue->task = TASK_IDLE;
    if (task == TASK_PREPARE && mapped) {
        map(engines, queue);
        return;
    }
    if (task == TASK_PREPARE || task == TASK_MAP) {
        engines->counters->maps += mapped;
        engines->counters->descriptors_posted++;
        queue->posted++;
        work(engines, queue, TASK_DOORBELL, engines->driver.doorbell_ps);
        return;
    }
    if (task == TASK_COMPLETE && mapped) {
        unmap(engines, queue);
        return;
    }
    if (task == TASK_COMPLETE || task == TASK_UNMAP) {
        engines->counters->unmaps += mapped;
        complete(engines, queue);
    } else if (task == TASK_DOORBELL) {
        engines->counters->doorbells++;
        engines->host.doorbell(engines->host.context, engines->host.device, token(COPY_ANNOUNCED, queue));
    }
    go_on(engines, queue);
}

/* ---- an engine ---- */

static void fetch(struct copy_engines *engines, struct copy_queue *queue)
{
    if (queue->working || queue->carried_out == queue->announced)
        return;
    queue->working = true;
    queue->moved = queue->asked = 0;
    engines->counters->descriptor_fetches++;
    engines->host.dma(engines->host.context, engines->host.device,
                      queue->commands_at + queue->carried_out % engines->parameters.depth * COMMAND_BYTES,
                      COMMAND_BYTES, false, token(COPY_FETCHED, queue));
}

static void move_chunks(struct copy_engines *engines, struct copy_queue *queue)
{
    const struct copy_engine_parameters *p = &engines->parameters;
    const struct copy_job *job = job_at(engines, queue, queue->carried_out);
    uint64_t at = is_mapped_per_copy(engines) ? job->buffer.iova : queue->window_at + job->offset;
    while (queue->in_flight < p->chunks_in_flight && queue->asked < p->copy_bytes) {
        uint64_t left = p->copy_bytes - queue->asked, bytes = left < p->chunk_bytes ? left : p->chunk_bytes;
        uint64_t from = queue->asked;
        queue->asked += bytes;
        queue->in_flight++;
        engines->host.dma(engines->host.context, engines->host.device, at + from, (uint32_t)bytes,
                          p->direction != COPY_TO_DEVICE, token(COPY_CHUNK_MOVED, queue));
    }
}

static void chunk_moved(struct copy_engines *engines, struct copy_queue *queue)
{
    queue->in_flight--;
    move_chunks(engines, queue);
    if (queue->in_flight)
        return;
    engines->counters->descriptors_used++;
    engines->host.dma(engines->host.context, engines->host.device,
                      queue->semaphores_at + queue->carried_out % engines->parameters.depth * SEMAPHORE_BYTES,
                      SEMAPHORE_BYTES, true, token(COPY_SIGNALLED, queue));
    queue->carried_out++;
    queue->working = false;
    fetch(engines, queue);
}

static void signalled(struct copy_engines *engines, struct copy_queue *queue)
{
    queue->signalled++;
    engines->counters->completions++;
    if (!queue->armed)
        return;
    queue->armed = false;
    queue->task = TASK_INTERRUPT;
    engines->counters->interrupts++;
    engines->host.interrupt(engines->host.context, engines->host.device, token(COPY_IN_HANDLER, queue));
}

void copy_engines_event(struct copy_engines *engines, uint32_t answered)
{
    struct copy_queue *queue = &engines->queues[token_queue(answered)];
    switch ((enum copy_token)token_kind(answered)) {
    case COPY_DRIVER:
        task_done(engines, queue);
        break;
    case COPY_ANNOUNCED:
        queue->announced++;
        fetch(engines, queue);
        break;
    case COPY_FETCHED:
        move_chunks(engines, queue);
        break;
    case COPY_CHUNK_MOVED:
        chunk_moved(engines, queue);
        break;
    case COPY_SIGNALLED:
        signalled(engines, queue);
        break;
    case COPY_IN_HANDLER:
        work(engines, queue, TASK_INTERRUPT, engines->driver.interrupt_ps);
        break;
    }
}

/* ---- parameters ---- */

/* ORDER: as the enums of copy_engine.h. */
static const char *const directions[] = {"to-device", "to-host", "to-peer", NULL};
static const char *const buffers[] = {"pinned", "per-copy", NULL};

#define COUNT(key, member, high, text) FIELD_ROW_COUNT(copy_engine_parameters, key, member, 1, high, text)
#define SIZE(key, member, low, high, text)                                                                   \
    FIELD_ROW_QUANTITY(copy_engine_parameters, key, member, UNIT_BYTES, low, high, text)
#define CHOICE(key, member, words, text) FIELD_ROW_CHOICE(copy_engine_parameters, key, member, words, text)

static const struct field fields[] = {
    CHOICE("direction", direction, directions,
           "from the host's memory, to it, or into the memory of the peer that the stream names"),
    COUNT("engines", engines, 64,
          "that work at once, each with a queue and a CPU of its own from the stream's \"cpu\" on"),
    COUNT("depth", depth, 1024, "copies queued for each engine"),
    SIZE("copy", copy_bytes, 4, 1 << 30, "bytes of a copy"),
    SIZE("chunk", chunk_bytes, 64, 4 << 20, "bytes of one DMA operation"),
    COUNT("chunks_in_flight", chunks_in_flight, 4096, "DMA operations of an engine under way"),
    CHOICE("buffers", buffers, buffers, "mapped once before the run, or for each copy"),
    SIZE("window", window_bytes, 4096, UINT64_C(1) << 36,
         "pinned memory of each engine that copies go through in turn; at least one copy"),
    SIZE("page_size", page_bytes, 4096, 2097152, "pages that pinned memory is mapped with, 4KiB or 2MiB"),
};

const struct field_table copy_engine_fields = {"copy_engine", "copy engines of a GPU and their driver",
                                               fields, sizeof(fields) / sizeof(fields[0]),
                                               sizeof(struct copy_engine_parameters)};
