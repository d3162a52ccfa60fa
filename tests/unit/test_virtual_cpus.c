/* SPDX-License-Identifier: MIT */
/* Interrupts for virtual CPUs that come and go: whatever meets whatever, each message is taken once, and how
 * late is what kept it. */
#include "sim/kernel/random.h"
#include "sim/machine/machine_state.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *virtual_cpus_suite(void);

/* ---- the descriptor alone, against messages that are counted one by one ---- */

enum { NOTICES = 64, STEPS = 4000 };

struct harness {
    struct virtual_cpu cpu;
    struct {
        enum virtual_cpu_notice notice;
        uint32_t destination;
    } flying[NOTICES];
    uint32_t flying_count;
    bool entering; /* loaded, and about to look at its descriptor */
    uint64_t posted, taken;
};

static void take(struct harness *harness)
{
    harness->taken += virtual_cpu_take(&harness->cpu);
    harness->entering = false;
}

static void load(struct harness *harness, uint32_t cpu)
{
    virtual_cpu_load(&harness->cpu, cpu);
    harness->entering = true;
}

static void arrive(struct harness *harness, uint32_t which)
{
    enum virtual_cpu_notice notice = harness->flying[which].notice;
    uint32_t destination = harness->flying[which].destination;
    harness->flying[which] = harness->flying[--harness->flying_count];
    if (!virtual_cpu_notified(&harness->cpu, notice, destination))
        return;
    if (notice == NOTICE_RUNNING)
        take(harness);
    else
        load(harness, destination + 1);
}

static void step(struct harness *harness, struct random_stream *random)
{
    static const enum virtual_cpu_state away[] = {VIRTUAL_CPU_OFF, VIRTUAL_CPU_ASLEEP, VIRTUAL_CPU_STOPPED};
    bool running = harness->cpu.state == VIRTUAL_CPU_RUNNING;
    switch (random_below(random, 6)) {
    case 0:
    case 1: {
        uint32_t destination = harness->cpu.destination;
        enum virtual_cpu_notice notice = virtual_cpu_post(&harness->cpu, random_below(random, 4) == 0);
        harness->posted++;
        ck_assert_uint_lt(harness->flying_count, NOTICES);
        if (notice != NOTICE_NONE) {
            harness->flying[harness->flying_count].notice = notice;
            harness->flying[harness->flying_count++].destination = destination;
        }
        break;
    }
    case 2:
        if (harness->flying_count)
            arrive(harness, (uint32_t)random_below(random, harness->flying_count));
        break;
    case 3:
        if (running && virtual_cpu_put(&harness->cpu, away[random_below(random, 3)]))
            load(harness, harness->cpu.cpu); /* it left over a message that cannot wait */
        break;
    case 4:
        if (!running)
            load(harness, (uint32_t)random_below(random, 3));
        break;
    default:
        if (running && harness->entering)
            take(harness);
        break;
    }
}

START_TEST(no_message_is_lost_or_taken_twice)
{
    struct random_stream random;
    random_init(&random, 1, "descriptors");
    for (int round = 0; round < 100; round++) {
        struct harness harness = {.flying_count = 0};
        virtual_cpu_init(&harness.cpu, 0);
        for (int i = 0; i < STEPS; i++) {
            step(&harness, &random);
            ck_assert_uint_eq(harness.taken + harness.cpu.pending, harness.posted);
            /* One that runs and has messages has been told, or looks itself. */
            bool told = harness.entering;
            for (uint32_t n = 0; n < harness.flying_count; n++)
                told |= harness.flying[n].notice == NOTICE_RUNNING &&
                        harness.flying[n].destination == harness.cpu.cpu;
            ck_assert(harness.cpu.state != VIRTUAL_CPU_RUNNING || !harness.cpu.pending || told);
            /* One that sleeps over messages is woken. */
            bool woken = false;
            for (uint32_t n = 0; n < harness.flying_count; n++)
                woken |= harness.flying[n].notice == NOTICE_WAKE_UP &&
                         harness.flying[n].destination == harness.cpu.cpu;
            ck_assert(harness.cpu.state != VIRTUAL_CPU_ASLEEP || !harness.cpu.pending || woken);
        }
        ck_assert_uint_eq(harness.cpu.counters.taken, harness.taken);
        ck_assert_uint_gt(harness.cpu.counters.strays, 0);
    }
}
END_TEST

