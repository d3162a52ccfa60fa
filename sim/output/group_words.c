/* SPDX-License-Identifier: MIT */
#include "sim/output/group_words.h"

#include "sim/output/function_label.h"

#include <stdio.h>
#include <string.h>

enum { UNKNOWN_ID = 0xffff };

char *group_words_id(char *text, const struct pci_function *function)
{
    char vendor[5] = "????", device[5] = "????";
    if (function->vendor != UNKNOWN_ID)
        snprintf(vendor, sizeof(vendor), "%04x", function->vendor);
    if (function->device != UNKNOWN_ID)
        snprintf(device, sizeof(device), "%04x", function->device);
    snprintf(text, ID_TEXT_SIZE, "%s:%s", vendor, device);
    return text;
}

char *group_words_address(const struct topology *topology, uint32_t id, char *bdf)
{
    const struct pci_function *function = &topology->functions[id];
    return bdf_print(bdf, function->segment, function->bus, function->devfn);
}

char *group_words_brief(const struct topology *topology, uint32_t id, char *bdf)
{
    group_words_address(topology, id, bdf);
    return topology->functions[id].segment == 0 ? bdf + strlen("0000:") : bdf;
}

/* How many ids from @p first on are consecutive functions of one slot. */
static uint32_t run_length(const struct topology *topology, const uint32_t *ids, uint32_t first,
                           uint32_t count)
{
    const struct pci_function *head = &topology->functions[ids[first]];
    uint32_t length = 1;
    while (first + length < count) {
        const struct pci_function *next = &topology->functions[ids[first + length]];
        if (next->segment != head->segment || next->bus != head->bus ||
            pci_slot(next->devfn) != pci_slot(head->devfn) || next->devfn != head->devfn + length)
            break;
        length++;
    }
    return length;
}

void group_words_list(const struct topology *topology, const uint32_t *ids, uint32_t count, uint32_t most,
                      struct text_buffer *out)
{
    uint32_t words = 0;
    for (uint32_t i = 0; i < count;) {
        char bdf[BDF_TEXT_SIZE];
        if (most && words == most) {
            text_buffer_format(out, " and %u more", count - i);
            return;
        }
        uint32_t length = run_length(topology, ids, i, count);
        text_buffer_format(out, "%s%s", words ? ", " : "", group_words_brief(topology, ids[i], bdf));
        if (length > 1)
            text_buffer_format(out, "-%x", pci_func(topology->functions[ids[i + length - 1]].devfn));
        i += length;
        words++;
    }
}

void group_words_row(const struct topology *topology, const char *lead, uint32_t id, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE], ids[ID_TEXT_SIZE];
    const struct pci_function *function = &topology->functions[id];
    text_buffer_format(out, "%-16s%-13s %s %04x  %-20s %s\n", lead, group_words_address(topology, id, bdf),
                       group_words_id(ids, function), function->class_code >> 8, function_kind_name(function),
                       function_label(function));
}
