/* SPDX-License-Identifier: MIT */
#include "sim/output/slots_output.h"

#include "models/pcie/link.h"
#include "sim/base/units.h"
#include "sim/output/diff_text.h"
#include "sim/output/function_label.h"

#include <inttypes.h>
#include <stdio.h>

enum { WORD_SIZE = 48 };

static const char *address(const struct slot_survey *survey, uint32_t id, char *bdf)
{
    const struct pci_function *function = &survey->topology->functions[id];
    return bdf_print(bdf, function->segment, function->bus, function->devfn);
}

static const char *state_word(const struct slot_offer *offer)
{
    return !offer->possible ? "impossible" : offer->present ? "present" : "free";
}

static const char *tsv_link(const struct slot_link *link, char text[WORD_SIZE])
{
    if (link->bytes_per_s)
        snprintf(text, WORD_SIZE, "%ux%u", link->generation, link->width);
    else
        snprintf(text, WORD_SIZE, "-");
    return text;
}

void slots_output_tsv(const struct slot_survey *survey, struct text_buffer *out)
{
    for (uint32_t i = 0; i < survey->offer_count; i++) {
        const struct slot_offer *offer = &survey->offers[i];
        char bdf[BDF_TEXT_SIZE], link[WORD_SIZE], bottleneck[WORD_SIZE];
        text_buffer_format(out, "%u\t%s\t%s", i + 1, address(survey, offer->port_id, bdf), state_word(offer));
        if (!offer->possible) {
            text_buffer_add(out, "\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\n");
            continue;
        }
        text_buffer_format(out, "\t%u\t%u\t%u\t%u\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s", offer->endpoint_mates,
                           offer->mate_count, offer->group_count, offer->ungrouped, offer->leaks_out,
                           offer->leaks_in, tsv_link(&offer->link, link),
                           tsv_link(&offer->bottleneck, bottleneck));
        if (offer->bottleneck.bytes_per_s)
            text_buffer_format(out, "\t%" PRIu64 "\t", offer->bottleneck.bytes_per_s);
        else
            text_buffer_add(out, "\t-\t");
        for (uint32_t j = 0; j < offer->mate_count; j++)
            text_buffer_format(out, "%s%s", j ? "," : "", address(survey, offer->mates[j], bdf));
        text_buffer_add(out, offer->mate_count ? "\n" : "-\n");
    }
}

/* "16GT/s x8" */
static const char *text_link(const struct slot_link *link, char text[WORD_SIZE])
{
    char speed[24];
    if (!link->bytes_per_s)
        snprintf(text, WORD_SIZE, "unknown");
    else
        snprintf(text, WORD_SIZE, "%s x%u",
                 unit_print(speed, sizeof(speed), link_speed_of_generation(link->generation),
                            UNIT_TRANSFERS_PER_S),
                 link->width);
    return text;
}

/* "alone", or how many others come along. */
static const char *text_company(const struct slot_offer *offer, char text[WORD_SIZE])
{
    uint32_t bridges = offer->mate_count - offer->endpoint_mates;
    if (offer->mate_count == 0)
        snprintf(text, WORD_SIZE, "nobody");
    else if (offer->endpoint_mates == 0)
        snprintf(text, WORD_SIZE, "%u bridge%s", bridges, bridges == 1 ? "" : "s");
    else
        snprintf(text, WORD_SIZE, "%u device%s, %u bridge%s", offer->endpoint_mates,
                 offer->endpoint_mates == 1 ? "" : "s", bridges, bridges == 1 ? "" : "s");
    return text;
}

static void text_bottleneck(const struct slot_survey *survey, const struct slot_offer *offer,
                            struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE], link[WORD_SIZE];
    const struct slot_link *slowest = &offer->bottleneck;
    if (!slowest->bytes_per_s) {
        text_buffer_add(out, "unknown");
        return;
    }
    text_buffer_format(out, "%" PRIu64 ".%02" PRIu64 " GB/s", slowest->bytes_per_s / 1000000000,
                       slowest->bytes_per_s / 10000000 % 100);
    if (slowest->port_id != NONE && slowest->port_id != offer->link.port_id)
        text_buffer_format(out, ", by %s below %s", text_link(slowest, link),
                           address(survey, slowest->port_id, bdf));
}

