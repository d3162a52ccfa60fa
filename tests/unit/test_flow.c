/* SPDX-License-Identifier: MIT */
/*
 * The flow engine: max-min sharing by its definition, and the two engines against each other - by hand, on
 * random trees, and SimGrid's arithmetic against our own.
 */
#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/kernel/random.h"
#include "sim/machine/max_min.h"
#include "sim/machine/port_shares.h"
#include "tests/unit/program.h"

#include <check.h>
#include <cJSON.h>
#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

Suite *flow_suite(void);

/* ---- max-min ---- */

enum { FLOWS = 12, LINKS = 6 };

/* The textbook's: three flows over a line of links, one over all. */
START_TEST(test_sharing_by_hand)
{
    static const uint32_t all[] = {0, 1}, first[] = {0}, second[] = {1};
    static const double capacity[] = {10, 16};
    struct max_min_flow flows[] = {
        {100, all, 2, 0}, {100, first, 1, 0}, {100, second, 1, 0}, {3, second, 1, 0}};
    max_min_share(flows, 4, capacity, 2);
    ck_assert_double_eq_tol(flows[0].rate, 5, 1e-9); /* the first link is full: 5 each */
    ck_assert_double_eq_tol(flows[1].rate, 5, 1e-9);
    ck_assert_double_eq_tol(flows[3].rate, 3, 1e-9); /* its ceiling */
    ck_assert_double_eq_tol(flows[2].rate, 8, 1e-9); /* what is left of the second */
}
END_TEST

/* Nobody can have more without taking it from one who has no more: each flow is at its ceiling, or passes a
 * full link on which no other is faster. */
START_TEST(test_sharing_law)
{
    struct random_stream random;
    random_init(&random, 7, "max-min");
    for (int round = 0; round < 2000; round++) {
        double capacity[LINKS];
        uint32_t links[FLOWS][LINKS];
        struct max_min_flow flows[FLOWS];
        for (int l = 0; l < LINKS; l++)
            capacity[l] = 1 + (double)random_below(&random, 100);
        for (int f = 0; f < FLOWS; f++) {
            flows[f] = (struct max_min_flow){(double)random_below(&random, 40), links[f], 0, 0};
            for (uint32_t l = 0; l < LINKS; l++) {
                if (random_below(&random, 3) == 0)
                    links[f][flows[f].link_count++] = l;
            }
        }
        max_min_share(flows, FLOWS, capacity, LINKS);
        double used[LINKS] = {0}, fastest[LINKS] = {0};
        for (int f = 0; f < FLOWS; f++) {
            for (uint32_t i = 0; i < flows[f].link_count; i++) {
                used[links[f][i]] += flows[f].rate;
                fastest[links[f][i]] = fmax(fastest[links[f][i]], flows[f].rate);
            }
        }
        for (int l = 0; l < LINKS; l++)
            ck_assert_double_le(used[l], capacity[l] * (1 + 1e-9));
        for (int f = 0; f < FLOWS; f++) {
            bool stands = flows[f].rate >= flows[f].ceiling * (1 - 1e-9);
            for (uint32_t i = 0; i < flows[f].link_count; i++) {
                uint32_t l = links[f][i];
                stands |= used[l] >= capacity[l] * (1 - 1e-9) && flows[f].rate >= fastest[l] * (1 - 1e-9);
            }
            ck_assert_msg(stands, "round %d, flow %d", round, f);
        }
    }
}
END_TEST

/* ---- by port ---- */

/* Two ports into link 0, behind the second two more: 1/2, 1/4, 1/4; what one does not want goes to its
 * neighbour first. */
