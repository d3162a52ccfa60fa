/* SPDX-License-Identifier: MIT */
/* Where transfers begin and end, and which there are. */
#include "sim/input/world.h"

#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/text_buffer.h"
#include "sim/base/units.h"
#include "sim/input/workload_reader.h"
#include "sim/input/world_keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t size_maximum = UINT64_C(1) << 40;

/* ---- asked about ends ---- */

const struct world_machines *world_group(const struct world *world, uint32_t machine)
{
    for (uint32_t i = 0; i < world->group_count; i++) {
        if (machine - world->groups[i].first < world->groups[i].count)
            return &world->groups[i];
    }
    return NULL;
}

/* Bridges from a function up to the first that is above @p other, too. */
static uint32_t steps_up_to(const struct topology *topology, const struct pci_function *function,
                            const struct pci_function *other)
{
    uint32_t steps = 0;
    while (function && !topology_is_ancestor(topology, function, other)) {
        function = topology_parent(topology, function);
        steps++;
    }
    return function ? steps : steps + UINT32_C(1000); /* over the host bridges */
}

static uint32_t distance(const struct topology *topology, uint32_t a, uint32_t b)
{
    const struct pci_function *one = &topology->functions[a], *other = &topology->functions[b];
    return steps_up_to(topology, one, other) + steps_up_to(topology, other, one);
}

uint32_t world_network_function(const struct world *world, struct world_end end, uint32_t turn)
{
    const struct world_machines *group = world_group(world, end.machine);
    uint32_t near[256], count = 0, least = UINT32_MAX;
    if (end.function_id == NONE)
        return group->network_functions[turn % group->network_function_count];
    for (uint32_t i = 0; i < group->network_function_count; i++) {
        uint32_t far = distance(group->input->topology, end.function_id, group->network_functions[i]);
        if (far < least) {
            least = far;
            count = 0;
        }
        if (far == least && count < sizeof(near) / sizeof(near[0]))
            near[count++] = group->network_functions[i];
    }
    assert(count); /* a group that speaks has network functions */
    return near[turn % count];
}

const struct bar *world_target_bar(const struct pci_function *function)
{
    const struct bar *largest = NULL;
    for (int i = 0; i < BAR_ROM; i++) {
        const struct bar *bar = &function->bars[i];
        bool memory = bar->kind == BAR_MEMORY32 || bar->kind == BAR_MEMORY64;
        if (memory && bar->assigned && (!largest || bar->size > largest->size))
            largest = bar;
    }
    return largest;
}

void world_machine_print(const struct world *world, uint32_t machine, struct text_buffer *out)
{
    const struct world_machines *group = world_group(world, machine);
    text_buffer_add(out, group->name);
    if (group->count > 1)
        text_buffer_format(out, "[%" PRIu32 "]", machine - group->first);
}

void world_end_print(const struct world *world, struct world_end end, struct text_buffer *out)
{
    char text[BDF_TEXT_SIZE];
    world_machine_print(world, end.machine, out);
    if (end.function_id == NONE) {
        text_buffer_add(out, "/memory");
        return;
    }
    const struct pci_function *function =
        &world_group(world, end.machine)->input->topology->functions[end.function_id];
    text_buffer_format(out, "/%s", bdf_print(text, function->segment, function->bus, function->devfn));
}

/* ---- ends ---- */

static const struct world_machines *find_group(const struct world *world, const struct json_node *node,
                                               const char *name)
{
    for (uint32_t i = 0; i < world->group_count; i++) {
        if (strcmp(world->groups[i].name, name) == 0)
            return &world->groups[i];
    }
    const char *near =
        nearest_name(name, &world->groups[0].name, world->group_count, sizeof(world->groups[0]));
    json_error(node, "world-end", "there are no machines \"%s\"%s%s%s", name, near ? ", did you mean \"" : "",
               near ? near : "", near ? "\"?" : "");
    return NULL;
}

/* "[3]", "[0-7]", "[*]" or nothing: the first and last machine of a group. */
static bool read_range(const struct json_node *node, const struct world_machines *group, char *text,
                       uint64_t *first, uint64_t *last)
{
    *first = 0;
    *last = group->count - 1;
    if (!text)
        return true;
    size_t length = strlen(text);
    bool good = length > 1 && text[length - 1] == ']';
    if (good && strcmp(text, "*]") != 0) {
        char *dash = strchr(text, '-');
        text[length - 1] = '\0';
        if (dash)
            *dash = '\0';
        good =
            number_parse(text, UINT32_MAX, first) && number_parse(dash ? dash + 1 : text, UINT32_MAX, last);
    }
    if (good && *first <= *last && *last < group->count)
        return true;
    json_error(node, "world-end", "of \"%s\" there are [0] to [%" PRIu32 "]", group->name, group->count - 1);
    return false;
}

