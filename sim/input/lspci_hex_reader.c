/* SPDX-License-Identifier: MIT */
/* Rows of bytes as `lspci -x`, `-xxx` and `-xxxx` print them. */
#include "sim/input/lspci_record.h"

#include <string.h>

enum { ROW_BYTES = 16, CARDBUS_SIZE = 128 };

void lspci_bytes_reset(struct lspci_bytes *bytes)
{
    if (bytes->next > 0)
        memset(bytes->bytes, 0, sizeof(bytes->bytes));
    bytes->next = 0;
    bytes->broken = false;
}

static bool row_offset(struct slice *line, uint64_t *offset)
{
    return slice_number(line, 16, 2, 3, offset) && slice_skip(line, ":");
}

static bool skip_byte(struct slice *line)
{
    struct slice word;
    uint64_t value;
    return slice_next_word(line, &word) && slice_number(&word, 16, 2, 2, &value) && word.at == word.end;
}

bool lspci_is_row(struct slice line)
{
    uint64_t offset;
    return row_offset(&line, &offset) && line.at < line.end && (*line.at == ' ' || *line.at == '\t') &&
           skip_byte(&line) && (line.at == line.end || skip_byte(&line));
}

static void report(struct lspci_bytes *bytes, const struct source_text *source, const char *at,
                   struct diagnostics *diagnostics, const char *code, const char *text)
{
    bytes->broken = true;
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, (size_t)(at - source->text), NULL, code, "%s",
                       text);
}

/* The 16 bytes of a row; false with @p bad at the first place that is no byte. */
static bool row_bytes(struct slice line, uint8_t *out, const char **bad)
{
    struct slice word;
    for (unsigned i = 0; i < ROW_BYTES; i++) {
        uint64_t value;
        *bad = line.end;
        if (!slice_next_word(&line, &word))
            return false;
        *bad = word.at;
        if (!slice_number(&word, 16, 2, 2, &value) || word.at != word.end)
            return false;
        out[i] = (uint8_t)value;
    }
    bool more = slice_next_word(&line, &word);
    *bad = word.at;
    return !more;
}

void lspci_bytes_add(struct lspci_bytes *bytes, struct slice line, const struct source_text *source,
                     struct diagnostics *diagnostics)
{
    if (bytes->broken)
        return; /* one diagnostic a function is enough */
    const char *start = line.at, *bad;
    uint64_t offset = 0;
    row_offset(&line, &offset);
    if (offset % ROW_BYTES != 0) {
        report(bytes, source, start, diagnostics, "lspci-row-offset",
               "a row of bytes starts at a multiple of 10h");
    } else if (offset < bytes->next) {
        report(bytes, source, start, diagnostics, "lspci-row-order",
               "this row repeats or comes before the one above");
    } else if (offset > bytes->next && bytes->next < CONFIG_PCI_SIZE) {
        report(bytes, source, start, diagnostics, "lspci-row-missing",
               "rows are missing before this one; only rows of extended space may be left out");
    } else if (!row_bytes(line, bytes->bytes + offset, &bad)) {
        report(bytes, source, bad, diagnostics, "lspci-row-bytes",
               "a row holds 16 bytes of two hexadecimal digits");
    }
    bytes->next = (unsigned)offset + ROW_BYTES;
}

unsigned lspci_bytes_finish(struct lspci_bytes *bytes, const struct source_text *source, size_t origin,
                            struct diagnostics *diagnostics)
{
    if (bytes->broken)
        return 0;
    switch (bytes->next) {
    case 0:
    case CONFIG_HEADER_SIZE:
    case CARDBUS_SIZE:
    case CONFIG_PCI_SIZE:
        return bytes->next;
    default:
        if (bytes->next > CONFIG_PCI_SIZE)
            return CONFIG_EXPRESS_SIZE;
    }
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, origin, NULL, "lspci-truncated",
                       "the dump of this function ends after %u bytes, expected 64, 256 or 4096",
                       bytes->next);
    return 0;
}
