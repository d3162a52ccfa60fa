/* SPDX-License-Identifier: MIT */
/**
 * @file fabric_rates.h
 * What is left for payload on the links of a machine, and what its functions can do by themselves.
 *
 * Line code, DLLPs and SKIPs are taken off (link.h), then header and framing of TLPs with a full payload:
 * upward writes with 4 DW headers and MPS, downward completions of MPS or what the root complex sends at
 * most. Upward, posted credits may allow less: as much as they cover in the time one is out. The way up from
 * a node (transport.h) is a link, a conventional bus, or wires inside the root complex that cost nothing.
 */
#ifndef IOMMUSIM_OUTPUT_FABRIC_RATES_H
#define IOMMUSIM_OUTPUT_FABRIC_RATES_H

#include "sim/machine/machine.h"

/** The channels between a node and what is above it; not of the root complex. */
const struct channel *fabric_channel_up(const struct machine *machine, uint32_t node);
const struct channel *fabric_channel_down(const struct machine *machine, uint32_t node);

/** Is the way up from a node a link or a conventional bus? */
bool fabric_has_link(const struct machine *machine, uint32_t node);

/** Is it a conventional bus? */
bool fabric_on_bus(const struct machine *machine, uint32_t node);

/** Bytes of payload a second on the way up from a node, or down to it. It must have a link. */
uint64_t fabric_rate_up(const struct machine *machine, uint32_t node);
uint64_t fabric_rate_down(const struct machine *machine, uint32_t node);

/** Bytes a second of all DMA together in memory. */
uint64_t fabric_memory_rate(const struct machine *machine);

/** Bytes a second that go out of a function or, with @p down, into it at most: its link, and its data path.
 */
uint64_t fabric_function_rate(const struct machine *machine, const struct dma_engine *engine, bool down);

/** Bytes a second a function reads of memory, with the fabric and memory to itself and no translation:
 * bounded also by the tags it has and the time one of them is out. */
uint64_t fabric_read_ceiling(const struct machine *machine, const struct dma_engine *engine);

#endif
