/* SPDX-License-Identifier: MIT */
/* Copies of /sys: what is written comes back, what is odd is said, what is hostile does no harm. */
#include "sim/analysis/iommu_coverage.h"
#include "sim/analysis/reserved_regions.h"
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/input/file_tree.h"
#include "sim/input/lspci_writer.h"
#include "sim/input/recognise.h"
#include "sim/input/sysfs_reader.h"
#include "sim/input/sysfs_writer.h"
#include "sim/output/groups_stated.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/random_machine.h"
#include "tests/unit/topology_compare.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *sysfs_suite(void);

enum { MACHINES = 60 };

static struct diagnostics *diagnostics;
static char *messages;

static void set_up(void)
{
    diagnostics = diagnostics_new(20);
}

static void tear_down(void)
{
    diagnostics_free(diagnostics);
    free(messages);
    messages = NULL;
}

/* Everything said so far. */
static const char *said(void)
{
    size_t size;
    free(messages);
    FILE *out = open_memstream(&messages, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    return messages;
}

/* Frees the tree. */
static struct topology *import_tree(struct file_tree *tree)
{
    struct topology *topology = NULL;
    const struct input_file file = {.path = tree->name, .tree = tree};
    int status = dump_import_files(&file, 1, &topology, diagnostics);
    ck_assert_int_eq(status == STATUS_OK, topology != NULL);
    file_tree_free(tree);
    return topology;
}

static struct topology *import_archive(const struct text_buffer *archive)
{
    const struct source_text source = {"copy.tar", archive->text, archive->length};
    struct file_tree *tree = NULL;
    int status = file_tree_read_archive(&source, sysfs_wants, &tree, diagnostics);
    return status == STATUS_OK ? import_tree(tree) : NULL;
}

static struct topology *import_text(const char *text)
{
    struct topology *topology = NULL;
    const struct source_text source = {"dump", text, strlen(text)};
    dump_import(&source, &topology, diagnostics);
    return topology;
}

/* ---- what is written comes back ---- */

/* The machine as a running kernel knows it: what bytes say, and drivers, nodes, groups with what is printed
 * of them, units. */
static void boot(struct topology *topology, uint64_t seed)
{
    static const char *const drivers[] = {"", "pcieport", "nvme", "vfio-pci"};
    struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, "", diagnostics);
    struct group_regions *regions = reserved_regions_find(groups, groups->arena);
    for (uint32_t i = 0; i < topology->function_count; i++) {
        struct pci_function *function = &topology->functions[i];
        function->driver = drivers[(seed + i) % 4];
        function->dma_mask_bits = (uint8_t)(24 + (seed + i) % 41);
        function->group_reported = groups->decisions[i].group != NONE;
        function->reported_group = groups->decisions[i].group;
        function->observed = false;
    }
    topology->reported_group_count = groups->group_count;
    topology->reported_groups =
        arena_array(topology->arena, groups->group_count, sizeof(*topology->reported_groups));
    for (uint32_t i = 0; i < groups->group_count; i++) {
        struct reported_group *group = &topology->reported_groups[i];
        *group = (struct reported_group){
            .number = i, .type = "DMA-FQ", .regions_known = true, .region_count = regions[i].count};
        group->regions = arena_array(topology->arena, regions[i].count, sizeof(*group->regions));
        for (uint32_t r = 0; r < regions[i].count; r++)
            group->regions[r] =
                (struct reported_region){regions[i].regions[r].start, regions[i].regions[r].end,
                                         region_type_name(regions[i].regions[r].type)};
    }
    for (uint32_t i = 0; i < topology->host_bridge_count; i++)
        topology->host_bridges[i].numa_node = (uint32_t)(seed + i) % 3;
    topology->memory = arena_array(topology->arena, 2, sizeof(*topology->memory));
    topology->memory[0] = (struct memory_range){.base = 0x1000, .limit = 0x9fbff};
    topology->memory[1] = (struct memory_range){.base = 0x100000, .limit = 0x7fffffff};
    topology->memory_count = 2;
    topology->cmdline = "intel_iommu=on iommu=pt";
    iommu_groups_free(groups);
}

