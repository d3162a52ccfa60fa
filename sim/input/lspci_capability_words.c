/* SPDX-License-Identifier: MIT */
/* Statements of the capabilities. The words are those of lspci's ls-caps.c and ls-ecaps.c, from 3.1 to 3.14.
 */
#include "sim/input/lspci_words.h"

#include <string.h>

/* The end of a wrapped line: "Root Complex" and, on the next one, "Integrated Endpoint, MSI 00". */
static void words_of_express(struct lspci_text *text, struct slice word)
{
    if (slice_is(text->previous, "Complex") && slice_is(word, "Event"))
        text->function.pcie_type = PCIE_RC_EVENT_COLLECTOR;
}

/* "Express (v2) Root Port (Slot+), MSI 00"; without the version at -v. */
static void express_line(struct lspci_text *text, struct slice rest)
{
    static const struct {
        const char *name;
        enum pcie_type type;
    } types[] = {
        {"Endpoint", PCIE_ENDPOINT},
        {"Legacy Endpoint", PCIE_LEGACY_ENDPOINT},
        /* The start of each is enough: long lines get wrapped. */
        {"Root Port", PCIE_ROOT_PORT},
        {"Upstream Port", PCIE_UPSTREAM_PORT},
        {"Downstream Port", PCIE_DOWNSTREAM_PORT},
        {"PCI-Express to", PCIE_TO_PCI_BRIDGE},
        {"PCI/PCI-X to", PCI_TO_PCIE_BRIDGE},
        {"Root Complex Integrated", PCIE_RC_ENDPOINT},
        {"Root Complex Event", PCIE_RC_EVENT_COLLECTOR},
        {"Root Complex", PCIE_RC_ENDPOINT}, /* unless the next line says otherwise */
    };
    struct slice version = rest;
    uint64_t number;
    if (slice_skip(&version, "(v") && slice_number(&version, 10, 1, 2, &number) && slice_skip(&version, ") "))
        rest = version;
    text->function.pcie = true;
    text->handler = words_of_express;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (slice_skip(&rest, types[i].name)) {
            text->function.pcie_type = types[i].type;
            return;
        }
    }
}

enum extended_id {
    ID_ACS = 0x0d,
    ID_ARI = 0x0e,
    ID_ATS = 0x0f,
    ID_SRIOV = 0x10,
    ID_PRI = 0x13,
    ID_PASID = 0x1b,
};

static void extended_capability(struct lspci_text *text, unsigned id)
{
    struct pci_function *function = &text->function;
    switch ((enum extended_id)id) {
    case ID_ACS:
        function->acs.present = true;
        break;
    case ID_ARI:
        function->ari = true;
        break;
    case ID_ATS:
        function->ats = true;
        break;
    case ID_SRIOV:
        function->sriov.present = text->in_sriov = true;
        break;
    case ID_PRI:
        function->pri = true;
        break;
    case ID_PASID:
        function->pasid = true;
        break;
    }
}

static void named_extended(struct lspci_text *text, struct slice rest)
{
    static const struct {
        const char *name;
        unsigned id;
    } names[] = {
        {"Access Control Services", ID_ACS},     {"Alternative Routing-ID Interpretation", ID_ARI},
        {"Address Translation Service", ID_ATS}, {"Single Root I/O Virtualization", ID_SRIOV},
        {"Page Request Interface", ID_PRI},      {"Process Address Space ID", ID_PASID},
    };
    uint64_t id;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_skip(&rest, names[i].name))
            extended_capability(text, names[i].id);
    }
    /* What an old lspci did not know by name. */
    if (slice_skip(&rest, "Extended Capability ID 0x") && slice_number(&rest, 16, 1, 4, &id))
        extended_capability(text, (unsigned)id);
}

/* "[58] Express (v2) ..." or "[2a0 v1] Access Control Services" or "<access denied>" */
void capability_line(struct lspci_text *text, struct slice rest)
{
    uint64_t place, version;
    text->in_sriov = false;
    if (slice_skip(&rest, "<access denied>") || slice_skip(&rest, "&lt;access denied")) {
        text->capabilities_hidden = true;
        return;
    }
    if (!slice_skip(&rest, "[") || !slice_number(&rest, 16, 2, 3, &place))
        return;
    if (slice_skip(&rest, " v"))
        slice_number(&rest, 10, 1, 2, &version);
    if (!slice_skip(&rest, "] "))
        return;
    if (place >= CONFIG_EXTENDED_START) {
        named_extended(text, rest);
    } else if (slice_skip(&rest, "Express ")) {
        express_line(text, rest);
    } else if (slice_skip(&rest, "PCI-X ")) {
        text->function.pcix = true;
    } else if (slice_skip(&rest, "Subsystem: ")) {
        /* The subsystem ids of a bridge. */
        struct slice word;
        while (slice_next_word(&rest, &word))
            words_of_subsystem(text, word);
    }
}

