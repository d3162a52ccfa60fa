/* SPDX-License-Identifier: MIT */
#include "sim/input/lspci_forms.h"

#include "sim/input/lspci_import.h"
#include "sim/input/lspci_record.h"

/* 00:02.0 "PCI bridge" "Red Hat, Inc." "QEMU PCIe Root port" -p00 ... */
static bool is_quoted_fields(struct slice line)
{
    struct lspci_header header;
    return lspci_header_address(&line, &header) && slice_skip(&line, "\"");
}

/* "-[0000:00]-+-00.0", with several root buses "-+-[0000:80]-" and " \\-[0000:00]-" */
static bool is_tree_root(struct slice line)
{
    uint64_t segment, bus;
    while (slice_skip(&line, "-") || slice_skip(&line, "+") || slice_skip(&line, "\\"))
        continue;
    return slice_skip(&line, "[") && slice_number(&line, 16, 4, 6, &segment) && slice_skip(&line, ":") &&
           slice_number(&line, 16, 2, 2, &bus) && slice_skip(&line, "]-");
}

const char *lspci_unread_form(const struct source_text *source, size_t *offset)
{
    struct slice rest = {source->text, source->text + source->length}, line;
    while (slice_next_line(&rest, &line)) {
        line = lspci_unquote(line);
        *offset = (size_t)(line.at - source->text);
        if (is_quoted_fields(line))
            return "lspci -mm (quoted fields)";
        if (is_tree_root(line))
            return "lspci -t (a tree)";
    }
    return NULL;
}
