/* SPDX-License-Identifier: MIT */
#include "sim/world/fluid_run.h"

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/world/simgrid_compat.h"

#include <inttypes.h>
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/link.h>
#include <simgrid/semaphore.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_SIZE = 32, PIECES = 512, COALESCE = 1000 };

struct fluid_state {
    struct fluid_run *run;
    bool *active;     /* [flow] */
    double *ceilings; /* [flow] */
    sg_link_t *ceiling_links;
    sg_sem_t changed;
    uint64_t changed_ps; /* when ceilings were set last */
    bool dirty;
    int status;
};

/* An actor's part. */
struct fluid_actor {
    struct fluid_state *state;
    uint32_t flow;
};

/* ---- the platform ---- */

static const char *name_of(char name[NAME_SIZE], const char *kind, uint32_t number)
{
    snprintf(name, NAME_SIZE, "%s%" PRIu32, kind, number);
    return name;
}

static void write_flow(const struct fluid_flow *flow, uint32_t number, struct text_buffer *out)
{
    text_buffer_format(out, "<route symmetrical=\"NO\" src=\"from%" PRIu32 "\" dst=\"to%" PRIu32 "\">",
                       number, number);
    text_buffer_format(out, "<link_ctn id=\"ceiling%" PRIu32 "\"/>", number);
    for (uint32_t i = 0; i < flow->link_count; i++)
        text_buffer_format(out, "<link_ctn id=\"link%" PRIu32 "\"/>", flow->links[i]);
    text_buffer_add(out, "</route>\n");
}

static void load_platform(const struct fluid_run *run)
{
    struct text_buffer out = {0};
    text_buffer_add(&out,
                    "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                    "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\"><zone id=\"fabric\" "
                    "routing=\"Full\">\n");
    for (uint32_t f = 0; f < run->flow_count; f++)
        text_buffer_format(
            &out, "<host id=\"from%" PRIu32 "\" speed=\"1Gf\"/><host id=\"to%" PRIu32 "\" speed=\"1Gf\"/>\n",
            f, f);
    for (uint32_t l = 0; l < run->link_count; l++)
        text_buffer_format(&out, "<link id=\"link%" PRIu32 "\" bandwidth=\"%.17gBps\" latency=\"0s\"/>\n", l,
                           run->link_bytes_per_s[l]);
    for (uint32_t f = 0; f < run->flow_count; f++)
        text_buffer_format(&out,
                           "<link id=\"ceiling%" PRIu32
                           "\" bandwidth=\"%.17gBps\" latency=\"0s\" sharing_policy=\"FATPIPE\"/>\n",
                           f, run->flows[f].ceiling);
    for (uint32_t f = 0; f < run->flow_count; f++)
        write_flow(&run->flows[f], f, &out);
    text_buffer_add(&out, "</zone></platform>\n");
    simgrid_compat_load(out.text, out.length);
    text_buffer_fini(&out);
}

/* ---- flows ---- */

static void note_change(struct fluid_state *state)
{
    state->dirty = true;
    sg_sem_release(state->changed);
}

static void move(const struct fluid_actor *actor, double bytes)
{
    char from[NAME_SIZE], target[NAME_SIZE];
    if (bytes > 0)
        sg_host_sendto(sg_host_by_name(name_of(from, "from", actor->flow)),
                       sg_host_by_name(name_of(target, "to", actor->flow)), bytes);
}

/* In pieces until all is moved (@p bytes 0: without end) or the duration is over: what the last one would
 * have moved by then counts as well. @return all is moved */
static bool move_until(const struct fluid_actor *actor, struct fluid_flow *flow, double bytes, double *moved)
{
    uint64_t duration_ps = actor->state->run->duration_ps;
    double piece = flow->ceiling * ((double)duration_ps / 1e12) / PIECES;
    while (bytes == 0 || *moved < bytes) {
        double wanted = bytes > 0 && bytes - *moved < piece ? bytes - *moved : piece;
        uint64_t begin_ps = simgrid_compat_now_ps();
        if (begin_ps >= duration_ps)
            return false;
        move(actor, wanted);
        uint64_t end_ps = simgrid_compat_now_ps();
        if (end_ps > duration_ps) {
            *moved += wanted * (double)(duration_ps - begin_ps) / (double)(end_ps - begin_ps);
            flow->last_ps = duration_ps;
            return false;
        }
        *moved += wanted;
        flow->last_ps = end_ps;
    }
    return true;
}

