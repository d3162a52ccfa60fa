/* SPDX-License-Identifier: MIT */
/* Who gets how much of a link that several want, by hand: round robin over the ports of a switch, TLP by TLP,
 * and what waits behind what in one port. */
#include "models/pcie/tlp.h"
#include "tests/unit/machine_fixture.h"

#include <check.h>
#include <math.h>

Suite *sharing_suite(void);

enum { DURATION_PS = 500000000, DEEP = 32 };

/* All want all they can get, until the time is over. */
static void writer(struct machine_fixture *fixture, const char *device, uint64_t address, uint64_t size)
{
    fixture_stream(fixture, device, STREAM_WRITE, address, size, 0, DEEP);
    fixture->workload.duration_ps = DURATION_PS;
}

static void run_full(struct machine_fixture *fixture)
{
    for (uint32_t f = 0; f < fixture->input.topology->function_count; f++)
        fixture->input.parameters.links[f].posted_header_credits = 16;
    fixture_run(fixture);
}

static double operations(const struct machine_fixture *fixture, uint32_t stream)
{
    return (double)fixture_result(fixture, stream)->completed;
}

/* TLPs of 256 bytes and 3 DW headers that a link of that kind carries in the time. */
static double link_tlps(unsigned generation, unsigned width)
{
    const struct link_parameters none = {0};
    const struct link_timing timing = link_timing_make(&none, generation, width, 256);
    return DURATION_PS / (double)link_serialisation_ps(&timing, TLP_FRAMING_BYTES + 12 + 256);
}

#define ABOUT(value, expected)                                                                               \
    ck_assert_msg(fabs((value) / (expected)-1) < 0.02, "%.0f, by hand %.0f", (value), (double)(expected))

/* Below the lower switch three share a port of the upper one, whose other port one device has to itself: a
 * sixth each, and half. */
START_TEST(ports_share_alike_whoever_is_below)
{
    struct machine_fixture fixture;
    fixture_init(&fixture,
                 "rp[link=3x4,mps=256](up[link=3x4,mps=256](dp[link=3x4,mps=256](up[link=3x4,mps=256]("
                 "dp*3[link=3x4,mps=256](ep[mps=256]))) dp[link=3x4,mps=256](ep[mps=256])))");
    static const char *const devices[] = {"05:00.0", "06:00.0", "07:00.0", "08:00.0"};
    for (int i = 0; i < 4; i++)
        writer(&fixture, devices[i], 0x10000000, 256);
    run_full(&fixture);
    for (uint32_t i = 0; i < 3; i++)
        ABOUT(operations(&fixture, i), link_tlps(3, 4) / 6);
    ABOUT(operations(&fixture, 3), link_tlps(3, 4) / 2);
    fixture_fini(&fixture);
}
END_TEST

/* Round robin counts TLPs, not bytes. */
START_TEST(a_turn_is_a_tlp_of_whatever_size)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp[link=3x4,mps=256](up[link=3x4,mps=256](dp*2[link=3x4,mps=256](ep[mps=256])))");
    writer(&fixture, "03:00.0", 0x10000000, 256);
    writer(&fixture, "04:00.0", 0x10000000, 64);
    run_full(&fixture);
    ABOUT(operations(&fixture, 0), operations(&fixture, 1));
    ABOUT(operations(&fixture, 0) * (276 + 84) / 276, link_tlps(3, 4));
    fixture_fini(&fixture);
}
END_TEST

/* A device writes to memory and to a peer on a slow link. What is for memory waits behind what is for the
 * peer, in the device and in the switch's port, so that both have the slow link's rate; relaxed ordering
 * changes nothing, since one class leaves a port in order (MODEL of transport.h). Another device has what is
 * left. */
START_TEST(a_slow_peer_holds_up_its_writer_only)
{
    for (int relaxed = 0; relaxed < 2; relaxed++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp[link=3x4,mps=256](up[link=3x4,mps=256](dp[link=3x4,mps=256](ep[mps=256]) "
                               "dp[link=1x1,mps=256](ep[mps=256]) dp[link=3x4,mps=256](ep[mps=256])))");
        const struct pci_function *peer =
            &fixture.input.topology->functions[fixture_function(&fixture, "04:00.0")];
        for (uint32_t f = 0; f < fixture.input.topology->function_count; f++)
            fixture.input.parameters.engines[f].relaxed_ordering = relaxed;
        writer(&fixture, "03:00.0", 0x10000000, 256);
        writer(&fixture, "03:00.0", peer->bars[0].address, 256);
        writer(&fixture, "05:00.0", 0x10000000, 256);
        run_full(&fixture);
        double slow_ps = DURATION_PS / link_tlps(1, 1), fast_ps = DURATION_PS / link_tlps(3, 4);
        double turns = DURATION_PS / (DEEP * slow_ps + DEEP * fast_ps - slow_ps);
        ABOUT(operations(&fixture, 1), turns * DEEP);
        ABOUT(operations(&fixture, 0), turns * DEEP + DEEP); /* one turn ahead */
        ABOUT(operations(&fixture, 2), link_tlps(3, 4) - turns * DEEP);
        fixture_fini(&fixture);
    }
}
END_TEST

Suite *sharing_suite(void)
{
    Suite *suite = suite_create("sharing");
    TCase *tests = tcase_create("sharing");
    tcase_add_test(tests, ports_share_alike_whoever_is_below);
    tcase_add_test(tests, a_turn_is_a_tlp_of_whatever_size);
    tcase_add_test(tests, a_slow_peer_holds_up_its_writer_only);
    suite_add_tcase(suite, tests);
    return suite;
}
