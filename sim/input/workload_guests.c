/* SPDX-License-Identifier: MIT */
/* Virtual machines: their RAM as mappings of a domain, the devices they start with, and those that come and
 * go. */
#include "sim/base/arena.h"
#include "sim/input/workload_keys.h"
#include "sim/input/workload_reader.h"

#include <stdlib.h>

const char *const guest_assignment_names[] = {"vfio", "legacy", NULL}; /* ORDER: enum guest_assignment */

enum { CPU_MAX = 1023, BLOCKS = 2, MODE_PASSTHROUGH = 2 /* of guest_mode_words */ };

static const uint64_t memory_min = UINT64_C(1) << 20, memory_max = UINT64_C(1) << 44,
                      time_max_ps = UINT64_C(1000000000000000);

/* No scheduler is so quick; a guest would hardly get on. */
static const uint64_t slice_min_ps = UINT64_C(1000000);

/* QEMU's pc machine type: RAM below 4 GiB, where that is all of it and where it is not; and where the rest
 * begins. Source: pc_init1() of hw/i386/pc_piix.c, pc_memory_init() of hw/i386/pc.c (AMD_ABOVE_1TB_START). */
static const uint64_t low_all = UINT64_C(7) << 29, low_part = UINT64_C(3) << 30,
                      high_base = UINT64_C(1) << 32, high_base_amd = UINT64_C(1) << 40,
                      hypertransport_base = UINT64_C(0xfd00000000);

static const char *own_pointer(const struct workload_reading *reading, const struct json_node *node)
{
    char *pointer = json_pointer(node);
    const char *copy = arena_string(reading->workload->arena, pointer);
    free(pointer);
    return copy;
}

/* ---- memory ---- */

/* A block of RAM, from as many places of the host's as it takes. */
static bool place_block(struct workload_reading *reading, const struct json_node *node,
                        const struct virtual_machine *guest, struct domain *domain, size_t *capacity,
                        struct mapping block)
{
    struct json_node memory = json_member(node, "memory");
    char size[40];
    while (block.length) {
        struct mapping part = block;
        part.length = memory_placer_take_some(reading->placer, block.length, guest->page_bytes,
                                              guest->numa_node, &part.physical);
        if (!part.length) {
            json_error(&memory, "workload-no-memory",
                       "no room for %s more of it in the machine's RAM%s, in pages of its \"page_size\"",
                       unit_print(size, sizeof(size), block.length, UNIT_BYTES),
                       guest->numa_node == NONE ? "" : " of that node");
            return false;
        }
        domain->mappings = memory_grow(domain->mappings, domain->mapping_count, capacity, sizeof(part));
        part.index = domain->mapping_count;
        domain->mappings[domain->mapping_count++] = part;
        block.iova += part.length;
        block.length -= part.length;
    }
    return true;
}

static void place_memory(struct workload_reading *reading, const struct json_node *node,
                         const struct virtual_machine *guest, struct domain *domain)
{
    bool amd = reading->machine->iommu == IOMMU_AMD_VI;
    uint64_t bytes = guest->memory_bytes, low = bytes <= low_all ? bytes : low_part, high = bytes - low;
    uint64_t base = amd && high_base + high > hypertransport_base ? high_base_amd : high_base;
    const struct mapping blocks[BLOCKS] = {
        {.iova = 0, .length = low, .page_bytes = guest->page_bytes, .read = true, .write = true},
        {.iova = base, .length = high, .page_bytes = guest->page_bytes, .read = true, .write = true}};
    struct json_node memory = json_member(node, "memory");
    size_t capacity = 0;
    for (int i = 0; i < BLOCKS; i++) {
        struct mapping block = blocks[i];
        block.pointer = guest->pointer;
        if (!block.length)
            continue;
        if (!check_reserved(reading, &memory, domain, "RAM of the guest at", block.iova, block.length) ||
            !place_block(reading, node, guest, domain, &capacity, block))
            break;
    }
    struct mapping *grown = domain->mappings;
    domain->mappings = arena_array(reading->workload->arena, domain->mapping_count, sizeof(*grown));
    for (uint32_t i = 0; i < domain->mapping_count; i++)
        domain->mappings[i] = grown[i];
    free(grown);
}

