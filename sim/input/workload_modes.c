/* SPDX-License-Identifier: MIT */
/* What the kernel makes of the domains of a workload: their modes, and a domain for each group. */
#include "sim/base/arena.h"
#include "sim/input/workload_reader.h"

#include <inttypes.h>

/* Domains of devices no IOMMU translates work, but not as the user may think. */
static void warn_untranslated(const struct workload_reading *reading, const struct json_node *object,
                              const struct domain *domain)
{
    const struct workload_machine *machine = reading->machine;
    uint32_t count = 0, first = NONE;
    if (!machine->topology || !machine->translated)
        return;
    for (uint32_t i = 0; i < domain->function_count; i++) {
        if (machine->translated[domain->function_ids[i]])
            continue;
        first = count++ ? first : domain->function_ids[i];
    }
    if (!count || !translation_mode_translates(domain->mode))
        return;
    struct json_node given = json_member(object, "devices");
    if (json_is_string(&given) && count < domain->function_count)
        return; /* "all": a few that nobody thought of are no surprise */
    char address[BDF_TEXT_SIZE];
    const struct pci_function *function = &machine->topology->functions[first];
    struct json_node devices = json_member(object, "devices");
    bdf_print(address, function->segment, function->bus, function->devfn);
    if (count == 1)
        json_remark(&devices, DIAGNOSTIC_WARNING, "workload-not-translated",
                    "no IOMMU translates %s: its addresses are taken as physical", address);
    else
        json_remark(&devices, DIAGNOSTIC_WARNING, "workload-not-translated",
                    "no IOMMU translates %s and %" PRIu32 " more: their addresses are taken as physical",
                    address, count - 1);
}

/* The mode the kernel gives the groups of the domain's devices: all of them the same. */
static void choose_mode(const struct workload_reading *reading, const struct json_node *object,
                        struct domain *domain)
{
    const struct workload_machine *machine = reading->machine;
    const struct topology *topology = machine->topology;
    uint32_t first = NONE;
    domain->mode = machine->kernel_modes ? TRANSLATION_OFF : TRANSLATION_LAZY;
    for (uint32_t i = 0; i < domain->function_count && machine->kernel_modes; i++) {
        uint32_t id = domain->function_ids[i];
        if (machine->translated && !machine->translated[id])
            continue;
        enum translation_mode mode = machine->kernel_modes[id];
        if (first == NONE) {
            first = id;
            domain->mode = mode;
        } else if (mode != domain->mode) {
            char one[BDF_TEXT_SIZE], other[BDF_TEXT_SIZE];
            const struct pci_function *a = &topology->functions[first], *b = &topology->functions[id];
            struct json_node node = json_member(object, "mode");
            json_error(
                &node, "workload-mode",
                "the kernel's mode is \"%s\" for %s and \"%s\" for %s: put them into domains of their own",
                translation_mode_name(domain->mode), bdf_print(one, a->segment, a->bus, a->devfn),
                translation_mode_name(mode), bdf_print(other, b->segment, b->bus, b->devfn));
            return;
        }
    }
}

/* The kernel neither leaves the translations of a device that it does not trust for later nor lets it go
 * without (iommu_get_def_domain_type(), iommu_dma_init_fq() of drivers/iommu). */
static void be_strict_with_untrusted(const struct workload_reading *reading, const struct json_node *object,
                                     struct domain *domain)
{
    const struct workload_machine *machine = reading->machine;
    if ((domain->mode != TRANSLATION_LAZY && domain->mode != TRANSLATION_PASSTHROUGH) || domain->pasid ||
        !machine->topology)
        return;
    for (uint32_t i = 0; i < domain->function_count; i++) {
        uint32_t id = domain->function_ids[i];
        const struct pci_function *function = &machine->topology->functions[id];
        char address[BDF_TEXT_SIZE];
        if (!function->untrusted || (machine->translated && !machine->translated[id]))
            continue;
        struct json_node mode = json_member(object, "mode");
        json_remark(&mode, DIAGNOSTIC_WARNING, "workload-untrusted",
                    "%s is not trusted: the kernel makes its domain \"strict\", and so does this run, not "
                    "\"%s\"",
                    bdf_print(address, function->segment, function->bus, function->devfn),
                    translation_mode_name(domain->mode));
        domain->mode = TRANSLATION_STRICT;
        return;
    }
}

void settle_mode(struct workload_reading *reading, const struct json_node *object, struct domain *domain)
{
    if (domain->mode == TRANSLATION_KERNEL)
        choose_mode(reading, object, domain);
    be_strict_with_untrusted(reading, object, domain);
    warn_untranslated(reading, object, domain);
}

static bool same_group(const struct workload_machine *machine, uint32_t a, uint32_t b)
{
    return a == b || (machine->group_of && machine->group_of[a] != NONE &&
                      machine->group_of[a] == machine->group_of[b]);
}

/* The functions of the group of @p first that are in no domain yet. */
static void take_group(struct workload_reading *reading, struct domain *domain, uint32_t first)
{
    const struct topology *topology = reading->machine->topology;
    uint32_t count = 0;
    for (uint32_t f = first; f < topology->function_count; f++)
        count += same_group(reading->machine, first, f);
    domain->function_ids = arena_array(reading->workload->arena, count, sizeof(uint32_t));
    for (uint32_t f = first; f < topology->function_count; f++) {
        if (same_group(reading->machine, first, f) && topology->functions[f].header_type == 0 &&
            !domain_before(reading, domain, f))
            take_device(reading, domain, f);
    }
}

void spread_over_groups(struct workload_reading *reading, const struct json_node *object,
                        struct domain *domain)
{
    struct workload *workload = reading->workload;
    const struct topology *topology = reading->machine->topology;
    const struct domain common = *domain;
    for (uint32_t f = 0; topology && f < topology->function_count; f++) {
        const struct pci_function *function = &topology->functions[f];
        char address[BDF_TEXT_SIZE];
        if (function->header_type != 0 || domain_before(reading, &common, f))
            continue;
        if (domain->function_count) {
            domain = &workload->domains[workload->domain_count++];
            *domain = common;
        }
        domain->name = arena_format(workload->arena, "%s %s", common.name,
                                    bdf_print(address, function->segment, function->bus, function->devfn));
        take_group(reading, domain, f);
        settle_mode(reading, object, domain);
    }
}
