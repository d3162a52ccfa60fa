/* SPDX-License-Identifier: MIT */
#include "sim/input/check_suite.h"

#include "sim/base/arena.h"
#include "sim/base/json_scan.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/check_keys.h"
#include "sim/input/figure_amount.h"
#include "sim/input/source_file.h"
#include "sim/input/workload_keys.h"
#include "sim/input/workload_reader.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const check_policy_words[] = {"no-leak",         "alone",  "separate", "together",
                                          "no-leak-between", "figure", NULL};

void check_suite_free(struct check_suite *suite)
{
    if (suite)
        arena_free(suite->arena);
}

static const char *path_from(struct check_suite *suite, const char *name)
{
    if (strncmp(name, "synthetic:", strlen("synthetic:")) == 0)
        return arena_string(suite->arena, name);
    char *path = path_beside(suite->path, name);
    const char *kept = arena_string(suite->arena, path);
    free(path);
    return kept;
}

/* A name that is part of file names and reports. */
static const char *read_name(struct check_suite *suite, const struct json_node *object)
{
    const char *text = NULL;
    struct json_node node = json_member(object, "name");
    if (!json_require(object, "name", "what it is called") || !json_get_string(object, "name", &text))
        return NULL;
    if (!*text || *text == '.' || strpbrk(text, "/\\\n\t")) {
        json_error(&node, "check-name",
                   "a name is part of a file's name: not empty, no slash, no dot in front");
        return NULL;
    }
    return arena_string(suite->arena, text);
}

static void read_topology(struct check_suite *suite, const struct json_node *object, struct check_case *one)
{
    struct json_node node = json_member(object, "topology");
    if (!json_require(object, "topology", "the machine"))
        return;
    bool several = json_is_array(&node);
    const char **paths = arena_array(suite->arena, several ? json_length(&node) + 1 : 1, sizeof(*paths));
    for (struct json_node item = several ? json_first(&node) : node; json_given(&item); json_next(&item)) {
        const char *name = json_expect_string(&item, "the path of a topology or dump");
        if (name)
            paths[one->topology.count++] = path_from(suite, name);
        if (!several)
            break;
    }
    one->topology.paths = paths;
    if (several && one->topology.count == 0)
        json_error(&node, "check-empty", "no dump is named");
}

static void read_runs(struct check_suite *suite, const struct json_node *object, struct check_case *one)
{
    struct json_node array = json_member(object, "runs");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    one->runs = arena_array(suite->arena, json_length(&array), sizeof(*one->runs));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node)) {
        const char *path = NULL, *name;
        if (!json_expect_object(&node) || !json_check_table(&node, &check_run_keys) ||
            !(name = read_name(suite, &node)) || !json_require(&node, "workload", "what runs") ||
            !json_get_string(&node, "workload", &path))
            continue;
        one->runs[one->run_count++] = (struct check_run){name, path_from(suite, path)};
    }
}

/* ---- policies ---- */

static double read_bound(const struct json_node *object, const char *key, const char *figure)
{
    struct json_node node = json_member(object, key);
    double value = NAN;
    if (!json_given(&node))
        return NAN;
    if (json_is_number(&node))
        return node.value->valuedouble;
    const char *text = json_expect_string(&node, "a number, or an amount with unit such as \"800ns\"");
    if (text && figure && !figure_amount_parse(figure, text, &value)) {
        json_error(&node, "check-policy", "%s is no bound of %s: expected %s", text, figure,
                   figure_amount_expected(figure));
        value = 0; /* there is a bound: no second error */
    }
    return value;
}

static void read_devices(struct check_suite *suite, const struct json_node *object,
                         struct check_policy *policy)
{
    struct json_node array = json_member(object, "devices");
    uint32_t segment;
    uint8_t bus, devfn;
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    policy->devices = arena_array(suite->arena, json_length(&array), sizeof(*policy->devices));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node))
        if (json_node_bdf(&node, &segment, &bus, &devfn))
            policy->devices[policy->device_count++] = arena_string(suite->arena, json_string(&node));
}

static bool has_run(const struct check_case *one, const char *name)
{
    for (uint32_t i = 0; i < one->run_count; i++)
        if (strcmp(one->runs[i].name, name) == 0)
            return true;
    return false;
}