START_TEST(test_ports)
{
    static const uint32_t near[] = {1, 0}, left[] = {3, 2, 0}, right[] = {4, 2, 0};
    static const double capacity[] = {80, 1000, 1000, 1000, 1000};
    struct port_flow flows[] = {
        {1000, 280, 1, near, 2, 0}, {1000, 280, 2, left, 3, 0}, {1000, 280, 3, right, 3, 0}};
    port_shares(flows, 3, capacity, 5);
    ck_assert_double_eq_tol(flows[0].rate, 40, 1e-6);
    ck_assert_double_eq_tol(flows[1].rate, 20, 1e-6);
    ck_assert_double_eq_tol(flows[2].rate, 20, 1e-6);
    flows[1].ceiling = 5;
    port_shares(flows, 3, capacity, 5);
    ck_assert_double_eq_tol(flows[0].rate, 40, 1e-6);
    ck_assert_double_eq_tol(flows[2].rate, 35, 1e-6);
    flows[1].ceiling = 0;
    flows[0].ceiling = 10;
    port_shares(flows, 3, capacity, 5);
    ck_assert_double_eq_tol(flows[2].rate, 70, 1e-6);
    /* Packet by packet: 88 bytes against 280. */
    flows[0].ceiling = 1000;
    flows[0].packet = 88;
    port_shares(flows, 3, capacity, 5);
    ck_assert_double_eq_tol(flows[0].rate, 80 * 88.0 / 368, 1e-6);
}
END_TEST

/* On random trees no link carries more than it can, and a flow below its ceiling passes a full link. */
START_TEST(test_ports_law)
{
    enum { LEAVES = 8, NODES = 2 * LEAVES };
    struct random_stream random;
    random_init(&random, 11, "ports");
    for (int round = 0; round < 1000; round++) {
        double capacity[NODES], used[NODES] = {0};
        uint32_t parent[NODES], ways[LEAVES][NODES];
        struct port_flow flows[LEAVES];
        for (uint32_t n = 0; n < NODES; n++) {
            parent[n] = n ? (uint32_t)random_below(&random, n) : UINT32_MAX;
            capacity[n] = 1 + (double)random_below(&random, 100);
        }
        for (uint32_t f = 0; f < LEAVES; f++) {
            flows[f] = (struct port_flow){
                (double)random_below(&random, 60), 24 + (double)random_below(&random, 256), f, ways[f], 0, 0};
            for (uint32_t n = LEAVES + f; n != UINT32_MAX; n = parent[n])
                ways[f][flows[f].link_count++] = n;
        }
        port_shares(flows, LEAVES, capacity, NODES);
        for (uint32_t f = 0; f < LEAVES; f++) {
            for (uint32_t i = 0; i < flows[f].link_count; i++)
                used[ways[f][i]] += flows[f].rate;
        }
        for (uint32_t n = 0; n < NODES; n++)
            ck_assert_msg(used[n] <= capacity[n] * (1 + 1e-6), "round %d, link %u: %f of %f", round, n,
                          used[n], capacity[n]);
        for (uint32_t f = 0; f < LEAVES; f++) {
            bool stands = flows[f].rate >= flows[f].ceiling * (1 - 1e-6);
            for (uint32_t i = 0; i < flows[f].link_count; i++)
                stands |= used[ways[f][i]] >= capacity[ways[f][i]] * (1 - 1e-6);
            ck_assert_msg(stands, "round %d, flow %u", round, f);
        }
    }
}
END_TEST

/* ---- the program ---- */

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "no number \"%s\"", key);
    return item->valuedouble;
}

static const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(item != NULL, "no \"%s\"", key);
    return item;
}

static cJSON *run_json(const char *arguments)
{
    int status;
    char *out = program_run(arguments, &status);
    ck_assert_msg(status == 0, "%s: %d", arguments, status);
    cJSON *document = cJSON_Parse(out);
    ck_assert_ptr_nonnull(document);
    free(out);
    return document;
}

static const char domains[] =
    "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"all\", \"devices\": \"all\", "
    "\"mappings\": "
    "[{\"iova\": \"0x10000000\", \"length\": \"64MiB\", \"page_size\": \"2MiB\"}]}], \"streams\": [";

