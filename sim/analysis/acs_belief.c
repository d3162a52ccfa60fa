/* SPDX-License-Identifier: MIT */
#include "sim/analysis/acs_belief.h"

#include <stdio.h>
#include <string.h>

struct question {
    const struct topology *topology;
    const struct iommu_platform *platform;
    const struct pci_function *function;
    const struct acs_view *view;
    uint16_t requested;
};

static struct acs_verdict answer(enum acs_reason reason, bool isolated)
{
    return (struct acs_verdict){.isolated = isolated, .reason = reason};
}

/* What of the request a quirk row leaves open; false where the row does not apply to this function. */
static bool quirk_missing(const struct question *question, const struct acs_quirk *quirk, uint16_t *missing)
{
    const struct pci_function *function = question->function;
    const struct acs_view *view = question->view;
    uint16_t requested = question->requested;
    uint16_t flags = quirk->flags;
    bool root_port = function_is_type(function, PCIE_ROOT_PORT);
    switch (quirk->class_) {
    case ACS_QUIRK_ALWAYS_ISO:
    case ACS_QUIRK_MF_ENDPOINT:
    case ACS_QUIRK_WANGXUN_NIC:
        break;
    case ACS_QUIRK_AMD_SB:
        if (!function->multifunction || !question->platform->ivrs ||
            question->topology->buses[function->bus_id].parent_id != NONE)
            return false;
        requested &=
            ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT | ACS_EGRESS_CONTROL | ACS_DIRECT_TRANSLATED;
        break;
    case ACS_QUIRK_INTEL_RCIEP:
        if (!function_is_type(function, PCIE_RC_ENDPOINT))
            return false;
        break;
    case ACS_QUIRK_INTEL_PCH:
        if (!root_port)
            return false;
        if (!view->pch_isolated)
            flags = 0;
        break;
    case ACS_QUIRK_INTEL_SPT:
        if (!root_port || !view->present)
            return false;
        requested &= view->capability | ACS_EGRESS_CONTROL;
        flags = view->control;
        break;
    case ACS_QUIRK_CAVIUM_RP:
    case ACS_QUIRK_AL_RP:
        if (!root_port)
            return false;
        break;
    case ACS_QUIRK_ZHAOXIN_PORT:
        if (!root_port && !function_is_type(function, PCIE_DOWNSTREAM_PORT))
            return false;
        break;
    }
    *missing = requested & (uint16_t)~flags;
    return true;
}

static bool ask_quirks(const struct question *question, struct acs_verdict *verdict)
{
    const struct pci_function *function = question->function;
    size_t count;
    const struct acs_quirk *rows = acs_quirk_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct acs_quirk *quirk = &rows[i];
        uint16_t missing;
        if (quirk->vendor != function->vendor || function->device < quirk->device_low ||
            function->device > quirk->device_high || !quirk_missing(question, quirk, &missing))
            continue;
        *verdict = (struct acs_verdict){
            .isolated = missing == 0, .reason = ACS_REASON_QUIRK, .missing = missing, .quirk = quirk};
        return true;
    }
    return false;
}

static bool is_port(const struct pci_function *function)
{
    return function->pcie_type == PCIE_ROOT_PORT || function->pcie_type == PCIE_DOWNSTREAM_PORT;
}

/* The rule the out-of-tree patch appends to the quirk list. */
static bool overridden(const struct question *question)
{
    const struct kernel_cmdline *words = &question->platform->cmdline;
    const struct pci_function *function = question->function;
    if (!function->pcie || question->view->present)
        return false;
    for (uint32_t i = 0; i < words->override_id_count; i++) {
        if (words->override_ids[i].vendor == function->vendor &&
            words->override_ids[i].device == function->device)
            return true;
    }
    if (is_port(function))
        return words->override_downstream;
    switch (function->pcie_type) {
    case PCIE_ENDPOINT:
    case PCIE_UPSTREAM_PORT:
    case PCIE_LEGACY_ENDPOINT:
    case PCIE_RC_ENDPOINT:
        return words->override_multifunction && function->multifunction;
    default:
        return false;
    }
}

static struct acs_verdict read_control(const struct question *question)
{
    const struct acs_view *view = question->view;
    if (view->hidden)
        return answer(ACS_REASON_ASSUMED, view->guess.isolated);
    if (!view->present)
        return answer(ACS_REASON_NO_CAPABILITY, false);
    /* A bit the capability does not offer counts as on, except Egress Control. */
    uint16_t offered = (uint16_t)(view->capability & ~(unsigned)ACS_ENHANCED_CONTROLS) | ACS_EGRESS_CONTROL |
                       (view->capability & ACS_ENHANCED ? ACS_ENHANCED_CONTROLS : 0);
    uint16_t needed = question->requested & offered;
    uint16_t missing = needed & (uint16_t)~view->control;
    return (struct acs_verdict){.isolated = missing == 0, .reason = ACS_REASON_CONTROL, .missing = missing};
}

