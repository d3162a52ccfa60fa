/* SPDX-License-Identifier: MIT */
#include "sim/input/workload_keys.h"

#include "sim/input/scenario.h"

const char *const domain_paging_words[] = {"resident", "on-demand", NULL};
const char *const mapping_access_words[] = {"rw", "r", "w", NULL};
const char *const page_size_words[] = {"4KiB", "2MiB", "1GiB", NULL};
const char *const guest_mode_words[] = {"lazy", "strict", "passthrough", NULL};
const char *const any_page_size_words[] = {
    "4KiB", "8KiB", "16KiB", "32KiB", "64KiB", "128KiB", "256KiB", "512KiB", "1MiB", "2MiB",
    "4MiB", "8MiB", "16MiB", "32MiB", "64MiB", "128MiB", "256MiB", "512MiB", "1GiB", "2GiB",
    "4GiB", "8GiB", "16GiB", "32GiB", "64GiB", "128GiB", "256GiB", "512GiB", NULL};
const char *const hot_plug_action_words[] = {"detach", "attach", NULL};
const char *const stream_cache_words[] = {"warm", "cold", NULL};
const char *const stream_interrupts_words[] = {"remapped", "posted", "urgent", NULL};
const char *const trace_pace_words[] = {"closed", "time", NULL};
const char *const scenario_iommu_words[] = {"auto", "vt-d", "amd-vi", "smmuv3", "none", NULL};

#define SCHEMA_TIME       "{\"type\": \"string\", \"pattern\": \"^[0-9]+(\\\\.[0-9]+)? *(ps|ns|us|ms|s)$\"}"
#define SCHEMA_OPERATIONS "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1099511627776}"

static const struct json_key workload_keys_rows[] = {
    {"$schema", "for editors; not looked at", SCHEMA_STRING, NULL},
    {"format", "what this file is", "{\"const\": \"iommusim-workload/1\"}", NULL},
    {"name", "of the workload", SCHEMA_STRING, NULL},
    {"source", "where it comes from, in words", SCHEMA_STRING, NULL},
    {"duration", "the run stops here; absent: when every stream has done its operations", SCHEMA_TIME, NULL},
    {"fragmentation",
     "percent of the pages of RAM, between those that buffers mapped during the run come from, that others "
     "hold (0: "
     "the machine has just booted)",
     SCHEMA_COUNT(0, 99), NULL},
    {"domains", "address spaces; a device in none is one no IOMMU translates",
     SCHEMA_LIST(SCHEMA_REF("domain")), NULL},
    {"virtual_machines", "guests with devices of their own: each is a domain that maps the guest's memory",
     SCHEMA_LIST(SCHEMA_REF("virtual_machine")), NULL},
    {"streams", "who issues what",
     "{\"type\": \"array\", \"items\": " SCHEMA_REF("stream") ", \"minItems\": 1}", NULL},
};
JSON_KEY_TABLE(workload_keys, "workload",
               "DMA on a machine: domains with their mappings, streams of operations.",
               .required = {"format", "streams"});

