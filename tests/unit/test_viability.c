/* SPDX-License-Identifier: MIT */
/* Viability rule by rule: what is found for functions of small machines. */
#include "sim/analysis/viability.h"
#include "sim/analysis/viability_words.h"
#include "sim/input/machine_input.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *viability_suite(void);

/* PCI functions of one slot share a group, as they are conventional. */
#define SLOT(first, second)  "synthetic:pci@3[driver=" first "] pci@3.1[driver=" second "]"
#define BELOW_BRIDGE(driver) "synthetic:rp@1[acs](pcie2pci" driver "(pci@0[driver=e1000] pci@1))"

static const struct {
    const char *name;
    const char *machine;
    const char *given;
    const char *drivers; /* "BDF=NAME ..." or NULL */
    const char *cmdline; /* or NULL */
    enum viability_rule rule;
    bool unsafe;
    const char *verdict;
    const char *findings; /* "severity kind function other|..." without the notes that all share */
} cases[] = {
    /* Drivers of the other members. */
    {"alone", "synthetic:rp@1[acs](ep[driver=nvme])", "01:00.0", NULL, NULL, VIABILITY_MODERN, false,
     "viable", ""},
    {"a host driver blocks", SLOT("vfio-pci", "ahci"), "00:03.0", NULL, NULL, VIABILITY_MODERN, false,
     "not-viable", "fatal blocked 00:03.1 -"},
    {"both given", SLOT("nvme", "ahci"), "00:03.0 00:03.1", NULL, NULL, VIABILITY_MODERN, false, "viable",
     ""},
    {"no driver does not block", SLOT("nvme", "ahci"), "00:03.0", "00:03.1=", NULL, VIABILITY_MODERN, false,
     "viable", ""},
    {"vfio-pci does not", SLOT("nvme", "vfio-pci"), "00:03.0", NULL, NULL, VIABILITY_MODERN, false, "viable",
     ""},
    {"nor a variant", SLOT("nvme", "mlx5_vfio_pci"), "00:03.0", NULL, NULL, VIABILITY_MODERN, false, "viable",
     ""},
    {"pci-stub does not, with a warning", SLOT("nvme", "pci-stub"), "00:03.0", NULL, NULL, VIABILITY_MODERN,
     false, "viable", "warning stub 00:03.1 -"},
    {"uio blocks", SLOT("nvme", "uio_pci_generic"), "00:03.0", NULL, NULL, VIABILITY_MODERN, false,
     "not-viable", "fatal blocked 00:03.1 -"},
    {"not known", "synthetic:pci@3[driver=nvme] pci@3.1", "00:03.0", NULL, NULL, VIABILITY_MODERN, false,
     "depends", "open driver-unknown 00:03.1 -"},
    {"not known, before", "synthetic:pci@3[driver=nvme] pci@3.1", "00:03.0", NULL, NULL, VIABILITY_PRE_5_18,
     false, "depends", "open driver-unknown 00:03.1 -"},
    /* Bridges. */
    {"pcieport keeps", "synthetic:rp@1[driver=pcieport](ep)", "01:00.0", NULL, NULL, VIABILITY_MODERN, false,
     "viable", ""},
    {"a port's driver is assumed", "synthetic:rp@1(ep)", "01:00.0", NULL, NULL, VIABILITY_MODERN, false,
     "viable", ""},
    {"shpchp blocks", BELOW_BRIDGE("[driver=shpchp]"), "02:00.0 02:01.0", NULL, NULL, VIABILITY_MODERN, false,
     "not-viable", "fatal blocked 01:00.0 -"},
    {"but not before 5.19", BELOW_BRIDGE("[driver=shpchp]"), "02:00.0 02:01.0", NULL, NULL,
     VIABILITY_PRE_5_18, false, "viable", ""},
    {"any driver of a bridge is fine there", "synthetic:rp@1[driver=xyz](ep)", "01:00.0", NULL, NULL,
     VIABILITY_PRE_5_18, false, "viable", ""},
    {"not of a host bridge", "synthetic:pci@0[class=0600,driver=skl_uncore] pci@0.1", "00:00.1", NULL, NULL,
     VIABILITY_PRE_5_18, false, "not-viable", "fatal blocked 00:00.0 -"},
    {"pcieport on an event collector", "synthetic:rcec@4[driver=pcieport] rcec@4.1[driver=vfio-pci]",
     "00:04.1", NULL, NULL, VIABILITY_MODERN, false, "viable", ""},
    {"which old kernels count", "synthetic:rcec@4[driver=pcieport] rcec@4.1[driver=vfio-pci]", "00:04.1",
     NULL, NULL, VIABILITY_PRE_5_18, false, "not-viable", "fatal blocked 00:04.0 -"},
    {"a bridge cannot be given", "synthetic:rp@1[acs](ep)", "00:01.0", NULL, NULL, VIABILITY_MODERN, false,
     "not-viable", "fatal bridge 00:01.0 -"},
    /* No group, interrupts. */
    {"no IOMMU", "synthetic:rp@1[acs](ep)", "01:00.0", NULL, "intel_iommu=off", VIABILITY_MODERN, false,
     "not-viable", "fatal no-group 01:00.0 -"},
    {"no remapping", "synthetic:rp@1[acs](ep)", "01:00.0", NULL, "intremap=off", VIABILITY_MODERN, false,
     "not-viable", "fatal interrupts-open 01:00.0 -"},
    {"allowed by option", "synthetic:rp@1[acs](ep)", "01:00.0", NULL, "intremap=off", VIABILITY_MODERN, true,
     "viable", "warning interrupts-risk 01:00.0 -"},
    {"allowed by the command line", "synthetic:rp@1[acs](ep)", "01:00.0", NULL,
     "nointremap vfio_iommu_type1.allow_unsafe_interrupts=1", VIABILITY_PRE_5_18, false, "viable",
     "warning interrupts-risk 01:00.0 -"},
    /* Virtual functions. */
    {"a VF", "synthetic:rp@1[acs,ari](ep[ari,vf=2:1:1,driver=ixgbe])", "01:00.1", NULL, NULL,
     VIABILITY_MODERN, false, "viable", ""},
    {"its PF with VFs", "synthetic:rp@1[acs,ari](ep[ari,vf=2:1:1,driver=ixgbe])", "01:00.0", NULL, NULL,
     VIABILITY_MODERN, false, "not-viable", "fatal vfs-enabled 01:00.0 -"},
    {"both", "synthetic:rp@1[acs,ari](ep[ari,vf=2:1:1,driver=ixgbe])", "01:00.0 01:00.1", NULL, NULL,
     VIABILITY_MODERN, false, "not-viable", "fatal needs-host 01:00.1 01:00.0"},
    {"a VF in the PF's group", "synthetic:rp@1[ari](ep[ari,vf=2:1:1,driver=ixgbe])", "01:00.1", NULL, NULL,
     VIABILITY_MODERN, false, "not-viable", "fatal needs-host 01:00.1 01:00.0|open driver-unknown 01:00.2 -"},
    {"a neighbour of a PF with VFs in its group",
     "synthetic:rp@1[ari](ep@0[ari,vf=2:2:1,driver=ixgbe] ep@0.1[ari,driver=nvme])", "01:00.1",
     "01:00.2=ixgbevf", NULL, VIABILITY_MODERN, false, "not-viable", "fatal blocked 01:00.0 -"},
    {"a VF whose PF is on vfio-pci", "synthetic:rp@1[acs,ari](ep[ari,vf=2:1:1,driver=vfio-pci])", "01:00.1",
     NULL, NULL, VIABILITY_MODERN, false, "viable", "note vf-token 01:00.1 01:00.0"},
    {"a function behind a VMD",
     "synthetic:rciep@e[id=8086:9a0b,class=0104] | bus=10:rp@0[seg=10000](ep[driver=nvme])", "10000:11:00.0",
     NULL, NULL, VIABILITY_MODERN, false, "not-viable", "fatal needs-host 10000:11:00.0 00:0e.0"},
    {"the VMD", "synthetic:rciep@e[id=8086:9a0b,class=0104] | bus=10:rp@0[seg=10000](ep[driver=nvme])",
     "00:0e.0", NULL, NULL, VIABILITY_MODERN, false, "viable", ""},
    /* Warnings. */
    {"an override", "synthetic:rp@1[noacs](ep)", "01:00.0", NULL, "pcie_acs_override=downstream",
     VIABILITY_MODERN, false, "viable", "warning acs-override - -"},
    {"a reset hits another group", "synthetic:rp@1[acs](ep@0[acs] ep@0.1[acs,driver=x])", "01:00.0", NULL,
     NULL, VIABILITY_MODERN, false, "viable", "note reset 01:00.0 01:00.1"},
    {"what is hidden, and would change the group",
     "00:01.0 PCI bridge [0604]: Intel Corporation Device [8086:1901]\n"
     "01:00.0 VGA compatible controller [0300]: NVIDIA Corporation Device [10de:1b80]\n",
     "01:00.0", NULL, NULL, VIABILITY_MODERN, false, "viable", "note acs-assumed 00:01.0 -"},
    /* KVM's own assignment. */
    {"kvm, alone", "synthetic:rp@1[acs](ep[driver=nvme])", "01:00.0", NULL, NULL, VIABILITY_LEGACY_KVM, false,
     "viable", "warning kvm-removed - -"},
    {"kvm, a group nobody looks at", SLOT("nvme", "ahci"), "00:03.0", NULL, NULL, VIABILITY_LEGACY_KVM, false,
     "depends", "open kvm-group 00:03.0 -|warning kvm-removed - -|warning host-drives 00:03.0 00:03.1"},
    {"kvm and VFIO in one group", SLOT("nvme", "vfio-pci"), "00:03.0", NULL, NULL, VIABILITY_LEGACY_KVM,
     false, "depends", "open kvm-group 00:03.0 -|warning kvm-removed - -|warning mixed 00:03.0 00:03.1"},
    {"kvm, a shared id the host uses", BELOW_BRIDGE(""), "02:01.0", NULL, NULL, VIABILITY_LEGACY_KVM, false,
     "not-viable", "fatal alias-host 02:01.0 02:00.0|open kvm-group 02:01.0 -|warning kvm-removed - -"},
    {"kvm, a shared id VFIO uses", BELOW_BRIDGE(""), "02:01.0", "02:00.0=vfio-pci", NULL,
     VIABILITY_LEGACY_KVM, false, "not-viable",
     "fatal alias-vfio 02:01.0 02:00.0|open kvm-group 02:01.0 -|warning kvm-removed - -"},
    {"kvm, a shared id for another guest", BELOW_BRIDGE(""), "02:01.0", "02:00.0=pci-stub", NULL,
     VIABILITY_LEGACY_KVM, false, "depends",
     "open kvm-group 02:01.0 -|warning kvm-removed - -|warning alias-free 02:01.0 02:00.0"},
    {"kvm, a shared id and who knows", BELOW_BRIDGE(""), "02:00.0", NULL, NULL, VIABILITY_LEGACY_KVM, false,
     "depends", "open kvm-group 02:00.0 -|open alias-unknown 02:00.0 02:01.0|warning kvm-removed - -"},
    {"kvm, both to one guest", BELOW_BRIDGE(""), "02:00.0 02:01.0", NULL, NULL, VIABILITY_LEGACY_KVM, false,
     "depends", "open kvm-group 02:00.0 -|open kvm-group 02:01.0 -|warning kvm-removed - -"},
    {"kvm, no bridge", "synthetic:rp@1[acs](ep)", "00:01.0", NULL, NULL, VIABILITY_LEGACY_KVM, false,
     "not-viable", "fatal bridge 00:01.0 -|warning kvm-removed - -"},
};

