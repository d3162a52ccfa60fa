/* SPDX-License-Identifier: MIT */
/* Reserved regions: what firmware states and what each kind of IOMMU implies, merged as the kernel does it.
 */
#include "sim/analysis/reserved_regions.h"
#include "sim/base/text_buffer.h"
#include "sim/input/machine_input.h"
#include "sim/input/recognise.h"
#include "sim/output/reserved_output.h"

#include <check.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *reserved_regions_suite(void);

static const char oracle_folder[] = "../shared/oracle/dev";

/* Machines: one function at 00:02.0 (or below a bridge) with a class, and stated regions. */
#define MACHINE(kind, functions, regions)                                                                    \
    "{\"format\": \"iommusim-topology/1\", \"preset\": [\"default\", \"" kind "\"],"                         \
    " \"iommus\": [{\"name\": \"unit0\", \"kind\": \"" kind "\", \"include_all\": true}],"                   \
    " \"reserved_regions\": [" regions "],"                                                                  \
    " \"host_bridges\": [{\"bus\": \"00\", \"functions\": [" functions "]}]}"

#define FUNCTION(address, code)                                                                              \
    "{\"address\": \"" address "\", \"kind\": \"conventional\", \"id\": \"1b36:1\", \"class\": \"" code      \
    "\", \"bars\": []}"
#define BRIDGE(address, below)                                                                               \
    "{\"address\": \"" address "\", \"kind\": \"root-port\", \"id\": \"1b36:c\", \"acs\": {\"capability\": " \
    "[\"SV\", \"RR\", \"CR\", \"UF\"], \"control\": []}, \"functions\": [{\"address\": \"00.0\", "           \
    "\"kind\": \"endpoint\", \"id\": \"1b36:2\", \"class\": \"" below "\", \"bars\": []}]}"
#define REGION(kind, base, limit, scope)                                                                     \
    "{\"kind\": \"" kind "\", \"base\": \"" base "\", \"limit\": \"" limit "\", " scope "}"
#define ON(address) "\"functions\": [\"" address "\"]"
#define ALL         "\"everyone\": true"

#define MSI    "0x00000000fee00000\t0x00000000feefffff\tmsi\n"
#define HT     "0x000000fd00000000\t0x000000ffffffffff\treserved\n"
#define FLOPPY "0x0000000000000000\t0x0000000000ffffff\tdirect-relaxable\n"
#define WINDOW "0x0000000008000000\t0x00000000080fffff\tmsi\n"

