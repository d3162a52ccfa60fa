/* SPDX-License-Identifier: MIT */
#include "sim/input/topology_keys.h"

#include "sim/input/parameter_set.h"

const char *const topology_forms[] = {"short", "complete", NULL};
const char *const acs_state_words[] = {"firmware", "booted", NULL};
const char *const region_kind_words[] = {"direct", "direct-relaxable", "msi", "reserved", NULL};
const char *const bar_kind_words[] = {"io", "memory32", "memory64", NULL};
const char *const acs_bit_words[] = {"SV", "TB", "RR", "CR", "UF", "EC", "DT", "ES", NULL};
const char *const acs_control_words[] = {"SV",        "TB",        "RR",           "CR",        "UF",
                                         "EC",        "DT",        "IORB",         "DSP_MT_RB", "DSP_MT_RR",
                                         "USP_MT_RB", "USP_MT_RR", "UNCLAIMED_RR", "ES",        NULL};
const char *const peer_routing_words[] = {"none", "within", "all", NULL};

#define SCHEMA_WINDOW              "{\"type\": \"array\", \"items\": " SCHEMA_ADDRESS ", \"minItems\": 2, \"maxItems\": 2}"
#define SCHEMA_PRESETS             "{\"anyOf\": [" SCHEMA_STRING ", " SCHEMA_LIST(SCHEMA_STRING) "]}"
#define SCHEMA_ACS_BITS            "{\"anyOf\": [" SCHEMA_LIST(SCHEMA_REF("acs_bit")) ", " SCHEMA_ADDRESS "]}"
#define SCHEMA_ACS_CONTROL         "{\"anyOf\": [" SCHEMA_LIST(SCHEMA_REF("acs_control_bit")) ", " SCHEMA_ADDRESS "]}"
#define SCHEMA_PARAMETERS(section) "{\"$ref\": \"#/$defs/parameters/properties/" section "\"}"

static const struct json_key topology_keys_rows[] = {
    {"$schema", "for editors; not looked at", SCHEMA_STRING, NULL},
    {"format", "what this file is", "{\"const\": \"iommusim-topology/1\"}", NULL},
    {"form", "\"short\": what is left out has a usual value; \"complete\": it is unknown, absent or zero",
     NULL, topology_forms},
    {"name", "of the machine", SCHEMA_STRING, NULL},
    {"source", "where the machine comes from, in words", SCHEMA_STRING, NULL},
    {"preset", "presets laid over \"default\", later over earlier: names, or paths from this file's folder",
     SCHEMA_PRESETS, NULL},
    {"parameters", "values for the whole machine, over those of presets", SCHEMA_REF("parameters"), NULL},
    {"kernel", "the operating system", SCHEMA_REF("kernel"), NULL},
    {"acs_control",
     "what the ACS control bits are: as firmware left them (the kernel's enabling follows), or read "
     "on a running system",
     NULL, acs_state_words},
    {"platform", "what is told by neither functions nor tables", SCHEMA_REF("platform"), NULL},
    {"memory", "RAM", SCHEMA_LIST(SCHEMA_REF("memory_range")), NULL},
    {"iommus", "remapping units in the order of the firmware table; absent: not told; []: none",
     SCHEMA_LIST(SCHEMA_REF("iommu")), NULL},
    {"reserved_regions", "regions that firmware (RMRR, IVMD) or the user reserves",
     SCHEMA_LIST(SCHEMA_REF("reserved_region")), NULL},
    {"reported_groups", "what a running kernel showed of IOMMU groups beside their members (reported_group)",
     SCHEMA_LIST(SCHEMA_REF("reported_group")), NULL},
    {"host_bridges", "host bridges in firmware order, with the functions below them",
     "{\"type\": \"array\", \"items\": " SCHEMA_REF("host_bridge") ", \"minItems\": 1}", NULL},
};
JSON_KEY_TABLE(topology_keys, "topology", "A machine: functions, IOMMUs, memory, parameters.",
               .required = {"format", "host_bridges"});

static const struct json_key kernel_keys_rows[] = {
    {"cmdline", "kernel command line: its PCI and IOMMU words count", SCHEMA_STRING, NULL},
};
JSON_KEY_TABLE(kernel_keys, "kernel", "The operating system.", .fields = NULL);

