/* SPDX-License-Identifier: MIT */
/* lspci dumps in: lines of text. The machines below are made up. */
#include "sim/base/arena.h"
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/input/recognise.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *import_text_suite(void);

static struct topology *import_text(const char *text)
{
    struct source_text source = {"dump", text, strlen(text)};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = NULL;
    if (dump_import(&source, &topology, diagnostics) != STATUS_OK)
        diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return topology;
}

static const char *const verbose =
    "00:02.0 PCI bridge [0604]: Red Hat, Inc. Made-up Port [1b36:000c] (rev 03) (prog-if 00 [Normal "
    "decode])\n"
    "\tSubsystem: Red Hat, Inc. Device [1b36:0042]\n"
    "\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- "
    "DisINTx+\n"
    "\tStatus: Cap+ 66MHz- UDF- FastB2B- ParErr- DEVSEL=fast >TAbort- <TAbort- <MAbort- >SERR- <PERR- INTx-\n"
    "\tLatency: 0, Cache Line Size: 64 bytes\n"
    "\tNUMA node: 1\n"
    "\tIOMMU group: 7\n"
    "\tRegion 0: Memory at fe600000 (32-bit, non-prefetchable) [size=4K]\n"
    "\tBus: primary=00, secondary=01, subordinate=02, sec-latency=0\n"
    "\tI/O behind bridge: 0000f000-00000fff [disabled] [16-bit]\n"
    "\tMemory behind bridge: fe400000-fe5fffff [size=2M] [32-bit]\n"
    "\tPrefetchable memory behind bridge: 0000003800000000-00000038ffffffff [size=4G] [64-bit]\n"
    "\tCapabilities: [40] Power Management version 3\n"
    "\t\tStatus: D0 NoSoftRst+ PME-Enable- DSel=0 DScale=0 PME-\n"
    "\tCapabilities: [54] Express (v2) Root Port (Slot+), MSI 00\n"
    "\t\tDevCap:\tMaxPayload 512 bytes, PhantFunc 0\n"
    "\t\t\tExtTag- RBE+\n"
    "\t\tDevCtl:\tCorrErr+ NonFatalErr+ FatalErr+ UnsupReq+\n"
    "\t\t\tRlxdOrd- ExtTag+ PhantFunc- AuxPwr- NoSnoop-\n"
    "\t\t\tMaxPayload 256 bytes, MaxReadReq 4096 bytes\n"
    "\t\tLnkCap:\tPort #1, Speed 16GT/s, Width x16, ASPM L1, Exit Latency L1 <8us\n"
    "\t\tLnkSta:\tSpeed 8GT/s (downgraded), Width x8 (downgraded)\n"
    "\t\t\tTrErr- Train- SlotClk+ DLActive+ BWMgmt- ABWMgmt-\n"
    "\t\tDevCap2: Completion Timeout: Not Supported, TimeoutDis-, LTR-, ARIFwd+\n"
    "\t\t\t AtomicOpsCap: Routing- 32bit- 64bit- 128bitCAS-\n"
    "\t\tDevCtl2: Completion Timeout: 50us to 50ms, TimeoutDis-, LTR-, OBFF Disabled ARIFwd+\n"
    "\t\t\t AtomicOpsCtl: ReqEn- EgressBlck+\n"
    "\tCapabilities: [148 v1] Access Control Services\n"
    "\t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans+\n"
    "\t\tACSCtl:\tSrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n"
    "\tKernel driver in use: pcieport\n"
    "\n"
    "01:00.0 Ethernet controller [0200]: Intel Corporation Made-up Network [8086:10c9] (rev 01)\n"
    "\tControl: I/O- Mem+ BusMaster- SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- "
    "DisINTx+\n"
    "\tRegion 0: Memory at fe400000 (64-bit, non-prefetchable) [size=16K]\n"
    "\tRegion 2: I/O ports at d000 [disabled] [size=32]\n"
    "\tRegion 3: Memory at <unassigned> (32-bit, prefetchable) [disabled]\n"
    "\tExpansion ROM at fe440000 [disabled] [size=256K]\n"
    "\tCapabilities: [a0] Express (v2) Endpoint, MSI 00\n"
    "\t\tLnkSta:\tSpeed 8GT/s (ok), Width x8 (ok)\n"
    "\tCapabilities: [150 v1] Alternative Routing-ID Interpretation (ARI)\n"
    "\t\tARICap:\tMFVC- ACS-, Next Function: 3\n"
    "\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)\n"
    "\t\tIOVCap:\tMigration-, Interrupt Message Number: 000\n"
    "\t\tIOVCtl:\tEnable+ Migration- Interrupt- MSE+ ARIHierarchy-\n"
    "\t\tIOVSta:\tMigration-\n"
    "\t\tInitial VFs: 8, Total VFs: 7, Number of VFs: 2, Function Dependency Link: 00\n"
    "\t\tVF offset: 128, stride: 2, Device ID: 10ca\n"
    "\t\tRegion 0: Memory at fe500000 (64-bit, non-prefetchable) [size=16K]\n"
    "\tCapabilities: [1a0 v1] Address Translation Service (ATS)\n"
    "\t\tATSCap:\tInvalidate Queue Depth: 00\n"
    "\t\tATSCtl:\tEnable+, Smallest Translation Unit: 00\n"
    "\tCapabilities: [1b0 v1] Page Request Interface (PRI)\n"
    "\tCapabilities: [1c0 v1] Extended Capability ID 0x1b\n"
    "\n"
    "01:10.0 Ethernet controller [0200]: Intel Corporation Made-up Network VF [8086:10ca]\n"
    "\tCapabilities: [a0] Express (v2) Endpoint, MSI 00\n"
    "\n"
    "01:10.2 Ethernet controller [0200]: Intel Corporation Made-up Network VF [8086:10ca]\n"
    "\tCapabilities: [a0] Express (v2) Endpoint, MSI 00\n";

