/* SPDX-License-Identifier: MIT */
/* `iommusim run` from outside: what it prints, where, and with which exit status. */
#include "models/ledger.h"
#include "sim/base/text_buffer.h"
#include "tests/unit/program.h"

#include <cJSON.h>
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *run_suite(void);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A machine with a NIC behind a switch beside another one, and a random stream on it. %s: further keys of the
 * scenario. */
static const char scenario_text[] =
    "{\"format\": \"iommusim-scenario/1\", \"name\": \"test\"%s,\n"
    " \"topology\": {\"format\": \"iommusim-topology/1\", \"name\": \"machine\", \"iommus\": [{\"kind\": "
    "\"vt-d\"}],\n"
    "  \"host_bridges\": [{\"functions\": [{\"functions\": [{\"functions\": [{\"functions\": [{}]}, "
    "{\"functions\": [{}]}]}]}]}]},\n"
    " \"workload\": {\"format\": \"iommusim-workload/1\",\n"
    "  \"domains\": [{\"name\": \"host\", \"devices\": \"all\", \"mappings\": [{\"iova\": \"0x10000000\", "
    "\"length\": \"64MiB\"}]}],\n"
    "  \"streams\": [{\"name\": \"reads\", \"device\": \"03:00.0\", \"operation\": \"read\", \"pattern\": "
    "\"random\", \"size\": \"64B\", \"operations\": 2000, \"warmup\": 100, \"queue_depth\": 16},\n"
    "   {\"name\": \"writes\", \"device\": \"04:00.0\", \"operation\": \"write\", \"size\": \"4KiB\", "
    "\"operations\": 500, \"interval\": \"2us\"}]}}\n";

static void write_scenario(const char *name, const char *more)
{
    struct text_buffer text = {0};
    const char *hole = strstr(scenario_text, "%s");
    text_buffer_append(&text, scenario_text, (size_t)(hole - scenario_text));
    text_buffer_add(&text, more);
    text_buffer_add(&text, hole + 2);
    program_write_file(name, text.text);
    text_buffer_fini(&text);
}

/* Run in the folder; standard output (with standard error, where asked for) is the caller's to free. */
static char *run(const char *arguments, bool errors, int *status)
{
    char command[1024];
    snprintf(command, sizeof(command), "%srun %s", errors ? "iommusim " : "", arguments);
    return errors ? program_shell(command, status) : program_run(command, status);
}

static cJSON *run_json(const char *arguments)
{
    int status;
    const char *end = NULL;
    char *output = run(arguments, false, &status);
    ck_assert_msg(status == 0, "%s: exit status %d", arguments, status);
    cJSON *document = cJSON_ParseWithOpts(output, &end, false);
    ck_assert_msg(document != NULL, "%s: %s", arguments, output);
    ck_assert_str_eq(end, "\n"); /* one document and nothing else */
    free(output);
    return document;
}

static const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(value != NULL, "%s is missing", key);
    return value;
}

static double number(const cJSON *object, const char *key)
{
    return cJSON_GetNumberValue(member(object, key));
}