static const struct json_key platform_keys_rows[] = {
    {"rcba_enabled",
     "Intel LPC bridge: root complex base address enabled (register f0h bit 0); absent: unknown",
     SCHEMA_BOOLEAN, NULL},
    {"interrupt_remapping",
     "the kernel said that it remaps interrupts, or that it does not; counts where no units are told; "
     "absent: "
     "it did not say",
     SCHEMA_BOOLEAN, NULL},
    {"default_passthrough",
     "the kernel said that default domains are identity, or that they are not, by its own choice; the "
     "command "
     "line comes first; absent: it did not say",
     SCHEMA_BOOLEAN, NULL},
    {"default_strict",
     "the kernel said that unmapping waits for the invalidation, or that it does not, by its own choice; the "
     "command line comes first; absent: it did not say",
     SCHEMA_BOOLEAN, NULL},
    {"root_complex_peer_to_peer",
     "the root complex routes memory requests between its root ports (short form: "
     "true)",
     SCHEMA_BOOLEAN, NULL},
    {"ivrs_aliases", "requester ids that firmware says functions use", SCHEMA_LIST(SCHEMA_REF("ivrs_alias")),
     NULL},
};
JSON_KEY_TABLE(platform_keys, "platform", "What is told by neither functions nor tables.", .fields = NULL);

static const struct json_key ivrs_alias_keys_rows[] = {
    {"function", "address of the function", SCHEMA_BDF, NULL},
    {"alias", "requester id its DMA carries, as an address", SCHEMA_BDF, NULL},
};
JSON_KEY_TABLE(ivrs_alias_keys, "ivrs_alias", "An alias entry of the IVRS table.",
               .required = {"function", "alias"});

static const struct json_key memory_range_keys_rows[] = {
    {"base", "first byte (0)", SCHEMA_ADDRESS, NULL},
    {"size", "bytes", SCHEMA_SIZE, NULL},
    {"numa_node", "node (0)", SCHEMA_COUNT(0, 1023), NULL},
};
JSON_KEY_TABLE(memory_range_keys, "memory_range", "A range of RAM.", .required = {"size"});

static const struct json_key iommu_keys_rows[] = {
    {"name", "e.g. \"dmar0\"", SCHEMA_STRING, NULL},
    {"kind", "which architecture", NULL, iommu_kind_names + 1},
    {"segment", "PCI segment: a number, or hexadecimal digits in a string (0)", SCHEMA_SEGMENT, NULL},
    {"include_all",
     "everything of the segment that no earlier unit claims (short form: true where there are no "
     "scopes)",
     SCHEMA_BOOLEAN, NULL},
    {"scopes", "what is behind this unit", SCHEMA_LIST(SCHEMA_REF("scope")), NULL},
    {"interrupt_remapping", "the unit remaps interrupts (short form: true; complete form: unknown)",
     SCHEMA_BOOLEAN, NULL},
    {"preset", "a preset for this unit alone", SCHEMA_STRING, NULL},
    {"parameters", "values for this unit alone", SCHEMA_PARAMETERS("iommu"), NULL},
};
JSON_KEY_TABLE(iommu_keys, "iommu", "A remapping unit.", .required = {"kind"});

static const struct json_key scope_keys_rows[] = {
    {"function", "one function", SCHEMA_BDF, NULL},
    {"bridge", "a bridge and all below it", SCHEMA_BDF, NULL},
    {"buses", "all functions on these buses, first and last", SCHEMA_BUSES, NULL},
    {"segment", "segment of the buses (that of the unit)", SCHEMA_SEGMENT, NULL},
};
JSON_KEY_TABLE(scope_keys, "scope", "Functions: the address of one, or an object.", .fields = NULL);

static const struct json_key region_keys_rows[] = {
    {"kind", "how the kernel treats it (direct)", NULL, region_kind_words},
    {"base", "first byte", SCHEMA_ADDRESS, NULL},
    {"limit", "last byte", SCHEMA_ADDRESS, NULL},
    {"scope", "to whom it applies", SCHEMA_REF("scope"), NULL},
    {"functions", "to which functions it applies", SCHEMA_LIST(SCHEMA_BDF), NULL},
    {"everyone", "it applies to all", SCHEMA_BOOLEAN, NULL},
};
JSON_KEY_TABLE(region_keys, "reserved_region", "A region of IO addresses that is not free.",
               .required = {"base", "limit"});

