/* SPDX-License-Identifier: MIT */
#include "tests/unit/junit_check.h"

#include "tests/unit/xml_reader.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Elements, which may stand in which, and their attributes; those behind "|" may be missing. */
static const struct {
    const char *name, *parent, *attributes;
} elements[] = {
    {"testsuites", NULL, "| name time tests failures disabled errors"},
    {"testsuite", "testsuites",
     "name tests | failures errors group time skipped timestamp hostname id package file log url version"},
    {"testcase", "testsuite", "name | assertions time timestamp classname status class file line score"},
    {"failure", "testcase", "| type message"},
    {"error", "testcase", "| type message"},
    {"skipped", "testcase", "| type message"},
};

enum { ELEMENTS = sizeof(elements) / sizeof(elements[0]) };

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

static void check_element(const struct xml_document *document, const struct xml_element *element)
{
    size_t kind = 0;
    while (kind < ELEMENTS && strcmp(elements[kind].name, element->name) != 0)
        kind++;
    ck_assert_msg(kind < ELEMENTS, "the schema has no element <%s>", element->name);
    const char *parent = element->parent < 0 ? NULL : document->elements[element->parent].name;
    ck_assert_msg(parent ? elements[kind].parent && strcmp(parent, elements[kind].parent) == 0
                         : elements[kind].parent == NULL,
                  "<%s> stands in <%s>", element->name, parent ? parent : "the document");
    for (int i = 0; i < element->attribute_count; i++)
        ck_assert_msg(has_word(elements[kind].attributes, element->names[i]), "<%s> has no attribute %s",
                      element->name, element->names[i]);
    char *needed = strdup(elements[kind].attributes);
    *strchr(needed, '|') = '\0';
    for (char *word = strtok(needed, " "); word; word = strtok(NULL, " "))
        ck_assert_msg(xml_attribute(element, word) != NULL, "<%s> lacks %s", element->name, word);
    free(needed);
}

/* Elements called @p name below element @p ancestor. */
static int count(const struct xml_document *document, int ancestor, const char *name)
{
    int found = 0;
    for (int i = 0; i < document->count; i++) {
        if (strcmp(document->elements[i].name, name) != 0)
            continue;
        for (int up = i; up >= 0; up = document->elements[up].parent)
            found += up == ancestor;
    }
    return found;
}

int junit_check(const char *text)
{
    static const char declaration[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    ck_assert_msg(strncmp(text, declaration, strlen(declaration)) == 0, "no declaration:\n%s", text);
    struct xml_document *document = xml_read(text + strlen(declaration));
    int failures = count(document, 0, "failure");
    for (int i = 0; i < document->count; i++) {
        const struct xml_element *element = &document->elements[i];
        check_element(document, element);
        if (strncmp(element->name, "testsuite", strlen("testsuite")) != 0)
            continue;
        ck_assert_int_eq(xml_number(element, "tests"), count(document, i, "testcase"));
        ck_assert_int_eq(xml_number(element, "failures"), count(document, i, "failure"));
    }
    xml_free(document);
    return failures;
}
