/* SPDX-License-Identifier: MIT */
#include "sim/kernel/histogram.h"

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
    if (other->count == 0)
        return;
    for (uint32_t i = histogram_bucket(other->minimum); i <= histogram_bucket(other->maximum); i++)
        histogram->buckets[i] += other->buckets[i];
    if (histogram->count == 0 || other->minimum < histogram->minimum)
        histogram->minimum = other->minimum;
    histogram->count += other->count;
    histogram->total += other->total;
    if (other->maximum > histogram->maximum)
        histogram->maximum = other->maximum;
}

uint64_t histogram_bucket_high(uint32_t index)
{
    if (index < HISTOGRAM_EXACT)
        return index;
    uint32_t octave = (index - HISTOGRAM_EXACT) / HISTOGRAM_STEPS + HISTOGRAM_SUB_BITS + 1;
    uint32_t step = (index - HISTOGRAM_EXACT) % HISTOGRAM_STEPS;
    unsigned shift = octave - HISTOGRAM_SUB_BITS;
    return ((UINT64_C(1) * HISTOGRAM_STEPS + step) << shift) + ((UINT64_C(1) << shift) - 1);
}

uint64_t histogram_percentile(const struct histogram *histogram, uint32_t per_million)
{
    if (histogram->count == 0)
        return 0;
    /* Rank of the wanted value, from 1: the smallest rank that covers the share. */
    __uint128_t scaled = (__uint128_t)histogram->count * per_million;
    uint64_t rank = (uint64_t)((scaled + 999999) / 1000000), seen = 0;
    if (rank == 0)
        return histogram->minimum;
    for (uint32_t i = histogram_bucket(histogram->minimum); i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank) {
            uint64_t high = histogram_bucket_high(i);
            uint64_t low = i ? histogram_bucket_high(i - 1) + 1 : 0;
            uint64_t middle = low + (high - low) / 2;
            middle = middle < histogram->minimum ? histogram->minimum : middle;
            return middle > histogram->maximum ? histogram->maximum : middle;
        }
    }
    return histogram->maximum;
}

uint64_t histogram_mean(const struct histogram *histogram)
{
    return histogram->count ? (uint64_t)((histogram->total + histogram->count / 2) / histogram->count) : 0;
}