static const struct json_key host_bridge_keys_rows[] = {
    {"segment", "PCI segment: a number, or hexadecimal digits in a string (0)", SCHEMA_SEGMENT, NULL},
    {"bus", "root bus (00)", SCHEMA_BUS, NULL},
    {"bus_end", "last bus number it owns (up to the next host bridge)", SCHEMA_BUS, NULL},
    {"numa_node", "node (0)", SCHEMA_COUNT(0, 1023), NULL},
    {"found", "nobody stated it: a dump shows functions on a bus that nothing leads to (false)",
     SCHEMA_BOOLEAN, NULL},
    {"peer_to_peer",
     "where the root complex routes requests of devices below: not between ports, between ports of this host "
     "bridge, or also to others (what platform.root_complex_peer_to_peer says: all or none)",
     NULL, peer_routing_words},
    {"vmd", "address of the VMD endpoint that emulates it", SCHEMA_BDF, NULL},
    {"windows", "memory routed to it (what is below it)", SCHEMA_LIST(SCHEMA_REF("host_window")), NULL},
    {"functions", "functions on the root bus", SCHEMA_LIST(SCHEMA_REF("function")), NULL},
};
JSON_KEY_TABLE(host_bridge_keys, "host_bridge", "A host bridge and its root bus.", .fields = NULL);

static const struct json_key host_window_keys_rows[] = {
    {"base", "first byte", SCHEMA_ADDRESS, NULL},
    {"limit", "last byte", SCHEMA_ADDRESS, NULL},
};
JSON_KEY_TABLE(host_window_keys, "host_window", "A range of memory addresses.",
               .required = {"base", "limit"});

static const struct json_key reported_group_keys_rows[] = {
    {"group", "its number", SCHEMA_COUNT(0, 999999999), NULL},
    {"type", "of its default domain, in the kernel's word: DMA, DMA-FQ, identity", SCHEMA_STRING, NULL},
    {"reserved", "its reserved regions as the kernel printed them",
     SCHEMA_LIST(SCHEMA_REF("reported_region")), NULL},
};
JSON_KEY_TABLE(reported_group_keys, "reported_group",
               "What a running kernel showed of a group beside its members.", .required = {"group"});

static const struct json_key reported_region_keys_rows[] = {
    {"base", "first byte", SCHEMA_ADDRESS, NULL},
    {"limit", "last byte", SCHEMA_ADDRESS, NULL},
    {"type", "the kernel's word: direct, direct-relaxable, msi, reserved", SCHEMA_STRING, NULL},
};
JSON_KEY_TABLE(reported_region_keys, "reported_region", "A reserved region of a group.",
               .required = {"base", "limit", "type"});

