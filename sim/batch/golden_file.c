/* SPDX-License-Identifier: MIT */
/* Blessed answers in a file. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/case_answers.h"
#include "sim/input/json_reader.h"
#include "sim/input/source_file.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void begin_line(struct text_buffer *out, size_t index, const char *key)
{
    text_buffer_add(out, index ? ",\n    " : "\n    ");
    text_buffer_json_string(out, key);
    text_buffer_add(out, ": ");
}

void case_answers_write(const struct case_answers *answers, const char *name, struct text_buffer *out)
{
    text_buffer_add(out, "{\n  \"format\": \"iommusim-golden/1\",\n  \"case\": ");
    text_buffer_json_string(out, name);
    text_buffer_add(out, ",\n  \"groups\": {");
    for (size_t i = 0; i < answers->function_count; i++) {
        begin_line(out, i, answers->functions[i].address);
        if (answers->functions[i].group == NONE)
            text_buffer_add(out, "null");
        else
            text_buffer_format(out, "%" PRIu32, answers->functions[i].group);
    }
    text_buffer_add(out, "\n  },\n  \"leaks\": {");
    for (size_t i = 0; i < answers->leak_count; i++) {
        begin_line(out, i, answers->leaks[i].pair);
        text_buffer_json_string(out, answers->leaks[i].how);
    }
    text_buffer_add(out, "\n  },\n  \"figures\": {");
    for (size_t i = 0; i < answers->figure_count; i++) {
        begin_line(out, i, answers->figures[i].name);
        text_buffer_format(out, "%.17g", answers->figures[i].value);
    }
    text_buffer_add(out, "\n  }\n}\n");
}

static void read_groups(struct case_answers *answers, const struct json_node *object)
{
    const cJSON *member; /* not through nodes, for which null is absent */
    cJSON_ArrayForEach(member, object->value)
    {
        uint32_t group = NONE;
        if (!cJSON_IsNull(member) && !json_get_u32(object, member->string, 0, NONE - 1, &group))
            continue;
        answers->functions = memory_grow(answers->functions, answers->function_count,
                                         &answers->function_capacity, sizeof(*answers->functions));
        answers->functions[answers->function_count++] =
            (struct answered_function){arena_string(answers->arena, member->string), group};
    }
}

static void read_leaks(struct case_answers *answers, const struct json_node *object)
{
    for (struct json_node node = json_first(object); json_given(&node); json_next(&node)) {
        const char *how = json_expect_string(&node, "how it leaks");
        answers->leaks = memory_grow(answers->leaks, answers->leak_count, &answers->leak_capacity,
                                     sizeof(*answers->leaks));
        answers->leaks[answers->leak_count++] = (struct answered_leak){
            arena_string(answers->arena, node.key), arena_string(answers->arena, how ? how : "")};
    }
}

static void read_figures(struct case_answers *answers, const struct json_node *object)
{
    for (struct json_node node = json_first(object); json_given(&node); json_next(&node)) {
        if (!json_is_number(&node)) {
            json_error(&node, "golden-figure", "a figure is a number");
            continue;
        }
        answers->figures = memory_grow(answers->figures, answers->figure_count, &answers->figure_capacity,
                                       sizeof(*answers->figures));
        answers->figures[answers->figure_count++] =
            (struct answered_figure){arena_string(answers->arena, node.key), node.value->valuedouble};
    }
}

static void read_answers(struct case_answers *answers, const struct json_node *root)
{
    static const char *const keys[] = {"format", "case", "groups", "leaks", "figures", NULL};
    struct json_node groups = json_member(root, "groups"), leaks = json_member(root, "leaks"),
                     figures = json_member(root, "figures");
    const char *format = NULL;
    if (!json_expect_object(root) || !json_check_names(root, keys) ||
        !json_require(root, "format", "\"iommusim-golden/1\"") || !json_get_string(root, "format", &format))
        return;
    if (strcmp(format, "iommusim-golden/1") != 0) {
        json_error(root, "golden-format",
                   "these are no blessed answers: the format is \"iommusim-golden/1\"");
        return;
    }
    if (json_given(&groups) && json_expect_object(&groups))
        read_groups(answers, &groups);
    if (json_given(&leaks) && json_expect_object(&leaks))
        read_leaks(answers, &leaks);
    if (json_given(&figures) && json_expect_object(&figures))
        read_figures(answers, &figures);
}

int case_answers_read(const char *path, struct case_answers *answers, struct diagnostics *diagnostics)
{
    struct source_text source;
    struct json_document document;
    unsigned errors = diagnostics_errors(diagnostics);
    int status = source_file_read(path, &source, diagnostics);
    if (status < 0)
        return status;
    *answers = (struct case_answers){.arena = arena_new()};
    status = json_document_init(&document, &source, diagnostics);
    if (status == STATUS_OK) {
        const struct json_node root = json_root(&document);
        read_answers(answers, &root);
        json_document_fini(&document);
        if (diagnostics_errors(diagnostics) != errors)
            status = STATUS_BAD_INPUT;
    }
    source_file_fini(&source);
    if (status < 0)
        case_answers_fini(answers);
    return status;
}