static void add_stream(struct text_buffer *workload, const char *device, const char *operation,
                       const char *size, unsigned operations, unsigned depth, const char *more)
{
    bool first = workload->length == strlen(domains);
    text_buffer_format(workload,
                       "%s{\"name\": \"%s %s %s %u\", \"device\": \"%s\", \"operation\": \"%s\", \"base\": "
                       "\"0x10000000\", \"window\": \"64MiB\", \"size\": \"%s\", \"operations\": %u, "
                       "\"queue_depth\": %u%s}",
                       first ? "" : ", ", device, operation, size, depth, device, operation, size, operations,
                       depth, more);
}

static void write_workload(struct text_buffer *workload)
{
    text_buffer_add(workload, "]}");
    program_write_file("w.json", text_buffer_get(workload));
}

/* Rates and ends of both engines within a tenth, as the flow engine promises. @param machine  as FILE is
 * named */
static void compare_engines(const char *machine)
{
    struct text_buffer arguments = {0};
    text_buffer_format(&arguments, "run --topology '%s' --workload w.json --format json", machine);
    cJSON *exact = run_json(arguments.text);
    text_buffer_add(&arguments, " --engine flow");
    cJSON *fluid = run_json(arguments.text);
    const cJSON *streams = member(exact, "streams"), *flows = member(fluid, "streams");
    ck_assert_int_eq(cJSON_GetArraySize(streams), cJSON_GetArraySize(flows));
    for (int i = 0; i < cJSON_GetArraySize(streams); i++) {
        const cJSON *stream = cJSON_GetArrayItem(streams, i), *flow = cJSON_GetArrayItem(flows, i);
        static const char *const keys[] = {"bytes_per_s", "last_ps"};
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            double wanted = number(stream, keys[k]), got = number(flow, keys[k]);
            ck_assert_msg(fabs(got - wanted) <= 0.1 * wanted,
                          "%s, \"%s\": %s %.0f, in the transaction engine %.0f", machine,
                          member(stream, "name")->valuestring, keys[k], got, wanted);
        }
        ck_assert_double_eq(number(flow, "bytes"), number(stream, "bytes"));
    }
    cJSON_Delete(exact);
    cJSON_Delete(fluid);
    text_buffer_fini(&arguments);
}

/* Two below one switch and one below a second one deeper: ports share 1/2, 1/4, 1/4, flows would 1/3 each. */
START_TEST(test_ports_by_hand)
{
    static const char machine[] = "synthetic:rp(up(dp(ep) dp(up(dp(ep) dp(ep)))))";
    struct text_buffer workload = {0};
    text_buffer_add(&workload, domains);
    add_stream(&workload, "03:00.0", "write", "4KiB", 4000, 64, "");
    add_stream(&workload, "06:00.0", "write", "4KiB", 4000, 64, "");
    add_stream(&workload, "07:00.0", "write", "4KiB", 4000, 64, "");
    write_workload(&workload);
    compare_engines(machine);
    cJSON *fluid = run_json(
        "run --engine flow --format json --topology 'synthetic:rp(up(dp(ep) dp(up(dp(ep) dp(ep)))))' "
        "--workload w.json");
    const cJSON *set = cJSON_GetArrayItem(member(fluid, "sets"), 0), *streams = member(set, "streams");
    static const double parts[] = {0.5, 0.25, 0.25};
    double sum = 0;
    for (int i = 0; i < 3; i++)
        sum += number(cJSON_GetArrayItem(streams, i), "bytes_per_s");
    for (int i = 0; i < 3; i++) {
        const cJSON *stream = cJSON_GetArrayItem(streams, i);
        ck_assert_double_eq_tol(number(stream, "bytes_per_s") / sum, parts[i], 0.01);
        ck_assert_double_eq_tol(number(stream, "max_min_bytes_per_s") / sum, 1.0 / 3, 0.01);
        ck_assert_double_eq_tol(number(stream, "port_bytes_per_s") / sum, parts[i], 0.01);
    }
    ck_assert_str_eq(member(set, "differs")->valuestring, "arbitration");
    cJSON_Delete(fluid);
    program_expect("iommusim run --engine flow --topology 'synthetic:rp(up(dp(ep) dp(up(dp(ep) dp(ep)))))' "
                   "--workload w.json",
                   0, "a link is full, and is shared by port");
    text_buffer_fini(&workload);
}
END_TEST