/* The function a name behind the slash is; NONE for memory. */
static bool read_function(const struct json_node *node, const struct world_machines *group, const char *text,
                          uint32_t *function_id)
{
    uint32_t segment;
    uint8_t bus, devfn;
    *function_id = NONE;
    if (strcmp(text, "memory") == 0)
        return true;
    const struct pci_function *function = NULL;
    if (!bdf_parse(text, &segment, &bus, &devfn)) {
        json_error(node, "world-end", "\"%s\" is neither an address such as \"81:00.0\" nor \"memory\"",
                   text);
        return false;
    }
    function = topology_find(group->input->topology, segment, bus, devfn);
    if (!function || function->header_type != 0) {
        json_error(node, "world-end", function ? "%s of \"%s\" is a bridge" : "there is no %s in \"%s\"",
                   text, group->name);
        return false;
    }
    *function_id = function->id;
    return true;
}

static void add_ends(struct world *world, const struct json_node *node, struct world_end **items,
                     uint32_t *count, size_t *capacity)
{
    const char *given = json_expect_string(node, "MACHINES/FUNCTION or MACHINES/memory");
    if (!given)
        return;
    char *text = memory_string(given), *slash = strchr(text, '/'), *bracket;
    if (!slash) {
        json_error(node, "world-end", "\"%s\" names no function: MACHINES/FUNCTION or MACHINES/memory",
                   given);
        free(text);
        return;
    }
    *slash = '\0';
    bracket = strchr(text, '[');
    if (bracket)
        *bracket++ = '\0';
    const struct world_machines *group = find_group(world, node, text);
    uint64_t first, last;
    uint32_t function_id;
    if (group && read_range(node, group, bracket, &first, &last) &&
        read_function(node, group, slash + 1, &function_id)) {
        for (uint64_t i = first; i <= last; i++) {
            *items = memory_grow(*items, *count, capacity, sizeof(**items));
            (*items)[(*count)++] = (struct world_end){group->first + (uint32_t)i, function_id};
        }
    }
    free(text);
}

static bool read_ends(struct world *world, const struct json_node *object, const char *key,
                      struct world_ends *ends)
{
    struct json_node node = json_member(object, key);
    struct world_end *items = NULL;
    uint32_t count = 0;
    size_t capacity = 0;
    if (!json_require(object, key, "MACHINES/FUNCTION or MACHINES/memory"))
        return false;
    if (!json_is_array(&node))
        add_ends(world, &node, &items, &count, &capacity);
    for (struct json_node item = json_first(&node); json_is_array(&node) && json_given(&item);
         json_next(&item))
        add_ends(world, &item, &items, &count, &capacity);
    ends->items = arena_array(world->arena, count, sizeof(*items));
    if (count)
        memcpy(ends->items, items, count * sizeof(*items));
    ends->count = count;
    free(items);
    return count != 0;
}

static bool is_network_function(const struct world_machines *group, uint32_t function_id)
{
    for (uint32_t n = 0; n < group->network_function_count; n++) {
        if (group->network_functions[n] == function_id)
            return true;
    }
    return false;
}

/* Why nobody could write to or read from a function; NULL where all is well. */
static const char *target_fault(const struct world *world, const struct pci_function *function,
                                uint64_t size_bytes)
{
    const struct bar *bar = world_target_bar(function);
    uint64_t segment = world->software.segment_bytes;
    if (!bar)
        return "has no memory BAR with an address, by which others could reach it";
    if (bar->size < (size_bytes < segment ? size_bytes : segment))
        return "has no memory BAR as large as a segment";
    return NULL;
}

/* Where others write to or read from there must be something that answers. A NIC moves what is its own by
 * itself, but for peers within a machine. */
static void check_targets(const struct world *world, const struct json_node *object, const char *key,
                          const struct world_ends *ends, uint64_t size_bytes, bool ssd, bool within)
{
    struct json_node node = json_member(object, key);
    for (uint32_t i = 0; i < ends->count; i++) {
        struct world_end end = ends->items[i];
        const struct world_machines *group = world_group(world, end.machine);
        bool network = is_network_function(group, end.function_id);
        const char *fault = NULL;
        if (ssd)
            fault = end.function_id == NONE || network ? "is no SSD" : NULL;
        else if (end.function_id != NONE && (within || !network))
            fault = target_fault(world, &group->input->topology->functions[end.function_id], size_bytes);
        if (!fault)
            continue;
        struct text_buffer name = {0};
        world_end_print(world, end, &name);
        json_error(&node, "world-target", "%s %s", text_buffer_get(&name), fault);
        text_buffer_fini(&name);
        return;
    }
}

