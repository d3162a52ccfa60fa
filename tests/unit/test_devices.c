/* SPDX-License-Identifier: MIT */
/* Models of devices with their drivers: a packet and a command by hand, what is conserved whatever the
 * parameters, and who slows whom. */
#include "sim/base/arena.h"
#include "sim/kernel/random.h"
#include "sim/machine/stream_limit.h"
#include "tests/unit/machine_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *devices_suite(void);

static const char machine_text[] = "rp[link=3x8](ep)";

enum {
    FIELDS_MAX = 64,
    MAX_PAYLOAD = 256,
    PACKET_PS = 300000,
    INTERRUPT_PS = 500000,
    DOORBELL_PS = 50000,
    SUBMIT_PS = 400000
};

/* Round numbers, not a preset's. */
static const struct driver_parameters round_driver = {.interrupt_ps = INTERRUPT_PS,
                                                      .packet_ps = PACKET_PS,
                                                      .packet_kib_ps = 100000,
                                                      .acknowledgement_ps = 700000,
                                                      .command_submit_ps = SUBMIT_PS,
                                                      .command_complete_ps = 200000,
                                                      .doorbell_ps = DOORBELL_PS,
                                                      .doorbell_latency_ps = 150000};

static const struct nic_parameters round_nic = {.direction = NIC_RECEIVE,
                                                .queues = 1,
                                                .ring = 64,
                                                .packet_bytes = 1024,
                                                .wire_overhead_bytes = 24,
                                                .rate_bytes_per_s = UINT64_C(12500000000),
                                                .flows = 4,
                                                .packet_memory_bytes = 65536,
                                                .page_cache = 128,
                                                .buffer_bytes = 2048,
                                                .mapping_bytes = 4096,
                                                .buffers_per_descriptor = 1,
                                                .descriptor_bytes = 16,
                                                .descriptors_fetched = 8,
                                                .completion_bytes = 64,
                                                .packets_per_completion = 1,
                                                .interrupt_delay_ps = 2000000,
                                                .interrupt_packets = 32,
                                                .doorbell_batch = 4};

static const struct nvme_parameters round_nvme = {.queues = 1,
                                                  .depth = 8,
                                                  .block_bytes = 4096,
                                                  .page_bytes = 4096,
                                                  .read_latency_ps = 10000000,
                                                  .write_latency_ps = 5000000,
                                                  .media_rate_bytes_per_s = UINT64_C(4000000000),
                                                  .entries_fetched = 4,
                                                  .interrupt_completions = 1};

static const struct copy_engine_parameters round_copies = {.engines = 2,
                                                           .depth = 3,
                                                           .copy_bytes = 40000,
                                                           .chunk_bytes = 4096,
                                                           .chunks_in_flight = 4,
                                                           .window_bytes = 1 << 20,
                                                           .page_bytes = 4096};

static const struct isochronous_parameters round_sound = {
    .period_ps = 10000000, .period_bytes = 960, .pieces = 4, .depth = 3, .slack_ps = 3000000};

/* A stream of the endpoint with a device whose every parameter the workload gives. */
static struct stream *add_device(struct machine_fixture *fixture, enum device_kind kind,
                                 const void *parameters, size_t size, uint64_t units, uint64_t warmup)
{
    static bool given[FIELDS_MAX];
    memset(given, true, sizeof(given));
    struct stream *stream = fixture_stream(fixture, "01:00.0", STREAM_READ, 0, 64, units, 1);
    stream->warmup_operations = warmup;
    stream->device_kind = kind;
    stream->device_given = given;
    stream->peer_id = NONE;
    memcpy(&stream->device, parameters, size);
    fixture->input.parameters.driver = round_driver;
    return stream;
}

/* A domain of a mode for the endpoint, with a unit in front; TRANSLATION_STATIC: no unit. */
static void choose_mode(struct machine_fixture *fixture, enum translation_mode mode)
{
    if (mode == TRANSLATION_STATIC)
        return;
    fixture_translate_nothing(fixture);
    fixture->domains[0].mode = mode;
}

static const struct device_counters *counters(const struct machine_fixture *fixture)
{
    return &machine_device_model(fixture->machine, 0)->counters;
}

