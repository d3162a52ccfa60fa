/* SPDX-License-Identifier: MIT */
#include "sim/output/check_report.h"

#include "sim/base/arena.h"
#include "sim/output/junit.h"
#include "sim/output/plain_path.h"
#include "sim/output/sarif.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const check_format_names[] = {"text", "json", "tap", "junit", "sarif", NULL};

/* What is checked of a case: each is one test of JUnit and TAP. Policies follow. */
static const struct {
    const char *name;
    enum check_rule first, last;
} parts[] = {
    {"groups", CHECK_GROUP, CHECK_FUNCTION},
    {"leaks", CHECK_LEAK, CHECK_LEAK_WAY},
    {"figures", CHECK_FIGURE, CHECK_FIGURE},
    {"answers", CHECK_UNBLESSED, CHECK_BROKEN},
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static const struct sarif_rule rules[CHECK_RULES] = {
    [CHECK_GROUP] =
        {"check/group-moved", SARIF_ERROR, "A function has other IOMMU group mates than were blessed",
         "What can be given to a guest has changed. Find the change of firmware, topology or kernel "
         "behind it, or bless the new groups with `iommusim check --bless`."},
    [CHECK_NUMBER] = {"check/group-number", SARIF_WARNING, "Groups have other numbers than were blessed",
                      "Scripts that name groups by number will meet others."},
    [CHECK_FUNCTION] = {"check/function", SARIF_WARNING, "A function is new or gone",
                        "Bless it if it is meant."},
    [CHECK_LEAK] =
        {"check/leak-new", SARIF_ERROR,
         "A function reaches one of another IOMMU group without the IOMMU seeing it, and did not before",
         "Turn on ACS redirection at the port named, or give both groups to one guest."},
    [CHECK_LEAK_GONE] = {"check/leak-gone", SARIF_NOTE, "A leak that was blessed is closed", "Bless it."},
    [CHECK_LEAK_WAY] = {"check/leak-way", SARIF_WARNING, "A leak takes another way", "See the message."},
    [CHECK_FIGURE] = {"check/figure", SARIF_WARNING, "A figure of a run is off by more than its tolerance",
                      "Find the change behind it, or bless the new figure."},
    [CHECK_POLICY] = {"check/policy", SARIF_ERROR, "A policy of the project is not met", "See the message."},
    [CHECK_UNBLESSED] = {"check/unblessed", SARIF_WARNING, "A case has no blessed answers",
                         "`iommusim check --bless` writes them."},
    [CHECK_BROKEN] = {"check/broken", SARIF_ERROR, "A case cannot be worked out", "See the message."},
};

static bool passed(const struct checked_case *one)
{
    return one->findings->count == 0 || one->blessed;
}

/* ---- text ---- */

static void write_text(const struct checked_case *cases, size_t count, struct text_buffer *out)
{
    size_t failed = 0, findings = 0;
    for (size_t i = 0; i < count; i++) {
        const struct check_findings *found = cases[i].findings;
        const char *word = passed(&cases[i]) ? found->count ? "blessed" : "ok" : "FAIL";
        text_buffer_format(out, "%-4s %s\n", word, cases[i].one->name);
        failed += !passed(&cases[i]);
        findings += found->count;
        for (size_t f = 0; f < found->count; f++) {
            const struct check_finding *finding = &found->items[f];
            text_buffer_format(out, "     %s: %s%s%s\n", check_rule_name(finding->rule),
                               finding->policy ? finding->policy->name : "", finding->policy ? ": " : "",
                               finding->message);
        }
    }
    text_buffer_format(out, "%zu case%s, %zu failed, %zu finding%s\n", count, count == 1 ? "" : "s", failed,
                       findings, findings == 1 ? "" : "s");
}

/* Where to look: the policy, the function in its input, or else the input. */
static struct source_place place_of(const struct checked_case *one, const struct check_finding *finding)
{
    if (finding->policy)
        return finding->policy->place;
    if (finding->function_id != NONE && one->places)
        return one->places[finding->function_id];
    return (struct source_place){.file = one->one->topology.paths[0]};
}

/* ---- JSON ---- */

static void add_place(struct source_place place, struct text_buffer *out)
{
    if (!place.file)
        return;
    char *file = plain_path(place.file);
    text_buffer_add(out, ", \"file\": ");
    text_buffer_json_string(out, file);
    free(file);
    if (place.line)
        text_buffer_format(out, ", \"line\": %u, \"column\": %u", place.line, place.column);
}

static void write_json(const struct checked_case *cases, size_t count, struct text_buffer *out)
{
    text_buffer_add(out, "{\"format\": \"iommusim-check-report/1\", \"cases\": [");
    for (size_t i = 0; i < count; i++) {
        const struct check_findings *found = cases[i].findings;
        text_buffer_format(out, "%s\n  {\"name\": ", i ? "," : "");
        text_buffer_json_string(out, cases[i].one->name);
        text_buffer_format(out, ", \"passed\": %s, \"findings\": [", passed(&cases[i]) ? "true" : "false");
        for (size_t f = 0; f < found->count; f++) {
            const struct check_finding *finding = &found->items[f];
            text_buffer_format(out, "%s\n    {\"rule\": \"%s\", \"message\": ", f ? "," : "",
                               check_rule_name(finding->rule));
            text_buffer_json_string(out, finding->message);
            if (finding->policy) {
                text_buffer_add(out, ", \"policy\": ");
                text_buffer_json_string(out, finding->policy->name);
            }
            add_place(place_of(&cases[i], finding), out);
            text_buffer_add(out, "}");
        }
        text_buffer_add(out, "]}");
    }
    text_buffer_add(out, "\n]}\n");
}

/* ---- tests: TAP and JUnit ---- */

static bool belongs(const struct check_finding *finding, size_t part, const struct check_policy *policy)
{
    if (finding->policy || policy)
        return finding->policy == policy;
    return finding->rule >= parts[part].first && finding->rule <= parts[part].last;
}

/* Findings of a test, a line each. @return their number */
static size_t gather(const struct checked_case *one, size_t part, const struct check_policy *policy,
                     struct text_buffer *lines)
{
    size_t count = 0;
    for (size_t f = 0; f < one->findings->count; f++) {
        if (!belongs(&one->findings->items[f], part, policy))
            continue;
        text_buffer_format(lines, "%s%s", count ? "\n" : "", one->findings->items[f].message);
        count++;
    }
    return count;
}

/* Where there was nothing to compare with, groups, leaks and figures are no tests: only that is one. */
static bool compared(const struct checked_case *one)
{
    for (size_t f = 0; f < one->findings->count; f++)
        if (one->findings->items[f].rule >= CHECK_UNBLESSED)
            return false;
    return one->one->golden;
}

static size_t answer_tests(const struct checked_case *one)
{
    return compared(one) ? PARTS : 1;
}

static size_t tests_of(const struct checked_case *one)
{
    return answer_tests(one) + one->one->policy_count;
}

struct test {
    const char *name;
    bool skipped;
    const struct check_policy *policy;
    struct text_buffer lines;
    size_t findings;
};

/* Test number @p index of a case; free its lines. */
static struct test test_of(const struct checked_case *one, size_t index)
{
    size_t answers = answer_tests(one), part = answers == PARTS ? index : PARTS - 1;
    struct test test = {0};
    if (index >= answers)
        test.policy = &one->one->policies[index - answers];
    test.name = test.policy ? test.policy->name : parts[part].name;
    test.skipped = test.policy && !one->worked_out;
    test.findings = gather(one, part, test.policy, &test.lines);
    return test;
}

static void write_tap(const struct checked_case *cases, size_t count, struct text_buffer *out)
{
    size_t tests = 0, number = 0;
    for (size_t i = 0; i < count; i++)
        tests += tests_of(&cases[i]);
    text_buffer_format(out, "TAP version 13\n1..%zu\n", tests);
    for (size_t i = 0; i < count; i++) {
        for (size_t t = 0; t < tests_of(&cases[i]); t++) {
            struct test test = test_of(&cases[i], t);
            text_buffer_format(out, "%s %zu - %s: ", test.findings ? "not ok" : "ok", ++number,
                               cases[i].one->name);
            for (const char *at = test.name; *at; at++)
                text_buffer_append(out, *at == '#' ? "_" : at, 1); /* "#" begins a directive */
            text_buffer_add(out, test.skipped ? " # SKIP the case cannot be worked out\n" : "\n");
            for (char *line = test.lines.text; line;
                 line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                text_buffer_format(out, "# %.*s\n", (int)strcspn(line, "\n"), line);
            text_buffer_fini(&test.lines);
        }
    }
}

static void write_junit(const struct checked_case *cases, size_t count, struct text_buffer *out)
{
    struct junit junit;
    junit_begin(&junit, "iommusim check");
    for (size_t i = 0; i < count; i++) {
        for (size_t t = 0; t < tests_of(&cases[i]); t++) {
            struct test test = test_of(&cases[i], t);
            char failure[64];
            snprintf(failure, sizeof(failure), "%zu finding%s", test.findings, test.findings == 1 ? "" : "s");
            struct junit_case one = {.name = test.name, .class_name = cases[i].one->name};
            if (test.policy)
                one.place = test.policy->place;
            if (test.skipped)
                one.skipped = "the case cannot be worked out";
            if (test.findings) {
                one.failure = failure;
                one.details = text_buffer_get(&test.lines);
            }
            junit_add(&junit, &one);
            text_buffer_fini(&test.lines);
        }
    }
    junit_end(&junit, out);
}

/* ---- SARIF ---- */

static void write_sarif(const struct checked_case *cases, size_t count, struct text_buffer *out)
{
    struct sarif sarif;
    sarif_begin(&sarif, out, rules, CHECK_RULES);
    for (size_t i = 0; i < count; i++) {
        sarif.incomplete |= !cases[i].worked_out;
        for (size_t f = 0; f < cases[i].findings->count; f++) {
            const struct check_finding *finding = &cases[i].findings->items[f];
            struct text_buffer message = {0}, fingerprint = {0};
            struct sarif_place place = {.place = place_of(&cases[i], finding), .name = cases[i].one->name};
            text_buffer_format(&message, "%s: %s%s%s", cases[i].one->name,
                               finding->policy ? finding->policy->name : "", finding->policy ? ": " : "",
                               finding->message);
            text_buffer_format(&fingerprint, "%s %s %s", rules[finding->rule].id, cases[i].one->name,
                               finding->message);
            sarif_add(&sarif, &(struct sarif_finding){finding->rule, text_buffer_get(&message), &place, 1,
                                                      text_buffer_get(&fingerprint)});
            text_buffer_fini(&message);
            text_buffer_fini(&fingerprint);
        }
    }
    sarif_end(&sarif);
}

void check_report_write(const struct checked_case *cases, size_t count, enum check_format format,
                        struct text_buffer *out)
{
    static void (*const writers[])(const struct checked_case *, size_t, struct text_buffer *) = {
        /* ORDER: enum check_format */
        write_text, write_json, write_tap, write_junit, write_sarif};
    writers[format](cases, count, out);
}