static void check_port(const struct pci_function *port)
{
    ck_assert(port && function_is_type(port, PCIE_ROOT_PORT) && !port->pcie_unknown);
    ck_assert(port->vendor == 0x1b36 && port->device == 0x000c && port->revision == 3);
    ck_assert(port->subvendor == 0x1b36 && port->subdevice == 0x42);
    ck_assert(port->bus_master && port->memory_space);
    ck_assert(port->bars[0].kind == BAR_MEMORY32 && port->bars[0].address == 0xfe600000);
    ck_assert_uint_eq(port->bars[0].size, 4096);
    ck_assert(port->secondary_bus == 1 && port->subordinate_bus == 2);
    ck_assert(!port->io_window.open && port->memory_window.base == 0xfe400000);
    ck_assert(port->prefetchable_window.open && port->prefetchable_window.limit == 0x38ffffffff);
    ck_assert(port->max_payload_supported == 512 && port->max_payload == 256);
    ck_assert(port->max_read_request == 4096 && port->extended_tags && port->ari_forwarding);
    ck_assert(port->no_atomic_routing && port->atomic_egress_blocking);
    ck_assert(port->link.maximum_generation == 4 && port->link.maximum_width == 16);
    ck_assert(port->link.generation == 3 && port->link.width == 8);
    ck_assert(port->acs.present && port->acs.capability == 0x5f && port->acs.control == 0x1d);
    ck_assert(!port->acs_unknown && !port->acs.egress_vector_known);
    ck_assert_str_eq(port->driver, "pcieport");
    ck_assert(port->group_reported && port->reported_group == 7);
}

