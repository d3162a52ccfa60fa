/* SPDX-License-Identifier: MIT */
/* iommusim sweep STUDY: compute a study; the words status, show, point and collect ask about one */
#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/base/units.h"
#include "sim/batch/point_metrics.h"
#include "sim/batch/scenario_run.h"
#include "sim/batch/slurm.h"
#include "sim/batch/study_check.h"
#include "sim/batch/study_sentence.h"
#include "sim/batch/sweep.h"
#include "sim/cli/commands.h"
#include "sim/cli/run_progress.h"
#include "sim/cli/sweep_words.h"
#include "sim/output/output_file.h"

#include <argp.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_ANSWER_NO = 1, EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20, WORKERS_MAX = 1024, SAMPLE_POINTS = 8 };

enum {
    OPTION_DRY_RUN = 256,
    OPTION_RESUME,
    OPTION_RETRY,
    OPTION_ENGINE,
    OPTION_CHUNK,
    OPTION_SBATCH,
    OPTION_PLAN,
    OPTION_TASK
};
enum { SBATCH_MAX = 32 };

static const struct argp_option options[] = {
    {"output", 'o', "FOLDER", 0,
     "Where the results go, made if it is missing (the study's name and \"-results\", here)", 0},
    {"jobs", 'j', "N", 0, "Points computed at a time (as many as there are processors)", 0},
    {"dry-run", OPTION_DRY_RUN, NULL, 0,
     "Say how many points there are and, from a sample, how long they take", 0},
    {"resume", OPTION_RESUME, NULL, 0, "Go on only where FOLDER has this study already", 0},
    {"retry-failed", OPTION_RETRY, NULL, 0, "Compute points once more that have failed", 0},
    {"engine", OPTION_ENGINE, "ENGINE", 0,
     "local: processes here (default); slurm: a job array, which is submitted and not waited for", 0},
    {"chunk", OPTION_CHUNK, "N", 0, "Slurm: points of a task (as many as take a minute)", 0},
    {"sbatch", OPTION_SBATCH, "ARGUMENT", 0,
     "Slurm: hand ARGUMENT to sbatch (--sbatch=--partition=long); may repeat", 0},
    {"quiet", 'q', NULL, 0, "No progress on standard error", 0},
    {"plan", OPTION_PLAN, "FILE", OPTION_HIDDEN, "In a task of Slurm: the plan", 0},
    {"task", OPTION_TASK, "N", OPTION_HIDDEN, "In a task of Slurm: its number", 0},
    {0},
};

static const char doc[] =
    "Compute every point of a study, on all processors. What is there already is not computed again: a sweep "
    "that was stopped, however roughly, goes on with the same words and ends with the same results.\v"
    "STUDY is an iommusim-study/1 file, or a folder that has one. WORD is one of:\n"
    "  status FOLDER           how much of a study is there; with Slurm what its queue says\n"
    "  resume FOLDER           compute what is missing, or submit it where Slurm was used before\n"
    "  collect FOLDER          its results as one table: CSV, NDJSON or SQLite\n"
    "  show FOLDER KEY         a point: its parameters, its figures, the command that computes it again\n"
    "  point FOLDER KEY        compute a point again, here, and print its result\n"
    "  answer FOLDER           what the study's \"answer\" asks, in one line; STUDY prints it, too\n"
    "  best, pareto FOLDER     the best combination under conditions; those no other beats\n"
    "  sensitivity FOLDER      which axis matters for a figure\n"
    "  plot FOLDER             a figure over an axis, or two figures, as SVG and gnuplot data\n"
    "  search STUDY            the smallest hardware that meets a target, or the best figure, without\n"
    "                          the whole grid (also: STUDY --search=METHOD)\n"
    "`iommusim sweep WORD --help` has the options of a word, `iommusim schema study` the form of a study.\n"
    "Exit status: 0 all points have results, 1 some have failed, 2 bad usage or input, 3 files or resources, "
    "130 interrupted.";

