/* SPDX-License-Identifier: MIT */
/*
 * A breadth-first search over "the request is offered on a bus by somebody" and "the request comes down onto
 * a bus". Nothing is prepared: everyone on the bus is asked whether he claims the address.
 */
#include "tests/unit/plain_reach.h"

#include <check.h>

enum { QUEUE = 64 };

/** The request on a bus: offered by a function of the bus going up, or (NONE) come down through the bridge.
 */
struct state {
    uint32_t bus_id;
    uint32_t by_id;
    bool forced_up; /**< ACS sent it up: nobody below the root may claim it */
};

struct search {
    const struct topology *topology;
    const uint16_t *control;
    uint64_t address;
    uint16_t requester_id;
    struct state queue[QUEUE];
    unsigned head, tail;
    struct plain_result result;
    unsigned ends;
};

static void push(struct search *search, uint32_t bus_id, uint32_t by_id, bool forced_up)
{
    ck_assert_uint_lt(search->tail, QUEUE);
    search->queue[search->tail++] = (struct state){bus_id, by_id, forced_up};
}

static void end(struct search *search, enum plain_end kind, uint32_t function_id)
{
    search->result = (struct plain_result){kind, function_id};
    search->ends++;
}

static const struct pci_function *at(const struct search *search, uint32_t id)
{
    return id == NONE ? NULL : &search->topology->functions[id];
}

/** The bus on which a function meets others: VFs live in their PF's device. */
static uint32_t meeting_bus(const struct search *search, const struct pci_function *function)
{
    return function->is_vf ? at(search, function->pf_id)->bus_id : function->bus_id;
}

static bool in_bar(const struct search *search, const struct pci_function *function)
{
    for (int b = 0; b < BAR_ROM; b++) {
        const struct bar *bar = &function->bars[b];
        if ((bar->kind == BAR_MEMORY32 || bar->kind == BAR_MEMORY64) && bar->assigned &&
            search->address >= bar->address && search->address - bar->address < bar->size)
            return true;
    }
    return false;
}

static bool in_window(const struct search *search, const struct pci_function *function)
{
    if (function->header_type != 1)
        return false;
    const struct window *windows[] = {&function->memory_window, &function->prefetchable_window};
    for (int w = 0; w < 2; w++) {
        if (windows[w]->open && search->address >= windows[w]->base && search->address <= windows[w]->limit)
            return true;
    }
    return false;
}

/** Who on a bus, other than @p but, claims the address. */
static const struct pci_function *claimer(const struct search *search, uint32_t bus_id, uint32_t but)
{
    for (uint32_t i = 0; i < search->topology->function_count; i++) {
        const struct pci_function *function = at(search, i);
        if (i != but && meeting_bus(search, function) == bus_id &&
            (in_bar(search, function) || in_window(search, function)))
            return function;
    }
    return NULL;
}

/** A function takes it from above: itself, or what is below. */
static void take(struct search *search, const struct pci_function *function)
{
    if (in_bar(search, function))
        end(search, PLAIN_DELIVERED, function->id);
    else
        push(search, function->secondary_bus_id, NONE, false);
}

static void come_down(struct search *search, uint32_t bus_id)
{
    const struct pci_function *function = claimer(search, bus_id, NONE);
    if (function)
        take(search, function);
    else
        end(search, PLAIN_BLOCKED, NONE);
}

static bool is_port(const struct pci_function *function)
{
    return function_is_type(function, PCIE_ROOT_PORT) || function_is_type(function, PCIE_DOWNSTREAM_PORT);
}

