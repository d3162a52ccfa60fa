/* SPDX-License-Identifier: MIT */
/* Splitting into words stands first, then one function a parameter, then the table that joins them. */
#include "sim/analysis/kernel_cmdline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A piece of the command line; offsets of diagnostics are counted from the start of the text. */
struct slice {
    const char *at;
    size_t length;
};

struct parser {
    struct source_text source;
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct kernel_cmdline *cmdline;
    const char *parameter; /* name of the parameter being read, for messages */
    unsigned acs_last_bit; /* highest bit of config_acs flags */
};

static void warn(struct parser *parser, struct slice slice, const char *code, const char *what)
{
    diagnostics_report(parser->diagnostics, DIAGNOSTIC_WARNING, &parser->source,
                       (size_t)(slice.at - parser->source.text), NULL, code, "%s '%.*s' %s",
                       parser->parameter, (int)slice.length, slice.at, what);
}

static void warn_no_effect(struct parser *parser, struct slice slice)
{
    warn(parser, slice, "cmdline-no-effect", "is no word the kernel knows there: it has no effect");
}

static bool starts_with(struct slice slice, const char *prefix)
{
    size_t length = strlen(prefix);
    return slice.length >= length && memcmp(slice.at, prefix, length) == 0;
}

static bool equals(struct slice slice, const char *text)
{
    return slice.length == strlen(text) && starts_with(slice, text);
}

static struct slice drop(struct slice slice, size_t count)
{
    return (struct slice){slice.at + count, slice.length - count};
}

/* Cut the part before the first of @p separators off @p rest; false where nothing is left. */
static bool next_part(struct slice *rest, const char *separators, struct slice *part)
{
    if (!rest->length)
        return false;
    size_t length = 0;
    while (length < rest->length && !strchr(separators, rest->at[length]))
        length++;
    *part = (struct slice){rest->at, length};
    *rest = drop(*rest, length < rest->length ? length + 1 : length);
    return true;
}

/* Words that the kernel takes and that an IOMMU does not mind. */
struct idle_word {
    const char *word, *why;
};

static bool warn_idle(struct parser *parser, struct slice word, const struct idle_word *words)
{
    for (; words->word; words++) {
        if (!starts_with(word, words->word))
            continue;
        warn(parser, word, "cmdline-no-effect", words->why);
        return true;
    }
    return false;
}

static bool starts_with_any(struct slice slice, const char *const *words)
{
    for (; *words; words++) {
        if (starts_with(slice, *words))
            return true;
    }
    return false;
}

/* The kernel compares these words by prefix only; so do we. */
static void read_intel_iommu(struct parser *parser, struct slice value)
{
    static const char *const harmless[] = {"sm_on", "sm_off", "tboot_noforce", "nobounce", NULL};
    struct kernel_cmdline *cmdline = parser->cmdline;
    struct slice word;
    while (next_part(&value, ",", &word)) {
        if (starts_with(word, "on"))
            cmdline->intel_iommu = GIVEN_ON;
        else if (starts_with(word, "off"))
            cmdline->intel_iommu = GIVEN_OFF;
        else if (starts_with(word, "igfx_off"))
            cmdline->intel_graphics_off = true;
        else if (starts_with(word, "strict"))
            cmdline->strict = GIVEN_ON;
        else if (starts_with(word, "forcedac"))
            cmdline->forcedac = true;
        else if (starts_with(word, "sp_off"))
            cmdline->intel_superpages_off = true;
        else if (!starts_with_any(word, harmless))
            warn_no_effect(parser, word);
    }
}

static void read_amd_iommu(struct parser *parser, struct slice value)
{
    static const char *const harmless[] = {"force_enable", "force_isolation", "pgtbl_v1", "pgtbl_v2",
                                           "irtcachedis",  "v2_pgsizes_only", NULL};
    struct slice word;
    while (next_part(&value, ",", &word)) {
        if (starts_with(word, "off"))
            parser->cmdline->amd_iommu_off = true;
        else if (starts_with(word, "fullflush"))
            parser->cmdline->strict = GIVEN_ON;
        else if (starts_with(word, "nohugepages"))
            parser->cmdline->amd_superpages_off = true;
        else if (!starts_with_any(word, harmless))
            warn_no_effect(parser, word);
    }
}

