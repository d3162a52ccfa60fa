/* SPDX-License-Identifier: MIT */
/**
 * @file what_if_findings.h
 * What a reader says about a document changed by settings, in terms of the settings.
 */
#ifndef IOMMUSIM_INPUT_WHAT_IF_FINDINGS_H
#define IOMMUSIM_INPUT_WHAT_IF_FINDINGS_H

#include "sim/base/diagnostic.h"

/** A setting that was applied. */
struct applied_setting {
    struct source_text text; /**< "POINTER=VALUE" and the name of its place */
    char *pointer;           /**< JSON pointer in full, malloc'ed */
    size_t shift;            /**< bytes of @c pointer that stand for an address in the text ... */
    size_t address;          /**< ... of so many bytes */
};

/** Free what count settings own, and themselves. */
void applied_settings_free(struct applied_setting *settings, size_t count);

/** Where in the text of a setting a byte of its pointer stands. */
size_t applied_setting_offset(const struct applied_setting *setting, size_t pointer_offset);

/**
 * Report again what @p found about the changed document. A finding about what a setting put there is about
 * the setting; one about something around it stays where it is, and a note names the setting.
 */
void what_if_findings(const struct diagnostics *found, const struct applied_setting *settings, size_t count,
                      struct diagnostics *diagnostics);

#endif
