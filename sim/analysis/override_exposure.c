/* SPDX-License-Identifier: MIT */
#include "sim/analysis/override_exposure.h"

#include <stdlib.h>
#include <string.h>

/* End of the word that begins at `text`. */
static const char *word_end(const char *text)
{
    bool quoted = false;
    while (*text && (quoted || !strchr(" \t\n", *text)))
        quoted ^= *text++ == '"';
    return text;
}

char *cmdline_without(struct arena *arena, const char *cmdline, const char *word)
{
    struct text_buffer kept = {0};
    while (*cmdline) {
        const char *start = cmdline + strspn(cmdline, " \t\n");
        const char *end = word_end(start);
        const char *name = start + (*start == '"');
        if (end != start && strncmp(name, word, strlen(word)) != 0) {
            text_buffer_add(&kept, kept.length ? " " : "");
            text_buffer_append(&kept, start, (size_t)(end - start));
        }
        cmdline = end;
    }
    char *text = arena_string(arena, text_buffer_get(&kept));
    text_buffer_fini(&kept);
    return text;
}

/* Look at one ordered pair that the option separates. @return true where the first reaches the second */
static bool look(struct override_exposure *exposure, size_t *capacity, uint32_t source_id, uint32_t target_id,
                 bool *silent)
{
    const struct machine_view *claimed = exposure->claimed;
    struct reach_result result = reach_pair(claimed->reach, source_id, target_id);
    *silent &= result.outcome == REACH_NOT_APPLICABLE;
    if (reach_leak(claimed->groups, &result, source_id, target_id) != REACH_LEAK)
        return false;
    exposure->pairs = memory_grow(exposure->pairs, exposure->pair_count, capacity, sizeof(*exposure->pairs));
    exposure->pairs[exposure->pair_count++] =
        (struct exposed_pair){source_id, target_id, (uint8_t)result.rule, result.at_id};
    return true;
}

static bool separated(const struct override_exposure *exposure, uint32_t a, uint32_t b)
{
    const struct group_decision *claimed = exposure->claimed->groups->decisions;
    const struct group_decision *proven = exposure->proven.groups->decisions;
    return proven[a].group != NONE && proven[a].group == proven[b].group &&
           claimed[a].group != claimed[b].group;
}

static int compare_pairs(const void *left, const void *right, void *data)
{
    const struct topology *topology = data;
    const struct exposed_pair *a = left, *b = right;
    const uint32_t ids[2][2] = {{a->source_id, b->source_id}, {a->target_id, b->target_id}};
    for (unsigned i = 0; i < 2; i++) {
        const struct pci_function *x = &topology->functions[ids[i][0]], *y = &topology->functions[ids[i][1]];
        uint64_t key_x = (uint64_t)x->segment << 16 | pci_requester_id(x->bus, x->devfn);
        uint64_t key_y = (uint64_t)y->segment << 16 | pci_requester_id(y->bus, y->devfn);
        if (key_x != key_y)
            return key_x < key_y ? -1 : 1;
    }
    return 0;
}

static void find_pairs(struct override_exposure *exposure)
{
    uint32_t count = exposure->claimed->topology->function_count;
    size_t capacity = 0;
    for (uint32_t a = 0; a < count; a++) {
        for (uint32_t b = a + 1; b < count; b++) {
            bool silent = true;
            if (!separated(exposure, a, b))
                continue;
            bool there = look(exposure, &capacity, a, b, &silent);
            bool back = look(exposure, &capacity, b, a, &silent);
            exposure->separated++;
            exposure->separated_exposed += there || back;
            exposure->separated_silent += silent;
        }
    }
    if (exposure->pair_count)
        qsort_r(exposure->pairs, exposure->pair_count, sizeof(*exposure->pairs), compare_pairs,
                (void *)exposure->claimed->topology);
}

struct override_exposure *override_exposure_new(const struct machine_view *claimed,
                                                const struct group_options *options)
{
    if (!kernel_cmdline_overrides_acs(&claimed->groups->platform.cmdline))
        return NULL;
    struct override_exposure *exposure = memory_alloc(sizeof(*exposure));
    *exposure = (struct override_exposure){.claimed = claimed};
    const char *cmdline = options->cmdline ? options->cmdline : claimed->topology->cmdline;
    struct group_options without = *options;
    without.cmdline = cmdline_without(claimed->arena, cmdline, "pcie_acs_override=");
    /* What is odd about the other words was said when the machine was asked with them. */
    struct diagnostics *unheard = diagnostics_new(1);
    machine_view_init(&exposure->proven, claimed->topology, &without, unheard);
    diagnostics_free(unheard);
    find_pairs(exposure);
    return exposure;
}

void override_exposure_free(struct override_exposure *exposure)
{
    if (!exposure)
        return;
    machine_view_fini(&exposure->proven);
    free(exposure->pairs);
    free(exposure);
}
