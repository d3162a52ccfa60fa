/* SPDX-License-Identifier: MIT */
#include "sim/input/world.h"

#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/source_file.h"
#include "sim/input/workload_keys.h"
#include "sim/input/world_keys.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

enum { HOSTS_MAX = 1 << 20 };

/* A segment is one DMA operation; more than a workload's largest is not. */
static const uint64_t segment_maximum = UINT64_C(4) << 20;

static const char *kept_path(struct world *world, const char *name)
{
    if (strncmp(name, "synthetic:", 10) == 0)
        return arena_string(world->arena, name);
    char *path = path_beside(world->path, name);
    const char *kept = arena_string(world->arena, path);
    free(path);
    return kept;
}

static const char *kept_pointer(struct world *world, const struct json_node *node)
{
    char *pointer = json_pointer(node);
    const char *kept = arena_string(world->arena, pointer);
    free(pointer);
    return kept;
}

/* ---- machines ---- */

static void read_topology(struct world *world, const struct json_node *object, struct scenario *scenario)
{
    struct json_node node = json_member(object, "topology");
    if (!json_require(object, "topology", "the path of a topology or dump"))
        return;
    size_t several = json_is_array(&node) ? json_length(&node) : 0, count = 0;
    const char **paths = arena_array(world->arena, several + 1, sizeof(*paths));
    if (!json_is_array(&node)) {
        const char *name = json_expect_string(&node, "the path of a file, or paths of dumps");
        if (name)
            paths[count++] = kept_path(world, name);
    }
    for (struct json_node item = json_first(&node); several && json_given(&item); json_next(&item)) {
        const char *name = json_expect_string(&item, "the path of a dump");
        if (name)
            paths[count++] = kept_path(world, name);
    }
    scenario_set_topology(scenario, &(struct machine_files){paths, count});
}

static void add_override(struct scenario *scenario, const char *text, const char *place)
{
    scenario_add_override(scenario, text);
    scenario->overrides[scenario->override_count - 1].place = place;
}

static void read_overrides(const struct json_node *object, struct scenario *scenario)
{
    struct json_node overrides = json_member(object, "overrides");
    if (!json_given(&overrides) || !json_expect_object(&overrides))
        return;
    for (struct json_node node = json_first(&overrides); json_given(&node); json_next(&node)) {
        char *value = cJSON_PrintUnformatted(node.value), *place = json_pointer(&node);
        if (!*node.key || strchr(node.key, '='))
            json_error_at_key(&node, "scenario-override", "\"%s\" is no JSON pointer such as \"%s\"",
                              node.key, "/parameters/iommu/walkers");
        else
            add_override(scenario, arena_format(scenario->arena, "%s=%s", node.key, value),
                         arena_string(scenario->arena, place));
        free(place);
        cJSON_free(value);
    }
}

static void read_network_functions(struct world *world, const struct json_node *object,
                                   struct world_machines *group)
{
    struct json_node array = json_member(object, "network_functions");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    group->network_functions = arena_array(world->arena, json_length(&array), sizeof(uint32_t));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node)) {
        uint32_t segment;
        uint8_t bus, devfn;
        if (!json_node_bdf(&node, &segment, &bus, &devfn))
            continue;
        const struct pci_function *function = topology_find(group->input->topology, segment, bus, devfn);
        bool twice = false;
        for (uint32_t i = 0; function && i < group->network_function_count; i++)
            twice |= group->network_functions[i] == function->id;
        if (!function || function->header_type != 0 || twice)
            json_error(&node, "world-function", "%s %s", json_string(&node),
                       !function ? "is no function of the machine"
                       : twice   ? "is named twice"
                                 : "is a bridge: it sends nothing of its own");
        else
            group->network_functions[group->network_function_count++] = function->id;
    }
    if (json_length(&array) == 0)
        json_error(&array, "world-function", "a machine speaks by at least one NIC");
}

static void read_workload(struct world *world, const struct json_node *object, struct world_machines *group,
                          struct diagnostics *diagnostics)
{
    struct json_node node = json_member(object, "workload"), mode = json_member(object, "mode");
    if (!json_given(&node))
        return;
    const char *path = json_expect_string(&node, "the path of a workload");
    if (json_given(&mode))
        json_error_at_key(&mode, "world-mode",
                          "the workload's domains have their modes: give one or the other");
    if (!path)
        return;
    const struct workload_machine machine = {
        .topology = group->input->topology,
        .iommu = group->input->topology->unit_count ? group->input->topology->units[0].kind : IOMMU_NONE,
    };
    if (workload_load(kept_path(world, path), &machine, &group->workload, diagnostics) == STATUS_OK &&
        group->workload->duration_ps)
        json_error(&node, "world-workload",
                   "a workload in a world ends with its operations: it must not have a duration");
}

