/* SPDX-License-Identifier: MIT */
/* `make bench`: a small table on standard output, the same as JSON into the file named by the first argument.
 * Rates are per CPU second; each is the median of five runs, so that one disturbed run does not count. */
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REPEATS = 5 };

double bench_cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct report {
    FILE *json;
    bool first;
};

static void row(struct report *report, const char *name, const char *unit, double rates[REPEATS],
                const char *extra, double value)
{
    qsort(rates, REPEATS, sizeof(double), compare);
    double median = rates[REPEATS / 2];
    printf("%-44s %9.3f M %s/s   (%.3f .. %.3f)", name, median / 1e6, unit, rates[0] / 1e6,
           rates[REPEATS - 1] / 1e6);
    if (extra)
        printf("   %s %.3f", extra, value);
    putchar('\n');
    if (report->json) {
        fprintf(report->json,
                "%s\n  {\"name\": \"%s\", \"unit\": \"%s/s\", \"median\": %.0f, \"minimum\": %.0f, "
                "\"maximum\": %.0f}",
                report->first ? "" : ",", name, unit, median, rates[0], rates[REPEATS - 1]);
        report->first = false;
    }
}

int main(int argc, char **argv)
{
    struct report report = {.json = argc > 1 ? fopen(argv[1], "w") : NULL, .first = true};
    double rates[REPEATS], extra = 0;
    char name[64];
    if (argc > 1 && !report.json) {
        perror(argv[1]);
        return 3;
    }
    if (report.json)
        fputs("{\"format\": \"iommusim-bench/1\", \"per\": \"CPU second\", \"rows\": [", report.json);
    static const unsigned pending[] = {16, 1024, 65536};
    for (int i = 0; i < 3; i++) {
        for (int r = 0; r < REPEATS; r++)
            rates[r] = bench_queue_hold(pending[i], 4000000);
        snprintf(name, sizeof(name), "event queue, hold model, %u pending", pending[i]);
        row(&report, name, "events", rates, NULL, 0);
    }
    static const uint32_t tenants[] = {1, 64, 1024};
    for (int i = 0; i < 3; i++) {
        for (int r = 0; r < REPEATS; r++)
            rates[r] = bench_translations(tenants[i], 1000000, &extra);
        snprintf(name, sizeof(name), "timed translations, T3, %u tenants", tenants[i]);
        row(&report, name, "translations", rates, "IOTLB hit rate", extra);
    }
    static const struct {
        bool write;
        uint64_t size, operations;
        const char *name;
    } dma[] = {{false, 64, 200000, "64 B DMA reads through two switches"},
               {true, 4096, 20000, "4 KiB DMA writes through two switches"}};
    for (int i = 0; i < 2; i++) {
        for (int r = 0; r < REPEATS; r++)
            rates[r] = bench_dma(dma[i].write, dma[i].size, dma[i].operations, &extra);
        row(&report, dma[i].name, "operations", rates, "events each", extra);
    }
    if (report.json) {
        fputs("\n]}\n", report.json);
        fclose(report.json);
    }
    return 0;
}
