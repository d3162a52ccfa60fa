/* SPDX-License-Identifier: MIT */
#include "sim/analysis/slot_survey.h"

#include "models/pcie/link.h"
#include "sim/analysis/group_explain.h"
#include "sim/topology/device_move.h"

#include <stdlib.h>

/* A machine with the device in one place. */
struct trial {
    struct slot_survey *survey;
    const struct topology *topology;
    const uint32_t *known;    /* [id as it is] id here; NULL: the same */
    const uint32_t *original; /* [id here] id as it is, or NONE */
    struct machine_view view;
    bool *own; /* [id here] part of the device */
};

static uint32_t here(const struct trial *trial, uint32_t id)
{
    return trial->known ? trial->known[id] : id;
}

static uint64_t address_of(const struct topology *topology, uint32_t id)
{
    const struct pci_function *function = &topology->functions[id];
    return (uint64_t)function->segment << 16 | pci_requester_id(function->bus, function->devfn);
}

static int compare_addresses(const void *left, const void *right, void *data)
{
    uint64_t a = address_of(data, *(const uint32_t *)left), b = address_of(data, *(const uint32_t *)right);
    return (a > b) - (a < b);
}

static void sort_by_address(const struct topology *topology, uint32_t *ids, uint32_t count)
{
    if (count)
        qsort_r(ids, count, sizeof(*ids), compare_addresses, (void *)topology);
}

/* All functions of the slot and below, VFs included. */
static void collect_device(struct slot_survey *survey, const struct pci_function *slot)
{
    const struct topology *topology = survey->topology;
    uint32_t *functions = arena_array(survey->arena, topology->function_count, sizeof(*functions));
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *function = &topology->functions[id];
        if (function->is_vf && function->pf_id != NONE)
            function = &topology->functions[function->pf_id];
        if (function != slot && topology_is_ancestor(topology, slot, function))
            functions[survey->function_count++] = id;
    }
    sort_by_address(topology, functions, survey->function_count);
    survey->functions = functions;
}

/* What the link between a port and what is below carries. Where it is up its width is what the wires have;
 * its speed may be down to save power, so that is taken from what both ends can. */
static struct slot_link link_between(const struct pci_function *port, const struct pci_function *below)
{
    const struct link_state *a = &port->link, *b = &below->link;
    uint8_t generation =
        a->maximum_generation < b->maximum_generation ? a->maximum_generation : b->maximum_generation;
    uint8_t width = a->maximum_width < b->maximum_width ? a->maximum_width : b->maximum_width;
    if (generation == 0)
        generation = b->generation ? b->generation : a->generation;
    if (b->width || a->width)
        width = b->width ? b->width : a->width;
    struct slot_link link = {.generation = generation, .width = width, .port_id = NONE};
    if (generation && width)
        link.bytes_per_s = link_raw_bits_per_s(generation, width) / 8;
    return link;
}

static void find_links(const struct trial *trial, struct slot_offer *offer)
{
    const struct topology *topology = trial->topology;
    const struct pci_function *below = &topology->functions[here(trial, trial->survey->functions[0])];
    const struct pci_function *port;
    bool first = true;
    for (; (port = topology_parent(topology, below)); below = port) {
        if (!function_is_type(port, PCIE_ROOT_PORT) && !function_is_type(port, PCIE_DOWNSTREAM_PORT))
            continue;
        struct slot_link link = link_between(port, below);
        link.port_id = trial->original ? trial->original[port->id] : port->id;
        if (first)
            offer->link = link;
        if (first || (link.bytes_per_s && link.bytes_per_s < offer->bottleneck.bytes_per_s) ||
            offer->bottleneck.bytes_per_s == 0)
            offer->bottleneck = link;
        first = false;
    }
}

/* Why a function of the device is with others: its own decision, or that of a mate who joined it. */
static void find_reason(const struct trial *trial, struct slot_offer *offer)
{
    const struct iommu_groups *groups = trial->view.groups;
    struct text_buffer text = {0};
    uint32_t teller = NONE;
    for (uint32_t i = 0; i < trial->survey->function_count && teller == NONE; i++) {
        uint32_t id = here(trial, trial->survey->functions[i]);
        uint32_t via = groups->decisions[id].via;
        if (via != NONE && !trial->own[via])
            teller = id;
    }
    for (uint32_t i = 0; i < offer->mate_count && teller == NONE; i++) {
        uint32_t id = here(trial, offer->mates[i]);
        uint32_t via = groups->decisions[id].via;
        if (via != NONE && trial->own[via])
            teller = id;
    }
    if (teller != NONE) {
        char bdf[BDF_TEXT_SIZE];
        const struct pci_function *function = &trial->topology->functions[teller];
        text_buffer_format(&text, "%s ", bdf_print(bdf, function->segment, function->bus, function->devfn));
        group_explain(groups, teller, &text);
        offer->reason = arena_string(trial->survey->arena, text.text);
    }
    text_buffer_fini(&text);
}

