/* SPDX-License-Identifier: MIT */
/* Is a text a SARIF 2.1.0 log, as far as our writer goes? */
#ifndef IOMMUSIM_TESTS_SARIF_CHECK_H
#define IOMMUSIM_TESTS_SARIF_CHECK_H

/**
 * Check @p text against the parts of the official schema that describe what sarif.h writes: required members,
 * their types and ranges, no members the schema does not have, and what the standard demands beyond it (rule
 * indexes that point at the rule named, ids of related places that differ, relative URIs). Fails the test.
 * @return number of results
 */
int sarif_check(const char *text);

#endif
