/* SPDX-License-Identifier: MIT */
/**
 * @file diagnostic.h
 * Errors and notes about the user's input. Readers report and go on; the command decides when to stop and
 * prints them all.
 *
 *     two-switches.json:14:22: error: port 3 is used twice (at /switches/0/ports/3/id)
 * [topology-duplicate-id] 14 |       {"id": 3, "width": "x4"} |              ^
 *
 * Lines and columns start at 1; columns count characters (UTF-8 sequences), a tab is one character. The word
 * in brackets is stable: scripts may match it, and each has a test with its exact text.
 */
#ifndef IOMMUSIM_BASE_DIAGNOSTIC_H
#define IOMMUSIM_BASE_DIAGNOSTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** A whole input file in memory. @c text need not be NUL-terminated for length, but readers here keep it so.
 */
struct source_text {
    const char *name; /**< as the user named it, "-" for standard input */
    const char *text;
    size_t length; /**< bytes */
};

enum diagnostic_severity { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING, DIAGNOSTIC_NOTE };

/** Offset that says "the file as a whole": no line, column or excerpt is printed. */
#define DIAGNOSTIC_NO_OFFSET SIZE_MAX

struct diagnostics;

/** An empty list that keeps at most @p limit errors and as many warnings (further ones are only counted).
 * Free with diagnostics_free(). */
struct diagnostics *diagnostics_new(unsigned limit);
void diagnostics_free(struct diagnostics *diagnostics);

/**
 * Report one finding.
 * @param source   the file, or NULL where there is none; copied, need not outlive the call
 * @param offset   byte offset in the text where the caret goes, or DIAGNOSTIC_NO_OFFSET
 * @param pointer  JSON pointer of the place, or NULL; "" (the document) is not printed
 * @param code     stable word, e.g. "topology-bus-overlap"; string literal
 * @param format   one sentence without final stop: what is wrong, then what was expected
 */
void diagnostics_report(struct diagnostics *diagnostics, enum diagnostic_severity severity,
                        const struct source_text *source, size_t offset, const char *pointer,
                        const char *code, const char *format, ...) __attribute__((format(printf, 7, 8)));

/** One line of a file that is read as a stream: what a caret needs without the text before it. */
struct source_line {
    const char *name;   /**< as the user named the file */
    uint64_t number;    /**< line number, from 1 */
    const char *text;   /**< the line, or as much of it as is at hand; need not end in NUL */
    size_t length;      /**< bytes */
    size_t byte_offset; /**< of the place in @c text */
};

/** diagnostics_report() for a place in a stream. */
void diagnostics_report_line(struct diagnostics *diagnostics, enum diagnostic_severity severity,
                             const struct source_line *line, const char *code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/** Number of errors reported so far, those beyond the limit included. */
unsigned diagnostics_errors(const struct diagnostics *diagnostics);

/** Number of warnings reported so far. */
unsigned diagnostics_warnings(const struct diagnostics *diagnostics);

/** True once the limit of errors is passed: a reader may stop. */
bool diagnostics_full(const struct diagnostics *diagnostics);

/** False where a finding of @p severity would only be counted: a reader may spare itself finding its place.
 */
bool diagnostics_wants(const struct diagnostics *diagnostics, enum diagnostic_severity severity);

/** Print all findings in order of report, with excerpts, to @p out; says how many more there were beyond the
 * limit. */
void diagnostics_print(const struct diagnostics *diagnostics, FILE *out);

/** One finding as data; strings live as long as the list. */
struct diagnostic_finding {
    enum diagnostic_severity severity;
    const char *file;      /**< NULL where the finding is about no file */
    uint64_t line, column; /**< from 1; 0 where it is about the file as a whole */
    const char *pointer;   /**< JSON pointer, or NULL */
    const char *code;
    const char *message;
};

/** Number of findings kept. */
size_t diagnostics_count(const struct diagnostics *diagnostics);

/** Finding number @p index (from 0), in order of report. */
struct diagnostic_finding diagnostics_get(const struct diagnostics *diagnostics, size_t index);

/** Report a finding of one list in another, as it is, excerpt and all. */
void diagnostics_pass(const struct diagnostics *from, size_t index, struct diagnostics *to);

/** Line and column (from 1) of byte @p offset in @p source. */
void source_position(const struct source_text *source, size_t offset, unsigned *line, unsigned *column);

#endif
