/* SPDX-License-Identifier: MIT */
/* From merged parts to a machine: what nobody told is guessed or left unknown, and said. */
#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/base/units.h"
#include "sim/input/dump.h"
#include "sim/input/dump_merge.h"
#include "sim/input/dump_running.h"
#include "sim/input/dump_units.h"
#include "sim/input/lspci_guess.h"
#include "sim/input/slice.h"
#include "sim/topology/topology_build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Byte offset of "line N". */
static size_t locate_line(const struct source_text *source, const char *pointer)
{
    uint64_t number;
    if (strncmp(pointer, "line ", 5) != 0 || !number_parse(pointer + 5, UINT64_MAX, &number))
        return DIAGNOSTIC_NO_OFFSET;
    struct slice rest = {source->text, source->text + source->length}, line;
    while (slice_next_line(&rest, &line)) {
        if (--number == 0)
            return (size_t)(line.at - source->text);
    }
    return DIAGNOSTIC_NO_OFFSET;
}

static size_t locate_nothing(const struct source_text *source, const char *pointer)
{
    (void)source, (void)pointer;
    return DIAGNOSTIC_NO_OFFSET;
}

/* Where firmware's ranges overlap (a socket's last bus is a root bus of its own), the next one ends the one
 * before. */
static void clip_host_bridges(struct dump *dump)
{
    for (size_t i = 0; i < dump->host_bridge_count; i++) {
        struct host_bridge *bridge = &dump->host_bridges[i].bridge;
        for (size_t j = 0; j < dump->host_bridge_count; j++) {
            const struct host_bridge *other = &dump->host_bridges[j].bridge;
            if (other->segment == bridge->segment && other->bus_start > bridge->bus_start &&
                other->bus_start <= bridge->bus_end)
                bridge->bus_end = other->bus_start - 1;
        }
    }
}

static void add_host_bridges(struct dump *dump)
{
    clip_host_bridges(dump);
    for (size_t i = 0; i < dump->host_bridge_count; i++) {
        struct dump_host_bridge *stated = &dump->host_bridges[i];
        uint32_t index = topology_builder_add_host_bridge(dump->builder, &stated->bridge);
        for (uint32_t p = 0; stated->vmd && p < dump->part_count; p++) {
            const struct pci_function *function = &dump->parts[p].function;
            if (function->segment == stated->vmd_segment && function->bus == stated->vmd_bus &&
                function->devfn == stated->vmd_devfn)
                topology_builder_set_vmd(dump->builder, index, p);
        }
    }
}

static void settle_size(struct bar *bar)
{
    if (bar->size & (bar->size - 1))
        bar->size = 0;
}

/* BARs are powers of two, and a 64-bit one takes the next register, too. Quirks cut some to what is usable,
 * and logs show ranges that were joined or torn, or a register that was something else before. */
static void settle_bars(struct bar *bars)
{
    for (unsigned i = 0; i < BAR_ROM; i++) {
        settle_size(&bars[i]);
        if (bars[i].kind == BAR_MEMORY64 && i + 1 == BAR_ROM)
            bars[i].kind = BAR_MEMORY32;
        else if (bars[i].kind == BAR_MEMORY64)
            bars[i + 1] = (struct bar){.kind = BAR_NONE};
    }
}

/* What follows from facts together. */
static void settle(const struct dump *dump, struct dump_part *part)
{
    struct pci_function *function = &part->function;
    if (!(part->facts & FACT_HEADER))
        function->header_type = function->class_code >> 8 == 0x0604;
    settle_bars(function->bars);
    settle_bars(function->sriov.vf_bars);
    settle_size(&function->bars[BAR_ROM]);
    if (!function_is_bridge(function)) /* a line of another function slipped in */
        function->io_window = function->memory_window = function->prefetchable_window = (struct window){0};
    if (function->header_type == 0)
        function->secondary_bus = function->subordinate_bus = 0;
    function->pcie_unknown = !(part->facts & FACT_TYPE);
    bool conventional = (part->facts & FACT_TYPE) && !function->pcie;
    function->acs_unknown = !conventional && (!(part->facts & FACT_ACS) ||
                                              (function->acs.present && !(part->facts & FACT_ACS_REGISTERS)));
    function->observed = part->rank < DUMP_BYTES;
    function->pointer = dump->source_count == 1
                            ? part->place.where
                            : arena_format(dump->arena, "%s %s", part->place.source->name, part->place.where);
}

static void add_functions(struct dump *dump)
{
    for (size_t i = 0; i < dump->part_count; i++) {
        struct dump_part *part = &dump->parts[i];
        settle(dump, part);
        topology_builder_add(dump->builder, &part->function,
                             (struct placement){.host_bridge = NONE,
                                                .parent = NONE,
                                                .address_known = true,
                                                .multifunction_known = part->facts & FACT_MULTIFUNCTION,
                                                .addresses_known = true,
                                                .bus_numbers_known = true});
    }
}

