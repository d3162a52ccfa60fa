/* SPDX-License-Identifier: MIT */
/* The document, domains and the devices in them. */
#include "sim/input/workload_reader.h"

#include "models/iommu/pasid_table.h"
#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/input/source_file.h"
#include "sim/input/workload_keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ORDER: enum translation_mode, enum stream_operation, enum address_pattern */
const char *const translation_mode_names[] = {"static", "passthrough", "off", "strict",
                                              "lazy",   "kernel",      NULL};
const char *const stream_operation_names[] = {"read", "write", "alternate", "write-read", "msi", NULL};
const char *const address_pattern_names[] = {"sequential", "random", "strided", NULL};
const char *const stream_buffers_names[] = {"persistent", "per-use", "pooled",
                                            NULL}; /* ORDER: enum stream_buffers */
const char *const bounce_mode_names[] = {          /* ORDER: enum bounce_mode */
                                         "needed", "always", "twice", "encrypted", NULL};
const char *const memory_zone_names[] = {"dma", "dma32", "normal", NULL}; /* ORDER: enum memory_zone */
const char *const misbehaviour_names[] = {
    "none", "use-after-unmap", "forged-translation", "keeps-translations", "never-answers",
    NULL}; /* ORDER: enum misbehaviour */

enum { DURATION_MAX_S = 1000 };

const char *translation_mode_name(enum translation_mode mode)
{
    return translation_mode_names[mode];
}

void workload_free(struct workload *workload)
{
    if (workload)
        arena_free(workload->arena);
}

char *path_beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    if (name[0] == '/' || strcmp(name, "-") == 0 || !slash)
        return memory_string(name);
    size_t folder = (size_t)(slash - path) + 1, length = strlen(name);
    char *joined = memory_alloc(folder + length + 1);
    memcpy(joined, path, folder);
    memcpy(joined + folder, name, length + 1);
    return joined;
}

bool check_name(const struct json_node *object, const char *what, const char *name,
                const char *const *earlier, uint32_t count, size_t stride)
{
    struct json_node node = json_member(object, "name");
    if (!*name) {
        json_error(&node, "workload-name", "the name of a %s must not be empty", what);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *other = *(const char *const *)((const char *)earlier + i * stride);
        if (other && strcmp(other, name) == 0) {
            json_error(&node, "workload-name", "another %s has the name \"%s\", too", what, name);
            return false;
        }
    }
    return true;
}

/* ---- devices ---- */

static void unknown_device(const struct workload_reading *reading, const struct json_node *node,
                           const char *address)
{
    const struct topology *topology = reading->machine->topology;
    char(*texts)[BDF_TEXT_SIZE] = memory_array(topology->function_count, sizeof(*texts));
    const char **names = memory_array(topology->function_count, sizeof(*names));
    uint32_t count = 0;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        if (function->header_type == 0) {
            names[count] = bdf_print(texts[count], function->segment, function->bus, function->devfn);
            count++;
        }
    }
    const char *near = nearest_name(address, names, count, sizeof(*names));
    json_error(node, "workload-device", "the machine has no device %s%s%s", address,
               near ? "; the nearest is " : "", near ? near : "");
    free(names);
    free(texts);
}

uint32_t read_device(const struct workload_reading *reading, const struct json_node *node)
{
    char address[BDF_TEXT_SIZE];
    uint32_t segment;
    uint8_t bus, devfn;
    if (!json_node_bdf(node, &segment, &bus, &devfn))
        return NONE;
    if (!reading->machine->topology)
        return NONE;
    bdf_print(address, segment, bus, devfn);
    const struct pci_function *function = topology_find(reading->machine->topology, segment, bus, devfn);
    if (!function) {
        unknown_device(reading, node, address);
        return NONE;
    }
    if (function->header_type != 0) {
        json_error(node, "workload-device-no-dma", "%s is a %s: it issues no DMA", address,
                   function_kind_name(function));
        return NONE;
    }
    return function->id;
}

void read_pasid(const struct json_node *object, uint32_t *pasid)
{
    struct json_node given = json_member(object, "pasid");
    uint32_t value = 0;
    *pasid = 0;
    if (json_given(&given) && json_get_u32(object, "pasid", 0, PASID_MAX, &value))
        *pasid = value + 1;
}

