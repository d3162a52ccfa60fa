/* SPDX-License-Identifier: MIT */
/* A network card on a measured host (nic-server-cascade-lake), as a user asks: rings, directions, page sizes,
 * modes, CPUs. What is held to are directions and orders of magnitude that the literature agrees on; figures
 * are held to by `make validate`. And by hand: what throughput is made of. */
#include "models/device/device_host.h"
#include "sim/base/text_buffer.h"
#include "tests/unit/program.h"

#include <cJSON.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

Suite *nic_suite(void);

/* What a run is asked for: %s mode, nic keys beside those of receiving packets of a page. */
static const char workload_text[] =
    "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"host\", \"mode\": \"%s\", \"devices\": "
    "\"all\"}],\n"
    " \"streams\": [{\"name\": \"nic\", \"device\": \"01:00.0\", \"operations\": %d, \"warmup\": %d, "
    "\"nic\": "
    "{\"headers\": \"0B\", %s}}]}";

/* Packets of a page as they were measured on this host: 64 buffers a descriptor, recycled where they can be.
 */
#define RECEIVE                                                                                              \
    "\"packet\": \"4096B\", \"wire_overhead\": \"90B\", \"buffer\": \"4KiB\", \"buffers_per_descriptor\": "  \
    "64, "                                                                                                   \
    "\"packets_per_acknowledgement\": 16"
#define FIVE_QUEUES "\"queues\": 5, \"flows\": 5, \"recycling\": \"page-cache\", "

struct figures {
    double gbps, reads;    /* page-table reads for each 4 KiB */
    double bytes, in, out; /* received or sent; copied to and from bounce buffers */
};

static double number(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(value), "%s is missing", key);
    return value->valuedouble;
}

static struct figures figures_of(const char *output)
{
    cJSON *document = cJSON_Parse(output);
    ck_assert_msg(document != NULL, "%s", output);
    const cJSON *stream = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "streams"), 0),
                *model = cJSON_GetObjectItem(stream, "device_model"),
                *unit = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "units"), 0);
    struct figures figures = {.gbps = number(model, "bits_per_s") / 1e9,
                              .reads = number(cJSON_GetObjectItem(unit, "counters"), "page_table_reads") /
                                       (number(model, "bytes") / 4096)};
    const cJSON *bounce = cJSON_GetObjectItem(document, "bounce_buffers");
    figures.in = number(bounce, "bytes_copied_in");
    figures.out = number(bounce, "bytes_copied_out");
    figures.bytes = number(model, "bytes");
    ck_assert_double_eq(number(cJSON_GetObjectItem(unit, "counters"), "faults"), 0);
    cJSON_Delete(document);
    return figures;
}

static struct figures run(const char *mode, int packets, const char *nic)
{
    char text[2048], command[1024], *topology = realpath("topologies/nic-server-cascade-lake.json", NULL);
    int status;
    ck_assert_ptr_nonnull(topology);
    snprintf(text, sizeof(text), workload_text, mode, packets, packets, nic);
    snprintf(command, sizeof(command), "run --topology %s --workload w.json --format json", topology);
    free(topology);
    program_setup();
    program_write_file("w.json", text);
    char *output = program_run(command, &status);
    program_teardown();
    ck_assert_msg(status == 0, "%s: %s", text, output);
    struct figures figures = figures_of(output);
    free(output);
    return figures;
}

/* The pages of larger rings, on all channels the driver has open, lie further apart than the walk caches
 * reach: what a page costs never falls, and the largest costs clearly more. */
START_TEST(larger_rings_cost_walks)
{
    static const int rings[] = {256, 1024, 2048, 4096};
    struct figures first = {0}, last = {0};
    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
        char nic[512];
        snprintf(nic, sizeof(nic), FIVE_QUEUES "\"ring\": %d, " RECEIVE, rings[i]);
        struct figures now = run("strict", 3 * rings[i] + 8000, nic);
        if (i == 0)
            first = now;
        else
            ck_assert_msg(now.reads > 0.97 * last.reads && now.gbps < 1.03 * last.gbps,
                          "ring %d: %.2f reads, %.1f Gb/s after %.2f, %.1f", rings[i], now.reads, now.gbps,
                          last.reads, last.gbps);
        last = now;
    }
    ck_assert_double_gt(last.reads, 1.15 * first.reads);
    ck_assert_double_lt(last.gbps, 0.9 * first.gbps);
}
END_TEST

/* Writes are posted and translated in order, so walks limit them; reads wait side by side, and the TLPs of a
 * packet share the walk of their page. */
