/* SPDX-License-Identifier: MIT */
/**
 * @file group_table.h
 * Functions and their IOMMU groups as tables: what `pvesh get /nodes/NAME/hardware/pci` of Proxmox prints,
 * and tables in Markdown. A line above the rows names the columns.
 *
 *     │ class    │ device │ id           │ iommugroup │ vendor │ device_name
 *     ╞══════════╪════════╪══════════════╪════════════╪════════╪═══════════
 *     │ 0x060400 │ 0x1901 │ 0000:00:01.0 │          1 │ 0x8086 │ ...
 *
 *     | IOMMU Group | Device                                                  |
 *     |-------------|---------------------------------------------------------|
 *     | 1           | 00:01.0 PCI bridge [0604]: Intel Corporation [8086:1901] |
 */
#ifndef IOMMUSIM_INPUT_GROUP_TABLE_H
#define IOMMUSIM_INPUT_GROUP_TABLE_H

#include "sim/input/lspci_record.h"

enum { GROUP_TABLE_COLUMNS = 32 };

/** What a column holds, by its name. */
enum group_table_column { TABLE_OTHER, TABLE_GROUP, TABLE_CLASS, TABLE_VENDOR, TABLE_DEVICE, TABLE_NAME };

/** Where a reader of a table is. Zero-initialise. */
struct group_table {
    unsigned count; /**< columns; 0: no table has begun */
    enum group_table_column columns[GROUP_TABLE_COLUMNS];
};

/** A row. */
struct group_table_row {
    struct lspci_header header;
    bool grouped; /**< a function behind no IOMMU has no group, or -1 */
    uint32_t group;
};

/**
 * Look at a line as it stands in the text.
 * @param row  filled where true is returned
 * @return true where it is a row about a function
 */
bool group_table_line(struct group_table *table, struct slice line, struct group_table_row *row);

#endif
