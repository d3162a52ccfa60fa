/* SPDX-License-Identifier: MIT */
#include "sim/analysis/isolation_guess.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { VENDOR_AMD = 0x1022 };

enum place { ROOT_PORT, DOWNSTREAM_PORT, ROOT_BUS, AMD_SOC, LINK };

static const struct {
    uint16_t vendor, device;
    bool isolated;
    uint16_t apart, together, with_acs, without_acs;
} seen[] = {
#define ISOLATION_SEEN(vendor, device, isolated, apart, together, with_acs, without_acs)                     \
    {vendor, device, isolated, apart, together, with_acs, without_acs},
#define ISOLATION_SEEN_BESIDE(vendor, device, beside_vendor, beside_device, isolated, apart, together)
#include "sim/analysis/isolation_seen.def"
#undef ISOLATION_SEEN
#undef ISOLATION_SEEN_BESIDE
};

static const struct {
    uint16_t vendor, device, beside_vendor, beside_device;
    bool isolated;
    uint16_t apart, together;
} seen_beside[] = {
#define ISOLATION_SEEN(vendor, device, isolated, apart, together, with_acs, without_acs)
#define ISOLATION_SEEN_BESIDE(vendor, device, beside_vendor, beside_device, isolated, apart, together)       \
    {vendor, device, beside_vendor, beside_device, isolated, apart, together},
#include "sim/analysis/isolation_seen.def"
#undef ISOLATION_SEEN
#undef ISOLATION_SEEN_BESIDE
};

static const struct {
    uint16_t vendor, first, last;
    uint16_t class_; /* base class and sub-class; 0 any */
    enum place place;
    bool isolated;
    const char *what;
} families[] = {
#define ISOLATION_FAMILY(vendor, first, last, class_, place, isolated, what)                                 \
    {vendor, first, last, class_, place, isolated, what},
#include "sim/analysis/isolation_families.def"
#undef ISOLATION_FAMILY
};

bool isolation_hidden(const struct pci_function *function)
{
    return function->pcie_unknown || (function->pcie && function->acs_unknown);
}

/* Functions of an AMD processor share one slot below a port of its own, with one of AMD's among them and no
 * switch: what a card or the chipset looks like. */
static bool is_amd_soc(const struct topology *topology, const struct pci_function *function,
                       const struct pci_function *parent)
{
    const struct pci_bus *bus = &topology->buses[function->bus_id];
    bool of_amd = false;
    if (!parent || parent->vendor != VENDOR_AMD || !function_is_type(parent, PCIE_ROOT_PORT))
        return false;
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &topology->functions[bus->functions[i]];
        if (pci_slot(other->devfn) != pci_slot(function->devfn))
            continue;
        if (function_is_bridge(other))
            return false;
        of_amd |= other->vendor == VENDOR_AMD;
    }
    return of_amd;
}

static bool stands_at(const struct topology *topology, const struct pci_function *function, enum place place)
{
    const struct pci_function *parent = topology_parent(topology, function);
    bool port = function_is_bridge(function);
    switch (place) {
    case ROOT_PORT:
        return function_is_type(function, PCIE_ROOT_PORT);
    case DOWNSTREAM_PORT:
        return function_is_type(function, PCIE_DOWNSTREAM_PORT);
    case ROOT_BUS:
        return !port && !parent;
    case AMD_SOC:
        return is_amd_soc(topology, function, parent);
    case LINK:
        return !port && parent;
    }
    return false;
}

static struct isolation_guess guess_family(const struct topology *topology,
                                           const struct pci_function *function)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (families[i].vendor != function->vendor || function->device < families[i].first ||
            function->device > families[i].last ||
            (families[i].class_ && families[i].class_ != function->class_code >> 8) ||
            !stands_at(topology, function, families[i].place))
            continue;
        return (struct isolation_guess){
            .isolated = families[i].isolated, .ground = ISOLATION_BY_FAMILY, .family = families[i].what};
    }
    return (struct isolation_guess){.ground = ISOLATION_BY_NOTHING};
}

