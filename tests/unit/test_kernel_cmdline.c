/* SPDX-License-Identifier: MIT */
#include "sim/analysis/kernel_cmdline.h"

#include "sim/kernel/random.h"
#include "sim/topology/synthetic.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *kernel_cmdline_suite(void);

static struct arena *arena;
static struct diagnostics *diagnostics;
static struct kernel_cmdline words;

static void setup(void)
{
    arena = arena_new();
    diagnostics = diagnostics_new(20);
}

static void teardown(void)
{
    arena_free(arena);
    diagnostics_free(diagnostics);
}

static void parse(const char *text)
{
    kernel_cmdline_parse(text, arena, diagnostics, &words);
}

START_TEST(switches)
{
    parse(NULL);
    ck_assert_int_eq(words.intel_iommu, NOT_GIVEN);
    ck_assert(!words.iommu_off && !kernel_cmdline_overrides_acs(&words));
    parse("root=/dev/sda1 quiet intel_iommu=on,sm_on,igfx_off iommu=pt console=ttyS0,115200");
    ck_assert_int_eq(words.intel_iommu, GIVEN_ON);
    ck_assert(words.intel_graphics_off);
    ck_assert_int_eq(words.passthrough, GIVEN_ON);
    parse("intel_iommu=on intel_iommu=off amd_iommu=off iommu=pt iommu=nopt iommu.strict=0");
    ck_assert_int_eq(words.intel_iommu, GIVEN_OFF);
    ck_assert(words.amd_iommu_off);
    ck_assert_int_eq(words.passthrough, GIVEN_OFF);
    ck_assert_int_eq(words.strict, GIVEN_OFF);
    parse("amd_iommu=force_isolation,fullflush iommu.passthrough=1 pci=nomsi,noats");
    ck_assert_int_eq(words.strict, GIVEN_ON);
    ck_assert_int_eq(words.passthrough, GIVEN_ON);
    ck_assert(words.ats_off);
    parse("iommu=off -- intel_iommu=off");
    ck_assert(words.iommu_off);
    ck_assert_int_eq(words.intel_iommu, NOT_GIVEN);
    parse("intel_iommu=on,sp_off amd_iommu=nohugepages");
    ck_assert(words.intel_superpages_off && words.amd_superpages_off);
    parse("intremap=on,nosid vfio-iommu-type1.allow_unsafe_interrupts=Y");
    ck_assert_int_eq(words.interrupt_remapping, GIVEN_ON);
    ck_assert_int_eq(words.unsafe_interrupts, GIVEN_ON);
    parse("intremap=off vfio_iommu_type1.allow_unsafe_interrupts=0");
    ck_assert_int_eq(words.interrupt_remapping, GIVEN_OFF);
    ck_assert_int_eq(words.unsafe_interrupts, GIVEN_OFF);
    parse("nointremap");
    ck_assert_int_eq(words.interrupt_remapping, GIVEN_OFF);
    ck_assert_uint_eq(diagnostics_warnings(diagnostics), 0);
}
END_TEST

/* Words that the kernel takes, and that make no difference to an IOMMU. */
START_TEST(idle_words_are_told_of)
{
    parse("iommu=soft,pt,noforce,usedac,forcesac");
    ck_assert_int_eq(words.passthrough, GIVEN_ON);
    ck_assert_uint_eq(diagnostics_warnings(diagnostics), 4);
}
END_TEST

START_TEST(bounce_buffers_and_addresses)
{
    parse("swiotlb=65536,8,force iommu.forcedac=1");
    ck_assert_uint_eq(words.swiotlb_slots, 65536);
    ck_assert_uint_eq(words.swiotlb_areas, 8);
    ck_assert_int_eq(words.swiotlb_force, GIVEN_ON);
    ck_assert(words.forcedac);
    parse("swiotlb=noforce iommu.forcedac=0 intel_iommu=on");
    ck_assert_uint_eq(words.swiotlb_slots, 0);
    ck_assert_int_eq(words.swiotlb_force, GIVEN_OFF);
    ck_assert(!words.forcedac);
    parse("swiotlb=0");
    ck_assert_int_eq(words.swiotlb_force, GIVEN_OFF);
    parse("swiotlb=0x8000 intel_iommu=on,forcedac");
    ck_assert_uint_eq(words.swiotlb_slots, 0x8000);
    ck_assert_int_eq(words.swiotlb_force, NOT_GIVEN);
    ck_assert(words.forcedac);
}
END_TEST

