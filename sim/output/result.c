/* SPDX-License-Identifier: MIT */
#include "sim/output/result.h"

#include "sim/base/arena.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct result_totals result_totals(const struct result *result)
{
    struct result_totals totals = {0};
    for (uint32_t i = 0; i < result->simulation->workload->stream_count; i++) {
        const struct stream_result *stream = machine_stream_result(result->simulation->machine, i);
        totals.completed += stream->completed;
        totals.failed += stream->failed;
        totals.unfinished += stream->submitted - stream->completed;
        totals.retried += stream->retried;
        totals.timeouts += stream->timeouts;
    }
    for (uint32_t i = 0; i < result->simulation->options.unit_count; i++)
        totals.faults += fault_log_seen(machine_fault_log(result->simulation->machine, i));
    return totals;
}

bool result_overloaded(const struct result *result)
{
    bool overloaded = false;
    for (uint32_t i = 0; i < result->simulation->workload->stream_count; i++)
        overloaded |= machine_stream_result(result->simulation->machine, i)->overloaded;
    return overloaded;
}

enum reach_leak result_peer_leak(const struct result *result, const struct observed_peer *peer)
{
    const struct simulation *simulation = result->simulation;
    if (peer->kind != OBSERVED_UNTRANSLATED)
        return REACH_LEAK; /* whoever shares its group: software had taken it back, or never gave it */
    if (peer->target_id == NONE)
        return REACH_NO_LEAK; /* no unit has its function in scope, so no group speaks for it */
    struct reach_result answer = reach_pair(simulation->reach, peer->source_id, peer->target_id);
    if (answer.outcome != REACH_REACHES) { /* what was seen counts */
        answer.outcome = REACH_REACHES;
        answer.at_id = NONE;
    }
    return reach_leak(simulation->groups, &answer, peer->source_id, peer->target_id);
}

uint32_t result_observed_leaks(const struct result *result)
{
    const struct observed_peer *peers;
    uint32_t count = machine_observed_peers(result->simulation->machine, &peers), leaks = 0;
    for (uint32_t i = 0; i < count; i++)
        leaks += result_peer_leak(result, &peers[i]) == REACH_LEAK;
    return leaks;
}

uint64_t result_rate(uint64_t amount, uint64_t elapsed_ps)
{
    if (!elapsed_ps)
        return 0;
    return (uint64_t)(((__uint128_t)amount * 1000000000000 + elapsed_ps / 2) / elapsed_ps);
}

char *ratio_print(char *text, __uint128_t part, __uint128_t whole)
{
    if (!whole) {
        snprintf(text, RATIO_TEXT_SIZE, "null");
        return text;
    }
    uint64_t millionths = (uint64_t)((part * 1000000 + whole / 2) / whole);
    int length =
        snprintf(text, RATIO_TEXT_SIZE, "%" PRIu64 ".%06" PRIu64, millionths / 1000000, millionths % 1000000);
    while (text[length - 1] == '0')
        text[--length] = '\0';
    if (text[length - 1] == '.')
        text[length - 1] = '\0';
    return text;
}

char *wide_print(char *text, __uint128_t value)
{
    char digits[WIDE_TEXT_SIZE];
    size_t at = sizeof(digits);
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value);
    return memcpy(text, digits + at, sizeof(digits) - at);
}

uint64_t measured_ps(const struct result *result)
{
    const struct machine *machine = result->simulation->machine;
    return machine_end_ps(machine) - machine_measured_from_ps(machine);
}

__uint128_t unit_walker_busy_ps(const struct result *result, uint32_t unit)
{
    const struct remapping_unit *remapping = machine_unit(result->simulation->machine, unit);
    return machine_queue_area(result->simulation->machine, &remapping->walking);
}

__uint128_t unit_walker_time_ps(const struct result *result, uint32_t unit)
{
    const struct remapping_unit *remapping = machine_unit(result->simulation->machine, unit);
    return (__uint128_t)measured_ps(result) * remapping->parameters.walkers;
}

const char *unit_label(const struct result *result, uint32_t unit, char *text)
{
    const char *name = result->simulation->groups->coverage->units[unit].name;
    snprintf(text, 24, "unit%" PRIu32, unit);
    return name ? name : text;
}

char *result_hash_file(const char *path)
{
    enum { CHUNK = 1 << 16 };
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    XXH3_state_t *state = XXH3_createState();
    char *chunk = memory_alloc(CHUNK), *text = NULL;
    XXH3_128bits_reset(state);
    for (size_t got; (got = fread(chunk, 1, CHUNK, file)) > 0;)
        XXH3_128bits_update(state, chunk, got);
    if (!ferror(file)) {
        XXH128_hash_t hash = XXH3_128bits_digest(state);
        text = memory_alloc(33);
        snprintf(text, 33, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
    }
    free(chunk);
    XXH3_freeState(state);
    fclose(file);
    return text;
}