static void report_run(const struct json_node *node, const struct check_case *one, const char *name)
{
    const char *near = name && one->run_count
                           ? nearest_name(name, &one->runs[0].name, one->run_count, sizeof(one->runs[0]))
                           : NULL;
    json_error(node, "check-policy", "a figure is of a run of this case: give its name in \"run\"%s%s%s",
               near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void check_policy(const struct json_node *node, const struct check_case *one,
                         const struct check_policy *policy)
{
    static const uint32_t devices_least[POLICY_KINDS] = {
        [POLICY_ALONE] = 1, [POLICY_SEPARATE] = 2, [POLICY_TOGETHER] = 2, [POLICY_NO_LEAK_BETWEEN] = 2};
    uint32_t least = devices_least[policy->kind];
    if (policy->device_count < least)
        json_error(node, "check-policy", "the policy \"%s\" needs %u device%s or more in \"devices\"",
                   check_policy_words[policy->kind], least, least == 1 ? "" : "s");
    if (policy->kind != POLICY_FIGURE) {
        if (policy->run || policy->figure || !isnan(policy->at_most) || !isnan(policy->at_least))
            json_error(node, "check-policy",
                       "the policy \"%s\" has no \"run\", \"figure\", \"at_most\" or \"at_least\"",
                       check_policy_words[policy->kind]);
        return;
    }
    if (policy->device_count)
        json_error(node, "check-policy", "a figure has no \"devices\"");
    if (!policy->run || !has_run(one, policy->run))
        report_run(node, one, policy->run);
    if (!policy->figure || *policy->figure != '/')
        json_error(node, "check-policy",
                   "\"figure\" is a JSON pointer such as \"/streams/0/latency/p99_ps\"");
    if (isnan(policy->at_most) && isnan(policy->at_least))
        json_error(node, "check-policy", "a figure has a bound: \"at_most\" or \"at_least\"");
}

static const char *policy_name(struct check_suite *suite, const struct check_policy *policy)
{
    struct text_buffer text = {0};
    text_buffer_add(&text, check_policy_words[policy->kind]);
    for (uint32_t i = 0; i < policy->device_count; i++)
        text_buffer_format(&text, "%s%s", i ? ", " : " ", policy->devices[i]);
    if (policy->figure)
        text_buffer_format(&text, " %s of %s", policy->figure, policy->run ? policy->run : "");
    const char *kept = arena_string(suite->arena, text.text);
    text_buffer_fini(&text);
    return kept;
}

static struct source_place place_of(struct check_suite *suite, const struct json_node *node)
{
    unsigned line, column;
    const struct source_text *source = node->document->source;
    char *pointer = json_pointer(node);
    source_position(source, json_locate(source, pointer, JSON_VALUE), &line, &column);
    free(pointer);
    return (struct source_place){arena_string(suite->arena, source->name), line, column};
}

static void read_policies(struct check_suite *suite, const struct json_node *object, struct check_case *one)
{
    struct json_node array = json_member(object, "policies");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    one->policies = arena_array(suite->arena, json_length(&array), sizeof(*one->policies));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node)) {
        struct check_policy policy = {.place = place_of(suite, &node)};
        int kind;
        if (!json_expect_object(&node) || !json_check_table(&node, &check_policy_keys) ||
            !json_require(&node, "policy", "what must be true") ||
            !json_get_choice(&node, "policy", check_policy_words, &kind))
            continue;
        policy.kind = (enum check_policy_kind)kind;
        read_devices(suite, &node, &policy);
        json_get_string(&node, "run", &policy.run);
        json_get_string(&node, "figure", &policy.figure);
        json_get_string(&node, "name", &policy.name);
        policy.run = arena_string(suite->arena, policy.run);
        policy.figure = arena_string(suite->arena, policy.figure);
        policy.at_most = read_bound(&node, "at_most", policy.figure);
        policy.at_least = read_bound(&node, "at_least", policy.figure);
        check_policy(&node, one, &policy);
        policy.name = policy.name ? arena_string(suite->arena, policy.name) : policy_name(suite, &policy);
        one->policies[one->policy_count++] = policy;
    }
}

/* ---- cases ---- */

