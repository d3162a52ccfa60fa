/* SPDX-License-Identifier: MIT */
#include "sim/input/kernel_log_line.h"

#include "sim/input/lspci_import.h"
#include "sim/topology/pci_function.h"

#include <ctype.h>
#include <string.h>

enum {
    JOINED_LIMIT = 8192, /* longest message: a command line */
    STAMP_LIMIT = 40,
    PREFIX_LIMIT = 100, /* syslog: date, host, "kernel:" */
    KEY_LIMIT = 48,
};

/* "[   12.345678]", "[    0.000000,3]", "[      T1]", "[Mon Jan  1 00:00:00 2024]", "[  +0.000123]",
 * "[    0.000000 <    0.000012>]" */
static bool skip_bracket(struct slice *line)
{
    if (line->at == line->end || *line->at != '[')
        return false;
    bool digits = false;
    for (const char *at = line->at + 1; at < line->end && at - line->at < STAMP_LIMIT; at++) {
        if (*at == ']' && digits) {
            line->at = at + 1;
            *line = slice_trim(*line);
            return true;
        }
        digits |= isdigit((unsigned char)*at) != 0;
        bool caller = (*at == 'T' || *at == 'C') && !digits;
        if (!isdigit((unsigned char)*at) && !strchr(" .,:+<>@", *at) && !caller &&
            !(isalpha((unsigned char)*at) && at - line->at < 8))
            return false;
    }
    return false;
}

/* Is the bracket at the start a time stamp, not "[8086:1901] type ..." or "[drm] ..."? */
static bool starts_with_stamp(struct slice line)
{
    struct slice rest = line;
    if (!skip_bracket(&rest))
        return false;
    const char *dot = memchr(line.at, '.', (size_t)(rest.at - line.at));
    const char *blank = memchr(line.at, ' ', (size_t)(rest.at - line.at));
    return dot || blank;
}

bool kernel_log_address(struct slice *rest, uint32_t *segment, uint8_t *bus, uint8_t *devfn)
{
    struct slice at = *rest;
    uint64_t numbers[4];
    if (!slice_number(&at, 16, 4, 6, &numbers[0]) || !slice_skip(&at, ":") ||
        !slice_number(&at, 16, 2, 2, &numbers[1]) || !slice_skip(&at, ":") ||
        !slice_number(&at, 16, 2, 2, &numbers[2]) || numbers[2] > 31 || !slice_skip(&at, ".") ||
        !slice_number(&at, 10, 1, 1, &numbers[3]) || numbers[3] > 7)
        return false;
    *segment = (uint32_t)numbers[0];
    *bus = (uint8_t)numbers[1];
    *devfn = pci_devfn((unsigned)numbers[2], (unsigned)numbers[3]);
    *rest = at;
    return true;
}

bool kernel_log_device(struct slice message, struct kernel_log_device *device)
{
    struct slice previous = {message.at, message.at}, rest = message, word;
    while (slice_next_word(&rest, &word)) {
        struct slice at = {word.at, message.end};
        if (kernel_log_address(&at, &device->segment, &device->bus, &device->devfn) && slice_skip(&at, ":")) {
            device->driver = previous.at == message.at && slice_length(previous) > 0
                                 ? previous
                                 : (struct slice){word.at, word.at};
            device->body = slice_trim(at);
            return true;
        }
        previous = word;
    }
    return false;
}

/* Messages that concern no function but are read. */
static bool is_platform_message(struct slice message)
{
    static const char *const starts[] = {"PCI host bridge to bus",
                                         "pci_bus ",
                                         "DMAR",
                                         "dmar:",
                                         "AMD-Vi",
                                         "iommu: ",
                                         "Command line: ",
                                         "Kernel command line: ",
                                         "BOOT_IMAGE=",
                                         "Intel-IOMMU: "};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        struct slice rest = message;
        if (slice_skip(&rest, starts[i]))
            return true;
    }
    return false;
}

/* "<6>", and behind it in /dev/kmsg "339,5140900,-;" */
static bool skip_priority(struct slice *line)
{
    struct slice rest = *line;
    uint64_t number;
    if (slice_skip(&rest, "<")) {
        if (!slice_number(&rest, 10, 1, 3, &number) || !slice_skip(&rest, ">"))
            return false;
    } else {
        size_t limit = slice_length(rest) < PREFIX_LIMIT ? slice_length(rest) : PREFIX_LIMIT;
        const char *end = limit ? memchr(rest.at, ';', limit) : NULL;
        for (int fields = 0; fields < 3; fields++) {
            if (!end || !slice_number(&rest, 10, 1, 16, &number) || !slice_skip(&rest, ","))
                return false;
        }
        rest.at = end + 1;
    }
    *line = slice_trim(rest);
    return true;
}

