/* SPDX-License-Identifier: MIT */
/**
 * @file acs_wish_words.h
 * ACS bits in the words that set them: the kernel's command line for the next boot, setpci for a running
 * machine.
 */
#ifndef IOMMUSIM_ANALYSIS_ACS_WISH_WORDS_H
#define IOMMUSIM_ANALYSIS_ACS_WISH_WORDS_H

#include "sim/analysis/acs_wish.h"

/** Why the kernel has no words. */
enum acs_words_obstacle {
    ACS_WORDS_FOUND,
    ACS_WORDS_ENHANCED, /**< config_acs= knows no bits of ACS Enhanced (the rework of 2025 would) */
    ACS_WORDS_DWORD, /**< an Intel port whose control stands elsewhere: config_acs= only clears redirects */
};

struct acs_words {
    enum acs_words_obstacle obstacle;
    uint32_t obstacle_id;   /**< the function it is about; NONE */
    const char *parameter;  /**< "pci=config_acs=1011001@0000:02:00.0;...": all changed functions, and before
                               them nothing; what the machine's own config_acs= says follows. NULL where there
                               is  an obstacle or nothing to change */
    const char *cmdline;    /**< the machine's command line with @c parameter behind it */
    const char *clear_only; /**< "pci=disable_acs_redir=..." for kernels without config_acs=, where clearing
                               redirects is all that is asked; else NULL */
};

/**
 * The words for a granted wish.
 * @param cmdline  the command line @p groups were formed with ("" where none)
 * @param arena    for the strings
 */
struct acs_words acs_wish_words(struct arena *arena, const struct iommu_groups *groups,
                                const struct acs_wish_answer *answer, const char *cmdline);

/** "setpci -s 0000:02:00.0 ECAP_ACS+6.w=0010:0014": the changed bits of one function. @return malloc'ed */
char *acs_wish_setpci(const struct iommu_groups *groups, const struct acs_wish_answer *answer,
                      uint32_t function_id);

/** The bits by lspci's names, "ReqRedir, CmpltRedir". @param text  ACS_BITS_TEXT bytes @return text */
enum { ACS_BITS_TEXT = 140 };
char *acs_bits_print(char *text, uint16_t bits);

#endif
