/* SPDX-License-Identifier: MIT */
/* Kernel logs in. The machine below is made up. */
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/recognise.h"
#include "tests/unit/dump_text.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *kernel_log_suite(void);

static const char *const lines[] = {
    "Linux version 6.9.0 (builder@example) (gcc 13)",
    "Command line: BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet intel_iommu=on",
    "DMAR: Host address width 39",
    "DMAR: DRHD base: 0x000000fed90000 flags: 0x0",
    "DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap 1c0000c40660462 ecap 19e2ff0505e",
    "DMAR: DRHD base: 0x000000fed91000 flags: 0x1",
    "DMAR: RMRR base: 0x0000003b800000 end: 0x0000003fffffff",
    "DMAR-IR: Enabled IRQ remapping in x2apic mode",
    "Kernel command line: BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet intel_iommu=on pci=noaer iommu=pt",
    "PCI host bridge to bus 0000:00",
    "pci_bus 0000:00: root bus resource [io  0x0000-0x0cf7 window]",
    "pci_bus 0000:00: root bus resource [bus 00-fe]",
    "pci 0000:00:00.0: [8086:aaa0] type 00 class 0x060000 conventional PCI endpoint",
    "pci 0000:00:01.0: [8086:aaa1] type 01 class 0x060400 PCIe Root Port",
    "pci 0000:00:01.0: PCI bridge to [bus 01-02]",
    "pci 0000:00:01.0:   bridge window [mem 0xb1000000-0xb10fffff]",
    "pci 0000:00:01.0:   bridge window [mem 0x4000000000-0x400fffffff 64bit pref]",
    "pci 0000:00:01.0: PME# supported from D0 D3hot D3cold",
    "pci 0000:00:02.0: [8086:aaa2] type 00 class 0x030000 PCIe Root Complex Integrated Endpoint",
    "pci 0000:00:02.0: BAR 0 [mem 0xb0000000-0xb0ffffff 64bit]",
    "pci 0000:00:1c.0: [8086:a110] type 01 class 0x060400 PCIe Root Port",
    "pci 0000:00:1c.0: PCI bridge to [bus 00]",
    "pci 0000:00:1c.0: Intel SPT PCH root port ACS workaround enabled",
    "pci 0000:00:1f.0: [8086:aaa3] type 00 class 0x060100 conventional PCI endpoint",
    "pci 0000:00:1f.4: [8086:aaa4] type 00 class 0x0c0500 conventional PCI endpoint",
    "pci 0000:01:00.0: [10b5:8747] type 01 class 0x060400 PCIe Switch Upstream Port",
    "pci 0000:01:00.0: PCI bridge to [bus 02]",
    "pci 0000:02:08.0: [10b5:8747] type 01 class 0x060400 PCIe Switch Downstream Port",
    "pci 0000:02:08.0: PCI bridge to [bus 03]",
    "pci 0000:03:00.0: [10de:1fff] type 00 class 0x030000 PCIe Legacy Endpoint",
    "pci 0000:03:00.0: reg 0x10: [mem 0xb1000000-0xb1003fff]",
    "pci 0000:03:00.0: reg 0x18: [mem 0x4000000000-0x4003ffffff 64bit pref]",
    "pci 0000:03:00.0: reg 0x24: [io  0x3000-0x307f]",
    "pci 0000:03:00.0: reg 0x30: [mem 0xfff80000-0xffffffff pref]",
    "pci 0000:03:00.0: 31.504 Gb/s available PCIe bandwidth, limited by 8.0 GT/s PCIe x4 link",
    "pci 0000:03:00.1: [10de:2fff] type 00 class 0x040300 PCIe Endpoint",
    "pci 0000:01:00.0: PCI bridge to [bus 02-03]",
    "pci 0000:00:01.0: PCI bridge to [bus 01-03]",
    "pci 0000:00:1c.0: PCI bridge to [bus 04]",
    "vgaarb: loaded",
    "pci 0000:03:00.0: BAR 6 [mem 0xb1080000-0xb10fffff pref]: assigned",
    "pci 0000:00:01.0: PCI bridge to [bus 01-03]",
    "pci 0000:00:01.0:   bridge window [mem 0xb1000000-0xb11fffff]",
    "pci 0000:00:01.0:   bridge window [mem 0x4000000000-0x400fffffff 64bit pref]",
    "pci 0000:00:01.0: bridge window [io  0x1000-0x0fff] to [bus 01-03] add_size 1000",
    "pci 0000:00:02.0: DMAR: Setting identity map [0x3b800000 - 0x3fffffff]",
    "pci 0000:00:02.0: Adding to iommu group 0",
    "pci 0000:00:00.0: Adding to iommu group 1",
    "pci 0000:00:01.0: Adding to iommu group 2",
    "pci 0000:00:1c.0: Adding to iommu group 3",
    "pci 0000:00:1f.0: Adding to iommu group 4",
    "pci 0000:00:1f.4: Adding to iommu group 4",
    "pci 0000:01:00.0: Adding to iommu group 2",
    "pci 0000:02:08.0: Adding to iommu group 2",
    "pci 0000:03:00.0: Adding to iommu group 2",
    "pci 0000:03:00.1: Adding to iommu group 2",
    "pcieport 0000:00:01.0: PME: Signaling with IRQ 122",
    "nouveau 0000:03:00.0: NVIDIA TU117 (167000a1)",
    "snd_hda_intel 0000:03:00.1: enabling device (0000 -> 0002)",
};

