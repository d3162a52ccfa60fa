/* SPDX-License-Identifier: MIT */
#include "sim/machine/request_trace.h"

#include "sim/base/arena.h"

#include <stdlib.h>
#include <string.h>

/* What a TLP's ledger was at one of its events, and what came before. Node 0 stands for "not followed". */
struct trace_node {
    uint32_t parent;
    uint32_t function_id;
    uint8_t rule;
    bool memory, is_walk;
    uint32_t translation; /* node at which a translation request ended that it waited for; 0: none */
    struct walk_step walk;
    struct ledger ledger;
};

void request_trace_init(struct request_trace *trace)
{
    *trace = (struct request_trace){0};
    trace->nodes = memory_grow(NULL, 0, &trace->node_capacity, sizeof(*trace->nodes));
    trace->nodes[0] = (struct trace_node){0};
    trace->node_count = 1;
}

void request_trace_fini(struct request_trace *trace)
{
    free(trace->nodes);
    free(trace->requests);
    *trace = (struct request_trace){0};
}

static uint32_t add_node(struct request_trace *trace, struct trace_node node)
{
    trace->nodes = memory_grow(trace->nodes, trace->node_count, &trace->node_capacity, sizeof(*trace->nodes));
    trace->nodes[trace->node_count] = node;
    return trace->node_count++;
}

