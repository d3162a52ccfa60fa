/* SPDX-License-Identifier: MIT */
#include "sim/analysis/acs_wish_words.h"

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"

#include <stdio.h>
#include <string.h>

enum { REDIRECTS = ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT | ACS_EGRESS_CONTROL };

char *acs_bits_print(char *text, uint16_t bits)
{
    static const char *const names[] = {
        "SrcValid", "TransBlk",  "ReqRedir",  "CmpltRedir", "UpstreamFwd", "EgressCtrl",  "DirectTrans",
        "IORB",     "DSP_MT_RB", "DSP_MT_RR", "USP_MT_RB",  "USP_MT_RR",   "UNCLAIMED_RR"};
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bits & 1U << i && length < ACS_BITS_TEXT)
            length +=
                (size_t)snprintf(text + length, ACS_BITS_TEXT - length, "%s%s", length ? ", " : "", names[i]);
    }
    return text;
}

/* The list the machine's own config_acs= has, or nothing. The last of several counts. */
static void add_old_list(struct text_buffer *list, const char *cmdline)
{
    static const char word[] = "config_acs=";
    const char *last = NULL;
    for (const char *at = strstr(cmdline, word); at; at = strstr(at + 1, word))
        last = at + strlen(word);
    if (!last || strcspn(last, " ,\"") == 0)
        return;
    text_buffer_add(list, ";");
    text_buffer_append(list, last, strcspn(last, " ,\""));
}

/* Bits @p id changes, 0 for none. */
static uint16_t changed_bits(const struct acs_wish_answer *answer, uint32_t id)
{
    uint16_t bits = 0;
    for (size_t i = 0; i < answer->flip_count; i++)
        bits |= answer->flips[i].function_id == id ? answer->flips[i].bit : 0;
    return bits;
}

static enum acs_words_obstacle obstacle(const struct iommu_groups *groups,
                                        const struct acs_wish_answer *answer, uint32_t *id)
{
    bool rework = groups->platform.algorithm == GROUP_ALGORITHM_ACS_REWORK_V3;
    for (size_t i = 0; i < answer->flip_count; i++) {
        *id = answer->flips[i].function_id;
        if (groups->views[*id].dword_control)
            return ACS_WORDS_DWORD;
        if (!rework && answer->flips[i].bit & ACS_ENHANCED_CONTROLS)
            return ACS_WORDS_ENHANCED;
    }
    *id = NONE;
    return ACS_WORDS_FOUND;
}

/* "1011001@0000:02:00.0", the leftmost the highest bit: every bit, for the kernel starts from firmware's. */
static void add_entry(struct text_buffer *list, const struct iommu_groups *groups,
                      const struct acs_wish_answer *answer, uint32_t id)
{
    const struct pci_function *function = &groups->topology->functions[id];
    bool enhanced = groups->platform.algorithm == GROUP_ALGORITHM_ACS_REWORK_V3 &&
                    groups->views[id].capability & ACS_ENHANCED;
    char bdf[BDF_TEXT_SIZE];
    text_buffer_add(list, list->length ? ";" : "");
    for (int bit = enhanced ? ACS_ENHANCED_LAST_BIT : ACS_CONTROL_LAST_BIT; bit >= 0; bit--)
        text_buffer_add(list, answer->control[id] >> bit & 1 ? "1" : "0");
    text_buffer_format(list, "@%s", bdf_print(bdf, function->segment, function->bus, function->devfn));
}

static const char *clear_only(struct arena *arena, const struct iommu_groups *groups,
                              const struct acs_wish_answer *answer)
{
    struct text_buffer list = {0};
    uint32_t last = NONE;
    bool fits = answer->flip_count > 0;
    for (size_t i = 0; i < answer->flip_count; i++) {
        const struct acs_flip *flip = &answer->flips[i];
        const struct pci_function *function = &groups->topology->functions[flip->function_id];
        char bdf[BDF_TEXT_SIZE];
        fits &= !flip->set && (flip->bit & REDIRECTS);
        if (flip->function_id != last)
            text_buffer_format(&list, "%s%s", list.length ? ";" : "",
                               bdf_print(bdf, function->segment, function->bus, function->devfn));
        last = flip->function_id;
    }
    const char *words = fits ? arena_format(arena, "pci=disable_acs_redir=%s", text_buffer_get(&list)) : NULL;
    text_buffer_fini(&list);
    return words;
}

struct acs_words acs_wish_words(struct arena *arena, const struct iommu_groups *groups,
                                const struct acs_wish_answer *answer, const char *cmdline)
{
    struct acs_words words = {.obstacle_id = NONE};
    struct text_buffer list = {0};
    words.clear_only = clear_only(arena, groups, answer);
    words.obstacle = obstacle(groups, answer, &words.obstacle_id);
    if (words.obstacle != ACS_WORDS_FOUND || answer->flip_count == 0)
        return words;
    for (size_t i = 0; i < answer->flip_count; i++) {
        if (i == 0 || answer->flips[i].function_id != answer->flips[i - 1].function_id)
            add_entry(&list, groups, answer, answer->flips[i].function_id);
    }
    add_old_list(&list, cmdline);
    words.parameter = arena_format(arena, "pci=config_acs=%s", text_buffer_get(&list));
    words.cmdline = arena_format(arena, "%s%s%s", cmdline, *cmdline ? " " : "", words.parameter);
    text_buffer_fini(&list);
    return words;
}

char *acs_wish_setpci(const struct iommu_groups *groups, const struct acs_wish_answer *answer,
                      uint32_t function_id)
{
    const struct pci_function *function = &groups->topology->functions[function_id];
    bool dword = groups->views[function_id].dword_control;
    uint16_t mask = changed_bits(answer, function_id);
    struct text_buffer text = {0};
    char bdf[BDF_TEXT_SIZE];
    text_buffer_format(&text, "setpci -s %s ECAP_ACS+%s=%0*x:%0*x",
                       bdf_print(bdf, function->segment, function->bus, function->devfn),
                       dword ? "8.l" : "6.w", dword ? 8 : 4, answer->control[function_id] & mask,
                       dword ? 8 : 4, mask);
    return text.text;
}
