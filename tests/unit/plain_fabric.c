/* SPDX-License-Identifier: MIT */
#include "tests/unit/plain_fabric.h"

/* ---- what there is ---- */

const struct pci_function *plain_at(const struct plain_packet *packet, uint32_t id)
{
    return id == NONE ? NULL : &packet->topology->functions[id];
}

/** The function whose device it belongs to: VFs live in their PF's. */
const struct pci_function *plain_device_of(const struct plain_packet *packet, const struct pci_function *f)
{
    return f->is_vf ? plain_at(packet, f->pf_id) : f;
}

uint32_t plain_bus_of(const struct plain_packet *packet, const struct pci_function *f)
{
    return plain_device_of(packet, f)->bus_id;
}

const struct pci_function *plain_bridge_of(const struct plain_packet *packet, uint32_t bus_id)
{
    return plain_at(packet, packet->topology->buses[bus_id].self_id);
}

const struct host_bridge *plain_host_of(const struct plain_packet *packet, const struct pci_function *f)
{
    return &packet->topology->host_bridges[packet->topology->buses[plain_bus_of(packet, f)].host_bridge_id];
}

bool plain_is_port(const struct pci_function *f)
{
    return function_is_type(f, PCIE_ROOT_PORT) || function_is_type(f, PCIE_DOWNSTREAM_PORT);
}

bool plain_is_switch(const struct pci_function *f)
{
    return function_is_type(f, PCIE_UPSTREAM_PORT);
}

bool plain_leads_on(const struct pci_function *f)
{
    return f->header_type == 1 && f->secondary_bus_id != NONE;
}

/** Is the bus below a bridge a conventional one? */
bool plain_conventional_below(const struct pci_function *bridge)
{
    return bridge && (!bridge->pcie || bridge->pcie_type == PCIE_TO_PCI_BRIDGE);
}

bool plain_is_vmd(const struct plain_packet *packet, const struct pci_function *f)
{
    for (uint32_t h = 0; h < packet->topology->host_bridge_count; h++) {
        if (packet->topology->host_bridges[h].vmd_function_id == f->id)
            return true;
    }
    return false;
}

const struct pci_function *plain_acs_holder(const struct plain_packet *packet, const struct pci_function *f)
{
    return f->is_vf && !f->acs.present ? plain_at(packet, f->pf_id) : f;
}

unsigned plain_control_of(const struct plain_packet *packet, const struct pci_function *f)
{
    return packet->machine->control[plain_acs_holder(packet, f)->id];
}

/* ---- whose it is ---- */

bool plain_memory_kind(const struct plain_packet *packet)
{
    return packet->tlp.kind == TRANSACTION_MEMORY_READ || packet->tlp.kind == TRANSACTION_MEMORY_WRITE ||
           packet->tlp.kind == TRANSACTION_ATOMIC;
}

bool plain_completion(const struct plain_packet *packet)
{
    return packet->tlp.kind == TRANSACTION_COMPLETION;
}

bool plain_interrupt_window(const struct plain_packet *packet)
{
    return plain_memory_kind(packet) && packet->tlp.address >> 20 == 0xfee;
}

bool plain_goes_by_id(const struct plain_packet *packet, uint16_t *id)
{
    *id = plain_completion(packet) ? packet->tlp.requester_id : packet->tlp.target_id;
    return plain_completion(packet) || packet->tlp.kind == TRANSACTION_CONFIGURATION ||
           packet->tlp.kind == TRANSACTION_MESSAGE_BY_ID;
}

/** Its own: a BAR, or its id. */
bool plain_is_its_own(const struct plain_packet *packet, const struct pci_function *f)
{
    uint16_t id;
    if (plain_goes_by_id(packet, &id))
        return f->segment == packet->tlp.segment && id == (f->bus << 8 | f->devfn);
    bool io = packet->tlp.kind == TRANSACTION_IO;
    if ((!io && !plain_memory_kind(packet)) || plain_interrupt_window(packet))
        return false;
    if (!io && (f->is_vf ? !plain_at(packet, f->pf_id)->sriov.enabled : !f->memory_space))
        return false;
    for (int b = 0; b < BAR_ROM; b++) {
        const struct bar *bar = &f->bars[b];
        bool fits = io ? bar->kind == BAR_IO : bar->kind == BAR_MEMORY32 || bar->kind == BAR_MEMORY64;
        if (fits && bar->assigned && packet->tlp.address >= bar->address &&
            packet->tlp.address - bar->address < bar->size)
            return true;
    }
    return false;
}

static bool in_window(const struct plain_packet *packet, const struct window *window)
{
    return window->open && packet->tlp.address >= window->base && packet->tlp.address <= window->limit;
}

/** For something below it. */
bool plain_is_below(const struct plain_packet *packet, const struct pci_function *f)
{
    uint16_t id;
    if (!plain_leads_on(f) || plain_interrupt_window(packet))
        return false;
    if (plain_goes_by_id(packet, &id))
        return f->segment == packet->tlp.segment && id >> 8 >= f->secondary_bus &&
               id >> 8 <= f->subordinate_bus;
    if (packet->tlp.kind == TRANSACTION_IO)
        return in_window(packet, &f->io_window);
    return plain_memory_kind(packet) && f->memory_space &&
           (in_window(packet, &f->memory_window) || in_window(packet, &f->prefetchable_window));
}

