/* SPDX-License-Identifier: MIT */
/*
 * A search over states of a packet: offered by a function to its bus, come to a bridge from below, come to a
 * function from above, at the host. Nothing is prepared: everyone on a bus is asked whether he takes it.
 */
#include "tests/unit/plain_reach.h"

#include "tests/unit/plain_fabric.h"

#include <check.h>

enum { QUEUE = 128 };

enum spot { OFFERED, FROM_BELOW, FROM_ABOVE, AT_HOST };

struct state {
    enum spot spot;
    uint32_t id;
    bool forced; /**< the switch was told to send it up: nobody beside the upstream port may take it */
};

struct search {
    struct plain_packet packet;
    uint32_t source;
    uint16_t sent_id;
    struct state queue[QUEUE];
    unsigned head, tail;
    struct plain_result result;
    unsigned ends;
    bool diverted; /**< a port had a say */
};

static void push(struct search *search, enum spot spot, uint32_t id, bool forced)
{
    ck_assert_uint_lt(search->tail, QUEUE);
    search->queue[search->tail++] = (struct state){spot, id, forced};
}

static void end(struct search *search, enum plain_end kind, uint32_t function_id, enum route_error error)
{
    search->result.end = kind;
    search->result.function_id = function_id;
    search->result.error = error;
    search->result.requester_id = search->packet.tlp.requester_id;
    search->ends++;
}

static void blocked(struct search *search, enum route_error error)
{
    end(search, PLAIN_BLOCKED, NONE, error);
}

/** A port, or a device, had a say for the first time. */
static void divert(struct search *search, bool upward)
{
    if (!search->diverted)
        search->result.redirected = upward;
    search->diverted = true;
}

/** Leave the bus of @p f upward. */
static void climb(struct search *search, const struct pci_function *f, bool forced)
{
    const struct pci_function *bridge = plain_bridge_of(&search->packet, plain_bus_of(&search->packet, f));
    const struct host_bridge *host = plain_host_of(&search->packet, f);
    if (bridge) {
        push(search, FROM_BELOW, bridge->id, forced && plain_is_switch(bridge));
    } else if (host->vmd_function_id == NONE) {
        push(search, AT_HOST, f->id, false);
    } else if (plain_memory_kind(&search->packet) || plain_completion(&search->packet) ||
               search->packet.tlp.kind == TRANSACTION_MESSAGE_TO_ROOT) {
        const struct pci_function *vmd = plain_at(&search->packet, host->vmd_function_id);
        if (!plain_completion(&search->packet)) {
            search->packet.tlp.requester_id = pci_requester_id(vmd->bus, vmd->devfn);
            search->packet.tlp.segment = vmd->segment;
        }
        push(search, OFFERED, vmd->id, false);
    } else {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    }
}

/** @p by may turn it to @p peer, or not. */
static void turn(struct search *search, const struct pci_function *by, const struct pci_function *peer,
                 enum plain_answer answer)
{
    divert(search, answer == PLAIN_UP);
    if (answer == PLAIN_STOP)
        blocked(search, ROUTE_ACS_VIOLATION);
    else if (answer == PLAIN_GO)
        push(search, FROM_ABOVE, peer->id, false);
    else
        climb(search, by, true);
}

static void offer_in_switch(struct search *search, const struct pci_function *by,
                            const struct pci_function *upstream)
{
    const struct pci_function *peer =
        plain_taker_on_bus(&search->packet, plain_bus_of(&search->packet, by), by->id);
    if (peer) {
        turn(search, by, peer, plain_may_turn(&search->packet, by, peer, true));
        return;
    }
    if (plain_is_its_own(&search->packet, upstream)) {
        enum plain_answer answer = plain_port_memory(&search->packet, by, 10);
        if (answer != PLAIN_GO)
            divert(search, answer == PLAIN_UP);
        if (answer == PLAIN_STOP)
            blocked(search, ROUTE_ACS_VIOLATION);
        else
            climb(search, by, answer == PLAIN_UP);
        return;
    }
    if (!plain_is_below(&search->packet, upstream)) {
        climb(search, by, false);
        return;
    }
    if (plain_memory_kind(&search->packet) &&
        plain_acs_holder(&search->packet, by)->acs.capability & ACS_ENHANCED &&
        plain_control_of(&search->packet, by) & ACS_UNCLAIMED_REDIRECT) {
        divert(search, true);
        climb(search, by, true);
    } else {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    }
}

