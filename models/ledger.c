/* SPDX-License-Identifier: MIT */
#include "models/ledger.h"

const char *ledger_part_name(enum ledger_part part)
{
    static const char *const names[LEDGER_PARTS] = {
        [LEDGER_ENDPOINT] = "endpoint",
        [LEDGER_DEVICE_TLB] = "device_tlb",
        [LEDGER_LINK_QUEUEING] = "link_queueing",
        [LEDGER_LINK_SERIALISATION] = "link_serialisation",
        [LEDGER_LINK_PROPAGATION] = "link_propagation",
        [LEDGER_SWITCH] = "switch",
        [LEDGER_BRIDGE] = "bridge",
        [LEDGER_ROOT_COMPLEX] = "root_complex",
        [LEDGER_CONTEXT_CACHE] = "context_cache",
        [LEDGER_IOTLB] = "iotlb",
        [LEDGER_WALK_CACHES] = "walk_caches",
        [LEDGER_WALK_MEMORY] = "walk_memory",
        [LEDGER_WALKER_QUEUEING] = "walker_queueing",
        [LEDGER_INTERRUPT] = "interrupt",
        [LEDGER_MEMORY] = "memory",
        [LEDGER_COMPLETER] = "completer",
        [LEDGER_DRIVER] = "driver",
        [LEDGER_INVALIDATION] = "invalidation",
        [LEDGER_BOUNCE_COPY] = "bounce_copy",
    };
    return names[part];
}
