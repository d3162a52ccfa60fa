/* SPDX-License-Identifier: MIT */
/* `iommusim sweep` from outside: nothing lost, nothing double, nothing silently wrong. */
#include "tests/unit/program.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *sweep_suite(void);

static const char scenario[] =
    "{\"format\": \"iommusim-scenario/1\", \"topology\": \"synthetic:rp(ep)\", \"iommu\": \"vt-d\",\n"
    " \"workload\": {\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"host\", \"devices\": "
    "\"all\",\n"
    "  \"mappings\": [{\"iova\": \"0x10000000\", \"length\": \"1MiB\"}]}], \"streams\": [{\"name\": "
    "\"reads\",\n"
    "  \"device\": \"any\", \"operation\": \"read\", \"pattern\": \"random\", \"size\": \"64B\", "
    "\"operations\": 50,\n"
    "  \"queue_depth\": 4}]}}\n";

/* 24 points. */
static const char study[] =
    "{\"format\": \"iommusim-study/1\", \"scenario\": \"scenario.json\", \"repeats\": 2, \"axes\": [\n"
    " {\"name\": \"walkers\", \"pointer\": \"/parameters/iommu/walkers\", \"values\": [1, 2, 4]},\n"
    " {\"name\": \"depth\", \"pointer\": \"/workload/streams/0/queue_depth\", \"range\": {\"from\": 1, "
    "\"to\": 4}}]}\n";

static void setup(void)
{
    program_setup();
    program_write_file("scenario.json", scenario);
    program_write_file("study.json", study);
}

START_TEST(a_study_is_computed_once)
{
    int status;
    program_expect("iommusim sweep study.json --dry-run", 0, "24 points: 12 combinations, 2 repeats");
    program_expect("test ! -e study-results", 0, "");
    program_expect("iommusim sweep study.json -j 2", 0, "24 points, 24 computed in");
    program_expect("iommusim sweep study.json", 0, "24 points, 0 computed in");
    program_expect("iommusim sweep study-results --resume", 0, "24 there before");
    program_expect("iommusim sweep status study-results", 0, "24 points: 24 done, 0 failed, 0 missing");
    program_expect("iommusim sweep nowhere.json --resume", 2, "has no study in it");
    char *table = program_shell("iommusim sweep collect study-results", &status);
    ck_assert_int_eq(status, 0);
    ck_assert_msg(strncmp(table, "point,key,repeat,seed,state,walkers,depth,reads.bytes_per_s,", 60) == 0,
                  "%s", table);
    size_t lines = 0;
    for (const char *at = table; *at; at++)
        lines += *at == '\n';
    ck_assert_uint_eq(lines, 25);
    free(table);
    /* More walkers: the points that were there are there still. */
    program_expect(
        "sed 's/1, 2, 4/1, 2, 4, 8/' study.json > more.json; iommusim sweep more.json -o study-results", 0,
        "32 points, 8 computed in");
    program_expect("iommusim sweep study.json -o study-results", 0,
                   "study-results: note: the study that was in this folder is replaced");
    program_expect("echo >> study.json; iommusim sweep resume study-results", 0,
                   "study.json: note: the study was changed since");
}
END_TEST

START_TEST(a_point_is_the_run_of_its_scenario)
{
    program_expect(
        "iommusim sweep study.json && key=$(iommusim sweep collect study-results | grep ',1,2,done,4,3,' | "
        "cut -d, "
        "-f2) && iommusim sweep show study-results $key | grep -q 'depth *3' && iommusim sweep point "
        "study-results "
        "$key > again.json && tail -n +2 study-results/points/*/$key.json | cmp - again.json && iommusim run "
        "scenario.json --seed 2 --set /parameters/iommu/walkers=4 --set /workload/streams/0/queue_depth=3 -f "
        "json "
        "| grep '\"latency\"' > plain && grep '\"latency\"' again.json | cmp - plain && echo same",
        0, "same");
}
END_TEST

