/* SPDX-License-Identifier: MIT */
/**
 * @file machine_input.h
 * A machine as loaded: its topology, the parameters of its models, and where each parameter came from.
 */
#ifndef IOMMUSIM_INPUT_MACHINE_INPUT_H
#define IOMMUSIM_INPUT_MACHINE_INPUT_H

#include "models/machine_parameters.h"
#include "sim/base/diagnostic.h"
#include "sim/input/function_places.h"
#include "sim/topology/topology.h"

/** One parameter in force and its origin; the result document lists them all. */
struct parameter_origin {
    const char *pointer; /**< e.g. "/parameters/link/propagation" or "/iommus/0/parameters/walkers" */
    const char *value;   /**< as text with unit */
    const char *from;    /**< preset name, or the topology file */
    const char *source;  /**< paper, specification, "assumed", ...; "stated in the file" for the user's own */
};

struct machine_input {
    struct topology *topology; /**< owns the arena everything here lives in */
    struct machine_parameters parameters;
    struct parameter_origin *origins;
    uint32_t origin_count;
    const char **presets; /**< carried presets the file names for the whole machine, in order */
    uint32_t preset_count;
    struct iommu_parameters *unit_defaults; /**< [enum iommu_kind]: what a unit of that kind would get, for
                                               machines whose file tells no unit */
    struct parameter_origin **unit_default_origins; /**< [enum iommu_kind][field of iommu_fields]: theirs */
    const char
        *input_hash; /**< XXH3-128 of the file's bytes (and of the preset files it names), hexadecimal */
    const struct source_place *places; /**< [function] where the files state it */
};

/** What kind of text a file turned out to be. */
enum input_kind {
    INPUT_TOPOLOGY_JSON,
    INPUT_LSPCI_HEX,
    INPUT_LSPCI_TEXT,
    INPUT_KERNEL_LOG,
    INPUT_GROUP_LIST,
    INPUT_HWLOC,     /**< XML of hwloc */
    INPUT_FILE_TREE, /**< a folder or an archive: a copy of /sys */
    INPUT_SYNTHETIC,
    INPUT_UNKNOWN,
};

struct input_file;

/** Recognise what kind of text @p source is by its content. */
enum input_kind input_recognise(const struct source_text *source);

/** What a file that was read is, by how it was named and by its content. */
enum input_kind input_file_kind(const struct input_file *file);

/** What a machine is read from: one file of any kind, or several dumps of one machine that are merged. */
struct machine_files {
    const char *const *paths; /**< as for machine_input_load() */
    size_t count;             /**< at least 1 */
};

/** The same, read into memory. */
struct machine_source {
    struct input_file *files;
    size_t count;
};

/**
 * Load a machine from a topology JSON, any dump `import` knows, or a file with a one-line synthetic machine;
 * the kind is recognised by content. "-" reads standard input. A path of the form "synthetic:RP(...)" is
 * taken as the text itself.
 * @param input  filled on success; free with machine_input_free()
 * @return 0, STATUS_BAD_INPUT (diagnostics say why), STATUS_FILE_OPEN or STATUS_FILE_READ (a diagnostic, too)
 */
int machine_input_load(const char *path, struct machine_input **input, struct diagnostics *diagnostics);

/**
 * machine_input_load() of one or more files. Several must be dumps: what they tell of each function is merged
 * (dump.h), and where they contradict each other a warning names both places. A topology JSON or one-line
 * machine states everything, so that with one among several the answer is an error (input-merge).
 */
int machine_input_load_files(const struct machine_files *files, struct machine_input **input,
                             struct diagnostics *diagnostics);

/** Read all @p files. @param source  filled on success; free with machine_source_fini()
 * @return 0, or the status of the first that could not be read, after a diagnostic for each */
int machine_source_read(const struct machine_files *files, struct machine_source *source,
                        struct diagnostics *diagnostics);
void machine_source_fini(struct machine_source *source);

/** The text of a topology JSON, where @p source is one; else NULL. */
const struct source_text *machine_source_document(const struct machine_source *source);

/** machine_input_load_files() of files read before. */
int machine_input_load_read(const struct machine_source *source, struct machine_input **input,
                            struct diagnostics *diagnostics);

/** machine_input_load() of a text in memory; presets named by relative paths are looked for beside its name.
 */
int machine_input_load_source(const struct source_text *source, struct machine_input **input,
                              struct diagnostics *diagnostics);

struct json_document;

/** machine_input_load() of a topology that is a parsed document, or a part of one.
 * @param path  of the file it stands in */
int machine_input_load_document(const struct json_document *document, const char *path,
                                struct machine_input **input, struct diagnostics *diagnostics);

/** Free a machine and all it owns. NULL is fine. */
void machine_input_free(struct machine_input *input);

#endif
