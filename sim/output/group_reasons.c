/* SPDX-License-Identifier: MIT */
#include "sim/output/group_reasons.h"

#include "sim/analysis/group_explain.h"
#include "sim/output/group_words.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED_TOGETHER = 6 }; /* addresses (or runs of them) listed in one line */

/* What made one function join, reduced to what others may share. */
static bool same_verdict(const struct iommu_groups *groups, uint32_t a, uint32_t b)
{
    struct text_buffer one = {0}, other = {0};
    group_explain_verdict(groups, a, &one);
    group_explain_verdict(groups, b, &other);
    bool same = strcmp(text_buffer_get(&one), text_buffer_get(&other)) == 0;
    text_buffer_fini(&one);
    text_buffer_fini(&other);
    return same;
}

/* Do functions @p a and @p b join for one reason? Slot mates may differ in who is to blame: each itself. */
static bool same_reason(const struct iommu_groups *groups, uint32_t a, uint32_t b)
{
    const struct group_decision *one = &groups->decisions[a], *other = &groups->decisions[b];
    if (one->rule != other->rule)
        return false;
    if (one->rule == GROUP_RULE_PATH)
        return one->culprit == other->culprit;
    if (one->rule == GROUP_RULE_SLOT && one->culprit == a && other->culprit == b)
        return one->via == other->via && one->start == a && other->start == b && same_verdict(groups, a, b);
    return one->via == other->via && one->culprit == other->culprit &&
           (one->start == a) == (other->start == b);
}

/* "functions of one slot, none isolated; each of these: it is conventional PCI" */
static void slot_cause(const struct iommu_groups *groups, uint32_t id, struct text_buffer *out)
{
    const struct group_decision *decision = &groups->decisions[id];
    char bdf[BDF_TEXT_SIZE];
    text_buffer_add(out, "functions of one slot, none isolated; each of these: ");
    group_explain_verdict(groups, id, out);
    if (same_verdict(groups, id, decision->via))
        return;
    text_buffer_format(out, "; %s: ", group_words_brief(groups->topology, decision->via, bdf));
    group_explain_verdict(groups, decision->via, out);
}

static void reason(const struct iommu_groups *groups, const uint32_t *ids, uint32_t count, bool all,
                   struct text_buffer *out)
{
    const struct group_decision *decision = &groups->decisions[ids[0]];
    char bdf[BDF_TEXT_SIZE];
    text_buffer_add(out, "      because  ");
    group_words_list(groups->topology, ids, count, all ? 0 : NAMED_TOGETHER, out);
    text_buffer_add(out, count > 1 ? " join" : " joins");
    if (decision->rule != GROUP_RULE_PATH || count == 1)
        text_buffer_format(out, " %s", group_words_brief(groups->topology, decision->via, bdf));
    text_buffer_add(out, ": ");
    if (decision->rule == GROUP_RULE_SLOT && count > 1 && !groups->buses)
        slot_cause(groups, ids[0], out);
    else
        group_explain_cause_brief(groups, ids[0], out);
    text_buffer_add(out, "\n");
}

void group_reasons(const struct iommu_groups *groups, const uint32_t *ids, uint32_t count, bool all,
                   struct text_buffer *out)
{
    uint32_t *alike = memory_array(count, sizeof(*alike));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t found = 0;
        bool told = groups->decisions[ids[i]].via == NONE;
        for (uint32_t j = 0; j < i && !told && !all; j++)
            told = same_reason(groups, ids[i], ids[j]);
        if (told)
            continue;
        alike[found++] = ids[i];
        for (uint32_t j = i + 1; j < count && !all; j++) {
            if (same_reason(groups, ids[i], ids[j]))
                alike[found++] = ids[j];
        }
        reason(groups, alike, found, all, out);
    }
    free(alike);
}
