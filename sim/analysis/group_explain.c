/* SPDX-License-Identifier: MIT */
#include "sim/analysis/group_explain.h"

#include "sim/analysis/acs_rework.h"
#include "sim/analysis/dma_alias.h"

/* Where words go, and how. */
struct teller {
    const struct iommu_groups *groups;
    struct text_buffer *text;
    bool brief; /* addresses without the segment 0000 */
};

static void add(const struct teller *teller, const char *words)
{
    text_buffer_add(teller->text, words);
}

static void add_function(const struct teller *teller, uint32_t id)
{
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *function = &teller->groups->topology->functions[id];
    bdf_print(bdf, function->segment, function->bus, function->devfn);
    add(teller, teller->brief && function->segment == 0 ? bdf + sizeof("0000:") - 1 : bdf);
}

static void add_kind(const struct teller *teller, uint32_t id)
{
    add_function(teller, id);
    text_buffer_format(teller->text, " (%s)", function_kind_name(&teller->groups->topology->functions[id]));
}

/* "0000:00:01.0 (root-port): it has no ACS capability" */
static void add_verdict(const struct teller *teller, uint32_t id)
{
    add_kind(teller, id);
    add(teller, ": ");
    group_explain_verdict(teller->groups, id, teller->text);
}

/* The rework's word on the bus that @p culprit spoils. */
static void add_bus_culprit(const struct teller *teller, uint32_t culprit)
{
    char clause[ACS_VERDICT_TEXT];
    add_kind(teller, culprit);
    for (uint32_t i = 0; i < teller->groups->topology->bus_count; i++) {
        const struct bus_isolation *bus = &teller->groups->buses[i];
        if (bus->kind == BUS_ISOLATED || bus->culprit != culprit)
            continue;
        const char *what = bus->asked                           ? acs_verdict_print(clause, &bus->verdict)
                           : bus->kind == BUS_PCIE_NOT_ISOLATED ? "it is not a plain downstream port"
                                                                : "it bridges to conventional PCI";
        text_buffer_format(teller->text, ": %s", what);
        return;
    }
}

static void add_slot(const struct teller *teller, const struct group_decision *decision)
{
    if (!teller->groups->buses) {
        add(teller, "functions of one slot, neither isolated, ");
        add_verdict(teller, decision->culprit);
        add(teller, "; ");
        add_verdict(teller, decision->via);
    } else if (decision->culprit != NONE) {
        add(teller, "functions of one slot that may reach each other, ");
        add_verdict(teller, decision->culprit);
    } else {
        add(teller, "functions of one slot, of which some do not say that there are several");
    }
}

static void add_path(const struct teller *teller, uint32_t culprit)
{
    add(teller, "the path up is not isolated, ");
    if (teller->groups->buses)
        add_bus_culprit(teller, culprit);
    else
        add_verdict(teller, culprit);
}

static void add_uncovered(const struct teller *teller, uint32_t id)
{
    const struct function_coverage *coverage = &teller->groups->coverage->functions[id];
    add(teller, coverage_reason_text(coverage->reason));
    if (coverage->owner_id != NONE) {
        add(teller, ", it belongs to ");
        add_function(teller, coverage->owner_id);
    }
}

static void add_start(const struct teller *teller, uint32_t id, uint32_t start)
{
    if (start == id)
        return;
    add(teller, "; decided at the bridge ");
    add_function(teller, start);
    add(teller, " above it");
}

static void tell_cause(const struct iommu_groups *groups, uint32_t function_id, bool brief,
                       struct text_buffer *text)
{
    const struct teller teller = {groups, text, brief};
    const struct group_decision *decision = &groups->decisions[function_id];
    switch (decision->rule) {
    case GROUP_RULE_NONE:
        add_uncovered(&teller, function_id);
        break;
    case GROUP_RULE_NEW:
        add(&teller, "starts the group");
        break;
    case GROUP_RULE_REQUESTER:
        add(&teller, "its DMA carries a requester id of that function");
        break;
    case GROUP_RULE_PATH:
        add_path(&teller, decision->culprit);
        break;
    case GROUP_RULE_ALIAS:
        add(&teller, "both may use one requester id");
        add_start(&teller, function_id, decision->start);
        break;
    case GROUP_RULE_SLOT:
        add_slot(&teller, decision);
        add_start(&teller, function_id, decision->start);
        break;
    case GROUP_RULE_BELOW:
        add(&teller, "that group takes all that is below its bridges");
        break;
    case GROUP_RULE_BUS:
        add(&teller, "functions of its bus are one, ");
        add_bus_culprit(&teller, decision->culprit);
        break;
    case GROUP_RULE_DEFERRED:
        add(&teller, "it waits for ");
        add_function(&teller, decision->culprit);
        add(&teller, ", which has none");
        break;
    }
}

