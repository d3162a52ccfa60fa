/* SPDX-License-Identifier: MIT */
/**
 * @file isolation_guess.h
 * Isolation of functions whose capabilities a dump hides (lspci run without root, a kernel log).
 *
 * Three policies. The table is the likely answer: by id as seen on published machines (isolation_seen.def),
 * else by family (isolation_families.def). The other two bound it from both sides.
 */
#ifndef IOMMUSIM_ANALYSIS_ISOLATION_GUESS_H
#define IOMMUSIM_ANALYSIS_ISOLATION_GUESS_H

#include "sim/topology/topology.h"

/** What to assume of functions that the input does not show. */
enum isolation_policy {
    ISOLATION_TABLE,       /**< what functions of their id or family do */
    ISOLATION_PESSIMISTIC, /**< they do not isolate (no ACS capability, chipset workarounds failed) */
    ISOLATION_OPTIMISTIC,  /**< they isolate */
};

/** What an assumption rests on. */
enum isolation_ground {
    ISOLATION_BY_NAME,   /**< the dump names the capability without its bits: the kernel will have set them */
    ISOLATION_BY_ID,     /**< the id was seen on published machines; @c apart and @c together count them */
    ISOLATION_BY_FAMILY, /**< @c family */
    ISOLATION_BY_NOTHING, /**< nothing is known of its id: not isolated */
    ISOLATION_BY_POLICY,  /**< the user said so */
};

struct isolation_guess {
    bool isolated;
    enum isolation_ground ground;
    const char *family;             /**< ISOLATION_BY_FAMILY: what it is, else NULL */
    uint16_t apart, together;       /**< ISOLATION_BY_ID: ports (functions) seen so */
    uint16_t with_acs, without_acs; /**< ISOLATION_BY_ID: full dumps with and without the capability */
};

/** True where the input could not show whether @p function has ACS, so that an answer must be assumed. */
bool isolation_hidden(const struct pci_function *function);

/** Assume an answer for a function with hidden capabilities. */
struct isolation_guess isolation_guess(const struct topology *topology, const struct pci_function *function,
                                       enum isolation_policy policy);

enum { ISOLATION_GROUND_TEXT = 160 };
/** What a guess rests on, as a clause, e.g. "its id was seen apart 21 times, together 0 times".
 * @param text  at least ISOLATION_GROUND_TEXT bytes @return text */
char *isolation_ground_print(char *text, const struct isolation_guess *guess);

/** A stable word for a ground, for JSON: "named", "id", "family", "nothing", "policy". Never NULL. */
const char *isolation_ground_name(enum isolation_ground ground);

/** The word on the command line: "table", "pessimistic", "optimistic". Never NULL. */
const char *isolation_policy_name(enum isolation_policy policy);

/** Parse such a word; false leaves @p policy untouched. */
bool isolation_policy_parse(const char *text, enum isolation_policy *policy);

#endif