START_TEST(the_document_says_what_happened)
{
    write_scenario("s.json", "");
    cJSON *document = run_json("s.json --format json");
    ck_assert_str_eq(member(document, "format")->valuestring, "iommusim-result/1");
    ck_assert_str_eq(member(member(member(document, "inputs"), "scenario"), "path")->valuestring, "s.json");
    ck_assert_double_eq(number(member(document, "run"), "operations"), 2600);
    const cJSON *streams = member(document, "streams"), *stream;
    ck_assert_int_eq(cJSON_GetArraySize(streams), 2);
    cJSON_ArrayForEach(stream, streams)
    {
        const cJSON *latency = member(stream, "latency"),
                    *totals = member(member(stream, "ledger"), "total_ps");
        double sum = 0;
        const cJSON *part;
        cJSON_ArrayForEach(part, totals) sum += part->valuedouble;
        ck_assert_double_eq(sum, number(latency, "total_ps"));
        ck_assert_int_eq(cJSON_GetArraySize(totals), LEDGER_PARTS);
        ck_assert_double_eq(number(stream, "failed"), 0);
        ck_assert_double_le(number(latency, "minimum_ps"), number(latency, "p50_ps"));
        ck_assert_double_le(number(latency, "p50_ps"), number(latency, "p99.99_ps"));
        ck_assert_double_le(number(latency, "p99.99_ps"), number(latency, "maximum_ps"));
    }
    const cJSON *reads = cJSON_GetArrayItem(streams, 0), *writes = cJSON_GetArrayItem(streams, 1);
    ck_assert_double_eq(number(reads, "recorded"), 2000);
    ck_assert_double_eq(number(reads, "bytes"), 2000 * 64);
    ck_assert_double_eq(number(writes, "bytes"), 500 * 4096);
    /* 4 KiB each 2 us: 16.384 Gb/s but for the ends */
    ck_assert_double_eq_tol(number(writes, "bits_per_s"), 16384e6, 16384e4);
    const cJSON *unit = cJSON_GetArrayItem(member(document, "units"), 0),
                *counters = member(unit, "counters");
    ck_assert_double_eq(number(counters, "requests"),
                        number(counters, "iotlb_hits") + number(counters, "iotlb_misses"));
    /* Counted from the end of the warm-up on: what was under way then was read before or after. */
    ck_assert_double_le(number(member(document, "memory"), "bytes_read"), 2000 * 64);
    ck_assert_double_ge(number(member(document, "memory"), "bytes_read"), (2000 - 16) * 64);
    ck_assert_double_gt(number(member(document, "run"), "measured_from_ps"), 0);
    const cJSON *queue;
    bool lengths_rates_and_waits_agree = true; /* mean length = arrivals a picosecond x mean wait, but for the
                                                  ends: the writes take 1000 us */
    double measured_ps =
        number(member(document, "run"), "simulated_ps") - number(member(document, "run"), "measured_from_ps");
    cJSON_ArrayForEach(queue, member(document, "queues"))
    {
        double product = number(queue, "arrivals") * number(queue, "mean_wait_ps") / measured_ps;
        lengths_rates_and_waits_agree &=
            fabs(product - number(queue, "mean_length")) <= 0.02 * product + 1e-3;
    }
    ck_assert(lengths_rates_and_waits_agree);
    ck_assert_int_gt(cJSON_GetArraySize(member(document, "parameters")), 40);
    ck_assert_str_eq(member(member(document, "groups"), "format")->valuestring, "iommusim-groups/1");
    ck_assert_str_eq(member(member(member(document, "reach"), "static"), "format")->valuestring,
                     "iommusim-reach/1");
    cJSON_Delete(document);
}
END_TEST

START_TEST(the_same_again_is_the_same_to_the_byte)
{
    int status;
    write_scenario("s.json", "");
    char *first = run("s.json -f json", false, &status), *second = run("s.json -f json", false, &status),
         *other = run("s.json -f json --seed 2", false, &status);
    ck_assert_str_eq(first, second);
    cJSON *a = cJSON_Parse(first), *b = cJSON_Parse(other);
    const cJSON *reads_a = cJSON_GetArrayItem(member(a, "streams"), 0),
                *reads_b = cJSON_GetArrayItem(member(b, "streams"), 0);
    ck_assert_double_ne(number(member(reads_a, "latency"), "total_ps"),
                        number(member(reads_b, "latency"), "total_ps"));
    /* The other stream draws nothing: it only meets the first one. */
    ck_assert_double_eq(number(cJSON_GetArrayItem(member(a, "streams"), 1), "bytes"),
                        number(cJSON_GetArrayItem(member(b, "streams"), 1), "bytes"));
    cJSON_Delete(a);
    cJSON_Delete(b);
    free(first);
    free(second);
    free(other);
}
END_TEST

#define WORKLOAD(rest)                                                                                       \
    "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"devices\": \"all\", "           \
    "\"mappings\": "                                                                                         \
    "[{\"iova\": \"0x0\", \"length\": \"1MiB\"}]}], \"streams\": [{\"name\": \"s\", \"device\": "            \
    "\"01:00.0\", "                                                                                          \
    "\"operation\": \"read\", \"size\": \"64B\", \"queue_depth\": 1, \"operations\": 10" rest "}]}"

