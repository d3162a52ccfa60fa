/* SPDX-License-Identifier: MIT */
#include "sim/batch/replay.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/input/json_reader.h"
#include "sim/input/source_file.h"
#include "sim/input/workload_keys.h"
#include "sim/output/result.h"

#include <stdlib.h>
#include <string.h>

/* A path of "inputs", whose file must be as it was. NULL where there is none, or after an error. */
static const char *read_path(struct arena *arena, const struct json_node *input)
{
    const char *path = NULL, *hash = NULL;
    if (!json_given(input) || !json_is_object(input) || !json_get_string(input, "path", &path))
        return NULL;
    json_get_string(input, "xxh3_128", &hash);
    if (strcmp(path, "-") == 0) {
        json_error(input, "replay-stdin", "this was read from standard input, which is gone");
        return NULL;
    }
    const struct json_node several = json_member(input, "files");
    if (hash && strncmp(path, "synthetic:", strlen("synthetic:")) != 0 && !json_given(&several)) {
        char *now = result_hash_file(path);
        if (!now || strcmp(now, hash) != 0)
            json_error(input, "replay-input", "%s %s since the result was made", path,
                       now ? "has changed" : "cannot be read any more from this folder, or was moved");
        free(now);
    }
    return arena_string(arena, path);
}

static void read_topology(struct scenario *scenario, const struct json_node *inputs)
{
    const struct json_node node = json_member(inputs, "topology"), files = json_member(&node, "files");
    const char *path = read_path(scenario->arena, &node);
    if (!path)
        return;
    const char **paths = arena_array(scenario->arena, json_length(&files) + 1, sizeof(*paths));
    size_t count = 0;
    for (struct json_node item = json_first(&files); json_given(&item); json_next(&item))
        if (json_is_string(&item))
            paths[count++] = arena_string(scenario->arena, json_string(&item));
    if (count == 0)
        paths[count++] = path;
    scenario_set_topology(scenario, &(struct machine_files){paths, count});
}

static void read_overrides(struct scenario *scenario, const struct json_node *inputs)
{
    const struct json_node array = json_member(inputs, "overrides");
    scenario->override_count = 0; /* those of the scenario are in the list, too */
    for (struct json_node item = json_first(&array); json_given(&item); json_next(&item))
        if (json_is_string(&item))
            scenario_add_override(scenario, json_string(&item));
}

static void read_sections(struct scenario *scenario, const struct json_node *root)
{
    scenario->sections = 0;
    for (unsigned section = 0; section < RESULT_SECTIONS; section++) {
        const struct json_node part = json_member(root, result_section_names[section]);
        if (json_given(&part))
            scenario->sections |= 1U << section;
    }
}

static void read_rest(struct scenario *scenario, const struct json_node *root)
{
    const struct json_node iommu = json_member(root, "iommu");
    const char *text = NULL;
    int word;
    json_get_count(root, "seed", 0, UINT64_MAX, &scenario->seed);
    if (json_get_string(&iommu, "cmdline", &text))
        scenario->cmdline = arena_string(scenario->arena, text);
    if (json_get_choice(&iommu, "asked_for", scenario_iommu_words, &word))
        scenario->iommu = scenario_iommu_words[word];
    if (json_get_string(root, "model", &text) && strcmp(text, model_version) != 0)
        json_remark(root, DIAGNOSTIC_WARNING, "replay-model",
                    "the result was made by models %s, and these are %s: it may differ", text, model_version);
}

static int load(const struct json_node *root, struct scenario **result, struct diagnostics *diagnostics)
{
    const struct json_node inputs = json_member(root, "inputs"), file = json_member(&inputs, "scenario"),
                           traces = json_member(&inputs, "traces"),
                           workload = json_member(&inputs, "workload");
    struct arena *arena = arena_new();
    const char *path = read_path(arena, &file);
    int status = STATUS_OK;
    if (diagnostics_errors(diagnostics))
        status = STATUS_BAD_INPUT;
    else if (path)
        status = scenario_load(path, result, diagnostics);
    else
        *result = scenario_new();
    arena_free(arena);
    if (status < 0)
        return status;
    struct scenario *scenario = *result;
    read_topology(scenario, &inputs);
    const char *named = read_path(scenario->arena, &workload);
    if (named)
        scenario->workload_path = named;
    for (struct json_node trace = json_first(&traces); json_given(&trace); json_next(&trace))
        read_path(scenario->arena, &trace);
    read_overrides(scenario, &inputs);
    read_sections(scenario, root);
    read_rest(scenario, root);
    if (diagnostics_errors(diagnostics) == 0)
        return STATUS_OK;
    scenario_free(scenario);
    return STATUS_BAD_INPUT;
}

int replay_load(const char *path, struct scenario **scenario, struct diagnostics *diagnostics)
{
    struct source_text source;
    struct json_document document;
    int status = source_file_read(path, &source, diagnostics);
    if (status < 0)
        return status;
    status = json_document_init(&document, &source, diagnostics);
    if (status == STATUS_OK) {
        const struct json_node root = json_root(&document), format = json_member(&root, "format");
        const char *text = json_string(&format);
        if (text && strcmp(text, "iommusim-result/1") == 0) {
            status = load(&root, scenario, diagnostics);
        } else {
            json_error(&root, "replay-format",
                       "this is no result: expected \"format\": \"iommusim-result/1\"");
            status = STATUS_BAD_INPUT;
        }
        json_document_fini(&document);
    }
    source_file_fini(&source);
    return status;
}
