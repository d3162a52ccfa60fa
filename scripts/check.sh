#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make check` runs after the build. Every part reports itself and the seconds it took, all once more at the end; the first
# failure stops with its exit status.
set -eu
cd "$(dirname "$0")/.."
build=$1
name= times=

# End the part under way and begin the next one; without a name: only end it.
part() {
    if [ -n "$name" ]; then
        took=$(($(date +%s) - began))
        printf '(%d s)\n' "$took"
        times="$times$(printf '%6d s  %s' "$took" "$name")
"
    fi
    name=${1-}
    began=$(date +%s)
    if [ -n "$name" ]; then printf '\n== %s\n' "$name"; fi
}

trap 'status=$?; part; printf "\n== where the time went\n%s" "$times"; exit $status' EXIT

part 'floors: who may include whom'
scripts/floors.sh
echo 'fine'

part 'format'
if command -v clang-format >/dev/null 2>&1; then
    find sim models tests -name '*.[ch]' | sort | xargs clang-format --dry-run -Werror
    echo 'fine'
else
    echo 'FAILED: clang-format is missing (scripts/setup.sh installs it)' >&2
    exit 1
fi

part 'demo'
scripts/demo.sh "$build/iommusim" >"$build/demo.out"
tail -n 3 "$build/demo.out"

part 'the reference machines against their golden results'
"$build/iommusim" check results 2>"$build/regress.err" || { cat "$build/regress.err" >&2; exit 1; }

part 'unit, property, oracle and end-to-end tests under AddressSanitizer and UndefinedBehaviorSanitizer'
# The plain search over 10,000 machines runs without the sanitizers, below; here fewer of the same do.
IOMMUSIM_MACHINES=1500 make --no-print-directory -j"$(nproc)" sanitize

part 'unit, property, oracle and end-to-end tests'
make --no-print-directory -j"$(nproc)" unit

part 'a study on a real Slurm, with a node and the controller dying'
scripts/check-slurm.sh "$build/iommusim"

if [ -n "$(git status --porcelain 2>/dev/null)" ] && [ "${CI:-}" = true ]; then
    git status --short
    echo 'FAILED: the tests left something behind in the work tree' >&2
    exit 1
fi
