/* SPDX-License-Identifier: MIT */
/* Parameters, the wire, and what receiving and transmitting share. */
#include "models/device/nic_internal.h"

#define COUNT(key, member, low, high, text) FIELD_ROW_COUNT(nic_parameters, key, member, low, high, text)
#define SIZE(key, member, low, high, text)                                                                   \
    FIELD_ROW_QUANTITY(nic_parameters, key, member, UNIT_BYTES, low, high, text)
#define CHOICE(key, member, words, text) FIELD_ROW_CHOICE(nic_parameters, key, member, words, text)

/* ORDER: as the enums of nic.h. */
static const char *const directions[] = {"receive", "transmit", NULL};
static const char *const sizes[] = {"fixed", "imix", "uniform", NULL};
static const char *const overruns[] = {"pause", "drop", NULL};
static const char *const recyclings[] = {"none", "page-pool", "page-cache", NULL};

static const struct field fields[] = {
    CHOICE("direction", direction, directions, "whether packets come in or go out"),
    COUNT("queues", queues, 1, 256, "queues, each with a CPU of its own from the stream's \"cpu\" on"),
    COUNT("channels", channels, 0, 1024,
          "queues the driver has open, mlx5: one for each CPU; those beyond \"queues\" get no packets, but "
          "receiving their rings hold addresses all the same; 0: no more than \"queues\""),
    COUNT("ring", ring, 1, 32768, "receive buffers, or packets to send, that a queue has posted at most"),
    CHOICE("packet_sizes", packet_sizes, sizes,
           "fixed: \"packet\" bytes each; imix: 64, 594 and 1518 bytes as 7 : 4 : 1; uniform: 64 bytes to "
           "\"packet\""),
    SIZE(
        "packet", packet_bytes, 64, 65536,
        "bytes of a packet from the Ethernet header on; transmitting also what TCP hands over at once, up to "
        "64KiB"),
    SIZE("headers", header_bytes, 0, 512, "of a packet that are no payload"),
    SIZE("wire_overhead", wire_overhead_bytes, 0, 4096,
         "on the wire around each packet: preamble, checksum, gap"),
    {.name = "rate",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct nic_parameters, rate_bytes_per_s),
     .unit = UNIT_BYTES_PER_S,
     .minimum = 1000,
     .maximum = UINT64_C(1000000000000),
     .help = "of the wire, or what is offered on it"},
    COUNT("flows", flows, 1, 65536, "connections; number f belongs to queue f modulo queues"),
    SIZE("packet_memory", packet_memory_bytes, 65536, UINT64_C(1) << 26,
         "memory of the card for packets between the wire and the host"),
    CHOICE("overrun", overrun, overruns,
           "a packet that finds this memory full waits outside (pause), or is lost (drop)"),
    SIZE("buffer", buffer_bytes, 64, 65536, "of a receive buffer; a larger packet takes several"),
    SIZE("mapping", mapping_bytes, 4096, 2097152,
         "memory mapped by one call of the DMA API; receive buffers are cut from it"),
    COUNT("buffers_per_descriptor", buffers_per_descriptor, 1, 1024, "receive buffers a descriptor tells of"),
    CHOICE("recycling", recycling, recyclings,
           "what becomes of receive buffers. none: unmapped, new ones mapped; page-pool: used again, still "
           "mapped, when the application has read them; page-cache: used again if it has read them when "
           "their turn comes, else unmapped"),
    COUNT("page_cache", page_cache, 1, 32768, "buffers that the cache of a queue holds (page-cache)"),
    SIZE("held", held_bytes, 0, UINT64_C(1) << 26,
         "received data of a connection that the application has not read"),
    COUNT("packets_per_acknowledgement", packets_per_ack, 0, 65536,
          "received packets for which one acknowledgement is sent; 0: none is"),
    SIZE("descriptor", descriptor_bytes, 4, 256, "of a descriptor"),
    COUNT("descriptors_fetched", descriptors_fetched, 1, 256, "descriptors the card reads at once, at most"),
    SIZE("completion", completion_bytes, 4, 256, "of a completion entry"),
    COUNT("packets_per_completion", packets_per_completion, 1, 256,
          "packets sent for which one completion entry is written"),
    {.name = "interrupt_delay",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct nic_parameters, interrupt_delay_ps),
     .unit = UNIT_PICOSECONDS,
     .maximum = UINT64_C(1000000000000),
     .help = "interrupt moderation: from the first completion to the interrupt"},
    COUNT("interrupt_packets", interrupt_packets, 1, 65536,
          "interrupt moderation: so many completions do not wait any longer"),
    COUNT("doorbell_batch", doorbell_batch, 1, 1024, "descriptors posted with one doorbell"),
};