static void check_groups(const struct topology *a, const struct topology *b, const char *name)
{
    ck_assert_msg(a->reported_group_count == b->reported_group_count, "%s", name);
    for (uint32_t i = 0; i < a->reported_group_count; i++) {
        const struct reported_group *left = &a->reported_groups[i], *right = &b->reported_groups[i];
        ck_assert_uint_eq(left->number, right->number);
        ck_assert_str_eq(left->type, right->type);
        ck_assert_uint_eq(left->region_count, right->region_count);
        for (uint32_t r = 0; r < left->region_count; r++) {
            ck_assert_uint_eq(left->regions[r].base, right->regions[r].base);
            ck_assert_uint_eq(left->regions[r].limit, right->regions[r].limit);
            ck_assert_str_eq(left->regions[r].type, right->regions[r].type);
        }
    }
}

START_TEST(random_machines_come_back)
{
    for (uint64_t seed = 1; seed <= MACHINES; seed++) {
        char *description = random_machine_text(seed, 40), difference[256] = "no machine";
        struct topology *machine = synthetic_parse("random", description, diagnostics);
        struct text_buffer bytes = {0}, archive = {0};
        lspci_write(machine, &bytes);
        struct topology *running = import_text(bytes.text);
        boot(running, seed);
        const struct sysfs_running nothing = {NULL, NULL, NULL};
        sysfs_write(running, &nothing, &archive);
        struct topology *copy = import_archive(&archive);
        ck_assert_msg(copy && topology_same(running, copy, COMPARE_ALL, difference), "seed %lu: %s\n%s\n%s",
                      (unsigned long)seed, difference, description, said());
        check_groups(running, copy, description);
        topology_free(copy);
        topology_free(running);
        topology_free(machine);
        text_buffer_fini(&bytes);
        text_buffer_fini(&archive);
        free(description);
    }
}
END_TEST

/* Sizes of BARs and of VFs' BARs, which bytes do not tell. */
START_TEST(sizes_come_back)
{
    struct topology *machine = synthetic_parse(
        "machine", "rp(ep[bar=64KiB,bar=1MiB,vf=3:4:1]) rp(ep[vf=4:80:2,ari]) pci@1e.0 rp(pcie2pci(pci))",
        diagnostics);
    const struct sysfs_running nothing = {NULL, NULL, NULL};
    struct text_buffer archive = {0};
    sysfs_write(machine, &nothing, &archive);
    struct topology *copy = import_archive(&archive);
    ck_assert_msg(copy != NULL, "%s", said());
    ck_assert_uint_eq(copy->function_count, machine->function_count);
    for (uint32_t i = 0; i < machine->function_count; i++) {
        const struct pci_function *a = &machine->functions[i], *b = &copy->functions[i];
        for (unsigned bar = 0; bar < BAR_COUNT; bar++) {
            ck_assert_int_eq(a->bars[bar].kind, b->bars[bar].kind);
            ck_assert_uint_eq(a->bars[bar].address, b->bars[bar].address);
            ck_assert_uint_eq(a->bars[bar].size, b->bars[bar].size);
        }
        ck_assert_uint_eq(a->sriov.vf_bars[0].size, b->sriov.vf_bars[0].size);
        ck_assert_uint_eq(a->is_vf, b->is_vf);
    }
    topology_free(copy);
    topology_free(machine);
    text_buffer_fini(&archive);
}
END_TEST