/* Walks of one walker are dearer than those of many: the value arrived where it belongs. */
START_TEST(values_are_laid_over_the_topology)
{
    write_scenario("s.json",
                   ", \"overrides\": {\"/iommus/0/parameters/walkers\": 3, \"/name\": \"changed\"}");
    cJSON *document = run_json("s.json -f json"),
          *again = run_json("s.json -f json --set /parameters/memory/dram_latency=95ns --set "
                            "/iommus/0/parameters/walkers=1");
    ck_assert_double_eq(number(cJSON_GetArrayItem(member(document, "units"), 0), "walkers"), 3);
    ck_assert_double_eq(number(cJSON_GetArrayItem(member(again, "units"), 0), "walkers"), 1);
    ck_assert_str_eq(member(document, "machine")->valuestring, "changed");
    const cJSON *overrides = member(member(again, "inputs"), "overrides"), *parameter;
    ck_assert_int_eq(cJSON_GetArraySize(overrides), 4);
    bool found = false;
    cJSON_ArrayForEach(parameter, member(again, "parameters"))
    {
        if (strcmp(member(parameter, "pointer")->valuestring, "/parameters/memory/dram_latency") == 0)
            found = strcmp(member(parameter, "value")->valuestring, "95ns") == 0;
    }
    ck_assert(found);
    cJSON_Delete(document);
    cJSON_Delete(again);

    program_write_file("w.json", WORKLOAD(""));
    document = run_json("--topology 'synthetic:rp(ep) rp(ep)' --set '/iommus/-={\"kind\": \"vt-d\"}' --set "
                        "/iommus/0/parameters/walkers=2 --workload w.json -f json");
    ck_assert_double_eq(number(cJSON_GetArrayItem(member(document, "units"), 0), "walkers"), 2);
    cJSON_Delete(document);
}
END_TEST

/* Leaks are listed by pair; what was seen is told apart from what may happen. */
START_TEST(values_are_laid_over_the_workload)
{
    write_scenario("s.json", ", \"overrides\": {\"/workload/streams/1/operations\": 70}");
    cJSON *document =
        run_json("s.json -f json --set /workload/streams/0/size=128B --set /workload/streams/0/warmup=0");
    const cJSON *streams = member(document, "streams");
    ck_assert_double_eq(number(cJSON_GetArrayItem(streams, 0), "bytes"), 2000 * 128);
    ck_assert_double_eq(number(cJSON_GetArrayItem(streams, 0), "submitted"), 2000);
    ck_assert_double_eq(number(cJSON_GetArrayItem(streams, 1), "recorded"), 70);
    cJSON_Delete(document);
}
END_TEST

START_TEST(a_result_can_be_made_again)
{
    int status;
    write_scenario("s.json", ", \"overrides\": {\"/workload/streams/1/operations\": 70}");
    program_write_file(
        "w.json",
        "{\"format\": \"iommusim-workload/1\", \"streams\": [{\"name\": \"r\", \"device\": \"any\", "
        "\"operation\": \"read\", \"operations\": 10, \"queue_depth\": 2, \"window\": \"4KiB\", "
        "\"size\": \"64B\"}]}");
    static const char *const asked[] = {
        "s.json --seed 5 --set /parameters/iommu/walkers=3 --set /workload/streams/0/size=128B",
        "s.json --cmdline iommu=pt --iommu amd-vi",
        "--topology 'synthetic:rp(ep)' --workload w.json --iommu none",
    };
    for (size_t i = 0; i < COUNT(asked); i++) {
        char arguments[200];
        snprintf(arguments, sizeof(arguments), "%s -f json -o r.json", asked[i]);
        char *said = run(arguments, true, &status);
        ck_assert_msg(status == 0, "%s: %s", arguments, said);
        free(said);
        char *first = run("--replay r.json -f json", false, &status);
        ck_assert_int_eq(status, 0);
        program_write_file("again.json", first);
        free(first);
        char compare[100];
        snprintf(compare, sizeof(compare), "cmp %s/r.json %s/again.json", program_folder(), program_folder());
        ck_assert_msg(system(compare) == 0, "%s: not the same bytes", asked[i]);
    }
    program_write_file("w.json", "{}");
    char *changed = run("--replay r.json", true, &status);
    ck_assert_int_eq(status, 2);
    ck_assert_msg(strstr(changed, "w.json has changed since the result was made") != NULL, "%s", changed);
    free(changed);
    char *none = run("--replay s.json", true, &status);
    ck_assert_int_eq(status, 2);
    ck_assert_msg(strstr(none, "this is no result") != NULL, "%s", none);
    free(none);
    free(run("--replay r.json --seed 3", true, &status));
    ck_assert_int_eq(status, 2);
}
END_TEST

