/* SPDX-License-Identifier: MIT */
/* libFuzzer entry for the reader of XML of hwloc, without the question whether it is that; see
 * tests/fuzz/README.md. */
#include "sim/input/dump.h"
#include "sim/input/hwloc_reader.h"
#include "tests/fuzz/fuzz_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    const struct source_text source = {"fuzz", text, size};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct dump *dump = dump_new(diagnostics);
    dump_begin_source(dump, &source);
    hwloc_read(&source, dump);
    struct topology *topology = NULL;
    if (diagnostics_errors(diagnostics))
        dump_free(dump);
    else
        topology = dump_finish(dump);
    fuzz_check_machine(topology, topology ? STATUS_OK : STATUS_BAD_INPUT, diagnostics, text);
    diagnostics_free(diagnostics);
    free(text);
    return 0;
}
