/* SPDX-License-Identifier: MIT */
/* What sets the rate of each stream, and where it could be changed. */
#include "sim/machine/stream_limit.h"
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>
#include <stdio.h>

enum { LIMITS_SHOWN = 8, OWNER_SIZE = 64, NAME_WIDTH = 18 };

/* ORDER: enum stream_limit_kind. Words go before the owner's name. */
static const struct {
    const char *kind, *words, *parameter;
} limit_names[] = {
    [LIMIT_LINK] = {"link", "the link above ", NULL},
    [LIMIT_MEMORY] = {"memory", "host memory", "memory/bandwidth"},
    [LIMIT_WALKERS] = {"walkers", "the walkers of ", "iommu/walkers"},
    [LIMIT_LOOKUPS] = {"lookups", "lookups in ", "iommu/lookup_interval"},
    [LIMIT_CPU] = {"cpu", "the driver on CPU ", "driver, dma_api"},
    [LIMIT_PACE] = {"pace", "the pace at which operations begin in ", "endpoint/*_issue_interval"},
    [LIMIT_SHARED_RATE] = {"shared-rate", "the rate that reads and writes share in ", "endpoint/shared_rate"},
    [LIMIT_MEDIA] = {"media", "the flash of ", "nvme/media_rate"},
    [LIMIT_WIRE] = {"wire", "the Ethernet wire of ", "nic/rate"},
    [LIMIT_POSTED_WALKS] = {"posted-walks", "walks for writes in ", "iommu/posted_walks"},
    [LIMIT_READ_SLOTS] = {"read-slots", "read slots of the root complex", "root_complex/reads_in_flight"},
    [LIMIT_CREDITS] = {"credits", " credits of the link above ", "link/*_credits"},
    [LIMIT_BULK_READS] = {"bulk-reads", "large reads at once in ", "endpoint/bulk_reads"},
    [LIMIT_READ_WINDOW] = {"read-window", "reads that end in order in ", "endpoint/read_window"},
    [LIMIT_TAGS] = {"tags", "tags of ", "endpoint/tags"},
    [LIMIT_OFFERED] = {"offered", "what it asks for", NULL},
    [LIMIT_DEPTH] = {"queue-depth", "its own queue depth", "queue_depth"},
    [LIMIT_DEVICE] = {"device", "what its device and driver are given to do", NULL},
    [LIMIT_NONE] = {"none", "nothing: it never ran, as its device was not the guest's in time", NULL},
};

static const char *const flow_names[] = {"posted", "non-posted", "completion"}; /* ORDER: enum flow_class */

static bool is_channel(const struct stream_limit *limit)
{
    return limit->kind == LIMIT_LINK || limit->kind == LIMIT_CREDITS;
}

static const struct channel *channel_of(const struct result *result, const struct stream_limit *limit)
{
    return &machine_transport(result->simulation->machine)->channels[limit->id];
}

static const char *print_address(const struct result *result, uint32_t function_id, char *text)
{
    const struct pci_function *function = &result->simulation->input->topology->functions[function_id];
    return bdf_print(text, function->segment, function->bus, function->devfn);
}

/* Whose it is: a unit, a CPU, a function, or one with a direction; empty where there is one only. */
static const char *print_owner(const struct result *result, const struct stream_limit *limit, char *text)
{
    char name[24];
    text[0] = '\0';
    if (limit->id == NONE)
        return text;
    if (is_channel(limit)) {
        const struct channel *channel = channel_of(result, limit);
        snprintf(text, OWNER_SIZE, "%s %s", print_address(result, channel->function_id, name),
                 channel->upward ? "up" : "down");
    } else if (limit->kind == LIMIT_WALKERS || limit->kind == LIMIT_LOOKUPS ||
               limit->kind == LIMIT_POSTED_WALKS) {
        snprintf(text, OWNER_SIZE, "%s", unit_label(result, limit->id, name));
    } else if (limit->kind == LIMIT_CPU) {
        snprintf(text, OWNER_SIZE, "%" PRIu32, limit->id);
    } else {
        print_address(result, limit->id, text);
    }
    return text;
}

