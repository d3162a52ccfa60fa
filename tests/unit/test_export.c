/* SPDX-License-Identifier: MIT */
/* Platforms for SimGrid: what is in them, the ways through them against those of the engine, and what SimGrid
 * itself makes of them. */
#include "models/pcie/fabric_acs.h"
#include "sim/analysis/reach.h"
#include "sim/base/arena.h"
#include "sim/output/simgrid_platform.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"
#include "tests/unit/random_machine.h"
#include "tests/unit/xml_reader.h"

#include <cJSON.h>
#include <check.h>
#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *export_suite(void);

enum { ROUTE_LINKS = 64 };

/* ---- a platform, read back ---- */

struct platform {
    struct text_buffer text;
    struct xml_document *xml;
};

static struct platform platform_of(const struct machine_fixture *fixture, const char *prefix)
{
    struct platform platform = {{0}, NULL};
    simgrid_platform_write(fixture->machine, fixture->input.topology, prefix, &platform.text);
    const char *root = strstr(text_buffer_get(&platform.text), "<platform");
    ck_assert_ptr_nonnull(root);
    platform.xml = xml_read(root);
    return platform;
}

static void platform_free(struct platform *platform)
{
    xml_free(platform->xml);
    text_buffer_fini(&platform->text);
}

static const char *value(const struct xml_document *xml, int element, const char *name)
{
    const char *text = xml_attribute(&xml->elements[element], name);
    ck_assert_msg(text != NULL, "%s without %s", xml->elements[element].name, name);
    return text;
}

static bool is(const struct xml_document *xml, int element, const char *name)
{
    return strcmp(xml->elements[element].name, name) == 0;
}

/* The element of a kind with an id; -1. */
static int find(const struct xml_document *xml, const char *kind, const char *id)
{
    for (int i = 0; i < xml->count; i++) {
        if (is(xml, i, kind) && strcmp(value(xml, i, "id"), id) == 0)
            return i;
    }
    return -1;
}

static bool is_place(const struct xml_document *xml, const char *id)
{
    return find(xml, "host", id) >= 0 || find(xml, "router", id) >= 0;
}

/* Ids are unique, and what routes name is there. */
static void check_references(const struct xml_document *xml, const char *machine)
{
    for (int i = 0; i < xml->count; i++) {
        if (is(xml, i, "host") || is(xml, i, "router") || is(xml, i, "link"))
            ck_assert_msg(find(xml, xml->elements[i].name, value(xml, i, "id")) == i, "%s: %s twice", machine,
                          value(xml, i, "id"));
        if (is(xml, i, "host"))
            ck_assert_msg(find(xml, "router", value(xml, i, "id")) < 0, "%s", machine);
        if (is(xml, i, "route"))
            ck_assert_msg(is_place(xml, value(xml, i, "src")) && is_place(xml, value(xml, i, "dst")),
                          "%s: %s to %s", machine, value(xml, i, "src"), value(xml, i, "dst"));
        if (is(xml, i, "link_ctn"))
            ck_assert_msg(find(xml, "link", value(xml, i, "id")) >= 0, "%s: %s", machine,
                          value(xml, i, "id"));
    }
}

/* ---- ways ---- */

/** Names of links, sorted. */
struct way {
    char names[ROUTE_LINKS][40];
    size_t count;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void way_add(struct way *way, const char *name)
{
    ck_assert_uint_lt(way->count, ROUTE_LINKS);
    snprintf(way->names[way->count++], sizeof(way->names[0]), "%s", name);
    qsort(way->names, way->count, sizeof(way->names[0]), compare_names);
}

static unsigned links_of_route(const struct xml_document *xml, int route)
{
    unsigned count = 0;
    for (int i = route + 1; i < xml->count && xml->elements[i].parent == route; i++)
        count++;
    return count;
}

/* The shortest way by links, as Floyd finds it, of the links that transfers share; Bellman's way. */
static void way_in_platform(const struct xml_document *xml, const char *from, const char *target,
                            struct way *way)
{
    unsigned *cost = memory_array((size_t)xml->count, sizeof(*cost));
    int *last = memory_array((size_t)xml->count, sizeof(*last)),
        *places = memory_array((size_t)xml->count, sizeof(int));
    int count = 0;
    for (int i = 0; i < xml->count; i++) {
        if (is(xml, i, "host") || is(xml, i, "router")) {
            cost[count] = strcmp(value(xml, i, "id"), from) == 0 ? 0 : UINT32_MAX / 2;
            last[count] = -1;
            places[count++] = i;
        }
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < xml->count; i++) {
            int a = -1, b = -1;
            for (int p = 0; p < count && is(xml, i, "route"); p++) {
                a = strcmp(value(xml, places[p], "id"), value(xml, i, "src")) == 0 ? p : a;
                b = strcmp(value(xml, places[p], "id"), value(xml, i, "dst")) == 0 ? p : b;
            }
            if (a < 0 || cost[a] + links_of_route(xml, i) >= cost[b])
                continue;
            cost[b] = cost[a] + links_of_route(xml, i);
            last[b] = i;
            changed = true;
        }
    }
    const char *at = target;
    while (strcmp(at, from) != 0) {
        int place = 0;
        while (strcmp(value(xml, places[place], "id"), at) != 0)
            place++;
        ck_assert_msg(last[place] >= 0, "no way from %s to %s", from, target);
        for (int i = last[place] + 1; i < xml->count && xml->elements[i].parent == last[place]; i++) {
            int link = find(xml, "link", value(xml, i, "id"));
            if (strcmp(value(xml, link, "sharing_policy"), "SHARED") == 0)
                way_add(way, value(xml, link, "id"));
        }
        at = value(xml, last[place], "src");
    }
    free(cost);
    free(last);
    free(places);
}

