/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_words.h
 * The statements of `lspci -v...` text: which key starts which, and the functions that take their words.
 * Split over lspci_resource_words.c (what every function has) and lspci_capability_words.c (capabilities).
 */
#ifndef IOMMUSIM_INPUT_LSPCI_WORDS_H
#define IOMMUSIM_INPUT_LSPCI_WORDS_H

#include "sim/input/lspci_text_reader.h"

/** Hexadecimal or decimal number that is the whole word but for trailing punctuation. */
bool word_number(struct slice word, unsigned base, uint64_t *value);

/** For a word like "BusMaster+": true where it is @p name with a sign; @p on tells which. */
bool word_flag(struct slice word, const char *name, bool *on);

void words_of_control(struct lspci_text *text, struct slice word);
void words_of_flags(struct lspci_text *text, struct slice word);
void words_of_bus(struct lspci_text *text, struct slice word);
void words_of_window(struct lspci_text *text, struct slice word);
void words_of_region(struct lspci_text *text, struct slice word);
void words_of_subsystem(struct lspci_text *text, struct slice word);
void words_of_driver(struct lspci_text *text, struct slice word);
void words_of_group(struct lspci_text *text, struct slice word);
void words_of_numa(struct lspci_text *text, struct slice word);

void words_of_devcap(struct lspci_text *text, struct slice word);
void words_of_afcap(struct lspci_text *text, struct slice word);
void words_of_atscap(struct lspci_text *text, struct slice word);
void words_of_page_requests(struct lspci_text *text, struct slice word);
void words_of_pasidcap(struct lspci_text *text, struct slice word);
void words_of_devctl(struct lspci_text *text, struct slice word);
void words_of_lnkcap(struct lspci_text *text, struct slice word);
void words_of_lnksta(struct lspci_text *text, struct slice word);
void words_of_devctl2(struct lspci_text *text, struct slice word);
void words_of_atomiccap(struct lspci_text *text, struct slice word);
void words_of_atomicctl(struct lspci_text *text, struct slice word);
void words_of_acscap(struct lspci_text *text, struct slice word);
void words_of_acsctl(struct lspci_text *text, struct slice word);
void words_of_aricap(struct lspci_text *text, struct slice word);
void words_of_atsctl(struct lspci_text *text, struct slice word);
void words_of_iovctl(struct lspci_text *text, struct slice word);
void words_of_vf_counts(struct lspci_text *text, struct slice word);
void words_of_vf_offset(struct lspci_text *text, struct slice word);

/** The rest of a "Capabilities:" line. */
void capability_line(struct lspci_text *text, struct slice rest);

#endif
