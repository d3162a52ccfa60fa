/* SPDX-License-Identifier: MIT */
#include "tests/oracle/oracle_score.h"

#include <stdio.h>
#include <string.h>

uint32_t oracle_score_lost(const struct oracle_case *oracle, const struct iommu_groups *groups)
{
    uint32_t lines = 0, found = 0;
    for (const char *at = oracle->truth; *at; at++)
        lines += *at == '\n' && at > oracle->truth && at[-1] != '\n';
    for (uint32_t id = 0; id < groups->topology->function_count; id++)
        found += groups->topology->functions[id].group_reported;
    return lines - found;
}

/* A function with a group that a complete truth does not list. */
static bool has_surplus(const struct oracle_case *oracle, const struct iommu_groups *groups)
{
    for (uint32_t id = 0; id < groups->topology->function_count && oracle->complete; id++) {
        const struct pci_function *function = &groups->topology->functions[id];
        char bdf[BDF_TEXT_SIZE];
        bdf_print(bdf, function->segment, function->bus, function->devfn);
        if (!function->group_reported && groups->decisions[id].group != NONE &&
            (!oracle->ignore || !strstr(oracle->ignore, bdf)))
            return true;
    }
    return false;
}

bool oracle_score_add(struct oracle_score *score, const struct oracle_case *oracle,
                      const struct iommu_groups *groups)
{
    struct group_agreement one = group_agreement(groups);
    uint32_t lost = oracle_score_lost(oracle, groups);
    bool exact = one.exact == one.functions && lost == 0 && !has_surplus(oracle, groups);
    score->machines++;
    score->machines_exact += exact;
    score->sum.functions += one.functions + lost;
    score->sum.exact += one.exact;
    score->sum.pairs_here += one.pairs_here;
    score->sum.pairs_stated += one.pairs_stated;
    score->sum.pairs_both += one.pairs_both;
    return exact;
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 1.0;
}

void oracle_score_print(const char *set, const char *policy, const struct oracle_score *score)
{
    printf("%-28s %-14s %4u of %-4u %6u of %-6u %.3f   %.3f     %.3f\n", set, policy, score->machines_exact,
           score->machines, score->sum.exact, score->sum.functions,
           ratio(score->sum.exact, score->sum.functions), ratio(score->sum.pairs_both, score->sum.pairs_here),
           ratio(score->sum.pairs_both, score->sum.pairs_stated));
}
