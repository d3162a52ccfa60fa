/* SPDX-License-Identifier: MIT */
/* pareto, best and sensitivity on a table made by hand: the figure is 10 a + b, its cost 30 - a b. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/study_answers.h"
#include "sim/batch/study_sentence.h"
#include "sim/input/figure_amount.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *study_answers_suite(void);

enum { COMBINATIONS = 6, REPEATS = 2 };

static struct collected table;

static void setup(void)
{
    static const char text[] =
        "{\"format\": \"iommusim-study/1\", \"scenario\": {}, \"repeats\": 2, \"axes\": [{\"name\": \"a\", "
        "\"pointer\": \"/x-a\", \"values\": [1, 2]}, {\"name\": \"b\", \"pointer\": \"/x-b\", \"values\": "
        "[\"1KiB\", \"2KiB\", \"3KiB\"]}]}";
    const struct source_text source = {"study.json", text, strlen(text)};
    struct diagnostics *diagnostics = diagnostics_new(10);
    struct study *study;
    ck_assert_int_eq(study_load_source(&source, "/study.json", &study, diagnostics), STATUS_OK);
    diagnostics_free(diagnostics);
    table = (struct collected){.arena = arena_new(), .study = study, .metric_count = 2};
    table.metrics = memory_array(2, sizeof(*table.metrics));
    table.metrics[0] = "figure";
    table.metrics[1] = "cost";
    table.points = memory_array(study_points(study), sizeof(*table.points));
    for (uint64_t i = 0; i < study_points(study); i++) {
        int a = 1 + (int)study_value_of(study, i, 0), b = 1 + (int)study_value_of(study, i, 1),
            off = study_repeat_of(study, i) ? 1 : -1;
        table.points[i].state = STORED_RESULT;
        table.points[i].values = memory_array(2, sizeof(char *));
        table.points[i].values[0] = arena_format(table.arena, "%d", 10 * a + b + off);
        table.points[i].values[1] = arena_format(table.arena, "%d", 30 - a * b);
    }
}

static void teardown(void)
{
    struct study *study = (struct study *)table.study;
    collected_free(&table);
    study_free(study);
}

static struct study_goal goal(const char *name, bool maximise)
{
    struct study_goal goal = {.maximise = maximise};
    ck_assert(study_quantity_read(&table, name, &goal.quantity));
    return goal;
}

/* ---- one line ---- */

static void expect_line(struct study_answer answer, const char *expected)
{
    struct text_buffer line = {0};
    struct study *study = (struct study *)table.study;
    const struct study_metric metric = {"figure", "/streams/*/figure"};
    study->metrics = &metric;
    study->metric_count = 1;
    study->answer = answer;
    ck_assert(study_sentence_print(&table, &line));
    ck_assert_str_eq(text_buffer_get(&line), expected);
    text_buffer_fini(&line);
}

/* The figure is 11, 12, 13, 21, 22, 23. */
START_TEST(a_study_is_said_in_a_line)
{
    expect_line((struct study_answer){.of = "figure", .words = "how many", .unit = "pages"},
                "how many: 11 pages with a 1, b 1KiB, 12 pages 1, 2KiB, 13 pages 1, 3KiB, 21 pages 2, 1KiB, "
                "22 pages 2, 2KiB, 23 pages 2, 3KiB\n");
    expect_line((struct study_answer){.of = "figure", .asks = ANSWER_AT_LEAST, .bound = 21},
                "figure: at least 21 from a 2, b 1KiB on; 13 at 1, 3KiB\n");
    expect_line((struct study_answer){.of = "figure", .asks = ANSWER_AT_LEAST, .bound = 5},
                "figure: at least 5 from a 1, b 1KiB on\n");
    expect_line((struct study_answer){.of = "figure", .asks = ANSWER_AT_MOST, .bound = 0},
                "figure: none with no combination; 23 at 2, 3KiB\n");
    table.points[11].state = STORED_FAILURE;
    expect_line((struct study_answer){.of = "figure", .asks = ANSWER_AT_LEAST, .bound = 22},
                "figure: at least 22 with no combination; no result at 2, 3KiB\n");
}
END_TEST

START_TEST(streams_are_added_up)
{
    static const char *const columns[] = {"disk 0.figure", "disk 1.figure"};
    table.metrics[0] = columns[0];
    table.metrics[1] = columns[1]; /* 29, 28, 27, 28, 26, 24: sums of 40 to 49 */
    expect_line((struct study_answer){.of = "figure", .asks = ANSWER_AT_LEAST, .bound = 47, .total = true},
                "figure: at least 47 from a 2, b 1KiB on; 40 at 1, 3KiB\n");
    expect_line((struct study_answer){.of = "figure", .asks = ANSWER_AT_LEAST, .bound = 23},
                "figure: at least 23 from a 2, b 1KiB on; 20 at 1, 3KiB\n");
}
END_TEST

