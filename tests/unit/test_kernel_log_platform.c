/* SPDX-License-Identifier: MIT */
/* What kernel logs say of the platform: remapping units, direct regions, what the kernel decided for itself.
 */
#include "sim/analysis/viability.h"
#include "sim/base/diagnostic.h"
#include "sim/base/text_buffer.h"
#include "sim/input/recognise.h"
#include "tests/unit/dump_text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *kernel_log_platform_suite(void);

static const struct pci_function *at(const struct topology *topology, uint8_t bus, unsigned device,
                                     unsigned function)
{
    return topology_find(topology, 0, bus, pci_devfn(device, function));
}

/* Two sockets: the kernel visits the last unit with scopes first. Which root bus is whose follows from the
 * order of the groups. */
START_TEST(units_follow_from_the_order_of_groups)
{
    static const char text[] = "DMAR: DRHD base: 0x000000d1000000 flags: 0x0\n"
                               "DMAR: DRHD base: 0x000000d2000000 flags: 0x0\n"
                               "DMAR: DRHD base: 0x000000d3000000 flags: 0x1\n"
                               "PCI host bridge to bus 0000:00\n"
                               "pci 0000:00:00.0: [8086:0001] type 00 class 0x060000\n"
                               "PCI host bridge to bus 0000:40\n"
                               "pci 0000:40:00.0: [8086:0002] type 01 class 0x060400\n"
                               "pci 0000:40:00.0: PCI bridge to [bus 41]\n"
                               "pci 0000:41:00.0: [8086:0003] type 00 class 0x020000\n"
                               "PCI host bridge to bus 0000:80\n"
                               "pci 0000:80:04.0: [8086:0004] type 00 class 0x088000\n"
                               "pci 0000:80:04.1: [8086:0004] type 00 class 0x088000\n"
                               "pci 0000:80:04.0: Adding to iommu group 0\n"
                               "pci 0000:80:04.1: Adding to iommu group 0\n"
                               "pci 0000:40:00.0: Adding to iommu group 1\n"
                               "pci 0000:41:00.0: Adding to iommu group 2\n"
                               "pci 0000:00:00.0: Adding to iommu group 3\n";
    char *messages;
    struct topology *topology = dump_text_import("log", text, strlen(text), &messages);
    ck_assert_msg(topology, "%s", messages);
    ck_assert(topology->units_known && topology->unit_count == 3);
    const struct iommu_unit *first = &topology->units[0], *second = &topology->units[1];
    ck_assert(first->scope_count == 1 && first->scopes[0].bus == 0x40 &&
              first->scopes[0].kind == SCOPE_BRIDGE);
    /* Who joined a group was below the same unit. */
    ck_assert(second->scope_count == 2 && second->scopes[0].bus == 0x80);
    ck_assert_uint_eq(second->scopes[1].devfn, pci_devfn(4, 1));
    ck_assert(second->scopes[0].kind == SCOPE_FUNCTION && topology->units[2].include_all);
    topology_free(topology);
    free(messages);
}
END_TEST

/* Two sockets with AMD IOMMUs: the table names the second first. */
#define TWO_AMD_UNITS                                                                                        \
    "PCI host bridge to bus 0000:00\n"                                                                       \
    "pci 0000:00:00.0: [1022:aa80] type 00 class 0x060000 conventional PCI endpoint\n"                       \
    "pci 0000:00:00.2: [1022:aa81] type 00 class 0x080600 conventional PCI endpoint\n"                       \
    "pci 0000:00:01.0: [1022:aa82] type 00 class 0x060000 conventional PCI endpoint\n"                       \
    "pci 0000:00:01.1: [1022:aa83] type 01 class 0x060400 PCIe Root Port\n"                                  \
    "pci 0000:00:01.1: PCI bridge to [bus 01]\n"                                                             \
    "pci 0000:01:00.0: [8086:aa10] type 00 class 0x020000 PCIe Endpoint\n"                                   \
    "PCI host bridge to bus 0000:60\n"                                                                       \
    "pci 0000:60:00.2: [1022:aa81] type 00 class 0x080600 conventional PCI endpoint\n"                       \
    "pci 0000:60:03.1: [1022:aa83] type 01 class 0x060400 PCIe Root Port\n"                                  \
    "pci 0000:60:03.1: PCI bridge to [bus 61]\n"                                                             \
    "pci 0000:61:00.0: [8086:aa10] type 00 class 0x020000 PCIe Endpoint\n"

