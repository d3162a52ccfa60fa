/* SPDX-License-Identifier: MIT */
#include "sim/world/message.h"

#include "sim/base/arena.h"
#include "sim/world/software.h"
#include "sim/world/world_simulation.h"

/* A segment under way in one of its machines. */
struct segment {
    struct message *message;
    struct packet packet; /* its way so far */
};

static struct world_simulation *simulation_of(const struct message *message)
{
    return message->route->source->simulation;
}

static bool is_nic(const struct node *node, uint32_t function_id)
{
    for (uint32_t i = 0; i < node->group->network_function_count; i++) {
        if (node->group->network_functions[i] == function_id)
            return true;
    }
    return false;
}

/* ---- books ---- */

static void count_times(struct node_traffic *traffic, uint64_t begun_ps, uint64_t now_ps)
{
    if (begun_ps < traffic->first_ps)
        traffic->first_ps = begun_ps;
    traffic->last_ps = now_ps > traffic->last_ps ? now_ps : traffic->last_ps;
}

void traffic_record(struct node *node, uint32_t id, uint64_t begun_ps)
{
    struct node_traffic *traffic = &node->traffic[id];
    uint64_t now_ps = node_now_ps(node);
    if (!traffic->latency)
        traffic->latency = memory_alloc(sizeof(*traffic->latency));
    histogram_record(traffic->latency, now_ps - begun_ps);
    traffic->done++;
    count_times(traffic, begun_ps, now_ps);
}

static void record_segment(struct node *node, const struct segment *segment, uint64_t begun_ps)
{
    struct node_traffic *traffic = &node->traffic[segment->message->route->traffic];
    struct world_hops *hops = segment->message->route->local ? &traffic->local : &traffic->network;
    uint64_t sum_ps = 0, total_ps = node_now_ps(node) - begun_ps;
    hops->segments++;
    hops->bytes += segment->packet.bytes;
    hops->total_ps += total_ps;
    for (int i = 0; i < HOPS; i++) {
        hops->ps[i] += segment->packet.hop_ps[i];
        sum_ps += segment->packet.hop_ps[i];
    }
    if (sum_ps != total_ps)
        world_broken("the parts of a segment's time do not add up to it");
}

static void add_operation(struct segment *segment, const struct machine_operation_time *time, bool target)
{
    uint64_t *hop_ps = segment->packet.hop_ps;
    hop_ps[target ? HOP_TARGET_MAPPING : HOP_SOURCE_MAPPING] += time->mapping_ps;
    hop_ps[target ? HOP_TARGET_IOMMU : HOP_SOURCE_IOMMU] += time->iommu_ps;
    hop_ps[target ? HOP_TARGET_FABRIC : HOP_SOURCE_FABRIC] += time->fabric_ps;
}

void message_release(struct message *message)
{
    if (--message->holders == 0)
        node_give_object(message->route->source, OBJECT_MESSAGE, message);
}

/* ---- the source ---- */

static void hand_segments(struct message *message);

static void source_over(struct message *message)
{
    struct node *node = message->route->source;
    struct node_traffic *traffic = &node->traffic[message->route->traffic];
    message->over = true;
    traffic->messages++;
    traffic->failed_messages += message->failed;
    if (message->route->counted) {
        if (message->failed)
            traffic->failed++;
        else
            traffic_record(node, message->route->traffic, message->posted_ps);
    }
    if (message->sender)
        software_message_over(message->sender);
    message_release(message);
}

/* So many bytes are visible at the other end, or lost. */
static void acknowledged(struct message *message, uint32_t bytes, bool failed)
{
    message->acknowledged_bytes += bytes;
    message->failed |= failed;
    message->in_flight--;
    if (message->acknowledged_bytes == message->bytes)
        source_over(message);
    else
        hand_segments(message);
}

/* Where in a window the next piece lies; one that would not fit begins anew. */
static uint64_t place(const struct node_window *window, uint64_t *offset, uint32_t bytes)
{
    if (*offset + bytes > window->bytes)
        *offset = *offset % window->bytes + bytes > window->bytes ? 0 : *offset % window->bytes;
    uint64_t address = window->base + *offset;
    *offset += (bytes + 63) & ~UINT64_C(63);
    return address;
}