static const struct json_key function_keys_rows[] = {
    {"address",
     "\"0000:3b:00.0\"; \"3b:00.0\"; \"1c.0\", the bus follows from the place; \".1\", in the slot of the "
     "function "
     "before; absent: all automatic",
     "{\"type\": \"string\", \"pattern\": "
     "\"^(([0-9a-fA-F]{1,8}:)?[0-9a-fA-F]{1,2}:)?([01]?[0-9a-fA-F])?\\\\.[0-7]$\"}",
     NULL},
    {"kind", "what it is (what usually is at its place); pcie-type-N for reserved device/port types",
     SCHEMA_REF("function_kind"), NULL},
    {"header_type", "layout of the header where it is not what the kind says", SCHEMA_COUNT(0, 127), NULL},
    {"id", "vendor and device id; either or both may be \"unknown\" (those of a QEMU device)", SCHEMA_IDS,
     NULL},
    {"subsystem", "subsystem vendor and device id", SCHEMA_IDS, NULL},
    {"class", "class code, four or six digits",
     "{\"type\": \"string\", \"pattern\": \"^([0-9a-fA-F]{4}|[0-9a-fA-F]{6})$\"}", NULL},
    {"revision", "revision id", "{\"type\": \"string\", \"pattern\": \"^[0-9a-fA-F]{1,2}$\"}", NULL},
    {"multifunction", "header bit 7 (set where the slot has further functions)", SCHEMA_BOOLEAN, NULL},
    {"name", "in words", SCHEMA_STRING, NULL},
    {"driver", "driver bound; \"\" none; absent: unknown", SCHEMA_STRING, NULL},
    {"count", "so many of it, with all below (1)", SCHEMA_COUNT(1, 65536), NULL},
    {"bifurcation",
     "of a port (short form): the lanes of its slot divided among so many ports, at its address and the "
     "functions behind "
     "it, or each at a place of its own; each of \"functions\" is below one of them; the link's width is "
     "that of the slot "
     "(16)",
     SCHEMA_LIST("{\"enum\": [1, 2, 4, 8, 16, 32]}"), NULL},
    {"bus_master", "command register bit 2 (short form: true)", SCHEMA_BOOLEAN, NULL},
    {"memory_space", "command register bit 1: BARs decode (short form: true)", SCHEMA_BOOLEAN, NULL},
    {"io_space_disabled", "command register bit 0 is clear: I/O BARs and windows do not decode (false)",
     SCHEMA_BOOLEAN, NULL},
    {"bars", "base address registers: sizes, or objects (short form: one of 64 KiB on what is no bridge)",
     SCHEMA_LIST(SCHEMA_REF("bar")), NULL},
    {"buses", "of a bridge: secondary and subordinate bus number (automatic)", SCHEMA_BUSES, NULL},
    {"windows", "of a bridge (what is below it)", SCHEMA_REF("windows"), NULL},
    {"link",
     "the link below a root or downstream port, else the link it hangs on (short form: 8GT/s, 8 lanes; what "
     "one end says holds for both)",
     SCHEMA_REF("link"), NULL},
    {"max_payload_supported", "bytes (short form: 256)", SCHEMA_COUNT(128, 16384), NULL},
    {"max_payload", "MPS in bytes (short form: 256)", SCHEMA_COUNT(128, 16384), NULL},
    {"max_read_request", "MRRS in bytes (short form: 512)", SCHEMA_COUNT(128, 16384), NULL},
    {"extended_tags", "8-bit tags are enabled (short form: true)", SCHEMA_BOOLEAN, NULL},
    {"port_number", "LnkCap Port Number, by which egress control vectors select ports (device number)",
     SCHEMA_COUNT(0, 255), NULL},
    {"registers", "what control registers let it do (nobody has shown them)", SCHEMA_REF("registers"), NULL},
    {"translation_registers", "what its ATS, PRI and PASID capabilities say (nobody has shown them)",
     SCHEMA_REF("translation_registers"), NULL},
    {"ari", "has an ARI capability", SCHEMA_BOOLEAN, NULL},
    {"ari_next_function", "next function of the ARI device", SCHEMA_COUNT(0, 255), NULL},
    {"ari_acs_groups",
     "of function 0: egress control vectors of the device select function groups (ACS Function Groups "
     "Enable)",
     SCHEMA_BOOLEAN, NULL},
    {"ari_function_group", "Function Group of the ARI function", SCHEMA_COUNT(0, 7), NULL},
    {"ari_forwarding", "of a port: ARI forwarding is enabled", SCHEMA_BOOLEAN, NULL},
    {"no_atomic_routing", "of a port: it routes no AtomicOps (false: it does, or nobody knows)",
     SCHEMA_BOOLEAN, NULL},
    {"atomic_egress_blocking", "of a port: AtomicOps that leave by it are blocked", SCHEMA_BOOLEAN, NULL},
    {"acs",
     "Access Control Services: \"none\"; \"unknown\"; \"present\", registers not shown; a list of the "
     "capability's "
     "bits; an object",
     SCHEMA_REF("acs"), NULL},
    {"ats", "has an ATS capability", SCHEMA_BOOLEAN, NULL},
    {"ats_enabled", "ATS is enabled", SCHEMA_BOOLEAN, NULL},
    {"pri", "has a page request capability", SCHEMA_BOOLEAN, NULL},
    {"pasid", "has a PASID capability", SCHEMA_BOOLEAN, NULL},
    {"sriov", "SR-IOV capability", SCHEMA_REF("sriov"), NULL},
    {"pcix", "conventional function with a PCI-X capability", SCHEMA_BOOLEAN, NULL},
    {"capabilities_hidden", "the input hid capabilities: the kind is a guess", SCHEMA_BOOLEAN, NULL},
    {"dma_mask_bits", "DMA mask its driver sets", SCHEMA_COUNT(24, 64), NULL},
    {"aliases", "further requester ids on its bus: \"00.1\"", SCHEMA_LIST(SCHEMA_STRING), NULL},
    {"external_facing", "firmware says that the port leads outside (Thunderbolt)", SCHEMA_BOOLEAN, NULL},
    {"untrusted", "the kernel does not trust it", SCHEMA_BOOLEAN, NULL},
    {"observed", "read from text that people passed on: a contradiction of addresses is only worth a warning",
     SCHEMA_BOOLEAN, NULL},
    {"reported_group", "IOMMU group the machine's own kernel reported", SCHEMA_COUNT(0, 4294967294), NULL},
    {"switch", "of an upstream port: parameters of its switch", SCHEMA_PARAMETERS("switch"), NULL},
    {"bridge", "of a bridge to conventional PCI: parameters", SCHEMA_PARAMETERS("bridge"), NULL},
    {"endpoint", "parameters of its DMA engine", SCHEMA_PARAMETERS("endpoint"), NULL},
    {"functions", "functions on the bus below", SCHEMA_LIST(SCHEMA_REF("function")), NULL},
};
JSON_KEY_TABLE(function_keys, "function", "A PCI function, and what is below it.", .fields = NULL);

