/* SPDX-License-Identifier: MIT */
/* What was reached in the run that should not be: by pair, kind, rule and node. */
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"

const char *observed_kind_name(enum observed_kind kind)
{
    static const char *const names[OBSERVED_KINDS] = {
        [OBSERVED_UNTRANSLATED] = "untranslated",         [OBSERVED_STALE_IOTLB] = "stale-iotlb",
        [OBSERVED_STALE_DEVICE_TLB] = "stale-device-tlb", [OBSERVED_OTHER_DOMAIN] = "other-domain",
        [OBSERVED_FORGED] = "forged-translation",
    };
    return names[kind];
}

static bool same_peer(const struct observed_peer *a, const struct observed_peer *b)
{
    return a->source_id == b->source_id && a->target_id == b->target_id && a->kind == b->kind &&
           a->rule == b->rule && a->at_id == b->at_id;
}

static void observe(struct machine *machine, const struct observed_peer *key, uint32_t bytes)
{
    uint64_t now_ps = machine->events.now_ps;
    uint32_t *latest = &machine->latest_peer[key->source_id], index = *latest;
    if (index >= machine->peer_count || !same_peer(&machine->peers[index], key)) {
        for (index = 0; index < machine->peer_count && !same_peer(&machine->peers[index], key);)
            index++;
        *latest = index;
    }
    if (index == machine->peer_count) {
        machine->peers = memory_grow(machine->peers, machine->peer_count, &machine->peer_capacity,
                                     sizeof(*machine->peers));
        machine->peers[machine->peer_count] = *key;
        machine->peers[machine->peer_count++].first_ps = now_ps;
    }
    struct observed_peer *peer = &machine->peers[index];
    peer->tlps++;
    peer->bytes += bytes;
    peer->last_ps = now_ps;
}

/* Who let a request through to a peer, and why it should not have come; OBSERVED_KINDS where it may. */
static enum observed_kind kind_at_peer(struct machine *machine, const struct tlp *tlp)
{
    if (tlp->transaction.address_type == ADDRESS_TRANSLATED)
        return ats_judge(machine, tlp);
    if (tlp->stale)
        return OBSERVED_STALE_IOTLB;
    return tlp->translated ? OBSERVED_KINDS : OBSERVED_UNTRANSLATED;
}

void machine_observe_peer(struct machine *machine, const struct tlp *tlp)
{
    bool turned = tlp->turn != RULE_COUNT;
    const struct observed_peer key = {.kind = kind_at_peer(machine, tlp),
                                      .source_id = tlp->origin_id,
                                      .target_id = tlp->place.function_id,
                                      .rule = turned ? (enum route_rule)tlp->turn : RULE_TO_HOST,
                                      .at_id = turned ? tlp->turned_at_id : tlp->origin_id};
    if (key.kind != OBSERVED_KINDS)
        observe(machine, &key, tlp->length_bytes);
}

void machine_observe_memory(struct machine *machine, const struct tlp *tlp, enum observed_kind kind,
                            uint64_t physical)
{
    struct transaction transaction = tlp->transaction;
    transaction.address = physical;
    if (route_from_host(machine->transport.fabric, &transaction).action == ROUTE_MOVE)
        return;
    bool ats = tlp->transaction.address_type == ADDRESS_TRANSLATED;
    const struct observed_peer key = {.kind = kind,
                                      .source_id = tlp->origin_id,
                                      .target_id = NONE,
                                      .rule = ats ? RULE_ATS_TRUSTED : RULE_TO_HOST,
                                      .at_id = tlp->place.function_id};
    observe(machine, &key, tlp->length_bytes);
}

/* RAM, or where the input tells of none what nobody claims. */
static bool is_memory(const struct machine *machine, uint64_t address)
{
    const struct root_complex *root = &machine->root_complex;
    for (uint32_t i = 0; i < root->range_count; i++) {
        if (address >= root->ranges[i].base && address <= root->ranges[i].limit)
            return true;
    }
    return root->range_count == 0;
}

void machine_observe_bypass(struct machine *machine, const struct tlp *tlp)
{
    const struct transaction *transaction = &tlp->transaction;
    bool bypasses = machine->unit_count && machine->root_complex.unit_of[tlp->origin_id] == NO_UNIT;
    if (bypasses && transaction_is_memory(transaction->kind) &&
        transaction->address_type == ADDRESS_UNTRANSLATED && !route_is_msi(transaction->address) &&
        is_memory(machine, transaction->address))
        machine_observe_memory(machine, tlp, OBSERVED_UNTRANSLATED, transaction->address);
}

/* The context entry that the requester id leads to is that of a domain the function is not in. */
static bool by_other_domain(const struct machine *machine, const struct tlp *tlp,
                            const struct translation_work *work)
{
    uint32_t domain = machine_domain_of_request(machine, tlp->origin_id, tlp->pasid),
             unit = machine->root_complex.unit_of[tlp->origin_id];
    return domain != NONE &&
           machine->mapping.domain_ids[(size_t)domain * machine->unit_count + unit] != work->domain;
}

void machine_translated(void *context, uint32_t index)
{
    struct machine *machine = context;
    const struct tlp *tlp = &machine->pool.items[index];
    enum observed_kind kind;
    switch (tlp->transaction.address_type) {
    case ADDRESS_UNTRANSLATED:
        if (by_other_domain(machine, tlp, &machine->pool.works[index]))
            machine_observe_memory(machine, tlp, OBSERVED_OTHER_DOMAIN, machine->pool.works[index].physical);
        else
            mapping_check_access(machine, index);
        break;
    case ADDRESS_TRANSLATED:
        kind = ats_judge(machine, tlp);
        if (kind != OBSERVED_KINDS)
            machine_observe_memory(machine, tlp, kind, tlp->transaction.address);
        break;
    case ADDRESS_TRANSLATION_REQUEST:
        break;
    }
}
