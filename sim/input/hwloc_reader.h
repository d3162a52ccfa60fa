/* SPDX-License-Identifier: MIT */
/**
 * @file hwloc_reader.h
 * What the XML of hwloc (`lstopo --whole-io --of xml`) says of a machine: its tree of PCI functions.
 *
 *     <object type="Bridge" bridge_type="0-1" bridge_pci="0000:[00-06]">          a root bus
 *     <object type="Bridge" bridge_type="1-1" bridge_pci="0000:[01-01]" pci_busid="0000:00:01.0"
 *             pci_type="0604 [8086:a70d] [1043:8882] 01" pci_link_speed="31.507692">
 *     <object type="PCIDev" pci_busid="0000:01:00.0" pci_type="0300 [10de:2484] [1458:404c] a1" ...>
 *       <info name="PCIDevice" value="..."/>  <object type="OSDev" name="ib0" .../>   names
 *
 * Forms 1 to 3 of it agree in this (3 adds the programming interface to pci_type). Where an object hangs
 * among packages and NUMA nodes says on which node it is: the nodeset of the closest object around it, where
 * that is a single node.
 *
 * pci_link_speed is bandwidth: lanes times rate behind the line code, in GB/s (hwloc,
 * hwloc_pcidisc_find_linkspeed(); 0: no link, or not readable). Speed and width follow where some do make
 * that; of several the widest link, of storage one of four lanes. A value above 0 also says that the function
 * is PCI Express. Neither port types nor ACS are in the file: both stay unknown.
 *
 * Source: hwloc 2.9 and 3.0, hwloc/topology-xml.c and pci-common.c. XML is read by expat; entities declared
 * in the document are refused, and nothing outside of it is looked at.
 *
 * Codes: hwloc-xml (no well-formed XML, or more of it than such a file has), hwloc-attribute (a value that is
 * not what hwloc writes), hwloc-twice (a function stated twice), hwloc-no-pci, hwloc-link-speed (a bandwidth
 * no link has), beside those of dump.h.
 */
#ifndef IOMMUSIM_INPUT_HWLOC_READER_H
#define IOMMUSIM_INPUT_HWLOC_READER_H

#include "sim/input/dump.h"

/** Is @p source a topology of hwloc in XML? */
bool hwloc_recognise(const struct source_text *source);

/** Add what @p source says to @p dump. */
void hwloc_read(const struct source_text *source, struct dump *dump);

/**
 * Speed and width of the link that has a bandwidth.
 * @param gigabytes_per_s  as hwloc writes it
 * @param class_code       of the device at its lower end: 24 bits
 * @return generation and width; 0 where no link has that bandwidth
 */
struct link_state hwloc_link(double gigabytes_per_s, uint32_t class_code);

#endif
