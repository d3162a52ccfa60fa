/* SPDX-License-Identifier: MIT */
#include "sim/input/byte_stream.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { CHUNK = 1 << 18 };

struct byte_stream {
    char *name;
    int file;
    uint64_t bytes_read, bytes_total;
    bool file_ended;
    ZSTD_DCtx *decompressor; /* NULL: plain */
    bool in_frame;           /* a frame has begun and not ended */
    size_t filled, taken;    /* of raw */
    char raw[CHUNK];
};

/* Magic numbers of a zstd frame and of its skippable frames (RFC 8878, 3.1). */
static bool is_zstd(const char *bytes, size_t length)
{
    static const unsigned char frame[4] = {0x28, 0xb5, 0x2f, 0xfd}, skippable[3] = {0x2a, 0x4d, 0x18};
    return length >= 4 && (memcmp(bytes, frame, 4) == 0 || (((unsigned char)bytes[0] & 0xf0) == 0x50 &&
                                                            memcmp(bytes + 1, skippable, 3) == 0));
}

/* Read from the file until @p wanted bytes are there or it ends. */
static int fill(struct byte_stream *stream, char *bytes, size_t room, size_t wanted, size_t *filled,
                struct diagnostics *diagnostics)
{
    while (!stream->file_ended && *filled < wanted) {
        ssize_t got = read(stream->file, bytes + *filled, room - *filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            const struct source_text source = {stream->name, NULL, 0};
            diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL,
                               "file-read", "cannot read: %s", strerror(errno));
            return STATUS_FILE_READ;
        }
        stream->file_ended = got == 0;
        stream->bytes_read += (uint64_t)got;
        *filled += (size_t)got;
    }
    return 0;
}

int byte_stream_open(const char *path, struct byte_stream **result, struct diagnostics *diagnostics)
{
    const struct source_text source = {path, NULL, 0};
    bool standard_input = strcmp(path, "-") == 0;
    int file = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat status = {0};
    if (file < 0) {
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, "file-open",
                           "cannot open: %s", strerror(errno));
        return STATUS_FILE_OPEN;
    }
    struct byte_stream *stream = memory_alloc(sizeof(*stream));
    stream->name = memory_string(path);
    stream->file = file;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode))
        stream->bytes_total = (uint64_t)status.st_size;
    int failed = fill(stream, stream->raw, CHUNK, 4, &stream->filled, diagnostics);
    if (failed) {
        byte_stream_close(stream);
        return failed;
    }
    if (is_zstd(stream->raw, stream->filled)) {
        stream->decompressor = ZSTD_createDCtx();
        if (!stream->decompressor)
            abort(); /* as for any other exhaustion of memory */
    }
    *result = stream;
    return 0;
}

static long read_plain(struct byte_stream *stream, char *bytes, size_t size, struct diagnostics *diagnostics)
{
    size_t filled = stream->filled - stream->taken;
    if (filled) { /* what was read to recognise the kind */
        filled = filled < size ? filled : size;
        memcpy(bytes, stream->raw + stream->taken, filled);
        stream->taken += filled;
        return (long)filled;
    }
    int status = fill(stream, bytes, size, 1, &filled, diagnostics);
    return status < 0 ? status : (long)filled;
}

static long damaged(const struct byte_stream *stream, struct diagnostics *diagnostics, const char *code,
                    const char *what)
{
    const struct source_text source = {stream->name, NULL, 0};
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, code,
                       "zstd-compressed data %s", what);
    return STATUS_BAD_INPUT;
}

static long read_compressed(struct byte_stream *stream, char *bytes, size_t size,
                            struct diagnostics *diagnostics)
{
    ZSTD_outBuffer out = {bytes, size, 0};
    while (out.pos == 0) {
        if (stream->taken == stream->filled) {
            stream->taken = stream->filled = 0;
            int status = fill(stream, stream->raw, CHUNK, 1, &stream->filled, diagnostics);
            if (status < 0)
                return status;
        }
        ZSTD_inBuffer in = {stream->raw, stream->filled, stream->taken};
        if (in.size == in.pos && !stream->in_frame)
            return 0;
        size_t left = ZSTD_decompressStream(stream->decompressor, &out, &in);
        if (ZSTD_isError(left)) {
            char what[160];
            snprintf(what, sizeof(what), "are damaged: %s", ZSTD_getErrorName(left));
            return damaged(stream, diagnostics, "compressed-damaged", what);
        }
        bool ended = stream->file_ended && in.pos == in.size && stream->filled == 0;
        stream->taken = in.pos;
        stream->in_frame = left != 0;
        if (ended && stream->in_frame && out.pos == 0)
            return damaged(stream, diagnostics, "compressed-truncated",
                           "end in the middle of a frame: the file is truncated");
    }
    return (long)out.pos;
}

long byte_stream_read(struct byte_stream *stream, char *bytes, size_t size, struct diagnostics *diagnostics)
{
    return stream->decompressor ? read_compressed(stream, bytes, size, diagnostics)
                                : read_plain(stream, bytes, size, diagnostics);
}

void byte_stream_position(const struct byte_stream *stream, uint64_t *bytes_read, uint64_t *bytes_total)
{
    *bytes_read = stream->bytes_read;
    *bytes_total = stream->bytes_total;
}

void byte_stream_close(struct byte_stream *stream)
{
    if (!stream)
        return;
    if (stream->file != STDIN_FILENO)
        close(stream->file);
    ZSTD_freeDCtx(stream->decompressor);
    free(stream->name);
    free(stream);
}
