/* SPDX-License-Identifier: MIT */
#include "sim/analysis/group_explain.h"

#include "sim/analysis/acs_rework.h"

static void add_function(const struct iommu_groups *groups, uint32_t id, struct text_buffer *text)
{
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *function = &groups->topology->functions[id];
    text_buffer_add(text, bdf_print(bdf, function->segment, function->bus, function->devfn));
}

/* "0000:00:01.0 (root-port): it has no ACS capability" */
static void add_verdict(const struct iommu_groups *groups, uint32_t id, struct text_buffer *text)
{
    char clause[ACS_VERDICT_TEXT];
    add_function(groups, id, text);
    text_buffer_format(text, " (%s): %s", function_kind_name(&groups->topology->functions[id]),
                       acs_verdict_print(clause, &groups->verdicts[id]));
}

/* The rework's word on the bus that @p culprit spoils. */
static void add_bus_culprit(const struct iommu_groups *groups, uint32_t culprit, struct text_buffer *text)
{
    char clause[ACS_VERDICT_TEXT];
    add_function(groups, culprit, text);
    text_buffer_format(text, " (%s)", function_kind_name(&groups->topology->functions[culprit]));
    for (uint32_t i = 0; i < groups->topology->bus_count; i++) {
        const struct bus_isolation *bus = &groups->buses[i];
        if (bus->kind == BUS_ISOLATED || bus->culprit != culprit)
            continue;
        const char *what = bus->asked                           ? acs_verdict_print(clause, &bus->verdict)
                           : bus->kind == BUS_PCIE_NOT_ISOLATED ? "it is not a plain downstream port"
                                                                : "it bridges to conventional PCI";
        text_buffer_format(text, ": %s", what);
        return;
    }
}

static void add_slot(const struct iommu_groups *groups, const struct group_decision *decision,
                     struct text_buffer *text)
{
    if (!groups->buses) {
        text_buffer_add(text, "functions of one slot, neither isolated, ");
        add_verdict(groups, decision->culprit, text);
        text_buffer_add(text, "; ");
        add_verdict(groups, decision->via, text);
    } else if (decision->culprit != NONE) {
        text_buffer_add(text, "functions of one slot that may reach each other, ");
        add_verdict(groups, decision->culprit, text);
    } else {
        text_buffer_add(text, "functions of one slot, of which some do not say that there are several");
    }
}

static void add_uncovered(const struct iommu_groups *groups, uint32_t id, struct text_buffer *text)
{
    const struct function_coverage *coverage = &groups->coverage->functions[id];
    text_buffer_add(text, coverage_reason_text(coverage->reason));
    if (coverage->owner_id != NONE) {
        text_buffer_add(text, ", it belongs to ");
        add_function(groups, coverage->owner_id, text);
    }
}

void group_explain_cause(const struct iommu_groups *groups, uint32_t function_id, struct text_buffer *text)
{
    const struct group_decision *decision = &groups->decisions[function_id];
    switch (decision->rule) {
    case GROUP_RULE_NONE:
        add_uncovered(groups, function_id, text);
        return;
    case GROUP_RULE_NEW:
        text_buffer_add(text, "starts the group");
        return;
    case GROUP_RULE_REQUESTER:
        text_buffer_add(text, "its DMA carries a requester id of that function");
        return;
    case GROUP_RULE_PATH:
        text_buffer_add(text, "the path up is not isolated, ");
        if (groups->buses)
            add_bus_culprit(groups, decision->culprit, text);
        else
            add_verdict(groups, decision->culprit, text);
        return;
    case GROUP_RULE_ALIAS:
        text_buffer_add(text, "both may use one requester id");
        break;
    case GROUP_RULE_SLOT:
        add_slot(groups, decision, text);
        break;
    case GROUP_RULE_BELOW:
        text_buffer_add(text, "that group takes all that is below its bridges");
        return;
    case GROUP_RULE_BUS:
        text_buffer_add(text, "functions of its bus are one, ");
        add_bus_culprit(groups, decision->culprit, text);
        return;
    case GROUP_RULE_DEFERRED:
        text_buffer_add(text, "it waits for ");
        add_function(groups, decision->culprit, text);
        text_buffer_add(text, ", which has none");
        return;
    }
    if (decision->start != function_id) {
        text_buffer_add(text, "; decided at the bridge ");
        add_function(groups, decision->start, text);
        text_buffer_add(text, " above it");
    }
}

void group_explain(const struct iommu_groups *groups, uint32_t function_id, struct text_buffer *text)
{
    const struct group_decision *decision = &groups->decisions[function_id];
    if (decision->group == NONE) {
        text_buffer_add(text, "no group: ");
    } else if (decision->rule != GROUP_RULE_NEW) {
        text_buffer_add(text, "joins ");
        add_function(groups, decision->via, text);
        text_buffer_add(text, ": ");
    }
    group_explain_cause(groups, function_id, text);
}
