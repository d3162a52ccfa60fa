/* SPDX-License-Identifier: MIT */
#include "tests/oracle/isolation_evidence.h"

#include "sim/base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VENDOR_INTEL = 0x8086, CLASS_HOST_BRIDGE = 0x0600 };

enum shown { NOT_SHOWN, SHOWN_ISOLATED, SHOWN_NOT_ISOLATED };

/* Ids that outlive a generation of processors, and an id only the younger one has beside them. */
static const struct generation {
    uint32_t id, beside;
    const char *what;
} generations[] = {
    {0x10221635, 0x1022166a,
     "The internal port of AMD mobile processors: Cezanne's (by its data fabric) here, Renoir's below."},
};

/* What one machine, or all full dumps, show of one id. Ports of a switch may share it with an endpoint. */
struct observation {
    uint32_t id;                /* vendor and device */
    bool port;                  /* root or downstream port */
    uint32_t beside;            /* id beside it that tells the generation, else 0 */
    uint32_t machine;           /* NONE: the dumps */
    int isolated, not_isolated; /* functions */
};

struct isolation_evidence {
    struct arena *arena;
    const char **machines; /* names; of several dumps of one model the first */
    size_t machine_count, machine_capacity;
    struct observation *observations;
    size_t observation_count, observation_capacity;
};

struct isolation_evidence *isolation_evidence_new(void)
{
    struct isolation_evidence *evidence = memory_alloc(sizeof(*evidence));
    *evidence = (struct isolation_evidence){.arena = arena_new()};
    return evidence;
}

void isolation_evidence_free(struct isolation_evidence *evidence)
{
    arena_free(evidence->arena);
    free(evidence->machines);
    free(evidence->observations);
    free(evidence);
}

static uint32_t id_of(const struct pci_function *function)
{
    return (uint32_t)function->vendor << 16 | function->device;
}

static bool is_port(const struct pci_function *function)
{
    return function_is_type(function, PCIE_ROOT_PORT) || function_is_type(function, PCIE_DOWNSTREAM_PORT);
}

static bool registers_shown(const struct pci_function *function)
{
    return function->pcie && !function->pcie_unknown && !function->acs_unknown;
}

/* The kernel takes these for isolated whatever capabilities they have. */
static bool is_integrated_of_intel(const struct pci_function *function)
{
    return !function->pcie_unknown && function->vendor == VENDOR_INTEL &&
           function_is_type(function, PCIE_RC_ENDPOINT);
}

struct inference {
    const struct iommu_groups *groups;
    const struct topology *topology;
    enum shown *shown; /* [function] */
};

static bool path_above_isolates(const struct inference *inference, const struct pci_function *function)
{
    const struct pci_function *parent = topology_parent(inference->topology, function);
    for (; parent; parent = topology_parent(inference->topology, parent)) {
        if (inference->shown[parent->id] != SHOWN_ISOLATED)
            return false;
    }
    return true;
}

static bool same_group(const struct pci_function *a, const struct pci_function *b)
{
    return a->group_reported && b->group_reported && a->reported_group == b->reported_group;
}

static enum shown shown_by_children(const struct inference *inference, const struct pci_function *port)
{
    const struct pci_bus *below = &inference->topology->buses[port->secondary_bus_id];
    enum shown shown = NOT_SHOWN;
    for (uint32_t i = 0; i < below->function_count; i++) {
        const struct pci_function *child = &inference->topology->functions[below->functions[i]];
        if (!child->group_reported)
            continue;
        if (!same_group(port, child))
            return SHOWN_ISOLATED;
        shown = SHOWN_NOT_ISOLATED;
    }
    return shown;
}

static enum shown shown_by_slot(const struct inference *inference, const struct pci_function *function)
{
    const struct pci_bus *bus = &inference->topology->buses[function->bus_id];
    unsigned mates = 0;
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *mate = &inference->topology->functions[bus->functions[i]];
        if (mate == function || !mate->group_reported || pci_slot(mate->devfn) != pci_slot(function->devfn))
            continue;
        if (same_group(function, mate))
            return SHOWN_NOT_ISOLATED;
        mates += inference->shown[mate->id] != SHOWN_ISOLATED;
    }
    /* Beside mates that isolate it would stand apart in any case. */
    return mates ? SHOWN_ISOLATED : NOT_SHOWN;
}