static bool machine_has(const struct topology *topology, uint16_t vendor, uint16_t device)
{
    for (uint32_t i = 0; i < topology->function_count; i++) {
        if (topology->functions[i].vendor == vendor && topology->functions[i].device == device)
            return true;
    }
    return false;
}

static bool guess_seen(const struct topology *topology, const struct pci_function *function,
                       struct isolation_guess *guess)
{
    for (size_t i = 0; i < sizeof(seen_beside) / sizeof(seen_beside[0]); i++) {
        if (seen_beside[i].vendor != function->vendor || seen_beside[i].device != function->device ||
            !machine_has(topology, seen_beside[i].beside_vendor, seen_beside[i].beside_device))
            continue;
        *guess = (struct isolation_guess){
            .isolated = seen_beside[i].isolated,
            .ground = ISOLATION_BY_ID,
            .apart = seen_beside[i].apart,
            .together = seen_beside[i].together,
        };
        return true;
    }
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        if (seen[i].vendor != function->vendor || seen[i].device != function->device)
            continue;
        *guess = (struct isolation_guess){
            .isolated = seen[i].isolated,
            .ground = ISOLATION_BY_ID,
            .apart = seen[i].apart,
            .together = seen[i].together,
            .with_acs = seen[i].with_acs,
            .without_acs = seen[i].without_acs,
        };
        return true;
    }
    return false;
}

struct isolation_guess isolation_guess(const struct topology *topology, const struct pci_function *function,
                                       enum isolation_policy policy)
{
    if (function->acs.present)
        return (struct isolation_guess){.isolated = true, .ground = ISOLATION_BY_NAME};
    if (policy != ISOLATION_TABLE)
        return (struct isolation_guess){.isolated = policy == ISOLATION_OPTIMISTIC,
                                        .ground = ISOLATION_BY_POLICY};
    struct isolation_guess guess;
    if (guess_seen(topology, function, &guess))
        return guess;
    return guess_family(topology, function);
}

char *isolation_ground_print(char *text, const struct isolation_guess *guess)
{
    switch (guess->ground) {
    case ISOLATION_BY_NAME:
        snprintf(text, ISOLATION_GROUND_TEXT, "the input names an ACS capability, not its bits");
        break;
    case ISOLATION_BY_ID:
        if (guess->with_acs + guess->without_acs)
            snprintf(text, ISOLATION_GROUND_TEXT,
                     "its id was seen apart %u times, together %u times; full dumps show ACS on %u of %u",
                     guess->apart, guess->together, guess->with_acs, guess->with_acs + guess->without_acs);
        else
            snprintf(text, ISOLATION_GROUND_TEXT, "its id was seen apart %u times, together %u times",
                     guess->apart, guess->together);
        break;
    case ISOLATION_BY_FAMILY:
        snprintf(text, ISOLATION_GROUND_TEXT, "by its family: %s", guess->family);
        break;
    case ISOLATION_BY_NOTHING:
        snprintf(text, ISOLATION_GROUND_TEXT, "nothing is known of its id");
        break;
    case ISOLATION_BY_POLICY:
        snprintf(text, ISOLATION_GROUND_TEXT, "as asked for");
        break;
    }
    return text;
}

const char *isolation_ground_name(enum isolation_ground ground)
{
    static const char *const names[] = {
        [ISOLATION_BY_NAME] = "named",    [ISOLATION_BY_ID] = "id",
        [ISOLATION_BY_FAMILY] = "family", [ISOLATION_BY_NOTHING] = "nothing",
        [ISOLATION_BY_POLICY] = "policy",
    };
    return names[ground];
}

static const char *const policies[] = {
    [ISOLATION_TABLE] = "table",
    [ISOLATION_PESSIMISTIC] = "pessimistic",
    [ISOLATION_OPTIMISTIC] = "optimistic",
};

const char *isolation_policy_name(enum isolation_policy policy)
{
    return policies[policy];
}

bool isolation_policy_parse(const char *text, enum isolation_policy *policy)
{
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        if (strcmp(text, policies[i]) == 0) {
            *policy = (enum isolation_policy)i;
            return true;
        }
    }
    return false;
}