/* A dump that shows functions on a bus nothing leads to: the copy does not know either. */
START_TEST(unexplained_buses_stay_unexplained)
{
    struct topology *machine = import_text("00:00.0 0600: 8086:1234\n00:01.0 0604: 8086:1901\n"
                                           "\tBus: primary=00, secondary=01, subordinate=05\n"
                                           "03:00.0 0300: 10de:1fff\n");
    ck_assert_msg(machine && machine->host_bridge_count == 2 && machine->host_bridges[1].found, "%s", said());
    const struct sysfs_running nothing = {NULL, NULL, NULL};
    struct text_buffer archive = {0};
    sysfs_write(machine, &nothing, &archive);
    struct topology *copy = import_archive(&archive);
    ck_assert_msg(copy && copy->host_bridge_count == 2 && copy->host_bridges[1].found, "%s", said());
    topology_free(copy);
    topology_free(machine);
    text_buffer_fini(&archive);
}
END_TEST

/* ---- units ---- */

static const char *unit_text(const struct topology *topology, struct text_buffer *out)
{
    for (uint32_t u = 0; u < topology->unit_count; u++) {
        const struct iommu_unit *unit = &topology->units[u];
        text_buffer_format(out, "%s%s:", u ? "; " : "", unit->name);
        if (unit->include_all)
            text_buffer_add(out, " all");
        for (uint32_t i = 0; i < unit->scope_count; i++)
            text_buffer_format(out, " %s%02x:%02x.%x", unit->scopes[i].kind == SCOPE_BRIDGE ? "below " : "",
                               unit->scopes[i].bus, pci_slot(unit->scopes[i].devfn),
                               pci_func(unit->scopes[i].devfn));
    }
    return text_buffer_get(out);
}

/* For whom each unit translates, as digits, one a function in order; "-" for none. */
START_TEST(units_follow_from_whom_they_translate_for)
{
    static const struct {
        const char *units, *expected;
        enum iommu_kind kind;
    } cases[] = {
        /* 00.0, 01.0 with 01:00.0, 02.0 */
        {"0000", "dmar0: all", IOMMU_VT_D},
        {"1110", "dmar0: 00:02.0; dmar1: all", IOMMU_VT_D},
        {"0110", "dmar0: 00:00.0 00:02.0; dmar1: all", IOMMU_VT_D},
        {"-00-", "dmar0: below 00:01.0", IOMMU_VT_D},
        {"-110", "dmar0: 00:02.0; dmar1: below 00:01.0", IOMMU_VT_D},
        {"-00-", "ivhd0: below 00:01.0", IOMMU_AMD_VI},
        {"--0-", "ivhd0: 01:00.0", IOMMU_AMD_VI},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct topology *machine = synthetic_parse("machine", "rciep@0 rp@1(ep) rciep@2", diagnostics);
        struct iommu_unit units[2] = {{.kind = cases[c].kind, .interrupt_remapping = KNOWN_PRESENT},
                                      {.kind = cases[c].kind, .interrupt_remapping = KNOWN_ABSENT}};
        /* In processing order the root bus comes first. */
        static const unsigned letter_of[] = {0, 1, 3, 2};
        uint32_t unit_of[4];
        machine->units = units;
        machine->unit_count = 2;
        for (uint32_t i = 0; i < 4; i++) {
            char letter = cases[c].units[letter_of[i]];
            unit_of[i] = letter == '-' ? NONE : (uint32_t)(letter - '0');
        }
        const struct sysfs_running running = {unit_of, NULL, NULL};
        struct text_buffer archive = {0}, text = {0};
        sysfs_write(machine, &running, &archive);
        struct topology *copy = import_archive(&archive);
        ck_assert_msg(copy && copy->units_known, "case %zu: %s", c, said());
        ck_assert_str_eq(unit_text(copy, &text), cases[c].expected);
        /* VT-d shows a register that says whether it remaps interrupts. */
        ck_assert_uint_eq(copy->units[0].interrupt_remapping, cases[c].kind != IOMMU_VT_D ? UNKNOWN
                                                              : strcmp(copy->units[0].name, "dmar0") == 0
                                                                  ? KNOWN_PRESENT
                                                                  : KNOWN_ABSENT);
        topology_free(copy);
        topology_free(machine);
        text_buffer_fini(&archive);
        text_buffer_fini(&text);
    }
}
END_TEST

/* ---- what the kernel printed of groups, against what is foreseen ---- */