/* Firmware's regions and units without interrupt remapping can be said in JSON only. */
#define JSON(kind, remapping, code, region)                                                                  \
    "{\"format\": \"iommusim-topology/1\", \"preset\": [\"default\", \"" kind "\"], \"iommus\": ["           \
    "{\"name\": \"a\", \"kind\": \"" kind "\", \"scopes\": [{\"function\": \"0000:00:03.0\"}], "             \
    "\"interrupt_remapping\": " remapping "}, "                                                              \
    "{\"name\": \"b\", \"kind\": \"" kind "\", \"include_all\": true, \"interrupt_remapping\": true}], "     \
    "\"reserved_regions\": [{\"kind\": \"" region                                                            \
    "\", \"base\": \"0x7d000000\", \"limit\": \"0x7d3fffff\", "                                              \
    "\"functions\": [\"0000:00:02.0\"]}], \"host_bridges\": [{\"bus\": \"00\", \"functions\": ["             \
    "{\"address\": \"02.0\", \"kind\": \"integrated-endpoint\", \"id\": \"1b36:1\", \"class\": \"" code      \
    "\", \"bars\": []}, {\"address\": \"03.0\", \"kind\": \"integrated-endpoint\", \"id\": \"1b36:2\", "     \
    "\"class\": \"0200\", \"bars\": []}]}]}"