static const struct {
    const char *name;
    const char *machine;
    const char *lines;
} cases[] = {
    {"VT-d implies the MSI window", MACHINE("vt-d", FUNCTION("02.0", "0200"), ""), "0\t" MSI},
    {"AMD-Vi also HyperTransport", MACHINE("amd-vi", FUNCTION("02.0", "0200"), ""), "0\t" MSI "0\t" HT},
    {"SMMUv3 a window of its own", MACHINE("smmuv3", FUNCTION("02.0", "0200"), ""), "0\t" WINDOW},
    {"an ISA bridge the floppy's", MACHINE("vt-d", FUNCTION("1f.0", "0601"), ""), "0\t" FLOPPY "0\t" MSI},
    {"but only with VT-d", MACHINE("amd-vi", FUNCTION("1f.0", "0601"), ""), "0\t" MSI "0\t" HT},
    {"an RMRR is direct",
     MACHINE("vt-d", FUNCTION("02.0", "0107"), REGION("direct", "0x7d000000", "0x7d3fffff", ON("00:02.0"))),
     "0\t0x000000007d000000\t0x000000007d3fffff\tdirect\n0\t" MSI},
    {"relaxable for graphics",
     MACHINE("vt-d", FUNCTION("02.0", "0380"), REGION("direct", "0x7d000000", "0x7d3fffff", ON("00:02.0"))),
     "0\t0x000000007d000000\t0x000000007d3fffff\tdirect-relaxable\n0\t" MSI},
    {"and for USB",
     MACHINE("vt-d", FUNCTION("02.0", "0c03"), REGION("direct", "0x7d000000", "0x7d3fffff", ON("00:02.0"))),
     "0\t0x000000007d000000\t0x000000007d3fffff\tdirect-relaxable\n0\t" MSI},
    {"not for another serial bus",
     MACHINE("vt-d", FUNCTION("02.0", "0c05"), REGION("direct", "0x7d000000", "0x7d3fffff", ON("00:02.0"))),
     "0\t0x000000007d000000\t0x000000007d3fffff\tdirect\n0\t" MSI},
    {"not for a unity range of AMD",
     MACHINE("amd-vi", FUNCTION("02.0", "0c03"), REGION("direct", "0x7d000000", "0x7d3fffff", ON("00:02.0"))),
     "0\t0x000000007d000000\t0x000000007d3fffff\tdirect\n0\t" MSI "0\t" HT},
    {"an RMRR of a bridge holds below it, whatever the type of the scope",
     MACHINE("vt-d", BRIDGE("02.0", "0107"), REGION("direct", "0x7d000000", "0x7d3fffff", ON("00:02.0"))),
     "0\t0x000000007d000000\t0x000000007d3fffff\tdirect\n0\t" MSI
     "1\t0x000000007d000000\t0x000000007d3fffff\tdirect\n1\t" MSI},
    {"a unity range holds for its ids",
     MACHINE("amd-vi", BRIDGE("02.0", "0107"), REGION("direct", "0x7d000000", "0x7d3fffff", ON("00:02.0"))),
     "0\t0x000000007d000000\t0x000000007d3fffff\tdirect\n0\t" MSI "0\t" HT "1\t" MSI "1\t" HT},
    {"a scope that names a bridge and all below",
     MACHINE("amd-vi", BRIDGE("02.0", "0107"),
             REGION("reserved", "0x7d000000", "0x7d3fffff", "\"scope\": {\"bridge\": \"0000:00:02.0\"}")),
     "0\t0x000000007d000000\t0x000000007d3fffff\treserved\n0\t" MSI "0\t" HT
     "1\t0x000000007d000000\t0x000000007d3fffff\treserved\n1\t" MSI "1\t" HT},
    {"another function's is none",
     MACHINE("vt-d", FUNCTION("02.0", "0107") "," FUNCTION("03.0", "0107"),
             REGION("direct", "0x7d000000", "0x7d3fffff", ON("00:03.0"))),
     "0\t" MSI "1\t0x000000007d000000\t0x000000007d3fffff\tdirect\n1\t" MSI},
    {"overlapping and touching regions of one type become one",
     MACHINE("vt-d", FUNCTION("02.0", "0107"),
             REGION("reserved", "0x3000", "0x3fff",
                    ALL) "," REGION("reserved", "0x1000", "0x1fff",
                                    ALL) "," REGION("reserved", "0x2000", "0x2fff",
                                                    ALL) "," REGION("reserved", "0x5000", "0x5fff", ALL)),
     "0\t0x0000000000001000\t0x0000000000003fff\treserved\n"
     "0\t0x0000000000005000\t0x0000000000005fff\treserved\n0\t" MSI},
    {"those of different types do not",
     MACHINE("vt-d", FUNCTION("02.0", "0601"),
             REGION("direct", "0x0", "0xfff", ALL) "," REGION("reserved", "0x1000", "0x1fff", ALL)),
     "0\t0x0000000000000000\t0x0000000000000fff\tdirect\n0\t" FLOPPY
     "0\t0x0000000000001000\t0x0000000000001fff\treserved\n0\t" MSI},
    {"the members of a group share",
     MACHINE(
         "vt-d",
         "{\"address\": \"1f.0\", \"kind\": \"conventional\", \"id\": \"8086:2918\", \"class\": \"0601\", "
         "\"multifunction\": true, \"bars\": []}," FUNCTION("1f.2", "0106"),
         REGION("direct", "0x7d000000", "0x7d3fffff", ON("00:1f.2"))),
     "0\t" FLOPPY "0\t0x000000007d000000\t0x000000007d3fffff\tdirect\n0\t" MSI},
};

static char *lines_of(struct iommu_groups *groups)
{
    struct text_buffer out = {0};
    reserved_output_tsv(groups, &out);
    return out.text ? out.text : memory_string("");
}

START_TEST(rules)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct source_text source = {cases[i].name, cases[i].machine, strlen(cases[i].machine)};
        struct diagnostics *diagnostics = diagnostics_new(20);
        struct machine_input *input = NULL;
        if (machine_input_load_source(&source, &input, diagnostics) != 0)
            diagnostics_print(diagnostics, stderr);
        ck_assert_msg(input != NULL, "%s: the machine is refused", cases[i].name);
        struct iommu_groups *groups =
            iommu_groups_form(input->topology, IOMMU_CHOICE_AUTO, NULL, diagnostics);
        char *lines = lines_of(groups);
        ck_assert_msg(strcmp(lines, cases[i].lines) == 0, "%s:\n%s instead of\n%s", cases[i].name, lines,
                      cases[i].lines);
        free(lines);
        iommu_groups_free(groups);
        machine_input_free(input);
        diagnostics_free(diagnostics);
    }
}
END_TEST

