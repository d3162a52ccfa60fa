/* SPDX-License-Identifier: MIT */
/* What a viable group does not guard against: requests past the IOMMU, ids shared with others, resets. */
#include "sim/analysis/dma_alias.h"
#include "sim/analysis/isolation_effects.h"
#include "sim/analysis/viability_internal.h"

#include <stdlib.h>

enum {
    CAPABILITY_PCIE = 0x10,
    CAPABILITY_ADVANCED_FEATURES = 0x13,
    REQUESTER_IDS = 0x10000,
};

static void check_leak(struct viability_work *work, const struct reach *reach, uint32_t source_id,
                       uint32_t target_id, bool inward)
{
    struct reach_result result = reach_pair(reach, source_id, target_id);
    if (result.outcome != REACH_REACHES)
        return;
    work->leaks = memory_grow(work->leaks, work->leak_count, &work->leak_capacity, sizeof(*work->leaks));
    work->leaks[work->leak_count++] = (struct viability_leak){
        .source_id = source_id,
        .target_id = target_id,
        .inward = inward,
        .vouched = reach_leak(work->groups, &result, source_id, target_id) == REACH_VOUCHED,
        .result = result,
    };
}

static int compare_leaks(const void *left, const void *right)
{
    const struct viability_leak *a = left, *b = right;
    if (a->inward != b->inward)
        return a->inward ? -1 : 1;
    if (a->vouched != b->vouched)
        return a->vouched ? 1 : -1;
    if (a->source_id != b->source_id)
        return a->source_id < b->source_id ? -1 : 1;
    return (a->target_id > b->target_id) - (a->target_id < b->target_id);
}

void viability_find_leaks(struct viability_work *work)
{
    const struct reach *reach = reach_new(work->arena, work->groups);
    for (uint32_t i = 0; i < work->question->given_count; i++) {
        uint32_t given = work->question->given[i];
        for (uint32_t other = 0; other < work->topology->function_count; other++) {
            if (work->inside[other])
                continue;
            check_leak(work, reach, other, given, true);
            check_leak(work, reach, given, other, false);
        }
    }
    if (work->leak_count)
        qsort(work->leaks, work->leak_count, sizeof(*work->leaks), compare_leaks);
}

/* The requester ids of one function, in one segment. */
struct id_set {
    uint32_t segment;
    uint8_t bits[REQUESTER_IDS / 8];
};

static bool note_id(void *data, const struct dma_alias *alias)
{
    struct id_set *set = data;
    set->segment = alias->segment;
    set->bits[alias->requester_id >> 3] |= (uint8_t)(1U << (alias->requester_id & 7U));
    return false;
}

struct id_search {
    const struct id_set *set;
    uint16_t found;
};

static bool find_id(void *data, const struct dma_alias *alias)
{
    struct id_search *search = data;
    search->found = alias->requester_id;
    return alias->segment == search->set->segment &&
           (search->set->bits[alias->requester_id >> 3] >> (alias->requester_id & 7U) & 1U);
}

/* Ports and bridges issue nothing that a shared id could confuse. */
static bool shares(const struct viability_work *work, const struct pci_function *other,
                   struct id_search *search)
{
    return !function_is_bridge(other) && dma_alias_walk(work->topology, other, find_id, search);
}

static void report_shared_id(struct viability_work *work, uint32_t given, const struct pci_function *other,
                             uint16_t requester_id)
{
    static const struct {
        enum finding_kind kind;
        enum finding_severity severity;
    } by_class[] = {
        [DRIVER_CLASS_UNKNOWN] = {FINDING_ALIAS_UNKNOWN, SEVERITY_OPEN},
        [DRIVER_CLASS_NONE] = {FINDING_ALIAS_FREE, SEVERITY_WARNING},
        [DRIVER_CLASS_VFIO] = {FINDING_ALIAS_VFIO, SEVERITY_FATAL},
        [DRIVER_CLASS_STUB] = {FINDING_ALIAS_FREE, SEVERITY_WARNING},
        [DRIVER_CLASS_PORT] = {FINDING_ALIAS_FREE, SEVERITY_WARNING},
        [DRIVER_CLASS_HOST] = {FINDING_ALIAS_HOST, SEVERITY_FATAL},
    };
    enum driver_class class = driver_class_of(viability_driver(work, other));
    viability_report(work, by_class[class].kind, by_class[class].severity, given, other->id)->requester_id =
        requester_id;
}

/* Behind a VMD that is given, nothing is left. */
static bool vanishes(const struct viability_work *work, const struct pci_function *function)
{
    const struct pci_function *real = dma_alias_real_function(work->topology, function);
    return real != function && work->given[real->id];
}

