/* SPDX-License-Identifier: MIT */
#include "sim/analysis/acs_wish.h"

#include "models/pcie/fabric_acs.h"
#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { HOPS = 64, WALKS_MAX = 5000000, BITS_MAX = 16 };

/** A search under way. The fabric is its own: its control bits are changed and changed back. */
struct search {
    const struct iommu_groups *groups;
    const struct acs_wish *wish;
    const struct topology *topology;
    struct fabric *fabric;
    struct reach reach;
    uint16_t *flippable; /**< [function] candidates that are not flipped yet */
    uint16_t *used;      /**< [function] for lower bounds; zero between */
    uint32_t *used_ids;  /**< functions with bits in @c used */
    uint32_t used_count;
    uint64_t walks; /**< done so far */
    bool cut;       /**< a branch was given up because it would need more flips than allowed */
};

/** A request that violates the wish, and what decided its way. */
struct violation {
    uint32_t source_id, target_id;
    enum address_type address_type;
    bool completion;
    struct reach_result result;
    struct {
        struct transaction transaction;
        struct route_place place;
    } steps[HOPS];
    uint32_t step_count;
};

uint16_t acs_wish_candidates(const struct iommu_groups *groups, enum acs_wish_kind kind, uint32_t function_id,
                             uint16_t control)
{
    enum {
        BASIC = ACS_SOURCE_VALIDATION | ACS_TRANSLATION_BLOCKING | ACS_REQUEST_REDIRECT |
                ACS_COMPLETION_REDIRECT | ACS_UPSTREAM_FORWARDING | ACS_EGRESS_CONTROL |
                ACS_DIRECT_TRANSLATED,
        LETS_THROUGH = ACS_EGRESS_CONTROL | ACS_DIRECT_TRANSLATED,
        TARGETS = ACS_DOWNSTREAM_TARGET_BLOCKING | ACS_DOWNSTREAM_TARGET_REDIRECT |
                  ACS_UPSTREAM_TARGET_BLOCKING | ACS_UPSTREAM_TARGET_REDIRECT,
    };
    const struct pci_function *function = &groups->topology->functions[function_id];
    uint16_t capability = groups->views[function_id].capability, bits;
    if (!function->acs.present || groups->views[function_id].hidden)
        return 0;
    if (kind != ACS_WISH_ISOLATED) {
        bits = control & (capability & BASIC);
        if (capability & ACS_ENHANCED)
            bits |= control & (TARGETS | ACS_UNCLAIMED_REDIRECT);
    } else {
        /* UpstreamFwd is no help: without it, what comes back for its port is stopped, and with it, goes to
         * a host that may take its word for its translation. */
        bits = (uint16_t)(capability & (BASIC & ~LETS_THROUGH & ~ACS_UPSTREAM_FORWARDING) & ~control);
        /* Egress control without redirect only ever blocks. */
        bits |= control & capability & ACS_DIRECT_TRANSLATED;
        if (capability & ACS_REQUEST_REDIRECT)
            bits |= control & capability & ACS_EGRESS_CONTROL;
        if (capability & ACS_ENHANCED) {
            bits |= ACS_UNCLAIMED_REDIRECT & ~control;
            if (!(control & (ACS_DOWNSTREAM_TARGET_BLOCKING | ACS_DOWNSTREAM_TARGET_REDIRECT)))
                bits |= ACS_DOWNSTREAM_TARGET_REDIRECT;
            if (!(control & (ACS_UPSTREAM_TARGET_BLOCKING | ACS_UPSTREAM_TARGET_REDIRECT)))
                bits |= ACS_UPSTREAM_TARGET_REDIRECT;
        }
    }
    /* What is in force whatever the register says. */
    if (acs_isolates_anyway(groups->topology, function))
        bits &= (uint16_t) ~(ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT);
    return bits;
}

/* ---- does it hold? ---- */