/* Streams that do the same are sampled once; sets of them in other orders find their own shares. */
START_TEST(test_streams_alike)
{
    struct text_buffer workload = {0};
    text_buffer_add(&workload, domains);
    add_stream(&workload, "03:00.0", "write", "4KiB", 4000, 8, "");
    add_stream(&workload, "03:00.0", "write", "4KiB", 1000, 8, ", \"start\": \"1us\"");
    add_stream(&workload, "04:00.0", "write", "4KiB", 2000, 8, ", \"start\": \"2us\"");
    add_stream(&workload, "04:00.0", "write", "4KiB", 3000, 8, ", \"start\": \"3us\"");
    for (unsigned i = 0, seen = 0; i < workload.length; i++) { /* a name has to be its own */
        if (strncmp(workload.text + i, "write 4KiB 8", 12) == 0)
            workload.text[i + 11] = (char)('0' + ++seen);
    }
    write_workload(&workload);
    compare_engines("synthetic:rp(up(dp(ep) dp(ep)))");
    text_buffer_fini(&workload);
}
END_TEST

/* ... and streams that differ in how many pieces their buffers have are not alike, in whatever order. */
START_TEST(test_streams_not_alike)
{
    for (unsigned i = 0; i < 2; i++) {
        struct text_buffer workload = {0};
        text_buffer_add(
            &workload,
            "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"mode\": \"strict\", "
            "\"devices\": \"all\"}], \"streams\": [");
        for (unsigned one = 0; one < 2; one++)
            text_buffer_format(
                &workload,
                "%s{\"name\": \"%u\", \"device\": \"any\", \"operation\": \"write\", \"buffers\": "
                "\"per-use\", \"size\": \"16KiB\", \"pieces\": %u, \"operations\": 400, "
                "\"start\": \"%ums\", \"queue_depth\": 1}",
                one ? ", " : "", one, one == i ? 4 : 64, one * 100);
        write_workload(&workload);
        compare_engines("synthetic:rp(ep)");
        text_buffer_fini(&workload);
    }
}
END_TEST

/* Streams that share no wire, only the IOTLB: when the one has ended, the other goes faster at once. */
START_TEST(test_rest_goes_faster)
{
    struct text_buffer workload = {0};
    text_buffer_add(&workload,
                    "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"all\", \"devices\": "
                    "\"all\", \"mappings\": [{\"iova\": \"0x10000000\", \"length\": \"128MiB\"}]}], "
                    "\"streams\": [");
    for (unsigned i = 0; i < 2; i++)
        text_buffer_format(
            &workload,
            "%s{\"name\": \"%u\", \"device\": \"0%u:00.0\", \"operation\": \"read\", \"pattern\": "
            "\"random\", \"base\": \"0x%x\", \"window\": \"64MiB\", \"size\": \"64B\", \"operations\": "
            "%u, \"warmup\": 1000, \"queue_depth\": 64}",
            i ? ", " : "", i, i + 1, 0x10000000 + i * 0x4000000, i ? 40000 : 8000);
    write_workload(&workload);
    compare_engines("synthetic:rp(ep) rp(ep)");
    text_buffer_fini(&workload);
}
END_TEST

/* SimGrid against our own arithmetic: with --sharing max-min the rates of each set, over the times between
 * them, come to what each stream moved. */
