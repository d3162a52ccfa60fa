/* SPDX-License-Identifier: MIT */
/**
 * @file topology_writer.h
 * A topology as JSON (`iommusim-topology/1`) in the complete form: loading the text gives the same machine.
 *
 * Not written: what follows from the rest (ids, tree, processing order), and raw configuration space. Of that
 * a few places read what has no field (NpCache of an AMD unit in iommu_platform.c, port numbers in fabric.c,
 * link capabilities in groups_nodedev.c); no importer fills it in, so that a dump and its JSON answer alike.
 */
#ifndef IOMMUSIM_INPUT_TOPOLOGY_WRITER_H
#define IOMMUSIM_INPUT_TOPOLOGY_WRITER_H

#include "sim/base/text_buffer.h"
#include "sim/input/machine_input.h"
#include "sim/topology/topology.h"

/** Append @p topology to @p out. */
void topology_write(const struct topology *topology, struct text_buffer *out);

/** The same with all parameters that differ from the preset "default" and the preset of the unit's kind. */
void machine_write(const struct machine_input *input, struct text_buffer *out);

/* Between the parts of the writer. */

struct json_layout;

/** The functions of bus @p bus_id and all below, as elements of the array being written. */
void write_bus(struct json_layout *layout, const struct topology *topology, const struct machine_input *input,
               uint32_t bus_id);

/** The member "parameters" of the machine (nothing where all are defaults). */
void write_machine_parameters(struct json_layout *layout, const struct machine_input *input);
/** The member "parameters" of unit @p unit_id (likewise). */
void write_unit_parameters(struct json_layout *layout, const struct machine_input *input, uint32_t unit_id);
/** Members that set the fields of @p table in which @p parameters differ from the machine's values, but for
 * what follows from registers. @param owner  pointer of the function whose they are; NULL: no registers say
 * anything of them */
void write_own_parameters(struct json_layout *layout, const struct machine_input *input, const char *key,
                          const char *owner, const void *parameters);
/** The same as `, "name": value` pieces inside an object under construction. */
void append_own_parameters(struct text_buffer *out, const struct machine_input *input, const char *section,
                           const char *owner, const void *parameters);

#endif
