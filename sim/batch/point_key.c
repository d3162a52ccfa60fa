/* SPDX-License-Identifier: MIT */
#include "sim/batch/point_key.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/input/source_file.h"
#include "sim/input/workload_reader.h"
#include "sim/output/result.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

struct input_file {
    char *path;
    char *content;            /* hash; NULL: cannot be read */
    struct text_buffer named; /* hashes of the files it names, as JSON strings with commas */
};

/* A file as it was when it was hashed. */
struct hashed_file {
    char *path;
    struct stat then;
};

struct input_hashes {
    struct input_file *files;
    size_t count, capacity;
    struct hashed_file *hashed; /* the files above and those they name */
    size_t hashed_count, hashed_capacity;
};

struct input_hashes *input_hashes_new(void)
{
    return memory_array(1, sizeof(struct input_hashes));
}

void input_hashes_free(struct input_hashes *hashes)
{
    if (!hashes)
        return;
    for (size_t i = 0; i < hashes->count; i++) {
        free(hashes->files[i].path);
        free(hashes->files[i].content);
        text_buffer_fini(&hashes->files[i].named);
    }
    for (size_t i = 0; i < hashes->hashed_count; i++)
        free(hashes->hashed[i].path);
    free(hashes->hashed);
    free(hashes->files);
    free(hashes);
}

/* Hash a file, and remember what it was like before that. @return malloc'ed, NULL where it cannot be read */
static char *hash_file(struct input_hashes *hashes, const char *path)
{
    struct stat then;
    size_t known = 0;
    while (known < hashes->hashed_count && strcmp(hashes->hashed[known].path, path) != 0)
        known++;
    if (known == hashes->hashed_count && stat(path, &then) == 0 && S_ISREG(then.st_mode)) {
        hashes->hashed = memory_grow(hashes->hashed, hashes->hashed_count, &hashes->hashed_capacity,
                                     sizeof(*hashes->hashed));
        hashes->hashed[hashes->hashed_count++] = (struct hashed_file){memory_string(path), then};
    }
    return result_hash_file(path);
}

const char *input_hashes_changed(const struct input_hashes *hashes)
{
    for (size_t i = 0; i < hashes->hashed_count; i++) {
        const struct stat *then = &hashes->hashed[i].then;
        struct stat now;
        if (stat(hashes->hashed[i].path, &now) < 0 || now.st_ino != then->st_ino ||
            now.st_dev != then->st_dev || now.st_size != then->st_size ||
            now.st_mtim.tv_sec != then->st_mtim.tv_sec || now.st_mtim.tv_nsec != then->st_mtim.tv_nsec)
            return hashes->hashed[i].path;
    }
    return NULL;
}

static void hash_text(const char *text, size_t length, char hash[POINT_KEY_SIZE])
{
    XXH128_hash_t digest = XXH3_128bits(text, length);
    snprintf(hash, POINT_KEY_SIZE, "%016" PRIx64 "%016" PRIx64, (uint64_t)digest.high64,
             (uint64_t)digest.low64);
}

void point_key_of(const struct text_buffer *inputs, char key[POINT_KEY_SIZE])
{
    hash_text(text_buffer_get(inputs), inputs->length, key);
}

/* A file named by a document: its content counts, where it is a file (a preset may be one of the program's).
 */
static void add_named(struct input_hashes *hashes, const char *beside, const char *name,
                      struct text_buffer *out)
{
    struct stat about;
    char *path = path_beside(beside, name);
    char *hash = path && stat(path, &about) == 0 && S_ISREG(about.st_mode) ? hash_file(hashes, path) : NULL;
    if (hash)
        text_buffer_format(out, "%s\"%s\"", out->length ? ", " : "", hash);
    free(hash);
    free(path);
}

/* Everything in a document that may name another file. */
static void scan(struct input_hashes *hashes, const cJSON *value, const char *path, struct text_buffer *out)
{
    bool names = value->string && (!strcmp(value->string, "preset") || !strcmp(value->string, "trace"));
    const cJSON *child;
    if (names && cJSON_IsString(value))
        add_named(hashes, path, value->valuestring, out);
    cJSON_ArrayForEach(child, value)
    {
        if (names && cJSON_IsString(child))
            add_named(hashes, path, child->valuestring, out);
        scan(hashes, child, path, out);
    }
}

static void scan_file(struct input_hashes *hashes, struct input_file *file)
{
    struct source_text source;
    struct diagnostics *unheard = diagnostics_new(1);
    if (source_file_read(file->path, &source, unheard) == STATUS_OK) {
        cJSON *root = cJSON_Parse(source.text); /* NULL: a dump names no files */
        if (root)
            scan(hashes, root, file->path, &file->named);
        cJSON_Delete(root);
        source_file_fini(&source);
    }
    diagnostics_free(unheard);
}

