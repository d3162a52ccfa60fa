/* SPDX-License-Identifier: MIT */
/* lspci dumps in: rows of bytes. The bytes below are made up. */
#include "sim/base/arena.h"
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/input/recognise.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *import_suite(void);

/* A root port to bus 1 (capabilities up to the ARI forwarding bit), and its ACS capability at 100h. */
#define PORT_ROWS                                                                                            \
    "00: 36 1b 0c 00 06 04 10 00 00 00 04 06 00 00 01 00\n"                                                  \
    "10: 00 00 00 00 00 00 00 00 00 01 01 00 f0 00 00 00\n"                                                  \
    "20: 10 fe 20 fe f1 ff 01 00 00 00 00 00 00 00 00 00\n"                                                  \
    "30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00\n"
#define PORT_MORE                                                                                            \
    "40: 10 00 42 00 22 00 00 00 20 51 00 00 43 00 00 00\n"                                                  \
    "50: 00 00 43 00 00 00 00 00 00 00 00 00 00 00 00 00\n"                                                  \
    "60: 00 00 00 00 20 00 00 00 20 00 00 00 00 00 00 00\n" ZERO_ROWS
#define ZERO(row) row ": 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
#define ZERO_ROWS                                                                                            \
    ZERO("70")                                                                                               \
    ZERO("80") ZERO("90") ZERO("a0") ZERO("b0") ZERO("c0") ZERO("d0") ZERO("e0") ZERO("f0")
#define PORT_ACS "100: 0d 00 01 00 1f 00 1d 00 00 00 00 00 00 00 00 00\n"
/* The end of the PF's SR-IOV capability, and a VF as it shows itself. */
#define PF_TAIL "120: 01 00 00 00 00 00 20 fe 00 00 00 00 00 00 00 00\n"
#define VF_ROWS                                                                                              \
    "00: ff ff ff ff 04 00 10 00 01 00 00 02 00 00 00 00\n"                                                  \
    "10: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"                                                  \
    "20: 00 00 00 00 00 00 00 00 00 00 00 00 34 12 78 56\n"                                                  \
    "30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00\n"                                                  \
    "40: 10 00 02 00 02 00 00 00 00 00 00 00 00 00 00 00\n" ZERO("50") ZERO("60") ZERO_ROWS

static const char *const machine =
    "0000:00:02.0 0604: 1b36:000c\n" PORT_ROWS PORT_MORE PORT_ACS "\n"
    /* two of its four VFs are on, at offset 2, stride 1 */
    "0000:01:00.0 0200: 8086:10c9 (rev 01)\n"
    "00: 86 80 c9 10 06 04 10 00 01 00 00 02 00 00 80 00\n"
    "10: 0c 00 10 fe 00 00 00 00 00 00 00 00 00 00 00 00\n"
    "20: 00 00 00 00 00 00 00 00 00 00 00 00 34 12 78 56\n"
    "30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00\n"
    "40: 10 00 02 00 02 00 00 00 20 20 00 00 43 00 00 00\n"
    "50: 00 00 42 00 00 00 00 00 00 00 00 00 00 00 00 00\n" ZERO("60") ZERO_ROWS
    "100: 10 00 01 00 00 00 00 00 01 00 00 00 04 00 04 00\n"
    "110: 02 00 00 00 02 00 01 00 00 00 ca 10 53 05 00 00\n" PF_TAIL "\n"
    "0000:01:00.2 0200: 8086:10ca (rev 01)\n" VF_ROWS "\n"
    "0000:01:00.3 0200: 8086:10ca (rev 01)\n" VF_ROWS "\n"
    "0000:40:00.0 0880: 1234:5678\n" /* a root bus no bridge leads to, 64 bytes */
    "00: 34 12 78 56 00 00 00 00 00 00 80 08 00 00 00 00\n" ZERO("10") ZERO("20")
        ZERO("30") "\n"
                   "10000:00:00.0 0604: 8086:2030\n" PORT_ROWS;

static struct topology *import_text(const char *text, char **messages, int *status)
{
    struct source_text source = {"dump", text, strlen(text)};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = NULL;
    *status = dump_import(&source, &topology, diagnostics);
    if (messages) {
        size_t size;
        FILE *out = open_memstream(messages, &size);
        diagnostics_print(diagnostics, out);
        fclose(out);
    }
    diagnostics_free(diagnostics);
    return topology;
}