static void check_limit(const struct machine_fixture *fixture, enum stream_limit_kind kind)
{
    struct stream_limit limit = machine_stream_limit(fixture->machine, 0);
    ck_assert_int_eq(limit.kind, kind);
    ck_assert_uint_eq(limit.id, fixture_function(fixture, "01:00.0"));
    ck_assert_uint_le(limit.part_ps, limit.whole_ps);
}

/* ---- by hand ---- */

/* Latency of the later of two writes asked for at once: a packet's data and its completion entry. */
static uint64_t second_write_ps(uint64_t bytes)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, machine_text);
    fixture_stream(&fixture, "01:00.0", STREAM_WRITE, UINT64_C(0x410000000), bytes, 1, 1);
    fixture_stream(&fixture, "01:00.0", STREAM_WRITE, UINT64_C(0x420000000), 64, 1, 1);
    fixture_run(&fixture);
    uint64_t latency_ps = fixture_result(&fixture, 1)->latency.maximum;
    fixture_fini(&fixture);
    return latency_ps;
}

/* Device's interrupt message to the CPU in its handler. */
static uint64_t message_ps(void)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, machine_text);
    fixture_stream(&fixture, "01:00.0", STREAM_MSI, 0, 4, 1, 1);
    fixture_run(&fixture);
    uint64_t latency_ps = machine_interrupts(fixture.machine)->latency[INTERRUPT_DIRECT].maximum;
    fixture_fini(&fixture);
    return latency_ps;
}

START_TEST(a_packet_alone_takes_what_its_steps_take)
{
    struct machine_fixture fixture;
    struct nic_parameters nic = round_nic;
    nic.descriptors_fetched = 64;   /* all there are: no read of more gets between a packet and its entry */
    nic.rate_bytes_per_s = 1000000; /* the ring is filled, and the driver asleep, when the first one comes */
    fixture_init(&fixture, machine_text);
    add_device(&fixture, DEVICE_NIC, &nic, sizeof(nic), 3, 0);
    fixture_run(&fixture);
    uint64_t expected_ps = second_write_ps(nic.packet_bytes) + nic.interrupt_delay_ps + message_ps() +
                           INTERRUPT_PS + driver_packet_ps(&round_driver, (uint32_t)nic.packet_bytes);
    const struct device_counters *got = counters(&fixture);
    ck_assert_uint_eq(got->units, 3);
    ck_assert_uint_eq(got->latency.minimum, expected_ps);
    ck_assert_uint_eq(got->latency.maximum, expected_ps);
    ck_assert_uint_eq(got->interrupts, 3);
    ck_assert_uint_eq(got->bytes, 3 * nic.packet_bytes);
    fixture_fini(&fixture);
}
END_TEST

static uint64_t read_ps(uint64_t bytes)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, machine_text);
    fixture_stream(&fixture, "01:00.0", STREAM_READ, UINT64_C(0x410000000), bytes, 1, 1);
    fixture_run(&fixture);
    uint64_t latency_ps = fixture_result(&fixture, 0)->latency.maximum;
    fixture_fini(&fixture);
    return latency_ps;
}

static uint64_t write_ps(uint64_t bytes)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, machine_text);
    fixture_stream(&fixture, "01:00.0", STREAM_WRITE, UINT64_C(0x410000000), bytes, 1, 1);
    fixture_run(&fixture);
    uint64_t latency_ps = fixture_result(&fixture, 0)->latency.maximum;
    fixture_fini(&fixture);
    return latency_ps;
}

/* A CPU's write of 8 bytes on its way down: header of 4 DW and 8 bytes of framing, on a link of Gen3 x8. */
static uint64_t register_ps(const struct machine_fixture *fixture)
{
    const struct link_parameters *link = &fixture->input.parameters.links[1];
    struct link_timing timing = link_timing_make(link, 3, 8, MAX_PAYLOAD);
    return link->propagation_ps + link_serialisation_ps(&timing, 16 + 8 + 8);
}