START_TEST(quantities_are_means)
{
    struct study_quantity quantity;
    ck_assert(study_quantity_read(&table, "figure", &quantity));
    ck_assert_double_eq(quantity.values[0], 11);
    ck_assert_double_eq(quantity.values[5], 23);
    free(quantity.values);
    ck_assert(study_quantity_read(&table, "b", &quantity));
    ck_assert_double_eq(quantity.values[1], 2048);
    free(quantity.values);
    ck_assert(!study_quantity_read(&table, "c", &quantity));
    ck_assert_str_eq(study_quantity_nearest(&table, "figur"), "figure");
    table.points[3].state = STORED_FAILURE; /* a repeat of combination 1 */
    ck_assert(study_quantity_read(&table, "figure", &quantity));
    ck_assert(isnan(quantity.values[1]));
    free(quantity.values);
}
END_TEST

/* A point is chosen exactly where no other is at least as good in both and better in one. */
START_TEST(pareto_is_what_nothing_beats)
{
    struct study_goal goals[] = {goal("figure", false), goal("cost", false)};
    bool chosen[COMBINATIONS];
    /* (11,29) (12,28) (13,27) (21,28) (22,26) (23,24): all but (21,28) */
    ck_assert_uint_eq(study_pareto(&table, goals, 2, chosen), 5);
    for (unsigned i = 0; i < COMBINATIONS; i++)
        ck_assert_int_eq(chosen[i], i != 3);
    goals[0].maximise = true; /* now (23,24) is best in both */
    ck_assert_uint_eq(study_pareto(&table, goals, 2, chosen), 1);
    ck_assert(chosen[5]);
    free(goals[0].quantity.values);
    free(goals[1].quantity.values);
}
END_TEST

static bool is_beaten(const struct study_goal *goals, size_t count, uint32_t at, uint32_t combinations)
{
    for (uint32_t other = 0; other < combinations; other++) {
        bool no_worse = true, better = false;
        for (size_t g = 0; g < count; g++) {
            double sign = goals[g].maximise ? -1 : 1, own = sign * goals[g].quantity.values[at],
                   its = sign * goals[g].quantity.values[other];
            no_worse = no_worse && its <= own; /* false with NAN */
            better |= its < own;
        }
        if (no_worse && better)
            return true;
    }
    return false;
}

/* Against the definition, on few values so that many are equal, some of them missing. */
START_TEST(pareto_is_its_definition)
{
    enum { MANY = 60, GOALS = 3, ROUNDS = 200 };
    const struct study study = {.combination_count = MANY};
    const struct collected many = {.study = &study};
    double values[GOALS][MANY];
    uint64_t state = 7;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct study_goal goals[GOALS];
        bool chosen[MANY];
        uint32_t expected = 0;
        for (unsigned g = 0; g < GOALS; g++) {
            goals[g] = (struct study_goal){{"goal", values[g]}, (round >> g & 1) != 0};
            for (unsigned i = 0; i < MANY; i++) {
                state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
                values[g][i] = (state >> 60) == 15                        ? NAN
                               : (double)(state >> 33) / (1U << 31) < 0.5 ? (double)(state >> 40 & 7)
                                                                          : (double)(state >> 40 & 63);
            }
        }
        uint32_t found = study_pareto(&many, goals, GOALS, chosen);
        for (uint32_t i = 0; i < MANY; i++) {
            bool whole = !isnan(values[0][i]) && !isnan(values[1][i]) && !isnan(values[2][i]),
                 wanted = whole && !is_beaten(goals, GOALS, i, MANY);
            ck_assert_msg(chosen[i] == wanted, "round %u, combination %u", round, i);
            expected += wanted;
        }
        ck_assert_uint_eq(found, expected);
    }
}
END_TEST

START_TEST(best_keeps_to_the_conditions)
{
    struct study_goal goals[] = {goal("a", false), goal("figure", true)};
    struct study_constraint constraint = {.relation = RELATION_LESS_EQUAL, .limit = 28};
    ck_assert(study_quantity_read(&table, "cost", &constraint.quantity));
    ck_assert_uint_eq(study_best(&table, goals, 2, &constraint, 1), 2); /* a = 1, then the largest figure */
    ck_assert_uint_eq(study_best(&table, goals, 1, &constraint, 1), 1); /* the first of equals */
    constraint.limit = 26;
    ck_assert_uint_eq(study_best(&table, goals, 2, &constraint, 1), 5);
    constraint.relation = RELATION_LESS;
    constraint.limit = 24;
    ck_assert_uint_eq(study_best(&table, goals, 2, &constraint, 1), UINT32_MAX);
    free(goals[0].quantity.values);
    free(goals[1].quantity.values);
    free(constraint.quantity.values);
}
END_TEST

/* 11 12 13 21 22 23: mean 17, squares 154; between the values of a 150, of b 4. */
START_TEST(sensitivity_is_the_share_of_variance)
{
    struct study_quantity quantity;
    struct axis_effect effects[STUDY_AXES_MAX];
    ck_assert(study_quantity_read(&table, "figure", &quantity));
    ck_assert_uint_eq(study_sensitivity(&table, &quantity, effects), 2);
    ck_assert_uint_eq(effects[0].axis, 0);
    ck_assert_double_eq_tol(effects[0].share, 150.0 / 154, 1e-12);
    ck_assert_double_eq(effects[0].low, 12);
    ck_assert_double_eq(effects[0].high, 22);
    ck_assert_uint_eq(effects[0].high_value, 1);
    ck_assert_double_eq_tol(effects[1].share, 4.0 / 154, 1e-12);
    ck_assert_double_eq(effects[1].high, 18);
    ck_assert_uint_eq(effects[1].high_value, 2);
    free(quantity.values);
}
END_TEST