static bool name_is_good(const char *name)
{
    return *name && !strpbrk(name, "[]/, ");
}

static void read_name(struct world *world, const struct json_node *object, struct world_machines *group)
{
    struct json_node node = json_member(object, "name");
    if (!json_require(object, "name", "what one of them is called") ||
        !json_get_string(object, "name", &group->name))
        return;
    group->name = arena_string(world->arena, group->name);
    if (!name_is_good(group->name))
        json_error(&node, "world-name", "a name is not empty and has none of [ ] / , and space");
    for (uint32_t i = 0; i < world->group_count; i++) {
        if (strcmp(world->groups[i].name, group->name) == 0)
            json_error(&node, "world-name", "other machines have the name \"%s\", too", group->name);
    }
}

static void read_machines(struct world *world, const struct json_node *object,
                          struct diagnostics *diagnostics)
{
    struct world_machines *group = &world->groups[world->group_count];
    uint64_t count = 1;
    int word = 0;
    const char *text;
    *group = (struct world_machines){.name = "",
                                     .first = world->machine_count,
                                     .first_host = world->host_count,
                                     .page_bytes = 4096,
                                     .pointer = kept_pointer(world, object)};
    if (!json_expect_object(object))
        return;
    json_check_table(object, &world_machines_keys);
    read_name(world, object, group);
    world->group_count++;
    json_get_count(object, "count", 1, WORLD_MACHINES_MAX, &count);
    group->count = (uint32_t)count;
    group->scenario = scenario_new();
    group->scenario->path = world->path;
    group->scenario->source = world->source; /* lent: findings about overrides point into it */
    read_topology(world, object, group->scenario);
    read_overrides(object, group->scenario);
    if (json_get_string(object, "cmdline", &text))
        group->scenario->cmdline = arena_string(world->arena, text);
    if (json_get_choice(object, "iommu", scenario_iommu_words, &word))
        group->scenario->iommu = scenario_iommu_words[word];
    if (json_get_choice(object, "mode", translation_mode_names, &word))
        group->mode = (enum translation_mode)word;
    if (json_get_choice(object, "page_size", page_size_words, &word))
        group->page_bytes = UINT64_C(4096) << (9 * word);
    if (!group->scenario->topology_files.count ||
        scenario_load_machine(group->scenario, &group->input, diagnostics) < 0)
        return;
    read_network_functions(world, object, group);
    read_workload(world, object, group, diagnostics);
    world->machine_count += group->count;
    world->host_count += group->count * group->network_function_count;
    if (world->machine_count > WORLD_MACHINES_MAX)
        json_error(object, "world-machines", "more than %d machines", WORLD_MACHINES_MAX);
}

/* ---- network ---- */

/* A list of counts, one a level. @return their number, 0 after an error or where it is absent */
static uint32_t read_levels(const struct json_node *object, const char *key, uint32_t *values)
{
    struct json_node array = json_member(object, key);
    uint32_t count = 0;
    if (!json_given(&array) || !json_expect_array(&array))
        return 0;
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node), count++) {
        uint64_t value = 0;
        bool good = json_is_number(&node) && json_node_address(&node, 65536, &value) && value;
        if (!good || count == FAT_TREE_LEVELS_MAX) {
            json_error(&node, "world-network", "\"%s\" has 1 to %d whole numbers from 1 to 65536", key,
                       FAT_TREE_LEVELS_MAX);
            return 0;
        }
        values[count] = (uint32_t)value;
    }
    return count;
}

/* Places, as far as they matter: more than there may be is as good as any such number. */
static uint64_t times(uint64_t hosts, uint32_t count)
{
    return hosts > HOSTS_MAX ? hosts : hosts * count;
}

static uint64_t read_fat_tree(struct world_network *network, const struct json_node *object)
{
    uint64_t hosts = 1;
    network->levels = read_levels(object, "down", network->down);
    uint32_t up = read_levels(object, "up", network->up);
    uint32_t parallel = read_levels(object, "parallel", network->parallel);
    struct json_node given = json_member(object, "parallel");
    for (uint32_t i = 0; i < network->levels && !json_given(&given); i++)
        network->parallel[i] = 1;
    if (!network->levels || up != network->levels || (json_given(&given) && parallel != network->levels)) {
        json_error(
            object, "world-network",
            "a fat tree has \"down\" and \"up\", and may have \"parallel\", with a number for each level");
        return UINT64_MAX;
    }
    for (uint32_t i = 0; i < network->levels; i++)
        hosts = times(hosts, network->down[i]);
    return hosts;
}