/* Parents come before what is below them, so going by id goes down. */
static void infer(const struct inference *inference)
{
    for (uint32_t id = 0; id < inference->topology->function_count; id++) {
        const struct pci_function *function = &inference->topology->functions[id];
        const struct acs_verdict *verdict = &inference->groups->verdicts[id];
        enum shown *shown = &inference->shown[id];
        if (verdict->reason != ACS_REASON_ASSUMED) {
            *shown = verdict->isolated ? SHOWN_ISOLATED : SHOWN_NOT_ISOLATED;
            continue;
        }
        if (!function->group_reported || !path_above_isolates(inference, function))
            continue;
        if (function->secondary_bus_id != NONE)
            *shown = shown_by_children(inference, function);
        if (*shown == NOT_SHOWN && function->multifunction)
            *shown = shown_by_slot(inference, function);
    }
}

/* Add to the observation of the same id, kind, generation and machine. */
static void observe(struct isolation_evidence *evidence, const struct observation *added)
{
    for (size_t i = evidence->observation_count; i-- > 0;) {
        struct observation *one = &evidence->observations[i];
        if (one->machine != added->machine || one->id != added->id || one->port != added->port ||
            one->beside != added->beside)
            continue;
        one->isolated += added->isolated;
        one->not_isolated += added->not_isolated;
        return;
    }
    evidence->observations = memory_grow(evidence->observations, evidence->observation_count,
                                         &evidence->observation_capacity, sizeof(*evidence->observations));
    evidence->observations[evidence->observation_count++] = *added;
}

static bool machine_has(const struct topology *topology, uint32_t id)
{
    for (uint32_t i = 0; i < topology->function_count; i++) {
        if (id_of(&topology->functions[i]) == id)
            return true;
    }
    return false;
}

static uint32_t generation_of(const struct topology *topology, uint32_t id)
{
    for (size_t i = 0; i < sizeof(generations) / sizeof(generations[0]); i++) {
        if (generations[i].id == id && machine_has(topology, generations[i].beside))
            return generations[i].beside;
    }
    return 0;
}

/* Nothing to learn: its id is not known; a list of the kernel's decides; or it is of a kind that never
 * isolates, or whose own capabilities do not matter. */
static bool skipped(const struct pci_function *function, const struct acs_verdict *verdict)
{
    bool by_register = verdict->quirk && (verdict->quirk->class_ == ACS_QUIRK_INTEL_RCIEP ||
                                          verdict->quirk->class_ == ACS_QUIRK_INTEL_SPT);
    return function->device == 0xffff || (verdict->reason == ACS_REASON_QUIRK && !by_register) ||
           (function_is_bridge(function) && !is_port(function)) ||
           function->class_code >> 8 == CLASS_HOST_BRIDGE;
}

/* "x" and "x-2" are one model: the firmware decides, so they are one witness. */
static bool same_model(const char *first, const char *name)
{
    size_t length = strlen(first);
    return strncmp(first, name, length) == 0 &&
           (!name[length] || (name[length] == '-' && name[length + 1] && !name[length + 2]));
}

static uint32_t machine_of(struct isolation_evidence *evidence, const char *name)
{
    for (uint32_t i = 0; i < evidence->machine_count; i++) {
        if (same_model(evidence->machines[i], name))
            return i;
    }
    evidence->machines = memory_grow(evidence->machines, evidence->machine_count, &evidence->machine_capacity,
                                     sizeof(*evidence->machines));
    evidence->machines[evidence->machine_count] = arena_string(evidence->arena, name);
    return (uint32_t)evidence->machine_count++;
}

