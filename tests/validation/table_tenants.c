/* SPDX-License-Identifier: MIT */
/* H1: the figure of HyperSIO, by its own pipeline over this project's caches with the preset that mirrors its
 * constants. No measurement: a simulator against a simulator.
 *
 * The pipeline, in nanoseconds: a packet begins every 61 ns if fewer than Q translations are under way, and
 * asks for its three at once. Context cache, then IOTLB. A miss crosses PCI Express, looks both page caches
 * up, reads what is left from memory (HyperSIO reads as many entries as the level of the page where neither
 * knows it), and comes back. One translation ends a nanosecond. A packet that may not begin tries again a
 * slot later. */
#include "tests/validation/published_table.h"
#include "tests/validation/validation.h"
#include "tests/validation/validation_run.h"

#include "models/iommu/translation_cache.h"

#include <stdlib.h>
#include <string.h>

enum {
    PACKETS = 100000,
    PACKET_BITS = 1542 * 8,
    SLOT_NS = 61,
    DATA_PAGES = 32,
    PACKETS_A_PAGE = 1500,
    TENANTS_MAX = 1024,
    BUFFER_ENTRIES = 8,     /* HyperTRIO: prefetch buffer */
    PREFETCH_DISTANCE = 48, /* accesses ahead */
    HISTORY = 2,            /* pages remembered of a tenant */
    EVENTS_MAX = 4096,
};

struct access {
    uint32_t tenant;
    uint64_t iova;
    unsigned level; /* 1: 4 KiB, 2: 2 MiB */
    bool ahead;     /* a prefetch */
};

enum stage { STAGE_LOOKUP, STAGE_PAGE_CACHES, STAGE_FILL, STAGE_DONE };

struct step {
    uint64_t time_ns, sequence;
    enum stage stage;
    struct access access;
};

/* What HyperTRIO predicts the next tenants from. */
struct predictor {
    bool active;
    struct access pages[TENANTS_MAX][HISTORY];
    unsigned page_count[TENANTS_MAX];
    uint32_t next[TENANTS_MAX]; /* tenant + 1 that came PREFETCH_DISTANCE accesses later; 0: not known */
    uint32_t recent[PREFETCH_DISTANCE];
    unsigned recent_count, recent_at;
    uint32_t previous; /* tenant + 1 */
};

struct pipeline {
    struct iommu_parameters unit;
    struct translation_cache iotlb, level_2, level_3, buffer;
    bool context_known[TENANTS_MAX];
    struct predictor predictor;
    struct step heap[EVENTS_MAX];
    size_t heap_count;
    uint64_t sequence, last_done_ns;
    unsigned in_flight;
};

/* ---- steps in order of time, then of stage ---- */

static bool before(const struct step *a, const struct step *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    return a->stage != b->stage ? a->stage < b->stage : a->sequence < b->sequence;
}

static void push(struct pipeline *pipeline, uint64_t time_ns, enum stage stage, struct access access)
{
    size_t at = pipeline->heap_count++;
    struct step step = {time_ns, pipeline->sequence++, stage, access};
    for (; at && before(&step, &pipeline->heap[(at - 1) / 2]); at = (at - 1) / 2)
        pipeline->heap[at] = pipeline->heap[(at - 1) / 2];
    pipeline->heap[at] = step;
}

static struct step pop(struct pipeline *pipeline)
{
    struct step first = pipeline->heap[0], last = pipeline->heap[--pipeline->heap_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < pipeline->heap_count; at = child) {
        if (child + 1 < pipeline->heap_count && before(&pipeline->heap[child + 1], &pipeline->heap[child]))
            child++;
        if (!before(&pipeline->heap[child], &last))
            break;
        pipeline->heap[at] = pipeline->heap[child];
    }
    pipeline->heap[at] = last;
    return first;
}

/* ---- caches ---- */

static uint64_t key_of(const struct access *access, unsigned shift)
{
    return (uint64_t)access->tenant << 44 | access->iova >> shift;
}

/* Is it there? Else, with @p insert, it is from now on. */
static bool look_up(struct translation_cache *cache, const struct access *access, unsigned index_shift,
                    unsigned key_shift, bool insert)
{
    uint64_t index = translation_cache_index(cache, access->iova >> index_shift, access->tenant), value;
    if (translation_cache_find(cache, index, key_of(access, key_shift), &value))
        return true;
    if (insert)
        translation_cache_insert(cache, index, key_of(access, key_shift), 1);
    return false;
}

static unsigned page_shift(const struct access *access)
{
    return access->level == 2 ? 21 : 12;
}

/* ---- stages ---- */