#define OF_GART "is for the AGP GART of old AMD machines: it has no effect on an IOMMU"

/* iommu_setup() and gart_parse_options() of arch/x86/kernel. */
static void read_iommu(struct parser *parser, struct slice value)
{
    static const struct idle_word idle[] = {
        {"soft", "keeps a pool of bounce buffers: an IOMMU translates all the same"},
        {"fullflush", OF_GART ", which iommu.strict=1 has flush at once"},
        {"force", OF_GART},
        {"noforce", OF_GART},
        {"biomerge", OF_GART},
        {"merge", OF_GART},
        {"nomerge", OF_GART},
        {"panic", OF_GART},
        {"nopanic", OF_GART},
        {"leak", OF_GART},
        {"memaper", OF_GART},
        {"noagp", OF_GART},
        {"noaperture", OF_GART},
        {"nofullflush", OF_GART},
        {"usedac", "is for a VIA bridge: it has no effect on an IOMMU"},
        {"forcesac", "is an option that the kernel ignores"},
        {"allowdac", "is an option that the kernel ignores"},
        {"nodac", "is an option that the kernel ignores"},
        {"calgary", "is for hardware that the kernel supports no more"},
        {NULL, NULL},
    };
    struct slice word;
    while (next_part(&value, ",", &word)) {
        if (starts_with(word, "off"))
            parser->cmdline->iommu_off = true;
        else if (starts_with(word, "pt"))
            parser->cmdline->passthrough = GIVEN_ON;
        else if (starts_with(word, "nopt"))
            parser->cmdline->passthrough = GIVEN_OFF;
        else if (!warn_idle(parser, word, idle))
            warn_no_effect(parser, word);
    }
}

/* Truth values as kstrtobool() reads them. */
static void read_switch(struct parser *parser, struct slice value, enum given *given)
{
    if (starts_with_any(value, (const char *const[]){"1", "y", "Y", "t", "T", "on", "On", "ON", NULL}))
        *given = GIVEN_ON;
    else if (starts_with_any(value, (const char *const[]){"0", "n", "N", "f", "F", "of", "Of", "OF", NULL}))
        *given = GIVEN_OFF;
    else
        warn(parser, value, "cmdline-malformed", "is no truth value: the kernel ignores it");
}

static void read_passthrough(struct parser *parser, struct slice value)
{
    read_switch(parser, value, &parser->cmdline->passthrough);
}

static void read_strict(struct parser *parser, struct slice value)
{
    read_switch(parser, value, &parser->cmdline->strict);
}

static void read_forcedac(struct parser *parser, struct slice value)
{
    enum given given = NOT_GIVEN;
    read_switch(parser, value, &given);
    if (given != NOT_GIVEN)
        parser->cmdline->forcedac = given == GIVEN_ON;
}

/* A number as simple_strtoul(,, 0) reads it; what follows its digits is not looked at. */
static bool read_number(struct slice word, uint64_t *number)
{
    char text[24], *end;
    size_t length = word.length < sizeof(text) - 1 ? word.length : sizeof(text) - 1;
    memcpy(text, word.at, length);
    text[length] = '\0';
    *number = strtoull(text, &end, 0);
    return length && text[0] >= '0' && text[0] <= '9';
}

/* setup_io_tlb_npages(): slots, areas, then a word, any of them left out from the front. */
static void read_swiotlb(struct parser *parser, struct slice value)
{
    struct kernel_cmdline *cmdline = parser->cmdline;
    struct slice word;
    for (int numbers = 0; next_part(&value, ",", &word);) {
        uint64_t number;
        if (numbers < 2 && read_number(word, &number)) {
            if (numbers == 0 && number == 0)
                cmdline->swiotlb_force = GIVEN_OFF; /* a pool of nothing is none */
            if (numbers++ == 0)
                cmdline->swiotlb_slots = number < UINT32_MAX ? number : UINT32_MAX;
            else
                cmdline->swiotlb_areas = number < 4096 ? (uint32_t)number : 4096;
        } else if (starts_with(word, "force")) {
            cmdline->swiotlb_force = GIVEN_ON;
        } else if (starts_with(word, "noforce")) {
            cmdline->swiotlb_force = GIVEN_OFF;
        } else {
            warn_no_effect(parser, word);
        }
    }
}

