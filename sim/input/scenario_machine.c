/* SPDX-License-Identifier: MIT */
/* The topology of a scenario, with values laid over its document. */
#include "sim/base/arena.h"
#include "sim/base/json_scan.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/scenario.h"
#include "sim/input/source_file.h"
#include "sim/input/topology_writer.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* ---- laying over ---- */

/* The next reference token of a JSON pointer (RFC 6901), unescaped, malloc'ed; *at moves behind it. */
static char *take_token(const char **at)
{
    size_t length = strcspn(++*at, "/"), used = 0;
    char *token = memory_alloc(length + 1);
    for (size_t i = 0; i < length; i++) {
        char c = (*at)[i];
        if (c == '~' && ((*at)[i + 1] == '0' || (*at)[i + 1] == '1'))
            c = (*at)[++i] == '0' ? '~' : '/';
        token[used++] = c;
    }
    *at += length;
    return token;
}

static bool array_index(const char *token, const cJSON *array, int *index)
{
    uint64_t number;
    bool plain = token[0] != '0' || !token[1]; /* no leading zeros, and no 0x */
    if (!plain || !number_parse(token, (uint64_t)cJSON_GetArraySize(array), &number) ||
        (int)number >= cJSON_GetArraySize(array))
        return false;
    *index = (int)number;
    return true;
}

/* The child of @p parent that @p token names; made where an object or "-" may have it: an array if @p rest
 * goes on with "-", else an object. NULL: there can be none. */
static cJSON *step(cJSON *parent, const char *token, const char *rest)
{
    int index;
    cJSON *child = NULL;
    if (cJSON_IsObject(parent)) {
        child = cJSON_GetObjectItemCaseSensitive(parent, token);
        if (!child && (strcmp(rest, "/-") == 0 || strncmp(rest, "/-/", 3) == 0))
            child = cJSON_AddArrayToObject(parent, token);
        else if (!child)
            child = cJSON_AddObjectToObject(parent, token);
    } else if (cJSON_IsArray(parent) && strcmp(token, "-") == 0) {
        child = cJSON_CreateObject();
        cJSON_AddItemToArray(parent, child);
    } else if (cJSON_IsArray(parent) && array_index(token, parent, &index)) {
        child = cJSON_GetArrayItem(parent, index);
    }
    return child;
}

/* @return false where the document has no such place */
static bool lay_over(cJSON *root, const struct scenario_override *override)
{
    const char *at = override->pointer;
    cJSON *parent = NULL, *place = root;
    bool found = *at == '/';
    while (found && *at) {
        char *token = take_token(&at);
        parent = place;
        place = step(parent, token, at);
        found = place != NULL;
        free(token);
    }
    if (!found)
        return false;
    cJSON *value = cJSON_Parse(override->value);
    if (!cJSON_IsObject(parent))
        return cJSON_ReplaceItemViaPointer(parent, place, value);
    char *key = memory_string(place->string);
    bool replaced = cJSON_ReplaceItemInObjectCaseSensitive(parent, key, value);
    free(key);
    return replaced;
}

static int lay_all_over(const struct scenario *scenario, cJSON *root, struct diagnostics *diagnostics)
{
    for (uint32_t i = 0; i < scenario->override_count; i++) {
        const struct scenario_override *override = &scenario->overrides[i];
        if (lay_over(root, override))
            continue;
        size_t offset = override->place ? json_locate(&scenario->source, override->place, JSON_KEY)
                                        : DIAGNOSTIC_NO_OFFSET;
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, override->place ? &scenario->source : NULL, offset,
                           override->place, "scenario-override", "the topology has no place %s",
                           override->pointer);
        return STATUS_BAD_INPUT;
    }
    return STATUS_OK;
}

/* Load the document @p root with the overrides; from here on it is a text of its own. */
static int load_changed(const struct scenario *scenario, cJSON *root, const char *path,
                        struct machine_input **input, struct diagnostics *diagnostics)
{
    int status = lay_all_over(scenario, root, diagnostics);
    if (status < 0)
        return status;
    struct text_buffer name = {0};
    text_buffer_format(&name, "%s (with overrides)", path);
    char *text = cJSON_Print(root);
    const struct source_text source = {name.text, text, strlen(text)};
    status = machine_input_load_source(&source, input, diagnostics);
    cJSON_free(text);
    text_buffer_fini(&name);
    return status;
}

/* ---- where the document comes from ---- */

/* JSON for anything machine_input_load() takes. */
static int read_as_json(const char *path, struct source_text *source, struct diagnostics *diagnostics)
{
    int status = STATUS_OK;
    bool file = strncmp(path, "synthetic:", 10) != 0;
    if (file)
        status = source_file_read(path, source, diagnostics);
    if (status < 0 || (file && input_recognise(source) == INPUT_TOPOLOGY_JSON))
        return status;
    struct machine_input *input = NULL;
    if (file)
        status = machine_input_load_source(source, &input, diagnostics);
    else
        status = machine_input_load(path, &input, diagnostics);
    if (file)
        source_file_fini(source);
    if (status < 0)
        return status;
    struct text_buffer out = {0};
    machine_write(input, &out);
    machine_input_free(input);
    *source = (struct source_text){path, out.text, out.length};
    return STATUS_OK;
}

static int load_file_changed(const struct scenario *scenario, struct machine_input **input,
                             struct diagnostics *diagnostics)
{
    struct source_text source = {0};
    struct json_document document;
    int status = read_as_json(scenario->topology_path, &source, diagnostics);
    if (status < 0)
        return status;
    status = json_document_init(&document, &source, diagnostics);
    if (status == STATUS_OK) {
        status = load_changed(scenario, document.root, scenario->topology_path, input, diagnostics);
        json_document_fini(&document);
    }
    source_file_fini(&source);
    return status;
}

int scenario_load_machine(const struct scenario *scenario, struct machine_input **input,
                          struct diagnostics *diagnostics)
{
    if (scenario->topology_path)
        return scenario->override_count ? load_file_changed(scenario, input, diagnostics)
                                        : machine_input_load(scenario->topology_path, input, diagnostics);
    cJSON *part = cJSON_GetObjectItemCaseSensitive(scenario->document.root, "topology");
    if (!cJSON_IsObject(part)) {
        const struct source_text source = {scenario->path, NULL, 0};
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, scenario->path ? &source : NULL,
                           DIAGNOSTIC_NO_OFFSET, NULL, "scenario-missing",
                           "the scenario names no topology: give \"topology\" or --topology");
        return STATUS_BAD_INPUT;
    }
    if (!scenario->override_count) {
        const struct json_document document = {
            .source = &scenario->source, .diagnostics = diagnostics, .root = part, .prefix = "/topology"};
        return machine_input_load_document(&document, scenario->path, input, diagnostics);
    }
    cJSON *copy = cJSON_Duplicate(part, true);
    int status = load_changed(scenario, copy, scenario->path, input, diagnostics);
    cJSON_Delete(copy);
    return status;
}
