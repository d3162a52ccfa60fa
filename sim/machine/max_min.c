/* SPDX-License-Identifier: MIT */
#include "sim/machine/max_min.h"

#include "sim/base/arena.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct sharing {
    struct max_min_flow *flows;
    uint32_t flow_count, link_count;
    double *left;     /* [link] capacity not given away */
    uint32_t *rising; /* [link] flows on it that still rise */
    bool *settled;    /* [flow] */
};

/* How far all can rise together before a flow meets its ceiling or a link is full. */
static double next_step(const struct sharing *sharing)
{
    double step = INFINITY;
    for (uint32_t f = 0; f < sharing->flow_count; f++) {
        if (!sharing->settled[f])
            step = fmin(step, sharing->flows[f].ceiling - sharing->flows[f].rate);
    }
    for (uint32_t l = 0; l < sharing->link_count; l++) {
        if (sharing->rising[l])
            step = fmin(step, sharing->left[l] / sharing->rising[l]);
    }
    return step;
}

static bool stands(const struct sharing *sharing, uint32_t flow, const double *capacity)
{
    static const double rounding = 1e-12;
    const struct max_min_flow *stated = &sharing->flows[flow];
    bool full = stated->rate >= stated->ceiling * (1 - rounding);
    for (uint32_t i = 0; i < stated->link_count; i++)
        full |= sharing->left[stated->links[i]] <= capacity[stated->links[i]] * rounding;
    return full;
}

/* @return true while any flow rises */
static bool rise(struct sharing *sharing, const double *capacity)
{
    double step = next_step(sharing);
    if (!isfinite(step))
        return false;
    for (uint32_t f = 0; f < sharing->flow_count; f++)
        sharing->flows[f].rate += sharing->settled[f] ? 0 : step;
    for (uint32_t l = 0; l < sharing->link_count; l++)
        sharing->left[l] -= step * sharing->rising[l];
    for (uint32_t f = 0; f < sharing->flow_count; f++) {
        if (sharing->settled[f] || !stands(sharing, f, capacity))
            continue;
        sharing->settled[f] = true;
        for (uint32_t i = 0; i < sharing->flows[f].link_count; i++)
            sharing->rising[sharing->flows[f].links[i]]--;
    }
    return true;
}

void max_min_share(struct max_min_flow *flows, uint32_t flow_count, const double *capacity,
                   uint32_t link_count)
{
    struct sharing sharing = {.flows = flows, .flow_count = flow_count, .link_count = link_count};
    sharing.left = memory_array((size_t)link_count + 1, sizeof(*sharing.left));
    sharing.rising = memory_array((size_t)link_count + 1, sizeof(*sharing.rising));
    sharing.settled = memory_array((size_t)flow_count + 1, sizeof(*sharing.settled));
    for (uint32_t l = 0; l < link_count; l++)
        sharing.left[l] = capacity[l];
    for (uint32_t f = 0; f < flow_count; f++) {
        flows[f].rate = 0;
        sharing.settled[f] = flows[f].ceiling <= 0;
        for (uint32_t i = 0; i < flows[f].link_count && !sharing.settled[f]; i++)
            sharing.rising[flows[f].links[i]]++;
    }
    while (rise(&sharing, capacity))
        continue;
    free(sharing.left);
    free(sharing.rising);
    free(sharing.settled);
}
