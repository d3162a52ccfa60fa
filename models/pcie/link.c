/* SPDX-License-Identifier: MIT */
#include "models/pcie/link.h"

#include <assert.h>

#define ROW(key, member, kind, base_unit, low, high, text)                                                   \
    {                                                                                                        \
        .name = (key), .type = (kind), .offset = offsetof(struct link_parameters, member),                   \
        .unit = (base_unit), .minimum = (low), .maximum = (high), .help = (text)                             \
    }

#define BY_LINK(key, member, high, text)                                                                     \
    {                                                                                                        \
        .name = (key), .type = FIELD_COUNT, .offset = offsetof(struct link_parameters, member),              \
        .maximum = (high), .word = "by-link", .help = (text)                                                 \
    }

#define WORDED(key, member, most, its_word, text)                                                            \
    {                                                                                                        \
        .name = (key), .type = FIELD_COUNT, .offset = offsetof(struct link_parameters, member),              \
        .maximum = (most), .word = (its_word), .help = (text)                                                \
    }

#define OF_CLASS(key, number)                                                                                \
    WORDED(key, channel_of_class[number], TRAFFIC_CLASSES - 1, "by-number",                                  \
           "virtual channel of this traffic class; by-number: that of its number, or the last one")
#define PHASES(key, number)                                                                                  \
    WORDED(key, channel_phases[number], 128, "even",                                                         \
           "phases of the VC arbitration table that name this channel; even: a part of what is left")

static const char *const arbitrations[] = {"strict", "round-robin", "wrr-32",
                                           "wrr-64", "wrr-128",     NULL}; /* ORDER: enum vc_arbitration */

static const struct field fields[] = {
    ROW("propagation", propagation_ps, FIELD_QUANTITY, UNIT_PICOSECONDS, 0, 1000000000,
        "one way through the PHYs of both ends and the wire"),
    BY_LINK("posted_header_credits", posted_header_credits, 2047,
            "posted TLPs a receiver can hold; 0 is infinite; by-link: as many as the link sends while a "
            "credit is out (PCIe Base Spec 2.6.1)"),
    BY_LINK("posted_data_credits", posted_data_credits, 32767,
            "posted payload a receiver can hold, in units of 16 bytes; 0 is infinite; by-link: as much as "
            "the link sends while a credit is out"),
    ROW("posted_headers_least", posted_headers_least, FIELD_COUNT, UNIT_NONE, 1, 2047,
        "by-link gives no fewer posted_header_credits"),
    ROW("posted_data_least", posted_data_least, FIELD_COUNT, UNIT_NONE, 1, 32767,
        "by-link gives no fewer posted_data_credits"),
    ROW("nonposted_header_credits", nonposted_header_credits, FIELD_COUNT, UNIT_NONE, 0, 2047,
        "non-posted requests a receiver can hold; 0 is infinite"),
    ROW("nonposted_data_credits", nonposted_data_credits, FIELD_COUNT, UNIT_NONE, 0, 32767,
        "non-posted payload (atomics) a receiver can hold, in units of 16 bytes; 0 is infinite"),
    ROW("completion_header_credits", completion_header_credits, FIELD_COUNT, UNIT_NONE, 0, 2047,
        "completions a switch port can hold; 0 is infinite, as endpoints and root ports must advertise"),
    ROW("completion_data_credits", completion_data_credits, FIELD_COUNT, UNIT_NONE, 0, 32767,
        "completion payload a switch port can hold, in units of 16 bytes; 0 is infinite"),
    ROW("credit_return", credit_return_ps, FIELD_QUANTITY, UNIT_PICOSECONDS, 0, 1000000000,
        "from freeing a receive buffer to the update-FC leaving, beyond propagation"),
    ROW("virtual_channels", virtual_channels, FIELD_COUNT, UNIT_NONE, 1, TRAFFIC_CLASSES,
        "virtual channels, each with credits of its own (PCIe Base Spec 6.3)"),
    OF_CLASS("channel_of_class_1", 1),
    OF_CLASS("channel_of_class_2", 2),
    OF_CLASS("channel_of_class_3", 3),
    OF_CLASS("channel_of_class_4", 4),
    OF_CLASS("channel_of_class_5", 5),
    OF_CLASS("channel_of_class_6", 6),
    OF_CLASS("channel_of_class_7", 7),
    {.name = "vc_arbitration",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct link_parameters, vc_arbitration),
     .choices = arbitrations,
     .help = "between virtual channels: the higher one first, in turn, or by a table of so many phases (PCIe "
             "Base Spec "
             "6.3.3)"},
    PHASES("phases_of_channel_0", 0),
    PHASES("phases_of_channel_1", 1),
    PHASES("phases_of_channel_2", 2),
    PHASES("phases_of_channel_3", 3),
    PHASES("phases_of_channel_4", 4),
    PHASES("phases_of_channel_5", 5),
    PHASES("phases_of_channel_6", 6),
    PHASES("phases_of_channel_7", 7),
    ROW("ecrc", ecrc, FIELD_BOOLEAN, UNIT_NONE, 0, 1,
        "every TLP carries a 4-byte digest (PCIe Base Spec 2.7)"),
};

