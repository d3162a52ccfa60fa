/* SPDX-License-Identifier: MIT */
#include "tests/unit/random_fabric.h"

#include "sim/base/arena.h"
#include "sim/topology/synthetic.h"

#include <string.h>

enum { MAX_DEPTH = 3 };

uint32_t random_fabric_next(struct random_fabric *random, uint32_t limit)
{
    random->seed = random->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random->seed >> 33) % limit;
}

static bool chance(struct random_fabric *random, uint32_t percent)
{
    return random_fabric_next(random, 100) < percent;
}

/** ACS as the specification demands it of ports and functions. */
static void write_conforming_acs(struct random_fabric *random, struct text_buffer *out, bool port)
{
    if (!port)
        text_buffer_add(out, chance(random, 50) ? "acs=c:c" : "acs=0:0");
    else if (chance(random, 30))
        text_buffer_add(out, "noacs");
    else
        text_buffer_format(out, "acs=1f:%x", chance(random, 40) ? 0x1d : random_fabric_next(random, 0x20));
}

/** "acs=CAP:CTL" or nothing. */
static void write_acs(struct random_fabric *random, struct text_buffer *out)
{
    static const unsigned capabilities[] = {0x1f, 0x1f, 0x1f, 0x0c, 0x1b, 0x00, 0x5f};
    static const unsigned enhanced[] = {0x9f, 0x3f, 0xff, 0x1f, 0x7f};
    static const unsigned sizes[] = {0, 2, 8, 64}; /* bits of the egress vector; 0: 256 */
    if (random->isolated) {
        text_buffer_add(out, "acs");
        return;
    }
    unsigned capability = random->enhanced_egress ? enhanced[random_fabric_next(random, 5)]
                                                  : capabilities[random_fabric_next(random, 7)];
    unsigned control = capability & 0x7f & random_fabric_next(random, 0x80);
    if (chance(random, 30))
        control = capability & 0x1d;
    if (capability & 0x80)
        control |= random_fabric_next(random, 3) << 8 | random_fabric_next(random, 3) << 10 |
                   random_fabric_next(random, 2) << 12;
    if (chance(random, 25)) {
        text_buffer_add(out, "noacs");
        return;
    }
    if (random->enhanced_egress && capability & 0x20)
        capability |= sizes[random_fabric_next(random, 4)] << 8;
    text_buffer_format(out, "acs=%x:%x", capability, control);
    if (random->enhanced_egress && capability & 0x20)
        text_buffer_format(out, ",ev=%x:%x", random_fabric_next(random, 1U << 31),
                           random_fabric_next(random, 1U << 31));
}

/** " kind[options]", without children. @p bars  bridges may have a BAR of their own */
static void write_function(struct random_fabric *random, struct text_buffer *out, const char *kind,
                           const char *place, bool bars)
{
    text_buffer_format(out, " %s%s[", kind, place);
    if (random->conforming)
        write_conforming_acs(random, out, kind[0] != 'u' && bars);
    else
        write_acs(random, out);
    if (bars && !random->conforming && chance(random, 25))
        text_buffer_add(out, ",bar=16KiB");
    if (random->enhanced_egress && !bars && chance(random, 30)) {
        text_buffer_format(out, ",ari,fgroup=%u", random_fabric_next(random, 8));
        if (chance(random, 50))
            text_buffer_add(out, ",fgroups");
    }
    text_buffer_add(out, "]");
}

static void write_link(struct random_fabric *random, struct text_buffer *out, unsigned depth);
static void write_shared(struct random_fabric *random, struct text_buffer *out, unsigned depth, bool pcix);

static void write_switch(struct random_fabric *random, struct text_buffer *out, unsigned depth)
{
    uint32_t ports = 1 + random_fabric_next(random, 3);
    write_function(random, out, "up", "", true);
    text_buffer_add(out, "(");
    for (uint32_t i = 0; i < ports; i++) {
        write_function(random, out, "dp", "", true);
        text_buffer_add(out, "(");
        write_link(random, out, depth + 1);
        text_buffer_add(out, ")");
    }
    if (!random->pcie_only && chance(random, 20))
        write_function(random, out, "ep", "", false);
    text_buffer_add(out, ")");
    if (chance(random, 20))
        write_function(random, out, "ep", "@.1", false);
}

/** One to three functions of one device. */
static void write_device(struct random_fabric *random, struct text_buffer *out, const char *kind)
{
    uint32_t functions = 1 + random_fabric_next(random, 3);
    write_function(random, out, kind, "", false);
    if (functions == 1 && kind[0] == 'e' && chance(random, 40)) {
        /* Take back the bracket: the VFs are one more option. */
        out->length--;
        text_buffer_format(out, ",vf=%u]", 1 + random_fabric_next(random, 3));
    }
    static const char *const places[] = {"", "@.1", "@.2"};
    for (uint32_t i = 1; i < functions; i++)
        write_function(random, out, kind, places[i], false);
}