START_TEST(a_command_alone_takes_what_its_steps_take)
{
    struct machine_fixture fixture;
    struct nvme_parameters nvme = round_nvme;
    nvme.depth = 1;
    nvme.buffers = NVME_BUFFERS_PERSISTENT;
    nvme.block_bytes = 16384;
    fixture_init(&fixture, machine_text);
    add_device(&fixture, DEVICE_NVME, &nvme, sizeof(nvme), 5, 0);
    fixture_run(&fixture);
    uint64_t media_ps = nvme.block_bytes * 1000 / 4 + nvme.read_latency_ps,
             list_ps = read_ps(3 * 8); /* pages two to four */
    uint64_t expected_ps = SUBMIT_PS + DOORBELL_PS + round_driver.doorbell_latency_ps +
                           register_ps(&fixture) + read_ps(64) + list_ps + media_ps +
                           write_ps(nvme.block_bytes) + write_ps(16) + message_ps() + INTERRUPT_PS +
                           round_driver.command_complete_ps;
    ck_assert_uint_eq(counters(&fixture)->latency.minimum, expected_ps);
    ck_assert_uint_eq(counters(&fixture)->latency.maximum, expected_ps);
    ck_assert_uint_eq(counters(&fixture)->descriptor_fetches, 2 * 5);
    fixture_fini(&fixture);
}
END_TEST

/* ---- whatever the parameters ---- */

static uint32_t one_of(struct random_stream *random, const uint32_t *values, uint32_t count)
{
    return values[random_below(random, count)];
}

static struct nic_parameters random_nic(struct random_stream *random)
{
    static const uint32_t rings[] = {16, 64, 256}, buffers[] = {1024, 2048, 4096},
                          mappings[] = {4096, 65536, 2097152}, batches[] = {1, 4, 8};
    struct nic_parameters nic = round_nic;
    nic.direction = (int)random_below(random, 2);
    nic.queues = 1 + (uint32_t)random_below(random, 3);
    nic.ring = one_of(random, rings, 3);
    nic.packet_sizes = (int)random_below(random, 3);
    nic.packet_bytes = 64 + random_below(random, 6000);
    nic.flows = 1 + (uint32_t)random_below(random, 9);
    nic.overrun = (int)random_below(random, 2);
    nic.buffer_bytes = one_of(random, buffers, 3);
    nic.mapping_bytes = one_of(random, mappings, 3);
    nic.buffers_per_descriptor = one_of(random, batches, 3);
    nic.recycling = (int)random_below(random, 3);
    nic.held_bytes = random_below(random, 100000);
    nic.packets_per_ack = (uint32_t)random_below(random, 5);
    nic.packets_per_completion = 1 + (uint32_t)random_below(random, 8);
    nic.interrupt_delay_ps = random_below(random, 3000000);
    nic.interrupt_packets = 1 + (uint32_t)random_below(random, 40);
    nic.doorbell_batch = 1 + (uint32_t)random_below(random, 32);
    return nic;
}

static void add_random_device(struct machine_fixture *fixture, struct random_stream *random, uint64_t units,
                              uint64_t warmup)
{
    enum device_kind kind = (enum device_kind)(DEVICE_NIC + random_below(random, DEVICE_KINDS - DEVICE_NIC));
    union device_parameters parameters = {0};
    if (kind == DEVICE_NIC) {
        parameters.nic = random_nic(random);
    } else if (kind == DEVICE_NVME) {
        parameters.nvme = round_nvme;
        parameters.nvme.operation = (int)random_below(random, 3);
        parameters.nvme.queues = 1 + (uint32_t)random_below(random, 3);
        parameters.nvme.depth = 1 + (uint32_t)random_below(random, 30);
        parameters.nvme.block_bytes = 512 << random_below(random, 7);
        parameters.nvme.pointers = (int)random_below(random, 2);
        parameters.nvme.buffers = (int)random_below(random, 2);
        parameters.nvme.interrupt_delay_ps = random_below(random, 3000000);
        parameters.nvme.interrupt_completions = 1 + (uint32_t)random_below(random, 8);
    } else if (kind == DEVICE_COPY_ENGINE) {
        parameters.copy_engine = round_copies;
        parameters.copy_engine.direction = (int)random_below(random, 2);
        parameters.copy_engine.depth = 1 + (uint32_t)random_below(random, 5);
        parameters.copy_engine.copy_bytes = 1 + random_below(random, 60000);
        parameters.copy_engine.buffers = (int)random_below(random, 2);
    } else {
        parameters.isochronous = round_sound;
        parameters.isochronous.direction = (int)random_below(random, 2);
        parameters.isochronous.pieces = 1 + (uint32_t)random_below(random, 9);
        parameters.isochronous.buffers = (int)random_below(random, 2);
    }
    add_device(fixture, kind, &parameters, sizeof(parameters), units, warmup);
}

