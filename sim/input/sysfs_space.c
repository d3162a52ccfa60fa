/* SPDX-License-Identifier: MIT */
/* Configuration space and resources of a function in a sysfs copy. */
#include "sim/base/arena.h"
#include "sim/input/dump_config.h"
#include "sim/input/sysfs_internal.h"

#include <string.h>

enum { CARDBUS_SIZE = 128, STATUS_REGISTER = 6, STATUS_CAPABILITIES = 0x10 };

/* Archivers fill up what an ordinary user could not read with zeros. */
static unsigned told_length(const struct source_text *text)
{
    const struct config_space space = {(const uint8_t *)text->text, (unsigned)text->length};
    if (!(config_read16(&space, STATUS_REGISTER) & STATUS_CAPABILITIES))
        return space.length;
    for (unsigned i = CONFIG_HEADER_SIZE; i < space.length; i++) {
        if (space.bytes[i])
            return space.length;
    }
    return CONFIG_HEADER_SIZE;
}

void sysfs_take_config(struct sysfs *sysfs, const struct sysfs_address *address)
{
    const struct source_text *text = &sysfs->entry->text;
    if (text->length != CONFIG_HEADER_SIZE && text->length != CARDBUS_SIZE &&
        text->length != CONFIG_PCI_SIZE && text->length != CONFIG_EXPRESS_SIZE) {
        diagnostics_report(sysfs->dump->diagnostics, DIAGNOSTIC_ERROR, text, DIAGNOSTIC_NO_OFFSET, NULL,
                           "sysfs-config", "configuration space of %zu bytes, expected 64, 256 or 4096",
                           text->length);
        return;
    }
    const struct config_space space = {(const uint8_t *)text->text, told_length(text)};
    if (dump_config_unreachable(&space))
        return;
    sysfs->extended_seen |= space.length > CONFIG_PCI_SIZE;
    const char *where = arena_string(sysfs->dump->arena, sysfs->entry->path);
    struct dump_part *part = dump_add(sysfs->dump, DUMP_BYTES, address->segment, address->bus, address->devfn,
                                      DIAGNOSTIC_NO_OFFSET, where);
    dump_config_fill(sysfs->dump, part, &space);
}

/* Bits of struct resource::flags (include/linux/ioport.h). */
enum {
    RESOURCE_IO = 0x100,
    RESOURCE_MEMORY = 0x200,
    RESOURCE_PREFETCH = 0x2000,
    RESOURCE_MEMORY_64 = 0x100000,
    RESOURCE_WINDOW = 0x200000,
    RESOURCE_UNSET = 0x20000000,
};

enum { ROW_VF_BARS = 7, ROW_VF_END = 13 };

static bool take_row(struct slice line, uint64_t numbers[3])
{
    for (unsigned i = 0; i < 3; i++) {
        line = slice_trim(line);
        if (!sysfs_hex(&line, 16, &numbers[i]))
            return false;
    }
    return slice_length(slice_trim(line)) == 0;
}

static struct bar make_bar(const uint64_t numbers[3])
{
    uint64_t start = numbers[0], end = numbers[1], flags = numbers[2];
    struct bar bar = {.kind = BAR_NONE};
    if (!(flags & (RESOURCE_IO | RESOURCE_MEMORY)) || end < start)
        return bar;
    bar.kind = flags & RESOURCE_IO ? BAR_IO : flags & RESOURCE_MEMORY_64 ? BAR_MEMORY64 : BAR_MEMORY32;
    bar.prefetchable = flags & RESOURCE_PREFETCH;
    bar.assigned = start != 0 && !(flags & RESOURCE_UNSET);
    bar.address = bar.assigned ? start : 0;
    bar.size = end - start + 1;
    return bar;
}

static struct bar make_own_bar(const uint64_t numbers[3], unsigned row)
{
    struct bar bar = make_bar(numbers);
    bar.prefetchable &= row != BAR_ROM;
    return bar;
}

void sysfs_take_resources(struct sysfs *sysfs, const struct sysfs_address *address)
{
    struct slice rest = sysfs_content(sysfs), line;
    uint64_t numbers[3];
    for (unsigned row = 0; slice_next_line(&rest, &line); row++) {
        if (!take_row(line, numbers)) {
            sysfs_report(sysfs, line.at, "three numbers: first byte, last byte, flags");
            return;
        }
        if (row < BAR_COUNT)
            sysfs_part(sysfs, address)->function.bars[row] = make_own_bar(numbers, row);
        else if (row >= ROW_VF_BARS && row < ROW_VF_END && !(numbers[2] & RESOURCE_WINDOW) && numbers[2])
            sysfs_vf_part(sysfs, address)->function.sriov.vf_bars[row - ROW_VF_BARS] = make_bar(numbers);
    }
    sysfs_part(sysfs, address)->facts |= FACT_BARS;
}