/* The wires that carried data in a run, by the names they have in a platform. */
static void way_in_machine(const struct machine_fixture *fixture, struct way *way)
{
    const struct transport *transport = machine_transport(fixture->machine);
    for (uint32_t c = 0; c < transport->channel_count; c++) {
        const struct channel *channel = &transport->channels[c];
        if (!channel->payload_bytes || !channel->timing.ps_numerator)
            continue;
        uint32_t above = transport->fabric->nodes[channel->function_id].parent_id;
        bool bus = channel->generation == 0;
        char name[40];
        simgrid_function_name(name, &fixture->input.topology->functions[above]);
        strcat(name, bus ? "_bus" : channel->upward ? "_up" : "_down");
        way_add(way, name);
    }
}

/* One write of a function to an address: what it passes. */
static void run_write(struct machine_fixture *fixture, const char *text, uint32_t source, uint64_t address,
                      const uint16_t *acs_control)
{
    fixture_init(fixture, text);
    const struct pci_function *function = &fixture->input.topology->functions[source];
    char name[BDF_TEXT_SIZE];
    bdf_print(name, function->segment, function->bus, function->devfn);
    fixture->options.acs_control = acs_control;
    fixture_stream(fixture, name, STREAM_WRITE, address, 64, 1, 1)->window_bytes = 64;
    fixture_run(fixture);
}

/* A vector says to which peers a port turns requests; a platform cannot. */
static bool has_vector(const struct fabric *fabric, uint32_t function_id)
{
    for (uint32_t f = function_id; f != NONE; f = fabric->nodes[f].parent_id) {
        if (fabric->nodes[f].acs_control & ACS_EGRESS_CONTROL)
            return true;
    }
    return false;
}

/* ---- tests ---- */

/* One pair of functions: does a write pass in the engine what a flow passes in the platform? */
static void compare_ways(const struct platform *platform, const struct reach *reach, const char *machine,
                         uint32_t a, uint32_t b, uint64_t address, const uint16_t *acs_control)
{
    const struct topology *topology = reach->fabric->topology;
    struct machine_fixture fixture;
    struct way expected = {.count = 0}, found = {.count = 0};
    char from[SIMGRID_NAME_SIZE], target[SIMGRID_NAME_SIZE];
    run_write(&fixture, machine, a, address, acs_control);
    way_in_machine(&fixture, &expected);
    fixture_fini(&fixture);
    way_in_platform(platform->xml, simgrid_function_name(from, &topology->functions[a]),
                    simgrid_function_name(target, &topology->functions[b]), &found);
    bool same = expected.count == found.count;
    for (size_t i = 0; i < found.count && same; i++)
        same = strcmp(expected.names[i], found.names[i]) == 0;
    ck_assert_msg(same, "%s to %s of synthetic:%s: %zu links, in the engine %zu (%s, %s)", from, target,
                  machine, found.count, expected.count, found.names[0], expected.names[0]);
}

