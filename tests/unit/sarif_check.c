/* SPDX-License-Identifier: MIT */
#include "tests/unit/sarif_check.h"

#include <check.h>
#include <cJSON.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum type { STRING, WHOLE, TRUTH, OBJECT, ARRAY, URI, LEVEL };

/** A member as the schema has it. */
struct member {
    const char *name;
    enum type type;
    bool required;
    int minimum; /* of WHOLE */
};

/** The objects we write; each names all members that it may have of those we know. */
static const struct member log_members[] = {
    {"$schema", STRING, false, 0}, {"version", STRING, true, 0}, {"runs", ARRAY, true, 0}, {0}};
static const struct member run_members[] = {{"tool", OBJECT, true, 0},
                                            {"columnKind", STRING, false, 0},
                                            {"results", ARRAY, false, 0},
                                            {"invocations", ARRAY, false, 0},
                                            {0}};
static const struct member tool_members[] = {{"driver", OBJECT, true, 0}, {0}};
static const struct member driver_members[] = {
    {"name", STRING, true, 0}, {"version", STRING, false, 0}, {"rules", ARRAY, false, 0}, {0}};
static const struct member rule_members[] = {{"id", STRING, true, 0},
                                             {"shortDescription", OBJECT, false, 0},
                                             {"help", OBJECT, false, 0},
                                             {"defaultConfiguration", OBJECT, false, 0},
                                             {0}};
static const struct member message_members[] = {{"text", STRING, true, 0}, {0}};
static const struct member configuration_members[] = {{"level", LEVEL, false, 0}, {0}};
static const struct member result_members[] = {{"ruleId", STRING, true, 0},
                                               {"ruleIndex", WHOLE, true, 0},
                                               {"level", LEVEL, false, 0},
                                               {"message", OBJECT, true, 0},
                                               {"locations", ARRAY, false, 0},
                                               {"relatedLocations", ARRAY, false, 0},
                                               {"partialFingerprints", OBJECT, false, 0},
                                               {0}};
static const struct member location_members[] = {{"id", WHOLE, false, 0},
                                                 {"message", OBJECT, false, 0},
                                                 {"physicalLocation", OBJECT, false, 0},
                                                 {"logicalLocations", ARRAY, false, 0},
                                                 {0}};
static const struct member physical_members[] = {
    {"artifactLocation", OBJECT, true, 0}, {"region", OBJECT, false, 0}, {0}};
static const struct member artifact_members[] = {{"uri", URI, true, 0}, {0}};
static const struct member region_members[] = {
    {"startLine", WHOLE, true, 1}, {"startColumn", WHOLE, false, 1}, {0}};
static const struct member logical_members[] = {{"name", STRING, true, 0}, {0}};
static const struct member invocation_members[] = {
    {"executionSuccessful", TRUTH, true, 0}, {"toolExecutionNotifications", ARRAY, false, 0}, {0}};
static const struct member notification_members[] = {
    {"level", LEVEL, false, 0}, {"message", OBJECT, true, 0}, {0}};

static bool is_uri_reference(const char *text)
{
    if (strncmp(text, "file:///", 8) == 0)
        text += 7;
    for (const char *at = text; *at; at++) {
        if (*at == '%') {
            if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))
                return false;
        } else if (!isalnum((unsigned char)*at) && !strchr("-._~/:@!$&'()*+,;=", *at)) {
            return false;
        }
    }
    const char *colon = strchr(text, ':'), *slash = strchr(text, '/');
    return *text && text[0] + text[1] != 2 * '/' && !strstr(text, "/./") &&
           !(colon && (!slash || colon < slash));
}

static bool has_type(const cJSON *value, const struct member *member)
{
    switch (member->type) {
    case STRING:
        return cJSON_IsString(value) && *value->valuestring;
    case WHOLE:
        return cJSON_IsNumber(value) && value->valuedouble == (double)value->valueint &&
               value->valueint >= member->minimum;
    case TRUTH:
        return cJSON_IsBool(value);
    case OBJECT:
        return cJSON_IsObject(value);
    case ARRAY:
        return cJSON_IsArray(value);
    case URI:
        return cJSON_IsString(value) && is_uri_reference(value->valuestring);
    case LEVEL:
        return cJSON_IsString(value) &&
               (!strcmp(value->valuestring, "note") || !strcmp(value->valuestring, "warning") ||
                !strcmp(value->valuestring, "error"));
    }
    return false;
}

