/* SPDX-License-Identifier: MIT */
/* `iommusim explain` and what `run` follows: from outside. */
#include "sim/base/text_buffer.h"

#include <cJSON.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

Suite *explain_suite(void);

/* Run the program; its standard output. */
static char *output_of(const char *arguments, int expected_exit)
{
    struct text_buffer command = {0}, text = {0};
    char chunk[4096];
    const char *program = getenv("IOMMUSIM");
    text_buffer_format(&command, "%s %s 2>/dev/null", program ? program : "build/iommusim", arguments);
    FILE *pipe = popen(command.text, "r");
    for (size_t got; (got = fread(chunk, 1, sizeof(chunk), pipe)) > 0;)
        text_buffer_append(&text, chunk, got);
    int status = pclose(pipe);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == expected_exit, "%s: status %d", arguments,
                  status);
    text_buffer_fini(&command);
    return text.text ? text.text : calloc(1, 1);
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(object, key);
    ck_assert_msg(cJSON_IsNumber(item), "%s", key);
    return item->valuedouble;
}

/* Steps follow each other and add up to the latency; @return entries read by the walk */
static int check_request(const cJSON *request)
{
    double at = 0;
    int entries = 0;
    const cJSON *step;
    cJSON_ArrayForEach(step, cJSON_GetObjectItem(request, "steps"))
    {
        if (cJSON_GetObjectItem(step, "walk")) {
            entries += strstr(cJSON_GetObjectItem(step, "text")->valuestring, "entry at") != NULL;
            continue;
        }
        if (cJSON_GetObjectItem(step, "translation"))
            continue;
        ck_assert_double_eq(number(step, "begin_ps"), at);
        at += number(step, "ps");
    }
    ck_assert_double_eq(at, number(request, "latency_ps"));
    return entries;
}

static int explain(const char *arguments, int expected_exit, double *latency_ps)
{
    char *text = output_of(arguments, expected_exit);
    cJSON *document = cJSON_Parse(text);
    ck_assert_msg(document != NULL, "%s", text);
    const cJSON *request = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "requests"), 0);
    int entries = check_request(request);
    if (latency_ps)
        *latency_ps = number(request, "latency_ps");
    cJSON_Delete(document);
    free(text);
    return entries;
}

/* By hand: preset broadwell-e5-2630v4, Gen3 x8. Two context entries and a walk of four levels, of a 2 MiB
 * page three; none where the caches have them. */
START_TEST(steps_add_up_and_walks_read_what_they_must)
{
    double cold_ps, warm_ps;
    ck_assert_int_eq(
        explain("explain topologies/pcie-bench-broadwell.json 01:00.0 0x10000040 -f json", 0, &cold_ps),
        2 + 4);
    ck_assert_int_eq(explain("explain topologies/pcie-bench-broadwell.json 01:00.0 0x10000040 -f json --warm",
                             0, &warm_ps),
                     0);
    ck_assert_double_gt(warm_ps, 556000);
    ck_assert_double_lt(warm_ps, 558000);
    ck_assert_double_gt(cold_ps, warm_ps + 140000 + 4 * 90000);
    ck_assert_int_eq(
        explain("explain topologies/pcie-bench-broadwell.json 01:00.0 0x10000040 -f json --page-size 2MiB", 0,
                NULL),
        2 + 3);
    explain("explain topologies/pcie-bench-broadwell.json 01:00.0 0x10000040 -f json --size 4KiB --write", 0,
            NULL);
    ck_assert_int_eq(
        explain("explain topologies/pcie-bench-broadwell.json 01:00.0 0x10000040 -f json --cmdline "
                "'intel_iommu=on iommu=pt'",
                0, NULL),
        2); /* the context says that it passes */
    explain("explain topologies/gpu-server-two-level-switches.json 05:00.0 06:00.0 -f json", 0, NULL);
    explain("explain topologies/conventional-pci.json 02:00.0 0x1000 -f json", 0, NULL);
}
END_TEST

