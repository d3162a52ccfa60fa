/* SPDX-License-Identifier: MIT */
/* libFuzzer entry for copies of /sys; see tests/fuzz/README.md.
 *
 * Bytes that begin like an archive are one. Others are a folder: entries with a line "= f PATH" (or "d" for a
 * folder, "l" for a link) before their content, so that the fuzzer need not learn checksums. */
#include "sim/input/file_tree.h"
#include "sim/input/recognise.h"
#include "sim/input/sysfs_reader.h"
#include "tests/fuzz/fuzz_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line that starts an entry, or the end. */
static const char *next_entry(const char *at, const char *end)
{
    while (at < end && !(end - at >= 4 && at[0] == '=' && at[1] == ' ' && at[3] == ' ')) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    return at;
}

static struct file_tree *make_tree(const char *text, size_t size, struct diagnostics *diagnostics)
{
    struct file_tree *tree = file_tree_new("fuzz");
    const char *end = text + size, *at = next_entry(text, end);
    while (at < end) {
        const char *path = at + 4, *newline = memchr(path, '\n', (size_t)(end - path));
        const char *content = newline ? newline + 1 : end;
        const char *next = next_entry(content, end);
        size_t length = (size_t)((newline ? newline : end) - path);
        enum file_kind kind = at[2] == 'l' ? FILE_LINK : at[2] == 'd' ? FILE_FOLDER : FILE_REGULAR;
        char *name = fuzz_text((const uint8_t *)path, length);
        if (kind != FILE_REGULAR || sysfs_wants(name))
            file_tree_add(tree, kind, name, content, (size_t)(next - content), diagnostics);
        free(name);
        at = next;
    }
    file_tree_sort(tree);
    return tree;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    const struct source_text source = {"fuzz", text, size};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct input_file file = {.path = "fuzz"};
    struct topology *topology = NULL;
    int status = STATUS_OK;
    if (file_tree_is_archive(text, size))
        status = file_tree_read_archive(&source, sysfs_wants, &file.tree, diagnostics);
    else
        file.tree = make_tree(text, size, diagnostics);
    if (status == STATUS_OK && !file.tree->single)
        status = dump_import_files(&file, 1, &topology, diagnostics);
    if (topology || status < 0)
        fuzz_check_machine(topology, status, diagnostics, text);
    file_tree_free(file.tree);
    diagnostics_free(diagnostics);
    free(text);
    return 0;
}