/* ---- machines ---- */

enum { DELIVERY_PS = 400000, LOAD_PS = 2000000, WAKE_PS = 5000000, MOVE_PS = 9000000, POLL_PS = 20000000 };

struct guest_fixture {
    struct machine_fixture machine;
    struct virtual_machine guest;
    struct mapping memory;
    uint32_t function_id;
};

static const bool remaps[] = {true};

static void begin(struct guest_fixture *fixture, uint32_t cpus)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture_init(&fixture->machine, "rp(ep)");
    fixture_translate(&fixture->machine, "01:00.0", 0, 4096, 4096);
    fixture->machine.options.interrupt_remapping = remaps;
    fixture->machine.input.parameters.virtual_cpu = (struct virtual_cpu_parameters){
        .load_ps = LOAD_PS, .wake_ps = WAKE_PS, .move_ps = MOVE_PS, .halt_poll_ps = POLL_PS};
    fixture->memory = (struct mapping){.physical = UINT64_C(0x100000000),
                                       .length = UINT64_C(64) << 20,
                                       .page_bytes = UINT64_C(2) << 20,
                                       .read = true,
                                       .write = true};
    fixture->function_id = fixture_function(&fixture->machine, "01:00.0");
    fixture->guest = (struct virtual_machine){.name = "guest",
                                              .memory_bytes = fixture->memory.length,
                                              .page_bytes = fixture->memory.page_bytes,
                                              .numa_node = NONE,
                                              .running = true,
                                              .cpus = {.count = cpus},
                                              .function_ids = &fixture->function_id,
                                              .function_count = 1};
    struct domain *domain = &fixture->machine.domains[0];
    domain->virtual_machine = 1;
    domain->mappings = &fixture->memory;
    fixture->machine.workload.virtual_machines = &fixture->guest;
    fixture->machine.workload.virtual_machine_count = 1;
}

static struct stream *add_messages(struct guest_fixture *fixture, uint64_t operations, uint64_t interval_ps)
{
    struct stream *stream = fixture_stream(&fixture->machine, "01:00.0", STREAM_MSI, 0, 4, operations, 1);
    stream->interval_ps = interval_ps;
    stream->window_bytes = stream->stride_bytes = 4;
    stream->posted_interrupts = true;
    return stream;
}

static const struct histogram *latency_of(const struct guest_fixture *fixture)
{
    return &machine_guest_interrupts(fixture->machine.machine, 0)->latency[GUEST_BEFORE];
}

/* One message each 100 us: to a CPU that runs, and to one that sleeps between them. */
START_TEST(a_sleeper_is_woken)
{
    uint64_t latency_ps[2];
    for (int sleeps = 0; sleeps < 2; sleeps++) {
        struct guest_fixture fixture;
        begin(&fixture, 1);
        fixture.guest.cpus.sleeps = sleeps;
        add_messages(&fixture, 20, 100000000);
        fixture_run(&fixture.machine);
        const struct virtual_cpu *cpu = machine_virtual_cpu(fixture.machine.machine, 0, 0);
        ck_assert_uint_eq(latency_of(&fixture)->count, 20);
        ck_assert_uint_eq(cpu->counters.wake_ups, sleeps ? 19 : 0); /* the first comes too early to sleep */
        ck_assert_uint_eq(cpu->counters.taken_at_load, sleeps ? 19 : 0);
        ck_assert_uint_eq(machine_interrupts(fixture.machine.machine)->outcomes[INTERRUPT_POSTED], 20);
        latency_ps[sleeps] = sleeps ? latency_of(&fixture)->maximum : latency_of(&fixture)->minimum;
        fixture_fini(&fixture.machine);
    }
    ck_assert_uint_eq(latency_ps[1], latency_ps[0] + WAKE_PS + LOAD_PS);
}
END_TEST

