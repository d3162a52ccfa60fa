/* SPDX-License-Identifier: MIT */
/* Workloads and scenarios that are good: what is read, what is assumed, where buffers are placed. Bad ones
 * are pinned in tests/cases/bad-input. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/scenario.h"
#include "sim/input/source_file.h"
#include "sim/input/validate_input.h"
#include "sim/input/validate_scenario.h"
#include "sim/topology/synthetic.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *workload_suite(void);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEAD         "{\"format\": \"iommusim-workload/1\", "
#define GENERATOR    "\"operation\": \"read\", \"size\": \"64B\", \"operations\": 9, \"queue_depth\": 1"

static struct topology *topology;
static struct diagnostics *diagnostics;

static void setup(void)
{
    diagnostics = diagnostics_new(5);
    topology = synthetic_parse("<machine>", "rp(ep) rp(ep[link=4x16]) rciep", diagnostics);
    ck_assert_ptr_nonnull(topology);
}

static void teardown(void)
{
    topology_free(topology);
    diagnostics_free(diagnostics);
}

static struct workload *read_on(const char *text, const struct workload_machine *machine)
{
    const struct source_text source = {"folder/w.json", text, strlen(text)};
    struct json_document document;
    ck_assert_int_eq(json_document_init(&document, &source, diagnostics), STATUS_OK);
    struct json_node root = json_root(&document);
    struct workload *workload = workload_read(&root, "folder/w.json", machine);
    if (!workload)
        diagnostics_print(diagnostics, stderr);
    ck_assert_ptr_nonnull(workload);
    json_document_fini(&document);
    return workload;
}

static struct workload *read_text(const char *text)
{
    const struct workload_machine machine = {.topology = topology, .iommu = IOMMU_VT_D};
    return read_on(text, &machine);
}

static uint32_t function_at(uint8_t bus)
{
    return topology_find(topology, 0, bus, 0)->id;
}

START_TEST(everything_said_is_read)
{
    struct workload *w = read_text(
        HEAD "\"name\": \"w\", \"duration\": \"1ms\", \"domains\": [{\"name\": \"a\", \"devices\": "
             "[\"0000:01:00.0\", \"02:00.0\"], \"mappings\": [\n"
             " {\"iova\": \"0x40000000\", \"length\": \"4MiB\", \"page_size\": \"2MiB\", \"access\": \"w\", "
             "\"physical\": \"0x200000000\"},\n"
             " {\"iova\": \"0x1000\", \"length\": \"0x2000\", \"access\": \"r\"}]},\n"
             " {\"name\": \"b\", \"mode\": \"off\", \"devices\": [\"00:02.0\"]}],\n"
             "\"streams\": [{\"name\": \"s\", \"device\": \"01:00.0\", \"operation\": \"alternate\", "
             "\"pattern\": \"strided\", \"stride\": \"4KiB\", \"base\": \"0x1000\", \"window\": \"8KiB\", "
             "\"size\": \"100B\", \"interval\": \"15.8ns\", \"start\": \"2us\", \"warmup\": 3},\n"
             " {\"name\": \"t\", \"trace\": \"x.trace\", \"pace\": \"closed\", \"queue_depth\": 7},\n"
             " {\"name\": \"u\", \"trace\": \"/x.trace\"}]}");
    ck_assert_str_eq(w->name, "w");
    ck_assert_uint_eq(w->duration_ps, 1000000000);
    ck_assert_uint_eq(w->domain_count, 2);
    const struct domain *a = &w->domains[0];
    ck_assert_uint_eq(a->function_count, 2);
    ck_assert_uint_eq(a->function_ids[0], function_at(1));
    ck_assert_uint_eq(a->mapping_count, 2);
    ck_assert_uint_eq(a->mappings[0].iova, 0x1000); /* ascending */
    ck_assert(a->mappings[0].read && !a->mappings[0].write);
    ck_assert_uint_eq(a->mappings[0].page_bytes, 4096);
    ck_assert_uint_eq(a->mappings[1].physical, 0x200000000);
    ck_assert_uint_eq(a->mappings[1].page_bytes, 2 << 20);
    ck_assert(!a->mappings[1].read && a->mappings[1].write);
    ck_assert_int_eq(w->domains[1].mode, TRANSLATION_OFF);
    const struct stream *s = &w->streams[0], *t = &w->streams[1], *u = &w->streams[2];
    ck_assert_uint_eq(s->function_id, function_at(1));
    ck_assert_int_eq(s->operation, STREAM_ALTERNATE);
    ck_assert_int_eq(s->pattern, PATTERN_STRIDED);
    ck_assert_uint_eq(s->stride_bytes, 4096);
    ck_assert_uint_eq(s->window_bytes, 8192);
    ck_assert_uint_eq(s->size_bytes, 100);
    ck_assert_uint_eq(s->interval_ps, 15800);
    ck_assert_uint_eq(s->start_ps, 2000000);
    ck_assert_uint_eq(s->operations, 0);
    ck_assert_uint_eq(s->warmup_operations, 3);
    ck_assert_str_eq(t->trace_path, "folder/x.trace");
    ck_assert(!t->trace_timed);
    ck_assert_uint_eq(t->queue_depth, 7);
    ck_assert_str_eq(u->trace_path, "/x.trace");
    ck_assert(u->trace_timed);
    ck_assert_uint_eq(diagnostics_warnings(diagnostics), 1); /* the window is not mapped for writes */
    workload_free(w);
}
END_TEST

