/* SPDX-License-Identifier: MIT */
#include "sim/output/groups_explain.h"

#include "sim/analysis/acs_rework.h"
#include "sim/analysis/dma_alias.h"
#include "sim/analysis/reach.h"
#include "sim/output/group_words.h"

#include <stdlib.h>

struct teller {
    const struct iommu_groups *groups;
    const struct topology *topology;
    struct text_buffer *out;
};

static void say(const struct teller *teller, const char *words)
{
    text_buffer_add(teller->out, words);
}

static void name(const struct teller *teller, uint32_t id)
{
    char bdf[BDF_TEXT_SIZE];
    say(teller, group_words_brief(teller->topology, id, bdf));
}

static uint32_t group_of(const struct teller *teller, uint32_t id)
{
    return teller->groups->decisions[id].group;
}

/* "    00:01.0  root-port        isolated: its ACS control has all the bits it offers" */
static void verdict_line(const struct teller *teller, uint32_t id)
{
    char bdf[BDF_TEXT_SIZE];
    text_buffer_format(teller->out, "       %-8s %-20s %s: ", group_words_brief(teller->topology, id, bdf),
                       function_kind_name(&teller->topology->functions[id]),
                       teller->groups->verdicts[id].isolated ? "isolates" : "does NOT isolate");
    group_explain_verdict(teller->groups, id, teller->out);
    say(teller, "\n");
}

static bool tell_alias(void *data, const struct dma_alias *alias)
{
    const struct teller *teller = data;
    text_buffer_format(teller->out, "       %02x:%02x.%x", alias->requester_id >> 8,
                       pci_slot((uint8_t)alias->requester_id), pci_func((uint8_t)alias->requester_id));
    say(teller, "  of ");
    name(teller, alias->owner->id);
    text_buffer_format(teller->out, " (%s)\n", function_kind_name(alias->owner));
    return false;
}

static void requester_ids(const struct teller *teller, uint32_t id)
{
    struct teller copy = *teller;
    say(teller, "  1. Under which requester ids may its DMA reach the IOMMU?\n");
    dma_alias_walk(teller->topology, &teller->topology->functions[id], tell_alias, &copy);
    if (teller->groups->decisions[id].rule == GROUP_RULE_REQUESTER) {
        say(teller, "     The IOMMU cannot tell it from ");
        name(teller, teller->groups->decisions[id].via);
        say(teller, ", so it joins that function's group.\n");
    }
}

static void path_up(const struct teller *teller, uint32_t id)
{
    const struct group_decision *decision = &teller->groups->decisions[id];
    const struct pci_function *bridge =
        topology_parent(teller->topology, group_explain_requester(teller->groups, id));
    const struct pci_function *failing = acs_belief_path(teller->topology, teller->groups->verdicts, bridge);
    say(teller, "  2. Does every port on the way up send its requests to the IOMMU?\n");
    if (!bridge)
        say(teller, "       There is no port above it.\n");
    for (; bridge; bridge = topology_parent(teller->topology, bridge))
        verdict_line(teller, bridge->id);
    if (decision->rule == GROUP_RULE_PATH) {
        say(teller, "     The first port that fails is ");
        name(teller, failing->id);
        say(teller, ": what is below it may be reached past the IOMMU, so it joins the group of ");
        name(teller, decision->via);
        say(teller, ".\n");
    }
}

static void slot_mates(const struct teller *teller, uint32_t id)
{
    const struct group_decision *decision = &teller->groups->decisions[id];
    uint32_t start = decision->start == NONE ? id : decision->start;
    const struct pci_function *function = &teller->topology->functions[start];
    const struct pci_bus *bus = &teller->topology->buses[function->bus_id];
    bool any = false;
    say(teller,
        "  3. Is there another function on the bus that uses its requester id, or one in its slot that "
        "does not isolate either?\n");
    if (start != id) {
        say(teller, "     Asked of ");
        name(teller, start);
        say(teller, ", the highest bridge above that does not isolate.\n");
    }
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &teller->topology->functions[bus->functions[i]];
        bool alias = other != function &&
                     dma_alias_pair(teller->topology, teller->groups->alias_sets, function, other);
        if (pci_slot(other->devfn) != pci_slot(function->devfn) && !alias)
            continue;
        if (other != function)
            any = true;
        verdict_line(teller, other->id);
        if (alias)
            say(teller, "                                     and shares a requester id\n");
    }
    if (decision->rule == GROUP_RULE_SLOT || decision->rule == GROUP_RULE_ALIAS) {
        say(teller, decision->rule == GROUP_RULE_SLOT
                        ? "     Functions that do not isolate may talk inside the device, so it joins "
                        : "     It joins ");
        name(teller, decision->via);
        say(teller, ".\n");
    } else {
        say(teller, any ? "     None to join at that moment: it starts a group.\n"
                        : "     No other: it starts a group.\n");
    }
}

