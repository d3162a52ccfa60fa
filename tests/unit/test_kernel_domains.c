/* SPDX-License-Identifier: MIT */
/* The address space that the kernel makes for a device, by kind of IOMMU and by command line: which addresses
 * it never hands out, how large its pages are, how strict it is. */
#include "sim/input/workload_reader.h"
#include "sim/machine/machine_state.h"
#include "sim/machine/simulation.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *kernel_domains_suite(void);

struct run {
    struct machine_input *input;
    struct simulation simulation;
    struct workload *workload;
    struct diagnostics *diagnostics;
};

static const char machine_text[] =
    "{\"format\": \"iommusim-topology/1\", \"preset\": \"default\", \"iommus\": [{\"kind\": \"%s\"}],\n"
    " \"memory\": [{\"size\": \"2GiB\"}, {\"base\": \"0x100000000\", \"size\": \"6GiB\"}], %s\n"
    " \"host_bridges\": [{\"windows\": [{\"base\": \"0xc0000000\", \"limit\": \"0xcfffffff\"}],\n"
    "  \"functions\": [{\"functions\": [{%s}]}, {\"functions\": [{}]}]}]}\n";

static const char workload_text[] =
    "{\"format\": \"iommusim-workload/1\",\n"
    " \"domains\": [{\"name\": \"host\", \"mode\": \"%s\", \"devices\": [\"01:00.0\"]}],\n"
    " \"streams\": [{\"name\": \"one\", \"device\": \"01:00.0\", \"operation\": \"write\", \"size\": "
    "\"%s\",\n"
    "  \"buffers\": \"per-use\", \"operations\": 3, \"queue_depth\": 1}]}\n";

/* @param more  keys of the topology, each with a comma behind it @param device  keys of device 01:00.0 */
static void run_begin(struct run *run, const char *kind, const char *more, const char *device,
                      const char *mode, const char *size, const char *cmdline)
{
    char machine[2000], text[1000];
    snprintf(machine, sizeof(machine), machine_text, kind, more, device);
    snprintf(text, sizeof(text), workload_text, mode, size);
    const struct source_text source = {"<machine>", machine, strlen(machine)},
                             workload = {"<workload>", text, strlen(text)};
    *run = (struct run){.diagnostics = diagnostics_new(20)};
    int status = machine_input_load_source(&source, &run->input, run->diagnostics);
    if (status == 0) {
        simulation_init(&run->simulation, run->input, IOMMU_CHOICE_AUTO, cmdline, run->diagnostics);
        run->simulation.options.seed = 1;
        struct workload_machine of = simulation_workload_machine(&run->simulation);
        status = workload_load_source(&workload, ".", &of, &run->workload, run->diagnostics);
    }
    if (status == 0)
        status = simulation_build(&run->simulation, run->workload, run->diagnostics);
    if (status)
        diagnostics_print(run->diagnostics, stderr);
    ck_assert_int_eq(status, 0);
}

static void run_end(struct run *run)
{
    simulation_fini(&run->simulation);
    workload_free(run->workload);
    machine_input_free(run->input);
    diagnostics_free(run->diagnostics);
}

/* The highest free page up to @p limit; it is given back. */
static uint64_t highest_page(struct run *run, uint64_t limit)
{
    struct mapping_state *state = &run->simulation.machine->mapping;
    struct kernel_time time = {0};
    uint64_t address = 0;
    ck_assert(state->domains[0].dynamic);
    ck_assert(iova_allocator_take(&state->domains[0].kernel.iova, &time, 4096, limit, true, &address));
    iova_allocator_give(&state->domains[0].kernel.iova, &time, address, 4096);
    return address;
}

/* get_resv_regions() of the three drivers, and the windows of the host bridge. */
START_TEST(reserved_addresses_are_those_of_the_kind)
{
    static const char rmrr[] = "\"reserved_regions\": [{\"base\": \"0x70000000\", \"limit\": \"0x70ffffff\", "
                               "\"functions\": [\"%s\"]}],";
    static const struct {
        const char *kind, *reserved_for;
        uint64_t limit, page;
    } rows[] = {
        {"vt-d", "01:00.0", 0xffffffff, 0xfffff000},
        {"vt-d", "01:00.0", 0xfeefffff, 0xfedff000},
        {"vt-d", "01:00.0", 0xcfffffff, 0xbffff000},
        {"vt-d", "01:00.0", 0x70ffffff, 0x6ffff000},
        {"vt-d", "02:00.0", 0x70ffffff, 0x70fff000}, /* another device's */
        {"vt-d", "01:00.0", 0xffffffffff, 0xfffffff000},
        {"amd-vi", "01:00.0", 0xfeefffff, 0xfedff000},
        {"amd-vi", "01:00.0", 0xffffffffff, 0xfcfffff000}, /* HyperTransport */
        {"smmuv3", "01:00.0", 0xfeefffff, 0xfeeff000},
        {"smmuv3", "01:00.0", 0x080fffff, 0x080ff000}, /* a guest's window only */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run run;
        char more[200];
        snprintf(more, sizeof(more), rmrr, rows[i].reserved_for);
        run_begin(&run, rows[i].kind, more, "", "strict", "4KiB", NULL);
        uint64_t page = highest_page(&run, rows[i].limit);
        ck_assert_msg(page == rows[i].page, "%s up to 0x%lx: 0x%lx", rows[i].kind,
                      (unsigned long)rows[i].limit, (unsigned long)page);
        run_end(&run);
    }
}
END_TEST

