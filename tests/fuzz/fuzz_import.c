/* SPDX-License-Identifier: MIT */
/* libFuzzer entry for the dump readers; see tests/fuzz/README.md. */
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/lspci_writer.h"
#include "sim/input/recognise.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the bytes: no crash; a machine or at least one error; and a machine can be written, and reads back
 * with as many functions, or is refused: text may hide what bytes show (addresses out of place, where lines
 * may be lost; a 64-bit BAR whose upper half is another BAR). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    struct source_text source = {"fuzz", text, size};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = NULL;
    int status = dump_import(&source, &topology, diagnostics);
    if ((status == STATUS_OK) != (topology != NULL) ||
        (status == STATUS_OK) != (diagnostics_errors(diagnostics) == 0))
        abort();
    if (topology) {
        struct text_buffer out = {0};
        lspci_write(topology, &out);
        struct source_text written = {"written", text_buffer_get(&out), out.length};
        struct topology *again = NULL;
        status = dump_import(&written, &again, diagnostics);
        if (status == STATUS_OK ? again->function_count != topology->function_count
                                : diagnostics_errors(diagnostics) == 0)
            abort();
        topology_free(again);
        text_buffer_fini(&out);
    }
    topology_free(topology);
    diagnostics_free(diagnostics);
    free(text);
    return 0;
}
