/* SPDX-License-Identifier: MIT */
#include "tests/unit/random_fabric.h"

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

/** "acs=CAP:CTL" or nothing. */
static void write_acs(struct random_fabric *random, struct text_buffer *out)
{
    static const unsigned capabilities[] = {0x1f, 0x1f, 0x1f, 0x0c, 0x1b, 0x00, 0x5f};
    static const unsigned enhanced[] = {0x9f, 0x3f, 0xff, 0x1f, 0x7f};
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
    if (chance(random, 25))
        text_buffer_add(out, "noacs");
    else
        text_buffer_format(out, "acs=%x:%x", capability, control);
}

/** " kind[options]", without children. @p bars  bridges may have a BAR of their own */
static void write_function(struct random_fabric *random, struct text_buffer *out, const char *kind,
                           const char *place, bool bars)
{
    text_buffer_format(out, " %s%s[", kind, place);
    write_acs(random, out);
    if (bars && chance(random, 25))
        text_buffer_add(out, ",bar=16KiB");
    text_buffer_add(out, "]");
}

static void write_link(struct random_fabric *random, struct text_buffer *out, unsigned depth);
static void write_shared(struct random_fabric *random, struct text_buffer *out, unsigned depth);

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
        text_buffer_add(out, chance(random, 70) ? " pcie2pci" : " pcibridge");
        text_buffer_add(out, chance(random, 30) ? "[bar=4KiB](" : "(");
        write_shared(random, out, depth + 1);
        text_buffer_add(out, ")");
    }
}

/** What hangs on a conventional bus. */
static void write_shared(struct random_fabric *random, struct text_buffer *out, unsigned depth)
{
    uint32_t count = 1 + random_fabric_next(random, 3);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t what = random_fabric_next(random, 8);
        if (what == 0 && depth < MAX_DEPTH) {
            text_buffer_add(out, " pcibridge(");
            write_shared(random, out, depth + 1);
            text_buffer_add(out, ")");
        } else if (what == 1 && depth < MAX_DEPTH) {
            text_buffer_add(out, " pci2pcie(");
            write_link(random, out, depth + 1);
            text_buffer_add(out, ")");
        } else {
            text_buffer_add(out, " pci");
        }
    }
}

static void write_root(struct random_fabric *random, struct text_buffer *out)
{
    uint32_t what = random_fabric_next(random, random->pcie_only ? 7 : 8);
    if (what == 7) {
        text_buffer_add(out, " pcibridge(");
        write_shared(random, out, 1);
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

void random_fabric_write(struct random_fabric *random, struct text_buffer *out)
{
    uint32_t hosts = chance(random, 20) ? 2 : 1;
    for (uint32_t h = 0; h < hosts; h++) {
        uint32_t roots = 1 + random_fabric_next(random, 3);
        if (h > 0)
            text_buffer_add(out, " |");
        for (uint32_t i = 0; i < roots; i++)
            write_root(random, out);
    }
}