/** What hangs on a link. */
static void write_link(struct random_fabric *random, struct text_buffer *out, unsigned depth)
{
    uint32_t what = random_fabric_next(random, random->pcie_only ? 8 : 10);
    if (what == 0)
        return;
    if (what < 4 && depth < MAX_DEPTH) {
        write_switch(random, out, depth);
    } else if (what < 8) {
        write_device(random, out, "ep");
    } else {
        bool pcix = random->platforms && chance(random, 50);
        text_buffer_add(out, chance(random, 70) ? " pcie2pci" : " pcibridge");
        if (chance(random, 30))
            text_buffer_add(out, pcix ? "[bar=4KiB,pcix](" : "[bar=4KiB](");
        else
            text_buffer_add(out, pcix ? "[pcix](" : "(");
        write_shared(random, out, depth + 1, pcix);
        text_buffer_add(out, ")");
    }
}

/** What hangs on a conventional bus; @p pcix  most of it can do PCI-X. */
static void write_shared(struct random_fabric *random, struct text_buffer *out, unsigned depth, bool pcix)
{
    uint32_t count = 1 + random_fabric_next(random, 3);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t what = random_fabric_next(random, 8);
        if (what == 0 && depth < MAX_DEPTH) {
            text_buffer_add(out, pcix ? " pcibridge[pcix](" : " pcibridge(");
            write_shared(random, out, depth + 1, pcix);
            text_buffer_add(out, ")");
        } else if (what == 1 && depth < MAX_DEPTH) {
            text_buffer_add(out, " pci2pcie(");
            write_link(random, out, depth + 1);
            text_buffer_add(out, ")");
        } else {
            text_buffer_add(out, pcix && !chance(random, 15) ? " pci[pcix]" : " pci");
        }
    }
}

static void write_root(struct random_fabric *random, struct text_buffer *out)
{
    uint32_t what = random_fabric_next(random, random->pcie_only ? 7 : 8);
    if (what == 7) {
        text_buffer_add(out, " pcibridge(");
        write_shared(random, out, 1, false);
        text_buffer_add(out, ")");
    } else if (what == 6) {
        write_device(random, out, "rciep");
    } else {
        write_function(random, out, "rp", "", true);
        text_buffer_add(out, "(");
        write_link(random, out, 0);
        text_buffer_add(out, ")");
        if (chance(random, 30)) {
            write_function(random, out, "rp", "@.1", true);
            text_buffer_add(out, "(");
            write_link(random, out, 0);
            text_buffer_add(out, ")");
        }
        if (chance(random, 15))
            write_function(random, out, "rciep", "@.2", false);
    }
}

/** What the root complex does between its ports, told on a function of the root bus that is there for it. */
static void write_routing(struct random_fabric *random, struct text_buffer *out, const char *more)
{
    static const char *const words[] = {"none", "within", "all"};
    text_buffer_format(out, " rcec[%sp2p=%s]", more, words[random_fabric_next(random, 3)]);
}

static void write_roots(struct random_fabric *random, struct text_buffer *out)
{
    uint32_t roots = 1 + random_fabric_next(random, 3);
    for (uint32_t i = 0; i < roots; i++)
        write_root(random, out);
}

/** A machine with host bridges of different minds, perhaps a second segment and a VMD domain. */
static void write_platforms(struct random_fabric *random, struct text_buffer *out)
{
    uint32_t hosts = 1 + random_fabric_next(random, 2);
    bool vmd = chance(random, 25);
    for (uint32_t h = 0; h < hosts; h++) {
        text_buffer_add(out, h ? " |" : "");
        if (chance(random, 60))
            write_routing(random, out, "");
        write_roots(random, out);
        if (vmd && h == 0)
            text_buffer_add(out, " rciep@1e[id=8086:201d,class=0104]");
    }
    if (chance(random, 25)) {
        text_buffer_add(out, " | bus=0:");
        write_routing(random, out, "seg=1,");
        write_roots(random, out);
    }
    if (vmd) {
        text_buffer_add(out, " | bus=0:");
        write_routing(random, out, "seg=10000,");
        write_roots(random, out);
    }
}

void random_fabric_write(struct random_fabric *random, struct text_buffer *out)
{
    if (random->platforms) {
        write_platforms(random, out);
        return;
    }
    uint32_t hosts = chance(random, 20) ? 2 : 1;
    for (uint32_t h = 0; h < hosts; h++) {
        text_buffer_add(out, h ? " |" : "");
        write_roots(random, out);
    }
}

/** Where the memory of VMD domains goes: what was placed there may lie between that of other hosts. */
enum { VMD_SHIFT = 44 };

static void move_window(struct window *window)
{
    uint64_t offset = UINT64_C(1) << VMD_SHIFT;
    window->base += window->open ? offset : 0;
    window->limit += window->open ? offset : 0;
}

