/* SPDX-License-Identifier: MIT */
#include "tests/validation/validation.h"
void table_peer_copies(struct validation *validation)
{
    (void)validation;
}
