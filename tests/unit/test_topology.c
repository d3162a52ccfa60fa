/* SPDX-License-Identifier: MIT */
/* Machines as dumps give them: addresses and bus numbers known, the tree and the order to be found. */
#include "sim/base/text_buffer.h"
#include "sim/topology/synthetic.h"
#include "sim/topology/topology_build.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *topology_suite(void);

/* A function of a dump: "[ssss:]bb:dd.f", its kind and, for bridges, secondary and subordinate bus. */
struct row {
    const char *bdf, *kind;
    uint8_t secondary, subordinate;
    uint16_t vendor, device;
    struct sriov sriov;
};

static uint32_t add_row(struct topology_builder *builder, const struct row *row)
{
    struct pci_function function = {.vendor = row->vendor,
                                    .device = row->device,
                                    .secondary_bus = row->secondary,
                                    .subordinate_bus = row->subordinate,
                                    .sriov = row->sriov,
                                    .class_code = row->vendor == 0x8086 ? 0x010400 : 0x020000};
    ck_assert(bdf_parse(row->bdf, &function.segment, &function.bus, &function.devfn));
    ck_assert(function_kind_set(&function, row->kind));
    return topology_builder_add(
        builder, &function,
        (struct placement){
            .host_bridge = NONE, .parent = NONE, .address_known = true, .bus_numbers_known = true});
}

static struct topology *build(const struct row *rows, size_t count, struct diagnostics *diagnostics)
{
    struct topology_builder *builder = topology_builder_new();
    for (size_t i = 0; i < count; i++)
        add_row(builder, &rows[i]);
    return topology_builder_finish(builder, NULL, NULL, diagnostics);
}

static char *order_text(const struct topology *topology)
{
    struct text_buffer out = {0};
    for (uint32_t i = 0; i < topology->function_count; i++) {
        char text[BDF_TEXT_SIZE];
        const struct pci_function *function = &topology->functions[i];
        text_buffer_format(&out, "%s%s", i ? " " : "",
                           bdf_print(text, function->segment, function->bus, function->devfn));
    }
    char *copy = strdup(text_buffer_get(&out));
    text_buffer_fini(&out);
    return copy;
}

