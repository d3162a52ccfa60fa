/* SPDX-License-Identifier: MIT */
#include "sim/machine/stream_limit.h"

#include "sim/machine/machine_state.h"

/* At work, or in use, of a thousand. */
enum { BUSY = 900, USED_UP = 800, WAITS = 50 };

struct search {
    const struct machine *machine;
    const struct traffic *traffic;
    uint64_t now_ps, elapsed_ps;
    struct stream_limit working; /* most at work */
    struct stream_limit used;    /* used up, nearest to memory */
    bool open_loop;
};

static bool is_share(uint64_t part_ps, uint64_t whole_ps, unsigned thousandths)
{
    return whole_ps && (__uint128_t)part_ps * 1000 >= (__uint128_t)whole_ps * thousandths;
}

static void works(struct search *search, enum stream_limit_kind kind, uint32_t id, uint64_t busy_ps)
{
    if (busy_ps > search->working.part_ps)
        search->working = (struct stream_limit){kind, id, busy_ps, search->elapsed_ps};
}

static void is_used(struct search *search, enum stream_limit_kind kind, uint32_t id, uint64_t full_ps)
{
    if (!search->used.part_ps && is_share(full_ps, search->elapsed_ps, USED_UP))
        search->used = (struct stream_limit){kind, id, full_ps, search->elapsed_ps};
}

/* ---- links ---- */

/* All that share the channel's wires. */
static uint64_t wires_busy_ps(const struct search *search, const struct channel *channel)
{
    const struct transport *transport = &search->machine->transport;
    uint64_t busy_ps = 0;
    for (uint32_t i = 0; i < transport->channel_count; i++) {
        if (transport->channels[i].medium == channel->medium)
            busy_ps += channel_busy_ps(&transport->channels[i], search->now_ps);
    }
    return busy_ps;
}

/* A channel, and those of its further virtual channels. While its wires were at work nobody could tell
 * whether there were credits: what counts is the time in which they were free, except those in which another
 * virtual channel sent. */
static void look_at_channel(struct search *search, uint32_t id)
{
    const struct transport *transport = &search->machine->transport;
    const struct channel *channel = &transport->channels[id];
    uint64_t busy_ps = wires_busy_ps(search, channel);
    if (!channel->timing.ps_numerator)
        return;
    works(search, LIMIT_LINK, id, busy_ps);
    for (; id != NONE; id = transport->channels[id].next_vc) {
        uint64_t out_ps = saturation_ps(&transport->channels[id].out_of_credits, search->now_ps);
        uint64_t free_ps = search->elapsed_ps > busy_ps ? search->elapsed_ps - busy_ps : 0;
        if (out_ps > free_ps)
            out_ps = free_ps;
        if (is_share(out_ps, free_ps, USED_UP) && is_share(out_ps, search->elapsed_ps, 1000 - BUSY))
            search->used = (struct stream_limit){LIMIT_CREDITS, id, out_ps, free_ps};
    }
}

/* From a function up to the root complex. What comes later is nearer to memory, and takes the place. */
static void look_at_way(struct search *search, uint32_t function_id)
{
    const struct transport *transport = &search->machine->transport;
    uint32_t node = transport->node_of[function_id];
    while (node != NONE && transport->channel_up[node] != NONE) {
        uint32_t up = transport->channel_up[node];
        look_at_channel(search, up + 1); /* ORDER: build_connection() */
        look_at_channel(search, up);
        node = transport->channels[up].to_node;
    }
}

/* ---- the rest of the way ---- */

/* Walkers of a unit are those of all that share it. They limit a stream whose own operations walk: without
 * waiting for that it would gain something. Time in the device and for its link is left out, as it is what
 * the rest of the way makes it. */
static bool waits_for_walks(const struct traffic *traffic)
{
    const __uint128_t *ledger = traffic->result.ledger;
    __uint128_t walks_ps = traffic->result.hidden_ps + ledger[LEDGER_WALKER_QUEUEING] +
                           ledger[LEDGER_WALK_CACHES] + ledger[LEDGER_WALK_MEMORY] +
                           ledger[LEDGER_DEVICE_TLB],
                under_way_ps = traffic->result.hidden_ps;
    for (int part = 0; part < LEDGER_PARTS; part++) {
        if (part != LEDGER_ENDPOINT && part != LEDGER_LINK_QUEUEING)
            under_way_ps += ledger[part];
    }
    return !traffic->result.recorded || walks_ps * 1000 > under_way_ps * WAITS;
}

static void look_at_unit(struct search *search, uint32_t function_id)
{
    const struct machine *machine = search->machine;
    uint32_t id = machine->root_complex.unit_of[function_id];
    if (id == NO_UNIT)
        return;
    const struct remapping_unit *unit = &machine->units[id];
    works(search, LIMIT_LOOKUPS, id, busy_time_ps(&unit->looking_up, search->now_ps));
    if (!waits_for_walks(search->traffic))
        return;
    works(search, LIMIT_WALKERS, id,
          (uint64_t)(machine_queue_area(machine, &unit->walking) / unit->parameters.walkers));
    is_used(search, LIMIT_POSTED_WALKS, id, saturation_ps(&unit->posted_full, search->now_ps));
}