/* Number of results in the program_folder(), whole ones. */
static unsigned count_results(const char *results)
{
    unsigned count = 0;
    for (unsigned leaf = 0; leaf < 256; leaf++) {
        char path[200];
        snprintf(path, sizeof(path), "%s/%s/points/%02x", program_folder(), results, leaf);
        DIR *below = opendir(path);
        if (!below)
            continue;
        for (const struct dirent *entry; (entry = readdir(below));) {
            size_t length = strlen(entry->d_name);
            count += length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
        }
        closedir(below);
    }
    return count;
}

static pid_t start_sweep(void)
{
    char *program = program_path();
    pid_t process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0) {
        if (chdir(program_folder()) < 0)
            _exit(99);
        execl(program, "iommusim", "sweep", "study.json", "-o", "killed", "-j", "2", "-q", (char *)NULL);
        _exit(99);
    }
    free(program);
    return process;
}

/* Start a sweep, kill it as soon as there is something new, and again, until one comes to its end. @return
 * kills */
static unsigned kill_until_done(void)
{
    for (unsigned kills = 0, before = 0;; kills++) {
        int status, ended;
        pid_t process = start_sweep();
        while (!(ended = waitpid(process, &status, WNOHANG) == process) && count_results("killed") == before)
            sched_yield();
        if (ended) {
            ck_assert_int_eq(WEXITSTATUS(status), 0);
            return kills;
        }
        kill(process, SIGKILL);
        ck_assert_int_eq(waitpid(process, &status, 0), process);
        before = count_results("killed");
    }
}

/* Fifty kills in all: each study ends with the bytes of an undisturbed one. */
START_TEST(kill_minus_nine_loses_nothing)
{
    program_expect("iommusim sweep study.json -q -o whole", 0, "");
    for (unsigned kills = 0, studies = 0; kills < 50; studies++) {
        ck_assert_uint_lt(studies, 50);
        kills += kill_until_done();
        program_expect("diff -r whole killed && echo same", 0, "same");
        program_expect(
            "iommusim sweep collect whole -f sqlite -o a.db; iommusim sweep collect killed -f sqlite -o "
            "b.db; cmp a.db b.db && rm -rf killed && echo same",
            0, "same");
    }
}
END_TEST

START_TEST(damaged_files_are_replaced)
{
    program_expect("iommusim sweep study.json -q && cp -r study-results before", 0, "");
    program_expect(
        "file=$(ls study-results/points/*/*.json | head -1) && sed -i 's/maximum_ps\": /maximum_ps\": 9/' "
        "$file && "
        "file=$(ls study-results/points/*/*.json | tail -1) && : > $file; iommusim sweep status "
        "study-results",
        1, "22 done, 0 failed, 2 missing (2 of them have a damaged file)");
    program_expect("iommusim sweep collect study-results", 1, "2 of 24 points are missing");
    program_expect("iommusim sweep collect study-results --partial | grep -c missing", 0, "2");
    program_expect("iommusim sweep study-results", 0, "2 computed in");
    program_expect("diff -r before study-results && echo same", 0, "same");
}
END_TEST

START_TEST(failed_points_are_recorded)
{
    program_expect("sed 's/1, 2, 4/1, 0, 4/' study.json > bad.json && iommusim sweep bad.json", 1,
                   "16 computed in");
    program_expect("iommusim sweep status bad-results", 1, "16 done, 8 failed, 0 missing");
    program_expect("iommusim sweep status bad-results", 1, "\"walkers\" must be from 1 to 4096");
    program_expect("iommusim sweep bad.json", 1, "0 computed in");
    program_expect("iommusim sweep collect bad-results | grep -c ',failed,0,'", 0, "8");
    program_expect(
        "key=$(iommusim sweep collect bad-results | grep failed,0 | head -1 | cut -d, -f2); iommusim "
        "sweep point "
        "bad-results $key",
        2, "\"walkers\" must be from 1 to 4096");
}
END_TEST