/* ---- its CPUs ---- */

static void read_cpus(struct workload_reading *reading, const struct json_node *node,
                      struct virtual_machine *guest)
{
    const struct workload *workload = reading->workload;
    struct json_node object = json_member(node, "cpus");
    struct virtual_cpus *cpus = &guest->cpus;
    if (!json_given(&object) || !json_expect_object(&object))
        return;
    json_check_table(&object, &virtual_cpus_keys);
    if (json_require(&object, "count", "how many CPUs the guest has"))
        json_get_u32(&object, "count", 1, CPU_MAX + 1, &cpus->count);
    json_get_u32(&object, "first", 0, CPU_MAX, &cpus->first);
    json_get_quantity(&object, "runs", UNIT_PICOSECONDS, slice_min_ps, time_max_ps, &cpus->runs_ps);
    json_get_quantity(&object, "away", UNIT_PICOSECONDS, 1, time_max_ps, &cpus->away_ps);
    json_get_quantity(&object, "move_interval", UNIT_PICOSECONDS, slice_min_ps, time_max_ps,
                      &cpus->move_interval_ps);
    json_get_boolean(&object, "sleep", &cpus->sleeps);
    struct json_node runs = json_member(&object, "runs"), away = json_member(&object, "away");
    if (json_given(&runs) != json_given(&away))
        json_error(&object, "workload-guest-cpu", "\"runs\" and \"away\" go together");
    for (const struct virtual_machine *other = workload->virtual_machines; other < guest; other++) {
        if (cpus->first < other->cpus.first + other->cpus.count &&
            other->cpus.first < cpus->first + cpus->count)
            json_error(&object, "workload-guest-cpu", "virtual machine \"%s\" has some of these CPUs already",
                       other->name);
    }
}

/* ---- its migration ---- */

static void read_migration(const struct json_node *node, struct virtual_machine *guest)
{
    static const uint64_t rate_max = UINT64_C(10000000000000);
    struct json_node object = json_member(node, "migration");
    struct migration_request *request = &guest->migration;
    *request = (struct migration_request){.bandwidth_bytes_per_s = UINT64_C(12500000000),
                                          .downtime_ps = UINT64_C(300000000000),
                                          .rounds = 30,
                                          .working_set_bytes = guest->memory_bytes,
                                          .device_state_bytes = 1 << 20,
                                          .split = true};
    if (!json_given(&object) || !json_expect_object(&object))
        return;
    json_check_table(&object, &migration_keys);
    request->wanted = json_require(&object, "time", "when, e.g. \"5ms\"") &&
                      json_get_quantity(&object, "time", UNIT_PICOSECONDS, 0, time_max_ps, &request->time_ps);
    json_get_quantity(&object, "bandwidth", UNIT_BYTES_PER_S, 1000, rate_max,
                      &request->bandwidth_bytes_per_s);
    json_get_quantity(&object, "downtime", UNIT_PICOSECONDS, 1, time_max_ps, &request->downtime_ps);
    json_get_u32(&object, "rounds", 1, MIGRATION_ROUNDS_MAX, &request->rounds);
    json_get_quantity(&object, "cpu_writes", UNIT_BYTES_PER_S, 0, rate_max, &request->cpu_bytes_per_s);
    json_get_size(&object, "working_set", 0, memory_max, &request->working_set_bytes);
    json_get_size(&object, "device_state", 0, memory_max, &request->device_state_bytes);
    json_get_boolean(&object, "split", &request->split);
    if (!guest->cpus.count)
        json_error(&object, "workload-guest-migration",
                   "which CPUs stop with the guest? Add \"cpus\", e.g. {\"count\": 4}");
}

/* ---- the guest's own IOMMU ---- */

