/* SPDX-License-Identifier: MIT */
/* Control registers and translation capabilities: the text, the bytes and the topology file tell the same;
 * what follows for an endpoint's engine. */
#include "sim/input/machine_input.h"
#include "tests/unit/program.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *registers_suite(void);

/* A port, a device with every register of ours set to something, its VF, whose control bits read zero, and an
 * integrated function with the older FLR. */
static const char text[] =
    "00:01.0 PCI bridge [0604]: Intel Corporation Made-up Port [8086:3420]\n"
    "\tControl: I/O- Mem+ BusMaster+ SpecCycle-\n"
    "\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n"
    "\tI/O behind bridge: 00001000-00001fff\n"
    "\tMemory behind bridge: fe400000-fe4fffff\n"
    "\tCapabilities: [a0] Express (v2) Root Port (Slot+), MSI 00\n"
    "\t\tDevCap:\tMaxPayload 256 bytes, PhantFunc 0\n"
    "\t\tDevCtl:\tRlxdOrd+ ExtTag+ PhantFunc- AuxPwr- NoSnoop-\n"
    "\t\t\tMaxPayload 256 bytes, MaxReadReq 512 bytes\n"
    "\t\tLnkCap:\tPort #13, Speed 8GT/s, Width x8, ASPM not supported\n"
    "\t\tLnkSta:\tSpeed 8GT/s, Width x8\n"
    "\n"
    "01:00.0 Ethernet controller [0200]: Intel Corporation Made-up Network [8086:10c9]\n"
    "\tControl: I/O+ Mem+ BusMaster+ SpecCycle-\n"
    "\tRegion 0: Memory at fe400000 (64-bit, non-prefetchable) [size=16K]\n"
    "\tCapabilities: [a0] Express (v2) Endpoint, MSI 00\n"
    "\t\tDevCap:\tMaxPayload 512 bytes, PhantFunc 0, Latency L0s <512ns, L1 <64us\n"
    "\t\t\tExtTag+ AttnBtn- AttnInd- PwrInd- RBE+ FLReset+ SlotPowerLimit 0W\n"
    "\t\tDevCtl:\tCorrErr- NonFatalErr- FatalErr- UnsupReq-\n"
    "\t\t\tRlxdOrd- ExtTag- PhantFunc- AuxPwr- NoSnoop- FLReset-\n"
    "\t\t\tMaxPayload 256 bytes, MaxReadReq 512 bytes\n"
    "\t\tLnkCap:\tPort #2, Speed 8GT/s, Width x8, ASPM not supported\n"
    "\t\tLnkSta:\tSpeed 8GT/s, Width x8\n"
    "\t\tDevCap2: Completion Timeout: Range ABCD, TimeoutDis+ NROPrPrP- LTR-\n"
    "\t\tDevCtl2: Completion Timeout: 65ms to 210ms, TimeoutDis-\n"
    "\t\t\t AtomicOpsCtl: ReqEn-\n"
    "\t\t\t IDOReq+ IDOCompl- LTR- EmergencyPowerReductionReq-\n"
    "\t\t\t 10BitTagReq- OBFF Disabled, EETLPPrefixBlk-\n"
    "\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)\n"
    "\t\tIOVCtl:\tEnable+ Migration- Interrupt- MSE+ ARIHierarchy-\n"
    "\t\tInitial VFs: 8, Total VFs: 8, Number of VFs: 1, Function Dependency Link: 00\n"
    "\t\tVF offset: 128, stride: 2, Device ID: 10ca\n"
    "\t\tRegion 0: Memory at fe410000 (64-bit, non-prefetchable)\n"
    "\tCapabilities: [1a0 v1] Address Translation Service (ATS)\n"
    "\t\tATSCap:\tInvalidate Queue Depth: 10\n"
    "\t\tATSCtl:\tEnable+, Smallest Translation Unit: 00\n"
    "\tCapabilities: [1b0 v1] Page Request Interface (PRI)\n"
    "\t\tPRICtl: Enable+ Reset-\n"
    "\t\tPRISta: RF- UPRGI- Stopped+ PASID+\n"
    "\t\tPage Request Capacity: 00000100, Page Request Allocation: 00000010\n"
    "\tCapabilities: [1c0 v1] Process Address Space ID (PASID)\n"
    "\t\tPASIDCap: Exec+ Priv-, Max PASID Width: 14\n"
    "\t\tPASIDCtl: Enable- Exec- Priv-\n"
    "\n"
    "01:10.0 Ethernet controller [0200]: Intel Corporation Made-up Network VF [8086:10ca]\n"
    "\tControl: I/O- Mem- BusMaster+ SpecCycle-\n"
    "\tCapabilities: [a0] Express (v2) Endpoint, MSI 00\n"
    "\t\tDevCap:\tMaxPayload 512 bytes, PhantFunc 0\n"
    "\t\t\tExtTag- RBE+ FLReset+\n"
    "\t\tDevCtl:\tRlxdOrd- ExtTag- PhantFunc- AuxPwr- NoSnoop-\n"
    "\t\t\tMaxPayload 128 bytes, MaxReadReq 128 bytes\n"
    "\n"
    "00:02.0 USB controller [0c03]: Intel Corporation Made-up USB [8086:1c2d]\n"
    "\tControl: I/O- Mem+ BusMaster+ SpecCycle-\n"
    "\tCapabilities: [98] PCI Advanced Features\n"
    "\t\tAFCap: TP+ FLR+\n"
    "\t\tAFCtrl: FLR-\n";

