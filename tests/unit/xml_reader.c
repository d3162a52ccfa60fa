/* SPDX-License-Identifier: MIT */
#include "tests/unit/xml_reader.h"

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/output/xml_text.h"

#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *start, *at;
    struct xml_document *document;
    size_t capacity;
};

static void demand(const struct reader *reader, int condition, const char *what)
{
    ck_assert_msg(condition, "byte %td: %s, at \"%.40s\"", reader->at - reader->start, what, reader->at);
}

static void skip_blanks(struct reader *reader)
{
    while (*reader->at == ' ' || *reader->at == '\n')
        reader->at++;
}

static char *read_name(struct reader *reader)
{
    const char *from = reader->at;
    demand(reader, isalpha((unsigned char)*from), "a name is expected");
    while (isalnum((unsigned char)*reader->at) || *reader->at == '-' || *reader->at == '_' ||
           *reader->at == ':')
        reader->at++;
    return strndup(from, (size_t)(reader->at - from));
}

/* One character of text or of a value. */
static void read_character(struct reader *reader, struct text_buffer *out)
{
    static const struct {
        const char *entity, *character;
    } entities[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}};
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        size_t length = strlen(entities[i].entity);
        if (strncmp(reader->at, entities[i].entity, length) == 0) {
            text_buffer_add(out, entities[i].character);
            reader->at += length;
            return;
        }
    }
    size_t length = xml_text_sequence(reader->at);
    unsigned char byte = (unsigned char)*reader->at;
    demand(reader, byte != '&' && byte != '<', "an entity is expected");
    demand(reader, length > 0 && (byte >= ' ' || byte == '\n') && byte != 0x7f, "not a character of XML");
    text_buffer_append(out, reader->at, length);
    reader->at += length;
}

static void read_attribute(struct reader *reader, struct xml_element *element)
{
    demand(reader, element->attribute_count < XML_ATTRIBUTES, "too many attributes");
    char *name = read_name(reader);
    demand(reader, xml_attribute(element, name) == NULL, "an attribute twice");
    demand(reader, strncmp(reader->at, "=\"", 2) == 0, "=\" is expected");
    reader->at += 2;
    struct text_buffer value = {0};
    text_buffer_add(&value, "");
    while (*reader->at != '"')
        read_character(reader, &value);
    reader->at++;
    element->names[element->attribute_count] = name;
    element->values[element->attribute_count++] = memory_string(text_buffer_get(&value));
    text_buffer_fini(&value);
}

static void read_element(struct reader *reader, int parent, int depth)
{
    demand(reader, *reader->at == '<', "an element is expected");
    reader->at++;
    struct xml_document *document = reader->document;
    document->elements = memory_grow(document->elements, (size_t)document->count, &reader->capacity,
                                     sizeof(document->elements[0]));
    int own = document->count++;
    struct xml_element element = {.name = read_name(reader), .parent = parent, .depth = depth};
    while (*reader->at == ' ') {
        reader->at++;
        read_attribute(reader, &element);
    }
    document->elements[own] = element;
    if (strncmp(reader->at, "/>", 2) == 0) {
        reader->at += 2;
        document->elements[own].text = memory_string("");
        return;
    }
    demand(reader, *reader->at++ == '>', "> is expected");
    struct text_buffer text = {0};
    while (strncmp(reader->at, "</", 2) != 0) {
        if (*reader->at == '<')
            read_element(reader, own, depth + 1);
        else
            read_character(reader, &text);
    }
    document->elements[own].text = memory_string(text_buffer_get(&text));
    text_buffer_fini(&text);
    reader->at += 2;
    char *end = read_name(reader);
    demand(reader, strcmp(end, document->elements[own].name) == 0, "another end tag is expected");
    demand(reader, *reader->at++ == '>', "> is expected");
    free(end);
}

struct xml_document *xml_read(const char *text)
{
    struct reader reader = {.start = text, .at = text, .document = calloc(1, sizeof(*reader.document))};
    read_element(&reader, -1, 0);
    skip_blanks(&reader);
    demand(&reader, *reader.at == '\0', "the end is expected");
    return reader.document;
}

void xml_free(struct xml_document *document)
{
    for (int i = 0; i < document->count; i++) {
        struct xml_element *element = &document->elements[i];
        for (int k = 0; k < element->attribute_count; k++) {
            free(element->names[k]);
            free(element->values[k]);
        }
        free(element->name);
        free(element->text);
    }
    free(document->elements);
    free(document);
}

const char *xml_attribute(const struct xml_element *element, const char *name)
{
    for (int i = 0; i < element->attribute_count; i++) {
        if (strcmp(element->names[i], name) == 0)
            return element->values[i];
    }
    return NULL;
}

int xml_number(const struct xml_element *element, const char *name)
{
    const char *value = xml_attribute(element, name);
    char *end;
    ck_assert_msg(value && *value, "<%s> without %s", element->name, name);
    long number = strtol(value, &end, 10);
    ck_assert_msg(*end == '\0', "<%s %s=\"%s\">", element->name, name, value);
    return (int)number;
}
