/* SPDX-License-Identifier: MIT */
#include "models/pcie/virtual_channels.h"

unsigned link_channel_of_class(const struct link_parameters *link, unsigned traffic_class)
{
    unsigned last = link->virtual_channels ? link->virtual_channels - 1 : 0;
    unsigned channel = traffic_class ? link->channel_of_class[traffic_class] : 0;
    if (channel == FIELD_WORD)
        channel = traffic_class;
    return channel < last ? channel : last;
}

unsigned link_phases(const struct link_parameters *link)
{
    switch ((enum vc_arbitration)link->vc_arbitration) {
    case VC_ROUND_ROBIN:
        return link->virtual_channels;
    case VC_WRR_32:
        return 32;
    case VC_WRR_64:
        return 64;
    case VC_WRR_128:
        return 128;
    case VC_STRICT:
        break;
    }
    return 0;
}

unsigned link_channel_phases(const struct link_parameters *link, unsigned channel)
{
    unsigned left = link_phases(link), sharers = 0, before = 0;
    if (link->vc_arbitration == VC_ROUND_ROBIN)
        return 1;
    for (unsigned vc = 0; vc < link->virtual_channels; vc++) {
        bool stated = link->channel_phases[vc] != FIELD_WORD;
        left -= stated && link->channel_phases[vc] <= left ? link->channel_phases[vc] : 0;
        sharers += !stated;
        before += !stated && vc < channel;
    }
    if (link->channel_phases[channel] != FIELD_WORD)
        return link->channel_phases[channel];
    return left / sharers + (before < left % sharers);
}

void vc_arbiter_init(struct vc_arbiter *arbiter, const struct link_parameters *link)
{
    unsigned total = link_phases(link), given[TRAFFIC_CLASSES] = {0};
    *arbiter = (struct vc_arbiter){.count = total};
    if (link->virtual_channels < 2)
        arbiter->count = 0;
    for (unsigned phase = 0; phase < arbiter->count; phase++) {
        unsigned best = 0;
        long most = 0;
        for (unsigned vc = 0; vc < link->virtual_channels; vc++) { /* who is furthest behind its share */
            long behind = (long)(link_channel_phases(link, vc) * (phase + 1)) - (long)(given[vc] * total);
            if (vc == 0 || behind > most) {
                best = vc;
                most = behind;
            }
        }
        arbiter->phases[phase] = (uint8_t)best;
        given[best]++;
    }
    arbiter->at = arbiter->count ? arbiter->count - 1 : 0;
}

unsigned vc_arbiter_next(struct vc_arbiter *arbiter, const bool ready[TRAFFIC_CLASSES])
{
    for (uint32_t step = 1; step <= arbiter->count; step++) {
        uint32_t phase = (arbiter->at + step) % arbiter->count;
        if (!ready[arbiter->phases[phase]])
            continue;
        arbiter->at = phase;
        return arbiter->phases[phase];
    }
    for (unsigned vc = TRAFFIC_CLASSES;
         vc-- > 0;) { /* channels without phases: when nobody else wants the wires */
        if (ready[vc])
            return vc;
    }
    return TRAFFIC_CLASSES;
}
