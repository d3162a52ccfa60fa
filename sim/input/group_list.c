/* SPDX-License-Identifier: MIT */
#include "sim/input/group_list.h"

#include "sim/input/lspci_import.h"
#include "sim/input/lspci_names.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Cut @p word off the front, in whatever case. */
static bool skip_word(struct slice *rest, const char *word)
{
    size_t length = strlen(word);
    if (slice_length(*rest) < length || strncasecmp(rest->at, word, length) != 0)
        return false;
    rest->at += length;
    return true;
}

static void skip_any(struct slice *rest, const char *characters)
{
    while (rest->at < rest->end && *rest->at && strchr(characters, *rest->at))
        rest->at++;
}

/* "Group", and what loops that were translated print. */
static bool skip_group_word(struct slice *rest)
{
    static const char *const words[] = {"groupe", "group", "gruppe", "grupo", "gruppo", "grp"};
    size_t i = 0;
    while (i < sizeof(words) / sizeof(words[0]) && !skip_word(rest, words[i]))
        i++;
    return i < sizeof(words) / sizeof(words[0]);
}

/* "IOMMU Group 12:", "### Group 12 ###", "IOMMU group: 12", "Groupe IOMMU 12" */
static bool skip_group(struct slice *line, uint64_t *group, bool *colon_first)
{
    struct slice rest = *line;
    skip_any(&rest, "#*=-~[( ");
    bool named = skip_word(&rest, "iommu");
    skip_any(&rest, named ? " -_" : "");
    if (!skip_group_word(&rest))
        return false;
    struct slice before = rest;
    skip_any(&rest, " ");
    if (!named && skip_word(&rest, "iommu"))
        before = rest;
    skip_any(&rest, " \t#:=");
    *colon_first = memchr(before.at, ':', (size_t)(rest.at - before.at)) != NULL;
    if (rest.at == before.at || !slice_number(&rest, 10, 1, 9, group))
        return false;
    if (rest.at < rest.end && isalnum((unsigned char)*rest.at))
        return false;
    skip_any(&rest, " \t:])|-=>#*~,");
    *line = rest;
    return true;
}

/* What tree draws before a name ("│   ├── ", "|   `-- "), a bullet, or the number of a list ("2. "). */
static bool skip_branch(struct slice *line)
{
    static const char *const marks[] = {"*", "-", "+", "|", "`", " ", "\t", "├", "│", "└", "─", "•"};
    struct slice rest = *line;
    uint64_t number;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]);)
        i = slice_skip(&rest, marks[i]) ? 0 : i + 1;
    struct slice numbered = rest;
    if (slice_number(&numbered, 10, 1, 3, &number) && slice_skip(&numbered, ". "))
        rest = slice_trim(numbered);
    bool found = rest.at > line->at;
    *line = rest;
    return found;
}

/* "├── 12": a folder of groups in tree's drawing */
static bool tree_heading(struct slice line, uint64_t *group)
{
    return (slice_find(line, "── ") || slice_find(line, "-- ")) && skip_branch(&line) &&
           slice_number(&line, 10, 1, 9, group) && slice_length(line) == 0;
}

/* "12 0000:00:01.0 PCI bridge: ...", "12: 0000:00:01.0 ...". Behind a tab the short address without segment
 * does not count: cat -n and nl number the lines of any dump so. */
static bool skip_number(struct slice *line, uint64_t *group)
{
    struct lspci_header header;
    struct slice rest = *line;
    if (!slice_number(&rest, 10, 1, 9, group))
        return false;
    slice_skip(&rest, ":");
    if (rest.at == rest.end || (*rest.at != ' ' && *rest.at != '\t'))
        return false;
    bool tab = *rest.at == '\t';
    rest = slice_trim(rest);
    if (!lspci_header_parse(rest, &header) || (tab && slice_length(rest) > 2 && rest.at[2] == ':'))
        return false;
    *line = rest;
    return true;
}

static void start_group(struct group_list *listing, uint64_t group, bool heading)
{
    listing->active = true;
    listing->group = (uint32_t)group;
    listing->used = listing->gap = false;
    listing->once = !heading;
    listing->at_column = listing->column;
}

/* A group whose name is nothing but its number. */
static bool take_number(struct group_list *listing, struct slice *line)
{
    uint64_t group;
    bool heading = tree_heading(*line, &group);
    if (!heading && !skip_number(line, &group))
        return false;
    start_group(listing, group, heading);
    return heading;
}

/* "1. IOMMU Group 12:" */
static bool skip_listed_group(struct slice *line, uint64_t *group, bool *colon_first)
{
    struct slice rest = *line;
    if (skip_group(line, group, colon_first))
        return true;
    if (!skip_branch(&rest) || !skip_group(&rest, group, colon_first))
        return false;
    *line = rest;
    return true;
}

bool group_list_heading(struct group_list *listing, bool inside, struct slice *line)
{
    uint64_t group;
    bool colon_first;
    struct slice rest = *line;
    if (take_number(listing, line))
        return true;
    if (!skip_listed_group(&rest, &group, &colon_first))
        return false;
    bool heading = slice_length(rest) == 0;
    if (heading && colon_first && inside && !listing->colon_heading)
        return false; /* lspci -v says so of its function */
    listing->colon_heading |= heading && colon_first;
    start_group(listing, group, heading);
    *line = rest;
    return heading;
}

struct slice group_list_line(struct group_list *listing, struct slice raw)
{
    enum { TAB = 8 };
    listing->column = 0;
    for (; raw.at < raw.end && strchr(" \t>|", *raw.at) && *raw.at; raw.at++)
        listing->column = *raw.at == ' '    ? listing->column + 1
                          : *raw.at == '\t' ? (listing->column / TAB + 1) * TAB
                                            : 0;
    return slice_trim(raw);
}