static const struct {
    const char *name, *machine, *given;
    enum viability_rule rule;
    const char *verdict, *findings;
} stated[] = {
    {"a direct region", JSON("vt-d", "true", "0107", "direct"), "00:02.0", VIABILITY_MODERN, "not-viable",
     "fatal direct-region 00:02.0 -"},
    {"another's", JSON("vt-d", "true", "0107", "direct"), "00:03.0", VIABILITY_MODERN, "viable", ""},
    {"of a graphics function", JSON("vt-d", "true", "0300", "direct"), "00:02.0", VIABILITY_MODERN, "viable",
     "note relaxable-region 00:02.0 -"},
    {"reserved is another matter", JSON("vt-d", "true", "0107", "reserved"), "00:02.0", VIABILITY_MODERN,
     "viable", ""},
    {"before 5.19", JSON("vt-d", "true", "0107", "direct"), "00:02.0", VIABILITY_PRE_5_18, "not-viable",
     "fatal direct-region 00:02.0 -"},
    {"with KVM", JSON("vt-d", "true", "0107", "direct"), "00:02.0", VIABILITY_LEGACY_KVM, "not-viable",
     "fatal direct-region 00:02.0 -|warning kvm-removed - -"},
    {"AMD", JSON("amd-vi", "true", "0107", "direct"), "00:02.0", VIABILITY_MODERN, "not-viable",
     "fatal direct-region 00:02.0 -"},
    {"AMD before 5.19", JSON("amd-vi", "true", "0107", "direct"), "00:02.0", VIABILITY_PRE_5_18, "viable",
     "warning direct-region-ignored 00:02.0 -"},
    {"one unit that cannot remap switches all off", JSON("vt-d", "false", "0107", "reserved"), "00:02.0",
     VIABILITY_MODERN, "not-viable", "fatal interrupts-open 00:02.0 -"},
    {"but not with SMMUv3", JSON("smmuv3", "false", "0107", "reserved"), "00:02.0", VIABILITY_MODERN,
     "viable", ""},
    {"where it is the function's own", JSON("smmuv3", "false", "0107", "reserved"), "00:03.0",
     VIABILITY_MODERN, "not-viable", "fatal interrupts-open 00:03.0 -"},
};

