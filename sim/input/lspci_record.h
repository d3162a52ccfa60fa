/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_record.h
 * One function of an lspci dump while it is being read: the header line first, then rows of bytes, lines of
 * text, or both.
 *
 *     0000:00:02.0 0604: 1b36:000c (rev 02)              header, numeric (lspci -n)
 *     00:02.0 PCI bridge [0604]: Red Hat [1b36:000c]     header, names and numbers (lspci -nn)
 *     00:02.0 PCI bridge: Red Hat, Inc. Device 000c      header, names only
 *     00: 36 1b 0c 00 07 05 10 00 ...                    bytes (-x, -xxx, -xxxx)
 *             Capabilities: [54] Express (v2) Root Port  text (-v, -vv, -vvv)
 */
#ifndef IOMMUSIM_INPUT_LSPCI_RECORD_H
#define IOMMUSIM_INPUT_LSPCI_RECORD_H

#include "sim/base/diagnostic.h"
#include "sim/input/slice.h"
#include "sim/topology/config_space.h"
#include "sim/topology/pci_function.h"

struct arena;

enum { LSPCI_WAY_MAX = 16 }; /* bridges one below the other in a path of lspci -PP */

/** What a header line says. */
struct lspci_header {
    uint32_t segment;
    uint8_t bus, devfn;
    bool path; /**< written as a path without buses (lspci -P) */
    struct {
        uint8_t bus, devfn;
    } way[LSPCI_WAY_MAX]; /**< written as a path (lspci -PP): the bridges above, the highest first */
    unsigned way_count;
    bool class_known;                /**< a number was given or the name is a known class name */
    bool interface_known;            /**< the programming interface was printed */
    bool vendor_known, device_known; /**< printed, or derived from the names */
    bool ids_named;                  /**< derived from the names */
    uint32_t class_code;             /**< 24 bits */
    uint16_t vendor, device;
    uint8_t revision;
    struct slice name; /**< vendor and device name without ids and revision; empty where numeric */
    struct slice
        rest; /**< the name with ids and marks as they were written; where numeric, what follows ids */
};

/**
 * Does @p line (trimmed) start a function? That is: an address, a blank, then a class.
 * @return true with @p header filled
 */
bool lspci_header_parse(struct slice line, struct lspci_header *header);

/** Cut the address and the blanks behind it off the front of @p line into a header that knows nothing else.
 * @return false where there is none */
bool lspci_header_address(struct slice *line, struct lspci_header *header);

/**
 * Take revision, programming interface, ids and name out of the rest of a header that names and does not
 * number its device; derive ids from the name where there are none. Done by lspci_header_parse(); once more
 * where the end of a wrapped line was appended to the rest.
 */
void lspci_header_settle(struct lspci_header *header);

/** Rows of bytes of the current function. */
struct lspci_bytes {
    uint8_t bytes[CONFIG_EXPRESS_SIZE];
    unsigned next; /**< offset after the last row; 0: no row yet */
    bool broken;   /**< a diagnostic was reported for it */
};

/** Forget what the last function had. */
void lspci_bytes_reset(struct lspci_bytes *bytes);

/**
 * Does @p line (trimmed) look like a row of bytes: an offset of two or three digits, a colon, and bytes (the
 * first two are looked at)? "24: Function 0" is the rest of a wrapped name.
 */
bool lspci_is_row(struct slice line);

/** Read one row. Rows come in ascending order; in extended space rows may be left out, their bytes are zero.
 */
void lspci_bytes_add(struct lspci_bytes *bytes, struct slice line, const struct source_text *source,
                     struct diagnostics *diagnostics);

/**
 * The bytes read, as a configuration space.
 * @param origin  where the function's header stands in the source, for the diagnostic of an impossible length
 * @return its length: 64, 128, 256 or 4096; 0 where there were no (good) bytes
 */
unsigned lspci_bytes_finish(struct lspci_bytes *bytes, const struct source_text *source, size_t origin,
                            struct diagnostics *diagnostics);

#endif
