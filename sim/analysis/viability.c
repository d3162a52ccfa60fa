/* SPDX-License-Identifier: MIT */
/* Roles of members first, then what refuses a group whatever is bound, then the verdict. Leaks, sharing and
 * notes stand in viability_hazards.c, words in viability_words.c. */
#include "sim/analysis/viability.h"

#include "sim/analysis/dma_alias.h"
#include "sim/analysis/viability_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_kvm(const struct viability_work *work)
{
    return work->question->rule == VIABILITY_LEGACY_KVM;
}

const char *viability_driver(const struct viability_work *work, const struct pci_function *function)
{
    const char *driver = work->question->drivers[function->id];
    /* Functions behind a VMD are there because its driver runs. */
    return driver || !work->carries[function->id] ? driver : "vmd";
}

struct viability_finding *viability_report(struct viability_work *work, enum finding_kind kind,
                                           enum finding_severity severity, uint32_t function_id,
                                           uint32_t other_id)
{
    work->findings =
        memory_grow(work->findings, work->finding_count, &work->finding_capacity, sizeof(*work->findings));
    struct viability_finding *finding = &work->findings[work->finding_count++];
    uint32_t number = function_id == NONE ? NONE : work->groups->decisions[function_id].group;
    *finding = (struct viability_finding){.kind = kind,
                                          .severity = severity,
                                          .function_id = function_id,
                                          .other_id = other_id,
                                          .group = number == NONE ? NONE : work->group_at[number]};
    return finding;
}

static bool is_port(const struct pci_function *function)
{
    return function_is_type(function, PCIE_ROOT_PORT) || function_is_type(function, PCIE_UPSTREAM_PORT) ||
           function_is_type(function, PCIE_DOWNSTREAM_PORT) ||
           function_is_type(function, PCIE_RC_EVENT_COLLECTOR);
}

/* Ports have pcieport or nothing; other bridges have nothing, but for the rare shpchp. */
static enum driver_class assume_class(const struct pci_function *function)
{
    if (is_port(function))
        return DRIVER_CLASS_PORT;
    return function_is_bridge(function) ? DRIVER_CLASS_NONE : DRIVER_CLASS_UNKNOWN;
}

/* Does a driver of this class hold the group for the host? */
static bool class_blocks(const struct viability_work *work, const struct pci_function *function,
                         enum driver_class class)
{
    if (work->question->rule == VIABILITY_PRE_5_18)
        return function->header_type == 0 && (class == DRIVER_CLASS_HOST || class == DRIVER_CLASS_PORT);
    return class == DRIVER_CLASS_HOST;
}

static bool has_vfs(const struct viability_work *work, const struct pci_function *function)
{
    if (function->sriov.present && function->sriov.enabled && function->sriov.num_vfs)
        return true;
    for (uint32_t id = 0; id < work->topology->function_count; id++) {
        if (work->topology->functions[id].is_vf && work->topology->functions[id].pf_id == function->id)
            return true;
    }
    return false;
}

/* The function that must be driven for this one to exist: the PF of a VF, the VMD endpoint. NULL: none. */
static const struct pci_function *carrier(const struct viability_work *work,
                                          const struct pci_function *function)
{
    const struct pci_function *real = dma_alias_real_function(work->topology, function);
    if (real != function)
        return real;
    return function->is_vf && function->pf_id != NONE ? &work->topology->functions[function->pf_id] : NULL;
}

/* A given function would be lost with the driver of @p function. */
static bool carries_given(const struct viability_work *work, const struct pci_function *function)
{
    for (uint32_t i = 0; i < work->question->given_count; i++) {
        if (carrier(work, &work->topology->functions[work->question->given[i]]) == function)
            return true;
    }
    return false;
}

static enum member_fix fix_for(const struct viability_work *work, const struct pci_function *function)
{
    if (carries_given(work, function))
        return FIX_IMPOSSIBLE;
    if (function_is_bridge(function))
        return FIX_UNBIND;
    return has_vfs(work, function) ? FIX_DISABLE_VFS : FIX_BIND;
}

