/* SPDX-License-Identifier: MIT */
/**
 * @file status.h
 * What a function that can fail for reasons outside the user's input returns: 0 or one of these negative
 * numbers. The numbers are grouped by tens and never change meaning. The exit status of the program follows
 * from the group.
 */
#ifndef IOMMUSIM_BASE_STATUS_H
#define IOMMUSIM_BASE_STATUS_H

enum status {
    STATUS_OK = 0,
    STATUS_BAD_INPUT = -10,   /**< a diagnostic says what is wrong: exit 2 */
    STATUS_BAD_USAGE = -11,   /**< the command line is wrong: exit 2 */
    STATUS_FILE_OPEN = -20,   /**< a file cannot be opened: exit 3 */
    STATUS_FILE_READ = -21,   /**< reading failed midway: exit 3 */
    STATUS_FILE_WRITE = -22,  /**< writing, syncing or renaming failed: exit 3 */
    STATUS_MEMORY = -30,      /**< out of memory: exit 3 */
    STATUS_LIMIT = -31,       /**< a stated limit of the program was passed: exit 3 */
    STATUS_INTERRUPTED = -40, /**< the user pressed Ctrl-C: exit 130 */
    STATUS_INTERNAL = -50,    /**< a bug in iommusim: exit 70 */
};

/** Exit status of the program for @p status (an enum status or 0): 0, 2, 3, 70 or 130. */
int status_exit_code(int status);

/** Short English text of @p status, for messages. Never NULL. */
const char *status_text(int status);

#endif
