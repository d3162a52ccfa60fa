/* SPDX-License-Identifier: MIT */
/**
 * @file link_credits.h
 * How much a receiver advertises, and how many reads a requester tells apart, where the input leaves that to
 * the link ("by-link").
 *
 * The specification demands room for one TLP (PCIe Base Spec r5.0 2.6.1, table 2-39) and leaves the rest to
 * whoever builds the port. A port that is sold for a rate has room for what arrives at that rate while a
 * credit is out: MODEL: that is the product, rounded up to whole TLPs, and one TLP more.
 */
#ifndef IOMMUSIM_PCIE_LINK_CREDITS_H
#define IOMMUSIM_PCIE_LINK_CREDITS_H

#include "models/pcie/link.h"

/** Credits of one class; 0 is infinite. */
struct link_credits {
    uint32_t headers, data;
};

/**
 * How long the credits of a posted TLP are out: onto the link, across, held by the receiver, on their way
 * back.
 * @param wire_bytes  of the TLP: header, payload, framing
 * @param hold_ps     from its last byte's arrival to its buffer being free
 */
uint64_t link_credit_loop_ps(const struct link_parameters *parameters, const struct link_timing *timing,
                             uint32_t wire_bytes, uint64_t hold_ps);

/**
 * Posted credits a receiver advertises: those of @p parameters, or by the link. Then data are enough for TLPs
 * of @p max_payload one after the other, headers for TLPs of one cache line (64 bytes); never fewer than
 * posted_headers_least and posted_data_least, never more than flow control can count (PCIe Base Spec r5.0
 * 2.6.1: 127 and 2047 below 16 GT/s, 2032 and 32752 with scaled flow control).
 * @param hold_ps  as above; of a switch up to where the TLP begins to leave it
 */
struct link_credits link_posted_credits(const struct link_parameters *parameters,
                                        const struct link_timing *timing, unsigned generation,
                                        uint32_t max_payload, uint64_t hold_ps);

/**
 * Reads that a requester tells apart.
 * @param tags        the parameter; FIELD_WORD: 256 (8-bit tags), from 16 GT/s on 768 (10-bit tags, of which
 * a requester does not use the first 256: PCIe Base Spec r5.0 2.2.6.2)
 * @param generation  of the link it is on; 0: none
 */
uint32_t link_tags(uint32_t tags, unsigned generation);

#endif
