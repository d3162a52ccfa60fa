/* SPDX-License-Identifier: MIT */
#include "sim/input/lspci_text_reader.h"

#include "sim/input/lspci_words.h"

#include <string.h>

enum { KEY_LENGTH = 48 };

static void start_verbose(struct lspci_text *text, struct slice *rest);
static void start_region(struct lspci_text *text, struct slice *rest);
static void start_memory(struct lspci_text *text, struct slice *rest);
static void start_io(struct lspci_text *text, struct slice *rest);
static void start_rom(struct lspci_text *text, struct slice *rest);
static void start_io_window(struct lspci_text *text, struct slice *rest);
static void start_memory_window(struct lspci_text *text, struct slice *rest);
static void start_prefetchable_window(struct lspci_text *text, struct slice *rest);
static void start_capability(struct lspci_text *text, struct slice *rest);
static void start_bus(struct lspci_text *text, struct slice *rest);
static void start_driver(struct lspci_text *text, struct slice *rest);
static void start_unknown_type(struct lspci_text *text, struct slice *rest);
static void start_denied(struct lspci_text *text, struct slice *rest);
static void start_express_register(struct lspci_text *text, struct slice *rest);
static void start_acs_capability(struct lspci_text *text, struct slice *rest);
static void start_acs_control(struct lspci_text *text, struct slice *rest);

/* A key, what to do when it is met (or NULL), and who takes the words behind it (or NULL: they are skipped).
 */
static const struct statement {
    const char *key;
    void (*start)(struct lspci_text *text, struct slice *rest);
    lspci_word_handler handler;
} statements[] = {
    {"Control:", start_verbose, words_of_control},
    {"Flags:", start_verbose, words_of_flags},
    {"Subsystem:", NULL, words_of_subsystem},
    {"Bus:", start_bus, words_of_bus},
    {"I/O behind bridge:", start_io_window, words_of_window},
    {"Memory behind bridge:", start_memory_window, words_of_window},
    {"Prefetchable memory behind bridge:", start_prefetchable_window, words_of_window},
    {"Region ", start_region, words_of_region},
    {"Memory at ", start_memory, words_of_region},
    {"I/O ports at ", start_io, words_of_region},
    {"[virtual] Memory at ", start_memory, words_of_region},
    {"Expansion ROM at ", start_rom, words_of_region},
    {"[virtual] Expansion ROM at ", NULL, NULL},
    {"Capabilities:", start_capability, NULL},
    {"DevCap:", start_express_register, words_of_devcap},
    {"DevCtl:", start_express_register, words_of_devctl},
    {"LnkCap:", start_express_register, words_of_lnkcap},
    {"LnkSta:", start_express_register, words_of_lnksta},
    {"DevCtl2:", NULL, words_of_devctl2},
    {"AtomicOpsCap:", NULL, words_of_atomiccap},
    {"AtomicOpsCtl:", NULL, words_of_atomicctl},
    {"ACSCap:", start_acs_capability, words_of_acscap},
    {"ACSCtl:", start_acs_control, words_of_acsctl},
    {"ARICap:", NULL, words_of_aricap},
    {"AFCap:", NULL, words_of_afcap},
    {"ATSCap:", NULL, words_of_atscap},
    {"ATSCtl:", NULL, words_of_atsctl},
    {"Page Request Capacity:", NULL, words_of_page_requests},
    {"PASIDCap:", NULL, words_of_pasidcap},
    {"IOVCtl:", NULL, words_of_iovctl},
    {"Initial VFs:", NULL, words_of_vf_counts},
    {"VF offset:", NULL, words_of_vf_offset},
    {"Kernel driver in use:", start_driver, words_of_driver},
    {"IOMMU group:", NULL, words_of_group},
    {"NUMA node:", NULL, words_of_numa},
    {"!!! Unknown header type", start_unknown_type, NULL},
    {"!!!", NULL, NULL},
    {"<access denied to the rest>", start_denied, NULL},
};

