/* SPDX-License-Identifier: MIT */
/* What a fabric is made of: ACS control in force, what its functions claim, ranges made disjoint. */
#include "models/pcie/fabric_acs.h"
#include "models/pcie/fabric_claims.h"
#include "tests/unit/fabric_fixture.h"

Suite *fabric_build_suite(void);

START_TEST(acs_in_force_is_where_the_hardware_keeps_it)
{
    static const struct {
        const char *machine;
        enum acs_state state;
        enum knowledge rcba;
        bool vector_known;
        uint32_t vector;
        bool kernel_isolates;
        uint16_t expected;
    } cases[] = {
        {"rp[acs=1f:15]", ACS_BOOTED, UNKNOWN, false, 0, true, 0x15},
        {"rp", ACS_BOOTED, UNKNOWN, false, 0, true, 0},
        /* Sunrise Point: the dword at +8, not the control word. */
        {"rp[id=8086:a110,acs=0f:1f]", ACS_BOOTED, UNKNOWN, true, 0x0d, true, 0x0d},
        {"rp[id=8086:a110,acs=0f:1f]", ACS_BOOTED, UNKNOWN, true, 0x2d, true, 0x0d},
        {"rp[id=8086:a110,acs=0f:1f]", ACS_BOOTED, UNKNOWN, false, 0, true, 0x0d},
        {"rp[id=8086:a110,acs=0f:1f]", ACS_FIRMWARE, UNKNOWN, false, 0, true, 0},
        {"rp[id=8086:a120,acs=0f:1f]", ACS_BOOTED, UNKNOWN, true, 0x0d, true, 0x1f},
        {"up[id=8086:a110,acs=0f:1f]", ACS_BOOTED, UNKNOWN, true, 0x0d, true, 0x1f},
        /* PCH without a capability. */
        {"rp[id=8086:9c9b]", ACS_BOOTED, UNKNOWN, false, 0, true, 0x1d},
        {"rp[id=8086:9c9b]", ACS_BOOTED, KNOWN_ABSENT, false, 0, true, 0},
        {"rp[id=8086:9c9b]", ACS_BOOTED, KNOWN_PRESENT, false, 0, false, 0},
        {"rp[id=8086:1d11]", ACS_BOOTED, UNKNOWN, false, 0, true, 0},
        {"rp[id=8086:1d12]", ACS_BOOTED, UNKNOWN, false, 0, true, 0x1d},
        {"rp[id=1022:1d12]", ACS_BOOTED, UNKNOWN, false, 0, true, 0},
        {"rp[id=8086:1d12,acs=1f:00]", ACS_BOOTED, UNKNOWN, false, 0, true, 0},
        /* Integrated endpoints. */
        {"rciep[id=8086:1234]", ACS_BOOTED, UNKNOWN, false, 0, false, 0x0c},
        {"rciep[id=8086:1234,acs=1f:01]", ACS_BOOTED, UNKNOWN, false, 0, false, 0x0d},
        {"rciep[id=1022:1234]", ACS_BOOTED, UNKNOWN, false, 0, true, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = fixture_machine(cases[i].machine);
        topology->acs_state = cases[i].state;
        topology->rcba_enabled = cases[i].rcba;
        topology->functions[0].acs.egress_vector = cases[i].vector;
        topology->functions[0].acs.egress_vector_known = cases[i].vector_known;
        uint16_t in_force = 0xffff;
        fabric_acs_in_force(topology, NULL, cases[i].kernel_isolates, &in_force);
        ck_assert_msg(in_force == cases[i].expected, "%zu %s: %02x, not %02x", i, cases[i].machine, in_force,
                      cases[i].expected);
        topology_free(topology);
    }
}
END_TEST

START_TEST(only_what_decodes_is_claimed)
{
    struct topology *topology = fixture_machine("rp(ep ep@.1 ep@.2[vf=2])");
    topology->functions[1].memory_space = false;
    topology->functions[2].bars[0].assigned = false;
    struct fabric *fabric = fabric_new(topology->arena, topology, NULL);
    ck_assert_uint_eq(fabric->nodes[1].bar_count, 0);
    ck_assert_uint_eq(fabric->nodes[2].bar_count, 0);
    ck_assert_uint_eq(fabric->nodes[3].bar_count, 1);
    ck_assert_uint_eq(fabric->nodes[4].bar_count, 1);
    topology->functions[3].sriov.enabled = false;
    topology->functions[3].bars[0].size = 0;
    fabric = fabric_new(topology->arena, topology, NULL);
    ck_assert_uint_eq(fabric->nodes[4].bar_count, 0);
    const struct fabric_bar *bar = &fabric->bars[fabric->nodes[3].bar_first];
    ck_assert_uint_eq(bar->limit - bar->base, 4095);
    topology_free(topology);
}
END_TEST

/** Overlaps against a search through all: later base, then smaller, then lower function. */
START_TEST(claims_become_disjoint)
{
    uint64_t state = 42;
    for (int round = 0; round < 500; round++) {
        struct arena *arena = arena_new();
        struct claims_builder builder = {.scratch = arena};
        struct fabric_claim given[12];
        uint32_t count = (uint32_t)round % 12;
        for (uint32_t i = 0; i < count; i++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            uint64_t base = state >> 40 & 31, limit = base + (state >> 50 & 15);
            if (round % 5 == 0 && i == 0)
                limit = UINT64_MAX;
            given[i] = (struct fabric_claim){base, limit, i};
            claims_add(&builder, base, limit, i);
        }
        claims_add(&builder, 9, 8, 77);
        struct fabric_claims claims = claims_finish(&builder, arena);
        for (uint32_t i = 0; i + 1 < claims.count; i++)
            ck_assert(claims.items[i].limit < claims.items[i + 1].base);
        for (uint64_t value = 0; value < 50; value++) {
            const struct fabric_claim *best = NULL;
            for (uint32_t i = 0; i < count; i++) {
                if (value < given[i].base || value > given[i].limit)
                    continue;
                if (!best || given[i].base > best->base ||
                    (given[i].base == best->base && given[i].limit < best->limit))
                    best = &given[i];
            }
            const struct fabric_claim *found = claims_find(&claims, value);
            ck_assert_msg((found == NULL) == (best == NULL), "round %d value %d", round, (int)value);
            if (best)
                ck_assert_uint_eq(found->function_id, best->function_id);
        }
        arena_free(arena);
    }
}
END_TEST

Suite *fabric_build_suite(void)
{
    Suite *suite = suite_create("fabric_build");
    TCase *tests = tcase_create("fabric_build");
    tcase_add_test(tests, acs_in_force_is_where_the_hardware_keeps_it);
    tcase_add_test(tests, only_what_decodes_is_claimed);
    tcase_add_test(tests, claims_become_disjoint);
    suite_add_tcase(suite, tests);
    return suite;
}
