/* SPDX-License-Identifier: MIT */
/* Export, load: the same machine, and the same text. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/machine_input.h"
#include "sim/input/recognise.h"
#include "sim/input/source_file.h"
#include "sim/input/topology_reader.h"
#include "sim/input/topology_writer.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/random_machine.h"
#include "tests/unit/topology_compare.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *topology_json_suite(void);

static struct topology *read_text(const char *text, const char *name)
{
    const struct source_text source = {name, text, strlen(text)};
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct json_document document;
    struct topology *topology = NULL;
    struct parameter_override *overrides = NULL;
    size_t count;
    if (json_document_init(&document, &source, diagnostics) == STATUS_OK) {
        topology = topology_read(&document, &overrides, &count);
        json_document_fini(&document);
        free(overrides);
    }
    if (!topology)
        diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return topology;
}

static void check_round_trip(const struct topology *topology, const char *name)
{
    struct text_buffer first = {0}, second = {0};
    char difference[256] = "no machine at all";
    topology_write(topology, &first);
    struct topology *again = read_text(first.text, name);
    ck_assert_msg(again && topology_same(topology, again, COMPARE_ALL, difference), "%s: %s", name,
                  difference);
    topology_write(again, &second);
    ck_assert_msg(strcmp(first.text, second.text) == 0, "%s: written again, the text differs", name);
    topology_free(again);
    text_buffer_fini(&first);
    text_buffer_fini(&second);
}

START_TEST(synthetic_machines_come_back)
{
    static const char *const machines[] = {
        "rp[acs](up(dp[acs](ep) dp[acs](ep[id=8086:1572,mf] ep@.1)))  rciep@1f.0[id=8086:a370]",
        "rp[acs=0f:05,link=4x16,mps=256](ep[vf=4:80:2,ari,ats,bar=64KiB,bar=1MiB])",
        "rp[acs](up(dp*4[acs=1f:1d](ep[vf=20,driver=ixgbe])))",
        "rp(pcie2pci(pci pcibridge(pci pci)))  pci@1e.0 rcec pci2pcie(ep)",
        "bus=00: rp(ep[nobar]) | bus=40: rp(ep[mps=512]) | bus=80: rp[noacs,seg=1](lep[class=0300])",
    };
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        struct diagnostics *diagnostics = diagnostics_new(5);
        struct topology *topology = synthetic_parse("<synthetic>", machines[i], diagnostics);
        diagnostics_print(diagnostics, stderr);
        ck_assert_msg(topology, "%s", machines[i]);
        diagnostics_free(diagnostics);
        check_round_trip(topology, machines[i]);
        topology_free(topology);
    }
}
END_TEST

START_TEST(random_machines_come_back)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        char *text = random_machine_text(seed, 10 + 4 * (unsigned)seed), name[32];
        struct diagnostics *diagnostics = diagnostics_new(5);
        struct topology *topology = synthetic_parse("random", text, diagnostics);
        snprintf(name, sizeof(name), "seed %u", (unsigned)seed);
        ck_assert_msg(topology, "%s", name);
        check_round_trip(topology, name);
        topology_free(topology);
        diagnostics_free(diagnostics);
        free(text);
    }
}
END_TEST

START_TEST(real_machines_come_back)
{
    static const char *const patterns[] = {"../shared/oracle/*/*/lspci.txt",
                                           "../shared/realworld/*/lspci.txt"};
    unsigned checked = 0;
    for (unsigned p = 0; p < 2; p++) {
        glob_t files;
        if (glob(patterns[p], 0, NULL, &files) != 0)
            continue;
        for (size_t i = 0; i < files.gl_pathc; i++) {
            struct diagnostics *diagnostics = diagnostics_new(5);
            struct source_text source;
            struct topology *topology = NULL;
            ck_assert_int_eq(source_file_read(files.gl_pathv[i], &source, diagnostics), STATUS_OK);
            ck_assert_int_eq(dump_import(&source, &topology, diagnostics), STATUS_OK);
            check_round_trip(topology, files.gl_pathv[i]);
            checked++;
            topology_free(topology);
            source_file_fini(&source);
            diagnostics_free(diagnostics);
        }
        globfree(&files);
    }
    if (checked)
        printf("topology_json: %u real dumps written and read back\n", checked);
}
END_TEST

