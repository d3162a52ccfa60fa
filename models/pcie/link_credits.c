/* SPDX-License-Identifier: MIT */
#include "models/pcie/link_credits.h"

#include "models/pcie/tlp.h"

enum {
    CREDIT_BYTES = 16,
    CACHE_LINE_BYTES = 64,
    SHORT_HEADER_BYTES = 12, /* 3 DW: as many TLPs as there can be */
    SCALED_FLOW_CONTROL = 4, /* the generation that brought it */
};

uint64_t link_credit_loop_ps(const struct link_parameters *parameters, const struct link_timing *timing,
                             uint32_t wire_bytes, uint64_t hold_ps)
{
    return link_serialisation_ps(timing, wire_bytes) + timing->flit_ps + 2 * parameters->propagation_ps +
           hold_ps + parameters->credit_return_ps;
}

/* TLPs of so much payload that are sent while the credits of one are out. */
static uint64_t tlps_of_loop(const struct link_parameters *parameters, const struct link_timing *timing,
                             uint32_t payload, uint64_t hold_ps)
{
    uint32_t wire_bytes = payload + SHORT_HEADER_BYTES + TLP_FRAMING_BYTES;
    uint64_t each_ps = link_serialisation_ps(timing, wire_bytes);
    /* A switch that stores holds it for another time on the wire. */
    uint64_t loop_ps = link_credit_loop_ps(parameters, timing, wire_bytes, hold_ps) + each_ps;
    return each_ps ? (loop_ps + each_ps - 1) / each_ps + 1 : 1;
}

static uint32_t between(uint64_t number, uint32_t least, uint32_t most)
{
    number = number < least ? least : number;
    return number > most ? most : (uint32_t)number;
}

struct link_credits link_posted_credits(const struct link_parameters *parameters,
                                        const struct link_timing *timing, unsigned generation,
                                        uint32_t max_payload, uint64_t hold_ps)
{
    bool scaled = generation >= SCALED_FLOW_CONTROL;
    struct link_credits credits = {parameters->posted_header_credits, parameters->posted_data_credits};
    if (credits.headers == FIELD_WORD)
        credits.headers = between(tlps_of_loop(parameters, timing, CACHE_LINE_BYTES, hold_ps),
                                  parameters->posted_headers_least, scaled ? 2032 : 127);
    if (credits.data == FIELD_WORD)
        credits.data =
            between(tlps_of_loop(parameters, timing, max_payload, hold_ps) * (max_payload / CREDIT_BYTES),
                    parameters->posted_data_least, scaled ? 32752 : 2047);
    return credits;
}

uint32_t link_tags(uint32_t tags, unsigned generation)
{
    if (tags != FIELD_WORD)
        return tags;
    return generation >= 4 ? 768 : 256;
}