static void read_viommu(const struct json_node *node, struct virtual_machine *guest, struct domain *domain)
{
    struct json_node given = json_member(node, "mode");
    int kind = VIOMMU_NONE, mode = 0;
    json_get_choice(node, "viommu", viommu_kind_names, &kind);
    json_get_choice(node, "mode", guest_mode_words, &mode);
    guest->viommu = (enum viommu_kind)kind;
    if (kind != VIOMMU_NONE && mode != MODE_PASSTHROUGH)
        domain->mode = mode ? TRANSLATION_STRICT : TRANSLATION_LAZY;
    else if (json_given(&given) && mode != MODE_PASSTHROUGH)
        json_error(&given, "workload-mode",
                   "a guest without a \"viommu\" maps nothing: its \"mode\" can only be \"passthrough\"");
}

static void read_memory(const struct json_node *node, struct virtual_machine *guest)
{
    struct json_node memory = json_member(node, "memory");
    char size[40];
    int page = 0;
    json_get_choice(node, "page_size", page_size_words, &page);
    guest->page_bytes = UINT64_C(4096) << (9 * page);
    guest->numa_node = NONE;
    json_get_u32(node, "numa_node", 0, CPU_MAX, &guest->numa_node);
    json_get_boolean(node, "populated", &guest->populated);
    if (!json_require(node, "memory", "the guest's RAM, e.g. \"16GiB\"") ||
        !json_get_size(node, "memory", memory_min, memory_max, &guest->memory_bytes) ||
        guest->memory_bytes % guest->page_bytes == 0)
        return;
    json_error(&memory, "workload-guest-memory", "%s is no multiple of the page size, %s",
               unit_print(size, sizeof(size), guest->memory_bytes, UNIT_BYTES), page_size_words[page]);
    guest->memory_bytes = 0;
}

/* ---- devices ---- */

static bool has(const uint32_t *function_ids, uint32_t count, uint32_t function_id)
{
    for (uint32_t i = 0; i < count; i++) {
        if (function_ids[i] == function_id)
            return true;
    }
    return false;
}

static void read_start_devices(struct workload_reading *reading, const struct json_node *node,
                               struct virtual_machine *guest, struct domain *domain)
{
    struct json_node array = json_member(node, "devices");
    if (!json_require(node, "devices", "a list of addresses") || !json_expect_array(&array))
        return;
    for (struct json_node device = json_first(&array); json_given(&device); json_next(&device))
        add_device(reading, &device, domain);
    guest->function_count = domain->function_count;
    guest->function_ids = arena_array(reading->workload->arena, guest->function_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < guest->function_count; i++)
        guest->function_ids[i] = domain->function_ids[i];
}

/* Does the guest have the device after the events so far? */
static bool has_now(const struct virtual_machine *guest, uint32_t function_id)
{
    bool now = has(guest->function_ids, guest->function_count, function_id);
    for (uint32_t i = 0; i < guest->event_count; i++) {
        if (guest->events[i].function_id == function_id)
            now = guest->events[i].attach;
    }
    return now;
}

static void read_event(struct workload_reading *reading, const struct json_node *node,
                       struct virtual_machine *guest, struct domain *domain)
{
    struct json_node device = json_member(node, "device"), time = json_member(node, "time");
    int action = 0;
    struct hot_plug event = {.pointer = own_pointer(reading, node)};
    if (!json_expect_object(node))
        return;
    json_check_table(node, &hot_plug_keys);
    if (!json_require(node, "time", "when, e.g. \"5ms\"") ||
        !json_require(node, "device", "the address of the function") ||
        !json_require(node, "action", "\"attach\" or \"detach\"") ||
        !json_get_quantity(node, "time", UNIT_PICOSECONDS, 0, time_max_ps, &event.time_ps) ||
        !json_get_choice(node, "action", hot_plug_action_words, &action) || !reading->machine->topology)
        return;
    event.attach = action == 1;
    event.function_id = read_device(reading, &device);
    if (event.function_id == NONE)
        return;
    uint64_t earliest = guest->event_count ? guest->events[guest->event_count - 1].time_ps : guest->start_ps;
    if (event.time_ps < earliest) {
        json_error(&time, "workload-hot-plug",
                   "the events of a guest stand in order of time, after its start");
        return;
    }
    if (has_now(guest, event.function_id) == event.attach) {
        json_error(&device, "workload-hot-plug",
                   event.attach ? "the guest has %s already" : "the guest does not have %s then",
                   json_string(&device));
        return;
    }
    if (!has(domain->function_ids, domain->function_count, event.function_id))
        add_device(reading, &device, domain);
    guest->events[guest->event_count++] = event;
}

