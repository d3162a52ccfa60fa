/* SPDX-License-Identifier: MIT */
#include "sim/topology/config_space.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *config_space_suite(void);

/* A small generator of our own: the tests must not change when the simulator's streams do. */
static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

static bool coin(uint64_t *state)
{
    return next_random(state) & 1;
}

static void put16(uint8_t *bytes, unsigned offset, unsigned value)
{
    bytes[offset] = (uint8_t)value;
    bytes[offset + 1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *bytes, unsigned offset, uint32_t value)
{
    put16(bytes, offset, value & 0xffff);
    put16(bytes, offset + 2, value >> 16);
}

static struct window random_window(uint64_t *state, unsigned grain_bits, unsigned address_bits)
{
    struct window window = {0};
    if (coin(state))
        return window;
    uint64_t units = (UINT64_C(1) << (address_bits - grain_bits)) - 1;
    uint64_t a = (((uint64_t)next_random(state) << 31 | next_random(state)) % units) + 1;
    uint64_t b = a + next_random(state) % 4;
    b = b > units ? units : b;
    window.open = true;
    window.base = a << grain_bits;
    window.limit = (b << grain_bits) | ((UINT64_C(1) << grain_bits) - 1);
    return window;
}

static void random_bars(uint64_t *state, struct bar *bars, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        bars[i] = (struct bar){.kind = (enum bar_kind)(next_random(state) % 4)};
        if (bars[i].kind == BAR_NONE)
            continue;
        if (bars[i].kind == BAR_MEMORY64 && i + 1 == count)
            bars[i].kind = BAR_MEMORY32;
        bars[i].prefetchable = bars[i].kind != BAR_IO && coin(state);
        bars[i].assigned = true;
        bars[i].address = (next_random(state) & 0xfffff000U) | 0x1000;
        if (bars[i].kind == BAR_IO)
            bars[i].address &= 0xfffcU;
        if (bars[i].kind == BAR_MEMORY64) {
            bars[i].address |= (uint64_t)(next_random(state) & 0xff) << 32;
            if (coin(state)) {
                bars[i].assigned = false;
                bars[i].address = 0;
            }
            i++;
        }
    }
}

static void random_registers(uint64_t *state, struct device_registers *registers)
{
    registers->relaxed_ordering_disabled = coin(state);
    registers->id_based_requests = coin(state);
    registers->id_based_completions = coin(state);
    registers->ten_bit_tags = coin(state);
    registers->completion_timeout = (uint32_t)(next_random(state) % 16);
    registers->completion_timeout_disabled = coin(state);
}

static void random_translation_registers(uint64_t *state, struct pci_function *function)
{
    struct translation_registers *registers = &function->translation;
    registers->invalidation_queue_depth = function->ats ? (uint32_t)(1 + next_random(state) % 32) : 0;
    registers->page_request_capacity = function->pri ? (uint32_t)next_random(state) : 0;
    registers->page_request_allocation = function->pri ? (uint32_t)next_random(state) : 0;
    registers->pasid_width = function->pasid ? (uint32_t)(next_random(state) % 21) : 0;
    registers->pasid_execute = function->pasid && coin(state);
    registers->pasid_privileged = function->pasid && coin(state);
}

static void random_express(uint64_t *state, struct pci_function *function)
{
    static const enum pcie_type types[] = {0, 1, 4, 5, 6, 7, 8, 9, 10};
    static const uint8_t widths[] = {1, 2, 4, 8, 12, 16, 32};
    function->pcie = true;
    function->pcie_type = types[next_random(state) % 9];
    function->max_payload_supported = (uint16_t)(128 << next_random(state) % 6);
    function->max_payload = (uint16_t)(128 << next_random(state) % 6);
    function->max_read_request = (uint16_t)(128 << next_random(state) % 6);
    function->extended_tags = coin(state);
    random_registers(state, &function->registers);
    function->ari_forwarding = coin(state);
    function->no_atomic_routing = function_is_pcie_port(function) && coin(state);
    function->atomic_egress_blocking = function_is_pcie_port(function) && coin(state);
    if (function->pcie_type < PCIE_RC_ENDPOINT)
        function->port_number = (uint16_t)(1 + next_random(state) % 256);
    if (function->pcie_type < PCIE_RC_ENDPOINT && coin(state)) {
        function->link =
            (struct link_state){(uint8_t)(1 + next_random(state) % 6), widths[next_random(state) % 7],
                                (uint8_t)(1 + next_random(state) % 6), widths[next_random(state) % 7]};
    }
    function->registers.ten_bit_tags_disabled =
        !function->registers.ten_bit_tags && function->link.maximum_generation >= 4;
    if (coin(state)) {
        struct acs *acs = &function->acs;
        *acs = (struct acs){.present = true,
                            .capability = (uint16_t)next_random(state),
                            .control = (uint16_t)next_random(state),
                            .egress_vector = next_random(state),
                            .egress_vector_known = true};
        for (unsigned i = 1; 32 * i < acs_egress_vector_bits(acs); i++)
            acs->egress_vector_more[i - 1] = next_random(state);
    }
    function->ari = coin(state);
    function->ari_next_function = function->ari ? (uint8_t)next_random(state) : 0;
    function->ari_acs_groups = function->ari && coin(state);
    function->ari_function_group = function->ari ? next_random(state) & 7 : 0;
    function->ats = coin(state);
    function->ats_enabled = function->ats && coin(state);
    function->pri = coin(state);
    function->pasid = coin(state);
    random_translation_registers(state, function);
    if (coin(state)) {
        struct sriov *sriov = &function->sriov;
        sriov->present = true;
        sriov->enabled = coin(state);
        sriov->total_vfs = (uint16_t)next_random(state);
        sriov->num_vfs = (uint16_t)next_random(state);
        sriov->first_vf_offset = (uint16_t)next_random(state);
        sriov->vf_stride = (uint16_t)next_random(state);
        sriov->vf_device = (uint16_t)next_random(state);
        random_bars(state, sriov->vf_bars, 6);
    }
}

