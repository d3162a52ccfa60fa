/* SPDX-License-Identifier: MIT */
/**
 * @file world.h
 * Worlds (`iommusim-world/1`): several machines, the network between them, and what crosses it. The format is
 * described in sim/input/README.md; the schema is sim/input/schema/world.schema.json.
 *
 * world_reader.c reads the document, the machines and the network, world_traffic.c ends, streams and
 * collectives.
 *
 * Codes: world-format, world-name, world-machines, world-function, world-mode, world-workload, world-network,
 * world-hosts, world-end, world-target, world-stream, world-collective, world-empty; beside those of
 * json_reader.h and of what reads topologies and workloads.
 */
#ifndef IOMMUSIM_INPUT_WORLD_H
#define IOMMUSIM_INPUT_WORLD_H

#include "sim/input/machine_input.h"
#include "sim/input/scenario.h"
#include "sim/input/workload.h"

enum { WORLD_MACHINES_MAX = 65536 };

/** Machines that are alike. */
struct world_machines {
    const char *name;
    uint32_t first, count; /**< numbers of the machines in the world */
    struct scenario
        *scenario; /**< topology, overrides, kernel command line, IOMMU; and the workload's path */
    struct machine_input *input;
    struct workload *workload;   /**< what each does beside; NULL: nothing */
    enum translation_mode mode;  /**< without a workload: of the one domain all functions are in */
    uint64_t page_bytes;         /**< of the mappings of memory and BARs that the world's transfers use */
    uint32_t *network_functions; /**< NICs, in order */
    uint32_t network_function_count;
    uint32_t first_host; /**< of the network: host of the first NIC of the first machine */
    const char *pointer;
};

enum world_network_kind { NETWORK_SWITCH, NETWORK_FAT_TREE, NETWORK_DRAGONFLY, NETWORK_PLATFORM };

enum { FAT_TREE_LEVELS_MAX = 8, DRAGONFLY_LEVELS = 3 };

/** What joins the machines: one host for each NIC. */
struct world_network {
    enum world_network_kind kind;
    uint64_t bandwidth_bytes_per_s, latency_ps; /**< of each link, each way; generated networks */
    uint32_t levels;                            /**< fat tree: from the hosts up */
    uint32_t down[FAT_TREE_LEVELS_MAX], up[FAT_TREE_LEVELS_MAX], parallel[FAT_TREE_LEVELS_MAX];
    uint32_t counts[DRAGONFLY_LEVELS], links[DRAGONFLY_LEVELS]; /**< groups, chassis, routers */
    uint32_t nodes;                                             /**< dragonfly: hosts of a router */
    struct source_text platform; /**< SimGrid XML; text NULL for generated ones */
    const char **hosts;          /**< platform: hosts in order of the NICs; NULL: all of it, by name */
    uint32_t host_count;
    const char *pointer;
};

/** Where a transfer begins or ends: a function of a machine, or its memory. */
struct world_end {
    uint32_t machine;
    uint32_t function_id; /**< NONE: memory */
};

struct world_ends {
    struct world_end *items;
    uint32_t count;
};

enum world_stream_kind {
    WORLD_RDMA_WRITE,    /**< from pushes to to */
    WORLD_RDMA_READ,     /**< to asks for it, from's NIC answers by itself */
    WORLD_KEY_VALUE,     /**< to asks, software beside from answers with a value */
    WORLD_NVME_OF_READ,  /**< to asks, the target's software has from (an SSD) fill a buffer and sends it */
    WORLD_NVME_OF_WRITE, /**< likewise, the other way: the target fetches the data and has the SSD read it */
};

enum world_pairing { PAIRING_ONE_TO_ONE, PAIRING_ALL, PAIRING_RANDOM };

