/* SPDX-License-Identifier: MIT */
/* make oracle: how often the predicted groups are those a kernel made.
 *
 *     oracle-run SHARED MISSES
 *     oracle-run SHARED --evidence FOLDER
 *
 * SHARED holds oracle/dev and realworld; where it is absent the machines carried in tests/cases/groups are
 * asked. MISSES is the file the reasons for each miss are written into. Exit status 1 where a gate is not
 * met. With --evidence nothing is asked: isolation_machines.def and isolation_seen.def are written into
 * FOLDER. */
#include "tests/oracle/isolation_evidence.h"
#include "tests/oracle/oracle_misses.h"
#include "tests/oracle/oracle_score.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 1024 };

struct set {
    const char *title, *folder, *prefix, *suffix; /* entries of folder that begin and end so */
    struct oracle_case (*load)(const char *path);
    double gate;  /* least share of exact functions with the table, whole and leaving one out */
    bool hidden;  /* asked under each assumption */
    bool reasons; /* misses go into the file */
};

static const struct set shared_sets[] = {
    {"constructed, QEMU", "/oracle/dev", "", "", oracle_case_constructed, 1.0, false, false},
    {"real A, registers", "/realworld", "a-", "", oracle_case_real, 0.99, true, true},
    {"real B, no registers", "/realworld", "b-", "", oracle_case_real, 0.90, true, true},
    {"real C, kernel logs", "/realworld", "c-", "", oracle_case_real, 0.90, true, true},
    {"real D, group listings", "/realworld", "d-", "", oracle_case_real, 0.90, true, true},
    {"real, as lspci -nn lists", "/realworld", "", "", oracle_case_plain, 0.90, true, false},
    {"real, as Linux 5.9 grouped", "/realworld", "d-intel-x99-", "", oracle_case_linux_5_9, 1.0, false,
     false},
};

static const struct set carried_sets[] = {
    {"carried", "tests/cases/groups", "", ".json", oracle_case_carried, 1.0, false, false},
};

/* What may be assumed of functions whose capabilities are hidden. */
enum assumption { TABLE, LEAVE_ONE_OUT, FAMILIES, PESSIMISTIC, OPTIMISTIC, ASSUMPTIONS };

static const struct {
    const char *title;
    enum isolation_policy policy;
} assumptions[] = {
    [TABLE] = {"table", ISOLATION_TABLE},
    [LEAVE_ONE_OUT] = {"leave one out", ISOLATION_TABLE}, /* of the machine at hand the table knows nothing */
    [FAMILIES] = {"families only", ISOLATION_TABLE},      /* nor of any other, by id */
    [PESSIMISTIC] = {"pessimistic", ISOLATION_PESSIMISTIC},
    [OPTIMISTIC] = {"optimistic", ISOLATION_OPTIMISTIC},
};

static const char *left_out(enum assumption assumption, const char *name)
{
    if (assumption == FAMILIES)
        return "*";
    return assumption == LEAVE_ONE_OUT ? isolation_machine_label(name) : NULL;
}

/* One machine. @param misses  gets a row if it is not exact; NULL: it is named on standard output */
static void ask_machine(const struct set *set, const char *path, const char *name, enum assumption assumption,
                        struct oracle_score *score, struct text_buffer *misses)
{
    struct oracle_case oracle = set->load(path);
    if (oracle.problem) {
        printf("%s: %s\n", name, oracle.problem);
        score->machines++;
    } else {
        struct iommu_groups *groups =
            oracle_case_predict(&oracle, assumptions[assumption].policy, left_out(assumption, name));
        bool exact = oracle_score_add(score, &oracle, groups);
        if (!exact && misses)
            oracle_misses_add(name, &oracle, groups, misses);
        else if (!exact && !set->hidden)
            printf("%s: not exact\n", name);
        iommu_groups_free(groups);
    }
    oracle_case_fini(&oracle);
}

