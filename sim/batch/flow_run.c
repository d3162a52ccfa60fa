/* SPDX-License-Identifier: MIT */
#include "sim/batch/flow_run.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/machine/max_min.h"
#include "sim/machine/port_shares.h"

#include <math.h>
#include <stdlib.h>

enum { SET_MOST = 64 /* streams sampled together */ };

static const double same_wire = 0.98; /* of what the busiest wire carries for a flow */
static const double note_difference = 0.1, full_link = 0.95, more_misses = 0.05;

struct flow_job {
    struct flow_result *result;
    struct flow_sampler *sampler;
    const struct workload *workload;
    struct arena *arena;
    struct fluid_run fluid;
    double *wire_factor;       /* [stream] bytes on its busiest wire for one of its own */
    double *packet;            /* [stream] bytes of its packets on that wire */
    double *link_bytes_per_s;  /* [link] */
    uint32_t *link_of_channel; /* [channel] or NONE */
    uint32_t channel_count;
    size_t set_capacity;
};

/* ---- which streams ---- */

/* A device that is its guest's for a part of the run only. */
static bool comes_or_goes(const struct workload *workload, uint32_t function_id)
{
    for (uint32_t g = 0; g < workload->virtual_machine_count; g++) {
        const struct virtual_machine *guest = &workload->virtual_machines[g];
        for (uint32_t i = 0; i < guest->event_count; i++) {
            if (guest->events[i].function_id == function_id)
                return true;
        }
        for (uint32_t i = 0; i < guest->function_count && !guest->running; i++) {
            if (guest->function_ids[i] == function_id)
                return true;
        }
    }
    return false;
}

static int check_stream(const struct workload *workload, const struct stream *stream,
                        struct diagnostics *diagnostics)
{
    const char *what = stream->trace_path                          ? "plays a trace"
                       : stream->device_kind != DEVICE_NONE        ? "is a device with its driver"
                       : stream->operation == STREAM_MSI           ? "sends interrupts"
                       : stream->misbehaviour != MISBEHAVIOUR_NONE ? "misbehaves"
                       : comes_or_goes(workload, stream->function_id)
                           ? "is of a device that comes to its guest, or goes, during the run"
                           : NULL;
    if (!what)
        return STATUS_OK;
    workload_report(
        workload, diagnostics, DIAGNOSTIC_ERROR, stream->pointer, "flow-stream",
        "stream \"%s\" %s; the flow engine takes bulk reads and writes only (--engine transaction "
        "takes all)",
        stream->name, what);
    return STATUS_BAD_INPUT;
}

static int sample_alone(struct flow_job *job, uint32_t index, struct diagnostics *diagnostics)
{
    const struct stream *stream = &job->workload->streams[index];
    struct flow_stream_result *result = &job->result->streams[index];
    result->stream = stream;
    int status = flow_sampler_alone(job->sampler, index, &result->alone);
    if (status < 0 || result->alone->bytes_per_s)
        return status;
    workload_report(
        job->workload, diagnostics, DIAGNOSTIC_ERROR, stream->pointer, "flow-no-progress",
        "stream \"%s\" moves nothing: %llu operations of a sample failed; --engine transaction says why",
        stream->name, (unsigned long long)result->alone->failed);
    return STATUS_BAD_INPUT;
}

/* ---- links ---- */

static double hop_factor(const struct flow_hop *hop)
{
    return (double)hop->wire_bytes / (double)hop->per_bytes;
}

static uint32_t link_of(struct flow_job *job, const struct flow_hop *hop)
{
    uint32_t link = job->link_of_channel[hop->channel];
    if (link == NONE) {
        const struct channel *channel =
            &machine_transport(job->result->simulation->machine)->channels[hop->channel];
        link = job->link_of_channel[hop->channel] = job->result->link_count++;
        job->result->links[link] = (struct flow_link){channel->function_id, channel->upward, 0, 0};
    }
    if (hop->bytes_per_s > job->result->links[link].wire_bytes_per_s) {
        job->result->links[link].wire_bytes_per_s = hop->bytes_per_s;
        job->link_bytes_per_s[link] = (double)hop->bytes_per_s;
    }
    return link;
}

/* The wire a flow takes from a node, among those at @p hops from @p at on; upward first, since what a switch
 * has to send up comes back to it. @return its place, or @p count */
static uint32_t next_hop(const struct transport *transport, const struct flow_hop *hops, uint32_t at,
                         uint32_t count, uint32_t node)
{
    uint32_t found = count;
    for (uint32_t h = at; h < count; h++) {
        const struct channel *channel = &transport->channels[hops[h].channel];
        if (channel->from_node == node && (found == count || channel->upward))
            found = h;
    }
    return found;
}

