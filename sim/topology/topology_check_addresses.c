/* SPDX-License-Identifier: MIT */
/*
 * The address map of a finished topology. BARs of unknown size (configuration space alone does not tell it)
 * are held against windows by their address only. What does not decode (memory space disabled) claims
 * nothing, and is left alone.
 */
#include "sim/base/arena.h"
#include "sim/base/units.h"
#include "sim/topology/check_internal.h"

#include <inttypes.h>
#include <stdlib.h>

static bool within(uint64_t base, uint64_t limit, const struct window *window)
{
    return window->open && base >= window->base && limit <= window->limit;
}

/* Which memory a BAR says: "BAR 0", "the expansion ROM", "VF BAR 0". */
static const char *bar_name(char *text, size_t size, unsigned bar, bool of_vfs)
{
    if (!of_vfs && bar == BAR_ROM)
        snprintf(text, size, "the expansion ROM");
    else
        snprintf(text, size, "%sBAR %u", of_vfs ? "VF " : "", bar);
    return text;
}

/* Bridges that pass on what nobody claims need no window (PCI-to-PCI Bridge Spec 4.6, subtractive decode by
 * programming interface 01). */
static bool decodes_by_windows(const struct pci_function *bridge)
{
    return function_is_bridge(bridge) && (bridge->class_code & 0xff) != 0x01;
}

static bool check_bar_itself(const struct topology_checker *checker, const struct pci_function *function,
                             const struct bar *bar, const char *name)
{
    char text[BDF_TEXT_SIZE], size[32];
    check_text(function, text);
    unit_print(size, sizeof(size), bar->size, UNIT_BYTES);
    if (bar->size & (bar->size - 1)) {
        CHECK_OBSERVED(checker, function, "topology-bar-size",
                       "%s of %s has %s: the size of a BAR is a power of two", name, text, size);
        return false;
    }
    if (bar->size > UINT64_C(1) << 50) {
        CHECK_OBSERVED(checker, function, "topology-bar-size", "%s of %s has %s: more than 1024TiB", name,
                       text, size);
        return false;
    }
    if (bar->size && (bar->address & (bar->size - 1))) {
        CHECK_OBSERVED(checker, function, "topology-bar-alignment",
                       "%s of %s is at 0x%" PRIx64 ": a BAR of %s lies at a multiple of its size", name, text,
                       bar->address, size);
        return false;
    }
    if (bar->kind == BAR_MEMORY32 && bar_limit(bar, 1, 1) > UINT32_MAX) {
        CHECK_OBSERVED(checker, function, "topology-bar-range",
                       "%s of %s is at 0x%" PRIx64 ": a 32-bit BAR lies below 4 GiB", name, text,
                       bar->address);
        return false;
    }
    return true;
}

/* A BAR has to lie in one of the windows of the bridge above it, or nothing reaches it. Deeper windows are
 * held against higher ones bridge by bridge. */
static void check_bar_reachable(const struct topology_checker *checker, const struct pci_function *function,
                                const struct bar *bar, unsigned copies, const char *name)
{
    const struct pci_function *bridge = topology_parent(checker->topology, function);
    char text[BDF_TEXT_SIZE], bridge_text[BDF_TEXT_SIZE];
    if (!bridge || !decodes_by_windows(bridge) || !function->memory_space)
        return;
    uint64_t limit = bar_limit(bar, copies, 1);
    const struct window *memory = &bridge->memory_window, *prefetchable = &bridge->prefetchable_window;
    if (within(bar->address, limit, memory) || within(bar->address, limit, prefetchable))
        return;
    check_text(function, text);
    check_text(bridge, bridge_text);
    if (!memory->open && !prefetchable->open)
        CHECK_WARNING(checker, function->pointer, "topology-bar-unreachable",
                      "%s of %s is at 0x%" PRIx64 ", but the bridge %s above it has no open window", name,
                      text, bar->address, bridge_text);
    else
        CHECK_OBSERVED(checker, function, "topology-bar-outside-window",
                       "%s of %s is at 0x%" PRIx64 " to 0x%" PRIx64
                       ", outside the windows of the bridge %s above it",
                       name, text, bar->address, limit, bridge_text);
}

static void check_bars(const struct topology_checker *checker, const struct pci_function *function)
{
    char name[32];
    for (unsigned i = 0; i < BAR_COUNT + 6; i++) {
        bool of_vfs = i >= BAR_COUNT;
        const struct bar *bar = of_vfs ? &function->sriov.vf_bars[i - BAR_COUNT] : &function->bars[i];
        if ((of_vfs && !function->sriov.present) || !is_memory_bar(bar))
            continue;
        bar_name(name, sizeof(name), of_vfs ? i - BAR_COUNT : i, of_vfs);
        if (!check_bar_itself(checker, function, bar, name) || !bar->assigned)
            continue;
        /* ROMs are seldom enabled, VFs only where the PF enables them, and VFs are held against windows once,
         * with their PF. */
        unsigned copies = !of_vfs ? 1 : function->sriov.enabled ? function->sriov.num_vfs : 0;
        if (copies && !function->is_vf && (of_vfs || i != BAR_ROM))
            check_bar_reachable(checker, function, bar, copies, name);
    }
}

