/* SPDX-License-Identifier: MIT */
#include "sim/analysis/interrupt_reach.h"

#include "sim/analysis/dma_alias.h"
#include "sim/analysis/reach_identity.h"
#include "sim/base/arena.h"

enum { INTERRUPT_WINDOW = 0xfee00000 };

static enum interrupt_state find_state(const struct iommu_groups *groups, uint32_t *lacking)
{
    const struct iommu_platform *platform = &groups->platform;
    const struct iommu_coverage *coverage = groups->coverage;
    if (platform->kind == IOMMU_NONE)
        return INTERRUPT_NO_UNIT;
    if (iommu_platform_interrupts_switched_off(platform))
        return INTERRUPT_SWITCHED_OFF;
    bool known = true;
    for (uint32_t i = 0; i < coverage->unit_count; i++) {
        if (coverage->units[i].interrupt_remapping == KNOWN_ABSENT) {
            *lacking = i;
            return INTERRUPT_UNIT_LACKS;
        }
        known &= coverage->units[i].interrupt_remapping == KNOWN_PRESENT;
    }
    if (iommu_platform_interrupts_any_source(platform))
        return INTERRUPT_ANY_SOURCE;
    return known ? INTERRUPT_REMAPPED : INTERRUPT_REMAPPED_ASSUMED;
}

/** The aliases of a function, as the kernel's set_msi_sid() counts them. */
struct alias_count {
    const struct pci_function *owner; /**< of the last one */
    uint32_t segment;
    uint16_t last;
    uint8_t bus; /**< of the function */
    unsigned count, on_bus;
};

static bool count_alias(void *data, const struct dma_alias *alias)
{
    struct alias_count *aliases = data;
    aliases->owner = alias->owner;
    aliases->segment = alias->segment;
    aliases->last = alias->requester_id;
    aliases->count++;
    aliases->on_bus += alias->requester_id >> 8 == aliases->bus;
    return false;
}

static void check_buses(struct interrupt_function *function, uint8_t first, uint8_t last)
{
    function->check = INTERRUPT_CHECK_BUSES;
    function->first = pci_requester_id(first, 0);
    function->last = pci_requester_id(last, 0xff);
}

static void check_id(struct interrupt_function *function, uint16_t id)
{
    function->check = INTERRUPT_CHECK_ID;
    function->first = function->last = id;
}

/* What the VT-d driver writes into an entry of @p device. */
static void check_as_vt_d(struct interrupt_function *function, const struct pci_function *device,
                          const struct alias_count *aliases)
{
    uint8_t alias_bus = (uint8_t)(aliases->last >> 8);
    if (alias_bus != aliases->owner->bus)
        check_buses(function, alias_bus, device->bus);
    else if (aliases->count >= 2 && aliases->on_bus == aliases->count)
        check_buses(function, device->bus, device->bus);
    else if (alias_bus != device->bus)
        check_id(function, aliases->last);
    else
        check_id(function, pci_requester_id(device->bus, device->devfn));
}

static void find_check(const struct interrupts *interrupts, const struct pci_function *device,
                       struct interrupt_function *function)
{
    const struct iommu_groups *groups = interrupts->groups;
    struct alias_count aliases = {.bus = device->bus};
    /* Functions no unit covers are beyond remapping, except where DMA remapping alone is off. */
    enum coverage_reason reason = groups->coverage->functions[device->id].reason;
    function->outside = reason != COVERED && reason != UNCOVERED_SWITCHED_OFF;
    const struct pci_function *real = dma_alias_real_function(groups->topology, device);
    aliases.bus = real->bus;
    dma_alias_walk(groups->topology, device, count_alias, &aliases);
    function->segment = aliases.segment;
    if (interrupts->state > INTERRUPT_REMAPPED_ASSUMED || function->outside)
        function->check = INTERRUPT_CHECK_NOTHING;
    else if (groups->platform.kind == IOMMU_VT_D)
        check_as_vt_d(function, real, &aliases);
    else /* the table of the id its writes arrive with */
        check_id(function, aliases.last);
}