/* Where a flow's way begins: at the function, else where no other of its wires leads to. */
static uint32_t first_node(const struct transport *transport, const struct flow_hop *hops, uint32_t count,
                           uint32_t own_node)
{
    uint32_t node = transport->channels[hops[0].channel].from_node;
    if (next_hop(transport, hops, 0, count, own_node) < count)
        return own_node;
    for (uint32_t h = 0; h < count; h++) {
        bool led_to = false;
        for (uint32_t o = 0; o < count; o++)
            led_to |= transport->channels[hops[o].channel].to_node ==
                      transport->channels[hops[h].channel].from_node;
        if (!led_to)
            node = transport->channels[hops[h].channel].from_node;
    }
    return node;
}

/* Put wires into the order in which data pass them. */
static void order_hops(const struct transport *transport, struct flow_hop *hops, uint32_t count,
                       uint32_t own_node)
{
    uint32_t node = count ? first_node(transport, hops, count, own_node) : 0;
    for (uint32_t at = 0; at < count; at++) {
        uint32_t next = next_hop(transport, hops, at, count, node);
        next = next == count ? at : next;
        struct flow_hop moved = hops[next];
        hops[next] = hops[at];
        hops[at] = moved;
        node = transport->channels[moved.channel].to_node;
    }
}

/* MODEL: SimGrid has one rate for all wires of a flow. Those that carry less than the busiest one - requests
 * of reads, the quieter direction of both - are not counted on their links. */
static void place_flow(struct flow_job *job, uint32_t index)
{
    const struct flow_stream_result *result = &job->result->streams[index];
    const struct flow_alone *alone = result->alone;
    const struct transport *transport = machine_transport(job->result->simulation->machine);
    struct flow_hop *hops = arena_array(job->arena, (size_t)alone->hop_count + 1, sizeof(*hops));
    uint32_t *links = arena_array(job->arena, (size_t)alone->hop_count + 1, sizeof(*links));
    struct fluid_flow *flow = &job->fluid.flows[index];
    double factor = 0;
    for (uint32_t h = 0; h < alone->hop_count; h++)
        factor = fmax(factor, hop_factor(&alone->hops[h]));
    for (uint32_t h = 0; h < alone->hop_count; h++) {
        if (hop_factor(&alone->hops[h]) >= factor * same_wire)
            hops[flow->link_count++] = alone->hops[h];
    }
    order_hops(transport, hops, flow->link_count, transport->node_of[result->stream->function_id]);
    for (uint32_t h = 0; h < flow->link_count; h++)
        links[h] = link_of(job, &hops[h]);
    job->wire_factor[index] = factor > 0 ? factor : 1;
    job->packet[index] = flow->link_count ? (double)hops[0].wire_bytes / (double)hops[0].tlps : 1;
    flow->links = links;
}

static void make_flow(struct flow_job *job, uint32_t index)
{
    const struct stream *stream = &job->workload->streams[index];
    struct fluid_flow *flow = &job->fluid.flows[index];
    place_flow(job, index);
    double operation = (double)stream->size_bytes * job->wire_factor[index];
    flow->start_ps = stream->start_ps;
    flow->warmup_bytes = (double)stream->warmup_operations * operation;
    flow->bytes = (double)stream->operations * operation;
    flow->ceiling = (double)job->result->streams[index].alone->bytes_per_s * job->wire_factor[index];
}

/* ---- ceilings ---- */

static void share_max_min(struct flow_job *job, const bool *active, double *rates)
{
    struct max_min_flow *flows = memory_array(job->fluid.flow_count, sizeof(*flows));
    for (uint32_t f = 0; f < job->fluid.flow_count; f++)
        flows[f] = (struct max_min_flow){active[f] ? job->fluid.flows[f].ceiling : 0,
                                         job->fluid.flows[f].links, job->fluid.flows[f].link_count, 0};
    max_min_share(flows, job->fluid.flow_count, job->link_bytes_per_s, job->fluid.link_count);
    for (uint32_t f = 0; f < job->fluid.flow_count; f++)
        rates[f] = flows[f].rate;
    free(flows);
}

static void share_by_ports(struct flow_job *job, const bool *active, double *rates)
{
    struct port_flow *flows = memory_array(job->fluid.flow_count, sizeof(*flows));
    for (uint32_t f = 0; f < job->fluid.flow_count; f++)
        flows[f] = (struct port_flow){active[f] ? job->fluid.flows[f].ceiling : 0,
                                      job->packet[f],
                                      job->workload->streams[f].function_id,
                                      job->fluid.flows[f].links,
                                      job->fluid.flows[f].link_count,
                                      0};
    port_shares(flows, job->fluid.flow_count, job->link_bytes_per_s, job->fluid.link_count);
    for (uint32_t f = 0; f < job->fluid.flow_count; f++)
        rates[f] = flows[f].rate;
    free(flows);
}