static uint64_t read_dragonfly(struct world_network *network, const struct json_node *object)
{
    static const char *const names[DRAGONFLY_LEVELS] = {"groups", "chassis", "routers"};
    uint64_t hosts = 1;
    bool all = true;
    for (int i = 0; i < DRAGONFLY_LEVELS; i++) {
        network->links[i] = 1;
        all &= json_get_u32(object, names[i], 1, 65536, &network->counts[i]);
        hosts = times(hosts, network->counts[i]);
    }
    all &= json_get_u32(object, "nodes", 1, 65536, &network->nodes);
    struct json_node links = json_member(object, "links");
    if (!all || (json_given(&links) && (json_length(&links) != DRAGONFLY_LEVELS ||
                                        read_levels(object, "links", network->links) != DRAGONFLY_LEVELS))) {
        json_error(object, "world-network",
                   "a dragonfly has \"groups\", \"chassis\", \"routers\" and \"nodes\", and may have three "
                   "\"links\"");
        return UINT64_MAX;
    }
    return times(hosts, network->nodes);
}

static void read_platform(struct world *world, const struct json_node *object,
                          struct diagnostics *diagnostics)
{
    struct world_network *network = &world->network;
    const char *name = NULL;
    if (!json_require(object, "platform", "the path of a SimGrid platform") ||
        !json_get_string(object, "platform", &name) ||
        source_file_read(kept_path(world, name), &network->platform, diagnostics) < 0)
        return;
    struct json_node hosts = json_member(object, "hosts");
    if (!json_given(&hosts) || !json_expect_array(&hosts))
        return;
    network->hosts = arena_array(world->arena, json_length(&hosts), sizeof(*network->hosts));
    for (struct json_node node = json_first(&hosts); json_given(&node); json_next(&node)) {
        const char *host = json_expect_string(&node, "the name of a host");
        if (host)
            network->hosts[network->host_count++] = arena_string(world->arena, host);
    }
    if (network->host_count < world->host_count)
        json_error(&hosts, "world-hosts", "%" PRIu32 " hosts for %" PRIu32 " NICs", network->host_count,
                   world->host_count);
}

static void read_network(struct world *world, const struct json_node *root, struct diagnostics *diagnostics)
{
    struct world_network *network = &world->network;
    struct json_node object = json_member(root, "network");
    int kind = NETWORK_SWITCH;
    if (!world->host_count && !json_given(&object)) { /* SimGrid wants a place to be, though nobody speaks */
        *network = (struct world_network){
            .kind = NETWORK_SWITCH, .bandwidth_bytes_per_s = 1, .latency_ps = 1, .host_count = 1};
        return;
    }
    if (!json_require(root, "network", "what joins the NICs") || !json_expect_object(&object))
        return;
    network->pointer = kept_pointer(world, &object);
    json_check_table(&object, &world_network_keys);
    if (!json_require(&object, "kind", "what it is") ||
        !json_get_choice(&object, "kind", world_network_words, &kind))
        return;
    network->kind = (enum world_network_kind)kind;
    if (network->kind == NETWORK_PLATFORM) {
        read_platform(world, &object, diagnostics);
        return;
    }
    if (!json_require(&object, "bandwidth", "that of each link") ||
        !json_require(&object, "latency", "that of each link"))
        return;
    json_get_quantity(&object, "bandwidth", UNIT_BYTES_PER_S, 1, UINT64_C(1) << 50,
                      &network->bandwidth_bytes_per_s);
    json_get_quantity(&object, "latency", UNIT_PICOSECONDS, 1, UINT64_C(1000000000000), &network->latency_ps);
    uint64_t hosts = network->kind == NETWORK_FAT_TREE    ? read_fat_tree(network, &object)
                     : network->kind == NETWORK_DRAGONFLY ? read_dragonfly(network, &object)
                     : world->host_count                  ? world->host_count
                                                          : 1;
    if (hosts == UINT64_MAX)
        return;
    if (hosts < world->host_count || hosts > HOSTS_MAX)
        json_error(&object, "world-hosts",
                   hosts > HOSTS_MAX ? "it has places for more than %" PRIu64 " NICs, and there are %" PRIu32
                                     : "it has places for %" PRIu64 " NICs, and there are %" PRIu32,
                   hosts > HOSTS_MAX ? (uint64_t)HOSTS_MAX : hosts, world->host_count);
    network->host_count = (uint32_t)hosts;
}

static void read_software(struct world *world, const struct json_node *root)
{
    struct world_software *software = &world->software;
    struct json_node object = json_member(root, "software");
    const uint64_t second = UINT64_C(1000000000000);
    *software = (struct world_software){.segment_bytes = 65536, .segments_in_flight = 4};
    if (!json_given(&object) || !json_expect_object(&object))
        return;
    json_check_table(&object, &world_software_keys);
    json_get_quantity(&object, "send", UNIT_PICOSECONDS, 0, second, &software->send_ps);
    json_get_quantity(&object, "receive", UNIT_PICOSECONDS, 0, second, &software->receive_ps);
    json_get_size(&object, "segment", 64, segment_maximum, &software->segment_bytes);
    json_get_u32(&object, "segments_in_flight", 1, 1024, &software->segments_in_flight);
}

