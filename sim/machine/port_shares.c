/* SPDX-License-Identifier: MIT */
#include "sim/machine/port_shares.h"

#include "sim/base/arena.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { ROUNDS_MOST = 200 };

static const double settled = 1e-9;

void share_by_weight(double capacity, const double *demands, const double *weights, double *shares,
                     uint32_t count)
{
    double open = 0;
    for (uint32_t i = 0; i < count; i++) {
        shares[i] = -1;
        open += weights[i];
    }
    for (bool changed = true; changed;) {
        double unit = open > 0 ? capacity / open : 0;
        changed = false;
        for (uint32_t i = 0; i < count; i++) {
            if (shares[i] >= 0 || demands[i] > unit * weights[i])
                continue;
            shares[i] = demands[i];
            capacity -= demands[i];
            open -= weights[i];
            changed = true;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        shares[i] = shares[i] < 0 ? capacity / open * weights[i] : shares[i];
}

/* A flow where a link is divided. */
struct member {
    uint32_t flow;
    uint32_t position; /* of the link in its way */
    double demand, share;
};

struct division {
    const struct port_flow *flows;
    struct member *members; /* of the link being divided */
};

/* By what a flow comes to the link @p back links before that at its position: a link, or its own function. */
static uint64_t feeder(const struct division *division, const struct member *member, uint32_t back)
{
    const struct port_flow *flow = &division->flows[member->flow];
    bool inside = member->position >= back + 1;
    return inside ? flow->links[member->position - back - 1] : UINT64_C(1) << 32 | flow->source;
}

/* Sort the members so that those with the feeder of the first come first. @return their number */
static uint32_t gather(const struct division *division, struct member *members, uint32_t count, uint32_t back)
{
    uint64_t key = feeder(division, &members[0], back);
    uint32_t same = 1;
    for (uint32_t i = 1; i < count; i++) {
        if (feeder(division, &members[i], back) != key)
            continue;
        struct member moved = members[i];
        members[i] = members[same];
        members[same++] = moved;
    }
    return same;
}

/* Of what comes by one port: packets of its flows take turns. */
static double mean_packet(const struct division *division, const struct member *members, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += division->flows[members[i].flow].packet;
    return sum / count;
}

static void divide(struct division *division, double capacity, struct member *members, uint32_t count,
                   uint32_t back);

/* What flows of one port share: evenly at its function, else by the ports that feed the link before. */
static void divide_group(struct division *division, double capacity, struct member *members, uint32_t count,
                         uint32_t back)
{
    if (count == 1) {
        members[0].share = fmin(capacity, members[0].demand);
    } else if (members[0].position >= back + 1) {
        divide(division, capacity, members, count, back + 1);
    } else {
        double *demands = memory_array((size_t)count * 3, sizeof(*demands)), *weights = demands + count,
               *shares = weights + count;
        for (uint32_t i = 0; i < count; i++) {
            demands[i] = members[i].demand;
            weights[i] = division->flows[members[i].flow].packet;
        }
        share_by_weight(capacity, demands, weights, shares, count);
        for (uint32_t i = 0; i < count; i++)
            members[i].share = shares[i];
        free(demands);
    }
}

static void divide(struct division *division, double capacity, struct member *members, uint32_t count,
                   uint32_t back)
{
    double *demands = memory_array((size_t)count * 3, sizeof(*demands)), *weights = demands + count,
           *shares = weights + count;
    uint32_t *sizes = memory_array(count, sizeof(*sizes)), groups = 0;
    for (uint32_t at = 0; at < count; at += sizes[groups++]) {
        sizes[groups] = gather(division, &members[at], count - at, back);
        for (uint32_t i = 0; i < sizes[groups]; i++)
            demands[groups] += members[at + i].demand;
        weights[groups] = mean_packet(division, &members[at], sizes[groups]);
    }
    share_by_weight(capacity, demands, weights, shares, groups);
    for (uint32_t at = 0, g = 0; g < groups; at += sizes[g++])
        divide_group(division, shares[g], &members[at], sizes[g], back);
    free(demands);
    free(sizes);
}

/* What each flow would get at each of its links. [flow][position], one after the other */
struct grants {
    double *values;
    uint32_t *first; /* [flow] */
};

/* What a flow can use at a link: as much as its ceiling and its other links let through. */
static double demand_at(const struct port_flow *flows, const struct grants *grants, uint32_t flow,
                        uint32_t position)
{
    double demand = flows[flow].ceiling;
    for (uint32_t i = 0; i < flows[flow].link_count; i++)
        demand = i == position ? demand : fmin(demand, grants->values[grants->first[flow] + i]);
    return demand;
}

/* @return true where something changed */
static bool grant_link(struct division *division, struct grants *grants, uint32_t flow_count, uint32_t link,
                       double capacity)
{
    uint32_t count = 0;
    bool changed = false;
    for (uint32_t f = 0; f < flow_count; f++) {
        const struct port_flow *flow = &division->flows[f];
        for (uint32_t i = 0; i < flow->link_count && flow->ceiling > 0; i++) {
            if (flow->links[i] == link)
                division->members[count++] =
                    (struct member){f, i, demand_at(division->flows, grants, f, i), 0};
        }
    }
    if (!count)
        return false;
    divide(division, capacity, division->members, count, 0);
    for (uint32_t m = 0; m < count; m++) {
        const struct member *member = &division->members[m];
        /* Who gets all he can use here could have more, if his other links let it through. */
        double free_here = member->share >= member->demand * (1 - settled) ? INFINITY : member->share;
        double *grant = &grants->values[grants->first[member->flow] + member->position];
        changed |= isinf(free_here) != isinf(*grant) || fabs(free_here - *grant) > settled * capacity;
        *grant = free_here;
    }
    return changed;
}

void port_shares(struct port_flow *flows, uint32_t flow_count, const double *capacity, uint32_t link_count)
{
    struct division division = {.flows = flows};
    struct grants grants = {.first = memory_array((size_t)flow_count + 1, sizeof(uint32_t))};
    uint32_t places = 0;
    for (uint32_t f = 0; f < flow_count; f++) {
        grants.first[f] = places;
        places += flows[f].link_count;
    }
    grants.values = memory_array((size_t)places + 1, sizeof(double));
    for (uint32_t i = 0; i < places; i++)
        grants.values[i] = INFINITY;
    division.members = memory_array((size_t)places + 1, sizeof(*division.members));
    bool changed = true;
    for (unsigned round = 0; round < ROUNDS_MOST && changed; round++) {
        changed = false;
        for (uint32_t l = 0; l < link_count; l++)
            changed |= grant_link(&division, &grants, flow_count, l, capacity[l]);
    }
    for (uint32_t f = 0; f < flow_count; f++)
        flows[f].rate = demand_at(flows, &grants, f, UINT32_MAX);
    free(grants.values);
    free(grants.first);
    free(division.members);
}