/** Go up through the bridge above a bus. */
static void go_up(struct search *search, uint32_t bus_id, bool forced_up)
{
    const struct pci_function *bridge = at(search, search->topology->buses[bus_id].self_id);
    if (!bridge) {
        end(search, PLAIN_HOST, NONE);
        return;
    }
    uint16_t control = search->control[bridge->id];
    if (is_port(bridge)) {
        uint8_t bus = (uint8_t)(search->requester_id >> 8);
        if (control & ACS_SOURCE_VALIDATION &&
            (bus < bridge->secondary_bus || bus > bridge->subordinate_bus)) {
            end(search, PLAIN_BLOCKED, NONE);
            return;
        }
        if (in_bar(search, bridge)) {
            bool enhanced = bridge->acs.present && bridge->acs.capability & ACS_ENHANCED;
            unsigned field = control >> 8 & 3;
            if (enhanced ? field == 1 : false)
                end(search, PLAIN_BLOCKED, NONE);
            else if (enhanced ? field == 2 : control & ACS_REQUEST_REDIRECT)
                go_up(search, bridge->bus_id, true);
            else
                end(search, PLAIN_DELIVERED, bridge->id);
            return;
        }
        if (in_window(search, bridge)) {
            if (control & ACS_UPSTREAM_FORWARDING)
                go_up(search, bridge->bus_id, true);
            else
                end(search, PLAIN_BLOCKED, NONE);
            return;
        }
    } else {
        bool keeps_ids = bridge->vendor == 0x1a03 && bridge->device == 0x1150;
        if (!function_is_type(bridge, PCIE_UPSTREAM_PORT) && !keeps_ids) {
            const struct pci_function *above = at(search, search->topology->buses[bridge->bus_id].self_id);
            bool secondary =
                function_is_type(bridge, PCIE_TO_PCI_BRIDGE) ||
                (!bridge->pcie && above && above->pcie && above->pcie_type != PCIE_TO_PCI_BRIDGE);
            search->requester_id = secondary ? pci_requester_id(bridge->secondary_bus, 0)
                                             : pci_requester_id(bridge->bus, bridge->devfn);
        }
        if (!forced_up && in_bar(search, bridge)) {
            end(search, PLAIN_DELIVERED, bridge->id);
            return;
        }
        if (!forced_up && in_window(search, bridge)) {
            end(search, PLAIN_BLOCKED, NONE);
            return;
        }
    }
    push(search, bridge->bus_id, bridge->id, forced_up && !is_port(bridge));
}

/** VFs without an ACS capability have their PF's. */
static const struct pci_function *acs_holder(const struct search *search, const struct pci_function *function)
{
    return function->is_vf && !function->acs.present ? at(search, function->pf_id) : function;
}

enum answer { GO, UP, STOP };

/** The table of Request Redirect and Egress Control, for an untranslated request. */
static enum answer table(const struct search *search, const struct pci_function *by,
                         const struct pci_function *peer)
{
    const struct pci_function *holder = acs_holder(search, by);
    uint16_t control = search->control[holder->id];
    unsigned index = is_port(peer) ? pci_slot(peer->devfn) : peer->ari ? peer->devfn : pci_func(peer->devfn);
    const struct acs *acs = &holder->acs;
    bool vector = acs->egress_vector_known && index < 32 && acs->egress_vector >> index & 1;
    /* Ports' vectors speak of ports, functions' of the functions of the device. */
    bool root = search->topology->buses[meeting_bus(search, by)].parent_id == NONE;
    const struct pci_function *pf_by = by->is_vf ? at(search, by->pf_id) : by;
    const struct pci_function *pf_peer = peer->is_vf ? at(search, peer->pf_id) : peer;
    bool device = meeting_bus(search, by) == meeting_bus(search, peer) &&
                  (!root || pci_slot(pf_by->devfn) == pci_slot(pf_peer->devfn));
    bool spoken_of = index < acs_egress_vector_bits(acs) && (is_port(by) ? is_port(peer) : device);
    switch ((control & ACS_EGRESS_CONTROL && spoken_of ? 2 : 0) | (control & ACS_REQUEST_REDIRECT ? 1 : 0)) {
    case 0:
        return GO;
    case 1:
        return UP;
    case 2:
        return vector ? STOP : GO;
    default:
        return vector ? UP : GO;
    }
}

