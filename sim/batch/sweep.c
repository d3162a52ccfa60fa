/* SPDX-License-Identifier: MIT */
#include "sim/batch/sweep.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/point_metrics.h"
#include "sim/batch/study_check.h"
#include "sim/input/source_file.h"
#include "sim/output/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct diagnostics *diagnostics, const char *path, int status, const char *code,
                const char *text)
{
    const struct source_text source = {path, NULL, 0};
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, code, "%s", text);
    return status;
}

static char *beside(const char *folder, const char *name)
{
    struct text_buffer path = {0};
    text_buffer_format(&path, "%s/%s", folder, name);
    return path.text;
}

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* "studies/walkers.json" -> "walkers-results" */
static char *default_folder(const char *path)
{
    struct text_buffer folder = {0};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    text_buffer_append(&folder, name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
    text_buffer_add(&folder, "-results");
    return folder.text;
}

/* The study a folder has. */
static int load_kept(struct sweep *sweep, struct diagnostics *diagnostics)
{
    struct source_text study, origin;
    char *path = beside(sweep->folder, "study.json"), *from = beside(sweep->folder, "origin");
    int status = STATUS_OK;
    if (access(path, R_OK) != 0 || access(from, R_OK) != 0)
        status = fail(diagnostics, sweep->folder, STATUS_BAD_INPUT, "sweep-no-study",
                      "this folder has no study in it: begin with `iommusim sweep STUDY -o FOLDER`");
    else
        status = source_file_read(path, &study, diagnostics);
    if (status == STATUS_OK) {
        status = source_file_read(from, &origin, diagnostics);
        if (status == STATUS_OK) {
            char *place = memory_string(origin.text);
            place[strcspn(place, "\n")] = '\0';
            study.name = path;
            status = study_load_source(&study, place, &sweep->study, diagnostics);
            free(place);
            source_file_fini(&origin);
        }
        source_file_fini(&study);
    }
    free(path);
    free(from);
    return status;
}

static int lock_folder(struct sweep *sweep, struct diagnostics *diagnostics)
{
    char *path = beside(sweep->folder, "lock");
    int status = STATUS_OK;
    sweep->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (sweep->lock < 0)
        status = fail(diagnostics, path, STATUS_FILE_WRITE, "file-create", strerror(errno));
    else if (flock(sweep->lock, LOCK_EX | LOCK_NB) < 0)
        status = fail(diagnostics, sweep->folder, STATUS_FILE_OPEN, "sweep-busy",
                      "another sweep works in this folder; wait for it, or give another one with -o");
    free(path);
    return status;
}

static void note(struct diagnostics *diagnostics, const char *path, const char *code, const char *text)
{
    const struct source_text source = {path, NULL, 0};
    diagnostics_report(diagnostics, DIAGNOSTIC_NOTE, &source, DIAGNOSTIC_NO_OFFSET, NULL, code, "%s", text);
}

/* Is there a file at @p path with another text than the study's? */
static bool differs(const struct study *study, const char *path)
{
    struct source_text text;
    struct diagnostics *unheard = diagnostics_new(1);
    bool other = false;
    if (access(path, R_OK) == 0 && source_file_read(path, &text, unheard) == STATUS_OK) {
        other =
            text.length != study->source.length || memcmp(text.text, study->source.text, text.length) != 0;
        source_file_fini(&text);
    }
    diagnostics_free(unheard);
    return other;
}

/* Put the study into its folder, so that the folder tells all. */
static int keep_study(struct sweep *sweep, struct diagnostics *diagnostics)
{
    char *path = beside(sweep->folder, "study.json"), *from = beside(sweep->folder, "origin");
    struct text_buffer origin = {0};
    text_buffer_format(&origin, "%s\n", sweep->study->path);
    if (differs(sweep->study, path))
        note(diagnostics, sweep->folder, "sweep-other-study",
             "the study that was in this folder is replaced; results of points that are in both count");
    int status = output_file_write(path, sweep->study->source.text, sweep->study->source.length, diagnostics);
    if (status == STATUS_OK)
        status = output_file_write(from, origin.text, origin.length, diagnostics);
    text_buffer_fini(&origin);
    free(path);
    free(from);
    return status;
}

int sweep_open(struct sweep *sweep, const char *path, const char *folder, bool write,
               struct diagnostics *diagnostics)
{
    bool kept = is_folder(path);
    *sweep = (struct sweep){.lock = -1, .hashes = input_hashes_new()};
    sweep->folder = folder ? memory_string(folder) : kept ? memory_string(path) : default_folder(path);
    int status = kept ? load_kept(sweep, diagnostics) : study_load(path, &sweep->study, diagnostics);
    if (status < 0)
        return status;
    unsigned needed = point_metrics_sections(sweep->study);
    sweep->sections = needed | 1U << RESULT_STREAMS | 1U << RESULT_UNITS;
    if (!write)
        return STATUS_OK;
    status = study_check(sweep->study, diagnostics);
    if (status < 0)
        return status; /* nothing is written */
    status = result_store_make(sweep->folder, diagnostics);
    if (status == STATUS_OK)
        status = lock_folder(sweep, diagnostics);
    if (status == STATUS_OK) {
        result_store_clean(sweep->folder);
        if (!kept)
            status = keep_study(sweep, diagnostics);
        else if (differs(sweep->study, sweep->study->path))
            note(diagnostics, sweep->study->path, "sweep-study-changed",
                 "the study was changed since it was put into the folder, which goes on as it was; sweep the "
                 "file with "
                 "-o to take it as it is now");
    }
    return status;
}

void sweep_close(struct sweep *sweep)
{
    if (sweep->lock >= 0)
        close(sweep->lock);
    input_hashes_free(sweep->hashes);
    study_free(sweep->study);
    free(sweep->folder);
    *sweep = (struct sweep){.lock = -1};
}

int sweep_point(struct sweep *sweep, uint64_t point, struct scenario **scenario, char key[POINT_KEY_SIZE],
                struct text_buffer *inputs, struct diagnostics *diagnostics)
{
    int status = study_point_scenario(sweep->study, point, scenario, diagnostics);
    if (status < 0)
        return status;
    (*scenario)->sections &= sweep->sections;
    status = point_inputs_print(sweep->hashes, *scenario, inputs, diagnostics);
    if (status < 0)
        scenario_free(*scenario);
    else
        point_key_of(inputs, key);
    return status;
}

int sweep_key(struct sweep *sweep, uint64_t point, char key[POINT_KEY_SIZE], uint64_t *seed,
              struct diagnostics *diagnostics)
{
    struct scenario *scenario;
    struct text_buffer inputs = {0};
    int status = sweep_point(sweep, point, &scenario, key, &inputs, diagnostics);
    text_buffer_fini(&inputs);
    if (status < 0)
        return status;
    if (seed)
        *seed = scenario->seed;
    scenario_free(scenario);
    return STATUS_OK;
}

uint64_t sweep_find(struct sweep *sweep, const char *prefix, struct diagnostics *diagnostics)
{
    uint64_t found = UINT64_MAX, points = study_points(sweep->study);
    for (uint64_t point = 0; point < points; point++) {
        char key[POINT_KEY_SIZE];
        if (sweep_key(sweep, point, key, NULL, diagnostics) < 0)
            return UINT64_MAX;
        if (strncmp(key, prefix, strlen(prefix)) != 0)
            continue;
        if (found != UINT64_MAX)
            return UINT64_MAX;
        found = point;
    }
    return found;
}