static void send_segment(struct segment *segment)
{
    struct route *route = segment->message->route;
    struct world_simulation *simulation = route->source->simulation;
    segment->packet.kind = PACKET_DATA;
    segment->packet.message = segment->message;
    courier_send(route->source, route->target, &segment->packet, simulation->hosts[route->source_host],
                 simulation->hosts[route->target_host], route->latency_ps);
    node_give_object(route->source, OBJECT_SEGMENT, segment);
}

static void source_read(void *argument, const struct machine_operation_time *time, bool failed)
{
    struct segment *segment = argument;
    struct message *message = segment->message;
    add_operation(segment, time, false);
    if (!failed) {
        send_segment(segment);
        return;
    }
    uint32_t bytes = segment->packet.bytes;
    node_give_object(message->route->source, OBJECT_SEGMENT, segment);
    acknowledged(message, bytes, true);
}

static void local_over(void *argument, const struct machine_operation_time *time, bool failed);

/* Where the function @p issuer finds what lies at an end of its own machine. */
static struct node_operation operation_at(struct node *node, const struct message *message, uint32_t issuer,
                                          uint32_t at, uint64_t *offset, uint32_t bytes, bool write)
{
    return (struct node_operation){.function_id = issuer,
                                   .traffic = message->route->traffic,
                                   .in_memory = at == NONE,
                                   .write = write,
                                   .address = place(node_window(node, at), offset, bytes),
                                   .bytes = bytes};
}

static void begin_segment(struct message *message, struct segment *segment)
{
    struct route *route = message->route;
    struct node *node = route->source;
    uint32_t bytes = segment->packet.bytes;
    if (route->local) {
        bool pull = route->from.function_id == NONE; /* from memory: the function that wants it reads */
        struct node_operation operation =
            pull ? operation_at(node, message, route->to.function_id, NONE, &route->source_offset, bytes,
                                false)
                 : operation_at(node, message, route->from.function_id, route->to.function_id,
                                &route->target_offset, bytes, true);
        node_submit(node, &operation, local_over, segment);
    } else if (is_nic(node, route->from.function_id)) {
        send_segment(segment);
    } else {
        struct node_operation operation = operation_at(
            node, message, route->source_nic, route->from.function_id, &route->source_offset, bytes, false);
        node_submit(node, &operation, source_read, segment);
    }
}

static void hand_segments(struct message *message)
{
    const struct world_software *how = &simulation_of(message)->world->software;
    while (message->handed_bytes < message->bytes && message->in_flight < how->segments_in_flight) {
        uint64_t left = message->bytes - message->handed_bytes;
        struct segment *segment = node_take_object(message->route->source, OBJECT_SEGMENT, sizeof(*segment));
        segment->message = message;
        segment->packet.bytes = (uint32_t)(left < how->segment_bytes ? left : how->segment_bytes);
        segment->packet.hop_ps[HOP_QUEUE] = node_now_ps(message->route->source) - message->posted_ps;
        message->handed_bytes += segment->packet.bytes;
        message->in_flight++;
        begin_segment(message, segment);
    }
}

static struct message *new_message(struct node *node, struct route *route, uint64_t bytes,
                                   struct software *receiver, void *note)
{
    struct message *message = node_take_object(node, OBJECT_MESSAGE, sizeof(*message));
    message->route = route;
    message->bytes = bytes;
    message->receiver = receiver;
    message->note = note;
    return message;
}

struct message *message_post(struct route *route, uint64_t bytes, struct software *sender, bool waited,
                             struct software *receiver, void *note)
{
    struct message *message = new_message(route->source, route, bytes, receiver, note);
    message->from = sender;
    message->sender = waited ? sender : NULL;
    message->holders = waited ? 2 : 1;
    message->posted_ps = node_now_ps(route->source);
    hand_segments(message);
    return message;
}

void message_fetch(struct route *route, uint64_t bytes, struct software *receiver, void *note)
{
    struct message *message = new_message(route->target, route, bytes, receiver, note);
    struct packet packet = {.kind = PACKET_FETCH, .message = message};
    message->from = receiver;
    message->holders = 1;
    node_send_control(route->target, route->source, &packet, route->latency_ps);
}

/* ---- the target ---- */

/* All of it is visible: tell the software it is for. */
static void target_there(struct message *message, uint32_t bytes, bool failed)
{
    message->there_bytes += bytes;
    message->broken |= failed;
    if (message->there_bytes == message->bytes && message->receiver && !message->broken)
        software_message_there(message->receiver, message->from, message->note);
}

