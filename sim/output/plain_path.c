/* SPDX-License-Identifier: MIT */
#include "sim/output/plain_path.h"

#include "sim/base/arena.h"

#include <stdbool.h>
#include <string.h>

/* Does the path so far, of @p length bytes, end in a name that ".." takes back? */
static bool ends_in_name(const char *path, size_t length)
{
    if (length == 0 || path[length - 1] != '/')
        return false;
    size_t start = length - 1;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return start < length - 1 && strncmp(path + start, "../", 3) != 0;
}

char *plain_path(const char *path)
{
    char *plain = memory_alloc(strlen(path) + 1);
    size_t length = 0;
    for (const char *at = path; *at;) {
        size_t part = strcspn(at, "/");
        size_t whole = part + (at[part] == '/');
        if (part == 2 && strncmp(at, "..", 2) == 0 && ends_in_name(plain, length)) {
            length--;
            while (length > 0 && plain[length - 1] != '/')
                length--;
        } else if (!(part == 1 && *at == '.' && whole == 2)) {
            memcpy(plain + length, at, whole);
            length += whole;
        }
        at += whole;
    }
    plain[length] = '\0';
    return plain;
}