static void members(const struct teller *teller, uint32_t id)
{
    const struct iommu_group *group = &teller->groups->groups[group_of(teller, id)];
    text_buffer_format(teller->out, "is in group %u", group->number);
    if (group->member_count == 1) {
        say(teller, ", alone.\n");
        return;
    }
    say(teller, " with ");
    uint32_t *others = memory_array(group->member_count, sizeof(*others)), count = 0;
    for (uint32_t i = 0; i < group->member_count; i++) {
        if (group->members[i] != id)
            others[count++] = group->members[i];
    }
    group_words_list(teller->topology, others, count, 0, teller->out);
    free(others);
    say(teller, ".\n");
}

/* Each join from a function to the one that started its group, or to @p end. */
static void chain(const struct teller *teller, uint32_t id, uint32_t end)
{
    for (; id != end && teller->groups->decisions[id].via != NONE; id = teller->groups->decisions[id].via) {
        say(teller, "       ");
        name(teller, id);
        say(teller, " joins ");
        name(teller, teller->groups->decisions[id].via);
        say(teller, ": ");
        group_explain_cause_brief(teller->groups, id, teller->out);
        say(teller, "\n");
    }
}

/* The rework judges buses, not functions: its record says it all. */
static void rework_steps(const struct teller *teller, uint32_t id)
{
    say(teller, "     ");
    name(teller, id);
    say(teller, " ");
    group_explain(teller->groups, id, teller->out);
    say(teller, "\n");
}

static void story(const struct teller *teller, uint32_t id)
{
    const struct group_decision *decision = &teller->groups->decisions[id];
    group_words_row(teller->topology, "", id, teller->out);
    if (decision->group == NONE) {
        say(teller, "has no group: ");
        group_explain_cause_brief(teller->groups, id, teller->out);
        say(teller, ".\nIts DMA is not translated, and it cannot be given to a guest through VFIO.\n");
        return;
    }
    members(teller, id);
    say(teller, "\nHow the kernel came to that:\n");
    if (teller->groups->buses) {
        rework_steps(teller, id);
    } else {
        requester_ids(teller, id);
        if (decision->rule != GROUP_RULE_REQUESTER)
            path_up(teller, id);
        if (decision->rule != GROUP_RULE_REQUESTER && decision->rule != GROUP_RULE_PATH)
            slot_mates(teller, id);
    }
    if (decision->via != NONE && teller->groups->decisions[decision->via].via != NONE) {
        say(teller, "\nHow it hangs together with the function that started the group:\n");
        chain(teller, id, NONE);
    }
}

static void together(const struct teller *teller, uint32_t a, uint32_t b)
{
    uint32_t count = teller->topology->function_count, meeting = NONE;
    uint32_t *way_a = memory_array(count, sizeof(*way_a)), *way_b = memory_array(count, sizeof(*way_b));
    uint32_t length_a = group_explain_chain(teller->groups, a, way_a);
    uint32_t length_b = group_explain_chain(teller->groups, b, way_b);
    for (uint32_t i = 0; i < length_a && meeting == NONE; i++) {
        for (uint32_t j = 0; j < length_b && meeting == NONE; j++)
            meeting = way_a[i] == way_b[j] ? way_a[i] : NONE;
    }
    text_buffer_format(teller->out, "are together, in group %u:\n", group_of(teller, a));
    chain(teller, a, meeting);
    chain(teller, b, meeting);
    free(way_a);
    free(way_b);
}

/* The ports above @p id, below @p meeting. @return true where one of them does not isolate */
static bool way_up(const struct teller *teller, uint32_t id, const struct pci_function *meeting)
{
    bool open = false;
    const struct pci_function *bridge = topology_parent(teller->topology, &teller->topology->functions[id]);
    say(teller, "     Above ");
    name(teller, id);
    say(teller, bridge && bridge != meeting ? ":\n" : ": no port of its own.\n");
    for (; bridge && bridge != meeting; bridge = topology_parent(teller->topology, bridge)) {
        verdict_line(teller, bridge->id);
        open |= !teller->groups->verdicts[bridge->id].isolated;
    }
    return open;
}