static void find_writes(const struct interrupts *interrupts, uint32_t id, struct interrupt_function *function)
{
    struct reach_request request = reach_request(interrupts->reach, id, TRANSACTION_MEMORY_WRITE);
    request.transaction.address = INTERRUPT_WINDOW;
    struct reach_result result = reach_follow(interrupts->reach, &request, NULL, 0);
    function->writes = result.rule == RULE_MSI_WINDOW && result.outcome != REACH_BLOCKED &&
                       result.outcome != REACH_REDIRECT_BLOCKED;
    function->rule = result.rule;
    function->at_id = result.at_id;
    function->requester_id = result.requester_id;
    function->arrival_segment = result.segment;
}

struct interrupts *interrupts_new(struct arena *arena, const struct iommu_groups *groups,
                                  const struct reach *reach)
{
    const struct topology *topology = groups->topology;
    struct interrupts *interrupts = arena_alloc(arena, sizeof(*interrupts));
    *interrupts = (struct interrupts){.groups = groups, .reach = reach, .lacking_unit = NONE};
    interrupts->state = find_state(groups, &interrupts->lacking_unit);
    interrupts->functions = arena_array(arena, topology->function_count, sizeof(*interrupts->functions));
    interrupts->alike = reach_alike_new(arena, reach);
    interrupts->forging = arena_array(arena, (size_t)interrupts->alike->count * interrupts->alike->count, 1);
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *device = &topology->functions[id];
        struct interrupt_function *function = &interrupts->functions[id];
        function->sends =
            reach_issues(device) && groups->coverage->functions[id].reason != UNCOVERED_IOMMU_ITSELF;
        function->has_vectors = function->sends || (device->pcie && function_is_bridge(device));
        find_check(interrupts, device, function);
        function->at_id = NONE;
        if (function->sends)
            find_writes(interrupts, id, function);
    }
    return interrupts;
}

/** May @p source_id pass for @p victim_id? The answer for functions like them is the same. */
static bool forges(const struct interrupts *interrupts, uint32_t source_id, uint32_t victim_id)
{
    enum { NO = 1, YES = 2 };
    const struct reach_alike *alike = interrupts->alike;
    uint8_t *known =
        &interrupts->forging[(size_t)alike->class_of[source_id] * alike->count + alike->class_of[victim_id]];
    const struct pci_function *functions = interrupts->groups->topology->functions;
    uint32_t source_segment = functions[source_id].segment, victim_segment = functions[victim_id].segment;
    /* Units tell segments apart; only a VMD endpoint takes requests from one into another. */
    if (source_segment != victim_segment && source_segment <= UINT16_MAX && victim_segment <= UINT16_MAX)
        return false;
    if (source_segment != victim_segment)
        return reach_as(interrupts->reach, source_id, victim_id).outcome == REACH_REACHES;
    if (!*known)
        *known = reach_as(interrupts->reach, source_id, victim_id).outcome == REACH_REACHES ? YES : NO;
    return *known == YES;
}

enum interrupt_reach interrupts_ask(const struct interrupts *interrupts, uint32_t source_id,
                                    uint32_t victim_id)
{
    const struct interrupt_function *source = &interrupts->functions[source_id];
    const struct interrupt_function *victim = &interrupts->functions[victim_id];
    if (source_id == victim_id || !source->writes || !victim->has_vectors)
        return INTERRUPT_NEVER;
    /* Beyond remapping itself, the source raises what it likes, entries or not. */
    if (source->outside || !interrupts_remapped(interrupts) || interrupts->state == INTERRUPT_ANY_SOURCE)
        return victim->outside && !source->outside && interrupts_remapped(interrupts) ? INTERRUPT_NEVER
                                                                                      : INTERRUPT_AT_WILL;
    if (victim->outside)
        return INTERRUPT_NEVER;
    if (source->arrival_segment == victim->segment && source->requester_id >= victim->first &&
        source->requester_id <= victim->last)
        return INTERRUPT_BY_SHARING;
    return forges(interrupts, source_id, victim_id) ? INTERRUPT_BY_FORGING : INTERRUPT_NEVER;
}

const char *interrupt_state_name(enum interrupt_state state)
{
    static const char *const names[INTERRUPT_STATES] = {"remapped", "remapped-assumed", "any-source",
                                                        "no-unit",  "switched-off",     "unit-lacks"};
    return (unsigned)state < INTERRUPT_STATES ? names[state] : "unknown";
}

const char *interrupt_reach_name(enum interrupt_reach reach)
{
    static const char *const names[] = {"never", "forging", "sharing", "at-will"};
    return (unsigned)reach < sizeof(names) / sizeof(names[0]) ? names[reach] : "unknown";
}
