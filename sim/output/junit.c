/* SPDX-License-Identifier: MIT */
#include "sim/output/junit.h"

#include "sim/output/plain_path.h"

#include <stdlib.h>
#include <string.h>

/* Characters XML 1.0 cannot carry at all become '?'; bytes above 7f are UTF-8 and stay. */
static void add_escaped(struct text_buffer *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        static const struct {
            char byte;
            const char *written;
        } special[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
        const char *written = NULL;
        for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
            if (*at == special[i].byte)
                written = special[i].written;
        }
        if (written)
            text_buffer_add(out, written);
        else if ((unsigned char)*at < 0x20 && !strchr("\t\n", *at))
            text_buffer_add(out, "?");
        else
            text_buffer_append(out, at, 1);
    }
}

static void add_attribute(struct text_buffer *out, const char *name, const char *value)
{
    text_buffer_format(out, " %s=\"", name);
    add_escaped(out, value);
    text_buffer_add(out, "\"");
}

void junit_begin(struct junit *junit, const char *suite)
{
    *junit = (struct junit){.suite = suite};
}

void junit_add(struct junit *junit, const struct junit_case *one)
{
    struct text_buffer *out = &junit->cases;
    text_buffer_add(out, "    <testcase");
    add_attribute(out, "classname", one->class_name);
    add_attribute(out, "name", one->name);
    if (one->place.file) {
        char *file = plain_path(one->place.file);
        add_attribute(out, "file", file);
        free(file);
    }
    if (one->place.file && one->place.line)
        text_buffer_format(out, " line=\"%u\"", one->place.line);
    junit->count++;
    if (one->skipped) {
        junit->skipped++;
        text_buffer_add(out, ">\n      <skipped");
        add_attribute(out, "message", one->skipped);
        text_buffer_add(out, "/>\n    </testcase>\n");
        return;
    }
    if (!one->failure) {
        text_buffer_add(out, "/>\n");
        return;
    }
    junit->failures++;
    text_buffer_add(out, ">\n      <failure");
    add_attribute(out, "message", one->failure);
    text_buffer_add(out, ">");
    if (one->details)
        add_escaped(out, one->details);
    text_buffer_add(out, "</failure>\n    </testcase>\n");
}

void junit_end(struct junit *junit, struct text_buffer *out)
{
    text_buffer_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text_buffer_format(out, "<testsuites tests=\"%zu\" failures=\"%zu\">\n  <testsuite", junit->count,
                       junit->failures);
    add_attribute(out, "name", junit->suite);
    text_buffer_format(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n", junit->count,
                       junit->failures, junit->skipped);
    text_buffer_add(out, text_buffer_get(&junit->cases));
    text_buffer_add(out, "  </testsuite>\n</testsuites>\n");
    text_buffer_fini(&junit->cases);
}
