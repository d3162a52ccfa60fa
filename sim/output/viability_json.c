/* SPDX-License-Identifier: MIT */
#include "sim/analysis/viability_words.h"
#include "sim/output/function_label.h"
#include "sim/output/viability_plan.h"
#include "sim/output/viability_report.h"

#include <inttypes.h>
#include <string.h>

static void json_address(const struct viability *answer, const char *key, uint32_t id,
                         struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *function = id == NONE ? NULL : &answer->groups->topology->functions[id];
    if (function)
        text_buffer_format(out, "%s\"%s\"", key,
                           bdf_print(bdf, function->segment, function->bus, function->devfn));
    else
        text_buffer_format(out, "%snull", key);
}

static void json_member(const struct viability *answer, const struct viability_member *member,
                        struct text_buffer *out)
{
    const struct pci_function *function = &answer->groups->topology->functions[member->function_id];
    json_address(answer, "{\"address\": ", member->function_id, out);
    text_buffer_format(out, ", \"id\": \"%04x:%04x\", \"name\": ", function->vendor, function->device);
    text_buffer_json_string(out, function_label(function));
    text_buffer_add(out, ", \"driver\": ");
    if (member->driver)
        text_buffer_json_string(out, member->driver);
    else
        text_buffer_add(out, "null");
    if (member->assumed)
        text_buffer_add(out, ", \"assumed\": true");
    text_buffer_format(out, ", \"role\": \"%s\", \"fix\": \"%s\"}", member_role_name(member->role),
                       member_fix_name(member->fix));
}

static void json_groups(const struct viability *answer, struct text_buffer *out)
{
    for (uint32_t i = 0; i < answer->affected_count; i++) {
        const struct viability_group *group = &answer->affected[i];
        text_buffer_format(out, "%s\n    {\"number\": %u, \"verdict\": \"%s\", ", i ? "," : "", group->number,
                           viability_verdict_name(group->verdict));
        if (answer->question.rule != VIABILITY_LEGACY_KVM)
            text_buffer_format(out, "\"now\": \"%s\", ", viability_verdict_name(group->now));
        text_buffer_format(out, "\"interrupts\": \"%s\", \"members\": [",
                           interrupt_isolation_name(group->interrupts));
        for (uint32_t j = 0; j < group->member_count; j++) {
            text_buffer_add(out, j ? ",\n      " : "\n      ");
            json_member(answer, &group->members[j], out);
        }
        text_buffer_add(out, "]}");
    }
}

static void json_finding(const struct viability *answer, const struct viability_finding *finding,
                         struct text_buffer *out)
{
    struct arena *arena = arena_new();
    struct viability_message messages[VIABILITY_MESSAGES];
    struct text_buffer sentence = {0};
    viability_finding_text(answer, finding, &sentence);
    text_buffer_format(out, "{\"severity\": \"%s\", \"kind\": \"%s\"",
                       finding_severity_name(finding->severity), finding_kind_name(finding->kind));
    json_address(answer, ", \"function\": ", finding->function_id, out);
    json_address(answer, ", \"other\": ", finding->other_id, out);
    if (finding->group == NONE)
        text_buffer_add(out, ", \"group\": null");
    else
        text_buffer_format(out, ", \"group\": %u", answer->affected[finding->group].number);
    if (finding->kind == FINDING_DIRECT || finding->kind == FINDING_DIRECT_IGNORED ||
        finding->kind == FINDING_RELAXABLE)
        text_buffer_format(out, ", \"region\": {\"start\": \"0x%" PRIx64 "\", \"end\": \"0x%" PRIx64 "\"}",
                           finding->region.start, finding->region.end);
    text_buffer_add(out, ", \"text\": ");
    text_buffer_json_string(out, text_buffer_get(&sentence));
    text_buffer_add(out, ", \"messages\": [");
    uint32_t count = viability_finding_messages(answer, finding, arena, messages);
    for (uint32_t i = 0; i < count; i++) {
        text_buffer_format(out, "%s{\"who\": \"%s\", \"text\": ", i ? ", " : "", messages[i].who);
        text_buffer_json_string(out, messages[i].text);
        text_buffer_add(out, "}");
    }
    text_buffer_add(out, "]}");
    text_buffer_fini(&sentence);
    arena_free(arena);
}