START_TEST(sending_bears_what_limits_receiving)
{
    struct figures receive = run("strict", 8000, FIVE_QUEUES "\"ring\": 256, " RECEIVE),
                   send = run(
                       "strict", 2000,
                       "\"direction\": \"transmit\", \"queues\": 5, \"flows\": 5, \"ring\": 64, \"packet\": "
                       "\"16KiB\"");
    ck_assert_double_lt(receive.gbps, 85);
    ck_assert_double_gt(send.gbps, 97);
    ck_assert_double_lt(send.reads, 5); /* of 8 TLPs a page, each of which walked for itself: 8 and more */
}
END_TEST

/* Off and passthrough are the wire; lazy saves the invalidations, not the misses; mapping each packet in
 * strict mode is the worst. */
START_TEST(modes_keep_their_order)
{
    static const char *const modes[] = {"off", "passthrough", "lazy", "strict"};
    double gbps[4];
    for (int i = 0; i < 4; i++)
        gbps[i] = run(modes[i], 6000,
                      "\"queues\": 5, \"flows\": 5, \"ring\": 256, \"recycling\": \"none\", " RECEIVE)
                      .gbps;
    ck_assert_double_gt(gbps[0], 96);
    ck_assert_double_gt(gbps[1], 0.98 * gbps[0]);
    ck_assert_double_lt(gbps[2], 0.95 * gbps[1]);
    ck_assert_double_lt(gbps[3], 0.5 * gbps[2]);
}
END_TEST

/* Buffers cut from 2 MiB need hardly a walk: the rate without IOMMU is had back, in either mode. */
START_TEST(large_pages_have_the_rate_back)
{
    double off = run("off", 6000, FIVE_QUEUES "\"ring\": 256, " RECEIVE).gbps;
    static const char *const modes[] = {"lazy", "strict"};
    for (int i = 0; i < 2; i++) {
        struct figures
            small = run(modes[i], 8000, FIVE_QUEUES "\"ring\": 256, " RECEIVE),
            large = run(modes[i], 8000,
                        "\"queues\": 5, \"flows\": 5, \"recycling\": \"page-pool\", \"mapping\": \"2MiB\", "
                        "\"ring\": 256, " RECEIVE);
        ck_assert_double_lt(small.gbps, 0.92 * off);
        ck_assert_double_gt(large.gbps, 0.95 * off);
        ck_assert_double_lt(large.reads, 0.3 * small.reads);
    }
}
END_TEST

/* One CPU after the other adds what it can take, until walks are the limit; then more CPUs only add rings
 * that compete for the IOTLB. */
START_TEST(cpus_add_up_to_what_walks_allow)
{
    static const int cpus[] = {1, 2, 4, 8, 20};
    double gbps[5];
    for (int i = 0; i < 5; i++) {
        char nic[512];
        snprintf(nic, sizeof(nic),
                 "\"queues\": %d, \"flows\": %d, \"recycling\": \"page-cache\", \"ring\": 256, " RECEIVE,
                 cpus[i], cpus[i]);
        gbps[i] = run("strict", 4000 + 500 * cpus[i], nic).gbps;
    }
    ck_assert_double_eq_tol(gbps[1], 2 * gbps[0], 0.1 * gbps[1]);
    ck_assert_double_eq_tol(gbps[2], 4 * gbps[0], 0.1 * gbps[2]);
    ck_assert_double_lt(gbps[3], 1.1 * gbps[2]);
    ck_assert_double_lt(gbps[4], 1.02 * gbps[3]);
    ck_assert_double_gt(gbps[4], 0.8 * gbps[3]);
}
END_TEST

/* Where all DMA bounces, each packet is copied once when it is read; buffers that are mapped anew for each
 * packet are copied to the device, too, as the kernel leaks nothing that was in them. */
START_TEST(what_bounces_is_copied_when_it_is_read)
{
    static const char *const recycling[] = {"none", "page-cache", "page-pool"};
    double gbps[3];
    for (int i = 0; i < 3; i++) {
        char nic[512];
        snprintf(nic, sizeof(nic),
                 "\"queues\": 5, \"flows\": 5, \"ring\": 256, \"recycling\": \"%s\", " RECEIVE, recycling[i]);
        struct figures got = run("off\", \"bounce\": \"always", 4000, nic);
        double bytes = got.bytes;
        ck_assert_double_eq_tol(got.out, bytes, 0.02 * bytes);
        if (i == 0)
            ck_assert_double_eq_tol(got.in, bytes, 0.2 * bytes);
        else
            ck_assert_double_lt(got.in, 0.01 * bytes); /* the ring was filled in the warm-up */
        gbps[i] = got.gbps;
    }
    ck_assert_double_lt(gbps[0], 0.8 * gbps[2]);
}
END_TEST