/* Units begun are done or dropped; descriptors used were posted, and what is posted fits in the rings; what
 * is mapped was not unmapped more often; every DMA operation ended, without a fault. The engine's own laws
 * (bytes, picoseconds, Little) hold as well, or the run would have been aborted. */
START_TEST(nothing_is_lost_whatever_the_parameters)
{
    static const enum translation_mode modes[] = {
        TRANSLATION_STATIC, TRANSLATION_OFF, TRANSLATION_PASSTHROUGH, TRANSLATION_STRICT, TRANSLATION_LAZY};
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct machine_fixture fixture;
        struct random_stream random;
        const uint64_t units = 150, warmup = seed % 3 * 20;
        random_init(&random, seed, "devices");
        fixture_init(&fixture, machine_text);
        fixture.options.seed = seed;
        choose_mode(&fixture, modes[seed % 5]);
        add_random_device(&fixture, &random, units, warmup);
        fixture_run(&fixture);
        const struct device_counters *got = counters(&fixture);
        const struct stream_result *result = fixture_result(&fixture, 0);
        const char *kind = device_fields(fixture.streams[0].device_kind)->name;
        ck_assert_msg(got->begun == got->done + got->dropped, "seed %u, %s", seed, kind);
        ck_assert_msg(got->done + got->dropped == units + warmup, "seed %u, %s", seed, kind);
        ck_assert_msg(got->units == got->latency.count, "seed %u, %s", seed, kind);
        ck_assert_msg(got->dropped || got->units == units, "seed %u, %s", seed, kind);
        ck_assert_msg(got->descriptors_used <= got->descriptors_posted, "seed %u, %s", seed, kind);
        ck_assert_msg(got->descriptors_posted - got->descriptors_used <= 2 * 3 * 256, "seed %u, %s", seed,
                      kind);
        ck_assert_msg(result->submitted == result->completed, "seed %u, %s", seed, kind);
        ck_assert_msg(result->failed == 0, "seed %u, %s", seed, kind);
        const struct mapping_counters *mapping =
            fixture.workload.domain_count ? machine_mapping_counters(fixture.machine, 0) : NULL;
        ck_assert_msg(!mapping || warmup || mapping->unmaps <= mapping->maps, "seed %u, %s", seed, kind);
        fixture_fini(&fixture);
    }
}
END_TEST

/* ---- who slows whom ---- */

static double packets_per_us(const struct device_counters *got)
{
    return (double)got->units * 1e6 / (double)(got->last_ps - got->first_ps);
}

static void run_nic(struct machine_fixture *fixture, const struct nic_parameters *nic,
                    enum translation_mode mode, uint64_t units, uint64_t warmup)
{
    fixture_init(fixture, machine_text);
    choose_mode(fixture, mode);
    add_device(fixture, DEVICE_NIC, nic, sizeof(*nic), units, warmup);
    fixture_run(fixture);
}