enum { LINES = sizeof(lines) / sizeof(lines[0]) };

/* How people pass a log on: before each line, and at which column a mailer wraps (0: none). */
static const struct {
    const char *prefix;
    unsigned wrap;
} dresses[] = {
    {"", 0},
    {"[    0.413370] ", 0},
    {"[Mon Jan  1 12:00:00 2024] ", 0},
    {"Jan 01 12:00:00 host.example kernel: ", 0},
    {"Jan 01 12:00:00 host kernel: [    1.234567] ", 0},
    {"kern  :info  : [    0.413370] ", 0},
    {"<6>[    0.413370] ", 0},
    {"[    0.413370] [      T1] ", 0},
    {"2024-01-01T12:00:00,413370+01:00 ", 0},
    {"2024-01-01T12:00:00+0000 host kernel: ", 0},
    {"[    0.413370 <    0.000012>] ", 0},
    {"[  +0.000012] ", 0},
    {"[    0.413370@0] ", 0},
    {"6,339,5140900,-;", 0},
    {"2024-01-01T12:00:00.4133701Z [    0.413370] ", 0},
    {"> > [    0.413370] ", 72},
    {"> [    0.413370] ", 72},
    {"", 72},
};

/* Break the line at the last blank before the column, as mailers do; quoting goes on. */
static void add_wrapped(struct text_buffer *out, const char *prefix, const char *line, unsigned wrap)
{
    size_t quote = strspn(prefix, "> ");
    text_buffer_add(out, prefix);
    size_t room = wrap ? wrap - strlen(prefix) : SIZE_MAX;
    while (strlen(line) > room) {
        size_t cut = room;
        while (cut > 0 && line[cut] != ' ')
            cut--;
        if (cut == 0)
            break;
        text_buffer_append(out, line, cut);
        text_buffer_add(out, "\n");
        text_buffer_append(out, prefix, quote);
        line += cut + 1;
        room = wrap - quote;
    }
    text_buffer_format(out, "%s\n", line);
}

static const struct pci_function *at(const struct topology *topology, uint8_t bus, unsigned device,
                                     unsigned function)
{
    return topology_find(topology, 0, bus, pci_devfn(device, function));
}

static void check_ports(const struct topology *topology)
{
    const struct pci_function *port = at(topology, 0, 1, 0);
    ck_assert(port && function_is_type(port, PCIE_ROOT_PORT) && !port->pcie_unknown);
    ck_assert(port->acs_unknown && !port->acs.present);
    ck_assert(port->secondary_bus == 1 && port->subordinate_bus == 3);
    ck_assert(port->memory_window.open && port->memory_window.limit == 0xb11fffff);
    ck_assert(port->prefetchable_window.open && port->prefetchable_window.base == 0x4000000000);
    ck_assert(!port->io_window.open);
    ck_assert_str_eq(port->driver, "pcieport");
    const struct pci_function *chipset = at(topology, 0, 0x1c, 0);
    ck_assert(chipset->acs.present && chipset->acs_unknown); /* the quirk shows that it is there */
    ck_assert_uint_eq(chipset->secondary_bus, 4);
    ck_assert(function_is_type(at(topology, 1, 0, 0), PCIE_UPSTREAM_PORT));
    ck_assert(function_is_type(at(topology, 2, 8, 0), PCIE_DOWNSTREAM_PORT));
}

