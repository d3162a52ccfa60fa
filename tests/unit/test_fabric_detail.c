/* SPDX-License-Identifier: MIT */
/* The fabric by hand: cut-through, ECRC, how reads and payloads are split, what a function's own BAR does. */
#include "tests/unit/machine_fixture.h"

#include <check.h>
#include <math.h>

Suite *fabric_detail_suite(void);

enum {
    LINK_PS = 50000,
    SWITCH_PS = 100000,
    ISSUE_PS = 30000,
    DONE_PS = 20000,
    REQUEST_PS = 70000,
    COMPLETION_PS = 40000,
    COMMIT_PS = 150000,
    LLC_PS = 60000,
    HEADER = 8 + 12, /* framing and three double words */
};

static uint64_t wire_ps(unsigned generation, unsigned width, uint32_t bytes)
{
    const struct link_parameters none = {0};
    const struct link_timing timing = link_timing_make(&none, generation, width, 256);
    return link_serialisation_ps(&timing, bytes);
}

/* Latency of a lone operation. */
static uint64_t alone(struct machine_fixture *fixture, const char *device, enum stream_operation operation,
                      uint64_t address, uint64_t size)
{
    struct stream *stream = fixture_stream(fixture, device, operation, address, size, 1, 1);
    stream->window_bytes = size;
    fixture_run(fixture);
    ck_assert_uint_eq(fixture_result(fixture, 0)->recorded, 1);
    return fixture_result(fixture, 0)->latency.minimum;
}

/* TLPs that were sent downward over the link to @p device. */
static const struct channel *link_to(const struct machine_fixture *fixture, const char *device, bool upward)
{
    const struct transport *transport = machine_transport(fixture->machine);
    for (uint32_t i = 0; i < transport->channel_count; i++) {
        const struct channel *channel = &transport->channels[i];
        if (channel->generation && channel->upward == upward &&
            channel->function_id == fixture_function(fixture, device))
            return channel;
    }
    ck_abort_msg("no link above %s", device);
    return NULL;
}

/* Storing pays the serialisation at each hop, cutting through once; the rest is the same. */
START_TEST(a_switch_stores_or_cuts_through)
{
    for (int store = 0; store < 2; store++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(up(dp(up(dp(ep)))))");
        for (uint32_t f = 0; f < fixture.input.topology->function_count; f++)
            fixture.input.parameters.switches[f].store_and_forward = store;
        uint64_t tlp_ps = wire_ps(3, 8, HEADER + 256);
        ck_assert_uint_eq(alone(&fixture, "05:00.0", STREAM_WRITE, 0x10000000, 256),
                          ISSUE_PS + (store ? 3 : 1) * tlp_ps + 3 * LINK_PS + 2 * SWITCH_PS + REQUEST_PS +
                              COMMIT_PS);
        fixture_fini(&fixture);
    }
}
END_TEST

/* From a fast link to a slow one a switch cuts through; from a slow one to a fast one it would run dry, and
 * stores. Either way a TLP takes the slow link's time, and the fast one's where it is stored. */
START_TEST(unequal_links_cut_through_only_downhill)
{
    static const struct {
        const char *machine;
        unsigned up_generation, up_width, device_generation, device_width;
        bool stored;
    } cases[] = {
        {"rp[link=3x16](up[link=3x16](dp[link=1x1](ep[link=1x1])))", 3, 16, 1, 1, true},
        {"rp[link=1x1](up[link=1x1](dp[link=3x16](ep[link=3x16])))", 1, 1, 3, 16, false},
        {"rp[link=4x4](up[link=4x4](dp[link=3x8](ep[link=3x8])))", 4, 4, 3, 8, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, cases[i].machine);
        uint64_t device_ps = wire_ps(cases[i].device_generation, cases[i].device_width, HEADER + 256),
                 up_ps = wire_ps(cases[i].up_generation, cases[i].up_width, HEADER + 256);
        /* 16 GT/s x4 and 8 GT/s x8 have the same raw rate, but acknowledge differently. */
        bool stored = i == 2 ? device_ps > up_ps : cases[i].stored;
        ck_assert_uint_eq(alone(&fixture, "03:00.0", STREAM_WRITE, 0x10000000, 256),
                          ISSUE_PS + (stored ? device_ps : 0) + up_ps + 2 * LINK_PS + SWITCH_PS + REQUEST_PS +
                              COMMIT_PS);
        fixture_fini(&fixture);
    }
}
END_TEST

