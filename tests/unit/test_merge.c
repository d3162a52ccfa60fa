/* SPDX-License-Identifier: MIT */
/* Several dumps of one machine, merged: nothing is lost, order does not matter, contradictions are named. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/lspci_writer.h"
#include "sim/input/recognise.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/random_machine.h"
#include "tests/unit/topology_compare.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *merge_suite(void);

enum { FILES_MAX = 4, MACHINES = 60 };

/* What a user without root has: names, no capabilities. */
static const char listing[] = "00:00.0 Host bridge [0600]: Maker Root [8086:1234]\n"
                              "00:01.0 PCI bridge [0604]: Maker Port [8086:1235] (rev 02)\n"
                              "01:00.0 VGA compatible controller [0300]: Maker Card [10de:1f82] (rev a1)\n"
                              "01:00.1 Audio device [0403]: Maker Sound [10de:10fa] (rev a1)\n";
static const char kernel_log[] =
    "[    0.000000] Command line: root=/dev/sda1 intel_iommu=on\n"
    "[    0.100000] PCI host bridge to bus 0000:00\n"
    "[    0.100000] pci_bus 0000:00: root bus resource [bus 00-fe]\n"
    "[    0.200000] pci 0000:00:00.0: [8086:1234] type 00 class 0x060000 conventional PCI endpoint\n"
    "[    0.200000] pci 0000:00:01.0: [8086:1235] type 01 class 0x060400 PCIe Root Port\n"
    "[    0.200000] pci 0000:00:01.0: PCI bridge to [bus 01]\n"
    "[    0.200000] pci 0000:01:00.0: [10de:1f82] type 00 class 0x030000 PCIe Legacy Endpoint\n"
    "[    0.200000] pci 0000:01:00.1: [10de:10fa] type 00 class 0x040300 PCIe Endpoint\n"
    "[    0.300000] DMAR: DRHD base: 0x000000fed91000 flags: 0x1\n";
static const char groups[] = "/sys/kernel/iommu_groups/0/devices/0000:00:00.0\n"
                             "/sys/kernel/iommu_groups/1/devices/0000:00:01.0\n"
                             "/sys/kernel/iommu_groups/1/devices/0000:01:00.0\n"
                             "/sys/kernel/iommu_groups/1/devices/0000:01:00.1\n";

static char *messages;

static struct topology *merge(const char *const *texts, size_t count)
{
    struct input_file files[FILES_MAX];
    static const char *const names[FILES_MAX] = {"a.txt", "b.txt", "c.txt", "d.txt"};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = NULL;
    for (size_t i = 0; i < count; i++)
        files[i] = (struct input_file){.path = names[i], .text = {names[i], texts[i], strlen(texts[i])}};
    int status = dump_import_files(files, count, &topology, diagnostics);
    ck_assert_int_eq(status == STATUS_OK, topology != NULL);
    size_t size;
    free(messages);
    FILE *out = open_memstream(&messages, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    diagnostics_free(diagnostics);
    return topology;
}

static void check_desktop(const struct topology *topology)
{
    ck_assert_msg(topology != NULL, "%s", messages);
    ck_assert_uint_eq(topology->function_count, 4);
    const struct pci_function *port = topology_find(topology, 0, 0, pci_devfn(1, 0));
    const struct pci_function *card = topology_find(topology, 0, 1, 0);
    ck_assert(function_is_type(port, PCIE_ROOT_PORT) && !port->pcie_unknown); /* the log */
    ck_assert_uint_eq(port->secondary_bus, 1);
    ck_assert_uint_eq(card->revision, 0xa1); /* the listing */
    ck_assert_str_eq(card->name, "Maker Card");
    ck_assert(card->group_reported && card->reported_group == 1); /* the groups */
    ck_assert_str_eq(topology->cmdline, "intel_iommu=on");
    ck_assert(topology->units_known && topology->unit_count == 1 && topology->units[0].include_all);
}

/* Each says what the others do not, in any order. */
START_TEST(sources_complete_each_other)
{
    static const char *const orders[][3] = {
        {listing, kernel_log, groups}, {listing, groups, kernel_log}, {kernel_log, listing, groups},
        {kernel_log, groups, listing}, {groups, listing, kernel_log}, {groups, kernel_log, listing},
    };
    struct topology *first = NULL;
    char difference[256];
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct topology *topology = merge(orders[i], 3);
        check_desktop(topology);
        ck_assert_msg(!strstr(messages, "dump-contradiction"), "%s", messages);
        if (first) {
            ck_assert_msg(topology_same(first, topology, COMPARE_ALL, difference), "%s", difference);
            topology_free(topology);
        } else {
            first = topology;
        }
    }
    topology_free(first);
}
END_TEST

START_TEST(contradictions_name_both_places)
{
    const char *texts[] = {"00:00.0 Host bridge [0600]: Maker Root [8086:1234]\n"
                           "00:02.0 VGA compatible controller [0300]: Maker Card [8086:9999]\n",
                           "pci 0000:00:00.0: [8086:1234] type 00 class 0x060000\n"
                           "pci 0000:00:02.0: [8086:3e92] type 00 class 0x030000\n"};
    struct topology *topology = merge(texts, 2);
    ck_assert_msg(topology != NULL, "%s", messages);
    ck_assert_uint_eq(topology_find(topology, 0, 0, pci_devfn(2, 0))->device, 0x3e92);
    ck_assert_msg(strstr(messages,
                         "b.txt:2:1: warning: the device id of 0000:00:02.0 is 3e92 here and 9999 at "
                         "a.txt line 2, which is ignored [dump-contradiction]"),
                  "%s", messages);
    topology_free(topology);
}
END_TEST

