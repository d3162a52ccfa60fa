/* SPDX-License-Identifier: MIT */
/* XML of hwloc: what is taken from it, what bandwidths say of links, how it merges. */
#include "sim/base/status.h"
#include "sim/input/hwloc_reader.h"
#include "sim/input/input_file.h"
#include "sim/input/recognise.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *hwloc_suite(void);

/* tests/fuzz/hwloc/small.xml: as lstopo 2.9 writes it for a switch with a NIC and an SSD on node 1. */
static struct topology *load_small(const char *more, struct diagnostics *diagnostics)
{
    struct input_file files[2] = {{.path = "more.txt"}, {.path = NULL}};
    struct topology *topology = NULL;
    ck_assert_int_eq(input_file_read("tests/fuzz/hwloc/small.xml", &files[1], diagnostics), STATUS_OK);
    files[0].text = (struct source_text){"more.txt", more, more ? strlen(more) : 0};
    int status = dump_import_files(more ? files : &files[1], more ? 2 : 1, &topology, diagnostics);
    if (status != STATUS_OK)
        diagnostics_print(diagnostics, stderr);
    ck_assert_int_eq(status, STATUS_OK);
    input_file_fini(&files[1]);
    return topology;
}

static const struct pci_function *at(const struct topology *topology, const char *address)
{
    uint32_t segment;
    uint8_t bus, devfn;
    ck_assert(bdf_parse(address, &segment, &bus, &devfn));
    const struct pci_function *function = topology_find(topology, segment, bus, devfn);
    ck_assert_msg(function != NULL, "%s", address);
    return function;
}

START_TEST(test_small)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = load_small(NULL, diagnostics);
    ck_assert_uint_eq(topology->function_count, 7);
    ck_assert_uint_eq(topology->host_bridge_count, 2);
    ck_assert_uint_eq(topology->host_bridges[0].bus_start, 0x00); /* by bus number, not by package */
    ck_assert_uint_eq(topology->host_bridges[1].bus_start, 0x40);
    ck_assert_uint_eq(topology->host_bridges[1].numa_node, 1);
    const struct pci_function *nic = at(topology, "43:00.0"), *port = at(topology, "40:01.0");
    ck_assert_uint_eq(nic->vendor, 0x15b3);
    ck_assert_uint_eq(nic->device, 0x1019);
    ck_assert_uint_eq(nic->subdevice, 0x0008);
    ck_assert_uint_eq(nic->class_code, 0x020700);
    ck_assert_uint_eq(nic->revision, 0xa1);
    ck_assert_str_eq(nic->name, "Mellanox Technologies MT28800 & Family (ib0, mlx5_0)");
    ck_assert(nic->acs_unknown && port->acs_unknown);
    ck_assert_str_eq(function_kind_name(port), "root-port");
    ck_assert_uint_eq(port->secondary_bus, 0x41);
    ck_assert_uint_eq(port->subordinate_bus, 0x44);
    ck_assert_str_eq(function_kind_name(at(topology, "41:00.0")), "upstream-port");
    ck_assert_str_eq(function_kind_name(at(topology, "42:01.0")), "downstream-port");
    /* 7.88 GB/s: eight lanes of 8 GT/s for a NIC, four of 16 GT/s for an SSD; the port above says the same.
     */
    ck_assert_uint_eq(nic->link.generation, 3);
    ck_assert_uint_eq(nic->link.width, 8);
    ck_assert_uint_eq(at(topology, "44:00.0")->link.generation, 4);
    ck_assert_uint_eq(at(topology, "44:00.0")->link.width, 4);
    ck_assert_uint_eq(at(topology, "42:01.0")->link.width, 4);
    ck_assert(at(topology, "00:1f.0")->pcie_unknown);
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