/* One set. @return the share of exact functions */
static double ask(const char *base, const struct set *set, enum assumption assumption,
                  struct text_buffer *misses)
{
    char folder[PATH_SIZE], path[2 * PATH_SIZE];
    size_t count;
    struct oracle_score score = {0};
    snprintf(folder, sizeof(folder), "%s%s", base, set->folder);
    char **names = oracle_case_names(folder, set->prefix, set->suffix, &count);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        ask_machine(set, path, names[i], assumption, &score, misses);
    }
    oracle_case_names_free(names, count);
    if (count)
        oracle_score_print(set->title, assumptions[assumption].title, &score);
    return score.sum.functions ? (double)score.sum.exact / score.sum.functions : 1.0;
}

static bool exists(const char *base)
{
    DIR *directory = opendir(base);
    if (directory)
        closedir(directory);
    return directory != NULL;
}

static bool write_text(const char *folder, const char *name, const struct text_buffer *text)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fputs(text_buffer_get(text), file);
    return fclose(file) == 0;
}

/* Level D knows no buses: its groups show nothing for certain. */
static int write_evidence(const char *base, const char *folder)
{
    static const char *const levels[] = {"a-", "b-", "c-"};
    struct isolation_evidence *evidence = isolation_evidence_new();
    char real[PATH_SIZE], path[2 * PATH_SIZE];
    snprintf(real, sizeof(real), "%s/realworld", base);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        size_t count;
        char **names = oracle_case_names(real, levels[i], "", &count);
        for (size_t k = 0; k < count; k++) {
            snprintf(path, sizeof(path), "%s/%s", real, names[k]);
            struct oracle_case oracle = oracle_case_real(path);
            if (!oracle.problem) {
                struct iommu_groups *groups = oracle_case_predict(&oracle, ISOLATION_TABLE, NULL);
                isolation_evidence_add(evidence, names[k], groups);
                iommu_groups_free(groups);
            }
            oracle_case_fini(&oracle);
        }
        oracle_case_names_free(names, count);
    }
    char *dumps = oracle_read_file(real, "/acs-by-id.tsv");
    struct text_buffer machines = {0}, seen = {0};
    if (dumps)
        isolation_evidence_add_dumps(evidence, dumps);
    isolation_evidence_print_machines(evidence, &machines);
    isolation_evidence_print_seen(evidence, &seen);
    bool written = dumps && write_text(folder, "isolation_machines.def", &machines) &&
                   write_text(folder, "isolation_seen.def", &seen);
    free(dumps);
    text_buffer_fini(&machines);
    text_buffer_fini(&seen);
    isolation_evidence_free(evidence);
    if (!written)
        fprintf(stderr, "%s: the table cannot be made\n", folder);
    return written ? 0 : 3;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[2], "--evidence") == 0)
        return write_evidence(argv[1], argv[3]);
    if (argc != 3) {
        fprintf(stderr, "usage: oracle-run SHARED MISSES\n       oracle-run SHARED --evidence FOLDER\n");
        return 2;
    }
    bool shared = exists(argv[1]), met = true;
    const struct set *sets = shared ? shared_sets : carried_sets;
    size_t count = shared ? sizeof(shared_sets) / sizeof(shared_sets[0])
                          : sizeof(carried_sets) / sizeof(carried_sets[0]);
    struct text_buffer misses[ASSUMPTIONS] = {0};
    if (!shared)
        printf("%s is absent: the machines of tests/cases/groups are asked instead\n", argv[1]);
    printf("%-28s %-14s %-12s %-22s %-10s %s\n", "set", "assume", "machines", "functions exact", "precision",
           "recall");
    for (size_t i = 0; i < count; i++) {
        const char *base = shared ? argv[1] : "";
        for (enum assumption k = TABLE; k < (sets[i].hidden ? ASSUMPTIONS : LEAVE_ONE_OUT); k++) {
            bool listed = sets[i].reasons && k <= LEAVE_ONE_OUT;
            double exact = ask(base, &sets[i], k, listed ? &misses[k] : NULL);
            met &= k > LEAVE_ONE_OUT || exact >= sets[i].gate;
        }
    }
    if (shared && !oracle_misses_write(argv[2], &misses[TABLE], &misses[LEAVE_ONE_OUT])) {
        fprintf(stderr, "%s: cannot write\n", argv[2]);
        return 3;
    }
    for (unsigned k = 0; k < ASSUMPTIONS; k++)
        text_buffer_fini(&misses[k]);
    printf(met ? "all gates are met\n" : "A GATE IS NOT MET\n");
    return met ? 0 : 1;
}
