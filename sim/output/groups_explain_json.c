/* SPDX-License-Identifier: MIT */
#include "sim/output/groups_explain.h"

#include "sim/analysis/acs_rework.h"
#include "sim/analysis/dma_alias.h"
#include "sim/analysis/isolation_effects.h"
#include "sim/analysis/reach.h"
#include "sim/output/function_label.h"
#include "sim/output/group_words.h"

#include <stdlib.h>

struct writer {
    const struct iommu_groups *groups;
    const struct topology *topology;
    struct text_buffer *out;
};

static void add(const struct writer *writer, const char *text)
{
    text_buffer_add(writer->out, text);
}

static void add_address(const struct writer *writer, const char *before, uint32_t id)
{
    char bdf[BDF_TEXT_SIZE];
    text_buffer_format(writer->out, "%s\"%s\"", before, group_words_address(writer->topology, id, bdf));
}

/* , "KEY": "ADDRESS", or nothing for NONE */
static void add_link(const struct writer *writer, const char *key, uint32_t id)
{
    if (id == NONE)
        return;
    text_buffer_format(writer->out, ", \"%s\": ", key);
    add_address(writer, "", id);
}

static const char *verdict_reason_name(enum acs_reason reason)
{
    static const char *const names[] = {
        [ACS_REASON_QUIRK] = "quirk",
        [ACS_REASON_OVERRIDE] = "override",
        [ACS_REASON_CONVENTIONAL] = "conventional",
        [ACS_REASON_BRIDGE] = "bridge",
        [ACS_REASON_EVENT_COLLECTOR] = "event-collector",
        [ACS_REASON_SINGLE_FUNCTION] = "single-function",
        [ACS_REASON_NO_CAPABILITY] = "no-capability",
        [ACS_REASON_CONTROL] = "control",
        [ACS_REASON_ASSUMED] = "assumed",
    };
    return names[reason];
}

/* {"address": ..., "kind": ..., "isolated": ..., "reason": ..., "text": ...} */
static void add_verdict(const struct writer *writer, uint32_t id)
{
    const struct acs_verdict *verdict = &writer->groups->verdicts[id];
    const struct acs_view *view = &writer->groups->views[id];
    struct text_buffer words = {0};
    add_address(writer, "{\"address\": ", id);
    text_buffer_format(writer->out, ", \"kind\": \"%s\", \"isolated\": %s, \"reason\": \"%s\"",
                       function_kind_name(&writer->topology->functions[id]),
                       verdict->isolated ? "true" : "false", verdict_reason_name(verdict->reason));
    if (view->present && !view->hidden)
        text_buffer_format(writer->out, ", \"acs_capability\": \"0x%04x\", \"acs_control\": \"0x%04x\"",
                           view->capability, view->control);
    if (verdict->missing)
        text_buffer_format(writer->out, ", \"missing\": \"0x%04x\"", verdict->missing);
    if (verdict->reason == ACS_REASON_QUIRK)
        text_buffer_format(writer->out, ", \"quirk\": {\"entry\": %u, \"class\": \"%s\"}",
                           verdict->quirk->seq, acs_quirk_class_name(verdict->quirk->class_));
    if (isolation_assumed(writer->groups, id))
        add(writer, ", \"assumed\": true");
    group_explain_verdict(writer->groups, id, &words);
    add(writer, ", \"text\": ");
    text_buffer_json_string(writer->out, text_buffer_get(&words));
    add(writer, "}");
    text_buffer_fini(&words);
}

/* [verdicts of the bridges above @p function, below @p end] */
static void add_path(const struct writer *writer, const struct pci_function *function,
                     const struct pci_function *end)
{
    bool any = false;
    add(writer, "[");
    for (const struct pci_function *at = topology_parent(writer->topology, function); at && at != end;
         at = topology_parent(writer->topology, at)) {
        add(writer, any ? ",\n      " : "\n      ");
        any = true;
        add_verdict(writer, at->id);
    }
    add(writer, "]");
}

/* {"function": ..., "rule": ..., "joined": ..., "culprit": ..., "text": ...} */
static void add_join(const struct writer *writer, uint32_t id)
{
    const struct group_decision *decision = &writer->groups->decisions[id];
    struct text_buffer words = {0};
    add_address(writer, "{\"function\": ", id);
    text_buffer_format(writer->out, ", \"rule\": \"%s\"",
                       decision->rule == GROUP_RULE_NONE
                           ? coverage_reason_name(writer->groups->coverage->functions[id].reason)
                           : group_rule_name(decision->rule));
    add_link(writer, "joined", decision->via);
    add_link(writer, "culprit", decision->culprit);
    add_link(writer, "decided_at", decision->start == id ? NONE : decision->start);
    group_explain(writer->groups, id, &words);
    add(writer, ", \"text\": ");
    text_buffer_json_string(writer->out, text_buffer_get(&words));
    add(writer, "}");
    text_buffer_fini(&words);
}

/* [joins from @p id up to @p end, or to the function that started the group] */
static void add_chain(const struct writer *writer, uint32_t id, uint32_t end)
{
    bool any = false;
    add(writer, "[");
    for (; id != end && writer->groups->decisions[id].via != NONE; id = writer->groups->decisions[id].via) {
        add(writer, any ? ",\n      " : "\n      ");
        any = true;
        add_join(writer, id);
    }
    add(writer, "]");
}

struct alias_list {
    const struct writer *writer;
    bool any;
};

