/* SPDX-License-Identifier: MIT */
/* Machines in one line with addresses, and walks through them as text; for the tests of routing and reach. */
#ifndef IOMMUSIM_TESTS_FABRIC_FIXTURE_H
#define IOMMUSIM_TESTS_FABRIC_FIXTURE_H

#include "models/pcie/route.h"
#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/topology/synthetic.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** The machine of @p text; fails the test where it is wrong. */
static inline struct topology *fixture_machine(const char *text)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct topology *topology = synthetic_parse("<test>", text, diagnostics);
    if (!topology)
        diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    ck_assert_msg(topology != NULL, "%s", text);
    return topology;
}

/** Function by "[ssss:]bb:dd.f"; fails the test where there is none. */
static inline struct pci_function *fixture_function(struct topology *topology, const char *bdf)
{
    uint32_t segment;
    uint8_t bus, devfn;
    ck_assert_msg(bdf_parse(bdf, &segment, &bus, &devfn), "%s", bdf);
    for (uint32_t i = 0; i < topology->function_count; i++) {
        struct pci_function *function = &topology->functions[i];
        if (function->segment == segment && function->bus == bus && function->devfn == devfn)
            return function;
    }
    ck_abort_msg("no function %s", bdf);
    return NULL;
}

/** "bb:dd.f", with the segment where it is not 0. */
static inline const char *fixture_name(const struct topology *topology, uint32_t id, char *text)
{
    if (id == NONE)
        return strcpy(text, "-");
    const struct pci_function *function = &topology->functions[id];
    char full[BDF_TEXT_SIZE];
    bdf_print(full, function->segment, function->bus, function->devfn);
    return strcpy(text, function->segment ? full : full + 5);
}

/**
 * Walk from @p place to the end and append "bb:dd.f rule, bb:dd.f rule, ... = ENDING", where ENDING is the
 * function that got it, "host [requester]" or the error. Marks the rules met in @p seen [RULE_COUNT] or NULL.
 */
static inline void fixture_walk(const struct fabric *fabric, struct transaction transaction,
                                struct route_place place, bool *seen, struct text_buffer *out)
{
    static const char *const errors[] = {"ok", "acs-violation", "unsupported-request", "master-abort"};
    const struct topology *topology = fabric->topology;
    char name[BDF_TEXT_SIZE];
    transaction.segment = topology->functions[place.function_id].segment;
    for (uint32_t steps = 0;; steps++) {
        ck_assert_msg(steps <= 2 * (topology->bus_count + 2), "a walk without end");
        struct route_decision decision = route_step(fabric, &transaction, place);
        if (seen)
            seen[decision.rule] = true;
        text_buffer_format(out, "%s%s %s", steps ? ", " : "", fixture_name(topology, place.function_id, name),
                           route_rule_name(decision.rule));
        route_take(fabric, &transaction, &decision);
        if (decision.action == ROUTE_MOVE) {
            place = decision.next;
            continue;
        }
        if (decision.action == ROUTE_HOST)
            text_buffer_format(out, " = host %04x", decision.requester_id);
        else if (decision.action == ROUTE_BLOCK)
            text_buffer_format(out, " = %s", errors[decision.error]);
        else
            text_buffer_format(out, " = %s", fixture_name(topology, decision.next.function_id, name));
        return;
    }
}

#endif
