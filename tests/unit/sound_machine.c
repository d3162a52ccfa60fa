/* SPDX-License-Identifier: MIT */
#include "tests/unit/sound_machine.h"

#include <check.h>
#include <stdio.h>

static void set(struct pci_function *function, const char *bdf, const char *kind, const char *pointer)
{
    ck_assert(bdf_parse(bdf, &function->segment, &function->bus, &function->devfn));
    ck_assert(function_kind_set(function, kind));
    function->pointer = pointer;
    function->memory_space = true;
    function->class_code = function->header_type ? 0x060400 : 0x020000;
    function->link = (struct link_state){3, 8, 3, 8};
}

static void set_bridge(struct pci_function *bridge, uint8_t secondary, uint8_t subordinate, uint64_t base,
                       uint64_t limit)
{
    bridge->secondary_bus = secondary;
    bridge->subordinate_bus = subordinate;
    bridge->memory_window = (struct window){true, base, limit};
}

void sound_machine_make(struct sound_machine *machine)
{
    struct pci_function *f = machine->functions;
    set(&f[ROOT], "00:01.0", "root-port", "/functions/0");
    set(&f[UPSTREAM], "01:00.0", "upstream-port", "/functions/1");
    set(&f[DOWNSTREAM], "02:00.0", "downstream-port", "/functions/2");
    set(&f[ENDPOINT], "03:00.0", "endpoint", "/functions/3");
    set(&f[OTHER_ROOT], "00:02.0", "root-port", "/functions/4");
    set(&f[OTHER], "04:00.0", "endpoint", "/functions/5");
    set_bridge(&f[ROOT], 1, 3, 0xc0000000, 0xc02fffff);
    set_bridge(&f[UPSTREAM], 2, 3, 0xc0000000, 0xc01fffff);
    set_bridge(&f[DOWNSTREAM], 3, 3, 0xc0000000, 0xc00fffff);
    set_bridge(&f[OTHER_ROOT], 4, 4, 0xc0300000, 0xc03fffff);
    f[ENDPOINT].bars[0] = (struct bar){BAR_MEMORY32, false, true, 0xc0000000, 0x10000};
    f[OTHER].bars[0] = (struct bar){BAR_MEMORY32, false, true, 0xc0300000, 0x10000};
}

char *sound_machine_finish(struct sound_machine *machine, struct topology_builder *builder, bool known,
                           struct topology **topology)
{
    for (unsigned i = 0; i < machine->host_count; i++)
        topology_builder_add_host_bridge(builder, &machine->hosts[i]);
    for (unsigned i = 0; i < FUNCTION_COUNT; i++)
        topology_builder_add(builder, &machine->functions[i],
                             (struct placement){.host_bridge = NONE,
                                                .parent = NONE,
                                                .address_known = true,
                                                .bus_numbers_known = true,
                                                .addresses_known = known});
    struct diagnostics *diagnostics = diagnostics_new(20);
    *topology = topology_builder_finish(builder, NULL, NULL, diagnostics);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    diagnostics_free(diagnostics);
    return text;
}
