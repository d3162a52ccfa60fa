/* SPDX-License-Identifier: MIT */
#include "sim/input/sysfs_internal.h"

#include "sim/base/arena.h"
#include "sim/input/kernel_log_line.h"

#include <string.h>

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static const char *last_step(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool sysfs_is_text(const char *path)
{
    static const char *const starts[] = {"lspci", "dmesg", "journal", "kern.log", "messages", "syslog"};
    static const char *const ends[] = {".txt", ".log"};
    const char *name = last_step(path);
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (length > strlen(ends[i]) && strcmp(name + length - strlen(ends[i]), ends[i]) == 0)
            return true;
    }
    return false;
}

bool sysfs_wants(const char *path)
{
    static const char *const names[] = {
        "config",
        "vendor",
        "device",
        "class",
        "revision",
        "subsystem_vendor",
        "subsystem_device",
        "resource",
        "numa_node",
        "uevent",
        "dma_mask_bits",
        "current_link_speed",
        "current_link_width",
        "max_link_speed",
        "max_link_width",
        "sriov_totalvfs",
        "sriov_numvfs",
        "sriov_offset",
        "sriov_stride",
        "sriov_vf_device",
        "type",
        "reserved_regions",
        "address",
        "ecap",
        "cmdline",
        "iomem",
    };
    return is_one_of(last_step(path), names, sizeof(names) / sizeof(names[0])) || sysfs_is_text(path);
}

struct sysfs_path sysfs_path_split(const char *path, size_t length)
{
    struct sysfs_path split = {.count = 0};
    const char *end = path + length;
    while (path < end) {
        const char *slash = memchr(path, '/', (size_t)(end - path));
        struct slice step = {path, slash ? slash : end};
        path = slash ? slash + 1 : end;
        if (slice_length(step) == 0)
            continue;
        if (split.count == SYSFS_STEPS) {
            memmove(&split.steps[0], &split.steps[1], (SYSFS_STEPS - 1) * sizeof(split.steps[0]));
            split.count--;
        }
        split.steps[split.count++] = step;
    }
    return split;
}

struct slice sysfs_path_step(const struct sysfs_path *path, unsigned back)
{
    return back < path->count ? path->steps[path->count - 1 - back] : (struct slice){"", ""};
}

bool sysfs_step_function(struct slice step, struct sysfs_address *address)
{
    struct sysfs_address found = {.root = false};
    if (!kernel_log_address(&step, &found.segment, &found.bus, &found.devfn) || slice_length(step) > 0)
        return false;
    *address = found;
    return true;
}

static struct dump_part *part_of(struct sysfs *sysfs, const struct sysfs_address *address,
                                 enum dump_rank rank)
{
    struct dump *dump = sysfs->dump;
    struct dump_part *part = dump_find(dump, rank, address->segment, address->bus, address->devfn);
    if (part)
        return part;
    const char *where = arena_string(dump->arena, sysfs->entry->path);
    part = dump_add(dump, rank, address->segment, address->bus, address->devfn, DIAGNOSTIC_NO_OFFSET, where);
    part->facts = FACT_PRESENT;
    return part;
}

struct dump_part *sysfs_part(struct sysfs *sysfs, const struct sysfs_address *address)
{
    return part_of(sysfs, address, DUMP_SYSFS);
}

struct dump_part *sysfs_vf_part(struct sysfs *sysfs, const struct sysfs_address *address)
{
    return part_of(sysfs, address, DUMP_TEXT);
}

void sysfs_report(struct sysfs *sysfs, const char *at, const char *expected)
{
    const struct source_text *text = &sysfs->entry->text;
    diagnostics_report(sysfs->dump->diagnostics, DIAGNOSTIC_ERROR, text, (size_t)(at - text->text), NULL,
                       "sysfs-attribute", "expected %s", expected);
}

struct slice sysfs_content(const struct sysfs *sysfs)
{
    const struct source_text *text = &sysfs->entry->text;
    const char *nul = memchr(text->text, '\0', text->length);
    struct slice content = slice_trim((struct slice){text->text, nul ? nul : text->text + text->length});
    while (content.at < content.end && content.end[-1] == '\n')
        content = slice_trim((struct slice){content.at, content.end - 1});
    return content;
}

bool sysfs_hex(struct slice *rest, unsigned digits, uint64_t *value)
{
    struct slice at = *rest;
    if (!slice_skip(&at, "0x") || !slice_number(&at, 16, 1, digits, value))
        return false;
    *rest = at;
    return true;
}