static uint32_t group_of(const struct iommu_groups *groups, uint8_t bus, unsigned device, unsigned function)
{
    return groups->decisions[at(groups->topology, bus, device, function)->id].group;
}

START_TEST(amd_units_are_numbered_as_the_log_names_them)
{
    static const char text[] = TWO_AMD_UNITS "pci 0000:60:00.2: AMD-Vi: Found IOMMU cap 0x40\n"
                                             "AMD-Vi: Found IOMMU at 0000:00:00.2 cap 0x40\n"
                                             "AMD-Vi: Interrupt remapping enabled\n";
    struct topology *topology = dump_text_import_good(text);
    ck_assert(topology->units_known && topology->unit_count == 2);
    for (unsigned i = 0; i < 2; i++)
        ck_assert(topology->units[i].kind == IOMMU_AMD_VI && topology->units[i].interrupt_remapping);
    ck_assert_str_eq(topology->units[0].name, "ivhd0");
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_AUTO, NULL, diagnostics);
    const struct function_coverage *cover = groups->coverage->functions;
    ck_assert_uint_eq(cover[at(topology, 0x61, 0, 0)->id].unit, 0);
    ck_assert_uint_eq(cover[at(topology, 1, 0, 0)->id].unit, 1);
    ck_assert_uint_eq(cover[at(topology, 0, 0, 0)->id].unit, NONE);
    ck_assert_uint_eq(cover[at(topology, 0, 0, 2)->id].unit, NONE);
    ck_assert_uint_eq(group_of(groups, 0x60, 3, 1), 0);
    ck_assert_uint_gt(group_of(groups, 0, 1, 0), group_of(groups, 0x61, 0, 0));
    iommu_groups_free(groups);
    diagnostics_free(diagnostics);
    topology_free(topology);
}
END_TEST

/* A log that lost the line of one IOMMU does not say which functions are behind the other. */
START_TEST(an_amd_unit_that_is_not_named_leaves_all_unknown)
{
    static const char text[] = TWO_AMD_UNITS "pci 0000:60:00.2: AMD-Vi: Found IOMMU cap 0x40\n";
    struct topology *topology = dump_text_import_good(text);
    ck_assert(!topology->units_known && topology->unit_count == 0);
    topology_free(topology);
}
END_TEST

START_TEST(regions_without_a_device_are_named_once)
{
    static const char text[] = "DMAR: RMRR base: 0x0000007a000000 end: 0x0000007a01ffff\n"
                               "DMAR: RMRR base: 0x0000007b800000 end: 0x0000007fffffff\n"
                               "DMAR: RMRR base: 0x0000007b800000 end: 0x0000007fffffff\n"
                               "pci 0000:00:02.0: [8086:aaa2] type 00 class 0x030000 PCIe Endpoint\n"
                               "pci 0000:00:02.0: DMAR: Setting identity map [0x7b800000 - 0x7fffffff]\n";
    char *messages;
    struct topology *topology = dump_text_import("log", text, strlen(text), &messages);
    ck_assert_msg(topology, "%s", messages);
    ck_assert_uint_eq(topology->reserved_count, 1);
    ck_assert_str_eq(messages, "log: warning: the log names 1 RMRR region without the devices "
                               "(0x7a000000-0x7a01ffff); no function is given it [log-rmrr-devices]\n");
    topology_free(topology);
    free(messages);
}
END_TEST

