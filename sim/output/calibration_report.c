/* SPDX-License-Identifier: MIT */
#include "sim/output/calibration_report.h"

#include "sim/base/units.h"
#include "sim/input/json_layout.h"

#include <inttypes.h>
#include <math.h>

static void write_row(struct json_layout *layout, const char *key, const char *value, const char *label,
                      const char *source)
{
    layout->fresh_line = true;
    layout_open(layout, key, '{');
    layout_raw(layout, "value", value);
    layout_string(layout, "label", label);
    layout_string(layout, "source", source);
    layout_close(layout, '}', false);
}

static void write_value(struct json_layout *layout, const char *key, const char *value, const char *why,
                        const char *source)
{
    struct text_buffer words = {0};
    text_buffer_format(&words, "%s: %s", why, source);
    write_row(layout, key, value, "fitted", text_buffer_get(&words));
    text_buffer_fini(&words);
}

static void write_time(struct json_layout *layout, const char *key, uint64_t ps, const char *why,
                       const char *source)
{
    char time[48];
    struct text_buffer value = {0};
    text_buffer_json_string(&value, unit_print(time, sizeof(time), ps, UNIT_PICOSECONDS));
    write_value(layout, key, text_buffer_get(&value), why, source);
    text_buffer_fini(&value);
}

static void write_unit(struct json_layout *layout, const struct host_calibration *calibration,
                       const char *source)
{
    char walkers[24];
    snprintf(walkers, sizeof(walkers), "%" PRIu32, calibration->walkers);
    layout_open(layout, "iommu", '{');
    write_time(layout, "walk_fixed", calibration->walk_fixed_ps,
               "what walk_read and DRAM leave of the miss penalty", source);
    write_time(layout, "walk_read", calibration->walk_read_ps,
               "one page-table entry of the miss penalty; the split is a guess", source);
    write_value(layout, "walkers", walkers, "misses under way at the plateau, by Little's law", source);
    write_time(layout, "walker_recovery", calibration->walker_recovery_ps,
               "so many walkers then do the plateau's walks exactly", source);
    if (calibration->reserve_entry)
        write_row(layout, "reserve_entry", "true", "assumed",
                  "as on the Xeon E5-2630 v4, with a device whose reads in flight are known");
    layout_close(layout, '}', true);
}

void calibration_write_preset(const char *name, const char *source,
                              const struct host_measurements *measurements,
                              const struct host_calibration *calibration, struct text_buffer *out)
{
    struct json_layout layout = {.out = out};
    struct text_buffer summary = {0};
    const char *split = "half of what device, link and cache leave of the base latency; the split is a guess";
    text_buffer_format(&summary,
                       "A host of three measurements: base latency %.1f ns, miss penalty %.1f ns, "
                       "plateau %.3f million reads/s",
                       (double)measurements->base_latency_ps / 1e3,
                       (double)measurements->miss_penalty_ps / 1e3,
                       (double)measurements->plateau_per_s / 1e6);
    layout_open(&layout, NULL, '{');
    layout_string(&layout, "format", "iommusim-preset/1");
    layout_string(&layout, "name", name);
    layout_string(&layout, "summary", text_buffer_get(&summary));
    layout_open(&layout, "parameters", '{');
    layout_open(&layout, "root_complex", '{');
    write_time(&layout, "request_latency", calibration->request_latency_ps, split, source);
    write_time(&layout, "completion_latency", calibration->completion_latency_ps, split, source);
    layout_close(&layout, '}', true);
    layout_open(&layout, "memory", '{');
    write_value(&layout, "table_source", measurements->tables_in_dram ? "\"dram\"" : "\"llc\"",
                measurements->tables_in_dram ? "table reads go to DRAM"
                                             : "table reads are served by the cache",
                source);
    layout_close(&layout, '}', true);
    write_unit(&layout, calibration, source);
    layout_close(&layout, '}', true);
    layout_close(&layout, '}', true);
    text_buffer_add(out, "\n");
    text_buffer_fini(&summary);
}

static double write_line(struct text_buffer *out, const char *what, double given, double simulated,
                         const char *unit)
{
    double error = simulated / given - 1;
    text_buffer_format(out, "%-14s %9.2f %s given, %9.2f %s simulated, %+.1f %%\n", what, given, unit,
                       simulated, unit, 100 * error);
    return fabs(error);
}

double calibration_write_comparison(const struct host_measurements *given,
                                    const struct host_measurements *simulated, struct text_buffer *out)
{
    double errors[] = {write_line(out, "base latency", (double)given->base_latency_ps / 1e3,
                                  (double)simulated->base_latency_ps / 1e3, "ns"),
                       write_line(out, "miss penalty", (double)given->miss_penalty_ps / 1e3,
                                  (double)simulated->miss_penalty_ps / 1e3, "ns"),
                       write_line(out, "plateau", (double)given->plateau_per_s / 1e6,
                                  (double)simulated->plateau_per_s / 1e6, "M/s")};
    double largest = 0;
    for (int i = 0; i < 3; i++)
        largest = errors[i] > largest ? errors[i] : largest;
    return largest;
}
