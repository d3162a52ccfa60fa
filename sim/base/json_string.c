/* SPDX-License-Identifier: MIT */
#include "sim/base/json_string.h"

#include <string.h>

static unsigned hex4(const char *at)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static void push_point(struct json_bytes *bytes, unsigned point)
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    bytes->pending_at = 0;
    bytes->pending_count = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (unsigned i = bytes->pending_count; i-- > 1; point >>= 6)
        bytes->pending[i] = (char)(0x80U | (point & 0x3fU));
    bytes->pending[0] = (char)(lead[bytes->pending_count] | point);
}

int json_bytes_next(struct json_bytes *bytes)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    if (bytes->pending_at < bytes->pending_count)
        return (unsigned char)bytes->pending[bytes->pending_at++];
    char c = *bytes->at++;
    if (c == '"')
        return -1;
    if (c != '\\')
        return (unsigned char)c;
    c = *bytes->at++;
    const char *letter = strchr(from, c);
    if (c != 'u')
        return letter ? to[letter - from] : (unsigned char)c;
    unsigned point = hex4(bytes->at);
    bytes->at += 4;
    if (point >= 0xd800 && point <= 0xdbff) { /* a pair of surrogates: \uXXXX\uXXXX */
        point = 0x10000U + ((point & 0x3ffU) << 10) + (hex4(bytes->at + 2) & 0x3ffU);
        bytes->at += 6;
    }
    push_point(bytes, point);
    return (unsigned char)bytes->pending[bytes->pending_at++];
}
