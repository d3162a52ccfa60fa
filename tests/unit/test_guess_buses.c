/* SPDX-License-Identifier: MIT */
/* Bus numbers of bridges, guessed where a dump shows functions only. The machines below are made up. */
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/recognise.h"
#include "sim/kernel/random.h"
#include "tests/unit/dump_text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *guess_buses_suite(void);

/* Firmware at work: numbers buses depth first and writes down what lspci would print. */
struct firmware {
    struct random_stream random;
    struct text_buffer text;
    bool leaves_gaps; /* and then no bridge empty: nothing would tell which it was */
    unsigned last;    /* number given last */
    uint8_t secondary[256][32], subordinate[256][32]; /* [bus][slot] of function 0 */
};

static void print_function(struct firmware *firmware, unsigned bus, unsigned slot, const char *class)
{
    text_buffer_format(&firmware->text, "%02x:%02x.0 %s: Intel Corporation Device 0001\n", bus, slot, class);
}

static void add_ports(struct firmware *firmware, unsigned bus, unsigned depth);

static void add_port(struct firmware *firmware, unsigned bus, unsigned slot, unsigned depth)
{
    print_function(firmware, bus, slot, "PCI bridge");
    bool full = firmware->last > 200;
    if (firmware->leaves_gaps && random_below(&firmware->random, 3) == 0)
        firmware->last += (unsigned)random_below(&firmware->random, 8);
    unsigned secondary = ++firmware->last;
    firmware->secondary[bus][slot] = (uint8_t)secondary;
    if (!full && depth < 3 && random_below(&firmware->random, 3) == 0) {
        /* A switch: its upstream port, and the bus inside. */
        print_function(firmware, secondary, 0, "PCI bridge");
        unsigned inside = ++firmware->last;
        firmware->secondary[secondary][0] = (uint8_t)inside;
        add_ports(firmware, inside, depth + 1);
        firmware->subordinate[secondary][0] = (uint8_t)firmware->last;
    } else if (firmware->leaves_gaps || random_below(&firmware->random, 3)) {
        print_function(firmware, secondary, 0, "Ethernet controller");
    }
    firmware->subordinate[bus][slot] = (uint8_t)firmware->last;
}

static void add_ports(struct firmware *firmware, unsigned bus, unsigned depth)
{
    unsigned count = 1 + (unsigned)random_below(&firmware->random, depth ? 4 : 8);
    for (unsigned slot = 1; slot <= count; slot++)
        add_port(firmware, bus, slot, depth);
}

static void check_machine(uint64_t seed, bool leaves_gaps)
{
    struct firmware firmware = {.leaves_gaps = leaves_gaps};
    random_init(&firmware.random, seed, "buses");
    print_function(&firmware, 0, 0, "Host bridge");
    add_ports(&firmware, 0, 0);
    struct topology *topology = dump_text_import_good(text_buffer_get(&firmware.text));
    ck_assert_uint_eq(topology->host_bridge_count, 1);
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *function = &topology->functions[id];
        unsigned slot = pci_slot(function->devfn);
        if (!function_is_bridge(function))
            continue;
        ck_assert_msg(function->secondary_bus == firmware.secondary[function->bus][slot],
                      "seed %lu: %02x:%02x.0 leads to %02x in\n%s", (unsigned long)seed, function->bus, slot,
                      function->secondary_bus, text_buffer_get(&firmware.text));
        /* Of numbers left out nobody can tell whose they are. */
        if (!leaves_gaps)
            ck_assert_uint_eq(function->subordinate_bus, firmware.subordinate[function->bus][slot]);
    }
    topology_free(topology);
    text_buffer_fini(&firmware.text);
}

START_TEST(next_number_for_every_bridge)
{
    for (uint64_t seed = 0; seed < 100; seed++)
        check_machine(seed, false);
}
END_TEST

START_TEST(gaps_between)
{
    for (uint64_t seed = 0; seed < 100; seed++)
        check_machine(seed, true);
}
END_TEST

struct expected {
    uint8_t bus, devfn, secondary;
};

