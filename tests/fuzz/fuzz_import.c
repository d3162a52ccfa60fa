/* SPDX-License-Identifier: MIT */
/* libFuzzer entry for dumps in text as they were pasted: lspci, group listings, kernel logs by content; see
 * tests/fuzz/README.md. */
#include "sim/input/lspci_writer.h"
#include "sim/input/plain_text.h"
#include "sim/input/recognise.h"
#include "tests/fuzz/fuzz_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The machine as lspci would print it reads back with as many functions, or is refused: text may hide what
 * bytes show (addresses out of place, where lines may be lost; a 64-bit BAR whose upper half is another BAR).
 */
static void check_written(const struct topology *topology)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct text_buffer out = {0};
    struct topology *again = NULL;
    lspci_write(topology, &out);
    const struct source_text written = {"written", text_buffer_get(&out), out.length};
    int status = dump_import(&written, &again, diagnostics);
    if (status == STATUS_OK ? again->function_count != topology->function_count
                            : diagnostics_errors(diagnostics) == 0)
        fuzz_complain("written with other functions", written.text, diagnostics);
    topology_free(again);
    text_buffer_fini(&out);
    diagnostics_free(diagnostics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct source_text source = {"fuzz", text, size};
    struct diagnostics *diagnostics = diagnostics_new(20);
    size_t length;
    char *plain = plain_text_make(&source, &length);
    if (plain)
        source = (struct source_text){"fuzz", plain, length};
    struct topology *topology = NULL;
    int status = dump_import(&source, &topology, diagnostics);
    if (topology)
        check_written(topology);
    fuzz_check_machine(topology, status, diagnostics, text);
    diagnostics_free(diagnostics);
    free(plain);
    free(text);
    return 0;
}
