/* SPDX-License-Identifier: MIT */
/* When and what is counted: queues and Little's law, busy time, the end of the warm-up. */
#include "sim/base/status.h"
#include "tests/unit/machine_fixture.h"

#include <check.h>
#include <signal.h>

Suite *measuring_suite(void);

/* Three stay 10, 20 and 30, arriving at 0, 5 and 5: by hand. */
START_TEST(a_queue_obeys_littles_law)
{
    struct queue_meter meter = {0};
    queue_meter_arrive(&meter, 0);
    queue_meter_arrive(&meter, 5);
    queue_meter_arrive(&meter, 5);
    queue_meter_depart(&meter, 0, 10);
    ck_assert(queue_meter_area(&meter, 15) == 5 + 5 * 3 + 5 * 2);
    ck_assert(queue_meter_holds(&meter, 2 * queue_meter_stay(&meter, 5, 15), 15));
    queue_meter_depart(&meter, 5, 25);
    queue_meter_depart(&meter, 5, 35);
    ck_assert(meter.waited == 10 + 20 + 30);
    ck_assert(queue_meter_holds(&meter, 0, 1000));
    ck_assert_uint_eq(meter.high, 3);
}
END_TEST

START_TEST(a_wrong_stamp_or_a_lost_one_breaks_the_law)
{
    struct queue_meter meter = {0};
    queue_meter_arrive(&meter, 10);
    queue_meter_depart(&meter, 9, 20);
    ck_assert(!queue_meter_holds(&meter, 0, 20));
    meter = (struct queue_meter){0};
    queue_meter_arrive(&meter, 10);
    queue_meter_arrive(&meter, 12);
    queue_meter_depart(&meter, 10, 20);
    ck_assert(!queue_meter_holds(&meter, 0, 20)); /* the second is in no list */
    ck_assert(queue_meter_holds(&meter, 8, 20));
}
END_TEST

/* Whoever is in the queue when it is measured anew counts from then on. */
START_TEST(a_queue_measured_anew_obeys_it_too)
{
    struct queue_meter meter = {0};
    queue_meter_arrive(&meter, 0);
    queue_meter_arrive(&meter, 40);
    queue_meter_restart(&meter, 100);
    queue_meter_depart(&meter, 0, 130);
    ck_assert(meter.waited == 30);
    ck_assert(queue_meter_holds(&meter, queue_meter_stay(&meter, 40, 150), 150));
    queue_meter_depart(&meter, 40, 160);
    ck_assert(queue_meter_holds(&meter, 0, 160));
    ck_assert_uint_eq(meter.arrivals, 0);
    ck_assert_uint_eq(meter.high, 2);
}
END_TEST

/* What was not counted before the end of the warm-up is counted after it, and nothing else. */
START_TEST(the_warm_up_is_not_counted)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 256, 500, 1)->warmup_operations = 300;
    fixture_translate(&fixture, "01:00.0", 0x10000000, 1 << 16, 4096);
    fixture_run(&fixture);
    /* One at a time: the last of the warm-up is over everywhere when it completes. */
    const struct transport *transport = machine_transport(fixture.machine);
    uint64_t tlps = 0;
    for (uint32_t i = 0; i < transport->channel_count; i++) {
        if (transport->channels[i].upward)
            tlps += transport->channels[i].tlps;
    }
    ck_assert_uint_eq(tlps, 500);
    ck_assert_uint_eq(machine_unit(fixture.machine, 0)->counters.requests, 500);
    ck_assert_uint_eq(machine_unit(fixture.machine, 0)->counters.iotlb_misses, 0);
    ck_assert_uint_eq(machine_root_complex(fixture.machine)->memory.bytes_written, 500 * 256);
    ck_assert_uint_eq(machine_measured_from_ps(fixture.machine), fixture_result(&fixture, 0)->first_ps);
    ck_assert_uint_eq(machine_queue(fixture.machine, 0).meter->arrivals, 500);
    fixture_fini(&fixture);
}
END_TEST

