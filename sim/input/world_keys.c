/* SPDX-License-Identifier: MIT */
#include "sim/input/world_keys.h"

#include "sim/input/world.h"
#include "sim/input/workload_keys.h"

/* ORDER: enum world_network_kind and so on */
const char *const world_network_words[] = {"switch", "fat-tree", "dragonfly", "platform", NULL};
const char *const world_stream_words[] = {"rdma-write",   "rdma-read",     "key-value",
                                          "nvme-of-read", "nvme-of-write", NULL};
const char *const world_pairing_words[] = {"one-to-one", "all", "random", NULL};
const char *const world_collective_words[] = {"all-reduce", "all-to-all", NULL};
const char *const world_algorithm_words[] = {"ring", "tree", NULL};

#define SCHEMA_DURATION "{\"type\": \"string\", \"pattern\": \"^[0-9]+(\\\\.[0-9]+)? *(ps|ns|us|ms|s)$\"}"
#define SCHEMA_RATE                                                                                          \
    "{\"type\": \"string\", \"pattern\": \"^[0-9]+(\\\\.[0-9]+)? *(B/s|[KMG]i?B/s|[KMG]b/s)$\"}"
#define SCHEMA_FILES "{\"anyOf\": [" SCHEMA_STRING ", " SCHEMA_LIST(SCHEMA_STRING) "]}"
#define SCHEMA_LEVELS                                                                                        \
    "{\"type\": \"array\", \"items\": " SCHEMA_COUNT(1, 65536) ", \"minItems\": 1, \"maxItems\": 8}"
#define SCHEMA_ENDS "{\"anyOf\": [" SCHEMA_STRING ", " SCHEMA_LIST(SCHEMA_STRING) "]}"
#define HELP_ENDS                                                                                            \
    "one or more of MACHINES/FUNCTION or MACHINES/memory; MACHINES is a name, or one with [3], [0-7] or "    \
    "[*] "                                                                                                   \
    "behind it"

static const struct json_key world_keys_rows[] = {
    {"$schema", "for editors; not looked at", SCHEMA_STRING, NULL},
    {"format", "what this file is", "{\"const\": \"iommusim-world/1\"}", NULL},
    {"name", "of the world", SCHEMA_STRING, NULL},
    {"source", "where it comes from, in words", SCHEMA_STRING, NULL},
    {"seed", "of the random streams (1)", "{\"type\": \"integer\", \"minimum\": 0}", NULL},
    {"machines", "the machines, those that are alike together",
     "{\"type\": \"array\", \"items\": " SCHEMA_REF("machines") ", \"minItems\": 1}", NULL},
    {"network", "what joins them; absent: nothing leaves its machine", SCHEMA_REF("network"), NULL},
    {"software", "what software costs, and how messages travel", SCHEMA_REF("software"), NULL},
    {"streams", "transfers between machines", SCHEMA_LIST(SCHEMA_REF("world_stream")), NULL},
    {"collectives", "all-reduce and the like", SCHEMA_LIST(SCHEMA_REF("collective")), NULL},
};
JSON_KEY_TABLE(world_keys, "world", "Machines, the network between them, and what crosses it.",
               .required = {"format", "machines"});

static const struct json_key world_machines_keys_rows[] = {
    {"name", "of one of them, with [0], [1], ... behind it", SCHEMA_STRING, NULL},
    {"count", "how many (1)", SCHEMA_COUNT(1, 65536), NULL},
    {"topology", "file from this one's folder, dumps of one machine, or \"synthetic:...\"", SCHEMA_FILES,
     NULL},
    {"overrides", "values laid over the topology: JSON pointer -> value", "{\"type\": \"object\"}", NULL},
    {"cmdline", "kernel command line in place of the topology's", SCHEMA_STRING, NULL},
    {"iommu", "in place of the machine's own", NULL, scenario_iommu_words},
    {"network_functions",
     "addresses of the NICs by which it speaks, each one host of the network; absent: it does not",
     "{\"type\": \"array\", \"items\": " SCHEMA_BDF ", \"minItems\": 1}", NULL},
    {"mode",
     "of the one domain all functions are in (static): strict and lazy map and unmap each buffer in memory",
     NULL, translation_mode_names},
    {"workload", "file of DMA that each does beside, with its domains, in place of mode", SCHEMA_STRING,
     NULL},
    {"page_size", "of what is mapped for transfers (4KiB)", NULL, page_size_words},
};
JSON_KEY_TABLE(world_machines_keys, "machines", "Machines that are alike.", .required = {"name", "topology"});

