/* SPDX-License-Identifier: MIT */
/**
 * @file oracle_case.h
 * A machine whose groups are known: what may be known to predict them, and the truth kept apart.
 */
#ifndef IOMMUSIM_TESTS_ORACLE_CASE_H
#define IOMMUSIM_TESTS_ORACLE_CASE_H

#include "sim/analysis/iommu_groups.h"
#include "sim/input/machine_input.h"

struct oracle_case {
    struct machine_input *input;
    struct group_options options; /**< what is known beside the dump; strings owned by the case */
    char *cmdline;
    char *truth;   /**< lines "GROUP ADDRESS" */
    char *ignore;  /**< addresses that may have a group or not, blank separated; NULL: none */
    bool complete; /**< functions the truth does not list had no group */
    char *problem; /**< why it cannot be asked, in words; NULL where it can */
};

/** A constructed machine: case.json, lspci.txt, groups.txt in @p folder. */
struct oracle_case oracle_case_constructed(const char *folder);

/** A real machine: groups.txt and the first of lspci.txt, dmesg-pci.txt, devices.tsv (as a listing of groups
 * prints it) in @p folder. */
struct oracle_case oracle_case_real(const char *folder);

/** A real machine as plain lspci -nn lists it: of devices.tsv addresses, classes and ids only. */
struct oracle_case oracle_case_plain(const char *folder);

/** The same machine as Linux 5.9 grouped it: groups-5.9.txt is the truth. */
struct oracle_case oracle_case_linux_5_9(const char *folder);

/** A carried machine: @p path .json and .groups */
struct oracle_case oracle_case_carried(const char *path);

/**
 * Predict: form the groups under @p policy with what the input says of them forgotten, then state the truth
 * in the topology for group_agreement(). @param left_out  see isolation_guess()
 * @return groups; free with iommu_groups_free()
 */
struct iommu_groups *oracle_case_predict(struct oracle_case *oracle, enum isolation_policy policy,
                                         const char *left_out);

/** Names in @p folder that begin with @p prefix and end with @p suffix, sorted and without the suffix;
 * folders only where the suffix is empty. @return for oracle_case_names_free() */
char **oracle_case_names(const char *folder, const char *prefix, const char *suffix, size_t *count);
void oracle_case_names_free(char **names, size_t count);

/** A whole file, the caller's to free; NULL where it cannot be read. @param name  appended to @p folder */
char *oracle_read_file(const char *folder, const char *name);

void oracle_case_fini(struct oracle_case *oracle);

#endif
