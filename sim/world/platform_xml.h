/* SPDX-License-Identifier: MIT */
/**
 * @file platform_xml.h
 * Networks of worlds as SimGrid platforms.
 */
#ifndef IOMMUSIM_WORLD_PLATFORM_XML_H
#define IOMMUSIM_WORLD_PLATFORM_XML_H

#include "sim/base/text_buffer.h"
#include "sim/input/world.h"

/** Append a generated network as SimGrid XML, in SI units. Its hosts are "h0", "h1", ...; each has a link up
 * and one down of the bandwidth and latency given, so have switches between each other. */
void platform_xml_write(const struct world_network *network, struct text_buffer *out);

#endif
