/* SPDX-License-Identifier: MIT */
/**
 * @file function_registers.h
 * The members "registers" and "translation_registers" of a function in topology files, and what follows from
 * both for the parameters of its DMA engine.
 */
#ifndef IOMMUSIM_INPUT_FUNCTION_REGISTERS_H
#define IOMMUSIM_INPUT_FUNCTION_REGISTERS_H

#include "models/device/dma_engine.h"
#include "sim/input/json_keys.h"
#include "sim/input/json_layout.h"
#include "sim/topology/topology.h"

extern const struct json_key_table device_register_keys, translation_register_keys;

/** Read both objects of a function, where given. */
void read_registers(const struct json_node *function_node, struct pci_function *function);

/** Write those members that are neither false nor zero. */
void write_registers(struct json_layout *layout, const struct pci_function *function);

/**
 * Set what a function's registers say of its DMA engine: how many tags there are, how long it waits for a
 * completion, how many page requests it may have outstanding, which ordering attributes it may use. Registers
 * that nobody has shown change nothing.
 */
void registers_settle(const struct topology *topology, const struct pci_function *function,
                      struct dma_engine_parameters *parameters);

/** Where such values come from, in the lists of parameters in force. */
#define REGISTERS_FROM "configuration space"

#endif