START_TEST(words_without_effect_are_named)
{
    static const char *const lines[] = {
        "amd_iommu=pt",
        "amd_iommu=on",
        "intel_iommu=pt",
        "iommu=on",
        "pcie_acs_override=upstream",
        "pcie_acs_override=id:8086",
        "iommu.strict=maybe",
        "intremap=nope",
        "pci=disable_acs_redir=00.1",
        "pci=disable_acs_redir=00:1c.8",
        "pci=config_acs=1@",
        "pci=config_acs=@00:1c.0",
        "pci=config_acs=12@00:1c.0",
        "pci=config_acs=10000000@00:1c.0",
        "pci=config_acs=pci:8086:1c10",
    };
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        parse(lines[i]);
        ck_assert_msg(diagnostics_warnings(diagnostics) == i + 1, "%s", lines[i]);
        ck_assert_uint_eq(words.config_acs_count, 0);
        ck_assert_uint_eq(words.disable_acs_redir_count, 0);
        ck_assert(!kernel_cmdline_overrides_acs(&words));
    }
    ck_assert_uint_eq(diagnostics_errors(diagnostics), 0);
}
END_TEST

START_TEST(the_place_is_shown)
{
    char text[400] = {0};
    FILE *out = fmemopen(text, sizeof(text) - 1, "w");
    parse("quiet amd_iommu=pt");
    diagnostics_print(diagnostics, out);
    fclose(out);
    ck_assert_str_eq(text,
                     "kernel command line:1:17: warning: amd_iommu= 'pt' is no word the kernel knows there: "
                     "it has no effect [cmdline-no-effect]\n"
                     "    1 | quiet amd_iommu=pt\n"
                     "      |                 ^\n");
}
END_TEST

START_TEST(acs_options)
{
    parse("\"pci=nomsi,disable_acs_redir=00:1c.0;pci:104c:8233,config_acs=x1X0@0001:02:00.0/"
          "01.0;1@pci:1:2:3:4\"");
    ck_assert_uint_eq(words.disable_acs_redir_count, 2);
    ck_assert(!words.disable_acs_redir[0].selector.by_id);
    ck_assert_uint_eq(words.disable_acs_redir[0].selector.devfns[0], pci_devfn(0x1c, 0));
    ck_assert_uint_eq(words.disable_acs_redir[1].selector.device, 0x8233);
    ck_assert_uint_eq(words.config_acs_count, 2);
    ck_assert_uint_eq(words.config_acs[0].mask, 0x5);
    ck_assert_uint_eq(words.config_acs[0].flags, 0x4);
    ck_assert_uint_eq(words.config_acs[0].selector.segment, 1);
    ck_assert_uint_eq(words.config_acs[0].selector.length, 2);
    ck_assert_uint_eq(words.config_acs[1].selector.subdevice, 4);
    ck_assert_uint_eq(diagnostics_warnings(diagnostics), 0);
    /* A bad entry is passed over, a later list replaces an earlier one. */
    parse("pci=config_acs=0@zz;1@00:00.0 pci=disable_acs_redir=00:00.0 pci=disable_acs_redir=00:01.0");
    ck_assert_uint_eq(words.config_acs_count, 1);
    ck_assert_uint_eq(words.disable_acs_redir_count, 1);
    ck_assert_uint_eq(words.disable_acs_redir[0].selector.devfns[0], pci_devfn(1, 0));
    ck_assert_uint_eq(diagnostics_warnings(diagnostics), 1);
}
END_TEST

START_TEST(override_words)
{
    parse("pcie_acs_override=downstream,id:8086:9d14 pcie_acs_override=multifunction");
    ck_assert(words.override_downstream && words.override_multifunction);
    ck_assert_uint_eq(words.override_id_count, 1);
    ck_assert_uint_eq(words.override_ids[0].device, 0x9d14);
    parse("pcie_acs_override=id:1:1,id:1:2,id:1:3,id:1:4,id:1:5,id:1:6,id:1:7,id:1:8,id:1:9,id:1:a,id:1:b,"
          "id:1:c,id:1:d,id:1:e,id:1:f,id:1:10");
    ck_assert_uint_eq(words.override_id_count, 15);
    ck_assert_uint_eq(diagnostics_warnings(diagnostics), 1);
}
END_TEST