START_TEST(leaks_are_listed)
{
    program_write_file(
        "two.json",
        "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"devices\": \"all\"}], "
        "\"streams\": [{\"name\": \"s\", \"device\": \"03:00.0\", \"operation\": \"write\", "
        "\"base\": \"0x4000000000\", \"window\": \"4KiB\", \"size\": \"64B\", \"queue_depth\": 1, "
        "\"operations\": 10}]}");
    cJSON *document = run_json("--topology 'synthetic:rp(up(dp(ep) dp(ep)))' --workload two.json --cmdline "
                               "pcie_acs_override=downstream -f json");
    const cJSON *reach = member(document, "reach"), *leaks = member(reach, "leaks"),
                *observed = member(reach, "observed");
    ck_assert_int_eq(cJSON_GetArraySize(leaks), 2);
    ck_assert_double_eq(number(reach, "leaks_not_listed"), 0);
    ck_assert_double_eq(number(member(member(reach, "static"), "summary"), "leaks"), 2);
    ck_assert_int_eq(cJSON_GetArraySize(observed), 1);
    const cJSON *seen = cJSON_GetArrayItem(observed, 0);
    ck_assert_str_eq(member(seen, "source")->valuestring, "0000:03:00.0");
    ck_assert_str_eq(member(seen, "target")->valuestring, "0000:04:00.0");
    ck_assert_str_eq(member(seen, "rule")->valuestring, "switch-peer");
    ck_assert_str_eq(member(seen, "leak")->valuestring, "leak");
    ck_assert_double_eq(number(seen, "bytes"), 640);
    cJSON_Delete(document);
}
END_TEST

START_TEST(sections_can_be_left_out)
{
    write_scenario("s.json", ", \"report\": [\"streams\", \"links\"]");
    cJSON *document = run_json("s.json -f json");
    ck_assert_ptr_nonnull(cJSON_GetObjectItem(document, "streams"));
    ck_assert_ptr_nonnull(cJSON_GetObjectItem(document, "links"));
    ck_assert_ptr_null(cJSON_GetObjectItem(document, "groups"));
    ck_assert_ptr_null(cJSON_GetObjectItem(document, "reach"));
    ck_assert_ptr_null(cJSON_GetObjectItem(document, "parameters"));
    cJSON_Delete(document);
}
END_TEST

START_TEST(exit_statuses)
{
    static const struct {
        const char *arguments, *said; /* somewhere in what is printed */
        int status;
    } cases[] = {
        {"--topology 'synthetic:rp(ep)' --workload w.json", "Where the time went: s", 0},
        {"--topology 'synthetic:rp(ep)' --workload w.json --iommu none", "no IOMMU translates 0000:01:00.0",
         0},
        {"--topology 'synthetic:rp(ep)' --workload w.json --fail-on leak --fail-on fault", "Latency", 0},
        {"--topology 'synthetic:rp(ep)' --workload unmapped.json --fail-on fault", "10 operations failed", 1},
        {"--topology 'synthetic:rp(ep)' --workload over.json --fail-on overload", "stream s is overloaded",
         1},
        {"--topology 'synthetic:rp(ep)' --workload w.json --fail-on overload", "Latency", 0},
        {"--topology 'synthetic:rp(ep)' --workload unmapped.json", "does not map it for reads", 0},
        {"--topology 'synthetic:rp(up(dp(ep) dp(ep)))' --workload peer.json --fail-on leak --cmdline "
         "pcie_acs_override=downstream",
         "[leak]", 1},
        {"--topology 'synthetic:rp(pci@1)' --workload w.json", "the machine has no device 0000:01:00.0", 2},
        {"", "SCENARIO is missing", 2},
        {"--topology 'synthetic:rp(ep)'", "SCENARIO is missing", 2},
        {"a b", "one SCENARIO only", 2},
        {"w.json", "a scenario's format is \"iommusim-scenario/1\", found \"iommusim-workload/1\"", 2},
        {"none.json", "cannot open the file", 3},
        {"bare.json", "the scenario names no topology", 2},
        {"bare.json --topology 'synthetic:rp(ep)'", "the scenario names no workload", 2},
        {"bare.json --topology 'synthetic:rp(ep)' --workload w.json", "Latency", 0},
        {"bare.json --format csv", "unknown format 'csv'", 2},
        {"bare.json --seed x", "'x' is no seed", 2},
        {"--topology 'synthetic:rp(ep)' --workload w.json --set x=1", "a setting begins with a JSON pointer",
         2},
        {"--topology 'synthetic:rp(ep)' --workload w.json --set 01:00.0/link/width=3", "not 3", 2},
        {"bare.json --iommu best", "unknown IOMMU 'best'", 2},
        {"bare.json --fail-on rain", "unknown value 'rain'", 2},
        {"--topology 'synthetic:rp(ep)' --workload w.json --set /nowhere/x=1", "unknown key \"nowhere\"", 2},
        {"--topology 'synthetic:rp(ep)' --workload w.json --set /host_bridges/7/x=1",
         "--set:1:15: error: there is no element 7: the array has 1 [what-if-pointer]", 2},
        {"s.json --set /workload/streams/2/size=1",
         "--set:1:19: error: there is no element 2: the array has 2", 2},
        {"s.json --set /workload/streams/0/sice=1", "unknown key \"sice\", did you mean \"size\"?", 2},
        {"--topology 'synthetic:rp(ep)' --workload trace.json", "t.trace:2:1: error: time goes back", 2},
        {"--topology 'synthetic:rp(ep)' --workload w.json -o /nonexistent/x.json", "/nonexistent/x.json", 3},
    };
    program_write_file("w.json", WORKLOAD(""));
    program_write_file("unmapped.json", WORKLOAD(", \"base\": \"0x40000000\", \"window\": \"4KiB\""));
    program_write_file(
        "peer.json",
        "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"devices\": \"all\"}], "
        "\"streams\": [{\"name\": \"s\", \"device\": \"03:00.0\", \"operation\": \"write\", "
        "\"base\": \"0x4000000000\", \"window\": \"64KiB\", "
        "\"size\": \"64B\", \"queue_depth\": 1, \"operations\": 16}]}");
    program_write_file(
        "over.json",
        "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"devices\": \"all\", "
        "\"mappings\": [{\"iova\": \"0x0\", \"length\": \"1MiB\"}]}], \"streams\": [{\"name\": \"s\", "
        "\"device\": \"any\", \"operation\": \"write\", \"size\": \"512B\", \"interval\": \"50ns\", "
        "\"operations\": 10000}]}");
    program_write_file("bare.json", "{\"format\": \"iommusim-scenario/1\"}");
    program_write_file(
        "trace.json",
        "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"devices\": \"all\"}], "
        "\"streams\": [{\"name\": \"t\", \"trace\": \"t.trace\"}]}");
    program_write_file("t.trace", "2,01:00.0,read,0,4\n1,01:00.0,read,0,4\n");
    for (size_t i = 0; i < COUNT(cases); i++) {
        int status;
        char *output = run(cases[i].arguments, true, &status);
        ck_assert_msg(status == cases[i].status, "%s: exit status %d\n%s", cases[i].arguments, status,
                      output);
        ck_assert_msg(strstr(output, cases[i].said) != NULL, "%s: \"%s\" is not in\n%s", cases[i].arguments,
                      cases[i].said, output);
        free(output);
    }
}
END_TEST