static void text_offer(const struct slot_survey *survey, uint32_t rank, const struct slot_offer *offer,
                       struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE], company[WORD_SIZE], link[WORD_SIZE];
    text_buffer_format(out, "%4u%c %-13s  ", rank, offer->present ? '*' : ' ',
                       address(survey, offer->port_id, bdf));
    if (!offer->possible) {
        text_buffer_add(out, "not possible: bus numbers or addresses run out\n");
        return;
    }
    text_buffer_format(out, "%-22s %5" PRIu64 "  %-13s ",
                       offer->ungrouped ? "behind no IOMMU" : text_company(offer, company),
                       offer->leaks_out + offer->leaks_in, text_link(&offer->link, link));
    text_bottleneck(survey, offer, out);
    text_buffer_add(out, "\n");
    if (offer->mate_count) {
        text_buffer_format(out, "%21swith ", "");
        struct machine_view view = {.topology = survey->topology};
        diff_text_addresses(&view, offer->mates, offer->mate_count, 26, out);
    }
    if (offer->reason)
        text_buffer_format(out, "%21sfor  %s\n", "", offer->reason);
}

void slots_output_text(const struct slot_survey *survey, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *device = &survey->topology->functions[survey->functions[0]];
    text_buffer_format(out, "Device     %s  %s", address(survey, survey->functions[0], bdf),
                       function_label(device));
    if (survey->function_count > 1)
        text_buffer_format(out, " and %u more function%s of the slot", survey->function_count - 1,
                           survey->function_count == 2 ? "" : "s");
    text_buffer_add(out, "\n\n      port           shares its group with  leaks  link          bandwidth\n");
    for (uint32_t i = 0; i < survey->offer_count; i++)
        text_offer(survey, i + 1, &survey->offers[i], out);
    text_buffer_add(
        out, "\n* where it is now. Leaks: pairs of the device and a function of another group of which "
             "one reaches the\n  other past the IOMMU. A port with nothing below need not lead to a "
             "slot one can reach.\n");
}

static void json_link(const struct slot_survey *survey, const char *key, const struct slot_link *link,
                      struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    if (!link->bytes_per_s || link->port_id == NONE) {
        text_buffer_format(out, ", \"%s\": null", key);
        return;
    }
    text_buffer_format(out,
                       ", \"%s\": {\"port\": \"%s\", \"generation\": %u, \"width\": %u, "
                       "\"bytes_per_s\": %" PRIu64 "}",
                       key, address(survey, link->port_id, bdf), link->generation, link->width,
                       link->bytes_per_s);
}

static void json_addresses(const struct slot_survey *survey, const char *key, const uint32_t *ids,
                           uint32_t count, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    text_buffer_format(out, "\"%s\": [", key);
    for (uint32_t i = 0; i < count; i++)
        text_buffer_format(out, "%s\"%s\"", i ? ", " : "", address(survey, ids[i], bdf));
    text_buffer_add(out, "]");
}

static void json_offer(const struct slot_survey *survey, const struct slot_offer *offer,
                       struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    text_buffer_format(out, "\n    {\"port\": \"%s\", \"state\": \"%s\"",
                       address(survey, offer->port_id, bdf), state_word(offer));
    if (offer->possible) {
        text_buffer_format(out,
                           ", \"groups\": %u, \"uncovered\": %u, \"endpoint_mates\": %u, "
                           "\"leaks_out\": %" PRIu64 ", \"leaks_in\": %" PRIu64 ", ",
                           offer->group_count, offer->ungrouped, offer->endpoint_mates, offer->leaks_out,
                           offer->leaks_in);
        json_addresses(survey, "mates", offer->mates, offer->mate_count, out);
        json_link(survey, "link", &offer->link, out);
        json_link(survey, "bottleneck", &offer->bottleneck, out);
        if (offer->reason) {
            text_buffer_add(out, ", \"reason\": ");
            text_buffer_json_string(out, offer->reason);
        }
    }
    text_buffer_add(out, "}");
}

void slots_output_json(const struct slot_survey *survey, struct text_buffer *out)
{
    text_buffer_add(out, "{\n  \"format\": \"iommusim-slots/1\",\n  ");
    json_addresses(survey, "device", survey->functions, survey->function_count, out);
    text_buffer_add(out, ",\n  \"slots\": [");
    for (uint32_t i = 0; i < survey->offer_count; i++) {
        text_buffer_add(out, i ? "," : "");
        json_offer(survey, &survey->offers[i], out);
    }
    text_buffer_add(out, "\n  ]\n}\n");
}
