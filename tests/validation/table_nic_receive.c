/* SPDX-License-Identifier: MIT */
#include "tests/validation/validation.h"
void table_nic_receive(struct validation *validation)
{
    (void)validation;
}