static bool in_domain(const struct domain *domain, uint32_t function_id)
{
    for (uint32_t i = 0; i < domain->function_count; i++) {
        if (domain->function_ids[i] == function_id)
            return true;
    }
    return false;
}

const struct domain *find_pasid_domain(const struct workload *workload, uint32_t function_id, uint32_t pasid)
{
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        if (workload->domains[d].pasid == pasid && in_domain(&workload->domains[d], function_id))
            return &workload->domains[d];
    }
    return NULL;
}

/* The domain that already has the device: the one without PASID, or one with the same. */
const struct domain *domain_before(const struct workload_reading *reading, const struct domain *domain,
                                   uint32_t id)
{
    if (domain->pasid)
        return find_pasid_domain(reading->workload, id, domain->pasid);
    return reading->domain_of[id] == NONE ? NULL : &reading->workload->domains[reading->domain_of[id]];
}

void take_device(struct workload_reading *reading, struct domain *domain, uint32_t id)
{
    if (!domain->pasid)
        reading->domain_of[id] = (uint32_t)(domain - reading->workload->domains);
    domain->function_ids[domain->function_count++] = id;
}

/* Has the device so many PASIDs, as far as its capability was seen? */
static bool check_pasid(const struct workload_reading *reading, const struct json_node *node,
                        const struct domain *domain, uint32_t id)
{
    const struct topology *topology = reading->machine->topology;
    const struct pci_function *function = topology_physical_function(topology, &topology->functions[id]);
    uint32_t width = function->translation.pasid_width;
    if (!domain->pasid || !width || (domain->pasid - 1) >> width == 0)
        return true;
    json_error(node, "workload-pasid", "PASIDs of %s have %" PRIu32 " bits: it has no PASID %" PRIu32,
               json_string(node), width, domain->pasid - 1);
    return false;
}

void add_device(struct workload_reading *reading, const struct json_node *node, struct domain *domain)
{
    uint32_t id = read_device(reading, node);
    if (id == NONE)
        return;
    const struct domain *before = domain_before(reading, domain, id);
    if (before) {
        json_error(node, "workload-device-twice", "%s is already in domain \"%s\"%s", json_string(node),
                   before->name, domain->pasid ? ", which has the same \"pasid\"" : "");
        return;
    }
    if (check_pasid(reading, node, domain, id))
        take_device(reading, domain, id);
}

/* "devices": a list, or "all" for every function that can issue DMA and is in no domain before; "each" is
 * seen to later (spread_over_groups()). */
static void read_devices(struct workload_reading *reading, const struct json_node *object,
                         struct domain *domain)
{
    const struct topology *topology = reading->machine->topology;
    struct json_node devices = json_member(object, "devices");
    if (!json_require(object, "devices", "a list of addresses, \"all\" or \"each\""))
        return;
    if (json_is_string(&devices)) {
        static const char *const words[] = {"all", "each", NULL};
        int word;
        if (!json_node_choice(&devices, words, &word) || word == 1)
            return;
        uint32_t count = topology ? topology->function_count : 0;
        domain->function_ids = arena_array(reading->workload->arena, count, sizeof(uint32_t));
        for (uint32_t f = 0; f < count; f++) {
            if (topology->functions[f].header_type == 0 && !domain_before(reading, domain, f))
                take_device(reading, domain, f);
        }
        return;
    }
    if (!json_expect_array(&devices))
        return;
    domain->function_ids = arena_array(reading->workload->arena, json_length(&devices), sizeof(uint32_t));
    for (struct json_node node = json_first(&devices); json_given(&node); json_next(&node))
        add_device(reading, &node, domain);
}

static void read_aged(const struct json_node *node, struct domain *domain)
{
    struct json_node given = json_member(node, "aged");
    json_get_size(node, "aged", 0, UINT64_C(1) << 31, &domain->aged_bytes);
    domain->aged_given = json_given(&given);
    if (domain->aged_given && !translation_mode_is_dynamic(domain->mode))
        json_error_at_key(&given, "workload-mode", "a domain of mode \"%s\" hands out no addresses",
                          translation_mode_name(domain->mode));
}

static void read_second_stage(const struct json_node *node, struct domain *domain)
{
    struct json_node given = json_member(node, "second_stage");
    int page = 0;
    if (!json_given(&given) || !json_get_choice(node, "second_stage", page_size_words, &page))
        return;
    domain->second_stage_bytes = UINT64_C(4096) << (9 * page);
    if (domain->mode != TRANSLATION_STATIC)
        json_error_at_key(&given, "workload-mode", "a domain of mode \"%s\" has no second stage",
                          translation_mode_name(domain->mode));
}