static void acknowledge(struct node *node, struct segment *segment, bool failed)
{
    struct message *message = segment->message;
    struct packet answer = {
        .kind = PACKET_ACKNOWLEDGE, .message = message, .bytes = segment->packet.bytes, .failed = failed};
    node_give_object(node, OBJECT_SEGMENT, segment);
    target_there(message, answer.bytes, failed);
    node_send_control(node, message->route->source, &answer, message->route->latency_ps);
}

static void segment_written(struct node *node, struct segment *segment, bool failed)
{
    const struct message *message = segment->message;
    if (!failed)
        record_segment(node, segment, message->posted_ps);
    acknowledge(node, segment, failed);
}

static void target_written(void *argument, const struct machine_operation_time *time, bool failed)
{
    struct segment *segment = argument;
    add_operation(segment, time, true);
    segment_written(segment->message->route->target, segment, failed);
}

static void data_arrived(struct node *node, const struct packet *packet)
{
    struct message *message = packet->message;
    struct route *route = message->route;
    struct segment *segment = node_take_object(node, OBJECT_SEGMENT, sizeof(*segment));
    *segment = (struct segment){message, *packet};
    segment->packet.hop_ps[HOP_NETWORK_LATENCY] = route->latency_ps;
    segment->packet.hop_ps[HOP_NETWORK_TRANSFER] = packet->time_ps - packet->sent_ps - route->latency_ps;
    if (is_nic(node, route->to.function_id)) {
        segment_written(node, segment, false);
        return;
    }
    struct node_operation operation = operation_at(node, message, route->target_nic, route->to.function_id,
                                                   &route->target_offset, packet->bytes, true);
    node_submit(node, &operation, target_written, segment);
}

/* ---- both ---- */

static void local_over(void *argument, const struct machine_operation_time *time, bool failed)
{
    struct segment *segment = argument;
    struct message *message = segment->message;
    struct node *node = message->route->source;
    uint32_t bytes = segment->packet.bytes;
    add_operation(segment, time, false);
    if (!failed)
        record_segment(node, segment, message->posted_ps);
    node_give_object(node, OBJECT_SEGMENT, segment);
    target_there(message, bytes, failed);
    acknowledged(message, bytes, failed);
}

void message_packet_arrived(struct node *node, const struct packet *packet)
{
    struct message *message = packet->message;
    switch (packet->kind) {
    case PACKET_DATA:
        data_arrived(node, packet);
        break;
    case PACKET_ACKNOWLEDGE:
        acknowledged(message, packet->bytes, packet->failed);
        break;
    case PACKET_FETCH:
        message->posted_ps = node_now_ps(node);
        hand_segments(message);
        break;
    }
}

/* ---- routes ---- */

static uint32_t host_of(const struct world_machines *group, uint32_t machine, uint32_t nic)
{
    uint32_t which = 0;
    while (group->network_functions[which] != nic)
        which++;
    return group->first_host + (machine - group->first) * group->network_function_count + which;
}

/* Room for transfers at an end; a NIC's own needs none. */
static void use_end(struct node *node, uint32_t function_id, uint64_t bytes)
{
    if (function_id == NONE || !is_nic(node, function_id))
        node_use(node, function_id, bytes);
}

struct route *route_new(struct world_simulation *simulation, uint32_t traffic, struct world_end from,
                        struct world_end to, uint64_t bytes, uint32_t turn)
{
    const struct world *world = simulation->world;
    struct route *route = arena_alloc(simulation->arena, sizeof(*route));
    *route = (struct route){.from = from, .to = to, .traffic = traffic, .local = from.machine == to.machine};
    route->source = world_simulation_node(simulation, from.machine);
    route->target = world_simulation_node(simulation, to.machine);
    node_touch(route->source, traffic, 1);
    node_touch(route->target, traffic, 1);
    route->source_offset = route->target_offset = turn * bytes;
    if (route->local) {
        node_use(route->source, from.function_id == NONE ? NONE : to.function_id, bytes);
        return route;
    }
    route->source_nic = world_network_function(world, from, turn);
    route->target_nic = world_network_function(world, to, turn);
    route->source_host = host_of(route->source->group, from.machine, route->source_nic);
    route->target_host = host_of(route->target->group, to.machine, route->target_nic);
    use_end(route->source, from.function_id, bytes);
    use_end(route->target, to.function_id, bytes);
    world_simulation_add_route(simulation, route);
    return route;
}
