/* SPDX-License-Identifier: MIT */
/* Where requests waited, and for how long: every queue of the machine. */
#include "sim/input/json_layout.h"
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>
#include <stdio.h>

enum { QUEUES_SHOWN = 8, QUEUE_NAME_SIZE = 64 };

/* ORDER: enum machine_queue_kind */
/* In documents, and in words for tables: what the owner's name follows. */
static const struct {
    const char *kind, *words;
} queue_names[QUEUE_KINDS] = {
    [QUEUE_STREAM] = {"stream", "stream"},
    [QUEUE_ENGINE] = {"engine", "tags or the link, in the device"},
    [QUEUE_CHANNEL] = {"link", "link"},
    [QUEUE_WALKERS] = {"walkers", "walkers of"},
    [QUEUE_PAGE_REQUESTS] = {"page-requests", "service of page requests, in"},
    [QUEUE_COMPLETER] = {"completer", "completions of"},
    [QUEUE_READ_SLOTS] = {"read-slots", "read slots of the root complex"},
    [QUEUE_ORDER] = {"order", "order, behind posted requests"},
};

static void print_function(const struct result *result, uint32_t function_id, const char *after, char *text)
{
    char address[BDF_TEXT_SIZE] = "root complex";
    if (function_id != NONE) {
        const struct pci_function *function = &result->simulation->input->topology->functions[function_id];
        bdf_print(address, function->segment, function->bus, function->devfn);
    }
    snprintf(text, QUEUE_NAME_SIZE, "%s%s", address, after);
}

/* Whose queue it is: a stream, a unit, an address, an address and a direction. */
static const char *print_owner(const struct result *result, const struct machine_queue *queue, char *text)
{
    const struct machine *machine = result->simulation->machine;
    const struct channel *channel;
    char label[24];
    text[0] = '\0';
    switch (queue->kind) {
    case QUEUE_STREAM:
        snprintf(text, QUEUE_NAME_SIZE, "%s", result->simulation->workload->streams[queue->id].name);
        break;
    case QUEUE_ENGINE:
        print_function(result, queue->id, "", text);
        break;
    case QUEUE_CHANNEL:
        channel = &machine_transport(machine)->channels[queue->id];
        snprintf(label, sizeof(label), channel->vc ? "%s VC%u" : "%s",
                 channel->upward                          ? " up"
                 : channel->from_node == channel->to_node ? " across"
                                                          : " down",
                 channel->vc);
        print_function(result, channel->function_id, label, text);
        break;
    case QUEUE_WALKERS:
    case QUEUE_PAGE_REQUESTS:
        snprintf(text, QUEUE_NAME_SIZE, "%s", unit_label(result, queue->id, label));
        break;
    case QUEUE_COMPLETER:
        print_function(result, machine_completer_function(machine, queue->id), "", text);
        break;
    case QUEUE_READ_SLOTS:
    case QUEUE_ORDER:
    case QUEUE_KINDS:
        break;
    }
    return text;
}

void result_json_queues(struct json_layout *layout, const struct result *result)
{
    const struct machine *machine = result->simulation->machine;
    char owner[QUEUE_NAME_SIZE], ratio[RATIO_TEXT_SIZE], wide[WIDE_TEXT_SIZE];
    layout_open(layout, "queues", '[');
    for (uint32_t i = 0; i < machine_queue_count(machine); i++) {
        struct machine_queue queue = machine_queue(machine, i);
        const struct queue_meter *meter = queue.meter;
        if (!meter->high)
            continue;
        layout_open(layout, NULL, '{');
        layout_string(layout, "kind", queue_names[queue.kind].kind);
        if (*print_owner(result, &queue, owner))
            layout_string(layout, "owner", owner);
        layout_format(layout, "arrivals", "%" PRIu64, meter->arrivals);
        layout_format(layout, "longest", "%" PRIu64, meter->high);
        layout_raw(layout, "mean_length",
                   ratio_print(ratio, machine_queue_area(machine, meter), measured_ps(result)));
        if (meter->departures)
            layout_raw(layout, "mean_wait_ps",
                       wide_print(wide, (meter->waited + meter->departures / 2) / meter->departures));
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

/* The queues in which most time was spent, by the area under their length; streams aside, whose operations
 * are the workload. */
static uint32_t longest(const struct result *result, struct machine_queue *found)
{
    const struct machine *machine = result->simulation->machine;
    uint32_t count = 0;
    for (uint32_t i = 0; i < machine_queue_count(machine); i++) {
        struct machine_queue queue = machine_queue(machine, i);
        __uint128_t area = machine_queue_area(machine, queue.meter);
        uint32_t at = count < QUEUES_SHOWN ? count : QUEUES_SHOWN - 1;
        if (queue.kind == QUEUE_STREAM || !area ||
            (count == QUEUES_SHOWN && machine_queue_area(machine, found[at].meter) >= area))
            continue;
        count += count < QUEUES_SHOWN;
        for (; at > 0 && machine_queue_area(machine, found[at - 1].meter) < area; at--)
            found[at] = found[at - 1];
        found[at] = queue;
    }
    return count;
}

void result_text_queues(const struct result *result, struct text_buffer *out)
{
    const struct machine *machine = result->simulation->machine;
    struct machine_queue found[QUEUES_SHOWN];
    uint32_t count = longest(result, found);
    if (!count)
        return;
    text_buffer_format(out, "\n%-50s %11s %11s %9s %11s\n", "Waiting for", "arrivals", "mean queue",
                       "longest", "mean wait");
    for (uint32_t i = 0; i < count; i++) {
        const struct queue_meter *meter = found[i].meter;
        char owner[QUEUE_NAME_SIZE], name[2 * QUEUE_NAME_SIZE], arrivals[AMOUNT_TEXT_SIZE],
            wait[AMOUNT_TEXT_SIZE] = "-";
        print_owner(result, &found[i], owner);
        snprintf(name, sizeof(name), "%s%s%s", queue_names[found[i].kind].words, *owner ? " " : "", owner);
        __uint128_t hundredths =
            measured_ps(result)
                ? (machine_queue_area(machine, meter) * 100 + measured_ps(result) / 2) / measured_ps(result)
                : 0;
        if (meter->departures)
            time_print(wait, (uint64_t)((meter->waited + meter->departures / 2) / meter->departures));
        text_buffer_format(out, "%-50.50s %11s %8" PRIu64 ".%02u %9" PRIu64 " %11s\n", name,
                           amount_print(arrivals, meter->arrivals), (uint64_t)(hundredths / 100),
                           (unsigned)(hundredths % 100), meter->high, wait);
    }
}