/* What lspci says of links and names counts more than what follows from a bandwidth. */
START_TEST(test_merge)
{
    static const char lspci[] =
        "43:00.0 Infiniband controller [0207]: Mellanox Technologies MT28800 [15b3:1019] (rev a1)\n"
        "\tCapabilities: [60] Express (v2) Endpoint, MSI 00\n"
        "\t\tLnkCap:\tPort #0, Speed 16GT/s, Width x8, ASPM not supported\n"
        "\t\tLnkSta:\tSpeed 16GT/s, Width x4 (downgraded)\n";
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = load_small(lspci, diagnostics);
    ck_assert_uint_eq(topology->function_count, 7);
    ck_assert_uint_eq(at(topology, "43:00.0")->link.generation, 4);
    ck_assert_uint_eq(at(topology, "43:00.0")->link.width, 4);
    ck_assert_uint_eq(at(topology, "43:00.0")->subdevice, 0x0008);
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

/* Bandwidths of lstopo 2.9 (6.x of 64 GT/s with both line codes), and ones no link has. */
START_TEST(test_links)
{
    static const struct {
        double rate;
        uint32_t class_code;
        unsigned generation, width;
    } cases[] = {{0.25, 0x020000, 1, 1},       {4.0, 0x030000, 1, 16},       {8.0, 0x030000, 2, 16},
                 {0.984615, 0x020000, 3, 1},   {15.753846, 0x030000, 3, 16}, {31.507692, 0x030000, 4, 16},
                 {63.015385, 0x030200, 5, 16}, {3.938462, 0x010802, 3, 4},   {7.876923, 0x010802, 4, 4},
                 {15.753846, 0x010802, 5, 4},  {1.969231, 0x010601, 3, 2},   {126.030769, 0x030200, 6, 16},
                 {121.0, 0x030200, 6, 16},     {11.815385, 0x020000, 3, 12}, {3.3, 0x020000, 0, 0},
                 {1000, 0x020000, 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct link_state link = hwloc_link(cases[i].rate, cases[i].class_code);
        ck_assert_msg(link.generation == cases[i].generation && link.width == cases[i].width, "%f: %u x%u",
                      cases[i].rate, link.generation, link.width);
    }
}
END_TEST

/* Every speed and width is found by its own bandwidth, in some form with the same one. */
START_TEST(test_every_link)
{
    static const double transfers[] = {0, 2.5, 5, 8, 16, 32, 64};
    static const unsigned widths[] = {1, 2, 4, 8, 12, 16, 32};
    for (unsigned generation = 1; generation <= 6; generation++) {
        for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
            char text[32];
            double code = generation <= 2 ? 0.8 : 128.0 / 130;
            snprintf(text, sizeof(text), "%f", transfers[generation] * code / 8 * widths[w]);
            struct link_state link = hwloc_link(strtod(text, NULL), 0x020000);
            ck_assert_msg(link.width != 0, "%s", text);
            double found =
                transfers[link.generation] * (link.generation <= 2 ? 0.8 : 128.0 / 130) / 8 * link.width;
            ck_assert_msg(fabs(found - strtod(text, NULL)) < 2e-5, "%s: %u x%u", text, link.generation,
                          link.width);
        }
    }
}
END_TEST

/* Form 3, a wide node set, a bandwidth no link has, a function that hwloc could not read. */
START_TEST(test_version_3)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct input_file file;
    struct topology *topology = NULL;
    ck_assert_int_eq(input_file_read("tests/fuzz/hwloc/version3.xml", &file, diagnostics), STATUS_OK);
    ck_assert_int_eq(dump_import_files(&file, 1, &topology, diagnostics), STATUS_OK);
    ck_assert_uint_eq(topology->host_bridges[0].segment, 0x10000);
    ck_assert_uint_eq(topology->host_bridges[0].numa_node, 32);
    ck_assert_uint_eq(at(topology, "10000:e1:00.0")->class_code, 0x050210);
    ck_assert_uint_eq(at(topology, "10000:e1:00.0")->link.width, 0);
    ck_assert_uint_eq(at(topology, "10000:e0:06.0")->link.generation, 6);
    ck_assert_uint_eq(at(topology, "10000:e0:07.0")->vendor, 0xffff);
    topology_free(topology);
    input_file_fini(&file);
    diagnostics_free(diagnostics);
}
END_TEST

START_TEST(test_recognition)
{
    static const struct {
        const char *text;
        bool hwloc;
    } cases[] = {{"<?xml version=\"1.0\"?>\n<topology version=\"2.0\">", true},
                 {"\n <topology>", true},
                 {"<?xml version=\"1.0\"?><node/>", false},
                 {"00:1f.0 ISA bridge: <topology", false},
                 {"", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct source_text source = {"x", cases[i].text, strlen(cases[i].text)};
        ck_assert_msg(hwloc_recognise(&source) == cases[i].hwloc, "%s", cases[i].text);
    }
}
END_TEST

Suite *hwloc_suite(void)
{
    Suite *suite = suite_create("hwloc");
    TCase *tests = tcase_create("tests");
    tcase_add_test(tests, test_small);
    tcase_add_test(tests, test_merge);
    tcase_add_test(tests, test_links);
    tcase_add_test(tests, test_every_link);
    tcase_add_test(tests, test_version_3);
    tcase_add_test(tests, test_recognition);
    suite_add_tcase(suite, tests);
    return suite;
}