static void offer_on_conventional(struct search *search, const struct pci_function *by,
                                  const struct pci_function *bridge)
{
    const struct pci_function *peer =
        plain_taker_on_bus(&search->packet, plain_bus_of(&search->packet, by), by->id);
    if (!plain_fits_conventional(&search->packet)) {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    } else if (peer) {
        divert(search, false);
        push(search, FROM_ABOVE, peer->id, false);
    } else if (plain_takes(&search->packet, by) || plain_is_below(&search->packet, bridge)) {
        blocked(search, ROUTE_MASTER_ABORT);
    } else {
        climb(search, by, false);
    }
}

static enum peer_routing routing_of(const struct search *search, const struct pci_function *f)
{
    enum peer_routing routing = plain_host_of(&search->packet, f)->peer_routing;
    if (routing == PEER_ROUTING_DEFAULT)
        return search->packet.topology->root_complex_peer_to_peer ? PEER_ROUTING_ALL : PEER_ROUTING_NONE;
    return routing;
}

static bool root_complex_routes(const struct search *search, const struct pci_function *from,
                                const struct pci_function *to)
{
    enum peer_routing a = routing_of(search, from), b = routing_of(search, to);
    return plain_host_of(&search->packet, from) == plain_host_of(&search->packet, to)
               ? a != PEER_ROUTING_NONE
               : a == PEER_ROUTING_ALL && b == PEER_ROUTING_ALL;
}

static void offer_at_root(struct search *search, const struct pci_function *by)
{
    const struct pci_function *peer = plain_taker_at_root(&search->packet, by);
    if (!peer) {
        climb(search, by, false);
        return;
    }
    bool device = plain_bus_of(&search->packet, peer) == plain_bus_of(&search->packet, by) &&
                  pci_slot(plain_device_of(&search->packet, peer)->devfn) ==
                      pci_slot(plain_device_of(&search->packet, by)->devfn);
    enum plain_answer answer = plain_may_turn(&search->packet, by, peer, false);
    bool ports = by->header_type && peer->header_type && function_is_type(by, PCIE_ROOT_PORT) &&
                 function_is_type(peer, PCIE_ROOT_PORT);
    bool routed = root_complex_routes(search, by, peer);
    if (device) /* root ports keep apart where that is stated, other functions never */
        routed = !ports || plain_host_of(&search->packet, by)->peer_routing != PEER_ROUTING_NONE;
    if (answer == PLAIN_GO && !routed)
        answer = PLAIN_UP;
    if (answer == PLAIN_GO && search->packet.tlp.kind == TRANSACTION_ATOMIC && by->header_type &&
        by->no_atomic_routing) {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
        return;
    }
    turn(search, by, peer, answer);
}

static void offer(struct search *search, const struct state *state)
{
    const struct pci_function *by = plain_at(&search->packet, state->id);
    const struct pci_function *bridge = plain_bridge_of(&search->packet, plain_bus_of(&search->packet, by));
    if (search->packet.tlp.kind == TRANSACTION_CONFIGURATION && !plain_conventional_below(bridge)) {
        climb(search, by, false);
    } else if (!bridge) {
        offer_at_root(search, by);
    } else if (plain_conventional_below(bridge)) {
        offer_on_conventional(search, by, bridge);
    } else if (plain_is_switch(bridge)) {
        offer_in_switch(search, by, bridge);
    } else {
        const struct pci_function *peer =
            state->forced ? NULL
                          : plain_taker_on_bus(&search->packet, plain_bus_of(&search->packet, by), by->id);
        if (peer)
            turn(search, by, peer, plain_may_turn(&search->packet, by, peer, false));
        else
            climb(search, by, false);
    }
}