/* "MaxPayload 256 bytes": the number after a word. */
static void bytes_after(struct lspci_text *text, const char *name, struct slice word, uint16_t *bytes)
{
    uint64_t value;
    if (slice_is(text->previous, name) && word_number(word, 10, &value) && value >= 128 && value <= 4096 &&
        (value & (value - 1)) == 0)
        *bytes = (uint16_t)value;
}

void words_of_devcap(struct lspci_text *text, struct slice word)
{
    bytes_after(text, "MaxPayload", word, &text->function.max_payload_supported);
    word_flag(word, "FLReset", &text->function.registers.function_level_reset);
}

/* "AFCap: TP+ FLR+" */
void words_of_afcap(struct lspci_text *text, struct slice word)
{
    word_flag(word, "FLR", &text->function.registers.function_level_reset);
}

void words_of_devctl(struct lspci_text *text, struct slice word)
{
    bytes_after(text, "MaxPayload", word, &text->function.max_payload);
    bytes_after(text, "MaxReadReq", word, &text->function.max_read_request);
    word_flag(word, "ExtTag", &text->function.extended_tags);
    bool relaxed;
    if (word_flag(word, "RlxdOrd", &relaxed))
        text->function.registers.relaxed_ordering_disabled = !relaxed;
}

/* "Speed 8GT/s" and "Width x4". */
static void link_words(struct lspci_text *text, struct slice word, uint8_t *generation, uint8_t *width)
{
    static const char *const speeds[] = {"2.5GT/s", "5GT/s", "8GT/s", "16GT/s", "32GT/s", "64GT/s"};
    uint64_t lanes;
    for (unsigned i = 0; i < sizeof(speeds) / sizeof(speeds[0]) && slice_is(text->previous, "Speed"); i++) {
        if (slice_is(word, speeds[i]))
            *generation = (uint8_t)(i + 1);
    }
    if (slice_is(text->previous, "Width") && slice_skip(&word, "x") && word_number(word, 10, &lanes) &&
        (lanes == 12 || (lanes <= 32 && (lanes & (lanes - 1)) == 0)))
        *width = (uint8_t)lanes;
}

void words_of_lnkcap(struct lspci_text *text, struct slice word)
{
    struct link_state *link = &text->function.link;
    link_words(text, word, &link->maximum_generation, &link->maximum_width);
    /* "Port #0" */
    uint64_t port;
    if (slice_is(text->previous, "Port") && slice_skip(&word, "#") && word_number(word, 10, &port) &&
        port <= UINT8_MAX)
        text->function.port_number = (uint16_t)(port + 1);
}

void words_of_lnksta(struct lspci_text *text, struct slice word)
{
    struct link_state *link = &text->function.link;
    link_words(text, word, &link->generation, &link->width);
}

/* Of Device Control 2, in the places where versions of lspci print them. */
static void ordering_flags(struct lspci_text *text, struct slice word)
{
    struct device_registers *registers = &text->function.registers;
    if (word_flag(word, "10BitTagReq", &registers->ten_bit_tags))
        registers->ten_bit_tags_disabled =
            !registers->ten_bit_tags && text->function.link.maximum_generation >= 4;
    word_flag(word, "IDOReq", &registers->id_based_requests);
    word_flag(word, "IDOCompl", &registers->id_based_completions);
}

void words_of_devctl2(struct lspci_text *text, struct slice word)
{
    struct device_registers *registers = &text->function.registers;
    word_flag(word, "ARIFwd", &text->function.ari_forwarding);
    ordering_flags(text, word);
    word_flag(word, "TimeoutDis", &registers->completion_timeout_disabled);
    /* "Completion Timeout: 50us to 50ms": by the lower end. */
    static const struct {
        const char *from;
        uint8_t code;
    } ranges[] = {{"1ms", 0x2}, {"16ms", 0x5}, {"65ms", 0x6}, {"260ms", 0x9},
                  {"1s", 0xa},  {"4s", 0xd},   {"17s", 0xe}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && slice_is(text->previous, "Timeout:"); i++) {
        if (slice_is(word, ranges[i].from))
            registers->completion_timeout = ranges[i].code;
    }
    if (slice_is(text->previous, "to") && slice_is(word, "100us"))
        registers->completion_timeout = 0x1;
}

/* Printed of ports only. */
void words_of_atomiccap(struct lspci_text *text, struct slice word)
{
    bool routes;
    if (word_flag(word, "Routing", &routes))
        text->function.no_atomic_routing = !routes;
}

