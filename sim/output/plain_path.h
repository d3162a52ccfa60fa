/* SPDX-License-Identifier: MIT */
/**
 * @file plain_path.h
 * Paths as other programs want to read them.
 */
#ifndef IOMMUSIM_OUTPUT_PLAIN_PATH_H
#define IOMMUSIM_OUTPUT_PLAIN_PATH_H

/** @p path without "." and, where a name stands before it, ".." ("workloads/../topologies/m.json" is
 * "topologies/m.json"), as RFC 3986 section 5.2.4 has it; links are not followed. @return malloc'ed */
char *plain_path(const char *path);

#endif
