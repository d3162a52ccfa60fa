/* SPDX-License-Identifier: MIT */
/* Devices in other slots: what moves, what is numbered anew, what firmware's tables say then; and that moving
 * there and back changes nothing. */
#include "sim/analysis/device_moves.h"
#include "sim/base/status.h"
#include "sim/output/slots_output.h"
#include "sim/topology/synthetic.h"
#include "tests/unit/group_listing.h"
#include "tests/unit/random_machine.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *device_move_suite(void);

static struct topology *machine(const char *text)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct topology *topology = synthetic_parse("<test>", text, diagnostics);
    ck_assert_msg(topology != NULL, "refused: %s", text);
    diagnostics_free(diagnostics);
    return topology;
}

static uint32_t at(const struct topology *topology, const char *address)
{
    uint32_t segment;
    uint8_t bus, devfn;
    ck_assert(bdf_parse(address, &segment, &bus, &devfn));
    const struct pci_function *function = topology_find(topology, segment, bus, devfn);
    ck_assert_msg(function != NULL, "no %s", address);
    return function->id;
}

/* "01:00.0 02:00.0": all functions by id. */
static char *addresses(const struct topology *topology)
{
    struct text_buffer text = {0};
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *function = &topology->functions[id];
        char bdf[BDF_TEXT_SIZE];
        bdf_print(bdf, function->segment, function->bus, function->devfn);
        text_buffer_format(&text, "%s%s", id ? " " : "", function->segment ? bdf : bdf + 5);
    }
    return text.text ? text.text : strdup("");
}

#define SWITCH "up(dp[acs](ep) dp[acs](ep))"

