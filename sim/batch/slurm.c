/* SPDX-License-Identifier: MIT */
#include "sim/batch/slurm.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/outside_program.h"
#include "sim/batch/scenario_run.h"
#include "sim/input/source_file.h"
#include "sim/output/output_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TASK_SECONDS = 60, SAMPLE_POINTS = 4, ARRAY_SIZE_DEFAULT = 1001 };

static int fail(struct diagnostics *diagnostics, const char *path, int status, const char *code,
                const char *text)
{
    const struct source_text source = {path, NULL, 0};
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, path ? &source : NULL, DIAGNOSTIC_NO_OFFSET, NULL, code,
                       "%s", text);
    return status;
}

/* ---- what is missing, and how long it takes ---- */

struct missing {
    uint64_t *points;
    uint64_t count;
    size_t capacity;
};

static int find_missing(struct sweep *sweep, bool retry_failed, struct missing *missing,
                        struct diagnostics *diagnostics)
{
    for (uint64_t point = 0; point < study_points(sweep->study); point++) {
        char key[POINT_KEY_SIZE];
        int status = sweep_key(sweep, point, key, NULL, diagnostics);
        if (status < 0)
            return status;
        enum stored_state state = result_store_read(sweep->folder, key, NULL);
        if (state == STORED_RESULT || (state == STORED_FAILURE && !retry_failed))
            continue;
        missing->points =
            memory_grow(missing->points, missing->count, &missing->capacity, sizeof(*missing->points));
        missing->points[missing->count++] = point;
    }
    return STATUS_OK;
}

