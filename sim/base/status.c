/* SPDX-License-Identifier: MIT */
#include "sim/base/status.h"

int status_exit_code(int status)
{
    if (status >= 0)
        return 0;
    if (status > -20)
        return 2;
    if (status > -40)
        return 3;
    return status > -50 ? 130 : 70;
}

const char *status_text(int status)
{
    switch (status) {
    case STATUS_OK:
        return "fine";
    case STATUS_BAD_INPUT:
        return "bad input";
    case STATUS_BAD_USAGE:
        return "bad usage";
    case STATUS_FILE_OPEN:
        return "cannot open the file";
    case STATUS_FILE_READ:
        return "cannot read the file";
    case STATUS_FILE_WRITE:
        return "cannot write the file";
    case STATUS_MEMORY:
        return "out of memory";
    case STATUS_LIMIT:
        return "a limit was passed";
    case STATUS_INTERRUPTED:
        return "interrupted";
    default:
        return "internal error";
    }
}
