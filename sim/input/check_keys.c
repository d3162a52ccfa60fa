/* SPDX-License-Identifier: MIT */
#include "sim/input/check_keys.h"

#include "sim/input/check_suite.h"
#include "sim/input/workload_keys.h"

static const struct json_key check_keys_rows[] = {
    {"$schema", "for editors; not looked at", SCHEMA_STRING, NULL},
    {"format", "what this file is", "{\"const\": \"iommusim-check/1\"}", NULL},
    {"name", "of the suite", SCHEMA_STRING, NULL},
    {"golden", "the folder, from this file's, with the answers that were blessed (golden)", SCHEMA_STRING,
     NULL},
    {"cases", "the machines", "{\"type\": \"array\", \"items\": " SCHEMA_REF("case") ", \"minItems\": 1}",
     NULL},
    {"tolerances",
     "how far figures may be off, relative: the last part of a figure's name (\"p99_ps\"), or \"*\" for all, "
     "and "
     "a number; without: not at all",
     "{\"type\": \"object\", \"additionalProperties\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": "
     "1}}",
     NULL},
};
JSON_KEY_TABLE(check_keys, "check", "What must stay as it is.", .required = {"format", "cases"});

static const struct json_key check_case_keys_rows[] = {
    {"name", "of the case, and of its blessed answers", SCHEMA_STRING, NULL},
    {"topology",
     "the machine: the path of a topology or dump from this file's folder, a one-line machine, or paths of "
     "dumps "
     "that are merged",
     "{\"anyOf\": [" SCHEMA_STRING ", " SCHEMA_LIST(SCHEMA_STRING) "]}", NULL},
    {"kernel", "in place of the topology's", SCHEMA_REF("kernel"), NULL},
    {"iommu", "which IOMMU the machine has (auto: what the topology says)", NULL, scenario_iommu_words},
    {"runs", "what runs on the machine", SCHEMA_LIST(SCHEMA_REF("run")), NULL},
    {"policies", "what must be true of it", SCHEMA_LIST(SCHEMA_REF("policy")), NULL},
    {"golden", "compare with the blessed answers (true)", SCHEMA_BOOLEAN, NULL},
};
JSON_KEY_TABLE(check_case_keys, "case", "A machine, what runs on it, what must be true.",
               .required = {"name", "topology"});

static const struct json_key check_run_keys_rows[] = {
    {"name", "of the run", SCHEMA_STRING, NULL},
    {"workload",
     "path of a workload, or of a scenario (whose machine is this case's), from this file's folder",
     SCHEMA_STRING, NULL},
};
JSON_KEY_TABLE(check_run_keys, "run", "A workload on the machine.", .required = {"name", "workload"});

static const struct json_key check_policy_keys_rows[] = {
    {"policy",
     "no-leak: nothing reaches a function of another group untranslated (with devices: none of them reaches "
     "or "
     "is reached); alone: each device is alone in its group, bridges aside; separate: no two share a group; "
     "together: all share one; no-leak-between: nothing in the group of one device reaches the group of "
     "another; figure: a figure of a run is within bounds",
     NULL, check_policy_words},
    {"name", "what reports call it", SCHEMA_STRING, NULL},
    {"devices", "addresses", SCHEMA_LIST(SCHEMA_BDF), NULL},
    {"run", "name of a run of this case (figure)", SCHEMA_STRING, NULL},
    {"figure", "JSON pointer into its result: \"/streams/0/latency/p99_ps\" (figure)", SCHEMA_STRING, NULL},
    {"at_most", "a number, or an amount with unit: \"800ns\" (figure)",
     "{\"type\": [\"number\", \"string\"]}", NULL},
    {"at_least", "likewise (figure)", "{\"type\": [\"number\", \"string\"]}", NULL},
};
JSON_KEY_TABLE(check_policy_keys, "policy", "Something that must be true.", .required = {"policy"});
