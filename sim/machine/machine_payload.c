/* SPDX-License-Identifier: MIT */
/*
 * How large payloads are on the way of a function (PCIe Base Spec 2.2.2): a port takes a TLP that is larger
 * than its own MPS for malformed, so all functions of a hierarchy are given the same. Linux gives each
 * function the value of the port above, where it can (pci_configure_mps(), default of pci=pcie_bus_*). Here
 * each uses the smallest on its way to the root complex.
 */
#include "sim/machine/machine_state.h"

enum { DEFAULT_MAX_PAYLOAD = 128 };

uint32_t machine_path_payload(const struct machine *machine, uint32_t function_id)
{
    const struct topology *topology = machine->input->topology;
    const struct fabric *fabric = machine->transport.fabric;
    uint32_t payload = 0;
    for (uint32_t f = function_id; f != NONE; f = fabric->nodes[f].parent_id) {
        uint32_t own = topology->functions[f].max_payload;
        if (own && (!payload || own < payload))
            payload = own;
    }
    return payload ? payload : DEFAULT_MAX_PAYLOAD;
}

void machine_warn_of_payloads(const struct machine *machine, struct diagnostics *diagnostics)
{
    const struct topology *topology = machine->input->topology;
    for (uint32_t i = 0; i < machine->workload->stream_count; i++) {
        const struct stream *stream = &machine->workload->streams[i];
        if (stream->function_id == NONE)
            continue;
        const struct pci_function *function = &topology->functions[stream->function_id];
        uint32_t payload = machine_path_payload(machine, stream->function_id);
        char text[BDF_TEXT_SIZE];
        if (function->max_payload <= payload)
            continue;
        diagnostics_report(
            diagnostics, DIAGNOSTIC_WARNING, NULL, DIAGNOSTIC_NO_OFFSET, function->pointer, "machine-payload",
            "%s has an MPS of %u bytes, but a port above it takes %u only: larger TLPs would be "
            "malformed; %u is used, as Linux sets it",
            bdf_print(text, function->segment, function->bus, function->devfn), function->max_payload,
            payload, payload);
    }
}