static void judge_given(const struct viability_work *work, struct viability_member *member)
{
    const struct pci_function *function = &work->topology->functions[member->function_id];
    enum driver_class wanted = is_kvm(work) ? DRIVER_CLASS_STUB : DRIVER_CLASS_VFIO;
    member->role = ROLE_GIVEN;
    if (member->class == wanted)
        member->fix = FIX_NONE;
    else if (function_is_bridge(function) || carries_given(work, function))
        member->fix = FIX_IMPOSSIBLE;
    else
        member->fix = !is_kvm(work) && has_vfs(work, function) ? FIX_DISABLE_VFS : FIX_BIND;
}

static struct viability_member judge_member(const struct viability_work *work, uint32_t function_id)
{
    const struct pci_function *function = &work->topology->functions[function_id];
    const struct pci_function *above = carrier(work, function);
    struct viability_member member = {.function_id = function_id, .driver = viability_driver(work, function)};
    member.class = driver_class_of(member.driver);
    if (member.class == DRIVER_CLASS_UNKNOWN) {
        member.class = assume_class(function);
        member.assumed = member.class != DRIVER_CLASS_UNKNOWN;
    }
    if (work->given[function_id]) {
        judge_given(work, &member);
    } else if (is_kvm(work)) {
        member.role = ROLE_OUTSIDE;
    } else if (above && work->given[above->id]) {
        member.role = ROLE_VANISHES;
    } else if (member.class == DRIVER_CLASS_UNKNOWN) {
        member.role = ROLE_UNKNOWN;
        member.fix = fix_for(work, function);
    } else if (class_blocks(work, function, member.class)) {
        member.role = ROLE_BLOCKS;
        member.fix = fix_for(work, function);
    } else {
        member.role =
            member.class == DRIVER_CLASS_NONE && !function_is_bridge(function) ? ROLE_UNBOUND : ROLE_KEEPS;
    }
    return member;
}

static void note_interrupts(const struct iommu_unit *unit, bool *absent, bool *unknown)
{
    *absent |= unit->interrupt_remapping == KNOWN_ABSENT;
    *unknown |= unit->interrupt_remapping == UNKNOWN;
}

/* On x86 all units remap interrupts or none does: the kernel gives up where one cannot. */
static enum interrupt_isolation interrupts_of(const struct viability_work *work,
                                              const struct iommu_group *group)
{
    const struct iommu_groups *groups = work->groups;
    const struct iommu_coverage *coverage = groups->coverage;
    bool x86 = groups->platform.kind != IOMMU_SMMUV3;
    if (x86 && groups->platform.cmdline.interrupt_remapping == GIVEN_OFF)
        return INTERRUPTS_OPEN;
    bool absent = false, unknown = false;
    for (uint32_t i = 0; x86 && i < coverage->unit_count; i++)
        note_interrupts(&coverage->units[i], &absent, &unknown);
    for (uint32_t i = 0; !x86 && i < group->member_count; i++) {
        uint32_t unit = coverage->functions[group->members[i]].unit;
        if (unit != NONE)
            note_interrupts(&coverage->units[unit], &absent, &unknown);
    }
    return absent ? INTERRUPTS_OPEN : unknown ? INTERRUPTS_ASSUMED : INTERRUPTS_ISOLATED;
}

static void report_interrupts(struct viability_work *work, const struct viability_group *group)
{
    bool allowed =
        work->question->unsafe_interrupts || work->groups->platform.cmdline.unsafe_interrupts == GIVEN_ON;
    if (group->interrupts == INTERRUPTS_ASSUMED)
        viability_report(work, FINDING_INTERRUPTS_GUESS, SEVERITY_NOTE, group->first_given, NONE);
    else if (group->interrupts == INTERRUPTS_OPEN && allowed)
        viability_report(work, FINDING_INTERRUPTS_RISK, SEVERITY_WARNING, group->first_given, NONE);
    else if (group->interrupts == INTERRUPTS_OPEN)
        viability_report(work, FINDING_INTERRUPTS, SEVERITY_FATAL, group->first_given, NONE);
}

