/* SPDX-License-Identifier: MIT */
/**
 * @file synthetic.h
 * A machine in one line, for tests and quick questions.
 *
 *     rp[acs](up(dp[acs](ep) dp[acs](ep[id=8086:1572,mf] ep@.1)))  rciep@1f.0[id=8086:a370]
 *
 *   machine    := host { "|" host }                 further host bridges after "|"
 *   host       := [ "bus=" HEX ":" ] node { " " node }    root bus number, 00 by default
 *   node       := kind [ "*" COUNT ] [ "@" [DEVICE] "." FUNCTION | "@" DEVICE ] [ "[" option { "," option }
 * "]" ] [ "(" node { " " node } ")" ] kind       := rp | up | dp | ep | lep | rciep | rcec | pcie2pci |
 * pci2pcie | pci | pcibridge option     := acs            capability SV RR CR UF TB (0x1f), control as the
 * kernel would set it (0x1d) | acs=CAP:CTL    both in hexadecimal      | noacs (default) | id=VVVV:DDDD |
 * sub=VVVV:DDDD | class=CCCC | mf (multifunction bit) | ari | vf=N[:OFFSET:STRIDE] | link=GENxWIDTH
 * (link=3x8) | mps=N | mrrs=N | bar=SIZE (e.g. bar=64KiB, one memory BAR; may repeat) | nobar | nopcie |
 * bridgealias | ats | driver=NAME | seg=HEX
 *
 * "@.1" is function 1 of the slot of the node before; "@1c" is slot 1c function 0. DEVICE and FUNCTION are
 * hexadecimal. Defaults: link 3x8, mps 256, mrrs 512, one memory BAR of 64 KiB on endpoints and conventional
 * functions, none on bridges; ids 1b36:000x by kind (QEMU's, on no quirk list); classes by kind. ACS state is
 * ACS_BOOTED: control bits are taken as given.
 */
#ifndef IOMMUSIM_TOPOLOGY_SYNTHETIC_H
#define IOMMUSIM_TOPOLOGY_SYNTHETIC_H

#include "sim/base/diagnostic.h"
#include "sim/topology/topology.h"

/**
 * Build a topology from its one-line description.
 * @param name  for diagnostics (e.g. "<synthetic>" or a file name)
 * @return the topology (free with topology_free()), or NULL with diagnostics whose column points at the place
 */
struct topology *synthetic_parse(const char *name, const char *text, struct diagnostics *diagnostics);

#endif
