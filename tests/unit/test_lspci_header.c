/* SPDX-License-Identifier: MIT */
/* The line that starts a function, in all forms lspci has. */
#include "sim/input/lspci_record.h"

#include <check.h>
#include <string.h>

Suite *lspci_header_suite(void);

static struct lspci_header header_of(const char *line, bool *valid)
{
    struct lspci_header header;
    *valid = lspci_header_parse((struct slice){line, line + strlen(line)}, &header);
    return header;
}

START_TEST(headers_in_all_forms)
{
    static const struct {
        const char *line;
        uint32_t segment;
        unsigned bus, devfn;
        uint32_t class_code;
        unsigned vendor, device, revision;
    } cases[] = {
        {"00:02.0 0604: 1b36:000c", 0, 0, 0x10, 0x060400, 0x1b36, 0x000c, 0},
        {"0000:00:02.0 0604: 1b36:000c (rev 02) (prog-if 01 [Subtractive decode])", 0, 0, 0x10, 0x060401,
         0x1b36, 0x000c, 2},
        {"10000:e1:1f.7 Class 0108: 8086:0a54", 0x10000, 0xe1, 0xff, 0x010800, 0x8086, 0x0a54, 0},
        {"02:00.1 Audio device [0403]: NVIDIA Corporation Some HDA [Fast] [10de:10f0] (rev a1)", 0, 2, 1,
         0x040300, 0x10de, 0x10f0, 0xa1},
        {"00:1c.4/07:00.0 Ethernet controller: Intel Corporation Device 1521 (rev 01)", 0, 7, 0, 0x020000,
         0x8086, 0x1521, 1},
        {"03:00.0 Non-Volatile memory controller: Samsung Electronics Co Ltd Fancy SSD (prog-if 02 [NVM "
         "Express])",
         0, 3, 0, 0x010802, 0x144d, 0xffff, 0},
        {"03:00.0 Class [ff00]: Nobody Known Inc. Thing", 0, 3, 0, 0xff0000, 0xffff, 0xffff, 0},
        {"0c:00.0 PCI bridge: Advanced Micro Devices, Inc. [AMD/ATI] Navi Switch", 0, 12, 0, 0x060400, 0x1002,
         0xffff, 0},
        {"00:1c.4 PCI bridge: Intel Corporation 8 Series/C220 Series Chipset Family PCI Express Root Port #5 "
         "(rev "
         "d5)",
         0, 0, 0xe4, 0x060400, 0x8086, 0x8c18, 0xd5},
        {"00:1b.0 PCI bridge: Intel Corporation 200 Series PCH PCI Express Root Port #19", 0, 0, 0xd8,
         0x060400, 0x8086, 0xa2e9, 0},
        {"00:1b.0 PCI bridge: Intel Corporation 200 Series PCH PCI Express Root Port #49", 0, 0, 0xd8,
         0x060400, 0x8086, 0xffff, 0},
        {"02:00.0 Ethernet controller: Emulex Corporation OneConnect 10Gb NIC (be3) (rev 03)", 0, 2, 0,
         0x020000, 0x19a2, 0x0710, 3},
        {"00:1f.0 Class 0601: Device 8086:a143 (rev 31)", 0, 0, 0xf8, 0x060100, 0x8086, 0xa143, 0x31},
        {"00:1f.0 Class 0601: Nobody Known Inc. Thing [8086:a143]", 0, 0, 0xf8, 0x060100, 0x8086, 0xa143, 0},
        {"00:1f.0 ISA bridge [Class 0601]: Device [8086:a143]", 0, 0, 0xf8, 0x060100, 0x8086, 0xa143, 0},
        {"04:00.0 VGA compatible controller: Device 1a03:2000 (rev 52)", 0, 4, 0, 0x030000, 0x1a03, 0x2000,
         0x52},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool valid;
        struct lspci_header header = header_of(cases[i].line, &valid);
        ck_assert_msg(valid, "%s", cases[i].line);
        ck_assert_msg(header.segment == cases[i].segment && header.bus == cases[i].bus &&
                          header.devfn == cases[i].devfn,
                      "%s", cases[i].line);
        ck_assert_msg(header.class_code == cases[i].class_code, "%s: class %06x", cases[i].line,
                      header.class_code);
        ck_assert_msg(header.vendor == cases[i].vendor && header.device == cases[i].device &&
                          header.revision == cases[i].revision,
                      "%s: %04x:%04x rev %02x", cases[i].line, header.vendor, header.device, header.revision);
    }
    static const char *const others[] = {
        "",
        "00:02.0",
        "00:02.8 0604: 1b36:000c",
        "00:20.0 0604: 1b36:000c",
        "0:02.0 0604: 1b36:000c",
        "00:02.0 0604 1b36:000c",
        "00:02.0 pci bridge: x",
        "00: 36 1b 0c 00 06 04 10 00 00 00 04 06 00 00 01 00",
        "[    0.5] pci 0000:00:02.0: [1b36:000c] type 01 class 0x060400",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        bool valid;
        header_of(others[i], &valid);
        ck_assert_msg(!valid, "%s", others[i]);
    }
}
END_TEST

Suite *lspci_header_suite(void)
{
    Suite *suite = suite_create("lspci_header");
    TCase *tests = tcase_create("lspci_header");
    tcase_add_test(tests, headers_in_all_forms);
    suite_add_tcase(suite, tests);
    return suite;
}
