/* SPDX-License-Identifier: MIT */
/* Virtual channels: credits of their own, no order among them, the higher one first; and the wires of a bus
 * that all who share them get their turn on. */
#include "models/pcie/virtual_channels.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <check.h>
#include <stdlib.h>

Suite *virtual_channels_suite(void);

enum { LINK_PS = 50000, ISSUE_PS = 30000, SWITCH_PS = 100000, REQUEST_PS = 70000, COMMIT_PS = 150000 };

static uint64_t wire_ps(uint32_t bytes)
{
    const struct link_parameters link = {0};
    struct link_timing timing = link_timing_make(&link, 3, 8, 256);
    return link_serialisation_ps(&timing, bytes);
}

/* Two devices below a switch: 03:00.0 fills the uplink with writes, 04:00.0 writes 64 B now and then, with
 * traffic class @p traffic_class. */
static void two_devices(struct machine_fixture *fixture, uint32_t virtual_channels, uint32_t traffic_class)
{
    fixture_init(fixture, "rp(up(dp(ep) dp(ep)))");
    for (uint32_t f = 0; f < fixture->input.topology->function_count; f++)
        fixture->input.parameters.links[f].virtual_channels = virtual_channels;
    fixture->input.parameters.engines[fixture_function(fixture, "04:00.0")].traffic_class = traffic_class;
    struct stream *bulk = fixture_stream(fixture, "03:00.0", STREAM_WRITE, 0x10000000, 4096, 3000, 64);
    bulk->window_bytes = 1 << 20;
    bulk->name = "bulk";
    struct stream *urgent = fixture_stream(fixture, "04:00.0", STREAM_WRITE, 0x20000000, 64, 200, 1);
    urgent->start_ps = 20000000;
    urgent->name = "urgent";
}

/* On its own channel the write meets at most one TLP that has begun, on the uplink; and those before it in
 * the root complex are nobody it has to wait for. */
START_TEST(a_higher_channel_goes_first)
{
    uint64_t alone_ps = ISSUE_PS + wire_ps(8 + 12 + 64) + 2 * LINK_PS + SWITCH_PS + REQUEST_PS + COMMIT_PS,
             latest_ps = 0;
    for (uint32_t channels = 1; channels <= 3; channels++) {
        struct machine_fixture fixture;
        two_devices(&fixture, channels, 7);
        fixture_run(&fixture);
        const struct stream_result *urgent = fixture_result(&fixture, 1);
        ck_assert_uint_ge(urgent->latency.minimum, alone_ps);
        if (channels == 1) {
            latest_ps = urgent->latency.maximum;
            ck_assert_uint_gt(histogram_mean(&urgent->latency), alone_ps);
        } else {
            ck_assert_uint_le(urgent->latency.maximum, alone_ps + wire_ps(8 + 12 + 256));
            ck_assert_uint_le(urgent->latency.maximum, latest_ps);
        }
        fixture_fini(&fixture);
    }
}
END_TEST

/* Traffic class 0 stays on VC0 and nothing changes; classes share a channel where there is but one. */
START_TEST(class_0_is_as_without)
{
    uint64_t totals[3];
    for (int run = 0; run < 3; run++) {
        struct machine_fixture fixture;
        two_devices(&fixture, run == 1 ? 4 : 1, run == 2 ? 5 : 0);
        fixture_run(&fixture);
        totals[run] = machine_end_ps(fixture.machine);
        const struct transport *transport = machine_transport(fixture.machine);
        for (uint32_t i = 0; i < transport->channel_count; i++)
            ck_assert(transport->channels[i].vc == 0 || transport->channels[i].tlps == 0);
        fixture_fini(&fixture);
    }
    ck_assert_uint_eq(totals[0], totals[1]);
    ck_assert_uint_eq(totals[0], totals[2]);
}
END_TEST

/* A device without posted credits on VC0 holds up nobody on VC1: the root complex commits so slowly that VC0
 * of the uplink is out of credits most of the time. */