/* All pairs of a machine that reach each other without an IOMMU. @return their number */
static unsigned compare_machine(const char *text)
{
    struct machine_fixture idle;
    unsigned compared = 0;
    fixture_init(&idle, text);
    const struct topology *topology = idle.input.topology;
    uint16_t *in_force = arena_array(topology->arena, topology->function_count, sizeof(*in_force));
    fabric_acs_in_force(topology, NULL, true, in_force);
    idle.options.acs_control = in_force;
    fixture_run(&idle);
    struct platform platform = platform_of(&idle, "");
    check_references(platform.xml, text);
    struct reach reach = {.fabric = fabric_new(topology->arena, topology, in_force),
                          .translated = arena_array(topology->arena, topology->function_count, sizeof(bool))};
    for (uint32_t a = 0; a < topology->function_count; a++) {
        for (uint32_t b = 0; b < topology->function_count; b++) {
            if (a == b || topology->functions[a].header_type || topology->functions[b].header_type ||
                has_vector(reach.fabric, a))
                continue;
            struct reach_result result = reach_pair(&reach, a, b);
            if (result.outcome == REACH_NOT_APPLICABLE || result.end_id != b)
                continue;
            compare_ways(&platform, &reach, text, a, b, result.address, in_force);
            compared++;
        }
    }
    platform_free(&platform);
    fixture_fini(&idle);
    return compared;
}

START_TEST(test_ways_are_those_of_the_engine)
{
    unsigned compared = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        char *text = random_machine_text(seed, 12);
        compared += compare_machine(text);
        free(text);
    }
    ck_assert_uint_gt(compared, 40);
}
END_TEST

/* By hand: below a switch whose first port redirects, its device's writes go up and come down again. */
START_TEST(test_redirect)
{
    static const char text[] = "rp[acs,p2p=all](up(dp[acs](ep) dp(ep)))";
    struct machine_fixture fixture;
    struct way there = {.count = 0}, back = {.count = 0};
    fixture_init(&fixture, text);
    fixture_run(&fixture);
    struct platform platform = platform_of(&fixture, "");
    way_in_platform(platform.xml, "0000-03-00.0", "0000-04-00.0", &there);
    way_in_platform(platform.xml, "0000-04-00.0", "0000-03-00.0", &back);
    static const char *const redirected[] = {"0000-00-00.0_down", "0000-00-00.0_up", "0000-02-00.0_up",
                                             "0000-02-01.0_down"};
    ck_assert_uint_eq(there.count, 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(there.names[i], redirected[i]);
    ck_assert_uint_eq(back.count, 2);
    ck_assert_str_eq(back.names[0], "0000-02-00.0_down");
    ck_assert_str_eq(back.names[1], "0000-02-01.0_up");
    platform_free(&platform);
    fixture_fini(&fixture);
    ck_assert_uint_eq(compare_machine(text), 2);
}
END_TEST

/* ---- with SimGrid ---- */

/* Run flows on a platform in the folder; the program stands beside iommusim (Makefile). @return free it */
static char *run_flows(const char *arguments)
{
    struct text_buffer line = {0};
    int status;
    char *path = program_path();
    *strrchr(path, '/') = '\0';
    text_buffer_format(&line, "%s/tests/simgrid-flows %s --log=root.thres:error", path, arguments);
    char *out = program_shell(line.text, &status);
    ck_assert_msg(status == 0, "%s: %d\n%s", line.text, status, out);
    text_buffer_fini(&line);
    free(path);
    return out;
}

/*
 * Links of 8 GT/s x8: 7876923077 bytes a second behind the line code; with MPS 256 an ACK and an update-FC of
 * 8 bytes each 203 bytes, and a SKIP of 4 each 1538, leave (1 - 16/203 - 4/1538) of them; a TLP with 256
 * bytes of payload has a header of 16 (12 of completions) and 8 of framing: 6615401785 bytes of payload a
 * second up, 6711277174 down. Latency of a link 60 ns, of the root complex 110 ns in and 60 + 99 ns of its
 * cache out.
 */
START_TEST(test_flows_by_hand)
{
    int status;
    free(program_run("export simgrid 'synthetic:rp(ep) rp(ep)' -o one.xml", &status));
    ck_assert_int_eq(status, 0);
    char *out = run_flows("one.xml 0000-01-00.0 memory 6615401785 memory 0000-02-00.0 13422554348");
    ck_assert_str_eq(out, "0000-01-00.0 memory 1.000000170000\nmemory 0000-02-00.0 2.000000219000\n");
    free(out);
    free(program_run("export simgrid 'synthetic:rp(up(dp(ep) dp(ep)))' -o two.xml", &status));
    ck_assert_int_eq(status, 0);
    out = run_flows("two.xml 0000-03-00.0 memory 6615401785 0000-04-00.0 memory 6615401785 "
                    "--cfg=network/latency-factor:0");
    ck_assert_str_eq(out, "0000-03-00.0 memory 2.000000000000\n0000-04-00.0 memory 2.000000000000\n");
    free(out);
}
END_TEST

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s", key);
    return item->valuedouble;
}

/* What a stream of the fastest device comes to in the transaction engine, without an IOMMU. @param device its
 * name in a platform, the answer @return bytes a second */