/* The kernel compares these words by prefix only, too. */
static void read_interrupt_remapping(struct parser *parser, struct slice value)
{
    static const char *const harmless[] = {"no_x2apic_optout", "nopost", "posted_msi", NULL};
    struct slice word;
    while (next_part(&value, ",", &word)) {
        if (starts_with(word, "on"))
            parser->cmdline->interrupt_remapping = GIVEN_ON;
        else if (starts_with(word, "off"))
            parser->cmdline->interrupt_remapping = GIVEN_OFF;
        else if (starts_with(word, "nosid"))
            parser->cmdline->interrupts_any_source = true;
        else if (!starts_with_any(word, harmless))
            warn_no_effect(parser, word);
    }
}

static void read_no_interrupt_remapping(struct parser *parser, struct slice value)
{
    (void)value;
    parser->cmdline->interrupt_remapping = GIVEN_OFF;
}

static void read_unsafe_interrupts(struct parser *parser, struct slice value)
{
    read_switch(parser, value, &parser->cmdline->unsafe_interrupts);
}

/* "[flags@]device[;...]": entries of both ACS options; @p with_flags tells which. */
static struct acs_option *read_acs_options(struct parser *parser, struct slice value, bool with_flags,
                                           uint32_t *count)
{
    struct acs_option *options = arena_array(parser->arena, value.length / 2 + 1, sizeof(*options));
    struct slice rest = value;
    struct slice entry;
    *count = 0;
    while (next_part(&rest, ";", &entry)) {
        struct acs_option option = {0};
        struct slice device = entry;
        if (with_flags) {
            struct slice flags;
            next_part(&device, "@", &flags);
            /* The rightmost character is bit 0. */
            bool known = flags.length > 0 && flags.length < entry.length;
            for (size_t i = 0; i < flags.length && known; i++) {
                size_t bit = flags.length - 1 - i;
                char c = flags.at[i];
                if (c == 'x' || c == 'X')
                    continue;
                known = (c == '0' || c == '1') && bit <= parser->acs_last_bit;
                option.mask |= (uint16_t)(known ? 1U << bit : 0);
                option.flags |= (uint16_t)(known && c == '1' ? 1U << bit : 0);
            }
            if (!known) {
                warn(parser, entry, "cmdline-malformed",
                     parser->acs_last_bit == ACS_CONTROL_LAST_BIT
                         ? "needs 'flags@device' with flags of 0, 1 and x, bits 6 to 0: the kernel ignores it"
                         : "needs 'flags@device' with flags of 0, 1 and x, bits 12 to 0: the kernel ignores "
                           "it");
                continue;
            }
        }
        if (!device_selector_parse(device.at, device.length, &option.selector)) {
            warn(parser, entry, "cmdline-malformed",
                 "names no device ([segment:]bus:device.function[/device.function...] or "
                 "pci:vendor:device): the kernel ignores it");
            continue;
        }
        options[(*count)++] = option;
    }
    return options;
}

static void read_pci(struct parser *parser, struct slice value)
{
    static const char disable[] = "disable_acs_redir=";
    static const char config[] = "config_acs=";
    struct kernel_cmdline *cmdline = parser->cmdline;
    struct slice word;
    while (next_part(&value, ",", &word)) {
        if (equals(word, "noats")) {
            cmdline->ats_off = true;
        } else if (starts_with(word, disable)) {
            parser->parameter = "pci=disable_acs_redir=";
            cmdline->disable_acs_redir = read_acs_options(parser, drop(word, sizeof(disable) - 1), false,
                                                          &cmdline->disable_acs_redir_count);
        } else if (starts_with(word, config)) {
            parser->parameter = "pci=config_acs=";
            cmdline->config_acs =
                read_acs_options(parser, drop(word, sizeof(config) - 1), true, &cmdline->config_acs_count);
        }
    }
}

