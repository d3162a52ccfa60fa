/* SPDX-License-Identifier: MIT */
/**
 * @file topology_reader.h
 * A topology from JSON (`iommusim-topology/1`). What may be written, and what stands for what is left out, is
 * in sim/input/README.md; the schema is sim/input/schema/topology.schema.json.
 *
 * topology_reader.c reads the document and the host bridges, function_reader.c a function and what is below
 * it, function_parts.c its BARs, windows, link, ACS and SR-IOV, unit_reader.c remapping units, reserved
 * regions, aliases and memory, topology_reader_check.c compares file and tree. They share struct
 * topology_reading.
 */
#ifndef IOMMUSIM_INPUT_TOPOLOGY_READER_H
#define IOMMUSIM_INPUT_TOPOLOGY_READER_H

#include "sim/input/json_keys.h"
#include "sim/input/json_reader.h"
#include "sim/input/parameter_set.h"
#include "sim/topology/topology_build.h"

#include <stdlib.h>

/** Parameters stated at a function or unit, to be laid over the machine's once ids are known. */
struct parameter_override {
    const char *owner; /**< JSON pointer of the function or unit; the topology's arena */
    enum parameter_section section;
    const struct cJSON *value; /**< the object that holds them */
};

/** A function whose address the file states, for references. */
struct stated_address {
    uint32_t segment;
    uint8_t bus, devfn;
    uint32_t index; /**< in the builder */
};

/** What the parts of the reader share. */
struct topology_reading {
    const struct json_document *document;
    struct topology_builder *builder;
    struct topology *topology; /**< the builder's */
    struct arena *arena;       /**< the topology's */
    bool complete;             /**< "form": "complete": nothing is assumed for what is left out */
    struct parameter_override *overrides;
    size_t override_count, override_capacity;
    struct stated_address *addresses;
    size_t address_count, address_capacity;
};

/**
 * Read a topology document.
 * @param document   parsed; must outlive the use of @p overrides
 * @param overrides  filled in on success, ascending by owner; free with free()
 * @return the topology, or NULL after diagnostics
 */
struct topology *topology_read(const struct json_document *document, struct parameter_override **overrides,
                               size_t *override_count);

/* The rest is for the parts of the reader. */

enum { SLOT_LANES_MAX = 32 };

/** A function's place in the file while it is read. */
struct function_place {
    uint32_t host_bridge;
    uint32_t segment;
    uint32_t parent;        /**< builder index of the bridge above; NONE on a root bus */
    uint32_t pf;            /**< builder index of the physical function a VF belongs to, else NONE */
    bool parent_link_given; /**< the port above says what its link is */
    bool first_of_bus;      /**< no sibling was read before */
};

void read_functions(struct topology_reading *reading, const struct json_node *array,
                    struct function_place place);

/** Parts of a function; each reports what is wrong and leaves defaults in place. */
void read_bars(const struct json_node *array, struct bar *bars, unsigned count);
void read_windows(const struct json_node *node, struct pci_function *function);
/** @return true if speed or width is given */
bool read_link(const struct json_node *node, struct pci_function *function, bool complete);
void read_acs(const struct topology_reading *reading, const struct json_node *node,
              struct pci_function *function);
/** The ports that the lanes of one slot are divided among. */
struct bifurcation {
    uint32_t ports; /**< 0: it is one port's */
    uint8_t lanes[SLOT_LANES_MAX];
};

/**
 * Read "bifurcation" of a port, whose link says how many lanes the slot has (16 where it does not say).
 * @param first       place of the first port: the others are the functions behind it
 * @return false after an error
 */
bool read_bifurcation(const struct json_node *node, const struct pci_function *port,
                      const struct placement *first, struct bifurcation *bifurcation);

void read_sriov(const struct json_node *node, struct pci_function *function, bool complete);

/** Remember parameters stated at @p owner if @p node is given (@p owner NULL: only check them). Their names
 * are checked against the section's fields, or @p beside, which has them too. */
void keep_override(struct topology_reading *reading, const struct json_node *owner,
                   const struct json_node *node, enum parameter_section section,
                   const struct json_key_table *beside);

void read_units(struct topology_reading *reading, const struct json_node *root);
void read_reserved_regions(struct topology_reading *reading, const struct json_node *root);
void read_ivrs_aliases(struct topology_reading *reading, const struct json_node *array);
void read_memory(struct topology_reading *reading, const struct json_node *root);

/** Compare the shape of the file with the tree that came of the addresses it states. False after errors. */
bool topology_reader_check(const struct json_document *document, const struct topology *topology);

/** "segment": a whole number, or hexadecimal digits in a string as in an address. */
bool read_segment(const struct json_node *object, uint32_t *segment);

/** A bus number: two hexadecimal digits in a string. */
bool read_bus(const struct json_node *node, uint8_t *bus);

#endif
