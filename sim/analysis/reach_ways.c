/* SPDX-License-Identifier: MIT */
#include "sim/analysis/reach_ways.h"

#include <stdio.h>
#include <string.h>

const struct reach_way reach_ways[REACH_WAYS] = {
    {TRANSACTION_MEMORY_WRITE, ADDRESS_UNTRANSLATED, REACH_AS_ITSELF},
    {TRANSACTION_MEMORY_READ, ADDRESS_UNTRANSLATED, REACH_AS_ITSELF},
    {TRANSACTION_ATOMIC, ADDRESS_UNTRANSLATED, REACH_AS_ITSELF},
    {TRANSACTION_MEMORY_WRITE, ADDRESS_TRANSLATED, REACH_AS_ITSELF},
    {TRANSACTION_MEMORY_READ, ADDRESS_TRANSLATED, REACH_AS_ITSELF},
    {TRANSACTION_MEMORY_READ, ADDRESS_TRANSLATION_REQUEST, REACH_AS_ITSELF},
    {TRANSACTION_MEMORY_WRITE, ADDRESS_UNTRANSLATED, REACH_AS_ALIAS},
    {TRANSACTION_MEMORY_READ, ADDRESS_UNTRANSLATED, REACH_AS_ALIAS},
    {TRANSACTION_MEMORY_WRITE, ADDRESS_UNTRANSLATED, REACH_AS_TARGET},
    {TRANSACTION_MEMORY_READ, ADDRESS_UNTRANSLATED, REACH_AS_TARGET},
    {TRANSACTION_COMPLETION, ADDRESS_UNTRANSLATED, REACH_AS_ITSELF},
    {TRANSACTION_IO, ADDRESS_UNTRANSLATED, REACH_AS_ITSELF},
    {TRANSACTION_CONFIGURATION, ADDRESS_UNTRANSLATED, REACH_AS_ITSELF},
    {TRANSACTION_MESSAGE_BY_ID, ADDRESS_UNTRANSLATED, REACH_AS_ITSELF},
};

static const enum transaction_kind kinds[] = {
    TRANSACTION_MEMORY_WRITE, TRANSACTION_MEMORY_READ,   TRANSACTION_ATOMIC,       TRANSACTION_COMPLETION,
    TRANSACTION_IO,           TRANSACTION_CONFIGURATION, TRANSACTION_MESSAGE_BY_ID};

/* ORDER: kinds. */
const char *const reach_way_kinds[] = {"write", "read",          "atomic",  "completion",
                                       "io",    "configuration", "message", NULL};

static const char *const type_words[] = {[ADDRESS_UNTRANSLATED] = "untranslated",
                                         [ADDRESS_TRANSLATION_REQUEST] = "translation-request",
                                         [ADDRESS_TRANSLATED] = "translated"};
static const char *const identity_words[] = {
    [REACH_AS_ITSELF] = "own", [REACH_AS_ALIAS] = "alias", [REACH_AS_TARGET] = "forged"};

/* Index of the first @p length bytes of @p text among @p words, -1 where it is none. */
static int find(const char *text, size_t length, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i] && strlen(words[i]) == length && strncmp(words[i], text, length) == 0)
            return (int)i;
    }
    return -1;
}

bool reach_way_parse(const char *text, struct reach_way *way)
{
    size_t length = strcspn(text, ":");
    int kind = find(text, length, reach_way_kinds, sizeof(kinds) / sizeof(kinds[0]));
    if (kind < 0)
        return false;
    struct reach_way read = {.kind = kinds[kind]};
    bool typed = false, named = false;
    for (const char *at = text + length; *at == ':'; at += length + 1) {
        length = strcspn(at + 1, ":");
        int type = find(at + 1, length, type_words, 3), identity = find(at + 1, length, identity_words, 3);
        if ((type < 0 && identity < 0) || (type >= 0 && (typed || !transaction_is_memory(read.kind))) ||
            (identity >= 0 && named))
            return false;
        if (type >= 0)
            read.address_type = (enum address_type)type;
        if (identity >= 0)
            read.identity = (enum reach_identity)identity;
        typed |= type >= 0;
        named |= identity >= 0;
    }
    *way = read;
    return true;
}

char *reach_way_print(char *text, struct reach_way way)
{
    size_t kind = 0;
    while (kind + 1 < sizeof(kinds) / sizeof(kinds[0]) && kinds[kind] != way.kind)
        kind++;
    bool plain = way.address_type == ADDRESS_UNTRANSLATED, own = way.identity == REACH_AS_ITSELF;
    snprintf(text, REACH_WAY_TEXT, "%s%s%s%s%s", reach_way_kinds[kind], plain ? "" : ":",
             plain ? "" : type_words[way.address_type], own ? "" : ":",
             own ? "" : identity_words[way.identity]);
    return text;
}
