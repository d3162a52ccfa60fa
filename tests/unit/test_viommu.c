/* SPDX-License-Identifier: MIT */
/* A guest's own IOMMU: turns against a plain queue, what each kind costs by hand, and laws of whole machines:
 * every buffer leads where the guest's RAM lies, and all that was mapped is given back. */
#include "models/iommu/page_walk.h"
#include "sim/kernel/random.h"
#include "sim/machine/machine_state.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *viommu_suite(void);

#define MIB (UINT64_C(1) << 20)

/* Round, and all different: a sum tells what was in it. */
static const struct viommu_parameters costs = {.exit_ps = 1000000,
                                               .user_ps = 2000000,
                                               .descriptor_ps = 30000,
                                               .walk_entry_ps = 7000,
                                               .map_call_ps = 400000,
                                               .map_page_ps = 50000,
                                               .unmap_call_ps = 600000,
                                               .unmap_page_ps = 20000,
                                               .forward_ps = 800000,
                                               .driver_ps = 90000,
                                               .look_ps = 3000};

/* The fixture's (machine_fixture.c): one IOTLB and one wait descriptor. */
static const uint64_t unit_ps = 11000 + 2 * 13000 + 17000, table_map_ps = 300000, table_unmap_ps = 400000;

/* ---- turns ---- */

START_TEST(turns_are_had_in_the_order_of_coming)
{
    enum { CPUS = 9, STEPS = 20000 };
    struct viommu viommu;
    struct random_stream random;
    uint32_t queue[CPUS + 1], length = 0; /* the plain one: the first has the turn */
    uint64_t since[CPUS] = {0}, wait_ps = 0, now_ps = 0;
    bool there[CPUS] = {false};
    random_init(&random, 1, "turns");
    viommu_init(&viommu, &costs, VIOMMU_NESTED, CPUS);
    for (int i = 0; i < STEPS; i++) {
        uint32_t cpu = (uint32_t)random_below(&random, CPUS);
        now_ps += random_below(&random, 1000);
        if (!there[cpu]) {
            ck_assert_int_eq(viommu_enter(&viommu, VIOMMU_UNMAP, cpu, now_ps), length == 0);
            there[cpu] = true;
            since[cpu] = now_ps;
            queue[length++] = cpu;
        } else if (length) {
            there[queue[0]] = false;
            memmove(queue, queue + 1, --length * sizeof(*queue));
            ck_assert_uint_eq(viommu_leave(&viommu, now_ps), length ? queue[0] : VIOMMU_NOBODY);
            wait_ps += length ? now_ps - since[queue[0]] : 0;
        }
    }
    ck_assert_uint_eq(viommu.counters.wait_ps, wait_ps);
    viommu_fini(&viommu);
}
END_TEST

/* ---- machines ---- */

/* One device given to a guest of 64 MiB in 2 MiB pages: its lower half lies high in the host, the rest low.
 */
struct guest_fixture {
    struct machine_fixture machine;
    struct virtual_machine guest;
    struct mapping memory[2];
    uint32_t function_id;
};

static void begin(struct guest_fixture *fixture, enum viommu_kind kind, enum translation_mode mode)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture_init(&fixture->machine, "rp(ep)");
    fixture_translate(&fixture->machine, "01:00.0", 0x10000000, 4096, 4096);
    struct domain *domain = &fixture->machine.domains[0];
    fixture->machine.input.parameters.viommu = costs;
    fixture->machine.input.parameters.units[0].table_format =
        kind == VIOMMU_NESTED ? FORMAT_VT_D_FIRST_STAGE : FORMAT_VT_D_SECOND_STAGE;
    fixture->machine.input.parameters.units[0].stage2_levels = 4;
    fixture->memory[0] = (struct mapping){.physical = UINT64_C(0x380000000),
                                          .length = 32 * MIB,
                                          .page_bytes = 2 * MIB,
                                          .read = true,
                                          .write = true};
    fixture->memory[1] = fixture->memory[0];
    fixture->memory[1].iova = 32 * MIB;
    fixture->memory[1].physical = UINT64_C(0x50000000);
    fixture->function_id = fixture_function(&fixture->machine, "01:00.0");
    fixture->guest = (struct virtual_machine){.name = "guest",
                                              .memory_bytes = 64 * MIB,
                                              .page_bytes = 2 * MIB,
                                              .numa_node = NONE,
                                              .running = true,
                                              .viommu = kind,
                                              .function_ids = &fixture->function_id,
                                              .function_count = 1};
    domain->name = "guest";
    domain->mode = mode;
    domain->virtual_machine = 1;
    domain->mappings = fixture->memory;
    domain->mapping_count = 2;
    fixture->machine.workload.virtual_machines = &fixture->guest;
    fixture->machine.workload.virtual_machine_count = 1;
}