START_TEST(credits_are_a_channels_own)
{
    uint64_t means[2];
    for (uint32_t channels = 1; channels <= 2; channels++) {
        struct machine_fixture fixture;
        two_devices(&fixture, channels, 1);
        for (uint32_t f = 0; f < fixture.input.topology->function_count; f++) {
            fixture.input.parameters.links[f].posted_header_credits = 4;
            fixture.input.parameters.links[f].posted_data_credits = 64;
        }
        fixture.input.parameters.root_complex.write_commit_ps = 2000000;
        fixture_run(&fixture);
        means[channels - 1] = (uint64_t)histogram_mean(&fixture_result(&fixture, 1)->latency);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed + fixture_result(&fixture, 1)->failed, 0);
        fixture_fini(&fixture);
    }
    ck_assert_uint_gt(means[0], means[1] + 250000);
}
END_TEST

/* Both directions of traffic over one conventional bus: reads of one device come back while another one
 * writes as fast as it can. Neither is starved. */
START_TEST(a_shared_bus_serves_all)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(pcie2pci(pci pci))");
    const char *devices[] = {"02:00.0", "02:01.0"};
    for (int i = 0; i < 2; i++) {
        struct stream *stream = fixture_stream(&fixture, devices[i], i ? STREAM_READ : STREAM_WRITE,
                                               0x10000000, 64, i ? 100 : 4000, 16);
        stream->name = devices[i];
    }
    fixture_run(&fixture);
    const struct stream_result *writes = fixture_result(&fixture, 0), *reads = fixture_result(&fixture, 1);
    ck_assert_uint_lt(reads->last_ps, writes->last_ps / 4); /* a fortieth of the work */
    fixture_fini(&fixture);
}
END_TEST

START_TEST(parameters_say_so)
{
    static const char machine[] =
        "{\"format\": \"iommusim-topology/1\", \"parameters\": {\"link\": {\"virtual_channels\": %u}, "
        "\"endpoint\": {\"traffic_class\": 3}}, \"host_bridges\": [{\"bus\": \"00\", \"functions\": "
        "[{\"address\": \"01.0\", \"kind\": \"root-port\", \"functions\": [{\"address\": \"00.0\", \"kind\": "
        "\"endpoint\"}]}]}]}";
    char text[1024];
    snprintf(text, sizeof(text), machine, 4U);
    program_write_file("m.json", text);
    program_write_file("s.json",
                       "{\"format\": \"iommusim-scenario/1\", \"iommu\": \"none\", \"topology\": \"m.json\", "
                       "\"workload\": {\"format\": \"iommusim-workload/1\", \"streams\": [{\"name\": \"s\", "
                       "\"device\": \"01:00.0\", \"operation\": \"read\", \"window\": \"1MiB\", \"size\": "
                       "\"4KiB\", \"queue_depth\": 8, \"operations\": 50}]}}");
    program_expect("iommusim run s.json --format json", 0, "up VC3");
    snprintf(text, sizeof(text), machine, 9U);
    program_write_file("m.json", text);
    program_expect("iommusim run s.json", 2, "virtual_channels");
}
END_TEST

/* ---- arbitration tables and maps ---- */

static struct link_parameters link_of(uint32_t channels, enum vc_arbitration arbitration)
{
    struct link_parameters link = {.virtual_channels = channels, .vc_arbitration = (int)arbitration};
    for (int i = 0; i < TRAFFIC_CLASSES; i++)
        link.channel_of_class[i] = link.channel_phases[i] = FIELD_WORD;
    return link;
}

/* A table has each channel as often as it is to have, and never twice as far apart as that needs; with
 * everybody ready it is gone through in order, and who is alone has all turns. */
