/* SPDX-License-Identifier: MIT */
#include "models/pcie/link.h"
#include "sim/base/arena.h"
#include "sim/base/embedded.h"
#include "sim/base/status.h"
#include "sim/input/machine_input.h"
#include "sim/input/preset.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *presets_suite(void);

static int apply(struct parameter_set *set, const char *name, struct arena *arena)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    int status = preset_apply(set, name, NULL, arena, NULL, diagnostics);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status;
}

START_TEST(default_gives_every_parameter)
{
    struct arena *arena = arena_new();
    struct parameter_set *set = calloc(1, sizeof(*set));
    ck_assert_int_eq(apply(set, "default", arena), STATUS_OK);
    for (enum parameter_section section = 0; section < SECTION_COUNT; section++) {
        const struct field_table *table = parameter_table(section);
        const struct field_origin *origins =
            section == SECTION_IOMMU ? set->iommu[IOMMU_NONE].origins : set->sections[section].origins;
        for (size_t i = 0; i < table->count; i++)
            ck_assert_msg(origins[i].from && origins[i].source, "\"default\" lacks %s/%s", table->name,
                          table->fields[i].name);
    }
    free(set);
    arena_free(arena);
}
END_TEST

START_TEST(all_carried_presets_load)
{
    unsigned count = 0;
    for (const struct embedded_file *file = embedded_files(); file->path; file++) {
        char name[64];
        if (sscanf(file->path, "topologies/presets/%63[^.]", name) != 1)
            continue;
        struct arena *arena = arena_new();
        struct parameter_set *set = calloc(1, sizeof(*set));
        count++;
        ck_assert_int_eq(apply(set, "default", arena), STATUS_OK); /* in force below all others */
        ck_assert_msg(apply(set, name, arena) == STATUS_OK, "%s", name);
        free(set);
        arena_free(arena);
    }
    ck_assert_uint_ge(count, 5);
}
END_TEST

START_TEST(warm_read_of_64_bytes_sums_to_what_was_measured)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input = NULL;
    ck_assert_int_eq(machine_input_load("synthetic:rp[link=3x8](ep)", &input, diagnostics), STATUS_OK);
    const struct machine_parameters *p = &input->parameters;
    struct link_timing timing = link_timing_make(&p->links[0], 3, 8, 256);
    uint64_t sum = p->engines[1].issue_latency_ps + p->engines[1].completion_latency_ps +
                   2 * p->links[0].propagation_ps + link_serialisation_ps(&timing, 24) +
                   link_serialisation_ps(&timing, 84) + p->root_complex.request_latency_ps +
                   p->root_complex.completion_latency_ps + p->memory.llc_latency_ps +
                   p->units[0].iotlb_hit_ps + p->units[0].context_hit_ps;
    ck_assert_uint_ge(sum, 556500);
    ck_assert_uint_le(sum, 557500);
    /* A read that comes at any time waits for a refresh with the share of time refreshes take, half of one.
     */
    uint64_t refresh_ps =
        p->memory.refresh_duration_ps * p->memory.refresh_duration_ps / (2 * p->memory.refresh_interval_ps);
    uint64_t cold_ps = p->memory.dram_latency_ps - p->memory.llc_latency_ps + refresh_ps;
    ck_assert_uint_ge(cold_ps, 52500);
    ck_assert_uint_le(cold_ps, 53500);
    ck_assert_uint_eq(p->units[0].walk_fixed_ps + p->units[0].walk_read_ps, 280000);
    machine_input_free(input);
    diagnostics_free(diagnostics);
}
END_TEST

Suite *presets_suite(void)
{
    Suite *suite = suite_create("presets");
    TCase *tests = tcase_create("presets");
    tcase_add_test(tests, default_gives_every_parameter);
    tcase_add_test(tests, all_carried_presets_load);
    tcase_add_test(tests, warm_read_of_64_bytes_sums_to_what_was_measured);
    suite_add_tcase(suite, tests);
    return suite;
}
