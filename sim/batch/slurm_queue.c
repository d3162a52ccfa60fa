/* SPDX-License-Identifier: MIT */
/* What Slurm's queue says, for `sweep status`. */
#include "sim/base/status.h"
#include "sim/batch/outside_program.h"
#include "sim/batch/slurm.h"
#include "sim/input/source_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The job numbers with commas between; "" where there are none. */
static void read_jobs(const char *folder, struct text_buffer *jobs)
{
    struct text_buffer path = {0};
    struct source_text source;
    struct diagnostics *unheard = diagnostics_new(1);
    text_buffer_format(&path, "%s/slurm/jobs", folder);
    if (access(path.text, R_OK) == 0 && source_file_read(path.text, &source, unheard) == STATUS_OK) {
        for (const char *at = source.text; *at; at += strcspn(at, "\n") + (at[strcspn(at, "\n")] != '\0')) {
            text_buffer_add(jobs, jobs->length ? "," : "");
            text_buffer_append(jobs, at, strcspn(at, "\n"));
        }
        source_file_fini(&source);
    }
    diagnostics_free(unheard);
    text_buffer_fini(&path);
}

bool slurm_used(const char *folder)
{
    struct text_buffer jobs = {0};
    read_jobs(folder, &jobs);
    bool used = jobs.length > 0;
    text_buffer_fini(&jobs);
    return used;
}

struct queue_counts {
    unsigned waiting, running, held;
    char held_task[64], held_reason[64];
};

/* Lines "TASK|STATE|REASON". */
static void count_lines(const char *text, struct queue_counts *counts)
{
    for (const char *line = text; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] != '\0')) {
        size_t task = strcspn(line, "|"), state = line[task] ? strcspn(line + task + 1, "|") : 0;
        const char *reason = line + task + 1 + state + 1;
        if (!line[task] || !line[task + 1 + state])
            continue;
        bool held = memmem(reason, strcspn(reason, "\n"), "eld", 3) != NULL;
        counts->running += strncmp(line + task + 1, "RUNNING", 7) == 0;
        counts->waiting += strncmp(line + task + 1, "PENDING", 7) == 0 && !held;
        if (held && counts->held++ == 0) {
            snprintf(counts->held_task, sizeof(counts->held_task), "%.*s", (int)task, line);
            snprintf(counts->held_reason, sizeof(counts->held_reason), "%.*s", (int)strcspn(reason, "\n"),
                     reason);
        }
    }
}

static void print_nodes(struct text_buffer *out)
{
    static const char *const arguments[] = {
        "sinfo", "--noheader", "--Node", "--states=drain,down,fail", "--format=%N %T", NULL};
    struct text_buffer nodes = {0};
    if (outside_program_run(arguments, &nodes) == 0)
        for (const char *line = text_buffer_get(&nodes); *line;
             line += strcspn(line, "\n") + (line[strcspn(line, "\n")] != '\0'))
            if (*line != '\n')
                text_buffer_format(out, "warning: node %.*s: no task starts there\n",
                                   (int)strcspn(line, "\n"), line);
    text_buffer_fini(&nodes);
}

void slurm_queue_print(const char *folder, struct text_buffer *out)
{
    struct text_buffer jobs = {0}, list = {0}, lines = {0};
    struct queue_counts counts = {0};
    read_jobs(folder, &jobs);
    text_buffer_format(&list, "--jobs=%s", text_buffer_get(&jobs));
    /* --array: a line a task; a job that is long over makes squeue fail, and that is an answer, too. */
    const char *const arguments[] = {"squeue",  "--noheader", "--array", "--states=all", "--format=%i|%T|%r",
                                     list.text, NULL};
    if (jobs.length == 0) {
        text_buffer_fini(&list);
        return;
    }
    int ended = outside_program_run(arguments, &lines);
    if (ended == 127) {
        text_buffer_add(out, "Slurm: squeue cannot be started here; the queue is not known\n");
    } else {
        count_lines(text_buffer_get(&lines), &counts);
        text_buffer_format(out, "Slurm: %u tasks wait, %u run\n", counts.waiting, counts.running);
        if (counts.held)
            text_buffer_format(out,
                               "warning: %u tasks are held and will not start (%s: %s): `scancel %s` them; "
                               "`iommusim sweep resume` submits what is missing\n",
                               counts.held, counts.held_task, counts.held_reason, text_buffer_get(&jobs));
        print_nodes(out);
    }
    text_buffer_fini(&jobs);
    text_buffer_fini(&list);
    text_buffer_fini(&lines);
}