static struct pci_function random_function(uint64_t *state)
{
    struct pci_function function = {0};
    function.header_type = (uint8_t)(next_random(state) % 3);
    function.multifunction = coin(state);
    function.vendor = (uint16_t)(next_random(state) % 0xffff);
    function.device = (uint16_t)next_random(state);
    function.class_code = next_random(state) & 0xffffff;
    function.revision = (uint8_t)next_random(state);
    function.bus_master = coin(state);
    function.memory_space = coin(state);
    function.io_space_disabled = coin(state);
    function.registers.function_level_reset = coin(state);
    function.registers.caches_not_present = coin(state);
    if (function.header_type != 2) {
        function.subvendor = (uint16_t)(1 + next_random(state) % 0xffff);
        function.subdevice = (uint16_t)next_random(state);
        function.bars[BAR_ROM] = coin(state) ? (struct bar){BAR_MEMORY32, false, true, 0xfe000800, 0}
                                             : (struct bar){.kind = BAR_NONE};
    }
    static const unsigned bar_counts[] = {6, 2, 1};
    random_bars(state, function.bars, bar_counts[function.header_type]);
    if (function.header_type != 0) {
        function.secondary_bus = (uint8_t)next_random(state);
        function.subordinate_bus = (uint8_t)next_random(state);
    }
    if (function.header_type == 1) {
        function.io_window = random_window(state, 12, 32);
        function.memory_window = random_window(state, 20, 32);
        function.prefetchable_window = random_window(state, 20, 64);
    }
    if (coin(state))
        random_express(state, &function);
    else
        function.pcix = coin(state);
    return function;
}

/* Decoding only touches what configuration space says, so both start from zeros and compare as bytes. */
START_TEST(decoding_an_encoded_function_gives_it_back)
{
    const char *given = getenv("IOMMUSIM_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 1;
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t state = seed + i;
        struct pci_function function = random_function(&state), back;
        uint8_t image[CONFIG_EXPRESS_SIZE], again[CONFIG_EXPRESS_SIZE];
        config_space_encode(&function, image);
        memset(&back, 0, sizeof(back));
        config_space_decode(&(struct config_space){image, sizeof(image)}, &back);
        ck_assert_msg(memcmp(&function.bars, &back.bars, sizeof(back.bars)) == 0, "BARs, seed %u", i + 1);
        ck_assert_msg(memcmp(&function.sriov, &back.sriov, sizeof(back.sriov)) == 0, "SR-IOV, seed %u",
                      i + 1);
        ck_assert_msg(memcmp(&function.acs, &back.acs, sizeof(back.acs)) == 0, "ACS, seed %u", i + 1);
        ck_assert_msg(memcmp(&function, &back, sizeof(back)) == 0, "other fields, seed %u", i + 1);
        config_space_encode(&back, again);
        ck_assert_msg(memcmp(image, again, sizeof(image)) == 0, "image, seed %u", i + 1);
    }
}
END_TEST