static void take_entry(struct sysfs *sysfs)
{
    const struct file_entry *entry = sysfs->entry;
    struct sysfs_path path = sysfs_path_split(entry->path, strlen(entry->path));
    struct sysfs_address address;
    if (sysfs_take_platform(sysfs, &path))
        return;
    if (entry->kind == FILE_FOLDER && sysfs_step_function(sysfs_path_step(&path, 0), &address)) {
        sysfs_part(sysfs, &address);
        sysfs_take_way(sysfs, &path);
    } else if (entry->kind == FILE_LINK && sysfs_step_function(sysfs_path_step(&path, 0), &address)) {
        struct sysfs_path target = sysfs_path_split(entry->text.text, entry->text.length);
        sysfs_part(sysfs, &address);
        sysfs_take_way(sysfs, &target);
    } else if (entry->kind != FILE_FOLDER && sysfs_step_function(sysfs_path_step(&path, 1), &address)) {
        sysfs_take_attribute(sysfs, &address, sysfs_path_step(&path, 0));
    }
}

bool sysfs_is_function(const char *name)
{
    struct sysfs_address address;
    return sysfs_step_function((struct slice){name, name + strlen(name)}, &address);
}

bool sysfs_recognise(const struct file_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct sysfs_path path = sysfs_path_split(tree->entries[i].path, strlen(tree->entries[i].path));
        struct sysfs_address address;
        if (sysfs_step_function(sysfs_path_step(&path, 0), &address) ||
            sysfs_step_function(sysfs_path_step(&path, 1), &address))
            return true;
    }
    return false;
}

/* A resource spans the BARs of all VFs. */
static void settle_vf_bars(struct sriov *sriov)
{
    for (unsigned i = 0; i < 6; i++) {
        struct bar *bar = &sriov->vf_bars[i];
        uint64_t size = sriov->total_vfs ? bar->size / sriov->total_vfs : 0;
        bar->size = size * sriov->total_vfs == bar->size && (size & (size - 1)) == 0 ? size : 0;
    }
}

/* A port without a link keeps the slowest speed and shows no lanes. */
static void settle_link(struct link_state *link)
{
    if (link->width == 0 || link->generation == 0)
        link->width = link->generation = 0;
}

/* A copy made without -L: links to functions, and nothing of what they lead to. */
static void warn_links(const struct dump *dump, size_t first)
{
    uint32_t seen = 0;
    for (size_t i = first; i < dump->part_count; i++)
        seen |= dump->parts[i].facts;
    if (!(seen & (FACT_VENDOR | FACT_CLASS)))
        diagnostics_report(
            dump->diagnostics, DIAGNOSTIC_WARNING, dump->source, DIAGNOSTIC_NO_OFFSET, NULL, "sysfs-links",
            "the copy holds links to functions, but none of their files (scripts/collect.sh makes a "
            "complete one; 'cp -rL' follows links)");
}

/* A copy with links to drivers would have those to groups, too. */
static void warn_no_groups(const struct sysfs *sysfs, size_t first)
{
    const struct dump *dump = sysfs->dump;
    uint32_t seen = 0;
    for (size_t i = first; i < dump->part_count; i++)
        seen |= dump->parts[i].facts;
    if (sysfs->links_kept && !(seen & FACT_GROUP) && dump->group_count == 0)
        diagnostics_report(
            dump->diagnostics, DIAGNOSTIC_WARNING, dump->source, DIAGNOSTIC_NO_OFFSET, NULL,
            "sysfs-no-groups",
            "no function has an IOMMU group: the kernel that ran made none, as without an IOMMU or "
            "with it switched off in the firmware or on the command line");
}

/* What follows from all entries together. */
static void settle(struct sysfs *sysfs, size_t first)
{
    struct dump *dump = sysfs->dump;
    for (size_t i = first; i < dump->part_count; i++) {
        struct dump_part *part = &dump->parts[i];
        if (part->rank == DUMP_SYSFS && sysfs->links_kept && !sysfs->events_kept &&
            !(part->facts & FACT_DRIVER)) {
            part->function.driver = "";
            part->facts |= FACT_DRIVER;
        }
        settle_link(&part->function.link);
        if (part->rank == DUMP_TEXT)
            settle_vf_bars(&part->function.sriov);
        /* Linux sizes configuration space: 256 bytes beside 4096 of others are all there is. */
        if (part->rank == DUMP_BYTES && sysfs->extended_seen && (part->facts & FACT_TYPE))
            part->facts |= FACT_ACS | FACT_ACS_REGISTERS | FACT_EXTENDED | FACT_SRIOV;
    }
}

void sysfs_read(const struct file_tree *tree, struct dump *dump)
{
    struct sysfs sysfs = {.tree = tree, .dump = dump};
    size_t first = dump->part_count;
    for (size_t i = 0; i < tree->count && !diagnostics_full(dump->diagnostics); i++) {
        sysfs.entry = &tree->entries[i];
        take_entry(&sysfs);
    }
    settle(&sysfs, first);
    warn_links(dump, first);
    warn_no_groups(&sysfs, first);
    if (dump->part_count > first)
        dump_note_kind(dump, "sysfs copy");
}