static const struct input_file *find_file(struct input_hashes *hashes, const char *path)
{
    for (size_t i = 0; i < hashes->count; i++)
        if (strcmp(hashes->files[i].path, path) == 0)
            return &hashes->files[i];
    hashes->files = memory_grow(hashes->files, hashes->count, &hashes->capacity, sizeof(*hashes->files));
    struct input_file *file = &hashes->files[hashes->count++];
    *file = (struct input_file){.path = memory_string(path), .content = hash_file(hashes, path)};
    if (file->content)
        scan_file(hashes, file);
    return file;
}

/* A file, or a one-line machine. */
static int print_file(struct input_hashes *hashes, const char *path, struct text_buffer *out,
                      struct diagnostics *diagnostics)
{
    if (strncmp(path, "synthetic:", strlen("synthetic:")) == 0) {
        text_buffer_json_string(out, path);
        return STATUS_OK;
    }
    const struct input_file *file = find_file(hashes, path);
    if (!file->content) {
        const struct source_text source = {path, NULL, 0};
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, "file-open",
                           "cannot be read");
        return STATUS_FILE_OPEN;
    }
    text_buffer_format(out, "\"%s\"%s%s", file->content, file->named.length ? ", " : "",
                       text_buffer_get(&file->named));
    return STATUS_OK;
}

/* A document that is part of the scenario. */
static int print_part(struct input_hashes *hashes, const struct scenario *scenario, const char *key,
                      struct text_buffer *out, struct diagnostics *diagnostics)
{
    struct text_buffer named = {0};
    char hash[POINT_KEY_SIZE];
    const cJSON *part = cJSON_GetObjectItemCaseSensitive(scenario->document.root, key);
    if (!part)
        return scenario_report_missing(scenario, key, diagnostics);
    char *text = cJSON_PrintUnformatted(part);
    hash_text(text, strlen(text), hash);
    scan(hashes, part, scenario->path, &named);
    text_buffer_format(out, "\"%s\"%s%s", hash, named.length ? ", " : "", text_buffer_get(&named));
    text_buffer_fini(&named);
    cJSON_free(text);
    return STATUS_OK;
}

/* The topology (of several dumps, one after the other), the workload. */
static int print_documents(struct input_hashes *hashes, const struct scenario *scenario,
                           struct text_buffer *out, struct diagnostics *diagnostics)
{
    const struct machine_files *files = &scenario->topology_files;
    int status = STATUS_OK;
    text_buffer_add(out, ", \"topology\": [");
    for (size_t i = 0; i < files->count && status == STATUS_OK; i++) {
        text_buffer_add(out, i ? ", " : "");
        status = print_file(hashes, files->paths[i], out, diagnostics);
    }
    if (files->count == 0)
        status = print_part(hashes, scenario, "topology", out, diagnostics);
    text_buffer_add(out, "], \"workload\": [");
    if (status == STATUS_OK)
        status = scenario->workload_path ? print_file(hashes, scenario->workload_path, out, diagnostics)
                                         : print_part(hashes, scenario, "workload", out, diagnostics);
    text_buffer_add(out, "]");
    return status;
}

/* An override may name a preset or a trace, too. */
static void print_override(struct input_hashes *hashes, const struct scenario *scenario,
                           const struct scenario_override *override, struct text_buffer *out)
{
    const char *value = strchr(override->text, '=');
    struct text_buffer named = {0};
    cJSON *parsed = value ? cJSON_Parse(value + 1) : NULL;
    const char *topology = scenario->topology_files.count ? scenario->topology_files.paths[0] : NULL,
               *beside = override->workload ? scenario->workload_path : topology;
    text_buffer_json_string(out, override->text);
    if (parsed) {
        const char *name = value;
        while (name > override->text && name[-1] != '/')
            name--;
        cJSON *holder = cJSON_CreateObject();
        char *key = memory_string(name);
        key[value - name] = '\0';
        cJSON_AddItemToObject(holder, key, parsed);
        scan(hashes, holder, beside ? beside : scenario->path, &named);
        cJSON_Delete(holder);
        free(key);
    }
    if (named.length)
        text_buffer_format(out, ", %s", named.text);
    text_buffer_fini(&named);
}

int point_inputs_print(struct input_hashes *hashes, const struct scenario *scenario, struct text_buffer *out,
                       struct diagnostics *diagnostics)
{
    text_buffer_format(out, "{\"model\": \"%s\"", model_version);
    int status = print_documents(hashes, scenario, out, diagnostics);
    if (status < 0)
        return status;
    text_buffer_add(out, ", \"overrides\": [");
    for (uint32_t i = 0; i < scenario->override_count; i++) {
        text_buffer_add(out, i ? ", " : "");
        print_override(hashes, scenario, &scenario->overrides[i], out);
    }
    text_buffer_add(out, "], \"cmdline\": ");
    if (scenario->cmdline)
        text_buffer_json_string(out, scenario->cmdline);
    else
        text_buffer_add(out, "null");
    text_buffer_format(out, ", \"iommu\": \"%s\", \"seed\": %" PRIu64 ", \"report\": %u}", scenario->iommu,
                       scenario->seed, scenario->sections);
    return STATUS_OK;
}