static void predict(struct pipeline *pipeline, const struct access *access, uint64_t now_ns)
{
    struct predictor *predictor = &pipeline->predictor;
    uint32_t tenant = access->tenant, predicted = predictor->next[tenant];
    if (predictor->page_count[tenant] == HISTORY)
        memmove(&predictor->pages[tenant][0], &predictor->pages[tenant][1], (HISTORY - 1) * sizeof(*access));
    else
        predictor->page_count[tenant]++;
    predictor->pages[tenant][predictor->page_count[tenant] - 1] = *access;
    for (unsigned i = 0; predicted && i < predictor->page_count[predicted - 1]; i++) {
        struct access ahead = predictor->pages[predicted - 1][i];
        ahead.ahead = true;
        push(pipeline, now_ns + pipeline->unit.walk_fixed_ps / 2000 + pipeline->unit.walk_read_ps / 1000,
             STAGE_PAGE_CACHES, ahead);
    }
    if (predictor->previous && predictor->previous != tenant + 1 && !predictor->next[predictor->previous - 1])
        predictor->next[predictor->previous - 1] = tenant + 1;
    if (predictor->recent_count == PREFETCH_DISTANCE)
        predictor->previous = predictor->recent[predictor->recent_at] + 1;
    else
        predictor->recent_count++;
    predictor->recent[predictor->recent_at] = tenant;
    predictor->recent_at = (predictor->recent_at + 1) % PREFETCH_DISTANCE;
}

static void on_lookup(struct pipeline *pipeline, const struct step *step)
{
    const struct iommu_parameters *unit = &pipeline->unit;
    const struct access *access = &step->access;
    uint64_t hit_ns = unit->iotlb_hit_ps / 1000;
    bool hit = look_up(&pipeline->iotlb, access, unit->iotlb_index_shift, page_shift(access), false);
    if (pipeline->predictor.active) /* both are asked at once */
        hit |= look_up(&pipeline->buffer, access, 12, page_shift(access), false);
    if (hit)
        push(pipeline, step->time_ns + hit_ns - 1, STAGE_DONE, *access);
    else
        push(pipeline, step->time_ns + unit->walk_fixed_ps / 2000, STAGE_PAGE_CACHES, *access);
    if (pipeline->predictor.active)
        predict(pipeline, access, step->time_ns);
}

static void on_page_caches(struct pipeline *pipeline, const struct step *step)
{
    const struct iommu_parameters *unit = &pipeline->unit;
    const struct access *access = &step->access;
    uint64_t read_ns = unit->walk_read_ps / 1000;
    bool level_2 = look_up(&pipeline->level_2, access, 21, 21, false);
    bool level_3 = look_up(&pipeline->level_3, access, 30, 30, false);
    if (level_2 && access->level == 2) {
        push(pipeline, step->time_ns + unit->walk_cache_hit_ps / 1000 + unit->walk_fixed_ps / 2000 - 1,
             STAGE_DONE, *access);
        return;
    }
    unsigned reads = level_2 ? 2 - access->level : level_3 ? 3 - access->level : access->level;
    push(pipeline, step->time_ns + reads * read_ns - 1, STAGE_FILL, *access);
}

/* False where another translation ended in this nanosecond: it is put off. */
static bool on_done(struct pipeline *pipeline, const struct step *step)
{
    const struct access *access = &step->access;
    if (step->time_ns <= pipeline->last_done_ns) {
        push(pipeline, pipeline->last_done_ns + 1, STAGE_DONE, *access);
        return false;
    }
    pipeline->last_done_ns = step->time_ns;
    if (access->ahead) {
        look_up(&pipeline->buffer, access, 12, page_shift(access), true);
        return true;
    }
    look_up(&pipeline->iotlb, access, pipeline->unit.iotlb_index_shift, page_shift(access), true);
    pipeline->in_flight--;
    return true;
}

static void run_until(struct pipeline *pipeline, uint64_t end_ns)
{
    while (pipeline->heap_count && pipeline->heap[0].time_ns < end_ns) {
        struct step step = pop(pipeline);
        switch (step.stage) {
        case STAGE_LOOKUP:
            on_lookup(pipeline, &step);
            break;
        case STAGE_PAGE_CACHES:
            on_page_caches(pipeline, &step);
            break;
        case STAGE_FILL:
            look_up(&pipeline->level_2, &step.access, 21, 21, true);
            look_up(&pipeline->level_3, &step.access, 30, 30, true);
            push(pipeline, step.time_ns + pipeline->unit.walk_fixed_ps / 2000, STAGE_DONE, step.access);
            break;
        case STAGE_DONE:
            on_done(pipeline, &step);
            break;
        }
    }
}

static void ask(struct pipeline *pipeline, uint64_t now_ns, struct access access)
{
    const struct iommu_parameters *unit = &pipeline->unit;
    uint64_t context_ns = unit->context_hit_ps / 1000;
    if (!pipeline->context_known[access.tenant]) /* MODEL: known once the first asked; none is displaced */
        context_ns = (unit->walk_fixed_ps + unit->context_reads * unit->walk_read_ps) / 1000;
    pipeline->in_flight++;
    push(pipeline, now_ns + context_ns, STAGE_LOOKUP, access);
}