static void json_leak(const struct viability *answer, const struct viability_leak *leak,
                      struct text_buffer *out)
{
    json_address(answer, "{\"source\": ", leak->source_id, out);
    json_address(answer, ", \"target\": ", leak->target_id, out);
    text_buffer_format(out, ", \"direction\": \"%s\", \"rule\": \"%s\"", leak->inward ? "inward" : "outward",
                       route_rule_name(leak->result.rule));
    json_address(answer, ", \"at\": ", leak->result.at_id, out);
    text_buffer_format(out, ", \"bar\": %u, \"vouched\": %s}", leak->result.bar,
                       leak->vouched ? "true" : "false");
}

static void json_plan(const struct viability *answer, enum plan_kind kind, struct text_buffer *out)
{
    struct text_buffer plan = {0};
    viability_plan(answer, kind, &plan);
    text_buffer_format(out, "\n    \"%s\": [", viability_plan_name(answer, kind));
    char *line = plan.length ? plan.text : NULL;
    for (bool first = true; line && *line; first = false) {
        char *end = strchr(line, '\n');
        *end = '\0';
        text_buffer_add(out, first ? "\n      " : ",\n      ");
        text_buffer_json_string(out, line);
        line = end + 1;
    }
    text_buffer_add(out, "]");
    text_buffer_fini(&plan);
}

static void json_plans(const struct viability *answer, struct text_buffer *out)
{
    struct text_buffer remedy = {0};
    if (!viability_has_plan(answer)) {
        viability_no_plan(answer, &remedy);
        text_buffer_add(out, "null,\n  \"remedy\": ");
        text_buffer_json_string(out, text_buffer_get(&remedy));
        text_buffer_fini(&remedy);
        return;
    }
    text_buffer_add(out, "{");
    for (int kind = 0; kind < PLAN_KINDS; kind++) {
        text_buffer_add(out, kind ? "," : "");
        json_plan(answer, (enum plan_kind)kind, out);
    }
    text_buffer_add(out, "\n  }");
}

void viability_report_json(const struct viability *answer, struct text_buffer *out)
{
    text_buffer_add(out, "{\n  \"format\": \"iommusim-viable/1\",\n  \"machine\": ");
    if (answer->groups->topology->name)
        text_buffer_json_string(out, answer->groups->topology->name);
    else
        text_buffer_add(out, "null");
    text_buffer_format(out, ",\n  \"rule\": \"%s\",\n  \"verdict\": \"%s\",\n  \"given\": [",
                       viability_rule_name(answer->question.rule), viability_verdict_name(answer->verdict));
    for (uint32_t i = 0; i < answer->question.given_count; i++)
        json_address(answer, i ? ", " : "", answer->question.given[i], out);
    text_buffer_add(out, "],\n  \"groups\": [");
    json_groups(answer, out);
    text_buffer_add(out, "],\n  \"findings\": [");
    for (uint32_t i = 0; i < answer->finding_count; i++) {
        text_buffer_add(out, i ? ",\n    " : "\n    ");
        json_finding(answer, &answer->findings[i], out);
    }
    text_buffer_add(out, "],\n  \"leaks\": [");
    for (uint32_t i = 0; i < answer->leak_count; i++) {
        text_buffer_add(out, i ? ",\n    " : "\n    ");
        json_leak(answer, &answer->leaks[i], out);
    }
    text_buffer_add(out, "],\n  \"plan\": ");
    json_plans(answer, out);
    text_buffer_add(out, "\n}\n");
}
