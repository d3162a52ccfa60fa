/* SPDX-License-Identifier: MIT */
/**
 * @file junit_check.h
 * JUnit XML held against what CI systems take: the elements, attributes and counts of the schema of Jenkins'
 * xUnit plug-in (junit-10.xsd), as far as this program uses them.
 */
#ifndef IOMMUSIM_TESTS_UNIT_JUNIT_CHECK_H
#define IOMMUSIM_TESTS_UNIT_JUNIT_CHECK_H

/** A test assertion fails where @p text is no valid document. @return its number of failures */
int junit_check(const char *text);

#endif