START_TEST(test_simgrid_agrees)
{
    struct text_buffer workload = {0};
    text_buffer_add(&workload, domains);
    add_stream(&workload, "03:00.0", "write", "4KiB", 9000, 64, "");
    add_stream(&workload, "06:00.0", "write", "1KiB", 20000, 64, ", \"start\": \"500us\"");
    add_stream(&workload, "07:00.0", "write", "4KiB", 3000, 2, "");
    write_workload(&workload);
    cJSON *fluid = run_json("run --engine flow --sharing max-min --format json --topology "
                            "'synthetic:rp(up(dp(ep) dp(up(dp(ep) dp(ep)))))' --workload w.json");
    const cJSON *sets = member(fluid, "sets"), *flows = member(fluid, "streams");
    double end_ps = number(member(fluid, "run"), "simulated_ps");
    for (int f = 0; f < cJSON_GetArraySize(flows); f++) {
        const cJSON *flow = cJSON_GetArrayItem(flows, f);
        double moved = 0;
        for (int s = 0; s < cJSON_GetArraySize(sets); s++) {
            const cJSON *set = cJSON_GetArrayItem(sets, s), *next = cJSON_GetArrayItem(sets, s + 1), *stream;
            double until_ps = next ? number(next, "from_ps") : end_ps;
            cJSON_ArrayForEach(stream, member(set, "streams"))
            {
                if (strcmp(member(stream, "name")->valuestring, member(flow, "name")->valuestring) == 0)
                    moved +=
                        number(stream, "max_min_bytes_per_s") * (until_ps - number(set, "from_ps")) / 1e12;
            }
        }
        /* A set's own time is up to a thousandth late (fluid_run.h). */
        ck_assert_double_eq_tol(moved / number(flow, "bytes"), 1, 0.003);
    }
    ck_assert_int_ge(cJSON_GetArraySize(sets), 4);
    cJSON_Delete(fluid);
    text_buffer_fini(&workload);
}
END_TEST

/* ---- random trees ---- */

struct tree {
    struct random_stream random;
    struct text_buffer text;
};

static void add_subtree(struct tree *tree, unsigned depth)
{
    if (depth == 0 || random_below(&tree->random, 3) == 0) {
        text_buffer_add(&tree->text, "ep");
        return;
    }
    text_buffer_add(&tree->text, "up(");
    for (uint64_t ports = 1 + random_below(&tree->random, 3); ports > 0; ports--) {
        text_buffer_format(&tree->text, "dp[link=%" PRIu64 "x%u](", 3 + random_below(&tree->random, 2),
                           4U << random_below(&tree->random, 2));
        add_subtree(tree, depth - 1);
        text_buffer_add(&tree->text, ") ");
    }
    text_buffer_add(&tree->text, ")");
}

/* Streams on some of the endpoints of a machine, which the program lists. */
static void add_random_streams(const char *machine, unsigned most, struct random_stream *random,
                               struct text_buffer *workload)
{
    static const char *const operations[] = {"write", "read", "alternate"};
    static const struct {
        const char *text;
        unsigned operations;
    } sizes[] = {{"256B", 16000}, {"1500B", 8000}, {"4KiB", 4000}};
    struct text_buffer arguments = {0};
    int status;
    text_buffer_format(&arguments, "import '%s' -q -f lspci", machine);
    char *list = program_run(arguments.text, &status), *rest = list;
    unsigned streams = 0;
    for (char *line; (line = strsep(&rest, "\n")) && streams < most;) {
        /* "0000:03:00.0 0200: 8086:1572": root functions and bridges are left out */
        if (strlen(line) < 18 || line[4] != ':' || strncmp(line + 5, "00:", 3) == 0 || line[12] != ' ' ||
            strncmp(line + 13, "0604", 4) == 0)
            continue;
        line[12] = '\0';
        if (random_below(random, 3) == 0 && streams)
            continue;
        size_t size = random_below(random, 3);
        add_stream(workload, line, operations[random_below(random, 3)], sizes[size].text,
                   sizes[size].operations, 1U << random_below(random, 7),
                   random_below(random, 2) ? ", \"pattern\": \"random\"" : "");
        streams++;
    }
    ck_assert_msg(streams > 0, "%s", machine);
    free(list);
    text_buffer_fini(&arguments);
}

/* Sanitizers make a machine cost ten times as much. */
#ifdef __SANITIZE_ADDRESS__
enum { TREES = 3 };
#else
enum { TREES = 5 };
#endif