/* In flit mode what has come is used when its flit is whole: 32 ns at 64 GT/s x1. */
START_TEST(a_flit_is_used_when_it_is_whole)
{
    enum { FLIT_PS = 32000 };
    static const uint32_t sizes[] = {4, 64, 200, 256};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp[link=6x1](ep[link=6x1])");
        uint64_t last_byte_ps = ISSUE_PS + wire_ps(6, 1, HEADER + sizes[i]);
        ck_assert_uint_eq(alone(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, sizes[i]),
                          (last_byte_ps + FLIT_PS - 1) / FLIT_PS * FLIT_PS + LINK_PS + REQUEST_PS +
                              COMMIT_PS);
        fixture_fini(&fixture);
    }
    struct machine_fixture fixture; /* a switch passes a TLP on after the flit it begins in */
    fixture_init(&fixture, "rp[link=6x1](up[link=6x1](dp[link=6x1](ep[link=6x1])))");
    uint64_t at_switch_ps = (ISSUE_PS / FLIT_PS + 1) * FLIT_PS + LINK_PS + SWITCH_PS;
    uint64_t last_byte_ps = at_switch_ps + wire_ps(6, 1, HEADER + 256);
    ck_assert_uint_eq(alone(&fixture, "03:00.0", STREAM_WRITE, 0x10000000, 256),
                      (last_byte_ps + FLIT_PS - 1) / FLIT_PS * FLIT_PS + LINK_PS + REQUEST_PS + COMMIT_PS);
    fixture_fini(&fixture);
}
END_TEST

/* Gb/s of a device that writes as fast as its link lets it, alone or beside another one. */
static double write_rate(const char *machine, const char *device, const char *other)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, machine);
    const char *devices[] = {device, other};
    for (int i = 0; i < 2 && devices[i]; i++) {
        struct stream *stream = fixture_stream(&fixture, devices[i], STREAM_WRITE, 0x10000000, 4096, 500, 64);
        stream->window_bytes = 1 << 20;
        stream->warmup_operations = 100;
        struct link_parameters *links = fixture.input.parameters.links;
        for (uint32_t f = 0; f < fixture.input.topology->function_count; f++)
            links[f].posted_header_credits = links[f].posted_data_credits = 0;
    }
    fixture_run(&fixture);
    const struct stream_result *result = fixture_result(&fixture, 0);
    double gbps = (double)result->bytes * 8e3 / (double)(result->last_ps - result->first_ps);
    fixture_fini(&fixture);
    return gbps;
}

/* A bifurcated slot of 16 lanes is two ports of 8: each device has half of what one alone in the slot has,
 * and neither disturbs the other. */
START_TEST(a_bifurcated_slot_is_two_ports)
{
    double whole = write_rate("rp[link=3x16](ep[link=3x16])", "01:00.0", NULL);
    double half = write_rate("rp[link=3x8](ep[link=3x8]) rp[link=3x8](ep[link=3x8])", "01:00.0", NULL);
    double beside = write_rate("rp[link=3x8](ep[link=3x8]) rp[link=3x8](ep[link=3x8])", "01:00.0", "02:00.0");
    /* Acknowledgements come at other distances on links of other widths: the halves are not exact. */
    ck_assert(half > 0.49 * whole && half < 0.52 * whole);
    ck_assert(fabs(beside / half - 1) < 1e-9);
}
END_TEST

START_TEST(ecrc_is_four_bytes_on_every_tlp)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    fixture.input.parameters.links[fixture_function(&fixture, "00:00.0")].ecrc = true;
    ck_assert_uint_eq(alone(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64),
                      ISSUE_PS + wire_ps(3, 8, HEADER + 4) + 2 * LINK_PS + REQUEST_PS + LLC_PS +
                          COMPLETION_PS + wire_ps(3, 8, HEADER + 64 + 4) + DONE_PS);
    fixture_fini(&fixture);
}
END_TEST

/* Completions end on multiples of RCB (PCIe Base Spec 2.3.1.1): the first is short where the read does not
 * begin on one. MPS 256. */