static void start_verbose(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    text->verbose = true;
}

static void start_bus(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    text->bus_line = true;
}

static void start_window(struct lspci_text *text, struct window *window)
{
    text->window = window;
    *window = (struct window){0};
}

static void start_io_window(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    start_window(text, &text->function.io_window);
}

static void start_memory_window(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    start_window(text, &text->function.memory_window);
}

static void start_prefetchable_window(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    start_window(text, &text->function.prefetchable_window);
}

static void start_bar(struct lspci_text *text, unsigned number)
{
    struct bar *bars = text->in_sriov ? text->function.sriov.vf_bars : text->function.bars;
    text->bar = number < 6 ? &bars[number] : NULL;
    if (text->bar)
        *text->bar = (struct bar){.kind = BAR_NONE};
    text->next_bar = number + 1;
}

static void start_region(struct lspci_text *text, struct slice *rest)
{
    uint64_t number;
    text->bar = NULL;
    if (slice_number(rest, 10, 1, 1, &number) && slice_skip(rest, ":"))
        start_bar(text, (unsigned)number);
}

/* The key ended with "at ": make that the word before, so that the next one is the address. */
static void start_address(struct lspci_text *text, const struct slice *rest, enum bar_kind kind)
{
    text->previous = (struct slice){rest->at - 3, rest->at - 1};
    if (text->bar)
        text->bar->kind = kind;
}

/* `lspci -v` does not number the regions. They are printed in order and a 64-bit one takes two registers;
 * those left out in between cannot be told. */
static void start_memory(struct lspci_text *text, struct slice *rest)
{
    start_bar(text, text->next_bar);
    start_address(text, rest, BAR_MEMORY32);
    text->memory_decoded = true;
}

static void start_io(struct lspci_text *text, struct slice *rest)
{
    start_bar(text, text->next_bar);
    start_address(text, rest, BAR_IO);
}

static void start_rom(struct lspci_text *text, struct slice *rest)
{
    text->bar = &text->function.bars[BAR_ROM];
    *text->bar = (struct bar){.kind = BAR_NONE};
    start_address(text, rest, BAR_MEMORY32);
}

static void start_capability(struct lspci_text *text, struct slice *rest)
{
    text->verbose = true;
    capability_line(text, slice_trim(*rest));
}

static void start_driver(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    text->driver = (struct slice){NULL, NULL};
}

/* Registers say that there is the capability, even where a mailer lost the line that names it. */
static void start_express_register(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    text->express_registers = true;
}

static void start_acs_capability(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    text->function.acs.present = true;
}

static void start_acs_control(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    text->acs_registers = true;
}

/* "!!! Unknown header type 7f": the function reads as all ones. */
static void start_unknown_type(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    text->capabilities_hidden = true;
}

/* Of a CardBus bridge: its capabilities are behind the bytes a user may read. */
static void start_denied(struct lspci_text *text, struct slice *rest)
{
    (void)rest;
    text->verbose = true;
    text->capabilities_hidden = true;
}

/* Does the line start a statement we do not know? A colon that ends one of its first words says so. */
static bool has_foreign_key(struct slice line)
{
    const char *limit = slice_length(line) > KEY_LENGTH ? line.at + KEY_LENGTH : line.end;
    for (const char *at = line.at; at < limit; at++) {
        if (*at == ':')
            return at + 1 == line.end || at[1] == ' ' || at[1] == '\t';
        if (*at == '(' || *at == '[' || *at == ',')
            return false;
    }
    return false;
}

/* "Device 24: Function 0", "Data Fabric: Device 18h": names of devices hold such colons, keys of lspci below
 * a header do not. */
