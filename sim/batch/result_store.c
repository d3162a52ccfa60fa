/* SPDX-License-Identifier: MIT */
#include "sim/batch/result_store.h"

#include "sim/base/status.h"
#include "sim/input/source_file.h"
#include "sim/output/output_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const char *folder_name(enum stored_state state)
{
    return state == STORED_FAILURE ? "failed" : "points";
}

static void print_path(const char *folder, const char *key, enum stored_state state, struct text_buffer *path)
{
    text_buffer_format(path, "%s/%s/%.2s/%s.json", folder, folder_name(state), key, key);
}

static void print_header(const char *key, enum stored_state state, const char *inputs, const char *body,
                         size_t length, struct text_buffer *out)
{
    XXH128_hash_t hash = XXH3_128bits(body, length);
    text_buffer_format(out,
                       "{\"format\": \"%s\", \"key\": \"%s\", \"xxh3_128\": \"%016" PRIx64 "%016" PRIx64
                       "\", \"inputs\": %s}\n",
                       state == STORED_FAILURE ? "iommusim-failed-point/1" : "iommusim-point/1", key,
                       (uint64_t)hash.high64, (uint64_t)hash.low64, inputs);
}

/* Is the text what its header says? Whoever wrote it wrote the header of this very body. */
static bool is_whole(const struct source_text *source, const char *key, enum stored_state state,
                     const char **body)
{
    static const char marker[] = ", \"inputs\": ";
    const char *end = memchr(source->text, '\n', source->length);
    const char *inputs = end ? strstr(source->text, marker) : NULL;
    if (!inputs || inputs > end || end[-1] != '}')
        return false;
    struct text_buffer header = {0}, text = {0};
    inputs += strlen(marker);
    text_buffer_append(&text, inputs, (size_t)(end - 1 - inputs));
    *body = end + 1;
    print_header(key, state, text_buffer_get(&text), *body, source->length - (size_t)(*body - source->text),
                 &header);
    size_t length = (size_t)(*body - source->text);
    bool same = header.length == length && memcmp(header.text, source->text, length) == 0;
    text_buffer_fini(&header);
    text_buffer_fini(&text);
    return same;
}

static enum stored_state read_one(const char *folder, const char *key, enum stored_state state,
                                  struct text_buffer *out)
{
    struct text_buffer path = {0};
    struct source_text source;
    const char *body;
    print_path(folder, key, state, &path);
    struct diagnostics *unheard = diagnostics_new(1);
    int status =
        access(path.text, F_OK) == 0 ? source_file_read(path.text, &source, unheard) : STATUS_FILE_OPEN;
    bool there = access(path.text, F_OK) == 0;
    diagnostics_free(unheard);
    text_buffer_fini(&path);
    if (status < 0)
        return there ? STORED_DAMAGED : STORED_NOTHING;
    bool whole = is_whole(&source, key, state, &body);
    if (whole && out)
        text_buffer_append(out, body, source.length - (size_t)(body - source.text));
    source_file_fini(&source);
    return whole ? state : STORED_DAMAGED;
}

enum stored_state result_store_read(const char *folder, const char *key, struct text_buffer *body)
{
    enum stored_state result = read_one(folder, key, STORED_RESULT, body);
    if (result != STORED_NOTHING)
        return result;
    return read_one(folder, key, STORED_FAILURE, body);
}

int result_store_write(const char *folder, const char *key, enum stored_state state, const char *inputs,
                       const struct text_buffer *body, struct diagnostics *diagnostics)
{
    struct text_buffer path = {0}, text = {0};
    print_path(folder, key, state, &path);
    print_header(key, state, inputs, text_buffer_get(body), body->length, &text);
    text_buffer_append(&text, text_buffer_get(body), body->length);
    int status = output_file_write(path.text, text.text, text.length, diagnostics);
    text_buffer_fini(&path);
    text_buffer_fini(&text);
    if (status == STATUS_OK && state == STORED_RESULT)
        result_store_forget_failure(folder, key);
    return status;
}

void result_store_forget_failure(const char *folder, const char *key)
{
    struct text_buffer path = {0};
    print_path(folder, key, STORED_FAILURE, &path);
    unlink(path.text);
    text_buffer_fini(&path);
}

static int make_folder(const char *path, struct diagnostics *diagnostics)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return STATUS_OK;
    const struct source_text source = {path, NULL, 0};
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, "file-create",
                       "cannot make the folder: %s", strerror(errno));
    return STATUS_FILE_WRITE;
}

enum { LEAVES = 256 }; /* subfolders, by the first two digits of the key */

int result_store_make(const char *folder, struct diagnostics *diagnostics)
{
    static const enum stored_state states[] = {STORED_RESULT, STORED_FAILURE};
    int status = make_folder(folder, diagnostics);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]) && status == STATUS_OK; i++) {
        struct text_buffer path = {0};
        text_buffer_format(&path, "%s/%s", folder, folder_name(states[i]));
        status = make_folder(path.text, diagnostics);
        for (unsigned leaf = 0; leaf < LEAVES && status == STATUS_OK; leaf++) {
            struct text_buffer below = {0};
            text_buffer_format(&below, "%s/%02x", path.text, leaf);
            status = make_folder(below.text, diagnostics);
            text_buffer_fini(&below);
        }
        text_buffer_fini(&path);
    }
    return status;
}

/* Files of a subfolder whose names have this end. @param remove  take them away */
static uint64_t count_leaf(const char *path, const char *end, bool remove)
{
    uint64_t count = 0;
    DIR *leaf = opendir(path);
    if (!leaf)
        return 0;
    for (const struct dirent *entry; (entry = readdir(leaf));) {
        size_t length = strlen(entry->d_name);
        if (length <= strlen(end) || strcmp(entry->d_name + length - strlen(end), end) != 0)
            continue;
        count++;
        if (remove)
            unlinkat(dirfd(leaf), entry->d_name, 0);
    }
    closedir(leaf);
    return count;
}

static uint64_t count_leaves(const char *folder, enum stored_state state, const char *end, bool remove)
{
    uint64_t count = 0;
    for (unsigned leaf = 0; leaf < LEAVES; leaf++) {
        struct text_buffer path = {0};
        text_buffer_format(&path, "%s/%s/%02x", folder, folder_name(state), leaf);
        count += count_leaf(path.text, end, remove);
        text_buffer_fini(&path);
    }
    return count;
}

uint64_t result_store_count(const char *folder)
{
    return count_leaves(folder, STORED_RESULT, ".json", false);
}

void result_store_clean(const char *folder)
{
    count_leaves(folder, STORED_RESULT, ".partial", true);
    count_leaves(folder, STORED_FAILURE, ".partial", true);
}
