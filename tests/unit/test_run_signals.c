/* SPDX-License-Identifier: MIT */
/* Signals to `iommusim run`: what it still tells, and with which exit status it ends. */
#include "sim/base/text_buffer.h"
#include "tests/unit/program.h"

#include <cJSON.h>
#include <check.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *run_signals_suite(void);

/* Wait until the process catches SIGINT: its run has begun. False where it ended before. */
static bool wait_for_handler(pid_t child)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)child);
    for (;;) {
        uint64_t caught = 0;
        FILE *status = fopen(path, "r");
        ck_assert_ptr_nonnull(status); /* a zombie still has it */
        while (fgets(line, sizeof(line), status)) {
            if (strncmp(line, "SigCgt:", 7) == 0)
                caught = strtoull(line + 7, NULL, 16);
            if (strncmp(line, "State:\tZ", 8) == 0)
                caught = UINT64_MAX;
        }
        fclose(status);
        if (caught == UINT64_MAX)
            return false;
        if (caught & UINT64_C(1) << (SIGINT - 1))
            return true;
        sched_yield();
    }
}

/* Run what would take years and signal it as timeout(1) does, twice in a row; its output and exit status. */
static char *run_and_signal(const char *format, int number, int *exit_status)
{
    char *absolute = program_path(), block[4096];
    int channel[2], status;
    struct text_buffer out = {0};
    ck_assert_int_eq(pipe(channel), 0);
    signal(SIGINT, SIG_DFL); /* libcheck's own handler would be taken for the program's */
    pid_t child = fork();
    if (child == 0) {
        if (dup2(channel[1], STDOUT_FILENO) >= 0 && dup2(channel[1], STDERR_FILENO) >= 0 &&
            chdir(program_folder()) == 0)
            execl(absolute, absolute, "run", "--topology", "synthetic:rp(ep)", "--workload", "long.json",
                  "-f", format, NULL);
        _exit(127);
    }
    close(channel[1]);
    ck_assert(wait_for_handler(child));
    kill(child, number);
    kill(child, number);
    for (ssize_t length; (length = read(channel[0], block, sizeof(block))) > 0;)
        text_buffer_append(&out, block, (size_t)length);
    close(channel[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    *exit_status = WEXITSTATUS(status);
    free(absolute);
    return out.text;
}

static void write_long_run(void)
{
    program_write_file("long.json",
                       "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"devices\": "
                       "\"all\", \"mappings\": [{\"iova\": \"0x0\", \"length\": \"1MiB\"}]}], \"streams\": "
                       "[{\"name\": \"s\", \"device\": \"any\", \"operation\": \"read\", \"size\": \"64B\", "
                       "\"queue_depth\": 4, \"operations\": 1000000000000}]}");
}

/* Ctrl-C ends the run in good order: what was done until then is told. */
START_TEST(an_interrupted_run_says_what_it_did)
{
    int status;
    write_long_run();
    char *json = run_and_signal("json", SIGINT, &status);
    ck_assert_int_eq(status, 130);
    char *text = run_and_signal("text", SIGTERM, &status);
    ck_assert_int_eq(status, 130);
    cJSON *document = cJSON_Parse(json);
    ck_assert_ptr_nonnull(document);
    const cJSON *run = cJSON_GetObjectItem(document, "run");
    ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(run, "complete")));
    ck_assert_double_gt(cJSON_GetNumberValue(cJSON_GetObjectItem(run, "operations")), 0);
    ck_assert_ptr_nonnull(strstr(text, "interrupted"));
    cJSON_Delete(document);
    free(json);
    free(text);
}
END_TEST

/* What aborts inside ends with the status of an internal error, and says what to do. */
START_TEST(an_internal_error_has_its_own_exit_status)
{
    int status;
    write_long_run();
    char *said = run_and_signal("json", SIGABRT, &status);
    ck_assert_int_eq(status, 70);
    ck_assert_ptr_nonnull(strstr(said, "internal error"));
    ck_assert_ptr_nonnull(strstr(said, "report"));
    free(said);
}
END_TEST

Suite *run_signals_suite(void)
{
    Suite *suite = suite_create("run_signals");
    TCase *tests = tcase_create("run_signals");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, program_setup, program_teardown);
    tcase_add_test(tests, an_interrupted_run_says_what_it_did);
    tcase_add_test(tests, an_internal_error_has_its_own_exit_status);
    suite_add_tcase(suite, tests);
    return suite;
}
