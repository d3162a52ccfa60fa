/* SPDX-License-Identifier: MIT */
/**
 * @file simgrid_platform.h
 * A machine's fabric as a SimGrid platform (XML, DTD of version 4.1): what SMPI and other programs on SimGrid
 * load. Nothing here needs SimGrid.
 *
 * One zone a machine, routed by Floyd, of
 * - a host for each function that can issue DMA, and one, "memory", for CPUs and RAM;
 * - a router for the root complex, each switch, bridge and device; a second one, "_redirect", for what a
 *   switch or device has to send up instead of turning it (ACS P2P Request Redirect in force);
 * - two links a PCI Express link, named after the port above it: "_up" and "_down"; one, "_bus", a
 *   conventional bus;
 * - three links of policy FATPIPE a function, which cap each flow for itself: "_out" (what it sends), "_in"
 * (what peers send it) and "_read" (what it reads of memory: its tags and the time one is out are a limit,
 * too);
 * - "memory_bandwidth", which all DMA together shares, and FATPIPE links for what the root complex adds in
 * time.
 *
 * Names are addresses with '-' for ':' ("0000-3b-00.0"), since SMPI's host files give ':' a meaning.
 *
 * A link's bandwidth is what is left for payload, or what its posted credits allow (fabric_rates.h); latency
 * is that of propagation and of the switch the link leads into. The share of the rate behind the line code is
 * a property of each link, "efficiency".
 *
 * What a platform cannot say, and the text does in comments: arbitration by port, credits, read requests on
 * their way, translation, and which root ports route requests to each other.
 */
#ifndef IOMMUSIM_OUTPUT_SIMGRID_PLATFORM_H
#define IOMMUSIM_OUTPUT_SIMGRID_PLATFORM_H

#include "sim/base/text_buffer.h"
#include "sim/machine/machine.h"

/** Most nodes of a zone that Floyd routes; its work grows with the cube. Above, the zone is of Dijkstra. */
enum { SIMGRID_FLOYD_NODES = 700 };

enum { SIMGRID_NAME_SIZE = BDF_TEXT_SIZE };

/** The name of a function in the platform, without prefix: "0000-3b-00.0". @return name */
char *simgrid_function_name(char name[SIMGRID_NAME_SIZE], const struct pci_function *function);

/** May @p text begin names: letters, digits, '-', '_' and '.'? */
bool simgrid_prefix_valid(const char *text);

/**
 * Write the platform of a machine.
 * @param machine   built; its workload does not matter
 * @param topology  of it
 * @param prefix    before every name, so that several machines fit into one platform; "" for none
 */
void simgrid_platform_write(const struct machine *machine, const struct topology *topology,
                            const char *prefix, struct text_buffer *out);

#endif