/* ---- the document ---- */

static void read_world(struct world *world, const struct json_node *root, struct diagnostics *diagnostics)
{
    const char *text = NULL;
    if (!json_expect_object(root) || !json_require(root, "format", "\"iommusim-world/1\"") ||
        !json_get_string(root, "format", &text))
        return;
    if (strcmp(text, "iommusim-world/1") != 0) {
        struct json_node format = json_member(root, "format");
        json_error(&format, "world-format", "a world's format is \"iommusim-world/1\", found \"%s\"", text);
        return;
    }
    json_check_table(root, &world_keys);
    if (json_get_string(root, "name", &text))
        world->name = arena_string(world->arena, text);
    json_get_count(root, "seed", 0, UINT64_C(1) << 53, &world->seed);
    struct json_node array = json_member(root, "machines");
    if (!json_require(root, "machines", "the machines") || !json_expect_array(&array))
        return;
    world->groups = arena_array(world->arena, json_length(&array), sizeof(*world->groups));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node))
        read_machines(world, &node, diagnostics);
    if (world->machine_count == 0 && diagnostics_errors(diagnostics) == 0)
        json_error(&array, "world-machines", "there is no machine");
    read_software(world, root);
    read_network(world, root, diagnostics);
    if (diagnostics_errors(diagnostics) == 0)
        world_read_traffic(world, root);
}

int world_load_source(const struct source_text *source, struct world **result,
                      struct diagnostics *diagnostics)
{
    unsigned errors = diagnostics_errors(diagnostics);
    struct arena *arena = arena_new();
    struct world *world = arena_alloc(arena, sizeof(*world));
    char *text = arena_alloc(arena, source->length + 1);
    memcpy(text, source->text, source->length);
    XXH128_hash_t hash = XXH3_128bits(source->text, source->length);
    *world = (struct world){.arena = arena, .seed = 1, .path = arena_string(arena, source->name)};
    world->source = (struct source_text){world->path, text, source->length};
    world->hash =
        arena_format(arena, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
    struct json_document document;
    int status = json_document_init(&document, &world->source, diagnostics);
    if (status == STATUS_OK) {
        struct json_node root = json_root(&document);
        read_world(world, &root, diagnostics);
        json_document_fini(&document);
        if (diagnostics_errors(diagnostics) != errors)
            status = STATUS_BAD_INPUT;
    }
    if (status == STATUS_OK)
        *result = world;
    else
        world_free(world);
    return status;
}

int world_load(const char *path, struct world **world, struct diagnostics *diagnostics)
{
    struct source_text source;
    int status = source_file_read(path, &source, diagnostics);
    if (status < 0)
        return status;
    status = world_load_source(&source, world, diagnostics);
    source_file_fini(&source);
    return status;
}

void world_free(struct world *world)
{
    if (!world)
        return;
    for (uint32_t i = 0; i < world->group_count; i++) {
        workload_free(world->groups[i].workload);
        machine_input_free(world->groups[i].input);
        if (world->groups[i].scenario)
            world->groups[i].scenario->source = (struct source_text){0};
        scenario_free(world->groups[i].scenario);
    }
    source_file_fini(&world->network.platform);
    arena_free(world->arena);
}

/* What came by standard input, there once more. */
static void put_back(const struct source_text *source)
{
    int file = memfd_create("input", MFD_CLOEXEC);
    const char *text = source->text;
    size_t left = source->length;
    while (file >= 0 && left) {
        ssize_t written = write(file, text, left);
        if (written <= 0)
            break;
        text += written;
        left -= (size_t)written;
    }
    if (file >= 0 && lseek(file, 0, SEEK_SET) == 0)
        dup2(file, STDIN_FILENO);
    if (file >= 0)
        close(file);
}

bool world_recognise(const char *path)
{
    struct source_text source;
    struct json_document document;
    struct diagnostics *unheard = diagnostics_new(1);
    bool found = false;
    if (source_file_read(path, &source, unheard) == STATUS_OK) {
        if (json_document_init(&document, &source, unheard) == STATUS_OK) {
            const struct json_node root = json_root(&document), format = json_member(&root, "format");
            const char *text = json_string(&format);
            found = text && strncmp(text, "iommusim-world/", strlen("iommusim-world/")) == 0;
            json_document_fini(&document);
        }
        if (strcmp(path, "-") == 0)
            put_back(&source);
        source_file_fini(&source);
    }
    diagnostics_free(unheard);
    return found;
}
