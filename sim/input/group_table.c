/* SPDX-License-Identifier: MIT */
#include "sim/input/group_table.h"

#include "sim/input/kernel_log_line.h"
#include "sim/input/lspci_names.h"

#include <string.h>
#include <strings.h>

/* Cut the next cell off the front of @p rest. @return false at the end of the line */
static bool next_cell(struct slice *rest, struct slice *cell)
{
    static const char *const bars[] = {"|", "│"};
    if (rest->at == rest->end)
        return false;
    for (cell->at = rest->at; rest->at < rest->end; rest->at++) {
        cell->end = rest->at;
        for (size_t i = 0; i < sizeof(bars) / sizeof(bars[0]); i++) {
            if (slice_skip(rest, bars[i])) {
                *cell = slice_trim(*cell);
                return true;
            }
        }
    }
    cell->end = rest->end;
    *cell = slice_trim(*cell);
    return true;
}

/* The cells of a line that begins and ends with bars, or has them between only. @return their number, 0 for a
 * line without bars */
static unsigned split(struct slice line, struct slice *cells)
{
    unsigned count = 0;
    struct slice cell;
    line = slice_trim(line);
    while (count < GROUP_TABLE_COLUMNS && next_cell(&line, &cell)) {
        if (count > 0 || slice_length(cell) > 0)
            cells[count++] = cell;
    }
    return count > 1 ? count : 0;
}

static enum group_table_column column_of(struct slice cell)
{
    static const struct {
        const char *name;
        enum group_table_column column;
    } names[] = {
        {"iommugroup", TABLE_GROUP}, {"iommu_group", TABLE_GROUP}, {"iommu group", TABLE_GROUP},
        {"iommu", TABLE_GROUP},      {"group", TABLE_GROUP},       {"class", TABLE_CLASS},
        {"vendor", TABLE_VENDOR},    {"device", TABLE_DEVICE},     {"device_name", TABLE_NAME},
        {"description", TABLE_NAME}, {"name", TABLE_NAME},
    };
    while (slice_length(cell) > 2 && strchr("*_`", *cell.at) && strchr("*_`", cell.end[-1]))
        cell.at++, cell.end--;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_length(cell) == strlen(names[i].name) &&
            strncasecmp(cell.at, names[i].name, slice_length(cell)) == 0)
            return names[i].column;
    }
    return TABLE_OTHER;
}

/* Names of columns, one of which is the group's. */
static bool read_heading(struct group_table *table, const struct slice *cells, unsigned count)
{
    struct group_table heading = {.count = count};
    bool grouped = false;
    for (unsigned i = 0; i < count; i++) {
        heading.columns[i] = column_of(cells[i]);
        grouped |= heading.columns[i] == TABLE_GROUP;
    }
    if (grouped)
        *table = heading;
    return grouped;
}

/* "0000:00:01.0" alone, or a whole line of lspci. */
static bool read_address(struct slice cell, struct lspci_header *header)
{
    char text[32];
    if (lspci_header_parse(cell, header))
        return true;
    size_t length = slice_length(cell);
    if (length + 1 > sizeof(text))
        return false;
    memcpy(text, cell.at, length);
    text[length] = ' ';
    struct slice padded = {text, text + length + 1};
    if (!lspci_header_address(&padded, header) || slice_length(padded) > 0)
        return false;
    header->rest = header->name = (struct slice){cell.end, cell.end};
    return true;
}

static bool read_number(struct slice cell, unsigned digits, uint64_t *value)
{
    return slice_skip(&cell, "0x") && slice_number(&cell, 16, digits, digits, value) &&
           slice_length(cell) == 0;
}

static void read_cell(enum group_table_column column, struct slice cell, struct group_table_row *row)
{
    struct lspci_header *header = &row->header;
    uint64_t value;
    switch (column) {
    case TABLE_GROUP:
        row->grouped = slice_number(&cell, 10, 1, 9, &value) && slice_length(cell) == 0;
        row->group = row->grouped ? (uint32_t)value : 0;
        break;
    case TABLE_CLASS:
        header->interface_known = header->class_known = read_number(cell, 6, &value);
        if (header->class_known)
            header->class_code = (uint32_t)value;
        else
            header->class_known = lspci_skip_class(&cell, &header->class_code);
        break;
    case TABLE_VENDOR:
        header->vendor_known = read_number(cell, 4, &value);
        header->vendor = header->vendor_known ? (uint16_t)value : 0xffff;
        break;
    case TABLE_DEVICE:
        header->device_known = read_number(cell, 4, &value);
        header->device = header->device_known ? (uint16_t)value : 0xffff;
        break;
    case TABLE_NAME:
        header->name = header->rest = cell;
        break;
    case TABLE_OTHER:
        break;
    }
}

bool group_table_line(struct group_table *table, struct slice line, struct group_table_row *row)
{
    struct slice cells[GROUP_TABLE_COLUMNS];
    unsigned count = split(line, cells), address = 0;
    if (count == 0 || read_heading(table, cells, count) || count < table->count || table->count == 0)
        return false;
    *row = (struct group_table_row){0};
    while (address < count && !read_address(cells[address], &row->header))
        address++;
    if (address == count)
        return false;
    bool whole = row->header.class_known; /* the cell with the address says it all */
    for (unsigned i = 0; i < table->count; i++) {
        if (table->columns[i] == TABLE_GROUP || (!whole && i != address))
            read_cell(table->columns[i], cells[i], row);
    }
    if (!whole && !row->header.device_known)
        lspci_header_settle(&row->header);
    return true;
}
