/* SPDX-License-Identifier: MIT */
/**
 * @file result_text.h
 * A run for people: throughput and latency of each stream, where the time went, caches, walkers, links,
 * groups and leaks, within 100 columns. This text may change; the result document is the one to parse.
 */
#ifndef IOMMUSIM_OUTPUT_RESULT_TEXT_H
#define IOMMUSIM_OUTPUT_RESULT_TEXT_H

#include "sim/base/text_buffer.h"
#include "sim/output/result.h"

/** Append the tables. */
void result_text_write(const struct result *result, struct text_buffer *out);

/** Part of it: interrupt messages (result_interrupts.c). */
void result_text_interrupts(const struct result *result, struct text_buffer *out);
/** Part of it: what the units refused (result_faults.c). */
void result_text_refusals(const struct result *result, struct text_buffer *out);
void result_text_faults(const struct result *result, struct text_buffer *out);
/** Part of it: what was mapped and unmapped during the run (result_domains.c). */
void result_text_domains(const struct result *result, struct text_buffer *out);
/** Part of that: virtual machines (result_guests.c). */
void result_text_guests(const struct result *result, struct text_buffer *out);
/** Part of that: CPU time of drivers, buffers, bounce buffers (result_drivers.c). */
void result_text_drivers(const struct result *result, struct text_buffer *out);
/** Live migrations, where there were some. */
void result_text_migrations(const struct result *result, struct text_buffer *out);
/** What the virtual IOMMU of a guest's domain did, where it was used. */
void result_text_viommu(const struct domain *domain, const struct viommu *viommu, struct text_buffer *out);

/** Another: what sets the rate of each stream (result_limits.c). */
void result_text_limits(const struct result *result, struct text_buffer *out);

/** Another: where requests waited (result_queues.c). */
void result_text_queues(const struct result *result, struct text_buffer *out);

/** Another: what each device of a trace did (result_devices.c). */
void result_text_devices(const struct result *result, struct text_buffer *out);

/** Another: what devices with their drivers did (result_device_models.c). */
void result_text_device_models(const struct result *result, struct text_buffer *out);

/** What a stream issues, in a word: "read", "trace", "nic". */
const char *stream_operation_text(const struct stream *stream);

enum { AMOUNT_TEXT_SIZE = 24 };

/** A time in at most four significant digits and a fitting unit: "612.3 ns", "15.80 us". @return text */
char *time_print(char *text, uint64_t time_ps);

/** A share in percent with one decimal; "-" of nothing. @return text */
char *percent_print(char *text, __uint128_t part, __uint128_t whole);

/** A rate or count with a decimal prefix: "63.29 M" for 63290000. @return text */
char *amount_print(char *text, uint64_t amount);

#endif