struct acs_verdict acs_belief(const struct topology *topology, const struct iommu_platform *platform,
                              const struct pci_function *function, const struct acs_view *view,
                              uint16_t requested)
{
    struct question question = {topology, platform, function, view, requested};
    struct acs_verdict verdict;
    if (ask_quirks(&question, &verdict))
        return verdict;
    if (overridden(&question))
        return answer(ACS_REASON_OVERRIDE, true);
    if (!function->pcie)
        return function->pcie_unknown && !function_is_bridge(function)
                   ? answer(ACS_REASON_ASSUMED, view->guess.isolated)
                   : answer(ACS_REASON_CONVENTIONAL, false);
    switch (function->pcie_type) {
    case PCIE_TO_PCI_BRIDGE:
    case PCI_TO_PCIE_BRIDGE:
        return answer(ACS_REASON_BRIDGE, false);
    case PCIE_RC_EVENT_COLLECTOR:
        return answer(ACS_REASON_EVENT_COLLECTOR, false);
    case PCIE_ROOT_PORT:
    case PCIE_DOWNSTREAM_PORT:
        return read_control(&question);
    case PCIE_ENDPOINT:
    case PCIE_UPSTREAM_PORT:
    case PCIE_LEGACY_ENDPOINT:
    case PCIE_RC_ENDPOINT:
        if (function->multifunction)
            return read_control(&question);
        break;
    }
    /* Types the specification reserves are, to the kernel, functions with nobody beside them. */
    return answer(ACS_REASON_SINGLE_FUNCTION, true);
}

struct acs_verdict *acs_belief_all(const struct topology *topology, const struct iommu_platform *platform,
                                   const struct acs_view *views, struct arena *arena)
{
    struct acs_verdict *verdicts = arena_array(arena, topology->function_count, sizeof(*verdicts));
    for (uint32_t i = 0; i < topology->function_count; i++)
        verdicts[i] = acs_belief(topology, platform, &topology->functions[i], &views[i], ACS_GROUP_BITS);
    return verdicts;
}

const struct pci_function *acs_belief_path(const struct topology *topology,
                                           const struct acs_verdict *verdicts,
                                           const struct pci_function *function)
{
    for (; function; function = topology_parent(topology, function)) {
        if (!verdicts[function->id].isolated)
            return function;
    }
    return NULL;
}

/* "SrcValid, ReqRedir": the bits by the names lspci gives them. */
static void print_bits(char *text, size_t size, uint16_t bits)
{
    static const char *const names[] = {
        "SrcValid", "TransBlk",  "ReqRedir",  "CmpltRedir", "UpstreamFwd", "EgressCtrl",  "DirectTrans",
        "IORB",     "DSP_MT_RB", "DSP_MT_RR", "USP_MT_RB",  "USP_MT_RR",   "UNCLAIMED_RR"};
    text[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t length = strlen(text);
        if (bits & 1U << i)
            snprintf(text + length, size - length, "%s%s", length ? ", " : "", names[i]);
    }
}

char *acs_verdict_print(char *text, const struct acs_verdict *verdict)
{
    char bits[100];
    print_bits(bits, sizeof(bits), verdict->missing);
    switch (verdict->reason) {
    case ACS_REASON_QUIRK:
        snprintf(text, ACS_VERDICT_TEXT, "the kernel's quirk list (entry %u, %s) says %s%s",
                 verdict->quirk->seq, acs_quirk_class_name(verdict->quirk->class_),
                 verdict->isolated ? "isolated" : "not isolated, lacking ", verdict->isolated ? "" : bits);
        break;
    case ACS_REASON_OVERRIDE:
        snprintf(text, ACS_VERDICT_TEXT, "pcie_acs_override says isolated");
        break;
    case ACS_REASON_CONVENTIONAL:
        snprintf(text, ACS_VERDICT_TEXT, "it is conventional PCI");
        break;
    case ACS_REASON_BRIDGE:
        snprintf(text, ACS_VERDICT_TEXT, "it bridges to conventional PCI");
        break;
    case ACS_REASON_EVENT_COLLECTOR:
        snprintf(text, ACS_VERDICT_TEXT, "it is an event collector");
        break;
    case ACS_REASON_SINGLE_FUNCTION:
        snprintf(text, ACS_VERDICT_TEXT, "it is the only function of its slot");
        break;
    case ACS_REASON_NO_CAPABILITY:
        snprintf(text, ACS_VERDICT_TEXT, "it has no ACS capability");
        break;
    case ACS_REASON_ASSUMED:
        snprintf(text, ACS_VERDICT_TEXT, "its capabilities are hidden, assumed%s isolated",
                 verdict->isolated ? "" : " not");
        break;
    case ACS_REASON_CONTROL:
        if (verdict->isolated)
            snprintf(text, ACS_VERDICT_TEXT, "its ACS control has all the bits it offers");
        else
            snprintf(text, ACS_VERDICT_TEXT, "its ACS control lacks %s", bits);
        break;
    }
    return text;
}
