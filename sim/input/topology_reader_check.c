/* SPDX-License-Identifier: MIT */
/* Does the machine that came of a file's addresses have the shape in which the file is written? */
#include "sim/input/topology_reader.h"

#include "sim/base/json_scan.h"

#include <string.h>

/* What a function stands in: its pointer without the last two tokens ("/functions/3"). */
static size_t container_length(const char *pointer)
{
    size_t length = strlen(pointer);
    for (unsigned slashes = 0; length > 0; length--) {
        if (pointer[length - 1] == '/' && ++slashes == 2)
            return length - 1;
    }
    return 0;
}

static bool equals(const char *pointer, size_t length, const char *other)
{
    return other && strlen(other) == length && strncmp(pointer, other, length) == 0;
}

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t size = strlen(end);
    return length >= size && strncmp(text + length - size, end, size) == 0;
}

static void report(const struct json_document *document, const struct pci_function *function,
                   const char *code, const char *text)
{
    char address[BDF_TEXT_SIZE];
    bdf_print(address, function->segment, function->bus, function->devfn);
    diagnostics_report(document->diagnostics, DIAGNOSTIC_ERROR, document->source,
                       json_locate_value(document->source, function->pointer), function->pointer, code,
                       "%s %s", address, text);
}

static void check_function(const struct json_document *document, const struct topology *topology,
                           const struct pci_function *function)
{
    const char *pointer = function->pointer;
    size_t length = container_length(pointer);
    if (ends_with(pointer, length, "/sriov")) {
        length -= strlen("/sriov");
        if (!function->is_vf || !equals(pointer, length, topology->functions[function->pf_id].pointer))
            report(document, function, "topology-vf-elsewhere",
                   "stands in a list of virtual functions, but is not where the SR-IOV capability puts one");
        return;
    }
    if (function->is_vf)
        return; /* made from the SR-IOV capability, or written beside its PF */
    const struct pci_function *above = topology_parent(topology, function);
    uint32_t host = topology->buses[function->bus_id].host_bridge_id;
    const char *container = above ? above->pointer : topology->host_bridges[host].pointer;
    if (!equals(pointer, length, container))
        report(document, function, "topology-address-elsewhere",
               above ? "is on a bus of another bridge than the one it is written below"
                     : "is on a bus to which what it is written below does not lead");
}

bool topology_reader_check(const struct json_document *document, const struct topology *topology)
{
    unsigned errors = diagnostics_errors(document->diagnostics);
    for (uint32_t i = 0; i < topology->function_count; i++) {
        if (topology->functions[i].pointer)
            check_function(document, topology, &topology->functions[i]);
    }
    return diagnostics_errors(document->diagnostics) == errors;
}
