/* SPDX-License-Identifier: MIT */
#include "sim/topology/synthetic_option.h"

#include "sim/base/nearest.h"
#include "sim/base/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Conventional functions' BARs above this are 64-bit prefetchable, too, as large device memories are. */
static const uint64_t largest_bar32 = 64ULL << 20;
static const uint64_t default_bar = 64ULL << 10;
static const uint64_t vf_bar = 16ULL << 10;

struct option_context {
    struct arena *arena;
    const char *value; /* behind "=", or NULL */
    struct pci_function *function;
    struct synthetic_extra *extra;
};

struct option_row {
    const char *name;
    const char *expected; /* what the value must be, for the message; NULL: the option takes none */
    bool optional;        /* the value may be left out */
    bool (*apply)(const struct option_context *context);
    const char *help;
};

/* One number at *text up to maximum, then the character behind it. */
static bool take_number(const char **text, int base, unsigned long maximum, char behind, unsigned *value)
{
    char *end;
    if (!strchr("0123456789abcdefABCDEF", **text) || **text == '\0')
        return false;
    unsigned long number = strtoul(*text, &end, base);
    if (end == *text || number > maximum || *end != behind)
        return false;
    *value = (unsigned)number;
    *text = behind ? end + 1 : end;
    return true;
}

static bool take_pair(const char *text, int base, unsigned long maximum, char between, unsigned *first,
                      unsigned *second)
{
    return take_number(&text, base, maximum, between, first) &&
           take_number(&text, base, maximum, '\0', second);
}

static bool apply_acs(const struct option_context *context)
{
    unsigned capability = 0x1f, control = 0x1d;
    if (context->value && !take_pair(context->value, 16, 0xffff, ':', &capability, &control))
        return false;
    context->function->acs.present = true;
    context->function->acs.capability = (uint16_t)capability;
    context->function->acs.control = (uint16_t)control;
    return true;
}

static bool apply_noacs(const struct option_context *context)
{
    context->function->acs.present = false;
    context->function->acs.capability = context->function->acs.control = 0;
    return true;
}

static bool apply_id(const struct option_context *context)
{
    unsigned vendor, device;
    if (!take_pair(context->value, 16, 0xffff, ':', &vendor, &device))
        return false;
    context->function->vendor = (uint16_t)vendor;
    context->function->device = (uint16_t)device;
    return true;
}

static bool apply_sub(const struct option_context *context)
{
    unsigned vendor, device;
    if (!take_pair(context->value, 16, 0xffff, ':', &vendor, &device))
        return false;
    context->function->subvendor = (uint16_t)vendor;
    context->function->subdevice = (uint16_t)device;
    return true;
}

static bool apply_class(const struct option_context *context)
{
    const char *text = context->value;
    size_t length = strlen(text);
    unsigned code;
    if ((length != 4 && length != 6) || !take_number(&text, 16, 0xffffff, '\0', &code))
        return false;
    context->function->class_code = length == 4 ? code << 8 : code;
    return true;
}

static bool apply_mf(const struct option_context *context)
{
    context->function->multifunction = true;
    return true;
}

static bool apply_ari(const struct option_context *context)
{
    if (function_is_bridge(context->function))
        context->function->ari_forwarding = true;
    else
        context->function->ari = true;
    return true;
}

static bool apply_noatomics(const struct option_context *context)
{
    context->function->no_atomic_routing = true;
    return function_is_pcie_port(context->function);
}

static bool apply_atomicblock(const struct option_context *context)
{
    context->function->atomic_egress_blocking = true;
    return function_is_pcie_port(context->function);
}

static bool apply_egress_vector(const struct option_context *context)
{
    struct acs *acs = &context->function->acs;
    const char *text = context->value;
    unsigned dword;
    for (unsigned i = 0; i < 8; i++) {
        bool last = !strchr(text, ':');
        if (!take_number(&text, 16, UINT32_MAX, last ? '\0' : ':', &dword))
            return false;
        *(i ? &acs->egress_vector_more[i - 1] : &acs->egress_vector) = dword;
        if (last)
            return true;
    }
    return false;
}

static bool apply_function_group(const struct option_context *context)
{
    const char *text = context->value;
    unsigned group;
    if (!take_number(&text, 10, 7, '\0', &group))
        return false;
    context->function->ari_function_group = (uint8_t)group;
    return true;
}

static bool apply_function_groups(const struct option_context *context)
{
    context->function->ari_acs_groups = true;
    return true;
}

static bool apply_peer_routing(const struct option_context *context)
{
    static const char *const words[] = {"none", "within", "all"};
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(context->value, words[i]) == 0) {
            context->extra->peer_routing_known = true;
            context->extra->peer_routing = (enum peer_routing)(PEER_ROUTING_NONE + i);
            return true;
        }
    }
    return false;
}

