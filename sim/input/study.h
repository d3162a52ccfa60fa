/* SPDX-License-Identifier: MIT */
/**
 * @file study.h
 * Studies (`iommusim-study/1`): a scenario, the axes along which it is varied, repeats, the figures to keep,
 * limits. The format is described in sim/input/README.md; the schema is sim/input/schema/study.schema.json.
 *
 * A combination takes one value of each dimension; a dimension is an axis, or several that are zipped and
 * move together. Combinations are numbered with the last dimension running fastest; those the conditions
 * leave out have no number. A point is a combination and a repeat; repeats run fastest of all.
 *
 * Codes: study-format, study-axis, study-values, study-range, study-zip, study-name-twice, study-condition,
 * study-pointer, study-size, study-empty, study-metric, study-answer; beside those of json_reader.h.
 */
#ifndef IOMMUSIM_INPUT_STUDY_H
#define IOMMUSIM_INPUT_STUDY_H

#include "sim/input/json_reader.h"
#include "sim/input/scenario.h"

struct arena;

enum {
    STUDY_POINTS_MAX = 10000000, /**< more are a mistake, or want a search */
    STUDY_AXES_MAX = 32,
};

/** What an axis changes. */
struct study_axis {
    const char *name;    /**< column of the collected table: given, or the pointer */
    const char *pointer; /**< into topology or workload (scenario.h), or "/scenario/topology", ".../workload",
                            ".../iommu", ".../cmdline" */
    const char **values; /**< [value_count] JSON texts, all different */
    uint32_t value_count;
    const uint32_t *picks; /**< [place_count] its value at each place of the dimension (zipped axes may come
                              back to one); NULL: place n has value n */
    uint32_t place_count;
    uint32_t dimension;
    const char *where; /**< JSON pointer of the axis in the study */
};

/** One object of "only" or "except": for each axis it names, the values it is for. */
struct study_condition {
    uint32_t axis_count;
    uint32_t axes[STUDY_AXES_MAX];
    const bool *takes[STUDY_AXES_MAX]; /**< [value] of that axis */
};

/** A figure to keep. */
struct study_metric {
    const char *name;
    const char *pointer; /**< into the result document; "*" stands for each element of an array */
};

/** The metrics of a study that names none: what every run has to tell. */
enum { STUDY_DEFAULT_METRICS = 8 };
extern const struct study_metric study_default_metrics[STUDY_DEFAULT_METRICS];

/** What is said of a study in one line (study_sentence.h). */
struct study_answer {
    const char *of;    /**< name of the metric; NULL: nothing is said */
    const char *words; /**< what it is about; NULL: the metric's name */
    const char *unit;  /**< behind its values; NULL: none, or that of a time */
    bool total;        /**< streams are added up; else it is their mean */
    enum { ANSWER_ALL, ANSWER_AT_MOST, ANSWER_AT_LEAST } asks; /**< for every value, or from where on */
    uint64_t bound; /**< the figure is at most, or at least, this */
};

struct study {
    struct arena *arena;         /**< owns everything */
    const char *path;            /**< of the file, in full */
    const char *name;            /**< or NULL */
    const char *hash;            /**< XXH3-128 of the text, hexadecimal */
    const char *scenario_path;   /**< seen from here; NULL: inline */
    struct source_text scenario; /**< inline: the text */
    struct study_axis *axes;
    uint32_t axis_count;
    uint32_t dimension_count;
    uint32_t dimensions[STUDY_AXES_MAX]; /**< values of each */
    struct study_condition *only, *except;
    uint32_t only_count, except_count;
    const struct study_metric *metrics;
    uint32_t metric_count;
    struct study_answer answer;
    uint32_t repeats;
    bool seed_given;
    uint64_t seed; /**< of the first repeat, where given; the others have the next ones */
    uint64_t cpu_limit_ms, memory_limit; /**< of one point: milliseconds of CPU time, bytes */
    uint32_t *combinations;              /**< [combination_count]: number in the full grid */
    uint32_t combination_count;
    struct source_text source; /**< the text, owned */
};

/**
 * Read a study.
 * @param path  of the file; scenario and inputs named by relative paths are seen from its folder
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics. Free with
 * study_free().
 */
int study_load(const char *path, struct study **study, struct diagnostics *diagnostics);

/** study_load() of a text in memory (copied); what it names is seen from the folder of @p path. */
int study_load_source(const struct source_text *source, const char *path, struct study **study,
                      struct diagnostics *diagnostics);

/** NULL is fine. */
void study_free(struct study *study);

/** Points of the study: combinations times repeats. */
uint64_t study_points(const struct study *study);

/** Index of the value axis @p axis has at point @p point. */
uint32_t study_value_of(const struct study *study, uint64_t point, uint32_t axis);

/** Repeat of a point, from 0. */
uint32_t study_repeat_of(const struct study *study, uint64_t point);

/**
 * The scenario of one point: the study's, with the axes' values laid over it and the seed of the repeat.
 * @param scenario  filled on success; free with scenario_free()
 * @return as scenario_load()
 */
int study_point_scenario(const struct study *study, uint64_t point, struct scenario **scenario,
                         struct diagnostics *diagnostics);

/** study_point_scenario() with the values of the first @p axes axes alone: to find out which of them it is
 * that a reader does not like. */
int study_part_scenario(const struct study *study, uint64_t point, uint32_t axes, struct scenario **scenario,
                        struct diagnostics *diagnostics);

#endif
