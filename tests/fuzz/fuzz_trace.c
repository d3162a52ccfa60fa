/* SPDX-License-Identifier: MIT */
/* libFuzzer entry for the trace reader; see tests/fuzz/README.md. */
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/trace.h"
#include "sim/topology/synthetic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void complain(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

/* Print a record as the grammar has it. */
static void print_record(const struct topology *topology, const struct trace_record *record,
                         struct text_buffer *out)
{
    static const char *const words[] = {"read", "write", "barrier"}; /* ORDER: enum trace_operation */
    const struct pci_function *function = &topology->functions[record->function_id];
    char address[BDF_TEXT_SIZE];
    text_buffer_format(out, "%" PRIu64 "ps,%s,%s", record->time_ps,
                       bdf_print(address, function->segment, function->bus, function->devfn),
                       words[record->operation]);
    if (record->operation != TRACE_BARRIER)
        text_buffer_format(out, ",0x%" PRIx64 ",%" PRIu32, record->iova, record->length);
    text_buffer_add(out, "\n");
}

/* Read a trace of these bytes; what was read goes to @p out. @return the last status */
static int read_bytes(const struct topology *topology, const void *bytes, size_t size,
                      struct text_buffer *out)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct trace_reader *reader = NULL;
    struct trace_record record;
    char path[64];
    int file = memfd_create("trace", 0);
    uint64_t latest_ps = 0;
    if (file < 0 || write(file, bytes, size) != (ssize_t)size)
        complain("no room for the file");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    int status = trace_open(path, topology, &reader, diagnostics);
    while (status >= 0 && (status = trace_next(reader, &record, diagnostics)) > 0) {
        if (record.time_ps < latest_ps || record.function_id >= topology->function_count ||
            topology->functions[record.function_id].header_type != 0 ||
            (record.length == 0) != (record.operation == TRACE_BARRIER) || record.length > 4 << 20)
            complain("a record that cannot be");
        latest_ps = record.time_ps;
        print_record(topology, &record, out);
    }
    if (diagnostics_errors(diagnostics) != (status < 0))
        complain("status and diagnostics disagree");
    trace_close(reader);
    close(file);
    diagnostics_free(diagnostics);
    return status;
}

/* Whatever the bytes: no crash, records in order or one error; and what was read reads the same when written.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics *diagnostics = diagnostics_new(1);
    struct topology *topology = synthetic_parse("<machine>", "rp(ep) rp(ep)", diagnostics);
    struct text_buffer first = {0}, second = {0};
    read_bytes(topology, data, size, &first);
    if (read_bytes(topology, text_buffer_get(&first), first.length, &second) != 0 ||
        strcmp(text_buffer_get(&first), text_buffer_get(&second)) != 0)
        complain("read differently the second time");
    text_buffer_fini(&first);
    text_buffer_fini(&second);
    topology_free(topology);
    diagnostics_free(diagnostics);
    return 0;
}