/* Seconds of one point, from a few; a point that fails is quick. */
static double sample(struct sweep *sweep, const struct missing *missing)
{
    struct timespec begun, ended;
    uint64_t taken = missing->count < SAMPLE_POINTS ? missing->count : SAMPLE_POINTS;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (uint64_t i = 0; i < taken; i++) {
        struct scenario *scenario;
        struct text_buffer inputs = {0}, text = {0};
        struct diagnostics *unheard = diagnostics_new(1);
        char key[POINT_KEY_SIZE];
        if (sweep_point(sweep, missing->points[missing->count * i / taken], &scenario, key, &inputs,
                        unheard) == STATUS_OK) {
            scenario_run_whole(scenario, &text, unheard);
            scenario_free(scenario);
        }
        diagnostics_free(unheard);
        text_buffer_fini(&inputs);
        text_buffer_fini(&text);
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    return ((double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9) /
           (double)(taken ? taken : 1);
}

/* Highest number of tasks in an array: MaxArraySize of `scontrol show config`, or Slurm's default. */
static uint64_t most_tasks(void)
{
    static const char *const arguments[] = {"scontrol", "show", "config", NULL};
    struct text_buffer out = {0};
    uint64_t size = ARRAY_SIZE_DEFAULT;
    if (outside_program_run(arguments, &out) == 0) {
        const char *line = strstr(text_buffer_get(&out), "MaxArraySize"),
                   *equal = line ? strchr(line, '=') : NULL;
        uint64_t told = equal ? strtoull(equal + 1, NULL, 10) : 0;
        if (told > 1)
            size = told;
    }
    text_buffer_fini(&out);
    return size - 1;
}

static uint64_t choose_chunk(struct sweep *sweep, const struct missing *missing, uint64_t wanted)
{
    uint64_t most = most_tasks(), chunk = wanted;
    if (chunk == 0) {
        double seconds = sample(sweep, missing);
        chunk = seconds * (double)missing->count > TASK_SECONDS ? (uint64_t)(TASK_SECONDS / seconds) + 1
                                                                : missing->count;
    }
    uint64_t least = (missing->count + most - 1) / most;
    return chunk < least ? least : chunk;
}

/* ---- files ---- */

static char *path_in(const struct sweep *sweep, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static char *path_in(const struct sweep *sweep, const char *format, ...)
{
    struct text_buffer path = {0};
    char *folder = realpath(sweep->folder, NULL), name[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    text_buffer_format(&path, "%s/slurm/%s", folder ? folder : sweep->folder, name);
    free(folder);
    return path.text;
}

/* The program as it is now: whoever builds another one meanwhile does not change the study. */
static int keep_program(const char *program, const char *path, struct diagnostics *diagnostics)
{
    struct source_text source;
    if (access(path, X_OK) == 0)
        return STATUS_OK;
    int status = source_file_read(program, &source, diagnostics);
    if (status < 0)
        return status;
    status = output_file_write(path, source.text, source.length, diagnostics);
    source_file_fini(&source);
    if (status == STATUS_OK && chmod(path, 0755) < 0)
        status = fail(diagnostics, path, STATUS_FILE_WRITE, "file-write", strerror(errno));
    return status;
}

static int write_plan(const struct missing *missing, uint64_t chunk, const char *path,
                      struct diagnostics *diagnostics)
{
    struct text_buffer text = {0};
    text_buffer_format(&text, "iommusim-plan/1 %" PRIu64 "\n", chunk);
    for (uint64_t i = 0; i < missing->count; i++)
        text_buffer_format(&text, "%" PRIu64 "\n", missing->points[i]);
    int status = output_file_write(path, text.text, text.length, diagnostics);
    text_buffer_fini(&text);
    return status;
}

/* A word for the shell, in single quotes. */
static void add_quoted(struct text_buffer *out, const char *word)
{
    text_buffer_add(out, "'");
    for (; *word; word++) {
        if (*word == '\'')
            text_buffer_add(out, "'\\''");
        else
            text_buffer_append(out, word, 1);
    }
    text_buffer_add(out, "'");
}

static int write_script(const struct sweep *sweep, const char *program, bool retry_failed, const char *plan,
                        const char *path, struct diagnostics *diagnostics)
{
    struct text_buffer text = {0};
    char *folder = realpath(sweep->folder, NULL);
    text_buffer_add(&text,
                    "#!/bin/sh\n# One task: a chunk of the plan. Points that are there are not computed "
                    "again.\nexec ");
    add_quoted(&text, program);
    text_buffer_add(&text, " sweep ");
    add_quoted(&text, folder ? folder : sweep->folder);
    text_buffer_add(&text, " --plan ");
    add_quoted(&text, plan);
    text_buffer_format(&text, "%s --task \"$SLURM_ARRAY_TASK_ID\" -j \"${SLURM_CPUS_ON_NODE:-1}\" -q\n",
                       retry_failed ? " --retry-failed" : "");
    int status = output_file_write(path, text.text, text.length, diagnostics);
    text_buffer_fini(&text);
    free(folder);
    return status;
}

static int note_job(const struct sweep *sweep, const struct slurm_submission *submission,
                    struct diagnostics *diagnostics)
{
    char *path = path_in(sweep, "jobs");
    struct text_buffer text = {0};
    struct source_text before;
    int status = STATUS_OK;
    if (access(path, F_OK) == 0) {
        status = source_file_read(path, &before, diagnostics);
        if (status == STATUS_OK) {
            text_buffer_append(&text, before.text, before.length);
            source_file_fini(&before);
        }
    }
    text_buffer_format(&text, "%s\n", submission->job);
    if (status == STATUS_OK)
        status = output_file_write(path, text.text, text.length, diagnostics);
    text_buffer_fini(&text);
    free(path);
    return status;
}

/* ---- submitting ---- */

static int call_sbatch(const struct sweep *sweep, const struct slurm_options *options, const char *script,
                       struct slurm_submission *submission, struct diagnostics *diagnostics)
{
    struct text_buffer array = {0}, output = {0}, answer = {0};
    char *prints = path_in(sweep, "task-%%A_%%a.txt");
    const char **arguments = memory_array(options->extra_count + 10, sizeof(*arguments));
    size_t count = 0;
    text_buffer_format(&array, "--array=0-%" PRIu64, submission->tasks - 1);
    text_buffer_format(&output, "--output=%s", prints);
    arguments[count++] = "sbatch";
    arguments[count++] = "--parsable";
    arguments[count++] = "--requeue";
    arguments[count++] = "--job-name=iommusim";
    arguments[count++] = array.text;
    arguments[count++] = output.text;
    for (size_t i = 0; i < options->extra_count; i++)
        arguments[count++] = options->extra[i];
    arguments[count++] = script;
    int ended = outside_program_run(arguments, &answer), status = STATUS_OK;
    if (ended == 127)
        status = fail(diagnostics, NULL, STATUS_LIMIT, "sweep-slurm",
                      "sbatch cannot be started: is Slurm there? `--engine local` needs none");
    else if (ended != 0)
        status = fail(diagnostics, NULL, STATUS_LIMIT, "sweep-slurm", "sbatch refused the job, see above");
    else /* "NUMBER" or "NUMBER;CLUSTER" */
        snprintf(submission->job, sizeof(submission->job), "%.*s",
                 (int)strcspn(text_buffer_get(&answer), ";\n"), text_buffer_get(&answer));
    free(arguments);
    free(prints);
    text_buffer_fini(&array);
    text_buffer_fini(&output);
    text_buffer_fini(&answer);
    return status;
}

/* Plans and scripts are numbered; a new job never touches the plan of one that may still run. */
static unsigned next_number(const struct sweep *sweep)
{
    for (unsigned number = 1;; number++) {
        char *path = path_in(sweep, "plan-%u.txt", number);
        bool there = access(path, F_OK) == 0;
        free(path);
        if (!there)
            return number;
    }
}

static int submit(struct sweep *sweep, const struct slurm_options *options, const struct missing *missing,
                  struct slurm_submission *submission, struct diagnostics *diagnostics)
{
    char *folder = path_in(sweep, "%s", ""), *program = path_in(sweep, "iommusim-%s", model_version);
    if (mkdir(folder, 0777) < 0 && errno != EEXIST) {
        int failed = fail(diagnostics, folder, STATUS_FILE_WRITE, "file-create", strerror(errno));
        free(folder);
        free(program);
        return failed;
    }
    unsigned number = next_number(sweep);
    char *plan = path_in(sweep, "plan-%u.txt", number), *script = path_in(sweep, "job-%u.sh", number);
    submission->chunk = choose_chunk(sweep, missing, options->chunk);
    submission->tasks = (missing->count + submission->chunk - 1) / submission->chunk;
    int status = keep_program(options->program, program, diagnostics);
    if (status == STATUS_OK)
        status = write_plan(missing, submission->chunk, plan, diagnostics);
    if (status == STATUS_OK)
        status = write_script(sweep, program, options->retry_failed, plan, script, diagnostics);
    if (status == STATUS_OK)
        status = call_sbatch(sweep, options, script, submission, diagnostics);
    if (status == STATUS_OK)
        status = note_job(sweep, submission, diagnostics);
    free(folder);
    free(program);
    free(plan);
    free(script);
    return status;
}

int slurm_submit(struct sweep *sweep, const struct slurm_options *options,
                 struct slurm_submission *submission, struct diagnostics *diagnostics)
{
    struct missing missing = {0};
    *submission = (struct slurm_submission){0};
    int status = find_missing(sweep, options->retry_failed, &missing, diagnostics);
    submission->missing = missing.count;
    if (status == STATUS_OK && missing.count)
        status = submit(sweep, options, &missing, submission, diagnostics);
    free(missing.points);
    return status;
}

/* ---- in a task ---- */

int slurm_plan_read(const char *plan, uint64_t task, uint64_t **points, uint64_t *count,
                    struct diagnostics *diagnostics)
{
    static const char magic[] = "iommusim-plan/1 ";
    struct source_text source;
    int status = source_file_read(plan, &source, diagnostics);
    if (status < 0)
        return status;
    char *at;
    uint64_t chunk =
        strncmp(source.text, magic, strlen(magic)) == 0 ? strtoull(source.text + strlen(magic), &at, 10) : 0;
    if (chunk == 0) {
        source_file_fini(&source);
        return fail(diagnostics, plan, STATUS_BAD_INPUT, "sweep-plan", "this is no plan of a sweep");
    }
    size_t capacity = 0;
    *points = NULL;
    *count = 0;
    for (uint64_t line = 0; *at && *++at; line++) {
        uint64_t point = strtoull(at, &at, 10);
        if (line / chunk != task)
            continue;
        *points = memory_grow(*points, *count, &capacity, sizeof(**points));
        (*points)[(*count)++] = point;
    }
    source_file_fini(&source);
    return STATUS_OK;
}