struct sweep_choice {
    const char *study, *folder;
    unsigned jobs;
    bool dry_run, resume, retry, quiet;
    enum { ENGINE_OPEN, ENGINE_LOCAL, ENGINE_SLURM } engine;
    uint64_t chunk, task;
    const char *plan;
    const char *sbatch[SBATCH_MAX];
    size_t sbatch_count;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct sweep_choice *chosen = state->input;
    uint64_t number;
    switch (key) {
    case 'o':
        chosen->folder = text;
        return 0;
    case 'j':
        if (!number_parse(text, WORKERS_MAX, &number) || number == 0)
            argp_error(state, "'%s' is no number of jobs: 1 to %d", text, WORKERS_MAX);
        chosen->jobs = (unsigned)number;
        return 0;
    case 'q':
        chosen->quiet = true;
        return 0;
    case OPTION_DRY_RUN:
        chosen->dry_run = true;
        return 0;
    case OPTION_RESUME:
        chosen->resume = true;
        return 0;
    case OPTION_RETRY:
        chosen->retry = true;
        return 0;
    case OPTION_ENGINE:
        chosen->engine = strcmp(text, "slurm") == 0 ? ENGINE_SLURM : ENGINE_LOCAL;
        if (chosen->engine == ENGINE_LOCAL && strcmp(text, "local") != 0)
            argp_error(state, "unknown engine '%s': local or slurm", text);
        return 0;
    case OPTION_CHUNK:
        if (!number_parse(text, UINT32_MAX, &chosen->chunk) || chosen->chunk == 0)
            argp_error(state, "'%s' is no number of points", text);
        return 0;
    case OPTION_SBATCH:
        if (chosen->sbatch_count == SBATCH_MAX)
            argp_error(state, "more than %d times --sbatch", SBATCH_MAX);
        chosen->sbatch[chosen->sbatch_count++] = text;
        return 0;
    case OPTION_PLAN:
        chosen->plan = text;
        return 0;
    case OPTION_TASK:
        if (!number_parse(text, UINT32_MAX, &chosen->task))
            argp_error(state, "'%s' is no number of a task", text);
        return 0;
    case ARGP_KEY_ARG:
        if (chosen->study)
            argp_error(state, "one STUDY only, not also '%s'", text);
        chosen->study = text;
        return 0;
    case ARGP_KEY_END:
        if (!chosen->study)
            argp_error(state, "STUDY is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- how far it is ---- */

struct sweep_display {
    struct run_progress bar;
    bool quiet, terminal;
    struct timespec begun;
    unsigned tenths; /* said so far, where standard error is no terminal */
};

static double seconds_since(const struct timespec *begun)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begun->tv_sec) + (double)(now.tv_nsec - begun->tv_nsec) / 1e9;
}

static void print_rate(const struct sweep_display *display, const struct sweep_progress *progress,
                       uint64_t computed, const char *end)
{
    double seconds = seconds_since(&display->begun), rate = seconds > 0 ? (double)computed / seconds : 0;
    uint64_t left = progress->points - progress->there - computed;
    fprintf(stderr, "%" PRIu64 " of %" PRIu64 " points, %" PRIu64 " failed, %.1f a second, %.0f s left%s",
            progress->there + computed, progress->points, progress->failed, rate,
            rate > 0 ? (double)left / rate : 0, end);
}

static bool tick(void *context, const struct sweep_progress *progress)
{
    struct sweep_display *display = context;
    double seconds = seconds_since(&display->begun);
    uint64_t computed = progress->done + progress->failed;
    if (!display->quiet && seconds > 2) {
        unsigned tenths =
            (unsigned)((progress->there + computed) * 10 / (progress->points ? progress->points : 1));
        if (display->terminal) {
            fputs("\r", stderr);
            print_rate(display, progress, computed, "   ");
        } else if (tenths > display->tenths) {
            display->tenths = tenths;
            print_rate(display, progress, computed, "\n");
        }
    }
    return run_progress_step(&display->bar, 0);
}

/* ---- the sweep ---- */

static unsigned processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static struct sweep_options sweep_options_of(const struct sweep_choice *chosen)
{
    return (struct sweep_options){.workers = chosen->jobs ? chosen->jobs : processors(),
                                  .retry_failed = chosen->retry};
}

/* Points that were tried, and the names of all figures they have. */
struct sample {
    struct arena *arena;
    uint64_t tried, failed;
    double seconds;
    const char **names;
    size_t name_count, name_capacity;
};

static void take_name(void *context, const char *name, const char *value)
{
    struct sample *sample = context;
    (void)value;
    sample->names =
        memory_grow(sample->names, sample->name_count, &sample->name_capacity, sizeof(*sample->names));
    sample->names[sample->name_count++] = arena_string(sample->arena, name);
}

/* A point that fails is one of the study's failures, as in the sweep itself. */
static int try_point(struct sweep *sweep, uint64_t point, struct sample *sample,
                     struct diagnostics *diagnostics)
{
    struct scenario *scenario;
    struct text_buffer inputs = {0}, text = {0};
    char key[POINT_KEY_SIZE];
    struct timespec begun;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    int status = sweep_point(sweep, point, &scenario, key, &inputs, diagnostics);
    if (status == STATUS_OK) {
        struct diagnostics *own = diagnostics_new(ERRORS_SHOWN);
        if (scenario_run_whole(scenario, &text, own) < 0) {
            for (size_t i = 0; i < diagnostics_count(own) && sample->failed == 0; i++)
                diagnostics_pass(own, i, diagnostics);
            sample->failed++;
        }
        point_metrics_find(sweep->study, text_buffer_get(&text), take_name, sample);
        diagnostics_free(own);
        scenario_free(scenario);
    }
    text_buffer_fini(&inputs);
    text_buffer_fini(&text);
    sample->tried++;
    sample->seconds += seconds_since(&begun);
    return status;
}

static void print_estimate(const struct study *study, const struct sample *sample, unsigned jobs)
{
    uint64_t points = study_points(study);
    double each = sample->tried ? sample->seconds / (double)sample->tried : 0;
    printf("%" PRIu64 " points: %u combinations, %u repeats\n", points, study->combination_count,
           study->repeats);
    for (uint32_t i = 0; i < study->axis_count; i++) {
        const struct study_axis *axis = &study->axes[i];
        bool zipped = i && study->axes[i - 1].dimension == axis->dimension;
        printf("%s%s %u", i == 0 ? "axes: " : zipped ? " with " : " x ", axis->name, axis->place_count);
    }
    puts("");
    printf("about %.3f s a point (%" PRIu64 " tried%s", each, sample->tried, sample->failed ? "" : ")");
    if (sample->failed)
        printf(", %" PRIu64 " failed)", sample->failed);
    printf(", %.0f s in all on %u processors\n", each * (double)points / jobs, jobs);
}

/* A sample spread over the study; nothing of it is kept. */
static int estimate(struct sweep *sweep, const struct sweep_choice *chosen, struct diagnostics *diagnostics)
{
    uint64_t points = study_points(sweep->study), wanted = points < SAMPLE_POINTS ? points : SAMPLE_POINTS;
    struct sample sample = {.arena = arena_new()};
    int status = study_check(sweep->study, diagnostics);
    for (uint64_t i = 0; i < wanted && status == STATUS_OK; i++)
        status = try_point(sweep, points * i / wanted, &sample, diagnostics);
    if (status == STATUS_OK) {
        if (sample.failed < sample.tried)
            point_metrics_report_empty(sweep->study, sample.names, sample.name_count, diagnostics);
        print_estimate(sweep->study, &sample, chosen->jobs ? chosen->jobs : processors());
    }
    free(sample.names);
    arena_free(sample.arena);
    return status == STATUS_OK && sample.failed ? EXIT_ANSWER_NO : status;
}

static void print_summary(const struct sweep *sweep, const struct sweep_progress *progress, double seconds)
{
    fprintf(stderr, "%s: %" PRIu64 " points, %" PRIu64 " computed in %.1f s, %" PRIu64 " there before",
            sweep->folder, progress->points, progress->done, seconds, progress->there);
    if (progress->damaged)
        fprintf(stderr, ", %" PRIu64 " damaged files replaced", progress->damaged);
    if (progress->failed)
        fprintf(stderr, ", %" PRIu64 " failed", progress->failed);
    fputs("\n", stderr);
}

/* The study's answer in one line; why points have failed, also where no progress is wanted. */
static void say_results(struct sweep *sweep, bool failed, struct diagnostics *diagnostics)
{
    struct collected table;
    struct text_buffer line = {0};
    if ((!failed && !sweep->study->answer.of) || collect(sweep, &table, diagnostics) < 0)
        return;
    if (failed)
        sweep_print_failures(sweep, &table, stderr);
    if (study_sentence_print(&table, &line))
        output_file_write("-", text_buffer_get(&line), line.length, diagnostics);
    text_buffer_fini(&line);
    collected_free(&table);
}

static int compute(struct sweep *sweep, const struct sweep_choice *chosen, struct diagnostics *diagnostics)
{
    struct sweep_display display = {.quiet = chosen->quiet, .terminal = isatty(STDERR_FILENO) == 1};
    struct sweep_options wanted = sweep_options_of(chosen);
    struct sweep_progress progress;
    wanted.tick = tick;
    wanted.context = &display;
    clock_gettime(CLOCK_MONOTONIC, &display.begun);
    run_progress_begin(&display.bar);
    display.bar.shown = false; /* a line of its own is drawn */
    int status = sweep_run(sweep, &wanted, &progress, diagnostics);
    run_progress_end(&display.bar);
    if (display.terminal && !display.quiet)
        fputs("\r\033[K", stderr);
    if (!chosen->quiet || status < 0)
        print_summary(sweep, &progress, seconds_since(&display.begun));
    if (status == STATUS_OK)
        say_results(sweep, progress.failed, diagnostics);
    if (status == STATUS_INTERRUPTED)
        fprintf(stderr, "interrupted; `iommusim sweep %s` goes on\n", sweep->folder);
    return status < 0 ? status : progress.failed ? EXIT_ANSWER_NO : STATUS_OK;
}

/* One task of a job array: a chunk of the plan. No lock: several tasks write at a time, each its own points,
 * and where a point is computed twice the same bytes. */
static int compute_task(struct sweep *sweep, const struct sweep_choice *chosen,
                        struct diagnostics *diagnostics)
{
    uint64_t *points = NULL;
    struct sweep_options wanted = sweep_options_of(chosen);
    struct sweep_progress progress;
    int status = slurm_plan_read(chosen->plan, chosen->task, &points, &wanted.only_count, diagnostics);
    wanted.only = points;
    if (status == STATUS_OK && wanted.only_count)
        status = sweep_run(sweep, &wanted, &progress, diagnostics);
    free(points);
    return status;
}

static int submit(struct sweep *sweep, const struct sweep_choice *chosen, struct diagnostics *diagnostics)
{
    char *program = realpath("/proc/self/exe", NULL);
    const struct slurm_options wanted = {chosen->chunk, chosen->sbatch, chosen->sbatch_count, program,
                                         chosen->retry};
    struct slurm_submission submission;
    int status = slurm_submit(sweep, &wanted, &submission, diagnostics);
    free(program);
    if (status < 0)
        return status;
    if (submission.missing == 0)
        fprintf(stderr, "%s: nothing is missing\n", sweep->folder);
    else
        fprintf(stderr,
                "%s: job %s computes %" PRIu64 " points in %" PRIu64 " tasks of %" PRIu64
                "; `iommusim sweep status %s` says how far it is\n",
                sweep->folder, submission.job, submission.missing, submission.tasks, submission.chunk,
                sweep->folder);
    return STATUS_OK;
}

/* --resume: a mistyped folder must not begin a study anew. */
static bool folder_has_study(const struct sweep_choice *chosen)
{
    struct text_buffer path = {0};
    struct stat about;
    text_buffer_format(&path, "%s/study.json", chosen->folder ? chosen->folder : chosen->study);
    bool there = stat(path.text, &about) == 0;
    text_buffer_fini(&path);
    return there;
}

const struct argp sweep_argp = {options, parse_option, "STUDY\nWORD FOLDER ...", doc, NULL, NULL, NULL};

static int answer(struct sweep *sweep, const struct sweep_choice *chosen, struct diagnostics *diagnostics)
{
    bool slurm = chosen->engine == ENGINE_SLURM ||
                 (chosen->engine == ENGINE_OPEN && chosen->resume && slurm_used(sweep->folder));
    if (chosen->plan)
        return compute_task(sweep, chosen, diagnostics);
    if (chosen->dry_run)
        return estimate(sweep, chosen, diagnostics);
    return slurm ? submit(sweep, chosen, diagnostics) : compute(sweep, chosen, diagnostics);
}

static int sweep_study(int argc, char **argv)
{
    struct sweep_choice chosen = {0};
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&sweep_argp, argc, argv, 0, NULL, &chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    struct sweep sweep = {.lock = -1};
    int status;
    if (chosen.resume && !folder_has_study(&chosen)) {
        fprintf(stderr,
                "iommusim sweep: error: --resume, and %s has no study in it (give the folder, or -o)\n",
                chosen.folder ? chosen.folder : chosen.study);
        diagnostics_free(diagnostics);
        return EXIT_BAD_INPUT;
    }
    status = sweep_open(&sweep, chosen.study, chosen.folder, !chosen.dry_run && !chosen.plan, diagnostics);
    if (status == STATUS_OK)
        status = answer(&sweep, &chosen, diagnostics);
    sweep_close(&sweep);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status == EXIT_ANSWER_NO ? EXIT_ANSWER_NO : status_exit_code(status);
}

/* A word that is none, and no file either, is mistyped. @return false after saying so */
static bool check_word(const char *text)
{
    struct stat about;
    if (*text == '-' || stat(text, &about) == 0)
        return true;
    static const struct sweep_word resume = {"resume", NULL, NULL};
    size_t count = 0;
    while (sweep_words[count].name)
        count++;
    const char *near = nearest_name(text, &sweep_words[0].name, count, sizeof(sweep_words[0]));
    near = near ? near : nearest_name(text, &resume.name, 1, sizeof(resume));
    if (near)
        fprintf(stderr, "iommusim sweep: error: '%s' is neither a study nor a word, did you mean '%s'?\n",
                text, near);
    return near == NULL;
}

/* `sweep STUDY --search METHOD ...` is `sweep search STUDY --method METHOD ...`. @return false: it is not
 * that */
static bool search_asked_for(int argc, char **argv)
{
    static const char search[] = "--search";
    static char method[] = "--method";
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], search, strlen(search)) != 0 || !strchr("=", argv[i][strlen(search)]))
            continue;
        memcpy(argv[i], method, strlen(method)); /* equally long */
        return true;
    }
    return false;
}

int sweep_command(int argc, char **argv)
{
    static char name_of_search[] = "iommusim sweep search";
    if (search_asked_for(argc, argv)) {
        argv[0] = name_of_search;
        return sweep_search_word(argc, argv);
    }
    for (const struct sweep_word *word = sweep_words; argc > 1 && word->name; word++) {
        if (strcmp(argv[1], word->name) == 0) {
            char name[64];
            snprintf(name, sizeof(name), "%s %s", argv[0], word->name);
            argv[1] = name;
            return word->run(argc - 1, argv + 1);
        }
    }
    static char resume[] = "--resume";
    if (argc > 1 && strcmp(argv[1], "resume") == 0)
        argv[1] = resume;
    if (argc > 2 && !check_word(argv[1]))
        return EXIT_BAD_INPUT;
    return sweep_study(argc, argv);
}