static bool apply_pcix(const struct option_context *context)
{
    context->function->pcix = true;
    return true;
}

static bool apply_vf(const struct option_context *context)
{
    unsigned count, offset = 0, stride = 1;
    const char *text = context->value;
    if (!take_number(&text, 10, 65535, '\0', &count)) {
        if (!take_number(&text, 10, 65535, ':', &count) || !take_pair(text, 10, 65535, ':', &offset, &stride))
            return false;
        if (offset == 0 || stride == 0)
            return false;
    }
    if (count == 0)
        return false;
    context->function->sriov = (struct sriov){
        .present = true,
        .enabled = true,
        .total_vfs = (uint16_t)count,
        .num_vfs = (uint16_t)count,
        .first_vf_offset = (uint16_t)offset,
        .vf_stride = (uint16_t)stride,
        .vf_bars[0] = {.kind = BAR_MEMORY64, .prefetchable = true, .size = vf_bar},
    };
    return true;
}

static bool apply_link(const struct option_context *context)
{
    unsigned generation, width;
    if (!take_pair(context->value, 10, 32, 'x', &generation, &width))
        return false;
    if (generation < 1 || generation > 6 || (width != 12 && (width == 0 || (width & (width - 1)))))
        return false;
    context->function->link =
        (struct link_state){(uint8_t)generation, (uint8_t)width, (uint8_t)generation, (uint8_t)width};
    context->extra->link_known = true;
    return true;
}

/* Max_Payload_Size and Max_Read_Request_Size are 128 to 4096 (PCIe Base Spec 7.5.3.4). */
static bool take_payload(const char *text, uint16_t *bytes)
{
    unsigned value;
    if (!take_number(&text, 10, 4096, '\0', &value) || value < 128 || (value & (value - 1)))
        return false;
    *bytes = (uint16_t)value;
    return true;
}

static bool apply_mps(const struct option_context *context)
{
    if (!take_payload(context->value, &context->function->max_payload))
        return false;
    context->function->max_payload_supported = context->function->max_payload;
    return true;
}

static bool apply_mrrs(const struct option_context *context)
{
    return take_payload(context->value, &context->function->max_read_request);
}

static bool add_bar(struct pci_function *function, struct synthetic_extra *extra, uint64_t size)
{
    bool wide = size > largest_bar32 || (function->pcie && function->pcie_type != PCIE_LEGACY_ENDPOINT);
    unsigned registers = function_is_bridge(function) ? 2 : 6;
    if (extra->bars + (wide ? 2 : 1) > registers)
        return false;
    function->bars[extra->bars] = (struct bar){
        .kind = wide ? BAR_MEMORY64 : BAR_MEMORY32,
        .prefetchable = wide,
        .size = size,
    };
    extra->bars += wide ? 2 : 1;
    return true;
}

static bool apply_bar(const struct option_context *context)
{
    uint64_t size;
    if (!unit_parse(context->value, UNIT_BYTES, &size) || size < 16 || (size & (size - 1)) ||
        size > 1ULL << 40)
        return false;
    context->extra->bars_known = true;
    return add_bar(context->function, context->extra, size);
}

static bool apply_nobar(const struct option_context *context)
{
    context->extra->bars_known = true;
    return true;
}

static bool apply_nopcie(const struct option_context *context)
{
    struct pci_function *function = context->function;
    function->pcie = false;
    function->pcie_type = PCIE_ENDPOINT;
    function->link = (struct link_state){0};
    function->max_payload_supported = function->max_payload = function->max_read_request = 0;
    function->extended_tags = false;
    return true;
}

static bool apply_bridgealias(const struct option_context *context)
{
    context->function->vendor = 0x1b21;
    context->function->device = 0x1080;
    return apply_nopcie(context);
}

static bool apply_ats(const struct option_context *context)
{
    context->function->ats = context->function->ats_enabled = true;
    return true;
}

static bool apply_driver(const struct option_context *context)
{
    context->function->driver = arena_string(context->arena, context->value);
    return true;
}

static bool apply_seg(const struct option_context *context)
{
    const char *text = context->value;
    unsigned segment;
    if (!take_number(&text, 16, 0xffffff, '\0', &segment))
        return false;
    context->extra->segment_known = true;
    context->extra->segment = segment;
    return true;
}

