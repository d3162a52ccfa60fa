/* SPDX-License-Identifier: MIT */
#include "sim/input/dump_cmdline.h"

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/input/slice.h"

#include <string.h>

static bool is_kept(struct slice word)
{
    static const char *const starts[] = {"intel_iommu", "amd_iommu", "iommu",    "pci=",    "pcie_",
                                         "intremap",    "vfio",      "arm-smmu", "swiotlb", "no-iommu"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        struct slice rest = word;
        if (slice_skip(&rest, starts[i]))
            return true;
    }
    return false;
}

const char *dump_cmdline_words(struct arena *arena, const char *at, const char *end)
{
    struct slice rest = {at, end}, word;
    struct text_buffer kept = {0};
    while (slice_next_word(&rest, &word)) {
        if (!is_kept(word))
            continue;
        if (kept.length)
            text_buffer_add(&kept, " ");
        for (const char *c = word.at; c < word.end; c++)
            text_buffer_append(&kept, *c > ' ' && *c <= '~' ? c : "?", 1);
    }
    const char *words = arena_string(arena, text_buffer_get(&kept));
    text_buffer_fini(&kept);
    return words;
}