static const struct json_key domain_keys_rows[] = {
    {"name", "of the domain", SCHEMA_STRING, NULL},
    {"mode",
     "static: mapped before the run (default); passthrough: looked up, not translated; off: the IOMMU is not "
     "there; strict, lazy: buffers are mapped and unmapped during the run, too, and unmapping waits for the "
     "invalidation or leaves it to a flush queue; kernel: lazy, strict or passthrough, as the kernel's "
     "command line "
     "and defaults make the groups of the devices",
     NULL, translation_mode_names},
    {"devices",
     "addresses of the functions in it; \"all\": all that issue DMA and are in no domain yet; \"each\": the "
     "same "
     "ones, each IOMMU group in a domain of its own, as the kernel has them",
     "{\"anyOf\": [{\"enum\": [\"all\", \"each\"]}, " SCHEMA_LIST(SCHEMA_BDF) "]}", NULL},
    {"ats",
     "true: devices with an ATS capability translate their addresses themselves; false: none does; absent: "
     "those whose ats_enabled the topology sets",
     SCHEMA_BOOLEAN, NULL},
    {"pasid",
     "the domain is for requests of its devices that carry this PASID, beside the domain of those that carry "
     "none (mode static or passthrough; the unit needs PASID tables: preset vt-d-scalable, or SMMUv3)",
     SCHEMA_COUNT(0, 1048575), NULL},
    {"paging",
     "resident (default): mappings are there before the run; on-demand: a page is mapped when a device "
     "requests "
     "it (PRI; the device needs ATS and PRI, else its first access to a page fails; mode static)",
     NULL, domain_paging_words},
    {"bounce",
     "which buffers of its devices the kernel copies to and from bounce buffers (swiotlb): needed, those "
     "that a device "
     "does not reach, and parts of pages of one that is not trusted (default); always, all, as in a "
     "confidential guest "
     "or with swiotlb=force; twice, all, and each is copied once more, by the host; encrypted, all, "
     "and each copy encrypts or decrypts",
     NULL, bounce_mode_names},
    {"mappings", "what is mapped before the run", SCHEMA_LIST(SCHEMA_REF("mapping")), NULL},
    {"aged",
     "of modes strict and lazy: so much of the IO virtual address space was in use before the run in single "
     "pages, with a longer range of up to 128KiB after one in 16, and was given back in no order, as on a "
     "machine that has run for some time (0B: just booted); at least as much as the rings of its network "
     "cards hold; the default is parameters/dma_api/aged",
     SCHEMA_SIZE, NULL},
    {"second_stage",
     "the domain is a guest's: its tables and mappings hold guest physical addresses, which a second stage "
     "with "
     "pages of this size translates (nested; mode static only)",
     NULL, page_size_words},
};
JSON_KEY_TABLE(domain_keys, "domain", "An address space and the functions whose DMA uses it.",
               .required = {"name", "devices"});

static const struct json_key mapping_keys_rows[] = {
    {"iova", "first IO virtual address, a multiple of the page size", SCHEMA_ADDRESS, NULL},
    {"physical", "where it leads; absent: a free place in RAM, always the same one", SCHEMA_ADDRESS, NULL},
    {"length", "bytes, a multiple of the page size", SCHEMA_SIZE, NULL},
    {"page_size", "of the leaf entries, one the unit has (4KiB); AMD-Vi has all", NULL, any_page_size_words},
    {"access", "what devices may do there (rw)", NULL, mapping_access_words},
};
JSON_KEY_TABLE(mapping_keys, "mapping", "A range of addresses that is mapped.",
               .required = {"iova", "length"});

static const struct json_key virtual_machine_keys_rows[] = {
    {"name", "of the virtual machine, and of its domain", SCHEMA_STRING, NULL},
    {"memory", "its RAM, laid out as a PC's: of more than 3.5GiB, 3GiB lie from 0 and the rest from 4GiB on",
     SCHEMA_SIZE, NULL},
    {"page_size",
     "of the host's pages behind its RAM (4KiB): the IOMMU maps it in these, or the largest smaller that the "
     "unit has",
     NULL, page_size_words},
    {"numa_node", "of the host, that its memory comes from (any)", SCHEMA_COUNT(0, 1023), NULL},
    {"populated",
     "its pages are there and cleared before they are pinned, as with preallocated huge pages (false)",
     SCHEMA_BOOLEAN, NULL},
    {"devices", "addresses of the functions it has from its start on", SCHEMA_LIST(SCHEMA_BDF), NULL},
    {"cpus", "CPUs of the machine that are its virtual CPUs, and when they run (absent: always)",
     SCHEMA_REF("virtual_cpus"), NULL},
    {"migration", "it is moved to another host during the run, with \"cpus\"", SCHEMA_REF("migration"), NULL},
    {"viommu",
     "an IOMMU of its own, which its kernel maps buffers in: none (default: its devices reach all of its "
     "RAM); "
     "shadowed, its hypervisor follows its tables (VT-d in caching mode, as QEMU emulates it); nested, the "
     "hardware walks them, and invalidations alone leave the guest (VT-d in scalable mode, SMMUv3); virtio, "
     "its kernel asks for each range (virtio-iommu)",
     NULL, viommu_kind_names},
    {"mode",
     "of its kernel's DMA API, with \"viommu\": lazy (default) or strict; passthrough, it maps nothing, as "
     "without one",
     NULL, guest_mode_words},
    {"assignment",
     "vfio (default): a whole group goes to one guest; legacy: function by function, as kernels up to 4.11 "
     "also could, whoever shares a requester id with it",
     NULL, guest_assignment_names},
    {"start",
     "it is started during the run, and its devices' streams begin when they are usable (absent: it "
     "runs when the run begins)",
     SCHEMA_TIME, NULL},
    {"cpu", "number of the CPU that does the host's work for it (that of the guest: 0 for the first, 1 ...)",
     SCHEMA_COUNT(0, 1023), NULL},
    {"hot_plug", "devices that come and go during the run", SCHEMA_LIST(SCHEMA_REF("hot_plug")), NULL},
};
JSON_KEY_TABLE(virtual_machine_keys, "virtual_machine",
               "A guest: its memory and the devices assigned to it, whose DMA uses guest physical addresses.",
               .required = {"name", "memory", "devices"});