void isolation_evidence_add(struct isolation_evidence *evidence, const char *name,
                            const struct iommu_groups *groups)
{
    const struct topology *topology = groups->topology;
    if (groups->platform.cmdline.override_downstream || groups->platform.cmdline.override_multifunction)
        return;
    uint32_t machine = machine_of(evidence, name);
    struct inference inference = {groups, topology,
                                  memory_array((size_t)topology->function_count + 1, sizeof(enum shown))};
    infer(&inference);
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *function = &topology->functions[id];
        enum shown shown = inference.shown[id];
        if (skipped(function, &groups->verdicts[id]))
            continue;
        bool registers = registers_shown(function);
        if (registers || is_integrated_of_intel(function))
            shown = function->acs.present || is_integrated_of_intel(function) ? SHOWN_ISOLATED
                                                                              : SHOWN_NOT_ISOLATED;
        else if (groups->verdicts[id].reason != ACS_REASON_ASSUMED)
            continue;
        if (shown == NOT_SHOWN)
            continue;
        struct observation one = {.id = id_of(function),
                                  .port = is_port(function),
                                  .beside = generation_of(topology, id_of(function)),
                                  .machine = machine,
                                  .isolated = shown == SHOWN_ISOLATED,
                                  .not_isolated = shown == SHOWN_NOT_ISOLATED};
        observe(evidence, &one);
        if (registers) {
            struct observation counted = {.id = one.id,
                                          .port = one.port,
                                          .machine = NONE,
                                          .isolated = -one.isolated,
                                          .not_isolated = -one.not_isolated};
            observe(evidence, &counted);
        }
    }
    free(inference.shown);
}

/* Whatever the function, or the kernel asks it only where capabilities are shown. */
static bool listed_by_kernel(unsigned vendor, unsigned device)
{
    size_t count;
    const struct acs_quirk *rows = acs_quirk_rows(&count);
    for (size_t i = 0; i < count; i++) {
        bool by_register = rows[i].class_ == ACS_QUIRK_INTEL_RCIEP || rows[i].class_ == ACS_QUIRK_INTEL_SPT;
        if (rows[i].vendor == vendor && device >= rows[i].device_low && device <= rows[i].device_high &&
            !by_register)
            return true;
    }
    return false;
}

