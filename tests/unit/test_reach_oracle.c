/* SPDX-License-Identifier: MIT */
/*
 * Routing and reach against a second implementation (plain_reach.c), for transactions of every kind, address
 * type and identity, to every kind of destination, on 10,000 random machines (two seconds of one core).
 * IOMMUSIM_MACHINES in the environment sets another number.
 *
 * A disagreement is shrunk: the smallest machine that shows one is printed, as a line and as topology JSON.
 */
#include "models/pcie/fabric_acs.h"
#include "sim/analysis/reach_destinations.h"
#include "sim/input/topology_writer.h"
#include "tests/unit/fabric_fixture.h"
#include "tests/unit/plain_reach.h"
#include "tests/unit/random_fabric.h"
#include "tests/unit/random_machine.h"
#include "tests/unit/shrink.h"
#include "sim/analysis/reach.h"

#include <inttypes.h>

Suite *reach_oracle_suite(void);

enum { QUESTIONS = 120, MESSAGE = 1024 };

/** What was met, so that a generator that stops making something is noticed. */
struct met {
    uint64_t questions, kinds[TRANSACTION_KINDS], ends[PLAIN_DELIVERED + 1], errors[ROUTE_MASTER_ABORT + 1];
    uint64_t pcix_ids, vmd, redirect_blocked;
};

/** A question, its two answers. */
struct asked {
    struct reach_request request;
    struct reach_result result;
    struct plain_result plain;
};

/** A transaction for somewhere. */
static void random_question(struct random_fabric *random, const struct fabric *fabric,
                            const struct reach_destination *destinations, uint32_t count,
                            struct reach_request *request)
{
    const struct topology *topology = fabric->topology;
    uint32_t source_id = random_fabric_next(random, topology->function_count);
    uint32_t peer_id = random_fabric_next(random, topology->function_count);
    const struct pci_function *source = &topology->functions[source_id];
    const struct reach_destination *to = &destinations[random_fabric_next(random, count)];
    uint16_t own_id = fabric->nodes[source_id].requester_id, peer = fabric->nodes[peer_id].requester_id;
    uint32_t who = random_fabric_next(random, 100), where = random_fabric_next(random, 100);
    struct transaction *transaction = &request->transaction;
    *request = (struct reach_request){.source_id = source_id};
    transaction->kind = (enum transaction_kind)random_fabric_next(random, TRANSACTION_KINDS);
    if (to->kind == DESTINATION_IO_BAR || to->kind == DESTINATION_IO_WINDOW)
        transaction->kind = TRANSACTION_IO;
    if (!reach_issues(source)) /* ports and bridges answer for their BARs */
        transaction->kind = TRANSACTION_COMPLETION;
    if (random_fabric_next(random, 100) < 40)
        transaction->address_type = (enum address_type)random_fabric_next(random, 3);
    transaction->address = to->base;
    if (where < 30) /* a byte somewhere in it */
        transaction->address += random_fabric_next(random, 1U << 31) % (to->limit - to->base + 1);
    transaction->relaxed_ordering = random_fabric_next(random, 2);
    transaction->segment = source->segment;
    transaction->target_id = where < 85 ? peer : (uint16_t)random_fabric_next(random, 0x10000);
    transaction->requester_id = who < 55   ? own_id
                                : who < 80 ? peer
                                : who < 90 && source->alias_count
                                    ? pci_requester_id(source->bus, source->alias_devfns[0])
                                    : (uint16_t)random_fabric_next(random, 0x10000);
}