/* A device that is not trusted is mapped strictly, whatever else is asked for. */
START_TEST(untrusted_devices_are_strict)
{
    static const struct {
        const char *mode, *cmdline, *device;
        enum translation_mode got;
        unsigned warnings;
    } rows[] = {
        {"lazy", NULL, "\"untrusted\": true", TRANSLATION_STRICT, 1},
        {"passthrough", NULL, "\"untrusted\": true", TRANSLATION_STRICT, 1},
        {"strict", NULL, "\"untrusted\": true", TRANSLATION_STRICT, 0},
        {"kernel", "iommu=pt", "\"untrusted\": true", TRANSLATION_STRICT, 0},
        {"kernel", "iommu.strict=0", "\"untrusted\": true", TRANSLATION_STRICT, 0},
        {"lazy", NULL, "", TRANSLATION_LAZY, 0},
        {"kernel", "", "", TRANSLATION_LAZY, 0},
        {"kernel", "iommu.passthrough=1", "", TRANSLATION_PASSTHROUGH, 0},
        {"kernel", "iommu=pt iommu=nopt", "", TRANSLATION_LAZY, 0},
        {"kernel", "intel_iommu=on,strict", "", TRANSLATION_STRICT, 0},
        {"kernel", "amd_iommu=fullflush", "", TRANSLATION_STRICT, 0},
        {"kernel", "iommu=pt iommu.strict=1", "", TRANSLATION_PASSTHROUGH, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run run;
        run_begin(&run, "vt-d", "", rows[i].device, rows[i].mode, "4KiB", rows[i].cmdline);
        ck_assert_msg(run.workload->domains[0].mode == rows[i].got, "row %zu: %s", i,
                      translation_mode_name(run.workload->domains[0].mode));
        ck_assert_uint_eq(diagnostics_warnings(run.diagnostics), rows[i].warnings);
        ck_assert_int_eq(machine_run(run.simulation.machine, run.diagnostics), 0);
        run_end(&run);
    }
}
END_TEST

/* "each": a domain for each group, with the mode of its devices; a switch without ACS makes one group. */
START_TEST(each_group_has_a_domain_of_its_own)
{
    static const char text[] =
        "{\"format\": \"iommusim-topology/1\", \"iommus\": [{\"kind\": \"vt-d\"}], \"host_bridges\": [\n"
        " {\"functions\": [{\"acs\": [\"SV\", \"RR\", \"CR\", \"UF\"], \"functions\": [{}]},\n"
        "  {\"acs\": [\"SV\", \"RR\", \"CR\", \"UF\"], \"functions\": [{\"untrusted\": true}]},\n"
        "  {\"functions\": [{\"functions\": [{\"count\": 2, \"functions\": [{}]}]}]}]}]}\n";
    static const char workload[] =
        "{\"format\": \"iommusim-workload/1\", \"domains\": [\n"
        " {\"name\": \"kernel\", \"mode\": \"kernel\", \"devices\": \"each\"}], \"streams\": [\n"
        " {\"name\": \"one\", \"device\": \"01:00.0\", \"operation\": \"write\", \"size\": \"4KiB\",\n"
        "  \"buffers\": \"per-use\", \"operations\": 3, \"queue_depth\": 1}]}\n";
    static const struct {
        const char *name;
        enum translation_mode mode;
        uint32_t functions;
    } rows[] = {{"kernel 0000:01:00.0", TRANSLATION_LAZY, 1},
                {"kernel 0000:02:00.0", TRANSLATION_STRICT, 1},
                {"kernel 0000:05:00.0", TRANSLATION_LAZY, 2}};
    struct run run = {.diagnostics = diagnostics_new(20)};
    const struct source_text source = {"<machine>", text, strlen(text)},
                             second = {"<workload>", workload, strlen(workload)};
    ck_assert_int_eq(machine_input_load_source(&source, &run.input, run.diagnostics), 0);
    simulation_init(&run.simulation, run.input, IOMMU_CHOICE_AUTO, NULL, run.diagnostics);
    struct workload_machine of = simulation_workload_machine(&run.simulation);
    ck_assert_int_eq(workload_load_source(&second, ".", &of, &run.workload, run.diagnostics), 0);
    ck_assert_uint_eq(run.workload->domain_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_str_eq(run.workload->domains[i].name, rows[i].name);
        ck_assert_int_eq(run.workload->domains[i].mode, rows[i].mode);
        ck_assert_uint_eq(run.workload->domains[i].function_count, rows[i].functions);
    }
    run_end(&run);
}
END_TEST

/* Of 1500 bytes, the rest of the page is not the external device's to see. */
START_TEST(only_parts_of_pages_bounce_for_untrusted_devices)
{
    static const struct {
        const char *device, *size;
        uint64_t bounced;
    } rows[] = {{"\"untrusted\": true", "1500B", 3 * 1500},
                {"\"untrusted\": true", "8KiB", 0},
                {"\"external_facing\": true", "1500B", 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run run;
        run_begin(&run, "vt-d", "", i < 2 ? rows[i].device : "", "strict", rows[i].size, NULL);
        ck_assert_int_eq(machine_run(run.simulation.machine, run.diagnostics), 0);
        ck_assert_uint_eq(machine_swiotlb(run.simulation.machine)->counters.bytes_in, rows[i].bounced);
        run_end(&run);
    }
}
END_TEST

/* sp_off is VT-d's, nohugepages AMD's: a buffer of 4 MiB is two entries, or 1024. */
START_TEST(large_pages_can_be_switched_off)
{
    static const struct {
        const char *kind, *cmdline;
        bool large;
    } rows[] = {{"vt-d", "", true},
                {"vt-d", "intel_iommu=on,sp_off", false},
                {"vt-d", "amd_iommu=nohugepages", true},
                {"amd-vi", "amd_iommu=nohugepages", false},
                {"smmuv3", "intel_iommu=sp_off", true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run run;
        unsigned shift = 0;
        run_begin(&run, rows[i].kind, "", "", "strict", "4KiB", rows[i].cmdline);
        struct mapping_tables *tables = &run.simulation.machine->mapping.domains[0].tables;
        uint32_t entries = mapping_tables_map(tables, 0x40000000, 0x140000000, 4 << 20, true, true);
        ck_assert_uint_eq(entries, rows[i].large ? 2 : 1024);
        mapping_tables_find(run.simulation.machine, 0, 0x40000000, &shift);
        ck_assert_uint_eq(shift, rows[i].large ? 21 : 12);
        run_end(&run);
    }
}
END_TEST

/* pci_swiotlb_detect(): iommu=off leaves devices that do not reach all memory without bounce buffers. */
START_TEST(iommu_off_means_no_bounce_buffers)
{
    static const struct {
        const char *cmdline;
        bool pool;
    } rows[] = {{"iommu=off", false},
                {"iommu=off swiotlb=force", true},
                {"intel_iommu=off", true},
                {"iommu=pt", true},
                {"swiotlb=noforce", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run run;
        run_begin(&run, "vt-d", "", "\"dma_mask_bits\": 32", "kernel", "4KiB", rows[i].cmdline);
        ck_assert_int_eq(machine_swiotlb(run.simulation.machine) != NULL, rows[i].pool);
        int status = machine_run(run.simulation.machine, run.diagnostics);
        bool reaches = rows[i].pool || strcmp(rows[i].cmdline, "swiotlb=noforce") == 0;
        ck_assert_msg((status == 0) == reaches, "%s: %d", rows[i].cmdline, status);
        run_end(&run);
    }
}
END_TEST

Suite *kernel_domains_suite(void)
{
    Suite *suite = suite_create("kernel_domains");
    TCase *tests = tcase_create("kernel_domains");
    tcase_add_test(tests, reserved_addresses_are_those_of_the_kind);
    tcase_add_test(tests, untrusted_devices_are_strict);
    tcase_add_test(tests, each_group_has_a_domain_of_its_own);
    tcase_add_test(tests, only_parts_of_pages_bounce_for_untrusted_devices);
    tcase_add_test(tests, large_pages_can_be_switched_off);
    tcase_add_test(tests, iommu_off_means_no_bounce_buffers);
    suite_add_tcase(suite, tests);
    return suite;
}
