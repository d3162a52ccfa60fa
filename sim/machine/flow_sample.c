/* SPDX-License-Identifier: MIT */
#include "sim/machine/flow_sample.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    SAMPLE_BYTES = 1 << 18,       /* of a stream, to begin with ... */
    SAMPLE_LEAST = 32,            /* ... but so many operations at least, ... */
    SAMPLE_MOST = 256,            /* ... and at most, ... */
    SAMPLE_QUEUE_BYTES = 1 << 20, /* ... or twice what it has under way, up to here */
    REGION_BYTES = 1 << 21,       /* what one entry of the IOTLB or of a walk cache covers ... */
    REGION_TOUCHES = 3,           /* ... is met so often, that most are met ... */
    REGION_MOST = 256,            /* ... by so many operations at most */
    TOGETHER_MOST = 40000,        /* operations of a set in its longest run */
    TOGETHER_LEAST = 4,           /* completions that say something about the rate of a closed loop, ... */
    OPEN_LOOP_LEAST = 32,         /* ... of an open loop */
    DOUBLINGS = 4,
    AGREE_PER_MILLE = 20,
};

static const uint64_t ps_per_s = UINT64_C(1000000000000);

/* A set that was measured. */
struct known_set {
    uint64_t key;
    bool *active; /* [stream] */
    struct flow_together together;
    struct known_set *next;
};

struct flow_sampler {
    const struct simulation *simulation;
    const struct workload *workload;
    struct diagnostics *diagnostics; /* of the first machine; the others would say the same */
    struct arena *arena;
    struct flow_alone **alone; /* [stream], NULL until measured */
    struct known_set *sets;
    uint64_t runs, operations;
};

/* What a run came to. */
struct piece {
    uint64_t *bytes, *last_ps; /* [stream of the workload] */
    uint64_t *operations;
    uint64_t misses, lookups;
};

struct flow_sampler *flow_sampler_new(const struct simulation *simulation, const struct workload *workload,
                                      struct diagnostics *diagnostics)
{
    struct flow_sampler *sampler = memory_alloc(sizeof(*sampler));
    *sampler = (struct flow_sampler){
        .simulation = simulation, .workload = workload, .diagnostics = diagnostics, .arena = arena_new()};
    sampler->alone = arena_array(sampler->arena, workload->stream_count, sizeof(struct flow_alone *));
    return sampler;
}

void flow_sampler_free(struct flow_sampler *sampler)
{
    if (sampler)
        arena_free(sampler->arena);
    free(sampler);
}

void flow_sampler_work(const struct flow_sampler *sampler, uint64_t *runs, uint64_t *operations)
{
    *runs = sampler->runs;
    *operations = sampler->operations;
}

/* ---- one run ---- */

/* Build a machine for some streams. @param machine  for the caller to free, where the answer is 0 */
static int new_machine(struct flow_sampler *sampler, const struct workload *workload,
                       struct machine **machine)
{
    struct diagnostics *scratch = diagnostics_new(1),
                       *diagnostics = sampler->runs ? scratch : sampler->diagnostics;
    struct machine_options options = sampler->simulation->options;
    options.trace = NULL;
    options.series_interval_ps = 0;
    /* Samples are too short for the machine to ask by itself. */
    bool go_on = !options.progress || options.progress(options.progress_context, 0);
    int status = STATUS_INTERRUPTED;
    if (go_on)
        status = machine_new(&sampler->simulation->in_force, workload, &options, machine, diagnostics);
    sampler->runs += status == STATUS_OK;
    diagnostics_free(scratch);
    return status;
}

static void count_operations(struct flow_sampler *sampler, const struct workload *workload,
                             const struct machine *machine)
{
    for (uint32_t i = 0; i < workload->stream_count; i++)
        sampler->operations += machine_stream_result(machine, i)->completed;
}

static void count_lookups(const struct flow_sampler *sampler, const struct machine *machine, uint64_t *misses,
                          uint64_t *lookups)
{
    *misses = *lookups = 0;
    for (uint32_t u = 0; u < sampler->simulation->options.unit_count; u++) {
        const struct iommu_counters *counters = &machine_unit(machine, u)->counters;
        *misses += counters->iotlb_misses;
        *lookups += counters->iotlb_hits + counters->iotlb_misses;
    }
}

