/* SPDX-License-Identifier: MIT */
/**
 * @file synthetic.h
 * A machine in one line, for tests and quick questions.
 *
 *     rp[acs](up(dp[acs](ep) dp[acs](ep[id=8086:1572,mf] ep@.1)))  rciep@1f.0[id=8086:a370]
 *
 * Grammar (spaces and line ends may stand between the parts):
 *
 *     machine := host { "|" host }              further host bridges after "|"
 *     host    := [ "bus=" HEX ":" ] { node }    root bus number; without it 00, then 40, 80, c0
 *     node    := kind [ "*" COUNT ] [ "@" place ] [ "[" option { "," option } "]" ] [ "(" { node } ")" ]
 *     place   := DEVICE | DEVICE "." FUNCTION | "." FUNCTION       hexadecimal
 *     kind    := rp up dp             root port, switch upstream port, switch downstream port
 *              | ep lep rciep rcec    endpoint, legacy endpoint, integrated endpoint, event collector
 *              | pcie2pci pci2pcie    PCI Express to PCI bridge, the reverse
 *              | pci pcibridge        conventional function, conventional bridge
 *     option  := acs                  capability SV TB RR CR UF (1f), control as the kernel sets it (1d)
 *              | acs=CAP:CTL          both hexadecimal
 *              | noacs                the default
 *              | id=VVVV:DDDD | sub=VVVV:DDDD | class=CCCC | class=CCCCII
 *              | mf                   multifunction bit (also set where the slot has further functions)
 *              | ari                  ARI capability; on rp and dp: ARI forwarding enabled
 *              | ev=HEX[:HEX...]      ACS egress control vector, 32 bits each, the lowest first
 *              | fgroup=N             ARI Function Group, 0..7; on function 0, fgroups: the egress vectors of
 *                                     the device select groups
 *              | p2p=none|within|all  on functions of the root bus: where the root complex routes requests of
 *                                     devices (struct host_bridge)
 *              | pcix                 PCI-X capability
 *              | vf=N | vf=N:OFFSET:STRIDE    SR-IOV with N VFs enabled, all decimal
 *              | link=GENxWIDTH       e.g. link=3x8; said at one end of a link it holds for the other too
 *              | mps=BYTES | mrrs=BYTES
 *              | bar=SIZE             one memory BAR, e.g. bar=64KiB; may repeat: one BAR each
 *              | nobar | nopcie (no PCI Express capability) | ats (capability, enabled)
 *              | bridgealias          ids of a bridge the kernel treats as PCIe-to-PCI (1b21:1080), no
 *                                     PCI Express capability
 *              | driver=NAME
 *              | seg=HEX              on functions of the root bus: the segment of the host bridge
 *
 * "@.1" is function 1 in the slot of the node before; "@1c" is slot 1c function 0. With a count the place
 * holds for the first, the others take the next functions (or, for "@1c", the next slots). Without a place:
 * the lowest free slot.
 *
 * Defaults: link 3x8, mps 256, mrrs 512, one memory BAR of 64 KiB on endpoints and conventional functions,
 * none on bridges; BARs of PCI Express functions are 64-bit prefetchable, those of conventional functions and
 * legacy endpoints 32-bit up to 64 MiB; VFs have one BAR of 16 KiB; vendor 1b36 (QEMU's, on no quirk list), a
 * device id by kind; classes by kind. The ACS state is ACS_BOOTED: control bits are taken as given.
 */
#ifndef IOMMUSIM_TOPOLOGY_SYNTHETIC_H
#define IOMMUSIM_TOPOLOGY_SYNTHETIC_H

#include "sim/base/diagnostic.h"
#include "sim/base/text_buffer.h"
#include "sim/topology/topology.h"

/**
 * Build a topology from its one-line description.
 * @param name  for diagnostics (e.g. "<synthetic>" or a file name)
 * @return the topology (free with topology_free()), or NULL with diagnostics whose column points at the place
 */
struct topology *synthetic_parse(const char *name, const char *text, struct diagnostics *diagnostics);

/** Append the grammar for users, from the tables the parser reads by. */
void synthetic_help(struct text_buffer *out);

#endif