const struct field_table link_fields = {"link", "a PCI Express link, both directions alike", fields,
                                        sizeof(fields) / sizeof(fields[0]), sizeof(struct link_parameters)};

/* Rates in MT/s; 8b/10b, 128b/130b, and flit mode: 236 of 256 bytes carry TLPs. */
static const struct {
    uint64_t megatransfers_per_s, code_numerator, code_denominator;
    unsigned internal_delay_symbols; /* of the ACK latency formula, tables 3-7..9 */
} generations[LINK_GENERATIONS + 1] = {
    {0, 0, 1, 0},           {2500, 8, 10, 19},      {5000, 8, 10, 70},      {8000, 128, 130, 115},
    {16000, 128, 130, 115}, {32000, 128, 130, 115}, {64000, 236, 256, 115},
};

uint64_t link_speed_of_generation(unsigned generation)
{
    assert(generation >= 1 && generation <= LINK_GENERATIONS);
    return generations[generation].megatransfers_per_s;
}

unsigned link_generation_of_speed(uint64_t megatransfers_per_s)
{
    for (unsigned i = 1; i <= LINK_GENERATIONS; i++) {
        if (generations[i].megatransfers_per_s == megatransfers_per_s)
            return i;
    }
    return 0;
}

uint64_t link_raw_bits_per_s(unsigned generation, unsigned width)
{
    assert(generation >= 1 && generation <= LINK_GENERATIONS);
    return generations[generation].megatransfers_per_s * 1000000 * width *
           generations[generation].code_numerator / generations[generation].code_denominator;
}

/* AckFactor of the ACK transmission latency formula in tenths (PCIe Base Spec r5.0 tables 2-46..48, 3-7..9).
 */
static unsigned ack_factor_tenths(unsigned width, unsigned max_payload)
{
    if (max_payload > 256)
        return width <= 8 ? 10 : 20;
    return width <= 4 ? 14 : width <= 8 ? 25 : 30;
}

/* DLLPs on the wire: an ACK and an update-FC each ACK interval; a SKIP ordered set each 1538 symbols. */
enum {
    FLIT_BYTES = 256,
    DLLP_BYTES = 8,
    SKIP_BYTES = 4,
    SKIP_INTERVAL_BYTES = 1538,
    LARGEST_TLP_BYTES = 4096 + 64
};

static void reduce(uint64_t *numerator, uint64_t *denominator)
{
    uint64_t a = *numerator, b = *denominator;
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    *numerator /= a;
    *denominator /= a;
}

struct link_timing link_timing_make(const struct link_parameters *parameters, unsigned generation,
                                    unsigned width, unsigned max_payload)
{
    assert(generation >= 1 && generation <= LINK_GENERATIONS && width);
    struct link_timing timing = {.extra_bytes = (parameters->ecrc ? 4 : 0) - (generation == 6 ? 8 : 0)};
    if (generation == 6)
        timing.flit_ps =
            FLIT_BYTES * UINT64_C(8000000) / (generations[generation].megatransfers_per_s * width);
    /* Picoseconds of a byte: 8 bits at so many megatransfers a second and lane, stretched by the line code.
     */
    uint64_t numerator = UINT64_C(8000000) * generations[generation].code_denominator,
             denominator =
                 generations[generation].megatransfers_per_s * width * generations[generation].code_numerator;
    /* Stretched by what DLLPs and SKIPs take: 1 / (1 - 2 x 8 / limit - 4 / 1538). Gen6 flits carry ACKs and
     * credits in their own bytes. */
    if (generation <= 5) {
        unsigned delay = generations[generation].internal_delay_symbols;
        unsigned limit =
            ((max_payload + 28) * ack_factor_tenths(width, max_payload) + 10 * width * delay) / (10 * width);
        reduce(&numerator, &denominator);
        numerator *= (uint64_t)limit * SKIP_INTERVAL_BYTES;
        denominator *=
            (limit - UINT64_C(2) * DLLP_BYTES) * SKIP_INTERVAL_BYTES - (uint64_t)limit * SKIP_BYTES;
    }
    reduce(&numerator, &denominator);
    assert(numerator < UINT64_MAX / (UINT64_C(2) * LARGEST_TLP_BYTES));
    timing.ps_numerator = numerator;
    timing.ps_denominator = denominator;
    return timing;
}