static const struct json_key world_network_keys_rows[] = {
    {"kind", "switch: one, with a link to every NIC; or generated trees; or a platform file", NULL,
     world_network_words},
    {"bandwidth", "of each link, each way", SCHEMA_RATE, NULL},
    {"latency", "of each link; two links are between NICs of one switch", SCHEMA_DURATION, NULL},
    {"down", "fat tree: children of a switch, from the NICs up", SCHEMA_LEVELS, NULL},
    {"up", "fat tree: parents of a child", SCHEMA_LEVELS, NULL},
    {"parallel", "fat tree: links between a child and a parent (1)", SCHEMA_LEVELS, NULL},
    {"groups", "dragonfly", SCHEMA_COUNT(1, 65536), NULL},
    {"chassis", "dragonfly: of a group", SCHEMA_COUNT(1, 65536), NULL},
    {"routers", "dragonfly: of a chassis", SCHEMA_COUNT(1, 65536), NULL},
    {"nodes", "dragonfly: NICs of a router", SCHEMA_COUNT(1, 65536), NULL},
    {"links", "dragonfly: between groups, chassis, routers (1, 1, 1)",
     "{\"type\": \"array\", \"items\": " SCHEMA_COUNT(1, 65536) ", \"minItems\": 3, \"maxItems\": 3}", NULL},
    {"platform", "SimGrid XML file, in SI units", SCHEMA_STRING, NULL},
    {"hosts", "platform: its hosts in order of the NICs (all, by name)", SCHEMA_LIST(SCHEMA_STRING), NULL},
};
JSON_KEY_TABLE(world_network_keys, "network", "The network: one host for each NIC.", .required = {"kind"});

static const struct json_key world_software_keys_rows[] = {
    {"send", "a message handed over to its doorbell rung (0ns)", SCHEMA_DURATION, NULL},
    {"receive", "data there to seen by software (0ns)", SCHEMA_DURATION, NULL},
    {"segment", "what a NIC moves as one: read from its machine, then sent, then written (64KiB)",
     SCHEMA_SIZE, NULL},
    {"segments_in_flight", "of one message, at each side (4)", SCHEMA_COUNT(1, 1024), NULL},
};
JSON_KEY_TABLE(world_software_keys, "software", "What software costs, and how messages travel.",
               .fields = NULL);

static const struct json_key world_stream_keys_rows[] = {
    {"name", "of the stream", SCHEMA_STRING, NULL},
    {"kind",
     "rdma-write: from pushes; rdma-read: to fetches; key-value: to asks software beside from; nvme-of-read, "
     "nvme-of-write: to has an SSD, from, read or write over the network",
     NULL, world_stream_words},
    {"from", "where the data, or the SSD, is: " HELP_ENDS, SCHEMA_ENDS, NULL},
    {"to", "where the data goes, or for nvme-of-write comes from: " HELP_ENDS, SCHEMA_ENDS, NULL},
    {"pairing",
     "one-to-one: the first with the first and so on, the shorter list again and again (one-to-one); all: "
     "each with each; random: another one for every message",
     NULL, world_pairing_words},
    {"size", "of one message", SCHEMA_SIZE, NULL},
    {"messages", "of each pair; random: of each that begins (1)", SCHEMA_COUNT(1, 1000000000), NULL},
    {"queue_depth", "outstanding, of each pair; random: of each that begins (1)", SCHEMA_COUNT(1, 4096),
     NULL},
    {"request_size", "of what asks (64B)", SCHEMA_SIZE, NULL},
    {"serve", "software beside from, for each request (0ns)", SCHEMA_DURATION, NULL},
    {"servers", "requests served at a time, of each end that serves (1)", SCHEMA_COUNT(1, 1024), NULL},
    {"cpus", "modes strict and lazy: that map and unmap memory at to (1)", SCHEMA_COUNT(1, 256), NULL},
};
JSON_KEY_TABLE(world_stream_keys, "world_stream", "Transfers between functions of different machines.",
               .required = {"name", "from", "to", "size"});

static const struct json_key world_collective_keys_rows[] = {
    {"name", "of the collective", SCHEMA_STRING, NULL},
    {"kind", "all-reduce or all-to-all", NULL, world_collective_words},
    {"algorithm", "of an all-reduce (ring)", NULL, world_algorithm_words},
    {"functions", "the ranks, machine by machine and else in order: " HELP_ENDS, SCHEMA_ENDS, NULL},
    {"size", "of one rank's data", SCHEMA_SIZE, NULL},
    {"repeat", "how often, one after the other (1)", SCHEMA_COUNT(1, 1000000), NULL},
    {"channels", "rings that share the data; each leaves a machine by another rank and so by another NIC (1)",
     SCHEMA_COUNT(1, 64), NULL},
    {"reduce_rate", "at which a rank adds up what it received; absent: at once", SCHEMA_RATE, NULL},
    {"chunk", "piece that goes on by itself: a rank passes it on once it is there whole (512KiB)",
     SCHEMA_SIZE, NULL},
};
JSON_KEY_TABLE(world_collective_keys, "collective", "A collective of functions, one rank each.",
               .required = {"name", "kind", "functions", "size"});