static int by_number(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static bool is_chosen(const struct request_trace *trace, uint64_t number)
{
    if (trace->every)
        return number % trace->every < trace->block && trace->followed < trace->limit;
    return trace->number_count &&
           bsearch(&number, trace->numbers, trace->number_count, sizeof(*trace->numbers), by_number);
}

void request_trace_begin(struct request_trace *trace, struct dma_operation *operation)
{
    operation->number = trace->submitted++;
    operation->trace = 0;
    if (!is_chosen(trace, operation->number))
        return;
    trace->followed++;
    operation->trace = add_node(trace, (struct trace_node){.function_id = NONE, .rule = RULE_COUNT});
}

void request_trace_note(struct request_trace *trace, struct tlp *tlp, bool memory)
{
    if (!tlp->trace)
        return;
    uint32_t translation = tlp->translation_trace;
    tlp->translation_trace = 0;
    tlp->trace = add_node(trace, (struct trace_node){.parent = tlp->trace,
                                                     .translation = translation,
                                                     .function_id = tlp->place.function_id,
                                                     .rule = tlp->rule,
                                                     .memory = memory,
                                                     .ledger = tlp->ledger});
}

void request_trace_walk(void *context, const struct translation_work *work, const struct walk_step *step)
{
    struct request_trace *trace = context;
    const struct tlp_pool *pool = trace->pool;
    if (work < pool->works || work >= pool->works + pool->count)
        return; /* a walk ahead of demand */
    struct tlp *tlp = &pool->items[work - pool->works];
    if (!tlp->trace)
        return;
    tlp->trace = add_node(trace, (struct trace_node){.parent = tlp->trace,
                                                     .is_walk = true,
                                                     .walk = *step,
                                                     .ledger = trace->nodes[tlp->trace].ledger});
}

static void note_slow(struct request_trace *trace, uint64_t number, uint64_t latency_ps)
{
    uint32_t at = trace->slowest_count;
    while (at > 0 && trace->slowest[at - 1].latency_ps < latency_ps)
        at--;
    if (at >= trace->slowest_wanted)
        return;
    if (trace->slowest_count < trace->slowest_wanted)
        trace->slowest_count++;
    memmove(&trace->slowest[at + 1], &trace->slowest[at],
            (trace->slowest_count - at - 1) * sizeof(*trace->slowest));
    trace->slowest[at] = (struct slow_operation){number, latency_ps};
}

static uint64_t latency_ps(const struct traced_request *request)
{
    return request->done_ps - request->submit_ps;
}

static void insert_request(struct request_trace *trace, struct traced_request request)
{
    uint32_t at = trace->request_count;
    trace->requests = memory_grow(trace->requests, trace->request_count, &trace->request_capacity,
                                  sizeof(*trace->requests));
    for (; trace->slowest_first && at && latency_ps(&trace->requests[at - 1]) < latency_ps(&request); at--)
        trace->requests[at] = trace->requests[at - 1];
    trace->requests[at] = request;
    trace->request_count++;
}

void request_trace_end(struct request_trace *trace, const struct dma_operation *operation, struct tlp *tlp,
                       uint32_t function_id, uint64_t done_ps)
{
    if (operation->recorded && trace->slowest_wanted && !operation->request)
        note_slow(trace, operation->number, done_ps - operation->submit_ps);
    if (!operation->trace)
        return;
    request_trace_note(trace, tlp, false);
    insert_request(trace, (struct traced_request){
                              .number = operation->number,
                              .stream = operation->stream,
                              .function_id = function_id,
                              .address = operation->address,
                              .length_bytes = operation->length_bytes,
                              .pasid = operation->pasid,
                              .write = operation->write,
                              .failed = operation->failed,
                              .fault = tlp->fault,
                              .unsent = tlp->unsent,
                              .answered = tlp->status != COMPLETION_SUCCESS,
                              .status = (enum completion_status)tlp->status,
                              .stopped_by = (enum route_rule)tlp->stopped_by,
                              .stopped_at_id = tlp->stopped_at_id,
                              .submit_ps = operation->submit_ps,
                              .device_ps = operation->submit_ps,
                              .done_ps = done_ps,
                              .last = tlp->trace,
                          });
}

void request_trace_enclose(struct request_trace *trace, uint64_t number, bool recorded,
                           const struct ledger *before, const struct ledger *after, uint64_t start_ps,
                           uint64_t done_ps)
{
    uint32_t at = 0;
    if (recorded && trace->slowest_wanted)
        note_slow(trace, number, done_ps - start_ps);
    while (at < trace->request_count && trace->requests[at].number != number)
        at++;
    if (at == trace->request_count)
        return;
    struct traced_request request = trace->requests[at];
    request.before = *before;
    request.after = *after;
    request.submit_ps = start_ps;
    request.done_ps = done_ps;
    trace->request_count--;
    memmove(&trace->requests[at], &trace->requests[at + 1],
            (trace->request_count - at) * sizeof(*trace->requests));
    insert_request(trace, request);
}

/* ---- results ---- */

/* In which order the parts of one step come: a request waits, goes through a link, is translated, waits for
 * its turn at the memory; data that come from memory pass the root complex behind it. */
static const enum ledger_part usual_order[LEDGER_PARTS] = {LEDGER_ENDPOINT,
                                                           LEDGER_DEVICE_TLB,
                                                           LEDGER_LINK_QUEUEING,
                                                           LEDGER_LINK_SERIALISATION,
                                                           LEDGER_LINK_PROPAGATION,
                                                           LEDGER_SWITCH,
                                                           LEDGER_BRIDGE,
                                                           LEDGER_CONTEXT_CACHE,
                                                           LEDGER_IOTLB,
                                                           LEDGER_WALKER_QUEUEING,
                                                           LEDGER_WALK_CACHES,
                                                           LEDGER_WALK_MEMORY,
                                                           LEDGER_INTERRUPT,
                                                           LEDGER_MEMORY,
                                                           LEDGER_COMPLETER,
                                                           LEDGER_ROOT_COMPLEX,
                                                           LEDGER_DRIVER,
                                                           LEDGER_INVALIDATION,
                                                           LEDGER_BOUNCE_COPY};

_Static_assert(LEDGER_PARTS == 19, "usual_order names every part once");

struct step_list {
    struct traced_step *steps;
    uint32_t count;
    size_t capacity;
    uint64_t at_ps;
    bool of_translation; /* steps are of a translation request */
};

static void add_step(struct step_list *list, struct traced_step step)
{
    list->steps = memory_grow(list->steps, list->count, &list->capacity, sizeof(*list->steps));
    step.of_translation = list->of_translation;
    list->steps[list->count++] = step;
}

static bool is_context_read(const struct trace_node *node)
{
    return node->walk.kind == WALK_CONTEXT_TABLE || node->walk.kind == WALK_PASID_TABLE;
}

/* The nodes before one that say what its unit read: some[] of a path. */
struct walk_nodes {
    const struct request_trace *trace;
    const uint32_t *path;
    uint32_t first, end;
};

static uint32_t count_reads(const struct walk_nodes *walk, bool of_context)
{
    uint32_t count = 0;
    for (uint32_t w = walk->first; w < walk->end; w++)
        count += is_context_read(&walk->trace->nodes[walk->path[w]]) == of_context;
    return count;
}

static void add_reads(struct step_list *list, const struct walk_nodes *walk, enum ledger_part part)
{
    for (uint32_t w = walk->first; w < walk->end; w++) {
        const struct trace_node *node = &walk->trace->nodes[walk->path[w]];
        if (is_context_read(node) == (part == LEDGER_CONTEXT_CACHE))
            add_step(list, (struct traced_step){
                               .part = part, .is_walk = true, .ps = node->walk.ps, .walk = node->walk});
    }
}

/* Part number @p i of a step. A request whose context is not cached waits for a walker before it is read. */
static enum ledger_part part_at(int i, bool context_read)
{
    static const enum ledger_part waits_first[] = {LEDGER_WALKER_QUEUEING, LEDGER_CONTEXT_CACHE,
                                                   LEDGER_IOTLB};
    enum { FIRST = 7 };
    _Static_assert(sizeof(waits_first) == 3 * sizeof(waits_first[0]), "the parts whose order differs");
    return context_read && i >= FIRST && i < FIRST + 3 ? waits_first[i - FIRST] : usual_order[i];
}

static void add_path(struct step_list *list, const struct request_trace *trace, uint32_t last);

/* The life of the translation request that a wait in the device ended with: beside the sum. */
static void add_translation(struct step_list *list, const struct request_trace *trace, uint32_t last,
                            uint64_t waited_ps)
{
    uint64_t took_ps = ledger_total_ps(&trace->nodes[last].ledger), at_ps = list->at_ps;
    bool outer = list->of_translation;
    list->of_translation = true;
    list->at_ps = at_ps - waited_ps;
    if (waited_ps > took_ps) /* until it was asked for, the last time */
        add_step(list, (struct traced_step){.begin_ps = list->at_ps,
                                            .ps = waited_ps - took_ps,
                                            .part = LEDGER_DEVICE_TLB,
                                            .function_id = trace->nodes[last].function_id,
                                            .rule = RULE_COUNT});
    list->at_ps = at_ps > took_ps ? at_ps - took_ps : 0;
    add_path(list, trace, last);
    list->of_translation = outer;
    list->at_ps = at_ps;
}

/* The parts a node's ledger gained, with what was read, or asked for, below the part whose time that took. */
static void add_parts(struct step_list *list, const struct request_trace *trace, const uint32_t *path,
                      uint32_t first_walk, uint32_t at)
{
    const struct trace_node *node = &trace->nodes[path[at]], *parent = &trace->nodes[node->parent];
    const struct walk_nodes walk = {trace, path, first_walk, at};
    bool context_read = count_reads(&walk, true) != 0, walks = count_reads(&walk, false) != 0;
    for (int i = 0; i < LEDGER_PARTS; i++) {
        enum ledger_part part = part_at(i, context_read);
        uint64_t ps = node->ledger.ps[part] - parent->ledger.ps[part];
        if (ps)
            add_step(list, (struct traced_step){.begin_ps = list->at_ps,
                                                .ps = ps,
                                                .part = part,
                                                .function_id = node->function_id,
                                                .rule = (enum route_rule)node->rule,
                                                .reads_context = context_read,
                                                .translating = walks});
        list->at_ps += ps;
        if (part == LEDGER_WALK_MEMORY || part == LEDGER_CONTEXT_CACHE)
            add_reads(list, &walk, part);
        if (part == LEDGER_DEVICE_TLB && ps && node->translation)
            add_translation(list, trace, node->translation, ps);
    }
}

/* All steps of a TLP, and of the request it answers, up to a node. */
static void add_path(struct step_list *list, const struct request_trace *trace, uint32_t last)
{
    uint32_t depth = 0;
    for (uint32_t node = last; node; node = trace->nodes[node].parent)
        depth++;
    uint32_t *path = memory_array(depth ? depth : 1, sizeof(*path)), at = depth, first_walk = 1;
    for (uint32_t node = last; node; node = trace->nodes[node].parent)
        path[--at] = node;
    for (at = 1; at < depth; at++) { /* node 0 of the path is the submission */
        if (trace->nodes[path[at]].is_walk)
            continue;
        add_parts(list, trace, path, first_walk, at);
        first_walk = at + 1;
    }
    free(path);
}

static void add_driver_parts(struct step_list *list, const struct ledger *ledger)
{
    for (int i = 0; i < LEDGER_PARTS; i++) {
        uint64_t ps = ledger->ps[usual_order[i]];
        if (ps)
            add_step(list, (struct traced_step){.begin_ps = list->at_ps,
                                                .ps = ps,
                                                .part = usual_order[i],
                                                .function_id = NONE,
                                                .driver = true,
                                                .rule = RULE_COUNT});
        list->at_ps += ps;
    }
}

uint32_t request_trace_steps(const struct request_trace *trace, const struct traced_request *request,
                             struct traced_step **steps)
{
    struct step_list list = {.at_ps = request->submit_ps};
    add_driver_parts(&list, &request->before);
    list.at_ps = request->device_ps;
    add_path(&list, trace, request->last);
    uint64_t device_done_ps = request->done_ps - ledger_total_ps(&request->after);
    if (device_done_ps > list.at_ps)
        add_step(&list, (struct traced_step){.begin_ps = list.at_ps,
                                             .ps = device_done_ps - list.at_ps,
                                             .part = LEDGER_ENDPOINT,
                                             .function_id = request->function_id,
                                             .rule = RULE_COUNT});
    list.at_ps = device_done_ps;
    add_driver_parts(&list, &request->after);
    *steps = list.steps;
    return list.count;
}