START_TEST(root_text_makes_a_machine)
{
    struct topology *topology = import_text(verbose);
    ck_assert_ptr_nonnull(topology);
    ck_assert_uint_eq(topology->function_count, 4);
    ck_assert_uint_eq(topology->host_bridges[0].numa_node, 1);
    check_port(topology_find(topology, 0, 0, pci_devfn(2, 0)));

    const struct pci_function *nic = topology_find(topology, 0, 1, 0);
    ck_assert(nic && function_is_type(nic, PCIE_ENDPOINT) && nic->memory_space && !nic->bus_master);
    ck_assert(nic->bars[0].kind == BAR_MEMORY64 && nic->bars[0].size == 16384 && nic->bars[0].assigned);
    ck_assert(nic->bars[1].kind == BAR_NONE);
    ck_assert(nic->bars[2].kind == BAR_IO && nic->bars[2].address == 0xd000);
    ck_assert(nic->bars[3].kind == BAR_MEMORY32 && nic->bars[3].prefetchable);
    ck_assert(nic->bars[BAR_ROM].address == 0xfe440000 && nic->bars[BAR_ROM].size == 262144);
    ck_assert(nic->ari && nic->ari_next_function == 3 && nic->ats && nic->ats_enabled && nic->pri);
    ck_assert(nic->pasid && !nic->acs.present && !nic->acs_unknown);
    ck_assert(nic->sriov.enabled && nic->sriov.total_vfs == 7 && nic->sriov.num_vfs == 2);
    ck_assert(nic->sriov.first_vf_offset == 128 && nic->sriov.vf_stride == 2);
    ck_assert(nic->sriov.vf_device == 0x10ca && nic->sriov.vf_bars[0].address == 0xfe500000);
    ck_assert_str_eq(nic->driver, "");
    const struct pci_function *vf = topology_find(topology, 0, 1, pci_devfn(0x10, 2));
    ck_assert(vf && vf->is_vf && vf->pf_id == nic->id && vf->vf_index == 1);
    topology_free(topology);
}
END_TEST

/* What mailers and web pages do to a dump must not change the machine. */
START_TEST(mangled_text_makes_the_same_machine)
{
    char *text = memory_alloc(4 * strlen(verbose)), *out = text;
    unsigned column = 0;
    /* Quote every line, wrap at the first blank after column 60, drop all tabs, end lines the DOS way. */
    out = stpcpy(out, "Here is what you asked for:\r\n\r\n> ");
    for (const char *at = verbose; *at; at++) {
        if (*at == '\n' || (*at == ' ' && column > 60 && at[1] != '\n')) {
            out = stpcpy(out, "\r\n> ");
            column = 0;
        } else if (*at == '\t' && (at == verbose || at[-1] == '\n' || at[-1] == '\t')) {
            continue;
        } else {
            *out++ = *at;
            column++;
        }
    }
    *out = 0;
    struct topology *topology = import_text(text);
    ck_assert_ptr_nonnull(topology);
    ck_assert_uint_eq(topology->function_count, 4);
    check_port(topology_find(topology, 0, 0, pci_devfn(2, 0)));
    const struct pci_function *nic = topology_find(topology, 0, 1, 0);
    ck_assert(nic->sriov.num_vfs == 2 && nic->bars[0].size == 16384 && nic->ats_enabled);
    topology_free(topology);
    free(text);
}
END_TEST

