/* SPDX-License-Identifier: MIT */
/**
 * @file result_store.h
 * Results of points in a folder, by key: FOLDER/points/ab/KEY.json. Each file appears whole (written beside,
 * synced, renamed), so whoever is killed when leaves what is there right; two who write the same key write
 * the same bytes.
 *
 * The first line of a file is a header, an object with format "iommusim-point/1" ("iommusim-failed-point/1"),
 * the key, the hash of all that follows, and the inputs in canonical form; then comes the result document
 * (or the reason of the failure).
 */
#ifndef IOMMUSIM_BATCH_RESULT_STORE_H
#define IOMMUSIM_BATCH_RESULT_STORE_H

#include "sim/base/diagnostic.h"
#include "sim/base/text_buffer.h"

#include <stdint.h>

enum stored_state {
    STORED_NOTHING,
    STORED_RESULT,
    STORED_FAILURE, /**< the point crashed, passed a limit, or its inputs are wrong */
    STORED_DAMAGED, /**< a file that is not what its header says: counts as nothing, is replaced */
};

/**
 * Read what is there for a key.
 * @param body  gets what follows the header of a result or failure; may be NULL
 */
enum stored_state result_store_read(const char *folder, const char *key, struct text_buffer *body);

/**
 * Write a result, or a failure in its place (a result of the key takes a failure away, not the other way).
 * @param inputs  canonical text
 * @return 0, STATUS_FILE_OPEN or STATUS_FILE_WRITE after a diagnostic
 */
int result_store_write(const char *folder, const char *key, enum stored_state state, const char *inputs,
                       const struct text_buffer *body, struct diagnostics *diagnostics);

/** Remove the failure of a key, if there is one. */
void result_store_forget_failure(const char *folder, const char *key);

/** Make the folders. @return 0, or STATUS_FILE_WRITE after a diagnostic */
int result_store_make(const char *folder, struct diagnostics *diagnostics);

/** Results in the folder, whatever they are of. Failures are not counted. */
uint64_t result_store_count(const char *folder);

/** Remove what writers that were killed left behind. Only while nobody writes. */
void result_store_clean(const char *folder);

#endif