static void assert_order(const struct topology *topology, const char *expected)
{
    char *text = order_text(topology);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(addresses_print_what_they_parse)
{
    static const struct {
        const char *text, *printed; /* printed NULL: refused */
    } cases[] = {
        {"00:1c.0", "0000:00:1c.0"},
        {"0000:ff:1f.7", "0000:ff:1f.7"},
        {"10000:e1:00.0", "10000:e1:00.0"},
        {"3:a:1.2", "0003:0a:01.2"},
        {"00:20.0", NULL},
        {"00:1c.8", NULL},
        {"00:1c", NULL},
        {"100:1c.0", NULL},
        {"00:1c.0 ", NULL},
        {":00:1c.0", NULL},
        {"0:0:0:0.0", NULL},
        {"", NULL},
        {"00:1c.", NULL},
        {"123456789:00:00.0", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t segment = 77;
        uint8_t bus = 77, devfn = 77;
        char text[BDF_TEXT_SIZE];
        bool good = bdf_parse(cases[i].text, &segment, &bus, &devfn);
        ck_assert_msg(good == (cases[i].printed != NULL), "%s", cases[i].text);
        if (good)
            ck_assert_str_eq(bdf_print(text, segment, bus, devfn), cases[i].printed);
        else
            ck_assert(segment == 77 && bus == 77 && devfn == 77);
    }
}
END_TEST

START_TEST(kinds_have_names_both_ways)
{
    for (const char *const *name = function_kind_names(); *name; name++) {
        struct pci_function function = {0};
        ck_assert(function_kind_set(&function, *name));
        ck_assert_str_eq(function_kind_name(&function), *name);
    }
    struct pci_function odd = {.pcie = true, .pcie_type = (enum pcie_type)13};
    ck_assert_str_eq(function_kind_name(&odd), "unknown");
    ck_assert(!function_kind_set(&odd, "port"));
}
END_TEST

START_TEST(a_dump_in_any_order_comes_into_kernel_order)
{
    static const struct row rows[] = {
        {.bdf = "05:00.0", .kind = "endpoint"},
        {.bdf = "00:1c.4", .kind = "root-port", .secondary = 5, .subordinate = 5},
        {.bdf = "00:01.0", .kind = "root-port", .secondary = 1, .subordinate = 4},
        {.bdf = "04:00.0", .kind = "endpoint"},
        {.bdf = "02:08.0", .kind = "downstream-port", .secondary = 3, .subordinate = 3},
        {.bdf = "02:09.0", .kind = "downstream-port", .secondary = 4, .subordinate = 4},
        {.bdf = "01:00.0", .kind = "upstream-port", .secondary = 2, .subordinate = 4},
        {.bdf = "80:00.0", .kind = "root-port", .secondary = 0x81, .subordinate = 0x81},
        {.bdf = "40:00.0", .kind = "integrated-endpoint"},
        {.bdf = "00:1c.0", .kind = "root-port"},
        {.bdf = "0001:00:00.0", .kind = "integrated-endpoint"},
    };
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = build(rows, sizeof(rows) / sizeof(rows[0]), diagnostics);
    ck_assert_ptr_nonnull(topology);
    assert_order(topology, "0000:00:01.0 0000:00:1c.0 0000:00:1c.4 0000:01:00.0 0000:02:08.0 0000:02:09.0 "
                           "0000:04:00.0 0000:05:00.0 0000:40:00.0 0000:80:00.0 0001:00:00.0");
    ck_assert_uint_eq(topology->host_bridge_count, 4);
    ck_assert_uint_eq(topology->host_bridges[0].bus_end, 0x3f);
    ck_assert_uint_eq(topology->host_bridges[2].bus_start, 0x80);
    ck_assert_uint_eq(topology->host_bridges[2].bus_end, 0xff);

    const struct pci_function *endpoint = topology_find(topology, 0, 4, 0);
    const struct pci_function *port = topology_find(topology, 0, 2, pci_devfn(9, 0));
    const struct pci_function *other = topology_find(topology, 0, 2, pci_devfn(8, 0));
    const struct pci_function *root = topology_find(topology, 0, 0, pci_devfn(1, 0));
    ck_assert_ptr_eq(topology_parent(topology, endpoint), port);
    ck_assert_ptr_eq(topology_root_function(topology, endpoint), root);
    ck_assert_ptr_eq(topology_root_function(topology, root), root);
    ck_assert_ptr_null(topology_parent(topology, root));
    ck_assert(topology_is_ancestor(topology, root, endpoint));
    ck_assert(topology_is_ancestor(topology, endpoint, endpoint));
    ck_assert(!topology_is_ancestor(topology, other, endpoint));
    ck_assert_ptr_null(topology_find(topology, 0, 4, 1));
    ck_assert_ptr_null(topology_find(topology, 2, 0, 0));
    ck_assert_ptr_null(topology_find_bus(topology, 0, 6));
    /* bus 3 is there though nothing sits on it */
    ck_assert_uint_eq(topology_find_bus(topology, 0, 3)->self_id, other->id);
    /* 1c.0 without a secondary bus has nothing below; both functions of the slot make it multifunction */
    ck_assert_uint_eq(topology_find(topology, 0, 0, pci_devfn(0x1c, 0))->secondary_bus_id, NONE);
    ck_assert(topology_find(topology, 0, 0, pci_devfn(0x1c, 0))->multifunction);
    ck_assert(!root->multifunction);
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

START_TEST(virtual_functions_are_found_by_routing_id)
{
    static const struct row rows[] = {
        {.bdf = "00:01.0", .kind = "root-port", .secondary = 1, .subordinate = 3},
        {.bdf = "00:02.0", .kind = "root-port", .secondary = 4, .subordinate = 4},
        {.bdf = "01:00.0",
         .kind = "endpoint",
         .vendor = 0x8087,
         .device = 0x10c9,
         .sriov = {.present = true,
                   .enabled = true,
                   .total_vfs = 8,
                   .num_vfs = 2,
                   .first_vf_offset = 384,
                   .vf_stride = 2,
                   .vf_device = 0x10ca}},
        {.bdf = "01:00.1",
         .kind = "endpoint",
         .vendor = 0x8087,
         .device = 0x10c9,
         .sriov = {.present = true,
                   .enabled = true,
                   .total_vfs = 8,
                   .num_vfs = 1,
                   .first_vf_offset = 384,
                   .vf_stride = 2,
                   .vf_device = 0x10ca}},
        {.bdf = "02:10.0", .kind = "endpoint", .vendor = 0xffff, .device = 0xffff},
        {.bdf = "02:10.1", .kind = "endpoint", .vendor = 0xffff, .device = 0xffff},
        {.bdf = "02:10.2", .kind = "endpoint", .vendor = 0xffff, .device = 0xffff},
        {.bdf = "04:00.0", .kind = "endpoint"},
    };
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = build(rows, sizeof(rows) / sizeof(rows[0]), diagnostics);
    ck_assert_ptr_nonnull(topology);
    /* by PF, then number: 10.2 is VF 1 of function 0, 10.1 VF 0 of function 1 */
    assert_order(topology, "0000:00:01.0 0000:00:02.0 0000:01:00.0 0000:01:00.1 0000:04:00.0 0000:02:10.0 "
                           "0000:02:10.2 0000:02:10.1");
    const struct pci_function *vf = topology_find(topology, 0, 2, pci_devfn(0x10, 1));
    ck_assert(vf->is_vf && vf->vf_index == 0 && vf->pf_id == topology_find(topology, 0, 1, 1)->id);
    ck_assert(vf->vendor == 0x8087 && vf->device == 0x10ca && !vf->multifunction);
    const struct pci_bus *bus = topology_find_bus(topology, 0, 2);
    ck_assert(bus->self_id == NONE && bus->parent_id == topology_find_bus(topology, 0, 1)->id);
    ck_assert_ptr_eq(topology_parent(topology, vf), topology_find(topology, 0, 0, pci_devfn(1, 0)));
    ck_assert_uint_eq(topology->host_bridge_count, 1);
    ck_assert_uint_eq(topology->buses[topology->bus_count - 1].number, 2);
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

START_TEST(vmd_segments_come_last_and_use_the_endpoint)
{
    static const struct row rows[] = {
        {.bdf = "10001:e0:06.0", .kind = "root-port", .secondary = 0xe1, .subordinate = 0xe1},
        {.bdf = "10001:e1:00.0", .kind = "endpoint"},
        {.bdf = "10000:80:06.0", .kind = "endpoint"},
        {.bdf = "0000:80:0e.0", .kind = "integrated-endpoint", .vendor = 0x8086, .device = 0x28c0},
        {.bdf = "0000:00:0e.0", .kind = "integrated-endpoint", .vendor = 0x8086, .device = 0x9a0b},
        {.bdf = "0000:00:10.0",
         .kind = "endpoint",
         .vendor = 0x1111,
         .sriov = {.present = true, .enabled = true, .total_vfs = 1, .num_vfs = 1, .first_vf_offset = 1}},
    };
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = build(rows, sizeof(rows) / sizeof(rows[0]), diagnostics);
    ck_assert_ptr_nonnull(topology);
    assert_order(topology, "0000:00:0e.0 0000:00:10.0 0000:80:0e.0 0000:00:10.1 10000:80:06.0 10001:e0:06.0 "
                           "10001:e1:00.0");
    ck_assert_uint_eq(topology->functions[4].real_dma_id, 0);
    ck_assert_uint_eq(topology->functions[5].real_dma_id, 2);
    ck_assert_uint_eq(topology->functions[6].real_dma_id, 2);
    ck_assert_uint_eq(topology->functions[2].real_dma_id, 2);
    ck_assert_uint_eq(topology->host_bridges[2].vmd_function_id, 0);
    ck_assert_uint_eq(topology->host_bridges[0].vmd_function_id, NONE);
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

/* A laptop's CardBus slot: its bus has the bridge above it, and the four numbers the kernel gives it may go
 * beyond those of the transparent bridge. */
START_TEST(cardbus_bridges_own_a_bus)
{
    static const struct row rows[] = {
        {.bdf = "00:1e.0", .kind = "conventional-bridge", .secondary = 2, .subordinate = 3},
        {.bdf = "02:01.0", .kind = "cardbus-bridge", .secondary = 3, .subordinate = 6},
        {.bdf = "03:00.0", .kind = "conventional"},
    };
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = build(rows, sizeof(rows) / sizeof(rows[0]), diagnostics);
    ck_assert_ptr_nonnull(topology);
    ck_assert_uint_eq(diagnostics_warnings(diagnostics), 0);
    ck_assert_uint_eq(topology->host_bridge_count, 1);
    ck_assert_ptr_eq(topology_parent(topology, topology_find(topology, 0, 3, 0)),
                     topology_find(topology, 0, 2, pci_devfn(1, 0)));
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

START_TEST(multifunction_follows_the_header_where_it_is_known)
{
    struct topology_builder *builder = topology_builder_new();
    const struct {
        uint8_t devfn;
        bool flag, header_known;
        bool expected;
    } cases[] = {
        {pci_devfn(3, 0), false, false, true},  {pci_devfn(3, 3), false, false, true},
        {pci_devfn(4, 0), false, true, false},  {pci_devfn(4, 1), false, true, true},
        {pci_devfn(5, 0), false, false, false}, {pci_devfn(6, 0), true, true, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pci_function function = {.devfn = cases[i].devfn, .multifunction = cases[i].flag};
        topology_builder_add(builder, &function,
                             (struct placement){.host_bridge = NONE,
                                                .parent = NONE,
                                                .address_known = true,
                                                .multifunction_known = cases[i].header_known});
    }
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = topology_builder_finish(builder, NULL, NULL, diagnostics);
    ck_assert_ptr_nonnull(topology);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(topology_find(topology, 0, 0, cases[i].devfn)->multifunction == cases[i].expected,
                      "case %zu", i);
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

static uint32_t add_auto(struct topology_builder *builder, const char *kind, uint32_t parent)
{
    struct pci_function function = {.class_code = 0x060400};
    ck_assert(function_kind_set(&function, kind));
    return topology_builder_add(
        builder, &function, (struct placement){.host_bridge = parent == NONE ? 0 : NONE, .parent = parent});
}

static void state_buses(struct topology_builder *builder, const char *kind, uint8_t secondary,
                        uint8_t subordinate)
{
    struct pci_function function = {.secondary_bus = secondary, .subordinate_bus = subordinate};
    ck_assert(function_kind_set(&function, kind));
    topology_builder_add(builder, &function,
                         (struct placement){.host_bridge = 0, .parent = NONE, .bus_numbers_known = true});
}

/* Numbers the input states are kept; the others are found around them. */
START_TEST(stated_numbers_are_walked_around)
{
    struct topology_builder *builder = topology_builder_new();
    struct diagnostics *diagnostics = diagnostics_new(20);
    topology_builder_add_host_bridge(builder, &(struct host_bridge){0});
    uint32_t with_switch = add_auto(builder, "root-port", NONE);
    uint32_t upstream = add_auto(builder, "upstream-port", with_switch);
    add_auto(builder, "downstream-port", upstream);
    state_buses(builder, "root-port", 2, 3); /* in the way of three numbers from 01 */
    add_auto(builder, "root-port", NONE);
    uint32_t decided = add_auto(builder, "root-port", NONE);
    struct pci_function child = {.bus = 0x20};
    topology_builder_add(builder, &child,
                         (struct placement){.host_bridge = NONE, .parent = decided, .address_known = true});
    state_buses(builder, "root-port", 0, 0);
    struct topology *topology = topology_builder_finish(builder, NULL, NULL, diagnostics);
    diagnostics_print(diagnostics, stdout);
    ck_assert_ptr_nonnull(topology);
    static const struct {
        uint8_t bus, devfn, secondary, subordinate;
    } expected[] = {
        {0, 0 << 3, 4, 6}, {0, 1 << 3, 2, 3}, {0, 2 << 3, 7, 7}, {0, 3 << 3, 0x20, 0x20},
        {0, 4 << 3, 0, 0}, {4, 0, 5, 6},      {5, 0, 6, 6},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const struct pci_function *function = topology_find(topology, 0, expected[i].bus, expected[i].devfn);
        ck_assert_msg(function && function->secondary_bus == expected[i].secondary &&
                          function->subordinate_bus == expected[i].subordinate,
                      "row %zu", i);
    }
    ck_assert_ptr_nonnull(topology_find(topology, 0, 0x20, 0));
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

/* Functions with an address and nothing said of what is above: bridges without numbers get some. */
START_TEST(bridges_with_an_address_get_bus_numbers)
{
    struct topology_builder *builder = topology_builder_new();
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct pci_function port = {.bus = 0x10, .devfn = pci_devfn(3, 0)};
    function_kind_set(&port, "root-port");
    uint32_t parent = topology_builder_add(
        builder, &port, (struct placement){.host_bridge = NONE, .parent = NONE, .address_known = true});
    add_auto(builder, "endpoint", parent);
    struct topology *topology = topology_builder_finish(builder, NULL, NULL, diagnostics);
    ck_assert_ptr_nonnull(topology);
    assert_order(topology, "0000:10:03.0 0000:11:00.0");
    ck_assert(topology->host_bridges[0].found && topology->host_bridges[0].bus_start == 0x10);
    topology_free(topology);
    diagnostics_free(diagnostics);
}
END_TEST

/* Functions without any host bridge stated: one of segment 0, bus 00 is made. */
START_TEST(a_machine_without_host_bridge_gets_one)
{
    struct topology_builder *builder = topology_builder_new();
    struct diagnostics *diagnostics = diagnostics_new(20);
    topology_builder_add(builder, &(struct pci_function){0},
                         (struct placement){.host_bridge = NONE, .parent = NONE});
    struct topology *topology = topology_builder_finish(builder, NULL, NULL, diagnostics);
    ck_assert_ptr_nonnull(topology);
    assert_order(topology, "0000:00:00.0");
    topology_free(topology);

    topology = topology_builder_finish(topology_builder_new(), NULL, NULL, diagnostics);
    ck_assert(topology && topology->function_count == 0 && !topology_find(topology, 0, 0, 0));
    topology_free(topology);
    topology_builder_free(topology_builder_new());
    diagnostics_free(diagnostics);
}
END_TEST

Suite *topology_suite(void)
{
    Suite *suite = suite_create("topology");
    TCase *tests = tcase_create("topology");
    tcase_add_test(tests, addresses_print_what_they_parse);
    tcase_add_test(tests, kinds_have_names_both_ways);
    tcase_add_test(tests, a_dump_in_any_order_comes_into_kernel_order);
    tcase_add_test(tests, virtual_functions_are_found_by_routing_id);
    tcase_add_test(tests, vmd_segments_come_last_and_use_the_endpoint);
    tcase_add_test(tests, cardbus_bridges_own_a_bus);
    tcase_add_test(tests, multifunction_follows_the_header_where_it_is_known);
    tcase_add_test(tests, stated_numbers_are_walked_around);
    tcase_add_test(tests, bridges_with_an_address_get_bus_numbers);
    tcase_add_test(tests, a_machine_without_host_bridge_gets_one);
    suite_add_tcase(suite, tests);
    return suite;
}