/* A packet of 1 KiB takes a CPU 400 ns: two CPUs take five a microsecond, the wire brings twelve. */
START_TEST(a_slow_cpu_slows_the_wire)
{
    struct machine_fixture fixture;
    struct nic_parameters nic = round_nic;
    nic.queues = 2;
    nic.recycling = NIC_PAGE_POOL;
    nic.doorbell_batch = 16;
    run_nic(&fixture, &nic, TRANSLATION_STATIC, 3000, 1000);
    /* Every sixteenth packet, or less, the doorbell takes 50 ns. */
    double most = 2 / 0.4, least = 2 / (0.4 + 0.05 / 16 + 0.05);
    ck_assert_double_le(packets_per_us(counters(&fixture)), most);
    ck_assert_double_ge(packets_per_us(counters(&fixture)), least);
    ck_assert_uint_gt(counters(&fixture)->held_up, 0);
    ck_assert_uint_eq(counters(&fixture)->dropped, 0);
    fixture_fini(&fixture);
    nic.overrun = NIC_DROP;
    run_nic(&fixture, &nic, TRANSLATION_STATIC, 6000, 1000);
    double loss = (double)counters(&fixture)->dropped / (double)counters(&fixture)->begun;
    double offered = 12500 / (1024 + 24.0);
    ck_assert_double_gt(loss, 1 - most / offered - 0.1);
    ck_assert_double_lt(loss, 1 - least / offered + 0.02);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(a_slow_wire_is_filled)
{
    struct machine_fixture fixture;
    struct nic_parameters nic = round_nic;
    nic.recycling = NIC_PAGE_POOL;
    nic.rate_bytes_per_s = 1048000000; /* one packet with its surroundings a microsecond */
    run_nic(&fixture, &nic, TRANSLATION_STRICT, 400, 100);
    ck_assert_double_eq_tol(packets_per_us(counters(&fixture)), 1, 0.01);
    fixture_fini(&fixture);
    nic.direction = NIC_TRANSMIT;
    run_nic(&fixture, &nic, TRANSLATION_PASSTHROUGH, 400, 100);
    ck_assert_double_eq_tol(packets_per_us(counters(&fixture)), 1, 0.01);
    fixture_fini(&fixture);
}
END_TEST

/* The driver's cache of older mlx5 drivers, as long whatever the ring, gives back what the application has
 * read when its turn comes: of buffers that are held for longer than the cache is long, the share cache /
 * held, and less as far as those at its head are held for longer than others. */
START_TEST(buffers_are_recycled_as_far_as_they_were_read)
{
    static const double held[] = {0, 60, 256,
                                  512}; /* pages, on average: half as many to half as many again */
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
        struct machine_fixture fixture;
        struct nic_parameters nic = round_nic;
        nic.packet_bytes = nic.buffer_bytes = 4096;
        nic.flows = 1;
        nic.ring = i % 2 ? 64 : 256;
        nic.recycling = NIC_PAGE_CACHE;
        nic.held_bytes = (uint64_t)held[i] * 4096;
        run_nic(&fixture, &nic, TRANSLATION_STRICT, 4000, 2000);
        const struct device_counters *got = counters(&fixture);
        double share = (double)got->recycled / (double)(got->recycled + got->maps);
        ck_assert_double_le(share, held[i] > 128 ? 128 / held[i] + 0.03 : 1);
        ck_assert_double_ge(share, held[i] > 128 ? 128 / held[i] / 1.5 - 0.03 : 0.97);
        fixture_fini(&fixture);
        nic.recycling = NIC_PAGE_POOL;
        run_nic(&fixture, &nic, TRANSLATION_STRICT, 2000, 2000);
        ck_assert_uint_eq(counters(&fixture)->unmaps, 0);
        fixture_fini(&fixture);
    }
}
END_TEST

static struct iommu_counters strict_receiver(bool overtaken_fill, uint64_t aged_bytes)
{
    struct machine_fixture fixture;
    struct nic_parameters nic = round_nic;
    nic.queues = 4;
    nic.packet_bytes = nic.buffer_bytes = 4096;
    fixture_init(&fixture, machine_text);
    choose_mode(&fixture, TRANSLATION_STRICT);
    fixture.domains[0].aged_given = true;
    fixture.domains[0].aged_bytes = aged_bytes;
    fixture.input.parameters.units[0].overtaken_fill = overtaken_fill;
    fixture.input.parameters.units[0].posted_walks = 1;
    add_device(&fixture, DEVICE_NIC, &nic, sizeof(nic), 3000, 1000);
    fixture_run(&fixture);
    struct iommu_counters got = machine_unit(fixture.machine, 0)->counters;
    fixture_fini(&fixture);
    return got;
}

