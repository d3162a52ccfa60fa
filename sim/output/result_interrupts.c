/* SPDX-License-Identifier: MIT */
/* Interrupt messages: what became of them, and how long they took to a CPU. */
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>

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
}
