/* SPDX-License-Identifier: MIT */
#include "sim/analysis/function_match.h"

#include "sim/base/text_buffer.h"

#include <stdlib.h>
#include <string.h>

/* A function under the key of one pass. */
struct entry {
    const char *key;
    uint64_t address;
    uint32_t id;
};

struct matching {
    const struct topology *before, *after;
    const char *const *place_before, *const *place_after; /* by id */
    struct function_match *match;
};

static uint64_t address_of(const struct pci_function *function)
{
    return (uint64_t)function->segment << 16 | pci_requester_id(function->bus, function->devfn);
}

static void add_place(const struct topology *topology, const struct pci_function *function,
                      struct text_buffer *text)
{
    if (function->is_vf && function->pf_id != NONE) {
        add_place(topology, &topology->functions[function->pf_id], text);
        text_buffer_format(text, "+vf%u", function->vf_index);
        return;
    }
    const struct pci_function *parent = topology_parent(topology, function);
    if (parent)
        add_place(topology, parent, text);
    else
        text_buffer_format(text, "%04x:%02x", function->segment, function->bus);
    text_buffer_format(text, "/%02x.%x", pci_slot(function->devfn), pci_func(function->devfn));
}

const char *function_place(const struct topology *topology, const struct pci_function *function,
                           struct arena *arena)
{
    struct text_buffer text = {0};
    add_place(topology, function, &text);
    char *place = arena_string(arena, text_buffer_get(&text));
    text_buffer_fini(&text);
    return place;
}

static const char *const *all_places(const struct topology *topology, struct arena *arena)
{
    const char **places = arena_array(arena, topology->function_count, sizeof(*places));
    for (uint32_t id = 0; id < topology->function_count; id++)
        places[id] = function_place(topology, &topology->functions[id], arena);
    return places;
}

static bool same_number(uint16_t a, uint16_t b)
{
    return a == b || a == 0xffff || b == 0xffff;
}

static bool same_ids(const struct pci_function *a, const struct pci_function *b)
{
    return same_number(a->vendor, b->vendor) && same_number(a->device, b->device) &&
           function_is_bridge(a) == function_is_bridge(b);
}

static void pair(struct matching *matching, uint32_t before_id, uint32_t after_id, enum match_kind kind)
{
    struct function_match *match = matching->match;
    match->to_after[before_id] = after_id;
    match->to_before[after_id] = before_id;
    match->kind[before_id] = kind;
}

/* The kind of a match of functions whose ids agree. */
static enum match_kind kind_of(const struct matching *matching, uint32_t before_id, uint32_t after_id)
{
    if (strcmp(matching->place_before[before_id], matching->place_after[after_id]) != 0)
        return MATCH_MOVED;
    return address_of(&matching->before->functions[before_id]) ==
                   address_of(&matching->after->functions[after_id])
               ? MATCH_SAME
               : MATCH_RENUMBERED;
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = strcmp(a->key, b->key);
    return order ? order : (a->address > b->address) - (a->address < b->address);
}

/* The functions without a match, sorted by `keys` (by id), then address. The caller frees them. */
static struct entry *unmatched(const struct topology *topology, const uint32_t *found,
                               const char *const *keys, size_t *count)
{
    struct entry *entries = memory_array(topology->function_count + 1U, sizeof(*entries));
    *count = 0;
    for (uint32_t id = 0; id < topology->function_count; id++) {
        if (found[id] == NONE)
            entries[(*count)++] = (struct entry){keys[id], address_of(&topology->functions[id]), id};
    }
    qsort(entries, *count, sizeof(*entries), compare_entries);
    return entries;
}

static size_t run_length(const struct entry *entries, size_t start, size_t count)
{
    size_t end = start;
    while (end < count && strcmp(entries[end].key, entries[start].key) == 0)
        end++;
    return end - start;
}

/* May two functions under the same key be one? */
typedef bool (*acceptable)(const struct pci_function *before, const struct pci_function *after);