static double rate_of_engine(const char *machine, const char *operation, char device[SIMGRID_NAME_SIZE])
{
    struct text_buffer text = {0};
    int status;
    text_buffer_format(&text,
                       "{\"format\": \"iommusim-workload/1\", \"streams\": [{\"name\": \"bulk\", \"device\": "
                       "\"any\", \"operation\": \"%s\", \"window\": \"64MiB\", \"size\": \"4KiB\", "
                       "\"operations\": 3000, \"warmup\": 300, \"queue_depth\": 64}]}",
                       operation);
    program_write_file("bulk.json", text.text);
    text.length = 0;
    text_buffer_format(&text, "run --topology '%s' --workload bulk.json --iommu none --format json", machine);
    char *out = program_run(text.text, &status);
    ck_assert_msg(status == 0, "%s", text.text);
    cJSON *document = cJSON_Parse(out);
    const cJSON *stream = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(document, "streams"), 0);
    const char *address = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(stream, "device"));
    ck_assert_ptr_nonnull(address);
    snprintf(device, SIMGRID_NAME_SIZE, "%s", address);
    for (char *at = device; *at; at++)
        *at = *at == ':' ? '-' : *at;
    double rate = number_of(stream, "bytes_per_s");
    cJSON_Delete(document);
    free(out);
    text_buffer_fini(&text);
    return rate;
}

/* A long flow by itself is as fast as the same transfer in the transaction engine: links, credits
 * and tags are in the platform. Within 3 %: it has headers of 4 DW, the addresses here one less. */
START_TEST(test_rates_are_those_of_the_engine)
{
    glob_t files;
    ck_assert_int_eq(glob("topologies/*.json", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char *path = realpath(files.gl_pathv[i], NULL);
        for (int read = 0; read < 2; read++) {
            struct text_buffer line = {0};
            char device[SIMGRID_NAME_SIZE];
            double engine = rate_of_engine(path, read ? "read" : "write", device), end;
            int status;
            text_buffer_format(&line, "export simgrid '%s' --iommu none -o m.xml", path);
            free(program_run(line.text, &status));
            ck_assert_int_eq(status, 0);
            line.length = 0;
            text_buffer_format(&line, "m.xml %s %s 1e13", read ? "memory" : device, read ? device : "memory");
            char *out = run_flows(line.text);
            ck_assert_int_eq(sscanf(out, "%*s %*s %lf", &end), 1);
            ck_assert_msg(fabs(1e13 / end - engine) <= 0.03 * engine,
                          "%s, %s of %s: %.0f, in the engine %.0f", files.gl_pathv[i],
                          read ? "reads" : "writes", device, 1e13 / end, engine);
            free(out);
            text_buffer_fini(&line);
        }
        free(path);
    }
    globfree(&files);
}
END_TEST

START_TEST(test_command)
{
    int status;
    char *once = program_run("export simgrid 'synthetic:rp(ep)'", &status), *again;
    ck_assert_int_eq(status, 0);
    again = program_run("export simgrid 'synthetic:rp(ep)' -o - --prefix=''", &status);
    ck_assert_str_eq(once, again);
    free(again);
    again = program_run("export simgrid 'synthetic:rp(ep)' --prefix=node7.", &status);
    ck_assert_ptr_nonnull(strstr(again, "<zone id=\"node7.machine\" routing=\"Floyd\">"));
    ck_assert_ptr_nonnull(strstr(again, "<host id=\"node7.0000-01-00.0\""));
    free(again);
    free(once);
    program_expect("iommusim export simgrit x", 2, "unknown format 'simgrit': simgrid");
    program_expect("iommusim export simgrid", 2, "FILE is missing");
    program_expect("iommusim export", 2, "FORMAT is missing");
    program_expect("iommusim export simgrid nowhere.json", 3, "nowhere.json");
    program_expect("iommusim export simgrid 'synthetic:rp(ep)' --prefix='a b'", 2,
                   "'a b' cannot begin names");
}
END_TEST

Suite *export_suite(void)
{
    Suite *suite = suite_create("export");
    TCase *ways = tcase_create("ways"), *program = tcase_create("program");
    tcase_add_test(ways, test_ways_are_those_of_the_engine);
    tcase_add_test(ways, test_redirect);
    tcase_add_checked_fixture(program, program_setup, program_teardown);
    tcase_add_test(program, test_flows_by_hand);
    tcase_add_test(program, test_rates_are_those_of_the_engine);
    tcase_add_test(program, test_command);
    suite_add_tcase(suite, ways);
    suite_add_tcase(suite, program);
    return suite;
}