static const struct pci_function *find(const struct topology *topology, uint8_t bus, uint8_t devfn)
{
    const struct pci_function *function = topology_find(topology, 0, bus, devfn);
    ck_assert_ptr_nonnull(function);
    return function;
}

static void check_machine(const struct topology *topology)
{
    const struct pci_function *port = find(topology, 0, pci_devfn(1, 0)), *nic = find(topology, 1, 0),
                              *vf = find(topology, 1, pci_devfn(16, 0)),
                              *usb = find(topology, 0, pci_devfn(2, 0));
    ck_assert_uint_eq(port->port_number, 14);
    ck_assert(port->io_space_disabled && !port->registers.relaxed_ordering_disabled);
    ck_assert_uint_eq(nic->port_number, 3);
    ck_assert(!nic->io_space_disabled && nic->registers.function_level_reset && !nic->extended_tags);
    ck_assert(nic->registers.relaxed_ordering_disabled && nic->registers.id_based_requests);
    ck_assert(!nic->registers.id_based_completions && !nic->registers.ten_bit_tags);
    ck_assert_uint_eq(nic->registers.completion_timeout, 6);
    ck_assert(!nic->registers.completion_timeout_disabled);
    ck_assert_uint_eq(nic->translation.invalidation_queue_depth, 16);
    ck_assert_uint_eq(nic->translation.page_request_capacity, 256);
    ck_assert_uint_eq(nic->translation.page_request_allocation, 16);
    ck_assert_uint_eq(nic->translation.pasid_width, 20);
    ck_assert(nic->translation.pasid_execute && !nic->translation.pasid_privileged);
    /* A VF's control bits are reserved: those of its PF count. */
    ck_assert(vf->is_vf && vf->max_payload == 256 && vf->max_read_request == 512);
    ck_assert(vf->registers.function_level_reset && vf->registers.completion_timeout == 6);
    ck_assert(usb->registers.function_level_reset && !usb->pcie);
}

static struct machine_input *load(const char *content)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input = NULL;
    ck_assert_int_eq(machine_input_load_source(&(struct source_text){"machine", content, strlen(content)},
                                               &input, diagnostics),
                     0);
    diagnostics_free(diagnostics);
    return input;
}