const struct field_table nic_fields = {"nic", "a network card and its driver", fields,
                                       sizeof(fields) / sizeof(fields[0]), sizeof(struct nic_parameters)};

enum { MINIMUM_FRAME = 64, TOO_MANY_PACKETS = 1 << TOKEN_SLOT_BITS };

/* ---- lists through arrays, by index ---- */

static uint32_t *link_of(uint32_t *link, size_t stride, uint32_t index)
{
    return (uint32_t *)(void *)((char *)link + index * stride);
}

void nic_list_append(uint32_t *link, size_t stride, struct nic_list *list, uint32_t index)
{
    *link_of(link, stride, index) = UINT32_MAX;
    if (list->count)
        *link_of(link, stride, list->last) = index;
    else
        list->first = index;
    list->last = index;
    list->count++;
}

uint32_t nic_list_take(const uint32_t *link, size_t stride, struct nic_list *list)
{
    uint32_t index = list->first;
    list->first = *(const uint32_t *)(const void *)((const char *)link + index * stride);
    list->count--;
    return index;
}

/* ---- packets ---- */

uint32_t nic_packet_bytes(struct nic *nic)
{
    static const struct {
        uint32_t below, bytes;
    } imix[] = {{7, 64}, {11, 594}, {12, 1518}};
    const struct nic_parameters *p = &nic->parameters;
    uint64_t drawn;
    switch ((enum nic_packet_sizes)p->packet_sizes) {
    case NIC_IMIX:
        drawn = random_below(&nic->random, 12);
        for (size_t i = 0; i < sizeof(imix) / sizeof(imix[0]); i++) {
            if (drawn < imix[i].below)
                return imix[i].bytes;
        }
        return MINIMUM_FRAME;
    case NIC_UNIFORM:
        return MINIMUM_FRAME + (uint32_t)random_below(&nic->random, p->packet_bytes - MINIMUM_FRAME + 1);
    case NIC_FIXED:
        break;
    }
    return (uint32_t)p->packet_bytes;
}

uint64_t nic_wire_ps(const struct nic *nic, uint32_t bytes)
{
    const struct nic_parameters *p = &nic->parameters;
    return (uint64_t)(((__uint128_t)bytes + p->wire_overhead_bytes) * UINT64_C(1000000000000) /
                      p->rate_bytes_per_s);
}

uint32_t nic_token(enum nic_token kind, const struct nic_queue *queue, uint32_t slot)
{
    return token_make(kind, queue->index, slot);
}

void nic_unit_done(struct nic *nic, uint32_t bytes, uint64_t begun_ps)
{
    uint32_t headers = (uint32_t)nic->parameters.header_bytes;
    device_counters_unit(nic->counters, begun_ps, bytes > headers ? bytes - headers : 0, nic->warmup,
                         &nic->host);
}

bool nic_is_done(const struct nic *nic)
{
    return nic->units && nic->counters->done + nic->counters->dropped >= nic->units + nic->warmup;
}

void nic_raise_interrupt(struct nic *nic, struct nic_queue *queue)
{
    queue->armed = false;
    queue->task = TASK_INTERRUPT;
    nic->counters->interrupts++;
    nic->host.interrupt(nic->host.context, nic->host.device, nic_token(NIC_IN_HANDLER, queue, 0));
}

void nic_completion_visible(struct nic *nic, struct nic_queue *queue)
{
    nic->counters->completions++;
    if (!queue->armed)
        return; /* the driver polls, or will look once more before it stops */
    queue->unseen++;
    if (queue->unseen >= nic->parameters.interrupt_packets || !nic->parameters.interrupt_delay_ps) {
        nic_raise_interrupt(nic, queue);
    } else if (!queue->timer) {
        queue->timer = true;
        nic->host.after(nic->host.context, nic->host.device, nic->parameters.interrupt_delay_ps,
                        nic_token(NIC_TIMER, queue, 0));
    }
}

/* ---- life ---- */

static uint64_t chunk_bytes(const struct nic_parameters *p)
{
    return p->mapping_bytes > p->buffer_bytes ? p->mapping_bytes : p->buffer_bytes;
}

/* Chunks of memory that the ring of a queue is cut from. */
static uint64_t ring_chunks(const struct nic_parameters *p)
{
    uint64_t cut = chunk_bytes(p) / p->buffer_bytes;
    return (p->ring + cut - 1) / cut;
}