/* Files may not grow beyond one block: as on a full disk. */
START_TEST(a_full_disk_ends_the_sweep)
{
    program_expect("iommusim sweep study.json -q -o whole", 0, "");
    program_expect("(ulimit -f 1; iommusim sweep study.json -o full)", 3, "cannot be kept");
    program_expect("test -d full/points && ! ls -R full/points | grep partial && echo none", 0, "none");
    program_expect("iommusim sweep study.json -q -o full && diff -r whole full && echo same", 0, "same");
    program_expect(": > file; iommusim sweep study.json -o file/below", 3, "cannot make the folder");
}
END_TEST

/* The machine changes while its points are computed: what follows is not filed under the old one's keys. */
START_TEST(an_input_that_changes_ends_the_sweep)
{
    program_write_file("machine.json",
                       "{\"format\": \"iommusim-topology/1\", \"iommus\": [{\"kind\": "
                       "\"vt-d\"}], \"host_bridges\": [{\"functions\": [{\"functions\": [{}]}]}]}");
    program_expect("sed -i 's/synthetic:rp(ep)/machine.json/; s/\"operations\": 50/\"operations\": 20000/' "
                   "scenario.json; (until ls changed/points/*/*.json; do :; done; echo >> machine.json) "
                   "> waited 2>&1 & iommusim sweep study.json -o changed -j 1; s=$?; wait; exit $s",
                   2, "machine.json: error: the file changed while the study ran");
    program_expect(
        "iommusim sweep resume changed -q && iommusim sweep study.json -q -o whole && "
        "iommusim sweep collect changed > a && iommusim sweep collect whole > b && cmp a b && echo same",
        0, "same");
}
END_TEST

START_TEST(metrics_that_find_nothing_are_told)
{
    program_expect(
        "sed 's|\"repeats\"|\"metrics\": {\"p99\": \"/streams/*/latency/p99_ps\", \"p98\": "
        "\"/streams/*/latency/p98_ps\"}, \"repeats\"|' study.json > odd.json; iommusim sweep odd.json",
        0, "24 computed");
    program_expect("iommusim sweep collect odd-results -o table.csv", 0,
                   "warning: metric \"p98\": no result has anything at /streams/*/latency/p98_ps");
    program_expect("iommusim sweep collect odd-results -o table.csv 2> told && ! grep 'metric \"p99\"' told "
                   "&& echo none",
                   0, "none");
}
END_TEST

START_TEST(two_at_once_are_told_apart)
{
    char path[200];
    program_expect("iommusim sweep study.json -q", 0, "");
    snprintf(path, sizeof(path), "%s/study-results/lock", program_folder());
    int lock = open(path, O_RDWR);
    ck_assert_int_ge(lock, 0);
    ck_assert_int_eq(flock(lock, LOCK_EX | LOCK_NB), 0);
    program_expect("iommusim sweep study.json", 3, "another sweep works in this folder");
    close(lock);
    program_expect("iommusim sweep study.json", 0, "24 there before");
}
END_TEST