START_TEST(what_is_left_out_follows)
{
    struct workload *w = read_text(
        HEAD
        "\"domains\": [{\"name\": \"a\", \"devices\": [\"01:00.0\"], \"mappings\": [{\"iova\": \"0x20000\", "
        "\"length\": \"1MiB\"}, {\"iova\": \"0x10000\", \"length\": \"64KiB\"}]}, {\"name\": \"b\", "
        "\"mode\": "
        "\"passthrough\", \"devices\": \"all\"}], "
        "\"streams\": [{\"name\": \"s\", \"device\": \"01:00.0\", \"pattern\": \"random\", " GENERATOR
        "}, {\"name\": \"p\", \"device\": \"any\", \"window\": \"1MiB\", " GENERATOR "}]}");
    const struct stream *s = &w->streams[0], *p = &w->streams[1];
    ck_assert_uint_eq(s->base, 0x10000); /* the lowest mapping */
    ck_assert_uint_eq(s->window_bytes, 0x10000);
    ck_assert_uint_eq(s->alignment_bytes, 64);
    ck_assert_uint_eq(w->domains[0].mappings[0].physical, 0x100100000); /* placed in the order of the file */
    ck_assert_uint_eq(w->domains[0].mappings[1].physical, 0x100000000);
    ck_assert_uint_eq(w->domains[1].function_count, 2); /* all the others */
    ck_assert_uint_eq(p->function_id, function_at(2));  /* the fastest link */
    ck_assert_uint_eq(p->base, 0x100110000);            /* in RAM, after the mappings */
    ck_assert_uint_eq(diagnostics_warnings(diagnostics), 0);
    workload_free(w);
}
END_TEST

START_TEST(placement_keeps_clear)
{
    struct diagnostics *findings = diagnostics_new(5);
    struct topology *machine = synthetic_parse("<machine>", "rp(ep[bar=4GiB]) rp(ep[vf=8])",
                                               findings); /* BARs above 4 GiB, VF BARs */
    ck_assert_ptr_nonnull(machine);
    struct memory_placer *placer = memory_placer_new(machine);
    uint64_t base, previous = 0;
    for (int i = 0; i < 200; i++) {
        ck_assert(memory_placer_take(placer, UINT64_C(3) << 30, 1 << 21, &base));
        ck_assert_uint_eq(base % (1 << 21), 0);
        ck_assert(!previous || base >= previous + (UINT64_C(3) << 30));
        previous = base;
        for (uint32_t f = 0; f < machine->function_count; f++) {
            const struct window *window = &machine->functions[f].prefetchable_window;
            ck_assert(!window->open || base > window->limit || base + (UINT64_C(3) << 30) <= window->base);
        }
    }
    ck_assert(!memory_placer_take(placer, UINT64_C(1) << 50, 4096, &base));
    memory_placer_free(placer);
    topology_free(machine);
    diagnostics_free(findings);
}
END_TEST

