/* SPDX-License-Identifier: MIT */
#include "sim/input/study_keys.h"

static const struct json_key study_keys_rows[] = {
    {"$schema", "for editors; not looked at", SCHEMA_STRING, NULL},
    {"format", "what this file is", "{\"const\": \"iommusim-study/1\"}", NULL},
    {"name", "of the study", SCHEMA_STRING, NULL},
    {"source", "where it comes from, in words", SCHEMA_STRING, NULL},
    {"scenario", "what is varied: the path of a scenario from this file's folder, or a scenario itself",
     "{\"anyOf\": [" SCHEMA_STRING ", {\"type\": \"object\"}]}", NULL},
    {"axes",
     "what is varied; every value of one with every value of the others, the last one running fastest",
     SCHEMA_LIST("{\"anyOf\": [" SCHEMA_REF("axis") ", " SCHEMA_REF("zipped") "]}"), NULL},
    {"only", "combinations to keep: at least one of these must fit (all)",
     SCHEMA_LIST(SCHEMA_REF("condition")), NULL},
    {"except", "combinations to leave out: none of these may fit (none)",
     SCHEMA_LIST(SCHEMA_REF("condition")), NULL},
    {"repeats", "runs of each combination, with seeds one after the other (1)", SCHEMA_COUNT(1, 100000),
     NULL},
    {"seed", "of the first repeat (the scenario's)", "{\"type\": \"integer\", \"minimum\": 0}", NULL},
    {"metrics",
     "figures to keep: a name and a JSON pointer into the result document each; * stands for every element "
     "of "
     "an array (throughput, latency and failures of every stream)",
     "{\"type\": \"object\", \"additionalProperties\": {\"type\": \"string\"}}", NULL},
    {"answer", "what `sweep` says of the study in one line", SCHEMA_REF("answer"), NULL},
    {"limits", "of one point", SCHEMA_REF("limits"), NULL},
    {"budget", "of the whole study", SCHEMA_REF("budget"), NULL},
};
JSON_KEY_TABLE(study_keys, "study", "A scenario and the axes along which it is varied.",
               .required = {"format", "scenario", "axes"});

static const struct json_key axis_keys_rows[] = {
    {"name", "of the axis, a column of the answer (the pointer)", SCHEMA_STRING, NULL},
    {"pointer",
     "what changes: a JSON pointer into the topology, /workload/... into the workload, or "
     "/scenario/topology, "
     "/scenario/workload, /scenario/iommu, /scenario/cmdline",
     SCHEMA_STRING, NULL},
    {"values", "any JSON values; null takes away", "{\"type\": \"array\", \"minItems\": 1}", NULL},
    {"range", "numbers in place of values", SCHEMA_REF("range"), NULL},
};
JSON_KEY_TABLE(axis_keys, "axis", "One thing that changes.", .required = {"pointer"});

static const struct json_key zipped_keys_rows[] = {
    {"zip", "axes of equal length that move together", SCHEMA_LIST(SCHEMA_REF("axis")), NULL},
};
JSON_KEY_TABLE(zipped_keys, "zipped", "Axes that move together.", .required = {"zip"});

#define SCHEMA_WHOLE "{\"type\": \"integer\", \"minimum\": 0}"
static const struct json_key range_keys_rows[] = {
    {"from", "the first value", SCHEMA_WHOLE, NULL},
    {"to", "the last value, where the steps meet it", SCHEMA_WHOLE, NULL},
    {"step", "added each time (1)", SCHEMA_WHOLE, NULL},
    {"factor", "multiplied each time, in place of step", SCHEMA_WHOLE, NULL},
    {"unit", "appended to each value, which becomes a string: KiB, ns", SCHEMA_STRING, NULL},
};
JSON_KEY_TABLE(range_keys, "range", "Whole numbers in equal steps or with equal factors.",
               .required = {"from", "to"});

static const struct json_key answer_keys_rows[] = {
    {"of", "name of the metric; those of several streams are taken together", SCHEMA_STRING, NULL},
    {"words", "what it is about (the metric's name)", SCHEMA_STRING, NULL},
    {"unit", "behind its values: commands/s", SCHEMA_STRING, NULL},
    {"total", "streams are added up (false: their mean)", SCHEMA_BOOLEAN, NULL},
    {"at_most", "asks from which combination on the figure is no larger", SCHEMA_WHOLE, NULL},
    {"at_least", "asks from which combination on it is no smaller", SCHEMA_WHOLE, NULL},
};
JSON_KEY_TABLE(answer_keys, "answer", "One line about a study.", .required = {"of"});

#define SCHEMA_LONG_TIME "{\"type\": \"string\", \"pattern\": \"^[0-9]+(\\\\.[0-9]+)? *(ms|s)$\"}"
static const struct json_key limits_keys_rows[] = {
    {"cpu_time", "a point that computes longer has failed (3600s)", SCHEMA_LONG_TIME, NULL},
    {"memory", "a point that wants more has failed (4GiB)", SCHEMA_SIZE, NULL},
};
JSON_KEY_TABLE(limits_keys, "limits", "What one point may use.", .fields = NULL);

static const struct json_key budget_keys_rows[] = {
    {"points", "a study with more points is refused (100000)", SCHEMA_COUNT(1, 10000000), NULL},
};
JSON_KEY_TABLE(budget_keys, "budget", "What the study may use.", .fields = NULL);
