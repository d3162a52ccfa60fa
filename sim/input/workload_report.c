/* SPDX-License-Identifier: MIT */
#include "sim/base/arena.h"
#include "sim/base/json_scan.h"
#include "sim/input/workload.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void workload_report(const struct workload *workload, struct diagnostics *diagnostics,
                     enum diagnostic_severity severity, const char *pointer, const char *code,
                     const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    size_t size = (size_t)vsnprintf(NULL, 0, format, arguments) + 1;
    va_end(arguments);
    char *text = memory_alloc(size);
    vsnprintf(text, size, format, again);
    va_end(again);
    const struct source_text *source = workload->text.text && pointer ? &workload->text : NULL;
    diagnostics_report(diagnostics, severity, source,
                       source ? json_locate_value(source, pointer) : DIAGNOSTIC_NO_OFFSET, pointer, code,
                       "%s", text);
    free(text);
}