/* Pair what is left and has the same key, where both machines have as many of it. */
static void pair_by_key(struct matching *matching, const char *const *before_keys,
                        const char *const *after_keys, acceptable accept, bool replaced)
{
    size_t before_count, after_count, a = 0, b = 0;
    struct entry *before = unmatched(matching->before, matching->match->to_after, before_keys, &before_count);
    struct entry *after = unmatched(matching->after, matching->match->to_before, after_keys, &after_count);
    while (a < before_count && b < after_count) {
        int order = strcmp(before[a].key, after[b].key);
        size_t a_run = run_length(before, a, before_count), b_run = run_length(after, b, after_count);
        for (size_t i = 0; order == 0 && a_run == b_run && i < a_run; i++) {
            uint32_t before_id = before[a + i].id, after_id = after[b + i].id;
            if (accept(&matching->before->functions[before_id], &matching->after->functions[after_id]))
                pair(matching, before_id, after_id,
                     replaced ? MATCH_REPLACED : kind_of(matching, before_id, after_id));
        }
        a += order <= 0 ? a_run : 0;
        b += order >= 0 ? b_run : 0;
    }
    free(before);
    free(after);
}

static const char *const *address_keys(const struct topology *topology, struct arena *arena)
{
    const char **keys = arena_array(arena, topology->function_count, sizeof(*keys));
    for (uint32_t id = 0; id < topology->function_count; id++) {
        char text[BDF_TEXT_SIZE];
        const struct pci_function *function = &topology->functions[id];
        keys[id] = arena_string(arena, bdf_print(text, function->segment, function->bus, function->devfn));
    }
    return keys;
}

static const char *const *identity_keys(const struct topology *topology, struct arena *arena)
{
    const char **keys = arena_array(arena, topology->function_count, sizeof(*keys));
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *function = &topology->functions[id];
        keys[id] = arena_format(arena, "%s %04x:%04x %04x:%04x %06x .%x", function_kind_name(function),
                                function->vendor, function->device, function->subvendor, function->subdevice,
                                function->class_code, pci_func(function->devfn));
    }
    return keys;
}

/* Ids that identify: known ones. */
static bool has_ids(const struct pci_function *before, const struct pci_function *after)
{
    return before->vendor != 0xffff && before->device != 0xffff && same_ids(before, after);
}

static bool same_kind(const struct pci_function *before, const struct pci_function *after)
{
    return strcmp(function_kind_name(before), function_kind_name(after)) == 0;
}

static void count_kinds(const struct matching *matching)
{
    struct function_match *match = matching->match;
    for (uint32_t id = 0; id < matching->before->function_count; id++) {
        match->renumbered += match->kind[id] == MATCH_RENUMBERED;
        match->moved += match->kind[id] == MATCH_MOVED;
        match->replaced += match->kind[id] == MATCH_REPLACED;
        match->vanished += match->kind[id] == MATCH_NONE;
    }
    for (uint32_t id = 0; id < matching->after->function_count; id++)
        match->new += match->to_before[id] == NONE;
}

static uint32_t *no_ids(struct arena *arena, uint32_t count)
{
    uint32_t *ids = arena_array(arena, count, sizeof(*ids));
    for (uint32_t i = 0; i < count; i++)
        ids[i] = NONE;
    return ids;
}

struct function_match function_match(const struct topology *before, const struct topology *after,
                                     const uint32_t *known, struct arena *arena)
{
    struct function_match match = {
        .to_after = no_ids(arena, before->function_count),
        .to_before = no_ids(arena, after->function_count),
        .kind = arena_array(arena, before->function_count, sizeof(*match.kind)),
    };
    struct arena *scratch = arena_new();
    struct matching matching = {before, after, all_places(before, scratch), all_places(after, scratch),
                                &match};
    for (uint32_t id = 0; known && id < before->function_count; id++) {
        if (known[id] != NONE)
            pair(&matching, id, known[id], kind_of(&matching, id, known[id]));
    }
    pair_by_key(&matching, matching.place_before, matching.place_after, same_ids, false);
    pair_by_key(&matching, address_keys(before, scratch), address_keys(after, scratch), same_ids, false);
    pair_by_key(&matching, identity_keys(before, scratch), identity_keys(after, scratch), has_ids, false);
    pair_by_key(&matching, matching.place_before, matching.place_after, same_kind, true);
    count_kinds(&matching);
    arena_free(scratch);
    return match;
}

const char *match_kind_name(enum match_kind kind)
{
    static const char *const names[] = {
        [MATCH_NONE] = "none",   [MATCH_SAME] = "same",         [MATCH_RENUMBERED] = "renumbered",
        [MATCH_MOVED] = "moved", [MATCH_REPLACED] = "replaced",
    };
    return names[kind];
}