/* Text, bytes, topology file: all tell the same. */
START_TEST(every_form_tells_the_same)
{
    program_write_file("text.txt", text);
    static const char *const lines[] = {"import text.txt", "import --format lspci text.txt"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        int status;
        char *form = program_run(lines[i], &status);
        ck_assert_int_eq(status, 0);
        struct machine_input *input = load(form);
        check_machine(input->topology);
        machine_input_free(input);
        free(form);
    }
    struct machine_input *input = load(text);
    check_machine(input->topology);
    machine_input_free(input);
}
END_TEST

/* What follows: 5-bit tags, the range's upper end, the allocation of the shared PRI, IDO; the same once more
 * from the topology file, which says it by registers alone. */
START_TEST(engines_follow_registers)
{
    int status;
    program_write_file("text.txt", text);
    char *form = program_run("import text.txt", &status);
    ck_assert_ptr_null(strstr(form, "\"endpoint\": {"));
    struct machine_input *plain =
        load("{\"format\": \"iommusim-topology/1\", \"host_bridges\": [{\"functions\": [{}]}]}");
    const struct dma_engine_parameters usual = plain->parameters.engines[0];
    machine_input_free(plain);
    const char *const contents[] = {text, form};
    for (int i = 0; i < 2; i++) {
        struct machine_input *input = load(contents[i]);
        const struct dma_engine_parameters *engines = input->parameters.engines;
        const struct dma_engine_parameters *nic = &engines[find(input->topology, 1, 0)->id],
                                           *vf = &engines[find(input->topology, 1, pci_devfn(16, 0))->id],
                                           *usb = &engines[find(input->topology, 0, pci_devfn(2, 0))->id];
        ck_assert_uint_eq(nic->tags, 32);
        ck_assert_uint_eq(nic->completion_timeout_ps, UINT64_C(210000000000));
        ck_assert_uint_eq(nic->page_requests, 16);
        ck_assert(nic->id_based_ordering && !nic->relaxed_ordering);
        ck_assert(vf->tags == 32 && vf->page_requests == 16 && vf->id_based_ordering);
        ck_assert(usb->tags == usual.tags && usb->page_requests == usual.page_requests);
        ck_assert(!usb->id_based_ordering && usb->completion_timeout_ps == usual.completion_timeout_ps);
        bool told = false;
        for (uint32_t o = 0; o < input->origin_count; o++)
            told |= strstr(input->origins[o].pointer, "/endpoint/tags") &&
                    strcmp(input->origins[o].value, "32") == 0 &&
                    strcmp(input->origins[o].from, "configuration space") == 0;
        ck_assert(told);
        machine_input_free(input);
    }
    free(form);
}
END_TEST

/* What the file states for the machine stays: a what-if; what a function's own endpoint states stays, too. */
START_TEST(what_is_stated_stays)
{
    struct machine_input *input =
        load("{\"format\": \"iommusim-topology/1\", \"parameters\": {\"endpoint\": {\"tags\": 128}}, "
             "\"host_bridges\": [{\"functions\": [{\"functions\": [{\"extended_tags\": false, "
             "\"registers\": {\"completion_timeout\": 2}}]}, {\"functions\": [{\"registers\": "
             "{\"completion_timeout\": 2}, \"endpoint\": {\"completion_timeout\": \"1ms\"}}]}]}]}");
    const struct dma_engine_parameters *engines = input->parameters.engines;
    uint32_t first = find(input->topology, 1, 0)->id, second = find(input->topology, 2, 0)->id;
    ck_assert_uint_eq(engines[first].tags, 128);
    ck_assert_uint_eq(engines[first].completion_timeout_ps, UINT64_C(10000000000));
    ck_assert_uint_eq(engines[second].completion_timeout_ps, UINT64_C(1000000000));
    machine_input_free(input);
}
END_TEST

Suite *registers_suite(void)
{
    Suite *suite = suite_create("registers");
    TCase *tests = tcase_create("registers");
    tcase_add_checked_fixture(tests, program_setup, program_teardown);
    tcase_add_test(tests, every_form_tells_the_same);
    tcase_add_test(tests, engines_follow_registers);
    tcase_add_test(tests, what_is_stated_stays);
    suite_add_tcase(suite, tests);
    return suite;
}
