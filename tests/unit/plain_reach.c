/* SPDX-License-Identifier: MIT */
/*
 * A search over states of a packet: offered by a function to its bus, come to a bridge from below, come to a
 * function from above, at the host. Nothing is prepared: everyone on a bus is asked whether he takes it.
 */
#include "tests/unit/plain_reach.h"

#include <check.h>

enum { QUEUE = 128 };

enum spot { OFFERED, FROM_BELOW, FROM_ABOVE, AT_HOST };

struct state {
    enum spot spot;
    uint32_t id;
    bool forced; /**< the switch was told to send it up: nobody beside the upstream port may take it */
};

struct search {
    const struct plain_machine *machine;
    const struct topology *topology;
    struct transaction tlp;
    uint32_t source;
    uint16_t sent_id;
    struct state queue[QUEUE];
    unsigned head, tail;
    struct plain_result result;
    unsigned ends;
    bool diverted; /**< a port had a say */
};

typedef struct pci_function function;

/* ---- what there is ---- */

static const function *at(const struct search *search, uint32_t id)
{
    return id == NONE ? NULL : &search->topology->functions[id];
}

/** The function whose device it belongs to: VFs live in their PF's. */
static const function *device_of(const struct search *search, const function *f)
{
    return f->is_vf ? at(search, f->pf_id) : f;
}

static uint32_t bus_of(const struct search *search, const function *f)
{
    return device_of(search, f)->bus_id;
}

static const function *bridge_of(const struct search *search, uint32_t bus_id)
{
    return at(search, search->topology->buses[bus_id].self_id);
}

static const struct host_bridge *host_of(const struct search *search, const function *f)
{
    return &search->topology->host_bridges[search->topology->buses[bus_of(search, f)].host_bridge_id];
}

static bool is_port(const function *f)
{
    return function_is_type(f, PCIE_ROOT_PORT) || function_is_type(f, PCIE_DOWNSTREAM_PORT);
}

static bool is_switch(const function *f)
{
    return function_is_type(f, PCIE_UPSTREAM_PORT);
}

static bool leads_on(const function *f)
{
    return f->header_type == 1 && f->secondary_bus_id != NONE;
}

/** Is the bus below a bridge a conventional one? */
static bool conventional_below(const function *bridge)
{
    return bridge && (!bridge->pcie || bridge->pcie_type == PCIE_TO_PCI_BRIDGE);
}

static bool is_vmd(const struct search *search, const function *f)
{
    for (uint32_t h = 0; h < search->topology->host_bridge_count; h++) {
        if (search->topology->host_bridges[h].vmd_function_id == f->id)
            return true;
    }
    return false;
}

static const function *acs_holder(const struct search *search, const function *f)
{
    return f->is_vf && !f->acs.present ? at(search, f->pf_id) : f;
}

static unsigned control_of(const struct search *search, const function *f)
{
    return search->machine->control[acs_holder(search, f)->id];
}

/* ---- whose it is ---- */

static bool memory_kind(const struct search *search)
{
    return search->tlp.kind == TRANSACTION_MEMORY_READ || search->tlp.kind == TRANSACTION_MEMORY_WRITE ||
           search->tlp.kind == TRANSACTION_ATOMIC;
}

static bool completion(const struct search *search)
{
    return search->tlp.kind == TRANSACTION_COMPLETION;
}

static bool interrupt_window(const struct search *search)
{
    return memory_kind(search) && search->tlp.address >> 20 == 0xfee;
}

static bool goes_by_id(const struct search *search, uint16_t *id)
{
    *id = completion(search) ? search->tlp.requester_id : search->tlp.target_id;
    return completion(search) || search->tlp.kind == TRANSACTION_CONFIGURATION ||
           search->tlp.kind == TRANSACTION_MESSAGE_BY_ID;
}