/* What running kernels printed, as the compact text of carried machines. */
START_TEST(carried_machines)
{
    static const struct {
        const char *name, *text;
    } machines[] = {
        {"amd_mix", "\nReserved regions\n  group 0-12\n      0x00000000fee00000 0x00000000feefffff msi\n"
                    "      0x000000fd00000000 0x000000ffffffffff reserved\n"},
        {"arm_mix", "\nReserved regions\n  group 0-11\n      0x0000000008000000 0x00000000080fffff msi\n"},
        {"big", "\nReserved regions\n  group 0-8, 10-32\n      0x00000000fee00000 0x00000000feefffff msi\n"
                "  group 9\n      0x0000000000000000 0x0000000000ffffff direct-relaxable\n"
                "      0x00000000fee00000 0x00000000feefffff msi\n"},
        {"bus0_bypass", "\nReserved regions\n  group 0-1\n      0x00000000fee00000 0x00000000feefffff msi\n"},
        {"iommu_off", ""},
    };
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        char path[256];
        struct diagnostics *diagnostics = diagnostics_new(20);
        struct machine_input *input = NULL;
        struct text_buffer out = {0};
        snprintf(path, sizeof(path), "tests/cases/groups/%s.json", machines[i].name);
        ck_assert_int_eq(machine_input_load(path, &input, diagnostics), 0);
        struct iommu_groups *groups =
            iommu_groups_form(input->topology, IOMMU_CHOICE_AUTO, NULL, diagnostics);
        reserved_output_text(groups, &out);
        ck_assert_str_eq(text_buffer_get(&out), machines[i].text);
        text_buffer_fini(&out);
        iommu_groups_free(groups);
        machine_input_free(input);
        diagnostics_free(diagnostics);
    }
}
END_TEST

static char *read_case(const char *name, const char *file)
{
    char path[512], block[65536];
    struct text_buffer text = {0};
    size_t length;
    snprintf(path, sizeof(path), "%s/%s/%s", oracle_folder, name, file);
    FILE *stream = fopen(path, "r");
    ck_assert_msg(stream != NULL, "%s is missing", path);
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(&text, block, length);
    fclose(stream);
    return text.text ? text.text : memory_string("");
}

/* The kernel's number for the group of @p members: that of the first one listed; -1 where none is. */
static int kernel_number(const struct iommu_groups *groups, const struct iommu_group *group, const char *list)
{
    for (uint32_t i = 0; i < group->member_count; i++) {
        const struct pci_function *function = &groups->topology->functions[group->members[i]];
        char bdf[BDF_TEXT_SIZE];
        const char *at = strstr(list, bdf_print(bdf, function->segment, function->bus, function->devfn));
        if (!at)
            continue;
        while (at > list && at[-1] != '\n')
            at--;
        return atoi(at);
    }
    return -1;
}

/* The regions as the kernel's listing has them: by its group numbers. */
static char *kernel_lines(const struct iommu_groups *groups, const char *list)
{
    struct arena *arena = arena_new();
    const struct group_regions *regions = reserved_regions_find(groups, arena);
    struct text_buffer out = {0};
    for (int number = 0; number < (int)groups->group_count; number++) {
        for (uint32_t i = 0; i < groups->group_count; i++) {
            if (kernel_number(groups, &groups->groups[i], list) != number)
                continue;
            for (uint32_t j = 0; j < regions[i].count; j++) {
                const struct group_region *region = &regions[i].regions[j];
                text_buffer_format(&out, "%d 0x%016" PRIx64 " 0x%016" PRIx64 " %s\n", number, region->start,
                                   region->end, region_type_name(region->type));
            }
        }
    }
    arena_free(arena);
    return out.text ? out.text : memory_string("");
}

static bool case_right(const char *name)
{
    char *dump = read_case(name, "lspci.txt"), *list = read_case(name, "groups.txt");
    char *expected = read_case(name, "reserved_regions.txt");
    struct source_text source = {name, dump, strlen(dump)};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = NULL;
    ck_assert_int_eq(dump_import(&source, &topology, diagnostics), 0);
    struct iommu_groups *groups =
        iommu_groups_form(topology, *list ? IOMMU_CHOICE_AUTO : IOMMU_CHOICE_NONE, NULL, diagnostics);
    char *lines = kernel_lines(groups, list);
    bool right = strcmp(lines, expected) == 0;
    if (!right)
        fprintf(stderr, "%s:\n%s instead of\n%s", name, lines, expected);
    iommu_groups_free(groups);
    topology_free(topology);
    diagnostics_free(diagnostics);
    free(lines);
    free(expected);
    free(list);
    free(dump);
    return right;
}

/* Straight from the dumps of running kernels, where they are at hand. */
START_TEST(running_kernels)
{
    unsigned asked = 0, right = 0;
    DIR *directory = opendir(oracle_folder);
    struct dirent *entry;
    if (!directory)
        return;
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.' || entry->d_type == DT_REG)
            continue;
        asked++;
        right += case_right(entry->d_name);
    }
    closedir(directory);
    printf("reserved_regions: %u of %u right in %s\n", right, asked, oracle_folder);
    ck_assert_uint_eq(right, asked);
    ck_assert_uint_gt(asked, 0);
}
END_TEST

Suite *reserved_regions_suite(void)
{
    Suite *suite = suite_create("reserved_regions");
    TCase *tests = tcase_create("reserved_regions");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, rules);
    tcase_add_test(tests, carried_machines);
    tcase_add_test(tests, running_kernels);
    suite_add_tcase(suite, tests);
    return suite;
}