START_TEST(holes_are_found)
{
    struct mapping mappings[] = {
        {.iova = 0x1000, .length = 0x1000, .read = true},
        {.iova = 0x2000, .length = 0x2000, .read = true, .write = true},
        {.iova = 0x5000, .length = 0x1000, .read = true, .write = true},
        {.iova = UINT64_MAX - 0xfff, .length = 0x1000, .read = true},
    };
    static const struct {
        uint64_t base, length;
        bool write, unmapped;
        uint64_t where;
    } cases[] = {
        {0x1000, 0x3000, false, false, 0},
        {0x1800, 0x2800, false, false, 0},
        {0x1000, 0x3001, false, true, 0x4000},
        {0x1000, 0x1000, true, true, 0x1000},
        {0x2000, 0x2000, true, false, 0},
        {0x0, 0x10, false, true, 0x0},
        {0x3fff, 2, false, true, 0x4000},
        {0x5000, 0x2000, false, true, 0x6000},
        {UINT64_MAX - 0xfff, 0x1000, false, false, 0},
        {0x7000, 1, false, true, 0x7000},
    };
    const struct domain domain = {.mappings = mappings, .mapping_count = COUNT(mappings)};
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t where = 0;
        bool unmapped =
            find_unmapped(&domain, cases[i].base, cases[i].length, !cases[i].write, cases[i].write, &where);
        ck_assert_msg(unmapped == cases[i].unmapped, "case %zu", i);
        ck_assert_uint_eq(where, cases[i].where);
    }
}
END_TEST

START_TEST(paths_begin_beside_the_file)
{
    static const char *const cases[][3] = {
        {"a/b.json", "c", "a/c"}, {"b.json", "c", "c"},   {"a/b.json", "/c", "/c"},
        {"a/b.json", "-", "-"},   {"/b.json", "c", "/c"}, {"a/b.json", "../c", "a/../c"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *path = path_beside(cases[i][0], cases[i][1]);
        ck_assert_str_eq(path, cases[i][2]);
        free(path);
    }
}
END_TEST

/* Overrides reach a topology file, a dump of bytes (by way of JSON) and a one-line machine alike. */
START_TEST(overrides_reach_every_kind_of_topology)
{
    static const char *const topologies[] = {"synthetic:rp(up(dp(ep) dp(ep)))",
                                             "topologies/gpu-server-two-level-switches.json"};
    for (size_t i = 0; i < COUNT(topologies); i++) {
        struct scenario *scenario = scenario_new();
        struct machine_input *input = NULL;
        scenario_set_topology(scenario, &(struct machine_files){&topologies[i], 1});
        scenario_add_override(scenario, "/parameters/switch/latency=1us");
        scenario_add_override(scenario, "/parameters/iommu/walkers=3");
        scenario_add_override(scenario, "/parameters/iommu/walkers=5"); /* the later one wins */
        scenario_add_override(scenario, "/name=x~/y");
        ck_assert_int_eq(scenario_load_machine(scenario, &input, diagnostics), STATUS_OK);
        ck_assert_uint_eq(input->parameters.switches[0].latency_ps, 1000000);
        ck_assert_uint_eq(input->unit_defaults[IOMMU_VT_D].walkers, 5);
        ck_assert_str_eq(input->topology->name, "x~/y");
        machine_input_free(input);
        scenario_free(scenario);
    }
}
END_TEST

/* Several dumps of one machine, in a scenario. */
START_TEST(a_scenario_may_name_several_dumps)
{
    static const char text[] =
        "{\"format\": \"iommusim-scenario/1\","
        " \"topology\": [\"tests/fuzz/import/bytes.txt\", \"tests/fuzz/import/bytes.txt\"]}";
    const struct source_text source = {"scenario.json", text, strlen(text)};
    struct scenario *scenario = NULL;
    struct machine_input *input = NULL;
    ck_assert_int_eq(scenario_load_source(&source, &scenario, diagnostics), STATUS_OK);
    ck_assert_uint_eq(scenario->topology_files.count, 2);
    ck_assert_int_eq(scenario_load_machine(scenario, &input, diagnostics), STATUS_OK);
    ck_assert_str_eq(input->topology->source, "lspci dump");
    machine_input_free(input);
    scenario_free(scenario);
}
END_TEST

START_TEST(files_in_the_tree_are_valid)
{
    glob_t files;
    ck_assert_int_eq(glob("workloads/*.json", 0, NULL, &files), 0);
    ck_assert_uint_ge(files.gl_pathc, 6);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct text_buffer summary = {0};
        const char *kind;
        int status = validate_input(files.gl_pathv[i], &kind, &summary, diagnostics);
        diagnostics_print(diagnostics, stderr);
        ck_assert_msg(status == STATUS_OK, "%s", files.gl_pathv[i]);
        ck_assert_uint_eq(diagnostics_warnings(diagnostics), 0);
        text_buffer_fini(&summary);
    }
    globfree(&files);
}
END_TEST