/** Whose id a bridge puts on what comes from below. */
static uint16_t id_above(const struct search *search, const struct pci_function *bridge)
{
    const struct pci_function *above = plain_bridge_of(&search->packet, bridge->bus_id);
    if (plain_is_switch(bridge) || (bridge->vendor == 0x1a03 && bridge->device == 0x1150))
        return search->packet.tlp.requester_id;
    bool to_pci = function_is_type(bridge, PCIE_TO_PCI_BRIDGE) ||
                  (!bridge->pcie && above && !plain_conventional_below(above));
    if (!to_pci)
        return pci_requester_id(bridge->bus, bridge->devfn);
    const struct pci_bus *below = &search->packet.topology->buses[bridge->secondary_bus_id];
    bool pcix = bridge->pcix && below->function_count > 0;
    for (uint32_t i = 0; i < below->function_count; i++)
        pcix = pcix && plain_at(&search->packet, below->functions[i])->pcix;
    bool answered = search->packet.tlp.kind != TRANSACTION_MEMORY_WRITE;
    return pcix && !answered ? search->packet.tlp.requester_id : pci_requester_id(bridge->secondary_bus, 0);
}

static bool port_lets_in(const struct search *search, const struct pci_function *port)
{
    unsigned control = plain_control_of(&search->packet, port), bus = search->packet.tlp.requester_id >> 8;
    if (plain_completion(&search->packet))
        return true;
    if (control & ACS_SOURCE_VALIDATION && (bus < port->secondary_bus || bus > port->subordinate_bus))
        return false;
    if (control & ACS_TRANSLATION_BLOCKING && plain_memory_kind(&search->packet) &&
        search->packet.tlp.address_type != ADDRESS_UNTRANSLATED)
        return false;
    return !(search->packet.tlp.kind == TRANSACTION_IO && control & port->acs.capability & ACS_ENHANCED);
}

static void port_from_below(struct search *search, const struct pci_function *port)
{
    if (!port_lets_in(search, port)) {
        blocked(search, ROUTE_ACS_VIOLATION);
    } else if (plain_is_its_own(&search->packet, port)) {
        enum plain_answer answer = plain_port_memory(&search->packet, port, 8);
        if (answer != PLAIN_STOP)
            divert(search, answer == PLAIN_UP);
        if (answer == PLAIN_STOP)
            blocked(search, ROUTE_ACS_VIOLATION);
        else if (answer == PLAIN_UP)
            climb(search, port, true);
        else
            end(search, PLAIN_DELIVERED, port->id, ROUTE_NO_ERROR);
    } else if (search->packet.tlp.kind == TRANSACTION_ATOMIC && port->no_atomic_routing &&
               function_is_type(port, PCIE_DOWNSTREAM_PORT)) {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    } else if (!plain_is_below(&search->packet, port)) {
        push(search, OFFERED, port->id, false);
    } else if (plain_control_of(&search->packet, port) & ACS_UPSTREAM_FORWARDING) {
        divert(search, true);
        climb(search, port, true);
    } else {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    }
}

static void from_below(struct search *search, const struct state *state)
{
    const struct pci_function *bridge = plain_at(&search->packet, state->id);
    if (search->packet.tlp.kind == TRANSACTION_CONFIGURATION) {
        blocked(search, plain_conventional_below(bridge) ? ROUTE_MASTER_ABORT : ROUTE_UNSUPPORTED_REQUEST);
        return;
    }
    if (plain_is_port(bridge)) {
        port_from_below(search, bridge);
        return;
    }
    if (!plain_completion(&search->packet))
        search->packet.tlp.requester_id = id_above(search, bridge);
    if (!state->forced && plain_is_its_own(&search->packet, bridge))
        end(search, PLAIN_DELIVERED, bridge->id, ROUTE_NO_ERROR);
    else if (!state->forced && plain_is_below(&search->packet, bridge))
        blocked(search, plain_is_switch(bridge) ? ROUTE_UNSUPPORTED_REQUEST : ROUTE_MASTER_ABORT);
    else if (search->packet.tlp.kind == TRANSACTION_ATOMIC &&
             (bridge->no_atomic_routing || bridge->atomic_egress_blocking))
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    else
        push(search, OFFERED, bridge->id, state->forced);
}