void group_list_use(struct group_list *listing)
{
    listing->used = true;
}

void group_list_other(struct group_list *listing, struct slice line)
{
    if (slice_length(line) == 0)
        listing->gap |= listing->used;
    else
        listing->active &= !listing->gap;
}

/* "Host bridge     Starship/Matisse Root Complex", without the colon that lspci prints */
static bool take_columns(struct slice line, struct lspci_header *header)
{
    header->class_known = lspci_skip_class(&line, &header->class_code);
    header->rest = slice_trim(line);
    lspci_header_settle(header);
    return header->class_known;
}

/* Ids and marks before the address: "[8086:1901] [R] " */
static bool skip_marks(struct slice *line, struct lspci_header *ids)
{
    uint64_t vendor, device;
    while (line->at < line->end && *line->at == '[') {
        const char *end = memchr(line->at, ']', slice_length(*line));
        if (!end)
            return false;
        struct slice inner = {line->at + 1, end};
        if (slice_number(&inner, 16, 4, 4, &vendor) && slice_skip(&inner, ":") &&
            slice_number(&inner, 16, 4, 4, &device) && inner.at == inner.end) {
            ids->vendor = (uint16_t)vendor;
            ids->device = (uint16_t)device;
            ids->device_known = true;
        }
        line->at = end + 1;
        *line = slice_trim(*line);
    }
    return true;
}

/* Take what follows marks: a header of lspci, or columns. */
static bool parse_item(const struct group_list *listing, struct slice line, struct lspci_header *header)
{
    return lspci_header_parse(line, header) ||
           (listing->active && lspci_header_address(&line, header) && take_columns(line, header));
}

/* "... [8086:1901] (rev 02) IOMMU group 1", with or without brackets: cut it off. */
static bool group_behind(struct lspci_header *header, uint64_t *group)
{
    for (const char *at = header->rest.end; at > header->rest.at; at--) {
        struct slice rest = {at, header->rest.end};
        bool colon_first;
        if ((*at != 'I' && *at != 'i') || !skip_group(&rest, group, &colon_first) || slice_length(rest) > 0)
            continue;
        header->rest.end = at;
        while (header->rest.end > header->rest.at && strchr(" \t([,-", header->rest.end[-1]))
            header->rest.end--;
        lspci_header_settle(header);
        return true;
    }
    return false;
}

bool group_list_item(struct group_list *listing, struct slice line, struct lspci_header *header)
{
    struct lspci_header ids = {0};
    uint64_t group;
    bool bullet = skip_branch(&line);
    bool marked = line.at < line.end && *line.at == '[';
    if (marked && (!listing->active || !skip_marks(&line, &ids)))
        return false;
    if (!parse_item(listing, line, header))
        return false;
    bool loose = listing->used && (listing->gap || listing->once);
    if (loose && !bullet && !marked && listing->column <= listing->at_column)
        listing->active = false;
    listing->gap &= !listing->active;
    if (ids.device_known) {
        header->vendor = ids.vendor;
        header->device = ids.device;
        header->vendor_known = header->device_known = true;
        header->ids_named = false;
    }
    if (!listing->active && group_behind(header, &group))
        start_group(listing, group, false);
    return true;
}

/* What follows the group and the marks of a line, if any. */
static struct slice skip_prefix(struct slice line)
{
    struct group_list none = {0};
    struct lspci_header ids;
    group_list_heading(&none, false, &line);
    struct slice rest = line;
    return skip_marks(&rest, &ids) ? rest : line;
}

/* Is it a header whose class is known? Two lines of other things seldom make one. */
static bool is_whole(struct slice line)
{
    struct lspci_header header;
    return lspci_header_parse(skip_prefix(line), &header) && header.class_known;
}

const char *group_list_next_item(struct slice line)
{
    struct slice rest = skip_prefix(line), word;
    struct lspci_header header;
    if (!lspci_header_address(&rest, &header))
        return NULL;
    while (slice_next_word(&rest, &word)) {
        size_t limit = (size_t)(line.end - word.at);
        if (is_whole(
                (struct slice){word.at, word.at + (limit < GROUP_LIST_JOINED ? limit : GROUP_LIST_JOINED)}))
            return word.at;
    }
    return NULL;
}

/* Does an address start the line, with or without anything behind it? */
static bool has_address(struct slice line)
{
    char text[GROUP_LIST_JOINED];
    struct slice rest = skip_prefix(line);
    struct lspci_header header;
    size_t length = slice_length(rest);
    if (length == 0 || length + 1 > sizeof(text) || hex_digit(*rest.at) < 0)
        return false;
    memcpy(text, rest.at, length);
    text[length] = ' ';
    struct slice padded = {text, text + length + 1};
    return lspci_header_address(&padded, &header);
}

unsigned group_list_join(struct slice *line, struct slice *rest, char *joined)
{
    enum { MORE_LINES = 2 };
    struct slice after = *rest, next;
    size_t length = slice_length(*line);
    struct lspci_header header;
    if (length > GROUP_LIST_JOINED || !has_address(*line) || lspci_header_parse(skip_prefix(*line), &header))
        return 0;
    memcpy(joined, line->at, length);
    for (unsigned taken = 1; taken <= MORE_LINES && slice_next_line(&after, &next); taken++) {
        next = lspci_unquote(next);
        size_t more = slice_length(next);
        if (more == 0 || length + 1 + more > GROUP_LIST_JOINED || has_address(next))
            return 0;
        joined[length] = ' ';
        memcpy(joined + length + 1, next.at, more);
        length += 1 + more;
        if (is_whole((struct slice){joined, joined + length})) {
            *line = (struct slice){joined, joined + length};
            *rest = after;
            return taken;
        }
    }
    return 0;
}
