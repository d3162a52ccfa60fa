/* SPDX-License-Identifier: MIT */
#include "tests/unit/random_machine.h"

#include "sim/base/text_buffer.h"

#include <stdbool.h>
#include <stdio.h>

struct generator {
    uint64_t state;
    struct text_buffer out;
    int functions; /* still to be spent; may go a little below zero at the end of a device */
    int buses;     /* bus numbers left below this host bridge */
};

/* splitmix64: good enough, and the same everywhere. */
static uint64_t next_random(struct generator *generator)
{
    uint64_t z = generator->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* 0 to count - 1. */
static unsigned pick(struct generator *generator, unsigned count)
{
    return (unsigned)(next_random(generator) % count);
}

static bool chance(struct generator *generator, unsigned percent)
{
    return pick(generator, 100) < percent;
}

static const char *one_of(struct generator *generator, const char *const *texts, size_t count)
{
    return texts[pick(generator, (unsigned)count)];
}

#define ONE_OF(generator, texts) one_of(generator, texts, sizeof(texts) / sizeof(texts[0]))

static void add(struct generator *generator, const char *text)
{
    text_buffer_add(&generator->out, text);
}

/* "[a,b]" from options added one by one: the first opens the bracket. */
static void add_option(struct generator *generator, bool *open, const char *option)
{
    add(generator, *open ? "," : "[");
    add(generator, option);
    *open = true;
}

static void close_options(struct generator *generator, bool open)
{
    if (open)
        add(generator, "]");
}

static void add_acs(struct generator *generator, bool *open, unsigned percent)
{
    static const char *const kinds[] = {"acs",      "acs",       "acs=1f:0",  "acs=5f:1d",
                                        "acs=0:0",  "acs=1:1",   "acs=c:0",   "acs=15:15",
                                        "acs=1f:d", "acs=1f:19", "acs=3f:3d", "acs=5f:5d"};
    if (chance(generator, percent))
        add_option(generator, open, ONE_OF(generator, kinds));
}

/* Ids that some quirk list of the kernel names. */
static const char *const quirky_endpoints[] = {"id=8086:10c9", "id=8086:1521", "id=8086:1572", "id=1180:e476",
                                               "id=1b4b:9230", "id=8086:9999", "id=14e4:16d7"};
static const char *const quirky_ports[] = {"id=8086:8c10", "id=8086:a110", "id=8086:3420", "id=1022:1483",
                                           "id=17cb:0400"};

static void add_endpoint_options(struct generator *generator, unsigned vf_percent, bool function0_mf)
{
    static const char *const bars[] = {"nobar",    "bar=4KiB",   "bar=16KiB",
                                       "bar=1MiB", "bar=256MiB", "bar=64KiB,bar=4KiB"};
    static const char *const payloads[] = {"mps=128", "mps=512", "mrrs=128", "mrrs=4096"};
    bool open = false;
    if (function0_mf)
        add_option(generator, &open, "mf");
    if (chance(generator, 20))
        add_option(generator, &open, ONE_OF(generator, quirky_endpoints));
    add_acs(generator, &open, 20);
    if (chance(generator, 30))
        add_option(generator, &open, ONE_OF(generator, bars));
    if (chance(generator, 15))
        add_option(generator, &open, ONE_OF(generator, payloads));
    if (chance(generator, 10))
        add_option(generator, &open, "ats");
    if (chance(generator, vf_percent)) {
        char text[16];
        unsigned count = 1 + pick(generator, 6);
        snprintf(text, sizeof(text), "vf=%u", count);
        add_option(generator, &open, text);
        if (chance(generator, 50))
            add_option(generator, &open, "ari");
        generator->functions -= (int)count;
    }
    close_options(generator, open);
}

/* One device of up to four functions of a kind, and a space behind. */
static void add_device(struct generator *generator, const char *kind, unsigned vf_percent)
{
    unsigned count = chance(generator, 60) ? 1 : 2 + pick(generator, 3);
    for (unsigned i = 0; i < count; i++) {
        add(generator, kind);
        if (i > 0)
            text_buffer_format(&generator->out, "@.%x", i);
        add_endpoint_options(generator, vf_percent, i == 0 && count == 1 && chance(generator, 10));
        add(generator, " ");
        generator->functions--;
    }
}

static void add_link(struct generator *generator, unsigned depth);
static void add_shared_bus(struct generator *generator, unsigned depth);

static void add_bridge(struct generator *generator, const char *kind, const char *option, unsigned depth)
{
    generator->functions--;
    generator->buses--;
    add(generator, kind);
    add(generator, option);
    add(generator, "(");
    add_shared_bus(generator, depth + 1);
    add(generator, ") ");
}

static void add_port(struct generator *generator, const char *kind, unsigned depth)
{
    bool open = false;
    generator->functions--;
    generator->buses--;
    add(generator, kind);
    add_acs(generator, &open, 70);
    if (chance(generator, 15))
        add_option(generator, &open, ONE_OF(generator, quirky_ports));
    if (chance(generator, 20))
        add_option(generator, &open, "ari");
    if (chance(generator, 15))
        add_option(generator, &open, chance(generator, 50) ? "link=4x16" : "link=2x1");
    close_options(generator, open);
    add(generator, "(");
    if (!chance(generator, 10))
        add_link(generator, depth + 1);
    add(generator, ") ");
}

/* Downstream ports each in a slot of its own, or functions of one. */
static void add_switch(struct generator *generator, unsigned depth)
{
    bool open = false;
    unsigned ports = 1 + pick(generator, 4);
    bool one_slot = chance(generator, 25);
    generator->functions--;
    generator->buses--;
    add(generator, "up");
    add_acs(generator, &open, 20);
    close_options(generator, open);
    add(generator, "(");
    for (unsigned i = 0; i < ports && generator->buses > 1; i++) {
        char place[8];
        snprintf(place, sizeof(place), one_slot && i ? "dp@.%u" : "dp", i % 8);
        add_port(generator, place, depth + 1);
    }
    add(generator, ") ");
    if (chance(generator, 15)) {
        add(generator, "ep@.1");
        add_endpoint_options(generator, 0, false);
        add(generator, " ");
        generator->functions--;
    }
}

/* What is below a port: one device. */
static void add_link(struct generator *generator, unsigned depth)
{
    if (generator->functions <= 0)
        return;
    unsigned choice = pick(generator, 100);
    bool room = depth < 8 && generator->buses > 3;
    if (choice < 25 && room)
        add_switch(generator, depth);
    else if (choice < 32 && room)
        add_bridge(generator, "pcie2pci", "", depth);
    else if (choice < 36 && room)
        add_bridge(generator, "pcibridge", chance(generator, 50) ? "[bridgealias]" : "", depth);
    else if (choice < 41)
        add_device(generator, "pci", 0);
    else if (choice < 48)
        add_device(generator, "lep", 0);
    else
        add_device(generator, "ep", 20);
}

/* Slots of a conventional bus, with further bridges. */
static void add_shared_bus(struct generator *generator, unsigned depth)
{
    unsigned slots = pick(generator, 4);
    for (unsigned i = 0; i < slots && generator->functions > 0; i++) {
        bool room = depth < 8 && generator->buses > 3;
        if (room && chance(generator, 12))
            add_bridge(generator, "pcibridge", "", depth);
        else if (room && chance(generator, 4))
            add_port(generator, "pci2pcie", depth);
        else
            add_device(generator, "pci", 0);
    }
}

static void add_root_slot(struct generator *generator)
{
    unsigned choice = pick(generator, 100);
    bool room = generator->buses > 3;
    if (choice < 65 && room) {
        unsigned functions = chance(generator, 75) ? 1 : 2 + pick(generator, 3);
        for (unsigned i = 0; i < functions && generator->buses > 3; i++) {
            char place[8];
            snprintf(place, sizeof(place), i ? "rp@.%u" : "rp", i % 8);
            add_port(generator, place, 0);
        }
    } else if (choice < 70 && room) {
        add_bridge(generator, "pcibridge", "", 0);
    } else if (choice < 82) {
        add_device(generator, "rciep", 10);
    } else if (choice < 85) {
        add_device(generator, "rcec", 0);
    } else {
        add_device(generator, "pci", 0);
    }
}

char *random_machine_text(uint64_t seed, unsigned max_functions)
{
    struct generator generator = {.state = seed, .functions = (int)max_functions};
    unsigned hosts = chance(&generator, 75) ? 1 : 2 + pick(&generator, 3);
    for (unsigned host = 0; host < hosts; host++) {
        add(&generator, host ? "| " : "");
        generator.buses = hosts == 1 ? 250 : 60;
        unsigned slots = 1 + pick(&generator, 20);
        for (unsigned i = 0; i < slots && (generator.functions > 0 || i == 0); i++)
            add_root_slot(&generator);
    }
    return generator.out.text;
}