/* Lines that mailers wrap or lose. */
START_TEST(wrapped_headers_and_lost_lines)
{
    struct topology *topology =
        import_text("00:14.3 Network controller: Intel Corporation\n"
                    "Made-up WiFi (rev 11)\n"
                    "Status: Cap+ 66MHz-\n"
                    "Capabilities: [c8] Power Management version 3\n"
                    "DevCap:\tMaxPayload 128 bytes, PhantFunc 0\n"
                    "00:1c.0 PCI bridge: Intel Corporation 8 Series/C220 Series Chipset\n"
                    "Family PCI Express Root Port #1 (rev\n"
                    "d5) (prog-if 00 [Normal decode])\n"
                    "Bus: primary=00, secondary=01,\n"
                    "subordinate=01, sec-latency=0\n"
                    "Capabilities: [40] Express (v2) Root Port (Slot+), MSI 00\n"
                    "ACSCap: SrcValid+ TransBlk- ReqRedir+ CmpltRedir+\n"
                    "UpstreamFwd- EgressCtrl- DirectTrans-\n"
                    "ACSCtl: SrcValid+ TransBlk- ReqRedir+\n"
                    "CmpltRedir+ UpstreamFwd- EgressCtrl- DirectTrans-\n"
                    "00:1d.0 Generic system peripheral [0807]: Intel Corporation Collector\n"
                    "[8086:1234]\n"
                    "Capabilities: [40] Express (v2) Root Complex\n"
                    "Event Collector, MSI 00\n"
                    "00:1e.0 System peripheral: Intel Corporation Device 4321\n"
                    "Capabilities: [40] Express (v2) Root Complex Integrated\n"
                    "Endpoint, MSI 00\n"
                    "Flags: bus master, fast devsel, latency 0, IRQ 55, NUMA node 0,\n"
                    "IOMMU group 14\n"
                    "00:1f.0 System peripheral: Intel Corporation Last one [8086:5678] (rev 01)\n"
                    "-[0000:00]-+-00.0  Intel Corporation Tree [8086:0001]\n"
                    " |           +-01.0  Intel Corporation Branch [8086:0002]\n"
                    "             \\-01.1  Intel Corporation Twig [8086:0003]\n");
    ck_assert_ptr_nonnull(topology);
    const struct pci_function *wifi = topology_find(topology, 0, 0, pci_devfn(0x14, 3));
    ck_assert(function_is_type(wifi, PCIE_RC_ENDPOINT) && !wifi->pcie_unknown && !wifi->acs_unknown);
    ck_assert_str_eq(wifi->name, "Intel Corporation Made-up WiFi");
    ck_assert_uint_eq(wifi->revision, 0x11);
    const struct pci_function *port = topology_find(topology, 0, 0, pci_devfn(0x1c, 0));
    ck_assert(port->device == 0x8c10 && port->revision == 0xd5 && port->subordinate_bus == 1);
    ck_assert(port->acs.present && port->acs.capability == 0x0d && port->acs.control == 0x0d);
    const struct pci_function *collector = topology_find(topology, 0, 0, pci_devfn(0x1d, 0));
    ck_assert(function_is_type(collector, PCIE_RC_EVENT_COLLECTOR) && collector->device == 0x1234);
    ck_assert(function_is_type(topology_find(topology, 0, 0, pci_devfn(0x1e, 0)), PCIE_RC_ENDPOINT));
    const struct pci_function *peripheral = topology_find(topology, 0, 0, pci_devfn(0x1e, 0));
    ck_assert(peripheral->group_reported && peripheral->reported_group == 14);
    const struct pci_function *last = topology_find(topology, 0, 0, pci_devfn(0x1f, 0));
    ck_assert_uint_eq(last->device, 0x5678);
    ck_assert(!last->group_reported);
    ck_assert_str_eq(last->name, "Intel Corporation Last one");
    topology_free(topology);
}
END_TEST

/* What lspci finds odd stands right below the header; CardBus bridges have words of their own for denied. */
START_TEST(complaints_are_no_names)
{
    struct topology *topology =
        import_text("00:01.0 PCI bridge: Intel Corporation Made-up port (rev 02)\n"
                    "\t!!! Invalid class 0604 for header type 00\n"
                    "\tFlags: bus master, fast devsel, latency 0\n"
                    "\tCapabilities: [40] Express Root Port (Slot+), MSI 00\n"
                    "00:02.0 CardBus bridge: Nobody Known Inc. Socket\n"
                    "\tBus: primary=00, secondary=02, subordinate=05, sec-latency=176\n"
                    "\t<access denied to the rest>\n");
    ck_assert_ptr_nonnull(topology);
    const struct pci_function *port = topology_find(topology, 0, 0, pci_devfn(1, 0));
    ck_assert_str_eq(port->name, "Intel Corporation Made-up port");
    ck_assert(function_is_type(port, PCIE_ROOT_PORT) && !port->acs_unknown && !port->acs.present);
    const struct pci_function *socket = topology_find(topology, 0, 0, pci_devfn(2, 0));
    ck_assert(socket->header_type == 2 && socket->subordinate_bus == 5);
    ck_assert(socket->pcie_unknown || !socket->pcie);
    topology_free(topology);
}
END_TEST

