/* SPDX-License-Identifier: MIT */
/* Who issues what: generators and traces. */
#include "models/pcie/link.h"
#include "sim/base/arena.h"
#include "sim/input/trace_line.h"
#include "sim/input/workload_keys.h"
#include "sim/input/workload_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The other keys are for both, or of a device. */
static const char *const generator_keys[] = {"device",        "operation",
                                             "pattern",       "base",
                                             "window",        "size",
                                             "stride",        "alignment",
                                             "operations",    "interval",
                                             "buffers",       "pieces",
                                             "zone",          "max_segment",
                                             "misbehaviour",  "misbehaviour_delay",
                                             "interrupts",    "affinity_interval",
                                             "traffic_class", "pasid",
                                             "cache",         NULL};
static const char *const trace_keys[] = {"trace", "pace", NULL};

enum { QUEUE_DEPTH_MAX = 65536, CPUS_MAX = 1024, MSI_BYTES = 4, PIECES_MAX = 1024 };
static const uint64_t operations_max = UINT64_C(1) << 40, time_max_ps = UINT64_C(1000000000000000);

static bool listed(const char *const *names, const char *name)
{
    for (; *names; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

/* Keys of the other kind of stream get a message of their own. */
static void check_keys(const struct json_node *node, bool trace)
{
    json_check_table(node, &stream_keys);
    for (struct json_node member = json_first(node); json_given(&member); json_next(&member)) {
        if (listed(trace ? generator_keys : trace_keys, member.key))
            json_error_at_key(&member, "workload-stream-key",
                              trace ? "\"%s\" is for generators: a trace says it line by line"
                                    : "\"%s\" is for streams with a \"trace\"",
                              member.key);
    }
}

/* ---- pace ---- */

static void read_pace(const struct json_node *node, struct stream *stream)
{
    struct json_node interval = json_member(node, "interval"), depth = json_member(node, "queue_depth");
    json_get_u32(node, "queue_depth", 1, QUEUE_DEPTH_MAX, &stream->queue_depth);
    if (stream->trace_path) {
        int pace = 1;
        json_get_choice(node, "pace", trace_pace_words, &pace);
        stream->trace_timed = pace;
        if (!pace && !json_given(&depth))
            json_error(node, "workload-stream-pace", "a trace of pace \"closed\" needs \"queue_depth\"");
        else if (pace && json_given(&depth))
            json_error_at_key(&depth, "workload-stream-pace",
                              "a trace is paced by its time stamps; \"queue_depth\" is for pace \"closed\"");
        return;
    }
    json_get_quantity(node, "interval", UNIT_PICOSECONDS, 1, time_max_ps, &stream->interval_ps);
    if (json_given(&interval) && json_given(&depth))
        json_error_at_key(&depth, "workload-stream-pace",
                          "\"interval\" (open loop) and \"queue_depth\" (closed loop) exclude each other");
    else if (!json_given(&interval) && !json_given(&depth))
        json_error(node, "workload-stream-pace",
                   "the stream needs \"queue_depth\" (closed loop) or \"interval\" (open loop)");
}

static void read_end(const struct workload_reading *reading, const struct json_node *node,
                     struct stream *stream)
{
    json_get_count(node, "operations", 1, operations_max, &stream->operations);
    struct json_node operations = json_member(node, "operations");
    if (!json_given(&operations) && !reading->workload->duration_ps)
        json_error(node, "workload-stream-end",
                   "the stream never ends: it needs \"operations\", or the workload a \"duration\"");
}

/* ---- addresses ---- */

const struct domain *stream_domain(const struct workload_reading *reading, const struct stream *stream)
{
    if (stream->function_id == NONE)
        return NULL;
    if (stream->pasid)
        return find_pasid_domain(reading->workload, stream->function_id, stream->pasid);
    uint32_t index = reading->domain_of[stream->function_id];
    return index == NONE ? NULL : &reading->workload->domains[index];
}

/* Without "base": the first mapping of the device's domain, or a buffer in RAM where nothing is mapped. */
static void default_window(struct workload_reading *reading, const struct json_node *node,
                           const struct domain *domain, struct stream *stream)
{
    if (domain && translation_mode_translates(domain->mode)) {
        if (!domain->mapping_count) {
            json_error(node, "workload-window",
                       "\"base\" is missing, and domain \"%s\" maps nothing to take it from", domain->name);
            return;
        }
        stream->base = domain->mappings[0].iova;
        if (!stream->window_bytes)
            stream->window_bytes = domain->mappings[0].length;
    } else if (json_require(node, "window", "the range of addresses, e.g. \"64MiB\"") &&
               stream->window_bytes &&
               !memory_placer_take(reading->placer, stream->window_bytes, 1 << 12, &stream->base)) {
        struct json_node window = json_member(node, "window");
        json_error(&window, "workload-no-memory", "no room for the window in the machine's RAM");
    }
}

static void read_window(struct workload_reading *reading, const struct json_node *node,
                        const struct domain *domain, struct stream *stream)
{
    struct json_node base = json_member(node, "base"), window = json_member(node, "window"),
                     size = json_member(node, "size");
    bool good = json_require(node, "size", "bytes of one operation, e.g. \"64B\"") &&
                json_get_size(node, "size", 1, TRACE_LENGTH_MAX, &stream->size_bytes);
    if (json_given(&window) && !json_get_size(node, "window", 1, UINT64_C(1) << 52, &stream->window_bytes))
        return;
    if (!json_given(&base) && (!reading->machine->topology || reading->domains_broken)) {
        stream->window_bytes = 0; /* it depends on what is not known here */
        return;
    }
    if (!json_given(&base))
        default_window(reading, node, domain, stream);
    else if (!json_get_address(node, "base", UINT64_MAX, &stream->base) ||
             !json_require(node, "window", "the range of addresses, e.g. \"64MiB\""))
        return;
    if (!stream->window_bytes)
        return;
    if (good && stream->size_bytes > stream->window_bytes) {
        json_error(&size, "workload-window",
                   "an operation of %" PRIu64 " bytes does not fit in a window of %" PRIu64 " bytes",
                   stream->size_bytes, stream->window_bytes);
        stream->window_bytes = 0;
    } else if (stream->base > UINT64_MAX - (stream->window_bytes - 1)) {
        json_error(json_given(&window) ? &window : node, "workload-window", "the window ends beyond 64 bits");
        stream->window_bytes = 0;
    }
}

static void read_pattern(const struct json_node *node, struct stream *stream)
{
    int pattern = PATTERN_SEQUENTIAL, operation = STREAM_READ;
    struct json_node stride = json_member(node, "stride"), alignment = json_member(node, "alignment");
    if (json_require(node, "operation", "\"read\", \"write\", \"alternate\" or \"write-read\""))
        json_get_choice(node, "operation", stream_operation_names, &operation);
    json_get_choice(node, "pattern", address_pattern_names, &pattern);
    int cache = 0;
    json_get_choice(node, "cache", stream_cache_words, &cache);
    stream->cold = cache == 1;
    stream->operation = (enum stream_operation)operation;
    stream->pattern = (enum address_pattern)pattern;
    stream->stride_bytes = stream->alignment_bytes = stream->size_bytes ? stream->size_bytes : 1;
    if (json_given(&stride) && pattern != PATTERN_STRIDED)
        json_error_at_key(&stride, "workload-stride", "\"stride\" is for the pattern \"strided\"");
    else if (pattern == PATTERN_STRIDED &&
             json_require(node, "stride", "the distance of starts, e.g. \"4KiB\""))
        json_get_size(node, "stride", 1, UINT64_C(1) << 52, &stream->stride_bytes);
    if (json_given(&alignment) && pattern != PATTERN_RANDOM)
        json_error_at_key(&alignment, "workload-stride", "\"alignment\" is for the pattern \"random\"");
    else
        json_get_size(node, "alignment", 1, UINT64_C(1) << 52, &stream->alignment_bytes);
}

/* ---- streams ---- */

static bool hits_bar(const struct topology *topology, uint64_t address)
{
    for (uint32_t f = 0; f < topology->function_count; f++) {
        for (int i = 0; i < BAR_COUNT; i++) {
            const struct bar *bar = &topology->functions[f].bars[i];
            if ((bar->kind == BAR_MEMORY32 || bar->kind == BAR_MEMORY64) && bar->assigned &&
                address >= bar->address && address - bar->address < bar->size)
                return true;
        }
    }
    return false;
}

static void check_mapped(const struct workload_reading *reading, const struct json_node *node,
                         const struct domain *domain, const struct stream *stream)
{
    bool reads = stream->operation != STREAM_WRITE, writes = stream->operation != STREAM_READ;
    uint64_t where;
    if (!translation_mode_translates(domain->mode) || !stream->window_bytes ||
        !find_unmapped(domain, stream->base, stream->window_bytes, reads, writes, &where) ||
        hits_bar(reading->machine->topology, where)) /* peer to peer may be what is meant */
        return;
    struct json_node base = json_member(node, "base");
    json_remark(json_given(&base) ? &base : node, DIAGNOSTIC_WARNING, "workload-unmapped",
                "0x%" PRIx64
                " is in the window, but domain \"%s\" does not map it for %s: operations there fault",
                where, domain->name,
                reads && writes ? "reads and writes"
                : reads         ? "reads"
                                : "writes");
}

/* "any": among functions that an IOMMU translates (all, where none is), the one with the fastest link. */
static uint32_t find_any(const struct workload_machine *machine)
{
    enum { CLASS_BRIDGE = 0x06, CLASS_SYSTEM = 0x08 };
    const struct topology *topology = machine->topology;
    uint32_t best = NONE;
    uint64_t best_rank = 0;
    for (uint32_t f = 0; topology && f < topology->function_count; f++) {
        const struct pci_function *function = &topology->functions[f];
        const struct link_state *link = &function->link;
        uint32_t base_class = function->class_code >> 16;
        if (function->header_type != 0 || base_class == CLASS_BRIDGE || base_class == CLASS_SYSTEM)
            continue;
        bool endpoint =
            function_is_type(function, PCIE_ENDPOINT) || function_is_type(function, PCIE_LEGACY_ENDPOINT);
        uint64_t rank = endpoint && link->generation ? link_raw_bits_per_s(link->generation, link->width) : 0;
        rank += 1 + ((uint64_t)(!machine->translated || machine->translated[f]) << 60);
        if (rank > best_rank) {
            best = f;
            best_rank = rank;
        }
    }
    return best;
}

uint32_t read_stream_device(const struct workload_reading *reading, const struct json_node *device)
{
    const char *text = json_string(device);
    if (!text || strcmp(text, "any") != 0)
        return read_device(reading, device);
    uint32_t id = find_any(reading->machine);
    if (id == NONE && reading->machine->topology)
        json_error(device, "workload-device", "the machine has no device that issues DMA");
    return id;
}

/* Operations that bring their own buffers have no window. */
static void read_buffers(const struct json_node *node, const struct domain *domain, struct stream *stream)
{
    static const char *const placed[] = {"base", "window", "pattern", "stride", "alignment"};
    struct json_node given = json_member(node, "buffers"), misbehaviour = json_member(node, "misbehaviour"),
                     delay = json_member(node, "misbehaviour_delay");
    int buffers = BUFFERS_PERSISTENT, word = MISBEHAVIOUR_NONE;
    json_get_choice(node, "buffers", stream_buffers_names, &buffers);
    json_get_choice(node, "misbehaviour", misbehaviour_names, &word);
    json_get_quantity(node, "misbehaviour_delay", UNIT_PICOSECONDS, 0, time_max_ps,
                      &stream->misbehaviour_delay_ps);
    stream->buffers = (enum stream_buffers)buffers;
    stream->misbehaviour = (enum misbehaviour)word;
    if (stream_buffers_are_mapped(stream->buffers) && domain && domain->mode == TRANSLATION_STATIC &&
        !domain->virtual_machine)
        json_error(
            &given, "workload-buffers",
            "nothing is mapped during the run in domains of mode \"static\", as \"%s\" is: \"strict\" and "
            "\"lazy\" map buffers for each use, \"passthrough\" and \"off\" hand them out unmapped",
            domain->name);
    if (stream->misbehaviour == MISBEHAVIOUR_USE_AFTER_UNMAP && stream->buffers != BUFFERS_PER_USE)
        json_error(&misbehaviour, "workload-misbehaviour",
                   "only buffers that are unmapped can be used after it: add \"buffers\": \"per-use\"");
    if (json_given(&delay) && stream->misbehaviour != MISBEHAVIOUR_USE_AFTER_UNMAP)
        json_error_at_key(&delay, "workload-misbehaviour",
                          "\"misbehaviour_delay\" is for the misbehaviour \"use-after-unmap\"");
    for (size_t i = 0; stream_buffers_are_mapped(stream->buffers) && i < sizeof(placed) / sizeof(placed[0]);
         i++) {
        struct json_node member = json_member(node, placed[i]);
        if (json_given(&member))
            json_error_at_key(
                &member, "workload-buffers",
                "\"%s\" is for persistent buffers: those mapped for each use lie where the kernel puts "
                "them",
                placed[i]);
    }
}

/* Buffers of an operation, and where they come from. */
static void read_pieces(const struct json_node *node, struct stream *stream)
{
    static const char *const keys[] = {"pieces", "zone", "max_segment"};
    int zone = ZONE_NORMAL;
    for (size_t i = 0; !stream_buffers_are_mapped(stream->buffers) && i < sizeof(keys) / sizeof(keys[0]);
         i++) {
        struct json_node member = json_member(node, keys[i]);
        if (json_given(&member))
            json_error_at_key(&member, "workload-buffers", "\"%s\" is for \"buffers\": \"per-use\"", keys[i]);
    }
    stream->pieces = 1;
    json_get_u32(node, "pieces", 1, PIECES_MAX, &stream->pieces);
    json_get_choice(node, "zone", memory_zone_names, &zone);
    stream->zone = (enum memory_zone)zone;
    json_get_size(node, "max_segment", 4096, UINT64_C(1) << 32, &stream->longest_segment);
    struct json_node size = json_member(node, "size");
    if (stream_buffers_are_mapped(stream->buffers) && stream->size_bytes % stream->pieces)
        json_error(&size, "workload-buffers", "%" PRIu64 " bytes are not %" PRIu32 " pieces of equal length",
                   stream->size_bytes, stream->pieces);
}

static const char *const msi_keys[] = {"interrupts", "affinity_interval", NULL};
static const char *const dma_keys[] = {"window",    "size",    "pattern",      "stride",
                                       "alignment", "buffers", "misbehaviour", "misbehaviour_delay",
                                       "cache",     "pieces",  "zone",         "max_segment",
                                       NULL};

static void refuse_keys(const struct json_node *node, const char *const *keys, const char *text)
{
    for (; *keys; keys++) {
        struct json_node member = json_member(node, *keys);
        if (json_given(&member))
            json_error_at_key(&member, "workload-stream-key", text, *keys);
    }
}

static bool is_msi(const struct json_node *node)
{
    struct json_node operation = json_member(node, "operation");
    return json_is_string(&operation) && strcmp(json_string(&operation), "msi") == 0;
}

/* Interrupt messages: 4 bytes, to the function's own entry unless "base" names another place in the window.
 */
static void read_msi(const struct json_node *node, struct stream *stream)
{
    int posted = 0;
    struct json_node base = json_member(node, "base");
    stream->operation = STREAM_MSI;
    stream->size_bytes = stream->window_bytes = stream->stride_bytes = stream->alignment_bytes = MSI_BYTES;
    refuse_keys(node, dma_keys,
                "\"%s\" is not for the operation \"msi\": a message has 4 bytes and its own place");
    json_get_choice(node, "interrupts", stream_interrupts_words, &posted);
    stream->posted_interrupts = posted != 0;
    stream->urgent_interrupts = posted == 2;
    json_get_quantity(node, "affinity_interval", UNIT_PICOSECONDS, 1, time_max_ps,
                      &stream->affinity_interval_ps);
    if (json_given(&base) && json_get_address(node, "base", UINT64_MAX, &stream->base) &&
        (stream->base < 0xfee00000 || stream->base > 0xfeeffffc || stream->base % MSI_BYTES))
        json_error(&base, "workload-window",
                   "interrupt messages go to multiples of 4 in 0xfee00000-0xfeefffff");
}

/* Where the operations of a stream go, by whose choice. */
static void read_place(struct workload_reading *reading, const struct json_node *node,
                       const struct domain *domain, bool translated, struct stream *stream)
{
    if (is_msi(node)) {
        read_msi(node, stream);
        return;
    }
    refuse_keys(node, msi_keys, "\"%s\" is for the operation \"msi\"");
    read_buffers(node, domain, stream);
    if (stream_buffers_are_mapped(stream->buffers)) {
        int operation = STREAM_READ;
        if (json_require(node, "size", "bytes of one operation, e.g. \"64B\""))
            json_get_size(node, "size", 1, TRACE_LENGTH_MAX, &stream->size_bytes);
        if (json_require(node, "operation", "\"read\", \"write\", \"alternate\" or \"write-read\""))
            json_get_choice(node, "operation", stream_operation_names, &operation);
        stream->operation = (enum stream_operation)operation;
        if (stream->operation == STREAM_WRITE_READ) {
            struct json_node word = json_member(node, "operation");
            json_error(&word, "workload-buffers",
                       "\"write-read\" is for persistent buffers: the two operations share one");
        }
        stream->window_bytes = stream->stride_bytes = stream->alignment_bytes = stream->size_bytes;
        read_pieces(node, stream);
        return;
    }
    read_pieces(node, stream);
    read_window(reading, node, domain, stream);
    read_pattern(node, stream);
    bool made_up = stream->misbehaviour == MISBEHAVIOUR_FORGED_TRANSLATION; /* physical: not for any table */
    if (domain && translated && !reading->domains_broken && !made_up)
        check_mapped(reading, node, domain, stream);
}

void report_no_domain(const struct json_node *device, const struct stream *stream)
{
    json_error(device, "workload-no-domain",
               "an IOMMU translates %s, but it is in no domain%s: add it to the \"devices\" of one (mode "
               "\"static\" with mappings, \"passthrough\" or \"off\")",
               json_string(device), stream->pasid ? " with that \"pasid\"" : "");
}

static void read_generator(struct workload_reading *reading, const struct json_node *node,
                           struct stream *stream)
{
    struct json_node device = json_member(node, "device");
    if (!json_require(node, "device", "the address of the function that issues the DMA, or \"trace\""))
        return;
    stream->function_id = read_stream_device(reading, &device);
    if (stream->function_id == NONE)
        return;
    const struct workload_machine *machine = reading->machine;
    read_pasid(node, &stream->pasid);
    if (json_get_u32(node, "traffic_class", 0, TRAFFIC_CLASSES - 1, &stream->traffic_class))
        stream->traffic_class++;
    const struct domain *domain = stream_domain(reading, stream);
    bool translated =
        machine->iommu != IOMMU_NONE && (!machine->translated || machine->translated[stream->function_id]);
    if (!domain && translated && !reading->domains_broken) {
        report_no_domain(&device, stream);
        return;
    }
    read_place(reading, node, domain, translated, stream);
    read_end(reading, node, stream);
}

static void read_stream(struct workload_reading *reading, const struct json_node *node, struct stream *stream)
{
    struct workload *workload = reading->workload;
    struct json_node trace = json_member(node, "trace");
    const char *name = "";
    stream->function_id = NONE;
    if (!json_expect_object(node))
        return;
    stream->device_kind = workload_device_kind(node);
    stream->peer_id = NONE;
    if (stream->device_kind == DEVICE_NONE)
        check_keys(node, json_given(&trace));
    if (json_require(node, "name", "the name of the stream") && json_get_string(node, "name", &name))
        check_name(node, "stream", name, &workload->streams[0].name, (uint32_t)(stream - workload->streams),
                   sizeof(*stream));
    stream->name = arena_string(workload->arena, name);
    char *pointer = json_pointer(node);
    stream->pointer = arena_string(workload->arena, pointer);
    free(pointer);
    json_get_quantity(node, "start", UNIT_PICOSECONDS, 0, time_max_ps, &stream->start_ps);
    json_get_u32(node, "cpu", 0, CPUS_MAX - 1, &stream->cpu);
    json_get_count(node, "warmup", 0, operations_max, &stream->warmup_operations);
    if (stream->device_kind != DEVICE_NONE) {
        workload_read_device(reading, node, stream);
        read_end(reading, node, stream);
        check_read_stream(reading, node, stream);
        return;
    }
    if (json_given(&trace)) {
        const char *path = json_expect_string(&trace, "the path of a trace");
        char *resolved = path_beside(reading->path, path ? path : "");
        stream->trace_path = arena_string(workload->arena, resolved);
        free(resolved);
    } else {
        read_generator(reading, node, stream);
    }
    check_read_stream(reading, node, stream);
    read_pace(node, stream);
}

void read_streams(struct workload_reading *reading, const struct json_node *root)
{
    struct workload *workload = reading->workload;
    struct json_node array = json_member(root, "streams");
    if (!json_require(root, "streams", "the streams of DMA") || !json_expect_array(&array))
        return;
    if (json_length(&array) == 0)
        json_error(&array, "workload-empty", "a workload has at least one stream");
    workload->streams = arena_array(workload->arena, json_length(&array), sizeof(*workload->streams));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node))
        read_stream(reading, &node, &workload->streams[workload->stream_count++]);
}
