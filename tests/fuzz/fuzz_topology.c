/* SPDX-License-Identifier: MIT */
/* libFuzzer entry for the JSON readers; see tests/fuzz/README.md. */
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/machine_input.h"
#include "sim/input/topology_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void complain(const char *what, const char *text)
{
    fprintf(stderr, "%s:\n%s\n", what, text);
    abort();
}

/* Write a machine down and load it: the same text comes out again. */
static void check_round_trip(const struct machine_input *input, const char *text)
{
    struct text_buffer first = {0}, second = {0};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *again = NULL;
    machine_write(input, &first);
    const struct source_text source = {"written.json", first.text, first.length};
    if (machine_input_load_source(&source, &again, diagnostics) != STATUS_OK) {
        diagnostics_print(diagnostics, stderr);
        complain("taken, but not when written again", text);
    }
    machine_write(again, &second);
    if (strcmp(first.text, second.text) != 0)
        complain("written differently the second time", text);
    machine_input_free(again);
    diagnostics_free(diagnostics);
    text_buffer_fini(&first);
    text_buffer_fini(&second);
}

/* Whatever the bytes: no crash; a machine, or at least one error; and a machine survives a round trip. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    const struct source_text source = {"fuzz.json", text, size};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input = NULL;
    int status = machine_input_load_source(&source, &input, diagnostics);
    if ((status == STATUS_OK) != (input != NULL) ||
        (status == STATUS_OK) != (diagnostics_errors(diagnostics) == 0))
        complain("status and diagnostics disagree", text);
    if (input)
        check_round_trip(input, text);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    free(text);
    return 0;
}