/* What leaves its machine does so by a NIC. */
static void check_networked(const struct world *world, const struct json_node *object, const char *key,
                            const struct world_ends *ends)
{
    struct json_node node = json_member(object, key);
    for (uint32_t i = 0; i < ends->count; i++) {
        const struct world_machines *group = world_group(world, ends->items[i].machine);
        if (group->network_function_count)
            continue;
        json_error(&node, "world-end", "\"%s\" has no \"network_functions\" to speak by", group->name);
        return;
    }
}

/* ---- streams ---- */

static void read_stream_name(struct world *world, const struct json_node *object, const char **name)
{
    struct json_node node = json_member(object, "name");
    *name = "";
    if (!json_require(object, "name", "what it is called") || !json_get_string(object, "name", name))
        return;
    *name = arena_string(world->arena, *name);
    bool twice = false;
    for (uint32_t i = 0; i < world->stream_count; i++)
        twice |= strcmp(world->streams[i].name, *name) == 0;
    for (uint32_t i = 0; i < world->collective_count; i++)
        twice |= strcmp(world->collectives[i].name, *name) == 0;
    if (!**name || twice)
        json_error(&node, "world-name",
                   twice ? "the name \"%s\" is there twice" : "a name must not be empty%s", *name);
}

static void check_stream(const struct world *world, const struct json_node *object,
                         const struct world_stream *stream)
{
    bool nvme = stream->kind == WORLD_NVME_OF_READ || stream->kind == WORLD_NVME_OF_WRITE;
    bool elsewhere = false;
    check_networked(world, object, "from", &stream->from);
    check_networked(world, object, "to", &stream->to);
    check_targets(world, object, "from", &stream->from, stream->size_bytes, nvme, false);
    check_targets(world, object, "to", &stream->to, stream->size_bytes, false, false);
    if (stream->kind == WORLD_KEY_VALUE && stream->from.items[0].function_id != NONE) {
        struct json_node node = json_member(object, "from");
        json_error(&node, "world-stream", "a key-value server has its values in memory");
    }
    for (uint32_t i = 0; i < stream->from.count && !elsewhere; i++) {
        for (uint32_t j = 0; j < stream->to.count && !elsewhere; j++)
            elsewhere = stream->from.items[i].machine != stream->to.items[j].machine;
    }
    if (!elsewhere)
        json_error(object, "world-stream",
                   "all of \"from\" and \"to\" is in one machine: nothing would cross");
    for (uint32_t i = 0; stream->pairing == PAIRING_ONE_TO_ONE && elsewhere &&
                         i < (stream->from.count > stream->to.count ? stream->from.count : stream->to.count);
         i++) {
        if (stream->from.items[i % stream->from.count].machine !=
            stream->to.items[i % stream->to.count].machine)
            continue;
        json_error(object, "world-stream", "pair %" PRIu32 " is within one machine", i);
        return;
    }
}

static void read_stream(struct world *world, const struct json_node *object)
{
    struct world_stream *stream = &world->streams[world->stream_count];
    int word = 0;
    *stream =
        (struct world_stream){.messages = 1, .queue_depth = 1, .request_bytes = 64, .servers = 1, .cpus = 1};
    if (!json_expect_object(object))
        return;
    json_check_table(object, &world_stream_keys);
    read_stream_name(world, object, &stream->name);
    char *pointer = json_pointer(object);
    stream->pointer = arena_string(world->arena, pointer);
    free(pointer);
    if (json_get_choice(object, "kind", world_stream_words, &word))
        stream->kind = (enum world_stream_kind)word;
    if (json_get_choice(object, "pairing", world_pairing_words, &word))
        stream->pairing = (enum world_pairing)word;
    if (json_require(object, "size", "that of one message"))
        json_get_size(object, "size", 1, size_maximum, &stream->size_bytes);
    json_get_count(object, "messages", 1, 1000000000, &stream->messages);
    json_get_u32(object, "queue_depth", 1, 4096, &stream->queue_depth);
    json_get_size(object, "request_size", 1, 1 << 20, &stream->request_bytes);
    json_get_quantity(object, "serve", UNIT_PICOSECONDS, 0, UINT64_C(1000000000000), &stream->serve_ps);
    json_get_u32(object, "servers", 1, 1024, &stream->servers);
    json_get_u32(object, "cpus", 1, 256, &stream->cpus);
    bool from = read_ends(world, object, "from", &stream->from),
         to = read_ends(world, object, "to", &stream->to);
    world->stream_count++;
    if (from && to)
        check_stream(world, object, stream);
}

/* ---- collectives ---- */

