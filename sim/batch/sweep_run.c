/* SPDX-License-Identifier: MIT */
/* Computing the points of a sweep that are not there. */
#include "sim/batch/sweep.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/scenario_run.h"
#include "sim/batch/worker_pool.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FINDINGS_KEPT = 5 };

struct sweep_work {
    struct sweep *sweep;
    const struct sweep_options *options;
    struct sweep_progress *progress;
    struct diagnostics *diagnostics;
    uint64_t next; /* of the points wanted */
    int status;    /* of the parent: what keeps the sweep from going on */
};

/* What is wrong, as text. */
static void print_findings(const struct diagnostics *diagnostics, struct text_buffer *out)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (!stream)
        return;
    diagnostics_print(diagnostics, stream);
    fclose(stream);
    text_buffer_append(out, text, length);
    free(text);
}

/* What was simulated must be what the key stands for. */
static int check_inputs(const struct sweep *sweep, struct diagnostics *diagnostics)
{
    const char *changed = input_hashes_changed(sweep->hashes);
    if (!changed)
        return STATUS_OK;
    const struct source_text source = {changed, NULL, 0};
    diagnostics_report(
        diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, "sweep-input-changed",
        "the file changed while the study ran; `iommusim sweep resume %s` goes on with it as it "
        "is now",
        sweep->folder);
    return STATUS_BAD_INPUT;
}

/* In a worker: the answer is 0, 1 where the point has failed and is recorded so, or a status that no point is
 * to blame for. */
static int work(void *context, uint64_t point)
{
    struct sweep_work *all = context;
    struct scenario *scenario = NULL;
    struct text_buffer inputs = {0}, text = {0};
    struct diagnostics *diagnostics = diagnostics_new(FINDINGS_KEPT);
    if (all->sweep->lock >=
        0) { /* the parent's: a killed sweep must not hold it until its workers are gone */
        close(all->sweep->lock);
        all->sweep->lock = -1;
    }
    char key[POINT_KEY_SIZE];
    int status = sweep_point(all->sweep, point, &scenario, key, &inputs, diagnostics), failed = 0;
    if (status == STATUS_OK) {
        status = scenario_run_whole(scenario, &text, diagnostics);
        if (status < 0) {
            failed = 1;
            text_buffer_fini(&text);
            print_findings(diagnostics, &text);
        }
        diagnostics_free(diagnostics);
        diagnostics = diagnostics_new(FINDINGS_KEPT);
        status = check_inputs(all->sweep, diagnostics);
        if (status == STATUS_OK)
            status = result_store_write(all->sweep->folder, key, failed ? STORED_FAILURE : STORED_RESULT,
                                        text_buffer_get(&inputs), &text, diagnostics);
        scenario_free(scenario);
    }
    if (status < 0)
        diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    text_buffer_fini(&inputs);
    text_buffer_fini(&text);
    return status < 0 ? status : failed;
}

/* The next point that is missing. */
static uint64_t next(void *context)
{
    struct sweep_work *all = context;
    uint64_t points = all->progress->points;
    while (all->status == STATUS_OK && all->next < points) {
        uint64_t point = all->options->only ? all->options->only[all->next] : all->next;
        char key[POINT_KEY_SIZE];
        all->next++;
        if (point >= study_points(all->sweep->study))
            continue; /* of a plan for another study */
        all->status = sweep_key(all->sweep, point, key, NULL, all->diagnostics);
        if (all->status < 0)
            break;
        enum stored_state state = result_store_read(all->sweep->folder, key, NULL);
        if (state == STORED_RESULT || (state == STORED_FAILURE && !all->options->retry_failed)) {
            all->progress->there++;
            all->progress->failed += state == STORED_FAILURE;
            continue;
        }
        all->progress->damaged += state == STORED_DAMAGED;
        return point;
    }
    return NO_TASK;
}

static void print_end(const struct sweep_work *all, const struct worker_outcome *outcome,
                      struct text_buffer *out)
{
    const struct study *study = all->sweep->study;
    if (outcome->signal == SIGPROF)
        text_buffer_format(out, "more than %" PRIu64 " ms of CPU time\n", study->cpu_limit_ms);
    else if (outcome->signal == SIGKILL)
        text_buffer_add(out, "the point was killed, by hand or for want of memory\n");
    else if (outcome->signal)
        text_buffer_format(out, "the simulator crashed: %s\n", strsignal(outcome->signal));
    else if (outcome->status == 3)
        text_buffer_format(out, "more than %" PRIu64 " MiB of memory\n", study->memory_limit >> 20);
    else
        text_buffer_format(out, "the simulator ended with exit status %d\n", outcome->status);
    text_buffer_add(out, outcome->errors);
}

/* A worker died: the parent records the failure. */
static int record_failure(const struct sweep_work *all, uint64_t point, const struct worker_outcome *outcome)
{
    struct scenario *scenario;
    struct text_buffer inputs = {0}, text = {0};
    char key[POINT_KEY_SIZE];
    print_end(all, outcome, &text);
    int status = sweep_point(all->sweep, point, &scenario, key, &inputs, all->diagnostics);
    if (status == STATUS_OK) {
        scenario_free(scenario);
        status = result_store_write(all->sweep->folder, key, STORED_FAILURE, text_buffer_get(&inputs), &text,
                                    all->diagnostics);
    }
    text_buffer_fini(&inputs);
    text_buffer_fini(&text);
    return status;
}

static void done(void *context, uint64_t point, const struct worker_outcome *outcome)
{
    struct sweep_work *all = context;
    if (!outcome->survived) {
        all->progress->failed++;
        int status = record_failure(all, point, outcome);
        all->status = all->status ? all->status : status;
    } else if (outcome->status < 0) {
        const struct source_text source = {all->sweep->folder, NULL, 0};
        diagnostics_report(all->diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL,
                           "sweep-store", "point %" PRIu64 " cannot be kept: %s: %.*s", point,
                           status_text(outcome->status), (int)strcspn(outcome->errors, "\n"),
                           outcome->errors);
        all->status = outcome->status;
    } else {
        all->progress->failed += outcome->status == 1;
        all->progress->done += outcome->status == 0;
    }
}

static bool tick(void *context)
{
    const struct sweep_work *all = context;
    return !all->options->tick || all->options->tick(all->options->context, all->progress);
}

int sweep_run(struct sweep *sweep, const struct sweep_options *options, struct sweep_progress *progress,
              struct diagnostics *diagnostics)
{
    *progress =
        (struct sweep_progress){.points = options->only ? options->only_count : study_points(sweep->study)};
    struct sweep_work all = {
        .sweep = sweep, .options = options, .progress = progress, .diagnostics = diagnostics};
    const struct worker_pool pool = {
        .workers = options->workers,
        .cpu_limit_ms = sweep->study->cpu_limit_ms,
        .memory_limit = sweep->study->memory_limit,
        .context = &all,
        .next = next,
        .work = work,
        .done = done,
        .tick = tick,
    };
    fflush(NULL);
    int status = worker_pool_run(&pool);
    if (status == STATUS_MEMORY)
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "sweep-processes",
                           "no more processes can be started");
    return all.status < 0 ? all.status : status;
}
