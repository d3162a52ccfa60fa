/* SPDX-License-Identifier: MIT */
/**
 * @file text_encoding.h
 * UTF-16 to UTF-8. Windows writes UTF-16 into what the ">" of PowerShell names; editors and version control
 * sometimes take its byte order mark off.
 */
#ifndef IOMMUSIM_INPUT_TEXT_ENCODING_H
#define IOMMUSIM_INPUT_TEXT_ENCODING_H

#include <stddef.h>
#include <stdint.h>

/** Write @p code (a Unicode scalar value) as UTF-8, at most four bytes. @return past its last byte */
char *utf8_put(char *out, uint32_t code);

enum text_encoding {
    TEXT_BYTES, /**< UTF-8, or whatever it is: left as it is */
    TEXT_UTF16_LE,
    TEXT_UTF16_BE,
};

/** The encoding by the byte order mark, or without one by where the zero bytes of ASCII characters are.
 * @param mark  set to the length of the byte order mark */
enum text_encoding text_encoding_of(const char *text, size_t length, size_t *mark);

/** UTF-16 as UTF-8, on the heap and NUL-terminated beyond @p result. Lone surrogates become the replacement
 * character; half a unit at the end is dropped. */
char *text_from_utf16(const char *text, size_t length, enum text_encoding encoding, size_t *result);

#endif
