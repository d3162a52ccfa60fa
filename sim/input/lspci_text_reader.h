/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_text_reader.h
 * The indented text that `lspci -v`, `-vv` and `-vvv` print below a function's header line.
 *
 * Posted dumps are seldom pristine: mailers wrap lines, web pages drop indentation. So the text is read as
 * statements made of words: a known key ("LnkSta:", "Memory behind bridge:") starts a statement, whatever
 * line follows without a key of its own continues it, and every statement takes its words one by one.
 */
#ifndef IOMMUSIM_INPUT_LSPCI_TEXT_READER_H
#define IOMMUSIM_INPUT_LSPCI_TEXT_READER_H

#include "sim/input/lspci_record.h"
#include "sim/input/slice.h"
#include "sim/topology/pci_function.h"

struct lspci_text;

/** Takes one word of a statement; a comma or semicolon at its end is cut off. */
typedef void (*lspci_word_handler)(struct lspci_text *text, struct slice word);

/** What the text of one function said so far. */
struct lspci_text {
    struct pci_function function; /**< the fields the text tells */
    struct slice driver;          /**< "Kernel driver in use", empty where none was printed */
    bool details;                 /**< there was text at all: -k, -v or more */
    bool verbose;             /**< text that would have shown capabilities if there were any: -v or more */
    bool bus_line;            /**< "Bus: primary=...": it is a bridge */
    bool capabilities_hidden; /**< "Capabilities: <access denied>", or the header type was unknown */
    bool express_registers;   /**< DevCap or the like was printed: it is a PCI Express function */
    bool acs_registers;       /**< ACSCap and ACSCtl were printed (-vv) */
    bool control;             /**< the command register was printed (-vv) */
    bool memory_decoded;      /**< -v: there are memory regions, and they are not disabled */
    bool numa_known;
    uint32_t numa_node;

    bool in_header; /**< no statement yet: what comes is the end of a wrapped header line */

    /* The statement being read. */
    lspci_word_handler handler;
    struct slice previous; /**< the word before */
    struct bar *bar;       /**< the BAR or ROM a region statement fills */
    struct window *window; /**< the window a "behind bridge" statement fills */
    unsigned next_bar;     /**< where a region without a number goes (-v) */
    bool in_sriov;         /**< regions are VF BARs */
    enum { VF_COUNT_INITIAL, VF_COUNT_TOTAL, VF_COUNT_ENABLED } vf_count; /**< whose number comes next */
    struct lspci_header *header;
    char name[256]; /**< the rest of a header that was wrapped, joined again */
};

/**
 * Start with a new function.
 * @param header  its header line; ids and revision that a wrapped header line carries on its second line are
 * added
 */
void lspci_text_reset(struct lspci_text *text, struct lspci_header *header);

/** Read one line, trimmed. */
void lspci_text_line(struct lspci_text *text, struct slice line);

/** Did the line before end in the middle of flags, with a comma or with "IOMMU"? Then "IOMMU group 14" or
 * "group 14" is no heading of a listing. */
bool lspci_text_goes_on(const struct lspci_text *text);

/** Settle what only the whole text tells (is it a bridge, is ACS known, does memory decode). */
void lspci_text_finish(struct lspci_text *text);

#endif
