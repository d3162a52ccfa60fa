/* SPDX-License-Identifier: MIT */
/* make oracle: how often the predicted groups are those a kernel made.
 *
 *     oracle-run SHARED MISSES
 *
 * SHARED holds oracle/dev and realworld; where it is absent the machines carried in tests/cases/groups are
 * asked. MISSES is the file the reasons for each miss are written into. Exit status 1 where a gate is not
 * met. */
#include "sim/analysis/group_explain.h"
#include "sim/base/text_buffer.h"
#include "sim/output/group_words.h"
#include "tests/oracle/oracle_score.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 1024, HINTS = 3 };

struct set {
    const char *title, *folder, *prefix, *suffix; /* entries of folder that begin and end so */
    struct oracle_case (*load)(const char *path);
    double gate;  /* least share of exact functions with the table */
    bool reasons; /* misses go into the file */
};

static const struct set shared_sets[] = {
    {"constructed, QEMU", "/oracle/dev", "", "", oracle_case_constructed, 1.0, false},
    {"real A, registers", "/realworld", "a-", "", oracle_case_real, 0.99, true},
    {"real B, no registers", "/realworld", "b-", "", oracle_case_real, 0.90, true},
    {"real C, kernel logs", "/realworld", "c-", "", oracle_case_real, 0.90, true},
    {"real D, group listings", "/realworld", "d-", "", oracle_case_real, 0.0, true},
    {"real, as Linux 5.9 grouped", "/realworld", "d-intel-x99-", "", oracle_case_linux_5_9, 1.0, false},
};

static const struct set carried_sets[] = {
    {"carried", "tests/cases/groups", "", ".json", oracle_case_carried, 1.0, false},
};

static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool belongs(const struct set *set, const struct dirent *entry)
{
    size_t length = strlen(entry->d_name), suffix = strlen(set->suffix);
    if (entry->d_name[0] == '.' || strncmp(entry->d_name, set->prefix, strlen(set->prefix)) != 0)
        return false;
    if (suffix == 0)
        return entry->d_type != DT_REG;
    return length > suffix && strcmp(entry->d_name + length - suffix, set->suffix) == 0;
}

/* Names without suffix, sorted; the caller's to free, each and all. */
static char **list(const char *folder, const struct set *set, size_t *count)
{
    char **names = NULL;
    size_t capacity = 0;
    struct dirent *entry;
    DIR *directory = opendir(folder);
    *count = 0;
    while (directory && (entry = readdir(directory))) {
        if (!belongs(set, entry))
            continue;
        names = memory_grow(names, *count, &capacity, sizeof(*names));
        names[*count] = memory_string(entry->d_name);
        names[*count][strlen(entry->d_name) - strlen(set->suffix)] = '\0';
        ++*count;
    }
    if (directory)
        closedir(directory);
    if (*count)
        qsort(names, *count, sizeof(*names), by_name);
    return names;
}

/* "00:08.1 1022:1635 is assumed not to isolate, the opposite makes 8 more right" and the like */
static void write_reasons(const struct oracle_case *oracle, const struct iommu_groups *groups,
                          struct text_buffer *out)
{
    struct arena *arena = arena_new();
    uint32_t count, exact = group_agreement(groups).exact, lost = oracle_score_lost(oracle, groups);
    const struct agreement_hint *hints = group_agreement_hints(groups, arena, &count);
    const char *separator = "";
    for (uint32_t i = 0; i < count && i < HINTS; i++) {
        char bdf[BDF_TEXT_SIZE], ids[ID_TEXT_SIZE];
        uint32_t id = hints[i].function_id;
        text_buffer_format(out, "%s%s (%s, %s): ", separator, group_words_brief(groups->topology, id, bdf),
                           group_words_id(ids, &groups->topology->functions[id]),
                           function_kind_name(&groups->topology->functions[id]));
        group_explain_verdict(groups, id, out);
        text_buffer_format(out, "; the opposite makes %u more right", hints[i].exact - exact);
        separator = "<br>";
    }
    if (count > HINTS)
        text_buffer_format(out, "<br>and %u more like these", count - HINTS);
    for (uint32_t id = 0; id < groups->topology->function_count; id++) {
        char bdf[BDF_TEXT_SIZE];
        if (!groups->topology->functions[id].group_reported || groups->decisions[id].group != NONE)
            continue;
        text_buffer_format(out, "%s%s has no group here: ", separator,
                           group_words_brief(groups->topology, id, bdf));
        group_explain_cause(groups, id, out);
        separator = "<br>";
    }
    if (lost) {
        text_buffer_format(out, "%s%u functions of the truth are not in the input", separator, lost);
        separator = "<br>";
    }
    if (!*separator)
        text_buffer_add(out, "no single assumption explains it");
    arena_free(arena);
}

