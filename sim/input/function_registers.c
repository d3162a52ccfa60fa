/* SPDX-License-Identifier: MIT */
#include "sim/input/function_registers.h"

#include "sim/input/field_load.h"

#define FLAG(owner, member, text)                                                                            \
    {                                                                                                        \
        .name = #member, .type = FIELD_BOOLEAN, .offset = offsetof(struct owner, member), .maximum = 1,      \
        .help = (text)                                                                                       \
    }
#define COUNT(owner, member, most, text)                                                                     \
    {                                                                                                        \
        .name = #member, .type = FIELD_COUNT, .offset = offsetof(struct owner, member), .maximum = (most),   \
        .help = (text)                                                                                       \
    }

static const struct field device_fields[] = {
    FLAG(device_registers, function_level_reset,
         "function-level reset (DevCap, or Advanced Features capability)"),
    FLAG(device_registers, relaxed_ordering_disabled, "DevCtl: its requests may not carry the RO attribute"),
    FLAG(device_registers, id_based_requests, "DevCtl2: its requests may carry the IDO attribute"),
    FLAG(device_registers, id_based_completions, "DevCtl2: its completions may carry the IDO attribute"),
    FLAG(device_registers, ten_bit_tags, "DevCtl2: 10-bit tags are enabled"),
    FLAG(device_registers, ten_bit_tags_disabled,
         "DevCtl2: 10-bit tags are off, although its link could be of 16 GT/s or more"),
    COUNT(device_registers, completion_timeout, 15, "DevCtl2: code of the completion timeout's range"),
    FLAG(device_registers, completion_timeout_disabled, "DevCtl2: reads wait for ever"),
    FLAG(device_registers, caches_not_present, "of an AMD IOMMU: NpCache, which emulated ones set"),
};

static const struct field_table device_table = {"registers", "Control registers.", device_fields,
                                                sizeof(device_fields) / sizeof(device_fields[0]),
                                                sizeof(struct device_registers)};

static const struct field translation_fields[] = {
    COUNT(translation_registers, invalidation_queue_depth, 32,
          "ATS: invalidations the device takes before it answers one; 0 is unknown"),
    COUNT(translation_registers, page_request_capacity, UINT32_MAX,
          "PRI: page requests it can have outstanding; 0 is unknown"),
    COUNT(translation_registers, page_request_allocation, UINT32_MAX,
          "PRI: page requests it may have outstanding; 0 is not set"),
    COUNT(translation_registers, pasid_width, 31, "PASID: bits of a PASID; 0 is unknown"),
    FLAG(translation_registers, pasid_execute, "PASID: requests may ask for execute permission"),
    FLAG(translation_registers, pasid_privileged, "PASID: requests may be of privileged mode"),
};

static const struct field_table translation_table = {
    "translation_registers", "ATS, PRI and PASID capabilities.", translation_fields,
    sizeof(translation_fields) / sizeof(translation_fields[0]), sizeof(struct translation_registers)};

const struct json_key_table device_register_keys = {
    .name = "registers", .help = "What control registers let the function do.", .fields = &device_table};
const struct json_key_table translation_register_keys = {.name = "translation_registers",
                                                         .help =
                                                             "What its ATS, PRI and PASID capabilities say.",
                                                         .fields = &translation_table};

static void read_table(const struct json_node *function_node, const struct json_key_table *keys, void *values)
{
    static const struct field_context context = {0};
    struct json_node node = json_member(function_node, keys->name);
    if (!json_given(&node) || !json_expect_object(&node))
        return;
    json_check_table(&node, keys);
    field_table_load(&node, keys->fields, values, NULL, &context);
}

void read_registers(const struct json_node *function_node, struct pci_function *function)
{
    read_table(function_node, &device_register_keys, &function->registers);
    read_table(function_node, &translation_register_keys, &function->translation);
}

static void write_table(struct json_layout *layout, const struct field_table *table, const void *values)
{
    bool open = false;
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        const void *member = (const char *)values + field->offset;
        char text[FIELD_TEXT_SIZE];
        if (field->type == FIELD_BOOLEAN ? !*(const bool *)member : !*(const uint32_t *)member)
            continue;
        if (!open)
            layout_open(layout, table->name, '{');
        open = true;
        layout_raw(layout, field->name, field_print(text, sizeof(text), field, values));
    }
    if (open)
        layout_close(layout, '}', false);
}

void write_registers(struct json_layout *layout, const struct pci_function *function)
{
    write_table(layout, &device_table, &function->registers);
    write_table(layout, &translation_table, &function->translation);
}

#define MILLISECOND UINT64_C(1000000000)
#define SECOND      (1000 * MILLISECOND)

/* Upper ends of the ranges of Completion Timeout Value (PCIe Base Spec 7.5.3.16), as the preset "default"
 * takes it of the default range; 0: that one, or reserved. MODEL: where in its range a device gives up is its
 * own affair. */
static uint64_t completion_timeout_ps(const struct device_registers *registers)
{
    static const uint64_t upper_ps[16] = {
        [0x1] = MILLISECOND / 10,  [0x2] = 10 * MILLISECOND,  [0x5] = 55 * MILLISECOND,
        [0x6] = 210 * MILLISECOND, [0x9] = 900 * MILLISECOND, [0xa] = 3500 * MILLISECOND,
        [0xd] = 13 * SECOND,       [0xe] = 64 * SECOND,
    };
    if (registers->completion_timeout_disabled)
        return 64 * SECOND; /* MODEL: for ever; no range is longer */
    return upper_ps[registers->completion_timeout & 0xf];
}

/* Tags there are (PCIe Base Spec 2.2.6.2); UINT32_MAX where its registers say nothing against the link's
 * usual ones. */
static uint32_t tags_of(const struct pci_function *function)
{
    enum {
        FIVE_BITS = 32,
        EIGHT_BITS = 256,
        TEN_BITS = 768
    }; /* of 10-bit ones those below 256 are not used */
    if (!function->pcie || !function->max_read_request)
        return UINT32_MAX;
    if (function->registers.ten_bit_tags)
        return TEN_BITS;
    if (!function->extended_tags)
        return FIVE_BITS;
    return function->registers.ten_bit_tags_disabled ? EIGHT_BITS : UINT32_MAX;
}

/* Page requests it may have outstanding: what software allocated, else what there is room for. */
static uint32_t page_requests_of(const struct translation_registers *translation, uint32_t usual)
{
    uint32_t capacity = translation->page_request_capacity, allocation = translation->page_request_allocation;
    if (allocation)
        return allocation < PAGE_REQUESTS_MAX ? allocation : PAGE_REQUESTS_MAX;
    return capacity && capacity < usual ? capacity : usual;
}

void registers_settle(const struct topology *topology, const struct pci_function *function,
                      struct dma_engine_parameters *parameters)
{
    uint32_t tags = tags_of(function);
    uint64_t timeout_ps = completion_timeout_ps(&function->registers);
    if (tags < parameters->tags)
        parameters->tags = tags;
    if (timeout_ps)
        parameters->completion_timeout_ps = timeout_ps;
    parameters->page_requests = page_requests_of(&topology_physical_function(topology, function)->translation,
                                                 parameters->page_requests);
    parameters->relaxed_ordering &= !function->registers.relaxed_ordering_disabled;
    parameters->id_based_ordering |= function->registers.id_based_requests;
}
