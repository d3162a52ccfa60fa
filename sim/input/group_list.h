/* SPDX-License-Identifier: MIT */
/**
 * @file group_list.h
 * IOMMU groups as the popular shell loops over /sys/kernel/iommu_groups print them.
 *
 *     IOMMU Group 1:                                              a heading, then lines of lspci
 *         00:01.0 PCI bridge [0604]: Intel Corporation ... [8086:1901] (rev 02)
 *     IOMMU Group 1 00:01.0 PCI bridge [0604]: ... [8086:1901]    the group before each line
 *     IOMMU group 1: [8086:1901] 00:01.0 PCI bridge: Intel ...    ids first
 *     Group 1:   [8086:1901] [R] 00:01.0  PCI bridge    Intel ... columns
 *     1 0000:00:01.0 PCI bridge [0604]: ... [8086:1901]           the number alone before each line
 *     ** IOMMU Group 1: **                                        Markdown, with "* " or "-- " before lines
 *     00:01.0 PCI bridge [0604]: ... [8086:1901] IOMMU group 1    the group behind each line
 *     ├── 1                                                       tree, then addresses below "devices"
 *     /sys/kernel/iommu_groups/1/devices/0000:00:01.0             find, ls
 *     1<TAB>0000:00:01.0                                          iommusim groups --format tsv
 *     0000:01:00.0 -> ../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0     ls -l
 *     .../0000:01:00.0/iommu_group -> ../../../kernel/iommu_groups/1               ls -l of the functions
 *
 * Tables are read by group_table.h.
 */
#ifndef IOMMUSIM_INPUT_GROUP_LIST_H
#define IOMMUSIM_INPUT_GROUP_LIST_H

#include "sim/input/dump.h"
#include "sim/input/lspci_record.h"
#include "sim/input/slice.h"

/** Where a reader of a listing is. Zero-initialise. */
struct group_list {
    bool active; /**< lines that follow belong to @c group */
    uint32_t group;
    bool used;          /**< some did */
    bool once;          /**< the group stands before a function, not above several */
    bool gap;           /**< there was a blank line after some */
    bool colon_heading; /**< headings are written "IOMMU group: 1" here */
    unsigned column;    /**< where the line being read starts */
    unsigned at_column; /**< where that with the group did */
};

/** Begin a line: note where it starts. @return it without quoting and the blanks around it */
struct slice group_list_line(struct group_list *listing, struct slice raw);

/**
 * Cut what names a group off the front of @p line (unquoted).
 * @param inside  the text before is of a function, so that "IOMMU group: 1" may be lspci's own line
 * @return true where the line does nothing else (a heading)
 */
bool group_list_heading(struct group_list *listing, bool inside, struct slice *line);

/**
 * Does @p line, after group_list_heading(), start a function as lspci or a listing in columns prints it?
 * Ids, marks and bullets before the address are taken. After a gap, and below a group that stands before a
 * function, only what is marked or starts further to the right belongs to the group; anything else ends it.
 */
bool group_list_item(struct group_list *listing, struct slice line, struct lspci_header *header);

/** The place in @p line, which starts a function, where another one starts: newlines were lost. NULL where
 * there is none. */
const char *group_list_next_item(struct slice line);

/** Bytes of the longest header line that is joined again. */
enum { GROUP_LIST_JOINED = 512 };

/**
 * Join the line that starts a function with what a mailer broke off it, where the break is before the end of
 * its class: such a line says too little to be one. Breaks further on are seen by lspci_text_line().
 * @param line    unquoted, not seen by group_list_heading() yet; where true is returned, the whole in @p
 * joined
 * @param rest    the lines after it; those that were joined are cut off
 * @param joined  GROUP_LIST_JOINED bytes
 * @return lines taken from @p rest, 0 where there is nothing to join
 */
unsigned group_list_join(struct slice *line, struct slice *rest, char *joined);

/** A function of the group was taken. */
void group_list_use(struct group_list *listing);

/** There is a line that names neither group nor function. What is not blank ends the list behind a gap. */
void group_list_other(struct group_list *listing, struct slice line);

/**
 * Take a path of sysfs that names a function's group, or its way from the root bus; a bare address below the
 * heading of a directory.
 * @return true where the line held one
 */
bool group_list_path(struct group_list *listing, struct slice line, struct dump *dump, size_t offset,
                     const char *where);

/** May group_list_path() find something in @p line? */
bool group_list_may_have_path(const struct group_list *listing, struct slice line);

#endif