static void find_mates(const struct trial *trial, struct slot_offer *offer)
{
    const struct iommu_groups *groups = trial->view.groups;
    struct slot_survey *survey = trial->survey;
    uint32_t *own =
        memory_array(groups->group_count + 1U, sizeof(*own)); /* functions of the device in each */
    for (uint32_t i = 0; i < survey->function_count; i++) {
        uint32_t group = groups->decisions[here(trial, survey->functions[i])].group;
        if (group == NONE) {
            offer->ungrouped++;
            continue;
        }
        offer->group_count += own[group] == 0;
        own[group]++;
    }
    offer->mates = arena_array(survey->arena, trial->topology->function_count, sizeof(*offer->mates));
    for (uint32_t id = 0; id < trial->topology->function_count; id++) {
        uint32_t group = groups->decisions[id].group;
        uint32_t original = trial->original ? trial->original[id] : id;
        if (trial->own[id] || group == NONE || own[group] == 0 || original == NONE)
            continue;
        offer->mates[offer->mate_count++] = original;
        offer->endpoint_mates += !function_is_bridge(&trial->topology->functions[id]);
    }
    sort_by_address(survey->topology, offer->mates, offer->mate_count);
    free(own);
}

static bool leaks(const struct machine_view *view, uint32_t source_id, uint32_t target_id)
{
    struct reach_result result = reach_pair(view->reach, source_id, target_id);
    return reach_leak(view->groups, &result, source_id, target_id) == REACH_LEAK;
}

/* Pairs with the device at one end; those inside it are none of the slot's. */
static void count_leaks(const struct trial *trial, struct slot_offer *offer)
{
    for (uint32_t i = 0; i < trial->survey->function_count; i++) {
        uint32_t own = here(trial, trial->survey->functions[i]);
        for (uint32_t id = 0; id < trial->topology->function_count; id++) {
            if (trial->own[id])
                continue;
            offer->leaks_out += leaks(&trial->view, own, id);
            offer->leaks_in += leaks(&trial->view, id, own);
        }
    }
}

static void judge(struct slot_survey *survey, const struct topology *topology, const uint32_t *known,
                  const struct group_options *options, struct slot_offer *offer)
{
    struct arena *scratch = arena_new();
    struct diagnostics *unheard = diagnostics_new(1);
    struct trial trial = {.survey = survey, .topology = topology, .known = known};
    trial.own = arena_array(scratch, topology->function_count, sizeof(*trial.own));
    if (known) {
        uint32_t *original = arena_array(scratch, topology->function_count, sizeof(*original));
        for (uint32_t id = 0; id < topology->function_count; id++)
            original[id] = NONE;
        for (uint32_t id = 0; id < survey->topology->function_count; id++) {
            if (known[id] != NONE)
                original[known[id]] = id;
        }
        trial.original = original;
    }
    for (uint32_t i = 0; i < survey->function_count; i++)
        trial.own[here(&trial, survey->functions[i])] = true;
    machine_view_init(&trial.view, topology, options, unheard);
    offer->possible = true;
    find_mates(&trial, offer);
    find_links(&trial, offer);
    count_leaks(&trial, offer);
    if (offer->mate_count)
        find_reason(&trial, offer);
    machine_view_fini(&trial.view);
    diagnostics_free(unheard);
    arena_free(scratch);
}

static void try_port(struct slot_survey *survey, uint32_t device_id, const struct pci_function *port,
                     const struct group_options *options)
{
    const struct topology *topology = survey->topology;
    struct slot_offer *offer = &survey->offers[survey->offer_count++];
    offer->port_id = port->id;
    offer->present = device_move_slot(topology, &topology->functions[device_id]) == port;
    if (offer->present) {
        judge(survey, topology, NULL, options, offer);
        return;
    }
    struct diagnostics *unheard = diagnostics_new(1);
    const uint32_t *known;
    struct topology *moved = device_move(topology, device_id, port->id, &known, unheard);
    if (moved)
        judge(survey, moved, known, options, offer);
    topology_free(moved);
    diagnostics_free(unheard);
}

/* Worse is greater; ties are broken by the address of the port. */
static int compare_offers(const void *left, const void *right, void *data)
{
    const struct slot_offer *a = left, *b = right;
    const uint64_t keys[][2] = {
        {!a->possible, !b->possible},
        {a->ungrouped, b->ungrouped},
        {a->endpoint_mates, b->endpoint_mates},
        {a->mate_count, b->mate_count},
        {a->leaks_out + a->leaks_in, b->leaks_out + b->leaks_in},
        {b->bottleneck.bytes_per_s, a->bottleneck.bytes_per_s},
        {address_of(data, a->port_id), address_of(data, b->port_id)},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    }
    return 0;
}

struct slot_survey *slot_survey_new(const struct topology *topology, uint32_t device_id,
                                    const struct group_options *options)
{
    struct arena *arena = arena_new();
    struct slot_survey *survey = arena_alloc(arena, sizeof(*survey));
    const struct pci_function *device = &topology->functions[device_id];
    survey->arena = arena;
    survey->topology = topology;
    collect_device(survey, device_move_slot(topology, device));
    survey->offers = arena_array(arena, topology->function_count, sizeof(*survey->offers));
    for (uint32_t id = 0; id < topology->function_count; id++) {
        if (device_move_check(topology, device, &topology->functions[id]) == MOVE_POSSIBLE)
            try_port(survey, device_id, &topology->functions[id], options);
    }
    qsort_r(survey->offers, survey->offer_count, sizeof(*survey->offers), compare_offers, (void *)topology);
    return survey;
}

void slot_survey_free(struct slot_survey *survey)
{
    if (survey)
        arena_free(survey->arena);
}
