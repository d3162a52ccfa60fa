/* SPDX-License-Identifier: MIT */
#include "sim/input/pasted_text.h"

#include "sim/input/kernel_log_line.h"
#include "sim/input/lspci_record.h"
#include "sim/input/text_encoding.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum {
    TAG_LIMIT = 200,     /* longest tag, with its attributes */
    NAME_LIMIT = 16,     /* longest name of a tag or reference */
    RUN_MINIMUM = 5,     /* lines in a row whose margins fit together are no accident */
    NUMBER_WIDTH = 6,    /* cat -n and nl align the numbers so */
    DOUBLE_MINIMUM = 10, /* lines, with a blank one behind each but one in so many */
    LAST_CODE_POINT = 0x10ffff,
};

/* Is the word from @p at to @p end in @p words, which are separated by blanks? */
static bool is_one_of(const char *words, const char *at, const char *end)
{
    size_t length = (size_t)(end - at);
    for (; *words; words += strspn(words, " ")) {
        size_t word = strcspn(words, " ");
        if (word == length && strncasecmp(words, at, length) == 0)
            return true;
        words += word;
    }
    return false;
}

/* Character references */

/* "#39", "#x27": the character, or 0 */
static uint32_t numbered_character(const char *at, const char *end)
{
    struct slice digits = {at + 1, end};
    bool hexadecimal = slice_skip(&digits, "x") || slice_skip(&digits, "X");
    uint64_t code;
    if (!slice_number(&digits, hexadecimal ? 16 : 10, 1, 7, &code) || slice_length(digits) > 0 ||
        code > LAST_CODE_POINT || (code >= 0xd800 && code < 0xe000))
        return 0;
    return (uint32_t)code;
}

static uint32_t named_character(const char *at, const char *end)
{
    static const struct {
        const char *name;
        uint32_t code;
    } names[] = {{"lt", '<'},   {"gt", '>'},   {"amp", '&'},  {"quot", '"'}, {"apos", '\''},
                 {"nbsp", ' '}, {"ensp", ' '}, {"emsp", ' '}, {"Tab", '\t'}, {"NewLine", '\n'}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_is((struct slice){at, end}, names[i].name))
            return names[i].code;
    }
    return 0;
}

/* Cut the reference off the front of @p rest; what was escaped twice ("&amp;lt;") is one. @return 0: none */
static uint32_t take_reference(struct slice *rest)
{
    struct slice at = *rest;
    slice_skip(&at, "&");
    while (slice_length(at) > 5 && (strncmp(at.at, "amp;lt;", 7) == 0 || strncmp(at.at, "amp;gt;", 7) == 0 ||
                                    strncmp(at.at, "amp;amp;", 8) == 0))
        at.at += strlen("amp;");
    size_t limit = slice_length(at) < NAME_LIMIT ? slice_length(at) : NAME_LIMIT;
    const char *end = memchr(at.at, ';', limit);
    if (!end || end == at.at)
        return 0;
    uint32_t code = *at.at == '#' ? numbered_character(at.at, end) : named_character(at.at, end);
    if (code)
        rest->at = end + 1;
    return code == 0xa0 ? ' ' : code;
}

/* Tags */

enum tag { TAG_NONE, TAG_INLINE, TAG_BREAK };

/* "<br/>", "<span class=...>", "[/code]", "[quote=...]" */
static enum tag take_tag(struct slice *rest)
{
    static const char html_breaks[] =
        "br p div pre li ul ol tr table details summary blockquote h1 h2 h3 h4 hr",
                      html_inline[] = "code span font tt b i u em strong a td th kbd samp small",
                      forum_breaks[] = "code quote spoiler pre hide details php noparse plain",
                      forum_inline[] = "icode font color";
    bool html = *rest->at == '<';
    const char *name = rest->at + 1, *end = name;
    size_t limit = slice_length(*rest) < TAG_LIMIT ? slice_length(*rest) : TAG_LIMIT;
    const char *close = memchr(rest->at, html ? '>' : ']', limit);
    if (!close || memchr(rest->at, '\n', (size_t)(close - rest->at)))
        return TAG_NONE;
    if (*name == '/')
        end = ++name;
    while (end < close && isalnum((unsigned char)*end))
        end++;
    if (end < close && !strchr(html ? " /" : "= ", *end))
        return TAG_NONE;
    bool breaks = is_one_of(html ? html_breaks : forum_breaks, name, end);
    if (!breaks && !is_one_of(html ? html_inline : forum_inline, name, end))
        return TAG_NONE;
    rest->at = close + 1;
    return breaks ? TAG_BREAK : TAG_INLINE;
}

