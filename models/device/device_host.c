/* SPDX-License-Identifier: MIT */
#include "models/device/device_host.h"

#define TIME(key, member, text)                                                                              \
    FIELD_ROW_QUANTITY(driver_parameters, key, member, UNIT_PICOSECONDS, 0, 1000000000, text)

static const struct field fields[] = {
    TIME("interrupt", interrupt_ps,
         "CPU time from an interrupt handler's first instruction to the driver looking at completions"),
    TIME("packet", packet_ps, "CPU time of a packet in driver and network stack, without its bytes"),
    TIME("packet_kib", packet_kib_ps, "CPU time of each KiB of a packet: copying it"),
    TIME("acknowledgement", acknowledgement_ps,
         "CPU time for each acknowledgement sent: what the stack does once for all packets it answers"),
    TIME("command_submit", command_submit_ps, "CPU time to prepare a command of a disk or copy engine"),
    TIME("command_complete", command_complete_ps, "CPU time to complete it"),
    TIME("doorbell", doorbell_ps, "CPU time of a write to a register of a device"),
    TIME(
        "doorbell_latency", doorbell_latency_ps,
        "that write from the core to the root port, and in the device until it acts on it; the links between "
        "are apart"),
};

const struct field_table driver_fields = {"driver", "what drivers cost CPUs besides the DMA API", fields,
                                          sizeof(fields) / sizeof(fields[0]),
                                          sizeof(struct driver_parameters)};

enum { UNSTEADY_PART = 20 }; /* 5 % */

/* Begun, done, dropped and the two of descriptors are of the whole run. */
static void measure_from_now(struct device_counters *counters, uint64_t now_ps)
{
    counters->first_ps = now_ps;
    counters->way_first = counters->begun - counters->done - counters->dropped;
    counters->descriptor_fetches = counters->completions = counters->doorbells = counters->interrupts = 0;
    counters->maps = counters->unmaps = counters->recycled = counters->acknowledgements = 0;
    counters->held_up = counters->late = 0;
}

void device_counters_unit(struct device_counters *counters, uint64_t begun_ps, uint64_t bytes,
                          uint64_t warmup, const struct device_host *host)
{
    uint64_t now_ps = host->now_ps(host->context);
    counters->done++;
    if (counters->done > warmup) {
        counters->units++;
        counters->bytes += bytes;
        counters->last_ps = now_ps;
        if (counters->units == counters->wanted / 2)
            counters->half_ps = now_ps;
        histogram_record(&counters->latency, now_ps - begun_ps);
        if (counters->begun < counters->wanted + warmup) {
            counters->way_last = counters->begun - counters->done - counters->dropped;
            counters->until_units = counters->units;
            counters->until_bytes = counters->bytes;
            counters->until_ps = now_ps;
        }
    } else if (counters->done == warmup) {
        measure_from_now(counters, now_ps);
        host->measure(host->context, host->device);
    }
}

static bool ends_when_last_begins(const struct device_counters *counters)
{
    return counters->until_units > counters->units / 2 && counters->until_ps > counters->first_ps;
}

struct device_throughput device_throughput(const struct device_counters *counters)
{
    if (ends_when_last_begins(counters))
        return (struct device_throughput){counters->until_units, counters->until_bytes,
                                          counters->until_ps - counters->first_ps};
    return (struct device_throughput){
        counters->units, counters->bytes,
        counters->last_ps > counters->first_ps ? counters->last_ps - counters->first_ps : 0};
}

static bool within_part(uint64_t a, uint64_t b, uint64_t of)
{
    return (a > b ? a - b : b - a) * UNSTEADY_PART <= of;
}

struct device_steadiness device_steadiness(const struct device_counters *counters)
{
    struct device_steadiness found = {.way_first = counters->way_first,
                                      .way_last = counters->way_last,
                                      .known = counters->wanted > 1 && counters->units == counters->wanted};
    if (!found.known)
        return found;
    struct device_throughput all = device_throughput(counters);
    found.first_units = counters->wanted / 2;
    found.first_ps = counters->half_ps - counters->first_ps;
    found.second_units = all.units - found.first_units;
    found.second_ps = all.ps - found.first_ps;
    /* Time that each part takes for as many units as the other has. */
    uint64_t first = found.first_ps / found.first_units,
             second = found.second_units ? found.second_ps / found.second_units : 0;
    found.steady = within_part(first, second, first > second ? first : second) &&
                   within_part(found.way_first, found.way_last, counters->units);
    return found;
}

uint64_t driver_packet_ps(const struct driver_parameters *driver, uint32_t bytes)
{
    return driver->packet_ps + driver->packet_kib_ps * bytes / 1024;
}
