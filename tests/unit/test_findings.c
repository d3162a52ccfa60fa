/* SPDX-License-Identifier: MIT */
/* Findings for CI systems: SARIF and JUnit documents, and the places of functions in all kinds of input. */
#include "sim/analysis/iommu_groups.h"
#include "sim/base/arena.h"
#include "sim/base/json_scan.h"
#include "sim/input/machine_input.h"
#include "sim/output/junit.h"
#include "sim/output/plain_path.h"
#include "sim/output/reach_sarif.h"
#include "tests/unit/fabric_fixture.h"
#include "tests/unit/junit_check.h"
#include "tests/unit/program.h"
#include "tests/unit/sarif_check.h"

Suite *findings_suite(void);

#define LEAKY "rp@1[acs](up[acs](dp@0[acs=1f:0](ep) dp@3[acs=1f:0](ep)))"

/** "line:column" of function @p bdf, "-" parts where they are not known. */
static const char *place_words(const struct machine_input *input, const char *bdf, char *text)
{
    const struct source_place *place = &input->places[fixture_function(input->topology, bdf)->id];
    snprintf(text, 100, "%s:%u:%u", place->file ? place->file : "-", place->line, place->column);
    return text;
}

static struct machine_input *load(const char *name, const char *text)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct machine_input *input = NULL;
    struct source_text source = {name, text, strlen(text)};
    int status = machine_input_load_source(&source, &input, diagnostics);
    if (status < 0)
        diagnostics_print(diagnostics, stderr);
    ck_assert_int_eq(status, 0);
    diagnostics_free(diagnostics);
    return input;
}

START_TEST(places_of_functions)
{
    char text[100];
    struct machine_input *input =
        load("x.json", "{\"format\": \"iommusim-topology/1\", \"x-\\u00e9/~\": {\"a\": [{}, 1]},\n"
                       " \"host_bridges\": [{\"bus\": \"00\", \"functions\": [\n"
                       "  {\"address\": \"01.0\", \"kind\": \"root-port\",\n"
                       "   \"name\": \"\xc3\xa9\", \"functions\": [{\"address\": \"00.0\",\n"
                       "    \"kind\": \"endpoint\"}]}, {\"address\": \"02.0\", "
                       "\"kind\": \"integrated-endpoint\"}]}]}\n");
    ck_assert_str_eq(place_words(input, "00:01.0", text), "x.json:3:3");
    ck_assert_str_eq(place_words(input, "01:00.0", text), "x.json:4:31");
    ck_assert_str_eq(place_words(input, "00:02.0", text), "x.json:5:28");
    machine_input_free(input);

    /* A VF stands where its PF does, a copy where the description does. */
    input = load("<s>", "rp@1(ep[vf=2:1:1])\n  rp*2@2(ep)");
    ck_assert_str_eq(place_words(input, "01:00.2", text), place_words(input, "01:00.0", text + 50));
    ck_assert_str_eq(place_words(input, "00:03.0", text), "<s>:2:3");
    machine_input_free(input);

    /* The line of a dump on which the function begins. */
    input = load("d.txt", "00:00.0 Host bridge [0600]: X [8086:1237]\n"
                          "00:01.0 VGA compatible controller [0300]: X [1234:1111]\n");
    ck_assert_str_eq(place_words(input, "00:01.0", text), "d.txt:2:0");
    machine_input_free(input);
}
END_TEST

struct visits {
    char pointers[8][40];
    size_t offsets[8], count;
};

static void note_object(void *data, const char *pointer, size_t offset)
{
    struct visits *visits = data;
    snprintf(visits->pointers[visits->count], 40, "%s", pointer);
    visits->offsets[visits->count++] = offset;
}

START_TEST(objects_have_the_pointers_that_lead_to_them)
{
    static const char text[] = " {\"a~/\\u00e9\": [1, {\"b\": \"}]\"}, [[{}]]], \"\": {\"c\": -1e3}}";
    const struct source_text source = {"x", text, strlen(text)};
    static const char *const expected[] = {"", "/a~0~1\xc3\xa9/1", "/a~0~1\xc3\xa9/2/0/0", "/"};
    struct visits visits = {.count = 0};
    json_objects_visit(&source, note_object, &visits);
    ck_assert_uint_eq(visits.count, 4);
    for (size_t i = 0; i < visits.count; i++) {
        ck_assert_str_eq(visits.pointers[i], expected[i]);
        ck_assert_uint_eq(json_locate_value(&source, expected[i]), visits.offsets[i]);
    }
}
END_TEST

