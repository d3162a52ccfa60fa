/* SPDX-License-Identifier: MIT */
/*
 * The measured pcie-bench host against its measurements: random 64-byte reads in a window of 4 KiB pages, one
 * at a time and with 64 in flight, through the whole engine with the preset broadwell-e5-2630v4.
 *
 * Figures: raw data of Neugebauer et al., "Understanding PCIe performance for end host networking", SIGCOMM
 * 2018 (pcie-bench/data; Xeon E5-2630 v4, NFP6000, Gen3 x8, cache warm, superpages off). `make validate`
 * compares all of it.
 */
#include "sim/machine/machine.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

Suite *published_suite(void);

static double run(uint64_t window_bytes, uint32_t queue_depth, double *rate_mtps)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input = NULL;
    struct machine *machine = NULL;
    ck_assert_int_eq(machine_input_load("topologies/pcie-bench-broadwell.json", &input, diagnostics), 0);
    uint32_t device = topology_find(input->topology, 0, 1, pci_devfn(0, 0))->id;
    uint32_t *unit_of = calloc(input->topology->function_count, sizeof(*unit_of)); /* unit 0 for all */
    struct mapping mapping = {.iova = 0x10000000,
                              .physical = 0x110000000,
                              .length = window_bytes,
                              .page_bytes = 4096,
                              .read = true};
    struct domain domain = {.name = "host",
                            .function_ids = &device,
                            .function_count = 1,
                            .mappings = &mapping,
                            .mapping_count = 1};
    struct stream stream = {.name = "reads",
                            .function_id = device,
                            .operation = STREAM_READ,
                            .pattern = PATTERN_RANDOM,
                            .base = mapping.iova,
                            .window_bytes = window_bytes,
                            .size_bytes = 64,
                            .alignment_bytes = 64,
                            .operations = 50000,
                            .warmup_operations = 20000,
                            .queue_depth = queue_depth};
    struct workload workload = {.domains = &domain, .domain_count = 1, .streams = &stream, .stream_count = 1};
    struct machine_options options = {.seed = 1, .unit_of = unit_of, .unit_count = 1};
    ck_assert_int_eq(machine_new(input, &workload, &options, &machine, diagnostics), 0);
    ck_assert_int_eq(machine_run(machine, diagnostics), 0);
    const struct stream_result *result = machine_stream_result(machine, 0);
    double mean_ns = (double)histogram_mean(&result->latency) / 1e3;
    *rate_mtps = (double)result->recorded * 1e6 / (double)(result->last_ps - result->first_ps);
    ck_assert_uint_eq(result->failed, 0);
    machine_free(machine);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    free(unit_of);
    return mean_ns;
}

/* Tolerance 2 %, as the recipe of the data asks: the timer of the device has a grain of 13 ns. */
START_TEST(single_read_latency_follows_the_window)
{
    static const struct {
        uint64_t window_kib;
        double mean_ns;
    } points[] = {{8, 555.0},    {64, 554.9},   {256, 555.0},  {512, 580.5},   {1024, 712.1}, {1536, 760.3},
                  {2048, 777.6}, {4096, 813.9}, {8192, 827.0}, {16384, 835.5}, {65536, 877.0}};
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        double rate, mean_ns = run(points[i].window_kib * 1024, 1, &rate);
        ck_assert_msg(fabs(mean_ns / points[i].mean_ns - 1) < 0.02, "%lu KiB: %.1f ns, measured %.1f",
                      points[i].window_kib, mean_ns, points[i].mean_ns);
    }
}
END_TEST

/* Root mean square error below 8 % without the 512 KiB window, which sits on a knee (5 % of walker time move
 * it by 10 %): 20 %. */
START_TEST(read_rate_collapses_like_the_measured_one)
{
    static const struct {
        uint64_t window_kib;
        double mtps;
    } points[] = {{4, 61.28},     {16, 62.66},    {256, 63.34},  {512, 43.64},  {1024, 29.67},
                  {1536, 25.47},  {2048, 23.68},  {3072, 22.05}, {4096, 21.33}, {8192, 20.32},
                  {16384, 19.82}, {32768, 19.35}, {65536, 19.20}};
    double squares = 0;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        double mtps;
        run(points[i].window_kib * 1024, 64, &mtps);
        double error = mtps / points[i].mtps - 1;
        ck_assert_msg(fabs(error) < 0.2, "%lu KiB: %.2f million reads/s, measured %.2f", points[i].window_kib,
                      mtps, points[i].mtps);
        squares += points[i].window_kib == 512 ? 0 : error * error;
    }
    double rms = sqrt(squares / (sizeof(points) / sizeof(points[0]) - 1));
    ck_assert_msg(rms < 0.08, "root mean square error %.1f %%", rms * 100);
}
END_TEST

Suite *published_suite(void)
{
    Suite *suite = suite_create("published");
    TCase *tests = tcase_create("published");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, single_read_latency_follows_the_window);
    tcase_add_test(tests, read_rate_collapses_like_the_measured_one);
    suite_add_tcase(suite, tests);
    return suite;
}