static void find_sharing(struct viability_work *work, uint32_t given, struct id_set *set)
{
    const struct topology *topology = work->topology;
    uint32_t group = work->groups->decisions[given].group;
    *set = (struct id_set){0};
    dma_alias_walk(topology, &topology->functions[given], note_id, set);
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *other = &topology->functions[id];
        struct id_search search = {.set = set};
        enum driver_class class = driver_class_of(viability_driver(work, other));
        if (work->given[id] || vanishes(work, other))
            continue;
        if (shares(work, other, &search))
            report_shared_id(work, given, other, search.found);
        else if (group == NONE || work->groups->decisions[id].group != group)
            continue;
        else if (class == DRIVER_CLASS_VFIO)
            viability_report(work, FINDING_MIXED, SEVERITY_WARNING, given, id);
        else if (class == DRIVER_CLASS_HOST && !function_is_bridge(other))
            viability_report(work, FINDING_HOST_DRIVES, SEVERITY_WARNING, given, id);
    }
}

void viability_find_sharing(struct viability_work *work)
{
    struct id_set *set = arena_alloc(work->arena, sizeof(*set));
    viability_report(work, FINDING_KVM_REMOVED, SEVERITY_WARNING, NONE, NONE);
    for (uint32_t i = 0; i < work->question->given_count; i++) {
        uint32_t given = work->question->given[i];
        uint32_t group = work->groups->decisions[given].group;
        if (group != NONE && work->groups->groups[group].member_count > 1)
            viability_report(work, FINDING_KVM_GROUP, SEVERITY_OPEN, given, NONE);
        find_sharing(work, given, set);
    }
}

/* By a function-level reset. Every VF has it (PCIe Base Spec 9.2.2.2), and so has every PF. */
static bool resets_alone(const struct pci_function *function)
{
    return function->is_vf || function->sriov.present || function->registers.function_level_reset;
}

/* A reset of the secondary bus above hits all on it and below. */
static uint32_t hit_by_reset(const struct viability_work *work, const struct pci_function *function)
{
    const struct topology *topology = work->topology;
    const struct pci_function *bridge = topology_parent(topology, function);
    for (uint32_t id = 0; bridge && id < topology->function_count; id++) {
        const struct pci_function *other = &topology->functions[id];
        if (!work->inside[id] && other != bridge && !other->is_vf &&
            work->groups->decisions[id].group != NONE && topology_is_ancestor(topology, bridge, other))
            return id;
    }
    return NONE;
}

/* With one assumption turned, would a given function have other group mates? */
static bool changes_given(const struct viability_work *work, const struct iommu_groups *flipped)
{
    const struct group_decision *now = work->groups->decisions, *then = flipped->decisions;
    for (uint32_t i = 0; i < work->question->given_count; i++) {
        uint32_t given = work->question->given[i];
        for (uint32_t id = 0; id < work->topology->function_count && now[given].group != NONE; id++) {
            if ((now[id].group == now[given].group) != (then[id].group == then[given].group))
                return true;
        }
    }
    return false;
}

static void note_assumptions(struct viability_work *work)
{
    struct isolation_probe *probe = NULL;
    for (uint32_t id = 0; id < work->topology->function_count; id++) {
        if (!isolation_assumed(work->groups, id))
            continue;
        if (!probe)
            probe = isolation_probe_new(work->groups);
        if (changes_given(work, isolation_probe_flip(probe, id)))
            viability_report(work, FINDING_ASSUMED_ACS, SEVERITY_NOTE, id, NONE);
    }
    isolation_probe_free(probe);
}

static void note_given(struct viability_work *work, uint32_t given)
{
    const struct pci_function *function = &work->topology->functions[given];
    if (work->groups->decisions[given].group == NONE)
        return;
    uint32_t hit =
        resets_alone(function) || function_is_bridge(function) ? NONE : hit_by_reset(work, function);
    if (hit != NONE)
        viability_report(work, FINDING_RESET, SEVERITY_NOTE, given, hit);
    if (function->is_vf && function->pf_id != NONE) {
        const struct pci_function *pf = &work->topology->functions[function->pf_id];
        if (driver_class_of(viability_driver(work, pf)) == DRIVER_CLASS_VFIO)
            viability_report(work, FINDING_VF_TOKEN, SEVERITY_NOTE, given, pf->id);
    }
}

void viability_find_notes(struct viability_work *work)
{
    for (uint32_t i = 0; i < work->affected_count; i++) {
        const struct viability_group *group = &work->affected[i];
        for (uint32_t j = 0; j < group->member_count; j++) {
            if (group->members[j].class == DRIVER_CLASS_STUB && group->members[j].role != ROLE_GIVEN)
                viability_report(work, FINDING_STUB, SEVERITY_WARNING, group->members[j].function_id, NONE);
        }
    }
    for (uint32_t i = 0; i < work->question->given_count; i++)
        note_given(work, work->question->given[i]);
    note_assumptions(work);
    if (kernel_cmdline_overrides_acs(&work->groups->platform.cmdline))
        viability_report(work, FINDING_OVERRIDE, SEVERITY_WARNING, NONE, NONE);
}