static struct stream *add_stream(struct guest_fixture *fixture, uint64_t size, uint64_t operations,
                                 uint32_t depth, uint32_t cpu)
{
    struct stream *stream =
        fixture_stream(&fixture->machine, "01:00.0", STREAM_READ, 0, size, operations, depth);
    stream->buffers = BUFFERS_PER_USE;
    stream->pieces = 1;
    stream->zone = ZONE_NORMAL;
    stream->cpu = cpu;
    return stream;
}

static const struct viommu_counters *counters_of(const struct guest_fixture *fixture)
{
    return &machine_viommu(fixture->machine.machine, 0)->counters;
}

/* One buffer of 8 KiB after the other, on one CPU: time stopped, and of the whole unmapping. */
START_TEST(what_each_kind_costs)
{
    const uint64_t exit_ps = costs.exit_ps + costs.user_ps, read_ps = 2 * costs.descriptor_ps;
    static const uint64_t operations = 10;
    const struct {
        enum viommu_kind kind;
        uint64_t map_ps, unmap_ps; /* of which the CPU is stopped */
        uint64_t calls;            /* a buffer */
    } cases[] = {
        {VIOMMU_NESTED, 0, exit_ps + read_ps + costs.forward_ps + unit_ps, 1},
        {VIOMMU_SHADOWED,
         exit_ps + read_ps + 2 * (costs.walk_entry_ps + costs.map_call_ps + costs.map_page_ps),
         exit_ps + read_ps + 2 * (costs.walk_entry_ps + costs.unmap_call_ps + costs.unmap_page_ps + unit_ps),
         4},
        {VIOMMU_VIRTIO, exit_ps + costs.descriptor_ps + costs.map_call_ps + 2 * costs.map_page_ps,
         exit_ps + costs.descriptor_ps + costs.unmap_call_ps + 2 * costs.unmap_page_ps + unit_ps, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guest_fixture fixture;
        begin(&fixture, cases[i].kind, TRANSLATION_STRICT);
        add_stream(&fixture, 8192, operations, 1, 0);
        fixture_run(&fixture.machine);
        const struct viommu_counters *got = counters_of(&fixture);
        const struct mapping_counters *mapping = machine_mapping_counters(fixture.machine.machine, 0);
        ck_assert_uint_eq(got->requests[VIOMMU_MAP], operations);
        ck_assert_uint_eq(got->requests[VIOMMU_UNMAP], operations);
        ck_assert_uint_eq(got->exits, cases[i].map_ps ? 2 * operations : operations);
        ck_assert_uint_eq(got->stopped_ps, operations * (cases[i].map_ps + cases[i].unmap_ps));
        ck_assert_uint_eq(got->calls, operations * cases[i].calls);
        ck_assert_uint_eq(got->wait_ps, 0);
        ck_assert_uint_eq(mapping->unmap.minimum, table_unmap_ps + costs.driver_ps + cases[i].unmap_ps);
        ck_assert_uint_eq(mapping->unmap.maximum, mapping->unmap.minimum);
        uint64_t cpu_ps = cases[i].map_ps + table_map_ps +
                          (cases[i].map_ps ? costs.driver_ps : costs.look_ps) + mapping->unmap.minimum;
        uint64_t busy_ps, spin_ps;
        machine_driver_time(fixture.machine.machine, &busy_ps, &spin_ps);
        ck_assert_uint_eq(busy_ps, operations * cpu_ps);
        fixture_fini(&fixture.machine);
    }
}
END_TEST

/* CPUs that do little else wait for all the others, once to map and once to unmap: together they come as far
 * as turns follow each other, however many they are. */
START_TEST(many_cpus_take_turns)
{
    enum { CPUS = 12, OPERATIONS = 60 };
    struct guest_fixture fixture;
    begin(&fixture, VIOMMU_NESTED, TRANSLATION_STRICT);
    for (uint32_t cpu = 0; cpu < CPUS; cpu++)
        add_stream(&fixture, 4096, OPERATIONS, 1, cpu);
    fixture_run(&fixture.machine);
    const struct mapping_counters *mapping = machine_mapping_counters(fixture.machine.machine, 0);
    uint64_t turn_ps = costs.driver_ps + costs.exit_ps + costs.user_ps + 2 * costs.descriptor_ps +
                       costs.forward_ps + unit_ps + costs.look_ps,
             all_ps = CPUS * OPERATIONS * turn_ps, round_ps = CPUS * turn_ps;
    ck_assert_uint_ge(machine_end_ps(fixture.machine.machine), all_ps);
    ck_assert_uint_lt(machine_end_ps(fixture.machine.machine), all_ps + all_ps / 20);
    ck_assert_uint_le(mapping->unmap.maximum, round_ps + table_unmap_ps);
    ck_assert_uint_gt(histogram_mean(&mapping->unmap), round_ps * 45 / 100);
    ck_assert_uint_lt(histogram_mean(&mapping->unmap), round_ps * 55 / 100);
    fixture_fini(&fixture.machine);
}
END_TEST

static enum viommu_kind kind_of(uint64_t number)
{
    return (enum viommu_kind)(1 + number % (VIOMMU_KINDS - 1));
}

/* The address of each buffer that is mapped leads to the place of the guest's RAM that it is in. */
static void check_places(struct guest_fixture *fixture)
{
    struct machine *machine = fixture->machine.machine;
    const struct remapping_unit *unit = &machine->units[0];
    uint32_t seen = 0;
    for (uint32_t i = 0; i < machine->mapping.request_count; i++) {
        const struct buffered_request *request = &machine->mapping.requests[i];
        for (uint32_t p = 0; request->mapped && p < request->piece_count; p++, seen++) {
            uint64_t guest = request->pieces[p].address,
                     expected = guest < 32 * MIB ? UINT64_C(0x380000000) + guest
                                                 : UINT64_C(0x50000000) + guest - 32 * MIB;
            unsigned shift;
            uint64_t iova = request->mapping.segments[p].address,
                     leaf = page_walk_resolve(unit, mapping_domain_id(machine, 0, 0), iova, &shift);
            ck_assert_uint_eq(page_table_entry_target(leaf) | (iova & ((UINT64_C(1) << shift) - 1)),
                              expected);
        }
    }
    ck_assert_uint_gt(seen, 0);
}

START_TEST(buffers_lie_in_the_guests_memory)
{
    for (unsigned seed = 0; seed < 12; seed++) {
        struct guest_fixture fixture;
        begin(&fixture, kind_of(seed), seed % 2 ? TRANSLATION_LAZY : TRANSLATION_STRICT);
        fixture.machine.options.seed = seed;
        fixture.machine.workload.fragmentation = seed * 5;
        add_stream(&fixture, UINT64_C(4096) << seed % 5, 200, 40, 0)->buffers = BUFFERS_POOLED;
        fixture_run(&fixture.machine);
        ck_assert_uint_eq(fixture_result(&fixture.machine, 0)->failed, 0);
        check_places(&fixture);
        fixture_fini(&fixture.machine);
    }
}
END_TEST

/* Random guests: nothing fails, and in the end nothing is mapped but what a lazy kernel has not flushed. */
START_TEST(all_that_was_mapped_is_given_back)
{
    struct random_stream random;
    random_init(&random, 2, "guests");
    for (unsigned round = 0; round < 30; round++) {
        struct guest_fixture fixture;
        bool lazy = random_below(&random, 2);
        uint32_t cpus = 1 + (uint32_t)random_below(&random, 5);
        begin(&fixture, kind_of(random_below(&random, 9)), lazy ? TRANSLATION_LAZY : TRANSLATION_STRICT);
        for (uint32_t cpu = 0; cpu < cpus; cpu++)
            add_stream(&fixture, UINT64_C(4096) << random_below(&random, 4), 40,
                       1 + (uint32_t)random_below(&random, 8), cpu);
        fixture_run(&fixture.machine);
        const struct viommu *viommu = machine_viommu(fixture.machine.machine, 0);
        const struct mapping_domain *domain = &fixture.machine.machine->mapping.domains[0];
        uint64_t stale_pages = 0;
        for (uint32_t i = 0; i < domain->stale_count; i++)
            stale_pages += domain->stale[i].length / 4096;
        for (uint32_t s = 0; s < cpus; s++)
            ck_assert_uint_eq(fixture_result(&fixture.machine, s)->failed, 0);
        ck_assert_uint_eq(domain->counters.maps, 40 * cpus);
        ck_assert_uint_eq(domain->counters.unmaps, 40 * cpus);
        ck_assert(lazy || !stale_pages);
        ck_assert_uint_eq(viommu->mapped_pages, viommu->kind == VIOMMU_NESTED ? 0 : stale_pages);
        if (viommu->kind != VIOMMU_NESTED)
            ck_assert_uint_eq(viommu->counters.pages_mapped, viommu->counters.pages_unmapped + stale_pages);
        ck_assert_uint_eq(viommu->holder, VIOMMU_NOBODY);
        ck_assert_uint_eq(viommu->count, 0);
        ck_assert_uint_eq(fixture.machine.machine->mapping.guest_pages[0].taken_pages, 0);
        fixture_fini(&fixture.machine);
    }
}
END_TEST

/* A device that uses its buffer once more, 1 us after it was unmapped in lazy mode. The guest has cleared its
 * tables: with nested ones the access fails unless the IOTLB has the page; the hypervisor of a shadowed guest
 * knows nothing of it before the flush. */
START_TEST(shadowed_buffers_stay_reachable_until_the_flush)
{
    for (int nested = 0; nested < 2; nested++) {
        struct guest_fixture fixture;
        begin(&fixture, nested ? VIOMMU_NESTED : VIOMMU_SHADOWED, TRANSLATION_LAZY);
        fixture.machine.input.parameters.units[0].iotlb_entries = 1;
        fixture.machine.input.parameters.dma_api.flush_queue_entries = 64;
        for (uint32_t cpu = 0; cpu < 2; cpu++) { /* they drive each other's page out of the IOTLB */
            struct stream *stream = add_stream(&fixture, 4096, 60, 4, cpu);
            stream->misbehaviour = MISBEHAVIOUR_USE_AFTER_UNMAP;
            stream->misbehaviour_delay_ps = 1000000;
        }
        fixture_run(&fixture.machine);
        uint64_t late = 0, refused = 0;
        for (uint32_t s = 0; s < 2; s++) {
            late += fixture_result(&fixture.machine, s)->late;
            refused += fixture_result(&fixture.machine, s)->late_refused;
        }
        ck_assert_uint_gt(late, 100);
        if (nested)
            ck_assert_uint_gt(refused, late / 2);
        else
            ck_assert_uint_lt(refused, late / 10); /* those that a flush came before */
        fixture_fini(&fixture.machine);
    }
}
END_TEST

/* ---- from outside ---- */

static const char scenario[] =
    "{\"format\": \"iommusim-scenario/1\", \"topology\": {\"format\": \"iommusim-topology/1\", \"preset\": "
    "[\"default\", \"vt-d\", \"vt-d-scalable\"], \"iommus\": [{\"kind\": \"vt-d\"}], \"host_bridges\": "
    "[{\"functions\": [{\"functions\": [{}]}]}]}, \"workload\": {\"format\": \"iommusim-workload/1\", "
    "\"virtual_machines\": [{\"name\": \"guest\", \"memory\": \"1GiB\", \"page_size\": \"2MiB\", "
    "\"devices\": "
    "[\"01:00.0\"], \"viommu\": \"nested\", \"mode\": \"strict\"}], \"streams\": [{\"name\": \"disk\", "
    "\"device\": \"01:00.0\", \"operations\": 200, \"nvme\": {}}]}}";

START_TEST(the_program_tells_of_it)
{
    program_write_file("g.json", scenario);
    program_expect("iommusim run g.json", 0, "vIOMMU     of guest \"guest\", nested: ");
    program_expect("iommusim run g.json --set /workload/virtual_machines/0/viommu=virtio", 0,
                   "pages for it in ");
    program_expect("iommusim run g.json --format json", 0, "\"kind\": \"nested\"");
    program_expect("iommusim run g.json --set '/preset=[\"default\", \"vt-d\"]'", 2, "[workload-viommu]");
    program_expect("iommusim run g.json --set /workload/virtual_machines/0/viommu=none", 2,
                   "[workload-mode]");
    program_expect("iommusim run g.json --set /workload/virtual_machines/0/viommu=nesting", 2, "\"nested\"");
}
END_TEST

Suite *viommu_suite(void)
{
    Suite *suite = suite_create("viommu");
    TCase *tests = tcase_create("viommu");
    tcase_add_unchecked_fixture(tests, program_setup, program_teardown);
    tcase_add_test(tests, turns_are_had_in_the_order_of_coming);
    tcase_add_test(tests, what_each_kind_costs);
    tcase_add_test(tests, many_cpus_take_turns);
    tcase_add_test(tests, buffers_lie_in_the_guests_memory);
    tcase_add_test(tests, all_that_was_mapped_is_given_back);
    tcase_add_test(tests, shadowed_buffers_stay_reachable_until_the_flush);
    tcase_add_test(tests, the_program_tells_of_it);
    suite_add_tcase(suite, tests);
    return suite;
}
