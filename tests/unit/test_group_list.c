/* SPDX-License-Identifier: MIT */
/* Listings of IOMMU groups in, as shell loops print them. The machine is made up. */
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/recognise.h"
#include "tests/unit/dump_text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *group_list_suite(void);

/* Two ports, a graphics card below the first. */
static const struct {
    unsigned group;
    const char *address, *class_name, *name;
    unsigned class_code, vendor, device, revision;
} functions[] = {
    {0, "00:00.0", "Host bridge", "Intel Corporation Made-up DRAM Controller", 0x0600, 0x8086, 0xaaa0, 7},
    {1, "00:01.0", "PCI bridge", "Intel Corporation Made-up Port", 0x0604, 0x8086, 0xaaa1, 7},
    {1, "01:00.0", "VGA compatible controller", "NVIDIA Corporation Made-up [Graphics X]", 0x0300, 0x10de,
     0x1fff, 0xa1},
    {1, "01:00.1", "Audio device", "NVIDIA Corporation Made-up Audio", 0x0403, 0x10de, 0x2fff, 0xa1},
    {12, "00:1c.0", "PCI bridge", "Intel Corporation Made-up Port", 0x0604, 0x8086, 0xaaa1, 0xf1},
};

enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

static void add_named(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out, "%s %s [%04x]: %s [%04x:%04x] (rev %02x)\n", functions[i].address,
                       functions[i].class_name, functions[i].class_code, functions[i].name,
                       functions[i].vendor, functions[i].device, functions[i].revision);
}

static bool starts_group(unsigned i)
{
    return i == 0 || functions[i].group != functions[i - 1].group;
}

static void wiki(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "IOMMU Group %u:\n", functions[i].group);
    text_buffer_add(out, "\t");
    add_named(out, i);
}

static void gaps(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "%s### Group %u ###\n", i ? "\n" : "", functions[i].group);
    text_buffer_add(out, "    ");
    add_named(out, i);
}

static void colon(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "IOMMU group: %u\n", functions[i].group);
    add_named(out, i);
}

static void details(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "IOMMU Group %u\n", functions[i].group);
    text_buffer_add(out, "\t");
    add_named(out, i);
    text_buffer_add(out, "\t\tSubsystem: Made-up Device [1234:5678]\n\t\tKernel driver in use: vfio-pci\n");
}

static void inline_prefix(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out, "IOMMU Group %u ", functions[i].group);
    add_named(out, i);
}

static void quoted(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out, "> iommu group %u: 0000:", functions[i].group);
    add_named(out, i);
}

static void ids_first(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out, "IOMMU group %u:\t[%04x:%04x] %s %s: %s (rev %02x)\n", functions[i].group,
                       functions[i].vendor, functions[i].device, functions[i].address,
                       functions[i].class_name, functions[i].name, functions[i].revision);
}

static void reset_marks(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "IOMMU Group %u:\n", functions[i].group);
    text_buffer_add(out, i % 2 ? "[RESET]\t" : "\t\t");
    add_named(out, i);
}

static void columns(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out, "Group %u:\t[%04x:%04x] %s %s  %-40s %s\n", functions[i].group,
                       functions[i].vendor, functions[i].device, i % 2 ? "[R]" : "   ", functions[i].address,
                       functions[i].class_name, functions[i].name);
}

static void mixed_find(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out, "/sys/kernel/iommu_groups/%u/devices/0000:%s\n", functions[i].group,
                       functions[i].address);
    add_named(out, i);
}

static void mixed_pairs(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out, "%u\t0000:%s\n", functions[i].group, functions[i].address);
    add_named(out, i);
}

static void numbered(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out, "%u 0000:", functions[i].group);
    add_named(out, i);
}

static void numbered_short(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out, "%u ", functions[i].group);
    add_named(out, i);
}

static void markdown(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "%s**IOMMU Group %u:**\n\n", i ? "\n" : "", functions[i].group);
    text_buffer_add(out, "* ");
    add_named(out, i);
}

static void dashes(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "IOMMU Group %u :\n", functions[i].group);
    text_buffer_add(out, "    -- ");
    add_named(out, i);
}

/* Further functions of a group stand below the first one; what hangs on USB controllers is listed, too. */
static void below_the_first(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "IOMMU group %u:\t", functions[i].group);
    text_buffer_format(out, "\t \t[%04x:%04x] %s %s: %s (rev %02x)\nBus 001 Device 002: ID 1d6b:0002\n",
                       functions[i].vendor, functions[i].device, functions[i].address,
                       functions[i].class_name, functions[i].name, functions[i].revision);
}