static void read_paging(const struct json_node *node, struct domain *domain)
{
    struct json_node given = json_member(node, "paging");
    int word = 0;
    json_get_choice(node, "paging", domain_paging_words, &word);
    domain->on_demand = word == 1;
    if (domain->on_demand && domain->mode != TRANSLATION_STATIC)
        json_error_at_key(&given, "workload-mode", "a domain of mode \"%s\" does not page on demand",
                          translation_mode_name(domain->mode));
    else if (domain->on_demand && domain->second_stage_bytes)
        json_error_at_key(&given, "workload-mode", "a domain with \"second_stage\" does not page on demand");
}

static void read_domain(struct workload_reading *reading, const struct json_node *node, struct domain *domain)
{
    struct workload *workload = reading->workload;
    const char *name = "";
    int mode = TRANSLATION_STATIC;
    if (!json_expect_object(node))
        return;
    json_check_table(node, &domain_keys);
    if (json_require(node, "name", "the name of the domain") && json_get_string(node, "name", &name))
        check_name(node, "domain", name, &workload->domains[0].name, (uint32_t)(domain - workload->domains),
                   sizeof(*domain));
    domain->name = arena_string(workload->arena, name);
    char *pointer = json_pointer(node);
    domain->pointer = arena_string(workload->arena, pointer);
    free(pointer);
    json_get_choice(node, "mode", translation_mode_names, &mode);
    domain->mode = (enum translation_mode)mode;
    read_second_stage(node, domain);
    read_paging(node, domain);
    read_aged(node, domain);
    int bounce = BOUNCE_NEEDED;
    json_get_choice(node, "bounce", bounce_mode_names, &bounce);
    domain->bounce = (enum bounce_mode)bounce;
    struct json_node ats = json_member(node, "ats");
    bool on = false;
    if (json_given(&ats) && json_get_boolean(node, "ats", &on))
        domain->ats = on ? ATS_ON : ATS_OFF;
    read_pasid(node, &domain->pasid);
    struct json_node pasid = json_member(node, "pasid");
    if (domain->pasid && !translation_mode_translates(domain->mode) &&
        domain->mode != TRANSLATION_PASSTHROUGH)
        json_error_at_key(&pasid, "workload-mode",
                          "a domain of mode \"%s\" is no PASID's: the unit is not there",
                          translation_mode_name(domain->mode));
    read_devices(reading, node, domain);
    struct json_node mappings = json_member(node, "mappings"), devices = json_member(node, "devices");
    if (json_is_string(&devices) && strcmp(json_string(&devices), "each") == 0) {
        if (json_given(&mappings))
            json_error_at_key(&mappings, "workload-mode", "domains of \"each\" group have no mappings");
        else
            spread_over_groups(reading, node, domain);
        return;
    }
    settle_mode(reading, node, domain);
    if (!json_given(&mappings))
        return;
    if (translation_mode_translates(domain->mode))
        read_mappings(reading, &mappings, domain);
    else
        json_error_at_key(&mappings, "workload-mode", "a domain of mode \"%s\" has no mappings",
                          translation_mode_name(domain->mode));
}

/* Virtual machines come first: what "all" means in a domain is the rest. */
static void read_domains(struct workload_reading *reading, const struct json_node *root)
{
    struct workload *workload = reading->workload;
    struct json_node array = json_member(root, "domains"), guests = json_member(root, "virtual_machines");
    size_t functions = reading->machine->topology ? reading->machine->topology->function_count : 0,
           count = (json_is_array(&array) ? json_length(&array) : 0) +
                   (json_is_array(&guests) ? json_length(&guests) : 0) +
                   functions; /* domains of "each" group */
    workload->domains = arena_array(workload->arena, count, sizeof(*workload->domains));
    read_virtual_machines(reading, root);
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node))
        read_domain(reading, &node, &workload->domains[workload->domain_count++]);
}

/* ---- the document ---- */

