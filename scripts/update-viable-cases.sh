#!/bin/sh
# SPDX-License-Identifier: MIT
# Write the files of tests/cases/viable anew: run the command of each first line, keep what it prints and its status.
# To add a case: a file with that one line. Usage: scripts/update-viable-cases.sh [PROGRAM]
set -u
cd "$(dirname "$0")/.." || exit 1
program=${1:-build/iommusim}
for file in tests/cases/viable/*.txt; do
    command=$(head -n 1 "$file")
    arguments=${command#\$ iommusim }
    {
        echo "$command"
        eval "$program $arguments" 2>&1
        echo "exit $?"
    } > "$file.new"
    mv "$file.new" "$file"
done
