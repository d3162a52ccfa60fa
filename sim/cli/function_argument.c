/* SPDX-License-Identifier: MIT */
#include "sim/cli/function_argument.h"

#include "sim/base/arena.h"
#include "sim/base/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUNCTIONS_A_SLOT = 8 };

void function_list_fini(struct function_list *list)
{
    free(list->ids);
    *list = (struct function_list){0};
}

static void report_no_address(const char *text, struct diagnostics *diagnostics)
{
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "function-address",
                       "'%s' is no address: [segment:]bus:device.function is expected", text);
}

static void report_unknown(const struct topology *topology, const char *address,
                           struct diagnostics *diagnostics)
{
    struct arena *arena = arena_new();
    const char **names = arena_array(arena, topology->function_count, sizeof(*names));
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *function = &topology->functions[id];
        char bdf[BDF_TEXT_SIZE];
        names[id] = arena_string(arena, bdf_print(bdf, function->segment, function->bus, function->devfn));
    }
    const char *near = nearest_name(address, names, topology->function_count, sizeof(*names));
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "function-unknown",
                       "the machine has no function %s%s%s%s", address, near ? ", did you mean " : "",
                       near ? near : "", near ? "?" : "");
    arena_free(arena);
}

static void add(struct function_list *list, uint32_t id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->ids[i] == id)
            return;
    }
    list->ids = memory_grow(list->ids, list->count, &list->capacity, sizeof(*list->ids));
    list->ids[list->count++] = id;
}

bool function_argument_find(const struct topology *topology, const char *text,
                            struct diagnostics *diagnostics, uint32_t *id)
{
    uint32_t segment;
    uint8_t bus, devfn;
    char bdf[BDF_TEXT_SIZE];
    if (!bdf_parse(text, &segment, &bus, &devfn)) {
        report_no_address(text, diagnostics);
        return false;
    }
    const struct pci_function *function = topology_find(topology, segment, bus, devfn);
    if (!function) {
        report_unknown(topology, bdf_print(bdf, segment, bus, devfn), diagnostics);
        return false;
    }
    *id = function->id;
    return true;
}

bool function_list_add(struct function_list *list, const struct topology *topology, const char *text,
                       struct diagnostics *diagnostics)
{
    uint32_t segment, id;
    uint8_t bus, devfn;
    char slot[BDF_TEXT_SIZE + 2], bdf[BDF_TEXT_SIZE];
    if (bdf_parse(text, &segment, &bus, &devfn)) {
        bool found = function_argument_find(topology, text, diagnostics, &id);
        if (found)
            add(list, id);
        return found;
    }
    snprintf(slot, sizeof(slot), "%s.0", text);
    if (strlen(text) + 2 >= sizeof(slot) || !bdf_parse(slot, &segment, &bus, &devfn)) {
        report_no_address(text, diagnostics);
        return false;
    }
    size_t before = list->count;
    bool any = false;
    for (unsigned i = 0; i < FUNCTIONS_A_SLOT; i++) {
        const struct pci_function *function =
            topology_find(topology, segment, bus, pci_devfn(pci_slot(devfn), i));
        if (function)
            add(list, function->id);
        any = any || function;
    }
    if (list->count == before && !any)
        report_unknown(topology, bdf_print(bdf, segment, bus, devfn), diagnostics);
    return any;
}