/* Where a walk that an invalidation overtook is not kept its page is walked again. Addresses from all over
 * the space have their leaf tables further apart than the walk caches reach. */
START_TEST(invalidations_and_age_cost_walks)
{
    struct iommu_counters kept = strict_receiver(true, 0), dropped = strict_receiver(false, 0),
                          aged = strict_receiver(true, 256 << 20);
    ck_assert_uint_gt(dropped.iotlb_misses, kept.iotlb_misses + 100);
    ck_assert_uint_gt(aged.page_table_reads, kept.page_table_reads + 1000);
    ck_assert_uint_eq(kept.faults + dropped.faults + aged.faults, 0);
}
END_TEST

START_TEST(flash_is_the_limit_of_deep_queues)
{
    struct machine_fixture fixture;
    struct nvme_parameters nvme = round_nvme;
    nvme.depth = 64;
    nvme.queues = 2;
    nvme.media_rate_bytes_per_s = 1024000000; /* a block each 4 us */
    fixture_init(&fixture, machine_text);
    choose_mode(&fixture, TRANSLATION_STRICT);
    add_device(&fixture, DEVICE_NVME, &nvme, sizeof(nvme), 1000, 200);
    fixture_run(&fixture);
    ck_assert_double_eq_tol(packets_per_us(counters(&fixture)), 0.25, 0.003);
    check_limit(&fixture, LIMIT_MEDIA);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(a_slow_wire_is_the_limit)
{
    for (int direction = NIC_RECEIVE; direction <= NIC_TRANSMIT; direction++) {
        struct machine_fixture fixture;
        struct nic_parameters nic = round_nic;
        nic.direction = direction;
        nic.rate_bytes_per_s = 524000000; /* a packet each 2 us */
        fixture_init(&fixture, machine_text);
        add_device(&fixture, DEVICE_NIC, &nic, sizeof(nic), 500, 100);
        fixture_run(&fixture);
        check_limit(&fixture, LIMIT_WIRE);
        fixture_fini(&fixture);
    }
}
END_TEST

/* 4 MiB in flight and bounce buffers of 1 MiB: commands are put back, and its completions let the driver go
 * on. */
START_TEST(commands_without_a_bounce_buffer_are_put_back)
{
    struct machine_fixture fixture;
    struct nvme_parameters nvme = round_nvme;
    nvme.depth = 32;
    nvme.queues = 2;
    nvme.block_bytes = 65536;
    nvme.buffers = NVME_BUFFERS_PER_COMMAND;
    fixture_init(&fixture, machine_text);
    uint32_t function = fixture_function(&fixture, "01:00.0");
    fixture.input.topology->functions[function].dma_mask_bits = 32;
    add_device(&fixture, DEVICE_NVME, &nvme, sizeof(nvme), 300, 0);
    fixture_run(&fixture);
    const struct swiotlb *pool = machine_swiotlb(fixture.machine);
    ck_assert_uint_eq(counters(&fixture)->done, 300);
    ck_assert_uint_gt(counters(&fixture)->put_back, 0);
    ck_assert_uint_ge(pool->counters.failures, counters(&fixture)->put_back);
    ck_assert_uint_eq(pool->counters.maps, 300);
    ck_assert_uint_eq(pool->used, 0);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(time_goes_on_for_sound)
{
    struct machine_fixture fixture;
    struct isochronous_parameters sound = round_sound;
    fixture_init(&fixture, machine_text);
    add_device(&fixture, DEVICE_ISOCHRONOUS, &sound, sizeof(sound), 100, 10);
    fixture_run(&fixture);
    ck_assert_double_eq_tol(packets_per_us(counters(&fixture)), 0.1, 0.001);
    ck_assert_uint_eq(counters(&fixture)->late, 0);
    fixture_fini(&fixture);
    sound.slack_ps = 100; /* no piece can be as fast */
    fixture_init(&fixture, machine_text);
    add_device(&fixture, DEVICE_ISOCHRONOUS, &sound, sizeof(sound), 100, 0);
    fixture_run(&fixture);
    ck_assert_uint_eq(counters(&fixture)->late, 100 * sound.pieces);
    fixture_fini(&fixture);
}
END_TEST

/* A run of fewer periods than are submitted ahead begins all the same. */
START_TEST(few_periods_are_played)
{
    for (uint64_t units = 1; units <= round_sound.depth; units++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, machine_text);
        add_device(&fixture, DEVICE_ISOCHRONOUS, &round_sound, sizeof(round_sound), units, units - 1);
        fixture_run(&fixture);
        ck_assert_uint_eq(counters(&fixture)->units, units);
        ck_assert_uint_eq(counters(&fixture)->late, 0);
        fixture_fini(&fixture);
    }
}
END_TEST

/* The card reads as many descriptors as the packet needs, where that is more than it reads ahead. */
START_TEST(a_packet_may_take_more_buffers_than_descriptors_read_ahead)
{
    struct machine_fixture fixture;
    struct nic_parameters nic = round_nic;
    nic.packet_bytes = 60000; /* 30 buffers; 8 descriptors are read ahead */
    run_nic(&fixture, &nic, TRANSLATION_STATIC, 40, 10);
    ck_assert_uint_eq(counters(&fixture)->units, 40);
    ck_assert_uint_ge(counters(&fixture)->descriptor_fetches, 40 * 30 / nic.descriptors_fetched);
    fixture_fini(&fixture);
}
END_TEST

/* Whoever waits when the time is over is counted from when it came to wait, not from when its data was ready:
 * Little's law holds for an engine that moves data at a rate, or the run is aborted. */
START_TEST(a_run_may_end_while_data_waits)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, machine_text);
    for (uint32_t f = 0; f < fixture.input.topology->function_count; f++) {
        fixture.input.parameters.engines[f].data_rate_bytes_per_s = UINT64_C(3640000000);
        fixture.input.parameters.engines[f].write_issue_interval_ps = 21100;
    }
    fixture.workload.duration_ps = 100000000;
    struct nic_parameters nic = round_nic;
    nic.queues = 8;
    nic.ring = 256;
    nic.flows = 64;
    nic.packet_memory_bytes = 1 << 20;
    nic.recycling = NIC_PAGE_POOL;
    add_device(&fixture, DEVICE_NIC, &nic, sizeof(nic), 0, 0);
    fixture_run(&fixture);
    ck_assert_uint_gt(counters(&fixture)->begun, counters(&fixture)->done);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(same_seed_same_run)
{
    uint64_t ends[2];
    for (int i = 0; i < 2; i++) {
        struct machine_fixture fixture;
        struct nic_parameters nic = round_nic;
        nic.packet_sizes = NIC_IMIX;
        nic.queues = 3;
        run_nic(&fixture, &nic, TRANSLATION_LAZY, 500, 100);
        ends[i] = machine_end_ps(fixture.machine);
        fixture_fini(&fixture);
    }
    ck_assert_uint_eq(ends[0], ends[1]);
}
END_TEST