/* Nothing is busy for longer than the time there was, wherever the run is cut off. */
START_TEST(nothing_is_busy_for_longer_than_the_run)
{
    for (uint64_t duration_ps = 500000; duration_ps < 3000000; duration_ps += 61000) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp[link=1x1](ep[link=1x1]) rp(pcie2pci(pci))");
        fixture.input.parameters.memory.bandwidth_bytes_per_s = UINT64_C(200000000);
        fixture.input.parameters.units[0].walkers = 1;
        fixture.input.parameters.units[0].walk_read_ps = 400000;
        fixture.input.parameters.units[0].walker_recovery_ps = 300000;
        fixture_stream(&fixture, "01:00.0", STREAM_ALTERNATE, 0x10000000, 4096, 0, 8);
        fixture_stream(&fixture, "03:00.0", STREAM_WRITE, 0x20000000, 512, 0, 8);
        fixture_translate(&fixture, "01:00.0", 0x10000000, 1 << 16, 4096);
        fixture.unit_of[fixture_function(&fixture, "03:00.0")] = NO_UNIT;
        fixture.workload.duration_ps = duration_ps;
        fixture_run(&fixture);
        uint64_t end_ps = machine_end_ps(fixture.machine), busiest_ps = 0;
        ck_assert_uint_eq(end_ps, duration_ps);
        const struct transport *transport = machine_transport(fixture.machine);
        for (uint32_t i = 0; i < transport->channel_count; i++) {
            uint64_t busy_ps = channel_busy_ps(&transport->channels[i], end_ps);
            ck_assert_uint_le(busy_ps, end_ps);
            busiest_ps = busy_ps > busiest_ps ? busy_ps : busiest_ps;
        }
        ck_assert_uint_gt(busiest_ps, end_ps / 2);
        ck_assert_uint_le(memory_busy_ps(&machine_root_complex(fixture.machine)->memory, end_ps), end_ps);
        ck_assert(queue_meter_area(&machine_unit(fixture.machine, 0)->walking, end_ps) <= end_ps);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Devices add up to streams, whichever way they are cut. */
START_TEST(devices_add_up_to_streams)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep) rp(ep)");
    fixture_stream(&fixture, "01:00.0", STREAM_ALTERNATE, 0x10000000, 700, 300, 4)->warmup_operations = 20;
    fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x20000000, 64, 200, 2);
    fixture_stream(&fixture, "02:00.0", STREAM_WRITE, 0x10000000, 4096, 100, 2);
    fixture_translate(&fixture, "01:00.0", 0x10000000, 1 << 16, 4096); /* the second stream faults */
    fixture.unit_of[fixture_function(&fixture, "02:00.0")] = NO_UNIT;
    fixture_run(&fixture);
    const struct device_result *first = machine_device_result(fixture.machine,
                                                              fixture_function(&fixture, "01:00.0")),
                               *second = machine_device_result(fixture.machine,
                                                               fixture_function(&fixture, "02:00.0"));
    ck_assert_ptr_null(machine_device_result(fixture.machine, fixture_function(&fixture, "00:00.0")));
    ck_assert_uint_eq(first->recorded, 300);
    ck_assert_uint_eq(first->failed, 200);
    ck_assert_uint_eq(first->bytes, 300 * 700);
    ck_assert(first->latency_total_ps == fixture_result(&fixture, 0)->latency.total);
    ck_assert_uint_eq(first->latency_maximum_ps, fixture_result(&fixture, 0)->latency.maximum);
    ck_assert_uint_eq(second->recorded, 100);
    ck_assert(second->latency_total_ps == fixture_result(&fixture, 2)->latency.total);
    ck_assert_uint_eq(second->last_ps, fixture_result(&fixture, 2)->last_ps);
    fixture_fini(&fixture);
}
END_TEST

/* A run that is stopped from outside keeps what it did. */
static bool stop_at_once(void *context, unsigned thousandths)
{
    *(unsigned *)context = thousandths;
    return false;
}

START_TEST(an_interrupted_run_keeps_its_results)
{
    struct machine_fixture fixture;
    unsigned thousandths = 1001;
    fixture_init(&fixture, "rp(ep)");
    fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 100000000, 4);
    fixture.options.progress = stop_at_once;
    fixture.options.progress_context = &thousandths;
    ck_assert_int_eq(machine_new(&fixture.input, &fixture.workload, &fixture.options, &fixture.machine,
                                 fixture.diagnostics),
                     0);
    ck_assert_int_eq(machine_run(fixture.machine, fixture.diagnostics), STATUS_INTERRUPTED);
    ck_assert_uint_eq(thousandths, 0);
    ck_assert_uint_gt(fixture_result(&fixture, 0)->recorded, 10000);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->submitted, fixture_result(&fixture, 0)->completed + 4);
    fixture_fini(&fixture);
}
END_TEST

/* A law that is broken ends the run: here credits appear from nowhere. */
START_TEST(a_broken_law_aborts)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 64, 10, 1);
    ck_assert_int_eq(machine_new(&fixture.input, &fixture.workload, &fixture.options, &fixture.machine,
                                 fixture.diagnostics),
                     0);
    struct transport *transport = (struct transport *)machine_transport(fixture.machine);
    for (uint32_t i = 0; i < transport->channel_count; i++)
        transport->channels[i].credits[FLOW_POSTED].headers++;
    machine_run(fixture.machine, fixture.diagnostics);
}
END_TEST

Suite *measuring_suite(void)
{
    Suite *suite = suite_create("measuring");
    TCase *tests = tcase_create("measuring");
    tcase_add_test(tests, a_queue_obeys_littles_law);
    tcase_add_test(tests, a_wrong_stamp_or_a_lost_one_breaks_the_law);
    tcase_add_test(tests, a_queue_measured_anew_obeys_it_too);
    tcase_add_test(tests, the_warm_up_is_not_counted);
    tcase_add_test(tests, nothing_is_busy_for_longer_than_the_run);
    tcase_add_test(tests, devices_add_up_to_streams);
    tcase_add_test(tests, an_interrupted_run_keeps_its_results);
    tcase_add_test_raise_signal(tests, a_broken_law_aborts, SIGABRT);
    suite_add_tcase(suite, tests);
    return suite;
}
