/* SPDX-License-Identifier: MIT */
/* Ids behind device names: a dump without numbers must not lose the kernel's quirks. */
#include "sim/input/lspci_names.h"

#include <check.h>
#include <string.h>

Suite *device_names_suite(void);

static struct lspci_header ids_of(const char *name)
{
    struct lspci_header header = {0};
    lspci_ids_by_name((struct slice){name, name + strlen(name)}, &header);
    return header;
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
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lspci_header header = ids_of(cases[i].name);
        ck_assert_msg(header.vendor_known && header.device_known, "%s", cases[i].name);
        ck_assert_uint_eq(header.vendor, cases[i].vendor);
        ck_assert_uint_eq(header.device, cases[i].device);
    }
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