/** Its own: a BAR, or its id. */
static bool is_its_own(const struct search *search, const function *f)
{
    uint16_t id;
    if (goes_by_id(search, &id))
        return f->segment == search->tlp.segment && id == (f->bus << 8 | f->devfn);
    bool io = search->tlp.kind == TRANSACTION_IO;
    if ((!io && !memory_kind(search)) || interrupt_window(search))
        return false;
    if (!io && (f->is_vf ? !at(search, f->pf_id)->sriov.enabled : !f->memory_space))
        return false;
    for (int b = 0; b < BAR_ROM; b++) {
        const struct bar *bar = &f->bars[b];
        bool fits = io ? bar->kind == BAR_IO : bar->kind == BAR_MEMORY32 || bar->kind == BAR_MEMORY64;
        if (fits && bar->assigned && search->tlp.address >= bar->address &&
            search->tlp.address - bar->address < bar->size)
            return true;
    }
    return false;
}

static bool in_window(const struct search *search, const struct window *window)
{
    return window->open && search->tlp.address >= window->base && search->tlp.address <= window->limit;
}

/** For something below it. */
static bool is_below(const struct search *search, const function *f)
{
    uint16_t id;
    if (!leads_on(f) || interrupt_window(search))
        return false;
    if (goes_by_id(search, &id))
        return f->segment == search->tlp.segment && id >> 8 >= f->secondary_bus &&
               id >> 8 <= f->subordinate_bus;
    if (search->tlp.kind == TRANSACTION_IO)
        return in_window(search, &f->io_window);
    return memory_kind(search) && f->memory_space &&
           (in_window(search, &f->memory_window) || in_window(search, &f->prefetchable_window));
}

/** For an id that the function uses and nobody has. */
static bool is_alias(const struct search *search, const function *f)
{
    uint16_t id;
    if (!goes_by_id(search, &id) || f->segment != search->tlp.segment || id >> 8 != f->bus ||
        topology_find(search->topology, f->segment, f->bus, (uint8_t)id))
        return false;
    for (uint32_t i = 0; i < f->alias_count; i++) {
        if (f->alias_devfns[i] == (uint8_t)id)
            return true;
    }
    return false;
}

static bool takes(const struct search *search, const function *f)
{
    return is_its_own(search, f) || is_below(search, f) || is_alias(search, f);
}

static const function *taker_on_bus(const struct search *search, uint32_t bus_id, uint32_t but)
{
    for (uint32_t i = 0; i < search->topology->function_count; i++) {
        const function *f = at(search, i);
        if (i != but && bus_of(search, f) == bus_id && takes(search, f))
            return f;
    }
    return NULL;
}

/** Among the root buses that @p f's host knows: all, or the one of its VMD domain. */
static const function *taker_at_root(const struct search *search, const function *f)
{
    const struct topology *topology = search->topology;
    bool domain = f && host_of(search, f)->vmd_function_id != NONE;
    for (uint32_t h = 0; h < topology->host_bridge_count; h++) {
        const struct host_bridge *host = &topology->host_bridges[h];
        if (domain ? host != host_of(search, f) : host->vmd_function_id != NONE)
            continue;
        const function *taker = taker_on_bus(search, host->root_bus_id, f ? f->id : NONE);
        if (taker)
            return taker;
    }
    return NULL;
}

static bool fits_conventional(const struct search *search)
{
    switch (search->tlp.kind) {
    case TRANSACTION_MEMORY_READ:
    case TRANSACTION_MEMORY_WRITE:
        return search->tlp.address_type != ADDRESS_TRANSLATION_REQUEST;
    case TRANSACTION_IO:
    case TRANSACTION_CONFIGURATION:
    case TRANSACTION_COMPLETION:
        return true;
    default:
        return false;
    }
}

/* ---- the way ---- */

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
    search->result.requester_id = search->tlp.requester_id;
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
static void climb(struct search *search, const function *f, bool forced)
{
    const function *bridge = bridge_of(search, bus_of(search, f));
    const struct host_bridge *host = host_of(search, f);
    if (bridge) {
        push(search, FROM_BELOW, bridge->id, forced && is_switch(bridge));
    } else if (host->vmd_function_id == NONE) {
        push(search, AT_HOST, f->id, false);
    } else if (memory_kind(search) || completion(search) || search->tlp.kind == TRANSACTION_MESSAGE_TO_ROOT) {
        const function *vmd = at(search, host->vmd_function_id);
        if (!completion(search)) {
            search->tlp.requester_id = pci_requester_id(vmd->bus, vmd->devfn);
            search->tlp.segment = vmd->segment;
        }
        push(search, OFFERED, vmd->id, false);
    } else {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    }
}

