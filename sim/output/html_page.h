/* SPDX-License-Identifier: MIT */
/**
 * @file html_page.h
 * Pages of reports: one file with its style in it, no scripts, nothing fetched from elsewhere, so that it can
 * be mailed, kept beside a build, and printed.
 */
#ifndef IOMMUSIM_OUTPUT_HTML_PAGE_H
#define IOMMUSIM_OUTPUT_HTML_PAGE_H

#include "sim/base/text_buffer.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/** Begin a page with a heading. */
void html_page_begin(struct text_buffer *out, const char *title);
void html_page_end(struct text_buffer *out);

/** Begin a part; @p folded: shown when it is opened. End it with html_part_end(). */
void html_part_begin(struct text_buffer *out, const char *heading, bool folded);
void html_part_end(struct text_buffer *out, bool folded);

/** A paragraph of plain text, which may hold anything. */
void html_paragraph(struct text_buffer *out, const char *text);

/** What a number means, and so how it is shown. */
enum html_kind {
    HTML_TEXT,     /**< as it is: text, or a number */
    HTML_COUNT,    /**< 12345 as "12 345" */
    HTML_TIME,     /**< picoseconds as "1.442 us" */
    HTML_AMOUNT,   /**< 1250000 as "1.250 M" */
    HTML_SHARE,    /**< 0 to 1, with a bar */
    HTML_GIGABITS, /**< bits per second as Gb/s */
};

/** A column of a table of objects. */
struct html_column {
    const char *heading;
    const char *member; /**< of the object; "latency/p99_ps": of an object in it */
    enum html_kind kind;
};

/** A table with a row for each object of @p rows, an array; nothing where it is empty or none. Values that
 * are absent or null leave their cells empty. */
void html_table(struct text_buffer *out, const cJSON *rows, const struct html_column *columns, size_t count);

/** A value in the words of its kind, unescaped. */
void html_value(struct text_buffer *out, const cJSON *value, enum html_kind kind);

/** The value a path of members leads to ("latency/p99_ps"), NULL where there is none. */
const cJSON *html_member(const cJSON *object, const char *path);

#endif