static void check_window(const struct topology_checker *checker, const struct pci_function *bridge,
                         const struct window *window, const char *name)
{
    const struct pci_function *above = topology_parent(checker->topology, bridge);
    char text[BDF_TEXT_SIZE], above_text[BDF_TEXT_SIZE];
    if (!window->open)
        return;
    if (window->base > window->limit) {
        CHECK_OBSERVED(checker, bridge, "topology-window-order",
                       "the %s window of %s, 0x%" PRIx64 " to 0x%" PRIx64 ", ends before it begins", name,
                       check_text(bridge, text), window->base, window->limit);
        return;
    }
    if ((window->base & 0xfffff) || (window->limit & 0xfffff) != 0xfffff) {
        CHECK_OBSERVED(checker, bridge, "topology-window-alignment",
                       "the %s window of %s, 0x%" PRIx64 " to 0x%" PRIx64 ", is not made of whole MiB", name,
                       check_text(bridge, text), window->base, window->limit);
        return;
    }
    if (!above || !decodes_by_windows(above) || !above->memory_space || !bridge->memory_space)
        return;
    if (within(window->base, window->limit, &above->memory_window) ||
        within(window->base, window->limit, &above->prefetchable_window))
        return;
    CHECK_OBSERVED(
        checker, bridge, "topology-window-outside-parent",
        "the %s window of %s, 0x%" PRIx64 " to 0x%" PRIx64 ", is outside the windows of the bridge %s "
        "above it",
        name, check_text(bridge, text), window->base, window->limit, check_text(above, above_text));
}

/* Something that claims addresses. */
struct claim {
    uint64_t base, limit;
    uint32_t function; /* NONE: RAM */
    unsigned bar;
};

static int compare_claims(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    if (a->base != b->base)
        return a->base < b->base ? -1 : 1;
    if (a->function != b->function)
        return a->function < b->function ? -1 : 1;
    return a->bar < b->bar ? -1 : a->bar > b->bar;
}

/* Functions behind a VMD live inside the BARs of their endpoint. */
static bool is_behind_vmd(const struct pci_function *function)
{
    return function->real_dma_id != function->id;
}

static size_t collect_claims(const struct topology *topology, struct claim *claims, bool behind_vmd)
{
    size_t count = 0;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        if (!function->memory_space || is_behind_vmd(function) != behind_vmd)
            continue;
        for (unsigned b = 0; b < BAR_ROM; b++) {
            const struct bar *bar = &function->bars[b];
            if (is_memory_bar(bar) && bar->assigned && bar->size)
                claims[count++] = (struct claim){bar->address, bar_limit(bar, 1, 1), i, b};
        }
    }
    for (uint32_t i = 0; i < topology->memory_count && !behind_vmd; i++) {
        if (topology->memory[i].base <= topology->memory[i].limit)
            claims[count++] = (struct claim){topology->memory[i].base, topology->memory[i].limit, NONE, i};
    }
    return count;
}

static void report_overlap(const struct topology_checker *checker, const struct claim *first,
                           const struct claim *second)
{
    const struct pci_function *functions = checker->topology->functions;
    char text[BDF_TEXT_SIZE], other[BDF_TEXT_SIZE];
    if (first->function == NONE && second->function == NONE) {
        CHECK_ERROR(checker, checker->topology->memory[second->bar].pointer, "topology-memory-overlap",
                    "two ranges of RAM overlap: 0x%" PRIx64 " to 0x%" PRIx64 " and 0x%" PRIx64
                    " to 0x%" PRIx64,
                    first->base, first->limit, second->base, second->limit);
        return;
    }
    if (first->function == NONE || second->function == NONE) {
        const struct claim *bar = first->function == NONE ? second : first;
        CHECK_OBSERVED(checker, &functions[bar->function], "topology-bar-in-memory",
                       "BAR %u of %s at 0x%" PRIx64 " to 0x%" PRIx64 " lies in RAM", bar->bar,
                       check_text(&functions[bar->function], text), bar->base, bar->limit);
        return;
    }
    CHECK_OBSERVED(checker, &functions[second->function], "topology-bar-overlap",
                   "BAR %u of %s at 0x%" PRIx64 " to 0x%" PRIx64 " overlaps BAR %u of %s at 0x%" PRIx64
                   " to 0x%" PRIx64,
                   second->bar, check_text(&functions[second->function], text), second->base, second->limit,
                   first->bar, check_text(&functions[first->function], other), first->base, first->limit);
}

static void check_overlaps(const struct topology_checker *checker, bool behind_vmd)
{
    const struct topology *topology = checker->topology;
    struct claim *claims = memory_array(
        (size_t)topology->function_count * BAR_ROM + topology->memory_count + 1, sizeof(*claims));
    size_t count = collect_claims(topology, claims, behind_vmd);
    qsort(claims, count, sizeof(*claims), compare_claims);
    size_t furthest = 0;
    for (size_t i = 1; i < count; i++) {
        if (claims[i].base <= claims[furthest].limit)
            report_overlap(checker, &claims[furthest], &claims[i]);
        if (claims[i].limit > claims[furthest].limit)
            furthest = i;
    }
    free(claims);
}

void check_addresses(const struct topology_checker *checker)
{
    const struct topology *topology = checker->topology;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        check_bars(checker, function);
        if (!function_is_bridge(function))
            continue;
        check_window(checker, function, &function->memory_window, "memory");
        check_window(checker, function, &function->prefetchable_window, "prefetchable");
    }
    for (uint32_t i = 0; i < topology->memory_count; i++) {
        if (topology->memory[i].base > topology->memory[i].limit)
            CHECK_ERROR(checker, topology->memory[i].pointer, "topology-memory-order",
                        "a range of RAM from 0x%" PRIx64 " to 0x%" PRIx64 " ends before it begins",
                        topology->memory[i].base, topology->memory[i].limit);
    }
    check_overlaps(checker, false);
    check_overlaps(checker, true);
}