Suite *devices_suite(void)
{
    Suite *suite = suite_create("devices");
    TCase *tests = tcase_create("devices");
    tcase_add_test(tests, a_packet_alone_takes_what_its_steps_take);
    tcase_add_test(tests, a_command_alone_takes_what_its_steps_take);
    tcase_add_test(tests, nothing_is_lost_whatever_the_parameters);
    tcase_add_test(tests, a_slow_cpu_slows_the_wire);
    tcase_add_test(tests, a_slow_wire_is_filled);
    tcase_add_test(tests, buffers_are_recycled_as_far_as_they_were_read);
    tcase_add_test(tests, invalidations_and_age_cost_walks);
    tcase_add_test(tests, flash_is_the_limit_of_deep_queues);
    tcase_add_test(tests, commands_without_a_bounce_buffer_are_put_back);
    tcase_add_test(tests, time_goes_on_for_sound);
    tcase_add_test(tests, few_periods_are_played);
    tcase_add_test(tests, a_packet_may_take_more_buffers_than_descriptors_read_ahead);
    tcase_add_test(tests, a_run_may_end_while_data_waits);
    tcase_add_test(tests, a_slow_wire_is_the_limit);
    tcase_add_test(tests, same_seed_same_run);
    suite_add_tcase(suite, tests);
    return suite;
}