/* Follow @p transaction from @p source_id inside the fabric. @return the last decision */
static struct route_decision walk(struct search *search, struct transaction transaction, uint32_t source_id,
                                  struct violation *violation)
{
    struct route_place place = {source_id, SIDE_SELF};
    bool redirected = false;
    search->walks++;
    violation->step_count = 0;
    for (;;) {
        transaction.segment = search->topology->functions[place.function_id].segment;
        struct route_decision decision = route_step(search->fabric, &transaction, place);
        if (violation->step_count < HOPS) {
            violation->steps[violation->step_count].transaction = transaction;
            violation->steps[violation->step_count++].place = place;
        }
        /* Where it first left the straight way is to blame. */
        if (!redirected) {
            violation->result.rule = decision.rule;
            violation->result.at_id = place.function_id;
            redirected = route_rule_is_redirect(decision.rule);
        }
        if (decision.action != ROUTE_MOVE)
            return decision;
        transaction.requester_id = decision.requester_id;
        place = decision.next;
    }
}

/* Does every request of a to one BAR of b arrive inside the fabric, and the completion come back so? */
static bool direct_to_bar(struct search *search, uint64_t address, struct violation *violation)
{
    const struct acs_wish *wish = search->wish;
    struct transaction transaction = {
        .kind = wish->kind == ACS_WISH_WRITES ? TRANSACTION_MEMORY_WRITE : TRANSACTION_MEMORY_READ,
        .address = address,
        .requester_id = search->fabric->nodes[wish->a_id].requester_id,
    };
    violation->source_id = wish->a_id, violation->target_id = wish->b_id;
    violation->completion = false;
    violation->result = (struct reach_result){.address = address};
    struct route_decision end = walk(search, transaction, wish->a_id, violation);
    if (end.action != ROUTE_DELIVER || end.next.function_id != wish->b_id)
        return false;
    if (wish->kind == ACS_WISH_WRITES)
        return true;
    struct transaction answer = {.kind = TRANSACTION_COMPLETION, .requester_id = end.requester_id};
    violation->source_id = wish->b_id, violation->target_id = wish->a_id;
    violation->completion = true;
    return walk(search, answer, wish->b_id, violation).action == ROUTE_DELIVER;
}

/* The way of a request that reaches, as steps for bits_that_decide(). */
static void note_way(struct search *search, uint32_t source_id, uint32_t target_id,
                     enum address_type address_type, const struct reach_result *result,
                     struct violation *violation)
{
    struct reach_hop hops[HOPS];
    struct reach_request request = reach_request(&search->reach, source_id, TRANSACTION_MEMORY_WRITE);
    request.transaction.address = result->address;
    request.transaction.address_type = address_type;
    reach_follow(&search->reach, &request, hops, HOPS);
    struct transaction transaction = request.transaction;
    *violation = (struct violation){
        .source_id = source_id, .target_id = target_id, .address_type = address_type, .result = *result};
    for (uint32_t i = 0; i < result->steps && i < HOPS; i++) {
        if (hops[i].place.function_id == NONE)
            continue;
        transaction.segment = search->topology->functions[hops[i].place.function_id].segment;
        violation->steps[violation->step_count].transaction = transaction;
        violation->steps[violation->step_count++].place = hops[i].place;
        transaction.requester_id = hops[i].decision.requester_id;
    }
}

/* The kernel's list has the vendor's word that who would let it through does not. */
static bool is_vouched(const struct search *search, const struct reach_result *result)
{
    const struct iommu_groups *groups = search->groups;
    if (result->at_id == NONE || groups->views[result->at_id].present)
        return false;
    const struct acs_verdict *verdict = &groups->verdicts[result->at_id];
    return verdict->reason == ACS_REASON_QUIRK && verdict->isolated;
}

/** Called for each violation; true stops. */
typedef bool (*take_violation)(void *data, const struct violation *violation);

/* The ways by which a function gets at another one that is to be apart from it: requests with untranslated
 * addresses, and with translated ones where the IOMMU takes a device's word for them. */