static void check_bridges(const struct topology *topology, const struct expected *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct pci_function *bridge = topology_find(topology, 0, expected[i].bus, expected[i].devfn);
        ck_assert_ptr_nonnull(bridge);
        ck_assert_msg(bridge->secondary_bus == expected[i].secondary, "%02x:%02x leads to %02x",
                      expected[i].bus, expected[i].devfn, bridge->secondary_bus);
    }
}

/* Two processors, each with an uncore bus of its own; nothing but their functions says that they are roots.
 */
START_TEST(roots_without_host_bridge)
{
    struct topology *topology =
        dump_text_import_good("00:00.0 Host bridge: Intel Corporation Device 0001\n"
                              "00:01.0 PCI bridge: Intel Corporation Device 0002\n"
                              "00:02.0 PCI bridge: Intel Corporation Device 0002\n"
                              "01:00.0 Ethernet controller: Intel Corporation Device 0003\n"
                              "7f:08.0 System peripheral: Intel Corporation Device 0004\n"
                              "7f:09.0 System peripheral: Intel Corporation Device 0004\n"
                              "80:01.0 PCI bridge: Intel Corporation Device 0002\n"
                              "80:02.0 PCI bridge: Intel Corporation Device 0002\n"
                              "80:05.0 System peripheral: Intel Corporation Device 0004\n"
                              "82:00.0 Ethernet controller: Intel Corporation Device 0003\n"
                              "ff:08.0 System peripheral: Intel Corporation Device 0004\n");
    static const struct expected expected[] = {
        {0x00, 0x08, 0x01}, {0x00, 0x10, 0x02}, {0x80, 0x08, 0x81}, {0x80, 0x10, 0x82}};
    ck_assert_uint_eq(topology->host_bridge_count, 4);
    check_bridges(topology, expected, sizeof(expected) / sizeof(expected[0]));
    topology_free(topology);
}
END_TEST

/* Firmware that leaves room before some root ports' buses; an AMD processor's last port is never empty. */
START_TEST(room_before_root_ports)
{
    struct topology *topology = dump_text_import_good(
        "00:01.0 Host bridge: Advanced Micro Devices, Inc. [AMD] Device 0001\n"
        "00:01.1 PCI bridge: Advanced Micro Devices, Inc. [AMD] Device 0002\n"
        "00:01.2 PCI bridge: Advanced Micro Devices, Inc. [AMD] Device 0002\n"
        "00:08.0 Host bridge: Advanced Micro Devices, Inc. [AMD] Device 0001\n"
        "00:08.1 PCI bridge: Advanced Micro Devices, Inc. [AMD] Device 0003\n"
        "10:00.0 PCI bridge: Advanced Micro Devices, Inc. [AMD] Device 0004\n"
        "11:00.0 PCI bridge: Advanced Micro Devices, Inc. [AMD] Device 0005\n"
        "11:01.0 PCI bridge: Advanced Micro Devices, Inc. [AMD] Device 0005\n"
        "13:00.0 Ethernet controller: Intel Corporation Device 0006\n"
        "38:00.0 VGA compatible controller: Advanced Micro Devices, Inc. [AMD/ATI] Device 0007\n");
    static const struct expected expected[] = {
        {0x00, 0x0a, 0x10}, {0x10, 0x00, 0x11}, {0x11, 0x00, 0x12}, {0x11, 0x08, 0x13}, {0x00, 0x41, 0x38}};
    check_bridges(topology, expected, sizeof(expected) / sizeof(expected[0]));
    topology_free(topology);
}
END_TEST

/* As many ports as a bus has room for, nothing behind the first. */
START_TEST(a_full_root_bus)
{
    struct text_buffer text = {0};
    text_buffer_add(&text, "00:00.0 Host bridge: Intel Corporation Device 0001\n");
    for (unsigned port = 0; port < 248; port++)
        text_buffer_format(&text, "00:%02x.%u PCI bridge: Intel Corporation Device 0002\n", 0x1 + port / 8,
                           port % 8);
    for (unsigned bus = 2; bus <= 248; bus++)
        text_buffer_format(&text, "%02x:00.0 Ethernet controller: Intel Corporation Device 0003\n", bus);
    struct topology *topology = dump_text_import_good(text_buffer_get(&text));
    static const struct expected expected[] = {{0, 0x08, 1}, {0, 0x09, 2}, {0, 0xff, 248}};
    check_bridges(topology, expected, sizeof(expected) / sizeof(expected[0]));
    topology_free(topology);
    text_buffer_fini(&text);
}
END_TEST