enum answer { GO, UP, STOP };

/** The bit of an egress vector for a peer: 0 or 1, or -1 where the vector has none for it. */
static int egress_bit(const struct search *search, const function *by, const function *peer)
{
    const struct acs *acs = &acs_holder(search, by)->acs;
    const function *own = device_of(search, by), *other = device_of(search, peer);
    unsigned index;
    if (is_port(by)) {
        if (!is_port(peer))
            return -1;
        index = pci_slot(peer->devfn); /* no configuration space here to tell the Port Number */
    } else {
        bool root = bridge_of(search, own->bus_id) == NULL;
        if (own->bus_id != other->bus_id || (root && pci_slot(own->devfn) != pci_slot(other->devfn)))
            return -1;
        if (is_port(peer)) {
            index = pci_slot(peer->devfn);
        } else {
            uint8_t first = other->ari ? 0 : (uint8_t)(other->devfn & ~7U);
            const function *zero = topology_find(search->topology, other->segment, other->bus, first);
            if (zero && zero->ari_acs_groups)
                index = peer->ari_function_group;
            else if (peer->bus != other->bus)
                return -1;
            else
                index = peer->ari ? peer->devfn : pci_func(peer->devfn);
        }
    }
    unsigned size = acs->capability >> 8;
    if (!acs->present || !(acs->capability & ACS_EGRESS_CONTROL) || index >= (size ? size : 256))
        return -1;
    uint32_t dword = index < 32 ? acs->egress_vector : acs->egress_vector_more[index / 32 - 1];
    return acs->egress_vector_known && dword >> index % 32 & 1;
}

/** PCIe Base Spec, table of Request Redirect against Egress Control. */
static enum answer table(const struct search *search, const function *by, const function *peer)
{
    unsigned control = control_of(search, by);
    bool redirect = control & ACS_REQUEST_REDIRECT, egress = control & ACS_EGRESS_CONTROL;
    if (completion(search))
        return control & ACS_COMPLETION_REDIRECT && !search->tlp.relaxed_ordering ? UP : GO;
    if (memory_kind(search) && search->tlp.address_type == ADDRESS_TRANSLATED &&
        control & ACS_DIRECT_TRANSLATED)
        return GO;
    int bit = egress ? egress_bit(search, by, peer) : -1;
    if (bit < 0)
        return redirect ? UP : GO;
    if (bit == 0)
        return GO;
    return redirect ? UP : STOP;
}

/** A BAR of a port itself, asked for through the port @p by. */
static enum answer port_memory(const struct search *search, const function *by, unsigned shift)
{
    unsigned control = control_of(search, by);
    const struct acs *acs = &acs_holder(search, by)->acs;
    if (completion(search))
        return GO;
    if (memory_kind(search) && acs->present && acs->capability & ACS_ENHANCED)
        return (control >> shift & 3) == 1 ? STOP : (control >> shift & 3) == 2 ? UP : GO;
    return control & ACS_REQUEST_REDIRECT ? UP : GO;
}

static enum answer may_turn(const struct search *search, const function *by, const function *peer,
                            bool inside_switch)
{
    const struct acs *acs = &acs_holder(search, by)->acs;
    if (!inside_switch && !completion(search) && acs->present &&
        !(acs->capability & (ACS_REQUEST_REDIRECT | ACS_EGRESS_CONTROL)))
        return UP;
    if (is_port(by) && is_port(peer) && !completion(search) && is_its_own(search, peer))
        return port_memory(search, by, 8);
    return table(search, by, peer);
}