START_TEST(statements_are_compared)
{
    struct topology *machine = synthetic_parse("machine", "rp[acs](ep) rciep rciep", diagnostics);
    boot(machine, 1);
    struct iommu_groups *groups = iommu_groups_form(machine, IOMMU_CHOICE_VT_D, "", diagnostics);
    struct group_statements found = group_statements_find(groups, groups->arena);
    ck_assert_uint_eq(found.count, 4);
    ck_assert_uint_eq(found.types, 4);
    ck_assert_uint_eq(found.types_same, 4);
    ck_assert_uint_eq(found.regions_same, 4);
    machine->reported_groups[0].type = "identity";
    machine->reported_groups[1].regions[0].base = 0xfed00000;
    machine->functions[2].reported_group = 9; /* its group cannot be compared any more */
    found = group_statements_find(groups, groups->arena);
    ck_assert_uint_eq(found.count, 3);
    ck_assert_uint_eq(found.types_same, 2);
    ck_assert_uint_eq(found.regions_same, 2);
    struct text_buffer out = {0};
    groups_stated_text(&found, &out);
    ck_assert_str_eq(text_buffer_get(&out),
                     "Types are stated of 3 groups with the same members; 2 have the same type here\n"
                     "  group 0: identity for the kernel, DMA-FQ here\n"
                     "Reserved regions are stated of 3 of them; 2 have the same regions here\n"
                     "  group 1: 0x00000000fed00000 0x00000000feefffff msi for the kernel only\n"
                     "  group 1: 0x00000000fee00000 0x00000000feefffff msi here only\n");
    text_buffer_fini(&out);
    iommu_groups_free(groups);
    topology_free(machine);
}
END_TEST

/* ---- trees put together by hand ---- */

static void add(struct file_tree *tree, enum file_kind kind, const char *path, const char *text)
{
    ck_assert(file_tree_add(tree, kind, path, text, strlen(text), diagnostics));
}

/* The first 64 bytes of a root port with buses 01 to 01, as an ordinary user reads them. */
static void add_port(struct file_tree *tree, const char *path, size_t length)
{
    uint8_t space[4096] = {0x86, 0x80, 0x01, 0x19, 0x07, 0x00, 0x10, 0x00,
                           0x05, 0x00, 0x04, 0x06, 0,    0,    0x01};
    space[0x19] = space[0x1a] = 1;
    space[0x34] = 0x88;
    ck_assert(file_tree_add(tree, FILE_REGULAR, path, (const char *)space, length, diagnostics));
}