/** Does a bridge own what carries its secondary bus number, device 0, function 0? */
static bool owns_completion(const struct search *search, const struct pci_function *bridge)
{
    const struct pci_function *above = plain_bridge_of(&search->packet, bridge->bus_id);
    bool to_pci = function_is_type(bridge, PCIE_TO_PCI_BRIDGE) ||
                  (!bridge->pcie && above && !plain_conventional_below(above));
    bool keeps_ids = bridge->vendor == 0x1a03 && bridge->device == 0x1150;
    return plain_completion(&search->packet) && to_pci && !keeps_ids &&
           search->packet.tlp.requester_id == pci_requester_id(bridge->secondary_bus, 0);
}

static void from_above(struct search *search, const struct state *state)
{
    uint16_t id;
    const struct pci_function *f = plain_at(&search->packet, state->id);
    if (plain_is_vmd(&search->packet, f) && plain_memory_kind(&search->packet)) {
        for (uint32_t h = 0; h < search->packet.topology->host_bridge_count; h++) {
            const struct host_bridge *host = &search->packet.topology->host_bridges[h];
            const struct pci_function *taker =
                host->vmd_function_id == f->id ? plain_taker_on_bus(&search->packet, host->root_bus_id, NONE)
                                               : NULL;
            if (taker) {
                push(search, FROM_ABOVE, taker->id, false);
                return;
            }
        }
    }
    bool own = plain_is_its_own(&search->packet, f), below = plain_is_below(&search->packet, f);
    if (own || (below && owns_completion(search, f)) ||
        (!below && !plain_leads_on(f) && plain_goes_by_id(&search->packet, &id))) {
        end(search, PLAIN_DELIVERED, f->id, ROUTE_NO_ERROR);
        return;
    }
    if (below && search->packet.tlp.kind == TRANSACTION_ATOMIC &&
        (f->no_atomic_routing || (plain_is_port(f) && f->atomic_egress_blocking))) {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
        return;
    }
    bool fits = !plain_conventional_below(f) || plain_fits_conventional(&search->packet);
    const struct pci_function *taker =
        below && fits ? plain_taker_on_bus(&search->packet, f->secondary_bus_id, NONE) : NULL;
    if (taker)
        push(search, FROM_ABOVE, taker->id, false);
    else
        blocked(search, below && fits && plain_conventional_below(f) ? ROUTE_MASTER_ABORT
                                                                     : ROUTE_UNSUPPORTED_REQUEST);
}

/* ---- the host ---- */

/** Would the IOMMU find no context for the id? */
static bool is_stranger(const struct search *search)
{
    const struct pci_function *source = plain_at(&search->packet, search->source);
    uint16_t id = search->packet.tlp.requester_id;
    if (id != search->sent_id || id == pci_requester_id(source->bus, source->devfn))
        return false;
    for (uint32_t i = 0; i < source->alias_count; i++) {
        if (id == pci_requester_id(source->bus, source->alias_devfns[i]))
            return false;
    }
    return !topology_find(search->packet.topology, search->packet.tlp.segment, (uint8_t)(id >> 8),
                          (uint8_t)id);
}