static uint32_t find(const struct topology *topology, const char *address)
{
    uint32_t segment;
    uint8_t bus, devfn;
    ck_assert_msg(bdf_parse(address, &segment, &bus, &devfn), "%s", address);
    const struct pci_function *function = topology_find(topology, segment, bus, devfn);
    ck_assert_msg(function != NULL, "%s is missing", address);
    return function->id;
}

static void add_address(const struct topology *topology, uint32_t id, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *function = id == NONE ? NULL : &topology->functions[id];
    const char *text = "-";
    if (function)
        text = bdf_print(bdf, function->segment, function->bus, function->devfn);
    text_buffer_format(out, " %s", strncmp(text, "0000:", 5) == 0 ? text + 5 : text);
}

static char *list_findings(const struct viability *answer)
{
    struct text_buffer out = {0};
    for (uint32_t i = 0; i < answer->finding_count; i++) {
        const struct viability_finding *finding = &answer->findings[i];
        if (finding->kind == FINDING_INTERRUPTS_GUESS || finding->kind == FINDING_NOT_BOUND)
            continue;
        text_buffer_format(&out, "%s%s %s", out.length ? "|" : "", finding_severity_name(finding->severity),
                           finding_kind_name(finding->kind));
        add_address(answer->groups->topology, finding->function_id, &out);
        add_address(answer->groups->topology, finding->other_id, &out);
    }
    return out.text ? out.text : memory_string("");
}