/* cp -rL of bus/pci/devices alone, without root: no links, no paths; buses from the header. */
START_TEST(a_folder_of_functions_is_enough)
{
    struct file_tree *tree = file_tree_new("copy");
    add_port(tree, "devices/0000:00:01.0/config", 64);
    add(tree, FILE_REGULAR, "devices/0000:00:01.0/current_link_speed", "8.0 GT/s PCIe\n");
    add(tree, FILE_REGULAR, "devices/0000:00:01.0/current_link_width", "4\n");
    add(tree, FILE_REGULAR, "devices/0000:01:00.0/current_link_speed", "2.5 GT/s PCIe\n");
    add(tree, FILE_REGULAR, "devices/0000:01:00.0/current_link_width", "0\n"); /* no link */
    add(tree, FILE_REGULAR, "devices/0000:01:00.0/vendor", "0x10de\n");
    add(tree, FILE_REGULAR, "devices/0000:01:00.0/device", "0x1fff\n");
    add(tree, FILE_REGULAR, "devices/0000:01:00.0/class", "0x030000\n");
    add(tree, FILE_REGULAR, "devices/0000:01:00.0/uevent", "DRIVER=nouveau\nPCI_CLASS=30000\n");
    add(tree, FILE_REGULAR, "devices/0000:01:00.0/resource",
        "0x00000000b1000000 0x00000000b1003fff 0x0000000000040200\n"
        "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
    file_tree_sort(tree);
    struct topology *topology = import_tree(tree);
    ck_assert_msg(topology != NULL, "%s", said());
    ck_assert_uint_eq(topology->function_count, 2);
    const struct pci_function *port = topology_find(topology, 0, 0, pci_devfn(1, 0));
    const struct pci_function *card = topology_find(topology, 0, 1, 0);
    ck_assert(port && card && topology_parent(topology, card) == port);
    ck_assert(port->acs_unknown && function_is_type(port, PCIE_ROOT_PORT));
    ck_assert_uint_eq(port->link.generation, 3);
    ck_assert_str_eq(card->driver, "nouveau");
    ck_assert_uint_eq(card->bars[0].size, 0x4000);
    topology_free(topology);
}
END_TEST

/* tar of the live /sys believes in sizes: 4096 bytes of text, and zeros where configuration space could not
 * be read. Links alone show the tree, too. */
START_TEST(padding_is_seen_through)
{
    struct file_tree *tree = file_tree_new("copy.tar");
    char vendor[4096] = "0x8086\n";
    ck_assert(file_tree_add(tree, FILE_REGULAR, "sys/devices/pci0000:00/0000:00:01.0/vendor", vendor,
                            sizeof(vendor), diagnostics));
    add_port(tree, "sys/devices/pci0000:00/0000:00:01.0/config", 4096);
    add(tree, FILE_LINK, "sys/bus/pci/devices/0000:01:00.0",
        "../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0");
    add(tree, FILE_LINK, "sys/bus/pci/devices/10000:e1:00.0",
        "../../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0");
    file_tree_sort(tree);
    struct topology *topology = import_tree(tree);
    ck_assert_msg(topology != NULL, "%s", said());
    const struct pci_function *port = topology_find(topology, 0, 0, pci_devfn(1, 0));
    ck_assert(port->vendor == 0x8086 && port->acs_unknown && port->pcie_unknown);
    ck_assert_ptr_nonnull(topology_find(topology, 0, 1, 0));
    const struct pci_function *below = topology_find(topology, 0x10000, 0xe1, 0);
    ck_assert(below &&
              topology_parent(topology, below) == topology_find(topology, 0x10000, 0xe0, pci_devfn(6, 0)));
    topology_free(topology);
}
END_TEST

START_TEST(direct_regions_are_stated_for_the_members)
{
    struct file_tree *tree = file_tree_new("copy.tar");
    static const char regions[] = "0x0000000000000000 0x0000000000ffffff direct-relaxable\n"
                                  "0x000000007b800000 0x000000007fffffff direct-relaxable\n"
                                  "0x00000000fee00000 0x00000000feefffff msi\n";
    add(tree, FILE_REGULAR, "0000:00:14.0/class", "0x0c0330\n");
    add(tree, FILE_REGULAR, "0000:00:14.2/class", "0x050000\n");
    add(tree, FILE_LINK, "0000:00:14.0/iommu_group", "../../../kernel/iommu_groups/5");
    add(tree, FILE_LINK, "kernel/iommu_groups/5/devices/0000:00:14.2",
        "../../../../devices/pci0000:00/0000:00:14.2");
    add(tree, FILE_REGULAR, "kernel/iommu_groups/5/type", "DMA-FQ\n");
    add(tree, FILE_REGULAR, "kernel/iommu_groups/5/reserved_regions", regions);
    file_tree_sort(tree);
    struct topology *topology = import_tree(tree);
    ck_assert_msg(topology != NULL, "%s", said());
    ck_assert_uint_eq(topology->reported_group_count, 1);
    ck_assert_uint_eq(topology->reported_groups[0].number, 5);
    ck_assert_uint_eq(topology->reported_groups[0].region_count, 3);
    ck_assert_uint_eq(topology->reserved_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(topology->reserved[i].base, 0x7b800000);
        ck_assert_int_eq(topology->reserved[i].kind, RESERVED_DIRECT_RELAXABLE);
        ck_assert_uint_eq(topology->reserved[i].scope.devfn, pci_devfn(0x14, 2 * i));
        ck_assert_uint_eq(topology->functions[i].reported_group, 5);
    }
    topology_free(topology);
}
END_TEST

/* A running kernel that made no groups shows links to drivers and none to groups. */
START_TEST(no_groups_are_noticed)
{
    for (unsigned grouped = 0; grouped < 2; grouped++) {
        struct file_tree *tree = file_tree_new("copy");
        add_port(tree, "0000:00:01.0/config", 64);
        add(tree, FILE_LINK, "0000:00:01.0/driver", "../../../bus/pci/drivers/pcieport");
        if (grouped)
            add(tree, FILE_LINK, "0000:00:01.0/iommu_group", "../../../kernel/iommu_groups/3");
        file_tree_sort(tree);
        tear_down();
        set_up();
        topology_free(import_tree(tree));
        ck_assert_msg((strstr(said(), "[sysfs-no-groups]") == NULL) == (grouped == 1), "%s", said());
    }
}
END_TEST

START_TEST(wrong_content_is_an_error_at_its_place)
{
    static const struct {
        const char *path, *text, *expected;
    } cases[] = {
        {"0000:00:00.0/vendor", "8086\n",
         "copy/0000:00:00.0/vendor:1:1: error: expected a number such as 0x8086 [sysfs-attribute]"},
        {"0000:00:00.0/numa_node", "zero\n",
         "copy/0000:00:00.0/numa_node:1:1: error: expected a decimal number [sysfs-attribute]"},
        {"0000:00:00.0/resource", "0x0 0x0 0x0\n0x1 0x2\n",
         "copy/0000:00:00.0/resource:2:1: error: expected three numbers: first byte, last byte, flags "
         "[sysfs-attribute]"},
        {"0000:00:00.0/config", "0123456789",
         "copy/0000:00:00.0/config: error: configuration space of 10 bytes, expected 64, 256 or 4096 "
         "[sysfs-config]"},
        {"iommu_groups/1/reserved_regions", "0x0 0x1\n",
         "copy/iommu_groups/1/reserved_regions:1:1: error: expected first byte, last byte and type of a "
         "reserved "
         "region [sysfs-attribute]"},
        {"virtual/iommu/dmar0/intel-iommu/address", "register\n",
         "copy/virtual/iommu/dmar0/intel-iommu/address:1:1: error: expected hexadecimal digits "
         "[sysfs-attribute]"},
        {"0000:00:00.0/reset", "1\n",
         "copy: warning: the copy holds links to functions, but none of their files (scripts/collect.sh "
         "makes a "
         "complete one; 'cp -rL' follows links) [sysfs-links]"},
        {"README", "nothing", "copy: error: no PCI function and no text that a dump is recognised in"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct file_tree *tree = file_tree_new("copy");
        tear_down();
        set_up();
        add(tree, FILE_REGULAR, cases[i].path, cases[i].text);
        if (strchr(cases[i].path, '/'))
            add(tree, FILE_FOLDER, "0000:00:00.0", "");
        file_tree_sort(tree);
        topology_free(import_tree(tree));
        ck_assert_msg(strstr(said(), cases[i].expected), "%s instead of\n%s", said(), cases[i].expected);
    }
}
END_TEST

Suite *sysfs_suite(void)
{
    Suite *suite = suite_create("sysfs");
    TCase *tests = tcase_create("sysfs");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, random_machines_come_back);
    tcase_add_test(tests, sizes_come_back);
    tcase_add_test(tests, unexplained_buses_stay_unexplained);
    tcase_add_test(tests, units_follow_from_whom_they_translate_for);
    tcase_add_test(tests, statements_are_compared);
    tcase_add_test(tests, a_folder_of_functions_is_enough);
    tcase_add_test(tests, padding_is_seen_through);
    tcase_add_test(tests, direct_regions_are_stated_for_the_members);
    tcase_add_test(tests, no_groups_are_noticed);
    tcase_add_test(tests, wrong_content_is_an_error_at_its_place);
    suite_add_tcase(suite, tests);
    return suite;
}
