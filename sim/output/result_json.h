/* SPDX-License-Identifier: MIT */
/**
 * @file result_json.h
 * The result document, `iommusim-result/1`. Keys have a fixed order, times are whole picoseconds, ratios have
 * at most six decimals, and nothing in it comes from a wall clock: the same inputs and seed give the same
 * bytes. What the keys mean is said in sim/output/README.md.
 */
#ifndef IOMMUSIM_OUTPUT_RESULT_JSON_H
#define IOMMUSIM_OUTPUT_RESULT_JSON_H

#include "sim/base/text_buffer.h"
#include "sim/input/json_layout.h"
#include "sim/output/result.h"

/** Append the document. */
void result_json_write(const struct result *result, struct text_buffer *out);

/* Parts, for the files of the writer. */
void result_json_streams(struct json_layout *layout, const struct result *result);
void result_json_device_model(struct json_layout *layout, const struct result *result, uint32_t stream);
void result_json_devices(struct json_layout *layout, const struct result *result);
void result_json_units(struct json_layout *layout, const struct result *result);
void result_json_host(struct json_layout *layout, const struct result *result);
void result_json_refusals(struct json_layout *layout, const struct result *result);
void result_json_faults(struct json_layout *layout, const struct result *result);
void result_json_domains(struct json_layout *layout, const struct result *result);
/** Virtual machines (result_guests.c). */
void result_json_guests(struct json_layout *layout, const struct result *result);
/** CPU time of drivers, bounce buffers (result_drivers.c). */
void result_json_drivers(struct json_layout *layout, const struct result *result);
/** Of a stream, in its object; of a domain, in its. */
void result_json_buffers(struct json_layout *layout, const struct buffer_counters *got);
void result_json_iova(struct json_layout *layout, const struct iova_allocator *allocator);
/** Live migrations, where there were some (result_migrations.c). */
void result_json_migrations(struct json_layout *layout, const struct result *result);
/** What the virtual IOMMU of a guest's domain did (result_viommu.c). */
void result_json_viommu(struct json_layout *layout, const struct viommu *viommu);
/** Count, extremes, percentiles and sum of a histogram of picoseconds. */
void result_json_histogram(struct json_layout *layout, const char *key, const struct histogram *histogram);
void result_json_interrupts(struct json_layout *layout, const struct result *result);
void result_json_links(struct json_layout *layout, const struct result *result);
void result_json_queues(struct json_layout *layout, const struct result *result);
/** What sets a stream's rate (result_limits.c). */
void result_json_limit(struct json_layout *layout, const struct result *result, uint32_t stream);

#endif