/* Direct regions, each stated one once a group. */
struct region_search {
    struct viability_work *work;
    uint32_t function_id;
    size_t first; /* findings before it are about other groups */
};

static bool rule_refuses_direct(const struct viability_work *work, uint32_t function_id)
{
    const struct iommu_coverage *coverage = work->groups->coverage;
    return work->question->rule == VIABILITY_MODERN ||
           coverage->units[coverage->functions[function_id].unit].kind == IOMMU_VT_D;
}

static void visit_region(void *data, const struct group_region *region, const struct reserved_region *stated)
{
    struct region_search *search = data;
    struct viability_work *work = search->work;
    if (!stated || (region->type != REGION_DIRECT && region->type != REGION_DIRECT_RELAXABLE))
        return;
    enum finding_kind kind = FINDING_RELAXABLE;
    enum finding_severity severity = SEVERITY_NOTE;
    if (region->type == REGION_DIRECT) {
        bool refused = rule_refuses_direct(work, search->function_id);
        kind = refused ? FINDING_DIRECT : FINDING_DIRECT_IGNORED;
        severity = refused ? SEVERITY_FATAL : SEVERITY_WARNING;
    }
    for (size_t i = search->first; i < work->finding_count; i++) {
        if (work->findings[i].kind == kind && work->findings[i].region.start == region->start)
            return;
    }
    viability_report(work, kind, severity, search->function_id, NONE)->region = *region;
}

static void report_regions(struct viability_work *work, const struct viability_group *group)
{
    struct region_search search = {.work = work, .first = work->finding_count};
    for (uint32_t i = 0; i < group->member_count; i++) {
        search.function_id = group->members[i].function_id;
        /* Legacy assignment attaches one function, VFIO all of the group. */
        if (!is_kvm(work) || work->given[search.function_id])
            reserved_regions_visit(work->groups, search.function_id, visit_region, &search);
    }
}

static void report_members(struct viability_work *work, const struct viability_group *group)
{
    for (uint32_t i = 0; i < group->member_count; i++) {
        const struct viability_member *member = &group->members[i];
        const struct pci_function *function = &work->topology->functions[member->function_id];
        const struct pci_function *above = carrier(work, function);
        if (member->role == ROLE_BLOCKS && member->fix != FIX_IMPOSSIBLE)
            viability_report(work, FINDING_BLOCKER, SEVERITY_FATAL, function->id, NONE);
        else if (member->role == ROLE_UNKNOWN && member->fix != FIX_IMPOSSIBLE)
            viability_report(work, FINDING_UNKNOWN_DRIVER, SEVERITY_OPEN, function->id, NONE);
        if (member->role != ROLE_GIVEN)
            continue;
        if (function_is_bridge(function))
            viability_report(work, FINDING_BRIDGE, SEVERITY_FATAL, function->id, NONE);
        if (above && work->given[above->id])
            viability_report(work, FINDING_VF_AND_PF, SEVERITY_FATAL, function->id, above->id);
        else if (member->fix == FIX_DISABLE_VFS)
            viability_report(work, FINDING_VFS_ENABLED, SEVERITY_FATAL, function->id, NONE);
    }
}

/* Given functions that hang on a member whose driver holds the group. */
static void report_carriers(struct viability_work *work, const struct viability_group *group)
{
    for (uint32_t i = 0; i < group->member_count; i++) {
        const struct viability_member *member = &group->members[i];
        if (member->fix != FIX_IMPOSSIBLE || member->role == ROLE_GIVEN)
            continue;
        for (uint32_t j = 0; j < work->question->given_count; j++) {
            const struct pci_function *given = &work->topology->functions[work->question->given[j]];
            const struct pci_function *above = carrier(work, given);
            if (above && above->id == member->function_id)
                viability_report(work, FINDING_CARRIER,
                                 member->role == ROLE_BLOCKS ? SEVERITY_FATAL : SEVERITY_OPEN, given->id,
                                 above->id);
        }
    }
}