START_TEST(keys_that_do_not_go_together_are_refused)
{
    static const struct {
        const char *nic, *words;
    } wrong[] = {
        {"\"ring\": 96, \"buffers_per_descriptor\": 64",
         "\"ring\" is no multiple of \"buffers_per_descriptor\""},
        {"\"ring\": 32768, \"queues\": 8", "\"ring\" times \"queues\" is more than 131072"},
        {"\"ring\": 32768, \"channels\": 64", "\"channels\" times \"ring\" is more than 1048576"},
        {"\"packet\": \"64B\", \"headers\": \"66B\"", "\"headers\" leaves no payload of \"packet\""},
        {"\"packet_memory\": \"64KiB\", \"ring\": 64, \"queues\": 256",
         "\"packet_memory\" has no room for one packet of each queue"},
    };
    char text[1024], command[1024], *topology = realpath("topologies/nic-server-cascade-lake.json", NULL);
    ck_assert_ptr_nonnull(topology);
    program_setup();
    snprintf(command, sizeof(command), "iommusim run --topology %s --workload w.json", topology);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(
            text, sizeof(text),
            "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"host\", \"mode\": \"strict\", "
            "\"devices\": \"all\"}],\n \"streams\": [{\"name\": \"nic\", \"device\": \"01:00.0\", "
            "\"operations\": 10, \"nic\": {%s}}]}",
            wrong[i].nic);
        program_write_file("w.json", text);
        program_expect(command, 2, wrong[i].words);
    }
    program_teardown();
    free(topology);
}
END_TEST

/* ---- what throughput is made of ---- */

static uint64_t now_ps(void *context)
{
    return *(const uint64_t *)context;
}

static void measure(void *context, uint32_t device)
{
    (void)context;
    (void)device;
}

enum { DEPTH = 30, WANTED = 100, WARMUP = 50 };

/* Units that begin each @p begin_ps while fewer than @p depth are under way, and that are done each @p
 * done_ps, those of the warm-up each @p warm_ps. */
static struct device_counters play(uint64_t depth, uint64_t begin_ps, uint64_t warm_ps, uint64_t done_ps)
{
    struct device_counters counters = {.wanted = WANTED};
    uint64_t time_ps = 0, next_begin_ps = 0, next_done_ps = warm_ps;
    const struct device_host host = {.context = &time_ps, .now_ps = now_ps, .measure = measure};
    while (counters.done < WANTED + WARMUP) {
        bool may_begin = counters.begun < WANTED + WARMUP &&
                         counters.begun - counters.done<depth, some = counters.begun> counters.done;
        time_ps = may_begin && (!some || next_begin_ps <= next_done_ps) ? next_begin_ps : next_done_ps;
        if (may_begin && (!some || next_begin_ps <= next_done_ps)) {
            counters.begun++;
            if (!some && next_done_ps < time_ps)
                next_done_ps = time_ps + done_ps;
            next_begin_ps = time_ps + begin_ps;
        } else {
            device_counters_unit(&counters, 0, 1000, WARMUP, &host);
            next_done_ps = time_ps + (counters.done < WARMUP ? warm_ps : done_ps);
            if (next_begin_ps < time_ps)
                next_begin_ps = time_ps;
        }
    }
    return counters;
}

START_TEST(throughput_ends_when_the_last_unit_begins)
{
    /* Always as many under way as may be: the rate is that of being done, whatever the depth. */
    for (uint64_t depth = 1; depth <= DEPTH; depth += 29) {
        struct device_counters counters = play(depth, 1, 1000, 1000);
        struct device_throughput got = device_throughput(&counters);
        ck_assert_uint_eq(got.ps, got.units * 1000);
        ck_assert_uint_eq(got.bytes, got.units * 1000);
        ck_assert_uint_ge(got.units + depth, WANTED);
        ck_assert(device_steadiness(&counters).known && device_steadiness(&counters).steady);
    }
    /* A backlog of the warm-up is worked off while fewer come: not steady. */
    struct device_counters backlog = play(1000, 1000, 2000, 300);
    ck_assert(device_steadiness(&backlog).known && !device_steadiness(&backlog).steady);
    ck_assert_uint_gt(device_steadiness(&backlog).way_first, device_steadiness(&backlog).way_last + 10);
    /* Nobody said how many: nothing is known. */
    backlog.wanted = 0;
    ck_assert(!device_steadiness(&backlog).known);
}
END_TEST

Suite *nic_suite(void)
{
    Suite *suite = suite_create("nic");
    TCase *tests = tcase_create("nic");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, larger_rings_cost_walks);
    tcase_add_test(tests, sending_bears_what_limits_receiving);
    tcase_add_test(tests, modes_keep_their_order);
    tcase_add_test(tests, large_pages_have_the_rate_back);
    tcase_add_test(tests, cpus_add_up_to_what_walks_allow);
    tcase_add_test(tests, what_bounces_is_copied_when_it_is_read);
    tcase_add_test(tests, keys_that_do_not_go_together_are_refused);
    tcase_add_test(tests, throughput_ends_when_the_last_unit_begins);
    suite_add_tcase(suite, tests);
    return suite;
}