static bool isolated_from(struct search *search, uint32_t source_id, uint32_t target_id, take_violation take,
                          void *data)
{
    static const enum address_type types[] = {ADDRESS_UNTRANSLATED, ADDRESS_TRANSLATED};
    struct violation violation;
    for (unsigned i = 0; i < 1U + search->reach.ats[source_id]; i++) {
        const struct reach_way way = {TRANSACTION_MEMORY_WRITE, types[i], REACH_AS_ITSELF};
        struct reach_result result = reach_pair_by(&search->reach, source_id, target_id, way);
        search->walks++;
        if (result.outcome != REACH_REACHES || is_vouched(search, &result))
            continue;
        note_way(search, source_id, target_id, types[i], &result, &violation);
        if (take(data, &violation))
            return true;
    }
    return false;
}

static bool each_violation(struct search *search, take_violation take, void *data)
{
    const struct acs_wish *wish = search->wish;
    struct violation violation = {0};
    if (wish->kind != ACS_WISH_ISOLATED) {
        const struct fabric_node *target = &search->fabric->nodes[wish->b_id];
        for (uint32_t b = 0; b < target->bar_count; b++) {
            uint64_t base = search->fabric->bars[target->bar_first + b].base;
            if (!direct_to_bar(search, base, &violation) && take(data, &violation))
                return true;
        }
        return false;
    }
    for (uint32_t other = 0; other < search->topology->function_count; other++) {
        if (other != wish->a_id && (isolated_from(search, wish->a_id, other, take, data) ||
                                    isolated_from(search, other, wish->a_id, take, data)))
            return true;
    }
    return false;
}

static bool take_first(void *data, const struct violation *violation)
{
    *(struct violation *)data = *violation;
    return true;
}

/* ---- which bits decide ---- */

static bool same_way(struct route_decision a, struct route_decision b)
{
    return a.action == b.action && a.next.function_id == b.next.function_id && a.next.side == b.next.side &&
           a.requester_id == b.requester_id;
}

/* Bits of @p free, flippable ones of the step's function, that make a difference there in some combination.
 */
static uint16_t bits_that_decide(struct search *search, const struct transaction *transaction,
                                 struct route_place place, uint16_t free)
{
    struct fabric_node *node = &search->fabric->nodes[place.function_id];
    uint16_t before = node->acs_control, deciding = 0, bits[BITS_MAX];
    unsigned count = 0;
    for (unsigned bit = 0; bit < BITS_MAX; bit++) {
        if ((uint32_t)free >> bit & 1U)
            bits[count++] = (uint16_t)(1U << bit);
    }
    for (uint32_t chosen = 0; chosen < 1U << count; chosen++) {
        uint16_t flipped = 0;
        for (unsigned i = 0; i < count; i++)
            flipped |= chosen >> i & 1U ? bits[i] : 0;
        node->acs_control = before ^ flipped;
        struct route_decision decision = route_step(search->fabric, transaction, place);
        for (unsigned i = 0; i < count; i++) {
            if (chosen >> i & 1U || deciding & bits[i])
                continue;
            node->acs_control = before ^ flipped ^ bits[i];
            if (!same_way(decision, route_step(search->fabric, transaction, place)))
                deciding |= bits[i];
        }
        node->acs_control = before;
        if (deciding == free)
            break;
    }
    return deciding;
}

struct candidate {
    uint32_t function_id;
    uint16_t bit;
};

/* All single flips that could mend a violation. @return their number */
static uint32_t find_candidates(struct search *search, const struct violation *violation,
                                struct candidate *candidates)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < violation->step_count; i++) {
        uint32_t id = violation->steps[i].place.function_id;
        uint16_t bits = search->flippable[id];
        if (bits)
            bits =
                bits_that_decide(search, &violation->steps[i].transaction, violation->steps[i].place, bits);
        for (unsigned bit = 0; bit < BITS_MAX; bit++) {
            struct candidate candidate = {id, (uint16_t)(1U << bit)};
            bool known = !((uint32_t)bits >> bit & 1U);
            for (uint32_t c = 0; c < count && !known; c++)
                known = candidates[c].function_id == id && candidates[c].bit == candidate.bit;
            if (!known)
                candidates[count++] = candidate;
        }
    }
    return count;
}

