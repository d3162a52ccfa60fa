/* SPDX-License-Identifier: MIT */
#include "sim/output/html_page.h"

#include "sim/output/result_text.h"
#include "sim/output/xml_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { MEMBER_SIZE = 64, BAR_PIXELS = 80 };

static const char style[] =
    "body{font:14px/1.45 system-ui,sans-serif;color:#222;max-width:75em;margin:2em auto;padding:0 1em}"
    "h1{font-size:1.5em}h2{font-size:1.15em;margin:1.6em 0 .4em;border-bottom:1px solid #ddd}"
    "table{border-collapse:collapse;margin:.6em 0}td,th{padding:.15em .8em .15em 0;text-align:left;"
    "vertical-align:top}th{font-weight:600;color:#555;border-bottom:1px solid #ccc}"
    "tbody tr:nth-child(even){background:#f6f6f6}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".bar{display:inline-block;height:.7em;background:#0072b2;vertical-align:baseline}"
    ".bad{color:#b00020}.good{color:#00703c}summary{font-weight:600;margin:1.2em 0 .4em;cursor:pointer}"
    "svg{max-width:100%}code{font-family:ui-monospace,monospace}";

void html_page_begin(struct text_buffer *out, const char *title)
{
    text_buffer_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    xml_text_add(out, title);
    text_buffer_format(out, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", style);
    xml_text_add(out, title);
    text_buffer_add(out, "</h1>\n");
}

void html_page_end(struct text_buffer *out)
{
    text_buffer_add(out, "</body>\n</html>\n");
}

void html_part_begin(struct text_buffer *out, const char *heading, bool folded)
{
    text_buffer_add(out, folded ? "<details>\n<summary>" : "<section>\n<h2>");
    xml_text_add(out, heading);
    text_buffer_add(out, folded ? "</summary>\n" : "</h2>\n");
}

void html_part_end(struct text_buffer *out, bool folded)
{
    text_buffer_add(out, folded ? "</details>\n" : "</section>\n");
}

void html_paragraph(struct text_buffer *out, const char *text)
{
    text_buffer_add(out, "<p>");
    xml_text_add(out, text);
    text_buffer_add(out, "</p>\n");
}

const cJSON *html_member(const cJSON *object, const char *path)
{
    while (object && *path) {
        char name[MEMBER_SIZE];
        size_t length = strcspn(path, "/");
        if (length >= sizeof(name))
            return NULL;
        memcpy(name, path, length);
        name[length] = '\0';
        object = cJSON_GetObjectItemCaseSensitive(object, name);
        path += length + (path[length] == '/');
    }
    return object;
}

/* "12 345 678" */
static void add_count(struct text_buffer *out, uint64_t count)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            text_buffer_add(out, " ");
        text_buffer_append(out, &digits[i], 1);
    }
}

static void add_number(struct text_buffer *out, double number, enum html_kind kind)
{
    char text[64];
    uint64_t whole = number >= 0 && number < 0x1p63 ? (uint64_t)number : 0;
    switch (kind) {
    case HTML_COUNT:
        add_count(out, whole);
        return;
    case HTML_TIME:
        text_buffer_add(out, time_print(text, whole));
        return;
    case HTML_AMOUNT:
        text_buffer_add(out, amount_print(text, whole));
        return;
    case HTML_SHARE:
        text_buffer_format(out, "%.1f %%", 100 * number);
        return;
    case HTML_GIGABITS:
        text_buffer_format(out, "%.2f", number / 1e9);
        return;
    case HTML_TEXT:
        break;
    }
    text_buffer_format(out, "%.10g", number);
}

void html_value(struct text_buffer *out, const cJSON *value, enum html_kind kind)
{
    if (cJSON_IsNumber(value))
        add_number(out, value->valuedouble, kind);
    else if (cJSON_IsString(value))
        text_buffer_add(out, value->valuestring);
    else if (cJSON_IsBool(value))
        text_buffer_add(out, cJSON_IsTrue(value) ? "yes" : "no");
}

static void add_cell(struct text_buffer *out, const cJSON *value, enum html_kind kind)
{
    struct text_buffer text = {0};
    text_buffer_add(out, kind == HTML_TEXT ? "<td>" : "<td class=\"n\">");
    html_value(&text, value, kind);
    if (kind == HTML_SHARE && cJSON_IsNumber(value))
        text_buffer_format(out, "<span class=\"bar\" style=\"width:%.0fpx\"></span> ",
                           BAR_PIXELS * fmin(fmax(value->valuedouble, 0), 1));
    xml_text_add(out, text_buffer_get(&text));
    text_buffer_add(out, "</td>");
    text_buffer_fini(&text);
}

void html_table(struct text_buffer *out, const cJSON *rows, const struct html_column *columns, size_t count)
{
    const cJSON *row;
    if (!cJSON_IsArray(rows) || cJSON_GetArraySize(rows) == 0)
        return;
    text_buffer_add(out, "<table>\n<thead><tr>");
    for (size_t i = 0; i < count; i++) {
        text_buffer_add(out, columns[i].kind == HTML_TEXT ? "<th>" : "<th class=\"n\">");
        xml_text_add(out, columns[i].heading);
        text_buffer_add(out, "</th>");
    }
    text_buffer_add(out, "</tr></thead>\n<tbody>\n");
    cJSON_ArrayForEach(row, rows)
    {
        text_buffer_add(out, "<tr>");
        for (size_t i = 0; i < count; i++)
            add_cell(out, html_member(row, columns[i].member), columns[i].kind);
        text_buffer_add(out, "</tr>\n");
    }
    text_buffer_add(out, "</tbody>\n</table>\n");
}