/* Everything a file can say that dumps and one-line machines do not. */
static const char rich[] =
    "{\"format\": \"iommusim-topology/1\", \"name\": \"rich \\\"\\u00e4\", \"source\": \"a test\",\n"
    " \"x-remark\": {\"anything\": [1]}, \"acs_control\": \"booted\", \"kernel\": {\"cmdline\": "
    "\"intel_iommu=on\"},\n"
    " \"preset\": [\"broadwell-e5-2630v4\"], \"parameters\": {\"switch\": {\"latency\": \"150ns\"}},\n"
    " \"platform\": {\"rcba_enabled\": false, \"root_complex_peer_to_peer\": false,\n"
    "   \"ivrs_aliases\": [{\"function\": \"00:14.0\", \"alias\": \"00:14.1\"}]},\n"
    " \"memory\": [{\"base\": \"0x100000000\", \"size\": \"6GiB\", \"numa_node\": 1}, {\"size\": "
    "\"2GiB\"}],\n"
    " \"iommus\": [{\"name\": \"dmar0\", \"kind\": \"vt-d\", \"scopes\": [\"00:14.0\", {\"bridge\": "
    "\"00:1c.0\"}],\n"
    "     \"parameters\": {\"walkers\": 2}, \"interrupt_remapping\": false},\n"
    "   {\"kind\": \"vt-d\", \"include_all\": true}, {\"kind\": \"smmuv3\", \"scopes\": [{\"buses\": "
    "[\"40\", \"7f\"]}]}],\n"
    " \"reserved_regions\": [{\"base\": \"0xc0000000\", \"limit\": \"0xc00fffff\", \"functions\": "
    "[\"00:14.0\", \"00:1c.0\"]},\n"
    "   {\"kind\": \"msi\", \"base\": \"0xfee00000\", \"limit\": \"0xfeefffff\", \"everyone\": true},\n"
    "   {\"kind\": \"reserved\", \"base\": \"0x0\", \"limit\": \"0xfff\", \"scope\": {\"buses\": [\"00\", "
    "\"05\"]}}],\n"
    " \"host_bridges\": [{\"bus\": \"00\", \"bus_end\": \"3f\", \"functions\": [\n"
    "   {\"address\": \"14.0\", \"kind\": \"conventional\", \"aliases\": [\"14.1\"], \"dma_mask_bits\": "
    "32},\n"
    "   {\"address\": \"1c.0\", \"acs\": [\"SV\", \"RR\", \"CR\", \"UF\"], \"external_facing\": true,\n"
    "    \"link\": {\"speed\": \"16GT/s\", \"width\": 16, \"maximum_width\": 32, \"propagation\": "
    "\"10ns\"},\n"
    "    \"functions\": [{\"kind\": \"endpoint\", \"id\": \"8086:1572\", \"class\": \"0200\", \"driver\": "
    "\"\",\n"
    "      \"bars\": [{\"size\": \"8MiB\", \"prefetchable\": true}, \"64KiB\", {\"index\": \"rom\", "
    "\"size\": \"512KiB\"}],\n"
    "      \"endpoint\": {\"tags\": 256}, \"pasid\": true, \"pri\": true, \"ats\": true, \"ats_enabled\": "
    "true,\n"
    "      \"sriov\": {\"num_vfs\": 3, \"vf_device\": \"154c\"}}]},\n"
    "   {\"address\": \"1d.0\", \"functions\": [{\"switch\": {\"store_and_forward\": true}, \"functions\": "
    "[\n"
    "      {\"count\": 3, \"acs\": \"unknown\", \"functions\": [{\"untrusted\": true}]}]}]},\n"
    "   {\"address\": \"0e.0\", \"id\": \"1234:5678\"}, {\"address\": \"0000:00:0f.0\"}]},\n"
    "  {\"bus\": \"40\", \"numa_node\": 1, \"functions\": [{}, {\"kind\": \"conventional-bridge\", "
    "\"functions\": [{}, {}],\n"
    "      \"bridge\": {\"latency\": \"1us\"}}]},\n"
    "  {\"segment\": \"10000\", \"vmd\": \"00:0f.0\", \"functions\": [{\"functions\": [{}]}]}]}\n";

static void save(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static struct machine_input *load(const char *path)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct machine_input *input = NULL;
    int status = machine_input_load(path, &input, diagnostics);
    diagnostics_print(diagnostics, stderr);
    ck_assert_int_eq(status, STATUS_OK);
    diagnostics_free(diagnostics);
    return input;
}

