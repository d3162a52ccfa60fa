/* SPDX-License-Identifier: MIT */
/* Between the parts of the reader of sysfs copies. */
#ifndef IOMMUSIM_INPUT_SYSFS_INTERNAL_H
#define IOMMUSIM_INPUT_SYSFS_INTERNAL_H

#include "sim/input/slice.h"
#include "sim/input/sysfs_reader.h"

enum { SYSFS_STEPS = 64 };

/** The address of a function or, as @c root, of a root bus ("pci0000:00"). */
struct sysfs_address {
    uint32_t segment;
    uint8_t bus, devfn;
    bool root;
};

/** A path cut into steps. */
struct sysfs_path {
    struct slice steps[SYSFS_STEPS];
    unsigned count;
};

/** Cut a path, or the target of a link, at "/". Of paths that are too long the last steps are kept. */
struct sysfs_path sysfs_path_split(const char *path, size_t length);

/** Is @p step a function's address ("0000:03:00.0"), all of it? */
bool sysfs_step_function(struct slice step, struct sysfs_address *address);

/** The step @p back steps before the last one; empty where there is none. */
struct slice sysfs_path_step(const struct sysfs_path *path, unsigned back);

/** Reading one tree. */
struct sysfs {
    const struct file_tree *tree;
    struct dump *dump;
    const struct file_entry *entry; /**< being read */
    bool links_kept;                /**< links to drivers are there: a function without has no driver ... */
    bool events_kept;               /**< ... unless uevent files are there, which tell of each function */
    bool extended_seen;             /**< some function shows extended configuration space */
};

/** The part about a function, made where there is none. Valid until the next part is added. */
struct dump_part *sysfs_part(struct sysfs *sysfs, const struct sysfs_address *address);

/** The part for what attributes tell of SR-IOV, below configuration space, which tells all of it or nothing.
 */
struct dump_part *sysfs_vf_part(struct sysfs *sysfs, const struct sysfs_address *address);

/** Report that the entry's content at @p at is not what the kernel prints there. */
void sysfs_report(struct sysfs *sysfs, const char *at, const char *expected);

/** An attribute of a function: file or link @p name in its folder. */
void sysfs_take_attribute(struct sysfs *sysfs, const struct sysfs_address *address, struct slice name);

/** Configuration space, 64 to 4096 bytes. */
void sysfs_take_config(struct sysfs *sysfs, const struct sysfs_address *address);

/** "start end flags" of each resource. */
void sysfs_take_resources(struct sysfs *sysfs, const struct sysfs_address *address);

/** A function below a group, a unit or a driver; a file of a group or a unit; files of /proc.
 * @return true where the path was one of these */
bool sysfs_take_platform(struct sysfs *sysfs, const struct sysfs_path *path);

/** The way to a function: root bus, bridges. */
void sysfs_take_way(struct sysfs *sysfs, const struct sysfs_path *path);

/** Cut "0x" and hexadecimal digits off the front of @p rest. */
bool sysfs_hex(struct slice *rest, unsigned digits, uint64_t *value);

/** The entry's content without what a copy may have padded it with, and without blanks around. */
struct slice sysfs_content(const struct sysfs *sysfs);

#endif