static double query(const char *sql)
{
    char path[200];
    sqlite3 *database;
    sqlite3_stmt *statement;
    snprintf(path, sizeof(path), "%s/x.db", program_folder());
    ck_assert_int_eq(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(database));
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    double value = sqlite3_column_double(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return value;
}

START_TEST(the_database_answers)
{
    program_expect(
        "iommusim sweep study.json -q && iommusim sweep collect study-results -f sqlite -o x.db && echo fine",
        0, "fine");
    ck_assert_double_eq(query("SELECT count(*) FROM points"), 24);
    ck_assert_double_eq(query("SELECT count(*) FROM metrics"), 24 * 8);
    ck_assert_double_eq(query("SELECT count(*) FROM means WHERE repeats = 2"), 12);
    ck_assert_double_eq(query("SELECT count(*) FROM failures"), 0);
    /* One at a time the latency is that of a single read, whatever the walkers. */
    ck_assert_double_eq(
        query("SELECT max(\"reads.mean_ps\") - min(\"reads.mean_ps\") FROM means WHERE depth = 1"), 0);
    ck_assert_double_gt(
        query("SELECT (SELECT \"reads.mean_ps\" FROM means WHERE depth = 4 AND walkers = 1) - "
              "(SELECT \"reads.mean_ps\" FROM means WHERE depth = 1 AND walkers = 1)"),
        0);
}
END_TEST

/* Without a cluster: an sbatch of ours runs the tasks at once, some of them twice, one not at all. */
START_TEST(slurm_is_handed_chunks)
{
    program_write_file(
        "sbatch",
        "#!/bin/sh\nfor word; do case $word in --array=0-*) last=${word#--array=0-};; esac; script=$word; "
        "done\nfor task in $(seq 0 $last) 1; do [ $task = 2 ] || SLURM_ARRAY_TASK_ID=$task sh $script || "
        "exit "
        "1; done\necho \"$*\" > arguments\necho '77;here'\n");
    program_write_file(
        "squeue", "#!/bin/sh\necho '77_0|RUNNING|None'\necho '77_2|PENDING|launch failed requeued held'\n");
    program_write_file("sinfo", "#!/bin/sh\necho 'n3 drained'\n");
    program_write_file("scontrol", "#!/bin/sh\necho 'MaxArraySize            = 7'\n");
    program_expect("chmod +x sbatch squeue sinfo scontrol; export PATH=$PWD:$PATH; iommusim sweep study.json "
                   "--engine slurm --chunk 1 "
                   "--sbatch=--partition=long",
                   0, "job 77 computes 24 points in 6 tasks of 4");
    program_expect("cat arguments", 0, "--partition=long");
    program_expect("export PATH=$PWD:$PATH; iommusim sweep status study-results", 1,
                   "20 done, 0 failed, 4 missing");
    program_expect("export PATH=$PWD:$PATH; iommusim sweep status study-results", 1,
                   "Slurm: 0 tasks wait, 1 run\n"
                   "warning: 1 tasks are held and will not start (77_2: launch failed requeued held)");
    program_expect("export PATH=$PWD:$PATH; iommusim sweep status study-results", 1,
                   "node n3 drained: no task starts there");
    program_expect("export PATH=$PWD:$PATH; iommusim sweep resume study-results --chunk 3", 0,
                   "4 points in 2 tasks of 3");
    program_expect("export PATH=$PWD:$PATH; iommusim sweep resume study-results", 0, "nothing is missing");
    program_expect(
        "iommusim sweep study.json -q -o whole && diff -r whole/points study-results/points && echo same", 0,
        "same");
    program_expect(
        "printf '#!/bin/sh\nexit 1\n' > sbatch; export PATH=$PWD:$PATH; iommusim sweep study.json -o new "
        "--engine slurm",
        3, "sbatch refused the job");
    program_expect("iommusim sweep study.json -o new --engine pbs", 2, "unknown engine 'pbs'");
}
END_TEST

START_TEST(questions_are_answered)
{
    program_expect("iommusim sweep study.json -q", 0, "");
    program_expect(
        "iommusim sweep best study-results --max reads.operations_per_s -f tsv | tail -1 | cut -f1,2", 0,
        "4\t4");
    program_expect("iommusim sweep best study-results --min walkers --subject-to 'reads.mean_ps<1ps'", 1,
                   "no combination");
    program_expect("iommusim sweep pareto study-results --min walker", 2, "did you mean 'walkers'?");
    program_expect("iommusim sweep sensitivity study-results --of reads.mean_ps", 0, "lowest mean");
    program_expect("iommusim sweep sensitivity study-results", 2, "--of is missing");
    program_expect("iommusim sweep best study-results --min walkers --subject-to walkers", 2,
                   "is no condition");
}
END_TEST

START_TEST(a_study_is_drawn)
{
    program_expect(
        "iommusim sweep study.json -q; iommusim sweep plot study-results --x depth --y reads.mean_ps --by "
        "walkers -o "
        "chart.svg && grep -c 'class=\"line\"' chart.svg",
        0, "3\n");
    program_expect("grep -c '^[0-9]' chart.dat", 0, "12\n");
    program_expect(
        "iommusim sweep plot study-results --x walkers --y reads.mean_ps -o front && grep -c 'nothing "
        "beats' front.svg",
        0, "1\n");
    /* Few walkers and high latency: the worst of those with one. */
    program_expect(
        "iommusim sweep plot study-results --x walkers --y reads.mean_ps --max reads.mean_ps -o slow && sed "
        "-n '/nothing beats/,$p' slow.dat | grep '^[0-9]' > front && grep '^1\t' slow.dat | sort -k 2 -n | "
        "tail "
        "-1 | cmp - front && echo same",
        0, "same");
    program_expect("iommusim sweep plot study-results --x walkers --y reads.mean_ps --max depth -o slow", 2,
                   "--max is for what --x and --y name");
    program_expect("iommusim sweep plot study-results --x dept --y reads.mean_ps -o chart", 2,
                   "did you mean 'depth'?");
    program_expect(
        "iommusim sweep plot study-results --x depth --y reads.mean_ps --by reads.mean_ps -o chart", 2,
        "is no axis");
}
END_TEST

START_TEST(a_search_computes_little)
{
    program_expect(
        "sed 's/\"to\": 4/\"to\": 64/' study.json > long.json; iommusim sweep search long.json -o long "
        "--target "
        "'reads.operations_per_s>4e6' 2> said; cat said; iommusim sweep search long.json -o long --target "
        "'reads.operations_per_s>4e6'",
        0, "depth\t");
    program_expect(
        "iommusim sweep collect long --partial | grep -c done | awk '{print ($1 < 60) ? \"few\" : \"many\"}'",
        0, "few");
    /* What it found meets the target and one less does not, by the whole grid. */
    program_expect(
        "iommusim sweep long.json -q -o long; iommusim sweep best long --min walkers --min depth "
        "--subject-to "
        "'reads.operations_per_s>4e6' -f tsv | tail -1 > best; iommusim sweep search long.json -o long "
        "--target "
        "'reads.operations_per_s>4e6' 2>/dev/null | head -2 | cut -f2 | tr '\\n' '\\t' > found; cut -f1,2 "
        "best | tr -d "
        "'\\t\\n' > a; tr -d '\\t\\n' < found > b; cmp a b && echo same",
        0, "same");
    program_expect("iommusim sweep search long.json -o long --target 'reads.operations_per_s>4e12'", 1,
                   "even the last values");
    program_expect("iommusim sweep search long.json -o long --method golden --min reads.mean_ps --axis depth",
                   0, "depth\t1\n");
    program_expect("iommusim sweep search long.json --target 'reads.mean_ps'", 2, "is no condition");
    program_expect("iommusim sweep search long.json -o long --target 'reads.mean_ps<1KiB'", 2,
                   "expected a time");
    program_expect("iommusim sweep long.json --search=golden --min reads.mean_ps --axis depth -o long", 0,
                   "walkers\t1\n");
    program_expect("iommusim sweep long.json --search halve --min reads.mean_ps", 2,
                   "unknown method 'halve'");
    program_expect("iommusim sweep search long.json -o long --target 'readers.mean_ps<1us'", 2,
                   "no result has a metric 'readers.mean_ps', did you mean 'reads.mean_ps'?");
    program_expect("iommusim sweep search long.json --method golden", 2, "golden --min or --max");
}
END_TEST

/* A pointer that leads nowhere, a file that is not there: found before anything is written. */
START_TEST(mistakes_cost_nothing)
{
    program_expect(
        "sed 's/iommu.walkers/iommu\\/walker/' study.json > bad.json; iommusim sweep bad.json -o out", 2,
        "bad.json:2:33: error: axis \"walkers\", /parameters/iommu/walker: unknown key \"walker\", did you "
        "mean "
        "\"walkers\"? (at /axes/0/pointer) [study-pointer]");
    program_expect("sed 's/streams.0/streams\\/3/' study.json > bad.json; iommusim sweep search bad.json -o "
                   "out --target "
                   "'reads.mean_ps<1us'",
                   2, "there is no element 3: the array has 1 (at /axes/1/pointer) [study-pointer]");
    program_expect(
        "sed 's/rp(ep)/rp(ep/' scenario.json > whole.json; sed 's/scenario.json/whole.json/' study.json > "
        "bad.json; iommusim sweep bad.json -o out",
        2, "[synthetic-");
    program_expect(
        "sed 's/scenario.json/nowhere.json/' study.json > bad.json; iommusim sweep bad.json -o out", 3,
        "nowhere.json: error: cannot open the file");
    program_expect("iommusim sweep bad.json --dry-run", 3, "nowhere.json: error: cannot open the file");
    program_expect("test ! -e out", 0, "");
    program_expect("iommusim sweep statsu out", 2,
                   "'statsu' is neither a study nor a word, did you mean 'status'?");
    program_expect(
        "sed 's/\"repeats\"/\"metrics\": {\"p\": \"\\/streams\\/0\\/p99\"}, \"repeats\"/' study.json > "
        "bad.json; iommusim sweep bad.json --dry-run",
        0, "metric \"p\": no result has anything at /streams/0/p99 (at /metrics/p) [study-metric-empty]");
}
END_TEST

/* A value that does not fit is its points' failure: told once with how many, also where no progress is
 * wanted. */
START_TEST(failures_are_told_by_reason)
{
    static const char told[] =
        "8 failed: --set:1:27: error: \"walkers\" must be from 1 to 4096 (at "
        "/parameters/iommu/walkers) [json-range]\n  iommusim sweep show study-results ";
    program_expect("sed -i 's/1, 2, 4/0, 1, 2/' study.json; iommusim sweep study.json -q", 1, told);
    program_expect("iommusim sweep status study-results", 1, told);
    program_expect("iommusim sweep study.json --dry-run", 1, "3 failed), ");
    /* What is there of other contents is no result of this study, and that is said. */
    program_expect("sed -i 's/\"operations\": 50/\"operations\": 51/' scenario.json; iommusim sweep status "
                   "study-results",
                   1,
                   "24 missing\n16 more results are in the folder: of other values, other contents of the "
                   "input files, or ");
}
END_TEST

Suite *sweep_suite(void)
{
    Suite *suite = suite_create("sweep");
    TCase *tests = tcase_create("sweep");
    tcase_add_checked_fixture(tests, setup, program_teardown);
    tcase_add_test(tests, a_study_is_computed_once);
    tcase_add_test(tests, a_point_is_the_run_of_its_scenario);
    tcase_add_test(tests, kill_minus_nine_loses_nothing);
    tcase_add_test(tests, damaged_files_are_replaced);
    tcase_add_test(tests, failed_points_are_recorded);
    tcase_add_test(tests, a_full_disk_ends_the_sweep);
    tcase_add_test(tests, an_input_that_changes_ends_the_sweep);
    tcase_add_test(tests, metrics_that_find_nothing_are_told);
    tcase_add_test(tests, two_at_once_are_told_apart);
    tcase_add_test(tests, the_database_answers);
    tcase_add_test(tests, slurm_is_handed_chunks);
    tcase_add_test(tests, a_study_is_drawn);
    tcase_add_test(tests, a_search_computes_little);
    tcase_add_test(tests, mistakes_cost_nothing);
    tcase_add_test(tests, failures_are_told_by_reason);
    tcase_add_test(tests, questions_are_answered);
    suite_add_tcase(suite, tests);
    return suite;
}