static bool add_alias(void *data, const struct dma_alias *alias)
{
    struct alias_list *list = data;
    text_buffer_format(list->writer->out, "%s{\"id\": \"%02x:%02x.%x\"", list->any ? ", " : "",
                       alias->requester_id >> 8, pci_slot((uint8_t)alias->requester_id),
                       pci_func((uint8_t)alias->requester_id));
    add_address(list->writer, ", \"of\": ", alias->owner->id);
    add(list->writer, "}");
    list->any = true;
    return false;
}

static void add_slot(const struct writer *writer, const struct pci_function *function)
{
    const struct pci_bus *bus = &writer->topology->buses[function->bus_id];
    bool any = false;
    add(writer, "[");
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &writer->topology->functions[bus->functions[i]];
        if (pci_slot(other->devfn) != pci_slot(function->devfn))
            continue;
        add(writer, any ? ",\n      " : "\n      ");
        any = true;
        add_verdict(writer, other->id);
    }
    add(writer, "]");
}

static void add_story(const struct writer *writer, uint32_t id)
{
    char ids[ID_TEXT_SIZE];
    const struct pci_function *function = &writer->topology->functions[id];
    const struct group_decision *decision = &writer->groups->decisions[id];
    struct alias_list aliases = {.writer = writer};
    add_address(writer, "{\"address\": ", id);
    text_buffer_format(writer->out, ", \"id\": \"%s\", \"name\": ", group_words_id(ids, function));
    text_buffer_json_string(writer->out, function_label(function));
    add(writer, ", \"group\": ");
    if (decision->group == NONE)
        add(writer, "null");
    else
        text_buffer_format(writer->out, "%u", decision->group);
    add(writer, ",\n    \"decision\": ");
    add_join(writer, id);
    add(writer, ",\n    \"requester_ids\": [");
    dma_alias_walk(writer->topology, function, add_alias, &aliases);
    const struct pci_function *requester = group_explain_requester(writer->groups, id);
    const struct pci_function *failing = acs_belief_path(writer->topology, writer->groups->verdicts,
                                                         topology_parent(writer->topology, requester));
    add(writer, "],\n    \"path\": ");
    add_path(writer, function, NULL);
    add_link(writer, "first_failure", failing ? failing->id : NONE);
    add(writer, ",\n    \"slot\": ");
    add_slot(writer, function);
    add(writer, ",\n    \"chain\": ");
    add_chain(writer, id, NONE);
    add(writer, "}");
}

static void add_hardware(const struct writer *writer, const struct reach *reach, uint32_t a, uint32_t b,
                         bool *any)
{
    struct reach_result result = reach_pair(reach, a, b);
    if (reach_leak(writer->groups, &result, a, b) != REACH_LEAK)
        return;
    add(writer, *any ? ", " : "");
    *any = true;
    add_address(writer, "{\"source\": ", a);
    add_address(writer, ", \"target\": ", b);
    text_buffer_format(writer->out, ", \"rule\": \"%s\"", route_rule_name(result.rule));
    add_link(writer, "at", result.at_id);
    add(writer, "}");
}

static void add_pair(const struct writer *writer, uint32_t a, uint32_t b)
{
    static const char *const reasons[] = {
        [APART_UNCOVERED] = "uncovered",         [APART_SAME_SLOT] = "slot-isolates",
        [APART_SAME_BUS] = "other-slot",         [APART_PORT_ISOLATES] = "port-isolates",
        [APART_PATH_ISOLATES] = "path-isolates",
    };
    const struct group_decision *decisions = writer->groups->decisions;
    bool one = decisions[a].group != NONE && decisions[a].group == decisions[b].group;
    const struct pci_function *meeting = group_explain_meeting(writer->groups, a, b);
    text_buffer_format(writer->out, ",\n  \"together\": %s", one ? "true" : "false");
    add_link(writer, "meet", meeting ? meeting->id : NONE);
    if (one)
        return;
    text_buffer_format(writer->out, ",\n  \"apart\": \"%s\",\n  \"leaks\": [",
                       reasons[group_explain_apart(writer->groups, a, b)]);
    struct arena *arena = arena_new();
    const struct reach *reach = reach_new(arena, writer->groups);
    bool any = false;
    add_hardware(writer, reach, a, b, &any);
    add_hardware(writer, reach, b, a, &any);
    add(writer, "]");
    arena_free(arena);
}

void groups_explain_json(const struct iommu_groups *groups, struct explain_question question,
                         struct text_buffer *out)
{
    struct writer writer = {groups, groups->topology, out};
    text_buffer_format(out,
                       "{\n  \"format\": \"iommusim-group-explanation/1\",\n  \"algorithm\": \"%s\",\n"
                       "  \"assume\": \"%s\"",
                       group_algorithm_name(groups->platform.algorithm),
                       isolation_policy_name(groups->platform.assume));
    if (question.a != NONE && question.b != NONE)
        add_pair(&writer, question.a, question.b);
    add(&writer, ",\n  \"functions\": [");
    bool any = false;
    for (uint32_t id = 0; id < groups->topology->function_count; id++) {
        bool asked =
            question.a == NONE ? groups->decisions[id].via != NONE : id == question.a || id == question.b;
        if (!asked)
            continue;
        add(&writer, any ? ",\n   " : "\n   ");
        any = true;
        add_story(&writer, id);
    }
    add(&writer, "]\n}\n");
}
