/* SPDX-License-Identifier: MIT */
#include "sim/output/viability_report.h"

#include "sim/analysis/viability_words.h"
#include "sim/output/function_label.h"
#include "sim/output/viability_plan.h"

#include <stdio.h>
#include <string.h>

enum { LEAKS_LISTED = 12 };

static const char *address(const struct viability *answer, uint32_t id, char *bdf)
{
    const struct pci_function *function = &answer->groups->topology->functions[id];
    return bdf_print(bdf, function->segment, function->bus, function->devfn);
}

/* Is any given function still to be bound? */
static bool binding_due(const struct viability *answer)
{
    for (uint32_t i = 0; i < answer->affected_count; i++) {
        for (uint32_t j = 0; j < answer->affected[i].member_count; j++) {
            if (answer->affected[i].members[j].fix != FIX_NONE)
                return true;
        }
    }
    return false;
}

static void text_heading(const struct viability *answer, struct text_buffer *out)
{
    static const char *const rules[] = {
        [VIABILITY_MODERN] = "modern: VFIO of kernels 5.19 and later",
        [VIABILITY_PRE_5_18] = "pre-5.18: VFIO of kernels before 5.19",
        [VIABILITY_LEGACY_KVM] = "legacy-kvm: KVM's own device assignment, kernels before 4.12",
    };
    static const char *const verdicts[] = {
        [VERDICT_VIABLE] = "viable",
        [VERDICT_DEPENDS] = "depends on what the input does not tell",
        [VERDICT_NOT_VIABLE] = "not viable",
    };
    char bdf[BDF_TEXT_SIZE];
    if (answer->groups->topology->name)
        text_buffer_format(out, "Machine    %s\n", answer->groups->topology->name);
    text_buffer_add(out, "Given      ");
    for (uint32_t i = 0; i < answer->question.given_count; i++)
        text_buffer_format(out, "%s%s", i ? ", " : "", address(answer, answer->question.given[i], bdf));
    text_buffer_format(
        out, "\nRule       %s\nAnswer     %s%s\n", rules[answer->question.rule], verdicts[answer->verdict],
        answer->verdict == VERDICT_VIABLE && binding_due(answer) ? ", once bound as planned below" : "");
}

static const char *driver_text(const struct viability_member *member)
{
    return !member->driver ? "?" : *member->driver ? member->driver : "-";
}

static void text_group(const struct viability *answer, const struct viability_group *group,
                       struct text_buffer *out)
{
    static const char *const now[] = {
        [VERDICT_VIABLE] = "viable", [VERDICT_DEPENDS] = "unknown", [VERDICT_NOT_VIABLE] = "not viable"};
    static const char *const interrupts[] = {[INTERRUPTS_ISOLATED] = "isolated",
                                             [INTERRUPTS_ASSUMED] = "isolated (assumed)",
                                             [INTERRUPTS_OPEN] = "not isolated"};
    text_buffer_format(out, "\nGroup %u", group->number);
    if (answer->question.rule != VIABILITY_LEGACY_KVM)
        text_buffer_format(out, ", %s as the drivers are now", now[group->now]);
    text_buffer_format(out, ", interrupts %s\n", interrupts[group->interrupts]);
    for (uint32_t i = 0; i < group->member_count; i++) {
        const struct viability_member *member = &group->members[i];
        const struct pci_function *function = &answer->groups->topology->functions[member->function_id];
        char bdf[BDF_TEXT_SIZE];
        text_buffer_format(out, "  %-13s %04x:%04x  %-14s %s - ", address(answer, member->function_id, bdf),
                           function->vendor, function->device, driver_text(member), function_label(function));
        viability_member_text(answer, member, out);
        text_buffer_add(out, "\n");
    }
}

/* Text of many lines, each after @p indent blanks. */
static void text_lines(const char *lines, const char *first, unsigned indent, struct text_buffer *out)
{
    text_buffer_format(out, "%*s%s", indent, "", first);
    for (; *lines; lines++) {
        text_buffer_append(out, lines, 1);
        if (*lines == '\n')
            text_buffer_format(out, "%*s", indent + (unsigned)strlen(first), "");
    }
    text_buffer_add(out, "\n");
}

