/* SPDX-License-Identifier: MIT */
/**
 * @file scenario.h
 * Scenarios (`iommusim-scenario/1`): a topology, a workload, what is changed in the topology, a seed, and
 * what to report. The format is described in sim/input/README.md; the schema is
 * sim/input/schema/scenario.schema.json.
 *
 * Codes: scenario-format, scenario-missing, scenario-override; beside those of json_reader.h and what_if.h.
 */
#ifndef IOMMUSIM_INPUT_SCENARIO_H
#define IOMMUSIM_INPUT_SCENARIO_H

#include "sim/input/json_reader.h"
#include "sim/input/machine_input.h"
#include "sim/input/workload_reader.h"

/** Parts of a result that can be left out. ORDER: result_section_names. */
enum result_section {
    RESULT_STREAMS,
    RESULT_UNITS,
    RESULT_FAULTS,
    RESULT_DOMAINS,
    RESULT_LINKS,
    RESULT_QUEUES,
    RESULT_GROUPS,
    RESULT_REACH,
    RESULT_PARAMETERS,
    RESULT_SECTIONS,
};

/** "streams", "units", "faults", "domains", "links", "queues", "groups", "reach", "parameters"; ends with
 * NULL. */
extern const char *const result_section_names[];

enum { RESULT_ALL_SECTIONS = (1 << RESULT_SECTIONS) - 1 };

/** A value laid over the topology document or the workload's before it is read (what_if.h). */
struct scenario_override {
    const char *text;  /**< "POINTER=VALUE"; a pointer that begins with "/workload/" is into the workload */
    const char *place; /**< its own JSON pointer in the scenario, or NULL (command line) */
    bool workload;     /**< which of the two documents */
};

struct scenario {
    struct arena *arena;                 /**< owns the strings; command lines may put their own there */
    const char *path;                    /**< of the file; NULL: put together on the command line */
    const char *hash;                    /**< XXH3-128 of the file, hexadecimal; NULL without one */
    const char *name;                    /**< or NULL */
    struct machine_files topology_files; /**< seen from here; none: inline */
    const char *workload_path;           /**< seen from here; NULL: inline */
    const char *cmdline;                 /**< kernel command line in place of the topology's, or NULL */
    const char *iommu;                   /**< "auto", "vt-d", "amd-vi", "smmuv3" or "none" */
    uint64_t seed;
    unsigned sections; /**< bit a enum result_section */
    struct scenario_override *overrides;
    uint32_t override_count;
    size_t override_capacity;
    struct source_text source;     /**< the file; inline parts are read from it later */
    struct json_document document; /**< root NULL without a file */
};

/** A scenario that names nothing yet: IOMMU "auto", seed 1, all sections. */
struct scenario *scenario_new(void);
/** NULL is fine. */
void scenario_free(struct scenario *scenario);

/**
 * Read a scenario file; topology and workload are only named.
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics; free with
 * scenario_free()
 */
int scenario_load(const char *path, struct scenario **scenario, struct diagnostics *diagnostics);

/** scenario_load() of a text in memory (copied); paths are seen from the folder of its name. */
int scenario_load_source(const struct source_text *source, struct scenario **scenario,
                         struct diagnostics *diagnostics);

/**
 * A file that is a workload or a scenario: the scenario, or one that names nothing but the workload.
 * @return as scenario_load()
 */
int scenario_of_workload(const char *path, struct scenario **scenario, struct diagnostics *diagnostics);

/** Take the topology from @p files in place of what the scenario names; several are merged. The paths are
 * borrowed. */
void scenario_set_topology(struct scenario *scenario, const struct machine_files *files);

/** Lay a value over the topology, "POINTER=VALUE" (what_if.h), or over the workload,
 * "/workload/POINTER=VALUE". Later ones go over earlier ones. */
void scenario_add_override(struct scenario *scenario, const char *text);

/**
 * Load the topology with the overrides applied.
 * @return as machine_input_load_files() or what_if_load(); scenario-missing where no topology is named
 */
int scenario_load_machine(const struct scenario *scenario, struct machine_input **input,
                          struct diagnostics *diagnostics);

/** Load the workload for a machine. @return as workload_load(); scenario-missing where none is named */
int scenario_load_workload(struct scenario *scenario, const struct workload_machine *machine,
                           struct workload **workload, struct diagnostics *diagnostics);

/** Report that neither scenario nor command line names its @p what ("topology"). @return STATUS_BAD_INPUT */
int scenario_report_missing(const struct scenario *scenario, const char *what,
                            struct diagnostics *diagnostics);

#endif