START_TEST(unaligned_reads_are_split_at_the_boundary)
{
    static const struct {
        uint64_t offset, size;
        uint32_t boundary, pieces;
    } cases[] = {
        {0, 512, 64, 2},                         /* 256 256 */
        {4, 512 - 4, 64, 2},                     /* 252 256 */
        {60, 512 - 60, 64, 2},                   /* 196 256 */
        {63, 1, 64, 1},                          /* 1 */
        {63, 2, 64, 1},                          /* 2: one completion may cross a boundary, not end off it */
        {63, 200, 64, 2},                        /* 193, to 256; 7 */
        {100, 412, 64, 2},                       /* 220, to 320; 192 */
        {100, 412, 128, 3},                      /* 156, to 256; 256; none left */
        {0, 256, 128, 1},      {1, 256, 128, 2}, /* 255, 1 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep[mrrs=4096])");
        fixture.input.parameters.root_complex.read_completion_boundary = cases[i].boundary;
        alone(&fixture, "01:00.0", STREAM_READ, 0x10000000 + cases[i].offset, cases[i].size);
        const struct channel *down = link_to(&fixture, "01:00.0", false);
        uint32_t pieces = 0;
        uint64_t at = cases[i].offset, end = at + cases[i].size;
        while (at < end) { /* the rule, said differently: as far as the MPS reaches from the boundary below */
            at = at / cases[i].boundary * cases[i].boundary + 256;
            pieces++;
        }
        ck_assert_msg(down->tlps == pieces && down->payload_bytes == cases[i].size,
                      "case %zu: %lu TLPs, %lu bytes; expected %u", i, down->tlps, down->payload_bytes,
                      pieces);
        if (cases[i].boundary == 64)
            ck_assert_uint_eq(pieces, cases[i].pieces);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Requests of a device: at multiples of MPS and MRRS. */
START_TEST(the_smallest_mps_on_the_way_holds)
{
    static const struct {
        const char *machine, *device;
        uint32_t payload, warnings;
    } cases[] = {
        {"rp[mps=128](ep[mps=512])", "01:00.0", 128, 1},
        {"rp[mps=512](ep[mps=128])", "01:00.0", 128, 0},
        {"rp[mps=512](up[mps=512](dp[mps=256](ep[mps=512])))", "03:00.0", 256, 1},
        {"rp[mps=128](up[mps=512](dp[mps=512](ep[mps=512])))", "03:00.0", 128, 1},
        {"rp[mps=512](up[mps=512](dp[mps=512](ep[mps=512])))", "03:00.0", 512, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int read = 0; read < 2; read++) {
            struct machine_fixture fixture;
            fixture_init(&fixture, cases[i].machine);
            alone(&fixture, cases[i].device, read ? STREAM_READ : STREAM_WRITE, 0x10000000, 4096);
            const struct channel *link = link_to(&fixture, cases[i].device, !read);
            ck_assert_uint_eq(link->payload_bytes, 4096);
            ck_assert_uint_eq(link->tlps, 4096 / cases[i].payload);
            ck_assert_uint_eq(diagnostics_warnings(fixture.diagnostics), cases[i].warnings);
            fixture_fini(&fixture);
        }
    }
}
END_TEST

/* A peer that takes less than is written to it calls the TLPs malformed; the root complex splits them. */
START_TEST(a_peer_takes_its_own_mps_only)
{
    static const struct {
        const char *machine, *source, *target;
        uint64_t failed;
    } cases[] = {
        {"rp(up(dp(ep[mps=256]) dp(ep[mps=128])))", "03:00.0", "04:00.0", 1},
        {"rp(up(dp(ep[mps=128]) dp(ep[mps=256])))", "03:00.0", "04:00.0", 0},
        {"rp[acs,p2p=all](ep[mps=256]) rp(ep[mps=128])", "01:00.0", "02:00.0", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, cases[i].machine);
        uint64_t address =
            fixture.input.topology->functions[fixture_function(&fixture, cases[i].target)].bars[0].address;
        fixture_stream(&fixture, cases[i].source, STREAM_WRITE, address, 4096, 1, 1)->window_bytes = 4096;
        fixture_run(&fixture);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, cases[i].failed);
        fixture_fini(&fixture);
    }
}
END_TEST

