/* SPDX-License-Identifier: MIT */
/**
 * @file histogram.h
 * A mergeable log-linear histogram of latencies: values below 1024 exact, above with 512 steps an
 * octave, so that any percentile is within 0.1 % of the exact one. Fixed size, no allocation, any 64-bit
 * value. All zeros is an empty histogram: thousands of them in zeroed memory take no page until used, and
 * then those of their values only.
 *
 * The layout follows the idea of HdrHistogram (G. Tene); mean and total are exact sums, not bucket estimates.
 */
#ifndef IOMMUSIM_KERNEL_HISTOGRAM_H
#define IOMMUSIM_KERNEL_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 9,
    HISTOGRAM_STEPS = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_EXACT = 2 * HISTOGRAM_STEPS, /**< values below have a bucket each */
    HISTOGRAM_BUCKETS = HISTOGRAM_EXACT + (64 - HISTOGRAM_SUB_BITS - 1) * HISTOGRAM_STEPS,
};

struct histogram {
    uint64_t count;
    uint64_t minimum, maximum; /**< exact; 0 while empty */
    __uint128_t total;         /**< exact sum */
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/** Index of the bucket of @p value. */
static inline uint32_t histogram_bucket(uint64_t value)
{
    if (value < HISTOGRAM_EXACT)
        return (uint32_t)value;
    unsigned octave = 63U - (unsigned)__builtin_clzll(value); /* SUB_BITS + 1 .. 63 */
    return HISTOGRAM_EXACT + (octave - HISTOGRAM_SUB_BITS - 1U) * HISTOGRAM_STEPS +
           (uint32_t)(value >> (octave - HISTOGRAM_SUB_BITS)) - HISTOGRAM_STEPS;
}

/** Record one value. */
static inline void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->buckets[histogram_bucket(value)]++;
    histogram->minimum = histogram->count == 0 || value < histogram->minimum ? value : histogram->minimum;
    histogram->count++;
    histogram->total += value;
    histogram->maximum = value > histogram->maximum ? value : histogram->maximum;
}

/** Add all of @p other to @p histogram: the result equals recording both series into one. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/**
 * The value at or below which @p per_million / 10^6 of the recorded values lie (500000 = median, 999900 =
 * p99.99), within 0.1 %; never outside minimum..maximum. 0 while empty.
 */
uint64_t histogram_percentile(const struct histogram *histogram, uint32_t per_million);

/** Mean, rounded to nearest; 0 while empty. */
uint64_t histogram_mean(const struct histogram *histogram);

/** Largest value of bucket @p index. */
uint64_t histogram_bucket_high(uint32_t index);

#endif