static void check_endpoints(const struct topology *topology)
{
    const struct pci_function *gpu = at(topology, 3, 0, 0);
    ck_assert(gpu && gpu->vendor == 0x10de && gpu->device == 0x1fff && gpu->class_code == 0x030000);
    ck_assert(function_is_type(gpu, PCIE_LEGACY_ENDPOINT) && gpu->multifunction);
    ck_assert(gpu->bars[0].kind == BAR_MEMORY32 && gpu->bars[0].size == 0x4000);
    ck_assert(gpu->bars[2].kind == BAR_MEMORY64 && gpu->bars[2].prefetchable);
    ck_assert(gpu->bars[5].kind == BAR_IO && gpu->bars[5].address == 0x3000);
    ck_assert(gpu->bars[BAR_ROM].address == 0xb1080000 && gpu->bars[BAR_ROM].size == 0x80000);
    ck_assert_str_eq(gpu->driver, "nouveau");
    const struct pci_function *bridge = at(topology, 0, 0x1f, 0);
    ck_assert(!bridge->pcie && !bridge->pcie_unknown && !bridge->acs_unknown && !bridge->driver);
    ck_assert(gpu->group_reported && gpu->reported_group == 2);
}

static void check_platform(const struct topology *topology)
{
    ck_assert_str_eq(topology->source, "kernel log");
    ck_assert_str_eq(topology->cmdline, "intel_iommu=on pci=noaer iommu=pt");
    ck_assert(topology->host_bridge_count == 1 && topology->host_bridges[0].bus_end == 0xfe);
    ck_assert(topology->units_known && topology->unit_count == 2);
    ck_assert(!topology->units[0].include_all && topology->units[0].scope_count == 1);
    ck_assert_uint_eq(topology->units[0].scopes[0].devfn, pci_devfn(2, 0));
    ck_assert(topology->units[1].include_all && topology->units[1].interrupt_remapping);
    ck_assert_str_eq(topology->units[1].name, "dmar1");
    ck_assert_uint_eq(topology->reserved_count, 1);
    ck_assert(topology->reserved[0].kind == RESERVED_DIRECT && topology->reserved[0].limit == 0x3fffffff);
    ck_assert_uint_eq(topology->reserved[0].scope.devfn, pci_devfn(2, 0));
}

START_TEST(every_dress_tells_the_same_machine)
{
    for (size_t d = 0; d < sizeof(dresses) / sizeof(dresses[0]); d++) {
        struct text_buffer text = {0};
        char *messages;
        for (unsigned i = 0; i < LINES; i++)
            add_wrapped(&text, dresses[d].prefix, lines[i], dresses[d].wrap);
        struct topology *topology = dump_text_import("log", text_buffer_get(&text), text.length, &messages);
        ck_assert_msg(topology, "dress %zu: %s", d, messages);
        ck_assert_msg(topology->function_count == 10, "dress %zu: %u functions", d, topology->function_count);
        check_ports(topology);
        check_endpoints(topology);
        check_platform(topology);
        topology_free(topology);
        free(messages);
        text_buffer_fini(&text);
    }
}
END_TEST

