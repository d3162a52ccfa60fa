/* SPDX-License-Identifier: MIT */
/**
 * @file embedded.h
 * Text files carried inside the program (presets, schemas), so that it needs no data folder at run time.
 * The list is written by scripts/embed.sh at build time.
 */
#ifndef IOMMUSIM_BASE_EMBEDDED_H
#define IOMMUSIM_BASE_EMBEDDED_H

struct embedded_file {
    const char *path; /**< as in the source tree, e.g. "topologies/presets/default.json" */
    const char *text; /**< NUL-terminated */
    const char *end;  /**< one past the NUL: the text is end - text - 1 bytes */
};

/** All carried files, ended by one with a NULL path. */
const struct embedded_file *embedded_files(void);

#endif