/* Is there nothing but blanks and quoting between the start of the line and @p at? */
static bool starts_line(const char *text, const char *at)
{
    while (at > text && strchr(" \t>|", at[-1]))
        at--;
    return at == text || at[-1] == '\n';
}

static bool ends_line(struct slice rest)
{
    while (rest.at < rest.end && (*rest.at == ' ' || *rest.at == '\t' || *rest.at == '\r'))
        rest.at++;
    return rest.at == rest.end || *rest.at == '\n';
}

static size_t unwrap_markup(char *text, size_t length)
{
    struct slice rest = {text, text + length};
    char *out = text;
    while (rest.at < rest.end) {
        uint32_t code = *rest.at == '&' ? take_reference(&rest) : 0;
        if (code) {
            out = utf8_put(out, code);
            continue;
        }
        enum tag tag = *rest.at == '<' || *rest.at == '[' ? take_tag(&rest) : TAG_NONE;
        if (tag == TAG_NONE)
            *out++ = *rest.at++;
        else if (tag == TAG_BREAK && !starts_line(text, out) && !ends_line(rest))
            *out++ = '\n';
    }
    *out = '\0';
    return (size_t)(out - text);
}

/* Margins */

/* What stands before a line that is not its own. */
struct margin {
    enum { MARGIN_PLUS, MARGIN_TIME, MARGIN_NUMBER } kind;
    bool blank;         /* a number with nothing but a blank or ": " behind it, as groups are written */
    bool aligned;       /* as cat -n does */
    uint64_t number;    /* of MARGIN_NUMBER */
    struct slice inner; /* the line without it */
};

static bool starts_with_address(struct slice line)
{
    struct lspci_header header;
    line = slice_trim(line);
    return kernel_log_address(&line, &header.segment, &header.bus, &header.devfn) ||
           lspci_header_address(&line, &header);
}

/* "     7\t...", "7. ...", "7: ...", "7 | ..." */
static bool take_number(struct slice line, struct margin *margin)
{
    const char *start = line.at;
    while (line.at < line.end && strchr(" \t>", *line.at))
        line.at++;
    const char *digits = line.at;
    if (starts_with_address(line) || (line.at < line.end && *line.at == '0') ||
        !slice_number(&line, 10, 1, 7, &margin->number))
        return false;
    margin->aligned =
        line.at - start == NUMBER_WIDTH && digits > start && slice_length(line) > 0 && *line.at == '\t';
    const char *after = line.at;
    while (line.at < line.end && (*line.at == ' ' || *line.at == '\t'))
        line.at++;
    static const char *const marks[] = {".", ":", ")", "|", "│"};
    bool marked = false;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]) && !marked; i++)
        marked = slice_skip(&line, marks[i]);
    if (!marked && line.at == after)
        return false;
    margin->kind = MARGIN_NUMBER;
    bool colon = marked && line.at[-1] == ':' && slice_length(line) > 0 && *line.at == ' ';
    margin->blank = !marked || colon;
    margin->inner = (struct slice){marked ? line.at : after + 1, line.end};
    if (marked && slice_length(margin->inner) > 0 && *margin->inner.at == ' ')
        margin->inner.at++;
    return true;
}

/* "2024-01-01T00:00:00.0000000Z ..." */
static bool take_time(struct slice line, struct margin *margin)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    if (slice_length(line) < sizeof(shape))
        return false;
    for (size_t i = 0; shape[i]; i++) {
        if (shape[i] == 'd' ? !isdigit((unsigned char)line.at[i]) : line.at[i] != shape[i])
            return false;
    }
    struct slice word;
    slice_next_word(&line, &word);
    *margin = (struct margin){.kind = MARGIN_TIME, .inner = line};
    if (line.at < line.end)
        margin->inner.at++;
    return true;
}