static void ways_up(const struct teller *teller, uint32_t a, uint32_t b, const struct pci_function *meeting)
{
    say(teller, "     They share no requester id, and their ways up meet ");
    if (meeting) {
        say(teller, "at ");
        name(teller, meeting->id);
        text_buffer_format(teller->out, " (%s):\n", function_kind_name(meeting));
    } else {
        say(teller, "in the root complex only, which the kernel takes to isolate:\n");
    }
    bool open = way_up(teller, a, meeting);
    open |= way_up(teller, b, meeting);
    if (open)
        say(teller,
            "     A port that does not isolate draws in what is below it and such functions of its own slot, "
            "nobody else.\n");
}

static void apart(const struct teller *teller, uint32_t a, uint32_t b)
{
    const struct pci_function *meeting = group_explain_meeting(teller->groups, a, b);
    switch (group_explain_apart(teller->groups, a, b)) {
    case APART_UNCOVERED:
        for (unsigned i = 0; i < 2; i++) {
            uint32_t id = i ? b : a;
            if (group_of(teller, id) != NONE)
                continue;
            say(teller, "     ");
            name(teller, id);
            say(teller, " has no group: ");
            group_explain_cause_brief(teller->groups, id, teller->out);
            say(teller, "\n");
        }
        return;
    case APART_SAME_SLOT:
        say(teller,
            "     They are functions of one slot. Those come together only where neither isolates:\n");
        verdict_line(teller, a);
        verdict_line(teller, b);
        return;
    case APART_SAME_BUS:
        say(teller,
            "     They sit in different slots of one bus. There only a shared requester id brings functions "
            "together, and they share none.\n");
        return;
    case APART_PORT_ISOLATES:
        say(teller, "     One is above the other, and every port from there up isolates:\n");
        for (const struct pci_function *at = meeting; at; at = topology_parent(teller->topology, at))
            verdict_line(teller, at->id);
        return;
    case APART_PATH_ISOLATES:
        ways_up(teller, a, b, meeting);
        return;
    }
}

/* What the hardware does with a request from @p source to @p target, where it is more than the groups say. */
static void hardware(const struct teller *teller, const struct reach *reach, uint32_t source, uint32_t target)
{
    struct reach_result result = reach_pair(reach, source, target);
    if (reach_leak(teller->groups, &result, source, target) != REACH_LEAK)
        return;
    say(teller, "     But the hardware lets ");
    name(teller, source);
    say(teller, " write to the memory of ");
    name(teller, target);
    say(teller, " past the IOMMU");
    if (result.at_id != NONE) {
        say(teller, ", turning round at ");
        name(teller, result.at_id);
    }
    text_buffer_format(teller->out, ": %s. The groups claim more than the fabric keeps.\n",
                       route_rule_text(result.rule));
}

static void pair(const struct teller *teller, uint32_t a, uint32_t b)
{
    group_words_row(teller->topology, "", a, teller->out);
    group_words_row(teller->topology, "", b, teller->out);
    if (group_of(teller, a) != NONE && group_of(teller, a) == group_of(teller, b)) {
        together(teller, a, b);
        return;
    }
    say(teller, "are apart");
    if (group_of(teller, a) != NONE && group_of(teller, b) != NONE)
        text_buffer_format(teller->out, ", in groups %u and %u", group_of(teller, a), group_of(teller, b));
    say(teller, ":\n");
    if (teller->groups->buses) {
        rework_steps(teller, a);
        rework_steps(teller, b);
    } else {
        apart(teller, a, b);
    }
    struct arena *arena = arena_new();
    const struct reach *reach = reach_new(arena, teller->groups);
    hardware(teller, reach, a, b);
    hardware(teller, reach, b, a);
    arena_free(arena);
}

static void every_merge(const struct teller *teller)
{
    for (uint32_t i = 0; i < teller->groups->group_count; i++) {
        const struct iommu_group *group = &teller->groups->groups[i];
        if (group->member_count == 1)
            continue;
        text_buffer_format(teller->out, "Group %u: ", group->number);
        group_words_list(teller->topology, group->members, group->member_count, 0, teller->out);
        say(teller, "\n");
        for (uint32_t j = 0; j < group->member_count; j++) {
            if (teller->groups->decisions[group->members[j]].via != NONE)
                chain(teller, group->members[j], teller->groups->decisions[group->members[j]].via);
        }
    }
}

void groups_explain_text(const struct iommu_groups *groups, struct explain_question question,
                         struct text_buffer *out)
{
    struct teller teller = {groups, groups->topology, out};
    if (question.a == NONE)
        every_merge(&teller);
    else if (question.b == NONE || question.b == question.a)
        story(&teller, question.a);
    else
        pair(&teller, question.a, question.b);
}