static void move_function(struct pci_function *function)
{
    for (int b = 0; b < BAR_ROM; b++) {
        struct bar *bar = &function->bars[b];
        if (bar->assigned && bar->kind != BAR_IO && bar->kind != BAR_NONE)
            bar->address += UINT64_C(1) << VMD_SHIFT;
    }
    move_window(&function->memory_window);
    move_window(&function->prefetchable_window);
}

/** Give each VMD endpoint a BAR that holds all behind it, as the kernel lays them out. */
static void finish_vmd_domains(struct topology *topology)
{
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_bus *bus = &topology->buses[topology->functions[i].bus_id];
        if (topology->host_bridges[bus->host_bridge_id].vmd_function_id != NONE)
            move_function(&topology->functions[i]);
    }
    for (uint32_t h = 0; h < topology->host_bridge_count; h++) {
        const struct host_bridge *host = &topology->host_bridges[h];
        uint64_t base = UINT64_MAX, limit = 0;
        if (host->vmd_function_id == NONE)
            continue;
        for (uint32_t w = 0; w < host->window_count; w++) {
            struct window *window = &host->windows[w];
            move_window(window);
            base = window->base < base ? window->base : base;
            limit = window->limit > limit ? window->limit : limit;
        }
        if (base <= limit)
            topology->functions[host->vmd_function_id].bars[0] = (struct bar){
                .kind = BAR_MEMORY64, .assigned = true, .address = base, .size = limit - base + 1};
    }
}

uint32_t random_fabric_dice(uint64_t seed, const struct pci_function *function, uint32_t salt, uint32_t limit)
{
    struct random_fabric random = {.seed = seed * 1000003 + salt + (uint64_t)function->segment * 7919 +
                                           pci_requester_id(function->bus, function->devfn) * 104729U};
    random_fabric_next(&random, 2);
    return random_fabric_next(&random, limit);
}

/** Give functions of a bus, and all below, I/O ports from @p next on. */
static void place_ports(struct topology *topology, uint64_t seed, uint32_t bus_id, uint64_t *next)
{
    const struct pci_bus *bus = &topology->buses[bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        struct pci_function *function = &topology->functions[bus->functions[i]];
        bool bridge = function->header_type == 1;
        struct bar *bar = &function->bars[bridge ? 0 : 5];
        if (function->is_vf)
            continue;
        if (bar->kind == BAR_NONE && random_fabric_dice(seed, function, 1, 100) < (bridge ? 15 : 40)) {
            *bar = (struct bar){.kind = BAR_IO, .assigned = true, .address = *next, .size = 32};
            *next += 32;
        }
        if (!bridge || function->secondary_bus_id == NONE)
            continue;
        uint64_t base = *next;
        place_ports(topology, seed, function->secondary_bus_id, next);
        *next += 16; /* a hole at the end */
        function->io_window = (struct window){true, base, *next - 1};
    }
}

/** What one line cannot say. */
void random_fabric_embellish(struct topology *topology, uint64_t seed)
{
    uint64_t port = 0x1000;
    finish_vmd_domains(topology);
    topology->root_complex_peer_to_peer = seed / 2 % 2;
    for (uint32_t h = 0; h < topology->host_bridge_count; h++)
        place_ports(topology, seed, topology->host_bridges[h].root_bus_id, &port);
    for (uint32_t i = 0; i < topology->function_count; i++) {
        struct pci_function *function = &topology->functions[i];
        if (random_fabric_dice(seed, function, 2, 100) < 4)
            function->memory_space = false;
        if (function_is_pcie_port(function)) {
            function->no_atomic_routing = random_fabric_dice(seed, function, 5, 100) < 8;
            function->atomic_egress_blocking = random_fabric_dice(seed, function, 6, 100) < 8;
        }
        if (!function->is_vf && function->header_type == 0 &&
            random_fabric_dice(seed, function, 3, 100) < 10) {
            function->alias_devfns = arena_alloc(topology->arena, 1);
            function->alias_devfns[0] = (uint8_t)random_fabric_dice(seed, function, 4, 256);
            function->alias_count = 1;
        }
    }
    if (seed % 3 == 0) {
        static const struct memory_range ranges[] = {{.base = 0, .limit = 0x3fffffff},
                                                     {.base = 0x100000000, .limit = 0x1ffffffff}};
        topology->memory = arena_array(topology->arena, 2, sizeof(ranges[0]));
        memcpy(topology->memory, ranges, sizeof(ranges));
        topology->memory_count = 2;
    }
}

struct topology *random_fabric_build(const char *line, uint64_t seed)
{
    struct diagnostics *diagnostics = diagnostics_new(1);
    struct topology *topology = synthetic_parse("<test>", line, diagnostics);
    diagnostics_free(diagnostics);
    if (topology)
        random_fabric_embellish(topology, seed);
    return topology;
}