static struct machine_input *load(const char *name, const char *machine)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input = NULL;
    struct source_text source = {name, machine, strlen(machine)};
    if (strncmp(machine, "synthetic:", 10) == 0)
        machine_input_load(machine, &input, diagnostics);
    else
        machine_input_load_source(&source, &input, diagnostics);
    if (!input)
        diagnostics_print(diagnostics, stderr);
    ck_assert_msg(input != NULL, "%s: the machine is refused", name);
    diagnostics_free(diagnostics);
    return input;
}

static void check(const char *name, const struct topology *topology, const char *cmdline,
                  const struct viability_question *question, const char *verdict, const char *findings)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct arena *arena = arena_new();
    struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_AUTO, cmdline, diagnostics);
    struct viability *answer = viability_find(groups, question, arena);
    char *found = list_findings(answer);
    ck_assert_msg(strcmp(found, findings) == 0, "%s: '%s' instead of '%s'", name, found, findings);
    ck_assert_msg(strcmp(viability_verdict_name(answer->verdict), verdict) == 0, "%s: %s", name,
                  viability_verdict_name(answer->verdict));
    free(found);
    iommu_groups_free(groups);
    arena_free(arena);
    diagnostics_free(diagnostics);
}

/* Words of a blank-separated list, one after the other. */
static bool next_word(const char **list, char word[64])
{
    while (*list && **list == ' ')
        ++*list;
    if (!*list || !**list)
        return false;
    size_t length = strcspn(*list, " ");
    snprintf(word, 64, "%.*s", (int)length, *list);
    *list += length;
    return true;
}

static uint32_t read_given(const struct topology *topology, const char *list, uint32_t given[4])
{
    char word[64];
    uint32_t count = 0;
    while (next_word(&list, word))
        given[count++] = find(topology, word);
    return count;
}

START_TEST(rules)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine_input *input = load(cases[i].name, cases[i].machine);
        struct arena *arena = arena_new();
        const char **drivers = viability_drivers(input->topology, arena);
        const char *list = cases[i].drivers;
        char word[64];
        uint32_t given[4];
        while (next_word(&list, word)) {
            char *name = strchr(word, '=');
            *name = '\0';
            drivers[find(input->topology, word)] = arena_string(arena, name + 1);
        }
        struct viability_question question = {
            .rule = cases[i].rule,
            .given = given,
            .given_count = read_given(input->topology, cases[i].given, given),
            .drivers = drivers,
            .unsafe_interrupts = cases[i].unsafe,
        };
        check(cases[i].name, input->topology, cases[i].cmdline, &question, cases[i].verdict,
              cases[i].findings);
        arena_free(arena);
        machine_input_free(input);
    }
}
END_TEST

