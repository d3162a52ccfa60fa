/* SPDX-License-Identifier: MIT */
#include "sim/output/reach_sarif.h"

#include "sim/analysis/group_explain.h"
#include "sim/analysis/reach_alike.h"
#include "sim/base/arena.h"
#include "sim/output/group_words.h"
#include "sim/output/reach_path.h"

const struct sarif_rule reach_sarif_rules[REACH_SARIF_RULES] = {
    [REACH_SARIF_LEAK] = {"reach/leak", SARIF_ERROR,
                          "A function reaches one of another IOMMU group without the IOMMU seeing it",
                          "The kernel may give the two groups to different guests, and they can write into "
                          "each other's device. Turn on ACS ReqRedir at the port named, give both groups to "
                          "one guest, or move one device behind another port."},
    [REACH_SARIF_ID] = {"reach/shared-requester-id", SARIF_ERROR,
                        "Functions of different IOMMU groups send under one requester id",
                        "The IOMMU translates both with one set of page tables, whichever group they are "
                        "in. Give both to one guest."},
    [REACH_SARIF_VOUCHED] = {"reach/vouched", SARIF_NOTE,
                             "Only a vendor's word keeps functions of different IOMMU groups apart",
                             "The function has no ACS capability; the kernel's quirk list holds its "
                             "vendor's statement that it turns no requests between its functions or ports."},
    [REACH_SARIF_PESSIMISTIC] = {"groups/pessimistic", SARIF_NOTE,
                                 "An IOMMU group is larger than anything that reaches demands",
                                 "The kernel keeps these functions together although no request passes "
                                 "between them untranslated; no setting of the fabric is unsafe here."},
};

static struct sarif_place place_of(const struct reach_sarif *about, uint32_t id, char *name,
                                   const char *message)
{
    return (struct sarif_place){about->places[id], group_words_address(about->groups->topology, id, name),
                                message};
}

static void add(const struct reach_sarif *about, struct sarif *sarif, enum reach_sarif_rule rule,
                uint32_t at_id, uint32_t source_id, uint32_t target_id, const char *message)
{
    char names[3][BDF_TEXT_SIZE];
    struct text_buffer fingerprint = {0};
    const struct sarif_place places[] = {
        place_of(about, at_id == NONE ? source_id : at_id, names[0], NULL),
        place_of(about, source_id, names[1], "the source"),
        place_of(about, target_id, names[2], "the target"),
    };
    text_buffer_format(&fingerprint, "%s %s %s %s", reach_sarif_rules[rule].id, names[0], names[1], names[2]);
    sarif_add(sarif, &(struct sarif_finding){rule, message, places, 3, text_buffer_get(&fingerprint)});
    text_buffer_fini(&fingerprint);
}

void reach_sarif_pair(const struct reach_sarif *about, struct sarif *sarif, enum reach_sarif_rule rule,
                      uint32_t source_id, uint32_t target_id, const struct reach_result *result)
{
    struct text_buffer message = {0};
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    const struct topology *topology = about->groups->topology;
    text_buffer_format(
        &message, "%s (group %u) reaches %s (group %u) past the IOMMU, turned at %s: %s (%s). Way: ",
        group_words_address(topology, source_id, source), about->groups->decisions[source_id].group,
        group_words_address(topology, target_id, target), about->groups->decisions[target_id].group,
        reach_path_name(topology, result->at_id, at), route_rule_text(result->rule),
        route_rule_name(result->rule));
    reach_path_add(about->reach, source_id, result, &message);
    add(about, sarif, rule, result->at_id, source_id, target_id, text_buffer_get(&message));
    text_buffer_fini(&message);
}

uint64_t reach_sarif_pairs(const struct reach_sarif *about, uint32_t source_id, uint32_t target_id,
                           struct text_buffer *out)
{
    struct sarif sarif;
    uint64_t leaks = 0;
    struct arena *arena = arena_new();
    struct reach_table *table = reach_table_of_writes(arena, about->reach);
    uint32_t count = about->groups->topology->function_count;
    sarif_begin(&sarif, out, reach_sarif_rules, REACH_SARIF_RULES);
    for (uint32_t source = 0; source < count; source++) {
        for (uint32_t target = 0; target < count; target++) {
            if ((source_id != NONE && source_id != source) || (target_id != NONE && target_id != target))
                continue;
            struct reach_result result = reach_table_ask(table, source, target);
            enum reach_leak leak = reach_leak(about->groups, &result, source, target);
            leaks += leak == REACH_LEAK;
            if (leak != REACH_NO_LEAK)
                reach_sarif_pair(about, &sarif, leak == REACH_LEAK ? REACH_SARIF_LEAK : REACH_SARIF_VOUCHED,
                                 source, target, &result);
        }
    }
    sarif_end(&sarif);
    arena_free(arena);
    return leaks;
}

static void add_shared_id(const struct reach_sarif *about, struct sarif *sarif,
                          const struct unsound_pair *pair)
{
    struct text_buffer message = {0};
    char a[BDF_TEXT_SIZE], b[BDF_TEXT_SIZE];
    const struct topology *topology = about->groups->topology;
    text_buffer_format(&message, "%s and %s, of different groups, both send as %02x:%02x.%x",
                       group_words_address(topology, pair->source_id, a),
                       group_words_address(topology, pair->target_id, b), pair->requester_id >> 8,
                       pci_slot((uint8_t)pair->requester_id), pci_func((uint8_t)pair->requester_id));
    add(about, sarif, REACH_SARIF_ID, NONE, pair->source_id, pair->target_id, text_buffer_get(&message));
    text_buffer_fini(&message);
}

static void add_merge(const struct reach_sarif *about, struct sarif *sarif, const struct loose_merge *merge)
{
    struct text_buffer message = {0};
    char a[BDF_TEXT_SIZE], b[BDF_TEXT_SIZE], who[BDF_TEXT_SIZE];
    const struct topology *topology = about->groups->topology;
    text_buffer_format(&message, "%s and %s of group %u do not meet; %s ",
                       group_words_address(topology, merge->a_id, a),
                       group_words_address(topology, merge->b_id, b), merge->group,
                       group_words_address(topology, merge->joined_id, who));
    group_explain(about->groups, merge->joined_id, &message);
    add(about, sarif, REACH_SARIF_PESSIMISTIC, merge->joined_id, merge->a_id, merge->b_id,
        text_buffer_get(&message));
    text_buffer_fini(&message);
}

void reach_sarif_soundness(const struct soundness *soundness, const struct source_place *places,
                           struct text_buffer *out)
{
    struct sarif sarif;
    const struct reach_sarif about = {soundness->reach, soundness->groups, places};
    sarif_begin(&sarif, out, reach_sarif_rules, REACH_SARIF_RULES);
    for (size_t i = 0; i < soundness->pair_count; i++) {
        const struct unsound_pair *pair = &soundness->pairs[i];
        if (pair->kind == UNSOUND_ID) {
            add_shared_id(&about, &sarif, pair);
            continue;
        }
        struct reach_result result = reach_pair(soundness->reach, pair->source_id, pair->target_id);
        reach_sarif_pair(&about, &sarif, pair->kind == UNSOUND_REACH ? REACH_SARIF_LEAK : REACH_SARIF_VOUCHED,
                         pair->source_id, pair->target_id, &result);
    }
    for (size_t i = 0; i < soundness->merge_count; i++) {
        if (soundness->merges[i].doubt == LOOSE_PROVEN)
            add_merge(&about, &sarif, &soundness->merges[i]);
    }
    sarif_end(&sarif);
}