START_TEST(hidden_capabilities_are_guessed_and_marked)
{
    struct topology *topology =
        import_text("00:01.0 PCI bridge: Intel Corporation Port\n"
                    "\tBus: primary=00, secondary=01, subordinate=04, sec-latency=0\n"
                    "\tCapabilities: <access denied>\n"
                    "00:1e.0 PCI bridge: Intel Corporation Old bridge (prog-if 01 [Subtractive decode])\n"
                    "\tFlags: bus master, fast devsel, latency 0, IOMMU group 9\n"
                    "\tBus: primary=00, secondary=05, subordinate=05, sec-latency=32\n"
                    "\tCapabilities: <access denied>\n"
                    "01:00.0 PCI bridge: PLX Technology, Inc. Switch\n"
                    "\tBus: primary=01, secondary=02, subordinate=04, sec-latency=0\n"
                    "\tCapabilities: <access denied>\n"
                    "02:01.0 PCI bridge: PLX Technology, Inc. Switch\n"
                    "\tBus: primary=02, secondary=03, subordinate=03, sec-latency=0\n"
                    "\tCapabilities: <access denied>\n"
                    "02:02.0 PCI bridge: PLX Technology, Inc. Switch\n"
                    "\tBus: primary=02, secondary=04, subordinate=04, sec-latency=0\n"
                    "\tCapabilities: <access denied>\n"
                    "03:00.0 Ethernet controller: Intel Corporation NIC\n"
                    "\tFlags: fast devsel\n"
                    "\tMemory at fe000000 (64-bit, prefetchable) [size=1M]\n"
                    "\tI/O ports at e000 [size=32]\n"
                    "\tCapabilities: <access denied>\n"
                    "05:00.0 Ethernet controller: Realtek Semiconductor Co., Ltd. NIC\n"
                    "\tFlags: fast devsel\n"
                    "\tMemory at fd000000 (32-bit, non-prefetchable) [disabled] [size=1M]\n");
    ck_assert_ptr_nonnull(topology);
    static const struct {
        uint8_t bus, devfn;
        const char *kind;
        bool unknown;
    } expected[] = {
        {0, 0x08, "root-port", true},     {0, 0xf0, "conventional-bridge", true},
        {1, 0x00, "upstream-port", true}, {2, 0x08, "downstream-port", true},
        {3, 0x00, "endpoint", true},      {5, 0x00, "conventional", false},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const struct pci_function *function = topology_find(topology, 0, expected[i].bus, expected[i].devfn);
        ck_assert_str_eq(function_kind_name(function), expected[i].kind);
        ck_assert_int_eq(function->pcie_unknown, expected[i].unknown);
        ck_assert_int_eq(function->acs_unknown, expected[i].unknown);
    }
    const struct pci_function *nic = topology_find(topology, 0, 3, 0);
    ck_assert(nic->memory_space && nic->bars[0].kind == BAR_MEMORY64 && nic->bars[2].kind == BAR_IO);
    ck_assert_uint_eq(nic->bars[2].address, 0xe000);
    ck_assert(!topology_find(topology, 0, 5, 0)->memory_space);
    ck_assert(topology_find(topology, 0, 0, 0xf0)->reported_group == 9);
    topology_free(topology);
}
END_TEST

/* -v does not print the command register: a bridge forwards what its windows say, unless its own BAR is said
 * to be disabled. */
START_TEST(windows_of_bridges_are_in_use)
{
    struct topology *topology =
        import_text("00:01.0 PCI bridge [0604]: X [8086:1901]\n"
                    "\tFlags: bus master, fast devsel, latency 0\n"
                    "\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n"
                    "\tMemory behind bridge: f7000000-f70fffff [size=1M]\n\n"
                    "00:02.0 PCI bridge [0604]: X [8086:1905]\n"
                    "\tFlags: fast devsel\n"
                    "\tMemory at f6000000 (32-bit, non-prefetchable) [disabled] [size=16K]\n"
                    "\tBus: primary=00, secondary=02, subordinate=02, sec-latency=0\n"
                    "\tMemory behind bridge: f7100000-f71fffff [size=1M]\n\n"
                    "00:03.0 PCI bridge [0604]: X [8086:1909]\n"
                    "\tFlags: fast devsel\n"
                    "\tBus: primary=00, secondary=03, subordinate=03, sec-latency=0\n"
                    "\tMemory behind bridge: [disabled]\n");
    ck_assert(topology_find(topology, 0, 0, 1 << 3)->memory_space);
    ck_assert(!topology_find(topology, 0, 0, 2 << 3)->memory_space);
    ck_assert(!topology_find(topology, 0, 0, 3 << 3)->memory_space);
    topology_free(topology);
}
END_TEST

