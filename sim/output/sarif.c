/* SPDX-License-Identifier: MIT */
#include "sim/output/sarif.h"

#include "sim/output/plain_path.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *level_name(enum sarif_level level)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[level];
}

static void add_message(struct text_buffer *out, const char *key, const char *text)
{
    text_buffer_format(out, "\"%s\": {\"text\": ", key);
    text_buffer_json_string(out, text);
    text_buffer_add(out, "}");
}

void sarif_begin(struct sarif *sarif, struct text_buffer *out, const struct sarif_rule *rules,
                 size_t rule_count)
{
    *sarif = (struct sarif){.out = out, .rules = rules, .rule_count = rule_count};
    text_buffer_add(out,
                    "{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n"
                    "  \"version\": \"2.1.0\",\n  \"runs\": [{\n"
                    "    \"tool\": {\"driver\": {\"name\": \"iommusim\", \"version\": \"" IOMMUSIM_VERSION
                    "\", \"rules\": [");
    for (size_t i = 0; i < rule_count; i++) {
        text_buffer_format(out, "%s\n      {\"id\": \"%s\", ", i ? "," : "", rules[i].id);
        add_message(out, "shortDescription", rules[i].text);
        text_buffer_add(out, ", ");
        add_message(out, "help", rules[i].help);
        text_buffer_format(out, ", \"defaultConfiguration\": {\"level\": \"%s\"}}",
                           level_name(rules[i].level));
    }
    text_buffer_add(out, "\n    ]}},\n    \"columnKind\": \"unicodeCodePoints\",\n    \"results\": [");
}

/* A relative reference, or a file URI for an absolute path (RFC 3986, 8089): what may not stand in a path is
 * written %XX. */
static void add_uri(struct text_buffer *out, const char *path)
{
    char *plain = plain_path(path);
    text_buffer_add(out, "\"");
    /* A colon in the first segment would look like a scheme. */
    const char *colon = strchr(plain, ':'), *slash = strchr(plain, '/');
    if (plain[0] == '/')
        text_buffer_add(out, "file://");
    else if (colon && (!slash || colon < slash))
        text_buffer_add(out, "./");
    for (const unsigned char *at = (const unsigned char *)plain; *at; at++) {
        bool literal = *at < 0x80 && (isalnum(*at) || strchr("-._~/:@!$&'()*+,;=", *at));
        text_buffer_format(out, literal ? "%c" : "%%%02X", *at);
    }
    text_buffer_add(out, "\"");
    free(plain);
}

static void add_location(struct sarif *sarif, const struct sarif_place *place, size_t id)
{
    struct text_buffer *out = sarif->out;
    text_buffer_add(out, "{");
    if (place->message) {
        text_buffer_format(out, "\"id\": %zu, ", id);
        add_message(out, "message", place->message);
        text_buffer_add(out, ", ");
    }
    if (place->place.file) {
        text_buffer_add(out, "\"physicalLocation\": {\"artifactLocation\": {\"uri\": ");
        add_uri(out, place->place.file);
        text_buffer_add(out, "}");
        if (place->place.line)
            text_buffer_format(out, ", \"region\": {\"startLine\": %u", place->place.line);
        if (place->place.line && place->place.column)
            text_buffer_format(out, ", \"startColumn\": %u", place->place.column);
        text_buffer_add(out, place->place.line ? "}}, " : "}, ");
    }
    text_buffer_add(out, "\"logicalLocations\": [{\"name\": ");
    text_buffer_json_string(out, place->name);
    text_buffer_add(out, "}]}");
}

void sarif_add(struct sarif *sarif, const struct sarif_finding *finding)
{
    struct text_buffer *out = sarif->out;
    const struct sarif_rule *rule = &sarif->rules[finding->rule];
    if (sarif->asked++ >= SARIF_RESULTS_MAX)
        return;
    text_buffer_format(out, "%s\n      {\"ruleId\": \"%s\", \"ruleIndex\": %zu, \"level\": \"%s\", ",
                       sarif->written++ ? "," : "", rule->id, finding->rule, level_name(rule->level));
    add_message(out, "message", finding->message);
    text_buffer_add(out, ", \"locations\": [");
    if (finding->place_count)
        add_location(sarif, &finding->places[0], 0);
    text_buffer_add(out, "]");
    for (size_t i = 1; i < finding->place_count; i++) {
        text_buffer_add(out, i == 1 ? ", \"relatedLocations\": [" : ", ");
        add_location(sarif, &finding->places[i], i);
    }
    text_buffer_add(out, finding->place_count > 1 ? "], " : ", ");
    text_buffer_add(out, "\"partialFingerprints\": {\"iommusim/v1\": ");
    text_buffer_json_string(out, finding->fingerprint);
    text_buffer_add(out, "}}");
}

void sarif_end(struct sarif *sarif)
{
    struct text_buffer *out = sarif->out;
    text_buffer_add(out, sarif->written ? "\n    ],\n" : "],\n");
    text_buffer_format(out, "    \"invocations\": [{\"executionSuccessful\": %s",
                       sarif->incomplete ? "false" : "true");
    if (sarif->asked > sarif->written)
        text_buffer_format(out,
                           ", \"toolExecutionNotifications\": [{\"level\": \"warning\", \"message\": "
                           "{\"text\": \"%zu more results are left out\"}}]",
                           sarif->asked - sarif->written);
    text_buffer_add(out, "}]\n  }]\n}\n");
}