void isolation_evidence_add_dumps(struct isolation_evidence *evidence, const char *table)
{
    for (const char *line = table; *line;) {
        unsigned vendor, device;
        int with, without;
        char type[32];
        if (sscanf(line, "%x\t%x\t%31s\t%d\t%d", &vendor, &device, type, &with, &without) == 5 &&
            !listed_by_kernel(vendor, device)) {
            bool port = strcmp(type, "root_port") == 0 || strcmp(type, "downstream") == 0;
            bool integrated = vendor == VENDOR_INTEL && strcmp(type, "rc_endpoint") == 0;
            struct observation counted = {.id = vendor << 16 | device,
                                          .port = port,
                                          .machine = NONE,
                                          .isolated = with + (integrated ? without : 0),
                                          .not_isolated = integrated ? 0 : without};
            if (port || strstr(type, "endpoint"))
                observe(evidence, &counted);
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
}

static const char head_machines[] =
    "/* SPDX-License-Identifier: MIT */\n"
    "/**\n"
    " * @file isolation_machines.def\n"
    " * The published machines that isolation_seen.def cites.\n"
    " *\n"
    " *   ISOLATION_MACHINE(\"label\", \"what it is\")\n"
    " *\n"
    " * The label's letter says what was published with the groups: a, registers; b, lspci\n"
    " * without them; c, a kernel log. Several dumps of one model share one.\n"
    " * Source: mailing lists, issue trackers and forums, 2011 to 2026. Made by\n"
    " * `make isolation-seen`.\n"
    " */\n";

static const char head_seen[] =
    "/* SPDX-License-Identifier: MIT */\n"
    "/**\n"
    " * @file isolation_seen.def\n"
    " * Ids of ports, and of other functions some of which isolate, as published machines\n"
    " * showed them. Used only where a dump hides a function's capabilities; it cannot be\n"
    " * perfect, for firmware decides whether a port has the capability (some ids were seen\n"
    " * both ways). isolation_guess() says how the rows are weighed.\n"
    " *\n"
    " *   ISOLATION_SEEN(vendor, device, \"isolated on\", \"not on\", dumps isolated, dumps not)\n"
    " *\n"
    " * isolated on, not on: the machines (isolation_machines.def) whose registers or groups\n"
    " * show it. dumps: functions in full dumps of other machines that have an ACS capability\n"
    " * or are integrated endpoints of Intel, and that have and are neither.\n"
    " *\n"
    " *   ISOLATION_SEEN_BESIDE(vendor, device, vendor beside, device beside, \"isolated on\", \"not on\")\n"
    " *\n"
    " * Of an id that outlives a generation of processors: the machines that have a function\n"
    " * beside. The row without is of the others.\n"
    " *\n"
    " * Made by `make isolation-seen`; tests/oracle/isolation_evidence.h says how.\n"
    " */\n";

/* "b03": the letter the name begins with, and its number among those. */
static void label(const struct isolation_evidence *evidence, uint32_t machine, char text[8])
{
    unsigned number = 1;
    for (uint32_t i = 0; i < machine; i++)
        number += evidence->machines[i][0] == evidence->machines[machine][0];
    snprintf(text, 8, "%c%02u", evidence->machines[machine][0], number % 1000);
}

void isolation_evidence_print_machines(const struct isolation_evidence *evidence, struct text_buffer *out)
{
    text_buffer_add(out, head_machines);
    for (uint32_t i = 0; i < evidence->machine_count; i++) {
        char text[8];
        label(evidence, i, text);
        text_buffer_format(out, "ISOLATION_MACHINE(\"%s\", \"%s\")\n", text, evidence->machines[i]);
    }
}

/* All that is known of one id. */
struct summary {
    bool port;
    struct text_buffer isolated, not_isolated; /* labels */
    int dumps_isolated, dumps_not;
};

static struct summary summarise(const struct isolation_evidence *evidence, uint32_t id, uint32_t beside)
{
    struct summary summary = {0};
    for (size_t i = 0; i < evidence->observation_count; i++)
        summary.port |= evidence->observations[i].id == id && evidence->observations[i].port;
    for (size_t i = 0; i < evidence->observation_count; i++) {
        const struct observation *one = &evidence->observations[i];
        if (one->id != id || one->port != summary.port || one->beside != beside)
            continue;
        if (one->machine == NONE) {
            summary.dumps_isolated = one->isolated > 0 ? one->isolated : 0;
            summary.dumps_not = one->not_isolated > 0 ? one->not_isolated : 0;
            continue;
        }
        char text[8];
        struct text_buffer *list =
            one->isolated >= one->not_isolated ? &summary.isolated : &summary.not_isolated;
        label(evidence, one->machine, text);
        text_buffer_format(list, "%s%s", list->length ? " " : "", text);
    }
    return summary;
}

static void print_row(const struct isolation_evidence *evidence, uint32_t id, uint32_t beside,
                      struct text_buffer *out)
{
    struct summary summary = summarise(evidence, id, beside);
    bool isolates = summary.isolated.length || summary.dumps_isolated;
    bool does_not = summary.not_isolated.length || summary.dumps_not;
    if (isolates || (summary.port && does_not)) {
        text_buffer_format(out, "ISOLATION_SEEN%s(0x%04x, 0x%04x, ", beside ? "_BESIDE" : "", id >> 16,
                           id & 0xffff);
        if (beside)
            text_buffer_format(out, "0x%04x, 0x%04x, ", beside >> 16, beside & 0xffff);
        text_buffer_format(out, "\"%s\", \"%s\"", text_buffer_get(&summary.isolated),
                           text_buffer_get(&summary.not_isolated));
        if (!beside)
            text_buffer_format(out, ", %d, %d", summary.dumps_isolated, summary.dumps_not);
        text_buffer_add(out, ")\n");
    }
    text_buffer_fini(&summary.isolated);
    text_buffer_fini(&summary.not_isolated);
}

static int compare_ids(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

void isolation_evidence_print_seen(const struct isolation_evidence *evidence, struct text_buffer *out)
{
    size_t count = 0;
    uint32_t *ids = memory_array(evidence->observation_count + 1, sizeof(*ids));
    for (size_t i = 0; i < evidence->observation_count; i++)
        ids[count++] = evidence->observations[i].id;
    qsort(ids, count, sizeof(*ids), compare_ids);
    text_buffer_add(out, head_seen);
    for (size_t i = 0; i < sizeof(generations) / sizeof(generations[0]); i++) {
        text_buffer_format(out, "\n/* %s */\n", generations[i].what);
        print_row(evidence, generations[i].id, generations[i].beside, out);
    }
    text_buffer_add(out, "\n");
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || ids[i] != ids[i - 1])
            print_row(evidence, ids[i], 0, out);
    }
    free(ids);
}
