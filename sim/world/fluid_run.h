/* SPDX-License-Identifier: MIT */
/**
 * @file fluid_run.h
 * Flows of bytes over links that they share, in SimGrid: who is there when, and when each is over.
 *
 * Each flow is a host-to-host communication of an actor of its own, over its links and a FATPIPE link that is
 * its ceiling. Ceilings depend on who is under way: whenever that changes they are asked for anew and the
 * FATPIPEs set. Changes that follow each other closely (a thousandth of the time since the last one) are
 * answered together, since flows of equal size end at almost equal times.
 */
#ifndef IOMMUSIM_WORLD_FLUID_RUN_H
#define IOMMUSIM_WORLD_FLUID_RUN_H

#include <stdbool.h>
#include <stdint.h>

struct fluid_flow {
    uint64_t start_ps;
    double warmup_bytes, bytes; /**< one after the other; @c bytes 0: until the run's duration is over */
    double ceiling;             /**< bytes a second, by itself; above 0 */
    const uint32_t *links;      /**< all different; may be none */
    uint32_t link_count;
    /* Answers. */
    uint64_t first_ps, last_ps; /**< end of the warm-up, end of what was moved */
    double warmed, moved;       /**< of @c warmup_bytes, of @c bytes */
    bool started, finished;
};

struct fluid_run {
    struct fluid_flow *flows;
    uint32_t flow_count;
    const double *link_bytes_per_s;
    uint32_t link_count;
    uint64_t duration_ps; /**< the run ends here; 0: when all flows are over */
    void *context;
    /** Ceilings in bytes a second, from @p now_ps on, while those with @p active set are under way and no
     * others. @return 0; what is negative ends the run and is its answer */
    int (*ceilings)(void *context, uint64_t now_ps, const bool *active, double *bytes_per_s);
    uint64_t end_ps; /**< answer */
};

/** Run it; once a process. @return 0, or what @c ceilings answered */
int fluid_run(struct fluid_run *run);

#endif