static const struct json_key function_link_keys_rows[] = {
    {"speed", "of the running link", SCHEMA_SPEED, NULL},
    {"width", "lanes of the running link", SCHEMA_LANES, NULL},
    {"maximum_speed", "what the port could do", SCHEMA_SPEED, NULL},
    {"maximum_width", "what the port could do", SCHEMA_LANES, NULL},
};
JSON_KEY_TABLE(function_link_keys, "link", "A link, and its parameters where they are not the machine's.",
               .fields = &link_fields);

static const struct json_key bar_keys_rows[] = {
    {"index", "register, or \"rom\" (the lowest free one)",
     "{\"anyOf\": [{\"const\": \"rom\"}, " SCHEMA_COUNT(0, 5) "]}", NULL},
    {"kind", "address space and width (memory64 where prefetchable, else memory32)", NULL, bar_kind_words},
    {"prefetchable", "reads have no side effects (false)", SCHEMA_BOOLEAN, NULL},
    {"address", "first byte (short form: automatic; complete: unassigned)", SCHEMA_ADDRESS, NULL},
    {"size", "a power of two; 0 or absent: unknown", SCHEMA_SIZE, NULL},
};
JSON_KEY_TABLE(bar_keys, "bar", "A base address register: its size, or an object.", .fields = NULL);

static const struct json_key windows_keys_rows[] = {
    {"memory", "first and last byte", SCHEMA_WINDOW, NULL},
    {"prefetchable", "first and last byte", SCHEMA_WINDOW, NULL},
    {"io", "first and last port", SCHEMA_WINDOW, NULL},
};
JSON_KEY_TABLE(windows_keys, "windows", "Windows of a bridge.", .fields = NULL);

static const struct json_key acs_keys_rows[] = {
    {"capability", "capability bits, as names or a number", SCHEMA_ACS_BITS, NULL},
    {"control", "control bits (short form: none as firmware leaves them, or what the kernel enables)",
     SCHEMA_ACS_CONTROL, NULL},
    {"egress_vector",
     "egress control vector: bits 0 to 31, or a list of up to eight such dwords; Intel's control dword",
     "{\"anyOf\": [" SCHEMA_ADDRESS ", {\"type\": \"array\", \"items\": " SCHEMA_ADDRESS
     ", \"minItems\": 1, \"maxItems\": 8}]}",
     NULL},
};
JSON_KEY_TABLE(acs_keys, "acs", "Access Control Services.", .required = {"capability"});

static const struct json_key sriov_keys_rows[] = {
    {"total_vfs", "most there can be (short form: num_vfs)", SCHEMA_COUNT(0, 65535), NULL},
    {"num_vfs", "how many there are", SCHEMA_COUNT(0, 65535), NULL},
    {"enabled", "VF Enable (short form: true where num_vfs is not 0)", SCHEMA_BOOLEAN, NULL},
    {"first_vf_offset", "routing id distance of the first (short form: automatic)", SCHEMA_COUNT(0, 65535),
     NULL},
    {"vf_stride", "routing id distance of the others (short form: automatic)", SCHEMA_COUNT(0, 65535), NULL},
    {"vf_device", "device id (short form: that of the physical function)",
     "{\"type\": \"string\", \"pattern\": \"^[0-9a-fA-F]{1,4}$\"}", NULL},
    {"vf_bars", "BARs of the capability: address of the first VF's, size of one (short form: one of 16 KiB)",
     SCHEMA_LIST(SCHEMA_REF("bar")), NULL},
    {"virtual_functions", "the VFs with their full addresses (made from the registers)",
     SCHEMA_LIST(SCHEMA_REF("function")), NULL},
};
JSON_KEY_TABLE(sriov_keys, "sriov", "SR-IOV capability.", .fields = NULL);

static const struct json_key preset_keys_rows[] = {
    {"$schema", "for editors; not looked at", SCHEMA_STRING, NULL},
    {"format", "what this file is", "{\"const\": \"iommusim-preset/1\"}", NULL},
    {"name", "of the preset", SCHEMA_STRING, NULL},
    {"summary", "one sentence", SCHEMA_STRING, NULL},
    {"parameters", "values, each with its source", SCHEMA_REF("parameters"), NULL},
};
JSON_KEY_TABLE(preset_keys, "preset", "Named parameter values, each with its source.",
               .required = {"format", "parameters"});