/* Machine by machine, else in the order given: a ring is to enter and leave each machine once. */
static void sort_ranks(const struct world *world, struct world_ends *ranks)
{
    uint32_t *place = memory_array(world->machine_count + 1, sizeof(*place));
    struct world_end *sorted = memory_array(ranks->count, sizeof(*sorted));
    for (uint32_t i = 0; i < ranks->count; i++)
        place[ranks->items[i].machine + 1]++;
    for (uint32_t m = 0; m < world->machine_count; m++)
        place[m + 1] += place[m];
    for (uint32_t i = 0; i < ranks->count; i++)
        sorted[place[ranks->items[i].machine]++] = ranks->items[i];
    memcpy(ranks->items, sorted, ranks->count * sizeof(*sorted));
    free(sorted);
    free(place);
}

static void read_collective(struct world *world, const struct json_node *object)
{
    struct world_collective *collective = &world->collectives[world->collective_count];
    int word = 0;
    *collective = (struct world_collective){.repeat = 1, .channels = 1, .chunk_bytes = UINT64_C(512) << 10};
    if (!json_expect_object(object))
        return;
    json_check_table(object, &world_collective_keys);
    read_stream_name(world, object, &collective->name);
    char *pointer = json_pointer(object);
    collective->pointer = arena_string(world->arena, pointer);
    free(pointer);
    if (json_require(object, "kind", "all-reduce or all-to-all") &&
        json_get_choice(object, "kind", world_collective_words, &word))
        collective->kind = (enum world_collective_kind)word;
    struct json_node algorithm = json_member(object, "algorithm");
    if (json_get_choice(object, "algorithm", world_algorithm_words, &word))
        collective->algorithm = (enum world_algorithm)word;
    if (json_given(&algorithm) && collective->kind == COLLECTIVE_ALL_TO_ALL)
        json_error_at_key(
            &algorithm, "world-algorithm",
            "\"algorithm\" is for an all-reduce: in an all-to-all each rank sends to each other one");
    if (json_require(object, "size", "that of one rank's data"))
        json_get_size(object, "size", 1, size_maximum, &collective->size_bytes);
    json_get_u32(object, "repeat", 1, 1000000, &collective->repeat);
    json_get_u32(object, "channels", 1, 64, &collective->channels);
    json_get_quantity(object, "reduce_rate", UNIT_BYTES_PER_S, 1, UINT64_C(1) << 50,
                      &collective->reduce_rate_bytes_per_s);
    json_get_size(object, "chunk", 64, UINT64_C(1) << 30, &collective->chunk_bytes);
    bool ranks = read_ends(world, object, "functions", &collective->ranks);
    world->collective_count++;
    if (!ranks)
        return;
    sort_ranks(world, &collective->ranks);
    if (collective->ranks.items[0].machine != collective->ranks.items[collective->ranks.count - 1].machine)
        check_networked(world, object, "functions", &collective->ranks);
    check_targets(world, object, "functions", &collective->ranks, collective->chunk_bytes, false, true);
    struct json_node functions = json_member(object, "functions");
    if (collective->ranks.count < 2)
        json_error(&functions, "world-collective", "a collective has two ranks or more");
    if (collective->size_bytes && collective->size_bytes < collective->ranks.count)
        json_error(object, "world-collective", "less than a byte for each of %" PRIu32 " ranks",
                   collective->ranks.count);
    for (uint32_t i = 0; i < collective->ranks.count; i++) {
        const struct world_end *rank = &collective->ranks.items[i];
        bool twice = false;
        for (uint32_t j = i; j > 0 && rank[0].machine == collective->ranks.items[j - 1].machine; j--)
            twice |= rank->function_id == collective->ranks.items[j - 1].function_id;
        if (rank->function_id != NONE && !twice)
            continue;
        json_error(&functions, "world-collective",
                   twice ? "a function is one rank only" : "a rank is a function, not memory");
        return;
    }
}

void world_read_traffic(struct world *world, const struct json_node *root)
{
    struct json_node streams = json_member(root, "streams"), collectives = json_member(root, "collectives");
    bool workloads = false;
    if (json_given(&streams) && json_expect_array(&streams)) {
        world->streams = arena_array(world->arena, json_length(&streams), sizeof(*world->streams));
        for (struct json_node node = json_first(&streams); json_given(&node); json_next(&node))
            read_stream(world, &node);
    }
    if (json_given(&collectives) && json_expect_array(&collectives)) {
        world->collectives =
            arena_array(world->arena, json_length(&collectives), sizeof(*world->collectives));
        for (struct json_node node = json_first(&collectives); json_given(&node); json_next(&node))
            read_collective(world, &node);
    }
    for (uint32_t i = 0; i < world->group_count; i++)
        workloads |= world->groups[i].workload != NULL;
    if (!world->stream_count && !world->collective_count && !workloads)
        json_error(root, "world-empty",
                   "nothing happens in this world: give streams, collectives or workloads");
}