START_TEST(where_everything_is)
{
    static const struct {
        const char *machine, *device, *port;
        const char *functions; /* after */
    } cases[] = {
        {"rp@1(ep@0.0 ep@0.1) rp@2", "01:00.1", "00:02.0", "00:01.0 00:02.0 02:00.0 02:00.1"},
        /* The present place. */
        {"rp@1(ep) rp@2(ep)", "01:00.0", "00:01.0", "00:01.0 00:02.0 01:00.0 02:00.0"},
        /* No room below the new port: everything below the host bridge is numbered anew. */
        {"rp@1(" SWITCH ") rp@2 rp@3(ep)", "01:00.0", "00:02.0",
         "00:01.0 00:02.0 00:03.0 02:00.0 03:00.0 03:01.0 04:00.0 05:00.0 06:00.0"},
        /* The goal is behind a switch that shrinks or grows. */
        {"rp@1(up(dp(ep) dp)) rp@2(" SWITCH ")", "05:00.0", "02:01.0",
         "00:01.0 00:02.0 01:00.0 02:00.0 02:01.0 03:00.0 04:00.0 05:00.0 05:01.0 06:00.0 07:00.0"},
        /* VFs come along, and need room: two buses. */
        {"rp@1[ari](ep[ari,vf=2:200:100]) rp@2[ari] rp@3(ep)", "01:00.0", "00:02.0",
         "00:01.0 00:02.0 00:03.0 02:00.0 04:00.0 02:19.0 03:05.4"},
        {"rp@1(ep[vf=2]) rp@2", "01:00.0", "00:02.0", "00:01.0 00:02.0 02:00.0 02:01.0 02:01.1"},
        /* To another host bridge; its neighbours keep their numbers. */
        {"rp@1(ep) rp@2(ep) | bus=40: rp@1 rp@2(ep)", "01:00.0", "40:01.0",
         "00:01.0 00:02.0 02:00.0 40:01.0 40:02.0 41:00.0 42:00.0"},
        /* Out of a VMD domain. */
        {"rciep@e[id=8086:9a0b,class=0104] rp@1c | bus=10:rp@0[seg=10000](ep)", "10000:11:00.0", "00:1c.0",
         "00:0e.0 00:1c.0 01:00.0 10000:10:00.0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *before = machine(cases[i].machine);
        struct diagnostics *diagnostics = diagnostics_new(5);
        const uint32_t *known;
        struct topology *after =
            device_move(before, at(before, cases[i].device), at(before, cases[i].port), &known, diagnostics);
        diagnostics_print(diagnostics, stderr);
        ck_assert_ptr_nonnull(after);
        char *text = addresses(after);
        ck_assert_msg(strcmp(text, cases[i].functions) == 0, "%s:\n%s\nexpected\n%s", cases[i].machine, text,
                      cases[i].functions);
        ck_assert_uint_eq(before->function_count, after->function_count);
        for (uint32_t id = 0; id < before->function_count; id++) {
            ck_assert_uint_ne(known[id], NONE);
            ck_assert_uint_eq(before->functions[id].device, after->functions[known[id]].device);
            ck_assert_uint_eq(before->functions[id].is_vf, after->functions[known[id]].is_vf);
        }
        free(text);
        topology_free(after);
        topology_free(before);
        diagnostics_free(diagnostics);
    }
}
END_TEST

START_TEST(what_is_in_the_way)
{
    static const char text[] =
        "rciep rp@1(up@0.0(dp(ep) dp) ep@0.1) rp@2(ep) rp@3 rp@4(pcie2pci(pci@1)) rp@5(ep[vf=1])";
    static const struct {
        const char *device, *port;
        enum move_obstacle obstacle;
    } cases[] = {
        {"01:00.0", "00:03.0", MOVE_POSSIBLE},    {"01:00.1", "00:03.0", MOVE_POSSIBLE},
        {"03:00.0", "02:01.0", MOVE_POSSIBLE},    {"03:00.0", "02:00.0", MOVE_POSSIBLE},
        {"00:00.0", "00:03.0", MOVE_NOT_IN_SLOT}, {"00:01.0", "00:03.0", MOVE_NOT_IN_SLOT},
        {"02:00.0", "00:03.0", MOVE_NOT_IN_SLOT}, {"08:01.0", "00:03.0", MOVE_NOT_IN_SLOT},
        {"09:01.0", "00:03.0", MOVE_NOT_IN_SLOT}, {"03:00.0", "00:00.0", MOVE_NO_PORT},
        {"03:00.0", "01:00.0", MOVE_NO_PORT},     {"03:00.0", "07:00.0", MOVE_NO_PORT},
        {"03:00.0", "00:02.0", MOVE_PORT_TAKEN},  {"01:00.0", "02:01.0", MOVE_BELOW_ITSELF},
    };
    struct topology *topology = machine(text);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum move_obstacle obstacle =
            device_move_check(topology, &topology->functions[at(topology, cases[i].device)],
                              &topology->functions[at(topology, cases[i].port)]);
        ck_assert_msg(obstacle == cases[i].obstacle, "%s to %s: %s", cases[i].device, cases[i].port,
                      move_obstacle_text(obstacle));
    }
    topology_free(topology);
}
END_TEST

/* Units follow what is numbered anew, and know nothing of what moved; regions follow their device. */
START_TEST(tables_of_firmware)
{
    struct topology *before = machine("rp@1 rp@2(ep) rp@3(" SWITCH ")");
    struct iommu_scope scopes[] = {
        {.kind = SCOPE_FUNCTION, .bus = 3, .devfn = 0},
        {.kind = SCOPE_FUNCTION, .bus = 2, .devfn = 0},
        {.kind = SCOPE_BRIDGE, .bus = 0, .devfn = 0x08},
    };
    struct iommu_unit unit = {.kind = IOMMU_VT_D, .scopes = scopes, .scope_count = 3};
    struct reserved_region region = {.base = 0x1000, .limit = 0x1fff, .scope = {.bus = 5, .devfn = 0}};
    struct ivrs_alias alias = {.bus = 2, .devfn = 0, .alias_bus = 2, .alias_devfn = 1};
    before->units = &unit;
    before->unit_count = 1;
    before->units_known = true;
    before->reserved = &region;
    before->reserved_count = 1;
    before->ivrs_aliases = &alias;
    before->ivrs_alias_count = 1;
    const uint32_t *known;
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct topology *after =
        device_move(before, at(before, "03:00.0"), at(before, "00:01.0"), &known, diagnostics);
    ck_assert_ptr_nonnull(after);
    ck_assert_uint_eq(after->units[0].scope_count, 2);
    ck_assert_uint_eq(after->units[0].scopes[0].bus, 5);
    ck_assert_uint_eq(after->units[0].scopes[1].devfn, 0x08);
    ck_assert_uint_eq(after->reserved[0].scope.bus, 3);
    ck_assert_uint_eq(after->ivrs_aliases[0].alias_bus, 5);
    ck_assert_uint_eq(unit.scope_count, 3);
    topology_free(after);
    topology_free(before);
    diagnostics_free(diagnostics);
}
END_TEST

