/* SPDX-License-Identifier: MIT */
/**
 * @file machine_parameters_load.h
 * The parameters in force for each link, switch and unit of a loaded topology.
 */
#ifndef IOMMUSIM_INPUT_MACHINE_PARAMETERS_LOAD_H
#define IOMMUSIM_INPUT_MACHINE_PARAMETERS_LOAD_H

#include "sim/input/json_reader.h"
#include "sim/input/machine_input.h"
#include "sim/input/topology_reader.h"

struct text_buffer;

/**
 * Fill input->parameters, unit_defaults, origins.
 * @param input      its topology is loaded and owns the arena
 * @param document   the topology file as JSON, or NULL for dumps and one-line machines: presets alone
 * @param overrides  from topology_read(), ascending by owner
 * @param path       of the topology file, where presets named by relative paths are looked for
 * @param content    takes the bytes of preset files read, for the hash
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics
 */
int machine_parameters_load(struct machine_input *input, const struct json_document *document,
                            const struct parameter_override *overrides, size_t override_count,
                            const char *path, struct text_buffer *content, struct diagnostics *diagnostics);

/** For a document whose topology is wrong anyway: report what is wrong with its presets and parameters, too.
 */
void machine_parameters_check(const struct json_document *document, const char *path);

#endif
