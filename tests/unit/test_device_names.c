/* SPDX-License-Identifier: MIT */
/* Ids behind device names: a dump without numbers must not lose the kernel's quirks. */
#include "sim/input/lspci_names.h"

#include <check.h>
#include <string.h>

Suite *device_names_suite(void);

static struct lspci_header ids_at(const char *name, unsigned slot)
{
    struct lspci_header header = {.devfn = pci_devfn(slot, 0)};
    lspci_ids_by_name((struct slice){name, name + strlen(name)}, &header);
    return header;
}

static struct lspci_header ids_of(const char *name)
{
    return ids_at(name, 0);
}

START_TEST(names_of_quirks)
{
    static const struct {
        const char *name;
        uint16_t vendor, device;
    } cases[] = {
        {"Intel Corporation 8 Series/C220 Series Chipset Family PCI Express Root Port #4", 0x8086, 0x8c16},
        {"Intel Corporation 6 Series/C200 Series Chipset Family PCI Express Root Port 1", 0x8086, 0x1c10},
        {"Intel Corporation 100 Series/C230 Series Chipset Family PCI Express Root Port #17", 0x8086, 0xa167},
        {"Intel Corporation 200 Series/Z370 Chipset Family PCIe Root Port #24", 0x8086, 0xa2ee},
        {"Intel Corporation Sunrise Point-LP PCI Express Root Port #12", 0x8086, 0x9d1b},
        {"Intel Corporation I350 Gigabit Network Connection", 0x8086, 0x1521},
        {"ASMedia Technology Inc. ASM1083/1085 PCIe to PCI Bridge", 0x1b21, 0x1080},
        {"Intel Corporation Device 1234", 0x8086, 0x1234},
        /* Of families whose isolation is known. */
        {"Intel Corporation Xeon E3-1200 v2/3rd Gen Core processor PCI Express Root Port", 0x8086, 0x0151},
        {"Intel Corporation 82801JI (ICH10 Family) PCI Express Port 2", 0x8086, 0x3a42},
        {"PLX Technology, Inc. PEX 8747 48-Lane, 5-Port PCI Express Gen 3 (8.0 GT/s) Switch", 0x10b5, 0x8747},
        {"Mellanox Technologies MT27710 Family [ConnectX-4 Lx]", 0x15b3, 0x1015},
        {"Advanced Micro Devices, Inc. [AMD/ATI] Navi 21/23 HDMI/DP Audio Controller", 0x1002, 0xab28},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lspci_header header = ids_of(cases[i].name);
        ck_assert_msg(header.vendor_known && header.device_known, "%s", cases[i].name);
        ck_assert_uint_eq(header.vendor, cases[i].vendor);
        ck_assert_uint_eq(header.device, cases[i].device);
    }
    /* Two ids of one name. */
    ck_assert_uint_eq(ids_at("Advanced Micro Devices, Inc. [AMD] Matisse PCIe GPP Bridge", 7).device, 0x57a3);
    ck_assert_uint_eq(ids_at("Advanced Micro Devices, Inc. [AMD] Matisse PCIe GPP Bridge", 8).device, 0x57a4);
    ck_assert(!ids_of("Intel Corporation I350 Gigabit").device_known);
    ck_assert(!ids_of("Intel Corporation").device_known);
    ck_assert(!ids_of("Nobody Inc. I350 Gigabit Network Connection").device_known);
}
END_TEST

Suite *device_names_suite(void)
{
    Suite *suite = suite_create("device_names");
    TCase *tests = tcase_create("device_names");
    tcase_add_test(tests, names_of_quirks);
    suite_add_tcase(suite, tests);
    return suite;
}