/** The narrowest violation of a state, and how many flips the state needs at least. */
struct survey {
    struct search *search;
    uint32_t bound, most; /**< the survey ends once @c bound is above @c most */
    bool any, dead;       /**< there is a violation; one that no flip mends */
    struct candidate best[HOPS * BITS_MAX];
    uint32_t best_count;
};

static bool survey_violation(void *data, const struct violation *violation)
{
    struct survey *survey = data;
    struct search *search = survey->search;
    struct candidate found[HOPS * BITS_MAX];
    uint32_t count = find_candidates(search, violation, found);
    bool apart = true;
    survey->any = true;
    survey->dead |= count == 0;
    if (survey->best_count == 0 || count < survey->best_count) {
        memcpy(survey->best, found, count * sizeof(found[0]));
        survey->best_count = count;
    }
    for (uint32_t i = 0; i < count; i++)
        apart &= !(search->used[found[i].function_id] & found[i].bit);
    for (uint32_t i = 0; i < count && apart; i++) {
        if (!search->used[found[i].function_id])
            search->used_ids[search->used_count++] = found[i].function_id;
        search->used[found[i].function_id] |= found[i].bit;
    }
    survey->bound += apart;
    return survey->dead || survey->bound > survey->most;
}

static void clear_used(struct search *search)
{
    while (search->used_count)
        search->used[search->used_ids[--search->used_count]] = 0;
}

static void flip(struct search *search, struct candidate candidate)
{
    search->fabric->nodes[candidate.function_id].acs_control ^= candidate.bit;
}

/* Can the wish be had with @p most further flips? True with them made. */
static bool descend(struct search *search, uint32_t most)
{
    struct survey *survey = memory_alloc(sizeof(*survey));
    bool granted = false;
    *survey = (struct survey){.search = search, .most = most};
    each_violation(search, survey_violation, survey);
    clear_used(search);
    if (!survey->any)
        granted = true;
    else if (!survey->dead && survey->bound > most)
        search->cut = true;
    uint32_t tried = 0;
    if (survey->any && !survey->dead && survey->bound <= most) {
        for (; tried < survey->best_count && !granted && search->walks < WALKS_MAX; tried++) {
            struct candidate candidate = survey->best[tried];
            search->flippable[candidate.function_id] &= (uint16_t)~candidate.bit;
            flip(search, candidate);
            granted = descend(search, most - 1);
            if (!granted)
                flip(search, candidate);
        }
        /* What was tried and failed stays out of the later siblings' way only. */
        for (uint32_t i = 0; i < tried; i++)
            search->flippable[survey->best[i].function_id] |= survey->best[i].bit;
    }
    free(survey);
    return granted;
}

/* ---- the answer ---- */

static void begin(struct search *search, struct arena *arena, const struct iommu_groups *groups,
                  const struct acs_wish *wish, const uint16_t *control)
{
    const struct topology *topology = groups->topology;
    *search = (struct search){.groups = groups, .wish = wish, .topology = topology};
    search->reach = *reach_new(arena, groups);
    search->fabric = fabric_new(arena, topology, control);
    search->reach.fabric = search->fabric;
    search->flippable = arena_array(arena, topology->function_count, sizeof(*search->flippable));
    search->used = arena_array(arena, topology->function_count, sizeof(*search->used));
    search->used_ids = arena_array(arena, topology->function_count, sizeof(*search->used_ids));
    for (uint32_t id = 0; id < topology->function_count; id++)
        search->flippable[id] = acs_wish_candidates(groups, wish->kind, id, control[id]);
}

static void flip_all(struct search *search)
{
    for (uint32_t id = 0; id < search->topology->function_count; id++)
        search->fabric->nodes[id].acs_control ^= search->flippable[id];
}

bool acs_wish_holds(const struct iommu_groups *groups, const struct acs_wish *wish, const uint16_t *control)
{
    struct arena *arena = arena_new();
    struct search search;
    struct violation violation;
    begin(&search, arena, groups, wish, control);
    bool holds = !each_violation(&search, take_first, &violation);
    arena_free(arena);
    return holds;
}