/* What is said as long as nobody has bound the given functions, once a group. */
static void report_not_bound(struct viability_work *work, const struct viability_group *group)
{
    for (uint32_t i = 0; i < group->member_count; i++) {
        const struct viability_member *member = &group->members[i];
        if (member->role != ROLE_GIVEN || (member->fix != FIX_BIND && member->fix != FIX_DISABLE_VFS))
            continue;
        /* Legacy assignment takes a function nobody drives. */
        if (is_kvm(work) && member->class != DRIVER_CLASS_HOST)
            continue;
        viability_report(work, FINDING_NOT_BOUND, SEVERITY_NOTE, member->function_id, NONE);
        return;
    }
}

/* The kernel's own answer before anything is bound. */
static enum viability_verdict judge_now(const struct viability_work *work,
                                        const struct viability_group *group)
{
    enum viability_verdict now = VERDICT_VIABLE;
    for (uint32_t i = 0; i < group->member_count && !is_kvm(work); i++) {
        const struct viability_member *member = &group->members[i];
        if (class_blocks(work, &work->topology->functions[member->function_id], member->class))
            return VERDICT_NOT_VIABLE;
        if (member->class == DRIVER_CLASS_UNKNOWN)
            now = VERDICT_DEPENDS;
    }
    return now;
}

/* To free a PF its VFs are removed; with the driver of a VMD go the functions behind it. */
static void mark_vanishing(const struct viability_work *work, struct viability_member *members,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct pci_function *above = carrier(work, &work->topology->functions[members[i].function_id]);
        for (uint32_t j = 0; j < count && above && members[i].role != ROLE_GIVEN; j++) {
            if (members[j].function_id != above->id || members[j].role != ROLE_BLOCKS ||
                members[j].fix == FIX_IMPOSSIBLE)
                continue;
            members[i].role = ROLE_VANISHES;
            members[i].fix = FIX_NONE;
        }
    }
}

static void judge_group(struct viability_work *work, struct viability_group *group)
{
    const struct iommu_group *formed = &work->groups->groups[group->number];
    struct viability_member *members = arena_array(work->arena, formed->member_count, sizeof(*members));
    group->member_count = formed->member_count;
    group->members = members;
    group->first_given = NONE;
    for (uint32_t i = 0; i < formed->member_count; i++) {
        members[i] = judge_member(work, formed->members[i]);
        if (members[i].role == ROLE_GIVEN && group->first_given == NONE)
            group->first_given = formed->members[i];
    }
    mark_vanishing(work, members, formed->member_count);
    group->interrupts = interrupts_of(work, formed);
    group->now = judge_now(work, group);
    report_members(work, group);
    report_carriers(work, group);
    report_regions(work, group);
    report_interrupts(work, group);
    report_not_bound(work, group);
}

/* Which groups are asked about; functions without one are refused at once. */
static void collect_groups(struct viability_work *work)
{
    const struct iommu_groups *groups = work->groups;
    bool *wanted = arena_array(work->arena, groups->group_count, sizeof(*wanted));
    for (uint32_t i = 0; i < work->question->given_count; i++) {
        uint32_t id = work->question->given[i];
        work->given[id] = work->inside[id] = true;
        if (groups->decisions[id].group != NONE)
            wanted[groups->decisions[id].group] = true;
        else
            viability_report(work, FINDING_NO_GROUP, SEVERITY_FATAL, id, NONE);
    }
    work->affected = arena_array(work->arena, groups->group_count, sizeof(*work->affected));
    for (uint32_t number = 0; number < groups->group_count; number++) {
        work->group_at[number] = NONE;
        if (!wanted[number])
            continue;
        work->group_at[number] = work->affected_count;
        work->affected[work->affected_count++].number = number;
        const struct iommu_group *group = &groups->groups[number];
        for (uint32_t i = 0; i < group->member_count && !is_kvm(work); i++)
            work->inside[group->members[i]] = true;
    }
}

static int compare_findings(const void *left, const void *right)
{
    const struct viability_finding *a = left, *b = right;
    if (a->severity != b->severity)
        return a->severity < b->severity ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->function_id != b->function_id)
        return a->function_id < b->function_id ? -1 : 1;
    if (a->other_id != b->other_id)
        return a->other_id < b->other_id ? -1 : 1;
    return (a->region.start > b->region.start) - (a->region.start < b->region.start);
}

