/* SPDX-License-Identifier: MIT */
/* Statements every function may have: command register, bus numbers, windows, regions, what the kernel knows.
 */
#include "sim/input/lspci_words.h"

#include <string.h>

bool word_number(struct slice word, unsigned base, uint64_t *value)
{
    return slice_number(&word, base, 1, 16, value) && word.at == word.end;
}

bool word_flag(struct slice word, const char *name, bool *on)
{
    if (!slice_skip(&word, name) || slice_length(word) != 1 || (*word.at != '+' && *word.at != '-'))
        return false;
    *on = *word.at == '+';
    return true;
}

void words_of_control(struct lspci_text *text, struct slice word)
{
    text->control = true;
    word_flag(word, "BusMaster", &text->function.bus_master);
    word_flag(word, "Mem", &text->function.memory_space);
    bool io;
    if (word_flag(word, "I/O", &io))
        text->function.io_space_disabled = !io;
}

/* -v: "Flags: bus master, fast devsel, latency 0, IRQ 16, NUMA node 0, IOMMU group 3" */
void words_of_flags(struct lspci_text *text, struct slice word)
{
    if (slice_is(text->previous, "bus") && slice_is(word, "master"))
        text->function.bus_master = true;
    else if (slice_is(text->previous, "group"))
        words_of_group(text, word);
    else if (slice_is(text->previous, "node"))
        words_of_numa(text, word);
}

void words_of_bus(struct lspci_text *text, struct slice word)
{
    uint64_t value;
    if (slice_skip(&word, "secondary=") && word_number(word, 16, &value) && value <= 0xff)
        text->function.secondary_bus = (uint8_t)value;
    else if (slice_skip(&word, "subordinate=") && word_number(word, 16, &value) && value <= 0xff)
        text->function.subordinate_bus = (uint8_t)value;
}

/* "0000f000-0000ffff [size=4K] [16-bit]", "[disabled]", "None", or a base above its limit: closed. */
void words_of_window(struct lspci_text *text, struct slice word)
{
    struct window *window = text->window;
    uint64_t base, limit;
    if (slice_number(&word, 16, 1, 16, &base) && slice_skip(&word, "-") && word_number(word, 16, &limit)) {
        if (base <= limit && base != 0)
            *window = (struct window){true, base, limit};
    } else if (slice_is(word, "[disabled]")) {
        *window = (struct window){0};
    }
}

static void region_address(struct bar *bar, struct slice word)
{
    uint64_t address;
    /* Also "<unassigned>", "<ignored>", "<broken-64-bit-slot>": it is there, without an address. */
    if (word_number(word, 16, &address)) {
        bar->address = address;
        bar->assigned = address != 0;
    }
}

/* "[size=16K]" */
static void region_size(struct bar *bar, struct slice word)
{
    uint64_t size;
    if (!slice_skip(&word, "[size=") || !slice_number(&word, 10, 1, 9, &size) || slice_length(word) == 0)
        return;
    static const char units[] = "]KMGT"; /* powers of 1024 */
    const char *unit = strchr(units, *word.at);
    if (unit && *unit)
        bar->size = size << (10 * (unit - units));
}

/* "Memory at fe400000 (64-bit, non-prefetchable) [disabled] [size=16K]", "I/O ports at d000 [size=32]",
 * "Expansion ROM at fcf00000 [virtual] [disabled] [size=512K]" */
void words_of_region(struct lspci_text *text, struct slice word)
{
    struct bar *bar = text->bar;
    if (!bar)
        return;
    bool rom = bar == &text->function.bars[BAR_ROM];
    if (slice_is(word, "Memory")) {
        bar->kind = BAR_MEMORY32;
    } else if (slice_is(word, "I/O")) {
        bar->kind = BAR_IO;
    } else if (slice_is(text->previous, "at") && bar->kind != BAR_NONE) {
        region_address(bar, word);
    } else if (slice_is(word, "(64-bit") && !rom && text->next_bar < 6) {
        bar->kind = BAR_MEMORY64;
        text->next_bar++;
    } else if (slice_is(word, "prefetchable)")) {
        bar->prefetchable = true;
    } else if (slice_is(word, "[disabled]")) {
        text->memory_decoded = false;
    } else if (slice_is(word, "[virtual]") && rom) {
        /* The kernel's copy in ordinary memory, not the device's own. */
        *bar = (struct bar){.kind = BAR_NONE};
        text->bar = NULL;
    } else {
        region_size(bar, word);
    }
}

/* The last "[vvvv:dddd]", or "vvvv:dddd" with -n. */
void words_of_subsystem(struct lspci_text *text, struct slice word)
{
    uint64_t vendor, device;
    bool bracket = slice_skip(&word, "[");
    if (slice_number(&word, 16, 4, 4, &vendor) && slice_skip(&word, ":") &&
        slice_number(&word, 16, 4, 4, &device) && slice_is(word, bracket ? "]" : "")) {
        text->function.subvendor = (uint16_t)vendor;
        text->function.subdevice = (uint16_t)device;
    }
}

void words_of_driver(struct lspci_text *text, struct slice word)
{
    if (!text->driver.at)
        text->driver = word;
}

void words_of_group(struct lspci_text *text, struct slice word)
{
    uint64_t group;
    if (!text->function.group_reported && word_number(word, 10, &group) && group <= INT32_MAX) {
        text->function.group_reported = true;
        text->function.reported_group = (uint32_t)group;
    }
}

void words_of_numa(struct lspci_text *text, struct slice word)
{
    uint64_t node;
    if (!text->numa_known && word_number(word, 10, &node) && node <= UINT16_MAX) {
        text->numa_known = true;
        text->numa_node = (uint32_t)node;
    }
}