void group_explain_cause(const struct iommu_groups *groups, uint32_t function_id, struct text_buffer *text)
{
    tell_cause(groups, function_id, false, text);
}

void group_explain_cause_brief(const struct iommu_groups *groups, uint32_t function_id,
                               struct text_buffer *text)
{
    tell_cause(groups, function_id, true, text);
}

void group_explain(const struct iommu_groups *groups, uint32_t function_id, struct text_buffer *text)
{
    const struct teller teller = {groups, text, false};
    const struct group_decision *decision = &groups->decisions[function_id];
    if (decision->group == NONE) {
        add(&teller, "no group: ");
    } else if (decision->rule != GROUP_RULE_NEW) {
        add(&teller, "joins ");
        add_function(&teller, decision->via);
        add(&teller, ": ");
    }
    tell_cause(groups, function_id, false, text);
}

void group_explain_verdict(const struct iommu_groups *groups, uint32_t function_id, struct text_buffer *text)
{
    char clause[ACS_VERDICT_TEXT];
    const struct acs_view *view = &groups->views[function_id];
    text_buffer_add(text, acs_verdict_print(clause, &groups->verdicts[function_id]));
    if (groups->verdicts[function_id].reason == ACS_REASON_ASSUMED) {
        char ground[ISOLATION_GROUND_TEXT];
        text_buffer_format(text, " (%s)", isolation_ground_print(ground, &view->guess));
    } else if (view->assumed) {
        text_buffer_add(text, " (whether its chipset's workaround took is not shown)");
    }
}

uint32_t group_explain_chain(const struct iommu_groups *groups, uint32_t function_id, uint32_t *chain)
{
    uint32_t length = 0;
    if (groups->decisions[function_id].group == NONE)
        return 0;
    for (uint32_t id = function_id; id != NONE; id = groups->decisions[id].via)
        chain[length++] = id;
    return length;
}

const struct pci_function *group_explain_meeting(const struct iommu_groups *groups, uint32_t a, uint32_t b)
{
    const struct topology *topology = groups->topology;
    const struct pci_function *target = &topology->functions[b];
    for (const struct pci_function *at = &topology->functions[a]; at; at = topology_parent(topology, at)) {
        if (function_is_bridge(at) && topology_is_ancestor(topology, at, target))
            return at;
    }
    return NULL;
}

static bool keep_owner(void *data, const struct dma_alias *alias)
{
    *(const struct pci_function **)data = alias->owner;
    return false;
}

const struct pci_function *group_explain_requester(const struct iommu_groups *groups, uint32_t function_id)
{
    const struct pci_function *last = &groups->topology->functions[function_id];
    dma_alias_walk(groups->topology, last, keep_owner, &last);
    return last;
}

enum apart_reason group_explain_apart(const struct iommu_groups *groups, uint32_t a, uint32_t b)
{
    const struct topology *topology = groups->topology;
    const struct pci_function *first = &topology->functions[a], *second = &topology->functions[b];
    if (groups->decisions[a].group == NONE || groups->decisions[b].group == NONE)
        return APART_UNCOVERED;
    if (first->bus_id == second->bus_id)
        return pci_slot(first->devfn) == pci_slot(second->devfn) ? APART_SAME_SLOT : APART_SAME_BUS;
    if (topology_is_ancestor(topology, first, second) || topology_is_ancestor(topology, second, first))
        return APART_PORT_ISOLATES;
    return APART_PATH_ISOLATES;
}
