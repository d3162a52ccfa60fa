/* SPDX-License-Identifier: MIT */
#include "sim/output/reach_path.h"

#include "sim/output/group_words.h"
#include "sim/output/text_wrap.h"

#include <stdio.h>

enum { HOPS = 64 };

const char *reach_path_name(const struct topology *topology, uint32_t id, char *text)
{
    if (id != NONE)
        return group_words_brief(topology, id, text);
    snprintf(text, BDF_TEXT_SIZE, "root complex");
    return text;
}

static const char *error_words(enum route_error error)
{
    switch (error) {
    case ROUTE_ACS_VIOLATION:
        return "ACS violation";
    case ROUTE_UNSUPPORTED_REQUEST:
        return "unsupported request";
    case ROUTE_MASTER_ABORT:
        return "master abort";
    default:
        return "error";
    }
}

static uint32_t follow(const struct reach *reach, uint32_t source_id, const struct reach_result *result,
                       struct reach_hop *hops)
{
    uint32_t steps = reach_address(reach, source_id, result->address, hops, HOPS).steps;
    return steps < HOPS ? steps : HOPS;
}

void reach_path_add(const struct reach *reach, uint32_t source_id, const struct reach_result *result,
                    struct text_buffer *out)
{
    struct reach_hop hops[HOPS];
    char at[BDF_TEXT_SIZE];
    uint32_t count = follow(reach, source_id, result, hops);
    for (uint32_t i = 0; i < count; i++)
        text_buffer_format(out, "%s%s", i ? " > " : "",
                           reach_path_name(reach->fabric->topology, hops[i].place.function_id, at));
    if (result->outcome == REACH_REDIRECTED)
        text_buffer_add(out, " > IOMMU");
    else if (result->outcome == REACH_BLOCKED || result->outcome == REACH_REDIRECT_BLOCKED)
        text_buffer_format(out, " > %s", error_words(result->error));
}

void reach_path_json_bdf(const struct topology *topology, const char *key, uint32_t id,
                         struct text_buffer *out)
{
    char text[BDF_TEXT_SIZE];
    if (id == NONE)
        text_buffer_format(out, "\"%s\": null", key);
    else
        text_buffer_format(out, "\"%s\": \"%s\"", key, group_words_address(topology, id, text));
}

void reach_path_text(const struct topology *topology, const struct reach_hop *hops, uint32_t count,
                     struct text_buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        char at[BDF_TEXT_SIZE], lead[BDF_TEXT_SIZE + 8];
        enum route_rule rule = hops[i].decision.rule;
        snprintf(lead, sizeof(lead), "  %-7s ", reach_path_name(topology, hops[i].place.function_id, at));
        text_wrap(out, 12, lead, "%s (%s)", route_rule_text(rule), route_rule_name(rule));
    }
}

bool reach_path_legend(const bool *seen, struct text_buffer *out)
{
    bool any = false;
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        char lead[40];
        if (!seen[rule])
            continue;
        if (!any)
            text_buffer_add(out, "\n");
        any = true;
        snprintf(lead, sizeof(lead), "%s: ", route_rule_name((enum route_rule)rule));
        text_wrap(out, 2, lead, "%s", route_rule_text((enum route_rule)rule));
    }
    return any;
}

void reach_path_json(const struct reach *reach, uint32_t source_id, const struct reach_result *result,
                     struct text_buffer *out)
{
    struct reach_hop hops[HOPS];
    uint32_t count = follow(reach, source_id, result, hops);
    reach_path_json_hops(reach->fabric->topology, hops, count, out);
}

void reach_path_json_hops(const struct topology *topology, const struct reach_hop *hops, uint32_t count,
                          struct text_buffer *out)
{
    text_buffer_add(out, "[");
    for (uint32_t i = 0; i < count; i++) {
        text_buffer_add(out, i ? ", {" : "{");
        reach_path_json_bdf(topology, "at", hops[i].place.function_id, out);
        text_buffer_format(out, ", \"rule\": \"%s\"}", route_rule_name(hops[i].decision.rule));
    }
    text_buffer_add(out, "]");
}