/* Misses of the IOTLB for each lookup, would the streams not see each other. */
static double misses_apart(const struct flow_job *job, const struct flow_set *set)
{
    double misses = 0, lookups = 0;
    for (uint32_t i = 0; i < job->workload->stream_count; i++) {
        const struct flow_alone *alone = job->result->streams[i].alone;
        double bytes = (double)alone->operations * (double)job->workload->streams[i].size_bytes;
        if (!set->active[i] || bytes <= 0)
            continue;
        misses += (double)alone->misses / bytes * (double)set->bytes_per_s[i];
        lookups += (double)alone->lookups / bytes * (double)set->bytes_per_s[i];
    }
    return lookups > 0 ? misses / lookups : 0;
}

static bool some_link_full(const struct flow_job *job, const struct flow_set *set)
{
    bool full = false;
    for (uint32_t l = 0; l < job->fluid.link_count && !full; l++) {
        double used = 0;
        for (uint32_t f = 0; f < job->fluid.flow_count; f++) {
            const struct fluid_flow *flow = &job->fluid.flows[f];
            for (uint32_t i = 0; i < flow->link_count && set->active[f]; i++)
                used += flow->links[i] == l ? (double)set->bytes_per_s[f] * job->wire_factor[f] : 0;
        }
        full = used >= full_link * job->link_bytes_per_s[l];
    }
    return full;
}

/* Is some stream's rate in the set not as another way of sharing says? */
static bool differs(const struct flow_job *job, const struct flow_set *set, const uint64_t *other)
{
    bool found = false;
    for (uint32_t i = 0; i < job->workload->stream_count; i++) {
        double sampled = (double)set->bytes_per_s[i], otherwise = (double)other[i];
        found |= set->active[i] && fabs(sampled - otherwise) > note_difference * fmax(sampled, otherwise);
    }
    return found;
}

static enum flow_difference find_difference(const struct flow_job *job, const struct flow_set *set,
                                            const struct flow_together *together)
{
    double misses = together->lookups ? (double)together->misses / (double)together->lookups : 0;
    if (!differs(job, set, set->max_min_bytes_per_s))
        return DIFFERENCE_NONE;
    if (!differs(job, set, set->port_bytes_per_s))
        return DIFFERENCE_PORTS;
    if (misses > misses_apart(job, set) + more_misses)
        return DIFFERENCE_IOTLB;
    return some_link_full(job, set) ? DIFFERENCE_IN_FLIGHT : DIFFERENCE_NO_LINK;
}

static struct flow_set *add_set(struct flow_job *job, uint64_t now_ps, const bool *active)
{
    struct flow_result *result = job->result;
    uint32_t count = job->workload->stream_count;
    struct flow_set *grown = result->sets;
    if (result->set_count == job->set_capacity) {
        job->set_capacity = job->set_capacity ? 2 * job->set_capacity : 8;
        grown = arena_array(job->arena, job->set_capacity, sizeof(*grown));
        for (uint32_t s = 0; s < result->set_count; s++)
            grown[s] = result->sets[s];
    }
    result->sets = grown;
    struct flow_set *set = &result->sets[result->set_count++];
    *set = (struct flow_set){.from_ps = now_ps};
    set->active = arena_array(job->arena, count, sizeof(bool));
    set->bytes_per_s = arena_array(job->arena, count, sizeof(uint64_t));
    set->max_min_bytes_per_s = arena_array(job->arena, count, sizeof(uint64_t));
    set->port_bytes_per_s = arena_array(job->arena, count, sizeof(uint64_t));
    for (uint32_t i = 0; i < count; i++)
        set->active[i] = active[i];
    return set;
}

static int sample_together(struct flow_job *job, struct flow_set *set)
{
    const struct flow_together *together;
    int status = flow_sampler_together(job->sampler, set->active, &together);
    if (status < 0)
        return status;
    for (uint32_t i = 0; i < job->workload->stream_count; i++) {
        if (set->active[i] &&
            together->bytes_per_s[i]) /* else it had no turn in the sample: too rare to be seen */
            set->bytes_per_s[i] = together->bytes_per_s[i];
    }
    set->sampled = true;
    set->difference = find_difference(job, set, together);
    return STATUS_OK;
}

/* Rates on the wire to those of streams. */
static void take_rates(const struct flow_job *job, const bool *active, const double *rates,
                       uint64_t *bytes_per_s)
{
    for (uint32_t i = 0; i < job->fluid.flow_count; i++)
        bytes_per_s[i] = active[i] ? (uint64_t)llround(rates[i] / job->wire_factor[i]) : 0;
}

