/* SPDX-License-Identifier: MIT */
/**
 * @file plain_fabric.h
 * What plain_reach() asks of a machine: whose a packet is, who on a bus takes it, what a port lets pass
 * between peers. Nothing is prepared: every answer looks at all functions anew.
 */
#ifndef IOMMUSIM_TESTS_PLAIN_FABRIC_H
#define IOMMUSIM_TESTS_PLAIN_FABRIC_H

#include "tests/unit/plain_reach.h"

/** A packet on its way through a machine. */
struct plain_packet {
    const struct plain_machine *machine;
    const struct topology *topology; /**< the machine's */
    struct transaction tlp;          /**< as it is by now: bridges change its requester id */
};

/* ---- what there is ---- */

/** Function @p id, NULL for NONE. */
const struct pci_function *plain_at(const struct plain_packet *packet, uint32_t id);

/** The bus of a function's device: VFs live on their PF's. */
uint32_t plain_bus_of(const struct plain_packet *packet, const struct pci_function *f);

/** The function whose device it belongs to. */
const struct pci_function *plain_device_of(const struct plain_packet *packet, const struct pci_function *f);

/** The bridge above a bus, NULL for a root bus. */
const struct pci_function *plain_bridge_of(const struct plain_packet *packet, uint32_t bus_id);

const struct host_bridge *plain_host_of(const struct plain_packet *packet, const struct pci_function *f);

/** A root port, or a downstream port of a switch. */
bool plain_is_port(const struct pci_function *f);

/** The upstream port of a switch. */
bool plain_is_switch(const struct pci_function *f);

/** A bridge with a bus below it. */
bool plain_leads_on(const struct pci_function *f);

/** Is the bus below a bridge (or NULL, above which is none) a conventional one? */
bool plain_conventional_below(const struct pci_function *bridge);

/** The endpoint of a VMD domain. */
bool plain_is_vmd(const struct plain_packet *packet, const struct pci_function *f);

/** The function whose ACS capability counts: a VF without one has its PF's. */
const struct pci_function *plain_acs_holder(const struct plain_packet *packet, const struct pci_function *f);

/** ACS control bits in force. */
unsigned plain_control_of(const struct plain_packet *packet, const struct pci_function *f);

/* ---- whose it is ---- */

/** Routed by a memory address. */
bool plain_memory_kind(const struct plain_packet *packet);

bool plain_completion(const struct plain_packet *packet);

/** Its address is in 0xfee00000-0xfeefffff. */
bool plain_interrupt_window(const struct plain_packet *packet);

/** Routed by id? @p id is set in any case. */
bool plain_goes_by_id(const struct plain_packet *packet, uint16_t *id);

/** The function's own: one of its BARs, or its id. */
bool plain_is_its_own(const struct plain_packet *packet, const struct pci_function *f);

/** For something below the bridge @p f, by its windows or bus numbers. */
bool plain_is_below(const struct plain_packet *packet, const struct pci_function *f);

/** Its own, for something below it, or for an id it uses that nobody has. */
bool plain_takes(const struct plain_packet *packet, const struct pci_function *f);

/** Who takes it on a bus, @p but left aside; NULL: nobody. */
const struct pci_function *plain_taker_on_bus(const struct plain_packet *packet, uint32_t bus_id,
                                              uint32_t but);

/** Who takes it on the root buses that @p f's host knows: all, or the one of its VMD domain. */
const struct pci_function *plain_taker_at_root(const struct plain_packet *packet,
                                               const struct pci_function *f);

/** Can conventional PCI carry it? */
bool plain_fits_conventional(const struct plain_packet *packet);

/* ---- what a port lets pass between peers ---- */

enum plain_answer {
    PLAIN_GO,   /**< to the peer */
    PLAIN_UP,   /**< redirected upstream */
    PLAIN_STOP, /**< ACS violation */
};

/** A BAR of a port itself, asked for through the port @p by; @p shift: where the two control bits for that
 * kind of port begin (ACS Enhanced). */
enum plain_answer plain_port_memory(const struct plain_packet *packet, const struct pci_function *by,
                                    unsigned shift);

/** May @p by turn it to @p peer? */
enum plain_answer plain_may_turn(const struct plain_packet *packet, const struct pci_function *by,
                                 const struct pci_function *peer, bool inside_switch);

#endif
