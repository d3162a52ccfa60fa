/* SPDX-License-Identifier: MIT */
/**
 * @file xml_reader.h
 * A small strict reader of XML, so that tests see what a browser would: elements, attributes and text. No
 * document type, comments, processing instructions or CDATA: a document with any of them is refused.
 */
#ifndef IOMMUSIM_TESTS_UNIT_XML_READER_H
#define IOMMUSIM_TESTS_UNIT_XML_READER_H

#include <stddef.h>

enum { XML_ATTRIBUTES = 16 };

struct xml_element {
    char *name;
    char *names[XML_ATTRIBUTES], *values[XML_ATTRIBUTES]; /**< entities replaced */
    int attribute_count;
    char *text; /**< of the element itself, entities replaced */
    int parent; /**< index, -1 for the root */
    int depth;
};

struct xml_document {
    struct xml_element *elements; /**< in the order of their start tags */
    int count;
};

/** Parse all of @p text; a test assertion fails, with the place, where it is not well-formed. */
struct xml_document *xml_read(const char *text);

void xml_free(struct xml_document *document);

/** The value of an attribute; NULL: there is none. */
const char *xml_attribute(const struct xml_element *element, const char *name);

/** The value of an attribute as a number, which it must be. */
int xml_number(const struct xml_element *element, const char *name);

#endif
