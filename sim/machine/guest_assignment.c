/* SPDX-License-Identifier: MIT */
#include "sim/machine/guest_assignment.h"

#include "sim/analysis/viability_words.h"
#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <inttypes.h>
#include <stdlib.h>

/* What KVM's own assignment asked about: the rest of what the analysis finds is what breaks, not a refusal.
 */
static bool refuses_legacy(enum finding_kind kind)
{
    return kind == FINDING_NO_GROUP || kind == FINDING_BRIDGE || kind == FINDING_DIRECT ||
           kind == FINDING_INTERRUPTS;
}

static const struct viability_finding *first_fatal(const struct viability *answer, bool legacy)
{
    for (uint32_t i = 0; i < answer->finding_count; i++) {
        const struct viability_finding *finding = &answer->findings[i];
        if (finding->severity == SEVERITY_FATAL && (!legacy || refuses_legacy(finding->kind)))
            return finding;
    }
    return NULL;
}

static void list_devices(const struct topology *topology, const struct domain *domain,
                         struct text_buffer *text)
{
    for (uint32_t i = 0; i < domain->function_count; i++) {
        const struct pci_function *function = &topology->functions[domain->function_ids[i]];
        char address[BDF_TEXT_SIZE];
        text_buffer_format(text, " %s",
                           bdf_print(address, function->segment, function->bus, function->devfn));
    }
}

static int check_viability(const struct iommu_groups *groups, const struct workload *workload,
                           const struct virtual_machine *guest, struct diagnostics *diagnostics)
{
    const struct domain *domain = &workload->domains[guest->domain];
    bool legacy = guest->assignment == ASSIGNMENT_LEGACY;
    struct arena *arena = arena_new();
    const struct viability_question question = {
        .rule = legacy ? VIABILITY_LEGACY_KVM : VIABILITY_MODERN,
        .given = domain->function_ids,
        .given_count = domain->function_count,
        .drivers = viability_drivers(groups->topology, arena),
        .without_leaks = true,
    };
    const struct viability *answer = viability_find(groups, &question, arena);
    const struct viability_finding *finding = first_fatal(answer, legacy);
    if (finding) {
        struct text_buffer text = {0}, devices = {0};
        viability_finding_text(answer, finding, &text);
        list_devices(groups->topology, domain, &devices);
        workload_report(workload, diagnostics, DIAGNOSTIC_ERROR, guest->pointer, "workload-guest-viability",
                        "\"%s\" cannot have its devices: %s; `iommusim viable%s MACHINE%s` says what to do",
                        guest->name, text_buffer_get(&text), legacy ? " --rule legacy-kvm" : "",
                        text_buffer_get(&devices));
        text_buffer_fini(&text);
        text_buffer_fini(&devices);
    }
    arena_free(arena);
    return finding ? STATUS_BAD_INPUT : 0;
}

/* ---- groups ---- */

/* The domain a function belongs to as far as VFIO looks; NONE where it is none's, or one's that VFIO does not
 * know of. */
static uint32_t *domains_of(const struct workload *workload, uint32_t functions)
{
    uint32_t *domain_of = memory_array(functions, sizeof(*domain_of));
    for (uint32_t f = 0; f < functions; f++)
        domain_of[f] = NONE;
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        const struct domain *domain = &workload->domains[d];
        for (uint32_t i = 0; i < domain->function_count && !domain->pasid; i++)
            domain_of[domain->function_ids[i]] = d;
    }
    return domain_of;
}

static bool is_vfio(const struct workload *workload, uint32_t domain)
{
    uint32_t number = workload->domains[domain].virtual_machine;
    return number && workload->virtual_machines[number - 1].assignment == ASSIGNMENT_VFIO;
}

static int check_group(const struct iommu_groups *groups, const struct workload *workload,
                       const struct iommu_group *group, const uint32_t *domain_of,
                       struct diagnostics *diagnostics)
{
    uint32_t first = NONE;
    for (uint32_t i = 0; i < group->member_count; i++) {
        uint32_t domain = domain_of[group->members[i]];
        if (domain == NONE)
            continue;
        if (first == NONE)
            first = i;
        uint32_t other = domain_of[group->members[first]];
        if (other == domain || (!is_vfio(workload, domain) && !is_vfio(workload, other)))
            continue;
        const struct pci_function *a = &groups->topology->functions[group->members[first]],
                                  *b = &groups->topology->functions[group->members[i]];
        char one[BDF_TEXT_SIZE], two[BDF_TEXT_SIZE];
        workload_report(
            workload, diagnostics, DIAGNOSTIC_ERROR,
            workload->domains[is_vfio(workload, domain) ? domain : other].pointer, "workload-guest-group",
            "%s of \"%s\" and %s of \"%s\" are in group %" PRIu32
            ": VFIO gives a group to one guest, and to the host nothing of it; `iommusim groups --explain` "
            "says "
            "why they are together",
            bdf_print(one, a->segment, a->bus, a->devfn), workload->domains[other].name,
            bdf_print(two, b->segment, b->bus, b->devfn), workload->domains[domain].name, group->number);
        return STATUS_BAD_INPUT;
    }
    return 0;
}

int guest_assignment_check(const struct iommu_groups *groups, const struct workload *workload,
                           struct diagnostics *diagnostics)
{
    int status = 0;
    if (!workload->virtual_machine_count)
        return 0;
    uint32_t *domain_of = domains_of(workload, groups->topology->function_count);
    for (uint32_t g = 0; g < groups->group_count; g++) {
        if (check_group(groups, workload, &groups->groups[g], domain_of, diagnostics) < 0)
            status = STATUS_BAD_INPUT;
    }
    free(domain_of);
    for (uint32_t i = 0; i < workload->virtual_machine_count && status == 0; i++) {
        const struct virtual_machine *guest = &workload->virtual_machines[i];
        if (workload->domains[guest->domain].function_count &&
            check_viability(groups, workload, guest, diagnostics) < 0)
            status = STATUS_BAD_INPUT;
    }
    return status;
}