static bool agree(uint64_t a, uint64_t b)
{
    uint64_t more = a > b ? a : b, less = a > b ? b : a;
    return more - less <= more / 1000 * AGREE_PER_MILLE;
}

static uint64_t rate(uint64_t bytes, uint64_t elapsed_ps)
{
    return elapsed_ps ? (uint64_t)((__uint128_t)bytes * ps_per_s / elapsed_ps) : 0;
}

/* Operations until caches have seen most of where a stream goes. */
static uint64_t operations_to_warm(const struct stream *stream)
{
    uint64_t regions = stream->window_bytes / REGION_BYTES, each = stream->size_bytes / REGION_BYTES + 1;
    uint64_t count = stream->pattern == PATTERN_SEQUENTIAL ? 0 : REGION_TOUCHES * regions / each;
    return count > REGION_MOST ? REGION_MOST : count;
}

/* Operations a sample begins with. */
static uint64_t first_operations(const struct stream *stream)
{
    uint64_t count = SAMPLE_BYTES / stream->size_bytes, warm = operations_to_warm(stream);
    count = count < SAMPLE_LEAST ? SAMPLE_LEAST : count;
    count = count > SAMPLE_MOST ? SAMPLE_MOST : count;
    uint64_t queued = UINT64_C(2) * stream->queue_depth, most = SAMPLE_QUEUE_BYTES / stream->size_bytes;
    queued = queued > most ? most : queued;
    count = count < queued ? queued : count;
    return count < warm ? warm : count;
}

static uint64_t offered(const struct stream *stream)
{
    return stream->interval_ps ? rate(stream->size_bytes, stream->interval_ps) : UINT64_MAX;
}

/* ---- content ---- */

static void mix(XXH3_state_t *state, uint64_t value)
{
    XXH3_64bits_update(state, &value, sizeof(value));
}

/* What streams do, not what they are called nor how long they do it. */
static void mix_stream(XXH3_state_t *state, const struct stream *stream)
{
    const uint64_t content[] = {stream->function_id,
                                (uint64_t)stream->operation,
                                (uint64_t)stream->pattern,
                                stream->base,
                                stream->window_bytes,
                                stream->size_bytes,
                                stream->stride_bytes,
                                stream->alignment_bytes,
                                stream->queue_depth,
                                stream->interval_ps,
                                stream->pasid,
                                stream->cold,
                                stream->cpu,
                                (uint64_t)stream->buffers,
                                stream->pieces,
                                (uint64_t)stream->zone,
                                stream->longest_segment,
                                (uint64_t)stream->misbehaviour,
                                stream->misbehaviour_delay_ps};
    for (size_t c = 0; c < sizeof(content) / sizeof(content[0]); c++)
        mix(state, content[c]);
}

/* @param active  the streams; NULL: only number @p one */
static uint64_t content_key(const struct flow_sampler *sampler, const bool *active, uint32_t one)
{
    XXH3_state_t *state = XXH3_createState();
    XXH3_64bits_reset(state);
    for (uint32_t i = 0; i < sampler->workload->stream_count; i++) {
        if (active ? active[i] : i == one)
            mix_stream(state, &sampler->workload->streams[i]);
    }
    uint64_t key = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return key;
}

/* ---- one stream ---- */

static void keep_hops(struct flow_sampler *sampler, const struct machine *machine, uint64_t bytes,
                      struct flow_alone *alone)
{
    const struct transport *transport = machine_transport(machine);
    uint64_t end_ps = machine_end_ps(machine);
    alone->hop_count = 0;
    alone->hops = arena_array(sampler->arena, transport->channel_count, sizeof(*alone->hops));
    for (uint32_t c = 0; c < transport->channel_count && bytes; c++) {
        const struct channel *channel = &transport->channels[c];
        uint64_t busy_ps = channel_busy_ps(channel, end_ps);
        if (channel->timing.ps_numerator && channel->wire_bytes && busy_ps)
            alone->hops[alone->hop_count++] = (struct flow_hop){
                c, channel->wire_bytes, bytes, rate(channel->wire_bytes, busy_ps), channel->tlps};
    }
}