static void check_object(const cJSON *object, const struct member *members)
{
    ck_assert(cJSON_IsObject(object));
    for (const struct member *member = members; member->name; member++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, member->name);
        ck_assert_msg(value || !member->required, "%s is missing", member->name);
        ck_assert_msg(!value || has_type(value, member), "%s is of the wrong type", member->name);
    }
    const cJSON *value;
    cJSON_ArrayForEach(value, object)
    {
        const struct member *member = members;
        while (member->name && strcmp(member->name, value->string) != 0)
            member++;
        ck_assert_msg(member->name, "the schema has no %s here", value->string);
    }
}

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void check_location(const cJSON *location)
{
    const cJSON *physical = get(location, "physicalLocation"), *logical;
    check_object(location, location_members);
    if (get(location, "message"))
        check_object(get(location, "message"), message_members);
    if (physical) {
        check_object(physical, physical_members);
        check_object(get(physical, "artifactLocation"), artifact_members);
        if (get(physical, "region"))
            check_object(get(physical, "region"), region_members);
    }
    cJSON_ArrayForEach(logical, get(location, "logicalLocations")) check_object(logical, logical_members);
}

static void check_result(const cJSON *result, const cJSON *rules)
{
    const cJSON *location, *other, *print;
    check_object(result, result_members);
    check_object(get(result, "message"), message_members);
    const cJSON *rule = cJSON_GetArrayItem(rules, get(result, "ruleIndex")->valueint);
    ck_assert_ptr_nonnull(rule);
    ck_assert_str_eq(get(rule, "id")->valuestring, get(result, "ruleId")->valuestring);
    cJSON_ArrayForEach(location, get(result, "locations")) check_location(location);
    cJSON_ArrayForEach(location, get(result, "relatedLocations"))
    {
        check_location(location);
        for (other = location->next; other; other = other->next)
            ck_assert_int_ne(get(location, "id")->valueint, get(other, "id")->valueint);
    }
    cJSON_ArrayForEach(print, get(result, "partialFingerprints")) ck_assert(cJSON_IsString(print));
}

static void check_rules(const cJSON *rules)
{
    const cJSON *rule, *other;
    cJSON_ArrayForEach(rule, rules)
    {
        check_object(rule, rule_members);
        check_object(get(rule, "shortDescription"), message_members);
        check_object(get(rule, "help"), message_members);
        check_object(get(rule, "defaultConfiguration"), configuration_members);
        for (other = rule->next; other; other = other->next)
            ck_assert_str_ne(get(rule, "id")->valuestring, get(other, "id")->valuestring);
    }
}

int sarif_check(const char *text)
{
    const cJSON *run, *result, *invocation, *notification;
    cJSON *log = cJSON_ParseWithOpts(text, NULL, true);
    ck_assert_msg(log != NULL, "no JSON: %.200s", text);
    check_object(log, log_members);
    ck_assert_str_eq(get(log, "version")->valuestring, "2.1.0");
    ck_assert_int_eq(cJSON_GetArraySize(get(log, "runs")), 1);
    run = cJSON_GetArrayItem(get(log, "runs"), 0);
    check_object(run, run_members);
    check_object(get(run, "tool"), tool_members);
    const cJSON *driver = get(get(run, "tool"), "driver"), *rules = get(driver, "rules");
    check_object(driver, driver_members);
    check_rules(rules);
    ck_assert_str_eq(get(run, "columnKind")->valuestring, "unicodeCodePoints");
    cJSON_ArrayForEach(result, get(run, "results")) check_result(result, rules);
    cJSON_ArrayForEach(invocation, get(run, "invocations"))
    {
        check_object(invocation, invocation_members);
        cJSON_ArrayForEach(notification, get(invocation, "toolExecutionNotifications"))
        {
            check_object(notification, notification_members);
            check_object(get(notification, "message"), message_members);
        }
    }
    int results = cJSON_GetArraySize(get(run, "results"));
    cJSON_Delete(log);
    return results;
}