/* How many there are. */
static void write_number(const struct result *result, const struct stream_limit *limit,
                         struct text_buffer *out)
{
    const struct machine *machine = result->simulation->machine;
    const struct credit_account *account;
    switch (limit->kind) {
    case LIMIT_TAGS:
        text_buffer_format(out, "%" PRIu32 " ", machine_engine(machine, limit->id)->parameters.tags);
        break;
    case LIMIT_BULK_READS:
        text_buffer_format(out, "%" PRIu32 " ", machine_engine(machine, limit->id)->parameters.bulk_reads);
        break;
    case LIMIT_READ_WINDOW:
        text_buffer_format(out, "%" PRIu32 " ", machine_engine(machine, limit->id)->parameters.read_window);
        break;
    case LIMIT_READ_SLOTS:
        text_buffer_format(out, "%" PRIu32 " ", machine_root_complex(machine)->parameters.reads_in_flight);
        break;
    case LIMIT_CREDITS:
        account = &channel_of(result, limit)->credits[channel_of(result, limit)->starved_flow];
        text_buffer_format(out, "%" PRIu32 " header and %" PRIu32 " data %s", account->headers_limit,
                           account->data_limit, flow_names[channel_of(result, limit)->starved_flow]);
        break;
    default:
        break;
    }
}

static void write_limit(const struct result *result, uint32_t stream, struct text_buffer *out)
{
    struct stream_limit limit = machine_stream_limit(result->simulation->machine, stream);
    char owner[OWNER_SIZE], share[AMOUNT_TEXT_SIZE];
    write_number(result, &limit, out);
    text_buffer_format(out, "%s%s", limit_names[limit.kind].words, print_owner(result, &limit, owner));
    if (limit.whole_ps && limit.kind == LIMIT_CREDITS)
        text_buffer_format(out, ", none left %s of the time that its wires are free",
                           percent_print(share, limit.part_ps, limit.whole_ps));
    else if (limit.whole_ps)
        text_buffer_format(out, ", %s %s of the time",
                           limit.kind >= LIMIT_POSTED_WALKS ? "used up" : "at work",
                           percent_print(share, limit.part_ps, limit.whole_ps));
    else if (limit.kind == LIMIT_DEPTH)
        text_buffer_add(out, ": nothing on its way is used up");
    if (limit_names[limit.kind].parameter)
        text_buffer_format(out, " (%s)", limit_names[limit.kind].parameter);
}

void result_text_limits(const struct result *result, struct text_buffer *out)
{
    const struct workload *workload = result->simulation->workload;
    text_buffer_add(out, "\nLimited by\n");
    for (uint32_t i = 0; i < workload->stream_count && i < LIMITS_SHOWN; i++) {
        text_buffer_format(out, "%-*.*s ", NAME_WIDTH, NAME_WIDTH, workload->streams[i].name);
        write_limit(result, i, out);
        text_buffer_add(out, "\n");
    }
    if (workload->stream_count > LIMITS_SHOWN)
        text_buffer_format(out, "  ... and %" PRIu32 " more streams (--format json has all)\n",
                           workload->stream_count - LIMITS_SHOWN);
}

void result_json_limit(struct json_layout *layout, const struct result *result, uint32_t stream)
{
    struct stream_limit limit = machine_stream_limit(result->simulation->machine, stream);
    char owner[OWNER_SIZE], ratio[RATIO_TEXT_SIZE];
    layout_open(layout, "limit", '{');
    layout_string(layout, "kind", limit_names[limit.kind].kind);
    if (*print_owner(result, &limit, owner))
        layout_string(layout, "owner", owner);
    if (limit.kind == LIMIT_CREDITS)
        layout_string(layout, "class", flow_names[channel_of(result, &limit)->starved_flow]);
    if (limit.whole_ps)
        layout_raw(layout, "share", ratio_print(ratio, limit.part_ps, limit.whole_ps));
    if (limit_names[limit.kind].parameter)
        layout_string(layout, "parameter", limit_names[limit.kind].parameter);
    layout_close(layout, '}', false);
}