/* What the manual shows must load; whom it names is another matter. */
START_TEST(examples_of_the_manual_load)
{
    struct source_text manual;
    unsigned workloads = 0, scenarios = 0;
    ck_assert_int_eq(source_file_read("sim/input/README.md", &manual, diagnostics), STATUS_OK);
    for (const char *at = manual.text; (at = strstr(at, "```json\n"));) {
        const char *end = strstr(at += strlen("```json\n"), "```");
        char *text = strndup(at, (size_t)(end - at));
        const struct source_text source = {"README.md", text, (size_t)(end - at)};
        struct text_buffer summary = {0};
        struct scenario *scenario = NULL;
        if (strstr(text, "iommusim-workload/1")) {
            ck_assert_int_eq(validate_workload(&source, &summary, diagnostics), STATUS_OK);
            workloads++;
        } else if (strstr(text, "iommusim-scenario/1")) {
            ck_assert_int_eq(scenario_load_source(&source, &scenario, diagnostics), STATUS_OK);
            scenarios++;
        }
        scenario_free(scenario);
        text_buffer_fini(&summary);
        free(text);
        at = end;
    }
    ck_assert(workloads && scenarios);
    source_file_fini(&manual);
}
END_TEST

/* No prefix of a good scenario is taken, none crashes the reader; neither do single bytes gone wrong. */
START_TEST(damaged_scenarios_do_no_harm)
{
    static const char text[] =
        "{\"format\": \"iommusim-scenario/1\", \"topology\": \"synthetic:rp(ep)\", \"overrides\": "
        "{\"/name\": \"x\", "
        "\"/iommus/-\": {\"kind\": \"vt-d\"}},\n \"workload\": {\"format\": \"iommusim-workload/1\", "
        "\"domains\": "
        "[{\"name\": "
        "\"d\", \"devices\": [\"01:00.0\"], \"mappings\": [{\"iova\": \"0x1000\", \"length\": \"8KiB\"}]}], "
        "\"streams\": "
        "[{\"name\": \"s\", \"device\": \"01:00.0\", \"pattern\": \"random\", " GENERATOR "}]}}";
    char path[] = "/tmp/iommusim-scenario-XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < 2 * sizeof(text) - 2; i++) {
        struct diagnostics *findings = diagnostics_new(20);
        struct text_buffer summary = {0};
        const char *kind;
        char copy[sizeof(text)];
        size_t length = i < sizeof(text) - 1 ? i : sizeof(text) - 1;
        memcpy(copy, text, sizeof(text));
        if (i >= sizeof(text) - 1)
            copy[i - (sizeof(text) - 1)] ^= 0x11;
        FILE *file = fopen(path, "w");
        ck_assert_uint_eq(fwrite(copy, 1, length, file), length);
        fclose(file);
        int status = validate_input(path, &kind, &summary, findings);
        ck_assert(status < 0 || i >= sizeof(text) - 1);
        ck_assert_int_eq(status<0, diagnostics_errors(findings)> 0);
        text_buffer_fini(&summary);
        diagnostics_free(findings);
    }
    unlink(path);
}
END_TEST

Suite *workload_suite(void)
{
    Suite *suite = suite_create("workload");
    TCase *tests = tcase_create("workload");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, everything_said_is_read);
    tcase_add_test(tests, what_is_left_out_follows);
    tcase_add_test(tests, placement_keeps_clear);
    tcase_add_test(tests, holes_are_found);
    tcase_add_test(tests, paths_begin_beside_the_file);
    tcase_add_test(tests, overrides_reach_every_kind_of_topology);
    tcase_add_test(tests, a_scenario_may_name_several_dumps);
    tcase_add_test(tests, files_in_the_tree_are_valid);
    tcase_add_test(tests, examples_of_the_manual_load);
    tcase_add_test(tests, damaged_scenarios_do_no_harm);
    suite_add_tcase(suite, tests);
    return suite;
}