/** @p by may turn it to @p peer, or not. */
static void turn(struct search *search, const function *by, const function *peer, enum answer answer)
{
    divert(search, answer == UP);
    if (answer == STOP)
        blocked(search, ROUTE_ACS_VIOLATION);
    else if (answer == GO)
        push(search, FROM_ABOVE, peer->id, false);
    else
        climb(search, by, true);
}

static void offer_in_switch(struct search *search, const function *by, const function *upstream)
{
    const function *peer = taker_on_bus(search, bus_of(search, by), by->id);
    if (peer) {
        turn(search, by, peer, may_turn(search, by, peer, true));
        return;
    }
    if (is_its_own(search, upstream)) {
        enum answer answer = port_memory(search, by, 10);
        if (answer != GO)
            divert(search, answer == UP);
        if (answer == STOP)
            blocked(search, ROUTE_ACS_VIOLATION);
        else
            climb(search, by, answer == UP);
        return;
    }
    if (!is_below(search, upstream)) {
        climb(search, by, false);
        return;
    }
    if (memory_kind(search) && acs_holder(search, by)->acs.capability & ACS_ENHANCED &&
        control_of(search, by) & ACS_UNCLAIMED_REDIRECT) {
        divert(search, true);
        climb(search, by, true);
    } else {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    }
}

static void offer_on_conventional(struct search *search, const function *by, const function *bridge)
{
    const function *peer = taker_on_bus(search, bus_of(search, by), by->id);
    if (!fits_conventional(search)) {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    } else if (peer) {
        divert(search, false);
        push(search, FROM_ABOVE, peer->id, false);
    } else if (takes(search, by) || is_below(search, bridge)) {
        blocked(search, ROUTE_MASTER_ABORT);
    } else {
        climb(search, by, false);
    }
}

static enum peer_routing routing_of(const struct search *search, const function *f)
{
    enum peer_routing routing = host_of(search, f)->peer_routing;
    if (routing == PEER_ROUTING_DEFAULT)
        return search->topology->root_complex_peer_to_peer ? PEER_ROUTING_ALL : PEER_ROUTING_NONE;
    return routing;
}

static bool root_complex_routes(const struct search *search, const function *from, const function *to)
{
    enum peer_routing a = routing_of(search, from), b = routing_of(search, to);
    return host_of(search, from) == host_of(search, to) ? a != PEER_ROUTING_NONE
                                                        : a == PEER_ROUTING_ALL && b == PEER_ROUTING_ALL;
}

static void offer_at_root(struct search *search, const function *by)
{
    const function *peer = taker_at_root(search, by);
    if (!peer) {
        climb(search, by, false);
        return;
    }
    bool device = bus_of(search, peer) == bus_of(search, by) &&
                  pci_slot(device_of(search, peer)->devfn) == pci_slot(device_of(search, by)->devfn);
    enum answer answer = may_turn(search, by, peer, false);
    if (answer == GO && !device && !root_complex_routes(search, by, peer))
        answer = UP;
    turn(search, by, peer, answer);
}

static void offer(struct search *search, const struct state *state)
{
    const function *by = at(search, state->id);
    const function *bridge = bridge_of(search, bus_of(search, by));
    if (search->tlp.kind == TRANSACTION_CONFIGURATION && !conventional_below(bridge)) {
        climb(search, by, false);
    } else if (!bridge) {
        offer_at_root(search, by);
    } else if (conventional_below(bridge)) {
        offer_on_conventional(search, by, bridge);
    } else if (is_switch(bridge)) {
        offer_in_switch(search, by, bridge);
    } else {
        const function *peer = state->forced ? NULL : taker_on_bus(search, bus_of(search, by), by->id);
        if (peer)
            turn(search, by, peer, may_turn(search, by, peer, false));
        else
            climb(search, by, false);
    }
}

