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
    TIME("doorbell_latency", doorbell_latency_ps, "that write to the device acting on it"),
};

const struct field_table driver_fields = {"driver", "what drivers cost CPUs besides the DMA API", fields,
                                          sizeof(fields) / sizeof(fields[0]),
                                          sizeof(struct driver_parameters)};

/* Begun, done, dropped and the two of descriptors are of the whole run. */
static void measure_from_now(struct device_counters *counters, uint64_t now_ps)
{
    counters->first_ps = now_ps;
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
        histogram_record(&counters->latency, now_ps - begun_ps);
    } else if (counters->done == warmup) {
        measure_from_now(counters, now_ps);
        host->measure(host->context, host->device);
    }
}

uint64_t driver_packet_ps(const struct driver_parameters *driver, uint32_t bytes)
{
    return driver->packet_ps + driver->packet_kib_ps * bytes / 1024;
}
