#!/bin/sh
# SPDX-License-Identifier: MIT
# Pin what `iommusim diff` prints for each line of arguments in tests/cases/diff/*.args now, and its exit status. Look at
# the difference before committing it.
set -eu
program=$(realpath "${1:-build/iommusim}")
cd "$(dirname "$0")/.."
for file in tests/cases/diff/*.args; do
    status=0
    eval "\"$program\" diff $(cat "$file")" > "${file%.args}.expected" 2>&1 || status=$?
    echo "exit status $status" >> "${file%.args}.expected"
done
