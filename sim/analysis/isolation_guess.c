/* SPDX-License-Identifier: MIT */
#include "sim/analysis/isolation_guess.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { VENDOR_AMD = 0x1022 };

enum place { ROOT_PORT, DOWNSTREAM_PORT, ROOT_BUS, AMD_SOC, LINK };

enum family_source { DUMPS, GROUPS, KERNEL, AGE };

static const char *const family_sources[] = {
    [DUMPS] = "full dumps",
    [GROUPS] = "published groups",
    [KERNEL] = "the kernel's lists",
    [AGE] = "its age",
};

static const struct seen {
    uint16_t vendor, device;
    uint16_t beside_vendor, beside_device;     /* 0: whatever stands beside */
    const char *isolated_on, *not_isolated_on; /* labels, blanks between */
    uint16_t dumps_isolated, dumps_not;
} seen[] = {
#define ISOLATION_SEEN(vendor, device, isolated_on, not_isolated_on, dumps_isolated, dumps_not)              \
    {vendor, device, 0, 0, isolated_on, not_isolated_on, dumps_isolated, dumps_not},
#define ISOLATION_SEEN_BESIDE(vendor, device, beside_vendor, beside_device, isolated_on, not_isolated_on)    \
    {vendor, device, beside_vendor, beside_device, isolated_on, not_isolated_on, 0, 0},
#include "sim/analysis/isolation_seen.def"
#undef ISOLATION_SEEN
#undef ISOLATION_SEEN_BESIDE
};

static const struct {
    const char *label, *name;
} machines[] = {
#define ISOLATION_MACHINE(label, name) {label, name},
#include "sim/analysis/isolation_machines.def"
#undef ISOLATION_MACHINE
};

static const struct family {
    uint16_t vendor, first, last;
    uint16_t class_; /* base class and sub-class; 0 any */
    enum place place;
    bool isolated;
    enum family_source source;
    const char *what;
} families[] = {
#define ISOLATION_FAMILY(vendor, first, last, class_, place, isolated, source, what)                         \
    {vendor, first, last, class_, place, isolated, source, what},
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

/* The first row that applies, or NULL. */
static const struct family *find_family(const struct topology *topology, const struct pci_function *function)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (families[i].vendor == function->vendor && function->device >= families[i].first &&
            function->device <= families[i].last &&
            (!families[i].class_ || families[i].class_ == function->class_code >> 8) &&
            stands_at(topology, function, families[i].place))
            return &families[i];
    }
    return NULL;
}

static struct isolation_guess guess_family(const struct family *family)
{
    if (!family)
        return (struct isolation_guess){.ground = ISOLATION_BY_NOTHING};
    return (struct isolation_guess){
        .isolated = family->isolated,
        .ground = ISOLATION_BY_FAMILY,
        .family = family->what,
        .source = family_sources[family->source],
    };
}

/* A family is a witness of its own unless it is all that a vendor makes. */
static int family_vote(const struct family *family)
{
    if (!family || (family->first == 0 && family->last == 0xffff && !family->class_))
        return 0;
    return family->isolated ? 1 : -1;
}

/* Labels in a list, but for one that is left out. */
static uint16_t count_labels(const char *list, const char *left_out)
{
    uint16_t count = 0;
    while (*list) {
        size_t length = strcspn(list, " ");
        if (!left_out || strlen(left_out) != length || strncmp(list, left_out, length) != 0)
            count++;
        list += length;
        list += strspn(list, " ");
    }
    return count;
}

static bool machine_has(const struct topology *topology, uint16_t vendor, uint16_t device)
{
    for (uint32_t i = 0; i < topology->function_count; i++) {
        if (topology->functions[i].vendor == vendor && topology->functions[i].device == device)
            return true;
    }
    return false;
}

/* Rows with a function beside come first. */
static const struct seen *find_seen(const struct topology *topology, const struct pci_function *function)
{
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        if (seen[i].vendor == function->vendor && seen[i].device == function->device &&
            (!seen[i].beside_vendor || machine_has(topology, seen[i].beside_vendor, seen[i].beside_device)))
            return &seen[i];
    }
    return NULL;
}

static bool guess_seen(const struct topology *topology, const struct pci_function *function,
                       const struct family *family, const char *left_out, struct isolation_guess *guess)
{
    const struct seen *row = find_seen(topology, function);
    if (!row)
        return false;
    *guess = (struct isolation_guess){
        .ground = ISOLATION_BY_ID,
        .isolated_on = count_labels(row->isolated_on, left_out),
        .not_isolated_on = count_labels(row->not_isolated_on, left_out),
        .dumps_isolated = row->dumps_isolated,
        .dumps_not = row->dumps_not,
    };
    int votes = family_vote(family) + guess->isolated_on - guess->not_isolated_on +
                (row->dumps_isolated > row->dumps_not) - (row->dumps_isolated < row->dumps_not);
    guess->isolated = votes > 0;
    return votes != 0;
}

struct isolation_guess isolation_guess(const struct topology *topology, const struct pci_function *function,
                                       enum isolation_policy policy, const char *left_out)
{
    if (function->acs.present)
        return (struct isolation_guess){.isolated = true, .ground = ISOLATION_BY_NAME};
    if (policy != ISOLATION_TABLE)
        return (struct isolation_guess){.isolated = policy == ISOLATION_OPTIMISTIC,
                                        .ground = ISOLATION_BY_POLICY};
    const struct family *family = find_family(topology, function);
    struct isolation_guess guess;
    bool by_id = !left_out || strcmp(left_out, "*") != 0;
    if (by_id && guess_seen(topology, function, family, left_out, &guess))
        return guess;
    return guess_family(family);
}

const char *isolation_machine_label(const char *name)
{
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        size_t length = strlen(machines[i].name);
        const char *rest = name + length;
        if (strncmp(machines[i].name, name, length) == 0 && (!*rest || (*rest == '-' && rest[1] && !rest[2])))
            return machines[i].label;
    }
    return NULL;
}

bool isolation_contested(const struct isolation_guess *guess)
{
    return guess->ground == ISOLATION_BY_NOTHING ||
           (guess->ground == ISOLATION_BY_ID && guess->isolated_on + guess->dumps_isolated > 0 &&
            guess->not_isolated_on + guess->dumps_not > 0);
}

static void print_seen(char *text, const struct isolation_guess *guess)
{
    unsigned machine_count = guess->isolated_on + guess->not_isolated_on;
    unsigned dumped = guess->dumps_isolated + guess->dumps_not;
    int length = snprintf(text, ISOLATION_GROUND_TEXT, "its id isolates");
    if (machine_count)
        length += snprintf(text + length, ISOLATION_GROUND_TEXT - (size_t)length,
                           " on %u of %u machines seen", guess->isolated_on, machine_count);
    if (dumped)
        snprintf(text + length, ISOLATION_GROUND_TEXT - (size_t)length, "%s for %u of %u in %sfull dumps",
                 machine_count ? " and" : "", guess->dumps_isolated, dumped, machine_count ? "other " : "");
}

char *isolation_ground_print(char *text, const struct isolation_guess *guess)
{
    switch (guess->ground) {
    case ISOLATION_BY_NAME:
        snprintf(text, ISOLATION_GROUND_TEXT, "the input names an ACS capability, not its bits");
        break;
    case ISOLATION_BY_ID:
        print_seen(text, guess);
        break;
    case ISOLATION_BY_FAMILY:
        snprintf(text, ISOLATION_GROUND_TEXT, "by its family: %s (by %s)", guess->family, guess->source);
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
