/* SPDX-License-Identifier: MIT */
#include "sim/input/recognise.h"

#include "sim/base/status.h"
#include "sim/input/file_tree.h"
#include "sim/input/group_list.h"
#include "sim/input/group_table.h"
#include "sim/input/hwloc_reader.h"
#include "sim/input/kernel_log_reader.h"
#include "sim/input/lspci_fields.h"
#include "sim/input/lspci_import.h"
#include "sim/input/lspci_record.h"
#include "sim/input/sysfs_reader.h"

#include <string.h>

enum input_kind dump_recognise(const struct source_text *source)
{
    enum input_kind kind = INPUT_UNKNOWN;
    struct slice rest = {source->text, source->text + source->length}, line;
    struct lspci_header header;
    struct group_list listing = {0};
    struct group_table table = {0};
    struct group_table_row row;
    bool first = true;
    if (hwloc_recognise(source))
        return INPUT_HWLOC;
    while (slice_next_line(&rest, &line)) {
        if (kind == INPUT_UNKNOWN && group_table_line(&table, line, &row))
            kind = INPUT_GROUP_LIST;
        char joined[GROUP_LIST_JOINED];
        line = group_list_line(&listing, line);
        group_list_join(&line, &rest, joined);
        if (slice_length(line) == 0)
            continue;
        /* Our own topology files may hold dump-like lines in strings. */
        if (first && *line.at == '{')
            return INPUT_UNKNOWN;
        first = false;
        if (kind == INPUT_LSPCI_TEXT && lspci_is_row(line))
            return INPUT_LSPCI_HEX;
        if (lspci_fields_start(line, &header))
            kind = INPUT_LSPCI_TEXT;
        if (kind != INPUT_LSPCI_TEXT && !group_list_heading(&listing, false, &line)) {
            if (group_list_item(&listing, line, &header))
                kind = listing.active ? INPUT_GROUP_LIST : INPUT_LSPCI_TEXT;
            else if (kind == INPUT_UNKNOWN && group_list_may_have_path(&listing, line))
                kind = INPUT_GROUP_LIST;
        }
    }
    if ((kind == INPUT_UNKNOWN || kind == INPUT_GROUP_LIST) && kernel_log_recognise(source))
        kind = INPUT_KERNEL_LOG;
    return kind;
}

static int reject(const struct source_text *source, size_t offset, struct diagnostics *diagnostics,
                  const char *code, const char *text)
{
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, offset, NULL, code, "%s", text);
    return STATUS_BAD_INPUT;
}

/* A text may hold several kinds: a report with the log first and lspci after it. */
static void read_source(const struct source_text *source, struct dump *dump)
{
    dump_begin_source(dump, source);
    if (hwloc_recognise(source)) {
        hwloc_read(source, dump);
        return;
    }
    lspci_read(source, dump);
    if (kernel_log_recognise(source))
        kernel_log_read(source, dump);
}

static int check_text(const struct source_text *source, struct diagnostics *diagnostics)
{
    if (source->length == 0)
        return reject(source, DIAGNOSTIC_NO_OFFSET, diagnostics, "dump-empty", "the file is empty");
    const char *nul = memchr(source->text, '\0', source->length);
    if (nul)
        return reject(source, (size_t)(nul - source->text), diagnostics, "dump-binary",
                      "a NUL byte: this is no text; expected the output of lspci");
    if (dump_recognise(source) == INPUT_UNKNOWN)
        return reject(source, 0, diagnostics, "dump-unknown",
                      "no line starts a PCI function as lspci prints it, e.g. '00:1f.3 SMBus: ...'");
    return STATUS_OK;
}

/* A copy of /sys, and texts that lie beside it. */
static void read_tree(const struct file_tree *tree, struct dump *dump)
{
    bool found = sysfs_recognise(tree);
    dump_begin_source(dump, &tree->whole);
    if (found)
        sysfs_read(tree, dump);
    for (size_t i = 0; i < tree->count; i++) {
        const struct file_entry *entry = &tree->entries[i];
        if (entry->kind != FILE_REGULAR || !sysfs_is_text(entry->path) ||
            memchr(entry->text.text, '\0', entry->text.length) ||
            dump_recognise(&entry->text) == INPUT_UNKNOWN)
            continue;
        read_source(&entry->text, dump);
        found = true;
    }
    if (!found)
        reject(&tree->whole, DIAGNOSTIC_NO_OFFSET, dump->diagnostics, "sysfs-empty",
               "no PCI function and no text that a dump is recognised in; expected a copy of "
               "/sys/bus/pci/devices");
}

int dump_import_files(const struct input_file *files, size_t count, struct topology **topology,
                      struct diagnostics *diagnostics)
{
    struct dump *dump = dump_new(diagnostics);
    unsigned errors = diagnostics_errors(diagnostics);
    for (size_t i = 0; i < count; i++) {
        if (files[i].tree)
            read_tree(files[i].tree, dump);
        else if (check_text(&files[i].text, diagnostics) == STATUS_OK)
            read_source(&files[i].text, dump);
    }
    if (diagnostics_errors(diagnostics) > errors) {
        dump_free(dump);
        return STATUS_BAD_INPUT;
    }
    *topology = dump_finish(dump);
    return *topology ? STATUS_OK : STATUS_BAD_INPUT;
}

int dump_import(const struct source_text *source, struct topology **topology, struct diagnostics *diagnostics)
{
    const struct input_file file = {.path = source->name, .text = *source};
    return dump_import_files(&file, 1, topology, diagnostics);
}