static int on_change(void *context, uint64_t now_ps, const bool *active, double *ceilings)
{
    struct flow_job *job = context;
    struct flow_set *set = add_set(job, now_ps, active);
    enum flow_sharing sharing = job->result->sharing;
    uint32_t members = 0;
    for (uint32_t i = 0; i < job->fluid.flow_count; i++)
        members += active[i];
    bool sample = sharing == FLOW_SHARING_SAMPLED && members > 1;
    share_max_min(job, active, ceilings);
    take_rates(job, active, ceilings, set->max_min_bytes_per_s);
    take_rates(job, active, ceilings, set->bytes_per_s);
    share_by_ports(job, active, ceilings);
    take_rates(job, active, ceilings, set->port_bytes_per_s);
    if (sharing == FLOW_SHARING_PORTS || sample)
        take_rates(job, active, ceilings, set->bytes_per_s);
    job->result->unsampled_sets += sample && members > SET_MOST;
    int status = sample && members <= SET_MOST ? sample_together(job, set) : STATUS_OK;
    for (uint32_t i = 0; i < job->fluid.flow_count; i++)
        ceilings[i] = sharing == FLOW_SHARING_MAX_MIN ? job->fluid.flows[i].ceiling
                                                      : (double)set->bytes_per_s[i] * job->wire_factor[i];
    return status;
}

/* ---- the run ---- */

static void take_answers(struct flow_job *job)
{
    struct flow_result *result = job->result;
    for (uint32_t i = 0; i < job->workload->stream_count; i++) {
        const struct fluid_flow *flow = &job->fluid.flows[i];
        struct flow_stream_result *stream = &result->streams[i];
        stream->bytes = (uint64_t)llround(flow->moved / job->wire_factor[i]);
        stream->operations = stream->bytes / stream->stream->size_bytes;
        stream->first_ps = flow->first_ps;
        stream->last_ps = flow->last_ps;
        stream->started = flow->started;
        stream->finished = flow->finished;
        for (uint32_t l = 0; l < flow->link_count; l++)
            result->links[flow->links[l]].wire_bytes += flow->moved + flow->warmed;
    }
    result->end_ps = job->fluid.end_ps;
    flow_sampler_work(job->sampler, &result->samples, &result->sampled_operations);
}

static void allocate(struct flow_job *job)
{
    uint32_t streams = job->workload->stream_count;
    job->channel_count = machine_transport(job->result->simulation->machine)->channel_count;
    job->link_of_channel = arena_array(job->arena, job->channel_count, sizeof(uint32_t));
    for (uint32_t c = 0; c < job->channel_count; c++)
        job->link_of_channel[c] = NONE;
    job->result->links = arena_array(job->arena, job->channel_count, sizeof(struct flow_link));
    job->link_bytes_per_s = arena_array(job->arena, job->channel_count, sizeof(double));
    job->wire_factor = arena_array(job->arena, streams, sizeof(double));
    job->packet = arena_array(job->arena, streams, sizeof(double));
    job->fluid.flows = arena_array(job->arena, streams, sizeof(struct fluid_flow));
    job->fluid.flow_count = streams;
}

int flow_run(struct scenario_run *run, const struct world_engines *engines,
             const struct flow_run_options *options, struct arena *arena, struct flow_sampler **sampler,
             struct flow_result *result, struct diagnostics *diagnostics)
{
    const struct workload *workload = run->workload;
    struct flow_job job = {.result = result, .workload = workload, .arena = arena};
    *result = (struct flow_result){.name = run->scenario->name,
                                   .simulation = &run->simulation,
                                   .workload = workload,
                                   .sharing = options->sharing,
                                   .simgrid_version = engines->simgrid_version()};
    int status = scenario_run_build(run, options->progress, options->progress_context, diagnostics);
    for (uint32_t i = 0; i < workload->stream_count && status == STATUS_OK; i++)
        status = check_stream(workload, &workload->streams[i], diagnostics);
    if (status < 0)
        return status;
    result->streams = arena_array(arena, workload->stream_count, sizeof(*result->streams));
    *sampler = job.sampler = flow_sampler_new(&run->simulation, workload, diagnostics);
    allocate(&job);
    for (uint32_t i = 0; i < workload->stream_count && status == STATUS_OK; i++) {
        status = sample_alone(&job, i, diagnostics);
        if (status == STATUS_OK)
            make_flow(&job, i);
    }
    if (status < 0)
        return status;
    result->measured = true;
    job.fluid.link_bytes_per_s = job.link_bytes_per_s;
    job.fluid.link_count = result->link_count;
    job.fluid.duration_ps = workload->duration_ps;
    job.fluid.context = &job;
    job.fluid.ceilings = on_change;
    status = engines->run_fluid(&job.fluid);
    result->interrupted = status == STATUS_INTERRUPTED;
    if (status == STATUS_OK || result->interrupted)
        take_answers(&job);
    return status;
}
