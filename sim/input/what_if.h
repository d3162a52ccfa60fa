/* SPDX-License-Identifier: MIT */
/**
 * @file what_if.h
 * A machine with values of its document changed: `--set POINTER=VALUE`.
 *
 * POINTER is a JSON pointer (RFC 6901) into the topology document, or the address of a function and the rest
 * of a pointer ("02:03.0/acs/control"). Members that are not there are made, objects on the way, too; whether
 * the document knows them is for the reader to say. "-" stands behind the last element of an array. VALUE is
 * JSON; what is none is taken as a string, so that words need no quotes. null takes the value away.
 *
 * A machine that does not come from JSON is written in the document's complete form first (what `import`
 * prints), and pointers are into that.
 *
 * What the reader objects to in a value is reported about the setting; see what_if_findings.h.
 *
 * Codes: what-if-syntax, what-if-value, what-if-pointer, what-if-function; places are in the setting.
 */
#ifndef IOMMUSIM_INPUT_WHAT_IF_H
#define IOMMUSIM_INPUT_WHAT_IF_H

#include "sim/base/text_buffer.h"
#include "sim/input/machine_input.h"
#include "sim/input/what_if_findings.h"

/**
 * Load a machine twice: as it is, and with settings.
 * @param files     as for machine_input_load_files()
 * @param settings  "POINTER=VALUE", applied in order; addresses are those of the machine as it is
 * @param before    filled on success; of a dump what its document says, so that both know the same
 * @param after     filled on success; both are to be freed with machine_input_free()
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics
 */
int what_if_load(const struct machine_files *files, const char *const *settings, size_t count,
                 struct machine_input **before, struct machine_input **after,
                 struct diagnostics *diagnostics);

/** A setting and where it was said. */
struct what_if_setting {
    const char *text; /**< "POINTER=VALUE" */
    const char *name; /**< what findings about it call the place: "--set" */
    size_t skip;      /**< first bytes of the pointer that only say which document is meant ("/workload") */
};

/** what_if_load() with settings from anywhere. */
int what_if_load_files(const struct machine_files *files, const struct what_if_setting *settings,
                       size_t count, struct machine_input **before, struct machine_input **after,
                       struct diagnostics *diagnostics);

/** The same for a text in memory, NUL-terminated beyond its length. */
int what_if_load_source(const struct source_text *source, const struct what_if_setting *settings,
                        size_t count, struct machine_input **before, struct machine_input **after,
                        struct diagnostics *diagnostics);

/**
 * Change a document that knows no addresses of functions: its pointers are JSON pointers only.
 * @param document  NUL-terminated beyond its length
 * @param changed   gets the text of the changed document
 * @param applied   [count] zeroed; filled, for what_if_findings()
 * @return 0 or STATUS_BAD_INPUT after diagnostics
 */
int what_if_change(const struct source_text *document, const struct what_if_setting *settings, size_t count,
                   struct text_buffer *changed, struct applied_setting *applied,
                   struct diagnostics *diagnostics);

#endif