/** What a BAR of a port asks of the port the request came in by. */
static enum answer port_target(const struct search *search, const struct pci_function *by, unsigned shift)
{
    uint16_t control = search->control[by->id];
    if (by->acs.present && by->acs.capability & ACS_ENHANCED)
        return (control >> shift & 3) == 1 ? STOP : (control >> shift & 3) == 2 ? UP : GO;
    return control & ACS_REQUEST_REDIRECT ? UP : GO;
}

/** May @p by turn to @p peer on a bus of PCI Express? */
static enum answer may_turn(const struct search *search, const struct pci_function *by,
                            const struct pci_function *peer, bool inside_switch)
{
    const struct acs *acs = &acs_holder(search, by)->acs;
    bool without_peers = acs->present && !(acs->capability & (ACS_REQUEST_REDIRECT | ACS_EGRESS_CONTROL));
    if (!inside_switch && without_peers)
        return UP;
    if (is_port(by) && is_port(peer) && in_bar(search, peer))
        return port_target(search, by, 8);
    return table(search, by, peer);
}

static void offer(struct search *search, struct state state)
{
    const struct pci_bus *bus = &search->topology->buses[state.bus_id];
    const struct pci_function *bridge = at(search, bus->self_id), *by = at(search, state.by_id);
    const struct pci_function *peer = state.forced_up ? NULL : claimer(search, state.bus_id, state.by_id);
    bool shared = bridge && (!bridge->pcie || bridge->pcie_type == PCIE_TO_PCI_BRIDGE);
    bool inside_switch = bridge && function_is_type(bridge, PCIE_UPSTREAM_PORT);
    enum answer answer = UP;
    if (peer)
        answer = shared ? GO : may_turn(search, by, peer, inside_switch);
    if (!bridge && !state.forced_up) {
        /* The root complex: every root bus is asked; only its own device may turn without its leave. */
        for (uint32_t b = 0; b < search->topology->bus_count && !peer; b++) {
            if (search->topology->buses[b].parent_id == NONE)
                peer = claimer(search, b, state.by_id);
        }
        if (peer) {
            uint8_t own = by->is_vf ? at(search, by->pf_id)->devfn : by->devfn;
            uint8_t other = peer->is_vf ? at(search, peer->pf_id)->devfn : peer->devfn;
            bool device = meeting_bus(search, peer) == state.bus_id && pci_slot(own) == pci_slot(other);
            answer = may_turn(search, by, peer, false);
            if (!device && !search->topology->root_complex_peer_to_peer && answer == GO)
                answer = UP;
        }
    }
    if (!peer && inside_switch && !state.forced_up) {
        if (in_bar(search, bridge))
            answer = port_target(search, by, 10), state.forced_up = answer == UP;
        else if (in_window(search, bridge) && by->acs.capability & ACS_ENHANCED &&
                 search->control[by->id] & 0x1000)
            state.forced_up = true;
        if (answer == GO)
            answer = UP;
    } else if (peer && answer == UP) {
        state.forced_up = inside_switch;
    }
    if (answer == STOP)
        end(search, PLAIN_BLOCKED, NONE);
    else if (answer == GO)
        take(search, peer);
    else
        go_up(search, state.bus_id, state.forced_up && inside_switch);
}

struct plain_result plain_reach(const struct topology *topology, const uint16_t *control, uint32_t source,
                                uint64_t address)
{
    const struct pci_function *function = &topology->functions[source];
    struct search search = {.topology = topology,
                            .control = control,
                            .address = address,
                            .requester_id = pci_requester_id(function->bus, function->devfn)};
    push(&search, meeting_bus(&search, function), source, false);
    while (search.head < search.tail) {
        struct state state = search.queue[search.head++];
        if (state.by_id == NONE)
            come_down(&search, state.bus_id);
        else
            offer(&search, state);
    }
    ck_assert_uint_eq(search.ends, 1);
    return search.result;
}