/* A device that asks for its translations: the life of that request is told, too, and is what it waited for.
 */
START_TEST(a_translation_request_is_followed)
{
    static const char arguments[] = "explain 'synthetic:rp[acs](ep[ats])' 01:00.0 0x40000000 -f json";
    ck_assert_int_eq(explain(arguments, 0, NULL), 2 + 4);
    char *text = output_of(arguments, 0);
    cJSON *document = cJSON_Parse(text);
    const cJSON *request = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "requests"), 0), *step;
    double waited = 0, asked = 0, hops = 0;
    cJSON_ArrayForEach(step, cJSON_GetObjectItem(request, "steps"))
    {
        if (cJSON_GetObjectItem(step, "walk"))
            continue;
        const char *part = cJSON_GetObjectItem(step, "part")->valuestring;
        if (cJSON_GetObjectItem(step, "translation")) {
            asked += number(step, "ps");
            hops += strcmp(part, "link_serialisation") == 0;
        } else if (strcmp(part, "device_tlb") == 0) {
            waited += number(step, "ps");
        }
    }
    ck_assert_double_gt(waited, 0);
    ck_assert_double_eq(asked, waited);
    ck_assert_double_eq(hops, 2); /* there, and back */
    cJSON_Delete(document);
    free(text);
}
END_TEST

START_TEST(a_request_that_fails_says_why)
{
    char *text = output_of("explain topologies/pcie-bench-broadwell.json 01:00.0 0x10000040 --unmapped", 1);
    ck_assert_ptr_nonnull(strstr(text, "06h"));
    ck_assert_ptr_nonnull(strstr(text, "level 4 entry at 0x8000000000000 is 0x0"));
    free(text);
    free(output_of("explain topologies/pcie-bench-broadwell.json 01:00.0 nowhere", 2));
    free(output_of("explain topologies/pcie-bench-broadwell.json 00:02.0 0x1000", 2));
    free(output_of("explain topologies/pcie-bench-broadwell.json 01:00.0", 2));
}
END_TEST

START_TEST(the_slowest_operations_of_a_run_are_explained)
{
    char *text = output_of("run workloads/pcie-bench.json --explain slowest:4 -f json", 0);
    cJSON *document = cJSON_Parse(text);
    const cJSON *requests = cJSON_GetObjectItem(document, "requests"), *request;
    double previous = 1e18;
    ck_assert_int_eq(cJSON_GetArraySize(requests), 4);
    cJSON_ArrayForEach(request, requests)
    {
        check_request(request);
        ck_assert_double_le(number(request, "latency_ps"), previous);
        previous = number(request, "latency_ps");
    }
    cJSON_Delete(document);
    free(text);
}
END_TEST

/* Of drivers that map buffers the whole operation is told: its steps, those of CPUs among them, add up to the
 * largest latency the stream has. */
START_TEST(drivers_are_part_of_the_slowest_operations)
{
    static const char *const scenarios[] = {
        "workloads/buffers/bounce-off.json",   "workloads/buffers/bounce-strict.json",
        "workloads/buffers/list-off.json",     "workloads/buffers/list-strict.json",
        "workloads/buffers/confidential.json",
    };
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        char command[160];
        snprintf(command, sizeof(command), "run %s -f json", scenarios[i]);
        char *run = output_of(command, 0);
        strcat(command, " --explain slowest:2");
        char *text = output_of(command, 0);
        cJSON *result = cJSON_Parse(run), *document = cJSON_Parse(text);
        const cJSON *requests = cJSON_GetObjectItem(document, "requests"), *stream;
        double most = 0;
        cJSON_ArrayForEach(stream, cJSON_GetObjectItem(result, "streams"))
        {
            double maximum = number(cJSON_GetObjectItem(stream, "latency"), "maximum_ps");
            most = maximum > most ? maximum : most;
        }
        ck_assert_int_eq(cJSON_GetArraySize(requests), 2);
        check_request(cJSON_GetArrayItem(requests, 0));
        check_request(cJSON_GetArrayItem(requests, 1));
        ck_assert_double_eq(number(cJSON_GetArrayItem(requests, 0), "latency_ps"), most);
        ck_assert(strstr(scenarios[i], "off") || strstr(text, "\"at\": \"CPU\""));
        cJSON_Delete(result);
        cJSON_Delete(document);
        free(run);
        free(text);
    }
}
END_TEST