START_TEST(links_train_anew)
{
    struct topology *before = machine("rp@1[link=4x16](ep[link=4x16]) rp@2[link=3x4]");
    const uint32_t *known;
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct topology *after =
        device_move(before, at(before, "01:00.0"), at(before, "00:02.0"), &known, diagnostics);
    const struct link_state *link = &after->functions[at(after, "02:00.0")].link;
    ck_assert_uint_eq(link->generation, 3);
    ck_assert_uint_eq(link->width, 4);
    ck_assert_uint_eq(link->maximum_generation, 4);
    ck_assert_uint_eq(after->functions[at(after, "00:02.0")].link.width, 4);
    ck_assert_uint_eq(after->functions[at(after, "00:01.0")].link.width, 0);
    topology_free(after);
    topology_free(before);
    diagnostics_free(diagnostics);
}
END_TEST

static void check_no_difference(const struct topology *before, const struct topology *after,
                                const uint32_t *known, const char *text)
{
    static const struct group_options options = {.choice = IOMMU_CHOICE_VT_D};
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct machine_view views[2];
    machine_view_init(&views[0], before, &options, diagnostics);
    machine_view_init(&views[1], after, &options, diagnostics);
    struct machine_diff *diff = machine_diff_new(&views[0], &views[1], known);
    ck_assert_msg(!machine_diff_groups_differ(diff) && diff->leak_change_count == 0, "%s", text);
    machine_diff_free(diff);
    machine_view_fini(&views[0]);
    machine_view_fini(&views[1]);
    diagnostics_free(diagnostics);
}

static void there_and_back(const struct topology *before, uint32_t device, uint32_t port, const char *text)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    const uint32_t *there, *back;
    uint32_t slot = device_move_slot(before, &before->functions[device])->id;
    struct topology *moved = device_move(before, device, port, &there, diagnostics);
    if (!moved) { /* numbers or addresses may run out; nothing else may go wrong */
        ck_assert_str_eq(diagnostics_get(diagnostics, 0).code, "topology-bus-numbers-exhausted");
    } else {
        ck_assert(there[device] != NONE && there[slot] != NONE);
        struct topology *again = device_move(moved, there[device], there[slot], &back, diagnostics);
        ck_assert_ptr_nonnull(again);
        uint32_t *known = memory_array(before->function_count + 1U, sizeof(*known));
        for (uint32_t id = 0; id < before->function_count; id++)
            known[id] = back[there[id]];
        check_no_difference(before, again, known, text);
        free(known);
        topology_free(again);
    }
    topology_free(moved);
    diagnostics_free(diagnostics);
}

START_TEST(there_and_back_changes_nothing)
{
    unsigned moves = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        char *text = random_machine_text(seed, 30);
        struct topology *topology = machine(text);
        for (uint32_t device = 0; device < topology->function_count; device++) {
            const struct pci_function *function = &topology->functions[device];
            for (uint32_t port = 0; port < topology->function_count; port++) {
                if (pci_func(function->devfn) ||
                    device_move_check(topology, function, &topology->functions[port]) != MOVE_POSSIBLE)
                    continue;
                there_and_back(topology, device, port, text);
                moves++;
            }
        }
        topology_free(topology);
        free(text);
    }
    ck_assert_uint_gt(moves, 100);
}
END_TEST