static bool is_end_of_name(struct slice line)
{
    const char *colon = memchr(line.at, ':', slice_length(line)), *at = colon;
    if (!colon)
        return false;
    struct slice after = slice_trim((struct slice){colon + 1, line.end});
    if (slice_skip(&after, "Device") || slice_skip(&after, "Function"))
        return true;
    while (at > line.at && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return at < colon && (at == line.at || at[-1] == ' ');
}

/* A line of the tree that lspci -t draws: another listing has begun. */
static bool is_tree_line(struct slice line)
{
    return slice_skip(&line, "|") || slice_skip(&line, "+-") || slice_skip(&line, "\\-") ||
           slice_skip(&line, "-[");
}

static void take_words(struct lspci_text *text, struct slice rest)
{
    struct slice word;
    while (text->handler && slice_next_word(&rest, &word)) {
        while (word.end > word.at && (word.end[-1] == ',' || word.end[-1] == ';'))
            word.end--;
        text->handler(text, word);
        text->previous = word;
    }
}

/* A wrapped header line goes on: its name may be known as a whole only. */
static void join_header(struct lspci_text *text, struct slice line)
{
    struct lspci_header *header = text->header;
    size_t known = slice_length(header->rest), more = slice_length(line);
    if (known + more + 1 > sizeof(text->name))
        return;
    memmove(text->name, header->rest.at, known);
    text->name[known] = ' ';
    memcpy(text->name + known + 1, line.at, more);
    header->rest = (struct slice){text->name, text->name + known + 1 + more};
    lspci_header_settle(header);
}

void lspci_text_reset(struct lspci_text *text, struct lspci_header *header)
{
    memset(text, 0, sizeof(*text));
    text->header = header;
    text->in_header = true;
}

void lspci_text_line(struct lspci_text *text, struct slice line)
{
    if (slice_length(line) == 0) {
        /* What follows a header after a gap is no part of it. */
        text->in_header = false;
        return;
    }
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        struct slice rest = line;
        if (!slice_skip(&rest, statements[i].key))
            continue;
        text->in_header = false;
        text->details = true;
        text->handler = statements[i].handler;
        text->previous = (struct slice){line.at, line.at};
        if (statements[i].start)
            statements[i].start(text, &rest);
        take_words(text, rest);
        return;
    }
    if ((has_foreign_key(line) && !(text->in_header && is_end_of_name(line))) || is_tree_line(line)) {
        text->in_header = false;
        text->handler = NULL;
    } else if (text->in_header) {
        join_header(text, line);
    } else {
        take_words(text, line);
    }
}

bool lspci_text_goes_on(const struct lspci_text *text)
{
    return text->handler == words_of_flags && text->previous.end > text->previous.at &&
           (*text->previous.end == ',' || slice_is(text->previous, "IOMMU"));
}

/* -v does not print the command register: regions that decode are not marked disabled, and a bridge without
 * regions of its own is taken to forward what its windows say (whatever drives it has switched it on). */
static bool decodes(const struct lspci_text *text)
{
    const struct pci_function *function = &text->function;
    bool forwards =
        function->header_type == 1 && (function->memory_window.open || function->prefetchable_window.open);
    for (int b = 0; b < BAR_ROM; b++)
        forwards &= function->bars[b].kind != BAR_MEMORY32 && function->bars[b].kind != BAR_MEMORY64;
    return text->memory_decoded || forwards;
}

void lspci_text_finish(struct lspci_text *text)
{
    struct pci_function *function = &text->function;
    const struct lspci_header *header = text->header;
    uint32_t kind = header->class_code >> 8;
    function->vendor = header->vendor;
    function->device = header->device;
    function->class_code = header->class_code;
    function->revision = header->revision;
    if (text->bus_line && !header->class_known)
        function->class_code = 0x060400;
    function->header_type = kind == 0x0607 ? 2 : text->bus_line || kind == 0x0604 ? 1 : 0;
    if (!text->control)
        function->memory_space = decodes(text);
    if (function->link.width == 0)
        function->link.generation = 0; /* a port without a link still shows a speed */
    bool hidden = text->capabilities_hidden || !text->verbose;
    function->pcie_unknown = !function->pcie && (hidden || text->express_registers);
    function->pcie |= text->express_registers;
    function->acs_unknown = hidden || (function->acs.present && !text->acs_registers);
}