/* From all bits changed back to as few as can be, one after the other: no bit of the rest can be left out. */
static void shrink(struct search *search, const uint16_t *before)
{
    struct violation violation;
    flip_all(search);
    for (uint32_t id = 0; id < search->topology->function_count; id++) {
        for (unsigned bit = 0; bit < BITS_MAX; bit++) {
            struct candidate candidate = {id, (uint16_t)(1U << bit)};
            if (!((search->fabric->nodes[id].acs_control ^ before[id]) & candidate.bit))
                continue;
            flip(search, candidate);
            if (each_violation(search, take_first, &violation))
                flip(search, candidate);
        }
    }
}

static void collect(struct search *search, struct arena *arena, const uint16_t *before,
                    struct acs_wish_answer *answer)
{
    uint32_t count = search->topology->function_count;
    answer->control = arena_array(arena, count, sizeof(*answer->control));
    for (uint32_t id = 0; id < count; id++) {
        answer->control[id] = search->fabric->nodes[id].acs_control;
        answer->flip_count += (size_t)__builtin_popcount(answer->control[id] ^ before[id]);
    }
    answer->flips = arena_array(arena, answer->flip_count, sizeof(*answer->flips));
    size_t at = 0;
    for (uint32_t id = 0; id < count; id++) {
        for (unsigned bit = 0; bit < BITS_MAX; bit++) {
            if ((uint32_t)(answer->control[id] ^ before[id]) >> bit & 1U)
                answer->flips[at++] =
                    (struct acs_flip){id, (uint16_t)(1U << bit), (uint32_t)answer->control[id] >> bit & 1U};
        }
    }
}

/* Is there a function whose translated requests have to be judged? */
static bool any_ats(const struct search *search)
{
    bool any = false;
    for (uint32_t id = 0; id < search->topology->function_count; id++)
        any |= search->reach.ats[id] && reach_issues(&search->topology->functions[id]);
    return any && search->wish->kind == ACS_WISH_ISOLATED;
}

/* Nothing to wish for? */
static enum reach_absence absence(const struct search *search)
{
    const struct acs_wish *wish = search->wish;
    if (wish->kind == ACS_WISH_ISOLATED)
        return REACH_ABSENT_NOTHING;
    struct reach_result result = reach_pair(&search->reach, wish->a_id, wish->b_id);
    return result.outcome == REACH_NOT_APPLICABLE ? result.absence : REACH_ABSENT_NOTHING;
}

/* With every bit changed that may be, is something left? (More of the bits that isolate never adds a reach,
 * fewer never take a direct way away: a property the tests hold.) */
static bool is_impossible(struct search *search, struct acs_wish_answer *answer)
{
    struct violation violation;
    flip_all(search);
    bool impossible = each_violation(search, take_first, &violation);
    if (impossible)
        answer->stuck =
            (struct acs_wish_stuck){violation.source_id, violation.target_id, violation.address_type,
                                    violation.result, violation.completion};
    flip_all(search);
    return impossible;
}

struct acs_wish_answer *acs_wish_solve(struct arena *arena, const struct iommu_groups *groups,
                                       const struct acs_wish *wish)
{
    struct acs_wish_answer *answer = arena_alloc(arena, sizeof(*answer));
    const uint16_t *before = reach_acs_control(arena, groups);
    struct search search;
    begin(&search, arena, groups, wish, before);
    answer->translated_too = any_ats(&search);
    answer->absence = absence(&search);
    if (answer->absence != REACH_ABSENT_NOTHING) {
        answer->outcome = ACS_WISH_SENSELESS;
        return answer;
    }
    if (is_impossible(&search, answer)) {
        answer->outcome = ACS_WISH_IMPOSSIBLE;
        return answer;
    }
    for (uint32_t most = 0; !answer->smallest && search.walks < WALKS_MAX; most++)
        answer->smallest = descend(&search, most);
    if (!answer->smallest)
        shrink(&search, before);
    collect(&search, arena, before, answer);
    return answer;
}