/*
 * A function whose own BAR is mapped for it: writes come down to it like any. The completion of its read
 * carries its own id; the port above has that below itself and sends a completion upward only with ACS
 * Upstream Forwarding, as bridges do not claim on their secondary side what is theirs (PCI-to-PCI Bridge
 * Spec 4). Without, the read is lost.
 */
START_TEST(a_function_reads_its_own_bar_only_with_upstream_forwarding)
{
    for (int forwarding = 0; forwarding < 2; forwarding++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, forwarding ? "rp[acs](ep)" : "rp(ep)");
        fixture_translate(&fixture, "01:00.0", 0x10000000, 65536, 4096);
        fixture.mappings[0].physical =
            fixture.input.topology->functions[fixture_function(&fixture, "01:00.0")].bars[0].address;
        fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 64, 10, 1);
        fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 10, 1);
        fixture_run(&fixture);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
        ck_assert_uint_eq(fixture_result(&fixture, 1)->failed, forwarding ? 0 : 10);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Interrupt messages are not translated, whatever is mapped; the window cannot be read. */
START_TEST(interrupt_messages_are_not_translated)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    fixture_translate(&fixture, "01:00.0", 0x10000000, 65536, 4096);
    fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0xfee00000, 4, 20, 2);
    fixture_stream(&fixture, "01:00.0", STREAM_READ, 0xfee00000, 4, 20, 2);
    fixture.streams[0].window_bytes = fixture.streams[1].window_bytes = 4096;
    fixture_run(&fixture);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
    ck_assert_uint_eq(fixture_result(&fixture, 1)->failed, 20);
    ck_assert_uint_eq(machine_unit(fixture.machine, 0)->counters.requests, 0);
    fixture_fini(&fixture);
}
END_TEST

/* Lookups of a unit begin at most one an interval: of n TLPs at once the last waits n - 1 of them. */
START_TEST(lookups_are_an_interval_apart)
{
    struct machine_fixture fixture;
    enum { TLPS = 16, INTERVAL_PS = 500000 };
    fixture_init(&fixture, "rciep");
    fixture.input.parameters.units[0].lookup_interval_ps = INTERVAL_PS;
    fixture.input.parameters.units[0].iotlb_hit_ps = fixture.input.parameters.units[0].context_hit_ps = 0;
    fixture_translate(&fixture, "00:00.0", 0x10000000, 65536, 4096);
    fixture_stream(&fixture, "00:00.0", STREAM_READ, 0x10000000, 64, 1,
                   1); /* the page is in the IOTLB then */
    fixture_stream(&fixture, "00:00.0", STREAM_WRITE, 0x10000000, 256 * TLPS, 1, 1)->start_ps = 10000000;
    fixture_run(&fixture);
    /* Memory takes 256 bytes in 256 ps, long before the next lookup. */
    ck_assert_uint_eq(fixture_result(&fixture, 1)->latency.minimum,
                      ISSUE_PS + REQUEST_PS + (TLPS - 1) * INTERVAL_PS + COMMIT_PS);
    fixture_fini(&fixture);
}
END_TEST

Suite *fabric_detail_suite(void)
{
    Suite *suite = suite_create("fabric_detail");
    TCase *tests = tcase_create("fabric_detail");
    tcase_add_test(tests, a_switch_stores_or_cuts_through);
    tcase_add_test(tests, unequal_links_cut_through_only_downhill);
    tcase_add_test(tests, a_flit_is_used_when_it_is_whole);
    tcase_add_test(tests, a_bifurcated_slot_is_two_ports);
    tcase_add_test(tests, ecrc_is_four_bytes_on_every_tlp);
    tcase_add_test(tests, unaligned_reads_are_split_at_the_boundary);
    tcase_add_test(tests, the_smallest_mps_on_the_way_holds);
    tcase_add_test(tests, a_peer_takes_its_own_mps_only);
    tcase_add_test(tests, a_function_reads_its_own_bar_only_with_upstream_forwarding);
    tcase_add_test(tests, interrupt_messages_are_not_translated);
    tcase_add_test(tests, lookups_are_an_interval_apart);
    suite_add_tcase(suite, tests);
    return suite;
}