START_TEST(sarif_of_a_machine)
{
    struct machine_input *input = load("two switches.json:1", LEAKY);
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct iommu_groups *groups = iommu_groups_form(input->topology, IOMMU_CHOICE_VT_D, "", diagnostics);
    struct text_buffer out = {0};
    struct reach_sarif about = {reach_new(input->topology->arena, groups), groups, input->places};
    ck_assert_uint_eq(reach_sarif_pairs(&about, NONE, NONE, &out), 2);
    ck_assert_int_eq(sarif_check(text_buffer_get(&out)), 2);
    /* The place is that of the port that turns, and what no URI may hold is written otherwise. */
    ck_assert_ptr_nonnull(strstr(out.text, "\"locations\": [{\"physicalLocation\": {\"artifactLocation\": "
                                           "{\"uri\": \"./two%20switches.json:1\"}, \"region\": "
                                           "{\"startLine\": 1, \"startColumn\": 19}}"));
    out.length = 0;
    uint32_t source = fixture_function(input->topology, "04:00.0")->id;
    ck_assert_uint_eq(reach_sarif_pairs(&about, source, NONE, &out), 1);
    ck_assert_int_eq(sarif_check(text_buffer_get(&out)), 1);
    out.length = 0;
    struct soundness *soundness = soundness_judge(groups);
    reach_sarif_soundness(soundness, input->places, &out);
    ck_assert_int_eq(sarif_check(text_buffer_get(&out)), 2);
    soundness_free(soundness);
    text_buffer_fini(&out);
    iommu_groups_free(groups);
    diagnostics_free(diagnostics);
    machine_input_free(input);
}
END_TEST

START_TEST(sarif_has_an_end)
{
    static const struct sarif_rule rule = {"a/b", SARIF_WARNING, "What \"it\" is", "What to do"};
    const struct sarif_place places[] = {{{NULL, 0, 0}, "00:01.0", NULL}, {{"f", 0, 0}, "x\ty", "other"}};
    struct text_buffer out = {0};
    struct sarif sarif;
    sarif_begin(&sarif, &out, &rule, 1);
    sarif_end(&sarif);
    ck_assert_int_eq(sarif_check(text_buffer_get(&out)), 0);
    out.length = 0;
    sarif_begin(&sarif, &out, &rule, 1);
    for (int i = 0; i < SARIF_RESULTS_MAX + 7; i++)
        sarif_add(&sarif, &(struct sarif_finding){0, "m", places, 2, "print"});
    sarif_end(&sarif);
    ck_assert_int_eq(sarif_check(text_buffer_get(&out)), SARIF_RESULTS_MAX);
    ck_assert_ptr_nonnull(strstr(out.text, "7 more results are left out"));
    text_buffer_fini(&out);
}
END_TEST

START_TEST(junit_document)
{
    struct text_buffer out = {0};
    struct junit junit;
    junit_begin(&junit, "a \"suite\"");
    junit_add(&junit, &(struct junit_case){.name = "good", .class_name = "reach"});
    junit_add(&junit, &(struct junit_case){.name = "bad & worse",
                                           .class_name = "reach",
                                           .place = {"m.json", 3, 1},
                                           .failure = "a < b",
                                           .details = "one\n\x01two"});
    junit_end(&junit, &out);
    ck_assert_str_eq(
        out.text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<testsuites tests=\"2\" failures=\"1\">\n"
                  "  <testsuite name=\"a &quot;suite&quot;\" tests=\"2\" failures=\"1\" errors=\"0\" "
                  "skipped=\"0\">\n"
                  "    <testcase classname=\"reach\" name=\"good\"/>\n"
                  "    <testcase classname=\"reach\" name=\"bad &amp; worse\" file=\"m.json\" line=\"3\">\n"
                  "      <failure message=\"a &lt; b\">one\n?two</failure>\n"
                  "    </testcase>\n"
                  "  </testsuite>\n"
                  "</testsuites>\n");
    text_buffer_fini(&out);
}
END_TEST