/** Whose id a bridge puts on what comes from below. */
static uint16_t id_above(const struct search *search, const function *bridge)
{
    const function *above = bridge_of(search, bridge->bus_id);
    if (is_switch(bridge) || (bridge->vendor == 0x1a03 && bridge->device == 0x1150))
        return search->tlp.requester_id;
    bool to_pci = function_is_type(bridge, PCIE_TO_PCI_BRIDGE) ||
                  (!bridge->pcie && above && !conventional_below(above));
    if (!to_pci)
        return pci_requester_id(bridge->bus, bridge->devfn);
    const struct pci_bus *below = &search->topology->buses[bridge->secondary_bus_id];
    bool pcix = bridge->pcix && below->function_count > 0;
    for (uint32_t i = 0; i < below->function_count; i++)
        pcix = pcix && at(search, below->functions[i])->pcix;
    bool answered = search->tlp.kind != TRANSACTION_MEMORY_WRITE;
    return pcix && !answered ? search->tlp.requester_id : pci_requester_id(bridge->secondary_bus, 0);
}

static bool port_lets_in(const struct search *search, const function *port)
{
    unsigned control = control_of(search, port), bus = search->tlp.requester_id >> 8;
    if (completion(search))
        return true;
    if (control & ACS_SOURCE_VALIDATION && (bus < port->secondary_bus || bus > port->subordinate_bus))
        return false;
    if (control & ACS_TRANSLATION_BLOCKING && memory_kind(search) &&
        search->tlp.address_type != ADDRESS_UNTRANSLATED)
        return false;
    return !(search->tlp.kind == TRANSACTION_IO && control & port->acs.capability & ACS_ENHANCED);
}

static void port_from_below(struct search *search, const function *port)
{
    if (!port_lets_in(search, port)) {
        blocked(search, ROUTE_ACS_VIOLATION);
    } else if (is_its_own(search, port)) {
        enum answer answer = port_memory(search, port, 8);
        if (answer != STOP)
            divert(search, answer == UP);
        if (answer == STOP)
            blocked(search, ROUTE_ACS_VIOLATION);
        else if (answer == UP)
            climb(search, port, true);
        else
            end(search, PLAIN_DELIVERED, port->id, ROUTE_NO_ERROR);
    } else if (!is_below(search, port)) {
        push(search, OFFERED, port->id, false);
    } else if (control_of(search, port) & ACS_UPSTREAM_FORWARDING) {
        divert(search, true);
        climb(search, port, true);
    } else {
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
    }
}

static void from_below(struct search *search, const struct state *state)
{
    const function *bridge = at(search, state->id);
    if (search->tlp.kind == TRANSACTION_CONFIGURATION) {
        blocked(search, conventional_below(bridge) ? ROUTE_MASTER_ABORT : ROUTE_UNSUPPORTED_REQUEST);
        return;
    }
    if (is_port(bridge)) {
        port_from_below(search, bridge);
        return;
    }
    if (!completion(search))
        search->tlp.requester_id = id_above(search, bridge);
    if (!state->forced && is_its_own(search, bridge))
        end(search, PLAIN_DELIVERED, bridge->id, ROUTE_NO_ERROR);
    else if (!state->forced && is_below(search, bridge))
        blocked(search, is_switch(bridge) ? ROUTE_UNSUPPORTED_REQUEST : ROUTE_MASTER_ABORT);
    else
        push(search, OFFERED, bridge->id, state->forced);
}

/** Does a bridge own what carries its secondary bus number, device 0, function 0? */
static bool owns_completion(const struct search *search, const function *bridge)
{
    const function *above = bridge_of(search, bridge->bus_id);
    bool to_pci = function_is_type(bridge, PCIE_TO_PCI_BRIDGE) ||
                  (!bridge->pcie && above && !conventional_below(above));
    bool keeps_ids = bridge->vendor == 0x1a03 && bridge->device == 0x1150;
    return completion(search) && to_pci && !keeps_ids &&
           search->tlp.requester_id == pci_requester_id(bridge->secondary_bus, 0);
}