START_TEST(bus_numbers_nobody_told_are_those_firmware_gives)
{
    struct topology *topology =
        import_text("00:00.0 Host bridge: Intel Corporation Device 0001\n"
                    "00:01.0 PCI bridge: Intel Corporation Device 0002\n"
                    "00:02.0 PCI bridge: Intel Corporation Device 0002\n" /* empty: bus 4 */
                    "00:03.0 PCI bridge: Intel Corporation Device 0002\n"
                    "01:00.0 PCI bridge: Intel Corporation Device 0003\n"
                    "02:00.0 PCI bridge: Intel Corporation Device 0004\n"
                    "03:00.0 Ethernet controller: Intel Corporation Device 0005\n"
                    "05:00.0 Ethernet controller: Intel Corporation Device 0005\n"
                    "80:00.0 Host bridge: Intel Corporation Device 0001\n"
                    "80:01.0 PCI bridge: Intel Corporation Device 0002\n"
                    "81:00.0 Ethernet controller: Intel Corporation Device 0005\n");
    ck_assert_ptr_nonnull(topology);
    ck_assert_uint_eq(topology->host_bridge_count, 2);
    static const struct {
        uint8_t bus, devfn, secondary, subordinate;
        const char *kind;
    } expected[] = {
        {0x00, 0x08, 0x01, 0x03, "root-port"},       {0x00, 0x10, 0x04, 0x04, "root-port"},
        {0x00, 0x18, 0x05, 0x05, "root-port"},       {0x01, 0x00, 0x02, 0x03, "upstream-port"},
        {0x02, 0x00, 0x03, 0x03, "downstream-port"}, {0x80, 0x08, 0x81, 0x81, "root-port"},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const struct pci_function *function = topology_find(topology, 0, expected[i].bus, expected[i].devfn);
        ck_assert_msg(function->secondary_bus == expected[i].secondary &&
                          function->subordinate_bus == expected[i].subordinate,
                      "%02x:%02x leads to %02x-%02x", function->bus, function->devfn, function->secondary_bus,
                      function->subordinate_bus);
        ck_assert_str_eq(function_kind_name(function), expected[i].kind);
    }
    topology_free(topology);
}
END_TEST

START_TEST(text_without_capabilities_tells_nothing_of_them)
{
    struct topology *topology =
        import_text("00:1c.0 PCI bridge [0604]: Intel Corporation Port [8086:a110] (rev f1)\n"
                    "\tKernel driver in use: pcieport\n"
                    "00:1f.0 ISA bridge [0601]: Intel Corporation Bridge [8086:a143]\n"
                    "\tSubsystem: Nobody [1234:5678]\n");
    ck_assert(topology->functions[0].pcie_unknown && topology->functions[0].acs_unknown);
    ck_assert_str_eq(topology->functions[0].driver, "pcieport");
    ck_assert_uint_eq(topology->functions[1].subdevice, 0x5678);
    ck_assert_str_eq(topology->functions[1].driver, "");
    topology_free(topology);
}
END_TEST

static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = NULL;
    size_t size = 0;
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