uint64_t nic_ring_bytes(const struct nic_parameters *p)
{
    uint64_t channels = p->channels > p->queues ? p->channels : p->queues,
             cached = p->recycling == NIC_PAGE_CACHE ? p->page_cache * p->buffer_bytes : 0;
    return p->direction == NIC_RECEIVE ? channels * (ring_chunks(p) * chunk_bytes(p) + cached) : 0;
}

/* Rings that were filled when the interface came up, and that nothing arrives in. */
static void fill_idle_rings(struct nic *nic)
{
    const struct nic_parameters *p = &nic->parameters;
    if (p->direction == NIC_RECEIVE && p->channels > p->queues)
        nic->host.occupy(nic->host.context, nic->host.device, chunk_bytes(p),
                         (p->channels - p->queues) * ring_chunks(p));
}

static void init_queue(struct nic *nic, uint32_t index, uint32_t first_cpu)
{
    const struct nic_parameters *p = &nic->parameters;
    struct nic_queue *queue = &nic->queues[index];
    queue->index = index;
    queue->cpu = first_cpu + index;
    queue->flows = p->flows / p->queues + (index < p->flows % p->queues);
    if (p->direction == NIC_RECEIVE)
        nic_buffers_init(nic, queue);
}

struct nic *nic_new(struct arena *arena, const struct nic_parameters *parameters,
                    const struct driver_parameters *driver, const struct device_host *host,
                    struct device_counters *counters, uint32_t first_cpu, uint64_t seed,
                    const char *seed_name, uint64_t units, uint64_t warmup)
{
    struct nic *nic = arena_alloc(arena, sizeof(*nic));
    *nic = (struct nic){.parameters = *parameters,
                        .driver = *driver,
                        .host = *host,
                        .counters = counters,
                        .arena = arena,
                        .units = units,
                        .warmup = warmup};
    random_init(&nic->random, seed, seed_name);
    nic->queues = arena_array(arena, parameters->queues, sizeof(*nic->queues));
    for (uint32_t i = 0; i < parameters->queues; i++)
        init_queue(nic, i, first_cpu);
    if (parameters->direction == NIC_TRANSMIT)
        return nic;
    /* Each packet is in the card's memory or in a buffer. */
    uint64_t packets =
        (uint64_t)parameters->queues * parameters->ring + parameters->packet_memory_bytes / MINIMUM_FRAME + 1;
    nic->packet_count = (uint32_t)(packets < TOO_MANY_PACKETS ? packets : TOO_MANY_PACKETS);
    nic->packets = arena_array(arena, nic->packet_count, sizeof(*nic->packets));
    for (uint32_t i = 0; i < nic->packet_count; i++)
        nic->packets[i].next = i + 1 < nic->packet_count ? i + 1 : UINT32_MAX;
    return nic;
}

bool nic_start(struct nic *nic)
{
    const struct nic_parameters *p = &nic->parameters;
    fill_idle_rings(nic);
    for (uint32_t i = 0; i < p->queues; i++) {
        struct nic_queue *queue = &nic->queues[i];
        bool good = p->direction == NIC_RECEIVE ? nic_receive_start(nic, queue) : true;
        if (!good || !nic_send_start(nic, queue, p->ring))
            return false;
    }
    for (uint32_t i = 0; i < p->queues; i++)
        nic_driver_go_on(nic, &nic->queues[i]);
    if (p->direction == NIC_RECEIVE)
        nic_begin_arrivals(nic);
    return true;
}

void nic_event(struct nic *nic, uint32_t token)
{
    struct nic_queue *queue = &nic->queues[token_queue(token)];
    enum nic_token kind = (enum nic_token)token_kind(token);
    switch (kind) {
    case NIC_ARRIVAL:
    case NIC_DATA_WRITTEN:
    case NIC_ENTRY_WRITTEN:
    case NIC_FETCHED:
    case NIC_ANNOUNCED:
        nic_receive_event(nic, queue, kind, token_slot(token));
        return;
    case NIC_TIMER:
    case NIC_IN_HANDLER:
    case NIC_DRIVER:
        nic_driver_event(nic, queue, kind);
        return;
    case NIC_SEND_ANNOUNCED:
    case NIC_SEND_FETCHED:
    case NIC_DATA_READ:
    case NIC_SENT:
    case NIC_SEND_ENTRY:
        nic_send_event(nic, queue, kind, token_slot(token));
        return;
    }
}