static void write_miss(const char *name, const struct oracle_case *oracle, const struct iommu_groups *groups,
                       struct text_buffer *out)
{
    struct group_agreement agreement = group_agreement(groups);
    uint32_t *wrong = memory_array(groups->topology->function_count, sizeof(*wrong)), count = 0;
    for (uint32_t id = 0; id < groups->topology->function_count; id++) {
        if (groups->topology->functions[id].group_reported && !group_agreement_same(groups, id))
            wrong[count++] = id;
    }
    text_buffer_format(out, "| %s | %u of %u | ", name, agreement.exact,
                       agreement.functions + oracle_score_lost(oracle, groups));
    group_words_list(groups->topology, wrong, count, 8, out);
    text_buffer_add(out, " | ");
    write_reasons(oracle, groups, out);
    text_buffer_add(out, " |\n");
    free(wrong);
}

/* One set under one policy. @return the share of exact functions */
static double ask(const char *base, const struct set *set, enum isolation_policy policy,
                  struct text_buffer *misses)
{
    char folder[PATH_SIZE], path[2 * PATH_SIZE];
    size_t count;
    struct oracle_score score = {0};
    snprintf(folder, sizeof(folder), "%s%s", base, set->folder);
    char **names = list(folder, set, &count);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        struct oracle_case oracle = set->load(path);
        if (oracle.problem) {
            printf("%s: %s\n", names[i], oracle.problem);
            score.machines++;
        } else {
            struct iommu_groups *groups = oracle_case_predict(&oracle, policy);
            bool exact = oracle_score_add(&score, &oracle, groups);
            if (!exact && set->reasons && policy == ISOLATION_TABLE)
                write_miss(names[i], &oracle, groups, misses);
            else if (!exact && policy == ISOLATION_TABLE)
                printf("%s: not exact\n", names[i]);
            iommu_groups_free(groups);
        }
        oracle_case_fini(&oracle);
        free(names[i]);
    }
    free(names);
    if (count)
        oracle_score_print(set->title, isolation_policy_name(policy), &score);
    return score.sum.functions ? (double)score.sum.exact / score.sum.functions : 1.0;
}

static bool exists(const char *base)
{
    DIR *directory = opendir(base);
    if (directory)
        closedir(directory);
    return directory != NULL;
}

static bool write_file(const char *path, const struct text_buffer *misses)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fputs("# Where the predicted groups of real machines differ from their kernels'\n\n"
          "Written by `make oracle`. The stated groups of the machine at hand are forgotten before its "
          "groups are\n"
          "formed; what its functions do about isolation is assumed by the carried table (`--assume table`) "
          "where\n"
          "the input hides it. A function is right where it has exactly the group mates its kernel gave it. "
          "The\n"
          "reasons are found by turning one assumption at a time.\n\n"
          "| machine | right | wrong | why |\n|---|---|---|---|\n",
          file);
    fputs(text_buffer_get(misses), file);
    return fclose(file) == 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: oracle-run SHARED MISSES\n");
        return 2;
    }
    bool shared = exists(argv[1]), met = true;
    const struct set *sets = shared ? shared_sets : carried_sets;
    size_t count = shared ? sizeof(shared_sets) / sizeof(shared_sets[0])
                          : sizeof(carried_sets) / sizeof(carried_sets[0]);
    struct text_buffer misses = {0};
    if (!shared)
        printf("%s is absent: the machines of tests/cases/groups are asked instead\n", argv[1]);
    printf("%-28s %-12s %-12s %-22s %-10s %s\n", "set", "assume", "machines", "functions exact", "precision",
           "recall");
    for (size_t i = 0; i < count; i++) {
        met &= ask(shared ? argv[1] : "", &sets[i], ISOLATION_TABLE, &misses) >= sets[i].gate;
        if (sets[i].reasons) {
            ask(argv[1], &sets[i], ISOLATION_PESSIMISTIC, &misses);
            ask(argv[1], &sets[i], ISOLATION_OPTIMISTIC, &misses);
        }
    }
    if (shared && !write_file(argv[2], &misses)) {
        fprintf(stderr, "%s: cannot write\n", argv[2]);
        return 3;
    }
    text_buffer_fini(&misses);
    printf(met ? "all gates are met\n" : "A GATE IS NOT MET\n");
    return met ? 0 : 1;
}