START_TEST(tables_are_spread_evenly)
{
    for (uint32_t seed = 1; seed <= 60; seed++) {
        srand(seed);
        struct link_parameters link =
            link_of(2 + (uint32_t)rand() % 7, (enum vc_arbitration)(VC_ROUND_ROBIN + rand() % 4));
        if (link.vc_arbitration != VC_ROUND_ROBIN) {
            link.channel_phases[0] = 1 + (uint32_t)rand() % 8;
            link.channel_phases[1] = 1 + (uint32_t)rand() % 8;
            if (link.virtual_channels == 2)
                link.channel_phases[1] = link_phases(&link) - link.channel_phases[0];
        }
        struct vc_arbiter arbiter;
        bool all[TRAFFIC_CLASSES] = {false};
        unsigned turns[TRAFFIC_CLASSES] = {0}, since[TRAFFIC_CLASSES] = {0}, total = link_phases(&link);
        vc_arbiter_init(&arbiter, &link);
        ck_assert_uint_eq(arbiter.count, total);
        for (unsigned vc = 0; vc < link.virtual_channels; vc++)
            all[vc] = true;
        for (unsigned i = 0; i < 2 * total; i++) {
            unsigned vc = vc_arbiter_next(&arbiter, all);
            turns[vc]++;
            for (unsigned other = 0; other < link.virtual_channels; other++) {
                since[other] = other == vc ? 0 : since[other] + 1;
                ck_assert_uint_lt(since[other] * link_channel_phases(&link, other),
                                  2 * total + link.virtual_channels);
            }
        }
        for (unsigned vc = 0; vc < link.virtual_channels; vc++) {
            bool alone[TRAFFIC_CLASSES] = {false};
            alone[vc] = true;
            ck_assert_uint_eq(turns[vc], 2 * link_channel_phases(&link, vc));
            ck_assert_uint_eq(vc_arbiter_next(&arbiter, alone), vc);
        }
    }
}
END_TEST

/* Two devices fill an uplink that one of them could fill: by their parts of the table they have parts of its
 * rate, so that work in that proportion ends at the same time; a class mapped to the other's channel shares
 * its part. */
START_TEST(wires_are_shared_by_the_table)
{
    static const struct {
        enum vc_arbitration arbitration;
        uint32_t phases, channel, parts[2];
    } cases[] = {{VC_ROUND_ROBIN, FIELD_WORD, FIELD_WORD, {1, 1}},
                 {VC_WRR_32, 8, FIELD_WORD, {3, 1}},
                 {VC_WRR_64, 48, FIELD_WORD, {1, 3}},
                 {VC_WRR_128, 16, FIELD_WORD, {7, 1}},
                 {VC_WRR_32, 8, 0, {1, 1}}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(up(dp(ep) dp(ep)))");
        for (uint32_t f = 0; f < fixture.input.topology->function_count; f++) {
            struct link_parameters *link = &fixture.input.parameters.links[f];
            link->virtual_channels = 2;
            link->vc_arbitration = (int)cases[i].arbitration;
            link->channel_phases[1] = cases[i].phases;
            link->channel_of_class[5] = cases[i].channel;
        }
        const char *const devices[] = {"03:00.0", "04:00.0"};
        for (int d = 0; d < 2; d++) {
            struct stream *stream = fixture_stream(&fixture, devices[d], STREAM_WRITE, 0x10000000, 4096,
                                                   700 * cases[i].parts[d], 32);
            stream->window_bytes = 1 << 20;
            stream->name = devices[d];
            stream->traffic_class = d ? 6 : 0; /* plus one */
        }
        fixture_run(&fixture);
        double ends[] = {(double)fixture_result(&fixture, 0)->last_ps,
                         (double)fixture_result(&fixture, 1)->last_ps};
        ck_assert_msg(ends[0] < 1.03 * ends[1] && ends[1] < 1.03 * ends[0], "case %zu: %g and %g", i, ends[0],
                      ends[1]);
        fixture_fini(&fixture);
    }
}
END_TEST

Suite *virtual_channels_suite(void)
{
    Suite *suite = suite_create("virtual_channels");
    TCase *tests = tcase_create("virtual_channels"), *program = tcase_create("program");
    tcase_add_test(tests, a_higher_channel_goes_first);
    tcase_add_test(tests, class_0_is_as_without);
    tcase_add_test(tests, credits_are_a_channels_own);
    tcase_add_test(tests, a_shared_bus_serves_all);
    tcase_add_test(tests, tables_are_spread_evenly);
    tcase_add_test(tests, wires_are_shared_by_the_table);
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(program, program_setup, program_teardown);
    tcase_add_test(program, parameters_say_so);
    suite_add_tcase(suite, program);
    return suite;
}