static bool buses_told(const struct dump *dump)
{
    for (size_t i = 0; i < dump->part_count; i++) {
        if (dump->parts[i].facts & FACT_BUSES)
            return true;
    }
    return false;
}

static void warn_no_ids(const struct dump *dump)
{
    unsigned nameless = 0;
    const struct dump_part *first = NULL;
    for (size_t i = 0; i < dump->part_count; i++) {
        const struct dump_part *part = &dump->parts[i];
        if (part->function.device != 0xffff || (part->rank >= DUMP_BYTES && (part->facts & FACT_CLASS)))
            continue;
        first = nameless++ ? first : part;
    }
    if (nameless)
        diagnostics_report(dump->diagnostics, DIAGNOSTIC_WARNING, first->place.source, first->place.offset,
                           NULL, "lspci-no-ids",
                           "the ids of %u function%s are not told; those Linux treats specially were looked "
                           "for by name (lspci -nn prints ids)",
                           nameless, nameless == 1 ? "" : "s");
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

/* What was guessed, by what kind of source left it out. The builder's functions are in the order of the
 * parts. */
static void warn_guesses(const struct dump *dump, unsigned numbered)
{
    const struct source_text *source = dump->source_count == 1 ? dump->source : NULL;
    unsigned hidden = 0, typeless = 0, ports = 0, unread = 0;
    for (uint32_t i = 0; i < dump->part_count; i++) {
        const struct pci_function *function = topology_builder_function(dump->builder, i);
        bool log = dump->parts[i].rank == DUMP_LOG, hwloc = dump->parts[i].rank == DUMP_HWLOC;
        hidden += function->pcie_unknown && !log && !hwloc;
        unread += function->acs_unknown && hwloc && function_is_bridge(function);
        typeless += function->pcie_unknown && log;
        ports += function->acs_unknown && log && function_is_bridge(function);
    }
    if (hidden)
        diagnostics_report(dump->diagnostics, DIAGNOSTIC_WARNING, source, DIAGNOSTIC_NO_OFFSET, NULL,
                           "lspci-hidden",
                           "the capabilities of %u function%s are hidden; port types are guessed, ACS is "
                           "unknown (run lspci as root)",
                           hidden, plural(hidden));
    if (typeless)
        diagnostics_report(dump->diagnostics, DIAGNOSTIC_WARNING, source, DIAGNOSTIC_NO_OFFSET, NULL,
                           "log-no-types",
                           "the types of %u function%s are not in the log (Linux before 6.9); they are "
                           "guessed from class and place",
                           typeless, plural(typeless));
    if (ports)
        diagnostics_report(
            dump->diagnostics, DIAGNOSTIC_WARNING, source, DIAGNOSTIC_NO_OFFSET, NULL, "log-no-acs",
            "a kernel log does not tell ACS; that of %u bridge%s is unknown (add the output of "
            "'sudo lspci -vvv' or '-xxxx')",
            ports, plural(ports));
    if (unread)
        diagnostics_report(dump->diagnostics, DIAGNOSTIC_WARNING, source, DIAGNOSTIC_NO_OFFSET, NULL,
                           "hwloc-no-acs",
                           "hwloc tells neither ACS nor port types nor lanes; ACS of %u bridge%s is unknown, "
                           "types and lanes "
                           "are guessed (add the output of 'sudo lspci -vvv' or '-xxxx')",
                           unread, plural(unread));
    if (numbered)
        diagnostics_report(dump->diagnostics, DIAGNOSTIC_WARNING, source, DIAGNOSTIC_NO_OFFSET, NULL,
                           "lspci-no-buses",
                           "no bridge tells its bus numbers; those of %u bridge%s are guessed as firmware "
                           "numbers (lspci -v prints them)",
                           numbered, plural(numbered));
}

/* A host bridge is where the functions below it say they are: the last one told decides, they agree. */
static void set_numa_nodes(const struct dump *dump, struct topology *topology)
{
    for (size_t i = 0; i < dump->part_count; i++) {
        const struct dump_part *part = &dump->parts[i];
        const struct pci_function *function =
            part->facts & FACT_NUMA
                ? topology_find(topology, part->function.segment, part->function.bus, part->function.devfn)
                : NULL;
        if (function)
            topology->host_bridges[topology->buses[function->bus_id].host_bridge_id].numa_node =
                part->numa_node;
    }
}

/* Of firmware's regions a kernel log states the range; for whom they are, it says only where it maps them. */
static void warn_nameless_regions(const struct dump *dump)
{
    unsigned count = 0;
    struct text_buffer ranges = {0};
    for (size_t i = 0; i < dump->rmrr_count; i++) {
        const struct memory_range *range = &dump->rmrrs[i];
        bool named = false;
        for (size_t r = 0; r < dump->reserved_count; r++)
            named |= dump->reserved[r].base <= range->limit && range->base <= dump->reserved[r].limit;
        if (named)
            continue;
        text_buffer_format(&ranges, "%s0x%" PRIx64 "-0x%" PRIx64, count ? ", " : "", range->base,
                           range->limit);
        count++;
    }
    if (count)
        diagnostics_report(dump->diagnostics, DIAGNOSTIC_WARNING,
                           dump->source_count == 1 ? dump->source : NULL, DIAGNOSTIC_NO_OFFSET, NULL,
                           "log-rmrr-devices",
                           "the log names %u RMRR region%s without the devices (%s); no function is given %s",
                           count, plural(count), text_buffer_get(&ranges), count == 1 ? "it" : "them");
    text_buffer_fini(&ranges);
}

/* ACS as no kernel with an IOMMU leaves it: offered, and switched on nowhere. */
static void warn_acs_never_enabled(const struct dump *dump, const struct topology *topology)
{
    const uint16_t wanted =
        ACS_SOURCE_VALIDATION | ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT | ACS_UPSTREAM_FORWARDING;
    unsigned offered = 0;
    bool used = false;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        used |= function->group_reported;
        if (!function->acs.present || function->acs_unknown || !(function->acs.capability & wanted))
            continue;
        offered++;
        used |= (function->acs.control & wanted) != 0;
    }
    if (offered && !used)
        diagnostics_report(
            dump->diagnostics, DIAGNOSTIC_WARNING, dump->source_count == 1 ? dump->source : NULL,
            DIAGNOSTIC_NO_OFFSET, NULL, "acs-never-enabled",
            "%u function%s offer%s ACS and no control bit is set: the kernel that ran seems to have "
            "used no IOMMU; --acs=firmware shows the groups of one that does",
            offered, plural(offered), offered == 1 ? "s" : "");
}

