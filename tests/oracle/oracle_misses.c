/* SPDX-License-Identifier: MIT */
#include "tests/oracle/oracle_misses.h"

#include "sim/analysis/group_agreement.h"
#include "sim/analysis/group_explain.h"
#include "sim/output/group_words.h"
#include "tests/oracle/oracle_score.h"

#include <stdio.h>
#include <stdlib.h>

enum { HINTS = 3 };

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

void oracle_misses_add(const char *name, const struct oracle_case *oracle, const struct iommu_groups *groups,
                       struct text_buffer *rows)
{
    struct group_agreement agreement = group_agreement(groups);
    uint32_t *wrong = memory_array(groups->topology->function_count, sizeof(*wrong)), count = 0;
    for (uint32_t id = 0; id < groups->topology->function_count; id++) {
        if (groups->topology->functions[id].group_reported && !group_agreement_same(groups, id))
            wrong[count++] = id;
    }
    text_buffer_format(rows, "| %s | %u of %u | ", name, agreement.exact,
                       agreement.functions + oracle_score_lost(oracle, groups));
    group_words_list(groups->topology, wrong, count, 8, rows);
    text_buffer_add(rows, " | ");
    write_reasons(oracle, groups, rows);
    text_buffer_add(rows, " |\n");
    free(wrong);
}

static const char head[] =
    "# Where the predicted groups of real machines differ from their kernels'\n\n"
    "Written by `make oracle`. The stated groups of the machine at hand are forgotten before its groups are\n"
    "formed; what its functions do about isolation is assumed by the carried table (`--assume table`) where\n"
    "the input hides it. A function is right where it has exactly the group mates its kernel gave it. The\n"
    "reasons are found by turning one assumption at a time.\n";

static const char columns[] = "| machine | right | wrong | why |\n|---|---|---|---|\n";

bool oracle_misses_write(const char *path, const struct text_buffer *carried,
                         const struct text_buffer *left_out)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fprintf(file, "%s\n## With the whole table\n\n%s%s", head, columns, text_buffer_get(carried));
    fprintf(file,
            "\n## Each machine without what only it told the table\n\n"
            "What to expect of a machine nobody has seen.\n\n%s%s",
            columns, text_buffer_get(left_out));
    return fclose(file) == 0;
}