START_TEST(stated_by_firmware)
{
    for (size_t i = 0; i < sizeof(stated) / sizeof(stated[0]); i++) {
        struct machine_input *input = load(stated[i].name, stated[i].machine);
        struct arena *arena = arena_new();
        uint32_t given[4];
        struct viability_question question = {
            .rule = stated[i].rule,
            .given = given,
            .given_count = read_given(input->topology, stated[i].given, given),
            .drivers = viability_drivers(input->topology, arena),
        };
        check(stated[i].name, input->topology, NULL, &question, stated[i].verdict, stated[i].findings);
        arena_free(arena);
        machine_input_free(input);
    }
}
END_TEST

/* Two endpoints below a switch whose ports do not redirect: apart by the kernel, yet they talk. */
START_TEST(leaks)
{
    static const char machine[] = "synthetic:rp@1[acs](up(dp[acs=1f:0](ep) dp[acs=1f:0](ep)))";
    struct machine_input *input = load("switch", machine);
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct arena *arena = arena_new();
    struct iommu_groups *groups = iommu_groups_form(input->topology, IOMMU_CHOICE_AUTO, NULL, diagnostics);
    uint32_t given[2] = {find(input->topology, "03:00.0"), find(input->topology, "04:00.0")};
    struct viability_question question = {
        .given = given, .given_count = 1, .drivers = viability_drivers(input->topology, arena)};
    struct viability *answer = viability_find(groups, &question, arena);
    ck_assert_int_eq(answer->verdict, VERDICT_VIABLE);
    ck_assert_uint_eq(answer->leak_count, 2);
    ck_assert(answer->leaks[0].inward && !answer->leaks[1].inward);
    ck_assert_uint_eq(answer->leaks[0].source_id, given[1]);
    ck_assert_uint_eq(answer->leaks[0].target_id, given[0]);
    ck_assert_int_eq(answer->leaks[0].result.rule, RULE_SWITCH_PEER);
    ck_assert(!answer->leaks[0].vouched);
    /* Both to one guest: nobody is left to fear. */
    question.given_count = 2;
    ck_assert_uint_eq(viability_find(groups, &question, arena)->leak_count, 0);
    iommu_groups_free(groups);
    arena_free(arena);
    diagnostics_free(diagnostics);
    machine_input_free(input);
}
END_TEST

START_TEST(driver_classes)
{
    static const struct {
        const char *name;
        enum driver_class class;
    } names[] = {
        {NULL, DRIVER_CLASS_UNKNOWN},         {"", DRIVER_CLASS_NONE},
        {"vfio-pci", DRIVER_CLASS_VFIO},      {"vfio_pci", DRIVER_CLASS_VFIO},
        {"mlx5_vfio_pci", DRIVER_CLASS_VFIO}, {"xe-vfio-pci", DRIVER_CLASS_VFIO},
        {"pci-stub", DRIVER_CLASS_STUB},      {"pcieport", DRIVER_CLASS_PORT},
        {"shpchp", DRIVER_CLASS_HOST},        {"vfio", DRIVER_CLASS_HOST},
        {"vfio-pci2", DRIVER_CLASS_HOST},     {"nvidia", DRIVER_CLASS_HOST},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_int_eq(driver_class_of(names[i].name), names[i].class);
}
END_TEST

Suite *viability_suite(void)
{
    Suite *suite = suite_create("viability");
    TCase *tests = tcase_create("viability");
    tcase_add_test(tests, rules);
    tcase_add_test(tests, stated_by_firmware);
    tcase_add_test(tests, leaks);
    tcase_add_test(tests, driver_classes);
    suite_add_tcase(suite, tests);
    return suite;
}