/* Work of a CPU counts when it is over: that may have begun before the time that is measured. */
static void look_at_cpus(struct search *search)
{
    const struct machine *machine = search->machine;
    const struct stream *stream = search->traffic->stream;
    if (stream->device_kind == DEVICE_NONE && !stream_buffers_are_mapped(stream->buffers))
        return;
    uint32_t cpu = stream->cpu, count = devices_cpus(machine, (uint32_t)(search->traffic - machine->traffic));
    for (uint32_t end = cpu + count; cpu < end && cpu < machine->mapping.cpu_count; cpu++) {
        uint64_t busy_ps = 0;
        for (int work = 0; work < KERNEL_WORKS; work++)
            busy_ps += machine->mapping.cpus[cpu].spent_ps[work];
        works(search, LIMIT_CPU, cpu, busy_ps < search->elapsed_ps ? busy_ps : search->elapsed_ps);
    }
}

/* In an open loop operations that have begun pile up in front of what limits it: how they begin does not. */
static void look_at_pace(struct search *search, uint32_t function_id)
{
    const struct machine *machine = search->machine;
    const struct dma_engine *engine = &machine->engines[machine->engine_of[function_id]];
    if (search->open_loop && is_share(search->working.part_ps, search->elapsed_ps, BUSY))
        return;
    works(search, LIMIT_PACE, function_id, busy_time_ps(&engine->paced[0], search->now_ps));
    works(search, LIMIT_PACE, function_id, busy_time_ps(&engine->paced[1], search->now_ps));
    works(search, LIMIT_SHARED_RATE, function_id, busy_time_ps(&engine->shared, search->now_ps));
}

/* What a model of a device has beyond its DMA engine. */
static void look_at_model(struct search *search, uint32_t function_id)
{
    const struct device_model *device = search->traffic->device;
    if (!device || (device->kind != DEVICE_NVME && device->kind != DEVICE_NIC))
        return;
    enum stream_limit_kind kind = device->kind == DEVICE_NVME ? LIMIT_MEDIA : LIMIT_WIRE;
    for (int way = 0; way < 2; way++)
        works(search, kind, function_id, busy_time_ps(&device->counters.own_rate[way], search->now_ps));
}

static void look_at_device(struct search *search, uint32_t function_id)
{
    const struct machine *machine = search->machine;
    const struct dma_engine *engine = &machine->engines[machine->engine_of[function_id]];
    is_used(search, LIMIT_BULK_READS, function_id, saturation_ps(&engine->bulk_full, search->now_ps));
    if (engine->parameters.read_window)
        is_used(search, LIMIT_READ_WINDOW, function_id, saturation_ps(&engine->window.full, search->now_ps));
    is_used(search, LIMIT_TAGS, function_id, saturation_ps(&engine->tags_full, search->now_ps));
}

/* The device; of a trace, the one that moved most. */
static uint32_t device_of(const struct machine *machine, const struct stream *stream)
{
    uint32_t found = stream->function_id;
    uint64_t most = 0;
    for (uint32_t i = 0; found == NONE && i < machine->engine_count; i++)
        most = machine->device_results[i].bytes > most ? machine->device_results[i].bytes : most;
    for (uint32_t i = 0; found == NONE && most && i < machine->engine_count; i++) {
        if (machine->device_results[i].bytes == most)
            found = machine->engines[i].function_id;
    }
    return found;
}

void stream_limit_settle(struct machine *machine, uint32_t stream)
{
    struct traffic *traffic = &machine->traffic[stream];
    if (traffic->limit_known || machine->events.now_ps <= machine->measured_from_ps)
        return;
    traffic->limit = stream_limit_now(machine, stream);
    traffic->limit_known = true;
}

struct stream_limit machine_stream_limit(const struct machine *machine, uint32_t stream)
{
    const struct traffic *traffic = &machine->traffic[stream];
    return traffic->limit_known ? traffic->limit : stream_limit_now(machine, stream);
}

struct stream_limit stream_limit_now(const struct machine *machine, uint32_t stream_id)
{
    const struct traffic *traffic = &machine->traffic[stream_id];
    const struct memory *memory = &machine->root_complex.memory;
    uint32_t device = device_of(machine, traffic->stream);
    struct search search = {.machine = machine,
                            .traffic = traffic,
                            .now_ps = machine_end_ps(machine),
                            .elapsed_ps = machine_end_ps(machine) - machine->measured_from_ps};
    if (guests_stream_never_ran(machine, stream_id))
        return (struct stream_limit){.kind = LIMIT_NONE, .id = NONE};
    search.open_loop = !traffic->device && !stream_is_closed_loop(traffic->stream);
    if (search.open_loop && !traffic->result.overloaded)
        return (struct stream_limit){.kind = LIMIT_OFFERED, .id = NONE};
    if (device != NONE && machine->engine_of[device] != NONE) {
        look_at_way(&search, device);
        for (uint32_t i = 0; i < machine->peer_count; i++) {
            if (machine->peers[i].source_id == device && machine->peers[i].target_id != NONE)
                look_at_way(&search, machine->peers[i].target_id);
        }
        struct stream_limit credits = search.used;
        search.used = (struct stream_limit){0};
        look_at_unit(&search, device);
        is_used(&search, LIMIT_READ_SLOTS, NONE,
                saturation_ps(&machine->root_complex.slots_full, search.now_ps));
        if (!search.used.part_ps)
            search.used = credits;
        look_at_device(&search, device);
    }
    look_at_model(&search, device);
    works(&search, LIMIT_MEMORY, NONE, memory_busy_ps(memory, search.now_ps));
    look_at_cpus(&search);
    if (device != NONE && machine->engine_of[device] != NONE)
        look_at_pace(&search, device);
    if (is_share(search.working.part_ps, search.working.whole_ps, BUSY))
        return search.working;
    if (search.used.part_ps)
        return search.used;
    return (struct stream_limit){.kind = traffic->device ? LIMIT_DEVICE : LIMIT_DEPTH, .id = NONE};
}