START_TEST(numbers_have_units)
{
    ck_assert_double_eq(study_number("\"64KiB\""), 65536);
    ck_assert_double_eq(study_number("330ns"), 330000);
    ck_assert_double_eq(study_number("1.5e3"), 1500);
    ck_assert_double_eq(study_number("true"), 1);
    ck_assert(isnan(study_number("null")) && isnan(study_number("\"amd-vi\"")) && isnan(study_number("")));
}
END_TEST

/* A rate in bits is never held against one in bytes, nor a time against a size. */
START_TEST(amounts_are_of_their_figure)
{
    static const struct {
        const char *pointer, *text;
        double value; /* NAN: refused */
    } cases[] = {
        {"/streams/0/latency/p99.9_ps", "1.5us", 1500000},
        {"/streams/0/latency/p99_ps", "64KiB", NAN},
        {"/streams/*/ledger/mean_ps/iotlb", "2ns", 2000},
        {"/streams/0/bits_per_s", "40Gb/s", 40e9},
        {"/streams/0/bits_per_s", "5GB/s", 40e9},
        {"/streams/0/bytes_per_s", "40Gb/s", 5e9},
        {"/streams/0/bytes_per_s", "5us", NAN},
        {"/streams/0/bytes", "1KiB", 1024},
        {"/memory/bytes_read", "2KB", 2000},
        {"/run/failed", "1e3", 1000},
        {"/run/failed", "3B", NAN},
        {"/units/0/iotlb_hit_rate", "0.5", 0.5},
        {"/units/0/iotlb_hit_rate", "half", NAN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double value = -1;
        bool good = figure_amount_parse(cases[i].pointer, cases[i].text, &value);
        ck_assert_msg(good == !isnan(cases[i].value), "%s %s", cases[i].pointer, cases[i].text);
        ck_assert_double_eq(value, good ? cases[i].value : -1);
        ck_assert_ptr_nonnull(figure_amount_expected(cases[i].pointer));
    }
}
END_TEST

START_TEST(conditions_are_in_what_their_metric_is_measured_in)
{
    static const char text[] =
        "{\"format\": \"iommusim-study/1\", \"scenario\": {}, \"axes\": [{\"name\": \"size\", \"pointer\": "
        "\"/x-size\", \"values\": [\"1KiB\", \"2KiB\"]}], \"metrics\": {\"rate\": \"/streams/*/bits_per_s\", "
        "\"worst.rate\": \"/devices/0/bytes_per_s\", \"late\": \"/streams/0/latency/p99_ps\"}}";
    const struct source_text source = {"study.json", text, strlen(text)};
    struct diagnostics *diagnostics = diagnostics_new(10);
    struct study *study;
    enum study_relation relation;
    double limit;
    const char *expected;
    char *name;
    ck_assert_int_eq(study_load_source(&source, "/study.json", &study, diagnostics), STATUS_OK);
    ck_assert(study_condition_parse(study, "reads.rate>=8Gb/s", &name, &relation, &limit, &expected));
    ck_assert_str_eq(name, "reads.rate");
    ck_assert_int_eq(relation, RELATION_GREATER_EQUAL);
    ck_assert_double_eq(limit, 8e9);
    free(name);
    ck_assert(study_condition_parse(study, "worst.rate<8Gb/s", &name, &relation, &limit, &expected));
    ck_assert_double_eq(limit, 1e9);
    free(name);
    ck_assert(study_condition_parse(study, "size<=64KiB", &name, &relation, &limit, &expected));
    ck_assert_double_eq(limit, 65536);
    free(name);
    ck_assert(!study_condition_parse(study, "late<64KiB", &name, &relation, &limit, &expected));
    ck_assert_str_eq(expected, figure_amount_expected("/streams/0/latency/p99_ps"));
    ck_assert(!study_condition_parse(study, "late=64ns", &name, &relation, &limit, &expected));
    study_free(study);
    diagnostics_free(diagnostics);
}
END_TEST

Suite *study_answers_suite(void)
{
    Suite *suite = suite_create("study_answers");
    TCase *tests = tcase_create("study_answers");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, quantities_are_means);
    tcase_add_test(tests, a_study_is_said_in_a_line);
    tcase_add_test(tests, streams_are_added_up);
    tcase_add_test(tests, pareto_is_what_nothing_beats);
    tcase_add_test(tests, pareto_is_its_definition);
    tcase_add_test(tests, best_keeps_to_the_conditions);
    tcase_add_test(tests, sensitivity_is_the_share_of_variance);
    tcase_add_test(tests, numbers_have_units);
    tcase_add_test(tests, amounts_are_of_their_figure);
    tcase_add_test(tests, conditions_are_in_what_their_metric_is_measured_in);
    suite_add_tcase(suite, tests);
    return suite;
}
