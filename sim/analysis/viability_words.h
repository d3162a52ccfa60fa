/* SPDX-License-Identifier: MIT */
/**
 * @file viability_words.h
 * Viability in words: stable names for JSON, sentences, and the very texts users meet.
 *
 * Source of the texts: kernel 7.3.4, and 4.10 for legacy-kvm (drivers/vfio, drivers/iommu, drivers/base/dd.c,
 * arch/x86/kvm); QEMU 10 hw/vfio, and 2.11 for the older ones and for pci-assign; libvirt.
 */
#ifndef IOMMUSIM_ANALYSIS_VIABILITY_WORDS_H
#define IOMMUSIM_ANALYSIS_VIABILITY_WORDS_H

#include "sim/analysis/viability.h"
#include "sim/base/text_buffer.h"

/** What someone prints in a case. */
struct viability_message {
    const char *who;  /**< "kernel", "QEMU", "QEMU before 2.9", "QEMU with iommufd", "libvirt" */
    const char *text; /**< lines divided by '\n'; of the arena */
};

enum { VIABILITY_MESSAGES = 4 };

/** A sentence without final stop. */
void viability_finding_text(const struct viability *answer, const struct viability_finding *finding,
                            struct text_buffer *text);

/**
 * The texts printed where the finding bites, most likely first.
 * @param messages  room for VIABILITY_MESSAGES
 * @return their number; 0 where nobody says anything
 */
uint32_t viability_finding_messages(const struct viability *answer, const struct viability_finding *finding,
                                    struct arena *arena, struct viability_message *messages);

/** Stable words for JSON. */
const char *finding_kind_name(enum finding_kind kind);
const char *finding_severity_name(enum finding_severity severity);
const char *member_role_name(enum member_role role);
const char *member_fix_name(enum member_fix fix);
const char *interrupt_isolation_name(enum interrupt_isolation isolation);

/** What a member is to do, for people: "to be bound to vfio-pci", "may keep its driver", ... */
void viability_member_text(const struct viability *answer, const struct viability_member *member,
                           struct text_buffer *text);

#endif