/** Do both answers say the same? */
static bool same(const struct asked *asked)
{
    const struct reach_result *result = &asked->result;
    const struct plain_result *plain = &asked->plain;
    if (result->error != plain->error || result->requester_id != plain->requester_id)
        return false;
    switch (plain->end) {
    case PLAIN_UNIT:
        return result->outcome == REACH_REDIRECTED;
    case PLAIN_MEMORY:
        return result->outcome == REACH_REACHES && result->end_id == NONE;
    case PLAIN_DELIVERED:
        return result->outcome == REACH_REACHES && result->end_id == plain->function_id;
    case PLAIN_BLOCKED:
        break;
    }
    /* A root port of a VMD domain redirects and blocks in one step. */
    if (result->rule == RULE_NOT_FOR_HOST && result->at_id != NONE)
        return result->outcome == REACH_BLOCKED || result->outcome == REACH_REDIRECT_BLOCKED;
    return result->outcome == (plain->redirected ? REACH_REDIRECT_BLOCKED : REACH_BLOCKED);
}

static void describe(const struct topology *topology, const struct asked *asked, char *message)
{
    static const char *const ends[] = {"unit", "memory", "blocked", "delivered"};
    char source[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE], end[BDF_TEXT_SIZE], other[BDF_TEXT_SIZE];
    const struct transaction *transaction = &asked->request.transaction;
    const struct reach_result *result = &asked->result;
    snprintf(
        message, MESSAGE,
        "%s %s of %s to 0x%" PRIx64 " (id %04x) as %04x, RO %d:\n"
        "  routing: %s by %s at %s, end %s, %s, as %04x\n  oracle: %s, end %s, %s, as %04x, redirected %d",
        address_type_name(transaction->address_type), transaction_kind_name(transaction->kind),
        fixture_name(topology, asked->request.source_id, source), transaction->address,
        transaction->target_id, transaction->requester_id, transaction->relaxed_ordering,
        reach_outcome_name(result->outcome), route_rule_name(result->rule),
        fixture_name(topology, result->at_id, at), fixture_name(topology, result->end_id, end),
        route_error_name(result->error), result->requester_id, ends[asked->plain.end],
        fixture_name(topology, asked->plain.function_id, other), route_error_name(asked->plain.error),
        asked->plain.requester_id, asked->plain.redirected);
}

static void count(struct met *met, const struct topology *topology, const struct asked *asked)
{
    met->questions++;
    met->kinds[asked->request.transaction.kind]++;
    met->ends[asked->plain.end]++;
    met->errors[asked->plain.error]++;
    met->redirect_blocked += asked->plain.end == PLAIN_BLOCKED && asked->plain.redirected;
    met->vmd += topology->functions[asked->request.source_id].segment > 0xffff;
    met->pcix_ids += topology->functions[asked->request.source_id].pcix &&
                     asked->plain.requester_id == asked->request.transaction.requester_id;
}

/** Ask both. @return true where they disagree somewhere, with @p message filled */
static bool disagree(const struct topology *topology, uint64_t seed, struct met *met, char *message)
{
    uint32_t functions = topology->function_count, destinations;
    uint16_t *control = arena_array(topology->arena, functions, sizeof(control[0]));
    bool *everyone = arena_array(topology->arena, functions, sizeof(everyone[0]));
    struct random_fabric random = {.seed = seed};
    fabric_acs_in_force(topology, NULL, true, control);
    struct plain_machine machine = {topology, control, seed % 4 != 1, seed % 4 == 3};
    memset(everyone, true, functions);
    bool *nobody = arena_array(topology->arena, functions, sizeof(nobody[0]));
    struct reach reach = {.fabric = fabric_new(topology->arena, topology, control),
                          .translated = machine.translated ? everyone : nobody,
                          .ats = machine.ats ? everyone : nobody};
    const struct reach_destination *list = reach_destinations(topology->arena, reach.fabric, &destinations);
    for (int i = 0; i < QUESTIONS; i++) {
        struct asked asked;
        random_question(&random, reach.fabric, list, destinations, &asked.request);
        asked.result = reach_follow(&reach, &asked.request, NULL, 0);
        asked.plain = plain_reach(&machine, asked.request.source_id, &asked.request.transaction);
        count(met, topology, &asked);
        if (!same(&asked)) {
            describe(topology, &asked, message);
            return true;
        }
    }
    return false;
}