START_TEST(answers_go_where_they_are_sent)
{
    int status;
    char path[128];
    write_scenario("s.json", "");
    char *direct = run("s.json -f json", false, &status),
         *nothing = run("s.json -f json -o r.json", false, &status);
    ck_assert_str_eq(nothing, "");
    /* The ending says the format; another word for it is a slip, told before the run. */
    free(run("s.json -o e.json", false, &status));
    ck_assert_int_eq(status, 0);
    static const char *const slips[] = {"s.json -f text -o e.json", "s.json -f json -o e.txt"};
    for (size_t i = 0; i < COUNT(slips); i++) {
        char *said = run(slips[i], true, &status);
        ck_assert_int_eq(status, 2);
        ck_assert_ptr_nonnull(strstr(said, "contradict each other"));
        free(said);
    }
    char *text = run("s.json -o results", false, &status);
    ck_assert_ptr_nonnull(strstr(text, "Where the time went: reads"));
    static const char *const files[] = {"r.json", "e.json", "results/result.json"};
    for (size_t i = 0; i < COUNT(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", program_folder(), files[i]);
        FILE *file = fopen(path, "r");
        ck_assert_msg(file != NULL, "%s", path);
        char *written = calloc(1, strlen(direct) + 2);
        ck_assert_uint_eq(fread(written, 1, strlen(direct) + 1, file), strlen(direct));
        ck_assert_str_eq(written, direct);
        fclose(file);
        free(written);
    }
    for (const char *line = text, *end; *line; line = end + 1) { /* within 100 columns, nothing trails */
        end = strchr(line, '\n');
        ck_assert_int_le(end - line, 100);
        ck_assert(end == line || end[-1] != ' ');
    }
    free(direct);
    free(nothing);
    free(text);
}
END_TEST

Suite *run_suite(void)
{
    Suite *suite = suite_create("run");
    TCase *tests = tcase_create("run");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, program_setup, program_teardown);
    tcase_add_test(tests, the_document_says_what_happened);
    tcase_add_test(tests, the_same_again_is_the_same_to_the_byte);
    tcase_add_test(tests, exit_statuses);
    tcase_add_test(tests, values_are_laid_over_the_topology);
    tcase_add_test(tests, values_are_laid_over_the_workload);
    tcase_add_test(tests, a_result_can_be_made_again);
    tcase_add_test(tests, leaks_are_listed);
    tcase_add_test(tests, sections_can_be_left_out);
    tcase_add_test(tests, answers_go_where_they_are_sent);
    suite_add_tcase(suite, tests);
    return suite;
}