/* One row of devices.tsv: the facts a dump with capabilities must give. */
static void compare_row(const struct topology *topology, char *row, const char *path)
{
    static const char *const kinds[][2] = {
        {"root_port", "root-port"},
        {"upstream", "upstream-port"},
        {"downstream", "downstream-port"},
        {"endpoint", "endpoint"},
        {"legacy_endpoint", "legacy-endpoint"},
        {"rc_endpoint", "integrated-endpoint"},
        {"rc_ec", "event-collector"},
        {"pcie_to_pci", "pcie-to-pci-bridge"},
    };
    enum {
        BDF,
        CLASS,
        VENDOR,
        DEVICE,
        REVISION,
        HEADER,
        TYPE,
        SECONDARY,
        SUBORDINATE,
        CAPABILITY,
        CONTROL,
        ARI,
        COLUMNS
    };
    char *column[COLUMNS];
    for (unsigned i = 0; i < COLUMNS; i++)
        column[i] = strsep(&row, "\t");
    uint32_t segment;
    uint8_t bus, devfn;
    ck_assert_msg(bdf_parse(column[BDF], &segment, &bus, &devfn), "%s", column[BDF]);
    const struct pci_function *function = topology_find(topology, segment, bus, devfn);
    ck_assert_msg(function, "%s: %s is missing", path, column[BDF]);
#define SAME(what, value)                                                                                    \
    ck_assert_msg((value) == strtoul(column[what], NULL, 16), "%s %s: " #what " %s is %x", path,             \
                  column[BDF], column[what], (unsigned)(value))
    SAME(CLASS, function->class_code >> 8);
    if (strcmp(column[VENDOR], "-") != 0)
        SAME(VENDOR, function->vendor);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(column[TYPE], kinds[i][0]) == 0)
            ck_assert_msg(strcmp(function_kind_name(function), kinds[i][1]) == 0, "%s %s: %s", path,
                          column[BDF], function_kind_name(function));
    }
    if (column[SECONDARY][0] != '-') {
        SAME(SECONDARY, function->secondary_bus);
        SAME(SUBORDINATE, function->subordinate_bus);
    }
    ck_assert_msg(function->acs.present == (column[CAPABILITY][0] != '-'), "%s %s: ACS", path, column[BDF]);
    if (function->acs.present) {
        SAME(CAPABILITY, function->acs.capability);
        SAME(CONTROL, function->acs.control);
    }
#undef SAME
}

START_TEST(real_dumps_are_read)
{
    glob_t files;
    if (glob("../shared/realworld/*/lspci.txt", 0, NULL, &files) != 0) {
        printf("import_text: no real dumps beside the checkout\n");
        return;
    }
    unsigned rows = 0;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = files.gl_pathv[i];
        char *text = read_whole(path), table_path[512];
        struct topology *topology = import_text(text);
        ck_assert_msg(topology, "%s", path);
        snprintf(table_path, sizeof(table_path), "%.*s/devices.tsv", (int)(strrchr(path, '/') - path), path);
        char *table = strstr(path, "/a-") ? read_whole(table_path) : NULL;
        for (char *line = table, *next; line && *line; line = next) {
            next = strchr(line, '\n');
            *next++ = 0;
            if (line[0] == '#')
                continue;
            compare_row(topology, line, path);
            rows++;
        }
        free(table);
        free(text);
        topology_free(topology);
    }
    printf("import_text: %zu real dumps, %u functions of level A as published\n", files.gl_pathc, rows);
    globfree(&files);
}
END_TEST

Suite *import_text_suite(void)
{
    Suite *suite = suite_create("import_text");
    TCase *tests = tcase_create("import_text");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, root_text_makes_a_machine);
    tcase_add_test(tests, mangled_text_makes_the_same_machine);
    tcase_add_test(tests, wrapped_headers_and_lost_lines);
    tcase_add_test(tests, complaints_are_no_names);
    tcase_add_test(tests, hidden_capabilities_are_guessed_and_marked);
    tcase_add_test(tests, windows_of_bridges_are_in_use);
    tcase_add_test(tests, bus_numbers_nobody_told_are_those_firmware_gives);
    tcase_add_test(tests, text_without_capabilities_tells_nothing_of_them);
    tcase_add_test(tests, real_dumps_are_read);
    suite_add_tcase(suite, tests);
    return suite;
}