/* lspci -t draws "+-" */
static bool take_plus(struct slice line, struct margin *margin)
{
    if (slice_length(line) == 0 || *line.at != '+' || (slice_length(line) > 1 && line.at[1] == '-'))
        return false;
    *margin = (struct margin){.kind = MARGIN_PLUS, .inner = {line.at + 1, line.end}};
    return true;
}

static bool take_margin(struct slice line, struct margin *margin)
{
    *margin = (struct margin){0};
    return take_plus(line, margin) || take_time(line, margin) || take_number(line, margin);
}

/* Is @p margin that of the line after the one with @p previous? */
static bool follows(const struct margin *margin, const struct margin *previous)
{
    return margin->kind == previous->kind && margin->blank == previous->blank &&
           (margin->kind != MARGIN_NUMBER || margin->number == previous->number + 1);
}

/* Do numbers before lines count lines, and not groups? Where nothing but a blank stands behind them a line
 * that is no function's must be among them; cat -n may number a list of functions, but not with segments. */
static bool counts_lines(const struct margin *first, const struct margin *margin)
{
    struct slice inner = slice_trim(margin->inner);
    struct lspci_header header;
    if (margin->kind != MARGIN_NUMBER || !margin->blank)
        return true;
    if (first->aligned)
        return !kernel_log_address(&inner, &header.segment, &header.bus, &header.devfn);
    return first->number == 1 && !starts_with_address(inner);
}

/* Do lines with margins that fit together start in @p text? @p first is the margin of the first one. */
static bool starts_run(struct slice text, struct margin first)
{
    struct slice line;
    struct margin margin = first;
    bool safe = counts_lines(&first, &first);
    slice_next_line(&text, &line);
    for (unsigned count = 1; count < RUN_MINIMUM;) {
        struct margin next;
        if (!slice_next_line(&text, &line))
            return false;
        if (slice_length(slice_trim(line)) == 0)
            continue;
        if (!take_margin(line, &next) || !follows(&next, &margin))
            return false;
        margin = next;
        safe |= counts_lines(&first, &margin);
        count++;
    }
    return safe;
}

static size_t unwrap_margins(char *text, size_t length)
{
    struct slice rest = {text, text + length}, line;
    struct margin margin, previous = {0};
    bool running = false;
    char *out = text;
    while (rest.at < rest.end) {
        struct slice here = rest;
        slice_next_line(&rest, &line);
        bool newline = rest.at > line.end;
        bool found = take_margin(line, &margin);
        bool blank = slice_length(slice_trim(line)) == 0;
        if (!blank) {
            running = found && ((running && follows(&margin, &previous)) || starts_run(here, margin));
            previous = margin;
        }
        if (running && !blank)
            line = margin.inner;
        memmove(out, line.at, slice_length(line));
        out += slice_length(line);
        if (newline)
            *out++ = '\n';
    }
    *out = '\0';
    return (size_t)(out - text);
}

/* Spacing */

/* Is there a blank line behind nearly every line? */
static bool is_double_spaced(struct slice text)
{
    struct slice line;
    size_t lines = 0, adjacent = 0;
    bool after_line = false;
    while (slice_next_line(&text, &line)) {
        bool blank = slice_length(slice_trim(line)) == 0;
        lines += !blank;
        adjacent += !blank && after_line;
        after_line = !blank;
    }
    return lines >= DOUBLE_MINIMUM && adjacent <= lines / DOUBLE_MINIMUM;
}

/* The first blank line behind a line goes. */
static size_t unwrap_spacing(char *text, size_t length)
{
    struct slice rest = {text, text + length}, line;
    bool after_line = false;
    char *out = text;
    if (!is_double_spaced(rest))
        return length;
    while (slice_next_line(&rest, &line)) {
        bool blank = slice_length(slice_trim(line)) == 0;
        if (!blank || !after_line) {
            size_t whole = (size_t)(rest.at - line.at);
            memmove(out, line.at, whole);
            out += whole;
        }
        after_line = !blank;
    }
    *out = '\0';
    return (size_t)(out - text);
}

size_t pasted_text_unwrap(char *text, size_t length)
{
    return unwrap_spacing(text, unwrap_margins(text, unwrap_markup(text, length)));
}