static bool selects(const char *selector_text, const struct topology *topology, uint8_t bus, uint8_t devfn)
{
    struct device_selector selector;
    ck_assert_msg(device_selector_parse(selector_text, strlen(selector_text), &selector), "%s",
                  selector_text);
    return device_selector_matches(&selector, topology, topology_find(topology, 0, bus, devfn));
}

START_TEST(selectors)
{
    struct topology *topology =
        synthetic_parse("m", "rp@1c.0[acs](up(dp@1[acs](ep[id=8086:1572,sub=1:2])))", diagnostics);
    ck_assert_ptr_nonnull(topology);
    ck_assert(selects("00:1c.0", topology, 0, 0xe0));
    ck_assert(selects("0:0:1c.0", topology, 0, 0xe0));
    ck_assert(!selects("1:00:1c.0", topology, 0, 0xe0));
    ck_assert(selects("00:1c.0/0.0", topology, 1, 0));
    ck_assert(selects("00:1c.0/00.0/01.0/00.0", topology, 3, 0));
    ck_assert(!selects("00:1c.0/00.0/02.0/00.0", topology, 3, 0));
    ck_assert(!selects("01:00.0/00.0/01.0/00.0", topology, 3, 0));
    ck_assert(selects("01:00.0/01.0/00.0", topology, 3, 0));
    ck_assert(selects("pci:8086:0", topology, 3, 0));
    ck_assert(selects("pci:0:0:1:2", topology, 3, 0));
    ck_assert(!selects("pci:0:0:1:3", topology, 3, 0));
    ck_assert(!selects("00:1c.0/00.0", topology, 0, 0xe0));
    static const char *const refused[] = {"",         "1c.0",      "00:1c",      "00:1c.0/", "00:20.0",
                                          "100:0.0",  "00:0.0x",   "pci:",       "pci:1",    "pci:1:2:3",
                                          "pci:1:2:", "0:0:0:0.0", "pci:10000:1"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct device_selector selector;
        ck_assert_msg(!device_selector_parse(refused[i], strlen(refused[i]), &selector), "%s", refused[i]);
    }
    topology_free(topology);
}
END_TEST

/* Lines of pieces in any order: nothing may break, and what is taken has a meaning. */
START_TEST(any_line)
{
    static const char *const pieces[] = {"pci=",
                                         "config_acs=",
                                         "disable_acs_redir=",
                                         "pcie_acs_override=",
                                         "id:",
                                         "intel_iommu=",
                                         "amd_iommu=",
                                         "iommu",
                                         ".strict=",
                                         "on",
                                         "off",
                                         "1",
                                         "0",
                                         "x",
                                         "@",
                                         ";",
                                         ",",
                                         ":",
                                         ".",
                                         "/",
                                         " ",
                                         "\"",
                                         "--",
                                         "pci:",
                                         "8086",
                                         "00",
                                         "1f",
                                         "=",
                                         "\t",
                                         "zz",
                                         "-",
                                         "fffffffff"};
    struct random_stream random;
    random_init(&random, 1, "any_line");
    for (unsigned i = 0; i < 3000; i++) {
        struct arena *own = arena_new();
        struct diagnostics *findings = diagnostics_new(20);
        char line[256] = "";
        for (size_t n = random_below(&random, 20); n > 0; n--)
            strcat(line, pieces[random_below(&random, sizeof(pieces) / sizeof(pieces[0]))]);
        kernel_cmdline_parse(line, own, findings, &words);
        ck_assert_uint_eq(diagnostics_errors(findings), 0);
        for (uint32_t j = 0; j < words.config_acs_count; j++)
            ck_assert_uint_eq(words.config_acs[j].flags & ~words.config_acs[j].mask, 0);
        ck_assert_uint_le(words.override_id_count, ACS_OVERRIDE_IDS);
        diagnostics_free(findings);
        arena_free(own);
    }
}
END_TEST

Suite *kernel_cmdline_suite(void)
{
    Suite *suite = suite_create("kernel_cmdline");
    TCase *tests = tcase_create("kernel_cmdline");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, switches);
    tcase_add_test(tests, idle_words_are_told_of);
    tcase_add_test(tests, bounce_buffers_and_addresses);
    tcase_add_test(tests, words_without_effect_are_named);
    tcase_add_test(tests, the_place_is_shown);
    tcase_add_test(tests, acs_options);
    tcase_add_test(tests, override_words);
    tcase_add_test(tests, selectors);
    tcase_add_test(tests, any_line);
    suite_add_tcase(suite, tests);
    return suite;
}