/** Transfers between machines. Who begins them is from for WORLD_RDMA_WRITE, else to. */
struct world_stream {
    const char *name;
    enum world_stream_kind kind;
    struct world_ends from, to; /**< of the data */
    enum world_pairing pairing;
    uint64_t size_bytes;
    uint64_t messages;      /**< of each pair; random: of each who begins */
    uint32_t queue_depth;   /**< outstanding, of each pair or who begins */
    uint64_t request_bytes; /**< of what asks */
    uint64_t serve_ps;      /**< software beside from, for each request */
    uint32_t servers;       /**< requests served at a time, of each end that serves */
    uint32_t cpus;          /**< modes strict, lazy: over which mapping of memory at to is spread */
    const char *pointer;
};

enum world_collective_kind { COLLECTIVE_ALL_REDUCE, COLLECTIVE_ALL_TO_ALL };
enum world_algorithm { ALGORITHM_RING, ALGORITHM_TREE };

/** A collective of functions, one rank each, machine by machine and else in order. */
struct world_collective {
    const char *name;
    enum world_collective_kind kind;
    enum world_algorithm algorithm; /**< of an all-reduce */
    struct world_ends ranks;
    uint64_t size_bytes;              /**< of one rank's data */
    uint32_t repeat;                  /**< one after the other */
    uint32_t channels;                /**< rings or trees that share the data */
    uint64_t reduce_rate_bytes_per_s; /**< at which a rank adds up; 0: at once */
    uint64_t chunk_bytes;             /**< piece that goes on through the ranks by itself */
    const char *pointer;
};

/** What software costs, and how messages travel. Nothing is assumed: what is not given takes no time. */
struct world_software {
    uint64_t send_ps;            /**< a message handed over to its doorbell rung */
    uint64_t receive_ps;         /**< data there to seen by software */
    uint64_t segment_bytes;      /**< what a NIC moves as one */
    uint32_t segments_in_flight; /**< of one message */
};

struct world {
    struct arena *arena;
    struct source_text source; /**< the document */
    const char *path;
    const char *hash; /**< XXH3-128 of it, hexadecimal */
    const char *name; /**< or NULL */
    uint64_t seed;
    struct world_machines *groups;
    uint32_t group_count;
    uint32_t machine_count;
    uint32_t host_count; /**< NICs of all machines */
    struct world_network network;
    struct world_software software;
    struct world_stream *streams;
    uint32_t stream_count;
    struct world_collective *collectives;
    uint32_t collective_count;
};

/** Is the file a world? False, too, where it cannot be read. Standard input can be read again afterwards. */
bool world_recognise(const char *path);

/**
 * Read a world and the machines it names.
 * @param world  filled on success; free with world_free()
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics
 */
int world_load(const char *path, struct world **world, struct diagnostics *diagnostics);

/** The same of a text in memory (copied); its name says from where files are named. */
int world_load_source(const struct source_text *source, struct world **world,
                      struct diagnostics *diagnostics);

/** NULL is fine. */
void world_free(struct world *world);

/** The group a machine belongs to. */
const struct world_machines *world_group(const struct world *world, uint32_t machine);

/** The NIC by which an end speaks: the nearest in the tree, the one after the other among equally near ones;
 * a NIC itself for its own. Memory: the first, the one after the other by @p turn. */
uint32_t world_network_function(const struct world *world, struct world_end end, uint32_t turn);

/** The BAR by which peers write to a function: its largest memory BAR that has an address; NULL without. */
const struct bar *world_target_bar(const struct pci_function *function);

/** Append "box[3]/81:00.0", "box[3]/memory". */
void world_end_print(const struct world *world, struct world_end end, struct text_buffer *out);
/** Append "box[3]", or "box" where there is one of it. */
void world_machine_print(const struct world *world, uint32_t machine, struct text_buffer *out);

/** Words in input and output; each ends with NULL. ORDER: the enums. */
extern const char *const world_network_words[],
    *const world_stream_words[], *const world_pairing_words[], *const world_collective_words[],
                                                                   *const world_algorithm_words[];

/* Inside (world_traffic.c). */
struct json_node;
void world_read_traffic(struct world *world, const struct json_node *root);

#endif