/* A CPU that is off for long: messages wait for it, unless they are urgent. */
START_TEST(an_urgent_message_brings_the_cpu_back)
{
    for (int urgent = 0; urgent < 2; urgent++) {
        struct guest_fixture fixture;
        begin(&fixture, 1);
        fixture.guest.cpus.runs_ps = 50000000;
        fixture.guest.cpus.away_ps = 500000000;
        add_messages(&fixture, 300, 10000000)->urgent_interrupts = urgent;
        fixture_run(&fixture.machine);
        const struct virtual_cpu *cpu = machine_virtual_cpu(fixture.machine.machine, 0, 0);
        ck_assert_uint_eq(latency_of(&fixture)->count, 300);
        if (urgent)
            ck_assert_uint_lt(latency_of(&fixture)->maximum, 2 * WAKE_PS + LOAD_PS);
        else
            ck_assert_uint_gt(latency_of(&fixture)->maximum, 250000000 - 50000000);
        ck_assert_uint_gt(cpu->counters.taken_at_load, 0);
        fixture_fini(&fixture.machine);
    }
}
END_TEST

/* Random schedules, with the interrupt moved from CPU to CPU besides: as many handlers run as messages were
 * sent, and nothing is left in a descriptor. */
START_TEST(all_messages_come_whatever_the_schedule)
{
    struct random_stream random;
    random_init(&random, 3, "schedules");
    for (int round = 0; round < 40; round++) {
        struct guest_fixture fixture;
        uint32_t cpus = 1 + (uint32_t)random_below(&random, 4);
        begin(&fixture, cpus);
        struct virtual_cpus *schedule = &fixture.guest.cpus;
        schedule->runs_ps = 1 + random_below(&random, 60000000);
        schedule->away_ps = 1 + random_below(&random, 60000000);
        schedule->move_interval_ps = random_below(&random, 2) * (1 + random_below(&random, 90000000));
        schedule->sleeps = random_below(&random, 2);
        fixture.machine.input.parameters.virtual_cpu.halt_poll_ps = random_below(&random, 2000000);
        for (uint32_t i = 0; i < 1 + random_below(&random, 3); i++) {
            struct stream *stream = add_messages(&fixture, 200, 100000 + random_below(&random, 5000000));
            stream->cpu = (uint32_t)random_below(&random, cpus);
            stream->urgent_interrupts = random_below(&random, 2);
            stream->affinity_interval_ps = random_below(&random, 2) * (1 + random_below(&random, 20000000));
        }
        fixture_run(&fixture.machine);
        const struct interrupt_counters *counters = machine_interrupts(fixture.machine.machine);
        uint64_t taken = 0, expected = 200 * fixture.machine.workload.stream_count;
        for (uint32_t i = 0; i < cpus; i++) {
            const struct virtual_cpu *cpu = machine_virtual_cpu(fixture.machine.machine, 0, i);
            ck_assert_uint_eq(cpu->pending, 0);
            ck_assert_uint_eq(cpu->counters.posted, cpu->counters.taken);
            taken += cpu->counters.taken;
        }
        ck_assert_uint_eq(counters->sent, expected);
        ck_assert_uint_eq(taken, expected);
        ck_assert_uint_eq(counters->outcomes[INTERRUPT_POSTED] + counters->outcomes[INTERRUPT_SUPPRESSED],
                          expected);
        ck_assert_uint_eq(latency_of(&fixture)->count, expected);
        fixture_fini(&fixture.machine);
    }
}
END_TEST

static void add_viommu(struct guest_fixture *fixture, enum viommu_kind kind, enum translation_mode mode)
{
    fixture->machine.input.parameters.units[0].table_format =
        kind == VIOMMU_NESTED ? FORMAT_VT_D_FIRST_STAGE : FORMAT_VT_D_SECOND_STAGE;
    fixture->machine.input.parameters.units[0].stage2_levels = 4;
    fixture->machine.input.parameters.viommu = (struct viommu_parameters){.look_ps = 1000};
    fixture->guest.viommu = kind;
    fixture->machine.domains[0].mode = mode;
}

