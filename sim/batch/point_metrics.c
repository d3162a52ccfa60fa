/* SPDX-License-Identifier: MIT */
#include "sim/batch/point_metrics.h"

#include "sim/base/json_scan.h"
#include "sim/base/text_buffer.h"
#include "sim/base/units.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { TOKEN_SIZE = 128 };

struct search {
    const struct study_metric *metric;
    metric_visitor *visit;
    void *context;
};

/* Cut the first token off a pointer, unescaped. @return the rest, NULL where it is too long */
static const char *cut_token(const char *pointer, char token[TOKEN_SIZE])
{
    size_t length = 0;
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        char byte = *pointer;
        if (byte == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            byte = *++pointer == '0' ? '~' : '/';
        if (length == TOKEN_SIZE - 1)
            return NULL;
        token[length++] = byte;
    }
    token[length] = '\0';
    return pointer;
}

static void report(const struct search *search, const cJSON *value, const char *prefix)
{
    struct text_buffer name = {0};
    char *text = cJSON_IsObject(value) || cJSON_IsArray(value) ? NULL : cJSON_PrintUnformatted(value);
    text_buffer_format(&name, "%s%s%s", prefix, *prefix ? "." : "", search->metric->name);
    search->visit(search->context, text_buffer_get(&name), text ? text : "null");
    cJSON_free(text);
    text_buffer_fini(&name);
}

static void find(const struct search *search, const cJSON *value, const char *pointer, const char *prefix);

static void find_each(const struct search *search, const cJSON *container, const char *rest,
                      const char *prefix)
{
    const cJSON *element;
    unsigned index = 0;
    cJSON_ArrayForEach(element, container)
    {
        struct text_buffer name = {0};
        const char *own = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(element, "name"));
        text_buffer_format(&name, "%s%s", prefix, *prefix ? "." : "");
        if (own)
            text_buffer_add(&name, own);
        else if (element->string)
            text_buffer_add(&name, element->string);
        else
            text_buffer_format(&name, "%u", index);
        find(search, element, rest, text_buffer_get(&name));
        text_buffer_fini(&name);
        index++;
    }
}

static void find(const struct search *search, const cJSON *value, const char *pointer, const char *prefix)
{
    char token[TOKEN_SIZE];
    uint64_t index;
    if (!value || !*pointer) {
        if (value)
            report(search, value, prefix);
        return;
    }
    const char *rest = cut_token(pointer, token);
    if (!rest)
        return;
    if (strcmp(token, "*") == 0)
        find_each(search, value, rest, prefix);
    else if (cJSON_IsArray(value))
        find(search, number_parse(token, INT32_MAX, &index) ? cJSON_GetArrayItem(value, (int)index) : NULL,
             rest, prefix);
    else
        find(search, cJSON_GetObjectItemCaseSensitive(value, token), rest, prefix);
}

bool point_metrics_find(const struct study *study, const char *text, metric_visitor *visit, void *context)
{
    cJSON *root = cJSON_Parse(text);
    for (uint32_t i = 0; i < study->metric_count; i++) {
        const struct search search = {&study->metrics[i], visit, context};
        find(&search, root, study->metrics[i].pointer, "");
    }
    cJSON_Delete(root);
    return root != NULL;
}

bool point_metric_has_name(const struct study_metric *metric, const char *name)
{
    size_t length = strlen(metric->name), whole = strlen(name);
    if (whole < length || strcmp(name + whole - length, metric->name) != 0)
        return false;
    return whole == length || (name[whole - length - 1] == '.' && strchr(metric->pointer, '*'));
}

void point_metrics_report_empty(const struct study *study, const char *const *names, size_t count,
                                struct diagnostics *diagnostics)
{
    for (uint32_t i = 0; i < study->metric_count && study->metrics != study_default_metrics; i++) {
        size_t name = 0;
        while (name < count && !point_metric_has_name(&study->metrics[i], names[name]))
            name++;
        if (name < count)
            continue;
        bool plain = !strpbrk(study->metrics[i].name, "/~"); /* it stands in a JSON pointer as it is */
        struct text_buffer where = {0};
        text_buffer_format(&where, "/metrics/%s", study->metrics[i].name);
        diagnostics_report(diagnostics, DIAGNOSTIC_WARNING, &study->source,
                           plain ? json_locate(&study->source, where.text, JSON_VALUE) : DIAGNOSTIC_NO_OFFSET,
                           plain ? where.text : NULL, "study-metric-empty",
                           "metric \"%s\": no result has anything at %s", study->metrics[i].name,
                           study->metrics[i].pointer);
        text_buffer_fini(&where);
    }
}

/* The section that a member of the result is in. */
static unsigned section_of(const char *member)
{
    static const struct {
        const char *member;
        unsigned section;
    } others[] = {{"refusals", RESULT_FAULTS},
                  {"driver", RESULT_DOMAINS},
                  {"bounce_buffers", RESULT_DOMAINS},
                  {"virtual_machines", RESULT_DOMAINS}};
    for (unsigned s = 0; s < RESULT_SECTIONS; s++) {
        if (strcmp(member, result_section_names[s]) == 0)
            return 1U << s;
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(member, others[i].member) == 0)
            return 1U << others[i].section;
    }
    return 0;
}

unsigned point_metrics_sections(const struct study *study)
{
    unsigned sections = 0;
    for (uint32_t i = 0; i < study->metric_count; i++) {
        char token[TOKEN_SIZE];
        if (cut_token(study->metrics[i].pointer, token))
            sections |= section_of(token);
    }
    return sections;
}