START_TEST(bytes_make_a_machine)
{
    int status;
    struct topology *topology = import_text(machine, NULL, &status);
    ck_assert_int_eq(status, STATUS_OK);
    ck_assert_uint_eq(topology->function_count, 6);
    ck_assert_uint_eq(topology->host_bridge_count, 3);
    ck_assert_int_eq(topology->acs_state, ACS_BOOTED);

    const struct pci_function *port = topology_find(topology, 0, 0, pci_devfn(2, 0));
    ck_assert(port && function_is_type(port, PCIE_ROOT_PORT) && port->ari_forwarding);
    ck_assert(port->acs.present && port->acs.capability == 0x1f && port->acs.control == 0x1d);
    ck_assert(port->memory_window.open && port->memory_window.base == 0xfe100000);
    ck_assert(!port->prefetchable_window.open && !port->io_window.open);
    ck_assert_uint_eq(port->max_read_request, 4096);
    ck_assert_uint_eq(port->link.generation, 3);
    ck_assert_uint_eq(port->link.width, 4);
    const struct pci_function *pf = topology_find(topology, 0, 1, 0);
    ck_assert(pf && pf->sriov.enabled && pf->sriov.num_vfs == 2 && pf->multifunction);
    const struct pci_function *vf = topology_find(topology, 0, 1, pci_devfn(0, 3));
    ck_assert(vf && vf->is_vf && vf->pf_id == pf->id && vf->vf_index == 1 && !vf->multifunction);
    ck_assert(vf->vendor == 0x8086 && vf->device == 0x10ca && vf->class_code == 0x020000);
    ck_assert(!vf->acs_unknown); /* 256 bytes, but the dump shows extended space where there is some */
    ck_assert_ptr_nonnull(topology_find(topology, 0, 0x40, 0));
    ck_assert(topology_find(topology, 0x10000, 0, 0)->pcie_unknown);
    topology_free(topology);
}
END_TEST

START_TEST(short_dumps_leave_acs_unknown)
{
    int status;
    struct topology *topology = import_text("00:02.0 0604: 1b36:000c\n" PORT_ROWS PORT_MORE, NULL, &status);
    ck_assert_int_eq(status, STATUS_OK);
    ck_assert(topology->functions[0].pcie && topology->functions[0].acs_unknown);
    topology_free(topology);
}
END_TEST

START_TEST(the_isa_bridge_tells_of_the_register_block)
{
    static const struct {
        const char *ids, *register_row;
        enum knowledge expected;
    } cases[] = {
        {"86 80 18 29", "f0: 01 c0 d1 fe", KNOWN_PRESENT},
        {"86 80 44 1e", "f0: 00 c0 d1 fe", KNOWN_ABSENT},
        {"86 80 43 a1", "f0: 01 c0 d1 fe", UNKNOWN}, /* 100 series */
        {"22 10 18 29", "f0: 01 c0 d1 fe", UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[2048];
        snprintf(text, sizeof(text),
                 "00:1f.0 0601: 8086:2918\n00: %s 07 00 00 00 02 00 01 06 00 00 80 00\n" ZERO("10") ZERO("20")
                     ZERO("30") ZERO("40") ZERO("50") ZERO("60") ZERO("70") ZERO("80") ZERO("90") ZERO("a0")
                         ZERO("b0") ZERO("c0") ZERO("d0")
                             ZERO("e0") "%s 00 00 00 00 00 00 00 00 00 00 00 00\n",
                 cases[i].ids, cases[i].register_row);
        int status;
        struct topology *topology = import_text(text, NULL, &status);
        ck_assert_int_eq(status, STATUS_OK);
        ck_assert_msg(topology->rcba_enabled == cases[i].expected, "case %zu", i);
        topology_free(topology);
    }
}
END_TEST

/* Each bad dump, its first message. */
START_TEST(bad_dumps_are_named)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "dump: error: the file is empty [dump-empty]\n"},
        {"hello\nworld\n", "dump:1:1: error: no line starts a PCI function as lspci prints it, e.g. '00:1f.3 "
                           "SMBus: ...' [dump-unknown]\n"},
        {"00:02.0 0604: 1b36:000c\n00: 36 1b 0c 00 06 04 10 00 00 00 04 06 00 00 01\n",
         "dump:2:49: error: a row holds 16 bytes of two hexadecimal digits [lspci-row-bytes]\n"},
        {"00:02.0 0604: 1b36:000c\n00: 36 1b 0c 00 06 04 1x 00 00 00 04 06 00 00 01 00\n",
         "dump:2:23: error: a row holds 16 bytes of two hexadecimal digits [lspci-row-bytes]\n"},
        {"00:02.0 0604: 1b36:000c\n00: 36 1b 0c 00 06 04 10 00 00 00 04 06 00 00 01 00 00\n",
         "dump:2:53: error: a row holds 16 bytes of two hexadecimal digits [lspci-row-bytes]\n"},
        {"00:02.0 0604: 1b36:000c\n" ZERO("10"),
         "dump:2:1: error: rows are missing before this one; only rows "
         "of extended space may be left out [lspci-row-missing]\n"},
        {"00:02.0 0604: 1b36:000c\n" PORT_ROWS ZERO("30"),
         "dump:6:1: error: this row repeats or comes before the one above [lspci-row-order]\n"},
        {"00:02.0 0604: 1b36:000c\n" ZERO("08"),
         "dump:2:1: error: a row of bytes starts at a multiple of 10h [lspci-row-offset]\n"},
        {"00:02.0 0604: 1b36:000c\n" ZERO("00") ZERO("10"),
         "dump:1:1: error: the dump of this function ends after 32 bytes, expected 64, 256 or 4096 "
         "[lspci-truncated]\n"},
        {"00:1c.4/00.0 0604: 1b36:000c\n",
         "dump:1:1: error: this path does not tell the bus number; use lspci "
         "-PP or no -P at all [lspci-path]\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status;
        char *messages;
        struct topology *topology = import_text(cases[i].text, &messages, &status);
        ck_assert_msg(!topology && status == STATUS_BAD_INPUT, "case %zu", i);
        ck_assert_msg(strncmp(messages, cases[i].message, strlen(cases[i].message)) == 0, "case %zu: %s", i,
                      messages);
        free(messages);
    }
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct source_text binary = {"dump", "00:0\0", 5};
    struct topology *topology = NULL;
    ck_assert_int_eq(dump_import(&binary, &topology, diagnostics), STATUS_BAD_INPUT);
    ck_assert_uint_eq(diagnostics_errors(diagnostics), 1);
    diagnostics_free(diagnostics);
}
END_TEST

