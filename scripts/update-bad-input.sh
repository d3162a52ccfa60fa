#!/bin/sh
# SPDX-License-Identifier: MIT
# Pin what `iommusim validate` says about each file of tests/cases/bad-input now. Look at the difference before
# committing it: these texts are a promise.
set -eu
program=$(realpath "${1:-build/iommusim}")
cd "$(dirname "$0")/../tests/cases/bad-input"
for file in *.json *.txt; do
    if "$program" validate "$file" 2> "${file%.*}.expected"; then
        echo "$file: taken without complaint" >&2
        exit 1
    fi
done