/** For shrink_machine(). */
static bool line_fails(const char *line, void *context)
{
    uint64_t seed = *(uint64_t *)context;
    char message[MESSAGE];
    struct met met = {0};
    struct topology *topology = random_fabric_build(line, seed);
    bool fails = topology && disagree(topology, seed, &met, message);
    topology_free(topology);
    return fails;
}

/** Show the smallest machine of this fault and fail. */
static void report(const char *line, uint64_t seed)
{
    char *small = shrink_machine(line, line_fails, &seed), message[MESSAGE] = "";
    struct met met = {0};
    struct text_buffer json = {0};
    struct topology *topology = random_fabric_build(small, seed);
    disagree(topology, seed, &met, message);
    topology_write(topology, &json);
    fprintf(stderr, "%s\n", text_buffer_get(&json));
    ck_abort_msg("seed %" PRIu64 ": synthetic:%s\n%s", seed, small, message);
}

/** The line of machine @p number: of one generator or the other. */
static char *random_line(uint64_t number)
{
    struct text_buffer text = {0};
    struct random_fabric random = {.seed = number,
                                   .pcie_only = number % 8 == 0,
                                   .enhanced_egress = number % 2,
                                   .platforms = number % 5 != 4};
    if (number % 5 == 3)
        return random_machine_text(number, 24);
    random_fabric_write(&random, &text);
    return text.text;
}

START_TEST(two_implementations_agree)
{
    const char *given = getenv("IOMMUSIM_MACHINES");
    uint64_t machines = given ? strtoull(given, NULL, 10) : 10000;
    struct met met = {0};
    for (uint64_t i = 0; i < machines; i++) {
        char *line = random_line(i), message[MESSAGE];
        struct topology *topology = random_fabric_build(line, i);
        ck_assert_msg(topology != NULL, "%s", line);
        if (disagree(topology, i, &met, message))
            report(line, i);
        topology_free(topology);
        free(line);
    }
    ck_assert_uint_gt(met.questions, 50 * machines);
    for (int kind = 0; kind < TRANSACTION_KINDS; kind++)
        ck_assert_uint_gt(met.kinds[kind], 3 * machines);
    for (int end = 0; end <= PLAIN_DELIVERED; end++)
        ck_assert_msg(met.ends[end] > machines / 8, "end %d: %" PRIu64, end, met.ends[end]);
    for (int error = 0; error <= ROUTE_MASTER_ABORT; error++)
        ck_assert_msg(met.errors[error] > machines / 4, "error %d: %" PRIu64, error, met.errors[error]);
    ck_assert_uint_gt(met.pcix_ids, machines / 4);
    ck_assert_uint_gt(met.vmd, machines / 4);
    ck_assert_uint_gt(met.redirect_blocked, machines / 4);
}
END_TEST

static bool has_two_switches(const char *line, void *context)
{
    (void)context;
    const char *first = strstr(line, "up");
    struct diagnostics *diagnostics = diagnostics_new(1);
    struct topology *topology = synthetic_parse("<test>", line, diagnostics);
    bool fails = topology && first && strstr(first + 1, "up") && strstr(line, "acs=1f:1d");
    topology_free(topology);
    diagnostics_free(diagnostics);
    return fails;
}

START_TEST(shrinking_leaves_what_matters)
{
    char *small =
        shrink_machine("rp[acs](up(dp[acs=1f:1d,bar=4KiB](ep ep@.1) dp(up[acs](dp(ep))))) | rciep rp",
                       has_two_switches, NULL);
    ck_assert_str_eq(small, "rp(up(dp[acs=1f:1d] dp(up)))");
    free(small);
}
END_TEST

Suite *reach_oracle_suite(void)
{
    Suite *suite = suite_create("reach_oracle");
    TCase *tests = tcase_create("reach_oracle");
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, two_implementations_agree);
    tcase_add_test(tests, shrinking_leaves_what_matters);
    suite_add_tcase(suite, tests);
    return suite;
}
