/* SPDX-License-Identifier: MIT */
/* The questions of workloads/what-if, asked as their page says: each answer keeps its order. */
#include "tests/unit/program.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *what_if_studies_suite(void);

enum { ROWS = 10, COMMAND_SIZE = 1024 };

/* First figure of each point of a study, in the order of its axis. @return points */
static int figures(const char *study, const char *column, double *values)
{
    char command[COMMAND_SIZE], *here = realpath("workloads/what-if", NULL);
    int status, rows = 0, place = 0;
    ck_assert_ptr_nonnull(here);
    snprintf(command, sizeof(command),
             "iommusim sweep -q -j 2 %s/%s.json -o results > log && iommusim sweep collect results", here,
             study);
    free(here);
    program_setup();
    char *text = program_shell(command, &status), *rest = text;
    ck_assert_msg(status == 0, "%s", text);
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line;) {
        char *cells = line, *cell;
        for (int i = 0; (cell = strsep(&cells, ",")) != NULL; i++) {
            if (rows == 0 && strcmp(cell, column) == 0)
                place = i;
            if (rows && i == place && rows <= ROWS)
                values[rows - 1] = strtod(cell, NULL);
        }
        rows++;
    }
    ck_assert_msg(place > 0, "no column %s", column);
    free(text);
    program_teardown();
    return rows - 1;
}

START_TEST(a_card_of_100_gbit)
{
    double gbps[ROWS];
    ck_assert_int_eq(figures("nic-modes", "bits_per_s", gbps), 4);
    ck_assert_double_gt(gbps[0], 95e9);           /* off: line rate */
    ck_assert_double_gt(gbps[1], 0.98 * gbps[0]); /* passthrough: the same */
    ck_assert_double_lt(gbps[2], gbps[1]);        /* lazy */
    ck_assert_double_gt(gbps[2], 0.7 * gbps[1]);
    ck_assert_double_lt(gbps[3], 0.5 * gbps[2]); /* strict */
}
END_TEST

START_TEST(larger_rings)
{
    double gbps[ROWS];
    ck_assert_int_eq(figures("nic-rings", "bits_per_s", gbps), 5);
    for (int i = 1; i < 5; i++)
        ck_assert_double_lt(gbps[i], 1.03 * gbps[i - 1]);
    ck_assert_double_lt(gbps[4], 0.9 * gbps[0]);
}
END_TEST

/* Lazy mode costs little where there are CPUs enough; strict mode waits for the units. */
START_TEST(eight_nvme_devices)
{
    double rate[ROWS];
    ck_assert_int_eq(figures("nvme-modes", "disk 0.commands_per_s", rate), 4);
    ck_assert_double_gt(rate[1], 0.95 * rate[0]);
    ck_assert_double_gt(rate[2], 0.8 * rate[1]);
    ck_assert_double_lt(rate[3], 0.5 * rate[2]);
}
END_TEST

/* 32 MiB in flight fit into a pool of 16384 slots, and no smaller one. */
START_TEST(bounce_buffers_of_a_guest)
{
    double refused[ROWS];
    ck_assert_int_eq(figures("swiotlb-size", "refused", refused), 6);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(refused[i] == 0, i >= 3);
}
END_TEST

/* Each study says its answer in one line on standard output. */
START_TEST(answers_are_said)
{
    static const struct {
        const char *study, *line;
    } rows[] = {
        {"swiotlb-size", "mappings refused (swiotlb buffer is full): none from cmdline swiotlb=16384 on; "},
        {"buffer-pages", "random reads in 16 MiB: "}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char command[COMMAND_SIZE], *here = realpath("workloads/what-if", NULL);
        snprintf(command, sizeof(command), "iommusim sweep -q -j 2 %s/%s.json -o results", here,
                 rows[i].study);
        program_setup();
        program_expect(command, 0, rows[i].line);
        program_expect("iommusim sweep answer results", 0, rows[i].line);
        program_teardown();
        free(here);
    }
}
END_TEST

START_TEST(pages_of_a_buffer)
{
    double rate[ROWS];
    ck_assert_int_eq(figures("buffer-pages", "reads_per_s", rate), 2);
    ck_assert_double_gt(rate[1], 2.5 * rate[0]);
}
END_TEST

/* None; nested, shadowed, virtio: passthrough, lazy, strict. */
START_TEST(an_iommu_of_a_guest)
{
    double rate[ROWS];
    ck_assert_int_eq(figures("guest-viommu", "bits_per_s", rate), 10);
    ck_assert_double_gt(rate[0], 95e9);
    for (int kind = 0; kind < 3; kind++) {
        const double *of_kind = &rate[1 + 3 * kind];
        ck_assert_double_gt(of_kind[0], 0.999 * rate[0]); /* nothing is mapped */
        ck_assert_double_lt(of_kind[2], 0.8 * of_kind[1]);
        ck_assert_double_lt(of_kind[2], 0.1 * rate[0]);
    }
    ck_assert_double_gt(rate[2], 0.7 * rate[0]); /* nested, lazy: no exit but for flushes, longer walks */
    ck_assert_double_lt(rate[5], 0.05 * rate[0]);
}
END_TEST

START_TEST(words_that_do_nothing)
{
    char command[COMMAND_SIZE], *here = realpath("topologies/intel-desktop-comet-lake.json", NULL);
    program_setup();
    snprintf(command, sizeof(command), "iommusim diff %s --cmdline amd_iommu=pt", here);
    program_expect(command, 0, "No difference.");
    program_expect(command, 0, "'pt' is no word the kernel knows there: it has no effect");
    snprintf(command, sizeof(command), "iommusim diff %s --cmdline iommu=soft", here);
    program_expect(command, 0, "'soft' keeps a pool of bounce buffers: an IOMMU translates all the same");
    program_teardown();
    free(here);
}
END_TEST

START_TEST(pages_behind_a_guest)
{
    double ready_ps[ROWS], rate[ROWS], tables[ROWS];
    ck_assert_int_eq(figures("guest-pages", "ready_ps", ready_ps), 3);
    ck_assert_int_eq(figures("guest-pages", "reads_per_s", rate), 3);
    ck_assert_int_eq(figures("guest-pages", "page_table_bytes", tables), 3);
    ck_assert_double_lt(ready_ps[1], 0.95 * ready_ps[0]); /* clearing memory is most of it */
    ck_assert_double_gt(ready_ps[1], 0.8 * ready_ps[0]);
    ck_assert_double_gt(rate[1], rate[0]);
    ck_assert_double_gt(rate[2], 2 * rate[1]); /* the IOTLB holds all of it */
    ck_assert_double_gt(tables[0], 400 * tables[1]);
}
END_TEST

Suite *what_if_studies_suite(void)
{
    Suite *suite = suite_create("what_if_studies");
    TCase *tests = tcase_create("what_if_studies");
    tcase_add_test(tests, a_card_of_100_gbit);
    tcase_add_test(tests, larger_rings);
    tcase_add_test(tests, eight_nvme_devices);
    tcase_add_test(tests, bounce_buffers_of_a_guest);
    tcase_add_test(tests, answers_are_said);
    tcase_add_test(tests, pages_of_a_buffer);
    tcase_add_test(tests, an_iommu_of_a_guest);
    tcase_add_test(tests, words_that_do_nothing);
    tcase_add_test(tests, pages_behind_a_guest);
    suite_add_tcase(suite, tests);
    return suite;
}