static void untranslated(struct search *search, const struct pci_function *left)
{
    const struct topology *topology = search->packet.topology;
    const struct pci_function *taker = plain_taker_at_root(&search->packet, NULL);
    if (taker) {
        bool vouched = search->packet.machine->translated; /* by its device, and ATS is trusted */
        if (vouched || root_complex_routes(search, left, taker))
            push(search, FROM_ABOVE, taker->id, false);
        else
            blocked(search, ROUTE_UNSUPPORTED_REQUEST);
        return;
    }
    for (uint32_t h = 0; h < topology->host_bridge_count; h++) {
        const struct host_bridge *host = &topology->host_bridges[h];
        for (uint32_t w = 0; host->vmd_function_id == NONE && w < host->window_count; w++) {
            if (search->packet.tlp.address >= host->windows[w].base &&
                search->packet.tlp.address <= host->windows[w].limit) {
                blocked(search, ROUTE_UNSUPPORTED_REQUEST);
                return;
            }
        }
    }
    bool memory = topology->memory_count == 0;
    for (uint32_t i = 0; i < topology->memory_count; i++)
        memory |= search->packet.tlp.address >= topology->memory[i].base &&
                  search->packet.tlp.address <= topology->memory[i].limit;
    if (memory)
        end(search, PLAIN_MEMORY, NONE, ROUTE_NO_ERROR);
    else
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
}

static void memory_at_host(struct search *search, const struct pci_function *left)
{
    bool translated = search->packet.machine->translated, ats = search->packet.machine->ats;
    enum address_type type = search->packet.tlp.address_type;
    if (plain_interrupt_window(&search->packet)) {
        if (search->packet.tlp.kind != TRANSACTION_MEMORY_WRITE || type != ADDRESS_UNTRANSLATED)
            blocked(search, ROUTE_UNSUPPORTED_REQUEST);
        else
            end(search, translated ? PLAIN_UNIT : PLAIN_MEMORY, NONE, ROUTE_NO_ERROR);
    } else if (translated && is_stranger(search)) {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    } else if (!translated) {
        if (type == ADDRESS_TRANSLATION_REQUEST)
            blocked(search, ROUTE_UNSUPPORTED_REQUEST);
        else
            untranslated(search, left);
    } else if (type == ADDRESS_UNTRANSLATED || (type == ADDRESS_TRANSLATION_REQUEST && ats)) {
        end(search, PLAIN_UNIT, NONE, ROUTE_NO_ERROR);
    } else if (type == ADDRESS_TRANSLATED && ats) {
        untranslated(search, left);
    } else {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    }
}

static void at_host(struct search *search, const struct state *state)
{
    const struct pci_function *left = plain_at(&search->packet, state->id), *taker;
    switch (search->packet.tlp.kind) {
    case TRANSACTION_COMPLETION:
    case TRANSACTION_MESSAGE_BY_ID:
        taker = plain_taker_at_root(&search->packet, NULL);
        if (taker && (plain_completion(&search->packet) || root_complex_routes(search, left, taker)))
            push(search, FROM_ABOVE, taker->id, false);
        else
            blocked(search, ROUTE_UNSUPPORTED_REQUEST);
        break;
    case TRANSACTION_MESSAGE_TO_ROOT:
        end(search, PLAIN_UNIT, NONE, ROUTE_NO_ERROR);
        break;
    case TRANSACTION_IO:
    case TRANSACTION_CONFIGURATION:
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
        break;
    default:
        memory_at_host(search, left);
        break;
    }
}

struct plain_result plain_reach(const struct plain_machine *machine, uint32_t source,
                                const struct transaction *transaction)
{
    struct search search = {
        .packet = {.machine = machine, .topology = machine->topology, .tlp = *transaction},
        .source = source,
        .sent_id = transaction->requester_id};
    if (!plain_completion(&search.packet))
        search.packet.tlp.segment = machine->topology->functions[source].segment;
    const struct pci_function *first = plain_at(&search.packet, source);
    push(&search,
         plain_completion(&search.packet) && plain_is_below(&search.packet, first) ? FROM_ABOVE : OFFERED,
         source, false);
    while (search.head < search.tail) {
        const struct state *state = &search.queue[search.head++];
        if (state->spot == OFFERED)
            offer(&search, state);
        else if (state->spot == FROM_BELOW)
            from_below(&search, state);
        else if (state->spot == FROM_ABOVE)
            from_above(&search, state);
        else
            at_host(&search, state);
    }
    ck_assert_uint_eq(search.ends, 1);
    return search.result;
}
