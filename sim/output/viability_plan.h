/* SPDX-License-Identifier: MIT */
/**
 * @file viability_plan.h
 * The shell commands that would ready a machine for giving functions to a guest. To read; nothing runs them.
 */
#ifndef IOMMUSIM_OUTPUT_VIABILITY_PLAN_H
#define IOMMUSIM_OUTPUT_VIABILITY_PLAN_H

#include "sim/analysis/viability.h"
#include "sim/base/text_buffer.h"

/** One plan does the same as another. ORDER: plan_titles. */
enum plan_kind {
    PLAN_DRIVERCTL, /**< lasts over boots; legacy-kvm: pci-stub by sysfs */
    PLAN_LIBVIRT,   /**< until the next boot */
    PLAN_UNDO,      /**< back to the host, after PLAN_DRIVERCTL */
    PLAN_KINDS,
};

/** False where no binding makes the functions viable: then there are no plans, and viability_no_plan() says
 * why. */
bool viability_has_plan(const struct viability *answer);

/** Append one clause: why no binding helps, and what could. */
void viability_no_plan(const struct viability *answer, struct text_buffer *text);

/** Append a plan, one command a line; comments begin with '#'. Nothing where all is bound already. */
void viability_plan(const struct viability *answer, enum plan_kind kind, struct text_buffer *text);

/** For a heading: "with driverctl". Legacy-kvm uses other means, so it depends on the answer. */
const char *viability_plan_title(const struct viability *answer, enum plan_kind kind);

/** For JSON: "driverctl" ("pci-stub" with legacy-kvm), "libvirt", "undo". */
const char *viability_plan_name(const struct viability *answer, enum plan_kind kind);

#endif
