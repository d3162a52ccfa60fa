/* SPDX-License-Identifier: MIT */
/* Interrupt messages: what became of them, and how long they took to a CPU. */
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>

/* ---- virtual CPUs ---- */

static struct virtual_cpu_counters sum_of(const struct result *result, uint32_t guest)
{
    struct virtual_cpu_counters sum = {0};
    for (uint32_t i = 0; i < result->simulation->workload->virtual_machines[guest].cpus.count; i++) {
        const struct virtual_cpu_counters *got =
            &machine_virtual_cpu(result->simulation->machine, guest, i)->counters;
        sum.posted += got->posted;
        sum.notices += got->notices;
        sum.wake_ups += got->wake_ups;
        sum.strays += got->strays;
        sum.loads += got->loads;
        sum.taken_at_load += got->taken_at_load;
        sum.taken += got->taken;
        sum.moves += got->moves;
    }
    return sum;
}

static const char *const phase_names[GUEST_PHASES] = {"before", "during", "after"};

static void json_guest(struct json_layout *layout, const struct result *result, uint32_t guest,
                       const struct guest_interrupts *got)
{
    const struct virtual_cpu_counters sum = sum_of(result, guest);
    layout_open(layout, NULL, '{');
    layout_string(layout, "name", result->simulation->workload->virtual_machines[guest].name);
    layout_format(layout, "posted", "%" PRIu64, sum.posted);
    layout_format(layout, "taken", "%" PRIu64, sum.taken);
    layout_format(layout, "taken_at_load", "%" PRIu64, sum.taken_at_load);
    layout_format(layout, "notices", "%" PRIu64, sum.notices);
    layout_format(layout, "wake_ups", "%" PRIu64, sum.wake_ups);
    layout_format(layout, "strays", "%" PRIu64, sum.strays);
    layout_format(layout, "loads", "%" PRIu64, sum.loads);
    layout_format(layout, "moves", "%" PRIu64, sum.moves);
    layout_open(layout, "latency", '{');
    for (int phase = 0; phase < GUEST_PHASES; phase++) {
        if (phase == GUEST_BEFORE || got->latency[phase].count)
            result_json_histogram(layout, phase_names[phase], &got->latency[phase]);
    }
    layout_close(layout, '}', true);
    layout_close(layout, '}', true);
}

static void json_guests(struct json_layout *layout, const struct result *result)
{
    const struct workload *workload = result->simulation->workload;
    bool any = false;
    for (uint32_t g = 0; g < workload->virtual_machine_count; g++) {
        const struct guest_interrupts *got = machine_guest_interrupts(result->simulation->machine, g);
        if (!got)
            continue;
        if (!any)
            layout_open(layout, "guests", '[');
        any = true;
        json_guest(layout, result, g, got);
    }
    if (any)
        layout_close(layout, ']', true);
}

static void text_latency(const struct histogram *latency, const char *when, struct text_buffer *out)
{
    char p50[AMOUNT_TEXT_SIZE], p99[AMOUNT_TEXT_SIZE], most[AMOUNT_TEXT_SIZE];
    if (latency->count)
        text_buffer_format(
            out, "           taken %s%" PRIu64 ": half within %s, 99 %% within %s, all within %s\n", when,
            latency->count, time_print(p50, histogram_percentile(latency, 500000)),
            time_print(p99, histogram_percentile(latency, 990000)), time_print(most, latency->maximum));
}

static void text_guest(const struct result *result, uint32_t guest, const struct guest_interrupts *got,
                       struct text_buffer *out)
{
    static const char *const when[GUEST_PHASES] = {"before the migration ", "during it ", "after it "};
    const struct virtual_cpu_counters sum = sum_of(result, guest);
    bool migrated = got->latency[GUEST_MIGRATING].count || got->latency[GUEST_AFTER].count;
    text_buffer_format(out,
                       "Guest CPUs of \"%s\": %" PRIu64 " interrupts posted, %" PRIu64
                       " notifications, %" PRIu64 " wake-ups, %" PRIu64 " of them found nobody; %" PRIu64
                       " waited for their CPU to be loaded; %" PRIu64 " loads, %" PRIu64 " on another CPU\n",
                       result->simulation->workload->virtual_machines[guest].name, sum.posted, sum.notices,
                       sum.wake_ups, sum.strays, sum.taken_at_load, sum.loads, sum.moves);
    for (int phase = 0; phase < GUEST_PHASES; phase++)
        text_latency(&got->latency[phase], migrated ? when[phase] : "", out);
}

/* ---- all ---- */

void result_json_interrupts(struct json_layout *layout, const struct result *result)
{
    const struct interrupt_counters *got = machine_interrupts(result->simulation->machine);
    if (!got->sent)
        return;
    layout_open(layout, "interrupts", '{');
    layout_format(layout, "sent", "%" PRIu64, got->sent);
    for (int outcome = 0; outcome < INTERRUPT_OUTCOMES; outcome++)
        layout_format(layout, interrupt_outcome_name((enum interrupt_outcome)outcome), "%" PRIu64,
                      got->outcomes[outcome]);
    layout_format(layout, "moves", "%" PRIu64, got->moves);
    layout_open(layout, "latency", '{');
    for (int outcome = 0; outcome < INTERRUPT_BLOCKED; outcome++) {
        if (got->latency[outcome].count)
            result_json_histogram(layout, interrupt_outcome_name((enum interrupt_outcome)outcome),
                                  &got->latency[outcome]);
    }
    layout_close(layout, '}', true);
    json_guests(layout, result);
    layout_close(layout, '}', true);
}

void result_text_interrupts(const struct result *result, struct text_buffer *out)
{
    const struct interrupt_counters *got = machine_interrupts(result->simulation->machine);
    if (!got->sent)
        return;
    text_buffer_format(out, "\nInterrupts %" PRIu64 " messages", got->sent);
    if (got->moves)
        text_buffer_format(out, ", moved to another CPU %" PRIu64 " times", got->moves);
    text_buffer_add(out, "\n");
    for (int outcome = 0; outcome < INTERRUPT_OUTCOMES; outcome++) {
        const struct histogram *latency = &got->latency[outcome];
        char mean[AMOUNT_TEXT_SIZE], most[AMOUNT_TEXT_SIZE];
        if (!got->outcomes[outcome])
            continue;
        text_buffer_format(out, "           %" PRIu64 " %s", got->outcomes[outcome],
                           interrupt_outcome_name((enum interrupt_outcome)outcome));
        if (latency->count)
            text_buffer_format(out, ": %s to the CPU on average, %s at most",
                               time_print(mean, histogram_mean(latency)), time_print(most, latency->maximum));
        text_buffer_add(out, "\n");
    }
    for (uint32_t g = 0; g < result->simulation->workload->virtual_machine_count; g++) {
        if (machine_guest_interrupts(result->simulation->machine, g))
            text_guest(result, g, machine_guest_interrupts(result->simulation->machine, g), out);
    }
}