/* What a CPU had begun takes longer by the time it is off, and no more work. */
START_TEST(work_waits_for_its_cpu)
{
    uint64_t end_ps[2], busy_ps[2], spin_ps;
    for (int off = 0; off < 2; off++) {
        struct guest_fixture fixture;
        begin(&fixture, 1);
        fixture.machine.input.parameters.dma_api.map_ps = 30000000;
        add_viommu(&fixture, VIOMMU_NESTED, TRANSLATION_STRICT);
        fixture.guest.cpus.runs_ps = off ? 10000000 : 0;
        fixture.guest.cpus.away_ps = off ? 10000000 : 0;
        fixture_stream(&fixture.machine, "01:00.0", STREAM_READ, 0, 4096, 100, 1)->buffers = BUFFERS_PER_USE;
        fixture_run(&fixture.machine);
        machine_driver_time(fixture.machine.machine, &busy_ps[off], &spin_ps);
        end_ps[off] = machine_end_ps(fixture.machine.machine);
        ck_assert_uint_eq(fixture_result(&fixture.machine, 0)->failed, 0);
        fixture_fini(&fixture.machine);
    }
    ck_assert_uint_eq(busy_ps[0], busy_ps[1]);
    /* It runs 10 us, is off for 10, and takes 2 to come back. */
    ck_assert_uint_gt(end_ps[1], end_ps[0] * 19 / 10);
    ck_assert_uint_lt(end_ps[1], end_ps[0] * 26 / 10);
}
END_TEST

/* CPUs that wait for their turn at a virtual IOMMU, or for its unit, while they are off have no less to do by
 * it: what goes on is the work alone. */
static uint64_t guest_maps(enum viommu_kind kind, uint32_t cpus, enum translation_mode mode,
                           uint64_t slice_ps, uint64_t seed)
{
    struct guest_fixture fixture;
    begin(&fixture, cpus);
    fixture.machine.options.seed = seed;
    fixture.machine.input.parameters.dma_api.map_ps = 1000000;
    add_viommu(&fixture, kind, mode);
    fixture.machine.input.parameters.viommu = (struct viommu_parameters){.exit_ps = 2000000,
                                                                         .user_ps = 3000000,
                                                                         .map_call_ps = 1000000,
                                                                         .unmap_call_ps = 1000000,
                                                                         .driver_ps = 500000};
    fixture.guest.cpus.runs_ps = fixture.guest.cpus.away_ps = slice_ps;
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        struct stream *stream = fixture_stream(&fixture.machine, "01:00.0", STREAM_READ, 0, 4096, 50, 2);
        stream->buffers = BUFFERS_PER_USE;
        stream->cpu = cpu;
    }
    fixture_run(&fixture.machine);
    for (uint32_t i = 0; i < cpus; i++) {
        ck_assert_uint_eq(fixture_result(&fixture.machine, i)->completed, 50);
        ck_assert_uint_eq(fixture_result(&fixture.machine, i)->failed, 0);
    }
    uint64_t end_ps = machine_end_ps(fixture.machine.machine);
    fixture_fini(&fixture.machine);
    return end_ps;
}

START_TEST(waiting_is_no_work)
{
    static const enum viommu_kind kinds[] = {VIOMMU_SHADOWED, VIOMMU_NESTED, VIOMMU_VIRTIO};
    for (uint32_t i = 0; i < 3 * 2 * 3; i++) {
        uint32_t cpus = 1U << i % 3;
        enum translation_mode mode = i / 3 % 2 ? TRANSLATION_LAZY : TRANSLATION_STRICT;
        uint64_t there_ps = guest_maps(kinds[i / 6], cpus, mode, 0, i),
                 slices_ps = guest_maps(kinds[i / 6], cpus, mode, 10000000, i);
        /* Runs 10 us, is off for 12 with the load: 2.2 times as long. Who gets a turn of some 5 us while it
         * is off may have all the 12 before it, and some of it once more, by the luck of the slices. */
        ck_assert_uint_gt(slices_ps, there_ps);
        ck_assert_uint_lt(slices_ps, there_ps * 4);
    }
}
END_TEST