static void set_platform(struct dump *dump, struct topology *topology)
{
    struct text_buffer kinds = {0};
    for (unsigned i = 0; i < dump->kind_count; i++)
        text_buffer_format(&kinds, "%s%s", i ? ", " : "", dump->kinds[i]);
    topology->source = arena_string(dump->arena, text_buffer_get(&kinds));
    text_buffer_fini(&kinds);
    topology->acs_state = ACS_BOOTED;
    topology->rcba_enabled = dump->rcba_enabled;
    topology->stated = dump->stated;
    if (dump->cmdline.text)
        topology->cmdline = dump->cmdline.text;
    else if (dump->stated_words)
        topology->cmdline = dump->stated_words;
    dump_groups_settle(dump, topology);
    warn_nameless_regions(dump);
    if (dump->memory_count) {
        topology->memory = arena_array(dump->arena, dump->memory_count, sizeof(*topology->memory));
        memcpy(topology->memory, dump->memory, dump->memory_count * sizeof(*topology->memory));
        topology->memory_count = (uint32_t)dump->memory_count;
    }
    if (dump->reserved_count) {
        topology->reserved = arena_array(dump->arena, dump->reserved_count, sizeof(*topology->reserved));
        memcpy(topology->reserved, dump->reserved, dump->reserved_count * sizeof(*topology->reserved));
        topology->reserved_count = (uint32_t)dump->reserved_count;
    }
}

struct topology *dump_finish(struct dump *dump)
{
    struct source_text together = {.name = "the files together", .text = ""};
    struct topology *topology = topology_builder_topology(dump->builder);
    dump_merge(dump);
    if (dump->part_count == 0) {
        const struct source_text *source = dump->source_count == 1 ? dump->source : &together;
        diagnostics_report(dump->diagnostics, DIAGNOSTIC_ERROR, source, DIAGNOSTIC_NO_OFFSET, NULL,
                           "dump-no-functions", "no PCI function is named");
        dump_free(dump);
        return NULL;
    }
    add_functions(dump);
    add_host_bridges(dump);
    unsigned numbered = buses_told(dump) ? 0 : lspci_guess_buses(dump->builder);
    lspci_guess_types(dump->builder);
    warn_no_ids(dump);
    warn_guesses(dump, numbered);
    set_platform(dump, topology);
    bool one = dump->source_count == 1;
    topology = topology_builder_finish(dump->builder, one ? dump->source : &together,
                                       one ? locate_line : locate_nothing, dump->diagnostics);
    dump->builder = NULL;
    if (topology) {
        set_numa_nodes(dump, topology);
        dump_units_settle(dump, topology);
        warn_acs_never_enabled(dump, topology);
    }
    dump_free(dump);
    return topology;
}