static void read_override_id(struct parser *parser, struct slice word)
{
    struct kernel_cmdline *cmdline = parser->cmdline;
    struct device_selector ids;
    char text[40];
    if (word.length + 4 < sizeof(text)) {
        /* "id:vvvv:dddd" is "pci:vvvv:dddd" under another name. */
        snprintf(text, sizeof(text), "pci%.*s", (int)word.length - 2, word.at + 2);
        if (device_selector_parse(text, word.length + 1, &ids)) {
            if (cmdline->override_id_count == ACS_OVERRIDE_IDS) {
                warn(parser, word, "cmdline-malformed", "is one id too many: the kernel takes 15");
                return;
            }
            cmdline->override_ids[cmdline->override_id_count].vendor = ids.vendor;
            cmdline->override_ids[cmdline->override_id_count].device = ids.device;
            cmdline->override_id_count++;
            return;
        }
    }
    warn(parser, word, "cmdline-malformed", "is no 'id:vendor:device': the kernel ignores it");
}

static void read_acs_override(struct parser *parser, struct slice value)
{
    struct slice word;
    while (next_part(&value, ",", &word)) {
        if (starts_with(word, "downstream"))
            parser->cmdline->override_downstream = true;
        else if (starts_with(word, "multifunction"))
            parser->cmdline->override_multifunction = true;
        else if (starts_with(word, "id:"))
            read_override_id(parser, word);
        else
            warn_no_effect(parser, word);
    }
}

static const struct {
    const char *name;
    void (*read)(struct parser *parser, struct slice value);
} parameters[] = {
    {"intel_iommu=", read_intel_iommu},
    {"amd_iommu=", read_amd_iommu},
    {"iommu=", read_iommu},
    {"iommu.passthrough=", read_passthrough},
    {"iommu.strict=", read_strict},
    {"iommu.forcedac=", read_forcedac},
    {"swiotlb=", read_swiotlb},
    {"pci=", read_pci},
    {"pcie_acs_override=", read_acs_override},
    {"intremap=", read_interrupt_remapping},
    {"nointremap", read_no_interrupt_remapping},
    {"vfio_iommu_type1.allow_unsafe_interrupts=", read_unsafe_interrupts},
    {"vfio-iommu-type1.allow_unsafe_interrupts=", read_unsafe_interrupts},
    {"vfio_iommu_type1.allow-unsafe-interrupts=", read_unsafe_interrupts},
    {"vfio-iommu-type1.allow-unsafe-interrupts=", read_unsafe_interrupts},
};

static void read_word(struct parser *parser, struct slice word)
{
    if (word.length >= 2 && word.at[0] == '"' && word.at[word.length - 1] == '"') {
        word = drop(word, 1);
        word.length--;
    }
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        if (!starts_with(word, parameters[i].name))
            continue;
        struct slice value = drop(word, strlen(parameters[i].name));
        if (value.length >= 2 && value.at[0] == '"' && value.at[value.length - 1] == '"') {
            value = drop(value, 1);
            value.length--;
        }
        parser->parameter = parameters[i].name;
        parameters[i].read(parser, value);
    }
}

void kernel_cmdline_parse(const char *text, struct arena *arena, struct diagnostics *diagnostics,
                          struct kernel_cmdline *cmdline)
{
    kernel_cmdline_parse_bits(text, ACS_CONTROL_LAST_BIT, arena, diagnostics, cmdline);
}

void kernel_cmdline_parse_bits(const char *text, unsigned acs_last_bit, struct arena *arena,
                               struct diagnostics *diagnostics, struct kernel_cmdline *cmdline)
{
    *cmdline = (struct kernel_cmdline){0};
    if (!text)
        return;
    struct parser parser = {
        .source = {.name = "kernel command line", .text = text, .length = strlen(text)},
        .arena = arena,
        .diagnostics = diagnostics,
        .cmdline = cmdline,
        .acs_last_bit = acs_last_bit,
    };
    for (const char *at = text; *at;) {
        at += strspn(at, " \t\n");
        bool quoted = false;
        size_t length = 0;
        while (at[length] && (quoted || !strchr(" \t\n", at[length]))) {
            quoted ^= at[length] == '"';
            length++;
        }
        struct slice word = {at, length};
        if (equals(word, "--"))
            break;
        read_word(&parser, word);
        at += length;
    }
}

bool kernel_cmdline_overrides_acs(const struct kernel_cmdline *cmdline)
{
    return cmdline->override_downstream || cmdline->override_multifunction || cmdline->override_id_count;
}