/* A stream and the machine it runs on, which refers to the rest. */
struct solo {
    struct workload workload;
    struct stream stream;
    struct machine *machine; /* has run; for the caller to free */
};

/* @p count operations of a stream after a warm-up. */
static int run_alone(struct flow_sampler *sampler, uint32_t index, uint64_t count, uint64_t warmup,
                     struct solo *solo)
{
    solo->stream = sampler->workload->streams[index];
    solo->stream.start_ps = 0;
    solo->stream.operations = count;
    solo->stream.warmup_operations = warmup;
    solo->workload = *sampler->workload;
    solo->workload.duration_ps = 0;
    solo->workload.streams = &solo->stream;
    solo->workload.stream_count = 1;
    int status = new_machine(sampler, &solo->workload, &solo->machine);
    if (status < 0)
        return status;
    status = machine_run(solo->machine, sampler->diagnostics);
    count_operations(sampler, &solo->workload, solo->machine);
    if (status < 0)
        machine_free(solo->machine);
    return status;
}

static int measure_alone(struct flow_sampler *sampler, uint32_t index, uint64_t count,
                         struct flow_alone *alone)
{
    const struct stream *stream = &sampler->workload->streams[index];
    struct solo solo;
    int status = run_alone(sampler, index, count, count / 2 + operations_to_warm(stream), &solo);
    if (status < 0)
        return status;
    const struct stream_result *result = machine_stream_result(solo.machine, 0);
    struct stream_rate moved = stream_result_rate(result);
    alone->bytes_per_s = rate(moved.bytes, moved.elapsed_ps);
    alone->operations = result->recorded;
    alone->failed = result->failed;
    alone->latency_ps = result->latency.count ? histogram_mean(&result->latency) : 0;
    count_lookups(sampler, solo.machine, &alone->misses, &alone->lookups);
    if (!result->overloaded && alone->bytes_per_s > offered(stream))
        alone->bytes_per_s = offered(stream);
    machine_free(solo.machine);
    return STATUS_OK;
}

/* Without warm-up, so that what passed the links is what the operations moved. */
static int find_hops(struct flow_sampler *sampler, uint32_t index, struct flow_alone *alone)
{
    struct solo solo;
    int status = run_alone(sampler, index, first_operations(&sampler->workload->streams[index]), 0, &solo);
    if (status < 0)
        return status;
    keep_hops(sampler, solo.machine, machine_stream_result(solo.machine, 0)->bytes, alone);
    machine_free(solo.machine);
    return STATUS_OK;
}

int flow_sampler_alone(struct flow_sampler *sampler, uint32_t stream, const struct flow_alone **alone)
{
    uint64_t count = first_operations(&sampler->workload->streams[stream]), before = 0;
    uint64_t key = content_key(sampler, NULL, stream);
    for (uint32_t i = 0; i < sampler->workload->stream_count; i++) {
        if (sampler->alone[i] && (i == stream || content_key(sampler, NULL, i) == key)) {
            *alone = sampler->alone[stream] = sampler->alone[i];
            return STATUS_OK;
        }
    }
    struct flow_alone *measured = arena_alloc(sampler->arena, sizeof(*measured));
    for (unsigned i = 0; i <= DOUBLINGS; i++, count *= 2) {
        int status = measure_alone(sampler, stream, count, measured);
        if (status < 0)
            return status;
        if (i > 0 && agree(before, measured->bytes_per_s))
            break;
        before = measured->bytes_per_s;
    }
    int status = find_hops(sampler, stream, measured);
    if (status < 0)
        return status;
    *alone = sampler->alone[stream] = measured;
    return STATUS_OK;
}

/* ---- several ---- */

/* All of a set at work from time 0 on, without end. */
struct ensemble {
    struct workload workload;
    struct machine *machine;
};

