/* SPDX-License-Identifier: MIT */
#include "sim/base/diagnostic.h"

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { EXCERPT_BEFORE = 60, EXCERPT_AFTER = 50 };

struct finding {
    enum diagnostic_severity severity;
    char *text; /* header line and excerpt, ready to print */
    char *file, *pointer, *message;
    const char *code;
    uint64_t line, column;
};

struct diagnostics {
    struct finding *findings;
    size_t count, capacity;
    unsigned limit, errors, warnings;
};

struct diagnostics *diagnostics_new(unsigned limit)
{
    struct diagnostics *diagnostics = memory_alloc(sizeof(*diagnostics));
    diagnostics->limit = limit;
    return diagnostics;
}

void diagnostics_free(struct diagnostics *diagnostics)
{
    if (!diagnostics)
        return;
    for (size_t i = 0; i < diagnostics->count; i++) {
        free(diagnostics->findings[i].text);
        free(diagnostics->findings[i].file);
        free(diagnostics->findings[i].pointer);
        free(diagnostics->findings[i].message);
    }
    free(diagnostics->findings);
    free(diagnostics);
}

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

void source_position(const struct source_text *source, size_t offset, unsigned *line, unsigned *column)
{
    if (offset > source->length)
        offset = source->length;
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset; i++) {
        if (source->text[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (!is_continuation(source->text[i])) {
            ++*column;
        }
    }
}

/* The line around offset, cut to a readable width on both sides, and a caret below the place. */
static void add_excerpt(struct text_buffer *out, const struct source_text *source, size_t offset,
                        uint64_t line)
{
    const char *text = source->text;
    if (offset > source->length)
        offset = source->length;
    size_t start = offset, end = offset;
    while (start > 0 && text[start - 1] != '\n' && offset - start < EXCERPT_BEFORE)
        start--;
    while (start < offset && is_continuation(text[start]))
        start++;
    while (end < source->length && text[end] != '\n' && end - offset < EXCERPT_AFTER)
        end++;
    while (end < source->length && end > offset && is_continuation(text[end]))
        end--;
    text_buffer_format(out, "%5" PRIu64 " | ", line);
    unsigned caret = 0;
    for (size_t i = start; i < end; i++) {
        char shown = text[i];
        if ((unsigned char)shown < 0x20 || shown == 0x7f)
            shown = ' ';
        text_buffer_append(out, &shown, 1);
        if (i < offset && !is_continuation(text[i]))
            caret++;
    }
    text_buffer_format(out, "\n      | %*s^\n", (int)caret, "");
}

/* Where a finding points: line 0 is the file as a whole. */
struct position {
    uint64_t line;
    unsigned column;
};

/* Strings of the input may hold anything; what a terminal would obey is not passed on. */
static void hide_controls(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

static void __attribute__((format(printf, 8, 0)))
report(struct diagnostics *diagnostics, enum diagnostic_severity severity, const struct source_text *source,
       size_t offset, struct position position, const char *pointer, const char *code, const char *format,
       va_list arguments)
{
    static const char *const words[] = {"error", "warning", "note"};
    bool wanted = diagnostics_wants(diagnostics, severity);
    diagnostics->errors += severity == DIAGNOSTIC_ERROR;
    diagnostics->warnings += severity == DIAGNOSTIC_WARNING;
    if (!wanted)
        return;

    struct text_buffer out = {0};
    if (source)
        text_buffer_format(&out, "%s:", source->name);
    if (position.line)
        text_buffer_format(&out, "%" PRIu64 ":%u:", position.line, position.column);
    text_buffer_format(&out, "%s%s: ", source ? " " : "", words[severity]);

    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *message = memory_alloc((size_t)length + 1);
    vsnprintf(message, (size_t)length + 1, format, again);
    va_end(again);
    hide_controls(message);
    text_buffer_add(&out, message);

    char *place = pointer && *pointer ? memory_string(pointer) : NULL;
    if (place) {
        hide_controls(place);
        text_buffer_format(&out, " (at %s)", place);
    }
    text_buffer_format(&out, " [%s]\n", code);
    if (position.line)
        add_excerpt(&out, source, offset, position.line);

    diagnostics->findings = memory_grow(diagnostics->findings, diagnostics->count, &diagnostics->capacity,
                                        sizeof(struct finding));
    diagnostics->findings[diagnostics->count++] = (struct finding){
        .severity = severity,
        .text = out.text,
        .file = source ? memory_string(source->name) : NULL,
        .pointer = place,
        .message = message,
        .code = code,
        .line = position.line,
        .column = position.line ? position.column : 0,
    };
}

size_t diagnostics_count(const struct diagnostics *diagnostics)
{
    return diagnostics->count;
}

struct diagnostic_finding diagnostics_get(const struct diagnostics *diagnostics, size_t index)
{
    const struct finding *finding = &diagnostics->findings[index];
    return (struct diagnostic_finding){finding->severity, finding->file, finding->line,   finding->column,
                                       finding->pointer,  finding->code, finding->message};
}

void diagnostics_pass(const struct diagnostics *from, size_t index, struct diagnostics *to)
{
    const struct finding *finding = &from->findings[index];
    bool wanted = diagnostics_wants(to, finding->severity);
    to->errors += finding->severity == DIAGNOSTIC_ERROR;
    to->warnings += finding->severity == DIAGNOSTIC_WARNING;
    if (!wanted)
        return;
    struct finding copy = *finding;
    copy.text = memory_string(finding->text);
    copy.file = finding->file ? memory_string(finding->file) : NULL;
    copy.pointer = finding->pointer ? memory_string(finding->pointer) : NULL;
    copy.message = memory_string(finding->message);
    to->findings = memory_grow(to->findings, to->count, &to->capacity, sizeof(copy));
    to->findings[to->count++] = copy;
}

void diagnostics_report(struct diagnostics *diagnostics, enum diagnostic_severity severity,
                        const struct source_text *source, size_t offset, const char *pointer,
                        const char *code, const char *format, ...)
{
    struct position position = {0, 0};
    if (source && source->text && offset != DIAGNOSTIC_NO_OFFSET) {
        unsigned line;
        source_position(source, offset, &line, &position.column);
        position.line = line;
    }
    va_list arguments;
    va_start(arguments, format);
    report(diagnostics, severity, source, offset, position, pointer, code, format, arguments);
    va_end(arguments);
}

void diagnostics_report_line(struct diagnostics *diagnostics, enum diagnostic_severity severity,
                             const struct source_line *line, const char *code, const char *format, ...)
{
    const struct source_text source = {line->name, line->text, line->length};
    struct position position = {line->number, 1};
    unsigned first;
    source_position(&source, line->byte_offset, &first, &position.column);
    va_list arguments;
    va_start(arguments, format);
    report(diagnostics, severity, &source, line->byte_offset, position, NULL, code, format, arguments);
    va_end(arguments);
}

unsigned diagnostics_errors(const struct diagnostics *diagnostics)
{
    return diagnostics->errors;
}

unsigned diagnostics_warnings(const struct diagnostics *diagnostics)
{
    return diagnostics->warnings;
}

bool diagnostics_full(const struct diagnostics *diagnostics)
{
    return diagnostics->errors >= diagnostics->limit;
}

bool diagnostics_wants(const struct diagnostics *diagnostics, enum diagnostic_severity severity)
{
    bool error_fits = diagnostics->errors < diagnostics->limit;
    bool warning_fits = diagnostics->warnings < diagnostics->limit;
    switch (severity) {
    case DIAGNOSTIC_ERROR:
        return error_fits;
    case DIAGNOSTIC_WARNING:
        return diagnostics->errors <= diagnostics->limit && warning_fits;
    case DIAGNOSTIC_NOTE:
        break; /* belongs to what was reported before it */
    }
    return diagnostics->errors <= diagnostics->limit && diagnostics->warnings <= diagnostics->limit;
}

void diagnostics_print(const struct diagnostics *diagnostics, FILE *out)
{
    for (size_t i = 0; i < diagnostics->count; i++)
        fputs(diagnostics->findings[i].text, out);
    if (diagnostics->errors > diagnostics->limit)
        fprintf(out, "... and %u more errors\n", diagnostics->errors - diagnostics->limit);
    if (diagnostics->warnings > diagnostics->limit)
        fprintf(out, "... and %u more warnings\n", diagnostics->warnings - diagnostics->limit);
}
