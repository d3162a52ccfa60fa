/* SPDX-License-Identifier: MIT */
/**
 * @file group_words.h
 * How text about groups names functions.
 */
#ifndef IOMMUSIM_OUTPUT_GROUP_WORDS_H
#define IOMMUSIM_OUTPUT_GROUP_WORDS_H

#include "sim/analysis/iommu_groups.h"
#include "sim/base/text_buffer.h"

enum { ID_TEXT_SIZE = 10 };

/** "8086:1572"; a half the input did not tell (ffff) is "????". @param text ID_TEXT_SIZE bytes @return text
 */
char *group_words_id(char *text, const struct pci_function *function);

/** The full address. @param bdf  BDF_TEXT_SIZE bytes @return bdf */
char *group_words_address(const struct topology *topology, uint32_t id, char *bdf);

/** The address without its segment where that is 0. @param bdf  BDF_TEXT_SIZE bytes @return inside bdf */
char *group_words_brief(const struct topology *topology, uint32_t id, char *bdf);

/**
 * Append addresses in brief, functions of a slot in one word: "00:18.1-7, 01:00.0".
 * @param ids   by address
 * @param most  words at most, then "and N more" (functions); 0: all
 */
void group_words_list(const struct topology *topology, const uint32_t *ids, uint32_t count, uint32_t most,
                      struct text_buffer *out);

/** Append "0000:00:18.1  1022:1441 0600  conventional         NAME" and a line end. @param lead  stands
 * before, in 16 columns */
void group_words_row(const struct topology *topology, const char *lead, uint32_t id, struct text_buffer *out);

#endif