static int begin_together(struct flow_sampler *sampler, const bool *active, struct ensemble *ensemble)
{
    ensemble->workload = *sampler->workload;
    ensemble->workload.duration_ps = 0;
    ensemble->workload.streams = memory_array(sampler->workload->stream_count, sizeof(struct stream));
    ensemble->workload.stream_count = 0;
    for (uint32_t i = 0; i < sampler->workload->stream_count; i++) {
        if (!active[i])
            continue;
        struct stream *stream = &ensemble->workload.streams[ensemble->workload.stream_count++];
        *stream = sampler->workload->streams[i];
        stream->start_ps = stream->operations = stream->warmup_operations = 0;
    }
    ensemble->machine = NULL;
    int status = new_machine(sampler, &ensemble->workload, &ensemble->machine);
    if (status == STATUS_OK)
        machine_begin(ensemble->machine, sampler->diagnostics);
    return status;
}

static void end_together(struct flow_sampler *sampler, struct ensemble *ensemble)
{
    if (ensemble->machine)
        count_operations(sampler, &ensemble->workload, ensemble->machine);
    machine_free(ensemble->machine);
    free(ensemble->workload.streams);
}

/* Go on until @p time_ps. @param piece  what has been done since the beginning */
static int go_on_together(struct flow_sampler *sampler, const bool *active, struct ensemble *ensemble,
                          uint64_t time_ps, struct piece *piece)
{
    int status = machine_run_until(ensemble->machine, time_ps);
    for (uint32_t i = 0, s = 0; i < sampler->workload->stream_count; i++) {
        if (!active[i])
            continue;
        const struct stream_result *result = machine_stream_result(ensemble->machine, s++);
        piece->bytes[i] = result->bytes;
        piece->last_ps[i] = result->last_ps;
        piece->operations[i] = result->recorded;
    }
    count_lookups(sampler, ensemble->machine, &piece->misses, &piece->lookups);
    return status;
}

/* An open loop that gets what it asks for, were it alone. One that does not is like a closed loop. */
static bool keeps_pace(const struct stream *stream, const struct flow_alone *alone)
{
    return stream->interval_ps && agree(alone->bytes_per_s, offered(stream));
}

/* How long the runs of a set are: long enough for a sample of the slowest closed loop, were it alone (of open
 * loops where there is no other), and not so long that the fastest do more than they should. */
struct sample_length {
    uint64_t first_ps, longest_ps;
};

static int choose_length(struct flow_sampler *sampler, const bool *active, struct sample_length *length)
{
    uint64_t closed_ps = 0, open_ps = 0;
    double operations_per_s = 0;
    for (uint32_t i = 0; i < sampler->workload->stream_count; i++) {
        const struct stream *stream = &sampler->workload->streams[i];
        const struct flow_alone *alone;
        if (!active[i])
            continue;
        int status = flow_sampler_alone(sampler, i, &alone);
        if (status < 0)
            return status;
        uint64_t *longest = keeps_pace(stream, alone) ? &open_ps : &closed_ps;
        uint64_t bytes = first_operations(stream) * stream->size_bytes;
        uint64_t time_ps = rate(bytes, alone->bytes_per_s); /* bytes by bytes a second: ps */
        *longest = time_ps > *longest ? time_ps : *longest;
        operations_per_s += (double)alone->bytes_per_s / (double)stream->size_bytes;
    }
    length->longest_ps = (uint64_t)(TOGETHER_MOST / operations_per_s * 1e12) + 1;
    length->first_ps = (closed_ps ? closed_ps : open_ps) + 1;
    if (length->first_ps > length->longest_ps / 4)
        length->first_ps = length->longest_ps / 4 + 1;
    return STATUS_OK;
}

/* Between the last completions of two pieces of a run. */
static uint64_t rate_between(const struct flow_sampler *sampler, uint32_t index,
                             const struct piece *short_one, const struct piece *long_one)
{
    const struct stream *stream = &sampler->workload->streams[index];
    uint64_t operations = long_one->operations[index] - short_one->operations[index];
    uint64_t found = rate(long_one->bytes[index] - short_one->bytes[index],
                          long_one->last_ps[index] - short_one->last_ps[index]);
    uint64_t most = offered(stream);
    if (keeps_pace(stream, sampler->alone[index]) && operations < OPEN_LOOP_LEAST)
        return sampler->alone[index]->bytes_per_s;
    return operations < TOGETHER_LEAST ? 0 : found < most ? found : most;
}

