/* SPDX-License-Identifier: MIT */
/* Groups in the forms of other tools: names that would break out of them, and facts that raw registers hold.
 * Whole outputs are pinned in tests/cases/viable. */
#include "sim/base/text_buffer.h"
#include "sim/input/machine_input.h"
#include "sim/output/function_label.h"
#include "sim/output/groups_lspci.h"
#include "sim/output/groups_nodedev.h"
#include "sim/topology/config_space.h"
#include "sim/topology/synthetic.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *groups_formats_suite(void);

static struct diagnostics *diagnostics;
static struct topology *topology;

static void setup(void)
{
    diagnostics = diagnostics_new(20);
    topology = synthetic_parse("<test>", "rp@1[acs](ep[driver=nvme]) pci@2", diagnostics);
    ck_assert_ptr_nonnull(topology);
}

static void teardown(void)
{
    topology_free(topology);
    diagnostics_free(diagnostics);
}

/* The whole output; valid until the next call. */
static const char *print(void (*write)(const struct iommu_groups *groups, struct text_buffer *out))
{
    static struct text_buffer out;
    struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, NULL, diagnostics);
    text_buffer_fini(&out);
    write(groups, &out);
    iommu_groups_free(groups);
    return text_buffer_get(&out);
}

static struct pci_function *find(uint8_t bus, uint8_t devfn)
{
    return (struct pci_function *)topology_find(topology, 0, bus, devfn);
}

static void check_has(const char *output, const char *part)
{
    ck_assert_msg(strstr(output, part) != NULL, "%s is missing in\n%s", part, output);
}

START_TEST(hostile_names)
{
    struct pci_function *function = find(1, 0);
    function->name = "a<b> & \"c\" 'd'\n\x01\x7f \xe2\x82\xac \xff\xc3";
    function->driver = "x</name>";
    const char *xml = print(groups_output_nodedev);
    check_has(xml, ">a&lt;b&gt; &amp; &quot;c&quot; &apos;d&apos;?"
                   "?? \xe2\x82\xac ?"
                   "?</product>\n");
    check_has(xml, "<name>x&lt;/name&gt;</name>\n");
    function->name = "a\tb\nIOMMUGroup:\t7";
    function->driver = "x\ny";
    const char *records = print(groups_output_lspci);
    check_has(records, "Device:\ta?b?IOMMUGroup:?7 [00a2]\n");
    check_has(records, "Driver:\tx?y\n");
}
END_TEST

START_TEST(names)
{
    static const struct {
        uint16_t vendor;
        const char *name, *vendor_name, *product;
    } cases[] = {
        {0x8086, "Intel Corporation I350 Gigabit", "Intel Corporation", "I350 Gigabit"},
        {0x8086, "Intel Corporation Device", "Intel Corporation", NULL},
        {0x8086, "Intel Corporation", "Intel Corporation", "Intel Corporation"},
        {0x8086, "my card", "Intel Corporation", "my card"},
        {0x8086, NULL, "Intel Corporation", NULL},
        {0x8086, "", "Intel Corporation", NULL},
        {0x1000, "LSI Logic / Symbios Logic SAS2008", "LSI Logic / Symbios Logic", "SAS2008"},
        {0x1000, "Broadcom / LSI SAS3008", "Broadcom / LSI", "SAS3008"},
        {0x1022, "Advanced Micro Devices, Inc. [AMD] Starship", "Advanced Micro Devices, Inc. [AMD]",
         "Starship"},
        {0x0001, "something", NULL, "something"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pci_function function = {.vendor = cases[i].vendor, .name = cases[i].name};
        const char *vendor = pci_vendor_name(function.vendor, function.name);
        const char *product = function_product_name(&function);
        ck_assert_msg(vendor == cases[i].vendor_name ||
                          (vendor && cases[i].vendor_name && strcmp(vendor, cases[i].vendor_name) == 0),
                      "%zu: vendor %s", i, vendor ? vendor : "NULL");
        ck_assert_msg(product == cases[i].product ||
                          (product && cases[i].product && strcmp(product, cases[i].product) == 0),
                      "%zu: product %s", i, product ? product : "NULL");
    }
}
END_TEST

START_TEST(links)
{
    struct pci_function *function = find(1, 0);
    function->link = (struct link_state){.maximum_generation = 4, .maximum_width = 16};
    const char *xml = print(groups_output_nodedev);
    check_has(xml,
              "      <link validity='cap' speed='16' width='16'/>\n      <link validity='sta' width='0'/>\n");
    function->port_number = 10; /* plus one */
    xml = print(groups_output_nodedev);
    check_has(xml, "<link validity='cap' port='9' speed='16' width='16'/>");
    function->link = (struct link_state){0};
    function->pcie_type = PCIE_RC_ENDPOINT;
    xml = print(groups_output_nodedev);
    check_has(xml, "    <pci-express/>\n");
    function->port_number = 0;
}
END_TEST

START_TEST(a_group_in_both)
{
    const char *xml = print(groups_output_nodedev);
    check_has(xml, "<parent>pci_0000_00_01_0</parent>\n  <driver>\n    <name>nvme</name>\n  </driver>\n");
    check_has(xml, "    <iommuGroup number='2'>\n      <address domain='0x0000' bus='0x01' slot='0x00' "
                   "function='0x0'/>\n    </iommuGroup>\n");
    check_has(print(groups_output_lspci), "Slot:\t01:00.0\nClass:\tEthernet controller [0200]\n");
    check_has(print(groups_output_lspci), "Driver:\tnvme\nIOMMUGroup:\t2\n\n");
}
END_TEST

Suite *groups_formats_suite(void)
{
    Suite *suite = suite_create("groups_formats");
    TCase *tests = tcase_create("groups_formats");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, hostile_names);
    tcase_add_test(tests, names);
    tcase_add_test(tests, links);
    tcase_add_test(tests, a_group_in_both);
    suite_add_tcase(suite, tests);
    return suite;
}
