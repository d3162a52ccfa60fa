/* SPDX-License-Identifier: MIT */
/* Streams with a model of a device and its driver: network cards, NVMe, copy engines, isochronous devices. */
#include "sim/base/arena.h"
#include "sim/input/field_load.h"
#include "sim/input/workload_keys.h"
#include "sim/input/workload_reader.h"

#include <string.h>

/* Beside "name", "device", "operations", "warmup", "start" and "cpu". */
static const char *const common_keys[] = {"name", "device", "operations", "warmup", "start", "cpu", NULL};

enum device_kind workload_device_kind(const struct json_node *stream)
{
    for (enum device_kind kind = DEVICE_NIC; json_is_object(stream) && kind < DEVICE_KINDS; kind++) {
        struct json_node member = json_member(stream, device_key_tables[kind]->name);
        if (json_given(&member))
            return kind;
    }
    return DEVICE_NONE;
}

static void check_keys(const struct json_node *node, enum device_kind kind)
{
    const char *name = device_key_tables[kind]->name;
    json_check_table(node, &stream_keys);
    for (struct json_node member = json_first(node); json_given(&member); json_next(&member)) {
        bool known = strcmp(member.key, name) == 0 || strncmp(member.key, "x-", 2) == 0 ||
                     (kind == DEVICE_COPY_ENGINE && strcmp(member.key, "peer") == 0);
        bool listed = false;
        for (size_t i = 0; i < stream_keys.count; i++)
            listed |= strcmp(stream_keys.keys[i].name, member.key) == 0;
        for (const char *const *common = common_keys; *common; common++)
            known |= strcmp(*common, member.key) == 0;
        if (listed && !known)
            json_error_at_key(&member, "workload-stream-key", "\"%s\" is not for a stream with \"%s\"",
                              member.key, name);
    }
}

static void read_parameters(const struct workload_reading *reading, const struct json_node *node,
                            struct stream *stream)
{
    const struct json_key_table *table = device_key_tables[stream->device_kind];
    struct json_node object = json_member(node, table->name);
    struct field_origin origins[64] = {0};
    const struct field_context context = {reading->workload->arena, "workload", false};
    bool *given = arena_array(reading->workload->arena, table->fields->count, sizeof(*given));
    stream->device_given = given;
    if (!json_expect_object(&object))
        return;
    json_check_table(&object, table);
    field_table_load(&object, table->fields, &stream->device, origins, &context);
    for (size_t i = 0; i < table->fields->count; i++)
        given[i] = origins[i].from != NULL;
}

static void read_domain_of(const struct workload_reading *reading, const struct json_node *device,
                           const struct stream *stream)
{
    const struct workload_machine *machine = reading->machine;
    const struct domain *domain = stream_domain(reading, stream);
    bool translated =
        machine->iommu != IOMMU_NONE && (!machine->translated || machine->translated[stream->function_id]);
    if (reading->domains_broken || !translated)
        return;
    if (!domain)
        report_no_domain(device, stream);
    else if (domain->mode == TRANSLATION_STATIC && !domain->virtual_machine)
        json_error(device, "workload-mode",
                   "a device with its driver maps its buffers itself: domain \"%s\" must have mode "
                   "\"strict\", \"lazy\", \"passthrough\", \"off\" or \"kernel\", not \"static\"",
                   domain->name);
}

void workload_read_device(const struct workload_reading *reading, const struct json_node *node,
                          struct stream *stream)
{
    struct json_node device = json_member(node, "device"), peer = json_member(node, "peer");
    check_keys(node, stream->device_kind);
    read_parameters(reading, node, stream);
    if (!json_require(node, "device", "the address of the device, or \"any\""))
        return;
    stream->function_id = read_stream_device(reading, &device);
    if (json_given(&peer))
        stream->peer_id = read_device(reading, &peer);
    if (stream->function_id != NONE)
        read_domain_of(reading, &device, stream);
}