/* ACS that is offered and switched on nowhere: the kernel that ran used no IOMMU, unless it made groups. */
START_TEST(registers_without_iommu_are_noticed)
{
    static const char off[] =
        "00:01.0 PCI bridge [0604]: Maker Port [8086:aaa1]\n"
        "\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n"
        "\tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00\n"
        "\tCapabilities: [140 v1] Access Control Services\n"
        "\t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n"
        "\t\tACSCtl:\tSrcValid- TransBlk- ReqRedir- CmpltRedir- UpstreamFwd- EgressCtrl- DirectTrans-\n";
    const char *texts[] = {off, "0\t0000:00:01.0\n"};
    topology_free(merge(texts, 1));
    ck_assert_msg(strstr(messages, "[acs-never-enabled]"), "%s", messages);
    topology_free(merge(texts, 2));
    ck_assert_msg(!strstr(messages, "[acs-never-enabled]"), "%s", messages);
}
END_TEST

/* Findings name the file they are about, and one bad file is enough. */
START_TEST(errors_name_their_file)
{
    const char *texts[] = {listing, "00:1f.0 0601: 8086:1111\n00: 86 80\n", "no dump at all\n", ""};
    ck_assert_ptr_null(merge(texts, 4));
    ck_assert_msg(strstr(messages, "b.txt:2:10: error: a row holds 16 bytes"), "%s", messages);
    ck_assert_msg(strstr(messages, "c.txt:1:1: error: no line starts a PCI function"), "%s", messages);
    ck_assert_msg(strstr(messages, "d.txt: error: the file is empty"), "%s", messages);
    ck_assert_msg(!strstr(messages, "a.txt:"), "%s", messages);
}
END_TEST

static int load(const char *const *paths, size_t count)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input = NULL;
    int status = machine_input_load_files(&(struct machine_files){paths, count}, &input, diagnostics);
    size_t size;
    free(messages);
    FILE *out = open_memstream(&messages, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    return status;
}

START_TEST(whole_machines_are_not_merged)
{
    static const char dump[] = "tests/fuzz/import/bytes.txt", json[] = "topologies/pcie-bench-broadwell.json";
    ck_assert_int_eq(load((const char *const[]){dump, json}, 2), STATUS_BAD_INPUT);
    ck_assert_str_eq(messages,
                     "topologies/pcie-bench-broadwell.json: error: a topology file states the whole "
                     "machine and cannot be merged with other files; only dumps can [input-merge]\n");
    ck_assert_int_eq(load((const char *const[]){"synthetic:rp(ep)", dump}, 2), STATUS_BAD_INPUT);
    ck_assert_str_eq(messages,
                     "<synthetic>: error: a one-line machine states the whole machine and cannot be "
                     "merged with other files; only dumps can [input-merge]\n");
    ck_assert_int_eq(load((const char *const[]){dump, "/nonexistent", "/nonexistent/too"}, 3),
                     STATUS_FILE_OPEN);
    ck_assert_msg(strstr(messages, "/nonexistent: error") && strstr(messages, "/nonexistent/too: error"),
                  "%s", messages);
    ck_assert_int_eq(load((const char *const[]){dump, dump}, 2), STATUS_OK);
    ck_assert_msg(!strstr(messages, "dump-contradiction"), "%s", messages);
}
END_TEST

/* Deal the functions of a dump out to several files; the blocks end at blank lines. */
static void deal(const char *text, char **hands, size_t count, uint64_t seed)
{
    struct text_buffer out[FILES_MAX] = {{0}};
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) + 2 : strlen(text);
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        text_buffer_append(&out[(seed >> 33) % count], text, length);
        text += length;
    }
    for (size_t i = 0; i < count; i++) {
        hands[i] = strdup(text_buffer_get(&out[i]));
        text_buffer_fini(&out[i]);
    }
}

/* A dump cut in pieces is the machine of the whole, and one given twice says nothing new. */
START_TEST(pieces_make_the_whole)
{
    for (uint64_t seed = 1; seed <= MACHINES; seed++) {
        struct diagnostics *diagnostics = diagnostics_new(20);
        char *description = random_machine_text(seed, 30), *hands[FILES_MAX], difference[256];
        struct topology *machine = synthetic_parse("random", description, diagnostics);
        struct text_buffer whole = {0};
        lspci_write(machine, &whole);
        deal(whole.text, hands, 3, seed);
        const char *texts[FILES_MAX] = {whole.text};
        struct topology *one = merge(texts, 1);
        size_t count = 0;
        for (size_t i = 0; i < 3; i++) {
            if (*hands[i])
                texts[count++] = hands[i];
        }
        texts[count++] = texts[0];
        struct topology *merged = merge(texts, count);
        ck_assert_msg(one && merged, "seed %lu: %s\n%s", (unsigned long)seed, description, messages);
        ck_assert_msg(topology_same(one, merged, COMPARE_ALL, difference), "seed %lu: %s\n%s",
                      (unsigned long)seed, difference, description);
        topology_free(one);
        topology_free(merged);
        topology_free(machine);
        for (size_t i = 0; i < 3; i++)
            free(hands[i]);
        text_buffer_fini(&whole);
        free(description);
        diagnostics_free(diagnostics);
    }
}
END_TEST

static void tear_down(void)
{
    free(messages);
    messages = NULL;
}

Suite *merge_suite(void)
{
    Suite *suite = suite_create("merge");
    TCase *tests = tcase_create("merge");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, sources_complete_each_other);
    tcase_add_test(tests, contradictions_name_both_places);
    tcase_add_test(tests, registers_without_iommu_are_noticed);
    tcase_add_test(tests, errors_name_their_file);
    tcase_add_test(tests, whole_machines_are_not_merged);
    tcase_add_test(tests, pieces_make_the_whole);
    suite_add_tcase(suite, tests);
    return suite;
}