/* Warm up and move what is to be moved, as far as the duration allows. */
static void move_within(const struct fluid_actor *actor, struct fluid_flow *flow)
{
    bool warm = flow->warmup_bytes == 0 || move_until(actor, flow, flow->warmup_bytes, &flow->warmed);
    flow->first_ps = flow->last_ps;
    if (warm)
        flow->finished = move_until(actor, flow, flow->bytes, &flow->moved);
}

/* SimGrid 3.32 does not let a communication under way go faster when the ceiling it is held by alone is
 * raised: what begins later does. */
static void move_in_pieces(const struct fluid_actor *actor, double bytes)
{
    for (int i = 0; i < PIECES; i++)
        move(actor, bytes / PIECES);
}

static void move_all(const struct fluid_actor *actor, struct fluid_flow *flow)
{
    move_in_pieces(actor, flow->warmup_bytes);
    flow->warmed = flow->warmup_bytes;
    flow->first_ps = simgrid_compat_now_ps();
    move_in_pieces(actor, flow->bytes);
    flow->moved = flow->bytes;
    flow->last_ps = simgrid_compat_now_ps();
    flow->finished = true;
}

static void flow_actor(void *data)
{
    const struct fluid_actor *actor = data;
    struct fluid_state *state = actor->state;
    struct fluid_flow *flow = &state->run->flows[actor->flow];
    if (state->run->duration_ps && flow->start_ps >= state->run->duration_ps)
        return;
    simgrid_compat_sleep_until(flow->start_ps);
    flow->started = true;
    flow->first_ps = flow->last_ps = flow->start_ps;
    state->active[actor->flow] = true;
    note_change(state);
    if (state->run->duration_ps)
        move_within(actor, flow);
    else
        move_all(actor, flow);
    state->active[actor->flow] = false;
    note_change(state);
}

/* ---- ceilings ---- */

static bool any_active(const struct fluid_state *state)
{
    for (uint32_t f = 0; f < state->run->flow_count; f++) {
        if (state->active[f])
            return true;
    }
    return false;
}

static void set_ceilings(struct fluid_state *state)
{
    struct fluid_run *run = state->run;
    state->dirty = false;
    state->changed_ps = simgrid_compat_now_ps();
    if (!any_active(state) || (run->duration_ps && state->changed_ps >= run->duration_ps))
        return;
    state->status = run->ceilings(run->context, state->changed_ps, state->active, state->ceilings);
    if (state->status < 0) {
        sg_actor_kill_all();
        return;
    }
    for (uint32_t f = 0; f < run->flow_count; f++) {
        if (state->active[f])
            sg_link_set_bandwidth(state->ceiling_links[f], state->ceilings[f]);
    }
}

/* Behind all that happens at the same time: those who wake then come before one who yields. */
static void ceilings_actor(void *data)
{
    struct fluid_state *state = data;
    for (;;) {
        sg_sem_acquire(state->changed);
        sg_actor_yield();
        sg_actor_yield();
        uint64_t now_ps = simgrid_compat_now_ps();
        if (state->dirty)
            simgrid_compat_sleep_until(now_ps + (now_ps - state->changed_ps) / COALESCE);
        if (state->dirty)
            set_ceilings(state);
    }
}

int fluid_run(struct fluid_run *run)
{
    struct fluid_state state = {.run = run};
    struct fluid_actor *actors = memory_array((size_t)run->flow_count + 1, sizeof(*actors));
    char name[NAME_SIZE];
    simgrid_compat_start(1, false);
    load_platform(run);
    state.active = memory_array((size_t)run->flow_count + 1, sizeof(*state.active));
    state.ceilings = memory_array((size_t)run->flow_count + 1, sizeof(*state.ceilings));
    state.ceiling_links = memory_array((size_t)run->flow_count + 1, sizeof(sg_link_t));
    state.changed = sg_sem_init(0);
    for (uint32_t f = 0; f < run->flow_count; f++) {
        actors[f] = (struct fluid_actor){&state, f};
        state.ceiling_links[f] = sg_link_by_name(name_of(name, "ceiling", f));
        simgrid_compat_actor("flow", sg_host_by_name(name_of(name, "from", f)), false, flow_actor,
                             &actors[f]);
    }
    if (run->flow_count)
        simgrid_compat_actor("ceilings", sg_host_by_name("from0"), true, ceilings_actor, &state);
    simgrid_run();
    run->end_ps = simgrid_compat_now_ps();
    if (run->duration_ps && run->end_ps > run->duration_ps)
        run->end_ps = run->duration_ps;
    sg_sem_destroy(state.changed);
    free(state.active);
    free(state.ceilings);
    free(state.ceiling_links);
    free(actors);
    return state.status;
}