void words_of_atomicctl(struct lspci_text *text, struct slice word)
{
    word_flag(word, "EgressBlck", &text->function.atomic_egress_blocking);
    ordering_flags(text, word); /* on the next line, from lspci 3.8 on */
}

/* Bits in the order of enum acs_bit; the last as newer versions of lspci may print it. */
static void acs_word(struct slice word, uint16_t *bits)
{
    static const char *const names[] = {"SrcValid",    "TransBlk",   "ReqRedir",   "CmpltRedir",
                                        "UpstreamFwd", "EgressCtrl", "DirectTrans"};
    bool on;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (word_flag(word, names[i], &on) && on)
            *bits = (uint16_t)(*bits | 1U << i);
    }
}

void words_of_acscap(struct lspci_text *text, struct slice word)
{
    acs_word(word, &text->function.acs.capability);
}

void words_of_acsctl(struct lspci_text *text, struct slice word)
{
    acs_word(word, &text->function.acs.control);
}

/* "MFVC- ACS-, Next Function: 1" */
void words_of_aricap(struct lspci_text *text, struct slice word)
{
    uint64_t value;
    if (slice_is(text->previous, "Function:") && word_number(word, 10, &value) && value <= 0xff)
        text->function.ari_next_function = (uint8_t)value;
}

static void number_after(struct lspci_text *text, const char *name, struct slice word, unsigned base,
                         uint32_t *value)
{
    uint64_t number;
    if (slice_is(text->previous, name) && word_number(word, base, &number) && number <= UINT32_MAX)
        *value = (uint32_t)number;
}

/* "Invalidate Queue Depth: 00", 00 being 32 */
void words_of_atscap(struct lspci_text *text, struct slice word)
{
    uint32_t depth = UINT32_MAX;
    number_after(text, "Depth:", word, 16, &depth);
    if (depth < 32)
        text->function.translation.invalidation_queue_depth = depth ? depth : 32;
}

/* "Page Request Capacity: 00000008, Page Request Allocation: 00000000" */
void words_of_page_requests(struct lspci_text *text, struct slice word)
{
    struct translation_registers *translation = &text->function.translation;
    number_after(text, "", word, 16, &translation->page_request_capacity); /* the key ended before it */
    number_after(text, "Allocation:", word, 16, &translation->page_request_allocation);
}

/* "Exec+ Priv+, Max PASID Width: 14" */
void words_of_pasidcap(struct lspci_text *text, struct slice word)
{
    struct translation_registers *translation = &text->function.translation;
    uint32_t width = UINT32_MAX;
    word_flag(word, "Exec", &translation->pasid_execute);
    word_flag(word, "Priv", &translation->pasid_privileged);
    number_after(text, "Width:", word, 16, &width);
    if (width < 32)
        translation->pasid_width = width;
}

void words_of_atsctl(struct lspci_text *text, struct slice word)
{
    word_flag(word, "Enable", &text->function.ats_enabled);
}

void words_of_iovctl(struct lspci_text *text, struct slice word)
{
    word_flag(word, "Enable", &text->function.sriov.enabled);
}

/* "Initial VFs: 8, Total VFs: 8, Number of VFs: 4, Function Dependency Link: 00"; the key was "Initial VFs:".
 */
void words_of_vf_counts(struct lspci_text *text, struct slice word)
{
    uint64_t value;
    struct sriov *sriov = &text->function.sriov;
    if (slice_is(word, "Total"))
        text->vf_count = VF_COUNT_TOTAL;
    else if (slice_is(word, "Number"))
        text->vf_count = VF_COUNT_ENABLED;
    if (!slice_is(text->previous, "VFs:") || !word_number(word, 10, &value) || value > UINT16_MAX)
        return;
    if (text->vf_count == VF_COUNT_TOTAL)
        sriov->total_vfs = (uint16_t)value;
    else if (text->vf_count == VF_COUNT_ENABLED)
        sriov->num_vfs = (uint16_t)value;
}

/* "VF offset: 128, stride: 2, Device ID: 10ca"; the key ended before the first number. */
void words_of_vf_offset(struct lspci_text *text, struct slice word)
{
    uint64_t value;
    struct sriov *sriov = &text->function.sriov;
    if (slice_length(text->previous) == 0 && word_number(word, 10, &value) && value <= UINT16_MAX)
        sriov->first_vf_offset = (uint16_t)value;
    else if (slice_is(text->previous, "stride:") && word_number(word, 10, &value) && value <= UINT16_MAX)
        sriov->vf_stride = (uint16_t)value;
    else if (slice_is(text->previous, "ID:") && word_number(word, 16, &value) && value <= UINT16_MAX)
        sriov->vf_device = (uint16_t)value;
}
