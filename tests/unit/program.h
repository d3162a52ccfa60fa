/* SPDX-License-Identifier: MIT */
/**
 * @file program.h
 * The program from outside, in a folder of its own.
 */
#ifndef IOMMUSIM_TEST_PROGRAM_H
#define IOMMUSIM_TEST_PROGRAM_H

/** Make the folder, remove it: unchecked fixtures. */
void program_setup(void);
void program_teardown(void);

/** Put a file into the folder. */
void program_write_file(const char *name, const char *text);

/** Run `iommusim ARGUMENTS` in the folder. @param status  its exit status @return what it printed on standard
 * output; free it */
char *program_run(const char *arguments, int *status);

#endif