/* "Jan  1 00:00:00 host kernel: " */
static bool skip_syslog(struct slice *line)
{
    struct slice head = {line->at, slice_length(*line) > PREFIX_LIMIT ? line->at + PREFIX_LIMIT : line->end};
    const char *kernel = slice_find(head, "kernel: ");
    if (!kernel || kernel == line->at || kernel[-1] != ' ')
        return false;
    line->at = kernel + strlen("kernel: ");
    *line = slice_trim(*line);
    return true;
}

/* dmesg -x: "kern  :info  : [..." */
static bool skip_facility(struct slice *line)
{
    size_t length = slice_length(*line) < PREFIX_LIMIT ? slice_length(*line) : PREFIX_LIMIT;
    const char *bracket = length ? memchr(line->at, '[', length) : NULL;
    struct slice facility = *line;
    if (!bracket || !slice_skip(&facility, "kern "))
        return false;
    line->at = bracket;
    return true;
}

/* dmesg --time-format iso: "2024-01-01T00:00:00,000000+00:00 " */
static bool skip_iso_time(struct slice *line)
{
    struct slice word, after = *line;
    if (!slice_next_word(&after, &word) || slice_length(word) <= 18 || word.at[4] != '-' ||
        word.at[10] != 'T')
        return false;
    *line = slice_trim(after);
    return true;
}

/* Does a message of the PCI core about a function start with @p word? Those of other drivers could be the end
 * of a sentence. */
static bool starts_pci_message(struct slice word, struct slice behind)
{
    struct slice address;
    uint32_t segment;
    uint8_t bus, devfn;
    return (slice_is(word, "pci") || slice_is(word, "pcieport")) && slice_next_word(&behind, &address) &&
           kernel_log_address(&address, &segment, &bus, &devfn) && slice_is(address, ":");
}

/* Whatever else stands before a message that is read: "c0   1 ", "my-box kernel - - - " */
static bool skip_unknown_words(struct slice *line)
{
    struct slice rest = *line, word;
    while (slice_next_word(&rest, &word) && word.at - line->at < PREFIX_LIMIT) {
        if (!starts_pci_message(word, rest) && !is_platform_message((struct slice){word.at, line->end}))
            continue;
        bool found = word.at > line->at;
        line->at = word.at;
        return found;
    }
    return false;
}

/* Cut off what stands before a message. @return true where there was something */
static bool skip_stamp(struct slice *line)
{
    bool stamped = skip_priority(line);
    stamped |= skip_syslog(line);
    stamped |= skip_facility(line);
    stamped |= skip_iso_time(line);
    while (starts_with_stamp(*line) && skip_bracket(line))
        stamped = true;
    stamped |= skip_iso_time(line);
    stamped |= skip_unknown_words(line);
    return stamped;
}

bool kernel_log_is_line(struct slice line)
{
    struct kernel_log_device device;
    skip_stamp(&line);
    return is_platform_message(line) || (kernel_log_device(line, &device) && slice_length(device.driver) > 0);
}

/* Does a line start a message? Continuations have neither a stamp nor a key that ends in a colon. */
static bool starts_message(struct slice line, bool stamped)
{
    if (stamped || is_platform_message(line))
        return true;
    const char *limit = slice_length(line) > KEY_LIMIT ? line.at + KEY_LIMIT : line.end;
    for (const char *at = line.at; at < limit; at++) {
        if (strchr("[](=", *at))
            return false;
        if (*at == ':' && (at + 1 == line.end || at[1] == ' '))
            return true;
    }
    return false;
}

static bool take_line(struct kernel_log_cursor *cursor, struct slice *rest, struct slice *line, bool *starts)
{
    if (!slice_next_line(rest, line))
        return false;
    cursor->next_line++;
    *line = lspci_unquote(*line);
    *starts = starts_message(*line, skip_stamp(line));
    return true;
}

static void join(struct kernel_log_cursor *cursor, struct slice *message, struct slice line)
{
    if (cursor->joined.length == 0)
        text_buffer_append(&cursor->joined, message->at, slice_length(*message));
    text_buffer_append(&cursor->joined, " ", 1);
    text_buffer_append(&cursor->joined, line.at, slice_length(line));
    const char *text = text_buffer_get(&cursor->joined);
    *message = (struct slice){text, text + cursor->joined.length};
}

bool kernel_log_next(struct kernel_log_cursor *cursor, struct slice *message)
{
    bool starts;
    cursor->at = cursor->rest.at;
    if (!take_line(cursor, &cursor->rest, message, &starts))
        return false;
    cursor->line = cursor->next_line;
    cursor->joined.length = 0;
    for (struct slice rest = cursor->rest, line; take_line(cursor, &rest, &line, &starts);) {
        if (starts || slice_length(line) == 0 || slice_length(*message) + slice_length(line) > JOINED_LIMIT) {
            cursor->next_line--;
            break;
        }
        join(cursor, message, line);
        cursor->rest = rest;
    }
    return true;
}