/* Slices of a row do not overlap but where one contains the other. */
START_TEST(a_timeline_has_a_row_for_each_operation_under_way)
{
    char *text = output_of("run workloads/pcie-bench.json --histogram - -o /dev/null", 0);
    ck_assert_ptr_nonnull(strstr(text, "Percentile TotalCount 1/(1-Percentile)"));
    ck_assert_ptr_nonnull(strstr(text, "1.000000000000      50000"));
    free(text);
    text = output_of("run workloads/pcie-bench.json --timeline - -o /dev/null", 0);
    cJSON *document = cJSON_Parse(text);
    ck_assert_ptr_nonnull(document);
    const cJSON *event;
    double ends[128] = {0};
    unsigned operations = 0, rows = 0;
    cJSON_ArrayForEach(event, cJSON_GetObjectItem(document, "traceEvents"))
    {
        const cJSON *name = cJSON_GetObjectItem(event, "name");
        if (strncmp(name->valuestring, "read ", 5) != 0)
            continue;
        unsigned row = (unsigned)number(event, "tid");
        ck_assert_uint_lt(row, 128);
        ck_assert_double_ge(number(event, "ts"), ends[row] - 1e-6);
        ends[row] = number(event, "ts") + number(event, "dur");
        rows = row > rows ? row : rows;
        operations++;
    }
    ck_assert_uint_gt(operations, 1000);
    ck_assert_uint_gt(rows, 30); /* 64 are in flight */
    cJSON_Delete(document);
    free(text);
}
END_TEST

/* Intervals follow each other without gap, and what they gained adds up to the run. */
START_TEST(a_series_adds_up_to_the_run)
{
    char *text = output_of("run workloads/pcie-bench.json --series 100us -f json", 0);
    cJSON *document = cJSON_Parse(text);
    const cJSON *series = cJSON_GetObjectItem(document, "series"), *row;
    double operations = 0, bytes = 0, end = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(series, "rows"))
    {
        double next = cJSON_GetArrayItem(row, 0)->valuedouble;
        ck_assert_double_gt(next, end);
        ck_assert_double_le(next, end + 1e8);
        end = next;
        operations += cJSON_GetArrayItem(row, 1)->valuedouble;
        bytes += cJSON_GetArrayItem(row, 2)->valuedouble;
    }
    const cJSON *run = cJSON_GetObjectItem(document, "run");
    ck_assert_double_eq(operations, number(run, "operations"));
    ck_assert_double_eq(bytes, 64 * operations);
    ck_assert_double_eq(end, number(run, "simulated_ps"));
    cJSON_Delete(document);
    free(text);
}
END_TEST

Suite *explain_suite(void)
{
    Suite *suite = suite_create("explain");
    TCase *tests = tcase_create("explain");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, steps_add_up_and_walks_read_what_they_must);
    tcase_add_test(tests, a_translation_request_is_followed);
    tcase_add_test(tests, a_request_that_fails_says_why);
    tcase_add_test(tests, the_slowest_operations_of_a_run_are_explained);
    tcase_add_test(tests, drivers_are_part_of_the_slowest_operations);
    tcase_add_test(tests, a_timeline_has_a_row_for_each_operation_under_way);
    tcase_add_test(tests, a_series_adds_up_to_the_run);
    suite_add_tcase(suite, tests);
    return suite;
}
