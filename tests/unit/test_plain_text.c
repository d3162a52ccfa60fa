/* SPDX-License-Identifier: MIT */
/* What terminals, editors and other systems do to a text is undone; records of lspci -vmm. */
#include "sim/input/plain_text.h"
#include "sim/input/recognise.h"
#include "tests/unit/dump_text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *plain_text_suite(void);

#define BYTES(text)                                                                                          \
    {                                                                                                        \
        "text", text, sizeof(text) - 1                                                                       \
    }

START_TEST(marks_colours_and_encodings_go)
{
    static const struct {
        struct source_text from;
        const char *to; /* NULL: it is plain already */
    } cases[] = {
        {BYTES("00:00.0 Host bridge\n"), NULL},
        {BYTES(""), NULL},
        {BYTES("a\r\nb\r\n"), NULL},
        {BYTES("\xef\xbb\xbf"
               "a\n"),
         "a\n"},
        {BYTES("\xef\xbb\xbf [1] a\n"), " [1] a\n"},
        {BYTES("\xef\xbb\xbf {}"), NULL},
        {BYTES("{\"\x1b[0m\": 1}"), NULL},
        {BYTES("<?xml version='1.0'?>\n<topology><info value='&lt;b&gt;\xc2\xa0'/></topology>"), NULL},
        {BYTES("a\rb\r"), "a\nb\n"},
        {BYTES("a\xc2\xa0"
               "b\n"),
         "a b\n"},
        {BYTES("\x1b[32m[    0.1] \x1b[0m\x1b[33mpci\x1b[0m: x\n"), "[    0.1] pci: x\n"},
        {BYTES("a \x1b[01;31m\x1b[Kb\x1b[m\x1b[K c\x1b(B\n"), "a b c\n"},
        {BYTES("\x1b]8;;file:///x\x07"
               "a\x1b]8;;\x1b\\ b\n"),
         "a b\n"},
        {BYTES("a\x1b[3"), "a"},
        {BYTES("a\x1b"), "a"},
        {BYTES("a\x1b]8;;\nb\n"), "a\nb\n"},
        {BYTES("\xff\xfe"
               "a\0\r\0\n\0"),
         "a\r\n"},
        {BYTES("\xfe\xff"
               "\0a\0\n"),
         "a\n"},
        {BYTES("\xff\xfe"
               "\xe9\0\xac\x20\x3d\xd8\0\xde"),
         "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {BYTES("\xff\xfe"
               "\x3d\xd8"
               "a\0"),
         "\xef\xbf\xbd"
         "a"},
        {BYTES("\xff\xfe"
               "{\0}\0"),
         "{}"},
        {BYTES("\xff\xfe"
               "a\0b"),
         "a"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t length = 0;
        char *plain = plain_text_make(&cases[i].from, &length);
        ck_assert_msg(!plain == !cases[i].to, "case %zu", i);
        ck_assert_msg(!plain || (strcmp(plain, cases[i].to) == 0 && length == strlen(plain)), "case %zu: %s",
                      i, plain);
        free(plain);
    }
}
END_TEST

/* The same function in the forms -vmmnnk, -vmmn and -vm. */
START_TEST(records_tell_functions)
{
    static const char *const texts[] = {
        "Slot:\t0001:00:1f.2\nClass:\tSATA controller [0106]\nVendor:\tIntel Corporation [8086]\n"
        "Device:\tMade-up [AHCI] [aaa7]\nSVendor:\tVendor [1234]\nSDevice:\tDevice [5678]\nPhySlot:\t3\n"
        "Rev:\t31\nProgIf:\t01\nDriver:\tahci\nModule:\tahci\nNUMANode:\t1\nIOMMUGroup:\t17\n",
        "Slot:\t0001:00:1f.2\nClass:\t0106\nVendor:\t8086\nDevice:\taaa7\nSVendor:\t1234\nSDevice:\t5678\n"
        "Rev:\t31\nProgIf:\t01\nDriver:\tahci\nNUMANode:\t1\nIOMMUGroup:\t17\n",
        "> Device: 0001:00:1f.2\n> Class: SATA controller\n> Vendor: Intel Corporation\n> Device: Device "
        "aaa7\n"
        "> SVendor: 1234\n> SDevice: 5678\n> Rev: 31\n> ProgIf: 01\n> Driver: ahci\n> IOMMUGroup: 17\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct topology *topology = dump_text_import_good(texts[i]);
        ck_assert_uint_eq(topology->function_count, 1);
        const struct pci_function *function = topology_find(topology, 1, 0, pci_devfn(0x1f, 2));
        ck_assert(function && function->vendor == 0x8086 && function->device == 0xaaa7);
        ck_assert_uint_eq(function->class_code, 0x010601);
        ck_assert(function->subvendor == 0x1234 && function->subdevice == 0x5678);
        ck_assert_uint_eq(function->revision, 0x31);
        ck_assert_str_eq(function->driver, "ahci");
        ck_assert(function->group_reported && function->reported_group == 17);
        ck_assert(function->pcie_unknown || !function->pcie);
        topology_free(topology);
    }
}
END_TEST

Suite *plain_text_suite(void)
{
    Suite *suite = suite_create("plain_text");
    TCase *tests = tcase_create("plain_text");
    tcase_add_test(tests, marks_colours_and_encodings_go);
    tcase_add_test(tests, records_tell_functions);
    suite_add_tcase(suite, tests);
    return suite;
}