static const struct json_key virtual_cpus_keys_rows[] = {
    {"first", "number of the first (0)", SCHEMA_COUNT(0, 1023), NULL},
    {"count", "how many", SCHEMA_COUNT(1, 1024), NULL},
    {"runs", "about so long each runs until others want its physical CPU, 1 us or more; with \"away\"",
     SCHEMA_TIME, NULL},
    {"away", "and then is off for about so long (absent: never)", SCHEMA_TIME, NULL},
    {"move_interval", "about so often each is moved to another physical CPU, 1 us or more (absent: never)",
     SCHEMA_TIME, NULL},
    {"sleep", "one that is idle halts: interrupts must wake it (false)", SCHEMA_BOOLEAN, NULL},
};
JSON_KEY_TABLE(
    virtual_cpus_keys, "virtual_cpus",
    "A guest's CPUs as the hypervisor schedules them; interrupts of its devices are posted to them.",
    .required = {"count"});

static const struct json_key migration_keys_rows[] = {
    {"time", "when it begins", SCHEMA_TIME, NULL},
    {"bandwidth", "of the network to the other host (100Gb/s)", SCHEMA_STRING, NULL},
    {"downtime", "allowed: what is left is sent with the guest stopped once it takes no longer (300ms)",
     SCHEMA_TIME, NULL},
    {"rounds", "at most; then the guest is stopped whatever is left (30)", SCHEMA_COUNT(1, 64), NULL},
    {"cpu_writes", "memory that its CPUs write anew, e.g. \"1GB/s\" (none)", SCHEMA_STRING, NULL},
    {"working_set", "they write no more than this in a round (all memory)", SCHEMA_SIZE, NULL},
    {"device_state", "of its devices, sent while the guest is stopped (1MiB)", SCHEMA_SIZE, NULL},
    {"split",
     "large pages of the IOMMU's tables are split to 4 KiB when it begins, so that a page that is written "
     "does "
     "not have all of a large one sent again (true)",
     SCHEMA_BOOLEAN, NULL},
};
JSON_KEY_TABLE(migration_keys, "migration",
               "A guest's live migration: memory is sent in rounds, by the dirty bits of the IOMMU.",
               .required = {"time"});

static const struct json_key hot_plug_keys_rows[] = {
    {"time", "when the host begins with it", SCHEMA_TIME, NULL},
    {"device", "address of the function", SCHEMA_BDF, NULL},
    {"action", "attach: the device comes to the guest; detach: it goes back to the host", NULL,
     hot_plug_action_words},
};
JSON_KEY_TABLE(hot_plug_keys, "hot_plug", "A device comes to a guest, or goes.",
               .required = {"time", "device", "action"});