static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = NULL, piece[65536];
    size_t length = 0, got;
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0) {
        text = memory_resize(text, length + got + 1, 1);
        memcpy(text + length, piece, got);
        length += got;
        text[length] = 0;
    }
    fclose(file);
    return text;
}

/* What a kernel's sysfs said of each function: address, class, ids, buses behind it. */
static unsigned compare_with_sysfs(const struct topology *topology, const char *sysfs, const char *path)
{
    unsigned functions = 0;
    for (const char *at = sysfs; at && *at; at = strstr(at, "\n0") ? strstr(at, "\n0") + 1 : NULL) {
        unsigned segment, bus, device, number, class_code, vendor, id, secondary, subordinate;
        ck_assert_int_eq(sscanf(at, "%x:%x:%x.%x", &segment, &bus, &device, &number), 4);
        const struct pci_function *function =
            topology_find(topology, segment, (uint8_t)bus, pci_devfn(device, number));
        ck_assert_msg(function, "%s: %.12s is missing", path, at);
        ck_assert_int_eq(sscanf(strstr(at, "class="), "class=%x id=%x:%x", &class_code, &vendor, &id), 3);
        ck_assert_msg(function->class_code == class_code && function->vendor == vendor &&
                          function->device == id,
                      "%s: %.12s", path, at);
        const char *end = strstr(at, "\n0"), *buses = strstr(at, "secondary_bus_number=");
        if (buses && (!end || buses < end)) {
            ck_assert_int_eq(
                sscanf(buses, "secondary_bus_number=%u subordinate_bus_number=%u", &secondary, &subordinate),
                2);
            ck_assert_msg(function->secondary_bus == secondary && function->subordinate_bus == subordinate,
                          "%s: %.12s", path, at);
        }
        functions++;
    }
    return functions;
}

START_TEST(oracle_dumps_are_what_the_kernel_saw)
{
    glob_t files;
    if (glob("../shared/oracle/*/*/lspci.txt", 0, NULL, &files) != 0) {
        printf("import: no oracle dumps beside the checkout\n");
        return;
    }
    unsigned functions = 0;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = files.gl_pathv[i];
        char *text = read_whole(path), *messages, sysfs_path[512];
        int status;
        struct topology *topology = import_text(text, &messages, &status);
        ck_assert_msg(topology, "%s: %s", path, messages);
        snprintf(sysfs_path, sizeof(sysfs_path), "%.*s/sysfs.txt", (int)(strrchr(path, '/') - path), path);
        char *sysfs = read_whole(sysfs_path);
        if (sysfs) {
            unsigned seen = compare_with_sysfs(topology, sysfs, path);
            ck_assert_msg(seen == topology->function_count, "%s: %u functions, not %u", path,
                          topology->function_count, seen);
            functions += seen;
        }
        free(sysfs);
        free(text);
        free(messages);
        topology_free(topology);
    }
    printf("import: %zu oracle dumps, %u functions as the kernel saw them\n", files.gl_pathc, functions);
    globfree(&files);
}
END_TEST

Suite *import_suite(void)
{
    Suite *suite = suite_create("import");
    TCase *tests = tcase_create("import");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, bytes_make_a_machine);
    tcase_add_test(tests, short_dumps_leave_acs_unknown);
    tcase_add_test(tests, the_isa_bridge_tells_of_the_register_block);
    tcase_add_test(tests, bad_dumps_are_named);
    tcase_add_test(tests, oracle_dumps_are_what_the_kernel_saw);
    suite_add_tcase(suite, tests);
    return suite;
}