START_TEST(test_random_trees)
{
    for (uint64_t seed = 1; seed <= TREES; seed++) {
        struct tree tree = {.text = {0}};
        struct text_buffer workload = {0};
        random_init(&tree.random, seed, "flow");
        text_buffer_add(&tree.text, "synthetic:");
        for (uint64_t ports = 1 + random_below(&tree.random, 2); ports > 0; ports--) {
            text_buffer_format(&tree.text, "rp[link=%" PRIu64 "x8](", 3 + random_below(&tree.random, 2));
            add_subtree(&tree, 3);
            text_buffer_add(&tree.text, ") ");
        }
        text_buffer_add(&workload, domains);
        add_random_streams(tree.text.text, 4, &tree.random, &workload);
        write_workload(&workload);
        compare_engines(tree.text.text);
        text_buffer_fini(&workload);
        text_buffer_fini(&tree.text);
    }
}
END_TEST

START_TEST(test_reference_machines)
{
    glob_t files;
    struct random_stream random;
    random_init(&random, 3, "reference");
    ck_assert_int_eq(glob("topologies/*.json", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct text_buffer workload = {0};
        char *path = realpath(files.gl_pathv[i], NULL);
        text_buffer_add(&workload, domains);
        add_random_streams(path, 2, &random, &workload);
        write_workload(&workload);
        compare_engines(path);
        text_buffer_fini(&workload);
        free(path);
    }
    globfree(&files);
}
END_TEST

/* ---- long transfers, and what is refused ---- */

/* A terabyte: what is simulated packet by packet is less than a hundredth of a thousandth. */
START_TEST(test_long_transfer)
{
    struct text_buffer workload = {0};
    text_buffer_add(&workload, domains);
    add_stream(&workload, "03:00.0", "write", "4KiB", 120000000, 64, "");
    add_stream(&workload, "04:00.0", "read", "4KiB", 120000000, 64, ", \"start\": \"10s\"");
    write_workload(&workload);
    cJSON *fluid = run_json(
        "run --engine flow --format json --topology 'synthetic:rp(up(dp(ep) dp(ep)))' --workload w.json");
    ck_assert_double_lt(number(member(fluid, "engine"), "sampled_operations"), 240000000 / 1e4);
    const cJSON *reader = cJSON_GetArrayItem(member(fluid, "streams"), 1);
    ck_assert(cJSON_IsTrue(member(reader, "finished")));
    ck_assert_double_eq(number(reader, "first_ps"), 1e13);
    cJSON_Delete(fluid);
    text_buffer_fini(&workload);
}
END_TEST

/* Until a time: as much as the rate and the time make, whatever the stream would do after it. */
START_TEST(test_duration)
{
    program_write_file(
        "w.json",
        "{\"format\": \"iommusim-workload/1\", \"duration\": \"1ms\", \"domains\": [{\"name\": \"all\", "
        "\"devices\": \"all\", \"mappings\": [{\"iova\": \"0x10000000\", \"length\": \"4MiB\"}]}], "
        "\"streams\": "
        "[{\"name\": \"rx\", \"device\": \"01:00.0\", \"operation\": \"write\", \"size\": \"4KiB\", "
        "\"queue_depth\": "
        "32}, {\"name\": \"late\", \"device\": \"01:00.0\", \"operation\": \"write\", \"size\": \"4KiB\", "
        "\"queue_depth\": 1, \"operations\": 9, \"start\": \"2ms\"}]}");
    cJSON *exact = run_json("run --format json --topology 'synthetic:rp(ep)' --workload w.json");
    cJSON *fluid =
        run_json("run --engine flow --format json --topology 'synthetic:rp(ep)' --workload w.json");
    const cJSON *stream = cJSON_GetArrayItem(member(exact, "streams"), 0),
                *flow = cJSON_GetArrayItem(member(fluid, "streams"), 0);
    ck_assert_double_eq(number(member(fluid, "run"), "simulated_ps"), 1e9);
    ck_assert_double_eq_tol(number(flow, "bytes") / number(stream, "bytes"), 1, 0.02);
    ck_assert_double_eq(number(cJSON_GetArrayItem(member(fluid, "streams"), 1), "bytes"), 0);
    cJSON_Delete(exact);
    cJSON_Delete(fluid);
}
END_TEST

/* A warm-up that lasts longer than the run: nothing counts, and nothing happens after the end. */
START_TEST(test_warmup_beyond_duration)
{
    program_write_file(
        "w.json",
        "{\"format\": \"iommusim-workload/1\", \"duration\": \"100us\", \"domains\": [{\"name\": \"all\", "
        "\"devices\": \"all\", \"mappings\": [{\"iova\": \"0x10000000\", \"length\": \"4MiB\"}]}], "
        "\"streams\": [{\"name\": \"rx\", \"device\": \"01:00.0\", \"operation\": \"write\", \"size\": "
        "\"4KiB\", \"queue_depth\": 32, \"warmup\": 1000000}]}");
    cJSON *fluid =
        run_json("run --engine flow --format json --topology 'synthetic:rp(ep)' --workload w.json");
    const cJSON *flow = cJSON_GetArrayItem(member(fluid, "streams"), 0);
    ck_assert_double_eq(number(member(fluid, "run"), "simulated_ps"), 1e8);
    ck_assert_double_eq(number(flow, "bytes"), 0);
    ck_assert_double_eq(number(flow, "last_ps"), 1e8);
    cJSON_Delete(fluid);
}
END_TEST

START_TEST(test_refusals)
{
    static const char run[] = "iommusim run --topology 'synthetic:rp(ep)' --workload w.json ";
    static const struct {
        const char *options, *words;
    } cases[] = {{"--engine flux", "unknown engine 'flux': transaction or flow"},
                 {"--sharing max-min", "--sharing is for --engine flow"},
                 {"--engine flow --sharing fair", "unknown sharing 'fair': sampled, ports or max-min"},
                 {"--engine flow --format sarif", "--engine flow answers in text or json"},
                 {"--engine flow --explain slowest:3", "--engine flow follows no single operations"},
                 {"--engine flow --fail-on leak", "--engine flow sees no leaks"},
                 {"--engine flow -o out/", "--engine flow writes a file"},
                 {"--engine flow",
                  "stream \"irq\" sends interrupts; the flow engine takes bulk reads and writes only"}};
    program_write_file(
        "w.json",
        "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"all\", \"devices\": \"all\"}], "
        "\"streams\": [{\"name\": \"irq\", \"device\": \"any\", \"operation\": \"msi\", \"operations\": 9, "
        "\"queue_depth\": 1}]}");
    char *device = realpath("workloads/nvme-reads.json", NULL);
    struct text_buffer of_device = {0};
    text_buffer_format(&of_device, "iommusim run --engine flow --topology 'synthetic:rp(ep)' --workload '%s'",
                       device);
    program_expect(of_device.text, 2,
                   "is a device with its driver; the flow engine takes bulk reads and writes only");
    text_buffer_fini(&of_device);
    free(device);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text_buffer line = {0};
        text_buffer_format(&line, "%s%s", run, cases[i].options);
        program_expect(line.text, 2, cases[i].words);
        text_buffer_fini(&line);
    }
}
END_TEST

Suite *flow_suite(void)
{
    Suite *suite = suite_create("flow");
    TCase *sharing = tcase_create("sharing"), *program = tcase_create("program");
    tcase_add_test(sharing, test_sharing_by_hand);
    tcase_add_test(sharing, test_sharing_law);
    tcase_add_test(sharing, test_ports);
    tcase_add_test(sharing, test_ports_law);
    tcase_add_checked_fixture(program, program_setup, program_teardown);
    tcase_add_test(program, test_ports_by_hand);
    tcase_add_test(program, test_streams_alike);
    tcase_add_test(program, test_streams_not_alike);
    tcase_add_test(program, test_rest_goes_faster);
    tcase_add_test(program, test_simgrid_agrees);
    tcase_add_test(program, test_random_trees);
    tcase_add_test(program, test_reference_machines);
    tcase_add_test(program, test_long_transfer);
    tcase_add_test(program, test_duration);
    tcase_add_test(program, test_warmup_beyond_duration);
    tcase_add_test(program, test_refusals);
    suite_add_tcase(suite, sharing);
    suite_add_tcase(suite, program);
    return suite;
}