/* Moved again before it is even there: it gets on all the same, by half of the interval at least between two
 * moves of MOVE_PS and LOAD_PS, and takes its messages. */
START_TEST(who_is_moved_all_the_time_gets_on)
{
    uint64_t end_ps[2];
    for (int moved = 0; moved < 2; moved++) {
        struct guest_fixture fixture;
        begin(&fixture, 1);
        fixture.machine.input.parameters.dma_api.map_ps = 30000000;
        add_viommu(&fixture, VIOMMU_NESTED, TRANSLATION_STRICT);
        fixture.guest.cpus.move_interval_ps = moved ? 1000000 : 0;
        fixture_stream(&fixture.machine, "01:00.0", STREAM_READ, 0, 4096, 20, 1)->buffers = BUFFERS_PER_USE;
        add_messages(&fixture, 20, 10000000);
        fixture_run(&fixture.machine);
        ck_assert_uint_eq(fixture_result(&fixture.machine, 0)->completed, 20);
        ck_assert_uint_eq(latency_of(&fixture)->count, 20);
        end_ps[moved] = machine_end_ps(fixture.machine.machine);
        fixture_fini(&fixture.machine);
    }
    ck_assert_uint_gt(end_ps[1], end_ps[0] * 5);
    ck_assert_uint_lt(end_ps[1], end_ps[0] * 25);
}
END_TEST

static const char scenario[] =
    "{\"format\": \"iommusim-scenario/1\", \"topology\": {\"format\": \"iommusim-topology/1\", \"iommus\": "
    "[{\"kind\": \"vt-d\", \"interrupt_remapping\": true}], \"host_bridges\": [{\"functions\": "
    "[{\"functions\": "
    "[{}]}]}]}, \"workload\": {\"format\": \"iommusim-workload/1\", \"virtual_machines\": [{\"name\": "
    "\"guest\", \"memory\": \"1GiB\", \"page_size\": \"2MiB\", \"devices\": [\"01:00.0\"], \"cpus\": "
    "{\"count\": 2, \"sleep\": true, \"move_interval\": \"100us\"}}], \"streams\": [{\"name\": \"disk\", "
    "\"device\": \"01:00.0\", \"operations\": 200, \"nvme\": {\"queues\": 2}}]}}";

START_TEST(the_program_tells_of_it)
{
    program_write_file("c.json", scenario);
    program_expect("iommusim run c.json", 0, "Guest CPUs of \"guest\": ");
    program_expect("iommusim run c.json --format json", 0, "\"taken_at_load\": ");
    program_expect("iommusim run c.json --set /workload/virtual_machines/0/cpus/count=1", 2,
                   "[workload-guest-cpu]");
    program_expect("iommusim run c.json --set /workload/virtual_machines/0/cpus/runs=1ms", 2,
                   "\"runs\" and \"away\" go together");
    program_expect("iommusim run c.json --set /workload/virtual_machines/0/cpus/move_interval=1us", 0,
                   "on another CPU");
    program_expect("iommusim run c.json --set /workload/virtual_machines/0/cpus/move_interval=999ns", 2,
                   "\"move_interval\" must be from 1us to 1000s");
}
END_TEST

Suite *virtual_cpus_suite(void)
{
    Suite *suite = suite_create("virtual_cpus");
    TCase *tests = tcase_create("virtual_cpus");
    tcase_add_unchecked_fixture(tests, program_setup, program_teardown);
    tcase_add_test(tests, no_message_is_lost_or_taken_twice);
    tcase_add_test(tests, a_sleeper_is_woken);
    tcase_add_test(tests, an_urgent_message_brings_the_cpu_back);
    tcase_add_test(tests, all_messages_come_whatever_the_schedule);
    tcase_add_test(tests, work_waits_for_its_cpu);
    tcase_add_test(tests, waiting_is_no_work);
    tcase_add_test(tests, who_is_moved_all_the_time_gets_on);
    tcase_add_test(tests, the_program_tells_of_it);
    suite_add_tcase(suite, tests);
    return suite;
}
