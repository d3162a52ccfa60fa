/* SPDX-License-Identifier: MIT */
/* Import, write as lspci would, import again: the same machine. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/input/lspci_writer.h"
#include "sim/input/recognise.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/topology_compare.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *lspci_round_trip_suite(void);

static struct topology *import_text(const char *text)
{
    struct source_text source = {"dump", text, strlen(text)};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = NULL;
    if (dump_import(&source, &topology, diagnostics) != STATUS_OK)
        diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return topology;
}

static void check_round_trip(const struct topology *topology, const char *name)
{
    struct text_buffer out = {0};
    char difference[256] = "no machine at all";
    lspci_write(topology, &out);
    struct topology *again = import_text(text_buffer_get(&out));
    ck_assert_msg(again && topology_same(topology, again, COMPARE_CONFIG_ONLY, difference), "%s: %s", name,
                  difference);
    topology_free(again);
    text_buffer_fini(&out);
}

START_TEST(written_machines_come_back)
{
    static const char *const machines[] = {
        "rp[acs](up(dp[acs](ep) dp[acs](ep[id=8086:1572,mf] ep@.1)))  rciep@1f.0[id=8086:a370]",
        "rp[acs=0f:05,link=4x16,mps=256](ep[vf=4:80:2,ari,ats,bar=64KiB,bar=1MiB])",
        "rp(pcie2pci(pci pci))  pci@1e.0",
        "bus=00: rp(ep) | bus=40: rp(ep[mps=512,mrrs=4096])",
    };
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        struct diagnostics *diagnostics = diagnostics_new(20);
        struct topology *topology = synthetic_parse("<synthetic>", machines[i], diagnostics);
        diagnostics_print(diagnostics, stderr);
        diagnostics_free(diagnostics);
        ck_assert_msg(topology, "%s", machines[i]);
        check_round_trip(topology, machines[i]);
        topology_free(topology);
    }
}
END_TEST

START_TEST(imported_machines_come_back)
{
    static const char *const patterns[] = {"../shared/oracle/*/*/lspci.txt",
                                           "../shared/realworld/*/lspci.txt"};
    for (unsigned p = 0; p < 2; p++) {
        glob_t files;
        if (glob(patterns[p], 0, NULL, &files) != 0)
            continue;
        for (size_t i = 0; i < files.gl_pathc; i++) {
            char *text = NULL;
            size_t size = 0;
            FILE *file = fopen(files.gl_pathv[i], "rb");
            ck_assert(file && getdelim(&text, &size, '\0', file) > 0);
            fclose(file);
            struct topology *topology = import_text(text);
            ck_assert_ptr_nonnull(topology);
            check_round_trip(topology, files.gl_pathv[i]);
            topology_free(topology);
            free(text);
        }
        printf("lspci_round_trip: %zu machines of %s\n", files.gl_pathc, patterns[p]);
        globfree(&files);
    }
}
END_TEST

Suite *lspci_round_trip_suite(void)
{
    Suite *suite = suite_create("lspci_round_trip");
    TCase *tests = tcase_create("lspci_round_trip");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, written_machines_come_back);
    tcase_add_test(tests, imported_machines_come_back);
    suite_add_tcase(suite, tests);
    return suite;
}