/* A chipset's bridge to PCI slots, where the listing does not say that it decodes subtractively. */
START_TEST(bridge_to_slots)
{
    struct topology *topology = dump_text_import_good(
        "00:00.0 Host bridge [0600]: Intel Corporation Device [8086:0001]\n"
        "00:1c.0 PCI bridge [0604]: Intel Corporation Device [8086:1c10]\n"
        "00:1e.0 PCI bridge [0604]: Intel Corporation Device [8086:244e]\n"
        "02:06.0 FireWire (IEEE 1394) [0c00]: Texas Instruments Device [104c:8024]\n"
        "02:07.0 Ethernet controller [0200]: Realtek Semiconductor Co., Ltd. Device [10ec:8139]\n");
    static const struct expected expected[] = {{0, 0xe0, 1}, {0, 0xf0, 2}};
    check_bridges(topology, expected, sizeof(expected) / sizeof(expected[0]));
    ck_assert_str_eq(function_kind_name(topology_find(topology, 0, 0, 0xe0)), "root-port");
    ck_assert_str_eq(function_kind_name(topology_find(topology, 0, 0, 0xf0)), "conventional-bridge");
    ck_assert_str_eq(function_kind_name(topology_find(topology, 0, 2, 0x30)), "conventional");
    topology_free(topology);
}
END_TEST

/* lspci -PP without -v: nothing is to be guessed of bridges with something below. */
START_TEST(paths_tell_the_buses)
{
    struct topology *topology = dump_text_import_good(
        "00:01.0 PCI bridge [0604]: Made-up Port [8086:aaa1]\n"
        "00:1c.0 PCI bridge [0604]: Made-up Port [8086:aaa2]\n"
        "00:1c.0/03:00.0 Ethernet controller [0200]: Made-up NIC [8086:aa10]\n"
        "00:01.0/06:00.0 PCI bridge [0604]: Made-up Switch [10b5:8747]\n"
        "00:01.0/06:00.0/07:08.0 PCI bridge [0604]: Made-up Switch [10b5:8747]\n"
        "00:01.0/06:00.0/07:08.0/08:00.0 VGA compatible controller [0300]: Made-up Card [10de:1fff]\n");
    static const struct {
        uint8_t bus, slot, secondary, subordinate;
    } bridges[] = {{0, 0x01, 6, 8}, {0, 0x1c, 3, 3}, {6, 0, 7, 8}, {7, 8, 8, 8}};
    for (size_t i = 0; i < sizeof(bridges) / sizeof(bridges[0]); i++) {
        const struct pci_function *bridge =
            topology_find(topology, 0, bridges[i].bus, pci_devfn(bridges[i].slot, 0));
        ck_assert_uint_eq(bridge->secondary_bus, bridges[i].secondary);
        ck_assert_uint_eq(bridge->subordinate_bus, bridges[i].subordinate);
    }
    ck_assert(function_is_type(topology_find(topology, 0, 7, pci_devfn(8, 0)), PCIE_DOWNSTREAM_PORT));
    ck_assert_uint_eq(topology->function_count, 6);
    topology_free(topology);
}
END_TEST

Suite *guess_buses_suite(void)
{
    Suite *suite = suite_create("guess_buses");
    TCase *tests = tcase_create("guess_buses");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, next_number_for_every_bridge);
    tcase_add_test(tests, gaps_between);
    tcase_add_test(tests, roots_without_host_bridge);
    tcase_add_test(tests, room_before_root_ports);
    tcase_add_test(tests, a_full_root_bus);
    tcase_add_test(tests, bridge_to_slots);
    tcase_add_test(tests, paths_tell_the_buses);
    suite_add_tcase(suite, tests);
    return suite;
}