/* Everything in bullets, which pages set apart. */
static void spaced_bullets(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "* **IOMMU Group %u**:\n\n", functions[i].group);
    text_buffer_add(out, "  * ");
    add_named(out, i);
    text_buffer_add(out, i + 1 < FUNCTIONS ? "\n" : "");
}

static void spaced_lines(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "IOMMU Group %u:\n\n", functions[i].group);
    text_buffer_add(out, "\t");
    add_named(out, i);
    text_buffer_add(out, i + 1 < FUNCTIONS ? "\n" : "");
}

static void listed(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "%u. IOMMU Group %u\n", functions[i].group + 1, functions[i].group);
    text_buffer_format(out, "   %u. ", i + 1);
    add_named(out, i);
}

static void german(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "IOMMU-Gruppe %u:\n", functions[i].group);
    add_named(out, i);
}

static void french(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "Groupe IOMMU %u :\n", functions[i].group);
    add_named(out, i);
}

static void behind(struct text_buffer *out, unsigned i)
{
    static const char *const words[FUNCTIONS] = {"IOMMU group 0", "(IOMMU Group: 1)", "[iommu group 1]",
                                                 ", IOMMU group: 1", "IOMMU Group 12"};
    text_buffer_format(out, "%s %s [%04x]: %s [%04x:%04x] (rev %02x) %s\n", functions[i].address,
                       functions[i].class_name, functions[i].class_code, functions[i].name,
                       functions[i].vendor, functions[i].device, functions[i].revision, words[i]);
}

/* All in one line: newlines were lost. */
static void flat(struct text_buffer *out, unsigned i)
{
    if (starts_group(i))
        text_buffer_format(out, "IOMMU Group %u: ", functions[i].group);
    text_buffer_format(out, "%s %s [%04x]: %s [%04x:%04x] (rev %02x) ", functions[i].address,
                       functions[i].class_name, functions[i].class_code, functions[i].name,
                       functions[i].vendor, functions[i].device, functions[i].revision);
    text_buffer_add(out, i + 1 < FUNCTIONS ? "" : "\n");
}

static void numbered_colon(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out, "%u: 0000:", functions[i].group);
    add_named(out, i);
}

static void proxmox(struct text_buffer *out, unsigned i)
{
    if (i == 0)
        text_buffer_add(out, "┌──────────┬────────┬──────────────┬────────────┬────────┬──────────────┐\n"
                             "│ class    │ device │ id           │ iommugroup │ vendor │ device_name  │\n"
                             "╞══════════╪════════╪══════════════╪════════════╪════════╪══════════════╡\n");
    text_buffer_format(out, "│ 0x%04x00 │ 0x%04x │ 0000:%s │ %10u │ 0x%04x │ %s │\n", functions[i].class_code,
                       functions[i].device, functions[i].address, functions[i].group, functions[i].vendor,
                       functions[i].name);
    text_buffer_add(out, "├──────────┼────────┼──────────────┼────────────┼────────┼──────────────┤\n");
}

static void markdown_table(struct text_buffer *out, unsigned i)
{
    text_buffer_add(out, i == 0 ? "| **Group** | Device |\n|---|:--|\n" : "");
    text_buffer_format(out, "| %u | %s %s [%04x]: %s [%04x:%04x] (rev %02x) |\n", functions[i].group,
                       functions[i].address, functions[i].class_name, functions[i].class_code,
                       functions[i].name, functions[i].vendor, functions[i].device, functions[i].revision);
}

/* Records carry their group themselves. */
static void records(struct text_buffer *out, unsigned i)
{
    text_buffer_format(out,
                       "Slot:\t%s\nClass:\t%s [%04x]\nVendor:\tMade-up [%04x]\nDevice:\t%s [%04x]\n"
                       "SVendor:\tVendor [1234]\nSDevice:\tDevice [5678]\nRev:\t%02x\nDriver:\tvfio-pci\n"
                       "NUMANode:\t0\nIOMMUGroup:\t%u\n\n",
                       functions[i].address, functions[i].class_name, functions[i].class_code,
                       functions[i].vendor, functions[i].name, functions[i].device, functions[i].revision,
                       functions[i].group);
}

static const struct {
    const char *name;
    void (*add)(struct text_buffer *out, unsigned i);
    bool revision;
} styles[] = {
    {"wiki", wiki, true},
    {"gaps", gaps, true},
    {"colon", colon, true},
    {"details", details, true},
    {"inline", inline_prefix, true},
    {"quoted", quoted, true},
    {"ids first", ids_first, true},
    {"reset marks", reset_marks, true},
    {"columns", columns, false},
    {"find and lspci", mixed_find, true},
    {"pairs and lspci", mixed_pairs, true},
    {"numbered", numbered, true},
    {"numbered, short", numbered_short, true},
    {"markdown", markdown, true},
    {"dashes", dashes, true},
    {"records", records, true},
    {"below the first", below_the_first, true},
    {"spaced bullets", spaced_bullets, true},
    {"spaced lines", spaced_lines, true},
    {"listed", listed, true},
    {"german", german, true},
    {"french", french, true},
    {"behind", behind, true},
    {"flat", flat, true},
    {"numbered, colon", numbered_colon, true},
    {"proxmox", proxmox, false},
    {"markdown table", markdown_table, true},
};