static const struct json_key stream_keys_rows[] = {
    {"name", "of the stream; its random numbers follow from it and the seed", SCHEMA_STRING, NULL},
    {"device",
     "address of the function that issues (generator); \"any\": the first endpoint below a port that an "
     "IOMMU "
     "translates",
     "{\"anyOf\": [{\"const\": \"any\"}, " SCHEMA_BDF "]}", NULL},
    {"operation",
     "what is issued (generator); alternate: write, read, write ...; write-read: each operation is a write "
     "and "
     "right behind it a read of the same place, over when the read is",
     NULL, stream_operation_names},
    {"pattern", "order of addresses (generator; sequential)", NULL, address_pattern_names},
    {"base",
     "first address, as the device issues it (generator; the lowest mapping of the device's domain, or a "
     "free "
     "place in RAM where nothing is mapped)",
     SCHEMA_ADDRESS, NULL},
    {"window", "range of addresses from base on (generator; the length of that mapping)", SCHEMA_SIZE, NULL},
    {"size", "bytes of one operation, up to 4MiB (generator)", SCHEMA_SIZE, NULL},
    {"cache",
     "of the window, before the run: warm (default), the CPU has written it; cold, nothing of it is in the "
     "last-level cache (where that is simulated: memory/data_source cached)",
     NULL, stream_cache_words},
    {"stride", "distance of starts, for pattern strided", SCHEMA_SIZE, NULL},
    {"alignment", "starts are multiples of it from base on, for pattern random (the size)", SCHEMA_SIZE,
     NULL},
    {"operations", "how many are recorded, after the warm-up (generator); absent: until the duration is over",
     SCHEMA_OPERATIONS, NULL},
    {"warmup", "operations issued first and not recorded (0)",
     "{\"type\": \"integer\", \"minimum\": 0, \"maximum\": 1099511627776}", NULL},
    {"queue_depth", "closed loop: so many operations are under way", SCHEMA_COUNT(1, 65536), NULL},
    {"interval", "open loop: one operation each so often (generator)", SCHEMA_TIME, NULL},
    {"start", "when the stream begins (0ns)", SCHEMA_TIME, NULL},
    {"traffic_class", "of its requests (endpoint/traffic_class of the device)", SCHEMA_COUNT(0, 7), NULL},
    {"pasid", "that its requests carry (generator; none)", SCHEMA_COUNT(0, 1048575), NULL},
    {"cpu", "number of the CPU that maps and unmaps for the stream (0)", SCHEMA_COUNT(0, 1023), NULL},
    {"buffers",
     "of a generator: persistent (default), mapped before the run; per-use, memory is taken and mapped "
     "before each "
     "operation, and unmapped and given back after it (not in a domain of mode static); "
     "pooled, likewise, but buffers stay mapped and are used again, as from a page pool",
     NULL, stream_buffers_names},
    {"pieces",
     "of buffers per-use or pooled: an operation has so many buffers of equal length, each somewhere in "
     "memory; the "
     "device "
     "does one operation for each segment they make when mapped as a list (1)",
     SCHEMA_COUNT(1, 1024), NULL},
    {"zone",
     "of buffers per-use or pooled: the highest zone of memory they come from: normal (default), dma32, "
     "below 4 GiB, "
     "or dma, "
     "below 16 MiB",
     NULL, memory_zone_names},
    {"max_segment", "of buffers per-use or pooled, in pieces: the longest segment the device takes (64KiB)",
     SCHEMA_SIZE, NULL},
    {"interrupts",
     "of operation msi, where they are remapped: remapped (default), to a CPU; posted, into a descriptor "
     "that a CPU is "
     "notified of",
     NULL, stream_interrupts_words},
    {"affinity_interval",
     "of operation msi: software moves the interrupt to another CPU each so often, or as soon as the move "
     "before is over (never)",
     SCHEMA_TIME, NULL},
    {"misbehaviour",
     "what the device does that it should not: use-after-unmap, it accesses each buffer once more after it "
     "was "
     "unmapped; forged-translation, it sends its addresses as translated by ATS; keeps-translations, it "
     "answers "
     "invalidations of its device TLB but uses the entries all the same; never-answers, it does not even "
     "answer",
     NULL, misbehaviour_names},
    {"misbehaviour_delay", "of use-after-unmap: from the end of unmapping to the access (0ns)", SCHEMA_TIME,
     NULL},
    {"nic", "a network card with its driver, in place of a generator", SCHEMA_REF("nic"), NULL},
    {"nvme", "an NVMe device with its driver, in place of a generator", SCHEMA_REF("nvme"), NULL},
    {"copy_engine", "copy engines of a GPU with their driver, in place of a generator",
     SCHEMA_REF("copy_engine"), NULL},
    {"isochronous", "a device with data at fixed times, with its driver, in place of a generator",
     SCHEMA_REF("isochronous"), NULL},
    {"peer", "of copy engines: the function whose largest memory BAR copies go to", SCHEMA_BDF, NULL},
    {"trace", "path of a trace, from this file's folder, in place of a generator", SCHEMA_STRING, NULL},
    {"pace", "of a trace: by its time stamps (time, the default), or closed loop with queue_depth", NULL,
     trace_pace_words},
};
JSON_KEY_TABLE(stream_keys, "stream", "A source of operations: a generator on one function, or a trace.",
               .required = {"name"});