/* People filter logs: what is left need not name a function. */
START_TEST(lines_of_the_platform_are_enough)
{
    static const char *const texts[] = {
        "[    0.000000] Command line: root=/dev/sda1 iommu=pt\n",
        "Jan 01 12:00:00 host kernel: Kernel command line: root=/dev/sda1 iommu=pt\n",
        "BOOT_IMAGE=/vmlinuz root=/dev/sda1 iommu=pt quiet\n",
        "$ cat /proc/cmdline\nBOOT_IMAGE=(hd0,gpt2)/vmlinuz iommu=pt\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct text_buffer text = {0};
        text_buffer_format(&text,
                           "%sDMAR-IR: Failed to enable irq remapping.\n\n"
                           "00:00.0 Host bridge [0600]: Made-up [8086:aaa0]\n",
                           texts[i]);
        struct topology *topology = dump_text_import_good(text_buffer_get(&text));
        ck_assert_str_eq(topology->cmdline, "iommu=pt");
        ck_assert_int_eq(topology->stated.interrupt_remapping, KNOWN_ABSENT);
        topology_free(topology);
        text_buffer_fini(&text);
    }
}
END_TEST

START_TEST(an_iommu_that_was_switched_off_makes_no_groups)
{
    static const struct {
        const char *line, *cmdline; /* given by the user */
        uint32_t groups;
    } cases[] = {{"DMAR: IOMMU enabled\n", NULL, 2},
                 {"DMAR: IOMMU disabled\n", NULL, 0},
                 {"DMAR: IOMMU disabled\n", "intel_iommu=on", 2},
                 {"Intel-IOMMU: disabled\n", NULL, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text_buffer text = {0};
        text_buffer_format(&text, "%s%s", cases[i].line,
                           "DMAR: DRHD base: 0x000000fed91000 flags: 0x1\n"
                           "pci 0000:00:00.0: [8086:aaa0] type 00 class 0x060000 conventional PCI endpoint\n"
                           "pci 0000:00:03.0: [8086:aaa2] type 00 class 0x020000 PCIe Endpoint\n");
        struct topology *topology = dump_text_import_good(text_buffer_get(&text));
        struct diagnostics *diagnostics = diagnostics_new(20);
        struct iommu_groups *groups =
            iommu_groups_form(topology, IOMMU_CHOICE_AUTO, cases[i].cmdline, diagnostics);
        ck_assert_msg(groups->group_count == cases[i].groups, "case %zu: %u", i, groups->group_count);
        iommu_groups_free(groups);
        diagnostics_free(diagnostics);
        topology_free(topology);
        text_buffer_fini(&text);
    }
}
END_TEST

/* What the kernel said of itself holds where no word of the command line says otherwise. */
START_TEST(what_the_kernel_said_of_itself_holds)
{
    static const struct {
        const char *lines;
        const char *cmdline; /* given by the user */
        enum group_type type;
        enum knowledge interrupts;
    } cases[] = {
        {"", NULL, GROUP_TYPE_DMA_FQ, UNKNOWN},
        {"iommu: Default domain type: Passthrough\n", NULL, GROUP_TYPE_IDENTITY, UNKNOWN},
        {"iommu: Default domain type: Passthrough\n", "quiet", GROUP_TYPE_IDENTITY, UNKNOWN},
        {"iommu: Default domain type: Passthrough\n", "iommu=nopt", GROUP_TYPE_DMA_FQ, UNKNOWN},
        {"iommu: Default domain type: Passthrough (set via kernel command line)\n", NULL, GROUP_TYPE_IDENTITY,
         UNKNOWN},
        {"iommu: Default domain type: Passthrough (set via kernel command line)\n", "quiet",
         GROUP_TYPE_DMA_FQ, UNKNOWN},
        {"iommu: DMA domain TLB invalidation policy: strict mode\n", NULL, GROUP_TYPE_DMA, UNKNOWN},
        {"iommu: DMA domain TLB invalidation policy: strict mode\n", "iommu.strict=0", GROUP_TYPE_DMA_FQ,
         UNKNOWN},
        {"iommu: DMA domain TLB invalidation policy: strict mode (set via kernel command line)\n", NULL,
         GROUP_TYPE_DMA, UNKNOWN},
        {"DMAR-IR: Enabled IRQ remapping in xapic mode\n", NULL, GROUP_TYPE_DMA_FQ, KNOWN_PRESENT},
        {"x2apic: IRQ remapping doesn't support X2APIC mode\n", NULL, GROUP_TYPE_DMA_FQ, UNKNOWN},
        {"AMD-Vi: Disabling interrupt remapping\n", NULL, GROUP_TYPE_DMA_FQ, KNOWN_ABSENT},
        /* units are named, but what they do to interrupts is not */
        {"DMAR: DRHD base: 0x000000fed91000 flags: 0x1\n", NULL, GROUP_TYPE_DMA_FQ, UNKNOWN},
        {"DMAR: DRHD base: 0x000000fed91000 flags: 0x1\n", "intremap=off", GROUP_TYPE_DMA_FQ, KNOWN_ABSENT},
        {"DMAR: DRHD base: 0x000000fed91000 flags: 0x1\nDMAR-IR: Enabled IRQ remapping in x2apic mode\n",
         NULL, GROUP_TYPE_DMA_FQ, KNOWN_PRESENT},
        {"DMAR: DRHD base: 0x000000fed91000 flags: 0x1\nDMAR-IR: Failed to enable irq remapping. You are "
         "vulnerable to irq-injection attacks.\n",
         NULL, GROUP_TYPE_DMA_FQ, KNOWN_ABSENT},
    };
    static const enum interrupt_isolation isolation[] = {[UNKNOWN] = INTERRUPTS_ASSUMED,
                                                         [KNOWN_PRESENT] = INTERRUPTS_ISOLATED,
                                                         [KNOWN_ABSENT] = INTERRUPTS_OPEN};
    static const char machine[] =
        "pci 0000:00:00.0: [8086:aaa0] type 00 class 0x060000 conventional PCI endpoint\n"
        "pci 0000:00:03.0: [8086:aaa2] type 00 class 0x020000 PCIe Endpoint\n";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text_buffer text = {0};
        text_buffer_format(&text, "%s%s", cases[i].lines, machine);
        struct topology *topology = dump_text_import_good(text_buffer_get(&text));
        struct diagnostics *diagnostics = diagnostics_new(20);
        struct iommu_groups *groups =
            iommu_groups_form(topology, IOMMU_CHOICE_AUTO, cases[i].cmdline, diagnostics);
        const struct pci_function *function = at(topology, 0, 3, 0);
        ck_assert_msg(groups->groups[group_of(groups, 0, 3, 0)].type == cases[i].type, "case %zu", i);
        struct viability_question question = {
            .given = &function->id, .given_count = 1, .drivers = viability_drivers(topology, groups->arena)};
        const struct viability *answer = viability_find(groups, &question, groups->arena);
        ck_assert_msg(answer->affected[0].interrupts == isolation[cases[i].interrupts], "case %zu", i);
        iommu_groups_free(groups);
        diagnostics_free(diagnostics);
        topology_free(topology);
        text_buffer_fini(&text);
    }
}
END_TEST

Suite *kernel_log_platform_suite(void)
{
    Suite *suite = suite_create("kernel_log_platform");
    TCase *tests = tcase_create("kernel_log_platform");
    tcase_add_test(tests, units_follow_from_the_order_of_groups);
    tcase_add_test(tests, amd_units_are_numbered_as_the_log_names_them);
    tcase_add_test(tests, an_amd_unit_that_is_not_named_leaves_all_unknown);
    tcase_add_test(tests, regions_without_a_device_are_named_once);
    tcase_add_test(tests, lines_of_the_platform_are_enough);
    tcase_add_test(tests, an_iommu_that_was_switched_off_makes_no_groups);
    tcase_add_test(tests, what_the_kernel_said_of_itself_holds);
    suite_add_tcase(suite, tests);
    return suite;
}