static const struct option_row rows[] = {
    {"acs", "CAP:CTL, both hexadecimal up to ffff", true, apply_acs,
     "SV TB RR CR UF (1f), switched on as the kernel does (1d)"},
    {"noacs", NULL, false, apply_noacs, "none (the default)"},
    {"id", "VVVV:DDDD, both hexadecimal", false, apply_id, "vendor and device id"},
    {"sub", "VVVV:DDDD, both hexadecimal", false, apply_sub, "subsystem ids"},
    {"class", "four or six hexadecimal digits", false, apply_class, "class code"},
    {"mf", NULL, false, apply_mf, "multifunction bit (set, too, where the slot has further functions)"},
    {"ari", NULL, false, apply_ari, "ARI capability; of ports: ARI forwarding"},
    {"pcix", NULL, false, apply_pcix, "PCI-X capability"},
    {"noatomics", NULL, false, apply_noatomics, "a port that routes no AtomicOps"},
    {"atomicblock", NULL, false, apply_atomicblock, "a port that blocks AtomicOps on their way out"},
    {"ev", "up to eight dwords, hexadecimal, with \":\" between them", false, apply_egress_vector,
     "egress control vector"},
    {"fgroup", "a number from 0 to 7", false, apply_function_group, "ARI function group"},
    {"fgroups", NULL, false, apply_function_groups, "ACS function groups"},
    {"p2p", "none, within or all", false, apply_peer_routing,
     "what the host bridge routes between its root ports"},
    {"vf", "N or N:OFFSET:STRIDE, numbers from 1 to 65535", false, apply_vf,
     "SR-IOV with N virtual functions enabled"},
    {"link", "GENxWIDTH, generation 1 to 6 and 1, 2, 4, 8, 12, 16 or 32 lanes", false, apply_link,
     "link of a port or device; said at one end it holds for the other"},
    {"mps", "128, 256, 512, 1024, 2048 or 4096", false, apply_mps, "maximum payload"},
    {"mrrs", "128, 256, 512, 1024, 2048 or 4096", false, apply_mrrs, "maximum read request"},
    {"bar", "a power of two from 16B to 1TiB, while the function has a BAR left", false, apply_bar,
     "a memory BAR; may repeat"},
    {"nobar", NULL, false, apply_nobar, "no BAR"},
    {"nopcie", NULL, false, apply_nopcie, "no PCI Express capability"},
    {"bridgealias", NULL, false, apply_bridgealias, "a bridge the kernel treats as PCIe-to-PCI"},
    {"ats", NULL, false, apply_ats, "ATS, enabled"},
    {"driver", "a name", false, apply_driver, "the driver bound"},
    {"seg", "a hexadecimal number up to ffffff", false, apply_seg,
     "segment of the host bridge, on functions of the root bus"},
};

static bool refuse(struct synthetic_error *error, const char *code, size_t offset)
{
    error->code = code;
    error->offset = offset;
    return false;
}

bool synthetic_option(struct arena *arena, const char *option, struct pci_function *function,
                      struct synthetic_extra *extra, struct synthetic_error *error)
{
    char name[32];
    const size_t count = sizeof(rows) / sizeof(rows[0]);
    size_t length = strcspn(option, "=");
    const char *value = option[length] ? option + length + 1 : NULL;
    snprintf(name, sizeof(name), "%.*s", (int)length, option);
    const struct option_row *row = NULL;
    for (size_t i = 0; i < count && !row; i++) {
        if (strcmp(rows[i].name, name) == 0)
            row = &rows[i];
    }
    if (!row) {
        const char *near = nearest_name(name, rows, count, sizeof(rows[0]));
        snprintf(error->message, sizeof(error->message), "unknown option \"%s\"%s%s%s", name,
                 near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        return refuse(error, "synthetic-unknown-option", 0);
    }
    if (value && !row->expected) {
        snprintf(error->message, sizeof(error->message), "option \"%s\" takes no value", name);
        return refuse(error, "synthetic-bad-value", length);
    }
    bool missing = row->expected && !row->optional && (!value || *value == '\0');
    const struct option_context context = {arena, value, function, extra};
    if (missing || !row->apply(&context)) {
        snprintf(error->message, sizeof(error->message), "option \"%s\" needs %s", name, row->expected);
        return refuse(error, "synthetic-bad-value", value ? length + 1 : length);
    }
    return true;
}

void synthetic_finish_options(const struct synthetic_kind *kind, struct pci_function *function,
                              const struct synthetic_extra *extra)
{
    struct synthetic_extra counting = {0};
    if (kind->has_a_bar && !extra->bars_known)
        add_bar(function, &counting, default_bar);
    /* VFs have a device id of their own. */
    if (function->sriov.present)
        function->sriov.vf_device = function->device | 0x8000;
}

void synthetic_option_help(struct text_buffer *out)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct option_row *row = &rows[i];
        text_buffer_format(out, "  %-12s %s\n", row->name, row->help);
        if (row->expected)
            text_buffer_format(out, "  %-12s   %s=%s\n", "", row->optional ? "or " : "", row->expected);
    }
}