START_TEST(slots_are_ranked)
{
    static const struct {
        const char *machine, *device, *lines;
    } cases[] = {
        {"rp@1[acs=1f:0](ep@0.0[link=4x16] ep@0.1[link=4x16]) rp@2[acs,link=3x4] rp@3[acs](ep) "
         "rp@1c.0[link=3x1] rp@1c.1(ep) rp@4[acs](up(dp@0(ep) dp@1[acs]))",
         "01:00.0",
         "1\t0000:00:02.0\tfree\t0\t0\t1\t0\t0\t0\t3x4\t3x4\t3938461538\t-\n"
         "2\t0000:05:01.0\tfree\t0\t0\t1\t0\t0\t2\t3x8\t3x8\t7876923076\t-\n"
         "3\t0000:00:01.0\tpresent\t0\t1\t1\t0\t0\t0\t4x16\t4x16\t31507692307\t0000:00:01.0\n"
         "4\t0000:00:1c.0\tfree\t1\t3\t1\t0\t0\t0\t3x1\t3x1\t984615384\t0000:00:1c.0,0000:00:1c.1,0000:09:00."
         "0\n"},
        /* A wide slot behind a narrow switch. */
        {"rp@1[acs](ep[link=5x16]) rp@2[acs,link=2x4](up(dp[acs,link=5x16]))", "01:00.0",
         "1\t0000:00:01.0\tpresent\t0\t0\t1\t0\t0\t0\t5x16\t5x16\t63015384615\t-\n"
         "2\t0000:03:00.0\tfree\t0\t0\t1\t0\t0\t0\t5x16\t2x4\t2000000000\t-\n"},
    };
    static const struct group_options options = {.choice = IOMMU_CHOICE_VT_D};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct topology *topology = machine(cases[i].machine);
        struct slot_survey *survey = slot_survey_new(topology, at(topology, cases[i].device), &options);
        struct text_buffer out = {0};
        slots_output_tsv(survey, &out);
        ck_assert_msg(strcmp(out.text, cases[i].lines) == 0, "%s:\n%s\nexpected\n%s", cases[i].machine,
                      out.text, cases[i].lines);
        text_buffer_fini(&out);
        slot_survey_free(survey);
        topology_free(topology);
    }
}
END_TEST

START_TEST(several_moves)
{
    struct topology *topology = machine("rp@1(" SWITCH ") rp@2 rp@3(ep)");
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct arena *arena = arena_new();
    /* The last one stays where the first left room; all addresses are those of the machine as it was. */
    static const char *const moves[] = {"01:00.0=00:02.0", "06:00.0=00:01.0"};
    struct moved_machine moved;
    ck_assert_int_eq(device_moves_apply(topology, moves, 2, arena, &moved, diagnostics), STATUS_OK);
    ck_assert_uint_eq(moved.stage_count, 2);
    char *text = addresses(moved.stages[1]);
    ck_assert_str_eq(text, "00:01.0 00:02.0 00:03.0 01:00.0 02:00.0 03:00.0 03:01.0 04:00.0 05:00.0");
    ck_assert_uint_eq(moved.known[at(topology, "06:00.0")], at(moved.stages[1], "01:00.0"));
    free(text);
    moved_machine_fini(&moved);
    topology_free(topology);
    arena_free(arena);
    diagnostics_free(diagnostics);
}
END_TEST

Suite *device_move_suite(void)
{
    Suite *suite = suite_create("device_move");
    TCase *tests = tcase_create("device_move");
    tcase_add_test(tests, where_everything_is);
    tcase_add_test(tests, what_is_in_the_way);
    tcase_add_test(tests, tables_of_firmware);
    tcase_add_test(tests, links_train_anew);
    tcase_add_test(tests, there_and_back_changes_nothing);
    tcase_add_test(tests, slots_are_ranked);
    tcase_add_test(tests, several_moves);
    suite_add_tcase(suite, tests);
    return suite;
}
