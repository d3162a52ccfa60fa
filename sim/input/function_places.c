/* SPDX-License-Identifier: MIT */
#include "sim/input/function_places.h"

#include "sim/base/arena.h"
#include "sim/base/json_scan.h"
#include "sim/base/units.h"

#include <stdlib.h>
#include <string.h>

/** A function that is looked for in the text. */
struct wanted {
    const char *pointer;
    uint32_t function_id;
    size_t offset; /**< byte in the text; DIAGNOSTIC_NO_OFFSET until found */
};

struct search {
    struct wanted *items;
    size_t count;
};

static int compare_pointers(const void *left, const void *right)
{
    const struct wanted *a = left, *b = right;
    return strcmp(a->pointer, b->pointer);
}

static int compare_offsets(const void *left, const void *right)
{
    const struct wanted *a = left, *b = right;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/* An object of the document: those wanted with its pointer (copies share one) are here. */
static void meet(void *data, const char *pointer, size_t offset)
{
    struct search *search = data;
    const struct wanted key = {.pointer = pointer};
    struct wanted *found =
        search->count ? bsearch(&key, search->items, search->count, sizeof(key), compare_pointers) : NULL;
    if (!found)
        return;
    while (found > search->items && strcmp(found[-1].pointer, pointer) == 0)
        found--;
    for (; found < search->items + search->count && strcmp(found->pointer, pointer) == 0; found++)
        found->offset = offset;
}

/* Lines and columns of all offsets, ascending, in one pass. */
static void place_offsets(struct search *search, const struct source_text *source,
                          struct source_place *places)
{
    size_t at = 0;
    uint32_t line = 1, column = 1;
    qsort(search->items, search->count, sizeof(*search->items), compare_offsets);
    for (size_t i = 0; i < search->count && search->items[i].offset < source->length; i++) {
        for (; at < search->items[i].offset; at++) {
            bool begins_character = ((unsigned char)source->text[at] & 0xc0U) != 0x80U;
            column += begins_character;
            if (source->text[at] == '\n')
                line++, column = 1;
        }
        places[search->items[i].function_id].line = line;
        places[search->items[i].function_id].column = column;
    }
}

/* "byte N", "line N", or "FILE line N" where the machine comes from several files. */
static void place_words(const char *pointer, struct arena *arena, struct wanted *wanted,
                        struct source_place *place)
{
    const char *word = strstr(pointer, "line "), *next;
    uint64_t number;
    if (strncmp(pointer, "byte ", 5) == 0 && number_parse(pointer + 5, SIZE_MAX - 1, &number)) {
        wanted->offset = (size_t)number;
        return;
    }
    while (word && (next = strstr(word + 1, "line ")) != NULL)
        word = next;
    if (!word || !number_parse(word + 5, UINT32_MAX, &number))
        return;
    place->line = (uint32_t)number;
    if (word > pointer)
        place->file = arena_format(arena, "%.*s", (int)(word - pointer - 1), pointer);
}

const struct source_place *function_places_find(const struct topology *topology,
                                                const struct source_text *source)
{
    struct arena *arena = topology->arena;
    struct source_place *places = arena_array(arena, topology->function_count, sizeof(*places));
    struct search search = {memory_array(topology->function_count + 1U, sizeof(*search.items)), 0};
    const char *file = arena_string(arena, source->name);
    /* "/" begins a JSON pointer, and the path of a file among several. */
    bool json = source->text && source->text[strspn(source->text, " \t\r\n")] == '{', document = false;
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const char *pointer = topology->functions[id].pointer;
        struct wanted *wanted = &search.items[search.count];
        *wanted = (struct wanted){pointer, id, DIAGNOSTIC_NO_OFFSET};
        places[id].file = file;
        if (!pointer)
            continue;
        bool located = json && pointer[0] == '/';
        if (!located)
            place_words(pointer, arena, wanted, &places[id]);
        document |= located;
        search.count += located || (source->text && wanted->offset != DIAGNOSTIC_NO_OFFSET);
    }
    if (search.count)
        qsort(search.items, search.count, sizeof(*search.items), compare_pointers);
    if (document)
        json_objects_visit(source, meet, &search);
    if (search.count)
        place_offsets(&search, source, places);
    free(search.items);
    return places;
}