static void check_function(const struct topology *topology, unsigned i, const char *style, bool revision)
{
    uint32_t segment;
    uint8_t bus, devfn;
    ck_assert(bdf_parse(functions[i].address, &segment, &bus, &devfn));
    const struct pci_function *function = topology_find(topology, 0, bus, devfn);
    ck_assert_msg(function, "%s: %s", style, functions[i].address);
    ck_assert_msg(function->group_reported && function->reported_group == functions[i].group, "%s: %s", style,
                  functions[i].address);
    ck_assert_msg(function->vendor == functions[i].vendor && function->device == functions[i].device,
                  "%s: %04x:%04x", style, function->vendor, function->device);
    ck_assert_msg(function->class_code == functions[i].class_code << 8, "%s: %06x", style,
                  function->class_code);
    ck_assert_msg(!revision || function->revision == functions[i].revision, "%s: %s", style,
                  functions[i].address);
}

START_TEST(every_style_tells_the_groups)
{
    for (size_t s = 0; s < sizeof(styles) / sizeof(styles[0]); s++) {
        struct text_buffer text = {0};
        for (unsigned i = 0; i < FUNCTIONS; i++)
            styles[s].add(&text, i);
        /* What follows a list after a gap is no member of its last group. */
        text_buffer_add(&text, "\n00:1f.0 ISA bridge [0601]: Intel Corporation Device [8086:aaa3]\n");
        struct source_text source = {"list", text_buffer_get(&text), text.length};
        enum input_kind kind = dump_recognise(&source);
        ck_assert_msg(kind == INPUT_GROUP_LIST || kind == INPUT_LSPCI_TEXT, "%s", styles[s].name);
        char *messages;
        struct topology *topology = dump_text_import("list", text_buffer_get(&text), text.length, &messages);
        ck_assert_msg(topology, "%s: %s", styles[s].name, messages);
        ck_assert_msg(topology->function_count == FUNCTIONS + 1, "%s: %u", styles[s].name,
                      topology->function_count);
        for (unsigned i = 0; i < FUNCTIONS; i++)
            check_function(topology, i, styles[s].name, styles[s].revision);
        const struct pci_function *last = topology_find(topology, 0, 0, pci_devfn(0x1f, 0));
        ck_assert_msg(last && !last->group_reported, "%s", styles[s].name);
        /* The first port is numbered first, so the card is below it. */
        const struct pci_function *card = topology_find(topology, 0, 1, 0);
        ck_assert_uint_eq(topology_parent(topology, card)->devfn, pci_devfn(1, 0));
        topology_free(topology);
        free(messages);
        text_buffer_fini(&text);
    }
}
END_TEST

START_TEST(directories_tell_groups_and_ways)
{
    static const char text[] =
        "/sys/kernel/iommu_groups/4/devices:\n"
        "total 0\n"
        "lrwxrwxrwx 1 root root 0 Jan  1 12:00 0000:00:1d.0 -> ../../../../devices/pci0000:00/0000:00:1d.0\n"
        "lrwxrwxrwx 1 root root 0 Jan  1 12:00 0000:05:00.0 -> "
        "../../../../devices/pci0000:00/0000:00:1d.0/0000:03:00.0/0000:04:01.0/0000:05:00.0\n"
        "\n"
        "/sys/kernel/iommu_groups/7/devices:\n"
        "0000:00:1f.0  0000:00:1f.3\n"
        "\n"
        "/sys/kernel/iommu_groups/8/devices/0000:00:02.0\n"
        "/sys/bus/pci/devices/0000:00:03.0/iommu_group -> ../../../kernel/iommu_groups/12\n"
        "/sys/kernel/iommu_groups/9/devices/10000:e1:00.0 -> "
        "../../../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0\n";
    char *messages;
    struct topology *topology = dump_text_import("list", text, strlen(text), &messages);
    ck_assert_msg(topology, "%s", messages);
    ck_assert_str_eq(topology->source, "list of groups");
    const struct pci_function *end = topology_find(topology, 0, 5, 0);
    ck_assert(end && end->group_reported && end->reported_group == 4);
    const struct pci_function *down = topology_parent(topology, end);
    ck_assert(down && down->bus == 4 && !down->group_reported);
    const struct pci_function *port = topology_root_function(topology, end);
    ck_assert(port->devfn == pci_devfn(0x1d, 0) && port->secondary_bus == 3 && port->subordinate_bus == 5);
    ck_assert_uint_eq(topology_find(topology, 0, 0, pci_devfn(0x1f, 3))->reported_group, 7);
    ck_assert_uint_eq(topology_find(topology, 0, 0, pci_devfn(2, 0))->reported_group, 8);
    ck_assert_uint_eq(topology_find(topology, 0, 0, pci_devfn(3, 0))->reported_group, 12);
    const struct pci_function *drive = topology_find(topology, 0x10000, 0xe1, 0);
    ck_assert(drive && drive->reported_group == 9);
    uint32_t vmd = topology->host_bridges[topology->buses[drive->bus_id].host_bridge_id].vmd_function_id;
    ck_assert(vmd != NONE && topology->functions[vmd].devfn == pci_devfn(0xe, 0));
    topology_free(topology);
    free(messages);
}
END_TEST