/* One piece after the other, each as long as all before it, until two in a row agree. */
static int measure_pieces(struct flow_sampler *sampler, const bool *active,
                          const struct sample_length *length, struct ensemble *ensemble,
                          struct piece pieces[2], struct flow_together *together)
{
    uint64_t time_ps = length->first_ps;
    int status = go_on_together(sampler, active, ensemble, time_ps, &pieces[0]);
    bool settled = false;
    for (unsigned i = 1; i <= DOUBLINGS && status == STATUS_OK && !settled; i++) {
        const struct piece *before = &pieces[(i + 1) % 2];
        struct piece *now = &pieces[i % 2];
        bool last = time_ps >= length->longest_ps / 2;
        time_ps *= 2;
        status = go_on_together(sampler, active, ensemble, time_ps, now);
        settled = i > 1;
        for (uint32_t s = 0; s < sampler->workload->stream_count; s++) {
            uint64_t found = active[s] ? rate_between(sampler, s, before, now) : 0;
            settled &= agree(found, together->bytes_per_s[s]);
            together->bytes_per_s[s] = found;
        }
        settled |= last;
        together->misses = now->misses;
        together->lookups = now->lookups;
    }
    return status;
}

static int measure_together(struct flow_sampler *sampler, const bool *active, struct flow_together *together)
{
    size_t count = sampler->workload->stream_count;
    struct sample_length length;
    struct ensemble ensemble;
    uint64_t *numbers = memory_array(count * 6, sizeof(*numbers));
    struct piece pieces[2] = {{numbers, numbers + count, numbers + 2 * count, 0, 0},
                              {numbers + 3 * count, numbers + 4 * count, numbers + 5 * count, 0, 0}};
    together->bytes_per_s = arena_array(sampler->arena, count, sizeof(*together->bytes_per_s));
    int status = choose_length(sampler, active, &length);
    if (status == STATUS_OK) {
        status = begin_together(sampler, active, &ensemble);
        if (status == STATUS_OK)
            status = measure_pieces(sampler, active, &length, &ensemble, pieces, together);
        end_together(sampler, &ensemble);
    }
    free(numbers);
    return status;
}

/* What was measured, for a set of other streams that do the same: the first is the first, and so on. */
static const struct flow_together *for_others(struct flow_sampler *sampler, const struct known_set *set,
                                              const bool *active)
{
    uint32_t count = sampler->workload->stream_count, other = 0;
    struct flow_together *together = arena_alloc(sampler->arena, sizeof(*together));
    *together = set->together;
    together->bytes_per_s = arena_array(sampler->arena, count, sizeof(*together->bytes_per_s));
    for (uint32_t i = 0; i < count; i++) {
        if (!active[i])
            continue;
        while (!set->active[other])
            other++;
        together->bytes_per_s[i] = set->together.bytes_per_s[other++];
    }
    return together;
}

int flow_sampler_together(struct flow_sampler *sampler, const bool *active,
                          const struct flow_together **together)
{
    uint64_t key = content_key(sampler, active, 0);
    uint32_t count = sampler->workload->stream_count;
    for (const struct known_set *set = sampler->sets; set; set = set->next) {
        if (set->key == key) {
            *together = for_others(sampler, set, active);
            return STATUS_OK;
        }
    }
    struct known_set *set = arena_alloc(sampler->arena, sizeof(*set));
    int status = measure_together(sampler, active, &set->together);
    if (status < 0)
        return status;
    set->key = key;
    set->active = arena_array(sampler->arena, count, sizeof(*set->active));
    memcpy(set->active, active, count * sizeof(*set->active));
    set->next = sampler->sets;
    sampler->sets = set;
    *together = &set->together;
    return STATUS_OK;
}