static void read_events(struct workload_reading *reading, const struct json_node *node,
                        struct virtual_machine *guest, struct domain *domain)
{
    struct json_node array = json_member(node, "hot_plug");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    guest->events = arena_array(reading->workload->arena, json_length(&array), sizeof(*guest->events));
    for (struct json_node event = json_first(&array); json_given(&event); json_next(&event))
        read_event(reading, &event, guest, domain);
}

static void check_translated(const struct workload_reading *reading, const struct json_node *node,
                             const struct virtual_machine *guest, const struct domain *domain)
{
    const struct workload_machine *machine = reading->machine;
    struct json_node devices = json_member(node, "devices"), assignment = json_member(node, "assignment");
    for (uint32_t i = 0; machine->topology && machine->translated && i < domain->function_count; i++) {
        const struct pci_function *function = &machine->topology->functions[domain->function_ids[i]];
        char address[BDF_TEXT_SIZE];
        if (!machine->translated[function->id])
            json_error(&devices, "workload-guest-device",
                       "no IOMMU translates %s: it cannot be given to a guest",
                       bdf_print(address, function->segment, function->bus, function->devfn));
    }
    if (guest->assignment == ASSIGNMENT_LEGACY && machine->iommu == IOMMU_SMMUV3)
        json_error(&assignment, "workload-guest-device",
                   "KVM's own device assignment was for x86: there is none with an SMMUv3");
}

/* ---- virtual machines ---- */

static void read_virtual_machine(struct workload_reading *reading, const struct json_node *node,
                                 struct virtual_machine *guest, struct domain *domain)
{
    struct workload *workload = reading->workload;
    struct json_node devices = json_member(node, "devices"), events = json_member(node, "hot_plug"),
                     start = json_member(node, "start");
    const char *name = "";
    int assignment = ASSIGNMENT_VFIO;
    if (!json_expect_object(node))
        return;
    json_check_table(node, &virtual_machine_keys);
    if (json_require(node, "name", "the name of the virtual machine") && json_get_string(node, "name", &name))
        check_name(node, "virtual machine", name, &workload->domains[0].name,
                   (uint32_t)(domain - workload->domains), sizeof(*domain));
    guest->name = domain->name = arena_string(workload->arena, name);
    guest->pointer = domain->pointer = own_pointer(reading, node);
    guest->domain = (uint32_t)(domain - workload->domains);
    domain->virtual_machine = (uint32_t)(guest - workload->virtual_machines) + 1;
    domain->mode = TRANSLATION_STATIC;
    read_viommu(node, guest, domain);
    read_cpus(reading, node, guest);
    json_get_choice(node, "assignment", guest_assignment_names, &assignment);
    guest->assignment = (enum guest_assignment)assignment;
    guest->running = !json_given(&start);
    json_get_quantity(node, "start", UNIT_PICOSECONDS, 0, time_max_ps, &guest->start_ps);
    guest->cpu = (uint32_t)(guest - workload->virtual_machines) % (CPU_MAX + 1);
    json_get_u32(node, "cpu", 0, CPU_MAX, &guest->cpu);
    read_memory(node, guest);
    read_migration(node, guest);
    domain->function_ids =
        arena_array(workload->arena, json_length(&devices) + json_length(&events), sizeof(uint32_t));
    read_start_devices(reading, node, guest, domain);
    read_events(reading, node, guest, domain);
    check_translated(reading, node, guest, domain);
    if (guest->memory_bytes)
        place_memory(reading, node, guest, domain);
}

void read_virtual_machines(struct workload_reading *reading, const struct json_node *root)
{
    struct workload *workload = reading->workload;
    struct json_node array = json_member(root, "virtual_machines");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    workload->virtual_machines =
        arena_array(workload->arena, json_length(&array), sizeof(*workload->virtual_machines));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node))
        read_virtual_machine(reading, &node, &workload->virtual_machines[workload->virtual_machine_count++],
                             &workload->domains[workload->domain_count++]);
}