static bool read_heading(struct workload_reading *reading, const struct json_node *root)
{
    struct workload *workload = reading->workload;
    const char *text = NULL;
    if (!json_expect_object(root) || !json_require(root, "format", "\"iommusim-workload/1\"") ||
        !json_get_string(root, "format", &text))
        return false;
    if (strcmp(text, "iommusim-workload/1") != 0) {
        struct json_node format = json_member(root, "format");
        json_error(&format, "workload-format", "a workload's format is \"iommusim-workload/1\", found \"%s\"",
                   text);
        return false;
    }
    json_check_table(root, &workload_keys);
    if (json_get_string(root, "name", &text))
        workload->name = arena_string(workload->arena, text);
    if (json_get_string(root, "source", &text))
        workload->source = arena_string(workload->arena, text);
    uint32_t fragmentation = 0;
    json_get_u32(root, "fragmentation", 0, 99, &fragmentation);
    workload->fragmentation = fragmentation * 10;
    json_get_quantity(root, "duration", UNIT_PICOSECONDS, 1, UINT64_C(1000000000000) * DURATION_MAX_S,
                      &workload->duration_ps);
    return true;
}

/* RAM for what traces map during the run: up to 1 GiB, less where there is less; the rest for buffers. */
static void reserve_buffers(struct workload_reading *reading)
{
    struct workload *workload = reading->workload;
    bool dynamic = false, trace = false;
    for (uint32_t d = 0; d < workload->domain_count; d++)
        dynamic |= translation_mode_is_dynamic(workload->domains[d].mode);
    for (uint32_t s = 0; s < workload->stream_count; s++)
        trace |= workload->streams[s].trace_path != NULL;
    for (uint64_t bytes = UINT64_C(1) << 30; dynamic && trace && !workload->buffer_bytes && bytes >= 4096;
         bytes /= 2) {
        if (memory_placer_take(reading->placer, bytes, bytes, &workload->buffer_base))
            workload->buffer_bytes = bytes;
    }
    workload->memory_count = memory_placer_free_memory(reading->placer, workload->arena, &workload->memory);
}

struct workload *workload_read(const struct json_node *root, const char *path,
                               const struct workload_machine *machine)
{
    struct diagnostics *diagnostics = root->document->diagnostics;
    unsigned errors = diagnostics_errors(diagnostics);
    struct arena *arena = arena_new();
    struct workload_reading reading = {
        .workload = arena_alloc(arena, sizeof(struct workload)), .machine = machine, .path = path};
    reading.workload->arena = arena;
    uint32_t functions = machine->topology ? machine->topology->function_count : 0;
    reading.domain_of = memory_array(functions, sizeof(uint32_t));
    for (uint32_t f = 0; f < functions; f++)
        reading.domain_of[f] = NONE;
    reading.placer = memory_placer_new(machine->topology);
    if (read_heading(&reading, root)) {
        read_domains(&reading, root);
        reading.domains_broken = diagnostics_errors(diagnostics) != errors;
        read_streams(&reading, root);
        reserve_buffers(&reading);
    }
    memory_placer_free(reading.placer);
    free(reading.domain_of);
    if (diagnostics_errors(diagnostics) == errors) {
        const struct source_text *text = root->document->source;
        char *copy = arena_alloc(arena, text->length + 1);
        memcpy(copy, text->text, text->length);
        reading.workload->text = (struct source_text){arena_string(arena, text->name), copy, text->length};
        return reading.workload;
    }
    workload_free(reading.workload);
    return NULL;
}

int workload_load_source(const struct source_text *source, const char *path,
                         const struct workload_machine *machine, struct workload **result,
                         struct diagnostics *diagnostics)
{
    struct json_document document;
    int status = json_document_init(&document, source, diagnostics);
    if (status < 0)
        return status;
    struct json_node root = json_root(&document);
    struct workload *workload = workload_read(&root, path, machine);
    json_document_fini(&document);
    if (!workload)
        return STATUS_BAD_INPUT;
    XXH128_hash_t hash = XXH3_128bits(source->text, source->length);
    workload->input_hash = arena_format(workload->arena, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
                                        (uint64_t)hash.low64);
    *result = workload;
    return STATUS_OK;
}

int workload_load(const char *path, const struct workload_machine *machine, struct workload **result,
                  struct diagnostics *diagnostics)
{
    struct source_text source;
    int status = source_file_read(path, &source, diagnostics);
    if (status < 0)
        return status;
    status = workload_load_source(&source, path, machine, result, diagnostics);
    source_file_fini(&source);
    return status;
}
