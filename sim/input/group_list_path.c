/* SPDX-License-Identifier: MIT */
/* Paths of sysfs in a text: where a function hangs, and which group it is in. */
#include "sim/input/dump_way.h"
#include "sim/input/group_list.h"
#include "sim/input/kernel_log_line.h"

#include <string.h>

static const char groups_folder[] = "iommu_groups/";

/* A line being read. */
struct path_line {
    struct dump *dump;
    size_t offset;
    const char *where;
};

static void set_group(const struct path_line *line, const struct dump_step *step, uint32_t group)
{
    struct dump_part *part = dump_way_part(line->dump, DUMP_LISTING, step, line->offset, line->where);
    part->function.group_reported = true;
    part->function.reported_group = group;
    part->facts |= FACT_GROUP;
}

/* "pci0000:00/0000:00:01.0/0000:01:00.0" */
static unsigned read_steps(struct slice rest, struct dump_step *steps)
{
    unsigned count = 0;
    do {
        struct dump_step step = {0};
        uint64_t segment, bus;
        struct slice at = rest;
        if (slice_skip(&at, "pci") && slice_number(&at, 16, 4, 6, &segment) && slice_skip(&at, ":") &&
            slice_number(&at, 16, 2, 2, &bus)) {
            step = (struct dump_step){.segment = (uint32_t)segment, .bus = (uint8_t)bus, .root = true};
        } else {
            at = rest;
            if (!kernel_log_address(&at, &step.segment, &step.bus, &step.devfn))
                break;
        }
        steps[count++] = step;
        rest = at;
    } while (count < DUMP_WAY_STEPS && slice_skip(&rest, "/"));
    return count;
}

static bool take_device_path(const struct path_line *line, struct slice text)
{
    struct dump_step steps[DUMP_WAY_STEPS];
    const char *at = slice_find(text, "devices/pci");
    if (!at)
        return false;
    unsigned count = read_steps((struct slice){at + strlen("devices/"), text.end}, steps);
    dump_add_way(line->dump, line->offset, line->where, steps, count);
    return count > 1;
}

/* The last address in @p text. */
static bool last_address(struct slice text, struct dump_step *step)
{
    bool found = false;
    for (const char *at = text.at; at < text.end; at++) {
        struct slice rest = {at, text.end};
        if ((at == text.at || at[-1] == '/' || at[-1] == ' ') &&
            kernel_log_address(&rest, &step->segment, &step->bus, &step->devfn))
            found = true;
    }
    return found;
}

/* "iommu_groups/12/devices/0000:00:01.0", or with a colon at its end the heading of a directory; at the end
 * of a line the group of the function named before ("0000:00:01.0/iommu_group -> ...") */
static bool take_group_path(const struct path_line *line, struct group_list *listing, struct slice text)
{
    const char *at = slice_find(text, groups_folder);
    struct slice rest = {at ? at + strlen(groups_folder) : text.end, text.end};
    uint64_t group;
    struct dump_step step = {0};
    if (!slice_number(&rest, 10, 1, 9, &group))
        return false;
    if (slice_length(rest) == 0 && last_address((struct slice){text.at, at}, &step)) {
        set_group(line, &step, (uint32_t)group);
        return true;
    }
    if (!slice_skip(&rest, "/devices"))
        return false;
    if (slice_skip(&rest, "/") && kernel_log_address(&rest, &step.segment, &step.bus, &step.devfn)) {
        set_group(line, &step, (uint32_t)group);
        return true;
    }
    *listing = (struct group_list){.active = true, .group = (uint32_t)group};
    return true;
}

/* Names of links below the heading of a directory: alone, several on a line, or as ls -l prints them. */
static bool take_names(const struct path_line *line, struct group_list *listing, struct slice text)
{
    bool found = false;
    struct slice word;
    while (listing->active && !listing->once && slice_next_word(&text, &word)) {
        struct dump_step step;
        if (slice_is(word, "->"))
            break;
        if (!kernel_log_address(&word, &step.segment, &step.bus, &step.devfn) || slice_length(word) > 0)
            continue;
        set_group(line, &step, listing->group);
        found = true;
    }
    if (found)
        group_list_use(listing);
    return found;
}

/* "12 0000:00:01.0" as `iommusim groups --format tsv` prints it, or with more columns behind. */
static bool read_pair(struct slice text, uint64_t *group, struct dump_step *step)
{
    return slice_number(&text, 10, 1, 9, group) &&
           (slice_skip(&text, "\t") || slice_skip(&text, " ") || slice_skip(&text, ",")) &&
           kernel_log_address(&text, &step->segment, &step->bus, &step->devfn) &&
           (slice_length(text) == 0 || *text.at == '\t' || *text.at == ',');
}

static bool take_pair(const struct path_line *line, struct slice text)
{
    uint64_t group;
    struct dump_step step = {0};
    if (!read_pair(text, &group, &step))
        return false;
    set_group(line, &step, (uint32_t)group);
    return true;
}

/* A word that is an address with segment. */
static bool has_name(struct slice text)
{
    struct slice word;
    struct dump_step step;
    while (slice_next_word(&text, &word)) {
        if (kernel_log_address(&word, &step.segment, &step.bus, &step.devfn) && slice_length(word) == 0)
            return true;
    }
    return false;
}

bool group_list_may_have_path(const struct group_list *listing, struct slice line)
{
    uint64_t group;
    struct dump_step step;
    return read_pair(line, &group, &step) || slice_find(line, groups_folder) ||
           slice_find(line, "devices/pci") || (listing->active && !listing->once && has_name(line));
}

bool group_list_path(struct group_list *listing, struct slice line, struct dump *dump, size_t offset,
                     const char *where)
{
    const struct path_line path = {dump, offset, where};
    if (take_pair(&path, line))
        return true;
    bool found = take_group_path(&path, listing, line) || take_names(&path, listing, line);
    return take_device_path(&path, line) || found;
}