static void check_drawing(const char *text)
{
    char *messages;
    struct topology *topology = dump_text_import("list", text, strlen(text), &messages);
    ck_assert_msg(topology, "%s", messages);
    ck_assert_uint_eq(topology->function_count, 3);
    ck_assert_uint_eq(topology_find(topology, 0, 0, 0)->reported_group, 0);
    const struct pci_function *port = topology_find(topology, 0, 0, pci_devfn(1, 0));
    const struct pci_function *card = topology_find(topology, 0, 1, 0);
    ck_assert(port->group_reported && port->reported_group == 12);
    ck_assert(card->group_reported && card->reported_group == 12 && topology_parent(topology, card) == port);
    topology_free(topology);
    free(messages);
}

START_TEST(tree_draws_groups)
{
    check_drawing("/sys/kernel/iommu_groups\n"
                  "├── 0\n"
                  "│   ├── devices\n"
                  "│   │   └── 0000:00:00.0 -> ../../../../devices/pci0000:00/0000:00:00.0\n"
                  "│   └── type\n"
                  "└── 12\n"
                  "    └── devices\n"
                  "        ├── 0000:00:01.0 -> ../../../../devices/pci0000:00/0000:00:01.0\n"
                  "        └── 0000:01:00.0 -> ../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0\n");
    check_drawing("/sys/kernel/iommu_groups\n"
                  "|-- 0\n"
                  "|   |-- devices\n"
                  "|   |   `-- 0000:00:00.0 -> ../../../../devices/pci0000:00/0000:00:00.0\n"
                  "|   `-- type\n"
                  "`-- 12\n"
                  "    `-- devices\n"
                  "        |-- 0000:00:01.0 -> ../../../../devices/pci0000:00/0000:00:01.0\n"
                  "        `-- 0000:01:00.0 -> ../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0\n");
}
END_TEST

/* cat -n numbers lines, not groups. */
START_TEST(line_numbers_are_no_groups)
{
    static const char text[] = "     1\t00:00.0 Host bridge [0600]: Intel Corporation Made-up [8086:aaa0]\n";
    struct source_text source = {"list", text, strlen(text)};
    ck_assert_int_eq(dump_recognise(&source), INPUT_UNKNOWN);
}
END_TEST

/* lspci -v's own line about a group starts no list. */
START_TEST(lspci_lines_are_no_headings)
{
    static const char text[] = "00:1c.0 PCI bridge [0604]: Intel Corporation Port [8086:aaa1] (rev f1)\n"
                               "\tIOMMU group: 3\n"
                               "\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n"
                               "01:00.0 Ethernet controller [0200]: Intel Corporation NIC [8086:aaa2]\n"
                               "\tFlags: bus master, fast devsel, latency 0, IRQ 16\n";
    char *messages;
    struct topology *topology = dump_text_import("list", text, strlen(text), &messages);
    ck_assert_msg(topology, "%s", messages);
    ck_assert_uint_eq(topology_find(topology, 0, 0, pci_devfn(0x1c, 0))->reported_group, 3);
    ck_assert(!topology_find(topology, 0, 1, 0)->group_reported);
    ck_assert_str_eq(topology->source, "lspci dump");
    topology_free(topology);
    free(messages);
}
END_TEST

Suite *group_list_suite(void)
{
    Suite *suite = suite_create("group_list");
    TCase *tests = tcase_create("group_list");
    tcase_add_test(tests, every_style_tells_the_groups);
    tcase_add_test(tests, directories_tell_groups_and_ways);
    tcase_add_test(tests, tree_draws_groups);
    tcase_add_test(tests, line_numbers_are_no_groups);
    tcase_add_test(tests, lspci_lines_are_no_headings);
    suite_add_tcase(suite, tests);
    return suite;
}
