/* SPDX-License-Identifier: MIT */
/**
 * @file point_key.h
 * What a point is: a hash over everything its result depends on. Equal keys mean equal results, so a result
 * that is there under its key need not be computed again, whichever study asks.
 *
 * The hash (XXH3-128) is over a canonical text: the model version (any change of the models makes old results
 * unreachable: better computed again than wrong), the contents (not the names) of topology,
 * workload, traces and presets, the overrides in order, kernel command line, IOMMU, seed and the parts of the
 * result that are kept.
 */
#ifndef IOMMUSIM_BATCH_POINT_KEY_H
#define IOMMUSIM_BATCH_POINT_KEY_H

#include "sim/base/text_buffer.h"
#include "sim/input/study.h"
#include "sim/output/result.h"

enum { POINT_KEY_SIZE = 33 }; /**< 32 hexadecimal digits and NUL */

/** Content hashes of the files a study names, each read once. */
struct input_hashes;
struct input_hashes *input_hashes_new(void);
void input_hashes_free(struct input_hashes *hashes);

/**
 * Has a file changed since it was hashed? Told by device, inode, size and time of modification. Ask after
 * simulating: a result of other contents must not be filed under the key of these.
 * @return its path, valid as long as @p hashes; NULL where none has
 */
const char *input_hashes_changed(const struct input_hashes *hashes);

/**
 * The canonical text of a point, a JSON object on one line.
 * @param scenario  from study_point_scenario(), its sections set
 * @return 0, or STATUS_FILE_READ after a diagnostic where a file it names cannot be read
 */
int point_inputs_print(struct input_hashes *hashes, const struct scenario *scenario, struct text_buffer *out,
                       struct diagnostics *diagnostics);

/** The key of a canonical text. */
void point_key_of(const struct text_buffer *inputs, char key[POINT_KEY_SIZE]);

#endif
