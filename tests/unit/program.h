/* SPDX-License-Identifier: MIT */
/**
 * @file program.h
 * The program from outside, in a folder of its own.
 */
#ifndef IOMMUSIM_TEST_PROGRAM_H
#define IOMMUSIM_TEST_PROGRAM_H

/** Make the folder, remove it: fixtures. */
void program_setup(void);
void program_teardown(void);

/** Put a file into the folder. */
void program_write_file(const char *name, const char *text);

/** Run `iommusim ARGUMENTS` in the folder. @param status  its exit status @return what it printed on standard
 * output; free it */
char *program_run(const char *arguments, int *status);

/** The folder's path. */
const char *program_folder(void);

/** The program's path, in full; free it. */
char *program_path(void);

/** Run a shell line in the folder, "iommusim" standing for the program. @return standard output and error
 * together; free it */
char *program_shell(const char *line, int *status);

/** Run a shell line that must end with @p status and say @p words. */
void program_expect(const char *line, int status, const char *words);

#endif