/** For an id that the function uses and nobody has. */
static bool is_alias(const struct plain_packet *packet, const struct pci_function *f)
{
    uint16_t id;
    if (!plain_goes_by_id(packet, &id) || f->segment != packet->tlp.segment || id >> 8 != f->bus ||
        topology_find(packet->topology, f->segment, f->bus, (uint8_t)id))
        return false;
    for (uint32_t i = 0; i < f->alias_count; i++) {
        if (f->alias_devfns[i] == (uint8_t)id)
            return true;
    }
    return false;
}

bool plain_takes(const struct plain_packet *packet, const struct pci_function *f)
{
    return plain_is_its_own(packet, f) || plain_is_below(packet, f) || is_alias(packet, f);
}

const struct pci_function *plain_taker_on_bus(const struct plain_packet *packet, uint32_t bus_id,
                                              uint32_t but)
{
    for (uint32_t i = 0; i < packet->topology->function_count; i++) {
        const struct pci_function *f = plain_at(packet, i);
        if (i != but && plain_bus_of(packet, f) == bus_id && plain_takes(packet, f))
            return f;
    }
    return NULL;
}

/** Among the root buses that @p f's host knows: all, or the one of its VMD domain. */
const struct pci_function *plain_taker_at_root(const struct plain_packet *packet,
                                               const struct pci_function *f)
{
    const struct topology *topology = packet->topology;
    bool domain = f && plain_host_of(packet, f)->vmd_function_id != NONE;
    for (uint32_t h = 0; h < topology->host_bridge_count; h++) {
        const struct host_bridge *host = &topology->host_bridges[h];
        if (domain ? host != plain_host_of(packet, f) : host->vmd_function_id != NONE)
            continue;
        const struct pci_function *taker = plain_taker_on_bus(packet, host->root_bus_id, f ? f->id : NONE);
        if (taker)
            return taker;
    }
    return NULL;
}

bool plain_fits_conventional(const struct plain_packet *packet)
{
    switch (packet->tlp.kind) {
    case TRANSACTION_MEMORY_READ:
    case TRANSACTION_MEMORY_WRITE:
        return packet->tlp.address_type != ADDRESS_TRANSLATION_REQUEST;
    case TRANSACTION_IO:
    case TRANSACTION_CONFIGURATION:
    case TRANSACTION_COMPLETION:
        return true;
    default:
        return false;
    }
}

/* ---- what a port lets pass between peers ---- */

/** The bit of an egress vector for a peer: 0 or 1, or -1 where the vector has none for it. */
static int egress_bit(const struct plain_packet *packet, const struct pci_function *by,
                      const struct pci_function *peer)
{
    const struct acs *acs = &plain_acs_holder(packet, by)->acs;
    const struct pci_function *own = plain_device_of(packet, by), *other = plain_device_of(packet, peer);
    unsigned index;
    if (plain_is_port(by)) {
        if (!plain_is_port(peer))
            return -1;
        index = pci_slot(peer->devfn); /* no configuration space here to tell the Port Number */
    } else {
        bool root = plain_bridge_of(packet, own->bus_id) == NULL;
        if (own->bus_id != other->bus_id || (root && pci_slot(own->devfn) != pci_slot(other->devfn)))
            return -1;
        if (plain_is_port(peer)) {
            index = pci_slot(peer->devfn);
        } else {
            uint8_t first = other->ari ? 0 : (uint8_t)(other->devfn & ~7U);
            const struct pci_function *zero =
                topology_find(packet->topology, other->segment, other->bus, first);
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
static enum plain_answer table(const struct plain_packet *packet, const struct pci_function *by,
                               const struct pci_function *peer)
{
    unsigned control = plain_control_of(packet, by);
    bool redirect = control & ACS_REQUEST_REDIRECT, egress = control & ACS_EGRESS_CONTROL;
    if (plain_completion(packet))
        return control & ACS_COMPLETION_REDIRECT && !packet->tlp.relaxed_ordering ? PLAIN_UP : PLAIN_GO;
    if (plain_memory_kind(packet) && packet->tlp.address_type == ADDRESS_TRANSLATED &&
        control & ACS_DIRECT_TRANSLATED)
        return PLAIN_GO;
    int bit = egress ? egress_bit(packet, by, peer) : -1;
    if (bit < 0)
        return redirect ? PLAIN_UP : PLAIN_GO;
    if (bit == 0)
        return PLAIN_GO;
    return redirect ? PLAIN_UP : PLAIN_STOP;
}

/** A BAR of a port itself, asked for through the port @p by. */
enum plain_answer plain_port_memory(const struct plain_packet *packet, const struct pci_function *by,
                                    unsigned shift)
{
    unsigned control = plain_control_of(packet, by);
    const struct acs *acs = &plain_acs_holder(packet, by)->acs;
    if (plain_completion(packet))
        return PLAIN_GO;
    if (plain_memory_kind(packet) && acs->present && acs->capability & ACS_ENHANCED)
        return (control >> shift & 3) == 1 ? PLAIN_STOP : (control >> shift & 3) == 2 ? PLAIN_UP : PLAIN_GO;
    return control & ACS_REQUEST_REDIRECT ? PLAIN_UP : PLAIN_GO;
}

enum plain_answer plain_may_turn(const struct plain_packet *packet, const struct pci_function *by,
                                 const struct pci_function *peer, bool inside_switch)
{
    const struct acs *acs = &plain_acs_holder(packet, by)->acs;
    if (!inside_switch && !plain_completion(packet) && acs->present &&
        !(acs->capability & (ACS_REQUEST_REDIRECT | ACS_EGRESS_CONTROL)))
        return PLAIN_UP;
    if (plain_is_port(by) && plain_is_port(peer) && !plain_completion(packet) &&
        plain_is_its_own(packet, peer))
        return plain_port_memory(packet, by, 8);
    return table(packet, by, peer);
}