/* One line or two, and what they must make of the function at 00:1c.0. */
START_TEST(single_lines_are_understood)
{
    static const struct {
        const char *text;
        const char *kind;
        uint32_t class_code;
        uint8_t secondary;
        bool group;
    } cases[] = {
        {"pci 0000:00:1c.0: [8086:a110] type 01 class 0x060400\n", "root-port", 0x060400, 1, false},
        {"pci 0000:00:1c.0: [8086:a110] type 1 class 0x000604\n", "root-port", 0x060400, 1, false},
        {"pci 0000:00:1c.0: found [8086:a110] class 000604 header type 01\n", "root-port", 0x060400, 1,
         false},
        {"pci 0000:00:1c.0: [8086:244e] type 01 class 0x060401\n"
         "pci 0000:00:1c.0: PCI bridge to [bus 05-05] (subtractive decode)\n",
         "conventional-bridge", 0x060401, 5, false},
        {"pci 0000:00:1c.0: [8086:a110] type 01 class 0x060400\n"
         "iommu: Adding device 0000:00:1c.0 to group 3\n",
         "root-port", 0x060400, 1, true},
        /* nothing but a bound driver */
        {"pcieport 0000:00:1c.0: Adding to iommu group 3\n", "root-port", 0x060400, 1, true},
        /* behind words of a logger nobody knows */
        {"pci 0000:00:1c.0: [8086:a110] type 01 class 0x060400\n"
         "c0   1 pci 0000:00:1c.0: PCI bridge to [bus 05]\n"
         "<6>1 2024-01-01T00:00:00Z host kernel - - - pci 0000:00:1c.0: Adding to iommu group 3\n",
         "root-port", 0x060400, 5, true},
        /* a torn line */
        {"pci 0000:00:1c.0: [8086:a110] type 01 class 0x060400\n"
         "pci 0000:00:1d.0: Adding to iom[    0.52] pci 0000:00:1c.0: Adding to iommu group 3\n",
         "root-port", 0x060400, 1, true},
        {"pci 0000:00:1c.0: [8086:a110] type 01 class 0x060400\npci 0000:00:1c.0: PCI bridge to [bus "
         "07-03]\n",
         "root-port", 0x060400, 1, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *messages;
        struct topology *topology = dump_text_import("log", cases[i].text, strlen(cases[i].text), &messages);
        ck_assert_msg(topology, "case %zu: %s", i, messages);
        const struct pci_function *function = at(topology, 0, 0x1c, 0);
        ck_assert_msg(function && strcmp(function_kind_name(function), cases[i].kind) == 0, "case %zu: %s", i,
                      function_kind_name(function));
        ck_assert_msg(function->class_code == cases[i].class_code, "case %zu", i);
        ck_assert_msg(function->secondary_bus == cases[i].secondary, "case %zu", i);
        ck_assert_msg(function->group_reported == cases[i].group, "case %zu", i);
        topology_free(topology);
        free(messages);
    }
}
END_TEST

/* A report with the log first and lspci after it is one machine. */
START_TEST(log_and_lspci_in_one_text)
{
    static const char text[] =
        "pci 0000:00:1c.0: [8086:a110] type 01 class 0x060400\n"
        "pci 0000:00:1c.0: PCI bridge to [bus 01]\n"
        "pci 0000:01:00.0: [8086:10d3] type 00 class 0x020000\n"
        "pci 0000:00:1c.0: Adding to iommu group 5\n"
        "00:1c.0 PCI bridge: Intel Corporation Made-up Root Port (rev f1) (prog-if 00 [Normal decode])\n"
        "\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n"
        "\tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00\n"
        "\tCapabilities: [140 v1] Access Control Services\n"
        "\t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n"
        "\t\tACSCtl:\tSrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n"
        "\tKernel driver in use: pcieport\n"
        "[    3.5] pci 0000:01:00.0: Adding to iommu group 6\n";
    char *messages;
    struct topology *topology = dump_text_import("log", text, strlen(text), &messages);
    ck_assert_msg(topology, "%s", messages);
    ck_assert_str_eq(messages, "log: warning: the types of 1 function are not in the log (Linux before 6.9); "
                               "they are guessed from class and place [log-no-types]\n");
    const struct pci_function *port = at(topology, 0, 0x1c, 0);
    ck_assert(port->device == 0xa110 && port->revision == 0xf1 && port->acs.control == 0x1d);
    ck_assert(!port->acs_unknown && port->group_reported && port->reported_group == 5);
    ck_assert(at(topology, 1, 0, 0)->group_reported && at(topology, 1, 0, 0)->device == 0x10d3);
    ck_assert_str_eq(topology->source, "lspci dump, kernel log");
    topology_free(topology);
    free(messages);
}
END_TEST

static char *read_whole(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    for (int byte; file && (byte = getc(file)) != EOF;)
        putc(byte, out);
    fclose(out);
    if (file)
        fclose(file);
    return text;
}

START_TEST(published_logs_are_read)
{
    glob_t files;
    if (glob("../shared/realworld/*/dmesg-pci.txt", 0, NULL, &files) != 0) {
        printf("kernel_log: no published logs beside the checkout\n");
        return;
    }
    unsigned functions = 0, grouped = 0, units = 0;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        size_t length;
        char *text = read_whole(files.gl_pathv[i], &length), *messages;
        bool devices = strstr(text, "] type 0") != NULL;
        struct topology *topology = dump_text_import("log", text, length, &messages);
        ck_assert_msg(!devices || topology, "%s: %s", files.gl_pathv[i], messages);
        for (uint32_t f = 0; topology && f < topology->function_count; f++)
            grouped += topology->functions[f].group_reported;
        functions += topology ? topology->function_count : 0;
        units += topology ? topology->unit_count : 0;
        topology_free(topology);
        free(messages);
        free(text);
    }
    printf("kernel_log: %zu published logs, %u functions, %u with a group, %u units\n", files.gl_pathc,
           functions, grouped, units);
    globfree(&files);
}
END_TEST

Suite *kernel_log_suite(void)
{
    Suite *suite = suite_create("kernel_log");
    TCase *tests = tcase_create("kernel_log");
    tcase_add_test(tests, every_dress_tells_the_same_machine);
    tcase_add_test(tests, single_lines_are_understood);
    tcase_add_test(tests, log_and_lspci_in_one_text);
    tcase_add_test(tests, published_logs_are_read);
    suite_add_tcase(suite, tests);
    return suite;
}
