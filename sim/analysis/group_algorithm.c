/* SPDX-License-Identifier: MIT */
#include "sim/analysis/group_algorithm.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
    [GROUP_ALGORITHM_LINUX] = "linux",
    [GROUP_ALGORITHM_LINUX_5_9] = "linux-5.9",
    [GROUP_ALGORITHM_ACS_REWORK_V3] = "acs-rework-v3",
};

const char *group_algorithm_name(enum group_algorithm algorithm)
{
    return names[algorithm];
}

bool group_algorithm_parse(const char *text, enum group_algorithm *algorithm)
{
    static const char prefix[] = "linux-";
    if (strcmp(text, "linux-acs-rework-v3") == 0)
        text += sizeof(prefix) - 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *algorithm = (enum group_algorithm)i;
            return true;
        }
    }
    return false;
}