/* The same text again, after another finding about the same group, would only tire. */
static bool told_before(const struct viability *answer, uint32_t index)
{
    const struct viability_finding *finding = &answer->findings[index];
    for (uint32_t i = 0; i < index; i++) {
        const struct viability_finding *other = &answer->findings[i];
        bool same_words = other->kind == finding->kind ||
                          (finding->kind == FINDING_UNKNOWN_DRIVER && other->kind == FINDING_BLOCKER);
        if (same_words && other->group == finding->group &&
            (finding->kind == FINDING_BLOCKER || finding->kind == FINDING_UNKNOWN_DRIVER ||
             finding->kind == FINDING_CARRIER))
            return true;
    }
    return false;
}

static void text_findings(const struct viability *answer, enum finding_severity severity, const char *title,
                          struct text_buffer *out)
{
    struct arena *arena = arena_new();
    bool any = false;
    for (uint32_t i = 0; i < answer->finding_count; i++) {
        const struct viability_finding *finding = &answer->findings[i];
        struct viability_message messages[VIABILITY_MESSAGES];
        if (finding->severity != severity)
            continue;
        text_buffer_format(out, "%s  - ", any ? "" : title);
        any = true;
        viability_finding_text(answer, finding, out);
        text_buffer_add(out, "\n");
        uint32_t count =
            told_before(answer, i) ? 0 : viability_finding_messages(answer, finding, arena, messages);
        for (uint32_t j = 0; j < count; j++) {
            char who[32];
            snprintf(who, sizeof(who), "%s: ", messages[j].who);
            text_lines(messages[j].text, who, 8, out);
        }
    }
    arena_free(arena);
}

static void text_leaks(const struct viability *answer, struct text_buffer *out)
{
    uint32_t vouched = 0, listed = 0;
    for (uint32_t i = 0; i < answer->leak_count; i++)
        vouched += answer->leaks[i].vouched;
    if (vouched < answer->leak_count)
        text_buffer_format(
            out, "\nRequests that pass the IOMMU by, between the guest's functions and others: %u\n",
            answer->leak_count - vouched);
    for (uint32_t i = 0; i < answer->leak_count && listed < LEAKS_LISTED; i++) {
        const struct viability_leak *leak = &answer->leaks[i];
        char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE] = "the root complex";
        if (leak->vouched)
            continue;
        listed++;
        if (leak->result.at_id != NONE)
            address(answer, leak->result.at_id, at);
        text_buffer_format(out, "  - %s reaches %s%s: at %s, %s\n", address(answer, leak->source_id, source),
                           address(answer, leak->target_id, target), leak->inward ? "" : " (from the guest)",
                           at,
                           route_rule_is_turn(leak->result.rule) ? route_rule_text(leak->result.rule)
                                                                 : "the address goes as it is");
    }
    if (answer->leak_count - vouched > listed)
        text_buffer_format(out, "  - and %u more (`iommusim reach` lists all)\n",
                           answer->leak_count - vouched - listed);
    if (vouched)
        text_buffer_format(out,
                           "\nFurther %u pairs could talk past the IOMMU, but vendors vouch for it in the "
                           "kernel's quirk list that they do not\n",
                           vouched);
}

static void text_plans(const struct viability *answer, struct text_buffer *out)
{
    if (!viability_has_plan(answer)) {
        text_buffer_add(out, "\nNo plan: ");
        viability_no_plan(answer, out);
        text_buffer_add(out, "\n");
        return;
    }
    for (int kind = 0; kind < PLAN_KINDS; kind++) {
        struct text_buffer plan = {0};
        viability_plan(answer, (enum plan_kind)kind, &plan);
        if (plan.length) {
            text_buffer_format(out, "\nPlan %s (to read; nothing was run)\n",
                               viability_plan_title(answer, (enum plan_kind)kind));
            plan.text[--plan.length] = '\0';
            text_lines(text_buffer_get(&plan), "", 4, out);
        }
        text_buffer_fini(&plan);
    }
}

void viability_report_text(const struct viability *answer, struct text_buffer *out)
{
    text_heading(answer, out);
    for (uint32_t i = 0; i < answer->affected_count; i++)
        text_group(answer, &answer->affected[i], out);
    text_findings(answer, SEVERITY_FATAL, "\nWhy not\n", out);
    text_findings(answer, SEVERITY_OPEN, "\nWhat it hangs on\n", out);
    text_findings(answer, SEVERITY_WARNING, "\nWarnings\n", out);
    text_findings(answer, SEVERITY_NOTE, "\nNotes\n", out);
    text_leaks(answer, out);
    text_plans(answer, out);
}
