/* SPDX-License-Identifier: MIT */
/**
 * @file result.h
 * What a run has to say: who asked for what, and the simulation that answered. The writers (result_json.h,
 * result_text.h) only read it.
 */
#ifndef IOMMUSIM_OUTPUT_RESULT_H
#define IOMMUSIM_OUTPUT_RESULT_H

#include "sim/input/scenario.h"
#include "sim/machine/simulation.h"
#include "sim/output/reach_report.h"

/** Hash of all sources a simulated result depends on, hexadecimal; made by the build. */
extern const char model_version[];

/** A file that went into the run. */
struct result_input {
    const char *path; /**< as the user named it; of several all with " + " between; NULL: there was none */
    const char *hash; /**< XXH3-128 in hexadecimal; NULL: not known (standard input, part of another file) */
};

struct result {
    const char *name; /**< of the scenario; may be NULL */
    struct result_input scenario, topology, workload;
    struct machine_files topology_files; /**< where the topology is merged from several */
    struct result_input *traces;         /**< [stream]; path NULL for generators */
    const struct scenario_override *overrides;
    uint32_t override_count;
    enum iommu_choice iommu;
    const char *cmdline;                 /**< in place of the topology's; NULL: the topology's own */
    const struct simulation *simulation; /**< has run */
    bool interrupted;
    unsigned sections; /**< bit a enum result_section */
};

/** Is an open loop offered more than gets through? */
bool result_overloaded(const struct result *result);

/** Counts of operations over all streams. */
struct result_totals {
    uint64_t completed, failed, unfinished, retried;
    uint64_t timeouts; /**< reads whose completion was lost on its way */
    uint64_t faults;   /**< requests the units refused */
};
struct result_totals result_totals(const struct result *result);

/** Is a pair observed in the run a leak? Where the turn was made by a function whose vendor says that it
 * makes none, REACH_VOUCHED: the simulated one is more cautious. */
enum reach_leak result_peer_leak(const struct result *result, const struct observed_peer *peer);

/** Pairs of different groups (REACH_LEAK) between which untranslated requests arrived during the run. */
uint32_t result_observed_leaks(const struct result *result);

/* ---- arithmetic the writers share: whole numbers only, so that every machine prints the same ---- */

/** amount x 10^12 / elapsed_ps, rounded to nearest: a rate a second. 0 where no time passed. */
uint64_t result_rate(uint64_t amount, uint64_t elapsed_ps);

enum { RATIO_TEXT_SIZE = 32 };
/** part / whole with up to six decimals, rounded to nearest, no trailing zeros: "0.987654", "1", "0".
 * "null" where whole is 0. @return text */
char *ratio_print(char *text, __uint128_t part, __uint128_t whole);

enum { WIDE_TEXT_SIZE = 48 };
/** Decimal digits of a 128-bit number. @return text */
char *wide_print(char *text, __uint128_t value);

/** Time during which units, links, memory and queues were counted (machine_measured_from_ps()). */
uint64_t measured_ps(const struct result *result);

/** The picoseconds the walkers of unit @p unit were busy, together. */
__uint128_t unit_walker_busy_ps(const struct result *result, uint32_t unit);

/** The picoseconds all walkers of unit @p unit could have worked. */
__uint128_t unit_walker_time_ps(const struct result *result, uint32_t unit);

/** A name for unit @p unit, of the topology or made up: "unit0". @param text at least 24 bytes @return text
 * or the topology's */
const char *unit_label(const struct result *result, uint32_t unit, char *text);

/** XXH3-128 of a file, in hexadecimal, as a malloc'ed string; NULL where it cannot be read. */
char *result_hash_file(const char *path);

#endif
