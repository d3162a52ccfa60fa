/* SPDX-License-Identifier: MIT */
#include "sim/input/what_if_findings.h"

#include <stdlib.h>
#include <string.h>

void applied_settings_free(struct applied_setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(settings[i].pointer);
    free(settings);
}

size_t applied_setting_offset(const struct applied_setting *setting, size_t pointer_offset)
{
    return pointer_offset < setting->shift ? 0 : pointer_offset - setting->shift + setting->address;
}

/* Is `inner` the place `outer`, or inside of it? */
static bool is_within(const char *inner, const char *outer)
{
    size_t length = strlen(outer);
    return strncmp(inner, outer, length) == 0 && (inner[length] == '\0' || inner[length] == '/');
}

/* The last setting that put something where the finding points. */
static const struct applied_setting *find_cause(const char *pointer, const struct applied_setting *settings,
                                                size_t count)
{
    for (size_t i = count; i-- > 0;) {
        if (is_within(pointer, settings[i].pointer))
            return &settings[i];
    }
    return NULL;
}

/* The last setting for something inside of what the finding points at. */
static const struct applied_setting *find_suspect(const char *pointer, const struct applied_setting *settings,
                                                  size_t count)
{
    for (size_t i = count; i-- > 0 && *pointer;) {
        if (is_within(settings[i].pointer, pointer))
            return &settings[i];
    }
    return NULL;
}

/* A key nobody knows is shown itself, everything else by the value. */
static size_t offset_of(const struct applied_setting *setting, const struct diagnostic_finding *finding)
{
    const char *last = finding->pointer ? strrchr(finding->pointer, '/') : NULL;
    if (last && strcmp(finding->code, "json-unknown-key") == 0 &&
        is_within(setting->pointer, finding->pointer))
        return applied_setting_offset(setting, (size_t)(last - finding->pointer) + 1);
    return strcspn(setting->text.text, "=") + 1;
}

static void pass(const struct diagnostics *found, size_t index, const struct applied_setting *settings,
                 size_t count, struct diagnostics *diagnostics)
{
    struct diagnostic_finding finding = diagnostics_get(found, index);
    const char *pointer = finding.pointer ? finding.pointer : "";
    const struct applied_setting *cause = find_cause(pointer, settings, count);
    const struct applied_setting *suspect = find_suspect(pointer, settings, count);
    if (!cause && suspect && strcmp(finding.code, "json-unknown-key") == 0)
        cause = suspect;
    if (cause) {
        diagnostics_report(diagnostics, finding.severity, &cause->text, offset_of(cause, &finding), pointer,
                           finding.code, "%s", finding.message);
        return;
    }
    diagnostics_pass(found, index, diagnostics);
    if (suspect && finding.severity != DIAGNOSTIC_WARNING)
        diagnostics_report(diagnostics, DIAGNOSTIC_NOTE, &suspect->text, offset_of(suspect, &finding), NULL,
                           finding.code, "set here");
}

void what_if_findings(const struct diagnostics *found, const struct applied_setting *settings, size_t count,
                      struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics_count(found); i++)
        pass(found, i, settings, count, diagnostics);
}