static double bandwidth(struct pipeline *pipeline, uint32_t tenants, unsigned limit)
{
    uint32_t packet = 0;
    uint64_t now_ns = 0;
    for (; packet < PACKETS; now_ns += SLOT_NS) {
        run_until(pipeline, now_ns);
        if (pipeline->in_flight >= limit)
            continue;
        uint32_t tenant = packet % tenants, page = packet / tenants / PACKETS_A_PAGE % DATA_PAGES;
        ask(pipeline, now_ns, (struct access){tenant, 0x34800000, 1, false});
        ask(pipeline, now_ns,
            (struct access){tenant, UINT64_C(0xbbe00000) + page * (UINT64_C(2) << 20), 2, false});
        ask(pipeline, now_ns, (struct access){tenant, 0x34a00000, 1, false});
        pipeline->context_known[tenant] = true;
        packet++;
    }
    run_until(pipeline, UINT64_MAX);
    return (double)PACKETS * PACKET_BITS / (double)pipeline->last_done_ns;
}

/* ---- configurations ---- */

static const struct configuration {
    const char *column, *name;
    bool partitions, prefetch;
    unsigned limit;
} configurations[] = {
    {"base_1", "Base, Q = 1", false, false, 1},    {"partitions_1", "partitions, Q = 1", true, false, 1},
    {"base_32", "Base, Q = 32", false, false, 32}, {"partitions_32", "partitions, Q = 32", true, false, 32},
    {"hypertrio", "HyperTRIO", true, true, 32},
};

static double simulate(const struct configuration *configuration, const struct iommu_parameters *unit,
                       uint32_t tenants)
{
    struct pipeline *pipeline = memory_alloc(sizeof(*pipeline));
    uint32_t ways = unit->walk_cache_ways;
    memset(pipeline, 0, sizeof(*pipeline));
    pipeline->unit = *unit;
    pipeline->predictor.active = configuration->prefetch;
    translation_cache_init(&pipeline->iotlb, unit->iotlb_entries, unit->iotlb_ways, REPLACE_LRU, 1, "iotlb");
    translation_cache_init(&pipeline->level_2, unit->walk_cache_entries_l2, ways, REPLACE_LRU, 1, "level 2");
    translation_cache_init(&pipeline->level_3, unit->walk_cache_entries_l3, ways, REPLACE_LRU, 1, "level 3");
    translation_cache_init(&pipeline->buffer, BUFFER_ENTRIES, 0, REPLACE_LRU, 1, "prefetch buffer");
    if (configuration->partitions) {
        translation_cache_partition(&pipeline->iotlb, 8);
        translation_cache_partition(&pipeline->level_2, 32);
        translation_cache_partition(&pipeline->level_3, configuration->prefetch ? 64 : 1);
    }
    double gbps = bandwidth(pipeline, tenants, configuration->limit);
    translation_cache_fini(&pipeline->iotlb);
    translation_cache_fini(&pipeline->level_2);
    translation_cache_fini(&pipeline->level_3);
    translation_cache_fini(&pipeline->buffer);
    free(pipeline);
    return gbps;
}

void table_tenants(struct validation *validation)
{
    struct published_table published = published_table_read(validation->arena, "tenants.csv");
    struct validation_run run;
    validation_run_begin(&run,
                         "{\"format\": \"iommusim-topology/1\", \"preset\": [\"default\", \"hypersio\"], "
                         "\"iommus\": [{\"kind\": \"vt-d\", \"include_all\": true}], \"host_bridges\": "
                         "[{\"bus\": \"00\", \"functions\": [{\"address\": \"02.0\"}]}]}");
    struct validation_table *table = validation_add_table(
        validation,
        (struct validation_table){
            .id = "H1",
            .title = "bandwidth against tenants, as HyperSIO simulates it",
            .x_name = "tenants",
            .logarithmic = true,
            .source = "HyperSIO itself (PrincetonUniversity/hypersio): a simulator, no measurement",
            .machine =
                "HyperSIO's pipeline over the caches of this project, preset `hypersio`; partitions: 8 of "
                "the IOTLB, 32 of the L2 page cache (that the L3 page cache has none follows from the "
                "figures); HyperTRIO: 64 of the L3 page cache as well, a prefetch buffer of 8, distance "
                "48, two pages a tenant",
            .tolerance = "3 % each point"});
    for (size_t c = 0; c < sizeof(configurations) / sizeof(configurations[0]); c++) {
        struct validation_series *series = validation_add_series(
            table, (struct validation_series){
                       .name = configurations[c].name, .unit = "Gbit/s", .point_tolerance = 0.03});
        for (size_t row = 1; row < published.rows; row++) {
            double tenants = published_number(&published, row, "tenants");
            validation_add_point(
                series, (struct validation_point){
                            .x = tenants,
                            .published = published_number(&published, row, configurations[c].column),
                            .simulated = simulate(&configurations[c], &run.input->parameters.units[0],
                                                  (uint32_t)tenants)});
        }
    }
    machine_input_free(run.input);
    diagnostics_free(run.diagnostics);
}
