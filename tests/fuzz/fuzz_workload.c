/* SPDX-License-Identifier: MIT */
/* libFuzzer entry for workloads, read for a small machine and for no machine; see tests/fuzz/README.md. */
#include "sim/input/workload_reader.h"
#include "sim/topology/synthetic.h"
#include "tests/fuzz/fuzz_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_for(const struct source_text *source, const struct workload_machine *machine)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct workload *workload = NULL;
    int status = workload_load_source(source, "fuzz.json", machine, &workload, diagnostics);
    if ((status == STATUS_OK) != (workload != NULL) ||
        (status == STATUS_OK) != (diagnostics_errors(diagnostics) == 0))
        fuzz_complain("status and diagnostics disagree", source->text, diagnostics);
    workload_free(workload);
    diagnostics_free(diagnostics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct topology *topology; /* the same for every input; freed with the process */
    char *text = fuzz_text(data, size);
    const struct source_text source = {"fuzz.json", text, size};
    if (!topology) {
        struct diagnostics *diagnostics = diagnostics_new(20);
        topology = synthetic_parse("machine", "rp(ep[vf=2:1:1]) rp(up(dp(ep) dp(ep))) rciep", diagnostics);
        diagnostics_free(diagnostics);
    }
    read_for(&source, &(struct workload_machine){.topology = topology, .iommu = IOMMU_VT_D});
    read_for(&source, &(struct workload_machine){.iommu = IOMMU_NONE});
    free(text);
    return 0;
}