START_TEST(paths_are_plain)
{
    static const char *const cases[][2] = {{"a.json", "a.json"},
                                           {"./a.json", "a.json"},
                                           {"w/../t/a.json", "t/a.json"},
                                           {"../a.json", "../a.json"},
                                           {"../../x/../a", "../../a"},
                                           {"/x/./y/../a", "/x/a"},
                                           {"a/b/../../c", "c"},
                                           {"-", "-"},
                                           {"..", ".."},
                                           {"x/..a/b", "x/..a/b"},
                                           {"w/../../a.json", "../a.json"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *plain = plain_path(cases[i][0]);
        ck_assert_str_eq(plain, cases[i][1]);
        free(plain);
    }
}
END_TEST

/* ---- from outside ---- */

/** A switch whose ports have ACS off unless the kernel switches it on, and a write from one function into the
 * other's BAR. */
static const char leaky_scenario[] =
    "{\"format\": \"iommusim-scenario/1\", \"name\": \"leaky\", \"topology\": {\n"
    "  \"format\": \"iommusim-topology/1\", \"iommus\": [{\"kind\": \"vt-d\"}],\n"
    "  \"host_bridges\": [{\"functions\": [{\"kind\": \"root-port\", \"acs\": "
    "{\"capability\": [\"SV\", \"RR\", \"CR\", \"UF\"], \"control\": []}, \"functions\": [\n"
    "   {\"kind\": \"upstream-port\", \"functions\": [\n"
    "    {\"kind\": \"downstream-port\", \"acs\": {\"capability\": [\"SV\", \"RR\"], \"control\": []},\n"
    "     \"functions\": [{\"kind\": \"endpoint\", \"bars\": [\n"
    "      {\"index\": 0, \"kind\": \"memory64\", \"size\": \"64KiB\", \"address\": "
    "\"0x4000000000\"}]}]},\n"
    "    {\"kind\": \"downstream-port\", \"acs\": {\"capability\": [\"SV\", \"RR\"], \"control\": []},\n"
    "     \"functions\": [{\"kind\": \"endpoint\"}]}]}]}]}]},\n"
    " \"workload\": {\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"devices\": "
    "\"all\",\n"
    "   \"mappings\": [{\"iova\": \"0x4000000000\", \"length\": \"64KiB\"}]}],\n"
    "  \"streams\": [{\"name\": \"s\", \"device\": \"04:00.0\", \"operation\": \"write\", \"base\": "
    "\"0x4000000000\",\n"
    "   \"window\": \"64KiB\", \"size\": \"64B\", \"operations\": 3, \"queue_depth\": 1}]}}\n";

#define LEAKY_CMDLINE "pci=config_acs=0000000@02:00.0;0000000@02:01.0"

START_TEST(a_run_tells_its_findings)
{
    int status;
    program_write_file("leaky.json", leaky_scenario);
    char *output =
        program_run("run leaky.json --cmdline '" LEAKY_CMDLINE "' --format sarif --fail-on leak", &status);
    ck_assert_int_eq(status, 1);
    ck_assert_int_eq(sarif_check(output), 1);
    ck_assert_ptr_nonnull(strstr(output, "\"ruleId\": \"run/leak\""));
    ck_assert_ptr_nonnull(strstr(output, "\"startLine\": 8"));
    free(output);
    output = program_run("run leaky.json --cmdline '" LEAKY_CMDLINE "' --format junit", &status);
    ck_assert_int_ge(junit_check(output), 1);
    ck_assert_int_eq(status, 0);
    ck_assert_ptr_nonnull(strstr(output, "<testsuites tests=\"5\" failures=\"1\">"));
    ck_assert_ptr_nonnull(strstr(output, "name=\"run/leak\" file=\"leaky.json\" line=\"8\">"));
    ck_assert_ptr_nonnull(strstr(output, "3 requests (192 bytes) of 0000:04:00.0 came to 0000:03:00.0"));
    free(output);
    /* The kernel's own enabling stops it. */
    output = program_run("run leaky.json --format sarif --fail-on leak --fail-on fault -o out", &status);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(sarif_check(output), 0);
    free(output);
    free(program_run("run leaky.json --format xml", &status));
    ck_assert_int_eq(status, 2);
}
END_TEST

Suite *findings_suite(void)
{
    Suite *suite = suite_create("findings");
    TCase *tests = tcase_create("findings");
    tcase_add_test(tests, places_of_functions);
    tcase_add_test(tests, objects_have_the_pointers_that_lead_to_them);
    tcase_add_test(tests, sarif_of_a_machine);
    tcase_add_test(tests, sarif_has_an_end);
    tcase_add_test(tests, junit_document);
    tcase_add_test(tests, paths_are_plain);
    suite_add_tcase(suite, tests);
    TCase *outside = tcase_create("outside");
    tcase_add_unchecked_fixture(outside, program_setup, program_teardown);
    tcase_add_test(outside, a_run_tells_its_findings);
    suite_add_tcase(suite, outside);
    return suite;
}
