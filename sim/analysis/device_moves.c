/* SPDX-License-Identifier: MIT */
#include "sim/analysis/device_moves.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"

#include <string.h>

enum { PORTS_NAMED = 8 };

const struct pci_function *function_named(const struct topology *topology, const char *text,
                                          const struct source_text *source, size_t offset, const char *code,
                                          struct diagnostics *diagnostics)
{
    uint32_t segment;
    uint8_t bus, devfn;
    if (!bdf_parse(text, &segment, &bus, &devfn)) {
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, offset, NULL, code,
                           "\"%s\" is no address: [segment:]bus:device.function is expected", text);
        return NULL;
    }
    const struct pci_function *function = topology_find(topology, segment, bus, devfn);
    if (!function)
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, offset, NULL, code,
                           "the machine has no function %s", text);
    return function;
}

/* "; free are 0000:00:1c.0 and 0000:00:1c.4" */
static void add_free_ports(const struct topology *topology, const struct pci_function *device,
                           struct text_buffer *text)
{
    const struct pci_function *slot = device_move_slot(topology, device);
    unsigned count = 0;
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *port = &topology->functions[id];
        char bdf[BDF_TEXT_SIZE];
        if (port == slot || device_move_check(topology, device, port) != MOVE_POSSIBLE)
            continue;
        if (count < PORTS_NAMED)
            text_buffer_format(text, "%s%s", count ? ", " : "; free: ",
                               bdf_print(bdf, port->segment, port->bus, port->devfn));
        count++;
    }
    if (count > PORTS_NAMED)
        text_buffer_format(text, " and %u more", count - PORTS_NAMED);
    if (count == 0)
        text_buffer_add(text, "; no port is free");
}

/* Can it be done on the machine as it was? What is below ports changes with each move; that is checked there.
 */
static bool check(const struct topology *now, const struct pci_function *device,
                  const struct pci_function *port, const struct source_text *source, size_t port_offset,
                  struct diagnostics *diagnostics)
{
    enum move_obstacle obstacle = device_move_check(now, device, port);
    if (obstacle == MOVE_POSSIBLE)
        return true;
    struct text_buffer text = {0};
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *culprit = obstacle == MOVE_NOT_IN_SLOT ? device : port;
    text_buffer_format(&text, "%s (%s) is not possible: %s",
                       bdf_print(bdf, culprit->segment, culprit->bus, culprit->devfn),
                       function_kind_name(culprit), move_obstacle_text(obstacle));
    if (obstacle != MOVE_NOT_IN_SLOT)
        add_free_ports(now, device, &text);
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, obstacle == MOVE_NOT_IN_SLOT ? 0 : port_offset,
                       NULL, "move-impossible", "%s", text_buffer_get(&text));
    text_buffer_fini(&text);
    return false;
}

static bool apply(const struct topology *topology, const char *move, uint32_t *known,
                  struct moved_machine *result, struct arena *arena, struct diagnostics *diagnostics)
{
    struct source_text source = {"--move", move, strlen(move)};
    const char *equals = strchr(move, '=');
    if (!equals) {
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, source.length, NULL, "move-syntax",
                           "a move is DEVICE=PORT (\"01:00.0=00:1c.0\"), and this has no \"=\"");
        return false;
    }
    size_t port_offset = (size_t)(equals - move) + 1;
    char *name = arena_string(arena, move);
    name[port_offset - 1] = '\0';
    const struct pci_function *device =
        function_named(topology, name, &source, 0, "move-function", diagnostics);
    const struct pci_function *port =
        function_named(topology, name + port_offset, &source, port_offset, "move-function", diagnostics);
    if (!device || !port)
        return false;
    const struct topology *now = result->stage_count ? result->stages[result->stage_count - 1] : topology;
    if (known[device->id] == NONE || known[port->id] == NONE)
        return false;
    device = &now->functions[known[device->id]];
    port = &now->functions[known[port->id]];
    if (!check(now, device, port, &source, port_offset, diagnostics))
        return false;
    const uint32_t *step;
    struct topology *moved = device_move(now, device->id, port->id, &step, diagnostics);
    if (!moved)
        return false;
    result->stages[result->stage_count++] = moved;
    for (uint32_t id = 0; id < topology->function_count; id++)
        known[id] = known[id] == NONE ? NONE : step[known[id]];
    return true;
}

int device_moves_apply(const struct topology *topology, const char *const *moves, size_t count,
                       struct arena *arena, struct moved_machine *result, struct diagnostics *diagnostics)
{
    uint32_t *known = arena_array(arena, topology->function_count, sizeof(*known));
    for (uint32_t id = 0; id < topology->function_count; id++)
        known[id] = id;
    *result = (struct moved_machine){
        .stages = arena_array(arena, count, sizeof(const struct topology *)),
        .known = known,
    };
    for (size_t i = 0; i < count; i++) {
        if (!apply(topology, moves[i], known, result, arena, diagnostics))
            return STATUS_BAD_INPUT;
    }
    return STATUS_OK;
}

void moved_machine_fini(struct moved_machine *machine)
{
    while (machine->stage_count)
        topology_free(machine->stages[--machine->stage_count]);
}
