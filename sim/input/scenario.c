/* SPDX-License-Identifier: MIT */
#include "sim/input/scenario.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/input/source_file.h"
#include "sim/input/what_if.h"
#include "sim/input/workload_keys.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* What the pointer of an override begins with that is laid over the workload. */
#define WORKLOAD_POINTER "/workload"

enum { FINDINGS_MAX = 20 };

/* ORDER: enum result_section */
const char *const result_section_names[] = {"streams", "units",  "faults", "domains",    "links",
                                            "queues",  "groups", "reach",  "parameters", NULL};

struct scenario *scenario_new(void)
{
    struct scenario *scenario = memory_alloc(sizeof(*scenario));
    scenario->arena = arena_new();
    scenario->iommu = "auto";
    scenario->seed = 1;
    scenario->sections = RESULT_ALL_SECTIONS;
    return scenario;
}

void scenario_free(struct scenario *scenario)
{
    if (!scenario)
        return;
    json_document_fini(&scenario->document);
    source_file_fini(&scenario->source);
    free(scenario->overrides);
    arena_free(scenario->arena);
    free(scenario);
}

static void add_override(struct scenario *scenario, const char *text, const char *place)
{
    scenario->overrides = memory_grow(scenario->overrides, scenario->override_count,
                                      &scenario->override_capacity, sizeof(*scenario->overrides));
    scenario->overrides[scenario->override_count++] =
        (struct scenario_override){text, arena_string(scenario->arena, place),
                                   strncmp(text, WORKLOAD_POINTER "/", strlen(WORKLOAD_POINTER "/")) == 0};
}

void scenario_add_override(struct scenario *scenario, const char *text)
{
    add_override(scenario, arena_string(scenario->arena, text), NULL);
}

void scenario_set_topology(struct scenario *scenario, const struct machine_files *files)
{
    scenario->topology_files = *files;
}

/* ---- the file ---- */

/* A path as the file says it, seen from here. */
static const char *read_path(struct scenario *scenario, const char *name)
{
    if (strncmp(name, "synthetic:", 10) == 0)
        return arena_string(scenario->arena, name);
    char *path = path_beside(scenario->path, name);
    const char *kept = arena_string(scenario->arena, path);
    free(path);
    return kept;
}

/* The path of a file that a string node is, seen from here; NULL after an error. */
static const char *read_path_node(struct scenario *scenario, const struct json_node *node,
                                  const char *expected)
{
    const char *name = json_expect_string(node, expected);
    return name ? read_path(scenario, name) : NULL;
}

/* The workload: the path of a file, or the part itself. @return its path, NULL where it is inline */
static const char *read_workload(struct scenario *scenario, const struct json_node *root)
{
    struct json_node node = json_member(root, "workload");
    if (!json_given(&node) || json_is_object(&node))
        return NULL;
    return read_path_node(scenario, &node, "the path of a file, or an object");
}

/* The topology: the path of a file, several dumps to be merged, or the part itself. */
static void read_topology(struct scenario *scenario, const struct json_node *root)
{
    struct json_node node = json_member(root, "topology");
    if (!json_given(&node) || json_is_object(&node))
        return;
    size_t several = json_is_array(&node) ? json_length(&node) : 0, count = 0;
    const char **paths = arena_array(scenario->arena, several + 1, sizeof(*paths));
    if (several == 0) {
        paths[count++] = read_path_node(scenario, &node, "the path of a file, paths of dumps, or an object");
    } else {
        for (struct json_node item = json_first(&node); json_given(&item); json_next(&item))
            paths[count++] = read_path_node(scenario, &item, "the path of a dump");
    }
    scenario_set_topology(scenario, &(struct machine_files){paths, count});
}