/* Their keys are the fields of the models, with defaults in the presets. */
static const struct json_key_table nic_keys = {.name = "nic",
                                               .help = "A network card with its driver: its own parameters "
                                                       "over those of the machine.",
                                               .fields = &nic_fields};
static const struct json_key_table nvme_keys = {
    .name = "nvme", .help = "An NVMe device with its driver.", .fields = &nvme_fields};
static const struct json_key_table copy_engine_keys = {
    .name = "copy_engine", .help = "Copy engines of a GPU with their driver.", .fields = &copy_engine_fields};
static const struct json_key_table isochronous_keys = {
    .name = "isochronous",
    .help = "A device that moves data at fixed times, with its driver.",
    .fields = &isochronous_fields};
const struct json_key_table *const device_key_tables[DEVICE_KINDS] = {
    [DEVICE_NIC] = &nic_keys,
    [DEVICE_NVME] = &nvme_keys,
    [DEVICE_COPY_ENGINE] = &copy_engine_keys,
    [DEVICE_ISOCHRONOUS] = &isochronous_keys,
};

static const struct json_key scenario_keys_rows[] = {
    {"$schema", "for editors; not looked at", SCHEMA_STRING, NULL},
    {"format", "what this file is", "{\"const\": \"iommusim-scenario/1\"}", NULL},
    {"name", "of the scenario", SCHEMA_STRING, NULL},
    {"source", "where it comes from, in words", SCHEMA_STRING, NULL},
    {"topology",
     "the machine: the path of a topology or dump from this file's folder, paths of dumps of one machine "
     "that "
     "are merged, or a topology itself",
     "{\"anyOf\": [" SCHEMA_STRING ", " SCHEMA_LIST(SCHEMA_STRING) ", {\"type\": \"object\"}]}", NULL},
    {"workload", "what runs: the path of a workload from this file's folder, or a workload itself",
     "{\"anyOf\": [" SCHEMA_STRING ", " SCHEMA_REF("workload") "]}", NULL},
    {"kernel", "in place of the topology's", SCHEMA_REF("kernel"), NULL},
    {"iommu", "which IOMMU the machine has (auto: what the topology says)", NULL, scenario_iommu_words},
    {"overrides",
     "values laid over the topology document, by JSON pointer or function address, or over the workload, by "
     "/workload and a pointer; null takes away",
     "{\"type\": \"object\"}", NULL},
    {"seed", "of the random streams (1)", "{\"type\": \"integer\", \"minimum\": 0}", NULL},
    {"report", "parts of the result (all)", SCHEMA_LIST(SCHEMA_REF("section")), NULL},
};
JSON_KEY_TABLE(scenario_keys, "scenario", "One run: a machine, a workload, what is changed, a seed.",
               .required = {"format"});

static const struct json_key scenario_kernel_keys_rows[] = {
    {"cmdline", "kernel command line, in place of the topology's", SCHEMA_STRING, NULL},
};
JSON_KEY_TABLE(scenario_kernel_keys, "kernel", "The operating system.", .fields = NULL);
