/* SPDX-License-Identifier: MIT */
/* What the fuzzers of dump readers have in common. The name of the entry is taken by each file that includes
 * this. */
#ifndef IOMMUSIM_TESTS_FUZZ_DUMP_H
#define IOMMUSIM_TESTS_FUZZ_DUMP_H

#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/machine_input.h"
#include "sim/input/topology_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void fuzz_complain(const char *what, const char *text, struct diagnostics *diagnostics)
{
    fprintf(stderr, "%s\n%s:\n", text, what);
    diagnostics_print(diagnostics, stderr);
    abort();
}

/* A NUL-terminated copy of the input; free() it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* A machine or at least one error, never both; and a machine's JSON is taken and has as many functions. Frees
 * it. */
static inline void fuzz_check_machine(struct topology *topology, int status, struct diagnostics *diagnostics,
                                      const char *text)
{
    if ((status == STATUS_OK) != (topology != NULL) ||
        (status == STATUS_OK) != (diagnostics_errors(diagnostics) == 0))
        fuzz_complain("status and diagnostics disagree", text, diagnostics);
    if (!topology)
        return;
    struct text_buffer out = {0};
    struct machine_input *again = NULL;
    topology_write(topology, &out);
    const struct source_text written = {"written.json", text_buffer_get(&out), out.length};
    if (machine_input_load_source(&written, &again, diagnostics) != STATUS_OK ||
        again->topology->function_count != topology->function_count)
        fuzz_complain("the machine's own JSON is not taken", out.text, diagnostics);
    machine_input_free(again);
    topology_free(topology);
    text_buffer_fini(&out);
}

#endif