static void read_overrides(struct scenario *scenario, const struct json_node *root)
{
    struct json_node object = json_member(root, "overrides");
    if (!json_given(&object) || !json_expect_object(&object))
        return;
    for (struct json_node node = json_first(&object); json_given(&node); json_next(&node)) {
        if (!*node.key || strchr(node.key, '=')) {
            json_error_at_key(&node, "scenario-override",
                              "\"%s\" is no JSON pointer such as \"/parameters/iommu/walkers\"", node.key);
            continue;
        }
        char *place = json_pointer(&node), *value = cJSON_PrintUnformatted(node.value);
        add_override(scenario, arena_format(scenario->arena, "%s=%s", node.key, value), place);
        cJSON_free(value);
        free(place);
    }
}

static void read_report(struct scenario *scenario, const struct json_node *root)
{
    struct json_node array = json_member(root, "report");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    scenario->sections = 0;
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node)) {
        int section;
        if (json_node_choice(&node, result_section_names, &section))
            scenario->sections |= 1U << section;
    }
}

static void read_scenario(struct scenario *scenario, const struct json_node *root)
{
    const char *text = NULL;
    int word = 0;
    if (!json_expect_object(root) || !json_require(root, "format", "\"iommusim-scenario/1\"") ||
        !json_get_string(root, "format", &text))
        return;
    if (strcmp(text, "iommusim-scenario/1") != 0) {
        struct json_node format = json_member(root, "format");
        json_error(&format, "scenario-format", "a scenario's format is \"iommusim-scenario/1\", found \"%s\"",
                   text);
        return;
    }
    json_check_table(root, &scenario_keys);
    if (json_get_string(root, "name", &text))
        scenario->name = arena_string(scenario->arena, text);
    read_topology(scenario, root);
    scenario->workload_path = read_workload(scenario, root);
    struct json_node kernel = json_member(root, "kernel");
    if (json_given(&kernel) && json_expect_object(&kernel)) {
        json_check_table(&kernel, &scenario_kernel_keys);
        if (json_get_string(&kernel, "cmdline", &text))
            scenario->cmdline = arena_string(scenario->arena, text);
    }
    if (json_get_choice(root, "iommu", scenario_iommu_words, &word))
        scenario->iommu = scenario_iommu_words[word];
    json_get_count(root, "seed", 0, UINT64_C(1) << 53, &scenario->seed);
    read_overrides(scenario, root);
    read_report(scenario, root);
}

/* @param source  its text becomes the scenario's */
static int load(const struct source_text *source, struct scenario **result, struct diagnostics *diagnostics)
{
    unsigned errors = diagnostics_errors(diagnostics);
    struct scenario *scenario = scenario_new();
    XXH128_hash_t hash = XXH3_128bits(source->text, source->length);
    scenario->source = *source;
    scenario->path = scenario->source.name = arena_string(scenario->arena, source->name);
    scenario->hash = arena_format(scenario->arena, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
                                  (uint64_t)hash.low64);
    int status = json_document_init(&scenario->document, &scenario->source, diagnostics);
    if (status == STATUS_OK) {
        struct json_node root = json_root(&scenario->document);
        read_scenario(scenario, &root);
        if (diagnostics_errors(diagnostics) != errors)
            status = STATUS_BAD_INPUT;
    }
    if (status == STATUS_OK)
        *result = scenario;
    else
        scenario_free(scenario);
    return status;
}

int scenario_load_source(const struct source_text *source, struct scenario **scenario,
                         struct diagnostics *diagnostics)
{
    char *text = memory_alloc(source->length + 1);
    memcpy(text, source->text, source->length); /* it may hold a NUL, for the scanner to report */
    text[source->length] = '\0';
    const struct source_text copy = {source->name, text, source->length};
    return load(&copy, scenario, diagnostics);
}

int scenario_load(const char *path, struct scenario **scenario, struct diagnostics *diagnostics)
{
    struct source_text source;
    int status = source_file_read(path, &source, diagnostics);
    return status < 0 ? status : load(&source, scenario, diagnostics);
}

/* ---- the workload ---- */

int scenario_report_missing(const struct scenario *scenario, const char *what,
                            struct diagnostics *diagnostics)
{
    const struct source_text source = {scenario->path, NULL, 0};
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, scenario->path ? &source : NULL, DIAGNOSTIC_NO_OFFSET,
                       NULL, "scenario-missing", "the scenario names no %s: give \"%s\" or --%s", what, what,
                       what);
    return STATUS_BAD_INPUT;
}

