/* SPDX-License-Identifier: MIT */
/* The page of a regression. */
#include "sim/output/html_page.h"
#include "sim/output/html_reports.h"
#include "sim/output/xml_text.h"

static void add_case(const cJSON *one, struct text_buffer *out)
{
    struct text_buffer name = {0};
    bool passed = cJSON_IsTrue(html_member(one, "passed"));
    bool first = true;
    const cJSON *finding;
    html_value(&name, html_member(one, "name"), HTML_TEXT);
    text_buffer_add(out, "<tr><td>");
    xml_text_add(out, text_buffer_get(&name));
    text_buffer_format(out, "</td><td class=\"%s\">%s</td><td>", passed ? "good" : "bad",
                       passed ? "as blessed" : "failed");
    text_buffer_fini(&name);
    cJSON_ArrayForEach(finding, html_member(one, "findings"))
    {
        struct text_buffer line = {0};
        html_value(&line, html_member(finding, "rule"), HTML_TEXT);
        text_buffer_add(&line, ": ");
        html_value(&line, html_member(finding, "message"), HTML_TEXT);
        text_buffer_add(out, first ? "" : "<br>");
        first = false;
        xml_text_add(out, text_buffer_get(&line));
        text_buffer_fini(&line);
    }
    text_buffer_add(out, "</td></tr>\n");
}

void html_report_check(const cJSON *report, struct text_buffer *out)
{
    const cJSON *one, *cases = html_member(report, "cases");
    int failed = 0;
    cJSON_ArrayForEach(one, cases) failed += !cJSON_IsTrue(html_member(one, "passed"));
    html_page_begin(out, "Regression");
    text_buffer_format(out, "<p class=\"%s\">%d cases, %d failed</p>\n", failed ? "bad" : "good",
                       cJSON_GetArraySize(cases), failed);
    text_buffer_add(
        out, "<table>\n<thead><tr><th>Case</th><th>Answer</th><th>Findings</th></tr></thead>\n<tbody>\n");
    cJSON_ArrayForEach(one, cases) add_case(one, out);
    text_buffer_add(out, "</tbody>\n</table>\n");
    html_page_end(out);
}
