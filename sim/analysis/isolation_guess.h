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
    ISOLATION_BY_ID,     /**< most of the published machines that have its id show it so */
    ISOLATION_BY_FAMILY, /**< @c family */
    ISOLATION_BY_NOTHING, /**< nothing is known of its id: not isolated */
    ISOLATION_BY_POLICY,  /**< the user said so */
};

struct isolation_guess {
    bool isolated;
    enum isolation_ground ground;
    const char *family;                    /**< ISOLATION_BY_FAMILY: what it is, else NULL */
    const char *source;                    /**< ISOLATION_BY_FAMILY: what says so, in words */
    uint16_t isolated_on, not_isolated_on; /**< ISOLATION_BY_ID: machines that show it so */
    uint16_t dumps_isolated, dumps_not;    /**< ISOLATION_BY_ID: functions in full dumps of other machines */
};

/** True where the input could not show whether @p function has ACS, so that an answer must be assumed. */
bool isolation_hidden(const struct pci_function *function);

/**
 * Assume an answer for a function with hidden capabilities.
 *
 * By id the majority counts: each published machine has one vote, all other full dumps together one, and the
 * family one unless it is all that a vendor makes. Where the votes are equal the family decides.
 *
 * @param left_out  label (isolation_machines.def) of a machine that has no vote, "*" for all and the dumps:
 *                  so the table is measured on machines that it holds; NULL: all vote
 */
struct isolation_guess isolation_guess(const struct topology *topology, const struct pci_function *function,
                                       enum isolation_policy policy, const char *left_out);

/** The label of the published machine @p name in isolation_machines.def, also for "NAME-2", a second dump of
 * its model; NULL where it is none of them. */
const char *isolation_machine_label(const char *name);

/** True where its grounds do not all point one way: the id was seen both ways, or nothing is known. */
bool isolation_contested(const struct isolation_guess *guess);

enum { ISOLATION_GROUND_TEXT = 160 };
/** What a guess rests on, as a clause, e.g. "its id isolates on 7 of 8 machines seen".
 * @param text  at least ISOLATION_GROUND_TEXT bytes @return text */
char *isolation_ground_print(char *text, const struct isolation_guess *guess);

/** A stable word for a ground, for JSON: "named", "id", "family", "nothing", "policy". Never NULL. */
const char *isolation_ground_name(enum isolation_ground ground);

/** The word on the command line: "table", "pessimistic", "optimistic". Never NULL. */
const char *isolation_policy_name(enum isolation_policy policy);

/** Parse such a word; false leaves @p policy untouched. */
bool isolation_policy_parse(const char *text, enum isolation_policy *policy);

#endif
