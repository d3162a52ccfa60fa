#!/bin/sh
# SPDX-License-Identifier: MIT
# Write workloads/demo.trace: what three devices of the Intel desktop do for some 4.5 milliseconds. Made up, but shaped like
# the real thing: the network card receives packets of mixed size into ring buffers and reads descriptors, the NVMe controller
# reads and writes 4 KiB blocks, the USB controller polls its rings. Every 97th request of the USB controller carries an address
# that lies in a BAR of its neighbour behind the same switch: its domain maps that address to memory, but the switch, whose ports
# have ACS off, never asks the IOMMU.
set -eu
cd "$(dirname "$0")/.."
awk -v peer=0x81a00000 'BEGIN {
    print "# time,device,op,iova,length - made by scripts/make-demo-trace.sh"
    seed = 12345
    nic = "0000:06:00.0"; nvme = "0000:04:00.0"; usb = "0000:0a:00.0"
    for (i = 0; i < 3000; i++) {
        seed = (seed * 1103515245 + 12345) % 2147483648
        r = int(seed / 65536)
        t = i * 1500
        kind = i % 6
        if (kind == 0)      printf "%d,%s,read,0x%x,16\n", t, nic, 268435456 + int(i / 6) % 256 * 16
        else if (kind <= 2) printf "%d,%s,write,0x%x,%d\n", t, nic, 269484032 + (r % 512) * 2048, (r % 3 == 0) ? 64 : (r % 3 == 1) ? 590 : 1514
        else if (kind == 3) printf "%d,%s,%s,0x%x,4096\n", t, nvme, (r % 4 == 0) ? "write" : "read", 536870912 + (r % 4096) * 4096
        else if (kind == 4) printf "%d,%s,read,0x%x,64\n", t, nvme, 553648128 + int(i / 6) % 1024 * 64
        else if (int(i / 6) % 97 == 96) printf "%d,%s,write,%s,64\n", t, usb, peer
        else                printf "%d,%s,read,0x%x,64\n", t, usb, 805306368 + (r % 256) * 64
    }
}' >workloads/demo.trace