static void from_above(struct search *search, const struct state *state)
{
    uint16_t id;
    const function *f = at(search, state->id);
    if (is_vmd(search, f) && memory_kind(search)) {
        for (uint32_t h = 0; h < search->topology->host_bridge_count; h++) {
            const struct host_bridge *host = &search->topology->host_bridges[h];
            const function *taker =
                host->vmd_function_id == f->id ? taker_on_bus(search, host->root_bus_id, NONE) : NULL;
            if (taker) {
                push(search, FROM_ABOVE, taker->id, false);
                return;
            }
        }
    }
    bool own = is_its_own(search, f), below = is_below(search, f);
    if (own || (below && owns_completion(search, f)) || (!below && !leads_on(f) && goes_by_id(search, &id))) {
        end(search, PLAIN_DELIVERED, f->id, ROUTE_NO_ERROR);
        return;
    }
    bool fits = !conventional_below(f) || fits_conventional(search);
    const function *taker = below && fits ? taker_on_bus(search, f->secondary_bus_id, NONE) : NULL;
    if (taker)
        push(search, FROM_ABOVE, taker->id, false);
    else
        blocked(search,
                below && fits && conventional_below(f) ? ROUTE_MASTER_ABORT : ROUTE_UNSUPPORTED_REQUEST);
}

/* ---- the host ---- */

/** Would the IOMMU find no context for the id? */
static bool is_stranger(const struct search *search)
{
    const function *source = at(search, search->source);
    uint16_t id = search->tlp.requester_id;
    if (id != search->sent_id || id == pci_requester_id(source->bus, source->devfn))
        return false;
    for (uint32_t i = 0; i < source->alias_count; i++) {
        if (id == pci_requester_id(source->bus, source->alias_devfns[i]))
            return false;
    }
    return !topology_find(search->topology, search->tlp.segment, (uint8_t)(id >> 8), (uint8_t)id);
}

static void untranslated(struct search *search, const function *left)
{
    const struct topology *topology = search->topology;
    const function *taker = taker_at_root(search, NULL);
    if (taker) {
        bool vouched = search->machine->translated; /* by its device, and ATS is trusted */
        if (vouched || root_complex_routes(search, left, taker))
            push(search, FROM_ABOVE, taker->id, false);
        else
            blocked(search, ROUTE_UNSUPPORTED_REQUEST);
        return;
    }
    for (uint32_t h = 0; h < topology->host_bridge_count; h++) {
        const struct host_bridge *host = &topology->host_bridges[h];
        for (uint32_t w = 0; host->vmd_function_id == NONE && w < host->window_count; w++) {
            if (search->tlp.address >= host->windows[w].base &&
                search->tlp.address <= host->windows[w].limit) {
                blocked(search, ROUTE_UNSUPPORTED_REQUEST);
                return;
            }
        }
    }
    bool memory = topology->memory_count == 0;
    for (uint32_t i = 0; i < topology->memory_count; i++)
        memory |= search->tlp.address >= topology->memory[i].base &&
                  search->tlp.address <= topology->memory[i].limit;
    if (memory)
        end(search, PLAIN_MEMORY, NONE, ROUTE_NO_ERROR);
    else
        blocked(search, ROUTE_UNSUPPORTED_REQUEST);
}

static void memory_at_host(struct search *search, const function *left)
{
    bool translated = search->machine->translated, ats = search->machine->ats;
    enum address_type type = search->tlp.address_type;
    if (interrupt_window(search)) {
        if (search->tlp.kind != TRANSACTION_MEMORY_WRITE || type != ADDRESS_UNTRANSLATED)
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
    const function *left = at(search, state->id), *taker;
    switch (search->tlp.kind) {
    case TRANSACTION_COMPLETION:
    case TRANSACTION_MESSAGE_BY_ID:
        taker = taker_at_root(search, NULL);
        if (taker && (completion(search) || root_complex_routes(search, left, taker)))
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
    struct search search = {.machine = machine,
                            .topology = machine->topology,
                            .tlp = *transaction,
                            .source = source,
                            .sent_id = transaction->requester_id};
    if (!completion(&search))
        search.tlp.segment = machine->topology->functions[source].segment;
    const function *first = at(&search, source);
    push(&search, completion(&search) && is_below(&search, first) ? FROM_ABOVE : OFFERED, source, false);
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