static void take(enum viability_verdict *verdict, enum finding_severity severity)
{
    if (severity == SEVERITY_FATAL)
        *verdict = VERDICT_NOT_VIABLE;
    else if (severity == SEVERITY_OPEN && *verdict == VERDICT_VIABLE)
        *verdict = VERDICT_DEPENDS;
}

static void conclude(struct viability_work *work, struct viability *answer)
{
    qsort(work->findings, work->finding_count, sizeof(*work->findings), compare_findings);
    for (size_t i = 0; i < work->finding_count; i++) {
        const struct viability_finding *finding = &work->findings[i];
        take(&answer->verdict, finding->severity);
        if (finding->group != NONE)
            take(&work->affected[finding->group].verdict, finding->severity);
    }
    struct viability_finding *findings = arena_array(work->arena, work->finding_count, sizeof(*findings));
    struct viability_leak *leaks = arena_array(work->arena, work->leak_count, sizeof(*leaks));
    if (work->finding_count)
        memcpy(findings, work->findings, work->finding_count * sizeof(*findings));
    if (work->leak_count)
        memcpy(leaks, work->leaks, work->leak_count * sizeof(*leaks));
    free(work->findings);
    free(work->leaks);
    answer->affected = work->affected;
    answer->affected_count = work->affected_count;
    answer->findings = findings;
    answer->finding_count = (uint32_t)work->finding_count;
    answer->leaks = leaks;
    answer->leak_count = (uint32_t)work->leak_count;
}

struct viability *viability_find(const struct iommu_groups *groups, const struct viability_question *question,
                                 struct arena *arena)
{
    const struct topology *topology = groups->topology;
    struct viability *answer = arena_alloc(arena, sizeof(*answer));
    struct viability_work work = {
        .groups = groups,
        .topology = topology,
        .question = question,
        .arena = arena,
        .given = arena_array(arena, topology->function_count, sizeof(bool)),
        .inside = arena_array(arena, topology->function_count, sizeof(bool)),
        .carries = arena_array(arena, topology->function_count, sizeof(bool)),
        .group_at = arena_array(arena, groups->group_count, sizeof(uint32_t)),
    };
    answer->groups = groups;
    answer->question = *question;
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *real = dma_alias_real_function(topology, &topology->functions[id]);
        if (real->id != id)
            work.carries[real->id] = true;
    }
    collect_groups(&work);
    for (uint32_t i = 0; i < work.affected_count; i++)
        judge_group(&work, &work.affected[i]);
    if (question->rule == VIABILITY_LEGACY_KVM)
        viability_find_sharing(&work);
    else
        viability_find_notes(&work);
    if (!question->without_leaks)
        viability_find_leaks(&work);
    conclude(&work, answer);
    return answer;
}

const char **viability_drivers(const struct topology *topology, struct arena *arena)
{
    const char **drivers = arena_array(arena, topology->function_count, sizeof(*drivers));
    for (uint32_t id = 0; id < topology->function_count; id++)
        drivers[id] = topology->functions[id].driver;
    return drivers;
}

static const char *const rule_names[] = {
    [VIABILITY_MODERN] = "modern",
    [VIABILITY_PRE_5_18] = "pre-5.18",
    [VIABILITY_LEGACY_KVM] = "legacy-kvm",
};

const char *viability_rule_name(enum viability_rule rule)
{
    return rule_names[rule];
}

bool viability_rule_parse(const char *text, enum viability_rule *rule)
{
    for (size_t i = 0; i < sizeof(rule_names) / sizeof(rule_names[0]); i++) {
        if (strcmp(text, rule_names[i]) == 0) {
            *rule = (enum viability_rule)i;
            return true;
        }
    }
    return false;
}

const char *viability_verdict_name(enum viability_verdict verdict)
{
    static const char *const names[] = {
        [VERDICT_VIABLE] = "viable", [VERDICT_DEPENDS] = "depends", [VERDICT_NOT_VIABLE] = "not-viable"};
    return names[verdict];
}