/* A root port laid out as no encoder of ours would: capabilities in descending places, ACS last. */
START_TEST(a_foreign_layout_is_understood)
{
    uint8_t bytes[CONFIG_EXPRESS_SIZE] = {0};
    put32(bytes, 0x00, 0x12348086);
    put16(bytes, 0x04, 0x0406);
    put16(bytes, 0x06, 0x0010);
    put32(bytes, 0x08, 0x060400f1);
    bytes[0x0e] = 0x81;
    bytes[0x19] = 3, bytes[0x1a] = 5;
    bytes[0x1c] = 0x31, bytes[0x1d] = 0x41; /* 32-bit I/O 0x3000-0x4fff + upper */
    put16(bytes, 0x30, 0x0001), put16(bytes, 0x32, 0x0001);
    put16(bytes, 0x20, 0xfff0), put16(bytes, 0x22, 0x0000); /* closed */
    put16(bytes, 0x24, 0x0001), put16(bytes, 0x26, 0x0ff1);
    put32(bytes, 0x28, 0x38), put32(bytes, 0x2c, 0x38);
    bytes[0x34] = 0xc3; /* the low bits are reserved */
    bytes[0xc0] = 0x01, bytes[0xc1] = 0x48;
    bytes[0x48] = 0x10;
    put16(bytes, 0x4a, 0x0142);      /* version 2, root port, slot */
    put32(bytes, 0x4c, 0x8002);      /* 512 bytes supported */
    put16(bytes, 0x50, 0x1120);      /* 256 bytes, tags, 256 bytes */
    put32(bytes, 0x54, 0x01043);     /* 8GT/s x4 */
    put16(bytes, 0x5a, 0x1001);      /* 2.5GT/s x0: no link */
    put16(bytes, 0x70, 0x0020);      /* ARI forwarding */
    put32(bytes, 0x100, 0x22010001); /* AER, next 220 */
    put32(bytes, 0x220, 0x0001000d);
    put16(bytes, 0x224, 0x000f), put16(bytes, 0x226, 0x0004);
    put32(bytes, 0x228, 0xa5);

    struct pci_function port = {0};
    config_space_decode(&(struct config_space){bytes, sizeof(bytes)}, &port);
    ck_assert(port.header_type == 1 && port.multifunction && port.revision == 0xf1);
    ck_assert(port.class_code == 0x060400 && port.secondary_bus == 3 && port.subordinate_bus == 5);
    ck_assert(port.io_window.open && port.io_window.base == 0x13000 && port.io_window.limit == 0x14fff);
    ck_assert(!port.memory_window.open);
    ck_assert(port.prefetchable_window.base == 0x3800000000 &&
              port.prefetchable_window.limit == 0x380fffffff);
    ck_assert(port.pcie && port.pcie_type == PCIE_ROOT_PORT && port.ari_forwarding && port.extended_tags);
    ck_assert_uint_eq(port.max_payload_supported, 512);
    ck_assert_uint_eq(port.max_payload, 256);
    ck_assert_uint_eq(port.max_read_request, 256);
    ck_assert(port.link.generation == 0 && port.link.width == 0);
    ck_assert(port.link.maximum_generation == 3 && port.link.maximum_width == 4);
    ck_assert(port.acs.present && port.acs.capability == 0xf && port.acs.control == 4);
    ck_assert(port.acs.egress_vector == 0xa5 && !port.acs_unknown && !port.pcie_unknown);

    /* The first 256 bytes hide ACS, the first 64 hide even the port. */
    config_space_decode(&(struct config_space){bytes, 256}, &port);
    ck_assert(port.pcie && !port.acs.present && port.acs_unknown);
    config_space_decode(&(struct config_space){bytes, 64}, &port);
    ck_assert(!port.pcie && port.pcie_unknown && port.acs_unknown);
    bytes[0x06] = 0;
    config_space_decode(&(struct config_space){bytes, 64}, &port);
    ck_assert(!port.pcie && !port.pcie_unknown && !port.acs_unknown);
}
END_TEST

START_TEST(hostile_lists_end)
{
    uint8_t bytes[CONFIG_EXPRESS_SIZE];
    struct pci_function function = {0};
    /* Lists that point to themselves, at the last bytes, below their start. */
    static const uint8_t places[] = {0x40, 0x00, 0xfc, 0xff, 0x3f};
    for (unsigned i = 0; i < sizeof(places); i++) {
        memset(bytes, 0, sizeof(bytes));
        put16(bytes, 0x06, 0x10);
        bytes[0x34] = places[i];
        bytes[0x40] = 0x05, bytes[0x41] = 0x40;
        put32(bytes, 0x100, 0x10010001);
        config_space_decode(&(struct config_space){bytes, sizeof(bytes)}, &function);
        ck_assert(!function.pcie && !function.acs.present);
    }
    /* Capabilities whose registers would lie beyond the end. */
    bytes[0x34] = 0xfc, bytes[0xfc] = 0x10, bytes[0xfd] = 0;
    put32(bytes, 0x100, 0xffc10001), put32(bytes, 0xffc, 0x00010010);
    config_space_decode(&(struct config_space){bytes, sizeof(bytes)}, &function);
    ck_assert(function.sriov.present && function.sriov.num_vfs == 0);
    /* Noise of any length. */
    uint64_t state = 7;
    for (unsigned round = 0; round < 3000; round++) {
        for (unsigned i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)(next_random(&state) >> 8);
        bytes[0x06] |= 0x10;
        unsigned length = next_random(&state) % (CONFIG_EXPRESS_SIZE + 1);
        uint8_t *exact = malloc(length + 1); /* so that the sanitizer sees the end */
        memcpy(exact, bytes, length);
        config_space_decode(&(struct config_space){exact, length}, &function);
        free(exact);
    }
}
END_TEST

Suite *config_space_suite(void)
{
    Suite *suite = suite_create("config_space");
    TCase *tests = tcase_create("config_space");
    tcase_add_test(tests, decoding_an_encoded_function_gives_it_back);
    tcase_add_test(tests, a_foreign_layout_is_understood);
    tcase_add_test(tests, hostile_lists_end);
    suite_add_tcase(suite, tests);
    return suite;
}
