/* SPDX-License-Identifier: MIT */
/**
 * @file link.h
 * What one direction of a PCI Express link costs: encoding, TLP and DLLP overhead, serialisation,
 * propagation, credits.
 *
 * Sources: PCIe Base Spec r5.0 2.2 (TLP formats), 2.6 (flow control), 3.6 and tables 2-46..48, 3-7..9 (ACK
 * and update-FC frequency), 4.2 (encoding, SKIP); the accounting is that of Neugebauer et al., SIGCOMM 2018
 * (pcie-model).
 */
#ifndef IOMMUSIM_PCIE_LINK_H
#define IOMMUSIM_PCIE_LINK_H

#include "sim/base/field.h"

#include <stdbool.h>
#include <stdint.h>

enum { TRAFFIC_CLASSES = 8 };

/** Who goes first where virtual channels share wires (PCIe Base Spec 6.3.3, 7.9.1). */
enum vc_arbitration { VC_STRICT, VC_ROUND_ROBIN, VC_WRR_32, VC_WRR_64, VC_WRR_128 };

/** Parameters of a link beyond what its registers say (speed, width, MPS). Credits of 0 mean infinite. */
struct link_parameters {
    uint64_t propagation_ps;        /**< one way: PHY of both ends and the wire */
    uint32_t posted_header_credits; /**< advertised by each receiver; one a TLP. FIELD_WORD: by the link's
                                       rate (link_credits.h) */
    uint32_t posted_data_credits;   /**< 16 bytes each; likewise */
    uint32_t posted_headers_least;  /**< fewer do not come of FIELD_WORD */
    uint32_t posted_data_least;
    uint32_t nonposted_header_credits;
    uint32_t nonposted_data_credits;
    uint32_t completion_header_credits;
    uint32_t completion_data_credits;
    uint64_t
        credit_return_ps; /**< from freeing a buffer to the sender seeing the credit, beyond propagation */
    uint32_t virtual_channels;                  /**< 1..8, each with buffers of the sizes above */
    uint32_t channel_of_class[TRAFFIC_CLASSES]; /**< [1..7] TC/VC map; FIELD_WORD: VC t, or the last one */
    int vc_arbitration;                         /**< enum vc_arbitration */
    uint32_t channel_phases[TRAFFIC_CLASSES]; /**< [VC] of the arbitration table; FIELD_WORD: an even part of
                                                 the rest */
    bool ecrc;                                /**< 4 bytes of TLP digest on every TLP */
};

extern const struct field_table link_fields;

/** Rate and overheads of one direction, ready for the hot path: serialisation = bytes x ps_numerator /
 * ps_denominator. */
struct link_timing {
    uint64_t ps_numerator;   /**< picoseconds ... */
    uint64_t ps_denominator; /**< ... for this many bytes, TLP layer (DLLP and SKIP overhead included); exact,
                                in lowest terms */
    int32_t extra_bytes; /**< added to every TLP: 4 with ECRC; flit mode has no framing, sequence number and
                            LCRC a TLP: -8 */
    uint64_t flit_ps;    /**< flit mode: one flit of 256 bytes; 0: TLPs are framed one by one */
};

enum { LINK_GENERATIONS = 6 };

/**
 * Timing of a link.
 * @param generation  1..6
 * @param width       lanes: 1, 2, 4, 8, 12, 16 or 32
 * @param max_payload MPS in bytes: decides how often the receiver acknowledges
 */
struct link_timing link_timing_make(const struct link_parameters *parameters, unsigned generation,
                                    unsigned width, unsigned max_payload);

/** Picoseconds a TLP of @p bytes (header, payload, framing; ECRC is added here) occupies the link; rounded to
 * nearest. */
static inline uint64_t link_serialisation_ps(const struct link_timing *timing, uint64_t bytes)
{
    return (((uint64_t)((int64_t)bytes + timing->extra_bytes)) * timing->ps_numerator +
            timing->ps_denominator / 2) /
           timing->ps_denominator;
}

/**
 * When the receiver may use what came with the byte that ends at @p time_ps. In flit mode that is the end of
 * the flit, as its CRC and error correction stand there and cover all of it (PCIe Base Spec r6.0 4.2.3).
 * Flits follow each other without a gap; the first begins at time 0.
 */
static inline uint64_t link_usable_ps(const struct link_timing *timing, uint64_t time_ps)
{
    uint64_t flit_ps = timing->flit_ps;
    return flit_ps ? (time_ps + flit_ps - 1) / flit_ps * flit_ps : time_ps;
}

/** Raw rate after encoding in bits per second (e.g. 63015384615 for Gen3 x8). */
uint64_t link_raw_bits_per_s(unsigned generation, unsigned width);

/** Generation (1..6) of a speed in MT/s, 0 for none. */
unsigned link_generation_of_speed(uint64_t megatransfers_per_s);

/** Speed in MT/s of a generation 1..6. */
uint64_t link_speed_of_generation(unsigned generation);

/** TLP header bytes: 3 DW (12), or 4 DW (16) for memory requests to addresses of 4 GiB and up;
 * completions 12. */
static inline uint32_t link_request_header_bytes(uint64_t address)
{
    return address >> 32 ? 16 : 12;
}

#endif