START_TEST(hand_written_machine_comes_back_with_its_parameters)
{
    char path[] = "/tmp/iommusim-test-XXXXXX", difference[256];
    struct text_buffer first = {0}, second = {0};
    close(mkstemp(path));
    save(path, rich);
    struct machine_input *input = load(path);
    machine_write(input, &first);
    save(path, first.text);
    struct machine_input *again = load(path);
    unlink(path);
    ck_assert_msg(topology_same(input->topology, again->topology, COMPARE_ALL, difference), "%s", difference);
    machine_write(again, &second);
    ck_assert_str_eq(first.text, second.text);
    const struct machine_parameters *a = &input->parameters, *b = &again->parameters;
    size_t count = input->topology->function_count;
    ck_assert_uint_eq(a->units[0].walkers, 2);
    ck_assert_uint_eq(a->units[2].iotlb_entries, 114); /* the file's preset is laid over the kind's */
    ck_assert_mem_eq(a->links, b->links, count * sizeof(*a->links));
    ck_assert_mem_eq(a->switches, b->switches, count * sizeof(*a->switches));
    ck_assert_mem_eq(a->bridges, b->bridges, count * sizeof(*a->bridges));
    ck_assert_mem_eq(a->engines, b->engines, count * sizeof(*a->engines));
    ck_assert_mem_eq(a->units, b->units, input->topology->unit_count * sizeof(*a->units));
    ck_assert_mem_eq(&a->root_complex, &b->root_complex, sizeof(a->root_complex));
    ck_assert_mem_eq(&a->memory, &b->memory, sizeof(a->memory));
    machine_input_free(input);
    machine_input_free(again);
    text_buffer_fini(&first);
    text_buffer_fini(&second);
}
END_TEST

/* What the manual shows must load. */
START_TEST(examples_of_the_manual_load)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct source_text manual;
    unsigned examples = 0;
    ck_assert_int_eq(source_file_read("sim/input/README.md", &manual, diagnostics), STATUS_OK);
    const char *at = manual.text;
    while ((at = strstr(at, "```json\n"))) {
        at += strlen("```json\n");
        const char *end = strstr(at, "```");
        char *text = memory_alloc((size_t)(end - at) + 1);
        memcpy(text, at, (size_t)(end - at));
        const struct source_text source = {"README.md", text, (size_t)(end - at)};
        struct machine_input *input = NULL;
        at = end;
        if (strstr(text, "iommusim-topology/1")) {
            int status = machine_input_load_source(&source, &input, diagnostics);
            diagnostics_print(diagnostics, stderr);
            ck_assert_int_eq(status, STATUS_OK);
            ck_assert_uint_eq(diagnostics_warnings(diagnostics), 0);
            machine_input_free(input);
            examples++;
        }
        free(text);
    }
    ck_assert_uint_ge(examples, 2);
    source_file_fini(&manual);
    diagnostics_free(diagnostics);
}
END_TEST

/* One slot for three ports: lanes each, places behind the address, a device below two of them. */
START_TEST(a_slot_is_divided_among_ports)
{
    struct topology *topology = read_text(
        "{\"format\": \"iommusim-topology/1\", \"host_bridges\": [{\"functions\": [{\"address\": \"1c.1\", "
        "\"link\": {\"speed\": \"16GT/s\", \"width\": 16}, \"bifurcation\": [8, 4, 4], \"functions\": [{}, "
        "{\"functions\": [{\"functions\": [{}]}]}]}]}]}",
        "slot");
    static const uint8_t lanes[] = {8, 4, 4}, buses[] = {1, 2, 5};
    for (unsigned i = 0; i < 3; i++) {
        const struct pci_function *port = topology_find(topology, 0, 0, pci_devfn(0x1c, 1 + i));
        ck_assert(port && function_is_type(port, PCIE_ROOT_PORT));
        ck_assert_uint_eq(port->link.width, lanes[i]);
        ck_assert_uint_eq(port->link.maximum_width, lanes[i]);
        ck_assert_uint_eq(port->link.generation, 4);
        ck_assert_uint_eq(port->secondary_bus, buses[i]);
        const struct pci_function *below = topology_find(topology, 0, buses[i], 0);
        ck_assert_int_eq(below != NULL, i < 2);
        if (below)
            ck_assert_uint_eq(below->link.width, lanes[i]);
    }
    topology_free(topology);
}
END_TEST

Suite *topology_json_suite(void)
{
    Suite *suite = suite_create("topology_json");
    TCase *tests = tcase_create("topology_json");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, synthetic_machines_come_back);
    tcase_add_test(tests, random_machines_come_back);
    tcase_add_test(tests, real_machines_come_back);
    tcase_add_test(tests, hand_written_machine_comes_back_with_its_parameters);
    tcase_add_test(tests, examples_of_the_manual_load);
    tcase_add_test(tests, a_slot_is_divided_among_ports);
    suite_add_tcase(suite, tests);
    return suite;
}