/* @param path  from whose folder traces are named */
static int load_changed(const struct scenario *scenario, const struct source_text *source, const char *path,
                        const struct workload_machine *machine, struct workload **workload,
                        struct diagnostics *diagnostics)
{
    size_t count = 0;
    struct text_buffer text = {0}, name = {0};
    struct what_if_setting *settings = memory_array(scenario->override_count, sizeof(*settings));
    for (uint32_t i = 0; i < scenario->override_count; i++) {
        const struct scenario_override *override = &scenario->overrides[i];
        if (override->workload)
            settings[count++] = (struct what_if_setting){
                override->text, override->place ? "overrides" : "--set", strlen(WORKLOAD_POINTER)};
    }
    struct applied_setting *applied = memory_array(count, sizeof(*applied));
    int status = what_if_change(source, settings, count, &text, applied, diagnostics);
    if (status == STATUS_OK) {
        text_buffer_format(&name, "%s with %s", source->name, settings[0].name);
        const struct source_text changed = {name.text, text_buffer_get(&text), text.length};
        struct diagnostics *found = diagnostics_new(FINDINGS_MAX);
        status = workload_load_source(&changed, path, machine, workload, found);
        what_if_findings(found, applied, count, diagnostics);
        diagnostics_free(found);
    }
    applied_settings_free(applied, count);
    text_buffer_fini(&name);
    text_buffer_fini(&text);
    free(settings);
    return status;
}

static bool changes_workload(const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->override_count; i++)
        if (scenario->overrides[i].workload)
            return true;
    return false;
}

int scenario_load_workload(struct scenario *scenario, const struct workload_machine *machine,
                           struct workload **workload, struct diagnostics *diagnostics)
{
    bool changed = changes_workload(scenario);
    struct source_text source;
    int status;
    if (scenario->workload_path && !changed)
        return workload_load(scenario->workload_path, machine, workload, diagnostics);
    if (scenario->workload_path) {
        status = source_file_read(scenario->workload_path, &source, diagnostics);
        if (status < 0)
            return status;
        status = load_changed(scenario, &source, scenario->workload_path, machine, workload, diagnostics);
        source_file_fini(&source);
        return status;
    }
    scenario->document.diagnostics = diagnostics; /* not those of its first reading, which may be gone */
    struct json_node root = json_root(&scenario->document), node = json_member(&root, "workload");
    if (!json_given(&node))
        return scenario_report_missing(scenario, "workload", diagnostics);
    if (changed) {
        char *text = cJSON_Print(node.value);
        source = (struct source_text){scenario->path, text, strlen(text)};
        status = load_changed(scenario, &source, scenario->path, machine, workload, diagnostics);
        cJSON_free(text);
        return status;
    }
    *workload = workload_read(&node, scenario->path, machine);
    return *workload ? STATUS_OK : STATUS_BAD_INPUT;
}

static bool is_scenario(const char *path)
{
    struct source_text source;
    struct json_document document;
    struct diagnostics *unheard = diagnostics_new(1);
    bool scenario = false;
    if (source_file_read(path, &source, unheard) == STATUS_OK) {
        if (json_document_init(&document, &source, unheard) == STATUS_OK) {
            const struct json_node root = json_root(&document), format = json_member(&root, "format");
            const char *text = json_string(&format);
            scenario = text && strcmp(text, "iommusim-scenario/1") == 0;
            json_document_fini(&document);
        }
        source_file_fini(&source);
    }
    diagnostics_free(unheard);
    return scenario;
}

int scenario_of_workload(const char *path, struct scenario **scenario, struct diagnostics *diagnostics)
{
    if (is_scenario(path))
        return scenario_load(path, scenario, diagnostics);
    *scenario = scenario_new();
    (*scenario)->workload_path = arena_string((*scenario)->arena, path);
    return STATUS_OK;
}
