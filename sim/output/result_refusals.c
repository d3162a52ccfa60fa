/* SPDX-License-Identifier: MIT */
#include "sim/output/result_refusals.h"

#include "models/iommu/fault_code.h"
#include "sim/output/group_words.h"
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>

enum { REFUSALS_SHOWN = 8 };

const char *refusal_status(const struct refusal *refusal)
{
    if (!refusal->answered)
        return NULL;
    return refusal->status == COMPLETION_COMPLETER_ABORT ? "CA" : "UR";
}

static const char *reason_name(const struct refusal *refusal)
{
    if (refusal->fault)
        return "remapping-fault";
    if (refusal->unsent)
        return "no-translation";
    return refusal->rule < RULE_COUNT ? route_rule_name(refusal->rule) : "not-taken";
}

static const char *reason_text(const struct refusal *refusal)
{
    if (refusal->fault)
        return iommu_fault_text(refusal->fault);
    if (refusal->unsent)
        return "its device TLB got no translation that permits them, they are not sent";
    return refusal->rule < RULE_COUNT ? route_rule_text(refusal->rule) : "their target does not take them";
}

static const char *place(const struct result *result, const struct refusal *refusal, char *text)
{
    if (refusal->fault)
        return "the remapping unit";
    return refusal->at_id == NONE
               ? "the root complex"
               : group_words_address(result->simulation->input->topology, refusal->at_id, text);
}

void refusal_words(const struct result *result, const struct refusal *refusal, struct text_buffer *out)
{
    char source[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    const char *status = refusal_status(refusal);
    text_buffer_format(out, "%" PRIu64 " %s%s of %s refused at %s: %s (%s), ", refusal->requests,
                       refusal->write ? "write" : "read", refusal->requests == 1 ? "" : "s",
                       group_words_address(result->simulation->input->topology, refusal->source_id, source),
                       place(result, refusal, at), reason_text(refusal), reason_name(refusal));
    text_buffer_add(out, status            ? "completion status "
                         : refusal->unsent ? "the device knows"
                                           : "no completion tells the device");
    text_buffer_add(out, status ? status : "");
}

const struct refusal *refusal_commonest(const struct result *result, uint32_t source_id)
{
    const struct refusal *refusals, *commonest = NULL;
    uint32_t count = machine_refusals(result->simulation->machine, &refusals);
    for (uint32_t i = 0; i < count; i++) {
        if (refusals[i].source_id == source_id && (!commonest || refusals[i].requests > commonest->requests))
            commonest = &refusals[i];
    }
    return commonest;
}

void result_json_refusals(struct json_layout *layout, const struct result *result)
{
    const struct topology *topology = result->simulation->input->topology;
    const struct refusal *refusals;
    uint32_t count = machine_refusals(result->simulation->machine, &refusals);
    char bdf[BDF_TEXT_SIZE];
    layout_open(layout, "refusals", '[');
    for (uint32_t i = 0; i < count; i++) {
        const struct refusal *refusal = &refusals[i];
        const struct pci_function *source = &topology->functions[refusal->source_id];
        layout_open(layout, NULL, '{');
        layout_string(layout, "device", bdf_print(bdf, source->segment, source->bus, source->devfn));
        layout_string(layout, "access", refusal->write ? "write" : "read");
        layout_format(layout, "requests", "%" PRIu64, refusal->requests);
        layout_string(layout, "rule", reason_name(refusal));
        if (refusal->at_id == NONE) {
            layout_format(layout, "at", "null");
        } else {
            const struct pci_function *at = &topology->functions[refusal->at_id];
            layout_string(layout, "at", bdf_print(bdf, at->segment, at->bus, at->devfn));
        }
        if (refusal_status(refusal))
            layout_string(layout, "status", refusal_status(refusal));
        else
            layout_format(layout, "status", "null");
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

void result_text_refusals(const struct result *result, struct text_buffer *out)
{
    const struct refusal *refusals;
    uint32_t count = machine_refusals(result->simulation->machine, &refusals);
    for (uint32_t i = 0; i < count && i < REFUSALS_SHOWN; i++) {
        text_buffer_add(out, i ? "           " : "\nRefused    ");
        refusal_words(result, &refusals[i], out);
        text_buffer_add(out, "\n");
    }
    if (count > REFUSALS_SHOWN)
        text_buffer_format(out, "           ... and %u more kinds\n", count - REFUSALS_SHOWN);
}