static void read_case(struct check_suite *suite, const struct json_node *node)
{
    struct check_case *one = &suite->cases[suite->case_count];
    const char *text = NULL;
    int word = 0;
    *one = (struct check_case){.iommu = scenario_iommu_words[0], .golden = true};
    if (!json_expect_object(node) || !json_check_table(node, &check_case_keys) ||
        !(one->name = read_name(suite, node)))
        return;
    for (uint32_t i = 0; i < suite->case_count; i++)
        if (strcmp(suite->cases[i].name, one->name) == 0)
            json_error(node, "check-case-twice", "another case is called \"%s\"", one->name);
    read_topology(suite, node, one);
    struct json_node kernel = json_member(node, "kernel");
    if (json_given(&kernel) && json_expect_object(&kernel) &&
        json_check_table(&kernel, &scenario_kernel_keys) && json_get_string(&kernel, "cmdline", &text))
        one->cmdline = arena_string(suite->arena, text);
    if (json_get_choice(node, "iommu", scenario_iommu_words, &word))
        one->iommu = scenario_iommu_words[word];
    json_get_boolean(node, "golden", &one->golden);
    read_runs(suite, node, one);
    read_policies(suite, node, one);
    suite->case_count++;
}

static void read_tolerances(struct check_suite *suite, const struct json_node *root)
{
    struct json_node object = json_member(root, "tolerances");
    if (!json_given(&object) || !json_expect_object(&object))
        return;
    suite->tolerances =
        arena_array(suite->arena, (size_t)cJSON_GetArraySize(object.value), sizeof(*suite->tolerances));
    for (struct json_node node = json_first(&object); json_given(&node); json_next(&node)) {
        if (!json_is_number(&node) || !(node.value->valuedouble >= 0 && node.value->valuedouble <= 1)) {
            json_error(&node, "check-tolerance", "a tolerance is relative: a number from 0 to 1");
            continue;
        }
        suite->tolerances[suite->tolerance_count++] =
            (struct check_tolerance){arena_string(suite->arena, node.key), node.value->valuedouble};
    }
}

static void read_suite(struct check_suite *suite, const struct json_node *root)
{
    const char *text = NULL, *golden = "golden";
    if (!json_expect_object(root) || !json_require(root, "format", "\"iommusim-check/1\"") ||
        !json_get_string(root, "format", &text))
        return;
    if (strcmp(text, "iommusim-check/1") != 0) {
        struct json_node format = json_member(root, "format");
        json_error(&format, "check-format", "a suite's format is \"iommusim-check/1\", found \"%s\"", text);
        return;
    }
    json_check_table(root, &check_keys);
    json_get_string(root, "golden", &golden);
    suite->golden_folder = path_from(suite, golden);
    read_tolerances(suite, root);
    struct json_node array = json_member(root, "cases");
    if (!json_require(root, "cases", "the machines") || !json_expect_array(&array))
        return;
    suite->cases = arena_array(suite->arena, json_length(&array), sizeof(*suite->cases));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node))
        read_case(suite, &node);
    if (json_length(&array) == 0)
        json_error(&array, "check-empty", "there is no case");
}

int check_suite_load_source(const struct source_text *source, struct check_suite **result,
                            struct diagnostics *diagnostics)
{
    struct json_document document;
    unsigned errors = diagnostics_errors(diagnostics);
    int status = json_document_init(&document, source, diagnostics);
    if (status < 0)
        return status;
    struct arena *arena = arena_new();
    struct check_suite *suite = arena_alloc(arena, sizeof(*suite));
    *suite = (struct check_suite){.arena = arena, .path = arena_string(arena, source->name)};
    struct json_node root = json_root(&document);
    read_suite(suite, &root);
    json_document_fini(&document);
    if (diagnostics_errors(diagnostics) != errors) {
        check_suite_free(suite);
        return STATUS_BAD_INPUT;
    }
    *result = suite;
    return STATUS_OK;
}

int check_suite_load(const char *path, struct check_suite **suite, struct diagnostics *diagnostics)
{
    struct source_text source;
    struct text_buffer name = {0};
    struct stat about;
    bool folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
    text_buffer_format(&name, "%s%s", path, folder ? "/check.json" : "");
    int status = source_file_read(name.text, &source, diagnostics);
    if (status == STATUS_OK) {
        status = check_suite_load_source(&source, suite, diagnostics);
        source_file_fini(&source);
    }
    text_buffer_fini(&name);
    return status;
}
